/* Where callers and the I/O thread meet: callers hand in batches and sleep, the thread hands back calls.
 * No lock is taken on the way of a call; who sleeps is woken, who is busy is not. */
#ifndef PM_NET_BATCH_PRIV_H
#define PM_NET_BATCH_PRIV_H

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "net/net.h"

enum pm_halt { PM_GO_ON, PM_HALT_QUEUED, PM_HALT_ALL };

/** One pm_net_batch, on the stack of its caller. */
struct pm_batch {
	struct pm_call *const *v;
	size_t n;

	/* both sides' */
	struct pm_batch *next_new;
	_Atomic(struct pm_call *) finished;
	atomic_bool asleep; /* who sets it to false posts `wake` */
	sem_t wake; /* posted once more when all is finished: then nothing of this is touched */

	/* under the lock of the desk */
	struct pm_batch *next_halt;
	enum pm_halt halt;
	bool halt_listed;

	/* the caller's */
	unsigned posts, posts_seen;

	/* the thread's */
	struct pm_batch *next_dirty, *next_halting;
	enum pm_halt halting;
	bool dirty;
	struct pm_call *fresh, *fresh_last; /* finished, not handed back yet */
	struct pm_call *given_last;         /* the last one handed back */
	unsigned nfresh, given;             /* how many; given: and not taken, as far as is known */
	size_t open;                        /* not finished */
	struct pm_site *site;               /* of `host`: most batches ask one after the other */
	const struct pm_host *host;
};

/** One for each transport. */
struct pm_desk {
	_Atomic(struct pm_batch *) fresh; /* newest first */
	atomic_bool sleeping;             /* the thread is; who sets it to false rings */
	atomic_bool halts_there, quit;
	int bell; /* eventfd */
	pthread_mutex_t lock;
	struct pm_batch *halts;
};

int pm_desk_init(struct pm_desk *d, struct pm_error *err) PM_CHECK;
void pm_desk_done(struct pm_desk *d);

/** The thread shall end. */
void pm_desk_quit(struct pm_desk *d);

/* ---- the caller's side ---- */

void pm_batch_init(struct pm_batch *b, struct pm_call *const *v, size_t n);
void pm_batch_hand_in(struct pm_desk *d, struct pm_batch *b);

/** What is finished, as a list; waits for it, or (`cancel` not NULL) for a moment: then it may be NULL. */
struct pm_call *pm_batch_wait(struct pm_batch *b, const struct pm_cancel *cancel);

/** The rest shall not be sent, or not be waited for. */
void pm_batch_halt(struct pm_desk *d, struct pm_batch *b, enum pm_halt how);

/** All calls have come back: waits until the thread has let go of the batch, and ends it. */
void pm_batch_done(struct pm_desk *d, struct pm_batch *b);

/* ---- the thread's side ---- */

/** New batches, oldest first, by next_new; NULL: none. */
struct pm_batch *pm_desk_take(struct pm_desk *d);

/** Batches to halt, by next_halting; none of them is finished. */
struct pm_batch *pm_desk_halts(struct pm_desk *d);

/** Before and after sleeping. false: there is something to do. */
bool pm_desk_sleep(struct pm_desk *d);
void pm_desk_wake(struct pm_desk *d, bool rung);

void pm_batch_add(struct pm_batch *b, struct pm_call *c); /* it is finished */

/** Hands back what is finished; `wake` the caller if it sleeps (when all is finished, always). false: it
 * sleeps on. */
bool pm_batch_give(struct pm_batch *b, bool wake);

#endif
