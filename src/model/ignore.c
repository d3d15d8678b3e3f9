/* Paths of settings, rules of the configuration about them, and an object that takes over what it ignores from its guest. Whoever compares and whoever
 * writes work on that object, so neither has to know. */
#include "model/ignore.h"

#include <fnmatch.h>
#include <string.h>

#include "base/text.h"
#include "model/marker.h"

/** What a path means within one row. */
struct target {
	const char *rest;           /* behind the row's name: "eth0.tag"; NULL: all of it */
	size_t nident;              /* of an entry or variable; 0: none */
	const struct pm_field *sub; /* NULL: all of the entry or record */
};

/* ---- paths ---- */

static const struct pm_field *sub_named(const struct pm_kind *k, const char *name)
{
	const struct pm_field *f = pm_field_find(k, name);

	return f && !(f->flags & (PM_F_OWN | PM_F_INNER | PM_F_IDENT)) ? f : NULL;
}

/* Is the path about that row? */
static bool is_about(const struct pm_field *f, const char *path, struct target *ret)
{
	size_t n = strlen(f->name), len = strlen(path);
	const char *dot;

	*ret = (struct target){ .rest = NULL };
	if (strncmp(path, f->name, n) != 0 || path[n] != '.')
		/* The row itself, or a group that it stands in. */
		return strncmp(path, f->name, len) == 0 &&
		       (f->name[len] == '\0' || f->name[len] == '.');
	ret->rest = path + n + 1;
	if (f->type == PM_T_PROPS && f->count == 0) {
		ret->sub = sub_named(f->sub, ret->rest);
		return ret->sub != NULL;
	}
	ret->nident = strlen(ret->rest);
	if (f->type == PM_T_STRMAP)
		return true;
	if (f->type != PM_T_PROPS)
		return false;
	/* Names hold dots, too: only a known word at the end is a setting of the entry. */
	dot = strrchr(ret->rest, '.');
	ret->sub = dot && dot > ret->rest ? sub_named(f->sub, dot + 1) : NULL;
	if (ret->sub)
		ret->nident = (size_t)(dot - ret->rest);
	return true;
}

static bool is_named(const char *ident, const struct target *t)
{
	return strlen(ident) == t->nident && strncmp(ident, t->rest, t->nident) == 0;
}

/* Is there such an entry or variable, or none of any name? */
static bool has_entry(const struct pm_field *f, const struct pm_value *v, const struct target *t)
{
	bool map = f->type == PM_T_STRMAP;

	if (t->nident == 0 || v->state != PM_SET)
		return true;
	for (size_t i = 0; i < (map ? v->u.list->n : v->u.recs->n); i++) {
		const char *e = map ? v->u.list->v[i] : pm_rec_ident(v->u.recs->v[i]);

		if (map ? strcspn(e, "=") == t->nident && strncmp(e, t->rest, t->nident) == 0
			: is_named(e, t))
			return true;
	}
	return false;
}

/* A setting that is not known: what was meant. */
static const char *unknown_setting(struct pm_arena *a, const struct pm_kind *k, const char *path)
{
	cleanup_free const char **names = pm_xcalloc(k->nfields + 1, sizeof(*names));
	const struct pm_field *f = pm_field_by_key(k, path, strlen(path));
	const char *near;
	size_t n = 0;

	for (unsigned i = 0; i < k->nfields; i++) {
		if (!(k->fields[i].flags & (PM_F_OWN | PM_F_WRITEONLY)))
			names[n++] = k->fields[i].name;
	}
	near = f ? f->name : pm_nearest(path, names, n);
	return near ? pm_arena_printf(a, "there is no setting %s; did you mean \"%s\"?", path, near)
		    : pm_arena_printf(a, "there is no setting %s", path);
}

const char *pm_ignore_fault(struct pm_arena *a, const struct pm_rec *spec, const char *path)
{
	const struct pm_kind *k = spec->kind;
	const char *own = NULL;
	struct target t;

	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (!is_about(f, path, &t))
			continue;
		if (f->flags & (PM_F_OWN | PM_F_WRITEONLY))
			own = f->name;
		else if (!has_entry(f, &spec->val[i], &t))
			return pm_arena_printf(a, "%s has no entry %s", f->name, t.rest);
		else
			return NULL;
	}
	if (own)
		return pm_arena_printf(a, "%s is nothing that is compared", own);
	return unknown_setting(a, k, path);
}

/* ---- taking over ---- */

static struct pm_rec *copy_rec(struct pm_arena *a, const struct pm_rec *r)
{
	struct pm_rec *copy = pm_rec_new(a, r->kind);

	memcpy(copy, r, sizeof(*r) + r->kind->nfields * sizeof(r->val[0]));
	return copy;
}

static struct pm_rec *with_sub(struct pm_arena *a, const struct pm_rec *want,
	const struct pm_rec *have, const struct pm_field *sub)
{
	unsigned i = pm_field_index(want->kind, sub);
	struct pm_rec *copy = copy_rec(a, want);

	copy->val[i] = have->val[i];
	return copy;
}

static struct pm_rec *entry_of(const struct pm_value *v, const struct target *t)
{
	for (size_t i = 0; v->state == PM_SET && i < v->u.recs->n; i++) {
		if (is_named(pm_rec_ident(v->u.recs->v[i]), t))
			return v->u.recs->v[i];
	}
	return NULL;
}

/* The list with the guest's entry in place of its own; an entry that the guest has not is left out. */
static void take_entry(struct pm_arena *a, const struct target *t, struct pm_value *want,
	const struct pm_value *have)
{
	struct pm_rec *mine = entry_of(want, t), *its = entry_of(have, t);
	size_t n = want->state == PM_SET ? want->u.recs->n : 0;
	struct pm_recs *all;

	if (want->state == PM_NULL || (t->sub && (!mine || !its)) || (!mine && !its))
		return;
	all = pm_new(a, struct pm_recs);
	all->v = pm_new_n(a, struct pm_rec *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (want->u.recs->v[i] != mine)
			all->v[all->n++] = want->u.recs->v[i];
	}
	if (its)
		all->v[all->n++] = t->sub ? with_sub(a, mine, its, t->sub) : its;
	want->state = PM_SET;
	want->u.recs = all;
}

static const char *variable_of(const struct pm_value *v, const struct target *t)
{
	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++) {
		const char *e = v->u.list->v[i];

		if (strcspn(e, "=") == t->nident && strncmp(e, t->rest, t->nident) == 0)
			return e;
	}
	return NULL;
}

static void take_variable(struct pm_arena *a, const struct pm_field *f, const struct target *t,
	struct pm_value *want, const struct pm_value *have)
{
	const char *mine = variable_of(want, t), *its = variable_of(have, t), **v;
	size_t n = want->state == PM_SET ? want->u.list->n : 0, kept = 0;

	if (want->state == PM_NULL || (!mine && !its))
		return;
	v = pm_new_n(a, const char *, n + 1);
	for (size_t i = 0; i < n; i++) {
		if (want->u.list->v[i] != mine)
			v[kept++] = want->u.list->v[i];
	}
	if (its)
		v[kept++] = its;
	pm_value_list(a, f, v, kept, want);
}

/* What PVE keeps elsewhere than in the configuration. */
static void take_elsewhere(unsigned row, const struct pm_obj *have, struct pm_value *want)
{
	const char *pool = have->live->pool;

	want->state = PM_UNSET;
	if (row != PM_G_POOL || !pool)
		return;
	want->state = PM_SET;
	want->u.s = pool;
}

static void take(struct pm_arena *a, const struct target *t, unsigned row,
	const struct pm_obj *have, struct pm_value *want)
{
	const struct pm_field *f = &have->kind->fields[row];
	const struct pm_value *is = &have->spec->val[row];

	if (f->flags & (PM_F_OWN | PM_F_WRITEONLY))
		return;
	if (!t->rest && !f->key)
		take_elsewhere(row, have, want);
	else if (!t->rest)
		*want = *is;
	else if (f->type == PM_T_STRMAP)
		take_variable(a, f, t, want, is);
	else if (f->count > 0)
		take_entry(a, t, want, is);
	else if (want->state == PM_SET && is->state == PM_SET)
		want->u.rec = with_sub(a, want->u.rec, is->u.rec, t->sub);
}

/* Not everything goes with the creation: until the guest is complete, all of it is podmox's. */
static bool in_the_making(const struct pm_live *live)
{
	return live->marker && !live->marker->done;
}

static void take_all(struct pm_arena *a, const struct pm_list *paths, const struct pm_obj *have,
	struct pm_rec *spec)
{
	for (size_t i = 0; paths && i < paths->n; i++) {
		for (unsigned row = 0; row < spec->kind->nfields; row++) {
			struct target t;

			if (is_about(&spec->kind->fields[row], paths->v[i], &t))
				take(a, &t, row, have, &spec->val[row]);
		}
	}
}

const struct pm_obj *pm_obj_ignoring(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have)
{
	const struct pm_value *paths = want->spec ? &want->spec->val[PM_G_LIFE_IGNORE] : NULL;
	const struct pm_list *own = paths && paths->state == PM_SET ? paths->u.list : NULL;
	struct pm_obj *o;

	if (!paths || ((!own || own->n == 0) && !want->left) || !have->spec ||
		have->kind != want->kind || in_the_making(have->live))
		return want;
	o = pm_new(a, struct pm_obj);
	*o = *want;
	o->spec = copy_rec(a, want->spec);
	take_all(a, own, have, o->spec);
	take_all(a, want->left, have, o->spec);
	return o;
}

/* ---- rules of the configuration ---- */

static bool fits(const struct pm_rec *rule, unsigned row, const char *name)
{
	const char *pattern = pm_rec_str(rule, row, NULL);

	return !pattern || fnmatch(pattern, name, 0) == 0;
}

static bool is_for(const struct pm_rec *rule, const struct pm_obj *o)
{
	return pm_str_eq(pm_rec_str(rule, PM_LEAVE_KIND, NULL), o->kind->name) &&
	       fits(rule, PM_LEAVE_NAMESPACE, o->ns) && fits(rule, PM_LEAVE_NAME, o->name);
}

static bool has(const struct pm_list *l, const char *path)
{
	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->v[i], path) == 0)
			return true;
	}
	return false;
}

static const struct pm_list *left_of(
	struct pm_arena *a, const struct pm_recs *rules, size_t most, const struct pm_obj *o)
{
	struct pm_list *left = NULL;

	for (size_t i = 0; i < rules->n; i++) {
		const struct pm_value *v = &rules->v[i]->val[PM_LEAVE_FIELDS];

		if (v->state != PM_SET || !is_for(rules->v[i], o))
			continue;
		if (!left) {
			left = pm_new(a, struct pm_list);
			left->v = pm_new_n(a, const char *, most);
		}
		for (size_t k = 0; k < v->u.list->n; k++) {
			if (!has(left, v->u.list->v[k]))
				left->v[left->n++] = pm_arena_strdup(a, v->u.list->v[k]);
		}
	}
	return left && left->n > 0 ? left : NULL;
}

void pm_ignore_rules(struct pm_arena *a, const struct pm_rec *config, struct pm_set *set)
{
	const struct pm_value *v = &config->val[PM_CONFIG_IGNORE];
	const struct pm_recs *rules = v->state == PM_SET ? v->u.recs : NULL;
	size_t most = 0;

	for (size_t i = 0; rules && i < rules->n; i++) {
		const struct pm_value *fields = &rules->v[i]->val[PM_LEAVE_FIELDS];

		most += fields->state == PM_SET ? fields->u.list->n : 0;
	}
	for (size_t i = 0; i < set->n; i++)
		set->v[i]->left = most > 0 ? left_of(a, rules, most, set->v[i]) : NULL;
}
