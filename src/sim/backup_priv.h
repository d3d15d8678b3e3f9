/* Backups: which a job takes, which of them are kept. */
#ifndef PM_SIM_BACKUP_PRIV_H
#define PM_SIM_BACKUP_PRIV_H

#include "sim/sim_priv.h"

/** Which backups of a storage are looked at, and which of them stay. */
struct sim_prune {
	const char *rule; /* "keep-last=3,keep-daily=1" */
	const char *type; /* "qemu" or "lxc"; NULL: both */
	unsigned vmid;    /* 0: every guest's */
	bool quiet;       /* removes without a line in the log */
};

/** Removes what the rule does not keep, and says how many that were. */
unsigned pm_s_prune(
	struct pm_sim *s, struct sim_task *t, const char *storage, const struct sim_prune *p);

/** Does a job with these settings back up the guest? */
bool pm_s_job_takes(const struct pm_sim *s, const struct sim_conf *job, const struct sim_guest *g);

#endif
