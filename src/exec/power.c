/* Starting, stopping, restarting: look, send, follow the task, look again. A task that ended well is
 * not the goal (a first process may end at once, HA takes its time), so the state decides. */
#include "base/text.h"
#include "exec/exec_priv.h"

#define LOOKS_AFTER    5  /* for the state to follow the task, a second apart */
#define LOOKS_AFTER_HA 60 /* the HA manager works in rounds of ten seconds */

static const char *task_of(const struct pm_act *act, enum pm_power what)
{
	static const enum pm_work works[] = {
		[PM_START] = PM_W_START,
		[PM_SHUTDOWN] = PM_W_SHUTDOWN,
		[PM_STOP] = PM_W_STOP,
		[PM_REBOOT] = PM_W_REBOOT,
	};

	return pm_act_task(act, works[what]);
}

static const char *word_of(enum pm_power what)
{
	switch (what) {
	case PM_START:
		return "starting";
	case PM_REBOOT:
		return "restarting";
	default:
		return "stopping";
	}
}

static int send_power(
	struct pm_act *act, const struct pm_obj *have, enum pm_power what, struct pm_error *err)
{
	int r = pm_places_enter(act, act->node, NULL, err);

	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "%s", word_of(what));
	pm_act_intent(act, task_of(act, what));
	r = pm_pve_power(act->run->e->o.pve, &act->job, have, what, PM_SHUTDOWN_S, err);
	/* A task may run whose answer was lost; its end comes first, then the next look. */
	if (r < 0 && err->maybe_sent)
		pm_act_settle(act, task_of(act, what));
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, NULL);
	return r < 0 ? pm_error_wrap(err, "%s", word_of(what)) : 0;
}

/* 0: it is so; 1: it is not. */
static int follow_state(struct pm_act *act, bool on, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r;

	for (unsigned looks = 0;; looks++) {
		r = pm_act_read(act, &have, err);
		if (r < 0)
			return r;
		if (pm_obj_runs(have) == on)
			return 0;
		if (looks >= (have->live->hastate || have->spec->val[PM_G_HA].state == PM_SET
					     ? LOOKS_AFTER_HA
					     : LOOKS_AFTER))
			return 1;
		r = pm_act_wait(act, PM_S_NS, err);
		if (r < 0)
			return r;
	}
}

static int sent_well(struct pm_act *act, bool on, bool *hard, struct pm_error *err)
{
	int r = follow_state(act, on, err);

	if (r <= 0)
		return r;
	if (on)
		return pm_error_set(err, PM_E_TASK,
			"%s %u was started and stopped again: look at its console and at what its first "
			"process says",
			pm_act_word(act), act->vmid);
	if (*hard)
		return pm_error_set(err, PM_E_TASK, "%s %u was stopped and runs again",
			pm_act_word(act), act->vmid);
	*hard = true;
	return 1;
}

/* One look, and what follows from it. 0: it is so; 1: look again; else an error to be judged. */
static int power_once(
	struct pm_act *act, bool on, bool *hard, pm_act_check_fn *check, struct pm_error *err)
{
	enum pm_power what = on ? PM_START : *hard ? PM_STOP : PM_SHUTDOWN;
	struct pm_obj *have = NULL;
	int r = pm_act_read(act, &have, err);

	if (r == 0 && pm_obj_runs(have) == on)
		return 0;
	if (r == 0)
		r = pm_act_locked(act, have, err);
	if (r == 0 && check)
		r = check(act, have, err);
	if (r < 0)
		return r;
	r = send_power(act, have, what, err);
	if (r == 0)
		return sent_well(act, on, hard, err);
	/* The task ended and it still runs: a system that does not heed the request is stopped. */
	if (what == PM_SHUTDOWN && (r == -PM_E_TASK || r == -PM_E_TIMEOUT) &&
		pm_str_starts(err->where, "UPID:")) {
		*hard = true;
		return 1;
	}
	return r;
}

int pm_act_power(struct pm_act *act, bool on, pm_act_check_fn *check, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	bool hard = false;
	int r;

	for (;;) {
		r = power_once(act, on, &hard, check, err);
		/* These calls carry no digest: a conflict is the check's, and final. */
		if (r == 0 || r == -PM_E_CONFLICT)
			return r;
		if (r < 0)
			r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

/* ---- by the HA manager ---- */

bool pm_act_ha_rules(const struct pm_act *act)
{
	const struct pm_value *v = pm_rec_get(act->a->want->spec, PM_G_HA);

	return v->state == PM_SET &&
	       !pm_str_eq(pm_rec_str(v->u.rec, PM_HA_STATE, "ignored"), "ignored");
}

/* A command of ours would only overwrite what was just written: a wish, as that is. */
int pm_act_ha_wait(struct pm_act *act, bool on, struct pm_error *err)
{
	int r;

	pm_act_event(
		act, PM_EV_PROGRESS, "waits for the HA manager to %s it", on ? "start" : "stop");
	r = follow_state(act, on, err);
	if (r <= 0)
		return r;
	return pm_error_set(err, PM_E_TIMEOUT,
		"the HA manager did not %s %s %u within %d s: ha-manager status says why",
		on ? "start" : "stop", pm_act_word(act), act->vmid, LOOKS_AFTER_HA);
}

/* ---- restart ---- */

/* A machine without an agent whose system does not listen to ACPI: asking once more is of no use, and it is
 * not for us to pull its plug. */
static bool is_deaf(const struct pm_obj *have, const struct pm_error *err)
{
	return pm_str_eq(have->live->type, "qemu") &&
	       (err->code == PM_E_TASK || err->code == PM_E_TIMEOUT) &&
	       pm_str_starts(err->where, "UPID:");
}

static int restart_until(struct pm_act *act, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	const struct pm_change **left;
	struct pm_obj *have = NULL;
	bool waiting;
	int r;

	for (;;) {
		r = pm_act_read(act, &have, err);
		if (r == 0) {
			(void)pm_act_diff(act, have, &left, &waiting);
			if (!waiting || !pm_obj_runs(have))
				return 0;
			r = pm_act_locked(act, have, err);
		}
		if (r == 0) {
			r = send_power(act, have, PM_REBOOT, err);
			if (r == 0)
				return 0;
			if (is_deaf(have, err))
				return pm_error_wrap(err,
					"VM %u does not heed the request to restart: stop and start it, or "
					"run the guest agent in it",
					act->vmid);
		}
		r = pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
}

/* The next guest has to wait until this one is ready again: not all are away at once. */
static int restart_alone(struct pm_act *act, struct pm_error *err)
{
	struct pm_error up = { 0 };
	int r = restart_until(act, err);

	if (r == -PM_E_CANCELLED)
		return r;
	/* It ran before: it runs again, also when the restart went wrong. */
	if (pm_act_power(act, true, NULL, r < 0 ? &up : err) < 0) {
		if (r == 0)
			return pm_error_wrap(err, "%s %u does not run after its restart",
				pm_act_word(act), act->vmid);
		return pm_error_wrap(
			err, "%s %u does not run any more", pm_act_word(act), act->vmid);
	}
	return r < 0 ? r : pm_act_ready(act, err);
}

int pm_act_restart(struct pm_act *act, struct pm_error *err)
{
	const struct pm_change **left;
	struct pm_obj *have = NULL;
	bool waiting;
	int r = pm_act_read(act, &have, err);

	if (r < 0)
		return r;
	(void)pm_act_diff(act, have, &left, &waiting);
	if (!waiting || !pm_obj_runs(have))
		return 0;
	r = pm_restart_enter(act, err);
	if (r < 0)
		return r;
	r = restart_alone(act, err);
	pm_restart_leave(act);
	return r;
}
