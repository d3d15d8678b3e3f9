/* Files as the body of a POST: every byte of what the server gets, and what may go wrong on the way. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net_test.h"

static const struct pm_upload_field fields[] = { { "content", "iso" },
	{ "checksum-algorithm", "sha256" }, { "checksum", "a=b&c;d+e\r\nf" } };

/* A file of n bytes that are not all alike. */
static const char *file_of(size_t n)
{
	const char *path = pm_test_file(pm_test_dir(), "file", "");
	cleanup_free char *p = pm_xcalloc(n + 1, 1);
	uint32_t x = 1;
	FILE *f = fopen(path, "we");

	for (size_t i = 0; i < n; i++) {
		x = x * 1664525 + 1013904223;
		p[i] = (char)(x >> 24);
	}
	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
	return path;
}

static struct pm_upload upload_of(const char *path)
{
	return (struct pm_upload){ .path = path,
		.filename = "debian.iso",
		.field = "filename",
		.fields = fields,
		.nfields = PM_COUNT(fields) };
}

static int send_file(struct net *n, struct pm_call *c, const struct pm_upload *u, const char *path,
	struct pm_error *err)
{
	c->upload = u;
	return net_ask(n, c, "POST", path, err);
}

/* What the server must have got, given the boundary that was chosen. */
static void expect_body(struct server *s, const struct pm_upload *u, const char *shown_name)
{
	cleanup_buf struct pm_buf want = PM_BUF(0);
	const char *at = strstr(server_head(s), "Content-Type: multipart/form-data; boundary=");
	char boundary[100], length[60];
	char buf[65536];
	FILE *f = fopen(u->path, "re");
	size_t got;

	assert_non_null(at);
	assert_non_null(f);
	(void)snprintf(boundary, sizeof(boundary), "%.*s", (int)strcspn(at + 44, "\r"), at + 44);
	assert_in_range(strlen(boundary), 20, 70);
	for (size_t i = 0; i < u->nfields; i++)
		(void)pm_buf_addf(&want,
			"--%s\r\nContent-Disposition: form-data; name=\"%s\"\r\n\r\n%s\r\n",
			boundary, u->fields[i].name, u->fields[i].value);
	(void)pm_buf_addf(&want,
		"--%s\r\nContent-Disposition: form-data; name=\"%s\"; filename=\"%s\"\r\n"
		"Content-Type: application/octet-stream\r\n\r\n",
		boundary, u->field, shown_name);
	while ((got = fread(buf, 1, sizeof(buf), f)) > 0)
		(void)pm_buf_add(&want, buf, got);
	assert_int_equal(fclose(f), 0);
	(void)pm_buf_addf(&want, "\r\n--%s--\r\n", boundary);
	assert_int_equal(server_body(s)->len, want.len);
	assert_memory_equal(server_body(s)->p, want.p, want.len);

	(void)snprintf(length, sizeof(length), "\r\nContent-Length: %zu\r\n", want.len);
	assert_has(server_head(s), length);
	assert_null(strcasestr(server_head(s), "\r\nExpect:"));
	assert_null(strcasestr(server_head(s), "\r\nTransfer-Encoding:"));
	assert_true(strncmp(server_head(s), "POST /file/", 11) == 0);
}

static void send_and_compare(struct net *n, const struct pm_upload *u, const char *shown_name)
{
	const char *headers[] = { "Authorization: PVEAPIToken=x", NULL };
	struct pm_call c = { .headers = headers };
	struct pm_error err;

	assert_ok(send_file(n, &c, u, "/file/keep", &err), &err);
	assert_int_equal(c.status, 200);
	assert_string_equal(pm_buf_str(&c.body_in), "{\"data\":1}");
	expect_body(n->server, u, shown_name);
	assert_has(server_head(n->server), "\r\nAuthorization: PVEAPIToken=x\r\n");
	pm_call_done(&c);
}

PM_TEST(upload_sends_every_byte)
{
	static const size_t sizes[] = { 0, 1, 65535, 65536, 65537, 1048577, 20 << 20 };
	static const struct server_opts how[] = { { .tls = false }, { .tls = true } };
	struct net n;

	for (size_t h = 0; h < PM_COUNT(how); h++) {
		net_start(&n, &how[h]);
		for (size_t i = 0; i < PM_COUNT(sizes); i++) {
			struct pm_upload u = upload_of(file_of(sizes[i]));

			send_and_compare(&n, &u, "debian.iso");
			/* The handle does other things, too. */
			net_expect(&n, "/ok", 200);
		}
		net_stop(&n);
	}
}

PM_TEST(upload_sends_names_as_browsers_do)
{
	static const struct {
		const char *name, *shown;
	} cases[] = {
		{ "with \"quotes\".iso", "with %22quotes%22.iso" },
		{ "gr\xc3\xbc\xc3\x9f.iso", "gr\xc3\xbc\xc3\x9f.iso" },
		{ "line\r\nbreak.iso", "line%0D%0Abreak.iso" },
		{ "back\\slash and %.iso", "back\\slash and %.iso" },
		{ "", "" },
	};
	struct net n;

	net_start(&n, NULL);
	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		struct pm_upload u = upload_of(file_of(10));

		u.filename = cases[i].name;
		u.nfields = i % 2;
		send_and_compare(&n, &u, cases[i].shown);
	}
	net_stop(&n);
}

PM_TEST(upload_is_followed_by_other_forms)
{
	struct pm_upload u = upload_of(file_of(100));
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	n.host.writes = 1;
	for (int i = 0; i < 3; i++) {
		send_and_compare(&n, &u, "debian.iso");
		c.body = "k=v";
		assert_ok(net_ask(&n, &c, i == 1 ? "PUT" : "POST", "/echo", &err), &err);
		assert_string_equal(pm_buf_str(&c.body_in), i == 1 ? "PUT k=v" : "POST k=v");
		c.body = NULL;
		assert_ok(net_ask(&n, &c, "DELETE", "/echo", &err), &err);
		assert_string_equal(pm_buf_str(&c.body_in), "DELETE ");
	}
	pm_call_done(&c);
	net_stop(&n);
}

PM_TEST(upload_needs_a_file)
{
	const char *dir = pm_test_dir();
	cleanup_buf struct pm_buf pipe = PM_BUF(0);
	struct pm_upload u;
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	u = upload_of("/nowhere/debian.iso");
	assert_err(send_file(&n, &c, &u, "/file/keep", &err), PM_E_IO, &err,
		"cannot open /nowhere/debian.iso to send it: No such file");
	assert_string_equal(err.where, "pve1 POST /file/keep");
	assert_false(err.maybe_sent);
	u.path = dir;
	assert_err(send_file(&n, &c, &u, "/file/keep", &err), PM_E_INPUT, &err, "no regular file");
	(void)pm_buf_addf(&pipe, "%s/pipe", dir);
	assert_int_equal(mkfifo(pipe.p, 0600), 0);
	u.path = pipe.p;
	assert_err(send_file(&n, &c, &u, "/file/keep", &err), PM_E_INPUT, &err, "no regular file");
	u.path = pm_test_file(dir, "private", "secret");
	assert_int_equal(chmod(u.path, 0), 0);
	if (access(u.path, R_OK) < 0)
		assert_err(send_file(&n, &c, &u, "/file/keep", &err), PM_E_IO, &err, "Permission");
	assert_int_equal(server_count(n.server, NULL), 0);
	/* Only a POST, and only one body. */
	assert_int_equal(chmod(u.path, 0600), 0);
	c.upload = &u;
	assert_err(net_ask(&n, &c, "PUT", "/file/keep", &err), PM_E_BUG, &err, NULL);
	assert_err(net_ask(&n, &c, "GET", "/file/keep", &err), PM_E_BUG, &err, NULL);
	c.body = "a=b";
	assert_err(net_ask(&n, &c, "POST", "/file/keep", &err), PM_E_BUG, &err, NULL);
	assert_int_equal(server_count(n.server, NULL), 0);
	net_stop(&n);
}

PM_TEST(upload_is_nothing_for_a_dry_run)
{
	struct pm_upload u = upload_of(file_of(10));
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	n.t = pm_transport_readonly(n.t);
	assert_err(send_file(&n, &c, &u, "/file/keep", &err), PM_E_REFUSED, &err, "dry run");
	assert_err(send_file(&n, &c, &u, "/file/access/ticket", &err), PM_E_REFUSED, &err, NULL);
	assert_int_equal(server_count(n.server, NULL), 0);
	net_stop(&n);
}

/* ---- trouble on the way ---- */

static void spoil_file(const char *path, bool longer)
{
	FILE *f;

	if (!longer) {
		assert_int_equal(truncate(path, 1 << 20), 0);
		return;
	}
	f = fopen(path, "ae");
	assert_non_null(f);
	assert_true(fputs("more", f) >= 0);
	assert_int_equal(fclose(f), 0);
}

/* Changed while the server does not read: the server never gets a whole one. */
PM_TEST(upload_notices_a_change)
{
	for (int longer = 0; longer < 2; longer++) {
		static const struct server_opts small = { .receive_buffer = 65536 };
		struct pm_upload u = upload_of(file_of(20 << 20));
		struct net_batch b;
		struct net n;

		net_start(&n, &small);
		net_batch_new(&b, &n, "POST", "/file/held", 1);
		b.calls[0].upload = &u;
		net_batch_start(&b);
		server_wait(n.server, 1);
		spoil_file(u.path, longer);
		server_release(n.server);
		net_batch_join(&b);
		assert_err(-(int)b.calls[0].err.code, PM_E_CONFLICT, &b.calls[0].err,
			"changed while it was sent");
		assert_false(b.calls[0].err.maybe_sent);
		assert_int_equal(server_files(n.server), 0);
		net_batch_end(&b);
		net_expect(&n, "/ok", 200);
		net_stop(&n);
	}
}

/* PVE judges the permission when it has read the head. */
PM_TEST(upload_hears_a_refusal)
{
	static const struct server_opts how[] = { { .tls = false }, { .tls = true } };

	for (size_t h = 0; h < PM_COUNT(how); h++) {
		struct pm_upload u = upload_of(file_of(20 << 20));
		struct pm_call c = { 0 };
		struct pm_error err;
		struct net n;

		net_start(&n, &how[h]);
		assert_ok(send_file(&n, &c, &u, "/file/refuse", &err), &err);
		assert_int_equal(c.status, 403);
		assert_string_equal(c.reason, "Permission check failed");
		pm_call_done(&c);
		net_expect(&n, "/ok", 200);
		net_stop(&n);
	}
}

/* Many time-outs long, and still something moves: first out of the file, then out of the socket. */
PM_TEST(upload_may_take_its_time)
{
	static const size_t sizes[] = { 20 << 20, 3 << 19 };

	for (size_t i = 0; i < PM_COUNT(sizes); i++) {
		struct pm_test_clock clock;
		struct server_opts slow = { .receive_buffer = 65536, .clock = &clock };
		struct pm_net_opts o = { .clock = &clock.clock };
		struct pm_upload u = upload_of(file_of(sizes[i]));
		struct pm_call c = { .timeout_ms = 10000 };
		struct pm_error err;
		struct net n;

		pm_test_clock_init(&clock);
		slow.tick_ns = PM_S_NS;
		net_start(&n, &slow);
		pm_transport_free(n.t);
		assert_ok(pm_io_start(&o, &n.t, &err), &err);
		assert_ok(send_file(&n, &c, &u, "/file/slow", &err), &err);
		assert_int_equal(c.status, 200);
		assert_int_equal(server_files(n.server), 1);
		assert_true(atomic_load(&clock.ns) >= (sizes[i] >> 16) * PM_S_NS);
		pm_call_done(&c);
		net_stop(&n);
	}
}

PM_TEST(upload_gives_up_when_nothing_moves)
{
	/* Far more than the buffers on the way hold, and so little that it is all in them. */
	static const size_t sizes[] = { 20 << 20, 1000 };

	for (size_t i = 0; i < PM_COUNT(sizes); i++) {
		struct pm_upload u = upload_of(file_of(sizes[i]));
		struct pm_call c = { .timeout_ms = 100 };
		struct pm_error err;
		struct net n;

		net_start(&n, NULL);
		assert_err(send_file(&n, &c, &u, "/file/stop", &err), PM_E_TIMEOUT, &err,
			"for 0.100 s");
		assert_true(err.maybe_sent);
		net_expect(&n, "/ok", 200);
		net_stop(&n);
	}
}

PM_TEST(upload_can_be_cancelled)
{
	struct pm_upload u = upload_of(file_of(20 << 20));
	struct pm_cancel cancel = { false };
	struct net_batch b;
	struct net n;

	net_start(&n, NULL);
	net_batch_new(&b, &n, "POST", "/file/stop", 1);
	b.calls[0].upload = &u;
	b.cancel = &cancel;
	net_batch_start(&b);
	server_wait(n.server, 1);
	atomic_store(&cancel.on, true);
	net_batch_join(&b);
	assert_int_equal(b.calls[0].err.code, PM_E_CANCELLED);
	net_batch_end(&b);
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}
