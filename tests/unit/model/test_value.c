/* Tests of model/value.c: each type reads manifests and PVE, writes both, and knows what is equal. */
#include "model/value.h"

#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/model_priv.h"
#include "pm_test.h"

static const struct pm_field *pod(unsigned id)
{
	return &pm_kind_pod.fields[id];
}

/* A plain scalar of a manifest that must be taken. */
static struct pm_value yaml(struct pm_arena *a, const struct pm_field *f, const char *text)
{
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_ok(pm_value_parse(a, f, text, true, &v, &err), &err);
	assert_int_equal(v.state, PM_SET);
	return v;
}

static void yaml_fails(const struct pm_field *f, const char *text, bool plain, const char *part)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_err(pm_value_parse(a, f, text, plain, &v, &err), PM_E_INPUT, &err, part);
	assert_int_equal(v.state, PM_UNSET);
}

static struct pm_value pve(struct pm_arena *a, const struct pm_field *f, const char *text)
{
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_ok(pm_value_decode(a, f, text, strlen(text), &v, &err), &err);
	return v;
}

static void writes(
	const struct pm_field *f, const struct pm_value *v, enum pm_side side, const char *want)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	pm_value_format(f, side, v, &b);
	assert_string_equal(pm_buf_str(&b), want);
}

static struct pm_value list(struct pm_arena *a, const struct pm_field *f, const char *const *items)
{
	struct pm_value v = { 0 };
	struct pm_error err;
	const char **copy = pm_new_n(a, const char *, 16);
	size_t n = 0;

	for (; items[n]; n++)
		assert_ok(pm_item_parse(a, f, items[n], &copy[n], &err), &err);
	pm_value_list(a, f, copy, n, &v);
	return v;
}

PM_TEST(value_stays_small)
{
	assert_int_equal(sizeof(struct pm_value), 16);
}

PM_TEST(value_bool)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_G_ONBOOT);
	struct pm_value v = yaml(a, f, "true");

	assert_true(v.u.b);
	writes(f, &v, PM_PVE, "1");
	writes(f, &v, PM_MANIFEST, "true");
	yaml_fails(f, "yes", true, "write true");
	yaml_fails(f, "OFF", true, "write false");
	yaml_fails(f, "1", true, "write true");
	yaml_fails(f, "true", false, "without quotes");
	yaml_fails(f, "True", true, "lower case");
	yaml_fails(f, "maybe", true, "must be true or false, not 'maybe'");
	assert_true(pve(a, f, "on").u.b);
	assert_true(pve(a, f, "YES").u.b);
	assert_false(pve(a, f, "0").u.b);
}

PM_TEST(value_int)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_CORES);

	assert_int_equal(yaml(a, f, "8192").u.i, 8192);
	yaml_fails(f, "8193", true, "an integer from 1 to 8192, not '8193'");
	yaml_fails(f, "0", true, "from 1 to 8192");
	yaml_fails(f, "-1", true, "from 1 to 8192");
	yaml_fails(f, "010", true, "an integer");
	yaml_fails(f, "0x10", true, "an integer");
	yaml_fails(f, "1_000", true, "an integer");
	yaml_fails(f, "1.0", true, "an integer");
	yaml_fails(f, "2", false, "without quotes");
	yaml_fails(f, "99999999999999999999999", true, "from 1 to 8192");
	assert_int_equal(pve(a, f, "3").u.i, 3);
	assert_int_equal(pve(a, f, "100000").u.i, 100000);
}

PM_TEST(value_weight_is_clamped_by_nodes)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_CPUUNITS);
	struct pm_value v = yaml(a, f, "20000"), clamped = pve(a, f, "10000"),
			other = pve(a, f, "9999");

	assert_true(pm_value_equal(f, &v, &clamped));
	assert_false(pm_value_equal(f, &v, &other));
	assert_false(pm_value_equal(f, &clamped, &v));
}

PM_TEST(value_milli)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_CPULIMIT);
	struct pm_value v = yaml(a, f, "1.5");

	assert_int_equal(v.u.i, 1500);
	writes(f, &v, PM_PVE, "1.5");
	yaml_fails(f, "8192.001", true, "from 0 to 8192");
	yaml_fails(f, "-1", true, "from 0 to 8192");
	yaml_fails(f, "1.0001", true, "three decimals");
	assert_int_equal(pve(a, f, "0.5").u.i, 500);
	assert_int_equal(pve(a, f, "1e-1").u.i, 100);
	assert_int_equal(pve(a, f, "2E+01").u.i, 20000);
	assert_int_equal(pve(a, f, "0.00001").u.i, 0);
	assert_int_equal(pve(a, f, "1.33333333333333333333333").u.i, 1333);
}

PM_TEST(value_size)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_MEMORY),
			      *disk = &pm_kind_rootfs.fields[PM_ROOTFS_SIZE];
	struct pm_value v = yaml(a, f, "1.5Gi"), d = yaml(a, disk, "8G");

	assert_int_equal(v.u.i, 1536 * PM_MIB);
	writes(f, &v, PM_PVE, "1536");
	writes(f, &v, PM_MANIFEST, "1536Mi");
	writes(disk, &d, PM_PVE, "8G");
	writes(disk, &d, PM_MANIFEST, "8Gi");
	yaml_fails(f, "1024", true, "needs a unit, as 1024Mi");
	yaml_fails(f, "1.5", true, "needs a unit, as 1.5Gi");
	yaml_fails(f, "1.0001Mi", true, "a size");
	yaml_fails(f, "16385Ki", true, "whole MiB");
	yaml_fails(f, "15Mi", true, "of at least 16Mi");
	yaml_fails(f, "0", true, "of at least 16Mi");
	yaml_fails(f, "lots", true, "with a unit");
	yaml_fails(f, "99999999Ti", true, "a size");
	assert_int_equal(yaml(a, pod(PM_POD_SWAP), "0").u.i, 0);
	assert_int_equal(pve(a, f, "512").u.i, 512 * PM_MIB);
	assert_int_equal(pve(a, disk, "1536M").u.i, 1536 * PM_MIB);
	assert_int_equal(pve(a, disk, "0T").u.i, 0);
	assert_int_equal(pve(a, disk, "1.5G").u.i, 1536 * PM_MIB);
	assert_int_equal(pve(a, disk, "4096").u.i, 4096);
	d.u.i = 0;
	writes(disk, &d, PM_PVE, "0T");
}

PM_TEST(value_seconds)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_G_READY_TIMEOUT),
			      *ms = &pm_kind_config.fields[PM_CONFIG_SYNC_DEBOUNCE];
	struct pm_value v = yaml(a, f, "5m"), m = yaml(a, ms, "2s");

	assert_int_equal(v.u.i, 300);
	writes(f, &v, PM_PVE, "300");
	writes(f, &v, PM_MANIFEST, "5m");
	yaml_fails(f, "60", true, "needs a unit, as 60s");
	yaml_fails(f, "300ms", true, "whole seconds");
	yaml_fails(f, "0s", true, "from 1s to");
	assert_int_equal(m.u.i, 2000);
	writes(ms, &m, PM_MANIFEST, "2000ms");
	yaml_fails(ms, "300", true, "needs a unit, as 300ms");
	yaml_fails(ms, "5ms", true, "from 10ms to 60000ms");
}

PM_TEST(value_str_and_enum)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *e = pod(PM_POD_OPT_OSTYPE), *run = pod(PM_G_STATE);
	struct pm_value v = yaml(a, pod(PM_G_HOSTNAME), "8.10");

	assert_string_equal(v.u.s, "8.10");
	yaml_fails(run, "runing", true,
		"must be running, stopped or ignored, not 'runing'; did you mean 'running'?");
	yaml_fails(run, "", true, "must be running");
	assert_string_equal(pve(a, e, "slackware").u.s, "slackware");
	v = yaml(a, pod(PM_G_DESCRIPTION), "two\nlines\n\n");
	assert_string_equal(v.u.s, "two\nlines");
	yaml_fails(pod(PM_G_DESCRIPTION), "bell \a", true, "control");
	yaml_fails(pod(PM_G_DESCRIPTION), "bad \xff", true, "text");
	yaml_fails(pod(PM_G_IMAGE), "https://example.org/x.tar", true, "does not fetch images");
}

PM_TEST(value_bytes_may_go_on_behind_the_text)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_ok(pm_value_decode(a, pod(PM_POD_CORES), "12345", 2, &v, &err), &err);
	assert_int_equal(v.u.i, 12);
	assert_ok(pm_value_decode(a, pod(PM_G_STATE), "runningx", 7, &v, &err), &err);
	assert_string_equal(v.u.s, "running");
	assert_err(pm_value_decode(a, pod(PM_POD_CORES), "four", 4, &v, &err), PM_E_INPUT, &err,
		"is no integer: 'four'");
	assert_err(pm_value_decode(a, pod(PM_POD_CORES), "", 0, &v, &err), PM_E_INPUT, &err,
		"integer");
	assert_err(pm_value_decode(a, pod(PM_G_ONBOOT), "2", 1, &v, &err), PM_E_INPUT, &err,
		"boolean");
}

PM_TEST(value_list)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *dns = pod(PM_POD_DNS_SERVERS), *tags = pod(PM_G_TAGS);
	struct pm_value v = list(a, dns, (const char *[]){ "9.9.9.9", "fd00::1", NULL });
	struct pm_value x = pve(a, dns, " 9.9.9.9,fd00:0::1 ");
	struct pm_error err;
	const char *item;

	writes(dns, &v, PM_PVE, "9.9.9.9 fd00::1");
	writes(dns, &v, PM_MANIFEST, "9.9.9.9, fd00::1");
	assert_true(pm_value_equal(dns, &v, &x));
	x = pve(a, dns, "fd00::1 9.9.9.9");
	assert_false(pm_value_equal(dns, &v, &x));
	assert_err(pm_item_parse(a, dns, "9.9.9", &item, &err), PM_E_INPUT, &err, "an IP address");
	yaml_fails(dns, "9.9.9.9", true, "must be a list, as [9.9.9.9]");
	v = list(a, tags, (const char *[]){ "Web", "prod", "web", NULL });
	x = pve(a, tags, "prod;web");
	assert_true(pm_value_equal(tags, &v, &x));
	x = pve(a, tags, "prod;web;more");
	assert_false(pm_value_equal(tags, &v, &x));
	v = list(a, tags, (const char *[]){ NULL });
	x = pve(a, tags, " ");
	assert_true(pm_value_equal(tags, &v, &x));
	x.state = PM_UNSET;
	assert_true(pm_value_equal(tags, &v, &x));
}

PM_TEST(value_env)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_buf struct pm_buf b = PM_BUF(0);
	const struct pm_field *f = pod(PM_POD_ENV);
	const char **items = pm_new_n(a, const char *, 4);
	static const char text[] = "PATH=/bin\0B=old\0C=3";
	struct pm_value v = { 0 }, have = { 0 }, merged = { 0 };
	struct pm_error err;

	assert_ok(pm_entry_parse(a, f, "TZ", "Europe/Vienna", &items[0], &err), &err);
	assert_ok(pm_entry_parse(a, f, "B", "a=b c", &items[1], &err), &err);
	assert_err(pm_entry_parse(a, f, "a-b", "x", &items[2], &err), PM_E_INPUT, &err, "letters");
	assert_err(
		pm_entry_parse(a, f, "A", "x ", &items[2], &err), PM_E_INPUT, &err, "drops blanks");
	pm_value_list(a, f, items, 2, &v);
	pm_value_format(f, PM_PVE, &v, &b);
	assert_int_equal(b.len, strlen("B=a=b c") + 1 + strlen("TZ=Europe/Vienna"));
	assert_memory_equal(pm_buf_str(&b), "B=a=b c\0TZ=Europe/Vienna", b.len);
	assert_ok(pm_value_decode(a, f, text, sizeof(text) - 1, &have, &err), &err);
	assert_int_equal(have.u.list->n, 3);
	assert_false(pm_value_equal(f, &v, &have));
	pm_strmap_merge(a, &v, &have, (const char *[]){ "C", NULL }, &merged);
	pm_buf_clear(&b);
	pm_value_format(f, PM_MANIFEST, &merged, &b);
	assert_string_equal(pm_buf_str(&b), "B=a=b c, PATH=/bin, TZ=Europe/Vienna");
	assert_true(pm_value_equal(f, &v, &merged));
}

PM_TEST(value_secret)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_PASSWORD);
	struct pm_value v = yaml(a, f, "hunter22");
	struct pm_error err;

	assert_int_equal(v.u.secret->from, PM_SECRET_LITERAL);
	writes(f, &v, PM_PVE, "***");
	writes(f, &v, PM_MANIFEST, "***");
	yaml_fails(f, "abcd", true, "at least 5 characters");
	assert_ok(pm_secret_parse(a, "fromFile", "secrets/web.pw", &v, &err), &err);
	assert_int_equal(v.u.secret->from, PM_SECRET_FILE);
	assert_ok(pm_secret_parse(a, "fromCredential", "web", &v, &err), &err);
	assert_int_equal(v.u.secret->from, PM_SECRET_CREDENTIAL);
	assert_err(pm_secret_parse(a, "fromfile", "x", &v, &err), PM_E_INPUT, &err,
		"did you mean fromFile");
	assert_err(pm_secret_parse(a, "fromEnv", "", &v, &err), PM_E_INPUT, &err, "must be a name");
}

PM_TEST(value_absent_equals_default)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const struct pm_field *f = pod(PM_POD_SWAP), *priv = pod(PM_POD_UNPRIVILEGED);
	struct pm_value unset = { 0 }, null = { .state = PM_NULL };
	struct pm_value def = yaml(a, f, "512Mi"), other = yaml(a, f, "0"),
			no = yaml(a, priv, "false");

	assert_true(pm_value_equal(f, &def, &unset));
	assert_false(pm_value_equal(f, &other, &unset));
	assert_true(pm_value_equal(f, &unset, &other));
	assert_true(pm_value_equal(f, &null, &unset));
	assert_true(pm_value_equal(f, &null, &def));
	assert_false(pm_value_equal(f, &null, &other));
	/* Without the key a container is privileged, whatever a new one gets. */
	assert_true(pm_value_equal(priv, &no, &unset));
	no.u.b = true;
	assert_false(pm_value_equal(priv, &no, &unset));
}
