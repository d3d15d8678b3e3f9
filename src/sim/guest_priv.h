/* Guests: what is stored of them, and what PVE makes of values. */
#ifndef PM_SIM_GUEST_PRIV_H
#define PM_SIM_GUEST_PRIV_H

#include "sim/call_priv.h"

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
const char *pm_s_guest_name(const struct sim_guest *g);
int64_t pm_s_guest_disk(const struct sim_guest *g);
int64_t pm_s_conf_int(const struct sim_conf *c, const char *k, int64_t otherwise);
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

#endif
