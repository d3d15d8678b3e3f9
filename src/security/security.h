/* Who may do what, and what was done: secrets, operation policy, audit log. */
#ifndef PM_SECURITY_SECURITY_H
#define PM_SECURITY_SECURITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/error.h"

/* ---- secrets ---- */

/** Text that is kept in locked memory, left out of core files, and cleared when freed. */
struct pm_secret;

struct pm_secret *pm_secret_new(const char *text, size_t n) PM_CHECK;
const char *pm_secret_text(const struct pm_secret *s); /* borrowed; never print it */
void pm_secret_free(struct pm_secret *s);
void pm_secret_freep(struct pm_secret **s);

/** Where from, as in the manifest: the text itself, a file (trailing newline dropped; relative to `dir`),
 * an environment variable, a systemd credential ($CREDENTIALS_DIRECTORY). At most 64 KiB, not empty, no
 * NUL. Errors name the source. */
enum pm_secret_from { PM_FROM_TEXT, PM_FROM_FILE, PM_FROM_ENV, PM_FROM_CREDENTIAL };
int pm_secret_read(enum pm_secret_from from, const char *what, const char *dir,
	struct pm_secret **ret, struct pm_error *err) PM_CHECK;

/** No core file of this process shows memory; call once at start. */
void pm_security_harden(void);

/* ---- audit log: JSON lines, each chained to the one before by SHA-256 ---- */

struct pm_audit;

/** Opens (makes) the log, owner-only, and finds the end of the chain. path NULL: no log is kept, *ret is
 * NULL and writing to it does nothing. An unfinished last record is vouched for by the next one; a whole
 * one that was changed is -PM_E_INVALID. */
int pm_audit_open(const char *path, struct pm_audit **ret, struct pm_error *err) PM_CHECK;
void pm_audit_close(struct pm_audit *a); /* NULL is fine */

struct pm_audit_record {
	const char *operation; /* a word of the policy: "create" */
	const char *object;    /* "Pod/shop/web", or "" */
	const char *user;      /* at PVE */
	const char *host;
	const char *method, *path;
	const char *keys;    /* names of the parameters, never values */
	const char *result;  /* "ok", or the class of the error */
	const char *details; /* UPID, or the error's text without secrets */
};

/** Appends one record and fsyncs. Thread-safe, and safe beside other processes. Texts are cut at 1000
 * bytes; NULL and "" are left out. */
int pm_audit_write(struct pm_audit *a, const struct pm_clock *clock,
	const struct pm_audit_record *r, struct pm_error *err) PM_CHECK;

/** Checks the chain of a file. 0; -PM_E_INVALID with *ret_line, the first line that does not fit (also an
 * unfinished last one); -PM_E_IO. *ret_records: good ones before it. */
int pm_audit_verify(
	const char *path, unsigned *ret_line, unsigned *ret_records, struct pm_error *err) PM_CHECK;

/* ---- policy ---- */

/** Is the operation on the allow list? An empty list (n 0) allows all. -PM_E_REFUSED says how to allow. */
int pm_policy_check(
	const char *const *allow, size_t n, const char *operation, struct pm_error *err) PM_CHECK;

/** SHA-256 as 64 hex digits. */
char *pm_sha256_hex(const void *p, size_t n, char out[65]);

#endif
