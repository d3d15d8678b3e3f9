/* What nodes tell and keep: services, names, networks; the SDN of the cluster; logs. */
#include "sim_test.h"

static const char *const node = "/nodes/pve1";

static const char *at(const char *below)
{
	static char path[128];

	(void)snprintf(path, sizeof(path), "%s%s", node, below);
	return path;
}

static size_t rows(const struct answer *a)
{
	struct json_object *d = pm_json_get(a->json, "data");

	return json_object_is_type(d, json_type_array) ? json_object_array_length(d) : 0;
}

/* The row of a list whose member has that value, or NULL. */
static struct json_object *row_with(const struct answer *a, const char *key, const char *value)
{
	struct json_object *d = pm_json_get(a->json, "data");

	for (size_t i = 0; i < rows(a); i++) {
		struct json_object *row = json_object_array_get_idx(d, i);
		const char *v = pm_json_str(row, key);

		if (v && !strcmp(v, value))
			return row;
	}
	return NULL;
}

PM_TEST(sim_services)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_non_null(row_with(ask(&w, "GET", at("/services"), NULL), "service", "pveproxy"));
	assert_string_equal(
		data(ask(&w, "GET", at("/services/pvestatd/state"), NULL), "state"), "running");
	assert_string_equal(run(&w, "POST", at("/services/pvestatd/stop"), NULL), "OK");
	assert_string_equal(
		data(ask(&w, "GET", at("/services/pvestatd/state"), NULL), "state"), "dead");
	assert_string_equal(run(&w, "POST", at("/services/pvestatd/restart"), NULL), "OK");
	a = ask(&w, "GET", at("/services/pvestatd/state"), NULL);
	assert_string_equal(data(a, "active-state"), "active");
	a = ask(&w, "GET", at("/services/nosuch/state"), NULL);
	assert_int_equal(a->status, 400);
	assert_has(error_of(a, "service"), "enumeration");
	world_close(&w);
}

PM_TEST(sim_node_settings)
{
	struct world w;
	const struct answer *a;
	char digest[64];

	world_open(&w, (struct pm_sim_options){ .nodes = 2 });
	assert_int_equal(ask(&w, "PUT", at("/dns"), "search=a.test&dns1=192.0.2.9")->status, 200);
	assert_string_equal(data(ask(&w, "GET", at("/dns"), NULL), "dns1"), "192.0.2.9");
	assert_string_equal(data(ask(&w, "GET", "/nodes/pve2/dns", NULL), "search"), "rig.test");
	assert_int_equal(ask(&w, "PUT", at("/time"), "timezone=Europe/Vienna")->status, 200);
	assert_string_equal(data(ask(&w, "GET", at("/time"), NULL), "timezone"), "Europe/Vienna");
	a = ask(&w, "GET", at("/hosts"), NULL);
	assert_has(data(a, "data"), "pve2.rig.test pve2\n");
	(void)snprintf(digest, sizeof(digest), "data=x&digest=%s", data(a, "digest"));
	assert_int_equal(ask(&w, "POST", at("/hosts"), digest)->status, 200);
	a = ask(&w, "POST", at("/hosts"), digest);
	assert_int_equal(a->status, 500);
	assert_has(a->reason, "detected modified configuration");
	assert_int_equal(
		ask(&w, "PUT", at("/config"), "description=d&startall-onboot-delay=3")->status,
		200);
	a = ask(&w, "GET", at("/config"), NULL);
	assert_int_equal(pm_json_int(pm_json_get(a->json, "data"), "startall-onboot-delay", 0), 3);
	assert_string_equal(data(a, "description"), "d\n");
	world_close(&w);
}

PM_TEST(sim_cluster_log)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_non_null(row_with(ask(&w, "GET", "/cluster/log", NULL), "msg",
		"successful auth for user 'root@pam'"));
	assert_int_equal(rows(ask(&w, "GET", "/cluster/log?max=1", NULL)), 1);
	assert_string_equal(run(&w, "POST", at("/services/cron/start"), NULL), "OK");
	assert_has(ask(&w, "GET", at("/syslog"), NULL)->text, "end task UPID:pve1:");
	assert_true(rows(ask(&w, "GET", at("/journal?lastentries=2"), NULL)) == 2);
	world_close(&w);
}

/* What is written waits; what is applied can be used by guests; what is reverted is gone. */
PM_TEST(sim_network)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_null(pm_json_get(ask(&w, "GET", at("/network"), NULL)->json, "changes"));
	assert_int_equal(
		ask(&w, "POST", at("/network"),
			"iface=vmbr9&type=bridge&cidr=192.0.2.77%2F24&autostart=1&comments=c")
			->status,
		200);
	a = ask(&w, "GET", at("/network"), NULL);
	assert_has(pm_json_str(a->json, "changes"), "+iface vmbr9 inet static");
	a = ask(&w, "GET", at("/network/vmbr9"), NULL);
	assert_string_equal(data(a, "address"), "192.0.2.77");
	assert_string_equal(data(a, "netmask"), "24");
	assert_string_equal(data(a, "comments"), "c\n");
	a = ask(&w, "POST", at("/network"), "iface=vmbr9&type=bridge");
	assert_string_equal(error_of(a, "iface"), "interface already exists");
	assert_string_equal(run(&w, "POST", at("/lxc"),
				    "vmid=100&" MINIMAL "&net0=name%3Deth0%2Cbridge%3Dvmbr9"),
		"OK");
	assert_has(run(&w, "POST", at("/lxc/100/status/start"), NULL), "failed");
	assert_string_equal(run(&w, "PUT", at("/network"), NULL), "OK");
	assert_null(pm_json_get(ask(&w, "GET", at("/network"), NULL)->json, "changes"));
	assert_string_equal(run(&w, "POST", at("/lxc/100/status/start"), NULL), "OK");
	assert_int_equal(ask(&w, "DELETE", at("/network/vmbr9"), NULL)->status, 200);
	assert_int_equal(ask(&w, "GET", at("/network/vmbr9"), NULL)->status, 400);
	assert_int_equal(ask(&w, "DELETE", at("/network"), NULL)->status, 200);
	assert_int_equal(ask(&w, "GET", at("/network/vmbr9"), NULL)->status, 200);
	world_close(&w);
}

PM_TEST(sim_sdn)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/zones", "zone=z1&type=simple")->status, 200);
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/vnets", "vnet=vn1&zone=z1")->status, 200);
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/vnets/vn1/subnets",
				 "subnet=10.1.0.0%2F16&type=subnet&gateway=10.1.0.1")
				 ->status,
		200);
	a = ask(&w, "GET", "/cluster/sdn/vnets/vn1/subnets", NULL);
	assert_string_equal(pm_json_str(row_with(a, "id", "z1-10.1.0.0-16"), "mask"), "16");
	assert_int_equal(rows(ask(&w, "GET", "/cluster/sdn/zones?running=1", NULL)), 0);
	a = ask(&w, "GET", "/cluster/sdn/zones?pending=1", NULL);
	assert_string_equal(pm_json_str(row_with(a, "zone", "z1"), "state"), "new");
	assert_has(ask(&w, "DELETE", "/cluster/sdn/zones/z1", NULL)->reason, "used by vnet vn1");
	assert_has(ask(&w, "DELETE", "/cluster/sdn/vnets/vn1", NULL)->reason, "subnets exists");
	assert_string_equal(run(&w, "PUT", "/cluster/sdn", NULL), "OK");
	assert_int_equal(rows(ask(&w, "GET", "/cluster/sdn/zones?running=1", NULL)), 1);
	assert_int_equal(ask(&w, "PUT", "/cluster/sdn/vnets/vn1", "alias=x")->status, 200);
	a = ask(&w, "GET", "/cluster/sdn/vnets?pending=1", NULL);
	assert_string_equal(pm_json_str(row_with(a, "vnet", "vn1"), "state"), "changed");
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/rollback", NULL)->status, 200);
	a = ask(&w, "GET", "/cluster/sdn/vnets?pending=1", NULL);
	assert_null(pm_json_str(row_with(a, "vnet", "vn1"), "state"));
	assert_null(pm_json_str(row_with(a, "vnet", "vn1"), "alias"));
	world_close(&w);
}

PM_TEST(sim_sdn_lock)
{
	struct world w;
	char token[64], body[128];

	world_open(&w, (struct pm_sim_options){ 0 });
	(void)snprintf(
		token, sizeof(token), "%s", whole(ask(&w, "POST", "/cluster/sdn/lock", NULL)));
	assert_int_equal(strlen(token), 32);
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/lock", NULL)->status, 500);
	assert_string_equal(ask(&w, "POST", "/cluster/sdn/zones", "zone=z1&type=simple")->reason,
		"invalid lock token provided");
	(void)snprintf(body, sizeof(body), "zone=z1&type=simple&lock-token=%s", token);
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/zones", body)->status, 200);
	(void)snprintf(body, sizeof(body), "lock-token=%s", token);
	assert_string_equal(run(&w, "PUT", "/cluster/sdn", body), "OK");
	assert_int_equal(ask(&w, "POST", "/cluster/sdn/vnets", "vnet=v&zone=z1")->status, 200);
	assert_has(ask(&w, "POST", "/cluster/sdn/lock", NULL)->reason, "pending changes");
	world_close(&w);
}

PM_TEST(sim_what_is_elsewhere)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "GET", at("/query-oci-repo-tags?reference=registry.test/library/alpine"), NULL);
	assert_has(a->text, "\"latest\"");
	control(&w, "network-off");
	a = ask(&w, "GET", at("/query-oci-repo-tags?reference=registry.test/library/alpine"), NULL);
	assert_string_equal(a->reason,
		"command 'skopeo list-tags docker://registry.test/library/alpine' failed: exit code 1");
	assert_int_equal(
		ask(&w, "GET", at("/query-url-metadata?url=http://x.test/a.iso"), NULL)->status,
		500);
	control(&w, "network-on");
	a = ask(&w, "GET", at("/query-url-metadata?url=http://x.test/d/a.iso?q=1"), NULL);
	assert_string_equal(data(a, "filename"), "a.iso");
	assert_non_null(
		row_with(ask(&w, "GET", at("/aplinfo"), NULL), "package", "debian-13-standard"));
	assert_string_equal(
		run(&w, "POST", at("/aplinfo"),
			"storage=local&template=debian-13-standard_13.1-2_amd64.tar.zst"),
		"OK");
	a = ask(&w, "POST", at("/aplinfo"), "storage=local&template=nope.tar.zst");
	assert_string_equal(error_of(a, "template"), "no such template");
	world_close(&w);
}

/* A page for each folder: what it names is answered, or unknown by choice. */
PM_TEST(sim_folders)
{
	static const char *const paths[] = { "/", "/access", "/cluster",
		"/cluster/bulk-action/guest", "/cluster/sdn", "/nodes/pve1", "/nodes/pve1/apt",
		"/nodes/pve1/hardware" };
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	for (size_t i = 0; i < PM_COUNT(paths); i++)
		assert_true(rows(ask(&w, "GET", paths[i], NULL)) > 0);
	assert_int_equal(ask(&w, "GET", "/cluster/mapping/pci", NULL)->status, 200);
	assert_int_equal(rows(ask(&w, "GET", "/cluster/mapping/pci", NULL)), 0);
	world_close(&w);
}

/* A node that is shut down is gone, and so is what ran on it. */
PM_TEST(sim_node_shutdown)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .nodes = 3 });
	assert_string_equal(run(&w, "POST", "/nodes/pve2/lxc", "vmid=100&start=1&" MINIMAL), "OK");
	forward(&w, 2000);
	assert_string_equal(run(&w, "POST", "/nodes/pve3/lxc", "vmid=101&" MINIMAL), "OK");
	assert_has(control(&w, "get 100"), "running");
	assert_int_equal(ask(&w, "POST", "/nodes/pve2/status", "command=off")->status, 400);
	assert_int_equal(ask(&w, "POST", "/nodes/pve2/status", "command=shutdown")->status, 200);
	assert_int_equal(pm_sim_node_port(w.sim, 1), PM_SIM_CLOSED);
	assert_has(control(&w, "get 100"), "stopped");
	assert_int_equal(ask(&w, "GET", "/nodes/pve2/status", NULL)->status, 595);
	world_close(&w);
}
