/* Help, made of the command and option tables: it cannot drift from what the program takes. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static void print_options(const struct pm_option *const *options, FILE *out)
{
	for (; options != NULL && *options != NULL; options++) {
		const struct pm_option *o = *options;
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter != 0 ? '-' : ' ',
			o->letter != 0 ? o->letter : ' ', o->letter != 0 ? ", " : "  ", o->name,
			o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
		if (strlen(left) > 25)
			(void)fprintf(out, "  %s\n%30s%s\n", left, "", o->help);
		else
			(void)fprintf(out, "  %-26s  %s\n", left, o->help);
	}
}

static void print_exit_codes(FILE *out)
{
	(void)fputs(
		"\nExit status:\n"
		"  0 done · 1 error · 2 changes pending (--detailed-exitcode) · 3 partly applied\n"
		"  4 refused by a guard · 5 plan is stale · 6 another podmox holds the set's lock\n"
		"  64 usage · 65 invalid manifest · 77 permission · 130 interrupted\n",
		out);
}

static void print_program(FILE *out)
{
	(void)fputs(
		"podmox: GitOps for Proxmox VE. Manifests and the cluster are the only truths.\n\n"
		"usage: podmox [OPTION...] COMMAND [ARGUMENT...]\n\nCommands:\n",
		out);
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++)
		if (!c->hidden)
			(void)fprintf(out, "  %-12s%s\n", c->name, c->summary);
	(void)fputs("\nOptions of every command:\n", out);
	print_options(pm_global_options, out);
	print_exit_codes(out);
	(void)fputs("\npodmox COMMAND --help tells more of one command.\n", out);
}

void pm_help_print(const struct pm_command *c, FILE *out)
{
	if (c == NULL) {
		print_program(out);
		return;
	}
	(void)fprintf(out, "usage: podmox %s%s%s\n\n%s\n", c->name, c->args[0] != '\0' ? " " : "",
		c->args, c->summary);
	if (c->options != NULL) {
		(void)fputs("\nOptions:\n", out);
		print_options(c->options, out);
	}
	(void)fputs("\nOptions of every command:\n", out);
	print_options(pm_global_options, out);
}

int cmd_help(struct pm_args *a)
{
	const char *name = a->rest.n > 0 ? a->rest.v[0] : NULL;

	if (name == NULL) {
		pm_help_print(NULL, stdout);
		return 0;
	}
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++) {
		if (strcmp(c->name, name) == 0) {
			pm_help_print(c, stdout);
			return 0;
		}
	}
	(void)fprintf(stderr, "podmox: error: there is no command \"%s\"\n", name);
	return 64;
}
