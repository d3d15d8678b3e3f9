/* Drift is told once, with who did it where a task of PVE remembers. */
#include "house.h"

/* The only entry of its kind. */
static const struct pm_board_entry *drift_of(struct house *h)
{
	struct pm_board_view v = house_view(h);
	const struct pm_board_entry *found = NULL;

	for (size_t i = 0; i < v.nentries; i++) {
		if (v.entry[i].what != PM_HAP_DRIFT)
			continue;
		assert_null(found);
		found = &v.entry[i];
	}
	assert_non_null(found);
	return found;
}

/* Somebody starts a task at the simulator, as another user. */
static void somebody_starts(struct house *h)
{
	struct pm_host host = { .name = "pve1", .url = "https://pve1:8006" };
	struct pm_buf body cleanup_buf = PM_BUF(0);
	struct pm_buf auth cleanup_buf = PM_BUF(0);
	const char *headers[] = { NULL, NULL };
	struct pm_call call = { .host = &host,
		.method = "POST",
		.path = "/api2/json/nodes/pve1/lxc/201/status/start",
		.headers = headers };
	struct pm_error err;

	(void)pm_buf_addf(&auth, "Authorization: PVEAPIToken=%s=%s", "root@pam!full",
		pm_sim_token_secret(h->sim));
	headers[0] = pm_buf_str(&auth);
	call.body = "";
	assert_ok(pm_net_request(h->wire, &call, NULL, &err), &err);
	assert_int_equal(call.status, 200);
	pm_call_done(&call);
}

PM_TEST(drift_of_a_configuration_has_no_author)
{
	const struct pm_board_entry *e;
	struct house h;

	house_start(&h, "sync: {heal: false}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	atomic_fetch_add(&h.clock.ns, 1000 * PM_S_NS);
	(void)house_control(&h, "set 201 memory=512");
	for (unsigned i = 0; i < 3; i++)
		house_cycle(&h, PM_WHY_DRIFT);
	e = drift_of(&h);
	assert_string_equal(e->object, "Pod/default/a");
	assert_int_equal(e->vmid, 201);
	assert_has(e->text, "resources.memory 512M -> 256M");
	assert_has(e->text, "a write of the configuration leaves none");
	assert_int_equal(house_view(&h).counts.drifts, 1);
	house_done(&h);
}

PM_TEST(drift_by_a_task_names_its_user)
{
	const struct pm_board_entry *e;
	struct pm_board_view v;
	struct house h;

	house_start(&h, "sync: {heal: false}\n");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	atomic_fetch_add(&h.clock.ns, 1000 * PM_S_NS);
	somebody_starts(&h);
	atomic_fetch_add(&h.clock.ns, 60 * PM_S_NS);
	for (unsigned i = 0; i < 2; i++)
		house_cycle(&h, PM_WHY_DRIFT);
	e = drift_of(&h);
	assert_string_equal(e->object, "Pod/default/a");
	assert_has(e->text, "by task vzstart at ");
	assert_has(e->text, "root@pam!full");
	v = house_view(&h);
	assert_has(v.object[0].by, "by task vzstart at ");
	house_done(&h);
}

PM_TEST(drift_that_is_healed_is_told_again_when_it_comes_again)
{
	struct house h;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	for (unsigned i = 1; i <= 2; i++) {
		(void)house_control(&h, "set 201 memory=512");
		house_cycle(&h, PM_WHY_DRIFT);
		assert_int_equal(house_view(&h).counts.drifts, i);
	}
	/* New manifests are no drift. */
	house_put(&h, "b.yaml", HOUSE_POD("b", "202", "  tags: [held]\n"));
	house_cycle(&h, PM_WHY_FILES);
	assert_int_equal(house_view(&h).counts.drifts, 2);
	house_done(&h);
}
