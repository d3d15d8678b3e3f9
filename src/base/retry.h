/* When to try again: one pure function for the whole program. */
#ifndef PM_BASE_RETRY_H
#define PM_BASE_RETRY_H

#include "base/error.h"
#include "base/random.h"

struct pm_retry {
	unsigned attempt;       /* the one that just failed, from 1 */
	unsigned most;          /* attempts in all; 0: the default, 5 */
	bool idempotent;        /* may be sent twice */
	unsigned retry_after_s; /* what the server asked for; 0: nothing */
};

/** Milliseconds to wait before the next attempt, or -1 to stop. Full jitter over 250 ms * 2^attempt, at
 * most 30 s; a lock starts at 2 s. What the server asked for is waited in full before that. A call that is not idempotent and may have been sent is never
 * repeated. */
int64_t pm_retry_delay_ms(
	const struct pm_retry *r, const struct pm_error *err, struct pm_random *rnd);

#endif
