/* Every call of the table, one test each (call_GUEST_START): what it refuses, what it sends for whom, what
 * becomes of the answer, and every class of error that it can give, brought about. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "op_sample.h"
#include "pve/op_priv.h"

#define OWN_KEYS 1

struct call {
	enum pm_op_id id;
	const struct pm_op *op;
	enum pm_guest_type guest;
	struct pm_op_arg v[PM_OP_MOST_PARAMS + OWN_KEYS];
	size_t n;
};

static void add(struct call *c, const char *name, const char *value)
{
	c->v[c->n++] = (struct pm_op_arg){ name, value };
}

/* With all parameters, or with those that it needs. */
static void fill(struct call *c, bool all)
{
	c->n = 0;
	for (const struct pm_param *p = c->op->params; p->name; p++) {
		if (pm_sample_has(p, c->guest) && (all || p->flags & (PM_P_REQUIRED | PM_P_FOUND)))
			add(c, p->name, pm_sample(c->id, p, c->guest));
	}
	if (c->op->any_keys)
		add(c, "memory", "512");
}

static struct pm_op_ask ask_of(const struct call *c)
{
	return (struct pm_op_ask){ .op = c->id, .guest = c->guest, .v = c->v, .n = c->n };
}

static int try_encode(const struct call *c, struct pm_error *err)
{
	struct pm_op_ask ask = ask_of(c);
	struct pm_buf path = PM_BUF(0), form = PM_BUF(0);
	int r = pm_op_encode(&ask, &path, &form, err);

	pm_buf_done(&path);
	pm_buf_done(&form);
	return r;
}

/* ---- arguments ---- */

static const char *wrong(const struct pm_param *p)
{
	switch (p->type) {
	case PM_P_INT:
		return p->min > 0 ? "0" : "x";
	case PM_P_VMID:
		return "99";
	case PM_P_TEXT:
		return p->choices ? "none-of-these" : NULL;
	case PM_P_NAME:
		return "-x";
	case PM_P_FILE:
		return NULL;
	case PM_P_URL:
		return "ftp://x";
	default:
		return "../ x";
	}
}

static void refuses_bad_values(struct call *c)
{
	struct pm_error err;

	for (const struct pm_param *p = c->op->params; p->name; p++) {
		const char *bad = wrong(p);

		fill(c, false);
		if (!pm_sample_has(p, c->guest)) {
			add(c, p->name, pm_sample(c->id, p, c->guest));
			assert_err(try_encode(c, &err), PM_E_USAGE, &err, "only ");
			continue;
		}
		for (size_t i = 0; i < c->n; i++) {
			if (strcmp(c->v[i].name, p->name) == 0)
				c->v[i--] = c->v[--c->n];
		}
		add(c, p->name, "");
		if (p->type != PM_P_BOOL)
			assert_err(try_encode(c, &err), PM_E_USAGE, &err, p->name);
		if (!bad)
			continue;
		c->v[c->n - 1].value = bad;
		assert_err(try_encode(c, &err), PM_E_USAGE, &err, p->name);
	}
}

static void needs_what_it_needs(struct call *c)
{
	struct pm_error err;

	for (const struct pm_param *p = c->op->params; p->name; p++) {
		fill(c, false);
		for (size_t i = 0; i < c->n; i++) {
			if (strcmp(c->v[i].name, p->name) == 0)
				c->v[i--] = c->v[--c->n];
		}
		if (p->flags & PM_P_REQUIRED)
			assert_err(try_encode(c, &err), PM_E_USAGE, &err, p->name);
		else
			assert_ok(try_encode(c, &err), &err);
	}
	fill(c, false);
	add(c, "no such", "1");
	assert_err(try_encode(c, &err), PM_E_USAGE, &err, "no such");
}

/* ---- sending ---- */

/* What the fake answers to this call, and to nothing else. */
static void answer_with(struct client *cl, const struct call *c, struct pm_fake_rule *r)
{
	struct pm_op_ask ask = ask_of(c);
	struct pm_buf path = PM_BUF(0), form = PM_BUF(0);

	assert_ok(pm_op_encode(&ask, &path, &form, &cl->err), &cl->err);
	r->method = c->op->method;
	r->path = pm_arena_printf(cl->arena, "%s%s*", API, pm_buf_str(&path));
	pm_fake_add(cl->net, r);
	pm_buf_done(&path);
	pm_buf_done(&form);
}

static int run(struct client *cl, const struct call *c, struct pm_fault *f)
{
	struct pm_op_ask ask = ask_of(c);
	struct pm_op_answer a;
	int r;

	ask.fault = f;
	r = pm_op_run(cl->pve, &cl->job, &ask, &a, &cl->err);
	if (r == 0 && a.is_task)
		r = pm_task_wait(cl->pve, &cl->job, &a.task, &cl->err);
	pm_op_answer_done(&a);
	return r;
}

/* Every parameter stands in the path or the form, under PVE's key, once. */
static void sends_every_parameter(struct call *c)
{
	struct pm_buf path = PM_BUF(0), form = PM_BUF(0);
	struct pm_op_ask ask;
	struct pm_error err;

	fill(c, true);
	ask = ask_of(c);
	assert_ok(pm_op_encode(&ask, &path, &form, &err), &err);
	assert_null(strchr(pm_buf_str(&path), '{'));
	for (const struct pm_param *p = c->op->params; p->name; p++) {
		char key[80];
		bool sent;

		(void)snprintf(key, sizeof(key), "&%s=", pm_param_key(p, c->guest));
		pm_buf_clear(&path);
		pm_buf_addf(&path, "&%s", pm_buf_str(&form));
		sent = strstr(pm_buf_str(&path), key) != NULL;
		assert_int_equal(
			sent, pm_sample_has(p, c->guest) && !(p->flags & (PM_P_PATH | PM_P_OURS)));
	}
	pm_buf_done(&path);
	pm_buf_done(&form);
}

/* What is not given is not sent: the default is PVE's. */
static void leaves_defaults_to_pve(struct call *c)
{
	struct pm_buf path = PM_BUF(0), form = PM_BUF(0);
	struct pm_op_ask ask;
	struct pm_error err;

	fill(c, false);
	ask = ask_of(c);
	assert_ok(pm_op_encode(&ask, &path, &form, &err), &err);
	for (const struct pm_param *p = c->op->params; p->name; p++) {
		char key[80];

		(void)snprintf(key, sizeof(key), "%s=", pm_param_key(p, c->guest));
		if (!(p->flags & (PM_P_REQUIRED | PM_P_FOUND)) && p->def)
			assert_null(strstr(pm_buf_str(&form), key));
	}
	pm_buf_done(&path);
	pm_buf_done(&form);
}

static void takes_a_good_answer(struct call *c)
{
	static const char *const good[] = {
		[PM_OA_NONE] = "{\"data\":null}",
		[PM_OA_VALUE] = "{\"data\":{\"x\":1}}",
		[PM_OA_LIST] = "{\"data\":[]}",
		[PM_OA_TASK] = "{\"data\":\"" PM_SAMPLE_UPID "\"}",
	};
	struct pm_fake_rule r = { .body = good[c->op->answer] };
	struct pm_op_ask ask;
	struct pm_op_answer a;
	struct client cl;

	client_start_token(&cl, "pve1");
	fill(c, true);
	answer_with(&cl, c, &r);
	ask = ask_of(c);
	assert_ok(pm_op_run(cl.pve, &cl.job, &ask, &a, &cl.err), &cl.err);
	assert_int_equal(a.is_task, c->op->answer == PM_OA_TASK);
	assert_int_equal(json_object_is_type(a.data, json_type_array), c->op->answer == PM_OA_LIST);
	assert_int_equal(a.data != NULL, c->op->answer != PM_OA_NONE);
	pm_op_answer_done(&a);
	client_stop(&cl);
}

/* ---- errors ---- */

/* PVE's words for what the call speaks of. */
static const char *missing_text(const struct call *c)
{
	if (pm_op_param(c->op, "upid"))
		return "no such task";
	if (strncmp(c->op->path, "/pools", 6) == 0)
		return "update pools failed: pool 'p1/sub' does not exist";
	if (strstr(c->op->path, "{storage}"))
		return "storage 'local' does not exist";
	return "Configuration file 'nodes/pve1/lxc/105.conf' does not exist";
}

/* An answer that means this class; false: it comes about in another way. */
static bool bring_about(const struct call *c, enum pm_code code, struct pm_fake_rule *r)
{
	*r = (struct pm_fake_rule){ .status = 500 };
	switch (code) {
	case PM_E_AUTH:
		*r = (struct pm_fake_rule){ .status = 401, .reason = "Authentication failed!" };
		return true;
	case PM_E_PERMISSION:
		*r = (struct pm_fake_rule){ .status = 403,
			.reason = "Permission check failed (/vms/105, VM.Audit)" };
		return true;
	case PM_E_INVALID:
		*r = (struct pm_fake_rule){ .status = 400,
			.reason = "Parameter verification failed.",
			.body = "{\"errors\":{\"x\":\"value must have a minimum value of 1\"}}" };
		return true;
	case PM_E_NOTFOUND:
		r->reason = missing_text(c);
		return true;
	case PM_E_EXISTS:
		r->reason = "CT 105 already exists on node 'pve1'";
		return true;
	case PM_E_CONFLICT:
		r->reason =
			pm_op_param(c->op, "digest")
				? "detected modified configuration - file changed by other user?"
				: "unable to destroy CT 105 - container is running";
		return true;
	case PM_E_LOCKED:
		r->reason = "CT is locked (backup)";
		return true;
	case PM_E_REFUSED:
		r->reason = "can't remove CT 105 - protection mode enabled";
		return true;
	case PM_E_BUSY:
		r->reason = "cluster not ready - no quorum?";
		return true;
	case PM_E_UNREACHABLE:
		*r = (struct pm_fake_rule){ .status = 595, .reason = "Connection refused" };
		return true;
	case PM_E_UNSUPPORTED:
		*r = (struct pm_fake_rule){ .status = 501, .reason = "Method not implemented" };
		return true;
	case PM_E_TIMEOUT:
		*r = (struct pm_fake_rule){ .fail = PM_E_TIMEOUT, .maybe_sent = true };
		return true;
	case PM_E_PROTOCOL:
		*r = (struct pm_fake_rule){ .status = 200, .body = "<html>" };
		return true;
	case PM_E_TASK:
		*r = (struct pm_fake_rule){ .body = "{\"data\":\"" PM_SAMPLE_UPID "\"}" };
		return true;
	default:
		return false;
	}
}

static void gives_error(struct call *c, enum pm_code code)
{
	struct pm_fake_rule r;
	struct pm_fault f;
	struct client cl;

	if (!pm_op_can_fail(c->op, code) || !bring_about(c, code, &r))
		return;
	client_start_token(&cl, "pve1");
	fill(c, true);
	answer_with(&cl, c, &r);
	client_answer(&cl, "GET", "/nodes/pve1/tasks/*",
		"{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"it did not work\"}}");
	assert_err(run(&cl, c, &f), code, &cl.err, NULL);
	if (code != PM_E_TASK && code != PM_E_PROTOCOL && code != PM_E_TIMEOUT) {
		assert_int_equal(f.code, code);
		assert_int_equal(f.status, r.status);
	}
	client_stop(&cl);
}

/* What no host needs to say: more than PVE reads, and a file that is not there. */
static void fails_here(struct call *c)
{
	struct client cl;

	client_start_token(&cl, "pve1");
	fill(c, true);
	if (c->op->any_keys) {
		char *text = pm_arena_alloc(cl.arena, (size_t)600 << 10, 1);

		assert_true(pm_op_can_fail(c->op, PM_E_LIMIT));
		memset(text, 'x', ((size_t)600 << 10) - 1);
		c->v[c->n - 1].value = text;
		assert_err(run(&cl, c, NULL), PM_E_LIMIT, &cl.err, "512 KiB");
	}
	if (pm_op_param(c->op, "file")) {
		assert_true(pm_op_can_fail(c->op, PM_E_IO));
		for (size_t i = 0; i < c->n; i++) {
			if (strcmp(c->v[i].name, "file") == 0)
				c->v[i].value = "/nonexistent/debian.iso";
		}
		assert_err(run(&cl, c, NULL), PM_E_IO, &cl.err, "/nonexistent/debian.iso");
	}
	assert_int_equal(client_count(&cl, NULL, NULL), 0);
	client_stop(&cl);
}

static void is_cancelled(struct call *c)
{
	struct client cl;

	client_start_token(&cl, "pve1");
	fill(c, true);
	/* The wait before another attempt ends at once. */
	answer_with(&cl, c, &(struct pm_fake_rule){ .status = 595, .reason = "No route to host" });
	atomic_store(&cl.cancel.on, true);
	assert_err(run(&cl, c, NULL), PM_E_CANCELLED, &cl.err, NULL);
	client_stop(&cl);
}

/* Outside of the allow list: refused before anything is sent. */
static void is_refused_by_the_policy(struct call *c)
{
	static const char *const only[] = { "none-of-ours" };
	struct client cl;

	if (!c->op->operation)
		return;
	client_prepare(&cl, "pve1", true);
	cl.allow = (struct pm_list){ .v = (const char **)only, .n = 1 };
	client_open(&cl);
	fill(c, false);
	assert_err(run(&cl, c, NULL), PM_E_REFUSED, &cl.err, c->op->operation);
	/* Neither with what would have been looked up. */
	c->n = 0;
	for (const struct pm_param *p = c->op->params; p->name; p++) {
		if (p->flags & PM_P_REQUIRED)
			add(c, p->name, pm_sample(c->id, p, c->guest));
	}
	if (c->op->any_keys)
		add(c, "memory", "512");
	assert_err(run(&cl, c, NULL), PM_E_REFUSED, &cl.err, c->op->operation);
	assert_int_equal(client_count(&cl, NULL, NULL), 0);
	client_stop(&cl);
}

/* ---- all of it, for each call ---- */

static void check_call(enum pm_op_id id)
{
	unsigned kinds = 0;

	for (int guest = PM_NO_GUEST; guest <= PM_VM; guest++) {
		struct call c = { .id = id, .op = pm_op(id), .guest = (enum pm_guest_type)guest };

		if (!pm_sample_kind(c.op, c.guest))
			continue;
		kinds++;
		refuses_bad_values(&c);
		needs_what_it_needs(&c);
		sends_every_parameter(&c);
		leaves_defaults_to_pve(&c);
		takes_a_good_answer(&c);
		for (unsigned code = 1; code < PM_CODE_MAX; code++)
			gives_error(&c, (enum pm_code)code);
		fails_here(&c);
		is_cancelled(&c);
		is_refused_by_the_policy(&c);
	}
	assert_true(kinds > 0);
}

#define PM_OP(id, ...)                  \
	PM_TEST(call_##id)              \
	{                               \
		check_call(PM_OP_##id); \
	}
#include "pve/op.def"
#undef PM_OP
