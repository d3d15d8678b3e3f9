/* What the HA manager does with guests: it is made, changed and taken away by calls of its own, once, whatever goes
 * wrong on the way; and nobody asks for it where no manifest speaks of it. */
#include <string.h>

#include "base/text.h"
#include "world.h"

#define POD(more)                                                                          \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                  \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n" more
#define DATA "  volumes: [{path: /data, storage: local-lvm, size: 1Gi}]\n"
#define VM(more)                                                    \
	"apiVersion: podmox/v1\nkind: VirtualMachine\n"             \
	"metadata: {name: db, namespace: shop}\nspec:\n"            \
	"  disks: [{slot: scsi0, storage: local-lvm, size: 4Gi}]\n" \
	"  agent: {enabled: true}\n" more

/* The resource of the guest as PVE tells it; "" when there is none. */
static const char *resource(struct world *w, const char *id)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	const char *path = pm_arena_printf(w->arena, "/cluster/ha/resources/%s:%u",
		pm_str_starts(id, "Pod") ? "ct" : "vm", world_vmid(w, id));

	if (world_ask(w, "GET", path, NULL, &body) != 200)
		return "";
	return pm_arena_strdup(w->arena, pm_buf_str(&body));
}

static void by_hand(struct world *w, const char *method, const char *form)
{
	const char *path = pm_arena_printf(
		w->arena, "/cluster/ha/resources/ct:%u", world_vmid(w, "Pod/shop/db"));

	assert_int_equal(world_call(w, method, path, form), 200);
}

static const char *marker(struct world *w)
{
	return pm_arena_strdup(
		w->arena, world_control(w, "get %u description", world_vmid(w, "Pod/shop/db")));
}

/* Also where everything changes at once: what the marker remembers is not lost before it is gone. */
PM_TEST(ha_goes_key_by_key_and_whole)
{
	struct world w;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("  ha: {state: started, max_restart: 3, comment: x}\n"));
	world_apply(&w);
	assert_has(resource(&w, "Pod/shop/db"), "\"max_restart\":3");
	assert_has(marker(&w), "ha:state,max_restart,comment");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml",
		POD("  resources: {memory: 600Mi}\n  ha: {state: started, max_relocate: 4}\n"));
	world_apply(&w);
	assert_null(strstr(resource(&w, "Pod/shop/db"), "max_restart"));
	assert_null(strstr(resource(&w, "Pod/shop/db"), "comment"));
	assert_has(resource(&w, "Pod/shop/db"), "\"max_relocate\":4");
	assert_has(marker(&w), "ha:state,max_relocate");
	assert_null(strstr(marker(&w), "max_restart"));
	world_in_sync(&w);
	world_manifest(&w, "a.yaml", POD("  resources: {memory: 700Mi}\n"));
	world_apply(&w);
	assert_string_equal(resource(&w, "Pod/shop/db"), "");
	assert_null(strstr(marker(&w), "ha:state"));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(ha_of_a_machine)
{
	struct world w;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", VM("  ha: {state: started, failback: false}\n"));
	world_apply(&w);
	assert_has(resource(&w, "VirtualMachine/shop/db"), "\"failback\":0");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml", VM("  state: stopped\n  ha: {state: disabled}\n"));
	world_apply(&w);
	assert_has(resource(&w, "VirtualMachine/shop/db"), "\"state\":\"disabled\"");
	world_in_sync(&w);
	world_done(&w);
}

/* Who never spoke of it does not touch it, and is not asked for it. */
PM_TEST(ha_of_others_is_theirs)
{
	const struct turn_opts prune = { .plan = { .prune = true } };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD(""));
	world_manifest(&w, "b.yaml",
		"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: keep}\nspec:\n"
		"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
		"  rootfs: {storage: local-lvm, size: 4Gi}\n");
	world_apply(&w);
	assert_int_equal(
		world_call(&w, "POST", "/cluster/ha/resources",
			pm_arena_printf(w.arena, "sid=ct:%u", world_vmid(&w, "Pod/shop/db"))),
		200);
	/* A request for it would fail. */
	(void)world_control(&w, "fail GET /cluster/ha/resources:500");
	world_wait(&w, 30);
	world_manifest(&w, "a.yaml", POD("  resources: {memory: 600Mi}\n"));
	world_apply(&w);
	world_in_sync(&w);
	world_manifest(&w, "a.yaml", NULL);
	world_turn(&w, &prune, &t);
	assert_int_equal(turn_action(&t, "Pod/shop/db")->verb, PM_V_KEEP);
	assert_has(turn_plan(&t), "managed by HA");
	turn_done(&t);
	world_done(&w);
}

/* Ours goes before its guest, also when it is to be replaced; an ignored one is in the way as well. */
PM_TEST(ha_goes_before_its_guest)
{
	static const char *const states[] = { "started", "ignored" };

	for (size_t i = 0; i < PM_COUNT(states); i++) {
		const struct turn_opts replace = { .plan = { .allow_replace = true } };
		const struct turn_opts prune = { .plan = { .prune = true } };
		struct world w;
		struct turn t;

		world_new(&w, 1);
		world_manifest(&w, "a.yaml",
			pm_arena_printf(w.arena,
				POD(DATA "  lifecycle: {replace: allow}\n  ha: {state: %s}\n"),
				states[i]));
		world_manifest(&w, "b.yaml",
			"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: keep}\nspec:\n"
			"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			"  rootfs: {storage: local-lvm, size: 4Gi}\n");
		world_apply(&w);
		world_wait(&w, 30);
		world_manifest(&w, "a.yaml",
			pm_arena_printf(w.arena,
				POD(DATA "  lifecycle: {replace: allow}\n  unprivileged: false\n"
					 "  ha: {state: %s}\n"),
				states[i]));
		world_turn(&w, &replace, &t);
		assert_int_equal(t.status, 0);
		assert_int_equal(turn_action(&t, "Pod/shop/db")->verb, PM_V_REPLACE);
		turn_done(&t);
		assert_has(resource(&w, "Pod/shop/db"), states[i]);
		world_in_sync(&w);
		world_wait(&w, 30);
		world_manifest(&w, "a.yaml", NULL);
		world_turn(&w, &prune, &t);
		assert_int_equal(t.status, 0);
		assert_has(turn_plan(&t), "its HA resource goes first");
		turn_done(&t);
		assert_int_equal(world_vmid(&w, "Pod/shop/db"), 0);
		world_done(&w);
	}
}

/* An answer that was lost, a lock, a change by somebody else meanwhile: each is looked at and done once. */
PM_TEST(ha_is_changed_once_whatever_happens)
{
	static const char *const faults[] = { "fail POST /cluster/ha/resources:lost:1",
		"fail POST /cluster/ha/resources:599:1",
		"fail POST /cluster/ha/resources:refused:1",
		"fail PUT /cluster/ha/resources/*:lost:1", "fail PUT /cluster/ha/resources/*:cut:1",
		"fail DELETE /cluster/ha/resources/*:lost:1" };

	for (size_t i = 0; i < PM_COUNT(faults); i++) {
		struct world w;

		world_new(&w, 1);
		world_manifest(&w, "a.yaml", POD(""));
		world_apply(&w);
		(void)world_control(&w, "%s", faults[i]);
		world_manifest(&w, "a.yaml", POD("  ha: {state: started}\n"));
		world_apply(&w);
		world_manifest(&w, "a.yaml", POD("  ha: {state: started, max_restart: 2}\n"));
		world_apply(&w);
		assert_has(resource(&w, "Pod/shop/db"), "\"max_restart\":2");
		world_manifest(&w, "a.yaml", POD("  ha: null\n"));
		world_apply(&w);
		assert_string_equal(resource(&w, "Pod/shop/db"), "");
		world_in_sync(&w);
		world_done(&w);
	}
}

/* A key that was never podmox's stays, and one that was ignored by the manifest, too. */
PM_TEST(ha_leaves_what_it_never_set)
{
	struct world w;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml",
		POD("  ha: {state: started, max_restart: 2}\n  lifecycle: {ignore: [ha.max_restart]}\n"));
	world_apply(&w);
	by_hand(&w, "PUT", "max_restart=7&comment=theirs");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml",
		POD("  ha: {state: started, max_restart: 2, max_relocate: 5}\n"
		    "  lifecycle: {ignore: [ha.max_restart]}\n"));
	world_apply(&w);
	assert_has(resource(&w, "Pod/shop/db"), "\"max_restart\":7");
	assert_has(resource(&w, "Pod/shop/db"), "theirs");
	assert_has(resource(&w, "Pod/shop/db"), "\"max_relocate\":5");
	/* Gone behind our back: it is made again. */
	by_hand(&w, "DELETE", NULL);
	world_apply(&w);
	assert_has(resource(&w, "Pod/shop/db"), "\"max_relocate\":5");
	world_done(&w);
}

PM_TEST(ha_groups_are_refused_where_there_are_none)
{
	const struct turn_opts o = { .plan_only = true };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	for (int i = 0; i < 2; i++) {
		world_manifest(&w, "a.yaml", POD("  ha: {state: started, group: best}\n"));
		world_turn(&w, &o, &t);
		assert_int_equal(turn_action(&t, "Pod/shop/db")->verb, PM_V_KEEP);
		assert_int_equal(t.job.diags.nerrors, 1);
		assert_has(t.job.diags.first->msg, "ha.group is of versions before 9.0");
		turn_done(&t);
		world_manifest(&w, "a.yaml", POD(""));
		world_apply(&w);
	}
	world_done(&w);
}

/* What may not be done is told before anything is, and what may not be seen is no reason where nobody asks. */
PM_TEST(ha_needs_the_right_to)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD(""));
	world_apply(&w);
	world_config(&w, "policy: {allow: [create, update, start, stop]}\n");
	world_manifest(&w, "a.yaml", POD("  ha: {state: started}\n"));
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/db")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/db")->err.msg, "policy");
	turn_done(&t);
	assert_string_equal(resource(&w, "Pod/shop/db"), "");
	world_config(&w, NULL);
	(void)world_control(&w, "fail GET /cluster/ha/resources:403");
	world_turn(&w, &o, &t);
	assert_int_equal(t.err.code, PM_E_PERMISSION);
	assert_has(t.err.msg, "Sys.Audit on /");
	turn_done(&t);
	world_done(&w);
}
