/* The allow list of operations: which of podmox's own verbs may be used at all. */
#include <string.h>

#include "base/buf.h"
#include "security/security.h"

int pm_policy_check(const char *const *allow, size_t n, const char *operation, struct pm_error *err)
{
	cleanup_buf struct pm_buf allowed = PM_BUF(300);

	if (n == 0)
		return 0;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(allow[i], operation) == 0)
			return 0;
		(void)pm_buf_addf(&allowed, "%s%s", i > 0 ? ", " : "", allow[i]);
	}
	return pm_error_set(err, PM_E_REFUSED,
		"the policy does not allow %s (only %s); to allow it add it to policy.allow of "
		"the configuration",
		operation, pm_buf_str(&allowed));
}
