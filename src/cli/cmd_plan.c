/* podmox plan: shows what would be done. Nothing but reads leaves the process. */
#include <stdio.h>

#include "cli/cli_priv.h"
#include "recon/saved.h"

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
	return a->detailed_exitcode && (!pm_plan_empty(p) || pm_plan_unmet(p) > 0) ? 2 : 0;
}

static int save(const struct pm_args *a, const struct pm_cli *s)
{
	struct pm_error err = { 0 };

	if (a->out == NULL)
		return 0;
	if (s->cycle.plan.refused || a->live != NULL)
		return pm_error_set(&err, PM_E_REFUSED, "%s: not written, for %s", a->out,
			       a->live != NULL ? "a plan against a snapshot is not to be applied"
					       : "a guard refuses this plan") < 0
			       ? pm_cli_fail(&err)
			       : 0;
	if (pm_saved_write(a->out, &s->ask, &s->cycle, pm_wall_ms(s->job.clock), &err) < 0)
		return pm_cli_fail(&err);
	if (!a->quiet && a->output == PM_OUT_HUMAN)
		(void)fprintf(stderr, "Saved to %s: podmox apply %s does just that, or nothing.\n",
			a->out, a->out);
	return 0;
}

int cmd_snapshot(struct pm_args *a)
{
	struct pm_error err = { 0 };
	struct pm_cli s;
	int status;

	a->record = true;
	status = pm_cli_open(a, true, NULL, NULL, &s);
	if (status != 0)
		return status;
	if (pm_recon_snapshot(s.recon, &s.job, a->rest.v[0], &err) < 0)
		status = pm_cli_fail(&err);
	else if (!a->quiet)
		(void)fprintf(stderr, "Saved to %s: podmox plan --live %s plans against it.\n",
			a->rest.v[0], a->rest.v[0]);
	pm_cli_close(&s);
	return status;
}

int cmd_plan(struct pm_args *a)
{
	struct pm_cli s;
	int status = pm_cli_open(a, true, NULL, NULL, &s);

	if (status != 0)
		return status;
	if (a->live != NULL && !a->quiet)
		(void)fprintf(stderr,
			"Planning against the snapshot of %s; the cluster is not asked.\n",
			pm_recon_snapshot_made(s.recon));
	status = pm_cli_make_plan(&s, a, NULL);
	if (status == 0) {
		pm_cli_plan(a, &s.cycle.plan);
		status = save(a, &s);
		if (status == 0)
			status = pm_cli_plan_status(a, &s.cycle.plan);
	}
	pm_cli_close(&s);
	return status;
}
