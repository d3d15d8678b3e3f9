/* What the files of the simulator share. Names: struct sim_* and pm_s_*. Here the cluster as a whole; its parts
 * have headers of their own, which this one brings along. */
#ifndef PM_SIM_SIM_PRIV_H
#define PM_SIM_SIM_PRIV_H

#include "sim/access_priv.h"
#include "sim/guest_priv.h"
#include "sim/store_priv.h"
#include "sim/task_priv.h"

#define SIM_VERSION       "9.2.11"
#define SIM_RELEASE       "9.2"
#define SIM_REPOID        "14a22df35955d97d"
#define SIM_NODES         16
#define SIM_CPUS          2
#define SIM_TICKET_LIFE_S INT64_C(7200)
#define SIM_NODE_MEM      INT64_C(25276514304)
#define SIM_QEMU          "10.0.13"
#define SIM_QEMU_MACHINE  "10.0"
#define SIM_TEMPLATE      "debian-12-standard_12.7-1_amd64.tar.zst"

/* ---- the cluster ---- */

struct sim_node {
	char name[32];
	char ip[24];
	char *fingerprint;
	bool off, hung;
	enum pm_sim_port port; /* of its API; a node that is off has none */
	enum pm_sim_cert cert;
	unsigned cert_change;
	unsigned limited, retry_after_s; /* so many requests more are answered 429 */
	int64_t skew_ms;                 /* its clock is ahead by that */
	uint64_t *busy;                  /* until when each worker is */
	char *pem, *ca_pem;              /* its certificate and that of the authority; NULL: none */
};

struct sim_rule { /* of --fail */
	char *text, *method, *path;
	enum pm_sim_fault fault;
	int status;
	unsigned first, left; /* hits from the first on; `left` of them */
	unsigned seen;
};

struct sim_line { /* of the cluster's log */
	unsigned uid, node, pid;
	int64_t time_s;
	char *user, *text;
	const char *tag; /* constant */
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
	struct sim_routes *routes;
	struct pm_arena *scratch; /* of the request at hand */
	uint64_t now_ns, born_ns, advanced_ns;
	int64_t wall_ms;
	uint64_t generation; /* of everything /cluster/resources shows */
	bool dirty;          /* the state file is older */
	char *password, *token_secret, *state_path;
	char key[33]; /* signs tickets */
	int64_t ticket_life_s;
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
	PM_VEC(struct sim_insist *) insists; /* what somebody sets again after each change */
	struct sim_conf options;             /* datacenter.cfg */
	PM_VEC(struct sim_object *) objects;
	PM_VEC(struct sim_line *) log; /* of the cluster, oldest first */
	unsigned next_line;
	bool offline;                  /* nothing outside of the cluster can be reached */
	struct sim_cache resources[2]; /* all, type=vm: of who may see everything */
};

const char *pm_s_guest_row(struct pm_sim *s, struct sim_guest *g, bool with_pool);
void pm_s_storage_row(struct sim_call *c, const struct sim_storage *st, unsigned node);
void pm_s_node_row(struct sim_call *c, unsigned i, bool resources);
void pm_s_resources(struct sim_call *c);

/* ---- what is only stored and listed (object.c) ---- */

struct sim_object {
	char *kind, *id; /* "ha" and "ct:100", "rule guest/100" and "" */
	struct sim_conf conf;
};

/** An outside hand that sets one key of a guest again whenever something was changed. */
struct sim_insist {
	unsigned vmid;
	char *key, *value; /* value "": it removes the key */
};

struct sim_object *pm_s_object(const struct pm_sim *s, const char *kind, const char *id);
struct sim_object *pm_s_object_nth(const struct pm_sim *s, const char *kind, size_t n);
struct sim_object *pm_s_object_add(struct pm_sim *s, const char *kind, const char *id, bool first);
void pm_s_object_move(struct pm_sim *s, struct sim_object *o, size_t before);
void pm_s_object_del(struct pm_sim *s, struct sim_object *o);
void pm_s_objects_drop(struct pm_sim *s, const char *kind); /* all of a kind */
void pm_s_objects_copy(
	struct pm_sim *s, const char *from, const char *to); /* replaces all of `to` */
/** A guest is gone: its firewall; with `purge` its HA resource too. */
void pm_s_object_forget(struct pm_sim *s, unsigned vmid, bool purge);
const char *pm_s_object_digest(struct sim_call *c, const char *kind);
bool pm_s_object_same(struct sim_call *c, const char *kind); /* the digest given; else answered */
/** Takes over the parameters named (blanks between them), and what "delete" names away. */
void pm_s_object_take(struct sim_call *c, struct sim_object *o, const char *keys);
/** Writes its settings; those in `numbers` as numbers. */
void pm_s_object_write(struct sim_call *c, const struct sim_object *o, const char *numbers);

/** The HA resource that rules a guest, and the state it wants; NULL: none, or it is ignored. */
struct sim_object *pm_s_ha_managed(const struct pm_sim *s, const struct sim_guest *g);
const char *pm_s_ha_wants(const struct pm_sim *s, const struct sim_guest *g);

void pm_s_log(struct pm_sim *s, unsigned node, const char *user, const char *tag, const char *fmt,
	...) PM_PRINTF(5, 6);
void pm_s_log_drop(struct pm_sim *s, size_t i);

bool pm_s_quorate(const struct pm_sim *s);
int pm_s_node_index(const struct pm_sim *s, const char *name); /* -1: unknown */
void pm_s_changed(struct pm_sim *s);
void pm_s_reset(struct pm_sim *s); /* the baseline */
void pm_s_wipe(struct pm_sim *s);  /* nothing at all */
int pm_s_seed(struct pm_sim *s, struct pm_error *err) PM_CHECK;
int pm_s_state_load(struct pm_sim *s, struct pm_error *err) PM_CHECK;
struct sim_routes *pm_s_routes_new(void) PM_CHECK;
void pm_s_routes_free(struct sim_routes *all);
const struct sim_route *pm_s_route(struct sim_call *c);
int pm_s_rule_parse(struct pm_sim *s, const char *text, struct pm_error *err) PM_CHECK;
void pm_s_rules_free(struct pm_sim *s);
void pm_s_insist(struct pm_sim *s, const char *method); /* after a request that was served */
void pm_s_insists_free(struct pm_sim *s);
struct sim_rule *pm_s_rule_for(struct pm_sim *s, const char *method, const char *target);
void pm_s_random_hex(struct pm_sim *s, char *out, size_t digits, bool upper);
int64_t pm_s_node_time(const struct sim_call *c, unsigned node); /* seconds, by its clock */
void pm_s_nodes_heal(struct pm_sim *s); /* everything an outside hand did to them */
void pm_s_sha1(const void *p, size_t n, char out[41]);
/** Checksum in hexadecimal digits; false: there is no such algorithm. */
bool pm_s_digest(const char *algorithm, const void *p, size_t n, char out[129]);

/* ---- tables of routes, one a file ---- */
extern const struct sim_route pm_s_routes_cluster[], pm_s_routes_access[], pm_s_routes_rights[],
	pm_s_routes_storage[], pm_s_routes_snapshot[], pm_s_routes_qemu[], pm_s_routes_ha[],
	pm_s_routes_index[], pm_s_routes_file[], pm_s_routes_node[], pm_s_routes_host[],
	pm_s_routes_network[], pm_s_routes_sdn[], pm_s_routes_backup[], pm_s_routes_keep[],
	pm_s_routes_bulk[], pm_s_routes_tfa[], pm_s_routes_firewall[], pm_s_routes_lxc[],
	pm_s_routes_pool[], pm_s_routes_task[];

#endif
