/* JSON as YAML, for -o yaml: block style, every text that could be read as something else is quoted. */
#include <string.h>

#include "base/json.h"
#include "cli/cli.h"

struct emitter {
	struct pm_jread r;
	struct pm_buf *out;
};

static void indent(struct pm_buf *out, unsigned depth)
{
	for (unsigned i = 0; i < depth; i++)
		(void)pm_buf_adds(out, "  ");
}

/* Letters, digits and a few harmless signs, starting with a letter, and no word with a meaning. */
static bool is_plain(const char *s, size_t n)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y",
		"n", "True", "False", "Null", "Yes", "No", "On", "Off" };

	if (n == 0 || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/", s[0]) == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (s[i] == '\0' || strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					   "0123456789._/-+=@",
					    s[i]) == NULL)
			return false;
	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (strlen(words[i]) == n && memcmp(words[i], s, n) == 0)
			return false;
	return true;
}

/* A JSON string is a YAML double-quoted scalar. */
static void emit_text(struct pm_buf *out, const char *s, size_t n)
{
	struct pm_jwrite w = { .out = out };

	if (is_plain(s, n))
		(void)pm_buf_add(out, s, n);
	else
		pm_jw_strn(&w, NULL, s, n);
}

static bool emit_value(struct emitter *e, enum pm_json_event ev, unsigned depth, bool in_list);

static bool emit_object(struct emitter *e, unsigned depth, bool in_list)
{
	bool first = true;

	for (;;) {
		enum pm_json_event ev = pm_jread_next(&e->r);

		if (ev == PM_J_OBJECT_END) {
			if (first)
				(void)pm_buf_adds(e->out, " {}\n");
			return true;
		}
		if (ev != PM_J_KEY)
			return false;
		if (first && !in_list)
			(void)pm_buf_addc(e->out, '\n');
		if (!first || !in_list)
			indent(e->out, depth);
		first = false;
		emit_text(e->out, e->r.s, e->r.n);
		(void)pm_buf_addc(e->out, ':');
		if (!emit_value(e, pm_jread_next(&e->r), depth + 1, false))
			return false;
	}
}

static bool emit_array(struct emitter *e, unsigned depth)
{
	bool first = true;

	for (;;) {
		enum pm_json_event ev = pm_jread_next(&e->r);

		if (ev == PM_J_ARRAY_END) {
			if (first)
				(void)pm_buf_adds(e->out, " []\n");
			return true;
		}
		if (first && e->out->len > 0)
			(void)pm_buf_addc(e->out, '\n');
		first = false;
		indent(e->out, depth);
		(void)pm_buf_adds(e->out, "-");
		if (ev == PM_J_OBJECT)
			(void)pm_buf_addc(e->out, ' ');
		if (!emit_value(e, ev, depth + 1, true))
			return false;
	}
}

static bool emit_value(struct emitter *e, enum pm_json_event ev, unsigned depth, bool in_list)
{
	switch (ev) {
	case PM_J_OBJECT:
		return emit_object(e, depth, in_list);
	case PM_J_ARRAY:
		return emit_array(e, depth);
	case PM_J_STRING:
		(void)pm_buf_addc(e->out, ' ');
		emit_text(e->out, e->r.s, e->r.n);
		break;
	case PM_J_NUMBER:
		(void)pm_buf_addc(e->out, ' ');
		(void)pm_buf_add(e->out, e->r.s, e->r.n);
		break;
	case PM_J_TRUE:
		(void)pm_buf_adds(e->out, " true");
		break;
	case PM_J_FALSE:
		(void)pm_buf_adds(e->out, " false");
		break;
	case PM_J_NULL:
		(void)pm_buf_adds(e->out, " null");
		break;
	default:
		return false;
	}
	(void)pm_buf_addc(e->out, '\n');
	return true;
}

void pm_yaml_from_json(char *json, size_t n, struct pm_buf *out)
{
	struct emitter e = { .out = out };
	enum pm_json_event ev;
	bool ok;

	pm_jread_init(&e.r, json, n);
	ev = pm_jread_next(&e.r);
	ok = ev == PM_J_OBJECT ? emit_object(&e, 0, true) : emit_value(&e, ev, 0, true);
	pm_assert(ok); /* it is our own text */
}
