/* One cycle of the daemon: texts to objects, objects to a plan, a plan to a report, through the same
 * pipeline as `podmox apply`. What differs: a broken file keeps its last good objects, nothing is pruned
 * that was there one load ago, and a field that keeps coming back is left alone. */
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"

#define STABLE_NS    (PM_STABLE_MS * PM_MS_NS)
#define STABLE_TRIES 30
#define LOCK_WAIT_S  10 /* a guest that is locked for longer is tried again later: others go on */

/* ---- life ---- */

static bool allows(const struct pm_rec *rec, unsigned row)
{
	return strcmp(pm_rec_str(rec, row, "never"), "allow") == 0;
}

void pm_keeper_read_config(struct pm_keeper *k)
{
	const struct pm_rec *rec = k->config->rec;
	const struct pm_daemon_opts *o = k->o;

	k->heal = pm_rec_bool(rec, PM_CONFIG_SYNC_HEAL, true);
	k->prune = o->prune || pm_rec_bool(rec, PM_CONFIG_SYNC_PRUNE, false);
	k->restart = o->allow_restart || allows(rec, PM_CONFIG_SYNC_RESTART);
	k->replace = o->allow_replace || allows(rec, PM_CONFIG_SYNC_REPLACE);
	k->max_deletes = pm_rec_int(rec, PM_CONFIG_SYNC_MAX_DELETES, -1);
	k->interval = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_INTERVAL, 300);
	k->sweep = PM_S_NS * (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_SWEEP, 0);
	pm_arena_reset(k->arena);
	k->nwindows = pm_windows_read(rec, k->arena, &k->windows);
}

int pm_keeper_recon(struct pm_keeper *k, const struct pm_config *config, struct pm_recon **ret,
	struct pm_error *err)
{
	struct pm_recon_opts ro = { .config = config,
		.readonly = k->o->observe,
		.transport = k->o->transport,
		.clock = k->clock,
		.event = pm_tell_event,
		.event_arg = k,
		.lock_wait_s = LOCK_WAIT_S,
		.hurry = &k->hurry,
		.seed = k->o->seed };

	return pm_recon_open(&ro, ret, err);
}

void pm_keeper_announce(struct pm_keeper *k)
{
	const struct pm_announce_opts o = {
		.config = k->config, .board = k->board, .clock = k->beating.inner
	};

	pm_board_listen(k->board, NULL, NULL);
	pm_announce_free(k->announce);
	k->announce = pm_announce_new(&o);
	if (k->announce)
		pm_board_listen(k->board, pm_announce_entry, k->announce);
}

int pm_keeper_open(struct pm_keeper *k, const struct pm_daemon_opts *o, struct pm_board *board,
	struct pm_cancel *cancel, struct pm_error *err)
{
	memset(k, 0, sizeof(*k));
	k->o = o;
	k->clock = pm_beating_init(&k->beating, o->clock ? o->clock : &pm_clock_system, board);
	k->cancel = cancel;
	k->hurry.above = cancel;
	k->board = board;
	k->arena = pm_arena_new(1024);
	pm_fails_init(&k->fails, o->seed);
	k->config = o->config;
	pm_keeper_read_config(k);
	pm_keeper_announce(k);
	return pm_keeper_recon(k, k->config, &k->rc, err);
}

static void forget_names(struct pm_keeper *k)
{
	for (size_t i = 0; i < k->names.n; i++)
		free(k->names.v[i]);
	k->names.n = 0;
}

void pm_keeper_close(struct pm_keeper *k)
{
	if (k->board)
		pm_board_listen(k->board, NULL, NULL);
	pm_announce_free(k->announce);
	k->announce = NULL;
	forget_names(k);
	pm_vec_done(&k->names);
	pm_returns_forget(&k->returns);
	pm_fails_done(&k->fails);
	pm_store_done(&k->store);
	pm_named_done(&k->named);
	pm_arena_free(k->arena);
	k->arena = NULL;
	pm_recon_free(k->rc);
	k->rc = NULL;
	pm_config_free(k->owned);
	k->owned = NULL;
}

/* ---- texts ---- */

/* Is it known what changed, so that only that has to be looked at? Work of Git is a reason to doubt it: it
 * replaces files by the thousand. */
static bool look_at_named(struct pm_keeper *k, unsigned reasons, uint64_t mark)
{
	bool sure = k->named.only && reasons == PM_WHY_FILES && k->loaded && mark == k->mark &&
		    !atomic_load(&k->doubt);

	return sure && pm_store_look(&k->store, k->o->dir, &k->named);
}

/* The first reading, of as little as is certain to be enough. */
static void read_first(struct pm_keeper *k, unsigned reasons, uint64_t mark)
{
	if (!look_at_named(k, reasons, mark)) {
		atomic_store(&k->doubt, false);
		pm_store_read(&k->store, k->o->dir);
	}
	pm_named_done(&k->named);
	k->mark = mark;
}

/* Reads until nothing is so young that it may be half written, or until two readings agree. Where nobody tells
 * of changes (PM_WHY_POLL) the folder may lie where the times of files are not ours. */
static int read_stable(struct pm_keeper *k, unsigned reasons)
{
	uint64_t before = k->store.tree, mark = pm_checkout_mark(k->o->dir);
	bool known = k->loaded, polled = reasons & PM_WHY_POLL;

	read_first(k, reasons, mark);
	if (known && k->store.tree == before)
		return 0;
	if (!polled && !k->store.young && pm_checkout_mark(k->o->dir) == mark)
		return 0;
	for (unsigned i = 0; i < STABLE_TRIES; i++) {
		uint64_t marked = mark;

		before = k->store.tree;
		if (pm_wait_ns(k->clock, STABLE_NS, k->cancel) < 0)
			return -PM_E_CANCELLED;
		pm_store_read(&k->store, k->o->dir);
		mark = pm_checkout_mark(k->o->dir);
		k->mark = marked;
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
	struct pm_holding holding;
	unsigned reasons;
	bool changed; /* the manifests did, since the last plan that was carried out */
	bool fresh;   /* no plan was made of them yet */
	bool prune, planned;
	bool cut;                      /* other files came: not everything was begun */
	uint64_t began, read, applied; /* monotonic; the times of the others in nanoseconds */
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
	if (k->look)
		pm_board_swept(k->board);
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

bool pm_result_failed(const struct pm_result *r)
{
	return r->outcome == PM_FAILED || r->outcome == PM_SKIPPED || r->outcome == PM_STALE ||
	       r->unstable;
}

/* ---- objects that fail ---- */

static void tell_recovered(struct turn *t, const char *id)
{
	const struct pm_fail *f = pm_fails_get(&t->k->fails, id);

	if (!f)
		return;
	pm_info("recovered", PM_KV_S("object", id), PM_KV_I("failures", f->attempts));
	pm_tell_happened(t->k, (struct pm_board_entry){ .what = PM_HAP_RECOVERED,
				       .object = id,
				       .text = pm_arena_printf(t->job.arena, "after %u failure%s",
					       f->attempts, f->attempts == 1 ? "" : "s") });
	pm_fails_drop(&t->k->fails, id);
}

static void note_failure(struct turn *t, const char *id, const struct pm_result *r)
{
	struct pm_error err = r->err;

	/* Who was not begun, or was told to stop, has not failed. */
	if (r->outcome == PM_SKIPPED || err.code == PM_E_CANCELLED)
		return;
	if (r->unstable && err.code == PM_OK)
		(void)pm_error_set(
			&err, PM_E_CONFLICT, "%s came back different after the write", r->unstable);
	pm_fails_add(&t->k->fails, id, &err, pm_mono_ns(t->k->clock));
}

/* What is not in the plan any more needs nothing, so it does not fail. */
static void forget_well(struct turn *t)
{
	struct pm_fails *fails = &t->k->fails;
	struct pm_map planned = PM_MAP;

	for (size_t i = 0; i < t->cycle.plan.n && fails->map.n > 0; i++)
		(void)pm_map_set(&planned, pm_action_id(t->job.arena, &t->cycle.plan.v[i]), t);
	for (size_t i = fails->map.n; i > 0; i--) {
		const char *id = fails->map.v[i - 1].key;

		if (!pm_map_get(&planned, id))
			tell_recovered(t, pm_arena_strdup(t->job.arena, id));
	}
	pm_map_done(&planned);
}

/* ---- applying ---- */

static void judge_report(struct turn *t)
{
	const struct pm_report *r = &t->cycle.report;
	unsigned failed = 0;

	for (size_t i = 0; i < r->n; i++) {
		const struct pm_action *a = &t->cycle.plan.v[i];
		const char *id = pm_action_id(t->job.arena, a);

		if (a->verb == PM_V_KEEP)
			continue;
		pm_board_action(t->k->board, a->verb, r->v[i].outcome);
		if (r->v[i].err.code == PM_E_CANCELLED) {
			t->cut = true;
			continue;
		}
		if (!pm_result_failed(&r->v[i])) {
			tell_recovered(t, id);
			continue;
		}
		note_failure(t, id, &r->v[i]);
		if (failed++ == 0)
			t->ret->err = r->v[i].err;
	}
	pm_info("cycle done", PM_KV_I("done", r->count[PM_DONE]), PM_KV_I("failed", failed),
		PM_KV_I("unchanged", t->cycle.plan.sum.unchanged),
		PM_KV_I("kept", t->cycle.plan.sum.kept), PM_KV_I("took_ms", t->applied / PM_MS_NS));
	t->ret->failed = failed > 0;
	if (failed > 0 && t->ret->err.code == PM_OK)
		(void)pm_error_set(&t->ret->err, PM_E_TASK,
			"%u action%s did not come to the end that was wanted", failed,
			failed == 1 ? "" : "s");
}

static void show(struct turn *t, const struct pm_report *report)
{
	const struct pm_shown s = { .cycle = &t->cycle, .holding = &t->holding, .report = report };

	pm_states_show(t->k, &s, t->job.arena);
}

static int apply(struct turn *t)
{
	struct pm_keeper *k = t->k;
	uint64_t start = pm_mono_ns(k->clock);
	int r;

	pm_board_doing(k->board, PM_DOING_APPLYING, NULL);
	r = pm_recon_apply(k->rc, &t->job, &t->cycle, &t->ret->err);
	t->applied = pm_mono_ns(k->clock) - start;
	if (r < 0)
		return r;
	pm_returns_note(&k->returns, &t->cycle.plan, &t->cycle.report, start, 4 * k->interval);
	judge_report(t);
	show(t, &t->cycle.report);
	return 0;
}

/* What may not be done now is held; what nobody may do is told, once. */
static void hold_back(struct turn *t)
{
	struct pm_keeper *k = t->k;
	struct pm_holding *h = &t->holding;

	if (k->o->observe)
		return;
	if (!t->cycle.have.facts.quorate)
		pm_hold_all(h, PM_SYNC_HELD, PM_NO_QUORUM);
	pm_hold_suspended(h, k->board);
	if (!k->heal && !t->changed)
		k->told_plan = pm_tell_plan(&t->cycle.plan, "drift, not healed", k->told_plan);
	if (!k->heal)
		pm_hold_drift(h, !t->changed, t->reasons & PM_WHY_CONFIRM);
	pm_hold_failing(h, &k->fails);
	pm_hold_outside(h, k->windows, k->nwindows);
}

static bool is_all_in_place(const struct turn *t)
{
	for (size_t i = 0; i < t->cycle.plan.n; i++)
		if (t->holding.v[i].yes)
			return false;
	return !t->ret->failed && !t->cut;
}

static int carry_out(struct turn *t)
{
	struct pm_keeper *k = t->k;
	int r = plan(t);

	k->told = pm_tell_findings(&t->job.diags, k->told);
	pm_states_files(k, &t->job.diags, t->job.arena);
	t->read = pm_mono_ns(k->clock) - t->began;
	if (r < 0)
		return r;
	pm_states_cluster(k, &t->cycle.have.facts, t->job.arena);
	pm_hold_begin(&t->holding, &t->cycle.plan, t->job.arena, k->clock);
	t->planned = true;
	forget_well(t);
	if (!t->fresh) {
		pm_drift_tell(k, &t->job, &t->holding);
		(void)pm_returns_check(&k->returns, &t->cycle.plan, t->job.arena);
	}
	hold_back(t);
	show(t, NULL);
	k->tried = k->store.tree;
	if (k->o->observe) {
		k->told_plan = pm_tell_plan(&t->cycle.plan, "would be done", k->told_plan);
		return 0;
	}
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

/* What the repository calls the files that are about to be read. Files of the next commit may then be called
 * by the one before, until the cycle that it asks for; never the other way round. */
static void take_commit(struct pm_keeper *k)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	struct pm_source_state s;

	pm_source_state(k->o->source, a, &s);
	(void)snprintf(k->tree_id, sizeof(k->tree_id), "%s", s.revision ? s.revision : "");
	(void)snprintf(k->subject, sizeof(k->subject), "%s", s.subject ? s.subject : "");
}

/* Says which revision is wanted. */
static void tell_wanted(struct turn *t)
{
	struct pm_keeper *k = t->k;
	const struct pm_revision r = { .id = k->tree_id,
		.subject = k->o->source ? k->subject : NULL };

	if (!k->o->source) {
		(void)snprintf(k->tree_id, sizeof(k->tree_id), "tree:%016" PRIx64, k->store.tree);
		pm_board_source(k->board, k->store.missing);
	}
	pm_board_wanted(k->board, &r);
}

static void tell_applied(struct turn *t)
{
	struct pm_keeper *k = t->k;
	const struct pm_revision done = { .id = k->tree_id,
		.subject = k->o->source ? k->subject : NULL };

	if (k->whole)
		pm_board_applied(k->board, &done);
}

/* The set as it is in force; false: nothing has to be done. */
static bool load(struct turn *t)
{
	struct pm_keeper *k = t->k;
	bool same = k->loaded && k->store.tree == k->seen, all;

	if (same && t->reasons == PM_WHY_FILES && k->clean) {
		/* Another commit may hold the same files. */
		tell_wanted(t);
		if (k->applied == k->store.tree)
			tell_applied(t);
		return false;
	}
	pm_store_take(&k->store, k->o->dir, &t->set, &t->load, &t->job.diags);
	all = nothing_left(k, &t->set) || k->o->once;
	k->seen = k->store.tree;
	t->changed = k->store.tree != k->applied;
	t->fresh = k->store.tree != k->tried;
	t->ret->wrong = !t->load.whole;
	k->whole = t->load.whole;
	all = all && !is_checked_out(k);
	t->prune = k->prune && t->load.whole && all && t->set.n > 0;
	/* What is gone now has to be gone once more before it is removed. */
	t->ret->confirm = k->prune && t->load.whole && !all;
	tell_wanted(t);
	if (t->fresh)
		pm_returns_forget(&k->returns);
	if (t->fresh || (t->reasons & PM_WHY_ASKED))
		pm_fails_release(&k->fails);
	if (!t->load.whole)
		tell_broken(t);
	return true;
}

/* ---- the end of a cycle ---- */

static uint64_t until(const struct turn *t, int64_t wall_ms)
{
	int64_t left = wall_ms - pm_wall_ms(t->k->clock);

	return left > 0 ? (uint64_t)left * PM_MS_NS : 1;
}

static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a == 0 || (b > 0 && b < a) ? b : a;
}

/* When something that was held back may be done. */
static uint64_t again_in(const struct turn *t)
{
	uint64_t now = pm_mono_ns(t->k->clock), next = pm_fails_next(&t->k->fails), in = 0;
	int64_t expires = pm_board_expires(t->k->board);

	if (next > 0)
		in = next > now ? next - now : 1;
	if (t->holding.next_ms > 0)
		in = sooner(in, until(t, t->holding.next_ms));
	if (expires > 0)
		in = sooner(in, until(t, expires));
	return in;
}

static const char *words_of(struct pm_arena *a, unsigned reasons)
{
	static const struct {
		unsigned bit;
		const char *word;
	} words[] = { { PM_WHY_FILES, "files" }, { PM_WHY_ASKED, "asked" },
		{ PM_WHY_DRIFT, "drift" }, { PM_WHY_RETRY, "another try" },
		{ PM_WHY_CONFIRM, "to confirm what is gone" } };
	cleanup_buf struct pm_buf text = PM_BUF(200);

	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (reasons & words[i].bit)
			(void)pm_buf_addf(&text, "%s%s", text.len > 0 ? ", " : "", words[i].word);
	return pm_arena_strdup(a, pm_buf_str(&text));
}

static void tell_end(struct turn *t, int64_t began_ms, int r)
{
	const struct pm_error *err = &t->ret->err;
	struct pm_board_cycle c = { .why = words_of(t->job.arena, t->reasons),
		.began_ms = began_ms,
		.ended_ms = pm_wall_ms(t->k->clock),
		.read_ms = (uint32_t)(t->read / PM_MS_NS),
		.apply_ms = (uint32_t)(t->applied / PM_MS_NS),
		.done = t->cycle.report.count[PM_DONE],
		.failed = t->cycle.report.count[PM_FAILED] + t->cycle.report.count[PM_STALE] };
	struct pm_pve_stats pve;
	struct pm_net_stats net;

	if (t->planned)
		c.plan = t->cycle.plan.sum;
	if (r < 0 || t->ret->failed) {
		c.code = err->code;
		c.error = err->msg;
	}
	pm_board_cycle(t->k->board, &c);
	pm_board_lock_holder(t->k->board, r == -PM_E_SETLOCKED ? err->msg : NULL);
	pm_recon_stats(t->k->rc, &pve, &net);
	pm_board_stats(t->k->board, &pve, &net);
}

/* Nothing can be read: the states of objects stay as they were seen last. */
static void tell_paused(const struct turn *t)
{
	struct pm_board_view v;

	pm_board_view(t->k->board, t->job.arena, 0, &v);
	v.cluster.paused = t->ret->err.msg;
	pm_board_cluster(t->k->board, &v.cluster);
}

/* Tells once that nothing at all is written, and once that it is again. The first failure may be chance. */
static void tell_trouble(struct turn *t, const char *why)
{
	struct pm_keeper *k = t->k;

	if (why && ++k->troubles == 2)
		pm_tell_happened(k, (struct pm_board_entry){ .what = PM_HAP_HELD, .text = why });
	if (!why && k->troubles > 1)
		pm_tell_happened(k, (struct pm_board_entry){ .what = PM_HAP_RECOVERED,
					    .text = "the cluster can be written again" });
	if (!why)
		k->troubles = 0;
}

static void run(struct turn *t)
{
	struct pm_keeper *k = t->k;
	int64_t began_ms = pm_wall_ms(k->clock);
	bool all;
	int r;

	t->began = pm_mono_ns(k->clock);
	r = carry_out(t);
	all = r == 0 && t->planned && is_all_in_place(t);
	k->clean = all;
	if (all && !k->o->observe) {
		k->applied = k->store.tree;
		tell_applied(t);
	}
	if (r == -PM_E_CANCELLED || pm_cancelled(k->cancel, k->clock))
		return;
	if (r < 0) {
		t->ret->failed = true;
		t->ret->broken = true;
		pm_error("cycle failed", PM_KV_S("error", t->ret->err.msg),
			PM_KV_S("where", t->ret->err.where));
		if (!t->planned)
			tell_paused(t);
		tell_trouble(t, t->ret->err.msg);
	} else if (!t->cycle.have.facts.quorate) {
		t->ret->broken = true;
		tell_trouble(t, PM_NO_QUORUM);
	} else {
		tell_trouble(t, NULL);
	}
	t->ret->again_in = again_in(t);
	tell_end(t, began_ms, r);
}

void pm_keeper_hurry(struct pm_keeper *k)
{
	if (pm_store_glance(k->o->dir) == atomic_load(&k->glance))
		return;
	atomic_store(&k->doubt, true);
	pm_info("the manifests changed: nothing more of the plan before is begun");
	atomic_store(&k->hurry.on, true);
}

void pm_keeper_cycle(struct pm_keeper *k, unsigned reasons, struct pm_outcome_of_cycle *ret)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct turn t = { .k = k, .reasons = reasons, .ret = ret };
	uint64_t ticket = pm_board_asked(k->board);
	unsigned nread = k->store.nread, nparsed = k->store.nparsed;

	memset(ret, 0, sizeof(*ret));
	atomic_store(&k->hurry.on, false);
	if (reasons & PM_WHY_CONFIG) {
		pm_keeper_reload(k);
		ret->reloaded = true;
	}
	t.job = (struct pm_job){ .arena = arena, .cancel = k->cancel, .clock = k->clock };
	pm_diags_init(&t.job.diags, arena);
	t.set.arena = arena;
	k->look |= reasons & PM_WHY_DRIFT;
	k->look_at_all |= reasons & PM_WHY_ASKED;
	pm_board_doing(k->board, PM_DOING_READING, NULL);
	if (k->o->source)
		take_commit(k);
	if (read_stable(k, reasons) < 0)
		return;
	atomic_store(&k->glance, k->store.glance);
	pm_board_read(k->board, k->store.nread - nread, k->store.nparsed - nparsed);
	t.reasons &= ~(unsigned)(PM_WHY_POLL | PM_WHY_CONFIG);
	if (load(&t))
		run(&t);
	else
		ret->again_in = again_in(&t);
	pm_board_answered(k->board, ticket);
	pm_cycle_done(&t.cycle);
	pm_set_done(&t.set);
	pm_arena_freep(&t.job.arena);
	arena = NULL;
	/* What a cycle needed is given back: the daemon is at rest most of its life. */
	(void)malloc_trim(0);
}
