/* What a change does to the guest: at once, at the next start, by a call of its own, or not at all. The
 * flags of the row say it; a sub-key without flags has those of its key. */
#include <string.h>

#include "base/text.h"
#include "model/volume.h"
#include "plan/plan_priv.h"

#define KINDS_OF_EFFECT \
	(PM_F_LIVE | PM_F_PENDING | PM_F_REPLACE | PM_F_GROW | PM_F_MOVE | PM_F_MIGRATE)

/* Hot removal works for the first ten interfaces only. */
#define HOT_INTERFACES 10

bool pm_live_running(const struct pm_live *l)
{
	/* A guest whose state is unknown is treated with the care that a running one needs. */
	return l->status == NULL || strcmp(l->status, "stopped") != 0;
}

static bool allows(const struct pm_obj *want, unsigned row)
{
	return want->spec != NULL && strcmp(pm_rec_str(want->spec, row, "never"), "allow") == 0;
}

bool pm_allows_restart(const struct pm_obj *want)
{
	return allows(want, PM_G_LIFE_RESTART);
}

bool pm_allows_replace(const struct pm_obj *want)
{
	return allows(want, PM_G_LIFE_REPLACE);
}

bool pm_live_protected(const struct pm_obj *have)
{
	return have->spec != NULL && pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false);
}

const char *pm_marker_on_remove(const struct pm_marker *m)
{
	return m->on_remove != NULL && m->on_remove[0] != '\0' ? m->on_remove : "delete";
}

static unsigned effect_flags(const struct pm_spot *s)
{
	unsigned own = s->sub ? s->sub->flags : s->f->flags;

	return own & KINDS_OF_EFFECT ? own : own | (s->f->flags & KINDS_OF_EFFECT);
}

static bool set(const struct pm_value *v)
{
	return v != NULL && v->state == PM_SET;
}

static void block(struct pm_change *c, enum pm_impact impact, const char *note)
{
	c->impact = impact;
	c->blocked = true;
	c->note = note;
}

/* Does the text of an entry in force speak of that volume? */
static bool names_volume(const char *entry, const char *volume)
{
	const char *at = entry ? strstr(entry, volume) : NULL;

	return at && (at[strlen(volume)] == ',' || at[strlen(volume)] == '\0');
}

/* Is the volume written, while something else, or nothing, is in force at its place? PVE grows what is in
 * force there. */
static bool waits_to_come(const struct pm_spot *s, const struct pm_obj *have, const char *volume)
{
	for (unsigned i = 0; i < have->live->npending; i++) {
		const struct pm_pending *p = &have->live->pending[i];

		if (p->field == s->f && (s->f->count == 0 || p->slot == s->slot))
			return !names_volume(p->in_force, volume);
	}
	return false;
}

static void grow(const struct pm_spot *s, const struct pm_obj *have_obj,
	const struct pm_value *want, const struct pm_value *have, struct pm_change *c)
{
	const char *volume = s->have_rec ? pm_volume_id(s->have_rec) : NULL;
	int64_t from = set(have) ? have->u.i : 0;

	if (s->have_rec && !volume && pm_volume_storage(s->have_rec)) {
		/* "local:8" waits to be made, and is written with another number. */
		c->impact = pm_live_running(have_obj->live) ? PM_I_PENDING : PM_I_LIVE;
	} else if (volume && set(want) && want->u.i > from && waits_to_come(s, have_obj, volume)) {
		block(c, PM_I_PENDING, "it grows when it is attached, after a restart");
	} else if (set(want) && want->u.i > from) {
		c->impact = PM_I_RESIZE;
		c->note = "cannot be undone";
	} else {
		block(c, PM_I_RESIZE, "a volume cannot shrink");
	}
}

static bool is_to_stop(const struct pm_obj *want)
{
	return strcmp(pm_rec_str(want->spec, PM_G_STATE, "running"), "stopped") == 0;
}

/* PVE moves volumes of a stopped container only, and disks of a running virtual machine, but for the state of
 * its TPM. */
static bool moves_live(const struct pm_spot *s, const struct pm_obj *have)
{
	return have->kind != &pm_kind_pod && s->f->sub != &pm_kind_tpmstate;
}

/* What waits for a restart names the volume as it was when that was written: PVE would bring it back. */
static bool waits(const struct pm_spot *s, const struct pm_obj *have)
{
	for (unsigned i = 0; have->kind != &pm_kind_pod && i < have->live->npending; i++) {
		const struct pm_pending *p = &have->live->pending[i];

		if (p->field == s->f && (s->f->count == 0 || p->slot == s->slot))
			return true;
	}
	return false;
}

static void move(const struct pm_obj *want_obj, const struct pm_spot *s,
	const struct pm_obj *have_obj, const struct pm_value *want, struct pm_change *c)
{
	bool running = pm_live_running(have_obj->live);

	c->impact = PM_I_MOVE;
	if (!set(want)) {
		block(c, PM_I_MOVE, "a volume lies on some storage");
		return;
	}
	if (waits(s, have_obj)) {
		block(c, PM_I_MOVE, "another change of it waits for a restart");
		return;
	}
	c->down = running && !moves_live(s, have_obj);
	if (!c->down)
		return;
	if (is_to_stop(want_obj))
		c->note = "once it is stopped";
	else if (pm_allows_restart(want_obj))
		c->note = "stops and starts it";
	else
		block(c, PM_I_MOVE, "would stop and start it, which is not allowed here");
}

static const char *replace_note(const struct pm_obj *want, const struct pm_obj *have)
{
	if (pm_live_protected(have))
		return "needs a new guest; it is protected";
	if (pm_allows_replace(want))
		return "needs a new guest; --allow-replace was not given";
	return "needs a new guest, which lifecycle.replace does not allow";
}

/* An entry of a list, or a record with a volume, that comes, goes or is taken over as a whole. */
static void entry(const struct pm_spot *s, const struct pm_obj *have, struct pm_change *c)
{
	bool running = pm_live_running(have->live);
	bool net = s->f->sub == &pm_kind_net;

	c->impact = PM_I_LIVE;
	if (have->kind != &pm_kind_pod)
		c->impact = running && !pm_vm_plugs(have, s) ? PM_I_PENDING : PM_I_LIVE;
	else if (c->to == NULL && running && (!net || s->slot >= HOT_INTERFACES))
		c->impact = PM_I_PENDING; /* what comes is plugged into a running container */
	if (c->to == NULL && s->have_rec != NULL && pm_volume_shape(s->f->sub) != NULL &&
		pm_volume_holds_data(s->have_rec))
		c->note = "detached, the volume is kept as unused";
}

/* Does a volume become something that is attached, or the other way round? PVE then lets the volume go as
 * unused. */
static bool turns_over(const struct pm_spot *s)
{
	const struct pm_volume_shape *shape = s->sub ? pm_volume_shape(s->f->sub) : NULL;
	int row;

	if (shape == NULL || s->want_rec == NULL || s->have_rec == NULL)
		return false;
	row = (int)pm_field_index(s->f->sub, s->sub);
	if (row != shape->storage && row != shape->source && row != shape->size &&
		row != shape->cloudinit)
		return false;
	return pm_volume_holds_data(s->want_rec) != pm_volume_holds_data(s->have_rec);
}

static void turn_over(const struct pm_spot *s, const struct pm_obj *have, struct pm_change *c)
{
	bool running = pm_live_running(have->live);

	c->impact = running ? PM_I_PENDING : PM_I_LIVE;
	if (running && have->kind != &pm_kind_pod)
		block(c, PM_I_PENDING, "a drive of a running machine stays a disk, or a CD-ROM");
	else if (pm_volume_holds_data(s->have_rec))
		c->note = "the volume is kept as unused";
}

static void at_once(const struct pm_spot *s, bool running, struct pm_change *c)
{
	unsigned own = s->sub ? s->sub->flags : s->f->flags;

	c->impact = PM_I_LIVE;
	if (pm_str_starts(s->f->name, "cloudInit."))
		c->note = "takes effect when the guest reads cloud-init anew";
	if (!running || c->note != NULL)
		return;
	if (own & PM_F_NOTLIVE)
		c->note = "stored, acts from the next start on";
	else if (own & PM_F_LINKFLAP)
		c->note = "link flaps";
}

static void migrate(const struct pm_obj *want, const struct pm_obj *have, struct pm_change *c)
{
	bool running = pm_live_running(have->live);

	c->impact = PM_I_MIGRATE;
	if (have->kind != &pm_kind_pod) {
		c->note = running ? "goes on meanwhile" : NULL;
		return;
	}
	if (!running)
		return;
	if (is_to_stop(want))
		c->note = "once it is stopped";
	else if (pm_allows_restart(want))
		c->note = "stops and starts it";
	else
		block(c, PM_I_MIGRATE, "would stop and start it, which is not allowed here");
}

void pm_effect(const struct pm_obj *want_obj, const struct pm_obj *have_obj,
	const struct pm_spot *s, const struct pm_value *want, const struct pm_value *have,
	struct pm_change *c)
{
	bool running = pm_live_running(have_obj->live);
	unsigned flags = effect_flags(s);

	if (s->sub == NULL &&
		(s->ident != NULL || (c->row == NULL && pm_volume_shape(s->f->sub) != NULL))) {
		entry(s, have_obj, c);
	} else if (turns_over(s)) {
		turn_over(s, have_obj, c);
	} else if (flags & PM_F_REPLACE) {
		block(c, PM_I_REPLACE, replace_note(want_obj, have_obj));
	} else if (flags & PM_F_GROW) {
		grow(s, have_obj, want, have, c);
	} else if (flags & PM_F_MOVE) {
		move(want_obj, s, have_obj, want, c);
	} else if (flags & PM_F_MIGRATE) {
		migrate(want_obj, have_obj, c);
	} else if (running && (flags & PM_F_PENDING || pm_vm_waits(have_obj, s, want, have))) {
		c->impact = PM_I_PENDING;
	} else {
		at_once(s, running, c);
	}
}
