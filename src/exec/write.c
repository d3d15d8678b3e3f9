/* The write of a guest's configuration: read, compare, PUT with the digest just read; whoever is
 * overtaken reads again. The same loop finds out what came of an answer that was lost. Also the writes
 * beside the configuration: pool and protection. */
#include "base/text.h"
#include "exec/exec_priv.h"

#define MOST_WRITES 3

/* Is it for the PUT? Growth, moves and the pool have calls of their own. */
static bool is_config(const struct pm_change *c)
{
	switch (c->impact) {
	case PM_I_RESIZE:
	case PM_I_MOVE:
	case PM_I_MIGRATE:
	case PM_I_REPLACE:
	case PM_I_DESTROY:
		return false;
	default:
		return c->field != PM_G_POOL && c->field != PM_G_HA;
	}
}

/* It was taken out. */
static bool forgets_pool(const struct pm_act *act, const struct pm_obj *have)
{
	return !have->live->pool && pm_marker_has(have->live->marker, PM_MARKER_POOL, NULL) &&
	       pm_rec_get(act->a->want->spec, PM_G_POOL)->state != PM_SET;
}

/* It was put in by this run. */
static bool learns_pool(const struct pm_act *act, const struct pm_obj *have)
{
	return act->a->steps & PM_STEP_POOL &&
	       !pm_marker_has(have->live->marker, PM_MARKER_POOL, NULL) &&
	       pm_rec_get(act->a->want->spec, PM_G_POOL)->state == PM_SET;
}

static bool needs_write(struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_change **left;
	size_t n = pm_act_diff(act, have, &left, NULL);

	if (!pm_act_owns(act, have) || !have->live->marker->done)
		return true;
	if (forgets_pool(act, have) || learns_pool(act, have))
		return true;
	if (!pm_marker_alike(have->live->marker, pm_act_marker(act, have, true), pm_ha_key))
		return true; /* who removes its HA resource some day must know whose it is */
	for (size_t i = 0; i < n; i++) {
		if (is_config(left[i]))
			return true;
	}
	for (unsigned i = 0; i < have->live->npending; i++) {
		if (have->live->pending[i].stale)
			return true;
	}
	return false;
}

/* A copy has not been sent what a creation sends with it. */
static bool is_fresh_copy(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *want = act->a->want;

	return want->kind != &pm_kind_pod && pm_rec_get(want->spec, PM_G_IMAGE)->state == PM_SET &&
	       pm_act_owns(act, have) && !have->live->marker->done;
}

/* Did the plan say that the setting at that key waits for a restart? */
static bool announced(const struct pm_act *act, const struct pm_pending *p)
{
	const struct pm_action *a = act->a;

	for (size_t i = 0; p->field && i < a->nchanges; i++) {
		const struct pm_change *c = &a->change[i];

		if (c->field == pm_field_index(a->want->kind, p->field) &&
			(p->field->count == 0 || c->slot == p->slot) &&
			(c->impact == PM_I_PENDING || c->waiting))
			return true;
	}
	return false;
}

/* Taking back what waits and then removing what is in force takes two, and so do a balloon that goes and less
 * memory than it had. */
static bool may_leave_rest(const struct pm_act *act, const struct pm_obj *have)
{
	return have->live->npending > 0 || pm_pve_memory_below_balloon(act->a->want, have);
}

/* PVE refuses a write when some of it cannot be done while the machine runs, but has written all of it. That
 * is no fault where the plan said that it waits. `before`: as it was before the write. */
static bool waits_as_planned(
	struct pm_act *act, const struct pm_obj *before, const struct pm_error *why)
{
	struct pm_obj *have = NULL;
	struct pm_error ignored;
	bool waits = false;

	if (!pm_pve_left_waiting(why, NULL) || pm_act_read(act, &have, &ignored) < 0 ||
		(needs_write(act, have) && !may_leave_rest(act, before)))
		return false;
	for (unsigned i = 0; i < have->live->npending; i++) {
		const struct pm_pending *p = &have->live->pending[i];

		if (!pm_pve_left_waiting(why, p->key))
			continue;
		if (!announced(act, p))
			return false;
		waits = true;
	}
	return waits;
}

static int put_config(
	struct pm_act *act, const struct pm_obj *have, bool after_create, struct pm_error *err)
{
	struct pm_update u = { .want = act->a->want,
		.have = have,
		.marker = pm_act_marker(act, have, true),
		.set = act->run->e->o.set,
		.after_create = after_create,
		.copied = is_fresh_copy(act, have) };
	int r = pm_places_enter(act, act->node, NULL, err);

	if (r < 0)
		return r;
	pm_act_intent(act, pm_act_task(act, PM_W_CONFIG));
	r = pm_pve_update(act->run->e->o.pve, &act->job, &u, err);
	if (r < 0 && waits_as_planned(act, have, err))
		r = 0;
	if (r < 0 && err->maybe_sent && act->a->want->kind != &pm_kind_pod)
		pm_act_settle(act, pm_act_task(act, PM_W_CONFIG));
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, NULL);
	return r;
}

int pm_act_write_config(
	struct pm_act *act, bool after_create, pm_act_check_fn *check, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	struct pm_obj *have = NULL;
	unsigned writes = 0;
	int r;

	for (;;) {
		r = pm_act_read(act, &have, err);
		if (r == 0 && !needs_write(act, have))
			return 0;
		if (r == 0)
			r = pm_act_locked(act, have, err);
		if (r == 0 && check) {
			r = check(act, have, err);
			if (r < 0)
				return r;
		}
		if (r == 0) {
			r = put_config(act, have, after_create, err);
			if (r == 0 && (++writes == MOST_WRITES || !may_leave_rest(act, have)))
				return 0;
			if (r == 0) {
				act->taken_back |= have->live->npending > 0;
				continue;
			}
			(void)pm_error_wrap(err, "writing the configuration");
		}
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

/* ---- beside the configuration ---- */

/* One synchronous call until it is so: `is` looks, `send` sends. */
struct beside {
	bool (*is)(struct pm_act *act, const struct pm_obj *have, bool on);
	int (*send)(struct pm_act *act, const struct pm_obj *have, bool on, struct pm_error *err);
	const char *what;
};

static int until_so(struct pm_act *act, const struct beside *b, bool on, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	struct pm_obj *have = NULL;
	int r;

	for (;;) {
		r = pm_act_read(act, &have, err);
		if (r == 0 && b->is(act, have, on))
			return 0;
		if (r == 0)
			r = pm_act_locked(act, have, err);
		if (r == 0) {
			pm_act_intent(act, "");
			r = b->send(act, have, on, err);
			pm_act_result(act, r, err);
			if (r == 0)
				return 0;
			(void)pm_error_wrap(err, "%s", b->what);
		}
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

static const char *wanted_pool(const struct pm_act *act)
{
	return pm_rec_str(act->a->want->spec, PM_G_POOL, NULL);
}

static bool is_in_pool(struct pm_act *act, const struct pm_obj *have, PM_UNUSED bool on)
{
	return pm_str_eq(have->live->pool, wanted_pool(act));
}

static int send_pool(
	struct pm_act *act, const struct pm_obj *have, PM_UNUSED bool on, struct pm_error *err)
{
	return pm_pve_pool(act->run->e->o.pve, &act->job, have, wanted_pool(act), err);
}

int pm_act_pool(struct pm_act *act, struct pm_error *err)
{
	static const struct beside pool = { is_in_pool, send_pool, "changing the pool" };

	return until_so(act, &pool, true, err);
}

static bool is_ha(struct pm_act *act, const struct pm_obj *have, bool on)
{
	const struct pm_change **left;
	size_t n;

	if (!on)
		return have->spec->val[PM_G_HA].state != PM_SET;
	n = pm_act_diff(act, have, &left, NULL);
	for (size_t i = 0; i < n; i++) {
		if (left[i]->field == PM_G_HA)
			return false;
	}
	return true;
}

static int send_ha(struct pm_act *act, const struct pm_obj *have, bool on, struct pm_error *err)
{
	const struct pm_obj *want = on ? act->a->want : NULL;

	return pm_pve_ha(act->run->e->o.pve, &act->job, want, have, err);
}

/* The marker knows of all of it before it is there, and forgets what goes after that is gone. */
int pm_act_ha(struct pm_act *act, bool on, struct pm_error *err)
{
	static const struct beside ha = { is_ha, send_ha, "changing what the HA manager does" };
	int r = on ? pm_act_write_config(act, false, NULL, err) : 0;

	if (r == 0)
		r = until_so(act, &ha, on, err);
	if (r < 0 || !on)
		return r;
	act->ha_done = true;
	return pm_act_write_config(act, false, NULL, err);
}

static bool is_protected(PM_UNUSED struct pm_act *act, const struct pm_obj *have, bool on)
{
	return pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false) == on;
}

static int send_protect(
	struct pm_act *act, const struct pm_obj *have, bool on, struct pm_error *err)
{
	return pm_pve_protect(act->run->e->o.pve, &act->job, have, on, err);
}

int pm_act_protect(struct pm_act *act, bool on, struct pm_error *err)
{
	static const struct beside protect = { is_protected, send_protect,
		"changing the protection" };

	return until_so(act, &protect, on, err);
}
