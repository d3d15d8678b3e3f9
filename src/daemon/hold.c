/* Between plan and apply: each reason to leave an object as it is for now, in turn, turns its actions into
 * ones that keep it. What waits for something that cannot be made is held with it. */
#include "daemon/hold.h"

#include <string.h>

#include "base/num.h"
#include "base/text.h"

const char *pm_action_id(struct pm_arena *a, const struct pm_action *action)
{
	return pm_obj_id(a, action->want ? action->want : action->have);
}

/* "90s", "4m10s": for people. */
static const char *span(struct pm_arena *a, uint64_t ms)
{
	char out[32];

	return pm_arena_strdup(a, pm_format_seconds((int64_t)((ms + 999) / 1000), out));
}

void pm_hold_begin(
	struct pm_holding *h, struct pm_plan *p, struct pm_arena *a, const struct pm_clock *clock)
{
	*h = (struct pm_holding){
		.plan = p, .a = a, .clock = clock, .v = pm_new_n(a, struct pm_held, p->n + 1)
	};
	for (size_t i = 0; i < p->n; i++)
		h->v[i].verb = p->v[i].verb;
}

/* Is without its object what depends on it lost? */
static bool brings_it_up(enum pm_verb v)
{
	return v == PM_V_CREATE || v == PM_V_START;
}

/* Holds one action; next_ms 0: nobody knows until when. */
static void hold(struct pm_holding *h, size_t i, struct pm_held how, const char *reason)
{
	if (h->plan->v[i].verb == PM_V_KEEP)
		return;
	how.yes = true;
	how.verb = h->plan->v[i].verb;
	how.hard = how.hard || brings_it_up(how.verb);
	if (!how.by)
		how.by = h->v[i].by;
	how.drift = h->v[i].drift;
	h->v[i] = how;
	pm_plan_hold(h->plan, i, reason);
	if (how.next_ms > 0 && (h->next_ms == 0 || how.next_ms < h->next_ms))
		h->next_ms = how.next_ms;
}

/* The order of a plan respects what waits for what, so one pass finds all. */
static void hold_dependants(struct pm_holding *h)
{
	for (size_t i = 0; i < h->plan->n; i++) {
		const struct pm_action *a = &h->plan->v[i];

		for (size_t k = 0; k < a->nafter && a->verb != PM_V_KEEP; k++) {
			const struct pm_held *first = &h->v[a->after[k]];

			if (first->yes && first->hard)
				hold(h, i, (struct pm_held){ .sync = PM_SYNC_HELD, .hard = true },
					pm_arena_printf(h->a, "waits for %s, which is held",
						pm_action_id(h->a, &h->plan->v[a->after[k]])));
		}
	}
}

void pm_hold_all(struct pm_holding *h, enum pm_sync sync, const char *reason)
{
	for (size_t i = 0; i < h->plan->n; i++)
		hold(h, i, (struct pm_held){ .sync = sync }, reason);
}

/* ---- suspended ---- */

static const char *tell_suspension(struct pm_holding *h, const struct pm_board_suspension *s)
{
	char until[32] = "";

	if (s->until_ms > 0)
		(void)pm_format_time(s->until_ms, until);
	return pm_arena_printf(h->a, "suspended%s%s%s%s%s%s", s->by ? " by " : "",
		s->by ? s->by : "", until[0] ? " until " : "", until, s->reason ? ": " : "",
		s->reason ? s->reason : "");
}

static void hold_suspended(struct pm_holding *h, const struct pm_board_suspension *s)
{
	const struct pm_held how = {
		.sync = PM_SYNC_SUSPENDED, .by = s->by, .next_ms = s->until_ms
	};
	const char *reason = tell_suspension(h, s);

	for (size_t i = 0; i < h->plan->n; i++)
		if (!s->object || pm_str_eq(s->object, pm_action_id(h->a, &h->plan->v[i])))
			hold(h, i, how, reason);
}

void pm_hold_suspended(struct pm_holding *h, struct pm_board *b)
{
	struct pm_board_suspension all;
	struct pm_board_view v;

	if (pm_board_suspended(b, NULL, h->a, &all)) {
		hold_suspended(h, &all);
		return;
	}
	pm_board_view(b, h->a, 0, &v);
	for (size_t i = 0; i < v.nsuspensions; i++)
		hold_suspended(h, &v.suspension[i]);
	hold_dependants(h);
}

/* ---- failing ---- */

static bool takes_away(const struct pm_action *a)
{
	return a->verb == PM_V_DELETE || (a->verb == PM_V_STOP && !a->want);
}

void pm_hold_drift(struct pm_holding *h, bool all, bool confirm)
{
	for (size_t i = 0; i < h->plan->n; i++)
		if (h->v[i].drift || (all && !(confirm && takes_away(&h->plan->v[i]))))
			hold(h, i, (struct pm_held){ .sync = PM_SYNC_HELD }, PM_NOT_HEALED);
}

/* What fails and is due now is tried in this run, which then decides by itself. */
static void hold_removals(struct pm_holding *h, const char *failing)
{
	for (size_t i = 0; i < h->plan->n; i++)
		if (takes_away(&h->plan->v[i]))
			hold(h, i, (struct pm_held){ .sync = PM_SYNC_HELD },
				pm_arena_printf(h->a, "%s fails, and meanwhile nothing is removed",
					failing));
}

/* Holds the action when its object's time has not come; true: it is held. */
static bool hold_failing(struct pm_holding *h, size_t i, const struct pm_fail *x)
{
	struct pm_held how = { .sync = PM_SYNC_FAILING, .hard = true };
	uint64_t now = pm_mono_ns(h->clock), left;

	if (!x || x->next <= now)
		return false;
	left = (x->next - now) / PM_MS_NS + 1;
	how.next_ms = pm_wall_ms(h->clock) + (int64_t)left;
	hold(h, i, how,
		pm_arena_printf(h->a, "failed %u time%s, is tried again in %s: %s", x->attempts,
			x->attempts == 1 ? "" : "s", span(h->a, left), x->why));
	return true;
}

void pm_hold_failing(struct pm_holding *h, const struct pm_fails *f)
{
	const char *failing = NULL;

	for (size_t i = 0; i < h->plan->n && f->map.n > 0; i++) {
		const struct pm_fail *x = pm_fails_get(f, pm_action_id(h->a, &h->plan->v[i]));
		bool gives = !takes_away(&h->plan->v[i]);

		if (hold_failing(h, i, x) && gives)
			failing = x->id;
	}
	if (failing)
		hold_removals(h, failing);
	hold_dependants(h);
}

/* ---- outside of its windows ---- */

void pm_hold_outside(struct pm_holding *h, const struct pm_window *v, size_t n)
{
	int64_t wall_ms = pm_wall_ms(h->clock);

	for (size_t i = 0; i < h->plan->n && n > 0; i++) {
		unsigned impacts = pm_window_impacts(&h->plan->v[i]);
		struct pm_held how = { .sync = PM_SYNC_HELD };
		char at[32] = "";

		if (pm_windows_open(v, n, impacts, wall_ms, &how.next_ms))
			continue;
		if (how.next_ms > 0)
			(void)pm_format_time(how.next_ms, at);
		hold(h, i, how,
			pm_arena_printf(h->a, "outside of the maintenance windows for %s%s%s",
				pm_window_impact_name(impacts),
				at[0] ? "; the next one opens at " : "; none opens", at));
	}
	hold_dependants(h);
}
