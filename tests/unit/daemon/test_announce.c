/* Messages to others: what they say, that none is told twice, webhooks, programs, and their limits of time. */
#include <sys/stat.h>

#include "base/file.h"
#include "fake_transport.h"
#include "house.h"

#define HOOK "https://hooks.example/services/T0P-S3CRET"

static const struct pm_message message = { .event = "failed",
	.set = "home",
	.object = "Pod/shop/web",
	.text = "no \"space\"\n",
	.host = "pve1",
	.at_ms = 1000 };

static const char *body_of(const char *template)
{
	static struct pm_buf out = PM_BUF(0);

	pm_buf_clear(&out);
	pm_message_body(&message, template, &out);
	return pm_buf_str(&out);
}

PM_TEST(announce_body)
{
	assert_string_equal(body_of(NULL),
		"{\"event\":\"failed\",\"set\":\"home\",\"object\":\"Pod/shop/web\","
		"\"text\":\"no \\\"space\\\"\\n\",\"revision\":null,"
		"\"time\":\"1970-01-01T00:00:01.000Z\",\"host\":\"pve1\"}");
}

PM_TEST(announce_template)
{
	assert_string_equal(body_of("{\"text\": \"{event}: {object} {text}\"}"),
		"{\"text\": \"failed: Pod/shop/web no \\\"space\\\"\\n\"}");
	assert_string_equal(body_of("{revision}{nothing} {event"), "{nothing} {event");
	assert_string_equal(body_of("{} {{set}}"), "{} {home}");
}

/* ---- a house with somebody to tell ---- */

struct tower {
	struct house h;
	struct pm_transport *net;
	struct pm_announce *a;
};

static void tower_start(struct tower *t, const char *notify)
{
	memset(t, 0, sizeof(*t));
	house_start(&t->h, notify);
	t->h.board =
		pm_board_new(&(struct pm_board_opts){ .set = "home", .clock = &t->h.clock.clock });
	t->net = pm_fake_new();
	t->a = pm_announce_new(&(struct pm_announce_opts){ .config = t->h.config,
		.board = t->h.board,
		.clock = &t->h.clock.clock,
		.transport = t->net });
	if (t->a)
		pm_board_listen(t->h.board, pm_announce_entry, t->a);
}

static void happen(struct tower *t, enum pm_happening what, const char *object, const char *text)
{
	pm_board_happened(t->h.board,
		&(struct pm_board_entry){ .what = what, .object = object, .text = text });
}

/* Until everything that waits is delivered. */
static void tower_finish(struct tower *t)
{
	pm_board_listen(t->h.board, NULL, NULL);
	pm_announce_free(t->a);
	t->a = NULL;
}

static void tower_done(struct tower *t)
{
	tower_finish(t);
	pm_transport_free(t->net);
	house_done(&t->h);
}

static struct pm_board_counts counts_of(struct tower *t)
{
	struct pm_board_view v;

	pm_board_view(t->h.board, t->h.arena, 0, &v);
	return v.counts;
}

#define WEBHOOK \
	"notify:\n  - {name: chat, webhook: \"" HOOK "\", authorization: \"Bearer b3arer\"}\n"

PM_TEST(announce_webhook)
{
	const struct pm_fake_rule rule = { .status = 204 };
	const struct pm_fake_request *r;
	struct tower t;

	tower_start(&t, WEBHOOK);
	pm_fake_add(t.net, &rule);
	happen(&t, PM_HAP_FAILED, "Pod/shop/web", "no space");
	tower_finish(&t);
	assert_int_equal(pm_fake_count(t.net, NULL, NULL), 1);
	r = pm_fake_request(t.net, 0, NULL, NULL);
	assert_string_equal(r->method, "POST");
	assert_string_equal(r->path, "/services/T0P-S3CRET");
	assert_has(r->headers, "Authorization: Bearer b3arer\n");
	assert_has(r->headers, "Content-Type: application/json\n");
	assert_has(r->body, "\"event\":\"failed\"");
	assert_int_equal(counts_of(&t).notified, 1);
	tower_done(&t);
}

PM_TEST(announce_only_what_is_told)
{
	const struct pm_fake_rule rule = { .status = 200 };
	struct tower t;

	tower_start(&t,
		"notify:\n  - {name: chat, webhook: \"" HOOK "\", events: [failed, applied]}\n");
	pm_fake_add(t.net, &rule);
	happen(&t, PM_HAP_DRIFT, "Pod/shop/web", "x");
	happen(&t, PM_HAP_SUSPENDED, "Pod/shop/web", "x");
	happen(&t, PM_HAP_APPLIED, "Pod/shop/web", "one object of many");
	happen(&t, PM_HAP_APPLIED, NULL, "everything is in place");
	tower_finish(&t);
	assert_int_equal(pm_fake_count(t.net, NULL, NULL), 1);
	assert_has(pm_fake_request(t.net, 0, NULL, NULL)->body, "everything is in place");
	tower_done(&t);
}

PM_TEST(announce_nothing_twice)
{
	const struct pm_fake_rule rule = { .status = 200 };
	struct tower t;

	tower_start(&t, WEBHOOK);
	pm_fake_add(t.net, &rule);
	for (unsigned i = 0; i < 3; i++)
		happen(&t, PM_HAP_FAILED, "Pod/shop/web", "no space");
	happen(&t, PM_HAP_FAILED, "Pod/shop/db", "no space");
	/* Well again, and ill again: both are news. */
	happen(&t, PM_HAP_RECOVERED, "Pod/shop/web", "after 3 failures");
	happen(&t, PM_HAP_FAILED, "Pod/shop/web", "no space");
	happen(&t, PM_HAP_FAILED, "Pod/shop/db", "no space");
	atomic_fetch_add(&t.h.clock.ns, 3601 * PM_S_NS);
	happen(&t, PM_HAP_FAILED, "Pod/shop/db", "no space");
	tower_finish(&t);
	assert_int_equal(pm_fake_count(t.net, NULL, NULL), 5);
	tower_done(&t);
}

/* A recipient that is away is asked twice; the log never shows its address or its token. */
PM_TEST(announce_webhook_fails)
{
	static const struct pm_fake_rule rules[] = { { .status = 503, .times = 2 },
		{ .status = 404, .times = 1 }, { .fail = PM_E_UNREACHABLE, .times = 2 } };
	struct tower t;
	FILE *f;
	char *log;
	int old;

	tower_start(&t, WEBHOOK);
	for (size_t i = 0; i < PM_COUNT(rules); i++)
		pm_fake_add(t.net, &rules[i]);
	old = house_divert(&f);
	happen(&t, PM_HAP_FAILED, "Pod/shop/web", "one");
	happen(&t, PM_HAP_FAILED, "Pod/shop/web", "two");
	happen(&t, PM_HAP_FAILED, "Pod/shop/web", "three");
	tower_finish(&t);
	log = house_undivert(f, old);
	assert_int_equal(pm_fake_count(t.net, NULL, NULL), 5);
	assert_int_equal(counts_of(&t).notify_failed, 3);
	assert_has(log, "notify=chat event=failed error=\"notify chat: the answer was 503\"");
	assert_has(log, "the answer was 404");
	assert_has(log, "no answer (unreachable)");
	assert_null(strstr(log, "S3CRET"));
	assert_null(strstr(log, "hooks.example"));
	assert_null(strstr(log, "b3arer"));
	free(log);
	tower_done(&t);
}

PM_TEST(announce_wrong_addresses)
{
	static const char *const wrong[] = { "ftp://x/S3CRET", "https://", "hooks S3CRET",
		"https://me:S3CRET@x/", "https://x/S3 CRET" };
	struct tower t;

	for (size_t i = 0; i < PM_COUNT(wrong); i++) {
		struct pm_buf notify cleanup_buf = PM_BUF(0);
		struct pm_delivery d = { 0 };
		struct pm_error err;

		(void)pm_buf_addf(
			&notify, "notify:\n  - {name: chat, webhook: \"%s\"}\n", wrong[i]);
		tower_start(&t, pm_buf_str(&notify));
		d.rec = pm_rec_get(t.h.config->rec, PM_CONFIG_NOTIFY)->u.recs->v[0];
		d.transport = t.net;
		assert_err(pm_deliver(&d, &message, &err), PM_E_INPUT, &err,
			"the address of the webhook");
		assert_null(strstr(err.msg, "S3CRET"));
		tower_done(&t);
	}
}

/* ---- programs ---- */

static int run_script(struct house *h, const char *script, const char *more, struct pm_error *err)
{
	struct pm_buf notify cleanup_buf = PM_BUF(0);
	struct pm_delivery d = { 0 };
	const char *path = pm_test_file(pm_test_dir(), "hook.sh", script);
	int r;

	assert_int_equal(chmod(path, 0755), 0);
	(void)pm_buf_addf(
		&notify, "notify:\n  - {name: hook, exec: [/bin/sh, %s, one two]%s}\n", path, more);
	house_start(h, pm_buf_str(&notify));
	d.rec = pm_rec_get(h->config->rec, PM_CONFIG_NOTIFY)->u.recs->v[0];
	r = pm_deliver(&d, &message, err);
	house_done(h);
	return r;
}

PM_TEST(announce_program)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_buf script cleanup_buf = PM_BUF(0);
	const char *dir = pm_test_dir();
	struct pm_error err;
	struct house h;

	(void)pm_buf_addf(
		&script, "cat >%s/out; echo \"|$1|$PODMOX_EVENT|$HOME|\" >>%s/out\n", dir, dir);
	assert_ok(run_script(&h, pm_buf_str(&script), "", &err), &err);
	pm_buf_clear(&script);
	(void)pm_buf_addf(&script, "%s/out", dir);
	assert_ok(pm_file_read(-100, pm_buf_str(&script), 65536, &text, &err), &err);
	assert_has(pm_buf_str(&text), "{\"event\":\"failed\"");
	assert_has(pm_buf_str(&text), "|one two|failed||");
}

PM_TEST(announce_program_fails)
{
	struct pm_error err;
	struct house h;

	assert_err(run_script(&h, "exit 3\n", "", &err), PM_E_INVALID, &err,
		"notify hook: the program ended with status 3");
	assert_err(run_script(&h, "kill -9 $$\n", "", &err), PM_E_INVALID, &err,
		"the program died of signal 9");
}

/* It is killed with all that it has started. */
PM_TEST(announce_program_takes_too_long)
{
	struct pm_error err;
	struct house h;

	assert_err(run_script(&h, "sleep 600 & sleep 600\n", ", timeout: 1s", &err), PM_E_TIMEOUT,
		&err, "took longer than 1 s and was killed");
}

PM_TEST(announce_program_is_not_there)
{
	struct pm_delivery d = { 0 };
	struct pm_error err;
	struct house h;

	house_start(&h, "notify:\n  - {name: hook, exec: [/nonexistent/hook]}\n");
	d.rec = pm_rec_get(h.config->rec, PM_CONFIG_NOTIFY)->u.recs->v[0];
	assert_err(pm_deliver(&d, &message, &err), PM_E_IO, &err, "/nonexistent/hook");
	house_done(&h);
}

/* ---- in a cycle ---- */

PM_TEST(announce_from_a_cycle)
{
	struct pm_board_view v;
	struct house h;
	unsigned held = 0;

	house_start(&h, "");
	house_open(&h);
	house_cycle(&h, PM_WHY_DRIFT);
	pm_log_setup(PM_LOG_ERROR - 1, false);
	(void)house_control(&h, "fail GET /cluster/resources:500:50");
	for (unsigned i = 0; i < 4; i++)
		house_cycle(&h, PM_WHY_DRIFT);
	(void)house_control(&h, "fail-clear");
	house_cycle(&h, PM_WHY_RETRY);
	pm_log_setup(PM_LOG_WARNING, false);
	pm_board_view(h.board, h.arena, PM_BOARD_HISTORY, &v);
	for (size_t i = 0; i < v.nentries; i++)
		held += v.entry[i].what == PM_HAP_HELD;
	assert_int_equal(held, 1);
	assert_int_equal(v.entry[v.nentries - 1].what, PM_HAP_RECOVERED);
	house_done(&h);
}
