/* A snapshot: what PVE answered, in a file, so that a plan can be made without a cluster by the very code
 * that makes it with one. It holds answers of reads only, no login and no header. */
#ifndef PM_RECON_SNAPSHOT_H
#define PM_RECON_SNAPSHOT_H

#include "net/net.h"

/** A transport around another one that keeps what came of every GET. Frees `inner` when it is freed. */
struct pm_transport *pm_transport_record(struct pm_transport *inner) PM_CHECK;

/** Writes what was kept, with what else is to stand in the file; owner-only. */
struct pm_snapshot_facts {
	const char *set, *cluster;
	int64_t made_ms; /* wall clock */
};
int pm_snapshot_write(struct pm_transport *recording, const char *file,
	const struct pm_snapshot_facts *f, struct pm_error *err) PM_CHECK;

/** A transport that answers from such a file: the same path gets the same answer. What is not in it is
 * PM_E_UNREACHABLE, and so is everything but GET. *ret_made (may be NULL): when it was made, for people;
 * lives as long as the transport. */
int pm_snapshot_open(const char *file, struct pm_transport **ret, const char **ret_made,
	struct pm_error *err) PM_CHECK;

#endif
