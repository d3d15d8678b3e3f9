/* Arenas: alignment, zeroing, large requests, reset, join. */
#include <string.h>

#include "base/arena.h"
#include "pm_test.h"

PM_TEST(arena_gives_zeroed_and_aligned_memory)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(256);

	for (size_t i = 1; i < 200; i++) {
		size_t align = (size_t)1 << (i % 6);
		char *p = pm_arena_alloc(a, i, align);

		assert_int_equal((uintptr_t)p % align, 0);
		for (size_t j = 0; j < i; j++)
			assert_int_equal(p[j], 0);
		memset(p, 0xff, i);
	}
	assert_int_equal(pm_arena_used(a), 199 * 200 / 2);
}

PM_TEST(arena_values_stay_where_they_are)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(64);
	const char *s[100];

	for (int i = 0; i < 100; i++)
		s[i] = pm_arena_printf(a, "value %d", i);
	for (int i = 0; i < 100; i++) {
		char want[32];

		(void)snprintf(want, sizeof(want), "value %d", i);
		assert_string_equal(s[i], want);
	}
}

PM_TEST(arena_takes_requests_larger_than_a_block)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(128);
	char *small = pm_arena_strdup(a, "small");
	char *large = pm_arena_alloc(a, 10000, 1);
	char *next = pm_arena_strdup(a, "next");

	assert_int_equal(large[0], 0);
	assert_int_equal(large[9999], 0);
	memset(large, 'x', 10000);
	assert_string_equal(small, "small");
	assert_string_equal(next, "next");
	/* What was left of the small block is used first. */
	assert_true(next > small && next < small + 128);
}

PM_TEST(arena_long_texts_are_printed_whole)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	char *s = pm_arena_printf(a, "%0*d|", 1000, 7);

	assert_int_equal(strlen(s), 1001);
	assert_string_equal(s + 999, "7|");
	for (int n = 250; n < 260; n++)
		assert_int_equal(strlen(pm_arena_printf(a, "%0*d", n, 7)), n);
}

PM_TEST(arena_reset_empties_and_zeroes_again)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(128);

	for (int round = 0; round < 3; round++) {
		char *p = pm_arena_alloc(a, 100, 1);

		assert_int_equal(p[50], 0);
		memset(p, 'x', 100);
		(void)!pm_arena_alloc(a, 1000, 1);
		(void)!pm_arena_alloc(a, 100, 1);
		assert_int_equal(pm_arena_used(a), 1200);
		pm_arena_reset(a);
		assert_int_equal(pm_arena_used(a), 0);
	}
}

PM_TEST(arena_reset_without_a_block_of_its_own_size)
{
	struct pm_arena *from = pm_arena_new(64);
	cleanup_arena struct pm_arena *into = pm_arena_new(128);

	pm_arena_join(into, from);
	pm_arena_reset(into);
	assert_string_equal(pm_arena_strdup(into, "again"), "again");
}

PM_TEST(arena_join_keeps_both)
{
	cleanup_arena struct pm_arena *into = pm_arena_new(64);
	struct pm_arena *from = pm_arena_new(64);
	char *a = pm_arena_strdup(into, "into"), *b = pm_arena_strdup(from, "from"), *c;

	(void)!pm_arena_alloc(from, 500, 1);
	pm_arena_join(into, from);
	c = pm_arena_strdup(into, "after");
	assert_string_equal(a, "into");
	assert_string_equal(b, "from");
	assert_string_equal(c, "after");
	assert_int_equal(pm_arena_used(into), 5 + 5 + 500 + 6);
}

PM_TEST(arena_typed_allocation_and_empty_text)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	uint64_t *v = pm_new_n(a, uint64_t, 4);
	struct pm_arena *none = NULL;

	assert_int_equal(v[3], 0);
	assert_string_equal(pm_arena_strndup(a, NULL, 0), "");
	assert_string_equal(pm_arena_strndup(a, "cut here", 3), "cut");
	pm_arena_free(none);
	pm_arena_freep(&none);
}

PM_TEST(intern_gives_one_copy_of_a_text)
{
	struct pm_arena *a = pm_arena_new(0);
	char text[] = "local-lvm";
	const char *first = pm_arena_intern(a, text, 9);
	size_t used = pm_arena_used(a);

	assert_ptr_not_equal(first, text);
	text[0] = 'L';
	assert_string_equal(first, "local-lvm");
	assert_ptr_equal(pm_arena_intern(a, "local-lvm", 9), first);
	assert_int_equal(pm_arena_used(a), used);
	assert_ptr_not_equal(pm_arena_intern(a, "local-lvm", 5), first);
	assert_string_equal(pm_arena_intern(a, "local-lvm", 5), "local");
	assert_string_equal(pm_arena_intern(a, "", 0), "");
	pm_arena_reset(a);
	assert_string_equal(pm_arena_intern(a, "local-lvm", 9), "local-lvm");
	pm_arena_free(a);
}

PM_TEST(intern_keeps_texts_apart_when_places_run_out)
{
	struct pm_arena *a = pm_arena_new(0);
	const char *seen[2000];
	char text[16];

	for (int i = 0; i < 2000; i++) {
		(void)snprintf(text, sizeof(text), "text-%d", i);
		seen[i] = pm_arena_intern(a, text, strlen(text));
	}
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(text, sizeof(text), "text-%d", i);
		assert_string_equal(seen[i], text);
		assert_string_equal(pm_arena_intern(a, text, strlen(text)), text);
	}
	pm_arena_free(a);
}
