/* Tasks: what a UPID says, following to the end, finding after a lost answer. */
#include "client.h"

#define UPID     "UPID:pve2:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:"
#define TASK     "/nodes/pve2/tasks/UPID%3Apve2%3A*"
#define STATUS   TASK "/status"
#define RUNNING  "{\"data\":{\"status\":\"running\"}}"
#define ENDED(s) "{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"" s "\"}}"

PM_TEST(upids_are_parsed)
{
	static const char *const good[] = { UPID,
		"UPID:pve1:00000361:00003D69F:6B020DF7:imgcopy::root@pam:",
		"UPID:a-b-1:0000036a:0003D69F:6B020DF7:vzstart:100:ci@pve!x:" };
	static const char *const bad[] = { "", "UPID:", "OK", "UPID:pve1:1:2:3:a:b:c:",
		"UPID:pve2:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam",
		"UPID:pve2:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:x",
		"UPID::00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:",
		"UPID:pve2:0000036G:0003D69F:6B020DF7:vzcreate:210:root@pam:",
		"UPID:../x:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:",
		"UPID:pve2:00000361:0003D69F:6B020DF7::210:root@pam:",
		"UPID:pve2:00000361:0003D69F:6B020DF7:vzcreate:210::" };
	struct pm_task t;
	char longest[400];

	for (size_t i = 0; i < PM_COUNT(good); i++) {
		assert_true(pm_task_parse(good[i], &t));
		assert_string_equal(t.upid, good[i]);
		assert_string_equal(t.exit_status, "");
	}
	assert_string_equal(t.node, "a-b-1");
	for (size_t i = 0; i < PM_COUNT(bad); i++)
		assert_false(pm_task_parse(bad[i], &t));
	assert_false(pm_task_parse(NULL, &t));
	memset(longest, 'x', sizeof(longest));
	memcpy(longest, UPID, strlen(UPID));
	longest[sizeof(longest) - 1] = '\0';
	assert_false(pm_task_parse(longest, &t));
}

static int wait_for(struct client *c)
{
	struct pm_task t;

	assert_true(pm_task_parse(UPID, &t));
	return pm_task_wait(c->pve, &c->job, &t, &c->err);
}

static void once(struct client *c, int status, const char *reason, const char *body)
{
	struct pm_fake_rule r = { .method = "GET",
		.path = API STATUS,
		.times = 1,
		.status = status,
		.reason = reason,
		.body = body };

	pm_fake_add(c->net, &r);
}

PM_TEST(a_task_is_followed_with_growing_steps)
{
	struct client c;
	uint64_t began;

	client_start_token(&c, "pve1");
	for (int i = 0; i < 20; i++)
		once(&c, 200, "OK", RUNNING);
	client_answer(&c, "GET", STATUS, ENDED("OK"));
	began = pm_mono_ns(&c.clock.clock);
	assert_ok(wait_for(&c), &c.err);
	assert_int_equal(client_count(&c, "GET", STATUS), 21);
	/* 100 ms, half as much more each time, up to 2 s. */
	assert_in_range((pm_mono_ns(&c.clock.clock) - began) / PM_MS_NS, 28000, 32000);
	client_stop(&c);
}

PM_TEST(warnings_are_a_success)
{
	struct pm_task t;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", STATUS, ENDED("WARNINGS: 3"));
	assert_true(pm_task_parse(UPID, &t));
	assert_ok(pm_task_wait(c.pve, &c.job, &t, &c.err), &c.err);
	assert_string_equal(t.exit_status, "WARNINGS: 3");
	client_stop(&c);
}

PM_TEST(ends_of_tasks_have_classes)
{
	static const struct {
		const char *exit;
		enum pm_code code;
		bool maybe;
	} table[] = {
		{ "unable to create CT 210 - volume 'local:vztmpl/x.tar.zst' does not exist",
			PM_E_TASK, false },
		{ "startup for container '210' failed", PM_E_TASK, false },
		{ "CT is locked (backup)", PM_E_LOCKED, false },
		{ "can't lock file '/run/lock/lxc/pve-config-210.lock' - got timeout", PM_E_LOCKED,
			false },
		{ "Configuration file 'nodes/pve1/lxc/210.conf' does not exist", PM_E_NOTFOUND,
			false },
		{ "unexpected status", PM_E_TASK, true },
		{ "container did not stop", PM_E_TIMEOUT, true },
		{ "unable to open file '/etc/pve/nodes/pve1/lxc/1.conf.tmp.1' - Permission denied",
			PM_E_BUSY, true },
		{ "migration aborted", PM_E_TASK, false },
	};

	for (size_t i = 0; i < PM_COUNT(table); i++) {
		struct client c;

		client_start_token(&c, "pve1");
		client_answer(
			&c, "GET", STATUS, pm_arena_printf(c.arena, ENDED("%s"), table[i].exit));
		client_answer(&c, "GET", TASK "/log[?]limit=1",
			"{\"total\":40,\"data\":[{\"n\":1,\"t\":\"x\"}]}");
		client_answer(&c, "GET", TASK "/log[?]start=34&limit=6",
			"{\"total\":40,\"data\":[{\"n\":39,\"t\":\"lxc-start: no space\"},{\"n\":40,\"t\":\"TASK "
			"ERROR: again\"}]}");
		assert_err(wait_for(&c), table[i].code, &c.err, table[i].exit);
		assert_has(c.err.msg, "task vzcreate 210 on pve2 failed: ");
		assert_has(c.err.msg, "its log ends: lxc-start: no space");
		assert_null(strstr(c.err.msg, "again"));
		assert_string_equal(c.err.where, UPID);
		if (c.err.maybe_sent != table[i].maybe)
			fail_msg("%s", table[i].exit);
		client_stop(&c);
	}
}

PM_TEST(a_task_without_an_exit_status_was_killed)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", STATUS, "{\"data\":{\"status\":\"stopped\"}}");
	assert_err(wait_for(&c), PM_E_TASK, &c.err, "killed");
	client_stop(&c);
}

PM_TEST(a_task_may_be_unknown_for_a_moment)
{
	struct client c;

	client_start_token(&c, "pve1");
	for (int i = 0; i < 3; i++)
		once(&c, 400, "Parameter verification failed.",
			"{\"errors\":{\"upid\":\"no such task\"}}");
	client_answer(&c, "GET", STATUS, ENDED("OK"));
	assert_ok(wait_for(&c), &c.err);
	client_stop(&c);
}

PM_TEST(a_task_that_stays_unknown_has_an_unknown_end)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_status(&c, "GET", STATUS, 400, "Parameter verification failed.",
		"{\"errors\":{\"upid\":\"no such task\"}}");
	assert_err(wait_for(&c), PM_E_NOTFOUND, &c.err,
		"the end of task vzcreate 210 on pve2 is not known");
	assert_true(c.err.maybe_sent);
	client_stop(&c);
}

PM_TEST(the_node_of_a_task_may_be_away_for_a_while)
{
	struct client c;

	client_start_token(&c, "pve1 pve2");
	for (int i = 0; i < 40; i++)
		once(&c, 595, "Connection refused", "");
	client_answer(&c, "GET", STATUS, ENDED("OK"));
	assert_ok(wait_for(&c), &c.err);
	client_stop(&c);

	client_start_token(&c, "pve1 pve2");
	client_status(&c, "GET", STATUS, 595, "Connection refused", "");
	assert_err(
		wait_for(&c), PM_E_UNREACHABLE, &c.err, "is not known: node pve2 does not answer");
	assert_true(c.err.maybe_sent);
	client_stop(&c);
}

PM_TEST(a_wait_that_is_cancelled_leaves_the_task)
{
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", STATUS, RUNNING);
	atomic_store(&c.cancel.deadline_ns, UINT64_MAX / 4);
	atomic_store(&c.clock.ns, UINT64_MAX / 4 - 3 * PM_S_NS);
	assert_err(wait_for(&c), PM_E_CANCELLED, &c.err, "is not known");
	assert_true(c.err.maybe_sent);
	assert_int_equal(client_count(&c, "DELETE", NULL), 0);
	client_stop(&c);
}

#define ROW(start, type, id, user)                                               \
	"{\"upid\":\"UPID:pve2:00000361:0003D69F:6B020DF7:" type ":" id ":" user \
	":\",\"starttime\":" start ",\"status\":\"OK\",\"user\":\"x\"}"

static const struct pm_task_query query = { .node = "pve2",
	.vmid = 210,
	.type = "vzcreate",
	.since_s = 1000 };

PM_TEST(the_newest_task_of_ours_is_found)
{
	struct pm_task t;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET",
		"/nodes/pve2/tasks[?]source=all&vmid=210&since=995&limit=50&typefilter=vzcreate",
		"{\"total\":5,\"data\":[" ROW("1000", "vzcreate", "210", "ci@pve!gitops") "," ROW(
			"994", "vzcreate", "210",
			"ci@pve!gitops") ","
					 "{\"upid\":\"UPID:pve2:00000999:0003D69F:6B020DF7:vzcreate:210:ci@pve!gitops:\","
					 "\"starttime\":\"1002\"}," ROW("1001", "vzcreate", "210",
						 "ci@pve!gitops") "," ROW("1009", "vzcreate", "210",
						 "ci@pve!gitop") "," ROW("1009", "vzcreate", "210",
						 "root@pam") "," ROW("1009", "vzdestroy", "210",
						 "ci@pve!gitops") "," ROW("1009", "vzcreate", "21",
						 "ci@pve!gitops") ",7,null]}");
	assert_ok(pm_task_find(c.pve, &c.job, &query, &t, &c.err), &c.err);
	assert_has(t.upid, ":00000999:");
	client_stop(&c);
}

PM_TEST(no_task_is_not_found)
{
	struct pm_task t;
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", "/nodes/pve2/tasks*", "{\"data\":[]}");
	assert_err(pm_task_find(c.pve, &c.job, &query, &t, &c.err), PM_E_NOTFOUND, &c.err,
		"no task vzcreate of 210 on pve2");
	client_stop(&c);
}
