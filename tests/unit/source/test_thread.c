/* The thread that looks at a repository: when it looks, what wakes it, and that it ends at once. */
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "source_test.h"

/* Counts news; a test waits for the next one. */
struct ear {
	pthread_mutex_t mutex;
	pthread_cond_t heard;
	unsigned n;
};

static void hear(void *arg)
{
	struct ear *e = arg;

	(void)pthread_mutex_lock(&e->mutex);
	e->n++;
	(void)pthread_cond_signal(&e->heard);
	(void)pthread_mutex_unlock(&e->mutex);
}

/* Until so many looks are over. */
static void wait_for_looks(struct world *w, struct ear *e, uint64_t looks)
{
	(void)pthread_mutex_lock(&e->mutex);
	for (;;) {
		pm_source_state(w->source, w->arena, &w->state);
		if (w->state.looks >= looks)
			break;
		(void)pthread_cond_wait(&e->heard, &e->mutex);
	}
	(void)pthread_mutex_unlock(&e->mutex);
}

static struct ear new_ear(void)
{
	return (struct ear){ .mutex = PTHREAD_MUTEX_INITIALIZER,
		.heard = PTHREAD_COND_INITIALIZER };
}

PM_TEST(thread_looks_at_once_and_when_woken)
{
	struct world *w = world_new();
	struct ear e = new_ear();
	const char *id;

	world_set(w, PM_CONFIG_GIT_INTERVAL, "1d");
	world_open(w);
	assert_ok(pm_source_start(w->source, hear, &e, &w->err), &w->err);
	wait_for_looks(w, &e, 1);
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	id = world_commit(w, "live/web.yaml", "second\n");
	pm_source_wake(w->source);
	wait_for_looks(w, &e, 2);
	assert_string_equal(w->state.revision, id);
	assert_true(w->state.next_ms == 0 || w->state.next_ms > w->state.good_ms);
	pm_source_stop(w->source);
	pm_source_stop(w->source);
	world_free(w);
}

PM_TEST(thread_looks_every_interval)
{
	struct world *w = world_new();
	struct ear e = new_ear();

	world_set(w, PM_CONFIG_GIT_INTERVAL, "1s");
	world_open(w);
	assert_ok(pm_source_start(w->source, hear, &e, &w->err), &w->err);
	wait_for_looks(w, &e, 2);
	world_free(w);
}

PM_TEST(thread_takes_an_approval_at_once)
{
	struct world *w = world_new();
	struct ear e = new_ear();

	world_see(w);
	world_run(w, "git commit -q --amend -m amended");
	world_run(w, "git push -q -f origin HEAD:main");
	world_set(w, PM_CONFIG_GIT_INTERVAL, "1d");
	world_open(w);
	assert_ok(pm_source_start(w->source, hear, &e, &w->err), &w->err);
	wait_for_looks(w, &e, 1);
	assert_true(w->state.approvable);
	assert_ok(pm_source_approve(w->source, NULL, &w->err), &w->err);
	wait_for_looks(w, &e, 2);
	assert_string_equal(w->state.subject, "amended");
	world_free(w);
}

/* What was in force is in force before the remote has answered. */
PM_TEST(thread_does_not_wait_for_the_remote)
{
	struct world *w = world_new();
	struct ear e = new_ear();

	world_see(w);
	assert_int_equal(rename(w->remote, world_path(w, w->dir, "away.git")), 0);
	world_open(w);
	assert_ok(pm_source_start(w->source, hear, &e, &w->err), &w->err);
	wait_for_looks(w, &e, 1);
	assert_int_equal(w->state.failures, 1);
	assert_int_equal(w->state.code, PM_E_IO);
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	pm_source_stop(w->source);
	/* Once with what was kept, once with the failure. */
	assert_int_equal(e.n, 2);
	world_free(w);
}
