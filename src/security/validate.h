/* Validators of names, numbers and addresses: one place for manifests, flags and the library. Pure. */
#ifndef PM_SECURITY_VALIDATE_H
#define PM_SECURITY_VALIDATE_H

#include <stddef.h>

#include "base/error.h"

/** What a text is to be. */
enum pm_valid {
	PM_VALID_VMID,    /* 100 to 999999999 */
	PM_VALID_NODE,    /* of a node: a DNS label */
	PM_VALID_HOST,    /* DNS name or address, as in a URL: IPv6 in brackets */
	PM_VALID_NAME,    /* of a guest: a DNS name */
	PM_VALID_STORAGE, /* PVE's storage id */
	PM_VALID_ID,      /* PVE's configuration id: snapshots, services */
	PM_VALID_ADDRESS, /* IPv4 or IPv6 */
	PM_VALID_CIDR,    /* address/prefix */
	PM_VALID_PORT,    /* 1 to 65535 */
	PM_VALID_MEMORY,  /* MiB: 16 to 2^31 - 1 */
	PM_VALID_CORES,   /* 1 to 8192 */
	PM_VALID_VOLID,   /* storage:volume */
	PM_VALID_UPID,
	PM_VALID_POOL, /* PVE's pool id; nested ones with '/' */
	PM_VALID_MAX,
};

/** 0; -PM_E_INPUT says what was given (cut, made visible) and what is allowed. text NULL counts as "". */
int pm_validate(enum pm_valid what, const char *text, struct pm_error *err) PM_CHECK;

/** Name of the class for messages and documents: "VMID"; and what it allows, one sentence. */
const char *pm_valid_name(enum pm_valid what);
const char *pm_valid_doc(enum pm_valid what);

/** Makes a text safe for logs and terminals: control characters, broken bytes of UTF-8, and characters
 * that are invisible or turn the direction of text are replaced by '?' one by one. Cut between characters
 * to fit out[n], always terminated (n 0: nothing is written). NULL counts as "". Returns the length. */
size_t pm_sanitize(const char *text, char *out, size_t n);

#endif
