/* What a run comes to, as an exit status. */
#include "recon/recon.h"

static bool failed(const struct pm_result *r)
{
	return r->outcome == PM_FAILED || r->outcome == PM_STALE || r->outcome == PM_SKIPPED ||
	       r->unstable;
}

/* Which of the statuses with a meaning of its own, if all failures agree; 1 otherwise. */
static int common_status(const struct pm_report *r)
{
	int status = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct pm_result *res = &r->v[i];
		int s;

		/* What was skipped follows from another failure. */
		if (!failed(res) || res->outcome == PM_SKIPPED)
			continue;
		s = res->unstable ? 1 : pm_code_exit(res->err.code);
		if (status != 0 && s != status)
			return 1;
		status = s;
	}
	return status > 0 ? status : 1;
}

int pm_report_exit(const struct pm_plan *p, const struct pm_report *r)
{
	bool any_failed = false;

	if (p->refused)
		return 4;
	for (size_t i = 0; i < r->n; i++)
		any_failed = any_failed || failed(&r->v[i]);
	/* What can never be done leaves the set partly applied, whoever is to blame. */
	if (!any_failed)
		return pm_plan_unmet(p) > 0 ? 3 : 0;
	return r->count[PM_DONE] > 0 ? 3 : common_status(r);
}
