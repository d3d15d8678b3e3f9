/* One trial: what must hold, whatever the manifests say. Read it from the bottom. */
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/text.h"
#include "manifest/manifest.h"
#include "property.h"
#include "recon/export.h"

/* ---- a transport that counts and writes down ---- */

struct tap {
	struct pm_transport base;
	struct pm_transport *inner;
	struct pm_sim *sim;
	FILE *log; /* NULL: none */
	uint64_t requests, writes;
};

static void log_call(struct tap *t, const struct pm_call *c)
{
	const struct pm_sim_request q = { .method = c->method,
		.target = c->path,
		.body = c->body,
		.nbody = c->body ? strlen(c->body) : 0,
		.content_type = c->body ? "application/x-www-form-urlencoded" : NULL };
	const struct pm_sim_reply r = { .status = c->status };

	pm_sim_log(t->log, t->sim, 0, &q, &r);
}

static void tap_batch(struct pm_transport *base, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct tap *t = (struct tap *)base;

	for (size_t i = 0; i < n; i++) {
		t->inner->ops->batch(t->inner, &v[i], 1, NULL, NULL, cancel);
		t->requests++;
		t->writes +=
			strcmp(v[i]->method, "GET") != 0 && !strstr(v[i]->path, "/access/ticket");
		if (t->log)
			log_call(t, v[i]);
		if (done)
			(void)done(arg, v[i]);
	}
}

static void tap_free(PM_UNUSED struct pm_transport *t)
{
}

/* ---- one run of podmox ---- */

struct running {
	const struct trial *t;
	struct pm_arena *a;
	struct world *w;
	struct tap tap;
	struct failure *f;
	struct tally *tally;
	FILE *log;
	unsigned *foreign; /* guests that are handed back to nobody */
	size_t nforeign;
	bool exported; /* the manifests are those of an export: what waits goes on waiting */
};

static bool failed(struct running *r, const char *property)
{
	(void)snprintf(r->f->property, sizeof(r->f->property), "%s", property);
	return false;
}

static void tell_turn(struct running *r, struct turn *t)
{
	if (t->err.code != PM_OK)
		(void)pm_buf_addf(&r->f->text, "  %s (%s)\n", t->err.msg, t->err.where);
	for (const struct pm_diag *d = t->job.diags.first; d; d = d->next)
		if (d->severity == PM_ERROR)
			(void)pm_buf_addf(&r->f->text, "  line %u: %s\n", d->pos.line, d->msg);
	for (size_t i = 0; t->applied && i < t->cycle.report.n; i++) {
		const struct pm_result *res = &t->cycle.report.v[i];

		if (res->outcome == PM_DONE && !res->unstable)
			continue;
		(void)pm_buf_addf(&r->f->text, "  outcome %d: %s (%s)%s%s\n", res->outcome,
			res->err.msg, res->err.where, res->unstable ? ", unstable: " : "",
			res->unstable ? res->unstable : "");
	}
	if (t->planned)
		(void)pm_buf_adds(&r->f->text, turn_plan(t));
}

static void pass(struct running *r)
{
	if (!r->t->hasty)
		world_wait(r->w, 30);
}

/* Manifests of the world from here on. */
static void put_manifests(struct running *r, const char *text)
{
	world_manifest(r->w, "all.yaml", text);
}

static void put_version(struct running *r, int version, bool own)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	pm_trial_write(r->t, version, own, &text);
	put_manifests(r, pm_buf_str(&text));
}

static void turn(struct running *r, bool dry, struct turn *t)
{
	const struct turn_opts o = { .plan = { .prune = true,
					     .allow_restart = r->t->restart && !r->exported },
		.plan_only = dry,
		.readonly = dry,
		.through = &r->tap.base };

	world_turn(r->w, &o, t);
}

static bool apply(struct running *r, const char *property)
{
	struct turn t;
	bool ok;

	turn(r, false, &t);
	ok = turn_went_well(&t);
	if (!ok)
		tell_turn(r, &t);
	turn_done(&t);
	pass(r);
	return ok || failed(r, property);
}

/* A plan that has nothing to do; with it, that a dry run writes nothing. */
static bool is_empty(struct running *r, const char *property)
{
	uint64_t writes = r->tap.writes;
	struct turn t;
	bool ok;

	turn(r, true, &t);
	ok = t.planned && pm_plan_empty(&t.cycle.plan);
	if (!ok)
		tell_turn(r, &t);
	turn_done(&t);
	if (ok && r->tap.writes != writes)
		return failed(r, "a dry run writes nothing");
	return ok || failed(r, property);
}

static char *plan_text(struct running *r)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct turn t;

	turn(r, true, &t);
	if (t.planned)
		pm_plan_print_json(&t.cycle.plan, &text);
	turn_done(&t);
	return pm_arena_strdup(r->a, pm_buf_str(&text));
}

static bool is_deterministic(struct running *r)
{
	uint64_t writes = r->tap.writes;
	const char *one = plan_text(r), *two = plan_text(r);

	if (!pm_str_eq(one, two)) {
		(void)pm_buf_addf(&r->f->text, "%s\n%s\n", one, two);
		return failed(r, "the same plan twice is the same");
	}
	return r->tap.writes == writes || failed(r, "a dry run writes nothing");
}

/* ---- ownership ---- */

static struct pm_recon *open_recon(struct running *r)
{
	const struct pm_recon_opts o = { .config = r->w->config,
		.clock = &r->w->clock.clock,
		.transport = &r->tap.base,
		.workers = 1,
		.seed = 1 };
	struct pm_error err = { 0 };
	struct pm_recon *rc;

	assert_ok(pm_recon_open(&o, &rc, &err), &err);
	return rc;
}

static bool is_foreign(const struct running *r, unsigned vmid)
{
	for (size_t i = 0; i < r->nforeign; i++)
		if (r->foreign[i] == vmid)
			return true;
	return false;
}

static void choose(struct running *r, enum pm_own what, const struct pm_plan *p,
	const struct pm_set *have, struct pm_owning *v, size_t *n)
{
	for (size_t i = 0; what == PM_OWN_ADOPT && i < p->n; i++)
		if (p->v[i].adopt)
			v[(*n)++] = (struct pm_owning){ what, p->v[i].want, p->v[i].have };
	for (size_t i = 0; what == PM_OWN_FORGET && i < have->n; i++)
		if (have->v[i]->live->marker && is_foreign(r, have->v[i]->live->vmid))
			v[(*n)++] = (struct pm_owning){ what, NULL, have->v[i] };
}

/* Adopts what may be adopted, or forgets the foreign members. */
static bool change_hands(struct running *r, enum pm_own what, const char *property)
{
	const char *path = pm_arena_printf(r->a, "%s/manifests", r->w->dir);
	const struct pm_recon_ask ask = { .paths = &path, .npaths = 1 };
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_job job = { .arena = a, .clock = &r->w->clock.clock };
	struct pm_handover over = { .v = NULL };
	struct pm_recon *rc = open_recon(r);
	struct pm_error err = { 0 };
	struct pm_cycle c;
	int result;

	pm_diags_init(&job.diags, a);
	result = pm_recon_plan(rc, &job, &ask, &c, &err);
	if (result == 0) {
		struct pm_owning *v = pm_new_n(a, struct pm_owning, c.plan.n + c.have.n + 1);

		choose(r, what, &c.plan, &c.have, v, &over.n);
		over.v = v;
		result = pm_recon_own(rc, &job, &c, &over, &err);
	}
	pm_cycle_done(&c);
	pm_recon_free(rc);
	pass(r);
	if (result == 0)
		return true;
	(void)pm_buf_addf(&r->f->text, "  %s (%s)\n", err.msg, err.where);
	return failed(r, property);
}

/* Manifests of all guests that are there, or of the foreign ones only, as `podmox export` writes them. */
static bool export_all(struct running *r, bool foreign, struct pm_buf *out)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_job job = { .arena = a, .clock = &r->w->clock.clock };
	struct pm_set have = { .arena = a }, done = { .arena = a };
	struct pm_recon *rc = open_recon(r);
	struct pm_error err = { 0 };
	int result;

	pm_diags_init(&job.diags, a);
	result = pm_recon_live(rc, &job, &have, &err);
	for (size_t i = 0; result == 0 && i < have.n; i++)
		if (!foreign || !have.v[i]->live->marker)
			pm_set_add(&done, pm_export(a, &done, have.v[i]));
	if (result < 0)
		(void)pm_buf_addf(&r->f->text, "  %s (%s)\n", err.msg, err.where);
	pm_manifest_write(&done, out);
	pm_set_done(&have);
	pm_set_done(&done);
	pm_recon_free(rc);
	return result == 0 || failed(r, "what is there can be exported");
}

static bool export_is_in_sync(struct running *r)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	bool ok;

	if (!export_all(r, false, &text))
		return false;
	if (text.len == 0)
		return true;
	put_manifests(r, pm_buf_str(&text));
	r->exported = true;
	ok = is_empty(r, "plan(export(live)) is empty");
	r->exported = false;
	if (ok)
		return true;
	(void)pm_buf_addf(&r->f->text, "exported:\n%s", pm_buf_str(&text));
	return false;
}

static bool any_foreign(const struct trial *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->v[i].foreign)
			return true;
	return false;
}

static bool same_guests(struct running *r, const struct guests *before, const struct guests *after,
	const char *property)
{
	for (size_t i = 0; i < before->n; i++) {
		const struct guest *g = &before->v[i], *h = NULL;

		for (size_t k = 0; k < after->n && !g->id; k++)
			if (after->v[k].vmid == g->vmid)
				h = &after->v[k];
		if (g->id || (h && pm_guest_equal(g, h, &r->f->text)))
			continue;
		(void)pm_buf_addf(&r->f->text, "  that was guest %u%s\n", g->vmid,
			h ? "" : ", which is gone");
		return failed(r, property);
	}
	return true;
}

/* Which guests are to be nobody's. */
static void find_foreign(struct running *r)
{
	struct guests now;

	pm_guests_read(r->w, r->a, &now);
	r->foreign = pm_new_n(r->a, unsigned, now.n + 1);
	for (size_t i = 0; i < r->t->n; i++) {
		const struct member *m = &r->t->v[i];
		const struct guest *g =
			m->foreign ? pm_guest_find(&now, pm_obj_id(r->a, m->x)) : NULL;

		if (g)
			r->foreign[r->nforeign++] = g->vmid;
	}
}

/* Guests that nobody owns are exported, adopted and given back: then they are as they were. */
static bool adopt_and_forget(struct running *r)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct guests before, after;

	if (!any_foreign(r->t))
		return true;
	pm_guests_read(r->w, r->a, &before);
	if (!export_all(r, true, &text))
		return false;
	put_manifests(r, pm_buf_str(&text));
	/* Ours are not in these manifests: nothing is pruned, for the plan is only looked at. */
	if (!change_hands(r, PM_OWN_ADOPT, "an exported guest can be adopted"))
		return false;
	if (!export_is_in_sync(r))
		return false;
	if (!change_hands(r, PM_OWN_FORGET, "an adopted guest can be forgotten"))
		return false;
	pm_guests_read(r->w, r->a, &after);
	return same_guests(
		r, &before, &after, "a guest that is adopted and forgotten is as before");
}

/* ---- by hand ---- */

/* Is "key=text" one of the parts of a property string, or "text" its head? */
static bool has_part(struct running *r, const char *value, const char *key, const char *text)
{
	const char *in = pm_arena_printf(r->a, ",%s,", value);

	return strstr(in, pm_arena_printf(r->a, ",%s=%s,", key, text)) ||
	       strncmp(in + 1, pm_arena_printf(r->a, "%s,", text), strlen(text) + 1) == 0;
}

static bool is_entry(struct running *r, const struct poke *p, const char *value)
{
	const struct pm_kind *k = p->row->sub;

	for (unsigned i = 0; i < k->nfields; i++)
		if (k->fields[i].flags & PM_F_IDENT)
			return has_part(r, value, k->fields[i].key, p->ident);
	return false;
}

/* The key of the entry that is named, or of a free place; NULL: there is none. */
static const char *key_of(struct running *r, const struct poke *p, const struct guest *g)
{
	if (p->row->type != PM_T_PROPS || p->row->count == 0)
		return p->row->key;
	if (p->row->sub->fields[0].flags & PM_F_SLOT)
		return p->whole == !pm_setting(g, p->ident) ? p->ident : NULL;
	for (unsigned i = 0; i < p->row->count; i++) {
		const char *key = pm_arena_printf(r->a, "%s%u", p->row->key, i);
		const struct setting *s = pm_setting(g, key);

		if (p->whole ? !s : s && is_entry(r, p, s->value))
			return key;
	}
	return NULL;
}

static bool do_poke(struct running *r, const struct poke *p, const struct guest *g)
{
	struct pm_buf form cleanup_buf = PM_BUF(0), answer cleanup_buf = PM_BUF(0);
	const char *key = key_of(r, p, g), *text = p->text;
	const struct setting *s = key ? pm_setting(g, key) : NULL;

	if (!key)
		return false;
	if (!p->whole) {
		if (s && strstr(pm_arena_printf(r->a, ",%s", s->value),
				 pm_arena_printf(r->a, ",%s=", p->sub)))
			return false;
		text = pm_arena_printf(
			r->a, "%s%s%s=%s", s ? s->value : "", s ? "," : "", p->sub, p->text);
	}
	/* Who takes podmox's own tags away hides the guest. */
	if (s && strcmp(key, "tags") == 0)
		text = pm_arena_printf(r->a, "%s;%s", s->value, text);
	pm_form_add(&form, key, text);
	if (world_ask(r->w, "PUT",
		    pm_arena_printf(r->a, "/nodes/%s/%s/%u/config", g->node, g->type, g->vmid),
		    pm_buf_str(&form), &answer) != 200)
		return false; /* PVE, too, takes not everything */
	r->tally->poked++;
	return true;
}

static const char *id_of(struct running *r, const struct pm_obj *o)
{
	return pm_obj_id(r->a, o);
}

static void poke_all(struct running *r)
{
	struct guests now;

	pm_guests_read(r->w, r->a, &now);
	for (size_t i = 0; i < r->t->n; i++) {
		const struct member *m = &r->t->v[i];
		struct guest *g = m->npoke > 0 ? pm_guest_find(&now, id_of(r, m->x)) : NULL;

		for (size_t k = 0; g && k < m->npoke; k++) {
			if (do_poke(r, &m->poke[k], g))
				pm_guest_read(r->w, r->a, g);
		}
	}
	pass(r);
}

/* ---- the state that a second version leads to ---- */

/** Objects of which something was left as it was, with consent to nothing better. */
struct held {
	const char **v;
	size_t n;
};

static bool is_held(const struct held *h, const char *id)
{
	for (size_t i = 0; i < h->n; i++)
		if (pm_str_eq(h->v[i], id))
			return true;
	return false;
}

static bool is_blocked(const struct pm_action *a)
{
	for (size_t i = 0; i < a->nchanges; i++)
		if (a->change[i].blocked)
			return true;
	return a->verb == PM_V_KEEP;
}

static void find_held(struct running *r, struct held *h)
{
	struct turn t;

	turn(r, true, &t);
	*h = (struct held){ .v = pm_new_n(r->a, const char *, t.cycle.plan.n + 1) };
	for (size_t i = 0; i < t.cycle.plan.n; i++) {
		const struct pm_action *a = &t.cycle.plan.v[i];

		if (is_blocked(a))
			h->v[h->n++] = id_of(r, a->want ? a->want : a->have);
	}
	turn_done(&t);
}

/* The i-th guest that an object stands for; NULL: there are no more. */
static const struct pm_obj *guest_of(struct running *r, const struct pm_obj *o, unsigned i)
{
	struct pm_obj *pod;

	if (!o || o->kind != &pm_kind_podset)
		return i == 0 ? o : NULL;
	if (i >= pm_rec_int(o->spec, PM_PODSET_REPLICAS, 0))
		return NULL;
	pod = pm_obj_new(r->a, &pm_kind_pod);
	pod->ns = o->ns;
	pod->name = pm_arena_printf(r->a, "%s-%u", o->name, i);
	pod->spec = pm_at(o->spec, "template")->u.rec;
	return pod;
}

static bool compare_one(struct running *r, const struct pm_obj *o, const struct guests *is,
	const struct guests *alone)
{
	const struct guest *g = pm_guest_find(is, id_of(r, o)),
			   *h = pm_guest_find(alone, id_of(r, o));

	if (!g || !h)
		(void)pm_buf_addf(
			&r->f->text, "  %s is not there%s\n", id_of(r, o), h ? "" : ", nor alone");
	else if (pm_guests_same(r->a, o, g, h, &r->f->text))
		return true;
	(void)pm_buf_addf(&r->f->text, "  that was %s\n", id_of(r, o));
	return failed(r, "apply(y) after apply(x) is apply(y) alone");
}

static bool compare_all(struct running *r, const struct held *held, const struct guests *is,
	const struct guests *alone)
{
	for (size_t i = 0; i < r->t->n; i++) {
		const struct member *m = &r->t->v[i];
		const struct pm_obj *o;

		for (unsigned k = 0; !m->foreign && (o = guest_of(r, m->y, k)); k++) {
			if (m->npoke > 0 || is_held(held, id_of(r, o))) {
				r->tally->skipped++;
				continue;
			}
			r->tally->compared++;
			if (!compare_one(r, o, is, alone))
				return false;
		}
	}
	return true;
}

static bool untouched(struct running *r, const struct guests *before, const struct guests *after)
{
	for (size_t i = 0; i < r->t->n; i++) {
		const struct member *m = &r->t->v[i];
		const struct pm_obj *x, *y;

		for (unsigned k = 0; m->x && m->y && !m->foreign; k++) {
			const struct guest *g, *h;

			x = guest_of(r, m->x, k);
			y = guest_of(r, m->y, k);
			if (!x || !y)
				break;
			g = pm_guest_find(before, id_of(r, x));
			h = pm_guest_find(after, id_of(r, x));
			if (!g || !h || pm_guest_untouched(r->a, x, y, g, h, &r->f->text))
				continue;
			(void)pm_buf_addf(&r->f->text, "  that was %s\n", id_of(r, x));
			return failed(r, "what is not managed stays as it was");
		}
	}
	return same_guests(r, before, after, "what nobody owns stays as it was");
}

/* ---- worlds ---- */

static void world_begin(struct running *r, struct world *w)
{
	static const struct pm_transport_ops ops = { tap_batch, tap_free };

	world_new(w, 2);
	r->w = w;
	r->tap = (struct tap){
		.base = { .ops = &ops }, .inner = world_wire(w), .sim = w->sim, .log = r->log
	};
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=shop"), 200);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=lab"), 200);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=lab%2Finner"), 200);
}

static void world_end(struct running *r)
{
	r->tally->requests += r->tap.requests;
	pm_transport_free(r->tap.inner);
	world_done(r->w);
}

static bool any_of(const struct trial *t, int version, bool own)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	pm_trial_write(t, version, own, &text);
	return text.len > 0;
}

static bool y_alone(struct running *r, struct guests *ret)
{
	struct world w;
	bool ok;

	world_begin(r, &w);
	put_version(r, 1, true);
	ok = apply(r, "y can be applied alone");
	if (ok)
		pm_guests_read(r->w, r->a, ret);
	world_end(r);
	return ok;
}

/* x, and what is done to its guests. */
static bool first(struct running *r)
{
	put_version(r, 0, false);
	if (!is_deterministic(r) || !apply(r, "x can be applied") ||
		!is_empty(r, "plan(apply(x)) is empty") || !export_is_in_sync(r))
		return false;
	put_version(r, 0, false);
	if (any_foreign(r->t)) {
		find_foreign(r);
		if (!change_hands(r, PM_OWN_FORGET, "a guest can be forgotten") ||
			!adopt_and_forget(r))
			return false;
	}
	if (!any_of(r->t, 0, true))
		return true;
	put_version(r, 0, true);
	poke_all(r);
	return is_empty(r, "what is not managed is no difference");
}

static bool second(struct running *r, struct held *held, struct guests *is)
{
	struct guests before;

	pm_guests_read(r->w, r->a, &before);
	put_version(r, 1, true);
	if (!is_deterministic(r) || !apply(r, "y can be applied after x") ||
		!is_empty(r, "plan(apply(y)) is empty"))
		return false;
	pm_guests_read(r->w, r->a, is);
	if (!untouched(r, &before, is))
		return false;
	find_held(r, held);
	return export_is_in_sync(r);
}

static bool both(struct running *r, struct held *held, struct guests *is)
{
	if (any_of(r->t, 0, false) && !first(r))
		return false;
	return !any_of(r->t, 1, true) || second(r, held, is);
}

bool pm_trial_run(const struct trial *t, struct failure *f, struct tally *tally, FILE *log)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct running r = { .t = t, .a = a, .f = f, .tally = tally, .log = log };
	struct guests is = { .n = 0 }, alone = { .n = 0 };
	struct held held = { .n = 0 };
	const char *why = "";
	struct world w;
	bool ok;

	f->property[0] = '\0';
	if (!pm_trial_valid(t, &why)) {
		(void)pm_buf_addf(&f->text, "  %s\n", why);
		return failed(&r, "random manifests are valid");
	}
	world_begin(&r, &w);
	ok = both(&r, &held, &is);
	world_end(&r);
	if (!ok || is.n == 0)
		return ok;
	return y_alone(&r, &alone) && compare_all(&r, &held, &is, &alone);
}

/* ---- in a process of its own ---- */

static void send_failure(int fd, const struct failure *f)
{
	FILE *out = fdopen(fd, "we");

	assert_non_null(out);
	(void)fwrite(f->property, 1, sizeof(f->property), out);
	(void)fputs(pm_buf_str(&f->text), out);
	(void)fclose(out);
}

static void take_failure(int fd, struct failure *f)
{
	char text[4096];
	ssize_t n = read(fd, f->property, sizeof(f->property));

	if (n != (ssize_t)sizeof(f->property))
		(void)snprintf(f->property, sizeof(f->property), "no trial ends the program");
	pm_buf_clear(&f->text);
	while ((n = read(fd, text, sizeof(text))) > 0)
		(void)pm_buf_add(&f->text, text, (size_t)n);
}

bool pm_trial_try(const struct trial *t, struct failure *f)
{
	struct tally tally = { 0 };
	struct failure inner = { .text = PM_BUF(0) };
	int fd[2], status;
	pid_t child;

	(void)fflush(NULL);
	assert_int_equal(pipe(fd), 0);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)close(fd[0]);
		(void)alarm(60);
		(void)pm_trial_run(t, &inner, &tally, NULL);
		send_failure(fd[1], &inner);
		_exit(0);
	}
	(void)close(fd[1]);
	take_failure(fd[0], f);
	(void)close(fd[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return f->property[0] == '\0';
}
