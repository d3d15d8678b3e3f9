/* Manifests of a Git repository for commands that are given no path. */
#include <stdio.h>

#include "cli/cli.h"

int pm_cli_git_open(const struct pm_config *config, bool peek, bool observer,
	struct pm_source **ret, struct pm_error *err)
{
	struct pm_buf set cleanup_buf = PM_BUF(0);
	struct pm_source_opts o = { .rec = config->rec,
		.config_dir = config->dir,
		.journal_dir = config->journal_dir,
		.peek = peek };

	(void)pm_buf_addf(&set, "%s%s", config->set, observer ? ".observer" : "");
	o.set = pm_buf_str(&set);
	return pm_source_open(&o, ret, err);
}

static void tell(const struct pm_source_state *s, const struct pm_error *err, bool read)
{
	char when[32];

	if (!read)
		(void)fprintf(stderr,
			"podmox: warning: %s; commit %.12s is used, as it was read at %s\n",
			err->msg, s->revision, pm_format_time(s->good_ms, when));
	if (s->held != NULL)
		(void)fprintf(stderr,
			"podmox: warning: commit %.12s is not taken: %s; commit %.12s is used\n",
			s->held, s->held_why, s->revision);
}

int pm_cli_git_path(struct pm_cli *s, bool peek, const char **ret, struct pm_error *err)
{
	struct pm_source_state state;
	int r = pm_cli_git_open(s->config, peek, false, &s->source, err);
	bool read;

	if (r < 0)
		return r;
	r = pm_source_poll(s->source, s->job.cancel, err);
	read = r == 0;
	pm_source_state(s->source, s->job.arena, &state);
	if (r == -PM_E_CANCELLED)
		return r;
	if (state.tree == NULL && read)
		return pm_error_set(err, PM_E_REFUSED, "commit %.12s is not taken: %s", state.held,
			state.held_why);
	if (state.tree == NULL)
		return r;
	tell(&state, err, read);
	*ret = state.tree;
	return 0;
}
