/* podmox completion: scripts for shells, made of the command and option tables. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "model/docs.h"

static void words_of_commands(FILE *out)
{
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++)
		if (!c->hidden)
			(void)fprintf(out, "%s ", c->name);
}

static void words_of_options(const struct pm_option *const *o, FILE *out)
{
	for (; o != NULL && *o != NULL; o++)
		(void)fprintf(out, "--%s ", (*o)->name);
}

static void explain_words(FILE *out)
{
	struct pm_buf paths cleanup_buf = PM_BUF(0);

	pm_explain_paths(&paths);
	for (const char *s = pm_buf_str(&paths); *s != '\0'; s++)
		(void)fputc(*s == '\n' ? ' ' : *s, out);
}

static void bash(FILE *out)
{
	(void)fputs("# bash completion of podmox\n_podmox() {\n"
		    "  local cur=${COMP_WORDS[COMP_CWORD]} cmd= w\n"
		    "  for w in \"${COMP_WORDS[@]:1:COMP_CWORD-1}\"; do\n"
		    "    case $w in -*) ;; *) cmd=$w; break ;; esac\n  done\n  case $cmd in\n",
		out);
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++) {
		if (c->hidden)
			continue;
		(void)fprintf(out, "  %s) w=\"", c->name);
		words_of_options(c->options, out);
		words_of_options(pm_global_options, out);
		if (c->run == cmd_explain)
			explain_words(out);
		if (c->run == cmd_completion)
			(void)fputs("bash zsh fish", out);
		(void)fputs("\" ;;\n", out);
	}
	(void)fputs("  *) w=\"", out);
	words_of_commands(out);
	words_of_options(pm_global_options, out);
	(void)fputs(
		"\" ;;\n  esac\n"
		"  mapfile -t COMPREPLY < <(compgen -W \"$w\" -- \"$cur\"; compgen -f -- \"$cur\")\n"
		"}\ncomplete -o filenames -F _podmox podmox\n",
		out);
}

static void fish_options(const char *command, const struct pm_option *const *o, FILE *out)
{
	for (; o != NULL && *o != NULL; o++) {
		(void)fputs("complete -c podmox", out);
		if (command != NULL)
			(void)fprintf(out, " -n '__fish_seen_subcommand_from %s'", command);
		(void)fprintf(out, " -l %s", (*o)->name);
		if ((*o)->letter != 0)
			(void)fprintf(out, " -s %c", (*o)->letter);
		(void)fprintf(out, "%s -d \"%s\"\n", (*o)->value != NULL ? " -r" : "", (*o)->help);
	}
}

static void fish(FILE *out)
{
	(void)fputs("# fish completion of podmox\n", out);
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++) {
		if (c->hidden)
			continue;
		(void)fprintf(out, "complete -c podmox -n __fish_use_subcommand -a %s -d \"%s\"\n",
			c->name, c->summary);
		fish_options(c->name, c->options, out);
	}
	fish_options(NULL, pm_global_options, out);
}

int cmd_completion(struct pm_args *a)
{
	const char *shell = a->rest.v[0];

	if (strcmp(shell, "bash") == 0) {
		bash(stdout);
	} else if (strcmp(shell, "zsh") == 0) {
		(void)fputs(
			"#compdef podmox\nautoload -U +X bashcompinit && bashcompinit\n", stdout);
		bash(stdout);
	} else if (strcmp(shell, "fish") == 0) {
		fish(stdout);
	} else {
		(void)fprintf(stderr,
			"podmox: error: completion knows bash, zsh and fish, not \"%s\"\n", shell);
		return 64;
	}
	return 0;
}
