/* Tests made of the rows: for every row of every kind the bounds, the choices and wrong types, and the
 * way manifest, value, PVE, value and back. A new row is tested by standing in the table. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/model_priv.h"
#include "pm_test.h"

/* A good and a bad text of every format. */
static const struct sample {
	const char *format, *good, *bad;
} samples[] = {
	{ "image", "local:vztmpl/debian-12.tar.zst", "debian-12" },
	{ "dns-name", "web.shop.example", "-web" },
	{ "dns-label", "web-1", "Web" },
	{ "node", "pve1", "pve.1" },
	{ "pool", "shop/web", "shop web" },
	{ "iface", "eth0.20", "eth0:1" },
	{ "mac", "BC:24:11:00:00:0a", "01:00:5e:00:00:01" },
	{ "ipv4", "10.0.0.1", "10.0.0" },
	{ "ipv4-config", "10.0.0.10/24", "10.0.0.10" },
	{ "ipv6", "fd00::1", "10.0.0.1" },
	{ "ipv6-config", "fd00::10/64", "fd00::10/129" },
	{ "ip", "fe80::1%eth0", "fd00::1%eth0" },
	{ "vlan", "4094", "4095" },
	{ "storage", "local-lvm", "l" },
	{ "file", "/var/log/podmox/audit,1.jsonl", "audit.jsonl" },
	{ "path", "/srv/media", "/srv/../media" },
	{ "devpath", "/dev/dri/renderD128", "/srv/dri" },
	{ "mode", "0660", "660" },
	{ "idmap", "u:0:100000:65536;g:0:100000:65536", "u:0:100000:0" },
	{ "volid", "local:snippets/hook.sh", "local" },
	{ "timezone", "America/Argentina/Buenos_Aires", "Europe//Vienna" },
	{ "tag", "prod_1", "-prod" },
	{ "fstype", "nfs4", "nfs cifs" },
	{ "text", "one\ntwo", "bell \a" },
	{ "line", "one line\twith a tab", "two\nlines" },
	{ "word", "podmox", "pod mox" },
	{ "object-ref", "Pod/shop/web", "shop/web" },
	{ "name-glob", "db-*", "Db!" },
	{ "ha-group", "prefer_1", "1st" },
	{ "setting", "resources.memory", "resources." },
	{ "host-port", "[fd00::1]:8006", "pve1:0" },
	{ "token-id", "podmox@pve!gitops", "podmox@pve" },
	{ "fingerprint",
		"00:11:22:33:44:55:66:77:88:99:AA:BB:CC:DD:EE:FF:00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:"
		"ee:ff",
		"00:11" },
	{ "vmid-range", "200-299", "299-200" },
	{ "git-url", "https://git.lan/team/infra.git", "https://token@git.lan/infra.git" },
	{ "git-branch", "team/live", "live..old" },
	{ "repo-path", "manifests/live", "../live" },
	{ "signing-key", "ssh-ed25519 AAAA me", "-----BEGIN OPENSSH PRIVATE KEY-----" },
	{ "clock", "24:00", "24:01" },
	{ "setting", "network.interfaces.eth0.hwaddr", "resources." },
	{ "vmid", "9000", "99" },
	{ "snapshot", "before-upgrade", "1st" },
	{ "cpuset", "0,5,8-11", "0,,5" },
	{ "vm-source", "local:iso/debian.iso", "local-lvm:vm-100-disk-0" },
	{ "vm-import", "local:import/debian-12.qcow2", "debian.qcow2" },
	{ "slot", "scsi0", "scsi" },
	{ "cpu-type", "x86-64-v2-AES", "x86 64" },
	{ "cpu-flag", "+aes", "aes" },
	{ "hv-vendor", "proxmox", "more than 12 letters" },
	{ "phys-bits", "64", "65" },
	{ "machine", "pc-q35-9.2+pve1", "q36" },
	{ "serial", "/dev/ttyS0", "/tmp/socket" },
	{ "parallel", "/dev/usb/lp0", "/dev/lp0" },
	{ "usb-host", "046d:c52b", "046d" },
	{ "pci-host", "0000:01:00.0;0000:01:00.1", "0000:0A:00.0" },
	{ "config-id", "gpu-1", "1gpu" },
	{ "romfile", "vbios.bin", "vbios;bin" },
	{ "mdev", "nvidia-259", "i915/GVT" },
	{ "hex-id", "0x10de", "10de" },
	{ "ranges", "0-3", "0-" },
	{ "uuid", "d1ba5afd-025a-41d2-9d9c-fad3227a3f50", "d1ba5afd" },
	{ "vmgenid", "1", "2" },
	{ "smbios", "UHJveG1veA==", "a b" },
	{ "shm-name", "shared-1", "shared_1" },
	{ "startdate", "2006-06-17T16:01:21", "17.6.2006" },
	{ "wwn", "0x5000c50015ea71ac", "0x5000" },
	{ "scsi-vendor", "Proxmox", "more than 8" },
	{ "scsi-product", "Virtual Disk", "a name that is too long" },
};

static const struct sample *sample_of(const char *format)
{
	for (unsigned i = 0; i < PM_COUNT(samples); i++) {
		if (!strcmp(samples[i].format, format ? format : "line"))
			return &samples[i];
	}
	fail_msg("format %s has no sample", format);
	return NULL;
}

static bool is_millis(const struct pm_field *f)
{
	return f->format && !strcmp(f->format, "milliseconds");
}

/* Where a message of a failed test points to. */
static char here[128];

static void at_row(const struct pm_kind *k, const struct pm_field *f)
{
	(void)snprintf(here, sizeof(here), "%s.%s", k->name, f->name);
}

static void equal_text(const char *a, const char *b)
{
	if (strcmp(a, b) != 0)
		fail_msg("%s: '%s' is not '%s'", here, a, b);
}

/* The value through PVE's words and back, and through the manifest's. */
static void round_trip(struct pm_arena *a, const struct pm_field *f, const struct pm_value *v)
{
	cleanup_buf struct pm_buf pve = PM_BUF(0);
	cleanup_buf struct pm_buf again = PM_BUF(0);
	struct pm_value back = { 0 };
	struct pm_error err;

	pm_value_format(f, PM_PVE, v, &pve);
	if (f->type != PM_T_SECRET && !(f->type == PM_T_LIST && !f->sep)) {
		assert_ok(pm_value_decode(a, f, pm_buf_str(&pve), pve.len, &back, &err), &err);
		if (!pm_value_equal(f, v, &back) || !pm_value_equal(f, &back, v))
			fail_msg("%s: PVE's '%s' is another value", here, pm_buf_str(&pve));
		pm_value_format(f, PM_PVE, &back, &again);
		equal_text(pm_buf_str(&again), pm_buf_str(&pve));
	}
	if (f->type > PM_T_ENUM)
		return;
	pm_buf_clear(&again);
	pm_value_format(f, PM_MANIFEST, v, &again);
	memset(&back, 0, sizeof(back));
	assert_ok(pm_value_parse(a, f, pm_buf_str(&again), true, &back, &err), &err);
	if (!pm_value_equal(f, v, &back))
		fail_msg("%s: the manifest's '%s' is another value", here, pm_buf_str(&again));
}

static void good(struct pm_arena *a, const struct pm_field *f, const char *text)
{
	struct pm_value v = { 0 };
	struct pm_error err;

	if (pm_value_parse(a, f, text, true, &v, &err) < 0)
		fail_msg("%s: '%s' was not taken: %s", here, text, err.msg);
	round_trip(a, f, &v);
}

static void bad(struct pm_arena *a, const struct pm_field *f, const char *text, bool plain)
{
	struct pm_value v = { 0 };
	struct pm_error err;
	int r = pm_value_parse(a, f, text, plain, &v, &err);
	size_t n;

	if (r != -PM_E_INPUT || v.state != PM_UNSET)
		fail_msg("%s: '%s' was taken", here, text);
	n = strlen(err.msg);
	if (n == 0 || err.msg[n - 1] == '.' || (err.msg[0] >= 'A' && err.msg[0] <= 'Z'))
		fail_msg("%s: '%s' is no message of ours", here, err.msg);
}

/* A number of the row's unit as a manifest writes it. */
static const char *number(struct pm_arena *a, const struct pm_field *f, int64_t i)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	if (f->type == PM_T_SIZE && i > 0)
		return pm_arena_printf(a, "%lldMi", (long long)(i / PM_MIB));
	if (f->type == PM_T_SECONDS && i > 0)
		return pm_arena_printf(a, "%llds", (long long)i);
	pm_value_format(f, PM_MANIFEST, &(struct pm_value){ .state = PM_SET, .u = { .i = i } }, &b);
	return pm_arena_strdup(a, pm_buf_str(&b));
}

static void check_number(struct pm_arena *a, const struct pm_field *f)
{
	int64_t step = f->type == PM_T_SIZE ? PM_MIB : 1;

	good(a, f, number(a, f, f->min));
	good(a, f, number(a, f, f->min + step));
	if (f->max) {
		good(a, f, number(a, f, f->max));
		bad(a, f, number(a, f, f->max + step), true);
	} else {
		good(a, f, number(a, f, 1234567 * step));
	}
	if (f->min >= step)
		bad(a, f, number(a, f, f->min - step), true);
	bad(a, f, "-1", true);
	bad(a, f, "many", true);
	bad(a, f, "", true);
	bad(a, f, "true", true);
	bad(a, f, "99999999999999999999999999", true);
	if (f->type == PM_T_INT && !is_millis(f))
		bad(a, f, number(a, f, f->min), false);
}

static void check_str(struct pm_arena *a, const struct pm_field *f)
{
	const char *format = f->format ? f->format : "line";
	char *long_text;

	good(a, f, sample_of(format)->good);
	bad(a, f, sample_of(format)->bad, true);
	if (strcmp(format, "text") != 0)
		bad(a, f, "", true);
	if (!f->max)
		return;
	long_text = pm_arena_alloc(a, (size_t)f->max + 2, 1);
	memset(long_text, 'a', (size_t)f->max + 1);
	bad(a, f, long_text, true);
	if (strcmp(format, "text") != 0)
		return;
	long_text[f->max] = '\0';
	good(a, f, long_text);
}

static void check_enum(struct pm_arena *a, const struct pm_field *f)
{
	for (unsigned i = 0; f->choices[i]; i++)
		good(a, f, f->choices[i]);
	bad(a, f, "no-such-choice", true);
	bad(a, f, "", true);
}

/* Items of a list, both good and bad ones. */
static void check_list(struct pm_arena *a, const struct pm_field *f)
{
	const char *format = f->format ? f->format : "line";
	const char **items = pm_new_n(a, const char *, 64);
	struct pm_value v = { 0 };
	struct pm_error err;
	const char *item;
	size_t n = 0;

	bad(a, f, "a scalar", true);
	if (f->choices) {
		for (; f->choices[n]; n++)
			assert_ok(pm_item_parse(a, f, f->choices[n], &items[n], &err), &err);
	} else {
		assert_ok(pm_item_parse(a, f, sample_of(format)->good, &items[n++], &err), &err);
	}
	item = f->choices ? "no-such-choice" : sample_of(format)->bad;
	assert_err(pm_item_parse(a, f, item, &item, &err), PM_E_INPUT, &err, "must be");
	pm_value_list(a, f, items, n, &v);
	round_trip(a, f, &v);
	pm_value_list(a, f, NULL, 0, &v);
	round_trip(a, f, &v);
}

static void check_row(struct pm_arena *a, const struct pm_field *f)
{
	switch (f->type) {
	case PM_T_BOOL:
		good(a, f, "true");
		good(a, f, "false");
		bad(a, f, "yes", true);
		bad(a, f, "true", false);
		bad(a, f, "", true);
		break;
	case PM_T_INT:
	case PM_T_MILLI:
	case PM_T_SIZE:
	case PM_T_SECONDS:
		check_number(a, f);
		break;
	case PM_T_STR:
		check_str(a, f);
		break;
	case PM_T_ENUM:
		check_enum(a, f);
		break;
	case PM_T_LIST:
		check_list(a, f);
		break;
	default:
		if (f->type != PM_T_SECRET)
			bad(a, f, "a scalar", true);
		break;
	}
}

PM_TEST(rows_take_what_they_allow_and_nothing_else)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		for (unsigned i = 0; i < pm_all_kinds[k]->nfields; i++) {
			cleanup_arena struct pm_arena *a = pm_arena_new(0);

			at_row(pm_all_kinds[k], &pm_all_kinds[k]->fields[i]);
			check_row(a, &pm_all_kinds[k]->fields[i]);
		}
	}
}

/* A value of the row that differs from its default. */
static void set_some(struct pm_arena *a, const struct pm_field *f, struct pm_value *v)
{
	const char **items = pm_new_n(a, const char *, 1);
	struct pm_error err;

	v->state = PM_SET;
	switch (f->type) {
	case PM_T_BOOL:
		v->u.b = !f->def || *f->def == '0';
		break;
	case PM_T_INT:
	case PM_T_SECONDS:
	case PM_T_MILLI:
		v->u.i = f->min + 2;
		break;
	case PM_T_SIZE:
		v->u.i = 3 * PM_GIB;
		break;
	case PM_T_ENUM:
		v->u.s = f->choices[0];
		break;
	case PM_T_LIST:
		items[0] = f->choices ? f->choices[0] : sample_of(f->format)->good;
		pm_value_list(a, f, items, 1, v);
		break;
	default:
		v->state = PM_UNSET;
		if (!(f->flags & PM_F_INNER))
			assert_ok(pm_value_parse(a, f, sample_of(f->format)->good, true, v, &err),
				&err);
		break;
	}
}

/* Records that PVE keeps as a property string. */
static bool is_property_string(const struct pm_kind *k)
{
	return !k->envelope && k != &pm_kind_config && k != &pm_kind_cluster &&
	       k != &pm_kind_window && k != &pm_kind_notify && k != &pm_kind_leave;
}

PM_TEST(rows_of_records_survive_a_property_string)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];
		cleanup_arena struct pm_arena *a = pm_arena_new(0);
		struct pm_rec *r = pm_rec_new(a, kind), *back = NULL;
		const struct pm_volume_shape *shape = pm_volume_shape(kind);
		cleanup_buf struct pm_buf text = PM_BUF(0);
		cleanup_buf struct pm_buf again = PM_BUF(0);
		struct pm_error err;

		if (!is_property_string(kind))
			continue;
		for (unsigned i = 0; i < kind->nfields; i++) {
			if (kind->fields[i].key || (shape && (int)i == shape->source) ||
				(shape && (int)i == shape->storage))
				set_some(a, &kind->fields[i], &r->val[i]);
		}
		if (shape && shape->source >= 0)
			r->val[shape->storage].state = PM_UNSET;
		/* What is attached as it is has the size that it has. */
		if (kind == &pm_kind_disk)
			r->val[shape->size].state = PM_UNSET;
		pm_rec_format(r, &text);
		assert_ok(pm_rec_parse(a, kind, pm_buf_str(&text), text.len, &back, &err), &err);
		pm_rec_format(back, &again);
		(void)snprintf(here, sizeof(here), "%s", kind->name);
		equal_text(pm_buf_str(&again), pm_buf_str(&text));
		for (unsigned i = 0; i < kind->nfields; i++) {
			/* A new volume's size is part of its name until PVE has made it. */
			if (shape && shape->source < 0 && (int)i == shape->size)
				continue;
			at_row(kind, &kind->fields[i]);
			if (!pm_value_equal(&kind->fields[i], &r->val[i], &back->val[i]))
				fail_msg("%s did not come back from %s", here, pm_buf_str(&text));
		}
	}
}

PM_TEST(rows_merged_into_an_empty_record_are_all_there)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; is_property_string(kind) && i < kind->nfields; i++) {
			const struct pm_field *f = &kind->fields[i];
			cleanup_arena struct pm_arena *a = pm_arena_new(0);
			cleanup_buf struct pm_buf text = PM_BUF(0);
			struct pm_rec *want = pm_rec_new(a, kind), *have = NULL, *back = NULL;
			struct pm_error err;

			if (!f->key || f->flags & (PM_F_INNER | PM_F_GROW | PM_F_MOVE))
				continue;
			assert_ok(pm_rec_parse(a, kind, "unknown=1", 9, &have, &err), &err);
			set_some(a, f, &want->val[i]);
			pm_rec_merge(want, have, NULL, &text);
			assert_has(pm_buf_str(&text), "unknown=1");
			assert_ok(pm_rec_parse(a, kind, pm_buf_str(&text), text.len, &back, &err),
				&err);
			at_row(kind, f);
			if (!pm_value_equal(f, &want->val[i], &back->val[i]))
				fail_msg("%s is not in %s", here, pm_buf_str(&text));
			want->val[i].state = PM_NULL;
			pm_buf_clear(&text);
			pm_rec_merge(want, back, NULL, &text);
			equal_text(pm_buf_str(&text), "unknown=1");
		}
	}
}
