/* Checks of what a guest says of the HA manager: it fits what else the guest says. */
#include <string.h>

#include "model/check_priv.h"

/* What the HA manager strives for and what podmox does must not be two things. */
static void check_ha(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v = &spec->val[PM_G_HA];
	const char *state = pm_rec_str(spec, PM_G_STATE, "running"), *ha;
	struct pm_diag *d;

	if (v->state != PM_SET)
		return;
	ha = pm_rec_str(v->u.rec, PM_HA_STATE, "ignored");
	if (strcmp(ha, "ignored") == 0 || strcmp(state, "ignored") == 0 ||
		(strcmp(ha, "started") == 0) == (strcmp(state, "running") == 0))
		return;
	d = PM_ERROR_AT(c, pm_at_value(c, &v->u.rec->val[PM_HA_STATE]),
		"ha.state is %s, and state is %s%s: the HA manager and podmox would fight", ha,
		state, spec->val[PM_G_STATE].state == PM_SET ? "" : " when it is not given");
	pm_diag_hint(c->d, d, "say state: %s, or state: ignored to leave it to the HA manager",
		strcmp(ha, "started") == 0 ? "running" : "stopped");
}

/* PVE's own way, which is for the creation only. */
static void check_ha_managed(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_field *f = pm_field_by_key(spec->kind, "ha-managed", 10);
	const struct pm_value *v = &spec->val[pm_field_index(spec->kind, f)];
	struct pm_diag *d = NULL;

	if (v->state != PM_SET)
		return;
	if (spec->val[PM_G_HA].state != PM_UNSET)
		d = PM_ERROR_AT(c, pm_at_value(c, v), "%s and ha exclude each other", f->name);
	else if (spec->kind == &pm_kind_vm && spec->val[PM_G_IMAGE].state == PM_SET)
		d = PM_ERROR_AT(c, pm_at_value(c, v),
			"%s has no effect on a copy (clone.from): PVE heeds it where it makes a guest anew",
			f->name);
	if (d)
		pm_diag_hint(
			c->d, d, "leave it out, and say what is wanted with ha: {state: started}");
}

void pm_check_ha(const struct pm_checking *c, const struct pm_rec *spec)
{
	check_ha(c, spec);
	check_ha_managed(c, spec);
}
