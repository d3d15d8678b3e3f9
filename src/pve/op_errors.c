/* Which classes of errors a call can give: for the reference page, and for the tests that bring each about. */
#include <string.h>

#include "base/mem.h"
#include "pve/op_priv.h"

static bool takes(const struct pm_op *op, const char *name, unsigned flags)
{
	const struct pm_param *p = pm_op_param(op, name);

	return p && (p->flags & flags) == flags;
}

/* Does it speak of one thing that may not be there? */
static bool names_one(const struct pm_op *op)
{
	for (const struct pm_param *p = op->params; p->name; p++) {
		/* An unknown node or service is a bad parameter to PVE. */
		if (p->flags & PM_P_PATH && p->type != PM_P_NODE && strcmp(p->name, "service") != 0)
			return true;
	}
	return op->operation && takes(op, "poolid", PM_P_REQUIRED) &&
	       strcmp(op->method, "POST") != 0;
}

static bool has_params(const struct pm_op *op)
{
	for (const struct pm_param *p = op->params; p->name; p++) {
		if (!(p->flags & (PM_P_PATH | PM_P_OURS)))
			return true;
	}
	return op->any_keys;
}

/* Makes something that may be there already. */
static bool makes(const struct pm_op *op)
{
	switch (op - pm_op(0)) {
	case PM_OP_GUEST_CREATE:
	case PM_OP_GUEST_CLONE:
	case PM_OP_SNAP_CREATE:
	case PM_OP_STORAGE_PULL:
	case PM_OP_STORAGE_ALLOC:
	case PM_OP_POOL_CREATE:
	case PM_OP_CLUSTER_NEXTID:
		return true;
	default:
		return false;
	}
}

bool pm_op_can_fail(const struct pm_op *op, enum pm_code code)
{
	bool write = op->operation != NULL, guest = op->kind != PM_OK_NONE;

	switch (code) {
	case PM_E_USAGE:
	case PM_E_AUTH:
	case PM_E_PERMISSION:
	case PM_E_BUSY:
	case PM_E_TIMEOUT:
	case PM_E_UNREACHABLE:
	case PM_E_PROTOCOL:
	case PM_E_UNSUPPORTED:
	case PM_E_CANCELLED:
		return true;
	case PM_E_INVALID:
		return write || has_params(op);
	case PM_E_NOTFOUND:
		return names_one(op);
	case PM_E_EXISTS:
		return makes(op);
	case PM_E_CONFLICT:
		return takes(op, "digest", 0) || (guest && strcmp(op->method, "DELETE") == 0);
	case PM_E_LOCKED:
		return write && guest;
	case PM_E_REFUSED:
		return write;
	case PM_E_TASK:
		return op->answer == PM_OA_TASK;
	case PM_E_LIMIT:
		return op->any_keys;
	case PM_E_IO:
		return takes(op, "file", 0);
	default:
		return false;
	}
}
