/* podmox validate: reads and checks manifests; no network, no configuration. */
#include <stdio.h>

#include "cli/cli.h"

int cmd_validate(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_set set = { .arena = arena };
	struct pm_load load = { 0 };
	struct pm_diags diags;
	struct pm_error err = { 0 };
	size_t n;
	int r;

	pm_diags_init(&diags, arena);
	r = pm_manifest_load(a->rest.v, a->rest.n, &set, &load, &diags, &err);
	n = set.n;
	pm_set_done(&set);
	if (r < 0)
		return pm_cli_fail(&err);
	pm_cli_findings(a, &diags, stderr);
	if (a->output == PM_OUT_HUMAN && !a->quiet && diags.nerrors == 0)
		(void)printf("%zu object%s in %u file%s: valid%s\n", n, n == 1 ? "" : "s",
			load.nfiles, load.nfiles == 1 ? "" : "s",
			diags.nwarnings > 0 ? ", with warnings" : "");
	if (a->output == PM_OUT_HUMAN && diags.nerrors > 0)
		(void)fprintf(stderr, "podmox: %u error%s in %u file%s\n", diags.nerrors,
			diags.nerrors == 1 ? "" : "s", load.nfiles, load.nfiles == 1 ? "" : "s");
	return diags.nerrors > 0 ? pm_code_exit(PM_E_INPUT) : 0;
}
