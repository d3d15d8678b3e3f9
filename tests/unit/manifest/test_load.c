/* Loading from folders: what is read, in which order, and what is told when something is not. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest_test.h"

static const char *path_in(const char *dir, const char *name)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

static void assert_names(const struct loaded *l, const char *const *names, size_t n)
{
	assert_string_equal(l->text, "");
	assert_int_equal(l->set.n, n);
	for (size_t i = 0; i < n; i++)
		assert_string_equal(l->set.v[i]->name, names[i]);
}

PM_TEST(load_sorted_and_recursive)
{
	static const char *const order[] = { "a.yaml", "a/x.yaml", "a/y.yml", "b.yaml",
		"c/d/e/z.yaml" };
	static const char *const names[] = { "five", "four", "one", "three", "two" };
	const char *dir = pm_test_dir();
	struct loaded l;

	(void)pm_test_file(dir, "c/d/e/z.yaml", POD("five"));
	(void)pm_test_file(dir, "b.yaml", POD("four"));
	(void)pm_test_file(dir, "a/y.yml", POD("three"));
	(void)pm_test_file(dir, "a/x.yaml", POD("two"));
	(void)pm_test_file(dir, "a.yaml", POD("one"));
	load_path(&l, dir);
	assert_ok(l.r, &l.err);
	assert_names(&l, names, PM_COUNT(names));
	assert_int_equal(l.load.nfiles, 5);
	assert_int_equal(l.load.ndocs, 5);
	assert_true(l.load.whole);
	assert_false(l.load.single_file);
	for (size_t i = 0; i < PM_COUNT(order); i++) {
		assert_string_equal(l.load.files[i].path, path_in(dir, order[i]));
		assert_true(l.load.files[i].good);
		assert_true(l.load.files[i].hash != 0);
	}
	loaded_done(&l);
}

PM_TEST(load_leaves_out_what_is_no_manifest)
{
	static const char *const others[] = { ".hidden.yaml", ".git/x.yaml", "web.yaml~",
		".web.yaml.swp", ".#web.yaml", "#web.yaml#", "4913", "web.yaml.tmp", "README.md",
		"yaml", ".yaml", "notes.YAML" };
	static const char *const names[] = { "web" };
	const char *dir = pm_test_dir();
	struct loaded l;

	for (size_t i = 0; i < PM_COUNT(others); i++)
		(void)pm_test_file(dir, others[i], "\x01 no manifest");
	(void)pm_test_file(dir, "web.yaml", POD("web"));
	load_path(&l, dir);
	assert_names(&l, names, 1);
	assert_int_equal(l.load.nfiles, 1);
	loaded_done(&l);
}

PM_TEST(load_missing_folder)
{
	struct loaded l;

	load_path(&l, "/nonexistent/manifests");
	assert_err(l.r, PM_E_IO, &l.err, "/nonexistent/manifests");
	loaded_done(&l);
}

PM_TEST(load_empty_folder)
{
	struct loaded l;

	load_path(&l, pm_test_dir());
	assert_ok(l.r, &l.err);
	assert_int_equal(l.diags.nerrors, 1);
	assert_has(l.text, "there is no object in it");
	assert_false(l.load.whole);
	loaded_done(&l);
}

PM_TEST(load_single_file)
{
	const char *file = pm_test_file(pm_test_dir(), "web.yaml", POD("web"));
	struct loaded l;

	load_path(&l, file);
	assert_ok(l.r, &l.err);
	assert_true(l.load.single_file);
	assert_string_equal(l.set.v[0]->file, file);
	loaded_done(&l);
}

PM_TEST(load_file_that_is_no_manifest)
{
	struct loaded l;

	load_path(&l, pm_test_file(pm_test_dir(), "web.txt", POD("web")));
	assert_err(l.r, PM_E_USAGE, &l.err, "names end in .yaml or .yml");
	loaded_done(&l);
}

/* Each of these is told once, and makes the load partial; the rest is read. */
static void assert_told(const char *dir, const char *what)
{
	struct loaded l;

	(void)pm_test_file(dir, "good.yaml", POD("good"));
	load_path(&l, dir);
	assert_ok(l.r, &l.err);
	assert_has(l.text, what);
	assert_int_equal(l.diags.nerrors, 1);
	assert_false(l.load.whole);
	assert_int_equal(l.set.n, 1);
	assert_int_equal(l.load.nfiles, 2);
	loaded_done(&l);
}

PM_TEST(load_fifo)
{
	const char *dir = pm_test_dir();

	assert_int_equal(mkfifo(path_in(dir, "pipe.yaml"), 0600), 0);
	assert_told(dir, "it is a FIFO, not a regular file");
}

PM_TEST(load_device)
{
	const char *dir = pm_test_dir();

	/* A link out of the folder is told before anybody opens the device. */
	assert_int_equal(symlink("/dev/zero", path_in(dir, "zero.yaml")), 0);
	assert_told(dir, "the symbolic link leads out of the folder");
}

PM_TEST(load_unreadable)
{
	const char *dir = pm_test_dir(), *file = pm_test_file(dir, "web.yaml", POD("web"));

	if (geteuid() == 0)
		return; /* root reads everything */
	assert_int_equal(chmod(file, 0), 0);
	assert_told(dir, "Permission denied");
}

PM_TEST(load_unreadable_folder)
{
	const char *dir = pm_test_dir();

	if (geteuid() == 0)
		return;
	(void)pm_test_file(dir, "sub/web.yaml", POD("web"));
	assert_int_equal(chmod(path_in(dir, "sub"), 0), 0);
	assert_told(dir, "cannot read the folder: Permission denied");
	assert_int_equal(chmod(path_in(dir, "sub"), 0700), 0);
}

PM_TEST(load_too_large)
{
	const char *dir = pm_test_dir();
	char *text = malloc((2 << 20) + 1);

	memset(text, '#', 2 << 20);
	text[2 << 20] = '\0';
	(void)pm_test_file(dir, "large.yaml", text);
	free(text);
	assert_told(dir, "it is larger than 1048576 bytes");
}

PM_TEST(load_link_to_itself)
{
	const char *dir = pm_test_dir();

	assert_int_equal(symlink("loop.yaml", path_in(dir, "loop.yaml")), 0);
	assert_told(dir, "the symbolic link leads to itself");
}

PM_TEST(load_link_upwards)
{
	const char *dir = pm_test_dir();

	assert_int_equal(mkdir(path_in(dir, "sub"), 0700), 0);
	assert_int_equal(symlink("..", path_in(dir, "sub/up")), 0);
	assert_told(dir, "leads back to a folder above it");
}

PM_TEST(load_link_to_nowhere)
{
	const char *dir = pm_test_dir();

	assert_int_equal(symlink("gone.yaml", path_in(dir, "link.yaml")), 0);
	assert_told(dir, "the symbolic link leads nowhere");
}

PM_TEST(load_link_inside_is_read_once)
{
	static const char *const names[] = { "web" };
	const char *dir = pm_test_dir();
	struct loaded l;

	(void)pm_test_file(dir, "sub/web.yaml", POD("web"));
	assert_int_equal(symlink("sub/web.yaml", path_in(dir, "again.yaml")), 0);
	assert_int_equal(symlink("sub", path_in(dir, "twice")), 0);
	load_path(&l, dir);
	assert_names(&l, names, 1);
	loaded_done(&l);
}

/* As Kubernetes and git-sync swap contents: ..data leads to the folder of the day. */
PM_TEST(load_swapped_folder)
{
	static const char *const names[] = { "db", "web" };
	const char *dir = pm_test_dir();
	struct loaded l;

	(void)pm_test_file(dir, "..2026/web.yaml", POD("web"));
	(void)pm_test_file(dir, "..2026/more/db.yaml", POD("db"));
	assert_int_equal(symlink("..2026", path_in(dir, "..data")), 0);
	assert_int_equal(symlink("..data/web.yaml", path_in(dir, "web.yaml")), 0);
	assert_int_equal(symlink("..data/more", path_in(dir, "more")), 0);
	load_path(&l, dir);
	assert_names(&l, names, 2);
	loaded_done(&l);
}

PM_TEST(load_too_deep)
{
	const char *dir = pm_test_dir();
	char name[128] = "";

	for (unsigned i = 0; i < 40; i++)
		(void)snprintf(name + strlen(name), sizeof(name) - strlen(name), "d/");
	(void)snprintf(name + strlen(name), sizeof(name) - strlen(name), "x.yaml");
	(void)pm_test_file(dir, name, POD("deep"));
	assert_told(dir, "folders are nested too deep");
}

PM_TEST(load_overlapping_paths)
{
	static const char *const names[] = { "db", "web" };
	const char *dir = pm_test_dir(), *paths[4];
	struct loaded l;
	char sub[4096], slash[4096];

	paths[0] = pm_test_file(dir, "sub/web.yaml", POD("web"));
	(void)pm_test_file(dir, "sub/db.yaml", POD("db"));
	(void)snprintf(sub, sizeof(sub), "%s/sub", dir);
	(void)snprintf(slash, sizeof(slash), "%s//", dir);
	paths[1] = sub;
	paths[2] = slash;
	paths[3] = sub;
	load_paths(&l, paths, 4);
	assert_ok(l.r, &l.err);
	assert_names(&l, names, 2);
	assert_true(l.load.single_file);
	loaded_done(&l);
}

PM_TEST(load_hash_follows_content)
{
	const char *dir = pm_test_dir();
	struct loaded a, b, c;

	(void)pm_test_file(dir, "web.yaml", POD("web"));
	load_path(&a, dir);
	load_path(&b, dir);
	assert_true(a.load.tree_hash == b.load.tree_hash);
	(void)pm_test_file(dir, "web.yaml", POD("web") "  onboot: true\n");
	load_path(&c, dir);
	assert_true(a.load.tree_hash != c.load.tree_hash);
	assert_true(a.load.files[0].hash != c.load.files[0].hash);
	assert_int_equal(rename(path_in(dir, "web.yaml"), pm_test_file(dir, "other.yaml", "")), 0);
	loaded_done(&b);
	load_path(&b, dir);
	assert_true(b.load.tree_hash != c.load.tree_hash);
	assert_true(b.load.files[0].hash == c.load.files[0].hash);
	loaded_done(&a);
	loaded_done(&b);
	loaded_done(&c);
}

PM_TEST(load_says_which_files_are_bad)
{
	const char *dir = pm_test_dir();
	struct loaded l;

	(void)pm_test_file(dir, "a.yaml", POD("a") "  vmid: 200\n");
	(void)pm_test_file(dir, "b.yaml", POD("b") "  vmid: 200\n");
	(void)pm_test_file(dir, "c.yaml", POD("c") "  onboot: yes\n");
	(void)pm_test_file(dir, "d.yaml", POD("d"));
	load_path(&l, dir);
	assert_true(l.load.files[0].good);
	assert_false(l.load.files[1].good);
	assert_false(l.load.files[2].good);
	assert_true(l.load.files[3].good);
	assert_has(l.text, "  vmid: 200\n");
	loaded_done(&l);
}

PM_TEST(load_root_is_relative_to_the_repository)
{
	const char *dir = pm_test_dir(), *paths[2];
	char cluster[4096], other[4096];
	struct loaded l;

	(void)pm_test_file(dir, ".git/HEAD", "ref");
	(void)pm_test_file(dir, "clusters/home/web.yaml", POD("web"));
	(void)pm_test_file(dir, "clusters/away/db.yaml", POD("db"));
	load_path(&l, dir);
	assert_string_equal(l.load.root, ".");
	loaded_done(&l);
	(void)snprintf(cluster, sizeof(cluster), "%s/clusters/home", dir);
	load_path(&l, cluster);
	assert_string_equal(l.load.root, "clusters/home");
	loaded_done(&l);
	(void)snprintf(other, sizeof(other), "%s/clusters/away/db.yaml", dir);
	paths[0] = cluster;
	paths[1] = other;
	load_paths(&l, paths, 2);
	assert_string_equal(l.load.root, "clusters/away:clusters/home");
	loaded_done(&l);
}

PM_TEST(load_root_without_repository)
{
	const char *dir = pm_test_dir();
	struct loaded l;
	char *real = realpath(dir, NULL);

	(void)pm_test_file(dir, "web.yaml", POD("web"));
	load_path(&l, dir);
	assert_string_equal(l.load.root, real);
	loaded_done(&l);
	free(real);
}

PM_TEST(load_current_folder)
{
	struct loaded l;

	load_path(&l, "tests/manifest/../manifest/full.yaml");
	assert_string_equal(l.set.v[0]->file, "tests/manifest/../manifest/full.yaml");
	loaded_done(&l);
}
