/* Rotation of the audit log. The new file is whole, with its first record, before it takes the place of
 * the old one in a single step; whenever a crash comes, a file stands at the path and the chain in it
 * goes on. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_priv.h"
#include "base/file.h"

#define cleanup_files PM_CLEANUP(pm_audit_files_done)

void pm_audit_rotate(struct pm_audit *a, int64_t bytes, unsigned keep)
{
	if (!a)
		return;
	a->rotate = bytes;
	a->keep = keep;
}

/* How many of the older files are one too many when this one has become the newest of them. */
static size_t too_many(const struct pm_audit *a, const struct pm_audit_files *old)
{
	return a->keep > 0 && old->n + 1 > a->keep ? old->n + 1 - a->keep : 0;
}

static void first_record(const struct pm_audit *a, int64_t wall_ms, const char *previous,
	const struct pm_audit_files *old, struct pm_buf *line)
{
	const struct pm_audit_record r = { .operation = "rotate",
		.result = "ok",
		.details = a->keep > 0 ? "the file before this one is full; older ones than the "
					 "oldest are removed"
				       : "the file before this one is full" };
	size_t drop = too_many(a, old);
	struct pm_chain_extra x = { .previous = previous };
	struct pm_chain chain = a->chain;

	if (a->keep > 0)
		x.oldest = drop < old->n ? old->v[drop].name : previous;
	pm_chain_record(&chain, line, wall_ms, &r, &x);
}

static int write_new(const char *path, const struct pm_buf *line, struct pm_error *err)
{
	cleanup_fd int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;

	if (fd < 0 || fchmod(fd, 0600) < 0)
		return pm_error_sys(err, errno, "cannot make %s", path);
	pm_file_give(fd, path);
	while (done < line->len) {
		ssize_t n = write(fd, line->p + done, line->len - done);

		if (n < 0 && errno != EINTR)
			return pm_error_sys(err, errno, "cannot write %s", path);
		done += n > 0 ? (size_t)n : 0;
	}
	return fsync(fd) < 0 ? pm_error_sys(err, errno, "cannot write %s", path) : 0;
}

/* The old file gets a second name. A crash may have left it with that already. */
static int name_old(const struct pm_audit *a, const char *old, struct pm_error *err)
{
	struct stat ours, there;

	if (link(a->path, old) == 0)
		return 0;
	if (errno == EEXIST && fstat(a->fd, &ours) == 0 && lstat(old, &there) == 0 &&
		ours.st_dev == there.st_dev && ours.st_ino == there.st_ino)
		return 0;
	return pm_error_sys(err, errno, "cannot name the old audit log %s", old);
}

static int flush_folder(const char *path, struct pm_error *err)
{
	cleanup_buf struct pm_buf dir = PM_BUF(8192);
	const char *slash = strrchr(path, '/');
	cleanup_fd int fd = -1;

	(void)pm_buf_add(&dir, slash ? path : ".", slash ? (size_t)(slash - path) + 1 : 1);
	fd = open(pm_buf_str(&dir), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) < 0)
		return pm_error_sys(err, errno, "cannot flush the folder of %s", path);
	return 0;
}

int pm_audit_turn(struct pm_audit *a, int64_t wall_ms, struct pm_error *err)
{
	cleanup_buf struct pm_buf line = PM_BUF(PM_AUDIT_LINE);
	cleanup_buf struct pm_buf old = PM_BUF(8192), fresh = PM_BUF(8192);
	cleanup_files struct pm_audit_files files = { 0 };
	const char *name;
	int r;

	(void)pm_buf_addf(&old, "%s.%llu", a->path, (unsigned long long)a->chain.seq);
	(void)pm_buf_addf(&fresh, "%s.rotating", a->path);
	name = strrchr(pm_buf_str(&old), '/');
	name = name ? name + 1 : pm_buf_str(&old);
	if (old.full || fresh.full || strlen(name) >= PM_AUDIT_NAME)
		return pm_error_set(err, PM_E_LIMIT, "the name of the audit log is too long");
	r = pm_audit_files(a->path, a->fd, &files, err);
	if (r < 0)
		return r;
	first_record(a, wall_ms, name, &files, &line);
	r = write_new(pm_buf_str(&fresh), &line, err);
	if (r == 0)
		r = name_old(a, pm_buf_str(&old), err);
	if (r == 0 && rename(pm_buf_str(&fresh), a->path) < 0) {
		r = pm_error_sys(err, errno, "cannot put %s in its place", pm_buf_str(&fresh));
		(void)unlink(pm_buf_str(&old));
	}
	if (r < 0) {
		(void)unlink(pm_buf_str(&fresh));
		return r;
	}
	/* From here on the record stands; what is left over is removed with the next rotation. */
	if (flush_folder(a->path, err) == 0) {
		for (size_t i = 0; i < too_many(a, &files); i++)
			(void)unlink(files.v[i].path);
	}
	return 0;
}
