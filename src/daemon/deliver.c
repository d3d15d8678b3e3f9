/* One message to one recipient: a POST, or a program that reads it from its standard input. */
#include <errno.h>
#include <fcntl.h>

#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>

#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "daemon/announce.h"
#include "security/security.h"

#define SLICE_NS (10 * PM_MS_NS)
#define BODY_MAX ((size_t)64 << 10)

static uint64_t timeout_ns(const struct pm_delivery *d)
{
	return (uint64_t)pm_rec_int(d->rec, PM_NOTIFY_TIMEOUT, 10) * PM_S_NS;
}

/* ---- webhook ---- */

/* Where a request goes. */
struct target {
	char *origin; /* "https://hooks.example:443" */
	char *path;   /* "/services/..." */
};

static int read_secret(
	const struct pm_delivery *d, unsigned row, struct pm_secret **ret, struct pm_error *err)
{
	static const enum pm_secret_from from[] = { [PM_SECRET_LITERAL] = PM_FROM_TEXT,
		[PM_SECRET_FILE] = PM_FROM_FILE,
		[PM_SECRET_ENV] = PM_FROM_ENV,
		[PM_SECRET_CREDENTIAL] = PM_FROM_CREDENTIAL };
	const struct pm_value *v = pm_rec_get(d->rec, row);

	*ret = NULL;
	if (v->state != PM_SET)
		return 0;
	return pm_secret_read(from[v->u.secret->from], v->u.secret->text, d->dir, ret, err);
}

/* Splits an address; what is wrong with it is said without it. */
static int split(const char *url, struct target *ret, struct pm_error *err)
{
	const char *host = pm_str_starts(url, "https://")  ? url + 8
			   : pm_str_starts(url, "http://") ? url + 7
							   : NULL;
	size_t n = host ? strcspn(host, "/?#") : 0;

	if (n == 0)
		return pm_error_set(err, PM_E_INPUT,
			"the address of the webhook must begin with https:// or http:// and a host");
	if (memchr(host, '@', n))
		return pm_error_set(err, PM_E_INPUT,
			"the address of the webhook holds a name before '@'; use authorization");
	for (const char *s = url; *s; s++)
		if ((unsigned char)*s <= 0x20 || *s == 0x7f)
			return pm_error_set(err, PM_E_INPUT,
				"the address of the webhook holds a blank or a control character");
	ret->origin = strndup(url, (size_t)(host - url) + n);
	ret->path = host[n] == '/' ? strdup(host + n) : strdup("/");
	pm_assert(ret->origin && ret->path);
	return 0;
}

static void wipe_free(char *s)
{
	if (s)
		pm_wipe(s, strlen(s));
	free(s);
}

/* A relative name begins where the configuration lies. */
static const char *ca_of(const struct pm_delivery *d, struct pm_arena *a)
{
	const char *file = pm_rec_str(d->rec, PM_NOTIFY_CA, NULL);

	return file && file[0] != '/' && d->dir ? pm_arena_printf(a, "%s/%s", d->dir, file) : file;
}

static int send_to(const struct pm_delivery *d, const struct target *t, const char *authorization,
	const char *body, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(1024);
	const struct pm_host host = {
		.name = pm_rec_ident(d->rec), .url = t->origin, .ca_file = ca_of(d, a)
	};
	const char *headers[] = { "Content-Type: application/json", authorization, NULL };
	struct pm_call c = { .host = &host,
		.method = "POST",
		.path = t->path,
		.body = body,
		.headers = headers,
		.timeout_ms = (unsigned)(timeout_ns(d) / PM_MS_NS),
		.max_body = BODY_MAX };
	struct pm_error cause = { 0 };
	int status, r = pm_net_request(d->transport, &c, d->cancel, &cause);

	status = c.status;
	pm_call_done(&c);
	/* What went wrong may quote the address: only its class is told. */
	if (r < 0)
		return pm_error_set(err, cause.code, "no answer (%s)", pm_code_name(cause.code));
	if (status < 200 || status > 299)
		return pm_error_set(
			err, status >= 500 ? PM_E_BUSY : PM_E_INVALID, "the answer was %d", status);
	return 0;
}

static int call_webhook(const struct pm_delivery *d, const char *body, struct pm_error *err)
{
	PM_CLEANUP(pm_secret_freep) struct pm_secret *url = NULL;
	PM_CLEANUP(pm_secret_freep) struct pm_secret *authorization = NULL;
	struct pm_buf header cleanup_buf = PM_BUF(BODY_MAX);
	struct target t = { 0 };
	int r = read_secret(d, PM_NOTIFY_WEBHOOK, &url, err);

	if (r == 0)
		r = read_secret(d, PM_NOTIFY_AUTHORIZATION, &authorization, err);
	if (r < 0)
		return r;
	if (authorization)
		(void)pm_buf_addf(&header, "Authorization: %s", pm_secret_text(authorization));
	if (authorization && strpbrk(pm_buf_str(&header), "\r\n"))
		r = pm_error_set(err, PM_E_INPUT, "authorization holds a line break");
	if (r == 0)
		r = split(pm_secret_text(url), &t, err);
	if (r == 0)
		r = send_to(d, &t, authorization ? pm_buf_str(&header) : NULL, body, err);
	wipe_free(t.origin);
	wipe_free(t.path);
	if (header.p)
		pm_wipe(header.p, header.len);
	return r;
}

/* ---- program ---- */

/* The message as a file without a name: the program reads it whenever it likes. */
static int body_file(const char *body, struct pm_error *err)
{
	int fd = memfd_create("podmox-message", MFD_CLOEXEC);
	size_t n = strlen(body);

	if (fd < 0)
		return pm_error_sys(err, errno, "cannot make a file for the message");
	if (write(fd, body, n) != (ssize_t)n || lseek(fd, 0, SEEK_SET) != 0) {
		(void)pm_error_sys(err, errno, "cannot write the message");
		pm_closep(&fd);
		return -PM_E_IO;
	}
	return fd;
}

/* In a group of its own, with default signals, and nothing of ours but the message and stderr. */
static int spawn(char *const *argv, char *const *env, int body, pid_t *ret)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t how;
	sigset_t none, all;
	int r;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, body, STDIN_FILENO);
	(void)posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	(void)posix_spawnattr_init(&how);
	(void)posix_spawnattr_setflags(
		&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	(void)posix_spawnattr_setsigmask(&how, &none);
	(void)posix_spawnattr_setsigdefault(&how, &all);
	r = posix_spawn(ret, argv[0], &files, &how, argv, env);
	(void)posix_spawn_file_actions_destroy(&files);
	(void)posix_spawnattr_destroy(&how);
	return r;
}

/* Until it ends, its time is over, or we are; true: it ended. */
static bool wait_end(const struct pm_delivery *d, pid_t pid)
{
	uint64_t until = pm_mono_ns(&pm_clock_system) + timeout_ns(d);

	for (;;) {
		siginfo_t info = { 0 };

		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
			info.si_pid == pid)
			return true;
		if (pm_mono_ns(&pm_clock_system) >= until ||
			pm_wait_ns(&pm_clock_system, SLICE_NS, d->cancel) < 0)
			return false;
	}
}

static int end_of(const struct pm_delivery *d, pid_t pid, struct pm_error *err)
{
	bool ended = wait_end(d, pid);
	siginfo_t info = { 0 };

	/* Also what it has started and left behind. */
	(void)kill(-pid, SIGKILL);
	while (waitid(P_PID, (id_t)pid, &info, WEXITED) < 0 && errno == EINTR)
		continue;
	if (!ended)
		return pm_error_set(err, PM_E_TIMEOUT,
			"the program took longer than %lld s and was killed",
			(long long)(timeout_ns(d) / PM_S_NS));
	if (info.si_code != CLD_EXITED)
		return pm_error_set(
			err, PM_E_INVALID, "the program died of signal %d", info.si_status);
	if (info.si_status != 0)
		return pm_error_set(
			err, PM_E_INVALID, "the program ended with status %d", info.si_status);
	return 0;
}

static int run_program(const struct pm_delivery *d, const struct pm_message *m, const char *body,
	struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	const struct pm_list *list = pm_rec_get(d->rec, PM_NOTIFY_EXEC)->u.list;
	char **argv = pm_new_n(a, char *, list->n + 1);
	char *env[] = { pm_arena_strdup(a, "PATH=/usr/local/bin:/usr/bin:/bin"),
		pm_arena_strdup(a, "LANG=C.UTF-8"), pm_arena_printf(a, "PODMOX_EVENT=%s", m->event),
		pm_arena_printf(a, "PODMOX_SET=%s", m->set),
		pm_arena_printf(a, "PODMOX_OBJECT=%s", m->object ? m->object : ""), NULL };
	int file cleanup_fd = body_file(body, err);
	pid_t pid = 0;
	int r;

	if (file < 0)
		return file;
	for (size_t i = 0; i < list->n; i++)
		argv[i] = pm_arena_strdup(a, list->v[i]);
	if (access(argv[0], X_OK) < 0)
		return pm_error_sys(err, errno, "cannot start %s", argv[0]);
	r = spawn(argv, env, file, &pid);
	if (r != 0)
		return pm_error_sys(err, r, "cannot start %s", argv[0]);
	return end_of(d, pid, err);
}

int pm_deliver(const struct pm_delivery *d, const struct pm_message *m, struct pm_error *err)
{
	struct pm_buf body cleanup_buf = PM_BUF(BODY_MAX);
	int r;

	pm_message_body(m, pm_rec_str(d->rec, PM_NOTIFY_TEMPLATE, NULL), &body);
	if (pm_rec_get(d->rec, PM_NOTIFY_EXEC)->state == PM_SET)
		r = run_program(d, m, pm_buf_str(&body), err);
	else
		r = call_webhook(d, pm_buf_str(&body), err);
	return r < 0 ? pm_error_wrap(err, "notify %s", pm_rec_ident(d->rec)) : 0;
}
