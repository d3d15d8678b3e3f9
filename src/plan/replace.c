/* A new guest in place of one. What comes with the new guest dies with the old one: a container's root, what the
 * source of a copy has at the same key, a volume that cannot become what is wanted. The others live on: a guest
 * that only holds them (the holder) takes them over before the old guest goes, and the new one gets them from it.
 * A run that was cut off leaves a holder behind; whatever guest the object has then takes its volumes back, and
 * the holder goes. */
#include <string.h>

#include "base/text.h"
#include "model/volume.h"
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

static void add_held(struct pm_arena *a, struct pm_value *v, const struct pm_volume_at *held)
{
	if (held->f->count > 0)
		pm_plan_add_entry(a, v, held->rec);
	else if (v->state != PM_SET)
		*v = (struct pm_value){ .state = PM_SET, .u = { .rec = held->rec } };
}

const struct pm_obj *pm_plan_with_held(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_obj *holder)
{
	struct pm_volume_at held = PM_VOLUMES(holder ? holder->spec : NULL);
	struct pm_obj *o;
	struct pm_rec *spec;

	if (held.spec == NULL)
		return have;
	o = pm_new(p->a, struct pm_obj);
	spec = pm_rec_new(p->a, want->kind);
	if (have != NULL) {
		*o = *have;
		memcpy(spec, have->spec,
			sizeof(*spec) + want->kind->nfields * sizeof(spec->val[0]));
	}
	while (pm_volume_next(&held))
		if (pm_volume_goes(held.f))
			add_held(p->a, &spec->val[held.field], &held);
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
	if (volume == NULL || volume[0] == '\0')
		return;
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->v[i], volume) == 0)
			return;
	l->v[l->n++] = volume;
}

static size_t most_volumes(const struct pm_obj *o)
{
	struct pm_volume_at at = PM_VOLUMES(o->spec);
	size_t n = o->live->npending + (o->live->unused ? o->live->unused->n : 0);

	while (pm_volume_next(&at))
		n++;
	return n;
}

static bool is_at(const struct pm_field *f, unsigned slot, const struct pm_volume_at *at)
{
	return at->f == f && (f->count == 0 || at->rec->slot == slot);
}

/* Does the new guest come with a volume of its own there? */
static bool comes_anew(
	struct pm_planner *p, const struct pm_action *act, const struct pm_field *f, unsigned slot)
{
	unsigned vmid;
	const struct pm_obj *source = pm_plan_source(p, act->want, &vmid);
	struct pm_volume_at at = PM_VOLUMES(source ? source->spec : NULL);

	while (pm_volume_next(&at))
		if (is_at(f, slot, &at) && pm_volume_holds_data(at.rec))
			return true;
	for (size_t i = 0; i < act->nchanges; i++) {
		const struct pm_change *c = &act->change[i];

		if (c->impact == PM_I_REPLACE && &act->want->kind->fields[c->field] == f &&
			(f->count == 0 || c->slot == slot))
			return true;
	}
	return false;
}

/* `act` NULL: of a holder, which holds what lives on. */
static bool lives_on(
	struct pm_planner *p, const struct pm_action *act, const struct pm_field *f, unsigned slot)
{
	return pm_volume_goes(f) && (act == NULL || !comes_anew(p, act, f, slot));
}

static void note_volumes(
	struct pm_planner *p, const struct pm_obj *o, const struct pm_action *act, struct names *l)
{
	struct pm_volume_at at = PM_VOLUMES(o->spec);
	const struct pm_live *live = o->live;

	while (pm_volume_next(&at))
		if (pm_volume_holds_data(at.rec) && lives_on(p, act, at.f, at.rec->slot))
			note(l, pm_volume_id(at.rec));
	for (unsigned i = 0; i < live->npending; i++)
		if (lives_on(p, act, live->pending[i].field, live->pending[i].slot))
			note(l, pm_pending_volume(p->a, o->kind, &live->pending[i]));
	for (size_t i = 0; live->unused != NULL && i < live->unused->n; i++)
		note(l, live->unused->v[i]);
}

static void keep_volumes(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	size_t most =
		(act->have ? most_volumes(act->have) : 0) + (holder ? most_volumes(holder) : 0);
	struct names l = { .v = pm_new_n(p->a, const char *, most + 1) };

	if (act->have != NULL)
		note_volumes(p, act->have, act, &l);
	if (holder != NULL)
		note_volumes(p, holder, NULL, &l);
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
static void clear_changes(struct pm_planner *p, struct pm_action *act)
{
	const struct pm_field *fields = act->want->kind->fields;
	struct pm_change *c = (struct pm_change *)act->change;

	for (size_t i = 0; i < act->nchanges; i++) {
		bool kept = act->holder > 0 && lives_on(p, act, &fields[c[i].field], c[i].slot);
		bool leaves = kept && c[i].to == NULL && c[i].row == NULL && c[i].note != NULL;

		c[i].waiting = false;
		if (kept && c[i].blocked && c[i].impact == PM_I_RESIZE)
			continue;
		c[i].blocked = false;
		c[i].note = leaves ? "the volume is kept as unused" : NULL;
	}
}

/* What the source of the copy has decides what dies: it must be known. */
static bool source_is_missing(struct pm_planner *p, struct pm_action *act)
{
	const char *fault = pm_plan_source_fault(p, act->want);
	unsigned vmid;
	const struct pm_obj *source = pm_plan_source(p, act->want, &vmid);

	if (fault == NULL && vmid > 0 && (source == NULL || source->spec == NULL))
		fault = pm_arena_printf(p->a, "%u, which it is to be a copy of, %s", vmid,
			source ? "cannot be read now" : "is not there yet");
	return fault != NULL &&
	       stopped_by(act, pm_arena_printf(p->a, "needs a new guest; %s", fault));
}

void pm_plan_replace(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder)
{
	const struct pm_rec *spec = act->want->spec;
	const struct pm_live *live = act->have->live;
	const char *node = pm_rec_bool(spec, PM_G_PINNED, false)
				   ? pm_rec_str(spec, PM_G_NODE, live->node)
				   : live->node;

	if (vmid_in_the_way(p, act) || source_is_missing(p, act) || !find_holder(p, act, holder))
		return;
	clear_changes(p, act);
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
