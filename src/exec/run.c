/* The scheduler: actions whose predecessors are done go to the worker threads, within the limits; what
 * depends on a failure is skipped; deletions come last and only when nothing failed.
 *
 * The main thread alone decides. A worker owns its struct pm_act until it puts it on run->finished. A
 * worker that only waits (for a lock, a place, readiness) counts as parked, and another one may work
 * in its stead: there are more threads than may work at a time. */
#include "base/log.h"
#include "base/pool.h"
#include "base/text.h"
#include "exec/exec_priv.h"

#define DEFAULT_WORKERS 4
#define SPARE_THREADS   28 /* for workers that are parked */

int pm_exec_new(const struct pm_exec_opts *o, struct pm_exec **ret, struct pm_error *err)
{
	struct pm_exec *e;

	if (!o->pve || !o->set)
		return pm_error_set(err, PM_E_BUG, "a run needs a cluster and a set");
	e = pm_xcalloc(1, sizeof(*e));
	e->o = *o;
	e->workers = o->workers > 0 ? o->workers : DEFAULT_WORKERS;
	if (e->o.lock_wait_s == 0)
		e->o.lock_wait_s = 600;
	(void)pthread_mutex_init(&e->event_lock, NULL);
	*ret = e;
	return 0;
}

void pm_exec_free(struct pm_exec *e)
{
	if (!e)
		return;
	(void)pthread_mutex_destroy(&e->event_lock);
	free(e);
}

/* ---- what an action is to the scheduler ---- */

/* Takes something away: comes last, and only when all went well. */
static bool takes_away(const struct pm_action *a)
{
	return a->verb == PM_V_DELETE || (a->verb == PM_V_STOP && !a->want);
}

static const struct pm_obj *object_of(const struct pm_action *a)
{
	return a->want ? a->want : a->have;
}

static unsigned vmid_of(const struct pm_action *a)
{
	if (a->vmid > 0)
		return a->vmid;
	return a->have && a->have->live ? a->have->live->vmid : 0;
}

static bool well(enum pm_outcome o)
{
	return o == PM_DONE || o == PM_NOTHING;
}

static void emit(struct pm_run *run, enum pm_event_type type, size_t i)
{
	struct pm_event ev = {
		.type = type, .action = &run->plan->v[i], .result = &run->rep->v[i]
	};

	if (!run->e->o.event)
		return;
	(void)pthread_mutex_lock(&run->e->event_lock);
	run->e->o.event(run->e->o.event_arg, &ev);
	(void)pthread_mutex_unlock(&run->e->event_lock);
}

static void end_action(struct pm_run *run, size_t i)
{
	struct pm_result *res = &run->rep->v[i];

	run->phase[i] = PM_PH_OVER;
	run->rep->count[res->outcome]++;
	if (run->plan->v[i].verb == PM_V_KEEP)
		return;
	if (well(res->outcome))
		emit(run, PM_EV_DONE, i);
	else
		emit(run, res->outcome == PM_SKIPPED ? PM_EV_SKIPPED : PM_EV_FAILED, i);
}

static void skip(struct pm_run *run, size_t i, enum pm_code code, const char *why)
{
	run->rep->v[i].outcome = PM_SKIPPED;
	(void)pm_error_set(&run->rep->v[i].err, code, "%s", why);
	end_action(run, i);
}

/* ---- workers ---- */

/* The journal names the task before anybody waits for its end. */
static void task_started(void *arg, const char *task)
{
	struct pm_act *act = arg;

	(void)snprintf(act->task, sizeof(act->task), "%s", task);
	pm_journal_task(act->run->journal, act->intent, task);
}

static void work(void *arg)
{
	struct pm_act *act = arg;
	struct pm_run *run = act->run;
	uint64_t start = pm_mono_ns(act->job.clock);

	act->res.outcome = PM_DONE;
	pm_act_perform(act);
	act->res.took_ms = (pm_mono_ns(act->job.clock) - start) / PM_MS_NS;
	act->res.vmid = act->vmid;
	(void)pthread_mutex_lock(&run->lock);
	act->next = run->finished;
	run->finished = act;
	(void)pthread_cond_broadcast(&run->changed);
	(void)pthread_mutex_unlock(&run->lock);
}

static void launch(struct pm_run *run, struct pm_pool *pool, size_t i)
{
	const struct pm_action *a = &run->plan->v[i];
	struct pm_act *act = pm_xcalloc(1, sizeof(*act));

	act->run = run;
	act->a = a;
	act->index = i;
	act->vmid = a->verb == PM_V_REPLACE ? a->have->live->vmid : vmid_of(a);
	act->holder = a->holder;
	act->job.arena = pm_arena_new(0);
	act->job.cancel = run->job->cancel;
	act->job.clock = run->job->clock;
	act->job.started = task_started;
	act->job.started_arg = act;
	pm_diags_init(&act->job.diags, act->job.arena);
	act->id = pm_obj_id(act->job.arena, object_of(a));
	act->title = pm_obj_title(act->job.arena, object_of(a));
	act->node = a->node;
	if (!act->node && a->have && a->have->live)
		act->node = a->have->live->node;
	if (run->e->o.seed)
		pm_random_seed(&act->rnd, run->e->o.seed + i);
	else
		pm_random_system(&act->rnd);
	run->phase[i] = PM_PH_RUNNING;
	run->running++;
	emit(run, PM_EV_START, i);
	pm_pool_run(pool, work, act);
}

/* Takes over what a finished worker found out. */
static void collect_one(struct pm_run *run, struct pm_act *act)
{
	struct pm_result *res = &run->rep->v[act->index];

	*res = act->res;
	if (res->unstable)
		res->unstable = pm_arena_strdup(run->job->arena, res->unstable);
	run->running--;
	end_action(run, act->index);
	pm_arena_free(act->job.arena);
	free(act);
}

static void collect(struct pm_run *run)
{
	struct pm_act *list;

	(void)pthread_mutex_lock(&run->lock);
	list = run->finished;
	run->finished = NULL;
	(void)pthread_mutex_unlock(&run->lock);
	while (list) {
		struct pm_act *next = list->next;

		collect_one(run, list);
		list = next;
	}
}

/* ---- decisions ---- */

/* The first action it waits for that did not end well; NULL: none. */
static const struct pm_action *failed_before(const struct pm_run *run, const struct pm_action *a)
{
	for (size_t k = 0; k < a->nafter; k++) {
		unsigned i = a->after[k];

		if (run->phase[i] == PM_PH_OVER && !well(run->rep->v[i].outcome))
			return &run->plan->v[i];
	}
	return NULL;
}

static bool all_before_over(const struct pm_run *run, const struct pm_action *a)
{
	for (size_t k = 0; k < a->nafter; k++) {
		if (run->phase[a->after[k]] != PM_PH_OVER)
			return false;
	}
	return true;
}

static bool vmid_busy(const struct pm_run *run, unsigned vmid)
{
	for (size_t i = 0; i < run->plan->n; i++) {
		if (run->phase[i] == PM_PH_RUNNING && vmid_of(&run->plan->v[i]) == vmid)
			return true;
	}
	return false;
}

/* Are the actions that give something all over, and how did they end? */
static bool givers_over(const struct pm_run *run, bool *ret_well)
{
	*ret_well = true;
	for (size_t i = 0; i < run->plan->n; i++) {
		if (takes_away(&run->plan->v[i]))
			continue;
		if (run->phase[i] != PM_PH_OVER)
			return false;
		if (!well(run->rep->v[i].outcome))
			*ret_well = false;
	}
	return true;
}

/* Ends what can never start. Goes on until a round changes nothing: the skipped have dependants too. */
static void skip_hopeless(struct pm_run *run)
{
	const struct pm_cancel *hurry = run->e->o.hurry;
	bool cancelled = pm_cancelled(hurry ? hurry : run->job->cancel, run->job->clock);
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < run->plan->n; i++) {
			const struct pm_action *a = &run->plan->v[i];
			const struct pm_action *before;

			if (run->phase[i] != PM_PH_WAITING)
				continue;
			before = failed_before(run, a);
			if (cancelled)
				skip(run, i, PM_E_CANCELLED, "ended before it was begun");
			else if (before)
				skip(run, i, PM_E_REFUSED,
					pm_arena_printf(run->job->arena,
						"waits for %s, which failed",
						pm_obj_title(run->job->arena, object_of(before))));
			else
				continue;
			again = true;
		}
	}
}

static void hold_deletes(struct pm_run *run)
{
	for (size_t i = 0; i < run->plan->n; i++) {
		if (run->phase[i] != PM_PH_WAITING || !takes_away(&run->plan->v[i]))
			continue;
		run->rep->held++;
		skip(run, i, PM_E_REFUSED,
			"held back: something failed in this run, and then nothing is removed");
	}
}

static unsigned free_workers(struct pm_run *run)
{
	unsigned parked;
	unsigned active;

	(void)pthread_mutex_lock(&run->lock);
	parked = run->parked;
	(void)pthread_mutex_unlock(&run->lock);
	active = run->running > parked ? run->running - parked : 0;
	return active < run->e->workers ? run->e->workers - active : 0;
}

static void start_ready(struct pm_run *run, struct pm_pool *pool)
{
	unsigned room = free_workers(run);
	bool went_well;
	bool removals = givers_over(run, &went_well);

	if (removals && !went_well)
		hold_deletes(run);
	for (size_t i = 0; i < run->plan->n && room > 0; i++) {
		const struct pm_action *a = &run->plan->v[i];

		if (run->phase[i] != PM_PH_WAITING || !all_before_over(run, a) ||
			(takes_away(a) && !removals) || vmid_busy(run, vmid_of(a)))
			continue;
		launch(run, pool, i);
		room--;
	}
}

/* Until an action ends or somebody parks. The state may have changed since it was last looked at: then
 * there is no waiting. */
static void wait_change(struct pm_run *run, unsigned parked_before)
{
	(void)pthread_mutex_lock(&run->lock);
	while (!run->finished && run->parked <= parked_before)
		(void)pthread_cond_wait(&run->changed, &run->lock);
	(void)pthread_mutex_unlock(&run->lock);
}

static void schedule(struct pm_run *run, struct pm_pool *pool)
{
	for (;;) {
		unsigned parked;

		(void)pthread_mutex_lock(&run->lock);
		parked = run->parked;
		(void)pthread_mutex_unlock(&run->lock);
		collect(run);
		skip_hopeless(run);
		start_ready(run, pool);
		if (run->running == 0)
			break;
		wait_change(run, parked);
	}
	for (size_t i = 0; i < run->plan->n; i++) {
		if (run->phase[i] == PM_PH_WAITING)
			skip(run, i, PM_E_BUG, "waits for itself");
	}
}

/* ---- before the first action ---- */

static int by_number(const void *a, const void *b)
{
	unsigned x = *(const unsigned *)a;
	unsigned y = *(const unsigned *)b;

	return (x > y) - (x < y);
}

static void note_vmids(struct pm_run *run, const struct pm_set *live)
{
	unsigned *v = pm_new_n(run->job->arena, unsigned, live->n + 1);

	for (size_t i = 0; i < live->n; i++)
		v[i] = live->v[i]->live->vmid;
	qsort(v, live->n, sizeof(*v), by_number);
	run->known = v;
	run->nknown = live->n;
	for (size_t i = 0; i < live->n; i++)
		pm_vmid_taken(run, v[i]);
	for (size_t i = 0; i < run->plan->n; i++) {
		if (vmid_of(&run->plan->v[i]) > 0)
			pm_vmid_taken(run, vmid_of(&run->plan->v[i]));
		if (run->plan->v[i].holder > 0)
			pm_vmid_taken(run, run->plan->v[i].holder);
	}
}

static void keep_the_kept(struct pm_run *run)
{
	for (size_t i = 0; i < run->plan->n; i++) {
		if (run->plan->v[i].verb != PM_V_KEEP)
			continue;
		run->rep->v[i].outcome = PM_NOTHING;
		end_action(run, i);
	}
}

static bool creates(const struct pm_plan *p)
{
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].verb == PM_V_CREATE)
			return true;
	}
	return false;
}

static void run_done(struct pm_run *run)
{
	pm_set_done(&run->newcomers);
	pm_journal_close(run->journal);
	for (size_t i = 0; i < run->places.n; i++)
		free((void *)run->places.v[i].key);
	pm_vec_done(&run->places);
	pm_vec_done(&run->taken);
	(void)pthread_cond_destroy(&run->changed);
	(void)pthread_mutex_destroy(&run->lock);
}

static int run_all(struct pm_run *run, struct pm_error *err)
{
	unsigned threads = run->e->workers + SPARE_THREADS;
	struct pm_pool *pool;
	int r;

	r = pm_journal_recover(run->e, run->job, run->journal, err);
	if (r < 0)
		return r;
	if (creates(run->plan)) {
		r = pm_run_newcomers(run, run->job, &run->newcomers, err);
		if (r < 0)
			return pm_error_wrap(err, "looking for guests that are there already");
	}
	keep_the_kept(run);
	if (run->plan->n == 0)
		return 0;
	pool = pm_pool_new(threads < run->plan->n ? threads : (unsigned)run->plan->n);
	schedule(run, pool);
	pm_pool_free(pool);
	return 0;
}

int pm_exec_run(struct pm_exec *e, struct pm_job *j, const struct pm_plan *p,
	const struct pm_set *live, struct pm_report *ret, struct pm_error *err)
{
	struct pm_run run = { .e = e, .plan = p, .job = j, .rep = ret };
	int r = 0;

	if (p->refused)
		return pm_error_set(err, PM_E_REFUSED, "a guard forbids this plan");
	memset(ret, 0, sizeof(*ret));
	ret->n = p->n;
	ret->v = pm_new_n(j->arena, struct pm_result, p->n + 1);
	run.phase = pm_new_n(j->arena, enum pm_phase, p->n + 1);
	(void)pthread_mutex_init(&run.lock, NULL);
	(void)pthread_cond_init(&run.changed, NULL);
	note_vmids(&run, live);
	if (e->o.journal_dir)
		r = pm_journal_open(e->o.journal_dir, e->o.set, j->clock, &run.journal, err);
	if (r == 0)
		r = run_all(&run, err);
	run_done(&run);
	return r;
}

int pm_exec_recover(struct pm_exec *e, struct pm_job *j, struct pm_error *err)
{
	struct pm_journal *journal = NULL;
	int r;

	if (!e->o.journal_dir)
		return 0;
	r = pm_journal_open(e->o.journal_dir, e->o.set, j->clock, &journal, err);
	if (r == 0)
		r = pm_journal_recover(e, j, journal, err);
	pm_journal_close(journal);
	return r;
}
