/* A few threads that run functions. */
#ifndef PM_BASE_POOL_H
#define PM_BASE_POOL_H

#include "base/attr.h"

struct pm_pool;

/** Starts that many threads (at least 1), all signals blocked in them. */
struct pm_pool *pm_pool_new(unsigned threads) PM_CHECK;

/** Queues a call; any thread may do so, a running function too. */
void pm_pool_run(struct pm_pool *p, void (*fn)(void *arg), void *arg);

/** Waits until nothing is queued or running. Not from a function of the pool. */
void pm_pool_wait(struct pm_pool *p);

/** Waits, ends the threads and joins them. NULL is fine. */
void pm_pool_free(struct pm_pool *p);

#endif
