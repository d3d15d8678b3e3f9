/* Hosts: their URLs, which is asked first, and what becomes of one that fails. */
#include <pthread.h>
#include <sched.h>
#include <unistd.h>

#include "base/json.h"
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

static uint64_t now(const struct client *c)
{
	return pm_mono_ns(&c->clock.clock);
}

static void pass(struct client *c, uint64_t ms)
{
	atomic_fetch_add(&c->clock.ns, ms * PM_MS_NS);
}

static const char *order_of(struct client *c, const char *node)
{
	uint8_t order[MOST_HOSTS];
	struct pm_buf b cleanup_buf = PM_BUF(0);
	unsigned n = pm_hosts_order(&c->pve->hosts, node, now(c), order);

	for (unsigned i = 0; i < n; i++)
		pm_buf_addf(&b, "%s%s", i > 0 ? " " : "", c->pve->hosts.v[order[i]].name);
	return pm_arena_strdup(c->arena, pm_buf_str(&b));
}

/* A call to host i ends so. */
static void end_call(struct client *c, unsigned i, enum pm_code code, int status)
{
	struct pm_host *host = &c->pve->hosts.v[i];
	struct pm_call call = { .host = host, .method = "GET", .path = API "/x", .status = status };

	call.err.code = code;
	pm_hosts_asked(&c->pve->hosts, host, now(c));
	pm_hosts_told(&c->pve->hosts, &call, false, now(c));
}

static unsigned count_due(struct client *c)
{
	uint8_t due[MOST_HOSTS];

	return pm_hosts_due(&c->pve->hosts, now(c), due);
}

static enum pm_circuit circuit_of(struct client *c, unsigned i)
{
	struct pm_host_state s[MOST_HOSTS];

	assert_true(pm_pve_hosts(c->pve, s, MOST_HOSTS) > i);
	return s[i].circuit;
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

PM_TEST(a_failed_host_is_last_until_a_probe_finds_it)
{
	struct client c;

	client_start(&c, "a b c");
	assert_int_equal(count_due(&c), 0);
	end_call(&c, 0, PM_E_UNREACHABLE, 0);
	assert_int_equal(circuit_of(&c, 0), PM_OPEN);
	assert_string_equal(order_of(&c, NULL), "b c a");
	/* Between one and two seconds later it is probed, by one caller alone. */
	pass(&c, 999);
	assert_int_equal(count_due(&c), 0);
	pass(&c, 1001);
	assert_int_equal(count_due(&c), 1);
	assert_int_equal(circuit_of(&c, 0), PM_HALF_OPEN);
	assert_int_equal(count_due(&c), 0);
	assert_string_equal(order_of(&c, NULL), "b c a");
	end_call(&c, 0, PM_OK, 200);
	assert_int_equal(circuit_of(&c, 0), PM_CLOSED);
	assert_string_equal(order_of(&c, NULL), "a b c");
	client_stop(&c);
}

/* A host that answers probes and fails at work is not well. */
PM_TEST(only_work_wipes_the_record)
{
	struct pm_host_state s[2];
	struct client c;

	client_start_token(&c, "a b");
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	end_call(&c, 0, PM_E_TIMEOUT, 0);
	pass(&c, 2000);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 1);
	assert_int_equal(pm_pve_hosts(c.pve, s, 2), 2);
	assert_int_equal(s[0].circuit, PM_CLOSED);
	assert_int_equal(s[0].failures, 1);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_string_equal(client_host(&c, 1, "GET", "/x"), "a");
	assert_int_equal(pm_pve_hosts(c.pve, s, 2), 2);
	assert_int_equal(s[0].failures, 0);
	client_stop(&c);
}

PM_TEST(each_failed_probe_doubles_the_pause)
{
	struct client c;

	client_start(&c, "a b");
	for (int i = 0; i < 20; i++) {
		end_call(&c, 0, PM_E_TIMEOUT, 0);
		pass(&c, 60000);
		assert_int_equal(count_due(&c), 1);
	}
	end_call(&c, 0, PM_E_TIMEOUT, 0);
	pass(&c, 29000);
	assert_int_equal(count_due(&c), 0);
	pass(&c, 31000);
	assert_int_equal(count_due(&c), 1);
	/* Where nobody is well there is nothing to send a probe along with. */
	end_call(&c, 1, PM_E_TIMEOUT, 0);
	pass(&c, 60000);
	assert_int_equal(count_due(&c), 0);
	client_stop(&c);
}

PM_TEST(calls_that_fail_together_are_one_failure)
{
	struct pm_host_state s[2];
	struct client c;

	client_start(&c, "a b");
	for (int i = 0; i < 6; i++)
		end_call(&c, 0, PM_E_UNREACHABLE, 0);
	assert_int_equal(pm_pve_hosts(c.pve, s, 2), 2);
	assert_int_equal(s[0].failures, 1);
	client_stop(&c);
}

/* What says nothing about the host does not count against it. */
PM_TEST(only_a_host_s_own_trouble_counts)
{
	static const enum pm_code fine[] = { PM_E_CANCELLED, PM_E_REFUSED, PM_E_LIMIT, PM_E_BUG,
		PM_E_INPUT, PM_E_CONFLICT };
	struct client c;

	client_start(&c, "a b");
	for (size_t i = 0; i < PM_COUNT(fine); i++)
		end_call(&c, 0, fine[i], 0);
	end_call(&c, 0, PM_OK, 500);
	assert_int_equal(circuit_of(&c, 0), PM_CLOSED);
	end_call(&c, 0, PM_OK, 596); /* of a path without a node: its own daemon hangs */
	assert_int_equal(circuit_of(&c, 0), PM_OPEN);
	client_stop(&c);
}

PM_TEST(a_host_that_owes_an_answer_is_passed_over)
{
	struct client c;
	struct pm_hosts *h;

	client_start(&c, "a b");
	h = &c.pve->hosts;
	pm_hosts_learn(h, "pve1", NULL, &h->v[0]);
	pm_hosts_asked(h, &h->v[0], now(&c));
	pass(&c, 999);
	assert_string_equal(order_of(&c, "pve1"), "a b");
	pass(&c, 1);
	assert_string_equal(order_of(&c, "pve1"), "b a");
	/* Any sign of life will do. */
	end_call(&c, 0, PM_OK, 200);
	assert_string_equal(order_of(&c, "pve1"), "a b");
	pass(&c, 1000);
	assert_string_equal(order_of(&c, "pve1"), "b a");
	/* It is probed, and nothing is held against it yet. */
	assert_int_equal(count_due(&c), 1);
	assert_int_equal(circuit_of(&c, 0), PM_CLOSED);
	pm_hosts_spared(h, &h->v[0]);
	assert_string_equal(order_of(&c, "pve1"), "a b");
	/* Having had nothing to say for long is no silence. */
	pass(&c, 100000);
	pm_hosts_asked(h, &h->v[0], now(&c));
	assert_string_equal(order_of(&c, "pve1"), "a b");
	client_stop(&c);
}

/* A silent host is probed beside calls to others; when it does not answer that either, whoever waits for
 * it and may ask elsewhere is sent on. */
PM_TEST(who_waits_for_a_silent_host_is_sent_on)
{
	struct pm_waiter w = { .next = NULL };
	struct pm_hosts *h;
	struct client c;

	client_start_token(&c, "a b");
	h = &c.pve->hosts;
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "a", .times = 1, .status = 501 });
	client_fail(&c, "a", NULL, PM_E_TIMEOUT, true);
	pm_hosts_asked(h, &h->v[0], now(&c));
	pm_hosts_wait(h, &h->v[0], &w);
	pass(&c, 1000);
	/* It is slow, but it lives. */
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 1);
	assert_false(atomic_load(&w.cancel.on));
	assert_int_equal(circuit_of(&c, 0), PM_CLOSED);
	pass(&c, 1000);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 2);
	assert_true(atomic_load(&w.cancel.on));
	assert_int_equal(circuit_of(&c, 0), PM_OPEN);
	assert_true(pm_hosts_waited(h, &h->v[0], &w));
	pm_hosts_spared(h, &h->v[0]);
	client_stop(&c);
}

/* A transport to a host that takes requests and answers none: a call to it ends when it is cancelled. */
struct stuck {
	struct pm_transport base;
	struct pm_transport *inner;
	const struct pm_clock *clock;
	atomic_uint n;
};

static void stuck_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct stuck *k = (struct stuck *)t;

	if (strcmp(v[0]->host->name, "a") == 0 && strcmp(v[0]->path, API "/x") == 0) {
		atomic_fetch_add(&k->n, 1);
		/* Without end it would hang where nobody gives it up. */
		for (unsigned i = 0; !pm_cancelled(cancel, k->clock) && i < 20000000; i++)
			(void)sched_yield();
		(void)pm_error_set(&v[0]->err, PM_E_CANCELLED, "cancelled");
		v[0]->err.maybe_sent = true;
		v++;
		n--;
	}
	pm_net_batch(k->inner, v, n, done, arg, NULL);
}

static void *get_x(void *arg)
{
	struct client *c = arg;
	struct pm_job job = { .cancel = &c->cancel, .clock = &c->clock.clock };
	struct pm_pve_call call = { .method = "GET", .path = "/x" };
	struct pm_error err;

	return pm_pve_call(c->pve, &job, &call, NULL, &err) < 0 ? c : NULL;
}

PM_TEST(a_call_to_a_stopped_host_is_made_elsewhere)
{
	static const struct pm_transport_ops ops = { stuck_batch, NULL };
	struct stuck k = { .base.ops = &ops };
	struct pm_host_state s[2];
	struct client c;
	pthread_t t;
	void *bad;

	client_start_token(&c, "a b");
	client_answer(&c, "GET", "/[xy]", "{\"data\":1}");
	client_fail(&c, "a", NULL, PM_E_TIMEOUT, true);
	k.inner = c.net;
	k.clock = &c.clock.clock;
	c.pve->transport = &k.base;
	assert_int_equal(pthread_create(&t, NULL, get_x, &c), 0);
	while (atomic_load(&k.n) == 0)
		(void)sched_yield();
	pass(&c, 1000);
	assert_ok(client_get(&c, "/y"), &c.err);
	assert_int_equal(pthread_join(t, &bad), 0);
	assert_null(bad);
	assert_string_equal(client_host(&c, 0, "GET", "/x"), "b");
	assert_string_equal(client_host(&c, 0, "GET", "/y"), "b");
	assert_int_equal(pm_pve_hosts(c.pve, s, 2), 2);
	assert_int_equal(s[0].circuit, PM_OPEN);
	assert_int_equal(c.pve->hosts.health[0].waiting, 0);
	client_stop(&c);
}

PM_TEST(what_concerns_no_node_goes_where_there_is_room)
{
	struct client c;
	struct pm_hosts *h;

	client_start(&c, "a b");
	h = &c.pve->hosts;
	for (unsigned i = 0; i < h->v[0].reads; i++) {
		assert_string_equal(order_of(&c, NULL), "a b");
		pm_hosts_asked(h, &h->v[0], now(&c));
	}
	assert_string_equal(order_of(&c, NULL), "b a");
	for (unsigned i = 0; i <= h->v[1].reads; i++)
		pm_hosts_asked(h, &h->v[1], now(&c));
	assert_string_equal(order_of(&c, NULL), "a b");
	client_stop(&c);
}

/* ---- hosts learnt of /cluster/status ---- */

#define ROW(name, ip, local, online)                                                  \
	"{\"type\":\"node\",\"name\":\"" name "\",\"ip\":\"" ip "\",\"local\":" local \
	",\"online\":" online "}"

static void take_status(struct client *c, unsigned told, const char *rows)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	const char *text = pm_arena_printf(c->arena, "[%s]", rows);

	assert_ok(pm_json_parse(text, strlen(text), &root, &c->err), &c->err);
	pm_hosts_take_status(&c->pve->hosts, &c->pve->hosts.v[told], root);
}

PM_TEST(nodes_become_hosts_once_a_probe_found_them)
{
	struct client c;

	client_start_token(&c, "10.0.0.1:443");
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	client_answer(&c, "GET", "/cluster/status",
		"{\"data\":[{\"type\":\"cluster\"}," ROW("pve1", "10.0.0.1", "1", "1") "," ROW(
			"pve2", "10.0.0.2", "0", "1") "," ROW("pve3", "fd00::3", "0",
			"1") "," ROW("pve4", "10.0.0.4", "0", "0") "]}");
	assert_ok(client_get(&c, "/cluster/status"), &c.err);
	assert_int_equal(atomic_load(&c.pve->hosts.n), 3);
	assert_string_equal(c.pve->hosts.v[1].url, "https://10.0.0.2:443");
	assert_string_equal(c.pve->hosts.v[2].url, "https://[fd00::3]:443");
	assert_string_equal(order_of(&c, "pve2"), "10.0.0.1:443 pve2 pve3");
	/* Beside the next call they are probed, without credentials. */
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 2);
	assert_string_equal(client_host(&c, 0, "GET", "/access/domains"), "pve2");
	assert_string_equal(client_headers(&c, 0, "GET", "/access/domains"), "");
	assert_string_equal(order_of(&c, "pve2"), "pve2 pve3 10.0.0.1:443");
	/* Nothing new comes of hearing it twice. */
	assert_ok(client_get(&c, "/cluster/status"), &c.err);
	assert_int_equal(atomic_load(&c.pve->hosts.n), 3);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 2);
	client_stop(&c);
}

PM_TEST(reading_the_cluster_teaches_hosts)
{
	struct pm_facts facts;
	struct client c;

	client_start_token(&c, "10.0.0.1");
	client_answer(&c, "GET", "/cluster/resources", "{\"data\":[]}");
	client_answer(&c, "GET", "/cluster/status",
		"{\"data\":[" ROW("pve1", "10.0.0.1", "1", "1") "," ROW(
			"pve2", "10.0.0.2", "0", "1") "]}");
	assert_ok(pm_pve_facts(c.pve, &c.job, &facts, &c.err), &c.err);
	assert_int_equal(atomic_load(&c.pve->hosts.n), 2);
	/* Reading many things at once probes, too. */
	assert_ok(pm_pve_facts(c.pve, &c.job, &facts, &c.err), &c.err);
	assert_string_equal(order_of(&c, "pve2"), "pve2 10.0.0.1");
	client_stop(&c);
}

static void no_answer_wanted(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	(void)i;
	(void)c;
	*(unsigned *)arg += err->code == PM_OK;
}

PM_TEST(a_big_read_is_dealt_out_anew_when_hosts_are_found)
{
	struct pm_get gets[30];
	unsigned good = 0;
	struct pm_fetch f = { .v = gets, .n = 30, .got = no_answer_wanted, .arg = &good };
	struct client c;

	client_start_token(&c, "10.0.0.1");
	client_answer(&c, "GET", "/nodes/*", "{\"data\":1}");
	take_status(&c, 0, ROW("pve1", "10.0.0.1", "1", "1") "," ROW("pve2", "10.0.0.2", "0", "1"));
	for (int i = 0; i < 30; i++)
		gets[i] = (struct pm_get){ .path = API "/nodes/pve2/x", .node = "pve2" };
	assert_ok(pm_pve_fetch(c.pve, &c.job, &f, &c.err), &c.err);
	assert_int_equal(good, 30);
	assert_int_equal(client_count(&c, "GET", "/nodes/*"), 30);
	for (size_t i = 0; i < 30; i++)
		assert_string_equal(client_host(&c, i, "GET", "/nodes/*"), "pve2");
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(c.pve->hosts.health[i].waiting, 0);
	client_stop(&c);
}

PM_TEST(a_learnt_host_that_is_not_trusted_is_dropped)
{
	struct pm_host_state s[2];
	struct client c;

	client_start_token(&c, "10.0.0.1");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "pve2", .fail = PM_E_AUTH });
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	take_status(&c, 0, ROW("pve1", "10.0.0.1", "1", "1") "," ROW("pve2", "10.0.0.2", "0", "1"));
	for (int i = 0; i < 5; i++) {
		assert_ok(client_get(&c, "/x"), &c.err);
		pass(&c, 600000);
	}
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 1);
	assert_string_equal(order_of(&c, "pve2"), "10.0.0.1");
	assert_int_equal(pm_pve_hosts(c.pve, s, 2), 2);
	assert_true(s[1].learnt && s[1].distrusted);
	assert_string_equal(s[1].node, "pve2");
	client_stop(&c);
}

PM_TEST(what_is_learnt_from_where)
{
	static const struct {
		const char *host, *rows;
		unsigned n;
	} table[] = {
		/* alone: nothing to learn */
		{ "10.0.0.1", ROW("pve1", "10.0.0.1", "1", "1"), 1 },
		/* known by name, by address */
		{ "pve2.lan", ROW("pve2", "10.0.0.2", "0", "1"), 1 },
		{ "10.0.0.2", ROW("pve2", "10.0.0.2", "0", "1"), 1 },
		/* a loopback address of somebody else is ourselves; of ourselves it is fine */
		{ "10.0.0.1", ROW("pve2", "127.0.0.2", "0", "1"), 1 },
		{ "10.0.0.1", ROW("pve2", "::1", "0", "1"), 1 },
		{ "127.0.0.1", ROW("pve2", "127.0.0.2", "0", "1"), 2 },
		/* what is no address, no name, not there */
		{ "10.0.0.1", ROW("pve2", "evil.example/x", "0", "1"), 1 },
		{ "10.0.0.1", ROW("pve2", "", "0", "1"), 1 },
		{ "10.0.0.1", ROW("pve2/../x", "10.0.0.2", "0", "1"), 1 },
		{ "10.0.0.1", ROW("pve2", "10.0.0.2", "0", "0"), 1 },
		{ "10.0.0.1", "{\"type\":\"node\"},7,{\"type\":\"node\",\"name\":\"pve2\"}", 1 },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct client c;

		client_start_token(&c, table[i].host);
		take_status(&c, 0, table[i].rows);
		if (atomic_load(&c.pve->hosts.n) != table[i].n)
			fail_msg("row %zu: %u hosts", i, atomic_load(&c.pve->hosts.n));
		client_stop(&c);
	}
}

PM_TEST(a_node_that_is_out_of_reach_is_seldom_probed)
{
	struct client c;

	client_start_token(&c, "10.0.0.1");
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	client_fail(&c, "pve2", NULL, PM_E_TIMEOUT, false);
	take_status(&c, 0, ROW("pve1", "10.0.0.1", "1", "1") "," ROW("pve2", "10.0.0.2", "0", "1"));
	for (int i = 0; i < 30; i++) {
		assert_ok(client_get(&c, "/x"), &c.err);
		pass(&c, 1000);
	}
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 1);
	pass(&c, 31000);
	assert_ok(client_get(&c, "/x"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 2);
	client_stop(&c);
}

PM_TEST(hosts_have_an_end)
{
	struct client c;

	client_start_token(&c, "10.0.0.1");
	for (unsigned i = 0; i < 100; i++)
		take_status(&c, 0,
			pm_arena_printf(c.arena,
				"{\"type\":\"node\",\"name\":\"n%u\",\"ip\":\"10.1.0.%u\",\"online\":1}",
				i, i));
	assert_int_equal(atomic_load(&c.pve->hosts.n), MOST_HOSTS);
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

/* ---- certificates ---- */

static int stderr_before;
static FILE *caught;

static void catch_stderr(void)
{
	(void)fflush(stderr);
	caught = tmpfile();
	assert_non_null(caught);
	stderr_before = dup(STDERR_FILENO);
	assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static unsigned count_caught(const char *part)
{
	char line[4096];
	unsigned n = 0;

	(void)fflush(stderr);
	assert_true(dup2(stderr_before, STDERR_FILENO) >= 0);
	(void)close(stderr_before);
	rewind(caught);
	while (fgets(line, sizeof(line), caught))
		n += strstr(line, part) != NULL;
	(void)fclose(caught);
	return n;
}

PM_TEST(a_host_with_another_certificate_is_left_out_with_one_warning)
{
	struct client c, other;

	client_start_token(&c, "b.example other");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "b.example", .fail = PM_E_AUTH });
	client_answer(&c, "GET", "/x", "{\"data\":1}");
	catch_stderr();
	for (int i = 0; i < 4; i++) {
		assert_ok(client_get(&c, "/x"), &c.err);
		pass(&c, 61000);
	}
	/* A second client of the same process has nothing new to say. */
	client_start_token(&other, "b.example other");
	pm_fake_add(other.net, &(struct pm_fake_rule){ .host = "b.example", .fail = PM_E_AUTH });
	client_answer(&other, "GET", "/x", "{\"data\":1}");
	assert_ok(client_get(&other, "/x"), &other.err);
	client_stop(&other);
	assert_int_equal(count_caught("warning a host is left out: its certificate is not trusted "
				      "host=b.example"),
		1);
	/* It is looked at now and then, in case it was mended; never with what is ours. */
	assert_int_equal(client_count(&c, "GET", "/access/domains"), 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(client_headers(&c, i, "GET", "/access/domains"), "");
	assert_string_equal(order_of(&c, NULL), "other b.example");
	client_stop(&c);
}
