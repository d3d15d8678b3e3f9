/* Fields that keep coming back. Whoever puts them back, a daemon that puts them right again and again
 * helps nobody: after a few times the field is named and left alone until the manifests change. */
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"

/* One field of one object; the key of the map is its text. */
struct count {
	unsigned n;
	bool told;
	uint64_t last; /* when it was put right */
	char key[];
};

void pm_returns_forget(struct pm_returns *r)
{
	for (size_t i = 0; i < r->counts.n; i++)
		free(r->counts.v[i].value);
	pm_map_done(&r->counts);
}

static struct count *count_of(
	const struct pm_returns *r, const struct pm_obj *o, const struct pm_change *change)
{
	cleanup_buf struct pm_buf key = PM_BUF(0);

	(void)pm_buf_addf(&key, "%s/%s/%s %s", o->kind->name, o->ns, o->name, change->path);
	return pm_map_get(&r->counts, pm_buf_str(&key));
}

static struct count *count_new(
	struct pm_returns *r, const struct pm_obj *o, const struct pm_change *change)
{
	cleanup_buf struct pm_buf key = PM_BUF(0);
	struct count *c;

	(void)pm_buf_addf(&key, "%s/%s/%s %s", o->kind->name, o->ns, o->name, change->path);
	c = pm_xcalloc(1, sizeof(*c) + key.len + 1);
	memcpy(c->key, pm_buf_str(&key), key.len + 1);
	(void)pm_map_set(&r->counts, c->key, c);
	return c;
}

static bool is_written(const struct pm_change *change)
{
	return !change->waiting && !change->blocked;
}

static void tell(struct pm_arena *a, const struct pm_obj *o, const struct pm_change *change)
{
	pm_warning("a field keeps coming back and is left alone until the manifests change",
		PM_KV_S("object", pm_obj_id(a, o)), PM_KV_S("field", change->path),
		PM_KV_S("found", change->from ? change->from : "absent"),
		PM_KV_S("wanted", change->to ? change->to : "absent"));
}

/* The first field of an update that came back too often, or NULL. */
static const struct pm_change *worst_of(
	const struct pm_returns *r, const struct pm_action *action, struct pm_arena *a)
{
	const struct pm_change *worst = NULL;

	for (size_t i = 0; i < action->nchanges; i++) {
		const struct pm_change *change = &action->change[i];
		struct count *c = count_of(r, action->want, change);

		if (!c || !is_written(change) || c->n < PM_RETURNS_MOST)
			continue;
		if (!c->told)
			tell(a, action->want, change);
		c->told = true;
		worst = worst ? worst : change;
	}
	return worst;
}

unsigned pm_returns_check(struct pm_returns *r, struct pm_plan *p, struct pm_arena *a)
{
	unsigned kept = 0;

	for (size_t i = 0; i < p->n; i++) {
		struct pm_action *action = &p->v[i];
		const struct pm_change *change;

		if (action->verb != PM_V_UPDATE || !action->want)
			continue;
		change = worst_of(r, action, a);
		if (!change)
			continue;
		pm_plan_hold(
			p, i, pm_arena_printf(a, "%s keeps coming back; left alone", change->path));
		kept++;
	}
	return kept;
}

static void note(struct pm_returns *r, const struct pm_obj *o, const struct pm_change *change,
	uint64_t now, uint64_t window)
{
	struct count *c = count_of(r, o, change);

	if (!c)
		c = count_new(r, o, change);
	if (now - c->last > window)
		c->n = 0;
	c->n++;
	c->last = now;
}

void pm_returns_note(struct pm_returns *r, const struct pm_plan *p, const struct pm_report *report,
	uint64_t now, uint64_t window)
{
	for (size_t i = 0; i < p->n && i < report->n; i++) {
		const struct pm_action *action = &p->v[i];

		if (action->verb != PM_V_UPDATE || report->v[i].outcome != PM_DONE)
			continue;
		for (size_t j = 0; j < action->nchanges; j++)
			if (is_written(&action->change[j]))
				note(r, action->want, &action->change[j], now, window);
	}
}
