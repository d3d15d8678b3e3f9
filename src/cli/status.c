/* What a daemon answers, for people: on 80 columns, without colour if need be, at a glance. The first
 * lines say what is wanted, what is in place and what happens next; below stands what is not as it should
 * be, and why. Pure: text in, text out. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"

#define LABEL        11 /* columns of the left side */
#define OBJECTS_MOST 20 /* the others are counted */

struct page {
	struct pm_buf *out;
	unsigned columns;
	bool colour;
	int64_t now;
};

/* ---- time ---- */

/* Seconds since 1970 of "2026-03-01T12:00:00.123Z"; 0: none. */
static int64_t moment(struct json_object *o, const char *key)
{
	const char *s = pm_json_str(o, key);
	struct tm tm = { 0 };

	if (s == NULL || strptime(s, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
		return 0;
	return (int64_t)timegm(&tm);
}

/* "12s", "4m 3s", "3h 20m", "2d 5h". */
static const char *span(int64_t s, char out[48])
{
	static const struct {
		int64_t one, rest;
		char unit, next;
	} steps[] = { { 86400, 3600, 'd', 'h' }, { 3600, 60, 'h', 'm' }, { 60, 1, 'm', 's' } };

	s = s > 0 ? s : 0;
	for (size_t i = 0; i < PM_COUNT(steps); i++) {
		if (s < steps[i].one)
			continue;
		(void)snprintf(out, 48, "%lld%c %lld%c", (long long)(s / steps[i].one),
			steps[i].unit, (long long)(s % steps[i].one / steps[i].rest),
			steps[i].next);
		return out;
	}
	(void)snprintf(out, 48, "%llds", (long long)s);
	return out;
}

static void add_ago(struct pm_buf *b, const struct page *p, int64_t at)
{
	char text[48];

	if (at > 0 && p->now <= at)
		(void)pm_buf_adds(b, "just now");
	else if (at > 0)
		(void)pm_buf_addf(b, "%s ago", span(p->now - at, text));
}

static void add_in(struct pm_buf *b, const struct page *p, int64_t at)
{
	char text[48];

	if (at > p->now)
		(void)pm_buf_addf(b, "in %s", span(at - p->now, text));
	else
		(void)pm_buf_adds(b, "now");
}

/* ---- lines ---- */

static void indent(struct pm_buf *out, unsigned n)
{
	while (n-- > 0)
		(void)pm_buf_addc(out, ' ');
}

/* Text from a column on, broken at blanks; a word that is too long stands on a line of its own. */
static void add_wrapped(const struct page *p, const char *text, unsigned from)
{
	struct pm_buf clean cleanup_buf = PM_BUF(0);
	unsigned room = p->columns > from + 20 ? p->columns - from : 20, used = 0;
	const char *s;

	pm_text_visible(&clean, text, strlen(text));
	s = pm_buf_str(&clean);
	while (*s != '\0') {
		size_t n = strcspn(s, " ");
		unsigned width = pm_text_width(s, n);

		if (used > 0 && used + 1 + width > room) {
			(void)pm_buf_addc(p->out, '\n');
			indent(p->out, from);
			used = 0;
		}
		if (used > 0) {
			(void)pm_buf_addc(p->out, ' ');
			used++;
		}
		(void)pm_buf_add(p->out, s, n);
		used += width;
		s += n + strspn(s + n, " ");
	}
	(void)pm_buf_addc(p->out, '\n');
}

static const char *colour_of(const char *label)
{
	static const struct {
		const char *label, *colour;
	} colours[] = { { "failing", "31" }, { "problem", "31" }, { "broken", "31" },
		{ "held", "33" }, { "differs", "33" }, { "suspended", "36" }, { "unknown", "35" } };

	for (size_t i = 0; i < PM_COUNT(colours); i++)
		if (strcmp(colours[i].label, label) == 0)
			return colours[i].colour;
	return NULL;
}

static void add_line(const struct page *p, const char *label, const char *text)
{
	const char *colour = p->colour ? colour_of(label) : NULL;

	if (colour != NULL)
		(void)pm_buf_addf(p->out, "\033[%sm%-*s\033[0m", colour, LABEL - 1, label);
	else
		(void)pm_buf_addf(p->out, "%-*s", LABEL - 1, label);
	(void)pm_buf_addc(p->out, ' ');
	add_wrapped(p, text, LABEL);
}

static void add_below(const struct page *p, const char *text)
{
	indent(p->out, LABEL + 2);
	add_wrapped(p, text, LABEL + 2);
}

/* ---- what is wanted, what is in place, what comes ---- */

static void add_revision(struct pm_buf *b, struct json_object *r)
{
	const char *id = pm_json_str(r, "id"), *subject = pm_json_str(r, "subject");
	bool commit = id != NULL && !pm_str_starts(id, "tree:");

	(void)pm_buf_addf(b, "%.*s", commit ? 12 : 64, id != NULL ? id : "nothing");
	if (subject != NULL)
		(void)pm_buf_addf(b, " \"%s\"", subject);
}

static void add_wanted(const struct page *p, struct json_object *data)
{
	struct json_object *wanted = pm_json_get(data, "wanted"),
			   *applied = pm_json_get(data, "applied");
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (wanted == NULL) {
		add_line(p, "wanted", "nothing was read yet");
	} else {
		add_revision(&b, wanted);
		(void)pm_buf_adds(&b, ", seen ");
		add_ago(&b, p, moment(wanted, "at"));
		add_line(p, "wanted", pm_buf_str(&b));
	}
	pm_buf_clear(&b);
	if (applied == NULL) {
		(void)pm_buf_adds(&b, "nothing yet");
	} else if (pm_json_bool(data, "inPlace", false)) {
		(void)pm_buf_adds(&b, "all of it, ");
		add_ago(&b, p, moment(applied, "at"));
	} else {
		add_revision(&b, applied);
		(void)pm_buf_adds(&b, ", ");
		add_ago(&b, p, moment(applied, "at"));
	}
	add_line(p, "applied", pm_buf_str(&b));
}

static void add_doing(const struct page *p, struct json_object *data)
{
	const char *why = pm_json_str(data, "why"), *next = pm_json_str(data, "next");
	struct pm_buf b cleanup_buf = PM_BUF(0);
	char text[48];

	(void)pm_buf_adds(&b, pm_json_str(data, "doing"));
	if (why != NULL)
		(void)pm_buf_addf(&b, ": %s", why);
	if (moment(data, "doingSince") > 0)
		(void)pm_buf_addf(&b, ", for %s", span(p->now - moment(data, "doingSince"), text));
	add_line(p, "now", pm_buf_str(&b));
	if (next == NULL)
		return;
	pm_buf_clear(&b);
	(void)pm_buf_addf(&b, "%s", next);
	if (moment(data, "nextAt") > 0) {
		(void)pm_buf_addc(&b, ' ');
		add_in(&b, p, moment(data, "nextAt"));
	}
	add_line(p, "next", pm_buf_str(&b));
}

static void add_cluster(const struct page *p, struct json_object *data)
{
	struct json_object *c = pm_json_get(data, "cluster"), *nodes = pm_json_get(c, "nodes");
	size_t n = nodes != NULL ? json_object_array_length(nodes) : 0, online = 0;
	struct pm_buf b cleanup_buf = PM_BUF(0), away cleanup_buf = PM_BUF(0);

	if (!pm_json_bool(c, "known", false)) {
		add_line(p, "cluster", "not read yet");
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct json_object *node = json_object_array_get_idx(nodes, i);

		if (pm_json_bool(node, "online", false))
			online++;
		else
			(void)pm_buf_addf(&away, "%s%s",
				away.len > 0 ? ", " : "; away: ", pm_json_str(node, "name"));
	}
	(void)pm_buf_addf(&b, "%s, %zu of %zu nodes online%s, %lld guests",
		pm_json_bool(c, "quorate", false) ? "quorate" : "NO QUORUM", online, n,
		pm_buf_str(&away), (long long)pm_json_int(c, "guests", 0));
	if (pm_json_str(c, "version") != NULL)
		(void)pm_buf_addf(&b, ", PVE %s", pm_json_str(c, "version"));
	(void)pm_buf_adds(&b, ", read ");
	add_ago(&b, p, moment(c, "read"));
	add_line(p, "cluster", pm_buf_str(&b));
}

static void add_cycle(struct pm_buf *b, const struct page *p, struct json_object *c)
{
	const char *why = pm_json_str(c, "why"), *error = pm_json_str(c, "error");
	int64_t ms = pm_json_int(c, "readMs", 0) + pm_json_int(c, "applyMs", 0);

	(void)pm_buf_addf(b, "cycle %lld", (long long)pm_json_int(c, "number", 0));
	if (why != NULL)
		(void)pm_buf_addf(b, " (%s)", why);
	(void)pm_buf_adds(b, ", ");
	add_ago(b, p, moment(c, "ended"));
	(void)pm_buf_addf(b, ": %lld done, %lld failed, in %lld.%lld s",
		(long long)pm_json_int(c, "done", 0), (long long)pm_json_int(c, "failed", 0),
		(long long)(ms / 1000), (long long)(ms % 1000 / 100));
	if (error != NULL)
		(void)pm_buf_addf(b, "; %s", error);
}

static void add_last(const struct page *p, struct json_object *data)
{
	struct json_object *c = pm_json_get(data, "lastCycle");
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (c == NULL) {
		add_line(p, "last", "no cycle has ended yet");
		return;
	}
	add_cycle(&b, p, c);
	add_line(p, "last", pm_buf_str(&b));
}

static void add_sum(struct pm_buf *b, struct json_object *data)
{
	static const struct {
		const char *key, *word;
	} states[] = { { "in-sync", "in sync" }, { "differs", "differ" }, { "held", "held back" },
		{ "failing", "failing" }, { "suspended", "suspended" }, { "unknown", "unknown" } };
	struct json_object *sum = pm_json_get(data, "summary");

	for (size_t i = 0; i < PM_COUNT(states); i++) {
		int64_t n = pm_json_int(sum, states[i].key, 0);

		if (n > 0 || i == 0)
			(void)pm_buf_addf(
				b, "%s%lld %s", i > 0 ? ", " : "", (long long)n, states[i].word);
	}
}

/* ---- what stands in the way ---- */

static void add_problem(const struct page *p, const char *what, const char *why)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (why == NULL)
		return;
	(void)pm_buf_addf(&b, "%s: %s", what, why);
	add_line(p, "problem", pm_buf_str(&b));
}

static void add_held(const struct page *p, struct json_object *data)
{
	struct json_object *held = pm_json_get(data, "held");
	const char *why = pm_json_str(data, "heldWhy");
	struct pm_buf b cleanup_buf = PM_BUF(0);

	if (held == NULL)
		return;
	(void)pm_buf_adds(&b, "revision ");
	add_revision(&b, held);
	if (why != NULL)
		(void)pm_buf_addf(&b, ": %s", why);
	(void)pm_buf_adds(&b, "; podmox approve lets it pass");
	add_line(p, "held", pm_buf_str(&b));
}

static void add_files(const struct page *p, struct json_object *data)
{
	struct json_object *v = pm_json_get(data, "brokenFiles");

	for (size_t i = 0; v != NULL && i < json_object_array_length(v); i++) {
		struct json_object *f = json_object_array_get_idx(v, i);
		struct pm_buf b cleanup_buf = PM_BUF(0);

		(void)pm_buf_addf(&b, "%s", pm_json_str(f, "file"));
		if (pm_json_int(f, "line", 0) > 0)
			(void)pm_buf_addf(&b, ":%lld", (long long)pm_json_int(f, "line", 0));
		if (pm_json_int(f, "column", 0) > 0)
			(void)pm_buf_addf(&b, ":%lld", (long long)pm_json_int(f, "column", 0));
		(void)pm_buf_addf(&b, ": %s; %s, nothing is pruned", pm_json_str(f, "why"),
			pm_json_bool(f, "lastGoodInForce", false)
				? "its last good objects stay in force"
				: "it has no good objects");
		add_line(p, "broken", pm_buf_str(&b));
	}
}

/* Suspensions of everything; those of objects stand beside the objects. */
static void add_suspensions(const struct page *p, struct json_object *data)
{
	struct json_object *v = pm_json_get(data, "suspensions");

	for (size_t i = 0; v != NULL && i < json_object_array_length(v); i++) {
		struct json_object *s = json_object_array_get_idx(v, i);
		const char *by = pm_json_str(s, "by"), *reason = pm_json_str(s, "reason");
		struct pm_buf b cleanup_buf = PM_BUF(0);

		(void)pm_buf_adds(
			&b, pm_json_str(s, "object") ? pm_json_str(s, "object") : "everything");
		if (moment(s, "until") > 0) {
			(void)pm_buf_adds(&b, ", ends ");
			add_in(&b, p, moment(s, "until"));
		}
		if (by != NULL)
			(void)pm_buf_addf(&b, ", by %s", by);
		if (reason != NULL)
			(void)pm_buf_addf(&b, ": %s", reason);
		add_line(p, "suspended", pm_buf_str(&b));
	}
}

/* ---- objects ---- */

static void add_object(const struct page *p, struct json_object *o)
{
	const char *state = pm_json_str(o, "state"), *why = pm_json_str(o, "why");
	const char *changes = pm_json_str(o, "changes"), *verb = pm_json_str(o, "verb");
	struct pm_buf b cleanup_buf = PM_BUF(0);
	int64_t vmid = pm_json_int(o, "vmid", 0), tries = pm_json_int(o, "attempts", 0);

	(void)pm_buf_adds(&b, pm_json_str(o, "id"));
	if (vmid > 0)
		(void)pm_buf_addf(&b, " (%lld%s%s)", (long long)vmid,
			pm_json_str(o, "node") ? " on " : "",
			pm_json_str(o, "node") ? pm_json_str(o, "node") : "");
	if (verb != NULL)
		(void)pm_buf_addf(&b, ", to %s", verb);
	if (tries > 0)
		(void)pm_buf_addf(
			&b, ", tried %lld time%s", (long long)tries, tries == 1 ? "" : "s");
	if (moment(o, "next") > 0) {
		(void)pm_buf_adds(&b, pm_str_eq(state, "failing") ? ", again " : ", ends ");
		add_in(&b, p, moment(o, "next"));
	}
	add_line(p, state, pm_buf_str(&b));
	if (changes != NULL)
		add_below(p, changes);
	pm_buf_clear(&b);
	if (why != NULL)
		(void)pm_buf_addf(&b, "%s", why);
	if (pm_json_str(o, "by") != NULL)
		(void)pm_buf_addf(&b, "%sby %s", why != NULL ? ", " : "", pm_json_str(o, "by"));
	if (b.len > 0)
		add_below(p, b.p);
}

/* Suspensions are told already; of what is suspended only what differs is left to tell. */
static bool is_shown(struct json_object *o, const char *state)
{
	return pm_str_eq(pm_json_str(o, "state"), state) &&
	       (strcmp(state, "suspended") != 0 || pm_json_str(o, "changes") != NULL);
}

static void add_objects(const struct page *p, struct json_object *data)
{
	static const char *const order[] = { "failing", "held", "differs", "suspended", "unknown",
		"in-sync" };
	struct json_object *v = pm_json_get(data, "objects");
	size_t n = v != NULL ? json_object_array_length(v) : 0, shown = 0;
	size_t more = (size_t)pm_json_int(data, "objectsNotShown", 0);

	for (size_t k = 0; k < PM_COUNT(order); k++)
		for (size_t i = 0; i < n; i++) {
			struct json_object *o = json_object_array_get_idx(v, i);

			if (!is_shown(o, order[k]))
				continue;
			if (shown == OBJECTS_MOST && k + 1 < PM_COUNT(order)) {
				more++;
				continue;
			}
			if (shown++ == 0)
				(void)pm_buf_addc(p->out, '\n');
			add_object(p, o);
		}
	if (more > 0)
		(void)pm_buf_addf(
			p->out, "%*s and %zu more; -o json shows them\n", LABEL - 1, "", more);
}

/* ---- pages ---- */

static void page_of(struct page *p, struct json_object *data, unsigned columns, struct pm_buf *out)
{
	*p = (struct page){
		.out = out, .columns = columns < 100 ? columns : 100, .now = moment(data, "now")
	};
}

void pm_status_human(struct json_object *data, bool colour, unsigned columns, struct pm_buf *out)
{
	struct json_object *source = pm_json_get(data, "source"), *c = pm_json_get(data, "cluster");
	struct pm_buf b cleanup_buf = PM_BUF(0);
	struct page p;

	page_of(&p, data, columns, out);
	p.colour = colour;
	(void)pm_buf_addf(&b, "%s from %s%s", pm_json_str(data, "set"),
		pm_json_str(source, "folder"),
		pm_json_bool(data, "observe", false) ? "; only observed, nothing is written" : "");
	add_line(&p, "set", pm_buf_str(&b));
	add_wanted(&p, data);
	add_doing(&p, data);
	add_last(&p, data);
	add_cluster(&p, data);
	pm_buf_clear(&b);
	add_sum(&b, data);
	add_line(&p, "objects", pm_buf_str(&b));
	add_problem(&p, "the manifests cannot be read", pm_json_str(source, "error"));
	add_problem(&p, "the configuration is refused, the old one is in force",
		pm_json_str(data, "configError"));
	add_problem(&p, "the set is locked by", pm_json_str(data, "lockHolder"));
	add_problem(&p, "nothing is written", pm_json_str(c, "paused"));
	add_held(&p, data);
	add_files(&p, data);
	add_suspensions(&p, data);
	add_objects(&p, data);
}

void pm_cycle_human(struct json_object *data, unsigned columns, struct pm_buf *out)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);
	struct page p;

	page_of(&p, data, columns, out);
	add_cycle(&b, &p, pm_json_get(data, "lastCycle"));
	(void)pm_buf_adds(&b, "; ");
	add_sum(&b, data);
	add_wrapped(&p, pm_buf_str(&b), 0);
}

/* "2026-03-01 12:00:00  applied    Pod/shop/web  update: memory ..." */
static void add_entry(const struct page *p, struct json_object *e)
{
	const char *time = pm_json_str(e, "time"), *object = pm_json_str(e, "object");
	const char *verb = pm_json_str(e, "verb"), *text = pm_json_str(e, "text");
	const char *revision = pm_json_str(e, "revision");
	struct pm_buf b cleanup_buf = PM_BUF(0);

	(void)pm_buf_addf(p->out, "%.10s %.8s  %-10s ", time ? time : "-", time ? time + 11 : "-",
		pm_json_str(e, "what"));
	if (object != NULL)
		(void)pm_buf_addf(&b, "%s%s", object, verb || text ? ": " : "");
	else if (revision != NULL)
		(void)pm_buf_addf(&b, "%.21s%s", revision, verb || text ? ": " : "");
	if (verb != NULL)
		(void)pm_buf_addf(&b, "%s%s", verb, text ? ", " : "");
	if (text != NULL)
		(void)pm_buf_adds(&b, text);
	if (b.len == 0)
		(void)pm_buf_addf(&b, "the daemon");
	add_wrapped(p, pm_buf_str(&b), 32);
}

void pm_history_human(struct json_object *data, bool names, unsigned columns, struct pm_buf *out)
{
	struct json_object *v = pm_json_get(data, "entries");
	size_t n = v != NULL ? json_object_array_length(v) : 0;
	struct page p;

	page_of(&p, data, columns, out);
	if (!names)
		(void)pm_buf_adds(out, n > 0 ? "TIME (UTC)           WHAT       ABOUT\n"
					     : "Nothing has happened yet.\n");
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(v, i);

		if (!names)
			add_entry(&p, e);
		else if (pm_json_str(e, "object") != NULL)
			(void)pm_buf_addf(out, "%s\n", pm_json_str(e, "object"));
	}
}
