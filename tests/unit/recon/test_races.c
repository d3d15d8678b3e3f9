/* What others do between the plan and the apply, or at the same time. */
#include <pthread.h>
#include <string.h>

#include "base/text.h"
#include "world.h"

#define IMAGE "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"

static const char web[] = "apiVersion: podmox/v1\n"
			  "kind: Pod\n"
			  "metadata: {name: web, namespace: shop}\n"
			  "spec:\n"
			  "  image: " IMAGE "\n"
			  "  resources: {memory: 512Mi}\n"
			  "  rootfs: {storage: local-lvm, size: 4Gi}\n";

static const char web_larger[] = "apiVersion: podmox/v1\n"
				 "kind: Pod\n"
				 "metadata: {name: web, namespace: shop}\n"
				 "spec:\n"
				 "  image: " IMAGE "\n"
				 "  resources: {memory: 1Gi}\n"
				 "  rootfs: {storage: local-lvm, size: 4Gi}\n";

static const char web_fixed[] = "apiVersion: podmox/v1\n"
				"kind: Pod\n"
				"metadata: {name: web, namespace: shop}\n"
				"spec:\n"
				"  image: " IMAGE "\n"
				"  vmid: 250\n"
				"  rootfs: {storage: local-lvm, size: 4Gi}\n";

static const char after_web[] = "apiVersion: podmox/v1\n"
				"kind: Pod\n"
				"metadata: {name: front, namespace: shop}\n"
				"spec:\n"
				"  image: " IMAGE "\n"
				"  rootfs: {storage: local-lvm, size: 4Gi}\n"
				"  dependsOn: [web]\n";

static const char other[] = "apiVersion: podmox/v1\n"
			    "kind: Pod\n"
			    "metadata: {name: other, namespace: shop}\n"
			    "spec:\n"
			    "  image: " IMAGE "\n"
			    "  rootfs: {storage: local-lvm, size: 4Gi}\n";

/* A world with web in it, or with web and other. */
static void start(struct world *w)
{
	world_new(w, 1);
	world_manifest(w, "web.yaml", web);
	world_apply(w);
}

static void start_two(struct world *w)
{
	start(w);
	world_manifest(w, "other.yaml", other);
	world_apply(w);
}

/* What becomes of web when somebody comes between the plan and the apply of a larger one; `t` is to be
 * ended. */
static void grow_web(
	struct world *w, void (*between)(struct world *, void *), const char *arg, struct turn *t)
{
	const struct turn_opts o = { .between = between, .between_arg = (void *)arg };

	world_manifest(w, "web.yaml", web_larger);
	world_turn(w, &o, t);
}

/* ---- a run that is ended from outside ---- */

struct breaker {
	struct pm_cancel *cancel;
	const char *at; /* what an event says */
};

static void break_at(void *arg, const struct pm_event *e)
{
	struct breaker *b = arg;

	if (e->text && strstr(e->text, b->at))
		atomic_store(&b->cancel->on, true);
}

/* ---- between plan and apply ---- */

static void take_vmid(struct world *w, void *arg)
{
	unsigned *vmid = arg;
	char form[256];

	(void)snprintf(form, sizeof(form),
		"vmid=%u&ostemplate=local%%3Avztmpl%%2Fdebian-12-standard_12.7-1_amd64.tar.zst"
		"&rootfs=local-lvm%%3A4&hostname=foreign",
		*vmid);
	assert_int_equal(world_call(w, "POST", "/nodes/pve1/lxc", form), 200);
	world_wait(w, 5);
}

static unsigned planned_vmid(struct world *w)
{
	const struct turn_opts o = { .plan_only = true };
	struct turn t;
	unsigned vmid;

	world_turn(w, &o, &t);
	vmid = turn_action(&t, "Pod/shop/web")->vmid;
	turn_done(&t);
	return vmid;
}

PM_TEST(races_vmid_taken_goes_on_to_the_next)
{
	struct turn_opts o = { .between = take_vmid };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	vmid = planned_vmid(&w);
	o.between_arg = &vmid;
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->vmid, vmid + 1);
	turn_done(&t);
	assert_int_equal(world_vmid(&w, "Pod/shop/web"), vmid + 1);
	assert_string_equal(world_control(&w, "get %u hostname", vmid), "foreign");
	assert_int_equal(world_guests(&w), 2);
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(races_saved_plan_never_probes)
{
	struct turn_opts o = { .between = take_vmid, .exact = true };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	vmid = planned_vmid(&w);
	o.between_arg = &vmid;
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 5);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_STALE);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

PM_TEST(races_fixed_vmid_taken_names_it)
{
	struct turn_opts o = { .between = take_vmid };
	unsigned vmid = 250;
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web_fixed);
	o.between_arg = &vmid;
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "CT 250");
	assert_int_equal(turn_result(&t, "Pod/shop/web")->err.line, 6);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

static void change_memory(struct world *w, void *arg)
{
	(void)world_control(w, "set %u memory=%s", world_vmid(w, "Pod/shop/web"), (char *)arg);
}

PM_TEST(races_changed_since_the_plan_is_stale)
{
	struct world w;
	struct turn t;

	start(&w);
	grow_web(&w, change_memory, "768", &t);
	assert_int_equal(t.status, 5);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_STALE);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "resources.memory");
	turn_done(&t);
	assert_string_equal(
		world_control(&w, "get %u memory", world_vmid(&w, "Pod/shop/web")), "768");
	world_done(&w);
}

PM_TEST(races_done_by_somebody_else_is_nothing)
{
	struct world w;
	struct turn t;

	start(&w);
	grow_web(&w, change_memory, "1024", &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_NOTHING);
	turn_done(&t);
	world_done(&w);
}

/* A field that nobody manages may change as it likes. */
static void change_cores(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u cores=2", world_vmid(w, "Pod/shop/web"));
}

PM_TEST(races_unmanaged_change_is_kept)
{
	struct world w;
	struct turn t;

	start(&w);
	grow_web(&w, change_cores, NULL, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_string_equal(world_control(&w, "get %u cores", world_vmid(&w, "Pod/shop/web")), "2");
	assert_string_equal(
		world_control(&w, "get %u memory", world_vmid(&w, "Pod/shop/web")), "1024");
	world_done(&w);
}

static void delete_web(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "delete %u", world_vmid(w, "Pod/shop/web"));
}

PM_TEST(races_deleted_since_the_plan_is_stale)
{
	struct world w;
	struct turn t;

	start_two(&w);
	grow_web(&w, delete_web, NULL, &t);
	assert_int_equal(t.status, 5);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "gone");
	turn_done(&t);
	world_apply(&w);
	assert_true(world_vmid(&w, "Pod/shop/web") > 0);
	world_done(&w);
}

/* ---- removal: every guard once more, right before ---- */

static void protect_web(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u protection=1", world_vmid(w, "Pod/shop/web"));
}

static void untag_web(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u tags=podmox", world_vmid(w, "Pod/shop/web"));
}

static void unmark_web(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u description=mine", world_vmid(w, "Pod/shop/web"));
}

static void replace_web(struct world *w, PM_UNUSED void *arg)
{
	unsigned vmid = world_vmid(w, "Pod/shop/web");

	(void)world_control(w, "delete %u", vmid);
	take_vmid(w, &vmid);
}

static void lose_quorum(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "quorum-off");
}

/* The marker of its neighbour: as a restored backup would carry it. */
static void copy_marker(struct world *w, PM_UNUSED void *arg)
{
	unsigned other_one = world_vmid(w, "Pod/shop/other");
	const char *text = world_control(w, "get %u description", other_one);
	char *marker = pm_arena_strdup(w->arena, strstr(text, "<!--"));

	(void)world_control(w, "set %u description=%s", world_vmid(w, "Pod/shop/web"), marker);
}

/* The same name, but another life: its uid says so. */
static void new_uid(struct world *w, PM_UNUSED void *arg)
{
	unsigned vmid = world_vmid(w, "Pod/shop/web");
	const char *text = world_control(w, "get %u description", vmid);
	char *marker = pm_arena_strdup(w->arena, strstr(text, "<!--"));
	char *uid = strstr(marker, "\"uid\":\"");

	uid[7] = uid[7] == '0' ? '1' : '0';
	(void)world_control(w, "set %u description=%s", vmid, marker);
}

static void spoil_marker(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u description=<!-- podmox: {\"v\":1,\"set\":\"ho -->",
		world_vmid(w, "Pod/shop/web"));
}

static void add_volume(struct world *w, PM_UNUSED void *arg)
{
	unsigned vmid = world_vmid(w, "Pod/shop/web");

	(void)world_control(w, "set %u mp5=local-lvm:vm-%u-disk-5,mp=/more,size=1G", vmid, vmid);
}

static void add_unused(struct world *w, PM_UNUSED void *arg)
{
	unsigned vmid = world_vmid(w, "Pod/shop/web");

	(void)world_control(w, "set %u unused0=local-lvm:vm-%u-disk-7", vmid, vmid);
}

static void make_template(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "set %u template=1", world_vmid(w, "Pod/shop/web"));
}

static void not_removed(
	void (*between)(struct world *w, void *arg), const char *why, enum pm_outcome outcome)
{
	const struct turn_opts o = { .plan = { .prune = true }, .between = between };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 3);
	world_manifest(&w, "web.yaml", web);
	world_manifest(&w, "other.yaml", other);
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/web");
	world_manifest(&w, "web.yaml", NULL);
	world_turn(&w, &o, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, outcome);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, why);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 2);
	/* What is refused changes nothing: it was not even shut down. */
	if (between != replace_web)
		assert_has(world_control(&w, "get %u", vmid), "running");
	world_done(&w);
}

PM_TEST(races_removal_guards)
{
	not_removed(protect_web, "protected", PM_FAILED);
	not_removed(untag_web, "does not carry the tag", PM_FAILED);
	not_removed(unmark_web, "no marker", PM_FAILED);
	not_removed(replace_web, "no marker", PM_FAILED);
	not_removed(lose_quorum, "quorum", PM_FAILED);
	not_removed(copy_marker, "copy", PM_FAILED);
	not_removed(new_uid, "not the guest that the plan was made for", PM_FAILED);
	not_removed(spoil_marker, "marker", PM_FAILED);
	not_removed(add_volume, "-disk-5 was not in the plan", PM_STALE);
	not_removed(add_unused, "-disk-7 was not in the plan", PM_STALE);
	not_removed(make_template, "template", PM_FAILED);
}

PM_TEST(races_removal_of_what_is_gone_is_nothing)
{
	const struct turn_opts o = { .plan = { .prune = true }, .between = delete_web };
	struct world w;
	struct turn t;

	start_two(&w);
	world_manifest(&w, "web.yaml", NULL);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_NOTHING);
	turn_done(&t);
	world_done(&w);
}

/* Deletions are held when anything else failed. */
static void break_create(struct world *w, PM_UNUSED void *arg)
{
	(void)world_control(w, "fail POST /nodes/*/lxc:500");
}

PM_TEST(races_failure_holds_deletions)
{
	const struct turn_opts o = { .plan = { .prune = true }, .between = break_create };
	struct world w;
	struct turn t;

	start(&w);
	world_manifest(&w, "web.yaml", NULL);
	world_manifest(&w, "other.yaml", other);
	world_turn(&w, &o, &t);
	assert_int_equal(t.cycle.report.held, 1);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_SKIPPED);
	assert_int_equal(turn_result(&t, "Pod/shop/other")->outcome, PM_FAILED);
	turn_done(&t);
	assert_true(world_vmid(&w, "Pod/shop/web") > 0);
	world_done(&w);
}

/* ---- at the last moment: after the look, before the call ---- */

struct moment {
	struct world *w;
	void (*fn)(struct world *w, void *arg);
	void *arg;
	bool over;
};

static void at_creation(void *arg, const struct pm_event *e)
{
	struct moment *m = arg;

	if (m->over || !e->text || !strstr(e->text, "creating CT"))
		return;
	m->over = true;
	m->fn(m->w, m->arg);
}

static void at_last_moment(
	struct world *w, void (*fn)(struct world *w, void *arg), void *arg, struct turn *t)
{
	struct moment m = { .w = w, .fn = fn, .arg = arg };
	const struct turn_opts o = { .event = at_creation, .event_arg = &m };

	world_turn(w, &o, t);
	assert_true(m.over);
}

PM_TEST(races_vmid_taken_at_the_last_moment)
{
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	vmid = planned_vmid(&w);
	at_last_moment(&w, take_vmid, &vmid, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->vmid, vmid + 1);
	turn_done(&t);
	assert_string_equal(world_control(&w, "get %u hostname", vmid), "foreign");
	assert_int_equal(world_guests(&w), 2);
	world_done(&w);
}

static void made_by_another(struct world *w, PM_UNUSED void *arg)
{
	const struct turn_opts o = { .journal_dir = pm_test_dir() };
	struct turn t;

	world_turn(w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
}

PM_TEST(races_ours_made_at_the_last_moment_is_adopted)
{
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	at_last_moment(&w, made_by_another, NULL, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

/* Ends the run right after its first create call. */
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
	if (pm_str_eq(v[0]->method, "POST") && strstr(v[0]->path, "/lxc"))
		atomic_store(&e->cancel->on, true);
}

static const struct pm_transport_ops ender_ops = { ender_batch, NULL };

/* The other one has only begun: nobody's marker can be seen yet. */
static void begun_by_another(struct world *w, PM_UNUSED void *arg)
{
	struct pm_cancel cancel = { .on = false };
	struct turn_opts o = { .journal_dir = pm_test_dir(), .cancel = &cancel };
	struct ender e = {
		.base = { .ops = &ender_ops }, .inner = world_wire(w), .cancel = &cancel
	};
	struct turn t;

	o.through = &e.base;
	world_turn(w, &o, &t);
	assert_true(cancel.on);
	turn_done(&t);
	pm_transport_free(e.inner);
}

PM_TEST(races_ours_begun_at_the_last_moment_is_waited_for)
{
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	at_last_moment(&w, begun_by_another, NULL, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_in_sync(&w);
	world_done(&w);
}

/* A creation that never ends, and whose task nobody finds: said after a while, never passed by. */
static void stuck_creation(struct world *w, void *arg)
{
	take_vmid(w, arg);
	(void)world_control(w, "set %u lock=create", *(unsigned *)arg);
}

PM_TEST(races_stuck_creation_is_reported)
{
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	vmid = planned_vmid(&w);
	at_last_moment(&w, stuck_creation, &vmid, &t);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_FAILED);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->err.code, PM_E_LOCKED);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "pct unlock");
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

/* ---- locks ---- */

struct seen {
	char wait[512];
	unsigned done, failed, skipped;
};

static void note_event(void *arg, const struct pm_event *e)
{
	struct seen *s = arg;

	if (e->type == PM_EV_WAIT && s->wait[0] == '\0')
		(void)snprintf(s->wait, sizeof(s->wait), "%s", e->text);
	s->done += e->type == PM_EV_DONE;
	s->failed += e->type == PM_EV_FAILED;
	s->skipped += e->type == PM_EV_SKIPPED;
}

PM_TEST(races_lock_is_waited_for)
{
	struct seen seen = { 0 };
	struct turn_opts o = { .event = note_event, .event_arg = &seen };
	struct world w;
	struct turn t;

	start(&w);
	world_manifest(&w, "web.yaml", web_larger);
	(void)world_control(&w, "set %u lock=backup", world_vmid(&w, "Pod/shop/web"));
	world_turn(&w, &o, &t);
	/* It stays: after ten minutes that is said, with its name. */
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_FAILED);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->err.code, PM_E_LOCKED);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "backup");
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "600 s");
	assert_has(seen.wait, "backup");
	assert_true(turn_result(&t, "Pod/shop/web")->took_ms >= 600000);
	turn_done(&t);
	world_done(&w);
}

PM_TEST(races_flock_passes)
{
	struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	start(&w);
	world_manifest(&w, "web.yaml", web_larger);
	/* Longer than PVE's own ten seconds: it answers "got timeout" a few times. */
	(void)world_control(&w, "hold-lock %u 60", world_vmid(&w, "Pod/shop/web"));
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	world_in_sync(&w);
	world_done(&w);
}

/* ---- failures at run time ---- */

PM_TEST(races_failed_task_skips_dependants_only)
{
	struct seen seen = { 0 };
	struct turn_opts o = { .event = note_event, .event_arg = &seen };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml",
		"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\n"
		"spec:\n  image: local:vztmpl/not-there.tar.zst\n"
		"  rootfs: {storage: local-lvm, size: 4Gi}\n");
	world_manifest(&w, "front.yaml", after_web);
	world_manifest(&w, "other.yaml", other);
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 3);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_FAILED);
	assert_has(turn_result(&t, "Pod/shop/web")->err.msg, "not-there");
	assert_int_equal(turn_result(&t, "Pod/shop/front")->outcome, PM_SKIPPED);
	assert_has(turn_result(&t, "Pod/shop/front")->err.msg, "pod shop/web");
	assert_int_equal(turn_result(&t, "Pod/shop/other")->outcome, PM_DONE);
	turn_done(&t);
	assert_int_equal(seen.done, 1);
	assert_int_equal(seen.failed, 1);
	assert_int_equal(seen.skipped, 1);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}

/* ---- a run that ends in the middle ---- */

PM_TEST(races_cancelled_in_the_middle)
{
	static const char *const places[] = { "creating", "starting" };

	for (size_t i = 0; i < PM_COUNT(places); i++) {
		struct pm_cancel cancel = { .on = false };
		struct breaker b = { .cancel = &cancel, .at = places[i] };
		const struct turn_opts o = {
			.cancel = &cancel, .event = break_at, .event_arg = &b
		};
		struct world w;
		struct turn t;

		world_new(&w, 1);
		world_manifest(&w, "web.yaml", web);
		world_manifest(&w, "front.yaml", after_web);
		world_turn(&w, &o, &t);
		assert_true(t.applied);
		assert_int_equal(t.cycle.report.v[0].err.code, PM_E_CANCELLED);
		assert_int_equal(t.cycle.report.v[0].outcome, PM_FAILED);
		assert_int_equal(turn_result(&t, "Pod/shop/front")->outcome, PM_SKIPPED);
		turn_done(&t);
		world_wait(&w, 5);
		world_apply(&w);
		world_in_sync(&w);
		assert_int_equal(world_guests(&w), 2);
		world_done(&w);
	}
}

/* ---- two at once ---- */

struct applier {
	pthread_t thread;
	struct world *w;
	const char *journal_dir;
	int status;
	unsigned vmid;
};

static void *apply_one(void *arg)
{
	struct applier *a = arg;
	struct turn_opts o = { .journal_dir = a->journal_dir };
	struct turn t;

	world_turn(a->w, &o, &t);
	a->status = t.status;
	turn_done(&t);
	return NULL;
}

/* On two machines: no common lock, only PVE between them. */
PM_TEST(races_two_appliers_make_one_guest_each)
{
	struct applier one = { 0 };
	struct applier two = { 0 };
	struct world w;

	world_new(&w, 1);
	w.workers = 4;
	world_manifest(&w, "web.yaml", web);
	world_manifest(&w, "front.yaml", after_web);
	world_manifest(&w, "other.yaml", other);
	one.w = two.w = &w;
	one.journal_dir = pm_test_dir();
	two.journal_dir = pm_test_dir();
	assert_int_equal(pthread_create(&one.thread, NULL, apply_one, &one), 0);
	assert_int_equal(pthread_create(&two.thread, NULL, apply_one, &two), 0);
	assert_int_equal(pthread_join(one.thread, NULL), 0);
	assert_int_equal(pthread_join(two.thread, NULL), 0);
	/* One of them may have lost a race for a start or a write; what counts is the cluster. */
	world_wait(&w, 5);
	world_apply(&w);
	world_in_sync(&w);
	assert_int_equal(world_guests(&w), 3);
	assert_true(world_vmid(&w, "Pod/shop/web") > 0);
	assert_true(world_vmid(&w, "Pod/shop/front") > 0);
	assert_true(world_vmid(&w, "Pod/shop/other") > 0);
	world_done(&w);
}

/* The other one has made ours under another VMID, because the first was taken for a while. */
static void apply_elsewhere(struct world *w, void *arg)
{
	struct turn_opts o = { .between = take_vmid, .between_arg = arg };
	struct turn t;

	o.journal_dir = pm_test_dir();
	world_turn(w, &o, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	(void)world_control(w, "delete %u", *(unsigned *)arg);
}

PM_TEST(races_made_elsewhere_under_another_vmid)
{
	struct turn_opts o = { .between = apply_elsewhere };
	struct world w;
	struct turn t;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	vmid = planned_vmid(&w);
	o.between_arg = &vmid;
	world_turn(&w, &o, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->vmid, vmid + 1);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	world_done(&w);
}
