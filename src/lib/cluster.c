/* The cluster and its pools: each call names its row. */
#include "lib/lib_priv.h"

int podmox_cluster_resources(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_CLUSTER_RESOURCES, .params = params };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_cluster_status(podmox_client *c, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_CLUSTER_STATUS };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_cluster_nextid(podmox_client *c, unsigned *ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_CLUSTER_NEXTID };
	podmox_value *v = NULL;
	int r = pm_lib_get(c, &call, &v, err);

	if (r == 0)
		*ret = (unsigned)podmox_value_int(v, 0);
	podmox_value_free(v);
	return r;
}

int podmox_cluster_version(podmox_client *c, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_VERSION };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_cluster_permissions(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_PERMISSIONS, .params = params };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_pool_list(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_POOL_LIST, .params = params };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_pool_create(
	podmox_client *c, const char *poolid, const podmox_param *params, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_POOL_CREATE, .fixed = { { "poolid", poolid } }, .params = params
	};

	return pm_lib_get(c, &call, NULL, err);
}

int podmox_pool_set(
	podmox_client *c, const char *poolid, const podmox_param *params, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_POOL_SET, .fixed = { { "poolid", poolid } }, .params = params
	};

	return pm_lib_get(c, &call, NULL, err);
}

int podmox_pool_delete(podmox_client *c, const char *poolid, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_POOL_DELETE,
		.fixed = { { "poolid", poolid } } };

	return pm_lib_get(c, &call, NULL, err);
}
