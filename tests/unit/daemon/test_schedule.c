/* The timetable, on times of the test's own. */
#include "daemon/daemon_priv.h"
#include "pm_test.h"

#define MS PM_MS_NS
#define S  PM_S_NS
#define T0 (1000 * S)

/* Debounce 300 ms, interval 300 s, the first cycle behind it. */
static void start(struct pm_schedule *s)
{
	pm_schedule_init(s, 300, 300, 1, T0);
	assert_int_equal(pm_schedule_wait(s, T0), 0);
	assert_int_equal(pm_schedule_take(s, T0), PM_WHY_DRIFT);
	pm_schedule_ended(s, false, false, T0);
}

PM_TEST(schedule_first_cycle_at_once)
{
	struct pm_schedule s;

	start(&s);
	assert_int_equal(pm_schedule_take(&s, T0 + 200 * S), 0);
	assert_true(pm_schedule_wait(&s, T0) >= 270 * S);
	assert_true(pm_schedule_wait(&s, T0) <= 330 * S);
}

PM_TEST(schedule_waits_until_files_are_quiet)
{
	struct pm_schedule s;

	start(&s);
	pm_schedule_changed(&s, T0);
	pm_schedule_changed(&s, T0 + 200 * MS);
	assert_int_equal(pm_schedule_wait(&s, T0 + 200 * MS), 300 * MS);
	assert_int_equal(pm_schedule_take(&s, T0 + 499 * MS), 0);
	assert_int_equal(pm_schedule_take(&s, T0 + 500 * MS), PM_WHY_FILES);
	assert_int_equal(pm_schedule_take(&s, T0 + 900 * MS), 0);
}

PM_TEST(schedule_files_that_are_never_quiet)
{
	struct pm_schedule s;
	uint64_t now = T0;

	start(&s);
	for (; now < T0 + 3 * S; now += 100 * MS) {
		pm_schedule_changed(&s, now);
		assert_int_equal(pm_schedule_take(&s, now), 0);
	}
	pm_schedule_changed(&s, now);
	assert_int_equal(pm_schedule_take(&s, now), PM_WHY_FILES);
}

PM_TEST(schedule_long_debounce_is_kept)
{
	struct pm_schedule s;

	pm_schedule_init(&s, 10000, 300, 1, T0);
	(void)pm_schedule_take(&s, T0);
	pm_schedule_ended(&s, false, false, T0);
	pm_schedule_changed(&s, T0);
	assert_int_equal(pm_schedule_take(&s, T0 + 5 * S), 0);
	assert_int_equal(pm_schedule_take(&s, T0 + 10 * S), PM_WHY_FILES);
}

PM_TEST(schedule_backs_off)
{
	struct pm_schedule s;
	uint64_t now = T0, longest = 0;

	start(&s);
	for (unsigned i = 0; i < 40; i++) {
		uint64_t wait, most = i < 9 ? (S << i) : 300 * S;

		pm_schedule_ended(&s, true, false, now);
		wait = pm_schedule_wait(&s, now);
		assert_true(wait >= S);
		assert_true(wait <= S + (most < 300 * S ? most : 300 * S));
		longest = wait > longest ? wait : longest;
		now += wait;
		assert_true(pm_schedule_take(&s, now) != 0);
	}
	assert_true(longest > 60 * S);
	pm_schedule_ended(&s, false, false, now);
	pm_schedule_ended(&s, true, false, now);
	assert_true(pm_schedule_wait(&s, now) <= 2 * S);
}

PM_TEST(schedule_change_wakes_during_backoff)
{
	struct pm_schedule s;

	start(&s);
	for (unsigned i = 0; i < 20; i++)
		pm_schedule_ended(&s, true, false, T0);
	pm_schedule_changed(&s, T0);
	assert_true(pm_schedule_wait(&s, T0) <= 300 * MS);
	assert_true((pm_schedule_take(&s, T0 + 300 * MS) & PM_WHY_FILES) != 0);
}

PM_TEST(schedule_confirms)
{
	struct pm_schedule s;

	start(&s);
	pm_schedule_ended(&s, false, true, T0);
	assert_int_equal(pm_schedule_wait(&s, T0), 2 * S);
	assert_int_equal(pm_schedule_take(&s, T0 + 2 * S), PM_WHY_CONFIRM);
}

PM_TEST(schedule_ask_during_a_cycle)
{
	struct pm_schedule s;

	start(&s);
	pm_schedule_ask(&s);
	pm_schedule_ended(&s, false, false, T0);
	assert_int_equal(pm_schedule_wait(&s, T0), 0);
	assert_int_equal(pm_schedule_take(&s, T0), PM_WHY_DRIFT | PM_WHY_ASKED);
}

/* Cycles that do not look for drift do not put it off. */
PM_TEST(schedule_drift_is_not_put_off)
{
	struct pm_schedule s;
	unsigned reasons = 0;

	start(&s);
	for (uint64_t now = T0; now < T0 + 331 * S; now += S) {
		reasons |= pm_schedule_take(&s, now);
		pm_schedule_changed(&s, now);
		pm_schedule_ended(&s, false, false, now);
	}
	assert_true(reasons & PM_WHY_DRIFT);
}

PM_TEST(schedule_polls)
{
	struct pm_schedule s;

	start(&s);
	pm_schedule_poll(&s, 10, T0);
	assert_int_equal(pm_schedule_take(&s, T0 + 9 * S), 0);
	assert_int_equal(pm_schedule_take(&s, T0 + 10 * S), PM_WHY_FILES | PM_WHY_POLL);
	assert_int_equal(pm_schedule_take(&s, T0 + 20 * S), PM_WHY_FILES | PM_WHY_POLL);
	pm_schedule_poll(&s, 0, T0 + 20 * S);
	assert_int_equal(pm_schedule_take(&s, T0 + 30 * S), 0);
}
