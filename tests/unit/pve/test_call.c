/* One call: failover, retries, policy, audit, and what is no answer. */
#include <json-c/json.h>

#include "base/file.h"
#include "client.h"
#include "pve/op.h"

#include <fcntl.h>

#define GOOD "{\"data\":{\"a\":1}}"

static int send_write(struct client *c, bool idempotent)
{
	struct pm_pve_call call = { .method = "POST",
		.path = "/nodes/pve1/lxc",
		.form = "vmid=210&password=s3cret&net0=name%3Deth0",
		.operation = "create",
		.object = "Pod/shop/web",
		.idempotent = idempotent };

	c->err = (struct pm_error){ 0 };
	return pm_pve_call(c->pve, &c->job, &call, NULL, &c->err);
}

PM_TEST(data_of_an_answer_is_handed_out)
{
	PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;
	struct pm_pve_call call = { .method = "GET", .path = "/x", .form = "a=b%20c" };
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/x[?]a=b%20c", GOOD);
	assert_ok(pm_pve_call(c.pve, &c.job, &call, &data, &c.err), &c.err);
	assert_int_equal(pm_json_int(data, "a", 0), 1);
	client_stop(&c);
}

/* Who is asked after a failure: connect errors go on for any method, what may have been heard only where
 * it may be said twice. */
PM_TEST(failover_table)
{
	static const struct {
		const char *method;
		bool idempotent;
		enum pm_code code;
		bool maybe_sent;
		bool goes_on;
	} table[] = {
		{ "GET", false, PM_E_UNREACHABLE, false, true },
		{ "GET", false, PM_E_UNREACHABLE, true, true },
		{ "GET", false, PM_E_TIMEOUT, true, true },
		{ "GET", false, PM_E_AUTH, false, true }, /* a certificate we do not trust */
		{ "GET", false, PM_E_LIMIT, true, false },
		{ "POST", false, PM_E_UNREACHABLE, false, true },
		{ "POST", false, PM_E_UNREACHABLE, true, false },
		{ "POST", false, PM_E_TIMEOUT, true, false },
		{ "POST", false, PM_E_REFUSED, false, false }, /* a dry run */
		{ "PUT", true, PM_E_UNREACHABLE, true, true },
		{ "PUT", true, PM_E_TIMEOUT, true, true },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct pm_pve_call call = { .method = table[i].method,
			.path = "/x",
			.operation = "update",
			.idempotent = table[i].idempotent };
		struct client c;
		int r;

		client_start_token(&c, "a b");
		client_fail(&c, "a", "/x", table[i].code, table[i].maybe_sent);
		client_answer(&c, NULL, "/x", GOOD);
		r = pm_pve_call(c.pve, &c.job, &call, NULL, &c.err);
		if ((r == 0) != table[i].goes_on)
			fail_msg("row %zu: %d", i, r);
		if (!table[i].goes_on) {
			assert_int_equal(c.err.code, table[i].code);
			assert_int_equal(c.err.maybe_sent, table[i].maybe_sent);
			assert_int_equal(client_count(&c, NULL, "/x"), 1);
		}
		client_stop(&c);
	}
}

PM_TEST(the_next_call_does_not_ask_the_failed_host)
{
	struct client c;

	client_start_token(&c, "a b");
	client_fail(&c, "a", "/x", PM_E_UNREACHABLE, false);
	client_answer(&c, NULL, "/x", GOOD);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_string_equal(client_host(&c, 2, "GET", "/x"), "b");
	client_stop(&c);
}

PM_TEST(a_hop_concerns_the_node_it_leads_to)
{
	struct client c;

	client_start_token(&c, "a b");
	client_status(&c, "GET", "/nodes/pve2/x", 595, "Connection refused", "");
	client_answer(&c, "GET", "/y", GOOD);
	assert_err(client_get(&c, "/nodes/pve2/x"), PM_E_UNREACHABLE, &c.err,
		"node pve2 does not answer: Connection refused (595)");
	assert_ok(client_get(&c, "/y"), &c.err);
	/* Host a only told us; it is still the first. */
	assert_string_equal(client_host(&c, 0, "GET", "/y"), "a");
	/* Without a node in the path it is the host's own daemon that hangs. */
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "a",
				   .path = API "/z",
				   .status = 596,
				   .reason = "Connection timed out",
				   .body = "" });
	client_answer(&c, "GET", "/z", GOOD);
	assert_ok(client_get(&c, "/z"), &c.err);
	assert_string_equal(client_host(&c, 1, "GET", "/z"), "b");
	client_stop(&c);
}

PM_TEST(reads_are_tried_again)
{
	struct client c;

	client_start_token(&c, "a");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .path = API "/x",
				   .times = 2,
				   .status = 500,
				   .reason = "can't lock file '/x' - got timeout",
				   .body = "" });
	client_answer(&c, "GET", "/x", GOOD);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/x"), 3);
	assert_int_equal(atomic_load(&c.clock.waits), 2);
	client_stop(&c);
}

PM_TEST(a_read_ends_one_day)
{
	struct client c;

	client_start_token(&c, "a b");
	client_fail(&c, NULL, "/x", PM_E_UNREACHABLE, false);
	assert_err(client_get(&c, "/x"), PM_E_UNREACHABLE, &c.err, NULL);
	assert_int_equal(client_count(&c, "GET", "/x"), 6); /* three times two hosts */
	client_stop(&c);
}

PM_TEST(writes_are_tried_again_only_where_nothing_happened)
{
	static const struct {
		const char *reason;
		int status;
		size_t sent;
		bool maybe;
	} table[] = {
		{ "got no worker upid - start worker failed", 500, 5, false },
		{ "cfs-lock 'file-user_cfg' error: got lock request timeout", 500, 5, false },
		{ "Connection refused", 595, 3, false },
		{ "Connection timed out", 596, 1, true },
		{ "Broken pipe", 597, 1, true },
		{ "CT is locked (backup)", 500, 1, false }, /* exec waits for locks, and says so */
		{ "CT 210 already exists on node 'pve1'", 500, 1, false },
		{ "Permission check failed", 403, 1, false },
		{ "Gateway Timeout", 504, 1, true },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct client c;

		client_start_token(&c, "a b");
		client_status(&c, "POST", "/nodes/*", table[i].status, table[i].reason, "");
		assert_true(send_write(&c, false) < 0);
		if (client_count(&c, "POST", "/nodes/*") != table[i].sent ||
			c.err.maybe_sent != table[i].maybe)
			fail_msg("%s: sent %zu times, maybe %d", table[i].reason,
				client_count(&c, "POST", "/nodes/*"), c.err.maybe_sent);
		client_stop(&c);
	}
}

PM_TEST(what_is_no_answer_of_pve)
{
	static const struct {
		int status;
		const char *body, *says;
	} table[] = {
		{ 200, "", "is not the JSON" },
		{ 200, "{\"data\":", "is not the JSON" },
		{ 200, "[]", "is not the JSON" },
		{ 200, "{\"nodata\":1}", "is not the JSON" },
		{ 200, "<html></html>", "does something stand in between?" },
		{ 301, "", "asked by https?" },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct client c;

		client_start_token(&c, "a");
		client_status(&c, NULL, "/*", table[i].status, "OK", table[i].body);
		assert_err(client_get(&c, "/x"), PM_E_PROTOCOL, &c.err, table[i].says);
		assert_false(c.err.maybe_sent);
		/* A write whose answer is rubbish may well have happened. */
		assert_err(send_write(&c, false), PM_E_PROTOCOL, &c.err, table[i].says);
		assert_true(c.err.maybe_sent);
		client_stop(&c);
	}
}

PM_TEST(cancelling_ends_the_waiting)
{
	struct client c;

	client_start_token(&c, "a");
	client_status(&c, "GET", "/x", 503, "Unavailable", "");
	/* Far beyond the system's clock, which the transport looks at. */
	atomic_store(&c.cancel.deadline_ns, UINT64_MAX / 4);
	atomic_store(&c.clock.ns, UINT64_MAX / 4 - 1);
	assert_err(client_get(&c, "/x"), PM_E_CANCELLED, &c.err, "Unavailable");
	client_stop(&c);
}

PM_TEST(the_policy_stands_before_every_write)
{
	const char *words[] = { "update", "start" };
	struct client c;

	client_prepare(&c, "a", true);
	c.allow = (struct pm_list){ 2, words };
	client_open(&c);
	client_answer(&c, NULL, "/*", GOOD);
	assert_err(send_write(&c, false), PM_E_REFUSED, &c.err, "create");
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 0);
	assert_ok(client_get(&c, "/x"), &c.err);
	client_stop(&c);
}

PM_TEST(a_write_without_a_word_is_a_bug)
{
	struct pm_pve_call call = { .method = "DELETE", .path = "/x" };
	struct client c;

	client_start_token(&c, "a");
	assert_err(
		pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), PM_E_BUG, &c.err, "no operation");
	client_stop(&c);
}

PM_TEST(writes_are_in_the_audit_log_without_values)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct client c;
	const char *path;

	client_prepare(&c, "a", true);
	path = pm_arena_printf(c.arena, "%s/audit.jsonl", pm_test_dir());
	assert_ok(pm_audit_open(path, &c.audit, &c.err), &c.err);
	client_open(&c);
	pm_fake_add(
		c.net, &(struct pm_fake_rule){ .method = "POST",
			       .path = API "/*",
			       .times = 1,
			       .body = "{\"data\":\"UPID:pve1:00000361:0003D69F:6B020DF7:vzcreate:"
				       "210:ci@pve!gitops:\"}" });
	client_status(&c, "POST", "/*", 500, "CT 210 already exists on node 'pve1'", "");
	client_answer(&c, "GET", "/*", GOOD);
	assert_ok(send_write(&c, false), &c.err);
	assert_err(send_write(&c, false), PM_E_EXISTS, &c.err, NULL);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_ok(pm_file_read(AT_FDCWD, path, 1 << 20, &text, &c.err), &c.err);
	assert_has(pm_buf_str(&text), "vmid password net0");
	assert_has(pm_buf_str(&text), "Pod/shop/web");
	assert_has(pm_buf_str(&text), "vzcreate:210");
	assert_has(pm_buf_str(&text), "\"exists\"");
	assert_null(strstr(pm_buf_str(&text), "s3cret"));
	assert_null(strstr(pm_buf_str(&text), "/x\""));
	client_stop(&c);
}

PM_TEST(a_dry_run_sends_nothing_but_reads)
{
	struct client c;
	struct pm_transport *inner;

	client_prepare(&c, "a", false);
	inner = c.net;
	client_answer(&c, "POST", "/access/ticket",
		"{\"data\":{\"ticket\":\"PVE:t\",\"CSRFPreventionToken\":\"c\"}}");
	client_answer(&c, "GET", "/*", GOOD);
	c.net = pm_transport_readonly(inner);
	client_open(&c);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_err(send_write(&c, false), PM_E_REFUSED, &c.err, "dry run");
	assert_int_equal(pm_fake_count(inner, "POST", API "/nodes/*"), 0);
	client_stop(&c);
}

/* ---- hosts that want to be left alone ---- */

static void limit_rate(struct client *c, const char *host, unsigned times, unsigned retry_after_s)
{
	pm_fake_add(c->net, &(struct pm_fake_rule){ .host = host,
				    .times = times,
				    .status = 429,
				    .reason = "Too Many Requests",
				    .body = "",
				    .retry_after_s = retry_after_s });
}

PM_TEST(a_host_that_wants_to_be_left_alone_is)
{
	struct client c;
	uint64_t before;

	client_start_token(&c, "a");
	limit_rate(&c, "a", 1, 7);
	client_answer(&c, "GET", "/x", GOOD);
	before = pm_mono_ns(&c.clock.clock);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/x"), 2);
	assert_true(pm_mono_ns(&c.clock.clock) - before >= 7 * PM_S_NS);
	client_stop(&c);
}

PM_TEST(others_are_asked_meanwhile)
{
	struct client c;

	client_start_token(&c, "a b");
	pm_hosts_learn(&c.pve->hosts, "pve1", NULL, &c.pve->hosts.v[0]);
	limit_rate(&c, "a", 1, 7);
	client_answer(&c, NULL, "/*", GOOD);
	/* A request that was turned away was not done: a write may go elsewhere, too. */
	assert_ok(send_write(&c, false), &c.err);
	assert_string_equal(client_host(&c, 1, "POST", NULL), "b");
	assert_int_equal(atomic_load(&c.clock.waits), 0);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_string_equal(client_host(&c, 0, "GET", "/x"), "b");
	atomic_fetch_add(&c.clock.ns, 7 * PM_S_NS);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_string_equal(client_host(&c, 1, "GET", "/x"), "a");
	client_stop(&c);
}

PM_TEST(nobody_waits_for_an_hour)
{
	struct client c;

	client_start_token(&c, "a");
	limit_rate(&c, "a", 1, 3600);
	client_answer(&c, "GET", "/x", GOOD);
	for (int i = 0; i < 3; i++)
		assert_err(
			client_get(&c, "/x"), PM_E_BUSY, &c.err, "left alone for another 3600 s");
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 1);
	client_stop(&c);
}

struct got {
	unsigned good, bad;
};

static void count_got(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	struct got *g = arg;

	(void)i;
	(void)c;
	g->good += err->code == PM_OK;
	g->bad += err->code != PM_OK;
}

PM_TEST(many_reads_wait_too)
{
	struct pm_get gets[40];
	struct got got = { 0 };
	struct pm_fetch f = { .v = gets, .n = 40, .got = count_got, .arg = &got };
	struct client c;
	uint64_t before;

	client_start_token(&c, "a");
	for (int i = 0; i < 4; i++) {
		pm_fake_add(c.net,
			&(struct pm_fake_rule){ .path = API "/x", .times = 9, .body = GOOD });
		limit_rate(&c, "a", 1, 5);
	}
	client_answer(&c, "GET", "/x", GOOD);
	for (int i = 0; i < 40; i++)
		gets[i] = (struct pm_get){ .path = API "/x" };
	before = pm_mono_ns(&c.clock.clock);
	assert_ok(pm_pve_fetch(c.pve, &c.job, &f, &c.err), &c.err);
	assert_int_equal(got.good, 40);
	assert_int_equal(got.bad, 0);
	assert_true(pm_mono_ns(&c.clock.clock) - before >= 5 * PM_S_NS);
	client_stop(&c);
}

/* ---- own hosts of nodes ---- */

PM_TEST(the_node_in_the_path_is_asked_itself)
{
	struct client c;

	client_start_token(&c, "a b");
	client_answer(&c, NULL, "/*", GOOD);
	pm_hosts_learn(&c.pve->hosts, "pve2", NULL, &c.pve->hosts.v[1]);
	assert_ok(client_get(&c, "/nodes/pve2/status"), &c.err);
	assert_string_equal(client_host(&c, 0, "GET", "/nodes/*"), "b");
	client_stop(&c);
}

PM_TEST(failovers_are_counted)
{
	struct pm_pve_stats s;
	struct client c;

	client_start_token(&c, "a b");
	client_fail(&c, "a", "/x", PM_E_UNREACHABLE, false);
	client_answer(&c, NULL, "/x", GOOD);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_ok(client_get(&c, "/x"), &c.err);
	pm_pve_stats(c.pve, &s);
	assert_int_equal(s.failovers, 1);
	client_stop(&c);
}

/* ---- uploads ---- */

/* Looks at the file of each call, and passes it on. */
struct watch {
	struct pm_transport base;
	struct pm_transport *inner;
	unsigned files;
};

static void watch_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct watch *w = (struct watch *)t;

	for (size_t i = 0; i < n; i++)
		w->files += v[i]->upload && !v[i]->idempotent && !v[i]->body;
	pm_net_batch(w->inner, v, n, done, arg, cancel);
}

static int send_file(struct client *c, const char *method)
{
	static const struct pm_upload_field fields[] = { { "content", "iso" } };
	static const struct pm_upload upload = { .path = "/x.iso",
		.filename = "x.iso",
		.field = "filename",
		.fields = fields,
		.nfields = 1 };
	struct pm_pve_call call = { .method = method,
		.path = "/nodes/pve2/storage/local/upload",
		.operation = "upload",
		.object = "local:iso/x.iso",
		.idempotent = true,
		.upload = &upload };

	c->err = (struct pm_error){ 0 };
	return pm_pve_call(c->pve, &c->job, &call, NULL, &c->err);
}

PM_TEST(a_file_goes_to_its_node_once)
{
	static const struct pm_transport_ops ops = { watch_batch, NULL };
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct watch w = { .base.ops = &ops };
	struct client c;
	const char *path;

	client_prepare(&c, "a b", true);
	path = pm_arena_printf(c.arena, "%s/audit.jsonl", pm_test_dir());
	assert_ok(pm_audit_open(path, &c.audit, &c.err), &c.err);
	client_open(&c);
	w.inner = c.net;
	c.pve->transport = &w.base;
	pm_hosts_learn(&c.pve->hosts, "pve2", NULL, &c.pve->hosts.v[1]);
	/* One that cannot be reached has nothing of it; one that may have all of it is the last. */
	pm_fake_add(
		c.net, &(struct pm_fake_rule){ .host = "b", .times = 1, .fail = PM_E_UNREACHABLE });
	client_fail(&c, "a", "/nodes/*", PM_E_TIMEOUT, true);
	assert_err(send_file(&c, "POST"), PM_E_TIMEOUT, &c.err, NULL);
	assert_true(c.err.maybe_sent);
	assert_int_equal(w.files, 2);
	assert_string_equal(client_host(&c, 0, "POST", NULL), "b");
	assert_err(send_file(&c, "PUT"), PM_E_BUG, &c.err, "by POST");
	assert_ok(pm_file_read(AT_FDCWD, path, 1 << 20, &text, &c.err), &c.err);
	assert_has(pm_buf_str(&text), "content filename");
	assert_has(pm_buf_str(&text), "local:iso/x.iso");
	client_stop(&c);
}

/* ---- details of failures ---- */

PM_TEST(failures_have_details)
{
	struct pm_fault fault = { .nparams = 7 };
	struct pm_pve_call call = { .method = "GET", .path = "/x?secret=1", .fault = &fault };
	struct client c;

	client_start_token(&c, "a b");
	client_status(&c, "GET", "/x*", 403, "Permission check failed (/vms/100, VM.Audit)", "");
	assert_err(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), PM_E_PERMISSION, &c.err, NULL);
	assert_int_equal(fault.code, PM_E_PERMISSION);
	assert_int_equal(fault.status, 403);
	assert_string_equal(fault.privilege, "VM.Audit");
	assert_string_equal(fault.acl_path, "/vms/100");
	assert_string_equal(fault.host, "a");
	client_stop(&c);

	/* No answer came: there is still something to say. */
	client_start_token(&c, "a b");
	client_fail(&c, NULL, "/x*", PM_E_UNREACHABLE, false);
	assert_err(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), PM_E_UNREACHABLE, &c.err, NULL);
	assert_int_equal(fault.code, PM_E_UNREACHABLE);
	assert_int_equal(fault.status, 0);
	assert_true(fault.retryable);
	assert_int_equal(fault.nparams, 0);
	assert_string_equal(fault.host, "b");
	assert_string_equal(fault.method, "GET");
	assert_string_equal(fault.path, "/x");
	client_stop(&c);

	/* Nothing went wrong: nothing is told. */
	client_start_token(&c, "a");
	client_answer(&c, "GET", "/x*", GOOD);
	assert_ok(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), &c.err);
	assert_int_equal(fault.code, PM_OK);
	client_stop(&c);
}
