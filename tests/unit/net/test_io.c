/* The I/O thread against a server on loopback: connections, queues, repeats, time-outs, broken answers,
 * cancelling, many threads. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net_test.h"

PM_TEST(io_starts_and_ends_idle)
{
	struct pm_transport *t;
	struct pm_net_stats s;
	struct pm_error err;

	assert_ok(pm_io_start(NULL, &t, &err), &err);
	pm_net_batch(t, NULL, 0, NULL, NULL, NULL);
	pm_io_stats(t, &s);
	assert_int_equal(s.requests, 0);
	pm_transport_free(t);
	pm_transport_free(NULL);
}

PM_TEST(io_gives_status_reason_and_body)
{
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	assert_ok(net_ask(&n, &c, "GET", "/ok?x=y", &err), &err);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.reason, "OK");
	assert_string_equal(pm_buf_str(&c.body_in), "{\"data\":1}");
	assert_int_equal(c.retry_after_s, 0);

	/* The same call again, and PVE's own statuses. */
	assert_ok(net_ask(&n, &c, "GET", "/status/595/No+route+to+host", &err), &err);
	assert_int_equal(c.status, 595);
	assert_string_equal(c.reason, "No route to host");
	assert_string_equal(pm_buf_str(&c.body_in), "{\"data\":null}");
	assert_int_equal(c.retry_after_s, 7);

	assert_ok(net_ask(&n, &c, "GET", "/status/500/", &err), &err);
	assert_int_equal(c.status, 500);
	assert_string_equal(c.reason, "");
	pm_call_done(&c);
	assert_null(c.body_in.p);
	net_stop(&n);
}

PM_TEST(io_takes_an_error_without_a_length)
{
	static const struct server_opts tls = { .tls = true };
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/nolength/596", 596);
	net_stop(&n);
	net_start(&n, &tls);
	net_expect(&n, "/nolength/596", 596);
	net_stop(&n);
}

PM_TEST(io_sends_methods_and_bodies)
{
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE", "POST", "GET" };
	cleanup_buf struct pm_buf big = PM_BUF(0);
	struct pm_call c = { 0 };
	struct pm_error err;
	char want[64];
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(methods); i++) {
		bool form = methods[i][0] == 'P';

		/* Idempotent: all over one connection, one handle after the other method. */
		c.idempotent = true;
		c.body = form ? "a=1&b=%3B" : NULL;
		assert_ok(net_ask(&n, &c, methods[i], "/echo", &err), &err);
		(void)snprintf(want, sizeof(want), "%s %s", methods[i], form ? "a=1&b=%3B" : "");
		assert_string_equal(pm_buf_str(&c.body_in), want);
	}
	c.body = NULL;
	assert_ok(net_ask(&n, &c, "POST", "/echo", &err), &err);
	assert_string_equal(pm_buf_str(&c.body_in), "POST ");
	while (big.len < 60000)
		(void)pm_buf_adds(&big, "0123456789");
	c.body = big.p;
	assert_ok(net_ask(&n, &c, "PUT", "/ok", &err), &err);
	pm_call_done(&c);
	net_stop(&n);
}

PM_TEST(io_refuses_what_cannot_be_sent)
{
	const char *bad_header[] = { "Cookie: a\r\nX: y", NULL };
	struct pm_call c = { .headers = bad_header };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	assert_err(net_ask(&n, &c, "GET", "/ok", &err), PM_E_INPUT, &err, "line break");
	assert_false(err.maybe_sent);
	c.headers = NULL;
	c.body = "a=1";
	assert_err(net_ask(&n, &c, "DELETE", "/ok", &err), PM_E_BUG, &err, "DELETE with a body");
	c.body = NULL;
	assert_err(net_ask(&n, &c, "PATCH", "/ok", &err), PM_E_BUG, &err, "PATCH");
	assert_err(net_ask(&n, &c, "GET", "ok", &err), PM_E_BUG, &err, "path");
	assert_err(net_ask(&n, &c, "GET", "/a b\n", &err), PM_E_INPUT, &err, NULL);
	n.host.url = "ftp://127.0.0.1";
	assert_err(net_ask(&n, &c, "GET", "/ok", &err), PM_E_INPUT, &err, NULL);
	n.host.url = "https://[::1";
	assert_err(net_ask(&n, &c, "GET", "/ok", &err), PM_E_INPUT, &err, NULL);
	assert_int_equal(server_count(n.server, NULL), 0);
	net_stop(&n);
}

PM_TEST(io_keeps_connections)
{
	struct server_facts f;
	struct pm_net_stats s;
	struct net n;

	net_start(&n, NULL);
	for (int i = 0; i < 30; i++)
		net_expect(&n, "/ok", 200);
	server_facts(n.server, &f);
	assert_int_equal(f.connections, 1);
	assert_int_equal(f.requests, 30);
	pm_io_stats(n.t, &s);
	assert_int_equal(s.requests, 30);
	assert_int_equal(s.connections, 1);
	assert_int_equal(s.failed, 0);
	assert_true(s.bytes_in > 30 * 10);
	net_stop(&n);
}

static const struct pm_net_tally *tally(const struct pm_net_stats *s, const char *host)
{
	for (unsigned i = 0; i < s->nhosts; i++)
		if (strcmp(s->host[i].host, host) == 0)
			return &s->host[i];
	fail_msg("nothing was counted for %s", host);
	return NULL;
}

PM_TEST(io_counts_answers_by_host)
{
	struct pm_call c = { 0 };
	struct pm_net_stats s;
	struct pm_error err;
	char dead[64];
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/ok", 200);
	net_expect(&n, "/ok", 200);
	net_expect(&n, "/status/404/Not+Found", 404);
	net_expect(&n, "/status/595/No+route+to+host", 595);
	(void)snprintf(dead, sizeof(dead), "http://127.0.0.1:%u", server_dead_port());
	n.host.url = dead;
	n.host.name = "pve9";
	assert_err(net_ask(&n, &c, "GET", "/x", &err), PM_E_UNREACHABLE, &err, NULL);
	pm_io_stats(n.t, &s);
	assert_int_equal(s.nhosts, 2);
	assert_int_equal(tally(&s, "pve1")->answers[2], 2);
	assert_int_equal(tally(&s, "pve1")->answers[4], 1);
	assert_int_equal(tally(&s, "pve1")->answers[5], 1);
	assert_int_equal(tally(&s, "pve1")->answers[0], 0);
	assert_int_equal(tally(&s, "pve9")->answers[0], 1);
	/* However many there are, there are never more than so many tallies. */
	for (int i = 0; i < 40; i++) {
		char name[16], url[80];

		(void)snprintf(name, sizeof(name), "host%d", i);
		(void)snprintf(url, sizeof(url), "%s/%d", dead, i);
		n.host.url = url;
		n.host.name = name;
		assert_err(net_ask(&n, &c, "GET", "/x", &err), PM_E_UNREACHABLE, &err, NULL);
	}
	pm_io_stats(n.t, &s);
	assert_int_equal(s.nhosts, PM_NET_TALLIES);
	assert_int_equal(tally(&s, "host13")->answers[0], 1);
	assert_int_equal(tally(&s, "other")->answers[0], 26);
	net_stop(&n);
}

/* The resolver has sockets of its own, which come and go. */
PM_TEST(io_finds_hosts_by_name)
{
	char url[64];
	struct net n;

	net_start(&n, NULL);
	(void)snprintf(url, sizeof(url), "http://localhost%s", strrchr(server_url(n.server), ':'));
	n.host.url = url;
	net_many(&n, "/ok", 200);
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(io_lives_with_100_requests_a_connection)
{
	static const struct server_opts like_pve = { .tls = true, .per_connection = 100 };
	struct server_facts f;
	struct pm_net_stats s;
	struct net n;

	net_start(&n, &like_pve);
	net_many(&n, "/ok", 3000);
	server_facts(n.server, &f);
	assert_int_equal(f.requests, 3000);
	/* 30 are needed; each of the 6 may have begun one more that was not used up. */
	assert_in_range(f.connections, 30, 36);
	assert_true(f.resumed > 0);
	pm_io_stats(n.t, &s);
	assert_int_equal(s.connections, f.connections);
	assert_int_equal(s.handshakes_resumed, f.resumed);
	net_stop(&n);
}

/* ---- repeats ---- */

PM_TEST(io_repeats_a_read_on_a_stale_connection)
{
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/ok", 200);
	net_expect(&n, "/die-when-reused", 200);
	assert_int_equal(server_count(n.server, "/die-when-reused"), 2);
	net_stop(&n);
}

PM_TEST(io_never_repeats_a_write)
{
	static const char *const methods[] = { "POST", "PUT", "DELETE" };
	struct server_facts f;
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	for (unsigned i = 0; i < PM_COUNT(methods); i++) {
		net_expect(&n, "/ok", 200);
		assert_ok(net_ask(&n, &c, methods[i], "/die-when-reused", &err), &err);
		assert_int_equal(server_count(n.server, "/die-when-reused"), i + 1);
		assert_err(net_ask(&n, &c, methods[i], "/die", &err), PM_E_UNREACHABLE, &err, NULL);
		assert_true(err.maybe_sent);
		assert_int_equal(server_count(n.server, "/die"), i + 1);
	}
	server_facts(n.server, &f);
	assert_int_equal(f.requests, 3 + 3 + 3);
	pm_call_done(&c);
	net_stop(&n);
}

PM_TEST(io_repeats_a_write_that_may_be)
{
	struct pm_call c = { .idempotent = true, .body = "digest=abc" };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/ok", 200);
	assert_ok(net_ask(&n, &c, "PUT", "/die-when-reused", &err), &err);
	assert_int_equal(server_count(n.server, "/die-when-reused"), 2);
	pm_call_done(&c);
	net_stop(&n);
}

/* ---- what goes wrong ---- */

PM_TEST(io_says_when_nobody_listens)
{
	struct pm_call c = { 0 };
	struct pm_error err;
	char url[64];
	struct net n;

	net_start(&n, NULL);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", server_dead_port());
	n.host.url = url;
	assert_err(net_ask(&n, &c, "POST", "/api2/json/x?secret=1", &err), PM_E_UNREACHABLE, &err,
		"Connection refused");
	assert_false(err.maybe_sent);
	assert_string_equal(err.where, "pve1 POST /api2/json/x");
	assert_int_equal(c.status, 0);
	n.host.url = "http://nowhere.invalid:8006";
	assert_err(net_ask(&n, &c, "GET", "/x", &err), PM_E_UNREACHABLE, &err, "name is not known");
	assert_false(err.maybe_sent);
	net_stop(&n);
}

PM_TEST(io_says_when_a_host_is_away)
{
	struct pm_call c = { .timeout_ms = 100 };
	struct pm_error err;
	char url[64];
	struct net n;

	net_start(&n, NULL);
	(void)snprintf(url, sizeof(url), "https://127.0.0.1:%u", server_silent_port());
	n.host.url = url;
	assert_err(net_ask(&n, &c, "POST", "/x", &err), PM_E_TIMEOUT, &err, "no connection to");
	assert_false(err.maybe_sent);
	net_stop(&n);
}

PM_TEST(io_gives_up_on_silence)
{
	struct pm_call c = { .timeout_ms = 3600000 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	/* The same handle was told another time before. */
	assert_ok(net_ask(&n, &c, "GET", "/ok", &err), &err);
	c.timeout_ms = 100;
	assert_err(net_ask(&n, &c, "GET", "/silent", &err), PM_E_TIMEOUT, &err, "0.100 s");
	assert_true(err.maybe_sent);
	assert_int_equal(server_count(n.server, "/silent"), 1);
	/* The handle and the host are as good as before. */
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(io_sees_broken_answers)
{
	static const struct {
		const char *path;
		enum pm_code code;
	} cases[] = {
		{ "/cut", PM_E_UNREACHABLE },
		{ "/cut-bare", PM_E_UNREACHABLE },
		{ "/die", PM_E_UNREACHABLE },
		{ "/rubbish", PM_E_PROTOCOL },
		{ "/huge", PM_E_LIMIT },
		{ "/endless", PM_E_LIMIT },
	};
	static const struct server_opts how[] = { { .tls = false }, { .tls = true } };
	struct pm_net_stats s;
	struct net n;

	for (size_t h = 0; h < PM_COUNT(how); h++) {
		net_start(&n, &how[h]);
		for (size_t i = 0; i < PM_COUNT(cases); i++) {
			struct pm_call c = { .max_body = 1 << 20 };
			struct pm_error err;

			assert_err(net_ask(&n, &c, "GET", cases[i].path, &err), cases[i].code, &err,
				NULL);
			assert_true(err.maybe_sent);
			assert_null(c.body_in.p);
			assert_int_equal(server_count(n.server, cases[i].path), 1);
		}
		net_expect(&n, "/ok", 200);
		pm_io_stats(n.t, &s);
		assert_int_equal(s.failed, PM_COUNT(cases));
		net_stop(&n);
	}
}

PM_TEST(io_takes_just_what_is_allowed)
{
	struct pm_call c = { .max_body = 100000 };
	struct pm_net_stats s;
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	/* An answer that says how large it is is not even begun. */
	assert_err(net_ask(&n, &c, "GET", "/huge", &err), PM_E_LIMIT, &err, "100000 bytes");
	pm_io_stats(n.t, &s);
	assert_in_range(s.bytes_in, 1, 50000);
	assert_ok(net_ask(&n, &c, "GET", "/big/100000", &err), &err);
	assert_int_equal(c.body_in.len, 100000);
	assert_err(net_ask(&n, &c, "GET", "/big/100001", &err), PM_E_LIMIT, &err, "100000 bytes");
	pm_call_done(&c);
	net_stop(&n);
}

PM_TEST(io_errors_hold_no_secret)
{
	const char *headers[] = { "Authorization: PVEAPIToken=geheim", NULL };
	struct pm_call c = { .headers = headers, .body = "password=geheim" };
	static const char *const paths[] = { "/die", "/cut", "/rubbish", "/silent" };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	c.timeout_ms = 100;
	for (size_t i = 0; i < PM_COUNT(paths); i++) {
		assert_true(net_ask(&n, &c, "POST", paths[i], &err) < 0);
		assert_null(strstr(err.msg, "geheim"));
		assert_null(strstr(err.where, "geheim"));
	}
	net_stop(&n);
}

/* ---- cancelling ---- */

PM_TEST(io_cancels_what_is_in_flight)
{
	struct pm_cancel cancel = { false };
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	net_batch_new(&b, &n, "GET", "/hold", 50);
	b.cancel = &cancel;
	net_batch_start(&b);
	server_wait(n.server, 6);
	atomic_store(&cancel.on, true);
	net_batch_join(&b);
	assert_int_equal(net_batch_count(&b, PM_E_CANCELLED), 50);
	assert_int_equal(b.seen, 50);
	for (size_t i = 0, sent = 0; i < 50; i++) {
		sent += b.calls[i].err.maybe_sent;
		assert_true(i < 49 || sent == 6);
	}
	assert_int_equal(server_count(n.server, NULL), 6);
	net_batch_end(&b);

	/* Nothing is left behind that would block the next. */
	server_release(n.server);
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(io_keeps_a_deadline)
{
	struct pm_cancel cancel = { false };
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	atomic_store(&cancel.deadline_ns, pm_mono_ns(&pm_clock_system) + 50 * PM_MS_NS);
	net_batch_new(&b, &n, "GET", "/silent", 3);
	b.cancel = &cancel;
	net_batch_run(&b);
	assert_int_equal(net_batch_count(&b, PM_E_CANCELLED), 3);
	net_batch_end(&b);

	/* One that is over before it begins sends nothing it could wait for. */
	net_batch_new(&b, &n, "GET", "/silent", 3);
	b.cancel = &cancel;
	net_batch_run(&b);
	assert_int_equal(net_batch_count(&b, PM_E_CANCELLED), 3);
	net_batch_end(&b);
	net_stop(&n);
}

PM_TEST(io_stops_when_the_callback_says_so)
{
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 1;
	net_batch_new(&b, &n, "GET", "/ok", 5000);
	b.stop_at = 1;
	net_batch_run(&b);
	assert_int_equal(b.seen, 5000);
	assert_int_equal(net_batch_count(&b, PM_OK) + net_batch_count(&b, PM_E_CANCELLED), 5000);
	assert_true(net_batch_count(&b, PM_E_CANCELLED) > 0);
	assert_int_equal(server_count(n.server, NULL), net_batch_count(&b, PM_OK));
	net_batch_end(&b);
	net_stop(&n);
}

/* One batch is cancelled, the one beside it goes on. */
PM_TEST(io_cancels_only_one_batch)
{
	struct pm_cancel cancel = { false };
	struct net_batch gone, stays;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 4;
	net_batch_new(&gone, &n, "GET", "/hold", 3);
	gone.cancel = &cancel;
	net_batch_start(&gone);
	server_wait(n.server, 3);
	net_batch_new(&stays, &n, "GET", "/hold", 10);
	net_batch_start(&stays);
	server_wait(n.server, 4);
	atomic_store(&cancel.on, true);
	net_batch_join(&gone);
	server_release(n.server);
	net_batch_join(&stays);
	assert_int_equal(net_batch_count(&gone, PM_E_CANCELLED), 3);
	assert_int_equal(net_batch_count(&stays, PM_OK), 10);
	net_batch_end(&gone);
	net_batch_end(&stays);
	net_stop(&n);
}

/* ---- many at once ---- */

PM_TEST(io_takes_many_threads)
{
	struct net_batch b[8];
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(b); i++) {
		net_batch_new(&b[i], &n, i % 4 == 3 ? "POST" : "GET", "/ok", 100);
		net_batch_start(&b[i]);
	}
	for (size_t i = 0; i < PM_COUNT(b); i++) {
		net_batch_join(&b[i]);
		assert_int_equal(net_batch_count(&b[i], PM_OK), 100);
		assert_int_equal(b[i].seen, 100);
		net_batch_end(&b[i]);
	}
	assert_int_equal(server_count(n.server, "/ok"), 800);
	net_stop(&n);
}

static void *request_many(void *arg)
{
	struct net *n = arg;

	for (int i = 0; i < 50; i++)
		net_expect(n, "/ok", 200);
	return NULL;
}

/* Batches of many sizes, some ended by their callback, some by a deadline that strikes at any moment. */
static void *hand_over_many(void *arg)
{
	struct net *n = arg;

	for (unsigned i = 0; i < 60; i++) {
		struct pm_cancel cancel = { .on = false };
		struct net_batch b;

		net_batch_new(&b, n, i % 5 == 4 ? "PUT" : "GET", "/ok", 1 + i * 7 % 41);
		b.stop_at = i % 3 == 1 ? 1 + i % 5 : 0;
		if (i % 3 == 2)
			b.cancel = &cancel;
		atomic_store(&cancel.deadline_ns,
			pm_mono_ns(&pm_clock_system) + (uint64_t)i * 100 * 1000);
		net_batch_run(&b);
		assert_int_equal(b.seen, b.n);
		assert_int_equal(
			net_batch_count(&b, PM_OK) + net_batch_count(&b, PM_E_CANCELLED), b.n);
		assert_true(i % 3 != 0 || net_batch_count(&b, PM_OK) == b.n);
		net_batch_end(&b);
	}
	return NULL;
}

PM_TEST(io_gives_each_call_back_once)
{
	pthread_t threads[6];
	struct pm_net_stats s;
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, hand_over_many, &n), 0);
	for (size_t i = 0; i < PM_COUNT(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	net_expect(&n, "/ok", 200);
	/* What was cancelled may have been sent, too. */
	pm_io_stats(n.t, &s);
	assert_true(server_count(n.server, "/ok") <= s.requests);
	net_stop(&n);
}

PM_TEST(io_takes_single_requests_of_many_threads)
{
	pthread_t threads[8];
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, request_many, &n), 0);
	for (size_t i = 0; i < PM_COUNT(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(server_count(n.server, "/ok"), 400);
	net_stop(&n);
}

PM_TEST(io_speaks_to_two_hosts_at_once)
{
	struct pm_call a = { 0 }, b = { 0 };
	struct pm_call *v[] = { &a, &b };
	struct server_facts f;
	struct net n, m;

	net_start(&n, NULL);
	net_start(&m, NULL);
	a = (struct pm_call){ .host = &n.host, .method = "GET", .path = "/ok" };
	b = (struct pm_call){ .host = &m.host, .method = "GET", .path = "/ok" };
	for (int i = 0; i < 5; i++) {
		pm_net_batch(n.t, v, 2, NULL, NULL, NULL);
		assert_int_equal(a.status, 200);
		assert_int_equal(b.status, 200);
	}
	server_facts(n.server, &f);
	assert_int_equal(f.connections, 1);
	server_facts(m.server, &f);
	assert_int_equal(f.connections, 1);
	assert_int_equal(f.requests, 5);
	pm_call_done(&a);
	pm_call_done(&b);
	net_stop(&m);
	net_stop(&n);
}
