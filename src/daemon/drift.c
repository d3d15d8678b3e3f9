/* Drift: what was in sync and is not, though the manifests are the same. It is told once, with who did it as
 * far as PVE remembers. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "daemon/daemon_priv.h"

#define LOOKUPS 10 /* in one cycle: each is a request */

static int compare_id(const void *id, const void *o)
{
	return strcmp(id, ((const struct pm_board_object *)o)->id);
}

/* What the board says of it; NULL: nothing. */
static const struct pm_board_object *was(const struct pm_board_view *v, const char *id)
{
	if (v->nobjects == 0)
		return NULL;
	return bsearch(id, v->object, v->nobjects, sizeof(*v->object), compare_id);
}

static const char *words_of(struct pm_arena *a, const struct pm_worker *w)
{
	char at[32];

	return pm_arena_printf(
		a, "%s by task %s at %s", w->user, w->type, pm_format_time(w->at_s * 1000, at));
}

/* Who did it, in words. */
static const char *who(
	struct pm_keeper *k, struct pm_job *j, const struct pm_live *guest, int64_t since_ms)
{
	struct pm_error err = { 0 };
	struct pm_worker w;
	int r = pm_recon_worker(k->rc, j, guest, since_ms / 1000, &w, &err);

	if (r == 0)
		return words_of(j->arena, &w);
	if (r == -PM_E_NOTFOUND)
		return "nobody knows: PVE has no task for it, and a write of the configuration "
		       "leaves none";
	return pm_arena_printf(j->arena, "not known: %s", err.msg);
}

/* Is there a guest that a task may have worked on? */
static const struct pm_live *guest_of(const struct pm_action *a)
{
	return a->have ? a->have->live : NULL;
}

static const char *text_of(struct pm_arena *a, const struct pm_action *action, const char *by)
{
	const char *changes = pm_tell_changes(a, action);

	if (!changes)
		changes = action->verb == PM_V_CREATE ? "it is gone" : action->reason;
	return pm_arena_printf(a, "%s%s%s", changes ? changes : pm_verb_name(action->verb),
		by ? "; " : "", by ? by : "");
}

static void tell(
	struct pm_keeper *k, struct pm_job *j, const struct pm_action *action, const char *by)
{
	const char *id = pm_action_id(j->arena, action);
	const struct pm_live *guest = guest_of(action);

	pm_info("drift", PM_KV_S("object", id),
		PM_KV_S("changes", pm_tell_changes(j->arena, action)), PM_KV_S("who", by));
	pm_tell_happened(k, (struct pm_board_entry){ .what = PM_HAP_DRIFT,
				    .object = id,
				    .verb = pm_verb_name(action->verb),
				    .vmid = guest ? guest->vmid : 0,
				    .text = text_of(j->arena, action, by) });
}

void pm_drift_tell(struct pm_keeper *k, struct pm_job *j, struct pm_holding *h)
{
	struct pm_board_view v;
	unsigned lookups = 0;

	if (pm_plan_empty(h->plan))
		return;
	pm_board_view(k->board, j->arena, PM_BOARD_OBJECTS, &v);
	for (size_t i = 0; i < h->plan->n; i++) {
		const struct pm_action *action = &h->plan->v[i];
		const struct pm_board_object *o = was(&v, pm_action_id(j->arena, action));
		const struct pm_live *guest = guest_of(action);

		if (action->verb == PM_V_KEEP || !o)
			continue;
		h->v[i].drift =
			o->sync == PM_SYNC_OK || (o->why && strcmp(o->why, PM_NOT_HEALED) == 0);
		/* Told before: it is still so. */
		if (o->sync != PM_SYNC_OK) {
			h->v[i].by = o->by;
			continue;
		}
		if (guest && lookups++ < LOOKUPS)
			h->v[i].by = who(k, j, guest, o->since_ms);
		tell(k, j, action, h->v[i].by);
	}
}
