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

/* ---- audit log ---- */

struct reader {
	podmox_audit_fn *fn;
	void *arg;
};

static void tell(void *arg, const struct pm_audit_entry *e)
{
	const struct reader *r = arg;
	const podmox_audit_record record = { .size = sizeof(record),
		.time = e->time,
		.user = e->r.user,
		.operation = e->r.operation,
		.object = e->r.object,
		.host = e->r.host,
		.method = e->r.method,
		.path = e->r.path,
		.keys = e->r.keys,
		.result = e->r.result,
		.details = e->r.details };

	/* What a crash left half written is no record. */
	if (e->seq > 0)
		r->fn(r->arg, &record);
}

int podmox_audit_read(
	const char *file, size_t limit, podmox_audit_fn *fn, void *arg, podmox_error **reterr)
{
	struct reader r = { fn, arg };
	struct pm_error err = { .code = PM_OK };

	if (!file || !fn) {
		(void)pm_error_set(&err, PM_E_USAGE, "file and fn must be given");
		return pm_lib_fail(reterr, &err, NULL);
	}
	return pm_audit_read(file, limit, tell, &r, &err) < 0 ? pm_lib_fail(reterr, &err, NULL) : 0;
}

int podmox_audit_verify(const char *file, size_t *ret_records, podmox_error **reterr)
{
	struct pm_audit_verdict v = { .records = 0 };
	struct pm_error err = { .code = PM_OK }, at;
	int r;

	if (!file) {
		(void)pm_error_set(&err, PM_E_USAGE, "file must be given");
		return pm_lib_fail(reterr, &err, NULL);
	}
	r = pm_audit_verify(file, &v, &err);
	if (ret_records)
		*ret_records = v.records;
	if (r == 0)
		return 0;
	if (v.line > 0) {
		at = err;
		(void)pm_error_set(&err, at.code, "%s:%u: %s", v.file, v.line, at.msg);
	}
	return pm_lib_fail(reterr, &err, NULL);
}
