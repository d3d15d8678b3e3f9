/* Following a task line by line: no line twice, none lost but those that are too many. */
#include <string.h>

#include "base/text.h"
#include "client.h"

#define UPID     "UPID:pve2:00000361:0003D69F:6B020DF7:vzcreate:210:root@pam:"
#define TASK     "/nodes/pve2/tasks/UPID%3Apve2%3A*"
#define RUNNING  "{\"data\":{\"status\":\"running\"}}"
#define ENDED(s) "{\"data\":{\"status\":\"stopped\",\"exitstatus\":\"" s "\"}}"

static void once(struct client *c, const char *path, int status, const char *body)
{
	struct pm_fake_rule r = { .method = "GET",
		.path = pm_arena_printf(c->arena, API "%s", path),
		.times = 1,
		.status = status,
		.reason = status >= 400 ? "Connection refused" : NULL,
		.body = body };

	pm_fake_add(c->net, &r);
}

static void take_line(void *arg, const char *line)
{
	pm_buf_addf(arg, "%s|", line);
}

static int follow(struct client *c, struct pm_buf *lines)
{
	struct pm_task t;

	assert_true(pm_task_parse(UPID, &t));
	return pm_task_follow(c->pve, &c->job, &t, take_line, lines, &c->err);
}

/* Rows from..to of a log. */
static const char *rows(struct client *c, unsigned from, unsigned to, unsigned total)
{
	struct pm_buf b = PM_BUF(0);
	const char *text;

	pm_buf_addf(&b, "{\"total\":%u,\"data\":[", total);
	for (unsigned i = from; i <= to; i++)
		pm_buf_addf(&b, "%s{\"n\":%u,\"t\":\"line %u\"}", i > from ? "," : "", i, i);
	pm_buf_adds(&b, "]}");
	text = pm_arena_strdup(c->arena, pm_buf_str(&b));
	pm_buf_done(&b);
	return text;
}

/* A client that sees the task running once. */
static void start_running(struct client *c)
{
	client_start_token(c, "pve1");
	once(c, TASK "/status", 200, RUNNING);
}

PM_TEST(lines_are_told_once_as_they_come)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	start_running(&c);
	once(&c, TASK "/status", 200, RUNNING);
	once(&c, TASK "/status", 200, RUNNING);
	once(&c, TASK "/status", 200, ENDED("OK"));
	once(&c, TASK "/log[?]start=0&limit=500", 200,
		"{\"total\":1,\"data\":[{\"n\":1,\"t\":\"no content\"}]}");
	once(&c, TASK "/log[?]start=0&limit=500", 200, rows(&c, 1, 2, 2));
	/* A line that was there already is not told again. */
	once(&c, TASK "/log[?]start=2&limit=500", 200, rows(&c, 2, 3, 3));
	once(&c, TASK "/log[?]start=3&limit=500", 200,
		"{\"total\":4,\"data\":[{\"n\":4,\"t\":\"TASK OK\"}]}");
	assert_ok(follow(&c, &lines), &c.err);
	assert_string_equal(pm_buf_str(&lines), "line 1|line 2|line 3|TASK OK|");
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_long_log_comes_in_pages)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	start_running(&c);
	once(&c, TASK "/status", 200, ENDED("OK"));
	once(&c, TASK "/log[?]start=0&limit=500", 200, rows(&c, 1, 500, 700));
	once(&c, TASK "/log[?]start=500&limit=500", 200, rows(&c, 501, 700, 700));
	once(&c, TASK "/log[?]start=700&limit=500", 200, rows(&c, 701, 702, 702));
	assert_ok(follow(&c, &lines), &c.err);
	assert_has(pm_buf_str(&lines), "line 1|");
	assert_has(pm_buf_str(&lines), "line 500|line 501|");
	assert_has(pm_buf_str(&lines), "line 700|line 701|line 702|");
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_log_of_a_million_lines_is_cut)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", TASK "/status", ENDED("OK"));
	once(&c, TASK "/log[?]start=0&limit=500", 200, rows(&c, 1, 500, 1000000));
	for (unsigned at = 998000; at < 1000000; at += 500)
		once(&c, pm_arena_printf(c.arena, "%s/log[?]start=%u&limit=500", TASK, at), 200,
			rows(&c, at + 1, at + 500, 1000000));
	assert_ok(follow(&c, &lines), &c.err);
	assert_true(pm_str_starts(pm_buf_str(&lines), "(998000 lines are left out)|line 998001|"));
	assert_has(pm_buf_str(&lines), "line 1000000|");
	assert_true(client_count(&c, "GET", TASK "/log*") <= 6);
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_log_that_grows_faster_than_it_is_read_does_not_keep_the_end)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	start_running(&c);
	client_answer(&c, "GET", TASK "/status", ENDED("OK"));
	for (unsigned at = 0; at < 4000; at += 500)
		once(&c, pm_arena_printf(c.arena, "%s/log[?]start=%u&limit=500", TASK, at), 200,
			rows(&c, at + 1, at + 500, 4000));
	assert_ok(follow(&c, &lines), &c.err);
	assert_has(pm_buf_str(&lines), "line 4000|");
	assert_null(strstr(pm_buf_str(&lines), "left out"));
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_log_that_is_gone_does_not_lose_the_task)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	start_running(&c);
	once(&c, TASK "/status", 200, ENDED("OK"));
	once(&c, TASK "/log*", 200,
		"{\"total\":1,\"data\":[{\"n\":1,\"t\":\"unable to open file - No such file or "
		"directory\"}]}");
	once(&c, TASK "/log*", 400, "{\"errors\":{\"upid\":\"no such task\"}}");
	assert_ok(follow(&c, &lines), &c.err);
	assert_string_equal(pm_buf_str(&lines), "");
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_failed_task_tells_its_log_and_why)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	client_start_token(&c, "pve1");
	client_answer(&c, "GET", TASK "/status", ENDED("startup for container '210' failed"));
	client_answer(&c, "GET", TASK "/log*",
		"{\"total\":2,\"data\":[{\"n\":1,\"t\":\"no \\u001b[31mspace\"},{\"n\":2,\"t\":\"TASK "
		"ERROR: startup\"}]}");
	assert_err(follow(&c, &lines), PM_E_TASK, &c.err, "startup for container '210' failed");
	assert_has(pm_buf_str(&lines), "space|TASK ERROR: startup|");
	assert_null(strchr(pm_buf_str(&lines), '\033'));
	pm_buf_done(&lines);
	client_stop(&c);
}

PM_TEST(a_node_may_go_away_while_its_task_is_followed)
{
	struct pm_buf lines = PM_BUF(0);
	struct client c;

	client_start_token(&c, "pve1 pve3");
	once(&c, TASK "/status", 200, RUNNING);
	once(&c, TASK "/log*", 200, rows(&c, 1, 1, 1));
	for (int i = 0; i < 4; i++)
		once(&c, TASK "/status", 595, "");
	client_answer(&c, "GET", TASK "/status", ENDED("OK"));
	client_answer(&c, "GET", TASK "/log*", rows(&c, 2, 2, 2));
	assert_ok(follow(&c, &lines), &c.err);
	assert_string_equal(pm_buf_str(&lines), "line 1|line 2|");
	/* Nobody asks for a log of a node that is away. */
	assert_int_equal(client_count(&c, "GET", TASK "/log*"), 2);
	pm_buf_done(&lines);
	client_stop(&c);
}
