/* See batch_priv.h. Two lists go from hand to hand without a lock: new batches (many callers push, the
 * thread takes all) and the finished calls of a batch (the thread puts, the caller takes all). */
#include "batch_priv.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/mem.h"

#define TICK_NS    (20 * PM_MS_NS) /* how often a caller looks at its cancel token */
#define WAKE_AFTER 32              /* finished calls that are worth waking their caller */

int pm_desk_init(struct pm_desk *d, struct pm_error *err)
{
	memset(d, 0, sizeof(*d));
	d->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (d->bell < 0)
		return pm_error_sys(err, errno, "cannot start the network");
	pm_assert(pthread_mutex_init(&d->lock, NULL) == 0);
	return 0;
}

void pm_desk_done(struct pm_desk *d)
{
	(void)close(d->bell);
	(void)pthread_mutex_destroy(&d->lock);
}

static void ring(struct pm_desk *d)
{
	static const uint64_t one = 1;

	if (atomic_exchange(&d->sleeping, false))
		pm_assert(write(d->bell, &one, sizeof(one)) == sizeof(one));
}

void pm_desk_quit(struct pm_desk *d)
{
	atomic_store(&d->quit, true);
	ring(d);
}

/* ---- the caller's side ---- */

void pm_batch_init(struct pm_batch *b, struct pm_call *const *v, size_t n)
{
	memset(b, 0, sizeof(*b));
	b->v = v;
	b->n = n;
	b->open = n;
	b->posts = 1; /* the one when all is finished */
	pm_assert(sem_init(&b->wake, 0, 0) == 0);
}

void pm_batch_hand_in(struct pm_desk *d, struct pm_batch *b)
{
	struct pm_batch *top = atomic_load(&d->fresh);

	do
		b->next_new = top;
	while (!atomic_compare_exchange_weak(&d->fresh, &top, b));
	ring(d);
}

/* Tells whether the semaphore was taken. */
static bool take_post(struct pm_batch *b, const struct pm_cancel *cancel)
{
	uint64_t until = cancel ? pm_mono_ns(&pm_clock_system) + TICK_NS : 0;
	struct timespec ts = { .tv_sec = (time_t)(until / PM_S_NS),
		.tv_nsec = (long)(until % PM_S_NS) };
	int r;

	do
		r = cancel ? sem_clockwait(&b->wake, CLOCK_MONOTONIC, &ts) : sem_wait(&b->wake);
	while (r < 0 && errno == EINTR);
	b->posts_seen += r == 0;
	return r == 0;
}

struct pm_call *pm_batch_wait(struct pm_batch *b, const struct pm_cancel *cancel)
{
	struct pm_call *c;
	bool slept;

	do {
		c = atomic_exchange(&b->finished, NULL);
		if (c)
			return c;
		atomic_store(&b->asleep, true);
		c = atomic_exchange(&b->finished, NULL);
		slept = c || take_post(b, cancel);
		/* Who found it true before us posts. */
		if (!atomic_exchange(&b->asleep, false))
			b->posts++;
		if (!c)
			c = atomic_exchange(&b->finished, NULL);
	} while (!c && slept);
	return c;
}

void pm_batch_halt(struct pm_desk *d, struct pm_batch *b, enum pm_halt how)
{
	pthread_mutex_lock(&d->lock);
	if (b->halt < how) {
		b->halt = how;
		if (!b->halt_listed) {
			b->halt_listed = true;
			b->next_halt = d->halts;
			d->halts = b;
		}
		atomic_store(&d->halts_there, true);
	}
	pthread_mutex_unlock(&d->lock);
	ring(d);
}

static void take_off_list(struct pm_desk *d, struct pm_batch *b)
{
	struct pm_batch **at = &d->halts;

	pthread_mutex_lock(&d->lock);
	while (b->halt_listed && *at && *at != b)
		at = &(*at)->next_halt;
	if (b->halt_listed && *at)
		*at = b->next_halt;
	pthread_mutex_unlock(&d->lock);
}

void pm_batch_done(struct pm_desk *d, struct pm_batch *b)
{
	while (b->posts_seen < b->posts)
		(void)take_post(b, NULL);
	if (b->halt != PM_GO_ON)
		take_off_list(d, b);
	(void)sem_destroy(&b->wake);
}

/* ---- the thread's side ---- */

struct pm_batch *pm_desk_take(struct pm_desk *d)
{
	struct pm_batch *list = NULL, *b, *next;

	/* Only a look as a rule: it is cheaper. */
	if (!atomic_load_explicit(&d->fresh, memory_order_relaxed))
		return NULL;
	for (b = atomic_exchange(&d->fresh, NULL); b; b = next) {
		next = b->next_new;
		b->next_new = list;
		list = b;
	}
	return list;
}

struct pm_batch *pm_desk_halts(struct pm_desk *d)
{
	struct pm_batch *list = NULL;

	if (!atomic_load_explicit(&d->halts_there, memory_order_relaxed))
		return NULL;
	pthread_mutex_lock(&d->lock);
	for (struct pm_batch *b = d->halts; b; b = b->next_halt) {
		b->halt_listed = false;
		/* A finished one is about to go. */
		if (b->open == 0)
			continue;
		b->halting = b->halt;
		b->next_halting = list;
		list = b;
	}
	d->halts = NULL;
	atomic_store(&d->halts_there, false);
	pthread_mutex_unlock(&d->lock);
	return list;
}

bool pm_desk_sleep(struct pm_desk *d)
{
	atomic_store(&d->sleeping, true);
	if (!atomic_load(&d->fresh) && !atomic_load(&d->halts_there) && !atomic_load(&d->quit))
		return true;
	pm_desk_wake(d, false);
	return false;
}

void pm_desk_wake(struct pm_desk *d, bool rung)
{
	uint64_t times;

	atomic_store(&d->sleeping, false);
	if (rung)
		(void)!read(d->bell, &times, sizeof(times));
}

void pm_batch_add(struct pm_batch *b, struct pm_call *c)
{
	c->next = NULL;
	if (b->fresh)
		b->fresh_last->next = c;
	else
		b->fresh = c;
	b->fresh_last = c;
	b->nfresh++;
	b->open--;
}

static void put(struct pm_batch *b)
{
	struct pm_call *first = b->fresh, *old = atomic_exchange(&b->finished, NULL);

	if (old) {
		/* What the caller has not taken yet stays before the new ones. */
		b->given_last->next = first;
		first = old;
	} else {
		b->given = 0;
	}
	b->given_last = b->fresh_last;
	b->given += b->nfresh;
	b->fresh = NULL;
	b->nfresh = 0;
	atomic_store(&b->finished, first);
}

bool pm_batch_give(struct pm_batch *b, bool wake)
{
	bool all = b->open == 0;

	if (b->fresh)
		put(b);
	if (all) {
		pm_assert(sem_post(&b->wake) == 0);
		return true;
	}
	/* Soon more will be finished: one wakeup for all. */
	if (!wake && b->given < WAKE_AFTER)
		return !atomic_load(&b->asleep);
	if (atomic_exchange(&b->asleep, false))
		pm_assert(sem_post(&b->wake) == 0);
	return true;
}
