/* What every command that talks to a cluster opens: configuration, pipeline, job, signals. */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/cli_priv.h"

static struct pm_cancel cancel;

/* The first signal asks the job to end; whoever repeats it wants out now. */
static void on_signal(int signo)
{
	(void)signo;
	if (atomic_exchange(&cancel.on, true))
		_exit(130);
}

/* The first signal cancels, the second ends the process at once. */
static struct pm_cancel *catch_signals(void)
{
	struct sigaction sa = { .sa_handler = on_signal, .sa_flags = SA_RESTART };

	(void)sigaction(SIGINT, &sa, NULL);
	(void)sigaction(SIGTERM, &sa, NULL);
	return &cancel;
}

void pm_cli_job(struct pm_job *j)
{
	memset(j, 0, sizeof(*j));
	j->arena = pm_arena_new(0);
	j->clock = &pm_clock_system;
	j->cancel = catch_signals();
	pm_diags_init(&j->diags, j->arena);
}

int pm_cli_config(
	const struct pm_args *a, struct pm_job *j, struct pm_config **ret, struct pm_error *err)
{
	int r = pm_config_open(a->config, ret, &j->diags, err);

	if (j->diags.first != NULL)
		pm_diags_print(&j->diags, stderr, 50);
	pm_diags_init(&j->diags, j->arena);
	return r;
}

int pm_cli_open(const struct pm_args *a, bool readonly, pm_event_fn *event, void *event_arg,
	struct pm_cli *s)
{
	struct pm_recon_opts o = { .readonly = readonly,
		.clock = &pm_clock_system,
		.workers = (unsigned)a->parallelism,
		.no_cache = a->no_cache,
		.event = event,
		.event_arg = event_arg };
	struct pm_error err = { 0 };
	int r;

	memset(s, 0, sizeof(*s));
	s->verbose = a->verbose;
	pm_cli_job(&s->job);
	r = pm_cli_config(a, &s->job, &s->config, &err);
	o.config = s->config;
	o.snapshot = a->live;
	o.record = a->record;
	if (r == 0)
		r = pm_recon_open(&o, &s->recon, &err);
	if (r == 0)
		return 0;
	pm_cli_close(s);
	return pm_cli_fail(&err);
}

void pm_cli_close(struct pm_cli *s)
{
	struct pm_pve_stats pve;
	struct pm_net_stats net;

	if (s->verbose && s->recon != NULL) {
		pm_recon_stats(s->recon, &pve, &net);
		pm_cli_statistics(&pve, &net);
	}
	pm_cycle_done(&s->cycle);
	pm_recon_free(s->recon);
	pm_source_free(s->source);
	pm_config_free(s->config);
	pm_arena_free(s->job.arena);
	memset(s, 0, sizeof(*s));
}

const char *pm_cli_source(struct pm_arena *a, const struct pm_config *config)
{
	const char *path = pm_rec_str(config->rec, PM_CONFIG_SOURCE_PATH, NULL);

	if (path == NULL || path[0] == '/')
		return path;
	return pm_arena_printf(a, "%s/%s", config->dir, path);
}

/* The paths of the command, or what the configuration names below source. NULL: there is neither, or it
 * cannot be read (told). */
static const char *const *paths_of(
	struct pm_cli *s, const struct pm_args *a, size_t *ret_n, int *ret_status)
{
	const char *path = pm_cli_source(s->job.arena, s->config);
	bool peek = a->dry_run || a->command->run != cmd_apply;
	struct pm_error err = { 0 };
	const char **v;

	if (a->rest.n > 0) {
		*ret_n = a->rest.n;
		return a->rest.v;
	}
	if (path == NULL && pm_source_configured(s->config->rec) &&
		pm_cli_git_path(s, peek, &path, &err) < 0) {
		*ret_status = pm_cli_fail(&err);
		return NULL;
	}
	if (path == NULL) {
		*ret_status = 64;
		(void)fprintf(stderr,
			"podmox: error: no path given, and %s names none under source.path or source.git\n",
			s->config->file);
		return NULL;
	}
	v = pm_new_n(s->job.arena, const char *, 1);
	v[0] = path;
	*ret_n = 1;
	return v;
}

/* "pod/shop/web" as people write it becomes "Pod/shop/web". */
static int parse_target(struct pm_cli *s, const char *text, const char **ret)
{
	const char *slash = strchr(text, '/');
	char word[32] = "";
	const struct pm_kind *k;

	if (slash != NULL && (size_t)(slash - text) < sizeof(word))
		memcpy(word, text, (size_t)(slash - text));
	k = pm_kind_named(word);
	if (k == NULL || slash == NULL || strchr(slash + 1, '/') == NULL) {
		(void)fprintf(stderr,
			"podmox: error: --target takes KIND/NAMESPACE/NAME as Pod/shop/web, not \"%s\"\n",
			text);
		return 64;
	}
	*ret = pm_arena_printf(s->job.arena, "%s%s", k->name, slash);
	return 0;
}

/* What the command line asks for. Exit status, 0: fine. */
static int make_ask(struct pm_cli *s, const struct pm_args *a, const struct pm_set *preloaded)
{
	struct pm_recon_ask ask = { .preloaded = preloaded,
		.plan = { .prune = a->prune,
			.allow_restart = a->allow_restart,
			.allow_replace = a->allow_replace,
			.max_deletes = -1,
			.prune_single = a->prune && a->target != NULL } };
	struct pm_error err = { 0 };
	int status = 0;

	if (a->target != NULL)
		status = parse_target(s, a->target, &ask.plan.target);
	if (status == 0 && a->max_deletes != NULL &&
		pm_plan_max_deletes(a->max_deletes, &ask.plan.max_deletes, &err) < 0)
		status = pm_cli_fail(&err);
	if (status != 0)
		return status;
	ask.plan.delete_all = strcmp(a->command->name, "delete") == 0;
	if (preloaded == NULL) {
		ask.paths = paths_of(s, a, &ask.npaths, &status);
		if (ask.paths == NULL)
			return status;
	}
	s->ask = ask;
	return 0;
}

int pm_cli_plan_ask(struct pm_cli *s, const struct pm_args *a)
{
	struct pm_error err = { 0 };
	int r = pm_recon_plan(s->recon, &s->job, &s->ask, &s->cycle, &err);

	if (r < 0 || (!a->quiet && (a->output == PM_OUT_HUMAN || a->output == PM_OUT_NAME))) {
		pm_diags_sort(&s->job.diags);
		pm_diags_print(&s->job.diags, stderr, 50);
	}
	return r < 0 ? pm_cli_fail(&err) : 0;
}

int pm_cli_make_plan(struct pm_cli *s, const struct pm_args *a, const struct pm_set *preloaded)
{
	int status = make_ask(s, a, preloaded);

	return status != 0 ? status : pm_cli_plan_ask(s, a);
}
