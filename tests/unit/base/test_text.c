/* Words, UTF-8, and what a terminal shows. */
#include <string.h>

#include "base/text.h"
#include "base/text_priv.h"
#include "pm_test.h"

PM_TEST(text_equality_knows_null)
{
	assert_true(pm_str_eq(NULL, NULL));
	assert_false(pm_str_eq(NULL, ""));
	assert_false(pm_str_eq("", NULL));
	assert_true(pm_str_eq("a", "a"));
	assert_false(pm_str_eq("a", "b"));
	assert_true(pm_str_starts("memory", "mem"));
	assert_true(pm_str_starts("memory", ""));
	assert_false(pm_str_starts("mem", "memory"));
}

static void visible(const char *s, size_t n, const char *want)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	pm_text_visible(&b, s, n);
	assert_string_equal(pm_buf_str(&b), want);
}

PM_TEST(text_controls_become_visible)
{
	visible("plain", 5, "plain");
	visible("", 0, "");
	visible("a\nb\tc\rd", 7, "a\\nb\\tc\\rd");
	visible("\0\x1b[31m\x7f", 7, "\\x00\\x1b[31m\\x7f");
	visible("gr\xc3\xbc\xc3\x9f", 6, "gr\xc3\xbc\xc3\x9f");
	visible("\xc2\x85", 2, "\\u0085");
	visible("\xe2\x80\xae"
		"abc",
		6, "\\u202eabc");
	visible("\xf3\xa0\x80\x81", 4, "\\U000e0001");
	visible("a\xff"
		"b\xc3",
		4, "a\\xffb\\xc3");
}

PM_TEST(utf8_validity)
{
	static const struct {
		const char *s;
		size_t n, valid;
	} rows[] = {
		{ "", 0, 0 },
		{ "abcdefghijklmnop", 16, 16 },
		{ "abcdefgh\xc3\xa4xyz", 13, 13 },
		{ "abcdefgh\xc3", 9, 8 },
		{ "\xc0\x80", 2, 0 },             /* overlong */
		{ "\xe0\x80\x80", 3, 0 },         /* overlong */
		{ "\xf0\x80\x80\x80", 4, 0 },     /* overlong */
		{ "\xed\xa0\x80", 3, 0 },         /* surrogate */
		{ "\xf4\x90\x80\x80", 4, 0 },     /* above U+10FFFF */
		{ "\xf4\x8f\xbf\xbf", 4, 4 },     /* U+10FFFF */
		{ "\xe2\x82\xac\xe2\x82", 5, 3 }, /* cut */
		{ "a\x80", 2, 1 },
		{ "\xe2\x28\xa1", 3, 0 },
		{ "\xf5\x80\x80\x80", 4, 0 },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++)
		assert_int_equal(pm_utf8_valid(rows[i].s, rows[i].n), rows[i].valid);
}

PM_TEST(utf8_round_trip_of_every_length)
{
	static const uint32_t chars[] = { 0, 0x41, 0x7f, 0x80, 0x7ff, 0x800, 0xffff, 0x10000,
		0x10ffff };

	for (size_t i = 0; i < PM_COUNT(chars); i++) {
		char out[4];
		size_t n = pm_utf8_put(out, chars[i]);
		uint32_t back;

		assert_int_equal(pm_utf8_next(out, n, &back), n);
		assert_int_equal(back, chars[i]);
	}
}

PM_TEST(text_width_in_columns)
{
	assert_int_equal(pm_text_width("abc", 3), 3);
	assert_int_equal(pm_text_width("gr\xc3\xbc\xc3\x9f", 6), 4);
	assert_int_equal(pm_text_width("\xe6\xbc\xa2\xe5\xad\x97", 6), 4); /* two ideographs */
	assert_int_equal(pm_text_width("e\xcc\x81", 3), 1);                /* combining acute */
	assert_int_equal(pm_text_width("\xf0\x9f\x98\x80", 4), 2);         /* emoji */
	assert_int_equal(pm_text_width("\xff\xff", 2), 2);
	assert_int_equal(pm_text_width("\xe2\x82\xac", 3), 1);
	assert_int_equal(pm_text_width("\xf4\x8f\xbf\xbd", 4), 1);
}

PM_TEST(nearest_word)
{
	static const char *const words[] = { "memory", "cores", "hostname", "swap", NULL, "ip",
		"gw6", "an-exceedingly-long-word-that-nobody-would-ever-want-to-type" };
	size_t n = PM_COUNT(words);

	assert_string_equal(pm_nearest("memroy", words, n), "memory");
	assert_string_equal(pm_nearest("Memory", words, n), "memory");
	assert_string_equal(pm_nearest("HOSTNAME", words, n), "hostname");
	assert_string_equal(pm_nearest("core", words, n), "cores");
	assert_string_equal(pm_nearest("hostnme", words, n), "hostname");
	assert_string_equal(pm_nearest("pi", words, n), "ip");
	assert_null(pm_nearest("x", words, n));
	assert_null(pm_nearest("", words, n));
	assert_null(pm_nearest("volumes", words, n));
	assert_null(pm_nearest(
		"an-exceedingly-long-word-that-nobody-would-ever-want-to-typo", words, n));
	assert_null(pm_nearest("memory", words, 0));
	/* Swapped neighbours are one edit, as a wrong letter is: the first of equals is taken. */
	assert_string_equal(pm_nearest("form", (const char *const[]){ "fork", "from" }, 2), "fork");
	assert_string_equal(pm_nearest("form", (const char *const[]){ "from", "fork" }, 2), "from");
}
