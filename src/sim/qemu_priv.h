/* What the files about virtual machines share. */
#ifndef PM_SIM_QEMU_PRIV_H
#define PM_SIM_QEMU_PRIV_H

#include "sim/sim_priv.h"

/* ---- facts of a configuration (qemu_conf.c) ---- */

int64_t pm_s_vm_memory(const struct sim_conf *conf); /* MiB */
int64_t pm_s_vm_cpus(const struct sim_conf *conf);

/** What a machine whose memory can be plugged has at least, and the next amount that whole modules make. */
#define SIM_STATIC_MIB 1024
int64_t pm_s_vm_modules(int64_t mib, bool up);
const char *pm_s_vm_boot_disk(
	const struct sim_guest *g); /* key of the first disk that boots, or NULL */
/** "order=scsi0;net0" of what is there to boot from; " " when there is nothing. free() it. */
char *pm_s_vm_boot_order(const struct sim_conf *conf) PM_CHECK;
bool pm_s_vm_hotplugs(const struct sim_conf *conf, const char *feature);
bool pm_s_vm_agent(const struct sim_conf *conf); /* enabled? */
char *pm_s_uuid(struct pm_sim *s) PM_CHECK;
void pm_s_vm_plain(struct sim_conf *p); /* booleans of a drive or card as 0 and 1 */
/** A card as PVE prints it, with a MAC when it had none. free() it. */
char *pm_s_vm_net(struct pm_sim *s, const char *text) PM_CHECK;
/** The same with another MAC, and a UUID of its own in smbios1: of a clone. */
char *pm_s_vm_fresh_net(struct pm_sim *s, const char *text) PM_CHECK;
char *pm_s_vm_fresh_smbios(struct pm_sim *s, const char *text) PM_CHECK;

/** Why something failed: the first reason stays. */
void pm_s_because(char **why, const char *fmt, ...) PM_PRINTF(2, 3);
void pm_s_note(struct pm_buf *log, const char *fmt, ...)
	PM_PRINTF(2, 3); /* a line; NULL: nobody reads it */

/* ---- drives (qemu_drive.c) ---- */

/** Drives in the making: what they are for, and what came of it. */
struct sim_making {
	struct pm_sim *s;
	unsigned vmid, node;
	const char *storage;  /* where none is named, or NULL */
	const char *copied;   /* the text of the drive that is copied; NULL: there is none yet */
	struct pm_buf *log;   /* NULL: nobody reads it */
	char *why;            /* it failed; free() it */
	struct sim_conf made; /* volumes that were allocated */
};

/** Allocates, imports or looks up what a drive asks for; its text as it is stored, or NULL. free() it. */
char *pm_s_drive_make(struct sim_making *m, const char *key, const char *value) PM_CHECK;
/** Gives back what was allocated. */
void pm_s_drive_unmake(struct sim_making *m);
void pm_s_making_done(struct sim_making *m);
/** A volume like another one, on `storage` (NULL: its own), its lines in the log; NULL: it failed. */
struct sim_volume *pm_s_drive_copy(
	struct sim_making *m, const char *key, const char *volid, const char *format);
/** A linked clone of a base volume; NULL: it failed. */
struct sim_volume *pm_s_drive_link(struct sim_making *m, const char *key, const char *volid);
/** A drive like one of a backup: a volume as large as that, on `storage` (NULL: its own). free() it. */
char *pm_s_drive_again(struct sim_making *m, const char *key, const char *value) PM_CHECK;
/** The text of a drive with another volume, its size brought up to date. free() it. */
char *pm_s_drive_with(const char *text, const struct sim_volume *v) PM_CHECK;
/** Turns the volumes of a VM (or that of one drive) into base volumes. */
void pm_s_drive_bases(struct pm_sim *s, struct sim_guest *g, const char *only);

/* ---- changes (qemu_config.c, qemu_hotplug.c) ---- */

/** One change, of a call or of a task. */
struct sim_change {
	struct pm_sim *s;
	struct sim_guest *g;
	struct sim_conf set, gone, back; /* gone: keys; back: pending changes to take back */
	const char
		*order; /* the keys that go as they were sent, for PVE goes by that; NULL: none */
	struct sim_conf modified;
	struct sim_conf errors; /* of parameters */
	bool force;
	char *why; /* it failed as a whole */
	struct pm_buf *log;
};

void pm_s_vm_hotplug(struct sim_change *ch);
/** Brings a pending value into force, or takes a setting away. */
void pm_s_vm_apply(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value);
void pm_s_vm_drop(struct pm_sim *s, struct sim_guest *g, const char *key, bool force);
/** Sets a key as a call would, in a task. Why it failed, free() it; NULL: it did not. */
char *pm_s_vm_put(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value,
	struct pm_buf *log);
/** Takes a device out of the order in which the machine boots. */
void pm_s_vm_boot_without(struct sim_guest *g, const char *key);
void pm_s_vm_config_put(struct sim_call *c);
void pm_s_vm_config_post(struct sim_call *c);
void pm_s_vm_unlink(struct sim_call *c);
/** The settings of a call as they are stored, drives not made yet. false: answered or noted as bad. */
bool pm_s_vm_settings(struct sim_call *c, struct sim_conf *set);
/** May the caller set and remove these? `pool`: the new guest is to be in it. */
bool pm_s_vm_may(struct sim_call *c, unsigned vmid, const char *pool, const struct sim_conf *set,
	const struct sim_conf *gone);
/** Are the storages of drives there, and may the caller use them? */
bool pm_s_vm_storages(struct sim_call *c, const struct sim_conf *set);

/* ---- the calls ---- */

void pm_s_vm_create(struct sim_call *c);
void pm_s_vm_restore(struct sim_call *c);
void pm_s_vm_delete(struct sim_call *c);
void pm_s_vm_start(struct sim_call *c);
void pm_s_vm_stop(struct sim_call *c);
void pm_s_vm_shutdown(struct sim_call *c);
void pm_s_vm_reboot(struct sim_call *c);
void pm_s_vm_reset(struct sim_call *c);
void pm_s_vm_suspend(struct sim_call *c);
void pm_s_vm_resume(struct sim_call *c);
void pm_s_vm_resize(struct sim_call *c);
void pm_s_vm_move_disk(struct sim_call *c);
void pm_s_vm_clone(struct sim_call *c);
void pm_s_vm_template(struct sim_call *c);
void pm_s_vm_cloudinit_get(struct sim_call *c);
void pm_s_vm_cloudinit_put(struct sim_call *c);
void pm_s_vm_cloudinit_dump(struct sim_call *c);
void pm_s_vm_agent_index(struct sim_call *c);
void pm_s_vm_agent_call(struct sim_call *c);

/** pm_s_boot() of a virtual machine. */
const char *pm_s_vm_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t);
/** A start as a task of its own, after a create. */
void pm_s_vm_start_after(struct pm_sim *s, struct sim_task *t, unsigned vmid);
/** A volume for what is in memory, named in `conf`; NULL, or why it fails. */
void pm_s_vm_save_state(struct pm_sim *s, struct sim_guest *g, struct sim_conf *conf,
	const char *name, const char *storage);
/** After a rollback: what of a snapshot's configuration is not the machine's. */
void pm_s_vm_taken_back(struct pm_sim *s, struct sim_guest *g);
/** A cloud-init value changed while it runs: what the drive was made with is kept. */
void pm_s_vm_cloudinit_note(struct sim_guest *g, const char *key, const char *old, const char *new);

#endif
