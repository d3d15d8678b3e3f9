/* The audit log's writer. The file is the only truth: before each record the end of the chain is looked
 * at again when somebody else has written since, all under a lock that other processes honour. What a
 * crash left half written stays where it is, and the next record vouches for it by its hash. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit_priv.h"
#include "base/file.h"
#include "base/mem.h"

#define WINDOW \
	(4 * PM_AUDIT_LINE) /* the end of the chain is within that much of the end of the file */

static int damaged(const struct pm_audit *a, struct pm_error *err)
{
	return pm_error_set(err, PM_E_INVALID,
		"the end of the audit log %s is not what was written there; see podmox audit "
		"verify, keep the file as evidence under another name, and a new one is begun",
		a->path);
}

static int read_window(
	const struct pm_audit *a, off_t size, struct pm_buf *tail, struct pm_error *err)
{
	size_t want = size > (off_t)WINDOW ? WINDOW : (size_t)size;

	(void)pm_buf_reserve(tail, want);
	while (tail->len < want) {
		ssize_t got = pread(a->fd, tail->p + tail->len, want - tail->len,
			size - (off_t)(want - tail->len));

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return pm_error_sys(err, got < 0 ? errno : EIO,
				"cannot read the audit log %s", a->path);
		tail->len += (size_t)got;
	}
	tail->p[tail->len] = '\0';
	return 0;
}

/* Looks from the end backwards for the last whole record. */
static int find_end(struct pm_audit *a, const struct pm_buf *tail, bool all, struct pm_error *err)
{
	const char *p = tail->p, *end = p + tail->len, *nl = end;
	struct pm_link link;

	a->torn_bytes = 0;
	pm_chain_start(&a->chain);
	while ((nl = memrchr(p, '\n', (size_t)(nl - p))) != NULL) {
		const char *before = memrchr(p, '\n', (size_t)(nl - p));
		const char *line = before ? before + 1 : p;

		if (pm_chain_read(line, (size_t)(nl - line), &link)) {
			a->chain.seq = link.seq;
			memcpy(a->chain.hash, link.hash, sizeof(link.hash));
			break;
		}
		/* A whole line that is wrong was changed; only an unfinished one speaks of a crash. */
		if (end[-1] == '\n')
			return damaged(a, err);
	}
	if (!nl && !all)
		return damaged(a, err);
	p = nl ? nl + 1 : p;
	a->torn_bytes = (size_t)(end - p);
	if (a->torn_bytes > 0)
		(void)pm_sha256_hex(p, a->torn_bytes, a->torn);
	return 0;
}

/* With both locks held. */
static int look_again(struct pm_audit *a, struct pm_error *err)
{
	cleanup_buf struct pm_buf tail = PM_BUF(WINDOW + 1);
	struct stat st;
	int r;

	if (fstat(a->fd, &st) < 0)
		return pm_error_sys(err, errno, "cannot read the audit log %s", a->path);
	if (st.st_size == a->end)
		return 0;
	a->end = -1;
	if (st.st_size == 0) {
		pm_chain_start(&a->chain);
		a->torn_bytes = 0;
		a->end = 0;
		return 0;
	}
	r = read_window(a, st.st_size, &tail, err);
	if (r == 0)
		r = find_end(a, &tail, st.st_size <= (off_t)WINDOW, err);
	if (r == 0)
		a->end = st.st_size;
	return r;
}

static int open_file(struct pm_audit *a, struct pm_error *err)
{
	cleanup_fd int fd = open(a->path,
		O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return pm_error_sys(err, errno, "cannot open the audit log %s", a->path);
	if (!S_ISREG(st.st_mode))
		return pm_error_set(
			err, PM_E_IO, "the audit log %s is not a regular file", a->path);
	if ((st.st_mode & 077) != 0 && fchmod(fd, 0600) < 0)
		return pm_error_sys(err, errno,
			"cannot make the audit log %s readable by its owner only", a->path);
	pm_file_give(fd, a->path);
	if (a->fd >= 0)
		(void)close(a->fd);
	a->fd = pm_take_fd(&fd);
	a->end = -1;
	return 0;
}

/* Is the file at the path another one by now, as after a rotation? */
static bool replaced(const struct pm_audit *a)
{
	struct stat ours, there;

	return fstat(a->fd, &ours) < 0 || stat(a->path, &there) < 0 ||
	       ours.st_dev != there.st_dev || ours.st_ino != there.st_ino;
}

static int lock_file(struct pm_audit *a, struct pm_error *err)
{
	int r;

	do {
		r = flock(a->fd, LOCK_EX);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? pm_error_sys(err, errno, "cannot lock the audit log %s", a->path) : 0;
}

/* Locks the file that stands at the path, and looks where its chain ends. Somebody else may rotate while
 * we wait for the lock. */
static int lock_current(struct pm_audit *a, struct pm_error *err)
{
	int r;

	for (;;) {
		r = a->fd < 0 || replaced(a) ? open_file(a, err) : 0;
		if (r == 0)
			r = lock_file(a, err);
		if (r < 0)
			return r;
		if (!replaced(a))
			break;
	}
	r = look_again(a, err);
	if (r < 0)
		(void)flock(a->fd, LOCK_UN);
	return r;
}

static int append(struct pm_audit *a, const struct pm_buf *text, struct pm_error *err)
{
	size_t done = 0;
	int failed = 0;

	while (done < text->len && failed == 0) {
		ssize_t n = write(a->fd, text->p + done, text->len - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			failed = errno;
	}
	if (failed == 0 && fsync(a->fd) < 0)
		failed = errno;
	if (failed == 0) {
		a->end += (off_t)text->len;
		return 0;
	}
	/* Half a record is worse than none; where even that fails, the next one vouches for it. */
	if (ftruncate(a->fd, a->end) < 0)
		failed = failed != 0 ? failed : errno;
	a->end = -1;
	return pm_error_sys(err, failed, "cannot write the audit log %s", a->path);
}

/* With both locks held. */
static int write_record(struct pm_audit *a, const struct pm_clock *clock,
	const struct pm_audit_record *r, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(2 * PM_AUDIT_LINE);
	cleanup_buf struct pm_buf line = PM_BUF(PM_AUDIT_LINE);
	int64_t now = pm_wall_ms(clock);

	if (a->torn_bytes > 0) {
		char details[120];
		struct pm_audit_record recover = {
			.operation = "recover", .result = "ok", .details = details
		};
		struct pm_chain_extra x = { .torn = a->torn };

		(void)snprintf(details, sizeof(details),
			"%zu bytes of an unfinished record stand before this one", a->torn_bytes);
		pm_chain_record(&a->chain, &line, now, &recover, &x);
		(void)pm_buf_addc(&text, '\n');
		(void)pm_buf_add(&text, line.p, line.len);
		pm_buf_clear(&line);
		a->torn_bytes = 0;
	}
	pm_chain_record(&a->chain, &line, now, r, NULL);
	(void)pm_buf_add(&text, line.p, line.len);
	return append(a, &text, err);
}

static bool is_full(const struct pm_audit *a)
{
	return a->rotate > 0 && a->torn_bytes == 0 && a->end > 0 && a->end >= a->rotate &&
	       a->end >= a->rotate_at;
}

/* With both locks held, on the new file afterwards. Where it cannot be done the record is worth more than
 * the size: the log grows on, and says so once in a while. */
static int rotate(struct pm_audit *a, const struct pm_clock *clock, struct pm_error *err)
{
	const struct pm_audit_record failed = {
		.operation = "rotate", .result = "io", .details = err->msg
	};

	if (pm_audit_turn(a, pm_wall_ms(clock), err) < 0) {
		a->rotate_at = a->end + a->rotate;
		return write_record(a, clock, &failed, err);
	}
	a->rotate_at = 0;
	(void)flock(a->fd, LOCK_UN);
	return lock_current(a, err);
}

int pm_audit_write(struct pm_audit *a, const struct pm_clock *clock,
	const struct pm_audit_record *r, struct pm_error *err)
{
	int ret;

	if (!a)
		return 0;
	pthread_mutex_lock(&a->lock);
	ret = lock_current(a, err);
	if (ret == 0 && is_full(a))
		ret = rotate(a, clock, err);
	if (ret == 0)
		ret = write_record(a, clock, r, err);
	if (a->fd >= 0)
		(void)flock(a->fd, LOCK_UN);
	pthread_mutex_unlock(&a->lock);
	return ret;
}

static int make_folder(const char *path, struct pm_error *err)
{
	cleanup_free char *dir = pm_xstrdup(path);
	char *slash = strrchr(dir, '/');

	if (!slash || slash == dir)
		return 0;
	*slash = '\0';
	return pm_dir_make(dir, 0700, err);
}

int pm_audit_open(const char *path, struct pm_audit **ret, struct pm_error *err)
{
	struct pm_audit *a;
	int r;

	if (!path) {
		*ret = NULL;
		return 0;
	}
	r = make_folder(path, err);
	if (r < 0)
		return pm_error_wrap(err, "audit log");
	a = pm_xcalloc(1, sizeof(*a));
	a->path = pm_xstrdup(path);
	a->fd = -1;
	pm_assert(pthread_mutex_init(&a->lock, NULL) == 0);
	r = lock_current(a, err);
	if (r == 0)
		(void)flock(a->fd, LOCK_UN);
	if (r < 0) {
		pm_audit_close(a);
		return r;
	}
	*ret = a;
	return 0;
}

void pm_audit_close(struct pm_audit *a)
{
	if (!a)
		return;
	if (a->fd >= 0)
		(void)close(a->fd);
	(void)pthread_mutex_destroy(&a->lock);
	free(a->path);
	free(a);
}
