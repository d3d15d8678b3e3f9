/* What the files of the simulator share. Names: struct sim_* and pm_s_*. */
#ifndef PM_SIM_SIM_PRIV_H
#define PM_SIM_SIM_PRIV_H

#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/random.h"
#include "base/vec.h"
#include "sim/sim.h"

#define SIM_VERSION  "9.2.11"
#define SIM_RELEASE  "9.2"
#define SIM_REPOID   "14a22df35955d97d"
#define SIM_NODES    16
#define SIM_CPUS     2
#define SIM_NODE_MEM INT64_C(25276514304)
#define SIM_TEMPLATE "debian-12-standard_12.7-1_amd64.tar.zst"
#define SIM_NUL      '\x1f' /* stands for NUL inside values, which no other value may hold */

/* ---- sorted text maps: configurations, property strings ---- */

struct sim_kv {
	char *k, *v; /* v NULL: given, but without a value */
};

struct sim_conf {
	struct sim_kv *v;
	size_t n, cap;
};

#define cleanup_conf PM_CLEANUP(pm_s_conf_done)

const char *pm_s_conf_get(const struct sim_conf *c, const char *k);
bool pm_s_conf_has(const struct sim_conf *c, const char *k);
void pm_s_conf_set(struct sim_conf *c, const char *k, const char *v);
bool pm_s_conf_del(struct sim_conf *c, const char *k);                 /* was it there? */
void pm_s_conf_copy(struct sim_conf *to, const struct sim_conf *from); /* replaces */
void pm_s_conf_done(struct sim_conf *c);

/** Property string to map: a part without "=" goes to `def`. false: bad. */
bool pm_s_props(struct sim_conf *c, const char *text, const char *def);
/** Canonical text: `def` bare, then `first`, then the others in order. free() it. */
char *pm_s_props_text(const struct sim_conf *c, const char *def, const char *first) PM_CHECK;

/** The stem's length when `key` is stem + number up to `most` ("net12"), else -1; number into *n. */
int pm_s_numbered(const char *key, const char *stem, unsigned most);
bool pm_s_true(const char *s); /* 1 on yes true */

/* ---- requests ---- */

struct sim_param {
	const char *k;
	const char *v;     /* NULL: undefined ("key=") */
	const char **more; /* further values of a repeated key; all of them, v included */
	unsigned nmore;    /* 0: a plain value */
	bool path;         /* came from the path */
};

struct sim_params {
	struct sim_param *v;
	size_t n, cap;
};

struct sim_call;
typedef void (*sim_fn)(struct sim_call *c);

enum sim_route_flags {
	SIM_PROTECTED = 1 << 0, /* answered by pvedaemon */
	SIM_NODE = 1 << 1,      /* executed by the node in the path */
	SIM_WORLD = 1 << 2,     /* no login needed */
	SIM_NO_TOKEN = 1 << 3,  /* not for API tokens */
};

/** One method of the API. */
struct sim_route {
	const char *method;
	const char *path; /* "/nodes/{node}/lxc/{vmid}/config"; a last {name*} takes the rest */
	sim_fn fn;
	unsigned flags;
	const char *perm;  /* "/vms/{vmid} VM.Audit" or "... A|B"; NULL: whoever is logged in */
	const char *needs; /* parameters it cannot do without, separated by blanks; NULL: none */
};

struct sim_user;
struct sim_token;

struct sim_call {
	struct pm_sim *s;
	struct pm_sim_request *q;
	struct pm_sim_reply *r;
	struct pm_arena *a;
	unsigned asked, node; /* who was asked, who executes */
	char *path;           /* decoded, without /api2/json */
	bool extjs;
	const struct sim_route *route;
	struct sim_params p;
	struct sim_conf errors; /* of parameters */
	const char *authid;     /* "root@pam" or "root@pam!t"; NULL: nobody */
	struct sim_user *user;
	struct sim_token *token;
	const char *file; /* of an upload */
	size_t nfile;
	struct pm_buf out;
	struct pm_jwrite w;
	bool failed;
};

/** Value of a parameter; NULL when it is not there or empty. */
const char *pm_s_arg(const struct sim_call *c, const char *k);
bool pm_s_has(const struct sim_call *c, const char *k);
bool pm_s_arg_true(const struct sim_call *c, const char *k);
int64_t pm_s_arg_int(const struct sim_call *c, const char *k, int64_t otherwise);
struct sim_param *pm_s_param(const struct sim_params *p, const char *k);
void pm_s_param_add(struct sim_call *c, const char *k, const char *v, bool path);
int pm_s_params_form(struct sim_call *c, const char *text, size_t n);
bool pm_s_params_json(struct sim_call *c, const char *text, size_t n);
bool pm_s_params_multipart(struct sim_call *c); /* false: there is no file in it */
char *pm_s_unescape(struct pm_arena *a, const char *s, size_t n, bool plus);

/** Answers with an error: the text is reason phrase and message. */
void pm_s_fail(struct sim_call *c, int status, const char *fmt, ...) PM_PRINTF(3, 4);
/** A plain answer without JSON. NULL: no body. */
void pm_s_plain(struct sim_call *c, int status, const char *reason, const char *body);
/** Notes a bad parameter; the answer becomes 400 when the handler returns. */
void pm_s_bad(struct sim_call *c, const char *k, const char *fmt, ...) PM_PRINTF(3, 4);
void pm_s_again(struct sim_call *c, uint64_t at_ns);
void pm_s_write_value(struct pm_jwrite *w, const char *key, const char *v); /* SIM_NUL to NUL */

/* ---- verification by PVE's description (schema.c, verify.c, format.c, match.c) ---- */

struct sim_schema;
int pm_s_schema_load(struct sim_schema **ret, const char *path, struct pm_error *err) PM_CHECK;
void pm_s_schema_free(struct sim_schema *d);
bool pm_s_schema_knows(const struct sim_schema *d, const char *method, const char *path);
void pm_s_verify(struct sim_call *c);
/** Text of what is wrong with a value of a named format, or NULL. In the arena. */
const char *pm_s_format(struct pm_arena *a, const char *format, const char *v);

struct sim_pattern;
struct sim_pattern *pm_s_pattern(const char *perl) PM_CHECK; /* NULL: cannot be understood */
bool pm_s_match(const struct sim_pattern *p, const char *text, size_t n);
void pm_s_pattern_free(struct sim_pattern *p);

/* ---- users and rights ---- */

struct sim_token {
	char *id, *comment;
	char secret[40];
	int64_t expire;
	bool privsep, privsep_text, expire_text;
};

struct sim_user {
	char *id, *password;
	struct sim_conf facts; /* comment email firstname lastname keys */
	bool enable;
	int64_t expire;
	PM_VEC(struct sim_token *) tokens;
	PM_VEC(char *) groups;
};

struct sim_group {
	char *id, *comment;
};

struct sim_role {
	char *id;
	uint64_t privs;
	bool special;
};

struct sim_acl {
	char *path, *who; /* who: user, token or group */
	char kind;        /* 'u' user, 't' token, 'g' group */
	char *role;
	bool propagate;
};

uint64_t pm_s_priv(const char *name); /* bit, or 0 */
bool pm_s_may(const struct sim_call *c, const char *path, uint64_t any);
/** The same with a 403 of PVE's form when it may not. */
bool pm_s_check(struct sim_call *c, const char *path, const char *privs);
bool pm_s_is_root(const struct sim_call *c); /* root@pam by ticket */
void pm_s_privs_write(struct sim_call *c, const char *key, uint64_t propagating, uint64_t rest);
void pm_s_perms(const struct pm_sim *s, const char *authid, const char *path, uint64_t *propagating,
	uint64_t *rest);
bool pm_s_login(struct sim_call *c); /* false: answered */
struct sim_user *pm_s_user(const struct pm_sim *s, const char *id);
struct sim_user *pm_s_user_add(struct pm_sim *s, const char *id, const char *password);
bool pm_s_member(const struct sim_user *u, const char *group);
struct sim_token *pm_s_token_of(struct sim_user *u, const char *id);
struct sim_token *pm_s_token_add(struct pm_sim *s, struct sim_user *u, const char *id);
void pm_s_access_init(struct pm_sim *s);
void pm_s_access_done(struct pm_sim *s);
void pm_s_acl_drop(struct pm_sim *s, size_t i);
void pm_s_user_free(struct sim_user *u);
struct sim_role *pm_s_role(const struct pm_sim *s, const char *id);
char *pm_s_ticket(struct sim_call *c, const char *user) PM_CHECK;
char *pm_s_csrf(struct sim_call *c, const char *user) PM_CHECK;
const char *pm_s_ticket_user(struct sim_call *c, const char *ticket); /* NULL: not valid */
bool pm_s_quorum_for(struct sim_call *c, const char *what, const char *file);
void pm_s_acl_forget(struct pm_sim *s, const char *path);
extern const char *const pm_s_privs[];
extern const size_t pm_s_nprivs;

/* ---- storages and volumes ---- */

struct sim_storage {
	char *id, *type;
	struct sim_conf conf;
};

struct sim_volume {
	char *volid;
	const char *content, *format; /* constants */
	int64_t size, used, ctime;
	unsigned vmid; /* 0: nobody's */
	int node;      /* -1: on every node */
	char *notes;
	bool protect;
};

struct sim_storage *pm_s_storage(const struct pm_sim *s, const char *id);
struct sim_storage *pm_s_storage_add(struct pm_sim *s, const char *id, const char *type);
bool pm_s_storage_on(const struct sim_storage *st, const char *node);
bool pm_s_storage_is_dir(const struct sim_storage *st);
bool pm_s_storage_holds(const struct sim_storage *st, const char *content);
bool pm_s_storage_shared(const struct sim_storage *st);
const char *pm_s_storage_path(const struct sim_storage *st);
/** The storage of a volid, checked to be usable on the node; fails the call otherwise. */
struct sim_storage *pm_s_storage_for(struct sim_call *c, const char *id, unsigned node);
/** The text why it cannot be used, or NULL. */
const char *pm_s_storage_fault(
	const struct pm_sim *s, struct pm_arena *a, const char *id, unsigned node);
struct sim_volume *pm_s_volume(const struct pm_sim *s, const char *volid, int node);
struct sim_volume *pm_s_volume_add(struct pm_sim *s, const char *volid, int node, int64_t size);
/** A new disk image with a name of the storage's kind; prefix "vm" or "base". size 0: a subvolume. */
struct sim_volume *pm_s_volume_new(
	struct pm_sim *s, struct sim_storage *st, unsigned vmid, unsigned node, int64_t size);
unsigned pm_s_volume_owner(const char *name); /* the VMID in a volume's name, 0: none */
void pm_s_volume_del(struct pm_sim *s, const char *volid, int node);
char *pm_s_format_size(int64_t bytes, char out[32]);
int64_t pm_s_parse_size(const char *s); /* -1: bad */

/* ---- guests ---- */

struct sim_snap {
	char *name;
	struct sim_conf conf;
	char *parent;
	int64_t time;
};

/** What pvestatd told last about a VMID: it may be another guest's by now. */
struct sim_sample {
	unsigned vmid;
	char *name;
	bool running, template;
	int64_t maxmem, maxdisk, cpus;
	uint64_t since_ns, taken_ns;
};

struct sim_guest {
	unsigned vmid, node;
	bool qemu;
	struct sim_conf cur, pend, del; /* del: keys whose removal is pending */
	PM_VEC(struct sim_snap *) snaps;
	char *parent;       /* snapshot the current state descends from */
	PM_VEC(char *) lxc; /* raw lines "key value" */
	bool running;
	bool paused;
	uint64_t started_ns;
	struct sim_task *holder; /* of the config lock */
	uint64_t held_until_ns;  /* by an outside hand */
	char digest[41];
	struct pm_sim_blob
		*seen[3]; /* rendered config, config current=1, pending; NULL: to be made */
	char *row;        /* rendered row of /cluster/resources; NULL: to be made */
};

void pm_s_snap_free(struct sim_snap *sn);
struct sim_guest *pm_s_guest(const struct pm_sim *s, unsigned vmid);
struct sim_guest *pm_s_guest_add(struct pm_sim *s, unsigned vmid, unsigned node, bool qemu);
void pm_s_guest_del(struct pm_sim *s, struct sim_guest *g);
void pm_s_guest_touch(struct pm_sim *s, struct sim_guest *g); /* something of it changed */
const char *pm_s_guest_digest(struct sim_guest *g);
/** The guest a call is about (its {vmid}, its node); fails the call with PVE's text when not there. */
struct sim_guest *pm_s_guest_for(struct sim_call *c);
char *pm_s_guest_missing(
	struct pm_arena *a, const struct pm_sim *s, unsigned node, unsigned vmid, bool qemu);
const char *pm_s_guest_name(const struct sim_guest *g);
int64_t pm_s_guest_disk(const struct sim_guest *g);
int64_t pm_s_conf_int(const struct sim_conf *c, const char *k, int64_t otherwise);
struct sim_sample *pm_s_sample(const struct pm_sim *s, unsigned vmid);
void pm_s_collect(struct pm_sim *s); /* what pvestatd does every ten seconds */
bool pm_s_option_known(bool qemu, const char *k);
bool pm_s_option_number(bool qemu, const char *k);
char *pm_s_tags(const char *text);
char *pm_s_mac(struct pm_sim *s);
char *pm_s_net(struct pm_sim *s, const char *text); /* canonical LXC net; NULL: bad */
void pm_s_apply_pending(struct pm_sim *s, struct sim_guest *g);
void pm_s_apply_delete(struct pm_sim *s, struct sim_guest *g, const char *key);
char *pm_s_description(const char *text); /* as LXC gives it back */
enum sim_source {
	SIM_BIND,   /* a folder of the host */
	SIM_DEVICE, /* a device of the host */
	SIM_NEW,    /* "storage:size": to be allocated */
	SIM_VOLUME, /* "storage:name" */
};

enum sim_source pm_s_source(const char *volume);
int64_t pm_s_new_size(const char *volume); /* bytes of "storage:GiB" */
bool pm_s_volume_used(const struct sim_guest *g, const char *volid);
void pm_s_mount_apply(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value);
bool pm_s_is_mount(const char *key); /* rootfs or mpN */
void pm_s_unused_add(struct pm_sim *s, struct sim_guest *g, const char *volid);
bool pm_s_bridge_exists(const struct pm_sim *s, const char *bridge);

/** Takes the config lock for a synchronous change. false: answered, or to be asked again. */
bool pm_s_lock_now(struct sim_call *c, struct sim_guest *g);
/** Is PVE's `lock` set? Then the call fails with 500. */
bool pm_s_locked(struct sim_call *c, const struct sim_guest *g);
/** Is the cluster quorate? Otherwise fails with the text of a config write. */
bool pm_s_can_write(struct sim_call *c, const struct sim_guest *g);

/* ---- tasks ---- */

struct sim_task {
	char *upid, *type, *id, *user;
	unsigned node;
	unsigned pid, pstart;
	int64_t start_s, end_s;
	uint64_t begun_ns, due_ns, give_up_ns;
	enum { SIM_WAITING, SIM_RUNNING, SIM_ENDED } state;
	unsigned vmid;     /* whose config lock it needs; 0: none */
	int64_t ms;        /* how long it takes; -1: as usual */
	char *status;      /* exit status */
	char *fails;       /* it ends with this text */
	struct pm_buf log; /* lines */
	struct sim_conf args;
	void (*begin)(struct pm_sim *s, struct sim_task *t);
	void (*end)(struct pm_sim *s, struct sim_task *t);
	void (*undo)(struct pm_sim *s, struct sim_task *t); /* it failed or was cancelled */
};

/** A new task of the call's user on its executing node; begins at the next advance. */
struct sim_task *pm_s_task(struct sim_call *c, const char *type, const char *id, unsigned vmid);
struct sim_task *pm_s_task_new(struct pm_sim *s, unsigned node, const char *user, const char *type,
	const char *id, unsigned vmid);
/** Starts it and answers with its UPID. */
void pm_s_task_go(struct sim_call *c, struct sim_task *t);
void pm_s_task_start(struct pm_sim *s, struct sim_task *t);
void pm_s_task_fail(struct sim_task *t, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_s_task_log(struct sim_task *t, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_s_task_arg(struct sim_task *t, const char *k, const char *v);
const char *pm_s_task_get(const struct sim_task *t, const char *k);
void pm_s_task_cancel(struct pm_sim *s, struct sim_task *t);
struct sim_task *pm_s_task_find(const struct pm_sim *s, const char *upid);
void pm_s_task_free(struct sim_task *t);
void pm_s_tasks_advance(struct pm_sim *s);
uint64_t pm_s_tasks_next(const struct pm_sim *s);

/* ---- pools ---- */

struct sim_pool {
	char *id, *comment;
	PM_VEC(unsigned) vms;
	PM_VEC(char *) storages;
};

void pm_s_pool_free(struct sim_pool *p);
struct sim_pool *pm_s_pool(const struct pm_sim *s, const char *id);
struct sim_pool *pm_s_pool_of(const struct pm_sim *s, unsigned vmid);
void pm_s_pool_join(struct pm_sim *s, const char *pool, unsigned vmid);
void pm_s_pool_leave(struct pm_sim *s, unsigned vmid);

/* ---- the cluster ---- */

struct sim_node {
	char name[32];
	char ip[16];
	char *fingerprint;
	bool off, hung;
	uint64_t *busy; /* until when each worker is */
	struct sim_conf config;
};

struct sim_rule { /* of --fail */
	char *text, *method, *path;
	enum pm_sim_fault fault;
	int status;
	unsigned first, left; /* hits from the first on; `left` of them */
	unsigned seen;
};

struct sim_cache {
	struct pm_sim_blob *plain, *gzip;
	uint64_t generation;
};

struct pm_sim {
	struct pm_sim_options o;
	struct pm_clock clock;
	struct pm_random rnd;
	struct sim_schema *schema;
	struct pm_arena *scratch; /* of the request at hand */
	uint64_t now_ns, born_ns, advanced_ns;
	int64_t wall_ms;
	uint64_t generation; /* of everything /cluster/resources shows */
	bool dirty;          /* the state file is older */
	char *password, *token_secret, *state_path;
	char key[33]; /* signs tickets */
	unsigned nnodes;
	struct sim_node node[SIM_NODES];
	int quorum; /* 0: by the nodes, 1: forced away */
	PM_VEC(struct sim_storage *) storages;
	PM_VEC(struct sim_volume *) volumes;
	PM_VEC(struct sim_guest *) guests;   /* by VMID */
	PM_VEC(struct sim_sample *) samples; /* by VMID */
	uint64_t collected_ns;
	PM_VEC(struct sim_task *) tasks; /* oldest first */
	PM_VEC(struct sim_task *) running;
	unsigned next_pid;
	PM_VEC(struct sim_pool *) pools;
	PM_VEC(struct sim_user *) users;
	PM_VEC(struct sim_group *) groups;
	PM_VEC(struct sim_role *) roles;
	PM_VEC(struct sim_acl *) acls;
	PM_VEC(struct sim_rule *) rules;
	struct sim_conf options;       /* datacenter.cfg */
	struct sim_conf objects;       /* "kind/id" -> property text: HA, firewall, jobs */
	struct sim_cache resources[2]; /* all, type=vm: of who may see everything */
};

const char *pm_s_guest_row(struct pm_sim *s, struct sim_guest *g, bool with_pool);
void pm_s_storage_row(struct sim_call *c, const struct sim_storage *st, unsigned node);
void pm_s_node_row(struct sim_call *c, unsigned node, bool resources);
void pm_s_resources(struct sim_call *c);

const char *pm_s_object(const struct pm_sim *s, const char *kind, const char *id);
void pm_s_object_set(struct pm_sim *s, const char *kind, const char *id, const char *text);
void pm_s_object_forget(struct pm_sim *s, unsigned vmid, bool purge);

bool pm_s_quorate(const struct pm_sim *s);
int pm_s_node_index(const struct pm_sim *s, const char *name); /* -1: unknown */
void pm_s_changed(struct pm_sim *s);
void pm_s_reset(struct pm_sim *s); /* the baseline */
void pm_s_wipe(struct pm_sim *s);  /* nothing at all */
int pm_s_seed(struct pm_sim *s, struct pm_error *err) PM_CHECK;
int pm_s_state_load(struct pm_sim *s, struct pm_error *err) PM_CHECK;
const struct sim_route *pm_s_route(struct sim_call *c);
int pm_s_rule_parse(struct pm_sim *s, const char *text, struct pm_error *err) PM_CHECK;
void pm_s_rules_free(struct pm_sim *s);
struct sim_rule *pm_s_rule_for(struct pm_sim *s, const char *method, const char *path);
void pm_s_random_hex(struct pm_sim *s, char *out, size_t digits, bool upper);
void pm_s_sha1(const void *p, size_t n, char out[41]);
int pm_s_glob(const char *pattern, const char *text); /* "*" takes one part, a last one the rest */

struct pm_sim_blob {
	unsigned refs;
	size_t n;
	char *p;
	struct pm_sim_blob *gzip;
};

struct pm_sim_blob *pm_s_blob(struct pm_buf *b) PM_CHECK; /* takes the text */
struct pm_sim_blob *pm_s_gzip(const char *p, size_t n) PM_CHECK;
void pm_s_reply_blob(struct sim_call *c, struct pm_sim_blob *b); /* a finished body */

/* ---- tables of routes, one a file ---- */
extern const struct sim_route pm_s_routes_cluster[], pm_s_routes_access[], pm_s_routes_rights[],
	pm_s_routes_storage[], pm_s_routes_snapshot[], pm_s_routes_qemu[], pm_s_routes_lxc[], pm_s_routes_pool[],
	pm_s_routes_task[];

#endif
