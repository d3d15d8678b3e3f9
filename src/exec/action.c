/* One action from its precondition to its verification, and what its end is called. */
#include "exec/exec_priv.h"

static int perform(struct pm_act *act, struct pm_error *err)
{
	switch (act->a->verb) {
	case PM_V_CREATE:
		return pm_act_create(act, err);
	case PM_V_REPLACE:
		return pm_act_replace(act, err);
	case PM_V_DELETE:
		return pm_act_remove(act, err);
	case PM_V_STOP:
		return act->a->want ? pm_act_update(act, err) : pm_act_retire(act, err);
	case PM_V_UPDATE:
	case PM_V_START:
		return pm_act_update(act, err);
	default:
		act->res.outcome = PM_NOTHING;
		return 0;
	}
}

void pm_act_perform(struct pm_act *act)
{
	int r = perform(act, &act->res.err);

	act->res.attempts++;
	/* Nobody ends a task of PVE because podmox ends: it is left to itself, by name. */
	if (r == -PM_E_CANCELLED && act->task[0] != '\0')
		(void)pm_error_wrap(&act->res.err, "task %s may go on without us", act->task);
	if (r < 0) {
		act->res.outcome = r == -PM_E_CONFLICT ? PM_STALE : PM_FAILED;
		return;
	}
	memset(&act->res.err, 0, sizeof(act->res.err));
	pm_journal_result(act->run->journal, act->intent, "ok");
}
