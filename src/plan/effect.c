/* What a change does to the guest: at once, at the next start, by a call of its own, or not at all. The
 * flags of the row say it; a sub-key without flags has those of its key. */
#include <string.h>

#include "base/text.h"
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

static void grow(const struct pm_value *want, const struct pm_value *have, struct pm_change *c)
{
	int64_t from = set(have) ? have->u.i : 0;

	if (set(want) && want->u.i > from) {
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

/* PVE moves volumes of a stopped guest only. */
static void move(const struct pm_obj *want_obj, bool running, const struct pm_value *want,
	struct pm_change *c)
{
	c->impact = PM_I_MOVE;
	if (!set(want)) {
		block(c, PM_I_MOVE, "a volume lies on some storage");
		return;
	}
	if (!running)
		return;
	if (is_to_stop(want_obj))
		c->note = "once it is stopped";
	else if (pm_allows_restart(want_obj))
		c->note = "stops and starts it";
	else
		block(c, PM_I_MOVE, "would stop and start it, which is not allowed here");
}

static void migrate(const struct pm_obj *want_obj, bool running, struct pm_change *c)
{
	c->impact = PM_I_MIGRATE;
	if (!running)
		return;
	if (is_to_stop(want_obj))
		c->note = "once it is stopped";
	else if (pm_allows_restart(want_obj))
		c->note = "stops and starts it";
	else
		block(c, PM_I_MIGRATE, "would stop and start it, which is not allowed here");
}

static const char *replace_note(const struct pm_obj *want, const struct pm_obj *have)
{
	if (pm_live_protected(have))
		return "needs a new guest; it is protected";
	if (pm_allows_replace(want))
		return "needs a new guest; --allow-replace was not given";
	return "needs a new guest, which lifecycle.replace does not allow";
}

/* Interfaces, volumes and devices that come, go or are taken over as a whole. */
static void entry(const struct pm_spot *s, bool running, struct pm_change *c)
{
	bool volume = s->f->sub == &pm_kind_volume;
	bool net = s->f->sub == &pm_kind_net;

	c->impact = PM_I_LIVE;
	if (c->to != NULL)
		return; /* net, mp and dev are plugged into a running guest */
	if (running && (!net || s->slot >= HOT_INTERFACES))
		c->impact = PM_I_PENDING;
	if (volume && s->have_rec != NULL &&
		pm_rec_str(s->have_rec, PM_VOLUME_STORAGE, NULL) != NULL)
		c->note = "detached, the volume is kept as unused";
}

/* Does a volume become a bind mount, or the other way round? PVE then lets the volume go as unused. */
static bool turns_over(const struct pm_spot *s)
{
	unsigned row;

	if (s->sub == NULL || s->f->sub != &pm_kind_volume || s->want_rec == NULL ||
		s->have_rec == NULL)
		return false;
	row = pm_field_index(s->f->sub, s->sub);
	if (row != PM_VOLUME_STORAGE && row != PM_VOLUME_SOURCE && row != PM_VOLUME_SIZE)
		return false;
	return (pm_rec_str(s->want_rec, PM_VOLUME_SOURCE, NULL) != NULL) !=
	       (pm_rec_str(s->have_rec, PM_VOLUME_SOURCE, NULL) != NULL);
}

static void at_once(const struct pm_spot *s, bool running, struct pm_change *c)
{
	unsigned own = s->sub ? s->sub->flags : s->f->flags;

	c->impact = PM_I_LIVE;
	if (!running)
		return;
	if (own & PM_F_NOTLIVE)
		c->note = "stored, acts from the next start on";
	else if (own & PM_F_LINKFLAP)
		c->note = "link flaps";
}

void pm_effect(const struct pm_obj *want_obj, const struct pm_obj *have_obj,
	const struct pm_spot *s, const struct pm_value *want, const struct pm_value *have,
	struct pm_change *c)
{
	bool running = pm_live_running(have_obj->live);
	unsigned flags = effect_flags(s);

	if (s->ident != NULL && s->sub == NULL) {
		entry(s, running, c);
	} else if (turns_over(s)) {
		c->impact = running ? PM_I_PENDING : PM_I_LIVE;
		if (pm_rec_str(s->have_rec, PM_VOLUME_SOURCE, NULL) == NULL)
			c->note = "the volume is kept as unused";
	} else if (flags & PM_F_REPLACE) {
		block(c, PM_I_REPLACE, replace_note(want_obj, have_obj));
	} else if (flags & PM_F_GROW) {
		grow(want, have, c);
	} else if (flags & PM_F_MOVE) {
		move(want_obj, running, want, c);
	} else if (flags & PM_F_MIGRATE) {
		migrate(want_obj, running, c);
	} else if (flags & PM_F_PENDING && running) {
		c->impact = PM_I_PENDING;
	} else {
		at_once(s, running, c);
	}
}
