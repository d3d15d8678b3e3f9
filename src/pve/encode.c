/* Changes as parameters of PVE. Property strings are built on what was observed, so that what podmox does
 * not speak of (the MAC, the volume, a sub-key nobody knows) stays as it is; keys that podmox set once and
 * that the manifest no longer names are deleted. The order is that of the rows: the same input gives the
 * same bytes. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/detached.h"
#include "model/guest.h"
#include "model/ignore.h"
#include "model/volume.h"
#include "pve/pve_priv.h"

static const struct pm_value absent = { .state = PM_UNSET };

static void add_value(
	struct pm_buf *form, const char *key, const struct pm_field *f, const struct pm_value *v)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	pm_value_format(f, PM_PVE, v, &text);
	pm_form_addn(form, key, pm_buf_str(&text), text.len);
}

/* ---- create ---- */

static void create_entries(const struct pm_field *f, const struct pm_value *v, struct pm_buf *form)
{
	for (size_t i = 0; i < v->u.recs->n; i++) {
		const struct pm_rec *r = v->u.recs->v[i];
		cleanup_buf struct pm_buf text = PM_BUF(0);
		char key[16];

		pm_rec_format(r, &text);
		pm_form_add(form, pm_slot_key(f, r->slot, key), pm_buf_str(&text));
	}
}

static bool is_empty(const struct pm_field *f, const struct pm_value *v)
{
	if (f->type == PM_T_LIST || f->type == PM_T_STRMAP)
		return v->u.list->n == 0;
	if (f->type == PM_T_PROPS && f->count == 0) {
		cleanup_buf struct pm_buf text = PM_BUF(0);

		pm_rec_format(v->u.rec, &text);
		return text.len == 0;
	}
	return f->type == PM_T_STR && v->u.s[0] == '\0';
}

/* What is sent with the others, in a row's own form. */
static void create_row(const struct pm_field *f, const struct pm_value *v, struct pm_buf *form)
{
	if (v->state != PM_SET || !f->key ||
		f->flags & (PM_F_OWN | PM_F_AFTER | PM_F_SECRET | PM_F_APART))
		return;
	if (f->type == PM_T_PROPS && f->count > 0)
		create_entries(f, v, form);
	else if (!is_empty(f, v))
		add_value(form, f->key, f, v);
}

static const char *hostname_key(const struct pm_create *c)
{
	return c->want->kind->fields[PM_G_HOSTNAME].key;
}

/* What only containers have. */
static void create_container(const struct pm_rec *spec, struct pm_buf *form)
{
	pm_form_add(form, "ostemplate", pm_rec_str(spec, PM_G_IMAGE, ""));
	/* Its default changed with version 9: never left to chance. */
	pm_form_add(form, "unprivileged", pm_rec_bool(spec, PM_POD_UNPRIVILEGED, true) ? "1" : "0");
}

static void create_known(struct pm_arena *a, const struct pm_create *c, struct pm_buf *form)
{
	const struct pm_rec *spec = c->want->spec;
	const struct pm_value *tags = &spec->val[PM_G_TAGS];
	const char *pool = pm_rec_str(spec, PM_G_POOL, NULL);

	pm_form_add(form, hostname_key(c), pm_rec_str(spec, PM_G_HOSTNAME, c->want->name));
	if (pool)
		pm_form_add(form, "pool", pool);
	if (!c->tags_later)
		pm_form_add(form, "tags",
			pm_tags_join(a, tags->state == PM_SET ? tags->u.list : NULL, NULL,
				c->marker->set));
	pm_form_add(form, "description",
		pm_marker_join(a, pm_rec_str(spec, PM_G_DESCRIPTION, ""), c->marker));
}

/* A setting of the clone call that no guest keeps. */
static void add_choice(
	struct pm_buf *form, const struct pm_rec *spec, const char *name, const char *parameter)
{
	const struct pm_field *f = pm_field_find(spec->kind, name);
	const struct pm_value *v = f ? &spec->val[pm_field_index(spec->kind, f)] : NULL;

	if (v && v->state == PM_SET)
		add_value(form, parameter, f, v);
}

/* Sent by another name, or with what podmox adds. */
static bool is_known(const struct pm_kind *k, unsigned row)
{
	return row == PM_G_HOSTNAME || row == PM_G_TAGS || row == PM_G_DESCRIPTION ||
	       (k == &pm_kind_pod && row == PM_POD_UNPRIVILEGED);
}

void pm_pve_encode_create(struct pm_arena *a, const struct pm_create *c, struct pm_buf *form)
{
	const struct pm_kind *k = c->want->kind;

	pm_buf_addf(form, "vmid=%u", c->vmid);
	if (k == &pm_kind_pod)
		create_container(c->want->spec, form);
	create_known(a, c, form);
	for (unsigned i = 0; i < k->nfields; i++) {
		if (!is_known(k, i))
			create_row(&k->fields[i], &c->want->spec->val[i], form);
	}
}

/* The call takes few settings; the description is among them, so that a copy carries its own marker from
 * the start. */
void pm_pve_encode_clone(struct pm_arena *a, const struct pm_create *c, struct pm_buf *form)
{
	const struct pm_rec *spec = c->want->spec;
	const char *pool = pm_rec_str(spec, PM_G_POOL, NULL);

	pm_buf_addf(form, "newid=%u", c->vmid);
	pm_form_add(form, hostname_key(c), pm_rec_str(spec, PM_G_HOSTNAME, c->want->name));
	if (pool)
		pm_form_add(form, "pool", pool);
	pm_form_add(form, "description",
		pm_marker_join(a, pm_rec_str(spec, PM_G_DESCRIPTION, ""), c->marker));
	add_choice(form, spec, "clone.full", "full");
	add_choice(form, spec, "clone.storage", "storage");
	add_choice(form, spec, "clone.snapshot", "snapname");
	if (strcmp(c->source->live->node, c->node) != 0)
		pm_form_add(form, "target", c->node);
}

/* ---- update ---- */

struct encode {
	struct pm_arena *a;
	const struct pm_update *u;
	const struct pm_live *live;
	const struct pm_marker *mark; /* of the guest; NULL: none */
	struct pm_buf *form;
	PM_VEC(const char *) drop; /* keys to delete */
	PM_VEC(const char *) back; /* keys whose waiting value is to be taken back */
	PM_VEC(const char *)
	later;       /* of them those whose value in force goes with the next write */
	bool drives; /* of a virtual machine, among what is written */
};

static bool has_key(const struct encode *e, const char *key)
{
	for (size_t i = 0; e->live->keys && i < e->live->keys->n; i++) {
		if (strcmp(e->live->keys->v[i], key) == 0)
			return true;
	}
	return false;
}

/* Did podmox set it? Only then may it go when the manifest is silent about it. */
static bool was_ours(const struct encode *e, const char *key, const char *sub)
{
	return e->mark && pm_marker_has(e->mark, key, sub);
}

static bool waits(const struct encode *e, const char *key)
{
	for (unsigned i = 0; i < e->live->npending; i++) {
		if (strcmp(e->live->pending[i].key, key) == 0)
			return true;
	}
	return false;
}

static bool is_stale(const struct encode *e, const char *key)
{
	for (unsigned i = 0; i < e->live->npending; i++) {
		if (e->live->pending[i].stale && strcmp(e->live->pending[i].key, key) == 0)
			return true;
	}
	return false;
}

/* A value that waits for a restart outlives a delete of its key (recordings/05b, "delete of pending
 * key"): it is taken back first, and what is in force goes with the next write. */
static void drop_key(struct encode *e, const char *key)
{
	if (!has_key(e, key))
		return;
	if (!waits(e, key)) {
		pm_vec_push(&e->drop, key);
		return;
	}
	pm_vec_push(&e->back, key);
	pm_vec_push(&e->later, key);
}

/* Rows that never go by themselves: plan/diff.c judges in the same way. */
static bool cannot_go(const struct pm_field *f)
{
	return f->flags & (PM_F_KEEP | PM_F_GROW | PM_F_MOVE | PM_F_REQUIRED | PM_F_OWN |
				  PM_F_INNER | PM_F_IDENT | PM_F_STAYS);
}

/* ---- property strings ---- */

/* Sub-keys of PVE that podmox set and the manifest no longer names; ends with NULL. One that says what is
 * the default anyway stays: it is no change, and PVE may refuse to have the key touched. */
static const char *const *dropped_subs(
	struct encode *e, const char *key, const struct pm_rec *want, const struct pm_rec *have)
{
	const char **drop = pm_new_n(e->a, const char *, have->kind->nfields + 1);
	size_t n = 0;

	for (unsigned i = 0; i < have->kind->nfields; i++) {
		const struct pm_field *f = &have->kind->fields[i];

		if (f->key && !cannot_go(f) && !pm_value_default(f, &have->val[i]) &&
			want->val[i].state == PM_UNSET && was_ours(e, key, f->key))
			drop[n++] = f->key;
	}
	return drop;
}

/* What is never written over what is there: what PVE made up and is "not given", as a MAC, and what is fixed
 * once the entry exists. */
static bool stays(const struct pm_field *f, const struct pm_value *want, bool exists)
{
	if (want->state == PM_NULL && f->flags & PM_F_STAYS)
		return true;
	return exists && want->state != PM_UNSET && f->flags & PM_F_REPLACE;
}

static const struct pm_rec *keep_fixed(struct pm_arena *a, const struct pm_rec *want, bool exists)
{
	struct pm_rec *r = NULL;

	for (unsigned i = 0; i < want->kind->nfields; i++) {
		if (!stays(&want->kind->fields[i], &want->val[i], exists))
			continue;
		if (!r) {
			r = pm_rec_new(a, want->kind);
			memcpy(r, want, sizeof(*want) + want->kind->nfields * sizeof(want->val[0]));
		}
		r->val[i].state = PM_UNSET;
	}
	return r ? r : want;
}

static void note_drive(struct encode *e, const struct pm_kind *rec)
{
	if (pm_volume_shape(rec) && e->u->want->kind != &pm_kind_pod)
		e->drives = true;
}

/* A volume that is not made yet has its size in the place of its name: "local:8". */
static bool waits_to_be_made(const struct pm_rec *want, const struct pm_rec *have)
{
	return pm_volume_shape(want->kind) && !pm_volume_id(have) && pm_volume_storage(have) &&
	       pm_volume_size(want) != pm_volume_size(have);
}

/* What is wanted, with what is there and not spoken of. */
static const struct pm_rec *with_rest(
	struct pm_arena *a, const struct pm_rec *want, const struct pm_rec *have)
{
	struct pm_rec *r = pm_rec_new(a, want->kind);

	memcpy(r, want, sizeof(*want) + want->kind->nfields * sizeof(want->val[0]));
	for (unsigned i = 0; i < want->kind->nfields; i++)
		if (want->val[i].state == PM_UNSET && have->val[i].state == PM_SET)
			r->val[i] = have->val[i];
	return r;
}

/* Writes one property string where it differs; have NULL: a new one. */
static void put_rec(
	struct encode *e, const char *key, const struct pm_rec *want, const struct pm_rec *have)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	want = keep_fixed(e->a, want, have != NULL);
	if (have && waits_to_be_made(want, have))
		pm_rec_format(with_rest(e->a, want, have), &text);
	else if (have)
		pm_rec_merge(want, have, dropped_subs(e, key, want, have), &text);
	else
		pm_rec_format(want, &text);
	if (have && have->raw && strcmp(have->raw, pm_buf_str(&text)) == 0 && !is_stale(e, key))
		return;
	note_drive(e, want->kind);
	if (text.len > 0)
		pm_form_add(e->form, key, pm_buf_str(&text));
	else if (have)
		drop_key(e, key);
}

static struct pm_rec *entry_at(const struct pm_value *v, unsigned slot)
{
	if (v->state != PM_SET)
		return NULL;
	for (size_t i = 0; i < v->u.recs->n; i++) {
		if (v->u.recs->v[i]->slot == slot)
			return v->u.recs->v[i];
	}
	return NULL;
}

static const char *key_of(struct encode *e, const struct pm_field *f, unsigned slot)
{
	char key[16];

	return pm_arena_strdup(e->a, pm_slot_key(f, slot, key));
}

/* The entry with a volume that is there: its size shows when it is attached. */
static const struct pm_rec *with_volume(
	struct pm_arena *a, const struct pm_rec *w, const char *volume)
{
	const struct pm_volume_shape *shape = pm_volume_shape(w->kind);
	struct pm_rec *r = pm_rec_new(a, w->kind);

	memcpy(r, w, sizeof(*w) + w->kind->nfields * sizeof(w->val[0]));
	r->val[shape->volume] = (struct pm_value){ .state = PM_SET, .u = { .s = volume } };
	if (shape->size >= 0)
		r->val[shape->size].state = PM_UNSET;
	if (shape->import >= 0)
		r->val[shape->import].state = PM_UNSET;
	return r;
}

/* An entry, or a record with a volume, that the guest does not have: a new one, or one of its own that comes back. */
static void put_new(struct encode *e, const struct pm_field *f, const struct pm_rec *w)
{
	const char *key = f->count > 0 ? key_of(e, f, w->slot) : f->key;
	struct pm_attachment is;

	pm_attachment_of(e->a, e->live, f, w, &is);
	switch (is.how) {
	case PM_ATTACH_WAITS:
		pm_vec_push(&e->back, key);
		break;
	case PM_ATTACH_ELSEWHERE:
		break;
	case PM_ATTACH_AGAIN:
		put_rec(e, key, with_volume(e->a, w, is.volume), NULL);
		break;
	default:
		put_rec(e, key, w, NULL);
	}
}

static void put_entries(struct encode *e, const struct pm_field *f, const struct pm_value *want,
	const struct pm_value *have)
{
	for (size_t i = 0; want->state == PM_SET && i < want->u.recs->n; i++) {
		const struct pm_rec *w = want->u.recs->v[i];
		const struct pm_rec *h = entry_at(have, w->slot);

		if (h)
			put_rec(e, key_of(e, f, w->slot), w, h);
		else
			put_new(e, f, w);
	}
	for (size_t i = 0; have->state == PM_SET && i < have->u.recs->n; i++) {
		const struct pm_rec *h = have->u.recs->v[i];
		const char *key = key_of(e, f, h->slot);

		if (want->state == PM_NULL ||
			(!entry_at(want, h->slot) && was_ours(e, key, NULL))) {
			note_drive(e, h->kind);
			drop_key(e, key);
		}
	}
}

/* What is left of a record that the manifest no longer names. */
static void put_left(struct encode *e, const struct pm_field *f, const struct pm_value *have)
{
	if (!pm_marker_whole(e->mark, f->key, f->sub))
		put_rec(e, f->key, pm_rec_new(e->a, f->sub), have->u.rec);
	else if (!pm_value_default(f, have))
		drop_key(e, f->key);
}

static void put_props(struct encode *e, const struct pm_field *f, const struct pm_value *want,
	const struct pm_value *have)
{
	const struct pm_rec *h = have->state == PM_SET ? have->u.rec : NULL;

	if (f->count > 0)
		put_entries(e, f, want, have);
	else if (want->state == PM_SET && !h && pm_volume_shape(f->sub))
		put_new(e, f, want->u.rec);
	else if (want->state == PM_SET)
		put_rec(e, f->key, want->u.rec, h);
	else if (want->state == PM_NULL && !cannot_go(f))
		drop_key(e, f->key);
	else if (want->state == PM_UNSET && h && !cannot_go(f) && was_ours(e, f->key, NULL))
		put_left(e, f, have);
}

/* ---- the environment ---- */

static bool names(const struct pm_value *map, const char *entry)
{
	size_t n = strcspn(entry, "=") + 1;

	for (size_t i = 0; map->state == PM_SET && i < map->u.list->n; i++) {
		if (strncmp(map->u.list->v[i], entry, n) == 0)
			return true;
	}
	return false;
}

static void put_env(struct encode *e, const struct pm_field *f, const struct pm_value *want,
	const struct pm_value *have)
{
	size_t n = have->state == PM_SET ? have->u.list->n : 0, ndrop = 0;
	const char **drop = pm_new_n(e->a, const char *, n + 1);
	cleanup_buf struct pm_buf before = PM_BUF(0), after = PM_BUF(0);
	struct pm_value merged = { .state = PM_UNSET };

	if (want->state == PM_NULL) {
		drop_key(e, f->key);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const char *entry = have->u.list->v[i];
		const char *name = pm_arena_strndup(e->a, entry, strcspn(entry, "="));

		if (!names(want, entry) && was_ours(e, f->key, name))
			drop[ndrop++] = name;
	}
	if (want->state == PM_UNSET && ndrop == 0)
		return;
	pm_strmap_merge(e->a, want, have->state == PM_SET ? have : NULL, drop, &merged);
	pm_value_format(f, PM_PVE, have, &before);
	pm_value_format(f, PM_PVE, &merged, &after);
	if (before.len == after.len &&
		memcmp(pm_buf_str(&before), pm_buf_str(&after), after.len) == 0)
		return;
	if (after.len > 0)
		pm_form_addn(e->form, f->key, pm_buf_str(&after), after.len);
	else
		drop_key(e, f->key);
}

/* ---- tags and the description ---- */

static bool covers(const char *all, const char *part)
{
	char tag[256];

	for (;;) {
		size_t n;

		part += strspn(part, ";, \t");
		n = strcspn(part, ";, \t");
		if (n == 0)
			return true;
		if (n >= sizeof(tag))
			return false;
		memcpy(tag, part, n);
		tag[n] = '\0';
		if (!pm_tags_have(all, tag))
			return false;
		part += n;
	}
}

static void put_tags(struct encode *e, const struct pm_field *f, const struct pm_value *want)
{
	static const struct pm_list none = { .n = 0 };
	const char *have = e->live->tags ? e->live->tags : "", *tags;
	const struct pm_list *user = NULL; /* keep what is there */

	if (!e->u->set)
		return;
	if (want->state == PM_SET)
		user = want->u.list;
	else if (want->state == PM_NULL || was_ours(e, f->key, NULL))
		user = &none;
	tags = pm_tags_join(e->a, user, have, e->u->set);
	/* PVE may keep them in another order: only which ones there are counts. */
	if (!covers(have, tags) || !covers(tags, have))
		pm_form_add(e->form, f->key, tags);
}

/* What nobody sees in a plan goes along with the next write; what podmox relies on is written for its
 * own sake. */
static bool marker_matters(const struct encode *e)
{
	const struct pm_marker *new = e->u->marker, *old = e->mark;
	const char *keep = old && old->on_remove ? old->on_remove : "";

	if (!old || e->live->marker_fault)
		return true;
	/* Or it would be taken out of a pool that somebody else puts it into. */
	if (!e->live->pool && pm_marker_has(old, PM_MARKER_POOL, NULL) &&
		!pm_marker_has(new, PM_MARKER_POOL, NULL))
		return true;
	/* Or it would stay in a pool that podmox puts it into and the manifest no longer names. */
	if (!pm_marker_has(old, PM_MARKER_POOL, NULL) && pm_marker_has(new, PM_MARKER_POOL, NULL))
		return true;
	/* Or a guest that has left the manifests would keep its HA resource, and be kept for that. */
	if (!pm_marker_alike(old, new, pm_ha_key))
		return true;
	return strcmp(old->set, new->set) != 0 || strcmp(old->kind, new->kind) != 0 ||
	       strcmp(old->ns, new->ns) != 0 || strcmp(old->name, new->name) != 0 ||
	       strcmp(old->uid, new->uid) != 0 || old->vmid != new->vmid ||
	       old->done != new->done || strcmp(keep, new->on_remove ? new->on_remove : "") != 0;
}

/* What goes with the next write only is podmox's until then. */
static const struct pm_marker *marker_of(struct encode *e)
{
	const struct pm_marker *new = e->u->marker ? e->u->marker : e->mark;
	struct pm_marker *m;

	if (!e->u->marker || !e->mark || e->later.n == 0)
		return new;
	m = pm_new(e->a, struct pm_marker);
	*m = *new;
	for (size_t i = 0; i < e->later.n; i++)
		m->fields = pm_marker_keeping(e->a, m->fields, e->mark, e->later.v[i]);
	return m;
}

static void put_description(struct encode *e)
{
	const struct pm_value *want = &e->u->want->spec->val[PM_G_DESCRIPTION];
	const char *have = pm_rec_str(e->u->have->spec, PM_G_DESCRIPTION, ""), *text = have;
	const struct pm_marker *mark = marker_of(e);
	bool differs, marks;

	if (want->state == PM_SET)
		text = want->u.s;
	else if (want->state == PM_NULL || was_ours(e, "description", NULL))
		text = "";
	if (e->u->after_create)
		text = have;
	differs = strcmp(text, have) != 0;
	marks = e->u->marker && (e->form->len > 0 || e->drop.n > 0 || marker_matters(e));
	if (!differs && !marks)
		return;
	if (mark)
		pm_form_add(e->form, "description", pm_marker_join(e->a, text, mark));
	else if (*text)
		pm_form_add(e->form, "description", text);
	else
		drop_key(e, "description");
}

/* ---- rows ---- */

bool pm_pve_memory_below_balloon(const struct pm_obj *want, const struct pm_obj *have)
{
	const struct pm_value *memory, *balloon;

	if (want->kind != &pm_kind_vm || !have->spec)
		return false;
	memory = &want->spec->val[PM_VM_MEMORY];
	balloon = &have->spec->val[PM_VM_BALLOON];
	return memory->state == PM_SET && balloon->state == PM_SET && memory->u.i < balloon->u.i;
}

static void put_scalar(struct encode *e, const struct pm_field *f, const struct pm_value *want,
	const struct pm_value *have)
{
	if (want->state == PM_SET && !is_empty(f, want)) {
		if (!pm_value_equal(f, want, have))
			add_value(e->form, f->key, f, want);
		return;
	}
	if (cannot_go(f) || have->state != PM_SET || pm_value_default(f, have))
		return;
	if (want->state != PM_UNSET || was_ours(e, f->key, NULL))
		drop_key(e, f->key);
}

static bool skipped(const struct encode *e, const struct pm_field *f, const struct pm_value *want)
{
	if (!f->key || f->flags & (PM_F_OWN | PM_F_WRITEONLY | PM_F_REPLACE | PM_F_APART))
		return true;
	/* PVE has made it up although it must be absent. */
	if (f->flags & PM_F_CREATED && want->state == PM_NULL)
		return false;
	return e->u->after_create && !(f->flags & PM_F_AFTER) && strcmp(f->key, "tags") != 0;
}

/* PVE looks at the balloon that was, also when that goes in the same write: less memory than that comes with the
 * next one. And what it would make another amount of comes when it no longer does. */
static bool memory_comes_later(struct encode *e)
{
	const struct pm_rec *spec = e->u->want->spec;
	const struct pm_value *balloon = &spec->val[PM_VM_BALLOON];
	const char *key = pm_kind_vm.fields[PM_VM_BALLOON].key;

	if (pm_vm_rounds_memory(e->u->want, e->u->have))
		return true;
	return pm_pve_memory_below_balloon(e->u->want, e->u->have) && balloon->state != PM_SET &&
	       (balloon->state == PM_NULL || was_ours(e, key, NULL));
}

static void put_row(struct encode *e, unsigned i)
{
	const struct pm_field *f = &e->u->want->kind->fields[i];
	const struct pm_value *want = &e->u->want->spec->val[i];
	const struct pm_value *have = e->u->have->spec ? &e->u->have->spec->val[i] : &absent;

	if (skipped(e, f, want) || i == PM_G_DESCRIPTION)
		return;
	if (e->u->want->kind == &pm_kind_vm && i == PM_VM_MEMORY && memory_comes_later(e))
		return;
	if (i == PM_G_TAGS)
		put_tags(e, f, want);
	else if (f->type == PM_T_STRMAP)
		put_env(e, f, want, have);
	else if (f->type == PM_T_PROPS)
		put_props(e, f, want, have);
	else
		put_scalar(e, f, want, have);
}

static void put_keys(struct encode *e, const char *parameter, const char *const *v, size_t n)
{
	cleanup_buf struct pm_buf keys = PM_BUF(0);

	for (size_t i = 0; i < n; i++)
		pm_buf_addf(&keys, "%s%s", i > 0 ? "," : "", v[i]);
	if (keys.len > 0)
		pm_form_add(e->form, parameter, pm_buf_str(&keys));
}

/* PVE lets the boot order follow the drives that come and go, unless it is told the order with them. */
static void hold_boot_order(struct encode *e)
{
	const struct pm_obj *want = e->u->want, *have = e->u->have;
	const struct pm_field *f = e->drives ? pm_field_by_key(want->kind, "boot", 4) : NULL;
	unsigned i = f ? pm_field_index(want->kind, f) : 0;

	/* Where it differs, it is in the form by now. */
	if (f && want->spec->val[i].state == PM_SET &&
		pm_value_equal(f, &want->spec->val[i], &have->spec->val[i]))
		add_value(e->form, f->key, f, &want->spec->val[i]);
}

static bool protects(const struct pm_rec *spec)
{
	return pm_rec_bool(spec, PM_G_LIFE_PROTECT, false);
}

bool pm_pve_encode_update(struct pm_arena *a, const struct pm_update *u, struct pm_buf *form)
{
	struct pm_update own = *u;
	struct encode e = { .a = a,
		.u = &own,
		.live = u->have->live,
		.mark = u->have->live->marker,
		.form = form };

	own.want = pm_obj_ignoring(a, u->want, u->have);
	for (unsigned i = 0; i < u->want->kind->nfields; i++) {
		if (i != PM_G_LIFE_PROTECT)
			put_row(&e, i);
	}
	/* What goes with the next write may be a volume, which a protected guest keeps. */
	if (e.later.n == 0 || !protects(u->want->spec))
		put_row(&e, PM_G_LIFE_PROTECT);
	hold_boot_order(&e);
	put_description(&e);
	put_keys(&e, "delete", e.drop.v, e.drop.n);
	put_keys(&e, "revert", e.back.v, e.back.n);
	if (form->len > 0 && e.live->digest)
		pm_form_add(form, "digest", e.live->digest);
	pm_vec_done(&e.drop);
	pm_vec_done(&e.back);
	pm_vec_done(&e.later);
	return e.drives;
}

/* ---- the marker alone ---- */

static const char *own_tags(struct pm_arena *a, const struct pm_obj *have)
{
	const struct pm_value *v = &have->spec->val[PM_G_TAGS];
	cleanup_buf struct pm_buf out = PM_BUF(0);

	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++)
		pm_buf_addf(&out, "%s%s", i > 0 ? ";" : "", v->u.list->v[i]);
	return pm_arena_strdup(a, pm_buf_str(&out));
}

static void set_or_delete(
	struct pm_buf *form, const char *key, const char *text, struct pm_buf *deleted)
{
	if (*text)
		pm_form_add(form, key, text);
	else
		pm_buf_addf(deleted, "%s%s", deleted->len > 0 ? "," : "", key);
}

void pm_pve_encode_mark(struct pm_arena *a, const struct pm_obj *have,
	const struct pm_marker *marker, struct pm_buf *form)
{
	const char *text = pm_rec_str(have->spec, PM_G_DESCRIPTION, "");
	const char *tags = have->live->tags ? have->live->tags : "";
	cleanup_buf struct pm_buf deleted = PM_BUF(0);

	set_or_delete(form, "tags",
		marker ? pm_tags_join(a, NULL, tags, marker->set) : own_tags(a, have), &deleted);
	set_or_delete(
		form, "description", marker ? pm_marker_join(a, text, marker) : text, &deleted);
	if (deleted.len > 0)
		pm_form_add(form, "delete", pm_buf_str(&deleted));
	if (have->live->digest)
		pm_form_add(form, "digest", have->live->digest);
}
