/* Virtual machines: there are none yet. Their lists are empty, and each of them does not exist. */
#include "sim/sim_priv.h"

static void list(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	pm_jw_array_end(&c->w);
}

static void missing(struct sim_call *c)
{
	(void)pm_s_guest_for(c);
}

#define AUDIT "/vms/{vmid} VM.Audit"

const struct sim_route pm_s_routes_qemu[] = {
	{ "GET", "/nodes/{node}/qemu", list, SIM_PROTECTED | SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/qemu/{vmid}/config", missing, SIM_NODE, AUDIT, NULL },
	{ "GET", "/nodes/{node}/qemu/{vmid}/pending", missing, SIM_NODE, AUDIT, NULL },
	{ "GET", "/nodes/{node}/qemu/{vmid}/status/current", missing, SIM_PROTECTED | SIM_NODE,
		AUDIT, NULL },
	{ 0 },
};
