/* Short ways to ask a simulated cluster; see sim_test.h. */
#include "sim_test.h"

#include <stdio.h>

#include "base/buf.h"

static struct answer last;

static void forget(void)
{
	pm_json_putp(&last.json);
	memset(&last, 0, sizeof(last));
}

static void take(const struct pm_sim_reply *r)
{
	struct pm_error err;

	last.status = r->status;
	last.fault = r->fault;
	last.retry_after_s = r->retry_after_s;
	(void)snprintf(last.reason, sizeof(last.reason), "%s", r->reason);
	(void)snprintf(last.text, sizeof(last.text), "%s", r->body ? r->body : "");
	if (r->nbody && !r->gzip && *r->body == '{')
		(void)!pm_json_parse(r->body, r->nbody, &last.json, &err);
}

static const struct answer *send(struct world *w, struct pm_sim_request *q, const char *path)
{
	cleanup_buf struct pm_buf target = PM_BUF(0);
	struct pm_sim_reply r;
	uint64_t start = w->clock.ns;

	forget();
	(void)pm_buf_addf(&target, "/api2/json%s", path);
	q->target = *path == '!' ? path + 1 : pm_buf_str(&target);
	pm_sim_call(w->sim, w->node, q, &r);
	take(&r);
	last.took_ns = w->clock.ns - start;
	pm_sim_reply_done(&r);
	return &last;
}

const struct answer *ask(struct world *w, const char *method, const char *path, const char *body)
{
	struct pm_sim_request q = { .method = method,
		.body = body,
		.nbody = body ? strlen(body) : 0,
		.content_type = body ? "application/x-www-form-urlencoded" : NULL,
		.cookie = w->cookie,
		.csrf = w->csrf };

	return send(w, &q, path);
}

const struct answer *ask_as(struct world *w, const char *authorization, const char *method,
	const char *path, const char *body)
{
	struct pm_sim_request q = { .method = method,
		.body = body,
		.nbody = body ? strlen(body) : 0,
		.content_type = body ? "application/x-www-form-urlencoded" : NULL,
		.authorization = *authorization ? authorization : NULL };

	return send(w, &q, path);
}

void world_open(struct world *w, struct pm_sim_options o)
{
	struct pm_error err;
	const struct answer *a;

	memset(w, 0, sizeof(*w));
	pm_test_clock_init(&w->clock);
	o.clock = &w->clock.clock;
	o.seed = o.seed ? o.seed : 1;
	assert_ok(pm_sim_new(&w->sim, &o, &err), &err);
	a = ask_as(w, "", "POST", "/access/ticket", "username=root%40pam&password=podmox-sim");
	assert_int_equal(a->status, 200);
	(void)snprintf(w->cookie, sizeof(w->cookie), "PVEAuthCookie=%s", data(a, "ticket"));
	(void)snprintf(w->csrf, sizeof(w->csrf), "%s", data(a, "CSRFPreventionToken"));
}

void world_close(struct world *w)
{
	pm_sim_free(w->sim);
	w->sim = NULL;
	forget();
}

const char *data(const struct answer *a, const char *key)
{
	const char *v = pm_json_str(pm_json_get(a->json, "data"), key);

	return v ? v : "";
}

const char *whole(const struct answer *a)
{
	struct json_object *d = pm_json_get(a->json, "data");

	return d ? json_object_get_string(d) : "";
}

const char *error_of(const struct answer *a, const char *key)
{
	const char *v = pm_json_str(pm_json_get(a->json, "errors"), key);

	return v ? v : "";
}

const char *run(struct world *w, const char *method, const char *path, const char *body)
{
	const struct answer *a = ask(w, method, path, body);
	char upid[200], status[300];

	if (a->status != 200)
		print_error("%s %s: %d %s\n", method, path, a->status, a->reason);
	assert_int_equal(a->status, 200);
	(void)snprintf(upid, sizeof(upid), "%s", whole(a));
	assert_has(upid, "UPID:");
	for (int i = 0; i < 1000; i++) {
		(void)snprintf(status, sizeof(status), "/nodes/%s/tasks/%s/status",
			pm_sim_node_name(w->sim, 0), upid);
		(void)snprintf(status, sizeof(status), "/nodes/%.*s/tasks/%s/status",
			(int)strcspn(upid + 5, ":"), upid + 5, upid);
		a = ask(w, "GET", status, NULL);
		assert_int_equal(a->status, 200);
		if (!strcmp(data(a, "status"), "stopped"))
			return data(a, "exitstatus");
		forward(w, 100);
	}
	fail_msg("the task of %s %s does not end", method, path);
	return NULL;
}

struct json_object *row_of(struct world *w, unsigned vmid)
{
	struct json_object *rows =
		pm_json_get(ask(w, "GET", "/cluster/resources?type=vm", NULL)->json, "data");

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (pm_json_int(row, "vmid", 0) == vmid)
			return row;
	}
	return NULL;
}

const char *pending(struct world *w, unsigned vmid, const char *key, const char *member)
{
	struct json_object *rows;
	char path[64];

	(void)snprintf(path, sizeof(path), "/nodes/pve1/lxc/%u/pending", vmid);
	rows = pm_json_get(ask(w, "GET", path, NULL)->json, "data");
	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *k = pm_json_str(row, "key");

		if (k && !strcmp(k, key))
			return pm_json_str(row, member) ? pm_json_str(row, member) : "";
	}
	return "";
}

void forward(struct world *w, uint64_t ms)
{
	(void)!pm_wait_ns(&w->clock.clock, ms * PM_MS_NS, NULL);
}

const char *control(struct world *w, const char *line)
{
	static char out[4096];

	(void)pm_sim_control(w->sim, line, out, sizeof(out));
	return out;
}
