/* Storage: each call names its row. */
#include "lib/lib_priv.h"

int podmox_storage_list(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_LIST, .params = params };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_storage_status(
	podmox_client *c, podmox_storage storage, podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_STATUS,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } } };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_storage_content(podmox_client *c, podmox_storage storage, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_CONTENT,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } },
		.params = params };

	return pm_lib_get(c, &call, ret, err);
}

int podmox_storage_upload(podmox_client *c, podmox_storage storage, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_UPLOAD,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } },
		.params = params };

	return pm_lib_start(c, &call, ret, err);
}

int podmox_storage_download(podmox_client *c, podmox_storage storage, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_DOWNLOAD,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } },
		.params = params };

	return pm_lib_start(c, &call, ret, err);
}

int podmox_storage_pull(podmox_client *c, podmox_storage storage, const podmox_param *params,
	podmox_task **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_PULL,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } },
		.params = params };

	return pm_lib_start(c, &call, ret, err);
}

int podmox_storage_tags(podmox_client *c, const char *node, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = {
		.op = PM_OP_STORAGE_TAGS, .fixed = { { "node", node } }, .params = params
	};

	return pm_lib_get(c, &call, ret, err);
}

int podmox_storage_rm(podmox_client *c, const char *node, const char *volid,
	const podmox_param *params, podmox_task **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_RM,
		.fixed = { { "volid", volid }, { "node", node } },
		.params = params };

	return pm_lib_start(c, &call, ret, err);
}

int podmox_storage_alloc(podmox_client *c, podmox_storage storage, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	const struct pm_lib_call call = { .op = PM_OP_STORAGE_ALLOC,
		.fixed = { { "node", storage.node }, { "storage", storage.storage } },
		.params = params };

	return pm_lib_get(c, &call, ret, err);
}
