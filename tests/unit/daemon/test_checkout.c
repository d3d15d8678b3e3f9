/* Work of Git in the watched folder. */
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "daemon/daemon_priv.h"
#include "pm_test.h"

/** A work tree with a folder "sub" in it. */
struct work {
	const char *top;
	char sub[640], path[640];
};

static const char *in(struct work *w, const char *name)
{
	(void)snprintf(w->path, sizeof(w->path), "%s/%s", w->top, name);
	return w->path;
}

static void put(struct work *w, const char *name, const char *text)
{
	struct pm_error err;

	assert_int_equal(pm_file_write(in(w, name), text, strlen(text), 0600, &err), 0);
}

static void start(struct work *w)
{
	struct pm_error err;

	w->top = pm_test_dir();
	assert_int_equal(pm_dir_make(in(w, ".git"), 0700, &err), 0);
	(void)snprintf(w->sub, sizeof(w->sub), "%s", in(w, "sub"));
	assert_int_equal(pm_dir_make(w->sub, 0700, &err), 0);
	put(w, ".git/HEAD", "ref: refs/heads/main\n");
	put(w, ".git/index", "one");
}

PM_TEST(checkout_none_outside_of_work_trees)
{
	const char *dir = pm_test_dir();

	assert_null(pm_checkout_busy(dir));
	assert_int_equal(pm_checkout_mark(dir), 0);
	assert_null(pm_checkout_busy("/nowhere/at/all"));
}

PM_TEST(checkout_is_seen_while_it_goes_on)
{
	struct work w;

	start(&w);
	assert_null(pm_checkout_busy(w.sub));
	put(&w, ".git/index.lock", "");
	assert_string_equal(pm_checkout_busy(w.sub), "Git holds index.lock");
	assert_string_equal(pm_checkout_busy(w.top), "Git holds index.lock");
	assert_int_equal(unlink(in(&w, ".git/index.lock")), 0);
	put(&w, ".git/MERGE_HEAD", "1234\n");
	assert_string_equal(pm_checkout_busy(w.sub), "a merge is not finished");
}

PM_TEST(checkout_mark_moves_with_the_index_and_head)
{
	struct work w;
	uint64_t mark;

	start(&w);
	mark = pm_checkout_mark(w.sub);
	assert_int_not_equal(mark, 0);
	assert_true(pm_checkout_mark(w.sub) == mark);
	put(&w, ".git/index", "two");
	assert_false(pm_checkout_mark(w.sub) == mark);
	mark = pm_checkout_mark(w.sub);
	put(&w, ".git/HEAD", "ref: refs/heads/next\n");
	assert_false(pm_checkout_mark(w.sub) == mark);
}

/* A work tree beside the repository has a file instead of a folder. */
PM_TEST(checkout_follows_a_git_file)
{
	struct work w;
	struct pm_error err;

	start(&w);
	assert_int_equal(pm_dir_make(in(&w, "beside"), 0700, &err), 0);
	put(&w, "beside/.git", "gitdir: ../.git\n");
	put(&w, ".git/HEAD.lock", "");
	assert_string_equal(pm_checkout_busy(in(&w, "beside")), "Git holds HEAD.lock");
	put(&w, "beside/.git", "something else\n");
	assert_string_equal(pm_checkout_busy(in(&w, "beside")), "Git holds HEAD.lock");
	assert_int_equal(unlink(in(&w, ".git/HEAD.lock")), 0);
	assert_null(pm_checkout_busy(in(&w, "beside")));
}
