/* Secrets: where they come from, what is refused, and that their memory is special. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "pm_test.h"
#include "security/security.h"

static struct pm_secret *get(enum pm_secret_from from, const char *what, const char *dir)
{
	struct pm_secret *s = NULL;
	struct pm_error err;

	assert_ok(pm_secret_read(from, what, dir, &s, &err), &err);
	return s;
}

static void gives(enum pm_secret_from from, const char *what, const char *dir, const char *text)
{
	PM_CLEANUP(pm_secret_freep) struct pm_secret *s = get(from, what, dir);

	assert_string_equal(pm_secret_text(s), text);
}

static void refuses(enum pm_secret_from from, const char *what, const char *dir, enum pm_code code,
	const char *part)
{
	struct pm_secret *s = NULL;
	struct pm_error err;

	assert_err(pm_secret_read(from, what, dir, &s, &err), code, &err, part);
	assert_null(s);
}

PM_TEST(secret_from_file_drops_one_newline)
{
	const char *dir = pm_test_dir();

	(void)pm_test_file(dir, "one", "geheim\n");
	(void)pm_test_file(dir, "two", "geheim\n\n");
	(void)pm_test_file(dir, "none", "geheim");
	(void)pm_test_file(dir, "dos", "geheim\r\n");
	gives(PM_FROM_FILE, "one", dir, "geheim");
	gives(PM_FROM_FILE, "two", dir, "geheim\n");
	gives(PM_FROM_FILE, "none", dir, "geheim");
	gives(PM_FROM_FILE, "dos", dir, "geheim");
	gives(PM_FROM_FILE, pm_test_file(dir, "absolute", "x\n"), "/nowhere", "x");
}

PM_TEST(secret_refuses_bad_files)
{
	cleanup_buf struct pm_buf large = PM_BUF(0);
	const char *dir = pm_test_dir();

	for (int i = 0; i < (64 << 10) + 1; i++)
		(void)pm_buf_addc(&large, 'x');
	(void)pm_test_file(dir, "large", pm_buf_str(&large));
	large.p[64 << 10] = '\n';
	(void)pm_test_file(dir, "just", pm_buf_str(&large));
	(void)pm_test_file(dir, "empty", "");
	(void)pm_test_file(dir, "newline", "\n");
	refuses(PM_FROM_FILE, "large", dir, PM_E_LIMIT, "large is larger than 65536 bytes");
	refuses(PM_FROM_FILE, "empty", dir, PM_E_INPUT, "is empty");
	refuses(PM_FROM_FILE, "newline", dir, PM_E_INPUT, "is empty");
	refuses(PM_FROM_FILE, "missing", dir, PM_E_IO, "No such file");
	refuses(PM_FROM_FILE, ".", dir, PM_E_INPUT, "a folder");
	refuses(PM_FROM_FILE, "", dir, PM_E_INPUT, "no name");
	pm_secret_free(get(PM_FROM_FILE, "just", dir));
}

PM_TEST(secret_refuses_fifo_and_nul)
{
	const char *dir = pm_test_dir();
	const char *nul = pm_test_file(dir, "nul", "abc");
	char fifo[300];
	FILE *f = fopen(nul, "we");

	assert_non_null(f);
	assert_int_equal(fwrite("a\0b", 1, 3, f), 3);
	assert_int_equal(fclose(f), 0);
	refuses(PM_FROM_FILE, "nul", dir, PM_E_INPUT, "NUL");
	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	refuses(PM_FROM_FILE, "fifo", dir, PM_E_INPUT, "FIFO");
	(void)remove(fifo);
}

PM_TEST(secret_from_text_and_environment)
{
	gives(PM_FROM_TEXT, "plain", NULL, "plain");
	refuses(PM_FROM_TEXT, "", NULL, PM_E_INPUT, "empty");
	assert_int_equal(setenv("PM_TEST_SECRET", "from env", 1), 0);
	gives(PM_FROM_ENV, "PM_TEST_SECRET", NULL, "from env");
	assert_int_equal(setenv("PM_TEST_SECRET", "", 1), 0);
	refuses(PM_FROM_ENV, "PM_TEST_SECRET", NULL, PM_E_INPUT, "PM_TEST_SECRET is empty");
	assert_int_equal(unsetenv("PM_TEST_SECRET"), 0);
	refuses(PM_FROM_ENV, "PM_TEST_SECRET", NULL, PM_E_INPUT, "PM_TEST_SECRET is not set");
}

PM_TEST(secret_from_credential)
{
	const char *dir = pm_test_dir();

	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
	refuses(PM_FROM_CREDENTIAL, "token", NULL, PM_E_INPUT, "LoadCredential=");
	(void)pm_test_file(dir, "token", "abc\n");
	assert_int_equal(setenv("CREDENTIALS_DIRECTORY", dir, 1), 0);
	gives(PM_FROM_CREDENTIAL, "token", NULL, "abc");
	refuses(PM_FROM_CREDENTIAL, "../token", NULL, PM_E_INPUT, "no name of a credential");
	refuses(PM_FROM_CREDENTIAL, "other", NULL, PM_E_IO, "other");
	assert_int_equal(unsetenv("CREDENTIALS_DIRECTORY"), 0);
}

/* What the kernel says of the mapping that holds the address: "dd" is "do not dump", "lo" locked. */
static bool mapped_with(const void *at, const char *flag)
{
	FILE *f = fopen("/proc/self/smaps", "re");
	unsigned long from, to;
	bool ours = false, found = false;
	char line[512];

	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		/* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			ours = (unsigned long)at >= from && (unsigned long)at < to;
		if (ours && strncmp(line, "VmFlags:", 8) == 0)
			found = strstr(line, flag) != NULL;
	}
	(void)fclose(f);
	return found;
}

PM_TEST(secret_is_left_out_of_core_files)
{
	PM_CLEANUP(pm_secret_freep) struct pm_secret *s = pm_secret_new("abc", 3);

	assert_true(mapped_with(pm_secret_text(s), " dd"));
	assert_false(mapped_with(&s, " dd"));
}

/* Sanitizers and small limits leave memory unlocked; where it can be locked, it is. */
PM_TEST(secret_is_locked)
{
	PM_CLEANUP(pm_secret_freep) struct pm_secret *s = pm_secret_new("abc", 3);
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	assert_ptr_not_equal(page, MAP_FAILED);
	if (mlock(page, 4096) == 0 && mapped_with(page, " lo"))
		assert_true(mapped_with(pm_secret_text(s), " lo"));
	(void)munmap(page, 4096);
}

/* In a process that may lock nothing a secret is kept all the same. */
PM_TEST(secret_without_locked_memory)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		const struct rlimit none = { 0, 0 };
		struct pm_secret *s;

		if (setrlimit(RLIMIT_MEMLOCK, &none) < 0 || (geteuid() == 0 && setuid(65534) < 0))
			_exit(1);
		s = pm_secret_new("abc", 3);
		status = strcmp(pm_secret_text(s), "abc") == 0 ? 7 : 2;
		pm_secret_free(s);
		_exit(status);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}

/* What was read on the way is cleared, too. Sanitizers have a heap of their own, where this finds nothing. */
PM_TEST(secret_files_leave_nothing_on_the_heap)
{
	static const char text[] =
		"sixteen bytes are the allocator's own, and more: heap-s3cret-heap\n";
	const char *dir = pm_test_dir();
	FILE *f;
	char line[512];
	unsigned long from, to;
	bool found = false;
	int fd;

	/* Not through a buffer of ours. */
	fd = open(pm_test_file(dir, "heap", ""), O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, sizeof(text) - 1), sizeof(text) - 1);
	assert_int_equal(close(fd), 0);
	pm_secret_free(get(PM_FROM_FILE, "heap", dir));
	f = fopen("/proc/self/maps", "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		/* NOLINTNEXTLINE(cert-err34-c): the kernel writes numbers */
		if (strstr(line, "[heap]") && sscanf(line, "%lx-%lx ", &from, &to) == 2)
			found |= memmem((const void *)from, to - from, text + 48, 16) != NULL;
	}
	(void)fclose(f);
	assert_false(found);
}

PM_TEST(policy_says_how_to_allow)
{
	static const char *const allow[] = { "create", "update" };
	struct pm_error err;

	assert_ok(pm_policy_check(NULL, 0, "delete", &err), &err);
	assert_ok(pm_policy_check(allow, 2, "update", &err), &err);
	assert_err(pm_policy_check(allow, 2, "delete", &err), PM_E_REFUSED, &err,
		"does not allow delete (only create, update)");
	assert_has(err.msg, "policy.allow");
	assert_err(pm_policy_check(allow, 2, "creat", &err), PM_E_REFUSED, &err, NULL);
}

PM_TEST(sha256_of_known_text)
{
	char hex[65];

	assert_string_equal(pm_sha256_hex("abc", 3, hex),
		"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
