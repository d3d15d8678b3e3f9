/* Growing volumes, moving volumes and guests: tasks whose goal is compared with the guest before each try,
 * so that a lost answer never makes them happen twice. */
#include "model/volume.h"
#include "base/text.h"
#include "exec/exec_priv.h"

/* ---- growth ---- */

/* The wanted record of a volume that a change is about, and its key at PVE. */
static const struct pm_rec *wanted_volume(
	const struct pm_act *act, const struct pm_change *c, char key[16])
{
	const struct pm_kind *k = act->a->want->kind;
	struct pm_volume_at at = PM_VOLUMES(act->a->want->spec);

	while (pm_volume_next(&at)) {
		if (at.field != c->field || (at.f->count > 0 && at.rec->slot != c->slot))
			continue;
		(void)snprintf(key, 16, "%s", k->fields[c->field].key);
		if (at.f->count > 0)
			(void)pm_slot_key(at.f, c->slot, key);
		return at.rec;
	}
	return NULL;
}

static const struct pm_change *next_of(
	struct pm_act *act, const struct pm_obj *have, enum pm_impact impact)
{
	const struct pm_change **left;
	size_t n = pm_act_diff(act, have, &left, NULL);

	for (size_t i = 0; i < n; i++) {
		if (left[i]->impact == impact)
			return left[i];
	}
	return NULL;
}

static int grow_one(struct pm_act *act, const struct pm_obj *have, const struct pm_change *c,
	struct pm_error *err)
{
	char key[16];
	const struct pm_rec *rec = wanted_volume(act, c, key);
	const char *storage = rec ? pm_volume_storage(rec) : NULL;
	struct pm_list places = { .n = 1, .v = &storage };
	int r;

	if (!rec)
		return pm_error_set(err, PM_E_BUG, "%s is to grow, but is not wanted", c->path);
	r = pm_places_enter(act, act->node, storage ? &places : NULL, err);
	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "growing %s", key);
	pm_act_intent(act, pm_act_task(act, PM_W_RESIZE));
	r = pm_pve_resize(act->run->e->o.pve, &act->job, have, key, pm_volume_size(rec), err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, pm_act_task(act, PM_W_RESIZE));
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, storage ? &places : NULL);
	return r < 0 ? pm_error_wrap(err, "growing %s", key) : 0;
}

int pm_act_resize(struct pm_act *act, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	const char *last = NULL;
	int r;

	for (;;) {
		const struct pm_change *c = NULL;
		struct pm_obj *have = NULL;

		r = pm_act_read(act, &have, err);
		if (r == 0) {
			c = next_of(act, have, PM_I_RESIZE);
			/* What was grown and still differs is for the verification to name. */
			if (!c || pm_str_eq(c->path, last))
				return 0;
			r = pm_act_locked(act, have, err);
		}
		if (r == 0) {
			r = grow_one(act, have, c, err);
			if (r == 0) {
				last = c->path;
				continue;
			}
		}
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

/* ---- another storage ---- */

/* A loop of moves. */
struct mover {
	struct pm_act *act;
	pm_act_check_fn *check;
	const char *last; /* path of what was moved last */
	bool down; /* it was taken down for this, and is in the place of the restarting one */
};

static int move_one(struct pm_act *act, const struct pm_obj *have, const struct pm_change *c,
	struct pm_error *err)
{
	char key[16];
	const struct pm_rec *rec = wanted_volume(act, c, key);
	const char *storage = rec ? pm_volume_storage(rec) : NULL;
	struct pm_list places = { .n = 1, .v = &storage };
	int r;

	if (!storage)
		return pm_error_set(err, PM_E_BUG, "%s is to move, but is not wanted", c->path);
	r = pm_places_enter(act, act->node, &places, err);
	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "moving %s to storage %s", key, storage);
	pm_act_intent(act, pm_act_task(act, PM_W_MOVE));
	r = pm_pve_move(act->run->e->o.pve, &act->job, have, key, storage, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, pm_act_task(act, PM_W_MOVE));
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, &places);
	return r < 0 ? pm_error_wrap(err, "moving %s to storage %s", key, storage) : 0;
}

/* The plan was made with the consent that it needed then. */
static bool may_go_down(const struct pm_act *act)
{
	return act->a->steps & (PM_STEP_RESTART | PM_STEP_STOP) ||
	       pm_str_eq(pm_rec_str(act->a->want->spec, PM_G_LIFE_RESTART, "never"), "allow");
}

/* Only what can go well is worth that a guest is away for it. */
static int look_ahead(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	const struct pm_change **left;
	size_t n = pm_act_diff(act, have, &left, NULL);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++) {
		if (left[i]->impact == PM_I_MOVE)
			r = pm_pve_may_move(act->run->e->o.pve, &act->job, have, left[i]->to, err);
	}
	return r < 0 ? pm_error_wrap(err, "%s %u is not stopped to move its volumes",
			       pm_act_word(act), act->vmid)
		     : 0;
}

static int take_down(
	struct mover *m, const struct pm_obj *have, bool *ret_final, struct pm_error *err)
{
	struct pm_act *act = m->act;
	int r;

	if (m->down)
		return pm_error_set(err, PM_E_TASK, "%s %u was stopped and runs again",
			pm_act_word(act), act->vmid);
	if (!may_go_down(act))
		return pm_error_set(err, PM_E_CONFLICT,
			"%s %u runs now, and the plan does not hold that it is stopped; plan again",
			pm_act_word(act), act->vmid);
	r = look_ahead(act, have, err);
	if (r < 0) {
		*ret_final = false;
		return r;
	}
	r = pm_restart_enter(act, err);
	if (r < 0)
		return r;
	m->down = true;
	r = pm_act_power(act, false, m->check, err);
	return r < 0 ? r : 1;
}

/* One look, and what follows from it. 0: nothing is left to move; 1: look again; *ret_final: trying again
 * after that error is not for this loop. */
static int move_once(struct mover *m, bool *ret_final, struct pm_error *err)
{
	struct pm_act *act = m->act;
	const struct pm_change *c;
	struct pm_obj *have = NULL;
	int r = pm_act_read(act, &have, err);

	if (r < 0)
		return r;
	c = next_of(act, have, PM_I_MOVE);
	/* What was moved and still differs is for the verification to name. */
	if (!c || pm_str_eq(c->path, m->last))
		return 0;
	r = pm_act_locked(act, have, err);
	if (r < 0)
		return r;
	r = m->check ? m->check(act, have, err) : 0;
	if (r < 0 || (pm_obj_runs(have) && c->down)) {
		*ret_final = true;
		return r < 0 ? r : take_down(m, have, ret_final, err);
	}
	r = move_one(act, have, c, err);
	if (r < 0)
		return r;
	m->last = c->path;
	return 1;
}

static int move_all(struct mover *m, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	int r;

	do {
		bool final = false;

		r = move_once(m, &final, err);
		if (r < 0 && !final) {
			r = pm_act_again(m->act, &tries, err);
			r = r == 0 ? 1 : r;
		}
	} while (r > 0);
	return r;
}

/* It ran before: it runs again, also when a move went wrong. */
static int bring_up(struct pm_act *act, int r, struct pm_error *err)
{
	struct pm_error up = { 0 };

	if (act->a->steps & PM_STEP_STOP)
		return r;
	if (r == -PM_E_CANCELLED)
		return pm_error_wrap(err, "%s %u may be left stopped: the next run starts it",
			pm_act_word(act), act->vmid);
	if (pm_act_power(act, true, NULL, r < 0 ? &up : err) < 0)
		return pm_error_wrap(
			err, "%s %u does not run any more", pm_act_word(act), act->vmid);
	return r < 0 ? r : pm_act_ready(act, err);
}

int pm_act_move(struct pm_act *act, pm_act_check_fn *check, struct pm_error *err)
{
	struct mover m = { .act = act, .check = check };
	bool runs = act->a->steps & PM_STEP_RESTART && pm_obj_wants_running(act->a->want) == 1;
	int r = move_all(&m, err);

	/* The inventory may have said that it runs when a run that was cut off had stopped it. */
	if (m.down || (runs && r == 0))
		r = bring_up(act, r, err);
	if (m.down)
		pm_restart_leave(act);
	return r;
}

/* ---- another node ---- */

#define LOOKS_AFTER 60 /* the HA manager works in rounds of ten seconds */

static int move_to(
	struct pm_act *act, const struct pm_obj *have, const char *node, struct pm_error *err)
{
	const char *from = have->live->node;
	int r = pm_places_enter(act, from, NULL, err);

	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "moving to node %s", node);
	pm_act_intent(act, pm_act_task(act, PM_W_MIGRATE));
	r = pm_pve_migrate(act->run->e->o.pve, &act->job, have, node, pm_obj_runs(have), err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, pm_act_task(act, PM_W_MIGRATE));
	pm_act_result(act, r, err);
	pm_places_leave(act, from, NULL);
	return r < 0 ? pm_error_wrap(err, "moving to node %s", node) : 0;
}

/* The task of a guest under HA only queues the wish. */
static int follow_node(struct pm_act *act, const char *node, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r;

	for (unsigned looks = 0; looks < LOOKS_AFTER; looks++) {
		r = pm_act_read(act, &have, err);
		if (r < 0 || pm_str_eq(have->live->node, node))
			return r;
		r = pm_act_wait(act, PM_S_NS, err);
		if (r < 0)
			return r;
	}
	return pm_error_set(err, PM_E_TASK, "%s %u was moved to node %s but is still on %s",
		pm_act_word(act), act->vmid, node, act->node);
}

int pm_act_migrate(struct pm_act *act, struct pm_error *err)
{
	const char *node = pm_rec_str(act->a->want->spec, PM_G_NODE, NULL);
	struct pm_tries tries = { 0 };
	struct pm_obj *have = NULL;
	int r;

	for (;;) {
		r = pm_act_read(act, &have, err);
		if (r == 0 && (!node || pm_str_eq(have->live->node, node)))
			return 0;
		if (r == 0)
			r = pm_act_locked(act, have, err);
		if (r == 0) {
			r = move_to(act, have, node, err);
			if (r == 0)
				return follow_node(act, node, err);
		}
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}
