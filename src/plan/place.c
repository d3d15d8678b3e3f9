/* Where a new guest goes: to the node that the manifest names, else to the online node with the fewest
 * guests of this set, the first by name among equals. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "plan/plan_priv.h"

static size_t node_index(const struct pm_facts *f, const char *name)
{
	for (size_t i = 0; name != NULL && i < f->nnodes; i++)
		if (strcmp(f->nodes[i].name, name) == 0)
			return i;
	return PM_NOWHERE;
}

static void count_guests(struct pm_planner *p)
{
	const struct pm_set *have = p->match.have;

	if (p->places.count != NULL)
		return;
	p->places.count = pm_xcalloc(p->facts->nnodes + 1, sizeof(*p->places.count));
	for (size_t i = 0; i < have->n; i++) {
		size_t at;

		if (p->match.claim[i] != PM_CLAIM_OURS)
			continue;
		at = node_index(p->facts, have->v[i]->live->node);
		if (at != PM_NOWHERE)
			p->places.count[at]++;
	}
}

const char *pm_plan_node_fault(struct pm_planner *p, const char *node)
{
	size_t at = node_index(p->facts, node);

	if (at == PM_NOWHERE)
		return pm_arena_printf(p->a, "node %s is not in the cluster", node);
	if (!p->facts->nodes[at].online)
		return pm_arena_printf(p->a, "node %s is offline", node);
	return NULL;
}

const char *pm_plan_place(struct pm_planner *p, const struct pm_obj *want, const char **ret)
{
	const struct pm_facts *f = p->facts;
	const char *node = pm_rec_str(want->spec, PM_G_NODE, NULL);
	size_t best = PM_NOWHERE;
	const char *fault;

	count_guests(p);
	if (node != NULL) {
		fault = pm_plan_node_fault(p, node);
		if (fault != NULL)
			return fault;
		best = node_index(f, node);
	}
	for (size_t i = 0; node == NULL && i < f->nnodes; i++) {
		unsigned here = p->places.count[i];

		if (!f->nodes[i].online)
			continue;
		if (best == PM_NOWHERE || here < p->places.count[best] ||
			(here == p->places.count[best] &&
				strcmp(f->nodes[i].name, f->nodes[best].name) < 0))
			best = i;
	}
	if (best == PM_NOWHERE)
		return "no node is online";
	p->places.count[best]++;
	*ret = f->nodes[best].name;
	return NULL;
}
