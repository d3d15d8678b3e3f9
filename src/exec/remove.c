/* Remove: every guard is asked with a fresh reading right before each call, the shutdown included; a
 * removal that is refused leaves the guest as it was. `purge` is never sent. */
#include "base/text.h"
#include "exec/exec_priv.h"
#include "model/volume.h"

static int refuse(struct pm_act *act, struct pm_error *err, const char *why)
{
	return pm_error_set(
		err, PM_E_REFUSED, "%s %u is not removed: %s", pm_act_word(act), act->vmid, why);
}

/* ---- guards ---- */

static int guard_quorum(struct pm_act *act, struct pm_error *err)
{
	struct pm_facts facts = { 0 };
	int r = pm_pve_facts(act->run->e->o.pve, &act->job, &facts, err);

	if (r < 0)
		return r;
	return facts.quorate ? 0 : refuse(act, err, "the cluster has no quorum");
}

/* Tag, marker and the marker's own VMID, all in agreement with what the plan was made for. */
static int guard_identity(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	const struct pm_marker *seen = act->a->have->live->marker;
	const struct pm_marker *m = have->live->marker;
	char tag[24];

	if (have->live->marker_fault)
		return refuse(act, err, "its marker cannot be understood");
	if (!m || !seen)
		return refuse(act, err, "it carries no marker: it is not known to be ours");
	if (!have->live->tags ||
		!pm_tags_have(have->live->tags, pm_set_tag(act->run->e->o.set, tag)))
		return refuse(act, err,
			pm_arena_printf(
				act->job.arena, "it does not carry the tag %s of the set", tag));
	if (m->vmid != have->live->vmid)
		return refuse(act, err, "its marker is of another guest: it is a copy");
	if (!pm_str_eq(m->set, act->run->e->o.set) || !pm_str_eq(m->uid, seen->uid) ||
		!pm_str_eq(m->kind, seen->kind) || !pm_str_eq(m->ns, seen->ns) ||
		!pm_str_eq(m->name, seen->name))
		return refuse(act, err, "it is not the guest that the plan was made for");
	return 0;
}

/* The inventory learns of it some seconds late, the configuration says it at once. */
static bool is_template(const struct pm_obj *have)
{
	const struct pm_list *keys = have->live->keys;

	for (size_t i = 0; keys && i < keys->n; i++) {
		if (pm_str_eq(keys->v[i], "template"))
			return true;
	}
	return have->live->template_;
}

static int guard_circumstances(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	bool lift = act->a->steps & PM_STEP_UNPROTECT;

	if (have->live->hastate && !pm_ha_is_ours(have->live))
		return refuse(
			act, err, "it is managed by HA; remove it there first (ha-manager remove)");
	if (is_template(have))
		return refuse(act, err, "it is a template");
	if (!lift && pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false))
		return refuse(act, err,
			"it is protected; set lifecycle.protect: false and apply, or lift the protection at "
			"PVE");
	return 0;
}

static int guard_replication(struct pm_act *act, struct pm_error *err)
{
	bool found = false;
	int r = pm_pve_replicated(act->run->e->o.pve, &act->job, act->vmid, &found, err);

	if (r < 0)
		return r;
	return found ? refuse(act, err, "it is replicated; remove its replication job first") : 0;
}

bool pm_act_is_shown(const struct pm_act *act, const char *volume)
{
	for (size_t i = 0; i < act->a->ndies; i++) {
		if (pm_str_eq(act->a->dies[i], volume))
			return true;
	}
	return false;
}

/* The plan named every volume that would die: one that came since is not destroyed unseen. */
static int guard_volumes(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	struct pm_volume_at at = PM_VOLUMES(have->spec);
	const struct pm_list *unused = have->live->unused;
	const char *unseen = NULL;

	while (!unseen && pm_volume_next(&at)) {
		/* What is only attached survives. */
		if (pm_volume_holds_data(at.rec) && !pm_act_is_shown(act, pm_volume_id(at.rec)))
			unseen = pm_volume_id(at.rec);
	}
	for (size_t i = 0; unused && i < unused->n && !unseen; i++) {
		if (!pm_act_is_shown(act, unused->v[i]))
			unseen = unused->v[i];
	}
	for (unsigned i = 0; i < have->live->npending && !unseen; i++) {
		const char *v =
			pm_pending_volume(act->job.arena, have->kind, &have->live->pending[i]);

		if (v && !pm_act_is_shown(act, v))
			unseen = v;
	}
	if (!unseen)
		return 0;
	return pm_error_set(err, PM_E_CONFLICT,
		"%s %u is not removed: volume %s was not in the plan; plan again", pm_act_word(act),
		act->vmid, unseen);
}

int pm_act_may_go(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	int r = guard_identity(act, have, err);

	if (r == 0)
		r = guard_circumstances(act, have, err);
	if (r == 0)
		r = guard_replication(act, err);
	return r == 0 ? guard_quorum(act, err) : r;
}

static int guard(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	int r = guard_volumes(act, have, err);

	return r == 0 ? pm_act_may_go(act, have, err) : r;
}

/* Before it is stopped only for being retired: nothing dies. */
static int guard_retire(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	int r = guard_identity(act, have, err);

	return r == 0 ? guard_quorum(act, err) : r;
}

/* ---- the call ---- */

static int send_delete(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	int r = pm_places_enter(act, act->node, NULL, err);

	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "deleting %s %u", pm_act_word(act), act->vmid);
	pm_act_intent(act, pm_act_task(act, PM_W_DESTROY));
	r = pm_pve_delete(act->run->e->o.pve, &act->job, have, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, pm_act_task(act, PM_W_DESTROY));
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, NULL);
	return r < 0 ? pm_error_wrap(err, "deleting %s %u", pm_act_word(act), act->vmid) : 0;
}

static int unprotect(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	if (!(act->a->steps & PM_STEP_UNPROTECT) ||
		!pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false))
		return 0;
	return pm_act_protect(act, false, err);
}

static bool is_in_ha(const struct pm_obj *have)
{
	return have->spec->val[PM_G_HA].state == PM_SET && pm_ha_is_ours(have->live);
}

/* Before anything is done to a guest that goes: the HA manager would bring it back. */
int pm_act_leave_ha(struct pm_act *act, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	struct pm_obj *have = NULL;
	int r;

	if (!pm_ha_is_ours(act->a->have->live))
		return 0;
	for (;;) {
		r = pm_act_read(act, &have, err);
		if (r == -PM_E_NOTFOUND)
			return 0;
		if (r == 0 && !is_in_ha(have))
			return 0;
		if (r == 0)
			r = pm_act_may_go(act, have, err);
		if (r == 0)
			return pm_act_ha(act, false, err);
		if (r == -PM_E_REFUSED || r == -PM_E_CONFLICT)
			return r;
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

/* One look, and what follows from it. 0: it is gone; 1: look again. */
static int remove_once(struct pm_act *act, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r = pm_act_read(act, &have, err);

	if (r == -PM_E_NOTFOUND)
		return 0;
	if (r == 0)
		r = pm_act_locked(act, have, err);
	if (r == 0)
		r = guard(act, have, err);
	if (r < 0)
		return r;
	if (is_in_ha(have)) {
		r = pm_act_ha(act, false, err);
		return r < 0 ? r : 1;
	}
	if (pm_obj_runs(have)) {
		r = pm_act_power(act, false, guard, err);
		return r < 0 ? r : 1;
	}
	r = unprotect(act, have, err);
	if (r == 0)
		r = send_delete(act, have, err);
	return r < 0 ? r : 1;
}

int pm_act_remove(struct pm_act *act, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	unsigned still_there = 0;
	int r;

	do {
		r = remove_once(act, err);
		if (r == 1 && ++still_there > 10)
			return pm_error_set(err, PM_E_TASK,
				"%s %u is still there after it was deleted", pm_act_word(act),
				act->vmid);
		if (r < 0 && r != -PM_E_REFUSED && r != -PM_E_CONFLICT) {
			r = pm_act_again(act, &tries, err);
			r = r == 0 ? 1 : r;
		}
	} while (r > 0);
	if (r == 0 && !act->changed)
		act->res.outcome = PM_NOTHING;
	return r;
}

int pm_act_retire(struct pm_act *act, struct pm_error *err)
{
	int r = pm_act_power(act, false, guard_retire, err);

	if (r == -PM_E_NOTFOUND)
		r = 0;
	if (r == 0 && !act->changed)
		act->res.outcome = PM_NOTHING;
	return r;
}
