/* Manifests from a Git repository: a bare mirror, one folder for each commit that was taken, and a link
 * `current` that is renamed from one to the other. A commit is taken only when its signature is good (where
 * keys are given), when it follows the one before, and when all of it can be written out; else it is held
 * and the last good one stays in force. Everything lies in JOURNAL_DIR/SET.git:
 *
 *	mirror/        objects only, no remote and no secret in its config; made anew when it is damaged
 *	trees/COMMIT/  the files below source.git.path, complete since it has that name
 *	current        link to the tree in force
 *	state.json     the commit that was accepted, what was approved, when the remote was last read
 *	lock           held by whoever works on these
 *
 * A kill at any instant leaves either the old or the new state. */
#ifndef PM_SOURCE_SOURCE_H
#define PM_SOURCE_SOURCE_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "model/value.h"

struct pm_source;

struct pm_source_opts {
	const struct pm_rec *rec; /* of pm_kind_config; only read by pm_source_open() */
	const char *config_dir;   /* that relative names of files begin at */
	const char *set, *journal_dir;
	const struct pm_clock *clock; /* NULL: the system's */
	/** Looks only: fetches, checks and writes the tree of the commit that would be taken, but accepts
	 * nothing and leaves `current` alone. */
	bool peek;
	uint64_t seed; /* for tests; 0: the system's chance */
};

/** Does the configuration name a repository? */
bool pm_source_configured(const struct pm_rec *config);

/** Reads the settings and what earlier runs left; nothing is fetched, no other process is waited for.
 * -PM_E_INPUT: a key, a file of keys or the address cannot be used. Owner of *ret: the caller. */
int pm_source_open(
	const struct pm_source_opts *o, struct pm_source **ret, struct pm_error *err) PM_CHECK;

/** Ends its thread (what it does is cancelled) and frees all. NULL is fine. */
void pm_source_free(struct pm_source *s);

/** Folder to load, below the link `current`: a name that stays the same, whether or not it is there yet.
 * Lives as long as the source. */
const char *pm_source_dir(const struct pm_source *s);

/** The address, without secrets. */
const char *pm_source_url(const struct pm_source *s);

/** What is in force, and what is not. Texts are copies in the reader's arena. */
struct pm_source_state {
	const char *url, *branch; /* without secrets */
	const char *dir; /* folder to load, a name that stays the same; NULL: nothing is in force */
	const char
		*tree; /* the same folder of just this commit: it stays while the source is open */
	const char *revision, *subject; /* 40 hex digits, first line; NULL: nothing is in force */
	const char *signer;             /* fingerprint of the key; NULL: no keys are given */
	int64_t accepted_ms;            /* wall clock, as all of them; 0: never */
	const char *held, *held_subject, *held_why; /* a commit that is not taken; NULL: none */
	bool approvable;   /* held until pm_source_approve() says it may pass */
	const char *error; /* why the last look failed; NULL: it did not */
	int64_t good_ms;   /* when the remote was last read */
	enum pm_code code; /* of `error` */
	uint64_t looks;    /* that are over, well or not */
	unsigned failures; /* looks in a row that failed */
	int64_t next_ms;   /* next look of the thread; 0: it has none */
	uint64_t changes;  /* another number: something of this is another */
};

/** Any thread. */
void pm_source_state(struct pm_source *s, struct pm_arena *a, struct pm_source_state *ret);

/** Asks the remote for the branch, fetches when it has moved, judges, and takes or holds. Blocks up to
 * source.git.limits.time or until cancelled. 0: the remote was read; whether the commit was taken says the
 * state. Else nothing has changed but the state's `error`. One call at a time; not while the thread runs. */
int pm_source_poll(struct pm_source *s, struct pm_cancel *cancel, struct pm_error *err) PM_CHECK;

/** Lets a commit pass that does not follow the one in force. `revision`: all or at least 7 of its digits;
 * NULL: the one that is held. Written down before it returns; the next look takes it, and the thread looks
 * at once. -PM_E_NOTFOUND: no such commit is held. -PM_E_REFUSED: it is held for a reason that nobody can
 * approve. Any thread; may wait for a file lock, never for the network. */
int pm_source_approve(struct pm_source *s, const char *revision, struct pm_error *err) PM_CHECK;

/** Starts a thread that looks now, every source.git.interval, and when woken; after failures it waits longer,
 * up to five minutes. `news` is called in that thread after each look; it must not call the source but for
 * pm_source_state(). */
int pm_source_start(
	struct pm_source *s, void (*news)(void *arg), void *arg, struct pm_error *err) PM_CHECK;

/** Ends the thread and what it is doing. */
void pm_source_stop(struct pm_source *s);

/** The thread looks now; calls that come while it looks make one more look. Any thread. */
void pm_source_wake(struct pm_source *s);

#endif
