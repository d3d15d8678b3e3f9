/* The configuration read anew while the daemon runs. */
#include "house.h"

static void start(struct house *h)
{
	house_start(h, "sync: {heal: false}\n");
	house_open(h);
	house_cycle(h, PM_WHY_DRIFT);
	house_good(h);
	(void)house_control(h, "set 201 memory=512");
	house_cycle(h, PM_WHY_DRIFT);
	assert_has(house_control(h, "get 201 memory"), "512");
}

PM_TEST(reload_takes_what_has_changed)
{
	struct house h;

	start(&h);
	house_config(&h, "home", "sync: {heal: true, interval: 7s}\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_ASKED | PM_WHY_CONFIG);
	house_good(&h);
	assert_true(h.out.reloaded);
	assert_has(house_control(&h, "get 201 memory"), "256");
	assert_int_equal(h.keeper.interval, 7 * PM_S_NS);
	assert_null(house_view(&h).config_why);
	/* Once more: the first own one is given back. */
	house_config(&h, "home", "sync: {heal: true, interval: 8s}\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_ASKED | PM_WHY_CONFIG);
	house_good(&h);
	assert_int_equal(h.keeper.interval, 8 * PM_S_NS);
	house_done(&h);
}

PM_TEST(reload_of_a_wrong_one_changes_nothing)
{
	static const char *const wrong[] = { "sync: {heal: perhaps}\n", "sync: [\n",
		"nonsense: 1\n", "sync: {windows: [{impacts: [everything]}]}\n" };
	struct house h;

	start(&h);
	pm_log_setup(PM_LOG_ERROR - 1, false);
	for (size_t i = 0; i < PM_COUNT(wrong); i++) {
		house_config(&h, "home", wrong[i]);
		house_cycle(&h, PM_WHY_DRIFT | PM_WHY_CONFIG);
		house_good(&h);
		assert_true(h.out.reloaded);
		assert_has(house_control(&h, "get 201 memory"), "512");
		assert_has(house_view(&h).config_why, "podmox.yaml:");
	}
	pm_log_setup(PM_LOG_WARNING, false);
	house_done(&h);
}

PM_TEST(reload_keeps_who_it_is)
{
	struct house h;

	start(&h);
	pm_log_setup(PM_LOG_ERROR - 1, false);
	house_config(&h, "other", "sync: {heal: true}\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_CONFIG);
	assert_has(house_view(&h).config_why, "set has changed");
	assert_has(house_control(&h, "get 201 memory"), "512");
	pm_log_setup(PM_LOG_WARNING, false);
	house_done(&h);
}

PM_TEST(reload_forgets_what_was_wrong)
{
	struct house h;

	start(&h);
	pm_log_setup(PM_LOG_ERROR - 1, false);
	house_config(&h, "home", "sync: [\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_CONFIG);
	assert_non_null(house_view(&h).config_why);
	house_config(&h, "home", "sync: {heal: true}\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_CONFIG);
	assert_null(house_view(&h).config_why);
	pm_log_setup(PM_LOG_WARNING, false);
	house_done(&h);
}

/* What is left to others from now on, and what no longer is. */
PM_TEST(reload_takes_rules_of_what_is_ignored)
{
	struct house h;

	house_start(&h, "ignore: [{kind: Pod, fields: [resources.memory]}]\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	(void)house_control(&h, "set 201 memory=512");
	house_cycle(&h, PM_WHY_DRIFT);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "512");
	house_config(&h, "home", "sync: {heal: true}\n");
	house_cycle(&h, PM_WHY_DRIFT | PM_WHY_ASKED | PM_WHY_CONFIG);
	house_good(&h);
	assert_has(house_control(&h, "get 201 memory"), "256");
	house_done(&h);
}
