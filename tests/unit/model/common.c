/* Records of property strings, for the tests of this room. */
#include "model_test.h"

#include <string.h>

struct pm_rec *rec_of(struct pm_arena *a, const struct pm_kind *k, const char *text)
{
	struct pm_rec *r = NULL;
	struct pm_error err;

	assert_ok(pm_rec_parse(a, k, text, strlen(text), &r, &err), &err);
	return r;
}

void rec_set(struct pm_arena *a, struct pm_rec *r, const char *name, const char *text)
{
	const struct pm_field *f = pm_field_find(r->kind, name);
	struct pm_value *v = &r->val[pm_field_index(r->kind, f)];
	struct pm_error err;

	assert_non_null(f);
	if (text)
		assert_ok(pm_value_parse(a, f, text, true, v, &err), &err);
	else
		v->state = PM_NULL;
}

void rec_prints(const struct pm_rec *r, const char *want)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	pm_rec_format(r, &b);
	assert_string_equal(pm_buf_str(&b), want);
}

void rec_merges(const struct pm_rec *want, const struct pm_rec *have, const char *const *drop,
	const char *text)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	pm_rec_merge(want, have, drop, &b);
	assert_string_equal(pm_buf_str(&b), text);
}
