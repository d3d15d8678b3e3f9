/* Other programs: started with a list of arguments, never through a shell, with an environment and a set of
 * descriptors of our choice. What goes in and comes out of short ones are files in memory, so that nobody
 * waits for a full pipe. */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "source/source_priv.h"

#define OUTPUT_MAX ((size_t)64 << 10)
#define STEP_MS    50

/* ---- starting ---- */

/* Secrets of ours that stand in the environment are nobody else's business. */
static void make_environment(struct pm_arena *a, char *env[5])
{
	static const char *const names[] = { "PATH", "HOME", "SSH_AUTH_SOCK" };
	unsigned n = 0;

	for (unsigned i = 0; i < PM_COUNT(names); i++) {
		const char *value = secure_getenv(names[i]);

		if (!value && i == 0)
			value = "/usr/local/bin:/usr/bin:/bin";
		if (value)
			env[n++] = pm_arena_printf(a, "%s=%s", names[i], value);
	}
	env[n++] = pm_arena_strdup(a, "LC_ALL=C");
	env[n] = NULL;
}

static int spawn(struct pm_child *c, const char *const argv[], int in, int out)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	sigset_t none, usual;
	char *env[5];
	int r;

	make_environment(a, env);
	(void)posix_spawn_file_actions_init(&files);
	(void)posix_spawn_file_actions_adddup2(&files, in, STDIN_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
	(void)posix_spawn_file_actions_adddup2(&files, c->errors, STDERR_FILENO);
	(void)posix_spawn_file_actions_addclosefrom_np(&files, STDERR_FILENO + 1);
	(void)posix_spawnattr_init(&attr);
	(void)sigemptyset(&none);
	(void)sigfillset(&usual);
	(void)posix_spawnattr_setsigmask(&attr, &none);
	(void)posix_spawnattr_setsigdefault(&attr, &usual);
	(void)posix_spawnattr_setpgroup(&attr, 0);
	/* A group of its own: what a terminal sends to us is not for it. */
	(void)posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
	r = posix_spawnp(&c->pid, argv[0], &files, &attr, (char *const *)argv, env);
	(void)posix_spawnattr_destroy(&attr);
	(void)posix_spawn_file_actions_destroy(&files);
	return r;
}

int pm_child_start(
	struct pm_child *c, const char *const argv[], int in, int out, struct pm_error *err)
{
	int r;

	*c = (struct pm_child){ .pid = -1, .pidfd = -1 };
	c->errors = memfd_create("stderr", MFD_CLOEXEC);
	if (c->errors < 0)
		return pm_error_sys(err, errno, "cannot start %s", argv[0]);
	r = spawn(c, argv, in, out);
	if (r != 0) {
		c->pid = -1;
		pm_child_end(c);
		return pm_error_sys(err, r, "cannot start %s: is it installed?", argv[0]);
	}
	c->pidfd = pidfd_open(c->pid, 0);
	return 0;
}

/* ---- its end ---- */

static int meaning(int status)
{
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int pm_child_wait(
	struct pm_child *c, const struct pm_source_job *j, int *ret_status, struct pm_error *err)
{
	struct pollfd end = { .fd = c->pidfd, .events = POLLIN };
	int status = 0;

	while (waitpid(c->pid, &status, WNOHANG) != c->pid) {
		int r = pm_source_check(j, "waiting for a program", err);

		if (r < 0) {
			pm_child_end(c);
			return r;
		}
		(void)poll(&end, 1, STEP_MS);
	}
	c->pid = -1;
	*ret_status = meaning(status);
	return 0;
}

static void read_back(int fd, struct pm_buf *ret)
{
	char block[4096];
	off_t at = 0;
	ssize_t n;

	while ((n = pread(fd, block, sizeof(block), at)) > 0) {
		if (pm_buf_add(ret, block, (size_t)n) < 0)
			return;
		at += n;
	}
}

void pm_child_errors(const struct pm_child *c, struct pm_buf *ret)
{
	cleanup_buf struct pm_buf text = PM_BUF(2000);
	char *p;

	read_back(c->errors, &text);
	if (text.len == 0)
		return;
	while (text.len > 0 && strchr("\r\n ", text.p[text.len - 1]))
		text.p[--text.len] = '\0';
	for (p = text.p; (p = strpbrk(p, "\r\n")) != NULL;)
		*p = ' ';
	pm_text_visible(ret, text.p, text.len);
}

void pm_child_end(struct pm_child *c)
{
	if (c->pid > 0) {
		(void)kill(c->pid, SIGKILL);
		while (waitpid(c->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	pm_closep(&c->pidfd);
	pm_closep(&c->errors);
	*c = (struct pm_child){ .pid = -1, .pidfd = -1, .errors = -1 };
}

/* ---- short ones ---- */

static bool fill(int fd, const char *p, size_t n)
{
	size_t at = 0;

	while (at < n) {
		ssize_t put = pwrite(fd, p + at, n - at, (off_t)at);

		if (put <= 0)
			return false;
		at += (size_t)put;
	}
	return true;
}

int pm_child_run(struct pm_child_run *run, const struct pm_source_job *j, struct pm_error *err)
{
	cleanup_fd int in = memfd_create("stdin", MFD_CLOEXEC);
	cleanup_fd int out = memfd_create("stdout", MFD_CLOEXEC);
	struct pm_child c;
	int r;

	run->out = run->errors = (struct pm_buf)PM_BUF(OUTPUT_MAX);
	if (in < 0 || out < 0 || !fill(in, run->in, run->n))
		return pm_error_sys(err, errno, "cannot start %s", run->argv[0]);
	r = pm_child_start(&c, run->argv, in, out, err);
	if (r < 0)
		return r;
	r = pm_child_wait(&c, j, &run->status, err);
	if (r == 0) {
		read_back(out, &run->out);
		pm_child_errors(&c, &run->errors);
	}
	pm_child_end(&c);
	return r;
}

void pm_child_run_done(struct pm_child_run *run)
{
	pm_buf_done(&run->out);
	pm_buf_done(&run->errors);
}
