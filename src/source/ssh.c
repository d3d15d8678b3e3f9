/* Bytes over ssh: OpenSSH's own client runs git-upload-pack at the other end. It knows today's ciphers and
 * hardware keys, and it refuses hosts it does not know, which is why it is not a library that does this. */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "source/source_priv.h"

#define STEP_MS   50
#define MOST_ARGS 40

struct ssh {
	struct pm_wire wire;
	struct pm_arena *arena;
	const char *known_hosts; /* file; NULL: ssh's own */
	struct pm_child child;
	bool running;
	int fd; /* its stdin and stdout */
	uint64_t total;
};

/* ---- the command ---- */

/* For the shell at the other end. */
static const char *quoted(struct pm_arena *a, const char *s)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	for (; *s; s++) {
		if (*s == '\'' || *s == '!')
			(void)pm_buf_addf(&b, "'\\%c'", *s);
		else
			(void)pm_buf_addc(&b, *s);
	}
	return pm_arena_printf(a, "'%s'", pm_buf_str(&b));
}

static const char **make_argv(struct ssh *s)
{
	static const char *const always[] = { "ssh", "-F", "none", "-T", "-x", "-a", "-o",
		"BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-o", "UpdateHostKeys=no", "-o",
		"PermitLocalCommand=no", "-o", "ClearAllForwardings=yes", "-o", "ConnectTimeout=20",
		"-o", "ServerAliveInterval=15", "-o", "ServerAliveCountMax=2" };
	const struct pm_source_settings *c = s->wire.settings;
	const char **v = pm_new_n(s->arena, const char *, MOST_ARGS);
	size_t n = 0;

	for (; n < PM_COUNT(always); n++)
		v[n] = always[n];
	if (s->known_hosts) {
		v[n++] = "-o";
		v[n++] = pm_arena_printf(s->arena, "UserKnownHostsFile=\"%s\"", s->known_hosts);
		v[n++] = "-o";
		v[n++] = "GlobalKnownHostsFile=none";
	}
	if (c->ssh_key) {
		v[n++] = "-o";
		v[n++] = "IdentitiesOnly=yes";
		v[n++] = "-i";
		v[n++] = c->ssh_key;
	}
	if (c->port) {
		v[n++] = "-p";
		v[n++] = c->port;
	}
	if (c->user) {
		v[n++] = "-l";
		v[n++] = c->user;
	}
	v[n++] = "--";
	v[n++] = c->host;
	v[n++] = pm_arena_printf(s->arena, "git-upload-pack %s", quoted(s->arena, c->repo));
	v[n] = NULL;
	return v;
}

static int start(struct ssh *s, struct pm_error *err)
{
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return pm_error_sys(err, errno, "cannot start ssh");
	r = pm_child_start(&s->child, make_argv(s), pair[1], pair[1], err);
	(void)close(pair[1]);
	if (r < 0) {
		(void)close(pair[0]);
		return r;
	}
	s->fd = pair[0];
	s->running = true;
	return 0;
}

/* ---- what went wrong ---- */

static int tell(const struct ssh *s, const char *why, struct pm_error *err)
{
	const struct pm_source_settings *c = s->wire.settings;

	if (strstr(why, "Host key verification failed") || strstr(why, "HOST IDENTIFICATION"))
		return pm_error_set(err, PM_E_AUTH,
			"the host key of %s is not known, or is another one: check it and put it into "
			"source.git.auth.knownHosts",
			c->host);
	if (strstr(why, "Permission denied"))
		return pm_error_set(
			err, PM_E_PERMISSION, "%s does not let us in: %.200s", c->host, why);
	if (strstr(why, "UNPROTECTED PRIVATE KEY") || strstr(why, "Load key"))
		return pm_error_set(
			err, PM_E_AUTH, "the key for %s cannot be used: %.200s", c->host, why);
	if (strstr(why, "not appear to be a git repository") || strstr(why, "not found"))
		return pm_error_set(err, PM_E_NOTFOUND, "%s: %.200s", c->url, why);
	return pm_error_set(
		err, PM_E_UNREACHABLE, "%s: %s", c->url, why[0] ? why : "ssh ended without a word");
}

/* The other end has closed: says why. */
static int explain(struct ssh *s, struct pm_error *err)
{
	cleanup_buf struct pm_buf why = PM_BUF(1000);
	int status = 0;
	int r = pm_child_wait(&s->child, s->wire.job, &status, err);

	if (r < 0)
		return r;
	pm_child_errors(&s->child, &why);
	return tell(s, pm_buf_str(&why), err);
}

/* ---- bytes ---- */

static int ready(struct ssh *s, short events, struct pm_error *err)
{
	struct pollfd p = { .fd = s->fd, .events = events };
	int r = pm_source_check(s->wire.job, "reading the repository", err);

	while (r == 0 && poll(&p, 1, STEP_MS) <= 0)
		r = pm_source_check(s->wire.job, "reading the repository", err);
	return r;
}

static int begin(struct pm_wire *w, PM_UNUSED bool list, struct pm_error *err)
{
	struct ssh *s = (struct ssh *)w;

	return s->running ? 0 : start(s, err);
}

static int put(struct pm_wire *w, const void *p, size_t n, struct pm_error *err)
{
	struct ssh *s = (struct ssh *)w;
	const char *at = p;

	while (n > 0) {
		int r = ready(s, POLLOUT, err);
		ssize_t sent;

		if (r < 0)
			return r;
		sent = send(s->fd, at, n, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (sent < 0 && errno != EAGAIN && errno != EINTR)
			return explain(s, err);
		if (sent > 0) {
			at += sent;
			n -= (size_t)sent;
		}
	}
	return 0;
}

static int get(struct pm_wire *w, void *p, size_t n, size_t *ret, struct pm_error *err)
{
	struct ssh *s = (struct ssh *)w;
	uint64_t most = w->settings->size;
	ssize_t got;
	int r;

	do {
		r = ready(s, POLLIN, err);
		if (r < 0)
			return r;
		got = recv(s->fd, p, n, MSG_DONTWAIT);
	} while (got < 0 && (errno == EAGAIN || errno == EINTR));
	if (got <= 0)
		return explain(s, err);
	s->total += (uint64_t)got;
	if (s->total > most)
		return pm_error_set(err, PM_E_LIMIT,
			"more than %llu bytes come from %s; raise source.git.limits.size if that is "
			"right",
			(unsigned long long)most, w->settings->url);
	*ret = (size_t)got;
	return 0;
}

/* ---- life ---- */

static void end(struct pm_wire *w)
{
	struct ssh *s = (struct ssh *)w;

	if (s->running) {
		(void)close(s->fd);
		pm_child_end(&s->child);
	}
	pm_arena_free(s->arena);
	free(s);
}

static const struct pm_wire_type ssh_type = { .stateless = false,
	.begin = begin,
	.write = put,
	.read = get,
	.free = end };

int pm_ssh_new(const struct pm_source_settings *c, const char *dir, const struct pm_source_job *j,
	struct pm_wire **ret, struct pm_error *err)
{
	struct ssh *s = pm_xcalloc(1, sizeof(*s));
	int r = 0;

	s->wire = (struct pm_wire){ .type = &ssh_type, .settings = c, .job = j };
	s->arena = pm_arena_new(4096);
	if (c->known_hosts.len > 0) {
		s->known_hosts = pm_arena_printf(s->arena, "%s/known_hosts", dir);
		r = pm_file_write(s->known_hosts, c->known_hosts.p, c->known_hosts.len, 0600, err);
	}
	if (r < 0)
		end(&s->wire);
	else
		*ret = &s->wire;
	return r;
}
