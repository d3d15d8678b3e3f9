/* The HTTP face over loopback: ports that close and open again, pauses, certificates, headers. Server and
 * clients share one event loop, so that nothing waits for anything but them. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/in.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <signal.h>

#include "sim/http_priv.h"
#include "sim_test.h"

struct place {
	struct sim_cli cli;
	struct pm_sim *sim;
	struct sim_server *v;
	SSL_CTX *trust; /* the cluster's authority, host names are compared */
};

struct client {
	struct place *p;
	struct bufferevent *bev;
	struct evbuffer *got;
	bool connected, ended;
	long verified; /* X509_V_... of the certificate; -1: none seen */
};

static void place_open(struct place *p, unsigned nodes, bool plain, int64_t latency_us)
{
	struct pm_error err;
	BIO *pem;
	X509 *ca;

	(void)signal(SIGPIPE, SIG_IGN);
	memset(p, 0, sizeof(*p));
	p->cli = (struct sim_cli){ .o = { .nodes = nodes, .seed = 1, .latency_us = latency_us },
		.listen = "127.0.0.1:0",
		.plain = plain };
	p->cli.o.no_401_delay = true;
	assert_ok(pm_sim_new(&p->sim, &p->cli.o, &err), &err);
	assert_ok(pm_s_server_new(&p->v, p->sim, &p->cli, &err), &err);
	if (plain)
		return;
	{
		cleanup_free char *text = pm_s_tls_pem(p->v->authority.cert);

		pem = BIO_new_mem_buf(text, -1);
		ca = PEM_read_bio_X509(pem, NULL, NULL, NULL);
		BIO_free(pem);
	}
	p->trust = SSL_CTX_new(TLS_client_method());
	X509_STORE_add_cert(SSL_CTX_get_cert_store(p->trust), ca);
	X509_free(ca);
}

static void place_close(struct place *p)
{
	pm_s_server_free(p->v);
	pm_sim_free(p->sim);
	SSL_CTX_free(p->trust);
}

static void order(struct place *p, const char *line)
{
	struct pm_error err;
	char out[256];

	assert_int_equal(pm_sim_control(p->sim, line, out, sizeof(out)), 0);
	assert_ok(pm_s_server_follow(p->v, &err), &err);
}

static void on_data(struct bufferevent *bev, void *arg)
{
	struct client *c = arg;

	(void)bufferevent_read_buffer(bev, c->got);
}

static void on_change(struct bufferevent *bev, short what, void *arg)
{
	struct client *c = arg;
	SSL *ssl = c->p->trust ? bufferevent_openssl_get_ssl(bev) : NULL;

	c->connected |= (what & BEV_EVENT_CONNECTED) != 0;
	c->ended |= (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR)) != 0;
	if (ssl && (what & BEV_EVENT_CONNECTED))
		c->verified = SSL_get_verify_result(ssl);
}

static void client_open(struct client *c, struct place *p, unsigned node)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(p->v->at[node].port) };

	*c = (struct client){ .p = p, .got = evbuffer_new(), .verified = -1 };
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK + node);
	if (p->trust) {
		SSL *ssl = SSL_new(p->trust);

		SSL_set1_host(ssl, pm_sim_node_name(p->sim, node));
		c->bev = bufferevent_openssl_socket_new(
			p->v->base, -1, ssl, BUFFEREVENT_SSL_CONNECTING, BEV_OPT_CLOSE_ON_FREE);
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	} else {
		c->bev = bufferevent_socket_new(p->v->base, -1, BEV_OPT_CLOSE_ON_FREE);
	}
	bufferevent_setcb(c->bev, on_data, NULL, on_change, c);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
	(void)bufferevent_socket_connect(c->bev, (struct sockaddr *)&sa, sizeof(sa));
}

static void client_close(struct client *c)
{
	bufferevent_free(c->bev);
	evbuffer_free(c->got);
}

/* Until the connection is there or failed. */
static bool connects(struct client *c)
{
	while (!c->connected && !c->ended)
		event_base_loop(c->p->v->base, EVLOOP_ONCE);
	return c->connected && !c->ended;
}

static void ends(struct client *c)
{
	while (!c->ended)
		event_base_loop(c->p->v->base, EVLOOP_ONCE);
}

/* Turns the loop until nothing happens any more. */
static void settle(struct place *p)
{
	for (int i = 0; i < 200; i++)
		event_base_loop(p->v->base, EVLOOP_NONBLOCK);
}

static void send_get(struct client *c, const char *path)
{
	evbuffer_add_printf(bufferevent_get_output(c->bev),
		"GET /api2/json%s HTTP/1.1\r\nHost: x\r\n\r\n", path);
}

/* The head of the next answer, which stands until the next call; the body is thrown away. */
static const char *answer_of(struct client *c)
{
	static char head[2048];
	struct evbuffer_ptr end;
	const char *length;

	for (;;) {
		end = evbuffer_search(c->got, "\r\n\r\n", 4, NULL);
		if (end.pos >= 0 || c->ended)
			break;
		event_base_loop(c->p->v->base, EVLOOP_ONCE);
	}
	assert_true(end.pos >= 0 && end.pos < (long)sizeof(head) - 4);
	(void)evbuffer_remove(c->got, head, (size_t)end.pos + 4);
	head[end.pos] = '\0';
	length = strstr(head, "Content-Length: ");
	if (length) {
		size_t n = 0;

		for (const char *p = length + 16; *p >= '0' && *p <= '9'; p++)
			n = n * 10 + (size_t)(*p - '0');
		while (evbuffer_get_length(c->got) < n && !c->ended)
			event_base_loop(c->p->v->base, EVLOOP_ONCE);
		evbuffer_drain(c->got, n);
	}
	return head;
}

PM_TEST(sim_server_killed)
{
	struct place p;
	struct client a, b;
	uint16_t port;

	place_open(&p, 2, false, 0);
	port = p.v->at[1].port;
	client_open(&a, &p, 1);
	assert_true(connects(&a));
	send_get(&a, "/access/domains");
	assert_has(answer_of(&a), "HTTP/1.1 200 OK");
	order(&p, "host-kill pve2");
	settle(&p);
	assert_true(a.ended);
	client_open(&b, &p, 1);
	assert_false(connects(&b));
	client_close(&b);
	client_open(&b, &p, 0);
	assert_true(connects(&b));
	client_close(&b);
	order(&p, "host-start pve2");
	assert_int_equal(p.v->at[1].port, port);
	client_open(&b, &p, 1);
	assert_true(connects(&b));
	client_close(&b);
	client_close(&a);
	place_close(&p);
}

PM_TEST(sim_server_paused)
{
	struct place p;
	struct client open, fresh, other;

	place_open(&p, 2, false, 0);
	client_open(&open, &p, 0);
	assert_true(connects(&open));
	order(&p, "host-pause pve1");
	send_get(&open, "/access/domains");
	client_open(&fresh, &p, 0);
	client_open(&other, &p, 1);
	assert_true(connects(&other));
	send_get(&other, "/access/domains");
	assert_has(answer_of(&other), "200 OK");
	settle(&p);
	assert_int_equal(evbuffer_get_length(open.got), 0);
	assert_false(open.ended || fresh.ended || fresh.connected);
	order(&p, "host-continue pve1");
	assert_has(answer_of(&open), "200 OK");
	assert_true(connects(&fresh));
	client_close(&open);
	client_close(&fresh);
	client_close(&other);
	place_close(&p);
}

/* An answer that was due during the pause comes after it. */
PM_TEST(sim_server_paused_in_flight)
{
	struct place p;
	struct client c;

	place_open(&p, 1, true, 2000);
	client_open(&c, &p, 0);
	send_get(&c, "/access/domains");
	while (!p.sim->node[0].busy[0]) /* until the request is done and its answer waits */
		event_base_loop(p.v->base, EVLOOP_ONCE);
	order(&p, "host-pause pve1");
	while (pm_mono_ns(&pm_clock_system) < p.sim->node[0].busy[0] + PM_MS_NS)
		event_base_loop(p.v->base, EVLOOP_NONBLOCK);
	settle(&p);
	assert_int_equal(evbuffer_get_length(c.got), 0);
	order(&p, "host-continue pve1");
	assert_has(answer_of(&c), "200 OK");
	client_close(&c);
	place_close(&p);
}

static long shown(struct place *p, unsigned node)
{
	struct client c;
	long verified;

	client_open(&c, p, node);
	assert_true(connects(&c));
	verified = c.verified;
	client_close(&c);
	return verified;
}

PM_TEST(sim_server_certificates)
{
	struct place p;
	struct client c;
	char was[96];

	place_open(&p, 2, false, 0);
	(void)snprintf(was, sizeof(was), "%s", p.v->at[1].fingerprint);
	client_open(&c, &p, 1);
	assert_true(connects(&c));
	assert_int_equal(c.verified, X509_V_OK);
	order(&p, "cert-wrong pve2");
	settle(&p);
	assert_true(c.ended); /* who is connected is cut off */
	client_close(&c);
	assert_int_not_equal(shown(&p, 1), X509_V_OK);
	assert_int_equal(shown(&p, 0), X509_V_OK);
	order(&p, "cert-wrong pve2 renewed");
	assert_int_equal(shown(&p, 1), X509_V_OK);
	order(&p, "cert-wrong pve2 expired");
	assert_int_equal(shown(&p, 1), X509_V_ERR_CERT_HAS_EXPIRED);
	order(&p, "cert-wrong pve2 name");
	assert_int_equal(shown(&p, 1), X509_V_ERR_HOSTNAME_MISMATCH);
	order(&p, "cert-right pve2");
	assert_int_equal(shown(&p, 1), X509_V_OK);
	assert_string_equal(p.v->at[1].fingerprint, was);
	place_close(&p);
}

/* Names and addresses of the certificate of a node, as PVE makes it. */
PM_TEST(sim_server_names)
{
	struct place p;
	X509 *x;

	place_open(&p, 2, false, 0);
	x = SSL_CTX_get0_certificate(p.v->at[1].ctx);
	assert_int_equal(X509_check_host(x, "pve2", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "pve2.rig.test", 0, 0, NULL), 1);
	assert_int_equal(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	assert_int_equal(X509_check_ip_asc(x, "127.0.0.2", 0), 1);
	assert_int_equal(X509_check_host(x, "pve1", 0, 0, NULL), 0);
	place_close(&p);
}

PM_TEST(sim_server_headers)
{
	struct place p;
	struct client c;
	const char *head;

	place_open(&p, 1, true, 0);
	order(&p, "rate-limit pve1 1 5");
	client_open(&c, &p, 0);
	send_get(&c, "/access/domains");
	head = answer_of(&c);
	assert_has(head, "HTTP/1.1 429 Too Many Requests");
	assert_has(head, "Retry-After: 5\r\n");
	assert_has(head, "Connection: close");
	ends(&c);
	client_close(&c);
	order(&p, "clock pve1 -1000000000");
	client_open(&c, &p, 0);
	send_get(&c, "/access/domains");
	head = answer_of(&c);
	assert_null(strstr(head, "Retry-After"));
	assert_null(strstr(head, " 2026 "));
	client_close(&c);
	place_close(&p);
}

/* A hundred answers a connection; each error ends it. */
PM_TEST(sim_server_connections)
{
	struct place p;
	struct client c;

	place_open(&p, 1, true, 0);
	client_open(&c, &p, 0);
	for (int i = 1; i <= 100; i++) {
		send_get(&c, "/access/domains");
		assert_has(answer_of(&c), i < 100 ? "Connection: Keep-Alive" : "Connection: close");
	}
	ends(&c);
	client_close(&c);
	client_open(&c, &p, 0);
	send_get(&c, "/version");
	assert_has(answer_of(&c), "HTTP/1.1 401 No ticket");
	ends(&c);
	client_close(&c);
	place_close(&p);
}

/* Too many headers, or too long ones, get no answer at all, not even the end, before it was silent for long. */
PM_TEST(sim_server_deaf)
{
	struct place p;
	struct client many, fine;

	place_open(&p, 1, true, 0);
	client_open(&many, &p, 0);
	client_open(&fine, &p, 0);
	for (int i = 0; i < 2; i++) {
		struct evbuffer *out = bufferevent_get_output(i ? fine.bev : many.bev);

		evbuffer_add_printf(out, "GET /api2/json/access/domains HTTP/1.1\r\n");
		for (int j = 0; j < 63 - i; j++)
			evbuffer_add_printf(out, "X-%d: y\r\n", j);
		evbuffer_add_printf(out, "\r\n");
	}
	assert_has(answer_of(&fine), "200 OK");
	settle(&p);
	assert_int_equal(evbuffer_get_length(many.got), 0);
	assert_false(many.ended);
	client_close(&many);
	client_close(&fine);
	place_close(&p);
}

PM_TEST(sim_server_versions)
{
	static const struct {
		const char *line, *answer;
	} rows[] = {
		{ "GET /api2/json/access/domains HTTP/2.0", "HTTP/1.0 506" },
		{ "nonsense", "HTTP/1.0 400 bad request" },
		{ "GET /api2/json/access/domains HTTP/1.0", "HTTP/1.0 200 OK" },
	};
	struct place p;

	place_open(&p, 1, true, 0);
	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		struct client c;

		client_open(&c, &p, 0);
		evbuffer_add_printf(bufferevent_get_output(c.bev), "%s\r\n\r\n", rows[i].line);
		assert_has(answer_of(&c), rows[i].answer);
		ends(&c);
		client_close(&c);
	}
	place_close(&p);
}
