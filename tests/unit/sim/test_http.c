/* What the core refuses before a handler sees it: methods, formats, bodies, logins. */
#include "sim_test.h"

PM_TEST(sim_methods)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "PATCH", "/nodes", NULL);
	assert_int_equal(a->status, 501);
	assert_string_equal(a->reason, "method 'PATCH' not available");
	assert_string_equal(a->text, "");
	a = ask(&w, "DELETE", "/pools", "poolid=x");
	assert_int_equal(a->status, 501);
	assert_string_equal(a->reason, "Unexpected content for method 'DELETE'");
	a = ask(&w, "GET", "/nodes/pve1/nosuch", NULL);
	assert_int_equal(a->status, 501);
	assert_string_equal(a->reason, "Method 'GET /nodes/pve1/nosuch' not implemented");
	world_close(&w);
}

PM_TEST(sim_formats)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "GET", "!/api2/xml/version", NULL);
	assert_int_equal(a->status, 501);
	assert_string_equal(a->text, "no formatter for uri /version, xml");
	a = ask(&w, "GET", "!/api2/extjs/nodes/nosuch/status", NULL);
	assert_int_equal(a->status, 200);
	assert_int_equal(pm_json_int(a->json, "success", 9), 0);
	assert_int_equal(pm_json_int(a->json, "status", 9), 500);
	a = ask(&w, "GET", "!//api2/json//version/", NULL);
	assert_string_equal(data(a, "version"), "9.2.11");
	world_close(&w);
}

PM_TEST(sim_unknown_node)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "GET", "/nodes/nosuch/lxc", NULL);
	assert_int_equal(a->status, 500);
	assert_has(a->reason, "hostname lookup 'nosuch' failed");
	a = ask(&w, "GET", "/nodes/localhost/version", NULL);
	assert_int_equal(a->status, 200);
	world_close(&w);
}

PM_TEST(sim_form_quirks)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	/* the value ends at the second "=", and ";" separates */
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=a;comment=one=two")->status, 200);
	assert_string_equal(data(ask(&w, "GET", "/pools/a", NULL), "comment"), "one");
	assert_int_equal(ask(&w, "PUT", "/pools/a", "comment=one%3Dtwo+three")->status, 200);
	assert_string_equal(data(ask(&w, "GET", "/pools/a", NULL), "comment"), "one=two three");
	world_close(&w);
}

PM_TEST(sim_login)
{
	struct world w;
	const struct answer *a;
	char token[200];

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask_as(&w, "", "GET", "/version", NULL);
	assert_int_equal(a->status, 401);
	assert_string_equal(a->reason, "No ticket");
	assert_int_equal(a->took_ns, 3 * PM_S_NS);
	a = ask_as(&w, "PVEAPIToken=root@pam!full=wrong", "GET", "/version", NULL);
	assert_string_equal(a->reason, "Authentication failed!");
	(void)snprintf(
		token, sizeof(token), "PVEAPIToken=root@pam!full=%s", pm_sim_token_secret(w.sim));
	assert_int_equal(ask_as(&w, token, "POST", "/pools", "poolid=t")->status, 200);
	w.csrf[9] ^= 1;
	a = ask(&w, "POST", "/pools", "poolid=u");
	assert_int_equal(a->status, 401);
	assert_string_equal(a->reason, "Permission denied - invalid csrf token");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	world_close(&w);
}

PM_TEST(sim_ticket_ends)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .no_401_delay = true });
	forward(&w, (uint64_t)7000 * 1000);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	forward(&w, (uint64_t)600 * 1000);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 401);
	world_close(&w);
}

/* Three workers, five milliseconds each: the fourth request at a time waits for the first to end. */
PM_TEST(sim_latency)
{
	struct pm_test_clock clock;
	struct pm_sim_options o = { .clock = &clock.clock, .latency_us = 5000, .seed = 1 };
	struct pm_sim_reply r;
	struct pm_error err;
	struct pm_sim *s;

	pm_test_clock_init(&clock);
	assert_ok(pm_sim_new(&s, &o, &err), &err);
	for (unsigned i = 0; i < 7; i++) {
		struct pm_sim_request q = { .method = "GET",
			.target = "/api2/json/access/domains" };

		pm_sim_request(s, 0, &q, &r);
		assert_int_equal(r.delay_ns, (i / 3 + 1) * 5 * PM_MS_NS);
		pm_sim_reply_done(&r);
	}
	pm_sim_free(s);
}

PM_TEST(sim_gzip)
{
	struct world w;
	struct pm_sim_request q = {
		.method = "GET", .target = "/api2/json/access/permissions", .gzip = true
	};
	struct pm_sim_reply r;

	world_open(&w, (struct pm_sim_options){ 0 });
	q.cookie = w.cookie;
	pm_sim_call(w.sim, 0, &q, &r);
	assert_true(r.gzip);
	assert_int_equal((unsigned char)r.body[0], 0x1f);
	assert_true(r.nbody < 2000);
	pm_sim_reply_done(&r);
	q.target = "/api2/json/version"; /* too small */
	pm_sim_call(w.sim, 0, &q, &r);
	assert_false(r.gzip);
	pm_sim_reply_done(&r);
	world_close(&w);
}
