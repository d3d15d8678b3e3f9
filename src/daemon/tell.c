/* What the daemon writes to the log: findings once, actions as they end, plans where nothing is done. */
#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"

#define FINDINGS_MAX 50
#define CHANGES_MAX  8

const char *pm_tell_changes(struct pm_arena *a, const struct pm_action *action)
{
	cleanup_buf struct pm_buf text = PM_BUF(1000);

	if (action->nchanges == 0)
		return NULL;
	for (size_t i = 0; i < action->nchanges && i < CHANGES_MAX; i++) {
		const struct pm_change *c = &action->change[i];

		(void)pm_buf_addf(&text, "%s%s %s -> %s%s%s", text.len > 0 ? ", " : "", c->path,
			c->from ? c->from : "absent", c->to ? c->to : "absent",
			c->waiting || c->blocked ? " " : "",
			c->waiting   ? "(waits for a restart)"
			: c->blocked ? "(not done)"
				     : "");
	}
	if (action->nchanges > CHANGES_MAX)
		(void)pm_buf_addf(&text, " and %zu more", action->nchanges - CHANGES_MAX);
	return pm_arena_strndup(a, pm_buf_str(&text), text.len);
}

/* Not failed: we were told to stop. */
static bool is_cut(const struct pm_event *e)
{
	return e->result && e->result->err.code == PM_E_CANCELLED;
}

static const char *message_of(const struct pm_event *e)
{
	static const char *const done[PM_VERB_MAX] = { [PM_V_CREATE] = "created",
		[PM_V_UPDATE] = "updated",
		[PM_V_REPLACE] = "replaced",
		[PM_V_DELETE] = "deleted",
		[PM_V_START] = "started",
		[PM_V_STOP] = "stopped",
		[PM_V_KEEP] = "kept" };

	switch (e->type) {
	case PM_EV_DONE:
		return done[e->action->verb];
	case PM_EV_FAILED:
		return is_cut(e) ? "left for later" : "failed";
	case PM_EV_SKIPPED:
		return "skipped";
	case PM_EV_WAIT:
		return "waiting";
	case PM_EV_START:
		return "starting";
	default:
		return "working";
	}
}

static enum pm_level level_of(const struct pm_event *e)
{
	switch (e->type) {
	case PM_EV_DONE:
		return e->result && e->result->unstable ? PM_LOG_WARNING : PM_LOG_INFO;
	case PM_EV_FAILED:
		return is_cut(e) ? PM_LOG_INFO : PM_LOG_ERROR;
	case PM_EV_SKIPPED:
		return PM_LOG_WARNING;
	case PM_EV_WAIT:
		return PM_LOG_INFO;
	default:
		return PM_LOG_DEBUG;
	}
}

static unsigned vmid_of(const struct pm_event *e)
{
	const struct pm_action *a = e->action;
	unsigned vmid = e->result && e->result->vmid > 0 ? e->result->vmid : a->vmid;

	return vmid == 0 && a->have && a->have->live ? a->have->live->vmid : vmid;
}

void pm_tell_happened(struct pm_keeper *k, struct pm_board_entry e)
{
	e.revision = k->tree_id;
	pm_board_happened(k->board, &e);
}

/* The same failure again is in the log, not once more in the history. */
static bool is_old_news(const struct pm_keeper *k, const char *id, const struct pm_error *err)
{
	const struct pm_fail *f = pm_fails_get(&k->fails, id);

	return f && strcmp(f->why, err->msg) == 0;
}

static void note_event(struct pm_keeper *k, struct pm_arena *a, const struct pm_event *e)
{
	const char *id = pm_action_id(a, e->action);
	struct pm_board_entry entry = {
		.object = id, .verb = pm_verb_name(e->action->verb), .vmid = vmid_of(e)
	};

	pm_board_progress(k->board);
	if (e->type == PM_EV_DONE) {
		if (e->result->outcome == PM_NOTHING)
			return;
		entry.what = PM_HAP_APPLIED;
		entry.text = pm_tell_changes(a, e->action);
	} else if (e->type == PM_EV_FAILED) {
		if (e->result->err.code == PM_E_CANCELLED || is_old_news(k, id, &e->result->err))
			return;
		entry.what = PM_HAP_FAILED;
		entry.text = e->result->err.msg;
		entry.code = e->result->err.code;
	} else {
		return;
	}
	entry.took_ms = (uint32_t)e->result->took_ms;
	pm_tell_happened(k, entry);
}

void pm_tell_event(void *arg, const struct pm_event *e)
{
	const struct pm_action *action = e->action;
	const struct pm_result *result = e->result;
	enum pm_level level = level_of(e);
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	struct pm_kv kv[8];
	unsigned n = 0, vmid = vmid_of(e);

	note_event(arg, a, e);
	if (!pm_log_enabled(level))
		return;
	kv[n++] = PM_KV_S("object", pm_action_id(a, action));
	kv[n++] = PM_KV_S("action", pm_verb_name(action->verb));
	if (vmid > 0)
		kv[n++] = PM_KV_I("vmid", vmid);
	if (action->nchanges > 0 && e->type == PM_EV_DONE)
		kv[n++] = PM_KV_S("changes", pm_tell_changes(a, action));
	if (result && result->unstable)
		kv[n++] = PM_KV_S("unstable", result->unstable);
	if (result && result->restart_pending)
		kv[n++] = PM_KV_S("pending", "restart");
	if (result && result->err.code != PM_OK)
		kv[n++] = PM_KV_S("error", result->err.msg);
	if (e->text)
		kv[n++] = PM_KV_S("what", e->text);
	pm_log_write(level, message_of(e), kv, n);
}

static uint64_t hash_of(const struct pm_diags *d)
{
	uint64_t h = 1;

	for (const struct pm_diag *diag = d->first; diag; diag = diag->next) {
		const char *file = diag->pos.file ? diag->pos.file : "";

		h = pm_hash(file, strlen(file), h);
		h = pm_hash(diag->msg, strlen(diag->msg), h ^ diag->pos.line);
	}
	return h;
}

static const enum pm_level levels
	[] = { [PM_NOTE] = PM_LOG_INFO, [PM_WARNING] = PM_LOG_WARNING, [PM_ERROR] = PM_LOG_ERROR };

static void tell_finding(struct pm_arena *a, const struct pm_diag *d)
{
	const char *where = d->pos.file ? d->pos.file : "";
	struct pm_kv kv[2];
	unsigned n = 0;

	if (d->pos.line > 0)
		where = pm_arena_printf(a, "%s:%u:%u", where, d->pos.line, d->pos.column);
	if (where[0])
		kv[n++] = PM_KV_S("at", where);
	if (d->hint)
		kv[n++] = PM_KV_S("help", d->hint);
	pm_log_write(levels[d->severity], d->msg, kv, n);
}

uint64_t pm_tell_findings(const struct pm_diags *d, uint64_t last)
{
	struct pm_arena *a cleanup_arena = NULL;
	uint64_t hash = hash_of(d);
	unsigned n = 0;

	if (hash == last || !d->first)
		return hash;
	a = pm_arena_new(0);
	for (const struct pm_diag *diag = d->first; diag && n < FINDINGS_MAX; diag = diag->next) {
		if (!pm_log_enabled(levels[diag->severity]))
			continue;
		tell_finding(a, diag);
		n++;
	}
	if (n == FINDINGS_MAX)
		pm_warning("more findings are not shown", PM_KV_I("errors", d->nerrors));
	return hash;
}

static uint64_t hash_of_plan(struct pm_arena *a, const struct pm_plan *p)
{
	uint64_t h = 1;

	for (size_t i = 0; i < p->n; i++) {
		const char *id = pm_action_id(a, &p->v[i]);
		const char *changes = pm_tell_changes(a, &p->v[i]);

		h = pm_hash(id, strlen(id), h ^ p->v[i].verb);
		if (changes)
			h = pm_hash(changes, strlen(changes), h);
	}
	return h;
}

uint64_t pm_tell_plan(const struct pm_plan *p, const char *msg, uint64_t last)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	uint64_t hash = hash_of_plan(a, p);

	for (size_t i = 0; i < p->n && hash != last; i++) {
		const struct pm_action *action = &p->v[i];

		if (action->verb == PM_V_KEEP)
			continue;
		pm_info(msg, PM_KV_S("object", pm_action_id(a, action)),
			PM_KV_S("action", pm_verb_name(action->verb)),
			PM_KV_S("changes", pm_tell_changes(a, action)),
			PM_KV_S("reason", action->reason));
	}
	return hash;
}
