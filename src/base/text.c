/* Words and lines: UTF-8, what a terminal shows of it, and the nearest word to a mistyped one. */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

#include "base/text_priv.h"

bool pm_str_eq(const char *a, const char *b)
{
	if (!a || !b)
		return a == b;
	return strcmp(a, b) == 0;
}

bool pm_str_starts(const char *s, const char *prefix)
{
	return strncmp(s, prefix, strlen(prefix)) == 0;
}

size_t pm_utf8_next(const char *s, size_t n, uint32_t *ret)
{
	static const uint32_t least[5] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = (unsigned char)s[0];
	uint32_t v;
	size_t len;

	*ret = c;
	if (c < 0x80)
		return 1;
	*ret = PM_BAD_CHAR;
	if (c >= 0xc2 && c <= 0xdf) {
		len = 2;
		v = c & 0x1fU;
	} else if ((c & 0xf0) == 0xe0) {
		len = 3;
		v = c & 0x0fU;
	} else if (c >= 0xf0 && c <= 0xf4) {
		len = 4;
		v = c & 0x07U;
	} else {
		return 1;
	}
	if (n < len)
		return 1;
	for (size_t i = 1; i < len; i++) {
		if (((unsigned char)s[i] & 0xc0) != 0x80)
			return 1;
		v = v << 6 | ((unsigned char)s[i] & 0x3fU);
	}
	if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff))
		return 1;
	*ret = v;
	return len;
}

size_t pm_utf8_put(char *out, uint32_t c)
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

size_t pm_utf8_valid(const char *s, size_t n)
{
	size_t at = 0;
	uint64_t word;
	uint32_t c;

	while (at < n) {
		/* Eight plain characters at once: nearly all text is. */
		if (n - at >= sizeof(word)) {
			memcpy(&word, s + at, sizeof(word));
			if ((word & 0x8080808080808080U) == 0) {
				at += sizeof(word);
				continue;
			}
		}
		size_t len = pm_utf8_next(s + at, n - at, &c);

		if (c == PM_BAD_CHAR)
			return at;
		at += len;
	}
	return at;
}

struct range {
	uint32_t first, last;
};

static bool in_ranges(const struct range *v, size_t n, uint32_t c)
{
	for (size_t i = 0; i < n; i++) {
		if (c < v[i].first)
			return false;
		if (c <= v[i].last)
			return true;
	}
	return false;
}

/* Controls, line separators, and what turns the direction of text: none may reach a terminal. */
static bool is_hidden(uint32_t c)
{
	static const struct range hidden[] = {
		{ 0x0000, 0x001f },
		{ 0x007f, 0x009f },
		{ 0x061c, 0x061c },
		{ 0x200b, 0x200f },
		{ 0x2028, 0x202e },
		{ 0x2060, 0x206f },
		{ 0xfeff, 0xfeff },
		{ 0xfff9, 0xfffb },
		{ 0xe0000, 0xe0fff },
	};

	return in_ranges(hidden, PM_COUNT(hidden), c);
}

static void add_hidden(struct pm_buf *out, uint32_t c)
{
	if (c == '\n')
		(void)pm_buf_adds(out, "\\n");
	else if (c == '\t')
		(void)pm_buf_adds(out, "\\t");
	else if (c == '\r')
		(void)pm_buf_adds(out, "\\r");
	else if (c < 0x80)
		(void)pm_buf_addf(out, "\\x%02x", (unsigned)c);
	else
		(void)pm_buf_addf(out, c > 0xffff ? "\\U%08x" : "\\u%04x", (unsigned)c);
}

void pm_text_visible(struct pm_buf *out, const char *s, size_t n)
{
	size_t plain = 0, at = 0;

	while (at < n) {
		uint32_t c;
		size_t len = pm_utf8_next(s + at, n - at, &c);

		if (c != PM_BAD_CHAR && !is_hidden(c)) {
			at += len;
			continue;
		}
		(void)pm_buf_add(out, s + plain, at - plain);
		if (c == PM_BAD_CHAR)
			(void)pm_buf_addf(out, "\\x%02x", (unsigned)(unsigned char)s[at]);
		else
			add_hidden(out, c);
		at += len;
		plain = at;
	}
	(void)pm_buf_add(out, s + plain, n - plain);
}

size_t pm_text_next(const char *s, size_t n, bool *ret_plain)
{
	uint32_t c;
	size_t len = pm_utf8_next(s, n, &c);

	*ret_plain = c != PM_BAD_CHAR && !is_hidden(c);
	return len;
}

/* Unicode's East Asian wide and full-width blocks, and the emoji. */
static const struct range wide[] = {
	{ 0x1100, 0x115f },
	{ 0x2e80, 0x303e },
	{ 0x3041, 0x4dbf },
	{ 0x4e00, 0xa4cf },
	{ 0xa960, 0xa97f },
	{ 0xac00, 0xd7a3 },
	{ 0xf900, 0xfaff },
	{ 0xfe30, 0xfe6f },
	{ 0xff00, 0xff60 },
	{ 0xffe0, 0xffe6 },
	{ 0x1f300, 0x1f64f },
	{ 0x1f680, 0x1f6ff },
	{ 0x1f900, 0x1f9ff },
	{ 0x20000, 0x3fffd },
};

/* Marks that sit on the character before them. */
static const struct range zero[] = {
	{ 0x0300, 0x036f },
	{ 0x0483, 0x0489 },
	{ 0x0591, 0x05bd },
	{ 0x064b, 0x065f },
	{ 0x1ab0, 0x1aff },
	{ 0x1dc0, 0x1dff },
	{ 0x200b, 0x200f },
	{ 0x20d0, 0x20ff },
	{ 0xfe00, 0xfe0f },
	{ 0xfe20, 0xfe2f },
};

unsigned pm_text_width(const char *s, size_t n)
{
	unsigned width = 0;

	for (size_t at = 0; at < n;) {
		uint32_t c;

		at += pm_utf8_next(s + at, n - at, &c);
		if (c == PM_BAD_CHAR || c < 0x300)
			width++;
		else if (!in_ranges(zero, PM_COUNT(zero), c))
			width += in_ranges(wide, PM_COUNT(wide), c) ? 2 : 1;
	}
	return width;
}

#define WORD_MAX 48

static unsigned char fold(char c)
{
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static unsigned least_of(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, delete, replace, swap neighbours) between two words; case does not count. */
static unsigned distance(const char *a, size_t na, const char *b, size_t nb)
{
	unsigned rows[3][WORD_MAX + 1];
	unsigned *before = rows[0], *above = rows[1], *row = rows[2];

	for (size_t j = 0; j <= nb; j++)
		above[j] = (unsigned)j;
	for (size_t i = 1; i <= na; i++) {
		unsigned *spare = before;

		row[0] = (unsigned)i;
		for (size_t j = 1; j <= nb; j++) {
			unsigned differ = fold(a[i - 1]) != fold(b[j - 1]);

			row[j] = least_of(above[j] + 1, row[j - 1] + 1);
			row[j] = least_of(row[j], above[j - 1] + differ);
			if (i > 1 && j > 1 && fold(a[i - 1]) == fold(b[j - 2]) &&
				fold(a[i - 2]) == fold(b[j - 1]))
				row[j] = least_of(row[j], before[j - 2] + 1);
		}
		before = above;
		above = row;
		row = spare;
	}
	return above[nb];
}

const char *pm_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	const char *best = NULL;
	/* One edit in three characters; a word of one or two may be one edit away. */
	unsigned best_distance = len < 3 ? 2 : (unsigned)len / 3 + 1;

	if (len == 0 || len > WORD_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t other = candidates[i] ? strlen(candidates[i]) : 0;
		unsigned d;

		if (other == 0 || other > WORD_MAX)
			continue;
		d = distance(word, len, candidates[i], other);
		if (d < best_distance && d < other) {
			best = candidates[i];
			best_distance = d;
		}
	}
	return best;
}
