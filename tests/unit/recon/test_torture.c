/* Transport torture: an apply of a small repository with the n-th request failing, for every n and each
 * kind of failure, and then one more apply. It always converges; never is there a second guest of one
 * object; never is a guest of anybody else touched.
 *
 * PM_TORTURE_WORKERS sets the worker threads (1: the n-th request is always the same one), PM_STRIDE of how
 * many requests one is spoiled where every one was (valgrind makes each apply fifty times as slow). */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "killed.h"
#include "world.h"

#define IMAGE "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
#define POD(ns, name)                                                                      \
	"---\napiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name ", namespace: " ns \
	"}\nspec:\n" IMAGE
#define ROOT(size) "  rootfs: {storage: local-lvm, size: " size "}\n"

/* clang-format off */
static const char before[] =
	POD("shop", "db") ROOT("4Gi")
	"  pool: shop\n"
	"  resources: {cores: 2, memory: 512Mi}\n"
	"  volumes: [{path: /var/lib/db, storage: local-lvm, size: 1Gi, backup: true}]\n"
	"  onboot: true\n"
	"  startup: {order: 1, up: 10s}\n"
	POD("shop", "web") ROOT("4Gi")
	"  dependsOn: [db]\n"
	"  network:\n"
	"    interfaces: [{name: eth0, bridge: vmbr0, ip: 10.0.0.10/24, gw: 10.0.0.1}]\n"
	"  env: {TZ: Europe/Vienna, MODE: old}\n"
	"  entrypoint: /usr/bin/app --serve\n"
	"  lifecycle: {restart: allow}\n"
	POD("shop", "cache") ROOT("4Gi")
	"  state: stopped\n"
	"  tags: [prod, cache]\n"
	"  description: The cache\n"
	POD("infra", "dns") ROOT("4Gi")
	"  vmid: 290\n"
	"  hostname: ns1.example\n"
	"  volumes: [{path: /zones, storage: local-lvm, size: 1Gi}]\n"
	"  lifecycle: {protect: true, restart: allow}\n"
	"  state: stopped\n"
	POD("infra", "files") ROOT("4Gi")
	"  features: {keyctl: true, nesting: true}\n"
	"  volumes: [{path: /srv/media, source: /tank/media, shared: true}]\n"
	"  devices: [{path: /dev/dri/renderD128, mode: \"0660\"}]\n"
	"  state: stopped\n"
	POD("infra", "old") ROOT("4Gi");

static const char after[] =
	POD("shop", "db") ROOT("5Gi")
	"  pool: infra\n"
	"  resources: {memory: 1Gi}\n"
	"  volumes: [{path: /var/lib/db, storage: local-lvm, size: 2Gi, backup: true}]\n"
	"  onboot: true\n"
	"  startup: {order: 2, up: 10s}\n"
	POD("shop", "web") ROOT("4Gi")
	"  dependsOn: [db, queue]\n"
	"  network:\n"
	"    interfaces:\n"
	"      - {name: eth0, bridge: vmbr0, ip: 10.0.0.11/24, gw: 10.0.0.1, tag: 20}\n"
	"      - {name: eth1, bridge: vmbr1, ip: dhcp}\n"
	"  env: {TZ: Europe/Vienna}\n"
	"  entrypoint: /usr/bin/app --serve --more\n"
	"  lifecycle: {restart: allow}\n"
	POD("shop", "cache") ROOT("4Gi")
	"  state: running\n"
	"  tags: [prod]\n"
	POD("shop", "queue") ROOT("4Gi")
	POD("infra", "dns") ROOT("4Gi")
	"  vmid: 290\n"
	"  hostname: ns2.example\n"
	"  lifecycle: {protect: true, restart: allow}\n"
	"  state: stopped\n"
	POD("infra", "files") ROOT("4Gi")
	"  features: {nesting: true}\n"
	"  volumes: [{path: /srv/media, source: /tank/media, shared: true}]\n"
	"  state: running\n";

static const char old_kind[] =
	POD("shop", "db") ROOT("4Gi")
	"  volumes: [{path: /var/lib/db, storage: local-lvm, size: 1Gi}]\n"
	"  lifecycle: {replace: allow}\n"
	POD("shop", "web") ROOT("4Gi")
	"  vmid: 290\n"
	"  dependsOn: [db]\n"
	"  lifecycle: {replace: allow}\n";

static const char new_kind[] =
	POD("shop", "db") ROOT("4Gi")
	"  unprivileged: false\n"
	"  volumes: [{path: /var/lib/db, storage: local-lvm, size: 1Gi}]\n"
	"  lifecycle: {replace: allow}\n"
	POD("shop", "web") ROOT("4Gi")
	"  vmid: 291\n"
	"  dependsOn: [db]\n"
	"  lifecycle: {replace: allow}\n";
/* clang-format on */

static const char *const ids_before[] = { "Pod/shop/db", "Pod/shop/web", "Pod/shop/cache",
	"Pod/infra/dns", "Pod/infra/files", "Pod/infra/old", NULL };
static const char *const ids_after[] = { "Pod/shop/db", "Pod/shop/web", "Pod/shop/cache",
	"Pod/shop/queue", "Pod/infra/dns", "Pod/infra/files", NULL };

static const char *const ids_kind[] = { "Pod/shop/db", "Pod/shop/web", NULL };

/* ---- guests of other people ---- */

#define FOREIGN 4

static const unsigned foreign[FOREIGN] = { 150, 201, 230, 260 };

static void seed_foreign(struct world *w, char digests[FOREIGN][256])
{
	for (unsigned i = 0; i < FOREIGN; i++) {
		char form[512];

		/* One of another set, the others of nobody's. */
		(void)snprintf(form, sizeof(form),
			"vmid=%u&ostemplate=local%%3Avztmpl%%2Fdebian-12-standard_12.7-1_amd64.tar.zst"
			"&rootfs=local-lvm%%3A4&hostname=%s&tags=%s",
			foreign[i], i == 1 ? "web" : "somebody",
			i == 1 ? "podmox%3Bpodmox-00112233" : "theirs");
		assert_int_equal(world_call(w, "POST", "/nodes/pve1/lxc", form), 200);
	}
	world_wait(w, 5);
	for (unsigned i = 0; i < FOREIGN; i++)
		(void)snprintf(digests[i], 256, "%s", world_control(w, "get %u", foreign[i]));
}

static void foreign_untouched(struct world *w, char digests[FOREIGN][256])
{
	for (unsigned i = 0; i < FOREIGN; i++)
		assert_string_equal(world_control(w, "get %u", foreign[i]), digests[i]);
}

/* ---- one torture ---- */

/* Sanitizers make each apply ten times as slow: they see every fifth request. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define STRIDE 5
#else
#	define STRIDE 1
#endif

struct ordeal {
	const char *first;  /* applied in peace; NULL: nothing */
	const char *second; /* applied under torture, then in peace */
	const char *const *ids;
	const char *folder; /* applied instead of the second text, on three nodes */
	unsigned stride;    /* how many requests are left out between two that are spoiled */
};

static const struct ordeal creating = { NULL, before, ids_before, NULL, 1 };
static const struct ordeal changing = { before, after, ids_after, NULL, 1 };
static const struct ordeal replacing = { old_kind, new_kind, ids_kind, NULL, 1 };

static unsigned workers(void)
{
	const char *text = getenv("PM_TORTURE_WORKERS");
	int64_t n = 1;

	if (text && pm_parse_int(text, 1, 64, &n) < 0)
		fail_msg("PM_TORTURE_WORKERS is no number");
	return (unsigned)n;
}

static unsigned now;      /* the request that is being spoiled */
static unsigned nobjects; /* of the last apply in peace */

static void peace(struct world *w)
{
	const struct turn_opts o = { .plan = { .prune = true, .allow_replace = true } };
	struct turn t;

	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0) {
		for (size_t i = 0; i < t.cycle.report.n; i++)
			print_error("%d %s %s\n", t.cycle.report.v[i].outcome,
				t.cycle.report.v[i].err.msg,
				t.cycle.report.v[i].unstable ? t.cycle.report.v[i].unstable : "");
		for (const struct pm_diag *d = t.job.diags.first; d; d = d->next)
			print_error("%s\n", d->msg);
		if (t.planned)
			print_error("%s\n", turn_plan(&t));
		fail_msg("request %u, the apply after it: status %d: %s", now, t.status, t.err.msg);
	}
	nobjects = t.cycle.plan.nobjects;
	turn_done(&t);
	world_in_sync(w);
}

static void begin(struct world *w, const struct ordeal *o, char digests[FOREIGN][256])
{
	world_new(w, o->folder ? 3 : 1);
	w->folder = o->folder;
	w->workers = workers();
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=shop"), 200);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=infra"), 200);
	seed_foreign(w, digests);
	if (o->first) {
		world_manifest(w, "repo.yaml", o->first);
		peace(w);
	}
	if (o->second)
		world_manifest(w, "repo.yaml", o->second);
}

static void end(struct world *w, const struct ordeal *o, char digests[FOREIGN][256])
{
	for (unsigned n = 0; o->ids && o->ids[n]; n++) {
		if (world_vmid(w, o->ids[n]) == 0)
			fail_msg("%s is not there", o->ids[n]);
	}
	/* Each object has its guest (the plan is empty), and there are no others. */
	assert_int_equal(world_guests(w), nobjects + FOREIGN);
	foreign_untouched(w, digests);
}

/* False: there is no n-th request. */
static bool torture_once(const struct ordeal *o, unsigned nth, enum pm_spoil how)
{
	struct turn_opts bad = { .plan = { .prune = true, .allow_replace = true } };
	char digests[FOREIGN][256];
	struct world w;
	struct turn t;
	bool reached;

	now = nth;
	begin(&w, o, digests);
	bad.through = pm_spoil_new(world_wire(&w), nth, how);
	world_turn(&w, &bad, &t);
	turn_done(&t);
	reached = pm_spoil_calls(bad.through) >= nth;
	pm_transport_free(bad.through);
	foreign_untouched(&w, digests);
	world_wait(&w, 5);
	peace(&w);
	end(&w, o, digests);
	world_done(&w);
	return reached;
}

static unsigned stride_of(const struct ordeal *o)
{
	const char *text = getenv("PM_STRIDE");
	int64_t n = STRIDE;

	if (text)
		assert_int_equal(pm_parse_int(text, 1, 1000, &n), 0);
	return o->stride * (unsigned)n;
}

static void torture(const struct ordeal *o, enum pm_spoil how)
{
	unsigned stride = stride_of(o);
	unsigned n = 1 + (unsigned)how * 7 % stride;

	while (torture_once(o, n, how))
		n += stride;
	print_message("%s: up to request %u\n", pm_spoil_name(how), n);
	assert_true(n > 20);
}

/* ---- killed ---- */

/* What is left of it is the journal; `journal` false: not even that. Time does not pass in between when
 * there is one: it says for which tasks to wait. */
static bool kill_once(const struct ordeal *o, unsigned nth, bool journal)
{
	const struct turn_opts opts = { .plan = { .prune = true, .allow_replace = true } };
	char digests[FOREIGN][256];
	struct world w;
	bool reached;

	now = nth;
	begin(&w, o, digests);
	reached = killed_turn(&w, &opts, world_wire(&w), nth, journal);
	if (!journal)
		world_wait(&w, 5);
	peace(&w);
	end(&w, o, digests);
	world_done(&w);
	return reached;
}

static void kill_all(const struct ordeal *o, bool journal)
{
	unsigned stride = stride_of(o);
	unsigned n = 1;

	while (kill_once(o, n, journal))
		n += stride;
	print_message("killed: up to request %u\n", n);
	assert_true(n > 20);
}

PM_TEST(torture_creating_killed)
{
	kill_all(&creating, true);
}

PM_TEST(torture_creating_killed_without_journal)
{
	kill_all(&creating, false);
}

PM_TEST(torture_changing_killed)
{
	kill_all(&changing, true);
}

PM_TEST(torture_changing_killed_without_journal)
{
	kill_all(&changing, false);
}

PM_TEST(torture_replacing_killed)
{
	kill_all(&replacing, true);
}

PM_TEST(torture_replacing)
{
	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++)
		torture(&replacing, how);
}

PM_TEST(torture_creating_refused)
{
	torture(&creating, PM_SPOIL_REFUSED);
}

PM_TEST(torture_creating_cut)
{
	torture(&creating, PM_SPOIL_CUT);
}

PM_TEST(torture_creating_500)
{
	torture(&creating, PM_SPOIL_500);
}

PM_TEST(torture_creating_596)
{
	torture(&creating, PM_SPOIL_596);
}

PM_TEST(torture_creating_timeout)
{
	torture(&creating, PM_SPOIL_TIMEOUT);
}

PM_TEST(torture_creating_lost)
{
	torture(&creating, PM_SPOIL_LOST);
}

PM_TEST(torture_changing_refused)
{
	torture(&changing, PM_SPOIL_REFUSED);
}

PM_TEST(torture_changing_cut)
{
	torture(&changing, PM_SPOIL_CUT);
}

PM_TEST(torture_changing_500)
{
	torture(&changing, PM_SPOIL_500);
}

PM_TEST(torture_changing_596)
{
	torture(&changing, PM_SPOIL_596);
}

PM_TEST(torture_changing_timeout)
{
	torture(&changing, PM_SPOIL_TIMEOUT);
}

PM_TEST(torture_changing_lost)
{
	torture(&changing, PM_SPOIL_LOST);
}

/* ---- the example repository ---- */

/* Every request only at night (NIGHTLY=1): the repository is large. */
static const struct ordeal *example(void)
{
	static struct ordeal o = { NULL, NULL, NULL, "manifests", 1 };

	o.stride = getenv("NIGHTLY") ? 1 : 4;
	return &o;
}

PM_TEST(torture_example_repository)
{
	for (enum pm_spoil how = 0; how < PM_SPOIL_MAX; how++)
		torture(example(), how);
}

PM_TEST(torture_example_repository_killed)
{
	kill_all(example(), true);
}
