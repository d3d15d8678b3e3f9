/* Guests: each call names its row; what is the same for all of them stands above. */
#include "lib/lib_priv.h"

/* The guest as the first argument of a call. */
struct guest_call {
	struct pm_lib_call call;
	char vmid[16];
};

static void prepare(
	struct guest_call *g, enum pm_op_id op, podmox_guest guest, const podmox_param *params)
{
	g->call = (struct pm_lib_call){
		.op = op, .guest = guest.type == PODMOX_VM ? PM_VM : PM_CT, .params = params
	};
	(void)snprintf(g->vmid, sizeof(g->vmid), "%u", guest.vmid);
	if (guest.vmid != 0)
		g->call.fixed[0] = (struct pm_op_arg){ "vmid", g->vmid };
}

/* Is it a kind of guest that the call is for? */
static int check(enum pm_op_id op, podmox_guest guest, podmox_error **reterr)
{
	enum pm_op_kind kind = pm_op(op)->kind;
	struct pm_error err;

	if ((guest.type == PODMOX_CT && kind != PM_OK_VM) ||
		(guest.type == PODMOX_VM && kind != PM_OK_CT))
		return 0;
	(void)pm_error_set(&err, PM_E_USAGE, "%s is no call for guest type %d", pm_op(op)->verb,
		(int)guest.type);
	return pm_lib_fail(reterr, &err, NULL);
}

struct guest_ask {
	podmox_client *c;
	podmox_guest guest;
	const podmox_param *params;
};

static int get(enum pm_op_id op, const struct guest_ask *a, podmox_value **ret, podmox_error **err)
{
	struct guest_call g;
	int r = check(op, a->guest, err);

	if (r < 0)
		return r;
	prepare(&g, op, a->guest, a->params);
	return pm_lib_get(a->c, &g.call, ret, err);
}

static int start(enum pm_op_id op, const struct guest_ask *a, podmox_task **ret, podmox_error **err)
{
	struct guest_call g;
	int r = check(op, a->guest, err);

	if (r < 0)
		return r;
	prepare(&g, op, a->guest, a->params);
	return pm_lib_start(a->c, &g.call, ret, err);
}

int podmox_guest_list(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, { guest.type, 0 }, params };

	return get(PM_OP_GUEST_LIST, &a, ret, err);
}

int podmox_guest_status(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return get(PM_OP_GUEST_STATUS, &a, ret, err);
}

int podmox_guest_config(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return get(PM_OP_GUEST_CONFIG, &a, ret, err);
}

int podmox_guest_pending(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return get(PM_OP_GUEST_PENDING, &a, ret, err);
}

int podmox_guest_interfaces(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return get(PM_OP_CT_INTERFACES, &a, ret, err);
}

int podmox_guest_snapshots(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return get(PM_OP_SNAP_LIST, &a, ret, err);
}

int podmox_guest_start(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_START, &a, ret, err);
}

int podmox_guest_shutdown(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_SHUTDOWN, &a, ret, err);
}

int podmox_guest_stop(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_STOP, &a, ret, err);
}

int podmox_guest_restart(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_RESTART, &a, ret, err);
}

int podmox_guest_create(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_CREATE, &a, ret, err);
}

int podmox_guest_delete(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_DELETE, &a, ret, err);
}

int podmox_guest_clone(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_CLONE, &a, ret, err);
}

int podmox_guest_set(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(guest.type == PODMOX_VM ? PM_OP_VM_SET : PM_OP_CT_SET, &a, ret, err);
}

int podmox_guest_resize(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_RESIZE, &a, ret, err);
}

int podmox_guest_migrate(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_MIGRATE, &a, ret, err);
}

int podmox_guest_move(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(guest.type == PODMOX_VM ? PM_OP_VM_MOVE : PM_OP_CT_MOVE, &a, ret, err);
}

int podmox_guest_template(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_GUEST_TEMPLATE, &a, ret, err);
}

int podmox_guest_suspend(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_VM_SUSPEND, &a, ret, err);
}

int podmox_guest_resume(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_VM_RESUME, &a, ret, err);
}

int podmox_guest_snapshot(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_SNAP_CREATE, &a, ret, err);
}

int podmox_guest_rollback(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_SNAP_ROLLBACK, &a, ret, err);
}

int podmox_guest_delsnapshot(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct guest_ask a = { c, guest, params };

	return start(PM_OP_SNAP_DELETE, &a, ret, err);
}
