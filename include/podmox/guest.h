/* Guests: containers and virtual machines, with the same calls. What a call takes as parameters is what the
 * command of the same name takes (podmox ct clone --help, docs/reference/calls.md); `node` is looked up when
 * it is not given. */
#ifndef PODMOX_GUEST_H
#define PODMOX_GUEST_H

#include <podmox/task.h>

PODMOX_BEGIN

typedef enum podmox_guest_type { PODMOX_CT = 1, PODMOX_VM = 2 } podmox_guest_type;

/** Which guest: { PODMOX_CT, 105 }. */
typedef struct podmox_guest {
	podmox_guest_type type;
	unsigned vmid;
} podmox_guest;

/** All guests of the kind, on all nodes; guest.vmid is not used. A list. Parameters: node. */
PODMOX_API int podmox_guest_list(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Run state, lock, uptime and use, as its node says now. An object. Parameters: node. */
PODMOX_API int podmox_guest_status(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Starts it. Parameters: node, debug, timeout. */
PODMOX_API int podmox_guest_start(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Shuts it down in order. Parameters: node, timeout, force-stop, keep-active. */
PODMOX_API int podmox_guest_shutdown(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Stops it at once, as by pulling the plug. Parameters: node, overrule-shutdown, timeout,
 * keep-active. */
PODMOX_API int podmox_guest_stop(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Restarts it in order. Parameters: node, timeout. */
PODMOX_API int podmox_guest_restart(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Creates it on the node that the parameters name. guest.vmid 0: the next free number, which
 * podmox_task_vmid tells. Parameters: node (required), and all of Proxmox VE's. */
PODMOX_API int podmox_guest_create(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Destroys a stopped guest and its volumes. Parameters: node, purge, destroy-unreferenced-disks,
 * force. */
PODMOX_API int podmox_guest_delete(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Copies it. Without newid the next free number is taken. Parameters: node, newid, name, full,
 * storage, format, target, pool, snapname, description, bwlimit. */
PODMOX_API int podmox_guest_clone(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Its configuration, with pending values and digest. An object. Parameters: node, current,
 * snapshot. */
PODMOX_API int podmox_guest_config(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Values in force and pending ones. A list. Parameters: node. */
PODMOX_API int podmox_guest_pending(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_value **ret, podmox_error **err);

/** Changes its configuration. Parameters: node, digest, delete, revert, force, background-delay,
 * and all of Proxmox VE's. */
PODMOX_API int podmox_guest_set(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Lets a volume grow. Parameters: node, digest, disk (required), size (required). */
PODMOX_API int podmox_guest_resize(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Moves it to another node. Parameters: node, target (required), online, restart, timeout (180),
 * target-storage, with-local-disks, with-conntrack-state, force, migration-type,
 * migration-network, bwlimit. */
PODMOX_API int podmox_guest_migrate(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Moves a volume to another storage or guest. Parameters: node, digest, volume (required),
 * storage, delete, target-vmid, target-volume, target-digest, bwlimit, format. */
PODMOX_API int podmox_guest_move(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Makes a template of it; this cannot be undone. Parameters: node, disk. */
PODMOX_API int podmox_guest_template(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Pauses a virtual machine. Parameters: node, todisk, statestorage. */
PODMOX_API int podmox_guest_suspend(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Lets a paused virtual machine go on. Parameters: node. */
PODMOX_API int podmox_guest_resume(podmox_client *c, podmox_guest guest, const podmox_param *params,
	podmox_task **ret, podmox_error **err);

/** Network interfaces of a running container as seen inside. A list. Parameters: node. */
PODMOX_API int podmox_guest_interfaces(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_value **ret, podmox_error **err);

/** Its snapshots. A list; "current" is its present state. Parameters: node. */
PODMOX_API int podmox_guest_snapshots(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_value **ret, podmox_error **err);

/** Takes a snapshot. Parameters: node, snapname (required), description, vmstate. */
PODMOX_API int podmox_guest_snapshot(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Goes back to a snapshot; everything since then is lost. Parameters: node, snapname (required),
 * start. */
PODMOX_API int podmox_guest_rollback(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Deletes a snapshot. Parameters: node, snapname (required), force. */
PODMOX_API int podmox_guest_delsnapshot(podmox_client *c, podmox_guest guest,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

PODMOX_END

#endif
