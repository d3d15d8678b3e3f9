/* Memory, vectors, and the destructors. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/vec.h"
#include "pm_test.h"

PM_TEST(mem_zero_bytes_are_memory_too)
{
	cleanup_free void *a = pm_xcalloc(0, 8);
	cleanup_free void *b = pm_xrealloc(NULL, 0);
	cleanup_free char *s = pm_xstrdup("copy");

	assert_non_null(a);
	assert_non_null(b);
	assert_string_equal(s, "copy");
}

PM_TEST(mem_destructors_close_and_pass_over_nothing)
{
	int probe;
	FILE *no_file = NULL;

	{
		cleanup_fd int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
		cleanup_fd PM_UNUSED int none = -1;
		cleanup_file FILE *f = fopen("/dev/null", "re");

		assert_true(fd >= 0);
		assert_non_null(f);
		probe = fd;
	}
	assert_int_equal(fcntl(probe, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	pm_fclosep(&no_file);
}

PM_TEST(mem_wipe_clears)
{
	char secret[] = "secret";

	pm_wipe(secret, sizeof(secret));
	for (size_t i = 0; i < sizeof(secret); i++)
		assert_int_equal(secret[i], 0);
	pm_wipe(NULL, 0);
}

/* Runs fn in a child and returns the signal that ended it. */
static int signal_of(void (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		(void)!freopen("/dev/null", "w", stderr);
		(void)signal(SIGABRT, SIG_DFL);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

static void assert_wrong(void)
{
	pm_assert(1 + 1 == 3);
}

static void assert_right(void)
{
	pm_assert(1 + 1 == 2);
}

PM_TEST(mem_assert_aborts_in_every_build)
{
	assert_int_equal(signal_of(assert_wrong), SIGABRT);
	assert_int_equal(signal_of(assert_right), 0);
}

/* The sanitizers end the process themselves. */
#ifdef __has_feature
#	define SANITIZED __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#elif defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#	define SANITIZED 1
#else
#	define SANITIZED 0
#endif
#if !SANITIZED
static void ask_for_too_much(void)
{
	volatile size_t most = SIZE_MAX / 2;

	free(pm_xrealloc(NULL, most));
}

static void ask_for_too_many(void)
{
	volatile size_t most = SIZE_MAX / 2;

	free(pm_xcalloc(most, 8));
}

PM_TEST(mem_out_of_memory_aborts)
{
	assert_int_equal(signal_of(ask_for_too_much), SIGABRT);
	assert_int_equal(signal_of(ask_for_too_many), SIGABRT);
}
#endif

PM_TEST(vec_grows_and_keeps_its_items)
{
	PM_VEC(int) v = { 0 };

	for (int i = 0; i < 1000; i++)
		pm_vec_push(&v, i);
	assert_int_equal(v.n, 1000);
	assert_true(v.cap >= 1000);
	for (int i = 0; i < 1000; i++)
		assert_int_equal(v.v[i], i);
	pm_vec_done(&v);
	assert_null(v.v);
	assert_int_equal(v.cap, 0);
}
