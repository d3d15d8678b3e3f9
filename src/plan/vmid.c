/* Numbers of new guests: the identity hashed into the configured range, then the next free one. PVE's
 * create is the claim; this only makes two podmox choose alike and a repeated run choose again the same. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "model/guest.h"
#include "plan/plan_priv.h"

static uint32_t *number_slot(struct pm_numbers *s, unsigned n)
{
	uint64_t h = n * 0x9e3779b97f4a7c15U;
	size_t at = (size_t)(h ^ h >> 32) & s->mask;

	while (s->slot[at] != 0 && s->slot[at] != n)
		at = (at + 1) & s->mask;
	return &s->slot[at];
}

static bool numbers_have(struct pm_numbers *s, unsigned n)
{
	return s->n > 0 && *number_slot(s, n) == n;
}

static void numbers_grow(struct pm_numbers *s)
{
	struct pm_numbers old = *s;

	s->mask = old.slot ? old.mask * 2 + 1 : 63;
	s->slot = pm_xcalloc(s->mask + 1, sizeof(*s->slot));
	for (size_t i = 0; old.slot && i <= old.mask; i++)
		if (old.slot[i] != 0)
			*number_slot(s, old.slot[i]) = old.slot[i];
	free(old.slot);
}

static void numbers_add(struct pm_numbers *s, unsigned n)
{
	uint32_t *slot;

	if (s->slot == NULL || s->n * 2 > s->mask)
		numbers_grow(s);
	slot = number_slot(s, n);
	s->n += *slot == 0;
	*slot = n;
}

/* What manifests name is spoken for, made or not. */
static void note_named(struct pm_planner *p)
{
	if (p->taken.slot != NULL)
		return;
	numbers_grow(&p->taken);
	for (size_t i = 0; i < p->want->n; i++) {
		const struct pm_rec *spec = p->want->v[i]->spec;
		int64_t vmid = spec ? pm_rec_int(spec, PM_G_VMID, 0) : 0;

		if (vmid > 0)
			numbers_add(&p->taken, (unsigned)vmid);
	}
}

static uint64_t hash_object(const char *set, const char *kind, const struct pm_obj *o)
{
	const char *parts[] = { set, kind, o->ns, o->name };
	uint64_t h = 0;

	/* The zero byte behind each part goes in: "a" "bc" is not "ab" "c". */
	for (size_t i = 0; i < PM_COUNT(parts); i++)
		h = pm_hash(parts[i], strlen(parts[i]) + 1, h);
	return h ^ h >> 32;
}

bool pm_live_in_the_making(const struct pm_live *l)
{
	return l->marker == NULL && pm_lock_of_making(l->lock);
}

bool pm_lock_of_making(const char *lock)
{
	return lock != NULL && (strcmp(lock, "create") == 0 || strcmp(lock, "clone") == 0);
}

/* The first free number from the place on where that hash belongs. */
static const char *probe(struct pm_planner *p, uint64_t h, unsigned *ret, bool *ret_wait)
{
	uint64_t low = p->o->vmid_low, high = p->o->vmid_high, size;

	note_named(p);
	if (low < 100 || high < low) {
		low = 100;
		high = 999999999;
	}
	size = high - low + 1;
	h %= size;
	for (uint64_t i = 0; i < size; i++) {
		unsigned vmid = (unsigned)(low + (h + i) % size);
		size_t at = pm_match_vmid(&p->match, vmid);

		if (at != PM_NOWHERE && pm_live_in_the_making(p->match.have->v[at]->live)) {
			*ret_wait = true;
			return pm_arena_printf(p->a,
				"%s %u, where it belongs, is being made just now (lock: %s): "
				"whose it is cannot be seen yet",
				pm_kind_noun(p->match.have->v[at]->kind), vmid,
				p->match.have->v[at]->live->lock);
		}
		if (at != PM_NOWHERE || numbers_have(&p->taken, vmid))
			continue;
		numbers_add(&p->taken, vmid);
		*ret = vmid;
		return NULL;
	}
	return pm_arena_printf(p->a,
		"no VMID from %llu to %llu is free; widen vmids in podmox.yaml",
		(unsigned long long)low, (unsigned long long)high);
}

const char *pm_plan_vmid(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret, bool *ret_wait)
{
	int64_t named = pm_rec_int(want->spec, PM_G_VMID, 0);

	if (named <= 0)
		return probe(p, hash_object(p->o->set, want->kind->name, want), ret, ret_wait);
	*ret = (unsigned)named;
	return NULL;
}

const char *pm_plan_holder_vmid(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret, bool *ret_wait)
{
	return probe(p, hash_object(p->o->set, PM_MARKER_HOLDER, want), ret, ret_wait);
}
