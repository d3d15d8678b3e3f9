/* One connection: HTTP/1.1 as pveproxy speaks it. evhttp cannot close where pveproxy does, answer with
 * status 595 and an empty body without a length, or break off in the middle. */
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "base/num.h"
#include "sim/http_priv.h"

#define MOST_HEADER 8192
#define MOST_LINES  64
#define MOST_BODY   524288
#define MOST_UPLOAD 268435456
#define MOST_LINE   1048576
#define MOST_SERVED 100

struct sim_conn {
	struct sim_listener *l;
	struct sim_conn *next, *prev;
	struct bufferevent *bev;
	struct event *peek, *timer;
	int fd; /* while nobody else owns it */
	bool tls, busy, ends, linger, http10, mute;
	bool deaf; /* what it sends is not read any more; it ends when it was idle for too long */
	char version;
	const char *host;
	bool held, due; /* its node is paused; the timer rang meanwhile */
	unsigned served;
	char *head;
	size_t nhead, room;
	char *body;
	size_t nbody;
	struct pm_sim_request q;
	struct pm_sim_reply r;
};

static void on_event(struct bufferevent *bev, short what, void *arg);
static void on_read(struct bufferevent *bev, void *arg);
static void on_written(struct bufferevent *bev, void *arg);

void pm_s_conn_free(struct sim_conn *c)
{
	if (c->prev)
		c->prev->next = c->next;
	else
		c->l->v->conns = c->next;
	if (c->next)
		c->next->prev = c->prev;
	if (c->bev) {
		SSL *ssl = c->tls ? bufferevent_openssl_get_ssl(c->bev) : NULL;

		if (ssl && !c->mute)
			SSL_shutdown(ssl);
		bufferevent_free(c->bev);
	}
	if (c->peek)
		event_free(c->peek);
	if (c->timer)
		event_free(c->timer);
	if (c->fd >= 0)
		close(c->fd);
	pm_sim_reply_done(&c->r);
	free(c->head);
	free(c->body);
	free(c);
}

/* The end without a word: what a client sees as "connection reset". */
static void reset(struct sim_conn *c)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };
	int fd = c->bev ? bufferevent_getfd(c->bev) : c->fd;

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	c->mute = true;
	pm_s_conn_free(c);
}

void pm_s_conns_drop(struct sim_server *v, unsigned node)
{
	struct sim_conn *next;

	for (struct sim_conn *c = v->conns; c; c = next) {
		next = c->next;
		if (c->l->node == node)
			reset(c);
	}
}

/* ---- answers ---- */

static const char *date_now(const struct pm_sim *s, unsigned node)
{
	static char text[40];
	static int64_t made = -1;
	int64_t now = pm_sim_node_wall_ms(s, node) / 1000;

	if (now != made) {
		struct tm tm;
		time_t t = (time_t)now;

		gmtime_r(&t, &tm);
		(void)strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		made = now;
	}
	return text;
}

static const char *connection_headers(const struct sim_conn *c)
{
	if (c->ends)
		return "Connection: close\r\n";
	return c->r.relayed ? "Connection: close\r\nConnection: Keep-Alive\r\n"
			    : "Connection: Keep-Alive\r\n";
}

static void write_head(struct sim_conn *c, struct evbuffer *out, const char *more)
{
	const struct pm_sim_reply *r = &c->r;
	const char *date = date_now(c->l->v->s, c->l->node);
	char length[48] = "", retry[40] = "";

	if (!r->no_length)
		(void)snprintf(length, sizeof(length), "Content-Length: %zu\r\n", r->nbody);
	if (r->retry_after_s)
		(void)snprintf(retry, sizeof(retry), "Retry-After: %u\r\n", r->retry_after_s);
	evbuffer_add_printf(out,
		"HTTP/1.%d %d %s\r\nCache-Control: max-age=0\r\n%sDate: %s\r\nPragma: no-cache\r\n%s"
		"Server: pve-api-daemon/3.0\r\n%s%s%s%s%s%s%s%s%sExpires: %s\r\n\r\n",
		c->http10 ? 0 : 1, r->status, r->reason, connection_headers(c), date, more, retry,
		r->gzip ? "Content-Encoding: gzip\r\n" : "",
		r->disposition[0] ? "Content-Disposition: " : "", r->disposition,
		r->disposition[0] ? "\r\n" : "", length, r->content_type ? "Content-Type: " : "",
		r->content_type ? r->content_type : "", r->content_type ? "\r\n" : "", date);
}

static void let_go(const void *data, size_t n, void *arg)
{
	(void)data;
	(void)n;
	pm_sim_blob_put(arg);
}

static void send_reply(struct sim_conn *c, const char *more)
{
	struct evbuffer *out = bufferevent_get_output(c->bev);
	size_t n = c->r.nbody;

	/* Head and body go in one piece, as pveproxy sends them. */
	if (n <= 4096)
		(void)evbuffer_expand(out, n + 1024);
	write_head(c, out, more);
	if (c->r.fault == PM_SIM_CUT)
		n /= 2;
	if (n > 4096 && c->r.blob)
		evbuffer_add_reference(out, c->r.body, n, let_go, pm_sim_blob_get(c->r.blob));
	else if (n)
		evbuffer_add(out, c->r.body, n);
	c->mute = c->r.fault == PM_SIM_CUT;
	c->busy = false;
	c->served++;
	pm_sim_reply_done(&c->r);
	bufferevent_enable(c->bev, EV_WRITE);
}

static void answer(struct sim_conn *c)
{
	struct sim_server *v = c->l->v;

	v->nanswered++;
	if (v->log)
		pm_sim_log(v->log, v->s, c->l->node, &c->q, &c->r);
	switch (c->r.fault) {
	case PM_SIM_REFUSED:
	case PM_SIM_LOST:
		reset(c);
		return;
	case PM_SIM_SILENT:
		pm_s_conn_free(c);
		return;
	case PM_SIM_TIMEOUT:
		bufferevent_set_timeouts(c->bev, NULL, NULL);
		bufferevent_enable(c->bev, EV_READ);
		return; /* busy for ever: what still comes is not looked at */
	default:
		break;
	}
	c->ends |= c->r.close ||
		   c->served + 1 >= (v->cli->drop_after ? v->cli->drop_after : MOST_SERVED);
	send_reply(c, "");
}

static void ask(struct sim_conn *c);

static void on_timer(evutil_socket_t fd, short what, void *arg)
{
	struct sim_conn *c = arg;

	(void)fd;
	(void)what;
	c->due = c->held;
	if (c->held)
		return;
	if (c->linger) {
		pm_s_conn_free(c);
		return;
	}
	bufferevent_enable(c->bev, EV_READ);
	if (c->r.again)
		ask(c);
	else
		answer(c);
}

static void wait_for(struct sim_conn *c, uint64_t ns)
{
	struct timeval tv = { .tv_sec = (time_t)(ns / PM_S_NS),
		.tv_usec = (suseconds_t)(ns % PM_S_NS / 1000) };

	if (!c->timer)
		c->timer = evtimer_new(c->l->v->base, on_timer, c);
	evtimer_add(c->timer, &tv);
}

static void ask(struct sim_conn *c)
{
	pm_sim_reply_done(&c->r);
	pm_sim_request(c->l->v->s, c->l->node, &c->q, &c->r);
	c->busy = true;
	if (!c->r.delay_ns) {
		answer(c);
		return;
	}
	bufferevent_disable(c->bev, EV_READ);
	wait_for(c, c->r.delay_ns);
}

/* An answer of the HTTP layer itself; the connection ends with it. What the client still sends is read
 * and thrown away for a moment, lest the answer be lost in a reset. */
static void refuse(struct sim_conn *c, int status, const char *reason, bool body)
{
	memset(&c->r, 0, sizeof(c->r));
	c->r.status = status;
	(void)snprintf(c->r.reason, sizeof(c->r.reason), "%s", reason);
	c->ends = c->linger = true;
	c->r.no_length = !body;
	if (body) {
		struct pm_buf b = PM_BUF(0);

		pm_buf_adds(&b, reason);
		c->r.blob = pm_s_blob(&b);
		c->r.body = c->r.blob->p;
		c->r.nbody = c->r.blob->n;
	}
	send_reply(c, "");
}

/* ---- requests ---- */

static char *next_line(char **p)
{
	char *line = *p, *end = strstr(line, "\r\n");

	if (!end)
		return NULL;
	*end = '\0';
	*p = end + 2;
	return line;
}

static void take_header(struct sim_conn *c, char *line, int64_t *length)
{
	char *v = strchr(line, ':');

	if (!v)
		return;
	*v++ = '\0';
	v += strspn(v, " \t");
	if (!strcasecmp(line, "content-length")) {
		if (pm_parse_int(v, 0, INT64_MAX / 2, length) != 0)
			*length = -1;
	} else if (!strcasecmp(line, "content-type")) {
		c->q.content_type = v;
	} else if (!strcasecmp(line, "host")) {
		c->host = v;
	} else if (!strcasecmp(line, "cookie")) {
		c->q.cookie = v;
	} else if (!strcasecmp(line, "authorization")) {
		c->q.authorization = v;
	} else if (!strcasecmp(line, "csrfpreventiontoken")) {
		c->q.csrf = v;
	} else if (!strcasecmp(line, "accept-encoding")) {
		c->q.gzip = strstr(v, "gzip") != NULL;
	} else if (!strcasecmp(line, "connection")) {
		c->ends |= strcasestr(v, "close") != NULL;
	} else if (!strcasecmp(line, "transfer-encoding")) {
		*length = strcasestr(v, "chunked") ? -2 : *length;
	}
}

static bool take_line(struct sim_conn *c, char *line)
{
	char *target = strchr(line, ' '), *version = target ? strrchr(target + 1, ' ') : NULL;

	if (!version || strncmp(version + 1, "HTTP/", 5) != 0 || !version[6] || version[7] != '.' ||
		version == target + 1)
		return false;
	*target = *version = '\0';
	c->version = version[6];
	c->http10 = version[8] == '0';
	c->ends = c->http10;
	memset(&c->q, 0, sizeof(c->q));
	c->host = NULL;
	c->q.method = line;
	c->q.target = target + 1;
	return true;
}

/* The redirect of a client that speaks plain HTTP to a TLS port. */
static void redirect(struct sim_conn *c)
{
	char more[600];

	memset(&c->r, 0, sizeof(c->r));
	c->r.status = strcmp(c->q.method, "GET") != 0 ? 308 : 301;
	(void)snprintf(c->r.reason, sizeof(c->r.reason), "%s",
		c->r.status == 301 ? "Moved Permanently" : "Permanent Redirect");
	(void)snprintf(more, sizeof(more), "Location: https://%.100s%.460s\r\n",
		c->host ? c->host : "localhost", c->q.target);
	c->r.body = c->r.reason;
	c->r.nbody = strlen(c->r.body);
	send_reply(c, more);
}

/* A whole head is in c->head. Returns the length of the body to come, negative when it is answered. */
static int64_t take_head(struct sim_conn *c)
{
	char *p = c->head, *line = next_line(&p);
	int64_t length = 0;
	unsigned lines = 0;
	size_t before;

	if (!line || !take_line(c, line)) {
		c->http10 = true;
		refuse(c, 400, "bad request", true);
		return -1;
	}
	if (c->version != '1') {
		refuse(c, 506, "http protocol version not supported", true);
		return -1;
	}
	before = (size_t)(p - c->head);
	while ((line = next_line(&p)) && *line) {
		take_header(c, line, &length);
		lines++;
	}
	if (lines + 1 >= MOST_LINES || c->nhead - before > MOST_HEADER) {
		c->deaf = true;
		return -1;
	}
	if (length == -2)
		refuse(c, 501, "chunked transfer encoding not supported", true);
	else if (length > MOST_BODY && (!c->q.content_type || length > MOST_UPLOAD ||
					       strncmp(c->q.content_type, "multipart/", 10) != 0))
		refuse(c, 501, "for data too large", true);
	else if (length < 0)
		refuse(c, 400, "bad request", true);
	else
		return length;
	return -1;
}

/* Copies a head out of the input when it is complete. */
static bool fetch_head(struct sim_conn *c, struct evbuffer *in)
{
	struct evbuffer_ptr end = evbuffer_search(in, "\r\n\r\n", 4, NULL);
	struct evbuffer_ptr eol;
	size_t n;

	if (end.pos < 0) {
		eol = evbuffer_search(in, "\r\n", 2, NULL);
		n = evbuffer_get_length(in);
		c->deaf = n > MOST_LINE || (eol.pos >= 0 && n - (size_t)eol.pos > MOST_HEADER);
		return false;
	}
	n = (size_t)end.pos + 4;
	if (n + 1 > c->room) {
		c->room = n + 1024;
		c->head = pm_xrealloc(c->head, c->room);
	}
	evbuffer_remove(in, c->head, n);
	c->head[n] = '\0';
	c->nhead = n;
	return true;
}

static void on_read(struct bufferevent *bev, void *arg)
{
	struct sim_conn *c = arg;
	struct evbuffer *in = bufferevent_get_input(bev);

	if (c->held)
		return;
	if (c->deaf || c->linger || (c->busy && c->r.fault == PM_SIM_TIMEOUT)) {
		evbuffer_drain(in, evbuffer_get_length(in));
		return;
	}
	if (c->busy || c->ends)
		return;
	if (!c->body) {
		int64_t length;

		if (!fetch_head(c, in))
			return;
		length = take_head(c);
		if (length < 0)
			return;
		c->nbody = (size_t)length;
		c->body = pm_xcalloc(1, c->nbody + 1);
	}
	if (evbuffer_get_length(in) < c->nbody)
		return;
	evbuffer_remove(in, c->body, c->nbody);
	c->q.body = c->body;
	c->q.nbody = c->nbody;
	if (!c->tls && !c->l->v->cli->plain)
		redirect(c);
	else
		ask(c);
}

static void on_written(struct bufferevent *bev, void *arg)
{
	struct sim_conn *c = arg;

	(void)bev;
	if (c->busy)
		return;
	if (c->linger) {
		wait_for(c, 300 * PM_MS_NS);
		shutdown(bufferevent_getfd(c->bev), SHUT_WR);
		return;
	}
	if (c->ends) {
		pm_s_conn_free(c);
		return;
	}
	free(c->body);
	c->body = NULL;
	if (evbuffer_get_length(bufferevent_get_input(c->bev)))
		on_read(c->bev, c);
}

static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	if (what & (BEV_EVENT_EOF | BEV_EVENT_ERROR | BEV_EVENT_TIMEOUT))
		pm_s_conn_free(arg);
}

/* ---- a pause: what is open stays open, and nothing moves ---- */

static void hold(struct sim_conn *c)
{
	c->held = true;
	if (c->bev)
		bufferevent_disable(c->bev, EV_READ | EV_WRITE);
	else if (c->peek)
		event_del(c->peek);
}

static void go_on(struct sim_conn *c)
{
	bool waits = c->busy && c->timer && evtimer_pending(c->timer, NULL);

	c->held = false;
	if (!c->bev) {
		event_add(c->peek, c->l->v->idle);
		return;
	}
	bufferevent_enable(c->bev, waits ? EV_WRITE : EV_READ | EV_WRITE);
	if (c->due)
		on_timer(-1, EV_TIMEOUT, c);
	else if (!waits && evbuffer_get_length(bufferevent_get_input(c->bev)))
		on_read(c->bev, c);
}

void pm_s_conns_hold(struct sim_server *v, unsigned node, bool held)
{
	struct sim_conn *next;

	for (struct sim_conn *c = v->conns; c; c = next) {
		next = c->next;
		if (c->l->node != node || c->held == held)
			continue;
		if (held)
			hold(c);
		else
			go_on(c);
	}
}

/* ---- the beginning ---- */

static void begin(struct sim_conn *c, bool tls)
{
	struct event_base *base = c->l->v->base;

	c->tls = tls;
	c->bev = tls ? bufferevent_openssl_socket_new(base, c->fd,
			       SSL_new(c->l->wrong ? c->l->wrong : c->l->ctx),
			       BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
		     : bufferevent_socket_new(base, c->fd, BEV_OPT_CLOSE_ON_FREE);
	c->fd = -1;
	if (tls)
		bufferevent_openssl_set_allow_dirty_shutdown(c->bev, 1);
	bufferevent_setcb(c->bev, on_read, on_written, on_event, c);
	bufferevent_set_timeouts(c->bev, c->l->v->idle, NULL);
	bufferevent_enable(c->bev, EV_READ | EV_WRITE);
}

/* TLS or not? The first byte tells. */
static void on_first(evutil_socket_t fd, short what, void *arg)
{
	struct sim_conn *c = arg;
	unsigned char first;

	if ((what & EV_TIMEOUT) || recv(fd, &first, 1, MSG_PEEK) != 1) {
		pm_s_conn_free(c);
		return;
	}
	begin(c, first == 0x16);
}

void pm_s_conn_accept(struct sim_listener *l, int fd)
{
	struct sim_conn *c = pm_xcalloc(1, sizeof(*c));
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	c->l = l;
	c->fd = fd;
	l->v->naccepted++;
	c->next = l->v->conns;
	if (c->next)
		c->next->prev = c;
	l->v->conns = c;
	if (l->v->cli->plain) {
		begin(c, false);
		return;
	}
	c->peek = event_new(l->v->base, fd, EV_READ, on_first, c);
	event_add(c->peek, l->v->idle);
}
