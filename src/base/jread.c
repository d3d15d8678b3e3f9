/* Reading JSON (RFC 8259) as a stream of events, without allocation. The trick: the text ends in a
 * NUL byte, which is no part of any token, so that no loop has to look for the end. Strings are
 * resolved where they stand; that only ever makes them shorter. */
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "base/text_priv.h"

#define DEPTH_MAX 64

/* What may come next. */
enum state {
	VALUE,      /* a value must come */
	FIRST_ITEM, /* after '[': a value or ']' */
	FIRST_KEY,  /* after '{': a key or '}' */
	AFTER,      /* after a value: ',' or the end of what is open */
	BROKEN,
};

void pm_jread_init(struct pm_jread *r, char *text, size_t n)
{
	pm_assert(text[n] == '\0');
	memset(r, 0, sizeof(*r));
	r->start = text;
	r->p = text;
	r->end = text + n;
	r->state = VALUE;
}

static enum pm_json_event fail(struct pm_jread *r, const char *what)
{
	/* The NUL behind the text is what a cut answer runs into. */
	r->error = r->p >= r->end ? "the text ends too early" : what;
	r->state = BROKEN;
	return PM_J_ERROR;
}

static void skip_space(struct pm_jread *r)
{
	char *p = r->p;

	while (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t')
		p++;
	r->p = p;
}

#define ONES  0x0101010101010101U
#define HIGHS 0x8080808080808080U

/* The first byte at or after p that a plain run of a string cannot hold: a quote, a backslash, a
 * control character; or one that is not ASCII. */
static char *plain_end(char *p, const char *end)
{
	while (end - p >= 8) {
		uint64_t w, quote, slash, found;

		memcpy(&w, p, sizeof(w));
		quote = w ^ ONES * '"';
		slash = w ^ ONES * '\\';
		/* High bit of each byte that is zero in quote or slash, less than 0x20, or not ASCII. */
		found = ((quote - ONES) | (slash - ONES) | (w - ONES * 0x20) | w) & HIGHS;
		if (found)
			break;
		p += 8;
	}
	while ((unsigned char)*p >= 0x20 && (unsigned char)*p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}

static int hex4(const char *p)
{
	int v = 0;

	for (int i = 0; i < 4; i++) {
		char c = p[i];

		if (c >= '0' && c <= '9')
			v = v << 4 | (c - '0');
		else if (c >= 'a' && c <= 'f')
			v = v << 4 | (c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			v = v << 4 | (c - 'A' + 10);
		else
			return -1;
	}
	return v;
}

/* The escape "\uXXXX" at r->p, or a pair of them. A surrogate without its twin becomes U+FFFD. */
static bool unicode_escape(struct pm_jread *r, char **out)
{
	int unit = hex4(r->p + 2);
	uint32_t c;

	if (unit < 0)
		return false;
	c = (uint32_t)unit;
	r->p += 6;
	if (unit >= 0xd800 && unit <= 0xdbff && r->p[0] == '\\' && r->p[1] == 'u') {
		int low = hex4(r->p + 2);

		if (low >= 0xdc00 && low <= 0xdfff) {
			c = 0x10000 + ((c - 0xd800) << 10 | ((uint32_t)low - 0xdc00));
			r->p += 6;
		}
	}
	if (c >= 0xd800 && c <= 0xdfff)
		c = 0xfffd;
	*out += pm_utf8_put(*out, c);
	return true;
}

/* The escape at r->p; false when there is no such one. */
static bool escape(struct pm_jread *r, char **out)
{
	static const char from[] = "\"\\/bfnrt";
	static const char to[] = "\"\\/\b\f\n\r\t";
	const char *at;

	if (r->p[1] == 'u')
		return unicode_escape(r, out);
	at = r->p[1] != '\0' ? strchr(from, r->p[1]) : NULL;
	if (!at)
		return false;
	*(*out)++ = to[at - from];
	r->p += 2;
	return true;
}

/* The string whose opening quote is at r->p. Leaves r->s and r->n, and r->p behind the closing quote. */
static bool string(struct pm_jread *r)
{
	char *out = ++r->p;
	uint32_t c;

	r->s = out;
	for (;;) {
		char *run = r->p;
		size_t n;

		r->p = plain_end(run, r->end);
		while ((unsigned char)*r->p >= 0x80) {
			n = pm_utf8_next(r->p, (size_t)(r->end - r->p), &c);
			if (c == PM_BAD_CHAR) {
				fail(r, "a string is not UTF-8");
				return false;
			}
			r->p = plain_end(r->p + n, r->end);
		}
		n = (size_t)(r->p - run);
		if (out != run)
			memmove(out, run, n);
		out += n;
		if (*r->p == '"')
			break;
		if (*r->p != '\\') {
			fail(r, "a control character in a string");
			return false;
		}
		if (!escape(r, &out)) {
			fail(r, "a string holds an unknown escape");
			return false;
		}
	}
	r->n = (size_t)(out - r->s);
	r->p++;
	return true;
}

static char *skip_digits(char *p)
{
	while (*p >= '0' && *p <= '9')
		p++;
	return p;
}

static bool number(struct pm_jread *r)
{
	char *p = r->p, *from;

	r->s = p;
	p += *p == '-';
	from = p;
	p = skip_digits(p);
	if (p == from || (*from == '0' && p - from > 1))
		goto bad;
	if (*p == '.') {
		from = ++p;
		p = skip_digits(p);
		if (p == from)
			goto bad;
	}
	if (*p == 'e' || *p == 'E') {
		p++;
		p += *p == '+' || *p == '-';
		from = p;
		p = skip_digits(p);
		if (p == from)
			goto bad;
	}
	/* Whatever stands behind a number ends it, and nothing but white space ends a lone one. */
	if (p < r->end && (*p == '\0' || !strchr(r->depth > 0 ? ",]} \t\r\n" : " \t\r\n", *p)))
		goto bad;
	r->p = p;
	r->n = (size_t)(p - r->s);
	return true;
bad:
	r->p = p;
	fail(r, "a number is malformed");
	return false;
}

static enum pm_json_event literal(
	struct pm_jread *r, const char *word, size_t n, enum pm_json_event event)
{
	if (strncmp(r->p, word, n) != 0)
		return fail(r, "an unknown word");
	r->p += n;
	r->state = AFTER;
	return event;
}

static enum pm_json_event open_level(struct pm_jread *r, bool object)
{
	if (r->depth == DEPTH_MAX)
		return fail(r, "more than 64 levels");
	r->p++;
	r->in_object = object ? r->in_object | UINT64_C(1) << r->depth
			      : r->in_object & ~(UINT64_C(1) << r->depth);
	r->depth++;
	r->state = object ? FIRST_KEY : FIRST_ITEM;
	return object ? PM_J_OBJECT : PM_J_ARRAY;
}

static enum pm_json_event close_level(struct pm_jread *r, enum pm_json_event event)
{
	r->p++;
	r->depth--;
	r->state = AFTER;
	return event;
}

static enum pm_json_event value(struct pm_jread *r)
{
	switch (*r->p) {
	case '"':
		r->state = AFTER;
		return string(r) ? PM_J_STRING : PM_J_ERROR;
	case '{':
		return open_level(r, true);
	case '[':
		return open_level(r, false);
	case 't':
		return literal(r, "true", 4, PM_J_TRUE);
	case 'f':
		return literal(r, "false", 5, PM_J_FALSE);
	case 'n':
		return literal(r, "null", 4, PM_J_NULL);
	case '-':
	case '0' ... '9':
		r->state = AFTER;
		return number(r) ? PM_J_NUMBER : PM_J_ERROR;
	default:
		return fail(r, "a value is expected");
	}
}

static enum pm_json_event key(struct pm_jread *r)
{
	if (*r->p != '"')
		return fail(r, "a key in quotes is expected");
	if (!string(r))
		return PM_J_ERROR;
	skip_space(r);
	if (*r->p != ':')
		return fail(r, "a colon is expected after a key");
	r->p++;
	r->state = VALUE;
	return PM_J_KEY;
}

/* What follows a complete value. */
static enum pm_json_event after(struct pm_jread *r)
{
	bool object;

	if (r->depth == 0)
		return r->p == r->end ? PM_J_END : fail(r, "text after the end");
	object = r->in_object >> (r->depth - 1) & 1;
	if (*r->p == ',') {
		r->p++;
		skip_space(r);
		return object ? key(r) : value(r);
	}
	if (object && *r->p == '}')
		return close_level(r, PM_J_OBJECT_END);
	if (!object && *r->p == ']')
		return close_level(r, PM_J_ARRAY_END);
	return fail(r, object ? "a comma or } is expected" : "a comma or ] is expected");
}

enum pm_json_event pm_jread_next(struct pm_jread *r)
{
	if (r->state == BROKEN)
		return PM_J_ERROR;
	skip_space(r);
	switch (r->state) {
	case AFTER:
		return after(r);
	case FIRST_KEY:
		return *r->p == '}' ? close_level(r, PM_J_OBJECT_END) : key(r);
	case FIRST_ITEM:
		return *r->p == ']' ? close_level(r, PM_J_ARRAY_END) : value(r);
	default:
		return value(r);
	}
}

bool pm_jread_skip(struct pm_jread *r, enum pm_json_event first)
{
	unsigned depth = r->depth;

	if (first == PM_J_ERROR)
		return false;
	if (first != PM_J_OBJECT && first != PM_J_ARRAY)
		return true;
	while (r->depth >= depth) {
		if (pm_jread_next(r) == PM_J_ERROR)
			return false;
	}
	return true;
}

char *pm_jread_term(struct pm_jread *r)
{
	/* Behind a string stands its quote, which has been read. Behind a number stands what comes
	 * next; what stands before it has been read. */
	if (r->s + r->n == r->p && r->p < r->end) {
		if (r->s > r->start)
			r->s = memmove(r->s - 1, r->s, r->n);
		else
			r->p++; /* the white space behind a lone number */
	}
	r->s[r->n] = '\0';
	return r->s;
}

bool pm_jread_is(const struct pm_jread *r, const char *word)
{
	size_t n = strlen(word);

	return r->n == n && memcmp(r->s, word, n) == 0;
}

int pm_jread_error(const struct pm_jread *r, const char *expected, struct pm_error *err)
{
	unsigned line = 1;
	const char *start = r->start;

	for (const char *p = r->start; p < r->p && p < r->end; p++) {
		if (*p == '\n') {
			line++;
			start = p + 1;
		}
	}
	(void)pm_error_set(err, PM_E_PROTOCOL, "not the JSON that was expected: %s",
		r->error ? r->error : expected);
	err->line = line;
	err->column = (unsigned)(r->p - start) + 1;
	return -PM_E_PROTOCOL;
}
