/* Update: the guest is read again, and only what the plan showed is done to it. The order is: lift the
 * protection, finish an interrupted creation, growth, configuration, moves of volumes (and growth after
 * them; of a virtual machine both come first), pool, node, run state or restart, protect again, read back.
 * A running container that loses a mount of its node on the way to another one goes down before all that. */
#include "base/text.h"
#include "exec/holder_priv.h"

/* ---- the precondition ---- */

static bool same_guest(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *seen = act->a->have;

	if (!seen || !seen->live || !seen->live->marker)
		return !have->live->marker || pm_act_owns(act, have);
	return pm_act_knows(act, have) &&
	       pm_str_eq(seen->live->marker->uid, have->live->marker->uid);
}

/* Was this change in the plan, from the same value to the same value? A removal first takes back what waits, and finds
 * what was in force before that. */
static bool planned(const struct pm_action *a, const struct pm_change *c, bool taken_back)
{
	for (size_t i = 0; i < a->nchanges; i++) {
		const struct pm_change *p = &a->change[i];

		if (pm_str_eq(p->path, c->path) && pm_str_eq(p->to, c->to) &&
			(pm_str_eq(p->from, c->from) || (taken_back && !c->to)))
			return true;
	}
	return false;
}

/* Every difference that is left must be one that the plan showed; what somebody has done meanwhile in
 * our favour is welcome. */
static int check_planned(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	const struct pm_change **left;
	size_t n;

	if (!same_guest(act, have))
		return pm_error_set(err, PM_E_CONFLICT,
			"%s %u is not the guest that the plan was made for; plan again",
			pm_act_word(act), act->vmid);
	n = pm_act_diff(act, have, &left, NULL);
	for (size_t i = 0; i < n; i++) {
		if (planned(act->a, left[i], act->taken_back) ||
			(act->lifted && left[i]->field == PM_G_LIFE_PROTECT))
			continue;
		return pm_error_set(err, PM_E_CONFLICT,
			"%s of %s %u was changed since the plan was made (it is %s now); plan again",
			left[i]->path, pm_act_word(act), act->vmid,
			left[i]->from ? left[i]->from : "absent");
	}
	return 0;
}

static bool state_is_right(const struct pm_act *act, const struct pm_obj *have)
{
	unsigned steps = act->a->steps;

	if (steps & PM_STEP_START || (steps & (PM_STEP_RETURN | PM_STEP_FINISH) &&
					     pm_obj_wants_running(act->a->want) == 1))
		return pm_obj_runs(have);
	if (steps & PM_STEP_STOP)
		return !pm_obj_runs(have);
	return true;
}

/* Somebody else, or a run that was cut off, has done it all. */
static bool all_done(struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_change **left;
	bool waiting;
	size_t n = pm_act_diff(act, have, &left, &waiting);

	if ((act->a->steps & PM_STEP_FINISH) && !have->live->marker->done)
		return false;
	if (!pm_act_owns(act, have)) /* it has its former name still */
		return false;
	if ((act->a->steps & PM_STEP_RESTART) && waiting && pm_obj_runs(have))
		return false;
	return n == 0 && state_is_right(act, have);
}

/* ---- the steps ---- */

/* A creation that was cut off may still be at work: its end comes first. What its image and password
 * set-up left undone cannot be seen from outside. */
static void finish_create(struct pm_act *act)
{
	const struct pm_rec *spec = act->a->want->spec;
	bool secrets = spec->kind == &pm_kind_pod &&
		       (pm_rec_get(spec, PM_POD_PASSWORD)->state == PM_SET ||
			       pm_rec_get(spec, PM_POD_SSH_KEYS)->state == PM_SET);

	pm_act_settle_creation(act);
	pm_act_event(act, PM_EV_PROGRESS, "finishing its interrupted creation%s",
		secrets ? "; check that its password and SSH keys were set" : "");
}

static int change_state(struct pm_act *act, struct pm_error *err)
{
	unsigned steps = act->a->steps;
	int r = 0;

	if (steps & PM_STEP_STOP)
		return pm_act_ha_rules(act) ? pm_act_ha_wait(act, false, err)
					    : pm_act_power(act, false, NULL, err);
	if (steps & PM_STEP_RESTART)
		r = pm_act_restart(act, err);
	/* The inventory may say for a while that it runs when a run that was cut off had stopped it, or had made it
	 * anew. */
	if (r == 0 && (steps & (PM_STEP_RETURN | PM_STEP_FINISH)) &&
		pm_obj_wants_running(act->a->want) == 1)
		steps |= PM_STEP_START;
	if (r == 0 && (steps & PM_STEP_START)) {
		r = pm_act_ha_rules(act) ? pm_act_ha_wait(act, true, err)
					 : pm_act_power(act, true, NULL, err);
		if (r == 0)
			r = pm_act_ready(act, err);
	}
	return r;
}

static int change_config(struct pm_act *act, struct pm_error *err)
{
	if (!(act->a->steps & (PM_STEP_CONFIG | PM_STEP_FINISH | PM_STEP_RESIZE)))
		return 0;
	return pm_act_write_config(act, false, check_planned, err);
}

static int change_volumes(struct pm_act *act, struct pm_error *err)
{
	int r = 0;

	if (act->a->steps & PM_STEP_MOVE)
		r = pm_act_move(act, check_planned, err);
	if (r == 0 && (act->a->steps & PM_STEP_RESIZE))
		r = pm_act_resize(act, err);
	return r;
}

/* What waits for a restart is written with the volume, and its size, that are there by then: disks of a virtual
 * machine move first. A container's are moved when it is stopped, and grow where they are to lie. */
static int change_config_and_volumes(struct pm_act *act, struct pm_error *err)
{
	bool first = act->a->want->kind == &pm_kind_vm || !(act->a->steps & PM_STEP_MOVE);
	int r = first ? change_volumes(act, err) : 0;

	if (r == 0)
		r = change_config(act, err);
	if (r == 0 && (act->a->steps & PM_STEP_ATTACH))
		r = pm_act_resize(act, err);
	return r == 0 && !first ? change_volumes(act, err) : r;
}

/* The marker has to know that podmox put it there, and to forget it when it is out. */
static int change_pool(struct pm_act *act, struct pm_error *err)
{
	int r = pm_act_pool(act, err);

	return r < 0 ? r : pm_act_write_config(act, false, NULL, err);
}

/* Does a running container that goes to another node lose a mount of its node? PVE refuses the move while that is in
 * force, which it is until the container is down. */
static bool sheds_mount(const struct pm_act *act)
{
	const struct pm_action *a = act->a;

	if (!(a->steps & PM_STEP_MIGRATE) || a->want->kind != &pm_kind_pod || !pm_obj_runs(a->have))
		return false;
	for (size_t i = 0; i < a->nchanges; i++) {
		const struct pm_change *c = &a->change[i];

		if (c->field == PM_POD_VOLUMES && c->impact == PM_I_PENDING && !c->blocked)
			return true;
	}
	return false;
}

/* Everything but where it is and whether it runs. */
static int change_settings(struct pm_act *act, struct pm_error *err)
{
	unsigned steps = act->a->steps;
	int r = change_config_and_volumes(act, err);

	if (r == 0 && (steps & PM_STEP_POOL))
		r = change_pool(act, err);
	if (r == 0 && (steps & PM_STEP_HA))
		r = pm_act_ha(act, true, err);
	return r;
}

/* Down, changed, moved, and up again wherever it has come to. */
static int shed_and_go(struct pm_act *act, struct pm_error *err)
{
	bool up = pm_obj_wants_running(act->a->want) != 0;
	struct pm_error back;
	int r = pm_act_power(act, false, NULL, err);

	if (r < 0)
		return r;
	r = change_settings(act, err);
	if (r == 0)
		r = pm_act_migrate(act, err);
	if (r < 0 && up && pm_act_power(act, true, NULL, &back) < 0)
		return pm_error_wrap(err, "%s %u is left stopped", pm_act_word(act), act->vmid);
	if (r == 0 && up)
		r = pm_act_power(act, true, NULL, err);
	return r == 0 && up ? pm_act_ready(act, err) : r;
}

static int do_steps(struct pm_act *act, struct pm_error *err)
{
	unsigned steps = act->a->steps;
	bool stops = steps & PM_STEP_STOP;
	int r = 0;

	if (!(steps & PM_STEP_FINISH) && sheds_mount(act))
		return shed_and_go(act, err);

	if (steps & PM_STEP_FINISH)
		finish_create(act);
	r = change_settings(act, err);
	/* What is to be stopped anyway goes to its node stopped. */
	if (r == 0 && stops)
		r = change_state(act, err);
	if (r == 0 && (steps & PM_STEP_MIGRATE))
		r = pm_act_migrate(act, err);
	return r == 0 && !stops ? change_state(act, err) : r;
}

/* Is the guest to be protected in the end? Where the manifest is silent, what podmox set goes and what
 * somebody else set stays. */
static bool stays_protected(const struct pm_act *act)
{
	const struct pm_value *want = pm_rec_get(act->a->want->spec, PM_G_LIFE_PROTECT);
	const struct pm_marker *m = act->a->have->live->marker;

	if (want->state == PM_UNSET)
		return !m || !pm_marker_has(m, "protection", NULL);
	return want->state == PM_SET && want->u.b;
}

/* Protection that was lifted comes back, whatever became of the rest. */
static int do_unprotected(struct pm_act *act, struct pm_error *err)
{
	struct pm_error back = { 0 };
	bool again = stays_protected(act);
	int r = pm_act_protect(act, false, err);

	if (r < 0)
		return r;
	act->lifted = true;
	r = do_steps(act, err);
	if (!again || pm_act_protect(act, true, &back) == 0)
		return r;
	if (r < 0)
		return pm_error_wrap(
			err, "%s %u is left without its protection", pm_act_word(act), act->vmid);
	*err = back;
	return pm_error_wrap(
		err, "%s %u is left without its protection", pm_act_word(act), act->vmid);
}

static int first_look(struct pm_act *act, struct pm_obj **ret, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	int r;

	for (;;) {
		r = pm_act_read(act, ret, err);
		if (r == -PM_E_NOTFOUND)
			return pm_error_set(err, PM_E_CONFLICT,
				"%s %u is gone since the plan was made; plan again",
				pm_act_word(act), act->vmid);
		if (r == 0)
			return check_planned(act, *ret, err);
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

int pm_act_update(struct pm_act *act, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r = act->holder > 0 ? pm_act_take_back(act, err) : 0;

	if (r == 0)
		r = first_look(act, &have, err);
	if (r != 0)
		return r;
	if (all_done(act, have)) {
		act->res.outcome = act->changed ? PM_DONE : PM_NOTHING;
		return 0;
	}
	if (act->a->steps & PM_STEP_UNPROTECT)
		r = do_unprotected(act, err);
	else
		r = do_steps(act, err);
	return r == 0 ? pm_act_verify(act, err) : r;
}
