/* YAML events of one text, from libyaml's parser or from a record of them. The parser gives positions
 * and builds no tree; an alias is expanded by reading the events of its anchor again, under a budget.
 * Our own limit on depth comes before any of libyaml's. */
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

/* ---- what libyaml complains about, in our words ---- */

/* A complaint is known by a piece of the problem, and of the context where that decides. */
struct complaint {
	const char *problem, *context;
	bool at_context; /* the context is the better place */
	const char *msg, *hint;
};

static const struct complaint complaints[] = {
	{ "tab character", NULL, false, "a tab is used for indentation", "indent with spaces" },
	{ "unexpected end of stream", "quoted", true, "the quote that starts here is not closed",
		"add the closing quote" },
	{ "unexpected document indicator", NULL, true, "the quote that starts here is not closed",
		"add the closing quote" },
	{ "unknown escape", NULL, false, "an escape that double quotes do not know",
		"use single quotes, or write the backslash twice" },
	{ "alphabetic or numeric", NULL, true, "the name of an anchor or alias is missing",
		"text that starts with * or & needs quotes" },
	{ "mapping values are not allowed", NULL, false, "no colon is expected here",
		"text that holds \": \" needs quotes; keys of one mapping stand in one column" },
	{ "mapping keys are not allowed", NULL, false, "no key is expected here",
		"put it on a line of its own" },
	{ "block sequence entries", NULL, false, "no entry of a list is expected here",
		"a list starts on a line of its own" },
	{ "expected ':'", NULL, true,
		"this line is neither a key with a colon nor a part of a text",
		"write \"key: value\", or quote the text" },
	{ "expected key", NULL, false, "this line does not fit the mapping it stands in",
		"keys of one mapping stand in one column" },
	{ "'-' indicator", NULL, false, "this line does not fit the list it stands in",
		"entries of one list start with dashes in one column" },
	{ "',' or ']'", NULL, true, "the list that starts here goes wrong or is not closed",
		"separate its entries by commas and close it with ]" },
	{ "',' or '}'", NULL, true, "the mapping that starts here goes wrong or is not closed",
		"separate its pairs by commas and close it with }" },
	{ "document start", NULL, false, "the document has ended before this line",
		"start another document with a line of three dashes" },
	{ "undefined tag handle", NULL, false, "this tag is not known", "remove it" },
	{ "duplicate %YAML", NULL, false, "a second %YAML line", "remove it" },
	{ "incompatible YAML", NULL, false, "this version of YAML is not known",
		"write %YAML 1.2" },
	{ "node content", NULL, false, "a value is expected here",
		"text that starts so needs quotes" },
	{ "exceeded", NULL, false, "the text is nested too deep", "keep it below 64 levels" },
	{ "indentation", NULL, false, "the indentation is wrong here", "indent with spaces" },
};

static struct pm_span span_of_mark(const yaml_mark_t *m)
{
	return (struct pm_span){
		.line = (unsigned)m->line + 1, .column = (unsigned)m->column + 1, .length = 1
	};
}

/* The line from a place on. */
static const char *text_at(struct pm_yaml *y, const yaml_mark_t *m, size_t *ret_n)
{
	*ret_n = 0;
	return pm_text_from(y->text, span_of_mark(m), ret_n);
}

/* The character at a place, 0 when there is none. */
static char char_at(struct pm_yaml *y, const yaml_mark_t *m)
{
	size_t n;
	const char *s = text_at(y, m, &n);

	return n > 0 ? *s : '\0';
}

/* A character that starts no token: which one it is decides what to say. */
static void find_bad_start(struct pm_yaml *y, struct pm_span at, char c)
{
	struct pm_text *t = y->text;

	if (c == '\t') {
		pm_hint(t, pm_find(t, PM_ERROR, at, "a tab is used for indentation"),
			"indent with spaces");
		return;
	}
	pm_hint(t, pm_find(t, PM_ERROR, at, "no text may start with %c without quotes", c),
		"put the text in quotes");
}

/* The text ends where a value should stand: what was begun last is not closed. */
static bool find_unclosed(struct pm_yaml *y, const char *problem)
{
	if (!strstr(problem, "node content") || y->depth == 0 ||
		char_at(y, &y->parser.problem_mark) != '\0')
		return false;
	pm_hint(y->text,
		pm_find(y->text, PM_ERROR, y->begun[y->depth],
			"the list or mapping that starts here is not closed"),
		"close it with ] or }");
	return true;
}

/* A line that no key starts: what its author probably left out. */
static const char *hint_no_key(struct pm_yaml *y)
{
	size_t n;
	const char *s = text_at(y, &y->parser.context_mark, &n);
	const char *colon = n > 0 ? memchr(s, ':', n) : NULL;
	const char *equals = n > 0 ? memchr(s, '=', n) : NULL;

	if (colon && (!equals || colon < equals))
		return "a blank must follow the colon";
	return equals ? "write \"key: value\" with a colon, not with =" : NULL;
}

/* What follows a value in its line: a comma, or more text behind its closing quote. */
static const char *hint_behind(struct pm_yaml *y)
{
	yaml_mark_t m = y->parser.problem_mark;
	char c = char_at(y, &m);

	if (c == ',')
		return "no comma belongs at the end of a line that is not inside of { } or [ ]";
	while (m.column > 0) {
		m.column--;
		c = char_at(y, &m);
		if (c == '\'')
			return "the quoted text ends before this; inside of it a ' is written twice, as ''";
		if (c == '"')
			return "the quoted text ends before this; inside of it a \" is written as \\\"";
		if (c != ' ')
			break;
	}
	return NULL;
}

/* A colon inside of a text whose quotes are none. */
static const char *hint_colon(struct pm_yaml *y)
{
	yaml_mark_t m = y->parser.problem_mark;
	size_t n;
	const char *s;

	m.column = 0;
	s = text_at(y, &m, &n);
	return s && pm_typographic(s, n) ? PM_HINT_TYPOGRAPHIC : NULL;
}

static const char *better_hint(struct pm_yaml *y, const struct complaint *c)
{
	const char *hint = NULL;

	if (strcmp(c->problem, "mapping values are not allowed") == 0)
		hint = hint_colon(y);
	else if (strcmp(c->problem, "expected ':'") == 0)
		hint = hint_no_key(y);
	else if (strcmp(c->problem, "expected key") == 0)
		hint = hint_behind(y);
	return hint ? hint : c->hint;
}

static void find_syntax(struct pm_yaml *y)
{
	const yaml_parser_t *p = &y->parser;
	const char *problem = p->problem ? p->problem : "", *context = p->context ? p->context : "";
	struct pm_span at = span_of_mark(&p->problem_mark);

	if (strstr(problem, "cannot start any token")) {
		find_bad_start(y, at, char_at(y, &p->problem_mark));
		return;
	}
	if (find_unclosed(y, problem))
		return;
	for (size_t i = 0; i < PM_COUNT(complaints); i++) {
		const struct complaint *c = &complaints[i];

		if (!strstr(problem, c->problem) || (c->context && !strstr(context, c->context)))
			continue;
		if (c->at_context && p->context)
			at = span_of_mark(&p->context_mark);
		pm_hint(y->text, pm_find(y->text, PM_ERROR, at, "%s", c->msg), "%s",
			better_hint(y, c));
		return;
	}
	(void)pm_find(y->text, PM_ERROR, at, "this is not valid YAML: %s", problem);
}

static void fail(struct pm_yaml *y, struct pm_yev *e)
{
	y->failed = true;
	e->type = PM_Y_STOP;
}

/* ---- events of the parser ---- */

#define CORE "tag:yaml.org,2002:"

/* What a tag makes of a plain scalar. */
enum tag { TAG_NONE, TAG_TEXT, TAG_PLAIN, TAG_OTHER };

static enum tag tag_of(const yaml_char_t *tag, bool collection)
{
	const char *s = (const char *)tag;

	if (!s)
		return TAG_NONE;
	if (strcmp(s, "!") == 0)
		return TAG_TEXT;
	if (!pm_str_starts(s, CORE))
		return TAG_OTHER;
	s += strlen(CORE);
	if (collection)
		return strcmp(s, "map") == 0 || strcmp(s, "seq") == 0 ? TAG_NONE : TAG_OTHER;
	if (strcmp(s, "str") == 0)
		return TAG_TEXT;
	if (strcmp(s, "int") == 0 || strcmp(s, "float") == 0 || strcmp(s, "bool") == 0 ||
		strcmp(s, "null") == 0)
		return TAG_PLAIN;
	return TAG_OTHER;
}

static void find_tag(struct pm_yaml *y, const yaml_char_t *tag, struct pm_span at)
{
	const char *s = (const char *)tag;
	bool core = pm_str_starts(s, CORE);

	pm_hint(y->text,
		pm_find(y->text, PM_ERROR, at, "tag %s%s is not known", core ? "!!" : "",
			core ? s + strlen(CORE) : s),
		"remove it: what a value is follows from its key");
}

static bool is_null(const char *s, size_t n)
{
	return n == 0 || (n == 1 && s[0] == '~') ||
	       (n == 4 && (memcmp(s, "null", 4) == 0 || memcmp(s, "Null", 4) == 0 ||
				  memcmp(s, "NULL", 4) == 0));
}

static void take_scalar(struct pm_yaml *y, struct pm_yev *e)
{
	enum tag tag = tag_of(y->raw.data.scalar.tag, false);

	e->type = PM_Y_SCALAR;
	e->s = (const char *)y->raw.data.scalar.value;
	e->n = (uint32_t)y->raw.data.scalar.length;
	e->plain = tag == TAG_PLAIN ||
		   (tag != TAG_TEXT && y->raw.data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
	e->null = e->plain && is_null(e->s, e->n);
	if (tag == TAG_OTHER)
		find_tag(y, y->raw.data.scalar.tag, e->at);
	/* Only an escape can bring one in. */
	if (y->raw.data.scalar.style == YAML_DOUBLE_QUOTED_SCALAR_STYLE &&
		memchr(e->s, '\0', e->n)) {
		pm_hint(y->text,
			pm_find(y->text, PM_ERROR, e->at, "the text holds a NUL character"),
			"remove the escape");
		e->n = (uint32_t)strlen(e->s);
	}
}

static void log_event(struct pm_yaml *y, const struct pm_yev *e)
{
	pm_vec_push(&y->log, *e);
	if (e->type == PM_Y_SCALAR)
		y->log.v[y->log.n - 1].s = pm_arena_strndup(y->scratch, e->s, e->n);
}

/* Starts to record a node with an anchor, whose first event is about to be logged. */
static struct pm_anchor *anchor_new(struct pm_yaml *y, const yaml_char_t *name, struct pm_span at)
{
	struct pm_anchor *a = pm_new(y->scratch, struct pm_anchor);

	a->start = (uint32_t)y->log.n;
	a->at = at;
	(void)pm_map_set(&y->anchors, pm_arena_strdup(y->scratch, (const char *)name), a);
	return a;
}

static void find_unknown_alias(struct pm_yaml *y, const char *name, struct pm_span at)
{
	const char **names cleanup_free = pm_xcalloc(y->anchors.n + 1, sizeof(*names));
	const char *near;
	struct pm_diag *diag;

	for (size_t i = 0; i < y->anchors.n; i++)
		names[i] = y->anchors.v[i].key;
	near = pm_nearest(name, names, y->anchors.n);
	diag = pm_find(y->text, PM_ERROR, at, "no anchor \"&%s\" stands before this", name);
	if (near)
		pm_hint(y->text, diag, "did you mean \"*%s\"?", near);
	else
		pm_hint(y->text, diag, "text that starts with * needs quotes");
}

static void take_alias(struct pm_yaml *y, struct pm_yev *e)
{
	const char *name = (const char *)y->raw.data.alias.anchor;

	e->type = PM_Y_ALIAS;
	e->anchor = pm_map_get(&y->anchors, name);
	if (e->anchor && e->anchor->end > 0)
		return;
	if (!e->anchor)
		find_unknown_alias(y, name, e->at);
	else
		pm_hint(y->text,
			pm_find(y->text, PM_ERROR, e->at, "\"*%s\" stands inside of what it names",
				name),
			"the anchor is in line %u; an alias cannot hold itself",
			e->anchor->at.line);
	fail(y, e);
}

/* One level deeper; false: too deep. */
static bool enter(struct pm_yaml *y, struct pm_yev *e)
{
	if (y->depth < PM_MANIFEST_MAX_DEPTH) {
		y->open[++y->depth] = NULL;
		y->begun[y->depth] = e->at;
		return true;
	}
	pm_hint(y->text,
		pm_find(y->text, PM_ERROR, e->at, "nested deeper than %d levels",
			PM_MANIFEST_MAX_DEPTH),
		"a manifest needs fewer than ten");
	fail(y, e);
	return false;
}

static void take_start(struct pm_yaml *y, struct pm_yev *e, const yaml_char_t *tag, enum pm_y type)
{
	e->type = (uint8_t)type;
	if (tag_of(tag, true) == TAG_OTHER)
		find_tag(y, tag, e->at);
	(void)enter(y, e);
}

/* Records the event where somebody asked for that: an anchor, or a node that was put off. */
static void record(struct pm_yaml *y, struct pm_yev *e, const yaml_char_t *name)
{
	struct pm_anchor *a;

	if (y->failed || (!name && y->recording == 0))
		return;
	a = name ? anchor_new(y, name, e->at) : NULL;
	if (a && e->type != PM_Y_SCALAR) {
		y->open[y->depth] = a;
		y->recording++;
	}
	log_event(y, e);
	if (a && e->type == PM_Y_SCALAR)
		a->end = (uint32_t)y->log.n;
}

static void take_end(struct pm_yaml *y, struct pm_yev *e)
{
	struct pm_anchor *a = y->open[y->depth];

	e->type = PM_Y_END;
	y->depth--;
	if (y->recording > 0)
		log_event(y, e);
	if (a) {
		a->end = (uint32_t)y->log.n;
		y->recording--;
	}
}

/* libyaml's next event as one of ours. */
static void read_parser(struct pm_yaml *y, struct pm_yev *e)
{
	const yaml_event_t *raw = &y->raw;

	yaml_event_delete(&y->raw);
	if (!yaml_parser_parse(&y->parser, &y->raw)) {
		find_syntax(y);
		fail(y, e);
		return;
	}
	*e = (struct pm_yev){ .at = span_of_mark(&raw->start_mark) };
	if (raw->end_mark.line == raw->start_mark.line)
		e->at.length = (unsigned)(raw->end_mark.column - raw->start_mark.column);
	switch (raw->type) {
	case YAML_SCALAR_EVENT:
		take_scalar(y, e);
		record(y, e, raw->data.scalar.anchor);
		break;
	case YAML_MAPPING_START_EVENT:
		take_start(y, e, raw->data.mapping_start.tag, PM_Y_MAP);
		record(y, e, raw->data.mapping_start.anchor);
		break;
	case YAML_SEQUENCE_START_EVENT:
		take_start(y, e, raw->data.sequence_start.tag, PM_Y_LIST);
		record(y, e, raw->data.sequence_start.anchor);
		break;
	case YAML_MAPPING_END_EVENT:
	case YAML_SEQUENCE_END_EVENT:
		take_end(y, e);
		break;
	case YAML_ALIAS_EVENT:
		take_alias(y, e);
		record(y, e, NULL);
		break;
	default:
		e->type = PM_Y_STOP;
		y->ended = raw->type == YAML_STREAM_END_EVENT || raw->type == YAML_NO_EVENT;
		break;
	}
}

/* ---- events of the log ---- */

static bool push_frame(struct pm_yaml *y, struct pm_yframe f)
{
	if (y->nframes == PM_COUNT(y->frame))
		return false;
	y->frame[y->nframes++] = f;
	return true;
}

static void push_alias(struct pm_yaml *y, struct pm_yev *e)
{
	const struct pm_anchor *a = e->anchor;

	if (!push_frame(y, (struct pm_yframe){ .at = a->start, .end = a->end, .alias = true })) {
		(void)pm_find(y->text, PM_ERROR, e->at, "aliases are nested too deep");
		fail(y, e);
	}
}

/* The next event of the innermost frame; false: all frames are used up. */
static bool read_log(struct pm_yaml *y, struct pm_yev *e)
{
	while (y->nframes > 0) {
		struct pm_yframe *f = &y->frame[y->nframes - 1];

		if (f->at == f->end) {
			y->nframes--;
			continue;
		}
		*e = y->log.v[f->at++];
		if (!f->alias || ++y->expanded <= PM_MANIFEST_MAX_NODES)
			return true;
		pm_hint(y->text,
			pm_find(y->text, PM_ERROR, e->at,
				"aliases expand this document by more than %d nodes",
				PM_MANIFEST_MAX_NODES),
			"write out what is needed");
		fail(y, e);
		return true;
	}
	return false;
}

static void next_of_log(struct pm_yaml *y, struct pm_yev *e)
{
	if (e->type == PM_Y_MAP || e->type == PM_Y_LIST)
		(void)enter(y, e);
	else if (e->type == PM_Y_END)
		y->depth--;
}

void pm_yaml_next(struct pm_yaml *y, struct pm_yev *e)
{
	e->type = PM_Y_STOP;
	while (!y->failed) {
		if (y->text->errors > PM_TEXT_MAX_ERRORS) {
			fail(y, e);
			return;
		}
		if (y->nframes > 0 && read_log(y, e)) {
			if (!y->failed && e->type != PM_Y_ALIAS)
				next_of_log(y, e);
		} else {
			read_parser(y, e);
		}
		if (y->failed || e->type != PM_Y_ALIAS)
			return;
		push_alias(y, e);
	}
}

void pm_yaml_skip(struct pm_yaml *y, const struct pm_yev *e)
{
	struct pm_yev next;

	if (e->type != PM_Y_MAP && e->type != PM_Y_LIST)
		return;
	for (unsigned depth = 1; depth > 0;) {
		pm_yaml_next(y, &next);
		if (next.type == PM_Y_STOP)
			return;
		if (next.type == PM_Y_MAP || next.type == PM_Y_LIST)
			depth++;
		else if (next.type == PM_Y_END)
			depth--;
	}
}

struct pm_yframe pm_yaml_put_off(struct pm_yaml *y)
{
	struct pm_yframe f = { .at = (uint32_t)y->log.n };
	unsigned depth = y->depth;
	struct pm_yev e;

	y->recording++;
	do {
		read_parser(y, &e);
	} while (!y->failed && e.type != PM_Y_STOP && y->depth > depth);
	y->recording--;
	f.end = (uint32_t)y->log.n;
	return f;
}

void pm_yaml_resume(struct pm_yaml *y, struct pm_yframe node)
{
	if (node.at < node.end)
		(void)push_frame(y, node);
}

/* ---- documents ---- */

void pm_yaml_start(struct pm_yaml *y, struct pm_text *t)
{
	y->text = t;
	if (!y->scratch)
		y->scratch = pm_arena_new(0);
	if (!yaml_parser_initialize(&y->parser))
		pm_assert_failed("yaml_parser_initialize", __FILE__, __LINE__);
	yaml_parser_set_encoding(&y->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&y->parser, (const unsigned char *)t->s, t->n);
	y->failed = false;
	y->ended = false;
}

void pm_yaml_stop(struct pm_yaml *y)
{
	yaml_event_delete(&y->raw);
	yaml_parser_delete(&y->parser);
}

void pm_yaml_done(struct pm_yaml *y)
{
	pm_arena_free(y->scratch);
	pm_vec_done(&y->log);
	pm_map_done(&y->anchors);
}

/* Forgets the document before: anchors do not reach beyond their own. */
static void forget(struct pm_yaml *y)
{
	if (y->log.n > 0) {
		pm_map_done(&y->anchors);
		pm_arena_reset(y->scratch);
	}
	y->log.n = 0;
	y->recording = 0;
	y->nframes = 0;
	y->depth = 0;
	y->expanded = 0;
}

bool pm_yaml_document(struct pm_yaml *y, struct pm_yev *root)
{
	forget(y);
	while (!y->failed && !y->ended) {
		pm_yaml_next(y, root);
		if (root->type != PM_Y_STOP)
			return true;
	}
	return false;
}
