/* Objects that are called something else than before: told by the manifest (movedFrom), or suspected because
 * one goes and an equal one comes. */
#include <string.h>

#include "base/text.h"
#include "plan/plan_priv.h"

/* ---- told ---- */

size_t pm_plan_moved(struct pm_planner *p, const struct pm_obj *want)
{
	const struct pm_value *v = want->spec ? &want->spec->val[PM_G_MOVED_FROM] : NULL;

	for (size_t i = 0; v != NULL && v->state == PM_SET && i < v->u.list->n; i++) {
		struct pm_ref ref;
		size_t at;

		if (!pm_ref_former(p->a, want, v->u.list->v[i], &ref))
			continue;
		at = pm_match_named(&p->match, ref.kind, ref.ns, ref.name);
		if (at != PM_NOWHERE && !p->match.wanted[at])
			return at;
	}
	return PM_NOWHERE;
}

struct pm_change *pm_plan_with_name(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_change *v, size_t n)
{
	struct pm_change *all = pm_new_n(p->a, struct pm_change, n + 1);
	struct pm_change *c = &all[0];

	if (n > 0)
		memcpy(&all[1], v, n * sizeof(*v));
	c->field = PM_G_MOVED_FROM;
	c->slot = PM_NO_SLOT;
	c->row = &want->kind->fields[PM_G_MOVED_FROM];
	c->path = c->row->name;
	c->from = pm_obj_id(p->a, have);
	c->to = pm_obj_id(p->a, want);
	c->impact = PM_I_LIVE;
	c->note = "only the marker is rewritten";
	c->line = want->spec->val[PM_G_MOVED_FROM].line;
	return all;
}

/* ---- suspected ---- */

static bool comes(const struct pm_action *a)
{
	return a->verb == PM_V_CREATE ||
	       (a->verb == PM_V_KEEP && a->want != NULL && a->have == NULL);
}

/* A guest of ours that no object wants. */
static bool goes(struct pm_planner *p, const struct pm_action *a)
{
	return a->want == NULL && a->have != NULL && a->have->spec != NULL &&
	       p->match.claim[pm_match_vmid(&p->match, a->have->live->vmid)] == PM_CLAIM_OURS;
}

static const char *host_of(const struct pm_obj *o)
{
	return pm_rec_str(o->spec, PM_G_HOSTNAME, NULL);
}

/* Is the one that comes the one that goes? One number, one host name that is written down, or one spec. */
static bool alike(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have)
{
	const char *host, *hash = have->live->marker->hash;

	if (want->spec == NULL || want->kind != have->kind)
		return false;
	host = host_of(want);
	if (pm_rec_int(want->spec, PM_G_VMID, 0) == (int64_t)have->live->vmid ||
		(host != NULL && pm_str_eq(host, host_of(have))))
		return true;
	return hash != NULL && hash[0] != '\0' && strcmp(hash, pm_marker_hash(p->a, want)) == 0;
}

static void suspect(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have)
{
	const char *old = pm_obj_id(p->a, have);
	struct pm_diag *d = pm_diag_add(p->d, PM_WARNING,
		(struct pm_pos){ .file = want->file, .line = want->line, .column = want->column },
		"%s comes and %s (%u on %s) goes, and they are alike: was it renamed?",
		pm_obj_title(p->a, want), pm_obj_title(p->a, have), have->live->vmid,
		have->live->node);

	pm_diag_hint(p->d, d,
		"to keep the guest write \"movedFrom: [%s]\" in its spec, or run podmox move %s %s",
		old, old, pm_obj_id(p->a, want));
}

void pm_plan_suspect_renames(struct pm_planner *p)
{
	size_t n = p->act.n, left = 0;
	const struct pm_obj **gone = pm_new_n(p->a, const struct pm_obj *, n + 1);

	for (size_t i = 0; i < n; i++)
		if (goes(p, &p->act.v[i]))
			gone[left++] = p->act.v[i].have;
	for (size_t i = 0; i < n && left > 0; i++) {
		const struct pm_action *a = &p->act.v[i];

		for (size_t k = 0; k < left && comes(a); k++) {
			if (!alike(p, a->want, gone[k]))
				continue;
			suspect(p, a->want, gone[k]);
			gone[k] = gone[--left];
			break;
		}
	}
}
