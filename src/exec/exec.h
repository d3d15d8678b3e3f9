/* Runs a plan: worker threads inside PVE's limits, preconditions, retries by class, verification by
 * reading back, dependants skipped after a failure, journal, report. */
#ifndef PM_EXEC_EXEC_H
#define PM_EXEC_EXEC_H

#include "plan/plan.h"
#include "pve/pve.h"

enum pm_outcome {
	PM_DONE,
	PM_NOTHING, /* it was as wanted already */
	PM_FAILED,
	PM_SKIPPED, /* something it waits for failed, or the run was cancelled */
	PM_STALE,   /* changed since the plan was made */
	PM_OUTCOME_MAX,
};

struct pm_result {
	enum pm_outcome outcome;
	unsigned vmid; /* of a create: the one it got */
	unsigned attempts;
	uint64_t took_ms;
	struct pm_error err;
	bool restart_pending; /* written, but waits for a restart */
	const char *unstable; /* a field that came back different after the write; NULL: none */
};

struct pm_report {
	struct pm_result *v; /* parallel to plan->v; in the job's arena */
	size_t n;
	unsigned count[PM_OUTCOME_MAX];
	unsigned held; /* deletes held back because something failed */
};

/** What happens, as it happens; called from worker threads one at a time. */
enum pm_event_type {
	PM_EV_START,
	PM_EV_PROGRESS,
	PM_EV_WAIT,
	PM_EV_DONE,
	PM_EV_FAILED,
	PM_EV_SKIPPED
};
struct pm_event {
	enum pm_event_type type;
	const struct pm_action *action;
	const struct pm_result *result; /* of DONE, FAILED, SKIPPED */
	const char *text;               /* "waits for the lock of the guest (backup)"; NULL: none */
};
typedef void pm_event_fn(void *arg, const struct pm_event *e);

struct pm_exec_opts {
	struct pm_pve *pve;
	const char *set, *root;
	const char *journal_dir; /* NULL: no journal, no lock */
	unsigned vmid_low,
		vmid_high; /* where a create whose VMID is taken probes on; 0: PVE's whole range */
	bool exact;       /* a saved plan: a VMID that is taken makes it stale, nothing is probed */
	unsigned workers; /* 0: 4 */
	unsigned lock_wait_s; /* how long a lock is waited for; 0: 600 */
	/** Set while a run goes on: nothing more is begun, and nobody waits for anything but tasks, which are
	 * followed to their end. Has the run's own token above it. NULL: there is none. */
	struct pm_cancel *hurry;
	pm_event_fn *event;
	void *event_arg;
	uint64_t seed; /* 0: the system's */
};

struct pm_exec;
int pm_exec_new(const struct pm_exec_opts *o, struct pm_exec **ret, struct pm_error *err) PM_CHECK;
void pm_exec_free(struct pm_exec *e);

/** Runs the plan. 0 when the run came to its end (failures are in the report); -code when it could not
 * start. `live`: the set the plan was made from: guests that are not in it came up since. */
int pm_exec_run(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	const struct pm_set *live, struct pm_report *ret, struct pm_error *err) PM_CHECK;

/** Compares what the run has touched with what it was to become, once more, when all is over: what has
 * changed back is named as unstable, what cannot be read counts as failed. */
int pm_exec_check(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	struct pm_report *report, struct pm_error *err) PM_CHECK;

/** Waits for tasks that an earlier run started and did not see the end of, as its journal says. The
 * caller holds the lock of the set. pm_exec_run does the same; before planning it saves a round. */
int pm_exec_recover(struct pm_exec *e, struct pm_job *j, struct pm_error *err) PM_CHECK;

/** The lock of a set: one apply or daemon at a time. -PM_E_SETLOCKED names the holder's pid. */
struct pm_setlock;
int pm_setlock_take(const char *journal_dir, const char *set, struct pm_setlock **ret,
	struct pm_error *err) PM_CHECK;
void pm_setlock_release(struct pm_setlock *l);

/** Who a guest belongs to, and nothing else about it. */
enum pm_own {
	PM_OWN_ADOPT,  /* nobody's guest becomes `want` */
	PM_OWN_FORGET, /* ours becomes nobody's; want NULL */
	PM_OWN_MOVE,   /* ours gets the namespace and name of `want`, which has no spec */
};

/** Reads the guest now, refuses when it is no longer what `have` was (-PM_E_CONFLICT), and writes or takes
 * away marker and tags. The set's lock is the caller's to hold. */
struct pm_owning {
	enum pm_own what;
	const struct pm_obj *want, *have;
};
int pm_exec_own(struct pm_exec *e, struct pm_job *j, const struct pm_owning *o,
	struct pm_error *err) PM_CHECK;

#endif
