/* A checkout in the watched folder that is under way. While Git writes the files of a work tree it holds a
 * lock; while somebody solves conflicts it keeps notes. What is missing meanwhile is not gone for good. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/text.h"
#include "daemon/daemon_priv.h"

#define MOST_GITFILE 4096

/* What lies in Git's folder while it, or somebody with it, is at work. */
static const struct {
	const char *name, *what;
} works[] = {
	{ "index.lock", "Git holds index.lock" },
	{ "HEAD.lock", "Git holds HEAD.lock" },
	{ "MERGE_HEAD", "a merge is not finished" },
	{ "CHERRY_PICK_HEAD", "a cherry-pick is not finished" },
	{ "REVERT_HEAD", "a revert is not finished" },
	{ "rebase-merge", "a rebase is not finished" },
	{ "rebase-apply", "a rebase is not finished" },
};

/* Git's folder of a work tree: .git itself, or where the file .git leads to. NULL: none. */
static const char *git_of(struct pm_arena *a, const char *top)
{
	const char *git = pm_arena_printf(a, "%s/.git", top);
	cleanup_buf struct pm_buf text = PM_BUF(MOST_GITFILE);
	struct pm_error ignored;
	const char *path;
	struct stat st;

	if (stat(git, &st) < 0)
		return NULL;
	if (S_ISDIR(st.st_mode))
		return git;
	if (!S_ISREG(st.st_mode) ||
		pm_file_read(AT_FDCWD, git, MOST_GITFILE, &text, &ignored) < 0 ||
		!pm_str_starts(pm_buf_str(&text), "gitdir: "))
		return NULL;
	path = pm_arena_strndup(a, pm_buf_str(&text) + 8, strcspn(pm_buf_str(&text) + 8, "\r\n"));
	return path[0] == '/' ? path : pm_arena_printf(a, "%s/%s", top, path);
}

/* Git's folder of the work tree that a folder lies in. */
static const char *find_git(struct pm_arena *a, const char *dir)
{
	char *real cleanup_free = realpath(dir, NULL);

	while (real && real[0]) {
		const char *git = git_of(a, real);

		if (git)
			return git;
		*strrchr(real, '/') = '\0';
	}
	return NULL;
}

const char *pm_checkout_busy(const char *dir)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const char *git = find_git(a, dir);
	struct stat st;

	for (size_t i = 0; git && i < PM_COUNT(works); i++) {
		if (lstat(pm_arena_printf(a, "%s/%s", git, works[i].name), &st) == 0)
			return works[i].what;
	}
	return NULL;
}

static uint64_t hash_stat(const char *path, uint64_t h)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return h + 1;
	h = pm_hash(&st.st_ino, sizeof(st.st_ino), h);
	h = pm_hash(&st.st_size, sizeof(st.st_size), h);
	return pm_hash(&st.st_mtim, sizeof(st.st_mtim), h);
}

uint64_t pm_checkout_mark(const char *dir)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const char *git = find_git(a, dir);

	if (!git)
		return 0;
	return hash_stat(pm_arena_printf(a, "%s/HEAD", git),
		hash_stat(pm_arena_printf(a, "%s/index", git), 1));
}
