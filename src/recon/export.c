/* A guest as a manifest: what PVE says of it, without what is the default anyway. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "model/marker.h"
#include "recon/export.h"

#define LABEL_MAX 63

/* ---- names ---- */

/* A name of PVE as a label of manifests: what does not fit becomes a dash. */
static const char *label_of(struct pm_arena *a, const struct pm_obj *o)
{
	const char *kind = o->kind->brief ? o->kind->brief : "ct";
	char *out = pm_arena_strdup(a, pm_rec_str(o->spec, PM_G_HOSTNAME, kind));
	size_t n = 0;

	for (const char *s = out; *s && n < LABEL_MAX - 10; s++) {
		char c = (char)tolower((unsigned char)*s);

		if (!isalnum((unsigned char)c))
			c = '-';
		if (c != '-' || (n > 0 && out[n - 1] != '-'))
			out[n++] = c;
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	out[n] = '\0';
	return n > 0 ? out : pm_arena_printf(a, "%s%u", kind, o->live->vmid);
}

/* Two guests of one name cannot be one object. */
static const char *name_of(
	struct pm_arena *a, const struct pm_set *done, const struct pm_obj *o, const char *ns)
{
	const char *name = label_of(a, o);

	for (size_t i = 0; i < done->n; i++) {
		if (done->v[i]->kind == o->kind && pm_str_eq(done->v[i]->ns, ns) &&
			pm_str_eq(done->v[i]->name, name))
			return pm_arena_printf(a, "%s-%u", name, o->live->vmid);
	}
	return name;
}

/* ---- one guest ---- */

static void put_text(struct pm_rec *r, unsigned row, const char *text)
{
	if (text == NULL)
		return;
	r->val[row].state = PM_SET;
	r->val[row].u.s = text;
}

static void put_int(struct pm_rec *r, unsigned row, int64_t n)
{
	r->val[row].state = PM_SET;
	r->val[row].u.i = n;
}

/* A word of a newer PVE, which validate would refuse. */
static bool is_unknown(const struct pm_field *f, const struct pm_value *v)
{
	if (f->type != PM_T_ENUM || v->state != PM_SET)
		return false;
	for (size_t i = 0; f->choices[i]; i++)
		if (pm_str_eq(f->choices[i], v->u.s))
			return false;
	return true;
}

/* A record without what is the default anyway. */
static struct pm_rec *without_defaults(struct pm_arena *a, const struct pm_rec *from)
{
	struct pm_rec *r = pm_rec_new(a, from->kind);

	memcpy(r, from, sizeof(*from) + from->kind->nfields * sizeof(from->val[0]));
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (f->key && !(f->flags & (PM_F_REQUIRED | PM_F_IDENT)) && f->def &&
			pm_value_default(f, &r->val[i]))
			r->val[i].state = PM_UNSET;
		if (is_unknown(f, &r->val[i]))
			r->val[i].state = PM_UNSET;
	}
	return r;
}

static void drop_gateway(struct pm_rec *r, unsigned ip, unsigned gw)
{
	if (!strchr(pm_rec_str(r, ip, ""), '/'))
		r->val[gw].state = PM_UNSET;
}

/* PVE stores what has no effect, and what no manifest may say: it is left to PVE. */
static struct pm_rec *clean(struct pm_arena *a, const struct pm_rec *from)
{
	struct pm_rec *r = without_defaults(a, from);

	if (r->kind != &pm_kind_net)
		return r;
	drop_gateway(r, PM_NET_IP, PM_NET_GW);
	drop_gateway(r, PM_NET_IP6, PM_NET_GW6);
	if (pm_str_eq(pm_rec_str(r, PM_NET_IP6, ""), "auto"))
		r->val[PM_NET_HOST_MANAGED].state = PM_UNSET;
	return r;
}

static void trim(struct pm_arena *a, const struct pm_field *f, struct pm_value *v)
{
	struct pm_recs *recs;

	if (f->type != PM_T_PROPS)
		return;
	if (f->count == 0) {
		v->u.rec = clean(a, v->u.rec);
		return;
	}
	recs = pm_new(a, struct pm_recs);
	recs->n = v->u.recs->n;
	recs->v = pm_new_n(a, struct pm_rec *, recs->n + 1);
	for (size_t i = 0; i < recs->n; i++)
		recs->v[i] = clean(a, v->u.recs->v[i]);
	v->u.recs = recs;
}

/* Holds it nothing but what PVE made up? */
static bool made_up(const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		if (r->val[i].state == PM_SET && !(r->kind->fields[i].flags & PM_F_STAYS))
			return false;
	}
	return true;
}

/* PVE found it out, or made it up, when it made the guest, and would do so again. */
static bool found_out(const struct pm_field *f, const struct pm_value *v)
{
	if (!(f->flags & PM_F_CREATED))
		return false;
	return pm_str_starts(f->name, "options.") ||
	       (f->type == PM_T_PROPS && f->count == 0 && made_up(v->u.rec));
}

/* A container is made from something; a virtual machine may be made of nothing. */
static const char *image_of(const struct pm_obj *o)
{
	const struct pm_marker *m = o->live->marker;

	if (m && m->image && *m->image)
		return m->image;
	return o->kind == &pm_kind_pod ? PM_EXPORT_UNKNOWN : NULL;
}

/* Where the HA manager rules, what it strives for: it may be on its way there. */
static const char *state_of(const struct pm_obj *o)
{
	const struct pm_value *ha = &o->spec->val[PM_G_HA];
	const char *wish =
		ha->state == PM_SET ? pm_rec_str(ha->u.rec, PM_HA_STATE, "ignored") : "ignored";

	if (!pm_str_eq(wish, "ignored"))
		return pm_str_eq(wish, "started") ? "running" : "stopped";
	return pm_str_eq(o->live->status, "running") ? "running" : "stopped";
}

/* What PVE says with a key, and what it says elsewhere. Defaults are left out: nobody asked for them. */
static struct pm_rec *spec_of(struct pm_arena *a, const struct pm_obj *o)
{
	struct pm_rec *r = pm_rec_new(a, o->kind);
	const struct pm_marker *m = o->live->marker;

	for (unsigned i = 0; i < o->kind->nfields; i++) {
		const struct pm_field *f = &o->kind->fields[i];

		if (!f->key || o->spec->val[i].state != PM_SET ||
			(found_out(f, &o->spec->val[i]) &&
				!(m && pm_marker_has(m, f->key, NULL))) ||
			pm_value_default(f, &o->spec->val[i]) || is_unknown(f, &o->spec->val[i]))
			continue;
		r->val[i] = o->spec->val[i];
		trim(a, f, &r->val[i]);
	}
	put_text(r, PM_G_IMAGE, image_of(o));
	put_text(r, PM_G_NODE, o->live->node);
	put_text(r, PM_G_POOL, o->live->pool);
	if (m && m->on_remove && *m->on_remove)
		put_text(r, PM_G_LIFE_ON_REMOVE, m->on_remove);
	put_int(r, PM_G_VMID, o->live->vmid);
	put_text(r, PM_G_STATE, state_of(o));
	if (pm_str_eq(pm_rec_str(r, PM_G_HOSTNAME, NULL), label_of(a, o)))
		r->val[PM_G_HOSTNAME].state = PM_UNSET;
	return r;
}

struct pm_obj *pm_export(struct pm_arena *a, const struct pm_set *done, const struct pm_obj *o)
{
	struct pm_obj *e = pm_obj_new(a, o->kind);
	const struct pm_marker *m = o->live->marker;
	bool own = m && m->vmid == o->live->vmid;

	e->ns = own ? m->ns : "default";
	e->name = own ? m->name : name_of(a, done, o, e->ns);
	e->spec = spec_of(a, o);
	return e;
}

static void name_unknown(struct pm_buf *out, const char *above, const struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (f->key && is_unknown(f, &r->val[i]))
			(void)pm_buf_addf(out, "%s%s%s=%s", out->len > 0 ? ", " : "", above, f->key,
				r->val[i].u.s);
	}
}

const char *pm_export_left_out(struct pm_arena *a, const struct pm_obj *o)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	name_unknown(&out, "", o->spec);
	for (unsigned i = 0; i < o->kind->nfields; i++) {
		const struct pm_field *f = &o->kind->fields[i];
		const struct pm_value *v = &o->spec->val[i];

		if (f->type != PM_T_PROPS || v->state != PM_SET)
			continue;
		if (f->count == 0)
			name_unknown(&out, pm_arena_printf(a, "%s.", f->key), v->u.rec);
		for (size_t k = 0; f->count > 0 && k < v->u.recs->n; k++) {
			char key[16];

			name_unknown(&out,
				pm_arena_printf(
					a, "%s.", pm_slot_key(f, v->u.recs->v[k]->slot, key)),
				v->u.recs->v[k]);
		}
	}
	return out.len > 0 ? pm_arena_strdup(a, pm_buf_str(&out)) : NULL;
}
