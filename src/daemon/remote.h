/* The daemon's side of a Git repository: what the source says goes to the board and into the log, what
 * people approve on the board goes to the source. All functions run in the loop's thread. */
#ifndef PM_DAEMON_REMOTE_H
#define PM_DAEMON_REMOTE_H

#include "daemon/board.h"
#include "source/source.h"

struct event_base;
struct pm_remote;

struct pm_remote_opts {
	struct event_base *base; /* borrowed, as are the next two */
	struct pm_source *source;
	struct pm_board *board;
	bool once; /* nothing counts before the repository was asked */
	/** Another commit is in force, or (once) the first look is over. */
	void (*changed)(void *arg);
	void *arg;
};

/** Starts the source's thread. Owner of *ret: the caller. */
int pm_remote_open(
	const struct pm_remote_opts *o, struct pm_remote **ret, struct pm_error *err) PM_CHECK;
/** Ends the thread, too. NULL is fine. */
void pm_remote_close(struct pm_remote *r);

/** Is a commit in force, so that there are files to read? */
bool pm_remote_ready(const struct pm_remote *r);

/** Why not; for `once`, after the first look. */
int pm_remote_error(const struct pm_remote *r, struct pm_error *err);

/** Somebody asked something on the board: is it an approval? */
void pm_remote_asked(struct pm_remote *r);

#endif
