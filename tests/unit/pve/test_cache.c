/* The cache: who is asked again, what a write makes forgotten, and that one request serves all who ask. */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "base/json.h"
#include "client.h"
#include "pve/op.h"

#define CONFIG "/nodes/pve1/lxc/210/config"

static int get_cached(struct client *c, const char *path)
{
	struct pm_pve_call call = { .method = "GET", .path = path, .cached = true };

	return pm_pve_call(c->pve, &c->job, &call, NULL, &c->err);
}

static int write_to(struct client *c, const char *method, const char *path, const char *form)
{
	struct pm_pve_call call = {
		.method = method, .path = path, .form = form, .operation = "update"
	};

	return pm_pve_call(c->pve, &c->job, &call, NULL, &c->err);
}

static struct pm_pve_stats stats_of(struct client *c)
{
	struct pm_pve_stats s;

	pm_pve_stats(c->pve, &s);
	return s;
}

PM_TEST(an_answer_is_good_for_a_while)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/*", "{\"data\":{\"a\":1}}");
	assert_ok(get_cached(&c, CONFIG), &c.err);
	atomic_fetch_add(&c.clock.ns, 4999 * PM_MS_NS);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 1);
	assert_int_equal(stats_of(&c).hits, 1);
	assert_int_equal(stats_of(&c).misses, 1);
	assert_int_equal(stats_of(&c).entries, 1);
	assert_int_equal(stats_of(&c).oldest_ms, 4999);
	atomic_fetch_add(&c.clock.ns, PM_MS_NS);
	assert_int_equal(stats_of(&c).entries, 0);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	client_stop(&c);
}

PM_TEST(data_of_the_cache_is_what_was_answered)
{
	struct pm_pve_call call = { .method = "GET", .path = "/version", .cached = true };
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/version", "{\"data\":{\"version\":\"9.0.1\"}}");
	for (int i = 0; i < 3; i++) {
		PM_CLEANUP(pm_json_putp) struct json_object *data = NULL;

		assert_ok(pm_pve_call(c.pve, &c.job, &call, &data, &c.err), &c.err);
		assert_string_equal(pm_json_str(data, "version"), "9.0.1");
	}
	assert_int_equal(client_count(&c, "GET", "/version"), 1);
	client_stop(&c);
}

/* Preconditions and what comes before a delete ask without the flag: they must see what is. */
PM_TEST(nobody_gets_an_old_answer_who_did_not_ask_for_one)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/*", "{\"data\":{}}");
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_ok(client_get(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	assert_int_equal(stats_of(&c).hits, 0);
	client_stop(&c);
}

PM_TEST(no_cache_means_none)
{
	struct client c;

	client_start_token(&c, "pve1");
	c.pve->no_cache = true;
	client_answer(&c, "GET", "/*", "{\"data\":{}}");
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	assert_int_equal(stats_of(&c).misses, 0);
	client_stop(&c);
}

PM_TEST(errors_are_not_kept)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "GET", CONFIG, 403, "Permission check failed", "");
	assert_err(get_cached(&c, CONFIG), PM_E_PERMISSION, &c.err, NULL);
	assert_err(get_cached(&c, CONFIG), PM_E_PERMISSION, &c.err, NULL);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	client_stop(&c);
}

PM_TEST(the_query_is_part_of_the_question)
{
	struct pm_pve_call call = {
		.method = "GET", .path = "/cluster/resources", .form = "type=vm", .cached = true
	};
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/*", "{\"data\":[]}");
	assert_ok(get_cached(&c, "/cluster/resources"), &c.err);
	assert_ok(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), &c.err);
	assert_ok(get_cached(&c, "/cluster/resources?type=vm"), &c.err);
	assert_int_equal(client_count(&c, "GET", NULL), 2);
	client_stop(&c);
}

PM_TEST(classes_of_paths)
{
	static const struct {
		const char *path;
		unsigned ms;
	} table[] = {
		{ "/version", 300000 },
		{ "/nodes/pve1/version", 300000 },
		{ "/nodes", 60000 },
		{ "/cluster/config/nodes", 60000 },
		{ "/storage", 60000 },
		{ "/nodes/pve1/storage", 30000 },
		{ "/nodes/pve1/network", 30000 },
		{ "/access/permissions?path=/vms", 30000 },
		{ "/nodes/pve1/storage/local/content?content=iso", 10000 },
		{ "/cluster/status", 10000 },
		{ "/pools/web", 10000 },
		{ CONFIG, 5000 },
		{ "/nodes/pve1/qemu/100/pending", 5000 },
		{ "/cluster/resources?type=vm", 3000 },
		{ "/nodes/pve1/lxc", 3000 },
		{ "/nodes/pve1/lxc/210/status/current", 2000 },
		{ "/nodes/pve1/status", 2000 },
		{ "/nodes/pve1/tasks", 0 },
		{ "/nodes/pve1/tasks/UPID%3Apve1/status", 0 },
		{ "/cluster/tasks", 0 },
		{ "/cluster/nextid", 0 },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		if (pm_cache_ttl_ns(table[i].path) != table[i].ms * PM_MS_NS)
			fail_msg("%s", table[i].path);
	}
}

/* ---- what a write makes forgotten ---- */

static const char *const keys[] = { "/version", "/cluster/resources", "/cluster/status", "/pools",
	"/storage", "/nodes/pve1/version", "/nodes/pve1/lxc", "/nodes/pve1/lxc/210/config",
	"/nodes/pve2/lxc/210/status/current", "/nodes/pve1/lxc/2101/config",
	"/nodes/pve1/qemu/100/config", "/nodes/pve1/storage/local/content", "/access/permissions" };

static bool is_kept(struct pm_cache *cache, struct pm_job *j, const char *key)
{
	struct pm_cache_ask ask;
	struct pm_fault fault = { .code = PM_OK };
	struct pm_error err;

	assert_ok(pm_cache_ask(cache, j, key, &ask, NULL, &err), &err);
	if (ask.flight) {
		(void)pm_error_set(&err, PM_E_BUG, "nobody asks");
		pm_cache_leave(cache, ask.flight, NULL, &fault, &err);
	}
	pm_blob_put(ask.blob);
	return ask.blob != NULL;
}

static void keep(struct pm_cache *cache, struct pm_job *j, const char *key, const char *text)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);
	struct pm_cache_ask ask;
	struct pm_error err;

	assert_ok(pm_cache_ask(cache, j, key, &ask, NULL, &err), &err);
	assert_non_null(ask.flight);
	(void)pm_buf_adds(&b, text);
	pm_cache_leave(cache, ask.flight, &b, NULL, NULL);
}

PM_TEST(writes_make_forgotten_what_they_touch)
{
	/* One letter for each of the keys: '-' forgotten. */
	static const struct {
		const char *path, *left;
	} table[] = {
		{ "/nodes/pve1/lxc/210/config", "x-x-xx---xx-x" },
		{ "/nodes/pve3/lxc/210/migrate", "x-x-xx---xx-x" },
		{ "/nodes/pve1/qemu/100/status/start", "x-x-xx-xxx--x" },
		{ "/nodes/pve1/lxc", "x-x-xx-xxxx-x" },
		{ "/nodes/pve1/storage/local/upload", "x-x-x---x---x" },
		{ "/pools", "x-x-xx-xxxxxx" },
		{ "/pools/web?x=1", "x-x-xx-xxxxxx" },
		{ "/storage/local", "x-x--x-xxxx-x" },
		{ "/cluster/ha/resources", "x---xx-xxxxxx" },
		{ "/cluster/bulk-action/guest/start", "-------------" },
		{ "/access/acl", "x-x-xx-xxxxx-" },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct client c;

		client_start_token(&c, "pve1");
		for (size_t k = 0; k < PM_COUNT(keys); k++)
			keep(&c.pve->cache, &c.job, keys[k], "{}");
		pm_cache_wrote(&c.pve->cache, table[i].path);
		for (size_t k = 0; k < PM_COUNT(keys); k++) {
			if (is_kept(&c.pve->cache, &c.job, keys[k]) != (table[i].left[k] == 'x'))
				fail_msg("a write to %s: %s", table[i].path, keys[k]);
		}
		client_stop(&c);
	}
}

PM_TEST(our_own_writes_are_seen_at_once)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/*", "{\"data\":{}}");
	client_answer(&c, "PUT", CONFIG, "{\"data\":null}");
	client_answer(&c, "POST", "/nodes/pve1/lxc", "{\"data\":null}");
	client_fail(&c, NULL, "/nodes/pve1/lxc/210", PM_E_TIMEOUT, true);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_ok(get_cached(&c, "/cluster/resources"), &c.err);
	assert_ok(write_to(&c, "PUT", CONFIG, "cores=2"), &c.err);
	assert_int_equal(stats_of(&c).dropped, 2);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	/* So are those whose answer was lost, and those that name the guest in the form. */
	assert_err(write_to(&c, "DELETE", "/nodes/pve1/lxc/210", NULL), PM_E_TIMEOUT, &c.err, NULL);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 3);
	assert_ok(write_to(&c, "POST", "/nodes/pve1/lxc", "hostname=a&vmid=210"), &c.err);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 4);
	client_stop(&c);
}

PM_TEST(the_end_of_a_task_makes_forgotten_what_it_worked_on)
{
	static const char path[] = "/nodes/pve1/tasks/UPID%3Apve1%3A1/status";
	struct client c;

	client_start_token(&c, "pve1");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .path = API "/nodes/pve1/tasks/*",
				   .times = 1,
				   .body = "{\"data\":{\"status\":\"running\",\"id\":\"210\"}}" });
	client_answer(&c, "GET", "/nodes/pve1/tasks/*",
		"{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"OK\",\"id\":\"210\"}}");
	client_answer(&c, "GET", "/*", "{\"data\":{}}");
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_ok(client_get(&c, path), &c.err);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 1);
	assert_ok(client_get(&c, path), &c.err);
	assert_ok(get_cached(&c, CONFIG), &c.err);
	assert_int_equal(client_count(&c, "GET", CONFIG), 2);
	client_stop(&c);
}

PM_TEST(callers_may_forget_by_prefix)
{
	struct client c;

	client_start_token(&c, "pve1");
	keep(&c.pve->cache, &c.job, "/version", "{}");
	keep(&c.pve->cache, &c.job, "/nodes/pve1/version", "{}");
	pm_pve_cache_drop(c.pve, "/nodes");
	assert_true(is_kept(&c.pve->cache, &c.job, "/version"));
	assert_false(is_kept(&c.pve->cache, &c.job, "/nodes/pve1/version"));
	pm_pve_cache_drop(c.pve, "");
	assert_false(is_kept(&c.pve->cache, &c.job, "/version"));
	client_stop(&c);
}

/* ---- size ---- */

PM_TEST(the_oldest_answers_make_room)
{
	struct pm_buf big cleanup_buf = PM_BUF(0);
	struct client c;
	struct pm_cache *cache;

	client_start_token(&c, "pve1");
	cache = &c.pve->cache;
	cache->most_bytes = 16384;
	for (int i = 0; i < 3000; i++)
		(void)pm_buf_addc(&big, 'x');
	for (int i = 0; i < 20; i++)
		keep(cache, &c.job, pm_arena_printf(c.arena, "/storage/s%d", i), big.p);
	assert_true(cache->bytes <= 16384);
	assert_false(is_kept(cache, &c.job, "/storage/s0"));
	assert_true(is_kept(cache, &c.job, "/storage/s19"));
	assert_true(is_kept(cache, &c.job, "/storage/s16"));
	/* One that would drive out all others is not kept at all. */
	for (int i = 0; i < 3000; i++)
		(void)pm_buf_addc(&big, 'x');
	keep(cache, &c.job, "/version", big.p);
	assert_false(is_kept(cache, &c.job, "/version"));
	assert_true(is_kept(cache, &c.job, "/storage/s19"));
	client_stop(&c);
}

/* ---- one request for all ---- */

/* A transport whose requests take until so many others wait for the same. */
struct gate {
	struct pm_transport base;
	struct pm_transport *inner;
	struct pm_pve *pve;
	uint64_t joined;
	struct pm_cancel *cancel_first; /* set when they wait; NULL: not */
	atomic_uint n;
};

static void gate_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct gate *g = (struct gate *)t;
	struct pm_pve_stats s = { .joined = 0 };
	unsigned before = atomic_fetch_add(&g->n, 1);

	/* Without end it would hang where nobody joins. */
	for (unsigned i = 0; before == 0 && s.joined < g->joined && i < 20000000; i++) {
		pm_pve_stats(g->pve, &s);
		(void)sched_yield();
	}
	if (before == 0 && g->cancel_first)
		atomic_store(&g->cancel_first->on, true);
	pm_net_batch(g->inner, v, n, done, arg, cancel);
}

static void gate_free(struct pm_transport *t)
{
	struct gate *g = (struct gate *)t;

	pm_transport_free(g->inner);
	free(g);
}

static struct gate *gate_new(struct client *c, uint64_t joined)
{
	static const struct pm_transport_ops ops = { gate_batch, gate_free };
	struct gate *g = pm_xcalloc(1, sizeof(*g));

	g->base.ops = &ops;
	g->inner = c->net;
	g->pve = c->pve;
	g->joined = joined;
	c->pve->transport = &g->base;
	return g;
}

struct asker {
	struct client *c;
	struct pm_cancel cancel;
	pthread_t thread;
	int r;
	struct pm_error err;
	struct pm_fault fault;
	const char *version;
	char copy[32];
};

static void *ask_once(void *arg)
{
	struct asker *a = arg;
	struct pm_job job = { .cancel = &a->cancel, .clock = &a->c->clock.clock };
	struct pm_pve_call call = {
		.method = "GET", .path = "/version", .cached = true, .fault = &a->fault
	};
	struct json_object *data = NULL;

	job.arena = pm_arena_new(0);
	a->r = pm_pve_call(a->c->pve, &job, &call, &data, &a->err);
	(void)snprintf(
		a->copy, sizeof(a->copy), "%s", a->r == 0 ? pm_json_str(data, "version") : "");
	pm_json_putp(&data);
	pm_arena_free(job.arena);
	return NULL;
}

static void ask_together(struct client *c, struct asker *a, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		a[i].c = c;
		assert_int_equal(pthread_create(&a[i].thread, NULL, ask_once, &a[i]), 0);
	}
	for (size_t i = 0; i < n; i++)
		assert_int_equal(pthread_join(a[i].thread, NULL), 0);
}

PM_TEST(eight_ask_and_one_request_is_sent)
{
	struct asker a[8] = { { .c = NULL } };
	struct gate *g;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/version", "{\"data\":{\"version\":\"9.0.1\"}}");
	g = gate_new(&c, 7);
	ask_together(&c, a, 8);
	for (int i = 0; i < 8; i++) {
		assert_ok(a[i].r, &a[i].err);
		assert_string_equal(a[i].copy, "9.0.1");
	}
	assert_int_equal(client_count(&c, "GET", "/version"), 1);
	assert_int_equal(stats_of(&c).joined, 7);
	assert_int_equal(stats_of(&c).misses, 1);
	c.net = &g->base;
	client_stop(&c);
}

PM_TEST(all_who_wait_get_the_error)
{
	struct asker a[4] = { { .c = NULL } };
	struct gate *g;
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "GET", "/version", 403, "Permission check failed (/, Sys.Audit)", "");
	g = gate_new(&c, 3);
	ask_together(&c, a, 4);
	for (int i = 0; i < 4; i++) {
		assert_err(a[i].r, PM_E_PERMISSION, &a[i].err, "Sys.Audit");
		assert_string_equal(a[i].fault.privilege, "Sys.Audit");
		assert_int_equal(a[i].fault.status, 403);
	}
	assert_int_equal(client_count(&c, "GET", "/version"), 1);
	c.net = &g->base;
	client_stop(&c);
}

/* Whoever was cancelled takes nobody along: the next one asks. */
PM_TEST(a_cancelled_leader_hands_over)
{
	struct asker a[3] = { { .c = NULL } };
	struct gate *g;
	struct client c;
	int cancelled = 0;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/version", "{\"data\":{\"version\":\"9.0.1\"}}");
	g = gate_new(&c, 2);
	g->cancel_first = &a[0].cancel;
	/* The first is the leader: the others are let in when it is there. */
	a[0].c = &c;
	assert_int_equal(pthread_create(&a[0].thread, NULL, ask_once, &a[0]), 0);
	while (atomic_load(&g->n) == 0)
		(void)sched_yield();
	ask_together(&c, a + 1, 2);
	assert_int_equal(pthread_join(a[0].thread, NULL), 0);
	assert_err(a[0].r, PM_E_CANCELLED, &a[0].err, NULL);
	for (int i = 1; i < 3; i++) {
		assert_ok(a[i].r, &a[i].err);
		assert_string_equal(a[i].copy, "9.0.1");
		cancelled += a[i].err.code == PM_E_CANCELLED;
	}
	assert_int_equal(cancelled, 0);
	assert_int_equal(client_count(&c, "GET", "/version"), 1);
	c.net = &g->base;
	client_stop(&c);
}

PM_TEST(who_waits_can_be_cancelled)
{
	struct asker a = { .c = NULL };
	struct pm_cache_ask ask;
	struct pm_fault fault = { .code = PM_OK };
	struct client c;

	client_start_token(&c, "pve1");
	a.c = &c;
	assert_ok(pm_cache_ask(&c.pve->cache, &c.job, "/version", &ask, NULL, &c.err), &c.err);
	assert_int_equal(pthread_create(&a.thread, NULL, ask_once, &a), 0);
	while (stats_of(&c).joined == 0)
		(void)sched_yield();
	atomic_store(&a.cancel.on, true);
	assert_int_equal(pthread_join(a.thread, NULL), 0);
	assert_err(a.r, PM_E_CANCELLED, &a.err, "another call asks for the same");
	(void)pm_error_set(&c.err, PM_E_CANCELLED, "over");
	pm_cache_leave(&c.pve->cache, ask.flight, NULL, &fault, &c.err);
	client_stop(&c);
}

PM_TEST(an_answer_from_before_a_write_is_not_kept_after_it)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_cache_ask before, after;
	struct client c;

	client_start_token(&c, "pve1");
	(void)pm_buf_adds(&text, "{}");
	assert_ok(pm_cache_ask(&c.pve->cache, &c.job, CONFIG, &before, NULL, &c.err), &c.err);
	pm_cache_wrote(&c.pve->cache, CONFIG);
	/* Whoever asks after the write does not wait for the old answer either; waiting would be
	 * cancelled. */
	atomic_store(&c.cancel.on, true);
	assert_ok(pm_cache_ask(&c.pve->cache, &c.job, CONFIG, &after, NULL, &c.err), &c.err);
	assert_non_null(after.flight);
	assert_ptr_not_equal(after.flight, before.flight);
	pm_cache_leave(&c.pve->cache, before.flight, &text, NULL, NULL);
	assert_int_equal(stats_of(&c).entries, 0);
	pm_cache_leave(&c.pve->cache, after.flight, &text, NULL, NULL);
	assert_int_equal(stats_of(&c).entries, 1);
	client_stop(&c);
}

static void *mix(void *arg)
{
	struct client *c = arg;
	struct pm_job job = { .cancel = NULL, .clock = &c->clock.clock };
	static const char *const paths[] = { CONFIG, "/version", "/cluster/resources" };
	struct pm_error err;
	intptr_t bad = 0;

	job.arena = pm_arena_new(0);
	for (int i = 0; i < 200; i++) {
		struct pm_pve_call read = { .method = "GET", .path = paths[i % 3], .cached = true };
		struct pm_pve_call write = {
			.method = "PUT", .path = CONFIG, .operation = "update"
		};

		bad += pm_pve_call(c->pve, &job, &read, NULL, &err) < 0;
		if (i % 16 == 0)
			bad += pm_pve_call(c->pve, &job, &write, NULL, &err) < 0;
		if (i % 50 == 0)
			pm_pve_cache_drop(c->pve, "/version");
	}
	pm_arena_free(job.arena);
	return (void *)bad;
}

PM_TEST(threads_read_and_write_through_one_cache)
{
	struct pm_pve_stats s;
	struct client c;
	pthread_t t[8];

	client_start_token(&c, "pve1 pve2");
	client_answer(&c, NULL, "/*", "{\"data\":{}}");
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, mix, &c), 0);
	for (size_t i = 0; i < PM_COUNT(t); i++) {
		void *bad;

		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	s = stats_of(&c);
	assert_int_equal(s.hits + s.misses + s.joined, 8 * 200);
	assert_int_equal(s.misses, client_count(&c, "GET", "/*"));
	client_stop(&c);
}
