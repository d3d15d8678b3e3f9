/* Tasks: UPIDs, the time they take, the config lock they wait for, their log. Nothing runs: a task begins
 * and ends when the clock has got there, and what it does happens at its end. Events are done in the
 * order of their times, however far the clock jumped. */
#include "sim/sim_priv.h"

#define LOCK_WAIT_NS (10 * PM_S_NS)
#define MOST_TASKS   5000

struct sim_task *pm_s_task_new(struct pm_sim *s, unsigned node, const char *user, const char *type,
	const char *id, unsigned vmid)
{
	struct sim_task *t = pm_xcalloc(1, sizeof(*t));
	cleanup_buf struct pm_buf upid = PM_BUF(0);

	t->node = node;
	t->vmid = vmid;
	t->ms = -1;
	t->pid = s->next_pid++;
	t->pstart = (unsigned)((s->now_ns - s->born_ns) / (10 * PM_MS_NS)) + 240000;
	t->start_s = s->wall_ms / 1000;
	t->begun_ns = s->now_ns;
	t->type = pm_xstrdup(type);
	t->id = pm_xstrdup(id);
	t->user = pm_xstrdup(user);
	pm_buf_addf(&upid, "UPID:%s:%08X:%08X:%08X:%s:%s:%s:", s->node[node].name, t->pid,
		t->pstart, (unsigned)t->start_s, type, id, user);
	t->upid = pm_buf_steal(&upid);
	t->log = (struct pm_buf)PM_BUF(1 << 20);
	return t;
}

struct sim_task *pm_s_task(struct sim_call *c, const char *type, const char *id, unsigned vmid)
{
	return pm_s_task_new(c->s, c->node, c->authid, type, id, vmid);
}

void pm_s_task_free(struct sim_task *t)
{
	free(t->upid);
	free(t->type);
	free(t->id);
	free(t->user);
	free(t->status);
	free(t->fails);
	pm_buf_done(&t->log);
	pm_s_conf_done(&t->args);
	free(t);
}

void pm_s_task_arg(struct sim_task *t, const char *k, const char *v)
{
	if (v)
		pm_s_conf_set(&t->args, k, v);
}

const char *pm_s_task_get(const struct sim_task *t, const char *k)
{
	return pm_s_conf_get(&t->args, k);
}

static void log_line(struct sim_task *t, const char *before, const char *fmt, va_list ap)
	PM_PRINTF(3, 0);

static void log_line(struct sim_task *t, const char *before, const char *fmt, va_list ap)
{
	pm_buf_adds(&t->log, before);
	pm_buf_addv(&t->log, fmt, ap);
	pm_buf_addc(&t->log, '\n');
}

void pm_s_task_log(struct sim_task *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(t, "", fmt, ap);
	va_end(ap);
}

void pm_s_task_warn(struct sim_task *t, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(t, "WARN: ", fmt, ap);
	va_end(ap);
	t->warnings++;
}

void pm_s_task_fail(struct sim_task *t, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	va_list ap;

	if (t->fails)
		return;
	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	t->fails = pm_buf_steal(&text);
}

static uint64_t lock_free_at(const struct pm_sim *s, const struct sim_task *t)
{
	const struct sim_guest *g = t->vmid ? pm_s_guest(s, t->vmid) : NULL;

	if (!g || (g->holder == NULL && g->held_until_ns <= s->now_ns))
		return s->now_ns;
	return g->holder ? UINT64_MAX : g->held_until_ns;
}

static void release(struct pm_sim *s, const struct sim_task *t)
{
	struct sim_guest *g = t->vmid ? pm_s_guest(s, t->vmid) : NULL;

	if (g && g->holder == t)
		g->holder = NULL;
}

static int64_t wall_now(const struct pm_sim *s)
{
	return pm_wall_ms(&s->clock) - (int64_t)((pm_mono_ns(&s->clock) - s->now_ns) / PM_MS_NS);
}

static void over(struct pm_sim *s, struct sim_task *t, const char *status)
{
	size_t i = 0;

	pm_s_log(s, t->node, t->user, "pvedaemon", "end task %s %s", t->upid, status);
	t->state = SIM_ENDED;
	t->end_s = wall_now(s) / 1000;
	t->status = pm_xstrdup(status);
	release(s, t);
	while (i < s->running.n && s->running.v[i] != t)
		i++;
	if (i < s->running.n)
		memmove(&s->running.v[i], &s->running.v[i + 1],
			(--s->running.n - i) * sizeof(*s->running.v));
	pm_s_changed(s);
}

static void conclude(struct pm_sim *s, struct sim_task *t)
{
	char status[32] = "OK";

	if (!t->fails && t->end)
		t->end(s, t);
	if (!t->fails && t->more) {
		t->more = false;
		t->due_ns = s->now_ns + (uint64_t)(t->more_ms > 0 ? t->more_ms : 0) * PM_MS_NS;
		return;
	}
	if (t->fails) {
		if (t->undo)
			t->undo(s, t);
		pm_s_task_log(t, "TASK ERROR: %s", t->fails);
		over(s, t, t->fails);
		return;
	}
	if (t->warnings)
		(void)snprintf(status, sizeof(status), "WARNINGS: %u", t->warnings);
	pm_s_task_log(t, "TASK %s", status);
	over(s, t, status);
}

static void begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = t->vmid ? pm_s_guest(s, t->vmid) : NULL;
	int64_t ms;

	t->state = SIM_RUNNING;
	if (g)
		g->holder = t;
	if (t->begin)
		t->begin(s, t);
	ms = t->fails ? 0 : t->ms >= 0 ? t->ms : s->o.task_ms;
	t->due_ns = s->now_ns + (uint64_t)(ms > 0 ? ms : 0) * PM_MS_NS;
}

/* When the next thing happens to a task. */
static uint64_t next_of(const struct pm_sim *s, const struct sim_task *t)
{
	uint64_t at;

	if (t->state == SIM_RUNNING)
		return t->due_ns;
	at = lock_free_at(s, t);
	return at < t->give_up_ns ? at : t->give_up_ns;
}

static void step(struct pm_sim *s, struct sim_task *t)
{
	if (t->state == SIM_RUNNING) {
		conclude(s, t);
	} else if (lock_free_at(s, t) <= s->now_ns) {
		pm_s_task_log(t, " OK");
		begin(s, t);
	} else if (t->give_up_ns <= s->now_ns) {
		const struct sim_guest *g = pm_s_guest(s, t->vmid);
		char file[SIM_FILE];

		pm_s_task_fail(
			t, "can't lock file '%s' - got timeout", g ? pm_s_lock_file(g, file) : "");
		t->undo = NULL;
		conclude(s, t);
	}
}

void pm_s_tasks_advance(struct pm_sim *s)
{
	uint64_t until = s->now_ns;

	s->now_ns = s->advanced_ns ? s->advanced_ns : until;
	while (s->running.n) {
		struct sim_task *first = NULL;
		uint64_t at = UINT64_MAX;

		for (size_t i = 0; i < s->running.n; i++) {
			uint64_t n = next_of(s, s->running.v[i]);

			if (n < at) {
				at = n;
				first = s->running.v[i];
			}
		}
		if (!first || at > until)
			break;
		if (at > s->now_ns)
			s->now_ns = at;
		step(s, first);
	}
	s->now_ns = s->advanced_ns = until;
}

uint64_t pm_s_tasks_next(const struct pm_sim *s)
{
	uint64_t at = UINT64_MAX;

	for (size_t i = 0; i < s->running.n; i++) {
		uint64_t n = next_of(s, s->running.v[i]);

		at = n < at ? n : at;
	}
	if (at == UINT64_MAX)
		return at;
	return at > s->now_ns ? at - s->now_ns : 0;
}

void pm_s_task_start(struct pm_sim *s, struct sim_task *t)
{
	if (s->tasks.n >= MOST_TASKS && s->tasks.v[0]->state == SIM_ENDED) {
		pm_s_task_free(s->tasks.v[0]);
		memmove(&s->tasks.v[0], &s->tasks.v[1], --s->tasks.n * sizeof(*s->tasks.v));
	}
	pm_vec_push(&s->tasks, t);
	pm_vec_push(&s->running, t);
	pm_s_log(s, t->node, t->user, "pvedaemon", "starting task %s", t->upid);
	t->state = SIM_WAITING;
	t->give_up_ns = s->now_ns + LOCK_WAIT_NS;
	if (lock_free_at(s, t) > s->now_ns)
		pm_s_task_log(t, "trying to acquire lock...");
	else
		begin(s, t);
}

void pm_s_task_go(struct sim_call *c, struct sim_task *t)
{
	pm_s_task_start(c->s, t);
	pm_jw_str(&c->w, "data", t->upid);
}

void pm_s_task_cancel(struct pm_sim *s, struct sim_task *t)
{
	if (t->state == SIM_ENDED)
		return;
	if (t->state == SIM_RUNNING && t->undo)
		t->undo(s, t);
	if (!strcmp(t->type, "vzshutdown"))
		pm_s_task_log(t,
			"command 'lxc-stop -n %s --nokill --timeout %s' failed: received interrupt",
			t->id, pm_s_task_get(t, "timeout"));
	over(s, t, "unexpected status");
}

struct sim_task *pm_s_task_find(const struct pm_sim *s, const char *upid)
{
	for (size_t i = s->tasks.n; i-- > 0;)
		if (!strcmp(s->tasks.v[i]->upid, upid))
			return s->tasks.v[i];
	return NULL;
}
