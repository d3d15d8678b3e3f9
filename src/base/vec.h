/* A growing array of any type: struct { T *v; size_t n, cap; }. Memory on the heap. */
#ifndef PM_BASE_VEC_H
#define PM_BASE_VEC_H

#include <stddef.h>

#include "base/mem.h"

#define PM_VEC(T)              \
	struct {               \
		T *v;          \
		size_t n, cap; \
	}

/** Room for one more at the end; the caller fills v[n++]. */
#define pm_vec_room(vec) \
	((vec)->v = pm_vec_grow((vec)->v, &(vec)->cap, (vec)->n + 1, sizeof(*(vec)->v)))
#define pm_vec_push(vec, item) (pm_vec_room(vec), (vec)->v[(vec)->n++] = (item))
#define pm_vec_done(vec)       (free((vec)->v), (vec)->v = NULL, (vec)->n = (vec)->cap = 0)

void *pm_vec_grow(void *v, size_t *cap, size_t need, size_t size) PM_CHECK;

#endif
