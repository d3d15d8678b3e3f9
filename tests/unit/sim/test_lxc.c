/* Containers: what a create leaves, what a change does at once and what later, power, volumes. */
#include "sim_test.h"

#define L "/nodes/pve1/lxc"

static void make(struct world *w, unsigned vmid, const char *more)
{
	char body[600];

	(void)snprintf(body, sizeof(body), "%s&vmid=%u&unprivileged=1%s%s", MINIMAL, vmid,
		*more ? "&" : "", more);
	assert_string_equal(run(w, "POST", L, body), "OK");
}

PM_TEST(sim_create_claims_at_once)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "POST", L, MINIMAL "&vmid=100&hostname=web");
	assert_has(whole(a), "vzcreate:100:root@pam:");
	a = ask(&w, "GET", L "/100/config", NULL);
	assert_string_equal(data(a, "lock"), "create");
	assert_string_equal(data(a, "hostname"), "");
	a = ask(&w, "POST", L, MINIMAL "&vmid=100");
	assert_int_equal(a->status, 500);
	assert_string_equal(
		a->reason, "unable to create CT 100 - CT 100 already exists on node 'pve1'");
	forward(&w, 300);
	a = ask(&w, "GET", L "/100/config", NULL);
	assert_string_equal(data(a, "lock"), "");
	assert_string_equal(data(a, "hostname"), "web");
	a = ask(&w, "POST", L, MINIMAL "&vmid=100");
	assert_string_equal(a->reason, "CT 100 already exists on node 'pve1'");
	world_close(&w);
}

PM_TEST(sim_create_fills_in)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(
		run(&w, "POST", L,
			"vmid=101&ostemplate=local%3Avztmpl%2Fdebian-12-standard_12.7-1_amd64.tar.zst"
			"&rootfs=local-lvm%3A2&mp0=local%3A1.5%2Cmp%3D%2Fsrv%2Cbackup%3D1"
			"&net0=name%3Deth0%2Cbridge%3Dvmbr0%2Cip%3Ddhcp&tags=B%3Ba%2Cb"
			"&description=x%0Ay&nameserver=1.1.1.1%2C8.8.8.8"),
		"OK");
	a = ask(&w, "GET", L "/101/config", NULL);
	assert_string_equal(data(a, "rootfs"), "local-lvm:vm-101-disk-0,size=2G");
	assert_string_equal(
		data(a, "mp0"), "local:101/vm-101-disk-0.raw,mp=/srv,backup=1,size=1536M");
	assert_has(data(a, "net0"), "name=eth0,bridge=vmbr0,hwaddr=BC:24:11:");
	assert_has(data(a, "net0"), ",ip=dhcp,type=veth");
	assert_string_equal(data(a, "tags"), "a;b");
	assert_string_equal(data(a, "description"), "x\ny\n");
	assert_string_equal(data(a, "nameserver"), "1.1.1.1 8.8.8.8");
	assert_string_equal(data(a, "hostname"), "CT101");
	assert_string_equal(data(a, "unprivileged"), "1");
	assert_string_equal(data(a, "memory"), "512");
	world_close(&w);
}

PM_TEST(sim_failed_create_leaves_nothing)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(
		run(&w, "POST", L,
			"vmid=102&ostemplate=local%3Avztmpl%2Fnone.tar.zst&rootfs=local%3A1"),
		"unable to create CT 102 - volume 'local:vztmpl/none.tar.zst' does not exist");
	assert_int_equal(ask(&w, "GET", L "/102/config", NULL)->status, 500);
	assert_null(
		strstr(ask(&w, "GET", "/nodes/pve1/storage/local/content", NULL)->text, "vm-102"));
	world_close(&w);
}

PM_TEST(sim_create_with_pool_and_start)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	(void)ask(&w, "POST", L, MINIMAL "&vmid=103&pool=p&start=1");
	assert_null(pm_json_get(row_of(&w, 103), "pool")); /* joined at the very end */
	forward(&w, 250);
	assert_string_equal(pm_json_str(row_of(&w, 103), "pool"), "p");
	assert_string_equal(
		data(ask(&w, "GET", L "/103/status/current", NULL), "status"), "stopped");
	forward(&w, 250);
	assert_string_equal(
		data(ask(&w, "GET", L "/103/status/current", NULL), "status"), "running");
	world_close(&w);
}

PM_TEST(sim_oci_overwrites)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(
		run(&w, "POST", L,
			"vmid=104&ostemplate=local%3Avztmpl%2Fdemo-oci_1.0.tar&rootfs=local%3A1"
			"&env=MINE%3D1&entrypoint=%2Fmine"),
		"OK");
	a = ask(&w, "GET", L "/104/config", NULL);
	assert_string_equal(data(a, "entrypoint"), "/bin/sleep 10000");
	assert_string_equal(data(a, "cmode"), "console");
	assert_has(a->text, "\"env\":\"PATH=/bin:/sbin\\u0000APP=demo\"");
	assert_has(a->text, "[\"lxc.init.cwd\",\"/root\"]");
	assert_int_equal(ask(&w, "PUT", L "/104/config", "env=A%3D1%00B%3D2")->status, 200);
	assert_has(ask(&w, "GET", L "/104/config", NULL)->text, "\"env\":\"A=1\\u0000B=2\"");
	world_close(&w);
}

PM_TEST(sim_digest)
{
	struct world w;
	char first[41], body[200];
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 110, "");
	(void)snprintf(
		first, sizeof(first), "%s", data(ask(&w, "GET", L "/110/config", NULL), "digest"));
	assert_int_equal(strlen(first), 40);
	(void)snprintf(body, sizeof(body), "memory=600&digest=%s", first);
	assert_int_equal(ask(&w, "PUT", L "/110/config", body)->status, 200);
	a = ask(&w, "PUT", L "/110/config", body);
	assert_int_equal(a->status, 500);
	assert_string_equal(a->reason,
		"detected modified configuration - file changed by other user? Try again.");
	assert_int_equal(ask(&w, "PUT", L "/110/config", "memory=512")->status, 200);
	assert_string_equal(data(ask(&w, "GET", L "/110/config", NULL), "digest"), first);
	assert_string_equal(pending(&w, 110, "digest", "value"), first);
	a = ask(&w, "PUT", L "/110/config", "digest=abc");
	assert_string_equal(a->reason, "no options specified");
	world_close(&w);
}

PM_TEST(sim_pending)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 111, "cores=1&mp0=local%3A1%2Cmp%3D%2Fa&start=1");
	forward(&w, 1000);
	assert_int_equal(
		ask(&w, "PUT", L "/111/config", "cores=2&tty=3&features=nesting%3D1&delete=mp0")
			->status,
		200);
	assert_string_equal(pending(&w, 111, "cores", "value"), "2");
	assert_string_equal(pending(&w, 111, "tty", "pending"), "3");
	assert_string_equal(pending(&w, 111, "tty", "value"), "");
	assert_string_equal(pending(&w, 111, "mp0", "delete"), "1");
	assert_string_equal(data(ask(&w, "GET", L "/111/config", NULL), "tty"), "3");
	assert_string_equal(data(ask(&w, "GET", L "/111/config?current=1", NULL), "tty"), "");
	assert_int_equal(ask(&w, "PUT", L "/111/config", "revert=features")->status, 200);
	assert_string_equal(pending(&w, 111, "features", "pending"), "");
	assert_string_equal(run(&w, "POST", L "/111/status/reboot", ""), "OK");
	assert_string_equal(pending(&w, 111, "tty", "value"), "3");
	assert_string_equal(pending(&w, 111, "mp0", "value"), "");
	assert_string_equal(pending(&w, 111, "unused0", "value"), "local:111/vm-111-disk-1.raw");
	world_close(&w);
}

PM_TEST(sim_hotplug_fails_whole)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 112, "net0=name%3Deth0%2Cbridge%3Dvmbr0&start=1");
	forward(&w, 1000);
	a = ask(&w, "PUT", L "/112/config", "memory=700&net0=name%3Deth0%2Cbridge%3Dvmbr9");
	assert_int_equal(a->status, 400);
	assert_string_equal(
		error_of(a, "net0"), "unable to hotplug net0: interface vmbr9 does not exist\n\n");
	assert_string_equal(pending(&w, 112, "memory", "value"), "512");
	assert_has(pending(&w, 112, "net0", "value"), "bridge=vmbr0");
	world_close(&w);
}

PM_TEST(sim_rootfs_is_not_protected)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 113, "");
	assert_int_equal(ask(&w, "PUT", L "/113/config", "rootfs=local%3A9")->status, 200);
	assert_string_equal(data(ask(&w, "GET", L "/113/config", NULL), "rootfs"), "local:9");
	world_close(&w);
}

PM_TEST(sim_locks)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 114, "");
	assert_int_equal(ask(&w, "PUT", L "/114/config", "lock=backup")->status, 200);
	a = ask(&w, "PUT", L "/114/config", "memory=100");
	assert_string_equal(a->reason, "CT is locked (backup)");
	assert_string_equal(run(&w, "POST", L "/114/status/start", ""), "CT is locked (backup)");
	assert_string_equal(ask(&w, "DELETE", L "/114", NULL)->reason, "CT is locked (backup)");
	assert_string_equal(pm_json_str(row_of(&w, 114), "lock"), "backup");
	world_close(&w);
}

/* Who finds the configuration locked waits ten seconds, and no longer. */
PM_TEST(sim_config_lock)
{
	struct world w;
	uint64_t before;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 115, "");
	assert_string_equal(control(&w, "hold-lock 115 4"), "ok");
	a = ask(&w, "PUT", L "/115/config", "memory=600");
	assert_int_equal(a->status, 200);
	assert_int_equal(a->took_ns, 4 * PM_S_NS);
	assert_string_equal(control(&w, "hold-lock 115 60"), "ok");
	a = ask(&w, "PUT", L "/115/config", "memory=601");
	assert_string_equal(
		a->reason, "can't lock file '/run/lock/lxc/pve-config-115.lock' - got timeout");
	assert_int_equal(a->took_ns, 10 * PM_S_NS);
	before = w.clock.ns;
	assert_string_equal(run(&w, "POST", L "/115/status/start", ""),
		"can't lock file '/run/lock/lxc/pve-config-115.lock' - got timeout");
	assert_in_range(w.clock.ns - before, 10 * PM_S_NS, 10 * PM_S_NS + 200 * PM_MS_NS);
	world_close(&w);
}

PM_TEST(sim_power)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 116, "");
	assert_string_equal(
		ask(&w, "POST", L "/116/status/stop", "")->reason, "CT 116 not running");
	assert_string_equal(
		ask(&w, "POST", L "/116/status/reboot", "")->reason, "VM 116 not running");
	assert_string_equal(run(&w, "POST", L "/116/status/start", ""), "OK");
	assert_string_equal(
		ask(&w, "POST", L "/116/status/start", "")->reason, "CT 116 already running");
	a = ask(&w, "DELETE", L "/116", NULL);
	assert_string_equal(a->reason, "unable to destroy CT 116 - container is running");
	assert_string_equal(run(&w, "POST", L "/116/status/shutdown", "timeout=5"), "OK");
	assert_string_equal(run(&w, "POST", L "/999/status/start", ""),
		"Configuration file 'nodes/pve1/lxc/999.conf' does not exist");
	assert_string_equal(run(&w, "DELETE", L "/116", NULL), "OK");
	assert_int_equal(ask(&w, "GET", L "/116/config", NULL)->status, 500);
	world_close(&w);
}

PM_TEST(sim_shutdown_times_out)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 117, "entrypoint=%2Fbin%2Fsleep+9&start=1");
	forward(&w, 1000);
	assert_string_equal(
		run(&w, "POST", L "/117/status/shutdown", "timeout=2"), "container did not stop");
	assert_string_equal(
		run(&w, "POST", L "/117/status/shutdown", "timeout=2&forceStop=1"), "OK");
	world_close(&w);
}

PM_TEST(sim_resize)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 118, "");
	assert_string_equal(run(&w, "PUT", L "/118/resize", "disk=rootfs&size=%2B512M"), "OK");
	a = ask(&w, "GET", L "/118/config", NULL);
	assert_string_equal(data(a, "rootfs"), "local:118/vm-118-disk-0.raw,size=1536M");
	a = ask(&w, "PUT", L "/118/resize", "disk=rootfs&size=1G");
	assert_string_equal(a->reason, "unable to shrink disk size");
	a = ask(&w, "PUT", L "/118/resize", "disk=rootfs&size=1536M");
	assert_string_equal(a->reason, "disk is already at specified size");
	world_close(&w);
}

PM_TEST(sim_protection)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 119, "protection=1");
	assert_string_equal(ask(&w, "DELETE", L "/119?force=1", NULL)->reason,
		"can't remove CT 119 - protection mode enabled");
	assert_string_equal(ask(&w, "PUT", L "/119/config", "mp0=local%3A1%2Cmp%3D%2Fd")->reason,
		"can't update CT 119 drive 'mp0' - protection mode enabled");
	world_close(&w);
}

PM_TEST(sim_clone_and_migrate)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ .nodes = 3 });
	make(&w, 120,
		"tags=t&description=d&net0=name%3Deth0%2Chwaddr%3DBC%3A24%3A11%3A00%3A00%3A01");
	assert_string_equal(run(&w, "POST", L "/120/clone", "newid=121"), "OK");
	a = ask(&w, "GET", L "/121/config", NULL);
	assert_string_equal(data(a, "description"), "d\n");
	assert_null(strstr(data(a, "net0"), "BC:24:11:00:00:01"));
	assert_string_equal(data(a, "rootfs"), "local:121/vm-121-disk-0.raw,size=1G");
	assert_string_equal(run(&w, "POST", L "/121/migrate", "target=pve3"), "OK");
	assert_int_equal(ask(&w, "GET", L "/121/config", NULL)->status, 500);
	assert_int_equal(ask(&w, "GET", "/nodes/pve3/lxc/121/config", NULL)->status, 200);
	assert_string_equal(pm_json_str(row_of(&w, 121), "node"), "pve3");
	world_close(&w);
}

PM_TEST(sim_snapshot)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(
		run(&w, "POST", L,
			"vmid=122&ostemplate=local%3Avztmpl%2Fdebian-12-standard_12.7-1_amd64.tar.zst"
			"&rootfs=local-lvm%3A1&memory=256"),
		"OK");
	assert_string_equal(run(&w, "POST", L "/122/snapshot", "snapname=s1"), "OK");
	assert_int_equal(ask(&w, "PUT", L "/122/config", "memory=300")->status, 200);
	assert_string_equal(run(&w, "POST", L "/122/snapshot/s1/rollback", ""), "OK");
	assert_string_equal(data(ask(&w, "GET", L "/122/config", NULL), "memory"), "256");
	assert_string_equal(run(&w, "DELETE", L "/122/snapshot/s1", NULL), "OK");
	make(&w, 123, "");
	assert_string_equal(run(&w, "POST", L "/123/snapshot", "snapname=s1"),
		"snapshot feature is not available");
	world_close(&w);
}
