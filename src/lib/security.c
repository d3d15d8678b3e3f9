/* Rate limiter, validators, allow list and audit log behind the public calls. */
#include <stdlib.h>

#include "lib/lib_priv.h"
#include "security/validate.h"

/* A limiter is net's bucket under another name. */
podmox_ratelimit *podmox_ratelimit_new(unsigned most, uint64_t window_ms)
{
	if (most == 0 || window_ms == 0)
		return NULL;
	return (podmox_ratelimit *)pm_bucket_new(most, window_ms, &pm_clock_system);
}

void podmox_ratelimit_free(podmox_ratelimit *r)
{
	pm_bucket_free((struct pm_bucket *)r);
}

int podmox_ratelimit_try(podmox_ratelimit *r, uint64_t *ret_wait_ms)
{
	return pm_bucket_try((struct pm_bucket *)r, ret_wait_ms);
}

void podmox_ratelimit_reset(podmox_ratelimit *r)
{
	pm_bucket_reset((struct pm_bucket *)r);
}

static const enum pm_valid valid[] = {
	[PODMOX_VALID_VMID] = PM_VALID_VMID,
	[PODMOX_VALID_NODE] = PM_VALID_NODE,
	[PODMOX_VALID_HOST] = PM_VALID_HOST,
	[PODMOX_VALID_NAME] = PM_VALID_NAME,
	[PODMOX_VALID_STORAGE] = PM_VALID_STORAGE,
	[PODMOX_VALID_ID] = PM_VALID_ID,
	[PODMOX_VALID_ADDRESS] = PM_VALID_ADDRESS,
	[PODMOX_VALID_CIDR] = PM_VALID_CIDR,
	[PODMOX_VALID_PORT] = PM_VALID_PORT,
	[PODMOX_VALID_MEMORY] = PM_VALID_MEMORY,
	[PODMOX_VALID_CORES] = PM_VALID_CORES,
	[PODMOX_VALID_VOLID] = PM_VALID_VOLID,
	[PODMOX_VALID_UPID] = PM_VALID_UPID,
	[PODMOX_VALID_POOL] = PM_VALID_POOL,
};

int podmox_validate(podmox_valid what, const char *text, podmox_error **reterr)
{
	struct pm_error err = { .code = PM_OK };

	if ((unsigned)what >= PM_COUNT(valid))
		(void)pm_error_set(&err, PM_E_USAGE, "there is no validator %d", (int)what);
	else if (pm_validate(valid[what], text, &err) == 0)
		return 0;
	return pm_lib_fail(reterr, &err, NULL);
}

size_t podmox_sanitize(const char *text, char *out, size_t n)
{
	return pm_sanitize(text, out, n);
}

int podmox_operation_check(
	const char *const *allow, size_t n, const char *operation, podmox_error **reterr)
{
	struct pm_error err = { .code = PM_OK };

	return pm_policy_check(allow, n, operation, &err) < 0 ? pm_lib_fail(reterr, &err, NULL) : 0;
}
