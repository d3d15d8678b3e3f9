/* What a run that was killed left unfinished: tasks of it may still be at work, and their ends come
 * before anything else is sent. What came of them is for the actions to find out. */
#include "base/log.h"
#include "exec/exec_priv.h"

/* The task of an intent: by its UPID, or by what it was to be. -PM_E_NOTFOUND: there is none. */
static int find_task(struct pm_exec *e, struct pm_job *j, const struct pm_intent *i,
	struct pm_task *ret, struct pm_error *err)
{
	struct pm_task_query q = { .node = i->node,
		.vmid = i->vmid,
		.type = i->task,
		.id = i->work,
		.since_s = i->at_ms / 1000 - PM_CLOCK_SLACK_S };

	if (i->upid)
		return pm_task_parse(i->upid, ret) ? 0 : -PM_E_NOTFOUND;
	if (i->task[0] == '\0' || i->node[0] == '\0')
		return -PM_E_NOTFOUND;
	return pm_task_find(e->o.pve, j, &q, ret, err);
}

static int wait_for_one(
	struct pm_exec *e, struct pm_job *j, const struct pm_intent *i, struct pm_error *err)
{
	struct pm_task task;
	int r = find_task(e, j, i, &task, err);

	if (r == 0) {
		pm_info("waiting for a task of an earlier run", PM_KV_S("object", i->object),
			PM_KV_S("upid", task.upid));
		r = pm_task_wait(e->o.pve, j, &task, err);
	}
	return r == -PM_E_CANCELLED ? r : 0;
}

int pm_journal_recover(
	struct pm_exec *e, struct pm_job *j, struct pm_journal *journal, struct pm_error *err)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	const struct pm_intent *open;
	unsigned *ids;
	size_t n = 0;

	if (!journal)
		return 0;
	open = pm_journal_unfinished(journal, &n);
	ids = pm_new_n(arena, unsigned, n + 1);
	for (size_t k = 0; k < n; k++) {
		int r = wait_for_one(e, j, &open[k], err);

		if (r < 0)
			return pm_error_wrap(err, "waiting for a task of an earlier run");
		ids[k] = open[k].id;
	}
	/* Closing one moves the others: not before all were waited for. */
	for (size_t k = 0; k < n; k++)
		pm_journal_result(journal, ids[k], "looked at by a later run");
	return 0;
}
