/* Values: what each type reads, writes and calls equal. One row of functions a type. */
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/model_priv.h"

/** One reading: what, for which row, from where. */
struct reading {
	struct pm_arena *a;
	const struct pm_field *f;
	const char *text;
	size_t n;
	bool plain;
	struct pm_error *err;
};

struct behaviour {
	int (*parse)(const struct reading *r, struct pm_value *v);  /* of a manifest */
	int (*decode)(const struct reading *r, struct pm_value *v); /* of PVE */
	void (*format)(const struct pm_field *f, enum pm_side side, const struct pm_value *v,
		struct pm_buf *out);
	bool (*equal)(const struct pm_field *f, const struct pm_value *a, const struct pm_value *b);
};

static const struct behaviour behaviours[PM_T_MAX];

#define MOST_SHOWN 80 /* of a wrong text, in a message */

/* ---- bounds ---- */

static int64_t grain(const struct pm_field *f)
{
	return f->unit ? f->unit : PM_MIB;
}

static void number_words(const struct pm_field *f, int64_t i, struct pm_buf *out)
{
	const struct pm_value v = { .state = PM_SET, .u = { .i = i } };

	behaviours[f->type].format(f, PM_MANIFEST, &v, out);
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

/* "must be WHAT from 1 to 8192, not 'TEXT'" */
static int bad_number(const struct reading *r, const char *what)
{
	cleanup_buf struct pm_buf range = PM_BUF(256);

	pm_range_words(r->f, &range);
	return pm_error_set(r->err, PM_E_INPUT, "must be %s%s%s, not '%.*s'", what,
		range.len ? " " : "", pm_buf_str(&range), MOST_SHOWN, r->text);
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

bool pm_lenient_number(const char *s, size_t n, int64_t times, int64_t *ret)
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

static int not_a(const struct reading *r, const char *what)
{
	return pm_error_set(r->err, PM_E_INPUT, "is no %s: '%.*s'", what,
		(int)(r->n < MOST_SHOWN ? r->n : MOST_SHOWN), r->text);
}

static int number_decode(const struct reading *r, struct pm_value *v)
{
	int64_t times = r->f->type == PM_T_MILLI ? 1000 : 1;
	int64_t i;

	if (!pm_lenient_number(r->text, r->n, times, &i))
		return not_a(r, pm_type_name(r->f->type));
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

/* ---- booleans ---- */

static int bool_parse(const struct reading *r, struct pm_value *v)
{
	static const char *const yes[] = { "yes", "on", "1", "y", NULL };
	static const char *const no[] = { "no", "off", "0", "n", NULL };

	if (r->plain && (!strcmp(r->text, "true") || !strcmp(r->text, "false"))) {
		v->u.b = r->text[0] == 't';
		v->state = PM_SET;
		return 0;
	}
	if (!strcasecmp(r->text, "true") || !strcasecmp(r->text, "false"))
		return pm_error_set(r->err, PM_E_INPUT,
			"must be true or false, in lower case and without quotes");
	for (unsigned i = 0; yes[i] && r->plain; i++) {
		if (!strcasecmp(r->text, yes[i]) || !strcasecmp(r->text, no[i]))
			return pm_error_set(r->err, PM_E_INPUT,
				"must be true or false, not '%s'; write %s", r->text,
				strcasecmp(r->text, yes[i]) ? "false" : "true");
	}
	return pm_error_set(
		r->err, PM_E_INPUT, "must be true or false, not '%.*s'", MOST_SHOWN, r->text);
}

static bool word_is(const struct reading *r, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == r->n && !strncasecmp(*words, r->text, r->n))
			return true;
	}
	return false;
}

static int bool_decode(const struct reading *r, struct pm_value *v)
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

static int int_parse(const struct reading *r, struct pm_value *v)
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
		return bad_number(r, millis ? "a duration" : "an integer");
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

static int milli_parse(const struct reading *r, struct pm_value *v)
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

void pm_size_manifest(int64_t bytes, struct pm_buf *out)
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

static int size_parse(const struct reading *r, struct pm_value *v)
{
	const struct pm_field *f = r->f;
	int64_t i = 0;

	if (is_decimal(r->text) && strcmp(r->text, "0") != 0)
		return pm_error_set(r->err, PM_E_INPUT, "needs a unit, as %.20s%s", r->text,
			strchr(r->text, '.') ? "Gi" : "Mi");
	if ((strcmp(r->text, "0") != 0 && pm_parse_size(r->text, 0, &i) < 0) || !in_range(f, i))
		return bad_number(r, "a size with a unit (Mi, Gi, Ti)");
	if (i % grain(f))
		return pm_error_set(
			r->err, PM_E_INPUT, "must be whole MiB, not '%.*s'", MOST_SHOWN, r->text);
	v->u.i = i;
	v->state = PM_SET;
	return 0;
}

static int size_decode(const struct reading *r, struct pm_value *v)
{
	static const char letters[] = "KMGT";
	int64_t times = r->f->unit ? r->f->unit : 1;
	size_t n = r->n;
	const char *unit = NULL;

	if (n > 0 && !r->f->unit)
		unit = strchr(letters, toupper((unsigned char)r->text[n - 1]));
	if (unit && *unit) {
		times = (int64_t)1 << (10 * (unit - letters + 1));
		n--;
	}
	if (!pm_lenient_number(r->text, n, times, &v->u.i))
		return not_a(r, "size");
	v->state = PM_SET;
	return 0;
}

static void size_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	char text[32];

	if (side == PM_MANIFEST)
		pm_size_manifest(v->u.i, out);
	else if (f->unit)
		pm_buf_addf(out, "%lld", (long long)(v->u.i / f->unit));
	else
		pm_buf_adds(out, v->u.i ? pm_format_size(v->u.i, text) : "0T");
}

static int seconds_parse(const struct reading *r, struct pm_value *v)
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

static int length_check(const struct pm_field *f, const char *text, struct pm_error *err)
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

static int str_parse(const struct reading *r, struct pm_value *v)
{
	size_t n = r->n;
	int bad = length_check(r->f, r->text, r->err);

	if (bad < 0)
		return bad;
	bad = pm_format_check(r->f->format ? r->f->format : "line", r->text, r->err);
	if (bad < 0)
		return bad;
	while (is_format(r->f, "text") && n > 0 && r->text[n - 1] == '\n')
		n--;
	v->u.s = pm_arena_strndup(r->a, r->text, n);
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

static int str_decode(const struct reading *r, struct pm_value *v)
{
	char *s = pm_arena_strndup(r->a, r->text, r->n);

	if (is_format(r->f, "path") || is_format(r->f, "devpath"))
		tidy_path(s);
	v->u.s = s;
	v->state = PM_SET;
	return 0;
}

static void str_format(PM_UNUSED const struct pm_field *f, PM_UNUSED enum pm_side side,
	const struct pm_value *v, struct pm_buf *out)
{
	pm_buf_adds(out, v->u.s);
}

static bool same_str(const struct pm_field *f, const char *a, const char *b)
{
	const struct pm_format *form = f->format ? pm_format_find(f->format) : NULL;

	if (form && form->same)
		return form->same(a, b);
	return f->flags & PM_F_NOCASE ? !strcasecmp(a, b) : !strcmp(a, b);
}

static bool str_equal(const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	return same_str(f, a->u.s, b->u.s);
}

/* ---- choices ---- */

static int bad_choice(const struct pm_field *f, const char *text, struct pm_error *err)
{
	size_t n = pm_choices_count(f->choices);
	const char *near = pm_nearest(text, f->choices, n);
	cleanup_buf struct pm_buf all = PM_BUF(512);

	for (size_t i = 0; i < n; i++)
		pm_buf_addf(&all, "%s%s", i == 0 ? "" : i + 1 < n ? ", " : " or ", f->choices[i]);
	return pm_error_set(err, PM_E_INPUT, "must be %s, not '%.*s'%s%s%s", pm_buf_str(&all),
		MOST_SHOWN, text, near ? "; did you mean '" : "", near ? near : "",
		near ? "'?" : "");
}

static const char *choice(const struct pm_field *f, const char *text, size_t n)
{
	for (size_t i = 0; f->choices[i]; i++) {
		if (!strncmp(f->choices[i], text, n) && f->choices[i][n] == '\0')
			return f->choices[i];
	}
	return NULL;
}

static int enum_parse(const struct reading *r, struct pm_value *v)
{
	const char *s = choice(r->f, r->text, r->n);

	if (!s)
		return bad_choice(r->f, r->text, r->err);
	v->u.s = s;
	v->state = PM_SET;
	return 0;
}

static int enum_decode(const struct reading *r, struct pm_value *v)
{
	const char *s = choice(r->f, r->text, r->n);

	v->u.s = s ? s : pm_arena_strndup(r->a, r->text, r->n);
	v->state = PM_SET;
	return 0;
}

/* ---- lists and mappings of texts ---- */

static int list_parse(const struct reading *r, PM_UNUSED struct pm_value *v)
{
	return pm_error_set(
		r->err, PM_E_INPUT, "must be a list, as [%.40s]", r->text[0] ? r->text : "...");
}

static int map_parse(const struct reading *r, PM_UNUSED struct pm_value *v)
{
	return pm_error_set(r->err, PM_E_INPUT, "must be a mapping, as {name: value}");
}

int pm_item_parse(struct pm_arena *a, const struct pm_field *f, const char *text, const char **ret,
	struct pm_error *err)
{
	const char *s;
	int bad;

	if (f->choices) {
		s = choice(f, text, strlen(text));
		if (!s)
			return bad_choice(f, text, err);
		*ret = s;
		return 0;
	}
	bad = pm_format_check(f->format ? f->format : "line", text, err);
	if (bad < 0)
		return bad;
	*ret = pm_arena_strdup(a, text);
	return 0;
}

int pm_entry_parse(struct pm_arena *a, const struct pm_field *f, const char *key, const char *text,
	const char **ret, struct pm_error *err)
{
	const char *s = pm_arena_printf(a, "%s=%s", key, text);
	int bad;

	if (strchr(key, '='))
		return pm_error_set(err, PM_E_INPUT, "the name '%.40s' may not hold '='", key);
	bad = pm_format_check(f->format ? f->format : "line", s, err);
	if (bad < 0)
		return bad;
	*ret = s;
	return 0;
}

static size_t key_length(const char *entry)
{
	return strcspn(entry, "=");
}

static int by_key(const void *a, const void *b)
{
	const char *x = *(const char *const *)a, *y = *(const char *const *)b;
	size_t n = key_length(x), m = key_length(y);
	int d = memcmp(x, y, n < m ? n : m);

	return d ? d : (n > m) - (n < m);
}

void pm_value_list(struct pm_arena *a, const struct pm_field *f, const char **items, size_t n,
	struct pm_value *ret)
{
	struct pm_list *l = pm_new(a, struct pm_list);

	l->v = items;
	l->n = n;
	if (f->type == PM_T_STRMAP && n > 1)
		qsort(items, n, sizeof(*items), by_key);
	ret->u.list = l;
	ret->state = PM_SET;
}

/* PVE takes blanks, commas and semicolons alike between the items of most lists. */
static bool is_separator(const struct pm_field *f, char c)
{
	if (f->sep == '\n' || f->sep == '\0')
		return c == f->sep || (f->sep == '\n' && c == '\r');
	return c == ' ' || c == ',' || c == ';' || c == '\t' || c == '\n' || c == '\0';
}

static size_t count_items(const struct reading *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!is_separator(r->f, r->text[i]) &&
			(i == 0 || is_separator(r->f, r->text[i - 1])))
			n++;
	}
	return n;
}

static int list_decode(const struct reading *r, struct pm_value *v)
{
	size_t most = count_items(r), n = 0;
	const char **items = most ? pm_new_n(r->a, const char *, most) : NULL;

	for (size_t i = 0; i < r->n;) {
		size_t start = i;

		if (is_separator(r->f, r->text[i])) {
			i++;
			continue;
		}
		while (i < r->n && !is_separator(r->f, r->text[i]))
			i++;
		items[n++] = pm_arena_strndup(r->a, r->text + start, i - start);
	}
	pm_value_list(r->a, r->f, items, n, v);
	return 0;
}

static void list_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	for (size_t i = 0; i < v->u.list->n; i++) {
		if (i > 0 && side == PM_PVE)
			pm_buf_addc(out, f->sep);
		else if (i > 0)
			pm_buf_adds(out, ", ");
		pm_buf_adds(out, v->u.list->v[i]);
	}
}

static bool list_has(const struct pm_field *f, const struct pm_list *l, const char *s)
{
	for (size_t i = 0; i < l->n; i++) {
		if (same_str(f, l->v[i], s))
			return true;
	}
	return false;
}

static bool list_equal(const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	const struct pm_list *x = a->u.list, *y = b->u.list;

	if (f->flags & PM_F_UNORDERED) {
		for (size_t i = 0; i < x->n; i++) {
			if (!list_has(f, y, x->v[i]))
				return false;
		}
		for (size_t i = 0; i < y->n; i++) {
			if (!list_has(f, x, y->v[i]))
				return false;
		}
		return true;
	}
	if (x->n != y->n)
		return false;
	for (size_t i = 0; i < x->n; i++) {
		if (!same_str(f, x->v[i], y->v[i]))
			return false;
	}
	return true;
}

/* The entry of that key, or NULL. Sorted by key. */
static const char *entry_of(const struct pm_list *l, const char *entry)
{
	const char **at;

	if (l->n == 0)
		return NULL;
	at = bsearch(&entry, l->v, l->n, sizeof(*l->v), by_key);
	return at ? *at : NULL;
}

/* What others put there is theirs. */
static bool map_equal(
	PM_UNUSED const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	for (size_t i = 0; i < a->u.list->n; i++) {
		const char *have = entry_of(b->u.list, a->u.list->v[i]);

		if (!have || strcmp(have, a->u.list->v[i]) != 0)
			return false;
	}
	return true;
}

static bool dropped(const char *entry, const char *const *drop)
{
	size_t n = key_length(entry);

	for (; drop && *drop; drop++) {
		if (strlen(*drop) == n && !strncmp(*drop, entry, n))
			return true;
	}
	return false;
}

void pm_strmap_merge(struct pm_arena *a, const struct pm_value *want, const struct pm_value *have,
	const char *const *drop, struct pm_value *ret)
{
	static const struct pm_field any = { .type = PM_T_STRMAP };
	static const struct pm_list none;
	const struct pm_list *x = want->state == PM_SET ? want->u.list : &none;
	const struct pm_list *y = have && have->state == PM_SET ? have->u.list : &none;
	const char **items = pm_new_n(a, const char *, x->n + y->n + 1);
	size_t n = 0;

	for (size_t i = 0; i < y->n; i++) {
		if (!entry_of(x, y->v[i]) && !dropped(y->v[i], drop))
			items[n++] = y->v[i];
	}
	for (size_t i = 0; i < x->n; i++)
		items[n++] = x->v[i];
	pm_value_list(a, &any, items, n, ret);
}

/* ---- secrets ---- */

static int secret_parse(const struct reading *r, struct pm_value *v)
{
	struct pm_secret_ref *ref;
	int bad = length_check(r->f, r->text, r->err);

	if (bad < 0)
		return bad;
	ref = pm_new(r->a, struct pm_secret_ref);
	ref->from = PM_SECRET_LITERAL;
	ref->text = pm_arena_strndup(r->a, r->text, r->n);
	v->u.secret = ref;
	v->state = PM_SET;
	return 0;
}

int pm_secret_parse(struct pm_arena *a, const char *how, const char *text, struct pm_value *ret,
	struct pm_error *err)
{
	static const char *const ways[] = { "fromFile", "fromEnv", "fromCredential" };
	struct pm_secret_ref *ref;
	const char *near;

	for (unsigned i = 0; i < PM_COUNT(ways); i++) {
		if (strcmp(how, ways[i]) != 0)
			continue;
		if (pm_format_check("line", text, err) < 0 || (i > 0 && strpbrk(text, "/= ")))
			return pm_error_set(err, PM_E_INPUT, "%s must be %s", how,
				i == 0 ? "the path of a file" : "a name");
		ref = pm_new(a, struct pm_secret_ref);
		ref->from = (int)(PM_SECRET_FILE + i);
		ref->text = pm_arena_strdup(a, text);
		ret->u.secret = ref;
		ret->state = PM_SET;
		return 0;
	}
	near = pm_nearest(how, ways, PM_COUNT(ways));
	return pm_error_set(err, PM_E_INPUT,
		"'%.40s' is no source of secrets; there are fromFile, fromEnv and fromCredential%s%s%s",
		how, near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
}

static int secret_decode(const struct reading *r, PM_UNUSED struct pm_value *v)
{
	return pm_error_set(r->err, PM_E_INPUT, "is a secret, which PVE does not return");
}

static void secret_format(PM_UNUSED const struct pm_field *f, PM_UNUSED enum pm_side side,
	PM_UNUSED const struct pm_value *v, struct pm_buf *out)
{
	pm_buf_adds(out, "***");
}

static bool never_differs(PM_UNUSED const struct pm_field *f, PM_UNUSED const struct pm_value *a,
	PM_UNUSED const struct pm_value *b)
{
	return true;
}

/* ---- records ---- */

static int props_parse(const struct reading *r, struct pm_value *v)
{
	return r->f->count ? list_parse(r, v) : map_parse(r, v);
}

static int props_decode(const struct reading *r, struct pm_value *v)
{
	struct pm_rec *rec;
	int bad;

	pm_assert(r->f->count == 0);
	bad = pm_rec_parse(r->a, r->f->sub, r->text, r->n, &rec, r->err);
	if (bad < 0)
		return bad;
	v->u.rec = rec;
	v->state = PM_SET;
	return 0;
}

static void rec_manifest(const struct pm_rec *r, struct pm_buf *out)
{
	bool first = true;

	pm_buf_addc(out, '{');
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (r->val[i].state != PM_SET || f->flags & PM_F_INNER)
			continue;
		pm_buf_addf(out, "%s%s: ", first ? "" : ", ", f->name);
		pm_value_format(f, PM_MANIFEST, &r->val[i], out);
		first = false;
	}
	pm_buf_addc(out, '}');
}

static void props_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	struct pm_rec *const *recs = f->count ? v->u.recs->v : &v->u.rec;
	size_t n = f->count ? v->u.recs->n : 1;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			pm_buf_adds(out, ", ");
		if (side == PM_PVE)
			pm_rec_format(recs[i], out);
		else
			rec_manifest(recs[i], out);
	}
}

static const struct pm_rec *rec_like(const struct pm_recs *in, const struct pm_rec *r)
{
	for (size_t i = 0; i < in->n; i++) {
		if (!strcmp(pm_rec_ident(in->v[i]), pm_rec_ident(r)))
			return in->v[i];
	}
	return NULL;
}

static bool props_equal(
	const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	if (f->count == 0)
		return pm_rec_equal(a->u.rec, b->u.rec);
	if (a->u.recs->n != b->u.recs->n)
		return false;
	for (size_t i = 0; i < a->u.recs->n; i++) {
		const struct pm_rec *have = rec_like(b->u.recs, a->u.recs->v[i]);

		if (!have || !pm_rec_equal(a->u.recs->v[i], have))
			return false;
	}
	return true;
}

/* ---- the table ---- */

static bool number_equal(
	PM_UNUSED const struct pm_field *f, const struct pm_value *a, const struct pm_value *b)
{
	return a->u.i == b->u.i;
}

static const struct behaviour behaviours[PM_T_MAX] = {
	[PM_T_BOOL] = { bool_parse, bool_decode, bool_format, bool_equal },
	[PM_T_INT] = { int_parse, number_decode, int_format, int_equal },
	[PM_T_MILLI] = { milli_parse, number_decode, milli_format, number_equal },
	[PM_T_SIZE] = { size_parse, size_decode, size_format, number_equal },
	[PM_T_SECONDS] = { seconds_parse, number_decode, seconds_format, number_equal },
	[PM_T_STR] = { str_parse, str_decode, str_format, str_equal },
	[PM_T_ENUM] = { enum_parse, enum_decode, str_format, str_equal },
	[PM_T_LIST] = { list_parse, list_decode, list_format, list_equal },
	[PM_T_STRMAP] = { map_parse, list_decode, list_format, map_equal },
	[PM_T_SECRET] = { secret_parse, secret_decode, secret_format, never_differs },
	[PM_T_PROPS] = { props_parse, props_decode, props_format, props_equal },
};

int pm_value_parse(struct pm_arena *a, const struct pm_field *f, const char *text, bool plain,
	struct pm_value *ret, struct pm_error *err)
{
	const struct reading r = { a, f, text, strlen(text), plain, err };

	return behaviours[f->type].parse(&r, ret);
}

int pm_value_decode(struct pm_arena *a, const struct pm_field *f, const char *text, size_t n,
	struct pm_value *ret, struct pm_error *err)
{
	const struct reading r = { a, f, text, n, true, err };

	return behaviours[f->type].decode(&r, ret);
}

void pm_value_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	if (v->state == PM_SET)
		behaviours[f->type].format(f, side, v, out);
}

static bool is_default_text(const struct pm_field *f, const struct pm_value *v)
{
	struct pm_value def = { 0 };
	struct pm_error err;

	if (f->type == PM_T_STR || f->type == PM_T_ENUM)
		return same_str(f, v->u.s, f->def);
	if (f->type > PM_T_SECONDS)
		return false;
	return pm_value_decode(NULL, f, f->def, strlen(f->def), &def, &err) == 0 &&
	       behaviours[f->type].equal(f, v, &def);
}

bool pm_value_default(const struct pm_field *f, const struct pm_value *v)
{
	if (v->state != PM_SET)
		return true;
	if (f->type == PM_T_LIST || f->type == PM_T_STRMAP)
		return v->u.list->n == 0;
	if (f->type == PM_T_PROPS)
		return f->count ? v->u.recs->n == 0 : pm_rec_default(v->u.rec);
	return f->def && is_default_text(f, v);
}

bool pm_value_equal(
	const struct pm_field *f, const struct pm_value *want, const struct pm_value *have)
{
	if (want->state == PM_UNSET || f->flags & (PM_F_OWN | PM_F_WRITEONLY))
		return true;
	if (want->state == PM_NULL)
		return have->state != PM_SET ||
		       (f->type != PM_T_PROPS && pm_value_default(f, have));
	if (have->state != PM_SET)
		return pm_value_default(f, want);
	return behaviours[f->type].equal(f, want, have);
}
