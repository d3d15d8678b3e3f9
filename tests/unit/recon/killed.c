/* See killed.h. */
#include "killed.h"

#include <stdlib.h>

#include "base/mem.h"

struct killed {
	struct pm_transport base;
	struct pm_transport *inner;
	struct pm_cancel *cancel;
	unsigned nth;
	atomic_uint calls;
};

static void killed_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct killed *k = (struct killed *)t;

	for (size_t i = 0; i < n; i++) {
		unsigned count = atomic_fetch_add(&k->calls, 1) + 1;

		if (count <= k->nth)
			k->inner->ops->batch(k->inner, &v[i], 1, NULL, NULL, cancel);
		if (count >= k->nth) {
			pm_call_done(v[i]);
			v[i]->status = 0;
			(void)pm_error_set(&v[i]->err, PM_E_CANCELLED, "killed");
			v[i]->err.maybe_sent = true;
			atomic_store(&k->cancel->on, true);
		}
		if (done)
			(void)done(arg, v[i]);
	}
}

static void killed_free(struct pm_transport *t)
{
	struct killed *k = (struct killed *)t;

	pm_transport_free(k->inner);
	free(k);
}

struct pm_transport *pm_killed_new(
	struct pm_transport *inner, unsigned nth, struct pm_cancel *cancel)
{
	static const struct pm_transport_ops ops = { killed_batch, killed_free };
	struct killed *k = pm_xcalloc(1, sizeof(*k));

	k->base.ops = &ops;
	k->inner = inner;
	k->cancel = cancel;
	k->nth = nth;
	return &k->base;
}

unsigned pm_killed_calls(const struct pm_transport *t)
{
	return atomic_load(&((const struct killed *)t)->calls);
}

bool killed_turn(struct world *w, const struct turn_opts *o, struct pm_transport *wire,
	unsigned nth, bool journal)
{
	struct pm_cancel cancel = { .on = false };
	struct turn_opts bad = *o;
	struct turn t;
	bool reached;

	bad.cancel = &cancel;
	bad.through = pm_killed_new(wire, nth, &cancel);
	if (!journal)
		bad.journal_dir = pm_test_dir();
	world_turn(w, &bad, &t);
	turn_done(&t);
	reached = pm_killed_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	return reached;
}
