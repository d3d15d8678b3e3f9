/* The transport to a simulated cluster that tests of other rooms use. */
#include <stdio.h>

#include "pm_test.h"
#include "sim_transport.h"

struct cluster {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	struct pm_transport *t;
	struct pm_host host;
	char token[100];
	const char *headers[2];
};

static void cluster_start(struct cluster *k, const char *fault)
{
	struct pm_sim_options o = { .nodes = 2, .seed = 1 };
	struct pm_error err;

	pm_test_clock_init(&k->clock);
	o.clock = &k->clock.clock;
	o.fail = &fault;
	o.nfail = fault != NULL;
	assert_ok(pm_sim_new(&k->sim, &o, &err), &err);
	k->t = pm_sim_transport_new(k->sim, &k->clock.clock);
	k->host = (struct pm_host){ .name = "pve2", .url = "https://pve2:8006" };
	(void)snprintf(k->token, sizeof(k->token), "Authorization: PVEAPIToken=root@pam!full=%s",
		pm_sim_token_secret(k->sim));
	k->headers[0] = k->token;
	k->headers[1] = NULL;
}

static void cluster_stop(struct cluster *k)
{
	pm_transport_free(k->t);
	pm_sim_free(k->sim);
}

PM_TEST(sim_transport_answers_as_the_node_asked)
{
	struct cluster k;
	struct pm_error err;
	struct pm_call c;

	cluster_start(&k, NULL);
	c = (struct pm_call){ .host = &k.host,
		.method = "GET",
		.path = "/api2/json/cluster/status",
		.headers = k.headers };
	assert_ok(pm_net_request(k.t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 200);
	assert_string_equal(c.reason, "OK");
	assert_has(pm_buf_str(&c.body_in), "\"pve2\"");
	c.headers = NULL;
	assert_ok(pm_net_request(k.t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 401);
	pm_call_done(&c);
	cluster_stop(&k);
}

PM_TEST(sim_transport_passes_faults_on)
{
	static const struct {
		const char *rule;
		enum pm_code code;
		bool maybe_sent;
	} cases[] = {
		{ "GET /version:refused", PM_E_UNREACHABLE, false },
		{ "GET /version:cut", PM_E_UNREACHABLE, true },
		{ "GET /version:timeout", PM_E_TIMEOUT, true },
		{ "GET /version:lost", PM_E_UNREACHABLE, true },
	};

	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		struct cluster k;
		struct pm_error err;
		struct pm_call c;

		cluster_start(&k, cases[i].rule);
		c = (struct pm_call){ .host = &k.host,
			.method = "GET",
			.path = "/api2/json/version",
			.headers = k.headers };
		assert_err(pm_net_request(k.t, &c, NULL, &err), cases[i].code, &err, "simulated");
		assert_int_equal(err.maybe_sent, cases[i].maybe_sent);
		cluster_stop(&k);
	}
}
