/* The pipeline: one cycle from a directory of manifests to a report. A newcomer starts here. */
#ifndef PM_RECON_RECON_H
#define PM_RECON_RECON_H

#include "exec/exec.h"
#include "manifest/manifest.h"

/** Decoded configuration. Life: its arena's. */
struct pm_config {
	struct pm_arena *arena;
	const char *file, *dir;   /* of the configuration file */
	const struct pm_rec *rec; /* of pm_kind_config */
	const struct pm_rec *cluster;
	const char *set;
	unsigned vmid_low, vmid_high;
	const char *audit_file, *journal_dir; /* defaults filled in */
	const char *socket; /* of the daemon, default filled in; NULL: there is no place for one */
	int64_t audit_rotate;
	unsigned audit_keep; /* 0: all */
};

/** Finds (path NULL: $PODMOX_CONFIG, ./podmox.yaml, /etc/podmox/podmox.yaml), reads and checks the
 * configuration. Findings in d. */
int pm_config_open(const char *path, struct pm_config **ret, struct pm_diags *d,
	struct pm_error *err) PM_CHECK;
void pm_config_free(struct pm_config *c);

/** Only where the audit log is: works without a configuration, too, unless one was named (path,
 * $PODMOX_CONFIG). *ret lives in the arena of d. */
int pm_config_audit_file(
	const char *path, const char **ret, struct pm_diags *d, struct pm_error *err) PM_CHECK;

struct pm_recon_opts {
	const struct pm_config *config;
	bool readonly; /* a dry run: nothing but reads leaves this process */
	const struct pm_clock *clock;
	struct pm_transport
		*transport; /* NULL: the real one is started and owned; else owned by the caller */
	bool record;        /* keep what is read, for pm_recon_snapshot */
	const char *
		snapshot; /* a file to read instead of the cluster: offline, and readonly; NULL: none */
	unsigned workers;
	unsigned lock_wait_s;    /* how long a guest's lock is waited for; 0: 600 */
	struct pm_cancel *hurry; /* of an apply, as in pm_exec_opts; NULL: none */
	pm_event_fn *event;
	void *event_arg;
	uint64_t seed;
	bool no_cache; /* every read goes to the cluster */
};

struct pm_recon;
int pm_recon_open(
	const struct pm_recon_opts *o, struct pm_recon **ret, struct pm_error *err) PM_CHECK;
void pm_recon_free(struct pm_recon *rc);

/** What the client did so far; of the network only where pm_recon_open started it, else zeros. */
void pm_recon_stats(struct pm_recon *rc, struct pm_pve_stats *ret, struct pm_net_stats *ret_net);

/** One cycle's values: all in the job's arena. */
struct pm_cycle {
	struct pm_set want, have;
	struct pm_load load;
	struct pm_plan plan;
	struct pm_report report;
	bool exact; /* a saved plan: set it before the apply; VMIDs are not looked for anew */
};
void pm_cycle_done(struct pm_cycle *c);

/** Reads the manifests (paths) and the cluster and builds the plan. Errors in manifests: -PM_E_INPUT, the
 * findings are in j->diags. Unless it is a dry run it waits for tasks that an interrupted run left behind,
 * and fails with -PM_E_SETLOCKED while another podmox works on the set. */
struct pm_recon_ask {
	const char *const *paths;
	size_t npaths;
	const struct pm_set *preloaded; /* instead of paths: a set the daemon put together */
	const struct pm_load *preload;
	struct pm_plan_opts plan; /* set, root, vmids and whole are filled in */
	enum pm_reading reading;  /* this and oldest_ns as in a pm_scope */
	uint64_t oldest_ns;
};
int pm_recon_plan(struct pm_recon *rc, struct pm_job *j, const struct pm_recon_ask *ask,
	struct pm_cycle *ret, struct pm_error *err) PM_CHECK;

/** Reads all containers and writes what PVE said of them, secrets left out; `record` was set. */
int pm_recon_snapshot(
	struct pm_recon *rc, struct pm_job *j, const char *file, struct pm_error *err) PM_CHECK;

/** When the snapshot that is read was made; NULL: the cluster itself is read. */
const char *pm_recon_snapshot_made(const struct pm_recon *rc);

/** Reads every container, not only those of the set, into ret (pm_set_done). */
int pm_recon_live(
	struct pm_recon *rc, struct pm_job *j, struct pm_set *ret, struct pm_error *err) PM_CHECK;

/** Who worked on a guest: a task of PVE. */
struct pm_worker {
	char user[160]; /* with the token, as user@realm!name */
	char type[64], status[128];
	int64_t at_s; /* Unix seconds of the node */
};
/** The newest task on the guest since then that is not ours. -PM_E_NOTFOUND: none that we may see; a write of
 * a configuration leaves none. */
int pm_recon_worker(struct pm_recon *rc, struct pm_job *j, const struct pm_live *guest,
	int64_t since_s, struct pm_worker *ret, struct pm_error *err) PM_CHECK;

/** Guests that are to change hands. */
struct pm_handover {
	const struct pm_owning *v;
	size_t n, done; /* done: how many it were; the next one failed */
};

/** Changes the owner of guests, one after the other, under the set's lock. `c` is the plan they were found
 * with. */
int pm_recon_own(struct pm_recon *rc, struct pm_job *j, const struct pm_cycle *c,
	struct pm_handover *h, struct pm_error *err) PM_CHECK;

/** Runs the plan of the cycle under the set's lock. */
int pm_recon_apply(
	struct pm_recon *rc, struct pm_job *j, struct pm_cycle *c, struct pm_error *err) PM_CHECK;

/** Exit status of a run that came to its end: 0; 3 when something was done and something failed; when
 * nothing was done the status that all failures agree on (4, 5, 77, ...), else 1. A field that came back
 * different counts as a failure. */
int pm_report_exit(const struct pm_plan *p, const struct pm_report *r);

#endif
