/* What is held back: objects that fail, windows, suspensions, a cluster without quorum; and that it is said. */
#include "house.h"

/* ---- failing objects, alone ---- */

PM_TEST(fails_wait_longer_each_time)
{
	struct pm_error err = { .code = PM_E_TASK, .msg = "no space" };
	struct pm_fails f;

	pm_fails_init(&f, 7);
	for (unsigned n = 1; n <= 40; n++) {
		uint64_t most = n < 10 ? PM_S_NS << (n - 1) : 300 * PM_S_NS;
		uint64_t now = n * PM_S_NS;

		pm_fails_add(&f, "Pod/default/a", &err, now);
		assert_int_equal(pm_fails_get(&f, "Pod/default/a")->attempts, n);
		assert_in_range(pm_fails_next(&f), now + PM_S_NS,
			now + (most < 300 * PM_S_NS ? most : 300 * PM_S_NS));
	}
	pm_fails_done(&f);
}

/* Chance keeps those that failed together from coming back together. */
PM_TEST(fails_do_not_walk_in_step)
{
	struct pm_error err = { .code = PM_E_TASK, .msg = "no space" };
	struct pm_fails f;

	pm_fails_init(&f, 7);
	for (unsigned n = 0; n < 9; n++) {
		pm_fails_add(&f, "Pod/default/a", &err, 0);
		pm_fails_add(&f, "Pod/default/b", &err, 0);
	}
	assert_int_not_equal(
		pm_fails_get(&f, "Pod/default/a")->next, pm_fails_get(&f, "Pod/default/b")->next);
	pm_fails_done(&f);
}

PM_TEST(fails_are_dropped_and_released)
{
	struct pm_error err = { .code = PM_E_TASK, .msg = "no space" };
	struct pm_fails f;

	pm_fails_init(&f, 7);
	assert_int_equal(pm_fails_next(&f), 0);
	pm_fails_add(&f, "Pod/default/a", &err, 0);
	pm_fails_add(&f, "Pod/default/b", &err, 0);
	pm_fails_drop(&f, "Pod/default/a");
	pm_fails_drop(&f, "Pod/default/c");
	assert_null(pm_fails_get(&f, "Pod/default/a"));
	assert_string_equal(pm_fails_get(&f, "Pod/default/b")->why, "no space");
	pm_fails_release(&f);
	assert_int_equal(pm_fails_get(&f, "Pod/default/b")->next, 0);
	assert_int_equal(pm_fails_get(&f, "Pod/default/b")->attempts, 1);
	assert_int_equal(pm_fails_next(&f), 1);
	pm_fails_done(&f);
}

/* ---- windows, alone ---- */

/* 2026-03-27 is a Friday; in Vienna summer time begins on the 29th at two. */
#define FRIDAY_NOON 1774609200000 /* 2026-03-27 12:00 in Vienna */
#define HOUR        3600000

static void in_vienna(void)
{
	assert_int_equal(setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1), 0);
	tzset();
}

static bool open_at(const struct pm_window *w, unsigned impacts, int64_t ms, int64_t *next)
{
	return pm_windows_open(w, 1, impacts, ms, next);
}

PM_TEST(windows_open_and_close)
{
	const struct pm_window w = {
		.days = 0x7f, .from = 13 * 60, .to = 14 * 60, .impacts = PM_WIN_RESTART
	};
	int64_t next;

	in_vienna();
	assert_false(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON, &next));
	assert_int_equal(next, FRIDAY_NOON + HOUR);
	assert_true(open_at(&w, PM_WIN_RESTART, next, &next));
	assert_true(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON + 2 * HOUR - 1, &next));
	assert_false(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON + 2 * HOUR, &next));
	assert_int_equal(next, FRIDAY_NOON + 25 * HOUR);
	/* What no window names is free. */
	assert_true(open_at(&w, PM_WIN_LIVE, FRIDAY_NOON, &next));
	assert_false(open_at(&w, PM_WIN_LIVE | PM_WIN_RESTART, FRIDAY_NOON, &next));
	assert_true(open_at(&w, 0, FRIDAY_NOON, &next));
}

/* From Saturday evening to Sunday morning; the night of the change has an hour less. */
PM_TEST(windows_over_midnight_and_summer_time)
{
	const struct pm_window w = {
		.days = 1 << 6, .from = 22 * 60, .to = 4 * 60, .impacts = PM_WIN_RESTART
	};
	int64_t next;

	in_vienna();
	assert_false(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON, &next));
	assert_int_equal(next, FRIDAY_NOON + 34 * HOUR);
	assert_true(open_at(&w, PM_WIN_RESTART, next, &next));
	assert_true(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON + 39 * HOUR - 1, &next));
	assert_false(open_at(&w, PM_WIN_RESTART, FRIDAY_NOON + 39 * HOUR, &next));
	assert_int_equal(next, FRIDAY_NOON + (34 + 7 * 24 - 1) * HOUR);
}

PM_TEST(windows_of_the_same_impact_add_up)
{
	const struct pm_window w[] = {
		{ .days = 1 << 1, .from = 0, .to = 24 * 60, .impacts = PM_WIN_RESTART },
		{ .days = 1 << 6, .from = 0, .to = 24 * 60, .impacts = PM_WIN_RESTART },
		{ .days = 1 << 5, .from = 0, .to = 24 * 60, .impacts = PM_WIN_LIVE },
	};
	int64_t next;

	in_vienna();
	assert_false(pm_windows_open(w, 3, PM_WIN_RESTART, FRIDAY_NOON, &next));
	assert_int_equal(next, FRIDAY_NOON + 12 * HOUR);
	assert_true(pm_windows_open(w, 3, PM_WIN_RESTART, next, &next));
	assert_true(pm_windows_open(w, 3, PM_WIN_LIVE, FRIDAY_NOON, &next));
}

PM_TEST(windows_know_what_actions_do)
{
	struct pm_change changes[] = { { .impact = PM_I_LIVE }, { .impact = PM_I_RESIZE },
		{ .impact = PM_I_MOVE, .blocked = true } };
	struct pm_action a = { .verb = PM_V_UPDATE, .change = changes, .nchanges = 3 };

	assert_int_equal(pm_window_impacts(&a), PM_WIN_LIVE | PM_WIN_RESIZE);
	/* Written now, in force later: only the restart is an interruption. */
	changes[1].impact = PM_I_PENDING;
	assert_int_equal(pm_window_impacts(&a), PM_WIN_LIVE);
	a.steps = PM_STEP_RESTART;
	assert_int_equal(pm_window_impacts(&a), PM_WIN_LIVE | PM_WIN_RESTART);
	a.verb = PM_V_DELETE;
	assert_int_equal(pm_window_impacts(&a), PM_WIN_DESTROY);
	a.verb = PM_V_KEEP;
	assert_int_equal(pm_window_impacts(&a), 0);
}

PM_TEST(windows_are_read)
{
	struct house h;
	struct pm_window *w;

	house_start(&h, "sync:\n  windows:\n    - {days: [sat, sun], from: 22:00, to: 04:30, "
			"impacts: [restart, destroy]}\n    - {impacts: [live]}\n");
	assert_int_equal(pm_windows_read(h.config->rec, h.arena, &w), 2);
	assert_int_equal(w[0].days, 1 << 6 | 1 << 0);
	assert_int_equal(w[0].from, 22 * 60);
	assert_int_equal(w[0].to, 4 * 60 + 30);
	assert_int_equal(w[0].impacts, PM_WIN_RESTART | PM_WIN_DESTROY);
	assert_int_equal(w[1].days, 0x7f);
	assert_int_equal(w[1].from, 0);
	assert_int_equal(w[1].to, 24 * 60);
	house_done(&h);
}

/* ---- in a cycle ---- */

static const struct pm_board_object *shown(struct house *h, const char *id)
{
	struct pm_board_view v = house_view(h);

	for (size_t i = 0; i < v.nobjects; i++)
		if (strcmp(v.object[i].id, id) == 0)
			return &v.object[i];
	fail_msg("%s is not on the board", id);
	return NULL;
}

static void assert_sync(struct house *h, const char *id, enum pm_sync sync)
{
	assert_string_equal(pm_sync_name(shown(h, id)->sync), pm_sync_name(sync));
}

static unsigned happened(struct house *h, enum pm_happening what, const char *object)
{
	struct pm_board_view v = house_view(h);
	unsigned n = 0;

	for (size_t i = 0; i < v.nentries; i++)
		n += v.entry[i].what == what && pm_str_eq(v.entry[i].object, object);
	return n;
}

static void pass(struct house *h, uint64_t seconds)
{
	atomic_fetch_add(&h->clock.ns, seconds * PM_S_NS);
}

PM_TEST(hold_failing_object_does_not_hold_others)
{
	const struct pm_board_object *o;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	(void)house_control(&h, "fail POST /nodes/pve1/lxc:500:99");
	house_put(&h, "b.yaml", NULL);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.failed);
	assert_false(h.out.broken);
	assert_in_range(h.out.again_in, 1, 300 * PM_S_NS);
	o = shown(&h, "Pod/default/a");
	assert_int_equal(o->sync, PM_SYNC_FAILING);
	assert_int_equal(o->attempts, 1);
	assert_true(o->next_ms > 0);
	assert_has(o->why, "injected");
	assert_int_equal(happened(&h, PM_HAP_FAILED, "Pod/default/a"), 1);
	/* Somebody works on another object meanwhile: the one that fails is not tried, the other is. */
	(void)house_control(&h, "fail-clear");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_null(strstr(house_control(&h, "guests"), "201"));
	assert_int_equal(shown(&h, "Pod/default/a")->attempts, 1);
	pass(&h, 2);
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "guests"), "201");
	assert_sync(&h, "Pod/default/a", PM_SYNC_OK);
	assert_int_equal(h.out.again_in, 0);
	assert_int_equal(happened(&h, PM_HAP_RECOVERED, "Pod/default/a"), 1);
	house_done(&h);
}

PM_TEST(hold_failing_object_is_tried_at_once_with_new_manifests)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	(void)house_control(&h, "fail POST /nodes/pve1/lxc:500:99");
	house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "fail-clear");
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	house_cycle(&h, PM_WHY_FILES);
	house_good(&h);
	assert_has(house_control(&h, "guests"), "201");
	assert_has(house_control(&h, "guests"), "203");
	house_done(&h);
}

PM_TEST(hold_dependants_of_what_fails)
{
	struct house h;

	house_start(&h, "");
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  dependsOn: [a]\n"));
	house_open(&h);
	(void)house_control(&h, "fail POST /nodes/pve1/lxc:500:99");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_sync(&h, "Pod/default/b", PM_SYNC_HELD);
	(void)house_control(&h, "fail-clear");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_null(strstr(house_control(&h, "guests"), "202"));
	assert_has(shown(&h, "Pod/default/b")->why, "waits for Pod/default/a");
	pass(&h, 2);
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "guests"), "202");
	house_done(&h);
}

PM_TEST(hold_removals_while_something_fails)
{
	struct house h;

	house_start(&h, "sync: {prune: true}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_cycle(&h, PM_WHY_CONFIRM);
	house_put(&h, "b.yaml", NULL);
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	(void)house_control(&h, "fail POST /nodes/pve1/lxc:500:99");
	house_cycle(&h, PM_WHY_FILES);
	house_cycle(&h, PM_WHY_CONFIRM);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "guests"), "202");
	assert_has(shown(&h, "Pod/default/b")->why, "Pod/default/c fails");
	(void)house_control(&h, "fail-clear");
	pass(&h, 600);
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "guests"), "203");
	assert_null(strstr(house_control(&h, "guests"), "202"));
	house_done(&h);
}

PM_TEST(hold_suspended_object)
{
	const struct pm_board_suspension s = {
		.object = "Pod/default/a", .reason = "being looked at", .by = "me"
	};
	struct pm_error err;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_ok(pm_board_suspend(h.board, &s, &err), &err);
	(void)house_control(&h, "set 201 memory=512");
	(void)house_control(&h, "set 202 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "512");
	assert_has(house_control(&h, "get 202 memory"), "256");
	assert_sync(&h, "Pod/default/a", PM_SYNC_SUSPENDED);
	assert_has(shown(&h, "Pod/default/a")->why, "suspended by me: being looked at");
	assert_has(shown(&h, "Pod/default/a")->changes, "resources.memory 512M -> 256M");
	assert_ok(pm_board_resume(h.board, NULL, "me", &err), &err);
	house_cycle(&h, PM_WHY_RETRY);
	assert_sync(&h, "Pod/default/a", PM_SYNC_OK);
	house_done(&h);
}

/* Also while nothing differs it is shown as suspended; when the time is over all goes on. */
PM_TEST(hold_suspended_all_until)
{
	struct pm_board_suspension s = { .object = "Pod/default/a" };
	struct pm_error err;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_ok(pm_board_suspend(h.board, &s, &err), &err);
	house_cycle(&h, PM_WHY_DRIFT);
	assert_sync(&h, "Pod/default/a", PM_SYNC_SUSPENDED);
	assert_int_equal(h.out.again_in, 0);
	s.object = NULL;
	s.until_ms = pm_wall_ms(&h.clock.clock) + 60000;
	assert_ok(pm_board_suspend(h.board, &s, &err), &err);
	(void)house_control(&h, "set 202 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "get 202 memory"), "512");
	assert_in_range(h.out.again_in, 1, 60 * PM_S_NS);
	pass(&h, 60);
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "get 202 memory"), "256");
	house_done(&h);
}

PM_TEST(hold_outside_of_a_window)
{
	struct house h;

	in_vienna();
	house_start(&h, "sync:\n  windows:\n    - {from: 13:00, to: 14:00, impacts: [live]}\n");
	h.clock.wall_ms = FRIDAY_NOON;
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "guests"), "201");
	house_put(&h, "a.yaml", HOUSE_POD("a", "201", "  tags: [held]\n"));
	house_cycle(&h, PM_WHY_FILES);
	house_good(&h);
	assert_null(strstr(house_control(&h, "get 201 tags"), "held"));
	assert_sync(&h, "Pod/default/a", PM_SYNC_HELD);
	assert_has(shown(&h, "Pod/default/a")->why, "outside of the maintenance windows for live");
	assert_in_range(h.out.again_in, 3000 * PM_S_NS, 3600 * PM_S_NS);
	pass(&h, 3600);
	house_cycle(&h, PM_WHY_RETRY);
	house_good(&h);
	assert_has(house_control(&h, "get 201 tags"), "held");
	house_done(&h);
}

PM_TEST(hold_without_quorum)
{
	struct pm_board_view v;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "set 201 memory=512");
	(void)house_control(&h, "quorum-off");
	house_cycle(&h, PM_WHY_DRIFT);
	v = house_view(&h);
	assert_true(h.out.broken);
	assert_false(h.out.failed);
	assert_false(v.cluster.quorate);
	assert_has(v.cluster.paused, "no quorum");
	assert_sync(&h, "Pod/default/a", PM_SYNC_HELD);
	(void)house_control(&h, "quorum-on");
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "get 201 memory"), "256");
	assert_null(house_view(&h).cluster.paused);
	house_done(&h);
}

PM_TEST(hold_shows_a_cluster_that_cannot_be_read)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "fail GET /cluster/resources:500:50");
	house_cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.broken);
	assert_has(house_view(&h).cluster.paused, "reading the cluster");
	assert_int_not_equal(house_view(&h).last.code, PM_OK);
	/* What was seen last stays on the board. */
	assert_sync(&h, "Pod/default/a", PM_SYNC_OK);
	house_done(&h);
}

PM_TEST(hold_shows_what_is_wanted_and_in_place)
{
	struct pm_board_view v;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	v = house_view(&h);
	assert_has(v.wanted.id, "tree:");
	assert_string_equal(v.wanted.id, v.applied.id);
	assert_int_equal(v.last.number, 1);
	assert_int_equal(v.last.done, 2);
	assert_string_equal(v.last.why, "drift");
	assert_int_equal(v.counts.actions[PM_V_CREATE][PM_DONE], 2);
	assert_int_equal(v.sync[PM_SYNC_OK], 2);
	assert_int_equal(shown(&h, "Pod/default/b")->vmid, 202);
	assert_true(v.sweep_ms > 0);
	assert_int_equal(v.cluster.nnodes, 2);
	/* A broken file: wanted goes on, in place stays. */
	house_put(&h, "a.yaml", "apiVersion: podmox/v1\nkind: Pood\n");
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  tags: [x]\n"));
	house_cycle(&h, PM_WHY_FILES);
	v = house_view(&h);
	assert_string_not_equal(v.wanted.id, v.applied.id);
	assert_int_equal(v.nfiles, 1);
	assert_has(v.file[0].path, "a.yaml");
	assert_has(v.file[0].why, "unknown kind");
	assert_true(v.file[0].kept);
	house_done(&h);
}

PM_TEST(hold_answers_tickets)
{
	uint64_t ticket;
	struct house h;

	house_start(&h, "");
	house_open(&h);
	ticket = pm_board_reconcile(h.board, "me");
	assert_true(pm_board_waiting(h.board));
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_ASKED);
	assert_int_equal(house_view(&h).answered, ticket);
	assert_false(pm_board_waiting(h.board));
	house_done(&h);
}

/* With healing off drift stays, whatever else is to be done or tried again. */
PM_TEST(hold_drift_while_something_waits)
{
	struct pm_board_suspension s = { .object = "Pod/default/c" };
	struct pm_error err;
	struct house h;

	house_start(&h, "sync: {heal: false}\n");
	house_open(&h);
	s.until_ms = pm_wall_ms(&h.clock.clock) + 60000;
	assert_ok(pm_board_suspend(h.board, &s, &err), &err);
	house_put(&h, "c.yaml", HOUSE_POD("c", "203", ""));
	house_cycle(&h, PM_WHY_DRIFT);
	assert_null(strstr(house_control(&h, "guests"), "203"));
	(void)house_control(&h, "set 201 memory=512");
	for (unsigned i = 0; i < 3; i++)
		house_cycle(&h, PM_WHY_DRIFT);
	assert_has(house_control(&h, "get 201 memory"), "512");
	assert_string_equal(shown(&h, "Pod/default/a")->why, PM_NOT_HEALED);
	/* The suspension ends: what was wanted is done, what has drifted is not. */
	pass(&h, 60);
	house_cycle(&h, PM_WHY_RETRY);
	assert_has(house_control(&h, "guests"), "203");
	assert_has(house_control(&h, "get 201 memory"), "512");
	house_done(&h);
}
