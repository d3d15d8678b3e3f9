/* A replacement that keeps volumes, the first half: the old guest's volumes go to a guest that only holds
 * them. It is made from the image of the new guest, so an image that is missing shows before anything is gone,
 * and never started. Each step looks first: a run that was cut off anywhere goes on where the volumes are. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "exec/holder_priv.h"

#define SMALL_ROOT \
	(INT64_C(4) << 30) /* PVE's own default: room for the image of any distribution */

/* ---- the volumes of a guest ---- */

/* A path of the node is mounted, and is nobody's volume. */
static bool is_volume(const char *v)
{
	return v && *v && *v != '/';
}

static void add_volume(struct pm_held *v, size_t *n, const char *key, const struct pm_rec *rec)
{
	for (size_t i = 0; i < *n; i++) {
		if (pm_str_eq(v[i].key, key))
			return;
	}
	(void)snprintf(v[*n].key, sizeof(v[*n].key), "%s", key);
	v[*n].rec = rec;
	v[(*n)++].slot = rec ? rec->slot : PM_NO_SLOT;
}

static const struct pm_recs *entries(const struct pm_obj *o)
{
	const struct pm_value *v = pm_rec_get(o->spec, PM_POD_VOLUMES);

	return v->state == PM_SET ? v->u.recs : NULL;
}

size_t pm_act_volumes(struct pm_act *act, const struct pm_obj *have, struct pm_held **ret)
{
	const struct pm_recs *recs = entries(have);
	const struct pm_live *live = have->live;
	size_t nunused = live->unused ? live->unused->n : 0, n = 0;
	struct pm_held *v = pm_new_n(act->job.arena, struct pm_held,
		(recs ? recs->n : 0) + live->npending + nunused + 1);
	char key[16];

	for (size_t i = 0; recs && i < recs->n; i++) {
		(void)snprintf(key, sizeof(key), "mp%u", recs->v[i]->slot);
		if (is_volume(pm_rec_str(recs->v[i], PM_VOLUME_VOLUME, NULL)))
			add_volume(v, &n, key, recs->v[i]);
	}
	for (unsigned i = 0; i < live->npending; i++) {
		const struct pm_pending *p = &live->pending[i];

		if (p->field != &have->kind->fields[PM_POD_ROOTFS] &&
			is_volume(pm_pending_volume(act->job.arena, have->kind, p)))
			add_volume(v, &n, p->key, NULL);
	}
	for (size_t i = 0; i < nunused; i++) {
		(void)snprintf(key, sizeof(key), "unused%u", live->unused_at[i]);
		add_volume(v, &n, key, NULL);
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
		"volume %s of CT %u was to go to CT %u, and is in neither configuration now; it is on its "
		"storage: run \"pct rescan --vmid %u\" on node %s, then apply again",
		h->key, h->from->live->vmid, h->to->live->vmid, h->to->live->vmid,
		h->to->live->node);
}

int pm_act_hand(struct pm_act *act, const struct pm_hand *h, struct pm_error *err)
{
	unsigned from = h->from->live->vmid, to = h->to->live->vmid;
	const char *id = pm_arena_printf(act->job.arena, "%u-%s>%u-%s", from, h->key, to, h->slot);
	int r = pm_places_enter(act, act->node, NULL, err);

	if (r < 0)
		return r;
	pm_act_event(act, PM_EV_PROGRESS, "handing %s of CT %u over to CT %u", h->key, from, to);
	pm_act_intent_id(act, "move_volume", id);
	r = pm_pve_hand(act->run->e->o.pve, &act->job, h, err);
	if (r < 0 && err->maybe_sent)
		pm_act_settle_id(act, "move_volume", id);
	pm_act_result(act, r, err);
	pm_places_leave(act, act->node, NULL);
	if (r == -PM_E_TASK)
		r = look_after(act, h, err);
	return r < 0 ? pm_error_wrap(err, "handing %s over to CT %u", h->key, to) : 0;
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

/* As little of a container as PVE makes: the image, and a root that it fits in. */
static const struct pm_obj *holder_spec(struct pm_act *act, int64_t size)
{
	struct pm_arena *a = act->job.arena;
	const struct pm_obj *want = act->a->want;
	const struct pm_rec *root = pm_rec_get(want->spec, PM_POD_ROOTFS)->u.rec;
	struct pm_obj *o = pm_obj_new(a, want->kind);
	struct pm_rec *rec = pm_rec_new(a, &pm_kind_rootfs);

	o->ns = want->ns;
	o->name = want->name;
	o->file = want->file;
	o->spec = pm_rec_new(a, want->kind);
	set_str(rec, PM_ROOTFS_STORAGE, pm_rec_str(root, PM_ROOTFS_STORAGE, ""));
	rec->val[PM_ROOTFS_SIZE] = (struct pm_value){ .state = PM_SET, .u = { .i = size } };
	o->spec->val[PM_POD_ROOTFS] = (struct pm_value){ .state = PM_SET, .u = { .rec = rec } };
	set_str(o->spec, PM_G_IMAGE, pm_rec_str(want->spec, PM_G_IMAGE, ""));
	set_str(o->spec, PM_G_HOSTNAME, pm_arena_printf(a, "holder-of-%u", act->vmid));
	set_str(o->spec, PM_G_DESCRIPTION,
		pm_arena_printf(a,
			"Holds the volumes of %s while that is replaced. podmox removes it when they are back; "
			"whoever deletes it by hand deletes them.",
			act->title));
	o->spec->val[PM_POD_UNPRIVILEGED] = *pm_rec_get(want->spec, PM_POD_UNPRIVILEGED);
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
	struct pm_task task;
	unsigned vmid = act->vmid;
	int r;

	pm_act_event(act, PM_EV_PROGRESS, "creating CT %u on %s to hold its volumes", act->holder,
		act->node);
	act->vmid = act->holder;
	pm_act_intent(act, "vzcreate");
	r = pm_pve_create(act->run->e->o.pve, &act->job, &c, &task, err);
	if (r == 0)
		r = pm_task_wait(act->run->e->o.pve, &act->job, &task, err);
	else if (err->maybe_sent)
		pm_act_settle(act, "vzcreate");
	pm_act_result(act, r, err);
	act->vmid = vmid;
	return r < 0 ? pm_error_wrap(err, "creating CT %u to hold its volumes", act->holder) : 0;
}

static int make_holder(struct pm_act *act, struct pm_error *err)
{
	const struct pm_rec *root = pm_rec_get(act->a->want->spec, PM_POD_ROOTFS)->u.rec;
	int64_t full = pm_rec_int(root, PM_ROOTFS_SIZE, SMALL_ROOT);
	int64_t size = full < SMALL_ROOT ? full : SMALL_ROOT;
	const char *storage = pm_rec_str(root, PM_ROOTFS_STORAGE, NULL);
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
			"CT %u was taken since the plan was made; plan again", taken);
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
		pm_act_settle(act, "vzcreate");
		r = pm_act_locked(act, *ret, err);
		act->vmid = vmid;
		return r;
	}
	return pm_act_is_holder(act, *ret) ? pm_act_locked(act, *ret, err) : next_holder(act, err);
}

/* ---- handing over ---- */

static bool is_wanted(const struct pm_act *act, const struct pm_rec *rec)
{
	const struct pm_recs *want = entries(act->a->want);

	for (size_t i = 0; want && i < want->n; i++) {
		const struct pm_rec *w = want->v[i];

		if (w->slot == rec->slot && pm_str_eq(pm_rec_ident(w), pm_rec_ident(rec)))
			return pm_rec_str(w, PM_VOLUME_SOURCE, NULL) == NULL;
	}
	return false;
}

static bool takes_slot(const struct pm_act *act, unsigned slot)
{
	const struct pm_recs *want = entries(act->a->want);

	for (size_t i = 0; want && i < want->n; i++) {
		if (want->v[i]->slot == slot)
			return true;
	}
	return false;
}

/* Will the volume be mounted in the new guest, too? What the manifest names, and what podmox has never set. */
static bool stays_mounted(
	const struct pm_act *act, const struct pm_obj *have, const struct pm_held *v)
{
	if (!v->rec)
		return false;
	if (is_wanted(act, v->rec))
		return true;
	return pm_rec_get(act->a->want->spec, PM_POD_VOLUMES)->state != PM_NULL &&
	       !takes_slot(act, v->slot) && !pm_marker_has(have->live->marker, v->key, NULL);
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
		r = pm_pve_may_hand(act->run->e->o.pve, &act->job, have, starts, err);
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

/* One look, and what follows from it. 0: nothing is left to hand over; 1: look again. */
static int hand_once(struct pm_act *act, pm_act_check_fn *guard, struct pm_error *err)
{
	struct pm_obj *have = NULL, *holder = NULL;
	struct pm_held *v;
	size_t n;
	int r = pm_act_read(act, &have, err);

	if (r == -PM_E_NOTFOUND)
		return check_holder(act, err);
	if (r == 0)
		r = pm_act_locked(act, have, err);
	if (r == 0)
		r = look_ahead(act, have, guard, err);
	if (r < 0)
		return r;
	n = pm_act_volumes(act, have, &v);
	if (n == 0)
		return check_holder(act, err);
	r = find_holder(act, &holder, err);
	if (r != 0)
		return r;
	if (pm_obj_runs(have)) {
		r = pm_act_power(act, false, guard, err);
		return r < 0 ? r : 1;
	}
	r = hand_one(act, have, holder, &v[0], err);
	return r < 0 ? r : 1;
}

int pm_act_hand_over(struct pm_act *act, pm_act_check_fn *guard, struct pm_error *err)
{
	struct pm_tries tries = { 0 };
	int r;

	do {
		r = hand_once(act, guard, err);
		if (r < 0 && r != -PM_E_REFUSED && (r != -PM_E_CONFLICT || act->changed)) {
			r = pm_act_again(act, &tries, err);
			r = r == 0 ? 1 : r;
		}
	} while (r > 0);
	return r < 0 ? pm_error_wrap(err, "keeping its volumes") : 0;
}
