/* What differs between one wanted and one live object, row by row.
 *
 * Three views meet: what the manifest says, what the guest has, and what the marker remembers that podmox
 * set. Said and different: a change. Not said, but set by podmox once: a change to absent. Not said and
 * never set by podmox: not ours. Values that are written but not in force yet are compared a second time
 * with what is in force; what differs only there waits for a restart. An object in sync costs no memory. */
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/detached.h"
#include "model/ignore.h"
#include "model/volume.h"
#include "plan/plan_priv.h"

struct differ {
	struct pm_arena *a;
	const struct pm_obj *want, *have;
	const struct pm_marker *marker; /* NULL: none */
	PM_VEC(struct pm_change) v;
};

static const struct pm_value absent = { .state = PM_UNSET };

/* ---- texts ---- */

static const char *text_of(struct differ *d, const struct pm_field *f, const struct pm_value *v)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);
	char size[32];

	if (v == NULL || v->state != PM_SET)
		return NULL;
	if (f->flags & PM_F_SECRET)
		return "***";
	if (f->type == PM_T_SIZE)
		return pm_arena_strdup(d->a, v->u.i ? pm_format_size(v->u.i, size) : "0");
	(void)pm_value_format(f, PM_MANIFEST, v, &b);
	return b.len > 0 ? pm_arena_strdup(d->a, pm_buf_str(&b)) : NULL;
}

/* A whole entry or record, without its name: "bridge=vmbr0 ip=dhcp"; "present" when that is all. */
static const char *entry_text(struct differ *d, const struct pm_rec *r)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];
		const char *text;

		if (f->flags & (PM_F_OWN | PM_F_INNER | PM_F_IDENT))
			continue;
		text = text_of(d, f, &r->val[i]);
		if (text != NULL)
			(void)pm_buf_addf(&b, "%s%s=%s", b.len > 0 ? " " : "", f->name, text);
	}
	return pm_arena_strdup(d->a, b.len > 0 ? pm_buf_str(&b) : "present");
}

static const char *path_of(struct differ *d, const struct pm_spot *s)
{
	if (s->ident == NULL && s->sub == NULL)
		return s->f->name;
	if (s->ident == NULL)
		return pm_arena_printf(d->a, "%s.%s", s->f->name, s->sub->name);
	if (s->sub == NULL)
		return pm_arena_printf(d->a, "%s.%s", s->f->name, s->ident);
	return pm_arena_printf(d->a, "%s.%s.%s", s->f->name, s->ident, s->sub->name);
}

/* ---- one change ---- */

static struct pm_change *add(struct differ *d, const struct pm_spot *s, unsigned line)
{
	struct pm_change *c;

	pm_vec_room(&d->v);
	c = &d->v.v[d->v.n++];
	memset(c, 0, sizeof(*c));
	c->field = s->field;
	c->slot = s->slot;
	c->row = s->sub ? s->sub : s->f->type == PM_T_PROPS ? NULL : s->f;
	c->path = path_of(d, s);
	c->line = line;
	return c;
}

/* A value: `want` that is not set means that it goes. */
static void add_value(struct differ *d, const struct pm_spot *s, const struct pm_value *want,
	const struct pm_value *have)
{
	struct pm_change *c = add(d, s, want->line);
	const struct pm_field *f = s->sub ? s->sub : s->f;

	c->from = text_of(d, f, have);
	c->to = text_of(d, f, want);
	pm_effect(d->want, d->have, s, want, have, c);
}

/* Where the entry comes from, when it is not made anew. */
static void attach(
	struct differ *d, const struct pm_spot *s, const struct pm_rec *want, struct pm_change *c)
{
	struct pm_attachment is;

	pm_attachment_of(d->a, d->have->live, s->f, want, &is);
	switch (is.how) {
	case PM_ATTACH_AGAIN:
		c->to = pm_arena_printf(d->a, "%s %s", is.volume, c->to);
		c->note = pm_arena_printf(d->a, "re-attached unused%u", is.unused);
		break;
	case PM_ATTACH_ELSEWHERE:
		c->blocked = true;
		c->note = pm_arena_printf(d->a,
			"its volume %s hangs on the guest as unused%u: name its storage to have it again, or "
			"delete it (podmox %s set %u --delete unused%u) to have a new one",
			is.volume, is.unused, d->have->kind == &pm_kind_vm ? "vm" : "ct",
			d->have->live->vmid, is.unused);
		break;
	case PM_ATTACH_WAITS:
		c->note = "takes back a removal that waited for a restart";
		break;
	default:
		break;
	}
}

/* A whole entry of a list that comes or goes, or a record with a volume that comes. */
static void add_entry(
	struct differ *d, struct pm_spot *s, const struct pm_rec *want, const struct pm_rec *have)
{
	const struct pm_rec *r = want ? want : have;
	struct pm_change *c;

	if (s->f->count > 0) {
		s->ident = pm_rec_ident(r);
		s->slot = r->slot;
	}
	s->want_rec = want;
	s->have_rec = have;
	c = add(d, s, want ? want->line : 0);
	c->from = have ? entry_text(d, have) : NULL;
	c->to = want ? entry_text(d, want) : NULL;
	pm_effect(d->want, d->have, s, NULL, NULL, c);
	if (c->from == NULL)
		attach(d, s, want, c);
}

/* ---- scalars ---- */

static bool same(const struct pm_field *f, const struct pm_value *want, const struct pm_value *have)
{
	if (want->state == PM_SET)
		return pm_value_equal(f, want, have);
	return pm_value_default(f, have) || (f->type == PM_T_STR && have->u.s[0] == '\0');
}

static const char *entry_named(const struct pm_value *map, const char *name, size_t n)
{
	if (map->state != PM_SET)
		return NULL;
	for (size_t i = 0; i < map->u.list->n; i++) {
		const char *e = map->u.list->v[i];

		if (strncmp(e, name, n) == 0 && e[n] == '=')
			return e;
	}
	return NULL;
}

/* One variable of a mapping; an entry is "NAME=text". */
static void add_variable(struct differ *d, const struct pm_spot *s, const char *want,
	const char *have, unsigned line)
{
	struct pm_spot at = *s;
	const char *e = want ? want : have;
	struct pm_change *c;

	at.ident = pm_arena_strndup(d->a, e, strcspn(e, "="));
	c = add(d, &at, line);
	at.ident = NULL;
	c->from = have ? pm_arena_strdup(d->a, strchr(have, '=') + 1) : NULL;
	c->to = want ? pm_arena_strdup(d->a, strchr(want, '=') + 1) : NULL;
	pm_effect(d->want, d->have, &at, NULL, NULL, c);
}

static void diff_map(struct differ *d, const struct pm_spot *s, const struct pm_value *want,
	const struct pm_value *have)
{
	const struct pm_value *from = want->state == PM_SET ? want : have;

	for (size_t i = 0; from->state == PM_SET && i < from->u.list->n; i++) {
		const char *e = from->u.list->v[i];
		const char *other;

		if (want->state == PM_NULL) {
			add_variable(d, s, NULL, e, want->line);
			continue;
		}
		other = entry_named(have, e, strcspn(e, "="));
		if (other == NULL || strcmp(other, e) != 0)
			add_variable(d, s, e, other, want->line);
	}
}

/* ---- records ---- */

/* Rows that are no change of their own: names, what PVE chose, what it never tells, and a MAC that is not
 * given. */
static bool silent(const struct pm_field *f, const struct pm_value *want)
{
	if (f->flags & (PM_F_OWN | PM_F_INNER | PM_F_IDENT | PM_F_WRITEONLY))
		return true;
	return want->state == PM_NULL && f->flags & PM_F_STAYS;
}

static void diff_rec(
	struct differ *d, struct pm_spot *s, const struct pm_rec *want, const struct pm_rec *have)
{
	s->want_rec = want;
	s->have_rec = have;
	for (unsigned i = 0; i < want->kind->nfields; i++) {
		const struct pm_field *f = &want->kind->fields[i];
		const struct pm_value *w = &want->val[i];
		const struct pm_value *h = have ? &have->val[i] : &absent;

		if (w->state == PM_UNSET || silent(f, w) || same(f, w, h))
			continue;
		s->sub = f;
		add_value(d, s, w, h);
	}
	s->sub = NULL;
}

static struct pm_rec *entry_at(const struct pm_value *v, unsigned slot, const char *ident)
{
	if (v->state != PM_SET)
		return NULL;
	for (size_t i = 0; i < v->u.recs->n; i++) {
		struct pm_rec *r = v->u.recs->v[i];

		if (r->slot == slot && (ident == NULL || strcmp(pm_rec_ident(r), ident) == 0))
			return r;
	}
	return NULL;
}

/* PVE keeps no empty entry. */
static bool says_nothing(const struct pm_rec *r)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	pm_rec_format(r, &text);
	return text.len == 0;
}

static void diff_list(struct differ *d, const struct pm_spot *s, const struct pm_value *want,
	const struct pm_value *have)
{
	const struct pm_value *from = want->state == PM_SET ? want : have;

	for (size_t i = 0; from->state == PM_SET && i < from->u.recs->n; i++) {
		const struct pm_rec *r = from->u.recs->v[i];
		const struct pm_rec *h;
		struct pm_spot at = *s;

		if (want->state == PM_NULL) {
			add_entry(d, &at, NULL, r);
			continue;
		}
		at.ident = pm_rec_ident(r);
		at.slot = r->slot;
		h = entry_at(have, r->slot, at.ident);
		if (h != NULL)
			diff_rec(d, &at, r, h);
		else if (!says_nothing(r))
			add_entry(d, &at, r, NULL);
	}
}

static void diff_props(struct differ *d, struct pm_spot *s, const struct pm_value *want,
	const struct pm_value *have)
{
	const struct pm_rec *h = have->state == PM_SET ? have->u.rec : NULL;
	struct pm_change *c;

	if (want->state == PM_SET && h == NULL && pm_volume_shape(s->f->sub) != NULL) {
		if (!says_nothing(want->u.rec))
			add_entry(d, s, want->u.rec, NULL);
		return;
	}
	if (want->state == PM_SET) {
		diff_rec(d, s, want->u.rec, h);
		return;
	}
	if (h == NULL || pm_value_default(s->f, have))
		return;
	s->have_rec = h;
	c = add(d, s, want->line);
	c->from = entry_text(d, h);
	pm_effect(d->want, d->have, s, want, have, c);
}

/* One row that the manifest speaks of. */
static void diff_row(
	struct differ *d, unsigned field, const struct pm_value *want, const struct pm_value *have)
{
	struct pm_spot s = {
		.field = field, .f = &d->want->kind->fields[field], .slot = PM_NO_SLOT
	};

	if (s.f->type == PM_T_PROPS && s.f->count > 0)
		diff_list(d, &s, want, have);
	else if (s.f->type == PM_T_PROPS)
		diff_props(d, &s, want, have);
	else if (s.f->type == PM_T_STRMAP)
		diff_map(d, &s, want, have);
	else if (!same(s.f, want, have))
		add_value(d, &s, want, have);
}

/* ---- rows that PVE keeps elsewhere ---- */

static void diff_text(struct differ *d, unsigned field, const char *have)
{
	const struct pm_value *want = &d->want->spec->val[field];
	const struct pm_value is = { .state = have ? PM_SET : PM_UNSET, .u = { .s = have } };
	const char *wanted = want->state == PM_SET ? want->u.s : NULL;
	struct pm_spot s = {
		.field = field, .f = &d->want->kind->fields[field], .slot = PM_NO_SLOT
	};

	if (want->state != PM_UNSET && !pm_str_eq(wanted, have))
		add_value(d, &s, want, &is);
}

static void diff_vmid(struct differ *d)
{
	const struct pm_value *want = &d->want->spec->val[PM_G_VMID];
	const struct pm_value is = { .state = PM_SET, .u = { .i = d->have->live->vmid } };
	struct pm_spot s = {
		.field = PM_G_VMID, .f = &d->want->kind->fields[PM_G_VMID], .slot = PM_NO_SLOT
	};

	if (want->state == PM_SET && want->u.i != is.u.i)
		add_value(d, &s, want, &is);
}

/* What pruning is to do is kept in the marker: it is needed when the manifest is gone. */
static void diff_on_remove(struct differ *d)
{
	const struct pm_value *want = &d->want->spec->val[PM_G_LIFE_ON_REMOVE];
	const char *is = pm_marker_on_remove(d->marker);
	struct pm_spot s = { .field = PM_G_LIFE_ON_REMOVE,
		.f = &d->want->kind->fields[PM_G_LIFE_ON_REMOVE],
		.slot = PM_NO_SLOT };
	struct pm_change *c;

	if (strcmp(pm_rec_str(d->want->spec, PM_G_LIFE_ON_REMOVE, "delete"), is) == 0)
		return;
	c = add(d, &s, want->line);
	c->from = is;
	c->to = pm_rec_str(d->want->spec, PM_G_LIFE_ON_REMOVE, "delete");
	c->impact = PM_I_LIVE;
}

/* A pool that podmox put it into, and that no manifest names any more. */
static void drop_pool(struct differ *d)
{
	const struct pm_value *want = &d->want->spec->val[PM_G_POOL];
	const struct pm_value is = { .state = PM_SET, .u = { .s = d->have->live->pool } };
	struct pm_spot s = {
		.field = PM_G_POOL, .f = &d->want->kind->fields[PM_G_POOL], .slot = PM_NO_SLOT
	};

	if (want->state == PM_UNSET && is.u.s != NULL && d->marker != NULL &&
		pm_marker_has(d->marker, PM_MARKER_POOL, NULL))
		add_value(d, &s, &absent, &is);
}

static void diff_elsewhere(struct differ *d)
{
	const char *image = d->marker ? d->marker->image : NULL;

	if (image != NULL && image[0] != '\0')
		diff_text(d, PM_G_IMAGE, image);
	if (pm_rec_bool(d->want->spec, PM_G_PINNED, false))
		diff_text(d, PM_G_NODE, d->have->live->node);
	diff_vmid(d);
	diff_text(d, PM_G_POOL, d->have->live->pool);
	drop_pool(d);
	if (d->marker != NULL)
		diff_on_remove(d);
}

/* ---- what podmox set and the manifest no longer names ---- */

/** One word of the marker's fields: "net0:bridge,ip". */
struct token {
	const char *key, *subs; /* subs NULL: none */
	size_t nkey, nsubs;
};

static bool next_token(const char **p, struct token *ret)
{
	size_t n;

	while (**p == ' ')
		(*p)++;
	n = strcspn(*p, " ");
	if (n == 0)
		return false;
	*ret = (struct token){ .key = *p, .nkey = strcspn(*p, ": ") };
	if (ret->nkey < n) {
		ret->subs = *p + ret->nkey + 1;
		ret->nsubs = n - ret->nkey - 1;
	}
	*p += n;
	return true;
}

/* The next name of "bridge,ip"; false: no more. */
static bool next_sub(struct token *t, const char **ret, size_t *n)
{
	if (t->subs == NULL || t->nsubs == 0)
		return false;
	*ret = t->subs;
	*n = 0;
	while (*n < t->nsubs && t->subs[*n] != ',')
		(*n)++;
	t->subs += *n + (*n < t->nsubs);
	t->nsubs -= *n + (*n < t->nsubs);
	return true;
}

static bool cannot_go(const struct pm_field *f)
{
	return f->flags & (PM_F_KEEP | PM_F_GROW | PM_F_MOVE | PM_F_REQUIRED | PM_F_STAYS);
}

static void drop_subs(struct differ *d, struct token *t, struct pm_spot *s,
	const struct pm_rec *want, const struct pm_rec *have)
{
	const char *name;
	size_t n;

	s->want_rec = want;
	s->have_rec = have;
	while (next_sub(t, &name, &n)) {
		const struct pm_field *f = pm_field_by_key(have->kind, name, n);
		unsigned i = f ? pm_field_index(have->kind, f) : 0;

		if (f == NULL || silent(f, &absent) || cannot_go(f))
			continue;
		if ((want != NULL && want->val[i].state != PM_UNSET) ||
			pm_value_default(f, &have->val[i]))
			continue;
		s->sub = f;
		add_value(d, s, &absent, &have->val[i]);
	}
}

static void drop_entry(struct differ *d, struct token *t, struct pm_spot *s,
	const struct pm_value *want, const struct pm_value *have)
{
	const struct pm_rec *h = entry_at(have, s->slot, NULL);
	const struct pm_rec *w;

	if (h == NULL)
		return;
	w = entry_at(want, s->slot, pm_rec_ident(h));
	if (w == NULL) {
		add_entry(d, s, NULL, h);
		return;
	}
	s->ident = pm_rec_ident(h);
	drop_subs(d, t, s, w, h);
}

static void drop_props(struct differ *d, struct token *t, struct pm_spot *s,
	const struct pm_value *want, const struct pm_value *have)
{
	const struct pm_rec *w = want->state == PM_SET ? want->u.rec : NULL;

	if (have->state != PM_SET || (w == NULL && cannot_go(s->f)))
		return;
	if (w == NULL && pm_marker_whole(d->marker, s->f->key, s->f->sub))
		diff_props(d, s, &absent, have);
	else
		drop_subs(d, t, s, w, have->u.rec);
}

static void drop_variables(struct differ *d, struct token *t, const struct pm_spot *s,
	const struct pm_value *want, const struct pm_value *have)
{
	const char *name;
	size_t n;

	while (next_sub(t, &name, &n)) {
		const char *e = entry_named(have, name, n);

		if (e != NULL && entry_named(want, name, n) == NULL)
			add_variable(d, s, NULL, e, 0);
	}
}

static void drop(struct differ *d, struct token *t)
{
	const struct pm_kind *k = d->want->kind;
	struct pm_spot s = { .slot = PM_NO_SLOT };
	const struct pm_value *want, *have;
	unsigned slot;

	s.f = pm_field_by_slot_key(k, t->key, t->nkey, &slot);
	if (s.f == NULL || s.f->flags & (PM_F_OWN | PM_F_WRITEONLY))
		return;
	s.field = pm_field_index(k, s.f);
	want = &d->want->spec->val[s.field];
	have = &d->have->spec->val[s.field];
	if (want->state == PM_NULL)
		return;
	if (s.f->type == PM_T_PROPS && s.f->count > 0) {
		s.slot = slot;
		drop_entry(d, t, &s, want, have);
	} else if (s.f->type == PM_T_PROPS) {
		drop_props(d, t, &s, want, have);
	} else if (s.f->type == PM_T_STRMAP) {
		drop_variables(d, t, &s, want, have);
	} else if (want->state == PM_UNSET && !cannot_go(s.f) && !same(s.f, &absent, have)) {
		add_value(d, &s, &absent, have);
	}
}

/* ---- written, but not in force yet ---- */

static bool same_place(const struct pm_change *a, const struct pm_change *b)
{
	return a->field == b->field && a->slot == b->slot && a->row == b->row &&
	       strcmp(a->path, b->path) == 0;
}

/* Is it about a part of an entry that comes, or goes, as a whole? */
static bool is_of_entry(const struct pm_change *c, const struct pm_change *whole)
{
	return whole->row == NULL && whole->field == c->field && whole->slot == c->slot;
}

/* A change whose value is in force already takes back what was waiting. */
static void judge_written(struct differ *d, size_t nmain, unsigned field, unsigned slot)
{
	for (size_t i = 0; i < nmain; i++) {
		struct pm_change *c = &d->v.v[i];
		bool found = false;

		if (c->field != field || c->slot != slot)
			continue;
		for (size_t j = nmain; j < d->v.n && !found; j++) {
			found = same_place(c, &d->v.v[j]);
			if (found)
				c->from = d->v.v[j].from;
		}
		for (size_t j = nmain; j < d->v.n && !found; j++)
			found = is_of_entry(c, &d->v.v[j]);
		if (!found && c->impact == PM_I_PENDING) {
			c->impact = PM_I_LIVE;
			c->note = "takes back a change that waited for a restart";
		}
	}
}

/* Of the differences to what is in force, those that are no change already are waiting. */
static void keep_waiting(struct differ *d, size_t nmain)
{
	size_t n = nmain;

	for (size_t j = nmain; j < d->v.n; j++) {
		bool known = false;

		for (size_t i = 0; i < nmain && !known; i++)
			known = same_place(&d->v.v[i], &d->v.v[j]);
		if (known)
			continue;
		d->v.v[n] = d->v.v[j];
		/* Growth and moves have calls of their own, which wait for no restart. */
		if (d->v.v[j].impact == PM_I_RESIZE || d->v.v[j].impact == PM_I_MOVE) {
			n++;
			continue;
		}
		d->v.v[n].waiting = true;
		d->v.v[n].blocked = false;
		d->v.v[n].impact = PM_I_PENDING;
		d->v.v[n++].note = NULL;
	}
	d->v.n = n;
}

/* An entry of a list as it is in force; false: it cannot be understood. */
static bool entry_in_force(
	struct differ *d, const struct pm_pending *p, struct pm_recs *list, struct pm_rec **rec)
{
	struct pm_error ignored;

	list->n = 0;
	list->v = rec;
	if (p->in_force == NULL)
		return true;
	if (pm_rec_parse(d->a, p->field->sub, p->in_force, strlen(p->in_force), rec, &ignored) < 0)
		return false;
	pm_entry_place(d->a, p->field, p->slot, *rec);
	list->n = 1;
	return true;
}

static void diff_entry_in_force(struct differ *d, const struct pm_pending *p, unsigned field)
{
	struct pm_value want = d->want->spec->val[field];
	struct pm_rec *mine = entry_at(&want, p->slot, NULL), *rec = NULL;
	struct pm_recs is, only = { .n = 1, .v = &mine };
	const struct pm_value have = { .state = PM_SET, .u = { .recs = &is } };

	if (want.state == PM_SET && mine == NULL)
		return;
	if (want.state == PM_SET)
		want.u.recs = &only;
	if (entry_in_force(d, p, &is, &rec))
		diff_row(d, field, &want, &have);
}

static void diff_in_force(struct differ *d, const struct pm_pending *p, unsigned field)
{
	struct pm_value is = absent;
	struct pm_error ignored;

	if (p->field->type == PM_T_PROPS && p->field->count > 0) {
		diff_entry_in_force(d, p, field);
		return;
	}
	if (p->in_force != NULL && pm_value_decode(d->a, p->field, p->in_force, strlen(p->in_force),
					   &is, &ignored) < 0)
		return;
	diff_row(d, field, &d->want->spec->val[field], &is);
}

/* A setting goes that never came into force: what was there before goes with it, and is what is seen to go. */
static void name_in_force(struct differ *d, const struct pm_pending *p, unsigned field)
{
	struct pm_value is = absent;
	struct pm_error ignored;

	if (p->field->type == PM_T_PROPS || p->field->type == PM_T_STRMAP || p->in_force == NULL ||
		pm_value_decode(d->a, p->field, p->in_force, strlen(p->in_force), &is, &ignored) <
			0)
		return;
	for (size_t i = 0; i < d->v.n; i++)
		if (d->v.v[i].field == field && d->v.v[i].to == NULL)
			d->v.v[i].from = text_of(d, p->field, &is);
}

static void diff_pending(struct differ *d)
{
	const struct pm_live *l = d->have->live;

	for (unsigned i = 0; i < l->npending; i++) {
		const struct pm_pending *p = &l->pending[i];
		size_t nmain = d->v.n;
		unsigned field;

		if (p->field == NULL || p->field->flags & (PM_F_OWN | PM_F_WRITEONLY))
			continue;
		field = pm_field_index(d->want->kind, p->field);
		if (d->want->spec->val[field].state == PM_UNSET) {
			name_in_force(d, p, field);
			continue;
		}
		diff_in_force(d, p, field);
		judge_written(d, nmain, field, p->field->count > 0 ? p->slot : PM_NO_SLOT);
		keep_waiting(d, nmain);
	}
}

/* ---- the whole ---- */

static bool compared_here(const struct pm_field *f)
{
	return f->key != NULL && !(f->flags & (PM_F_OWN | PM_F_WRITEONLY));
}

static void sort_changes(struct pm_change *v, size_t n)
{
	/* Few, and nearly in order: only dropped and waiting ones come late. */
	for (size_t i = 1; i < n; i++) {
		struct pm_change c = v[i];
		size_t at = i;

		for (; at > 0 && (v[at - 1].field > c.field ||
					 (v[at - 1].field == c.field && v[at - 1].slot > c.slot));
			at--)
			v[at] = v[at - 1];
		v[at] = c;
	}
}

/* A key of a virtual machine comes into force as a whole: what of it could be done at once waits with what
 * cannot. */
static void wait_together(struct differ *d)
{
	for (size_t i = 0; i < d->v.n; i++) {
		const struct pm_change *c = &d->v.v[i];

		if (c->impact != PM_I_PENDING || c->blocked || c->row == NULL)
			continue;
		for (size_t k = 0; k < d->v.n; k++) {
			struct pm_change *o = &d->v.v[k];

			if (o->field != c->field || o->slot != c->slot || o->impact != PM_I_LIVE)
				continue;
			o->impact = PM_I_PENDING;
			o->note = NULL;
		}
	}
}

size_t pm_diff_obj(struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have,
	struct pm_change **ret)
{
	struct differ d = { .a = a, .have = have, .marker = have->live->marker };
	const struct pm_kind *k = want->kind;
	size_t n;

	*ret = NULL;
	if (want->spec == NULL || have->spec == NULL)
		return 0;
	want = pm_obj_ignoring(a, want, have);
	d.want = want;
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_value *w = &want->spec->val[i];

		if (w->state != PM_UNSET && compared_here(&k->fields[i]))
			diff_row(&d, i, w, &have->spec->val[i]);
	}
	diff_elsewhere(&d);
	if (d.marker != NULL && d.marker->fields != NULL) {
		const char *p = d.marker->fields;
		struct token t;

		while (next_token(&p, &t))
			drop(&d, &t);
	}
	if (k == &pm_kind_vm)
		wait_together(&d);
	if (have->live->npending > 0)
		diff_pending(&d);
	n = d.v.n;
	if (n > 0) {
		sort_changes(d.v.v, n);
		*ret = pm_new_n(a, struct pm_change, n);
		memcpy(*ret, d.v.v, n * sizeof(**ret));
	}
	pm_vec_done(&d.v);
	return n;
}
