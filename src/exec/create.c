/* Create: claim a VMID and have PVE make the guest (claim.c), write what the creation could not (tags,
 * environment, entrypoint, and that it is complete), start it, wait until it is ready, read it back. */
#include "exec/holder_priv.h"

/* A guest that was found may be of an earlier manifest, or of another hand: it is brought up to date
 * like any other. */
static int bring_up_to_date(struct pm_act *act, struct pm_error *err)
{
	int r = pm_act_write_config(act, false, NULL, err);

	if (r == 0 && act->source)
		r = pm_act_move(act, NULL, err);
	if (r == 0)
		r = pm_act_resize(act, err);
	if (r == 0 && pm_rec_get(act->a->want->spec, PM_G_POOL)->state == PM_SET)
		r = pm_act_pool(act, err);
	return r;
}

/* The guest is one that podmox made a moment ago, or found under its own marker. */
static int check_ours(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	return pm_act_owns(act, have) ? 0
				      : pm_error_set(err, PM_E_CONFLICT,
						"%s %u is not the guest that was made; plan again",
						pm_act_word(act), act->vmid);
}

/* Volumes that come from a guest before may be smaller, or lie elsewhere, than is wanted by now. */
static int bring_up_volumes(struct pm_act *act, struct pm_error *err)
{
	int r = bring_up_to_date(act, err);

	if (r == 0)
		r = pm_act_move(act, check_ours, err);
	if (r == 0)
		r = pm_act_resize(act, err);
	if (r == 0 && (act->a->steps & PM_STEP_MIGRATE))
		r = pm_act_migrate(act, err);
	return r;
}

static int set_state(struct pm_act *act, bool found, struct pm_error *err)
{
	int wants_running = pm_obj_wants_running(act->a->want);
	int r;

	if (wants_running <= 0)
		return wants_running == 0 && found ? pm_act_power(act, false, NULL, err) : 0;
	r = pm_act_power(act, true, NULL, err);
	return r == 0 ? pm_act_ready(act, err) : r;
}

static int complete(struct pm_act *act, bool found, struct pm_error *err)
{
	int r;

	/* A copy is what its source is, until it is brought up to date. */
	if (act->holder > 0)
		r = bring_up_volumes(act, err);
	else if (found || act->source)
		r = bring_up_to_date(act, err);
	else
		r = pm_act_write_config(act, true, NULL, err);
	/* An imported disk is as large as its image at first. */
	if (r == 0 && !found && !act->source && act->a->want->kind != &pm_kind_pod)
		r = pm_act_resize(act, err);
	if (r < 0)
		return pm_error_wrap(err, "completing %s %u", pm_act_word(act), act->vmid);
	r = set_state(act, found, err);
	/* It is handed to the HA manager as it is to be, so that this has nothing to do at first. */
	if (r == 0 && pm_rec_get(act->a->want->spec, PM_G_HA)->state != PM_UNSET)
		r = pm_act_ha(act, true, err);
	return r;
}

int pm_act_create(struct pm_act *act, struct pm_error *err)
{
	bool found = false;
	int r = act->holder > 0 ? pm_act_without_held(act, err) : 0;

	if (r == 0)
		r = pm_act_claim(act, &found, err);
	if (r == 0 && act->holder > 0)
		r = pm_act_take_back(act, err);
	if (r == 0)
		r = complete(act, found, err);
	return r == 0 ? pm_act_verify(act, err) : r;
}

int pm_act_replace(struct pm_act *act, struct pm_error *err)
{
	unsigned before = act->vmid;
	/* What the new one cannot be made without shows before anything is gone. */
	int r = pm_act_find_source(act, err);

	if (r == 0)
		r = pm_act_leave_ha(act, err);
	if (r == 0 && act->holder > 0)
		r = pm_act_hand_over(act, pm_act_may_go, err);
	if (r == 0)
		r = pm_act_remove(act, err);
	if (r < 0)
		return pm_error_wrap(err, "removing it for its replacement");
	act->res.outcome = PM_DONE;
	if (act->a->vmid > 0)
		act->vmid = act->a->vmid;
	r = pm_act_create(act, err);
	if (r < 0)
		return pm_error_wrap(err,
			"%s %u WAS DELETED and its replacement is not complete; mend this and apply again",
			pm_act_word(act), before);
	return 0;
}
