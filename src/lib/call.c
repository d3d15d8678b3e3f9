/* How every named call of the library reaches its row in the table of calls. */
#include <json-c/json.h>
#include <stdlib.h>

#include "base/mem.h"
#include "lib/lib_priv.h"

/* The fixed arguments, then the caller's. */
static struct pm_op_arg *collect(const struct pm_lib_call *call, size_t *ret_n)
{
	struct pm_op_arg *v;
	size_t n = 0;

	for (const podmox_param *p = call->params; p && p->name; p++)
		n++;
	v = pm_xcalloc(n + PM_LIB_FIXED + 1, sizeof(*v));
	n = 0;
	for (size_t i = 0; i < PM_LIB_FIXED; i++) {
		if (call->fixed[i].name)
			v[n++] = call->fixed[i];
	}
	for (const podmox_param *p = call->params; p && p->name; p++)
		v[n++] = (struct pm_op_arg){ p->name, p->value };
	*ret_n = n;
	return v;
}

static int run(podmox_client *c, const struct pm_lib_call *call, struct pm_op_answer *ret,
	podmox_error **reterr)
{
	struct pm_fault fault = { .code = PM_OK };
	struct pm_error err = { .code = PM_OK };
	struct pm_op_ask ask = { .op = call->op, .guest = call->guest, .fault = &fault };
	struct pm_op_arg *v = collect(call, &ask.n);
	struct pm_job j;
	int r;

	ask.v = v;
	pm_lib_job_begin(c, &j);
	r = pm_op_run(c->pve, &j, &ask, ret, &err);
	pm_lib_job_end(&j);
	free(v);
	return r < 0 ? pm_lib_fail(reterr, &err, &fault) : 0;
}

int pm_lib_get(
	podmox_client *c, const struct pm_lib_call *call, podmox_value **ret, podmox_error **err)
{
	struct pm_op_answer a = { .vmid = 0 };
	int r = run(c, call, &a, err);

	if (r < 0)
		return r;
	if (ret)
		*ret = pm_lib_value(json_object_get(a.data));
	pm_op_answer_done(&a);
	return 0;
}

int pm_lib_start(
	podmox_client *c, const struct pm_lib_call *call, podmox_task **ret, podmox_error **err)
{
	struct pm_op_answer a = { .vmid = 0 };
	int r = run(c, call, &a, err);

	if (r < 0)
		return r;
	r = pm_lib_task(c, &a, ret, err);
	pm_op_answer_done(&a);
	return r;
}
