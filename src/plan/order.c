/* Order: what others depend on comes first, deletions go the other way round and come last; what guests needed whose
 * manifests are gone is in their markers. Depth first
 * over the dependencies in the order of names, so that equal input gives equal output; each action and
 * each dependency is looked at once. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "plan/plan_priv.h"

/** Place of an action in the order of its PodSet. */
struct turn {
	uint32_t action;
	bool removal;
	const char *ns, *podset;
	unsigned ordinal;
};

/** Which actions each one waits for: edge[start[i]] to edge[start[i + 1]]. */
struct graph {
	struct pm_planner *p;
	size_t n;
	uint32_t *slot; /* table of objects: place of the action + 1 */
	size_t mask;
	uint32_t *start, *edge;
	uint32_t *pos; /* new place + 1; 0: not placed */
	uint32_t *stack, *next;
	uint32_t placed;
	uint32_t *before; /* one at a time in a PodSet: the action that comes first + 1; 0: none */
	struct turn *turns; /* those that interrupt or remove Pods of a PodSet, sorted */
	size_t nturns;
};

/* What has left the manifests and is only to be stopped waits like a deletion; so does the executor let it. */
static bool removal(const struct pm_action *a)
{
	return a->verb == PM_V_DELETE || (a->verb == PM_V_STOP && a->want == NULL);
}

/* What names an action: the object that is wanted, or the guest of one that is not. */
static const struct pm_obj *key_of(const struct pm_action *a)
{
	return a->want != NULL ? a->want : a->have;
}

static uint32_t *slot_of(struct graph *g, const struct pm_obj *o)
{
	uint64_t h = (uint64_t)(uintptr_t)o * 0x9e3779b97f4a7c15U;
	size_t at = (size_t)(h ^ h >> 32) & g->mask;

	while (g->slot[at] != 0 && key_of(&g->p->act.v[g->slot[at] - 1]) != o)
		at = (at + 1) & g->mask;
	return &g->slot[at];
}

static void index_actions(struct graph *g)
{
	size_t slots = 16;

	while (slots < g->n * 2)
		slots *= 2;
	g->slot = pm_xcalloc(slots, sizeof(*g->slot));
	g->mask = slots - 1;
	for (size_t i = 0; i < g->n; i++)
		if (key_of(&g->p->act.v[i]) != NULL)
			*slot_of(g, key_of(&g->p->act.v[i])) = (uint32_t)i + 1;
}

/* ---- PodSets: what interrupts its Pods, or removes them, goes from the highest down, one by one ---- */

static int by_turn(const void *a, const void *b)
{
	const struct turn *x = a, *y = b;
	int r = strcmp(x->ns, y->ns);

	if (r == 0)
		r = strcmp(x->podset, y->podset);
	if (r == 0)
		r = (int)x->removal - (int)y->removal;
	if (r == 0)
		r = x->ordinal > y->ordinal ? -1 : x->ordinal < y->ordinal;
	return r;
}

/* Is the Pod away for a while? */
static bool interrupts(const struct pm_action *a)
{
	const unsigned away = PM_STEP_RESTART | PM_STEP_STOP | PM_STEP_MOVE | PM_STEP_MIGRATE;

	return a->verb == PM_V_REPLACE || a->verb == PM_V_STOP || a->verb == PM_V_DELETE ||
	       (a->verb == PM_V_UPDATE && (a->steps & away));
}

/* What is removed has no manifest any more: its marker and name tell. */
static bool read_turn(const struct pm_action *a, struct turn *t)
{
	const struct pm_marker *m = a->have && a->have->live ? a->have->live->marker : NULL;
	const struct pm_obj *o = a->want ? a->want : a->have;
	int64_t ordinal;
	size_t n;

	if (!o)
		return false;
	t->ns = o->ns;
	t->removal = removal(a);
	if (a->want && a->want->podset) {
		t->podset = a->want->podset;
		t->ordinal = a->want->ordinal;
		return true;
	}
	if (a->want || !m || !m->of || !*m->of)
		return false;
	n = strlen(m->of);
	if (strncmp(o->name, m->of, n) != 0 || o->name[n] != '-' ||
		pm_parse_int(o->name + n + 1, 0, UINT32_MAX, &ordinal) < 0)
		return false;
	t->podset = m->of;
	t->ordinal = (unsigned)ordinal;
	return true;
}

static void take_turns(struct graph *g)
{
	struct turn *v = pm_xcalloc(g->n + 1, sizeof(*v));
	size_t n = 0;

	g->before = pm_xcalloc(g->n + 1, sizeof(*g->before));
	for (size_t i = 0; i < g->n; i++) {
		v[n].action = (uint32_t)i;
		if (interrupts(&g->p->act.v[i]) && read_turn(&g->p->act.v[i], &v[n]))
			n++;
	}
	qsort(v, n, sizeof(*v), by_turn);
	for (size_t i = 1; i < n; i++) {
		if (strcmp(v[i].ns, v[i - 1].ns) == 0 &&
			strcmp(v[i].podset, v[i - 1].podset) == 0 &&
			v[i].removal == v[i - 1].removal)
			g->before[v[i].action] = v[i - 1].action + 1;
	}
	g->turns = v;
	g->nturns = n;
}

/* ---- what depended on what, when no manifest tells any more ---- */

/* The guest of that identity, when it is to go in this run, too; 0: none, else its action + 1. */
static uint32_t removal_named(struct graph *g, const char *kind, const struct pm_ref *ref)
{
	size_t at = pm_match_named(&g->p->match, kind, ref->ns, ref->name);
	uint32_t j = at != PM_NOWHERE ? *slot_of(g, g->p->match.have->v[at]) : 0;

	return j != 0 && removal(&g->p->act.v[j - 1]) ? j : 0;
}

/* As a manifest's reference is resolved: first among objects of its own kind. */
static uint32_t removal_meant(struct graph *g, const struct pm_obj *o, const struct pm_ref *ref)
{
	const struct pm_kind *named = ref->kind ? pm_kind_named(ref->kind) : NULL;
	uint32_t j = 0;

	if (ref->kind != NULL)
		return named != NULL ? removal_named(g, named->name, ref) : 0;
	j = removal_named(g, o->kind->name, ref);
	for (unsigned i = 0; pm_kinds[i] != NULL && j == 0; i++)
		j = removal_named(g, pm_kinds[i]->name, ref);
	return j;
}

/* Its Pods that go in this run, too, stand together in the turns. */
static void each_of_podset(struct graph *g, uint32_t i, const struct pm_ref *ref,
	void (*fn)(struct graph *, uint32_t waits, uint32_t first))
{
	const struct turn key = {
		.removal = true, .ns = ref->ns, .podset = ref->name, .ordinal = UINT32_MAX
	};
	size_t low = 0, high = g->nturns;

	if (ref->kind != NULL && pm_kind_named(ref->kind) != &pm_kind_podset)
		return;
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (by_turn(&g->turns[mid], &key) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (size_t k = low; k < g->nturns; k++) {
		const struct turn *t = &g->turns[k];

		g->p->edges++;
		if (!t->removal || strcmp(t->podset, ref->name) != 0 || strcmp(t->ns, ref->ns) != 0)
			return;
		if (t->action != i)
			fn(g, t->action, i);
	}
}

/* What is pruned waits for those that needed it, by their markers. */
static void each_noted(
	struct graph *g, uint32_t i, void (*fn)(struct graph *, uint32_t waits, uint32_t first))
{
	const struct pm_action *a = &g->p->act.v[i];
	const struct pm_marker *m = a->have && a->have->live ? a->have->live->marker : NULL;
	const char *s;

	if (!removal(a) || a->want != NULL || m == NULL || m->needs == NULL)
		return;
	for (s = m->needs + strspn(m->needs, " "); *s != '\0'; s += strspn(s, " ")) {
		size_t n = strcspn(s, " ");
		struct pm_ref ref;
		uint32_t j;

		pm_ref_parse(g->p->a, a->have, pm_arena_strndup(g->p->a, s, n), &ref);
		s += n;
		g->p->edges++;
		j = removal_meant(g, a->have, &ref);
		if (j == 0)
			each_of_podset(g, i, &ref, fn);
		else if (j - 1 != i)
			fn(g, j - 1, i);
	}
}

/* Calls back for each pair (waits, first). Deletions wait for those of their dependants; of wanted objects
 * either all are deleted or none. */
static void each_edge(struct graph *g, void (*fn)(struct graph *, uint32_t waits, uint32_t first))
{
	for (size_t i = 0; i < g->n; i++) {
		const struct pm_action *a = &g->p->act.v[i];

		if (g->before[i] != 0)
			fn(g, (uint32_t)i, g->before[i] - 1);
		each_noted(g, (uint32_t)i, fn);
		for (unsigned k = 0; a->want != NULL && k < a->want->ndeps; k++) {
			uint32_t j = *slot_of(g, a->want->deps[k]);

			g->p->edges++;
			if (j == 0 || j - 1 == i)
				continue;
			if (removal(a))
				fn(g, j - 1, (uint32_t)i);
			else
				fn(g, (uint32_t)i, j - 1);
		}
	}
}

static void count_edge(struct graph *g, uint32_t waits, PM_UNUSED uint32_t first)
{
	g->start[waits + 1]++;
}

static void put_edge(struct graph *g, uint32_t waits, uint32_t first)
{
	g->edge[g->start[waits] + g->next[waits]++] = first;
}

static void build(struct graph *g)
{
	g->start = pm_xcalloc(g->n + 2, sizeof(*g->start));
	g->next = pm_xcalloc(g->n + 1, sizeof(*g->next));
	g->pos = pm_xcalloc(g->n + 1, sizeof(*g->pos));
	g->stack = pm_xcalloc(g->n + 1, sizeof(*g->stack));
	index_actions(g);
	take_turns(g);
	each_edge(g, count_edge);
	for (size_t i = 0; i < g->n; i++)
		g->start[i + 1] += g->start[i];
	g->edge = pm_xcalloc(g->start[g->n] + 1, sizeof(*g->edge));
	each_edge(g, put_edge);
	memset(g->next, 0, (g->n + 1) * sizeof(*g->next));
}

/* Places one action behind everything it waits for. A circle, which the manifests' check refuses, is cut
 * where it closes. */
static void place(struct graph *g, uint32_t root)
{
	size_t depth = 0;

	g->stack[depth++] = root;
	while (depth > 0) {
		uint32_t i = g->stack[depth - 1];
		uint32_t k = g->start[i] + g->next[i];

		g->p->edges++;
		if (k < g->start[i + 1]) {
			uint32_t j = g->edge[k];

			g->next[i]++;
			/* Begun and not placed: it is on the stack, this edge closes a circle. */
			if (g->pos[j] == 0 && g->next[j] == 0 && depth < g->n)
				g->stack[depth++] = j;
			continue;
		}
		depth--;
		if (g->pos[i] == 0)
			g->pos[i] = ++g->placed;
	}
}

static void fill_after(struct graph *g, uint32_t i, struct pm_action *a)
{
	uint32_t n = g->start[i + 1] - g->start[i];
	unsigned *after;

	if (n == 0)
		return;
	after = pm_new_n(g->p->a, unsigned, n);
	for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++) {
		uint32_t j = g->edge[k];

		if (g->pos[j] < g->pos[i] && g->p->act.v[j].verb != PM_V_KEEP)
			after[a->nafter++] = g->pos[j] - 1;
	}
	if (a->verb == PM_V_KEEP)
		a->nafter = 0;
	a->after = a->nafter > 0 ? after : NULL;
}

/* The dependency that is not there and will not be made; NULL: none. */
static const struct pm_obj *held_before(struct graph *g, uint32_t i)
{
	for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++) {
		const struct pm_action *before = &g->p->act.v[g->edge[k]];

		if (before->verb == PM_V_KEEP && before->have == NULL)
			return before->want;
	}
	return NULL;
}

/* In the new order: what is held here holds what comes later. */
static void hold_dependants(struct graph *g, const uint32_t *order)
{
	for (size_t at = 0; at < g->n; at++) {
		struct pm_action *a = &g->p->act.v[order[at]];
		const struct pm_obj *o;

		if (a->verb != PM_V_CREATE)
			continue;
		o = held_before(g, order[at]);
		if (o == NULL)
			continue;
		a->verb = PM_V_KEEP;
		a->steps = 0;
		a->reason = pm_arena_printf(
			g->p->a, "held: waits for %s, which is not made", pm_obj_title(g->p->a, o));
	}
}

/* Whom a guest that is pruned waits for; its PodSet's turns go without saying. */
static void say_after(struct graph *g, uint32_t i, struct pm_action *a)
{
	const struct pm_obj *first = NULL;
	unsigned more = 0;

	if (!removal(a) || a->want != NULL)
		return;
	for (uint32_t k = g->start[i]; k < g->start[i + 1]; k++) {
		if (g->pos[g->edge[k]] > g->pos[i] || g->edge[k] + 1 == g->before[i])
			continue;
		if (first == NULL)
			first = key_of(&g->p->act.v[g->edge[k]]);
		else
			more++;
	}
	if (first == NULL)
		return;
	a->reason =
		pm_arena_printf(g->p->a, "%s; after %s", a->reason, pm_obj_title(g->p->a, first));
	if (more > 0)
		a->reason = pm_arena_printf(g->p->a, "%s and %u more", a->reason, more);
}

static void finish(struct graph *g, struct pm_action *ret)
{
	uint32_t *order = pm_xcalloc(g->n + 1, sizeof(*order));

	for (size_t i = 0; i < g->n; i++)
		order[g->pos[i] - 1] = (uint32_t)i;
	if (g->p->held != NULL)
		hold_dependants(g, order);
	for (size_t i = 0; i < g->n; i++) {
		struct pm_action *a = &g->p->act.v[i];

		fill_after(g, (uint32_t)i, a);
		say_after(g, (uint32_t)i, a);
		ret[g->pos[i] - 1] = *a;
	}
	free(order);
}

void pm_plan_order(struct pm_planner *p, struct pm_action **ret)
{
	struct graph g = { .p = p, .n = p->act.n };

	*ret = pm_new_n(p->a, struct pm_action, p->act.n + 1);
	build(&g);
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < g.n; i++)
			if (removal(&p->act.v[i]) == (pass == 1) && g.pos[i] == 0)
				place(&g, (uint32_t)i);
	finish(&g, *ret);
	free(g.slot);
	free(g.start);
	free(g.edge);
	free(g.pos);
	free(g.stack);
	free(g.next);
	free(g.before);
	free(g.turns);
}
