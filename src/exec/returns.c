/* A replacement that keeps volumes, the second half: the guest that the object has by then gets its volumes
 * from the holder, at the keys they had, and the holder goes when it holds nothing any more. */
#include <string.h>

#include "base/text.h"
#include "exec/holder_priv.h"

/* ---- what a creation leaves out ---- */

static bool is_held(const struct pm_held *v, size_t n, const struct pm_volume_at *want)
{
	for (size_t i = 0; i < n; i++) {
		if (pm_act_is_for(want, &v[i]))
			return true;
	}
	return false;
}

/* Takes the entry out of the list, which is a copy. */
static void drop_entry(struct pm_recs *l, const struct pm_rec *rec)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (l->v[i] != rec)
			l->v[n++] = l->v[i];
	}
	l->n = n;
}

static void copy_list(struct pm_arena *a, struct pm_value *v)
{
	const struct pm_recs *from = v->state == PM_SET ? v->u.recs : NULL;

	if (!from)
		return;
	v->u.recs = pm_new(a, struct pm_recs);
	v->u.recs->n = from->n;
	v->u.recs->v = pm_new_n(a, struct pm_rec *, from->n + 1);
	for (size_t i = 0; i < from->n; i++)
		v->u.recs->v[i] = from->v[i];
}

static const struct pm_obj *without(struct pm_act *act, const struct pm_held *held, size_t nheld)
{
	struct pm_arena *a = act->job.arena;
	const struct pm_obj *want = act->a->want;
	struct pm_volume_at at = PM_VOLUMES(want->spec);
	struct pm_obj *o = pm_new(a, struct pm_obj);
	int list = pm_volume_list(want->kind);

	*o = *want;
	o->spec = pm_rec_new(a, want->kind);
	memcpy(o->spec, want->spec,
		sizeof(*o->spec) + want->kind->nfields * sizeof(o->spec->val[0]));
	o->spec->val[PM_G_LIFE_PROTECT].state = PM_UNSET;
	copy_list(a, &o->spec->val[list]);
	while (pm_volume_next(&at)) {
		if (!is_held(held, nheld, &at))
			continue;
		if (at.f->count > 0)
			drop_entry(o->spec->val[list].u.recs, at.rec);
		else
			o->spec->val[at.field].state = PM_UNSET;
	}
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
				"%s %u, which held volumes of it, is gone; plan again",
				pm_act_word(act), act->holder);
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
			"%s %u does not hold volumes of it any more; plan again", pm_act_word(act),
			act->holder);
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
	const char *word = pm_act_word(act), *task = pm_act_task(act, PM_W_DESTROY);
	unsigned vmid = act->vmid;
	int r;

	if (pm_obj_runs(holder))
		return pm_error_set(err, PM_E_REFUSED,
			"%s %u only held volumes, and runs: stop it, then apply again", word,
			holder->live->vmid);
	r = pm_places_enter(act, act->node, NULL, err);
	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "deleting %s %u, which holds nothing any more", word,
		holder->live->vmid);
	act->vmid = holder->live->vmid;
	pm_act_intent(act, task);
	r = pm_pve_delete(act->run->e->o.pve, &act->job, holder, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, task);
	pm_act_result(act, r, err);
	act->vmid = vmid;
	pm_places_leave(act, act->node, NULL);
	return r < 0 ? pm_error_wrap(err, "deleting %s %u, which held its volumes", word,
			       holder->live->vmid)
		     : 0;
}

static int not_ours(struct pm_act *act, unsigned vmid, struct pm_error *err)
{
	return pm_error_set(err, PM_E_CONFLICT, "%s %u does not belong to %s any more; plan again",
		pm_act_word(act), vmid, act->title);
}

/* PVE takes what leaves a machine out of the order it boots in, and does not put back what returns. */
static int set_boot(
	struct pm_act *act, const struct pm_obj *have, const char *order, struct pm_error *err)
{
	int r;

	pm_act_event(act, PM_EV_PROGRESS, "booting from what came back: %s", order);
	pm_act_intent(act, "");
	r = pm_pve_boot(act->run->e->o.pve, &act->job, have, order, err);
	pm_act_result(act, r, err);
	return r < 0 ? pm_error_wrap(err, "setting what it boots from") : 0;
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
		const char *order = pm_act_boot_order(act, have);

		r = order ? set_boot(act, have, order, err) : delete_holder(act, holder, err);
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
	return r < 0 ? pm_error_wrap(
			       err, "%s %u holds volumes of it", pm_act_word(act), act->holder)
		     : 0;
}
