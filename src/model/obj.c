/* Objects and sets of them; slots of numbered lists. */
#include "model/obj.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/volume.h"

struct pm_obj *pm_obj_new(struct pm_arena *a, const struct pm_kind *k)
{
	struct pm_obj *o = pm_new(a, struct pm_obj);

	o->kind = k;
	o->ns = "";
	o->name = "";
	return o;
}

void pm_set_add(struct pm_set *s, struct pm_obj *o)
{
	s->v = pm_vec_grow(s->v, &s->cap, s->n + 1, sizeof(struct pm_obj *));
	s->v[s->n++] = o;
	s->sorted = false;
}

void pm_set_add_no_pods(struct pm_set *s, const char *ns, const char *name)
{
	struct pm_no_pods *x = pm_new(s->arena, struct pm_no_pods);

	*x = (struct pm_no_pods){ ns, name, s->no_pods };
	s->no_pods = x;
}

void pm_set_done(struct pm_set *s)
{
	pm_vec_done(s);
	s->sorted = false;
	s->no_pods = NULL;
}

static int compare_id(
	const struct pm_obj *o, const struct pm_kind *k, const char *ns, const char *name)
{
	int d = o->kind == k ? 0 : strcmp(o->kind->name, k->name);

	if (d == 0)
		d = strcmp(o->ns, ns);
	return d ? d : strcmp(o->name, name);
}

static unsigned vmid_of(const struct pm_obj *o)
{
	return o->live ? o->live->vmid : 0;
}

static int compare(const void *a, const void *b)
{
	const struct pm_obj *x = *(struct pm_obj *const *)a;
	const struct pm_obj *y = *(struct pm_obj *const *)b;
	int d = compare_id(x, y->kind, y->ns, y->name);

	return d ? d : (vmid_of(x) > vmid_of(y)) - (vmid_of(x) < vmid_of(y));
}

static bool is_in_order(const struct pm_set *s)
{
	for (size_t i = 1; i < s->n; i++)
		if (compare(&s->v[i - 1], &s->v[i]) > 0)
			return false;
	return true;
}

void pm_set_sort(struct pm_set *s)
{
	/* What is kept from cycle to cycle nearly always is already. */
	if (!is_in_order(s))
		qsort(s->v, s->n, sizeof(struct pm_obj *), compare);
	s->sorted = true;
}

static struct pm_obj *find_sorted(
	const struct pm_set *s, const struct pm_kind *k, const char *ns, const char *name)
{
	size_t low = 0, high = s->n;

	while (low < high) {
		size_t at = low + (high - low) / 2;

		if (compare_id(s->v[at], k, ns, name) < 0)
			low = at + 1;
		else
			high = at;
	}
	return low < s->n && compare_id(s->v[low], k, ns, name) == 0 ? s->v[low] : NULL;
}

struct pm_obj *pm_set_find(
	const struct pm_set *s, const struct pm_kind *k, const char *ns, const char *name)
{
	if (s->sorted)
		return find_sorted(s, k, ns, name);
	for (size_t i = 0; i < s->n; i++) {
		if (compare_id(s->v[i], k, ns, name) == 0)
			return s->v[i];
	}
	return NULL;
}

const char *pm_obj_id(struct pm_arena *a, const struct pm_obj *o)
{
	return pm_arena_printf(a, "%s/%s/%s", o->kind->name, o->ns, o->name);
}

const char *pm_obj_title(struct pm_arena *a, const struct pm_obj *o)
{
	const char *kind = o->kind->brief ? o->kind->brief : o->kind->name;
	char *title = *o->ns ? pm_arena_printf(a, "%s %s/%s", kind, o->ns, o->name)
			     : pm_arena_printf(a, "%s %s", kind, o->name);

	for (char *p = title; *p && *p != ' '; p++)
		*p = (char)(*p >= 'A' && *p <= 'Z' ? *p + ('a' - 'A') : *p);
	return title;
}

/* ---- references ---- */

void pm_ref_parse(struct pm_arena *a, const struct pm_obj *o, const char *text, struct pm_ref *ret)
{
	char *copy = pm_arena_strdup(a, text), *first = strchr(copy, '/'), *second;

	second = first ? strchr(first + 1, '/') : NULL;
	*ret = (struct pm_ref){ .ns = o->ns, .name = copy };
	if (!second)
		return;
	*first = '\0';
	*second = '\0';
	*ret = (struct pm_ref){ .kind = copy, .ns = first + 1, .name = second + 1 };
}

bool pm_ref_former(struct pm_arena *a, const struct pm_obj *o, const char *text, struct pm_ref *ret)
{
	const struct pm_kind *k = o->podset ? &pm_kind_podset : o->kind;

	pm_ref_parse(a, o, text, ret);
	if (ret->kind && pm_kind_named(ret->kind) != k)
		return false;
	ret->kind = o->kind->name;
	if (o->podset)
		ret->name = pm_arena_printf(a, "%s-%u", ret->name, o->ordinal);
	return true;
}

/* ---- slots ---- */

#define MOST_SLOTS 256

/** One numbered list: which slots are taken by what exists, and which by what is wanted. */
struct slots {
	unsigned count;
	bool have[MOST_SLOTS], want[MOST_SLOTS];
};

static const struct pm_recs *recs_of(const struct pm_rec *r, unsigned field)
{
	return r && r->val[field].state == PM_SET ? r->val[field].u.recs : NULL;
}

static void keep_slots(struct slots *s, const struct pm_recs *want, const struct pm_recs *have)
{
	for (size_t i = 0; have && i < have->n; i++) {
		const struct pm_rec *h = have->v[i];

		if (h->slot >= s->count)
			continue;
		s->have[h->slot] = true;
		for (size_t j = 0; j < want->n; j++) {
			struct pm_rec *w = want->v[j];

			if (w->slot == PM_NO_SLOT && !s->want[h->slot] &&
				!strcmp(pm_rec_ident(w), pm_rec_ident(h))) {
				w->slot = h->slot;
				s->want[h->slot] = true;
			}
		}
	}
}

/* The lowest slot that nothing holds; when there is none, the lowest whose holder goes. */
static uint32_t free_slot(const struct slots *s)
{
	for (unsigned i = 0; i < s->count; i++) {
		if (!s->have[i] && !s->want[i])
			return i;
	}
	for (unsigned i = 0; i < s->count; i++) {
		if (!s->want[i])
			return i;
	}
	return PM_NO_SLOT;
}

/* Entries that are named by their key stand where it says. */
static void fix_slots(const struct pm_kind *k, const struct pm_recs *want)
{
	for (size_t i = 0; i < want->n; i++) {
		const char *key = pm_rec_ident(want->v[i]);
		unsigned slot;

		if (pm_field_by_slot_key(k, key, strlen(key), &slot))
			want->v[i]->slot = slot;
	}
}

static void assign(const struct pm_kind *k, const struct pm_field *f, const struct pm_recs *want,
	const struct pm_recs *have)
{
	struct slots s = { .count = f->count < MOST_SLOTS ? f->count : MOST_SLOTS };

	if (pm_slot_row(f->sub)) {
		fix_slots(k, want);
		return;
	}
	keep_slots(&s, want, have);
	for (size_t i = 0; i < want->n; i++) {
		if (want->v[i]->slot != PM_NO_SLOT)
			continue;
		want->v[i]->slot = free_slot(&s);
		if (want->v[i]->slot != PM_NO_SLOT)
			s.want[want->v[i]->slot] = true;
	}
}

void pm_slots_assign(struct pm_rec *want, const struct pm_rec *have)
{
	for (unsigned i = 0; i < want->kind->nfields; i++) {
		const struct pm_field *f = &want->kind->fields[i];

		if (f->type == PM_T_PROPS && f->count > 0 && recs_of(want, i))
			assign(want->kind, f, recs_of(want, i), recs_of(have, i));
	}
}

const char *pm_pending_volume(
	struct pm_arena *a, PM_UNUSED const struct pm_kind *k, const struct pm_pending *p)
{
	struct pm_rec *rec = NULL;
	struct pm_error ignored;

	if (!p->in_force || !p->field || !pm_volume_shape(p->field->sub))
		return NULL;
	if (pm_rec_parse(a, p->field->sub, p->in_force, strlen(p->in_force), &rec, &ignored) < 0)
		return NULL;
	return pm_volume_holds_data(rec) ? pm_volume_id(rec) : NULL;
}
