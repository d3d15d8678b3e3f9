/* The rate limiter: a bucket of tokens, each of which comes back one window after it was taken. */
#include <pthread.h>
#include <stdlib.h>

#include "base/mem.h"
#include "net/net.h"

#define MOST 1000000u

struct pm_bucket {
	const struct pm_clock *clock;
	pthread_mutex_t lock;
	uint64_t window_ns;
	unsigned most, first, n; /* tokens that are out: taken[first], and so on round the ring */
	uint64_t taken[];        /* when; oldest first */
};

struct pm_bucket *pm_bucket_new(unsigned most, uint64_t window_ms, const struct pm_clock *clock)
{
	struct pm_bucket *b;

	if (most > MOST)
		most = MOST;
	b = pm_xcalloc(1, sizeof(*b) + most * sizeof(b->taken[0]));
	b->clock = clock ? clock : &pm_clock_system;
	b->most = most;
	b->window_ns =
		window_ms > UINT64_MAX / 4 / PM_MS_NS ? UINT64_MAX / 4 : window_ms * PM_MS_NS;
	pm_assert(pthread_mutex_init(&b->lock, NULL) == 0);
	return b;
}

void pm_bucket_free(struct pm_bucket *b)
{
	if (!b)
		return;
	(void)pthread_mutex_destroy(&b->lock);
	free(b);
}

/* With the lock held: 0 and one token less, or nanoseconds until there is one. */
static uint64_t take(struct pm_bucket *b, uint64_t now_ns)
{
	while (b->n > 0 && b->taken[b->first] + b->window_ns <= now_ns) {
		b->first = (b->first + 1) % b->most;
		b->n--;
	}
	if (b->n == b->most)
		return b->taken[b->first] + b->window_ns - now_ns;
	b->taken[(b->first + b->n++) % b->most] = now_ns;
	return 0;
}

bool pm_bucket_try(struct pm_bucket *b, uint64_t *ret_wait_ms)
{
	uint64_t ns;

	if (b->most == 0)
		return true;
	pthread_mutex_lock(&b->lock);
	ns = take(b, pm_mono_ns(b->clock));
	pthread_mutex_unlock(&b->lock);
	if (ns > 0 && ret_wait_ms)
		*ret_wait_ms = (ns + PM_MS_NS - 1) / PM_MS_NS;
	return ns == 0;
}

void pm_bucket_reset(struct pm_bucket *b)
{
	pthread_mutex_lock(&b->lock);
	b->n = 0;
	pthread_mutex_unlock(&b->lock);
}
