/* The parts that need no network: forms, the dry run, and the transports that tests of
 * other rooms use. */
#include <stdlib.h>
#include <string.h>

#include "fake_transport.h"
#include "net_test.h"

PM_TEST(form_escapes_all_but_letters)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	pm_form_add(&b, "net0", "name=eth0,bridge=vmbr0;x");
	pm_form_add(&b, "a-b.c_d~", "ä +&%");
	pm_form_addn(&b, "env", "A=1\0B=2", 7);
	pm_form_add(&b, "empty", "");
	assert_string_equal(pm_buf_str(&b),
		"net0=name%3Deth0%2Cbridge%3Dvmbr0%3Bx&a-b.c_d~=%C3%A4%20%2B%26%25&"
		"env=A%3D1%00B%3D2&empty=");
}

PM_TEST(form_escapes_every_byte)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	for (int c = 0; c < 256; c++) {
		char one = (char)c;
		bool plain = c < 128 && c > 0 &&
			     (strchr("_.~-", c) || (c >= '0' && c <= '9') ||
				     ((c | 32) >= 'a' && (c | 32) <= 'z'));

		pm_buf_clear(&b);
		pm_form_escape(&b, &one, 1);
		assert_int_equal(b.len, plain ? 1 : 3);
	}
}

/* ---- the dry run ---- */

static const struct pm_host host = { .name = "pve1", .url = "https://pve1:8006" };

static struct pm_call call(const char *method, const char *path)
{
	return (struct pm_call){ .host = &host, .method = method, .path = path };
}

static bool count(void *arg, struct pm_call *c)
{
	unsigned *n = arg;

	(void)c;
	return ++*n < 1000;
}

static bool stop_at_once(void *arg, struct pm_call *c)
{
	unsigned *n = arg;

	(void)c;
	++*n;
	return false;
}

PM_TEST(readonly_lets_reads_and_the_login_through)
{
	struct pm_transport *fake = pm_fake_new(), *t = pm_transport_readonly(fake);
	struct pm_call calls[] = {
		call("GET", "/api2/json/nodes"),
		call("POST", "/api2/json/access/ticket"),
		call("POST", "/api2/json/access/ticket?x=y"),
		call("POST", "/api2/json/nodes/pve1/lxc"),
		call("PUT", "/api2/json/access/ticket"),
		call("DELETE", "/api2/json/nodes/pve1/lxc/101?purge=1"),
		call("POST", "/api2/json/x?y=/access/ticket"),
		call("POST", "/ticket"),
		call("POST", "/api2/json/access/ticket"),
	};
	static const struct pm_upload file = { .path = "x", .filename = "x", .field = "filename" };
	struct pm_call *v[PM_COUNT(calls)];
	unsigned n = 0;

	calls[8].upload = &file;
	pm_fake_add(fake, &(struct pm_fake_rule){ 0 });
	for (size_t i = 0; i < PM_COUNT(v); i++)
		v[i] = &calls[i];
	pm_net_batch(t, v, PM_COUNT(v), count, &n, NULL);
	assert_int_equal(n, PM_COUNT(v));
	assert_int_equal(pm_fake_count(fake, NULL, NULL), 3);
	for (size_t i = 0; i < PM_COUNT(v); i++) {
		assert_int_equal(calls[i].err.code, i < 3 ? PM_OK : PM_E_REFUSED);
		assert_int_equal(calls[i].status, i < 3 ? 200 : 0);
		pm_call_done(&calls[i]);
	}
	pm_net_batch(t, v + 5, 1, NULL, NULL, NULL);
	assert_has(calls[5].err.msg, "dry run");
	assert_string_equal(calls[5].err.where, "pve1 DELETE /api2/json/nodes/pve1/lxc/101");
	pm_transport_free(t);
}

PM_TEST(readonly_stops_when_the_callback_says_so)
{
	struct pm_transport *fake = pm_fake_new(), *t = pm_transport_readonly(fake);
	struct pm_call a = call("GET", "/a"), b = call("POST", "/b");
	struct pm_call *v[] = { &a, &b };
	unsigned n = 0;

	pm_net_batch(t, v, 2, stop_at_once, &n, NULL);
	assert_int_equal(n, 2);
	assert_int_equal(a.err.code, PM_E_CANCELLED);
	assert_int_equal(b.err.code, PM_E_REFUSED);
	assert_int_equal(pm_fake_count(fake, NULL, NULL), 0);
	pm_transport_free(t);
}

PM_TEST(readonly_sends_nothing_over_the_network)
{
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	n.t = pm_transport_readonly(n.t);
	assert_err(net_ask(&n, &c, "POST", "/ok", &err), PM_E_REFUSED, &err, "dry run");
	net_expect(&n, "/ok", 200);
	assert_int_equal(server_count(n.server, NULL), 1);
	net_stop(&n);
}

/* ---- transports for tests ---- */

PM_TEST(fake_answers_by_rule)
{
	struct pm_transport *t = pm_fake_new();
	const char *headers[] = { "A: b", NULL };
	struct pm_call c = call("POST", "/api2/json/x?y=1");
	struct pm_error err;

	c.headers = headers;
	c.body = "k=v";
	pm_fake_add(t, &(struct pm_fake_rule){
			       .method = "POST", .path = "*/x*", .times = 1, .body = "{}" });
	pm_fake_add(t, &(struct pm_fake_rule){
			       .path = "*/x*", .times = 1, .status = 500, .reason = "locked" });
	pm_fake_add(
		t, &(struct pm_fake_rule){ .times = 1, .fail = PM_E_TIMEOUT, .maybe_sent = true });
	assert_ok(pm_net_request(t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 200);
	assert_string_equal(pm_buf_str(&c.body_in), "{}");
	assert_ok(pm_net_request(t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 500);
	assert_string_equal(c.reason, "locked");
	assert_err(pm_net_request(t, &c, NULL, &err), PM_E_TIMEOUT, &err, NULL);
	assert_true(err.maybe_sent);
	assert_ok(pm_net_request(t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 501);
	assert_int_equal(pm_fake_count(t, "POST", "/api2/*"), 4);
	assert_string_equal(pm_fake_request(t, 3, NULL, NULL)->body, "k=v");
	assert_string_equal(pm_fake_request(t, 0, NULL, NULL)->headers, "A: b\n");
	assert_null(pm_fake_request(t, 4, NULL, NULL));
	pm_call_done(&c);
	pm_transport_free(t);
}

PM_TEST(spoil_hits_the_nth_call)
{
	static const struct {
		enum pm_code code;
		int status;
		bool maybe_sent, reached;
	} want[PM_SPOIL_MAX] = {
		[PM_SPOIL_REFUSED] = { PM_E_UNREACHABLE, 0, false, false },
		[PM_SPOIL_CUT] = { PM_E_UNREACHABLE, 0, true, true },
		[PM_SPOIL_500] = { PM_OK, 500, false, false },
		[PM_SPOIL_596] = { PM_OK, 596, false, true },
		[PM_SPOIL_TIMEOUT] = { PM_E_TIMEOUT, 0, true, false },
		[PM_SPOIL_LOST] = { PM_E_UNREACHABLE, 0, true, true },
	};

	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
		struct pm_transport *fake = pm_fake_new(), *t = pm_spoil_new(fake, 2, how);
		struct pm_call calls[] = { call("GET", "/1"), call("GET", "/2"),
			call("GET", "/3") };
		struct pm_call *v[] = { &calls[0], &calls[1], &calls[2] };
		unsigned n = 0;

		pm_fake_add(fake, &(struct pm_fake_rule){ 0 });
		pm_net_batch(t, v, 3, count, &n, NULL);
		assert_int_equal(n, 3);
		assert_int_equal(pm_spoil_calls(t), 3);
		assert_int_equal(calls[0].status, 200);
		assert_int_equal(calls[2].status, 200);
		assert_int_equal(calls[1].status, want[how].status);
		assert_int_equal(calls[1].err.code, want[how].code);
		if (want[how].code != PM_OK)
			assert_int_equal(calls[1].err.maybe_sent, want[how].maybe_sent);
		assert_int_equal(pm_fake_count(fake, NULL, "/2"), want[how].reached);
		for (size_t i = 0; i < 3; i++)
			pm_call_done(&calls[i]);
		pm_transport_free(t);
	}
}
