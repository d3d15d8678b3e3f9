/* When to try again: full jitter, so that many clients that failed together do not return together. */
#include "base/retry.h"

#define BASE_MS      250
#define LOCK_MS      2000
#define CEILING_MS   30000
#define DEFAULT_MOST 5

int64_t pm_retry_delay_ms(
	const struct pm_retry *r, const struct pm_error *err, struct pm_random *rnd)
{
	unsigned most = r->most > 0 ? r->most : DEFAULT_MOST;
	uint64_t window = err->code == PM_E_LOCKED ? LOCK_MS : 2 * BASE_MS;

	if (!pm_code_retryable(err->code) || r->attempt >= most)
		return -1;
	if (err->maybe_sent && !r->idempotent)
		return -1;
	for (unsigned i = 1; i < r->attempt && window < CEILING_MS; i++)
		window *= 2;
	if (window > CEILING_MS)
		window = CEILING_MS;
	return (int64_t)r->retry_after_s * 1000 + (int64_t)pm_random_below(rnd, window + 1);
}
