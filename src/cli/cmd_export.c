/* podmox export: manifests for guests that are there, whoever made them. */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/cli.h"

#define LABEL_MAX 63
#define UNKNOWN   "local:vztmpl/unknown.tar.zst"

/* ---- names ---- */

/* A name of PVE as a label of manifests: what does not fit becomes a dash. */
static const char *label_of(struct pm_arena *a, const struct pm_obj *o)
{
	char *out = pm_arena_strdup(
		a, pm_rec_str(o->spec, PM_G_HOSTNAME, o->kind->brief ? o->kind->brief : "ct"));
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
	return n > 0 ? out : pm_arena_printf(a, "ct%u", o->live->vmid);
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
	}
	return r;
}

static void trim(struct pm_arena *a, const struct pm_field *f, struct pm_value *v)
{
	struct pm_recs *recs;

	if (f->type != PM_T_PROPS)
		return;
	if (f->count == 0) {
		v->u.rec = without_defaults(a, v->u.rec);
		return;
	}
	recs = pm_new(a, struct pm_recs);
	recs->n = v->u.recs->n;
	recs->v = pm_new_n(a, struct pm_rec *, recs->n + 1);
	for (size_t i = 0; i < recs->n; i++)
		recs->v[i] = without_defaults(a, v->u.recs->v[i]);
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
	return o->kind == &pm_kind_pod ? UNKNOWN : NULL;
}

/* What PVE says with a key, and what it says elsewhere. Defaults are left out: nobody asked for them. */
static struct pm_rec *spec_of(struct pm_arena *a, const struct pm_obj *o)
{
	struct pm_rec *r = pm_rec_new(a, o->kind);
	const struct pm_marker *m = o->live->marker;

	for (unsigned i = 0; i < o->kind->nfields; i++) {
		const struct pm_field *f = &o->kind->fields[i];

		if (!f->key || o->spec->val[i].state != PM_SET || found_out(f, &o->spec->val[i]) ||
			pm_value_default(f, &o->spec->val[i]))
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
	put_text(r, PM_G_STATE, pm_str_eq(o->live->status, "running") ? "running" : "stopped");
	if (pm_str_eq(pm_rec_str(r, PM_G_HOSTNAME, NULL), label_of(a, o)))
		r->val[PM_G_HOSTNAME].state = PM_UNSET;
	return r;
}

static struct pm_obj *export_of(
	struct pm_arena *a, const struct pm_set *done, const struct pm_obj *o)
{
	struct pm_obj *e = pm_obj_new(a, o->kind);
	const struct pm_marker *m = o->live->marker;
	bool own = m && m->vmid == o->live->vmid;

	e->ns = own ? m->ns : "default";
	e->name = own ? m->name : name_of(a, done, o, e->ns);
	e->spec = spec_of(a, o);
	return e;
}

/* ---- which ---- */

static bool chosen(const struct pm_args *a, const struct pm_obj *o)
{
	char vmid[16];

	if (!o->spec || o->live->template_ || (a->node && !pm_str_eq(a->node, o->live->node)))
		return false;
	(void)snprintf(vmid, sizeof(vmid), "%u", o->live->vmid);
	for (size_t i = 0; i < a->rest.n; i++) {
		if (pm_str_eq(a->rest.v[i], vmid))
			return true;
	}
	return a->rest.n == 0;
}

static bool is_there(const struct pm_set *have, const char *vmid)
{
	int64_t n;

	for (size_t i = 0; pm_parse_int(vmid, 1, INT32_MAX, &n) == 0 && i < have->n; i++) {
		if (have->v[i]->live->vmid == n)
			return have->v[i]->spec != NULL;
	}
	return false;
}

static int check_chosen(const struct pm_args *a, const struct pm_set *have)
{
	for (size_t i = 0; i < a->rest.n; i++) {
		if (is_there(have, a->rest.v[i]))
			continue;
		(void)fprintf(stderr,
			"podmox: error: there is no guest %s that can be read; podmox ct list and podmox vm "
			"list list them\n",
			a->rest.v[i]);
		return 1;
	}
	return 0;
}

static int by_node(const void *a, const void *b)
{
	const struct pm_obj *x = *(const struct pm_obj *const *)a,
			    *y = *(const struct pm_obj *const *)b;
	int r = strcmp(x->live->node, y->live->node);

	return r != 0 ? r : (x->live->vmid > y->live->vmid) - (x->live->vmid < y->live->vmid);
}

static void write_one(struct pm_arena *arena, struct pm_set *done, const struct pm_obj *o)
{
	struct pm_obj *e = export_of(arena, done, o);
	struct pm_set one = { .arena = arena };
	struct pm_buf text cleanup_buf = PM_BUF(0);

	if (done->n > 0)
		(void)puts("---");
	(void)printf("# %u on %s\n", o->live->vmid, o->live->node);
	if (pm_str_eq(pm_rec_str(e->spec, PM_G_IMAGE, ""), UNKNOWN))
		(void)puts(
			"# PVE does not remember what image it was made from. Name one, for the day it has\n"
			"# to be made anew; until then it is not asked for.");
	pm_set_add(&one, e);
	pm_manifest_write(&one, &text);
	(void)fwrite(pm_buf_str(&text), 1, text.len, stdout);
	pm_set_done(&one);
	pm_set_add(done, e);
}

static void write_all(const struct pm_args *a, struct pm_arena *arena, struct pm_set *have)
{
	struct pm_set done = { .arena = arena };

	if (have->n > 1)
		qsort(have->v, have->n, sizeof(*have->v), by_node);
	for (size_t i = 0; i < have->n; i++) {
		if (chosen(a, have->v[i]))
			write_one(arena, &done, have->v[i]);
	}
	if (done.n == 0)
		(void)fputs("podmox: there is no guest to export\n", stderr);
	pm_set_done(&done);
}

int cmd_export(struct pm_args *a)
{
	struct pm_error err = { 0 };
	struct pm_set have = { 0 };
	struct pm_cli s;
	int status = pm_cli_open(a, true, NULL, NULL, &s);

	if (status != 0)
		return status;
	have.arena = s.job.arena;
	if (pm_recon_live(s.recon, &s.job, &have, &err) < 0)
		status = pm_cli_fail(&err);
	if (status == 0)
		status = check_chosen(a, &have);
	if (status == 0)
		write_all(a, s.job.arena, &have);
	pm_set_done(&have);
	pm_cli_close(&s);
	return status;
}
