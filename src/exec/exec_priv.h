/* Inside of exec: one run of a plan, one action of it on its worker, and the steps they share. */
#ifndef PM_EXEC_EXEC_PRIV_H
#define PM_EXEC_EXEC_PRIV_H

#include <pthread.h>

#include "base/random.h"
#include "exec/exec.h"
#include "exec/journal_priv.h"
#include "model/detached.h"

#define PM_TASKS_PER_NODE      2
#define PM_ALLOCATIONS_AT_ONCE 2 /* per storage and node */
#define PM_SHUTDOWN_S          60
#define PM_CLOCK_SLACK_S       120 /* by which our clock and a node's may differ */

struct pm_exec {
	struct pm_exec_opts o;
	unsigned workers;
	pthread_mutex_t event_lock; /* events come one at a time */
};

/* ---- recover.c ---- */

/** Waits for the tasks of unfinished intents: recover.c. j NULL: nothing. */
int pm_journal_recover(struct pm_exec *e, struct pm_job *j, struct pm_journal *journal,
	struct pm_error *err) PM_CHECK;

/* ---- run.c ---- */

enum pm_phase { PM_PH_WAITING, PM_PH_RUNNING, PM_PH_OVER };

/** How many of ours are at work at a node or storage. */
struct pm_place {
	const char *key;
	unsigned busy;
};

struct pm_act;

struct pm_run {
	struct pm_exec *e;
	const struct pm_plan *plan;
	struct pm_job *job;
	struct pm_report *rep;
	struct pm_journal *journal; /* NULL: none */
	enum pm_phase *phase;       /* parallel to the plan's actions; the main thread's */
	unsigned running;           /* started and not yet collected; the main thread's */
	const unsigned *known;      /* VMIDs that the plan knew of, sorted */
	size_t nknown;
	struct pm_set newcomers; /* guests that came up since, of those that may be ours */

	pthread_mutex_t lock;    /* guards what follows */
	pthread_cond_t changed;  /* an action ended, a place is free, somebody parked */
	struct pm_act *finished; /* to be collected */
	unsigned parked;         /* running ones that only wait: others may work meanwhile */
	PM_VEC(struct pm_place) places;
	PM_VEC(unsigned) taken; /* VMIDs that are in use or spoken for, sorted */
};

/** One action on its worker. */
struct pm_act {
	struct pm_act *next; /* of the finished ones */
	struct pm_run *run;
	const struct pm_action *a;
	size_t index;
	struct pm_job job; /* its own arena */
	struct pm_random rnd;
	struct pm_result res;
	const char *id, *title; /* "Pod/shop/web", "pod shop/web" */
	unsigned vmid;
	const char *node;
	unsigned holder; /* VMID of the guest that holds volumes of the object; 0: none */
	const struct pm_obj
		*make; /* what a creation asks for, when it is not all of what is wanted */
	const struct pm_obj *source; /* what the guest is a copy of, once it was read; NULL: none */
	unsigned intent;             /* id of the last one; 0: none */
	char task[256];              /* UPID of the last task that was started; "": none */
	bool changed;                /* something was sent */
	bool taken_back; /* what waited was taken back by us: what is in force is left */
	bool ha_done;    /* what the HA manager does is as wanted */
	bool lifted;     /* its protection is off for a while, by us */
};

/* ---- places.c: who may work where ---- */

/** Waits until there is room at the node (NULL: any) and, for an allocation, at each of the storages;
 * takes the places. All or nothing. -PM_E_CANCELLED. */
int pm_places_enter(struct pm_act *act, const char *node, const struct pm_list *storages,
	struct pm_error *err) PM_CHECK;
void pm_places_leave(struct pm_act *act, const char *node, const struct pm_list *storages);

/** One guest at a time is taken down for a restart. */
int pm_restart_enter(struct pm_act *act, struct pm_error *err) PM_CHECK;
void pm_restart_leave(struct pm_act *act);

/** The next VMID of the range after `vmid` that nobody is known to have, spoken for; 0: none. */
unsigned pm_vmid_next(struct pm_run *run, unsigned vmid);
void pm_vmid_taken(struct pm_run *run, unsigned vmid);

/* ---- action.c ---- */

/** Runs the action from its precondition to its verification; fills act->res but for time and VMID. */
void pm_act_perform(struct pm_act *act);

/* ---- words.c ---- */

/** What PVE does to a guest, each a task of its own type. */
/* clang-format off */
enum pm_work {
	PM_W_CREATE, PM_W_CLONE, PM_W_CONFIG, PM_W_START, PM_W_SHUTDOWN, PM_W_STOP, PM_W_REBOOT,
	PM_W_DESTROY, PM_W_MIGRATE, PM_W_MOVE, PM_W_RESIZE,
};
/* clang-format on */

/** "CT" or "VM", for messages; and PVE's type of a task, as "vzcreate" or "qmcreate". */
const char *pm_act_word(const struct pm_act *act);
const char *pm_act_task(const struct pm_act *act, enum pm_work work);

/* ---- step.c: what the verbs are made of ---- */

/** What one loop of attempts has behind it. Starts zeroed. */
struct pm_tries {
	unsigned n, conflicts;
	uint64_t locked_since_ns;
};

/** After a failure: waits and answers 0 when another look is worth it, else -err->code. Locks are
 * waited for up to lock_wait_s, a lost race for the configuration five times at once, other passing
 * troubles as base/retry.h says. Everything that gets here is looked at again before it is repeated. */
int pm_act_again(struct pm_act *act, struct pm_tries *t, struct pm_error *err) PM_CHECK;

/** The token of whoever waits for anything but a task. */
struct pm_cancel *pm_act_patience(const struct pm_act *act);

/** Waits without keeping a worker busy. */
int pm_act_wait(struct pm_act *act, uint64_t ns, struct pm_error *err) PM_CHECK;

void pm_act_event(struct pm_act *act, enum pm_event_type type, const char *fmt, ...)
	PM_PRINTF(3, 4);

/** Reads the guest, with its run state, and notes where it is. A node that does not answer and a
 * configuration that could not be read are errors here. */
int pm_act_read(struct pm_act *act, struct pm_obj **ret, struct pm_error *err) PM_CHECK;

/** The same without noting anything, for a guest that may be anybody's. */
int pm_act_look(
	struct pm_act *act, unsigned vmid, struct pm_obj **ret, struct pm_error *err) PM_CHECK;

/** Is a lock on it? 0 or -PM_E_LOCKED, for pm_act_again. */
int pm_act_locked(struct pm_act *act, const struct pm_obj *have, struct pm_error *err) PM_CHECK;

/** Is the guest the object's, by its own marker? */
bool pm_act_owns(const struct pm_act *act, const struct pm_obj *have);

/** Is it at least the guest that the plan was made for, perhaps under its former name? */
bool pm_act_knows(const struct pm_act *act, const struct pm_obj *have);

/** Write-ahead: says in the journal what is about to be sent. `task` is PVE's type or "". */
void pm_act_intent(struct pm_act *act, const char *task);
/** The same of a task that works on `id`; NULL: on the VMID. The other is of one that has another guest's. */
void pm_act_intent_id(struct pm_act *act, const char *task, const char *id);
void pm_act_intent_at(struct pm_act *act, const char *task, const struct pm_obj *at);
void pm_act_result(struct pm_act *act, int r, const struct pm_error *err);

/** After an answer that was lost: finds the task it may have started and waits for its end. What came
 * of it, and whether the run was cancelled meanwhile, is for the next look to say. */
void pm_act_settle(struct pm_act *act, const char *task);
/** The same of a task that is not known by the VMID: `id` is what it works on, or `at` whose it is. */
void pm_act_settle_id(struct pm_act *act, const char *task, const char *id);
void pm_act_settle_at(struct pm_act *act, const char *task, const struct pm_obj *at);

/** Changes from have to the wanted that are still to be made: neither waiting for a restart nor blocked
 * nor left out of the plan on purpose. *ret in the act's arena; *ret_waiting may be NULL. */
size_t pm_act_diff(struct pm_act *act, const struct pm_obj *have, const struct pm_change ***ret,
	bool *ret_waiting);

/** Has the action to do with the run state? If not, the inventory's old news are for the next plan. */
bool pm_action_powers(const struct pm_action *a);

/** The guest as it is compared after an update: what the plan removed is still taken for podmox's, so that what comes
 * back is seen. `have` itself otherwise. */
const struct pm_obj *pm_obj_after(
	struct pm_arena *a, const struct pm_action *act, const struct pm_obj *have) PM_CHECK;

/** Is a difference left out on purpose? The plan decides what is done, for it knows the flags of the run;
 * a change that it does not hold is judged by what the object says itself. */
bool pm_change_left_out(const struct pm_action *a, const struct pm_change *c);

/** The marker to write: of `have` when it has one of ours, else a new one. */
const struct pm_marker *pm_act_marker(struct pm_act *act, const struct pm_obj *have, bool done);

/** The same without an action; the VMID is for the caller to fill in. `old` NULL: the guest has none. */
struct pm_marker *pm_exec_marker(struct pm_arena *a, const struct pm_exec_opts *o,
	const struct pm_obj *want, const struct pm_marker *old) PM_CHECK;

/** Reads the guest a last time: what came back different is named in the result. */
int pm_act_verify(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** Is the object meant to run? -1: that is left to others. */
int pm_obj_wants_running(const struct pm_obj *want);
bool pm_obj_runs(const struct pm_obj *have);

/* ---- write.c, power.c, volume.c ---- */

/** May this still be done to the guest as it is now? 0 or -code. */
typedef int pm_act_check_fn(struct pm_act *act, const struct pm_obj *have, struct pm_error *err);

/** Writes the configuration where it differs, and the marker when it does not say that the guest is
 * complete: read, `check` (NULL: none), PUT with the digest just read, again when that was overtaken.
 * `after_create` as in struct pm_update. */
int pm_act_write_config(struct pm_act *act, bool after_create, pm_act_check_fn *check,
	struct pm_error *err) PM_CHECK;

/** Starts or stops (shutdown, then stop when time runs out) until it is so. `check` is asked with a
 * fresh reading before each call is sent; NULL: none. */
int pm_act_power(
	struct pm_act *act, bool on, pm_act_check_fn *check, struct pm_error *err) PM_CHECK;

/** Restarts the guest when something waits for that; others wait for their turn. */
int pm_act_restart(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** Grows what is smaller than wanted; puts it into its pool, moves it to its node. */
int pm_act_resize(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** What the HA manager does with the guest becomes what is wanted; `on` false: the guest is taken away from it. */
int pm_act_ha(struct pm_act *act, bool on, struct pm_error *err) PM_CHECK;

/** The same where podmox handed it to the HA manager and it is to go, once the guards hold. */
int pm_act_leave_ha(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** One guest, read now, with its HA resource where the action is about one. */
int pm_exec_look(struct pm_exec *e, struct pm_job *j, const struct pm_action *a, unsigned vmid,
	struct pm_obj **ret, struct pm_error *err) PM_CHECK;

/** Does the HA manager start and stop the guest, by what the manifest says? */
bool pm_act_ha_rules(const struct pm_act *act);

/** Waits until it has done so. */
int pm_act_ha_wait(struct pm_act *act, bool on, struct pm_error *err) PM_CHECK;

/** Moves volumes to the storages they are wanted on. A running guest that has to be down for it is stopped,
 * where the plan or the object allows that, and started again, also when a move went wrong. `check` is asked
 * with each fresh reading before anything is sent; NULL: none. */
int pm_act_move(struct pm_act *act, pm_act_check_fn *check, struct pm_error *err) PM_CHECK;
int pm_act_pool(struct pm_act *act, struct pm_error *err) PM_CHECK;
int pm_act_migrate(struct pm_act *act, struct pm_error *err) PM_CHECK;
int pm_act_protect(struct pm_act *act, bool on, struct pm_error *err) PM_CHECK;

/* ---- one file a verb ---- */

int pm_act_create(struct pm_act *act, struct pm_error *err) PM_CHECK;
int pm_act_update(struct pm_act *act, struct pm_error *err) PM_CHECK;
int pm_act_remove(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** May the guest go, but for the volumes that it still has? Every guard of a removal is asked. */
int pm_act_may_go(struct pm_act *act, const struct pm_obj *have, struct pm_error *err) PM_CHECK;

/** Has the plan said that this volume dies? */
bool pm_act_is_shown(const struct pm_act *act, const char *volume);

/** What a removed object leaves stopped instead of deleted. */
int pm_act_retire(struct pm_act *act, struct pm_error *err) PM_CHECK;
int pm_act_replace(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** Makes the guest, or finds it made: claim.c. Afterwards act->vmid is the object's. *ret_found: it was
 * there already, complete or not. */
int pm_act_claim(struct pm_act *act, bool *ret_found, struct pm_error *err) PM_CHECK;

/** Reads the guest that the new one is to be a copy of into act->source, once; 0 also for what is no copy. */
int pm_act_find_source(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** Waits for the end of a creation, or copy, of the guest that may be under way. */
void pm_act_settle_creation(struct pm_act *act);

/** Reads the guests that came up since the plan was made and may be the set's. Fails when the inventory
 * is not complete: then nothing may be created. */
int pm_run_newcomers(
	struct pm_run *run, struct pm_job *j, struct pm_set *ret, struct pm_error *err) PM_CHECK;

/** Does something at that address ("10.0.0.1", "10.0.0.1/24", "fd00::1") accept a connection? */
bool pm_tcp_accepts(struct pm_act *act, const char *address, unsigned port);

/** Waits until the object is ready in the way its manifest says. */
int pm_act_ready(struct pm_act *act, struct pm_error *err) PM_CHECK;

#endif
