/* The tables of commands and options. */
#include <string.h>

#include "cli/cli_priv.h"

#define FLAG(id, word, ch, text)                                   \
	static const struct pm_option opt_##id = { .name = (word), \
		.letter = (ch),                                    \
		.type = PM_OPT_FLAG,                               \
		.offset = offsetof(struct pm_args, id),            \
		.help = (text) }
#define TEXT(id, word, ch, val, text)                              \
	static const struct pm_option opt_##id = { .name = (word), \
		.letter = (ch),                                    \
		.type = PM_OPT_TEXT,                               \
		.offset = offsetof(struct pm_args, id),            \
		.value = (val),                                    \
		.help = (text) }
#define NUMBER(id, word, ch, val, text)                            \
	static const struct pm_option opt_##id = { .name = (word), \
		.letter = (ch),                                    \
		.type = PM_OPT_NUMBER,                             \
		.offset = offsetof(struct pm_args, id),            \
		.value = (val),                                    \
		.help = (text) }

TEXT(config, "config", 'c', "FILE", "configuration; see podmox(1) for where else");
TEXT(output_word, "output", 'o', "FORM", "human, json, yaml, name, sarif, github");
TEXT(color, "color", 0, "WHEN", "auto, always or never; NO_COLOR is honoured");
TEXT(log_format, "log-format", 0, "FORM", "log lines as text or json");
FLAG(verbose, "verbose", 'v', "tell more on stderr");
FLAG(quiet, "quiet", 'q', "tell errors only");
FLAG(help, "help", 'h', "this help");
FLAG(no_cache, "no-cache", 0, "ask the cluster for everything anew");
TEXT(target, "target", 0, "KIND/NS/NAME", "only this object; a partial plan never prunes");
TEXT(max_deletes, "max-deletes", 0, "N|N%",
	"most deletions of this run (3 or 10%, the larger one)");
TEXT(node, "node", 0, "NODE", "only guests on this node");
TEXT(out, "out", 0, "FILE", "save the plan, for apply FILE to do just that");
TEXT(live, "live", 0, "FILE", "plan against a snapshot instead of the cluster");
FLAG(prune, "prune", 0, "delete what the set owns and the manifests no longer name");
FLAG(detailed_exitcode, "detailed-exitcode", 0, "exit 2 when changes are pending");
FLAG(yes, "yes", 'y', "do not ask");
FLAG(dry_run, "dry-run", 0, "show the plan, change nothing");
FLAG(allow_restart, "allow-restart", 0, "restart guests for changes that need it");
FLAG(allow_replace, "allow-replace", 0,
	"replace guests whose manifest says lifecycle.replace: allow");
FLAG(observe, "observe", 0, "plan and tell, write nothing");
FLAG(once, "once", 0, "one cycle, then end");
FLAG(wait, "wait", 0, "follow the task to its end; the default");
FLAG(no_wait, "no-wait", 0, "print the task and end");
NUMBER(parallelism, "parallelism", 0, "N", "actions at once (4); PVE's own limits are kept anyway");

TEXT(limit, "limit", 0, "N", "that many of the last records (20)");
TEXT(socket, "socket", 0, "PATH",
	"where the daemon listens, instead of what the configuration says");
FLAG(watch, "watch", 0, "show it again as it changes, until Ctrl-C");
FLAG(all, "all", 0, "objects that are as they should be, too");
TEXT(duration, "for", 0, "TIME", "resume by itself after 30m, 2h, 1d12h, ...");
TEXT(reason, "reason", 0, "TEXT", "why, for those who ask for the status");
static const struct pm_option opt_no_wait_cycle = { .name = "no-wait",
	.type = PM_OPT_FLAG,
	.offset = offsetof(struct pm_args, no_wait),
	.help = "do not wait for the end of the cycle" };

const struct pm_option *const pm_global_options[] = { &opt_config, &opt_output_word, &opt_color,
	&opt_log_format, &opt_verbose, &opt_quiet, &opt_no_cache, &opt_help, NULL };

static const struct pm_option *const own_options[] = { &opt_yes, &opt_dry_run, NULL };
static const struct pm_option *const export_options[] = { &opt_node, NULL };
static const struct pm_option *const plan_options[] = { &opt_out, &opt_live, &opt_prune,
	&opt_target, &opt_allow_restart, &opt_allow_replace, &opt_max_deletes,
	&opt_detailed_exitcode, NULL };
static const struct pm_option *const apply_options[] = { &opt_yes, &opt_dry_run, &opt_prune,
	&opt_target, &opt_parallelism, &opt_allow_restart, &opt_allow_replace, &opt_max_deletes,
	&opt_detailed_exitcode, NULL };
static const struct pm_option *const delete_options[] = { &opt_yes, &opt_dry_run, &opt_parallelism,
	&opt_max_deletes, &opt_detailed_exitcode, NULL };
const struct pm_option *const pm_direct_options[] = { &opt_yes, &opt_dry_run, &opt_wait,
	&opt_no_wait, NULL };
static const struct pm_option *const audit_options[] = { &opt_limit, NULL };
static const struct pm_option *const watch_options[] = { &opt_observe, &opt_once, &opt_prune,
	&opt_allow_restart, &opt_allow_replace, NULL };

static const struct pm_option *const status_options[] = { &opt_watch, &opt_all,
	&opt_detailed_exitcode, &opt_socket, NULL };
static const struct pm_option *const history_options[] = { &opt_limit, &opt_socket, NULL };
static const struct pm_option *const suspend_options[] = { &opt_duration, &opt_reason, &opt_socket,
	NULL };
static const struct pm_option *const daemon_options[] = { &opt_socket, NULL };
static const struct pm_option *const reconcile_options[] = { &opt_no_wait_cycle, &opt_socket,
	NULL };

#define DIRECT(noun, text)                                                                         \
	{                                                                                          \
		(noun), "VERB [ARGUMENT...]", (text), pm_direct_options, cmd_direct, 0, -1, false, \
			pm_direct_help                                                             \
	}

const struct pm_command pm_commands[] = {
	{ "validate", "PATH...", "Read and check manifests; no network.", NULL, cmd_validate, 1, -1,
		false, NULL },
	{ "plan", "[PATH...]", "Show what would be done.", plan_options, cmd_plan, 0, -1, false,
		NULL },
	{ "export", "[VMID...]", "Write manifests for guests that are there.", export_options,
		cmd_export, 0, -1, false, NULL },
	{ "adopt", "[PATH...]", "Take over guests that podmox did not make; nothing else changes.",
		own_options, cmd_adopt, 0, -1, false, NULL },
	{ "forget", "KIND/NS/NAME...", "Give guests back to nobody; nothing else changes.",
		own_options, cmd_forget, 1, -1, false, NULL },
	{ "move", "OLD NEW", "Give a guest another name in the manifests, as KIND/NS/NAME.",
		own_options, cmd_move, 2, 2, false, NULL },
	{ "snapshot", "FILE", "Save the live state, for plans without a cluster.", NULL,
		cmd_snapshot, 1, 1, false, NULL },
	{ "apply", "[PATH...|PLANFILE]", "Plan, ask, execute, verify.", apply_options, cmd_apply, 0,
		-1, false, NULL },
	{ "delete", "PATH...|KIND/NS/NAME...", "Remove objects of the set.", delete_options,
		cmd_delete, 1, -1, false, NULL },
	{ "watch", "[PATH]", "Keep the cluster equal to a directory, until told to end.",
		watch_options, cmd_watch, 0, 1, false, NULL },
	{ "status", "", "What the daemon wants, has applied, holds back, and does next.",
		status_options, cmd_status, 0, 0, false, NULL },
	{ "history", "[KIND/NS/NAME]", "What the daemon has done and seen.", history_options,
		cmd_history, 0, 1, false, NULL },
	{ "suspend", "[KIND/NS/NAME]", "Have the daemon leave one object alone, or everything.",
		suspend_options, cmd_suspend, 0, 1, false, NULL },
	{ "resume", "[KIND/NS/NAME]", "End what suspend began.", daemon_options, cmd_resume, 0, 1,
		false, NULL },
	{ "reconcile", "", "Have the daemon look at everything now, and wait for its end.",
		reconcile_options, cmd_reconcile, 0, 0, false, NULL },
	{ "approve", "[REVISION]", "Let a revision pass that the daemon holds back.",
		daemon_options, cmd_approve, 0, 1, false, NULL },
	{ "get", "KIND [NAME]", "List live objects with ownership and sync state.", NULL, cmd_get,
		1, 2, false, NULL },
	{ "describe", "KIND/NS/NAME", "Tell everything about one object.", NULL, cmd_describe, 1, 1,
		false, NULL },
	DIRECT("ct", "Containers: list, start, stop, create, clone, set, ..."),
	DIRECT("vm", "Virtual machines: the same."),
	DIRECT("node", "Nodes: list, status, services, tasks, ..."),
	DIRECT("storage", "Storages and what is on them."),
	DIRECT("task", "Tasks: status, log, wait, stop."),
	DIRECT("pool", "Pools: list, create, set, delete."),
	DIRECT("cluster", "Resources, status, free VMID, permissions."),
	{ "api", "get|post|put|delete PATH [KEY=VALUE...]", "Any call of PVE.", pm_direct_options,
		cmd_api, 2, -1, false, NULL },
	{ "doctor", "[PATH...]", "Check connection, rights, clock, and what manifests need.", NULL,
		cmd_doctor, 0, -1, false, NULL },
	{ "audit", "[verify]", "Records of the audit log, or whether its chain is whole.",
		audit_options, cmd_audit, 0, 1, false, NULL },
	{ "schema", "[KIND]", "JSON Schema of the manifests, for editors and CI.", NULL, cmd_schema,
		0, 1, false, NULL },
	{ "explain", "KIND.FIELD", "What a field means, as Pod.spec.rootfs.size.", NULL,
		cmd_explain, 1, 1, false, NULL },
	{ "completion", "bash|zsh|fish", "Completion script for a shell.", NULL, cmd_completion, 1,
		1, false, NULL },
	{ "version", "", "Version of the program and its libraries.", NULL, cmd_version, 0, 0,
		false, NULL },
	{ "help", "[COMMAND [VERB]]", "This help, or a command's.", NULL, cmd_help, 0, 2, false,
		NULL },
	{ "complete", "WORD...", "What could stand there.", NULL, cmd_complete, 0, -1, true, NULL },
	{ "generate", "DIR", "Write schemas and reference pages below DIR.", NULL, cmd_generate, 1,
		1, true, NULL },
	{ 0 },
};

const struct pm_command *pm_command_named(const char *name)
{
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++)
		if (strcmp(c->name, name) == 0)
			return c;
	return NULL;
}
