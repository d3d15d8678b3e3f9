/* Records and property strings: reading, printing, and putting changes into what was observed. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/value_priv.h"

struct pm_rec *pm_rec_new(struct pm_arena *a, const struct pm_kind *k)
{
	size_t size = sizeof(struct pm_rec) + k->nfields * sizeof(struct pm_value);
	struct pm_rec *r = pm_arena_alloc(a, size, _Alignof(struct pm_rec));

	r->kind = k;
	r->slot = PM_NO_SLOT;
	return r;
}

/* ---- items: "key=value" or a value alone ---- */

struct item {
	const char *start, *value; /* value: behind the '=', or start */
	size_t n, nkey, nvalue;    /* nkey 0: a value alone */
};

static bool blank(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (s[i] != ' ' && s[i] != '\t')
			return false;
	}
	return true;
}

/* The next item that is not empty; moves *s behind it. */
static bool next_item(const char **s, const char *end, struct item *ret)
{
	while (*s < end) {
		const char *start = *s;
		const char *comma = memchr(start, ',', (size_t)(end - start));
		size_t n = (size_t)((comma ? comma : end) - start);
		const char *equals = memchr(start, '=', n);

		*s = comma ? comma + 1 : end;
		if (blank(start, n))
			continue;
		*ret = (struct item){ .start = start, .value = start, .n = n, .nvalue = n };
		if (equals) {
			ret->nkey = (size_t)(equals - start);
			ret->value = equals + 1;
			ret->nvalue = n - ret->nkey - 1;
		}
		return true;
	}
	return false;
}

/* The row a value without a key belongs to. */
static const struct pm_field *bare_field(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		if (k->fields[i].flags & (PM_F_HEAD | PM_F_BARE))
			return &k->fields[i];
	}
	return NULL;
}

static const struct pm_field *field_of(const struct pm_kind *k, const struct item *it)
{
	if (it->value == it->start)
		return bare_field(k);
	return pm_field_by_key(k, it->start, it->nkey);
}

static bool is_set(const struct pm_rec *r, int field)
{
	return field >= 0 && r->val[field].state == PM_SET;
}

/* ---- reading ---- */

/* The choice that is the key of an item, where one row stands as the key of another: NULL: it is none. */
static const char *key_choice(const struct pm_kind *k, const struct item *it)
{
	const struct pm_keyed_shape *s = it->nkey > 0 ? pm_keyed_shape(k) : NULL;

	return s ? pm_choice(&k->fields[s->key], it->start, it->nkey) : NULL;
}

static int read_keyed(
	struct pm_arena *a, struct pm_rec *r, const struct item *it, struct pm_error *err)
{
	const struct pm_keyed_shape *s = pm_keyed_shape(r->kind);
	struct pm_value *key = &r->val[s->key], *value = &r->val[s->value];

	if (key->state == PM_SET || value->state == PM_SET)
		return pm_error_set(
			err, PM_E_INPUT, "%s is given twice", r->kind->fields[s->value].key);
	key->u.s = key_choice(r->kind, it);
	key->state = PM_SET;
	return pm_value_decode(a, &r->kind->fields[s->value], it->value, it->nvalue, value, err);
}

static int read_item(
	struct pm_arena *a, struct pm_rec *r, const struct item *it, struct pm_error *err)
{
	const struct pm_field *f = field_of(r->kind, it);
	struct pm_error ignored;
	struct pm_value *v;

	if (key_choice(r->kind, it) && it->nvalue > 0)
		return read_keyed(a, r, it, err);
	if (it->value == it->start && !f)
		return pm_error_set(err, PM_E_INPUT, "'%.*s' has no key", (int)it->n, it->start);
	if (it->value != it->start && (it->nkey == 0 || it->nvalue == 0))
		return pm_error_set(
			err, PM_E_INPUT, "'%.*s' is no key=value", (int)it->n, it->start);
	if (!f)
		return 0;
	v = &r->val[f - r->kind->fields];
	if (v->state == PM_SET)
		return pm_error_set(err, PM_E_INPUT, "%s is given twice", f->key);
	/* A value of another type stays in raw: the manifest can still mend it. */
	if (pm_value_decode(a, f, it->value, it->nvalue, v, &ignored) < 0)
		v->state = PM_UNSET;
	return 0;
}

int pm_rec_parse(struct pm_arena *a, const struct pm_kind *k, const char *text, size_t n,
	struct pm_rec **ret, struct pm_error *err)
{
	const struct pm_volume_shape *shape = pm_volume_shape(k);
	struct pm_rec *r = pm_rec_new(a, k);
	const char *s, *end;
	struct item it;

	if (memchr(text, '\0', n))
		return pm_error_set(err, PM_E_INPUT, "holds a NUL");
	r->raw = pm_arena_intern(a, text, n);
	s = r->raw;
	end = s + n;
	while (next_item(&s, end, &it)) {
		int bad = read_item(a, r, &it, err);

		if (bad < 0)
			return bad;
	}
	if (shape)
		pm_volume_derive(a, r, shape);
	*ret = r;
	return 0;
}

void pm_entry_place(
	struct pm_arena *a, const struct pm_field *f, unsigned slot, struct pm_rec *entry)
{
	const struct pm_field *named = pm_slot_row(f->sub);
	struct pm_value *v;
	char key[16];

	entry->slot = slot;
	if (!named)
		return;
	v = &entry->val[pm_field_index(f->sub, named)];
	(void)pm_slot_key(f, slot, key);
	v->u.s = pm_arena_intern(a, key, strlen(key));
	v->state = PM_SET;
}

/* ---- printing ---- */

static void add_separator(struct pm_buf *out, size_t start)
{
	if (out->len > start)
		pm_buf_addc(out, ',');
}

static void add_item(
	const struct pm_field *f, const struct pm_value *v, struct pm_buf *out, size_t start)
{
	if (v->state != PM_SET || (f->type == PM_T_LIST && v->u.list->n == 0))
		return;
	add_separator(out, start);
	if (f->flags & PM_F_HEAD) {
		pm_head_add(f->key, v->u.s, out);
		return;
	}
	pm_buf_addf(out, "%s=", f->key);
	pm_value_format(f, PM_PVE, v, out);
}

/* "virtio=BC:24:11:00:00:01", or "virtio" as long as there is no MAC. What PVE holds in another form, or
 * with a model that nobody knows, is left to the rows; false. */
static bool add_keyed(const struct pm_rec *r, const struct pm_keyed_shape *s, struct pm_buf *out)
{
	const struct pm_field *f = &r->kind->fields[s->key];
	const struct pm_value *key = &r->val[s->key], *value = &r->val[s->value];
	const char *text = key->state == PM_SET ? key->u.s : r->raw ? "" : f->fresh;

	if (!pm_choice(f, text, strlen(text)))
		return false;
	pm_buf_adds(out, text);
	if (value->state == PM_SET) {
		pm_buf_addc(out, '=');
		pm_value_format(&r->kind->fields[s->value], PM_PVE, value, out);
	}
	return true;
}

void pm_rec_format(const struct pm_rec *r, struct pm_buf *out)
{
	const struct pm_volume_shape *shape = pm_volume_shape(r->kind);
	const struct pm_keyed_shape *shape_of_key = pm_keyed_shape(r->kind);
	size_t start = out->len;
	bool fresh = shape && pm_volume_add(r, shape, out);
	const struct pm_keyed_shape *keyed =
		shape_of_key && add_keyed(r, shape_of_key, out) ? shape_of_key : NULL;
	unsigned n;
	const uint8_t *order = pm_kind_order(r->kind, &n);

	for (unsigned i = 0; i < n; i++) {
		if (shape && (order[i] == shape->volume || (fresh && order[i] == shape->size)))
			continue;
		if (keyed && (order[i] == keyed->key || order[i] == keyed->value))
			continue;
		add_item(&r->kind->fields[order[i]], &r->val[order[i]], out, start);
	}
}

/* ---- changing what was observed ---- */

/** One merge: which rows of want are written by now, and what becomes of the volume. */
struct merge {
	const struct pm_rec *want, *have;
	const struct pm_volume_shape *shape;
	const char *const *drop;
	bool new_head; /* want's volume or path takes the place of the observed one */
	struct pm_buf *out;
	size_t start;
};

static bool names_key(const char *key, const char *s, size_t n)
{
	return strlen(key) == n && !strncmp(key, s, n);
}

/* A row that may stand alone, or under an older name, is dropped by its key all the same. */
static bool is_dropped(const struct merge *m, const struct item *it, const struct pm_field *f)
{
	for (const char *const *d = m->drop; d && *d; d++) {
		if (names_key(*d, it->start, it->nkey) || (f && !strcmp(*d, f->key)))
			return true;
	}
	return false;
}

static bool head_differs(const struct merge *m)
{
	const struct pm_volume_shape *s = m->shape;
	const struct pm_rec *want = m->want, *have = m->have;

	if (!s)
		return false;
	if (is_set(want, s->volume))
		return !is_set(have, s->volume) ||
		       strcmp(want->val[s->volume].u.s, have->val[s->volume].u.s) != 0;
	if (is_set(want, s->source))
		return !is_set(have, s->source) ||
		       !pm_value_equal(&want->kind->fields[s->source], &want->val[s->source],
			       &have->val[s->source]);
	if (!is_set(want, s->storage))
		return false;
	if (pm_volume_cloudinit(want) != pm_volume_cloudinit(have))
		return true;
	return !is_set(have, s->volume) && (is_set(want, s->size) || is_set(want, s->import));
}

static bool is_volume_row(const struct merge *m, const struct pm_field *f)
{
	return m->shape && f == &m->want->kind->fields[m->shape->volume];
}

/* Changed by calls of their own (resize, move), or part of the volume's name. */
static bool not_merged(const struct merge *m, const struct pm_field *f)
{
	return f->flags & (PM_F_GROW | PM_F_MOVE) || is_volume_row(m, f);
}

static void keep_item(const struct merge *m, const struct item *it)
{
	add_separator(m->out, m->start);
	pm_buf_add(m->out, it->start, it->n);
}

/* "virtio=MAC": both rows at once; what want does not say of them stays. */
static void merge_keyed(const struct merge *m, const struct item *it)
{
	const struct pm_keyed_shape *s = pm_keyed_shape(m->want->kind);
	const struct pm_field *fields = m->want->kind->fields;
	const struct pm_value *key = &m->want->val[s->key], *value = &m->want->val[s->value];

	if ((key->state != PM_SET || pm_value_equal(&fields[s->key], key, &m->have->val[s->key])) &&
		(value->state != PM_SET ||
			pm_value_equal(&fields[s->value], value, &m->have->val[s->value]))) {
		keep_item(m, it);
		return;
	}
	if (key->state != PM_SET)
		key = &m->have->val[s->key];
	if (value->state != PM_SET)
		value = &m->have->val[s->value];
	add_separator(m->out, m->start);
	pm_buf_addf(m->out, "%s=", key->u.s);
	pm_value_format(&fields[s->value], PM_PVE, value, m->out);
}

/* Nothing but in the older way? */
static bool says_nothing(const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		if (r->val[i].state == PM_SET && !(r->kind->fields[i].flags & PM_F_OLD))
			return false;
	}
	return true;
}

static bool is_kept(const struct merge *m, const struct pm_field *f)
{
	unsigned i = f ? pm_field_index(m->want->kind, f) : 0;

	if (f && f->flags & PM_F_OLD)
		return says_nothing(m->want);
	if (!f || not_merged(m, f) || m->want->val[i].state == PM_UNSET)
		return true;
	/* What says the default is as good as absent, and PVE may refuse to have the key touched. */
	if (m->want->val[i].state == PM_NULL)
		return pm_value_default(f, &m->have->val[i]);
	return m->have->val[i].state == PM_SET &&
	       pm_value_equal(f, &m->want->val[i], &m->have->val[i]);
}

static void merge_volume(const struct merge *m, const struct item *it)
{
	if (!m->new_head)
		keep_item(m, it);
}

static void merge_item(const struct merge *m, const struct item *it)
{
	const struct pm_field *f = field_of(m->want->kind, it);
	const struct pm_value *want = f ? &m->want->val[pm_field_index(m->want->kind, f)] : NULL;

	if (key_choice(m->want->kind, it))
		merge_keyed(m, it);
	else if (f && is_volume_row(m, f))
		merge_volume(m, it);
	else if (is_dropped(m, it, f) || (f && f->flags & PM_F_GROW && m->new_head))
		return;
	else if (is_kept(m, f))
		keep_item(m, it);
	else if (want && want->state == PM_SET)
		add_item(f, want, m->out, m->start);
}

/* Is the item "virtio=MAC", and the row one of both? */
static bool is_keyed_row(const struct pm_kind *k, const struct item *it, const struct pm_field *f)
{
	const struct pm_keyed_shape *s = key_choice(k, it) ? pm_keyed_shape(k) : NULL;

	return s && (f == &k->fields[s->key] || f == &k->fields[s->value]);
}

static bool mentions(const struct pm_rec *have, const struct pm_field *f)
{
	const char *s = have->raw, *end = s + strlen(s);
	struct item it;

	while (next_item(&s, end, &it)) {
		if (field_of(have->kind, &it) == f || is_keyed_row(have->kind, &it, f))
			return true;
	}
	return false;
}

/* What want sets and the observed text does not mention. */
static void merge_rest(const struct merge *m)
{
	unsigned n;
	const uint8_t *order = pm_kind_order(m->want->kind, &n);

	for (unsigned i = 0; i < n; i++) {
		const struct pm_field *f = &m->want->kind->fields[order[i]];
		const struct pm_value *want = &m->want->val[order[i]];
		const struct pm_value *have = &m->have->val[order[i]];

		if (not_merged(m, f) || want->state != PM_SET || have->state == PM_SET ||
			mentions(m->have, f))
			continue;
		/* What is read by the creation of a volume goes with a new one. */
		if (!pm_value_equal(f, want, have) || (m->new_head && f->flags & PM_F_WRITEONLY))
			add_item(f, want, m->out, m->start);
	}
}

void pm_rec_merge(const struct pm_rec *want, const struct pm_rec *have, const char *const *drop,
	struct pm_buf *out)
{
	struct merge m = { .want = want,
		.have = have,
		.drop = drop,
		.out = out,
		.start = out->len,
		.shape = pm_volume_shape(want->kind) };
	const char *s, *end;
	struct item it;

	if (!have || !have->raw) {
		pm_rec_format(want, out);
		return;
	}
	m.new_head = head_differs(&m);
	if (m.new_head)
		(void)pm_volume_add(want, m.shape, out);
	s = have->raw;
	end = s + strlen(s);
	while (next_item(&s, end, &it))
		merge_item(&m, &it);
	merge_rest(&m);
	/* An emptied record is a blank at PVE. */
	if (out->len == m.start && blank(have->raw, strlen(have->raw)))
		pm_buf_adds(out, have->raw);
}

bool pm_rec_take_size(struct pm_arena *a, struct pm_rec *r, const char *in_force)
{
	const struct pm_volume_shape *shape = pm_volume_shape(r->kind);
	cleanup_buf struct pm_buf out = PM_BUF(0);
	const char *s = r->raw, *end = s + strlen(s);
	struct pm_error ignored;
	struct pm_rec *now = NULL;
	struct item it;

	if (!shape || pm_rec_parse(a, r->kind, in_force, strlen(in_force), &now, &ignored) < 0 ||
		!is_set(r, shape->volume) || !is_set(now, shape->volume) ||
		!is_set(r, shape->size) || !is_set(now, shape->size) ||
		strcmp(r->val[shape->volume].u.s, now->val[shape->volume].u.s) != 0 ||
		r->val[shape->size].u.i == now->val[shape->size].u.i)
		return false;
	r->val[shape->size] = now->val[shape->size];
	while (next_item(&s, end, &it)) {
		const struct pm_field *f = field_of(r->kind, &it);

		if (f == &r->kind->fields[shape->size]) {
			add_item(f, &r->val[shape->size], &out, 0);
			continue;
		}
		add_separator(&out, 0);
		pm_buf_add(&out, it.start, it.n);
	}
	r->raw = pm_arena_strdup(a, pm_buf_str(&out));
	return true;
}

/* ---- comparing and looking ---- */

bool pm_rec_equal(const struct pm_rec *want, const struct pm_rec *have)
{
	for (unsigned i = 0; i < want->kind->nfields; i++) {
		if (!pm_value_equal(&want->kind->fields[i], &want->val[i], &have->val[i]))
			return false;
	}
	return true;
}

bool pm_rec_default(const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		if (!(r->kind->fields[i].flags & PM_F_OWN) &&
			!pm_value_default(&r->kind->fields[i], &r->val[i]))
			return false;
	}
	return true;
}

const struct pm_value *pm_rec_get(const struct pm_rec *r, unsigned field)
{
	pm_assert(field < r->kind->nfields);
	return &r->val[field];
}

static const struct pm_value *get_set(const struct pm_rec *r, unsigned field, unsigned types)
{
	const struct pm_value *v = pm_rec_get(r, field);

	pm_assert(1U << r->kind->fields[field].type & types);
	return v->state == PM_SET ? v : NULL;
}

const char *pm_rec_str(const struct pm_rec *r, unsigned field, const char *otherwise)
{
	const struct pm_value *v = get_set(r, field, 1U << PM_T_STR | 1U << PM_T_ENUM);

	return v ? v->u.s : otherwise;
}

int64_t pm_rec_int(const struct pm_rec *r, unsigned field, int64_t otherwise)
{
	const struct pm_value *v = get_set(
		r, field, 1U << PM_T_INT | 1U << PM_T_MILLI | 1U << PM_T_SIZE | 1U << PM_T_SECONDS);

	return v ? v->u.i : otherwise;
}

bool pm_rec_bool(const struct pm_rec *r, unsigned field, bool otherwise)
{
	const struct pm_value *v = get_set(r, field, 1U << PM_T_BOOL);

	return v ? v->u.b : otherwise;
}

const char *pm_rec_ident(const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		if (r->kind->fields[i].flags & PM_F_IDENT)
			return r->val[i].state == PM_SET ? r->val[i].u.s : "";
	}
	return "";
}
