/* Trials: made of a seed, copied, checked, written as manifests, taken apart into places. */
#include <string.h>

#include "base/text.h"
#include "manifest/manifest.h"
#include "property.h"

#define MOST_MEMBERS 24

/* ---- objects ---- */

static const struct pm_kind *roll_kind(struct dice *d)
{
	unsigned n = 0, at;

	for (unsigned i = 0; pm_kinds[i]; i++)
		n += pm_kinds[i]->envelope;
	at = pm_roll(d, n);
	for (unsigned i = 0;; i++) {
		if (pm_kinds[i]->envelope && at-- == 0)
			return pm_kinds[i];
	}
}

static bool is_valid(struct dice *d, const struct pm_obj *o)
{
	struct pm_diags diags;

	pm_diags_init(&diags, d->a);
	pm_obj_check(o, &diags);
	return diags.nerrors == 0;
}

/* The rules between fields that mend.c does not know: values go until all is well. */
static void make_valid(struct dice *d, struct pm_obj *o)
{
	while (!is_valid(d, o)) {
		struct spots s = { .a = d->a };
		const struct spot *spot;

		pm_spots(&s, o->spec);
		do
			spot = &s.v.v[pm_roll(d, (unsigned)s.v.n)];
		while (spot->required);
		pm_spot_drop(spot);
		pm_vec_done(&s.v);
		pm_mend(d, o->spec);
	}
}

static struct pm_obj *new_object(struct dice *d, const struct pm_kind *k)
{
	struct pm_obj *o = pm_obj_new(d->a, k);

	o->ns = d->member % 3 ? "shop" : "lab";
	o->name = pm_arena_printf(d->a, "m%u", d->member);
	o->spec = pm_roll_rec(d, k, 0);
	make_valid(d, o);
	return o;
}

static struct pm_obj *second_object(struct dice *d, const struct pm_obj *x)
{
	struct pm_obj *o = pm_obj_new(d->a, x->kind);

	o->ns = x->ns;
	o->name = x->name;
	o->spec = pm_roll_second(d, x->spec);
	make_valid(d, o);
	return o;
}

/* Objects depend on earlier ones only, which are there in the same version. */
static void roll_depends(struct dice *d, const struct trial *t, bool second)
{
	struct pm_obj *o = second ? t->v[d->member].y : t->v[d->member].x;
	struct pm_value *v = o ? pm_at(o->spec, "dependsOn") : NULL;
	const char **items = pm_new_n(d->a, const char *, 2);
	const struct member *on;
	const struct pm_obj *dep;

	if (!v || d->member == 0 || !pm_roll_one_in(d, 6))
		return;
	on = &t->v[pm_roll(d, d->member)];
	dep = second ? on->y : on->x;
	if (!dep || on->foreign || dep->kind == &pm_kind_podset)
		return;
	items[0] = pm_str_eq(dep->ns, o->ns) && pm_roll(d, 2) ? dep->name : pm_obj_id(d->a, dep);
	pm_value_list(d->a, pm_field_find(o->kind, "dependsOn"), items, 1, v);
}

/* ---- what somebody does by hand ---- */

static bool silent_on(const struct pm_obj *o, unsigned row)
{
	return !o || o->spec->val[row].state == PM_UNSET;
}

static void add_poke(struct dice *d, struct member *m, const struct poke *p)
{
	struct poke *more = pm_new_n(d->a, struct poke, m->npoke + 1);

	if (m->npoke > 0)
		memcpy(more, m->poke, m->npoke * sizeof(*more));
	more[m->npoke++] = *p;
	m->poke = more;
}

static const char *at_pve(struct dice *d, const struct pm_field *f, const struct pm_value *v)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	pm_value_format(f, PM_PVE, v, &b);
	return b.len > 0 && strlen(pm_buf_str(&b)) == b.len ? pm_arena_strdup(d->a, pm_buf_str(&b))
							    : NULL;
}

/* Not what PVE stores whatever stands beside it, and what no manifest may say then. */
static bool for_hands(const struct pm_field *f)
{
	static const char *const alone[] = { "hotplug", "cpu.vcpus", "memory.balloon",
		"memory.size", "bios", "efidisk", "virtiofs", "hostpci", "usb", "numa", "agent",
		"boot" };

	for (size_t i = 0; i < PM_COUNT(alone); i++)
		if (pm_str_eq(f->name, alone[i]))
			return false;
	return f->key &&
	       !(f->flags & (PM_F_ROOT | PM_F_OWN | PM_F_WRITEONLY | PM_F_REPLACE | PM_F_GROW |
				    PM_F_MOVE | PM_F_INNER | PM_F_IDENT | PM_F_APART));
}

static const struct pm_rec *entry_of(const struct pm_obj *o, unsigned row, const char *ident)
{
	const struct pm_value *v = &o->spec->val[row];

	for (size_t i = 0; v->state == PM_SET && i < v->u.recs->n; i++)
		if (pm_str_eq(pm_rec_ident(v->u.recs->v[i]), ident))
			return v->u.recs->v[i];
	return NULL;
}

/* A sub-key that neither version speaks of; x and y are the records, NULL: not there. */
static void poke_sub(struct dice *d, struct member *m, const struct poke *p, const struct pm_rec *x,
	const struct pm_rec *y)
{
	static const char *const alone[] = { "quota", "host-managed", "ip6", "gw", "gw6" };
	/* Of disks: not on every bus, and PVE knows which; the simulator stores them anywhere. */
	static const char *const bus[] = { "ssd", "wwn", "model", "iothread", "ro", "queues",
		"vendor", "product", "scsiblock" };
	const struct pm_kind *k = p->row->sub;
	unsigned i = pm_roll(d, k->nfields);
	const struct pm_field *f = &k->fields[i];
	struct pm_value v = { .state = PM_UNSET };
	struct poke poke = *p;

	/* PVE stores these whatever stands beside them, and then they stop it. */
	for (size_t n = 0; n < PM_COUNT(alone); n++)
		if (pm_str_eq(f->name, alone[n]))
			return;
	for (size_t n = 0; k == &pm_kind_disk && n < PM_COUNT(bus); n++)
		if (pm_str_eq(f->name, bus[n]))
			return;
	if (strstr(f->name, "bps") || strncmp(f->name, "iops", 4) == 0)
		return;
	if (!for_hands(f) || (x && x->val[i].state != PM_UNSET) ||
		(y && y->val[i].state != PM_UNSET) || pm_str_eq(f->format, "mac") ||
		!pm_roll_value(d, k, f, 0, &v))
		return;
	poke.sub = f->key;
	poke.text = at_pve(d, f, &v);
	if (poke.text)
		add_poke(d, m, &poke);
}

static void poke_list(struct dice *d, struct member *m, unsigned row)
{
	const struct pm_field *f = &m->x->kind->fields[row];
	const struct pm_value *x = &m->x->spec->val[row];
	struct poke p = { .row = f };

	if (x->state == PM_NULL || (m->y && m->y->spec->val[row].state == PM_NULL))
		return;
	d->list = f;
	if (pm_roll(d, 2) && m->npoke < 6) {
		const struct pm_value v = { .state = PM_SET,
			.u = { .rec = pm_roll_rec(d, f->sub, 20 + (unsigned)m->npoke) } };
		const struct pm_field one = { .name = f->name, .type = PM_T_PROPS, .sub = f->sub };

		p.whole = true;
		p.ident = pm_rec_ident(v.u.rec);
		p.text = at_pve(d, &one, &v);
		if (p.text)
			add_poke(d, m, &p);
	} else if (x->state == PM_SET && x->u.recs->n > 0) {
		const struct pm_rec *r = x->u.recs->v[pm_roll(d, (unsigned)x->u.recs->n)];

		p.ident = pm_rec_ident(r);
		poke_sub(d, m, &p, r, m->y ? entry_of(m->y, row, p.ident) : NULL);
	}
}

static bool has_required(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++)
		if (k->fields[i].flags & PM_F_REQUIRED)
			return true;
	return false;
}

static void poke_row(struct dice *d, struct member *m, unsigned row)
{
	const struct pm_field *f = &m->x->kind->fields[row];
	struct poke p = { .row = f };
	struct pm_value v = { .state = PM_UNSET };

	if (!for_hands(f))
		return;
	if (f->type == PM_T_PROPS && f->count > 0) {
		poke_list(d, m, row);
		return;
	}
	if (f->type == PM_T_PROPS) {
		const struct pm_value *x = &m->x->spec->val[row];
		const struct pm_value *y = m->y ? &m->y->spec->val[row] : NULL;

		if (x->state == PM_NULL || (y && y->state == PM_NULL) ||
			(x->state == PM_UNSET && has_required(f->sub)))
			return;
		poke_sub(d, m, &p, x->state == PM_SET ? x->u.rec : NULL,
			y && y->state == PM_SET ? y->u.rec : NULL);
		return;
	}
	if (!silent_on(m->x, row) || !silent_on(m->y, row) || f->type == PM_T_STRMAP ||
		pm_str_eq(f->format, "text") || !pm_roll_value(d, m->x->kind, f, 0, &v))
		return;
	p.whole = true;
	p.text = at_pve(d, f, &v);
	if (p.text)
		add_poke(d, m, &p);
}

static void roll_pokes(struct dice *d, struct member *m)
{
	if (!m->x || m->x->kind == &pm_kind_podset)
		return;
	for (unsigned n = 8 + pm_roll(d, 64); n > 0 && m->npoke < 16; n--)
		poke_row(d, m, pm_roll(d, m->x->kind->nfields));
}

/* ---- a trial ---- */

static void roll_member(struct dice *d, struct trial *t)
{
	struct member *m = &t->v[d->member];
	static const unsigned densities[] = { 1, 3, 6, 8 };

	d->density = densities[pm_roll(d, PM_COUNT(densities))];
	m->x = new_object(d, roll_kind(d));
	m->y = second_object(d, m->x);
	m->foreign = m->x->kind != &pm_kind_podset && pm_roll_one_in(d, 8);
	if (m->foreign)
		return;
	if (pm_roll_one_in(d, 16))
		m->x = NULL;
	else if (pm_roll_one_in(d, 16) && d->member > 0)
		m->y = NULL;
	if (pm_roll_one_in(d, 3))
		roll_pokes(d, m);
}

/* What the inventory says is believed where the state is not podmox's to care for, and where it is what the
 * manifest wants: it must be right by then. */
static void leave_state(struct pm_obj *o, const char *state)
{
	struct pm_value *v;

	if (!o)
		return;
	v = pm_at(
		o->kind == &pm_kind_podset ? pm_at(o->spec, "template")->u.rec : o->spec, "state");
	if (v->state == PM_SET && pm_str_eq(v->u.s, state))
		v->state = PM_UNSET;
}

static void make_hasty(struct member *m)
{
	leave_state(m->x, "ignored");
	leave_state(m->y, "ignored");
	leave_state(m->y, "stopped");
}

struct trial *pm_trial_new(uint64_t seed)
{
	struct pm_arena *a = pm_arena_new(0);
	struct trial *t = pm_new(a, struct trial);
	struct dice d = { .a = a };

	*t = (struct trial){ .arena = a, .seed = seed };
	pm_random_seed(&d.rnd, seed);
	t->n = 1 + pm_roll(&d, MOST_MEMBERS);
	t->v = pm_new_n(a, struct member, t->n);
	t->restart = pm_roll(&d, 2);
	t->hasty = pm_roll(&d, 2);
	for (d.member = 0; d.member < t->n; d.member++) {
		roll_member(&d, t);
		roll_depends(&d, t, false);
		roll_depends(&d, t, true);
		if (t->hasty)
			make_hasty(&t->v[d.member]);
	}
	return t;
}

void pm_trial_free(struct trial *t)
{
	if (t)
		pm_arena_free(t->arena);
}

static struct pm_recs *copy_recs(struct pm_arena *a, const struct pm_recs *from)
{
	struct pm_recs *to = pm_new(a, struct pm_recs);

	to->v = pm_new_n(a, struct pm_rec *, from->n + 1);
	for (to->n = 0; to->n < from->n; to->n++)
		to->v[to->n] = pm_copy_rec(a, from->v[to->n]);
	return to;
}

/* Texts and lists are never changed, only replaced: they are shared with the arena copied from. */
struct pm_rec *pm_copy_rec(struct pm_arena *a, const struct pm_rec *from)
{
	struct pm_rec *to = pm_rec_new(a, from->kind);

	memcpy(to, from, sizeof(*from) + from->kind->nfields * sizeof(from->val[0]));
	for (unsigned i = 0; i < from->kind->nfields; i++) {
		const struct pm_field *f = &from->kind->fields[i];
		struct pm_value *v = &to->val[i];

		if (v->state != PM_SET || f->type != PM_T_PROPS)
			continue;
		if (f->count > 0)
			v->u.recs = copy_recs(a, v->u.recs);
		else
			v->u.rec = pm_copy_rec(a, v->u.rec);
	}
	return to;
}

static struct pm_obj *copy_obj(struct pm_arena *a, const struct pm_obj *from)
{
	struct pm_obj *o;

	if (!from)
		return NULL;
	o = pm_obj_new(a, from->kind);
	*o = *from;
	o->spec = pm_copy_rec(a, from->spec);
	return o;
}

struct trial *pm_trial_copy(const struct trial *t)
{
	struct pm_arena *a = pm_arena_new(0);
	struct trial *to = pm_new(a, struct trial);

	*to = *t;
	to->arena = a;
	to->v = pm_new_n(a, struct member, t->n + 1);
	for (size_t i = 0; i < t->n; i++) {
		to->v[i] = t->v[i];
		to->v[i].x = copy_obj(a, t->v[i].x);
		to->v[i].y = copy_obj(a, t->v[i].y);
		to->v[i].poke = pm_new_n(a, struct poke, t->v[i].npoke + 1);
		if (t->v[i].npoke > 0)
			memcpy(to->v[i].poke, t->v[i].poke, t->v[i].npoke * sizeof(*to->v[i].poke));
	}
	return to;
}

unsigned pm_trial_count(const struct trial *t, const struct pm_kind *k)
{
	unsigned n = 0;

	for (size_t i = 0; i < t->n; i++) {
		n += t->v[i].x && t->v[i].x->kind == k;
		n += t->v[i].y && t->v[i].y->kind == k && !t->v[i].foreign;
	}
	return n;
}

/* ---- as manifests ---- */

void pm_trial_write(const struct trial *t, int version, bool own, struct pm_buf *out)
{
	struct pm_set s = { .arena = t->arena };

	for (size_t i = 0; i < t->n; i++) {
		struct pm_obj *o = version ? t->v[i].y : t->v[i].x;

		if (o && !(t->v[i].foreign && (own || version)))
			pm_set_add(&s, o);
	}
	pm_manifest_write(&s, out);
	pm_set_done(&s);
}

bool pm_trial_valid(const struct trial *t, const char **ret_why)
{
	bool ok = true;

	for (int version = 0; version < 2 && ok; version++) {
		struct pm_arena *a cleanup_arena = pm_arena_new(0);
		struct pm_buf text cleanup_buf = PM_BUF(0);
		struct pm_set s = { .arena = a };
		struct pm_diags diags;

		pm_trial_write(t, version, false, &text);
		pm_diags_init(&diags, a);
		if (text.len > 0)
			pm_manifest_parse(a, "all.yaml", pm_buf_str(&text), text.len, &s, &diags);
		if (diags.nerrors == 0)
			pm_manifest_link(&s, &diags);
		ok = diags.nerrors == 0;
		for (const struct pm_diag *d = diags.first; d && !ok; d = d->next) {
			if (d->severity != PM_ERROR)
				continue;
			*ret_why = pm_arena_printf(t->arena, "line %u: %s", d->pos.line, d->msg);
			break;
		}
		pm_set_done(&s);
	}
	return ok;
}

static void print_pokes(const struct member *m, struct pm_buf *out)
{
	for (size_t i = 0; i < m->npoke; i++) {
		const struct poke *p = &m->poke[i];

		(void)pm_buf_addf(out, "# by hand on %s: %s%s%s%s %s%s%s\n", m->x->name,
			p->row->key, p->ident ? "[" : "", p->ident ? p->ident : "",
			p->ident ? "]" : "", p->sub ? p->sub : "", p->sub ? "=" : "", p->text);
	}
}

void pm_trial_print(const struct trial *t, struct pm_buf *out)
{
	(void)pm_buf_addf(out, "# restarts are %sallowed, runs follow %s\n",
		t->restart ? "" : "not ", t->hasty ? "at once" : "after a while");
	for (int version = 0; version < 2; version++) {
		(void)pm_buf_adds(out, version ? "#### second version\n" : "#### first version\n");
		pm_trial_write(t, version, false, out);
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->v[i].foreign)
			(void)pm_buf_addf(
				out, "# %s is forgotten once it is there\n", t->v[i].x->name);
		print_pokes(&t->v[i], out);
	}
}

/* ---- places ---- */

static void add_spots(struct spots *s, const char *prefix, struct pm_rec *r);

static void add_entries(struct spots *s, const char *path, struct pm_recs *recs)
{
	for (size_t i = 0; i < recs->n; i++) {
		const char *entry = pm_arena_printf(s->a, "%s[%s]", path, pm_rec_ident(recs->v[i]));
		const struct spot at = { .path = entry, .list = recs, .at = i };

		pm_vec_push(&s->v, at);
		add_spots(s, pm_arena_printf(s->a, "%s.", entry), recs->v[i]);
	}
}

static void add_spots(struct spots *s, const char *prefix, struct pm_rec *r)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];
		struct spot at = { .f = f, .v = &r->val[i] };

		if (at.v->state == PM_UNSET || f->flags & PM_F_INNER)
			continue;
		at.path = pm_arena_printf(s->a, "%s%s", prefix, f->name);
		/* Without its agent a machine cannot be stopped: that would be another failure. */
		at.required =
			f->flags & (PM_F_REQUIRED | PM_F_IDENT) || pm_str_eq(f->name, "agent");
		pm_vec_push(&s->v, at);
		if (at.v->state != PM_SET || f->type != PM_T_PROPS)
			continue;
		if (f->count > 0)
			add_entries(s, at.path, at.v->u.recs);
		else
			add_spots(s, pm_arena_printf(s->a, "%s.", at.path), at.v->u.rec);
	}
}

void pm_spots(struct spots *s, struct pm_rec *r)
{
	s->v.n = 0;
	add_spots(s, "", r);
}

void pm_spot_drop(const struct spot *s)
{
	if (!s->list) {
		s->v->state = PM_UNSET;
		return;
	}
	s->list->n--;
	memmove(&s->list->v[s->at], &s->list->v[s->at + 1],
		(s->list->n - s->at) * sizeof(*s->list->v));
}
