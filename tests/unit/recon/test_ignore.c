/* Settings that an object leaves to others: made with the guest, never compared or written again. */
#include <string.h>

#include "base/text.h"
#include "world.h"

#define POD(ignore, more)                                                                  \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                  \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n"                                      \
	"  lifecycle: {ignore: [" ignore "]}\n" more
#define NET(tag) "  network: {interfaces: [{name: eth0, bridge: vmbr0, ip: dhcp, tag: " tag "}]}\n"

static const char *value(struct world *w, const char *key)
{
	return pm_arena_strdup(
		w->arena, world_control(w, "get %u %s", world_vmid(w, "Pod/shop/db"), key));
}

static void begin(struct world *w, const char *manifest)
{
	world_new(w, 1);
	world_manifest(w, "a.yaml", manifest);
	world_apply(w);
	world_wait(w, 30);
	world_in_sync(w);
}

static void by_hand(struct world *w, const char *setting)
{
	(void)world_control(w, "set %u %s", world_vmid(w, "Pod/shop/db"), setting);
	world_wait(w, 30);
}

/* Made as the manifest says; what others make of it stays, also when something else is written. */
PM_TEST(ignore_a_setting_and_a_group)
{
	struct world w;

	begin(&w,
		POD("resources, onboot", "  resources: {cores: 2, memory: 1Gi}\n  onboot: true\n"));
	assert_string_equal(value(&w, "cores"), "2");
	assert_string_equal(value(&w, "onboot"), "1");
	by_hand(&w, "cores=4");
	by_hand(&w, "onboot=0");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml",
		POD("resources, onboot",
			"  resources: {cores: 3, memory: 1Gi}\n  onboot: true\n  tags: [x]\n"));
	world_apply(&w);
	assert_string_equal(value(&w, "cores"), "4");
	assert_string_equal(value(&w, "onboot"), "0");
	assert_string_equal(value(&w, "memory"), "1024");
	assert_has(value(&w, "tags"), "x");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml",
		POD("onboot", "  resources: {cores: 3, memory: 1Gi}\n  onboot: true\n"));
	world_apply(&w);
	assert_string_equal(value(&w, "cores"), "3");
	world_done(&w);
}

PM_TEST(ignore_a_part_of_an_entry)
{
	struct world w;

	begin(&w, POD("network.interfaces.eth0.tag", NET("20")));
	assert_has(value(&w, "net0"), "tag=20");
	by_hand(&w,
		"net0=name=eth0,bridge=vmbr0,ip=dhcp,tag=30,type=veth,hwaddr=BC:24:11:00:00:01");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml",
		POD("network.interfaces.eth0.tag",
			"  network: {interfaces: [{name: eth0, bridge: vmbr1, ip: dhcp, tag: 20}]}\n"));
	world_apply(&w);
	assert_has(value(&w, "net0"), "bridge=vmbr1");
	assert_has(value(&w, "net0"), "tag=30");
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(ignore_an_entry)
{
	struct world w;

	begin(&w, POD("network.interfaces.eth0", NET("20")));
	by_hand(&w, "net0=name=eth0,bridge=vmbr1,type=veth,hwaddr=BC:24:11:00:00:01");
	world_in_sync(&w);
	assert_int_equal(world_call(&w, "PUT",
				 pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/config",
					 world_vmid(&w, "Pod/shop/db")),
				 "delete=net0"),
		200);
	world_wait(&w, 30);
	world_in_sync(&w);
	world_done(&w);
}

/* The image's own environment is not podmox's; what the manifest adds is there from the start. */
PM_TEST(ignore_a_variable)
{
	struct world w;

	begin(&w, POD("env.MODE", "  state: stopped\n  env: {MODE: first, TZ: UTC}\n"));
	assert_has(value(&w, "env"), "MODE=first");
	world_manifest(&w, "a.yaml",
		POD("env.MODE", "  state: stopped\n  env: {MODE: second, TZ: Europe/Vienna}\n"));
	world_apply(&w);
	assert_has(value(&w, "env"), "MODE=first");
	assert_has(value(&w, "env"), "TZ=Europe/Vienna");
	world_in_sync(&w);
	world_done(&w);
}

/* No new guest for another image, and nobody is taken out of a pool. */
PM_TEST(ignore_what_pve_keeps_elsewhere)
{
	struct world w;

	begin(&w, POD("image, pool, vmid", ""));
	assert_int_equal(world_call(&w, "POST", "/pools", "poolid=others"), 200);
	assert_int_equal(world_call(&w, "PUT", "/pools",
				 pm_arena_printf(w.arena, "poolid=others&vms=%u",
					 world_vmid(&w, "Pod/shop/db"))),
		200);
	world_wait(&w, 30);
	world_manifest(&w, "a.yaml",
		"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n"
		"  image: local:vztmpl/another.tar.zst\n  vmid: 277\n  pool: shop\n"
		"  rootfs: {storage: local-lvm, size: 4Gi}\n"
		"  lifecycle: {ignore: [image, pool, vmid]}\n");
	world_in_sync(&w);
	world_done(&w);
}

/* ---- rules of the configuration ---- */

#define PLAIN(name, more)                                                                        \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name ", namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                        \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n" more

/* What the rules name is left alone where they fit, and nowhere else; what the manifest names adds up. */
PM_TEST(ignore_by_the_configuration)
{
	const struct turn_opts look = { .plan_only = true };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml",
		PLAIN("db", "  resources: {cores: 2}\n  onboot: true\n"
			    "  lifecycle: {ignore: [onboot]}\n"));
	world_manifest(&w, "b.yaml", PLAIN("web", "  resources: {cores: 2}\n"));
	world_apply(&w);
	for (int i = 0; i < 2; i++)
		(void)world_control(&w, "set %u cores=4",
			world_vmid(&w, i == 0 ? "Pod/shop/db" : "Pod/shop/web"));
	(void)world_control(&w, "set %u onboot=0", world_vmid(&w, "Pod/shop/db"));
	world_wait(&w, 30);

	world_config(&w, "ignore:\n  - {kind: VirtualMachine, fields: [cpu.cores]}\n"
			 "  - {kind: Pod, namespace: sh?p, name: d*, fields: [resources.cores]}\n"
			 "  - {kind: Pod, namespace: other, fields: [resources]}\n");
	world_turn(&w, &look, &t);
	assert_int_equal(t.cycle.plan.sum.update, 1);
	assert_int_equal(t.cycle.plan.sum.unchanged, 1);
	assert_int_equal(turn_action(&t, "Pod/shop/web")->nchanges, 1);
	turn_done(&t);

	/* Another write does not undo it, and the plan says what is left to others. */
	world_manifest(&w, "a.yaml",
		PLAIN("db", "  resources: {cores: 2, memory: 600Mi}\n  onboot: true\n"
			    "  lifecycle: {ignore: [onboot]}\n"));
	world_turn(&w, &look, &t);
	assert_has(turn_plan(&t), "ignores onboot; by the configuration resources.cores");
	turn_done(&t);
	world_apply(&w);
	assert_string_equal(value(&w, "cores"), "4");
	assert_string_equal(value(&w, "memory"), "600");

	/* Without the rule it is podmox's again. */
	world_config(&w, NULL);
	world_apply(&w);
	assert_string_equal(value(&w, "cores"), "2");
	world_done(&w);
}
