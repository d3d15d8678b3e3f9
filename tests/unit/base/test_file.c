/* Files: whole reads, atomic writes, folders. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "pm_test.h"

/* A path below a folder of the test; lives until the next call. */
static const char *in(const char *dir, const char *name)
{
	static char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	return path;
}

PM_TEST(file_reads_whole)
{
	const char *dir = pm_test_dir();
	cleanup_buf struct pm_buf b = PM_BUF(0);
	cleanup_fd int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct pm_error err;

	assert_ok(pm_file_read(AT_FDCWD, pm_test_file(dir, "a", "hello\n"), 100, &b, &err), &err);
	assert_string_equal(pm_buf_str(&b), "hello\n");
	(void)pm_test_file(dir, "empty", "");
	assert_ok(pm_file_read(fd, "empty", 100, &b, &err), &err);
	assert_string_equal(pm_buf_str(&b), "");
	assert_int_equal(b.len, 0);
	assert_ok(pm_file_read(fd, "a", 6, &b, &err), &err);
	assert_err(pm_file_read(fd, "a", 5, &b, &err), PM_E_LIMIT, &err, "larger than 5 bytes");
	assert_int_equal(b.len, 0);
}

PM_TEST(file_keeps_nul_bytes)
{
	const char *dir = pm_test_dir();
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;

	assert_ok(pm_file_write(in(dir, "x"), "a\0b", 3, 0644, &err), &err);
	assert_ok(pm_file_read(AT_FDCWD, in(dir, "x"), 10, &b, &err), &err);
	assert_int_equal(b.len, 3);
	assert_memory_equal(b.p, "a\0b", 3);
}

PM_TEST(file_reads_what_has_no_size)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;

	assert_ok(pm_file_read(AT_FDCWD, "/proc/self/status", 1 << 20, &b, &err), &err);
	assert_has(pm_buf_str(&b), "Threads:");
	assert_err(
		pm_file_read(AT_FDCWD, "/proc/self/status", 10, &b, &err), PM_E_LIMIT, &err, NULL);
}

PM_TEST(file_honours_the_ceiling_of_the_buffer)
{
	cleanup_buf struct pm_buf b = PM_BUF(3);
	struct pm_error err;
	const char *path = pm_test_file(pm_test_dir(), "a", "hello\n");

	assert_err(pm_file_read(AT_FDCWD, path, 100, &b, &err), PM_E_LIMIT, &err, NULL);
}

PM_TEST(file_refuses_what_is_no_file)
{
	const char *dir = pm_test_dir();
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;

	assert_err(pm_file_read(AT_FDCWD, dir, 100, &b, &err), PM_E_INPUT, &err, "a folder");
	assert_int_equal(mkfifo(in(dir, "fifo"), 0600), 0);
	assert_err(
		pm_file_read(AT_FDCWD, in(dir, "fifo"), 100, &b, &err), PM_E_INPUT, &err, "a FIFO");
	assert_err(
		pm_file_read(AT_FDCWD, "/dev/null", 100, &b, &err), PM_E_INPUT, &err, "a device");
	assert_err(pm_file_read(AT_FDCWD, in(dir, "none"), 100, &b, &err), PM_E_IO, &err,
		"No such file");
	assert_int_equal(err.sys_errno, ENOENT);
	assert_int_equal(symlink("loop", in(dir, "loop")), 0);
	assert_err(pm_file_read(AT_FDCWD, in(dir, "loop"), 100, &b, &err), PM_E_IO, &err, NULL);
	assert_int_equal(err.sys_errno, ELOOP);
}

static unsigned entries(const char *dir)
{
	DIR *d = opendir(dir);
	unsigned n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n - 2;
}

PM_TEST(file_write_replaces_at_once)
{
	const char *dir = pm_test_dir();
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_error err;
	struct stat st;

	assert_ok(pm_file_write(in(dir, "x"), "one", 3, 0600, &err), &err);
	assert_int_equal(stat(in(dir, "x"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_ok(pm_file_write(in(dir, "x"), "second", 6, 0664, &err), &err);
	assert_int_equal(stat(in(dir, "x"), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0664);
	assert_ok(pm_file_read(AT_FDCWD, in(dir, "x"), 100, &b, &err), &err);
	assert_string_equal(pm_buf_str(&b), "second");
	assert_int_equal(entries(dir), 1);
}

PM_TEST(file_write_leaves_nothing_when_it_fails)
{
	const char *dir = pm_test_dir();
	struct pm_error err;

	assert_int_equal(mkdir(in(dir, "folder"), 0700), 0);
	assert_err(pm_file_write(in(dir, "folder"), "x", 1, 0600, &err), PM_E_IO, &err, "folder");
	assert_int_equal(entries(dir), 1);
	assert_err(pm_file_write(in(dir, "none/x"), "x", 1, 0600, &err), PM_E_IO, &err, "No such");
	assert_err(pm_file_write("/proc/x", "x", 1, 0600, &err), PM_E_IO, &err, "/proc/x");
	assert_err(pm_file_write("/", "x", 1, 0600, &err), PM_E_IO, &err, NULL);
}

PM_TEST(file_write_into_the_current_folder)
{
	cleanup_fd int here = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *dir = pm_test_dir();
	struct pm_error err;
	int r;

	assert_int_equal(chdir(dir), 0);
	r = pm_file_write("plain", "x", 1, 0600, &err);
	assert_int_equal(fchdir(here), 0);
	assert_ok(r, &err);
	assert_int_equal(entries(dir), 1);
}

PM_TEST(dir_is_made_with_its_parents)
{
	const char *dir = pm_test_dir();
	struct pm_error err;
	struct stat st;

	assert_ok(pm_dir_make(in(dir, "a/b//c/"), 0755, &err), &err);
	assert_int_equal(stat(in(dir, "a/b/c"), &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_ok(pm_dir_make(in(dir, "a/b/c"), 0755, &err), &err);
	assert_ok(pm_dir_make("/", 0755, &err), &err);
	(void)pm_test_file(dir, "file", "");
	assert_err(pm_dir_make(in(dir, "file/x"), 0755, &err), PM_E_IO, &err, "something else");
	assert_err(pm_dir_make(in(dir, "file"), 0755, &err), PM_E_IO, &err, "something else");
	assert_err(pm_dir_make("/proc/none/x", 0755, &err), PM_E_IO, &err, "/proc/none");
	assert_err(pm_dir_make("", 0755, &err), PM_E_IO, &err, NULL);
}

/* A service with a user of its own has to be able to use what root leaves in its folder. */
PM_TEST(file_given_to_the_owner_of_its_folder)
{
	const char *dir = pm_test_dir(), *path = pm_test_file(dir, "journal", "x");
	const char *other = pm_test_file(dir, "linked", "x");
	char second[512];
	struct stat st;
	int fd;

	if (geteuid() != 0)
		skip();
	(void)snprintf(second, sizeof(second), "%s/second", dir);
	assert_int_equal(link(other, second), 0);
	fd = open(path, O_RDWR | O_CLOEXEC);
	pm_file_give(fd, path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 0);
	assert_int_equal(chown(dir, 12345, 23456), 0);
	pm_file_give(fd, path);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 12345);
	assert_int_equal(st.st_gid, 23456);
	(void)close(fd);
	fd = open(second, O_RDWR | O_CLOEXEC);
	pm_file_give(fd, second);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_uid, 0);
	(void)close(fd);
}
