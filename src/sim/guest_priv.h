/* Guests: what is stored of them, and what PVE makes of values. */
#ifndef PM_SIM_GUEST_PRIV_H
#define PM_SIM_GUEST_PRIV_H

#include "sim/call_priv.h"

struct sim_task;
struct sim_storage;

struct sim_snap {
	char *name;
	struct sim_conf conf;
	char *parent;
	int64_t time;
};

/** What pvestatd told last about a VMID: it may be another guest's by now. */
struct sim_sample {
	const char *ha; /* what the HA manager says of it; NULL: it is not managed */
	unsigned vmid;
	char *name;
	bool running, template;
	int64_t maxmem, maxdisk, cpus;
	uint64_t since_ns, taken_ns;
};

struct sim_guest {
	unsigned vmid, node;
	bool qemu;
	struct sim_conf cur, pend, del; /* del: keys whose removal is pending; a value: by force */
	PM_VEC(struct sim_snap *) snaps;
	char *parent;       /* snapshot the current state descends from */
	PM_VEC(char *) lxc; /* raw lines "key value" */
	bool running;
	bool paused;
	uint64_t started_ns;
	struct sim_task *holder; /* of the config lock */
	uint64_t held_until_ns;  /* by an outside hand */
	struct sim_conf ci;      /* cloud-init values its drive was made with, where they differ */
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
int64_t pm_s_number(const char *text, int64_t otherwise); /* NULL is none */
int64_t pm_s_conf_int(const struct sim_conf *c, const char *k, int64_t otherwise);
void pm_s_collect(struct pm_sim *s); /* what pvestatd does every ten seconds */
/** Is it a setting of a configuration: one we know, or one that the schema describes? */
bool pm_s_option_known(const struct pm_sim *s, bool qemu, const char *k);
bool pm_s_option_number(bool qemu, const char *k);
char *pm_s_tags(const char *text);
char *pm_s_mac(struct pm_sim *s);
char *pm_s_net(struct pm_sim *s, const char *text); /* canonical LXC net; NULL: bad */
void pm_s_apply_pending(struct pm_sim *s, struct sim_guest *g);
void pm_s_apply_delete(struct pm_sim *s, struct sim_guest *g, const char *key);
char *pm_s_description(const char *text);           /* as LXC gives it back */
char *pm_s_guest_text(const char *text, bool qemu); /* the same of either kind */
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
bool pm_s_is_drive(const char *key); /* scsi0, virtio1, efidisk0, ... */
bool pm_s_is_disk(const char *key);  /* either */
bool pm_s_is_cdrom(const char *value);
bool pm_s_is_cloudinit(const char *value);
char *pm_s_disk_volume(const struct sim_kv *kv); /* volid of a disk, NULL: none. free() it. */
char *pm_s_volume_at(const struct sim_conf *c, const char *key); /* the same of a key */
struct sim_storage *pm_s_storage_of(const struct pm_sim *s, const char *volid);
bool pm_s_volume_able(const struct pm_sim *s, const char *volid); /* of snapshots */
char *pm_s_base_name(const char *volid); /* "vm-100-disk-0" becomes "base-100-disk-0". free() it. */
#define SIM_PATH 256
const char *pm_s_image_path(const struct pm_sim *s, const char *volid, char out[SIM_PATH]);
struct sim_snap *pm_s_snap(
	const struct sim_guest *g, const char *name, size_t *at); /* at: may be NULL */
void pm_s_snapshot_config(struct sim_call *c, struct sim_guest *g, const char *name);

/** What a start does: NULL, or why it fails. Applies pending changes. */
const char *pm_s_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t);
void pm_s_halt(struct pm_sim *s, struct sim_guest *g);
void pm_s_unused_add(struct pm_sim *s, struct sim_guest *g, const char *volid);
/** Are both configurations what the caller of a hand-over has read? false: answered. */
bool pm_s_hand_digests(struct sim_call *c, struct sim_guest *from, struct sim_guest *to);
bool pm_s_bridge_exists(const struct pm_sim *s, const char *bridge);

/* ---- what the calls about one guest share (guest_task.c) ---- */

#define SIM_FILE 80

bool pm_s_for_vm(const struct sim_call *c); /* by its path */
const char *pm_s_kind(bool qemu);           /* "VM" or "CT" */
struct sim_guest *pm_s_guest_here(
	const struct sim_call *c); /* of that kind on that node, or NULL */
const char *pm_s_lock_file(
	const struct sim_guest *g, char out[SIM_FILE]); /* of its configuration */
void pm_s_write_subdirs(struct sim_call *c, const char *names);
/** "data": the guests of that kind on the node that the caller may see. */
void pm_s_guests_write(struct sim_call *c, bool qemu,
	void (*write)(struct sim_call *c, const struct sim_guest *g, bool full), bool full);
/** Since when it runs, as which process, and what presses it: `pressure` is a text, or NULL for a number. */
void pm_s_process_write(struct sim_call *c, const struct sim_guest *g, const char *pressure);
void pm_s_guest_ha_write(struct sim_call *c, const struct sim_guest *g);
/** A task about the call's guest, whether that is there or not. */
struct sim_task *pm_s_guest_task(struct sim_call *c, const char *type);
/** Looks again when the task has the lock: the guest may be gone, moved or (pm_s_guest_free) locked by
 * now. NULL: the task fails with PVE's text. */
struct sim_guest *pm_s_guest_of(struct pm_sim *s, struct sim_task *t);
struct sim_guest *pm_s_guest_free(struct pm_sim *s, struct sim_task *t);
void pm_s_guest_mark(struct pm_sim *s, struct sim_guest *g, const char *lock); /* NULL: none */
void pm_s_guest_unmark(struct pm_sim *s, struct sim_task *t);
void pm_s_ask_ha(struct sim_call *c, struct sim_guest *g, const char *type, const char *state);
/** Ends the tasks of that type that are under way for the guest of `t`. */
void pm_s_overrule(struct sim_call *c, struct sim_task *t, const char *type);
bool pm_s_quorum_for_guest(struct sim_call *c); /* to create or start one; else answered */
/** An option that only root's ticket may set: false, and noted as bad, for others. */
bool pm_s_root_option(struct sim_call *c, const char *option);
bool pm_s_may_bridge(struct sim_call *c, const char *net); /* the one a card names; else answered */
bool pm_s_ssh_keys_fine(struct sim_call *c, const char *lines); /* else answered */
bool pm_s_same_digest(
	struct sim_call *c, struct sim_guest *g); /* the digest given; else answered */

/* ---- the end of one (guest_delete.c), and moves and copies (guest_move.c) ---- */

bool pm_s_removable(struct sim_call *c, const struct sim_guest *g); /* else answered */
void pm_s_destroy_end(struct pm_sim *s, struct sim_task *t);
void pm_s_destroy_go(struct sim_call *c, struct sim_task *t); /* with the options of the call */
void pm_s_guest_migrate(struct sim_call *c);
void pm_s_guest_migrate_get(struct sim_call *c);
bool pm_s_may_clone(struct sim_call *c, unsigned newid); /* else answered */

/* ---- out of a backup (lxc_restore.c, qemu_restore.c) ---- */

/** Reads the lines of the backup's configuration into a guest. Its volumes are still those of then. */
void pm_s_restore_config(struct sim_guest *g, const char *text);
void pm_s_restore_drop(
	struct pm_sim *s, const struct sim_guest *g); /* volumes that it does not use */

/* ---- configurations (guest_config.c) ---- */

void pm_s_config_get(struct sim_call *c);
void pm_s_pending_get(struct sim_call *c);
void pm_s_write_option(
	struct pm_jwrite *w, bool qemu, const char *key, const char *k, const char *v);
/** The keys of "delete" or "revert", all of them known; false: noted as bad. */
bool pm_s_take_list(struct sim_call *c, const char *what, struct sim_conf *keys);
/** Pending values equal to those in force, and removals of what is not there, are no changes. */
void pm_s_pending_cleanup(struct sim_guest *g);

/** A configuration to come back to. */
struct sim_saved {
	struct sim_conf cur, pend, del;
};

#define cleanup_saved PM_CLEANUP(pm_s_saved_done)

void pm_s_guest_keep(const struct sim_guest *g, struct sim_saved *k);
void pm_s_guest_back(struct sim_guest *g, const struct sim_saved *k);
void pm_s_saved_done(struct sim_saved *k);

/** Takes the config lock for a synchronous change. false: answered, or to be asked again. */
bool pm_s_lock_now(struct sim_call *c, struct sim_guest *g);
/** Is PVE's `lock` set? Then the call fails with 500. */
bool pm_s_locked(struct sim_call *c, const struct sim_guest *g);
/** Is the cluster quorate? Otherwise fails with the text of a config write. */
bool pm_s_can_write(struct sim_call *c, const struct sim_guest *g);

#endif
