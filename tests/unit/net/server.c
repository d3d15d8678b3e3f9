/* A small web server inside the test; see server.h. One thread a connection, blocking calls. */
#include "server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/vec.h"
#include "pm_test.h"

#define HUGE_BYTES ((size_t)100 << 20)

struct conn {
	struct conn *next;
	struct server *server;
	pthread_t thread;
	int fd;
	SSL *ssl;
	unsigned served;
	char in[65536];
	size_t n;
};

struct request {
	char method[16], path[256];
	const char *body;
	size_t head, length;
};

struct server {
	struct server_opts opts;
	int fd;
	pthread_t thread;
	SSL_CTX *ctx;
	char url[64], fingerprint[100];
	const char *ca;

	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct conn *conns;
	bool ending, released;
	struct server_facts facts;
	unsigned reads, writes;
	PM_VEC(char *) paths;
	struct pm_buf head, body;
	unsigned files;
};

/* ---- certificates ---- */

static void add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX ctx;
	X509_EXTENSION *e;

	X509V3_set_ctx(&ctx, issuer, cert, NULL, NULL, 0);
	e = X509V3_EXT_conf_nid(NULL, &ctx, nid, value);
	assert_non_null(e);
	assert_int_equal(X509_add_ext(cert, e, -1), 1);
	X509_EXTENSION_free(e);
}

static X509 *certificate(
	const char *name, const char *san, EVP_PKEY *key, X509 *issuer, EVP_PKEY *by)
{
	static long serial = 1;
	X509 *cert = X509_new();
	X509_NAME *subject = X509_get_subject_name(cert);

	assert_int_equal(X509_set_version(cert, 2), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), serial++), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), -86400));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 86400));
	assert_int_equal(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC,
				 (const unsigned char *)name, -1, -1, 0),
		1);
	assert_int_equal(
		X509_set_issuer_name(cert, issuer ? X509_get_subject_name(issuer) : subject), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	if (san)
		add_extension(cert, issuer, NID_subject_alt_name, san);
	else
		add_extension(cert, cert, NID_basic_constraints, "critical,CA:TRUE");
	assert_true(X509_sign(cert, by, EVP_sha256()) > 0);
	return cert;
}

static void show_fingerprint(X509 *cert, char out[100])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	assert_int_equal(X509_digest(cert, EVP_sha256(), md, &n), 1);
	for (unsigned i = 0; i < n; i++)
		(void)snprintf(out + 3 * (size_t)i, 4, "%02X:", md[i]);
	out[95] = '\0';
}

static void start_tls(struct server *s)
{
	EVP_PKEY *ca_key = EVP_EC_gen("P-256"), *key = EVP_EC_gen("P-256");
	X509 *ca = certificate("podmox test CA", NULL, ca_key, NULL, ca_key);
	X509 *leaf = certificate("leaf",
		s->opts.other_name ? "DNS:elsewhere.example" : "IP:127.0.0.1", key, ca, ca_key);
	FILE *f;

	s->ca = pm_test_file(pm_test_dir(), "ca.pem", "");
	f = fopen(s->ca, "we");
	assert_non_null(f);
	assert_int_equal(PEM_write_X509(f, ca), 1);
	assert_int_equal(fclose(f), 0);
	show_fingerprint(leaf, s->fingerprint);
	s->ctx = SSL_CTX_new(TLS_server_method());
	assert_non_null(s->ctx);
	assert_int_equal(SSL_CTX_use_certificate(s->ctx, leaf), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s->ctx, key), 1);
	assert_int_equal(SSL_CTX_set_session_id_context(s->ctx, (const unsigned char *)"t", 1), 1);
	X509_free(leaf);
	X509_free(ca);
	EVP_PKEY_free(key);
	EVP_PKEY_free(ca_key);
}

/* ---- one connection ---- */

static ssize_t conn_read(struct conn *c)
{
	size_t room = sizeof(c->in) - 1 - c->n;
	ssize_t got = c->ssl ? SSL_read(c->ssl, c->in + c->n, (int)room)
			     : recv(c->fd, c->in + c->n, room, 0);

	if (got > 0) {
		c->n += (size_t)got;
		c->in[c->n] = '\0';
	}
	return got;
}

static bool conn_send(struct conn *c, const void *p, size_t n)
{
	size_t done = 0;

	while (done < n) {
		ssize_t put = c->ssl ? SSL_write(c->ssl, (const char *)p + done, (int)(n - done))
				     : send(c->fd, (const char *)p + done, n - done, MSG_NOSIGNAL);

		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

static bool send_text(struct conn *c, const char *text)
{
	return conn_send(c, text, strlen(text));
}

static size_t number_after(const char *text, const char *name)
{
	const char *at = strcasestr(text, name);
	size_t n = 0;

	for (at = at ? at + strlen(name) : ""; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (size_t)(*at - '0');
	return n;
}

static bool is_file(const struct request *q)
{
	return strncmp(q->path, "/file/", 6) == 0;
}

/* Reads a whole request, or the head of a file; false at the end of the connection. */
static bool read_request(struct conn *c, struct request *q)
{
	char *end;

	while ((end = strstr(c->in, "\r\n\r\n")) == NULL) {
		/* Somebody speaks TLS where none is spoken. */
		if (conn_read(c) <= 0 || c->in[0] == 0x16)
			return false;
	}
	/* NOLINTNEXTLINE(cert-err34-c) */
	if (sscanf(c->in, "%15s %255s", q->method, q->path) != 2)
		return false;
	q->head = (size_t)(end + 4 - c->in);
	*end = '\0';
	q->length = number_after(c->in, "\r\nContent-Length: ");
	*end = '\r';
	q->body = c->in + q->head;
	if (is_file(q))
		return true;
	while (c->n < q->head + q->length) {
		if (conn_read(c) <= 0)
			return false;
	}
	return true;
}

static void drop_request(struct conn *c, const struct request *q)
{
	size_t n = q->head + q->length;

	memmove(c->in, c->in + n, c->n - n + 1);
	c->n -= n;
	c->served++;
}

static bool is_read(const struct request *q)
{
	return strcmp(q->method, "GET") == 0;
}

static void enter(struct server *s, const struct request *q)
{
	unsigned *now = is_read(q) ? &s->reads : &s->writes;
	unsigned *most = is_read(q) ? &s->facts.most_reads : &s->facts.most_writes;

	pthread_mutex_lock(&s->lock);
	s->facts.requests++;
	if (++*now > *most)
		*most = *now;
	pm_vec_push(&s->paths, pm_xstrdup(q->path));
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void leave(struct server *s, const struct request *q)
{
	pthread_mutex_lock(&s->lock);
	(*(is_read(q) ? &s->reads : &s->writes))--;
	pthread_mutex_unlock(&s->lock);
}

static bool answer(struct conn *c, const char *status, const char *body, size_t n, bool last)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	unsigned retry_after_s = c->server->opts.retry_after_s;

	(void)pm_buf_addf(&out,
		"HTTP/1.1 %s\r\nCache-Control: max-age=0\r\nConnection: %s\r\n"
		"Date: Sat, 21 Nov 2026 21:47:32 GMT\r\nPragma: no-cache\r\n"
		"Server: test/3.0\r\nContent-Length: %zu\r\nRetry-After: %u\r\n"
		"Content-Type: application/json;charset=UTF-8\r\n\r\n",
		status, last ? "close" : "Keep-Alive", n, retry_after_s > 0 ? retry_after_s : 7);
	(void)pm_buf_add(&out, body, n);
	return conn_send(c, out.p, out.len) && !last;
}

static bool answer_flood(struct conn *c, bool say_so)
{
	static const char zeros[16384];
	char head[200];

	if (say_so)
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %zu\r\n\r\n",
			HUGE_BYTES);
	else
		(void)snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\n\r\n");
	if (!send_text(c, head))
		return false;
	for (size_t n = 0; n < HUGE_BYTES; n += sizeof(zeros)) {
		if (!conn_send(c, zeros, sizeof(zeros)))
			return false;
	}
	return false;
}

/* Waits for server_release() or the end of the client or the server. */
static bool held(struct conn *c)
{
	struct server *s = c->server;
	bool go;

	pthread_mutex_lock(&s->lock);
	while (!s->released && !s->ending)
		pthread_cond_wait(&s->changed, &s->lock);
	go = !s->ending;
	pthread_mutex_unlock(&s->lock);
	return go;
}

static bool answer_big(struct conn *c, const struct request *q, bool last)
{
	size_t n = number_after(q->path, "/big/");
	cleanup_free char *body = pm_xcalloc(1, n + 1);

	memset(body, 'x', n);
	return answer(c, "200 OK", body, n, last);
}

static bool answer_status(struct conn *c, const struct request *q)
{
	char status[300];

	(void)snprintf(status, sizeof(status), "%s", q->path + strlen("/status/"));
	for (char *p = status; *p; p++) {
		if (*p == '+' || *p == '/')
			*p = ' ';
	}
	return answer(c, status, "{\"data\":null}", 13, status[0] >= '4');
}

static bool take_file(struct conn *c, const struct request *q)
{
	struct server *s = c->server;
	bool slow = strcmp(q->path, "/file/slow") == 0;

	pm_buf_clear(&s->head);
	pm_buf_clear(&s->body);
	(void)pm_buf_add(&s->head, c->in, q->head);
	(void)pm_buf_add(&s->body, q->body, c->n - q->head);
	while (s->body.len < q->length) {
		size_t before = s->body.len >> 16;

		c->n = 0;
		if (conn_read(c) <= 0)
			return false;
		(void)pm_buf_add(&s->body, c->in, c->n);
		if (slow && s->body.len >> 16 != before)
			atomic_fetch_add(&s->opts.clock->ns, s->opts.tick_ns);
	}
	pthread_mutex_lock(&s->lock);
	s->files++;
	pthread_mutex_unlock(&s->lock);
	return answer(c, "200 OK", "{\"data\":1}", 10, true);
}

static bool serve_file(struct conn *c, const struct request *q)
{
	if (strcmp(q->path, "/file/refuse") == 0)
		return answer(c, "403 Permission check failed", "{\"data\":null}", 13, true);
	if (strcmp(q->path, "/file/stop") == 0)
		return held(c) && false;
	if (strcmp(q->path, "/file/held") == 0 && !held(c))
		return false;
	return take_file(c, q);
}

/* false: the connection is to be closed. */
static bool serve(struct conn *c, const struct request *q, bool last)
{
	char text[400];

	if (is_file(q))
		return serve_file(c, q);
	if (strcmp(q->path, "/echo") == 0) {
		(void)snprintf(text, sizeof(text), "%s %.*s", q->method, (int)q->length, q->body);
		return answer(c, "200 OK", text, strlen(text), last);
	}
	if (strncmp(q->path, "/status/", 8) == 0)
		return answer_status(c, q);
	if (strncmp(q->path, "/nolength/", 10) == 0) {
		(void)snprintf(text, sizeof(text), "HTTP/1.1 %s No length\r\n\r\n", q->path + 10);
		return send_text(c, text) && false;
	}
	if (strncmp(q->path, "/big/", 5) == 0)
		return answer_big(c, q, last);
	if (strcmp(q->path, "/die") == 0 ||
		(strcmp(q->path, "/die-when-reused") == 0 && c->served > 0))
		return false;
	if (strcmp(q->path, "/cut") == 0)
		return send_text(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"data\":") &&
		       false;
	if (strcmp(q->path, "/cut-bare") == 0)
		return send_text(c, "HTTP/1.1 200 OK\r\n\r\n") && false;
	if (strcmp(q->path, "/rubbish") == 0)
		return send_text(c, "SSH-2.0-OpenSSH_9.2p1\r\n") && false;
	if (strcmp(q->path, "/huge") == 0 || strcmp(q->path, "/endless") == 0)
		return answer_flood(c, q->path[1] == 'h');
	return answer(c, "200 OK", "{\"data\":1}", 10, last);
}

static void talk(struct conn *c)
{
	struct server *s = c->server;
	bool go = true;

	while (go) {
		struct request q = { .method = "" };

		if (!read_request(c, &q))
			return;
		enter(s, &q);
		if (strcmp(q.path, "/hold") == 0)
			go = held(c);
		else if (strcmp(q.path, "/silent") == 0)
			go = conn_read(c) > 0 && false;
		/* Before the answer: the next request may come in right after it. */
		leave(s, &q);
		go = go && serve(c, &q, c->served + 1 == s->opts.per_connection);
		if (go)
			drop_request(c, &q);
	}
}

static bool handshake(struct conn *c)
{
	struct server *s = c->server;

	if (!s->ctx)
		return true;
	c->ssl = SSL_new(s->ctx);
	assert_int_equal(SSL_set_fd(c->ssl, c->fd), 1);
	if (SSL_accept(c->ssl) != 1)
		return false;
	pthread_mutex_lock(&s->lock);
	s->facts.handshakes++;
	s->facts.resumed += SSL_session_reused(c->ssl) == 1;
	pthread_mutex_unlock(&s->lock);
	return true;
}

static void *conn_main(void *arg)
{
	struct conn *c = arg;
	sigset_t pipe;

	(void)sigemptyset(&pipe);
	(void)sigaddset(&pipe, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &pipe, NULL);
	if (handshake(c))
		talk(c);
	/* Closing would free the number while server_stop() may still use it. */
	(void)shutdown(c->fd, SHUT_RDWR);
	return NULL;
}

/* ---- the server ---- */

static void *accept_main(void *arg)
{
	struct server *s = arg;
	int fd, one = 1;

	while ((fd = accept(s->fd, NULL, NULL)) >= 0) {
		struct conn *c = pm_xcalloc(1, sizeof(*c));

		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		c->server = s;
		c->fd = fd;
		pthread_mutex_lock(&s->lock);
		c->next = s->conns;
		s->conns = c;
		s->facts.connections++;
		pthread_mutex_unlock(&s->lock);
		assert_int_equal(pthread_create(&c->thread, NULL, conn_main, c), 0);
	}
	return NULL;
}

static int listen_loopback(unsigned *ret_port)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t n = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &n), 0);
	*ret_port = ntohs(a.sin_port);
	return fd;
}

unsigned server_dead_port(void)
{
	unsigned port;
	int fd = listen_loopback(&port);

	/* Bound but not listening refuses, and nobody else gets it meanwhile: it is left open. */
	(void)fd;
	return port;
}

unsigned server_silent_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	unsigned port;
	int fd = listen_loopback(&port), r = 0;

	assert_int_equal(listen(fd, 0), 0);
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	a.sin_port = htons((uint16_t)port);
	/* Linux drops what does not fit; all of it stays open until the program ends. */
	for (int i = 0; i < 10 && r == 0; i++) {
		int in = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		struct pollfd p = { .fd = in, .events = POLLOUT };

		assert_true(in >= 0);
		(void)connect(in, (struct sockaddr *)&a, sizeof(a));
		r = poll(&p, 1, 50) == 1 ? 0 : -1;
	}
	assert_int_equal(r, -1);
	return port;
}

struct server *server_start(const struct server_opts *o)
{
	struct server *s = pm_xcalloc(1, sizeof(*s));
	unsigned port;

	if (o)
		s->opts = *o;
	assert_int_equal(pthread_mutex_init(&s->lock, NULL), 0);
	assert_int_equal(pthread_cond_init(&s->changed, NULL), 0);
	if (s->opts.tls)
		start_tls(s);
	s->head = s->body = (struct pm_buf)PM_BUF(0);
	s->fd = listen_loopback(&port);
	/* So that what was sent is soon what was read. */
	if (s->opts.receive_buffer > 0)
		assert_int_equal(setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &s->opts.receive_buffer,
					 sizeof(int)),
			0);
	assert_int_equal(listen(s->fd, 64), 0);
	(void)snprintf(
		s->url, sizeof(s->url), "http%s://127.0.0.1:%u", s->opts.tls ? "s" : "", port);
	assert_int_equal(pthread_create(&s->thread, NULL, accept_main, s), 0);
	return s;
}

void server_stop(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->ending = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
	(void)shutdown(s->fd, SHUT_RDWR);
	(void)pthread_join(s->thread, NULL);
	(void)close(s->fd);
	while (s->conns) {
		struct conn *c = s->conns;

		s->conns = c->next;
		(void)shutdown(c->fd, SHUT_RDWR);
		(void)pthread_join(c->thread, NULL);
		SSL_free(c->ssl);
		(void)close(c->fd);
		free(c);
	}
	for (size_t i = 0; i < s->paths.n; i++)
		free(s->paths.v[i]);
	pm_vec_done(&s->paths);
	pm_buf_done(&s->head);
	pm_buf_done(&s->body);
	SSL_CTX_free(s->ctx);
	(void)pthread_cond_destroy(&s->changed);
	(void)pthread_mutex_destroy(&s->lock);
	free(s);
}

const char *server_url(const struct server *s)
{
	return s->url;
}

const char *server_ca(const struct server *s)
{
	return s->ca;
}

const char *server_fingerprint(const struct server *s)
{
	return s->fingerprint;
}

void server_facts(struct server *s, struct server_facts *ret)
{
	pthread_mutex_lock(&s->lock);
	*ret = s->facts;
	pthread_mutex_unlock(&s->lock);
}

unsigned server_count(struct server *s, const char *path)
{
	unsigned n = 0;

	pthread_mutex_lock(&s->lock);
	for (size_t i = 0; i < s->paths.n; i++)
		n += !path || strcmp(s->paths.v[i], path) == 0;
	pthread_mutex_unlock(&s->lock);
	return n;
}

unsigned server_place(struct server *s, const char *path)
{
	unsigned i = 0;

	pthread_mutex_lock(&s->lock);
	while (i < s->paths.n && strcmp(s->paths.v[i], path) != 0)
		i++;
	assert_true(i < s->paths.n);
	pthread_mutex_unlock(&s->lock);
	return i;
}

unsigned server_files(struct server *s)
{
	unsigned n;

	pthread_mutex_lock(&s->lock);
	n = s->files;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const char *server_head(const struct server *s)
{
	return pm_buf_str(&s->head);
}

const struct pm_buf *server_body(const struct server *s)
{
	return &s->body;
}

void server_wait(struct server *s, unsigned requests)
{
	pthread_mutex_lock(&s->lock);
	while (s->facts.requests < requests)
		pthread_cond_wait(&s->changed, &s->lock);
	pthread_mutex_unlock(&s->lock);
}

void server_release(struct server *s)
{
	pthread_mutex_lock(&s->lock);
	s->released = true;
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}
