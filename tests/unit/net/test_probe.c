/* A look at a host: certificate, clock, and what is told when it cannot be looked at. */
#include <stdio.h>
#include <string.h>

#include "net_test.h"

static const struct server_opts tls = { .tls = true };

PM_TEST(probe_shows_the_certificate)
{
	struct pm_probe seen;
	struct pm_error err;
	struct net n;

	net_start(&n, &tls);
	assert_ok(pm_net_probe(&n.host, "/status/401/no", NULL, &seen, &err), &err);
	assert_int_equal(seen.status, 401);
	assert_string_equal(seen.fingerprint, server_fingerprint(n.server));
	assert_true(seen.until_s > 0);
	net_stop(&n);
}

PM_TEST(probe_of_somebody_else)
{
	struct pm_probe seen;
	struct pm_error err;
	struct net n, other;

	net_start(&n, &tls);
	net_start(&other, &tls);
	n.host.ca_file = server_ca(other.server);
	assert_err(pm_net_probe(&n.host, "/ok", NULL, &seen, &err), PM_E_AUTH, &err,
		server_fingerprint(n.server));
	assert_string_equal(seen.fingerprint, server_fingerprint(n.server));
	assert_int_equal(server_count(n.server, NULL), 0);
	net_stop(&other);
	net_stop(&n);
}

PM_TEST(probe_of_nobody)
{
	char url[64];
	struct pm_host h = { .name = "nobody", .url = url };
	struct pm_cancel now = { .on = true };
	struct pm_probe seen;
	struct pm_error err;
	struct net n;

	net_start(&n, NULL);
	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u", server_dead_port());
	assert_err(pm_net_probe(&h, "/ok", NULL, &seen, &err), PM_E_UNREACHABLE, &err, url);
	assert_err(pm_net_probe(&n.host, "/silent", &now, &seen, &err), PM_E_CANCELLED, &err, NULL);
	net_stop(&n);
}
