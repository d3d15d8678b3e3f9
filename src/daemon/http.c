/* HTTP for monitoring, and for the post that says the repository has changed. One request a connection,
 * nothing is ever read from or written to a disk for it.
 *
 * Nobody is asked who he is, so two ways in which a web page could use a browser beside the daemon are
 * closed: a name that suddenly points here (the Host of a request has to be an address or a known name) and
 * a post from another origin. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/face_priv.h"
#include "net/request.h"

#define PEERS_MOST   32
#define PATIENCE_S   10
#define PORT         "9470"
#define STILL_MOST_S 600 /* longer than anything the daemon waits for without a step */

/* ---- whom it is meant for ---- */

/* "name:port" or "[address]:port" without the port. */
static void host_of(const char *text, char out[256])
{
	const char *end = text[0] == '[' ? strchr(text, ']') : strchr(text, ':');
	const char *from = text[0] == '[' ? text + 1 : text;

	(void)snprintf(out, 256, "%.*s", end ? (int)(end - from) : 255, from);
}

static bool is_address(const char *host)
{
	unsigned char bytes[16];

	return inet_pton(AF_INET, host, bytes) == 1 || inet_pton(AF_INET6, host, bytes) == 1;
}

static bool knows(const struct pm_face *f, const char *text)
{
	const struct pm_rec *rec = f->o.config->rec;
	const struct pm_value *more = pm_rec_get(rec, PM_CONFIG_AGENT_HOSTS);
	char host[256], own[256];

	host_of(text, host);
	host_of(pm_rec_str(rec, PM_CONFIG_AGENT_LISTEN, ""), own);
	if (is_address(host) || strcasecmp(host, "localhost") == 0 || strcasecmp(host, own) == 0)
		return host[0] != '\0';
	for (size_t i = 0; more->state == PM_SET && i < more->u.list->n; i++)
		if (strcasecmp(host, more->u.list->v[i]) == 0)
			return true;
	return false;
}

/* ---- answers ---- */

static const char *phrase(int status)
{
	static const struct {
		int status;
		const char *text;
	} phrases[] = { { 200, "OK" }, { 202, "Accepted" }, { 400, "Bad Request" },
		{ 403, "Forbidden" }, { 404, "Not Found" }, { 405, "Method Not Allowed" },
		{ 411, "Length Required" }, { 413, "Content Too Large" },
		{ 421, "Misdirected Request" }, { 431, "Request Header Fields Too Large" },
		{ 503, "Service Unavailable" } };

	for (size_t i = 0; i < PM_COUNT(phrases); i++)
		if (phrases[i].status == status)
			return phrases[i].text;
	return "Error";
}

/** An answer that is being made. */
struct reply {
	int status;
	const char *type;
	const char *allow; /* of a 405 */
	struct pm_buf body;
};

static void say(struct reply *r, int status, const char *text)
{
	r->status = status;
	r->type = "text/plain; charset=utf-8";
	pm_buf_clear(&r->body);
	(void)pm_buf_addf(&r->body, "%s\n", text);
}

static void send_reply(struct pm_peer *p, const struct reply *r, bool head_only)
{
	cleanup_buf struct pm_buf head = PM_BUF(4096);

	(void)pm_buf_addf(&head,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n%s%s%s"
		"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
		"Connection: close\r\n\r\n",
		r->status, phrase(r->status), r->type, r->body.len, r->allow ? "Allow: " : "",
		r->allow ? r->allow : "", r->allow ? "\r\n" : "");
	pm_peer_send(p, head.p, head.len);
	if (!head_only)
		pm_peer_send(p, pm_buf_str(&r->body), r->body.len);
	pm_peer_end(p);
}

/* ---- what there is ---- */

static void get_metrics(struct pm_face *f, struct pm_arena *a, struct reply *r)
{
	struct pm_board_view v;

	pm_face_view(f, a, PM_BOARD_FILES, &v);
	pm_figures_collect(f->metrics, &v);
	pm_metrics_write(f->metrics, &r->body);
	r->type = "text/plain; version=0.0.4; charset=utf-8";
}

static void get_status(struct pm_face *f, struct pm_arena *a, struct reply *r)
{
	struct pm_jwrite w = { .out = &r->body };
	struct pm_board_view v;

	pm_face_view(f, a, PM_BOARD_OBJECTS | PM_BOARD_FILES, &v);
	pm_told_status(&w, NULL, &v, false);
	(void)pm_buf_addc(&r->body, '\n');
	r->type = "application/json";
}

/* Does the daemon itself work? That the loop does is said by any answer. */
static void get_health(struct pm_face *f, struct pm_arena *a, struct reply *r)
{
	struct pm_board_view v;
	unsigned still;

	pm_face_view(f, a, 0, &v);
	still = pm_face_still(f, &v);
	if (still < STILL_MOST_S) {
		say(r, 200, "ok");
		return;
	}
	say(r, 503,
		pm_arena_printf(
			a, "nothing has moved for %u s while %s", still, pm_doing_name(v.doing)));
}

/* Can it do its work? Not before it has read files and cluster, and not while it may not write. */
static void get_ready(struct pm_face *f, struct pm_arena *a, struct reply *r)
{
	struct pm_board_view v;
	const char *why = NULL;

	pm_face_view(f, a, 0, &v);
	if (f->stopping || v.doing == PM_DOING_ENDING)
		why = "the daemon is ending";
	else if (v.source_why)
		why = v.source_why;
	else if (!v.cluster.known)
		why = v.last.error ? v.last.error : "the cluster was not read yet";
	else if (v.lock_holder)
		why = pm_arena_printf(a, "the set is locked by %s", v.lock_holder);
	else if (v.cluster.paused)
		why = v.cluster.paused;
	say(r, why ? 503 : 200, why ? why : "ok");
}

static void post_hook(struct pm_face *f, struct pm_arena *a, struct reply *r)
{
	(void)a;
	pm_debug("the source is said to have changed");
	if (f->o.wake)
		f->o.wake(f->o.arg);
	say(r, 202, "the source will be looked at");
}

static const struct {
	const char *path;
	bool post; /* nothing else; false: GET and HEAD */
	void (*run)(struct pm_face *f, struct pm_arena *a, struct reply *r);
} routes[] = {
	{ "/metrics", false, get_metrics },
	{ "/status", false, get_status },
	{ "/healthz", false, get_health },
	{ "/readyz", false, get_ready },
	{ "/hook", true, post_hook },
};

static void run(struct pm_face *f, size_t route, const struct pm_request *q, struct reply *r)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	bool reads = strcmp(q->method, "GET") == 0 || strcmp(q->method, "HEAD") == 0;

	if (routes[route].post ? strcmp(q->method, "POST") != 0 : !reads) {
		r->allow = routes[route].post ? "POST" : "GET, HEAD";
		say(r, 405, routes[route].post ? "only POST" : "only GET and HEAD");
	} else if (routes[route].post && q->foreign) {
		say(r, 403, "a web page of another origin may not do this");
	} else {
		r->status = 200;
		routes[route].run(f, a, r);
	}
}

static void answer(struct pm_face *f, const struct pm_request *q, struct reply *r)
{
	const char *path = "other";
	char code[12];
	size_t i = 0;

	while (i < PM_COUNT(routes) && strcmp(routes[i].path, q->path) != 0)
		i++;
	if (q->status != 0) {
		say(r, q->status, phrase(q->status));
	} else if (!knows(f, q->host)) {
		say(r, 421, "this name is not known here; agent.hosts may name it");
	} else if (i == PM_COUNT(routes)) {
		say(r, 404, "there are /metrics, /status, /healthz, /readyz and /hook");
	} else {
		path = routes[i].path;
		run(f, i, q, r);
	}
	(void)snprintf(code, sizeof(code), "%d", r->status);
	pm_metric_add(f->metrics, PM_FIG_HTTP, PM_LABELS(path, code), 1);
}

static size_t on_request(struct pm_peer *p, const char *s, size_t n)
{
	struct reply r = { .body = PM_BUF(0) };
	struct pm_request q;

	if (!pm_request_parse(s, n, &q))
		return 0;
	answer(pm_peer_arg(p), &q, &r);
	send_reply(p, &r, strcmp(q.method, "HEAD") == 0);
	pm_buf_done(&r.body);
	return n < q.length ? n : q.length;
}

/* Never reached: the parser refuses heads and bodies that are too long before. */
static void on_long_request(struct pm_peer *p)
{
	pm_peer_end(p);
}

/* ---- the address ---- */

static int resolve(const char *text, struct addrinfo **ret, struct pm_error *err)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
		.ai_flags = AI_NUMERICSERV | AI_PASSIVE };
	const char *end = text[0] == '[' ? strchr(text, ']') : text;
	const char *colon = end ? strchr(end, ':') : NULL;
	char host[256];
	int r;

	host_of(text, host);
	r = getaddrinfo(host, colon ? colon + 1 : PORT, &hints, ret);
	if (r != 0)
		return pm_error_set(err, PM_E_INPUT,
			"agent.listen: %s is no address of this machine: %s", text,
			gai_strerror(r));
	return 0;
}

static int listen_at(const struct addrinfo *a, const char *text, int *ret, struct pm_error *err)
{
	int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;

	if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
		bind(fd, a->ai_addr, a->ai_addrlen) == 0 && listen(fd, PEERS_MOST) == 0) {
		*ret = fd;
		return 0;
	}
	(void)pm_error_sys(err, errno, "agent.listen: cannot listen at %s", text);
	pm_closep(&fd);
	return -(int)err->code;
}

/* Writes the address down; true: others than this machine reach it. */
static bool note_address(int fd, char *out, size_t size)
{
	struct sockaddr_storage a = { 0 };
	socklen_t n = sizeof(a);
	char host[64] = "", port[16] = "";

	(void)getsockname(fd, (struct sockaddr *)&a, &n);
	(void)getnameinfo((struct sockaddr *)&a, n, host, sizeof(host), port, sizeof(port),
		NI_NUMERICHOST | NI_NUMERICSERV);
	(void)snprintf(out, size, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, port);
	return !pm_str_starts(host, "127.") && strcmp(host, "::1") != 0;
}

int pm_http_open(
	struct pm_face *f, const char *listen, struct pm_server **ret, struct pm_error *err)
{
	struct pm_server_opts o = { .base = f->o.base,
		.peers = PEERS_MOST,
		.bytes = PM_REQUEST_HEAD + PM_REQUEST_BODY,
		.patience = PATIENCE_S,
		.take = on_request,
		.too_long = on_long_request,
		.arg = f };
	struct addrinfo *found = NULL;
	int fd = -1, r = resolve(listen, &found, err);

	if (r < 0)
		return r;
	r = listen_at(found, listen, &fd, err);
	freeaddrinfo(found);
	if (r < 0)
		return r;
	if (note_address(fd, f->address, sizeof(f->address)))
		pm_warning("others than this machine can ask the daemon over HTTP",
			PM_KV_S("address", f->address));
	*ret = pm_server_new(&o, fd);
	return 0;
}
