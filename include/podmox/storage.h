/* Storage. */
#ifndef PODMOX_STORAGE_H
#define PODMOX_STORAGE_H

#include <podmox/task.h>

PODMOX_BEGIN

/** Where: { "pve1", "local" }. */
typedef struct podmox_storage {
	const char *node;
	const char *storage;
} podmox_storage;

/** Storages of all nodes and how full they are. A list. Parameters: node. */
PODMOX_API int podmox_storage_list(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err);

/** One storage of a node. An object. */
PODMOX_API int podmox_storage_status(
	podmox_client *c, podmox_storage storage, podmox_value **ret, podmox_error **err);

/** Volumes on it. A list. Parameters: content, vmid. */
PODMOX_API int podmox_storage_content(podmox_client *c, podmox_storage storage,
	const podmox_param *params, podmox_value **ret, podmox_error **err);

/** Uploads a file of this machine. Parameters: content (required), checksum-algorithm, checksum,
 * file (required), filename. */
PODMOX_API int podmox_storage_upload(podmox_client *c, podmox_storage storage,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Lets the node download a file. Parameters: content (required), url (required), filename
 * (required), checksum-algorithm, checksum, compression, verify-certificates (1). */
PODMOX_API int podmox_storage_download(podmox_client *c, podmox_storage storage,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Lets the node pull an OCI image (Proxmox VE 9.1). Parameters: reference (required), filename. */
PODMOX_API int podmox_storage_pull(podmox_client *c, podmox_storage storage,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Tags of an OCI repository, asked by the node (9.1). A list. Parameters: reference (required). */
PODMOX_API int podmox_storage_tags(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Deletes a volume: "local:iso/debian.iso". Parameters: delay. */
PODMOX_API int podmox_storage_rm(podmox_client *c, const char *node, const char *volid,
	const podmox_param *params, podmox_task **ret, podmox_error **err);

/** Allocates a volume. Its id. Parameters: vmid (required), filename (required), size (required),
 * format. */
PODMOX_API int podmox_storage_alloc(podmox_client *c, podmox_storage storage,
	const podmox_param *params, podmox_value **ret, podmox_error **err);

PODMOX_END

#endif
