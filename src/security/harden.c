/* Keeps the memory of this process out of core files and away from debuggers of the same user. */
#include <sys/prctl.h>
#include <sys/resource.h>

#include "security/security.h"

void pm_security_harden(void)
{
	static const struct rlimit none = { .rlim_cur = 0, .rlim_max = 0 };

	/* Both only take rights away; where one fails, the other still stands. */
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	(void)setrlimit(RLIMIT_CORE, &none);
}
