/* What differs between versions of PVE, and the client's answer to each: the table behind
 * docs/reference/versions.md. A row is what a host of that version says to a call. */
#include <json-c/json.h>
#include <string.h>

#include "client.h"
#include "pve/op_priv.h"

#define UPID "UPID:pve1:00000361:0003D69F:6B020DF7:vzstart:105:root@pam:"
#define ARGS(...)                                       \
	.v = (const struct pm_op_arg[]){ __VA_ARGS__ }, \
	.n = sizeof((const struct pm_op_arg[]){ __VA_ARGS__ }) / sizeof(struct pm_op_arg)
#define GUEST                  \
	{ "vmid", "105" },     \
	{                      \
		"node", "pve1" \
	}
#define UNKNOWN \
	"property is not defined in schema and the schema does not allow additional properties"

struct row {
	struct pm_op_ask ask;
	int status; /* 0: 200 */
	const char *reason, *body;
	enum pm_code code; /* PM_OK: it works */
	const char *says;  /* a part of the error */
	const char *lacks; /* the privilege of a refusal */
	bool done;         /* it works and makes no task */
	size_t rows;       /* of a list that works */
	unsigned once;     /* the answer comes so often; then all is well */
	const char *body2; /* what is well */
};

static void check(const struct row *row)
{
	struct pm_op_ask ask = row->ask;
	struct pm_op_answer a;
	struct pm_fault f;
	struct client c;
	int r;

	client_start_token(&c, "pve1");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .method = pm_op(ask.op)->method,
				   .path = API "*",
				   .times = row->once,
				   .status = row->status,
				   .reason = row->reason,
				   .body = row->body });
	if (row->once)
		client_answer(&c, pm_op(ask.op)->method, "*", row->body2);
	ask.fault = &f;
	r = pm_op_run(c.pve, &c.job, &ask, &a, &c.err);
	if (row->code != PM_OK) {
		assert_err(r, row->code, &c.err, row->says);
		assert_string_equal(f.privilege, row->lacks ? row->lacks : "");
	} else {
		assert_ok(r, &c.err);
		assert_int_equal(a.is_task, pm_op(ask.op)->answer == PM_OA_TASK && !row->done);
		if (pm_op(ask.op)->answer == PM_OA_LIST)
			assert_int_equal(json_object_array_length(a.data), row->rows);
	}
	pm_op_answer_done(&a);
	client_stop(&c);
}

#define VERSION(id, ...)                                   \
	PM_TEST(version_##id)                              \
	{                                                  \
		check(&(const struct row){ __VA_ARGS__ }); \
	}

/* ---- before 8.4: only the reason phrase says what is wrong ---- */

VERSION(reason_only, .ask = { .op = PM_OP_GUEST_CONFIG, .guest = PM_CT, ARGS(GUEST) },
	.status = 500, .reason = "Configuration file 'nodes/pve1/lxc/105.conf' does not exist",
	.body = "{\"data\":null}", .code = PM_E_NOTFOUND, .says = "moved to another node")
VERSION(reason_of_a_refusal, .ask = { .op = PM_OP_GUEST_STATUS, .guest = PM_CT, ARGS(GUEST) },
	.status = 403, .reason = "Permission check failed (/vms/105, VM.Audit)", .body = "",
	.code = PM_E_PERMISSION, .says = "lacks the privilege VM.Audit on /vms/105",
	.lacks = "VM.Audit")
VERSION(old_ticket_text, .ask = { .op = PM_OP_VERSION }, .status = 401,
	.reason = "permission denied - invalid PVE ticket", .body = "", .code = PM_E_AUTH,
	.says = "the ticket or the API token is wrong")
VERSION(body_limit, .ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "description", "long" }) },
	.status = 501, .reason = "for data too large", .body = "", .code = PM_E_LIMIT,
	.says = "before 8.4 64 KiB")

/* ---- before 8.3: a hop that failed for no reason ---- */

VERSION(spurious_599, .ask = { .op = PM_OP_NODE_STATUS, ARGS({ "node", "pve2" }) }, .status = 599,
	.reason = "Too many redirections", .body = "", .once = 1, .body2 = "{\"data\":{}}")
VERSION(spurious_599_of_a_write, .ask = { .op = PM_OP_GUEST_START, .guest = PM_CT, ARGS(GUEST) },
	.status = 599, .reason = "Too many redirections", .body = "", .code = PM_E_UNREACHABLE,
	.says = "does not answer")

/* ---- before 7.4 and now: http where https is meant ---- */

VERSION(redirect_to_https, .ask = { .op = PM_OP_VERSION }, .status = 301, .reason = "Moved",
	.body = "", .code = PM_E_PROTOCOL, .says = "is it asked by https?")

/* ---- types of values ---- */

VERSION(number_as_text, .ask = { .op = PM_OP_CLUSTER_NEXTID }, .body = "{\"data\":\"105\"}")
VERSION(number_as_number, .ask = { .op = PM_OP_CLUSTER_NEXTID }, .body = "{\"data\":105}")
VERSION(vmid_as_text, .ask = { .op = PM_OP_GUEST_LIST, .guest = PM_VM },
	.body = "{\"data\":[{\"vmid\":\"105\",\"type\":\"qemu\"},{\"vmid\":106,\"type\":\"lxc\"}]}",
	.rows = 1)
VERSION(missing_keys, .ask = { .op = PM_OP_GUEST_LIST, .guest = PM_CT },
	.body = "{\"data\":[{\"vmid\":105,\"type\":\"lxc\"},{\"id\":\"x\"}]}", .rows = 1)
VERSION(network_rows, .ask = { .op = PM_OP_GUEST_LIST, .guest = PM_CT },
	.body = "{\"data\":[{\"type\":\"network\",\"id\":\"network/pve1/z\"},{\"vmid\":105,"
		"\"type\":\"lxc\"}]}",
	.rows = 1)

/* ---- calls that were not there, or answered otherwise ---- */

VERSION(resize_without_task,
	.ask = { .op = PM_OP_GUEST_RESIZE,
		.guest = PM_VM,
		ARGS(GUEST, { "disk", "scsi0" }, { "size", "8G" }) },
	.body = "{\"data\":null}", .done = true)
VERSION(resize_with_task,
	.ask = { .op = PM_OP_GUEST_RESIZE,
		.guest = PM_VM,
		ARGS(GUEST, { "disk", "scsi0" }, { "size", "8G" }) },
	.body = "{\"data\":\"" UPID "\"}")
VERSION(no_interfaces, .ask = { .op = PM_OP_CT_INTERFACES, ARGS(GUEST) }, .status = 501,
	.reason = "Method 'GET /nodes/pve1/lxc/105/interfaces' not implemented", .body = "",
	.code = PM_E_UNSUPPORTED, .says = "came with PVE 8.1")
VERSION(no_oci_pull,
	.ask = { .op = PM_OP_STORAGE_PULL,
		ARGS({ "node", "pve1" }, { "storage", "local" },
			{ "reference", "registry.example/x:1" }) },
	.status = 501,
	.reason = "Method 'POST /nodes/pve1/storage/local/oci-registry-pull' not implemented",
	.body = "", .code = PM_E_UNSUPPORTED, .says = "came with PVE 9.1")
VERSION(no_oci_tags,
	.ask = { .op = PM_OP_STORAGE_TAGS,
		ARGS({ "node", "pve1" }, { "reference", "registry.example/x" }) },
	.status = 501, .reason = "Method 'GET /nodes/pve1/query-oci-repo-tags' not implemented",
	.body = "", .code = PM_E_UNSUPPORTED, .says = "came with PVE 9.1")

/* ---- parameters and keys that were not there ---- */

VERSION(no_overrule_shutdown,
	.ask = { .op = PM_OP_GUEST_STOP,
		.guest = PM_CT,
		ARGS(GUEST, { "overrule-shutdown", "1" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"overrule-shutdown\":\"" UNKNOWN "\"}}", .code = PM_E_UNSUPPORTED,
	.says = "overrule-shutdown came with PVE 8.2")
VERSION(no_allow_move,
	.ask = { .op = PM_OP_POOL_SET,
		ARGS({ "poolid", "p" }, { "vms", "105" }, { "allow-move", "1" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"allow-move\":\"" UNKNOWN "\"}}", .code = PM_E_UNSUPPORTED,
	.says = "allow-move came with PVE 8.0")
VERSION(no_decompression,
	.ask = { .op = PM_OP_STORAGE_DOWNLOAD,
		ARGS({ "node", "pve1" }, { "storage", "local" }, { "content", "iso" },
			{ "url", "https://example.invalid/x.iso.gz" }, { "filename", "x.iso" },
			{ "compression", "gz" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"compression\":\"" UNKNOWN "\"}}", .code = PM_E_UNSUPPORTED,
	.says = "compression came with PVE 8.1")
VERSION(no_import,
	.ask = { .op = PM_OP_STORAGE_DOWNLOAD,
		ARGS({ "node", "pve1" }, { "storage", "local" }, { "content", "import" },
			{ "url", "https://example.invalid/x.ova" }, { "filename", "x.ova" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"content\":\"value 'import' does not have a value in the enumeration "
		"'iso, vztmpl'\"}}",
	.code = PM_E_INVALID, .says = "'iso, vztmpl'")
VERSION(no_device_key,
	.ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "dev0", "/dev/dri/renderD128" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"dev0\":\"" UNKNOWN "\"}}", .code = PM_E_UNSUPPORTED,
	.says = "this version of PVE does not know it, it came with 8.1")
VERSION(no_entrypoint_and_env,
	.ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "entrypoint", "/x" }, { "env", "A=1" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"entrypoint\":\"" UNKNOWN "\",\"env\":\"" UNKNOWN "\"}}",
	.code = PM_E_UNSUPPORTED, .says = "it came with 9.1")
VERSION(no_host_managed,
	.ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "net0", "name=eth0,host-managed=1" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"net0\":\"invalid format - format error\\nnet0.host-managed: " UNKNOWN
		"\\n\"}}",
	.code = PM_E_UNSUPPORTED, .says = "net0.host-managed")
VERSION(no_link_down,
	.ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "net0", "name=eth0,link_down=1" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"net0\":\"invalid format - format error\\nnet0.link_down: " UNKNOWN
		"\\n\"}}",
	.code = PM_E_UNSUPPORTED, .says = "net0.link_down")
VERSION(no_nested_pools, .ask = { .op = PM_OP_POOL_CREATE, ARGS({ "poolid", "a/b" }) },
	.status = 400, .reason = "Parameter verification failed.",
	.body = "{\"errors\":{\"poolid\":\"invalid format - pool name 'a/b' contains invalid "
		"characters\\n\"}}",
	.code = PM_E_INVALID, .says = "poolid: pool name 'a/b'")

/* ---- privileges that are needed since ---- */

VERSION(needs_sdn_use,
	.ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "net0", "name=eth0,bridge=vmbr0" }) },
	.status = 403, .reason = "Permission check failed (/sdn/zones/localnetwork/vmbr0, SDN.Use)",
	.body = "", .code = PM_E_PERMISSION, .says = "on /sdn/zones/localnetwork/vmbr0",
	.lacks = "SDN.Use")
VERSION(needs_sys_access_network,
	.ask = { .op = PM_OP_STORAGE_TAGS,
		ARGS({ "node", "pve1" }, { "reference", "registry.example/x" }) },
	.status = 403, .reason = "Permission check failed (/nodes/pve1, Sys.AccessNetwork)",
	.body = "", .code = PM_E_PERMISSION, .says = "on /nodes/pve1", .lacks = "Sys.AccessNetwork")
VERSION(privileged_needs_sys_modify,
	.ask = { .op = PM_OP_GUEST_CREATE, .guest = PM_CT, ARGS(GUEST, { "unprivileged", "0" }) },
	.status = 403, .reason = "Permission check failed (/, Sys.Modify)", .body = "",
	.code = PM_E_PERMISSION, .says = "Sys.Modify on /", .lacks = "Sys.Modify")
VERSION(start_needs_power,
	.ask = { .op = PM_OP_GUEST_CREATE, .guest = PM_VM, ARGS(GUEST, { "start", "1" }) },
	.status = 403, .reason = "Permission check failed (/vms/105, VM.PowerMgmt)", .body = "",
	.code = PM_E_PERMISSION, .says = "VM.PowerMgmt on /vms/105", .lacks = "VM.PowerMgmt")
VERSION(tags_of_a_new_guest_need_options,
	.ask = { .op = PM_OP_GUEST_CREATE, .guest = PM_VM, ARGS(GUEST, { "tags", "a" }) },
	.status = 403, .reason = "Permission check failed (/vms/105, VM.Config.Options)",
	.body = "", .code = PM_E_PERMISSION, .says = "VM.Config.Options on /vms/105",
	.lacks = "VM.Config.Options")

/* ---- what became of other things ---- */

PM_TEST(version_groups_became_rules)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "GET", "/cluster/ha/groups", 500,
		"cannot index groups: ha groups have been migrated to rules", "");
	assert_err(client_get(&c, "/cluster/ha/groups"), PM_E_UNSUPPORTED, &c.err, "use HA rules");
	client_stop(&c);
}

PM_TEST(version_sdn_is_locked)
{
	const struct pm_pve_call call = {
		.method = "PUT", .path = "/cluster/sdn", .operation = "api"
	};
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "PUT", "/cluster/sdn", 500, "invalid lock token provided!", "");
	assert_err(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), PM_E_LOCKED, &c.err,
		"somebody else edits the network");
	client_stop(&c);
}

PM_TEST(version_no_preconditions_of_migration)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "GET", "/nodes/pve1/lxc/105/migrate", 501,
		"Method 'GET /nodes/pve1/lxc/105/migrate' not implemented", "");
	assert_err(client_get(&c, "/nodes/pve1/lxc/105/migrate"), PM_E_UNSUPPORTED, &c.err,
		"this version of PVE does not have it");
	client_stop(&c);
}

/* A body that an old node would not relay as JSON goes as a form, to every version. */
PM_TEST(version_bodies_are_forms)
{
	const struct pm_op_ask ask = { .op = PM_OP_CT_SET, ARGS(GUEST, { "memory", "512" }) };
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "PUT", "*", "{\"data\":null}");
	assert_ok(pm_op_run(c.pve, &c.job, &ask, &a, &c.err), &c.err);
	assert_string_equal(client_body(&c, 0, "PUT", "*"), "memory=512");
	pm_op_answer_done(&a);
	client_stop(&c);
}

/* The default of unprivileged changed with 9.0: what a manifest creates says it. */
PM_TEST(version_unprivileged_is_always_said)
{
	struct pm_marker marker = { .set = "home" };
	struct pm_create create = { .vmid = 210, .node = "pve1", .marker = &marker };
	struct pm_buf form = PM_BUF(0);
	struct client c;

	client_start_token(&c, "pve1");
	create.want = want_new(&c, "shop", "web");
	pm_pve_encode_create(c.arena, &create, &form);
	assert_has(pm_buf_str(&form), "&unprivileged=1&");
	pm_buf_done(&form);
	client_stop(&c);
}

/* Before 8.4 an interface had one address of each kind. */
PM_TEST(version_addresses_in_both_forms)
{
	static const char *const forms[] = {
		"{\"data\":[{\"name\":\"eth0\",\"inet\":\"10.0.0.5/24\",\"inet6\":\"fd00::5/64\"}]}",
		"{\"data\":[{\"name\":\"eth0\",\"ip-addresses\":[{\"ip-address\":\"10.0.0.5\"},"
		"{\"ip-address\":\"fd00::5\"}]}]}",
	};

	for (size_t i = 0; i < PM_COUNT(forms); i++) {
		const struct pm_list *found;
		struct client c;

		client_start_token(&c, "pve1");
		client_answer(&c, "GET", "/nodes/pve1/lxc/105/interfaces", forms[i]);
		assert_ok(pm_pve_addresses(c.pve, &c.job, have_new(&c, 105, ""), &found, &c.err),
			&c.err);
		assert_int_equal(found->n, 2);
		assert_string_equal(found->v[0], "10.0.0.5");
		assert_string_equal(found->v[1], "fd00::5");
		client_stop(&c);
	}
}

/* Numbers and booleans come as text or not, by version and by call. */
PM_TEST(version_values_of_any_type)
{
	static const char *const texts[] = { "{\"memory\":2048,\"onboot\":1}",
		"{\"memory\":\"2048\",\"onboot\":\"1\"}", "{\"memory\":2.048e3,\"onboot\":true}" };

	for (size_t i = 0; i < PM_COUNT(texts); i++) {
		struct json_object *o = NULL;
		struct pm_error err;

		assert_ok(pm_json_parse(texts[i], strlen(texts[i]), &o, &err), &err);
		assert_int_equal(pm_json_int(o, "memory", 0), 2048);
		assert_true(pm_json_bool(o, "onboot", false));
		json_object_put(o);
	}
}

/* Since 9.2 guests of HA change their node by themselves: the call follows. */
PM_TEST(version_guests_move_by_themselves)
{
	const struct pm_op_ask ask = {
		.op = PM_OP_GUEST_CONFIG, .guest = PM_CT, ARGS({ "vmid", "105" })
	};
	struct pm_op_answer a;
	struct client c;

	client_start_token(&c, "pve1");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .method = "GET",
				   .path = API "/cluster/resources*",
				   .times = 1,
				   .body = "{\"data\":[{\"vmid\":105,\"type\":\"lxc\",\"node\":"
					   "\"pve1\"}]}" });
	client_answer(&c, "GET", "/cluster/resources*",
		"{\"data\":[{\"vmid\":105,\"type\":\"lxc\",\"node\":\"pve2\"}]}");
	client_status(&c, "GET", "/nodes/pve1/lxc/105/config", 500,
		"Configuration file 'nodes/pve1/lxc/105.conf' does not exist", "");
	client_answer(&c, "GET", "/nodes/pve2/lxc/105/config", "{\"data\":{\"memory\":512}}");
	assert_ok(pm_op_run(c.pve, &c.job, &ask, &a, &c.err), &c.err);
	pm_op_answer_done(&a);
	client_stop(&c);
}

/* Before 8.1 the name of a pool stands in the path, and before 8.0 no guest moves from one to another. */
PM_TEST(version_pools_of_old)
{
	const struct pm_op_ask ask = { .op = PM_OP_POOL_SET,
		ARGS({ "poolid", "p1" }, { "vms", "105" }) };
	struct pm_op_answer a;
	struct pm_obj *have;
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "PUT", "/pools", 501, "Method 'PUT /pools' not implemented", "");
	client_answer(&c, "PUT", "/pools/p1", "{\"data\":null}");
	assert_ok(pm_op_run(c.pve, &c.job, &ask, &a, &c.err), &c.err);
	assert_string_equal(client_body(&c, 0, "PUT", "/pools/p1"), "vms=105");
	pm_op_answer_done(&a);
	have = have_new(&c, 105, "");
	assert_ok(pm_pve_pool(c.pve, &c.job, have, "p1", &c.err), &c.err);
	assert_string_equal(client_body(&c, 1, "PUT", "/pools/p1"), "vms=105");
	client_status(
		&c, "DELETE", "/pools[?]*", 501, "Method 'DELETE /pools' not implemented", "");
	client_status(
		&c, "DELETE", "/pools/p1", 500, "delete pool failed: pool 'p1' is not empty", "");
	assert_err(pm_op_run(c.pve, &c.job,
			   &(const struct pm_op_ask){
				   .op = PM_OP_POOL_DELETE, ARGS({ "poolid", "p1" }) },
			   &a, &c.err),
		PM_E_REFUSED, &c.err, "take out first");
	client_stop(&c);
}

PM_TEST(version_moving_between_pools_of_old)
{
	struct pm_obj *have;
	struct client c;

	client_start_token(&c, "pve1");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .method = "PUT",
				   .path = API "/pools",
				   .times = 1,
				   .status = 400,
				   .reason = "Parameter verification failed.",
				   .body = "{\"errors\":{\"allow-move\":\"" UNKNOWN "\"}}" });
	client_answer(&c, "PUT", "/pools", "{\"data\":null}");
	have = have_new(&c, 105, "");
	have->live->pool = "old";
	assert_ok(pm_pve_pool(c.pve, &c.job, have, "new", &c.err), &c.err);
	assert_string_equal(client_body(&c, 0, "PUT", "/pools"), "poolid=new&vms=105&allow-move=1");
	assert_string_equal(client_body(&c, 1, "PUT", "/pools"), "poolid=old&vms=105&delete=1");
	assert_string_equal(client_body(&c, 2, "PUT", "/pools"), "poolid=new&vms=105");
	client_stop(&c);
}
