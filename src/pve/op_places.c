/* Where guests are, as the last inventory said: a call on a guest need not read all of it again. Good as
 * long as the cache holds an inventory good; a guest that is not there any more is looked for anew. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pve/op_priv.h"

void pm_places_init(struct pm_places *x)
{
	pthread_mutex_init(&x->lock, NULL);
}

void pm_places_done(struct pm_places *x)
{
	pm_arena_free(x->arena);
	pthread_mutex_destroy(&x->lock);
}

static int by_vmid(const void *a, const void *b)
{
	const struct pm_place *x = a, *y = b;

	return x->vmid < y->vmid ? -1 : x->vmid > y->vmid;
}

void pm_places_take(struct pm_pve *p, struct json_object *rows)
{
	struct pm_arena *arena = pm_arena_new(0), *old;
	size_t most =
		json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;
	struct pm_place *v = pm_new_n(arena, struct pm_place, most + 1);
	size_t n = 0;

	for (size_t i = 0; i < most; i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *node = pm_json_str(row, "node"), *type = pm_json_str(row, "type");
		int64_t vmid = pm_json_int(row, "vmid", 0);

		if (node && *node && type && vmid > 0 && vmid <= UINT32_MAX)
			v[n++] = (struct pm_place){ .vmid = (unsigned)vmid,
				.vm = strcmp(type, "qemu") == 0,
				.node = pm_arena_intern(arena, node, strlen(node)) };
	}
	qsort(v, n, sizeof(*v), by_vmid);
	pthread_mutex_lock(&p->places.lock);
	old = p->places.arena;
	p->places.arena = arena;
	p->places.v = v;
	p->places.n = n;
	p->places.good_until_ns =
		pm_mono_ns(p->clock) + pm_cache_ttl_ns("/cluster/resources?type=vm");
	pthread_mutex_unlock(&p->places.lock);
	pm_arena_free(old);
}

bool pm_places_find(struct pm_pve *p, unsigned vmid, struct pm_arena *a, struct pm_place *ret)
{
	const struct pm_place key = { .vmid = vmid };
	const struct pm_place *found = NULL;

	if (p->no_cache)
		return false;
	pthread_mutex_lock(&p->places.lock);
	if (p->places.n > 0 && pm_mono_ns(p->clock) < p->places.good_until_ns)
		found = bsearch(&key, p->places.v, p->places.n, sizeof(key), by_vmid);
	if (found) {
		*ret = *found;
		ret->node = pm_arena_strdup(a, found->node);
	}
	pthread_mutex_unlock(&p->places.lock);
	return found != NULL;
}
