/* The audit log as files: the one that is written to, and the older ones beside it. Shared by the writer
 * (audit.c, rotate.c), the judge (verify.c) and the reader (read.c). */
#ifndef PM_SECURITY_AUDIT_PRIV_H
#define PM_SECURITY_AUDIT_PRIV_H

#include <pthread.h>
#include <stdio.h>
#include <sys/types.h>

#include "base/vec.h"
#include "chain_priv.h"

struct pm_audit {
	char *path;
	int64_t rotate; /* bytes; 0: never */
	unsigned keep;
	pthread_mutex_t lock;
	/* under the lock */
	int fd;
	off_t end; /* size of the file when we looked last; -1: look again */
	struct pm_chain chain;
	size_t torn_bytes; /* broken bytes at the end that no record vouches for yet */
	char torn[PM_HEX];
	off_t rotate_at; /* after a rotation that failed: not before that size again */
};

/* ---- files.c ---- */

/** One file of the log. */
struct pm_audit_file {
	char *path;
	const char *name; /* the last part of path */
	uint64_t number;  /* of its last record, as its name says */
	dev_t dev;
	ino_t ino;
};

struct pm_audit_files {
	PM_VEC(struct pm_audit_file);
};

/** The files of a log that are older than the one that is open as `fd`, the oldest first. */
int pm_audit_files(
	const char *path, int fd, struct pm_audit_files *ret, struct pm_error *err) PM_CHECK;
void pm_audit_files_done(struct pm_audit_files *f);

/** The number in "audit.jsonl.812"; 0: not the name of an older file. */
uint64_t pm_audit_number(const char *name);

/** A file's lines up to the size that it had when it was opened. */
struct pm_audit_lines {
	FILE *f;
	off_t size, left;
};

/** Opens while no record is being written. -PM_E_NOTFOUND: there is no such file. */
int pm_audit_lines(const char *path, struct pm_audit_lines *ret, struct pm_error *err) PM_CHECK;
void pm_audit_lines_done(struct pm_audit_lines *l);

/** The next line with its newline (the last one may have none). false: there is none, or it cannot be
 * read (ferror). A line that is longer than any record is cut: line->full. */
bool pm_audit_line(struct pm_audit_lines *l, struct pm_buf *line);

/* ---- rotate.c ---- */

/** Writes a file with the first record of the next chain link and puts it in the place of this one, which
 * gets the name PATH.N. Both locks are held; `a` still stands on the old file afterwards. */
int pm_audit_turn(struct pm_audit *a, int64_t wall_ms, struct pm_error *err) PM_CHECK;

#endif
