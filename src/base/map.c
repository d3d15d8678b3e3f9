/* A hash map over an array in the order of insertion: the table of slots holds indices into it, with
 * linear probing and at most half of the slots in use. */
#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define FNV_OFFSET 0xcbf29ce484222325U
#define FNV_PRIME  0x100000001b3U

uint64_t pm_hash(const void *p, size_t n, uint64_t seed)
{
	const unsigned char *s = p;
	uint64_t h = FNV_OFFSET ^ seed;

	for (size_t i = 0; i < n; i++)
		h = (h ^ s[i]) * FNV_PRIME;
	return h;
}

/* The same hash of a text whose end is not known yet. */
static uint64_t hash_key(const char *key)
{
	uint64_t h = FNV_OFFSET;

	for (const char *s = key; *s != '\0'; s++)
		h = (h ^ (unsigned char)*s) * FNV_PRIME;
	return h;
}

void pm_map_done(struct pm_map *m)
{
	free(m->v);
	free(m->slot);
	memset(m, 0, sizeof(*m));
}

/* Where a key is, or would go. There is always a free slot. A slot holds index + 1. */
static uint32_t *find(const struct pm_map *m, const char *key, uint64_t h)
{
	size_t mask = m->nslots - 1;
	size_t at = (size_t)(h ^ h >> 32) & mask;

	for (;; at = (at + 1) & mask) {
		uint32_t i = m->slot[at];

		if (i == 0)
			return &m->slot[at];
		if (m->v[i - 1].hash == h && strcmp(m->v[i - 1].key, key) == 0)
			return &m->slot[at];
	}
}

static void grow(struct pm_map *m)
{
	size_t mask;

	pm_assert(m->n < UINT32_MAX / 4);
	free(m->slot);
	m->nslots = m->nslots > 0 ? m->nslots * 2 : 16;
	m->slot = pm_xcalloc(m->nslots, sizeof(*m->slot));
	m->cap = m->nslots / 2;
	m->v = pm_xrealloc(m->v, m->cap * sizeof(*m->v));
	mask = m->nslots - 1;
	for (size_t i = 0; i < m->n; i++) {
		size_t at = (size_t)(m->v[i].hash ^ m->v[i].hash >> 32) & mask;

		while (m->slot[at] != 0)
			at = (at + 1) & mask;
		m->slot[at] = (uint32_t)i + 1;
	}
}

void *pm_map_get(const struct pm_map *m, const char *key)
{
	uint32_t i;

	if (m->n == 0)
		return NULL;
	i = *find(m, key, hash_key(key));
	return i > 0 ? m->v[i - 1].value : NULL;
}

void *pm_map_set(struct pm_map *m, const char *key, void *value)
{
	uint64_t h = hash_key(key);
	uint32_t *slot;
	void *before;

	if (m->n == m->cap)
		grow(m);
	slot = find(m, key, h);
	if (*slot > 0) {
		before = m->v[*slot - 1].value;
		m->v[*slot - 1].value = value;
		return before;
	}
	m->v[m->n] = (struct pm_map_entry){ .key = key, .value = value, .hash = h };
	*slot = (uint32_t)++m->n;
	return NULL;
}

uint64_t pm_hash_fast(const void *p, size_t n, uint64_t seed)
{
	const uint64_t odd = 0x9e3779b97f4a7c15U;
	const unsigned char *s = p;
	uint64_t h = (seed ^ n) * odd, word;

	for (; n >= sizeof(word); s += sizeof(word), n -= sizeof(word)) {
		memcpy(&word, s, sizeof(word));
		h = (h ^ word) * odd;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s, n);
	h = (h ^ word) * odd;
	return h ^ h >> 32;
}
