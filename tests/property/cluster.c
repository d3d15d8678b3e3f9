/* What the simulator holds, read through its API as anybody would, and compared as text. Where two texts
 * differ the row is asked whether they mean the same; nothing else here knows the field table's types. */
#include <json-c/json_object.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "model/marker.h"
#include "property.h"

/* ---- reading ---- */

static void read_settings(struct pm_arena *a, struct pm_buf *body, struct guest *g)
{
	PM_VEC(struct setting) v = { 0 };
	struct pm_jread r;
	enum pm_json_event e;
	struct setting s;

	pm_jread_init(&r, body->p, body->len);
	assert_int_equal(pm_jread_next(&r), PM_J_OBJECT);
	assert_int_equal(pm_jread_next(&r), PM_J_KEY);
	assert_int_equal(pm_jread_next(&r), PM_J_OBJECT);
	while (pm_jread_next(&r) == PM_J_KEY) {
		s.key = pm_arena_strndup(a, r.s, r.n);
		e = pm_jread_next(&r);
		if (e != PM_J_STRING && e != PM_J_NUMBER) {
			assert_true(pm_jread_skip(&r, e));
			continue;
		}
		s.value = pm_arena_strndup(a, r.s, r.n);
		s.n = r.n;
		pm_vec_push(&v, s);
	}
	g->n = v.n;
	g->v = pm_new_n(a, struct setting, v.n + 1);
	if (v.n > 0)
		memcpy(g->v, v.v, v.n * sizeof(*v.v));
	pm_vec_done(&v);
}

const struct setting *pm_setting(const struct guest *g, const char *key)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].key, key) == 0)
			return &g->v[i];
	return NULL;
}

static void read_marker(struct pm_arena *a, struct guest *g)
{
	const struct setting *s = pm_setting(g, "description");
	const struct pm_marker *m = NULL;
	const char *text, *fault;

	if (!s)
		return;
	pm_marker_split(a, s->value, &text, &m, &fault);
	if (m && m->vmid == g->vmid)
		g->id = pm_arena_printf(a, "%s/%s/%s", m->kind, m->ns, m->name);
}

void pm_guest_read(struct world *w, struct pm_arena *a, struct guest *g)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);

	g->running = strstr(world_control(w, "get %u", g->vmid), " running") != NULL;
	assert_int_equal(
		world_ask(w, "GET",
			pm_arena_printf(a, "/nodes/%s/%s/%u/config", g->node, g->type, g->vmid),
			NULL, &body),
		200);
	read_settings(a, &body, g);
	read_marker(a, g);
}

static void read_row(struct pm_arena *a, struct json_object *row, struct guest *g)
{
	g->vmid = (unsigned)pm_json_int(row, "vmid", 0);
	g->node = pm_arena_strdup(a, pm_json_str(row, "node"));
	g->type = pm_arena_strdup(a, pm_json_str(row, "type"));
	g->pool = pm_json_str(row, "pool") ? pm_arena_strdup(a, pm_json_str(row, "pool")) : NULL;
}

void pm_guests_read(struct world *w, struct pm_arena *a, struct guests *ret)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	struct json_object *doc = NULL, *data;
	struct pm_error err = { 0 };

	assert_int_equal(world_ask(w, "GET", "/cluster/resources?type=vm", NULL, &body), 200);
	assert_ok(pm_json_parse(pm_buf_str(&body), body.len, &doc, &err), &err);
	data = pm_json_get(doc, "data");
	*ret = (struct guests){ .a = a, .n = json_object_array_length(data) };
	ret->v = pm_new_n(a, struct guest, ret->n + 1);
	for (size_t i = 0; i < ret->n; i++) {
		read_row(a, json_object_array_get_idx(data, i), &ret->v[i]);
		pm_guest_read(w, a, &ret->v[i]);
	}
	pm_json_putp(&doc);
}

struct guest *pm_guest_find(const struct guests *g, const char *id)
{
	for (size_t i = 0; i < g->n; i++)
		if (pm_str_eq(g->v[i].id, id))
			return &g->v[i];
	return NULL;
}

/* ---- a configuration as single facts ---- */

/** "net[eth0].bridge" is "vmbr0". */
struct fact {
	const char *path, *value;
	size_t n;
	const struct pm_field *row;    /* NULL: PVE's own */
	const struct pm_field *parent; /* of a sub-key */
	const char *ident;             /* of an entry */
};
struct facts {
	struct pm_arena *a;
	const struct pm_kind *k;
	PM_VEC(struct fact) v;
};

static const struct pm_field *head_of(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++)
		if (k->fields[i].flags & PM_F_HEAD)
			return &k->fields[i];
	return NULL;
}

static const struct pm_field *row_of_sub(const struct pm_kind *k, const char *s, size_t n)
{
	return n > 0 ? pm_field_by_key(k, s, n) : head_of(k);
}

/* Calls `fn` for each part of a property string. */
typedef void part_fn(void *arg, const char *key, size_t nkey, const char *value, size_t nvalue);
static void for_parts(const char *s, part_fn *fn, void *arg)
{
	while (*s) {
		size_t n = strcspn(s, ","), key = strcspn(s, "=");

		if (key < n)
			fn(arg, s, key, s + key + 1, n - key - 1);
		else
			fn(arg, s, 0, s, n);
		s += n + (s[n] == ',');
	}
}

struct naming {
	const struct pm_kind *k;
	struct pm_arena *a;
	const char *ident;
};

static void find_ident(void *arg, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	struct naming *f = arg;
	const struct pm_field *row = row_of_sub(f->k, key, nkey);

	if (row && row->flags & PM_F_IDENT)
		f->ident = pm_arena_strndup(f->a, value, nvalue);
}

/* "local-lvm:vm-200-disk-1" is some volume of local-lvm: numbers are PVE's choice. */
static const char *without_number(struct pm_arena *a, const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);

	if (s[0] == '/' || !colon || !memmem(s, n, "vm-", 3))
		return pm_arena_strndup(a, s, n);
	return pm_arena_strndup(a, s, (size_t)(colon - s) + 1);
}

struct taking {
	struct facts *f;
	struct fact of; /* the whole key */
	const char *stem;
};

static void add_part(void *arg, const char *key, size_t nkey, const char *value, size_t nvalue)
{
	struct taking *t = arg;
	struct fact fact = t->of;

	if (strspn(value, " ") >= nvalue)
		return; /* an order that names nothing */
	fact.parent = t->of.row;
	fact.row = row_of_sub(t->of.row->sub, key, nkey);
	/* "virtio=MAC": the model has the address for its value. */
	if (!fact.row && pm_field_find(t->of.row->sub, "macaddr")) {
		fact.row = pm_field_find(t->of.row->sub, "macaddr");
		nkey = 0;
	}
	if (nkey == 0 && fact.row) {
		key = fact.row->key;
		nkey = strlen(key);
	}
	fact.path = pm_arena_printf(t->f->a, "%s.%.*s", t->stem, (int)nkey, key);
	fact.value = without_number(t->f->a, value, nvalue);
	fact.n = strlen(fact.value);
	pm_vec_push(&t->f->v, fact);
}

static void add_record(struct facts *f, const struct setting *s, const struct pm_field *row)
{
	struct naming name = { .k = row->sub, .a = f->a };
	struct taking t = { .f = f, .of = { .row = row }, .stem = row->key };

	for_parts(s->value, find_ident, &name);
	if (row->count > 0) {
		t.of.ident = name.ident ? name.ident : s->key;
		t.stem = pm_arena_printf(f->a, "%s[%s]", row->key, t.of.ident);
	}
	for_parts(s->value, add_part, &t);
}

/* What the user wrote, without the marker. */
static const char *own_text(struct pm_arena *a, const char *description)
{
	const struct pm_marker *m;
	const char *text, *fault;

	pm_marker_split(a, description, &text, &m, &fault);
	return text;
}

static void add_setting(struct facts *f, const struct setting *s)
{
	static const char *const none[] = { "digest", "lock", "parent", "meta", "vmgenid" };
	unsigned slot;
	const struct pm_field *row = pm_field_by_slot_key(f->k, s->key, strlen(s->key), &slot);
	struct fact fact = { .path = s->key, .value = s->value, .n = s->n, .row = row };

	for (size_t i = 0; i < PM_COUNT(none); i++)
		if (strcmp(s->key, none[i]) == 0)
			return;
	if (strncmp(s->key, "unused", 6) == 0)
		return;
	if (row && row->type == PM_T_PROPS) {
		add_record(f, s, row);
		return;
	}
	if (strcmp(s->key, "description") == 0) {
		fact.value = own_text(f->a, s->value);
		fact.n = strlen(fact.value);
		if (fact.n == 0)
			return;
	}
	pm_vec_push(&f->v, fact);
}

static void take_facts(struct facts *f, const struct guest *g)
{
	for (size_t i = 0; i < g->n; i++)
		add_setting(f, &g->v[i]);
}

static const struct fact *fact_at(const struct facts *f, const char *path)
{
	for (size_t i = 0; i < f->v.n; i++)
		if (strcmp(f->v.v[i].path, path) == 0)
			return &f->v.v[i];
	return NULL;
}

/* ---- the same? ---- */

static void decode(struct pm_arena *a, const struct fact *f, struct pm_value *ret)
{
	struct pm_error err;

	ret->state = PM_UNSET;
	if (f && pm_value_decode(a, f->row, f->value, f->n, ret, &err) < 0)
		ret->state = PM_UNSET;
}

static bool same_fact(struct pm_arena *a, const struct fact *x, const struct fact *y)
{
	const struct pm_field *row = x ? x->row : y->row;
	struct pm_value v, w;

	if (x && y && x->n == y->n && memcmp(x->value, y->value, x->n) == 0)
		return true;
	if (!row)
		return false;
	decode(a, x, &v);
	decode(a, y, &w);
	if (v.state != PM_SET)
		return pm_value_default(row, &w);
	return pm_value_equal(row, &v, &w);
}

static const struct pm_rec *entry_like(const struct pm_value *v, const char *ident)
{
	for (size_t i = 0; v->state == PM_SET && i < v->u.recs->n; i++)
		if (strcmp(pm_rec_ident(v->u.recs->v[i]), ident) == 0)
			return v->u.recs->v[i];
	return NULL;
}

/* The value of a spec that a fact is about; NULL: the spec does not speak of it. */
static const struct pm_value *spoken_of(const struct pm_obj *o, const struct fact *f)
{
	const struct pm_field *top = f->parent ? f->parent : f->row;
	const struct pm_value *v = &o->spec->val[pm_field_index(o->kind, top)];
	const struct pm_rec *r;

	if (v->state != PM_SET || !f->parent)
		return v->state == PM_UNSET ? NULL : v;
	r = top->count > 0 ? entry_like(v, f->ident) : v->u.rec;
	if (!r)
		return NULL;
	v = &r->val[pm_field_index(r->kind, f->row)];
	return v->state == PM_UNSET ? NULL : v;
}

/* The size of that volume follows from its type, which PVE keeps. */
static bool follows_type(const struct pm_obj *spec, const struct fact *f)
{
	const struct pm_value *v;

	if (spec->kind != &pm_kind_vm || !pm_str_eq(f->path, "efidisk0.size"))
		return false;
	v = &spec->spec->val[PM_VM_EFIDISK];
	return v->state == PM_SET && v->u.rec->val[PM_EFIDISK_EFITYPE].state == PM_UNSET;
}

/* Where the spec is silent PVE keeps what it had, or makes up what it likes. */
static bool is_chance(const struct pm_obj *spec, const struct fact *f)
{
	const unsigned kept = PM_F_KEEP | PM_F_CREATED | PM_F_INNER | PM_F_STAYS;

	if (f->parent && f->parent->flags & PM_F_CREATED &&
		spec->spec->val[pm_field_index(spec->kind, f->parent)].state == PM_UNSET)
		return true;
	if (!f->row || f->row->flags & PM_F_INNER)
		return follows_type(spec, f);
	if (f->row->flags & PM_F_STAYS || pm_str_eq(f->row->format, "mac"))
		return !spoken_of(spec, f) || spoken_of(spec, f)->state == PM_NULL;
	return !spoken_of(spec, f) && (f->row->flags | (f->parent ? f->parent->flags : 0)) & kept;
}

static void tell(struct pm_buf *out, const struct fact *x, const struct fact *y, const char *one,
	const char *other)
{
	(void)pm_buf_addf(out, "  %s: %s \"%s\", %s \"%s\"\n", x ? x->path : y->path, one,
		x ? x->value : "(absent)", other, y ? y->value : "(absent)");
}

static bool all_same(struct pm_arena *a, const struct pm_obj *spec, const struct facts *x,
	const struct facts *y, struct pm_buf *out)
{
	bool same = true;

	for (size_t i = 0; i < x->v.n; i++) {
		const struct fact *f = &x->v.v[i], *g = fact_at(y, f->path);

		if (is_chance(spec, f) || same_fact(a, f, g))
			continue;
		tell(out, f, g, "is", "alone");
		same = false;
	}
	for (size_t i = 0; i < y->v.n; i++) {
		const struct fact *f = &y->v.v[i];

		if (fact_at(x, f->path) || is_chance(spec, f) || same_fact(a, NULL, f))
			continue;
		tell(out, NULL, f, "is", "alone");
		same = false;
	}
	return same;
}

bool pm_guests_same(struct pm_arena *a, const struct pm_obj *spec, const struct guest *is,
	const struct guest *alone, struct pm_buf *out)
{
	struct facts x = { .a = a, .k = spec->kind }, y = { .a = a, .k = spec->kind };
	bool same = true;

	take_facts(&x, is);
	take_facts(&y, alone);
	same = all_same(a, spec, &x, &y, out);
	if (is->running != alone->running && spec->spec->val[PM_G_STATE].state == PM_SET &&
		!pm_str_eq(spec->spec->val[PM_G_STATE].u.s, "ignored")) {
		(void)pm_buf_addf(out, "  it %s, alone it %s\n",
			is->running ? "runs" : "is stopped",
			alone->running ? "runs" : "is stopped");
		same = false;
	}
	if (spec->spec->val[PM_G_POOL].state != PM_UNSET && !pm_str_eq(is->pool, alone->pool)) {
		(void)pm_buf_addf(out, "  pool %s, alone %s\n", is->pool ? is->pool : "(none)",
			alone->pool ? alone->pool : "(none)");
		same = false;
	}
	pm_vec_done(&x.v);
	pm_vec_done(&y.v);
	return same;
}

/* ---- untouched? ---- */

static bool nobody_speaks(const struct pm_obj *x, const struct pm_obj *y, const struct fact *f)
{
	/* Podmox's own are among them; PVE takes a device that goes out of the order itself. */
	static const char *const podmox[] = { "description", "tags", "boot.order" };

	for (size_t i = 0; i < PM_COUNT(podmox); i++)
		if (strcmp(f->path, podmox[i]) == 0)
			return false;
	/* The size of a volume whose size is no setting is the storage's. */
	if (!f->row)
		return !f->parent || !strstr(f->path, ".size");
	if (f->row->flags & PM_F_INNER)
		return false;
	return !(x && spoken_of(x, f)) && !(y && spoken_of(y, f)) && !(f->row->flags & PM_F_IDENT);
}

/* A list that is null in a version must go, whoever made its entries. */
static bool is_swept(const struct pm_obj *o, const struct fact *f)
{
	const struct pm_field *top = f->parent ? f->parent : f->row;

	return o && top && o->spec->val[pm_field_index(o->kind, top)].state == PM_NULL;
}

/* Are there rows without which there is no such record? */
static bool is_whole(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++)
		if (k->fields[i].flags & PM_F_REQUIRED)
			return true;
	return false;
}

/* Does the entry go as a whole, because the first version named it and the second does not? */
static bool entry_goes(const struct pm_obj *x, const struct pm_obj *y, const struct fact *f)
{
	const struct pm_value *v, *w;

	if (!x || !y || !f->parent)
		return false;
	v = &x->spec->val[pm_field_index(x->kind, f->parent)];
	w = &y->spec->val[pm_field_index(y->kind, f->parent)];
	if (f->parent->count == 0)
		return v->state == PM_SET && w->state == PM_UNSET && is_whole(f->parent->sub);
	return entry_like(v, f->ident) && !entry_like(w, f->ident);
}

bool pm_guest_untouched(struct pm_arena *a, const struct pm_obj *x, const struct pm_obj *y,
	const struct guest *before, const struct guest *after, struct pm_buf *out)
{
	const struct pm_kind *k = x ? x->kind : y->kind;
	struct facts was = { .a = a, .k = k }, is = { .a = a, .k = k };
	bool same = true;

	take_facts(&was, before);
	take_facts(&is, after);
	for (size_t i = 0; i < was.v.n; i++) {
		const struct fact *f = &was.v.v[i], *g = fact_at(&is, f->path);

		if (!nobody_speaks(x, y, f) || is_swept(x, f) || is_swept(y, f) ||
			entry_goes(x, y, f) ||
			(g && g->n == f->n && memcmp(g->value, f->value, f->n) == 0))
			continue;
		tell(out, f, g, "was", "is now");
		same = false;
	}
	pm_vec_done(&was.v);
	pm_vec_done(&is.v);
	return same;
}

bool pm_guest_equal(const struct guest *before, const struct guest *after, struct pm_buf *out)
{
	bool same = before->n == after->n;

	if (!same)
		(void)pm_buf_addf(out, "  %zu keys, now %zu\n", before->n, after->n);
	for (size_t i = 0; i < before->n; i++) {
		const struct setting *s = &before->v[i], *t = pm_setting(after, s->key);

		if (strcmp(s->key, "digest") == 0 ||
			(t && t->n == s->n && memcmp(t->value, s->value, s->n) == 0))
			continue;
		(void)pm_buf_addf(out, "  %s: was \"%s\", is now \"%s\"\n", s->key, s->value,
			t ? t->value : "(absent)");
		same = false;
	}
	return same;
}
