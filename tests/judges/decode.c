/* Replays PVE's recordings through the client: each recorded answer to a call of the table is what the
 * transport says when that call is made. A good answer must become the value, list or task that the row
 * promises; an error must become the error that a table of texts says, and none of a generic kind.
 * Usage: decode EXPECT RECORDING... */
#include <fcntl.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "op_sample.h"
#include "pve/op_priv.h"
#include "table.h"

/* ---- what is expected ---- */

/* A line of the table: the code of a text, perhaps only below a path. */
struct line {
	char *code, *path, *text;
	unsigned used;
};

struct judge {
	PM_VEC(struct line) lines;
	unsigned exchanges, calls, values, lists, tasks, done, errors, faults;
	unsigned code[PM_CODE_MAX];
};

static void take_line(void *arg, char *line)
{
	struct judge *x = arg;
	char *where = strchr(line, ' '), *what = where ? strchr(where + 1, ' ') : NULL;

	if (!what)
		return;
	*where++ = '\0';
	*what++ = '\0';
	pm_vec_push(&x->lines, ((struct line){ .code = pm_xstrdup(line),
				       .path = pm_xstrdup(where),
				       .text = pm_xstrdup(what) }));
}

static struct line *find_line(struct judge *x, const char *path, const char *text)
{
	for (size_t i = 0; i < x->lines.n; i++) {
		struct line *l = &x->lines.v[i];

		if ((strcmp(l->path, "-") == 0 || strstr(path, l->path)) && strstr(text, l->text)) {
			l->used++;
			return l;
		}
	}
	return NULL;
}

/* ---- one exchange ---- */

struct exchange {
	const char *file, *name, *method, *path, *reason;
	int status;
	const char *body; /* as it came */
	struct json_object *parsed;
};

static void fault(struct judge *x, const struct exchange *e, const char *what, const char *detail)
{
	x->faults++;
	printf("%s: %s: %s %s: %s%s%s\n", e->file, e->name, e->method, e->path, what,
		*detail ? ": " : "", detail);
}

/* ---- a transport that knows one answer ---- */

struct wire {
	struct pm_transport t;
	const struct exchange *now;
};

static void wire_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, PM_UNUSED struct pm_cancel *cancel)
{
	const struct exchange *e = ((struct wire *)t)->now;

	for (size_t i = 0; i < n; i++) {
		pm_buf_clear(&v[i]->body_in);
		v[i]->err.code = PM_OK;
		v[i]->status = e->status;
		(void)snprintf(v[i]->reason, sizeof(v[i]->reason), "%s", e->reason);
		(void)pm_buf_adds(&v[i]->body_in, e->body);
		if (done)
			(void)done(arg, v[i]);
	}
}

static void wire_free(PM_UNUSED struct pm_transport *t)
{
}

static const struct pm_transport_ops wire_ops = { wire_batch, wire_free };

/* Time goes on where somebody waits. */
static uint64_t now_ns = PM_S_NS;

static uint64_t clock_mono(PM_UNUSED void *self)
{
	return now_ns;
}

static int64_t clock_wall(PM_UNUSED void *self)
{
	return (int64_t)(now_ns / PM_MS_NS);
}

static int clock_wait(PM_UNUSED void *self, uint64_t ns, PM_UNUSED struct pm_cancel *cancel)
{
	now_ns += ns;
	return 0;
}

static const struct pm_clock test_clock = { NULL, clock_mono, clock_wall, clock_wait };

/* ---- which call it was ---- */

struct args {
	struct pm_op_arg v[PM_OP_MOST_PARAMS];
	char name[PM_OP_MOST_PARAMS][64], text[PM_OP_MOST_PARAMS][512];
	size_t n;
};

static void add(struct args *a, const char *name, const char *value, size_t n)
{
	(void)snprintf(a->text[a->n], sizeof(a->text[0]), "%.*s", (int)n, value);
	(void)snprintf(a->name[a->n], sizeof(a->name[0]), "%s", name);
	a->v[a->n] = (struct pm_op_arg){ a->name[a->n], a->text[a->n] };
	a->n++;
}

/* Does the path fit the row's? Takes what stands in its braces. */
static bool fits(const char *pattern, const char *path, enum pm_guest_type guest, struct args *a)
{
	while (*pattern && *pattern != '?') {
		const char *end = *pattern == '{' ? strchr(pattern, '}') : NULL;
		char name[64];
		size_t n;

		if (!end) {
			if (*pattern++ != *path++)
				return false;
			continue;
		}
		(void)snprintf(name, sizeof(name), "%.*s", (int)(end - pattern) - 1, pattern + 1);
		n = strcmp(name, "volid") == 0 ? strlen(path) : strcspn(path, "/");
		if (n == 0)
			return false;
		if (strcmp(name, "type") != 0)
			add(a, name, path, n);
		else if (strncmp(path, guest == PM_VM ? "qemu" : "lxc", n) != 0 || n < 3)
			return false;
		path += n;
		pattern = end + 1;
	}
	return *path == '\0';
}

static bool was_given(const struct args *a, const char *name)
{
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* What the row needs besides, so that the call is made; `own`: without the recorded names, which may be
 * ones that the client refuses to send. */
static void complete(enum pm_op_id id, enum pm_guest_type guest, struct args *a, bool own)
{
	const struct pm_op *op = pm_op(id);

	if (own)
		a->n = 0;
	for (const struct pm_param *p = op->params; p->name; p++) {
		const char *s = pm_sample(id, p, guest);

		if (p->flags & (PM_P_REQUIRED | PM_P_FOUND) && !was_given(a, p->name) &&
			pm_sample_has(p, guest))
			add(a, p->name, s, strlen(s));
	}
	if (op->any_keys)
		add(a, "memory", "512", 3);
}

/* ---- what became of it ---- */

static void judge_answer(struct judge *x, const struct exchange *e, const struct pm_op *op,
	const struct pm_op_answer *a)
{
	const char *text = json_object_is_type(a->data, json_type_string)
				   ? json_object_get_string(a->data)
				   : NULL;

	switch (op->answer) {
	case PM_OA_TASK:
		if (a->is_task)
			x->tasks++;
		else if (!a->data || (text && !pm_str_starts(text, "UPID:")))
			x->done++;
		else
			fault(x, e, "is neither a task nor done", text ? text : "");
		break;
	case PM_OA_LIST:
		if (!a->data || json_object_is_type(a->data, json_type_array))
			x->lists++;
		else
			fault(x, e, "is no list", "");
		break;
	case PM_OA_VALUE:
		if (a->data)
			x->values++;
		else
			fault(x, e, "has no value", "");
		break;
	case PM_OA_NONE:
		x->done++;
		break;
	}
	if (a->is_task && (!text || strcmp(text, a->task.upid) != 0 || !*a->task.node))
		fault(x, e, "is another task", a->task.upid);
}

/* One text of PVE: a line must say its code. */
static const char *judge_text(struct judge *x, const struct exchange *e, const char *text)
{
	struct line *l = find_line(x, e->path, text);

	if (!l) {
		fault(x, e, "no line of the table covers", text);
		return NULL;
	}
	if (e->status == 500 && !pm_fault_known(text) && !pm_json_get(e->parsed, "errors"))
		fault(x, e, "errors.def has no row for", text);
	return l->code;
}

static void judge_params(struct judge *x, const struct exchange *e, struct json_object *errors,
	const struct pm_fault *f)
{
	bool fine = false;

	json_object_object_foreach(errors, key, member)
	{
		const char *text = json_object_get_string(member);
		const char *code = judge_text(x, e, text ? text : "");

		(void)key;
		fine |= code && strcmp(code, pm_code_name(f->code)) == 0;
	}
	if (!fine)
		fault(x, e, "is of another code", pm_code_name(f->code));
	if (f->nparams != (unsigned)json_object_object_length(errors))
		fault(x, e, "lost a parameter", "");
}

static void judge_error(struct judge *x, const struct exchange *e, const struct pm_error *err,
	const struct pm_fault *f)
{
	const char *message = pm_json_str(e->parsed, "message");
	struct json_object *errors = pm_json_get(e->parsed, "errors");
	const char *code;

	x->errors++;
	x->code[err->code]++;
	if (f->code != err->code || f->status != e->status || !*f->path || !*f->method || !*f->host)
		fault(x, e, "was not taken apart", f->text);
	if (json_object_is_type(errors, json_type_object) &&
		json_object_object_length(errors) > 0) {
		judge_params(x, e, errors, f);
		return;
	}
	message = message && *message ? message : e->reason;
	code = judge_text(x, e, message);
	if (code && strcmp(code, pm_code_name(err->code)) != 0)
		fault(x, e, "is of another code", pm_code_name(err->code));
	if (strstr(message, "Permission check failed (/") && (!*f->privilege || !*f->acl_path))
		fault(x, e, "names no privilege", message);
	if (!*f->text)
		fault(x, e, "lost PVE's words", message);
}

static void judge_call(struct judge *x, const struct exchange *e, struct pm_pve *pve,
	enum pm_op_id id, enum pm_guest_type guest, struct args *args)
{
	PM_CLEANUP(pm_arena_freep) struct pm_arena *arena = pm_arena_new(0);
	struct pm_job job = { .arena = arena, .clock = &test_clock };
	struct pm_fault f;
	struct pm_op_ask ask = { .op = id, .guest = guest, .fresh = true, .fault = &f };
	struct pm_op_answer a;
	struct pm_error err;
	int r;

	pm_diags_init(&job.diags, arena);
	for (int own = 0; own < 2; own++) {
		complete(id, guest, args, own);
		ask.v = args->v;
		ask.n = args->n;
		r = pm_op_run(pve, &job, &ask, &a, &err);
		if (r == 0 || err.code != PM_E_USAGE)
			break;
	}
	x->calls++;
	if (r == 0 && e->status < 300)
		judge_answer(x, e, pm_op(id), &a);
	else if (r < 0 && e->status >= 400)
		judge_error(x, e, &err, &f);
	else
		fault(x, e, r < 0 ? "was refused" : "was believed", r < 0 ? err.msg : "");
	pm_op_answer_done(&a);
}

/* By its path of today, or that of older versions. */
static bool is_call(
	const struct pm_op *op, const struct exchange *e, enum pm_guest_type guest, struct args *a)
{
	if (strcmp(op->method, e->method) != 0 || !pm_sample_kind(op, guest))
		return false;
	if (fits(op->path, e->path, guest, a))
		return true;
	a->n = 0;
	return op->older && fits(op->older, e->path, guest, a);
}

/* All rows that the exchange could have been made by. */
static void judge_exchange(struct judge *x, const struct exchange *e, struct pm_pve *pve)
{
	bool judged = false;

	for (unsigned i = 0; i < PM_OP_MAX; i++) {
		const struct pm_op *op = pm_op((enum pm_op_id)i);

		for (int guest = PM_NO_GUEST; guest <= PM_VM; guest++) {
			struct args args = { .n = 0 };

			if (!is_call(op, e, (enum pm_guest_type)guest, &args))
				continue;
			judge_call(x, e, pve, (enum pm_op_id)i, (enum pm_guest_type)guest, &args);
			judged = true;
		}
	}
	x->exchanges += judged;
}

/* ---- recordings ---- */

static struct pm_pve *open_client(struct pm_arena *a, struct wire *w, struct pm_rec *cluster)
{
	static const char *const hosts[] = { "pve1" };
	struct pm_list *list = pm_new(a, struct pm_list);
	struct pm_secret_ref *secret = pm_new(a, struct pm_secret_ref);
	const struct pm_pve_opts o = { .cluster = cluster,
		.transport = &w->t,
		.clock = &test_clock,
		.seed = 7,
		.no_cache = true };
	struct pm_pve *pve = NULL;
	struct pm_error err;
	int r;

	*list = (struct pm_list){ .v = pm_new_n(a, const char *, 1), .n = 1 };
	list->v[0] = hosts[0];
	*secret = (struct pm_secret_ref){ .from = PM_SECRET_LITERAL, .text = "x" };
	cluster->val[PM_CLUSTER_NAME] = (struct pm_value){ .state = PM_SET, .u.s = "home" };
	cluster->val[PM_CLUSTER_HOSTS] = (struct pm_value){ .state = PM_SET, .u.list = list };
	cluster->val[PM_CLUSTER_TOKEN_ID] =
		(struct pm_value){ .state = PM_SET, .u.s = "ci@pve!gitops" };
	cluster->val[PM_CLUSTER_TOKEN_SECRET] =
		(struct pm_value){ .state = PM_SET, .u.secret = secret };
	r = pm_pve_open(&o, &pve, &err);
	pm_assert(r == 0);
	return pve;
}

/* A client of its own for each: nothing of one answer may colour the next. */
static void judge_one(struct judge *x, struct exchange *e)
{
	PM_CLEANUP(pm_arena_freep) struct pm_arena *a = pm_arena_new(0);
	struct wire w = { .t = { &wire_ops }, .now = e };
	struct pm_pve *pve = open_client(a, &w, pm_rec_new(a, &pm_kind_cluster));

	judge_exchange(x, e, pve);
	pm_pve_free(pve);
}

static void judge_entry(struct judge *x, const char *file, struct json_object *entry)
{
	struct json_object *req = pm_json_get(entry, "request"),
			   *res = pm_json_get(entry, "response"), *body = pm_json_get(res, "body");
	struct exchange e = { .file = file,
		.name = pm_json_str(entry, "name"),
		.method = pm_json_str(req, "method"),
		.path = pm_json_str(req, "path"),
		.reason = pm_json_str(res, "reason"),
		.status = (int)pm_json_int(res, "status", 0) };
	bool object = json_object_is_type(body, json_type_object);

	if (!e.method || !e.path || e.status < 200 || !pm_str_starts(e.path, API "/") ||
		(e.status < 300 && !object))
		return;
	e.path += strlen(API);
	e.name = e.name ? e.name : "";
	e.reason = e.reason ? e.reason : "";
	e.parsed = object ? body : NULL;
	e.body = object ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : "";
	judge_one(x, &e);
}

static int judge_file(struct judge *x, const char *path)
{
	PM_CLEANUP(pm_json_putp) struct json_object *list = NULL;
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const char *slash = strrchr(path, '/');
	struct pm_error err;

	if (pm_file_read(AT_FDCWD, path, (size_t)64 << 20, &text, &err) < 0 ||
		pm_json_parse(text.p, text.len, &list, &err) < 0) {
		fprintf(stderr, "%s: %s\n", path, err.msg);
		return -1;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++)
		judge_entry(x, slash ? slash + 1 : path, json_object_array_get_idx(list, i));
	return 0;
}

static void print_figures(const struct judge *x)
{
	printf("decode: %u exchanges as %u calls: %u values, %u lists, %u tasks, %u done, %u errors\n",
		x->exchanges, x->calls, x->values, x->lists, x->tasks, x->done, x->errors);
	printf("decode: errors by class:");
	for (unsigned i = 0; i < PM_CODE_MAX; i++) {
		if (x->code[i] > 0)
			printf(" %s %u", pm_code_name((enum pm_code)i), x->code[i]);
	}
	printf("\ndecode: %u faults\n", x->faults);
}

int main(int argc, char **argv)
{
	struct judge x = { .exchanges = 0 };
	int status = argc < 3 || table_read(argv[1], take_line, &x) < 0;

	for (int i = 2; i < argc && status == 0; i++)
		status = judge_file(&x, argv[i]) < 0;
	for (size_t i = 0; i < x.lines.n; i++) {
		struct line *l = &x.lines.v[i];

		if (l->used == 0 && status == 0) {
			printf("decode: nothing was recorded for: %s\n", l->text);
			x.faults++;
		}
		free(l->code);
		free(l->path);
		free(l->text);
	}
	pm_vec_done(&x.lines);
	print_figures(&x);
	return status || x.faults > 0 || x.exchanges == 0;
}
