/* A hash map from text to pointer. Keys are borrowed and must outlive the map; order of iteration is
 * the order of insertion. Belongs to one thread at a time. */
#ifndef PM_BASE_MAP_H
#define PM_BASE_MAP_H

#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

struct pm_map_entry {
	const char *key;
	void *value;
	uint64_t hash;
};

struct pm_map {
	struct pm_map_entry *v; /* in the order of insertion */
	size_t n, cap;
	uint32_t *slot;
	size_t nslots;
};

#define PM_MAP                    \
	{                         \
		.v = NULL, .n = 0 \
	}

void pm_map_done(struct pm_map *m);

/** The value, or NULL. */
void *pm_map_get(const struct pm_map *m, const char *key);

/** Sets the value of a key; returns what stood there before, NULL when it is new. */
void *pm_map_set(struct pm_map *m, const char *key, void *value);

/** FNV-1a, 64 bits: for tables and for spreading, not for secrets. */
uint64_t pm_hash(const void *p, size_t n, uint64_t seed);

/** Eight bytes at a time: for whole files and for caches of texts. Its values mean nothing outside this
 * process. */
uint64_t pm_hash_fast(const void *p, size_t n, uint64_t seed);

#endif
