/* Inside of the face: connections, what is answered over them, and messages for systemd. */
#ifndef PM_DAEMON_FACE_PRIV_H
#define PM_DAEMON_FACE_PRIV_H

#include <stdint.h>
#include <sys/types.h>

#include "base/json.h"
#include "base/metrics.h"
#include "daemon/face.h"

/* ---- server.c: connections, bounded in number, size and time ---- */

struct pm_server;
struct pm_peer;

struct pm_server_opts {
	struct event_base *base;
	unsigned peers;    /* most at once; further ones wait until one has gone */
	size_t bytes;      /* most of a request */
	unsigned patience; /* seconds in which a request has to come, and an answer to be taken */
	/** A connection has come; false: it is closed at once. NULL: all are welcome. */
	bool (*greet)(struct pm_peer *p);
	/** Looks at what has come. Returns how many bytes it took; 0: there must be more. */
	size_t (*take)(struct pm_peer *p, const char *s, size_t n);
	/** A request is longer than `bytes`; the connection ends afterwards. */
	void (*too_long)(struct pm_peer *p);
	void *arg;
};

/** Serves a listening socket, which is the server's from now on. */
struct pm_server *pm_server_new(const struct pm_server_opts *o, int fd) PM_CHECK;
void pm_server_free(struct pm_server *s); /* NULL is fine */

void pm_peer_send(struct pm_peer *p, const void *s, size_t n);
/** Nothing more is read; closes when everything has been sent. */
void pm_peer_end(struct pm_peer *p);
int pm_peer_fd(const struct pm_peer *p);
void *pm_peer_arg(const struct pm_peer *p);
char *pm_peer_note(struct pm_peer *p, size_t *ret_n); /* a text about it; room for so many bytes */

/* ---- figures.c: what is measured ---- */

enum pm_figure {
#define PM_METRIC(id, ...) PM_FIG_##id,
#include "daemon/metrics.def"
#undef PM_METRIC
	PM_FIG_MAX,
};

struct pm_metrics *pm_figures_new(void) PM_CHECK;
/** Takes over what stands on the board, and asks the system what this process uses. */
void pm_figures_collect(struct pm_metrics *m, const struct pm_board_view *v);
/** A cycle has ended. */
void pm_figures_cycle(struct pm_metrics *m, const struct pm_board_cycle *c);

/* ---- told.c: the board as JSON ---- */

/** What /status and `podmox status` answer; `all` false: without objects that are as they should be. */
void pm_told_status(struct pm_jwrite *w, const char *key, const struct pm_board_view *v, bool all);
/** The last `most` entries about the object (NULL: all), oldest first. */
void pm_told_history(struct pm_jwrite *w, const char *key, const struct pm_board_view *v,
	const char *object, size_t most);
/** Is the revision that is wanted in place as a whole? */
bool pm_told_in_place(const struct pm_board_view *v);
/** "waiting for files; next: a look for drift": one line. */
void pm_told_line(struct pm_buf *out, const struct pm_board_view *v);

/* ---- control.c, http.c ---- */

/** Listens at `path`; `group` NULL: none. Owner of *ret: the caller (pm_server_free). */
int pm_control_open(struct pm_face *f, const char *path, const char *group, struct pm_server **ret,
	struct pm_error *err) PM_CHECK;

/** Where the socket stands: another one may stand there in the end. */
struct pm_place {
	char path[108];
	dev_t dev;
	ino_t ino;
};

/** Removes the socket from its place, when it is still ours. */
void pm_control_leave(const struct pm_place *place);

/** Listens at "HOST[:PORT]", and writes down where in f->address. */
int pm_http_open(struct pm_face *f, const char *listen, struct pm_server **ret,
	struct pm_error *err) PM_CHECK;

/* ---- notify.c: systemd's notify protocol ---- */

/** When the thread of cycles was last seen to move. */
struct pm_pulse {
	uint64_t progress, at; /* at: monotonic; 0: never looked */
};

/** How long nothing has moved, in nanoseconds; 0 while nothing has to. `now` is monotonic. */
uint64_t pm_pulse_still(struct pm_pulse *p, const struct pm_board_view *v, uint64_t now);

struct pm_notify {
	int fd;             /* -1: nobody wants to be told */
	uint64_t watchdog;  /* nanoseconds; 0: no watchdog */
	uint64_t sent_line; /* hash of the last STATUS= */
	bool stalled;       /* it was told */
};

/** Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. */
void pm_notify_open(struct pm_notify *n);
void pm_notify_close(struct pm_notify *n);
void pm_notify_send(struct pm_notify *n, const char *text);
/** STATUS=, when it is another line than last time. */
void pm_notify_line(struct pm_notify *n, const struct pm_board_view *v);
void pm_notify_reloading(struct pm_notify *n, uint64_t now);
/** Feeds the watchdog unless nothing has moved for as long as it waits; false: it was not fed. */
bool pm_notify_feed(struct pm_notify *n, uint64_t still);

/* ---- face.c ---- */

struct pm_face {
	struct pm_face_opts o;
	struct pm_metrics *metrics;
	struct pm_server *control, *http; /* NULL: none */
	struct pm_notify notify;
	struct pm_place place;
	int64_t gid; /* of agent.group; -1: none */
	struct pm_pulse pulse;
	struct event *watchdog; /* NULL: no watchdog */
	uint64_t cycle;         /* the last one that was counted */
	char address[80];       /* of HTTP; "": none */
	bool ready, stopping;
};

/** How long the thread of cycles has not moved, in seconds. */
unsigned pm_face_still(struct pm_face *f, const struct pm_board_view *v);

/** A view of the board in the arena, with what is measured taken over when `collect`. */
void pm_face_view(struct pm_face *f, struct pm_arena *a, unsigned parts, struct pm_board_view *ret);

#endif
