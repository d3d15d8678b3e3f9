/* The folders of commits: each is written beside the others under another name, and is called by its commit
 * only when it is complete; `current` is a link that is renamed from one to the next. Whoever reads one
 * holds a shared lock on it, so that nobody removes it meanwhile. */
#include <errno.h>
#include <fcntl.h>
#include <fts.h>
#include <inttypes.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/map.h"
#include "base/mem.h"
#include "source/source_priv.h"

/* ---- removing ---- */

void pm_remove_all(const char *path)
{
	cleanup_free char *copy = pm_xstrdup(path);
	char *const roots[] = { copy, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR | FTS_XDEV, NULL);
	FTSENT *e;

	if (!fts)
		return;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info == FTS_D)
			(void)chmod(e->fts_accpath, 0700);
		else if (e->fts_info == FTS_DP)
			(void)rmdir(e->fts_accpath);
		else
			(void)unlink(e->fts_accpath);
	}
	(void)fts_close(fts);
}

/* ---- names ---- */

/* The same commit has other files for another path. */
static void add_name(struct pm_buf *b, const struct pm_source_settings *c, const char *id)
{
	(void)pm_buf_addf(b, "trees/%s", id);
	if (c->path[0])
		(void)pm_buf_addf(b, ".%08" PRIx32, (uint32_t)pm_hash(c->path, strlen(c->path), 0));
}

void pm_trees_folder(
	const char *dir, const struct pm_source_settings *c, const char *id, struct pm_buf *ret)
{
	(void)pm_buf_addf(ret, "%s/", dir);
	if (id)
		add_name(ret, c, id);
	else
		(void)pm_buf_adds(ret, "current");
	if (c->path[0])
		(void)pm_buf_addf(ret, "/%s", c->path);
}

static void tree_path(
	const char *dir, const struct pm_source_settings *c, const char *id, struct pm_buf *ret)
{
	(void)pm_buf_addf(ret, "%s/", dir);
	add_name(ret, c, id);
}

/* ---- making ---- */

int pm_trees_make(const char *dir, struct pm_mirror *m, const struct pm_source_settings *c,
	const char *id, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	cleanup_buf struct pm_buf fresh = PM_BUF(0);
	struct stat st;
	int r;

	tree_path(dir, c, id, &path);
	if (lstat(pm_buf_str(&path), &st) == 0 && S_ISDIR(st.st_mode))
		return 0;
	(void)pm_buf_addf(&fresh, "%s/trees", dir);
	r = pm_dir_make(pm_buf_str(&fresh), 0700, err);
	if (r < 0)
		return r;
	(void)pm_buf_adds(&fresh, "/.new");
	pm_remove_all(pm_buf_str(&fresh));
	r = pm_mirror_export(m, id, pm_buf_str(&fresh), err);
	if (r == 0 && rename(pm_buf_str(&fresh), pm_buf_str(&path)) < 0)
		r = pm_error_sys(err, errno, "cannot make the folder %s", pm_buf_str(&path));
	if (r < 0)
		pm_remove_all(pm_buf_str(&fresh));
	return r;
}

/* ---- the link ---- */

static bool leads_to(const char *link, const char *target)
{
	char now[300];
	ssize_t n = readlink(link, now, sizeof(now) - 1);

	if (n < 0)
		return false;
	now[n] = '\0';
	return strcmp(now, target) == 0;
}

int pm_trees_switch(
	const char *dir, const struct pm_source_settings *c, const char *id, struct pm_error *err)
{
	cleanup_buf struct pm_buf link = PM_BUF(0);
	cleanup_buf struct pm_buf fresh = PM_BUF(0);
	cleanup_buf struct pm_buf target = PM_BUF(0);

	(void)pm_buf_addf(&link, "%s/current", dir);
	(void)pm_buf_addf(&fresh, "%s/current.new", dir);
	if (!id)
		return unlink(pm_buf_str(&link)) == 0 || errno == ENOENT
			       ? 0
			       : pm_error_sys(err, errno, "cannot remove %s", pm_buf_str(&link));
	add_name(&target, c, id);
	if (leads_to(pm_buf_str(&link), pm_buf_str(&target)))
		return 0;
	(void)unlink(pm_buf_str(&fresh));
	if (symlink(pm_buf_str(&target), pm_buf_str(&fresh)) < 0 ||
		rename(pm_buf_str(&fresh), pm_buf_str(&link)) < 0)
		return pm_error_sys(err, errno, "cannot make the link %s", pm_buf_str(&link));
	return 0;
}

/* ---- who needs which ---- */

typedef PM_VEC(const char *) names;

int pm_trees_pin(const char *dir, const struct pm_source_settings *c, const char *id)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	int fd;

	tree_path(dir, c, id, &path);
	fd = open(pm_buf_str(&path), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0)
		(void)flock(fd, LOCK_SH | LOCK_NB);
	return fd;
}

static void remove_unused(const char *path)
{
	cleanup_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 || flock(fd, LOCK_EX | LOCK_NB) == 0)
		pm_remove_all(path);
}

/* All of a folder, before any of it is removed. */
static void list(struct pm_arena *a, char *folder, names *ret)
{
	char *const roots[] = { folder, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (!fts)
		return;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_level != 1 || e->fts_info == FTS_DP)
			continue;
		pm_vec_push(ret, pm_arena_strdup(a, e->fts_path));
		(void)fts_set(fts, e, FTS_SKIP);
	}
	(void)fts_close(fts);
}

void pm_trees_tidy(const char *dir, const struct pm_source_settings *c, const char *keep)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	cleanup_buf struct pm_buf kept = PM_BUF(0);
	names v = { 0 };

	tree_path(dir, c, keep, &kept);
	list(a, pm_arena_printf(a, "%s/trees", dir), &v);
	for (size_t i = 0; i < v.n; i++)
		if (strcmp(v.v[i], pm_buf_str(&kept)) != 0)
			remove_unused(v.v[i]);
	pm_vec_done(&v);
}
