/* Firewall rules and HA resources. */
#include "sim_test.h"

#define L "/nodes/pve1/lxc"
#define F L "/100/firewall"

PM_TEST(sim_firewall_rules)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_int_equal(
		ask(&w, "POST", F "/rules", "type=in&action=ACCEPT&comment=first")->status, 200);
	assert_int_equal(ask(&w, "POST", F "/rules", "type=in&action=DROP&pos=5")->status, 200);
	a = ask(&w, "GET", F "/rules/0", NULL); /* always inserted at the top */
	assert_string_equal(data(a, "action"), "DROP");
	assert_string_equal(data(a, "enable"), "0");
	assert_int_equal(ask(&w, "PUT", F "/rules/0", "moveto=2")->status, 200);
	assert_string_equal(data(ask(&w, "GET", F "/rules/0", NULL), "comment"), "first");
	a = ask(&w, "DELETE", F "/rules/0?digest=0000000000000000000000000000000000000000", NULL);
	assert_has(a->reason, "detected modified configuration");
	assert_string_equal(
		ask(&w, "PUT", F "/rules/7", "comment=x")->reason, "no rule at position 7");
	assert_string_equal(
		error_of(ask(&w, "POST", F "/rules", "type=in&action=DROP&macro=No"), "macro"),
		"unknown macro 'No'");
	world_close(&w);
}

PM_TEST(sim_firewall_dies_with_its_guest)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(run(&w, "POST", L, MINIMAL "&vmid=100"), "OK");
	assert_int_equal(ask(&w, "POST", F "/rules", "type=in&action=ACCEPT")->status, 200);
	assert_int_equal(
		ask(&w, "POST", "/nodes/pve1/lxc/1000/firewall/rules", "type=in&action=DROP")
			->status,
		200);
	assert_int_equal(ask(&w, "POST", F "/ipset", "name=s")->status, 200);
	assert_int_equal(ask(&w, "POST", F "/ipset/s", "cidr=10.0.0.0%2F8")->status, 200);
	assert_string_equal(
		ask(&w, "DELETE", F "/ipset/s", NULL)->reason, "IPSet 's' is not empty");
	assert_string_equal(run(&w, "DELETE", L "/100", NULL), "OK");
	assert_string_equal(whole(ask(&w, "GET", F "/rules", NULL)), "[ ]");
	assert_string_equal(whole(ask(&w, "GET", F "/ipset", NULL)), "[ ]");
	assert_has(whole(ask(&w, "GET", "/nodes/pve1/lxc/1000/firewall/rules", NULL)), "DROP");
	world_close(&w);
}

PM_TEST(sim_ha_turns_commands_into_wishes)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(run(&w, "POST", L, MINIMAL "&vmid=100"), "OK");
	assert_int_equal(
		ask(&w, "POST", "/cluster/ha/resources", "sid=100&state=stopped")->status, 200);
	a = ask(&w, "POST", "/cluster/ha/resources", "sid=ct%3A100");
	assert_string_equal(
		a->reason, "create resource failed: resource ID 'ct:100' already defined");
	assert_has(whole(ask(&w, "POST", L "/100/status/start", "")), ":hastart:100:");
	forward(&w, 1000);
	assert_string_equal(
		data(ask(&w, "GET", L "/100/status/current", NULL), "status"), "stopped");
	forward(&w, 10000);
	assert_string_equal(
		data(ask(&w, "GET", L "/100/status/current", NULL), "status"), "running");
	a = ask(&w, "DELETE", L "/100?force=1", NULL);
	assert_has(a->reason, "used in HA resources and purge parameter not set");
	assert_string_equal(run(&w, "DELETE", L "/100?force=1&purge=1", NULL), "OK");
	assert_string_equal(whole(ask(&w, "GET", "/cluster/ha/resources", NULL)), "[ ]");
	world_close(&w);
}
