/* Ownership: marks of a guest that change hands, while the guest stays as it is. */
#include <string.h>

#include "base/text.h"
#include "exec/exec_priv.h"

static int changed(const struct pm_obj *have, const char *how, struct pm_error *err)
{
	return pm_error_set(err, PM_E_CONFLICT, "guest %u %s since it was looked at; look again",
		have->live->vmid, how);
}

/* Is it ours still, under the name it had? */
static bool is_same(const struct pm_exec *e, const struct pm_obj *now, const struct pm_obj *have)
{
	const struct pm_marker *m = now->live->marker, *old = have->live->marker;

	return m && old && m->vmid == now->live->vmid && pm_str_eq(m->set, e->o.set) &&
	       pm_str_eq(m->ns, old->ns) && pm_str_eq(m->name, old->name) &&
	       pm_str_eq(m->uid, old->uid);
}

static int check(const struct pm_exec *e, const struct pm_owning *o, const struct pm_obj *now,
	struct pm_error *err)
{
	if (!now->spec)
		return pm_error_set(
			err, PM_E_UNSUPPORTED, "guest %u could not be read", now->live->vmid);
	if (o->what == PM_OWN_ADOPT && (now->live->marker || now->live->marker_fault))
		return changed(o->have, "got a marker", err);
	if (o->what == PM_OWN_ADOPT && !pm_str_eq(now->live->digest, o->have->live->digest))
		return changed(o->have, "was changed", err);
	if (o->what != PM_OWN_ADOPT && !is_same(e, now, o->have))
		return changed(o->have, "got another marker", err);
	return 0;
}

/* What it is to carry; NULL: nothing. */
static const struct pm_marker *marker_of(const struct pm_exec *e, struct pm_arena *a,
	const struct pm_owning *o, const struct pm_obj *now)
{
	struct pm_marker *m;

	switch (o->what) {
	case PM_OWN_ADOPT:
		m = pm_exec_marker(a, &e->o, o->want, NULL);
		m->vmid = now->live->vmid;
		return m;
	case PM_OWN_MOVE:
		m = pm_new(a, struct pm_marker);
		*m = *now->live->marker;
		m->ns = o->want->ns;
		m->name = o->want->name;
		return m;
	case PM_OWN_FORGET:
		break;
	}
	return NULL;
}

int pm_exec_own(
	struct pm_exec *e, struct pm_job *j, const struct pm_owning *o, struct pm_error *err)
{
	struct pm_obj *now = NULL;
	int r = pm_pve_read(e->o.pve, j, o->have->live->vmid, false, &now, err);

	if (r == 0)
		r = check(e, o, now, err);
	if (r < 0)
		return r;
	return pm_pve_mark(e->o.pve, j, now, marker_of(e, j->arena, o, now), err);
}
