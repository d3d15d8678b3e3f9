/* Values: what each type reads, writes and calls equal, by its row of functions; and records as values. */
#include <string.h>

#include "base/mem.h"
#include "model/value_priv.h"

/* ---- records ---- */

static int props_parse(const struct pm_reading *r, struct pm_value *v)
{
	return r->f->count ? pm_type_list.parse(r, v) : pm_type_strmap.parse(r, v);
}

static int props_decode(const struct pm_reading *r, struct pm_value *v)
{
	struct pm_rec *rec;
	int bad;

	pm_assert(r->f->count == 0);
	bad = pm_rec_parse(r->a, r->f->sub, r->text, r->n, &rec, r->err);
	if (bad < 0)
		return bad;
	v->u.rec = rec;
	v->state = PM_SET;
	return 0;
}

static void rec_manifest(const struct pm_rec *r, struct pm_buf *out)
{
	bool first = true;

	pm_buf_addc(out, '{');
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (r->val[i].state != PM_SET || f->flags & PM_F_INNER)
			continue;
		pm_buf_addf(out, "%s%s: %s", first ? "" : ", ", f->name,
			f->type == PM_T_LIST ? "[" : "");
		pm_value_format(f, PM_MANIFEST, &r->val[i], out);
		pm_buf_adds(out, f->type == PM_T_LIST ? "]" : "");
		first = false;
	}
	pm_buf_addc(out, '}');
}

static void props_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	struct pm_rec *const *recs = f->count ? v->u.recs->v : &v->u.rec;
	size_t n = f->count ? v->u.recs->n : 1;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			pm_buf_adds(out, ", ");
		if (side == PM_PVE)
			pm_rec_format(recs[i], out);
		else
			rec_manifest(recs[i], out);
	}
}

static const struct pm_rec *rec_like(const struct pm_recs *in, const struct pm_rec *r)
{
	for (size_t i = 0; i < in->n; i++) {
		if (!strcmp(pm_rec_ident(in->v[i]), pm_rec_ident(r)))
			return in->v[i];
	}
	return NULL;
}

static bool props_equal(
	const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	if (f->count == 0)
		return pm_rec_equal(a->u.rec, b->u.rec);
	if (a->u.recs->n != b->u.recs->n)
		return false;
	for (size_t i = 0; i < a->u.recs->n; i++) {
		const struct pm_rec *have = rec_like(b->u.recs, a->u.recs->v[i]);

		if (!have || !pm_rec_equal(a->u.recs->v[i], have))
			return false;
	}
	return true;
}

static const struct pm_behaviour type_props = { props_parse, props_decode, props_format,
	props_equal };

/* ---- the table ---- */

static const struct pm_behaviour *const behaviours[PM_T_MAX] = {
	[PM_T_BOOL] = &pm_type_bool,
	[PM_T_INT] = &pm_type_int,
	[PM_T_MILLI] = &pm_type_milli,
	[PM_T_SIZE] = &pm_type_size,
	[PM_T_SECONDS] = &pm_type_seconds,
	[PM_T_STR] = &pm_type_str,
	[PM_T_ENUM] = &pm_type_enum,
	[PM_T_LIST] = &pm_type_list,
	[PM_T_STRMAP] = &pm_type_strmap,
	[PM_T_SECRET] = &pm_type_secret,
	[PM_T_PROPS] = &type_props,
};

int pm_value_parse(struct pm_arena *a, const struct pm_field *f, const char *text, bool plain,
	struct pm_value *ret, struct pm_error *err)
{
	const struct pm_reading r = { a, f, text, strlen(text), plain, err };

	return behaviours[f->type]->parse(&r, ret);
}

int pm_value_decode(struct pm_arena *a, const struct pm_field *f, const char *text, size_t n,
	struct pm_value *ret, struct pm_error *err)
{
	const struct pm_reading r = { a, f, text, n, true, err };

	return behaviours[f->type]->decode(&r, ret);
}

void pm_value_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	if (v->state == PM_SET)
		behaviours[f->type]->format(f, side, v, out);
}

static bool is_default_text(const struct pm_field *f, const struct pm_value *v)
{
	struct pm_value def = { 0 };
	struct pm_error err;

	if (f->type == PM_T_STR || f->type == PM_T_ENUM)
		return pm_same_str(f, v->u.s, f->def);
	if (f->type > PM_T_SECONDS)
		return false;
	return pm_value_decode(NULL, f, f->def, strlen(f->def), &def, &err) == 0 &&
	       behaviours[f->type]->equal(f, v, &def);
}

bool pm_value_default(const struct pm_field *f, const struct pm_value *v)
{
	if (v->state != PM_SET)
		return true;
	if (f->type == PM_T_LIST || f->type == PM_T_STRMAP)
		return v->u.list->n == 0;
	if (f->type == PM_T_PROPS)
		return f->count ? v->u.recs->n == 0 : pm_rec_default(v->u.rec);
	if (f->type == PM_T_STR && pm_same_str(f, v->u.s, ""))
		return true; /* PVE keeps no empty text */
	return f->def && is_default_text(f, v);
}

bool pm_value_equal(
	const struct pm_field *f, const struct pm_value *want, const struct pm_value *have)
{
	if (want->state == PM_UNSET || f->flags & (PM_F_OWN | PM_F_WRITEONLY))
		return true;
	if (want->state == PM_NULL)
		return have->state != PM_SET ||
		       (f->type != PM_T_PROPS && pm_value_default(f, have));
	if (have->state != PM_SET)
		return pm_value_default(f, want);
	return behaviours[f->type]->equal(f, want, have);
}
