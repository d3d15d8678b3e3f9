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

/* ---- queues ---- */

struct batch {
	struct net *net;
	struct pm_call *calls;
	struct pm_call **v;
	size_t n;
	struct pm_cancel *cancel;
	pthread_t thread;
	size_t seen, stop_at;
};

static bool batch_done(void *arg, struct pm_call *c)
{
	struct batch *b = arg;

	assert_ptr_equal(c->user, b);
	return ++b->seen != b->stop_at;
}

static void *batch_main(void *arg)
{
	struct batch *b = arg;

	pm_net_batch(b->net->t, b->v, b->n, batch_done, b, b->cancel);
	return NULL;
}

static void batch_new(
	struct batch *b, struct net *net, const char *method, const char *path, size_t n)
{
	*b = (struct batch){ .net = net, .n = n };
	b->calls = pm_xcalloc(n, sizeof(*b->calls));
	b->v = pm_xcalloc(n, sizeof(struct pm_call *));
	for (size_t i = 0; i < n; i++) {
		b->calls[i] = (struct pm_call){
			.host = &net->host,
			.method = method,
			.path = path,
			.user = b,
		};
		b->v[i] = &b->calls[i];
	}
}

static void batch_start(struct batch *b)
{
	assert_int_equal(pthread_create(&b->thread, NULL, batch_main, b), 0);
}

static size_t batch_count(const struct batch *b, enum pm_code code)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->calls[i].err.code == code;
	return n;
}

static void batch_end(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		pm_call_done(&b->calls[i]);
	free(b->calls);
	free(b->v);
}

PM_TEST(io_keeps_to_the_limits_in_flight)
{
	struct batch reads, writes;
	struct server_facts f;
	struct net n;

	net_start(&n, NULL);
	batch_new(&reads, &n, "GET", "/hold", 40);
	batch_new(&writes, &n, "POST", "/hold", 20);
	batch_start(&reads);
	batch_start(&writes);
	server_wait(n.server, 8);
	server_facts(n.server, &f);
	assert_int_equal(f.most_reads, 6);
	assert_int_equal(f.most_writes, 2);
	server_release(n.server);
	assert_int_equal(pthread_join(reads.thread, NULL), 0);
	assert_int_equal(pthread_join(writes.thread, NULL), 0);
	server_facts(n.server, &f);
	assert_int_equal(f.requests, 60);
	assert_int_equal(f.most_reads, 6);
	assert_int_equal(f.most_writes, 2);
	/* Reads share connections; a write that may not be repeated opens its own. */
	assert_in_range(f.connections, 26, 28);
	assert_int_equal(batch_count(&reads, PM_OK), 40);
	assert_int_equal(reads.seen, 40);
	assert_int_equal(writes.seen, 20);
	batch_end(&reads);
	batch_end(&writes);
	net_stop(&n);
}

PM_TEST(io_takes_limits_from_the_host)
{
	struct server_facts f;
	struct batch reads;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 3;
	batch_new(&reads, &n, "GET", "/hold", 10);
	batch_start(&reads);
	server_wait(n.server, 3);
	server_release(n.server);
	assert_int_equal(pthread_join(reads.thread, NULL), 0);
	server_facts(n.server, &f);
	assert_int_equal(f.most_reads, 3);
	batch_end(&reads);
	net_stop(&n);
}

/* What waits in the queue has all its time left when it leaves it. */
PM_TEST(io_timeout_starts_after_the_queue)
{
	struct batch b;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 1;
	batch_new(&b, &n, "GET", "/silent", 3);
	for (size_t i = 0; i < 3; i++)
		b.calls[i].timeout_ms = i < 2 ? 60 : 10000;
	b.calls[2].path = "/ok";
	batch_main(&b);
	assert_int_equal(b.calls[0].err.code, PM_E_TIMEOUT);
	assert_int_equal(b.calls[1].err.code, PM_E_TIMEOUT);
	assert_int_equal(b.calls[2].err.code, PM_OK);
	assert_int_equal(server_count(n.server, "/silent"), 2);
	batch_end(&b);
	net_stop(&n);
}

/* A clock that stands still and tells when somebody looked at it. */
struct watched_clock {
	struct pm_clock clock;
	pthread_mutex_t lock;
	pthread_cond_t looked;
	unsigned looks;
	uint64_t ns;
};

static uint64_t watched_mono(void *self)
{
	struct watched_clock *w = self;
	uint64_t ns;

	pthread_mutex_lock(&w->lock);
	w->looks++;
	ns = w->ns;
	pthread_cond_broadcast(&w->looked);
	pthread_mutex_unlock(&w->lock);
	return ns;
}

/* Waits until the limiter has said no twice, then lets time pass. */
static void watched_pass(struct watched_clock *w, uint64_t ns)
{
	pthread_mutex_lock(&w->lock);
	for (unsigned looks = w->looks; w->looks < looks + 3;)
		pthread_cond_wait(&w->looked, &w->lock);
	w->ns += ns;
	pthread_mutex_unlock(&w->lock);
}

PM_TEST(io_waits_for_the_limiter)
{
	struct watched_clock w = { .clock = { .self = &w, .mono_ns = watched_mono },
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.looked = PTHREAD_COND_INITIALIZER,
		.ns = PM_S_NS };
	struct pm_net_opts o = { .clock = &w.clock, .requests_per_second = 10 };
	struct pm_error err;
	struct batch b;
	struct net n;

	net_start(&n, NULL);
	pm_transport_free(n.t);
	assert_ok(pm_io_start(&o, &n.t, &err), &err);
	batch_new(&b, &n, "GET", "/ok", 3);
	batch_start(&b);
	for (unsigned i = 1; i < 3; i++) {
		server_wait(n.server, i);
		watched_pass(&w, 50 * PM_MS_NS);
		assert_int_equal(server_count(n.server, NULL), i);
		watched_pass(&w, 50 * PM_MS_NS);
	}
	assert_int_equal(pthread_join(b.thread, NULL), 0);
	assert_int_equal(server_count(n.server, NULL), 3);
	batch_end(&b);
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
	struct batch b;
	struct net n;

	net_start(&n, NULL);
	batch_new(&b, &n, "GET", "/hold", 50);
	b.cancel = &cancel;
	batch_start(&b);
	server_wait(n.server, 6);
	atomic_store(&cancel.on, true);
	assert_int_equal(pthread_join(b.thread, NULL), 0);
	assert_int_equal(batch_count(&b, PM_E_CANCELLED), 50);
	assert_int_equal(b.seen, 50);
	for (size_t i = 0, sent = 0; i < 50; i++) {
		sent += b.calls[i].err.maybe_sent;
		assert_true(i < 49 || sent == 6);
	}
	assert_int_equal(server_count(n.server, NULL), 6);
	batch_end(&b);

	/* Nothing is left behind that would block the next. */
	server_release(n.server);
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(io_keeps_a_deadline)
{
	struct pm_cancel cancel = { false };
	struct batch b;
	struct net n;

	net_start(&n, NULL);
	atomic_store(&cancel.deadline_ns, pm_mono_ns(&pm_clock_system) + 50 * PM_MS_NS);
	batch_new(&b, &n, "GET", "/silent", 3);
	b.cancel = &cancel;
	batch_main(&b);
	assert_int_equal(batch_count(&b, PM_E_CANCELLED), 3);
	batch_end(&b);

	/* One that is over before it begins sends nothing it could wait for. */
	batch_new(&b, &n, "GET", "/silent", 3);
	b.cancel = &cancel;
	batch_main(&b);
	assert_int_equal(batch_count(&b, PM_E_CANCELLED), 3);
	batch_end(&b);
	net_stop(&n);
}

PM_TEST(io_stops_when_the_callback_says_so)
{
	struct batch b;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 1;
	batch_new(&b, &n, "GET", "/ok", 5000);
	b.stop_at = 1;
	batch_main(&b);
	assert_int_equal(b.seen, 5000);
	assert_int_equal(batch_count(&b, PM_OK) + batch_count(&b, PM_E_CANCELLED), 5000);
	assert_true(batch_count(&b, PM_E_CANCELLED) > 0);
	assert_int_equal(server_count(n.server, NULL), batch_count(&b, PM_OK));
	batch_end(&b);
	net_stop(&n);
}

/* One batch is cancelled, the one beside it goes on. */
PM_TEST(io_cancels_only_one_batch)
{
	struct pm_cancel cancel = { false };
	struct batch gone, stays;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 4;
	batch_new(&gone, &n, "GET", "/hold", 3);
	gone.cancel = &cancel;
	batch_start(&gone);
	server_wait(n.server, 3);
	batch_new(&stays, &n, "GET", "/hold", 10);
	batch_start(&stays);
	server_wait(n.server, 4);
	atomic_store(&cancel.on, true);
	assert_int_equal(pthread_join(gone.thread, NULL), 0);
	server_release(n.server);
	assert_int_equal(pthread_join(stays.thread, NULL), 0);
	assert_int_equal(batch_count(&gone, PM_E_CANCELLED), 3);
	assert_int_equal(batch_count(&stays, PM_OK), 10);
	batch_end(&gone);
	batch_end(&stays);
	net_stop(&n);
}

/* ---- many at once ---- */

PM_TEST(io_takes_many_threads)
{
	struct batch b[8];
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(b); i++) {
		batch_new(&b[i], &n, i % 4 == 3 ? "POST" : "GET", "/ok", 100);
		batch_start(&b[i]);
	}
	for (size_t i = 0; i < PM_COUNT(b); i++) {
		assert_int_equal(pthread_join(b[i].thread, NULL), 0);
		assert_int_equal(batch_count(&b[i], PM_OK), 100);
		assert_int_equal(b[i].seen, 100);
		batch_end(&b[i]);
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
