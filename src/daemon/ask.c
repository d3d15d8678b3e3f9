/* Asks a running daemon over its socket: a line there, a line back. Every wait has an end: a daemon that
 * hangs must not make its callers hang. */
#include "daemon/ask.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/text.h"

#define ANSWER_MOST ((size_t)64 << 20)

static int refused(const char *path, int sys_errno, struct pm_error *err)
{
	if (sys_errno == EACCES || sys_errno == EPERM)
		return pm_error_set(err, PM_E_PERMISSION,
			"this user may not ask the daemon at %s: only root, the user of the daemon and "
			"members of agent.group may",
			path);
	if (sys_errno == ENOENT || sys_errno == ECONNREFUSED || sys_errno == ENOTDIR)
		return pm_error_set(err, PM_E_UNREACHABLE,
			"no podmox daemon listens at %s; start one with podmox watch (or systemctl "
			"start podmox), or say where it listens with --socket",
			path);
	if (sys_errno == EAGAIN)
		return pm_error_set(
			err, PM_E_BUSY, "the daemon at %s has too many callers; try again", path);
	return pm_error_sys(err, sys_errno, "cannot reach the daemon at %s", path);
}

static int reach(const char *path, int *ret, struct pm_error *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd cleanup_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	size_t n = strlen(path);

	if (fd < 0)
		return pm_error_sys(err, errno, "cannot make a socket");
	if (n >= sizeof(address.sun_path))
		return pm_error_set(err, PM_E_LIMIT,
			"the path of a socket may have %zu bytes; %s is longer",
			sizeof(address.sun_path) - 1, path);
	memcpy(address.sun_path, path, n);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return refused(path, errno, err);
	*ret = pm_take_fd(&fd);
	return 0;
}

/* Until something can be read or written; false: the time is over. */
static bool wait_for(int fd, short what, uint64_t until)
{
	struct pollfd p = { .fd = fd, .events = what };
	uint64_t now = pm_mono_ns(&pm_clock_system);
	int r;

	if (now >= until)
		return false;
	r = poll(&p, 1, (int)((until - now) / PM_MS_NS) + 1);
	return r > 0 || (r < 0 && errno == EINTR);
}

static int no_answer(const char *path, struct pm_error *err)
{
	return pm_error_set(err, PM_E_TIMEOUT, "the daemon at %s does not answer", path);
}

static int send_all(
	int fd, const char *path, const struct pm_buf *line, uint64_t until, struct pm_error *err)
{
	size_t sent = 0;

	while (sent < line->len) {
		ssize_t n = send(fd, line->p + sent, line->len - sent, MSG_NOSIGNAL);

		if (n > 0)
			sent += (size_t)n;
		/* It may have said why it does not listen any more. */
		else if (errno == EPIPE || errno == ECONNRESET)
			return 0;
		else if (errno != EAGAIN && errno != EINTR)
			return refused(path, errno, err);
		else if (!wait_for(fd, POLLOUT, until))
			return no_answer(path, err);
	}
	return 0;
}

static int read_line(
	int fd, const char *path, struct pm_buf *out, uint64_t until, struct pm_error *err)
{
	char part[16384];

	for (;;) {
		ssize_t n = recv(fd, part, sizeof(part), 0);

		if (n > 0 && pm_buf_add(out, part, (size_t)n) < 0)
			return pm_error_set(
				err, PM_E_LIMIT, "the answer of the daemon is too long");
		if (n > 0 && out->p[out->len - 1] == '\n')
			return 0;
		if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
			return pm_error_set(err, PM_E_PROTOCOL,
				"the daemon at %s ended while it was being asked", path);
		if (n < 0 && !wait_for(fd, POLLIN, until))
			return no_answer(path, err);
	}
}

static enum pm_code code_named(const char *name)
{
	for (enum pm_code c = 1; c < PM_CODE_MAX; c++)
		if (pm_str_eq(name, pm_code_name(c)))
			return c;
	return PM_E_PROTOCOL;
}

static int understand(
	const char *path, const struct pm_buf *line, struct json_object **ret, struct pm_error *err)
{
	struct json_object *o cleanup_json = NULL, *data;
	const char *message;

	if (pm_json_parse(line->p, line->len, &o, err) < 0)
		return pm_error_wrap(err, "the answer of the daemon at %s", path);
	message = pm_json_str(o, "message");
	if (!pm_json_bool(o, "ok", false))
		return pm_error_set(err, code_named(pm_json_str(o, "code")), "%s",
			message ? message : "the daemon does not say why");
	data = pm_json_get(o, "data");
	if (!data)
		return pm_error_set(
			err, PM_E_PROTOCOL, "the daemon at %s answers without data", path);
	*ret = pm_json_hold(data);
	return 0;
}

int pm_ask(const char *path, const char *fields, uint64_t patience_ns, struct json_object **ret,
	struct pm_error *err)
{
	uint64_t until = pm_mono_ns(&pm_clock_system) + patience_ns;
	cleanup_buf struct pm_buf line = PM_BUF(ANSWER_MOST);
	int fd cleanup_fd = -1;
	int r = reach(path, &fd, err);

	(void)pm_buf_addf(&line, "{\"v\":1,%s}\n", fields);
	if (r == 0)
		r = send_all(fd, path, &line, until, err);
	pm_buf_clear(&line);
	if (r == 0)
		r = read_line(fd, path, &line, until, err);
	return r == 0 ? understand(path, &line, ret, err) : r;
}
