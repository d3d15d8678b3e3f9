/* The daemon on a simulated cluster in this process: cycles by hand, and the whole loop with its thread
 * and signals. The cluster's clock jumps; the loop's own is real, but nothing here waits on it for long. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "house.h"

PM_TEST(run_makes_and_follows)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "guests"), "201");
	assert_has(house_control(&h, "guests"), "202");
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	house_put(&h, "a.yaml", HOUSE_POD("a", "201", "  tags: [x]\n"));
	house_cycle(&h, PM_WHY_FILES);
	house_good(&h);
	assert_has(house_control(&h, "guests"), "203");
	assert_has(house_control(&h, "get 201 tags"), "x");
	house_done(&h);
}

PM_TEST(run_heals)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "set 201 memory=512");
	/* Files that are as they were wake nobody. */
	house_cycle(&h, PM_WHY_FILES);
	assert_has(house_control(&h, "get 201 memory"), "512");
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "256");
	house_done(&h);
}

PM_TEST(run_does_not_heal_when_told)
{
	struct house h;

	house_start(&h, "sync: {heal: false}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "set 201 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "512");
	/* A change of the manifests is applied all the same. */
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  tags: [x]\n"));
	house_cycle(&h, PM_WHY_FILES);
	assert_has(house_control(&h, "get 202 tags"), "x");
	house_done(&h);
}

PM_TEST(run_observe_writes_nothing)
{
	struct house h;

	house_start(&h, "");
	h.o.observe = true;
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_null(strstr(house_control(&h, "guests"), "201"));
	house_done(&h);
}

PM_TEST(run_broken_file_holds_back_prune)
{
	struct house h;

	house_start(&h, "sync: {prune: true}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	house_put(&h, "a.yaml", "spec: [\n");
	house_put(&h, "b.yaml", NULL);
	for (unsigned i = 0; i < 3; i++) {
		house_cycle(&h, PM_WHY_FILES | PM_WHY_DRIFT);
		house_good(&h);
		assert_true(h.out.wrong);
		assert_false(h.out.confirm);
	}
	assert_has(house_control(&h, "guests"), "202");
	/* Its last good object is healed meanwhile. */
	(void)house_control(&h, "set 201 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "get 201 memory"), "256");
	house_done(&h);
}

static const struct pm_board_object *shown(struct house *h, const char *id)
{
	const struct pm_board_view v = house_view(h);

	for (size_t i = 0; i < v.nobjects; i++)
		if (strcmp(v.object[i].id, id) == 0)
			return &v.object[i];
	fail_msg("%s is not on the board", id);
	return NULL;
}

/* What it waits for has left the tree: it is in the manifests, and they are broken. */
PM_TEST(run_tells_what_has_lost_its_dependency)
{
	const struct pm_board_object *b;
	struct house h;

	house_start(&h, "sync: {prune: true}\n");
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  dependsOn: [a]\n"));
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	house_put(&h, "a.yaml", NULL);
	for (unsigned i = 0; i < 3; i++) {
		house_cycle(&h, PM_WHY_FILES | PM_WHY_DRIFT);
		house_good(&h);
		assert_true(h.out.wrong);
		b = shown(&h, "Pod/default/b");
		assert_int_equal(b->sync, PM_SYNC_HELD);
		assert_has(b->why, "its manifest is broken (");
		assert_has(b->why, "b.yaml:1)");
		assert_has(shown(&h, "Pod/default/a")->why, "no longer in the manifests");
	}
	assert_has(house_control(&h, "guests"), "201");
	assert_has(house_control(&h, "guests"), "202");
	house_done(&h);
}

PM_TEST(run_prunes_what_is_gone_twice)
{
	struct house h;

	house_start(&h, "sync: {prune: true}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.confirm);
	house_put(&h, "b.yaml", NULL);
	house_cycle(&h, PM_WHY_FILES);
	house_good(&h);
	assert_true(h.out.confirm);
	assert_has(house_control(&h, "guests"), "202");
	house_cycle(&h, PM_WHY_CONFIRM);
	house_good(&h);
	assert_false(h.out.confirm);
	assert_null(strstr(house_control(&h, "guests"), "202"));
	house_done(&h);
}

PM_TEST(run_without_prune_keeps)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_put(&h, "b.yaml", NULL);
	house_cycle(&h, PM_WHY_FILES);
	assert_false(h.out.confirm);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "guests"), "202");
	house_done(&h);
}

/* Too many deletions are refused as a whole; the rest of the plan is carried out. */
PM_TEST(run_too_many_deletes)
{
	struct house h;

	house_start(&h, "sync: {prune: true, maxDeletes: 0}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_put(&h, "b.yaml", NULL);
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	house_cycle(&h, PM_WHY_FILES);
	house_cycle(&h, PM_WHY_CONFIRM);
	assert_has(house_control(&h, "guests"), "202");
	assert_has(house_control(&h, "guests"), "203");
	house_done(&h);
}

PM_TEST(run_gives_up_a_field_that_comes_back)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	for (unsigned i = 0; i < PM_RETURNS_MOST; i++) {
		(void)house_control(&h, "set 201 memory=512");
		house_cycle(&h, PM_WHY_DRIFT);
		house_good(&h);
		assert_has(house_control(&h, "get 201 memory"), "256");
	}
	(void)house_control(&h, "set 201 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "512");
	/* Another object is healed as ever, and a change of the manifests begins anew. */
	(void)house_control(&h, "set 202 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "get 202 memory"), "256");
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  tags: [x]\n"));
	house_cycle(&h, PM_WHY_FILES);
	assert_has(house_control(&h, "get 201 memory"), "256");
	house_done(&h);
}

PM_TEST(run_failure_is_tried_again)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	(void)house_control(&h, "fail GET /cluster/resources:500:50");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.failed);
	(void)house_control(&h, "fail-clear");
	house_cycle(&h, PM_WHY_RETRY);
	house_good(&h);
	assert_has(house_control(&h, "guests"), "201");
	house_done(&h);
}

PM_TEST(run_cancelled)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	atomic_store(&h.cancel.on, true);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_false(h.out.failed);
	assert_null(strstr(house_control(&h, "guests"), "201"));
	house_done(&h);
}

PM_TEST(run_tells)
{
	struct house h;
	FILE *f;
	char *log;
	int old;

	house_start(&h, "");
	house_put(&h, "c.yaml",
		HOUSE_POD("c", "203", "  dependsOn: [b]\n  password: hunter2hunter2\n"));
	house_open(&h);
	old = house_divert(&f);
	house_cycle(&h, PM_WHY_DRIFT);
	house_put(&h, "a.yaml", HOUSE_POD("a", "201", "  tags: [x]\n  unprivileged: true\n"));
	(void)house_control(&h, "fail PUT /nodes/pve1/lxc/201/config:400:9");
	house_cycle(&h, PM_WHY_FILES);
	(void)house_control(&h, "fail-clear");
	house_put(&h, "b.yaml", "kind: Pood\n");
	house_cycle(&h, PM_WHY_FILES);
	house_cycle(&h, PM_WHY_DRIFT);
	log = house_undivert(f, old);
	assert_has(log, "info created object=Pod/default/a action=create vmid=201");
	assert_has(log, "error failed object=Pod/default/a action=update vmid=201");
	assert_has(log,
		"info updated object=Pod/default/a action=update vmid=201 changes=\"tags absent -> x\"");
	assert_has(log, "error unknown kind \"Pood\" at=");
	assert_has(log, "help=\"did you mean Pod?\"");
	assert_has(log, "warning files are broken");
	assert_has(log, "debug nothing to do");
	assert_null(strstr(log, "hunter2"));
	/* A finding is told when it is new, not in every cycle. */
	assert_null(strstr(strstr(log, "unknown kind") + 1, "unknown kind"));
	free(log);
	house_done(&h);
}

PM_TEST(run_observe_tells_once)
{
	struct house h;
	FILE *f;
	char *log;
	int old;

	house_start(&h, "");
	h.o.observe = true;
	house_open(&h);
	old = house_divert(&f);
	house_cycle(&h, PM_WHY_DRIFT);
	house_cycle(&h, PM_WHY_DRIFT);
	log = house_undivert(f, old);
	assert_has(log, "info would be done object=Pod/default/a action=create");
	assert_null(strstr(strstr(log, "Pod/default/a") + 1, "Pod/default/a"));
	free(log);
	house_done(&h);
}

/* ---- observing ---- */

/* Passes calls on and counts those that could change anything. */
struct counting {
	struct pm_transport base;
	struct house *h;
	atomic_uint writes;
};

static void count_writes(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *fn, void *arg, struct pm_cancel *cancel)
{
	struct counting *c = (struct counting *)t;

	for (size_t i = 0; i < n; i++)
		if (strcmp(v[i]->method, "GET") != 0 && !strstr(v[i]->path, "/access/ticket"))
			atomic_fetch_add(&c->writes, 1);
	pm_net_batch(c->h->wire, v, n, fn, arg, cancel);
}

static void borrowed_free(PM_UNUSED struct pm_transport *t)
{
}

static const struct pm_transport_ops counting_ops = { count_writes, borrowed_free };

/* New, changed, stopped and superfluous objects, new manifests, all consents given: nothing is sent. */
PM_TEST(run_observe_sends_nothing)
{
	struct counting c = { .base = { &counting_ops } };
	struct house h;

	house_start(&h, "sync: {prune: true, restart: allow, replace: allow}\n");
	c.h = &h;
	h.o.transport = &c.base;
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_true(atomic_load(&c.writes) > 0);
	pm_keeper_close(&h.keeper);
	pm_board_free(h.board);
	atomic_store(&c.writes, 0);
	h.o.observe = true;
	house_open(&h);
	house_put(&h, "a.yaml", HOUSE_POD("a", "201", "  tags: [seen]\n"));
	house_put(&h, "b.yaml", NULL);
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	(void)house_control(&h, "set 201 memory=512");
	for (unsigned i = 0; i < 4; i++)
		house_cycle(&h, PM_WHY_DRIFT | PM_WHY_FILES | PM_WHY_CONFIRM | PM_WHY_RETRY);
	house_good(&h);
	assert_int_equal(atomic_load(&c.writes), 0);
	/* Not because nobody tries: whoever does is stopped where requests are sent. */
	h.o.observe = false;
	pm_log_setup(PM_LOG_ERROR - 1, false);
	house_cycle(&h, PM_WHY_DRIFT);
	pm_log_setup(PM_LOG_WARNING, false);
	assert_true(h.out.failed);
	assert_int_equal(atomic_load(&c.writes), 0);
	assert_null(strstr(house_control(&h, "guests"), "203"));
	house_done(&h);
}

/* ---- other files while a cycle runs ---- */

/* Passes calls on; with the first create somebody writes another manifest. */
struct meddling {
	struct pm_transport base;
	struct house *h;
	atomic_uint creates;
};

static void meddle(struct pm_transport *t, struct pm_call *const *v, size_t n, pm_call_done_fn *fn,
	void *arg, struct pm_cancel *cancel)
{
	struct meddling *m = (struct meddling *)t;

	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(v[i]->path);

		if (strcmp(v[i]->method, "POST") != 0 || strcmp(v[i]->path + len - 4, "/lxc") != 0)
			continue;
		if (atomic_fetch_add(&m->creates, 1) > 0)
			continue;
		/* Nothing has changed yet: the run goes on. */
		pm_keeper_hurry(&m->h->keeper);
		assert_false(atomic_load(&m->h->keeper.hurry.on));
		house_put(m->h, "z.yaml", HOUSE_POD("z", "299", ""));
		pm_keeper_hurry(&m->h->keeper);
		assert_true(atomic_load(&m->h->keeper.hurry.on));
	}
	pm_net_batch(m->h->wire, v, n, fn, arg, cancel);
}

PM_TEST(run_begins_nothing_more_when_files_change)
{
	static const struct pm_transport_ops ops = { meddle, borrowed_free };
	struct pm_board_view v;
	struct meddling m = { .base = { &ops } };
	struct house h;

	house_start(&h, "");
	for (char c = 'c'; c <= 'n'; c++) {
		struct pm_buf text cleanup_buf = PM_BUF(0);
		char name[16];

		(void)snprintf(name, sizeof(name), "%c.yaml", c);
		(void)pm_buf_addf(&text, HOUSE_POD("%c", "2%02d", ""), c, 10 + c - 'a');
		house_put(&h, name, pm_buf_str(&text));
	}
	m.h = &h;
	h.o.transport = &m.base;
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_in_range(m.creates, 1, 8);
	pm_board_view(h.board, h.arena, 0, &v);
	assert_null(v.applied.id);
	/* The next cycle has all of it. */
	house_cycle(&h, PM_WHY_FILES);
	house_good(&h);
	assert_int_equal(m.creates, 15);
	assert_has(house_control(&h, "guests"), "299");
	pm_board_view(h.board, h.arena, 0, &v);
	assert_non_null(v.applied.id);
	house_done(&h);
}

/* ---- the whole ---- */

PM_TEST(run_once)
{
	struct house h;
	struct pm_error err = { 0 };

	house_start(&h, "");
	h.o.once = true;
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	assert_has(house_control(&h, "guests"), "201");
	house_put(&h, "a.yaml", HOUSE_POD("a", "201", "  onboot: yes\n"));
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	assert_err(pm_daemon_run(&h.o, &err), PM_E_INPUT, &err, "errors in the manifests");
	assert_has(house_control(&h, "guests"), "203");
	house_done(&h);
}

/* One cycle of its own has no load before it; its two equal readings count. */
PM_TEST(run_once_prunes)
{
	struct house h;
	struct pm_error err = { 0 };

	house_start(&h, "");
	h.o.once = true;
	h.o.prune = true;
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	house_put(&h, "b.yaml", NULL);
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	assert_has(house_control(&h, "guests"), "201");
	assert_null(strstr(house_control(&h, "guests"), "202"));
	house_done(&h);
}

PM_TEST(run_once_fails)
{
	struct house h;
	struct pm_error err = { 0 };

	house_start(&h, "");
	h.o.once = true;
	(void)house_control(&h, "fail GET /cluster/resources:500:50");
	assert_true(pm_daemon_run(&h.o, &err) < 0);
	assert_has(err.msg, "reading the cluster");
	house_done(&h);
}

PM_TEST(run_wrong_folder)
{
	struct house h;
	struct pm_error err = { 0 };

	house_start(&h, "");
	h.o.dir = "/nonexistent";
	assert_err(pm_daemon_run(&h.o, &err), PM_E_IO, &err, "/nonexistent");
	h.o.dir = "manifests/podmox.yaml";
	assert_err(pm_daemon_run(&h.o, &err), PM_E_USAGE, &err, "is a file");
	house_done(&h);
}

PM_TEST(run_one_daemon_a_set)
{
	struct house h;
	struct pm_setlock *lock;
	struct pm_error err = { 0 };

	house_start(&h, "");
	assert_ok(pm_setlock_take(h.config->journal_dir, "home.watch", &lock, &err), &err);
	h.o.once = true;
	assert_err(pm_daemon_run(&h.o, &err), PM_E_SETLOCKED, &err,
		"the set home can be watched once only");
	pm_setlock_release(lock);
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	house_done(&h);
}

struct loop {
	const struct pm_daemon_opts *o;
	struct pm_error err;
	int r;
};

static void *run_loop(void *arg)
{
	struct loop *l = arg;

	l->r = pm_daemon_run(l->o, &l->err);
	return NULL;
}

/* A signal that comes before the loop waits in the queue of the process; so does one that comes while a
 * cycle runs. Both end it well. */
PM_TEST(run_ends_on_a_signal)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct house h;
	sigset_t set, old;

	house_start(&h, "");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
	for (size_t i = 0; i < PM_COUNT(signals); i++) {
		struct loop l = { .o = &h.o };
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, run_loop, &l), 0);
		assert_int_equal(kill(getpid(), SIGHUP), 0);
		assert_int_equal(kill(getpid(), signals[i]), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_ok(l.r, &l.err);
	}
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
	house_done(&h);
}
