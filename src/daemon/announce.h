/* Inside of the daemon: telling others what happens, by webhooks and programs, in a thread of its own.
 *
 * Whoever has something to tell hands over a copy and goes on; messages wait in a queue of fixed length, the
 * same message is not told twice within an hour, and each may take no longer than its `timeout`. A message
 * that cannot be delivered is tried once more, then told in the log and counted on the board. */
#ifndef PM_DAEMON_ANNOUNCE_H
#define PM_DAEMON_ANNOUNCE_H

#include "daemon/board.h"
#include "net/net.h"

/** What is told: one event. */
struct pm_message {
	const char *event;                                 /* "failed" */
	const char *set, *object, *text, *revision, *host; /* NULL: none */
	int64_t at_ms;
};

/** The body that is sent. `template` NULL: a JSON object with all members. Texts are quoted as the inside of a
 * JSON text. */
void pm_message_body(const struct pm_message *m, const char *template, struct pm_buf *out);

struct pm_announce_opts {
	const struct pm_config *config; /* borrowed until pm_announce_free */
	struct pm_board *board;         /* what is delivered is counted here */
	const struct pm_clock *clock;
	struct pm_transport *transport; /* for tests; NULL: the network */
};

struct pm_announce;
/** NULL: the configuration names nobody. Owner: the caller. */
struct pm_announce *pm_announce_new(const struct pm_announce_opts *o) PM_CHECK;
/** Delivers what waits for at most five seconds more. NULL is fine. */
void pm_announce_free(struct pm_announce *a);
/** Never waits. Any thread; `arg` is the pm_announce: the listener of a board. */
void pm_announce_entry(void *arg, const struct pm_board_entry *e);

/* ---- deliver.c ---- */

/** Where messages go and how, by one record of `notify`. */
struct pm_delivery {
	const struct pm_rec *rec;
	const char *dir; /* that relative names of files begin at */
	struct pm_transport *transport;
	struct pm_cancel *cancel;
};
/** One attempt. Errors name the entry of the configuration, never the address. */
int pm_deliver(
	const struct pm_delivery *d, const struct pm_message *m, struct pm_error *err) PM_CHECK;

#endif
