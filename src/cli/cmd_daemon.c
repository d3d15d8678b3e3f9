/* podmox status, history, suspend, resume, reconcile, approve: what a running daemon is asked. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/map.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cli_priv.h"
#include "daemon/ask.h"

#define SHOWN    20 /* entries of the history */
#define STEP_NS  (200 * PM_MS_NS)
#define FRAME_NS PM_S_NS

/** A question to the daemon. */
struct talk {
	const struct pm_args *a;
	struct pm_job job;
	struct pm_config *config;
	const char *socket;
};

/* ---- the socket ---- */

/* A daemon of this user comes first, then the system's service. */
static const char *socket_of(struct talk *t)
{
	const struct pm_config *c = t->config;
	const char *service = pm_arena_printf(t->job.arena, "/run/podmox/%s.sock", c->set);

	if (c->socket != NULL && access(c->socket, F_OK) == 0)
		return c->socket;
	return access(service, F_OK) == 0 && !pm_rec_str(c->rec, PM_CONFIG_AGENT_SOCKET, NULL)
		       ? service
		       : c->socket;
}

static int open_talk(const struct pm_args *a, struct talk *t, struct pm_error *err)
{
	int r;

	memset(t, 0, sizeof(*t));
	t->a = a;
	pm_cli_job(&t->job);
	t->socket = a->socket;
	if (t->socket != NULL)
		return 0;
	r = pm_cli_config(a, &t->job, &t->config, err);
	if (r < 0)
		return pm_error_wrap(err, "where the daemon listens (or give --socket)");
	t->socket = socket_of(t);
	if (t->socket == NULL)
		return pm_error_set(err, PM_E_USAGE,
			"there is no place for a socket: set XDG_RUNTIME_DIR or agent.socket in %s, or "
			"give --socket",
			t->config->file);
	return 0;
}

static void close_talk(struct talk *t)
{
	pm_config_free(t->config);
	pm_arena_free(t->job.arena);
}

/* Asks with what is in `fields`, an object of which only the end is missing. */
static int ask(
	struct talk *t, const struct pm_buf *fields, struct json_object **ret, struct pm_error *err)
{
	return pm_ask(t->socket, pm_buf_str(fields) + 1, PM_ASK_PATIENCE_NS, ret, err);
}

static void begin(struct pm_jwrite *w, const char *what)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "do", what);
}

/* The answer as JSON or YAML; false: another form is wanted. */
static bool document(const struct pm_args *a, struct json_object *data)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	if (a->output != PM_OUT_JSON && a->output != PM_OUT_YAML)
		return false;
	(void)pm_buf_adds(&out, json_object_to_json_string_ext(data,
					JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
	pm_cli_document(a, &out);
	return true;
}

/* "Pod/shop/web" of what was typed; NULL: nothing was. */
static int object_of(struct talk *t, const char **ret, struct pm_error *err)
{
	const struct pm_args *a = t->a;
	const struct pm_obj *o;

	*ret = NULL;
	if (a->rest.n == 0)
		return 0;
	o = pm_cli_named(t->job.arena, a->rest.v[0]);
	if (o == NULL)
		return pm_error_set(err, PM_E_USAGE,
			"%s takes the name of an object, as pod/shop/web, not \"%s\"",
			a->command->name, a->rest.v[0]);
	*ret = pm_obj_id(t->job.arena, o);
	return 0;
}

/* ---- status ---- */

static void names(struct json_object *data)
{
	struct json_object *v = pm_json_get(data, "objects");

	for (size_t i = 0; v != NULL && i < json_object_array_length(v); i++)
		(void)puts(pm_json_str(json_object_array_get_idx(v, i), "id"));
}

static void show(const struct pm_args *a, struct json_object *data)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	if (document(a, data))
		return;
	if (a->output == PM_OUT_NAME) {
		names(data);
		return;
	}
	pm_status_human(data, a->colour, pm_columns(), &out);
	(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
}

/* 2 when something differs and that was asked for. */
static int status_of(const struct pm_args *a, struct json_object *data)
{
	struct json_object *sum = pm_json_get(data, "summary");
	int64_t other = pm_json_int(sum, "unknown", 0) + pm_json_int(sum, "differs", 0) +
			pm_json_int(sum, "held", 0) + pm_json_int(sum, "failing", 0) +
			pm_json_int(sum, "suspended", 0);

	return a->detailed_exitcode && (other > 0 || !pm_json_bool(data, "inPlace", false)) ? 2 : 0;
}

static int ask_status(struct talk *t, struct json_object **ret, struct pm_error *err)
{
	return pm_ask(t->socket, t->a->all ? "\"do\":\"status\",\"all\":true" : "\"do\":\"status\"",
		PM_ASK_PATIENCE_NS, ret, err);
}

/* Of everything but the time. */
static uint64_t print_of(struct json_object *data)
{
	struct json_object *now = pm_json_hold(pm_json_get(data, "now"));
	const char *s;
	uint64_t h;

	json_object_object_del(data, "now");
	s = json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN);
	h = pm_hash(s, strlen(s), 1);
	(void)json_object_object_add(data, "now", now);
	return h;
}

static void frame(const struct pm_args *a, struct json_object *data, uint64_t *last)
{
	bool screen = a->output == PM_OUT_HUMAN && isatty(STDOUT_FILENO);
	uint64_t print = print_of(data);

	if (screen)
		(void)fputs("\033[H\033[J", stdout);
	else if (print == *last)
		return;
	else if (*last != 0 && a->output == PM_OUT_HUMAN)
		(void)fputc('\n', stdout);
	show(a, data);
	(void)fflush(stdout);
	*last = print;
}

/* A daemon that is away may come back: it is told once. */
static int watch(struct talk *t)
{
	uint64_t last = 0;
	bool away = false;

	do {
		struct json_object *data cleanup_json = NULL;
		struct pm_error err = { 0 };

		if (ask_status(t, &data, &err) == 0)
			frame(t->a, data, &last);
		else if (!away)
			(void)pm_cli_fail(&err);
		away = data == NULL;
		if (ferror(stdout))
			return 1;
	} while (pm_wait_ns(t->job.clock, FRAME_NS, t->job.cancel) == 0);
	return 130;
}

static int run_status(struct talk *t, struct pm_error *err)
{
	struct json_object *data cleanup_json = NULL;
	int r;

	if (t->a->watch)
		return watch(t);
	r = ask_status(t, &data, err);
	if (r < 0)
		return r;
	show(t->a, data);
	return status_of(t->a, data);
}

/* ---- history ---- */

static int run_history(struct talk *t, struct pm_error *err)
{
	struct json_object *data cleanup_json = NULL;
	struct pm_buf q cleanup_buf = PM_BUF(0), out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &q };
	const char *object;
	int64_t limit = SHOWN;
	int r;

	if (t->a->limit != NULL && pm_parse_int(t->a->limit, 1, 10000, &limit) < 0)
		return pm_error_set(err, PM_E_USAGE,
			"--limit takes a whole number from 1 to 10000, not \"%s\"", t->a->limit);
	r = object_of(t, &object, err);
	if (r < 0)
		return r;
	begin(&w, "history");
	pm_jw_int(&w, "limit", limit);
	if (object != NULL)
		pm_jw_str(&w, "object", object);
	r = ask(t, &q, &data, err);
	if (r < 0)
		return r;
	if (document(t->a, data))
		return 0;
	pm_history_human(data, t->a->output == PM_OUT_NAME, pm_columns(), &out);
	(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return 0;
}

/* ---- requests ---- */

/* One line about what was done: the data, the object's name, or a sentence. */
static void told(
	const struct pm_args *a, struct json_object *data, const char *name, const char *sentence)
{
	if (document(a, data))
		return;
	if (a->output == PM_OUT_NAME)
		(void)puts(name != NULL ? name : "all");
	else if (!a->quiet)
		(void)puts(sentence);
}

static int run_suspend(struct talk *t, struct pm_error *err)
{
	struct json_object *data cleanup_json = NULL;
	struct pm_buf q cleanup_buf = PM_BUF(0), text cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &q };
	const char *object, *until;
	int64_t seconds = 0;
	int r = object_of(t, &object, err);

	if (r < 0)
		return r;
	if (t->a->duration != NULL &&
		(pm_parse_seconds(t->a->duration, &seconds) < 0 || seconds <= 0))
		return pm_error_set(err, PM_E_USAGE,
			"--for takes a time such as 30m, 2h or 1d12h, not \"%s\"", t->a->duration);
	begin(&w, "suspend");
	if (object != NULL)
		pm_jw_str(&w, "object", object);
	pm_jw_int(&w, "seconds", seconds);
	if (t->a->reason != NULL)
		pm_jw_str(&w, "reason", t->a->reason);
	r = ask(t, &q, &data, err);
	if (r < 0)
		return r;
	until = pm_json_str(data, "until");
	(void)pm_buf_addf(&text, "%s is left alone %s%s.", object != NULL ? object : "Everything",
		until != NULL ? "until " : "until podmox resume", until != NULL ? until : "");
	told(t->a, data, object, pm_buf_str(&text));
	return 0;
}

static int run_resume(struct talk *t, struct pm_error *err)
{
	struct json_object *data cleanup_json = NULL;
	struct pm_buf q cleanup_buf = PM_BUF(0), text cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &q };
	const char *object;
	int r = object_of(t, &object, err);

	if (r < 0)
		return r;
	begin(&w, "resume");
	if (object != NULL)
		pm_jw_str(&w, "object", object);
	r = ask(t, &q, &data, err);
	if (r < 0)
		return r;
	(void)pm_buf_addf(
		&text, "%s is looked after again.", object != NULL ? object : "Everything");
	told(t->a, data, object, pm_buf_str(&text));
	return 0;
}

static int run_approve(struct talk *t, struct pm_error *err)
{
	struct json_object *data cleanup_json = NULL;
	struct pm_buf q cleanup_buf = PM_BUF(0), text cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &q };
	const char *revision;
	int r;

	begin(&w, "approve");
	if (t->a->rest.n > 0)
		pm_jw_str(&w, "revision", t->a->rest.v[0]);
	r = ask(t, &q, &data, err);
	if (r < 0)
		return r;
	revision = pm_json_str(data, "revision");
	(void)pm_buf_addf(
		&text, "%s is approved and goes ahead.", revision != NULL ? revision : "It");
	told(t->a, data, revision, pm_buf_str(&text));
	return 0;
}

/* ---- reconcile ---- */

/* Until the daemon has served the ticket. */
static int wait_for(struct talk *t, int64_t ticket, struct json_object **ret, struct pm_error *err)
{
	for (;;) {
		int r = ask_status(t, ret, err);

		if (r < 0 || pm_json_int(*ret, "answered", 0) >= ticket)
			return r;
		pm_json_putp(ret);
		*ret = NULL;
		if (pm_wait_ns(t->job.clock, STEP_NS, t->job.cancel) < 0)
			return pm_error_set(err, PM_E_CANCELLED,
				"not waited for any longer; the daemon goes on");
	}
}

/* Exit status of a cycle, as of an apply. */
static int judge(struct json_object *cycle)
{
	const char *result = pm_json_str(cycle, "result");

	if (pm_str_eq(result, "ok"))
		return 0;
	if (pm_json_int(cycle, "done", 0) > 0)
		return 3;
	for (enum pm_code c = 1; c < PM_CODE_MAX; c++)
		if (pm_str_eq(result, pm_code_name(c)))
			return pm_code_exit(c);
	return 1;
}

static int run_reconcile(struct talk *t, struct pm_error *err)
{
	struct json_object *asked cleanup_json = NULL, *data cleanup_json = NULL;
	struct pm_buf out cleanup_buf = PM_BUF(0);
	int r = pm_ask(t->socket, "\"do\":\"reconcile\"", PM_ASK_PATIENCE_NS, &asked, err);

	if (r < 0)
		return r;
	if (t->a->no_wait) {
		told(t->a, asked, NULL, "The daemon has been asked.");
		return 0;
	}
	r = wait_for(t, pm_json_int(asked, "ticket", 0), &data, err);
	if (r < 0)
		return r;
	if (t->a->output != PM_OUT_HUMAN) {
		show(t->a, data);
	} else {
		pm_cycle_human(data, pm_columns(), &out);
		(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
	}
	return judge(pm_json_get(data, "lastCycle"));
}

/* ---- commands ---- */

static int command(struct pm_args *a, int (*run)(struct talk *t, struct pm_error *err))
{
	struct pm_error err = { 0 };
	struct talk t;
	int r = open_talk(a, &t, &err);

	if (r == 0)
		r = run(&t, &err);
	close_talk(&t);
	return r < 0 ? pm_cli_fail(&err) : r;
}

int cmd_status(struct pm_args *a)
{
	return command(a, run_status);
}

int cmd_history(struct pm_args *a)
{
	return command(a, run_history);
}

int cmd_suspend(struct pm_args *a)
{
	return command(a, run_suspend);
}

int cmd_resume(struct pm_args *a)
{
	return command(a, run_resume);
}

int cmd_reconcile(struct pm_args *a)
{
	return command(a, run_reconcile);
}

int cmd_approve(struct pm_args *a)
{
	return command(a, run_approve);
}
