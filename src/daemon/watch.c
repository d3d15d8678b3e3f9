/* Watching a tree with inotify. Folders only: editors replace files. An event about a file means "look at it
 * again", and whatever touches folders means "watch anew, then look at all": so no event can be missed, and
 * what is known about folders lives no longer than they stay where they are. */
#include <errno.h>
#include <fts.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"

#define MASK                                                                                     \
	(IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | \
		IN_MOVE_SELF | IN_ONLYDIR | IN_EXCL_UNLINK)

/* ---- the tree ---- */

/* File systems that tell nothing of what others do to them: statfs(2). */
static bool tells_nothing(const char *dir)
{
	static const unsigned silent[] = {
		0x6969,     /* NFS */
		0x517b,     /* SMB */
		0xff534d42, /* CIFS */
		0xfe534d42, /* SMB2 */
		0x65735546, /* FUSE, which /etc/pve is too */
		0x01021997, /* 9p */
		0x6a656a63, /* virtiofs */
	};
	struct statfs fs;

	if (statfs(dir, &fs) < 0)
		return false;
	for (size_t i = 0; i < PM_COUNT(silent); i++)
		if ((unsigned)fs.f_type == silent[i])
			return true;
	return false;
}

/* Numbers of watches are given in turn, from 1 on. */
static void name_folder(struct pm_watch *w, int wd, const char *below)
{
	while (w->below.n <= (size_t)wd)
		pm_vec_push(&w->below, NULL);
	free(w->below.v[wd]);
	w->below.v[wd] = pm_xstrdup(below);
}

static void add(struct pm_watch *w, const char *path, const char *below)
{
	int wd = inotify_add_watch(w->fd, path, MASK | IN_DONT_FOLLOW);

	if (wd >= 0) {
		w->folders++;
		name_folder(w, wd, below);
	} else if (errno == ENOSPC)
		w->why = "fs.inotify.max_user_watches is too small for this tree";
	else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
		w->why = "the system does not let this tree be watched";
}

/* "" for the root itself. */
static const char *below(const char *path, const char *root)
{
	path += strlen(root);
	return path + (*path == '/');
}

/* A folder is watched before it is listed: what is made in between is seen by the one or the other. */
static void add_tree(struct pm_watch *w, char *root)
{
	char *const roots[] = { root, NULL };
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	FTSENT *e;

	if (!fts)
		return;
	while ((e = fts_read(fts)) != NULL) {
		if (e->fts_info != FTS_D)
			continue;
		/* Git's own files change all the time and hold no manifest. */
		if (e->fts_level > 0 && strcmp(e->fts_name, ".git") == 0)
			(void)fts_set(fts, e, FTS_SKIP);
		else
			add(w, e->fts_accpath, below(e->fts_path, root));
	}
	(void)fts_close(fts);
}

/* ---- what the path of the root is made of ---- */

static void add_above(struct pm_watch *w, const char *folder, const char *name)
{
	struct pm_watch_above *a = &w->above[w->nabove];

	a->wd = inotify_add_watch(w->fd, folder[0] ? folder : "/", MASK | IN_MASK_ADD);
	(void)snprintf(a->name, sizeof(a->name), "%s", name);
	if (a->wd >= 0)
		w->nabove++;
}

/* Watches the entry that a path ends in, and follows it when it is a link. */
static void add_chain(struct pm_watch *w, const char *dir)
{
	char path[PATH_MAX], target[PATH_MAX];

	(void)snprintf(path, sizeof(path), "%s", dir);
	while (w->nabove < PM_WATCH_LINKS) {
		char *slash = strrchr(path, '/');
		ssize_t n = readlink(path, target, sizeof(target) - 1);

		if (!slash || slash[1] == '\0')
			return;
		*slash = '\0';
		add_above(w, path, slash + 1);
		if (n <= 0)
			return;
		target[n] = '\0';
		if (target[0] == '/')
			(void)snprintf(path, sizeof(path), "%s", target);
		else
			(void)snprintf(slash, sizeof(path) - (size_t)(slash - path), "/%s", target);
	}
}

/* The path from the top, as it was spelled: links in it are followed one by one. */
static bool spelled_out(const char *dir, char path[PATH_MAX])
{
	const char *last = strrchr(dir, '/');
	size_t n;

	last = last ? last + 1 : dir;
	if (strcmp(last, ".") == 0 || strcmp(last, "..") == 0 || last[0] == '\0')
		return realpath(dir, path) != NULL;
	if (dir[0] == '/')
		return snprintf(path, PATH_MAX, "%s", dir) < PATH_MAX;
	if (!getcwd(path, PATH_MAX))
		return false;
	n = strlen(path);
	return snprintf(path + n, PATH_MAX - n, "/%s", dir) < (int)(PATH_MAX - n);
}

void pm_watch_open(struct pm_watch *w, const char *dir)
{
	char path[PATH_MAX];
	char real[PATH_MAX];

	*w = (struct pm_watch){ .fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC), .dir = dir };
	if (w->fd < 0) {
		w->why = "fs.inotify.max_user_instances is used up";
		return;
	}
	if (spelled_out(dir, path))
		add_chain(w, path);
	if (!realpath(dir, real))
		return;
	add_tree(w, real);
	if (tells_nothing(real))
		w->why = "the file system does not tell of changes";
}

void pm_named_done(struct pm_named *n)
{
	for (size_t i = 0; i < n->v.n; i++)
		free(n->v.v[i]);
	pm_vec_done(&n->v);
	n->only = false;
}

void pm_watch_close(struct pm_watch *w)
{
	pm_closep(&w->fd);
	w->fd = -1;
	for (size_t i = 0; i < w->below.n; i++)
		free(w->below.v[i]);
	pm_vec_done(&w->below);
	pm_named_done(&w->named);
}

void pm_watch_take(struct pm_watch *w, struct pm_named *ret)
{
	*ret = w->named;
	ret->only = ret->only && w->fd >= 0 && !w->why;
	w->named = (struct pm_named){ .only = true };
}

/* ---- events ---- */

static enum pm_watch_news judge_above(const struct pm_watch *w, const struct inotify_event *e)
{
	for (unsigned i = 0; i < w->nabove; i++)
		if (w->above[i].wd == e->wd && e->len > 0 && strcmp(w->above[i].name, e->name) == 0)
			return PM_WATCH_MOVED;
	return PM_WATCH_NOTHING;
}

static bool is_above(const struct pm_watch *w, int wd)
{
	for (unsigned i = 0; i < w->nabove; i++)
		if (w->above[i].wd == wd)
			return true;
	return false;
}

static bool is_named(const struct pm_named *n, const char *path)
{
	for (size_t i = 0; i < n->v.n; i++)
		if (strcmp(n->v.v[i], path) == 0)
			return true;
	return false;
}

/* One more entry that is another one. */
static void note(struct pm_watch *w, const struct inotify_event *e)
{
	const char *folder = e->wd >= 0 && (size_t)e->wd < w->below.n ? w->below.v[e->wd] : NULL;
	struct pm_named *n = &w->named;
	cleanup_buf struct pm_buf path = PM_BUF(0);

	if (!folder || e->len == 0 || n->v.n == PM_NAMED_MOST)
		n->only = false;
	if (!n->only)
		return;
	(void)pm_buf_addf(&path, "%s%s%s", folder, folder[0] ? "/" : "", e->name);
	if (!is_named(n, pm_buf_str(&path)))
		pm_vec_push(&n->v, pm_xstrdup(pm_buf_str(&path)));
}

static enum pm_watch_news judge(const struct pm_watch *w, const struct inotify_event *e)
{
	size_t n = e->len > 0 ? strlen(e->name) : 0;

	if (e->mask & IN_Q_OVERFLOW)
		return PM_WATCH_MOVED;
	if (is_above(w, e->wd))
		return judge_above(w, e);
	if (e->mask & (IN_ISDIR | IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT | IN_IGNORED))
		return PM_WATCH_MOVED;
	/* What editors leave behind while they work; "..data" and its like are links that matter. */
	if (n > 0 && e->name[0] == '.' && e->name[1] != '.')
		return PM_WATCH_NOTHING;
	if (n > 0 && e->name[n - 1] == '~')
		return PM_WATCH_NOTHING;
	return PM_WATCH_CHANGED;
}

enum pm_watch_news pm_watch_read(struct pm_watch *w)
{
	_Alignas(struct inotify_event) char block[16384];
	enum pm_watch_news news = PM_WATCH_NOTHING;

	for (;;) {
		ssize_t n = read(w->fd, block, sizeof(block));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return news;
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(block + at);
			enum pm_watch_news one = judge(w, e);

			if (one == PM_WATCH_CHANGED)
				note(w, e);
			else if (one == PM_WATCH_MOVED)
				w->named.only = false;
			news = one > news ? one : news;
			at += (ssize_t)(sizeof(*e) + e->len);
		}
	}
}
