/* Tells the judges about the table of calls: each row and parameter as JSON (ops table), and a request of
 * each with its required parameters, with all of them, and with each word a parameter may be (ops
 * requests), in the form of the simulator's request log. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "op_sample.h"

static const char *const kinds[] = { "", "ct", "vm" };

/* ---- the table ---- */

static const char *type_name(enum pm_param_type type)
{
	static const char *const names[] = { [PM_P_TEXT] = "text",
		[PM_P_INT] = "int",
		[PM_P_BOOL] = "bool",
		[PM_P_VMID] = "vmid",
		[PM_P_NODE] = "node",
		[PM_P_STORAGE] = "storage",
		[PM_P_VOLID] = "volid",
		[PM_P_UPID] = "upid",
		[PM_P_NAME] = "name",
		[PM_P_ID] = "id",
		[PM_P_POOL] = "pool",
		[PM_P_SIZE] = "size",
		[PM_P_BYTES] = "bytes",
		[PM_P_URL] = "url",
		[PM_P_FILE] = "file" };

	return names[type];
}

static void write_param(struct pm_jwrite *w, const struct pm_param *p, enum pm_guest_type guest)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "name", p->name);
	pm_jw_str(w, "key", pm_param_key(p, guest));
	pm_jw_str(w, "type", type_name(p->type));
	pm_jw_bool(w, "required", p->flags & PM_P_REQUIRED);
	pm_jw_bool(w, "path", p->flags & PM_P_PATH);
	pm_jw_bool(w, "ours", p->flags & PM_P_OURS);
	pm_jw_bool(w, "found", p->flags & PM_P_FOUND);
	pm_jw_bool(w, "many", p->flags & PM_P_MANY);
	pm_jw_int(w, "min", p->min);
	pm_jw_int(w, "max", p->max);
	pm_jw_bool(w, "unbounded", p->max == INT64_MAX);
	pm_jw_str(w, "choices", p->choices);
	pm_jw_str(w, "default", p->def);
	pm_jw_object_end(w);
}

static void write_row(struct pm_jwrite *w, enum pm_op_id id, enum pm_guest_type guest)
{
	static const char *const answers[] = { "none", "value", "list", "task" };
	const struct pm_op *op = pm_op(id);

	pm_jw_object(w, NULL);
	pm_jw_str(w, "id", pm_op_name(id));
	pm_jw_str(w, "noun", op->noun ? op->noun : kinds[guest]);
	pm_jw_str(w, "verb", op->verb);
	pm_jw_str(w, "kind", kinds[guest]);
	pm_jw_str(w, "method", op->method);
	pm_jw_str(w, "path", op->path);
	pm_jw_str(w, "operation", op->operation);
	pm_jw_str(w, "answer", answers[op->answer]);
	pm_jw_bool(w, "any_keys", op->any_keys);
	pm_jw_array(w, "params");
	for (const struct pm_param *p = op->params; p->name; p++) {
		if (pm_sample_has(p, guest))
			write_param(w, p, guest);
	}
	pm_jw_array_end(w);
	pm_jw_object_end(w);
}

/* ---- requests ---- */

struct request {
	struct pm_op_arg v[64];
	size_t n;
};

static void print_request(enum pm_op_id id, enum pm_guest_type guest, const struct request *q)
{
	const struct pm_op_ask ask = { .op = id, .guest = guest, .v = q->v, .n = q->n };
	cleanup_buf struct pm_buf path = PM_BUF(0), form = PM_BUF(0), line = PM_BUF(0);
	const struct pm_op *op = pm_op(id);
	bool body = strcmp(op->method, "POST") == 0 || strcmp(op->method, "PUT") == 0;
	struct pm_jwrite w = { .out = &line };
	struct pm_error err;

	pm_buf_adds(&path, "/api2/json");
	if (pm_op_encode(&ask, &path, &form, &err) < 0) {
		fprintf(stderr, "%s: %s\n", pm_op_name(id), err.msg);
		printf("{\"method\":\"NONE\",\"path\":\"/%s\"}\n", pm_op_name(id));
		return;
	}
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "method", op->method);
	pm_jw_str(&w, "path", pm_buf_str(&path));
	pm_jw_str(&w, "query", body ? NULL : pm_buf_str(&form));
	pm_jw_str(&w, "body", body ? pm_buf_str(&form) : NULL);
	pm_jw_str(&w, "content_type", body ? "application/x-www-form-urlencoded" : NULL);
	pm_jw_object_end(&w);
	puts(pm_buf_str(&line));
}

static void add(struct request *q, const char *name, const char *value)
{
	q->v[q->n++] = (struct pm_op_arg){ name, value };
}

/* Keys of PVE's own that a create or a change needs. */
static void add_own(struct request *q, enum pm_op_id id, enum pm_guest_type guest)
{
	if (!pm_op(id)->any_keys)
		return;
	add(q, "memory", "512");
	add(q, "description", "a;b=c&d+e \xc3\xa4");
	add(q, "net0", guest == PM_CT ? "name=eth0,bridge=vmbr0" : "virtio,bridge=vmbr0");
	if (id == PM_OP_GUEST_CREATE && guest == PM_CT)
		add(q, "ostemplate", "local:vztmpl/debian-13.tar.zst");
}

static void print_row(enum pm_op_id id, enum pm_guest_type guest)
{
	struct request few = { .n = 0 }, all = { .n = 0 };
	const struct pm_param *params = pm_op(id)->params;

	add_own(&few, id, guest);
	add_own(&all, id, guest);
	for (const struct pm_param *p = params; p->name; p++) {
		if (!pm_sample_has(p, guest))
			continue;
		/* A free number and a node are looked up before anything is sent. */
		if (p->flags & (PM_P_REQUIRED | PM_P_FOUND))
			add(&few, p->name, pm_sample(id, p, guest));
		/* Its words are null in the schema, which pve-schema-check cannot read. */
		if (strcmp(p->name, "compression") != 0)
			add(&all, p->name, pm_sample(id, p, guest));
	}
	print_request(id, guest, &few);
	print_request(id, guest, &all);
	for (const struct pm_param *p = params; p->name; p++) {
		const char *s = p->choices;
		size_t at = all.n;

		for (size_t i = 0; i < all.n; i++)
			at = strcmp(all.v[i].name, p->name) == 0 ? i : at;
		while (s && *s && at < all.n && !(p->flags & PM_P_OURS)) {
			char one[64];

			(void)snprintf(one, sizeof(one), "%.*s", (int)strcspn(s, " "), s);
			all.v[at].value = one;
			print_request(id, guest, &all);
			s += strcspn(s, " ");
			s += *s == ' ';
			all.v[at].value = pm_sample(id, p, guest);
		}
	}
}

int main(int argc, char **argv)
{
	bool table = argc > 1 && strcmp(argv[1], "table") == 0;
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_array(&w, NULL);
	for (unsigned i = 0; i < PM_OP_MAX; i++) {
		for (int guest = PM_NO_GUEST; guest <= PM_VM; guest++) {
			if (!pm_sample_kind(pm_op((enum pm_op_id)i), (enum pm_guest_type)guest))
				continue;
			if (table)
				write_row(&w, (enum pm_op_id)i, (enum pm_guest_type)guest);
			else
				print_row((enum pm_op_id)i, (enum pm_guest_type)guest);
		}
	}
	pm_jw_array_end(&w);
	if (table)
		puts(pm_buf_str(&out));
	return 0;
}
