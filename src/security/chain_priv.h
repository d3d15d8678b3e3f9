/* The chain of the audit log as text: one record a line, each naming the hash of the one before. Shared
 * by the writer (audit.c) and the judge (verify.c). Pure. */
#ifndef PM_SECURITY_CHAIN_PRIV_H
#define PM_SECURITY_CHAIN_PRIV_H

#include <stdbool.h>

#include "base/buf.h"
#include "security/security.h"

#define PM_AUDIT_LINE ((size_t)64 << 10) /* no record is longer */
#define PM_AUDIT_NAME ((size_t)280)      /* of a file of the log, without its folder */
#define PM_HEX        65

/** The end of the chain so far. */
struct pm_chain {
	uint64_t seq;      /* of the last record; 0: none */
	char hash[PM_HEX]; /* of the last record */
};

/** What only the log itself says in a record; each may be NULL. */
struct pm_chain_extra {
	const char *torn;     /* hash of the broken bytes before this record */
	const char *previous; /* of the first record of a file: name of the file before */
	const char *oldest;   /* the oldest file that was kept then; those before it were removed */
};

/** What a line says about its place in the chain. */
struct pm_link {
	uint64_t seq;
	char prev[PM_HEX], hash[PM_HEX];
	char torn[PM_HEX];                                   /* "" none */
	char previous[PM_AUDIT_NAME], oldest[PM_AUDIT_NAME]; /* "" none */
};

void pm_chain_start(struct pm_chain *c);

/** Writes the record after `c` as a line with its newline, and moves `c` on. `x` may be NULL. */
void pm_chain_record(struct pm_chain *c, struct pm_buf *line, int64_t wall_ms,
	const struct pm_audit_record *r, const struct pm_chain_extra *x);

/** Reads a line without its newline. false: it is no record, or not what was once written. */
bool pm_chain_read(const char *line, size_t n, struct pm_link *ret);

/** Does the record follow the chain? When so, moves the chain on. */
bool pm_chain_follow(struct pm_chain *c, const struct pm_link *l);

#endif
