/* podmox plan: shows what would be done. Nothing but reads leaves the process. */
#include <stdio.h>

#include "cli/cli_priv.h"

void pm_cli_plan(const struct pm_args *a, const struct pm_plan *p)
{
	struct pm_buf out cleanup_buf = PM_BUF((size_t)1 << 30);

	switch (a->output) {
	case PM_OUT_JSON:
	case PM_OUT_YAML:
		pm_plan_print_json(p, &out);
		pm_cli_document(a, &out);
		return;
	case PM_OUT_NAME:
		pm_plan_print_names(p, &out);
		break;
	default:
		pm_plan_print(p, a->colour, &out);
		break;
	}
	(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
	(void)fflush(stdout);
}

int pm_cli_plan_status(const struct pm_args *a, const struct pm_plan *p)
{
	if (p->refused)
		return pm_code_exit(PM_E_REFUSED);
	if (p->diags != NULL && p->diags->nerrors > 0)
		return 1;
	return a->detailed_exitcode && !pm_plan_empty(p) ? 2 : 0;
}

int cmd_plan(struct pm_args *a)
{
	struct pm_cli s;
	int status = pm_cli_open(a, true, NULL, NULL, &s);

	if (status != 0)
		return status;
	status = pm_cli_make_plan(&s, a, NULL);
	if (status == 0) {
		pm_cli_plan(a, &s.cycle.plan);
		status = pm_cli_plan_status(a, &s.cycle.plan);
	}
	pm_cli_close(&s);
	return status;
}
