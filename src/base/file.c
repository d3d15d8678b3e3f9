/* Reading and writing whole files. */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/random.h"

#define READ_STEP 4096

static const char *type_name(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFDIR:
		return "a folder";
	case S_IFIFO:
		return "a FIFO";
	case S_IFSOCK:
		return "a socket";
	default:
		return "a device";
	}
}

/* Reads to the end of a regular file whose size is a good guess. */
static int read_all(int fd, size_t size, size_t max, struct pm_buf *ret)
{
	/* One byte more than expected: when it does not come, that was the end. */
	size_t step = size + 1;

	for (;;) {
		ssize_t got;

		if (step > max - ret->len + 1)
			step = max - ret->len + 1;
		if (pm_buf_reserve(ret, step) < 0)
			return -PM_E_LIMIT;
		got = read(fd, ret->p + ret->len, step);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -PM_E_IO;
		ret->len += (size_t)got;
		ret->p[ret->len] = '\0';
		if (ret->len > max)
			return -PM_E_LIMIT;
		if (got == 0 || (size > 0 && (size_t)got < step))
			return 0;
		step = READ_STEP;
	}
}

int pm_file_read(int dirfd, const char *path, size_t max, struct pm_buf *ret, struct pm_error *err)
{
	cleanup_fd int fd = openat(dirfd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_error_sys(err, errno, "cannot read %s", path);
	if (!S_ISREG(st.st_mode))
		return pm_error_set(err, PM_E_INPUT, "cannot read %s: it is %s, not a regular file",
			path, type_name(st.st_mode));
	pm_buf_clear(ret);
	r = (uint64_t)st.st_size > max ? -PM_E_LIMIT : read_all(fd, (size_t)st.st_size, max, ret);
	if (r == 0)
		return 0;
	pm_buf_clear(ret);
	if (r == -PM_E_IO)
		return pm_error_sys(err, errno, "cannot read %s", path);
	return pm_error_set(
		err, PM_E_LIMIT, "cannot read %s: it is larger than %zu bytes", path, max);
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, data, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return -errno;
		data += put;
		n -= (size_t)put;
	}
	return 0;
}

/* Opens the folder part of a path ("." when there is none). */
static int open_folder(const char *path)
{
	cleanup_free char *folder = pm_xstrdup(path);
	char *slash = strrchr(folder, '/');
	const char *name = folder;

	if (!slash)
		name = ".";
	else if (slash == folder)
		name = "/";
	else
		*slash = '\0';
	return open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

/* Writes the temporary file; 0 or -errno. */
static int write_temporary(int dir, const char *name, const void *data, size_t n, mode_t mode)
{
	cleanup_fd int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = write_all(fd, data, n);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	return r;
}

int pm_file_write(const char *path, const void *data, size_t n, mode_t mode, struct pm_error *err)
{
	cleanup_fd int dir = open_folder(path);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char temporary[64];
	uint64_t unique;
	int r;

	if (dir < 0)
		return pm_error_sys(err, errno, "cannot write %s", path);
	pm_random_bytes(&unique, sizeof(unique));
	(void)snprintf(temporary, sizeof(temporary), ".podmox-%016" PRIx64 ".tmp", unique);
	r = write_temporary(dir, temporary, data, n, mode);
	if (r == 0 && renameat(dir, temporary, dir, name) < 0)
		r = -errno;
	if (r < 0) {
		(void)unlinkat(dir, temporary, 0);
		return pm_error_sys(err, -r, "cannot write %s", path);
	}
	if (fsync(dir) < 0 && errno != EINVAL && errno != ENOTSUP)
		return pm_error_sys(err, errno, "cannot write %s", path);
	return 0;
}

void pm_file_give(int fd, const char *path)
{
	cleanup_fd int dir = geteuid() == 0 ? open_folder(path) : -1;
	struct stat folder, file;

	if (dir < 0 || fstat(dir, &folder) < 0 || fstat(fd, &file) < 0)
		return;
	/* A file with a second name may be somewhere else's. */
	if (folder.st_uid != 0 && file.st_uid == 0 && S_ISREG(file.st_mode) && file.st_nlink == 1 &&
		fchown(fd, folder.st_uid, folder.st_gid) < 0)
		return;
}

static int make_one(const char *path, mode_t mode, struct pm_error *err)
{
	struct stat st;

	if (mkdir(path, mode) == 0)
		return 0;
	if (errno != EEXIST)
		return pm_error_sys(err, errno, "cannot make folder %s", path);
	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	return pm_error_set(
		err, PM_E_IO, "cannot make folder %s: something else has that name", path);
}

int pm_dir_make(const char *path, mode_t mode, struct pm_error *err)
{
	cleanup_free char *part = pm_xstrdup(path);

	for (char *p = part + 1; *part != '\0' && (p = strchr(p, '/')) != NULL; p++) {
		int r;

		*p = '\0';
		r = make_one(part, mode, err);
		if (r < 0)
			return r;
		*p = '/';
	}
	return make_one(part, mode, err);
}
