/* Who is who. Every live guest is judged once by its marker, its tag and whether it could be read, and
 * goes into two tables: by identity (ours only) and by VMID (all). Names and VMIDs alone prove nothing. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/guest.h"
#include "plan/plan_priv.h"

static uint64_t hash_ident(const char *kind, const char *ns, const char *name)
{
	uint64_t h = pm_hash(kind, strlen(kind), 0);

	h = pm_hash(ns, strlen(ns), h);
	h = pm_hash(name, strlen(name), h);
	return h ^ h >> 32;
}

static uint64_t hash_number(unsigned n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15U;

	return h ^ h >> 32;
}

static void index_init(struct pm_index *x, size_t n)
{
	size_t slots = 16;

	while (slots < n * 2)
		slots *= 2;
	x->slot = pm_xcalloc(slots, sizeof(*x->slot));
	x->mask = slots - 1;
}

static bool same_ident(
	const struct pm_marker *m, const char *kind, const char *ns, const char *name)
{
	return strcmp(m->name, name) == 0 && strcmp(m->ns, ns) == 0 && strcmp(m->kind, kind) == 0;
}

/* The slot of that identity, or the free one where it would go. */
static uint32_t *ident_slot(struct pm_match *m, const char *kind, const char *ns, const char *name)
{
	size_t at = (size_t)hash_ident(kind, ns, name) & m->ident.mask;

	for (;; at = (at + 1) & m->ident.mask) {
		uint32_t i = m->ident.slot[at];

		m->probes++;
		if (i == 0 || same_ident(m->have->v[i - 1]->live->marker, kind, ns, name))
			return &m->ident.slot[at];
	}
}

static uint32_t *vmid_slot(struct pm_match *m, unsigned vmid)
{
	size_t at = (size_t)hash_number(vmid) & m->vmid.mask;

	for (;; at = (at + 1) & m->vmid.mask) {
		uint32_t i = m->vmid.slot[at];

		m->probes++;
		if (i == 0 || m->have->v[i - 1]->live->vmid == vmid)
			return &m->vmid.slot[at];
	}
}

const char *pm_guest_title(struct pm_arena *a, const struct pm_obj *have)
{
	const struct pm_live *l = have->live;
	bool known = l->marker != NULL && have->kind != NULL;
	const char *title = known ? pm_obj_title(a, have)
				  : pm_arena_printf(a, "guest %s", have->name ? have->name : "?");

	return pm_arena_printf(a, "%s (%u on %s)", title, l->vmid, l->node ? l->node : "?");
}

static bool marker_complete(const struct pm_marker *k)
{
	return k->kind != NULL && k->ns != NULL && k->name != NULL;
}

static enum pm_claim judge(const struct pm_match *m, const struct pm_obj *o)
{
	const struct pm_live *l = o->live;
	const struct pm_marker *k = l->marker;
	bool tagged = l->tags != NULL && pm_tags_have(l->tags, m->tag);

	if (o->kind == NULL)
		return PM_CLAIM_NONE;
	if (k != NULL && !l->unreachable && !l->unread) {
		if (!pm_str_eq(k->set, m->set) || !marker_complete(k))
			return tagged ? PM_CLAIM_LOST : PM_CLAIM_NONE;
		if (strcmp(k->kind, PM_MARKER_HOLDER) == 0)
			return k->vmid == l->vmid ? PM_CLAIM_HOLDER : PM_CLAIM_COPY;
		if (strcmp(k->kind, o->kind->name) != 0)
			return PM_CLAIM_LOST;
		return k->vmid == l->vmid ? PM_CLAIM_OURS : PM_CLAIM_COPY;
	}
	if (!tagged)
		return PM_CLAIM_NONE;
	return l->unreachable || l->unread ? PM_CLAIM_UNKNOWN : PM_CLAIM_LOST;
}

static void find_copy(struct pm_diags *d, const struct pm_obj *o)
{
	const struct pm_live *l = o->live;
	struct pm_diag *f = pm_diag_add(d, PM_WARNING, (struct pm_pos){ 0 },
		"%s %u on %s carries the marker of %u (%s/%s/%s): it is a copy, and left alone",
		pm_kind_noun(o->kind), l->vmid, l->node, l->marker->vmid, l->marker->kind,
		l->marker->ns, l->marker->name);

	pm_diag_hint(d, f, "remove the line \"podmox:\" from its notes and its tags of podmox");
}

/* What is wrong with the marker of a guest that has our tag. */
static const char *fault_of(struct pm_arena *a, const struct pm_match *m, const struct pm_live *l)
{
	if (l->marker_fault != NULL)
		return l->marker_fault;
	if (l->marker == NULL)
		return "no marker is in its notes";
	if (!pm_str_eq(l->marker->set, m->set))
		return pm_arena_printf(a, "its marker says that it belongs to the set %s",
			l->marker->set ? l->marker->set : "?");
	return "its marker is of another kind";
}

static void find_lost(struct pm_match *m, struct pm_diags *d, const struct pm_obj *o)
{
	const struct pm_live *l = o->live;
	struct pm_diag *f = pm_diag_add(d, PM_WARNING, (struct pm_pos){ 0 },
		"%s %u on %s has the tag of this set, but %s; it is left alone",
		pm_kind_noun(o->kind), l->vmid, l->node, fault_of(d->arena, m, l));

	pm_diag_hint(d, f, "put the marker back into its notes, or remove its tags of podmox");
}

/* Two objects, one uid: a copy whose marker was given another number and name by hand. */
static void find_same_uid(struct pm_match *m, struct pm_diags *d, struct pm_obj *o)
{
	const char *uid = o->live->marker->uid;
	const struct pm_obj *other = uid && *uid ? pm_map_set(&m->uids, uid, o) : NULL;
	struct pm_diag *f;

	if (other == NULL)
		return;
	f = pm_diag_add(d, PM_WARNING, (struct pm_pos){ 0 },
		"%s and %s have one uid in their markers: one is a copy whose marker was edited",
		pm_guest_title(d->arena, other), pm_guest_title(d->arena, o));
	pm_diag_hint(d, f,
		"take the copy's marker and tags of podmox away; podmox adopt gives it one of its own");
}

static void find_twin(struct pm_diags *d, const struct pm_obj *o, const struct pm_obj *other)
{
	const struct pm_marker *k = o->live->marker;
	struct pm_diag *f = pm_diag_add(d, PM_ERROR, (struct pm_pos){ 0 },
		"%ss %u on %s and %u on %s both claim to be %s/%s/%s; neither is touched",
		pm_kind_noun(o->kind), other->live->vmid, other->live->node, o->live->vmid,
		o->live->node, k->kind, k->ns, k->name);

	pm_diag_hint(d, f, "remove the marker from the notes of the wrong one, or that %s",
		pm_kind_noun(o->kind));
}

static void add_ours(struct pm_match *m, size_t i, struct pm_diags *d)
{
	const struct pm_obj *o = m->have->v[i];
	const struct pm_marker *k = o->live->marker;
	uint32_t *slot = ident_slot(m, k->kind, k->ns, k->name);

	m->nours++;
	find_same_uid(m, d, m->have->v[i]);
	if (*slot == 0) {
		*slot = (uint32_t)i + 1;
		return;
	}
	m->claim[i] = PM_CLAIM_TWIN;
	m->claim[*slot - 1] = PM_CLAIM_TWIN;
	find_twin(d, o, m->have->v[*slot - 1]);
}

static const char *held_key(struct pm_arena *a, const char *kind, const char *ns, const char *name)
{
	return pm_arena_printf(a, "%s/%s/%s", kind, ns, name);
}

static void add_holder(struct pm_match *m, size_t i, struct pm_diags *d)
{
	struct pm_obj *o = m->have->v[i];
	const struct pm_marker *k = o->live->marker;
	const struct pm_obj *other =
		pm_map_set(&m->holders, held_key(d->arena, o->kind->name, k->ns, k->name), o);

	if (other == NULL)
		return;
	m->claim[i] = PM_CLAIM_TWIN;
	for (size_t at = 0; at < i; at++)
		if (m->have->v[at] == other)
			m->claim[at] = PM_CLAIM_TWIN;
	find_twin(d, o, other);
}

static void add(struct pm_match *m, size_t i, struct pm_diags *d)
{
	const struct pm_obj *o = m->have->v[i];

	*vmid_slot(m, o->live->vmid) = (uint32_t)i + 1;
	m->claim[i] = (uint8_t)judge(m, o);
	switch ((enum pm_claim)m->claim[i]) {
	case PM_CLAIM_OURS:
		add_ours(m, i, d);
		break;
	case PM_CLAIM_HOLDER:
		add_holder(m, i, d);
		break;
	case PM_CLAIM_COPY:
		find_copy(d, o);
		break;
	case PM_CLAIM_LOST:
		find_lost(m, d, o);
		if (o->name != NULL)
			(void)pm_map_set(&m->lost, o->name, m->have->v[i]);
		break;
	case PM_CLAIM_UNKNOWN:
		if (m->unknown == NULL)
			m->unknown = o;
		if (o->name != NULL)
			(void)pm_map_set(&m->unread, o->name, m->have->v[i]);
		break;
	default:
		break;
	}
}

void pm_match_init(
	struct pm_match *m, const struct pm_set *have, const char *set, struct pm_diags *d)
{
	memset(m, 0, sizeof(*m));
	m->have = have;
	m->set = set;
	(void)pm_set_tag(set, m->tag);
	m->claim = pm_xcalloc(have->n + 1, sizeof(*m->claim));
	m->wanted = pm_xcalloc(have->n + 1, sizeof(*m->wanted));
	index_init(&m->ident, have->n);
	index_init(&m->vmid, have->n);
	for (size_t i = 0; i < have->n; i++)
		if (have->v[i]->live != NULL)
			add(m, i, d);
}

void pm_match_done(struct pm_match *m)
{
	free(m->claim);
	free(m->wanted);
	free(m->ident.slot);
	free(m->vmid.slot);
	pm_map_done(&m->lost);
	pm_map_done(&m->unread);
	pm_map_done(&m->holders);
	pm_map_done(&m->uids);
}

size_t pm_match_find(struct pm_match *m, const struct pm_obj *want)
{
	return pm_match_named(m, want->kind->name, want->ns, want->name);
}

size_t pm_match_named(struct pm_match *m, const char *kind, const char *ns, const char *name)
{
	uint32_t i = *ident_slot(m, kind, ns, name);

	return i > 0 ? i - 1 : PM_NOWHERE;
}

size_t pm_match_vmid(struct pm_match *m, unsigned vmid)
{
	uint32_t i = *vmid_slot(m, vmid);

	return i > 0 ? i - 1 : PM_NOWHERE;
}

size_t pm_match_holder(const struct pm_match *m, struct pm_arena *a, const struct pm_obj *want)
{
	const struct pm_obj *o = NULL;

	if (m->holders.n > 0)
		o = pm_map_get(&m->holders, held_key(a, want->kind->name, want->ns, want->name));
	for (size_t i = 0; o != NULL && i < m->have->n; i++)
		if (m->have->v[i] == o)
			return i;
	return PM_NOWHERE;
}
