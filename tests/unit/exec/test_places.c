/* Limits per node and storage, one restart at a time, VMIDs spoken for. */
#include "exec/exec_priv.h"
#include "pm_test.h"

struct yard {
	struct pm_exec e;
	struct pm_run run;
	struct pm_test_clock clock;
	struct pm_cancel cancel;
	struct pm_act act[4];
};

static void yard_new(struct yard *y)
{
	memset(y, 0, sizeof(*y));
	pm_test_clock_init(&y->clock);
	y->run.e = &y->e;
	(void)pthread_mutex_init(&y->run.lock, NULL);
	(void)pthread_cond_init(&y->run.changed, NULL);
	for (size_t i = 0; i < PM_COUNT(y->act); i++) {
		y->act[i].run = &y->run;
		y->act[i].job.arena = pm_arena_new(0);
		y->act[i].job.clock = &y->clock.clock;
		y->act[i].job.cancel = &y->cancel;
	}
}

static void yard_done(struct yard *y)
{
	for (size_t i = 0; i < PM_COUNT(y->act); i++)
		pm_arena_free(y->act[i].job.arena);
	for (size_t i = 0; i < y->run.places.n; i++)
		free((void *)y->run.places.v[i].key);
	pm_vec_done(&y->run.places);
	pm_vec_done(&y->run.taken);
	(void)pthread_cond_destroy(&y->run.changed);
	(void)pthread_mutex_destroy(&y->run.lock);
}

/* ---- somebody who has to wait ---- */

struct waiter {
	pthread_t thread;
	struct pm_act *act;
	const char *node;
	const struct pm_list *storages;
	struct pm_error err;
	int r;
};

static void *enter(void *arg)
{
	struct waiter *w = arg;

	w->r = pm_places_enter(w->act, w->node, w->storages, &w->err);
	return NULL;
}

/* Returns when it is parked. */
static void start_waiting(struct yard *y, struct waiter *w)
{
	assert_int_equal(pthread_create(&w->thread, NULL, enter, w), 0);
	(void)pthread_mutex_lock(&y->run.lock);
	while (y->run.parked == 0)
		(void)pthread_cond_wait(&y->run.changed, &y->run.lock);
	(void)pthread_mutex_unlock(&y->run.lock);
}

PM_TEST(places_two_tasks_at_a_node)
{
	struct pm_error err = { 0 };
	struct waiter third;
	struct yard y;

	yard_new(&y);
	third = (struct waiter){ .act = &y.act[2], .node = "pve1" };
	assert_ok(pm_places_enter(&y.act[0], "pve1", NULL, &err), &err);
	assert_ok(pm_places_enter(&y.act[1], "pve1", NULL, &err), &err);
	/* Another node is another matter. */
	assert_ok(pm_places_enter(&y.act[3], "pve2", NULL, &err), &err);
	start_waiting(&y, &third);
	pm_places_leave(&y.act[0], "pve1", NULL);
	assert_int_equal(pthread_join(third.thread, NULL), 0);
	assert_int_equal(third.r, 0);
	assert_int_equal(y.run.parked, 0);
	yard_done(&y);
}

PM_TEST(places_two_allocations_on_a_storage)
{
	const char *one[] = { "local-lvm" };
	const char *both[] = { "tank", "local-lvm" };
	const struct pm_list lvm = { .n = 1, .v = one };
	const struct pm_list more = { .n = 2, .v = both };
	struct pm_error err = { 0 };
	struct waiter third;
	struct yard y;

	yard_new(&y);
	third = (struct waiter){ .act = &y.act[2], .node = NULL, .storages = &more };
	assert_ok(pm_places_enter(&y.act[0], NULL, &lvm, &err), &err);
	assert_ok(pm_places_enter(&y.act[1], NULL, &lvm, &err), &err);
	start_waiting(&y, &third);
	/* All or nothing: what it could have had is still free for others. */
	for (size_t i = 0; i < y.run.places.n; i++)
		assert_true(y.run.places.v[i].busy == 0 || y.run.places.v[i].busy == 2);
	pm_places_leave(&y.act[1], NULL, &lvm);
	assert_int_equal(pthread_join(third.thread, NULL), 0);
	assert_int_equal(third.r, 0);
	yard_done(&y);
}

PM_TEST(places_cancelled)
{
	struct pm_error err = { 0 };
	struct waiter third;
	struct yard y;

	yard_new(&y);
	third = (struct waiter){ .act = &y.act[2], .node = "pve1" };
	assert_ok(pm_places_enter(&y.act[0], "pve1", NULL, &err), &err);
	assert_ok(pm_places_enter(&y.act[1], "pve1", NULL, &err), &err);
	start_waiting(&y, &third);
	atomic_store(&y.cancel.on, true);
	/* Whoever works notices, and leaves. */
	pm_places_leave(&y.act[0], "pve1", NULL);
	assert_int_equal(pthread_join(third.thread, NULL), 0);
	assert_int_equal(third.r, -PM_E_CANCELLED);
	assert_int_equal(y.run.places.v[0].busy, 1);
	yard_done(&y);
}

static void *restart(void *arg)
{
	struct waiter *w = arg;

	w->r = pm_restart_enter(w->act, &w->err);
	return NULL;
}

PM_TEST(places_one_restart_at_a_time)
{
	struct pm_error err = { 0 };
	struct waiter second;
	struct yard y;

	yard_new(&y);
	second = (struct waiter){ .act = &y.act[1] };
	assert_ok(pm_restart_enter(&y.act[0], &err), &err);
	assert_int_equal(pthread_create(&second.thread, NULL, restart, &second), 0);
	(void)pthread_mutex_lock(&y.run.lock);
	while (y.run.parked == 0)
		(void)pthread_cond_wait(&y.run.changed, &y.run.lock);
	(void)pthread_mutex_unlock(&y.run.lock);
	pm_restart_leave(&y.act[0]);
	assert_int_equal(pthread_join(second.thread, NULL), 0);
	assert_int_equal(second.r, 0);
	yard_done(&y);
}

/* ---- VMIDs ---- */

PM_TEST(places_next_vmid)
{
	struct yard y;

	yard_new(&y);
	y.e.o.vmid_low = 200;
	y.e.o.vmid_high = 204;
	pm_vmid_taken(&y.run, 201);
	pm_vmid_taken(&y.run, 203);
	pm_vmid_taken(&y.run, 203);
	pm_vmid_taken(&y.run, 999);
	assert_int_equal(pm_vmid_next(&y.run, 200), 202);
	/* What was handed out is spoken for. */
	assert_int_equal(pm_vmid_next(&y.run, 200), 204);
	/* Round the end, to where the probing began. */
	assert_int_equal(pm_vmid_next(&y.run, 204), 200);
	assert_int_equal(pm_vmid_next(&y.run, 200), 0);
	assert_int_equal(pm_vmid_next(&y.run, 999), 0);
	yard_done(&y);
}

PM_TEST(places_next_vmid_of_the_whole_range)
{
	struct yard y;

	yard_new(&y);
	assert_int_equal(pm_vmid_next(&y.run, 0), 100);
	assert_int_equal(pm_vmid_next(&y.run, 999999999), 101);
	yard_done(&y);
}
