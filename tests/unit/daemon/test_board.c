/* The board: what is put there is what is read, requests outlive the daemon, and copies stay as they are. */
#include <pthread.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "daemon/board.h"
#include "pm_test.h"

struct desk {
	struct pm_test_clock clock;
	struct pm_board_opts o;
	struct pm_board *b;
	struct pm_arena *a;
	struct pm_board_view v;
	unsigned woken;
};

static void wake(void *arg)
{
	((struct desk *)arg)->woken++;
}

static void again(struct desk *d)
{
	pm_board_free(d->b);
	d->b = pm_board_new(&d->o);
}

static void start(struct desk *d)
{
	memset(d, 0, sizeof(*d));
	pm_test_clock_init(&d->clock);
	d->clock.wall_ms = 999000; /* the clock is one second old */
	d->a = pm_arena_new(0);
	d->o = (struct pm_board_opts){ .set = "home",
		.cluster = "sim",
		.folder = "/srv/m",
		.journal_dir = pm_test_dir(),
		.clock = &d->clock.clock,
		.history = 4,
		.wake = wake,
		.wake_arg = d };
	again(d);
}

static void done(struct desk *d)
{
	pm_board_free(d->b);
	pm_arena_free(d->a);
}

static const struct pm_board_view *view(struct desk *d)
{
	pm_board_view(d->b, d->a, PM_BOARD_ALL, &d->v);
	return &d->v;
}

static int suspend(struct desk *d, const char *object, int64_t until_ms, struct pm_error *err)
{
	const struct pm_board_suspension s = {
		.object = object, .reason = "work on it", .by = "me", .until_ms = until_ms
	};

	return pm_board_suspend(d->b, &s, err);
}

static bool is_suspended(struct desk *d, const char *object)
{
	struct pm_board_suspension s;

	return pm_board_suspended(d->b, object, d->a, &s);
}

static void pass(struct desk *d, uint64_t ms)
{
	atomic_fetch_add(&d->clock.ns, ms * PM_MS_NS);
}

PM_TEST(board_shows_what_it_is_told)
{
	const struct pm_board_object objects[] = {
		{ .id = "Pod/default/web",
			.sync = PM_SYNC_FAILING,
			.why = "no space",
			.attempts = 2 },
		{ .id = "Pod/default/db", .sync = PM_SYNC_OK, .node = "pve1", .vmid = 201 },
	};
	const struct pm_board_file file = { .path = "a.yaml", .line = 3, .why = "no such key" };
	const struct pm_board_node nodes[] = { { "pve1", true }, { "pve2", false } };
	const struct pm_board_cycle cycle = {
		.why = "files changed", .code = PM_E_TASK, .error = "x"
	};
	const struct pm_board_view *v;
	struct desk d;

	start(&d);
	pm_board_doing(d.b, PM_DOING_WAITING, "for files");
	pm_board_next(d.b, "a look for drift", 1234567);
	pm_board_objects(d.b, objects, 2);
	pm_board_files(d.b, &file, 1);
	pm_board_cluster(d.b, &(struct pm_board_cluster){
				      .known = true, .quorate = true, .node = nodes, .nnodes = 2 });
	pm_board_cycle(d.b, &cycle);
	v = view(&d);
	assert_string_equal(v->set, "home");
	assert_string_equal(v->folder, "/srv/m");
	assert_int_equal(v->doing, PM_DOING_WAITING);
	assert_string_equal(v->why, "for files");
	assert_string_equal(v->next, "a look for drift");
	assert_int_equal(v->next_ms, 1234567);
	assert_int_equal(v->nobjects, 2);
	assert_string_equal(v->object[0].id, "Pod/default/db");
	assert_string_equal(v->object[0].node, "pve1");
	assert_int_equal(v->object[1].attempts, 2);
	assert_int_equal(v->sync[PM_SYNC_OK], 1);
	assert_int_equal(v->sync[PM_SYNC_FAILING], 1);
	assert_string_equal(v->file[0].path, "a.yaml");
	assert_string_equal(v->cluster.node[1].name, "pve2");
	assert_false(v->cluster.node[1].online);
	assert_int_equal(v->last.number, 1);
	assert_int_equal(v->counts.cycles_failed, 1);
	assert_string_equal(v->last.error, "x");
	/* Parts that nobody asked for stay away, their numbers come. */
	pm_board_view(d.b, d.a, 0, &d.v);
	assert_int_equal(d.v.nobjects, 0);
	assert_int_equal(d.v.sync[PM_SYNC_OK], 1);
	done(&d);
}

PM_TEST(board_copies_stay)
{
	const struct pm_board_view *v;
	struct desk d;

	start(&d);
	pm_board_doing(d.b, PM_DOING_READING, "the cluster");
	v = view(&d);
	pm_board_doing(d.b, PM_DOING_WAITING, NULL);
	assert_string_equal(v->why, "the cluster");
	assert_null(view(&d)->why);
	done(&d);
}

PM_TEST(board_since_stays_with_the_state)
{
	struct pm_board_object o = { .id = "Pod/default/web", .sync = PM_SYNC_HELD };
	struct desk d;

	start(&d);
	pm_board_objects(d.b, &o, 1);
	pass(&d, 5000);
	pm_board_objects(d.b, &o, 1);
	assert_int_equal(view(&d)->object[0].since_ms, 1000000);
	o.sync = PM_SYNC_OK;
	pm_board_objects(d.b, &o, 1);
	assert_int_equal(view(&d)->object[0].since_ms, 1005000);
	done(&d);
}

PM_TEST(board_revisions)
{
	const struct pm_revision r = { .id = "0123456789abcdef", .subject = "More memory" };
	const struct pm_board_view *v;
	struct desk d;

	start(&d);
	pm_board_wanted(d.b, &r);
	pass(&d, 1000);
	pm_board_wanted(d.b, &r);
	pm_board_applied(d.b, &r);
	v = view(&d);
	assert_string_equal(v->wanted.subject, "More memory");
	assert_int_equal(v->wanted.at_ms, 1000000);
	assert_int_equal(v->applied.at_ms, 1001000);
	/* The same revision twice is one entry. */
	assert_int_equal(v->nentries, 2);
	assert_int_equal(v->entry[0].what, PM_HAP_REVISION);
	assert_int_equal(v->entry[1].what, PM_HAP_APPLIED);
	done(&d);
}

PM_TEST(board_suspends_until_resumed)
{
	struct pm_board_suspension s;
	struct pm_error err;
	struct desk d;

	start(&d);
	assert_ok(suspend(&d, "Pod/default/web", 0, &err), &err);
	assert_int_equal(d.woken, 1);
	assert_true(pm_board_suspended(d.b, "Pod/default/web", d.a, &s));
	assert_string_equal(s.reason, "work on it");
	assert_string_equal(s.by, "me");
	assert_false(is_suspended(&d, NULL));
	assert_err(pm_board_resume(d.b, "Pod/default/db", "me", &err), PM_E_NOTFOUND, &err,
		"Pod/default/db is not suspended");
	assert_ok(pm_board_resume(d.b, "Pod/default/web", "me", &err), &err);
	assert_false(is_suspended(&d, "Pod/default/web"));
	assert_int_equal(d.woken, 2);
	done(&d);
}

PM_TEST(board_suspension_outlives_the_daemon)
{
	struct pm_error err;
	struct desk d;

	start(&d);
	assert_ok(suspend(&d, NULL, 0, &err), &err);
	assert_ok(suspend(&d, "Pod/default/web", 1060000, &err), &err);
	again(&d);
	assert_true(is_suspended(&d, NULL));
	assert_true(is_suspended(&d, "Pod/default/web"));
	assert_int_equal(pm_board_expires(d.b), 1060000);
	assert_ok(pm_board_resume(d.b, NULL, "me", &err), &err);
	again(&d);
	assert_false(is_suspended(&d, NULL));
	assert_false(is_suspended(&d, "Pod/default/web"));
	done(&d);
}

PM_TEST(board_suspension_ends)
{
	struct pm_error err;
	struct desk d;

	start(&d);
	assert_err(suspend(&d, NULL, 999999, &err), PM_E_USAGE, &err, "has passed");
	assert_ok(suspend(&d, NULL, 1060000, &err), &err);
	pass(&d, 59999);
	assert_true(is_suspended(&d, NULL));
	pass(&d, 1);
	assert_int_equal(view(&d)->nsuspensions, 0);
	assert_false(is_suspended(&d, NULL));
	assert_int_equal(pm_board_expires(d.b), 0);
	assert_int_equal(view(&d)->entry[view(&d)->nentries - 1].what, PM_HAP_RESUMED);
	done(&d);
}

PM_TEST(board_takes_only_names_of_objects)
{
	static const char *const wrong[] = { "web", "Pod/web", "Pod//web", "Pod/a/b/c", "/a/b",
		"Pod/a/b\n", "Pod/a/" };
	struct pm_error err;
	struct desk d;

	start(&d);
	for (size_t i = 0; i < PM_COUNT(wrong); i++)
		assert_err(suspend(&d, wrong[i], 0, &err), PM_E_USAGE, &err, "names no object");
	assert_int_equal(d.woken, 0);
	done(&d);
}

/* What cannot be written down is not in force: after a restart it would not be. */
PM_TEST(board_suspends_only_what_it_can_write_down)
{
	struct pm_error err;
	struct desk d;

	start(&d);
	assert_ok(suspend(&d, "Pod/default/web", 0, &err), &err);
	assert_int_equal(mkdir(pm_test_file(d.o.journal_dir, "x", ""), 0700), -1);
	assert_int_equal(unlink(pm_test_file(d.o.journal_dir, "home.asked.json", "")), 0);
	(void)pm_test_file(d.o.journal_dir, "home.asked.json/in-the-way", "");
	assert_true(suspend(&d, NULL, 0, &err) < 0);
	assert_has(err.msg, "cannot write down what was asked");
	assert_false(is_suspended(&d, NULL));
	assert_true(pm_board_resume(d.b, "Pod/default/web", "me", &err) < 0);
	assert_true(is_suspended(&d, "Pod/default/web"));
	done(&d);
}

PM_TEST(board_unreadable_requests_suspend_all)
{
	static const char *const wrong[] = { "", "{", "[]", "{\"suspended\":[1]}",
		"{\"suspended\":[{\"object\":\"Pod/default/web\"}" };
	struct pm_board_suspension s;
	struct desk d;

	start(&d);
	pm_log_setup(PM_LOG_ERROR - 1, false);
	for (size_t i = 0; i < PM_COUNT(wrong); i++) {
		(void)pm_test_file(d.o.journal_dir, "home.asked.json", wrong[i]);
		again(&d);
		assert_true(pm_board_suspended(d.b, NULL, d.a, &s));
		assert_has(s.reason, "home.asked.json");
	}
	pm_log_setup(PM_LOG_WARNING, false);
	done(&d);
}

PM_TEST(board_history_is_a_ring_and_is_kept)
{
	const struct pm_board_view *v;
	struct desk d;

	start(&d);
	for (unsigned i = 1; i <= 20; i++)
		pm_board_happened(d.b, &(struct pm_board_entry){ .what = PM_HAP_FAILED,
					       .object = "Pod/default/web",
					       .verb = "update",
					       .text = "no \"space\"\n",
					       .code = PM_E_TASK,
					       .vmid = i,
					       .took_ms = 7 });
	for (unsigned round = 0; round < 2; round++) {
		v = view(&d);
		assert_int_equal(v->nentries, 4);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(v->entry[i].vmid, 17 + i);
		assert_string_equal(v->entry[3].text, "no \"space\"\n");
		assert_string_equal(v->entry[3].object, "Pod/default/web");
		assert_int_equal(v->entry[3].code, PM_E_TASK);
		assert_int_equal(v->entry[3].took_ms, 7);
		assert_int_equal(v->entry[3].at_ms, 1000000);
		again(&d);
	}
	done(&d);
}

static unsigned lines_of(struct desk *d, const char *name)
{
	struct pm_buf path cleanup_buf = PM_BUF(0);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_error err;
	unsigned n = 0;

	(void)pm_buf_addf(&path, "%s/%s", d->o.journal_dir, name);
	assert_ok(pm_file_read(-100, pm_buf_str(&path), 1 << 20, &text, &err), &err);
	for (size_t i = 0; i < text.len; i++)
		n += text.p[i] == '\n';
	return n;
}

PM_TEST(board_history_file_stays_small)
{
	struct desk d;

	start(&d);
	for (unsigned i = 1; i <= 100; i++) {
		pm_board_happened(d.b, &(struct pm_board_entry){ .what = PM_HAP_DRIFT });
		assert_in_range(lines_of(&d, "home.history.jsonl"), 1, 8);
	}
	assert_int_equal(view(&d)->counts.drifts, 100);
	done(&d);
}

/* A line that a crash cut off costs that line, not the next one. */
PM_TEST(board_history_with_a_torn_end)
{
	const struct pm_board_view *v;
	struct desk d;

	start(&d);
	(void)pm_test_file(d.o.journal_dir, "home.history.jsonl",
		"{\"at\":5,\"what\":\"drift\",\"newer\":{\"x\":[1]}}\n{\"at\":6,\"what\":\"fai");
	again(&d);
	assert_int_equal(view(&d)->nentries, 1);
	pm_board_happened(d.b, &(struct pm_board_entry){ .what = PM_HAP_FAILED, .at_ms = 7 });
	again(&d);
	v = view(&d);
	assert_int_equal(v->nentries, 2);
	assert_int_equal(v->entry[0].at_ms, 5);
	assert_int_equal(v->entry[1].at_ms, 7);
	done(&d);
}

PM_TEST(board_approves_what_is_held)
{
	const struct pm_revision r = { .id = "0123456789abcdef" };
	struct pm_error err;
	struct desk d;

	start(&d);
	assert_err(
		pm_board_approve(d.b, NULL, "me", &err), PM_E_NOTFOUND, &err, "no revision waits");
	pm_board_hold(d.b, &r, "history was rewritten");
	assert_string_equal(view(&d)->held_why, "history was rewritten");
	assert_err(pm_board_approve(d.b, "012345", "me", &err), PM_E_NOTFOUND, &err, "012345");
	assert_err(pm_board_approve(d.b, "fedcba9876", "me", &err), PM_E_NOTFOUND, &err, NULL);
	assert_false(pm_board_is_approved(d.b, r.id));
	assert_ok(pm_board_approve(d.b, "0123456", "me", &err), &err);
	assert_true(pm_board_is_approved(d.b, r.id));
	again(&d);
	assert_true(pm_board_is_approved(d.b, r.id));
	pm_board_approved_done(d.b, r.id);
	again(&d);
	assert_false(pm_board_is_approved(d.b, r.id));
	done(&d);
}

PM_TEST(board_gives_tickets)
{
	struct desk d;

	start(&d);
	assert_int_equal(pm_board_reconcile(d.b, "me"), 1);
	assert_int_equal(pm_board_reconcile(d.b, "me"), 2);
	assert_int_equal(pm_board_asked(d.b), 2);
	pm_board_answered(d.b, 1);
	pm_board_answered(d.b, 0);
	assert_int_equal(view(&d)->answered, 1);
	assert_int_equal(d.woken, 2);
	done(&d);
}

static void *busy(void *arg)
{
	struct desk *d = arg;
	struct pm_error err;

	for (unsigned i = 0; i < 100; i++) {
		const struct pm_board_object o = { .id = "Pod/default/web", .why = "x" };
		struct pm_arena *a cleanup_arena = pm_arena_new(0);
		struct pm_board_view v;

		pm_board_objects(d->b, &o, i % 2);
		pm_board_doing(d->b, PM_DOING_READING, "the cluster");
		pm_board_happened(d->b, &(struct pm_board_entry){ .what = PM_HAP_DRIFT });
		assert_ok(suspend(d, "Pod/default/web", 0, &err), &err);
		if (pm_board_resume(d->b, NULL, "me", &err) < 0)
			assert_int_equal(err.code, PM_E_NOTFOUND);
		pm_board_view(d->b, a, PM_BOARD_ALL, &v);
		if (v.nobjects > 0)
			assert_string_equal(v.object[0].why, "x");
	}
	return NULL;
}

PM_TEST(board_from_several_threads)
{
	pthread_t t[3];
	struct desk d;

	start(&d);
	d.o.journal_dir = NULL;
	d.o.wake = NULL;
	again(&d);
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, busy, &d), 0);
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	assert_int_equal(view(&d)->nsuspensions, 0);
	assert_int_equal(view(&d)->counts.drifts, 300);
	done(&d);
}
