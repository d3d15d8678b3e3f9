/* What a run comes to, as an exit status. */
#include "pm_test.h"
#include "recon/recon.h"

static int status(bool refused, const struct pm_result *v, size_t n)
{
	struct pm_plan p = { .refused = refused };
	struct pm_report r = { .v = (struct pm_result *)v, .n = n };

	for (size_t i = 0; i < n; i++)
		r.count[v[i].outcome]++;
	return pm_report_exit(&p, &r);
}

#define FAILED(c)                                           \
	{                                                   \
		.outcome = PM_FAILED, .err = {.code = (c) } \
	}
#define STALE                                                        \
	{                                                            \
		.outcome = PM_STALE, .err = {.code = PM_E_CONFLICT } \
	}
#define SKIPPED                                                       \
	{                                                             \
		.outcome = PM_SKIPPED, .err = {.code = PM_E_REFUSED } \
	}
#define DONE                       \
	{                          \
		.outcome = PM_DONE \
	}

PM_TEST(report_status)
{
	const struct pm_result all_well[] = { DONE, { .outcome = PM_NOTHING } };
	const struct pm_result partly[] = { DONE, FAILED(PM_E_TASK) };
	const struct pm_result nothing[] = { FAILED(PM_E_TASK), SKIPPED };
	const struct pm_result refused[] = { FAILED(PM_E_REFUSED), SKIPPED };
	const struct pm_result stale[] = { STALE, SKIPPED };
	const struct pm_result mixed[] = { STALE, FAILED(PM_E_REFUSED) };
	const struct pm_result denied[] = { FAILED(PM_E_PERMISSION), FAILED(PM_E_PERMISSION) };
	const struct pm_result unstable[] = { { .outcome = PM_DONE, .unstable = "memory" } };

	assert_int_equal(status(false, all_well, 2), 0);
	assert_int_equal(status(false, partly, 2), 3);
	assert_int_equal(status(false, nothing, 2), 1);
	assert_int_equal(status(false, refused, 2), 4);
	assert_int_equal(status(false, stale, 2), 5);
	assert_int_equal(status(false, mixed, 2), 1);
	assert_int_equal(status(false, denied, 2), 77);
	assert_int_equal(status(false, unstable, 1), 3);
	assert_int_equal(status(true, all_well, 2), 4);
	assert_int_equal(status(false, NULL, 0), 0);
}

/* What can never be done is no success, though nothing failed. */
PM_TEST(report_status_of_what_cannot_be_done)
{
	struct pm_change shrinks = { .impact = PM_I_RESIZE, .blocked = true };
	struct pm_action kept = { .verb = PM_V_KEEP, .change = &shrinks, .nchanges = 1 };
	const struct pm_plan p = { .v = &kept, .n = 1 };
	const struct pm_report none = { 0 };

	assert_int_equal(pm_report_exit(&p, &none), 3);
	shrinks.waiting = true;
	assert_int_equal(pm_report_exit(&p, &none), 0);
}
