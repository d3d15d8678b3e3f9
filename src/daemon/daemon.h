/* `podmox watch`: keeps a cluster equal to a directory. inotify wakes, a hash decides, a timer guarantees. */
#ifndef PM_DAEMON_DAEMON_H
#define PM_DAEMON_DAEMON_H

#include "recon/recon.h"

struct pm_daemon_opts {
	const struct pm_config *config;
	const char *dir;
	bool observe; /* plans and tells, writes nothing */
	bool once;    /* one cycle, then end */
	bool allow_restart, allow_replace, prune;
};

/** Runs until SIGTERM or SIGINT (0), or until it cannot go on (-code). Blocks these signals in all
 * threads it starts. */
int pm_daemon_run(const struct pm_daemon_opts *o, struct pm_error *err) PM_CHECK;

#endif
