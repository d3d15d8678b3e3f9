/* Shared by the commands that show and run plans. */
#ifndef PM_CLI_CLI_PRIV_H
#define PM_CLI_CLI_PRIV_H

#include "cli/cli.h"

/** The plan in the form asked for, on stdout. */
void pm_cli_plan(const struct pm_args *a, const struct pm_plan *p);

/** Exit status of a plan that is only shown. */
int pm_cli_plan_status(const struct pm_args *a, const struct pm_plan *p);

#endif
