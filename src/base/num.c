/* Numbers and units. All readers go through digits(), which knows what an overflow is; nothing here
 * touches floating point or the locale. */
#include "base/num.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"

/* Reads digits at *s without leading zeros. 0, -PM_E_INPUT (no number) or -PM_E_LIMIT (the digits
 * were passed over, but the number does not fit). */
static int digits(const char **s, int64_t *ret)
{
	const char *p = *s;
	int64_t v = 0;
	int r = 0;

	if (*p < '0' || *p > '9' || (p[0] == '0' && p[1] >= '0' && p[1] <= '9'))
		return -PM_E_INPUT;
	for (; *p >= '0' && *p <= '9'; p++) {
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, *p - '0', &v))
			r = -PM_E_LIMIT;
	}
	*s = p;
	if (r == 0)
		*ret = v;
	return r;
}

/* Reads ".ddd" at *s, at most `places` of them, as a number scaled to 10^places; 0 when there is no
 * point. */
static int fraction(const char **s, unsigned places, int64_t *ret)
{
	const char *p = *s;
	int64_t v = 0;
	unsigned n = 0;

	if (*p == '.') {
		for (p++; *p >= '0' && *p <= '9'; p++) {
			if (n++ == places)
				return -PM_E_INPUT;
			v = v * 10 + (*p - '0');
		}
		if (n == 0)
			return -PM_E_INPUT;
	}
	for (; n < places; n++)
		v *= 10;
	*s = p;
	*ret = v;
	return 0;
}

int pm_parse_int(const char *s, int64_t min, int64_t max, int64_t *ret)
{
	bool minus = *s == '-';
	int64_t v = 0;
	int r;

	s += minus;
	/* The least number has no positive twin; it is told by its text. */
	if (minus && strcmp(s, "9223372036854775808") == 0) {
		v = INT64_MIN;
	} else {
		r = digits(&s, &v);
		if (*s != '\0' || r == -PM_E_INPUT || (minus && v == 0 && r == 0))
			return -PM_E_INPUT;
		if (r < 0)
			return r;
		v = minus ? -v : v;
	}
	if (v < min || v > max)
		return -PM_E_LIMIT;
	*ret = v;
	return 0;
}

int pm_parse_milli(const char *s, int64_t *ret)
{
	bool minus = *s == '-';
	int64_t v = 0, part;
	int r;

	s += minus;
	r = digits(&s, &v);
	if (r == -PM_E_INPUT || fraction(&s, 3, &part) < 0 || *s != '\0')
		return -PM_E_INPUT;
	if (r < 0 || __builtin_mul_overflow(v, 1000, &v) || __builtin_add_overflow(v, part, &v))
		return -PM_E_LIMIT;
	if (minus && v == 0)
		return -PM_E_INPUT;
	*ret = minus ? -v : v;
	return 0;
}

/* Bytes of a unit, 0 when it is none. */
static int64_t unit_bytes(const char *unit)
{
	static const char letters[] = "KMGT";
	const char *at = *unit != '\0' ? strchr(letters, *unit) : NULL;

	if (!at || (unit[1] != '\0' && strcmp(unit + 1, "i") != 0))
		return 0;
	return PM_KIB << (10 * (at - letters));
}

#define PLACES 9
#define SCALE  INT64_C(1000000000) /* 10^PLACES */

int pm_parse_size(const char *s, int64_t unit, int64_t *ret)
{
	int64_t v = 0, part;
	int r = digits(&s, &v);
	bool point = *s == '.';
	__int128 bytes;

	if (r == -PM_E_INPUT || fraction(&s, PLACES, &part) < 0)
		return -PM_E_INPUT;
	if (*s != '\0')
		unit = unit_bytes(s);
	else if (point)
		return -PM_E_INPUT;
	if (unit <= 0)
		return -PM_E_INPUT;
	if (r < 0)
		return r;
	bytes = (__int128)part * unit;
	if (bytes % SCALE != 0)
		return -PM_E_INPUT;
	bytes = bytes / SCALE + (__int128)v * unit;
	if (bytes > INT64_MAX)
		return -PM_E_LIMIT;
	*ret = (int64_t)bytes;
	return 0;
}

static const struct {
	const char *name;
	int64_t ms;
} units[] = {
	/* From long to short: a duration names each once, in this order. */
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

/* Index of the unit whose name is all letters at *s; moves behind it. PM_COUNT(units) when none. */
static size_t unit_of(const char **s)
{
	size_t n = strspn(*s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"), i;

	for (i = 0; i < PM_COUNT(units); i++) {
		if (strlen(units[i].name) == n && strncmp(*s, units[i].name, n) == 0)
			break;
	}
	*s += n;
	return i;
}

static int parse_duration(const char *s, bool millis, int64_t *ret)
{
	int64_t sum = 0, v = 0;
	size_t next = 0;
	bool outside = false;

	do {
		int r = digits(&s, &v);
		size_t i = unit_of(&s);

		if (r == -PM_E_INPUT || i < next || i == PM_COUNT(units))
			return -PM_E_INPUT;
		if (r < 0 || __builtin_mul_overflow(v, units[i].ms, &v) ||
			__builtin_add_overflow(sum, v, &sum) || (units[i].ms == 1 && !millis))
			outside = true;
		next = i + 1;
	} while (*s != '\0');
	if (outside)
		return -PM_E_LIMIT;
	*ret = sum;
	return 0;
}

int pm_parse_millis(const char *s, int64_t *ret)
{
	return parse_duration(s, true, ret);
}

int pm_parse_seconds(const char *s, int64_t *ret)
{
	int64_t ms;
	int r = parse_duration(s, false, &ms);

	if (r == 0)
		*ret = ms / 1000;
	return r;
}

char *pm_format_size(int64_t bytes, char out[32])
{
	static const char *const letters[] = { "", "K", "M", "G", "T" };
	size_t i = 0;

	while (bytes != 0 && bytes % 1024 == 0 && i + 1 < PM_COUNT(letters)) {
		bytes /= 1024;
		i++;
	}
	(void)snprintf(out, 32, "%" PRId64 "%s", bytes, letters[i]);
	return out;
}

char *pm_format_milli(int64_t thousandths, char out[32])
{
	uint64_t v = thousandths < 0 ? -(uint64_t)thousandths : (uint64_t)thousandths;
	size_t n;

	(void)snprintf(out, 32, "%s%" PRIu64 ".%03u", thousandths < 0 ? "-" : "", v / 1000,
		(unsigned)(v % 1000));
	n = strlen(out);
	while (out[n - 1] == '0')
		n--;
	if (out[n - 1] == '.')
		n--;
	out[n] = '\0';
	return out;
}

char *pm_format_seconds(int64_t seconds, char out[32])
{
	static const struct {
		int64_t s;
		char letter;
	} shown[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	size_t i = 0;

	/* Nothing is "0s", not "0d". */
	while (shown[i].s > 1 && (seconds == 0 || seconds % shown[i].s != 0))
		i++;
	(void)snprintf(out, 32, "%" PRId64 "%c", seconds / shown[i].s, shown[i].letter);
	return out;
}
