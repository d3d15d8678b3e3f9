/* Whom we trust: CA, pinned fingerprints, nobody; and that a server we do not trust gets no request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "net_test.h"

static const struct server_opts tls = { .tls = true };

static void is_refused(struct net *n, const char *part)
{
	const char *headers[] = { "Cookie: geheim", NULL };
	struct pm_call c = { .headers = headers, .body = "password=geheim" };
	unsigned before = server_count(n->server, NULL);
	struct pm_error err;

	assert_err(net_ask(n, &c, "POST", "/ok", &err), PM_E_AUTH, &err, part);
	assert_false(err.maybe_sent);
	assert_has(err.msg, server_fingerprint(n->server));
	assert_has(err.msg, "under fingerprints");
	assert_int_equal(server_count(n->server, NULL), before);
}

static void pin(struct net *n, const char *fingerprint)
{
	n->fingerprints[0] = fingerprint;
	n->host.fingerprints = n->fingerprints;
	n->host.nfingerprints = 1;
	n->host.ca_file = NULL;
}

/* As the configuration holds it: 64 digits in lower case. */
static void plain_digits(const char *shown, char out[65])
{
	for (; *shown; shown++) {
		if (*shown != ':')
			*out++ = (char)(*shown >= 'A' ? *shown + ('a' - 'A') : *shown);
	}
	*out = '\0';
}

PM_TEST(trust_a_ca)
{
	struct server_facts f;
	struct net n;

	net_start(&n, &tls);
	net_expect(&n, "/ok", 200);
	net_expect(&n, "/ok", 200);
	server_facts(n.server, &f);
	assert_int_equal(f.handshakes, 1);
	net_stop(&n);
}

PM_TEST(trust_not_another_ca)
{
	struct net n, other;

	net_start(&other, &tls);
	net_start(&n, &tls);
	n.host.ca_file = server_ca(other.server);
	is_refused(&n, "is not trusted");
	n.host.ca_file = NULL; /* the system's */
	is_refused(&n, "pve-root-ca.pem");
	net_stop(&n);
	net_stop(&other);
}

PM_TEST(trust_not_a_ca_that_is_none)
{
	struct pm_call c = { 0 };
	struct pm_error err;
	struct net n;

	net_start(&n, &tls);
	n.host.ca_file = pm_test_file(pm_test_dir(), "bad.pem", "not a certificate\n");
	assert_err(net_ask(&n, &c, "GET", "/ok", &err), PM_E_INPUT, &err, "bad.pem");
	n.host.ca_file = "/nowhere/ca.pem";
	assert_err(net_ask(&n, &c, "GET", "/ok", &err), PM_E_INPUT, &err, "/nowhere/ca.pem");
	assert_int_equal(server_count(n.server, NULL), 0);
	net_stop(&n);
}

PM_TEST(trust_not_another_name)
{
	static const struct server_opts other = { .tls = true, .other_name = true };
	struct net n;

	net_start(&n, &other);
	is_refused(&n, "127.0.0.1");
	net_stop(&n);
}

PM_TEST(trust_a_pinned_fingerprint)
{
	static const struct server_opts other = { .tls = true, .other_name = true };
	char digits[65];
	struct net n;

	net_start(&n, &other);
	plain_digits(server_fingerprint(n.server), digits);
	pin(&n, digits);
	net_expect(&n, "/ok", 200);
	pin(&n, server_fingerprint(n.server));
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(trust_no_other_fingerprint)
{
	char digits[67];
	struct net n;

	net_start(&n, &tls);
	plain_digits(server_fingerprint(n.server), digits);
	digits[64] = '0';
	digits[65] = '\0';
	pin(&n, digits);
	is_refused(&n, "not one of the pinned");
	digits[64] = '\0';
	for (size_t i = 0; i < 64; i += 21) {
		char good = digits[i];

		digits[i] = good == '0' ? '1' : '0';
		pin(&n, digits);
		is_refused(&n, "not one of the pinned");
		digits[i] = good;
	}
	digits[63] = '\0';
	pin(&n, digits);
	is_refused(&n, "not one of the pinned");
	pin(&n, "");
	is_refused(&n, "not one of the pinned");
	net_stop(&n);
}

/* A connection that one trust opened is not used by another. */
PM_TEST(trust_is_not_lent)
{
	struct pm_host good;
	char digits[65];
	struct net n;

	net_start(&n, &tls);
	good = n.host;
	net_expect(&n, "/ok", 200);
	memset(digits, 'a', 64);
	digits[64] = '\0';
	pin(&n, digits);
	is_refused(&n, "not one of the pinned");
	n.host = good;
	net_expect(&n, "/ok", 200);
	plain_digits(server_fingerprint(n.server), digits);
	pin(&n, digits);
	net_expect(&n, "/ok", 200);
	n.host = good;
	n.host.ca_file = NULL;
	n.host.insecure = true;
	net_expect(&n, "/ok", 200);
	n.host.insecure = false;
	is_refused(&n, NULL);
	net_stop(&n);
}

/* The same between two hosts that both are pinned, where libcurl alone could not tell them apart. */
PM_TEST(trust_is_not_lent_between_pins)
{
	char right[65], wrong[65];
	struct net n;

	net_start(&n, &tls);
	plain_digits(server_fingerprint(n.server), right);
	memset(wrong, 'b', 64);
	wrong[64] = '\0';
	pin(&n, right);
	net_expect(&n, "/ok", 200);
	pin(&n, wrong);
	is_refused(&n, NULL);
	pin(&n, right);
	net_expect(&n, "/ok", 200);
	pin(&n, wrong);
	is_refused(&n, NULL);
	net_stop(&n);
}

/* Two hosts of one cluster, one of which shows another certificate than it should: it gets nothing, neither
 * of reads nor of writes, and the other one goes on. */
PM_TEST(trust_one_of_two_hosts)
{
	const char *headers[] = { "Cookie: geheim", NULL };
	struct pm_call calls[40] = { { 0 } }, *v[40];
	struct server_facts f;
	struct net n, changed;

	net_start(&n, &tls);
	net_start(&changed, &tls);
	changed.host.name = "pve2";
	changed.host.ca_file = n.host.ca_file;
	for (size_t i = 0; i < PM_COUNT(v); i++) {
		calls[i] = (struct pm_call){ .host = i % 2 ? &changed.host : &n.host,
			.method = i % 4 < 2 ? "GET" : "PUT",
			.path = "/ok",
			.headers = headers,
			.body = i % 4 < 2 ? NULL : "password=geheim" };
		v[i] = &calls[i];
	}
	pm_net_batch(n.t, v, PM_COUNT(v), NULL, NULL, NULL);
	for (size_t i = 0; i < PM_COUNT(v); i++) {
		assert_int_equal(calls[i].err.code, i % 2 ? PM_E_AUTH : PM_OK);
		assert_true(i % 2 == 0 || !calls[i].err.maybe_sent);
		pm_call_done(&calls[i]);
	}
	assert_int_equal(server_count(n.server, NULL), 20);
	server_facts(changed.server, &f);
	assert_true(f.connections > 0);
	assert_int_equal(f.handshakes, 0);
	assert_int_equal(f.requests, 0);
	net_stop(&changed);
	net_stop(&n);
}

PM_TEST(trust_everybody_when_asked_to)
{
	static const struct server_opts other = { .tls = true, .other_name = true };
	struct net n;

	net_start(&n, &other);
	n.host.ca_file = NULL;
	n.host.insecure = true;
	net_expect(&n, "/ok", 200);
	net_stop(&n);
}

PM_TEST(trust_needs_tls)
{
	struct pm_call c = { 0 };
	struct pm_error err;
	char url[64];
	struct net n;

	net_start(&n, NULL);
	(void)snprintf(url, sizeof(url), "https%s", server_url(n.server) + strlen("http"));
	n.host.url = url;
	assert_err(net_ask(&n, &c, "POST", "/ok", &err), PM_E_UNREACHABLE, &err, "no TLS with");
	assert_false(err.maybe_sent);
	net_stop(&n);
}
