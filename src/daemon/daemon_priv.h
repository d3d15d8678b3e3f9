/* Inside of this room: the watched folder, the texts kept, the timetable, and one cycle. */
#ifndef PM_DAEMON_DAEMON_PRIV_H
#define PM_DAEMON_DAEMON_PRIV_H

#include "base/map.h"
#include "base/random.h"
#include "base/vec.h"
#include "daemon/announce.h"
#include "daemon/daemon.h"
#include "daemon/hold.h"

/* ---- watch.c: which folders may change ---- */

#define PM_WATCH_LINKS 8

/** An entry of a folder above the root: when it changes, the root is another one. */
struct pm_watch_above {
	int wd;
	char name[256];
};

/** What happened since somebody asked last. */
struct pm_named {
	PM_VEC(char *) v; /* entries, by their paths below the root */
	bool only;        /* nothing else changed; false: anything may have */
};

#define PM_NAMED_MOST 64 /* where more changed all is looked at */

void pm_named_done(struct pm_named *n);

struct pm_watch {
	int fd;          /* -1: not watching */
	const char *dir; /* borrowed */
	const char
		*why; /* why it has to be looked at from time to time instead; NULL: it need not */
	unsigned folders; /* watched */
	struct pm_watch_above above[PM_WATCH_LINKS];
	unsigned nabove;
	PM_VEC(char *) below; /* the folder of each number of a watch, from the root; NULL: above */
	struct pm_named named;
};

/** Watches a folder with all below it, from now on. Never fails: `why` says when it is not enough. */
void pm_watch_open(struct pm_watch *w, const char *dir);
void pm_watch_close(struct pm_watch *w);

enum pm_watch_news {
	PM_WATCH_NOTHING, /* nothing that matters */
	PM_WATCH_CHANGED, /* a file */
	PM_WATCH_MOVED,   /* folders changed, or events were lost: open it again, then look */
};

/** Reads all events there are. */
enum pm_watch_news pm_watch_read(struct pm_watch *w);

/** What those events were about that were read since the last call; the caller's to free. After an opening anything
 * may have changed. */
void pm_watch_take(struct pm_watch *w, struct pm_named *ret);

/* ---- store.c: contents, and the last good one of each ---- */

#define PM_STABLE_MS 100 /* a file that changed later than that may be half written */

struct pm_content;

/** How a file looks from outside: as long as it looks the same it is the same. */
struct pm_looks {
	uint64_t dev, ino, size;
	int64_t modified_ns, changed_ns;
};

/** One file. */
struct pm_kept {
	char *path;
	uint64_t path_hash;
	uint64_t glance;         /* of how it looked, in that of the store; 0: not seen */
	struct pm_content *now;  /* NULL: it cannot be read, or is gone with its folder */
	struct pm_content *good; /* the last one that was in force; may be `now`; NULL: none */
	char *why, *hint;        /* why it cannot be read */
	struct pm_looks looks;
	int64_t age_ms;  /* of its last change, when it was looked at */
	bool racy;       /* so young that it may change without looking so */
	bool seen, gone; /* by the walk that is under way */
};

struct pm_store {
	size_t needs; /* most memory a byte of a file needed so far, in eighths of a byte; 0: not known */
	PM_VEC(struct pm_kept *) files; /* sorted by path */
	struct pm_set out;              /* what was not in force when it was taken last */
	uint64_t tree;                  /* over all paths and contents */
	char *missing;                  /* the folder itself cannot be read: why */
	uint64_t glance;                /* over the looks of all files */
	bool linked;                    /* there are symbolic links */
	bool young; /* what the last reading found changed is so young that another one should agree */
	unsigned nread, nparsed;      /* files, since the start */
	const struct pm_clock *clock; /* that files are stamped by; NULL: the system's */
};

void pm_store_done(struct pm_store *s);

/** Reads the files that look changed. What cannot be read any more keeps its place. */
void pm_store_read(struct pm_store *s, const char *dir);

/** The same, where nothing changed since the last reading but what is named. Files that may change without
 * looking so are read too. false: that is not enough, or not certain; read all. */
bool pm_store_look(struct pm_store *s, const char *dir, const struct pm_named *named) PM_CHECK;

/** A number that is another one as soon as a file looks otherwise. Opens no file, and needs no store: any
 * thread. It is `glance` of a store that has just read the same. */
uint64_t pm_store_glance(const char *dir);

/** What is in force: the objects of each file as it is, or as it was when it was last good. They stay the
 * store's, until the next reading. Findings about the present contents go to d. ret_load->whole: every file
 * is as it should be. */
void pm_store_take(struct pm_store *s, const char *dir, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d);

/** Has the file a text that was good once? */
bool pm_store_has_good(const struct pm_store *s, const char *path);

/* ---- checkout.c: work of Git in the watched folder ---- */

/** What Git, or somebody with it, is at in the work tree that the folder lies in, in words; NULL: nothing,
 * or it lies in none. What is missing from the files meanwhile must not be believed gone. */
const char *pm_checkout_busy(const char *dir);

/** Another number after every checkout, commit or other work of Git on its index; 0: no work tree. */
uint64_t pm_checkout_mark(const char *dir);

/* ---- schedule.c: when to look; pure ---- */

enum pm_reason {
	PM_WHY_FILES = 1 << 0,   /* something happened to the files */
	PM_WHY_DRIFT = 1 << 1,   /* the interval is over, or somebody asks */
	PM_WHY_ASKED = 1 << 4,   /* somebody asks */
	PM_WHY_RETRY = 1 << 2,   /* the last cycle failed */
	PM_WHY_CONFIRM = 1 << 3, /* objects are gone: are they still? */
	PM_WHY_CONFIG = 1 << 6,  /* the configuration is to be read anew first */
	PM_WHY_POLL =
		1 << 5, /* nobody tells of changes here, and times of files may be anybody's */
};

struct pm_schedule {
	uint64_t debounce, interval, poll; /* nanoseconds; poll 0: no */
	uint64_t first, last;              /* change of files that is not yet looked at; 0: none */
	uint64_t drift_at, retry_at, confirm_at, poll_at; /* 0: not set */
	uint64_t
		again_at; /* something that was held back may be done; 0: nothing waits for a time */
	unsigned failures; /* in a row */
	struct pm_random random;
};

void pm_schedule_init(struct pm_schedule *s, uint64_t debounce_ms, uint64_t interval_s,
	uint64_t seed, uint64_t now);

/** Other times than it began with. */
void pm_schedule_times(struct pm_schedule *s, uint64_t debounce_ms, uint64_t interval_s);

/** Files changed. */
void pm_schedule_changed(struct pm_schedule *s, uint64_t now);
/** Somebody asks for a cycle at once. */
void pm_schedule_ask(struct pm_schedule *s);
/** Looks at the files every so many seconds, because nobody tells of changes. 0: no more. */
void pm_schedule_poll(struct pm_schedule *s, uint64_t seconds, uint64_t now);

/** When changed files are to be looked at; 0: none has changed. */
uint64_t pm_schedule_files(const struct pm_schedule *s);

/** Nanoseconds until something is due. */
uint64_t pm_schedule_wait(const struct pm_schedule *s, uint64_t now);
/** What is due now (enum pm_reason), taken off. */
unsigned pm_schedule_take(struct pm_schedule *s, uint64_t now);

/** A cycle has ended; `failed`: as a whole, so that it is tried again. */
void pm_schedule_ended(struct pm_schedule *s, bool failed, bool confirm, uint64_t now);

/** Something may be done from then on; 0: nothing waits for a time. */
void pm_schedule_again(struct pm_schedule *s, uint64_t at);
/** What is due first, in words, and when; never NULL. */
const char *pm_schedule_next(const struct pm_schedule *s, uint64_t *ret_at);

/* ---- returns.c: fields that keep coming back ---- */

/** How often each field was put right lately, while the manifests stayed the same. */
struct pm_returns {
	struct pm_map counts; /* "Pod/shop/web resources.memory" */
};

#define PM_RETURNS_MOST 5 /* then it is not fought any more */

void pm_returns_forget(struct pm_returns *r);

/** Turns actions on fields that came back too often into actions that leave the object as it is, and
 * names them in the log. Returns how many. */
unsigned pm_returns_check(struct pm_returns *r, struct pm_plan *p, struct pm_arena *a);

/** Counts what was put right. Times that lie further apart than `window` begin anew. */
void pm_returns_note(struct pm_returns *r, const struct pm_plan *p, const struct pm_report *report,
	uint64_t now, uint64_t window);

/* ---- cycle.c: one cycle ---- */

#define PM_NO_QUORUM "the cluster has no quorum: nothing is written until it is back"

/* ---- pulse.c: waits are steps ---- */

struct pm_beating {
	struct pm_clock clock;
	const struct pm_clock *inner;
	struct pm_board *board; /* NULL: nobody looks */
};

/** Makes a clock that tells the board of each wait. *b must stay where it is. */
const struct pm_clock *pm_beating_init(
	struct pm_beating *b, const struct pm_clock *inner, struct pm_board *board);

/** What one cycle leaves for the next. */
struct pm_keeper {
	const struct pm_daemon_opts *o;
	const struct pm_clock *clock; /* `beating` */
	struct pm_beating beating;
	struct pm_recon *rc;
	struct pm_cancel *cancel;
	struct pm_cancel hurry; /* other files are there: nothing of this plan is begun any more */
	atomic_uint_fast64_t glance; /* at the files of the cycle that runs */
	struct pm_named named;       /* for the next cycle; set by who runs it */
	atomic_bool doubt;      /* files changed that nobody named: the next cycle looks at all */
	uint64_t mark;          /* of Git, when the files were read */
	struct pm_board *board; /* borrowed */
	const struct pm_config *config;
	struct pm_config *owned;      /* it, once it was read anew; NULL: it is the caller's */
	struct pm_announce *announce; /* NULL: nobody is to be told */
	unsigned troubles;            /* cycles in a row in which nothing could be written at all */
	struct pm_store store;
	struct pm_returns returns;
	struct pm_fails fails;
	struct pm_window *windows; /* in `arena` */
	size_t nwindows;
	struct pm_arena *arena; /* of what was read from the configuration */
	char tree_id[48],
		subject[128];   /* what is wanted: a commit, or a hash of the files and "" */
	PM_VEC(char *) names;   /* objects of the last load, sorted */
	bool loaded, whole;     /* there was one; it was whole */
	uint64_t applied, seen; /* tree hashes: of the last plan carried out, and looked at */
	uint64_t tried;         /* of the last plan that was made */
	bool clean;             /* the last cycle left nothing to be done */
	bool shown;             /* the board knows states of objects */
	bool look;              /* drift is to be looked for; stays until the cluster was read */
	bool look_at_all;
	uint64_t interval, sweep; /* nanoseconds */
	const char *told_busy;    /* what Git was seen at, told once; NULL: nothing */
	uint64_t told, told_plan; /* hashes of the findings and of the plan told last */
	bool restart, replace, prune, heal;
	int64_t max_deletes;
};

struct pm_outcome_of_cycle {
	bool failed;       /* something did */
	bool broken;       /* the cycle as a whole: try it again later */
	bool confirm;      /* look once more before anything is pruned */
	bool wrong;        /* a manifest is */
	bool reloaded;     /* the configuration was read anew, or that was refused */
	uint64_t again_in; /* nanoseconds until what is held back may be done; 0: nothing */
	struct pm_error err;
};

/** The board has to outlive it. */
int pm_keeper_open(struct pm_keeper *k, const struct pm_daemon_opts *o, struct pm_board *board,
	struct pm_cancel *cancel, struct pm_error *err) PM_CHECK;
void pm_keeper_close(struct pm_keeper *k);
/** Takes over what the configuration says about cycles. */
void pm_keeper_read_config(struct pm_keeper *k);
/** What talks to the cluster by that configuration. */
int pm_keeper_recon(struct pm_keeper *k, const struct pm_config *config, struct pm_recon **ret,
	struct pm_error *err) PM_CHECK;
/** Who is told of what happens from now on: those of the configuration. */
void pm_keeper_announce(struct pm_keeper *k);
/** Reads the configuration anew: reload.c. Between two cycles. */
void pm_keeper_reload(struct pm_keeper *k);
void pm_keeper_cycle(struct pm_keeper *k, unsigned reasons, struct pm_outcome_of_cycle *ret);
/** Looks whether the files are others than those that the running cycle works for; then it begins nothing more
 * and waits for nothing but tasks. Any thread. */
void pm_keeper_hurry(struct pm_keeper *k);

bool pm_result_failed(const struct pm_result *r);

/* ---- drift.c ---- */

/** Tells of what was in sync and is not any more, and notes who did it. */
void pm_drift_tell(struct pm_keeper *k, struct pm_job *j, struct pm_holding *h);

/* ---- state.c: what the board shows ---- */

struct pm_shown {
	const struct pm_cycle *cycle;
	const struct pm_holding *holding;
	const struct pm_report *report; /* NULL: nothing was applied yet */
};

void pm_states_show(struct pm_keeper *k, const struct pm_shown *s, struct pm_arena *a);
/** Errors among the findings, one a file. */
void pm_states_files(struct pm_keeper *k, const struct pm_diags *d, struct pm_arena *a);
void pm_states_cluster(struct pm_keeper *k, const struct pm_facts *f, struct pm_arena *a);

/* ---- tell.c: what is written to the log ---- */

/** `arg`: the keeper, whose board is told, too. */
void pm_tell_event(void *arg, const struct pm_event *e);

/** "resources.memory 512M -> 1G, tags ..."; NULL: nothing to name. */
const char *pm_tell_changes(struct pm_arena *a, const struct pm_action *action);

/** Adds to the history, with the revision that is wanted. */
void pm_tell_happened(struct pm_keeper *k, struct pm_board_entry e);

/** Findings, when they are not the ones of last time; returns their hash. */
uint64_t pm_tell_findings(const struct pm_diags *d, uint64_t last);

/** What a plan would do, one line an action, when it is not the one of last time; returns its hash. */
uint64_t pm_tell_plan(const struct pm_plan *p, const char *msg, uint64_t last);

#endif
