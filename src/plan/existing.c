/* A wanted object and the guest that is it: what differs, what that asks for, and who agreed to it. */
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/detached.h"
#include "model/ignore.h"
#include "model/volume.h"
#include "plan/plan_priv.h"

/** What the changes of one object come to. */
struct verdict {
	unsigned steps;
	enum pm_impact impact;
	bool replaces, waits, pends, moves, does; /* does: something to do besides a restart */
};

/* Is that value, by its name and line, in the record? */
static bool rec_names(const struct pm_rec *r, const char *name, unsigned line)
{
	for (unsigned i = 0; i < r->kind->nfields; i++)
		if (strcmp(r->kind->fields[i].name, name) == 0 && r->val[i].line == line)
			return true;
	return false;
}

static bool row_names(
	const struct pm_field *f, const struct pm_value *v, const char *name, unsigned line)
{
	if (v->state != PM_SET || f->type != PM_T_PROPS)
		return false;
	if (f->count == 0)
		return rec_names(v->u.rec, name, line);
	for (size_t i = 0; i < v->u.recs->n; i++)
		if (rec_names(v->u.recs->v[i], name, line))
			return true;
	return false;
}

/* "features.keyctl" of a value that is called keyctl. */
static const char *full_name(
	struct pm_arena *a, const struct pm_obj *want, const char *name, unsigned line)
{
	for (unsigned i = 0; i < want->kind->nfields; i++)
		if (row_names(&want->kind->fields[i], &want->spec->val[i], name, line))
			return pm_arena_printf(a, "%s.%s", want->kind->fields[i].name, name);
	return name;
}

bool pm_plan_lacks_root(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have)
{
	unsigned line = 0;
	const char *what;
	struct pm_diag *d;

	if (p->facts->root_pam)
		return false;
	what = pm_obj_needs_root(have ? pm_obj_ignoring(p->a, want, have) : want, have, &line);
	if (what == NULL)
		return false;
	d = pm_diag_add(p->d, PM_ERROR, (struct pm_pos){ .file = want->file, .line = line },
		"%s: %s may be set by root@pam with a password only; this login may not",
		pm_obj_title(p->a, want), full_name(p->a, want, what, line));
	pm_diag_hint(p->d, d, "log in as root@pam (auth: username and password), or leave it out");
	return true;
}

/* Version 9 has made rules of all HA groups, and refuses a resource that names one. */
bool pm_plan_lacks_group(struct pm_planner *p, const struct pm_obj *want)
{
	const struct pm_value *ha = &want->spec->val[PM_G_HA];
	const struct pm_value *group = ha->state == PM_SET ? &ha->u.rec->val[PM_HA_GROUP] : NULL;
	const char *version = p->facts->version;
	struct pm_diag *d;
	int64_t major;

	if (group == NULL || group->state != PM_SET || version == NULL ||
		pm_parse_int(pm_arena_strndup(p->a, version, strcspn(version, ".")), 0, 1000,
			&major) < 0 ||
		major < 9)
		return false;
	d = pm_diag_add(p->d, PM_ERROR, (struct pm_pos){ .file = want->file, .line = group->line },
		"%s: ha.group is of versions before 9.0, and this is %s", pm_obj_title(p->a, want),
		version);
	pm_diag_hint(p->d, d,
		"leave it out; where the guest may run is said by the rules of the HA manager");
	return true;
}

static void unblock(struct pm_change *c, const char *note)
{
	c->blocked = false;
	c->note = note;
}

/* Consent that the run gives, and facts that take it away again. */
static void consent(struct pm_planner *p, struct pm_change *c)
{
	const char *fault;

	if (c->impact != PM_I_MIGRATE && c->impact != PM_I_MOVE)
		return;
	if (c->blocked && p->o->allow_restart && c->to != NULL &&
		(c->down || c->impact == PM_I_MIGRATE))
		unblock(c, "stops and starts it");
	if (c->impact == PM_I_MOVE)
		return;
	fault = pm_plan_node_fault(p, c->to);
	if (fault != NULL) {
		c->blocked = true;
		c->note = fault;
	}
}

static bool may_replace(
	const struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have)
{
	return p->o->allow_replace && pm_allows_replace(want) && !pm_live_protected(have);
}

/* A growth leaves the volume's key alone, unless a value of it waits: that has the old size, and is written
 * again. */
static bool touches_disk(const struct pm_obj *have, const struct pm_change *c)
{
	const struct pm_field *f = &have->kind->fields[c->field];

	if (pm_volume_shape(f->sub) == NULL || c->impact == PM_I_MOVE)
		return false;
	for (unsigned i = 0; c->impact == PM_I_RESIZE && i < have->live->npending; i++) {
		const struct pm_pending *p = &have->live->pending[i];

		if (p->field == f && (f->count == 0 || p->slot == c->slot))
			return true;
	}
	return c->impact != PM_I_RESIZE;
}

static unsigned step_of(const struct pm_change *c)
{
	switch (c->impact) {
	case PM_I_RESIZE:
		return PM_STEP_RESIZE;
	case PM_I_MOVE:
		return PM_STEP_MOVE;
	case PM_I_MIGRATE:
		return PM_STEP_MIGRATE;
	default:
		if (c->field == PM_G_HA)
			return PM_STEP_HA;
		return c->field == PM_G_POOL ? PM_STEP_POOL : PM_STEP_CONFIG;
	}
}

static void weigh(struct verdict *v, const struct pm_change *c, const struct pm_obj *have)
{
	if (c->waiting) {
		v->waits = true;
		return;
	}
	if (c->blocked)
		return;
	v->does = true;
	v->steps |= step_of(c);
	if (c->impact > v->impact)
		v->impact = c->impact;
	if (c->impact == PM_I_PENDING)
		v->pends = true;
	if (c->down)
		v->moves = true;
	if (touches_disk(have, c) && pm_live_protected(have))
		v->steps |= PM_STEP_UNPROTECT;
}

/* The step that brings the power state about, or 0. */
static unsigned power_step(const struct pm_obj *want, const struct pm_obj *have)
{
	const char *state = pm_rec_str(want->spec, PM_G_STATE, "running");
	const char *is = have->live->status ? have->live->status : "unknown";

	if (have->live->template_)
		return 0;
	if (strcmp(state, "running") == 0 && strcmp(is, "stopped") == 0)
		return PM_STEP_START;
	if (strcmp(state, "stopped") == 0 && strcmp(is, "running") == 0)
		return PM_STEP_STOP;
	return 0;
}

/* The changes with one more for the power state. */
static struct pm_change *with_state(struct pm_planner *p, const struct pm_change *v, size_t n,
	const struct pm_obj *want, unsigned step)
{
	struct pm_change *all = pm_new_n(p->a, struct pm_change, n + 1);
	struct pm_change *c = &all[n];

	if (n > 0)
		memcpy(all, v, n * sizeof(*v));
	c->field = PM_G_STATE;
	c->slot = PM_NO_SLOT;
	c->row = &want->kind->fields[PM_G_STATE];
	c->path = c->row->name;
	c->from = step == PM_STEP_START ? "stopped" : "running";
	c->to = step == PM_STEP_START ? "running" : "stopped";
	c->impact = PM_I_LIVE;
	c->line = want->spec->val[PM_G_STATE].line;
	return all;
}

/* ---- what is detached, and where it stays ---- */

static bool detaches(const struct pm_kind *k, const struct pm_change *c)
{
	return pm_volume_shape(k->fields[c->field].sub) != NULL && c->row == NULL &&
	       c->to == NULL && c->note != NULL && !c->blocked;
}

static const char *key_of(const struct pm_kind *k, const struct pm_change *c, char out[16])
{
	const struct pm_field *f = &k->fields[c->field];

	return f->count > 0 ? pm_slot_key(f, c->slot, out) : f->key;
}

/* Keys that go in one write are taken in the order of their names: mp10 before mp2. Those that wait for a
 * restart go last. */
static bool goes_before(
	const struct pm_kind *k, const struct pm_change *a, const struct pm_change *b)
{
	bool waits = a->impact == PM_I_PENDING;
	char x[16], y[16];

	if (waits != (b->impact == PM_I_PENDING))
		return !waits;
	return strcmp(key_of(k, a, x), key_of(k, b, y)) < 0;
}

/* The free number with so many free ones below it. */
static unsigned free_unused(const struct pm_live *l, unsigned below)
{
	unsigned n = 0;

	for (;; n++) {
		bool used = false;

		for (size_t i = 0; l->unused != NULL && i < l->unused->n && !used; i++)
			used = l->unused_at != NULL && l->unused_at[i] == n;
		if (!used && below-- == 0)
			return n;
	}
}

static void name_detached(
	struct pm_planner *p, const struct pm_obj *have, struct pm_change *v, size_t n)
{
	const struct pm_kind *kind = have->kind;

	for (size_t i = 0; i < n; i++) {
		unsigned below = 0;

		if (!detaches(kind, &v[i]))
			continue;
		for (size_t k = 0; k < n; k++)
			below += k != i && detaches(kind, &v[k]) && goes_before(kind, &v[k], &v[i]);
		v[i].note = pm_arena_printf(
			p->a, "detached, kept as unused%u", free_unused(have->live, below));
	}
}

/* ---- what comes ---- */

/* Slots are taken by what is in force, too: an entry that comes back before a restart gets its own. */
static const struct pm_rec *places(struct pm_planner *p, const struct pm_obj *have)
{
	const struct pm_kind *k = have->kind;
	const struct pm_live *l = have->live;
	struct pm_rec *spec = NULL;

	for (unsigned i = 0; i < l->npending; i++) {
		const struct pm_field *f = l->pending[i].field;
		struct pm_rec *rec;

		if (f == NULL || f->type != PM_T_PROPS || f->count == 0)
			continue;
		rec = pm_entry_in_force(p->a, l, f, l->pending[i].slot);
		if (rec == NULL)
			continue;
		if (spec == NULL) {
			spec = pm_rec_new(p->a, k);
			memcpy(spec, have->spec, sizeof(*spec) + k->nfields * sizeof(spec->val[0]));
		}
		pm_plan_add_entry(p->a, &spec->val[pm_field_index(k, f)], rec);
	}
	return spec ? spec : have->spec;
}

/* The entry of a list, or the record, with a volume that comes; NULL: the change is another one. */
static const struct pm_rec *coming(const struct pm_obj *want, const struct pm_change *c)
{
	const struct pm_value *v = &want->spec->val[c->field];

	if (!pm_volume_goes(&want->kind->fields[c->field]) || c->row != NULL || c->from != NULL ||
		v->state != PM_SET)
		return NULL;
	if (want->kind->fields[c->field].count == 0)
		return v->u.rec;
	for (size_t i = 0; i < v->u.recs->n; i++)
		if (v->u.recs->v[i]->slot == c->slot)
			return pm_volume_holds_data(v->u.recs->v[i]) ? v->u.recs->v[i] : NULL;
	return NULL;
}

/* A volume of a manifest that the guest has not, and that nobody knows of. */
static bool adds_volume(const struct pm_obj *want, const struct pm_change *c)
{
	return c->note == NULL && !c->waiting && coming(want, c) != NULL;
}

/* Is it as large as it was, or as the image that it is made from? */
static bool shows_its_size(const struct pm_obj *want, const struct pm_change *c)
{
	const struct pm_rec *rec = c->blocked ? NULL : coming(want, c);

	return rec != NULL && (c->note != NULL || pm_volume_import(rec) != NULL);
}

/* ---- what is done ---- */

static void block_all(struct pm_change *v, size_t n, const char *note)
{
	for (size_t i = 0; i < n; i++) {
		v[i].blocked = true;
		v[i].note = note;
	}
}

static bool unfinished(const struct pm_obj *have)
{
	return have->live->marker != NULL && !have->live->marker->done;
}

/* Restart, power and the finishing of a create: what comes on top of the changes. */
static void add_steps(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have,
	struct verdict *v, unsigned power)
{
	bool restart = (pm_allows_restart(want) || p->o->allow_restart) &&
		       pm_str_eq(have->live->status, "running") && power != PM_STEP_STOP;

	if (restart && (v->pends || v->waits || v->moves))
		v->steps |= PM_STEP_RESTART;
	if (unfinished(have))
		v->steps |= PM_STEP_FINISH;
	v->steps |= power;
	if (v->impact == PM_I_NONE && power)
		v->impact = PM_I_LIVE;
	if (v->steps & PM_STEP_RESTART && v->impact < PM_I_PENDING)
		v->impact = PM_I_PENDING;
}

static const char *reason_of(
	struct pm_planner *p, const struct verdict *v, bool finishes, const struct pm_obj *holder)
{
	if (holder != NULL)
		return pm_arena_printf(p->a,
			"its replacement was interrupted: its volumes come back from %u, which then goes",
			holder->live->vmid);
	if (finishes)
		return "its creation was interrupted: it is finished";
	if (v->steps & PM_STEP_UNPROTECT)
		return "protected: protection is lifted for this and restored";
	return NULL;
}

static enum pm_verb verb_of(const struct verdict *v, unsigned power)
{
	if (v->steps == 0)
		return PM_V_KEEP;
	if (v->steps == power)
		return power == PM_STEP_START ? PM_V_START : PM_V_STOP;
	return PM_V_UPDATE;
}

/** Changes of an object that are all held back, and why. */
struct held {
	struct pm_change *v;
	size_t n;
	const char *why;
};

static void keep_all(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have,
	const struct held *h)
{
	struct pm_action *a;

	if (p->held == NULL)
		p->held = pm_obj_title(p->a, want);
	block_all(h->v, h->n, h->why);
	a = pm_planner_add(p, PM_V_KEEP, want, have);
	a->change = h->v;
	a->nchanges = h->n;
	a->reason = pm_arena_printf(p->a, "held: %s", h->why);
}

/* Why nothing at all is done to it; NULL: it is. */
static const char *held_by(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct verdict *is, bool adds)
{
	if (is->does && pm_plan_lacks_root(p, want, have))
		return "needs a login as root@pam with a password";
	if (pm_plan_lacks_group(p, want))
		return "the HA manager has no groups";
	if (adds && p->match.unknown != NULL)
		return pm_arena_printf(p->a,
			"%s of this set cannot be read, and may hold the volume that is missing",
			pm_guest_title(p->a, p->match.unknown));
	return NULL;
}

static void decide(struct pm_planner *p, struct pm_obj *want, const struct pm_obj *have,
	struct pm_change *v, size_t n)
{
	const struct pm_obj *holder = pm_plan_holder(p, want);
	unsigned power = power_step(want, have);
	struct held held = { .v = v, .n = n };
	struct verdict is = { 0 };
	struct pm_action *a;
	bool adds = false;

	for (size_t i = 0; i < n; i++) {
		consent(p, &v[i]);
		weigh(&is, &v[i], have);
		is.replaces = is.replaces || v[i].impact == PM_I_REPLACE;
		adds = adds || adds_volume(want, &v[i]);
		/* How large it is shows when it is attached. */
		if (shows_its_size(want, &v[i]))
			is.steps |= PM_STEP_ATTACH;
	}
	held.why = held_by(p, want, have, &is, adds);
	if (held.why != NULL) {
		keep_all(p, want, have, &held);
		return;
	}
	add_steps(p, want, have, &is, power);
	if (holder != NULL)
		is.steps |= PM_STEP_RETURN;
	if (n == 0 && is.steps == 0) {
		p->unchanged++;
		return;
	}
	a = pm_planner_add(p, verb_of(&is, power), want, have);
	a->steps = is.steps;
	a->impact = is.impact;
	a->reason = reason_of(p, &is, unfinished(have), holder);
	a->holder = holder ? holder->live->vmid : 0;
	if (a->verb == PM_V_KEEP)
		a->reason = is.waits ? "written, waits for a restart" : "what differs is not done";
	a->change = power ? with_state(p, v, n, want, power) : v;
	a->nchanges = n + (power ? 1 : 0);
	if (is.replaces && may_replace(p, want, have))
		pm_plan_replace(p, a, holder);
}

void pm_plan_existing(struct pm_planner *p, struct pm_obj *want, const struct pm_obj *have)
{
	const struct pm_live *l = have->live;
	const struct pm_obj *seen;
	struct pm_change *v = NULL;
	size_t n;

	if (pm_plan_held_twice(p, want, have))
		return;
	if (unfinished(have) && pm_lock_of_making(l->lock)) {
		pm_planner_keep(p, want, have, "it is being made just now (lock: %s)", l->lock);
		return;
	}
	if (want->spec == NULL || have->spec == NULL) {
		p->unchanged++;
		return;
	}
	seen = pm_plan_with_held(p, want, have, pm_plan_holder(p, want));
	pm_slots_assign(want->spec, places(p, seen));
	n = pm_diff_obj(p->a, want, seen, &v);
	name_detached(p, have, v, n);
	if (strcmp(have->ns, want->ns) != 0 || strcmp(have->name, want->name) != 0)
		v = pm_plan_with_name(p, want, have, v, n++);
	decide(p, want, have, v, n);
}
