/* Arenas: a list of blocks, the first of which is being filled. The trick is that there is none: a
 * pointer moves up, and everything goes at once. With AddressSanitizer the bytes between two
 * allocations are poisoned, so that an overrun is still found. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"

#ifdef __has_feature
#	if __has_feature(address_sanitizer)
#		define PM_ASAN 1
#	endif
#endif
#ifdef __SANITIZE_ADDRESS__
#	define PM_ASAN 1
#endif
#ifdef PM_ASAN
#	include <sanitizer/asan_interface.h>
#	define hide(p, n) ASAN_POISON_MEMORY_REGION(p, n)
#	define show(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
/* Room for a poisoned gap after each allocation. */
#	define GAP 8
#else
#	define hide(p, n) ((void)(p), (void)(n))
#	define show(p, n) ((void)(p), (void)(n))
#	define GAP        0
#endif

#define DEFAULT_BLOCK ((size_t)64 << 10)

struct block {
	struct block *next;
	size_t size, used;
	alignas(max_align_t) char data[];
};

/* Texts handed out by pm_arena_intern, each at the place its hash gives; a newer one takes the place. As many
 * places as fit the size of the arena: thousands of small ones may live at a time. */
#define INTERNED_MOST  512
#define INTERNED_LEAST 16

struct interned {
	const char *s;
	size_t n;
};

struct pm_arena {
	struct block *first; /* being filled; never NULL */
	size_t block;
	size_t used;
	struct interned *interned; /* NULL until the first */
};

static struct block *block_new(size_t size)
{
	/* Not zeroed: what is handed out is, byte for byte. */
	struct block *b = pm_xrealloc(NULL, sizeof(*b) + size);

	b->next = NULL;
	b->size = size;
	b->used = 0;
	hide(b->data, size);
	return b;
}

static void block_free(struct block *b)
{
	show(b->data, b->size);
	free(b);
}

struct pm_arena *pm_arena_new(size_t block)
{
	struct pm_arena *a = pm_xcalloc(1, sizeof(*a));

	a->block = block > 0 ? block : DEFAULT_BLOCK;
	a->first = block_new(a->block);
	return a;
}

void pm_arena_free(struct pm_arena *a)
{
	if (!a)
		return;
	for (struct block *b = a->first, *next; b; b = next) {
		next = b->next;
		block_free(b);
	}
	free(a->interned);
	free(a);
}

void pm_arena_freep(struct pm_arena **a)
{
	pm_arena_free(*a);
}

void pm_arena_reset(struct pm_arena *a)
{
	struct block *keep = NULL;

	for (struct block *b = a->first, *next; b; b = next) {
		next = b->next;
		if (!keep && b->size == a->block)
			keep = b;
		else
			block_free(b);
	}
	free(a->interned);
	a->interned = NULL;
	/* Joined arenas may have brought blocks of other sizes only. */
	a->first = keep ? keep : block_new(a->block);
	a->first->next = NULL;
	a->first->used = 0;
	hide(a->first->data, a->first->size);
	a->used = 0;
}

void pm_arena_join(struct pm_arena *into, struct pm_arena *from)
{
	struct block *last = from->first;

	while (last->next)
		last = last->next;
	last->next = into->first->next;
	into->first->next = from->first;
	into->used += from->used;
	free(from->interned);
	free(from);
}

/* A block for a request that does not fit the first one. */
static char *alloc_block(struct pm_arena *a, size_t size, size_t align)
{
	size_t worst = size + align + GAP;
	struct block *b;

	pm_assert(size < SIZE_MAX / 2);
	b = block_new(worst > a->block ? worst : a->block);
	if (b->size > a->block) {
		/* Goes second, so that what is left of the first block is still used. */
		b->next = a->first->next;
		a->first->next = b;
	} else {
		b->next = a->first;
		a->first = b;
	}
	b->used = (size_t)(-(uintptr_t)b->data & (align - 1));
	size += b->used;
	show(b->data + b->used, size - b->used);
	a->used += size - b->used;
	worst = b->used;
	b->used = size + GAP;
	return b->data + worst;
}

static char *alloc_raw(struct pm_arena *a, size_t size, size_t align)
{
	struct block *b = a->first;
	size_t at = b->used + (size_t)(-(uintptr_t)(b->data + b->used) & (align - 1));

	if (at > b->size || size + GAP > b->size - at || size + GAP < size)
		return alloc_block(a, size, align);
	b->used = at + size + GAP;
	a->used += size;
	show(b->data + at, size);
	return b->data + at;
}

void *pm_arena_alloc(struct pm_arena *a, size_t size, size_t align)
{
	return memset(alloc_raw(a, size, align), 0, size);
}

char *pm_arena_strndup(struct pm_arena *a, const char *s, size_t n)
{
	char *copy = alloc_raw(a, n + 1, 1);

	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	return copy;
}

static size_t places_of(const struct pm_arena *a)
{
	size_t n = a->block / 128;

	n = n < INTERNED_LEAST ? INTERNED_LEAST : n;
	return n > INTERNED_MOST ? INTERNED_MOST : n;
}

const char *pm_arena_intern(struct pm_arena *a, const char *s, size_t n)
{
	size_t places = places_of(a);
	struct interned *i;

	if (!a->interned)
		a->interned = pm_xcalloc(places, sizeof(*a->interned));
	i = &a->interned[pm_hash_fast(s, n, 0) % places];
	if (!i->s || i->n != n || memcmp(i->s, s, n) != 0) {
		i->s = pm_arena_strndup(a, s, n);
		i->n = n;
	}
	return i->s;
}

char *pm_arena_strdup(struct pm_arena *a, const char *s)
{
	return pm_arena_strndup(a, s, strlen(s));
}

char *pm_arena_printf(struct pm_arena *a, const char *fmt, ...)
{
	char small[256];
	va_list ap;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	va_end(ap);
	pm_assert(n >= 0);
	if ((size_t)n < sizeof(small))
		return pm_arena_strndup(a, small, (size_t)n);

	text = alloc_raw(a, (size_t)n + 1, 1);
	va_start(ap, fmt);
	(void)vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return text;
}

size_t pm_arena_used(const struct pm_arena *a)
{
	return a->used;
}
