/* Time, waiting and cancelling; chance; retries. */
#include <string.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/retry.h"
#include "pm_test.h"

PM_TEST(clock_moves_forward)
{
	uint64_t before = pm_mono_ns(&pm_clock_system);

	assert_int_equal(pm_wait_ns(&pm_clock_system, 1000, NULL), 0);
	assert_true(pm_mono_ns(&pm_clock_system) >= before + 1000);
	assert_true(pm_wall_ms(&pm_clock_system) > INT64_C(1600000000000));
}

PM_TEST(clock_wait_ends_when_cancelled)
{
	struct pm_cancel c = { 0 };

	/* An hour: only a cancelled wait lets this test end. */
	atomic_store(&c.deadline_ns, pm_mono_ns(&pm_clock_system) + PM_MS_NS);
	assert_int_equal(pm_wait_ns(&pm_clock_system, 3600 * PM_S_NS, &c), -PM_E_CANCELLED);
	atomic_store(&c.deadline_ns, 0);
	atomic_store(&c.on, true);
	assert_int_equal(pm_wait_ns(&pm_clock_system, UINT64_MAX, &c), -PM_E_CANCELLED);
	assert_int_equal(pm_wait_ns(&pm_clock_system, 0, &c), -PM_E_CANCELLED);
	atomic_store(&c.on, false);
	assert_int_equal(pm_wait_ns(&pm_clock_system, 25 * PM_MS_NS, &c), 0);
}

PM_TEST(cancelled_by_word_or_by_time)
{
	struct pm_test_clock t;
	struct pm_cancel c = { 0 };

	pm_test_clock_init(&t);
	assert_false(pm_cancelled(NULL, &t.clock));
	assert_false(pm_cancelled(&c, &t.clock));
	atomic_store(&c.deadline_ns, pm_mono_ns(&t.clock) + 100);
	assert_false(pm_cancelled(&c, &t.clock));
	assert_int_equal(pm_wait_ns(&t.clock, 99, &c), 0);
	assert_int_equal(pm_wait_ns(&t.clock, 1, &c), -PM_E_CANCELLED);
	assert_true(pm_cancelled(&c, &t.clock));
	assert_int_equal(atomic_load(&t.waits), 2);
}

PM_TEST(cancelled_from_above)
{
	struct pm_test_clock t;
	struct pm_cancel top = { 0 };
	struct pm_cancel middle = { .above = &top };
	struct pm_cancel c = { .above = &middle };

	pm_test_clock_init(&t);
	assert_false(pm_cancelled(&c, &t.clock));
	atomic_store(&c.on, true);
	assert_true(pm_cancelled(&c, &t.clock));
	assert_false(pm_cancelled(&middle, &t.clock));
	atomic_store(&c.on, false);
	atomic_store(&top.on, true);
	assert_true(pm_cancelled(&c, &t.clock));
	atomic_store(&top.on, false);
	atomic_store(&top.deadline_ns, pm_mono_ns(&t.clock));
	assert_true(pm_cancelled(&c, &t.clock));
}

PM_TEST(clock_writes_times)
{
	char out[32];

	assert_string_equal(pm_format_time(0, out), "1970-01-01T00:00:00.000Z");
	assert_string_equal(pm_format_time(1772366400123, out), "2026-03-01T12:00:00.123Z");
	assert_string_equal(pm_format_time(-1, out), "1969-12-31T23:59:59.999Z");
	assert_string_equal(
		pm_format_time(INT64_C(253402300799999), out), "9999-12-31T23:59:59.999Z");
	assert_string_equal(pm_format_time(INT64_C(253402300800000), out), "@253402300800000");
	assert_string_equal(pm_format_time(INT64_MAX, out), "@9223372036854775807");
}

PM_TEST(test_clock_carries_wall_time_along)
{
	struct pm_test_clock t;
	int64_t wall;

	pm_test_clock_init(&t);
	wall = pm_wall_ms(&t.clock);
	assert_int_equal(pm_wait_ns(&t.clock, 5 * PM_S_NS, NULL), 0);
	assert_int_equal(pm_wall_ms(&t.clock) - wall, 5000);
}

PM_TEST(random_with_a_seed_is_splitmix64)
{
	struct pm_random r;

	pm_random_seed(&r, 0);
	assert_true(pm_random_next(&r) == 0xe220a8397b1dcdafU);
	assert_true(pm_random_next(&r) == 0x6e789e6aa1b965f4U);
}

PM_TEST(random_stays_below)
{
	struct pm_random r;
	unsigned seen[7] = { 0 };

	pm_random_seed(&r, 42);
	assert_int_equal(pm_random_below(&r, 0), 0);
	assert_int_equal(pm_random_below(&r, 1), 0);
	for (int i = 0; i < 7000; i++)
		seen[pm_random_below(&r, 7)]++;
	for (int i = 0; i < 7; i++)
		assert_in_range(seen[i], 850, 1150);
	/* Half of all values are thrown away here. */
	for (int i = 0; i < 100; i++)
		assert_true(pm_random_below(&r, (UINT64_C(1) << 63) + 1) <= UINT64_C(1) << 63);
}

PM_TEST(random_of_the_system_differs)
{
	struct pm_random a, b;

	pm_random_system(&a);
	pm_random_system(&b);
	assert_true(a.state != b.state);
}

static int64_t longest_delay(struct pm_retry retry, enum pm_code code, int64_t *ret_least)
{
	struct pm_error err = { .code = code };
	struct pm_random rnd;
	int64_t most = -2;

	*ret_least = INT64_MAX;
	pm_random_seed(&rnd, 1);
	for (int i = 0; i < 5000; i++) {
		int64_t d = pm_retry_delay_ms(&retry, &err, &rnd);

		most = d > most ? d : most;
		*ret_least = d < *ret_least ? d : *ret_least;
	}
	return most;
}

PM_TEST(retry_waits_longer_each_time)
{
	static const struct {
		unsigned attempt;
		enum pm_code code;
		int64_t window;
	} rows[] = {
		{ 1, PM_E_BUSY, 500 },
		{ 2, PM_E_BUSY, 1000 },
		{ 3, PM_E_TIMEOUT, 2000 },
		{ 4, PM_E_UNREACHABLE, 4000 },
		{ 1, PM_E_LOCKED, 2000 },
		{ 2, PM_E_LOCKED, 4000 },
		{ 40, PM_E_LOCKED, 30000 },
		{ 40, PM_E_BUSY, 30000 },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		struct pm_retry r = { .attempt = rows[i].attempt, .most = 100 };
		int64_t least, most = longest_delay(r, rows[i].code, &least);

		assert_in_range(most, rows[i].window * 95 / 100, rows[i].window);
		assert_in_range(least, 0, rows[i].window / 20);
	}
}

PM_TEST(retry_waits_what_the_server_asked_for)
{
	int64_t least, most;

	most = longest_delay(
		(struct pm_retry){ .attempt = 1, .retry_after_s = 7 }, PM_E_BUSY, &least);
	assert_in_range(least, 7000, 7050);
	assert_in_range(most, 7450, 7500);
}

PM_TEST(retry_knows_when_to_stop)
{
	struct pm_error busy = { .code = PM_E_BUSY }, input = { .code = PM_E_INPUT };
	struct pm_random rnd;

	pm_random_seed(&rnd, 1);
	assert_int_equal(pm_retry_delay_ms(&(struct pm_retry){ .attempt = 5 }, &busy, &rnd), -1);
	assert_true(pm_retry_delay_ms(&(struct pm_retry){ .attempt = 4 }, &busy, &rnd) >= 0);
	assert_int_equal(
		pm_retry_delay_ms(&(struct pm_retry){ .attempt = 1, .most = 1 }, &busy, &rnd), -1);
	assert_int_equal(pm_retry_delay_ms(&(struct pm_retry){ .attempt = 1 }, &input, &rnd), -1);
	busy.maybe_sent = true;
	assert_int_equal(pm_retry_delay_ms(&(struct pm_retry){ .attempt = 1 }, &busy, &rnd), -1);
	assert_true(pm_retry_delay_ms(&(struct pm_retry){ .attempt = 1, .idempotent = true }, &busy,
			    &rnd) >= 0);
}
