/* SplitMix64, and the system's own randomness. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/mem.h"

void pm_random_bytes(void *p, size_t n)
{
	unsigned char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got < 0) {
			pm_assert(errno == EINTR);
			continue;
		}
		at += got;
		n -= (size_t)got;
	}
}

void pm_random_seed(struct pm_random *r, uint64_t seed)
{
	r->state = seed;
}

void pm_random_system(struct pm_random *r)
{
	pm_random_bytes(&r->state, sizeof(r->state));
}

uint64_t pm_random_next(struct pm_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

uint64_t pm_random_below(struct pm_random *r, uint64_t below)
{
	uint64_t v, skip;

	if (below == 0)
		return 0;
	/* Values under 2^64 mod below would make the small results more frequent. */
	skip = -below % below;
	do
		v = pm_random_next(r);
	while (v < skip);
	return v % below;
}
