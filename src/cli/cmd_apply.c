/* podmox apply and delete: plan, ask, execute, verify, report. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_priv.h"
#include "recon/saved.h"

static void print_line(const struct pm_buf *json)
{
	(void)fprintf(stdout, "%s\n", pm_buf_str(json));
	(void)fflush(stdout);
}

/* JSON lines before the run: version, then one line for each planned action. */
static void stream_plan(const struct pm_plan *p)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	(void)pm_buf_adds(&out, "{\"type\":\"version\",\"version\":\"1\",\"program\":\"podmox\"}");
	print_line(&out);
	for (size_t i = 0; i < p->n; i++) {
		struct pm_jwrite w = { .out = &out };

		pm_buf_clear(&out);
		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "type", "planned_change");
		pm_jw_object(&w, "action");
		pm_action_json(&w, &p->v[i]);
		pm_jw_object_end(&w);
		pm_jw_object_end(&w);
		print_line(&out);
	}
}

/* After the run, what was read back when all of it was over: one line for each field that does not stay. */
static void stream_unstable(struct pm_arena *a, const struct pm_plan *p, const struct pm_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct pm_obj *o = p->v[i].want ? p->v[i].want : p->v[i].have;
		struct pm_buf out cleanup_buf = PM_BUF(0);
		struct pm_jwrite w = { .out = &out };

		if (r->v[i].unstable == NULL)
			continue;
		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "type", "unstable");
		pm_jw_str(&w, "object", pm_obj_id(a, o));
		pm_jw_str(&w, "field", r->v[i].unstable);
		pm_jw_object_end(&w);
		print_line(&out);
	}
}

static void stream_summary(const struct pm_report *r, int status)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "type", "summary");
	pm_jw_int(&w, "done", r->count[PM_DONE]);
	pm_jw_int(&w, "failed", r->count[PM_FAILED]);
	pm_jw_int(&w, "skipped", r->count[PM_SKIPPED]);
	pm_jw_int(&w, "stale", r->count[PM_STALE]);
	pm_jw_int(&w, "held", r->held);
	pm_jw_int(&w, "exitStatus", status);
	pm_jw_object_end(&w);
	print_line(&out);
}

static void print_failures(
	struct pm_arena *arena, const struct pm_plan *p, const struct pm_report *r)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct pm_action *a = &p->v[i];
		const struct pm_result *res = &r->v[i];
		const char *title = pm_obj_title(arena, a->want != NULL ? a->want : a->have);

		if (res->outcome == PM_FAILED || res->outcome == PM_STALE)
			(void)printf("! %s: %s%s%s\n", title, res->err.where,
				res->err.where[0] != '\0' ? ": " : "", res->err.msg);
		if (res->unstable != NULL)
			(void)printf(
				"! %s: %s came back different from what was written; it is not "
				"fought in this run\n",
				title, res->unstable);
		if (res->restart_pending)
			(void)printf("  %s: written, waits for a restart\n", title);
	}
}

/* The last line: whoever reads only that one must not take it for success. */
static void print_unmet(const struct pm_plan *p)
{
	unsigned n = pm_plan_unmet(p);

	if (n > 0)
		(void)printf("Not all is as the manifests say: %u setting%s cannot be applied "
			     "(a volume does not shrink).\n",
			n, n == 1 ? "" : "s");
}

static void print_report(const struct pm_args *a, struct pm_cli *s, int status)
{
	const struct pm_report *r = &s->cycle.report;

	if (a->output == PM_OUT_JSON || a->output == PM_OUT_YAML) {
		stream_unstable(s->job.arena, &s->cycle.plan, r);
		stream_summary(r, status);
		return;
	}
	print_failures(s->job.arena, &s->cycle.plan, r);
	(void)printf("Applied: %u done, %u failed, %u skipped", r->count[PM_DONE],
		r->count[PM_FAILED] + r->count[PM_STALE], r->count[PM_SKIPPED]);
	if (r->held > 0)
		(void)printf(", %u deletion%s held back because something failed", r->held,
			r->held == 1 ? "" : "s");
	(void)puts(".");
	print_unmet(&s->cycle.plan);
}

int pm_cli_approve(const struct pm_args *a, const char *question)
{
	if (a->yes)
		return 0;
	if (!a->terminal || a->output != PM_OUT_HUMAN) {
		(void)fputs("podmox: error: nobody is there to be asked; give --yes to do this, or "
			    "--dry-run\n",
			stderr);
		return 64;
	}
	if (pm_cli_confirm(question))
		return 0;
	(void)fputs("Nothing was changed.\n", stderr);
	return 130;
}

static int execute(struct pm_args *a, struct pm_cli *s)
{
	struct pm_error err = { 0 };
	int status;

	if (pm_recon_apply(s->recon, &s->job, &s->cycle, &err) < 0)
		return pm_cli_fail(&err);
	status = pm_report_exit(&s->cycle.plan, &s->cycle.report);
	if (pm_cancelled(s->job.cancel, s->job.clock))
		status = 130;
	print_report(a, s, status);
	return status;
}

/* The plan was shown, and has no action; that is not always success. */
static int nothing_to_apply(const struct pm_args *a, const struct pm_cli *s)
{
	static const struct pm_report nothing;
	int status = pm_cli_plan_status(a, &s->cycle.plan);

	if (a->output == PM_OUT_HUMAN)
		print_unmet(&s->cycle.plan);
	return status != 0 ? status : pm_report_exit(&s->cycle.plan, &nothing);
}

static int show_and_execute(struct pm_args *a, struct pm_cli *s, const struct pm_set *preloaded)
{
	bool stream = a->output == PM_OUT_JSON || a->output == PM_OUT_YAML;
	int status = pm_cli_make_plan(s, a, preloaded);

	if (status != 0)
		return status;
	if (stream && !a->dry_run)
		stream_plan(&s->cycle.plan);
	else
		pm_cli_plan(a, &s->cycle.plan);
	if (a->dry_run || s->cycle.plan.refused)
		return pm_cli_plan_status(a, &s->cycle.plan);
	if (pm_plan_empty(&s->cycle.plan))
		return nothing_to_apply(a, s);
	status = pm_cli_approve(a, "Apply this plan?");
	return status != 0 ? status : execute(a, s);
}

/* The plan in a file, or nothing. Whoever made it approved it. */
static int execute_saved(struct pm_args *a, struct pm_cli *s)
{
	struct pm_saved *saved;
	struct pm_error err = { 0 };
	int status;

	if (pm_saved_open(s->job.arena, a->rest.v[0], &saved, &err) < 0)
		return pm_cli_fail(&err);
	s->ask = *pm_saved_ask(saved);
	status = pm_cli_plan_ask(s, a);
	if (status != 0)
		return status;
	if (pm_saved_check(saved, &s->cycle, s->config->set, &err) < 0)
		return pm_cli_fail(&err);
	pm_cli_plan(a, &s->cycle.plan);
	if (a->dry_run)
		return pm_cli_plan_status(a, &s->cycle.plan);
	return pm_plan_empty(&s->cycle.plan) ? nothing_to_apply(a, s) : execute(a, s);
}

static bool is_saved(const struct pm_args *a)
{
	return a->rest.n == 1 && a->command->run == cmd_apply && pm_saved_is(a->rest.v[0]);
}

/* The file holds the options that it was made with. */
static int check_saved(const struct pm_args *a)
{
	if (!a->prune && !a->allow_restart && !a->allow_replace && !a->target && !a->max_deletes)
		return 0;
	(void)fputs("podmox: error: a saved plan was made with its own options; give them to plan "
		    "--out\n",
		stderr);
	return 64;
}

static int run(struct pm_args *a, const struct pm_set *preloaded)
{
	struct pm_progress *progress = pm_progress_new(a);
	struct pm_cli s;
	bool saved = is_saved(a);
	int status = saved ? check_saved(a) : 0;

	if (status == 0)
		status = pm_cli_open(a, a->dry_run, pm_progress_event, progress, &s);
	if (status == 0) {
		status = saved ? execute_saved(a, &s) : show_and_execute(a, &s, preloaded);
		pm_cli_close(&s);
	}
	pm_progress_free(progress);
	return status;
}

int cmd_apply(struct pm_args *a)
{
	return run(a, NULL);
}

struct pm_obj *pm_cli_named(struct pm_arena *arena, const char *text)
{
	char *copy = pm_arena_strdup(arena, text);
	char *ns = strchr(copy, '/');
	char *name = ns != NULL ? strchr(ns + 1, '/') : NULL;
	const struct pm_kind *k;
	struct pm_obj *o;

	if (name == NULL || strchr(name + 1, '/') != NULL)
		return NULL;
	*ns++ = '\0';
	*name++ = '\0';
	k = pm_kind_named(copy);
	if (k == NULL || !k->envelope)
		return NULL;
	o = pm_obj_new(arena, k);
	o->ns = ns;
	o->name = name;
	return o;
}

int cmd_delete(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_set named = { .arena = arena };
	int status;

	for (size_t i = 0; i < a->rest.n; i++) {
		struct pm_obj *o = pm_cli_named(arena, a->rest.v[i]);

		if (o != NULL)
			pm_set_add(&named, o);
	}
	if (named.n > 0 && named.n < a->rest.n) {
		(void)fputs("podmox: error: give either paths or KIND/NS/NAME, not both\n", stderr);
		pm_set_done(&named);
		return 64;
	}
	pm_set_sort(&named);
	status = run(a, named.n > 0 ? &named : NULL);
	pm_set_done(&named);
	return status;
}
