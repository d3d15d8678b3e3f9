/* Help of direct calls, made of the table of calls: verbs of a noun, parameters of a verb. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "cli/cli_priv.h"

static const char *doc_of(const char *noun, const char *verb)
{
	enum pm_guest_type guest;
	enum pm_op_id id = pm_op_find(noun, verb, &guest);

	if (id == PM_OP_GUEST_STOP)
		return "Shut a guest down in order; with --force stop it at once.";
	if (id == PM_OP_MAX)
		return "Follow a task to its end.";
	return pm_op(id)->doc;
}

static void help_of_noun(const struct pm_args *a, FILE *out)
{
	const char *noun = a->command->name;
	const char *verbs[64];
	size_t n = pm_direct_verbs(noun, verbs, PM_COUNT(verbs));

	(void)fprintf(out, "usage: podmox %s %s\n\n%s\n\nVerbs:\n", noun, a->command->args,
		a->command->summary);
	for (size_t i = 0; i < n; i++)
		pm_help_line(verbs[i], doc_of(noun, verbs[i]), out);
	(void)fprintf(out, "\npodmox %s VERB --help tells more of one verb.\n", noun);
}

/* "VMID", "SNAPNAME": a bare word in the line of usage. */
static void print_usage_word(const struct pm_param *p, FILE *out)
{
	bool optional = (p->flags & PM_P_REQUIRED) == 0;

	(void)fputs(optional ? " [" : " ", out);
	for (const char *s = p->name; *s != '\0'; s++)
		(void)fputc(*s >= 'a' && *s <= 'z' ? *s - 'a' + 'A' : *s, out);
	(void)fputs(optional ? "]" : "", out);
}

static void print_usage(const struct pm_direct *d, FILE *out)
{
	bool more = d->op->any_keys;

	(void)fprintf(out, "usage: podmox %s %s", d->noun, d->verb);
	for (const struct pm_param *p = d->op->params; p->name != NULL; p++) {
		if (!pm_direct_takes(d, p))
			continue;
		if (pm_direct_positional(d->op, p))
			print_usage_word(p, out);
		else
			more = true;
	}
	(void)fprintf(out, "%s%s\n\n%s\n", more ? " [OPTION...]" : "",
		d->op->any_keys ? " [KEY=VALUE...]" : "", doc_of(d->noun, d->verb));
}

static void print_param(const struct pm_param *p, FILE *out)
{
	struct pm_buf doc cleanup_buf = PM_BUF(0);
	char left[96];

	(void)snprintf(left, sizeof(left), "--%s%s%s", p->name, p->type == PM_P_BOOL ? "" : " ",
		p->type == PM_P_BOOL ? "" : pm_param_word(p));
	(void)pm_buf_adds(&doc, p->doc);
	if (p->def != NULL)
		(void)pm_buf_addf(&doc, " Default: %s.", p->def);
	pm_help_line(left, pm_buf_str(&doc), out);
}

/* What --force adds to a stop that is graceful without it. */
static void print_at_once(const struct pm_direct *d, FILE *out)
{
	pm_help_line("--force", "Stop it at once, as by pulling the plug; then also:", out);
	for (const struct pm_param *p = pm_op(PM_OP_GUEST_STOP)->params; p->name != NULL; p++)
		if (pm_direct_takes(d, p) && pm_op_param(d->op, p->name) == NULL)
			print_param(p, out);
}

static void help_of_verb(const struct pm_direct *d, FILE *out)
{
	bool none = true;

	print_usage(d, out);
	for (const struct pm_param *p = d->op->params; p->name != NULL; p++) {
		if (!pm_direct_takes(d, p))
			continue;
		if (none)
			(void)fputs("\nParameters, also as NAME=VALUE; those of the usage need no "
				    "name:\n",
				out);
		none = false;
		print_param(p, out);
	}
	if (d->at_once)
		print_at_once(d, out);
	if (d->op->any_keys)
		(void)fputs("\nKEY=VALUE: PVE's own keys. VALUE may be @file:PATH, @env:NAME or "
			    "@credential:NAME;\na password must be.\n",
			out);
	(void)fputs("\nOptions of every call:\n", out);
	pm_help_options(pm_direct_options, out);
}

void pm_direct_help(const struct pm_args *a, FILE *out)
{
	struct pm_direct d = { .a = a, .noun = a->command->name };

	d.verb = a->rest.n > 0 ? a->rest.v[0] : NULL;
	d.id = d.verb != NULL ? pm_op_find(d.noun, d.verb, &d.guest) : PM_OP_MAX;
	if (d.verb != NULL && pm_direct_is_task_wait(d.noun, d.verb))
		d.id = PM_OP_TASK_STATUS;
	if (d.id == PM_OP_MAX) {
		help_of_noun(a, out);
		return;
	}
	d.at_once = d.id == PM_OP_GUEST_STOP;
	if (d.at_once)
		d.id = PM_OP_GUEST_SHUTDOWN;
	d.op = pm_op(d.id);
	help_of_verb(&d, out);
}
