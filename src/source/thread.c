/* The thread that looks at the repository: at once, then every interval, and when it is woken. It waits on a
 * condition and blocks on the network alone; ending it cancels what it does. */
#include <signal.h>

#include "source/source_priv.h"

#define BACKOFF_MOST (300 * PM_S_NS)
#define GAP_NS       PM_S_NS /* between two looks, however often it is woken */

void pm_source_thread_init(struct pm_source *s, uint64_t seed)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_mutex_init(&s->mutex, NULL);
	(void)pthread_cond_init(&s->work, &attr);
	(void)pthread_condattr_destroy(&attr);
	if (seed)
		pm_random_seed(&s->random, seed);
	else
		pm_random_system(&s->random);
}

void pm_source_thread_news(struct pm_source *s)
{
	if (s->running && s->news)
		s->news(s->news_arg);
}

/* How long until the next look: the interval and up to a tenth, doubled with each failure. */
static uint64_t pause_ns(struct pm_source *s, unsigned failures)
{
	uint64_t ns = s->settings.interval_ns;

	for (unsigned i = 1; i < failures && ns < BACKOFF_MOST; i++)
		ns *= 2;
	if (ns > BACKOFF_MOST && s->settings.interval_ns < BACKOFF_MOST)
		ns = BACKOFF_MOST;
	return ns + pm_random_below(&s->random, ns / 10 + 1);
}

static bool is_over(struct pm_source *s)
{
	return atomic_load(&s->cancel.on);
}

/* Waits until the time has come or somebody wakes it, but at least for the gap. */
static void wait_for_work(struct pm_source *s, uint64_t began)
{
	uint64_t now = pm_mono_ns(&pm_clock_system), pause, until, soonest = began + GAP_NS;
	struct timespec at;

	(void)pthread_mutex_lock(&s->mutex);
	pause = pause_ns(s, s->view.failures);
	until = now + pause;
	s->next_ms = pm_wall_ms(s->clock) + (int64_t)(pause / PM_MS_NS);
	while (!is_over(s)) {
		uint64_t end = s->woken ? soonest : until;

		if (pm_mono_ns(&pm_clock_system) >= end)
			break;
		at = (struct timespec){ .tv_sec = (time_t)(end / PM_S_NS),
			.tv_nsec = (long)(end % PM_S_NS) };
		(void)pthread_cond_timedwait(&s->work, &s->mutex, &at);
	}
	s->woken = false;
	(void)pthread_mutex_unlock(&s->mutex);
}

static void *work(void *arg)
{
	struct pm_source *s = arg;

	while (!is_over(s)) {
		uint64_t began = pm_mono_ns(&pm_clock_system);
		struct pm_error err;

		/* What went wrong stands in the state, for whoever hears the news. */
		if (pm_source_poll(s, &s->cancel, &err) < 0 && err.code == PM_E_CANCELLED)
			continue;
		pm_source_thread_news(s);
		wait_for_work(s, began);
	}
	return NULL;
}

int pm_source_start(struct pm_source *s, void (*news)(void *arg), void *arg, struct pm_error *err)
{
	sigset_t all, old;
	int r;

	s->news = news;
	s->news_arg = arg;
	s->running = true;
	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &old);
	r = pthread_create(&s->thread, NULL, work, s);
	(void)pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (r == 0)
		return 0;
	s->running = false;
	return pm_error_sys(err, r, "cannot start a thread");
}

void pm_source_wake(struct pm_source *s)
{
	(void)pthread_mutex_lock(&s->mutex);
	s->woken = true;
	(void)pthread_cond_signal(&s->work);
	(void)pthread_mutex_unlock(&s->mutex);
}

void pm_source_stop(struct pm_source *s)
{
	if (!s->running)
		return;
	(void)pthread_mutex_lock(&s->mutex);
	atomic_store(&s->cancel.on, true);
	(void)pthread_cond_signal(&s->work);
	(void)pthread_mutex_unlock(&s->mutex);
	(void)pthread_join(s->thread, NULL);
	s->running = false;
}

void pm_source_thread_done(struct pm_source *s)
{
	pm_source_stop(s);
	(void)pthread_cond_destroy(&s->work);
	(void)pthread_mutex_destroy(&s->mutex);
}
