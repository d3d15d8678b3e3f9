/* A replacement that keeps volumes, the first half: the old guest's volumes go to a guest that only holds
 * them, of the same kind, and never started. A container is made from the image of the new guest, so an image
 * that is missing shows before anything is gone; a virtual machine is empty. Each step looks first: a run that was cut off anywhere goes on where the volumes are. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "exec/holder_priv.h"

#define SMALL_ROOT \
	(INT64_C(4) << 30) /* PVE's own default: room for the image of any distribution */

/* ---- the volumes of a guest ---- */

static struct pm_held *add_volume(struct pm_held *v, size_t *n, const char *key, const char *id)
{
	for (size_t i = 0; i < *n; i++) {
		if (pm_str_eq(v[i].key, key))
			return &v[i];
	}
	(void)snprintf(v[*n].key, sizeof(v[*n].key), "%s", key);
	v[*n].id = id;
	return &v[(*n)++];
}

static void add_record(struct pm_held *v, size_t *n, const struct pm_volume_at *at)
{
	const char *id = pm_volume_holds_data(at->rec) ? pm_volume_id(at->rec) : NULL;
	char key[16];
	struct pm_held *one;

	if (!id || !pm_volume_goes(at->f))
		return;
	one = add_volume(
		v, n, at->f->count > 0 ? pm_slot_key(at->f, at->rec->slot, key) : at->f->key, id);
	one->rec = at->rec;
	one->field = at->field;
}

size_t pm_act_volumes(struct pm_act *act, const struct pm_obj *have, struct pm_held **ret)
{
	struct pm_volume_at at = PM_VOLUMES(have->spec);
	const struct pm_live *live = have->live;
	size_t nunused = live->unused ? live->unused->n : 0, n = live->npending + nunused;
	struct pm_held *v;
	char key[16];

	while (pm_volume_next(&at))
		n++;
	v = pm_new_n(act->job.arena, struct pm_held, n + 1);
	n = 0;
	for (at = PM_VOLUMES(have->spec); pm_volume_next(&at);)
		add_record(v, &n, &at);
	for (unsigned i = 0; i < live->npending; i++) {
		const struct pm_pending *p = &live->pending[i];
		const char *id = pm_pending_volume(act->job.arena, have->kind, p);

		if (id && pm_volume_goes(p->field))
			(void)add_volume(v, &n, p->key, id);
	}
	for (size_t i = 0; i < nunused; i++) {
		(void)snprintf(key, sizeof(key), "unused%u", live->unused_at[i]);
		(void)add_volume(v, &n, key, live->unused->v[i]);
	}
	*ret = v;
	return n;
}

static bool has_unused(const struct pm_obj *o, unsigned at)
{
	const struct pm_list *l = o ? o->live->unused : NULL;

	for (size_t i = 0; l && i < l->n; i++) {
		if (o->live->unused_at[i] == at)
			return true;
	}
	return false;
}

void pm_act_free_unused(const struct pm_obj *a, const struct pm_obj *b, char out[16])
{
	unsigned at = 0;

	while (has_unused(a, at) || has_unused(b, at))
		at++;
	(void)snprintf(out, 16, "unused%u", at);
}

bool pm_act_is_holder(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *want = act->a->want;
	const struct pm_marker *m = have->live->marker;

	return m && m->vmid == have->live->vmid && pm_str_eq(m->kind, PM_MARKER_HOLDER) &&
	       pm_str_eq(m->set, act->run->e->o.set) && pm_str_eq(m->ns, want->ns) &&
	       pm_str_eq(m->name, want->name) && have->kind == want->kind;
}

/* ---- one volume ---- */

bool pm_act_has_key(const struct pm_obj *o, const char *key)
{
	for (size_t i = 0; o->live->keys && i < o->live->keys->n; i++) {
		if (pm_str_eq(o->live->keys->v[i], key))
			return true;
	}
	return false;
}

/* After a task that failed. Somebody may have been faster: a task of a run that was cut off. And as PVE
 * renames a volume and then writes two configurations, one after the other, it may be in neither. */
static int look_after(struct pm_act *act, const struct pm_hand *h, struct pm_error *err)
{
	struct pm_obj *from = NULL, *to = NULL;
	struct pm_error ignored;

	if (pm_act_look(act, h->from->live->vmid, &from, &ignored) < 0 ||
		pm_act_look(act, h->to->live->vmid, &to, &ignored) < 0 ||
		pm_act_has_key(from, h->key))
		return -(int)err->code;
	if (pm_act_has_key(to, h->slot))
		return 0;
	return pm_error_set(err, PM_E_REFUSED,
		"volume %s of %s %u was to go to %u, and is in neither configuration now; it is on its "
		"storage: run \"%s rescan --vmid %u\" on node %s, then apply again",
		h->key, pm_act_word(act), h->from->live->vmid, h->to->live->vmid,
		h->to->kind == &pm_kind_vm ? "qm" : "pct", h->to->live->vmid, h->to->live->node);
}

int pm_act_hand(struct pm_act *act, const struct pm_hand *h, struct pm_error *err)
{
	unsigned from = h->from->live->vmid, to = h->to->live->vmid;
	const char *word = pm_act_word(act), *task = pm_act_task(act, PM_W_MOVE);
	const char *id = pm_arena_printf(act->job.arena, "%u-%s>%u-%s", from, h->key, to, h->slot);
	int r = pm_places_enter(act, act->node, NULL, err);

	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "handing %s of %s %u over to %u", h->key, word, from, to);
	pm_act_intent_id(act, task, id);
	r = pm_pve_hand(act->run->e->o.pve, &act->job, h, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle_id(act, task, id);
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, NULL);
	if (r == -PM_E_TASK)
		r = look_after(act, h, err);
	return r < 0 ? pm_error_wrap(err, "handing %s over to %s %u", h->key, word, to) : 0;
}

/* ---- the holder ---- */

static const struct pm_marker *holder_marker(struct pm_act *act)
{
	struct pm_marker *m = pm_exec_marker(act->job.arena, &act->run->e->o, act->a->want, NULL);

	m->kind = PM_MARKER_HOLDER;
	m->vmid = act->holder;
	m->on_remove = "keep";
	m->fields = "";
	return m;
}

static void set_str(struct pm_rec *r, unsigned row, const char *s)
{
	r->val[row] = (struct pm_value){ .state = PM_SET, .u = { .s = s } };
}

/* What only containers have: the image, and a root that it fits in. */
static void set_container(
	struct pm_arena *a, const struct pm_rec *want, int64_t size, struct pm_rec *ret)
{
	const struct pm_rec *root = pm_rec_get(want, PM_POD_ROOTFS)->u.rec;
	struct pm_rec *rec = pm_rec_new(a, &pm_kind_rootfs);

	set_str(rec, PM_ROOTFS_STORAGE, pm_rec_str(root, PM_ROOTFS_STORAGE, ""));
	rec->val[PM_ROOTFS_SIZE] = (struct pm_value){ .state = PM_SET, .u = { .i = size } };
	ret->val[PM_POD_ROOTFS] = (struct pm_value){ .state = PM_SET, .u = { .rec = rec } };
	set_str(ret, PM_G_IMAGE, pm_rec_str(want, PM_G_IMAGE, ""));
	ret->val[PM_POD_UNPRIVILEGED] = *pm_rec_get(want, PM_POD_UNPRIVILEGED);
}

/* As little of a guest as PVE makes. */
static const struct pm_obj *holder_spec(struct pm_act *act, int64_t size)
{
	struct pm_arena *a = act->job.arena;
	const struct pm_obj *want = act->a->want;
	struct pm_obj *o = pm_obj_new(a, want->kind);

	o->ns = want->ns;
	o->name = want->name;
	o->file = want->file;
	o->spec = pm_rec_new(a, want->kind);
	if (want->kind == &pm_kind_pod)
		set_container(a, want->spec, size, o->spec);
	set_str(o->spec, PM_G_HOSTNAME, pm_arena_printf(a, "holder-of-%u", act->vmid));
	set_str(o->spec, PM_G_DESCRIPTION,
		pm_arena_printf(a,
			"Holds the volumes of %s while that is replaced. podmox removes it when they are back; "
			"whoever deletes it by hand deletes them.",
			act->title));
	o->spec->val[PM_G_POOL] = *pm_rec_get(want->spec, PM_G_POOL);
	return o;
}

static int send_holder(struct pm_act *act, int64_t size, bool tags_later, struct pm_error *err)
{
	struct pm_create c = { .want = holder_spec(act, size),
		.vmid = act->holder,
		.node = act->node,
		.marker = holder_marker(act),
		.tags_later = tags_later };
	const char *word = pm_act_word(act), *type = pm_act_task(act, PM_W_CREATE);
	struct pm_task task;
	unsigned vmid = act->vmid;
	int r;

	pm_act_event(act, PM_EV_PROGRESS, "creating %s %u on %s to hold its volumes", word,
		act->holder, act->node);
	act->vmid = act->holder;
	pm_act_intent(act, type);
	r = pm_pve_create(act->run->e->o.pve, &act->job, &c, &task, err);
	if (r == 0)
		r = pm_task_wait(act->run->e->o.pve, &act->job, &task, err);
	else if (err->maybe_sent)
		pm_act_settle(act, type);
	pm_act_result(act, r, err);
	act->vmid = vmid;
	return r < 0 ? pm_error_wrap(err, "creating %s %u to hold its volumes", word, act->holder)
		     : 0;
}

static const struct pm_rec *root_of(const struct pm_obj *want)
{
	return want->kind == &pm_kind_pod ? pm_rec_get(want->spec, PM_POD_ROOTFS)->u.rec : NULL;
}

static int make_holder(struct pm_act *act, struct pm_error *err)
{
	const struct pm_rec *root = root_of(act->a->want);
	int64_t full = root ? pm_rec_int(root, PM_ROOTFS_SIZE, SMALL_ROOT) : 0;
	int64_t size = full < SMALL_ROOT ? full : SMALL_ROOT;
	const char *storage = root ? pm_rec_str(root, PM_ROOTFS_STORAGE, NULL) : NULL;
	struct pm_list where = { .n = storage != NULL, .v = &storage };
	bool pool = pm_rec_get(act->a->want->spec, PM_G_POOL)->state == PM_SET;
	int r = pm_places_enter(act, act->node, &where, err);

	if (r < 0)
		return r;
	r = send_holder(act, size, false, err);
	/* A token whose rights come from a pool may not set tags before the guest is in it. */
	if (r == -PM_E_PERMISSION && pool)
		r = send_holder(act, size, true, err);
	if (r == -PM_E_TASK && size < full)
		r = send_holder(act, full, false, err);
	pm_places_leave(act, act->node, &where);
	return r;
}

/* Somebody else has the VMID. */
static int next_holder(struct pm_act *act, struct pm_error *err)
{
	unsigned taken = act->holder;

	if (act->run->e->o.exact)
		return pm_error_set(err, PM_E_CONFLICT,
			"%s %u was taken since the plan was made; plan again", pm_act_word(act),
			taken);
	act->holder = pm_vmid_next(act->run, taken);
	if (act->holder > 0)
		return 1;
	act->holder = taken;
	return pm_error_set(err, PM_E_EXISTS,
		"every VMID of the range is taken, and a replacement that keeps volumes needs one more");
}

/* The holder as it is, made when nobody is there. 0: it is there; 1: look again. */
static int find_holder(struct pm_act *act, struct pm_obj **ret, struct pm_error *err)
{
	unsigned vmid = act->vmid;
	int r = pm_act_look(act, act->holder, ret, err);

	if (r == -PM_E_NOTFOUND) {
		r = make_holder(act, err);
		/* "Already exists": the next look says whose it is. */
		return r == 0 || r == -PM_E_EXISTS ? 1 : r;
	}
	if (r < 0)
		return r;
	if (pm_str_eq((*ret)->live->lock, "create")) {
		act->vmid = act->holder;
		pm_act_settle(act, pm_act_task(act, PM_W_CREATE));
		r = pm_act_locked(act, *ret, err);
		act->vmid = vmid;
		return r;
	}
	return pm_act_is_holder(act, *ret) ? pm_act_locked(act, *ret, err) : next_holder(act, err);
}

/* ---- handing over ---- */

bool pm_act_is_for(const struct pm_volume_at *want, const struct pm_held *v)
{
	if (!v->rec || want->field != v->field)
		return false;
	return want->f->count == 0 ||
	       (want->rec->slot == v->rec->slot &&
		       pm_str_eq(pm_rec_ident(want->rec), pm_rec_ident(v->rec)));
}

/* Will the volume be there in the new guest, too? What the manifest names, and what podmox has never set. */
static bool stays_mounted(
	const struct pm_act *act, const struct pm_obj *have, const struct pm_held *v)
{
	const struct pm_rec *spec = act->a->want->spec;
	struct pm_volume_at want = PM_VOLUMES(spec);

	if (!v->rec)
		return false;
	while (pm_volume_next(&want)) {
		if (pm_act_is_for(&want, v))
			return pm_volume_holds_data(want.rec);
		if (want.field == v->field && want.rec->slot == v->rec->slot)
			return false; /* something else takes its place */
	}
	return pm_rec_get(spec, v->field)->state != PM_NULL &&
	       !pm_marker_has(have->live->marker, v->key, NULL);
}

static int hand_one(struct pm_act *act, const struct pm_obj *have, const struct pm_obj *holder,
	const struct pm_held *v, struct pm_error *err)
{
	char slot[16];
	struct pm_hand h = { .from = have, .to = holder, .key = v->key, .slot = slot };

	if (stays_mounted(act, have, v) && !pm_act_has_key(holder, v->key))
		(void)snprintf(slot, sizeof(slot), "%s", v->key);
	else
		pm_act_free_unused(holder, NULL, slot);
	return pm_act_hand(act, &h, err);
}

/* May it go, and can its volumes change hands? Asked before anything is made or stopped. */
static int look_ahead(
	struct pm_act *act, const struct pm_obj *have, pm_act_check_fn *guard, struct pm_error *err)
{
	bool starts = pm_obj_wants_running(act->a->want) == 1;
	int r = guard(act, have, err);

	if (r == 0)
		r = pm_pve_may_hand(
			act->run->e->o.pve, &act->job, have, starts, act->source != NULL, err);
	return r;
}

/* Nothing is left to hand over. When nothing was, there is no holder either. */
static int check_holder(struct pm_act *act, struct pm_error *err)
{
	struct pm_obj *holder = NULL;
	int r = pm_act_look(act, act->holder, &holder, err);

	if (r < 0 && r != -PM_E_NOTFOUND)
		return r;
	if (r < 0 || !pm_act_is_holder(act, holder))
		act->holder = 0;
	return 0;
}

/* The first that the plan does not give up; NULL: none is left. */
static const struct pm_held *next_volume(struct pm_act *act, const struct pm_obj *have)
{
	struct pm_held *v;
	size_t n = pm_act_volumes(act, have, &v);

	for (size_t i = 0; i < n; i++) {
		if (!pm_act_is_shown(act, v[i].id))
			return &v[i];
	}
	return NULL;
}

/* A virtual machine that went down by itself has changes waiting that name volumes by what they are called now:
 * any write brings them into force. */
static int bring_into_force(struct pm_act *act, const struct pm_obj *have, struct pm_error *err)
{
	bool on = pm_rec_bool(have->spec, PM_G_LIFE_PROTECT, false);
	int r;

	pm_act_intent(act, "");
	r = pm_pve_protect(act->run->e->o.pve, &act->job, have, on, err);
	pm_act_result(act, r, err);
	return r < 0 ? pm_error_wrap(err, "bringing into force what waits for a start") : 0;
}

static bool volumes_wait(const struct pm_obj *have)
{
	for (unsigned i = 0; i < have->live->npending; i++) {
		if (pm_volume_goes(have->live->pending[i].field))
			return true;
	}
	return false;
}

/** Volumes on their way to the holder. */
struct hander {
	struct pm_act *act;
	pm_act_check_fn *guard;
	bool forced;
};

/* The guest is looked at, the holder there. */
static int hand_next(struct hander *h, const struct pm_obj *have, const struct pm_obj *holder,
	const struct pm_held *v, struct pm_error *err)
{
	if (pm_obj_runs(have))
		return pm_act_power(h->act, false, h->guard, err);
	if (volumes_wait(have) && !h->forced) {
		h->forced = true;
		return bring_into_force(h->act, have, err);
	}
	return hand_one(h->act, have, holder, v, err);
}

/* One look, and what follows from it. 0: nothing is left to hand over; 1: look again. */
static int hand_once(struct hander *h, struct pm_error *err)
{
	struct pm_act *act = h->act;
	struct pm_obj *have = NULL, *holder = NULL;
	const struct pm_held *v;
	int r = pm_act_read(act, &have, err);

	if (r == -PM_E_NOTFOUND)
		return check_holder(act, err);
	if (r == 0)
		r = pm_act_locked(act, have, err);
	if (r == 0)
		r = look_ahead(act, have, h->guard, err);
	if (r < 0)
		return r;
	v = next_volume(act, have);
	if (!v)
		return check_holder(act, err);
	r = find_holder(act, &holder, err);
	if (r != 0)
		return r;
	r = hand_next(h, have, holder, v, err);
	return r < 0 ? r : 1;
}

int pm_act_hand_over(struct pm_act *act, pm_act_check_fn *guard, struct pm_error *err)
{
	struct hander h = { .act = act, .guard = guard };
	struct pm_tries tries = { 0 };
	int r;

	do {
		r = hand_once(&h, err);
		if (r < 0 && r != -PM_E_REFUSED && (r != -PM_E_CONFLICT || act->changed)) {
			r = pm_act_again(act, &tries, err);
			r = r == 0 ? 1 : r;
		}
	} while (r > 0);
	return r < 0 ? pm_error_wrap(err, "keeping its volumes") : 0;
}
