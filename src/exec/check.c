/* The last look at a run: everything it has touched is read once more when all of it is over, so that what
 * changes back behind our back (another tool, a hook, PVE's own idea of a value) is named. */
#include "base/text.h"
#include "exec/exec_priv.h"
#include "model/guest.h"

#define FEW 32 /* guests that are read one by one; more are cheaper read all at once */

static bool touched(const struct pm_action *a, const struct pm_result *res)
{
	return a->want && res->outcome == PM_DONE && !res->unstable && a->verb != PM_V_DELETE;
}

bool pm_action_powers(const struct pm_action *a)
{
	return a->verb != PM_V_UPDATE ||
	       (a->steps & (PM_STEP_START | PM_STEP_STOP | PM_STEP_RESTART | PM_STEP_MOVE |
				   PM_STEP_MIGRATE));
}

const struct pm_obj *pm_obj_after(
	struct pm_arena *a, const struct pm_action *act, const struct pm_obj *have)
{
	const struct pm_marker *before =
		act->have && act->have->live ? act->have->live->marker : NULL;
	struct pm_marker *m;
	struct pm_live *l;
	struct pm_obj *o;

	if (act->verb != PM_V_UPDATE || !before || !have->live->marker)
		return have;
	m = pm_new(a, struct pm_marker);
	*m = *have->live->marker;
	m->fields = before->fields;
	l = pm_new(a, struct pm_live);
	*l = *have->live;
	l->marker = m;
	o = pm_new(a, struct pm_obj);
	*o = *have;
	o->live = l;
	return o;
}

/* The first difference that is left: its path in the arena; NULL: none. */
static const char *difference(
	struct pm_arena *arena, const struct pm_action *a, const struct pm_obj *have, bool state)
{
	int wants_running = state && pm_action_powers(a) ? pm_obj_wants_running(a->want) : -1;
	struct pm_change *v = NULL;
	size_t n = pm_diff_obj(arena, a->want, pm_obj_after(arena, a, have), &v);

	for (size_t i = 0; i < n; i++) {
		if (!v[i].waiting && !pm_change_left_out(a, &v[i]))
			return v[i].path;
	}
	return wants_running >= 0 && (bool)wants_running != pm_obj_runs(have) ? "state" : NULL;
}

/* What was done and cannot be seen is not known to be done. */
static void not_seen(struct pm_report *rep, size_t i, const struct pm_error *why)
{
	rep->v[i].err = *why;
	(void)pm_error_wrap(&rep->v[i].err, "was done, but could not be read back");
	rep->v[i].outcome = PM_FAILED;
	rep->count[PM_DONE]--;
	rep->count[PM_FAILED]++;
}

static void compare(struct pm_job *j, const struct pm_plan *p, struct pm_report *rep, size_t i,
	const struct pm_obj *have, bool state)
{
	struct pm_arena *scratch cleanup_arena = pm_arena_new(0);
	const char *path = difference(scratch, &p->v[i], have, state);

	if (path)
		rep->v[i].unstable = pm_arena_strdup(j->arena, path);
}

static int check_each(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	struct pm_report *rep, struct pm_error *err)
{
	for (size_t i = 0; i < p->n; i++) {
		struct pm_arena *scratch cleanup_arena = pm_arena_new(0);
		struct pm_job own = { .arena = scratch, .cancel = j->cancel, .clock = j->clock };
		struct pm_obj *have = NULL;
		int r;

		if (!touched(&p->v[i], &rep->v[i]))
			continue;
		pm_diags_init(&own.diags, scratch);
		r = pm_exec_look(e, &own, &p->v[i], rep->v[i].vmid, &have, err);
		if (r == -PM_E_CANCELLED)
			return r;
		if (r == 0 && (have->live->unreachable || have->live->unread))
			r = pm_error_set(err, PM_E_UNREACHABLE, "%s %u on %s does not answer",
				pm_kind_word(p->v[i].want->kind), rep->v[i].vmid, have->live->node);
		if (r < 0)
			not_seen(rep, i, err);
		else
			compare(j, p, rep, i, have, true);
	}
	return 0;
}

static const struct pm_obj *by_vmid(const struct pm_set *s, unsigned vmid)
{
	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i]->live->vmid == vmid)
			return s->v[i];
	}
	return NULL;
}

static int check_all(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	struct pm_report *rep, struct pm_error *err)
{
	struct pm_arena *scratch cleanup_arena = pm_arena_new(0);
	struct pm_job own = { .arena = scratch, .cancel = j->cancel, .clock = j->clock };
	struct pm_scope scope = { .set = e->o.set };
	struct pm_set all = { .arena = scratch };
	int r;

	pm_diags_init(&own.diags, scratch);
	r = pm_pve_live(e->o.pve, &own, &scope, &all, err);
	for (size_t i = 0; r == 0 && i < p->n; i++) {
		const struct pm_obj *have;
		struct pm_error why;

		if (!touched(&p->v[i], &rep->v[i]))
			continue;
		have = by_vmid(&all, rep->v[i].vmid);
		if (have && have->spec && !have->live->unreachable && !have->live->unread) {
			/* The run state of a listing is seconds old. */
			compare(j, p, rep, i, have, false);
			continue;
		}
		(void)pm_error_set(&why, PM_E_UNREACHABLE, "%s %u does not answer",
			pm_kind_word(p->v[i].want->kind), rep->v[i].vmid);
		not_seen(rep, i, &why);
	}
	pm_set_done(&all);
	return r;
}

int pm_exec_check(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	struct pm_report *report, struct pm_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < p->n; i++)
		n += touched(&p->v[i], &report->v[i]);
	if (n == 0)
		return 0;
	return n <= FEW ? check_each(e, j, p, report, err) : check_all(e, j, p, report, err);
}
