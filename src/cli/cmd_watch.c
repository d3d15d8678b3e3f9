/* podmox watch: the daemon, in the foreground. */
#include <stdio.h>

#include "base/journal.h"
#include "base/log.h"
#include "base/text.h"
#include "cli/cli.h"
#include "daemon/daemon.h"

/* What is to be watched: a folder, or a repository. */
static int choose_source(const struct pm_args *a, struct pm_arena *arena,
	const struct pm_config *config, struct pm_daemon_opts *o, struct pm_error *err)
{
	int r;

	o->dir = a->rest.n > 0 ? a->rest.v[0] : pm_cli_source(arena, config);
	if (o->dir != NULL)
		return 0;
	if (!pm_source_configured(config->rec))
		return pm_error_set(err, PM_E_USAGE,
			"no directory given, and %s names none under source.path or source.git",
			config->file);
	r = pm_cli_git_open(config, false, a->observe, &o->source, err);
	if (r == 0)
		o->dir = pm_source_dir(o->source);
	return r;
}

int cmd_watch(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_config *config = NULL;
	struct pm_diags diags;
	struct pm_error err = { 0 };
	struct pm_daemon_opts o = { .observe = a->observe,
		.once = a->once,
		.prune = a->prune,
		.allow_restart = a->allow_restart,
		.allow_replace = a->allow_replace };
	int r;

	pm_diags_init(&diags, arena);
	r = pm_config_open(a->config, &config, &diags, &err);
	pm_diags_print(&diags, stderr, 50);
	if (r < 0)
		return pm_cli_fail(&err);
	r = choose_source(a, arena, config, &o, &err);
	if (r == 0) {
		o.config = config;
		if (!a->verbose && !a->quiet)
			pm_log_setup(PM_LOG_INFO, pm_str_eq(a->log_format, "json"));
		(void)pm_journal_use(NULL);
		r = pm_daemon_run(&o, &err);
	}
	pm_source_free(o.source);
	pm_config_free(config);
	return r < 0 ? pm_cli_fail(&err) : 0;
}
