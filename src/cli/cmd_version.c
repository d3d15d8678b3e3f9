/* podmox version. */
#include <stdio.h>

#include "base/json.h"
#include "cli/cli.h"
#include "version.h"

int cmd_version(struct pm_args *a)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	if (a->output == PM_OUT_HUMAN || a->output == PM_OUT_NAME) {
		(void)puts("podmox " PM_VERSION);
		return 0;
	}
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "version", PM_VERSION);
	pm_jw_str(&w, "apiVersion", "podmox/v1");
	pm_jw_object_end(&w);
	pm_cli_document(a, &out);
	return 0;
}
