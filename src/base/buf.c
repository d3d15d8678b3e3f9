/* Growing text with a ceiling. What does not fit is cut and remembered in `full`, so that a writer
 * may add a hundred times and look once. */
#include "base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/mem.h"

#define DEFAULT_MAX ((size_t)64 << 20)

static size_t ceiling(const struct pm_buf *b)
{
	return b->max > 0 ? b->max : DEFAULT_MAX;
}

void pm_buf_done(struct pm_buf *b)
{
	free(b->p);
	b->p = NULL;
	b->len = 0;
	b->cap = 0;
	b->full = 0;
}

void pm_buf_clear(struct pm_buf *b)
{
	b->len = 0;
	b->full = 0;
	if (b->p)
		b->p[0] = '\0';
}

int pm_buf_reserve(struct pm_buf *b, size_t n)
{
	size_t max = ceiling(b), cap;

	if (n > max - b->len)
		return -PM_E_LIMIT;
	if (b->len + n < b->cap)
		return 0;
	cap = b->cap > 0 ? b->cap * 2 : 64;
	if (cap < b->len + n + 1)
		cap = b->len + n + 1;
	if (cap > max + 1)
		cap = max + 1;
	b->p = pm_xrealloc(b->p, cap);
	b->cap = cap;
	b->p[b->len] = '\0';
	return 0;
}

int pm_buf_add(struct pm_buf *b, const void *s, size_t n)
{
	if (b->full)
		return -PM_E_LIMIT;
	if (pm_buf_reserve(b, n) < 0) {
		b->full = 1;
		n = ceiling(b) - b->len;
		(void)pm_buf_reserve(b, n);
	}
	if (n > 0)
		memcpy(b->p + b->len, s, n);
	b->len += n;
	b->p[b->len] = '\0';
	return b->full ? -PM_E_LIMIT : 0;
}

int pm_buf_addc(struct pm_buf *b, char c)
{
	if (b->len + 1 < b->cap && !b->full) {
		b->p[b->len++] = c;
		b->p[b->len] = '\0';
		return 0;
	}
	return pm_buf_add(b, &c, 1);
}

int pm_buf_adds(struct pm_buf *b, const char *s)
{
	return pm_buf_add(b, s, strlen(s));
}

int pm_buf_addv(struct pm_buf *b, const char *fmt, va_list ap)
{
	char small[256];
	cleanup_free char *large = NULL;
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(small, sizeof(small), fmt, ap);
	if (n >= (int)sizeof(small)) {
		large = pm_xcalloc(1, (size_t)n + 1);
		(void)vsnprintf(large, (size_t)n + 1, fmt, again);
	}
	va_end(again);
	pm_assert(n >= 0);
	return pm_buf_add(b, large ? large : small, (size_t)n);
}

int pm_buf_addf(struct pm_buf *b, const char *fmt, ...)
{
	va_list ap;
	int r;

	va_start(ap, fmt);
	r = pm_buf_addv(b, fmt, ap);
	va_end(ap);
	return r;
}

const char *pm_buf_str(const struct pm_buf *b)
{
	return b->p ? b->p : "";
}

char *pm_buf_steal(struct pm_buf *b)
{
	char *text = b->p ? b->p : pm_xstrdup("");

	b->p = NULL;
	pm_buf_done(b);
	return text;
}
