/* The board: the one place where the daemon says what it knows and is told what to do.
 *
 * Threads: every function may be called from any thread; one mutex inside, held for a copy and never for a
 * wait. The thread of cycles and the loop write (pm_board_* of the second part), whoever answers people or
 * machines reads (pm_board_view) and asks (pm_board_suspend and the like).
 * Ownership: whatever is handed in is copied; what is read is a copy in the reader's arena, equal in itself
 * and never changed again. Times are milliseconds of the wall clock, 0 where there is none.
 * Files under journal.dir: SET.asked.json (suspensions and approvals, written before they are in force) and
 * SET.history.jsonl (one line an entry). A file that cannot be read is told and does no harm.
 * Nothing on the board is secret: texts of errors and of plans are masked where they are made. */
#ifndef PM_DAEMON_BOARD_H
#define PM_DAEMON_BOARD_H

#include "recon/recon.h"

struct pm_board;

/* ---- what it shows ---- */

enum pm_doing {
	PM_DOING_STARTING,
	PM_DOING_WAITING,  /* for files, for a time, for somebody: `why` */
	PM_DOING_READING,  /* manifests and the cluster */
	PM_DOING_PLANNING, /* what was read */
	PM_DOING_APPLYING,
	PM_DOING_ENDING, /* no new actions; running tasks are followed */
	PM_DOING_MAX,
};
const char *pm_doing_name(enum pm_doing d); /* "waiting" */

/** A state of the manifests. */
struct pm_revision {
	const char *id;      /* commit, or "tree:" and 16 hex digits; NULL: none */
	const char *subject; /* first line of the commit; NULL: no commit */
	int64_t at_ms;       /* when it was seen here first; of `applied`: when it was in place */
};

enum pm_sync {
	PM_SYNC_UNKNOWN, /* its node does not answer, or nothing was read yet: `why` */
	PM_SYNC_OK,      /* in sync */
	PM_SYNC_DIFFERS, /* and is being, or about to be, put right; with `observe`: would be */
	PM_SYNC_HELD,    /* differs and is held back: `why`; next_ms when that ends by itself */
	PM_SYNC_FAILING, /* tried `attempts` times in a row, `why` is the error, next try at next_ms */
	PM_SYNC_SUSPENDED, /* by whom, `why`, until next_ms (0: until somebody resumes) */
	PM_SYNC_MAX,
};
const char *pm_sync_name(enum pm_sync s); /* "in-sync", "differs", "held", ... */

/** One object of the manifests, or a guest of ours that has left them. */
struct pm_board_object {
	const char *id;   /* "Pod/shop/web" */
	const char *node; /* NULL: not known */
	unsigned vmid;    /* 0: none yet */
	enum pm_sync sync;
	enum pm_verb verb;   /* that would put it right; of PM_SYNC_OK: PM_V_KEEP */
	const char *changes; /* "resources.memory 512M -> 1G"; NULL: none to name */
	const char *why;     /* NULL: nothing to say */
	const char *by;      /* who suspended it; whose task at PVE changed it; NULL: not known */
	enum pm_code code;   /* of PM_SYNC_FAILING */
	unsigned attempts;
	int64_t next_ms, since_ms; /* since: in this state */
};

/** A manifest that is not in force as it is. */
struct pm_board_file {
	const char *path;
	unsigned line, column; /* 0: not known */
	const char *why;
	bool kept; /* its last good objects are in force; false: it has none */
};

struct pm_board_node {
	const char *name;
	bool online;
};

/** Of the last look at the cluster. */
struct pm_board_cluster {
	const char *name, *version; /* NULL: not known */
	bool known;                 /* there was a look that succeeded */
	bool quorate;
	const char *paused; /* why nothing is written at all; NULL: it is */
	const struct pm_board_node *node;
	unsigned nnodes;
	unsigned nguests;
	int64_t at_ms;
};

/** A cycle that has ended. */
struct pm_board_cycle {
	uint64_t number;   /* from 1; 0: there was none */
	const char *why;   /* "files changed, drift" */
	enum pm_code code; /* PM_OK: everything that was to be done is done */
	const char *error; /* NULL: none */
	int64_t began_ms, ended_ms;
	uint32_t read_ms, apply_ms;
	unsigned done, failed; /* actions */
	struct pm_summary plan;
};

/** What has happened, for `history`. */
enum pm_happening {
	PM_HAP_STARTED,  /* the daemon */
	PM_HAP_ENDED,    /* the daemon */
	PM_HAP_RELOADED, /* the configuration */
	PM_HAP_REVISION, /* another state of the manifests is wanted */
	PM_HAP_APPLIED, /* an action was carried out; without object: all of a revision is in place */
	PM_HAP_FAILED,
	PM_HAP_DRIFT,     /* an object was changed behind our back */
	PM_HAP_HELD,      /* something is not done though it is wanted */
	PM_HAP_RECOVERED, /* what failed, was held or out of reach is well again */
	PM_HAP_SUSPENDED,
	PM_HAP_RESUMED,
	PM_HAP_ASKED, /* for a cycle */
	PM_HAP_APPROVED,
	PM_HAP_MAX,
};
const char *pm_happening_name(enum pm_happening h); /* "applied" */

struct pm_board_entry {
	int64_t at_ms; /* 0: now */
	enum pm_happening what;
	const char *revision, *object; /* NULL: not about one */
	const char *verb;              /* "update"; NULL: none */
	const char *text;              /* what was done, by whom, why it failed */
	enum pm_code code;             /* of PM_HAP_FAILED */
	unsigned vmid;
	uint32_t took_ms;
};

struct pm_board_suspension {
	const char *object;      /* NULL: all */
	const char *reason, *by; /* NULL: not given */
	int64_t at_ms, until_ms; /* until 0: until somebody resumes */
};

/** Numbers since the start: they only grow. */
struct pm_board_counts {
	uint64_t cycles, cycles_failed;
	uint64_t actions[PM_VERB_MAX][PM_OUTCOME_MAX];
	uint64_t drifts, notified, notify_failed;
	uint64_t read_ms, apply_ms; /* in all cycles */
	uint64_t progress;          /* steps of any kind: stands still only when nothing moves */
	uint64_t files_read, files_parsed;
	struct pm_pve_stats pve; /* as of the last cycle */
	struct pm_net_stats net;
};

/** Everything, at one moment. */
struct pm_board_view {
	int64_t now_ms, started_ms;
	const char *set, *cluster_name,
		*folder; /* folder: or URL of the repository, without secrets */
	bool observe;
	enum pm_doing doing;
	const char *why;  /* what is waited for; NULL: nothing */
	const char *next; /* what happens next: "a look for drift"; NULL: not known */
	int64_t next_ms;
	int64_t doing_since_ms;
	struct pm_revision wanted, applied; /* applied: the last one that was in place as a whole */
	struct pm_revision held;            /* waits for `approve`; id NULL: none */
	const char *held_why;
	int64_t good_ms;         /* when the source was last read without an error */
	const char *source_why;  /* why the source cannot be read now; NULL: it can */
	const char *lock_holder; /* who keeps us from the lock of the set; NULL: nobody */
	const char *config_why;  /* why the last reload was refused; NULL: it was not */
	struct pm_board_cycle last;
	int64_t sweep_ms; /* when everything was last read */
	struct pm_board_cluster cluster;
	unsigned sync[PM_SYNC_MAX];           /* how many objects */
	const struct pm_board_object *object; /* sorted by id */
	size_t nobjects;
	const struct pm_board_file *file; /* broken ones, sorted */
	size_t nfiles;
	const struct pm_board_suspension *suspension;
	size_t nsuspensions;
	const struct pm_board_entry *entry; /* oldest first */
	size_t nentries;
	uint64_t asked,
		answered; /* reconciles: asked for, and how many of them a cycle has served */
	struct pm_board_counts counts;
};

/** Parts that may be large are copied only where they are wanted. The numbers always come. */
enum pm_board_parts {
	PM_BOARD_OBJECTS = 1 << 0,
	PM_BOARD_FILES = 1 << 1,
	PM_BOARD_HISTORY = 1 << 2,
	PM_BOARD_ALL = 7,
};

/** A copy of everything in `a`. */
void pm_board_view(
	struct pm_board *b, struct pm_arena *a, unsigned parts, struct pm_board_view *ret);

/* ---- what it is told ---- */

/** Every request wakes the daemon. `by` is for people ("uid 1000 (me)"); object "Pod/ns/name", NULL: all.
 * 0 when it is in force and written down, else -code and nothing has changed. */

/** Until until_ms (0: for good). Replaces what was said about the same object. An object that nobody knows
 * may be suspended: it may come. -PM_E_USAGE: not a name, or a time that has passed. */
int pm_board_suspend(
	struct pm_board *b, const struct pm_board_suspension *s, struct pm_error *err) PM_CHECK;

/** -PM_E_NOTFOUND: it is not suspended. object NULL takes off what was said about all, and about each. */
int pm_board_resume(
	struct pm_board *b, const char *object, const char *by, struct pm_error *err) PM_CHECK;

/** A cycle that reads everything, now; failing objects are tried at once. Returns the ticket: it is served
 * as soon as `answered` of a view is as high. */
uint64_t pm_board_reconcile(struct pm_board *b, const char *by);

/** Lets the revision that is held pass. `revision`: its id or the beginning of it (7 digits or more); NULL:
 * the one that is held. -PM_E_NOTFOUND: no such revision is held. */
int pm_board_approve(
	struct pm_board *b, const char *revision, const char *by, struct pm_error *err) PM_CHECK;

/* ---- the daemon's own side ---- */

struct pm_board_opts {
	const char *set, *cluster, *folder;
	const char *journal_dir; /* NULL: nothing is kept over a restart */
	bool observe;
	const struct pm_clock *clock; /* NULL: the system's */
	unsigned history;             /* entries kept; 0: 1000 */
	/** Called after a request, in the thread that made it; must not call the board. NULL: nobody. */
	void (*wake)(void *arg);
	void *wake_arg;
};

/** Reads what was kept. Owner: the caller (pm_board_free). */
struct pm_board *pm_board_new(const struct pm_board_opts *o) PM_CHECK;
void pm_board_free(struct pm_board *b);

void pm_board_doing(struct pm_board *b, enum pm_doing d, const char *why);
void pm_board_next(struct pm_board *b, const char *what, int64_t at_ms);
void pm_board_progress(struct pm_board *b); /* something has moved */

/** Another state of the manifests is what is wanted; says so in the history when it is another one. */
void pm_board_wanted(struct pm_board *b, const struct pm_revision *r);
/** All of it is in place. */
void pm_board_applied(struct pm_board *b, const struct pm_revision *r);
/** The source was read (why NULL), or could not be. */
void pm_board_source(struct pm_board *b, const char *why);
/** A revision that is not taken until somebody approves it; r NULL: none is held any more. */
void pm_board_hold(struct pm_board *b, const struct pm_revision *r, const char *why);
/** Has somebody approved it? Stays so over restarts, until pm_board_approved_done(). */
bool pm_board_is_approved(struct pm_board *b, const char *revision);
void pm_board_approved_done(struct pm_board *b, const char *revision);

void pm_board_lock_holder(struct pm_board *b, const char *who); /* NULL: nobody */
void pm_board_config_why(
	struct pm_board *b, const char *why); /* NULL: the configuration is in force */
void pm_board_cluster(struct pm_board *b, const struct pm_board_cluster *c);
/** Replaces all; sorted here. since_ms is kept from before where the state is the same. */
void pm_board_objects(struct pm_board *b, const struct pm_board_object *v, size_t n);
void pm_board_files(struct pm_board *b, const struct pm_board_file *v, size_t n);
/** A cycle has ended: its number is given here, and counted. */
void pm_board_cycle(struct pm_board *b, const struct pm_board_cycle *c);
void pm_board_swept(struct pm_board *b); /* everything was read */
void pm_board_action(struct pm_board *b, enum pm_verb v, enum pm_outcome o); /* counts one */
void pm_board_stats(
	struct pm_board *b, const struct pm_pve_stats *pve, const struct pm_net_stats *net);
void pm_board_read(struct pm_board *b, unsigned files_read, unsigned files_parsed); /* counts */
void pm_board_notified(struct pm_board *b, bool well);                              /* counts one */
/** Adds to the history, there and in its file, and tells the listener. */
void pm_board_happened(struct pm_board *b, const struct pm_board_entry *e);

/** Who is told of each entry, in the thread that adds it; it may not add one itself. NULL: nobody any more.
 * When this returns the one before is not called again. */
typedef void pm_board_listener_fn(void *arg, const struct pm_board_entry *e);
void pm_board_listen(struct pm_board *b, pm_board_listener_fn *fn, void *arg);

/** Tickets given so far; a cycle takes the number before it begins and serves all of them when it ends. */
uint64_t pm_board_asked(struct pm_board *b);
void pm_board_answered(struct pm_board *b, uint64_t ticket);
bool pm_board_waiting(struct pm_board *b); /* is a ticket not served yet? */

/** Is the object (NULL: everything) suspended now? What is over is dropped, with an entry in the history. The
 * texts are in `a`. */
bool pm_board_suspended(struct pm_board *b, const char *object, struct pm_arena *a,
	struct pm_board_suspension *ret);
/** When the next suspension ends; 0: none does by itself. */
int64_t pm_board_expires(struct pm_board *b);

#endif
