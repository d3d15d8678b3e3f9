/* Helpers of the tests of this room; see manifest_test.h. */
#include <stdio.h>
#include <stdlib.h>

#include "manifest_test.h"

static void start(struct loaded *l)
{
	memset(l, 0, sizeof(*l));
	l->arena = pm_arena_new(0);
	l->set.arena = l->arena;
	pm_diags_init(&l->diags, l->arena);
}

static void print(struct loaded *l)
{
	size_t n = 0;
	FILE *f = open_memstream(&l->text, &n);

	assert_non_null(f);
	pm_diags_print(&l->diags, f, 0);
	assert_int_equal(fclose(f), 0);
}

void parse_text(struct loaded *l, const char *text, size_t n)
{
	start(l);
	pm_manifest_parse(l->arena, "test.yaml", text, n, &l->set, &l->diags);
	pm_manifest_link(&l->set, &l->diags);
	pm_diags_sort(&l->diags);
	print(l);
}

void load_paths(struct loaded *l, const char *const *paths, size_t n)
{
	start(l);
	l->r = pm_manifest_load(paths, n, &l->set, &l->load, &l->diags, &l->err);
	print(l);
}

void load_path(struct loaded *l, const char *path)
{
	load_paths(l, &path, 1);
}

void loaded_done(struct loaded *l)
{
	pm_set_done(&l->set);
	pm_arena_free(l->arena);
	free(l->text);
}

struct pm_obj *pod_of(struct loaded *l, const char *name)
{
	struct pm_obj *o = pm_set_find(&l->set, &pm_kind_pod, "default", name);

	assert_string_equal(l->text, "");
	assert_non_null(o);
	return o;
}

static bool has_literal_secret(const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++)
		if (r->kind->fields[i].type == PM_T_SECRET && r->val[i].state == PM_SET &&
			r->val[i].u.secret->from == PM_SECRET_LITERAL)
			return true;
	return false;
}

static void assert_same(const struct pm_obj *a, const struct pm_obj *b)
{
	assert_string_equal(a->ns, b->ns);
	assert_string_equal(a->name, b->name);
	assert_int_equal(a->labels ? a->labels->n : 0, b->labels ? b->labels->n : 0);
	for (size_t i = 0; a->labels && i < a->labels->n; i++)
		assert_string_equal(a->labels->v[i], b->labels->v[i]);
	for (unsigned i = 0; i < a->kind->nfields; i++) {
		const struct pm_field *f = &a->kind->fields[i];
		cleanup_buf struct pm_buf x = PM_BUF(0), y = PM_BUF(0);

		if (f->type == PM_T_SECRET && has_literal_secret(a->spec))
			continue;
		if (a->spec->val[i].state != b->spec->val[i].state)
			fail_msg("%s of %s: state %d became %d", f->name, a->name,
				a->spec->val[i].state, b->spec->val[i].state);
		pm_value_format(f, PM_MANIFEST, &a->spec->val[i], &x);
		pm_value_format(f, PM_MANIFEST, &b->spec->val[i], &y);
		assert_string_equal(pm_buf_str(&x), pm_buf_str(&y));
		if (a->spec->val[i].state == PM_SET)
			assert_true(pm_value_equal(f, &a->spec->val[i], &b->spec->val[i]));
	}
}

void assert_round_trip(const struct pm_set *s)
{
	cleanup_buf struct pm_buf first = PM_BUF(0), second = PM_BUF(0);
	struct loaded again;

	/* A PodSet without replicas is no Pod, and so no text. */
	if (s->n == 0)
		return;
	pm_manifest_write(s, &first);
	parse_text(&again, pm_buf_str(&first), first.len);
	if (again.diags.nerrors > 0)
		fail_msg("written:\n%s\nread:\n%s", pm_buf_str(&first), again.text);
	assert_int_equal(again.set.n, s->n);
	for (size_t i = 0; i < s->n; i++)
		assert_same(s->v[i], again.set.v[i]);
	pm_manifest_write(&again.set, &second);
	assert_string_equal(pm_buf_str(&first), pm_buf_str(&second));
	loaded_done(&again);
}
