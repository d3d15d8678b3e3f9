/* What the marker calls the place manifests were loaded from: the path of the folder below its
 * repository, so that clones of the repository at different places mean the same. Where there is none it
 * is the path as it was spelled, so that a link may be switched from one release to the next. */
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest/manifest_priv.h"

static bool has_git(const char *dir, size_t n)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);

	(void)pm_buf_addf(&path, "%.*s/.git", (int)n, dir);
	return access(pm_buf_str(&path), F_OK) == 0;
}

/* The folder of a path, resolved: its own, or the one a file lies in. */
static char *folder_of(const char *path)
{
	char *real = realpath(path, NULL);
	struct stat st;
	char *slash;

	if (!real || stat(real, &st) < 0 || S_ISDIR(st.st_mode))
		return real;
	slash = strrchr(real, '/');
	slash[slash == real] = '\0';
	return real;
}

/* The folder of a path as it was spelled, from the top: a link in it that is switched to another release
 * leads to the same place. NULL: it goes up again, which only the system can follow. */
static const char *spelled(struct pm_arena *a, const char *path, const char *dir)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	char *cwd cleanup_free = path[0] == '/' ? NULL : getcwd(NULL, 0);
	struct stat st;

	if (path[0] != '/' && !cwd)
		return NULL;
	(void)pm_buf_adds(&out, cwd && strcmp(cwd, "/") != 0 ? cwd : "");
	for (const char *s = path; *s;) {
		size_t n = strcspn(s, "/");

		if (n == 2 && strncmp(s, "..", 2) == 0)
			return NULL;
		if (n > 0 && !(n == 1 && s[0] == '.'))
			(void)pm_buf_addf(&out, "/%.*s", (int)n, s);
		s += n + (s[n] == '/');
	}
	if (stat(path, &st) < 0 || S_ISDIR(st.st_mode))
		return pm_arena_strdup(a, out.len > 0 ? pm_buf_str(&out) : "/");
	/* A file: its folder. */
	return pm_arena_strdup(a, dir);
}

static const char *root_of(struct pm_arena *a, const char *path)
{
	char *dir cleanup_free = folder_of(path);
	const char *named;

	if (!dir)
		return pm_arena_strdup(a, path);
	for (size_t n = strlen(dir);; n--) {
		if ((n == 0 || dir[n] == '/' || dir[n] == '\0') && has_git(dir, n))
			return pm_arena_strdup(a, dir[n] == '\0' ? "." : dir + n + 1);
		if (n == 0)
			break;
	}
	named = spelled(a, path, dir);
	return named ? named : pm_arena_strdup(a, dir);
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

const char *pm_manifest_root(struct pm_arena *a, const char *const *paths, size_t n)
{
	const char **roots cleanup_free = pm_xcalloc(n + 1, sizeof(*roots));
	cleanup_buf struct pm_buf all = PM_BUF(0);

	for (size_t i = 0; i < n; i++)
		roots[i] = root_of(a, paths[i]);
	qsort(roots, n, sizeof(*roots), compare);
	/* Several places make a name of their own: no part of it owns what the whole does. */
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && strcmp(roots[i], roots[i - 1]) == 0)
			continue;
		(void)pm_buf_addf(&all, "%s%s", i > 0 ? ":" : "", roots[i]);
	}
	return pm_arena_strndup(a, pm_buf_str(&all), all.len);
}
