/* What the files about containers share. */
#ifndef PM_SIM_LXC_PRIV_H
#define PM_SIM_LXC_PRIV_H

#include "sim/sim_priv.h"

void pm_s_lxc_config_put(struct sim_call *c);
void pm_s_lxc_create(struct sim_call *c);
void pm_s_lxc_restore(struct sim_call *c);
/** Allocates the volume of one mount entry; its canonical text, or NULL when that fails. free() it. */
char *pm_s_make_mount(struct pm_sim *s, struct sim_task *t, struct sim_guest *g, const char *key,
	const char *value) PM_CHECK;
/** Takes over what a create or a restore was given, but the root's volume. */
void pm_s_create_options(struct pm_sim *s, struct sim_task *t, struct sim_guest *g);
void pm_s_lxc_delete(struct sim_call *c);
void pm_s_lxc_start(struct sim_call *c);
void pm_s_lxc_stop(struct sim_call *c);
void pm_s_lxc_shutdown(struct sim_call *c);
void pm_s_lxc_reboot(struct sim_call *c);
void pm_s_lxc_suspend(struct sim_call *c);
void pm_s_lxc_resume(struct sim_call *c);
void pm_s_lxc_resize(struct sim_call *c);
void pm_s_lxc_move(struct sim_call *c);
/** The part of a move that hands the volume to another container. */
void pm_s_lxc_reassign(struct sim_call *c);
void pm_s_lxc_clone(struct sim_call *c);
void pm_s_lxc_template(struct sim_call *c);

/** May the caller set these options? `pool`: the new guest is to be in it. */
bool pm_s_may_config(struct sim_call *c, unsigned vmid, const char *pool, bool unprivileged);

/** A value as it is stored. free() it. */
char *pm_s_value_for(struct pm_sim *s, const char *k, const char *v) PM_CHECK;

/** pm_s_boot() of a container. */
const char *pm_s_lxc_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t);

#endif
