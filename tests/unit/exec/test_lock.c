/* The lock of a set. */
#include <unistd.h>

#include "base/file.h"
#include "exec/exec.h"
#include "pm_test.h"

PM_TEST(lock_is_held_by_one)
{
	const char *dir = pm_test_dir();
	struct pm_setlock *one = NULL;
	struct pm_setlock *two = NULL;
	struct pm_error err = { 0 };
	char pid[32];

	assert_ok(pm_setlock_take(dir, "home", &one, &err), &err);
	(void)snprintf(pid, sizeof(pid), "(pid %ld)", (long)getpid());
	assert_err(pm_setlock_take(dir, "home", &two, &err), PM_E_SETLOCKED, &err, pid);
	assert_has(err.msg, "home.lock");
	assert_null(two);
	pm_setlock_release(one);
	assert_ok(pm_setlock_take(dir, "home", &two, &err), &err);
	pm_setlock_release(two);
	pm_setlock_release(NULL);
}

PM_TEST(lock_of_another_set_is_another_lock)
{
	const char *dir = pm_test_dir();
	struct pm_setlock *one = NULL;
	struct pm_setlock *two = NULL;
	struct pm_error err = { 0 };

	assert_ok(pm_setlock_take(dir, "home", &one, &err), &err);
	assert_ok(pm_setlock_take(dir, "lab", &two, &err), &err);
	pm_setlock_release(one);
	pm_setlock_release(two);
}

PM_TEST(lock_makes_its_folder)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_setlock *l = NULL;
	struct pm_error err = { 0 };

	(void)pm_buf_addf(&path, "%s/a/b", pm_test_dir());
	assert_ok(pm_setlock_take(pm_buf_str(&path), "home", &l, &err), &err);
	pm_setlock_release(l);
}

/* What an earlier program left in the file says nothing about who holds it now. */
PM_TEST(lock_with_rubbish_in_it)
{
	const char *dir = pm_test_dir();
	struct pm_setlock *one = NULL;
	struct pm_setlock *two = NULL;
	struct pm_error err = { 0 };

	(void)pm_test_file(dir, "home.lock", "99999999999999999999 who knows\n");
	assert_ok(pm_setlock_take(dir, "home", &one, &err), &err);
	assert_err(pm_setlock_take(dir, "home", &two, &err), PM_E_SETLOCKED, &err, "(pid ");
	pm_setlock_release(one);
}

PM_TEST(lock_that_cannot_be_made)
{
	const char *dir = pm_test_dir();
	struct pm_setlock *l = NULL;
	struct pm_error err = { 0 };

	assert_err(pm_setlock_take(pm_test_file(dir, "file", ""), "home", &l, &err), PM_E_IO, &err,
		"journal");
	assert_int_equal(symlink("/dev/null", pm_test_file(dir, "x", "")), -1);
}
