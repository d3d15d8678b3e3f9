/* What waits and for whom: limits in flight, turns between callers, the limiter, hosts that ask to wait. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net_test.h"

PM_TEST(io_keeps_to_the_limits_in_flight)
{
	struct net_batch reads, writes;
	struct server_facts f;
	struct net n;

	net_start(&n, NULL);
	net_batch_new(&reads, &n, "GET", "/hold", 40);
	net_batch_new(&writes, &n, "POST", "/hold", 20);
	net_batch_start(&reads);
	net_batch_start(&writes);
	server_wait(n.server, 8);
	server_facts(n.server, &f);
	assert_int_equal(f.most_reads, 6);
	assert_int_equal(f.most_writes, 2);
	server_release(n.server);
	net_batch_join(&reads);
	net_batch_join(&writes);
	server_facts(n.server, &f);
	assert_int_equal(f.requests, 60);
	assert_int_equal(f.most_reads, 6);
	assert_int_equal(f.most_writes, 2);
	/* Reads share connections; a write that may not be repeated opens its own. */
	assert_in_range(f.connections, 26, 28);
	assert_int_equal(net_batch_count(&reads, PM_OK), 40);
	assert_int_equal(reads.seen, 40);
	assert_int_equal(writes.seen, 20);
	net_batch_end(&reads);
	net_batch_end(&writes);
	net_stop(&n);
}

PM_TEST(io_takes_limits_from_the_host)
{
	struct server_facts f;
	struct net_batch reads;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 3;
	net_batch_new(&reads, &n, "GET", "/hold", 10);
	net_batch_start(&reads);
	server_wait(n.server, 3);
	server_release(n.server);
	net_batch_join(&reads);
	server_facts(n.server, &f);
	assert_int_equal(f.most_reads, 3);
	net_batch_end(&reads);
	net_stop(&n);
}

/* What waits in the queue has all its time left when it leaves it. */
PM_TEST(io_timeout_starts_after_the_queue)
{
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	n.host.reads = 1;
	net_batch_new(&b, &n, "GET", "/silent", 3);
	for (size_t i = 0; i < 3; i++)
		b.calls[i].timeout_ms = i < 2 ? 60 : 10000;
	b.calls[2].path = "/ok";
	net_batch_run(&b);
	assert_int_equal(b.calls[0].err.code, PM_E_TIMEOUT);
	assert_int_equal(b.calls[1].err.code, PM_E_TIMEOUT);
	assert_int_equal(b.calls[2].err.code, PM_OK);
	assert_int_equal(server_count(n.server, "/silent"), 2);
	net_batch_end(&b);
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

/* Waits until somebody who waits has looked at the time, then lets it pass. */
static void watched_pass(struct watched_clock *w, uint64_t ns)
{
	struct timespec patience;

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &patience), 0);
	patience.tv_sec += 20;
	pthread_mutex_lock(&w->lock);
	for (unsigned looks = w->looks; w->looks < looks + 3;)
		assert_int_equal(pthread_cond_timedwait(&w->looked, &w->lock, &patience), 0);
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
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	pm_transport_free(n.t);
	assert_ok(pm_io_start(&o, &n.t, &err), &err);
	net_batch_new(&b, &n, "GET", "/ok", 3);
	net_batch_start(&b);
	for (unsigned i = 1; i < 3; i++) {
		server_wait(n.server, i);
		watched_pass(&w, 50 * PM_MS_NS);
		assert_int_equal(server_count(n.server, NULL), i);
		watched_pass(&w, 50 * PM_MS_NS);
	}
	net_batch_join(&b);
	assert_int_equal(server_count(n.server, NULL), 3);
	net_batch_end(&b);
	net_stop(&n);
}

/* ---- turns ---- */

/* Starts a batch of many reads whose first six are held, and a batch with one call behind it. */
struct behind {
	struct net n, other; /* the other tells when all is queued */
	struct net_batch big, small;
};

static void behind_start(struct behind *b, size_t most, const char *method)
{
	net_start(&b->n, NULL);
	net_start(&b->other, NULL);
	net_batch_new(&b->big, &b->n, "GET", "/ok/big", most);
	for (size_t i = 0; i < 6; i++)
		b->big.calls[i].path = "/hold";
	net_batch_start(&b->big);
	server_wait(b->n.server, 6);
	net_batch_new(&b->small, &b->n, method, "/ok/small", 2);
	b->small.calls[1].host = &b->other.host;
	net_batch_start(&b->small);
	server_wait(b->other.server, 1);
}

/* The small one came in as number `from` to `to`. */
static void behind_end(struct behind *b, unsigned from, unsigned to)
{
	net_batch_join(&b->small);
	assert_int_equal(net_batch_count(&b->small, PM_OK), 2);
	net_batch_join(&b->big);
	assert_int_equal(net_batch_count(&b->big, PM_OK), b->big.n);
	assert_in_range(server_place(b->n.server, "/ok/small"), from, to);
	net_batch_end(&b->small);
	net_batch_end(&b->big);
	net_stop(&b->other);
	net_stop(&b->n);
}

PM_TEST(queue_lets_a_small_read_in_between)
{
	struct behind b;

	behind_start(&b, 10000, "GET");
	server_release(b.n.server);
	/* Six were under way, and the first places that became free went to one of each; on its way the small
	 * one may be overtaken by reads whose connections stand already, but not by many of the ten thousand. */
	behind_end(&b, 6, 200);
}

PM_TEST(queue_holds_no_write_behind_reads)
{
	struct behind b;

	behind_start(&b, 1000, "POST");
	/* Before any of the reads has got its answer. */
	net_batch_join(&b.small);
	assert_int_equal(server_count(b.n.server, NULL), 7);
	server_release(b.n.server);
	net_batch_start(&b.small);
	behind_end(&b, 6, 6);
}

/* A host whose places are all taken by calls that it does not answer can still be probed. */
PM_TEST(queue_lets_a_probe_past)
{
	struct net_batch held, probe;
	struct net n;

	net_start(&n, NULL);
	net_batch_new(&held, &n, "GET", "/hold", 8);
	net_batch_start(&held);
	server_wait(n.server, 6);
	net_batch_new(&probe, &n, "GET", "/ok", 1);
	probe.calls[0].urgent = true;
	net_batch_start(&probe);
	net_batch_join(&probe);
	assert_int_equal(net_batch_count(&probe, PM_OK), 1);
	assert_int_equal(server_count(n.server, NULL), 7);
	server_release(n.server);
	net_batch_join(&held);
	net_batch_end(&probe);
	net_batch_end(&held);
	net_stop(&n);
}

/* Three callers, one place: each third call is of another one, whoever came first. */
PM_TEST(queue_gives_turns_to_all)
{
	struct net_batch b[3];
	struct net n, other;

	net_start(&n, NULL);
	net_start(&other, NULL);
	n.host.reads = 1;
	net_expect(&other, "/ok", 200);
	for (unsigned i = 0; i < 3; i++) {
		static const char *const paths[] = { "/ok/a", "/ok/b", "/ok/c" };

		net_batch_new(&b[i], &n, "GET", paths[i], 100);
		b[i].calls[99].host = &other.host;
		if (i == 0)
			b[i].calls[0].path = "/hold";
		b[i].calls[98].path = "/ok/last";
		net_batch_start(&b[i]);
		server_wait(other.server, 2 + i);
	}
	server_release(n.server);
	for (unsigned i = 0; i < 3; i++) {
		net_batch_join(&b[i]);
		assert_int_equal(net_batch_count(&b[i], PM_OK), 100);
		net_batch_end(&b[i]);
	}
	assert_int_equal(server_place(n.server, "/ok/a"), 1);
	assert_int_equal(server_place(n.server, "/ok/b"), 2);
	assert_int_equal(server_place(n.server, "/ok/c"), 3);
	assert_in_range(server_place(n.server, "/ok/last"), 3 * 97, 3 * 98);
	net_stop(&other);
	net_stop(&n);
}

/* What is called off leaves its line; the others keep their turns. */
PM_TEST(queue_forgets_who_is_gone)
{
	struct pm_cancel cancel = { false };

	for (unsigned gone = 0; gone < 3; gone++) {
		struct net_batch v[3];
		struct net n, other;

		net_start(&n, NULL);
		net_start(&other, NULL);
		n.host.reads = 1;
		atomic_store(&cancel.on, false);
		for (unsigned i = 0; i < 3; i++) {
			net_batch_new(&v[i], &n, "GET", i == gone ? "/ok/gone" : "/ok", 50);
			v[i].calls[0].host = &other.host;
			v[i].calls[1].path = i == 0 ? "/hold" : v[i].calls[1].path;
			v[i].cancel = i == gone ? &cancel : NULL;
			net_batch_start(&v[i]);
			server_wait(other.server, 1 + i);
		}
		server_wait(n.server, 1);
		atomic_store(&cancel.on, true);
		net_batch_join(&v[gone]);
		server_release(n.server);
		for (unsigned i = 0; i < 3; i++) {
			if (i != gone)
				net_batch_join(&v[i]);
			assert_int_equal(net_batch_count(&v[i], PM_OK), i == gone ? 1 : 50);
			net_batch_end(&v[i]);
		}
		assert_int_equal(server_count(n.server, "/ok/gone"), 0);
		net_stop(&other);
		net_stop(&n);
	}
}

/* ---- hosts that ask to wait ---- */

static void watched_start(struct net *n, struct watched_clock *w)
{
	struct pm_net_opts o = { .clock = &w->clock };
	struct pm_error err;

	net_start(n, NULL);
	pm_transport_free(n->t);
	assert_ok(pm_io_start(&o, &n->t, &err), &err);
}

#define WATCHED_CLOCK                                                                    \
	{                                                                                \
		.clock = { .mono_ns = watched_mono }, .lock = PTHREAD_MUTEX_INITIALIZER, \
		.looked = PTHREAD_COND_INITIALIZER, .ns = PM_S_NS                        \
	}

/* The server's Retry-After is seven seconds. */
PM_TEST(queue_waits_when_a_host_asks)
{
	static const char *const busy[] = { "/status/429/Too+Many+Requests",
		"/status/503/Service+Unavailable" };

	for (size_t i = 0; i < PM_COUNT(busy); i++) {
		struct watched_clock w = WATCHED_CLOCK;
		struct net_batch b, c;
		struct net n;

		w.clock.self = &w;
		watched_start(&n, &w);
		net_expect(&n, busy[i], (int)(i == 0 ? 429 : 503));
		net_batch_new(&b, &n, "GET", "/ok", 20);
		net_batch_start(&b);
		net_batch_new(&c, &n, "PUT", "/ok", 20);
		net_batch_start(&c);
		watched_pass(&w, 6999 * PM_MS_NS);
		watched_pass(&w, 0);
		assert_int_equal(server_count(n.server, "/ok"), 0);
		watched_pass(&w, PM_MS_NS);
		net_batch_join(&b);
		net_batch_join(&c);
		assert_int_equal(server_count(n.server, "/ok"), 40);
		net_batch_end(&b);
		net_batch_end(&c);
		net_stop(&n);
	}
}

PM_TEST(queue_waits_for_one_host_only)
{
	struct net n, other;

	net_start(&n, NULL);
	net_start(&other, NULL);
	net_expect(&n, "/status/429/Too+Many+Requests", 429);
	n.host.url = other.host.url;
	net_expect(&n, "/ok", 200);
	net_stop(&other);
	net_stop(&n);
}

/* Other errors do not hold anything back, whatever they say. */
PM_TEST(queue_waits_not_for_others)
{
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/status/500/Internal+Server+Error", 500);
	net_expect(&n, "/status/595/No+route+to+host", 595);
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(queue_waits_no_longer_than_a_caller)
{
	struct pm_cancel cancel = { false };
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	net_expect(&n, "/status/429/Too+Many+Requests", 429);
	atomic_store(&cancel.deadline_ns, pm_mono_ns(&pm_clock_system) + 50 * PM_MS_NS);
	net_batch_new(&b, &n, "GET", "/ok", 3);
	b.cancel = &cancel;
	net_batch_run(&b);
	assert_int_equal(net_batch_count(&b, PM_E_CANCELLED), 3);
	assert_int_equal(server_count(n.server, "/ok"), 0);
	net_batch_end(&b);
	net_stop(&n);
}

/* A host that asks for an hour gets a minute. */
PM_TEST(queue_waits_a_minute_at_most)
{
	static const struct server_opts hour = { .retry_after_s = 3600 };
	struct watched_clock w = WATCHED_CLOCK;
	struct pm_net_opts o = { .clock = &w.clock };
	struct pm_call c = { 0 };
	struct net_batch b;
	struct pm_error err;
	struct net n;

	w.clock.self = &w;
	net_start(&n, &hour);
	pm_transport_free(n.t);
	assert_ok(pm_io_start(&o, &n.t, &err), &err);
	assert_ok(net_ask(&n, &c, "GET", "/status/429/Too+Many+Requests", &err), &err);
	assert_int_equal(c.retry_after_s, 3600);
	pm_call_done(&c);
	net_batch_new(&b, &n, "GET", "/ok", 1);
	net_batch_start(&b);
	watched_pass(&w, 59999 * PM_MS_NS);
	watched_pass(&w, 0);
	assert_int_equal(server_count(n.server, "/ok"), 0);
	watched_pass(&w, PM_MS_NS);
	net_batch_join(&b);
	net_batch_end(&b);
	net_stop(&n);
}
