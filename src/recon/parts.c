/* Small parts of the pipeline that its reader need not see. */
#include "base/mem.h"
#include "recon/recon_priv.h"

/* ---- a transport that is not ours ---- */

struct borrowed {
	struct pm_transport base;
	struct pm_transport *of;
};

static void borrowed_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	pm_net_batch(((struct borrowed *)t)->of, v, n, done, arg, cancel);
}

static void borrowed_free(struct pm_transport *t)
{
	free(t);
}

struct pm_transport *pm_transport_borrow(struct pm_transport *t)
{
	static const struct pm_transport_ops ops = { borrowed_batch, borrowed_free };
	struct borrowed *b = pm_xcalloc(1, sizeof(*b));

	b->base.ops = &ops;
	b->of = t;
	return &b->base;
}

/* ---- objects from elsewhere ---- */

/* Slots belong to one comparison with one live guest. */
static void forget_slots(struct pm_rec *spec)
{
	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		const struct pm_field *f = &spec->kind->fields[i];
		const struct pm_value *v = &spec->val[i];

		if (f->type != PM_T_PROPS || f->count == 0 || v->state != PM_SET)
			continue;
		for (size_t k = 0; k < v->u.recs->n; k++)
			v->u.recs->v[k]->slot = PM_NO_SLOT;
	}
}

void pm_cycle_take(struct pm_cycle *c, const struct pm_set *preloaded)
{
	for (size_t i = 0; i < preloaded->n; i++) {
		if (preloaded->v[i]->spec)
			forget_slots(preloaded->v[i]->spec);
		pm_set_add(&c->want, preloaded->v[i]);
	}
	c->want.facts = preloaded->facts;
	if (preloaded->sorted && c->want.n == preloaded->n)
		c->want.sorted = true;
	else
		pm_set_sort(&c->want);
}
