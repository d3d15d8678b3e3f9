/* plan(apply(x)) is empty for every row of Pods and virtual machines: a sample value is set, changed, left out
 * and made null, on a stopped and on a running guest, with and without consent to restarts, and each time
 * the plan after the apply has nothing to do. What PVE then holds must have changed, too: a row that is
 * never sent would pass otherwise. */
#include <string.h>

#include "base/text.h"
#include "rows.h"

/* ---- one row ---- */

struct how {
	const char *state;
	bool restart;
};

/* What the HA manager has of it; "" when it has nothing. */
static const char *at_ha(struct world *w, const struct spot *s)
{
	struct pm_buf body cleanup_buf = PM_BUF(0);
	const char *path = pm_arena_printf(w->arena, "/cluster/ha/resources/%s:%u",
		s->kind == &pm_kind_vm ? "vm" : "ct", world_vmid(w, rows_id(w, s)));

	if (world_ask(w, "GET", path, NULL, &body) != 200)
		return "";
	return pm_arena_strdup(w->arena, pm_buf_str(&body));
}

static const char *at_pve(struct world *w, const struct spot *s)
{
	const char *key = rows_key(w, s);

	if (s->parent && s->parent->flags & PM_F_APART)
		return at_ha(w, s);

	return pm_arena_strdup(w->arena,
		key ? world_control(w, "get %u %s", world_vmid(w, rows_id(w, s)), key) : "");
}

static unsigned faults; /* all are told before the test ends */

static void fault(struct turn *t, const struct spot *s, const char *value, const struct how *how,
	const char *what)
{
	faults++;
	print_error("%s, %s on a %s guest: %s: %s\n", s->name, value ? value : "left out",
		how->state, what, t->err.msg);
	for (const struct pm_diag *d = t->job.diags.first; d; d = d->next)
		print_error("  %s\n", d->msg);
	for (size_t i = 0; t->applied && i < t->cycle.report.n; i++)
		print_error("  %s, unstable: %s\n", t->cycle.report.v[i].err.msg,
			t->cycle.report.v[i].unstable ? t->cycle.report.v[i].unstable : "-");
	if (t->planned)
		print_error("%s\n", turn_plan(t));
}

/* Applies the manifest with that value; then nothing may be left to do. Returns what PVE holds. */
static const char *apply(
	struct world *w, const struct spot *s, const char *value, const struct how *how)
{
	const struct turn_opts again = { .plan_only = true, .readonly = true };
	const struct turn_opts o = { .plan = { .allow_restart = how->restart } };
	struct turn t;

	world_manifest(w, "web.yaml", rows_manifest(w, s, value, how->state));
	world_turn(w, &o, &t);
	if (!t.applied || t.status != 0 || t.cycle.report.count[PM_FAILED] > 0)
		fault(&t, s, value, how, "the apply failed");
	turn_done(&t);
	world_turn(w, &again, &t);
	if (!t.planned || !pm_plan_empty(&t.cycle.plan))
		fault(&t, s, value, how, "there is still something to do");
	turn_done(&t);
	return at_pve(w, s);
}

static bool may_be_null(const struct spot *s)
{
	unsigned flags = s->f->flags;

	return !rows_required(s) &&
	       !(flags & (PM_F_KEEP | PM_F_REPLACE | PM_F_WRITEONLY | PM_F_OWN | PM_F_GROW |
				 PM_F_MIGRATE | PM_F_MOVE));
}

/* Does it change anything that PVE shows? What waits for a restart is not in force yet. */
static bool shows(const struct spot *s, const struct how *how)
{
	const struct pm_field *f = s->parent ? s->parent : s->f;

	return f->key && !(s->f->flags & (PM_F_OWN | PM_F_WRITEONLY)) &&
	       (how->restart || pm_str_eq(how->state, "stopped"));
}

static void try_row(const struct spot *s, const struct how *how)
{
	const char *text[2];
	const char *is[2];
	const char *a = NULL;
	const char *b = NULL;
	struct world w;

	world_new(&w, 1);
	rows_sample(&w, s, &a, &b);
	if (!a) {
		world_done(&w);
		return;
	}
	rows_world(&w, s);
	if (rows_required(s))
		text[0] = apply(&w, s, a, how);
	else
		text[0] = apply(&w, s, NULL, how);
	is[0] = apply(&w, s, a, how);
	is[1] = b ? apply(&w, s, b, how) : is[0];
	if (b && shows(s, how) && pm_str_eq(is[0], is[1]))
		faults++, print_error(
				  "%s: PVE holds \"%s\" for %s and for %s\n", s->name, is[0], a, b);
	if (!rows_required(s)) {
		text[1] = apply(&w, s, NULL, how);
		if (may_be_null(s) && shows(s, how) && !(s->f->flags & PM_F_CREATED) &&
			!s->parent && !pm_str_eq(text[0], text[1]) && text[1][0] != '\0' &&
			!pm_str_eq(text[1], s->f->def))
			faults++, print_error("%s: left out again PVE holds \"%s\"\n", s->name,
					  text[1]);
	}
	if (may_be_null(s)) {
		(void)apply(&w, s, a, how);
		(void)apply(&w, s, "null", how);
	}
	world_done(&w);
}

/* ---- all rows ---- */

static void try_one(const struct spot *s, void *how)
{
	try_row(s, how);
}

static void try_all(const struct pm_kind *k, struct how *how)
{
	faults = 0;
	rows_each(k, try_one, how);
	assert_int_equal(faults, 0);
}

PM_TEST(rows_of_a_stopped_guest)
{
	struct how how = { .state = "stopped" };

	try_all(&pm_kind_pod, &how);
}

PM_TEST(rows_of_a_running_guest_with_restarts)
{
	struct how how = { .state = "running", .restart = true };

	try_all(&pm_kind_pod, &how);
}

PM_TEST(rows_of_a_running_guest)
{
	struct how how = { .state = "running" };

	try_all(&pm_kind_pod, &how);
}

PM_TEST(rows_of_a_stopped_machine)
{
	struct how how = { .state = "stopped" };

	try_all(&pm_kind_vm, &how);
}

PM_TEST(rows_of_a_running_machine_with_restarts)
{
	struct how how = { .state = "running", .restart = true };

	try_all(&pm_kind_vm, &how);
}

PM_TEST(rows_of_a_running_machine)
{
	struct how how = { .state = "running" };

	try_all(&pm_kind_vm, &how);
}
