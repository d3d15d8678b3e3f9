/* Findings in one text: each gets its source line, copied while the text is at hand. A line may hold a
 * secret; it is masked before it reaches anybody's terminal. */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

/* Longer lines are cut, and columns further right are shown without their line. */
#define SOURCE_MAX 2000

/* A block text is looked for that far above. */
#define BLOCK_MAX 65536

void pm_text_init(struct pm_text *t, const char *file, const char *s, size_t n, struct pm_diags *d)
{
	bool bom = n >= 3 && memcmp(s, "\xef\xbb\xbf", 3) == 0;

	*t = (struct pm_text){ .file = file, .s = s, .n = n, .d = d, .line = 1, .news = d->last };
	if (bom) {
		t->s += 3;
		t->n -= 3;
	}
}

/* The start of a line, and its bytes without the line end. */
static const char *line_of(struct pm_text *t, unsigned line, size_t *ret_n)
{
	const char *end, *nl;

	if (line < t->line) {
		t->line = 1;
		t->at = 0;
	}
	while (t->line < line) {
		nl = memchr(t->s + t->at, '\n', t->n - t->at);
		if (!nl)
			return NULL;
		t->at = (size_t)(nl - t->s) + 1;
		t->line++;
	}
	nl = memchr(t->s + t->at, '\n', t->n - t->at);
	end = nl ? nl : t->s + t->n;
	*ret_n = (size_t)(end - (t->s + t->at));
	if (*ret_n > 0 && end[-1] == '\r')
		--*ret_n;
	return t->s + t->at;
}

/* Is it a reference such as {fromEnv: X}, and nothing more? */
static bool is_reference(const char *s, size_t n)
{
	const char *end = memchr(s, '}', n), *colon;

	if (n < 5 || memcmp(s, "{from", 5) != 0 || !end)
		return false;
	colon = memchr(s, ':', (size_t)(end - s));
	return colon && !memchr(colon + 1, ':', (size_t)(end - colon - 1));
}

/* Where the value starts when the text goes on as a key does; n: it does not. */
static size_t value_at(const char *s, size_t n)
{
	size_t at = 0;

	while (at < n && (isalnum((unsigned char)s[at]) || strchr("_-\"'", s[at])))
		at++;
	while (at < n && s[at] == ' ')
		at++;
	if (at == n || s[at] != ':')
		return n;
	for (at++; at < n && s[at] == ' ';)
		at++;
	return at;
}

/* Where who is to log in starts in an address ("https://TOKEN@host/"); n: nowhere. */
static size_t login_at(const char *s, size_t n)
{
	const char *host = memmem(s, n, "://", 3), *at;

	if (!host)
		return n;
	host += 3;
	at = memchr(host, '@', n - (size_t)(host - s));
	return at && !memchr(host, '/', (size_t)(at - host)) ? (size_t)(host - s) : n;
}

/* Where the value of a key starts that is called like a secret; n: there is none. */
static size_t secret_at(const char *s, size_t n)
{
	static const char *const words[] = { "passw", "passphrase", "secret", "apikey", "api_key",
		"private" };

	for (size_t i = 0; i < n; i++) {
		for (size_t w = 0; w < PM_COUNT(words); w++) {
			size_t len = strlen(words[w]), at;

			if (len > n - i || strncasecmp(s + i, words[w], len) != 0)
				continue;
			at = i + len;
			at += value_at(s + at, n - at);
			if (at < n && !is_reference(s + at, n - at))
				return at;
		}
	}
	return login_at(s, n);
}

static size_t indent_of(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && s[i] == ' ')
		i++;
	return i;
}

/* Is the line inside of a block text (| or >) that is a secret? */
static bool in_secret_block(const struct pm_text *t, const char *line, size_t n)
{
	size_t indent = indent_of(line, n);
	const char *end = line, *first = line - t->s > BLOCK_MAX ? line - BLOCK_MAX : t->s;

	while (indent > 0 && end > first) {
		const char *start = end - 1;
		size_t len, at;

		while (start > first && start[-1] != '\n')
			start--;
		len = (size_t)(end - 1 - start);
		end = start;
		if (indent_of(start, len) >= indent)
			continue;
		at = secret_at(start, len < SOURCE_MAX ? len : SOURCE_MAX);
		return at < len && (start[at] == '|' || start[at] == '>');
	}
	return false;
}

/* Bytes of the first n characters of valid UTF-8. */
static size_t bytes_of(const char *s, size_t len, size_t n)
{
	size_t at = 0;

	while (at < len && n > 0) {
		at++;
		while (at < len && ((unsigned char)s[at] & 0xc0) == 0x80)
			at++;
		n--;
	}
	return at;
}

const char *pm_text_from(struct pm_text *t, struct pm_span at, size_t *ret_n)
{
	size_t n, skip;
	const char *line = at.line > 0 ? line_of(t, at.line, &n) : NULL;

	if (!line)
		return NULL;
	skip = bytes_of(line, n, at.column > 0 ? at.column - 1 : 0);
	*ret_n = n - skip;
	return line + skip;
}

/* What is shown of a line. */
static void show_line(struct pm_text *t, unsigned number)
{
	struct pm_shown *shown = &t->shown;
	size_t n, secret;
	const char *line = line_of(t, number, &n);

	*shown = (struct pm_shown){ .line = number };
	if (!line || in_secret_block(t, line, n))
		return;
	shown->most = SIZE_MAX;
	if (n > SOURCE_MAX)
		shown->most = n = pm_utf8_valid(line, SOURCE_MAX);
	secret = secret_at(line, n);
	if (secret < n)
		shown->most = secret;
	shown->text =
		pm_arena_printf(t->d->arena, "%.*s%s", (int)secret, line, secret < n ? "***" : "");
}

/* The source line for a finding; NULL when the caret would have to stand on a secret. */
static const char *source_line(struct pm_text *t, struct pm_span at)
{
	struct pm_shown *shown = &t->shown;
	size_t caret;

	if (at.line == 0)
		return NULL;
	/* Many findings may stand in one line: they share it. */
	if (shown->line != at.line)
		show_line(t, at.line);
	if (!shown->text)
		return NULL;
	caret = bytes_of(shown->text, strlen(shown->text), at.column > 0 ? at.column - 1 : 0);
	return caret < shown->most ? shown->text : NULL;
}

struct pm_diag *pm_find(
	struct pm_text *t, enum pm_severity severity, struct pm_span at, const char *fmt, ...)
{
	struct pm_pos pos = { .file = t->file, .line = at.line, .column = at.column };
	struct pm_diag *diag;
	char msg[1000];
	va_list ap;

	if (t->errors > PM_TEXT_MAX_ERRORS)
		return NULL;
	if (severity == PM_ERROR && ++t->errors > PM_TEXT_MAX_ERRORS) {
		(void)pm_diag_add(t->d, PM_ERROR, pos,
			"more than %d errors in this file: the rest is not looked at",
			PM_TEXT_MAX_ERRORS);
		return NULL;
	}
	va_start(ap, fmt);
	(void)vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	diag = pm_diag_add(t->d, severity, pos, "%s", msg);
	diag->length = at.length;
	diag->source = source_line(t, at);
	return diag;
}

void pm_hint(struct pm_text *t, struct pm_diag *diag, const char *fmt, ...)
{
	char hint[1000];
	va_list ap;

	if (!diag)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(hint, sizeof(hint), fmt, ap);
	va_end(ap);
	pm_diag_hint(t->d, diag, "%s", hint);
}

/* Characters of the key, word or quoted text at a column. */
static unsigned length_at(const char *line, unsigned column)
{
	const char *s = line + bytes_of(line, strlen(line), column - 1), *p = s;
	unsigned n = 0;

	if (*s == '"' || *s == '\'') {
		p = strchr(s + 1, *s);
		p = p ? p + 1 : s + 1;
	} else {
		while (*p && !strchr(" ,]}", *p) && (*p != ':' || (p[1] && p[1] != ' ')))
			p++;
	}
	for (; s < p; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

void pm_text_show(struct pm_text *t, struct pm_diag *diag)
{
	struct pm_span at = { .line = diag->pos.line, .column = diag->pos.column };

	if (diag->source)
		return;
	diag->source = source_line(t, at);
	if (diag->source && diag->length == 0 && at.column > 0)
		diag->length = length_at(diag->source, at.column);
}

void pm_text_complete(struct pm_text *t)
{
	for (struct pm_diag *diag = *t->news; diag; diag = diag->next)
		if (diag->pos.file == t->file)
			pm_text_show(t, diag);
	t->news = t->d->last;
}
