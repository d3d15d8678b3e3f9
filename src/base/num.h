/* Numbers and units from text and back. Nothing here depends on the locale; nothing accepts white
 * space, signs other than one '-', leading zeros or trailing text. */
#ifndef PM_BASE_NUM_H
#define PM_BASE_NUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"

#define PM_KIB ((int64_t)1 << 10)
#define PM_MIB ((int64_t)1 << 20)
#define PM_GIB ((int64_t)1 << 30)
#define PM_TIB ((int64_t)1 << 40)

/** Decimal integer between min and max. 0, -PM_E_INPUT (no integer) or -PM_E_LIMIT (outside). */
int pm_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret) PM_CHECK;

/** Decimal with at most three places ("1", "1.5", "0.125"), returned as thousandths. */
int pm_parse_milli(const char *s, int64_t *ret) PM_CHECK;

/** Bytes: digits with K M G T or Ki Mi Gi Ti (all binary), decimals allowed before a unit when the
 * result is whole bytes ("1.5G"). Without a unit the number counts `unit` bytes each (0: a unit is
 * required). No sign. -PM_E_LIMIT when the bytes do not fit 63 bits. */
int pm_parse_size(const char *s, int64_t unit, int64_t *ret) PM_CHECK;

/** Seconds: "30s", "5m", "2h", "1d", or combinations from long to short, "1h30m"; a unit is required; "300ms" gives -PM_E_LIMIT unless
 * milliseconds are asked for. */
int pm_parse_seconds(const char *s, int64_t *ret) PM_CHECK;
int pm_parse_millis(const char *s, int64_t *ret) PM_CHECK;

/** Writes into `out` (at least 32 bytes) and returns it. Sizes use the largest exact unit: "8G",
 * "1536M", "512K", "17". Milli drops trailing zeros: "1.5". Seconds: "90s", "5m", "2h". */
char *pm_format_size(int64_t bytes, char out[32]);
char *pm_format_milli(int64_t thousandths, char out[32]);
char *pm_format_seconds(int64_t seconds, char out[32]);

#endif
