/* A trial that fails is made smaller, step by step, as long as the same property does not hold: fewer
 * objects, fewer values, plainer values. Each candidate runs in a process of its own. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "property.h"

struct shrinking {
	struct trial *best;
	const char *property;
	unsigned tried, left; /* candidates; left: until it gives up */
};

/* Takes the candidate when it still fails in the same way; else it is dropped. */
static bool take(struct shrinking *s, struct trial *candidate)
{
	struct failure f = { .text = PM_BUF(0) };
	const char *why;
	bool same = false;

	if (s->left > 0 && pm_trial_valid(candidate, &why)) {
		s->left--;
		s->tried++;
		same = !pm_trial_try(candidate, &f) && strcmp(f.property, s->property) == 0;
	}
	pm_buf_done(&f.text);
	if (same)
		s->best = candidate; /* what it shares with the others lives as long as they */
	else
		pm_trial_free(candidate);
	return same;
}

/* ---- fewer objects ---- */

static void drop_member(struct trial *t, size_t i)
{
	t->n--;
	memmove(&t->v[i], &t->v[i + 1], (t->n - i) * sizeof(*t->v));
}

static void no_depends(struct pm_obj *o)
{
	struct pm_value *v = o ? pm_at(o->spec, "dependsOn") : NULL;

	if (v)
		v->state = PM_UNSET;
}

static void forget_depends(struct trial *t)
{
	for (size_t i = 0; i < t->n; i++) {
		no_depends(t->v[i].x);
		no_depends(t->v[i].y);
	}
}

/* Halves, quarters, single ones. */
static void fewer_members(struct shrinking *s)
{
	for (size_t piece = (s->best->n + 1) / 2; piece > 0; piece /= 2) {
		for (size_t i = 0; i < s->best->n && s->best->n > 1;) {
			struct trial *t = pm_trial_copy(s->best);

			for (size_t n = piece; n > 0 && i < t->n; n--)
				drop_member(t, i);
			forget_depends(t);
			if (t->n == 0) {
				pm_trial_free(t);
				i += piece;
			} else if (!take(s, t)) {
				i += piece;
			}
		}
	}
}

/* ---- simpler members ---- */

static void simpler_members(struct shrinking *s)
{
	for (size_t i = 0; i < s->best->n; i++) {
		struct trial *t = pm_trial_copy(s->best);

		t->v[i].foreign = false;
		if (s->best->v[i].foreign)
			(void)take(s, t);
		else
			pm_trial_free(t);
		t = pm_trial_copy(s->best);
		t->v[i].x = NULL;
		t->v[i].npoke = 0;
		if (s->best->v[i].x && s->best->v[i].y)
			(void)take(s, t);
		else
			pm_trial_free(t);
		t = pm_trial_copy(s->best);
		t->v[i].y = NULL;
		if (s->best->v[i].x && s->best->v[i].y)
			(void)take(s, t);
		else
			pm_trial_free(t);
		for (size_t k = s->best->v[i].npoke; k-- > 0;) {
			struct member *m;

			t = pm_trial_copy(s->best);
			m = &t->v[i];
			m->npoke--;
			memmove(&m->poke[k], &m->poke[k + 1], (m->npoke - k) * sizeof(*m->poke));
			(void)take(s, t);
		}
	}
}

static void simpler_circumstances(struct shrinking *s)
{
	struct trial *t = pm_trial_copy(s->best);

	t->hasty = false;
	(void)take(s, t);
	t = pm_trial_copy(s->best);
	t->restart = false;
	(void)take(s, t);
}

/* ---- fewer and plainer values ---- */

static const struct spot *find_spot(const struct spots *s, const char *path)
{
	for (size_t i = 0; i < s->v.n; i++)
		if (strcmp(s->v.v[i].path, path) == 0)
			return &s->v.v[i];
	return NULL;
}

static void drop_at(struct pm_arena *a, struct pm_obj *o, const char *path)
{
	struct spots s = { .a = a };
	const struct spot *spot;

	if (!o)
		return;
	pm_spots(&s, o->spec);
	spot = find_spot(&s, path);
	if (spot && !spot->required)
		pm_spot_drop(spot);
	pm_vec_done(&s.v);
}

static bool copy_at(struct pm_arena *a, struct pm_obj *from, struct pm_obj *to, const char *path)
{
	struct spots s = { .a = a }, d = { .a = a };
	const struct spot *x, *y;
	bool done = false;

	pm_spots(&s, from->spec);
	pm_spots(&d, to->spec);
	x = find_spot(&s, path);
	y = find_spot(&d, path);
	if (x && y && x->v && y->v && x->f->type != PM_T_PROPS) {
		struct pm_buf b cleanup_buf = PM_BUF(0), c cleanup_buf = PM_BUF(0);

		pm_value_format(x->f, PM_MANIFEST, x->v, &b);
		pm_value_format(x->f, PM_MANIFEST, y->v, &c);
		done = x->v->state != y->v->state || strcmp(pm_buf_str(&b), pm_buf_str(&c)) != 0;
		*y->v = *x->v;
	}
	pm_vec_done(&s.v);
	pm_vec_done(&d.v);
	return done;
}

/* The paths of both versions of a member, each once. */
static void all_paths(const struct member *m, struct spots *ret)
{
	struct spots s = { .a = ret->a };

	if (m->x)
		pm_spots(ret, m->x->spec);
	if (m->y)
		pm_spots(&s, m->y->spec);
	for (size_t i = 0; i < s.v.n; i++)
		if (!find_spot(ret, s.v.v[i].path))
			pm_vec_push(&ret->v, s.v.v[i]);
	pm_vec_done(&s.v);
}

enum way { IN_BOTH, IN_FIRST, IN_SECOND, SAME };

static void try_way(struct shrinking *s, size_t member, const char *path, enum way how)
{
	struct trial *t = pm_trial_copy(s->best);
	struct member *m = &t->v[member];

	if (how == SAME) {
		if (m->x && m->y && copy_at(t->arena, m->x, m->y, path))
			(void)take(s, t);
		else
			pm_trial_free(t);
		return;
	}
	if (how != IN_SECOND)
		drop_at(t->arena, m->x, path);
	if (how != IN_FIRST)
		drop_at(t->arena, m->y, path);
	(void)take(s, t);
}

static bool is_at(struct pm_arena *a, struct pm_obj *o, const char *path)
{
	struct spots s = { .a = a };
	const struct spot *spot;
	bool found;

	if (!o)
		return false;
	pm_spots(&s, o->spec);
	spot = find_spot(&s, path);
	found = spot && !spot->required;
	pm_vec_done(&s.v);
	return found;
}

static void fewer_values(struct shrinking *s, size_t member)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct spots paths = { .a = a };

	all_paths(&s->best->v[member], &paths);
	for (size_t i = 0; i < paths.v.n; i++) {
		const char *path = paths.v.v[i].path;
		const struct member *m = &s->best->v[member];
		bool x = is_at(a, m->x, path), y = is_at(a, m->y, path);

		if (x || y)
			try_way(s, member, path, x && y ? IN_BOTH : x ? IN_FIRST : IN_SECOND);
		m = &s->best->v[member];
		x = is_at(a, m->x, path);
		y = is_at(a, m->y, path);
		if (x && y) {
			try_way(s, member, path, IN_FIRST);
			try_way(s, member, path, IN_SECOND);
		}
		try_way(s, member, path, SAME);
	}
	pm_vec_done(&paths.v);
}

/* ---- plainer values ---- */

static bool plainer_list(struct pm_arena *a, struct spot *spot, unsigned n)
{
	const struct pm_list *list = spot->v->u.list;
	const char **items;

	if (n >= list->n)
		return false;
	items = pm_new_n(a, const char *, list->n);
	for (size_t i = 0, k = 0; i < list->n; i++)
		if (i != n)
			items[k++] = list->v[i];
	pm_value_list(a, spot->f, items, list->n - 1, spot->v);
	return true;
}

/* Text with a piece cut out. */
static bool plainer_text(struct pm_arena *a, struct spot *spot, unsigned n)
{
	const char *s = spot->v->u.s;
	struct pm_error err;

	if ((!pm_str_eq(spot->f->format, "text") && !pm_str_eq(spot->f->format, "line")) ||
		n >= strlen(s))
		return false;
	return pm_value_parse(a, spot->f, pm_arena_printf(a, "%.*s%s", (int)n, s, s + n + 1), true,
		       spot->v, &err) == 0;
}

/* The n-th plainer value; false: there is none. */
static bool plainer(struct pm_arena *a, struct spot *spot, unsigned n)
{
	if (!spot->v || spot->v->state != PM_SET)
		return false;
	switch (spot->f->type) {
	case PM_T_LIST:
	case PM_T_STRMAP:
		return plainer_list(a, spot, n);
	case PM_T_STR:
		return plainer_text(a, spot, n);
	default:
		return false;
	}
}

static bool try_plainer(
	struct shrinking *s, size_t member, int second, const char *path, unsigned n)
{
	struct trial *t = pm_trial_copy(s->best);
	struct pm_obj *o = second ? t->v[member].y : t->v[member].x;
	struct spots spots = { .a = t->arena };
	struct spot *spot;
	bool taken = false, changed;

	if (o)
		pm_spots(&spots, o->spec);
	spot = (struct spot *)find_spot(&spots, path);
	changed = spot && plainer(t->arena, spot, n);
	pm_vec_done(&spots.v);
	if (changed)
		taken = take(s, t);
	else
		pm_trial_free(t);
	return taken;
}

static void plainer_values(struct shrinking *s, size_t member)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct spots paths = { .a = a };

	all_paths(&s->best->v[member], &paths);
	for (size_t i = 0; i < paths.v.n; i++) {
		for (int second = 0; second < 2; second++) {
			for (unsigned n = 0; n < 12;)
				if (!try_plainer(s, member, second, paths.v.v[i].path, n))
					n++;
		}
	}
	pm_vec_done(&paths.v);
}

static size_t size_of(const struct trial *t)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	pm_trial_print(t, &text);
	return text.len;
}

struct trial *pm_shrink(const struct trial *t, const struct failure *f)
{
	struct shrinking s = { .best = pm_trial_copy(t), .property = f->property, .left = 3000 };
	size_t size = SIZE_MAX;

	while (size_of(s.best) < size) {
		size = size_of(s.best);
		fewer_members(&s);
		simpler_members(&s);
		simpler_circumstances(&s);
		for (size_t i = 0; i < s.best->n; i++)
			fewer_values(&s, i);
		for (size_t i = 0; i < s.best->n; i++)
			plainer_values(&s, i);
	}
	(void)printf("shrunk, %u candidates were tried: ", s.tried);
	return s.best;
}
