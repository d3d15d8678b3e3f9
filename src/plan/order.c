/* Order: what others depend on comes first, deletions go the other way round and come last. Depth first
 * over the dependencies in the order of names, so that equal input gives equal output; each action and
 * each dependency is looked at once. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "plan/plan_priv.h"

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
};

/* What has left the manifests and is only to be stopped waits like a deletion; so does the executor let it. */
static bool removal(const struct pm_action *a)
{
	return a->verb == PM_V_DELETE || (a->verb == PM_V_STOP && a->want == NULL);
}

static uint32_t *slot_of(struct graph *g, const struct pm_obj *o)
{
	uint64_t h = (uint64_t)(uintptr_t)o * 0x9e3779b97f4a7c15U;
	size_t at = (size_t)(h ^ h >> 32) & g->mask;

	while (g->slot[at] != 0 && g->p->act.v[g->slot[at] - 1].want != o)
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
		if (g->p->act.v[i].want != NULL)
			*slot_of(g, g->p->act.v[i].want) = (uint32_t)i + 1;
}

/* ---- PodSets: what interrupts its Pods, or removes them, goes from the highest down, one by one ---- */

/** Place of an action in the order of its PodSet. */
struct turn {
	uint32_t action;
	bool removal;
	const char *ns, *podset;
	unsigned ordinal;
};

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
	free(v);
}

/* Calls back for each pair (waits, first). Deletions wait for those of their dependants; of wanted objects
 * either all are deleted or none. */
static void each_edge(struct graph *g, void (*fn)(struct graph *, uint32_t waits, uint32_t first))
{
	for (size_t i = 0; i < g->n; i++) {
		const struct pm_action *a = &g->p->act.v[i];

		if (g->before[i] != 0)
			fn(g, (uint32_t)i, g->before[i] - 1);
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
}
