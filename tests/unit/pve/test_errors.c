/* What PVE says, and what podmox makes of it. */
#include <json-c/json.h>

#include "base/arena.h"
#include "base/mem.h"
#include "client.h"

static int judge(int status, const char *reason, const char *body, struct pm_error *err)
{
	static const struct pm_host host = { .name = "pve1.lan", .url = "https://pve1.lan:8006" };
	struct pm_call c = {
		.host = &host,
		.method = "PUT",
		.path = API "/nodes/pve2/lxc/101/config?x=y",
		.status = status,
		.body_in = PM_BUF(0),
	};
	int r;

	(void)snprintf(c.reason, sizeof(c.reason), "%s", reason);
	pm_buf_adds(&c.body_in, body);
	r = pm_pve_error(&c, err);
	pm_call_done(&c);
	return r;
}

struct expected {
	int status;
	const char *reason;
	enum pm_code code;
	bool maybe;
	const char *says;
};

static const struct expected table[] = {
	{ 500, "Configuration file 'nodes/pve1/lxc/999.conf' does not exist", PM_E_NOTFOUND, false,
		"moved to another node" },
	{ 500, "unable to create CT 100 - CT 100 already exists on node 'pve1'", PM_E_EXISTS, false,
		"the number is taken" },
	{ 500, "no such resource 'ct:111'", PM_E_NOTFOUND, false, NULL },
	{ 500, "CT is locked (backup)", PM_E_LOCKED, false, "wait" },
	{ 500, "VM is locked (snapshot)", PM_E_LOCKED, false, "wait" },
	{ 500, "can't lock file '/run/lock/lxc/pve-config-101.lock' - got timeout", PM_E_LOCKED,
		false, NULL },
	{ 500, "cfs-lock 'file-user_cfg' error: got lock request timeout", PM_E_BUSY, false, NULL },
	{ 500, "create pool failed: cfs-lock 'file-user_cfg' error: no quorum!", PM_E_BUSY, false,
		"more of its nodes" },
	{ 500, "cluster not ready - no quorum?", PM_E_BUSY, false, NULL },
	{ 500, "unable to open file '/etc/pve/nodes/pve1/lxc/1.conf.tmp.9' - Permission denied",
		PM_E_BUSY, true, "quorum" },
	{ 500, "detected modified configuration - file changed by other user? Try again.",
		PM_E_CONFLICT, false, NULL },
	{ 500, "checksum mismatch (file change by other user?)", PM_E_CONFLICT, false, NULL },
	{ 500, "no options specified", PM_E_INVALID, false, NULL },
	{ 500, "CT 102 already running", PM_E_INVALID, false, NULL },
	{ 500, "CT 102 not running", PM_E_INVALID, false, NULL },
	{ 500, "unable to destroy CT 120 - container is running", PM_E_CONFLICT, false, "stop" },
	{ 500, "can't remove CT 123 - protection mode enabled", PM_E_REFUSED, false, "protection" },
	{ 500, "unable to remove CT 100 - used in HA resources and purge parameter not set.",
		PM_E_REFUSED, false, "HA" },
	{ 500, "There is a replication job '100-0' for CT 100", PM_E_REFUSED, false, NULL },
	{ 500, "unable to shrink disk size", PM_E_INVALID, false, "only grow" },
	{ 500, "shrinking disks is not supported", PM_E_INVALID, false, "only grow" },
	{ 500, "disk is already at specified size", PM_E_INVALID, false, NULL },
	{ 403, "Permission check failed (changing feature flags (except nesting) is only allowed for root@pam)",
		PM_E_PERMISSION, false, "log in as root@pam with a password" },
	{ 403, "mount point type bind is only allowed for root@pam", PM_E_PERMISSION, false,
		"log in as root@pam with a password" },
	{ 403, "configuring device passthrough is only allowed for root@pam", PM_E_PERMISSION,
		false, "log in as root@pam with a password" },
	{ 403, "changing the hookscript is only allowed for root@pam", PM_E_PERMISSION, false,
		"log in as root@pam with a password" },
	{ 500, "only root can set 'args' config", PM_E_PERMISSION, false,
		"log in as root@pam with a password" },
	{ 400, "Only root may use this option.", PM_E_PERMISSION, false,
		"log in as root@pam with a password" },
	{ 403, "Permission check failed (/vms/100, VM.Config.Options)", PM_E_PERMISSION, false,
		"lacks the privilege VM.Config.Options on /vms/100" },
	{ 403, "Permission check failed", PM_E_PERMISSION, false, "grant" },
	{ 403, "Permission check failed (pool 'nopool' does not exist)", PM_E_INVALID, false,
		"create the pool" },
	{ 500, "refusing to override existing file 'x.tar'", PM_E_EXISTS, false, NULL },
	{ 500, "got no worker upid - start worker failed", PM_E_BUSY, false, NULL },
	{ 500, "hostname lookup 'pve9' failed - failed to get address info for: pve9: x",
		PM_E_INVALID, false, "no node of that name" },
	{ 500, "invalid lock token provided!", PM_E_LOCKED, false, NULL },
	{ 500, "storage 'nope' does not exist", PM_E_INVALID, false, "name a storage" },
	{ 500, "storage 'data2' is not available on node 'pve2'", PM_E_INVALID, false, NULL },
	{ 401, "No ticket", PM_E_AUTH, false, "does not let us in" },
	{ 401, "Authentication failed!", PM_E_AUTH, false, "token" },
	{ 401, "authentication failure", PM_E_AUTH, false, "password is wrong" },
	{ 501, "Method 'GET /nosuch' not implemented", PM_E_UNSUPPORTED, false, NULL },
	{ 501, "for data too large", PM_E_LIMIT, false, "512 KiB" },
	{ 595, "Connection refused", PM_E_UNREACHABLE, false, "node pve2 does not answer" },
	{ 595, "", PM_E_UNREACHABLE, false, "node pve2 does not answer" },
	{ 596, "Connection timed out", PM_E_UNREACHABLE, true, "node pve2 does not answer" },
	{ 597, "Broken pipe", PM_E_UNREACHABLE, true, NULL },
	{ 599, "Too many redirections", PM_E_UNREACHABLE, true, NULL },
	{ 404, "Not Found", PM_E_PROTOCOL, false, "Proxmox VE host?" },
	{ 429, "Too Many Requests", PM_E_BUSY, false, NULL },
	{ 502, "Bad Gateway", PM_E_UNREACHABLE, true, NULL },
	{ 503, "Service Unavailable", PM_E_BUSY, false, NULL },
	{ 504, "Gateway Timeout", PM_E_TIMEOUT, true, NULL },
	{ 500, "something new", PM_E_INVALID, false, "something new" },
	{ 500, "", PM_E_INVALID, false, "status 500" },
	{ 418, "", PM_E_INVALID, false, "status 418" },
	{ 530, "", PM_E_INVALID, false, "status 530" },
};

PM_TEST(texts_become_codes)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		const struct expected *x = &table[i];
		struct pm_error err = { 0 };

		assert_err(judge(x->status, x->reason, "", &err), x->code, &err, x->says);
		assert_int_equal(err.http_status, x->status);
		if (err.maybe_sent != x->maybe)
			fail_msg("%s: maybe_sent is %d", x->reason, err.maybe_sent);
		assert_string_equal(err.where, "pve1.lan PUT /nodes/pve2/lxc/101/config");
		/* PVE's own words are in it, but for the full stop. */
		if (x->status == 500 && strlen(x->reason) > 0 && !strstr(x->reason, "Try again"))
			assert_has(err.msg, pm_arena_strndup(a, x->reason, strlen(x->reason) - 1));
	}
}

PM_TEST(the_message_says_more_than_the_reason)
{
	struct pm_error err;

	assert_err(
		judge(500, "error", "{\"data\":null,\"message\":\"CT is locked (disk)\\n\"}", &err),
		PM_E_LOCKED, &err, "CT is locked (disk)");
	/* A page of a proxy in between is not shown. */
	assert_err(judge(503, "Unavailable", "<html><body>oops</body></html>", &err), PM_E_BUSY,
		&err, "Unavailable");
	assert_null(strstr(err.msg, "html"));
	assert_err(judge(500, "first line", "{\"broken", &err), PM_E_INVALID, &err, "first line");
	assert_err(judge(500, "x",
			   "{\"message\":\"one\\n\\ntwo at /usr/share/perl5/PVE/X.pm line 3.\\n\"}",
			   &err),
		PM_E_INVALID, &err, "one; two");
	assert_null(strstr(err.msg, "perl5"));
}

PM_TEST(parameters_are_named_as_in_the_manifest)
{
	struct pm_error err;

	assert_err(
		judge(400, "Parameter verification failed.",
			"{\"data\":null,\"errors\":{\"memory\":\"value must have a minimum value of 16\","
			"\"cores\":\"type check ('integer') failed - got 'x'\"}}",
			&err),
		PM_E_INVALID, &err,
		"PVE refuses cores (resources.cores): type check ('integer') failed - got 'x'; memory "
		"(resources.memory): value must have a minimum value of 16");
	assert_err(
		judge(400, "Parameter verification failed.",
			"{\"errors\":{\"net0\":\"invalid format - format error\\nnet0.ip: invalid format - "
			"value does not look like a valid ipv4 network configuration\\n\\n\"}}",
			&err),
		PM_E_INVALID, &err, "net0.ip (network.interfaces.ip): ");
	assert_err(
		judge(400, "Parameter verification failed.",
			"{\"errors\":{\"net0\":\"unable to hotplug net0: interface vmbr77 does not "
			"exist\\n\\n\"}}",
			&err),
		PM_E_INVALID, &err, "net0 (network.interfaces): unable to hotplug net0");
	assert_true(err.maybe_sent);
	assert_err(judge(400, "Parameter verification failed.",
			   "{\"errors\":{\"vmid\":\"VM 100 already exists\"}}", &err),
		PM_E_EXISTS, &err, "vmid: VM 100 already exists");
	assert_err(judge(400, "Parameter verification failed.",
			   "{\"errors\":{\"upid\":\"no such task\"}}", &err),
		PM_E_NOTFOUND, &err, "no such task");
}

PM_TEST(a_key_that_nobody_knows_is_perhaps_another)
{
	struct pm_error err;

	assert_err(
		judge(400, "Parameter verification failed.",
			"{\"errors\":{\"memroy\":\"property is not defined in schema and the schema does "
			"not allow additional properties\"}}",
			&err),
		PM_E_UNSUPPORTED, &err,
		"memroy: this version of PVE does not know it; did you mean memory?");
}

PM_TEST(a_key_the_version_does_not_know_is_unsupported)
{
#define UNKNOWN \
	"property is not defined in schema and the schema does not allow additional properties"
	struct pm_error err;

	assert_err(judge(400, "Parameter verification failed.",
			   "{\"errors\":{\"env\":\"" UNKNOWN "\"}}", &err),
		PM_E_UNSUPPORTED, &err,
		"env: this version of PVE does not know it, it came with 9.1");
	assert_err(
		judge(400, "Parameter verification failed.",
			"{\"errors\":{\"net3\":\"invalid format - format error\\nnet3.host-managed: " UNKNOWN
			"\\n\"}}",
			&err),
		PM_E_UNSUPPORTED, &err,
		"net3.host-managed (network.interfaces.host-managed): this version of PVE does not know it, "
		"it came with 9.1");
	/* With a wrong value beside it, it is the value that can be mended. */
	assert_err(judge(400, "Parameter verification failed.",
			   "{\"errors\":{\"bogus\":\"" UNKNOWN "\",\"cores\":\"must be\"}}", &err),
		PM_E_INVALID, &err, "bogus: this version of PVE does not know it; cores");
}

PM_TEST(long_lists_of_choices_are_cut)
{
	struct pm_error err;
	cleanup_buf struct pm_buf body = PM_BUF(0);

	pm_buf_adds(&body, "{\"errors\":{\"disk\":\"value 'foo' is not one of ");
	for (int i = 0; i < 256; i++)
		pm_buf_addf(&body, "mp%d, ", i);
	pm_buf_adds(&body, "\"}}");
	assert_err(judge(400, "Parameter verification failed.", pm_buf_str(&body), &err),
		PM_E_INVALID, &err, "...");
	assert_true(strlen(err.msg) < 400);
}

/* ---- all that was recorded ---- */

struct tally {
	size_t errors;
	size_t byte_code[PM_CODE_MAX];
};

static void judge_recorded(void *arg, const char *name, const char *method, const char *path,
	int status, const char *reason, struct json_object *body)
{
	static const struct pm_host host = { .name = "pve1" };
	struct tally *t = arg;
	struct pm_call c = { .host = &host, .method = method, .path = path, .status = status };
	struct pm_error err = { 0 };
	int r;

	if (status < 400)
		return;
	(void)snprintf(c.reason, sizeof(c.reason), "%s", reason);
	if (json_object_is_type(body, json_type_object))
		pm_buf_adds(&c.body_in, json_object_to_json_string(body));
	r = pm_pve_error(&c, &err);
	pm_call_done(&c);
	if (r >= 0 || err.code == PM_OK || err.code >= PM_CODE_MAX || strlen(err.msg) < 8 ||
		strchr(err.msg, '\n') || strstr(err.msg, "/usr/share/perl"))
		fail_msg("%s: %s %s gives code %d \"%s\"", name, method, path, err.code, err.msg);
	/* Statuses whose class is certain. */
	if (status == 401)
		assert_int_equal(err.code, PM_E_AUTH);
	if (status >= 595)
		assert_int_equal(err.code, PM_E_UNREACHABLE);
	if (strstr(reason, ".conf' does not exist"))
		assert_int_equal(err.code, PM_E_NOTFOUND);
	t->errors++;
	t->byte_code[err.code]++;
}

PM_TEST(every_recorded_error_is_typed)
{
	struct tally t = { 0 };

	each_recorded(judge_recorded, &t);
	assert_true(t.errors > 200);
	assert_true(t.byte_code[PM_E_NOTFOUND] > 20);
	assert_true(t.byte_code[PM_E_PERMISSION] > 5);
	assert_true(t.byte_code[PM_E_CONFLICT] > 3);
	assert_int_equal(t.byte_code[PM_E_BUG], 2); /* a body on DELETE, a body that is no JSON */
}
