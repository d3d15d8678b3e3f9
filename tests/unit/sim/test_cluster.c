/* The cluster around the guests: lagging statistics, dead nodes, quorum, tasks, pools, rights, faults,
 * the control address, the state file, the seeded inventory. */
#include <dirent.h>
#include <sys/stat.h>

#include "sim_test.h"

#define L "/nodes/pve1/lxc"

static void make(struct world *w, unsigned vmid, const char *name)
{
	char body[400];

	(void)snprintf(body, sizeof(body), "%s&vmid=%u&hostname=%s&tags=x", MINIMAL, vmid, name);
	assert_string_equal(run(w, "POST", L, body), "OK");
}

PM_TEST(sim_status_lags)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 100, "first");
	assert_string_equal(pm_json_str(row_of(&w, 100), "status"), "unknown");
	assert_string_equal(pm_json_str(row_of(&w, 100), "tags"), "x");
	forward(&w, 10000);
	assert_string_equal(pm_json_str(row_of(&w, 100), "status"), "stopped");
	assert_string_equal(pm_json_str(row_of(&w, 100), "name"), "first");
	assert_string_equal(run(&w, "POST", L "/100/status/start", ""), "OK");
	assert_string_equal(pm_json_str(row_of(&w, 100), "status"), "stopped");
	assert_string_equal(run(&w, "DELETE", L "/100?force=1", NULL), "OK");
	assert_null(row_of(&w, 100));
	make(&w, 100, "second"); /* the id's former owner is still told of */
	assert_string_equal(pm_json_str(row_of(&w, 100), "name"), "first");
	forward(&w, 10000);
	assert_string_equal(pm_json_str(row_of(&w, 100), "name"), "second");
	world_close(&w);
}

/* The cluster's list is short for each node by itself. */
PM_TEST(sim_tasks_of_the_cluster)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .nodes = 2 });
	assert_string_equal(run(&w, "POST", "/nodes/pve2/lxc", MINIMAL "&vmid=200"), "OK");
	for (unsigned vmid = 100; vmid < 130; vmid++)
		make(&w, vmid, "x");
	assert_int_equal(json_object_array_length(
				 pm_json_get(ask(&w, "GET", "/cluster/tasks", NULL)->json, "data")),
		26);
	world_close(&w);
}

PM_TEST(sim_resources_are_fresh)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 100, "a");
	assert_non_null(row_of(&w, 100));
	assert_int_equal(ask(&w, "PUT", L "/100/config", "tags=y")->status, 200);
	assert_string_equal(pm_json_str(row_of(&w, 100), "tags"), "y");
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	assert_int_equal(ask(&w, "PUT", "/pools/p", "vms=100")->status, 200);
	assert_string_equal(pm_json_str(row_of(&w, 100), "pool"), "p");
	world_close(&w);
}

PM_TEST(sim_dead_node)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ .nodes = 3, .no_401_delay = true });
	assert_string_equal(control(&w, "node-off pve3"), "ok");
	a = ask(&w, "GET", "/nodes/pve3/lxc", NULL);
	assert_int_equal(a->status, 595);
	assert_string_equal(a->text, "");
	assert_has(ask(&w, "GET", "/cluster/status", NULL)->text, "\"quorate\":1");
	assert_string_equal(control(&w, "node-off pve2"), "ok");
	assert_has(ask(&w, "GET", "/cluster/status", NULL)->text, "\"quorate\":0");
	a = ask(&w, "POST", L, MINIMAL "&vmid=100");
	assert_string_equal(a->reason, "cluster not ready - no quorum?");
	a = ask(&w, "POST", "/pools", "poolid=p");
	assert_string_equal(
		a->reason, "create pool failed: cfs-lock 'file-user_cfg' error: no quorum!");
	assert_string_equal(control(&w, "node-on pve2"), "ok");
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	assert_string_equal(control(&w, "node-off pve9"), "error: no such node");
	world_close(&w);
}

PM_TEST(sim_hung_daemon)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(control(&w, "daemon-stop"), "ok");
	a = ask(&w, "GET", "/nodes/pve1/storage", NULL);
	assert_int_equal(a->status, 596);
	assert_int_equal(a->took_ns, 30 * PM_S_NS);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	assert_string_equal(control(&w, "daemon-continue"), "ok");
	assert_int_equal(ask(&w, "GET", "/nodes/pve1/storage", NULL)->status, 200);
	world_close(&w);
}

PM_TEST(sim_tasks)
{
	struct world w;
	const struct answer *a;
	char path[300], upid[200];

	world_open(&w, (struct pm_sim_options){ .task_ms = 5000 });
	a = ask(&w, "POST", L, MINIMAL "&vmid=100");
	(void)snprintf(upid, sizeof(upid), "%s", whole(a));
	(void)snprintf(path, sizeof(path), "/nodes/pve1/tasks/%s/status", upid);
	a = ask(&w, "GET", path, NULL);
	assert_string_equal(data(a, "status"), "running");
	assert_string_equal(data(a, "exitstatus"), "");
	a = ask(&w, "GET", "/nodes/pve1/tasks?source=active", NULL);
	assert_has(a->text, "\"status\":\"RUNNING\"");
	assert_null(strstr(ask(&w, "GET", "/nodes/pve1/tasks", NULL)->text, "vzcreate"));
	forward(&w, 5000);
	assert_string_equal(data(ask(&w, "GET", path, NULL), "exitstatus"), "OK");
	assert_has(ask(&w, "GET", "/nodes/pve1/tasks?vmid=100", NULL)->text, "vzcreate");
	assert_null(strstr(ask(&w, "GET", "/nodes/pve1/tasks?errors=1", NULL)->text, "vzcreate"));
	a = ask(&w, "GET",
		"/nodes/pve1/tasks/UPID:pve1:00000001:00000001:6B000001:vzstart:1:root@pam:/status",
		NULL);
	assert_int_equal(a->status, 400);
	assert_string_equal(error_of(a, "upid"), "no such task");
	world_close(&w);
}

PM_TEST(sim_cancelled_create_leaves_nothing)
{
	struct world w;
	char path[300];

	world_open(&w, (struct pm_sim_options){ .task_ms = 5000 });
	(void)snprintf(path, sizeof(path), "/nodes/pve1/tasks/%s",
		whole(ask(&w, "POST", L, MINIMAL "&vmid=100")));
	assert_int_equal(ask(&w, "DELETE", path, NULL)->status, 200);
	assert_null(row_of(&w, 100));
	(void)snprintf(path + strlen(path), sizeof(path) - strlen(path), "/status");
	assert_string_equal(data(ask(&w, "GET", path, NULL), "exitstatus"), "unexpected status");
	world_close(&w);
}

/* Starts of one guest wait for each other; none is lost. */
PM_TEST(sim_tasks_wait_for_the_lock)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ .task_ms = 2000 });
	make(&w, 100, "a");
	(void)ask(&w, "POST", L "/100/status/start", "");
	(void)ask(&w, "POST", L "/100/status/start", "");
	forward(&w, 2500);
	a = ask(&w, "GET", "/nodes/pve1/tasks?typefilter=vzstart", NULL);
	assert_int_equal(pm_json_int(a->json, "total", 0), 1);
	forward(&w, 2500);
	a = ask(&w, "GET", "/nodes/pve1/tasks?typefilter=vzstart", NULL);
	assert_int_equal(pm_json_int(a->json, "total", 0), 2);
	world_close(&w);
}

PM_TEST(sim_rights)
{
	struct world w;
	const struct answer *a;
	char token[300];

	world_open(&w, (struct pm_sim_options){ .no_401_delay = true });
	make(&w, 100, "a");
	make(&w, 101, "b");
	a = ask(&w, "POST", "/access/users/root@pam/token/ci", "");
	(void)snprintf(token, sizeof(token), "PVEAPIToken=root@pam!ci=%s", data(a, "value"));
	a = ask_as(&w, token, "GET", "/cluster/resources?type=vm", NULL);
	assert_string_equal(whole(a), "[ ]");
	a = ask_as(&w, token, "GET", L "/100/config", NULL);
	assert_string_equal(a->reason, "Permission check failed (/vms/100, VM.Audit)");
	assert_int_equal(ask(&w, "PUT", "/access/acl",
				 "path=%2Fvms%2F100&roles=PVEVMAdmin&tokens=root%40pam%21ci")
				 ->status,
		200);
	assert_int_equal(ask_as(&w, token, "GET", L "/100/config", NULL)->status, 200);
	assert_int_equal(ask_as(&w, token, "PUT", L "/100/config", "cores=2")->status, 200);
	a = ask_as(&w, token, "PUT", L "/100/config", "features=fuse%3D1");
	assert_has(
		a->reason, "changing feature flags (except nesting) is only allowed for root@pam");
	a = ask_as(&w, token, "PUT", L "/100/config", "mp0=%2Fsrv%2Cmp%3D%2Fs");
	assert_has(a->reason, "mount point type bind is only allowed for root@pam");
	a = ask_as(&w, token, "PUT", L "/100/config", "net0=name%3Deth0%2Cbridge%3Dvmbr0");
	assert_has(a->reason, "(/sdn/zones/localnetwork/vmbr0, SDN.Use)");
	assert_int_equal(ask_as(&w, token, "GET", L "/101/config", NULL)->status, 403);
	world_close(&w);
}

/* A pool's rights are those of its members; the deeper path wins. */
PM_TEST(sim_rights_of_a_pool)
{
	struct world w;
	char token[300];
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ .no_401_delay = true });
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	a = ask(&w, "POST", "/access/users/root@pam/token/ci", "");
	(void)snprintf(token, sizeof(token), "PVEAPIToken=root@pam!ci=%s", data(a, "value"));
	assert_int_equal(
		ask(&w, "PUT", "/access/acl",
			"path=%2Fpool%2Fp&roles=PVEVMAdmin,PVEDatastoreUser&tokens=root%40pam%21ci")
			->status,
		200);
	assert_int_equal(ask(&w, "PUT", "/pools/p", "storage=local")->status, 200);
	a = ask_as(&w, token, "POST", L, MINIMAL "&vmid=100");
	assert_string_equal(a->reason, "Permission check failed");
	a = ask_as(&w, token, "POST", L, MINIMAL "&vmid=100&pool=p&tags=x");
	assert_string_equal(a->reason, "Permission check failed (/vms/100, VM.Config.Options)");
	a = ask_as(&w, token, "POST", L, MINIMAL "&vmid=100&pool=p&description=d");
	assert_int_equal(a->status, 200);
	assert_int_equal(ask_as(&w, token, "GET", L "/100/config", NULL)->status, 403);
	forward(&w, 1000);
	assert_int_equal(ask_as(&w, token, "GET", L "/100/config", NULL)->status, 200);
	world_close(&w);
}

/* ---- faults ---- */

PM_TEST(sim_faults)
{
	static const char *const rules[] = { "POST /pools:500:1", "PUT /pools/*:lost",
		"DELETE /pools/*:refused@2", "GET /cluster/nextid:596", "GET /pools:cut:1",
		"GET /version:timeout:1" };
	struct world w;

	world_open(&w, (struct pm_sim_options){ .fail = rules, .nfail = PM_COUNT(rules) });
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 500);
	assert_int_equal(ask(&w, "GET", "/pools/p", NULL)->status, 500); /* nothing was done */
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	assert_int_equal(ask(&w, "PUT", "/pools/p", "comment=c")->fault, PM_SIM_LOST);
	assert_string_equal(data(ask(&w, "GET", "/pools/p", NULL), "comment"), "c"); /* it was */
	assert_int_equal(ask(&w, "DELETE", "/pools/p", NULL)->status, 200);
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	assert_int_equal(ask(&w, "DELETE", "/pools/p", NULL)->fault, PM_SIM_REFUSED);
	assert_int_equal(ask(&w, "GET", "/pools/p", NULL)->status, 200);
	assert_int_equal(ask(&w, "GET", "/cluster/nextid", NULL)->status, 596);
	assert_int_equal(ask(&w, "GET", "/pools", NULL)->fault, PM_SIM_CUT);
	assert_int_equal(ask(&w, "GET", "/pools", NULL)->fault, PM_SIM_ANSWER);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->fault, PM_SIM_TIMEOUT);
	world_close(&w);
}

PM_TEST(sim_fault_rules_are_checked)
{
	static const char *const bad[] = { "", "POST", "POST /x", "POST x:500", "POST /x:odd",
		"POST /x:99", "POST /x:500:0", "POST /x:500:x" };
	struct pm_sim *s;
	struct pm_error err;

	for (size_t i = 0; i < PM_COUNT(bad); i++) {
		struct pm_sim_options o = { .fail = &bad[i], .nfail = 1, .seed = 1 };

		assert_err(pm_sim_new(&s, &o, &err), PM_E_USAGE, &err, "--fail");
	}
}

/* ---- control, state, seed ---- */

PM_TEST(sim_control)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .nodes = 2 });
	make(&w, 100, "a");
	assert_string_equal(control(&w, "set 100 memory=777\n"), "ok");
	assert_string_equal(data(ask(&w, "GET", L "/100/config", NULL), "memory"), "777");
	assert_string_equal(control(&w, "set 100 description=two words"), "ok");
	assert_string_equal(
		data(ask(&w, "GET", L "/100/config", NULL), "description"), "two words\n");
	assert_string_equal(control(&w, "get 100 memory"), "777");
	assert_string_equal(control(&w, "set 100 status=running"), "ok");
	assert_string_equal(
		data(ask(&w, "GET", L "/100/status/current", NULL), "status"), "running");
	assert_string_equal(control(&w, "move 100 pve2"), "ok");
	assert_int_equal(ask(&w, "GET", "/nodes/pve2/lxc/100/config", NULL)->status, 200);
	assert_string_equal(control(&w, "guests"), "100");
	assert_string_equal(control(&w, "delete 100"), "ok");
	assert_null(row_of(&w, 100));
	assert_has(control(&w, "delete 100"), "error: ");
	assert_has(control(&w, "nonsense"), "error: ");
	assert_string_equal(control(&w, "fail GET /version:500:1"), "ok");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 500);
	assert_has(control(&w, "help"), "hold-lock VMID SECONDS");
	world_close(&w);
}

PM_TEST(sim_reset)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 100, "a");
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	(void)ask(&w, "POST", L "/100/status/start", ""); /* a task on its way */
	assert_string_equal(control(&w, "reset"), "ok");
	assert_null(row_of(&w, 100));
	assert_string_equal(whole(ask(&w, "GET", "/pools", NULL)), "[ ]");
	assert_has(ask(&w, "GET", "/storage", NULL)->text, "\"local\"");
	assert_null(strstr(ask(&w, "GET", "/storage", NULL)->text, "local-lvm"));
	forward(&w, 5000);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	world_close(&w);
}

PM_TEST(sim_state_file)
{
	char path[300], before[41];
	struct pm_error err;
	struct world w;

	(void)snprintf(path, sizeof(path), "%s/state.json", pm_test_dir());
	world_open(&w, (struct pm_sim_options){ .state = path });
	make(&w, 100, "kept");
	assert_int_equal(ask(&w, "PUT", L "/100/config", "env=A%3D1%00B%3D2")->status, 200);
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p&comment=c")->status, 200);
	assert_int_equal(ask(&w, "PUT", "/pools/p", "vms=100")->status, 200);
	assert_string_equal(run(&w, "POST", L "/100/status/start", ""), "OK");
	(void)snprintf(before, sizeof(before), "%s", pending(&w, 100, "digest", "value"));
	assert_int_equal(
		ask(&w, "POST", "/access/users", "userid=u%40pve&password=12345678")->status, 200);
	assert_int_equal(
		ask(&w, "PUT", "/access/acl", "path=%2Fvms%2F100&roles=PVEAuditor&users=u%40pve")
			->status,
		200);
	assert_ok(pm_sim_save(w.sim, &err), &err);
	world_close(&w);
	world_open(&w, (struct pm_sim_options){ .state = path });
	assert_string_equal(pending(&w, 100, "digest", "value"), before);
	assert_string_equal(pm_json_str(row_of(&w, 100), "pool"), "p");
	assert_string_equal(
		data(ask(&w, "GET", L "/100/status/current", NULL), "status"), "running");
	assert_has(ask(&w, "GET", "/nodes/pve1/storage/local/content", NULL)->text,
		"vm-100-disk-0.raw");
	assert_has(ask(&w, "GET", "/access/acl", NULL)->text, "\"PVEAuditor\"");
	assert_int_equal(
		ask_as(&w, "", "POST", "/access/ticket", "username=u%40pve&password=12345678")
			->status,
		200);
	world_close(&w);
}

PM_TEST(sim_state_file_that_is_none)
{
	const char *path = pm_test_file(pm_test_dir(), "state", "[1, 2]");
	struct pm_sim_options o = { .state = path, .seed = 1 };
	struct pm_error err;
	struct pm_sim *s;

	assert_err(pm_sim_new(&s, &o, &err), PM_E_INPUT, &err, "no state file");
	path = pm_test_file(pm_test_dir(), "state", "{");
	o.state = path;
	assert_err(pm_sim_new(&s, &o, &err), PM_E_INPUT, &err, "the state file");
	path = pm_test_file(pm_test_dir(), "state", "{\"version\":1,\"guests\":[{\"vmid\":5}]}");
	o.state = path;
	assert_err(pm_sim_new(&s, &o, &err), PM_E_INPUT, &err, "guest 5");
}

PM_TEST(sim_seed)
{
	const char *dir = pm_test_dir();
	char first[41], path[300];
	struct stat st;
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){
			       .nodes = 3, .seed_guests = 50, .seed = 7, .seed_manifests = dir });
	a = ask(&w, "GET", L "/1000/config", NULL);
	assert_has(data(a, "tags"), "podmox;podmox-");
	assert_has(data(a, "description"),
		"\n<!-- podmox: {\"v\":1,\"set\":\"sim\",\"kind\":\"Pod\",");
	assert_has(data(a, "description"), "\"vmid\":1000,");
	(void)snprintf(first, sizeof(first), "%s", data(a, "digest"));
	assert_string_equal(pm_json_str(row_of(&w, 1000), "status"), "running");
	assert_int_equal(ask(&w, "GET", "/nodes/pve2/lxc/1001/config", NULL)->status, 200);
	(void)snprintf(path, sizeof(path), "%s/team-06/db-00049.yaml", dir);
	assert_int_equal(stat(path, &st), 0);
	world_close(&w);
	world_open(&w, (struct pm_sim_options){ .nodes = 3, .seed_guests = 50, .seed = 7 });
	assert_string_equal(data(ask(&w, "GET", L "/1000/config", NULL), "digest"), first);
	world_close(&w);
}
