/* The pipeline from manifests to a converged cluster, on the simulator. */
#include <string.h>

#include "base/text.h"
#include "world.h"

static const char web[] = "apiVersion: podmox/v1\n"
			  "kind: Pod\n"
			  "metadata: {name: web, namespace: shop}\n"
			  "spec:\n"
			  "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			  "  resources: {cores: 2, memory: 512Mi}\n"
			  "  rootfs: {storage: local-lvm, size: 4Gi}\n"
			  "  network:\n"
			  "    interfaces:\n"
			  "      - {name: eth0, bridge: vmbr0, ip: 10.0.0.10/24, gw: 10.0.0.1}\n"
			  "  env: {TZ: Europe/Vienna}\n"
			  "  tags: [prod]\n";

static const char db[] = "apiVersion: podmox/v1\n"
			 "kind: Pod\n"
			 "metadata: {name: db, namespace: shop}\n"
			 "spec:\n"
			 "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			 "  rootfs: {storage: local-lvm, size: 4Gi}\n"
			 "  volumes:\n"
			 "    - {path: /var/lib/db, storage: local-lvm, size: 1Gi, backup: true}\n"
			 "  state: stopped\n";

/* The manifest with one text put for another. */
static const char *edited(struct world *w, const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);

	assert_non_null(at);
	return pm_arena_printf(w->arena, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
}

PM_TEST(recon_creates_and_is_done)
{
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	world_manifest(&w, "db.yaml", db);
	world_apply(&w);
	world_in_sync(&w);
	assert_int_equal(world_guests(&w), 2);
	vmid = world_vmid(&w, "Pod/shop/web");
	assert_true(vmid >= 200 && vmid <= 299);
	assert_has(world_control(&w, "get %u", vmid), "running");
	assert_has(world_control(&w, "get %u env", vmid), "TZ=Europe/Vienna");
	assert_has(world_control(&w, "get %u tags", vmid), "prod");
	assert_has(world_control(&w, "get %u description", vmid), "\"done\":true");
	assert_has(world_control(&w, "get %u", world_vmid(&w, "Pod/shop/db")), "stopped");
	world_done(&w);
}

PM_TEST(recon_updates_what_was_changed)
{
	struct world w;
	unsigned vmid;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	world_apply(&w);
	vmid = world_vmid(&w, "Pod/shop/web");
	world_manifest(&w, "web.yaml", edited(&w, web, "512Mi", "1Gi"));
	world_apply(&w);
	assert_string_equal(world_control(&w, "get %u memory", vmid), "1024");
	world_in_sync(&w);
	world_manifest(&w, "web.yaml", edited(&w, web, "4Gi", "6Gi"));
	world_apply(&w);
	assert_has(world_control(&w, "get %u rootfs", vmid), "size=6G");
	assert_string_equal(world_control(&w, "get %u memory", vmid), "512");
	world_in_sync(&w);
	world_manifest(&w, "web.yaml", edited(&w, web, "  tags: [prod]\n", "  state: stopped\n"));
	world_apply(&w);
	assert_has(world_control(&w, "get %u", vmid), "stopped");
	assert_null(strstr(world_control(&w, "get %u tags", vmid), "prod"));
	world_in_sync(&w);
	assert_int_equal(vmid, world_vmid(&w, "Pod/shop/web"));
	world_done(&w);
}

/* A change that waits for a restart is listed and no change any more; with consent it is in force. */
PM_TEST(recon_restarts_only_with_consent)
{
	const struct turn_opts no = { 0 };
	const struct turn_opts yes = { .plan = { .allow_restart = true } };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	world_apply(&w);
	world_manifest(&w, "web.yaml",
		edited(&w, web, "  tags: [prod]\n",
			"  tags: [prod]\n  features: {nesting: true}\n"));
	world_turn(&w, &no, &t);
	assert_true(turn_result(&t, "Pod/shop/web")->restart_pending);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	world_in_sync(&w);
	assert_string_equal(
		world_control(&w, "get %u features", world_vmid(&w, "Pod/shop/web")), "");
	world_turn(&w, &yes, &t);
	assert_int_equal(t.status, 0);
	assert_false(turn_result(&t, "Pod/shop/web")->restart_pending);
	turn_done(&t);
	assert_string_equal(
		world_control(&w, "get %u features", world_vmid(&w, "Pod/shop/web")), "nesting=1");
	assert_has(world_control(&w, "get %u", world_vmid(&w, "Pod/shop/web")), "running");
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(recon_prunes_what_left_the_manifests)
{
	const struct turn_opts keep = { 0 };
	const struct turn_opts prune = { .plan = { .prune = true } };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	world_manifest(&w, "db.yaml", db);
	world_apply(&w);
	world_manifest(&w, "web.yaml", NULL);
	world_turn(&w, &keep, &t);
	assert_int_equal(t.status, 0);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 2);
	world_turn(&w, &prune, &t);
	assert_int_equal(t.status, 0);
	assert_int_equal(turn_result(&t, "Pod/shop/web")->outcome, PM_DONE);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 1);
	assert_int_equal(world_vmid(&w, "Pod/shop/web"), 0);
	world_done(&w);
}

PM_TEST(recon_dry_run_sends_nothing)
{
	struct pm_transport *none;
	struct turn_opts o = { .readonly = true };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	none = pm_spoil_new(world_wire(&w), 0, PM_SPOIL_500);
	o.through = none;
	world_turn(&w, &o, &t);
	assert_true(t.planned);
	assert_err(-(int)t.err.code, PM_E_REFUSED, &t.err, "dry run");
	turn_done(&t);
	assert_int_equal(world_guests(&w), 0);
	pm_transport_free(none);
	world_done(&w);
}

PM_TEST(recon_stops_on_errors_in_manifests)
{
	const struct turn_opts o = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	world_manifest(&w, "bad.yaml", "apiVersion: podmox/v1\nkind: Pod\nmetadata: {nam: x}\n");
	world_turn(&w, &o, &t);
	assert_false(t.planned);
	assert_int_equal(t.err.code, PM_E_INPUT);
	assert_int_equal(t.status, 65);
	assert_true(t.job.diags.nerrors > 0);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 0);
	world_done(&w);
}

/* Another one works on the set: exit 6, and nothing is touched. */
PM_TEST(recon_of_a_locked_set)
{
	const struct turn_opts o = { 0 };
	struct pm_setlock *l = NULL;
	struct pm_error err = { 0 };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "web.yaml", web);
	assert_ok(pm_setlock_take(w.config->journal_dir, "home", &l, &err), &err);
	world_turn(&w, &o, &t);
	assert_false(t.applied);
	assert_int_equal(t.status, 6);
	turn_done(&t);
	assert_int_equal(world_guests(&w), 0);
	pm_setlock_release(l);
	world_apply(&w);
	world_done(&w);
}
