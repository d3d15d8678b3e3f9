/* What a run does as a whole: order, waiting, consent, removal, and what it says about it. */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "world.h"

#define IMAGE "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
#define POD(name)                                                  \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name \
	", namespace: shop}\nspec:\n" IMAGE "  rootfs: {storage: local-lvm, size: 4Gi}\n"

/* ---- events ---- */

struct events {
	struct world *w;
	char order[1024]; /* "start Pod/shop/db; done Pod/shop/db; " */
	const char *edit; /* done when its object is done */
	unsigned downs, most_downs;
};

static void note(void *arg, const struct pm_event *e)
{
	static const char *const words[] = { "start", NULL, NULL, "done", "failed", "skipped" };
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct events *ev = arg;
	const struct pm_obj *o = e->action->want ? e->action->want : e->action->have;
	size_t n = strlen(ev->order);

	if (words[e->type])
		(void)snprintf(ev->order + n, sizeof(ev->order) - n, "%s %s; ", words[e->type],
			pm_obj_id(a, o));
	if (e->type == PM_EV_DONE && ev->edit)
		(void)world_control(ev->w, "set %u %s", e->result->vmid, ev->edit);
}

/* ---- order ---- */

PM_TEST(runs_dependencies_first)
{
	struct events ev = { 0 };
	struct turn_opts o = { .event = note, .event_arg = &ev };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	w.workers = 4;
	world_manifest(&w, "a.yaml", POD("a") "  dependsOn: [b]\n");
	world_manifest(&w, "b.yaml", POD("b") "  dependsOn: [c]\n");
	world_manifest(&w, "c.yaml", POD("c"));
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_string_equal(ev.order,
		"start Pod/shop/c; done Pod/shop/c; start Pod/shop/b; done Pod/shop/b; "
		"start Pod/shop/a; done Pod/shop/a; ");
	turn_done(&t);
	/* And the other way round on the way down. */
	memset(&ev, 0, sizeof(ev));
	o.plan.delete_all = true;
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_string_equal(ev.order,
		"start Pod/shop/a; done Pod/shop/a; start Pod/shop/b; done Pod/shop/b; "
		"start Pod/shop/c; done Pod/shop/c; ");
	turn_done(&t);
	assert_int_equal(world_guests(&w), 0);
	world_done(&w);
}

/* ---- waiting without keeping a worker busy ---- */

/* A clock on which the one who waits for a lock waits for the other guest to be done. */
static _Thread_local bool waits_for_other;
static atomic_bool other_done;

static int wait_for_other(void *self, uint64_t ns, struct pm_cancel *cancel)
{
	struct pm_test_clock *c = self;

	while (waits_for_other && !atomic_load(&other_done)) {
		if (pm_wait_ns(&pm_clock_system, PM_MS_NS, cancel) < 0)
			return -PM_E_CANCELLED;
	}
	atomic_fetch_add(&c->ns, ns);
	return pm_cancelled(cancel, &c->clock) ? -PM_E_CANCELLED : 0;
}

static void watch_other(PM_UNUSED void *arg, const struct pm_event *e)
{
	if (e->type == PM_EV_WAIT && pm_str_eq(e->action->want->name, "locked"))
		waits_for_other = true;
	if (e->type == PM_EV_DONE && pm_str_eq(e->action->want->name, "other"))
		atomic_store(&other_done, true);
}

PM_TEST(runs_go_on_while_one_waits_for_a_lock)
{
	const struct turn_opts o = { .event = watch_other };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "locked.yaml", POD("locked"));
	world_manifest(&w, "other.yaml", POD("other"));
	world_apply(&w);
	world_manifest(&w, "locked.yaml", POD("locked") "  onboot: true\n");
	world_manifest(&w, "other.yaml", POD("other") "  onboot: true\n");
	(void)world_control(&w, "set %u lock=backup", world_vmid(&w, "Pod/shop/locked"));
	w.clock.clock.wait = wait_for_other;
	w.workers = 1;
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/other")->outcome, PM_DONE);
	assert_int_equal(turn_result(&t, "Pod/shop/locked")->outcome, PM_FAILED);
	assert_int_equal(t.status, 3);
	turn_done(&t);
	world_done(&w);
}

/* ---- what does not stay as it was written ---- */

PM_TEST(runs_name_a_field_that_changes_back)
{
	struct events ev = { .edit = "memory=333" };
	const struct turn_opts o = { .event = note, .event_arg = &ev };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	ev.w = &w;
	world_manifest(&w, "a.yaml", POD("a") "  resources: {memory: 512Mi}\n");
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 3);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_DONE);
	assert_string_equal(turn_result(&t, "Pod/shop/a")->unstable, "resources.memory");
	turn_done(&t);
	world_done(&w);
}

/* The manifest of Pod a, with more of its spec. */
static void put(struct world *w, const char *more)
{
	world_manifest(w, "a.yaml", pm_arena_printf(w->arena, "%s%s", POD("a"), more));
}

/* Somebody sets them again at once: of what was written, what was never asked for, what was to go. */
PM_TEST(runs_name_what_somebody_sets_again)
{
	static const struct {
		const char *first, *then, *again, *path;
	} rows[] = {
		{ "", "  resources: {memory: 512Mi}\n", "memory=333", "resources.memory" },
		{ "", "  onboot: true\n", "onboot=", "onboot" },
		{ "  onboot: true\n", "", "onboot=1", "onboot" },
		{ "", "  tags: [mine]\n", "tags=theirs", "tags" },
	};
	const struct turn_opts o = { 0 };

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		struct world w;
		struct turn t;

		world_new(&w, 1);
		put(&w, rows[i].first);
		world_apply(&w);
		put(&w, rows[i].then);
		(void)world_control(
			&w, "insist %u %s", world_vmid(&w, "Pod/shop/a"), rows[i].again);
		world_turn(&w, &o, &t);
		assert_int_equal(t.status, 3);
		assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_DONE);
		assert_string_equal(turn_result(&t, "Pod/shop/a")->unstable, rows[i].path);
		turn_done(&t);
		/* Nobody is at it any more: it converges. */
		(void)world_control(&w, "insist-clear");
		world_apply(&w);
		world_in_sync(&w);
		world_done(&w);
	}
}

/* What somebody else let wait at a key that podmox removes is taken back first; what is in force before that goes, too,
 * and is not forgotten when other settings are written meanwhile. */
PM_TEST(runs_remove_what_is_in_force_behind_what_waits)
{
	static const char *const more[] = { "", "  onboot: true\n" };
	const struct turn_opts o = { 0 };

	for (size_t i = 0; i < PM_COUNT(more); i++) {
		struct world w;
		struct turn t;

		world_new(&w, 1);
		put(&w, "  options: {tty: 3}\n");
		world_apply(&w);
		assert_int_equal(world_call(&w, "PUT",
					 pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/config",
						 world_vmid(&w, "Pod/shop/a")),
					 "tty=5"),
			200);
		put(&w, more[i]);
		world_turn(&w, &o, &t);
		assert_int_equal(t.status, 0);
		assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_DONE);
		assert_null(turn_result(&t, "Pod/shop/a")->unstable);
		assert_true(turn_result(&t, "Pod/shop/a")->restart_pending);
		turn_done(&t);
		assert_int_equal(
			world_call(&w, "POST",
				pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/status/reboot",
					world_vmid(&w, "Pod/shop/a")),
				""),
			200);
		world_wait(&w, 60);
		assert_string_equal(
			world_control(&w, "get %u tty", world_vmid(&w, "Pod/shop/a")), "");
		world_done(&w);
	}
}

/* ---- readiness ---- */

PM_TEST(runs_wait_until_it_is_ready)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	/* Nothing answers there, and nothing could: no interface. */
	world_manifest(&w, "db.yaml", POD("db") "  ready: {tcp: 5432, timeout: 30s}\n");
	world_manifest(&w, "web.yaml", POD("web") "  dependsOn: [db]\n");
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/db")->outcome, PM_FAILED);
	assert_int_equal(turn_result(&t, "Pod/shop/db")->err.code, PM_E_TIMEOUT);
	assert_has(turn_result(&t, "Pod/shop/db")->err.msg, "not ready after 30 s");
	assert_true(turn_result(&t, "Pod/shop/db")->took_ms >= 30000);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_SKIPPED);
	turn_done(&t);
	/* It is there and complete: the next run goes on with what waited for it. */
	world_apply(&w);
	assert_int_equal(world_guests(&w), 2);
	world_in_sync(&w);
	world_done(&w);
}

/* A cluster on which everything that was started ends again at once. */
struct tired {
	struct pm_transport base;
	struct pm_transport *inner;
	struct world *w;
};

static void tired_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct tired *x = (struct tired *)t;

	for (size_t i = 0; i < n; i++) {
		const char *at = strstr(v[i]->path, "/lxc/");

		if (at && strstr(at, "/status/current"))
			(void)world_control(x->w, "set %.3s status=stopped", at + 5);
	}
	x->inner->ops->batch(x->inner, v, n, done, arg, cancel);
}

PM_TEST(runs_say_that_it_ended_again)
{
	static const struct pm_transport_ops ops = { tired_batch, NULL };
	struct tired x = { .base = { .ops = &ops } };
	const struct turn_opts o = { .through = &x.base };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a"));
	x.w = &w;
	x.inner = world_wire(&w);
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, "was started and stopped again");
	turn_done(&t);
	pm_transport_free(x.inner);
	world_apply(&w);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

/* ---- consent ---- */

PM_TEST(runs_restart_one_after_the_other)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	w.workers = 4;
	world_manifest(&w, "a.yaml", POD("a") "  lifecycle: {restart: allow}\n");
	world_manifest(&w, "b.yaml", POD("b") "  lifecycle: {restart: allow}\n");
	world_apply(&w);
	world_manifest(&w, "a.yaml",
		POD("a") "  lifecycle: {restart: allow}\n  features: {nesting: true}\n");
	world_manifest(&w, "b.yaml",
		POD("b") "  lifecycle: {restart: allow}\n  features: {nesting: true}\n");
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_false(turn_result(&t, "Pod/shop/a")->restart_pending);
	turn_done(&t);
	world_in_sync(&w);
	assert_string_equal(
		world_control(&w, "get %u features", world_vmid(&w, "Pod/shop/a")), "nesting=1");
	assert_string_equal(
		world_control(&w, "get %u features", world_vmid(&w, "Pod/shop/b")), "nesting=1");
	assert_has(world_control(&w, "get %u", world_vmid(&w, "Pod/shop/b")), "running");
	world_done(&w);
}

PM_TEST(runs_replace_only_with_both_consents)
{
	const struct turn_opts no = { 0 };
	const struct turn_opts yes = { .plan = { .allow_replace = true } };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n");
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/a");
	world_manifest(
		&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n  unprivileged: false\n");
	world_turn(&w, &no, &t);
	turn_done(&t);
	assert_string_equal(world_control(&w, "get %u unprivileged", vmid), "1");
	world_turn(&w, &yes, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_action(&t, "Pod/shop/a")->verb, PM_V_REPLACE);
	turn_done(&t);
	assert_int_equal(world_vmid(&w, "Pod/shop/a"), vmid);
	assert_string_equal(world_control(&w, "get %u unprivileged", vmid), "0");
	world_in_sync(&w);
	world_done(&w);
}

/* A volume whose removal waits for a restart is still the guest's: a replacement keeps it, as unused. */
PM_TEST(runs_name_a_volume_whose_removal_waits)
{
	static const char with[] =
		POD("a") "  lifecycle: {replace: allow}\n"
			 "  volumes: [{path: /data, storage: local-lvm, size: 1Gi}]\n";
	const struct turn_opts no = { 0 };
	const struct turn_opts yes = { .plan = { .allow_replace = true } };
	struct world w;
	struct turn t;
	const struct pm_action *a;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", with);
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/a");
	world_manifest(&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n");
	world_turn(&w, &no, &t);
	assert_true(turn_result(&t, "Pod/shop/a")->restart_pending);
	turn_done(&t);
	world_manifest(
		&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n  unprivileged: false\n");
	world_turn(&w, &yes, &t);
	assert_int_equal(t.status, 0);
	a = turn_action(&t, "Pod/shop/a");
	assert_int_equal(a->verb, PM_V_REPLACE);
	assert_int_equal(a->ndies, 1);
	assert_int_equal(a->nkeeps, 1);
	turn_done(&t);
	assert_string_equal(world_control(&w, "get %u unprivileged", vmid), "0");
	assert_has(world_control(&w, "get %u unused0", vmid), "local-lvm:vm-");
	world_in_sync(&w);
	world_done(&w);
}

static void break_create(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "fail POST /nodes/*/lxc:500");
}

PM_TEST(runs_say_loudly_that_a_replacement_is_missing)
{
	const struct turn_opts o = { .plan = { .allow_replace = true }, .between = break_create };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n");
	world_apply(&w);
	world_manifest(
		&w, "a.yaml", POD("a") "  lifecycle: {replace: allow}\n  unprivileged: false\n");
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, "WAS DELETED");
	turn_done(&t);
	(void)world_control(&w, "fail-clear");
	world_apply(&w);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

/* ---- removal ---- */

PM_TEST(runs_on_remove_keep_and_stop)
{
	const struct turn_opts prune = { .plan = { .prune = true } };
	struct world w;
	struct turn t;
	unsigned kept;
	unsigned stopped;

	world_new(&w, 1);
	world_manifest(&w, "kept.yaml", POD("kept") "  lifecycle: {onRemove: keep}\n");
	world_manifest(&w, "stopped.yaml", POD("stopped") "  lifecycle: {onRemove: stop}\n");
	world_manifest(&w, "stays.yaml", POD("stays"));
	world_apply(&w);
	kept = world_vmid(&w, "Pod/shop/kept");
	stopped = world_vmid(&w, "Pod/shop/stopped");
	world_manifest(&w, "kept.yaml", NULL);
	world_manifest(&w, "stopped.yaml", NULL);
	world_turn(&w, &prune, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_has(world_control(&w, "get %u", kept), "running");
	assert_has(world_control(&w, "get %u", stopped), "stopped");
	world_turn(&w, &prune, &t);
	assert_int_equal(t.status, 0);
	assert_true(pm_plan_empty(&t.cycle.plan));
	turn_done(&t);
	world_done(&w);
}

/* A transport that answers one path by itself. */
struct answer {
	struct pm_transport base;
	struct pm_transport *inner;
	const char *path, *body;
};

static void answer_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct answer *a = (struct answer *)t;

	for (size_t i = 0; i < n; i++) {
		a->inner->ops->batch(a->inner, &v[i], 1, NULL, NULL, cancel);
		if (pm_str_eq(v[i]->path, a->path)) {
			pm_buf_clear(&v[i]->body_in);
			(void)pm_buf_adds(&v[i]->body_in, a->body);
		}
		if (done)
			(void)done(arg, v[i]);
	}
}

PM_TEST(runs_leave_what_is_replicated)
{
	static const struct pm_transport_ops ops = { answer_batch, NULL };
	struct answer a = { .base = { .ops = &ops }, .path = "/api2/json/cluster/replication" };
	const struct turn_opts o = { .plan = { .prune = true }, .through = &a.base };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a"));
	world_manifest(&w, "b.yaml", POD("b"));
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/a");
	world_manifest(&w, "a.yaml", NULL);
	a.inner = world_wire(&w);
	a.body =
		pm_arena_printf(w.arena, "{\"data\":[{\"id\":\"%u-0\",\"guest\":%u}]}", vmid, vmid);
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, "replicated");
	assert_int_equal(t.status, 4);
	turn_done(&t);
	assert_has(world_control(&w, "get %u", vmid), "running");
	pm_transport_free(a.inner);
	world_done(&w);
}

PM_TEST(runs_delete_by_name)
{
	struct world w;
	struct turn t;
	struct pm_set named = { .v = NULL };
	struct turn_opts o = { .plan = { .delete_all = true }, .preloaded = &named };
	struct pm_obj *obj;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a"));
	world_manifest(&w, "b.yaml", POD("b"));
	world_apply(&w);
	named.arena = w.arena;
	obj = pm_obj_new(w.arena, &pm_kind_pod);
	obj->ns = "shop";
	obj->name = "a";
	pm_set_add(&named, obj);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_int_equal(world_vmid(&w, "Pod/shop/a"), 0);
	assert_int_equal(world_guests(&w), 1);
	pm_set_done(&named);
	world_done(&w);
}

/* A set that lives longer than a cycle, as the daemon's: planned twice, it is as good as new. */
PM_TEST(runs_of_a_set_that_was_planned_before)
{
	struct world w;
	struct turn t;
	struct pm_diags diags;
	struct pm_load load;
	struct pm_error err = { 0 };
	struct pm_set set = { .v = NULL };
	struct turn_opts o = { .preloaded = &set };
	const char *path;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml",
		POD("a") "  network:\n    interfaces: [{name: eth0, bridge: vmbr0}]\n");
	path = pm_arena_printf(w.arena, "%s/manifests", w.dir);
	set.arena = w.arena;
	pm_diags_init(&diags, w.arena);
	assert_ok(pm_manifest_load(&path, 1, &set, &load, &diags, &err), &err);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	/* Somebody moves the interface to another slot. */
	(void)world_control(&w, "set %u net3=name=eth0,bridge=vmbr0", world_vmid(&w, "Pod/shop/a"));
	assert_int_equal(world_call(&w, "PUT",
				 pm_arena_printf(w.arena, "/nodes/pve1/lxc/%u/config",
					 world_vmid(&w, "Pod/shop/a")),
				 "delete=net0"),
		200);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_true(pm_plan_empty(&t.cycle.plan));
	turn_done(&t);
	pm_set_done(&set);
	world_done(&w);
}

/* A first process that ignores the request to end is ended after its time. */
PM_TEST(runs_stop_what_does_not_heed)
{
	const struct turn_opts o = { .plan = { .prune = true } };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a") "  entrypoint: /bin/sleep 1000\n");
	world_manifest(&w, "b.yaml", POD("b") "  entrypoint: /bin/sleep 1000\n");
	world_apply(&w);
	world_manifest(&w, "a.yaml", POD("a") "  entrypoint: /bin/sleep 1000\n  state: stopped\n");
	world_manifest(&w, "b.yaml", NULL);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_true(turn_result(&t, "Pod/shop/a")->took_ms >= 60000);
	turn_done(&t);
	assert_has(world_control(&w, "get %u", world_vmid(&w, "Pod/shop/a")), "stopped");
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

/* ---- places ---- */

PM_TEST(runs_migrate_with_consent)
{
	const struct turn_opts no = { 0 };
	const struct turn_opts yes = { .plan = { .allow_restart = true } };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 3);
	world_manifest(&w, "a.yaml", POD("a") "  node: pve1\n");
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/a");
	/* A preference only, until it is pinned. */
	world_manifest(&w, "a.yaml", POD("a") "  node: pve2\n");
	world_in_sync(&w);
	world_manifest(&w, "a.yaml", POD("a") "  node: pve2\n  pinned: true\n");
	world_turn(&w, &no, &t);
	turn_done(&t);
	assert_has(world_control(&w, "get %u", vmid), "pve1 running");
	world_turn(&w, &yes, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_has(world_control(&w, "get %u", vmid), "pve2 running");
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(runs_with_many_at_once)
{
	struct world w;

	world_new(&w, 3);
	w.workers = 8;
	for (unsigned i = 0; i < 40; i++)
		world_manifest(&w, pm_arena_printf(w.arena, "p%u.yaml", i),
			pm_arena_printf(w.arena,
				"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: p%u}\nspec:\n" IMAGE
				"  rootfs: {storage: local-lvm, size: 4Gi}\n",
				i));
	world_apply(&w);
	world_in_sync(&w);
	assert_int_equal(world_guests(&w), 40);
	world_done(&w);
}

/* ---- a user whose rights come from a pool ---- */

PM_TEST(runs_of_a_user_of_a_pool)
{
	static const char *const rights[] = {
		"path=/pool/shop&roles=PVEVMAdmin&users=gitops%40pve",
		"path=/storage&roles=PVEDatastoreUser&users=gitops%40pve",
		"path=/&roles=PVEAuditor&users=gitops%40pve&propagate=0",
	};
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	assert_int_equal(world_call(&w, "POST", "/pools", "poolid=shop"), 200);
	assert_int_equal(
		world_call(&w, "POST", "/access/users", "userid=gitops%40pve&password=gitops-1"),
		200);
	for (size_t i = 0; i < PM_COUNT(rights); i++)
		assert_int_equal(world_call(&w, "PUT", "/access/acl", rights[i]), 200);
	world_login(&w, "gitops", "pve", "gitops-1");
	world_manifest(&w, "a.yaml", POD("a") "  pool: shop\n  tags: [prod]\n");
	world_apply(&w);
	world_in_sync(&w);
	vmid = world_vmid(&w, "Pod/shop/a");
	assert_has(world_control(&w, "get %u tags", vmid), "prod");
	assert_has(world_control(&w, "get %u tags", vmid), "podmox-");
	world_done(&w);
}

/* ---- nodes that are away ---- */

PM_TEST(runs_leave_alone_what_cannot_be_seen)
{
	const struct turn_opts o = { .plan = { .prune = true } };
	struct world w;
	struct turn t;
	unsigned away;

	world_new(&w, 3);
	world_manifest(&w, "a.yaml", POD("a") "  node: pve1\n");
	world_manifest(&w, "b.yaml", POD("b") "  node: pve2\n");
	world_apply(&w);
	away = world_vmid(&w, "Pod/shop/b");
	(void)world_control(&w, "node-off pve2");
	world_wait(&w, 400);
	world_manifest(&w, "a.yaml", POD("a") "  node: pve1\n  onboot: true\n");
	world_manifest(&w, "b.yaml", POD("b") "  node: pve2\n  onboot: true\n");
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_DONE);
	turn_done(&t);
	(void)world_control(&w, "node-on pve2");
	assert_int_equal(world_vmid(&w, "Pod/shop/b"), away);
	world_wait(&w, 30);
	world_apply(&w);
	assert_string_equal(world_control(&w, "get %u onboot", away), "1");
	assert_int_equal(world_guests(&w), 2);
	world_done(&w);
}

/* ---- a run that is ended ---- */

/* Ends the run right after its first start of a guest. */
struct ender {
	struct pm_transport base;
	struct pm_transport *inner;
	struct pm_cancel *cancel;
};

static void ender_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct ender *e = (struct ender *)t;

	e->inner->ops->batch(e->inner, v, n, done, arg, cancel);
	if (pm_str_eq(v[0]->method, "POST") && strstr(v[0]->path, "/status/start"))
		atomic_store(&e->cancel->on, true);
}

PM_TEST(runs_that_are_ended_name_the_task)
{
	static const struct pm_transport_ops ops = { ender_batch, NULL };
	struct pm_buf path cleanup_buf = PM_BUF(0);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_cancel cancel = { .on = false };
	struct ender e = { .base = { .ops = &ops }, .cancel = &cancel };
	const struct turn_opts o = { .cancel = &cancel, .through = &e.base };
	struct pm_error err = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "a.yaml", POD("a"));
	e.inner = world_wire(&w);
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->outcome, PM_FAILED);
	assert_int_equal(turn_result(&t, "Pod/shop/a")->err.code, PM_E_CANCELLED);
	assert_has(turn_result(&t, "Pod/shop/a")->err.msg, ":vzstart:");
	turn_done(&t);
	(void)pm_buf_addf(&path, "%s/home.journal", w.config->journal_dir);
	assert_ok(pm_file_read(AT_FDCWD, pm_buf_str(&path), 1 << 20, &text, &err), &err);
	assert_has(pm_buf_str(&text), ":vzstart:");
	world_apply(&w);
	assert_has(world_control(&w, "get %u", world_vmid(&w, "Pod/shop/a")), "running");
	pm_transport_free(e.inner);
	world_done(&w);
}
