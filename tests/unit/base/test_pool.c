/* The worker pool. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/pool.h"
#include "pm_test.h"

static void count(void *arg)
{
	atomic_fetch_add((atomic_uint *)arg, 1);
}

PM_TEST(pool_runs_everything_before_wait_returns)
{
	struct pm_pool *p = pm_pool_new(4);
	atomic_uint n = 0;

	for (unsigned round = 1; round <= 3; round++) {
		for (int i = 0; i < 500; i++)
			pm_pool_run(p, count, &n);
		pm_pool_wait(p);
		assert_int_equal(atomic_load(&n), 500 * round);
	}
	pm_pool_wait(p);
	pm_pool_free(p);
}

PM_TEST(pool_free_waits_for_what_is_queued)
{
	struct pm_pool *p = pm_pool_new(0);
	atomic_uint n = 0;

	for (int i = 0; i < 100; i++)
		pm_pool_run(p, count, &n);
	pm_pool_free(p);
	assert_int_equal(atomic_load(&n), 100);
	pm_pool_free(NULL);
}

struct tree {
	struct pm_pool *pool;
	atomic_int left;
	atomic_uint done;
};

static void spread(void *arg)
{
	struct tree *t = arg;

	atomic_fetch_add(&t->done, 1);
	for (int i = 0; i < 2 && atomic_fetch_sub(&t->left, 1) > 0; i++)
		pm_pool_run(t->pool, spread, t);
}

PM_TEST(pool_functions_may_queue_more)
{
	struct tree t = { .left = 50 };

	t.pool = pm_pool_new(3);
	pm_pool_run(t.pool, spread, &t);
	pm_pool_wait(t.pool);
	assert_int_equal(atomic_load(&t.done), 51);
	pm_pool_free(t.pool);
}

struct meeting {
	pthread_barrier_t barrier;
	atomic_uint met, blocked;
};

static void meet(void *arg)
{
	struct meeting *m = arg;
	sigset_t mask;

	/* Returns only when all threads are here at the same time. */
	pthread_barrier_wait(&m->barrier);
	atomic_fetch_add(&m->met, 1);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	atomic_fetch_add(&m->blocked, sigismember(&mask, SIGTERM) == 1);
}

PM_TEST(pool_threads_run_at_the_same_time_with_signals_blocked)
{
	struct pm_pool *p = pm_pool_new(3);
	struct meeting m = { .met = 0 };
	sigset_t mask;

	pthread_barrier_init(&m.barrier, NULL, 3);
	for (int i = 0; i < 3; i++)
		pm_pool_run(p, meet, &m);
	pm_pool_free(p);
	assert_int_equal(atomic_load(&m.met), 3);
	assert_int_equal(atomic_load(&m.blocked), 3);
	pthread_sigmask(SIG_SETMASK, NULL, &mask);
	assert_int_equal(sigismember(&mask, SIGTERM), 0);
	pthread_barrier_destroy(&m.barrier);
}
