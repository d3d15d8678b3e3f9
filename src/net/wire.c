/* epoll for libcurl's multi_socket interface. A connection that becomes idle and is used again a moment
 * later would cost two system calls each time; so what libcurl no longer wants to know of a socket is
 * taken back only when something comes. */
#include "wire_priv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define EVENTS 64

struct pm_wire_fd {
	uint8_t want, have; /* CURL_POLL_IN and _OUT: as libcurl says, and as epoll was told */
	bool told;          /* its end is told by pm_wire_closed */
};

static struct pm_wire_fd *fd_of(struct pm_wire *w, curl_socket_t fd)
{
	size_t need = (size_t)fd + 1;

	if (w->fds.n < need) {
		w->fds.v = pm_vec_grow(w->fds.v, &w->fds.cap, need, sizeof(*w->fds.v));
		memset(w->fds.v + w->fds.n, 0, (need - w->fds.n) * sizeof(*w->fds.v));
		w->fds.n = need;
	}
	return &w->fds.v[fd];
}

static void tell(struct pm_wire *w, curl_socket_t fd, struct pm_wire_fd *f)
{
	struct epoll_event e = { .data.fd = fd };
	int how = f->have == 0 ? EPOLL_CTL_ADD : f->want == 0 ? EPOLL_CTL_DEL : EPOLL_CTL_MOD;

	if (f->want & CURL_POLL_IN)
		e.events |= EPOLLIN;
	if (f->want & CURL_POLL_OUT)
		e.events |= EPOLLOUT;
	f->have = f->want;
	if (epoll_ctl(w->epoll, how, fd, &e) == 0 || how == EPOLL_CTL_DEL)
		return;
	/* The number was another socket's before. */
	how = errno == EEXIST ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
	(void)epoll_ctl(w->epoll, how, fd, &e);
}

static int on_want(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket)
{
	struct pm_wire *w = arg;
	struct pm_wire_fd *f = fd_of(w, fd);

	(void)easy;
	(void)socket;
	f->want = what == CURL_POLL_REMOVE ? 0 : (uint8_t)what;
	if (f->want == f->have || (f->want == 0 && f->told))
		return 0;
	tell(w, fd, f);
	return 0;
}

static int on_timer(CURLM *multi, long ms, void *arg)
{
	struct pm_wire *w = arg;

	(void)multi;
	w->timer_ns = ms < 0 ? 0 : pm_mono_ns(&pm_clock_system) + (uint64_t)ms * PM_MS_NS;
	return 0;
}

int pm_wire_init(struct pm_wire *w, int bell, struct pm_error *err)
{
	struct epoll_event e = { .events = EPOLLIN, .data.fd = bell };

	*w = (struct pm_wire){ .bell = bell };
	w->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (w->epoll < 0 || epoll_ctl(w->epoll, EPOLL_CTL_ADD, bell, &e) < 0) {
		(void)pm_error_sys(err, errno, "cannot start the network");
		if (w->epoll >= 0)
			(void)close(w->epoll);
		return -PM_E_IO;
	}
	w->multi = curl_multi_init();
	pm_assert(w->multi);
	(void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETFUNCTION, on_want);
	(void)curl_multi_setopt(w->multi, CURLMOPT_SOCKETDATA, w);
	(void)curl_multi_setopt(w->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	(void)curl_multi_setopt(w->multi, CURLMOPT_TIMERDATA, w);
	(void)curl_multi_setopt(w->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	(void)curl_multi_setopt(w->multi, CURLMOPT_MAXCONNECTS, 1024L);
	return 0;
}

void pm_wire_done(struct pm_wire *w)
{
	(void)curl_multi_cleanup(w->multi);
	(void)close(w->epoll);
	pm_vec_done(&w->fds);
}

void pm_wire_opened(struct pm_wire *w, curl_socket_t fd)
{
	*fd_of(w, fd) = (struct pm_wire_fd){ .told = true };
}

void pm_wire_closed(struct pm_wire *w, curl_socket_t fd)
{
	*fd_of(w, fd) = (struct pm_wire_fd){ .told = false };
}

void pm_wire_run(struct pm_wire *w)
{
	int running;

	if (w->timer_ns == 0 || pm_mono_ns(&pm_clock_system) < w->timer_ns)
		return;
	w->timer_ns = 0;
	(void)curl_multi_socket_action(w->multi, CURL_SOCKET_TIMEOUT, 0, &running);
}

/* libcurl may want to be called earlier than the thread. */
static int patience(const struct pm_wire *w, int most_ms)
{
	uint64_t now, left_ms;

	if (w->timer_ns == 0 || most_ms == 0)
		return most_ms;
	now = pm_mono_ns(&pm_clock_system);
	if (now >= w->timer_ns)
		return 0;
	left_ms = (w->timer_ns - now + PM_MS_NS - 1) / PM_MS_NS;
	return left_ms < (uint64_t)most_ms ? (int)left_ms : most_ms;
}

static void pass_on(struct pm_wire *w, const struct epoll_event *e)
{
	struct pm_wire_fd *f = fd_of(w, e->data.fd);
	int what = 0, running;

	if (f->want == 0) {
		/* An idle connection that the server closes; libcurl sees it before it uses it. */
		tell(w, e->data.fd, f);
		return;
	}
	if (e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
		what |= CURL_CSELECT_IN;
	if (e->events & (EPOLLOUT | EPOLLERR))
		what |= CURL_CSELECT_OUT;
	if (e->events & EPOLLERR)
		what |= CURL_CSELECT_ERR;
	(void)curl_multi_socket_action(w->multi, e->data.fd, what, &running);
}

int pm_wire_wait(struct pm_wire *w, int most_ms, bool *ret_rung)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(w->epoll, e, EVENTS, patience(w, most_ms)), rung = 0;

	for (int i = 0; i < n; i++) {
		if (e[i].data.fd == w->bell)
			rung = 1;
		else
			pass_on(w, &e[i]);
	}
	*ret_rung = rung;
	pm_wire_run(w);
	return n > 0 ? n - rung : 0;
}
