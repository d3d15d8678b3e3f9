/* Hosts: their URLs, which is asked first, and what becomes of one that fails. */
#include "client.h"

PM_TEST(hosts_become_urls)
{
	static const struct {
		const char *text, *url;
	} good[] = {
		{ "pve1", "https://pve1:8006" },
		{ "pve1.lan:443", "https://pve1.lan:443" },
		{ "10.0.0.1", "https://10.0.0.1:8006" },
		{ "[fd00::1]", "https://[fd00::1]:8006" },
		{ "[fd00::1]:8007", "https://[fd00::1]:8007" },
		{ "fd00::1", "https://[fd00::1]:8006" },
	};
	static const char *const bad[] = { "", "https://pve1", "pve1:", "pve1:0", "pve1:70000",
		"a b", "u@pve1", "[fd00::1" };
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_error err;
	const char *url;

	for (size_t i = 0; i < PM_COUNT(good); i++) {
		assert_ok(pm_host_url(a, good[i].text, &url, &err), &err);
		assert_string_equal(url, good[i].url);
	}
	for (size_t i = 0; i < PM_COUNT(bad); i++)
		assert_err(pm_host_url(a, bad[i], &url, &err), PM_E_INPUT, &err, "is no host");
}

static const char *order_of(struct client *c, const char *node)
{
	uint8_t order[MOST_HOSTS];
	struct pm_buf b cleanup_buf = PM_BUF(0);

	pm_hosts_order(&c->pve->hosts, node, pm_mono_ns(&c->clock.clock), order);
	for (unsigned i = 0; i < c->pve->hosts.n; i++)
		pm_buf_addf(&b, "%s%s", i > 0 ? " " : "", c->pve->hosts.v[order[i]].name);
	return pm_arena_strdup(c->arena, pm_buf_str(&b));
}

PM_TEST(a_node_is_asked_through_its_own_host)
{
	struct client c;

	client_start(&c, "pve1.lan 10.0.0.2:8006 [fd00::3] other");
	assert_string_equal(order_of(&c, NULL), "pve1.lan 10.0.0.2:8006 [fd00::3] other");
	pm_hosts_learn(&c.pve->hosts, "pve1", "192.168.0.1", NULL); /* by its name */
	pm_hosts_learn(&c.pve->hosts, "pve2", "10.0.0.2", NULL);    /* by its address */
	pm_hosts_learn(&c.pve->hosts, "pve3", "fd00:0::3", NULL);
	pm_hosts_learn(&c.pve->hosts, "pve4", "10.0.0.4", &c.pve->hosts.v[3]); /* it says so */
	assert_string_equal(order_of(&c, "pve1"), "pve1.lan 10.0.0.2:8006 [fd00::3] other");
	assert_string_equal(order_of(&c, "pve2"), "10.0.0.2:8006 [fd00::3] other pve1.lan");
	assert_string_equal(order_of(&c, "pve3"), "[fd00::3] other pve1.lan 10.0.0.2:8006");
	assert_string_equal(order_of(&c, "pve4"), "other pve1.lan 10.0.0.2:8006 [fd00::3]");
	client_stop(&c);
}

PM_TEST(a_failed_host_is_last_until_its_time_has_come)
{
	struct client c;
	struct pm_hosts *h;
	uint64_t now;

	client_start(&c, "a b c");
	h = &c.pve->hosts;
	now = pm_mono_ns(&c.clock.clock);
	pm_hosts_failed(h, &h->v[0], now);
	assert_string_equal(order_of(&c, NULL), "b c a");
	/* Between one and two seconds later it is probed, by one caller alone. */
	atomic_fetch_add(&c.clock.ns, PM_S_NS - 1);
	assert_string_equal(order_of(&c, NULL), "b c a");
	atomic_fetch_add(&c.clock.ns, PM_S_NS + 1);
	assert_string_equal(order_of(&c, NULL), "a b c");
	assert_string_equal(order_of(&c, NULL), "b c a");
	/* Each failure doubles the pause, up to a minute. */
	for (int i = 0; i < 20; i++) {
		atomic_fetch_add(&c.clock.ns, 61 * PM_S_NS);
		pm_hosts_failed(h, &h->v[0], pm_mono_ns(&c.clock.clock));
	}
	atomic_fetch_add(&c.clock.ns, 29 * PM_S_NS);
	assert_string_equal(order_of(&c, NULL), "b c a");
	atomic_fetch_add(&c.clock.ns, 31 * PM_S_NS);
	assert_string_equal(order_of(&c, NULL), "a b c");
	pm_hosts_ok(h, &h->v[0]);
	assert_string_equal(order_of(&c, NULL), "a b c");
	assert_string_equal(order_of(&c, NULL), "a b c");
	client_stop(&c);
}

PM_TEST(calls_that_fail_together_are_one_failure)
{
	struct client c;
	struct pm_hosts *h;

	client_start(&c, "a b");
	h = &c.pve->hosts;
	for (int i = 0; i < 6; i++)
		pm_hosts_failed(h, &h->v[0], pm_mono_ns(&c.clock.clock));
	assert_int_equal(h->health[0].failures, 1);
	client_stop(&c);
}

PM_TEST(trust_comes_from_the_record)
{
	const char *prints[] = {
		"AB:CD:01:02:03:04:05:06:07:08:09:0A:0B:0C:0D:0E:0F:10:11:12:13:14:15:16:"
		"17:18:19:1A:1B:1C:1D:1E"
	};
	struct pm_list list = { 1, prints };
	struct client c;

	client_prepare(&c, "a b", true);
	c.cluster->val[PM_CLUSTER_TLS_FINGERPRINTS].state = PM_SET;
	c.cluster->val[PM_CLUSTER_TLS_FINGERPRINTS].u.list = &list;
	c.cluster->val[PM_CLUSTER_TLS_VERIFY].state = PM_SET;
	c.cluster->val[PM_CLUSTER_TLS_VERIFY].u.b = false;
	client_open(&c);
	assert_true(c.pve->hosts.v[1].insecure);
	assert_int_equal(c.pve->hosts.v[1].nfingerprints, 1);
	assert_string_equal(c.pve->hosts.v[1].fingerprints[0],
		"abcd0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e");
	client_stop(&c);
}
