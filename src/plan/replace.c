/* A new guest in place of one. Its root dies, its other volumes live on: a guest that only holds them (the
 * holder) takes them over before the old guest goes, and the new one gets them from it. A run that was cut off
 * leaves a holder behind; whatever guest the object has then takes its volumes back, and the holder goes. */
#include <string.h>

#include "base/text.h"
#include "plan/plan_priv.h"

/* ---- holders that are there ---- */

const struct pm_obj *pm_plan_holder(struct pm_planner *p, const struct pm_obj *want)
{
	size_t at = pm_match_holder(&p->match, p->a, want);

	if (at == PM_NOWHERE)
		return NULL;
	p->match.wanted[at] = true;
	return p->match.have->v[at];
}

bool pm_plan_held_twice(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have)
{
	size_t at = pm_match_holder(&p->match, p->a, want);

	if (at == PM_NOWHERE || p->match.claim[at] != PM_CLAIM_TWIN)
		return false;
	if (p->held == NULL)
		p->held = pm_obj_title(p->a, want);
	pm_planner_keep(p, want, have, "more than one guest claims to hold its volumes: kept");
	return true;
}

const char *pm_plan_left_holder(struct pm_arena *a, const struct pm_obj *holder)
{
	const struct pm_marker *m = holder->live->marker;

	return pm_arena_printf(a,
		"holds volumes of %s/%s/%s since a replacement was interrupted, and no manifest names that: "
		"kept; put the manifest back to have them again",
		holder->kind->name, m->ns, m->name);
}

/* ---- a guest and what is held for it, in one ---- */

static const struct pm_recs *entries(const struct pm_obj *o)
{
	bool pod = o && o->spec && o->kind == &pm_kind_pod;
	const struct pm_value *v = pod ? &o->spec->val[PM_POD_VOLUMES] : NULL;

	return v && v->state == PM_SET ? v->u.recs : NULL;
}

static bool has_slot(const struct pm_recs *recs, unsigned slot)
{
	for (size_t i = 0; recs != NULL && i < recs->n; i++)
		if (recs->v[i]->slot == slot)
			return true;
	return false;
}

void pm_plan_add_entry(struct pm_arena *a, struct pm_value *v, struct pm_rec *rec)
{
	const struct pm_recs *have = v->state == PM_SET ? v->u.recs : NULL;
	struct pm_recs *all;

	if (has_slot(have, rec->slot))
		return;
	all = pm_new(a, struct pm_recs);
	all->v = pm_new_n(a, struct pm_rec *, (have ? have->n : 0) + 1);
	for (size_t i = 0; have != NULL && i < have->n; i++)
		all->v[all->n++] = have->v[i];
	all->v[all->n++] = rec;
	*v = (struct pm_value){ .state = PM_SET, .u = { .recs = all } };
}

const struct pm_obj *pm_plan_with_held(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_obj *holder)
{
	const struct pm_recs *held = entries(holder);
	struct pm_obj *o;
	struct pm_rec *spec;

	if (held == NULL)
		return have;
	o = pm_new(p->a, struct pm_obj);
	spec = pm_rec_new(p->a, want->kind);
	if (have != NULL) {
		*o = *have;
		memcpy(spec, have->spec,
			sizeof(*spec) + want->kind->nfields * sizeof(spec->val[0]));
	}
	for (size_t i = 0; i < held->n; i++)
		pm_plan_add_entry(p->a, &spec->val[PM_POD_VOLUMES], held->v[i]);
	o->spec = spec;
	return o;
}

/* ---- volumes that live on ---- */

struct names {
	const char **v;
	size_t n;
};

static void note(struct names *l, const char *volume)
{
	/* A path of the node is no volume: the new guest mounts it like the old one. */
	if (volume == NULL || volume[0] == '\0' || volume[0] == '/')
		return;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], volume) == 0)
			return;
	l->v[l->n++] = volume;
}

static size_t most_volumes(const struct pm_obj *o)
{
	const struct pm_recs *recs = entries(o);

	return (recs ? recs->n : 0) + o->live->npending +
	       (o->live->unused ? o->live->unused->n : 0);
}

/* Everything but the root. */
static void note_volumes(struct pm_arena *a, const struct pm_obj *o, struct names *l)
{
	const struct pm_recs *recs = entries(o);
	const struct pm_live *live = o->live;

	for (size_t i = 0; recs != NULL && i < recs->n; i++)
		note(l, pm_rec_str(recs->v[i], PM_VOLUME_VOLUME, NULL));
	for (unsigned i = 0; i < live->npending; i++)
		if (live->pending[i].field != &o->kind->fields[PM_POD_ROOTFS])
			note(l, pm_pending_volume(a, o->kind, &live->pending[i]));
	for (size_t i = 0; live->unused != NULL && i < live->unused->n; i++)
		note(l, live->unused->v[i]);
}

static void keep_volumes(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	size_t most =
		(act->have ? most_volumes(act->have) : 0) + (holder ? most_volumes(holder) : 0);
	struct names l = { .v = pm_new_n(p->a, const char *, most + 1) };

	if (act->have != NULL)
		note_volumes(p->a, act->have, &l);
	if (holder != NULL)
		note_volumes(p->a, holder, &l);
	act->keeps = l.v;
	act->nkeeps = l.n;
}

void pm_plan_from_holder(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	const struct pm_rec *spec = act->want->spec;

	act->steps |= PM_STEP_RETURN;
	act->holder = holder->live->vmid;
	keep_volumes(p, act, holder);
	if (pm_rec_bool(spec, PM_G_PINNED, false) &&
		!pm_str_eq(pm_rec_str(spec, PM_G_NODE, act->node), act->node))
		act->steps |= PM_STEP_MIGRATE;
}

/* Of what dies, what is not kept. */
static void spare(struct pm_planner *p, struct pm_action *act)
{
	const char **v = pm_new_n(p->a, const char *, act->ndies + 1);
	size_t n = 0;

	for (size_t i = 0; i < act->ndies; i++) {
		bool kept = false;

		for (size_t k = 0; k < act->nkeeps && !kept; k++)
			kept = strcmp(act->keeps[k], act->dies[i]) == 0;
		if (!kept)
			v[n++] = act->dies[i];
	}
	act->dies = v;
	act->ndies = n;
}

/* ---- the replacement ---- */

/* What stops a replacement before it destroys anything. */
static bool stopped_by(struct pm_action *act, const char *why)
{
	struct pm_change *c = (struct pm_change *)act->change;

	for (size_t i = 0; i < act->nchanges; i++)
		if (c[i].impact == PM_I_REPLACE)
			c[i].note = why;
	return true;
}

static bool vmid_in_the_way(struct pm_planner *p, struct pm_action *act)
{
	unsigned is = act->have->live->vmid;
	unsigned vmid = (unsigned)pm_rec_int(act->want->spec, PM_G_VMID, is);
	size_t at = pm_match_vmid(&p->match, vmid);

	if (vmid == is || at == PM_NOWHERE)
		return false;
	return stopped_by(act, pm_arena_printf(p->a, "needs a new guest; VMID %u is taken by %s",
				       vmid, pm_guest_title(p->a, p->match.have->v[at])));
}

/* The number of the holder, when there is anything to be held; false: something is in the way. */
static bool find_holder(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	bool wait = false;
	const char *why;

	if (act->want->kind != &pm_kind_pod)
		return true;
	keep_volumes(p, act, holder);
	act->holder = holder ? holder->live->vmid : 0;
	if (act->holder > 0 || act->nkeeps == 0)
		return true;
	why = pm_plan_holder_vmid(p, act->want, &act->holder, &wait);
	if (why == NULL)
		return true;
	act->holder = 0;
	act->nkeeps = 0;
	return !stopped_by(
		act, pm_arena_printf(p->a, "needs a new guest, and its volumes a holder: %s", why));
}

/* All of it comes with the new guest, but for what is not possible with a volume that lives on. */
static void clear_changes(struct pm_action *act)
{
	struct pm_change *c = (struct pm_change *)act->change;

	for (size_t i = 0; i < act->nchanges; i++) {
		bool kept = act->holder > 0 && c[i].field == PM_POD_VOLUMES;

		c[i].waiting = false;
		if (kept && c[i].blocked && c[i].impact == PM_I_RESIZE)
			continue;
		c[i].blocked = false;
		c[i].note = kept && c[i].to == NULL ? "the volume is kept as unused" : NULL;
	}
}

void pm_plan_replace(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	const struct pm_rec *spec = act->want->spec;
	const struct pm_live *live = act->have->live;
	const char *node = pm_rec_bool(spec, PM_G_PINNED, false)
				   ? pm_rec_str(spec, PM_G_NODE, live->node)
				   : live->node;

	if (vmid_in_the_way(p, act) || !find_holder(p, act, holder))
		return;
	clear_changes(act);
	act->verb = PM_V_REPLACE;
	act->reason = NULL;
	act->impact = PM_I_REPLACE;
	act->vmid = (unsigned)pm_rec_int(spec, PM_G_VMID, live->vmid);
	act->node = act->holder > 0 ? live->node : node;
	act->steps = PM_STEP_DELETE | PM_STEP_CREATE;
	if (act->holder > 0 && !pm_str_eq(node, live->node))
		act->steps |= PM_STEP_MIGRATE;
	if (pm_live_running(live))
		act->steps |= PM_STEP_STOP;
	if (strcmp(pm_rec_str(spec, PM_G_STATE, "running"), "running") == 0)
		act->steps |= PM_STEP_START;
	pm_plan_dies(p->a, act);
	spare(p, act);
}
