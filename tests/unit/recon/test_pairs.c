/* Pairs of manifests that once went wrong: the second is applied after the first, and then nothing may be
 * left to do and a key of the guest must say what it says here. Random pairs (tests/property) have found
 * them, and shrunk them to this. */
#include <string.h>

#include "base/text.h"
#include "recon/export.h"
#include "world.h"

#define KIND(kind, name)                                                \
	"apiVersion: podmox/v1\nkind: " kind "\nmetadata: {name: " name \
	", namespace: shop}\nspec:\n"
#define POD                                                               \
	KIND("Pod", "a")                                                  \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n" \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n"
#define POD_ROOT(root)                                                    \
	KIND("Pod", "a")                                                  \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n" \
	"  rootfs: {storage: local-lvm, " root "}\n"
#define SET(replicas, more)                                                 \
	KIND("PodSet", "s")                                                 \
	"  replicas: " replicas "\n  template:\n"                           \
	"    image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n" \
	"    rootfs: {storage: local-lvm, size: 4Gi}\n" more

#define VM KIND("VirtualMachine", "v") "  agent: {enabled: true}\n"

struct pair {
	const char *what, *x, *y;
	bool restart, at_once;  /* --allow-restart; no time passes in between */
	const char *id;         /* NULL: Pod/shop/a */
	const char *key, *part; /* what the key holds in the end, NULL: it is not there */
};

static const struct pair pairs[] = {
	{ "a bind mount of a running guest becomes a volume, which waits to be made",
		POD "  volumes: [{path: /d, source: /srv/d}]\n",
		POD "  volumes: [{path: /d, storage: local-lvm, size: 1500Mi}]\n", .key = "mp0",
		.part = "/srv/d" },
	{ "a root grows while a change of it waits", POD, POD_ROOT("size: 6Gi, ro: true"),
		.key = "rootfs", .part = "size=6G" },
	{ "a description is empty", POD, POD "  description: \"\"\n", .key = "cores" },
	{ "protection leaves the manifest together with what says the default",
		POD_ROOT("size: 4Gi, ro: false") "  lifecycle: {protect: true}\n", POD,
		.key = "protection" },
	{ "what says the default becomes null on a protected guest",
		POD_ROOT("size: 4Gi, shared: false") "  lifecycle: {protect: true}\n",
		POD_ROOT("size: 4Gi, shared: null"), .key = "protection" },
	{ "protection leaves the manifest while the root changes",
		POD "  lifecycle: {protect: true}\n", POD_ROOT("size: 4Gi, ro: true"),
		.key = "protection", .part = "0" },
	{ "protection becomes null while the root changes", POD "  lifecycle: {protect: true}\n",
		POD_ROOT("size: 4Gi, ro: true") "  lifecycle: {protect: null}\n",
		.key = "protection", .part = "0" },
	{ "a mount of its node goes, and the guest to another node",
		POD "  node: pve1\n  volumes: [{path: /d, source: /srv/d}]\n",
		POD "  node: pve2\n  pinned: true\n", .restart = true, .key = "mp0" },
	{ "a guest is stopped and goes to another node", POD "  node: pve1\n",
		POD "  node: pve2\n  pinned: true\n  state: stopped\n", .key = "cores" },
	{ "a guest whose state is left to others was just made", POD "  state: ignored\n",
		KIND("Pod", "a") "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
				 "  rootfs: {storage: local, size: 4Gi}\n  state: ignored\n",
		.at_once = true, .key = "rootfs", .part = "local:" },
	{ "a Pod leaves its set and is only stopped, the others restart",
		SET("3", "    lifecycle: {onRemove: stop}\n"), SET("2", "    options: {tty: 6}\n"),
		.restart = true },
	{ "a guest that left the manifests was stopped a moment ago",
		POD "  lifecycle: {onRemove: stop}\n", SET("1", ""), .at_once = true },
	{ "an audio device leaves the manifest of a machine",
		VM "  state: stopped\n  audio: {device: AC97}\n", VM "  state: stopped\n",
		.id = "VirtualMachine/shop/v", .key = "audio0" },
	{ "what PVE makes up for a new machine is null",
		VM "  smbios1: null\n  boot: null\n  options: {vmgenid: null}\n",
		VM "  state: stopped\n", .id = "VirtualMachine/shop/v", .key = "audio0" },
	{ "a mount of its node goes, and the guest to another node and to the HA manager",
		POD "  node: pve1\n  volumes: [{path: /d, source: /srv/d}]\n",
		POD "  node: pve2\n  pinned: true\n  ha: {state: ignored}\n", .restart = true,
		.key = "mp0" },
	{ "an EFI disk goes to a storage of another grain",
		VM "  bios: ovmf\n  efidisk: {storage: local-lvm, efitype: 4m}\n",
		VM "  bios: ovmf\n  efidisk: {storage: local, efitype: 4m}\n",
		.id = "VirtualMachine/shop/v", .key = "efidisk0", .part = "size=528K" },
	{ "the boot order goes with the disk that is first in it",
		VM "  disks: [{slot: ide0, storage: local-lvm, size: 1Gi}]\n", VM "  boot: null\n",
		.restart = true, .id = "VirtualMachine/shop/v", .key = "boot" },
	{ "an entry says nothing", VM,
		VM "  cloudInit: {ipconfig: [{slot: ipconfig1}]}\n  smbios1: {}\n",
		.id = "VirtualMachine/shop/v", .key = "ipconfig1" },
};

static void tell(struct turn *t, const char *what)
{
	print_error("%s: %s\n", what, t->err.msg);
	if (t->planned)
		print_error("%s\n", turn_plan(t));
	fail_msg("%s", what);
}

static void apply(struct world *w, const struct pair *p, const char *text)
{
	const struct turn_opts o = { .plan = { .prune = true, .allow_restart = p->restart } };
	struct turn t;

	world_manifest(w, "all.yaml", text);
	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		tell(&t, p->what);
	turn_done(&t);
	if (!p->at_once)
		world_wait(w, 30);
}

static void is_in_sync(struct world *w, const struct pair *p)
{
	const struct turn_opts o = { .plan = { .prune = true, .allow_restart = p->restart },
		.plan_only = true,
		.readonly = true };
	struct turn t;

	world_turn(w, &o, &t);
	if (!t.planned || !pm_plan_empty(&t.cycle.plan))
		tell(&t, p->what);
	turn_done(&t);
}

static void try_pair(const struct pair *p)
{
	struct world w;
	const char *is;

	world_new(&w, 2);
	apply(&w, p, p->x);
	is_in_sync(&w, p);
	apply(&w, p, p->y);
	is_in_sync(&w, p);
	if (p->key) {
		is = world_control(
			&w, "get %u %s", world_vmid(&w, p->id ? p->id : "Pod/shop/a"), p->key);
		if (p->part ? !strstr(is, p->part) : *is)
			fail_msg("%s: %s is \"%s\"", p->what, p->key, is);
	}
	world_done(&w);
}

PM_TEST(pairs)
{
	for (size_t i = 0; i < PM_COUNT(pairs); i++)
		try_pair(&pairs[i]);
}

/* Somebody else restarts it, and waits. */
static void reboot(struct world *w, const char *type, unsigned vmid, unsigned seconds)
{
	const char *path = pm_arena_printf(w->arena, "/nodes/pve1/%s/%u/status/reboot", type, vmid);

	assert_int_equal(world_call(w, "POST", path, ""), 200);
	world_wait(w, seconds);
}

/* ---- three in a row ---- */

/* The list of guests still says that it does not run. */
PM_TEST(stop_of_what_was_started_a_moment_ago)
{
	static const struct pair p = { .what = "it left the manifests as soon as it ran",
		.at_once = true };
	struct world w;

	world_new(&w, 1);
	apply(&w, &p, POD "  state: stopped\n  lifecycle: {onRemove: stop}\n");
	world_wait(&w, 30);
	apply(&w, &p, POD "  lifecycle: {onRemove: stop}\n");
	apply(&w, &p, VM);
	world_wait(&w, 30);
	is_in_sync(&w, &p);
	world_done(&w);
}

/* A value that waits is taken back first, and what is in force goes with the next write: by then it must not be
 * protected. */
PM_TEST(protection_comes_when_a_waiting_volume_goes)
{
	static const struct pair p = { .what = "a volume that waits for a change goes" };
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	apply(&w, &p, POD "  volumes: [{path: /d, storage: local-lvm, size: 1Gi}]\n");
	apply(&w, &p, POD "  volumes: [{path: /d, storage: local-lvm, size: 1Gi, backup: true}]\n");
	vmid = world_vmid(&w, "Pod/shop/a");
	apply(&w, &p, POD "  lifecycle: {protect: true}\n");
	assert_string_equal(world_control(&w, "get %u protection", vmid), "1");
	is_in_sync(&w, &p);
	/* The other way round it goes at once: by the next write nobody knows whose it was. */
	apply(&w, &p, POD "  options: {tty: 5}\n  lifecycle: {protect: true}\n");
	assert_int_equal(
		world_call(&w, "PUT", pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/config", vmid),
			"tty=4"),
		200);
	apply(&w, &p, POD);
	assert_string_not_equal(world_control(&w, "get %u protection", vmid), "1");
	is_in_sync(&w, &p);
	world_done(&w);
}

/* The one refuses, and has written, what the other needs two writes for. */
PM_TEST(memory_goes_while_something_waits)
{
	static const struct pair p = { .what = "memory that can be plugged leaves the manifest" };
	static const char plugs[] =
		"  cpu: {numa: true}\n  memory: {size: 18Gi}\n  hotplug: [memory]\n";
	struct world w;

	world_new(&w, 1);
	apply(&w, &p, pm_arena_printf(w.arena, VM "%s  audio: {device: AC97}\n", plugs));
	apply(&w, &p, pm_arena_printf(w.arena, VM "%s  audio: {device: ich9-intel-hda}\n", plugs));
	apply(&w, &p, VM);
	is_in_sync(&w, &p);
	world_done(&w);
}

/* ---- growth while a change waits ---- */

PM_TEST(size_that_waits_is_written_again)
{
	static const struct pair p = { "a root grows behind a change that waits", POD,
		POD_ROOT("size: 6Gi"), .key = "rootfs" };
	struct pm_buf form cleanup_buf = PM_BUF(0);
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	vmid = world_vmid(&w, "Pod/shop/a");
	pm_form_add(&form, "rootfs",
		pm_arena_printf(w.arena, "%s,ro=1", world_control(&w, "get %u rootfs", vmid)));
	assert_int_equal(
		world_call(&w, "PUT", pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/config", vmid),
			pm_buf_str(&form)),
		200);
	apply(&w, &p, p.y);
	is_in_sync(&w, &p);
	reboot(&w, "lxc", vmid, 60);
	/* After the restart it is in force, and has not shrunk again. */
	assert_has(world_control(&w, "get %u rootfs", vmid), "size=6G");
	assert_has(world_control(&w, "get %u rootfs", vmid), "ro=1");
	world_done(&w);
}

/* What waits to be made has its size in what is written, and is written anew when it grows. */
PM_TEST(volume_that_waits_to_be_made_grows)
{
	static const struct pair p = { "a volume grows that is not made yet",
		POD "  volumes: [{path: /d, source: /srv/d}]\n",
		POD "  volumes: [{path: /d, storage: local-lvm, size: 2Gi}]\n", .key = "mp0" };
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	apply(&w, &p, p.y);
	vmid = world_vmid(&w, "Pod/shop/a");
	apply(&w, &p, POD "  volumes: [{path: /d, storage: local-lvm, size: 5Gi, backup: true}]\n");
	is_in_sync(&w, &p);
	assert_has(world_control(&w, "get %u mp0", vmid), "/srv/d");
	reboot(&w, "lxc", vmid, 60);
	assert_has(world_control(&w, "get %u mp0", vmid), "size=5G");
	is_in_sync(&w, &p);
	world_done(&w);
}

/* A disk of a machine that waits to be plugged in grows when it is. */
PM_TEST(disk_that_waits_grows_after_the_restart)
{
	static const struct pair p = { "a disk grows that is not plugged in yet",
		VM
		"  hotplug: [network]\n  disks: [{slot: scsi0, storage: local-lvm, size: 2Gi}]\n",
		VM "  hotplug: [network]\n  disks: [{slot: scsi0, storage: local-lvm, size: 2Gi},\n"
		   "          {slot: scsi1, storage: local-lvm, size: 2Gi}]\n",
		.key = "scsi1" };
	static const char more[] =
		VM "  hotplug: [network]\n  disks: [{slot: scsi0, storage: local-lvm, size: 2Gi},\n"
		   "          {slot: scsi1, storage: local-lvm, size: 3Gi}]\n";
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	apply(&w, &p, p.y);
	vmid = world_vmid(&w, "VirtualMachine/shop/v");
	apply(&w, &p, more);
	is_in_sync(&w, &p);
	reboot(&w, "qemu", vmid, 120);
	apply(&w, &p, more);
	assert_has(world_control(&w, "get %u scsi1", vmid), "size=3G");
	world_done(&w);
}

/* ---- old news of the inventory ---- */

PM_TEST(a_state_that_the_run_did_not_touch_is_not_unstable)
{
	static const struct pair p = { "somebody started it a moment ago", POD "  state: stopped\n",
		POD "  state: stopped\n  options: {tty: 3}\n", .at_once = true };
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	world_wait(&w, 30);
	vmid = world_vmid(&w, "Pod/shop/a");
	assert_int_equal(
		world_call(&w, "POST",
			pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/status/start", vmid), ""),
		200);
	world_wait(&w, 1); /* it runs, and the inventory does not know */
	apply(&w, &p, p.y);
	assert_has(world_control(&w, "get %u", vmid), " running");
	world_wait(&w, 30);
	apply(&w, &p, p.y);
	assert_has(world_control(&w, "get %u", vmid), " stopped");
	world_done(&w);
}

/* ---- export ---- */

static const char *left_out; /* of the last export, in its arena */

static struct pm_obj *exported(struct world *w, struct pm_arena *a)
{
	struct pm_transport *wire = world_wire(w);
	const struct pm_recon_opts o = { .config = w->config,
		.readonly = true,
		.clock = &w->clock.clock,
		.transport = wire,
		.seed = 1 };
	struct pm_job job = { .arena = a, .clock = &w->clock.clock };
	struct pm_set have = { .arena = a }, none = { .arena = a };
	struct pm_error err = { 0 };
	struct pm_recon *rc;
	struct pm_obj *ret;

	pm_diags_init(&job.diags, a);
	assert_ok(pm_recon_open(&o, &rc, &err), &err);
	assert_ok(pm_recon_live(rc, &job, &have, &err), &err);
	assert_int_equal(have.n, 1);
	ret = pm_export(a, &none, have.v[0]);
	left_out = pm_export_left_out(a, have.v[0]);
	pm_set_done(&have);
	pm_recon_free(rc);
	pm_transport_free(wire);
	return ret;
}

PM_TEST(export_keeps_what_podmox_set)
{
	static const struct pair p = { "arch is set", POD "  options: {arch: i386}\n", POD,
		.key = "arch" };
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const struct pm_obj *o;
	struct world w;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	o = exported(&w, a);
	assert_string_equal(pm_rec_str(o->spec, PM_POD_OPT_ARCH, ""), "i386");
	assert_int_equal(o->spec->val[PM_POD_OPT_OSTYPE].state, PM_UNSET); /* PVE found it out */
	world_done(&w);
}

/* Words of a PVE that is newer: named, and left out. */
PM_TEST(export_leaves_out_words_it_does_not_know)
{
	static const struct pair p = { "a word of tomorrow", POD, POD, .key = "cmode" };
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_diags diags;
	const struct pm_obj *o;
	struct world w;

	world_new(&w, 1);
	apply(&w, &p, p.x);
	(void)world_control(&w, "set %u cmode=hologram", world_vmid(&w, "Pod/shop/a"));
	o = exported(&w, a);
	pm_diags_init(&diags, a);
	pm_obj_check(o, &diags);
	assert_int_equal(diags.nerrors, 0);
	assert_int_equal(o->spec->val[PM_POD_OPT_CMODE].state, PM_UNSET);
	assert_string_equal(left_out, "cmode=hologram");
	is_in_sync(&w, &p);
	world_done(&w);
}

PM_TEST(export_leaves_out_what_no_manifest_may_say)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const struct pm_obj *o;
	struct pm_diags diags;
	struct world w;

	world_new(&w, 1);
	assert_int_equal(world_call(&w, "POST", "/nodes/pve1/lxc",
				 "vmid=210&ostemplate=local%3Avztmpl%2Fdebian-12-standard_12.7-1_"
				 "amd64.tar.zst&rootfs=local-lvm%3A4&"
				 "net0=name%3Deth0%2Cgw%3D10.0.0.1%2Cip%3Ddhcp"),
		200);
	world_wait(&w, 60);
	o = exported(&w, a);
	pm_diags_init(&diags, a);
	pm_obj_check(o, &diags);
	assert_int_equal(diags.nerrors, 0);
	assert_int_equal(o->spec->val[PM_POD_INTERFACES].u.recs->n, 1);
	world_done(&w);
}
