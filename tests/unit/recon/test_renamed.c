/* Objects that get another name in Git: the guest lives on when that is said, and is told of when it is not. */
#include <string.h>

#include "base/text.h"
#include "world.h"

#define POD(name, more)                                                                   \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name ", namespace: shop}\n" \
	"spec:\n  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"          \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n" more

static const char *uid(struct world *w, unsigned vmid)
{
	const char *text = strstr(world_control(w, "get %u description", vmid), "\"uid\":\"");

	assert_non_null(text);
	return pm_arena_strndup(w->arena, text + 7, 32);
}

static void begin(struct world *w, const char *before, const char *after)
{
	world_new(w, 1);
	world_manifest(w, "a.yaml", before);
	world_apply(w);
	world_wait(w, 30);
	world_manifest(w, "a.yaml", after);
}

static void prune(struct world *w)
{
	const struct turn_opts o = { .plan = { .prune = true } };
	struct turn t;

	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		fail_msg("status %d: %s\n%s", t.status, t.err.msg, turn_plan(&t));
	turn_done(&t);
	world_in_sync(w);
}

PM_TEST(renamed_object_keeps_its_guest)
{
	struct world w;
	const char *before;
	unsigned vmid;

	begin(&w, POD("db", ""), POD("store", "  movedFrom: [db]\n  resources: {cores: 2}\n"));
	vmid = world_vmid(&w, "Pod/shop/db");
	before = uid(&w, vmid);
	prune(&w);
	assert_int_equal(world_vmid(&w, "Pod/shop/store"), vmid);
	assert_int_equal(world_vmid(&w, "Pod/shop/db"), 0);
	assert_string_equal(uid(&w, vmid), before);
	assert_string_equal(world_control(&w, "get %u cores", vmid), "2");
	assert_int_equal(world_guests(&w), 1);
	world_manifest(&w, "a.yaml", POD("store", "  resources: {cores: 2}\n"));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(renamed_object_alone_is_a_change)
{
	struct world w;
	unsigned vmid;

	begin(&w, POD("db", ""), POD("store", "  movedFrom: [Pod/shop/db]\n"));
	vmid = world_vmid(&w, "Pod/shop/db");
	prune(&w);
	assert_int_equal(world_vmid(&w, "Pod/shop/store"), vmid);
	world_done(&w);
}

static const char set_of[] =
	"apiVersion: podmox/v1\nkind: PodSet\nmetadata: {name: %s}\nspec:\n  replicas: 2\n"
	"  template:\n    image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
	"    rootfs: {storage: local-lvm, size: 4Gi}\n    %s\n";

PM_TEST(renamed_podset_keeps_each_of_its_guests)
{
	struct world w;
	unsigned first, second;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", pm_arena_printf(w.arena, set_of, "web", ""));
	world_apply(&w);
	world_wait(&w, 30);
	first = world_vmid(&w, "Pod/default/web-0");
	second = world_vmid(&w, "Pod/default/web-1");
	world_manifest(&w, "a.yaml", pm_arena_printf(w.arena, set_of, "front", "movedFrom: [web]"));
	prune(&w);
	assert_int_equal(world_vmid(&w, "Pod/default/front-0"), first);
	assert_int_equal(world_vmid(&w, "Pod/default/front-1"), second);
	assert_int_equal(world_guests(&w), 2);
	world_done(&w);
}

PM_TEST(renamed_object_that_says_nothing_is_told_of)
{
	const struct turn_opts o = { .plan_only = true, .plan = { .prune = true } };
	struct world w;
	struct turn t;
	bool told = false;

	begin(&w, POD("db", "  resources: {cores: 2}\n"),
		POD("store", "  resources: {cores: 2}\n"));
	world_turn(&w, &o, &t);
	for (const struct pm_diag *d = t.cycle.plan.diags->first; d; d = d->next)
		told = told || (strstr(d->msg, "was it renamed?") && d->hint &&
				       strstr(d->hint, "movedFrom: [Pod/shop/db]"));
	assert_true(told);
	turn_done(&t);
	world_done(&w);
}

/* The marker still has the old name, and the write that changes it fails at any place. */
PM_TEST(renamed_object_survives_whatever_fails)
{
	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
		bool reached = true;

		for (unsigned n = 1; reached; n++) {
			struct turn_opts bad = { .plan = { .prune = true } };
			struct world w;
			struct turn t;
			unsigned vmid;

			begin(&w, POD("db", ""), POD("store", "  movedFrom: [db]\n"));
			vmid = world_vmid(&w, "Pod/shop/db");
			bad.through = pm_spoil_new(world_wire(&w), n, how);
			world_turn(&w, &bad, &t);
			turn_done(&t);
			reached = pm_spoil_calls(bad.through) >= n;
			pm_transport_free(bad.through);
			prune(&w);
			assert_int_equal(world_vmid(&w, "Pod/shop/store"), vmid);
			assert_int_equal(world_guests(&w), 1);
			world_done(&w);
		}
	}
}

/* ---- guests that are hard to know again ---- */

/* Far from the range, without its tags, and no number in the manifest any more: its name and its marker tell. */
PM_TEST(renamed_guest_out_of_range_is_known_without_tags)
{
	struct world w;

	begin(&w, POD("db", "  vmid: 900\n"), POD("db", ""));
	assert_int_equal(world_vmid(&w, "Pod/shop/db"), 900);
	assert_int_equal(world_call(&w, "PUT", "/nodes/pve1/lxc/900/config", "delete=tags"), 200);
	world_wait(&w, 30);
	world_in_sync(&w);
	world_apply(&w);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}
