/* Snapshots of containers. */
#include "sim/lxc_priv.h"

void pm_s_snapshot_config(struct sim_call *c, struct sim_guest *g, const char *name)
{
	for (size_t i = 0; i < g->snaps.n; i++)
		if (!strcmp(g->snaps.v[i]->name, name))
			return;
	pm_s_fail(c, 500, "snapshot '%s' does not exist", name);
}
