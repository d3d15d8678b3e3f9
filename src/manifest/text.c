/* What a text must be before it is worth parsing: UTF-8 without anything that people cannot see. */
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

/* Findings of this kind in one text; a binary file would have thousands. */
#define MOST 20

/* 1: has to be looked at. */
static const unsigned char special[256] = {
	[0x00 ... 0x08] = 1,
	[0x0b ... 0x1f] = 1,
	[0x7f ... 0xff] = 1,
};

/* Line and column of a byte, in characters; bytes that are no UTF-8 count one. */
static struct pm_span span_of(const struct pm_text *t, size_t at)
{
	struct pm_span span = { .line = 1, .column = 1, .length = 1 };

	for (size_t i = 0; i < at; i++) {
		if (t->s[i] == '\n') {
			span.line++;
			span.column = 1;
		} else if (((unsigned char)t->s[i] & 0xc0) != 0x80) {
			span.column++;
		}
	}
	return span;
}

size_t pm_char_at(const char *s, uint32_t *ret)
{
	const unsigned char *u = (const unsigned char *)s;

	if (u[0] < 0x80) {
		*ret = u[0];
		return 1;
	}
	if (u[0] < 0xe0) {
		*ret = (u[0] & 0x1fU) << 6 | (u[1] & 0x3fU);
		return 2;
	}
	if (u[0] < 0xf0) {
		*ret = (u[0] & 0x0fU) << 12 | (u[1] & 0x3fU) << 6 | (u[2] & 0x3fU);
		return 3;
	}
	*ret = (u[0] & 0x07U) << 18 | (u[1] & 0x3fU) << 12 | (u[2] & 0x3fU) << 6 | (u[3] & 0x3fU);
	return 4;
}

static bool turns_text(uint32_t c)
{
	return c == 0x61c || c == 0x200e || c == 0x200f || (c >= 0x202a && c <= 0x202e) ||
	       (c >= 0x2066 && c <= 0x2069);
}

const char *pm_char_fault(uint32_t c, const char **ret_hint)
{
	*ret_hint = "remove it; in double quotes it can be written as an escape";
	if (c == 0x85 || c == 0x2028 || c == 0x2029)
		return "an invisible line separator";
	if (c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xfffe || c == 0xffff)
		return "a control character";
	if (turns_text(c))
		return "an invisible character that turns the direction of text";
	if (c == 0xfeff) {
		*ret_hint = "remove it; a byte order mark may only stand at the very start";
		return "a byte order mark inside of the text";
	}
	return NULL;
}

/* Looks at one special character; returns its bytes, 0 when the text is not UTF-8 there. */
static size_t look(struct pm_text *t, size_t at)
{
	const char *s = t->s + at, *fault, *hint;
	size_t len, left = t->n - at;
	uint32_t c;

	if (s[0] == '\r' && left > 1 && s[1] == '\n')
		return 2;
	if (pm_utf8_valid(s, left < 4 ? left : 4) == 0)
		return 0;
	len = pm_char_at(s, &c);
	if (c == 0) {
		pm_hint(t, pm_find(t, PM_ERROR, span_of(t, at), "a NUL character: this is no text"),
			"remove it, or look whether the file was written to its end");
		return len;
	}
	if (c == '\r') {
		pm_hint(t,
			pm_find(t, PM_ERROR, span_of(t, at), "a carriage return without line feed"),
			"end lines with a line feed, or with both");
		return len;
	}
	fault = pm_char_fault(c, &hint);
	if (fault)
		pm_hint(t, pm_find(t, PM_ERROR, span_of(t, at), "%s, U+%04X", fault, (unsigned)c),
			"%s", hint);
	return len;
}

static void find_latin1(struct pm_text *t, size_t at)
{
	unsigned c = (unsigned char)t->s[at];
	struct pm_diag *diag = pm_find(t, PM_ERROR, span_of(t, at), "byte 0x%02x is not UTF-8", c);

	if (c >= 0xa0)
		pm_hint(t, diag, "save the file as UTF-8; in Latin-1 this byte is \"%c%c\"",
			(int)(0xc0 | c >> 6), (int)(0x80 | (c & 0x3f)));
	else
		pm_hint(t, diag, "save the file as UTF-8");
}

static bool is_utf16(const struct pm_text *t)
{
	const unsigned char *u = (const unsigned char *)t->s;

	if (t->n < 2)
		return false;
	return (u[0] == 0xff && u[1] == 0xfe) || (u[0] == 0xfe && u[1] == 0xff) ||
	       ((u[0] == 0) != (u[1] == 0) && t->n % 2 == 0);
}

bool pm_text_check(struct pm_text *t)
{
	const unsigned char *s = (const unsigned char *)t->s;
	unsigned before = t->errors;
	size_t at = 0;

	if (is_utf16(t)) {
		pm_hint(t,
			pm_find(t, PM_ERROR, (struct pm_span){ 0 },
				"the text is UTF-16; only UTF-8 is read"),
			"save the file as UTF-8");
		return false;
	}
	while (t->errors - before < MOST) {
		size_t len;

		while (at < t->n && !special[s[at]])
			at++;
		if (at >= t->n)
			break;
		len = look(t, at);
		if (len > 0) {
			at += len;
			continue;
		}
		find_latin1(t, at);
		/* One finding a line: a text in another encoding is full of them. */
		while (at < t->n && s[at] != '\n')
			at++;
	}
	return t->errors == before;
}
