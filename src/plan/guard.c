/* What is to go, and everything that must hold before it may. The guards stand in one order; the first
 * that does not hold is the reason a guest is kept with. What the cluster says right before a delete is
 * asked once more by the executor. */
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/volume.h"
#include "plan/plan_priv.h"

#define LEAST_LIMIT    3
#define USUAL_PERCENT  10
#define PERCENT_OFFSET (-100) /* of max_deletes: -100-p means p percent */

/* ---- guards of the run ---- */

static const char *run_guard(struct pm_planner *p)
{
	const struct pm_plan_opts *o = p->o;

	if (!o->prune)
		return "--prune not given";
	if (o->prune_single)
		return "--prune does not go with a single file or --target";
	if (!o->whole)
		return "not all manifests could be read";
	if (p->want->n == 0)
		return "the manifests name no object at all";
	if (p->held != NULL)
		return pm_arena_printf(p->a, "%s cannot be made or changed in this run", p->held);
	return NULL;
}

/* ---- guards of one guest ---- */

/* Did podmox hand it to the HA manager? Then it takes it away from there, too. */
static bool leaves_ha(const struct pm_obj *have)
{
	return pm_marker_has(have->live->marker, pm_ha_key, NULL);
}

/* Those that hold for an explicit delete too. */
static const char *live_guard(struct pm_planner *p, const struct pm_obj *have)
{
	const struct pm_live *l = have->live;

	if (!p->facts->quorate)
		return "the cluster has no quorum";
	if (have->spec == NULL)
		return "its configuration was not read";
	if (l->marker->uid == NULL || l->marker->uid[0] == '\0')
		return "its marker has no uid";
	if (l->tags == NULL || !pm_tags_have(l->tags, p->match.tag))
		return pm_arena_printf(p->a, "it does not have the tag %s", p->match.tag);
	if (l->lock != NULL && (pm_lock_of_making(l->lock) || strcmp(l->lock, "destroyed") == 0))
		return pm_arena_printf(p->a, "it is locked (%s)", l->lock);
	if (l->hastate != NULL && !leaves_ha(have))
		return "it is managed by HA, remove it there first";
	if (l->template_)
		return "it is a template";
	if (pm_live_protected(have))
		return "it is protected";
	return NULL;
}

static const char *root_guard(struct pm_planner *p, const struct pm_obj *have)
{
	const char *made = have->live->marker->root;
	const char *root = p->o->root;

	if (made == NULL || root == NULL || made[0] == '\0' || strcmp(made, root) == 0)
		return NULL;
	return pm_arena_printf(p->a, "it was made from \"%s\", and this is \"%s\"", made, root);
}

/* ---- volumes ---- */

static void note_volume(struct pm_action *act, const char **v, const char *volume)
{
	if (volume == NULL || volume[0] == '\0')
		return;
	for (size_t i = 0; i < act->ndies; i++)
		if (strcmp(v[i], volume) == 0)
			return;
	v[act->ndies++] = volume;
}

void pm_plan_dies(struct pm_arena *a, struct pm_action *act)
{
	const struct pm_live *live = act->have->live;
	const struct pm_list *unused = live->unused;
	struct pm_volume_at at = PM_VOLUMES(act->have->spec);
	size_t n = live->npending + (unused ? unused->n : 0);
	const char **v;

	while (pm_volume_next(&at))
		n++;
	v = pm_new_n(a, const char *, n + 1);
	act->ndies = 0;
	for (at = PM_VOLUMES(act->have->spec); pm_volume_next(&at);)
		if (pm_volume_holds_data(at.rec))
			note_volume(act, v, pm_volume_id(at.rec));
	for (unsigned i = 0; i < live->npending; i++)
		note_volume(act, v, pm_pending_volume(a, act->have->kind, &live->pending[i]));
	for (size_t i = 0; unused != NULL && i < unused->n; i++)
		note_volume(act, v, unused->v[i]);
	act->dies = v;
}

/* ---- one guest ---- */

static void destroy(
	struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have, const char *why)
{
	struct pm_action *a = pm_planner_add(p, PM_V_DELETE, want, have);
	bool running = pm_live_running(have->live);

	a->vmid = have->live->vmid;
	a->node = have->live->node;
	a->steps = PM_STEP_DELETE | (running ? PM_STEP_STOP : 0);
	a->impact = PM_I_DESTROY;
	if (leaves_ha(have) && have->spec->val[PM_G_HA].state == PM_SET) {
		a->steps |= PM_STEP_HA;
		why = pm_arena_printf(p->a, "%s; its HA resource goes first", why);
	}
	a->reason = running ? pm_arena_printf(p->a, "%s; it is shut down first", why) : why;
	pm_plan_dies(p->a, a);
}

static void retire(struct pm_planner *p, const struct pm_obj *have)
{
	struct pm_action *a;

	if (!pm_live_running(have->live)) {
		pm_planner_keep(p, NULL, have,
			"no longer in the manifests; onRemove is stop, and it is stopped: kept");
		return;
	}
	a = pm_planner_add(p, PM_V_STOP, NULL, have);
	a->vmid = have->live->vmid;
	a->node = have->live->node;
	a->steps = PM_STEP_STOP;
	a->impact = PM_I_LIVE;
	a->reason = "no longer in the manifests; onRemove is stop";
}

/* A guest of the set that no object wants. `run`: why nothing is pruned at all, or NULL. */
static void prune_one(struct pm_planner *p, const struct pm_obj *have, const char *run)
{
	const char *what = pm_marker_on_remove(have->live->marker);
	const char *why = run;

	if (why == NULL)
		why = live_guard(p, have);
	if (why == NULL && strcmp(what, "keep") == 0)
		why = "onRemove is keep";
	if (why == NULL) {
		why = root_guard(p, have);
		p->refused = p->refused || why != NULL;
	}
	if (why != NULL)
		pm_planner_keep(p, NULL, have, "no longer in the manifests; %s: kept", why);
	else if (strcmp(what, "stop") == 0)
		retire(p, have);
	else
		destroy(p, NULL, have, "no longer in the manifests");
}

/* Is it in the manifests after all, though something is wrong there? */
static bool keep_broken(struct pm_planner *p, const struct pm_obj *have)
{
	const struct pm_marker *k = have->live->marker;
	const struct pm_obj *o =
		p->o->out ? pm_set_find(p->o->out, have->kind, k->ns, k->name) : NULL;

	if (o != NULL)
		pm_planner_keep(p, NULL, have, "its manifest is broken (%s:%u): left as it is",
			o->file ? o->file : "", o->line);
	return o != NULL;
}

static void prune(struct pm_planner *p)
{
	const struct pm_match *m = &p->match;
	const char *run = run_guard(p);
	bool shown = p->o->prune || !p->o->prune_single;

	if (p->o->prune && p->o->prune_single)
		p->refused = true;
	for (size_t i = 0; i < m->have->n; i++) {
		const struct pm_obj *have = m->have->v[i];

		if (m->wanted[i] || !shown)
			continue;
		if (m->claim[i] == PM_CLAIM_OURS && keep_broken(p, have))
			continue;
		if (m->claim[i] == PM_CLAIM_OURS)
			prune_one(p, have, run);
		else if (m->claim[i] == PM_CLAIM_HOLDER)
			pm_planner_keep(p, NULL, have, "%s", pm_plan_left_holder(p->a, have));
		else if (m->claim[i] == PM_CLAIM_TWIN)
			pm_planner_keep(p, NULL, have, "more than one guest claims to be it: kept");
		else if (m->claim[i] == PM_CLAIM_UNKNOWN)
			pm_planner_keep(p, NULL, have, "cannot be read (%s): left as it is",
				have->live->unread_why ? have->live->unread_why
						       : "its node does not answer");
	}
}

/* ---- podmox delete ---- */

static void delete_one(struct pm_planner *p, struct pm_obj *want)
{
	size_t at = pm_match_find(&p->match, want);
	const struct pm_obj *have;
	const char *why;

	if (at == PM_NOWHERE) {
		at = pm_plan_unknown_guest(p, want);
		if (at != PM_NOWHERE)
			pm_planner_keep(p, NULL, p->match.have->v[at], "cannot be read: kept");
		else
			(void)pm_diag_add(p->d, PM_NOTE, (struct pm_pos){ 0 },
				"%s is not there: nothing to delete", pm_obj_title(p->a, want));
		return;
	}
	have = p->match.have->v[at];
	p->match.wanted[at] = true;
	why = p->match.claim[at] == PM_CLAIM_TWIN ? "another guest claims to be it too"
						  : live_guard(p, have);
	if (why != NULL)
		pm_planner_keep(p, NULL, have, "%s: kept", why);
	else
		destroy(p, want, have, "deleted on request");
}

/* ---- the limit ---- */

int pm_plan_max_deletes(const char *text, int64_t *ret, struct pm_error *err)
{
	size_t n = strlen(text);
	bool percent = n > 0 && text[n - 1] == '%';
	char number[24] = "";

	if (n < sizeof(number))
		memcpy(number, text, percent ? n - 1 : n);
	if (pm_parse_int(number, 0, percent ? 100 : 1000000, ret) < 0)
		return pm_error_set(err, PM_E_USAGE,
			"the most deletions are a number or a percentage as 10%%, not \"%s\"",
			text);
	if (percent)
		*ret = PERCENT_OFFSET - *ret;
	return 0;
}

static size_t limit_of(const struct pm_planner *p)
{
	int64_t max = p->o->max_deletes;
	size_t percent = USUAL_PERCENT, share;

	if (max >= 0)
		return (size_t)max;
	if (max <= PERCENT_OFFSET)
		percent = (size_t)(PERCENT_OFFSET - max);
	share = p->match.nours * percent / 100;
	return max > PERCENT_OFFSET && share < LEAST_LIMIT ? LEAST_LIMIT : share;
}

static bool destroys(const struct pm_action *a)
{
	return a->verb == PM_V_DELETE || a->verb == PM_V_REPLACE;
}

static void keep_destroyer(struct pm_planner *p, struct pm_action *a, size_t limit)
{
	struct pm_change *c = (struct pm_change *)a->change;

	if (a->verb == PM_V_DELETE)
		a->want = NULL; /* nothing is wanted of it but that it goes */
	a->verb = PM_V_KEEP;
	a->steps = 0;
	a->impact = PM_I_NONE;
	a->dies = NULL;
	a->ndies = 0;
	a->reason =
		pm_arena_printf(p->a, "more would be deleted than the limit of %zu: kept", limit);
	for (size_t i = 0; i < a->nchanges; i++) {
		c[i].blocked = true;
		c[i].note = "more would be replaced than the limit allows";
	}
}

/* More deletions than were agreed to: none of them. */
static void hold_to_limit(struct pm_planner *p)
{
	size_t limit = limit_of(p), n = 0;
	struct pm_diag *d;

	for (size_t i = 0; i < p->act.n; i++)
		n += destroys(&p->act.v[i]);
	if (n <= limit)
		return;
	for (size_t i = 0; i < p->act.n; i++)
		if (destroys(&p->act.v[i]))
			keep_destroyer(p, &p->act.v[i], limit);
	p->refused = true;
	d = pm_diag_add(p->d, PM_ERROR, (struct pm_pos){ 0 },
		"%zu guests would be deleted or replaced, and the limit is %zu", n, limit);
	pm_diag_hint(p->d, d, "look at them, then give --max-deletes %zu", n);
}

void pm_plan_removals(struct pm_planner *p)
{
	for (size_t i = 0; p->o->delete_all && i < p->want->n; i++)
		delete_one(p, p->want->v[i]);
	if (!p->o->delete_all && p->o->target == NULL)
		prune(p);
	else if (p->o->prune && p->o->prune_single)
		p->refused = true;
	if (p->refused)
		(void)pm_diag_add(p->d, PM_ERROR, (struct pm_pos){ 0 }, "%s",
			p->o->prune_single
				? "--prune does not go with a single file or --target"
				: "--prune is refused: guests of this set were made from another folder");
	hold_to_limit(p);
}
