/* What an outside hand does while the simulator runs: nodes that are gone, deaf or limited, tickets and
 * tokens that end, clocks that are wrong. */
#include "sim_test.h"

static struct pm_sim_options three_nodes(void)
{
	return (struct pm_sim_options){ .nodes = 3, .no_401_delay = true };
}

/* The member of a node's row in /cluster/status. */
static int64_t of_node(struct world *w, const char *node, const char *key)
{
	struct json_object *rows =
		pm_json_get(ask(w, "GET", "/cluster/status", NULL)->json, "data");

	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);

		if (!strcmp(pm_json_str(row, "name"), node))
			return pm_json_int(row, key, -1);
	}
	return -1;
}

/* A host whose API is killed is still a member of the cluster; one that is off is not. */
PM_TEST(sim_control_killed)
{
	struct world w;
	const struct answer *a;

	world_open(&w, three_nodes());
	assert_string_equal(control(&w, "host-kill pve2"), "ok");
	assert_int_equal(pm_sim_node_port(w.sim, 1), PM_SIM_CLOSED);
	assert_int_equal(pm_sim_node_port(w.sim, 0), PM_SIM_OPEN);
	a = ask(&w, "GET", "/nodes/pve2/status", NULL);
	assert_int_equal(a->status, 595);
	assert_string_equal(a->reason, "Connection refused");
	assert_int_equal(of_node(&w, "pve2", "online"), 1);
	assert_string_equal(control(&w, "host-start pve2"), "ok");
	assert_int_equal(ask(&w, "GET", "/nodes/pve2/status", NULL)->status, 200);
	assert_string_equal(control(&w, "node-off pve2"), "ok");
	assert_int_equal(pm_sim_node_port(w.sim, 1), PM_SIM_CLOSED);
	assert_int_equal(of_node(&w, "pve2", "online"), 0);
	assert_string_equal(control(&w, "host-kill pve9"), "error: no such node");
	assert_string_equal(control(&w, "host-kill"), "error: name a node");
	world_close(&w);
}

PM_TEST(sim_control_paused)
{
	struct world w;
	const struct answer *a;

	world_open(&w, three_nodes());
	assert_string_equal(control(&w, "host-pause pve3"), "ok");
	assert_int_equal(pm_sim_node_port(w.sim, 2), PM_SIM_PAUSED);
	a = ask(&w, "GET", "/nodes/pve3/version", NULL);
	assert_int_equal(a->status, 596);
	assert_int_equal(a->took_ns, 30 * PM_S_NS);
	assert_int_equal(of_node(&w, "pve3", "online"), 1);
	assert_string_equal(control(&w, "host-continue pve3"), "ok");
	assert_int_equal(ask(&w, "GET", "/nodes/pve3/version", NULL)->status, 200);
	world_close(&w);
}

PM_TEST(sim_control_down_at_start)
{
	struct pm_sim_options o = three_nodes();
	struct pm_error err;
	struct pm_sim *s;
	struct world w;

	o.down = "pve2,pve3";
	world_open(&w, o);
	assert_int_equal(pm_sim_node_port(w.sim, 1), PM_SIM_CLOSED);
	assert_int_equal(of_node(&w, "pve3", "online"), 0);
	assert_int_equal(of_node(&w, "rigcluster", "quorate"), 0);
	world_close(&w);
	o.down = "pve2,pve4";
	assert_int_equal(pm_sim_new(&s, &o, &err), -PM_E_USAGE);
	assert_has(err.msg, "--down pve4: there is no such node; there are pve1 to pve3");
}

PM_TEST(sim_control_rate_limit)
{
	struct world w;
	const struct answer *a;

	world_open(&w, three_nodes());
	assert_string_equal(control(&w, "rate-limit pve1 2 7"), "ok");
	for (int i = 0; i < 2; i++) {
		a = ask(&w, "GET", "/version", NULL);
		assert_int_equal(a->status, 429);
		assert_string_equal(a->reason, "Too Many Requests");
		assert_int_equal(a->retry_after_s, 7);
	}
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	control(&w, "rate-limit pve1 on");
	for (int i = 0; i < 9; i++)
		assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 429);
	w.node = 1;
	assert_int_equal(ask(&w, "GET", "/pools/p", NULL)->status, 500); /* it was not done */
	w.node = 0;
	control(&w, "rate-limit-clear pve1");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	assert_has(control(&w, "rate-limit pve1 none"), "error:");
	assert_has(control(&w, "rate-limit pve1 1 -1"), "error:");
	world_close(&w);
}

PM_TEST(sim_control_tickets)
{
	struct world w, again;

	world_open(&w, three_nodes());
	assert_string_equal(control(&w, "tickets-expire"), "ok");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 401);
	world_close(&w);

	world_open(&again, three_nodes());
	assert_string_equal(control(&again, "ticket-life 60"), "ok");
	forward(&again, 58 * 1000);
	assert_int_equal(ask(&again, "GET", "/version", NULL)->status, 200);
	forward(&again, 2 * 1000);
	assert_int_equal(ask(&again, "GET", "/version", NULL)->status, 401);
	assert_has(control(&again, "ticket-life 0"), "error:");
	world_close(&again);
}

static int as_token(struct world *w, const char *secret, const char *method, const char *path)
{
	char header[200];

	(void)snprintf(header, sizeof(header), "PVEAPIToken=root@pam!full=%s", secret);
	return ask_as(w, header, method, path, NULL)->status;
}

PM_TEST(sim_control_tokens)
{
	struct world w;
	char secret[64];

	world_open(&w, three_nodes());
	(void)snprintf(secret, sizeof(secret), "%s", pm_sim_token_secret(w.sim));
	assert_int_equal(as_token(&w, secret, "DELETE", "/pools?poolid=a"), 500);
	assert_string_equal(control(&w, "token-role root@pam!full PVEAuditor"), "ok");
	assert_int_equal(as_token(&w, secret, "DELETE", "/pools?poolid=a"), 403);
	assert_int_equal(as_token(&w, secret, "GET", "/cluster/status"), 200);
	assert_string_equal(control(&w, "token-role root@pam!full NoAccess"), "ok");
	assert_int_equal(as_token(&w, secret, "GET", "/cluster/status"), 403);
	assert_has(control(&w, "token-role root@pam!full Nobody"), "error: no such role");
	assert_string_equal(control(&w, "token-expire root@pam!full"), "ok");
	assert_int_equal(as_token(&w, secret, "GET", "/version"), 401);
	assert_string_equal(control(&w, "token-revoke root@pam!full"), "ok");
	assert_has(control(&w, "token-revoke root@pam!full"), "error: no such token");
	assert_int_equal(as_token(&w, secret, "GET", "/version"), 401);
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	assert_string_equal(control(&w, "user-off root@pam"), "ok");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 401);
	assert_string_equal(control(&w, "user-on root@pam"), "ok");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	assert_has(control(&w, "user-off nobody@pam"), "error: no such user");
	world_close(&w);
}

/* A node that is more than five minutes ahead gives tickets that others take for wrong. */
PM_TEST(sim_control_clock)
{
	struct world w;
	const struct answer *a;
	int64_t now;

	world_open(&w, three_nodes());
	now = pm_json_int(
		pm_json_get(ask(&w, "GET", "/nodes/pve1/time", NULL)->json, "data"), "time", 0);
	assert_string_equal(control(&w, "clock pve2 400"), "ok");
	a = ask(&w, "GET", "/nodes/pve2/time", NULL);
	assert_int_equal(pm_json_int(pm_json_get(a->json, "data"), "time", 0), now + 400);
	assert_int_equal(pm_sim_node_wall_ms(w.sim, 1) - pm_sim_node_wall_ms(w.sim, 0), 400000);
	w.node = 1;
	a = ask_as(&w, "", "POST", "/access/ticket", "username=root%40pam&password=podmox-sim");
	(void)snprintf(w.cookie, sizeof(w.cookie), "PVEAuthCookie=%s", data(a, "ticket"));
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	w.node = 0;
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 401);
	control(&w, "clock pve1 101");
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	assert_has(control(&w, "clock pve1 late"), "error:");
	world_close(&w);
}

PM_TEST(sim_control_heal)
{
	struct world w;
	unsigned before, after;

	world_open(&w, three_nodes());
	(void)pm_sim_node_cert(w.sim, 2, &before);
	control(&w, "host-kill pve1");
	control(&w, "node-off pve2");
	control(&w, "cert-wrong pve3");
	assert_int_equal(pm_sim_node_cert(w.sim, 2, &after), PM_SIM_CERT_FOREIGN);
	assert_int_equal(after, before + 1);
	control(&w, "cert-wrong pve3 expired");
	assert_int_equal(pm_sim_node_cert(w.sim, 2, &after), PM_SIM_CERT_EXPIRED);
	assert_has(control(&w, "cert-wrong pve3 odd"), "error:");
	control(&w, "rate-limit pve1 on");
	control(&w, "clock pve1 99999");
	assert_string_equal(control(&w, "heal"), "ok");
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(pm_sim_node_port(w.sim, i), PM_SIM_OPEN);
		assert_int_equal(pm_sim_node_cert(w.sim, i, &after), PM_SIM_CERT_RIGHT);
	}
	assert_int_equal(after, before + 3); /* whoever shows it has to change it back */
	assert_int_equal(ask(&w, "GET", "/version", NULL)->status, 200);
	world_close(&w);
}

/* An outside hand that is at it again after each change, and lets readers be. */
PM_TEST(sim_control_insist)
{
	struct world w;

	world_open(&w, three_nodes());
	assert_string_equal(run(&w, "POST", "/nodes/pve1/lxc",
				    "vmid=150&ostemplate=local:vztmpl/"
				    "debian-12-standard_12.7-1_amd64.tar.zst&rootfs=local-lvm:1"),
		"OK");
	assert_string_equal(control(&w, "insist 150 memory=333"), "ok");
	assert_int_equal(ask(&w, "GET", "/nodes/pve1/lxc/150/config", NULL)->status, 200);
	assert_string_equal(control(&w, "get 150 memory"), "512");
	assert_int_equal(ask(&w, "PUT", "/nodes/pve1/lxc/150/config", "memory=256")->status, 200);
	assert_string_equal(control(&w, "get 150 memory"), "333");
	assert_int_equal(ask(&w, "PUT", "/nodes/pve1/lxc/150/config", "cores=1")->status, 200);
	assert_string_equal(control(&w, "get 150 cores"), "1");
	assert_string_equal(control(&w, "insist-clear"), "ok");
	assert_int_equal(ask(&w, "PUT", "/nodes/pve1/lxc/150/config", "memory=256")->status, 200);
	assert_string_equal(control(&w, "get 150 memory"), "256");
	assert_has(control(&w, "insist x memory=1"), "error: insist VMID KEY=VALUE");
	assert_has(control(&w, "insist 150 memory"), "error: insist VMID KEY=VALUE");
	world_close(&w);
}

PM_TEST(sim_control_help)
{
	struct world w;
	const char *text;

	world_open(&w, three_nodes());
	text = control(&w, "help");
	assert_has(text, "hold-lock VMID SECONDS");
	assert_has(text, "host-pause NODE");
	assert_has(text, "cert-wrong NODE [foreign|renewed|expired|name]");
	assert_has(text, "ticket-life SECONDS");
	assert_has(control(&w, "nonsense"), "error: unknown command");
	world_close(&w);
}
