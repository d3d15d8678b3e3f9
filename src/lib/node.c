/* Nodes: each call names its row. */
#include "lib/lib_priv.h"

int podmox_node_list(podmox_client *c, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_NODE_LIST };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_status(podmox_client *c, const char *node, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_NODE_STATUS, .fixed = { { "node", node } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_version(podmox_client *c, const char *node, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_NODE_VERSION, .fixed = { { "node", node } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_network(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_NODE_NETWORK, .fixed = { { "node", node } }, .params = params
	};

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_services(podmox_client *c, const char *node, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_NODE_SERVICES,
		.fixed = { { "node", node } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_service(podmox_client *c, const char *node, const char *service, podmox_value **ret,
	podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_NODE_SERVICE,
		.fixed = { { "node", node }, { "service", service } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_node_tasks(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_NODE_TASKS, .fixed = { { "node", node } }, .params = params
	};

	return pm_lib_get(c, &call, ret, err);
}
