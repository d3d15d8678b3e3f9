/* Tasks of PVE: what an UPID says, following one to its end, and finding one whose answer was lost. */
#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "pve/pve_priv.h"

#define POLL_FIRST_MS 100
#define POLL_MOST_MS  2000
#define AWAY_MOST_NS  (300 * PM_S_NS) /* how long the node of a task may be away */
#define UNKNOWN_MOST  5               /* "no such task" right after it began */
#define LOG_LINES     6
#define PAGE          500  /* lines of a log in one answer */
#define PAGES_MOST    4    /* between two questions whether it has ended */
#define REST_MOST     2000 /* lines told at the end; what is between is left out */
#define SINCE_SLACK_S 5    /* REFERENCE 3.5 */

/* ---- UPID:node:pid:pstart:starttime:type:id:user: ---- */

static bool hex(const char *s, size_t n, size_t least, size_t most)
{
	for (size_t i = 0; i < n; i++) {
		if (!isxdigit((unsigned char)s[i]))
			return false;
	}
	return n >= least && n <= most;
}

enum part { NODE, PID, PSTART, START, TYPE, ID, USER, PARTS };

/* Cuts it into its parts; false: it is none. */
static bool split(const char *upid, const char *at[PARTS], size_t n[PARTS])
{
	if (!pm_str_starts(upid, "UPID:") || strlen(upid) >= sizeof(((struct pm_task *)NULL)->upid))
		return false;
	upid += 5;
	for (unsigned i = 0; i < PARTS; i++) {
		at[i] = upid;
		n[i] = strcspn(upid, ":");
		if (upid[n[i]] != ':')
			return false;
		upid += n[i] + 1;
	}
	for (const char *s = at[NODE]; *s; s++) {
		if (isspace((unsigned char)*s) || *s == '/' || iscntrl((unsigned char)*s))
			return false;
	}
	return *upid == '\0' && n[NODE] > 0 && n[NODE] < NODE_MAX && hex(at[PID], n[PID], 8, 8) &&
	       hex(at[PSTART], n[PSTART], 8, 9) && hex(at[START], n[START], 8, 8) && n[TYPE] > 0 &&
	       n[USER] > 0;
}

bool pm_task_parse(const char *upid, struct pm_task *ret)
{
	const char *at[PARTS];
	size_t n[PARTS];

	if (!upid || !split(upid, at, n))
		return false;
	memset(ret, 0, sizeof(*ret));
	memcpy(ret->upid, upid, strlen(upid) + 1);
	memcpy(ret->node, at[NODE], n[NODE]);
	return true;
}

/* "vzcreate 210", for messages. */
static void title(const struct pm_task *t, char out[96])
{
	const char *at[PARTS];
	size_t n[PARTS];

	out[0] = '\0';
	if (split(t->upid, at, n))
		(void)snprintf(out, 96, "%.*s%s%.*s", (int)n[TYPE], at[TYPE], n[ID] > 0 ? " " : "",
			(int)n[ID], at[ID]);
}

/* ---- following ---- */

static void task_path(const struct pm_task *t, const char *what, struct pm_buf *out)
{
	pm_buf_adds(out, "/nodes/");
	pm_form_escape(out, t->node, strlen(t->node));
	pm_buf_adds(out, "/tasks/");
	pm_form_escape(out, t->upid, strlen(t->upid));
	pm_buf_addf(out, "/%s", what);
}

static int get(struct pm_pve *p, struct pm_job *j, const struct pm_task *t, const char *what,
	struct json_object **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(4096);
	struct pm_pve_call c = { .method = "GET", .node = t->node };

	task_path(t, what, &path);
	c.path = pm_buf_str(&path);
	return pm_pve_send(p, j, &c, 1, ret, err);
}

/* Appends the last lines of the task's log; what cannot be had is left out. */
static void add_log(struct pm_pve *p, struct pm_job *j, const struct pm_task *t, struct pm_buf *out)
{
	PM_CLEANUP(pm_json_putp) struct json_object *count = NULL, *root = NULL;
	struct json_object *rows;
	struct pm_error ignored;
	int64_t total, start;
	char what[64];

	if (get(p, j, t, "log?limit=1", &count, &ignored) < 0)
		return;
	total = pm_json_int(count, "total", 0);
	start = total > LOG_LINES ? total - LOG_LINES : 0;
	(void)snprintf(what, sizeof(what), "log?start=%lld&limit=%d", (long long)start, LOG_LINES);
	if (get(p, j, t, what, &root, &ignored) < 0)
		return;
	rows = pm_json_get(root, "data");
	if (!json_object_is_type(rows, json_type_array))
		return;
	for (size_t i = 0; i < json_object_array_length(rows); i++) {
		const char *line = pm_json_str(json_object_array_get_idx(rows, i), "t");

		/* The last line only repeats the exit status. */
		if (!line || !*line || pm_str_starts(line, "TASK "))
			continue;
		pm_buf_addf(out, "%s%.160s", out->len > 0 ? " / " : "", line);
	}
}

/* The task has ended: well, or with a typed error that carries the end of its log. */
static int ended(struct pm_pve *p, struct pm_job *j, const struct pm_task *t, struct pm_error *err)
{
	const char *exit_status = t->exit_status;
	cleanup_buf struct pm_buf log = PM_BUF(4096);
	const char *remedy;
	enum pm_code code;
	char name[96];
	bool ran;

	if (strcmp(exit_status, "OK") == 0 || pm_str_starts(exit_status, "WARNINGS: "))
		return 0;
	code = pm_fault_code(exit_status, PM_E_TASK, &remedy, &ran);
	/* A parameter that only the worker looked at is still the end of a task. */
	if (code == PM_E_INVALID)
		code = PM_E_TASK;
	title(t, name);
	add_log(p, j, t, &log);
	(void)pm_error_set(err, code, "task %s on %s failed: %s%s%s%s%s", name, t->node,
		t->exit_status, remedy ? "; " : "", remedy ? remedy : "",
		log.len > 0 ? "; its log ends: " : "", pm_buf_str(&log));
	err->maybe_sent = ran;
	(void)pm_error_where(err, "%s", t->upid);
	return -(int)code;
}

struct follow {
	uint64_t away_since; /* 0: the node answers */
	unsigned unknown;
};

/* A question about the task failed: 0 when it should be asked again. */
static int excuse(struct pm_pve *p, struct follow *f, const struct pm_task *t, struct pm_error *err)
{
	uint64_t now = pm_mono_ns(p->clock);
	char name[96];

	title(t, name);
	if (err->code == PM_E_NOTFOUND && ++f->unknown < UNKNOWN_MOST)
		return 0;
	if (pm_code_retryable(err->code)) {
		if (f->away_since == 0)
			f->away_since = now;
		if (now - f->away_since < AWAY_MOST_NS)
			return 0;
	}
	(void)pm_error_wrap(err, "the end of task %s on %s is not known", name, t->node);
	err->maybe_sent = true;
	return -(int)err->code;
}

/* ---- the log, as it comes ---- */

struct log {
	pm_task_line_fn *fn; /* NULL: nobody listens */
	void *arg;
	int64_t seen; /* lines told or left out */
};

/* What PVE puts where a log has no line yet, or is gone. */
static bool is_placeholder(const struct log *l, const char *line)
{
	return l->seen == 0 &&
	       (strcmp(line, "no content") == 0 || pm_str_starts(line, "unable to open file"));
}

static void tell(struct log *l, const char *line)
{
	cleanup_buf struct pm_buf visible = PM_BUF(16384);

	pm_text_visible(&visible, line, strlen(line));
	l->fn(l->arg, pm_buf_str(&visible));
}

/* Tells what is new in a page. Returns how many lines that were. */
static int tell_rows(struct log *l, struct json_object *rows)
{
	int told = 0;

	for (size_t i = 0;
		json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows);
		i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *line = pm_json_str(row, "t");
		int64_t n = pm_json_int(row, "n", l->seen + 1);

		if (n <= l->seen || !line || is_placeholder(l, line))
			continue;
		l->seen = n;
		tell(l, line);
		told++;
	}
	return told;
}

/* Passes over all but the last lines of a log that nobody could read. */
static void leave_out(struct log *l, int64_t total)
{
	char text[64];

	if (total - l->seen <= REST_MOST)
		return;
	(void)snprintf(text, sizeof(text), "(%lld lines are left out)",
		(long long)(total - REST_MOST - l->seen));
	tell(l, text);
	l->seen = total - REST_MOST;
}

/* Tells the lines that have come. A log that cannot be read is no reason to lose the task. */
static void tell_new(
	struct pm_pve *p, struct pm_job *j, const struct pm_task *t, struct log *l, bool last)
{
	for (int page = 0; l->fn && page < (last ? REST_MOST / PAGE + 1 : PAGES_MOST); page++) {
		PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
		struct pm_error ignored;
		int64_t before = l->seen;
		char what[64];

		(void)snprintf(
			what, sizeof(what), "log?start=%lld&limit=%d", (long long)l->seen, PAGE);
		if (get(p, j, t, what, &root, &ignored) < 0)
			return;
		if (last && page == 0) {
			leave_out(l, pm_json_int(root, "total", 0));
			if (l->seen != before)
				continue;
		}
		if (tell_rows(l, pm_json_get(root, "data")) < PAGE)
			return;
	}
}

/* ---- to the end ---- */

/* Has it ended? 1 with its exit status, 0 not yet, -code. */
static int ask_status(struct pm_pve *p, struct pm_job *j, struct pm_task *t, struct follow *f,
	struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct json_object *data;
	const char *status, *exit_status;
	int r = get(p, j, t, "status", &root, err);

	if (r < 0)
		return excuse(p, f, t, err);
	f->away_since = 0;
	data = pm_json_get(root, "data");
	status = pm_json_str(data, "status");
	exit_status = pm_json_str(data, "exitstatus");
	if (!status || strcmp(status, "stopped") != 0)
		return 0;
	(void)snprintf(t->exit_status, sizeof(t->exit_status), "%s",
		exit_status ? exit_status : "unexpected status");
	return 1;
}

int pm_task_follow(struct pm_pve *p, struct pm_job *j, struct pm_task *t, pm_task_line_fn *fn,
	void *arg, struct pm_error *err)
{
	struct follow f = { .away_since = 0 };
	struct log log = { .fn = fn, .arg = arg };
	uint64_t pause = POLL_FIRST_MS;

	for (;;) {
		int r;

		err->code = PM_OK;
		r = pm_pve_wait_ms(p, j, (int64_t)pause, err);
		r = r < 0 ? excuse(p, &f, t, err) : ask_status(p, j, t, &f, err);
		if (r < 0)
			return r;
		if (f.away_since == 0)
			tell_new(p, j, t, &log, r > 0);
		if (r > 0)
			return ended(p, j, t, err);
		pause = pause * 3 / 2 < POLL_MOST_MS ? pause * 3 / 2 : POLL_MOST_MS;
	}
}

int pm_task_wait(struct pm_pve *p, struct pm_job *j, struct pm_task *t, struct pm_error *err)
{
	return pm_task_follow(p, j, t, NULL, NULL, err);
}

/* ---- finding ---- */

/* Does the row tell of such a task of ours? Its start, or -1. */
static int64_t match(const struct pm_pve *p, struct json_object *row, const struct pm_task_query *q)
{
	const char *upid = pm_json_str(row, "upid"), *at[PARTS];
	const char *user = pm_pve_user(p);
	int64_t start = pm_json_int(row, "starttime", -1);
	size_t n[PARTS];
	char id[64];

	if (!upid || !split(upid, at, n) || start < q->since_s - SINCE_SLACK_S)
		return -1;
	if (q->id)
		(void)snprintf(id, sizeof(id), "%s", q->id);
	else
		(void)snprintf(id, sizeof(id), "%u", q->vmid);
	if (strlen(user) != n[USER] || memcmp(user, at[USER], n[USER]) != 0 ||
		strlen(q->type) != n[TYPE] || memcmp(q->type, at[TYPE], n[TYPE]) != 0 ||
		strlen(id) != n[ID] || memcmp(id, at[ID], n[ID]) != 0)
		return -1;
	return start;
}

static void list_path(const struct pm_task_query *q, struct pm_buf *out)
{
	pm_buf_adds(out, "/nodes/");
	pm_form_escape(out, q->node, strlen(q->node));
	pm_buf_adds(out, "/tasks?source=all");
	/* PVE compares the number with the whole id of the task. */
	if (!q->id)
		pm_buf_addf(out, "&vmid=%u", q->vmid);
	pm_buf_addf(out, "&since=%lld&limit=50&typefilter=",
		(long long)(q->since_s > SINCE_SLACK_S ? q->since_s - SINCE_SLACK_S : 0));
	pm_form_escape(out, q->type, strlen(q->type));
}

int pm_task_find(struct pm_pve *p, struct pm_job *j, const struct pm_task_query *q,
	struct pm_task *ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *rows = NULL;
	cleanup_buf struct pm_buf path = PM_BUF(4096);
	struct pm_pve_call c = { .method = "GET", .node = q->node };
	const char *found = NULL;
	int64_t newest = -1;
	int r;

	list_path(q, &path);
	c.path = pm_buf_str(&path);
	r = pm_pve_call(p, j, &c, &rows, err);
	if (r < 0)
		return pm_error_wrap(err, "looking for task %s of %u", q->type, q->vmid);
	for (size_t i = 0;
		json_object_is_type(rows, json_type_array) && i < json_object_array_length(rows);
		i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		int64_t start = match(p, row, q);

		if (start > newest) {
			newest = start;
			found = pm_json_str(row, "upid");
		}
	}
	if (!found || !pm_task_parse(found, ret))
		return pm_error_set(err, PM_E_NOTFOUND, "no task %s of %u on %s since then",
			q->type, q->vmid, q->node);
	return 0;
}
