/* The command line: options, commands, forms of output. Result on stdout; progress, prompts and
 * findings on stderr. Only this room talks to a person. */
#ifndef PM_CLI_CLI_H
#define PM_CLI_CLI_H

#include <stdbool.h>
#include <stddef.h>

#include "base/vec.h"
#include "recon/recon.h"
#include "source/source.h"

enum pm_output { PM_OUT_HUMAN, PM_OUT_JSON, PM_OUT_YAML, PM_OUT_NAME, PM_OUT_SARIF, PM_OUT_GITHUB };

/** Everything that can be said on the command line. Texts are borrowed from argv. */
struct pm_args {
	/* global */
	const char *config, *output_word, *color, *log_format;
	bool verbose, quiet, help, no_cache;
	/* of commands */
	const char *target, *max_deletes, *out, *live, *node, *limit, *duration, *reason, *socket;
	bool prune, detailed_exitcode, yes, dry_run, allow_restart, allow_replace, observe, once;
	bool wait, no_wait, watch, all;
	int64_t parallelism;
	/* the rest */
	const struct pm_command *command;
	PM_VEC(const char *) rest; /* ends with NULL, not counted */
	size_t nplain;             /* the last so many of it stood behind "--" */
	/* made of it */
	bool record; /* what is read is kept, for a snapshot */
	enum pm_output output;
	bool colour, terminal; /* colour on stdout; stderr and stdin are a terminal */
};

enum pm_option_type { PM_OPT_FLAG, PM_OPT_TEXT, PM_OPT_NUMBER };

/** One option. The table is the only place that knows its name and its line of help. */
struct pm_option {
	const char *name; /* without the dashes */
	char letter;      /* 0: none */
	enum pm_option_type type;
	size_t offset;     /* in struct pm_args */
	const char *value; /* its name in help: "FILE"; NULL for flags */
	const char *help;
};

struct pm_command {
	const char *name, *args, *summary;
	const struct pm_option *const *options; /* ends with NULL; NULL: none */
	int (*run)(struct pm_args *a);          /* returns the exit status */
	int min_args, max_args;                 /* max -1: any number */
	bool hidden;                            /* for the build, not for people */
	/** Its words and further options come from another table: options that are not in `options` stay
	 * in the rest, and this prints its help. NULL: no such table. */
	void (*help)(const struct pm_args *a, FILE *out);
};

extern const struct pm_command pm_commands[]; /* ends with a row without a name */
extern const struct pm_option *const pm_global_options[];

/** Parses; false: `err` says what is wrong, or a->help is set. */
bool pm_args_parse(int argc, char **argv, struct pm_args *a, struct pm_error *err);
void pm_args_done(struct pm_args *a);

/** The command of that name; NULL: there is none. */
const struct pm_command *pm_command_named(const char *name);

/** Help of the program or of a->command, on stdout or (wrong usage) on stderr. */
void pm_help_print(const struct pm_args *a, FILE *out);
void pm_help_options(const struct pm_option *const *options, FILE *out);
void pm_help_line(const char *left, const char *text, FILE *out); /* two columns, text wrapped */

int cmd_validate(struct pm_args *a);
int cmd_plan(struct pm_args *a);
int cmd_apply(struct pm_args *a);
int cmd_snapshot(struct pm_args *a);
int cmd_export(struct pm_args *a);
int cmd_adopt(struct pm_args *a);
int cmd_forget(struct pm_args *a);
int cmd_move(struct pm_args *a);
int cmd_delete(struct pm_args *a);
int cmd_watch(struct pm_args *a);
int cmd_get(struct pm_args *a);
int cmd_describe(struct pm_args *a);
int cmd_schema(struct pm_args *a);
int cmd_explain(struct pm_args *a);
int cmd_completion(struct pm_args *a);
int cmd_version(struct pm_args *a);
int cmd_help(struct pm_args *a);
int cmd_generate(struct pm_args *a);
int cmd_audit(struct pm_args *a);
int cmd_direct(struct pm_args *a);
int cmd_api(struct pm_args *a);
int cmd_doctor(struct pm_args *a);
int cmd_complete(struct pm_args *a);
int cmd_status(struct pm_args *a);
int cmd_history(struct pm_args *a);
int cmd_suspend(struct pm_args *a);
int cmd_resume(struct pm_args *a);
int cmd_reconcile(struct pm_args *a);
int cmd_approve(struct pm_args *a);

/* ---- output.c ---- */

/** Prints an error on stderr as "podmox: error: ..." and returns the exit status of its code. */
int pm_cli_fail(const struct pm_error *err);

/** Findings as people or CI like them: human and github on stderr or stdout, json and sarif on stdout. */
void pm_cli_findings(const struct pm_args *a, struct pm_diags *d, FILE *out);

/** JSON text on stdout, as YAML when that was asked for. */
void pm_cli_document(const struct pm_args *a, const struct pm_buf *json);

/** Writes JSON text as YAML. */
void pm_yaml_from_json(char *json, size_t n, struct pm_buf *out);

/** Asks a yes/no question on the terminal, default No. */
bool pm_cli_confirm(const char *question);

/* ---- session.c: what every command that talks to a cluster opens ---- */

struct pm_cli {
	struct pm_config *config;
	struct pm_recon *recon;
	struct pm_job job;
	struct pm_recon_ask ask;
	struct pm_cycle cycle;
	struct pm_source *source; /* that the paths come from; NULL: from folders */
	bool verbose;             /* tell in the end what the client did */
};

/** Opens configuration and pipeline; on failure everything is printed and the exit status returned, 0
 * otherwise. Installs the handlers of SIGINT and SIGTERM that cancel the job (the second one ends the
 * process). */
int pm_cli_open(const struct pm_args *a, bool readonly, pm_event_fn *event, void *event_arg,
	struct pm_cli *s);
void pm_cli_close(struct pm_cli *s);

/** source.path of the configuration, from its directory on; NULL: there is none. */
const char *pm_cli_source(struct pm_arena *a, const struct pm_config *config);

/** Opens the repository of the configuration. `peek`: only to look. `observer`: beside a daemon, with a
 * mirror of its own. */
int pm_cli_git_open(const struct pm_config *config, bool peek, bool observer,
	struct pm_source **ret, struct pm_error *err) PM_CHECK;

/** The folder of the last commit that may be taken, and s->source, which keeps it. What is held, or that
 * the remote is away, is told on stderr. */
int pm_cli_git_path(struct pm_cli *s, bool peek, const char **ret, struct pm_error *err) PM_CHECK;

/** Plans as the arguments ask. Exit status, 0: done. Findings are printed. */
/** Plans what s->ask says. Exit status, 0: done. Findings are printed. */
int pm_cli_plan_ask(struct pm_cli *s, const struct pm_args *a);
int pm_cli_make_plan(struct pm_cli *s, const struct pm_args *a, const struct pm_set *preloaded);

/* ---- progress.c ---- */

struct pm_progress;
struct pm_progress *pm_progress_new(const struct pm_args *a);
void pm_progress_event(void *progress, const struct pm_event *e);
void pm_progress_free(struct pm_progress *p);

#endif
