/* Inside of this room: the timetable, and one cycle. */
#ifndef PM_DAEMON_DAEMON_PRIV_H
#define PM_DAEMON_DAEMON_PRIV_H

#include "base/map.h"
#include "base/random.h"
#include "base/vec.h"
#include "daemon/announce.h"
#include "daemon/daemon.h"
#include "daemon/files_priv.h"
#include "daemon/hold.h"

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
