/* Values that are one scalar: booleans, numbers, texts and choices. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/text.h"
#include "model/habits.h"
#include "model/value_priv.h"

/* ---- bounds ---- */

/* PVE keeps memory in MiB, and volumes as their images are: an imported one may have any number of KiB. */
static int64_t grain(const struct pm_field *f)
{
	return f->unit ? f->unit : 1024;
}

static void number_words(const struct pm_field *f, int64_t i, struct pm_buf *out)
{
	const struct pm_value v = { .state = PM_SET, .u = { .i = i } };

	pm_value_format(f, PM_MANIFEST, &v, out);
}

void pm_range_words(const struct pm_field *f, struct pm_buf *out)
{
	if (f->max) {
		pm_buf_adds(out, "from ");
		number_words(f, f->min, out);
		pm_buf_adds(out, " to ");
		number_words(f, f->max, out);
	} else if (f->min) {
		pm_buf_adds(out, "of at least ");
		number_words(f, f->min, out);
	}
}

/* "must be WHAT from 1 to 8192, not 'TEXT'"; `hint`: what was probably meant, or "". */
static int bad_number_but(const struct pm_reading *r, const char *what, const char *hint)
{
	cleanup_buf struct pm_buf range = PM_BUF(256);

	pm_range_words(r->f, &range);
	return pm_error_set(r->err, PM_E_INPUT, "must be %s%s%s, not '%.*s'%s%s", what,
		range.len ? " " : "", pm_buf_str(&range), PM_MOST_SHOWN, r->text, *hint ? "; " : "",
		hint);
}

static int bad_number(const struct pm_reading *r, const char *what)
{
	return bad_number_but(r, what, "");
}

static bool in_range(const struct pm_field *f, int64_t i)
{
	return i >= f->min && (f->max == 0 || i <= f->max);
}

/* ---- what PVE writes ---- */

static bool scale(__int128 *i, int64_t by)
{
	for (; by > 0; by--) {
		*i *= 10;
		if (*i > ((__int128)INT64_MAX << 40) || *i < -((__int128)INT64_MAX << 40))
			return *i == 0;
	}
	for (; by < 0 && *i != 0; by++)
		*i /= 10;
	return true;
}

/* Perl writes 1e-05. */
static bool exponent(const char *s, size_t n, int64_t *ret)
{
	bool minus = n > 0 && *s == '-';
	size_t i = n > 0 && (*s == '-' || *s == '+');
	int64_t sum = 0;

	if (i == n || n - i > 3)
		return false;
	for (; i < n; i++) {
		if (!isdigit((unsigned char)s[i]))
			return false;
		sum = sum * 10 + (s[i] - '0');
	}
	*ret = minus ? -sum : sum;
	return true;
}

/* Reads a decimal as leniently as PVE writes it (0.5, 1e-1) and multiplies it; what is left behind the
 * point is cut off. false: no number, or too large. */
static bool lenient_number(const char *s, size_t n, int64_t times, int64_t *ret)
{
	bool minus = n > 0 && *s == '-';
	size_t i = minus;
	__int128 sum = 0;
	int64_t places = 0, exp = 0;
	bool dot = false, digit = false;

	for (; i < n && (isdigit((unsigned char)s[i]) || (s[i] == '.' && !dot)); i++) {
		if (s[i] == '.') {
			dot = true;
			continue;
		}
		digit = true;
		if (sum > INT64_MAX / 10) {
			if (!dot)
				return false;
			continue; /* places that no value has room for */
		}
		sum = sum * 10 + (s[i] - '0');
		places += dot;
	}
	if (!digit)
		return false;
	if (i < n && ((s[i] != 'e' && s[i] != 'E') || !exponent(s + i + 1, n - i - 1, &exp)))
		return false;
	sum *= times;
	if (!scale(&sum, exp - places) || sum > INT64_MAX)
		return false;
	*ret = minus ? -(int64_t)sum : (int64_t)sum;
	return true;
}

static int not_a(const struct pm_reading *r, const char *what)
{
	return pm_error_set(r->err, PM_E_INPUT, "is no %s: '%.*s'", what,
		(int)(r->n < PM_MOST_SHOWN ? r->n : PM_MOST_SHOWN), r->text);
}

static int number_decode(const struct pm_reading *r, struct pm_value *v)
{
	int64_t times = r->f->type == PM_T_MILLI ? 1000 : 1;
	int64_t i;

	if (!lenient_number(r->text, r->n, times, &i))
		return not_a(r, pm_type_name(r->f->type));
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

/* ---- booleans ---- */

static int bool_parse(const struct pm_reading *r, struct pm_value *v)
{
	static const char *const yes[] = { "yes", "on", "1", "y", "enabled", "enable", NULL };
	static const char *const no[] = { "no", "off", "0", "n", "disabled", "disable", NULL };

	if (r->plain && (!strcmp(r->text, "true") || !strcmp(r->text, "false"))) {
		v->u.b = r->text[0] == 't';
		v->state = PM_SET;
		return 0;
	}
	if (!strcasecmp(r->text, "true") || !strcasecmp(r->text, "false"))
		return pm_error_set(r->err, PM_E_INPUT,
			"must be true or false, in lower case and without quotes");
	for (unsigned i = 0; yes[i]; i++) {
		if (!strcasecmp(r->text, yes[i]) || !strcasecmp(r->text, no[i]))
			return pm_error_set(r->err, PM_E_INPUT,
				"must be true or false, not '%s'; write %s", r->text,
				strcasecmp(r->text, yes[i]) ? "false" : "true");
	}
	return pm_error_set(
		r->err, PM_E_INPUT, "must be true or false, not '%.*s'", PM_MOST_SHOWN, r->text);
}

static bool word_is(const struct pm_reading *r, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == r->n && !strncasecmp(*words, r->text, r->n))
			return true;
	}
	return false;
}

static int bool_decode(const struct pm_reading *r, struct pm_value *v)
{
	static const char *const yes[] = { "1", "true", "on", "yes", NULL };
	static const char *const no[] = { "0", "false", "off", "no", "", NULL };
	bool b = word_is(r, yes);

	if (!b && !word_is(r, no))
		return not_a(r, "boolean");
	v->u.b = b;
	v->state = PM_SET;
	return 0;
}

static void bool_format(PM_UNUSED const struct pm_field *f, enum pm_side side,
	const struct pm_value *v, struct pm_buf *out)
{
	if (side == PM_PVE)
		pm_buf_addc(out, v->u.b ? '1' : '0');
	else
		pm_buf_adds(out, v->u.b ? "true" : "false");
}

static bool bool_equal(
	PM_UNUSED const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	return a->u.b == b->u.b;
}

/* ---- numbers ---- */

static bool is_format(const struct pm_field *f, const char *name)
{
	return f->format && !strcmp(f->format, name);
}

/* Only decimal numbers are read, since 0660 means one thing to some and another to others. */
static const char *number_hint(const struct pm_reading *r)
{
	size_t zeros = strspn(r->text, "0"), digits = strspn(r->text + zeros, "0123456789");

	if (zeros > 0 && digits > 0 && r->text[zeros + digits] == '\0')
		return "write it without zeros at its start";
	if (zeros == 1 && digits == 0 && r->text[1] && strchr("xXoObB", r->text[1]))
		return "write it as a decimal number";
	return "";
}

static int int_parse(const struct pm_reading *r, struct pm_value *v)
{
	bool millis = is_format(r->f, "milliseconds");
	int64_t i;
	int bad;

	if (millis && r->text[0] && r->text[strspn(r->text, "0123456789")] == '\0')
		return pm_error_set(r->err, PM_E_INPUT, "needs a unit, as %.20sms", r->text);
	if (!millis && !r->plain)
		return pm_error_set(r->err, PM_E_INPUT, "must be a number without quotes");
	bad = millis ? pm_parse_millis(r->text, &i)
		     : pm_parse_int(r->text, INT64_MIN, INT64_MAX, &i);
	if (bad < 0 || !in_range(r->f, i))
		return bad_number_but(r, millis ? "a duration" : "an integer", number_hint(r));
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

static void int_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	bool millis = side == PM_MANIFEST && is_format(f, "milliseconds");

	pm_buf_addf(out, "%lld%s", (long long)v->u.i, millis ? "ms" : "");
}

#define WEIGHT_CAP 10000 /* a node with cgroup v2 writes this for anything above */

static bool int_equal(const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	if (a->u.i == b->u.i)
		return true;
	return is_format(f, "cpu-weight") && a->u.i > WEIGHT_CAP && b->u.i == WEIGHT_CAP;
}

static int milli_parse(const struct pm_reading *r, struct pm_value *v)
{
	int64_t i;

	if (!r->plain)
		return pm_error_set(r->err, PM_E_INPUT, "must be a number without quotes");
	if (pm_parse_milli(r->text, &i) < 0 || !in_range(r->f, i))
		return bad_number(r, "a number with at most three decimals");
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

static void milli_format(PM_UNUSED const struct pm_field *f, PM_UNUSED enum pm_side side,
	const struct pm_value *v, struct pm_buf *out)
{
	char text[32];

	pm_buf_adds(out, pm_format_milli(v->u.i, text));
}

static void size_manifest(int64_t bytes, struct pm_buf *out)
{
	char text[32];

	pm_buf_adds(out, bytes ? pm_format_size(bytes, text) : "0");
	if (bytes && isalpha((unsigned char)text[strlen(text) - 1]))
		pm_buf_addc(out, 'i');
}

static bool is_decimal(const char *s)
{
	return isdigit((unsigned char)*s) && s[strspn(s, "0123456789.")] == '\0';
}

/* "1 GB", "512m" and "8 GiB" as they are written here; false: it is something else. */
static bool tidy_size(const struct pm_reading *r, char out[32])
{
	static const char units[] = "KMGT";
	size_t digits = strspn(r->text, "0123456789."), at = digits;
	const char *unit;
	int64_t i;

	while (r->text[at] == ' ')
		at++;
	unit = r->text[at] ? strchr(units, toupper((unsigned char)r->text[at])) : NULL;
	if (digits == 0 || digits > 20 || !unit)
		return false;
	at += 1 + (tolower((unsigned char)r->text[at + 1]) == 'i');
	if (strcasecmp(r->text + at, "b") != 0 && r->text[at] != '\0')
		return false;
	(void)snprintf(out, 32, "%.*s%ci", (int)digits, r->text, *unit);
	return pm_parse_size(out, 0, &i) == 0 && in_range(r->f, i);
}

static int bad_size(const struct pm_reading *r)
{
	char tidy[32], hint[48] = "";

	if (tidy_size(r, tidy))
		(void)snprintf(hint, sizeof(hint), "write %s", tidy);
	else if (*r->text == '+')
		(void)snprintf(hint, sizeof(hint), "write the new size, not what is added");
	return bad_number_but(r, "a size with a unit (Mi, Gi, Ti)", hint);
}

static int size_parse(const struct pm_reading *r, struct pm_value *v)
{
	const struct pm_field *f = r->f;
	int64_t i = 0;

	/* PVE counts memory in MiB and volumes in GiB where nothing is said. */
	if (is_decimal(r->text) && strcmp(r->text, "0") != 0)
		return pm_error_set(r->err, PM_E_INPUT, "needs a unit, as %.20s%s", r->text,
			strchr(r->text, '.') || !f->unit ? "Gi" : "Mi");
	if ((strcmp(r->text, "0") != 0 && pm_parse_size(r->text, 0, &i) < 0) || !in_range(f, i))
		return bad_size(r);
	if (i % grain(f))
		return pm_error_set(r->err, PM_E_INPUT, "must be whole %s, not '%.*s'",
			f->unit ? "MiB" : "KiB", PM_MOST_SHOWN, r->text);
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

/* The memory of a VM may be "2048" or "current=2048". */
static int memory_decode(const struct pm_reading *r, struct pm_value *v)
{
	static const char key[] = "current=";
	size_t skip = r->n >= strlen(key) && !strncmp(r->text, key, strlen(key)) ? strlen(key) : 0;
	const char *comma = memchr(r->text, ',', r->n);
	size_t n = (comma ? (size_t)(comma - r->text) : r->n) - skip;

	if (!lenient_number(r->text + skip, n, r->f->unit, &v->u.i))
		return not_a(r, "size");
	v->state = PM_SET;
	return 0;
}

static int size_decode(const struct pm_reading *r, struct pm_value *v)
{
	static const char letters[] = "KMGT";
	int64_t times = r->f->unit ? r->f->unit : 1;
	size_t n = r->n;
	const char *unit = NULL;

	if (is_format(r->f, "vm-memory"))
		return memory_decode(r, v);
	if (n > 0 && !r->f->unit)
		unit = strchr(letters, toupper((unsigned char)r->text[n - 1]));
	if (unit && *unit) {
		times = (int64_t)1 << (10 * (unit - letters + 1));
		n--;
	}
	if (!lenient_number(r->text, n, times, &v->u.i))
		return not_a(r, "size");
	v->state = PM_SET;
	return 0;
}

static void size_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	char text[32];

	if (side == PM_MANIFEST)
		size_manifest(v->u.i, out);
	else if (f->unit)
		pm_buf_addf(out, "%lld", (long long)(v->u.i / f->unit));
	else
		pm_buf_adds(out, v->u.i ? pm_format_size(v->u.i, text) : "0T");
}

static int seconds_parse(const struct pm_reading *r, struct pm_value *v)
{
	int64_t i = 0;

	if (is_decimal(r->text) && strcmp(r->text, "0") != 0)
		return pm_error_set(r->err, PM_E_INPUT, "needs a unit, as %.20ss", r->text);
	if ((strcmp(r->text, "0") != 0 && pm_parse_seconds(r->text, &i) < 0) || !in_range(r->f, i))
		return bad_number(r, "a duration in whole seconds with a unit (s, m, h)");
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

static void seconds_format(PM_UNUSED const struct pm_field *f, enum pm_side side,
	const struct pm_value *v, struct pm_buf *out)
{
	char text[32];

	if (side == PM_PVE)
		pm_buf_addf(out, "%lld", (long long)v->u.i);
	else
		pm_buf_adds(out, v->u.i ? pm_format_seconds(v->u.i, text) : "0s");
}

/* ---- texts ---- */

static size_t characters(const char *s)
{
	size_t n = 0;

	for (; *s; s++)
		n += ((unsigned char)*s & 0xc0) != 0x80;
	return n;
}

int pm_length_check(const struct pm_field *f, const char *text, struct pm_error *err)
{
	size_t n = characters(text);

	if ((int64_t)n < f->min)
		return pm_error_set(
			err, PM_E_INPUT, "must have at least %lld characters", (long long)f->min);
	if (f->max && (int64_t)n > f->max)
		return pm_error_set(err, PM_E_INPUT, "must have at most %lld characters, not %zu",
			(long long)f->max, n);
	return 0;
}

static int str_parse(const struct pm_reading *r, struct pm_value *v)
{
	size_t n = r->n;
	int bad = pm_length_check(r->f, r->text, r->err);

	if (bad < 0)
		return bad;
	bad = pm_format_check(r->f->format ? r->f->format : "line", r->text, r->err);
	if (bad < 0)
		return bad;
	while (is_format(r->f, "text") && n > 0 && r->text[n - 1] == '\n')
		n--;
	v->u.s = pm_arena_intern(r->a, r->text, n);
	v->state = PM_SET;
	return 0;
}

/* Somebody may have written /srv//media/ at PVE. */
static void tidy_path(char *path)
{
	char *to = path;

	if (*path != '/')
		return;
	for (const char *from = path; *from; from++) {
		if (*from != '/' || to == path || to[-1] != '/')
			*to++ = *from;
	}
	if (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)tolower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *pm_percent_decode(struct pm_arena *a, const char *text, size_t n, size_t *ret_n)
{
	char *s = pm_arena_strndup(a, text, n), *to = s;

	for (size_t i = 0; i < n; i++, to++) {
		int high = i + 2 < n && s[i] == '%' ? hex(s[i + 1]) : -1;
		int low = high >= 0 ? hex(s[i + 2]) : -1;

		*to = low >= 0 ? (char)(high * 16 + low) : s[i];
		i += low >= 0 ? 2 : 0;
	}
	*to = '\0';
	*ret_n = (size_t)(to - s);
	return s;
}

void pm_percent_add(const char *s, struct pm_buf *out)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-_.~", *s))
			pm_buf_addc(out, *s);
		else
			pm_buf_addf(out, "%%%02X", (unsigned)(unsigned char)*s);
	}
}

static int str_decode(const struct pm_reading *r, struct pm_value *v)
{
	size_t n;

	if (r->f->flags & PM_F_PERCENT) {
		v->u.s = pm_percent_decode(r->a, r->text, r->n, &n);
	} else if (is_format(r->f, "path") || is_format(r->f, "devpath")) {
		char *s = pm_arena_strndup(r->a, r->text, r->n);

		tidy_path(s);
		v->u.s = s;
	} else {
		v->u.s = pm_arena_intern(r->a, r->text, r->n);
	}
	v->state = PM_SET;
	return 0;
}

static void str_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	if (f->flags & PM_F_PERCENT && side == PM_PVE)
		pm_percent_add(v->u.s, out);
	else
		pm_buf_adds(out, v->u.s);
}

bool pm_same_str(const struct pm_field *f, const char *a, const char *b)
{
	const struct pm_format *form = f->format ? pm_format_find(f->format) : NULL;

	if (form && form->same)
		return form->same(a, b);
	return f->flags & PM_F_NOCASE ? !strcasecmp(a, b) : !strcmp(a, b);
}

static bool str_equal(const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	return pm_same_str(f, a->u.s, b->u.s);
}

/* ---- choices ---- */

int pm_bad_choice(const struct pm_field *f, const char *text, struct pm_error *err)
{
	size_t n = pm_choices_count(f->choices);
	const char *habit = pm_habit_choice(f, text);
	const char *near = habit ? habit : pm_nearest(text, f->choices, n);
	cleanup_buf struct pm_buf all = PM_BUF(512);

	for (size_t i = 0; i < n; i++)
		pm_buf_addf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", f->choices[i]);
	return pm_error_set(err, PM_E_INPUT, "must be %s, not '%.*s'%s%s%s", pm_buf_str(&all),
		PM_MOST_SHOWN, text, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}

const char *pm_choice(const struct pm_field *f, const char *text, size_t n)
{
	for (size_t i = 0; f->choices[i]; i++) {
		if (!strncmp(f->choices[i], text, n) && f->choices[i][n] == '\0')
			return f->choices[i];
	}
	return NULL;
}

static int enum_parse(const struct pm_reading *r, struct pm_value *v)
{
	const char *s = pm_choice(r->f, r->text, r->n);

	if (!s)
		return pm_bad_choice(r->f, r->text, r->err);
	v->u.s = s;
	v->state = PM_SET;
	return 0;
}

static int enum_decode(const struct pm_reading *r, struct pm_value *v)
{
	const char *s = pm_choice(r->f, r->text, r->n);

	v->u.s = s ? s : pm_arena_strndup(r->a, r->text, r->n);
	v->state = PM_SET;
	return 0;
}

/* ---- the types ---- */

static bool number_equal(
	PM_UNUSED const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	return a->u.i == b->u.i;
}

const struct pm_behaviour pm_type_bool = { bool_parse, bool_decode, bool_format, bool_equal };

const struct pm_behaviour pm_type_int = { int_parse, number_decode, int_format, int_equal };

const struct pm_behaviour pm_type_milli = { milli_parse, number_decode, milli_format,
	number_equal };

const struct pm_behaviour pm_type_size = { size_parse, size_decode, size_format, number_equal };

const struct pm_behaviour pm_type_seconds = { seconds_parse, number_decode, seconds_format,
	number_equal };

const struct pm_behaviour pm_type_str = { str_parse, str_decode, str_format, str_equal };

const struct pm_behaviour pm_type_enum = { enum_parse, enum_decode, str_format, str_equal };
