/* Readiness: the guest runs, has an address, or accepts a connection, in the way its manifest says.
 * Connections are made from here, without blocking, a short while each. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/text.h"
#include "exec/exec_priv.h"

#define LOOK_NS      PM_S_NS
#define CONNECT_MS   2000
#define POLL_MS      50
#define ADDRESS_SIZE 64

/* ---- one connection ---- */

static int socket_address(
	const char *text, unsigned port, struct sockaddr_storage *ret, socklen_t *ret_len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	char plain[ADDRESS_SIZE];
	size_t n = strcspn(text, "/");

	if (n >= sizeof(plain))
		return -1;
	memcpy(plain, text, n);
	plain[n] = '\0';
	memset(ret, 0, sizeof(*ret));
	if (inet_pton(AF_INET, plain, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		*ret_len = sizeof(*v4);
		return 0;
	}
	if (inet_pton(AF_INET6, plain, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons((uint16_t)port);
		*ret_len = sizeof(*v6);
		return 0;
	}
	return -1;
}

/* The system's own time limits the wait, in slices, so that a cancelled run ends soon. */
static bool connected_in_time(struct pm_act *act, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int fault = 0;
	socklen_t n = sizeof(fault);

	for (unsigned ms = 0; ms < CONNECT_MS; ms += POLL_MS) {
		int r = poll(&p, 1, POLL_MS);

		if (r > 0)
			return getsockopt(fd, SOL_SOCKET, SO_ERROR, &fault, &n) == 0 && fault == 0;
		if ((r < 0 && errno != EINTR) || pm_cancelled(pm_act_patience(act), act->job.clock))
			return false;
	}
	return false;
}

bool pm_tcp_accepts(struct pm_act *act, const char *address, unsigned port)
{
	struct sockaddr_storage sa;
	socklen_t n;
	int fd cleanup_fd = -1;

	if (socket_address(address, port, &sa, &n) < 0)
		return false;
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return false;
	if (connect(fd, (struct sockaddr *)&sa, n) == 0)
		return true;
	return errno == EINPROGRESS && connected_in_time(act, fd);
}

/* ---- one look ---- */

struct readiness {
	bool ip;
	unsigned tcp;
	char missing[160]; /* what is still missing, for people */
};

/* 0: ready; 1: not yet. */
static int look_at_network(
	struct pm_act *act, const struct pm_obj *have, struct readiness *w, struct pm_error *err)
{
	const struct pm_list *addresses = NULL;
	int r = pm_pve_addresses(act->run->e->o.pve, &act->job, have, &addresses, err);

	if (r < 0)
		return r;
	if (!addresses || addresses->n == 0) {
		(void)snprintf(w->missing, sizeof(w->missing), "it has no address");
		return 1;
	}
	if (w->tcp == 0)
		return 0;
	for (size_t i = 0; i < addresses->n; i++) {
		if (pm_tcp_accepts(act, addresses->v[i], w->tcp))
			return 0;
	}
	(void)snprintf(w->missing, sizeof(w->missing),
		"TCP port %u of %s does not accept a connection from here", w->tcp,
		addresses->v[0]);
	return 1;
}

static int look_once(struct pm_act *act, struct readiness *w, struct pm_error *err)
{
	struct pm_obj *have = NULL;
	int r = pm_act_read(act, &have, err);

	if (r < 0)
		return r;
	if (!pm_obj_runs(have)) {
		(void)snprintf(w->missing, sizeof(w->missing), "it does not run");
		return 1;
	}
	return look_at_network(act, have, w, err);
}

int pm_act_ready(struct pm_act *act, struct pm_error *err)
{
	const struct pm_rec *spec = act->a->want->spec;
	struct readiness w = { .ip = pm_rec_bool(spec, PM_G_READY_IP, false),
		.tcp = (unsigned)pm_rec_int(spec, PM_G_READY_TCP, 0) };
	int64_t limit = pm_rec_int(spec, PM_G_READY_TIMEOUT, 60);
	uint64_t start = pm_mono_ns(act->job.clock);
	struct pm_tries tries = { 0 };
	bool said = false;
	int r;

	/* That it runs was seen when it was started. */
	if (!w.ip && !w.tcp)
		return 0;
	for (;;) {
		r = look_once(act, &w, err);
		if (r == 0)
			return 0;
		if (pm_mono_ns(act->job.clock) - start >= (uint64_t)limit * PM_S_NS)
			break;
		if (r > 0 && !said)
			pm_act_event(act, PM_EV_WAIT, "waits until it is ready: %s", w.missing);
		said = said || r > 0;
		r = r > 0 ? pm_act_wait(act, LOOK_NS, err) : pm_act_again(act, &tries, err);
		if (r < 0)
			return r;
	}
	return r < 0 ? r
		     : pm_error_set(err, PM_E_TIMEOUT, "is not ready after %lld s: %s",
			       (long long)limit, w.missing);
}
