/* The kinds, their rows built from the .def files, and how to find a row, a group or a reason. */
#include <ctype.h>
#include <pthread.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/kinds_priv.h"

const char *const pm_choices_state[] = { "running", "stopped", "ignored", NULL };
const char *const pm_choices_allow[] = { "never", "allow", NULL };
const char *const pm_choices_on_remove[] = { "delete", "keep", "stop", NULL };
static const char *const pm_choices_arch[] = { "amd64", "i386", "arm64", "armhf", "riscv32",
	"riscv64", NULL };
static const char *const pm_choices_cmode[] = { "shell", "console", "tty", NULL };
static const char *const pm_choices_ostype[] = { "debian", "devuan", "ubuntu", "centos", "fedora",
	"opensuse", "archlinux", "alpine", "gentoo", "nixos", "unmanaged", NULL };
static const char *const pm_choices_mountoptions[] = { "discard", "lazytime", "noatime", "nodev",
	"noexec", "nosuid", NULL };
static const char *const pm_choices_net_type[] = { "veth", NULL };
static const char *const pm_choices_operations[] = { "create", "update", "delete", "start", "stop",
	"restart", "resize", "move", "migrate", "pool", "ha", "clone", "template", "snapshot",
	"rollback", "upload", "download", "remove", "allocate", "stop-task", "api", NULL };
static const char *const pm_choices_days[] = { "sun", "mon", "tue", "wed", "thu", "fri", "sat",
	NULL };
static const char *const pm_choices_impacts[] = { "live", "restart", "resize", "move", "migrate",
	"replace", "destroy", "create", "power", NULL };
static const char *const pm_choices_ha[] = { "started", "stopped", "disabled", "ignored", NULL };
static const char *const pm_choices_guests[] = { "Pod", "VirtualMachine", NULL };
static const char *const pm_choices_events[] = { "applied", "failed", "drift", "held", "recovered",
	NULL };

_Static_assert((int)PM_POD_IMAGE == (int)PM_G_IMAGE && (int)PM_POD_HOSTNAME == (int)PM_G_HOSTNAME &&
		       (int)PM_POD_LIFE_ON_REMOVE == (int)PM_G_LIFE_ON_REMOVE,
	"a Pod begins with the rows of every guest");

static const struct pm_field pod_rows[] = {
#define PM_ROW(id, ...) [PM_POD_##id] = { __VA_ARGS__ },
#include "model/pod.def"
#undef PM_ROW
};
static const struct pm_field net_rows[] = {
#define PM_ROW(id, ...) [PM_NET_##id] = { __VA_ARGS__ },
#include "model/net.def"
#undef PM_ROW
};
static const struct pm_field rootfs_rows[] = {
#define PM_ROW(id, ...) [PM_ROOTFS_##id] = { __VA_ARGS__ },
#include "model/rootfs.def"
#undef PM_ROW
};
static const struct pm_field volume_rows[] = {
#define PM_ROW(id, ...) [PM_VOLUME_##id] = { __VA_ARGS__ },
#include "model/volume.def"
#undef PM_ROW
};
static const struct pm_field device_rows[] = {
#define PM_ROW(id, ...) [PM_DEVICE_##id] = { __VA_ARGS__ },
#include "model/device.def"
#undef PM_ROW
};
static const struct pm_field podset_rows[] = {
#define PM_ROW(id, ...) [PM_PODSET_##id] = { __VA_ARGS__ },
#include "model/podset.def"
#undef PM_ROW
};
static const struct pm_field config_rows[] = {
#define PM_ROW(id, ...) [PM_CONFIG_##id] = { __VA_ARGS__ },
#include "model/config.def"
#undef PM_ROW
};
static const struct pm_field cluster_rows[] = {
#define PM_ROW(id, ...) [PM_CLUSTER_##id] = { __VA_ARGS__ },
#include "model/cluster.def"
#undef PM_ROW
};
static const struct pm_field window_rows[] = {
#define PM_ROW(id, ...) [PM_WINDOW_##id] = { __VA_ARGS__ },
#include "model/window.def"
#undef PM_ROW
};
static const struct pm_field ha_rows[] = {
#define PM_ROW(id, ...) [PM_HA_##id] = { __VA_ARGS__ },
#include "model/ha.def"
#undef PM_ROW
};
static const struct pm_field leave_rows[] = {
#define PM_ROW(id, ...) [PM_LEAVE_##id] = { __VA_ARGS__ },
#include "model/leave.def"
#undef PM_ROW
};
static const struct pm_field notify_rows[] = {
#define PM_ROW(id, ...) [PM_NOTIFY_##id] = { __VA_ARGS__ },
#include "model/notify.def"
#undef PM_ROW
};
static const struct pm_field features_rows[] = {
#define PM_ROW(id, ...) { __VA_ARGS__ },
#include "model/features.def"
#undef PM_ROW
};
static const struct pm_field startup_rows[] = {
#define PM_ROW(id, ...) { __VA_ARGS__ },
#include "model/startup.def"
#undef PM_ROW
};

const struct pm_kind pm_kind_pod = { .name = "Pod",
	.plural = "pods",
	.type = "lxc",
	.id = PM_K_POD,
	.envelope = true,
	.doc = "An LXC container of Proxmox VE.",
	PM_ROWS(pod_rows) };
const struct pm_kind pm_kind_podset = { .name = "PodSet",
	.plural = "podsets",
	.id = PM_K_PODSET,
	.envelope = true,
	.doc = "A number of Pods that are alike.",
	PM_ROWS(podset_rows) };
const struct pm_kind pm_kind_config = { .name = "Config",
	.plural = "configs",
	.id = PM_K_CONFIG,
	.doc = "The configuration of podmox, the file podmox.yaml.",
	PM_ROWS(config_rows) };
const struct pm_kind pm_kind_cluster = { .name = "cluster",
	.plural = "clusters",
	.id = PM_K_CLUSTER,
	.doc = "One cluster: how to reach it and who we are there.",
	PM_ROWS(cluster_rows) };
const struct pm_kind pm_kind_window = { .name = "window",
	.plural = "windows",
	.id = PM_K_WINDOW,
	.doc = "A maintenance window: when the daemon may do what interrupts guests.",
	PM_ROWS(window_rows) };
const struct pm_kind pm_kind_ha = { .name = "ha",
	.plural = "ha",
	.id = PM_K_HA,
	.doc = "What the HA manager does with a guest.",
	PM_ROWS(ha_rows) };
const struct pm_kind pm_kind_leave = { .name = "rule",
	.plural = "rules",
	.id = PM_K_LEAVE,
	.doc = "Settings that are left to others, and in which objects.",
	PM_ROWS(leave_rows) };
const struct pm_kind pm_kind_notify = { .name = "notification",
	.plural = "notifications",
	.id = PM_K_NOTIFY,
	.doc = "Who is told of what the daemon does: a webhook or a program.",
	PM_ROWS(notify_rows) };
const struct pm_kind pm_kind_net = { .name = "interface",
	.plural = "interfaces",
	.id = PM_K_NET,
	.doc = "A network interface of a container.",
	PM_ROWS(net_rows) };
const struct pm_kind pm_kind_rootfs = { .name = "rootfs",
	.plural = "rootfs",
	.id = PM_K_ROOTFS,
	.doc = "The volume that holds a container's root.",
	PM_ROWS(rootfs_rows) };
const struct pm_kind pm_kind_volume = { .name = "volume",
	.plural = "volumes",
	.id = PM_K_VOLUME,
	.doc = "A volume, bind mount or device mount of a container.",
	PM_ROWS(volume_rows) };
const struct pm_kind pm_kind_device = { .name = "device",
	.plural = "devices",
	.id = PM_K_DEVICE,
	.doc = "A device of the node handed to a container.",
	PM_ROWS(device_rows) };
const struct pm_kind pm_kind_features = { .name = "features",
	.plural = "features",
	.id = PM_K_FEATURES,
	.doc = "What a container may do beyond the ordinary.",
	PM_ROWS(features_rows) };
const struct pm_kind pm_kind_startup = { .name = "startup",
	.plural = "startup",
	.id = PM_K_STARTUP,
	.doc = "Order and delays when a node starts or stops its guests.",
	PM_ROWS(startup_rows) };

const struct pm_kind *const pm_kinds[] = { &pm_kind_pod, &pm_kind_podset, &pm_kind_vm,
	&pm_kind_config, NULL };
const struct pm_kind *const pm_all_kinds[] = { &pm_kind_pod, &pm_kind_podset, &pm_kind_config,
	&pm_kind_cluster, &pm_kind_window, &pm_kind_leave, &pm_kind_notify, &pm_kind_net,
	&pm_kind_rootfs, &pm_kind_volume, &pm_kind_device, &pm_kind_features, &pm_kind_startup,
	&pm_kind_ha, &pm_kind_vm, &pm_kind_disk, &pm_kind_efidisk, &pm_kind_tpmstate,
	&pm_kind_vmnet, &pm_kind_ipconfig, &pm_kind_cpu, &pm_kind_agent, &pm_kind_boot,
	&pm_kind_machine, &pm_kind_vga, &pm_kind_serial, &pm_kind_parallel, &pm_kind_usb,
	&pm_kind_hostpci, &pm_kind_numa, &pm_kind_virtiofs, &pm_kind_rng, &pm_kind_audio,
	&pm_kind_watchdog, &pm_kind_smbios, &pm_kind_ivshmem, &pm_kind_spice, &pm_kind_sev,
	&pm_kind_tdx, &pm_kind_cicustom, NULL };

struct group {
	const struct pm_kind *kind;
	const char *name, *doc;
};

static const struct group groups[] = {
	{ &pm_kind_pod, "resources", "CPU and memory." },
	{ &pm_kind_pod, "network", "Interfaces and name servers." },
	{ &pm_kind_pod, "network.dns", "How the container looks names up." },
	{ &pm_kind_pod, "options", "Settings of PVE without a field of their own." },
	{ &pm_kind_pod, "ready", "When others may count on the container." },
	{ &pm_kind_pod, "lifecycle", "What podmox may do to the container." },
	{ &pm_kind_vm, "clone", "The template or machine it is a copy of." },
	{ &pm_kind_vm, "cpu", "Processors." },
	{ &pm_kind_vm, "memory", "Memory." },
	{ &pm_kind_vm, "network", "Interfaces." },
	{ &pm_kind_vm, "cloudInit", "What cloud-init sets up at the first start." },
	{ &pm_kind_vm, "options", "Settings of PVE without a field of their own." },
	{ &pm_kind_vm, "ready", "When others may count on the machine." },
	{ &pm_kind_vm, "lifecycle", "What podmox may do to the machine." },
	{ &pm_kind_config, "source", "Where manifests come from." },
	{ &pm_kind_config, "source.git", "A Git repository that manifests come from." },
	{ &pm_kind_config, "source.git.verify", "Who may sign commits." },
	{ &pm_kind_config, "source.git.auth", "Who we are for the server." },
	{ &pm_kind_config, "source.git.tls", "How the server proves who it is." },
	{ &pm_kind_config, "source.git.limits", "What is too much." },
	{ &pm_kind_config, "sync", "How the daemon keeps the cluster in line." },
	{ &pm_kind_config, "agent", "How the daemon is asked." },
	{ &pm_kind_config, "audit", "The log of what was done." },
	{ &pm_kind_config, "journal", "What makes recovery after a crash quick." },
	{ &pm_kind_config, "policy", "What podmox may do at all." },
	{ &pm_kind_cluster, "auth", "An API token, or a user with a password." },
	{ &pm_kind_cluster, "tls", "How the hosts prove who they are." },
	{ &pm_kind_cluster, "limits", "How hard the hosts are worked." },
};

struct refused {
	const struct pm_kind *kind;
	struct pm_refused is;
};

static const struct refused refused[] = {
	{ &pm_kind_pod,
		{ "options.lock",
			"a lock belongs to whoever works on the guest; PVE sets and clears it" } },
	{ &pm_kind_pod, { "options.force", "podmox never overwrites a guest" } },
	{ &pm_kind_pod,
		{ "options.restore",
			"podmox makes containers from images; restore a backup with PVE" } },
	{ &pm_kind_pod,
		{ "options.template", "a template is no container that runs; make one with PVE" } },
	{ &pm_kind_pod,
		{ "options.unused*",
			"unused volumes are PVE's list of what was detached; attach one below volumes, or remove it with PVE" } },
	{ &pm_kind_pod, { "options.delete", "write null as the value of what must be absent" } },
	{ &pm_kind_pod,
		{ "options.revert",
			"podmox writes what the manifest says; there is nothing to take back" } },
	{ &pm_kind_pod, { "options.start", "use state" } },
	{ &pm_kind_pod,
		{ "options.unique", "belongs to restoring a backup, which podmox does not do" } },
	{ &pm_kind_pod,
		{ "options.bwlimit", "belongs to restoring a backup, which podmox does not do" } },
	{ &pm_kind_pod, { "options.ignore-unpack-errors",
				"an image that cannot be unpacked whole makes no container" } },
	{ &pm_kind_pod, { "options.ostemplate", "use image" } },
	{ &pm_kind_pod, { "options.storage", "use rootfs.storage" } },
	{ &pm_kind_pod, { "options.digest", "podmox sends the digest of what it has read" } },
	{ &pm_kind_pod, { "options.lxc*", "PVE's API takes raw lxc keys from nobody" } },
	{ &pm_kind_pod,
		{ "network.ports*",
			"PVE has no port forwards, and this version of podmox makes none" } },
	{ &pm_kind_pod,
		{ "network.firewall*",
			"this version does not manage firewall rules; set them at PVE, and firewall: true at the interface" } },
	{ &pm_kind_pod, { "network.dns.options", "PVE has no such setting for containers" } },
	{ &pm_kind_vm,
		{ "options.lock",
			"a lock belongs to whoever works on the guest; PVE sets and clears it" } },
	{ &pm_kind_vm, { "options.force", "podmox never overwrites a guest" } },
	{ &pm_kind_vm,
		{ "options.archive",
			"podmox makes machines new, from images or as copies; restore a backup with PVE" } },
	{ &pm_kind_vm,
		{ "options.template", "a template is no machine that runs; make one with PVE" } },
	{ &pm_kind_vm,
		{ "options.unused*",
			"unused volumes are PVE's list of what was detached; attach one below disks, or remove it with PVE" } },
	{ &pm_kind_vm, { "options.delete", "write null as the value of what must be absent" } },
	{ &pm_kind_vm,
		{ "options.revert",
			"podmox writes what the manifest says; there is nothing to take back" } },
	{ &pm_kind_vm, { "options.start", "use state" } },
	{ &pm_kind_vm,
		{ "options.unique", "belongs to restoring a backup, which podmox does not do" } },
	{ &pm_kind_vm,
		{ "options.bwlimit", "belongs to restoring a backup, which podmox does not do" } },
	{ &pm_kind_vm, { "options.live-restore",
			       "belongs to restoring a backup, which podmox does not do" } },
	{ &pm_kind_vm, { "options.import-working-storage",
			       "PVE chooses where it unpacks what is imported" } },
	{ &pm_kind_vm, { "options.storage", "each disk names its own storage" } },
	{ &pm_kind_vm, { "options.digest", "podmox sends the digest of what it has read" } },
	{ &pm_kind_vm, { "options.skiplock", "podmox waits for locks" } },
	{ &pm_kind_vm, { "options.background_delay", "podmox waits for the task itself" } },
	{ &pm_kind_vm, { "options.smp", "use cpu.sockets and cpu.cores" } },
	{ &pm_kind_vm, { "options.cdrom", "an old name of ide2; give it below disks" } },
	{ &pm_kind_vm, { "options.bootdisk", "use boot.order" } },
	{ &pm_kind_vm, { "options.meta*", "PVE's own notes on how the machine was made" } },
	{ &pm_kind_vm,
		{ "cpu.reported-model",
			"belongs to the models of your own that PVE keeps; name one with cpu.type" } },
	{ &pm_kind_vm, { "image*", "machines have none: give clone.from, or import at a disk" } },
	{ &pm_kind_vm, { "resources*", "use cpu and memory" } },
	{ &pm_kind_vm, { "rootfs*", "use disks" } },
	{ &pm_kind_vm, { "volumes*", "use disks" } },
	{ &pm_kind_vm, { "hostname", "use name" } },
	{ &pm_kind_vm,
		{ "network.ports*",
			"PVE has no port forwards, and this version of podmox makes none" } },
	{ &pm_kind_vm,
		{ "network.firewall*",
			"this version does not manage firewall rules; set them at PVE, and firewall: true at the interface" } },
	{ &pm_kind_vm, { "network.dns*", "use cloudInit.nameserver and cloudInit.searchdomain" } },
	{ &pm_kind_disk, { "volume", "PVE names the volume; give storage and size, or source" } },
	{ &pm_kind_disk, { "file", "PVE names the volume; give storage and size, or source" } },
	{ &pm_kind_disk, { "bps", "use mbps, which PVE makes of it" } },
	{ &pm_kind_disk, { "bps_rd", "use mbps_rd, which PVE makes of it" } },
	{ &pm_kind_disk, { "bps_wr", "use mbps_wr, which PVE makes of it" } },
	{ &pm_kind_boot, { "legacy", "use order" } },
	{ &pm_kind_rootfs, { "volume", "PVE names the volume; give storage and size" } },
	{ &pm_kind_volume, { "volume", "PVE names the volume; give storage and size, or source" } },
	{ &pm_kind_config,
		{ "source.git.depth",
			"the whole history is fetched: it shows that a commit follows the one before" } },
	{ &pm_kind_config,
		{ "portForward*", "this version makes no port forwards; leave it out" } },
};

/* ---- lookup tables, made once ---- */

#define SLOTS     256
#define MOST_ROWS 112
#define OPTIONS   "options."

struct lookup {
	uint8_t by_name[SLOTS]; /* 0: free; n: row n - 1; above the rows: a group */
	uint8_t by_key[SLOTS];
	uint8_t order[MOST_ROWS];
	unsigned norder;
	char use[MOST_ROWS][48]; /* "use resources.memory" */
};

static struct lookup lookups[PM_K_MAX];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static unsigned slot_of(const char *s, size_t n)
{
	return (unsigned)(pm_hash_fast(s, n, 0) % SLOTS);
}

static void put(uint8_t *table, const char *s, unsigned code)
{
	unsigned i = slot_of(s, strlen(s));

	while (table[i])
		i = (i + 1) % SLOTS;
	table[i] = (uint8_t)code;
}

/* Place of a row in a printed property string: smaller comes first. */
static int rank(const struct pm_field *f)
{
	if (f->flags & (PM_F_HEAD | PM_F_BARE))
		return 0;
	return f->flags & PM_F_IDENT ? 1 : 2;
}

static bool before(const struct pm_field *a, const struct pm_field *b)
{
	return rank(a) != rank(b) ? rank(a) < rank(b) : strcmp(a->key, b->key) < 0;
}

static void make_order(const struct pm_kind *k, struct lookup *l)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		unsigned at = l->norder;

		if (!k->fields[i].key)
			continue;
		for (; at > 0 && before(&k->fields[i], &k->fields[l->order[at - 1]]); at--)
			l->order[at] = l->order[at - 1];
		l->order[at] = (uint8_t)i;
		l->norder++;
	}
}

/* A row is found by each name that PVE has for it: the families of a list, the older names of a sub-key. */
static void put_keys(struct lookup *l, const struct pm_field *f, unsigned code)
{
	if (!f->slots)
		put(l->by_key, f->key, code);
	for (const struct pm_slots *s = f->slots; s && s->key; s++)
		put(l->by_key, s->key, code);
	for (const char *const *a = f->aliases; a && *a; a++)
		put(l->by_key, *a, code);
}

static void make_lookup(const struct pm_kind *k)
{
	struct lookup *l = &lookups[k->id];

	pm_assert(k->nfields <= MOST_ROWS && k->nfields + PM_COUNT(groups) < 255);
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (!(f->flags & (PM_F_INNER | PM_F_FLAT)))
			put(l->by_name, f->name, i + 1);
		if (f->key)
			put_keys(l, f, i + 1);
		(void)snprintf(l->use[i], sizeof(l->use[i]), "use %s", f->name);
	}
	for (unsigned i = 0; i < PM_COUNT(groups); i++) {
		if (groups[i].kind == k)
			put(l->by_name, groups[i].name, k->nfields + i + 1);
	}
	make_order(k, l);
}

static void make_lookups(void)
{
	for (unsigned i = 0; pm_all_kinds[i]; i++)
		make_lookup(pm_all_kinds[i]);
}

static struct lookup *lookup_of(const struct pm_kind *k)
{
	(void)pthread_once(&once, make_lookups);
	return &lookups[k->id];
}

/* Row or group of a name: its number, or -1. */
static int find_name(const struct pm_kind *k, const char *name)
{
	const uint8_t *table = lookup_of(k)->by_name;

	for (unsigned i = slot_of(name, strlen(name)); table[i]; i = (i + 1) % SLOTS) {
		unsigned at = table[i] - 1U;
		const char *is =
			at < k->nfields ? k->fields[at].name : groups[at - k->nfields].name;

		if (!strcmp(is, name))
			return (int)at;
	}
	return -1;
}

const struct pm_kind *pm_kind_find(const char *name)
{
	for (unsigned i = 0; pm_kinds[i]; i++) {
		if (!strcmp(pm_kinds[i]->name, name))
			return pm_kinds[i];
	}
	return NULL;
}

/* Short names have a plural too: "vm" and "vms". */
static bool is_named(const struct pm_kind *k, const char *name)
{
	size_t n = k->brief ? strlen(k->brief) : 0;

	if (!strcasecmp(k->name, name) || !strcasecmp(k->plural, name))
		return true;
	return n > 0 && !strncasecmp(k->brief, name, n) &&
	       (name[n] == '\0' || !strcasecmp(name + n, "s"));
}

const struct pm_kind *pm_kind_named(const char *name)
{
	for (unsigned i = 0; pm_kinds[i]; i++) {
		if (is_named(pm_kinds[i], name))
			return pm_kinds[i];
	}
	return NULL;
}

const struct pm_field *pm_field_find(const struct pm_kind *k, const char *name)
{
	int at = find_name(k, name);

	return at >= 0 && (unsigned)at < k->nfields ? &k->fields[at] : NULL;
}

static bool same_key(const char *a, const char *key, size_t n)
{
	return !strncmp(a, key, n) && a[n] == '\0';
}

/* Does the row stand at this key? *ret_first: which slot the family begins with, *ret_count: its slots. */
static bool has_key(const struct pm_field *f, const char *key, size_t n, unsigned *ret_first,
	unsigned *ret_count)
{
	*ret_first = 0;
	*ret_count = f->count;
	for (const struct pm_slots *s = f->slots; s && s->key; s++) {
		*ret_count = s->count;
		if (same_key(s->key, key, n))
			return true;
		*ret_first += s->count;
	}
	for (const char *const *a = f->aliases; a && *a; a++) {
		if (same_key(*a, key, n))
			return true;
	}
	return !f->slots && same_key(f->key, key, n);
}

/** What a key of PVE is: one of a numbered list, or one that stands alone. `numa` is both. */
enum form { ALONE = 1, NUMBERED = 2 };

static const struct pm_field *find_key(const struct pm_kind *k, const char *key, size_t n,
	unsigned forms, unsigned *ret_first, unsigned *ret_count)
{
	const uint8_t *table = lookup_of(k)->by_key;

	for (unsigned i = slot_of(key, n); table[i]; i = (i + 1) % SLOTS) {
		const struct pm_field *f = &k->fields[table[i] - 1];

		if (forms & (f->count ? NUMBERED : ALONE) &&
			has_key(f, key, n, ret_first, ret_count))
			return f;
	}
	return NULL;
}

const struct pm_field *pm_field_by_key(const struct pm_kind *k, const char *key, size_t n)
{
	unsigned first, count;
	const struct pm_field *f = find_key(k, key, n, ALONE, &first, &count);

	return f ? f : find_key(k, key, n, NUMBERED, &first, &count);
}

const struct pm_field *pm_field_flat(const struct pm_kind *k, const char *group, size_t n)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		if (k->fields[i].flags & PM_F_FLAT && same_key(k->fields[i].name, group, n))
			return &k->fields[i];
	}
	return NULL;
}

unsigned pm_field_index(const struct pm_kind *k, const struct pm_field *f)
{
	pm_assert(f >= k->fields && f < k->fields + k->nfields);
	return (unsigned)(f - k->fields);
}

bool pm_field_is_group(const struct pm_kind *k, const char *name)
{
	int at = find_name(k, name);

	return at >= 0 && (unsigned)at >= k->nfields;
}

const struct pm_field *pm_field_by_slot_key(
	const struct pm_kind *k, const char *key, size_t n, unsigned *ret_slot)
{
	unsigned first, count, slot = 0;
	const struct pm_field *f = find_key(k, key, n, ALONE, &first, &count);
	size_t stem = n;

	*ret_slot = 0;
	if (f)
		return f;
	while (stem > 0 && isdigit((unsigned char)key[stem - 1]))
		stem--;
	if (n - stem < 1 || n - stem > 4 || (key[stem] == '0' && n - stem > 1))
		return NULL;
	for (size_t i = stem; i < n; i++)
		slot = slot * 10 + (unsigned)(key[i] - '0');
	f = find_key(k, key, stem, NUMBERED, &first, &count);
	if (!f || slot >= count)
		return NULL;
	*ret_slot = first + slot;
	return f;
}

/* printf is slow for what is done for every interface of every manifest. */
const char *pm_slot_key(const struct pm_field *f, unsigned slot, char out[16])
{
	const char *key = f->key;
	size_t n, digits;

	if (f->count == 0)
		return f->key;
	for (const struct pm_slots *s = f->slots; s && s->key; s++) {
		key = s->key;
		if (slot < s->count)
			break;
		slot -= s->count;
	}
	n = strlen(key);
	memcpy(out, key, n);
	digits = slot < 10 ? 1 : slot < 100 ? 2 : slot < 1000 ? 3 : 4;
	out[n + digits] = '\0';
	for (; digits > 0; digits--, slot /= 10)
		out[n + digits - 1] = (char)('0' + slot % 10);
	return out;
}

const struct pm_field *pm_slot_row(const struct pm_kind *sub)
{
	for (unsigned i = 0; sub && i < sub->nfields; i++) {
		if (sub->fields[i].flags & PM_F_SLOT)
			return &sub->fields[i];
	}
	return NULL;
}

const char *pm_key_words(const struct pm_field *f, char out[64])
{
	size_t at = 0;

	if (f->type != PM_T_PROPS || f->count == 0)
		return f->key;
	if (!f->slots)
		(void)snprintf(out, 64, "%sN", f->key);
	for (const struct pm_slots *s = f->slots; s && s->key && at < 64; s++)
		at += (size_t)snprintf(out + at, 64 - at, "%s%sN", at ? ", " : "", s->key);
	return out;
}

static bool refused_matches(const char *pattern, const char *name)
{
	size_t n = strlen(pattern);

	if (n > 0 && pattern[n - 1] == '*')
		return strncmp(pattern, name, n - 1) == 0;
	return strcmp(pattern, name) == 0;
}

/* Settings of PVE are looked for at both places where people put them: below options and at the top. */
static const char *refused_by_table(const struct pm_kind *k, const char *name)
{
	for (unsigned i = 0; i < PM_COUNT(refused); i++) {
		const char *pattern = refused[i].is.name;

		if (refused[i].kind != k)
			continue;
		if (refused_matches(pattern, name))
			return refused[i].is.why;
		if (pm_str_starts(pattern, OPTIONS) && !strchr(name, '.') &&
			refused_matches(pattern + strlen(OPTIONS), name))
			return refused[i].is.why;
	}
	return NULL;
}

const char *pm_refused_why(const struct pm_kind *k, const char *name)
{
	const char *why = refused_by_table(k, name);
	bool below = pm_str_starts(name, OPTIONS) && pm_field_is_group(k, "options");
	const char *bare = below ? name + strlen(OPTIONS) : name;
	const struct pm_field *f;
	unsigned slot;

	if (why)
		return why;
	f = pm_field_by_key(k, bare, strlen(bare));
	if (!f)
		f = pm_field_by_slot_key(k, bare, strlen(bare), &slot);
	if (!f && below)
		f = pm_field_find(k, bare);
	if (!f || !strcmp(f->name, name) || f->flags & PM_F_INNER)
		return NULL;
	return lookup_of(k)->use[pm_field_index(k, f)];
}

const struct pm_refused *pm_refused_at(const struct pm_kind *k, unsigned i)
{
	for (unsigned at = 0; at < PM_COUNT(refused); at++) {
		if (refused[at].kind == k && i-- == 0)
			return &refused[at].is;
	}
	return NULL;
}

const char *pm_group_doc(const struct pm_kind *k, const char *name)
{
	int at = find_name(k, name);

	return at >= 0 && (unsigned)at >= k->nfields ? groups[(unsigned)at - k->nfields].doc : NULL;
}

const uint8_t *pm_kind_order(const struct pm_kind *k, unsigned *ret_n)
{
	struct lookup *l = lookup_of(k);

	*ret_n = l->norder;
	return l->order;
}

const struct pm_keyed_shape *pm_keyed_shape(const struct pm_kind *k)
{
	static const struct pm_keyed_shape vmnet = { &pm_kind_vmnet, PM_VMNET_MODEL,
		PM_VMNET_MACADDR };

	return k == vmnet.kind ? &vmnet : NULL;
}

bool pm_kind_is_guest(const struct pm_kind *k)
{
	return k->type != NULL;
}

size_t pm_choices_count(const char *const *choices)
{
	size_t n = 0;

	while (choices && choices[n])
		n++;
	return n;
}

static const char *const type_names[PM_T_MAX] = {
	[PM_T_BOOL] = "boolean",
	[PM_T_INT] = "integer",
	[PM_T_MILLI] = "number",
	[PM_T_SIZE] = "size",
	[PM_T_SECONDS] = "duration",
	[PM_T_STR] = "text",
	[PM_T_ENUM] = "choice",
	[PM_T_LIST] = "list",
	[PM_T_STRMAP] = "mapping",
	[PM_T_SECRET] = "secret",
	[PM_T_PROPS] = "record",
};

const char *pm_type_name(enum pm_type t)
{
	return type_names[t];
}
