/* The lock of a set: a file that one process holds with flock(2). The system lets go of it when the
 * holder dies, however it dies; the pid inside is for people. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "exec/exec.h"

struct pm_setlock {
	int fd;
};

static int lock_held(int fd, const char *path, const char *set, struct pm_error *err)
{
	char text[24] = "";
	int64_t pid = 0;
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n > 0 && text[n - 1] == '\n')
		text[n - 1] = '\0';
	if (n > 0 && pm_parse_int(text, 1, INT32_MAX, &pid) == 0)
		return pm_error_set(err, PM_E_SETLOCKED,
			"another podmox (pid %lld) works on set %s and holds %s; wait for it or end it",
			(long long)pid, set, path);
	return pm_error_set(err, PM_E_SETLOCKED,
		"another podmox works on set %s and holds %s; wait for it or end it", set, path);
}

static int write_pid(int fd)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) < 0)
		return -1;
	return pwrite(fd, text, (size_t)n, 0) == n ? 0 : -1;
}

static int take(int fd, const char *path, const char *set, struct pm_error *err)
{
	int r = flock(fd, LOCK_EX | LOCK_NB);

	if (r < 0 && errno == EWOULDBLOCK)
		return lock_held(fd, path, set, err);
	if (r < 0 || write_pid(fd) < 0)
		return pm_error_sys(err, errno, "lock of the set: %s", path);
	return 0;
}

int pm_setlock_take(
	const char *journal_dir, const char *set, struct pm_setlock **ret, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_setlock *l;
	int fd;
	int r;

	r = pm_dir_make(journal_dir, 0700, err);
	if (r < 0)
		return pm_error_wrap(err, "the folder of the journal");
	if (pm_buf_addf(&path, "%s/%s.lock", journal_dir, set) < 0)
		return pm_error_set(err, PM_E_LIMIT, "the path of the journal is too long");
	fd = open(pm_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (fd < 0)
		return pm_error_sys(err, errno, "lock of the set: %s", pm_buf_str(&path));
	pm_file_give(fd, pm_buf_str(&path));
	r = take(fd, pm_buf_str(&path), set, err);
	if (r < 0) {
		pm_closep(&fd);
		return r;
	}
	l = pm_xcalloc(1, sizeof(*l));
	l->fd = fd;
	*ret = l;
	return 0;
}

void pm_setlock_release(struct pm_setlock *l)
{
	if (!l)
		return;
	/* An empty file says nobody; a failure to say so is nobody's trouble. */
	if (ftruncate(l->fd, 0) == 0)
		(void)flock(l->fd, LOCK_UN);
	pm_closep(&l->fd);
	free(l);
}
