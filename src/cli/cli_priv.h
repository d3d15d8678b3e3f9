/* Shared by the commands that show and run plans, and by those that call PVE directly. */
#ifndef PM_CLI_CLI_PRIV_H
#define PM_CLI_CLI_PRIV_H

#include "cli/cli.h"
#include "pve/op.h"

/** The plan in the form asked for, on stdout. */
void pm_cli_plan(const struct pm_args *a, const struct pm_plan *p);

/** "pod/shop/web" as an object without a spec; NULL: it is something else, such as a path. */
struct pm_obj *pm_cli_named(struct pm_arena *arena, const char *text);

/** Passing --yes is the approval; otherwise a person at a terminal is asked. 0: go on. */
int pm_cli_approve(const struct pm_args *a, const char *question);

/** Exit status of a plan that is only shown. */
int pm_cli_plan_status(const struct pm_args *a, const struct pm_plan *p);

/* ---- session.c ---- */

/** The job of a command, with its arena; Ctrl-C cancels it from now on. */
void pm_cli_job(struct pm_job *j);

/** Reads the configuration; findings are printed. */
int pm_cli_config(const struct pm_args *a, struct pm_job *j, struct pm_config **ret,
	struct pm_error *err) PM_CHECK;

/* ---- client.c: a client of the configured cluster, without the pipeline ---- */

struct pm_client {
	struct pm_job job;
	struct pm_config *config;
	struct pm_transport *io;        /* the network */
	struct pm_transport *transport; /* what calls go through */
	struct pm_audit *audit;
	struct pm_pve *pve;
	bool verbose;
};

/** Opens it; nothing is sent. `writes` false: nothing but reads can leave, and no audit log is opened.
 * pm_client_close() must be called whatever comes back. */
int pm_client_open(
	const struct pm_args *a, bool writes, struct pm_client *c, struct pm_error *err) PM_CHECK;

/** With -v, tells on stderr what the client did. */
void pm_client_close(struct pm_client *c);
void pm_cli_statistics(const struct pm_pve_stats *pve, const struct pm_net_stats *net);

/* ---- direct_args.c: the arguments of a direct call ---- */

/** A direct call as it was written. */
struct pm_direct {
	const struct pm_args *a;
	const char *noun, *verb;
	enum pm_op_id id;
	enum pm_guest_type guest;
	const struct pm_op *op;
	bool at_once; /* `stop --force` */
	PM_VEC(struct pm_op_arg) args;
	PM_VEC(struct pm_secret *) secrets; /* values that were read from elsewhere */
	struct pm_arena *arena;             /* of texts that stand in no argument; borrowed */
};

/** Which call `noun` and a->rest mean, with its arguments as they stand there. */
int pm_direct_parse(const struct pm_args *a, struct pm_direct *d, struct pm_error *err) PM_CHECK;
void pm_direct_done(struct pm_direct *d);

/** Reads the values that are @file:PATH, @env:NAME or @credential:NAME; refuses secrets that stand on the
 * command line. `read` false: only refuse. */
int pm_direct_values(struct pm_direct *d, bool read, struct pm_error *err) PM_CHECK;

/** Parameters that the call takes for its kind of guest. */
bool pm_direct_takes(const struct pm_direct *d, const struct pm_param *p);
/** May it stand without its name? */
bool pm_direct_positional(const struct pm_op *op, const struct pm_param *p);
/** "NODE", "SIZE": what a parameter takes, for help. */
const char *pm_param_word(const struct pm_param *p);

/** Verbs of a noun: those of the table of calls and those of this program. Returns how many. */
size_t pm_direct_verbs(const char *noun, const char **ret, size_t n);
bool pm_direct_is_task_wait(const char *noun, const char *verb);
void pm_direct_help(const struct pm_args *a, FILE *out);

extern const struct pm_option *const pm_direct_options[];

/* ---- direct_run.c: what comes of a call ---- */

/** Follows a task, tells its log on stderr as it comes. */
int pm_direct_follow(struct pm_client *c, const struct pm_args *a, struct pm_task *t,
	struct pm_error *err) PM_CHECK;

/** Asks unless --yes was given. 0: go on; else the exit status. */
int pm_direct_approve(const struct pm_args *a, const char *question);

/** Prints a method, a path and a form instead of sending them. */
void pm_direct_dry_run(
	const struct pm_args *a, const char *method, const char *path, const char *form);

/* ---- table.c: answers of PVE for people ---- */

/** `data` in the form asked for. Columns: of a table of a list; NULL: key and value. */
void pm_answer_print(
	const struct pm_args *a, const char *noun, const char *columns, struct json_object *data);

/** A scalar as people read it: 1.5G, 3d 4h, 12%. `key` says what it measures. */
void pm_human(struct pm_buf *out, const char *key, struct json_object *v);

/** Columns of the terminal of stdout; 80 where it is none. */
unsigned pm_columns(void);

/** Bytes of as much of the text as fits into so many columns, in whole characters. */
size_t pm_fitting(const char *s, size_t n, unsigned columns);

/* ---- status.c: what a daemon answers, for people ---- */

void pm_status_human(struct json_object *data, bool colour, unsigned columns, struct pm_buf *out);
/** The last cycle and what became of it, in one sentence. */
void pm_cycle_human(struct json_object *data, unsigned columns, struct pm_buf *out);
/** `names`: only the objects, one a line. */
void pm_history_human(struct json_object *data, bool names, unsigned columns, struct pm_buf *out);

#endif
