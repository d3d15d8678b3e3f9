/* Connections of the local socket and of HTTP: how many, how much, how long. A request has to come whole
 * within a time that no byte of it makes longer; what comes while an answer is being sent waits, so that
 * nobody can make the daemon keep more than one answer for him. */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/mem.h"
#include "daemon/face_priv.h"

#define PAUSE_S 1 /* without accepting, when the system has no descriptors left */

struct pm_peer {
	struct pm_server *server;
	struct pm_peer *next, **link;
	struct bufferevent *bev;
	struct event *clock; /* the time it has */
	bool ending;
	char note[128];
};

struct pm_server {
	struct pm_server_opts o;
	struct evconnlistener *listener;
	struct event *again;
	struct pm_peer *peers;
	unsigned n;
};

/* ---- peers ---- */

static void set_clock(struct pm_peer *p)
{
	struct timeval tv = { .tv_sec = (time_t)p->server->o.patience };

	(void)event_add(p->clock, &tv);
}

static void close_peer(struct pm_peer *p)
{
	struct pm_server *s = p->server;

	*p->link = p->next;
	if (p->next)
		p->next->link = p->link;
	event_free(p->clock);
	bufferevent_free(p->bev);
	free(p);
	if (s->n-- == s->o.peers)
		(void)evconnlistener_enable(s->listener);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	close_peer(arg);
}

static bool is_sending(const struct pm_peer *p)
{
	return evbuffer_get_length(bufferevent_get_output(p->bev)) > 0;
}

/* Hands on what has come, until an answer is under way. */
static void serve(struct pm_peer *p)
{
	struct evbuffer *in = bufferevent_get_input(p->bev);

	while (!p->ending && !is_sending(p) && evbuffer_get_length(in) > 0) {
		size_t n = evbuffer_get_length(in), taken;
		const char *s = (const char *)evbuffer_pullup(in, -1);

		taken = p->server->o.take(p, s, n);
		if (taken == 0 && n >= p->server->o.bytes) {
			p->server->o.too_long(p);
			pm_peer_end(p);
		}
		if (taken == 0)
			break;
		(void)evbuffer_drain(in, taken);
		set_clock(p);
	}
	if (is_sending(p))
		(void)bufferevent_disable(p->bev, EV_READ);
	else if (p->ending)
		close_peer(p);
}

static void on_read(struct bufferevent *bev, void *arg)
{
	(void)bev;
	serve(arg);
}

/* Everything is sent. */
static void on_written(struct bufferevent *bev, void *arg)
{
	struct pm_peer *p = arg;

	if (p->ending) {
		close_peer(p);
		return;
	}
	(void)bufferevent_enable(bev, EV_READ);
	serve(p);
}

/* The peer has gone or there was an error. While an answer is under way nothing is read, so one who says no
 * more than his request still gets it. */
static void on_event(struct bufferevent *bev, short what, void *arg)
{
	(void)bev;
	(void)what;
	close_peer(arg);
}

void pm_peer_send(struct pm_peer *p, const void *s, size_t n)
{
	if (evbuffer_add(bufferevent_get_output(p->bev), s, n) < 0)
		p->ending = true;
}

void pm_peer_end(struct pm_peer *p)
{
	p->ending = true;
}

int pm_peer_fd(const struct pm_peer *p)
{
	return bufferevent_getfd(p->bev);
}

void *pm_peer_arg(const struct pm_peer *p)
{
	return p->server->o.arg;
}

char *pm_peer_note(struct pm_peer *p, size_t *ret_n)
{
	*ret_n = sizeof(p->note);
	return p->note;
}

/* ---- the listening socket ---- */

static void on_peer(
	struct evconnlistener *l, evutil_socket_t fd, struct sockaddr *address, int len, void *arg)
{
	struct pm_server *s = arg;
	struct pm_peer *p = pm_xcalloc(1, sizeof(*p));

	(void)address;
	(void)len;
	p->server = s;
	p->bev = bufferevent_socket_new(s->o.base, fd, BEV_OPT_CLOSE_ON_FREE);
	p->clock = event_new(s->o.base, -1, 0, on_time, p);
	pm_assert(p->bev && p->clock);
	p->next = s->peers;
	p->link = &s->peers;
	if (p->next)
		p->next->link = &p->next;
	s->peers = p;
	if (++s->n == s->o.peers)
		(void)evconnlistener_disable(l);
	if (s->o.greet && !s->o.greet(p)) {
		close_peer(p);
		return;
	}
	bufferevent_setcb(p->bev, on_read, on_written, on_event, p);
	bufferevent_setwatermark(p->bev, EV_READ, 0, s->o.bytes);
	(void)bufferevent_enable(p->bev, EV_READ | EV_WRITE);
	set_clock(p);
}

/* Without a pause the loop would do nothing but try again. */
static void on_fault(struct evconnlistener *l, void *arg)
{
	struct pm_server *s = arg;
	struct timeval tv = { .tv_sec = PAUSE_S };

	pm_warning("a connection cannot be taken", PM_KV_I("errno", errno));
	(void)evconnlistener_disable(l);
	(void)event_add(s->again, &tv);
}

static void on_again(evutil_socket_t fd, short what, void *arg)
{
	struct pm_server *s = arg;

	(void)fd;
	(void)what;
	if (s->n < s->o.peers)
		(void)evconnlistener_enable(s->listener);
}

struct pm_server *pm_server_new(const struct pm_server_opts *o, int fd)
{
	struct pm_server *s = pm_xcalloc(1, sizeof(*s));

	s->o = *o;
	s->again = event_new(o->base, -1, 0, on_again, s);
	s->listener = evconnlistener_new(
		o->base, on_peer, s, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	pm_assert(s->again && s->listener);
	evconnlistener_set_error_cb(s->listener, on_fault);
	return s;
}

void pm_server_free(struct pm_server *s)
{
	struct pm_peer *next;

	if (!s)
		return;
	for (struct pm_peer *p = s->peers; p; p = next) {
		next = p->next;
		close_peer(p);
	}
	evconnlistener_free(s->listener);
	event_free(s->again);
	free(s);
}
