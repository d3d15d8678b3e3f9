/* Rate limiter, validators, allow list, audit log. */
#ifndef PODMOX_SECURITY_H
#define PODMOX_SECURITY_H

#include <podmox/error.h>

#include <stdint.h>

PODMOX_BEGIN

/* ---- rate limiter: at most so many in each window; thread-safe ---- */

typedef struct podmox_ratelimit podmox_ratelimit;

/** most: 1 or more; window_ms: 1 or more. NULL: they are not. Owner: the caller (podmox_ratelimit_free). */
PODMOX_API podmox_ratelimit *podmox_ratelimit_new(unsigned most, uint64_t window_ms);
PODMOX_API void podmox_ratelimit_free(podmox_ratelimit *r);

/** Takes one if there is one: 1. Otherwise 0, and *ret_wait_ms (may be NULL) is when there will be. */
PODMOX_API int podmox_ratelimit_try(podmox_ratelimit *r, uint64_t *ret_wait_ms);

/** All may be taken again. */
PODMOX_API void podmox_ratelimit_reset(podmox_ratelimit *r);

/* ---- validators; any thread ---- */

typedef enum podmox_valid {
	PODMOX_VALID_VMID = 0,    /* 100 to 999999999 */
	PODMOX_VALID_NODE = 1,    /* name of a node */
	PODMOX_VALID_HOST = 2,    /* DNS name or address */
	PODMOX_VALID_NAME = 3,    /* name of a guest */
	PODMOX_VALID_STORAGE = 4, /* name of a storage */
	PODMOX_VALID_ID = 5,      /* of a snapshot or service */
	PODMOX_VALID_ADDRESS = 6, /* IPv4 or IPv6 */
	PODMOX_VALID_CIDR = 7,    /* address/prefix */
	PODMOX_VALID_PORT = 8,    /* 1 to 65535 */
	PODMOX_VALID_MEMORY = 9,  /* MiB */
	PODMOX_VALID_CORES = 10,  /* 1 to 8192 */
	PODMOX_VALID_VOLID = 11,  /* storage:volume */
	PODMOX_VALID_UPID = 12,   /* of a task */
	PODMOX_VALID_POOL = 13    /* of a pool */
} podmox_valid;

/** 0, or PODMOX_E_INPUT with what was given and what is allowed. */
PODMOX_API int podmox_validate(podmox_valid what, const char *text, podmox_error **err);

/** Makes a text safe for logs and terminals, cut to fit out[n]. Returns its length. */
PODMOX_API size_t podmox_sanitize(const char *text, char *out, size_t n);

/** Is the operation on the allow list? An empty list allows all. PODMOX_E_REFUSED. */
PODMOX_API int podmox_operation_check(
	const char *const *allow, size_t n, const char *operation, podmox_error **err);

/* ---- audit log ---- */

/** One record; texts are "" where there is none. Borrowed for the call. */
typedef struct podmox_audit_record {
	size_t size;      /* of this structure as the library knows it */
	const char *time; /* 2026-01-31T12:00:00.000Z */
	const char *user, *operation, *object, *host, *method, *path, *keys, *result, *details;
} podmox_audit_record;
typedef void podmox_audit_fn(void *arg, const podmox_audit_record *record);

/** Calls for the last `limit` records (0: all), the oldest first, over rotated files. PODMOX_E_NOTFOUND:
 * there is no log; PODMOX_E_IO. */
PODMOX_API int podmox_audit_read(
	const char *file, size_t limit, podmox_audit_fn *fn, void *arg, podmox_error **err);

/** Checks the chain over rotated files. *ret_records (may be NULL): good ones. PODMOX_E_INVALID names file
 * and line, and what was done there; PODMOX_E_NOTFOUND; PODMOX_E_IO. */
PODMOX_API int podmox_audit_verify(const char *file, size_t *ret_records, podmox_error **err);

PODMOX_END

#endif
