/* `podmox watch`: keeps a cluster equal to a folder. inotify wakes, a hash decides, a timer guarantees.
 *
 * Two threads: the main one holds the event loop (files, timers, signals) and never waits for anything
 * else; cycles run in a thread of their own, one at a time. A file that breaks keeps its last good objects
 * in force, and nothing is pruned meanwhile. */
#ifndef PM_DAEMON_DAEMON_H
#define PM_DAEMON_DAEMON_H

#include "recon/recon.h"
#include "source/source.h"

struct pm_daemon_opts {
	const struct pm_config *config;
	const char *dir;
	struct pm_source *source; /* `dir` is its; borrowed; NULL: a folder that others write */
	bool observe;             /* plans and tells, writes nothing */
	bool once;                /* one cycle, then end */
	bool allow_restart, allow_replace, prune; /* besides what the configuration allows */
	/* For tests; zero in programs. */
	struct pm_transport *transport; /* borrowed */
	const struct pm_clock *clock;   /* of cycles; the event loop has its own time */
	uint64_t seed;
};

/** Runs until SIGTERM or SIGINT (0), or until it cannot go on (-code). SIGHUP: reads the configuration
 * anew (a wrong one changes nothing) and looks at once. Blocks these
 * signals in the calling thread while it runs, and in all threads it starts. `once`: -code when the cycle
 * failed, -PM_E_INPUT when a manifest is wrong (the others are applied nevertheless). */
int pm_daemon_run(const struct pm_daemon_opts *o, struct pm_error *err) PM_CHECK;

#endif
