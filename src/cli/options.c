/* Reads the command line by tables: global options anywhere, a command's own options after it. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cli.h"

static const struct pm_option *find_in(
	const struct pm_option *const *options, const char *name, size_t n, char letter)
{
	for (; options != NULL && *options != NULL; options++) {
		if (letter != 0 && (*options)->letter == letter)
			return *options;
		if (letter == 0 && strlen((*options)->name) == n &&
			memcmp((*options)->name, name, n) == 0)
			return *options;
	}
	return NULL;
}

static const struct pm_option *find_option(
	const struct pm_command *c, const char *name, size_t n, char letter)
{
	const struct pm_option *o = find_in(pm_global_options, name, n, letter);

	if (o == NULL && c != NULL)
		o = find_in(c->options, name, n, letter);
	return o;
}

static size_t collect_names(
	const struct pm_option *const *options, const char **names, size_t n, size_t most)
{
	for (; options != NULL && *options != NULL && n < most; options++)
		names[n++] = (*options)->name;
	return n;
}

static int unknown_option(const struct pm_command *c, const char *arg, struct pm_error *err)
{
	const char *names[64];
	size_t n = collect_names(pm_global_options, names, 0, PM_COUNT(names));
	const char *bare = arg + strspn(arg, "-"), *near;

	if (c == NULL && pm_command_named(bare) != NULL)
		return pm_error_set(err, PM_E_USAGE,
			"unknown option %s; %s is a command: podmox %s", arg, bare, bare);
	if (c != NULL)
		n = collect_names(c->options, names, n, PM_COUNT(names));
	near = pm_nearest(bare, names, n);
	if (near != NULL)
		return pm_error_set(
			err, PM_E_USAGE, "unknown option %s; did you mean --%s?", arg, near);
	if (c == NULL)
		return pm_error_set(err, PM_E_USAGE, "unknown option %s before the command", arg);
	return pm_error_set(err, PM_E_USAGE, "unknown option %s of %s; see podmox %s --help", arg,
		c->name, c->name);
}

static int set_option(
	struct pm_args *a, const struct pm_option *o, const char *value, struct pm_error *err)
{
	void *where = (char *)a + o->offset;

	switch (o->type) {
	case PM_OPT_FLAG:
		if (value != NULL)
			return pm_error_set(err, PM_E_USAGE, "--%s takes no value", o->name);
		*(bool *)where = true;
		return 0;
	case PM_OPT_TEXT:
		*(const char **)where = value;
		return 0;
	case PM_OPT_NUMBER:
		if (pm_parse_int(value, 1, 1000, (int64_t *)where) < 0)
			return pm_error_set(err, PM_E_USAGE,
				"--%s takes a whole number from 1 to 1000, not \"%s\"", o->name,
				value);
		return 0;
	}
	return pm_error_set(err, PM_E_BUG, "option %s has no type", o->name);
}

/* One argument that starts with a dash; *i moves on when it takes the next one as its value. */
static int parse_option(int argc, char **argv, int *i, struct pm_args *a, struct pm_error *err)
{
	const char *arg = argv[*i];
	bool is_long = arg[1] == '-';
	const char *eq = is_long ? strchr(arg, '=') : NULL;
	size_t n = eq != NULL ? (size_t)(eq - arg) - 2 : strlen(arg) - (is_long ? 2 : 0);
	const struct pm_option *o =
		find_option(a->command, is_long ? arg + 2 : "", n, is_long ? '\0' : arg[1]);
	const char *value = eq != NULL ? eq + 1 : NULL;

	if (o == NULL && a->command != NULL && a->command->help != NULL) {
		pm_vec_push(&a->rest, arg);
		return 0;
	}
	if (o == NULL)
		return unknown_option(a->command, arg, err);
	if (!is_long && arg[2] != '\0') {
		if (o->type == PM_OPT_FLAG)
			return pm_error_set(
				err, PM_E_USAGE, "%s: write one-letter options one by one", arg);
		value = arg + 2;
	}
	if (o->type != PM_OPT_FLAG && value == NULL) {
		if (*i + 1 >= argc)
			return pm_error_set(
				err, PM_E_USAGE, "--%s needs a value: %s", o->name, o->value);
		value = argv[++*i];
	}
	return set_option(a, o, value, err);
}

static int set_command(struct pm_args *a, const char *name, struct pm_error *err)
{
	const char *names[64];
	size_t n = 0;
	const char *near;

	a->command = pm_command_named(name);
	if (a->command != NULL)
		return 0;
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++) {
		if (!c->hidden && n < PM_COUNT(names))
			names[n++] = c->name;
	}
	near = pm_nearest(name, names, n);
	if (near != NULL)
		return pm_error_set(
			err, PM_E_USAGE, "unknown command \"%s\"; did you mean %s?", name, near);
	return pm_error_set(
		err, PM_E_USAGE, "unknown command \"%s\"; podmox --help lists them", name);
}

static int check_count(const struct pm_args *a, struct pm_error *err)
{
	const struct pm_command *c = a->command;
	int n = (int)a->rest.n;

	if (n < c->min_args)
		return pm_error_set(err, PM_E_USAGE, "%s needs %s; see podmox %s --help", c->name,
			c->args, c->name);
	if (c->max_args >= 0 && n > c->max_args)
		return pm_error_set(err, PM_E_USAGE, "%s: unexpected argument \"%s\"", c->name,
			a->rest.v[c->max_args]);
	return 0;
}

static int choose(const char *what, const char *word, const char *const *choices, unsigned *ret,
	struct pm_error *err)
{
	for (unsigned i = 0; choices[i] != NULL; i++) {
		if (strcmp(choices[i], word) == 0) {
			*ret = i;
			return 0;
		}
	}
	return pm_error_set(err, PM_E_USAGE, "%s does not take \"%s\"", what, word);
}

static int finish(struct pm_args *a, struct pm_error *err)
{
	static const char *const outputs[] = { "human", "json", "yaml", "name", "sarif", "github",
		NULL };
	static const char *const colours[] = { "auto", "always", "never", NULL };
	static const char *const logs[] = { "text", "json", NULL };
	unsigned out = PM_OUT_HUMAN;
	unsigned colour = 0;
	unsigned log = 0;

	if (a->output_word != NULL && choose("-o", a->output_word, outputs, &out, err) < 0)
		return -(int)err->code;
	if (a->color != NULL && choose("--color", a->color, colours, &colour, err) < 0)
		return -(int)err->code;
	if (a->log_format != NULL && choose("--log-format", a->log_format, logs, &log, err) < 0)
		return -(int)err->code;
	if (out >= PM_OUT_SARIF && strcmp(a->command->name, "validate") != 0)
		return pm_error_set(err, PM_E_USAGE, "-o %s is for validate only", a->output_word);
	a->output = (enum pm_output)out;
	a->terminal = isatty(STDIN_FILENO) && isatty(STDERR_FILENO);
	a->colour = colour == 1;
	if (colour == 0)
		a->colour = isatty(STDOUT_FILENO) && secure_getenv("NO_COLOR") == NULL &&
			    !pm_str_eq(secure_getenv("TERM"), "dumb");
	pm_log_setup(a->verbose ? PM_LOG_DEBUG
		     : a->quiet ? PM_LOG_ERROR
				: PM_LOG_WARNING,
		log == 1);
	return 0;
}

static int parse_all(int argc, char **argv, struct pm_args *a, struct pm_error *err)
{
	bool only_rest = false;

	for (int i = 1; i < argc; i++) {
		int r = 0;

		if (!only_rest && strcmp(argv[i], "--") == 0) {
			only_rest = true;
		} else if (!only_rest && argv[i][0] == '-' && argv[i][1] != '\0') {
			r = parse_option(argc, argv, &i, a, err);
		} else if (a->command == NULL) {
			r = set_command(a, argv[i], err);
		} else {
			pm_vec_push(&a->rest, argv[i]);
			a->nplain += only_rest;
		}
		if (r < 0)
			return r;
	}
	pm_vec_push(&a->rest, NULL);
	a->rest.n--;
	return 0;
}

bool pm_args_parse(int argc, char **argv, struct pm_args *a, struct pm_error *err)
{
	if (parse_all(argc, argv, a, err) < 0)
		return false;
	if (a->help)
		return false;
	if (a->command == NULL) {
		(void)pm_error_set(err, PM_E_USAGE, "no command given; podmox --help lists them");
		return false;
	}
	return check_count(a, err) == 0 && finish(a, err) == 0;
}

void pm_args_done(struct pm_args *a)
{
	pm_vec_done(&a->rest);
}
