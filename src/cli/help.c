/* Help, made of the command and option tables: it cannot drift from what the program takes. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

#define LEFT  28 /* columns of the left side with its margin */
#define RIGHT 79

/* Text from column LEFT on, broken at blanks. */
static void print_wrapped(const char *text, FILE *out)
{
	const size_t room = RIGHT - LEFT;

	while (strlen(text) > room) {
		size_t n = room;

		while (n > 0 && text[n] != ' ')
			n--;
		if (n == 0)
			break;
		(void)fprintf(out, "%.*s\n%*s", (int)n, text, LEFT, "");
		text += n + 1;
	}
	(void)fprintf(out, "%s\n", text);
}

void pm_help_line(const char *left, const char *text, FILE *out)
{
	if (strlen(left) > LEFT - 4)
		(void)fprintf(out, "  %s\n%*s", left, LEFT, "");
	else
		(void)fprintf(out, "  %-*s", LEFT - 2, left);
	print_wrapped(text, out);
}

void pm_help_options(const struct pm_option *const *options, FILE *out)
{
	for (; options != NULL && *options != NULL; options++) {
		const struct pm_option *o = *options;
		char left[64];

		(void)snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->letter != 0 ? '-' : ' ',
			o->letter != 0 ? o->letter : ' ', o->letter != 0 ? ", " : "  ", o->name,
			o->value != NULL ? " " : "", o->value != NULL ? o->value : "");
		pm_help_line(left, o->help, out);
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
	pm_help_options(pm_global_options, out);
	print_exit_codes(out);
	(void)fputs("\npodmox COMMAND --help tells more of one command.\n", out);
}

void pm_help_print(const struct pm_args *a, FILE *out)
{
	const struct pm_command *c = a->command;

	if (c == NULL) {
		print_program(out);
		return;
	}
	if (c->help != NULL) {
		c->help(a, out);
	} else {
		(void)fprintf(out, "usage: podmox %s%s%s\n\n%s\n", c->name,
			c->args[0] != '\0' ? " " : "", c->args, c->summary);
	}
	if (c->options != NULL && c->help == NULL) {
		(void)fputs("\nOptions:\n", out);
		pm_help_options(c->options, out);
	}
	(void)fputs("\nOptions of every command:\n", out);
	pm_help_options(pm_global_options, out);
}

int cmd_help(struct pm_args *a)
{
	if (a->rest.n == 0) {
		a->command = NULL;
		pm_help_print(a, stdout);
		return 0;
	}
	a->command = pm_command_named(a->rest.v[0]);
	if (a->command == NULL) {
		(void)fprintf(stderr, "podmox: error: there is no command \"%s\"\n", a->rest.v[0]);
		return 64;
	}
	a->rest.v[0] = a->rest.v[1];
	a->rest.n--;
	pm_help_print(a, stdout);
	return 0;
}
