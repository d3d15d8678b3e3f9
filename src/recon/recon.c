/* One cycle, from a directory of manifests to a report. Read it from the bottom: pm_recon_plan says what
 * a plan is made of, pm_recon_apply what becomes of it; what stands above are the parts. */
#include <string.h>

#include "model/ignore.h"
#include "recon/recon_priv.h"
#include "recon/snapshot.h"

struct pm_recon {
	struct pm_recon_opts o;
	struct pm_transport *transport; /* what calls go through */
	bool owns_transport;
	struct pm_transport *io;        /* the network inside of it; NULL: none was started */
	const char *made;               /* of the snapshot; NULL: none */
	struct pm_transport *recording; /* inside of it; NULL: none */
	struct pm_audit *audit;
	struct pm_pve *pve;
};

/* ---- opening ---- */

static int open_transport(struct pm_recon *rc, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	struct pm_net_opts net = { .clock = rc->o.clock,
		.requests_per_second = (unsigned)pm_rec_int(cfg->cluster, PM_CLUSTER_RATE, 0) };
	int r;

	if (rc->o.transport) {
		rc->transport = rc->o.transport;
	} else if (rc->o.snapshot) {
		r = pm_snapshot_open(rc->o.snapshot, &rc->transport, &rc->made, err);
		if (r < 0)
			return r;
		rc->owns_transport = true;
	} else {
		r = pm_io_start(&net, &rc->transport, err);
		if (r < 0)
			return r;
		rc->io = rc->transport;
		rc->owns_transport = true;
	}
	if (!rc->o.readonly && !rc->o.record)
		return 0;
	if (!rc->owns_transport)
		rc->transport = pm_transport_borrow(rc->transport);
	if (rc->o.record)
		rc->transport = rc->recording = pm_transport_record(rc->transport);
	rc->transport = pm_transport_readonly(rc->transport);
	rc->owns_transport = true;
	return 0;
}

static int open_pve(struct pm_recon *rc, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	const struct pm_value *allow = pm_rec_get(cfg->rec, PM_CONFIG_POLICY_ALLOW);
	struct pm_pve_opts o = { .cluster = cfg->cluster,
		.config_dir = cfg->dir,
		.allow = allow->state == PM_SET ? allow->u.list : NULL,
		.transport = rc->transport,
		.clock = rc->o.clock,
		.seed = rc->o.seed,
		.offline = rc->o.snapshot != NULL,
		.no_cache = rc->o.no_cache };
	int r;

	/* Who only reads leaves no trace, and needs no right to write the log. */
	if (!rc->o.readonly) {
		r = pm_audit_open(cfg->audit_file, &rc->audit, err);
		if (r < 0)
			return pm_error_wrap(err, "the audit log");
		pm_audit_rotate(rc->audit, cfg->audit_rotate, cfg->audit_keep);
	}
	o.audit = rc->audit;
	return pm_pve_open(&o, &rc->pve, err);
}

int pm_recon_open(const struct pm_recon_opts *o, struct pm_recon **ret, struct pm_error *err)
{
	struct pm_recon *rc = pm_xcalloc(1, sizeof(*rc));
	int r;

	rc->o = *o;
	r = open_transport(rc, err);
	if (r == 0)
		r = open_pve(rc, err);
	if (r < 0) {
		pm_recon_free(rc);
		return r;
	}
	*ret = rc;
	return 0;
}

void pm_recon_free(struct pm_recon *rc)
{
	if (!rc)
		return;
	pm_pve_free(rc->pve);
	pm_audit_close(rc->audit);
	if (rc->owns_transport)
		pm_transport_free(rc->transport);
	free(rc);
}

struct pm_pve *pm_recon_pve(struct pm_recon *rc)
{
	return rc->pve;
}

const char *pm_recon_snapshot_made(const struct pm_recon *rc)
{
	return rc->made;
}

void pm_recon_stats(struct pm_recon *rc, struct pm_pve_stats *ret, struct pm_net_stats *ret_net)
{
	memset(ret_net, 0, sizeof(*ret_net));
	pm_pve_stats(rc->pve, ret);
	if (rc->io)
		pm_io_stats(rc->io, ret_net);
}

void pm_cycle_done(struct pm_cycle *c)
{
	pm_set_done(&c->want);
	pm_set_done(&c->have);
}

/* ---- parts of a plan ---- */

/* Most of the cluster is read without knowing what is wanted. */
static int read_live(struct pm_recon *rc, struct pm_loader *l, const struct pm_recon_ask *ask,
	struct pm_cycle *c, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	struct pm_scope scope = { .set = cfg->set,
		.want = &c->want,
		.await = pm_loader_wait,
		.await_arg = l,
		.vmid_low = cfg->vmid_low,
		.vmid_high = cfg->vmid_high,
		.reading = ask->reading,
		.oldest_ns = ask->oldest_ns };
	int r = pm_pve_live(rc->pve, pm_loader_meanwhile(l), &scope, &c->have, err);

	return r < 0 ? pm_error_wrap(err, "reading the cluster") : 0;
}

static struct pm_plan_opts plan_opts(
	const struct pm_config *cfg, const struct pm_recon_ask *ask, const struct pm_load *l)
{
	struct pm_plan_opts o = ask->plan;

	o.set = cfg->set;
	o.root = l->root;
	o.vmid_low = cfg->vmid_low;
	o.vmid_high = cfg->vmid_high;
	o.whole = l->whole;
	o.out = l->out;
	o.prune_single = o.prune_single || l->single_file;
	return o;
}

static int new_exec(
	struct pm_recon *rc, const struct pm_cycle *c, struct pm_exec **ret, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	struct pm_exec_opts o = { .pve = rc->pve,
		.set = cfg->set,
		.root = c->load.root,
		.journal_dir = cfg->journal_dir,
		.vmid_low = cfg->vmid_low,
		.vmid_high = cfg->vmid_high,
		.exact = c->exact,
		.workers = rc->o.workers,
		.lock_wait_s = rc->o.lock_wait_s,
		.hurry = rc->o.hurry,
		.event = rc->o.event,
		.event_arg = rc->o.event_arg,
		.seed = rc->o.seed };

	return pm_exec_new(&o, ret, err);
}

/* A run that was killed may have left tasks at work. What they make should be in the plan, so their ends
 * come before the cluster is read. And while another podmox works on the set, a plan would be of what is about to change. */
static int wait_for_earlier(struct pm_recon *rc, struct pm_job *j, struct pm_error *err)
{
	static const struct pm_cycle nothing;
	const struct pm_config *cfg = rc->o.config;
	struct pm_setlock *lock = NULL;
	struct pm_exec *e = NULL;
	int r;

	if (rc->o.readonly)
		return 0;
	r = pm_setlock_take(cfg->journal_dir, cfg->set, &lock, err);
	if (r < 0)
		return r;
	r = new_exec(rc, &nothing, &e, err);
	if (r == 0)
		r = pm_exec_recover(e, j, err);
	pm_exec_free(e);
	pm_setlock_release(lock);
	return r;
}

/* ---- the two things it does ---- */

int pm_recon_plan(struct pm_recon *rc, struct pm_job *j, const struct pm_recon_ask *ask,
	struct pm_cycle *ret, struct pm_error *err)
{
	struct pm_plan_opts o;
	struct pm_loader *l;
	int r;

	memset(ret, 0, sizeof(*ret));
	ret->want.arena = ret->have.arena = j->arena;

	/* Both sides are read at once: manifests need the processor, the cluster needs patience. */
	l = pm_loader_start(ask, j, ret);
	r = wait_for_earlier(rc, pm_loader_meanwhile(l), err);
	if (r == 0)
		r = read_live(rc, l, ask, ret, err);
	r = pm_loader_end(l, r, err);
	if (r < 0)
		return r;

	pm_ignore_rules(j->arena, rc->o.config->rec, &ret->want);
	o = plan_opts(rc->o.config, ask, &ret->load);
	return pm_plan_build(&ret->want, &ret->have, &o, &j->diags, &ret->plan, err);
}

int pm_recon_live(struct pm_recon *rc, struct pm_job *j, struct pm_set *ret, struct pm_error *err)
{
	const struct pm_scope all = { .set = rc->o.config->set, .all = true };

	return pm_pve_live(rc->pve, j, &all, ret, err);
}

int pm_recon_snapshot(struct pm_recon *rc, struct pm_job *j, const char *file, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	const struct pm_snapshot_facts facts = { .set = cfg->set,
		.cluster = pm_pve_cluster_name(rc->pve),
		.made_ms = pm_wall_ms(rc->o.clock) };
	struct pm_set have = { .arena = j->arena };
	int r = pm_recon_live(rc, j, &have, err);

	pm_set_done(&have);
	return r < 0 ? r : pm_snapshot_write(rc->recording, file, &facts, err);
}

static int run(struct pm_exec *e, struct pm_job *j, struct pm_cycle *c, struct pm_error *err)
{
	int r = pm_exec_run(e, j, &c->plan, &c->have, &c->report, err);

	/* Convergence is checked, not assumed. */
	if (r == 0 && !pm_cancelled(j->cancel, j->clock))
		r = pm_exec_check(e, j, &c->plan, &c->report, err);
	return r == -PM_E_CANCELLED && c->report.v ? 0 : r;
}

int pm_recon_apply(struct pm_recon *rc, struct pm_job *j, struct pm_cycle *c, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	struct pm_setlock *lock = NULL;
	struct pm_exec *e = NULL;
	int r;

	if (rc->o.readonly)
		return pm_error_set(err, PM_E_REFUSED, "a dry run changes nothing");

	r = pm_setlock_take(cfg->journal_dir, cfg->set, &lock, err);
	if (r < 0)
		return r;

	r = new_exec(rc, c, &e, err);
	if (r == 0)
		r = run(e, j, c, err);
	pm_exec_free(e);
	pm_setlock_release(lock);
	return r;
}

int pm_recon_own(struct pm_recon *rc, struct pm_job *j, const struct pm_cycle *c,
	struct pm_handover *h, struct pm_error *err)
{
	const struct pm_config *cfg = rc->o.config;
	struct pm_setlock *lock = NULL;
	struct pm_exec *e = NULL;
	int r = pm_setlock_take(cfg->journal_dir, cfg->set, &lock, err);

	h->done = 0;
	if (r < 0)
		return r;
	r = new_exec(rc, c, &e, err);
	while (r == 0 && h->done < h->n) {
		r = pm_exec_own(e, j, &h->v[h->done], err);
		if (r == 0)
			h->done++;
	}
	pm_exec_free(e);
	pm_setlock_release(lock);
	return r;
}
