/* The token bucket, on a clock that moves when the test says so; and what requests_per_second makes of it
 * is in test_queue.c. */
#include <pthread.h>
#include <stdlib.h>

#include "base/text.h"
#include "net/net.h"
#include "pm_test.h"

static void pass(struct pm_test_clock *c, uint64_t ms)
{
	atomic_fetch_add(&c->ns, ms * PM_MS_NS);
}

PM_TEST(bucket_gives_what_is_in_it)
{
	struct pm_test_clock c;
	struct pm_bucket *b;
	uint64_t wait = 0;

	pm_test_clock_init(&c);
	b = pm_bucket_new(3, 1000, &c.clock);
	for (int i = 0; i < 3; i++, pass(&c, 100))
		assert_true(pm_bucket_try(b, &wait));
	assert_int_equal(wait, 0);
	assert_false(pm_bucket_try(b, &wait));
	assert_int_equal(wait, 700);
	assert_false(pm_bucket_try(b, NULL));
	/* Just before the first one comes back, and when it does. */
	atomic_fetch_add(&c.ns, 700 * PM_MS_NS - 1);
	assert_false(pm_bucket_try(b, &wait));
	assert_int_equal(wait, 1);
	atomic_fetch_add(&c.ns, 1);
	assert_true(pm_bucket_try(b, &wait));
	assert_false(pm_bucket_try(b, &wait));
	assert_int_equal(wait, 100);
	pm_bucket_free(b);
	pm_bucket_free(NULL);
}

/* Whatever second one looks at: never more than allowed. */
PM_TEST(bucket_keeps_every_window)
{
	struct pm_test_clock c;
	struct pm_bucket *b;
	unsigned taken[5000], n = 0;

	pm_test_clock_init(&c);
	b = pm_bucket_new(7, 1000, &c.clock);
	for (unsigned ms = 0; ms < 5000; ms++, pass(&c, 1)) {
		/* Asked now seldom, now all the time. */
		if (ms % 97 < 40 && ms % 3 != 0)
			continue;
		while (pm_bucket_try(b, NULL))
			taken[n++] = ms;
	}
	assert_in_range(n, 5 * 7 - 2, 5 * 7);
	for (unsigned i = 7; i < n; i++)
		assert_true(taken[i] - taken[i - 7] >= 1000);
	pm_bucket_free(b);
}

PM_TEST(bucket_is_full_again_after_a_reset)
{
	struct pm_test_clock c;
	struct pm_bucket *b;

	pm_test_clock_init(&c);
	b = pm_bucket_new(2, 60000, &c.clock);
	for (int round = 0; round < 3; round++) {
		assert_true(pm_bucket_try(b, NULL));
		assert_true(pm_bucket_try(b, NULL));
		assert_false(pm_bucket_try(b, NULL));
		pm_bucket_reset(b);
	}
	pm_bucket_free(b);
}

PM_TEST(bucket_takes_odd_sizes)
{
	struct pm_bucket *b = pm_bucket_new(0, 1000, NULL);
	uint64_t wait = 0;

	for (int i = 0; i < 1000; i++)
		assert_true(pm_bucket_try(b, NULL));
	pm_bucket_reset(b);
	pm_bucket_free(b);

	/* A window that never ends, and one that is over at once. */
	b = pm_bucket_new(1, UINT64_MAX, NULL);
	assert_true(pm_bucket_try(b, NULL));
	assert_false(pm_bucket_try(b, &wait));
	assert_true(wait > 365ull * 86400 * 1000);
	pm_bucket_free(b);
	b = pm_bucket_new(1, 0, NULL);
	assert_true(pm_bucket_try(b, NULL));
	assert_true(pm_bucket_try(b, NULL));
	pm_bucket_free(b);
	pm_bucket_free(pm_bucket_new(UINT32_MAX, 1000, NULL));
}

struct taker {
	struct pm_bucket *b;
	pthread_t thread;
	unsigned got;
};

static void *take_many(void *arg)
{
	struct taker *t = arg;

	for (int i = 0; i < 1000; i++)
		t->got += pm_bucket_try(t->b, NULL);
	return NULL;
}

PM_TEST(bucket_takes_many_threads)
{
	struct pm_test_clock c;
	struct taker t[4];
	struct pm_bucket *b;
	unsigned got = 0;

	pm_test_clock_init(&c);
	b = pm_bucket_new(1500, 1000, &c.clock);
	for (size_t i = 0; i < PM_COUNT(t); i++) {
		t[i] = (struct taker){ .b = b };
		assert_int_equal(pthread_create(&t[i].thread, NULL, take_many, &t[i]), 0);
	}
	for (size_t i = 0; i < PM_COUNT(t); i++) {
		assert_int_equal(pthread_join(t[i].thread, NULL), 0);
		got += t[i].got;
	}
	assert_int_equal(got, 1500);
	pm_bucket_free(b);
}
