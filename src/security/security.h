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

/** When the file has reached `bytes` (0: never) the next record begins a new one and the old one is kept
 * as PATH.N, N the number of its last record. At most `keep` old files stay (0: all). The chain goes on
 * from file to file: the first record of each names the one before. To be called before the first record;
 * `a` may be NULL. A log that cannot be rotated grows, and a record in it says why. */
void pm_audit_rotate(struct pm_audit *a, int64_t bytes, unsigned keep);

/** What a check found. */
struct pm_audit_verdict {
	size_t records;             /* good ones before the first that is not */
	unsigned files;             /* that were looked at */
	unsigned line;              /* the first that does not fit, of `file`; 0: none */
	char file[1024], gone[300]; /* gone: a file that was removed as pm_audit_rotate() keeps */
};

/** Follows the chain from the oldest file to the last record that stands there now; records written
 * meanwhile are not looked at. 0; -PM_E_INVALID says file, line and what was done to it (an unfinished
 * last record, as a crash leaves it, too); -PM_E_NOTFOUND: there is no log; -PM_E_IO. *ret is filled in
 * all cases. */
int pm_audit_verify(const char *path, struct pm_audit_verdict *ret, struct pm_error *err) PM_CHECK;

/** A record that was read. Texts are "" where there is none, and not safe for a terminal. */
struct pm_audit_entry {
	uint64_t seq; /* 0: not a record at all, nothing else is known */
	const char *time;
	struct pm_audit_record r;
	bool good; /* the line is what was written there; its place in the chain is not looked at */
};
typedef void pm_audit_fn(void *arg, const struct pm_audit_entry *e);

/** Calls for the last `limit` lines (0: all), the oldest first, over rotated files. -PM_E_NOTFOUND: there
 * is no log; -PM_E_IO. */
int pm_audit_read(
	const char *path, size_t limit, pm_audit_fn *fn, void *arg, struct pm_error *err) PM_CHECK;

/* ---- policy ---- */

/** Is the operation on the allow list? An empty list (n 0) allows all. -PM_E_REFUSED says how to allow. */
int pm_policy_check(
	const char *const *allow, size_t n, const char *operation, struct pm_error *err) PM_CHECK;

/** SHA-256 as 64 hex digits. */
char *pm_sha256_hex(const void *p, size_t n, char out[65]);

#endif
