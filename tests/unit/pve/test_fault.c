/* Failures taken apart: the parts of every kind of answer, and secrets that somebody repeated. */
#include <string.h>

#include "base/text.h"
#include "client.h"
#include "pve/op_priv.h"

static void take(struct pm_fault *f, int status, const char *reason, const char *body)
{
	static const struct pm_host host = { .name = "pve1.lan", .url = "https://pve1.lan:8006" };
	struct pm_call c = {
		.host = &host,
		.method = "PUT",
		.path = API "/nodes/pve2/lxc/101/config?x=y",
		.status = status,
		.retry_after_s = 7,
		.body_in = PM_BUF(0),
	};

	(void)snprintf(c.reason, sizeof(c.reason), "%s", reason);
	pm_buf_adds(&c.body_in, body);
	pm_pve_fault(&c, f);
	pm_call_done(&c);
}

PM_TEST(fault_says_which_request)
{
	struct pm_fault f;

	take(&f, 500, "CT is locked (backup)", "");
	assert_int_equal(f.code, PM_E_LOCKED);
	assert_int_equal(f.status, 500);
	assert_true(f.retryable);
	assert_string_equal(f.host, "pve1.lan");
	assert_string_equal(f.method, "PUT");
	assert_string_equal(f.path, "/nodes/pve2/lxc/101/config");
	assert_string_equal(f.text, "CT is locked (backup)");
	assert_int_equal(f.retry_after_s, 7);
	assert_int_equal(f.nparams, 0);
	assert_string_equal(f.privilege, "");
}

PM_TEST(fault_names_privilege_and_path)
{
	static const struct {
		const char *text, *privilege, *path;
	} known[] = {
		{ "Permission check failed (/vms/100, VM.Config.Options)", "VM.Config.Options",
			"/vms/100" },
		{ "Permission check failed (/vms/998, VM.Config.Disk|VM.Config.CPU)",
			"VM.Config.Disk|VM.Config.CPU", "/vms/998" },
		{ "Permission check failed (/sdn/zones/localnetwork/vmbr0,SDN.Use)\\n", "SDN.Use",
			"/sdn/zones/localnetwork/vmbr0" },
		{ "update failed: Permission check failed (/, Sys.Modify)", "Sys.Modify", "/" },
		{ "Permission check failed", "", "" },
		{ "Permission check failed (changing feature flags (except nesting) is only "
		  "allowed for root@pam)",
			"", "" },
		{ "Permission check failed (/vms/100", "", "" },
		{ "Permission check failed (/vms/100)", "", "" },
	};

	for (size_t i = 0; i < PM_COUNT(known); i++) {
		char body[400];
		struct pm_fault f;

		(void)snprintf(
			body, sizeof(body), "{\"data\":null,\"message\":\"%s\"}", known[i].text);
		take(&f, 403, "Permission check failed", body);
		assert_int_equal(f.code, PM_E_PERMISSION);
		assert_string_equal(f.privilege, known[i].privilege);
		assert_string_equal(f.acl_path, known[i].path);
		assert_false(f.retryable);
	}
}

PM_TEST(fault_maps_parameters_in_order)
{
	struct pm_fault f;

	take(&f, 400, "Parameter verification failed.",
		"{\"data\":null,\"message\":\"Parameter verification failed.\\n\",\"errors\":{"
		"\"swap\":\"value must have a minimum value of 0\","
		"\"cores\":\"type check ('integer') failed - got 'x'\","
		"\"net0\":\"invalid format - format error\\nnet0.ip: invalid\\n\\n\"}}");
	assert_int_equal(f.code, PM_E_INVALID);
	assert_int_equal(f.nparams, 3);
	assert_string_equal(f.param[0].name, "cores");
	assert_string_equal(f.param[0].text, "type check ('integer') failed - got 'x'");
	assert_string_equal(f.param[1].name, "net0");
	assert_string_equal(f.param[1].text, "net0.ip: invalid");
	assert_string_equal(f.param[2].name, "swap");
	assert_string_equal(f.text, "Parameter verification failed");
}

PM_TEST(fault_keeps_sixteen_parameters)
{
	struct pm_buf body = PM_BUF(0);
	struct pm_fault f;

	pm_buf_adds(&body, "{\"errors\":{\"a\":\"x\"");
	for (unsigned i = 0; i < 40; i++)
		pm_buf_addf(&body, ",\"k%u\":\"bad\"", i);
	pm_buf_adds(&body, "}}");
	take(&f, 400, "Parameter verification failed.", pm_buf_str(&body));
	assert_int_equal(f.nparams, PM_COUNT(f.param));
	pm_buf_done(&body);
}

PM_TEST(fault_takes_the_reason_where_there_is_no_message)
{
	struct pm_fault f;

	take(&f, 500, "CT 102 already running", "");
	assert_string_equal(f.text, "CT 102 already running");
	take(&f, 595, "Connection refused", "<html>");
	assert_string_equal(f.text, "Connection refused");
	assert_int_equal(f.code, PM_E_UNREACHABLE);
	assert_true(f.retryable);
	take(&f, 596, "Connection timed out", "");
	assert_false(f.retryable); /* it may have been done */
	take(&f, 429, "Too Many Requests", "");
	assert_int_equal(f.code, PM_E_BUSY);
}

PM_TEST(fault_is_cut_at_whole_letters)
{
	struct pm_buf body = PM_BUF(0);
	struct pm_fault f;

	pm_buf_adds(&body, "{\"message\":\"x");
	for (unsigned i = 0; i < 1000; i++)
		pm_buf_adds(&body, "\xc3\xa4");
	pm_buf_adds(&body, "\"}");
	take(&f, 500, "x", pm_buf_str(&body));
	assert_int_equal(strlen(f.text), sizeof(f.text) - 1);
	assert_int_equal(pm_utf8_valid(f.text, strlen(f.text)), strlen(f.text));
	pm_buf_done(&body);
}

PM_TEST(fault_holds_no_secret)
{
	static const char *const leaks[] = {
		"cannot log in with password=hush-hush now",
		"body was username=root&password=hush-hush&x=1",
		"bad header Cookie: PVEAuthCookie=hush-hush; x",
		"bad header CSRFPreventionToken: hush-hush",
		"PVEAPIToken=ci@pve!gitops=hush-hush-hush refused",
		"token root@pam!x=hush-hush-hush is bad",
		"ticket PVE:root@pam:6B020DF7::hush-hush/+= is bad",
		"ticket PVE%3Aroot%40pam%3A6B020DF7%3A%3Ahush-hush is bad",
		"token 6B020DF7:hush-hushhush-hushhush-hushhush-hush is bad",
		"cannot reach https://me:hush-hush@registry/x",
		"secret='hush-hush'",
	};

	for (size_t i = 0; i < PM_COUNT(leaks); i++) {
		struct pm_fault f;
		char body[400];

		(void)snprintf(body, sizeof(body), "{\"message\":\"%s\"}", leaks[i]);
		take(&f, 500, leaks[i], body);
		if (strstr(f.text, "hush"))
			fail_msg("%s", f.text);
		assert_has(f.text, "***");
		take(&f, 401, leaks[i], "");
		assert_null(strstr(f.text, "hush"));
	}
}

PM_TEST(error_holds_no_secret)
{
	static const struct pm_host host = { .name = "pve1.lan", .url = "https://pve1.lan:8006" };
	struct pm_call c = { .host = &host,
		.method = "POST",
		.path = API "/x",
		.status = 400,
		.reason = "password=hush",
		.body_in = PM_BUF(0) };
	struct pm_error err;
	struct pm_fault f;

	pm_buf_adds(&c.body_in, "{\"errors\":{\"password\":\"type check ('string') failed - got "
				"'hush'\",\"vmid\":\"got 'x'\"}}");
	assert_err(pm_pve_error(&c, &err), PM_E_INVALID, &err, "password: type check ('***'");
	assert_null(strstr(err.msg, "hush"));
	assert_has(err.msg, "vmid: got 'x'");
	pm_pve_fault(&c, &f);
	assert_null(strstr(f.param[0].text, "hush"));
	assert_null(strstr(f.text, "hush"));
	pm_call_done(&c);
}

PM_TEST(words_that_are_no_secrets_stay)
{
	static const char *const texts[] = {
		"SSH public key validation error",
		"UPID:pve1:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:",
		"user u1@pve!tok does not exist",
		"storage 'local:iso/x' at http://host:80/path is not available",
		"the password is wrong",
		"PVE: no such thing",
	};

	for (size_t i = 0; i < PM_COUNT(texts); i++) {
		struct pm_buf out = PM_BUF(0);

		pm_fault_mask(&out, texts[i]);
		assert_string_equal(pm_buf_str(&out), texts[i]);
		pm_buf_done(&out);
	}
}

PM_TEST(absence_is_believed_only_of_what_the_path_names)
{
	static const struct {
		const char *method, *path, *text;
		enum pm_code code;
	} known[] = {
		{ "GET", "/nodes/a/storage/nope/content", "storage 'nope' does not exist",
			PM_E_NOTFOUND },
		{ "POST", "/nodes/a/lxc", "storage 'nope' does not exist", PM_E_INVALID },
		{ "DELETE", "/pools?poolid=x", "delete pool failed: pool 'x' does not exist",
			PM_E_NOTFOUND },
		{ "PUT", "/nodes/a/lxc/100/config", "pool 'x' does not exist", PM_E_INVALID },
		{ "POST", "/nodes/a/lxc/100/snapshot/s/rollback", "snapshot 's' does not exist",
			PM_E_NOTFOUND },
		{ "POST", "/nodes/a/lxc/100/clone", "snapshot 's' does not exist", PM_E_INVALID },
	};

	for (size_t i = 0; i < PM_COUNT(known); i++) {
		char path[200];
		struct pm_call c = { .method = known[i].method, .path = path, .status = 500 };
		struct pm_error err;

		(void)snprintf(path, sizeof(path), API "%s", known[i].path);
		(void)snprintf(c.reason, sizeof(c.reason), "%s", known[i].text);
		assert_err(pm_pve_error(&c, &err), known[i].code, &err, known[i].text);
	}
}
