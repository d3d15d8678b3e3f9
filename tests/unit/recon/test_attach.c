/* Volumes that leave the manifest and come back: each gets its own, and nothing is attached by guess. */
#include <string.h>

#include "base/text.h"
#include "world.h"

#define POD(more)                                                                          \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                  \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n" more
#define STOPPED "  state: stopped\n"
#define DATA    "{path: /data, storage: local-lvm, size: 1Gi}"
#define MORE    "{path: /more, storage: local-lvm, size: 1Gi}"

static const char *value(struct world *w, const char *key)
{
	return pm_arena_strdup(
		w->arena, world_control(w, "get %u %s", world_vmid(w, "Pod/shop/db"), key));
}

static void change(struct world *w, const char *method, const char *what, const char *form)
{
	char path[80];

	(void)snprintf(
		path, sizeof(path), "/nodes/pve1/lxc/%u/%s", world_vmid(w, "Pod/shop/db"), what);
	assert_int_equal(world_call(w, method, path, form), 200);
	world_wait(w, 30);
}

/* One apply that is to go well; the plan's text. */
static const char *apply(struct world *w, const char *manifest)
{
	const struct turn_opts o = { .plan = { .allow_restart = false } };
	const char *text;
	struct turn t;

	world_manifest(w, "a.yaml", manifest);
	world_turn(w, &o, &t);
	if (!turn_went_well(&t))
		fail_msg("status %d: %s\n%s\n%s", t.status, t.err.msg,
			t.planned ? turn_plan(&t) : "",
			t.applied ? t.cycle.report.v[0].err.msg : "");
	text = pm_arena_strdup(w->arena, turn_plan(&t));
	turn_done(&t);
	world_wait(w, 30);
	world_in_sync(w);
	return text;
}

/* A volume that is larger than the manifest says: one that is made anew is not. */
static void begin(struct world *w, bool stopped)
{
	world_new(w, 1);
	(void)apply(w, stopped ? POD(STOPPED "  volumes: [" DATA ", " MORE "]\n")
			       : POD("  volumes: [" DATA ", " MORE "]\n"));
	change(w, "PUT", "resize", "disk=mp0&size=2G");
	change(w, "PUT", "resize", "disk=mp1&size=3G");
}

PM_TEST(attach_again_what_was_detached)
{
	struct world w;

	begin(&w, true);
	assert_has(apply(&w, POD(STOPPED "  volumes: [" MORE "]\n")), "kept as unused0");
	assert_string_equal(value(&w, "mp0"), "");
	assert_has(value(&w, "unused0"), "local-lvm:vm-");
	assert_has(
		apply(&w, POD(STOPPED "  volumes: [" MORE ", " DATA "]\n")), "re-attached unused0");
	assert_has(value(&w, "mp0"), "mp=/data");
	assert_has(value(&w, "mp0"), "size=2G");
	assert_string_equal(value(&w, "unused0"), "");
	world_done(&w);
}

PM_TEST(attach_each_to_its_own_place)
{
	struct world w;

	begin(&w, true);
	(void)apply(&w, POD(STOPPED));
	assert_has(value(&w, "unused1"), "local-lvm:vm-");
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE "]\n"));
	assert_has(value(&w, "mp0"), "mp=/more");
	assert_has(value(&w, "mp0"), "size=3G");
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE ", " DATA "]\n"));
	assert_has(value(&w, "mp1"), "mp=/data");
	assert_has(value(&w, "mp1"), "size=2G");
	assert_string_equal(value(&w, "unused0"), "");
	assert_string_equal(value(&w, "unused1"), "");
	world_done(&w);
}

PM_TEST(attach_and_grow_to_what_is_wanted_now)
{
	struct world w;

	begin(&w, true);
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE "]\n"));
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE
				    ", {path: /data, storage: local-lvm, size: 5Gi}]\n"));
	assert_has(value(&w, "mp0"), "size=5G");
	assert_string_equal(value(&w, "unused0"), "");
	world_done(&w);
}

PM_TEST(attach_to_a_running_guest)
{
	struct world w;

	begin(&w, false);
	(void)apply(&w, POD("  volumes: [" MORE "]\n"));
	change(&w, "POST", "status/reboot", "");
	assert_has(value(&w, "unused0"), "local-lvm:vm-");
	(void)apply(&w, POD("  volumes: [" MORE ", " DATA "]\n"));
	assert_has(value(&w, "mp0"), "size=2G");
	world_done(&w);
}

/* The removal waits for a restart, and is taken back before: the volume was never away. */
PM_TEST(attach_takes_back_a_removal_that_waits)
{
	struct world w;

	begin(&w, false);
	(void)apply(&w, POD("  volumes: [" MORE "]\n"));
	assert_has(apply(&w, POD("  volumes: [" MORE ", " DATA "]\n")), "takes back a removal");
	change(&w, "POST", "status/reboot", "");
	assert_has(value(&w, "mp0"), "mp=/data");
	assert_has(value(&w, "mp0"), "size=2G");
	assert_has(value(&w, "mp1"), "size=3G");
	assert_string_equal(value(&w, "unused0"), "");
	world_done(&w);
}

PM_TEST(attach_nothing_on_another_storage)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	begin(&w, true);
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE "]\n"));
	assert_has(apply(&w, POD(STOPPED "  volumes: [" MORE
					 ", {path: /data, storage: local, size: 1Gi}]\n")),
		"name its storage to have it again");
	assert_string_equal(value(&w, "mp0"), "");
	change(&w, "PUT", "config", "delete=unused0");
	world_turn(&w, &o, &t);
	assert_true(turn_went_well(&t));
	turn_done(&t);
	assert_has(value(&w, "mp0"), "local:");
	world_done(&w);
}

/* Somebody else has detached it: nothing says where it was. */
PM_TEST(attach_nothing_by_guess)
{
	struct world w;

	begin(&w, true);
	change(&w, "PUT", "config", "delete=mp0");
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE ", " DATA "]\n"));
	assert_has(value(&w, "mp0"), "size=1G");
	assert_has(value(&w, "unused0"), "local-lvm:vm-");
	world_done(&w);
}

/* The plan said that it comes back: a new one is another plan. */
static void destroy(struct world *w, PM_UNUSED void *arg)
{
	change(w, "PUT", "config", "delete=unused0");
}

PM_TEST(attach_nothing_new_where_the_old_one_was_promised)
{
	const struct turn_opts o = { .between = destroy };
	struct world w;
	struct turn t;

	begin(&w, true);
	(void)apply(&w, POD(STOPPED "  volumes: [" MORE "]\n"));
	world_manifest(&w, "a.yaml", POD(STOPPED "  volumes: [" MORE ", " DATA "]\n"));
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/db")->outcome, PM_STALE);
	turn_done(&t);
	assert_string_equal(value(&w, "mp0"), "");
	world_done(&w);
}
