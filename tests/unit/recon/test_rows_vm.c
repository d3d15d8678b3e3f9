/* When a change of a virtual machine takes effect, row by row, through the whole pipeline: on a running machine a
 * value is changed, the plan says whether it waits for a restart, and the simulator holds it as in force or as
 * pending; a restart brings what waits into force, and then nothing is left to do. What must come out is in the
 * rules below, which are those of PVE's code and not the flags of the rows; each row names the rule of its key as
 * its source. What hangs on `hotplug` is tried with the feature and without it. A row that is tried nowhere fails
 * the test. */
#include <string.h>

#include "base/text.h"
#include "rows.h"

enum outcome { LIVE, WAITS, HOT };

/** What PVE's code does with a key, or with a part of one, while the machine runs; the first that fits. */
static const struct rule {
	const char *keys, *parts; /* parts NULL: all of it */
	enum outcome is;
	const char *feature; /* of hotplug, where it is HOT */
	const char *source;  /* the row's own begins so */
} rules[] = {
	{ "description onboot startup protection tags", NULL, LIVE, NULL,
		"PVE::LXC::Config, LXC_FASTPLUG_OPTIONS; PVE::QemuServer, fast_plug_option" },
	{ "hookscript migrate_downtime migrate_speed name shares vmstatestorage cicustom citype ciupgrade ciuser nameserver searchdomain sshkeys ipconfig",
		NULL, LIVE, NULL, "PVE::QemuServer, fast_plug_option" },
	{ "cpulimit cpuunits balloon hotplug", NULL, LIVE, NULL,
		"PVE::QemuServer::vmconfig_hotplug_pending" },
	{ "vcpus", NULL, HOT, "cpu", "PVE::QemuServer::vmconfig_hotplug_pending" },
	{ "memory", NULL, HOT, "memory", "PVE::QemuServer::vmconfig_hotplug_pending" },
	{ "tablet usb", NULL, HOT, "usb", "PVE::QemuServer::vmconfig_hotplug_pending" },
	{ "net", "model macaddr queues mtu", HOT, "network",
		"PVE::QemuServer::vmconfig_update_net: another device" },
	{ "net", NULL, LIVE, NULL, "PVE::QemuServer::vmconfig_update_net" },
	{ "ide", "aio cache discard iothread product queues ro ssd vendor", WAITS, NULL,
		"PVE::QemuServer::vmconfig_update_disk, which skips it" },
	{ "ide", "media", WAITS, NULL, "PVE::QemuServer::vmconfig_update_disk: refused" },
	{ "ide", "source", HOT, "disk", "PVE::QemuServer::vmconfig_update_disk" },
	{ "ide", NULL, LIVE, NULL, "PVE::QemuServer::vmconfig_update_disk" },
	{ "agent", "fstrim_cloned_disks", LIVE, NULL, "PVE::QemuServer::vmconfig_update_agent" },
	{ "agent", NULL, WAITS, NULL, "PVE::QemuServer::vmconfig_update_agent" },
	{ "pool", NULL, LIVE, NULL, "PVE::API2::Pool, update_pool" },
	{ NULL, NULL, WAITS, NULL, "PVE::QemuServer::vmconfig_hotplug_pending, which skips it" },
};

/** Settings of hotplug that rows are tried with. */
static const struct plugging {
	const char *name, *features;
} pluggings[] = {
	{ "hotplug 0", "\"0\"" },
	{ "hotplug as usual", "network, disk, usb" },
	{ "hotplug of all", "network, disk, usb, cpu" },
	{ "hotplug of memory", "network, disk, usb, cpu, memory" },
};

enum { NOTHING, USUAL, ALL, ALL_AND_MEMORY };

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);

	for (const char *at = words; (at = strstr(at, word)) != NULL; at += n)
		if ((at == words || at[-1] == ' ') && strchr(" ,", at[n]))
			return true;
	return false;
}

/* ---- what is tried ---- */

/** One change: two manifests, the key at PVE that it is written to, and what becomes of it. */
struct attempt {
	const char *name;
	const struct pm_field *row;
	const char *before, *after, *key;
	enum outcome is;
	const char *feature;
	unsigned plugging;
	bool silent; /* the manifest says nothing of it afterwards */
};

static unsigned faults; /* all are told before the test ends */

static void fault(const struct attempt *t, const char *state, const char *what)
{
	faults++;
	print_error("%s (%s), %s: %s\n", t->name, pluggings[t->plugging].name, state, what);
}

static bool waits(const struct attempt *t)
{
	return t->is == WAITS ||
	       (t->is == HOT && !has_word(pluggings[t->plugging].features, t->feature));
}

/* ---- one change through the pipeline ---- */

static const char *id = "VirtualMachine/default/web";

static const char *in_force(struct world *w, const struct attempt *t)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	unsigned vmid = world_vmid(w, id);

	if (!pm_str_eq(t->key, "pool"))
		return pm_arena_strdup(w->arena, world_control(w, "get %u %s", vmid, t->key));
	assert_int_equal(world_ask(w, "GET", "/pools/infra", NULL, &body), 200);
	return strstr(pm_buf_str(&body), pm_arena_printf(w->arena, "\"vmid\":%u", vmid)) ? "in"
											 : "out";
}

/* What the plan says of the change; *ret_found false: it has none. */
static bool announces_wait(struct turn *t, bool *ret_found)
{
	const struct pm_action *a = turn_action(t, id);
	bool is = false;

	*ret_found = false;
	for (size_t i = 0; i < a->nchanges; i++) {
		*ret_found = true;
		is |= a->change[i].impact == PM_I_PENDING;
	}
	return is;
}

static void tell(const struct attempt *t, const char *state, struct turn *turn)
{
	fault(t, state, turn->err.code ? turn->err.msg : "the apply failed");
	for (const struct pm_diag *d = turn->job.diags.first; d; d = d->next)
		print_error("  %s\n", d->msg);
	for (size_t i = 0; turn->applied && i < turn->cycle.report.n; i++)
		print_error("  %s\n", turn->cycle.report.v[i].err.msg);
	if (turn->planned)
		print_error("%s\n", turn_plan(turn));
}

/* false: there was nothing to do, or it failed. */
static bool turn_to(struct world *w, const struct attempt *t, const char *text, const char *state,
	bool restart, bool *ret_waits)
{
	const struct turn_opts o = { .plan = { .allow_restart = restart } };
	struct turn turn;
	bool found = false;

	world_manifest(w, "web.yaml", text);
	world_turn(w, &o, &turn);
	if (!turn.applied || turn.status != 0 || turn.cycle.report.count[PM_FAILED] > 0)
		tell(t, state, &turn);
	else if (!pm_plan_empty(&turn.cycle.plan))
		*ret_waits = announces_wait(&turn, &found);
	turn_done(&turn);
	return found;
}

static void want_in_sync(struct world *w, const struct attempt *t, const char *state)
{
	const struct turn_opts again = { .plan_only = true, .readonly = true };
	struct turn turn;

	world_turn(w, &again, &turn);
	if (!turn.planned || !pm_plan_empty(&turn.cycle.plan))
		tell(t, state, &turn);
	turn_done(&turn);
}

/* By somebody else: what the manifest is silent about is no reason for podmox to do it. */
static void power(struct world *w, const char *how)
{
	const char *path =
		pm_arena_printf(w->arena, "/nodes/pve1/qemu/%u/status/%s", world_vmid(w, id), how);

	assert_int_equal(world_call(w, "POST", path, NULL), 200);
	world_wait(w, 60);
}

/* What waits comes into force with a restart; text NULL: somebody else makes it. */
static void restart(struct world *w, const struct attempt *t, const char *text, const char *to)
{
	const char *left = "";
	bool ignored;

	if (text) {
		(void)turn_to(w, t, text, "restarted", true, &ignored);
	} else {
		power(w, "stop");
		power(w, "start");
	}
	if (rows_waits(w, &pm_kind_vm, t->key, &left))
		fault(t, "restarted", "it still waits");
	if (!pm_str_eq(in_force(w, t), to))
		fault(t, "restarted",
			pm_arena_printf(w->arena, "PVE has \"%s\" for \"%s\"", in_force(w, t), to));
	want_in_sync(w, t, "restarted");
}

/* One change; false: the manifest means what the guest has. */
static bool judge(struct world *w, const struct attempt *t, const char *text, const char *state)
{
	const char *was = in_force(w, t), *to = "";
	bool said = false, expected = pm_str_eq(state, "running") && waits(t), is;

	if (!turn_to(w, t, text, state, false, &said))
		return false;
	is = rows_waits(w, &pm_kind_vm, t->key, &to);
	if (said != expected)
		fault(t, state, said ? "the plan says that it waits" : "the plan says at once");
	if (is != expected)
		fault(t, state, is ? "it waits at PVE" : "PVE has it in force");
	if (pm_str_eq(in_force(w, t), was) != is)
		fault(t, state, pm_arena_printf(w->arena, "PVE has \"%s\" in force", was));
	if (pm_str_eq(state, "running"))
		rows_note_tried(t->row, is);
	want_in_sync(w, t, state);
	if (is)
		restart(w, t, *to && !t->silent ? text : NULL, to);
	return true;
}

/* A manifest with hotplug and state; `spec` is what stands in it already. */
static const char *complete(
	struct world *w, const struct attempt *t, const char *spec, const char *state)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	if (!spec)
		return NULL;
	(void)pm_buf_adds(&out, spec);
	if (!strstr(spec, "\n  state:"))
		(void)pm_buf_addf(&out, "  state: %s\n", state);
	if (!strstr(spec, "\n  hotplug:"))
		(void)pm_buf_addf(&out, "  hotplug: [%s]\n", pluggings[t->plugging].features);
	if (t->plugging == ALL_AND_MEMORY && !strstr(spec, "\n  cpu:"))
		(void)pm_buf_adds(&out, "  cpu: {numa: true}\n");
	return pm_arena_strdup(w->arena, pm_buf_str(&out));
}

/* false: both mean the same. */
static bool try_in(struct world *w, const struct attempt *t, const char *state)
{
	bool ignored;

	(void)turn_to(w, t, complete(w, t, t->before, state), state, true, &ignored);
	return judge(w, t, complete(w, t, t->after, state), state);
}

/* ---- all rows ---- */

static const char *key_of(const struct spot *s)
{
	const char *key = s->parent ? s->parent->key : s->f->key;

	return key ? key : s->f->name;
}

static const struct rule *rule_of(const struct spot *s)
{
	const struct rule *r = rules;

	while (r->keys && !(has_word(r->keys, key_of(s)) &&
				  (!r->parts || (s->parent && has_word(r->parts, s->f->name)))))
		r++;
	return r;
}

/* What the row says of itself, here and in the documents. */
static enum outcome row_is(const struct spot *s, const char **ret_feature)
{
	const unsigned effects = PM_F_LIVE | PM_F_PENDING | PM_F_LINKFLAP;
	bool own = s->f->flags & effects || s->f->hot || !s->parent;
	const struct pm_field *f = own ? s->f : s->parent;

	*ret_feature = f->hot;
	if (f->flags & PM_F_PENDING)
		return WAITS;
	return f->hot ? HOT : LIVE;
}

static void want_row(const struct spot *s, const struct rule *r)
{
	const char *source = s->f->source ? s->f->source : s->parent ? s->parent->source : NULL;
	const char *feature;

	if (!pm_str_starts(source ? source : "", r->source)) {
		faults++;
		print_error("%s: its source is \"%s\", the rule is of %s\n", s->name, source,
			r->source);
	}
	if (row_is(s, &feature) != r->is || !pm_str_eq(feature, r->feature)) {
		faults++;
		print_error("%s: its row says another thing than %s\n", s->name, r->source);
	}
}

/* Left out again; what of a drive or card is left out makes another value of its key. */
static void try_without(struct world *w, const struct spot *s, struct attempt *t, const char *state)
{
	if (rows_required(s) || t->plugging == ALL_AND_MEMORY)
		return;
	t->silent = true;
	/* vmconfig_update_net: neither without a bridge before nor after */
	if (pm_str_eq(s->name, "network.interfaces.bridge")) {
		t->is = HOT;
		t->feature = "network";
	}
	(void)judge(w, t, complete(w, t, rows_manifest(w, s, NULL, state), state), state);
}

/* The row is set or changed, and then left out again. */
static void try_row(const struct spot *s, const char *state, unsigned plugging)
{
	const struct rule *r = rule_of(s);
	struct attempt t = { .name = s->name,
		.row = s->f,
		.is = r->is,
		.feature = r->feature,
		.plugging = plugging };
	const char *a = NULL, *b = NULL;
	struct world w;

	world_new(&w, 1);
	rows_sample(&w, s, &a, &b);
	if (a && (b || !rows_required(s))) {
		rows_world(&w, s);
		t.key = s->parent || s->f->key ? rows_key(&w, s) : s->f->name;
		t.before = rows_manifest(&w, s, b || rows_required(s) ? a : NULL, state);
		t.after = rows_manifest(&w, s, b ? b : a, state);
		(void)try_in(&w, &t, state);
		try_without(&w, s, &t, state);
	}
	world_done(&w);
}

/* A new name makes another entry: those are tried below. */
static bool is_tried_alone(const struct spot *s)
{
	return rows_is_setting(s) && !(s->f->flags & PM_F_IDENT);
}

static void try_running(const struct spot *s, PM_UNUSED void *arg)
{
	const struct rule *r = rule_of(s);

	if (!is_tried_alone(s))
		return;
	want_row(s, r);
	try_row(s, "running", USUAL);
	if (r->is == HOT || (s->parent && s->parent->hot)) {
		try_row(s, "running", NOTHING);
		try_row(s, "running", pm_str_eq(r->feature, "memory") ? ALL_AND_MEMORY : ALL);
	}
}

static void try_stopped(const struct spot *s, PM_UNUSED void *arg)
{
	if (is_tried_alone(s))
		try_row(s, "stopped", USUAL);
}

/* ---- what no two values of one row show ---- */

#define WITH(more)        "  disks: [{slot: scsi0, storage: local-lvm, size: 4Gi}" more "]\n"
#define ALONE             WITH("")
#define DISK(slot)        WITH(", {slot: " slot ", storage: local-lvm, size: 1Gi}")
#define DRIVE(slot, more) WITH(", {slot: " slot ", " more "}")
#define LIST(key, entry)  ALONE "  " key ": [{" entry "}]\n"
#define NETS(more)        ALONE "  network: {interfaces: [{slot: net0, bridge: vmbr0}" more "]}\n"

static const struct {
	const char *row, *before, *after, *key;
	enum outcome is;
	const char *feature;
} cases[] = {
	/* PVE::QemuServer::qemu_cpu_hotplug: no more than cores and sockets make */
	{ "cpu.vcpus", ALONE "  cpu: {cores: 4, vcpus: 2}\n", ALONE "  cpu: {cores: 4, vcpus: 3}\n",
		"vcpus", HOT, "cpu" },
	{ "cpu.vcpus", ALONE "  cpu: {cores: 4, vcpus: 3}\n", ALONE "  cpu: {cores: 4, vcpus: 2}\n",
		"vcpus", HOT, "cpu" },
	{ "cpu.vcpus", ALONE "  cpu: {cores: 2, vcpus: 2}\n", ALONE "  cpu: {cores: 4, vcpus: 4}\n",
		"vcpus", WAITS, NULL },
	/* vmconfig_hotplug_pending: the balloon device itself does not come or go */
	{ "memory.balloon", ALONE "  memory: {size: 1Gi, balloon: 512Mi}\n",
		ALONE "  memory: {size: 1Gi, balloon: 0}\n", "balloon", WAITS, NULL },
	{ "memory.balloon", ALONE "  memory: {size: 1Gi, balloon: 0}\n",
		ALONE "  memory: {size: 1Gi, balloon: 512Mi}\n", "balloon", WAITS, NULL },
	/* PVE::API2::Qemu, update_vm_api: the balloon that was must fit into the memory that comes */
	{ "memory.size", ALONE "  memory: {size: 2Gi, balloon: 1Gi}\n",
		ALONE "  memory: {size: 512Mi}\n", "memory", WAITS, NULL },
	{ "memory.size", ALONE "  memory: {size: 2Gi, balloon: 1Gi}\n",
		ALONE "  memory: {size: 512Mi, balloon: null}\n", "memory", WAITS, NULL },
	{ "memory.size", ALONE "  memory: {size: 2Gi, balloon: 1Gi}\n",
		ALONE "  memory: {size: 512Mi, balloon: 256Mi}\n", "memory", WAITS, NULL },
	/* there: processors and memory are plugged into what was made for it at the start */
	{ "hotplug", ALONE "  hotplug: [network]\n", ALONE "  hotplug: [network, cpu]\n", "hotplug",
		WAITS, NULL },
	{ "hotplug", ALONE "  hotplug: [network, cpu]\n", ALONE "  hotplug: [network]\n", "hotplug",
		WAITS, NULL },
	/* PVE::QemuServer::Memory::qemu_memory_hotplug: never below 1 GiB, which absence is */
	{ "memory.size", ALONE "  cpu: {numa: true}\n  memory: {size: 2Gi}\n  hotplug: [memory]\n",
		ALONE "  cpu: {numa: false}\n  memory: {size: null}\n", "memory", WAITS, NULL },
	{ "memory.size", ALONE "  cpu: {numa: true}\n  memory: {size: 2Gi}\n  hotplug: [memory]\n",
		ALONE "  memory: {size: 700Mi}\n", "memory", WAITS, NULL },
	/* vmconfig_update_net: from a bridge to the node's own network and back */
	{ "network.interfaces.bridge", ALONE "  network: {interfaces: [{slot: net0}]}\n", NETS(""),
		"net0", HOT, "network" },
	{ "network.interfaces.slot", NETS(""), NETS(", {slot: net1, bridge: vmbr0}"), "net1", HOT,
		"network" },
	{ "network.interfaces.slot", NETS(", {slot: net1, bridge: vmbr0}"), NETS(""), "net1", HOT,
		"network" },
	/* vmconfig_update_disk */
	{ "disks.slot", ALONE, DISK("scsi1"), "scsi1", HOT, "disk" },
	{ "disks.slot", ALONE, DISK("virtio0"), "virtio0", HOT, "disk" },
	{ "disks.slot", ALONE, DISK("sata1"), "sata1", WAITS, NULL },
	{ "disks.slot", ALONE, DISK("ide1"), "ide1", WAITS, NULL },
	{ "disks.slot", DISK("scsi1"), ALONE, "scsi1", HOT, "disk" },
	{ "disks.slot", DISK("virtio0"), ALONE, "virtio0", HOT, "disk" },
	{ "disks.slot", DISK("sata1"), ALONE, "sata1", WAITS, NULL },
	{ "disks.slot", DISK("ide1"), ALONE, "ide1", WAITS, NULL },
	/* PVE::QemuServer::vm_deviceunplug: not what it boots from */
	{ "disks.slot", DISK("scsi1") "  boot: {order: [scsi1, scsi0]}\n",
		ALONE "  boot: {order: [scsi0]}\n", "scsi1", WAITS, NULL },
	{ "disks.source", DRIVE("ide0", "source: none, media: cdrom"),
		DRIVE("ide0", "source: \"local:iso/a.iso\", media: cdrom"), "ide0", LIVE, NULL },
	{ "disks.source", DRIVE("scsi1", "source: /dev/sdb"), DRIVE("scsi1", "source: /dev/sdc"),
		"scsi1", HOT, "disk" },
	{ "disks.source", DRIVE("ide1", "source: /dev/sdb"), DRIVE("ide1", "source: /dev/sdc"),
		"ide1", WAITS, NULL },
	{ "disks.source", DRIVE("scsi1", "source: /dev/sdb"), DISK("scsi1"), "scsi1", HOT, "disk" },
	{ "disks.source", DISK("scsi1"), DRIVE("scsi1", "source: /dev/sdb"), "scsi1", HOT, "disk" },
	{ "disks.source", DISK("scsi1"), DRIVE("scsi1", "source: none, media: cdrom"), "scsi1",
		WAITS, NULL },
	{ "disks.media", DRIVE("ide0", "source: /dev/sdb"),
		DRIVE("ide0", "source: /dev/sdb, media: cdrom"), "ide0", WAITS, NULL },
	{ "disks.cloudinit", DRIVE("ide0", "source: none, media: cdrom"),
		DRIVE("ide0", "storage: local-lvm, cloudinit: true"), "ide0", LIVE, NULL },
	{ "disks.cloudinit", DRIVE("ide0", "storage: local-lvm, cloudinit: true"),
		DRIVE("ide0", "source: none, media: cdrom"), "ide0", LIVE, NULL },
	{ "disks.cloudinit", ALONE, DRIVE("scsi1", "storage: local-lvm, cloudinit: true"), "scsi1",
		HOT, "disk" },
	{ "disks.cloudinit", ALONE, DRIVE("ide0", "storage: local-lvm, cloudinit: true"), "ide0",
		WAITS, NULL },
	/* vmconfig_hotplug_pending: usb only into systems that are known to bear it */
	{ "usb.slot", ALONE "  ostype: l26\n",
		LIST("usb", "slot: usb0, host: spice") "  ostype: l26\n", "usb0", HOT, "usb" },
	{ "usb.slot", LIST("usb", "slot: usb0, host: spice") "  ostype: l26\n",
		ALONE "  ostype: l26\n", "usb0", HOT, "usb" },
	{ "usb.slot", ALONE, LIST("usb", "slot: usb0, host: spice"), "usb0", WAITS, NULL },
	/* there, which skips them */
	{ "serial.slot", ALONE, LIST("serial", "slot: serial0, device: socket"), "serial0", WAITS,
		NULL },
	{ "serial.slot", LIST("serial", "slot: serial0, device: socket"), ALONE, "serial0", WAITS,
		NULL },
	{ "parallel.slot", ALONE, LIST("parallel", "slot: parallel0, device: /dev/parport0"),
		"parallel0", WAITS, NULL },
	{ "parallel.slot", LIST("parallel", "slot: parallel0, device: /dev/parport0"), ALONE,
		"parallel0", WAITS, NULL },
	{ "hostpci.slot", ALONE, LIST("hostpci", "slot: hostpci0, host: \"01:00.0\""), "hostpci0",
		WAITS, NULL },
	{ "hostpci.slot", LIST("hostpci", "slot: hostpci0, host: \"01:00.0\""), ALONE, "hostpci0",
		WAITS, NULL },
	{ "numa.slot", ALONE, LIST("numa", "slot: numa0, cpus: [0-1]") "  cpu: {numa: true}\n",
		"numa0", WAITS, NULL },
	{ "numa.slot", LIST("numa", "slot: numa0, cpus: [0-1]") "  cpu: {numa: true}\n", ALONE,
		"numa0", WAITS, NULL },
	{ "virtiofs.slot", ALONE, LIST("virtiofs", "slot: virtiofs0, dirid: data"), "virtiofs0",
		WAITS, NULL },
	{ "virtiofs.slot", LIST("virtiofs", "slot: virtiofs0, dirid: data"), ALONE, "virtiofs0",
		WAITS, NULL },
	{ "cloudInit.ipconfig.slot", NETS(""),
		NETS("") "  cloudInit: {ipconfig: [{slot: ipconfig0, ip: dhcp}]}\n", "ipconfig0",
		LIVE, NULL },
	{ "cloudInit.ipconfig.slot",
		NETS("") "  cloudInit: {ipconfig: [{slot: ipconfig0, ip: dhcp}]}\n", NETS(""),
		"ipconfig0", LIVE, NULL },
	{ NULL, ALONE "  bios: ovmf\n", ALONE "  bios: ovmf\n  efidisk: {storage: local-lvm}\n",
		"efidisk0", WAITS, NULL },
	{ "intel-tdx.type", ALONE, ALONE "  intel-tdx: {type: tdx, attestation: true}\n",
		"intel-tdx", WAITS, NULL },
	{ NULL, ALONE, ALONE "  tpmstate: {storage: local-lvm}\n", "tpmstate0", WAITS, NULL },
};

static void find_row(const struct spot *s, void *arg)
{
	struct attempt *t = arg;

	if (pm_str_eq(s->name, t->name))
		t->row = s->f;
}

static const char *case_text(struct world *w, const char *spec)
{
	return pm_arena_printf(w->arena,
		"apiVersion: podmox/v1\nkind: VirtualMachine\nmetadata: {name: web}\nspec:\n"
		"  agent: {enabled: true}\n%s",
		spec);
}

static void try_case(size_t i, const char *state, unsigned plugging)
{
	struct attempt t = { .name = cases[i].row ? cases[i].row : cases[i].key,
		.key = cases[i].key,
		.is = cases[i].is,
		.feature = cases[i].feature,
		.plugging = plugging };
	struct world w;

	rows_each(&pm_kind_vm, find_row, &t);
	assert_true(t.row || !cases[i].row);
	world_new(&w, 1);
	assert_int_equal(world_call(&w, "POST", "/nodes/pve1/storage/local/download-url",
				 "content=iso&filename=a.iso&url=http%3A//192.0.2.1/a.iso"),
		200);
	world_wait(&w, 60);
	t.before = case_text(&w, cases[i].before);
	t.after = case_text(&w, cases[i].after);
	if (!try_in(&w, &t, state))
		fault(&t, state, "the plan has no such change");
	world_done(&w);
}

/* The balloon goes first, in a write of its own, on a machine that waits with a balloon of before, too. */
PM_TEST(rows_vm_balloon_goes_with_memory)
{
	static const char *const states[] = { "stopped", "running" };

	for (size_t i = 0; i < PM_COUNT(states); i++) {
		struct attempt t = { .name = "memory.balloon", .plugging = USUAL };
		struct world w;
		bool ignored;

		faults = 0;
		world_new(&w, 1);
		(void)turn_to(&w, &t,
			case_text(&w, ALONE "  memory: {size: 2Gi, balloon: 0}\n"
					    "  state: running\n"),
			"running", false, &ignored);
		(void)turn_to(&w, &t,
			complete(&w, &t,
				case_text(&w, ALONE "  memory: {size: 2Gi, balloon: 1Gi}\n"),
				states[i]),
			states[i], false, &ignored);
		(void)turn_to(&w, &t,
			complete(&w, &t, case_text(&w, ALONE "  memory: {size: 512Mi}\n"),
				states[i]),
			states[i], true, &ignored);
		assert_string_equal(world_control(&w, "get %u memory", world_vmid(&w, id)), "512");
		assert_string_equal(world_control(&w, "get %u balloon", world_vmid(&w, id)), "");
		want_in_sync(&w, &t, states[i]);
		world_done(&w);
		assert_int_equal(faults, 0);
	}
}

/* PVE::QemuServer::Memory::qemu_memory_hotplug makes another amount of what is not in modules: nothing is sent
 * until the machine is restarted without that feature. */
PM_TEST(rows_vm_memory_between_modules)
{
	struct attempt t = { .name = "memory.size", .key = "memory", .plugging = USUAL };
	const char *after = ALONE "  memory: {size: 1300Mi}\n";
	const char *to = "";
	struct world w;
	bool says = false;

	faults = 0;
	world_new(&w, 1);
	(void)turn_to(&w, &t,
		case_text(&w, ALONE "  cpu: {numa: true}\n  memory: {size: 2Gi}\n"
				    "  hotplug: [memory]\n"),
		"running", false, &says);
	after = complete(&w, &t, case_text(&w, after), "running");
	(void)turn_to(&w, &t, after, "running", false, &says);
	assert_string_equal(in_force(&w, &t), "2048");
	assert_false(rows_waits(&w, &pm_kind_vm, "memory", &to));
	(void)turn_to(&w, &t, after, "running", true, &says);
	(void)turn_to(&w, &t, after, "running", true, &says);
	assert_string_equal(in_force(&w, &t), "1300");
	want_in_sync(&w, &t, "running");
	world_done(&w);
	assert_int_equal(faults, 0);
}

/* ---- that nothing is left out ---- */

static void want_tried(const struct spot *s, PM_UNUSED void *arg)
{
	bool live = rows_was_tried(s->f, false), waiting = rows_was_tried(s->f, true);
	const char *how = live ? "with" : waiting ? "without" : NULL;

	if (!rows_is_setting(s) || (how && rule_of(s)->is != HOT) || (live && waiting))
		return;
	faults++;
	if (how)
		print_error("%s was tried only %s the feature of hotplug\n", s->name, how);
	else
		print_error("%s was tried nowhere: give it values in rows.c, or a case here\n",
			s->name);
}

PM_TEST(rows_vm_on_a_running_machine)
{
	faults = 0;
	rows_each(&pm_kind_vm, try_running, NULL);
	for (size_t i = 0; i < PM_COUNT(cases); i++)
		for (unsigned p = NOTHING; p <= ALL; p++)
			try_case(i, "running", p);
	rows_each(&pm_kind_vm, want_tried, NULL);
	assert_int_equal(faults, 0);
}

PM_TEST(rows_vm_on_a_stopped_machine)
{
	faults = 0;
	rows_each(&pm_kind_vm, try_stopped, NULL);
	for (size_t i = 0; i < PM_COUNT(cases); i++)
		try_case(i, "stopped", USUAL);
	assert_int_equal(faults, 0);
}
