/* Backups: made, kept, restored; jobs. And actions on many guests. */
#include "sim_test.h"

static void guests(struct world *w, unsigned n)
{
	char body[300];

	world_open(w, (struct pm_sim_options){ .nodes = 2 });
	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(body, sizeof(body), "vmid=%u&hostname=h%u&%s", 100 + i, i, MINIMAL);
		assert_string_equal(run(w, "POST", "/nodes/pve1/lxc", body), "OK");
	}
}

static size_t backups(struct world *w, struct json_object **newest)
{
	struct json_object *d = pm_json_get(
		ask(w, "GET", "/nodes/pve1/storage/local/content?content=backup", NULL)->json,
		"data");
	size_t n = json_object_array_length(d);

	if (newest)
		*newest = n ? json_object_array_get_idx(d, n - 1) : NULL;
	return n;
}

PM_TEST(sim_backup)
{
	struct world w;
	struct json_object *row;
	const struct answer *a;
	char volid[200], path[300], body[400];

	guests(&w, 2);
	assert_string_equal(
		run(&w, "POST", "/nodes/pve1/vzdump",
			"vmid=100&compress=zstd&notes-template=%7B%7Bguestname%7D%7D+%7B%7Bvmid%7D%7D"),
		"OK");
	assert_int_equal(backups(&w, &row), 1);
	assert_string_equal(pm_json_str(row, "notes"), "h0 100");
	assert_string_equal(pm_json_str(row, "subtype"), "lxc");
	assert_string_equal(pm_json_str(row, "format"), "tar.zst");
	assert_int_equal(pm_json_int(row, "vmid", 0), 100);
	(void)snprintf(volid, sizeof(volid), "%s", pm_json_str(row, "volid"));
	(void)snprintf(path, sizeof(path), "/nodes/pve1/vzdump/extractconfig?volume=%s", volid);
	assert_has(whole(ask(&w, "GET", path, NULL)), "hostname: h0\n");
	(void)snprintf(path, sizeof(path), "/nodes/pve1/storage/local/content/%s", volid);
	assert_int_equal(ask(&w, "PUT", path, "protected=1")->status, 200);
	assert_has(run(&w, "DELETE", path, NULL), "cannot remove protected volume");
	(void)snprintf(
		body, sizeof(body), "vmid=160&restore=1&ostemplate=%s&hostname=again", volid);
	assert_string_equal(run(&w, "POST", "/nodes/pve1/lxc", body), "OK");
	a = ask(&w, "GET", "/nodes/pve1/lxc/160/config", NULL);
	assert_string_equal(data(a, "hostname"), "again");
	assert_has(data(a, "rootfs"), "local:160/vm-160-disk-0.raw,size=1G");
	assert_string_equal(data(a, "lock"), "");
	assert_int_equal(ask(&w, "POST", "/nodes/pve1/lxc", body)->status, 500);
	(void)snprintf(body, sizeof(body), "vmid=160&restore=1&force=1&ostemplate=%s", volid);
	assert_string_equal(run(&w, "POST", "/nodes/pve1/lxc", body), "OK");
	a = ask(&w, "GET", "/nodes/pve1/lxc/160/config", NULL);
	assert_string_equal(data(a, "hostname"), "h0");
	assert_has(data(a, "rootfs"), "disk-1.raw");
	a = ask(&w, "GET", "/nodes/pve1/storage/local/content?vmid=160", NULL);
	assert_null(strstr(a->text, "disk-0.raw"));
	assert_string_equal(
		run(&w, "POST", "/nodes/pve1/lxc",
			"vmid=161&restore=1&ostemplate=local%3Abackup%2Fvzdump-lxc-9-x.tar"),
		"unable to restore CT 161 - volume 'local:backup/vzdump-lxc-9-x.tar' does not exist");
	assert_int_equal(ask(&w, "GET", "/nodes/pve1/lxc/161/config", NULL)->status, 500);
	world_close(&w);
}

/* The guest is locked while it is backed up, and one that is locked fails the job alone. */
PM_TEST(sim_backup_locks)
{
	struct world w;

	guests(&w, 3);
	control(&w, "set 101 lock=migrate");
	assert_int_equal(
		ask(&w, "POST", "/nodes/pve1/vzdump", "vmid=100%2C101%2C102&mode=stop")->status,
		200);
	assert_string_equal(control(&w, "get 100 lock"), "backup");
	assert_string_equal(control(&w, "get 102 lock"), "");
	forward(&w, 10000);
	assert_string_equal(control(&w, "get 100 lock"), "");
	assert_string_equal(control(&w, "get 102 lock"), "");
	assert_string_equal(control(&w, "get 101 lock"), "migrate");
	assert_int_equal(backups(&w, NULL), 2);
	assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=101"), "job errors");
	assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=999"), "job errors");
	assert_has(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=100&storage=local-lvm"),
		"wrong content type");
	assert_string_equal(
		error_of(ask(&w, "POST", "/nodes/pve1/vzdump", "storage=local"), "vmid"),
		"property is missing");
	world_close(&w);
}

PM_TEST(sim_backup_cancelled)
{
	struct world w;
	char upid[200], path[300];

	guests(&w, 1);
	(void)snprintf(
		upid, sizeof(upid), "%s", whole(ask(&w, "POST", "/nodes/pve1/vzdump", "vmid=100")));
	assert_string_equal(control(&w, "get 100 lock"), "backup");
	(void)snprintf(path, sizeof(path), "/nodes/pve1/tasks/%s", upid);
	assert_int_equal(ask(&w, "DELETE", path, NULL)->status, 200);
	assert_string_equal(control(&w, "get 100 lock"), "");
	assert_int_equal(backups(&w, NULL), 0);
	world_close(&w);
}

/* Six backups on three days: two of the last, then one of each of two more days. */
PM_TEST(sim_prune)
{
	struct world w;
	struct json_object *d;
	unsigned keep = 0;

	guests(&w, 2);
	control(&w, "ticket-life 864000");
	for (int i = 0; i < 6; i++) {
		assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=100"), "OK");
		forward(&w, (uint64_t)12 * 3600 * 1000);
	}
	assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=101"), "OK");
	assert_int_equal(backups(&w, NULL), 7);
	d = pm_json_get(
		ask(&w, "GET",
			"/nodes/pve1/storage/local/prunebackups?vmid=100&prune-backups=keep-last%3D2%2Ckeep-daily%3D1",
			NULL)
			->json,
		"data");
	assert_int_equal(json_object_array_length(d), 6);
	for (size_t i = 0; i < 6; i++)
		keep += !strcmp(pm_json_str(json_object_array_get_idx(d, i), "mark"), "keep");
	assert_int_equal(keep, 3);
	assert_string_equal(
		run(&w, "DELETE",
			"/nodes/pve1/storage/local/prunebackups?vmid=100&prune-backups=keep-last%3D2%2Ckeep-daily%3D1",
			NULL),
		"OK");
	assert_int_equal(backups(&w, NULL), 4);
	assert_string_equal(
		run(&w, "POST", "/nodes/pve1/vzdump", "vmid=100&prune-backups=keep-last%3D1"),
		"OK");
	assert_int_equal(backups(&w, NULL), 2);
	world_close(&w);
}

PM_TEST(sim_backup_jobs)
{
	struct world w;
	struct json_object *row;
	const struct answer *a;

	guests(&w, 2);
	assert_int_equal(
		ask(&w, "POST", "/cluster/backup", "id=j&schedule=21%3A30&vmid=100")->status, 200);
	a = ask(&w, "GET", "/cluster/backup", NULL);
	row = json_object_array_get_idx(pm_json_get(a->json, "data"), 0);
	assert_int_equal(pm_json_int(row, "next-run", 0) % 86400, 77400);
	assert_true(pm_json_int(row, "next-run", 0) > pm_sim_node_wall_ms(w.sim, 0) / 1000);
	a = ask(&w, "GET", "/cluster/backup-info/not-backed-up", NULL);
	assert_null(strstr(a->text, "\"vmid\":100"));
	assert_has(a->text, "\"vmid\":101");
	assert_int_equal(ask(&w, "PUT", "/cluster/backup/j", "all=1&delete=vmid")->status, 200);
	assert_string_equal(
		whole(ask(&w, "GET", "/cluster/backup-info/not-backed-up", NULL)), "[ ]");
	assert_int_equal(ask(&w, "DELETE", "/cluster/backup/j", NULL)->status, 200);
	assert_int_equal(ask(&w, "GET", "/cluster/backup/j", NULL)->status, 400);
	world_close(&w);
}

/* ---- many at once ---- */

PM_TEST(sim_bulk)
{
	struct world w;

	guests(&w, 3);
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/start", "vms=100&vms=102"), "OK");
	assert_has(control(&w, "get 100"), "running");
	assert_has(control(&w, "get 101"), "stopped");
	assert_string_equal(run(&w, "POST", "/cluster/bulk-action/guest/start", "vms=100&vms=101"),
		"Some guests failed to start: 100");
	assert_has(control(&w, "get 101"), "running");
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/suspend", "vms=100"), "WARNINGS: 1");
	assert_string_equal(run(&w, "POST", "/cluster/bulk-action/guest/migrate",
				    "vms=100&vms=101&target=pve2"),
		"OK");
	assert_has(control(&w, "get 100"), "pve2 running");
	assert_string_equal(run(&w, "POST", "/nodes/pve1/stopall", NULL), "OK");
	assert_has(control(&w, "get 102"), "stopped");
	assert_has(control(&w, "get 100"), "running");
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/shutdown", "vms=100&timeout=5"), "OK");
	assert_has(control(&w, "get 100"), "stopped");
	world_close(&w);
}

/* The task waits for those it started, and its user's rights are those that count. */
PM_TEST(sim_bulk_waits_and_asks)
{
	struct world w;
	const struct answer *a;
	char upid[200], path[300], token[200];

	guests(&w, 1);
	assert_int_equal(
		ask(&w, "PUT", "/nodes/pve1/lxc/100/config", "entrypoint=sleep+9")->status, 200);
	assert_string_equal(run(&w, "POST", "/nodes/pve1/lxc/100/status/start", NULL), "OK");
	(void)snprintf(upid, sizeof(upid), "%s",
		whole(ask(&w, "POST", "/nodes/pve1/stopall", "timeout=20")));
	(void)snprintf(path, sizeof(path), "/nodes/pve1/tasks/%s/status", upid);
	forward(&w, 10000);
	assert_string_equal(data(ask(&w, "GET", path, NULL), "status"), "running");
	forward(&w, 15000);
	a = ask(&w, "GET", path, NULL);
	assert_string_equal(data(a, "status"), "stopped");
	control(&w, "token-role root@pam!full PVEAuditor");
	(void)snprintf(
		token, sizeof(token), "PVEAPIToken=root@pam!full=%s", pm_sim_token_secret(w.sim));
	a = ask_as(&w, token, "POST", "/cluster/bulk-action/guest/start", "vms=100");
	assert_int_equal(a->status, 403);
	assert_string_equal(a->reason, "Permission check failed (/vms/100, VM.PowerMgmt)");
	world_close(&w);
}

PM_TEST(sim_execute)
{
	struct world w;
	const struct answer *a;
	struct json_object *d;

	guests(&w, 1);
	a = ask(&w, "POST", "/nodes/pve1/execute",
		"commands=%5B%7B%22method%22%3A%22GET%22%2C%22path%22%3A%22version%22%7D%2C%7B%22method%22%3A%22PUT%22%2C"
		"%22path%22%3A%22lxc/100/config%22%2C%22args%22%3A%7B%22hostname%22%3A%22other%22%7D%7D%5D");
	d = pm_json_get(a->json, "data");
	assert_int_equal(json_object_array_length(d), 2);
	assert_int_equal(pm_json_int(json_object_array_get_idx(d, 1), "status", 0), 200);
	assert_string_equal(control(&w, "get 100 hostname"), "other");
	control(&w, "hold-lock 100 60");
	a = ask(&w, "POST", "/nodes/pve1/execute",
		"commands=%5B%7B%22method%22%3A%22PUT%22%2C%22path%22%3A%22lxc/100/config%22%2C%22args%22%3A%7B%22hostname%22"
		"%3A%22third%22%7D%7D%5D");
	d = json_object_array_get_idx(pm_json_get(a->json, "data"), 0);
	assert_int_equal(pm_json_int(d, "status", 0), 500);
	assert_has(pm_json_str(d, "message"), "got timeout");
	assert_string_equal(control(&w, "get 100 hostname"), "other");
	a = ask(&w, "POST", "/nodes/pve1/execute", "commands=no");
	assert_has(error_of(a, "commands"), "JSON");
	world_close(&w);
}

/* A rule does not keep what falls into a period that an earlier rule covers. */
PM_TEST(sim_prune_covered)
{
	struct world w;

	guests(&w, 1);
	for (int i = 0; i < 3; i++) {
		assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=100"), "OK");
		forward(&w, 60 * 1000);
	}
	assert_int_equal(backups(&w, NULL), 3);
	assert_string_equal(
		run(&w, "DELETE",
			"/nodes/pve1/storage/local/prunebackups?prune-backups=keep-last%3D1%2Ckeep-weekly%3D1",
			NULL),
		"OK");
	assert_int_equal(backups(&w, NULL), 1);
	world_close(&w);
}
