/* The steps every verb is made of: reading again, waiting and trying again, saying in the journal what
 * is about to be sent, finding out what came of an answer that was lost, and comparing in the end. */
#include "base/log.h"
#include "base/retry.h"
#include "base/text.h"
#include "exec/exec_priv.h"
#include "model/guest.h"

#define MOST_CONFLICTS 5

void pm_act_event(struct pm_act *act, enum pm_event_type type, const char *fmt, ...)
{
	struct pm_exec *e = act->run->e;
	struct pm_buf text cleanup_buf = PM_BUF(1024);
	struct pm_event ev = { .type = type, .action = act->a };
	va_list ap;

	if (!e->o.event)
		return;
	va_start(ap, fmt);
	(void)pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	ev.text = pm_buf_str(&text);
	(void)pthread_mutex_lock(&e->event_lock);
	e->o.event(e->o.event_arg, &ev);
	(void)pthread_mutex_unlock(&e->event_lock);
}

/* ---- waiting ---- */

static void park(struct pm_act *act, int change)
{
	struct pm_run *run = act->run;

	(void)pthread_mutex_lock(&run->lock);
	run->parked += (unsigned)change;
	(void)pthread_cond_broadcast(&run->changed);
	(void)pthread_mutex_unlock(&run->lock);
}

struct pm_cancel *pm_act_patience(const struct pm_act *act)
{
	const struct pm_exec *e = act->run->e;

	return e && e->o.hurry ? e->o.hurry : act->job.cancel;
}

int pm_act_wait(struct pm_act *act, uint64_t ns, struct pm_error *err)
{
	int r;

	park(act, 1);
	r = pm_wait_ns(act->job.clock, ns, pm_act_patience(act));
	park(act, -1);
	return r < 0 ? pm_error_set(err, PM_E_CANCELLED, "ended while it waited") : 0;
}

static int again_locked(struct pm_act *act, struct pm_tries *t, struct pm_error *err)
{
	uint64_t limit = act->run->e->o.lock_wait_s * PM_S_NS;
	uint64_t now = pm_mono_ns(act->job.clock);

	if (t->locked_since_ns == 0)
		t->locked_since_ns = now;
	if (now - t->locked_since_ns >= limit)
		return pm_error_wrap(err, "waited %u s for the lock", act->run->e->o.lock_wait_s);
	pm_act_event(act, PM_EV_WAIT, "%s (%s %u): waits, for at most %u s", err->msg,
		pm_act_word(act), act->vmid, act->run->e->o.lock_wait_s);
	return 0;
}

int pm_act_again(struct pm_act *act, struct pm_tries *t, struct pm_error *err)
{
	struct pm_retry how = { .attempt = ++t->n, .idempotent = true };
	int64_t ms;
	int r;

	if (pm_cancelled(pm_act_patience(act), act->job.clock))
		return pm_error_set(err, PM_E_CANCELLED, "ended before it was tried again");
	if (err->code == PM_E_CONFLICT)
		return ++t->conflicts <= MOST_CONFLICTS ? 0 : -(int)err->code;
	if (err->code == PM_E_LOCKED) {
		r = again_locked(act, t, err);
		if (r < 0)
			return r;
		how.most = UINT32_MAX;
	}
	ms = pm_retry_delay_ms(&how, err, &act->rnd);
	if (ms < 0)
		return -(int)err->code;
	act->res.attempts++;
	if (err->code != PM_E_LOCKED)
		pm_act_event(act, PM_EV_WAIT, "%s: tries again", err->msg);
	pm_debug("tries again", PM_KV_S("object", act->id), PM_KV_S("error", err->msg),
		PM_KV_I("ms", ms));
	return pm_act_wait(act, (uint64_t)ms * PM_MS_NS, err);
}

/* ---- reading ---- */

/* Why it is not known what the guest holds; 0: it is known. */
static int unknown(const struct pm_obj *o, struct pm_error *err)
{
	const struct pm_live *l = o->live;

	if (l->unreachable)
		return pm_error_set(err, PM_E_UNREACHABLE,
			"node %s of %s %u does not answer: what it holds is unknown, and is left alone",
			l->node, pm_kind_word(o->kind), l->vmid);
	if (l->unread)
		return pm_error_set(err, PM_E_UNREACHABLE,
			"the configuration of %s %u cannot be read: %s", pm_kind_word(o->kind),
			l->vmid, l->unread_why ? l->unread_why : "no reason given");
	return 0;
}

static bool is_about_ha(const struct pm_action *a, const struct pm_obj *have)
{
	return (a->want && a->want->spec &&
		       pm_rec_get(a->want->spec, PM_G_HA)->state != PM_UNSET) ||
	       pm_ha_is_ours(have->live);
}

int pm_exec_look(struct pm_exec *e, struct pm_job *j, const struct pm_action *a, unsigned vmid,
	struct pm_obj **ret, struct pm_error *err)
{
	int r = pm_pve_read(e->o.pve, j, vmid, true, ret, err);

	if (r == 0 && (*ret)->spec && is_about_ha(a, *ret))
		r = pm_pve_read_ha(e->o.pve, j, ret, 1, err);
	return r;
}

int pm_act_look(struct pm_act *act, unsigned vmid, struct pm_obj **ret, struct pm_error *err)
{
	struct pm_obj *o = NULL;
	int r = pm_exec_look(act->run->e, &act->job, act->a, vmid, &o, err);

	if (r == 0)
		r = unknown(o, err);
	if (r == 0)
		*ret = o;
	return r;
}

int pm_act_read(struct pm_act *act, struct pm_obj **ret, struct pm_error *err)
{
	int r = pm_act_look(act, act->vmid, ret, err);

	if (r == 0)
		act->node = (*ret)->live->node;
	return r;
}

int pm_act_locked(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	const char *lock = have->live->lock, *word = pm_act_word(act);
	bool vm = pm_str_eq(have->live->type, "qemu");

	if (!lock)
		return 0;
	if (pm_str_eq(lock, "create") || pm_str_eq(lock, "clone") || pm_str_eq(lock, "destroyed") ||
		pm_str_eq(lock, "disk"))
		return pm_error_set(err, PM_E_LOCKED,
			"%s is locked (%s); when no task of it runs any more it was interrupted in the "
			"middle, and only \"%s unlock %u\" on node %s helps",
			word, lock, vm ? "qm" : "pct", act->vmid, have->live->node);
	return pm_error_set(err, PM_E_LOCKED, "%s is locked (%s)", word, lock);
}

bool pm_obj_runs(const struct pm_obj *have)
{
	return pm_str_eq(have->live->status, "running");
}

int pm_obj_wants_running(const struct pm_obj *want)
{
	const char *state = pm_rec_str(want->spec, PM_G_STATE, "running");

	if (pm_str_eq(state, "ignored"))
		return -1;
	return pm_str_eq(state, "running");
}

/* ---- ownership ---- */

bool pm_act_owns(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *o = act->a->want ? act->a->want : act->a->have;
	const struct pm_marker *m = have->live->marker;

	pm_assert(o);
	return m && m->vmid == have->live->vmid && pm_str_eq(m->set, act->run->e->o.set) &&
	       pm_str_eq(m->kind, o->kind->name) && pm_str_eq(m->ns, o->ns) &&
	       pm_str_eq(m->name, o->name);
}

bool pm_act_knows(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *seen = act->a->have;
	const struct pm_marker *m = have->live->marker;
	const struct pm_marker *was = seen && seen->live ? seen->live->marker : NULL;

	if (pm_act_owns(act, have))
		return true;
	return m && was && m->vmid == have->live->vmid && pm_str_eq(m->set, act->run->e->o.set) &&
	       pm_str_eq(m->kind, was->kind) && pm_str_eq(m->ns, was->ns) &&
	       pm_str_eq(m->name, was->name) && pm_str_eq(m->uid, was->uid);
}

static const char *new_uid(struct pm_arena *a)
{
	unsigned char bytes[16];
	char *uid = pm_arena_alloc(a, 2 * sizeof(bytes) + 1, 1);

	pm_random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		(void)snprintf(uid + 2 * i, 3, "%02x", bytes[i]);
	return uid;
}

/* What becomes of the guest when its manifest is gone must be known then; the usual needs no word. */
static const char *on_remove(const struct pm_obj *want)
{
	const char *word = pm_rec_str(want->spec, PM_G_LIFE_ON_REMOVE, NULL);

	return pm_str_eq(word, "delete") ? NULL : word;
}

/* The image is what the guest was made from: a manifest that names another one does not change that. */
struct pm_marker *pm_exec_marker(struct pm_arena *a, const struct pm_exec_opts *o,
	const struct pm_obj *want, const struct pm_marker *old)
{
	struct pm_marker *m = pm_new(a, struct pm_marker);

	m->set = o->set;
	m->kind = want->kind->name;
	m->ns = want->ns;
	m->name = want->name;
	m->uid = old && old->uid ? old->uid : new_uid(a);
	m->root = o->root;
	m->image = old ? old->image : pm_rec_str(want->spec, PM_G_IMAGE, NULL);
	m->hash = pm_marker_hash(a, want);
	m->on_remove = on_remove(want);
	m->done = true;
	m->of = want->podset;
	m->needs = pm_marker_needs(a, want->spec);
	m->fields = pm_marker_fields(a, want->spec);
	return m;
}

const struct pm_marker *pm_act_marker(struct pm_act *act, const struct pm_obj *have, bool done)
{
	const struct pm_marker *old = have && pm_act_knows(act, have) ? have->live->marker : NULL;
	struct pm_marker *m = pm_exec_marker(act->job.arena, &act->run->e->o, act->a->want, old);

	m->vmid = act->vmid;
	m->done = done;
	if (old && act->a->steps & PM_STEP_HA && !act->ha_done)
		m->fields = pm_marker_keeping(act->job.arena, m->fields, old, pm_ha_key);
	m->detached = pm_detached_after(act->job.arena, act->a->want, have);
	return m;
}

/* ---- journal ---- */

static void intend(struct pm_act *act, struct pm_intent i)
{
	i.object = act->id;
	act->changed = true;
	/* What came of one before was looked at, or this would not be sent. */
	pm_journal_result(act->run->journal, act->intent, "sent again");
	pm_journal_intent(act->run->journal, &i);
	act->intent = i.id;
}

void pm_act_intent(struct pm_act *act, const char *task)
{
	pm_act_intent_id(act, task, NULL);
}

void pm_act_intent_id(struct pm_act *act, const char *task, const char *id)
{
	intend(act, (struct pm_intent){ .task = task,
			    .work = id,
			    .node = act->node ? act->node : "",
			    .vmid = act->vmid });
}

void pm_act_intent_at(struct pm_act *act, const char *task, const struct pm_obj *at)
{
	intend(act,
		(struct pm_intent){ .task = task, .node = at->live->node, .vmid = at->live->vmid });
}

/* An end that is not known stays open in the journal: the next run looks. */
void pm_act_result(struct pm_act *act, int r, const struct pm_error *err)
{
	if (r < 0 && (r == -PM_E_CANCELLED || err->maybe_sent))
		return;
	act->task[0] = '\0';
	pm_journal_result(act->run->journal, act->intent, r < 0 ? pm_code_name(err->code) : "ok");
	act->intent = 0;
}

static void settle(struct pm_act *act, struct pm_task_query q)
{
	struct pm_pve *pve = act->run->e->o.pve;
	struct pm_error why;
	struct pm_task t;

	q.since_s = pm_wall_ms(act->job.clock) / 1000 - PM_CLOCK_SLACK_S;
	if (!q.node || pm_task_find(pve, &act->job, &q, &t, &why) < 0)
		return;
	pm_journal_task(act->run->journal, act->intent, t.upid);
	pm_act_event(act, PM_EV_PROGRESS, "follows task %s", t.upid);
	if (pm_task_wait(pve, &act->job, &t, &why) < 0)
		pm_debug("a task that was followed did not end well", PM_KV_S("object", act->id),
			PM_KV_S("why", why.msg));
}

void pm_act_settle(struct pm_act *act, const char *task)
{
	pm_act_settle_id(act, task, NULL);
}

void pm_act_settle_id(struct pm_act *act, const char *task, const char *id)
{
	settle(act, (struct pm_task_query){
			    .node = act->node, .vmid = act->vmid, .type = task, .id = id });
}

void pm_act_settle_at(struct pm_act *act, const char *task, const struct pm_obj *at)
{
	settle(act, (struct pm_task_query){
			    .node = at->live->node, .vmid = at->live->vmid, .type = task });
}

/* ---- comparing ---- */

bool pm_change_left_out(const struct pm_action *a, const struct pm_change *c)
{
	for (size_t i = 0; i < a->nchanges; i++) {
		if (pm_str_eq(a->change[i].path, c->path))
			return a->change[i].blocked;
	}
	return c->blocked;
}

/* A setting that left the manifest is in no comparison any more, but it may still wait for its end. */
static bool removal_waits(const struct pm_action *a, const struct pm_obj *have)
{
	for (unsigned k = 0; k < have->live->npending; k++) {
		const struct pm_pending *p = &have->live->pending[k];

		for (size_t i = 0; p->field && i < a->nchanges; i++) {
			const struct pm_change *c = &a->change[i];

			if (!c->to && !c->blocked &&
				c->field == pm_field_index(have->kind, p->field) &&
				(p->field->count == 0 || c->slot == p->slot))
				return true;
		}
	}
	return false;
}

size_t pm_act_diff(struct pm_act *act, const struct pm_obj *have, const struct pm_change ***ret,
	bool *ret_waiting)
{
	struct pm_change *all = NULL;
	size_t n = pm_diff_obj(act->job.arena, act->a->want, have, &all);
	const struct pm_change **v = pm_new_n(act->job.arena, const struct pm_change *, n + 1);
	bool waiting = removal_waits(act->a, have);
	size_t left = 0;

	for (size_t i = 0; i < n; i++) {
		if (all[i].waiting)
			waiting = true;
		else if (!pm_change_left_out(act->a, &all[i]))
			v[left++] = &all[i];
	}
	*ret = v;
	if (ret_waiting)
		*ret_waiting = waiting;
	return left;
}

int pm_act_verify(struct pm_act *act, struct pm_error *err)
{
	const struct pm_change **left;
	struct pm_obj *have = NULL;
	bool waiting;
	int wants_running = pm_action_powers(act->a) ? pm_obj_wants_running(act->a->want) : -1;
	int r = pm_act_read(act, &have, err);

	if (r != 0)
		return pm_error_wrap(err, "reading back");
	if (pm_act_diff(act, pm_obj_after(act->job.arena, act->a, have), &left, &waiting) > 0)
		act->res.unstable = left[0]->path;
	else if (wants_running >= 0 && (bool)wants_running != pm_obj_runs(have))
		act->res.unstable = "state";
	act->res.restart_pending = waiting && pm_obj_runs(have);
	return 0;
}
