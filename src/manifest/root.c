/* What the marker calls the place manifests were loaded from: the path of the folder below its
 * repository, so that clones of the repository at different places mean the same. */
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

static const char *root_of(struct pm_arena *a, const char *path)
{
	char *dir cleanup_free = folder_of(path);

	if (!dir)
		return pm_arena_strdup(a, path);
	for (size_t n = strlen(dir);; n--) {
		if ((n == 0 || dir[n] == '/' || dir[n] == '\0') && has_git(dir, n))
			return pm_arena_strdup(a, dir[n] == '\0' ? "." : dir + n + 1);
		if (n == 0)
			return pm_arena_strdup(a, dir);
	}
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
