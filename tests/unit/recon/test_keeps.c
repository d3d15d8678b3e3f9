/* Replacements that keep volumes: what lives on in the new guest, what dies, and that neither a run that is cut off
 * nor a request that fails ever loses a volume, leaves a holder or makes a second guest. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "killed.h"
#include "world.h"

#define POD(more)                                                                          \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                  \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n"                                      \
	"  lifecycle: {replace: allow}\n" more
#define DATA  "{path: /data, storage: local-lvm, size: 1Gi, backup: true}"
#define MORE  "{path: /more, storage: local-lvm, size: 1Gi}"
#define OLD   POD("  volumes: [" DATA ", " MORE "]\n")
#define FRESH POD("  unprivileged: false\n  volumes: [" DATA ", " MORE "]\n")

static const char *value(struct world *w, const char *key)
{
	return pm_arena_strdup(
		w->arena, world_control(w, "get %u %s", world_vmid(w, "Pod/shop/db"), key));
}

static void grow(struct world *w, const char *key, const char *size)
{
	char path[80], form[80];

	(void)snprintf(
		path, sizeof(path), "/nodes/pve1/lxc/%u/resize", world_vmid(w, "Pod/shop/db"));
	(void)snprintf(form, sizeof(form), "disk=%s&size=%s", key, size);
	assert_int_equal(world_call(w, "PUT", path, form), 200);
	world_wait(w, 5);
}

/* A guest whose volumes are larger than the manifest asks for: made anew they would not be. */
static void begin(struct world *w, const char *before, const char *after)
{
	world_new(w, 1);
	world_manifest(w, "a.yaml", before);
	world_apply(w);
	grow(w, "mp0", "2G");
	grow(w, "mp1", "3G");
	world_wait(w, 30);
	world_manifest(w, "a.yaml", after);
}

static void turn(struct world *w, bool allow, struct turn *t)
{
	const struct turn_opts o = { .plan = { .allow_replace = allow, .allow_restart = allow } };

	world_turn(w, &o, t);
}

/* One apply that is to go well; the plan's text. */
static const char *apply(struct world *w)
{
	struct turn t;
	const char *text;

	turn(w, true, &t);
	if (!turn_went_well(&t))
		fail_msg("status %d: %s\n%s\n%s", t.status, t.err.msg,
			t.planned ? turn_plan(&t) : "",
			t.applied ? t.cycle.report.v[0].err.msg : "");
	text = pm_arena_strdup(w->arena, turn_plan(&t));
	turn_done(&t);
	return text;
}

static void kept(struct world *w)
{
	assert_has(value(w, "mp0"), "mp=/data");
	assert_has(value(w, "mp0"), "backup=1");
	assert_has(value(w, "mp0"), "size=2G");
	assert_has(value(w, "mp1"), "mp=/more");
	assert_has(value(w, "mp1"), "size=3G");
	assert_string_equal(value(w, "unused0"), "");
}

PM_TEST(keeps_volumes_of_a_guest_that_is_replaced)
{
	struct world w;
	const char *text;
	unsigned vmid;

	begin(&w, OLD, FRESH);
	vmid = world_vmid(&w, "Pod/shop/db");
	text = apply(&w);
	assert_has(text, "destroys local-lvm:vm-");
	assert_has(text, "keeps local-lvm:vm-");
	assert_has(text, "handed over through");
	kept(&w);
	assert_string_equal(value(&w, "unprivileged"), "0");
	assert_int_equal(world_vmid(&w, "Pod/shop/db"), vmid);
	assert_int_equal(world_guests(&w), 1);
	assert_non_null(strstr(world_control(&w, "get %u", vmid), " running"));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(keeps_what_leaves_the_manifest_as_unused)
{
	struct world w;

	begin(&w, OLD, POD("  unprivileged: false\n  volumes: [" MORE "]\n"));
	apply(&w);
	assert_string_equal(value(&w, "mp0"), "");
	assert_has(value(&w, "mp1"), "size=3G");
	assert_has(value(&w, "unused0"), "local-lvm:vm-");
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(keeps_a_volume_that_is_to_grow_and_move)
{
	struct world w;

	begin(&w, OLD,
		POD("  unprivileged: false\n  volumes:\n"
		    "  - {path: /data, storage: local, size: 6Gi}\n  - " MORE "\n"));
	apply(&w);
	assert_has(value(&w, "mp0"), "local:");
	assert_has(value(&w, "mp0"), "size=6G");
	assert_has(value(&w, "mp1"), "size=3G");
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(keeps_volumes_when_the_number_changes)
{
	struct world w;

	begin(&w, OLD, POD("  vmid: 288\n  volumes: [" DATA ", " MORE "]\n"));
	apply(&w);
	assert_int_equal(world_vmid(&w, "Pod/shop/db"), 288);
	kept(&w);
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

/* A protected guest takes no volume: it is protected when it has them. */
PM_TEST(keeps_volumes_of_a_guest_that_is_to_be_protected)
{
	struct world w;

	begin(&w, OLD,
		"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n"
		"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
		"  rootfs: {storage: local-lvm, size: 4Gi}\n"
		"  lifecycle: {replace: allow, protect: true}\n  unprivileged: false\n"
		"  volumes: [" DATA ", " MORE "]\n");
	apply(&w);
	kept(&w);
	assert_string_equal(value(&w, "protection"), "1");
	world_in_sync(&w);
	world_done(&w);
}

/* What somebody has mounted by hand is mounted afterwards, and stays none of podmox's business. */
PM_TEST(keeps_volumes_of_others)
{
	struct world w;
	char path[80];

	begin(&w, OLD, FRESH);
	(void)snprintf(
		path, sizeof(path), "/nodes/pve1/lxc/%u/config", world_vmid(&w, "Pod/shop/db"));
	assert_int_equal(
		world_call(&w, "PUT", path, "mp7=local-lvm%3A5%2Cmp%3D%2Fhand%2Cro%3D1"), 200);
	apply(&w);
	kept(&w);
	assert_has(value(&w, "mp7"), "mp=/hand");
	assert_has(value(&w, "mp7"), "size=5G");
	world_in_sync(&w);
	world_done(&w);
}

/* Nothing is made, stopped or gone when it cannot go well. */
PM_TEST(keeps_everything_when_there_are_snapshots)
{
	struct world w;
	struct turn t;
	char path[80];
	unsigned vmid;

	begin(&w, OLD, FRESH);
	vmid = world_vmid(&w, "Pod/shop/db");
	(void)snprintf(path, sizeof(path), "/nodes/pve1/lxc/%u/snapshot", vmid);
	assert_int_equal(world_call(&w, "POST", path, "snapname=before"), 200);
	world_wait(&w, 10);
	turn(&w, true, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/db")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/db")->err.msg, "snapshots");
	turn_done(&t);
	assert_non_null(strstr(world_control(&w, "get %u", vmid), " running"));
	assert_int_equal(world_guests(&w), 1);
	kept(&w);
	world_done(&w);
}

/* ---- whatever fails ---- */

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define STRIDE 7
#else
#	define STRIDE 1
#endif

/* One apply in peace, with consent or without: there is one guest, and it has its volumes. */
static void mend(struct world *w, bool consent, unsigned nth)
{
	struct turn t;

	world_wait(w, 5);
	turn(w, consent, &t);
	if (!turn_went_well(&t))
		fail_msg("request %u, the apply after it: status %d: %s\n%s\n%s", nth, t.status,
			t.err.msg, t.planned ? turn_plan(&t) : "",
			t.applied && t.cycle.report.n > 0 ? t.cycle.report.v[0].err.msg : "");
	turn_done(&t);
	world_in_sync(w);
	assert_int_equal(world_guests(w), 1);
	kept(w);
}

static bool spoil_once(unsigned nth, enum pm_spoil how, bool consent)
{
	struct turn_opts bad = { .plan = { .allow_replace = true } };
	struct world w;
	struct turn t;
	bool reached;

	begin(&w, OLD, FRESH);
	bad.through = pm_spoil_new(world_wire(&w), nth, how);
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_spoil_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	mend(&w, consent, nth);
	world_done(&w);
	return reached;
}

static bool kill_once(unsigned nth, bool consent, bool journal)
{
	struct pm_cancel cancel = { .on = false };
	struct turn_opts bad = { .plan = { .allow_replace = true }, .cancel = &cancel };
	struct world w;
	struct turn t;
	bool reached;

	begin(&w, OLD, FRESH);
	bad.through = pm_killed_new(world_wire(&w), nth, &cancel);
	if (!journal)
		bad.journal_dir = pm_test_dir();
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_killed_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	mend(&w, consent, nth);
	world_done(&w);
	return reached;
}

PM_TEST(keeps_volumes_whatever_request_fails)
{
	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
		unsigned n = 1 + (unsigned)how % STRIDE;

		while (spoil_once(n, how, how % 2 == 0))
			n += STRIDE;
		print_message("%s: up to request %u\n", pm_spoil_name(how), n);
		assert_true(n > 60);
	}
}

PM_TEST(keeps_volumes_when_it_is_killed)
{
	unsigned n = 1;

	while (kill_once(n, true, n % 2 == 0))
		n += STRIDE;
	assert_true(n > 60);
}

/* The flag is not given again: what is there by then takes its volumes back. */
PM_TEST(keeps_volumes_when_it_is_killed_and_consent_is_gone)
{
	unsigned n = 1;

	while (kill_once(n, false, n % 2 == 1))
		n += STRIDE;
	assert_true(n > 60);
}
