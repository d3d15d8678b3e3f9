/* Tasks: what a call goes on as. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "lib/lib_priv.h"

struct podmox_task {
	struct pm_task t;
	unsigned vmid;
};

void podmox_task_free(podmox_task *t)
{
	free(t);
}

int podmox_task_open(const char *upid, podmox_task **ret, podmox_error **reterr)
{
	struct pm_error err = { .code = PM_OK };
	struct pm_task t = { .upid = "" };
	podmox_task *task;

	if (!upid || !pm_task_parse(upid, &t)) {
		(void)pm_error_set(&err, PM_E_INPUT, "\"%s\" is no UPID", upid ? upid : "");
		return pm_lib_fail(reterr, &err, NULL);
	}
	task = pm_xcalloc(1, sizeof(*task));
	task->t = t;
	*ret = task;
	return 0;
}

const char *podmox_task_upid(const podmox_task *t)
{
	return t ? t->t.upid : "";
}

const char *podmox_task_node(const podmox_task *t)
{
	return t ? t->t.node : "";
}

unsigned podmox_task_vmid(const podmox_task *t)
{
	return t ? t->vmid : 0;
}

const char *podmox_task_exit(const podmox_task *t)
{
	return t ? t->t.exit_status : "";
}

int podmox_task_wait(
	podmox_client *c, podmox_task *t, podmox_task_line *line, void *arg, podmox_error **reterr)
{
	struct pm_error err = { .code = PM_OK };
	struct pm_job j;
	int r;

	pm_lib_job_begin(c, &j);
	r = line ? pm_task_follow(c->pve, &j, &t->t, line, arg, &err)
		 : pm_task_wait(c->pve, &j, &t->t, &err);
	pm_lib_job_end(&j);
	return r < 0 ? pm_lib_fail(reterr, &err, NULL) : 0;
}

int pm_lib_task(
	podmox_client *c, const struct pm_op_answer *a, podmox_task **ret, podmox_error **err)
{
	podmox_task t = { .t = a->task, .vmid = a->vmid };
	podmox_task *task;

	if (!ret)
		return a->is_task ? podmox_task_wait(c, &t, NULL, NULL, err) : 0;
	*ret = NULL;
	if (a->is_task) {
		task = pm_xcalloc(1, sizeof(*task));
		*task = t;
		*ret = task;
	}
	return 0;
}

int podmox_task_status(podmox_client *c, const char *upid, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_TASK_STATUS, .fixed = { { "upid", upid } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_task_log(podmox_client *c, const char *upid, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_TASK_LOG, .fixed = { { "upid", upid } }, .params = params
	};

	return pm_lib_get(c, &call, ret, err);
}

int podmox_task_stop(podmox_client *c, const char *upid, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_TASK_STOP, .fixed = { { "upid", upid } } };

	return pm_lib_get(c, &call, NULL, err);
}
