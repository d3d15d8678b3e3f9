/* UTF-8, one character at a time, for the files of this room. */
#ifndef PM_BASE_TEXT_PRIV_H
#define PM_BASE_TEXT_PRIV_H

#include <stddef.h>
#include <stdint.h>

#define PM_BAD_CHAR UINT32_MAX

/** Decodes the character at s (n > 0 bytes) and returns its bytes; an invalid byte is one byte long
 * and gives PM_BAD_CHAR. */
size_t pm_utf8_next(const char *s, size_t n, uint32_t *ret);

/** Encodes a character that is no surrogate; returns its bytes, at most 4. */
size_t pm_utf8_put(char *out, uint32_t c);

#endif
