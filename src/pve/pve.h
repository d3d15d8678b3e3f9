/* The Proxmox API: session, typed errors, tasks, live state of guests, and changes as parameters. Knows
 * PVE, not what anybody wants. Thread-safe: any thread may call with a job of its own.
 * Sources of facts are named in pve/errors.def and pve/op.def. */
#ifndef PM_PVE_PVE_H
#define PM_PVE_PVE_H

#include "base/job.h"
#include "model/marker.h"
#include "net/net.h"
#include "security/security.h"

struct pm_pve;

struct pm_pve_opts {
	const struct pm_rec *cluster; /* of pm_kind_cluster; borrowed for the life of the client */
	const char *config_dir;       /* relative paths of secrets and CA start here */
	const struct pm_list *allow;  /* policy; NULL: all */
	struct pm_audit *audit;       /* NULL: none */
	struct pm_transport *transport; /* borrowed */
	const struct pm_clock *clock;
	uint64_t seed; /* of retries' jitter; 0: the system's */
	bool no_cache; /* every read goes to PVE */
	bool offline;  /* the transport needs no login: no secret is read, nobody logs in */
};

/** Prepares; nothing is sent before the first call. Owner: the caller. */
int pm_pve_open(const struct pm_pve_opts *o, struct pm_pve **ret, struct pm_error *err) PM_CHECK;
void pm_pve_free(struct pm_pve *p);

/** Is this session root@pam by password? */
bool pm_pve_is_root_pam(const struct pm_pve *p);
const char *pm_pve_cluster_name(const struct pm_pve *p);
const char *pm_pve_user(const struct pm_pve *p);

/* ---- any call ---- */

/** One call with failover, login, retries by class (reads; writes only what is provably safe), policy and
 * audit. `path` below /api2/json; `form` NULL: none (query of a GET or DELETE, body of POST and PUT).
 * `operation` is the policy's word for it, `object` whom it concerns; both NULL for reads. *ret is the
 * parsed body's `data` (may be NULL for null); pass NULL when it is not needed. */
struct json_object;
struct pm_fault;
struct pm_pve_call {
	const char *method, *path, *form;
	const char *node; /* whose host is asked first; NULL: the path's, else any */
	const char *operation, *object;
	bool idempotent; /* of a write: may be repeated after a lost answer (it carries a digest) */
	bool cached; /* of a read: an answer that is not too old for its class of path will do */
	const struct pm_upload *upload; /* of a POST, instead of form; NULL: none */
	struct pm_fault *fault; /* where details of a refusal go (pve/op.h); NULL: nowhere */
};
int pm_pve_call(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c,
	struct json_object **ret, struct pm_error *err) PM_CHECK;

/** Forgets cached answers whose path starts so ("" all); our own writes do so by themselves. Thread-safe. */
void pm_pve_cache_drop(struct pm_pve *p, const char *path_prefix);

/** What the client did so far, for -v, metrics and doctor. Thread-safe. */
struct pm_pve_stats {
	uint64_t hits, misses,
		joined;     /* of the cache; joined: waited for another caller's request */
	uint64_t dropped;   /* by our own writes */
	uint64_t oldest_ms; /* age of the oldest answer that is kept */
	unsigned entries;
	uint64_t logins, failovers;
};
void pm_pve_stats(struct pm_pve *p, struct pm_pve_stats *ret);

/** The hosts, configured and learnt, and how they are. */
enum pm_circuit { PM_CLOSED, PM_OPEN, PM_HALF_OPEN };
struct pm_host_state {
	char name[128], node[64]; /* node "": not known yet */
	bool learnt,
		distrusted; /* learnt: of /cluster/status; distrusted: its certificate is not trusted */
	enum pm_circuit circuit;
	unsigned failures; /* one after the other */
};
/** Fills at most `n`; returns how many there are. Thread-safe. */
unsigned pm_pve_hosts(struct pm_pve *p, struct pm_host_state *ret, unsigned n);

/** Address and trust of the host of that name; borrowed for the life of the client. NULL: there is none. */
const struct pm_host *pm_pve_host(struct pm_pve *p, const char *name);

/** Turns an answer of status >= 400 into a typed error: reason, message and errors map in one sentence.
 * Pure. Returns -code. */
int pm_pve_error(const struct pm_call *c, struct pm_error *err);

/* ---- tasks ---- */

struct pm_task {
	char upid[256];
	char node[64];
	char exit_status[400]; /* "OK", "WARNINGS: 1", or what went wrong */
};

/** Parses a UPID; false: it is none. */
bool pm_task_parse(const char *upid, struct pm_task *ret);

/** Follows a task to its end (polls with growing steps, 100 ms to 2 s; through other hosts while the node
 * is away). 0: OK or WARNINGS; -PM_E_TASK or a class found by its text otherwise, with the last lines
 * of its log in the message. */
int pm_task_wait(
	struct pm_pve *p, struct pm_job *j, struct pm_task *t, struct pm_error *err) PM_CHECK;

/** The same, and tells each line of its log as it comes. */
typedef void pm_task_line_fn(void *arg, const char *line);
int pm_task_follow(struct pm_pve *p, struct pm_job *j, struct pm_task *t, pm_task_line_fn *fn,
	void *arg, struct pm_error *err) PM_CHECK;

/** A task that may have been started: for an answer that was lost. */
struct pm_task_query {
	const char *node;
	unsigned vmid;
	const char *type; /* "vzcreate" */
	const char *id;   /* what the task says that it works on; NULL: the VMID */
	int64_t since_s;  /* Unix seconds; clocks of nodes differ: leave room */
};

/** The newest such task of our user in the node's list. 0 and *ret; -PM_E_NOTFOUND. */
int pm_task_find(struct pm_pve *p, struct pm_job *j, const struct pm_task_query *q,
	struct pm_task *ret, struct pm_error *err) PM_CHECK;

/* ---- reading guests ---- */

/** Which configurations are asked for. Only a process that reads again and again keeps any. */
enum pm_reading {
	PM_READ_ALL,  /* all */
	PM_READ_KEEP, /* all, and they are kept for the next reading */
	PM_READ_CHANGED, /* those that nobody kept, or that may have changed since: the guest's row of the
			    inventory is another one, a task worked on it, or we did. They are kept. A change
			    that leaves neither a task nor a trace in the row is not seen. */
};

/** What to read with care: guests that carry the set's tag, guests a manifest names by VMID, and guests
 * in the VMID range that carry no other set's tag. Everything else becomes a row without a spec. Only the
 * middle ones hang on `want`, so it may still be in the making while the others are read. */
struct pm_scope {
	const char *set;
	const struct pm_set *want; /* may be NULL */
	/** Called once before `want` is looked at, in the calling thread: 0 when it is there, -code when it
	 * will not be; the reading ends with that. NULL: it is there already. */
	int (*await)(void *arg, struct pm_error *err);
	void *await_arg;
	unsigned vmid_low, vmid_high;
	bool all; /* every guest, and its run state */
	enum pm_reading reading;
	uint64_t
		oldest_ns; /* of PM_READ_CHANGED: what is older is asked for, too, and of what is half as
			       old another part each time; 0: no limit */
};

/** The live set: one /cluster/resources, /cluster/status, then /pending of the guests in scope, all at
 * once, decoded as they arrive. Guests on nodes that do not answer are in it as unreachable. Sorted. */
int pm_pve_live(struct pm_pve *p, struct pm_job *j, const struct pm_scope *scope,
	struct pm_set *ret, struct pm_error *err) PM_CHECK;

/** One guest, read now: inventory row (its node may have changed), /pending and, when `status`,
 * status/current. A guest that cannot be read is an error of the class that says why; -PM_E_NOTFOUND only when the inventory is complete and it is not there. */
int pm_pve_read(struct pm_pve *p, struct pm_job *j, unsigned vmid, bool status, struct pm_obj **ret,
	struct pm_error *err) PM_CHECK;

/** What the HA manager does with these guests, into the row HA of their specs: one request for all of them. */
int pm_pve_read_ha(struct pm_pve *p, struct pm_job *j, struct pm_obj *const *v, size_t n,
	struct pm_error *err) PM_CHECK;

/** Did podmox hand the guest to the HA manager? */
bool pm_ha_is_ours(const struct pm_live *l);

/** Decodes an answer of /pending (the whole body, text[n] is '\0'; text is changed) into a live object
 * whose `live` says which guest it is. The spec holds what will be after a restart, its tags without
 * podmox's own; live->tags holds all. Pure: the fuzz target. */
int pm_pve_decode_pending(struct pm_arena *a, const struct pm_kind *k, char *text, size_t n,
	struct pm_obj *o, struct pm_error *err) PM_CHECK;

/** Fresh facts: quorum, nodes, completeness. */
int pm_pve_facts(
	struct pm_pve *p, struct pm_job *j, struct pm_facts *ret, struct pm_error *err) PM_CHECK;

/* ---- changes as parameters ---- */

/** A new guest. A secret's fromFile starts in the folder of want->file; the text is read as late as can
 * be, and the form that held it is wiped. */
struct pm_create {
	const struct pm_obj *want;
	unsigned vmid;
	const char *node;
	const struct pm_obj *source; /* what it is a copy of; NULL: none */
	const struct pm_marker *marker;
	bool tags_later; /* a pool-only token may not set tags in the create call */
};
/** POST of a new guest, stopped. *ret: its task. When the answer was lost err->maybe_sent is set. A copy has
 * its source's settings but for name, pool and description: pm_pve_update with `copied` brings the rest. */
int pm_pve_create(struct pm_pve *p, struct pm_job *j, const struct pm_create *c,
	struct pm_task *ret, struct pm_error *err) PM_CHECK;

/** The write that takes `have` to `want` in the fields where they differ: values built on the observed
 * strings, `delete` for what podmox set and the manifest no longer names, the marker, the digest. The
 * marker goes along with other changes; for its own sake it is written only where it is missing or says
 * another owner, VMID, `done` or onRemove. The form is empty when nothing differs. Growth, pool, node and
 * state are not in it. */
struct pm_update {
	const struct pm_obj *want, *have; /* slots of want are assigned */
	const struct pm_marker *marker;   /* to write; NULL: leave it */
	const char *set;                  /* for the tags */
	bool after_create; /* also the fields marked PM_F_AFTER and nothing else but tags */
	bool copied;       /* the first write to a copy: its secrets go along */
};
/** Does the form touch drives of a virtual machine? That may take long. */
bool pm_pve_encode_update(struct pm_arena *a, const struct pm_update *u, struct pm_buf *form);
/** Sends it, and follows the task where it is one. */
int pm_pve_update(struct pm_pve *p, struct pm_job *j, const struct pm_update *u,
	struct pm_error *err) PM_CHECK;

/** Tasks: each sends and follows to the end. `key` is "rootfs" or "mp0"; sizes are absolute bytes. */
int pm_pve_resize(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *key,
	int64_t bytes, struct pm_error *err) PM_CHECK;
/** The volume goes to another storage, and the old one is destroyed once PVE has copied it. A container must
 * be stopped for it. The same twice is refused by the digest. */
int pm_pve_move(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *key,
	const char *storage, struct pm_error *err) PM_CHECK;
/** A volume of a guest goes to another guest on the same node, and PVE renames it after that one. `key` is
 * "mp0" or "unused0", `slot` its key there; an unused one stays unused. Of a stopped guest only, unless it is
 * unused. Never onto a protected guest: PVE has taken the volume from its owner by the time that it refuses. */
struct pm_hand {
	const struct pm_obj *from, *to; /* both just read: their digests go along */
	const char *key, *slot;
};
int pm_pve_hand(
	struct pm_pve *p, struct pm_job *j, const struct pm_hand *h, struct pm_error *err) PM_CHECK;
/** What would make a replacement that keeps the guest's volumes fail, as far as it can be seen before anything
 * is done: the policy (create, move, stop, delete, and start where `starts`, clone where `copies`), snapshots.
 * -PM_E_REFUSED with the reason. */
int pm_pve_may_hand(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, bool starts,
	bool copies, struct pm_error *err) PM_CHECK;
/** What would make a move of the guest's volumes to that storage fail, as far as it can be seen before the
 * guest is stopped: the policy (move, start), snapshots, a storage that is not there, not active or not for
 * containers. -PM_E_REFUSED with the reason. */
int pm_pve_may_move(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const char *storage, struct pm_error *err) PM_CHECK;
enum pm_power { PM_START, PM_SHUTDOWN, PM_STOP, PM_REBOOT };
/** Already there counts as done. `timeout_s` of a shutdown or reboot. */
int pm_pve_power(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, enum pm_power what,
	unsigned timeout_s, struct pm_error *err) PM_CHECK;
/** A running container is shut down and started again for it; a running virtual machine goes on, and its
 * disks on local storage are copied meanwhile. */
int pm_pve_migrate(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *node,
	bool running, struct pm_error *err) PM_CHECK;
/** DELETE of a stopped guest; disks that merely look like its own are left alone. */
int pm_pve_delete(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	struct pm_error *err) PM_CHECK;
/** Writes the marker and podmox's tags, or (marker NULL) takes them away; everything else stays as it is.
 * Synchronous. */
int pm_pve_mark(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_marker *marker, struct pm_error *err) PM_CHECK;
int pm_pve_protect(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, bool on,
	struct pm_error *err) PM_CHECK;
/** What a virtual machine boots from, as "order=scsi0;net0". Synchronous. */
int pm_pve_boot(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *order,
	struct pm_error *err) PM_CHECK;
int pm_pve_pool(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have, const char *pool,
	struct pm_error *err) PM_CHECK; /* pool NULL: leave its pool */

/** The HA resource of the guest becomes what `want` says; it goes when that says nothing, or is NULL. `have` was just
 * read, with its HA resource: its digest goes along. */
int pm_pve_ha(struct pm_pve *p, struct pm_job *j, const struct pm_obj *want,
	const struct pm_obj *have, struct pm_error *err) PM_CHECK;

/** Is there a replication job for the guest? PVE refuses its deletion then, but only once it is shut down. */
int pm_pve_replicated(struct pm_pve *p, struct pm_job *j, unsigned vmid, bool *ret,
	struct pm_error *err) PM_CHECK;

/** Addresses of a running guest that are not link-local; static ones of the configuration first. */
int pm_pve_addresses(struct pm_pve *p, struct pm_job *j, const struct pm_obj *have,
	const struct pm_list **ret, struct pm_error *err) PM_CHECK;

#endif
