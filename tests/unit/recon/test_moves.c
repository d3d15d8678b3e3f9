/* Volumes that go to another storage: who is stopped for it and who is not, in which order, and that nothing is
 * ever moved twice, whatever fails on the way. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "killed.h"
#include "world.h"

#define POD(root, more)                                                                   \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: a, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                 \
	"  rootfs: {storage: " root "}\n" more
#define DATA(where) "  volumes: [{path: /data, storage: " where "}]\n"
#define ALLOW       "  lifecycle: {restart: allow}\n"
#define LVM         "local-lvm, size: 4Gi"
#define DIR         "local, size: 4Gi"

/* ---- what reaches the cluster ---- */

/* Calls that the cluster took on, a letter each: s shutdown, x stop, m move_volume, r resize, c configuration,
 * u start. */
struct watch {
	struct pm_transport base;
	struct pm_transport *inner;
	char seen[512];
};

static bool ends_in(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && strcmp(s + n - m, end) == 0;
}

static char letter_of(const struct pm_call *c)
{
	static const struct {
		const char *method, *end;
		char letter;
	} kinds[] = {
		{ "POST", "/status/shutdown", 's' },
		{ "POST", "/status/stop", 'x' },
		{ "POST", "/status/start", 'u' },
		{ "POST", "/status/reboot", 'b' },
		{ "POST", "/move_volume", 'm' },
		{ "PUT", "/resize", 'r' },
		{ "PUT", "/config", 'c' },
	};

	for (size_t i = 0; i < PM_COUNT(kinds); i++) {
		if (pm_str_eq(c->method, kinds[i].method) && ends_in(c->path, kinds[i].end))
			return kinds[i].letter;
	}
	return 0;
}

static void watch_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct watch *w = (struct watch *)t;

	/* One by one, and seen before anybody else gets at the answer. */
	for (size_t i = 0; i < n; i++) {
		size_t len = strlen(w->seen);

		w->inner->ops->batch(w->inner, &v[i], 1, NULL, NULL, cancel);
		if (letter_of(v[i]) && v[i]->status == 200 && len + 1 < sizeof(w->seen))
			w->seen[len] = letter_of(v[i]);
		if (done)
			(void)done(arg, v[i]);
	}
}

static void watch_free(PM_UNUSED struct pm_transport *t)
{
}

static void watch_begin(struct watch *watch, struct world *w)
{
	static const struct pm_transport_ops ops = { watch_batch, watch_free };

	*watch = (struct watch){ .base = { .ops = &ops }, .inner = world_wire(w) };
}

static void watch_end(struct watch *watch)
{
	pm_transport_free(watch->inner);
}

static unsigned moves(const struct watch *watch)
{
	unsigned n = 0;

	for (const char *s = watch->seen; *s; s++)
		n += *s == 'm';
	return n;
}

/* ---- the guest ---- */

static const char *value(struct world *w, const char *key)
{
	return pm_arena_strdup(
		w->arena, world_control(w, "get %u %s", world_vmid(w, "Pod/shop/a"), key));
}

static bool runs(struct world *w)
{
	return strstr(world_control(w, "get %u", world_vmid(w, "Pod/shop/a")), " running");
}

static bool lies_on(struct world *w, const char *key, const char *storage)
{
	const char *text = value(w, key);
	size_t n = strlen(storage);

	return strncmp(text, storage, n) == 0 && text[n] == ':';
}

static void begin(struct world *w, const char *before, const char *after)
{
	world_new(w, 1);
	world_manifest(w, "a.yaml", before);
	world_apply(w);
	world_wait(w, 30); /* until the inventory knows its state */
	world_manifest(w, "a.yaml", after);
}

/* One apply that is to go well; what it did. */
static const char *apply(struct world *w, bool allow)
{
	struct turn_opts o = { .plan = { .allow_restart = allow } };
	struct watch watch;
	struct turn t;

	watch_begin(&watch, w);
	o.through = &watch.base;
	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		fail_msg("status %d: %s\n%s", t.status, t.err.msg, t.planned ? turn_plan(&t) : "");
	turn_done(&t);
	watch_end(&watch);
	return pm_arena_strdup(w->arena, watch.seen);
}

PM_TEST(moves_of_a_stopped_guest_need_no_consent)
{
	struct world w;

	begin(&w, POD(LVM, "  state: stopped\n" DATA("local-lvm, size: 1Gi")),
		POD(DIR, "  state: stopped\n" DATA("local, size: 1Gi")));
	assert_string_equal(apply(&w, false), "mm");
	assert_true(lies_on(&w, "rootfs", "local"));
	assert_true(lies_on(&w, "mp0", "local"));
	assert_string_equal(value(&w, "unused0"), "");
	assert_false(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_of_a_running_guest_are_kept_without_consent)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	begin(&w, POD(LVM, ""), POD(DIR, ""));
	world_turn(&w, &o, &t);
	assert_int_equal(turn_action(&t, "Pod/shop/a")->verb, PM_V_KEEP);
	assert_has(turn_plan(&t), "would stop and start it, which is not allowed here");
	turn_done(&t);
	assert_true(lies_on(&w, "rootfs", "local-lvm"));
	assert_true(runs(&w));
	world_done(&w);
}

PM_TEST(moves_of_a_running_guest_take_it_down_once)
{
	struct world w;

	begin(&w, POD(LVM, DATA("local-lvm, size: 1Gi")), POD(DIR, DATA("local, size: 1Gi")));
	assert_string_equal(apply(&w, true), "smmu");
	assert_true(lies_on(&w, "rootfs", "local"));
	assert_true(lies_on(&w, "mp0", "local"));
	assert_string_equal(value(&w, "unused0"), "");
	assert_true(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

/* What waits for a restart is written first, and the one stop serves both. */
PM_TEST(moves_go_along_with_what_waits_for_a_restart)
{
	struct world w;

	begin(&w, POD(LVM, ALLOW), POD(DIR, ALLOW "  features: {nesting: true}\n"));
	assert_string_equal(apply(&w, false), "csmu");
	assert_string_equal(value(&w, "features"), "nesting=1");
	assert_true(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_come_before_growth)
{
	struct world w;

	begin(&w, POD(LVM, ALLOW), POD("local, size: 6Gi", ALLOW));
	assert_string_equal(apply(&w, false), "smur");
	assert_has(value(&w, "rootfs"), "size=6G");
	assert_true(lies_on(&w, "rootfs", "local"));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_of_a_guest_that_is_to_stop_leave_it_stopped)
{
	struct world w;

	begin(&w, POD(LVM, ""), POD(DIR, "  state: stopped\n"));
	assert_string_equal(apply(&w, false), "sm");
	assert_false(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_of_a_guest_that_is_to_start_come_first)
{
	struct world w;

	begin(&w, POD(LVM, "  state: stopped\n"), POD(DIR, ""));
	assert_string_equal(apply(&w, false), "mu");
	assert_true(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

/* Whoever's state is left to others is found again as it was. */
PM_TEST(moves_start_again_what_others_started)
{
	struct world w;

	begin(&w, POD(LVM, ""), POD(DIR, "  state: ignored\n" ALLOW));
	assert_string_equal(apply(&w, false), "smu");
	assert_true(runs(&w));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_end_what_does_not_heed)
{
	struct world w;

	begin(&w, POD(LVM, ALLOW "  entrypoint: /bin/sleep 1000\n"),
		POD(DIR, ALLOW "  entrypoint: /bin/sleep 1000\n"));
	assert_string_equal(apply(&w, false), "sxmu");
	assert_true(runs(&w));
	world_done(&w);
}

/* ---- what is refused ---- */

/* Applies and wants it to fail with that text; the guest runs, and nothing was taken down or moved. */
static void refused(struct world *w, const struct turn_opts *opts, const char *text, bool runs_then)
{
	struct turn_opts o = *opts;
	struct watch watch;
	struct turn t;

	watch_begin(&watch, w);
	o.through = &watch.base;
	world_turn(w, &o, &t);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, text);
	turn_done(&t);
	watch_end(&watch);
	assert_string_equal(watch.seen, "");
	assert_int_equal(runs(w), runs_then);
	assert_true(lies_on(w, "rootfs", "local-lvm"));
}

static void take_snapshot(struct world *w)
{
	const char *path = pm_arena_printf(
		w->arena, "/nodes/pve1/lxc/%u/snapshot", world_vmid(w, "Pod/shop/a"));

	assert_int_equal(world_call(w, "POST", path, "snapname=before"), 200);
	world_wait(w, 30);
}

PM_TEST(moves_do_not_stop_a_guest_that_has_snapshots)
{
	const struct turn_opts o = { .plan = { .allow_restart = true } };
	struct world w;

	begin(&w, POD(LVM, ""), POD(DIR, ""));
	take_snapshot(&w);
	refused(&w, &o, "Delete the snapshots first", true);
	world_done(&w);
}

PM_TEST(moves_of_what_a_snapshot_holds_are_refused)
{
	const struct turn_opts o = { 0 };
	struct world w;

	begin(&w, POD(LVM, "  state: stopped\n"), POD(DIR, "  state: stopped\n"));
	take_snapshot(&w);
	refused(&w, &o, "Delete the snapshots first", false);
	world_done(&w);
}

PM_TEST(moves_do_not_stop_a_guest_for_a_storage_that_is_not_there)
{
	const struct turn_opts o = { .plan = { .allow_restart = true } };
	struct world w;

	begin(&w, POD(LVM, ""), POD("nowhere, size: 4Gi", ""));
	refused(&w, &o, "nowhere", true);
	world_done(&w);
}

static void break_moves(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "fail POST /nodes/*/lxc/*/move_volume:500");
}

PM_TEST(moves_that_fail_leave_it_running)
{
	struct turn_opts o = { .plan = { .allow_restart = true }, .between = break_moves };
	struct watch watch;
	struct world w;
	struct turn t;

	begin(&w, POD(LVM, ""), POD("local, size: 5Gi", ""));
	watch_begin(&watch, &w);
	o.through = &watch.base;
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, "moving rootfs to storage local");
	turn_done(&t);
	assert_string_equal(watch.seen, "su");
	assert_true(runs(&w));
	assert_has(value(&w, "rootfs"), "size=4G");
	(void)world_control(&w, "fail-clear");
	world_wait(&w, 15);
	assert_string_equal(apply(&w, true), "smur");
	world_in_sync(&w);
	watch_end(&watch);
	world_done(&w);
}

static void start_it(struct world *w, PM_UNUSED void *arg)
{
	const char *path = pm_arena_printf(
		w->arena, "/nodes/pve1/lxc/%u/status/start", world_vmid(w, "Pod/shop/a"));

	assert_int_equal(world_call(w, "POST", path, ""), 200);
	world_wait(w, 30);
}

/* The plan saw a stopped guest, for which nobody had to agree to anything. */
PM_TEST(moves_do_not_stop_what_was_started_since_the_plan)
{
	const struct turn_opts o = { .between = start_it, .exact = true };
	struct world w;

	begin(&w, POD(LVM, "  state: stopped\n"), POD(DIR, "  state: ignored\n"));
	refused(&w, &o, "plan again", true);
	world_done(&w);
}

static void move_by_hand(struct world *w, PM_UNUSED void *arg)
{
	const char *path = pm_arena_printf(
		w->arena, "/nodes/pve1/lxc/%u/move_volume", world_vmid(w, "Pod/shop/a"));

	assert_int_equal(world_call(w, "POST", path, "volume=rootfs&storage=local&delete=1"), 200);
	world_wait(w, 60);
}

PM_TEST(moves_made_by_somebody_else_are_nothing)
{
	const struct turn_opts o = { .between = move_by_hand };
	struct world w;
	struct turn t;

	begin(&w, POD(LVM, "  state: stopped\n"), POD(DIR, "  state: stopped\n"));
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_NOTHING);
	turn_done(&t);
	world_in_sync(&w);
	world_done(&w);
}

/* ---- what leaves and comes back ---- */

static void wants_plan(struct world *w, const char *text)
{
	const struct turn_opts o = { .plan_only = true };
	struct turn t;

	world_turn(w, &o, &t);
	assert_has(turn_plan(&t), text);
	turn_done(&t);
}

/* PVE keeps it, the plan says where, and only a person brings it back: no marker says what was on it. */
PM_TEST(moves_out_of_the_manifest_keep_the_volume)
{
	struct world w;
	const char *volume;

	begin(&w, POD(LVM, "  state: stopped\n" DATA("local-lvm, size: 1Gi")),
		POD(LVM, "  state: stopped\n"));
	volume = pm_arena_strndup(w.arena, value(&w, "mp0"), strcspn(value(&w, "mp0"), ","));
	wants_plan(&w, "detached, kept as unused0");
	assert_string_equal(apply(&w, false), "c");
	assert_string_equal(value(&w, "unused0"), volume);
	assert_string_equal(value(&w, "mp0"), "");
	world_in_sync(&w);

	world_manifest(&w, "a.yaml", POD(LVM, "  state: stopped\n" DATA("local-lvm, size: 1Gi")));
	(void)apply(&w, false);
	assert_string_equal(value(&w, "unused0"), "");
	assert_int_equal(strncmp(value(&w, "mp0"), volume, strlen(volume)), 0);
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(moves_out_of_the_manifest_are_told_their_numbers)
{
	static const char two[] = POD(LVM,
		"  state: stopped\n  volumes: [{path: /data, storage: local-lvm, size: 1Gi}, "
		"{path: /more, storage: local-lvm, size: 2Gi}]\n");
	struct world w;
	const char *first;
	const char *second;

	begin(&w, two, POD(LVM, "  state: stopped\n"));
	first = pm_arena_strndup(w.arena, value(&w, "mp0"), strcspn(value(&w, "mp0"), ","));
	second = pm_arena_strndup(w.arena, value(&w, "mp1"), strcspn(value(&w, "mp1"), ","));
	(void)apply(&w, false);
	assert_string_equal(value(&w, "unused0"), first);
	assert_string_equal(value(&w, "unused1"), second);
	world_done(&w);
}

/* ---- every request fails once ---- */

static const char before[] = POD(LVM, ALLOW DATA("local-lvm, size: 1Gi"));
static const char after[] = POD("local, size: 5Gi", ALLOW DATA("local, size: 1Gi"));

static unsigned stride(void)
{
	const char *text = getenv("PM_STRIDE");
	int64_t n = 1;

	if (text)
		assert_int_equal(pm_parse_int(text, 1, 1000, &n), 0);
	return (unsigned)n;
}

/* One quiet apply later it is as wanted, runs, and each volume was moved once. */
static void settles(struct world *w, struct watch *watch, unsigned nth)
{
	const struct turn_opts o = { .through = &watch->base };
	struct turn t;

	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0)
		fail_msg("request %u, the apply after it: status %d: %s", nth, t.status, t.err.msg);
	turn_done(&t);
	world_in_sync(w);
	if (moves(watch) != 2)
		fail_msg("request %u: %u moves (%s)", nth, moves(watch), watch->seen);
	assert_true(lies_on(w, "rootfs", "local"));
	assert_true(lies_on(w, "mp0", "local"));
	assert_string_equal(value(w, "unused0"), "");
	assert_true(runs(w));
	assert_int_equal(world_guests(w), 1);
}

static bool spoil_once(unsigned nth, enum pm_spoil how)
{
	struct turn_opts bad = { 0 };
	struct watch watch;
	struct world w;
	struct turn t;
	bool reached;

	begin(&w, before, after);
	watch_begin(&watch, &w);
	bad.through = pm_spoil_new(&watch.base, nth, how);
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_spoil_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	world_wait(&w, 15); /* the inventory is some seconds behind */
	settles(&w, &watch, nth);
	watch_end(&watch);
	world_done(&w);
	return reached;
}

PM_TEST(moves_settle_whatever_fails)
{
	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++) {
		unsigned n = 1;

		while (spoil_once(n, how))
			n += stride();
		print_message("%s: up to request %u\n", pm_spoil_name(how), n);
		assert_true(n > 20);
	}
}

/* ---- the program is killed ---- */

/* The journal says for which tasks to wait. How far it gets is not sure: the inventory is some seconds behind,
 * and a guest that is down may still be said to run. */
static void at_once(struct world *w, struct watch *watch)
{
	const struct turn_opts o = { .through = &watch->base };
	struct turn t;

	world_turn(w, &o, &t);
	turn_done(&t);
}

static bool kill_once(unsigned nth, bool journal)
{
	const struct turn_opts o = { 0 };
	struct watch watch;
	struct world w;
	bool reached;

	begin(&w, before, after);
	watch_begin(&watch, &w);
	reached = killed_turn(&w, &o, &watch.base, nth, journal);
	if (journal)
		at_once(&w, &watch);
	world_wait(&w, 60);
	settles(&w, &watch, nth);
	watch_end(&watch);
	world_done(&w);
	return reached;
}

static void kill_all(bool journal)
{
	unsigned n = 1;

	while (kill_once(n, journal))
		n += stride();
	print_message("killed: up to request %u\n", n);
	assert_true(n > 20);
}

PM_TEST(moves_go_on_after_the_program_was_killed)
{
	kill_all(true);
}

PM_TEST(moves_go_on_without_a_journal)
{
	kill_all(false);
}
