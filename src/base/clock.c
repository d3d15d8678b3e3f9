/* The system's time; nobody else asks for it. Waiting is cut into short naps, so that a cancelled
 * wait ends soon without a descriptor or a lock for each token. */
#include "base/clock.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "base/error.h"
#include "base/mem.h"

#define NAP_NS (20 * PM_MS_NS)

static uint64_t system_mono(PM_UNUSED void *self)
{
	struct timespec ts;

	pm_assert(clock_gettime(CLOCK_MONOTONIC, &ts) == 0);
	return (uint64_t)ts.tv_sec * PM_S_NS + (uint64_t)ts.tv_nsec;
}

static int64_t system_wall(PM_UNUSED void *self)
{
	struct timespec ts;

	pm_assert(clock_gettime(CLOCK_REALTIME, &ts) == 0);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void nap_until(uint64_t ns)
{
	struct timespec ts = { .tv_sec = (time_t)(ns / PM_S_NS), .tv_nsec = (long)(ns % PM_S_NS) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
		;
}

static int system_wait(void *self, uint64_t ns, struct pm_cancel *cancel)
{
	uint64_t now = system_mono(self);
	uint64_t until = ns < INT64_MAX - now ? now + ns : INT64_MAX;

	while (now < until) {
		uint64_t nap = until;

		if (pm_cancelled(cancel, &pm_clock_system))
			return -PM_E_CANCELLED;
		if (cancel && until - now > NAP_NS)
			nap = now + NAP_NS;
		nap_until(nap);
		now = system_mono(self);
	}
	return pm_cancelled(cancel, &pm_clock_system) ? -PM_E_CANCELLED : 0;
}

const struct pm_clock pm_clock_system = {
	.mono_ns = system_mono,
	.wall_ms = system_wall,
	.wait = system_wait,
};

uint64_t pm_mono_ns(const struct pm_clock *c)
{
	return c->mono_ns(c->self);
}

int64_t pm_wall_ms(const struct pm_clock *c)
{
	return c->wall_ms(c->self);
}

int pm_wait_ns(const struct pm_clock *c, uint64_t ns, struct pm_cancel *cancel)
{
	return c->wait(c->self, ns, cancel);
}

bool pm_cancelled(const struct pm_cancel *cancel, const struct pm_clock *c)
{
	uint64_t deadline;

	if (!cancel)
		return false;
	if (atomic_load_explicit(&cancel->on, memory_order_acquire))
		return true;
	deadline = atomic_load_explicit(&cancel->deadline_ns, memory_order_relaxed);
	if (deadline > 0 && pm_mono_ns(c) >= deadline)
		return true;
	return pm_cancelled(cancel->above, c);
}

char *pm_format_time(int64_t wall_ms, char out[32])
{
	int64_t ms = wall_ms % 1000, s = wall_ms / 1000;
	time_t t;
	struct tm tm;

	if (ms < 0) {
		ms += 1000;
		s--;
	}
	t = (time_t)s;
	if (!gmtime_r(&t, &tm) || tm.tm_year > 9999 - 1900 || tm.tm_year < -1900) {
		(void)snprintf(out, 32, "@%lld", (long long)wall_ms);
		return out;
	}
	if (strftime(out, 32, "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		out[0] = '\0';
	(void)snprintf(out + 19, 32 - 19, ".%03uZ", (unsigned)ms % 1000);
	return out;
}
