/* A token bucket kept as one point in time: the tokens in it are what could have been made since
 * `empty_ns`, never more than fit. */
#include "limit_priv.h"

#include "base/clock.h"

void pm_limit_init(struct pm_limit *l, unsigned per_second)
{
	uint64_t bucket = per_second / 20;

	*l = (struct pm_limit){ 0 };
	if (per_second == 0)
		return;
	l->token_ns = PM_S_NS / per_second;
	l->bucket_ns = l->token_ns * (bucket > 1 ? bucket : 1);
}

uint64_t pm_limit_take(struct pm_limit *l, uint64_t now_ns)
{
	uint64_t oldest = now_ns > l->bucket_ns ? now_ns - l->bucket_ns : 0;

	if (l->token_ns == 0)
		return 0;
	if (l->empty_ns < oldest)
		l->empty_ns = oldest;
	if (l->empty_ns + l->token_ns > now_ns)
		return l->empty_ns + l->token_ns - now_ns;
	l->empty_ns += l->token_ns;
	return 0;
}
