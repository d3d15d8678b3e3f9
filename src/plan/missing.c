/* A wanted object for which no guest was found. Before it is created, absence must be certain: anything
 * that may be it and cannot be looked into holds the creation back, whatever it is called. */
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/guest.h"
#include "plan/plan_priv.h"

/* Held back: nothing of this set is deleted while something cannot be made. */
static void hold(struct pm_planner *p, const struct pm_obj *want, const char *why)
{
	if (p->held == NULL)
		p->held = pm_obj_title(p->a, want);
	pm_planner_keep(p, want, NULL, "%s", why);
}

static struct pm_pos place_of(const struct pm_obj *o, const struct pm_value *v)
{
	struct pm_pos pos = { .file = o->file, .line = o->line, .column = o->column };

	if (v != NULL && v->line > 0) {
		pos.line = v->line;
		pos.column = v->column;
	}
	return pos;
}

static const char *hostname_of(const struct pm_obj *want)
{
	return want->spec ? pm_rec_str(want->spec, PM_G_HOSTNAME, want->name) : want->name;
}

static size_t guest_named(
	struct pm_planner *p, const struct pm_map *names, const struct pm_obj *want)
{
	const struct pm_obj *o = pm_map_get(names, hostname_of(want));

	return o != NULL ? pm_match_vmid(&p->match, o->live->vmid) : PM_NOWHERE;
}

size_t pm_plan_unknown_guest(struct pm_planner *p, const struct pm_obj *want)
{
	int64_t vmid = want->spec ? pm_rec_int(want->spec, PM_G_VMID, 0) : 0;
	size_t at = vmid > 0 ? pm_match_vmid(&p->match, (unsigned)vmid) : PM_NOWHERE;

	if (at != PM_NOWHERE) {
		const struct pm_live *l = p->match.have->v[at]->live;

		return l->unreachable || l->unread ? at : PM_NOWHERE;
	}
	at = guest_named(p, &p->match.unread, want);
	return at != PM_NOWHERE && !p->match.wanted[at] ? at : PM_NOWHERE;
}

/* Later it may go: a warning, and the object is held. */
static void wait_for(struct pm_planner *p, const struct pm_obj *want, const char *why)
{
	struct pm_diag *d = pm_diag_add(
		p->d, PM_WARNING, place_of(want, NULL), "%s: %s", pm_obj_title(p->a, want), why);

	pm_diag_hint(
		p->d, d, "try again when its task has ended; a lock that stays is PVE's to clear");
	hold(p, want, why);
}

/* Whose guest that is, in a relative clause. */
static const char *whose(struct pm_planner *p, const struct pm_obj *guest)
{
	const struct pm_marker *m = guest->live->marker;

	switch ((enum pm_claim)p->match.claim[pm_match_vmid(&p->match, guest->live->vmid)]) {
	case PM_CLAIM_OURS:
	case PM_CLAIM_TWIN:
		return "which is another object of this set";
	case PM_CLAIM_COPY:
		return "which is a copy of another guest";
	default:
		break;
	}
	if (m != NULL && m->set != NULL)
		return pm_arena_printf(p->a, "which belongs to the set %s", m->set);
	return "which podmox did not make";
}

static void find_taken(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *guest)
{
	const struct pm_value *v = &want->spec->val[PM_G_VMID];
	const char *why = pm_arena_printf(p->a, "VMID %u is taken by %s, %s", guest->live->vmid,
		pm_guest_title(p->a, guest), whose(p, guest));
	struct pm_diag *d = pm_diag_add(
		p->d, PM_ERROR, place_of(want, v), "%s: %s", pm_obj_title(p->a, want), why);

	if (p->match.claim[pm_match_vmid(&p->match, guest->live->vmid)] == PM_CLAIM_OURS)
		pm_diag_hint(p->d, d,
			"if it was renamed, say so (movedFrom, or podmox move); else delete that one "
			"first, or choose another vmid");
	else
		pm_diag_hint(p->d, d, "choose another vmid, or leave it out: podmox finds one");
	hold(p, want, why);
}

/* Nobody's guest with the number and the name that the manifest gives: not podmox's to touch, but to be
 * taken over when somebody says so. */
static bool adoptable(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *guest)
{
	size_t at = pm_match_vmid(&p->match, guest->live->vmid);

	return p->match.claim[at] == PM_CLAIM_NONE && guest->kind == want->kind && guest->spec &&
	       !guest->live->marker && !guest->live->marker_fault && !guest->live->template_ &&
	       pm_str_eq(pm_rec_str(guest->spec, PM_G_HOSTNAME, ""), hostname_of(want));
}

static void offer(struct pm_planner *p, struct pm_obj *want, const struct pm_obj *guest)
{
	cleanup_buf struct pm_buf differs = PM_BUF(200);
	struct pm_change *changes;
	size_t n;

	pm_slots_assign(want->spec, guest->spec);
	n = pm_diff_obj(p->a, want, guest, &changes);
	for (size_t i = 0; i < n; i++)
		pm_buf_addf(&differs, "%s%s", i > 0 ? ", " : "", changes[i].path);
	if (p->held == NULL)
		p->held = pm_obj_title(p->a, want);
	pm_planner_keep(p, want, guest,
		"podmox did not make it, and leaves it alone until podmox adopt; %s%s",
		n > 0 ? "it differs in " : "it is as the manifest says", pm_buf_str(&differs));
	p->act.v[p->act.n - 1].adopt = true;
}

/* The VMID that the manifest names; true: the object is dealt with. */
static bool named_is_taken(struct pm_planner *p, struct pm_obj *want)
{
	int64_t vmid = pm_rec_int(want->spec, PM_G_VMID, 0);
	size_t at = vmid > 0 ? pm_match_vmid(&p->match, (unsigned)vmid) : PM_NOWHERE;
	const struct pm_obj *guest = at != PM_NOWHERE ? p->match.have->v[at] : NULL;

	if (guest == NULL)
		return false;
	if (pm_live_in_the_making(guest->live))
		wait_for(p, want,
			pm_arena_printf(p->a,
				"%s %u is being made just now (lock: %s): whose it is cannot be seen yet",
				pm_kind_noun(guest->kind), (unsigned)vmid, guest->live->lock));
	else if (adoptable(p, want, guest))
		offer(p, want, guest);
	else
		find_taken(p, want, guest);
	return true;
}

/* Why nobody can be sure that it is not there; NULL: it is not. */
static const char *doubt(struct pm_planner *p, const struct pm_obj *want)
{
	const struct pm_facts *f = p->facts;
	const struct pm_obj *u = p->match.unknown;
	size_t at;

	if (!f->quorate)
		return "held: the cluster has no quorum";
	if (!f->complete)
		return pm_arena_printf(p->a, "held: nobody can tell whether it is there: %s",
			f->incomplete_why ? f->incomplete_why : "the inventory is not complete");
	if (u != NULL)
		return pm_arena_printf(p->a,
			"held: %s of this set cannot be read and may be this one",
			pm_guest_title(p->a, u));
	at = guest_named(p, &p->match.lost, want);
	if (at == PM_NOWHERE)
		return NULL;
	return pm_arena_printf(p->a,
		"held: %s has this set's tag but not its marker, and may be this one",
		pm_guest_title(p->a, p->match.have->v[at]));
}

static void check_pool(struct pm_planner *p, const struct pm_obj *want)
{
	const struct pm_facts *f = p->facts;
	const char *pool = pm_rec_str(want->spec, PM_G_POOL, NULL);

	if (pool == NULL || f->npools == 0)
		return;
	for (unsigned i = 0; i < f->npools; i++)
		if (strcmp(f->pools[i], pool) == 0)
			return;
	(void)pm_diag_add(p->d, PM_WARNING, place_of(want, &want->spec->val[PM_G_POOL]),
		"%s: pool \"%s\" is not among those that can be seen", pm_obj_title(p->a, want),
		pool);
}

const struct pm_obj *pm_plan_source(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret_vmid)
{
	size_t at;

	*ret_vmid = pm_copied_vmid(want);
	at = *ret_vmid > 0 ? pm_match_vmid(&p->match, *ret_vmid) : PM_NOWHERE;
	return at != PM_NOWHERE ? p->match.have->v[at] : NULL;
}

/* Another object may be about to make it. */
static bool is_wanted_vmid(const struct pm_planner *p, unsigned vmid)
{
	for (size_t i = 0; i < p->want->n; i++) {
		const struct pm_rec *spec = p->want->v[i]->spec;

		if (spec && pm_kind_is_guest(spec->kind) && pm_rec_int(spec, PM_G_VMID, 0) == vmid)
			return true;
	}
	return false;
}

const char *pm_plan_source_fault(struct pm_planner *p, const struct pm_obj *want)
{
	unsigned vmid;
	const struct pm_obj *source = pm_plan_source(p, want, &vmid);

	if (source && source->kind != want->kind)
		return pm_arena_printf(p->a, "%u, which it is to be a copy of, is a %s", vmid,
			pm_kind_noun(source->kind));
	if (!source && vmid > 0 && !is_wanted_vmid(p, vmid))
		return pm_arena_printf(
			p->a, "there is no guest %u, which it is to be a copy of", vmid);
	return NULL;
}

/* A copy is made where its source is, unless the manifest says where. */
static const char *place(struct pm_planner *p, const struct pm_obj *want, const char **ret)
{
	unsigned vmid;
	const struct pm_obj *source = pm_plan_source(p, want, &vmid);
	const char *node = source ? source->live->node : NULL;

	if (!node || pm_rec_str(want->spec, PM_G_NODE, NULL))
		return pm_plan_place(p, want, ret);
	*ret = node;
	return pm_plan_node_fault(p, node);
}

static void create(struct pm_planner *p, struct pm_obj *want)
{
	const struct pm_obj *holder = pm_plan_holder(p, want), *seen;
	const char *node = NULL, *why;
	struct pm_action *a;
	unsigned vmid = 0;
	bool wait = false;

	why = pm_plan_source_fault(p, want);
	if (why == NULL)
		why = place(p, want, &node);
	if (why == NULL)
		why = pm_plan_vmid(p, want, &vmid, &wait);
	if (wait) {
		wait_for(p, want, why);
		return;
	}
	if (why != NULL) {
		(void)pm_diag_add(p->d, PM_ERROR, place_of(want, NULL), "%s cannot be created: %s",
			pm_obj_title(p->a, want), why);
		hold(p, want, why);
		return;
	}
	check_pool(p, want);
	if (holder != NULL)
		node = holder->live->node; /* volumes change hands on one node only */
	seen = pm_plan_with_held(p, want, NULL, holder);
	pm_slots_assign(want->spec, seen ? seen->spec : NULL);
	a = pm_planner_add(p, PM_V_CREATE, want, NULL);
	a->vmid = vmid;
	a->node = node;
	a->steps = PM_STEP_CREATE;
	if (holder != NULL)
		pm_plan_from_holder(p, a, holder);
	if (strcmp(pm_rec_str(want->spec, PM_G_STATE, "running"), "running") == 0)
		a->steps |= PM_STEP_START;
}

void pm_plan_missing(struct pm_planner *p, struct pm_obj *want)
{
	size_t at = pm_plan_unknown_guest(p, want);
	const char *why;

	if (pm_plan_held_twice(p, want, NULL))
		return;
	if (at != PM_NOWHERE) {
		const struct pm_obj *guest = p->match.have->v[at];

		p->match.wanted[at] = true;
		pm_planner_keep(p, want, guest, "cannot be read (%s): left as it is",
			guest->live->unread_why ? guest->live->unread_why
						: "its node does not answer");
		return;
	}
	if (named_is_taken(p, want))
		return;
	why = doubt(p, want);
	if (why != NULL) {
		hold(p, want, why);
		return;
	}
	if (pm_plan_lacks_root(p, want, NULL)) {
		hold(p, want, "held: needs a login as root@pam with a password");
		return;
	}
	if (pm_plan_lacks_group(p, want)) {
		hold(p, want, "held: the HA manager has no groups");
		return;
	}
	create(p, want);
}
