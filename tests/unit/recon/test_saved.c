/* Files of plans and snapshots that are not what they should be, and what a recording leaves out. */
#include <string.h>

#include "base/file.h"
#include "recon/saved.h"
#include "recon/snapshot.h"
#include "world.h"

static const char *write_text(struct pm_arena *a, const char *name, const char *text)
{
	const char *path = pm_arena_printf(a, "%s/%s", pm_test_dir(), name);
	struct pm_error err;

	assert_ok(pm_file_write(path, text, strlen(text), 0600, &err), &err);
	return path;
}

PM_TEST(saved_plans_that_are_none_are_refused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "is no saved plan" },
		{ "{\"podmox\":\"plan\",", "is no saved plan" },
		{ "{\"podmox\":\"snapshot\",\"version\":\"1\"}", "it does not say so" },
		{ "{\"podmox\":\"plan\",\"version\":\"2\"}", "its version is not 1" },
		{ "{\"podmox\":\"plan\",\"version\":\"1\"}", "it holds no plan" },
		{ "{\"podmox\":\"plan\",\"version\":\"1\",\"set\":\"home\"}", "it holds no plan" },
		{ "[]", "it does not say so" },
	};

	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		cleanup_arena struct pm_arena *a = pm_arena_new(0);
		const char *path = write_text(a, "plan", cases[i].text);
		struct pm_saved *s;
		struct pm_error err;

		assert_err(pm_saved_open(a, path, &s, &err), PM_E_INPUT, &err, cases[i].why);
	}
}

PM_TEST(a_saved_plan_is_told_from_manifests_and_folders)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);

	assert_true(pm_saved_is(write_text(a, "plan", "{\"podmox\":\"plan\",\"version\":\"1\"}")));
	assert_false(pm_saved_is(write_text(a, "a.yaml", "apiVersion: podmox/v1\n")));
	assert_false(pm_saved_is(write_text(a, "empty", "")));
	assert_false(pm_saved_is(pm_test_dir()));
	assert_false(pm_saved_is("/nowhere"));
}

PM_TEST(snapshots_that_are_none_are_refused)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "is no snapshot" },
		{ "{}", "it does not say so" },
		{ "{\"podmox\":\"snapshot\",\"version\":\"9\"}", "its version is not 1" },
		{ "{\"podmox\":\"snapshot\",\"version\":\"1\"}", "it has no answers" },
		{ "{\"podmox\":\"snapshot\",\"version\":\"1\",\"answers\":[{}]}",
			"an answer has no path or reason" },
		{ "{\"podmox\":\"snapshot\",\"version\":\"1\",\"answers\":[7]}",
			"an answer has no path or reason" },
	};

	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		cleanup_arena struct pm_arena *a = pm_arena_new(0);
		const char *path = write_text(a, "snap", cases[i].text);
		struct pm_transport *t;
		struct pm_error err;

		assert_err(pm_snapshot_open(path, &t, NULL, &err), PM_E_INPUT, &err, cases[i].why);
	}
}

static struct pm_call get_of(const struct pm_host *host, const char *method, const char *path)
{
	return (struct pm_call){ .host = host, .method = method, .path = path };
}

PM_TEST(a_snapshot_gives_again_what_was_recorded_without_secrets)
{
	static const struct pm_host host = { .name = "pve1", .url = "https://pve1:8006" };
	static const struct pm_snapshot_facts facts = { "home", "home", 0 };
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const char *path = pm_arena_printf(a, "%s/snap", pm_test_dir()), *made;
	struct world w;
	struct pm_transport *t;
	struct pm_call c;
	struct pm_error err;

	world_new(&w, 1);
	t = pm_transport_record(world_wire(&w));
	c = get_of(&host, "GET", "/api2/json/access/domains");
	assert_ok(pm_net_request(t, &c, NULL, &err), &err);
	pm_call_done(&c);
	assert_ok(pm_snapshot_write(t, path, &facts, &err), &err);
	pm_transport_free(t);
	world_done(&w);

	assert_ok(pm_snapshot_open(path, &t, &made, &err), &err);
	assert_string_equal(made, "1970-01-01T00:00:00.000Z");
	c = get_of(&host, "GET", "/api2/json/access/domains");
	assert_ok(pm_net_request(t, &c, NULL, &err), &err);
	assert_int_equal(c.status, 200);
	assert_non_null(strstr(pm_buf_str(&c.body_in), "\"realm\":\"pam\""));
	pm_call_done(&c);
	c = get_of(&host, "GET", "/api2/json/nodes");
	assert_err(
		pm_net_request(t, &c, NULL, &err), PM_E_UNREACHABLE, &err, "not in the snapshot");
	c = get_of(&host, "DELETE", "/api2/json/access/domains");
	assert_err(
		pm_net_request(t, &c, NULL, &err), PM_E_UNREACHABLE, &err, "not in the snapshot");
	pm_transport_free(t);
}
