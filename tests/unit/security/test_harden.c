/* Hardening, in a process of its own: it cannot be undone. */
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pm_test.h"
#include "security/security.h"

PM_TEST(harden_leaves_no_core)
{
	pid_t child = fork();
	int status = 0;

	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit core = { 1, 1 };

		pm_security_harden();
		_exit(prctl(PR_GET_DUMPABLE) == 0 && getrlimit(RLIMIT_CORE, &core) == 0 &&
					core.rlim_cur == 0 && core.rlim_max == 0
				? 7
				: 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
}
