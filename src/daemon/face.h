/* The face of the daemon: how it tells people and machines what it does, and is told what to do.
 *
 * Everything here runs in the thread of the event loop, never waits, and knows of the daemon only what stands
 * on the board; what it is asked goes to the board, too. Parts: the socket that `podmox status` and its
 * neighbours talk to (control.c), HTTP for monitoring (http.c), messages for systemd (notify.c). */
#ifndef PM_DAEMON_FACE_H
#define PM_DAEMON_FACE_H

#include "daemon/board.h"

struct event_base;
struct pm_face;

struct pm_face_opts {
	struct event_base *base; /* borrowed */
	struct pm_board *board;  /* borrowed */
	const struct pm_config *config;
	/** Somebody says that the source has changed (POST /hook): look at once. In the loop's thread. */
	void (*wake)(void *arg);
	void *arg;
};

/** Opens what the configuration asks for. An address or a socket that it names and that cannot be had is an
 * error; a socket at the default place that cannot be had is a warning in the log. Owner of *ret: the
 * caller. */
int pm_face_open(const struct pm_face_opts *o, struct pm_face **ret, struct pm_error *err) PM_CHECK;
void pm_face_close(struct pm_face *f); /* NULL is fine */

/** Tells systemd that the daemon works. Once, as soon as the loop runs. */
void pm_face_ready(struct pm_face *f);
/** The configuration is being read anew; pm_face_ready() again when that is done. */
void pm_face_reloading(struct pm_face *f);
/** No new actions from now on. */
void pm_face_stopping(struct pm_face *f);

/** Something on the board has changed (a cycle has begun or ended). Cheap. */
void pm_face_news(struct pm_face *f);

/** Folders that are watched; `why` NULL: by inotify, else they are read from time to time. */
void pm_face_watching(struct pm_face *f, unsigned folders, const char *why);
/** Counts events of files. */
void pm_face_events(struct pm_face *f, unsigned n);

/** All that is measured, as a table in Markdown. */
void pm_figures_docs(struct pm_buf *out);

#endif
