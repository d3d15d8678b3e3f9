/* Small services for words and lines. */
#ifndef PM_BASE_TEXT_H
#define PM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

bool pm_str_eq(const char *a, const char *b); /* NULL equals NULL only */
bool pm_str_starts(const char *s, const char *prefix);

/** The candidate nearest to a mistyped word, or NULL when none is near. Next call to be tried by a
 * person: transpositions count as one. */
const char *pm_nearest(const char *word, const char *const *candidates, size_t n);

/** Appends text with control characters (and invalid UTF-8, and bidirectional controls) made visible. */
void pm_text_visible(struct pm_buf *out, const char *s, size_t n);

/** Bytes of the first character of a text of n > 0 bytes (one where it is broken). *ret_plain: it is a
 * character that pm_text_visible() leaves alone. */
size_t pm_text_next(const char *s, size_t n, bool *ret_plain);

/** Columns that text needs on a terminal (UTF-8; wide characters count two). */
unsigned pm_text_width(const char *s, size_t n);

/** Length of the valid UTF-8 prefix; n when all of it is. */
size_t pm_utf8_valid(const char *s, size_t n);

#endif
