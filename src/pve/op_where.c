/* What a call needs and the caller did not say: where a guest is, whose task or volume it is, and which
 * number is free. */
#include <json-c/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/op_priv.h"

/* ---- the node of a guest ---- */

static int read_rows(struct pm_pve *p, struct pm_job *j, const struct pm_op_request *r, bool fresh,
	struct json_object **ret, struct pm_error *err)
{
	const struct pm_pve_call c = { .method = "GET",
		.path = "/cluster/resources",
		.form = "type=vm",
		.cached = !fresh,
		.fault = r->ask->fault };

	return pm_pve_call(p, j, &c, ret, err);
}

static struct json_object *find_row(struct json_object *rows, int64_t vmid)
{
	for (size_t i = 0;
		json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows);
		i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (pm_json_int(row, "vmid", -1) == vmid)
			return row;
	}
	return NULL;
}

static int take_place(struct pm_op_request *r, const struct pm_place *place, struct pm_error *err)
{
	const char *vmid = pm_op_value(r, "vmid");

	if (place->vm != (r->guest == PM_VM))
		return pm_error_set(err, PM_E_USAGE,
			"%s is a %s; use \"podmox %s\" for it, not \"podmox %s\"", vmid,
			place->vm ? "virtual machine" : "container", place->vm ? "vm" : "ct",
			place->vm ? "ct" : "vm");
	pm_op_set_value(r, "node", place->node);
	return 0;
}

static int take_row(struct pm_op_request *r, struct json_object *row, struct pm_error *err)
{
	const char *type = pm_json_str(row, "type"), *node = pm_json_str(row, "node");
	struct pm_place place = { .vm = type && strcmp(type, "qemu") == 0 };

	if (!node || !*node)
		return pm_error_set(err, PM_E_PROTOCOL, "PVE lists guest %s without its node",
			pm_op_value(r, "vmid"));
	place.node = pm_arena_strdup(r->a, node);
	return take_place(r, &place, err);
}

static int find_guest(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r, bool fresh,
	struct pm_error *err)
{
	const char *vmid = pm_op_value(r, "vmid");
	struct pm_place place;
	int64_t number = 0;
	int code;

	code = pm_parse_int(vmid, 1, UINT32_MAX, &number);
	pm_assert(code == 0);
	/* What is of the other kind now may be this one's by the time of a new inventory. */
	if (!fresh && pm_places_find(p, (unsigned)number, r->a, &place) &&
		place.vm == (r->guest == PM_VM))
		return take_place(r, &place, err);
	for (;; fresh = true) {
		PM_CLEANUP(pm_json_putp) struct json_object *rows = NULL;
		struct json_object *row;

		code = read_rows(p, j, r, fresh, &rows, err);
		if (code < 0)
			return pm_error_wrap(err, "looking for the node of %s", vmid);
		pm_places_take(p, rows);
		row = find_row(rows, number);
		if (row)
			return take_row(r, row, err);
		if (fresh)
			return pm_error_set(err, PM_E_NOTFOUND,
				"there is no guest %s, or the account may not see it (privilege "
				"VM.Audit on /vms/%s)",
				vmid, vmid);
	}
}

/* ---- numbers ---- */

const char *pm_op_own_number(const struct pm_op_request *r)
{
	for (unsigned i = 0; r->op->params[i].name; i++) {
		const struct pm_param *p = &r->op->params[i];

		if (p->type == PM_P_VMID && p->flags & PM_P_FOUND && !r->value[i])
			return p->name;
	}
	return NULL;
}

int pm_op_next_number(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r, const char *name,
	struct pm_error *err)
{
	const struct pm_pve_call c = {
		.method = "GET", .path = "/cluster/nextid", .fault = r->ask->fault
	};
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	int64_t n;
	int code;

	code = pm_pve_send(p, j, &c, 0, &root, err);
	if (code < 0)
		return pm_error_wrap(err, "a free VMID");
	n = pm_json_int(root, "data", 0);
	if (n < 100 || n > 999999999)
		return pm_error_set(err, PM_E_PROTOCOL, "PVE offers no free VMID");
	pm_op_set_value(r, name, pm_arena_printf(r->a, "%lld", (long long)n));
	return 0;
}

/* ---- all of it ---- */

static bool is_missing(const struct pm_op_request *r, const char *name)
{
	const struct pm_param *p = pm_op_param(r->op, name);

	return p && p->flags & PM_P_FOUND && !pm_op_value(r, name);
}

int pm_op_look_up(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r, bool fresh,
	struct pm_error *err)
{
	const char *upid = pm_op_value(r, "upid"), *volid = pm_op_value(r, "volid"), *number;
	struct pm_task task;
	int code = 0;

	if (volid && is_missing(r, "storage"))
		pm_op_set_value(r, "storage", pm_arena_strndup(r->a, volid, strcspn(volid, ":")));
	if (is_missing(r, "node")) {
		if (upid && pm_task_parse(upid, &task))
			pm_op_set_value(r, "node", pm_arena_strdup(r->a, task.node));
		else if (upid)
			code = pm_error_set(err, PM_E_USAGE,
				"%s: upid: \"%.80s\" is no task of PVE", pm_op_words(r), upid);
		else
			code = find_guest(p, j, r, fresh, err);
	}
	number = pm_op_own_number(r);
	if (code == 0 && number)
		code = pm_op_next_number(p, j, r, number, err);
	return code;
}
