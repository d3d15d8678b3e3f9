/* Second factors, realms, and what comes to storages from outside. */
#include <openssl/evp.h>

#include "sim_test.h"

static const struct answer *login(struct world *w, const char *body)
{
	return ask_as(w, "", "POST", "/access/ticket", body);
}

static void user(struct world *w)
{
	world_open(w, (struct pm_sim_options){ .no_401_delay = true });
	assert_int_equal(
		ask(w, "POST", "/access/users", "userid=u%40pve&password=secret-1")->status, 200);
	assert_int_equal(login(w, "username=u%40pve&password=secret-1")->status, 200);
}

PM_TEST(sim_tfa_recovery)
{
	struct world w;
	const struct answer *a;
	char key[40], challenge[600], body[1024];

	user(&w);
	a = ask(&w, "POST", "/access/tfa/u@pve", "type=recovery&description=r");
	assert_int_equal(a->status, 200);
	(void)snprintf(key, sizeof(key), "%s",
		json_object_get_string(json_object_array_get_idx(
			pm_json_get(pm_json_get(a->json, "data"), "recovery"), 3)));
	a = login(&w, "username=u%40pve&password=secret-1");
	assert_int_equal(a->status, 200);
	assert_int_equal(pm_json_int(pm_json_get(a->json, "data"), "NeedTFA", 0), 1);
	assert_has(data(a, "ticket"), "PVE:!tfa!");
	(void)snprintf(challenge, sizeof(challenge), "%s", data(a, "ticket"));
	(void)snprintf(body, sizeof(body), "PVEAuthCookie=%s", challenge);
	assert_int_equal(ask_as(&w, body, "GET", "/version", NULL)->status, 401);
	for (char *p = challenge; *p; p++)
		assert_null(strchr("&;", *p));
	(void)snprintf(body, sizeof(body),
		"username=u%%40pve&password=recovery%%3A%s&tfa-challenge=", key);
	for (const char *p = challenge; *p; p++)
		(void)snprintf(body + strlen(body), sizeof(body) - strlen(body), "%%%02X",
			(unsigned char)*p);
	a = login(&w, body);
	assert_int_equal(a->status, 200);
	assert_has(data(a, "ticket"), "PVE:u@pve:");
	assert_int_equal(login(&w, body)->status, 401); /* each key once */
	assert_string_equal(
		data(ask(&w, "GET", "/access/tfa/u@pve/recovery", NULL), "type"), "recovery");
	assert_int_equal(ask(&w, "DELETE", "/access/tfa/u@pve/recovery", NULL)->status, 200);
	assert_has(data(login(&w, "username=u%40pve&password=secret-1"), "ticket"), "PVE:u@pve:");
	world_close(&w);
}

/* The test vectors of RFC 6238: secret "12345678901234567890", second 59. */
PM_TEST(sim_tfa_totp)
{
	struct world w;
	const struct answer *a;
	char body[1024];
	int64_t now;

	user(&w);
	assert_int_equal(
		ask(&w, "POST", "/access/tfa/u@pve",
			"type=totp&totp=otpauth%3A%2F%2Ftotp%2Fx%3Fsecret%3DGEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ")
			->status,
		200);
	now = pm_sim_node_wall_ms(w.sim, 0) / 1000;
	(void)snprintf(body, sizeof(body), "clock pve1 %lld", (long long)(1111111109 - now));
	control(&w, body);
	a = login(&w, "username=u%40pve&password=secret-1");
	(void)snprintf(
		body, sizeof(body), "username=u%%40pve&password=totp%%3A081804&tfa-challenge=");
	for (const char *p = data(a, "ticket"); *p; p++)
		(void)snprintf(body + strlen(body), sizeof(body) - strlen(body), "%%%02X",
			(unsigned char)*p);
	assert_int_equal(login(&w, body)->status, 200);
	memcpy(strstr(body, "081804"), "081805", 6);
	assert_int_equal(login(&w, body)->status, 401);
	world_close(&w);
}

PM_TEST(sim_realms)
{
	struct world w;
	const struct answer *a;

	user(&w);
	a = ask(&w, "POST", "/access/domains",
		"realm=corp&type=ldap&server1=l.test&base_dn=x&user_attr=uid");
	assert_int_equal(a->status, 200);
	assert_has(ask(&w, "GET", "/access/domains", NULL)->text, "\"realm\":\"corp\"");
	assert_string_equal(
		data(ask(&w, "GET", "/access/domains/corp", NULL), "server1"), "l.test");
	assert_int_equal(ask(&w, "DELETE", "/access/domains/corp", NULL)->status, 200);
	assert_int_equal(ask(&w, "GET", "/access/domains/corp", NULL)->status, 500);
	assert_int_equal(login(&w, "username=u&realm=nosuch&password=secret-1")->status, 401);
	world_close(&w);
}

/* ---- uploads ---- */

static struct pm_sim_reply upload(struct world *w, const char *type, const char *body)
{
	struct pm_sim_request q = { .method = "POST",
		.target = "/api2/json/nodes/pve1/storage/local/upload",
		.body = body,
		.nbody = strlen(body),
		.content_type = type,
		.cookie = w->cookie };
	struct pm_sim_reply r;

	pm_sim_call(w->sim, 0, &q, &r);
	return r;
}

#define FORM "multipart/form-data; boundary=xyz"
#define FIELD(name, value) \
	"--xyz\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_(name, text)                                                              \
	"--xyz\r\nContent-Disposition: form-data; name=\"filename\"; filename=\"" name \
	"\"\r\nContent-Type: application/octet-stream\r\n\r\n" text "\r\n"
#define END "--xyz--\r\n"

static void expect(
	struct world *w, const char *type, const char *body, int status, const char *reason)
{
	struct pm_sim_reply r = upload(w, type, body);

	assert_int_equal(r.status, status);
	assert_has(r.reason, reason);
	assert_true(r.close);
	pm_sim_reply_done(&r);
}

PM_TEST(sim_upload)
{
	struct world w;
	struct pm_sim_reply r;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	expect(&w, FORM, FIELD("content", "iso") FILE_("a b.iso", "0123456789") END, 200, "OK");
	forward(&w, 1000);
	a = ask(&w, "GET", "/nodes/pve1/storage/local/content?content=iso", NULL);
	assert_has(a->text, "local:iso/a_b.iso");
	assert_has(a->text, "\"size\":10");
	/* fields after the file, and names without quotes, are read as well */
	expect(&w, FORM,
		FILE_("c.iso",
			"x") "--xyz\r\nContent-Disposition: form-data; name=content\r\n\r\niso\r\n" END,
		200, "OK");
	expect(&w, FORM, FIELD("content", "iso") END, 501, "upload failed");
	expect(&w, "multipart/form-data; boundary=\"xyz\"",
		FIELD("content", "iso") FILE_("a.iso", "x") END, 501, "upload failed");
	expect(&w, FORM,
		FIELD("content", "iso") "--xyz\r\nContent-Disposition: form-data; name=\"file\"; "
					"filename=\"a.iso\"\r\n\r\nx\r\n" END,
		501, "upload failed");
	expect(&w, FORM, FIELD("content", "iso") FILE_("a.txt", "x") END, 400,
		"verification failed");
	r = upload(&w, "application/x-www-form-urlencoded", "content=iso");
	assert_int_equal(r.fault, PM_SIM_SILENT);
	pm_sim_reply_done(&r);
	world_close(&w);
}

PM_TEST(sim_upload_checksum)
{
	struct world w;
	char body[1024], upid[200], path[300];
	struct pm_sim_reply r;

	world_open(&w, (struct pm_sim_options){ 0 });
	(void)snprintf(body, sizeof(body), "%s%s%064d\r\n%s",
		FIELD("content", "iso") FIELD("checksum-algorithm", "sha256"),
		"--xyz\r\nContent-Disposition: form-data; name=\"checksum\"\r\n\r\n", 0,
		FILE_("a.iso", "x") END);
	r = upload(&w, FORM, body);
	assert_int_equal(r.status, 200);
	(void)snprintf(upid, sizeof(upid), "%.*s", (int)strcspn(strstr(r.body, "UPID"), "\""),
		strstr(r.body, "UPID"));
	pm_sim_reply_done(&r);
	forward(&w, 1000);
	(void)snprintf(path, sizeof(path), "/nodes/pve1/tasks/%s/status", upid);
	assert_has(data(ask(&w, "GET", path, NULL), "exitstatus"), "checksum mismatch");
	assert_null(
		strstr(ask(&w, "GET", "/nodes/pve1/storage/local/content", NULL)->text, "a.iso"));
	world_close(&w);
}

#define DOWNLOAD "/nodes/pve1/storage/local/download-url"

PM_TEST(sim_download)
{
	static const char plain[] = "content=iso&filename=d.iso&url=http%3A%2F%2Fx.test%2Fd.iso";
	static const char summed[] =
		"content=iso&filename=e.iso&url=http%3A%2F%2Fx.test%2Fe.iso&checksum=aa&checksum-algorithm=md5";
	static const char other[] =
		"content=iso&filename=e.iso&url=http%3A%2F%2Fx.test%2Fe.iso&checksum=ab&checksum-algorithm=md5";
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(run(&w, "POST", DOWNLOAD, plain), "OK");
	assert_has(run(&w, "POST", DOWNLOAD, plain), "refusing to override existing file");
	assert_string_equal(run(&w, "POST", DOWNLOAD, summed), "OK");
	assert_string_equal(run(&w, "POST", DOWNLOAD, summed), "OK");
	assert_has(run(&w, "POST", DOWNLOAD, other), "checksum mismatch");
	assert_has(run(&w, "POST", DOWNLOAD,
			   "content=iso&filename=f.iso&url=http%3A%2F%2Fx.test%2Fmissing.iso"),
		"404");
	assert_int_equal(
		ask(&w, "POST", DOWNLOAD,
			"content=iso&filename=g.iso&url=http%3A%2F%2Fx.test%2Fg&checksum=1")
			->status,
		400);
	control(&w, "network-off");
	assert_string_equal(run(&w, "POST", DOWNLOAD,
				    "content=iso&filename=h.iso&url=https%3A%2F%2Fx.test%2Fh.iso"),
		"download failed: wget: unable to resolve host address 'x.test'");
	assert_has(run(&w, "POST", "/nodes/pve1/storage/local/oci-registry-pull",
			   "reference=registry.test%2Flibrary%2Falpine%3A3"),
		"skopeo copy docker://registry.test/library/alpine:3");
	control(&w, "network-on");
	assert_string_equal(run(&w, "POST", "/nodes/pve1/storage/local/oci-registry-pull",
				    "reference=registry.test%2Flibrary%2Falpine%3A3"),
		"OK");
	assert_has(ask(&w, "GET", "/nodes/pve1/storage/local/content?content=vztmpl", NULL)->text,
		"alpine_3.tar");
	world_close(&w);
}

/* ---- rights ---- */

#define CONTENT "/nodes/pve1/storage/local/content"

/* Templates are seen by who may use the storage, backups by who may back up their guest. */
PM_TEST(sim_volume_rights)
{
	struct world w;
	const struct answer *a;
	char token[200], path[300], *volid;

	world_open(&w, (struct pm_sim_options){ .no_401_delay = true });
	assert_string_equal(run(&w, "POST", "/nodes/pve1/lxc", "vmid=100&" MINIMAL), "OK");
	assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=100"), "OK");
	a = ask(&w, "GET", CONTENT "?content=backup", NULL);
	volid = strstr(a->text, "local:backup/");
	(void)snprintf(path, sizeof(path), CONTENT "/%.*s", (int)strcspn(volid, "\""), volid);
	assert_int_equal(
		ask(&w, "POST", "/access/users", "userid=u%40pve&password=secret-1")->status, 200);
	a = ask(&w, "POST", "/access/users/u@pve/token/t", "privsep=0");
	(void)snprintf(token, sizeof(token), "PVEAPIToken=u@pve!t=%s", data(a, "value"));
	assert_int_equal(ask_as(&w, token, "GET", CONTENT, NULL)->status, 403);
	assert_int_equal(ask(&w, "PUT", "/access/acl",
				 "path=/storage/local&users=u%40pve&roles=PVEDatastoreUser")
				 ->status,
		200);
	a = ask_as(&w, token, "GET", CONTENT, NULL);
	assert_has(a->text, "local:vztmpl/");
	assert_null(strstr(a->text, "local:backup/"));
	assert_null(strstr(a->text, "vm-100-disk-0"));
	assert_int_equal(ask_as(&w, token, "GET", path, NULL)->status, 403);
	assert_int_equal(ask_as(&w, token, "POST", "/nodes/pve1/vzdump", "vmid=100")->status, 403);
	assert_int_equal(
		ask(&w, "PUT", "/access/acl", "path=/vms/100&users=u%40pve&roles=PVEVMUser")
			->status,
		200);
	assert_int_equal(ask_as(&w, token, "GET", path, NULL)->status, 200);
	assert_int_equal(ask_as(&w, token, "POST", "/nodes/pve1/vzdump", "vmid=100")->status, 200);
	a = ask_as(&w, token, "POST", "/nodes/pve1/vzdump", "vmid=100&bwlimit=1");
	assert_string_equal(a->reason, "Permission check failed (/, Sys.Modify)");
	a = ask_as(&w, token, "POST", "/access/tfa/u@pve", "type=recovery");
	assert_int_equal(a->status, 403);
	assert_has(a->reason, "not available with API token");
	world_close(&w);
}

PM_TEST(sim_group_comment)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_int_equal(ask(&w, "POST", "/access/groups", "groupid=g")->status, 200);
	assert_int_equal(ask(&w, "PUT", "/access/groups/g", "comment=c")->status, 200);
	assert_string_equal(data(ask(&w, "GET", "/access/groups/g", NULL), "comment"), "c");
	assert_int_equal(ask(&w, "PUT", "/access/groups/h", "comment=c")->status, 500);
	world_close(&w);
}
