/* Samples of every row and manifests that hold one of them; see rows.h. */
#include "rows.h"

#include <string.h>

#include "base/text.h"

/* ---- samples, as they stand in a manifest ---- */

struct sample {
	const char *name; /* of the row, or of its format */
	const char *a, *b;
};

static const struct sample of_pods[] = {
	{ "unprivileged", "true", NULL },
	{ "image", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", NULL },
	{ "node", "pve1", NULL },
	{ "vmid", "250", NULL },
	{ "pool", "shop", "infra" },
	{ "state", "stopped", "running" },
	{ "env", "{TZ: UTC, MODE: a}", "{MODE: b, LEVEL: \"3\"}" },
	{ "entrypoint", "/usr/bin/app --serve", "/usr/bin/app" },
	{ "ssh-public-keys", "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me]", NULL },
	{ "password", "secret-1", NULL },
	{ "description", "One\\nTwo <b>", "\"Dr\u00fcben: 100 % # done\"" },
	{ "resources.cpuunits", "100", "200" },
	{ "options.ha-managed", "false", NULL },
	{ "options.hookscript", "local:snippets/hook.sh", NULL },
	{ "options.ostype", "debian", "ubuntu" },
	{ "options.arch", "amd64", "i386" },
	{ "interface.name", "eth0", "eth7" },
	{ "interface.bridge", "vmbr0", "vmbr1" },
	{ "interface.type", "veth", NULL },
	{ "interface.mtu", "1400", "1500" },
	{ "rootfs.storage", "local-lvm", NULL },
	{ "rootfs.size", "5Gi", "6Gi" },
	{ "volume.path", "/data", "/data/more" },
	{ "volume.storage", "local-lvm", NULL },
	{ "volume.source", "/tank/a", "/tank/b" },
	{ "volume.size", "2Gi", "3Gi" },
	{ "device.path", "/dev/fuse", "/dev/kvm" },
	{ "rootfs.quota", "false", NULL }, /* privileged containers only */
	{ "volume.quota", "false", NULL },
};

static const struct sample of_vms[] = {
	{ "clone.from", "\"9000\"", NULL },
	{ "clone.full", "true", NULL },
	{ "clone.storage", "local-lvm", NULL },
	{ "clone.snapshot", NULL, NULL }, /* the template has none */
	{ "node", "pve1", NULL },
	{ "vmid", "250", NULL },
	{ "pool", "shop", "infra" },
	{ "state", "stopped", "running" },
	{ "description", "One\\nTwo <b>", "\"Dr\u00fcben: 100 % # done\"" },
	{ "cpu.cores", "2", "4" },
	{ "cpu.sockets", "1", "2" },
	{ "cpu.units", "100", "200" },
	{ "cpu.limit", "0.5", "1.25" },
	{ "cpu.type", "host", "x86-64-v2-AES" },
	{ "cpu.flags", "[+aes, -pcid]", "[+aes]" },
	{ "cpu.hv-vendor-id", "podmox", "other" },
	{ "cpu.phys-bits", "host", "\"40\"" },
	{ "cpu.guest-phys-bits", "40", "41" },
	{ "cpu.affinity", "\"0-1\"", "\"1\"" },
	{ "memory.size", "1Gi", "2Gi" },
	{ "memory.balloon", "256Mi", "128Mi" },
	{ "memory.hugepages", "any", "\"2\"" },
	{ "disks.slot", "scsi0", NULL },
	{ "disks.storage", "local-lvm", NULL },
	{ "disks.size", "5Gi", "6Gi" },
	{ "disks.source", "none", NULL },
	{ "disks.import", NULL, NULL }, /* there is no image here */
	{ "disks.cloudinit", "true", NULL },
	{ "disks.format", "raw", NULL },
	{ "disks.media", "disk", NULL },
	{ "disks.serial", "abc", "\"a b\"" },
	{ "disks.model", "one", "two" },
	{ "disks.vendor", "podmox", "other" },
	{ "disks.product", "one", "two" },
	{ "disks.wwn", "\"0x5000c50015ea71ac\"", "\"0x5000c50015ea71ad\"" },
	{ "efidisk.storage", "local-lvm", NULL },
	{ "efidisk.efitype", "4m", NULL },
	{ "efidisk.pre-enrolled-keys", "true", NULL },
	{ "efidisk.import", NULL, NULL },
	{ "efidisk.format", "raw", NULL },
	{ "tpmstate.storage", "local-lvm", NULL },
	{ "tpmstate.version", "v2.0", NULL },
	{ "tpmstate.import", NULL, NULL },
	{ "tpmstate.format", "raw", NULL },
	{ "network.interfaces.slot", "net0", "net3" },
	{ "network.interfaces.bridge", "vmbr0", "vmbr1" },
	{ "network.interfaces.trunks", "[\"10\", 20-29]", "[\"30\"]" },
	{ "network.interfaces.mtu", "1400", "1500" },
	{ "cloudInit.user", "me", "you" },
	{ "cloudInit.password", "secret-1", NULL },
	{ "cloudInit.sshKeys", "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me@a]",
		"[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me@b]" },
	{ "cloudInit.custom.user", "local:snippets/hook.sh", NULL },
	{ "cloudInit.custom.network", "local:snippets/hook.sh", NULL },
	{ "cloudInit.custom.meta", "local:snippets/hook.sh", NULL },
	{ "cloudInit.custom.vendor", "local:snippets/hook.sh", NULL },
	{ "cloudInit.ipconfig.slot", "ipconfig0", NULL },
	{ "boot.order", "[scsi0]", "[net0, scsi0]" },
	{ "machine.type", "q35", "pc" },
	{ "machine.aw-bits", "39", "48" },
	{ "vga.memory", "16Mi", "32Mi" },
	{ "serial.slot", "serial0", "serial1" },
	{ "serial.device", "socket", "/dev/ttyS0" },
	{ "parallel.slot", "parallel0", "parallel1" },
	{ "parallel.device", "/dev/parport0", "/dev/usb/lp0" },
	{ "usb.slot", "usb0", "usb1" },
	{ "usb.host", "spice", "046d:c52b" },
	{ "usb.mapping", NULL, NULL }, /* the cluster has no mappings */
	{ "hostpci.slot", "hostpci0", "hostpci1" },
	{ "hostpci.host", "\"01:00.0\"", "\"02:00\"" },
	{ "hostpci.mapping", NULL, NULL },
	{ "numa.slot", "numa0", "numa1" },
	{ "numa.cpus", "[0-1]", "[\"0\"]" },
	{ "numa.hostnodes", "[0-1]", "[\"0\"]" },
	{ "virtiofs.slot", NULL, NULL },
	{ "virtiofs.dirid", NULL, NULL },
	{ "virtiofs.cache", NULL, NULL },
	{ "virtiofs.direct-io", NULL, NULL },
	{ "virtiofs.expose-acl", NULL, NULL },
	{ "virtiofs.expose-xattr", NULL, NULL },
	{ "options.args", "-smbios type=0", "-no-hpet" },
	{ "options.hookscript", "local:snippets/hook.sh", NULL },
	{ "options.startdate", "now", "2006-06-17T16:01:21" },
	{ "options.vmgenid", "\"0\"", NULL },
	{ "options.vmstatestorage", "local-lvm", NULL },
	{ "options.ha-managed", "false", NULL },
};

static const struct sample by_format[] = {
	{ "dns-name", "a.example", "b.example" },
	{ "iface", "eth0", "eth1" },
	{ "mac", "\"BC:24:11:00:00:01\"", "\"bc:24:11:00:00:02\"" },
	{ "ipv4", "10.0.0.1", "10.0.0.2" },
	{ "ipv4-config", "10.0.0.20/24", "dhcp" },
	{ "ipv6", "\"fd00::1\"", "\"FD00:0::2\"" },
	{ "ipv6-config", "\"fd00::20/64\"", "auto" },
	{ "ip", "9.9.9.9", "\"2620:fe::fe\"" },
	{ "vlan", "\"7\"", "\"9\"" },
	{ "idmap", "passthrough", "\"u:0:100000:65536\"" },
	{ "timezone", "host", "Europe/Vienna" },
	{ "tag", "alpha", "Beta" },
	{ "fstype", "nfs", "cifs" },
	{ "mode", "\"0660\"", "\"0600\"" },
	{ "cpu-weight", "100", "200" },
	{ "line", "first", "second" },
	{ "object-ref", "former", "Pod/shop/earlier" },
	{ "setting", "onboot", "startup" },
	{ "milliseconds", "100ms", "2s" },
	{ "uuid", "b13f6e5c-5412-44b3-af66-f6d6d899236c", "b13f6e5c-5412-44b3-af66-f6d6d899236d" },
	{ "smbios", "one", "two" },
	{ "shm-name", "one", "two" },
	{ "mdev", "nvidia-1", "nvidia-2" },
	{ "romfile", "a.bin", "b.bin" },
	{ "hex-id", "\"0x10de\"", "\"0x1000\"" },
};

static bool find_sample(
	const struct sample *v, size_t n, const char *name, const char **a, const char **b)
{
	for (size_t i = 0; name && i < n; i++) {
		if (!pm_str_eq(v[i].name, name))
			continue;
		*a = v[i].a;
		*b = v[i].b;
		return true;
	}
	return false;
}

static const char *wrapped(struct world *w, const struct pm_field *f, const char *text)
{
	if (f->type != PM_T_LIST || !text || text[0] == '[')
		return text;
	return pm_arena_printf(w->arena, "[%s]", text);
}

static bool find_named(const struct pm_kind *k, const char *name, const char **a, const char **b)
{
	return k == &pm_kind_pod ? find_sample(of_pods, PM_COUNT(of_pods), name, a, b)
				 : find_sample(of_vms, PM_COUNT(of_vms), name, a, b);
}

/* Two values of the row; *b NULL: there is only one that can be used here; *a NULL: none can. */
void rows_sample(struct world *w, const struct spot *s, const char **a, const char **b)
{
	const struct pm_field *f = s->f;

	if (f == &pm_kind_ha.fields[PM_HA_STATE]) {
		/* The others contradict one of the states that guests are tried in. */
		*a = "ignored";
		*b = NULL;
	} else if (find_named(s->kind, s->name, a, b)) {
		if (!*a)
			return;
	} else if (!find_sample(by_format, PM_COUNT(by_format), f->format, a, b)) {
		switch (f->type) {
		case PM_T_BOOL:
			*a = "true";
			*b = "false";
			break;
		case PM_T_INT:
			*a = pm_arena_printf(w->arena, "%lld", (long long)f->min + 1);
			*b = pm_arena_printf(w->arena, "%lld", (long long)f->min + 2);
			break;
		case PM_T_MILLI:
			*a = "1.5";
			*b = "2";
			break;
		case PM_T_SIZE:
			*a = "768Mi";
			*b = "1Gi";
			break;
		case PM_T_SECONDS:
			*a = "30s";
			*b = "5m";
			break;
		case PM_T_ENUM:
			*a = f->choices[0];
			*b = f->choices[1];
			break;
		case PM_T_LIST:
			*a = f->choices ? f->choices[0] : NULL;
			*b = f->choices ? f->choices[1] : NULL;
			break;
		default:
			*a = NULL;
		}
	}
	if (!*a)
		fail_msg("%s (format %s) has no sample: add one to rows.c", s->name,
			f->format ? f->format : "none");
	*a = wrapped(w, f, *a);
	*b = wrapped(w, f, *b);
}

/* ---- manifests with one value in them ---- */

/* Entries that a sub-row stands beside; a key that is the row itself is left out. */
static const struct {
	const struct pm_kind *kind;
	const char *keys[8];
} beside[] = {
	{ &pm_kind_disk, { "storage: local-lvm", "size: 4Gi" } },
	{ &pm_kind_efidisk, { "storage: local-lvm", "efitype: 4m" } },
	{ &pm_kind_tpmstate, { "storage: local-lvm", "version: v2.0" } },
	{ &pm_kind_vmnet, { "slot: net0", "model: virtio", "bridge: vmbr0" } },
	{ &pm_kind_ipconfig, { "slot: ipconfig0", "ip: 10.0.0.5/24", "ip6: \"fd00::5/64\"" } },
	{ &pm_kind_agent, { "enabled: true" } },
	{ &pm_kind_serial, { "slot: serial0", "device: socket" } },
	{ &pm_kind_parallel, { "slot: parallel0", "device: /dev/parport0" } },
	{ &pm_kind_usb, { "slot: usb0", "host: spice" } },
	{ &pm_kind_hostpci, { "slot: hostpci0", "host: \"01:00.0\"" } },
	{ &pm_kind_numa, { "slot: numa0", "cpus: [0-1]", "memory: 512Mi" } },
	{ &pm_kind_rng, { "source: /dev/urandom" } },
	{ &pm_kind_audio, { "device: ich9-intel-hda" } },
	{ &pm_kind_watchdog, { "model: i6300esb" } },
	{ &pm_kind_ivshmem, { "size: 32Mi" } },
	{ &pm_kind_sev, { "type: std" } },
	{ &pm_kind_tdx, { "type: tdx", "attestation: true" } },
	{ &pm_kind_machine, { "type: q35" } },
	{ &pm_kind_net,
		{ "name: eth0", "bridge: vmbr0", "ip: 10.0.0.5/24", "ip6: \"fd00::5/64\"" } },
	{ &pm_kind_rootfs, { "storage: local-lvm", "size: 4Gi" } },
	{ &pm_kind_volume, { "path: /data", "storage: local-lvm", "size: 1Gi" } },
	{ &pm_kind_device, { "path: /dev/fuse" } },
	{ &pm_kind_features, { NULL } },
	{ &pm_kind_startup, { NULL } },
	{ &pm_kind_ha, { "state: ignored" } },
};

/* What a sub-row of a virtual machine needs beside it. */
static const struct {
	const char *name, *keys;
} partners[] = {
	{ "disks.mbps_max", "mbps: 1, " },
	{ "disks.mbps_rd_max", "mbps_rd: 1, " },
	{ "disks.mbps_wr_max", "mbps_wr: 1, " },
	{ "disks.iops_max", "iops: 1, " },
	{ "disks.iops_rd_max", "iops_rd: 1, " },
	{ "disks.iops_wr_max", "iops_wr: 1, " },
	{ "disks.bps_max_length", "mbps: 1, mbps_max: 9, " },
	{ "disks.bps_rd_max_length", "mbps_rd: 1, mbps_rd_max: 9, " },
	{ "disks.bps_wr_max_length", "mbps_wr: 1, mbps_wr_max: 9, " },
	{ "disks.iops_max_length", "iops: 1, iops_max: 9, " },
	{ "disks.iops_rd_max_length", "iops_rd: 1, iops_rd_max: 9, " },
	{ "disks.iops_wr_max_length", "iops_wr: 1, iops_wr_max: 9, " },
};

/* Where a disk is plugged in, for rows that not every bus knows. */
static const char *bus_of(const struct spot *s)
{
	return pm_str_eq(s->name, "disks.model") ? "ide0" : "scsi0";
}

static bool is_key(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == ':';
}

/* What is attached as it is, instead of a volume. */
static bool attaches(const struct spot *s)
{
	return pm_str_eq(s->name, "volume.source") || pm_str_eq(s->name, "disks.source");
}

static void add_beside(struct pm_buf *out, const struct spot *s)
{
	bool bind = attaches(s);

	if (s->parent->sub == &pm_kind_disk && !pm_str_eq(s->name, "disks.slot"))
		(void)pm_buf_addf(out, "slot: %s, ", bus_of(s));
	for (size_t i = 0; i < PM_COUNT(partners); i++)
		if (pm_str_eq(partners[i].name, s->name))
			(void)pm_buf_adds(out, partners[i].keys);

	for (size_t i = 0; i < PM_COUNT(beside); i++) {
		if (beside[i].kind != s->parent->sub)
			continue;
		for (const char *const *k = beside[i].keys; *k; k++) {
			if (is_key(*k, s->f->name) ||
				(bind && (is_key(*k, "storage") || is_key(*k, "size"))) ||
				(pm_str_eq(s->name, "disks.cloudinit") && is_key(*k, "size")))
				continue;
			(void)pm_buf_addf(out, "%s, ", *k);
		}
	}
}

/* "a.b.c" and a value as nested flow mappings. */
static void add_nested(struct pm_buf *out, const char *path, const char *value)
{
	size_t n = strcspn(path, ".");

	(void)pm_buf_addf(out, "%.*s: ", (int)n, path);
	if (path[n] == '\0') {
		(void)pm_buf_adds(out, value);
		return;
	}
	(void)pm_buf_addc(out, '{');
	add_nested(out, path + n + 1, value);
	(void)pm_buf_addc(out, '}');
}

bool rows_required(const struct spot *s)
{
	return attaches(s) || pm_str_eq(s->name, "disks.cloudinit") ||
	       pm_str_eq(s->name, "usb.host") || pm_str_eq(s->name, "hostpci.host") ||
	       s->f->flags & (PM_F_REQUIRED | PM_F_IDENT | PM_F_GROW | PM_F_MOVE);
}

/* The text of the row itself; value NULL: left out. */
static void add_value(struct pm_buf *out, const struct spot *s, const char *value)
{
	struct pm_buf entry cleanup_buf = PM_BUF(0);

	if (!s->parent && pm_str_starts(s->name, "clone.") && !pm_str_eq(s->name, "clone.from")) {
		(void)pm_buf_adds(out, "clone: {from: \"9000\"");
		if (pm_str_eq(s->name, "clone.storage"))
			(void)pm_buf_adds(out, ", full: true");
		if (value)
			(void)pm_buf_addf(out, ", %s: %s", s->name + strlen("clone."), value);
		(void)pm_buf_addc(out, '}');
		return;
	}
	if (!s->parent) {
		if (value)
			add_nested(out, s->f->name, value);
		return;
	}
	(void)pm_buf_adds(&entry, s->parent->count > 0 ? "[{" : "{");
	add_beside(&entry, s);
	if (value)
		(void)pm_buf_addf(&entry, "%s: %s", s->f->name, value);
	(void)pm_buf_adds(&entry, s->parent->count > 0 ? "}]" : "}");
	add_nested(out, s->parent->name, pm_buf_str(&entry));
}

/* What else a row needs in the manifest of a virtual machine; the row, or the group, that begins so. */
static const struct {
	const char *name, *lines;
} with[] = {
	{ "efidisk", "  bios: ovmf\n" },
	{ "disks.iothread", "  scsihw: virtio-scsi-single\n" },
	{ "memory.hugepages", "  cpu: {numa: true}\n" },
	{ "memory.keephugepages", "  cpu: {numa: true}\n" },
	{ "numa", "  cpu: {numa: true, cores: 2}\n" },
	{ "hostpci", "  machine: {type: q35}\n" },
	{ "boot", "  network: {interfaces: [{slot: net0, bridge: vmbr0}]}\n" },
	{ "cloudInit.ipconfig", "  network: {interfaces: [{slot: net0, bridge: vmbr0}]}\n" },
};

static void add_with(struct pm_buf *out, const struct spot *s)
{
	for (size_t i = 0; i < PM_COUNT(with); i++)
		if (pm_str_starts(s->name, with[i].name))
			(void)pm_buf_adds(out, with[i].lines);
}

static void add_pod(struct pm_buf *out, const char *top)
{
	(void)pm_buf_adds(out, "apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web}\nspec:\n");
	if (!pm_str_eq(top, "image"))
		(void)pm_buf_adds(
			out, "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n");
	if (!pm_str_eq(top, "rootfs"))
		(void)pm_buf_adds(out, "  rootfs: {storage: local-lvm, size: 4Gi}\n");
}

static void add_vm(struct pm_buf *out, const struct spot *s, const char *top)
{
	(void)pm_buf_adds(
		out, "apiVersion: podmox/v1\nkind: VirtualMachine\nmetadata: {name: web}\nspec:\n");
	if (!pm_str_eq(top, "disks") && !pm_str_starts(top, "clone"))
		(void)pm_buf_adds(out, "  disks: [{slot: scsi0, storage: local-lvm, size: 4Gi}]\n");
	/* Without its agent a machine with an empty disk heeds no request to restart. */
	if (!pm_str_eq(top, "agent"))
		(void)pm_buf_adds(out, "  agent: {enabled: true}\n");
	add_with(out, s);
}

const char *rows_manifest(
	struct world *w, const struct spot *s, const char *value, const char *state)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	const char *top = s->parent ? s->parent->name : s->f->name;

	if (s->kind == &pm_kind_pod)
		add_pod(&out, top);
	else
		add_vm(&out, s, top);
	if (pm_str_eq(top, "pinned"))
		(void)pm_buf_adds(&out, "  node: pve1\n");
	if (!pm_str_eq(top, "state"))
		(void)pm_buf_addf(&out, "  state: %s\n", state);
	(void)pm_buf_adds(&out, "  ");
	add_value(&out, s, value);
	(void)pm_buf_adds(&out, "\n");
	return pm_arena_strdup(w->arena, pm_buf_str(&out));
}

/* ---- the world they are tried in ---- */

static void make_template(struct world *w)
{
	assert_int_equal(
		world_call(w, "POST", "/nodes/pve1/qemu", "vmid=9000&name=t&scsi0=local-lvm:1"),
		200);
	world_wait(w, 5);
	assert_int_equal(world_call(w, "POST", "/nodes/pve1/qemu/9000/template", ""), 200);
	world_wait(w, 5);
}

void rows_world(struct world *w, const struct spot *s)
{
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=shop"), 200);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=infra"), 200);
	if (s->kind == &pm_kind_vm)
		make_template(w);
}

const char *rows_id(struct world *w, const struct spot *s)
{
	return pm_arena_printf(w->arena, "%s/default/web", s->kind->name);
}

const char *rows_key(struct world *w, const struct spot *s)
{
	const struct pm_field *f = s->parent ? s->parent : s->f;

	if (f->sub == &pm_kind_disk)
		return bus_of(s);
	return f->key && f->count > 0 ? pm_arena_printf(w->arena, "%s0", f->key) : f->key;
}

/* ---- all rows ---- */

/* Words of podmox's own that need more than one object, or a network, to be tried. */
static bool needs_more(const char *name)
{
	return pm_str_eq(name, "ha.group") || pm_str_eq(name, "dependsOn") ||
	       pm_str_eq(name, "movedFrom") || pm_str_starts(name, "ready.");
}

/** Whom to call, for rows of which kind. */
struct each {
	const struct pm_kind *kind;
	void (*fn)(const struct spot *s, void *arg);
	void *arg;
};

static void each_sub_row(const struct each *e, const struct pm_field *parent)
{
	for (unsigned i = 0; i < parent->sub->nfields; i++) {
		const struct pm_field *f = &parent->sub->fields[i];
		char name[128];
		struct spot s = { .kind = e->kind, .f = f, .parent = parent, .name = name };

		if (!f->name || f->flags & (PM_F_OWN | PM_F_INNER))
			continue;
		(void)snprintf(name, sizeof(name), "%s.%s",
			e->kind == &pm_kind_pod ? parent->sub->name : parent->name, f->name);
		if (needs_more(name))
			continue;
		e->fn(&s, e->arg);
	}
}

void rows_each(const struct pm_kind *k, void (*fn)(const struct spot *s, void *arg), void *arg)
{
	const struct each e = { k, fn, arg };

	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		const struct spot s = { .kind = k, .f = f, .name = f->name };

		if (f->flags & PM_F_INNER || needs_more(f->name))
			continue;
		if (f->type == PM_T_PROPS)
			each_sub_row(&e, f);
		else
			fn(&s, arg);
	}
}
