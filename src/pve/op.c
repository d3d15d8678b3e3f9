/* The table of calls, and running one: what was checked is looked up, sent, and its answer taken apart. */
#include <errno.h>
#include <json-c/json.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/op_priv.h"

#define FORM_MOST    ((size_t)512 << 10) /* PVE reads no more */
#define NUMBERS_MOST 16                  /* free numbers that are tried when others are faster */

/* ---- the table ---- */

#define PARAMS(...) ((const struct pm_param[]){ __VA_ARGS__, { .name = NULL } })

static const struct pm_op ops[PM_OP_MAX] = {
#define PM_OP(id, n, v, k, m, p, o, a, i, any, c, d, ps, ...) \
	[PM_OP_##id] = { .noun = (n),                         \
		.verb = (v),                                  \
		.kind = (k),                                  \
		.method = (m),                                \
		.path = p,                                    \
		.operation = (o),                             \
		.answer = (a),                                \
		.idempotent = (i),                            \
		.any_keys = (any),                            \
		.params = ps,                                 \
		.columns = (c),                               \
		.doc = (d),                                   \
		##__VA_ARGS__ },
#include "pve/op.def"
#undef PM_OP
};

static const char *const names[PM_OP_MAX] = {
#define PM_OP(id, ...) [PM_OP_##id] = #id,
#include "pve/op.def"
#undef PM_OP
};

static const char *const nouns[] = { "ct", "vm", "node", "storage", "task", "cluster", "pool",
	NULL };

const struct pm_op *pm_op(enum pm_op_id id)
{
	pm_assert((unsigned)id < PM_OP_MAX);
	return &ops[id];
}

const char *pm_op_name(enum pm_op_id id)
{
	pm_assert((unsigned)id < PM_OP_MAX);
	return names[id];
}

const char *const *pm_op_nouns(void)
{
	return nouns;
}

/* Is it a call of that noun? */
static bool is_of(const struct pm_op *op, const char *noun, enum pm_guest_type *ret_guest)
{
	bool ct = strcmp(noun, "ct") == 0, vm = strcmp(noun, "vm") == 0;

	*ret_guest = ct ? PM_CT : (vm ? PM_VM : PM_NO_GUEST);
	switch (op->kind) {
	case PM_OK_BOTH:
		return ct || vm;
	case PM_OK_CT:
		return ct;
	case PM_OK_VM:
		return vm;
	case PM_OK_NONE:
		break;
	}
	return op->noun && strcmp(op->noun, noun) == 0;
}

enum pm_op_id pm_op_find(const char *noun, const char *verb, enum pm_guest_type *ret_guest)
{
	for (unsigned i = 0; noun && verb && i < PM_OP_MAX; i++) {
		if (is_of(&ops[i], noun, ret_guest) && strcmp(ops[i].verb, verb) == 0)
			return (enum pm_op_id)i;
	}
	*ret_guest = PM_NO_GUEST;
	return PM_OP_MAX;
}

size_t pm_op_verbs(const char *noun, const char **ret, size_t n)
{
	enum pm_guest_type guest;
	size_t found = 0;

	for (unsigned i = 0; i < PM_OP_MAX; i++) {
		if (!is_of(&ops[i], noun, &guest))
			continue;
		if (found < n)
			ret[found] = ops[i].verb;
		found++;
	}
	return found;
}

const struct pm_param *pm_op_param(const struct pm_op *op, const char *name)
{
	for (const struct pm_param *p = op->params; p->name; p++) {
		if (strcmp(p->name, name) == 0)
			return p;
	}
	return NULL;
}

const char *pm_param_key(const struct pm_param *p, enum pm_guest_type guest)
{
	if (guest == PM_VM && p->key_vm)
		return p->key_vm;
	return p->key ? p->key : p->name;
}

/* ---- sending ---- */

static void wipe(struct pm_buf *b)
{
	if (b->p)
		pm_wipe(b->p, b->cap);
	pm_buf_done(b);
}

/* A form may hold a password, and a buffer that grows leaves its old memory behind: room for all of it
 * from the start leaves nothing. */
static void reserve(struct pm_buf *b, const struct pm_op_ask *ask)
{
	size_t n = 4096;

	for (size_t i = 0; i < ask->n; i++) {
		n += strlen(ask->v[i].name) + 16;
		n += ask->v[i].value ? 3 * strlen(ask->v[i].value) : 1;
	}
	n = n < b->max ? n : b->max;
	b->p = pm_xcalloc(n, 1);
	b->cap = n;
}

/* With such an argument the same write twice does no harm. */
static bool is_safe(const struct pm_op_request *r)
{
	for (unsigned i = 0; r->op->params[i].name; i++) {
		const char *value = r->value[i];

		if (r->op->params[i].flags & PM_P_SAFE && value && *value != '+')
			return true;
	}
	return r->op->idempotent;
}

/* Whom it concerns, for the audit log: "ct/105", "storage/local", "volume/local:iso/debian.iso". */
static const char *object_of(const struct pm_op_request *r)
{
	static const char *const by[] = { "upid", "poolid", "storage" };
	const char *volid = pm_op_value(r, "volid"), *vmid = pm_op_value(r, "vmid");

	if (r->guest != PM_NO_GUEST)
		return pm_arena_printf(
			r->a, "%s/%s", r->guest == PM_CT ? "ct" : "vm", vmid ? vmid : "");
	if (volid)
		return pm_arena_printf(r->a, "volume/%s", volid);
	for (unsigned i = 0; i < PM_COUNT(by); i++) {
		const char *value = pm_op_value(r, by[i]);

		if (value)
			return pm_arena_printf(r->a, "%s/%s", r->op->noun, value);
	}
	return r->op->noun;
}

/* The file of a call that has one: its form is the fields before it. */
static int fill_upload(const struct pm_op_request *r, struct pm_upload *u, struct pm_error *err)
{
	const struct pm_param *params = r->op->params;
	struct pm_upload_field *fields = pm_new_n(r->a, struct pm_upload_field, PM_OP_MOST_PARAMS);
	const char *words = pm_op_words(r);

	u->path = pm_op_value(r, "file");
	if (access(u->path, R_OK) != 0)
		return pm_error_sys(err, errno, "%s: %s", words, u->path);
	u->filename = pm_op_value(r, "filename");
	u->field = "filename";
	u->fields = fields;
	for (unsigned i = 0; params[i].name; i++) {
		if (r->value[i] && !(params[i].flags & (PM_P_PATH | PM_P_OURS | PM_P_FOUND)))
			fields[u->nfields++] = (struct pm_upload_field){ .name = params[i].name,
				.value = r->value[i] };
	}
	return 0;
}

static int send_once(struct pm_pve *p, struct pm_job *j, const struct pm_op_request *r,
	struct json_object **ret, struct pm_error *err)
{
	PM_CLEANUP(wipe) struct pm_buf form = PM_BUF(FORM_MOST);
	cleanup_buf struct pm_buf path = PM_BUF(16384);
	struct pm_upload upload = { .path = NULL };
	const struct pm_op *op = r->op;
	struct pm_pve_call c = {
		.method = op->method,
		.node = pm_op_value(r, "node"),
		.operation = op->operation,
		.object = op->operation ? object_of(r) : NULL,
		.idempotent = is_safe(r),
		.cached = !op->operation && !r->ask->fresh,
		.fault = r->ask->fault,
	};

	reserve(&form, r->ask);
	pm_op_add_path(r, &path);
	pm_op_add_form(r, &form);
	if (form.full || path.full)
		return pm_error_set(err, PM_E_LIMIT,
			"%s: the parameters are too long; PVE takes at most 512 KiB in one request",
			pm_op_words(r));
	c.path = pm_buf_str(&path);
	c.form = pm_buf_str(&form);
	if (pm_op_value(r, "file")) {
		int code = fill_upload(r, &upload, err);

		if (code < 0)
			return code;
		c.upload = &upload;
		c.form = NULL;
	}
	return pm_pve_send(p, j, &c, 0, ret, err);
}

/* The guest is no longer where the inventory said. */
static bool has_moved(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r)
{
	const char *before = pm_op_value(r, "node"), *now;
	struct pm_error ignored;

	pm_op_set_value(r, "node", NULL);
	if (pm_op_look_up(p, j, r, true, &ignored) < 0)
		now = NULL;
	else
		now = pm_op_value(r, "node");
	if (now && strcmp(now, before) != 0)
		return true;
	pm_op_set_value(r, "node", before);
	return false;
}

static int send_and_follow_guest(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r,
	bool found, struct json_object **ret, struct pm_error *err)
{
	int code = send_once(p, j, r, ret, err);
	struct pm_error first;

	if (code == 0 || !found || err->code != PM_E_NOTFOUND || err->maybe_sent)
		return code;
	first = *err;
	if (has_moved(p, j, r))
		return send_once(p, j, r, ret, err);
	*err = first;
	return code;
}

/* Somebody else took the number first, and nothing was begun. */
static bool lost_race(const struct pm_error *err)
{
	return err->code == PM_E_EXISTS && err->http_status >= 400 && !err->maybe_sent;
}

/* Such a call looks nothing up: it is refused, and that is recorded, where all writes pass. */
static bool is_forbidden(const struct pm_pve *p, const struct pm_op *op)
{
	struct pm_error ignored;

	return op->operation && p->allow &&
	       pm_policy_check(p->allow->v, p->allow->n, op->operation, &ignored) < 0;
}

static int send_all(struct pm_pve *p, struct pm_job *j, struct pm_op_request *r,
	struct json_object **ret, struct pm_error *err)
{
	const struct pm_param *node = pm_op_param(r->op, "node");
	bool found = node && node->flags & PM_P_FOUND && !pm_op_value(r, "node") &&
		     pm_op_value(r, "vmid");
	const char *own = pm_op_own_number(r);
	int code = 0;

	/* A start on the node of yesterday is a task that fails: writes ask where the guest is now. */
	if (!is_forbidden(p, r->op))
		code = pm_op_look_up(p, j, r, r->op->operation || r->ask->fresh, err);
	for (unsigned n = 1; code == 0; n++) {
		code = send_and_follow_guest(p, j, r, found, ret, err);
		if (code == 0 || !own || n == NUMBERS_MOST || !lost_race(err))
			return code;
		code = pm_op_next_number(p, j, r, own, err);
	}
	return code;
}

/* ---- the answer ---- */

static bool row_is(struct json_object *row, const char *key, const char *value)
{
	const char *s = pm_json_str(row, key);

	return s && strcmp(s, value) == 0;
}

/* Lists of the whole cluster hold more than was asked for. */
static bool is_wanted(const struct pm_op_request *r, struct json_object *row)
{
	const struct pm_param *params = r->op->params;

	if (r->guest != PM_NO_GUEST && !row_is(row, "type", r->guest == PM_CT ? "lxc" : "qemu"))
		return false;
	for (unsigned i = 0; params[i].name; i++) {
		if (params[i].flags & PM_P_OURS && r->value[i] &&
			!row_is(row, params[i].name, r->value[i]))
			return false;
	}
	return true;
}

static bool needs_filter(const struct pm_op_request *r)
{
	return r->op->answer == PM_OA_LIST && pm_str_starts(r->op->path, "/cluster/resources?");
}

/* The answer may be the cache's: it is never changed. */
static struct json_object *filter(const struct pm_op_request *r, struct json_object *root)
{
	struct json_object *rows = pm_json_get(root, "data"), *kept = json_object_new_array(),
			   *made = json_object_new_object();

	pm_assert(kept && made);
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (is_wanted(r, row))
			(void)json_object_array_add(kept, json_object_get(row));
	}
	(void)json_object_object_add(made, "data", kept);
	json_object_put(root);
	return made;
}

/* Takes root. */
static int take_answer(struct pm_job *j, const struct pm_op_request *r, struct json_object *root,
	struct pm_op_answer *ret, struct pm_error *err)
{
	struct json_object *data = pm_json_get(root, "data");
	bool list = json_object_is_type(data, json_type_array);
	const char *own = r->op->operation && pm_op_param(r->op, "newid") ? "newid" : "vmid";
	const char *vmid = pm_op_value(r, own), *upid;
	int64_t number;

	if (r->op->answer == PM_OA_LIST && data && !list) {
		pm_json_putp(&root);
		return pm_error_set(err, PM_E_PROTOCOL,
			"%s: the answer is no list; does something stand in between?",
			pm_op_words(r));
	}
	if (list && needs_filter(r))
		root = filter(r, root);
	*ret = (struct pm_op_answer){ .root = root, .data = pm_json_get(root, "data") };
	if (vmid && r->guest != PM_NO_GUEST && pm_parse_int(vmid, 0, UINT32_MAX, &number) == 0)
		ret->vmid = (unsigned)number;
	/* Where PVE was done at once it answers null, or says "OK". */
	upid = r->op->answer == PM_OA_TASK ? pm_json_str(root, "data") : NULL;
	ret->is_task = upid && pm_task_parse(upid, &ret->task);
	if (ret->is_task && j->started)
		j->started(j->started_arg, upid);
	return 0;
}

/* PVE is too old for the call, or for a parameter that it names: which version is not. */
static void add_since(const struct pm_op_request *r, struct pm_error *err)
{
	cleanup_buf struct pm_buf what = PM_BUF(512);
	struct pm_error before = *err;

	if (r->op->since)
		pm_buf_addf(&what, "; the call came with PVE %s", r->op->since);
	for (unsigned i = 0; r->op->params[i].name; i++) {
		const struct pm_param *p = &r->op->params[i];

		if (p->since && r->value[i] && strstr(err->msg, pm_param_key(p, r->guest)))
			pm_buf_addf(&what, "; %s came with PVE %s", p->name, p->since);
	}
	if (what.len == 0)
		return;
	(void)pm_error_set(err, before.code, "%s%s", before.msg, pm_buf_str(&what));
	err->http_status = before.http_status;
	err->maybe_sent = before.maybe_sent;
	(void)pm_error_where(err, "%s", before.where);
}

int pm_op_run(struct pm_pve *p, struct pm_job *j, const struct pm_op_ask *ask,
	struct pm_op_answer *ret, struct pm_error *err)
{
	PM_CLEANUP(pm_arena_freep) struct pm_arena *a = pm_arena_new(4096);
	struct pm_op_request r = { .ask = ask, .a = a };
	struct json_object *root = NULL;
	int code;

	*ret = (struct pm_op_answer){ .root = NULL };
	if (ask->fault)
		*ask->fault = (struct pm_fault){ .code = PM_OK };
	code = pm_op_check(&r, err);
	if (code == 0) {
		code = send_all(p, j, &r, &root, err);
		/* 501: nothing was done. */
		if (code < 0 && r.op->older && err->http_status == 501) {
			r.older = true;
			code = send_all(p, j, &r, &root, err);
		}
		if (code < 0 && err->code == PM_E_UNSUPPORTED)
			add_since(&r, err);
	}
	if (code == 0) {
		code = take_answer(j, &r, root, ret, err);
		/* An attempt before the good one may have failed. */
		if (ask->fault)
			*ask->fault = (struct pm_fault){ .code = PM_OK };
	}
	return code;
}

void pm_op_answer_done(struct pm_op_answer *a)
{
	pm_json_putp(&a->root);
	*a = (struct pm_op_answer){ .root = NULL };
}
