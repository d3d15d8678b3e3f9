/* Findings about an input, and their printed form:
 *
 *	web.yaml:12:11: error: memory is below the balloon minimum
 *	   |
 *	12 |   memory: 2048
 *	   |           ^^^^
 *	   help: raise it to at least 4096
 */
#include "base/diag.h"

#include <stdarg.h>
#include <string.h>

#include "base/buf.h"
#include "base/json.h"
#include "base/text.h"
#include "base/text_priv.h"

/* Longer lines are shown in part. Both count characters. */
#define SHOWN_MAX    160
#define SHOWN_BEFORE 60

const char *pm_severity_name(enum pm_severity s)
{
	static const char *const names[] = { "note", "warning", "error" };

	return names[s];
}

void pm_diags_init(struct pm_diags *d, struct pm_arena *arena)
{
	memset(d, 0, sizeof(*d));
	d->arena = arena;
	d->last = &d->first;
}

static PM_PRINTF(2, 0) const char *text_of(struct pm_arena *a, const char *fmt, va_list ap)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	(void)pm_buf_addv(&text, fmt, ap);
	return pm_arena_strndup(a, pm_buf_str(&text), text.len);
}

struct pm_diag *pm_diag_add(
	struct pm_diags *d, enum pm_severity severity, struct pm_pos pos, const char *fmt, ...)
{
	struct pm_diag *diag = pm_new(d->arena, struct pm_diag);
	va_list ap;

	va_start(ap, fmt);
	diag->msg = text_of(d->arena, fmt, ap);
	va_end(ap);
	diag->severity = severity;
	diag->pos = pos;
	*d->last = diag;
	d->last = &diag->next;
	if (severity == PM_ERROR)
		d->nerrors++;
	else if (severity == PM_WARNING)
		d->nwarnings++;
	else
		d->nnotes++;
	return diag;
}

void pm_diag_hint(struct pm_diags *d, struct pm_diag *diag, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	diag->hint = text_of(d->arena, fmt, ap);
	va_end(ap);
}

void pm_diags_join(struct pm_diags *into, struct pm_diags *from)
{
	if (from->first) {
		*into->last = from->first;
		into->last = from->last;
	}
	into->nerrors += from->nerrors;
	into->nwarnings += from->nwarnings;
	into->nnotes += from->nnotes;
	pm_diags_init(from, from->arena);
}

static int compare(const struct pm_diag *a, const struct pm_diag *b)
{
	int r = strcmp(a->pos.file ? a->pos.file : "", b->pos.file ? b->pos.file : "");

	if (r != 0)
		return r;
	if (a->pos.line != b->pos.line)
		return a->pos.line < b->pos.line ? -1 : 1;
	if (a->pos.column != b->pos.column)
		return a->pos.column < b->pos.column ? -1 : 1;
	return 0;
}

/* Merge sort of the first n findings of a list; returns the new head, *ret_rest what comes behind. */
static struct pm_diag *sort(struct pm_diag *list, size_t n, struct pm_diag **ret_rest)
{
	struct pm_diag *a, *b, *head = NULL, **tail = &head;
	size_t na = n / 2, nb = n - na;

	if (n < 2) {
		*ret_rest = n == 1 ? list->next : list;
		return n == 1 ? list : NULL;
	}
	a = sort(list, na, &b);
	b = sort(b, nb, ret_rest);
	while (na > 0 || nb > 0) {
		struct pm_diag **from = nb == 0 || (na > 0 && compare(a, b) <= 0) ? &a : &b;

		*tail = *from;
		*from = (*from)->next;
		tail = &(*tail)->next;
		if (from == &a)
			na--;
		else
			nb--;
	}
	*tail = NULL;
	return head;
}

void pm_diags_sort(struct pm_diags *d)
{
	struct pm_diag *rest;

	d->first = sort(d->first, (size_t)d->nerrors + d->nwarnings + d->nnotes, &rest);
	for (d->last = &d->first; *d->last;)
		d->last = &(*d->last)->next;
}

/* Bytes of the first n characters. */
static size_t chars(const char *s, size_t len, size_t n)
{
	size_t at = 0;
	uint32_t c;

	for (; n > 0 && at < len; n--)
		at += pm_utf8_next(s + at, len - at, &c);
	return at;
}

/* Columns of text as pm_text_visible() shows it. */
static unsigned visible_width(const char *s, size_t n)
{
	cleanup_buf struct pm_buf shown = PM_BUF(0);

	pm_text_visible(&shown, s, n);
	return pm_text_width(pm_buf_str(&shown), shown.len);
}

static void add_repeated(struct pm_buf *out, char c, size_t n)
{
	while (n-- > 0)
		(void)pm_buf_addc(out, c);
}

static void add_source(struct pm_buf *out, const struct pm_diag *diag, unsigned gutter)
{
	const char *line = diag->source;
	size_t len = strcspn(line, "\r\n");
	size_t column = diag->pos.column > 0 ? diag->pos.column - 1 : 0;
	size_t marked = diag->length > 0 ? diag->length : 1;
	size_t skip = column > SHOWN_MAX - SHOWN_BEFORE ? column - SHOWN_BEFORE : 0;
	size_t from = chars(line, len, skip);
	size_t shown, before, mark;

	line += from;
	len -= from;
	shown = chars(line, len, SHOWN_MAX);
	before = chars(line, shown, column - skip);
	mark = chars(line + before, shown - before, marked);

	add_repeated(out, ' ', gutter);
	(void)pm_buf_addf(out, " |\n%*u | %s", (int)gutter, diag->pos.line, from > 0 ? "..." : "");
	pm_text_visible(out, line, shown);
	(void)pm_buf_adds(out, shown < len ? "...\n" : "\n");
	if (diag->pos.column == 0)
		return;
	add_repeated(out, ' ', gutter);
	(void)pm_buf_adds(out, " | ");
	add_repeated(out, ' ', visible_width(line, before) + (from > 0 ? 3 : 0));
	mark = visible_width(line + before, mark);
	add_repeated(out, '^', mark > 0 ? mark : 1);
	(void)pm_buf_addc(out, '\n');
}

static void add_diag(struct pm_buf *out, const struct pm_diag *diag)
{
	unsigned gutter = 1;

	for (unsigned n = diag->pos.line; n >= 10; n /= 10)
		gutter++;
	if (diag->pos.file) {
		pm_text_visible(out, diag->pos.file, strlen(diag->pos.file));
		if (diag->pos.line > 0)
			(void)pm_buf_addf(out, ":%u", diag->pos.line);
		if (diag->pos.line > 0 && diag->pos.column > 0)
			(void)pm_buf_addf(out, ":%u", diag->pos.column);
		(void)pm_buf_adds(out, ": ");
	}
	(void)pm_buf_addf(out, "%s: ", pm_severity_name(diag->severity));
	pm_text_visible(out, diag->msg, strlen(diag->msg));
	(void)pm_buf_addc(out, '\n');
	if (diag->severity == PM_NOTE)
		return; /* nothing to mend: one line is enough */
	if (diag->source && diag->pos.line > 0)
		add_source(out, diag, gutter);
	if (diag->hint) {
		add_repeated(out, ' ', gutter + 1);
		(void)pm_buf_adds(out, "help: ");
		pm_text_visible(out, diag->hint, strlen(diag->hint));
		(void)pm_buf_addc(out, '\n');
	}
}

static const char *plural(unsigned n)
{
	return n == 1 ? "" : "s";
}

static void add_rest(struct pm_buf *out, const struct pm_diag *rest)
{
	unsigned errors = 0, others = 0;

	for (; rest; rest = rest->next) {
		if (rest->severity == PM_ERROR)
			errors++;
		else
			others++;
	}
	if (errors + others > 0)
		(void)pm_buf_addf(out, "and %u more error%s, %u more warning%s or note%s\n", errors,
			plural(errors), others, plural(others), plural(others));
}

void pm_diags_print(const struct pm_diags *d, FILE *out, unsigned most)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const struct pm_diag *diag = d->first;

	for (unsigned n = 0; diag && (most == 0 || n < most); diag = diag->next, n++)
		add_diag(&text, diag);
	add_rest(&text, diag);
	(void)fwrite(pm_buf_str(&text), 1, text.len, out);
}

void pm_diag_json(struct pm_jwrite *w, const struct pm_diag *d)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "severity", pm_severity_name(d->severity));
	if (d->pos.file)
		pm_jw_str(w, "file", d->pos.file);
	if (d->pos.line > 0)
		pm_jw_int(w, "line", d->pos.line);
	if (d->pos.column > 0)
		pm_jw_int(w, "column", d->pos.column);
	pm_jw_str(w, "message", d->msg);
	if (d->hint)
		pm_jw_str(w, "hint", d->hint);
	pm_jw_object_end(w);
}
