/* Growing text. Always NUL-terminated, never longer than its maximum. Zero-initialised with
 * PM_BUF(max). Belongs to one thread at a time. */
#ifndef PM_BASE_BUF_H
#define PM_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>

#include "base/attr.h"

struct pm_buf {
	char *p; /* never NULL once something was added; use pm_buf_str() to read */
	size_t len, cap, max;
	int full; /* something did not fit: the text is cut, and every later add fails too */
};

/** Initialiser; `max_bytes` 0 means 64 MiB. */
#define PM_BUF(max_bytes)           \
	{                           \
		.max = (max_bytes), \
	}

void pm_buf_done(struct pm_buf *b);  /* frees the memory; the buffer can be used again */
void pm_buf_clear(struct pm_buf *b); /* empties, keeps the memory */

/** Makes room for n more bytes; 0 or -PM_E_LIMIT. */
int pm_buf_reserve(struct pm_buf *b, size_t n);

/** Appends; 0 or -PM_E_LIMIT. The result may be ignored when `full` is looked at in the end. */
int pm_buf_add(struct pm_buf *b, const void *s, size_t n);
int pm_buf_addc(struct pm_buf *b, char c);
int pm_buf_adds(struct pm_buf *b, const char *s);
int pm_buf_addf(struct pm_buf *b, const char *fmt, ...) PM_PRINTF(2, 3);
int pm_buf_addv(struct pm_buf *b, const char *fmt, va_list ap) PM_PRINTF(2, 0);

/** The text, "" when nothing was added. Borrowed until the next change. */
const char *pm_buf_str(const struct pm_buf *b);

/** Takes the text out of the buffer. Owner: the caller, who calls free(). Never NULL. */
char *pm_buf_steal(struct pm_buf *b) PM_CHECK;

#endif
