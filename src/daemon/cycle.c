/* One cycle of the daemon: texts to objects, objects to a plan, a plan to a report, through the same
 * pipeline as `podmox apply`. What differs: a broken file keeps its last good objects, nothing is pruned
 * that was there one load ago, and a field that keeps coming back is left alone. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"

#define STABLE_NS    (100 * PM_MS_NS)
#define STABLE_TRIES 30

/* ---- life ---- */

static bool allows(const struct pm_rec *rec, unsigned row)
{
	return strcmp(pm_rec_str(rec, row, "never"), "allow") == 0;
}

int pm_keeper_open(struct pm_keeper *k, const struct pm_daemon_opts *o, struct pm_cancel *cancel,
	struct pm_error *err)
{
	const struct pm_rec *rec = o->config->rec;
	struct pm_recon_opts ro = { .config = o->config,
		.readonly = o->observe,
		.transport = o->transport,
		.event = pm_tell_event,
		.seed = o->seed };

	memset(k, 0, sizeof(*k));
	k->o = o;
	k->clock = o->clock ? o->clock : &pm_clock_system;
	k->cancel = cancel;
	k->heal = pm_rec_bool(rec, PM_CONFIG_SYNC_HEAL, true);
	k->prune = o->prune || pm_rec_bool(rec, PM_CONFIG_SYNC_PRUNE, false);
	k->restart = o->allow_restart || allows(rec, PM_CONFIG_SYNC_RESTART);
	k->replace = o->allow_replace || allows(rec, PM_CONFIG_SYNC_REPLACE);
	k->max_deletes = pm_rec_int(rec, PM_CONFIG_SYNC_MAX_DELETES, -1);
	k->interval = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_INTERVAL, 300);
	k->sweep = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_SWEEP, 0);
	ro.clock = k->clock;
	return pm_recon_open(&ro, &k->rc, err);
}

static void forget_names(struct pm_keeper *k)
{
	for (size_t i = 0; i < k->names.n; i++)
		free(k->names.v[i]);
	k->names.n = 0;
}

void pm_keeper_close(struct pm_keeper *k)
{
	forget_names(k);
	pm_vec_done(&k->names);
	pm_returns_forget(&k->returns);
	pm_store_done(&k->store);
	pm_recon_free(k->rc);
	k->rc = NULL;
}

/* ---- texts ---- */

/* Reads until two readings agree: a file that is being written is not read in halves. */
static int read_stable(struct pm_keeper *k)
{
	uint64_t before = k->store.tree, mark = pm_checkout_mark(k->o->dir);
	bool known = k->loaded;

	pm_store_read(&k->store, k->o->dir);
	if (known && k->store.tree == before)
		return 0;
	for (unsigned i = 0; i < STABLE_TRIES; i++) {
		uint64_t marked = mark;

		before = k->store.tree;
		if (pm_wait_ns(k->clock, STABLE_NS, k->cancel) < 0)
			return -PM_E_CANCELLED;
		pm_store_read(&k->store, k->o->dir);
		mark = pm_checkout_mark(k->o->dir);
		if (k->store.tree == before && mark == marked)
			return 0;
	}
	pm_warning("the files do not come to rest; they are taken as they are");
	return 0;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Are all objects of the load before still there? Remembers those of this one. */
static bool nothing_left(struct pm_keeper *k, const struct pm_set *s)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const char **now cleanup_free = pm_xcalloc(s->n + 1, sizeof(void *));
	bool all = k->loaded;

	for (size_t i = 0; i < s->n; i++)
		now[i] = pm_obj_id(a, s->v[i]);
	qsort(now, s->n, sizeof(void *), compare_names);
	for (size_t i = 0, j = 0; all && i < k->names.n; i++) {
		while (j < s->n && strcmp(now[j], k->names.v[i]) < 0)
			j++;
		all = j < s->n && strcmp(now[j], k->names.v[i]) == 0;
	}
	forget_names(k);
	for (size_t i = 0; i < s->n; i++)
		pm_vec_push(&k->names, pm_xstrdup(now[i]));
	k->loaded = true;
	return all;
}

/* ---- the pipeline ---- */

/* One cycle at work. */
struct turn {
	struct pm_keeper *k;
	struct pm_job job;
	struct pm_set set;
	struct pm_load load;
	struct pm_cycle cycle;
	unsigned reasons;
	bool changed; /* the manifests did, since the last plan that was carried out */
	bool prune;
	struct pm_outcome_of_cycle *ret;
};

/* Between two looks for drift only what changed is read. A look reads what would be too old at the next
 * one; that is everything when nothing may be older than the interval. */
static void choose_reading(const struct pm_keeper *k, struct pm_recon_ask *ask)
{
	ask->reading = PM_READ_CHANGED;
	if (k->o->once)
		ask->reading = PM_READ_ALL;
	else if (k->look && (k->look_at_all || k->sweep <= k->interval))
		ask->reading = PM_READ_KEEP;
	else if (k->look)
		ask->oldest_ns = k->sweep - k->interval;
}

static int make_plan(struct turn *t, bool prune)
{
	struct pm_keeper *k = t->k;
	struct pm_recon_ask ask = { .preloaded = &t->set,
		.preload = &t->load,
		.plan = { .prune = prune,
			.allow_restart = k->restart,
			.allow_replace = k->replace,
			.max_deletes = k->max_deletes } };
	const struct pm_facts *f = &t->cycle.have.facts;
	int r;

	choose_reading(k, &ask);
	r = pm_recon_plan(k->rc, &t->job, &ask, &t->cycle, &t->ret->err);
	if (r < 0)
		return r;
	k->look = false;
	k->look_at_all = false;
	pm_debug("cluster read", PM_KV_I("configurations", f->nread), PM_KV_I("known", f->nknown));
	return 0;
}

/* A guard that refuses the whole, such as too many deletes, holds back only the deletes. */
static int plan(struct turn *t)
{
	int r = make_plan(t, t->prune);

	if (r < 0 || !t->cycle.plan.refused || !t->prune)
		return r;
	pm_cycle_done(&t->cycle);
	return make_plan(t, false);
}

static bool is_failed(const struct pm_result *r)
{
	return r->outcome == PM_FAILED || r->outcome == PM_SKIPPED || r->outcome == PM_STALE ||
	       r->unstable;
}

static void judge_report(struct turn *t, uint64_t took_ns)
{
	const struct pm_report *r = &t->cycle.report;
	unsigned failed = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!is_failed(&r->v[i]))
			continue;
		if (failed++ == 0)
			t->ret->err = r->v[i].err;
	}
	pm_info("cycle done", PM_KV_I("done", r->count[PM_DONE]), PM_KV_I("failed", failed),
		PM_KV_I("unchanged", t->cycle.plan.sum.unchanged),
		PM_KV_I("kept", t->cycle.plan.sum.kept), PM_KV_I("took_ms", took_ns / PM_MS_NS));
	t->ret->failed = failed > 0;
	if (failed > 0 && t->ret->err.code == PM_OK)
		(void)pm_error_set(&t->ret->err, PM_E_TASK,
			"%u action%s did not come to the end that was wanted", failed,
			failed == 1 ? "" : "s");
}

static int apply(struct turn *t)
{
	struct pm_keeper *k = t->k;
	uint64_t start = pm_mono_ns(k->clock);
	int r;

	r = pm_recon_apply(k->rc, &t->job, &t->cycle, &t->ret->err);
	if (r < 0)
		return r;
	pm_returns_note(&k->returns, &t->cycle.plan, &t->cycle.report, start, 4 * k->interval);
	judge_report(t, pm_mono_ns(k->clock) - start);
	return 0;
}

/* May this plan be carried out? Otherwise it is only told, once. */
static bool may_apply(struct turn *t)
{
	struct pm_keeper *k = t->k;
	const char *why = NULL;

	if (k->o->observe)
		why = "would be done";
	else if (!t->changed && !k->heal && !(t->reasons & (PM_WHY_RETRY | PM_WHY_CONFIRM)))
		why = "drift, not healed";
	if (!why)
		return true;
	k->told_plan = pm_tell_plan(&t->cycle.plan, why, k->told_plan);
	return false;
}

static int carry_out(struct turn *t)
{
	struct pm_keeper *k = t->k;
	int r = plan(t);

	k->told = pm_tell_findings(&t->job.diags, k->told);
	if (r < 0)
		return r;
	if (t->changed)
		pm_returns_forget(&k->returns);
	else
		(void)pm_returns_check(&k->returns, &t->cycle.plan, t->job.arena);
	if (!may_apply(t))
		return 0;
	if (pm_plan_empty(&t->cycle.plan)) {
		pm_debug("nothing to do", PM_KV_I("unchanged", t->cycle.plan.sum.unchanged));
		return 0;
	}
	return apply(t);
}

static void tell_broken(const struct turn *t)
{
	const struct pm_diag *d = t->job.diags.first;

	while (d && (d->severity != PM_ERROR || !d->pos.file))
		d = d->next;
	pm_warning("files are broken: their last good objects stay, nothing is pruned",
		PM_KV_S("first", d ? d->pos.file : ""), PM_KV_I("errors", t->job.diags.nerrors),
		PM_KV_I("objects", t->set.n));
}

/* Files that are missing in the middle of a checkout are not gone. */
static bool is_checked_out(struct pm_keeper *k)
{
	const char *busy = pm_checkout_busy(k->o->dir);

	if (busy && k->prune && (!k->told_busy || strcmp(busy, k->told_busy) != 0))
		pm_warning("nothing is pruned until the checkout has ended", PM_KV_S("why", busy));
	k->told_busy = busy;
	return busy != NULL;
}

/* The set as it is in force; false: nothing has to be done. */
static bool load(struct turn *t)
{
	struct pm_keeper *k = t->k;
	bool same = k->loaded && k->store.tree == k->seen, all;

	if (same && t->reasons == PM_WHY_FILES && k->clean)
		return false;
	pm_store_take(&k->store, k->o->dir, &t->set, &t->load, &t->job.diags);
	all = nothing_left(k, &t->set) || k->o->once;
	k->seen = k->store.tree;
	t->changed = k->store.tree != k->applied;
	t->ret->wrong = !t->load.whole;
	all = all && !is_checked_out(k);
	t->prune = k->prune && t->load.whole && all && t->set.n > 0;
	/* What is gone now has to be gone once more before it is removed. */
	t->ret->confirm = k->prune && t->load.whole && !all;
	if (!t->load.whole)
		tell_broken(t);
	return true;
}

static void run(struct turn *t)
{
	struct pm_keeper *k = t->k;
	int r = carry_out(t);

	k->clean = r == 0 && !t->ret->failed;
	if (k->clean && !k->o->observe)
		k->applied = k->store.tree;
	if (r == -PM_E_CANCELLED || pm_cancelled(k->cancel, k->clock))
		return;
	if (r < 0) {
		t->ret->failed = true;
		pm_error("cycle failed", PM_KV_S("error", t->ret->err.msg),
			PM_KV_S("where", t->ret->err.where));
	}
}

void pm_keeper_cycle(struct pm_keeper *k, unsigned reasons, struct pm_outcome_of_cycle *ret)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct turn t = { .k = k, .reasons = reasons, .ret = ret };

	memset(ret, 0, sizeof(*ret));
	t.job = (struct pm_job){ .arena = arena, .cancel = k->cancel, .clock = k->clock };
	pm_diags_init(&t.job.diags, arena);
	t.set.arena = arena;
	k->look |= reasons & PM_WHY_DRIFT;
	k->look_at_all |= reasons & PM_WHY_ASKED;
	if (read_stable(k) < 0)
		return;
	if (load(&t))
		run(&t);
	pm_cycle_done(&t.cycle);
	pm_set_done(&t.set);
}
