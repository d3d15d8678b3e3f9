/* Chance, with a seam: tests give a seed, programs take the system's. */
#ifndef PM_BASE_RANDOM_H
#define PM_BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

/** State of one generator (SplitMix64). Belongs to one thread at a time. */
struct pm_random {
	uint64_t state;
};

void pm_random_seed(struct pm_random *r, uint64_t seed);
void pm_random_system(struct pm_random *r); /* seeded by getrandom(2) */
uint64_t pm_random_next(struct pm_random *r);

/** Uniform in [0, below). `below` 0 gives 0. */
uint64_t pm_random_below(struct pm_random *r, uint64_t below);

/** Unpredictable bytes from the system, for identities. */
void pm_random_bytes(void *p, size_t n);

#endif
