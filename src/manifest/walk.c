/* Finding manifests: all *.yaml and *.yml below a folder in the order of their paths, each read once.
 * Whatever looks like a manifest and cannot be read is told to the caller, so that nobody takes a part of
 * the tree for all of it. Links are followed inside of the folder only. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "manifest/manifest_priv.h"

#define DEPTH_MAX 32

struct walk {
	struct pm_arena *arena;
	char *real; /* path of the root without links */
	pm_found_fn *fn;
	pm_known_fn *known; /* NULL: every file is read */
	void *arg;
	bool *links;        /* NULL: nobody asks */
	struct pm_buf text; /* one buffer for all files */
	struct {
		dev_t dev;
		ino_t ino;
	} above[DEPTH_MAX]; /* folders we are in */
	unsigned depth;
	struct pm_error err;
};

struct entry {
	const char *path;   /* of the whole */
	const char *name;   /* its last part */
	unsigned char type; /* DT_* */
};

static bool is_manifest_name(const char *name)
{
	size_t n = strlen(name);

	if (name[0] == '.')
		return false;
	return (n > 5 && strcmp(name + n - 5, ".yaml") == 0) ||
	       (n > 4 && strcmp(name + n - 4, ".yml") == 0);
}

static void tell(struct walk *w, const char *path, const char *why, const char *hint)
{
	struct pm_found f = { .path = path, .why = why, .hint = hint };

	w->fn(w->arg, &f);
}

static void read_file(struct walk *w, int dir, const struct entry *e)
{
	struct pm_found f = { .path = e->path };
	struct stat st;

	/* Looked at before it is read: what changes in between is read again the next time. */
	if (w->known && fstatat(dir, e->name, &st, 0) == 0 && w->known(w->arg, e->path, &st))
		return;
	if (pm_file_read(dir, e->name, PM_MANIFEST_MAX_FILE, &w->text, &w->err) < 0) {
		tell(w, e->path, pm_arena_strdup(w->arena, w->err.msg),
			w->err.code == PM_E_LIMIT
				? "split it: one object a file is a good measure"
				: "make it a readable file, or move it out of the folder");
		return;
	}
	f.text = pm_buf_str(&w->text);
	f.n = w->text.len;
	w->fn(w->arg, &f);
}

/* ---- links ---- */

static bool is_hidden(const char *path)
{
	for (const char *p = path; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (*p == '.')
			return true;
	}
	return false;
}

/* What follows the folder in a path below it; NULL: it is not below. "" is the folder itself. */
static const char *below(const char *path, const char *folder)
{
	size_t n = strlen(folder);

	if (strncmp(path, folder, n) != 0)
		return NULL;
	if (folder[n - 1] == '/' && path[n] != '\0')
		return path + n;
	if (path[n] == '\0')
		return path + n;
	return path[n] == '/' ? path + n + 1 : NULL;
}

static void walk_folder(struct walk *w, int folder, const char *path);

static bool leads_up(const struct walk *w, const struct stat *st)
{
	for (unsigned i = 0; i < w->depth; i++)
		if (w->above[i].dev == st->st_dev && w->above[i].ino == st->st_ino)
			return true;
	return false;
}

/* A link whose target lies below the root and is not met otherwise, or it is told why not. */
static bool worth_following(struct walk *w, const struct entry *e, const struct stat *st)
{
	char *real cleanup_free = realpath(e->path, NULL);
	const char *rest = real ? below(real, w->real) : NULL;
	const char *name = real ? strrchr(real, '/') : NULL;

	if (S_ISDIR(st->st_mode) && leads_up(w, st)) {
		tell(w, e->path, "the symbolic link leads back to a folder above it",
			"remove the link");
		return false;
	}
	if (!rest) {
		tell(w, e->path, "the symbolic link leads out of the folder",
			"copy what it names, or name that folder as well");
		return false;
	}
	/* What is met on its own is read there. */
	return is_hidden(rest) || (!S_ISDIR(st->st_mode) && !is_manifest_name(name + 1));
}

static void follow(struct walk *w, int dir, const struct entry *e)
{
	struct stat st;

	if (w->links)
		*w->links = true;
	if (fstatat(dir, e->name, &st, 0) < 0) {
		tell(w, e->path,
			errno == ELOOP ? "the symbolic link leads to itself"
				       : "the symbolic link leads nowhere",
			"remove the link, or mend it");
		return;
	}
	if (!S_ISDIR(st.st_mode) && !is_manifest_name(e->name))
		return;
	if (!worth_following(w, e, &st))
		return;
	if (S_ISDIR(st.st_mode))
		walk_folder(w, openat(dir, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC), e->path);
	else
		read_file(w, dir, e);
}

/* ---- folders ---- */

static unsigned char type_of(int dir, const struct dirent64 *de)
{
	struct stat st;

	if (de->d_type != DT_UNKNOWN)
		return de->d_type;
	if (fstatat(dir, de->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return DT_UNKNOWN;
	return (unsigned char)IFTODT(st.st_mode);
}

/* Is it of any interest? Other files are nobody's business, hidden ones belong to editors and git. */
static bool wanted(const char *name, unsigned char type)
{
	if (name[0] == '.')
		return false;
	return type == DT_DIR || type == DT_LNK || is_manifest_name(name);
}

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;
	size_t i = 0;
	unsigned char cx, cy;

	while (x->name[i] && x->name[i] == y->name[i])
		i++;
	/* As if the names of folders ended in a slash: the order is that of whole paths then. */
	cx = (unsigned char)(x->name[i] || x->type != DT_DIR ? x->name[i] : '/');
	cy = (unsigned char)(y->name[i] || y->type != DT_DIR ? y->name[i] : '/');
	return cx < cy ? -1 : cx > cy;
}

static void visit(struct walk *w, int dir, const struct entry *e)
{
	if (e->type == DT_LNK)
		follow(w, dir, e);
	else if (e->type == DT_DIR)
		walk_folder(w,
			openat(dir, e->name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW),
			e->path);
	else
		read_file(w, dir, e);
}

typedef PM_VEC(struct entry) entries;

/* The path of what lies in a folder, or below it. */
static const char *path_in(struct walk *w, const char *folder, const char *name)
{
	const char *prefix = strcmp(folder, ".") == 0 ? "" : folder;
	bool slash = prefix[0] != '\0' && strcmp(prefix, "/") != 0;

	return pm_arena_printf(w->arena, "%s%s%s", prefix, slash ? "/" : "", name);
}

static void take_entry(
	struct walk *w, int dir, const char *path, const struct dirent64 *de, entries *v)
{
	struct entry e = { .type = type_of(dir, de) };

	if (!wanted(de->d_name, e.type))
		return;
	e.path = path_in(w, path, de->d_name);
	e.name = e.path + strlen(e.path) - strlen(de->d_name);
	pm_vec_push(v, e);
}

/* false: the folder could not be read to its end. */
static bool list(struct walk *w, int dir, const char *path, entries *v)
{
	alignas(struct dirent64) char block[32768];

	for (;;) {
		ssize_t n = getdents64(dir, block, sizeof(block));

		if (n <= 0)
			return n == 0;
		for (ssize_t at = 0; at < n;) {
			const struct dirent64 *de = (const void *)(block + at);

			take_entry(w, dir, path, de, v);
			at += de->d_reclen;
		}
	}
}

static void tell_folder(struct walk *w, const char *path)
{
	tell(w, path,
		pm_arena_printf(w->arena, "cannot read the folder: %s", strerrordesc_np(errno)),
		"mend its permissions, or move it away");
}

static bool enter(struct walk *w, int fd, const char *path)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0) {
		tell_folder(w, path);
		return false;
	}
	if (w->depth == DEPTH_MAX) {
		tell(w, path, "folders are nested too deep", "32 levels are read");
		return false;
	}
	w->above[w->depth].dev = st.st_dev;
	w->above[w->depth++].ino = st.st_ino;
	return true;
}

/* Takes the descriptor over. */
static void walk_folder(struct walk *w, int folder, const char *path)
{
	cleanup_fd int fd = folder;
	entries v = { 0 };

	if (!enter(w, fd, path))
		return;
	if (!list(w, fd, path, &v))
		tell_folder(w, path);
	if (v.n > 0)
		qsort(v.v, v.n, sizeof(*v.v), compare_entries);
	for (size_t i = 0; i < v.n; i++)
		visit(w, fd, &v.v[i]);
	pm_vec_done(&v);
	w->depth--;
}

/* A file that was named itself must be one. */
static int walk_file(struct walk *w, const char *path, struct pm_error *err)
{
	const char *slash = strrchr(path, '/');
	struct pm_found f = { .path = path };
	int r;

	if (!is_manifest_name(slash ? slash + 1 : path))
		return pm_error_set(err, PM_E_USAGE,
			"%s is no manifest: their names end in .yaml or .yml", path);
	r = pm_file_read(AT_FDCWD, path, PM_MANIFEST_MAX_FILE, &w->text, err);
	if (r < 0)
		return r;
	f.text = pm_buf_str(&w->text);
	f.n = w->text.len;
	w->fn(w->arg, &f);
	return 0;
}

int pm_manifest_walk(
	struct pm_arena *a, const char *path, pm_found_fn *fn, void *arg, struct pm_error *err)
{
	return pm_manifest_walk_changed(a, path, &(struct pm_walker){ .fn = fn, .arg = arg }, err);
}

static struct walk walk_of(struct pm_arena *a, const struct pm_walker *walker)
{
	return (struct walk){ .arena = a,
		.fn = walker->fn,
		.known = walker->known,
		.arg = walker->arg,
		.links = walker->links,
		.text = PM_BUF(PM_MANIFEST_MAX_FILE + 1) };
}

/* As all paths below it begin. */
static const char *without_slashes(struct pm_arena *a, const char *path)
{
	size_t n = strlen(path);

	while (n > 1 && path[n - 1] == '/')
		n--;
	return pm_arena_strndup(a, path, n);
}

int pm_manifest_walk_changed(
	struct pm_arena *a, const char *path, const struct pm_walker *walker, struct pm_error *err)
{
	struct walk w = walk_of(a, walker);
	struct stat st;
	int r = 0;

	if (stat(path, &st) < 0)
		return pm_error_sys(err, errno, "cannot read %s", path);
	path = without_slashes(a, path);
	if (S_ISDIR(st.st_mode)) {
		w.real = realpath(path, NULL);
		if (!w.real || access(path, R_OK | X_OK) < 0)
			r = pm_error_sys(err, errno, "cannot read %s", path);
		else
			walk_folder(&w, open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), path);
	} else {
		r = walk_file(&w, path, err);
	}
	free(w.real);
	pm_buf_done(&w.text);
	return r;
}

/* ---- some entries only ---- */

/* The folder that an entry below another lies in, met through no link; < 0: it is not there. */
static int open_folder_of(struct walk *w, int root, const char *name)
{
	int fd = fcntl(root, F_DUPFD_CLOEXEC, 0);

	for (const char *slash; fd >= 0 && (slash = strchr(name, '/')) != NULL; name = slash + 1) {
		const char *part = pm_arena_strndup(w->arena, name, (size_t)(slash - name));
		int next = openat(fd, part, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

		pm_closep(&fd);
		fd = next;
	}
	return fd;
}

/* false: it is gone, or no file. */
static bool look_at(struct walk *w, int root, const char *folder, const char *name)
{
	cleanup_fd int dir = open_folder_of(w, root, name);
	struct entry e = { .path = path_in(w, folder, name), .type = DT_REG };
	bool manifest;
	struct stat st;

	e.name = strrchr(e.path, '/');
	e.name = e.name ? e.name + 1 : e.path;
	manifest = is_manifest_name(e.name);
	if (dir < 0)
		return false;
	/* Other files come and go; what was a folder or a link is told of otherwise. */
	if (fstatat(dir, e.name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT && !manifest;
	if (!S_ISREG(st.st_mode))
		return false;
	if (manifest)
		read_file(w, dir, &e);
	return true;
}

bool pm_manifest_walk_named(struct pm_arena *a, const char *path, const char *const *names,
	size_t n, const struct pm_walker *walker)
{
	cleanup_fd int root = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct walk w = walk_of(a, walker);
	bool all = root >= 0;

	path = without_slashes(a, path);
	for (size_t i = 0; all && i < n; i++)
		all = is_hidden(names[i]) || look_at(&w, root, path, names[i]);
	pm_buf_done(&w.text);
	return all;
}
