/* Numbers and units, from text and back. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/num.h"
#include "pm_test.h"

struct row {
	const char *text;
	int r;
	int64_t value;
};

static void check(const char *text, int r, int64_t value, const struct row *want)
{
	if (r != want->r || (r == 0 && value != want->value))
		print_error("%s: got %d, %lld\n", text, r, (long long)value);
	assert_int_equal(r, want->r);
	if (r == 0)
		assert_true(value == want->value);
	else
		assert_true(value == -77); /* untouched */
}

PM_TEST(int_reads_plain_decimals_only)
{
	static const struct row rows[] = {
		{ "0", 0, 0 },
		{ "7", 0, 7 },
		{ "-7", 0, -7 },
		{ "9223372036854775807", 0, INT64_MAX },
		{ "-9223372036854775808", 0, INT64_MIN },
		{ "-9223372036854775807", 0, -INT64_MAX },
		{ "9223372036854775808", -PM_E_LIMIT, 0 },
		{ "-9223372036854775809", -PM_E_LIMIT, 0 },
		{ "99999999999999999999999", -PM_E_LIMIT, 0 },
		{ "", -PM_E_INPUT, 0 },
		{ "-", -PM_E_INPUT, 0 },
		{ "-0", -PM_E_INPUT, 0 },
		{ "+1", -PM_E_INPUT, 0 },
		{ " 1", -PM_E_INPUT, 0 },
		{ "1 ", -PM_E_INPUT, 0 },
		{ "01", -PM_E_INPUT, 0 },
		{ "0x10", -PM_E_INPUT, 0 },
		{ "1e3", -PM_E_INPUT, 0 },
		{ "1.0", -PM_E_INPUT, 0 },
		{ "--1", -PM_E_INPUT, 0 },
		{ "99999999999999999999999x", -PM_E_INPUT, 0 },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		int64_t v = -77;
		int r = pm_parse_int(rows[i].text, INT64_MIN, INT64_MAX, &v);

		check(rows[i].text, r, v, &rows[i]);
	}
}

PM_TEST(int_keeps_its_bounds)
{
	int64_t v = 0;

	assert_int_equal(pm_parse_int("15", 16, 32, &v), -PM_E_LIMIT);
	assert_int_equal(pm_parse_int("16", 16, 32, &v), 0);
	assert_int_equal(pm_parse_int("32", 16, 32, &v), 0);
	assert_int_equal(pm_parse_int("33", 16, 32, &v), -PM_E_LIMIT);
}

PM_TEST(milli_reads_three_places)
{
	static const struct row rows[] = {
		{ "1", 0, 1000 },
		{ "1.5", 0, 1500 },
		{ "0.125", 0, 125 },
		{ "-0.5", 0, -500 },
		{ "0", 0, 0 },
		{ "9223372036854775.807", 0, INT64_MAX },
		{ "9223372036854775.808", -PM_E_LIMIT, 0 },
		{ "9223372036854776", -PM_E_LIMIT, 0 },
		{ "99999999999999999999", -PM_E_LIMIT, 0 },
		{ "0.0001", -PM_E_INPUT, 0 },
		{ "1.", -PM_E_INPUT, 0 },
		{ ".5", -PM_E_INPUT, 0 },
		{ "-0", -PM_E_INPUT, 0 },
		{ "1.5x", -PM_E_INPUT, 0 },
		{ "01.5", -PM_E_INPUT, 0 },
		{ "", -PM_E_INPUT, 0 },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		int64_t v = -77;
		int r = pm_parse_milli(rows[i].text, &v);

		check(rows[i].text, r, v, &rows[i]);
	}
}

PM_TEST(size_reads_binary_units)
{
	static const struct row rows[] = {
		{ "8G", 0, 8 * PM_GIB },
		{ "8Gi", 0, 8 * PM_GIB },
		{ "1K", 0, 1024 },
		{ "1Ki", 0, 1024 },
		{ "3M", 0, 3 * PM_MIB },
		{ "2Ti", 0, 2 * PM_TIB },
		{ "0G", 0, 0 },
		{ "1.5G", 0, 1536 * PM_MIB },
		{ "0.5K", 0, 512 },
		{ "0.0009765625K", -PM_E_INPUT, 0 }, /* ten places */
		{ "0.1K", -PM_E_INPUT, 0 },          /* no whole bytes */
		{ "512", 0, 512 * PM_MIB },          /* unit below */
		{ "8388607T", 0, 8388607 * PM_TIB },
		{ "8388608T", -PM_E_LIMIT, 0 },
		{ "99999999999999999999G", -PM_E_LIMIT, 0 },
		{ "1.5", -PM_E_INPUT, 0 },
		{ "8g", -PM_E_INPUT, 0 },
		{ "8GB", -PM_E_INPUT, 0 },
		{ "8GiB", -PM_E_INPUT, 0 },
		{ "8 G", -PM_E_INPUT, 0 },
		{ "-8G", -PM_E_INPUT, 0 },
		{ "08G", -PM_E_INPUT, 0 },
		{ "G", -PM_E_INPUT, 0 },
		{ "1.G", -PM_E_INPUT, 0 },
		{ "", -PM_E_INPUT, 0 },
	};
	int64_t v = -77;

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		int r;

		v = -77;
		r = pm_parse_size(rows[i].text, PM_MIB, &v);
		check(rows[i].text, r, v, &rows[i]);
	}
	assert_int_equal(pm_parse_size("8", 0, &v), -PM_E_INPUT);
	assert_int_equal(pm_parse_size("8", 1, &v), 0);
	assert_int_equal(v, 8);
}

PM_TEST(durations_read_units_from_long_to_short)
{
	static const struct row rows[] = {
		{ "30s", 0, 30 },
		{ "5m", 0, 300 },
		{ "2h", 0, 7200 },
		{ "1d", 0, 86400 },
		{ "1h30m", 0, 5400 },
		{ "1d1h1m1s", 0, 90061 },
		{ "0s", 0, 0 },
		{ "300ms", -PM_E_LIMIT, 0 },
		{ "1s300ms", -PM_E_LIMIT, 0 },
		{ "9223372036854775807d", -PM_E_LIMIT, 0 },
		{ "106751991167d9223372036854775807s", -PM_E_LIMIT, 0 },
		{ "99999999999999999999s", -PM_E_LIMIT, 0 },
		{ "30", -PM_E_INPUT, 0 },
		{ "", -PM_E_INPUT, 0 },
		{ "s", -PM_E_INPUT, 0 },
		{ "30m1h", -PM_E_INPUT, 0 },
		{ "1m1m", -PM_E_INPUT, 0 },
		{ "5min", -PM_E_INPUT, 0 },
		{ "5M", -PM_E_INPUT, 0 },
		{ "1.5h", -PM_E_INPUT, 0 },
		{ "-5m", -PM_E_INPUT, 0 },
		{ "5m ", -PM_E_INPUT, 0 },
	};
	int64_t v = -77;

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		int r;

		v = -77;
		r = pm_parse_seconds(rows[i].text, &v);
		check(rows[i].text, r, v, &rows[i]);
	}
	assert_int_equal(pm_parse_millis("300ms", &v), 0);
	assert_int_equal(v, 300);
	assert_int_equal(pm_parse_millis("1m1s5ms", &v), 0);
	assert_int_equal(v, 61005);
}

PM_TEST(numbers_are_written_short)
{
	char out[32];

	assert_string_equal(pm_format_size(8 * PM_GIB, out), "8G");
	assert_string_equal(pm_format_size(1536 * PM_MIB, out), "1536M");
	assert_string_equal(pm_format_size(512 * PM_KIB, out), "512K");
	assert_string_equal(pm_format_size(17, out), "17");
	assert_string_equal(pm_format_size(0, out), "0");
	assert_string_equal(pm_format_size(4096 * PM_TIB, out), "4096T");
	assert_string_equal(pm_format_milli(1500, out), "1.5");
	assert_string_equal(pm_format_milli(1000, out), "1");
	assert_string_equal(pm_format_milli(0, out), "0");
	assert_string_equal(pm_format_milli(125, out), "0.125");
	assert_string_equal(pm_format_milli(-500, out), "-0.5");
	assert_string_equal(pm_format_milli(10000, out), "10");
	assert_string_equal(pm_format_milli(INT64_MIN, out), "-9223372036854775.808");
	assert_string_equal(pm_format_seconds(90, out), "90s");
	assert_string_equal(pm_format_seconds(300, out), "5m");
	assert_string_equal(pm_format_seconds(7200, out), "2h");
	assert_string_equal(pm_format_seconds(86400, out), "1d");
	assert_string_equal(pm_format_seconds(0, out), "0s");
}

PM_TEST(numbers_survive_the_round_trip)
{
	static const int64_t values[] = { 0, 1, 999, 1000, 1024, 1536, 5400, 86400, 123456789,
		INT64_C(1) << 40, (INT64_C(1) << 53) + 1 };
	char out[32];
	int64_t v;

	for (size_t i = 0; i < PM_COUNT(values); i++) {
		assert_int_equal(pm_parse_size(pm_format_size(values[i], out), 1, &v), 0);
		assert_true(v == values[i]);
		assert_int_equal(pm_parse_milli(pm_format_milli(values[i], out), &v), 0);
		assert_true(v == values[i]);
		assert_int_equal(pm_parse_seconds(pm_format_seconds(values[i], out), &v), 0);
		assert_true(v == values[i]);
	}
}
