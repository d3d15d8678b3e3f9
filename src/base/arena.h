/* Memory for a family of values that die together. Allocation is a pointer bump; there is no free of
 * one value. An arena belongs to one thread at a time. */
#ifndef PM_BASE_ARENA_H
#define PM_BASE_ARENA_H

#include <stddef.h>

#include "base/attr.h"

struct pm_arena;

/** A new arena whose blocks have `block` bytes (0: 64 KiB). Larger requests get a block of their own. */
struct pm_arena *pm_arena_new(size_t block) PM_CHECK;
void pm_arena_free(struct pm_arena *a); /* NULL is fine */
void pm_arena_freep(struct pm_arena **a);

/** Empties the arena and keeps one block, for a scratch arena used again and again. */
void pm_arena_reset(struct pm_arena *a);

/** Moves everything `from` holds into `into` and frees `from` itself: its values live on. */
void pm_arena_join(struct pm_arena *into, struct pm_arena *from);

/** Zeroed memory; never NULL. `align` is a power of two. */
void *pm_arena_alloc(struct pm_arena *a, size_t size, size_t align) PM_CHECK;

char *pm_arena_strdup(struct pm_arena *a, const char *s) PM_CHECK;
char *pm_arena_strndup(struct pm_arena *a, const char *s, size_t n) PM_CHECK;
/** The same for a text that has probably been copied lately (a storage, a bridge, a namespace): gives
 * that copy again when the arena still knows it. Constant; may hold NUL bytes. */
const char *pm_arena_intern(struct pm_arena *a, const char *s, size_t n) PM_CHECK;

char *pm_arena_printf(struct pm_arena *a, const char *fmt, ...) PM_PRINTF(2, 3) PM_CHECK;

/** Bytes handed out since the start or the last reset. */
size_t pm_arena_used(const struct pm_arena *a);

#define pm_new(a, T)      ((T *)pm_arena_alloc((a), sizeof(T), _Alignof(T)))
#define pm_new_n(a, T, n) ((T *)pm_arena_alloc((a), sizeof(T) * (n), _Alignof(T)))

#endif
