/* Inside of the room: the client and what its files ask of each other. */
#ifndef PM_PVE_PVE_PRIV_H
#define PM_PVE_PVE_PRIV_H

#include <pthread.h>

#include "base/json.h"
#include "base/random.h"
#include "pve/cache_priv.h"
#include "pve/hosts_priv.h"
#include "pve/op.h"
#include "pve/pve.h"

#define API "/api2/json"

/* ---- errors.c ---- */

/** What a text of PVE means, for the exit status of a task; `otherwise` when nobody knows it. */
enum pm_code pm_fault_code(
	const char *text, enum pm_code otherwise, const char **ret_remedy, bool *ret_ran);

/** 59x: the hop to the node failed, not the host that says so. */
bool pm_pve_is_hop(int status);

/* ---- session.c: one mutex guards it ---- */

struct pm_creds;
struct pm_session {
	pthread_mutex_t lock;
	char *user; /* "root@pam", or the token's id */
	bool token, offline;
	enum pm_secret_from from; /* of the password or the token's secret */
	const char *what, *dir;
	struct pm_creds *creds;   /* NULL: log in first */
	bool logging_in, said_no; /* said_no: of whoever logs in */
	unsigned doubts;          /* tickets refused that were never let in, one after the other */
	struct pm_error failed;   /* code PM_OK: nothing is remembered */
	uint64_t failed_until_ns;
	struct pm_secret *tried; /* what the last login was made with */
	uint64_t looked_ns;      /* when it was last compared with its source */
};

/** What a request needs to be let in; borrowed until it is given back. */
struct pm_lease {
	struct pm_creds *creds;
	const char *const *read, *const *write; /* headers of a GET, and of everything else */
};

int pm_session_open(struct pm_session *s, struct pm_arena *a, const struct pm_pve_opts *o,
	struct pm_error *err) PM_CHECK;
void pm_session_done(struct pm_session *s);
int pm_session_take(
	struct pm_pve *p, struct pm_job *j, struct pm_lease *ret, struct pm_error *err) PM_CHECK;
void pm_session_give(struct pm_pve *p, struct pm_lease *l);

/** A request with this lease was let in. */
void pm_session_worked(struct pm_lease *l);

/** A request with this lease got a 401. *err is its typed error, and becomes one that names the remedy.
 * true: new credentials may help. */
bool pm_session_refused(struct pm_pve *p, const struct pm_lease *l, struct pm_error *err);

/* ---- looks.c: what tasks worked on ---- */

struct pm_look_task {
	uint64_t upid, node; /* hashes */
	unsigned vmid;       /* 0: of no guest */
	bool ended;
};
struct pm_looks {
	pthread_mutex_t lock;
	struct pm_look_task *v; /* of the last look, sorted by upid */
	size_t n;
	bool any; /* there was one, and it was good */
};
void pm_looks_init(struct pm_looks *l);
void pm_looks_done(struct pm_looks *l);

/** Takes an answer of /cluster/tasks: what tasks worked on since the last look is known no longer; nothing
 * is, where the list does not tell. */
void pm_look_take(struct pm_pve *p, const struct pm_call *c);
/** There was no look, or it did not show all: nothing is known, and the next look has nothing to go by. */
void pm_look_failed(struct pm_pve *p);

/* ---- op_places.c: where guests are, as the last inventory said ---- */

struct json_object;
struct pm_place {
	unsigned vmid;
	bool vm;
	const char *node;
};
struct pm_places {
	pthread_mutex_t lock;
	struct pm_arena *arena; /* of v */
	struct pm_place *v;     /* sorted by VMID */
	size_t n;
	uint64_t good_until_ns;
};
void pm_places_init(struct pm_places *x);
void pm_places_done(struct pm_places *x);
void pm_places_take(struct pm_pve *p, struct json_object *rows); /* of /cluster/resources?type=vm */
/** ret->node lives in `a`. false: not known, or no longer. */
bool pm_places_find(struct pm_pve *p, unsigned vmid, struct pm_arena *a, struct pm_place *ret);

/* ---- the client ---- */

struct pm_pve {
	struct pm_arena *arena; /* of what is constant after open */
	struct pm_transport *transport;
	const struct pm_clock *clock;
	struct pm_audit *audit;
	const struct pm_list *allow;
	const char *cluster;
	const char *config_dir;
	unsigned timeout_ms;
	struct pm_hosts hosts;
	struct pm_session session;
	struct pm_cache cache;
	struct pm_known known;
	struct pm_looks looks;
	struct pm_places places;
	bool no_cache;
	atomic_uint_fast64_t logins, failovers;
	atomic_size_t nguests; /* rows of the last inventory */
	pthread_mutex_t lock;  /* of rnd */
	struct pm_random rnd;
};

/** How long to wait before attempt + 1, as base/retry.h; fewer attempts where each takes long. */
int64_t pm_pve_delay_ms(struct pm_pve *p, unsigned attempt, unsigned most, bool idempotent,
	const struct pm_error *err);
int pm_pve_wait_ms(struct pm_pve *p, struct pm_job *j, int64_t ms, struct pm_error *err) PM_CHECK;

/* ---- call.c ---- */

/** pm_pve_call with at most `most` attempts (0: the default) that gives the whole answer, whose member
 * is `data`. */
int pm_pve_send(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c, unsigned most,
	struct json_object **ret, struct pm_error *err) PM_CHECK;

/** Waits while all hosts that could answer want to be left alone (Retry-After); -PM_E_BUSY when that is
 * longer than a minute. */
int pm_pve_rest(struct pm_pve *p, struct pm_job *j, struct pm_error *err) PM_CHECK;

/** Does the answer tell of trouble of the host itself, so that another one should be asked? */
bool pm_pve_host_trouble(const struct pm_call *c);

/** Why host after host did not answer. One whose certificate we do not trust is passed over like one that
 * is away; when nobody else answers either, it is part of the reason, whatever the order was. */
struct pm_misses {
	struct pm_error away, distrust; /* the last and the first of their kind; code PM_OK: none */
};
void pm_misses_note(struct pm_misses *m, const struct pm_error *err);
int pm_misses_sum(const struct pm_misses *m, struct pm_error *err); /* -code; one was noted */

/** Why an answer without an error (no status of 400 or more) is none of PVE's. */
int pm_pve_strange(const struct pm_call *c, struct pm_error *err);

/* ---- fetch.c: many GETs at once ---- */

struct pm_get {
	const char *path; /* below /api2/json */
	const char *node; /* whose host is asked first; NULL: any */
};

/** Called once for each, in the calling thread. *err tells what is wrong (code PM_OK: c holds a good
 * answer, which may be changed and freed). */
typedef void pm_got_fn(void *arg, size_t i, struct pm_call *c, const struct pm_error *err);

/** Fetches n answers: failover, a new ticket, retries; a node whose answers fail one after the other is
 * not asked again. -code only for what stops everything: cancelled, not let in, not trusted. */
struct pm_fetch {
	const struct pm_get *v;
	size_t n;
	pm_got_fn *got;
	void *arg;
};
int pm_pve_fetch(struct pm_pve *p, struct pm_job *j, const struct pm_fetch *f,
	struct pm_error *err) PM_CHECK;

/* ---- op_encode.c ---- */

/** Appends the path of a guest's call for callers that have no arguments to check; `type` lxc or qemu. */
void pm_op_guest_path(const struct pm_op *op, const char *node, const char *type, unsigned vmid,
	struct pm_buf *out);

/* ---- inventory.c ---- */

struct pm_inventory {
	struct pm_arena *arena;
	struct pm_obj **v; /* a row each, without a spec, in PVE's order */
	size_t n, cap;
	struct pm_node *nodes; /* of /cluster/status, else of the inventory */
	unsigned nnodes;
	const char **pools;
	unsigned npools;
	bool quorate, status_read;
	bool looked, sees_tasks; /* at the tasks; and the account sees those of others */
	bool sees_all;           /* the account sees every guest */
	const char **pools_seen; /* of which it sees the guests all the same */
	unsigned npools_seen;
	const char *version;
	const char *why; /* the first reason why this may not be all */
};

/** Inventory, state of the cluster, version and permissions, at once; `look`: also at the tasks. */
int pm_inventory_read(struct pm_pve *p, struct pm_job *j, bool look, struct pm_inventory *ret,
	struct pm_error *err) PM_CHECK;
/** Only the rows of guests; `vmid` 0: all, else that one. */
int pm_inventory_rows(struct pm_pve *p, struct pm_job *j, unsigned vmid, struct pm_inventory *ret,
	struct pm_error *err) PM_CHECK;
struct pm_obj *pm_inventory_find(const struct pm_inventory *inv, unsigned vmid);
bool pm_inventory_online(const struct pm_inventory *inv, const char *node);
void pm_inventory_facts(
	const struct pm_pve *p, const struct pm_inventory *inv, struct pm_facts *ret);

/** Parsers of the three answers. Pure; text is changed. */
int pm_inventory_parse(struct pm_inventory *inv, unsigned vmid, char *text, size_t n,
	struct pm_error *err) PM_CHECK;

/* ---- read.c ---- */

/** Names a live guest by its marker, where that is its own (a clone carries its source's) and of that set
 * (NULL: any). */
void pm_name_guest(struct pm_obj *o, const char *set);

/** Takes over what status/current says: run state, lock, what HA does with it. */
void pm_take_current(struct pm_arena *a, struct pm_obj *o, struct pm_call *c);

/* ---- guest.c ---- */

/** A write that concerns one guest. */
struct pm_write {
	enum pm_op_id id;
	const char *method; /* NULL: the row's; another is done within the call, without a task */
	const char *object, *node, *type;
	unsigned vmid;
	const char *form;
	bool again;       /* the same twice does no harm */
	const char *pool; /* of a PVE before 8.1, in its path; else NULL */
};

struct pm_write pm_pve_write_of(
	struct pm_job *j, enum pm_op_id id, const struct pm_obj *have) PM_CHECK;

/** Sends it; *ret is the task, with an empty upid where PVE was done at once. */
int pm_pve_deliver(struct pm_pve *p, struct pm_job *j, const struct pm_write *c,
	struct pm_task *ret, struct pm_error *err) PM_CHECK;

/** The same, and follows the task to its end. */
int pm_pve_send_and_follow(struct pm_pve *p, struct pm_job *j, const struct pm_write *c,
	struct pm_error *err) PM_CHECK;

/* ---- encode.c ---- */

/** Appends the form that sets, or takes away, what tells whose a guest is. */
void pm_pve_encode_mark(struct pm_arena *a, const struct pm_obj *have,
	const struct pm_marker *marker, struct pm_buf *form);

/** Appends the form of a create call, or of a clone call; secrets are not in it. */
void pm_pve_encode_create(struct pm_arena *a, const struct pm_create *c, struct pm_buf *form);
void pm_pve_encode_clone(struct pm_arena *a, const struct pm_create *c, struct pm_buf *form);

/* ---- decode.c ---- */

/** Passes over the envelope {"data": ...} of an answer: the next event is the value's first. */
int pm_json_data(struct pm_jread *r, enum pm_json_event *ret, struct pm_error *err) PM_CHECK;

#endif
