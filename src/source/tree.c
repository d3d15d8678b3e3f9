/* The files of one commit, written into a new folder. Not libgit2's checkout: that one knows filters,
 * attributes, submodules and links, and here nothing of a repository may be more than bytes in a file. What
 * cannot be written as it is refuses the whole commit: a part of it could look like a removal. */
#include <errno.h>
#include <fcntl.h>
#include <git2.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/text.h"
#include "source/source_priv.h"

#define DEPTH_MAX 64
#define LINK_MAX  1024

struct writer {
	const struct pm_export *e;
	git_odb *odb;
	struct pm_buf path; /* of the folder we are in, from the top on; ends in '/' or is "" */
	unsigned depth;     /* parts of it */
	uint64_t files, bytes, manifests;
};

static int refuse(struct writer *w, const char *name, const char *what, struct pm_error *err)
{
	cleanup_buf struct pm_buf shown = PM_BUF(400);

	pm_text_visible(&shown, pm_buf_str(&w->path), w->path.len);
	pm_text_visible(&shown, name, strlen(name));
	return pm_error_set(err, PM_E_REFUSED, "%s %s", pm_buf_str(&shown), what);
}

static int io(struct writer *w, const char *name, struct pm_error *err)
{
	if (errno == EEXIST)
		return refuse(w, name, "stands there twice", err);
	if (errno == ENAMETOOLONG)
		return refuse(w, name, "has too long a name", err);
	return pm_error_sys(err, errno, "cannot write %s%s", pm_buf_str(&w->path), name);
}

/* ---- files ---- */

static bool is_manifest(const char *name)
{
	size_t n = strlen(name);

	return name[0] != '.' && ((n > 5 && strcmp(name + n - 5, ".yaml") == 0) ||
					 (n > 4 && strcmp(name + n - 4, ".yml") == 0));
}

static int check_size(struct writer *w, const git_oid *oid, const char *name, struct pm_error *err)
{
	const struct pm_source_settings *c = w->e->settings;
	git_object_t type;
	size_t n;

	if (git_odb_read_header(&n, &type, w->odb, oid) < 0)
		return pm_git_error(err, "reading the mirror");
	if (n > c->file_size)
		return refuse(w, name, "is larger than source.git.limits.fileSize allows", err);
	w->bytes += n;
	if (w->bytes > c->size)
		return pm_error_set(err, PM_E_LIMIT,
			"its files have more than %llu bytes together; raise source.git.limits.size if "
			"that is right",
			(unsigned long long)c->size);
	return 0;
}

/* The blob; NULL: err says why. */
static git_blob *read_blob(
	struct writer *w, const git_oid *oid, const char *name, struct pm_error *err)
{
	git_blob *blob = NULL;

	if (check_size(w, oid, name, err) < 0)
		return NULL;
	if (git_blob_lookup(&blob, w->e->repo, oid) < 0)
		(void)pm_git_error(err, "reading the mirror");
	return blob;
}

static bool fill(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t put = write(fd, p, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		p += put;
		n -= (size_t)put;
	}
	return true;
}

static int write_file(struct writer *w, int dir, const git_tree_entry *entry, struct pm_error *err)
{
	const char *name = git_tree_entry_name(entry);
	git_blob *blob = read_blob(w, git_tree_entry_id(entry), name, err);
	cleanup_fd int fd = -1;
	int r = 0;

	if (!blob)
		return -(int)err->code;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0644);
	if (fd < 0 || !fill(fd, git_blob_rawcontent(blob), (size_t)git_blob_rawsize(blob)))
		r = io(w, name, err);
	git_blob_free(blob);
	w->manifests += is_manifest(name);
	return r;
}

/* ---- links ---- */

/* Does a link from a folder so deep below the top stay in the repository? ".." may only stand in front:
 * behind a name it would depend on where that name leads. */
static bool stays_inside(const char *target, size_t n, unsigned depth)
{
	bool names = false;

	if (n == 0 || target[0] == '/' || memchr(target, '\0', n))
		return false;
	for (const char *p = target, *end = target + n; p < end;) {
		const char *slash = memchr(p, '/', (size_t)(end - p));
		size_t len = slash ? (size_t)(slash - p) : (size_t)(end - p);
		bool up = len == 2 && p[0] == '.' && p[1] == '.';

		if (up && (names || depth == 0))
			return false;
		depth -= up;
		if (!up && len > 0 && !(len == 1 && p[0] == '.'))
			names = true;
		p += len + (slash ? 1 : 0);
	}
	return true;
}

static int write_link(struct writer *w, int dir, const git_tree_entry *entry, struct pm_error *err)
{
	const char *name = git_tree_entry_name(entry);
	git_blob *blob = read_blob(w, git_tree_entry_id(entry), name, err);
	char target[LINK_MAX + 1];
	size_t n;
	int r = 0;

	if (!blob)
		return -(int)err->code;
	n = (size_t)git_blob_rawsize(blob);
	if (n > LINK_MAX || !stays_inside(git_blob_rawcontent(blob), n, w->depth)) {
		r = refuse(w, name, "is a symbolic link that leads out of the repository", err);
	} else {
		memcpy(target, git_blob_rawcontent(blob), n);
		target[n] = '\0';
		if (symlinkat(target, dir, name) < 0)
			r = io(w, name, err);
	}
	git_blob_free(blob);
	return r;
}

/* ---- folders ---- */

static int write_tree(struct writer *w, int dir, const git_tree *tree, struct pm_error *err);

static int open_new(struct writer *w, int dir, const char *name, struct pm_error *err)
{
	int fd = mkdirat(dir, name, 0755) < 0
			 ? -1
			 : openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? io(w, name, err) : fd;
}

static int write_folder(
	struct writer *w, int dir, const git_tree_entry *entry, struct pm_error *err)
{
	const char *name = git_tree_entry_name(entry);
	size_t before = w->path.len;
	cleanup_fd int fd = -1;
	git_tree *tree = NULL;
	int r;

	if (w->depth >= DEPTH_MAX)
		return refuse(w, name, "lies too deep: 64 levels are read", err);
	if (git_tree_lookup(&tree, w->e->repo, git_tree_entry_id(entry)) < 0)
		return pm_git_error(err, "reading the mirror");
	fd = open_new(w, dir, name, err);
	r = fd < 0 ? fd : 0;
	if (r == 0) {
		(void)pm_buf_addf(&w->path, "%s/", name);
		w->depth++;
		r = write_tree(w, fd, tree, err);
		w->depth--;
		w->path.len = before;
		w->path.p[before] = '\0';
	}
	git_tree_free(tree);
	return r;
}

static bool good_name(const char *name)
{
	return name[0] != '\0' && !strchr(name, '/') && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && strcasecmp(name, ".git") != 0;
}

static int write_entry(struct writer *w, int dir, const git_tree_entry *entry, struct pm_error *err)
{
	const char *name = git_tree_entry_name(entry);
	int r = pm_source_check(w->e->job, "writing the files", err);

	if (r < 0)
		return r;
	if (!good_name(name))
		return refuse(w, name, "has a name that no file of a repository may have", err);
	if (++w->files > w->e->settings->files)
		return pm_error_set(err, PM_E_LIMIT,
			"it has more than %llu files; raise source.git.limits.files if that is right",
			(unsigned long long)w->e->settings->files);
	switch (git_tree_entry_filemode(entry)) {
	case GIT_FILEMODE_TREE:
		return write_folder(w, dir, entry, err);
	case GIT_FILEMODE_BLOB:
	case GIT_FILEMODE_BLOB_EXECUTABLE:
		return write_file(w, dir, entry, err);
	case GIT_FILEMODE_LINK:
		return write_link(w, dir, entry, err);
	case GIT_FILEMODE_COMMIT:
		return refuse(w, name,
			"is a submodule: none is read; put its files here, or let source.git.path name a "
			"folder without it",
			err);
	default:
		return refuse(w, name, "is of a kind that is not known", err);
	}
}

static int write_tree(struct writer *w, int dir, const git_tree *tree, struct pm_error *err)
{
	size_t n = git_tree_entrycount(tree);
	int r = 0;

	for (size_t i = 0; i < n && r == 0; i++)
		r = write_entry(w, dir, git_tree_entry_byindex(tree, i), err);
	return r;
}

/* ---- the whole ---- */

/* The tree of settings.path. */
static int find_folder(struct writer *w, const git_tree *top, git_tree **ret, struct pm_error *err)
{
	const char *path = w->e->settings->path;
	git_tree_entry *entry = NULL;
	int r = git_tree_entry_bypath(&entry, top, path);

	if (r == GIT_ENOTFOUND)
		return pm_error_set(err, PM_E_REFUSED,
			"it has no folder %s, which source.git.path names", path);
	if (r < 0)
		return pm_git_error(err, "reading the mirror");
	if (git_tree_entry_filemode(entry) != GIT_FILEMODE_TREE)
		r = pm_error_set(err, PM_E_REFUSED,
			"%s, which source.git.path names, is no folder in it", path);
	else if (git_tree_lookup(ret, w->e->repo, git_tree_entry_id(entry)) < 0)
		r = pm_git_error(err, "reading the mirror");
	git_tree_entry_free(entry);
	return r;
}

/* Makes the folders of settings.path below `dir` and returns the last one. */
static int open_path(struct writer *w, int dir, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	char *rest = pm_arena_strdup(a, w->e->settings->path);
	int at = dir;

	while (at >= 0 && rest && *rest) {
		const char *name = strsep(&rest, "/");
		int next = open_new(w, at, name, err);

		(void)close(at);
		at = next;
		(void)pm_buf_addf(&w->path, "%s/", name);
		w->depth++;
	}
	return at;
}

/* For the marker the folder is where a repository begins, as in a clone. */
static int mark_top(int dir, struct pm_error *err)
{
	static const char text[] = "podmox: the files of one commit; this is no checkout\n";
	cleanup_fd int fd =
		openat(dir, ".git", O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0444);

	if (fd < 0 || !fill(fd, text, sizeof(text) - 1))
		return pm_error_sys(err, errno, "cannot write the files of a commit");
	return 0;
}

static int write_all(struct writer *w, const git_tree *tree, const char *to, struct pm_error *err)
{
	int dir = mkdir(to, 0755) < 0 ? -1 : open(to, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (dir < 0)
		return pm_error_sys(err, errno, "cannot make the folder %s", to);
	r = mark_top(dir, err);
	if (r < 0) {
		(void)close(dir);
		return r;
	}
	dir = open_path(w, dir, err);
	if (dir < 0)
		return dir;
	r = write_tree(w, dir, tree, err);
	/* All of it is on the disk before it gets the name by which it counts as complete. */
	if (r == 0 && syncfs(dir) < 0)
		r = pm_error_sys(err, errno, "cannot write the files of a commit");
	(void)close(dir);
	if (r == 0 && w->manifests == 0)
		return pm_error_set(err, PM_E_REFUSED, "it holds no manifest (*.yaml, *.yml)%s%s",
			w->e->settings->path[0] ? " below " : "", w->e->settings->path);
	return r;
}

static int find_top(const struct pm_export *e, const char *id, git_tree **ret, struct pm_error *err)
{
	git_commit *commit = NULL;
	git_oid oid;
	int r = 0;

	if (git_oid_fromstr(&oid, id) < 0 || git_commit_lookup(&commit, e->repo, &oid) < 0 ||
		git_commit_tree(ret, commit) < 0)
		r = pm_git_error(err, "reading the mirror");
	git_commit_free(commit);
	return r;
}

int pm_tree_export(const struct pm_export *e, const char *id, const char *to, struct pm_error *err)
{
	struct writer w = { .e = e, .path = PM_BUF(0) };
	git_tree *top = NULL, *tree = NULL;
	int r = find_top(e, id, &top, err);

	if (r == 0 && git_repository_odb(&w.odb, e->repo) < 0)
		r = pm_git_error(err, "reading the mirror");
	if (r == 0 && e->settings->path[0])
		r = find_folder(&w, top, &tree, err);
	if (r == 0)
		r = write_all(&w, tree ? tree : top, to, err);
	git_tree_free(tree);
	git_tree_free(top);
	git_odb_free(w.odb);
	pm_buf_done(&w.path);
	return r;
}
