/* The configuration anew, between two cycles, while everything else goes on: what was read of manifests, which
 * objects fail, and who holds which lock. A configuration that is wrong changes nothing. */
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon_priv.h"

/* What belongs to the whole life of the daemon. */
static int check_same(
	const struct pm_config *old, const struct pm_config *new, struct pm_error *err)
{
	const char *what = NULL;

	if (!pm_str_eq(old->set, new->set))
		what = "set";
	else if (!pm_str_eq(old->journal_dir, new->journal_dir))
		what = "journal.dir";
	if (!what)
		return 0;
	return pm_error_set(err, PM_E_USAGE,
		"%s has changed in %s: that needs a restart of the daemon", what, new->file);
}

static bool same_value(const struct pm_config *x, const struct pm_config *y, unsigned row)
{
	const struct pm_field *f = &pm_kind_config.fields[row];
	struct pm_buf a cleanup_buf = PM_BUF(0);
	struct pm_buf b cleanup_buf = PM_BUF(0);

	pm_value_format(f, PM_MANIFEST, pm_rec_get(x->rec, row), &a);
	pm_value_format(f, PM_MANIFEST, pm_rec_get(y->rec, row), &b);
	return strcmp(pm_buf_str(&a), pm_buf_str(&b)) == 0;
}

/* Sockets and the source are opened once. */
static void tell_later(const struct pm_config *first, const struct pm_config *new)
{
	for (unsigned row = 0; row < pm_kind_config.nfields; row++) {
		const char *name = pm_kind_config.fields[row].name;

		if (!pm_str_starts(name, "agent.") && !pm_str_starts(name, "source."))
			continue;
		if (!same_value(first, new, row))
			pm_warning("a setting is in force from the next start on",
				PM_KV_S("setting", name));
	}
}

static int open_new(
	struct pm_keeper *k, struct pm_config **ret, struct pm_recon **ret_rc, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_config *c = NULL;
	struct pm_diags d;
	int r;

	pm_diags_init(&d, a);
	r = pm_config_open(k->config->file, &c, &d, err);
	(void)pm_tell_findings(&d, 0);
	if (r < 0 && d.first)
		return pm_error_set(err, err->code, "%s:%u: %s",
			d.first->pos.file ? d.first->pos.file : k->config->file, d.first->pos.line,
			d.first->msg);
	if (r < 0)
		return r;
	r = check_same(k->config, c, err);
	if (r == 0)
		r = pm_keeper_recon(k, c, ret_rc, err);
	if (r < 0) {
		pm_config_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

void pm_keeper_reload(struct pm_keeper *k)
{
	struct pm_config *c = NULL;
	struct pm_recon *rc = NULL;
	struct pm_error err = { 0 };

	if (open_new(k, &c, &rc, &err) < 0 || !c) {
		pm_error("the new configuration is not taken, the old one stays",
			PM_KV_S("error", err.msg));
		pm_board_config_why(k->board, err.msg);
		return;
	}
	pm_recon_free(k->rc);
	k->rc = rc;
	k->config = c;
	/* Whoever is told now reads the old configuration until then. */
	pm_keeper_announce(k);
	pm_config_free(k->owned);
	k->owned = c;
	pm_keeper_read_config(k);
	tell_later(k->o->config, c);
	pm_board_config_why(k->board, NULL);
	pm_tell_happened(k, (struct pm_board_entry){ .what = PM_HAP_RELOADED, .text = c->file });
	pm_info("the configuration was read anew", PM_KV_S("file", c->file));
}
