/* What is done to one guest: the calls, their tasks, and what counts as done. */
#include "base/num.h"
#include "client.h"

#define UPID(type) "UPID:pve1:00000361:0003D69F:6B020DF7:" type ":210:ci@pve!gitops:"
#define TASK(type) "{\"data\":\"" UPID(type) "\"}"
#define ENDED(s)   "{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"" s "\"}}"
#define STATUS     "/nodes/pve1/tasks/*/status"
#define GUEST      "/nodes/pve1/lxc/210"

struct guest {
	struct client c;
	struct pm_obj *have;
};

static void begin(struct guest *g)
{
	client_start_token(&g->c, "pve1");
	g->have = have_new(&g->c, 210, "{\"key\":\"protection\",\"value\":0}");
	g->have->live->pool = "old";
}

static void task_ends(struct guest *g, const char *path, const char *type, const char *body)
{
	client_answer(&g->c, NULL, path,
		pm_arena_printf(g->c.arena,
			"{\"data\":\"UPID:pve1:00000361:0003D69F:6B020DF7:%s:210:ci@pve!gitops:\"}",
			type));
	client_answer(&g->c, "GET", STATUS, body);
}

PM_TEST(power_calls)
{
	static const struct {
		enum pm_power what;
		const char *path, *body;
	} table[] = {
		{ PM_START, GUEST "/status/start", "" },
		{ PM_STOP, GUEST "/status/stop", "" },
		{ PM_SHUTDOWN, GUEST "/status/shutdown", "timeout=90" },
		{ PM_REBOOT, GUEST "/status/reboot", "timeout=90" },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct guest g;

		begin(&g);
		task_ends(&g, table[i].path, "vzstart", ENDED("OK"));
		assert_ok(pm_pve_power(g.c.pve, &g.c.job, g.have, table[i].what, 90, &g.c.err),
			&g.c.err);
		assert_string_equal(client_body(&g.c, 0, "POST", table[i].path), table[i].body);
		assert_int_equal(client_count(&g.c, "GET", STATUS), 1);
		client_stop(&g.c);
	}
}

PM_TEST(already_there_counts_as_done)
{
	static const struct {
		enum pm_power what;
		const char *says;
		bool done;
	} table[] = {
		{ PM_START, "CT 210 already running", true },
		{ PM_STOP, "CT 210 not running", true },
		{ PM_SHUTDOWN, "CT 210 not running", true },
		{ PM_REBOOT, "VM 210 not running", false },
		{ PM_START, "CT 210 not running", false },
		{ PM_STOP, "CT is locked (backup)", false },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct guest g;
		int r;

		begin(&g);
		client_status(&g.c, "POST", GUEST "/status/*", 500, table[i].says, "");
		r = pm_pve_power(g.c.pve, &g.c.job, g.have, table[i].what, 0, &g.c.err);
		if ((r == 0) != table[i].done)
			fail_msg("%s", table[i].says);
		client_stop(&g.c);
	}
}

PM_TEST(a_task_that_fails_is_the_callers_error)
{
	struct guest g;

	begin(&g);
	task_ends(
		&g, GUEST "/status/start", "vzstart", ENDED("startup for container '210' failed"));
	assert_err(pm_pve_power(g.c.pve, &g.c.job, g.have, PM_START, 0, &g.c.err), PM_E_TASK,
		&g.c.err, "task vzstart 210 on pve1 failed: startup for container '210' failed");
	client_stop(&g.c);
}

PM_TEST(answers_without_a_task_are_told)
{
	static const char *const bodies[] = { "{\"data\":null}", "{\"data\":\"OK\"}",
		"{\"data\":\"UPID:x\"}", "{\"data\":7}", "{\"data\":{}}" };

	for (size_t i = 0; i < PM_COUNT(bodies); i++) {
		struct guest g;

		begin(&g);
		client_answer(&g.c, "POST", GUEST "/status/start", bodies[i]);
		assert_err(pm_pve_power(g.c.pve, &g.c.job, g.have, PM_START, 0, &g.c.err),
			PM_E_PROTOCOL, &g.c.err, "task");
		assert_true(g.c.err.maybe_sent);
		client_stop(&g.c);
	}
}

PM_TEST(growth_is_absolute_and_may_be_said_twice)
{
	struct guest g;

	begin(&g);
	task_ends(&g, GUEST "/resize", "resize", ENDED("OK"));
	assert_ok(pm_pve_resize(g.c.pve, &g.c.job, g.have, "mp0", 12 * PM_GIB, &g.c.err), &g.c.err);
	assert_string_equal(
		client_body(&g.c, 0, "PUT", GUEST "/resize"), "disk=mp0&size=12G&digest=d1");
	client_stop(&g.c);

	begin(&g);
	client_status(&g.c, "PUT", GUEST "/resize", 500, "disk is already at specified size", "");
	assert_ok(pm_pve_resize(g.c.pve, &g.c.job, g.have, "rootfs", 12 * PM_GIB, &g.c.err),
		&g.c.err);
	client_stop(&g.c);

	begin(&g);
	client_status(&g.c, "PUT", GUEST "/resize", 500, "unable to shrink disk size", "");
	assert_err(pm_pve_resize(g.c.pve, &g.c.job, g.have, "rootfs", PM_GIB, &g.c.err),
		PM_E_INVALID, &g.c.err, "only grow");
	client_stop(&g.c);
}

PM_TEST(moves_to_another_storage)
{
	struct guest g;

	begin(&g);
	task_ends(&g, GUEST "/move_volume", "move_volume", ENDED("OK"));
	assert_ok(pm_pve_move(g.c.pve, &g.c.job, g.have, "mp0", "tank", &g.c.err), &g.c.err);
	assert_string_equal(client_body(&g.c, 0, "POST", GUEST "/move_volume"),
		"volume=mp0&storage=tank&delete=1&digest=d1");
	client_stop(&g.c);

	begin(&g);
	client_status(&g.c, "POST", GUEST "/move_volume", 500,
		"you can't move a volume with snapshots and delete the source", "");
	assert_err(pm_pve_move(g.c.pve, &g.c.job, g.have, "rootfs", "tank", &g.c.err), PM_E_REFUSED,
		&g.c.err, "Delete the snapshots first");
	client_stop(&g.c);
}

PM_TEST(what_forbids_a_move_is_seen_before)
{
	static const struct {
		const char *snapshots, *storage, *says; /* NULL: nothing forbids it */
	} cases[] = {
		{ "[{\"name\":\"current\"}]", "{\"active\":1,\"content\":\"images,rootdir\"}",
			NULL },
		{ "[{\"name\":\"a\"},{\"name\":\"current\"}]", "{\"active\":1}", "has snapshots" },
		{ "[]", "{\"active\":0,\"content\":\"rootdir\"}", "not active" },
		{ "[]", "{\"active\":1,\"content\":\"iso,rootdirs\"}", "no volumes of containers" },
	};

	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		struct guest g;
		int r;

		begin(&g);
		client_answer(&g.c, "GET", GUEST "/snapshot",
			pm_arena_printf(g.c.job.arena, "{\"data\":%s}", cases[i].snapshots));
		client_answer(&g.c, "GET", "/nodes/pve1/storage/tank/status",
			pm_arena_printf(g.c.job.arena, "{\"data\":%s}", cases[i].storage));
		r = pm_pve_may_move(g.c.pve, &g.c.job, g.have, "tank", &g.c.err);
		if (cases[i].says)
			assert_err(r, PM_E_REFUSED, &g.c.err, cases[i].says);
		else
			assert_ok(r, &g.c.err);
		client_stop(&g.c);
	}
}

/* It would be stopped for nothing, or stay stopped. */
PM_TEST(what_the_policy_forbids_of_a_move_is_seen_before)
{
	const char *without_move[] = { "stop", "start" };
	const char *without_start[] = { "stop", "move" };
	const char **const words[] = { without_move, without_start };

	for (size_t i = 0; i < PM_COUNT(words); i++) {
		struct guest g;

		client_prepare(&g.c, "pve1", true);
		g.c.allow = (struct pm_list){ 2, words[i] };
		client_open(&g.c);
		g.have = have_new(&g.c, 210, "{\"key\":\"protection\",\"value\":0}");
		assert_err(pm_pve_may_move(g.c.pve, &g.c.job, g.have, "tank", &g.c.err),
			PM_E_REFUSED, &g.c.err, i == 0 ? "move" : "start");
		assert_int_equal(pm_fake_count(g.c.net, NULL, NULL), 0);
		client_stop(&g.c);
	}
}

PM_TEST(migration)
{
	struct guest g;

	begin(&g);
	task_ends(&g, GUEST "/migrate", "vzmigrate", ENDED("OK"));
	assert_ok(pm_pve_migrate(g.c.pve, &g.c.job, g.have, "pve2", true, &g.c.err), &g.c.err);
	assert_ok(pm_pve_migrate(g.c.pve, &g.c.job, g.have, "pve2", false, &g.c.err), &g.c.err);
	assert_string_equal(
		client_body(&g.c, 0, "POST", GUEST "/migrate"), "target=pve2&restart=1");
	assert_string_equal(client_body(&g.c, 1, "POST", GUEST "/migrate"), "target=pve2");
	client_stop(&g.c);

	begin(&g);
	client_status(&g.c, "POST", GUEST "/migrate", 400, "Parameter verification failed.",
		"{\"errors\":{\"target\":\"target is local node.\"}}");
	assert_ok(pm_pve_migrate(g.c.pve, &g.c.job, g.have, "pve1", false, &g.c.err), &g.c.err);
	client_stop(&g.c);
}

PM_TEST(deletion_leaves_other_disks_alone)
{
	struct guest g;

	begin(&g);
	task_ends(&g, GUEST "[?]destroy-unreferenced-disks=0", "vzdestroy", ENDED("OK"));
	assert_ok(pm_pve_delete(g.c.pve, &g.c.job, g.have, &g.c.err), &g.c.err);
	assert_string_equal(client_body(&g.c, 0, "DELETE", NULL), "");
	client_stop(&g.c);
}

PM_TEST(protection_is_a_write_of_its_own)
{
	struct guest g;

	begin(&g);
	client_answer(&g.c, "PUT", GUEST "/config", "{\"data\":null}");
	assert_ok(pm_pve_protect(g.c.pve, &g.c.job, g.have, false, &g.c.err), &g.c.err);
	assert_ok(pm_pve_protect(g.c.pve, &g.c.job, g.have, true, &g.c.err), &g.c.err);
	assert_string_equal(client_body(&g.c, 0, "PUT", GUEST "/config"), "protection=0&digest=d1");
	assert_string_equal(client_body(&g.c, 1, "PUT", GUEST "/config"), "protection=1&digest=d1");
	client_stop(&g.c);
}

PM_TEST(pools_are_joined_changed_and_left)
{
	struct guest g;

	begin(&g);
	client_answer(&g.c, "PUT", "/pools", "{\"data\":null}");
	assert_ok(pm_pve_pool(g.c.pve, &g.c.job, g.have, "a/b", &g.c.err), &g.c.err);
	assert_ok(pm_pve_pool(g.c.pve, &g.c.job, g.have, NULL, &g.c.err), &g.c.err);
	g.have->live->pool = NULL;
	assert_ok(pm_pve_pool(g.c.pve, &g.c.job, g.have, "x", &g.c.err), &g.c.err);
	assert_ok(pm_pve_pool(g.c.pve, &g.c.job, g.have, NULL, &g.c.err), &g.c.err);
	assert_int_equal(client_count(&g.c, "PUT", "/pools"), 3);
	assert_string_equal(
		client_body(&g.c, 0, "PUT", "/pools"), "poolid=a%2Fb&vms=210&allow-move=1");
	assert_string_equal(client_body(&g.c, 1, "PUT", "/pools"), "poolid=old&vms=210&delete=1");
	assert_string_equal(client_body(&g.c, 2, "PUT", "/pools"), "poolid=x&vms=210");
	client_stop(&g.c);

	begin(&g);
	client_status(&g.c, "PUT", "/pools", 500,
		"update pools failed: VM 210 is already a pool member", "");
	assert_ok(pm_pve_pool(g.c.pve, &g.c.job, g.have, "x", &g.c.err), &g.c.err);
	assert_err(pm_pve_pool(g.c.pve, &g.c.job, g.have, NULL, &g.c.err), PM_E_INVALID, &g.c.err,
		NULL);
	client_stop(&g.c);
}

/* ---- creations ---- */

static struct pm_create creation(struct guest *g)
{
	struct pm_marker *m = pm_new(g->c.arena, struct pm_marker);
	struct pm_obj *want = want_new(&g->c, "shop", "web");

	*m = (struct pm_marker){ .set = "home",
		.kind = "Pod",
		.ns = "shop",
		.name = "web",
		.uid = "0123456789abcdef0123456789abcdef",
		.vmid = 210 };
	put(&g->c, want->spec, PM_G_IMAGE, "local:vztmpl/d.tar.zst");
	return (struct pm_create){ .want = want, .vmid = 210, .node = "pve1", .marker = m };
}

static void set_password(struct guest *g, const struct pm_obj *want, struct pm_secret_ref *ref)
{
	want->spec->val[PM_POD_PASSWORD].state = PM_SET;
	want->spec->val[PM_POD_PASSWORD].u.secret = ref;
	(void)g;
}

PM_TEST(a_creation_names_its_task)
{
	struct pm_secret_ref ref = { PM_SECRET_LITERAL, "s3cret;=pw" };
	struct pm_create cr;
	struct pm_task t;
	struct guest g;

	begin(&g);
	client_answer(&g.c, "POST", "/nodes/pve1/lxc", TASK("vzcreate"));
	cr = creation(&g);
	set_password(&g, cr.want, &ref);
	assert_ok(pm_pve_create(g.c.pve, &g.c.job, &cr, &t, &g.c.err), &g.c.err);
	assert_string_equal(t.upid, UPID("vzcreate"));
	assert_string_equal(t.node, "pve1");
	assert_has(client_body(&g.c, 0, "POST", NULL), "&password=s3cret%3B%3Dpw");
	assert_has(client_body(&g.c, 0, "POST", NULL),
		"vmid=210&ostemplate=local%3Avztmpl%2Fd.tar.zst&");
	client_stop(&g.c);
}

PM_TEST(a_password_file_lies_beside_the_manifest)
{
	const char *dir = pm_test_dir();
	struct pm_secret_ref ref = { PM_SECRET_FILE, "secrets/web.pw" };
	struct pm_create cr;
	struct pm_task t;
	struct guest g;

	(void)pm_test_file(dir, "secrets/web.pw", "from-a-file\n");
	begin(&g);
	client_answer(&g.c, "POST", "/nodes/pve1/lxc", TASK("vzcreate"));
	cr = creation(&g);
	set_password(&g, cr.want, &ref);
	((struct pm_obj *)cr.want)->file = pm_arena_printf(g.c.arena, "%s/web.yaml", dir);
	assert_ok(pm_pve_create(g.c.pve, &g.c.job, &cr, &t, &g.c.err), &g.c.err);
	assert_has(client_body(&g.c, 0, "POST", NULL), "&password=from-a-file");
	/* Without it nothing is sent. */
	ref.text = "secrets/none.pw";
	assert_true(pm_pve_create(g.c.pve, &g.c.job, &cr, &t, &g.c.err) < 0);
	assert_has(g.c.err.msg, "the password of the container");
	assert_false(g.c.err.maybe_sent);
	assert_int_equal(client_count(&g.c, "POST", NULL), 1);
	client_stop(&g.c);
}

PM_TEST(a_creation_whose_answer_is_lost_is_not_repeated)
{
	static const struct {
		enum pm_code fail;
		bool maybe;
		int status;
	} table[] = {
		{ PM_E_UNREACHABLE, true, 0 },
		{ PM_E_TIMEOUT, true, 0 },
		{ PM_OK, true, 596 },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct pm_create cr;
		struct pm_task t = { .node = "untouched" };
		struct guest g;

		begin(&g);
		pm_fake_add(g.c.net, &(struct pm_fake_rule){ .method = "POST",
					     .fail = table[i].fail,
					     .maybe_sent = table[i].maybe,
					     .status = table[i].status,
					     .reason = "Broken pipe",
					     .body = "" });
		cr = creation(&g);
		assert_true(pm_pve_create(g.c.pve, &g.c.job, &cr, &t, &g.c.err) < 0);
		assert_true(g.c.err.maybe_sent);
		assert_int_equal(client_count(&g.c, "POST", NULL), 1);
		assert_string_equal(t.node, "untouched");
		client_stop(&g.c);
	}
}

PM_TEST(updates)
{
	struct pm_update u = { .set = NULL };
	struct pm_obj *want;
	struct guest g;

	begin(&g);
	client_answer(&g.c, "PUT", GUEST "/config", "{\"data\":null}");
	want = want_new(&g.c, "shop", "web");
	u.want = want;
	u.have = g.have;
	assert_ok(pm_pve_update(g.c.pve, &g.c.job, &u, &g.c.err), &g.c.err);
	assert_int_equal(pm_fake_count(g.c.net, NULL, NULL), 0);
	put(&g.c, want->spec, PM_POD_CORES, "2");
	assert_ok(pm_pve_update(g.c.pve, &g.c.job, &u, &g.c.err), &g.c.err);
	assert_string_equal(client_body(&g.c, 0, "PUT", NULL), "cores=2&digest=d1");
	client_stop(&g.c);
}

PM_TEST(addresses_are_those_that_others_can_reach)
{
	const struct pm_list *l;
	struct guest g;

	begin(&g);
	/* As recorded (05), with one of each kind that nobody can use. */
	client_answer(&g.c, "GET", GUEST "/interfaces",
		"{\"data\":[{\"name\":\"lo\",\"inet6\":\"::1/128\",\"ip-addresses\":[{\"ip-address\":"
		"\"127.0.0.1\",\"prefix\":\"8\"},{\"ip-address\":\"::1\"}],\"inet\":\"127.0.0.1/8\"},"
		"{\"ip-addresses\":[],\"name\":\"eth1\"},{\"name\":\"eth0\",\"ip-addresses\":["
		"{\"ip-address\":\"10.9.9.201\"},{\"ip-address\":\"fe80::be24:11ff:fe00:199\"},"
		"{\"ip-address\":\"169.254.1.1\"},{\"ip-address\":\"rubbish\"}],\"inet\":\"10.9.9.201/24\"},"
		"{\"name\":\"eth2\",\"inet\":\"192.168.7.1/24\",\"inet6\":\"fd00::9/64\"},7]}");
	g.have = have_new(&g.c, 210,
		"{\"key\":\"net0\",\"value\":\"name=eth0,ip=dhcp,ip6=auto\"},"
		"{\"key\":\"net1\",\"value\":\"name=eth1,ip=10.0.0.5/24,ip6=fd00::5/64\"}");
	assert_ok(pm_pve_addresses(g.c.pve, &g.c.job, g.have, &l, &g.c.err), &g.c.err);
	assert_int_equal(l->n, 5);
	assert_string_equal(l->v[0], "10.0.0.5");
	assert_string_equal(l->v[1], "fd00::5");
	assert_string_equal(l->v[2], "10.9.9.201");
	assert_string_equal(l->v[3], "192.168.7.1");
	assert_string_equal(l->v[4], "fd00::9");
	client_stop(&g.c);

	begin(&g);
	client_answer(&g.c, "GET", GUEST "/interfaces", "{\"data\":null}");
	assert_ok(pm_pve_addresses(g.c.pve, &g.c.job, g.have, &l, &g.c.err), &g.c.err);
	assert_int_equal(l->n, 0);
	client_stop(&g.c);
}
