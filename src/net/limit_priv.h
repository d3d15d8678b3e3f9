/* The rate limiter: a token bucket that is nothing but arithmetic. */
#ifndef PM_NET_LIMIT_PRIV_H
#define PM_NET_LIMIT_PRIV_H

#include <stdbool.h>
#include <stdint.h>

/** Zero limits nothing. Belongs to one thread at a time. */
struct pm_limit {
	uint64_t token_ns;  /* one token is made in that time */
	uint64_t bucket_ns; /* time that a full bucket took to fill */
	uint64_t empty_ns;  /* when the bucket would have been empty had nobody drawn since */
};

/** So many a second on average; after a pause at most a twentieth of that at once. 0: no limit. */
void pm_limit_init(struct pm_limit *l, unsigned per_second);

/** Takes a token: 0. None there: nanoseconds until the next one. */
uint64_t pm_limit_take(struct pm_limit *l, uint64_t now_ns);

#endif
