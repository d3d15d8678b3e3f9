/* podmox ct, vm, node, storage, task, pool, cluster: one row of the table of calls each time. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"

/* ---- questions ---- */

/* Calls that cannot be undone, and what is asked; %s: whom they concern. */
static const struct {
	enum pm_op_id id;
	const char *question;
} questions[] = {
	{ PM_OP_GUEST_DELETE, "Destroy %s with its volumes?" },
	{ PM_OP_GUEST_TEMPLATE, "Make %s a template, for good?" },
	{ PM_OP_SNAP_ROLLBACK, "Go back to %s and lose everything since?" },
	{ PM_OP_SNAP_DELETE, "Delete %s?" },
	{ PM_OP_STORAGE_RM, "Delete %s?" },
	{ PM_OP_POOL_DELETE, "Delete the pool %s?" },
};

static const char *value_of(const struct pm_direct *d, const char *name)
{
	for (size_t i = 0; i < d->args.n; i++)
		if (strcmp(d->args.v[i].name, name) == 0)
			return d->args.v[i].value;
	return NULL;
}

/* Whom the call concerns, in a few words: "ct 101, snapshot before". */
static void subject(const struct pm_direct *d, struct pm_buf *out)
{
	const char *first = value_of(d, d->op->params->name != NULL ? d->op->params->name : "");
	const char *snapshot = value_of(d, "snapname");

	if (d->guest != PM_NO_GUEST)
		(void)pm_buf_addf(out, "%s ", d->noun);
	if (first != NULL)
		pm_text_visible(out, first, strlen(first));
	if (snapshot != NULL) {
		(void)pm_buf_adds(out, ", snapshot ");
		pm_text_visible(out, snapshot, strlen(snapshot));
	}
}

/* Unsetting unusedN destroys the volume. */
static bool destroys_volume(const struct pm_direct *d)
{
	for (size_t i = 0; i < d->args.n; i++) {
		const struct pm_op_arg *arg = &d->args.v[i];

		if ((d->id == PM_OP_CT_SET || d->id == PM_OP_VM_SET) && arg->value != NULL &&
			strcmp(arg->name, "delete") == 0 && strstr(arg->value, "unused") != NULL)
			return true;
	}
	return false;
}

static int approve(const struct pm_direct *d)
{
	struct pm_buf who cleanup_buf = PM_BUF(0);
	char question[400];
	const char *form = destroys_volume(d) ? "Destroy unused volumes of %s?" : NULL;

	for (size_t i = 0; i < PM_COUNT(questions); i++)
		if (questions[i].id == d->id)
			form = questions[i].question;
	if (form == NULL)
		return 0;
	subject(d, &who);
	(void)snprintf(question, sizeof(question), "%.*s%s%s", (int)(strstr(form, "%s") - form),
		form, pm_buf_str(&who), strstr(form, "%s") + 2);
	return pm_direct_approve(d->a, question);
}

/* ---- results ---- */

static bool wants_json(const struct pm_args *a)
{
	return a->output == PM_OUT_JSON || a->output == PM_OUT_YAML;
}

/* One line for people: "ct start 101: done in 0.3 s". */
static void tell_done(const struct pm_direct *d, const struct pm_op_answer *ans, uint64_t since_ns)
{
	double took = (double)(pm_mono_ns(&pm_clock_system) - since_ns) / (double)PM_S_NS;
	const char *first = value_of(d, d->op->params->name != NULL ? d->op->params->name : "");
	struct pm_buf who cleanup_buf = PM_BUF(0);
	bool warned = pm_str_starts(ans->task.exit_status, "WARNINGS");

	if (d->a->quiet)
		return;
	if (ans->vmid > 0)
		(void)pm_buf_addf(&who, " %u", ans->vmid);
	else if (first != NULL)
		(void)pm_buf_addf(&who, " %s", first);
	if (d->id == PM_OP_GUEST_CLONE && first != NULL)
		(void)printf("%s %s %s as%s: done", d->noun, d->verb, first, pm_buf_str(&who));
	else
		(void)printf("%s %s%s: done", d->noun, d->verb, pm_buf_str(&who));
	if (ans->is_task)
		(void)printf(" in %.1f s", took);
	(void)printf("%s%s\n", warned ? ", with " : "", warned ? ans->task.exit_status : "");
}

/* What a program reads: PVE's data; the number of what was made, or the task. Told before the task is
 * awaited, so that it is known even when the wait ends early. */
static void tell_started(const struct pm_direct *d, const struct pm_op_answer *ans)
{
	if (wants_json(d->a))
		pm_answer_print(d->a, d->noun, NULL, ans->data);
	else if (d->a->output == PM_OUT_NAME && ans->vmid > 0)
		(void)printf("%u\n", ans->vmid);
	else if (ans->is_task && (d->a->output == PM_OUT_NAME || d->a->no_wait))
		(void)printf("%s\n", ans->task.upid);
	(void)fflush(stdout);
}

static int finish(struct pm_client *c, struct pm_direct *d, struct pm_op_answer *ans,
	uint64_t since_ns, struct pm_error *err)
{
	int r = 0;

	if (d->op->operation == NULL || (d->op->answer == PM_OA_VALUE && !ans->is_task)) {
		pm_answer_print(d->a, d->noun, d->op->columns, ans->data);
		return 0;
	}
	tell_started(d, ans);
	if (ans->is_task && !d->a->no_wait)
		r = pm_direct_follow(c, d->a, &ans->task, err);
	if (r < 0 && d->id == PM_OP_GUEST_SHUTDOWN && r != -PM_E_CANCELLED)
		(void)pm_error_wrap(err, "not shut down (\"stop --force\" pulls the plug)");
	if (r == 0 && d->a->output == PM_OUT_HUMAN && !(ans->is_task && d->a->no_wait))
		tell_done(d, ans, since_ns);
	return r;
}

/* ---- running ---- */

static struct pm_op_ask ask_of(const struct pm_direct *d)
{
	struct pm_op_ask ask = { .op = d->id,
		.guest = d->guest,
		.v = d->args.v,
		.n = d->args.n,
		.fresh = d->a->no_cache };

	return ask;
}

static int show(struct pm_direct *d, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(0);
	struct pm_buf form cleanup_buf = PM_BUF(0);
	struct pm_op_ask ask = ask_of(d);
	int r = pm_op_encode(&ask, &path, &form, err);

	if (r == 0)
		pm_direct_dry_run(d->a, d->op->method, pm_buf_str(&path), pm_buf_str(&form));
	return r;
}

/* Follows a task that is there already. */
static int wait_for(struct pm_client *c, const struct pm_direct *d, struct pm_error *err)
{
	const char *upid = value_of(d, "upid");
	struct pm_task t = { 0 };
	uint64_t since_ns = pm_mono_ns(&pm_clock_system);
	struct pm_op_answer ans = { .is_task = true };
	int r;

	if (upid == NULL || !pm_task_parse(upid, &t))
		return pm_error_set(err, PM_E_USAGE,
			"task wait needs a UPID, as \"podmox node "
			"tasks NODE -o name\" lists them");
	r = pm_direct_follow(c, d->a, &t, err);
	ans.task = t;
	if (r == 0 && d->a->output == PM_OUT_HUMAN)
		tell_done(d, &ans, since_ns);
	return r;
}

static int send(struct pm_client *c, struct pm_direct *d, struct pm_error *err)
{
	struct pm_op_ask ask = ask_of(d);
	struct pm_op_answer ans = { 0 };
	uint64_t since_ns = pm_mono_ns(&pm_clock_system);
	int r;

	if (pm_direct_is_task_wait(d->noun, d->verb))
		return wait_for(c, d, err);
	r = pm_op_run(c->pve, &c->job, &ask, &ans, err);
	if (r == 0)
		r = finish(c, d, &ans, since_ns, err);
	pm_op_answer_done(&ans);
	return r;
}

static int run(struct pm_direct *d, struct pm_error *err)
{
	struct pm_client c;
	int r = pm_client_open(d->a, d->op->operation != NULL, &c, err);

	if (r == 0)
		r = send(&c, d, err);
	pm_client_close(&c);
	return r;
}

int cmd_direct(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_direct d = { .arena = arena };
	struct pm_error err = { 0 };
	int status = 0;
	int r = pm_direct_parse(a, &d, &err);

	if (r == 0)
		r = pm_direct_values(&d, !a->dry_run, &err);
	if (r == 0 && a->dry_run)
		r = show(&d, &err);
	else if (r == 0)
		status = approve(&d);
	if (r == 0 && status == 0 && !a->dry_run)
		r = run(&d, &err);
	pm_direct_done(&d);
	return r < 0 ? pm_cli_fail(&err) : status;
}
