/* Watching folders: what the kernel queues is there when the call that caused it returns, so nothing
 * here waits. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "pm_test.h"

static const char *in(const char *dir, const char *name)
{
	static char path[2][8192];
	static unsigned turn;

	turn = !turn;
	(void)snprintf(path[turn], sizeof(path[turn]), "%s/%s", dir, name);
	return path[turn];
}

static void touch(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(close(fd), 0);
}

/* The news since the last look; the tree is watched anew as the loop does. */
static enum pm_watch_news news(struct pm_watch *w)
{
	enum pm_watch_news n = pm_watch_read(w);
	const char *dir = w->dir;

	if (n == PM_WATCH_MOVED) {
		pm_watch_close(w);
		pm_watch_open(w, dir);
	}
	return n;
}

static void start(struct pm_watch *w, const char *dir)
{
	pm_watch_open(w, dir);
	assert_true(w->fd >= 0);
	assert_int_equal(pm_watch_read(w), PM_WATCH_NOTHING);
}

PM_TEST(watch_files)
{
	const char *dir = pm_test_dir();
	struct pm_watch w;

	start(&w, dir);
	touch(in(dir, "web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_int_equal(news(&w), PM_WATCH_NOTHING);
	touch(in(dir, "web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_int_equal(rename(in(dir, "web.yaml"), in(dir, "db.yaml")), 0);
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_int_equal(unlink(in(dir, "db.yaml")), 0);
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

PM_TEST(watch_what_editors_leave)
{
	static const char *const names[] = { ".web.yaml.swp", ".#web.yaml", "web.yaml~" };
	const char *dir = pm_test_dir();
	struct pm_watch w;

	start(&w, dir);
	for (size_t i = 0; i < PM_COUNT(names); i++)
		touch(in(dir, names[i]));
	assert_int_equal(news(&w), PM_WATCH_NOTHING);
	/* The rename that ends it counts. */
	assert_int_equal(rename(in(dir, ".web.yaml.swp"), in(dir, "web.yaml")), 0);
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

PM_TEST(watch_new_folders)
{
	const char *dir = pm_test_dir();
	struct pm_watch w;

	start(&w, dir);
	assert_int_equal(mkdir(in(dir, "shop"), 0700), 0);
	assert_int_equal(mkdir(in(dir, "shop/web"), 0700), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	assert_int_equal(w.folders, 3);
	touch(in(dir, "shop/web/a.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_int_equal(rename(in(dir, "shop"), in(dir, "store")), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	touch(in(dir, "store/web/a.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

PM_TEST(watch_git_is_left_out)
{
	const char *dir = pm_test_dir();
	struct pm_watch w;

	(void)pm_test_file(dir, ".git/objects/x", "");
	start(&w, dir);
	assert_int_equal(w.folders, 1);
	touch(in(dir, ".git/index.lock"));
	assert_int_equal(news(&w), PM_WATCH_NOTHING);
	pm_watch_close(&w);
}

/* ..data leads to the folder of the day and is swapped by a rename. */
PM_TEST(watch_swapped_link)
{
	const char *dir = pm_test_dir();
	struct pm_watch w;

	(void)pm_test_file(dir, "..1/web.yaml", "a");
	(void)pm_test_file(dir, "..2/web.yaml", "b");
	assert_int_equal(symlink("..1", in(dir, "..data")), 0);
	assert_int_equal(symlink("..data/web.yaml", in(dir, "web.yaml")), 0);
	start(&w, dir);
	assert_int_equal(symlink("..2", in(dir, "..new")), 0);
	assert_int_equal(rename(in(dir, "..new"), in(dir, "..data")), 0);
	assert_true(news(&w) != PM_WATCH_NOTHING);
	touch(in(dir, "..2/web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

/* The root itself is a link, as git-sync makes it. */
PM_TEST(watch_root_is_a_link)
{
	const char *dir = pm_test_dir();
	char root[2048];
	struct pm_watch w;

	(void)pm_test_file(dir, "one/web.yaml", "a");
	(void)pm_test_file(dir, "two/web.yaml", "b");
	(void)snprintf(root, sizeof(root), "%s/current", dir);
	assert_int_equal(symlink("one", root), 0);
	start(&w, root);
	touch(in(dir, "unrelated"));
	assert_int_equal(news(&w), PM_WATCH_NOTHING);
	touch(in(dir, "one/web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_int_equal(symlink("two", in(dir, "next")), 0);
	assert_int_equal(rename(in(dir, "next"), root), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	touch(in(dir, "one/web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_NOTHING);
	touch(in(dir, "two/web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

PM_TEST(watch_root_goes_and_comes_back)
{
	const char *dir = pm_test_dir();
	char root[2048];
	struct pm_watch w;

	(void)snprintf(root, sizeof(root), "%s/m", dir);
	assert_int_equal(mkdir(root, 0700), 0);
	start(&w, root);
	assert_int_equal(rename(root, in(dir, "away")), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	assert_int_equal(w.folders, 0);
	assert_int_equal(mkdir(root, 0700), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	assert_int_equal(w.folders, 1);
	touch(in(root, "web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

/* More events than the queue holds: whatever was lost, the tree is looked at again. */
PM_TEST(watch_overflow)
{
	const char *dir = pm_test_dir(), *file;
	struct pm_watch w;
	unsigned most = 16384;
	FILE *f = fopen("/proc/sys/fs/inotify/max_queued_events", "re");

	if (f) {
		if (fscanf(f, "%u", &most) != 1)
			most = 16384;
		(void)fclose(f);
	}
	start(&w, dir);
	file = in(dir, "a");
	/* Two events each, of which no two neighbours are alike. */
	for (unsigned i = 0; i < most; i++) {
		touch(file);
		assert_int_equal(unlink(file), 0);
	}
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	touch(in(dir, "web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	pm_watch_close(&w);
}

/* Takes what is named: as one text, or "all". */
static const char *named(struct pm_watch *w)
{
	static char text[256];
	struct pm_named n;

	pm_watch_take(w, &n);
	(void)snprintf(text, sizeof(text), "%s", n.only ? "" : "all");
	for (size_t i = 0; n.only && i < n.v.n; i++) {
		size_t len = strlen(text);

		(void)snprintf(text + len, sizeof(text) - len, "%s%s", i > 0 ? " " : "", n.v.v[i]);
	}
	pm_named_done(&n);
	return text;
}

PM_TEST(watch_names_what_changed)
{
	const char *dir = pm_test_dir();
	char name[32];
	struct pm_watch w;

	(void)pm_test_file(dir, "shop/web.yaml", "");
	start(&w, dir);
	assert_string_equal(named(&w), "all");
	assert_string_equal(named(&w), "");
	touch(in(dir, "shop/web.yaml"));
	touch(in(dir, "shop/web.yaml"));
	assert_int_equal(rename(in(dir, "shop/web.yaml"), in(dir, "db.yaml")), 0);
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_string_equal(named(&w), "shop/web.yaml db.yaml");
	/* A folder: the names of those that lie in it are not sure any more. */
	assert_int_equal(rename(in(dir, "shop"), in(dir, "store")), 0);
	assert_int_equal(news(&w), PM_WATCH_MOVED);
	touch(in(dir, "store/web.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_string_equal(named(&w), "all");
	for (unsigned i = 0; i <= PM_NAMED_MOST; i++) {
		(void)snprintf(name, sizeof(name), "%u.yaml", i);
		touch(in(dir, name));
	}
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_string_equal(named(&w), "all");
	/* Where nobody tells of all changes no name is enough. */
	w.why = "a reason";
	touch(in(dir, "db.yaml"));
	assert_int_equal(news(&w), PM_WATCH_CHANGED);
	assert_string_equal(named(&w), "all");
	pm_watch_close(&w);
	pm_named_done(&w.named);
}
