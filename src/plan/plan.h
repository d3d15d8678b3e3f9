/* The difference of two sets as ordered actions, with reasons and impact, and its text and JSON form.
 * Pure: no I/O, no clock, no chance; the same input gives the same bytes. */
#ifndef PM_PLAN_PLAN_H
#define PM_PLAN_PLAN_H

#include "base/buf.h"
#include "model/marker.h"

enum pm_verb {
	PM_V_CREATE,
	PM_V_UPDATE,
	PM_V_REPLACE,
	PM_V_DELETE,
	PM_V_START,
	PM_V_STOP,
	PM_V_KEEP, /* would be pruned or changed, but is left alone; `reason` says why */
	PM_VERB_MAX,
};

enum pm_impact {
	PM_I_NONE,
	PM_I_LIVE,
	PM_I_PENDING,
	PM_I_RESIZE,
	PM_I_MOVE,
	PM_I_MIGRATE,
	PM_I_REPLACE,
	PM_I_DESTROY,
	PM_IMPACT_MAX,
};

/** One field of one object. Texts are for people: manifest words, sizes as "8G", secrets masked. */
struct pm_change {
	unsigned field; /* row of the object's kind */
	unsigned slot;  /* of a numbered key; PM_NO_SLOT otherwise */
	const struct pm_field
		*row;     /* the row of the value itself, of the sub-kind when there is one; NULL:
	                               a whole entry or record */
	const char *path; /* "network.interfaces.eth0.tag" */
	const char *from, *to; /* NULL: absent */
	enum pm_impact impact;
	const char *note; /* "link flaps"; NULL: none */
	bool waiting;     /* already written, waits for a restart: listed, counts as no change */
	bool blocked;     /* shown, but not done: `note` says why */
	bool down;        /* a running guest is down while it is done */
	unsigned line;    /* in the manifest; 0: not there any more */
};

/** What the executor has to do for an update, besides the config write. */
enum pm_step {
	PM_STEP_CONFIG = 1 << 0,
	PM_STEP_RESIZE = 1 << 1,
	PM_STEP_POOL = 1 << 2,
	PM_STEP_MIGRATE = 1 << 3,
	PM_STEP_RESTART = 1 << 4, /* only when something is pending afterwards */
	PM_STEP_START = 1 << 5,
	PM_STEP_STOP = 1 << 6,
	PM_STEP_UNPROTECT = 1 << 7, /* lifted before, restored after */
	PM_STEP_DELETE = 1 << 8,
	PM_STEP_CREATE = 1 << 9,
	PM_STEP_FINISH = 1 << 10, /* a create that was interrupted: write the second marker */
	PM_STEP_MOVE = 1 << 11,   /* volumes to other storages; a running guest is down meanwhile */
	PM_STEP_RETURN = 1 << 12, /* its volumes come back from the holder of a replacement */
	PM_STEP_ATTACH =
		1
		<< 13, /* a volume comes whose size shows then: its own again, or a copy of an image */
	PM_STEP_HA = 1 << 14, /* what the HA manager does with it */
};

struct pm_action {
	enum pm_verb verb;
	const struct pm_obj *want, *have; /* NULL: none */
	unsigned vmid;                    /* of a create: the one chosen */
	const char *node;                 /* of a create: the one chosen */
	unsigned steps;
	enum pm_impact impact; /* the gravest of the changes */
	const struct pm_change *change;
	size_t nchanges;
	bool adopt;         /* kept: nobody's guest that could be it; `podmox adopt` may mark it */
	const char *reason; /* "no longer in the manifests; --prune not given: kept" */
	const char *const *dies; /* volumes that a delete or replace destroys */
	size_t ndies;
	const char *const *keeps; /* volumes that a replacement hands over to the new guest */
	size_t nkeeps;
	unsigned
		holder; /* VMID of the guest that holds them meanwhile, there or to be made; 0: none */
	const unsigned
		*after; /* actions that come first. Not named here: a delete waits for everything
	                          that is no delete, and is held when any of that failed */
	size_t nafter;
};

struct pm_summary {
	unsigned create, update, restart, replace, remove, kept,
		unchanged; /* a start or stop is an update;
	                                                                       restart: updates among them */
};

struct pm_plan {
	struct pm_action *v; /* in an order that respects `after` */
	size_t n;
	struct pm_summary sum;
	const char *set;
	const struct pm_facts *facts;
	unsigned nobjects;      /* desired */
	struct pm_diags *diags; /* what the planner had to say: guards, things a token may not do */
	bool refused;           /* a guard forbids the run as it was asked for (exit 4) */
};

struct pm_plan_opts {
	const char *set;
	const char *root; /* of the load */
	unsigned vmid_low, vmid_high;
	bool prune;
	bool prune_single; /* a single file or --target: with `prune` refused; without it, what the file
	                      does not name is not listed */
	bool whole;        /* the load was complete */
	const struct pm_set *out; /* sorted: objects that are in manifests, but wrong; NULL: none */
	bool allow_restart, allow_replace;
	int64_t max_deletes; /* -1: 3 or 10 %; -100-p: p percent */
	const char *target;  /* "Pod/ns/name": plan only this; NULL: all */
	bool delete_all;     /* `podmox delete`: every object of `want` is to go */
};

/** Reads "3" or "10%" as max_deletes. -PM_E_USAGE. */
int pm_plan_max_deletes(const char *text, int64_t *ret, struct pm_error *err) PM_CHECK;

/** Builds the plan. `d` takes findings, and everything of the plan lives in its arena; `want` and `have`
 * must outlive it. Assigns the slots of `want`. Errors: -PM_E_BUG only. */
int pm_plan_build(struct pm_set *want, const struct pm_set *have, const struct pm_plan_opts *o,
	struct pm_diags *d, struct pm_plan *ret, struct pm_error *err) PM_CHECK;

/** Changes that take one live object to the wanted one; *ret in the arena. The slots of want are
 * assigned. Waiting and blocked ones included: skip those to know whether something is left to write.
 * Power state is not among them; consent is what the object itself says, without the flags of a run. */
size_t pm_diff_obj(struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have,
	struct pm_change **ret);

/** Is anything left to do (not counting kept, waiting and blocked)? */
bool pm_plan_empty(const struct pm_plan *p);

/** Turns an action into one that leaves the object as it is; its changes stay listed. `reason` lives as
 * long as the plan. */
void pm_plan_hold(struct pm_plan *p, size_t action, const char *reason);

/** How many settings ask for what can never be done to the guest that is there: a volume that shrinks. They are
 * listed as not done, and are no success for ever: --detailed-exitcode counts them. */
unsigned pm_plan_unmet(const struct pm_plan *p);

/** Text for people, 80 columns, colour as asked. */
void pm_plan_print(const struct pm_plan *p, bool colour, struct pm_buf *out);

/** One JSON document, "version":"1". */
void pm_plan_print_json(const struct pm_plan *p, struct pm_buf *out);

struct pm_jwrite;

/** The counts as an object. */
void pm_summary_print_json(struct pm_jwrite *w, const char *key, const struct pm_summary *s);

/** One "Kind/ns/name" a line, for -o name. */
void pm_plan_print_names(const struct pm_plan *p, struct pm_buf *out);
/** Members of one action, for streams. */
void pm_action_json(struct pm_jwrite *w, const struct pm_action *a);

const char *pm_verb_name(enum pm_verb v);
const char *pm_impact_name(enum pm_impact i);

#endif
