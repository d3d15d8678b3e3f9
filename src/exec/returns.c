/* A replacement that keeps volumes, the second half: the guest that the object has by then gets its volumes
 * from the holder, at the keys they had, and the holder goes when it holds nothing any more. */
#include <string.h>

#include "base/text.h"
#include "exec/holder_priv.h"

/* ---- what a creation leaves out ---- */

static bool is_held(const struct pm_held *v, size_t n, const struct pm_rec *w)
{
	for (size_t i = 0; i < n; i++) {
		if (v[i].rec && v[i].slot == w->slot &&
			pm_str_eq(pm_rec_ident(v[i].rec), pm_rec_ident(w)))
			return true;
	}
	return false;
}

static const struct pm_obj *without(struct pm_act *act, const struct pm_held *held, size_t nheld)
{
	struct pm_arena *a = act->job.arena;
	const struct pm_obj *want = act->a->want;
	const struct pm_value *volumes = pm_rec_get(want->spec, PM_POD_VOLUMES);
	size_t n = volumes->state == PM_SET ? volumes->u.recs->n : 0;
	struct pm_recs *rest = pm_new(a, struct pm_recs);
	struct pm_obj *o = pm_new(a, struct pm_obj);

	*o = *want;
	o->spec = pm_rec_new(a, want->kind);
	memcpy(o->spec, want->spec,
		sizeof(*o->spec) + want->kind->nfields * sizeof(o->spec->val[0]));
	o->spec->val[PM_G_LIFE_PROTECT].state = PM_UNSET;
	rest->v = pm_new_n(a, struct pm_rec *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (!is_held(held, nheld, volumes->u.recs->v[i]))
			rest->v[rest->n++] = volumes->u.recs->v[i];
	}
	if (n > 0)
		o->spec->val[PM_POD_VOLUMES].u.recs = rest;
	return o;
}

int pm_act_without_held(struct pm_act *act, struct pm_error *err)
{
	struct pm_obj *holder = NULL;
	struct pm_held *v;
	struct pm_tries tries = { 0 };
	size_t n;
	int r;

	for (;;) {
		r = pm_act_look(act, act->holder, &holder, err);
		if (r == -PM_E_NOTFOUND)
			return pm_error_set(err, PM_E_CONFLICT,
				"CT %u, which held volumes of it, is gone; plan again",
				act->holder);
		if (r == 0)
			r = pm_act_locked(act, holder, err);
		if (r == 0)
			break;
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
	if (!pm_act_is_holder(act, holder))
		return pm_error_set(err, PM_E_CONFLICT,
			"CT %u does not hold volumes of it any more; plan again", act->holder);
	n = pm_act_volumes(act, holder, &v);
	act->make = without(act, v, n);
	return 0;
}

/* ---- taking back ---- */

static bool is_protected(const struct pm_obj *have)
{
	return pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false);
}

/* The place it had; when something else is there by now, it comes back as unused. */
static int take_one(struct pm_act *act, const struct pm_obj *have, const struct pm_obj *holder,
	const struct pm_held *v, struct pm_error *err)
{
	char slot[16];
	struct pm_hand h = { .from = holder, .to = have, .key = v->key, .slot = slot };

	(void)snprintf(slot, sizeof(slot), "%s", v->key);
	if (pm_act_has_key(have, slot))
		pm_act_free_unused(have, NULL, slot);
	return pm_act_hand(act, &h, err);
}

static int delete_holder(struct pm_act *act, const struct pm_obj *holder, struct pm_error *err)
{
	unsigned vmid = act->vmid;
	int r;

	if (pm_obj_runs(holder))
		return pm_error_set(err, PM_E_REFUSED,
			"CT %u only held volumes, and runs: stop it, then apply again",
			holder->live->vmid);
	r = pm_places_enter(act, act->node, NULL, err);
	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "deleting CT %u, which holds nothing any more",
		holder->live->vmid);
	act->vmid = holder->live->vmid;
	pm_act_intent(act, "vzdestroy");
	r = pm_pve_delete(act->run->e->o.pve, &act->job, holder, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, "vzdestroy");
	pm_act_result(act, r, err);
	act->vmid = vmid;
	pm_places_leave(act, act->node, NULL);
	return r < 0 ? pm_error_wrap(
			       err, "deleting CT %u, which held its volumes", holder->live->vmid)
		     : 0;
}

static int not_ours(struct pm_act *act, unsigned vmid, struct pm_error *err)
{
	return pm_error_set(err, PM_E_CONFLICT, "CT %u does not belong to %s any more; plan again",
		vmid, act->title);
}

/* One look, and what follows from it. 0: nothing is held any more; 1: look again. */
static int take_once(struct pm_act *act, bool *ret_lifted, struct pm_error *err)
{
	struct pm_obj *have = NULL, *holder = NULL;
	struct pm_held *v;
	int r = pm_act_look(act, act->holder, &holder, err);

	if (r < 0)
		return r == -PM_E_NOTFOUND ? 0 : r;
	r = pm_act_read(act, &have, err);
	if (r == 0)
		r = pm_act_locked(act, holder, err);
	if (r == 0)
		r = pm_act_locked(act, have, err);
	if (r < 0)
		return r;
	if (!pm_act_is_holder(act, holder) || !pm_act_knows(act, have))
		return not_ours(act, pm_act_knows(act, have) ? act->holder : act->vmid, err);
	if (pm_act_volumes(act, holder, &v) == 0) {
		r = delete_holder(act, holder, err);
	} else if (is_protected(have)) {
		*ret_lifted = true;
		r = pm_act_protect(act, false, err);
	} else {
		r = take_one(act, have, holder, &v[0], err);
	}
	return r < 0 ? r : 1;
}

int pm_act_take_back(struct pm_act *act, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	bool lifted = false;
	int r;

	do {
		r = take_once(act, &lifted, err);
		if (r < 0 && r != -PM_E_REFUSED) {
			r = pm_act_again(act, &tries, err);
			r = r == 0 ? 1 : r;
		}
	} while (r > 0);
	if (r == 0 && lifted)
		r = pm_act_protect(act, true, err);
	return r < 0 ? pm_error_wrap(err, "CT %u holds volumes of it", act->holder) : 0;
}
