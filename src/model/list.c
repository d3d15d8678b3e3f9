/* Values that hold several texts, lists and mappings, and secrets. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "model/value_priv.h"

/* ---- lists and mappings of texts ---- */

static int list_parse(const struct pm_reading *r, PM_UNUSED struct pm_value *v)
{
	return pm_error_set(
		r->err, PM_E_INPUT, "must be a list, as [%.40s]", r->text[0] ? r->text : "...");
}

static int map_parse(const struct pm_reading *r, PM_UNUSED struct pm_value *v)
{
	return pm_error_set(r->err, PM_E_INPUT, "must be a mapping, as {name: value}");
}

int pm_item_parse(struct pm_arena *a, const struct pm_field *f, const char *text, const char **ret,
	struct pm_error *err)
{
	const char *s;
	int bad;

	if (f->choices) {
		s = pm_choice(f, text, strlen(text));
		if (!s)
			return pm_bad_choice(f, text, err);
		*ret = s;
		return 0;
	}
	bad = pm_format_check(f->format ? f->format : "line", text, err);
	if (bad < 0)
		return bad;
	*ret = pm_arena_intern(a, text, strlen(text));
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

static size_t count_items(const struct pm_reading *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n; i++) {
		if (!is_separator(r->f, r->text[i]) &&
			(i == 0 || is_separator(r->f, r->text[i - 1])))
			n++;
	}
	return n;
}

static int items_decode(const struct pm_reading *r, struct pm_value *v)
{
	size_t most = count_items(r), n = 0;
	const char **items = pm_new_n(r->a, const char *, most + 1);

	for (size_t i = 0; i < r->n;) {
		size_t start = i;

		if (is_separator(r->f, r->text[i])) {
			i++;
			continue;
		}
		while (i < r->n && !is_separator(r->f, r->text[i]))
			i++;
		items[n++] = pm_arena_intern(r->a, r->text + start, i - start);
	}
	pm_value_list(r->a, r->f, items, n, v);
	return 0;
}

static int list_decode(const struct pm_reading *r, struct pm_value *v)
{
	struct pm_reading plain = *r;

	if (r->f->flags & PM_F_PERCENT)
		plain.text = pm_percent_decode(r->a, r->text, r->n, &plain.n);
	return items_decode(&plain, v);
}

static void percent_format(const struct pm_list *l, char sep, struct pm_buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		if (i > 0)
			pm_percent_add((const char[]){ sep, '\0' }, out);
		pm_percent_add(l->v[i], out);
	}
}

static void list_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out)
{
	if (f->flags & PM_F_PERCENT && side == PM_PVE) {
		percent_format(v->u.list, f->sep, out);
		return;
	}
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
		if (pm_same_str(f, l->v[i], s))
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
		if (!pm_same_str(f, x->v[i], y->v[i]))
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

static int secret_parse(const struct pm_reading *r, struct pm_value *v)
{
	struct pm_secret_ref *ref;
	int bad = pm_length_check(r->f, r->text, r->err);

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

/* PVE shows stars at most: there is nothing to know. */
static int secret_decode(PM_UNUSED const struct pm_reading *r, PM_UNUSED struct pm_value *v)
{
	return 0;
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

/* ---- the types ---- */

const struct pm_behaviour pm_type_list = { list_parse, list_decode, list_format, list_equal };

const struct pm_behaviour pm_type_strmap = { map_parse, list_decode, list_format, map_equal };

const struct pm_behaviour pm_type_secret = { secret_parse, secret_decode, secret_format,
	never_differs };
