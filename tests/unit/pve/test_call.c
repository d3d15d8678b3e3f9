/* One call: failover, retries, policy, audit, and what is no answer. */
#include <json-c/json.h>

#include "base/file.h"
#include "client.h"

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
