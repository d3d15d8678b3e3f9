/* What a daemon answers, as people see it: on 80 columns, with the reason beside what is not as it should be. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"
#include "pm_test.h"

static struct json_object *parse(const char *text)
{
	struct json_object *o = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	return o;
}

/* The page; no line of it is wider than the terminal. */
static const char *shown(const char *text, unsigned columns)
{
	static char page[16384];
	struct json_object *o cleanup_json = parse(text);
	struct pm_buf out cleanup_buf = PM_BUF(sizeof(page) - 1);

	pm_status_human(o, false, columns, &out);
	memcpy(page, pm_buf_str(&out), out.len + 1);
	for (const char *s = page; *s != '\0'; s += strcspn(s, "\n") + 1)
		if (pm_text_width(s, strcspn(s, "\n")) > columns)
			fail_msg("too wide: %.*s", (int)strcspn(s, "\n"), s);
	return page;
}

#define NOW "\"now\":\"2026-03-01T12:00:00.000Z\","
#define GOOD                                                                                   \
	"\"set\":\"home\",\"doing\":\"waiting\",\"doingSince\":\"2026-03-01T11:59:48.000Z\","  \
	"\"next\":\"a look for drift\",\"nextAt\":\"2026-03-01T12:04:48.000Z\","               \
	"\"source\":{\"folder\":\"/srv/manifests\"},"                                          \
	"\"cluster\":{\"known\":true,\"quorate\":true,\"version\":\"9.1.1\",\"guests\":41,"    \
	"\"nodes\":[{\"name\":\"pve1\",\"online\":true},{\"name\":\"pve2\",\"online\":true}]," \
	"\"read\":\"2026-03-01T11:59:40.000Z\"},"                                              \
	"\"lastCycle\":{\"number\":17,\"why\":\"files\",\"result\":\"ok\","                    \
	"\"ended\":\"2026-03-01T11:59:48.000Z\",\"readMs\":1000,\"applyMs\":250,\"done\":2,"   \
	"\"failed\":0},"
#define COMMIT                                                                         \
	"\"wanted\":{\"id\":\"0123456789abcdef0123456789abcdef01234567\",\"subject\":" \
	"\"Give web more memory\",\"at\":\"2026-03-01T11:57:00.000Z\"},"

PM_TEST(status_is_one_glance)
{
	assert_string_equal(
		shown("{" NOW GOOD COMMIT "\"applied\":{\"id\":\"0123456789abcdef0123456789abcdef"
		      "01234567\",\"at\":\"2026-03-01T08:00:00.000Z\"},\"inPlace\":true,"
		      "\"summary\":{\"in-sync\":40},\"objects\":[]}",
			80),
		"set        home from /srv/manifests\n"
		"wanted     0123456789ab \"Give web more memory\", seen 3m 0s ago\n"
		"applied    all of it, 4h 0m ago\n"
		"now        waiting, for 12s\n"
		"next       a look for drift in 4m 48s\n"
		"last       cycle 17 (files), 12s ago: 2 done, 0 failed, in 1.2 s\n"
		"cluster    quorate, 2 of 2 nodes online, 41 guests, PVE 9.1.1, read 20s ago\n"
		"objects    40 in sync\n");
}

PM_TEST(status_says_what_is_in_the_way)
{
	const char *page = shown(
		"{" NOW GOOD COMMIT
		"\"applied\":{\"id\":\"tree:0011223344556677\",\"at\":\"2026-02-27T12:00:00.000Z\"},"
		"\"inPlace\":false,\"held\":{\"id\":\"fedcba98765432100\",\"subject\":null},"
		"\"heldWhy\":\"the history was rewritten\",\"configError\":\"line 3: no\","
		"\"lockHolder\":\"pid 12\","
		"\"brokenFiles\":[{\"file\":\"m/a.yaml\",\"line\":3,\"column\":7,\"why\":"
		"\"this list is not closed\",\"lastGoodInForce\":true}],"
		"\"suspensions\":[{\"object\":null,\"reason\":\"moving house\",\"by\":\"uid 0 (root)\","
		"\"until\":\"2026-03-01T14:00:00.000Z\"}],"
		"\"summary\":{\"in-sync\":1,\"held\":1,\"failing\":1,\"suspended\":1},"
		"\"objects\":[{\"id\":\"Pod/shop/db\",\"state\":\"held\",\"verb\":\"update\",\"vmid\":"
		"211,\"node\":\"pve1\",\"changes\":\"features.nesting absent -> on\",\"why\":"
		"\"needs a restart, not allowed here\"},"
		"{\"id\":\"Pod/shop/cache\",\"state\":\"failing\",\"verb\":\"create\",\"why\":"
		"\"the storage local-lvm on pve1 is full and has been so for as long as anybody "
		"remembers\",\"attempts\":3,\"next\":\"2026-03-01T12:00:40.000Z\"},"
		"{\"id\":\"Pod/shop/web\",\"state\":\"suspended\",\"changes\":null},"
		"{\"id\":\"Pod/shop/wiki\",\"state\":\"suspended\",\"changes\":\"memory 1G -> 2G\"}],"
		"\"objectsNotShown\":5}",
		80);

	assert_has(page, "applied    tree:0011223344556677, 2d 0h ago\n");
	assert_has(page,
		"problem    the configuration is refused, the old one is in force: line 3: no\n");
	assert_has(page, "problem    the set is locked by: pid 12\n");
	assert_has(page,
		"held       revision fedcba987654: the history was rewritten; podmox approve lets\n"
		"           it pass\n");
	assert_has(page,
		"broken     m/a.yaml:3:7: this list is not closed; its last good objects stay in\n");
	assert_has(page, "suspended  everything, ends in 2h 0m, by uid 0 (root): moving house\n");
	assert_has(page,
		"\n\nfailing    Pod/shop/cache, to create, tried 3 times, again in 40s\n"
		"             the storage local-lvm on pve1 is full and has been so for as long\n");
	assert_has(page, "held       Pod/shop/db (211 on pve1), to update\n"
			 "             features.nesting absent -> on\n"
			 "             needs a restart, not allowed here\n");
	assert_null(strstr(page, "Pod/shop/web"));
	assert_has(page, "suspended  Pod/shop/wiki\n             memory 1G -> 2G\n");
	assert_has(page, "           and 5 more; -o json shows them\n");
}

PM_TEST(status_of_a_daemon_that_has_just_begun)
{
	const char *page = shown("{" NOW "\"set\":\"home\",\"doing\":\"starting\",\"observe\":true,"
				 "\"source\":{\"folder\":\"m\",\"error\":\"the remote is away\"},"
				 "\"cluster\":{\"known\":false},\"wanted\":null,\"applied\":null}",
		80);

	assert_has(page, "set        home from m; only observed, nothing is written\n");
	assert_has(page,
		"wanted     nothing was read yet\napplied    nothing yet\nnow        starting\n");
	assert_has(page,
		"last       no cycle has ended yet\ncluster    not read yet\nobjects    0 in sync\n");
	assert_has(page, "problem    the manifests cannot be read: the remote is away\n");
}

/* Whatever somebody has written into a commit or a reason: it stays text. */
PM_TEST(status_shows_no_control_characters)
{
	const char *page = shown("{" NOW GOOD "\"wanted\":{\"id\":\"tree:00\",\"subject\":"
				 "\"a\\u001b[31mred\\nb\"},\"summary\":{}}",
		60);

	assert_null(strchr(page, '\033'));
	assert_has(page, "red");
}

PM_TEST(status_counts_what_it_does_not_show)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	(void)pm_buf_adds(&text, "{" NOW GOOD "\"objects\":[");
	for (int i = 0; i < 30; i++)
		(void)pm_buf_addf(&text, "%s{\"id\":\"Pod/shop/n%d\",\"state\":\"differs\"}",
			i > 0 ? "," : "", i);
	(void)pm_buf_adds(&text, "]}");
	assert_has(
		shown(pm_buf_str(&text), 80), "n19\n           and 10 more; -o json shows them\n");
}

PM_TEST(history_is_a_table)
{
	struct json_object *o cleanup_json = parse(
		"{\"entries\":[{\"time\":\"2026-03-01T11:00:00.000Z\",\"what\":\"started\"},"
		"{\"time\":\"2026-03-01T11:00:01.000Z\",\"what\":\"applied\",\"object\":"
		"\"Pod/shop/web\",\"verb\":\"update\",\"text\":\"resources.memory 512M -> 1G, "
		"network.interfaces.eth0.tag 20 -> 30\"},"
		"{\"time\":\"2026-03-01T11:00:02.000Z\",\"what\":\"applied\",\"revision\":"
		"\"0123456789abcdef0123456789abcdef01234567\",\"text\":\"everything is in place\"}]}");
	struct pm_buf out cleanup_buf = PM_BUF(0);

	pm_history_human(o, false, 80, &out);
	assert_string_equal(out.p,
		"TIME (UTC)           WHAT       ABOUT\n"
		"2026-03-01 11:00:00  started    the daemon\n"
		"2026-03-01 11:00:01  applied    Pod/shop/web: update, resources.memory 512M ->\n"
		"                                1G, network.interfaces.eth0.tag 20 -> 30\n"
		"2026-03-01 11:00:02  applied    0123456789abcdef01234: everything is in place\n");
	pm_buf_clear(&out);
	pm_history_human(o, true, 80, &out);
	assert_string_equal(out.p, "Pod/shop/web\n");
}

PM_TEST(a_cycle_is_one_sentence)
{
	struct json_object *o cleanup_json =
		parse("{" NOW GOOD "\"summary\":{\"in-sync\":3,\"failing\":1}}");
	struct pm_buf out cleanup_buf = PM_BUF(0);

	pm_cycle_human(o, 80, &out);
	assert_string_equal(out.p,
		"cycle 17 (files), 12s ago: 2 done, 0 failed, in 1.2 s; 3 in sync, 1 failing\n");
}
