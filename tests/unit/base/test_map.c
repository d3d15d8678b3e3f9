/* The hash map. */
#include <stdio.h>
#include <string.h>

#include "base/map.h"
#include "pm_test.h"

PM_TEST(map_finds_what_was_set)
{
	struct pm_map m = PM_MAP;
	int one = 1, two = 2;

	assert_null(pm_map_get(&m, "a"));
	assert_null(pm_map_set(&m, "a", &one));
	assert_null(pm_map_get(&m, "b"));
	assert_null(pm_map_set(&m, "", &two));
	assert_ptr_equal(pm_map_get(&m, "a"), &one);
	assert_ptr_equal(pm_map_get(&m, ""), &two);
	assert_ptr_equal(pm_map_set(&m, "a", &two), &one);
	assert_ptr_equal(pm_map_get(&m, "a"), &two);
	assert_int_equal(m.n, 2);
	pm_map_done(&m);
	assert_null(pm_map_get(&m, "a"));
}

PM_TEST(map_keeps_the_order_of_insertion)
{
	static char keys[5000][16];
	struct pm_map m = PM_MAP;

	for (size_t i = 0; i < 5000; i++) {
		(void)snprintf(keys[i], sizeof(keys[i]), "key-%zu", i);
		assert_null(pm_map_set(&m, keys[i], keys[i]));
	}
	assert_int_equal(m.n, 5000);
	for (size_t i = 0; i < 5000; i++) {
		char probe[16];

		assert_string_equal(m.v[i].key, keys[i]);
		memcpy(probe, keys[i], sizeof(probe));
		assert_ptr_equal(pm_map_get(&m, probe), keys[i]);
	}
	assert_null(pm_map_get(&m, "key-5000"));
	pm_map_done(&m);
}

PM_TEST(hash_is_fnv1a)
{
	assert_true(pm_hash("", 0, 0) == 0xcbf29ce484222325U);
	assert_true(pm_hash("a", 1, 0) == 0xaf63dc4c8601ec8cU);
	assert_true(pm_hash("foobar", 6, 0) == 0x85944171f73967e8U);
	assert_true(pm_hash("a", 1, 1) != pm_hash("a", 1, 0));
}

PM_TEST(the_fast_hash_sees_every_byte)
{
	unsigned char text[40];
	uint64_t first;

	memset(text, 7, sizeof(text));
	for (size_t n = 0; n <= sizeof(text); n++) {
		first = pm_hash_fast(text, n, 1);
		assert_true(first == pm_hash_fast(text, n, 1));
		assert_false(first == pm_hash_fast(text, n, 2));
		if (n > 0)
			assert_false(first == pm_hash_fast(text, n - 1, 1));
		for (size_t i = 0; i < n; i++) {
			text[i] ^= 1;
			assert_false(first == pm_hash_fast(text, n, 1));
			text[i] ^= 1;
		}
	}
}
