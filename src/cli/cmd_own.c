/* podmox adopt, forget and move: who a guest belongs to, while the guest stays as it is. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "cli/cli_priv.h"

/** What is to change hands, as it was found. */
struct hands {
	struct pm_cli s;
	struct pm_owning *v;
	size_t n;
};

static void add(
	struct hands *h, enum pm_own what, const struct pm_obj *want, const struct pm_obj *have)
{
	h->v[h->n++] = (struct pm_owning){ what, want, have };
}

/* One line for each guest. */
static void show(struct hands *h)
{
	static const char *const words[] = {
		[PM_OWN_ADOPT] = "adopt",
		[PM_OWN_FORGET] = "forget",
		[PM_OWN_MOVE] = "move",
	};

	for (size_t i = 0; i < h->n; i++) {
		const struct pm_owning *o = &h->v[i];

		(void)printf("%s %s (%u on %s)%s%s\n", words[o->what],
			pm_obj_title(h->s.job.arena, o->what == PM_OWN_ADOPT ? o->want : o->have),
			o->have->live->vmid, o->have->live->node,
			o->what == PM_OWN_MOVE ? " to " : "",
			o->what == PM_OWN_MOVE ? pm_obj_title(h->s.job.arena, o->want) : "");
	}
}

/* Shows, asks, does. */
static int hand_over(const struct pm_args *a, struct hands *h)
{
	struct pm_handover over = { .v = h->v, .n = h->n };
	struct pm_error err = { 0 };
	int status;

	show(h);
	if (h->n == 0) {
		(void)puts("Nothing to do.");
		return 0;
	}
	if (a->dry_run)
		return 0;
	status = pm_cli_approve(a, "Do this?");
	if (status != 0)
		return status;
	if (pm_recon_own(h->s.recon, &h->s.job, &h->s.cycle, &over, &err) < 0) {
		status = pm_cli_fail(&err);
		(void)fprintf(stderr, "%zu of %zu were done.\n", over.done, h->n);
		return over.done > 0 ? 3 : status;
	}
	(void)printf("Done: %zu.\n", over.done);
	return 0;
}

static void hands_done(struct hands *h)
{
	pm_cli_close(&h->s);
}

/* ---- adopt ---- */

static void find_adoptable(struct hands *h)
{
	const struct pm_plan *p = &h->s.cycle.plan;

	h->v = pm_new_n(h->s.job.arena, struct pm_owning, p->n + 1);
	for (size_t i = 0; i < p->n; i++) {
		if (p->v[i].adopt)
			add(h, PM_OWN_ADOPT, p->v[i].want, p->v[i].have);
	}
}

int cmd_adopt(struct pm_args *a)
{
	struct hands h = { .n = 0 };
	int status = pm_cli_open(a, a->dry_run, NULL, NULL, &h.s);

	if (status != 0)
		return status;
	status = pm_cli_make_plan(&h.s, a, NULL);
	if (status == 0) {
		find_adoptable(&h);
		status = hand_over(a, &h);
		if (status == 0 && h.s.cycle.plan.diags->nerrors > 0)
			status = 1;
	}
	hands_done(&h);
	return status;
}

/* ---- forget and move ---- */

static int no_such(const char *text)
{
	(void)fprintf(stderr,
		"podmox: error: the set has no %s; podmox get pods and podmox get vms list what is there\n",
		text);
	return 1;
}

/* A guest of this set by "Pod/shop/web"; NULL: there is none, or it is a copy. */
static const struct pm_obj *find_ours(struct hands *h, const char *text)
{
	for (size_t i = 0; i < h->s.cycle.have.n; i++) {
		const struct pm_obj *o = h->s.cycle.have.v[i];
		const struct pm_marker *m = o->live->marker;

		if (m && m->vmid == o->live->vmid && pm_str_eq(m->set, h->s.config->set) &&
			strcasecmp(pm_obj_id(h->s.job.arena, o), text) == 0)
			return o;
	}
	return NULL;
}

/* What is there, without a question of what is wanted. */
static int look(const struct pm_args *a, struct hands *h)
{
	struct pm_set nothing = { .arena = h->s.job.arena };
	int status = pm_cli_make_plan(&h->s, a, &nothing);

	h->v = pm_new_n(h->s.job.arena, struct pm_owning, a->rest.n + 1);
	return status;
}

static int forget(const struct pm_args *a, struct hands *h)
{
	int status = look(a, h);

	for (size_t i = 0; status == 0 && i < a->rest.n; i++) {
		const struct pm_obj *o = find_ours(h, a->rest.v[i]);

		if (o)
			add(h, PM_OWN_FORGET, NULL, o);
		else
			status = no_such(a->rest.v[i]);
	}
	return status == 0 ? hand_over(a, h) : status;
}

int cmd_forget(struct pm_args *a)
{
	struct hands h = { .n = 0 };
	int status = pm_cli_open(a, a->dry_run, NULL, NULL, &h.s);

	if (status != 0)
		return status;
	status = forget(a, &h);
	hands_done(&h);
	return status;
}

/* "Pod/shop/web" as an object without a spec; NULL: it is none, and that is told. */
static struct pm_obj *parse_name(struct hands *h, const char *text)
{
	struct pm_obj *o = pm_cli_named(h->s.job.arena, text);
	struct pm_error err = { 0 };

	if (o && pm_format_check("dns-label", o->ns, &err) == 0 &&
		pm_format_check("dns-label", o->name, &err) == 0)
		return o;
	(void)fprintf(
		stderr, "podmox: error: \"%s\" is no KIND/NAMESPACE/NAME, as Pod/shop/web\n", text);
	return NULL;
}

static int move(const struct pm_args *a, struct hands *h)
{
	struct pm_obj *to = parse_name(h, a->rest.v[1]);
	const struct pm_obj *from;
	int status;

	if (!to)
		return 64;
	status = look(a, h);
	if (status != 0)
		return status;
	from = find_ours(h, a->rest.v[0]);
	if (!from)
		return no_such(a->rest.v[0]);
	if (from->kind != to->kind) {
		(void)fprintf(stderr, "podmox: error: a %s cannot become a %s\n", from->kind->name,
			to->kind->name);
		return 64;
	}
	if (find_ours(h, a->rest.v[1])) {
		(void)fprintf(stderr, "podmox: error: the set has a %s already\n", a->rest.v[1]);
		return 1;
	}
	add(h, PM_OWN_MOVE, to, from);
	return hand_over(a, h);
}

int cmd_move(struct pm_args *a)
{
	struct hands h = { .n = 0 };
	int status = pm_cli_open(a, a->dry_run, NULL, NULL, &h.s);

	if (status != 0)
		return status;
	status = move(a, &h);
	hands_done(&h);
	return status;
}
