/* The keys of a kind as a hash table: the dotted names of its rows become groups and last parts, so that
 * a walker over nested mappings finds each key with one look. */
#include <string.h>

#include "manifest/manifest_priv.h"

static unsigned hash_of(unsigned group, const char *s, size_t n)
{
	uint32_t h = 2166136261U ^ group;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 16777619U;
	return h ^ h >> 15;
}

const struct pm_key *pm_keys_find(
	const struct pm_keys *keys, unsigned group, const char *s, size_t n)
{
	for (unsigned i = hash_of(group, s, n) & keys->mask; keys->slot[i] != 0;
		i = (i + 1) & keys->mask) {
		const struct pm_key *k = &keys->v[keys->slot[i] - 1];

		if (k->n == n && k->parent == group && memcmp(k->name, s, n) == 0)
			return k;
	}
	return NULL;
}

static struct pm_key *add(struct pm_keys *keys, unsigned group, const char *s, size_t n)
{
	unsigned i = hash_of(group, s, n) & keys->mask;
	struct pm_key *k = &keys->v[keys->n];

	while (keys->slot[i] != 0)
		i = (i + 1) & keys->mask;
	keys->slot[i] = (uint16_t)++keys->n;
	*k = (struct pm_key){ .name = s, .n = (uint16_t)n, .parent = (uint8_t)group };
	return k;
}

/* The number of the group that a path starts with up to `end`, made when it is new. */
static unsigned group_of(
	struct pm_keys *keys, struct pm_arena *a, unsigned parent, const char *path, size_t end)
{
	/* The path of the top is empty. */
	size_t above = strlen(keys->group[parent]), start = above + (above > 0);
	const struct pm_key *known = pm_keys_find(keys, parent, path + start, end - start);
	struct pm_key *k;

	if (known)
		return known->index;
	pm_assert(keys->ngroups + 1 < PM_GROUPS_MAX);
	k = add(keys, parent, pm_arena_strndup(a, path + start, end - start), end - start);
	k->group = true;
	k->index = (uint16_t)++keys->ngroups;
	keys->group[k->index] = pm_arena_strndup(a, path, end);
	return k->index;
}

/* The rows of a record that stand beside those of the group it is called like. */
static void add_flat(struct pm_keys *keys, struct pm_arena *a, unsigned row)
{
	const struct pm_field *f = &keys->kind->fields[row];
	unsigned group = group_of(keys, a, 0, f->name, strlen(f->name));

	for (unsigned i = 0; i < f->sub->nfields; i++) {
		const char *name = f->sub->fields[i].name;
		struct pm_key *k = add(keys, group, name, strlen(name));

		k->index = (uint16_t)i;
		k->flat = (uint8_t)(row + 1);
	}
}

/* Rows and groups there may be. */
static unsigned room_for(const struct pm_kind *kind)
{
	unsigned n = kind->nfields + PM_GROUPS_MAX;

	for (unsigned i = 0; i < kind->nfields; i++)
		n += kind->fields[i].flags & PM_F_FLAT ? kind->fields[i].sub->nfields : 0;
	return n;
}

const struct pm_keys *pm_keys_new(struct pm_arena *a, const struct pm_kind *kind)
{
	struct pm_keys *keys = pm_new(a, struct pm_keys);
	unsigned most = room_for(kind), slots = 64;

	while (slots < most * 3)
		slots *= 2;
	keys->kind = kind;
	keys->v = pm_new_n(a, struct pm_key, most);
	keys->slot = pm_new_n(a, uint16_t, slots);
	keys->mask = slots - 1;
	keys->group[0] = "";
	for (unsigned i = 0; i < kind->nfields; i++) {
		const char *path = kind->fields[i].name, *part = path, *dot;
		unsigned group = 0;

		if (kind->fields[i].flags & PM_F_INNER)
			continue;
		if (kind->fields[i].flags & PM_F_FLAT) {
			add_flat(keys, a, i);
			continue;
		}
		for (; (dot = strchr(part, '.')) != NULL; part = dot + 1)
			group = group_of(keys, a, group, path, (size_t)(dot - path));
		add(keys, group, part, strlen(part))->index = (uint16_t)i;
	}
	return keys;
}
