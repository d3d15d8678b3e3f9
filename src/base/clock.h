/* Time and cancellation. Only clock.c asks the system what time it is. */
#ifndef PM_BASE_CLOCK_H
#define PM_BASE_CLOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

/** One token for everything that must stop together. Any thread may set `on`. */
struct pm_cancel {
	atomic_bool on;
	atomic_uint_fast64_t deadline_ns; /* monotonic; 0: none */
	const struct pm_cancel *above;    /* set means set here, too; NULL: none */
};

/** Where time comes from; handed down, so that tests can bring their own. */
struct pm_clock {
	void *self;
	uint64_t (*mono_ns)(void *self);
	int64_t (*wall_ms)(void *self);
	/** Waits that long or until cancelled (then -PM_E_CANCELLED; checked at least every 50 ms). */
	int (*wait)(void *self, uint64_t ns, struct pm_cancel *cancel);
};

extern const struct pm_clock pm_clock_system;

uint64_t pm_mono_ns(const struct pm_clock *c);
int64_t pm_wall_ms(const struct pm_clock *c);
int pm_wait_ns(const struct pm_clock *c, uint64_t ns, struct pm_cancel *cancel) PM_CHECK;

/** Is the token set, or its deadline past? `cancel` may be NULL (never). */
bool pm_cancelled(const struct pm_cancel *cancel, const struct pm_clock *c);

/** "2026-03-01T12:00:00.123Z" of a wall clock time, into out. */
char *pm_format_time(int64_t wall_ms, char out[32]);

#define PM_MS_NS ((uint64_t)1000000)
#define PM_S_NS  ((uint64_t)1000000000)

#endif
