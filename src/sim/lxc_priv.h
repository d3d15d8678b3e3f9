/* What the files about containers share. */
#ifndef PM_SIM_LXC_PRIV_H
#define PM_SIM_LXC_PRIV_H

#include "sim/sim_priv.h"

void pm_s_config_get(struct sim_call *c);
void pm_s_config_put(struct sim_call *c);
void pm_s_pending_get(struct sim_call *c);
void pm_s_snapshot_config(struct sim_call *c, struct sim_guest *g, const char *name);
void pm_s_lxc_create(struct sim_call *c);
void pm_s_lxc_delete(struct sim_call *c);
void pm_s_lxc_start(struct sim_call *c);
void pm_s_lxc_stop(struct sim_call *c);
void pm_s_lxc_shutdown(struct sim_call *c);
void pm_s_lxc_reboot(struct sim_call *c);
void pm_s_lxc_suspend(struct sim_call *c);
void pm_s_lxc_resume(struct sim_call *c);
void pm_s_lxc_resize(struct sim_call *c);
void pm_s_lxc_move(struct sim_call *c);
void pm_s_lxc_clone(struct sim_call *c);
void pm_s_lxc_template(struct sim_call *c);
void pm_s_lxc_migrate(struct sim_call *c);

/** Can a volume of that storage be linked and have snapshots? */
bool pm_s_storage_snapshots(const struct sim_storage *st, const char *volid);

/** May the caller set these options? `pool`: the new guest is to be in it. */
bool pm_s_may_config(struct sim_call *c, unsigned vmid, const char *pool, bool unprivileged);

/** A value as it is stored. free() it. */
char *pm_s_value_for(struct pm_sim *s, const char *k, const char *v) PM_CHECK;

/** What a start needs: NULL, or why it fails. Applies pending changes. */
const char *pm_s_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t);
void pm_s_halt(struct pm_sim *s, struct sim_guest *g);

#endif
