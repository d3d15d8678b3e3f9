/* Orders of the control address: a line cut into words, and tables of those who do what it says. */
#ifndef PM_SIM_CONTROL_PRIV_H
#define PM_SIM_CONTROL_PRIV_H

#include "sim/sim_priv.h"

struct sim_order {
	struct pm_sim *s;
	char *word[8];
	unsigned n;
	const char *rest; /* from the third word on */
	char *out;        /* "ok" until somebody writes something else */
	size_t size;
};

struct sim_order_row {
	const char *name, *args;
	int (*run)(struct sim_order *o);
};

int pm_s_order_no(struct sim_order *o, const char *why); /* "error: why" */

extern const struct sim_order_row pm_s_orders_nodes[], pm_s_orders_access[];

#endif
