/* The files of an audit log: which there are, in which order, and their lines. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "audit_priv.h"
#include "base/num.h"

uint64_t pm_audit_number(const char *name)
{
	const char *dot = strrchr(name, '.');
	int64_t n;

	return dot && pm_parse_int(dot + 1, 1, INT64_MAX, &n) == 0 ? (uint64_t)n : 0;
}

/* ---- which files ---- */

static int by_number(const void *a, const void *b)
{
	const struct pm_audit_file *x = a, *y = b;

	return (x->number > y->number) - (x->number < y->number);
}

static void add(struct pm_audit_files *ret, const char *path, size_t folder, const char *name)
{
	cleanup_buf struct pm_buf text = PM_BUF(8192);
	struct pm_audit_file f = { .number = pm_audit_number(name) };
	struct stat st;

	(void)pm_buf_add(&text, path, folder);
	(void)pm_buf_adds(&text, name);
	if (lstat(pm_buf_str(&text), &st) < 0 || !S_ISREG(st.st_mode))
		return;
	f.dev = st.st_dev;
	f.ino = st.st_ino;
	f.path = pm_buf_steal(&text);
	f.name = f.path + folder;
	pm_vec_push(ret, f);
}

/* The open file may have its older name by now, or have got it before a crash; what has a greater number
 * came after it. */
static void cut_at(struct pm_audit_files *f, int fd)
{
	struct stat st;
	size_t n = 0;

	if (fstat(fd, &st) < 0)
		return;
	while (n < f->n && (f->v[n].dev != st.st_dev || f->v[n].ino != st.st_ino))
		n++;
	for (size_t i = n; i < f->n; i++)
		free(f->v[i].path);
	f->n = n;
}

int pm_audit_files(const char *path, int fd, struct pm_audit_files *ret, struct pm_error *err)
{
	const char *slash = strrchr(path, '/');
	size_t folder = slash ? (size_t)(slash - path) + 1 : 0, stem = strlen(path + folder);
	cleanup_buf struct pm_buf dir = PM_BUF(8192);
	struct dirent *e;
	DIR *d;

	memset(ret, 0, sizeof(*ret));
	(void)pm_buf_add(&dir, folder > 0 ? path : ".", folder > 0 ? folder : 1);
	d = opendir(pm_buf_str(&dir));
	if (!d)
		return pm_error_sys(err, errno, "cannot read the folder of the audit log %s", path);
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
	while ((e = readdir(d)) != NULL) {
		if (strncmp(e->d_name, path + folder, stem) == 0 && e->d_name[stem] == '.' &&
			!strchr(e->d_name + stem + 1, '.') && pm_audit_number(e->d_name) > 0)
			add(ret, path, folder, e->d_name);
	}
	(void)closedir(d);
	if (ret->n > 1)
		qsort(ret->v, ret->n, sizeof(*ret->v), by_number);
	cut_at(ret, fd);
	return 0;
}

void pm_audit_files_done(struct pm_audit_files *f)
{
	for (size_t i = 0; i < f->n; i++)
		free(f->v[i].path);
	pm_vec_done(f);
}

/* ---- lines ---- */

int pm_audit_lines(const char *path, struct pm_audit_lines *ret, struct pm_error *err)
{
	struct stat st;

	ret->f = NULL;
	/* A FIFO would keep us waiting. */
	if (stat(path, &st) < 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return pm_error_set(err, PM_E_NOTFOUND, "there is no audit log %s", path);
		return pm_error_sys(err, errno, "cannot read the audit log %s", path);
	}
	if (!S_ISREG(st.st_mode))
		return pm_error_set(err, PM_E_IO, "the audit log %s is not a regular file", path);
	ret->f = fopen(path, "re");
	if (!ret->f)
		return pm_error_sys(err, errno, "cannot read the audit log %s", path);
	/* Who holds the lock has no record half written. Nobody has to wait for us afterwards. */
	(void)flock(fileno(ret->f), LOCK_SH);
	if (fstat(fileno(ret->f), &st) < 0)
		st.st_size = 0;
	(void)flock(fileno(ret->f), LOCK_UN);
	ret->size = ret->left = st.st_size;
	return 0;
}

void pm_audit_lines_done(struct pm_audit_lines *l)
{
	if (l->f)
		(void)fclose(l->f);
	l->f = NULL;
}

bool pm_audit_line(struct pm_audit_lines *l, struct pm_buf *line)
{
	bool any = false;
	int c;

	pm_buf_clear(line);
	line->full = 0;
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): the stream is ours alone */
	while (l->left > 0 && (c = getc_unlocked(l->f)) != EOF) {
		l->left--;
		any = true;
		(void)pm_buf_addc(line, (char)c);
		if (c == '\n')
			break;
	}
	return any;
}
