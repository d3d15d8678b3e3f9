/* Buffers: growth, the ceiling, printing, stealing. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/mem.h"
#include "pm_test.h"

PM_TEST(buf_is_a_text_from_the_start)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	assert_string_equal(pm_buf_str(&b), "");
	assert_int_equal(pm_buf_adds(&b, "one"), 0);
	assert_int_equal(pm_buf_addc(&b, ' '), 0);
	assert_int_equal(pm_buf_addf(&b, "%d %s", 2, "three"), 0);
	assert_string_equal(pm_buf_str(&b), "one 2 three");
	assert_int_equal(b.len, 11);
	pm_buf_clear(&b);
	assert_string_equal(pm_buf_str(&b), "");
}

PM_TEST(buf_grows_byte_by_byte)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	for (int i = 0; i < 10000; i++) {
		assert_int_equal(pm_buf_addc(&b, (char)('a' + i % 26)), 0);
		assert_int_equal(b.p[b.len], 0);
	}
	for (int i = 0; i < 10000; i++)
		assert_int_equal(b.p[i], 'a' + i % 26);
}

PM_TEST(buf_prints_long_texts)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	assert_int_equal(pm_buf_addf(&b, "%0*d", 5000, 1), 0);
	assert_int_equal(b.len, 5000);
	assert_int_equal(b.p[4999], '1');
	assert_int_equal(b.p[0], '0');
	for (int n = 250; n < 260; n++) {
		pm_buf_clear(&b);
		assert_int_equal(pm_buf_addf(&b, "%0*d", n, 1), 0);
		assert_int_equal(strlen(pm_buf_str(&b)), n);
		assert_int_equal(b.p[n - 1], '1');
	}
}

PM_TEST(buf_stops_at_its_ceiling_and_stays_full)
{
	cleanup_buf struct pm_buf b = PM_BUF(10);

	assert_int_equal(pm_buf_adds(&b, "12345678"), 0);
	assert_int_equal(pm_buf_adds(&b, "9abc"), -PM_E_LIMIT);
	assert_string_equal(pm_buf_str(&b), "12345678"
					    "9a");
	assert_true(b.full);
	assert_int_equal(pm_buf_addc(&b, 'x'), -PM_E_LIMIT);
	assert_int_equal(pm_buf_adds(&b, ""), -PM_E_LIMIT);
	assert_int_equal(b.len, 10);
	pm_buf_clear(&b);
	assert_int_equal(pm_buf_adds(&b, "1234567890"), 0);
	assert_false(b.full);
	assert_int_equal(pm_buf_addc(&b, 'x'), -PM_E_LIMIT);
	assert_string_equal(pm_buf_str(&b), "1234567890");
}

PM_TEST(buf_reserve_makes_room_within_the_ceiling)
{
	cleanup_buf struct pm_buf b = PM_BUF(100);

	assert_int_equal(pm_buf_reserve(&b, 100), 0);
	assert_true(b.cap >= 101);
	assert_int_equal(pm_buf_reserve(&b, 101), -PM_E_LIMIT);
	assert_int_equal(pm_buf_reserve(&b, SIZE_MAX), -PM_E_LIMIT);
}

PM_TEST(buf_steal_hands_the_text_over)
{
	struct pm_buf b = PM_BUF(0);
	cleanup_free char *empty = pm_buf_steal(&b);
	cleanup_free char *text = NULL;

	assert_string_equal(empty, "");
	(void)pm_buf_adds(&b, "mine");
	text = pm_buf_steal(&b);
	assert_string_equal(text, "mine");
	assert_null(b.p);
	assert_int_equal(b.len, 0);
	(void)pm_buf_adds(&b, "again");
	assert_string_equal(pm_buf_str(&b), "again");
	pm_buf_done(&b);
}
