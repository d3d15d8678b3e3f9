/* Nodes. */
#ifndef PODMOX_NODE_H
#define PODMOX_NODE_H

#include <podmox/client.h>

PODMOX_BEGIN

/** Nodes of the cluster. A list. */
PODMOX_API int podmox_node_list(podmox_client *c, podmox_value **ret, podmox_error **err);

/** Load, memory, kernel. An object. */
PODMOX_API int podmox_node_status(
	podmox_client *c, const char *node, podmox_value **ret, podmox_error **err);

/** Its version of Proxmox VE. An object. */
PODMOX_API int podmox_node_version(
	podmox_client *c, const char *node, podmox_value **ret, podmox_error **err);

/** Its network interfaces. A list. Parameters: type. */
PODMOX_API int podmox_node_network(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Its services. A list. */
PODMOX_API int podmox_node_services(
	podmox_client *c, const char *node, podmox_value **ret, podmox_error **err);

/** State of one service. An object. */
PODMOX_API int podmox_node_service(podmox_client *c, const char *node, const char *service,
	podmox_value **ret, podmox_error **err);

/** Its tasks, the newest first. A list. Parameters: limit (50), start, errors, source (archive),
 * vmid, typefilter, userfilter, statusfilter, since, until. */
PODMOX_API int podmox_node_tasks(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

PODMOX_END

#endif
