/* The entry of the planner. Reads from top to bottom: judge the live guests, plan each wanted object,
 * plan what is to go, put it all in order, count. Pure: no I/O, no clock, no chance. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "plan/plan_priv.h"

static const char *const verb_names[PM_VERB_MAX] = {
	[PM_V_CREATE] = "create",
	[PM_V_UPDATE] = "update",
	[PM_V_REPLACE] = "replace",
	[PM_V_DELETE] = "delete",
	[PM_V_START] = "start",
	[PM_V_STOP] = "stop",
	[PM_V_KEEP] = "keep",
};

static const char *const impact_names[PM_IMPACT_MAX] = {
	[PM_I_NONE] = "none",
	[PM_I_LIVE] = "live",
	[PM_I_PENDING] = "pending",
	[PM_I_RESIZE] = "resize",
	[PM_I_MOVE] = "move",
	[PM_I_MIGRATE] = "migrate",
	[PM_I_REPLACE] = "replace",
	[PM_I_DESTROY] = "destroy",
};

const char *pm_verb_name(enum pm_verb v)
{
	return verb_names[v];
}

const char *pm_impact_name(enum pm_impact i)
{
	return impact_names[i];
}

struct pm_action *pm_planner_add(struct pm_planner *p, enum pm_verb verb, const struct pm_obj *want,
	const struct pm_obj *have)
{
	struct pm_action *a;

	pm_vec_room(&p->act);
	a = &p->act.v[p->act.n++];
	memset(a, 0, sizeof(*a));
	a->verb = verb;
	a->want = want;
	a->have = have;
	return a;
}

void pm_planner_keep(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have,
	const char *fmt, ...)
{
	struct pm_action *a = pm_planner_add(p, PM_V_KEEP, want, have);
	struct pm_buf b cleanup_buf = PM_BUF(0);
	va_list ap;

	va_start(ap, fmt);
	(void)pm_buf_addv(&b, fmt, ap);
	va_end(ap);
	a->reason = pm_arena_strdup(p->a, pm_buf_str(&b));
}

/* Is it the object of --target, "Pod/shop/web"? */
static bool targeted(const struct pm_planner *p, const struct pm_obj *o)
{
	const char *t = p->o->target;
	const char *parts[] = { o->kind->name, o->ns, o->name };

	if (t == NULL)
		return true;
	for (size_t i = 0; i < PM_COUNT(parts); i++) {
		size_t n = strlen(parts[i]);

		if (strncmp(t, parts[i], n) != 0 || t[n] != (i < 2 ? '/' : '\0'))
			return false;
		t += n + 1;
	}
	return true;
}

static void plan_wanted(struct pm_planner *p, struct pm_obj *want)
{
	size_t at = pm_match_find(&p->match, want);
	const struct pm_obj *have;

	if (at == PM_NOWHERE)
		at = pm_plan_moved(p, want);
	if (at == PM_NOWHERE) {
		pm_plan_missing(p, want);
		return;
	}
	have = p->match.have->v[at];
	p->match.wanted[at] = true;
	if (p->match.claim[at] == PM_CLAIM_TWIN) {
		if (p->held == NULL)
			p->held = pm_obj_title(p->a, want);
		pm_planner_keep(p, want, have, "more than one guest claims to be it: kept");
	} else {
		pm_plan_existing(p, want, have);
	}
}

static void plan_all_wanted(struct pm_planner *p)
{
	bool found = false;

	for (size_t i = 0; i < p->want->n; i++) {
		if (!targeted(p, p->want->v[i]))
			continue;
		found = true;
		plan_wanted(p, p->want->v[i]);
	}
	if (!found && p->o->target != NULL)
		(void)pm_diag_add(p->d, PM_ERROR, (struct pm_pos){ 0 },
			"%s is not in the manifests", p->o->target);
}

static void count(struct pm_summary *s, const struct pm_action *a)
{
	bool restart = false;

	switch (a->verb) {
	case PM_V_CREATE:
		s->create++;
		return;
	case PM_V_REPLACE:
		s->replace++;
		return;
	case PM_V_DELETE:
		s->remove++;
		return;
	case PM_V_KEEP:
		s->kept++;
		return;
	default:
		break;
	}
	s->update++;
	for (size_t i = 0; i < a->nchanges && !(a->steps & PM_STEP_STOP); i++)
		restart = restart || (a->change[i].impact == PM_I_PENDING && !a->change[i].blocked);
	restart = restart || (a->steps & PM_STEP_MOVE && a->steps & PM_STEP_RESTART);
	s->restart += restart;
}

void pm_planner_init(struct pm_planner *p, struct pm_set *want, const struct pm_set *have,
	const struct pm_plan_opts *o, struct pm_diags *d)
{
	memset(p, 0, sizeof(*p));
	p->a = d->arena;
	p->want = want;
	p->o = o;
	p->facts = &have->facts;
	p->d = d;
	pm_match_init(&p->match, have, o->set, d);
}

void pm_planner_run(struct pm_planner *p, struct pm_plan *ret)
{
	memset(ret, 0, sizeof(*ret));
	if (!p->o->delete_all)
		plan_all_wanted(p);
	pm_plan_removals(p);
	pm_plan_suspect_renames(p);
	pm_plan_order(p, &ret->v);
	ret->n = p->act.n;
	for (size_t i = 0; i < ret->n; i++)
		count(&ret->sum, &ret->v[i]);
	ret->sum.unchanged = p->unchanged;
	ret->set = p->o->set;
	ret->facts = p->facts;
	ret->nobjects = (unsigned)p->want->n;
	ret->diags = p->d;
	ret->refused = p->refused;
}

void pm_planner_done(struct pm_planner *p)
{
	pm_match_done(&p->match);
	free(p->taken.slot);
	free(p->places.count);
	pm_vec_done(&p->act);
}

int pm_plan_build(struct pm_set *want, const struct pm_set *have, const struct pm_plan_opts *o,
	struct pm_diags *d, struct pm_plan *ret, struct pm_error *err)
{
	struct pm_planner p;

	if (o->set == NULL || o->set[0] == '\0')
		return pm_error_set(err, PM_E_BUG, "a plan needs a set");
	pm_planner_init(&p, want, have, o, d);
	pm_planner_run(&p, ret);
	pm_planner_done(&p);
	return 0;
}

void pm_plan_hold(struct pm_plan *p, size_t action, const char *reason)
{
	struct pm_action *a = &p->v[action];
	struct pm_summary was = { 0 };

	count(&was, a);
	p->sum.create -= was.create;
	p->sum.update -= was.update;
	p->sum.restart -= was.restart;
	p->sum.replace -= was.replace;
	p->sum.remove -= was.remove;
	p->sum.kept -= was.kept;
	a->verb = PM_V_KEEP;
	a->steps = 0;
	a->reason = reason;
	p->sum.kept++;
}

bool pm_plan_empty(const struct pm_plan *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].verb != PM_V_KEEP)
			return false;
	return true;
}

unsigned pm_plan_unmet(const struct pm_plan *p)
{
	unsigned n = 0;

	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < p->v[i].nchanges; k++)
			n += p->v[i].change[k].blocked && !p->v[i].change[k].waiting &&
			     p->v[i].change[k].impact == PM_I_RESIZE;
	return n;
}
