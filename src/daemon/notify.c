/* systemd's notify protocol: one datagram a message to the socket that $NOTIFY_SOCKET names. It is a few
 * lines of text with a documented form, so no library is linked for it (docs/decisions/013).
 *
 * The watchdog is fed only while something moves: the loop itself, since it is the one who feeds, and the
 * thread of cycles, whose steps the board counts. A daemon that waits has nothing to move. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/map.h"
#include "base/num.h"
#include "daemon/face_priv.h"

/* ---- movement ---- */

uint64_t pm_pulse_still(struct pm_pulse *p, const struct pm_board_view *v, uint64_t now)
{
	bool idle = v->doing == PM_DOING_WAITING;

	if (p->at == 0 || idle || v->counts.progress != p->progress) {
		p->progress = v->counts.progress;
		p->at = now;
	}
	return now - p->at;
}

/* ---- the socket ---- */

static bool address_of(const char *path, struct sockaddr_un *ret, socklen_t *ret_n)
{
	size_t n = strlen(path);

	memset(ret, 0, sizeof(*ret));
	if ((path[0] != '/' && path[0] != '@') || n < 2 || n >= sizeof(ret->sun_path))
		return false;
	ret->sun_family = AF_UNIX;
	memcpy(ret->sun_path, path, n);
	*ret_n = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n + (path[0] == '/'));
	/* A name that begins with @ is in the abstract namespace: its first byte is NUL. */
	if (path[0] == '@')
		ret->sun_path[0] = '\0';
	return true;
}

static int open_socket(const char *path)
{
	struct sockaddr_un address;
	socklen_t n;
	int fd;

	if (!address_of(path, &address, &n)) {
		pm_warning("systemd cannot be told anything: $NOTIFY_SOCKET is no path of a socket",
			PM_KV_S("socket", path));
		return -1;
	}
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, n) == 0)
		return fd;
	pm_warning("systemd cannot be told anything", PM_KV_S("socket", path),
		PM_KV_S("error", strerrordesc_np(errno)));
	pm_closep(&fd);
	return -1;
}

/* Nanoseconds after which systemd wants to have heard of us; 0: it does not ask us. */
static uint64_t watchdog_of(void)
{
	const char *usec = secure_getenv("WATCHDOG_USEC"), *pid = secure_getenv("WATCHDOG_PID");
	int64_t us, who;

	if (!usec || pm_parse_int(usec, 1, INT64_MAX / 1000, &us) < 0)
		return 0;
	if (pid && (pm_parse_int(pid, 1, INT32_MAX, &who) < 0 || who != getpid()))
		return 0;
	return (uint64_t)us * 1000;
}

void pm_notify_open(struct pm_notify *n)
{
	const char *path = secure_getenv("NOTIFY_SOCKET");

	memset(n, 0, sizeof(*n));
	n->fd = path && path[0] != '\0' ? open_socket(path) : -1;
	if (n->fd >= 0)
		n->watchdog = watchdog_of();
}

void pm_notify_close(struct pm_notify *n)
{
	pm_closep(&n->fd);
	n->fd = -1;
}

/* A message that does not get through is no reason to stop: the next one tells the same or more. */
void pm_notify_send(struct pm_notify *n, const char *text)
{
	if (n->fd >= 0 && send(n->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		pm_debug("systemd was not told", PM_KV_S("error", strerrordesc_np(errno)));
}

/* ---- messages ---- */

void pm_notify_line(struct pm_notify *n, const struct pm_board_view *v)
{
	cleanup_buf struct pm_buf text = PM_BUF(2048);
	uint64_t hash;

	if (n->fd < 0)
		return;
	(void)pm_buf_adds(&text, "STATUS=");
	pm_told_line(&text, v);
	for (char *s = text.p; *s != '\0'; s++)
		if (*s == '\n')
			*s = ' ';
	hash = pm_hash(text.p, text.len, 1);
	if (hash != n->sent_line)
		pm_notify_send(n, text.p);
	n->sent_line = hash;
}

/* systemd wants to know which of its requests a reload answers. */
void pm_notify_reloading(struct pm_notify *n, uint64_t now)
{
	char text[64];

	(void)snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%llu",
		(unsigned long long)(now / 1000));
	pm_notify_send(n, text);
}

bool pm_notify_feed(struct pm_notify *n, uint64_t still)
{
	bool well = still < n->watchdog;

	if (well)
		pm_notify_send(n, "WATCHDOG=1");
	else if (!n->stalled)
		pm_error("nothing moves any more; the watchdog is not fed",
			PM_KV_I("still_s", still / PM_S_NS));
	n->stalled = !well;
	return well;
}
