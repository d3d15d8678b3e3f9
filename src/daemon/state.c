/* What the board shows of each object, made of the manifests, the plan, what was held, and the report. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "daemon/daemon_priv.h"

#define TELL_MOST 20 /* entries of one cycle */

struct showing {
	struct pm_keeper *k;
	const struct pm_shown *s;
	struct pm_arena *a;
	struct pm_map objects; /* by id */
};

static struct pm_board_object *show(struct showing *w, const char *id)
{
	struct pm_board_object *x = pm_map_get(&w->objects, id);

	if (x)
		return x;
	x = pm_new(w->a, struct pm_board_object);
	x->id = id;
	x->verb = PM_V_KEEP;
	(void)pm_map_set(&w->objects, id, x);
	return x;
}

static void place(struct pm_board_object *o, const struct pm_obj *have)
{
	if (!have || !have->live)
		return;
	o->vmid = have->live->vmid;
	o->node = have->live->node;
}

/* Without an action an object is as it should be. */
static void show_wanted(struct showing *w)
{
	const struct pm_cycle *c = w->s->cycle;

	for (size_t i = 0; i < c->want.n; i++) {
		const struct pm_obj *o = c->want.v[i];
		struct pm_board_object *x = show(w, pm_obj_id(w->a, o));

		x->sync = PM_SYNC_OK;
		place(x, pm_set_find(&c->have, o->kind, o->ns, o->name));
	}
}

static void show_failing(struct showing *w, struct pm_board_object *x)
{
	const struct pm_fail *f = pm_fails_get(&w->k->fails, x->id);
	uint64_t now = pm_mono_ns(w->k->clock);

	if (!f)
		return;
	x->sync = PM_SYNC_FAILING;
	x->attempts = f->attempts;
	x->code = f->code;
	x->why = f->why;
	x->next_ms = pm_wall_ms(w->k->clock);
	if (f->next > now)
		x->next_ms += (int64_t)((f->next - now) / PM_MS_NS);
}

static bool is_unknown(const struct pm_action *a)
{
	return a->have && a->have->live && (a->have->live->unreachable || a->have->live->unread);
}

static void show_action(struct showing *w, size_t i)
{
	const struct pm_action *a = &w->s->cycle->plan.v[i];
	const struct pm_held *h = &w->s->holding->v[i];
	struct pm_board_object *x = show(w, pm_action_id(w->a, a));

	place(x, a->have);
	if (a->vmid > 0 && x->vmid == 0)
		x->vmid = a->vmid;
	if (a->node && !x->node)
		x->node = a->node;
	x->verb = h->verb;
	x->by = h->by;
	x->why = a->reason;
	x->changes = pm_tell_changes(w->a, a);
	if (h->yes)
		x->sync = h->sync;
	else if (a->verb == PM_V_KEEP)
		x->sync = is_unknown(a) ? PM_SYNC_UNKNOWN : PM_SYNC_HELD;
	else
		x->sync = PM_SYNC_DIFFERS;
	x->next_ms = h->next_ms;
	if (x->sync == PM_SYNC_FAILING)
		show_failing(w, x);
}

static void show_result(struct showing *w, size_t i)
{
	const struct pm_action *a = &w->s->cycle->plan.v[i];
	const struct pm_result *r = &w->s->report->v[i];
	struct pm_board_object *x = show(w, pm_action_id(w->a, a));

	if (a->verb == PM_V_KEEP)
		return;
	if (r->vmid > 0)
		x->vmid = r->vmid;
	if (r->outcome == PM_SKIPPED) {
		x->sync = r->err.code == PM_E_CANCELLED ? PM_SYNC_DIFFERS : PM_SYNC_HELD;
		x->why = r->err.msg;
	} else if (pm_result_failed(r)) {
		show_failing(w, x);
	} else if (r->restart_pending) {
		x->sync = PM_SYNC_HELD;
		x->why = "written; waits for a restart of the guest";
	} else {
		x->sync = PM_SYNC_OK;
		x->verb = PM_V_KEEP;
		x->changes = NULL;
		x->why = NULL;
	}
}

/* What was removed is no object any more. */
static void drop_removed(struct showing *w)
{
	const struct pm_plan *p = &w->s->cycle->plan;

	for (size_t i = 0; i < p->n; i++)
		if (p->v[i].verb == PM_V_DELETE && w->s->report->v[i].outcome == PM_DONE)
			show(w, pm_action_id(w->a, &p->v[i]))->id = NULL;
}

/* An object that is suspended is shown so, also while it is in sync. */
static void show_suspended(struct showing *w)
{
	struct pm_board_view v;

	pm_board_view(w->k->board, w->a, 0, &v);
	for (size_t i = 0; i < v.nsuspensions; i++) {
		const struct pm_board_suspension *s = &v.suspension[i];
		struct pm_board_object *x = s->object ? pm_map_get(&w->objects, s->object) : NULL;

		if (!x || x->sync != PM_SYNC_OK)
			continue;
		x->sync = PM_SYNC_SUSPENDED;
		x->why = s->reason;
		x->by = s->by;
		x->next_ms = s->until_ms;
	}
}

static int compare_id(const void *id, const void *o)
{
	return strcmp(id, ((const struct pm_board_object *)o)->id);
}

/* Says of each object that it is held from now on; of very many only how many. */
static void tell_held(
	struct pm_keeper *k, const struct pm_board_object *v, size_t n, struct pm_arena *a)
{
	struct pm_board_view old;
	unsigned held = 0;

	pm_board_view(k->board, a, PM_BOARD_OBJECTS, &old);
	for (size_t i = 0; i < n; i++) {
		const struct pm_board_object *was = NULL;

		if (v[i].sync != PM_SYNC_HELD)
			continue;
		if (k->shown && old.nobjects > 0)
			was = bsearch(v[i].id, old.object, old.nobjects, sizeof(*was), compare_id);
		if (was && was->sync == PM_SYNC_HELD && pm_str_eq(was->why, v[i].why))
			continue;
		if (held++ < TELL_MOST)
			pm_tell_happened(k, (struct pm_board_entry){ .what = PM_HAP_HELD,
						    .object = v[i].id,
						    .verb = pm_verb_name(v[i].verb),
						    .vmid = v[i].vmid,
						    .text = v[i].why });
	}
	if (held > TELL_MOST)
		pm_tell_happened(
			k, (struct pm_board_entry){ .what = PM_HAP_HELD,
				   .text = pm_arena_printf(
					   a, "%u more objects are held back", held - TELL_MOST) });
	k->shown = true;
}

void pm_states_show(struct pm_keeper *k, const struct pm_shown *s, struct pm_arena *a)
{
	struct showing w = { .k = k, .s = s, .a = a };
	struct pm_board_object *v;
	size_t n = 0;

	show_wanted(&w);
	for (size_t i = 0; i < s->cycle->plan.n; i++)
		show_action(&w, i);
	for (size_t i = 0; s->report && i < s->report->n; i++)
		show_result(&w, i);
	show_suspended(&w);
	if (s->report)
		drop_removed(&w);
	v = pm_new_n(a, struct pm_board_object, w.objects.n + 1);
	for (size_t i = 0; i < w.objects.n; i++) {
		v[n] = *(const struct pm_board_object *)w.objects.v[i].value;
		n += v[n].id != NULL;
	}
	tell_held(k, v, n, a);
	pm_board_objects(k->board, v, n);
	pm_map_done(&w.objects);
}

void pm_states_files(struct pm_keeper *k, const struct pm_diags *d, struct pm_arena *a)
{
	struct pm_board_file *v = pm_new_n(a, struct pm_board_file, d->nerrors + 1);
	size_t n = 0;

	for (const struct pm_diag *x = d->first; x && n < d->nerrors; x = x->next) {
		if (x->severity != PM_ERROR || !x->pos.file)
			continue;
		/* Findings are sorted: one a file. */
		if (n > 0 && strcmp(v[n - 1].path, x->pos.file) == 0)
			continue;
		v[n++] = (struct pm_board_file){ .path = x->pos.file,
			.line = x->pos.line,
			.column = x->pos.column,
			.why = x->msg,
			.kept = pm_store_has_good(&k->store, x->pos.file) };
	}
	pm_board_files(k->board, v, n);
}

void pm_states_cluster(struct pm_keeper *k, const struct pm_facts *f, struct pm_arena *a)
{
	struct pm_board_node *v = pm_new_n(a, struct pm_board_node, f->nnodes + 1);
	struct pm_board_cluster c = { .name = f->cluster,
		.version = f->version,
		.known = true,
		.quorate = f->quorate,
		.node = v,
		.nnodes = f->nnodes,
		.nguests = f->nguests };

	for (unsigned i = 0; i < f->nnodes; i++)
		v[i] = (struct pm_board_node){ f->nodes[i].name, f->nodes[i].online };
	if (!f->quorate)
		c.paused = PM_NO_QUORUM;
	pm_board_cluster(k->board, &c);
}
