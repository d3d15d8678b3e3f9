/* Objects as manifests, in block style. Text is quoted wherever any reader of YAML might take it for
 * something else. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

struct writing {
	struct pm_buf *out;
	unsigned indent; /* in columns */
};

static void margin(struct writing *w)
{
	for (unsigned i = 0; i < w->indent; i++)
		(void)pm_buf_addc(w->out, ' ');
}

/* ---- texts ---- */

static bool is_word_of_yaml(const char *s)
{
	static const char *const words[] = { "true", "false", "null", "yes", "no", "on", "off", "y",
		"n", "~", ".inf", ".nan" };

	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (strcasecmp(s, words[i]) == 0)
			return true;
	return false;
}

/* Starts with a letter or slash, and holds only what means nothing to YAML. */
static bool is_plain(const char *s)
{
	size_t n = strlen(s);

	if (n == 0 || !(isalpha((unsigned char)s[0]) || s[0] == '/') || is_word_of_yaml(s))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (isalnum((unsigned char)s[i]) || strchr("._/@+-", s[i]))
			continue;
		if (s[i] == ':' && i + 1 < n && s[i + 1] != ' ')
			continue;
		if (s[i] == ' ' && i + 1 < n && s[i + 1] != '#' && s[i + 1] != ' ')
			continue;
		return false;
	}
	return true;
}

/* Has it no character that would have to be escaped? */
static bool is_visible(const char *s)
{
	const char *hint;
	uint32_t c;

	if (s[pm_utf8_valid(s, strlen(s))])
		return false;
	while (*s) {
		s += pm_char_at(s, &c);
		if (c != '\n' && pm_char_fault(c, &hint))
			return false;
	}
	return true;
}

/* May it stand as a literal block? Only lines that begin and end with something visible. */
static bool is_block(const char *s)
{
	size_t n = strlen(s);

	return n > 1 && strchr(s, '\n') && s[0] != '\n' && s[0] != ' ' && s[n - 1] == '\n' &&
	       s[n - 2] != '\n' && !strstr(s, " \n") && is_visible(s);
}

static void write_char(struct pm_buf *out, const char *s, size_t n, uint32_t c)
{
	const char *hint;

	if (c == '"' || c == '\\')
		(void)pm_buf_addf(out, "\\%c", (int)c);
	else if (c == '\n')
		(void)pm_buf_adds(out, "\\n");
	else if (pm_char_fault(c, &hint))
		(void)pm_buf_addf(out, "\\u%04x", (unsigned)c);
	else
		(void)pm_buf_add(out, s, n);
}

static void write_quoted(struct pm_buf *out, const char *s)
{
	(void)pm_buf_addc(out, '"');
	while (*s) {
		size_t n = 1;
		uint32_t c = 0xfffd;

		/* What is no UTF-8 cannot be written at all. */
		if (pm_utf8_valid(s, strnlen(s, 4)) > 0)
			n = pm_char_at(s, &c);
		write_char(out, c == 0xfffd ? "\xef\xbf\xbd" : s, c == 0xfffd ? 3 : n, c);
		s += n;
	}
	(void)pm_buf_addc(out, '"');
}

static void write_block(struct writing *w, const char *s)
{
	(void)pm_buf_adds(w->out, "|\n");
	while (*s) {
		size_t n = strcspn(s, "\n");

		if (n > 0)
			margin(w);
		(void)pm_buf_add(w->out, s, n);
		(void)pm_buf_addc(w->out, '\n');
		s += n + 1;
	}
}

/* Behind "key:" or "-"; ends the line. The indentation is that of what would stand below. */
static void write_text(struct writing *w, const char *s)
{
	(void)pm_buf_addc(w->out, ' ');
	if (is_block(s)) {
		write_block(w, s);
		return;
	}
	if (is_plain(s))
		(void)pm_buf_adds(w->out, s);
	else
		write_quoted(w->out, s);
	(void)pm_buf_addc(w->out, '\n');
}

/* ---- values ---- */

static void write_record(struct writing *w, const struct pm_rec *rec);

static void write_list(struct writing *w, const struct pm_list *list)
{
	if (list->n == 0) {
		(void)pm_buf_adds(w->out, " []\n");
		return;
	}
	(void)pm_buf_addc(w->out, '\n');
	for (size_t i = 0; i < list->n; i++) {
		margin(w);
		(void)pm_buf_addc(w->out, '-');
		w->indent += 2;
		write_text(w, list->v[i]);
		w->indent -= 2;
	}
}

static void write_map(struct writing *w, const struct pm_list *list)
{
	if (list->n == 0) {
		(void)pm_buf_adds(w->out, " {}\n");
		return;
	}
	(void)pm_buf_addc(w->out, '\n');
	for (size_t i = 0; i < list->n; i++) {
		const char *entry = list->v[i], *eq = strchrnul(entry, '=');
		cleanup_buf struct pm_buf key = PM_BUF(0);

		(void)pm_buf_add(&key, entry, (size_t)(eq - entry));
		margin(w);
		if (is_plain(pm_buf_str(&key)))
			(void)pm_buf_adds(w->out, pm_buf_str(&key));
		else
			write_quoted(w->out, pm_buf_str(&key));
		(void)pm_buf_addc(w->out, ':');
		w->indent += 2;
		write_text(w, *eq ? eq + 1 : eq);
		w->indent -= 2;
	}
}

static void write_records(struct writing *w, const struct pm_recs *recs)
{
	if (recs->n == 0) {
		(void)pm_buf_adds(w->out, " []\n");
		return;
	}
	(void)pm_buf_addc(w->out, '\n');
	for (size_t i = 0; i < recs->n; i++) {
		size_t start = w->out->len;

		w->indent += 2;
		write_record(w, recs->v[i]);
		w->indent -= 2;
		if (w->out->len == start) {
			margin(w);
			(void)pm_buf_adds(w->out, "- {}\n");
		} else if (!w->out->full) {
			w->out->p[start + w->indent] = '-';
		}
	}
}

static void write_secret(struct writing *w, const struct pm_secret_ref *ref)
{
	static const char *const how[] = { [PM_SECRET_FILE] = "fromFile",
		[PM_SECRET_ENV] = "fromEnv",
		[PM_SECRET_CREDENTIAL] = "fromCredential" };

	(void)pm_buf_addf(w->out, " {%s: ", how[ref->from]);
	write_quoted(w->out, ref->text);
	(void)pm_buf_adds(w->out, "}\n");
}

/* Behind "key:"; ends the line. */
static void write_value(struct writing *w, const struct pm_field *f, const struct pm_value *v)
{
	if (v->state == PM_NULL) {
		(void)pm_buf_adds(w->out, " null\n");
		return;
	}
	switch (f->type) {
	case PM_T_STR:
	case PM_T_ENUM:
		write_text(w, v->u.s);
		break;
	case PM_T_LIST:
		write_list(w, v->u.list);
		break;
	case PM_T_STRMAP:
		write_map(w, v->u.list);
		break;
	case PM_T_SECRET:
		write_secret(w, v->u.secret);
		break;
	case PM_T_PROPS:
		if (f->count > 0) {
			write_records(w, v->u.recs);
		} else {
			size_t start = w->out->len;

			(void)pm_buf_addc(w->out, '\n');
			write_record(w, v->u.rec);
			if (w->out->len == start + 1 && !w->out->full) {
				w->out->len = start;
				(void)pm_buf_adds(w->out, " {}\n");
			}
		}
		break;
	default:
		(void)pm_buf_addc(w->out, ' ');
		pm_value_format(f, PM_MANIFEST, v, w->out);
		(void)pm_buf_addc(w->out, '\n');
		break;
	}
}

/* ---- records: rows become nested mappings again ---- */

static bool is_written(const struct pm_field *f, const struct pm_value *v);

static bool has_written(const struct pm_rec *rec)
{
	for (unsigned i = 0; i < rec->kind->nfields; i++) {
		if (is_written(&rec->kind->fields[i], &rec->val[i]))
			return true;
	}
	return false;
}

static bool is_written(const struct pm_field *f, const struct pm_value *v)
{
	if (f->flags & PM_F_INNER || v->state == PM_UNSET)
		return false;
	if (f->flags & PM_F_FLAT)
		return v->state == PM_SET && has_written(v->u.rec);
	return v->state == PM_NULL || f->type != PM_T_SECRET ||
	       v->u.secret->from != PM_SECRET_LITERAL;
}

/* Length of the group that the row stands in, behind `prefix` bytes; 0: none. The rows of a flat record
 * stand in the group that is called like it. */
static size_t group_length(const struct pm_field *f, size_t prefix)
{
	const char *dot;

	if (f->flags & PM_F_FLAT)
		return prefix == 0 ? strlen(f->name) : 0;
	dot = strchr(f->name + prefix, '.');
	return dot ? (size_t)(dot - f->name) : 0;
}

/* Has an earlier row that is written the first n characters of this one's name, as a group? */
static bool group_begun(const struct pm_rec *rec, unsigned row, size_t n)
{
	const char *name = rec->kind->fields[row].name;

	for (unsigned i = 0; i < row; i++) {
		const struct pm_field *f = &rec->kind->fields[i];

		if (is_written(f, &rec->val[i]) && strncmp(f->name, name, n) == 0 &&
			(f->name[n] == '.' || (f->flags & PM_F_FLAT && f->name[n] == '\0')))
			return true;
	}
	return false;
}

/* In the group "cpu", one character shorter than the prefix, stand cpu.cores and the flat record cpu. */
static bool in_group(const struct pm_field *f, const char *group, size_t prefix)
{
	size_t n = prefix > 0 ? prefix - 1 : 0;

	if (prefix == 0)
		return true;
	return strncmp(f->name, group, n) == 0 &&
	       (f->name[n] == '.' || (f->flags & PM_F_FLAT && f->name[n] == '\0'));
}

/* Writes the rows whose names start with the first `prefix` characters of row `first`: a group, or all. */
static void write_rows(struct writing *w, const struct pm_rec *rec, unsigned first, size_t prefix)
{
	const char *group = rec->kind->fields[first].name;

	for (unsigned i = first; i < rec->kind->nfields; i++) {
		const struct pm_field *f = &rec->kind->fields[i];
		size_t inner;

		if (!is_written(f, &rec->val[i]) || !in_group(f, group, prefix))
			continue;
		if (prefix > 0 && f->flags & PM_F_FLAT) {
			write_record(w, rec->val[i].u.rec);
			continue;
		}
		inner = group_length(f, prefix);
		if (inner && group_begun(rec, i, inner))
			continue;
		margin(w);
		(void)pm_buf_addf(w->out, "%.*s:%s",
			(int)((inner ? inner : strlen(f->name)) - prefix), f->name + prefix,
			inner ? "\n" : "");
		w->indent += 2;
		if (inner)
			write_rows(w, rec, i, inner + 1);
		else
			write_value(w, f, &rec->val[i]);
		w->indent -= 2;
	}
}

static void write_record(struct writing *w, const struct pm_rec *rec)
{
	write_rows(w, rec, 0, 0);
}

static void write_object(struct writing *w, const struct pm_obj *o)
{
	(void)pm_buf_addf(w->out, "apiVersion: " PM_API_VERSION "\nkind: %s\n", o->kind->name);
	if (!o->kind->envelope) {
		write_record(w, o->spec);
		return;
	}
	w->indent = 2;
	(void)pm_buf_adds(w->out, "metadata:\n  name:");
	write_text(w, o->name);
	(void)pm_buf_adds(w->out, "  namespace:");
	write_text(w, o->ns);
	if (o->labels && o->labels->n > 0) {
		(void)pm_buf_adds(w->out, "  labels:");
		w->indent = 4;
		write_map(w, o->labels);
		w->indent = 2;
	}
	(void)pm_buf_adds(w->out, has_written(o->spec) ? "spec:\n" : "spec: {}\n");
	write_record(w, o->spec);
	w->indent = 0;
}

void pm_manifest_write(const struct pm_set *s, struct pm_buf *out)
{
	struct writing w = { .out = out };

	for (size_t i = 0; i < s->n; i++) {
		if (i > 0)
			(void)pm_buf_adds(out, "---\n");
		write_object(&w, s->v[i]);
	}
}
