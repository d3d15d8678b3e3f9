/* The answer of /pending as a live object. Read as a stream, for it is the bulk of what podmox reads: no
 * tree, no copy but those that last. The object holds what will be after a restart; what is in force
 * until then stands in live->pending. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/vec.h"
#include "pve/pve_priv.h"

int pm_json_data(struct pm_jread *r, enum pm_json_event *ret, struct pm_error *err)
{
	enum pm_json_event e = pm_jread_next(r);

	if (e != PM_J_OBJECT)
		return pm_jread_error(r, "an object with the member data", err);
	while (pm_jread_next(r) == PM_J_KEY) {
		bool data = pm_jread_is(r, "data");

		e = pm_jread_next(r);
		if (data && e != PM_J_ERROR) {
			*ret = e;
			return 0;
		}
		if (!pm_jread_skip(r, e))
			break;
	}
	return pm_jread_error(r, "the member data", err);
}

/* A scalar of the answer; s NULL: absent, null, or no scalar. */
struct text {
	char *s;
	size_t n;
};

struct row {
	struct text key, value, pending;
	bool removed; /* the key goes at the next start */
};

struct decode {
	struct pm_arena *a;
	const struct pm_kind *k;
	struct pm_obj *o;
	struct pm_rec *spec;
	PM_VEC(const char *) keys;
	PM_VEC(struct pm_pending) pending;
	PM_VEC(const char *) unused;
	PM_VEC(unsigned) unused_at;
	const char *tags; /* all of them */
	struct pm_error *err;
};

/* ---- rows ---- */

static bool read_text(struct pm_jread *r, struct text *ret)
{
	enum pm_json_event e = pm_jread_next(r);

	*ret = (struct text){ .s = NULL };
	switch (e) {
	case PM_J_STRING:
	case PM_J_NUMBER:
		*ret = (struct text){ r->s, r->n };
		return true;
	case PM_J_TRUE:
		*ret = (struct text){ r->p - 4, 4 };
		return true;
	case PM_J_FALSE:
		*ret = (struct text){ r->p - 5, 5 };
		return true;
	default:
		return pm_jread_skip(r, e);
	}
}

static bool is_yes(const struct text *t)
{
	return t->s && t->n > 0 && *t->s != '0' && *t->s != 'f';
}

static bool read_row(struct pm_jread *r, struct row *row)
{
	enum pm_json_event e;

	memset(row, 0, sizeof(*row));
	while ((e = pm_jread_next(r)) == PM_J_KEY) {
		struct text skipped, removed = { .s = NULL };
		bool ok;

		if (pm_jread_is(r, "key"))
			ok = read_text(r, &row->key);
		else if (pm_jread_is(r, "value"))
			ok = read_text(r, &row->value);
		else if (pm_jread_is(r, "pending"))
			ok = read_text(r, &row->pending);
		else if (pm_jread_is(r, "delete"))
			ok = read_text(r, &removed);
		else
			ok = read_text(r, &skipped);
		if (!ok)
			return false;
		row->removed |= is_yes(&removed);
	}
	return e == PM_J_OBJECT_END;
}

static bool key_is(const struct row *row, const char *word)
{
	return row->key.n == strlen(word) && memcmp(row->key.s, word, row->key.n) == 0;
}

static const char *copy(struct decode *d, const struct text *t)
{
	return t->s ? pm_arena_strndup(d->a, t->s, t->n) : NULL;
}

/* ---- values ---- */

static int bad_value(struct decode *d, const struct row *row)
{
	(void)pm_error_wrap(d->err, "PVE's value of %.*s", (int)(row->key.n < 64 ? row->key.n : 64),
		row->key.s);
	d->err->code = PM_E_PROTOCOL;
	return -PM_E_PROTOCOL;
}

/* One entry of a numbered list, put where its number belongs: PVE's order is chance. */
static int add_entry(
	struct decode *d, const struct pm_field *f, unsigned slot, const struct text *t)
{
	struct pm_value *v = &d->spec->val[pm_field_index(d->k, f)];
	struct pm_recs *list = v->u.recs;
	struct pm_rec *rec;
	size_t at;
	int r;

	r = pm_rec_parse(d->a, f->sub, t->s, t->n, &rec, d->err);
	if (r < 0)
		return r;
	pm_entry_place(d->a, f, slot, rec);
	if (v->state != PM_SET) {
		v->state = PM_SET;
		v->u.recs = list = pm_new(d->a, struct pm_recs);
		list->v = pm_new_n(d->a, struct pm_rec *, 2);
	} else if (list->n >= 2 && (list->n & (list->n - 1)) == 0) {
		/* Twice the room at each power of two. */
		struct pm_rec **more = pm_new_n(d->a, struct pm_rec *, list->n * 2);

		memcpy(more, list->v, list->n * sizeof(*more));
		list->v = more;
	}
	for (at = list->n; at > 0 && list->v[at - 1]->slot > slot; at--)
		list->v[at] = list->v[at - 1];
	list->v[at] = rec;
	list->n++;
	return 0;
}

/* podmox's own tags are not the user's: the planner compares only his. */
static void drop_own_tags(struct decode *d, struct pm_value *v)
{
	struct pm_list *kept = pm_new(d->a, struct pm_list);

	kept->v = v->u.list->v;
	for (size_t i = 0; i < v->u.list->n; i++) {
		if (!pm_tag_is_ours(v->u.list->v[i]))
			kept->v[kept->n++] = v->u.list->v[i];
	}
	v->u.list = kept;
	if (kept->n == 0)
		v->state = PM_UNSET;
}

static void set_description(struct decode *d, struct pm_value *v, const struct text *t)
{
	const char *text;

	/* Behind a value of a row that has been read stands nothing that is still needed. */
	t->s[t->n] = '\0';
	pm_marker_split(d->a, t->s, &text, &d->o->live->marker, &d->o->live->marker_fault);
	if (*text) {
		v->state = PM_SET;
		v->u.s = text;
	}
}

static int set_value(
	struct decode *d, const struct pm_field *f, unsigned slot, const struct text *t)
{
	struct pm_value *v = &d->spec->val[pm_field_index(d->k, f)];
	int r;

	if (f->count > 0)
		return add_entry(d, f, slot, t);
	if (strcmp(f->key, "description") == 0) {
		set_description(d, v, t);
		return 0;
	}
	r = pm_value_decode(d->a, f, t->s, t->n, v, d->err);
	if (r == 0 && strcmp(f->key, "tags") == 0) {
		/* An emptied list is a blank. */
		d->tags = v->u.list->n > 0 ? copy(d, t) : NULL;
		drop_own_tags(d, v);
	}
	return r;
}

static void take_unused(struct decode *d, const struct row *row)
{
	const char *digits = pm_arena_strndup(d->a, row->key.s + 6, row->key.n - 6);
	int64_t n = 0;

	if (pm_parse_int(digits, 0, UINT32_MAX - 1, &n) < 0)
		n = UINT32_MAX;
	pm_vec_push(&d->unused, copy(d, &row->value));
	pm_vec_push(&d->unused_at, (unsigned)n);
}

/* What will be after a restart, and what is in force until then. */
static int take_row(struct decode *d, const struct row *row)
{
	const struct text *t = row->pending.s ? &row->pending : &row->value;
	const struct pm_field *f;
	const char *key;
	unsigned slot;

	if (key_is(row, "digest")) {
		d->o->live->digest = copy(d, &row->value);
		return 0;
	}
	if (row->key.n > 6 && memcmp(row->key.s, "unused", 6) == 0 && row->value.s) {
		take_unused(d, row);
		return 0;
	}
	f = pm_field_by_slot_key(d->k, row->key.s, row->key.n, &slot);
	key = f && f->count == 0 ? f->key : pm_arena_intern(d->a, row->key.s, row->key.n);
	if (row->pending.s || row->removed) {
		pm_vec_push(&d->pending, ((struct pm_pending){ .field = f,
						 .slot = slot,
						 .key = key,
						 .in_force = copy(d, &row->value) }));
	}
	if (row->removed)
		return 0;
	pm_vec_push(&d->keys, key);
	if (!f || !t->s)
		return 0;
	return set_value(d, f, slot, t) < 0 ? bad_value(d, row) : 0;
}

/* ---- the whole ---- */

static const struct pm_list *keep_list(struct pm_arena *a, const char **v, size_t n)
{
	struct pm_list *l = pm_new(a, struct pm_list);

	l->n = n;
	l->v = pm_new_n(a, const char *, n + 1);
	if (n > 0)
		memcpy(l->v, v, n * sizeof(*v));
	return l;
}

static int by_slot(const void *a, const void *b)
{
	const struct pm_pending *x = a, *y = b;

	if (x->field != y->field)
		return x->field < y->field ? -1 : 1;
	return x->slot != y->slot ? (x->slot < y->slot ? -1 : 1) : strcmp(x->key, y->key);
}

static struct pm_rec *waiting_rec(const struct decode *d, const struct pm_pending *p)
{
	const struct pm_value *v;

	if (!p->field || p->field->type != PM_T_PROPS)
		return NULL;
	v = &d->spec->val[pm_field_index(d->k, p->field)];
	if (v->state != PM_SET || p->field->count == 0)
		return v->state == PM_SET ? v->u.rec : NULL;
	for (size_t i = 0; i < v->u.recs->n; i++) {
		if (v->u.recs->v[i]->slot == p->slot)
			return v->u.recs->v[i];
	}
	return NULL;
}

/* PVE grows what is in force, and leaves the change that waits as it is. */
static void take_sizes(struct decode *d)
{
	for (size_t i = 0; i < d->pending.n; i++) {
		struct pm_pending *p = &d->pending.v[i];
		struct pm_rec *r = waiting_rec(d, p);

		p->stale = r && p->in_force && pm_rec_take_size(d->a, r, p->in_force);
	}
}

static void keep(struct decode *d)
{
	struct pm_live *live = d->o->live;

	take_sizes(d);
	live->tags = d->tags;
	live->keys = keep_list(d->a, d->keys.v, d->keys.n);
	if (d->unused.n > 0) {
		unsigned *at = pm_new_n(d->a, unsigned, d->unused.n);

		memcpy(at, d->unused_at.v, d->unused.n * sizeof(*at));
		live->unused = keep_list(d->a, d->unused.v, d->unused.n);
		live->unused_at = at;
	}
	if (d->pending.n > 0) {
		struct pm_pending *v = pm_new_n(d->a, struct pm_pending, d->pending.n);

		memcpy(v, d->pending.v, d->pending.n * sizeof(*v));
		qsort(v, d->pending.n, sizeof(*v), by_slot);
		live->pending = v;
		live->npending = (unsigned)d->pending.n;
	}
	d->o->spec = d->spec;
}

static int read_rows(struct decode *d, struct pm_jread *r)
{
	enum pm_json_event e = PM_J_ERROR;
	int bad = pm_json_data(r, &e, d->err);

	if (bad < 0)
		return bad;
	if (e != PM_J_ARRAY)
		return pm_jread_error(r, "a list of settings", d->err);
	while ((e = pm_jread_next(r)) == PM_J_OBJECT) {
		struct row row;

		if (!read_row(r, &row) || !row.key.s)
			return pm_jread_error(r, "a row with a key", d->err);
		bad = take_row(d, &row);
		if (bad < 0)
			return bad;
	}
	if (e != PM_J_ARRAY_END)
		return pm_jread_error(r, "a row", d->err);
	if (!d->o->live->digest)
		return pm_error_set(
			d->err, PM_E_PROTOCOL, "the configuration came without its digest");
	return 0;
}

int pm_pve_decode_pending(struct pm_arena *a, const struct pm_kind *k, char *text, size_t n,
	struct pm_obj *o, struct pm_error *err)
{
	struct decode d = { .a = a, .k = k, .o = o, .spec = pm_rec_new(a, k), .err = err };
	struct pm_jread r;
	int bad;

	pm_jread_init(&r, text, n);
	bad = read_rows(&d, &r);
	if (bad == 0)
		keep(&d);
	else
		o->live->digest = NULL; /* nothing half read is taken for the truth */
	pm_vec_done(&d.keys);
	pm_vec_done(&d.pending);
	pm_vec_done(&d.unused);
	pm_vec_done(&d.unused_at);
	return bad;
}
