/* The help below a finding: what was probably meant by a key, a word or a form that does not belong there. */
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"
#include "model/habits.h"

/* ---- keys that are none ---- */

/* Where a row would have to stand that has this name, or this key at PVE; NULL: nowhere. */
static const struct pm_field *row_elsewhere(const struct pm_keys *keys, const struct pm_yev *key)
{
	const struct pm_kind *k = keys->kind;
	const struct pm_field *f;
	unsigned slot;

	for (unsigned i = 0; i < keys->n; i++) {
		if (!keys->v[i].group && !keys->v[i].flat && strcmp(keys->v[i].name, key->s) == 0)
			return &k->fields[keys->v[i].index];
	}
	f = pm_field_by_slot_key(k, key->s, key->n, &slot);
	return f && !(f->flags & PM_F_INNER) ? f : NULL;
}

#define LISTED_MAX 16

static const char *join(const char *const *v, size_t n, struct pm_buf *out)
{
	for (size_t i = 0; i < n; i++)
		(void)pm_buf_addf(out, "%s%s", i > 0 ? ", " : "", v[i]);
	return pm_buf_str(out);
}

void pm_hint_key(struct pm_reader *r, struct pm_diag *diag, const struct pm_keys *keys,
	unsigned group, const struct pm_yev *key)
{
	const char *names[256], *near, *above = keys->group[group];
	const struct pm_field *f = row_elsewhere(keys, key);
	cleanup_buf struct pm_buf known = PM_BUF(0), path = PM_BUF(0), habit = PM_BUF(0);
	size_t n = 0;

	for (unsigned i = 0; i < keys->n && n < PM_COUNT(names); i++) {
		if (keys->v[i].parent == group)
			names[n++] = keys->v[i].name;
	}
	near = pm_nearest(key->s, names, n);
	(void)pm_buf_addf(&path, "%s%s%s", above, *above ? "." : "", key->s);
	if (strchr(key->s, '.') && pm_field_find(keys->kind, pm_buf_str(&path)))
		pm_hint(&r->text, diag, "what stands behind a dot is a key of its own below %.*s",
			(int)strcspn(key->s, "."), key->s);
	else if (pm_habit_key(keys->kind, pm_buf_str(&path), &habit))
		pm_hint(&r->text, diag, "%s", pm_buf_str(&habit));
	else if (near)
		pm_hint(&r->text, diag, "did you mean \"%s\"?", near);
	else if (f)
		pm_hint(&r->text, diag, "it is called %s", f->name);
	else if (n <= LISTED_MAX)
		pm_hint(&r->text, diag, "known here: %s", join(names, n, &known));
	else
		pm_hint(&r->text, diag, "podmox explain %s lists the keys", keys->kind->name);
}

/* ---- values of another form ---- */

static bool has_secret(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		if (k->fields[i].type == PM_T_SECRET ||
			(k->fields[i].sub && has_secret(k->fields[i].sub)))
			return true;
	}
	return false;
}

/* "local-lvm:8" asks PVE for a new volume of 8 GiB: its size is a key of its own here. */
static bool set_new_size(struct pm_reader *r, struct pm_rec *rec)
{
	const struct pm_field *head = pm_field_by_key(rec->kind, "volume", strlen("volume")),
			      *size = pm_field_find(rec->kind, "size");
	const char *colon;
	struct pm_value *v;

	if (!head || !size)
		return true;
	colon = strchr(pm_rec_str(rec, pm_field_index(rec->kind, head), ""), ':');
	if (!colon)
		return true;
	v = &rec->val[pm_field_index(rec->kind, size)];
	return v->state == PM_SET ||
	       pm_value_parse(r->text.d->arena, size,
		       pm_arena_printf(r->text.d->arena, "%sGi", colon + 1), true, v, &r->err) == 0;
}

/* Docker's way to name a mount: where it comes from, and where it goes to. */
static bool add_bind(const struct pm_kind *k, const char *text, struct pm_buf *out)
{
	const char *colon = strchr(text, ':');

	if (text[0] != '/' || !colon || colon[1] != '/' || !pm_field_find(k, "source"))
		return false;
	(void)pm_buf_addf(out, "{path: %.*s, source: %.*s}", (int)strcspn(colon + 1, ":"),
		colon + 1, (int)(colon - text), text);
	return true;
}

/* A property string of PVE in the form of a manifest; false: it is none. */
static bool add_record(
	struct pm_reader *r, const struct pm_field *f, const struct pm_yev *e, struct pm_buf *out)
{
	struct pm_field one = *f;
	struct pm_value v = { .state = PM_SET };

	one.count = 0;
	if (has_secret(f->sub) || e->n == 0 || e->n > 200)
		return false;
	if (add_bind(f->sub, e->s, out))
		return true;
	if (pm_rec_parse(r->text.d->arena, f->sub, e->s, e->n, &v.u.rec, &r->err) < 0 ||
		!set_new_size(r, v.u.rec))
		return false;
	pm_value_format(&one, PM_MANIFEST, &v, out);
	return strcmp(pm_buf_str(out), "{}") != 0;
}

void pm_hint_record(
	struct pm_reader *r, struct pm_diag *diag, const struct pm_field *f, const struct pm_yev *e)
{
	cleanup_buf struct pm_buf record = PM_BUF(0);

	if (e->type == PM_Y_SCALAR && !e->null && add_record(r, f, e, &record))
		pm_hint(&r->text, diag, "write %s", pm_buf_str(&record));
}

/* Texts that PVE and others take for lists: "a;b", "a, b". Keys with blanks inside stay whole. */
static void hint_list(
	struct pm_reader *r, struct pm_diag *diag, const struct pm_field *f, const struct pm_yev *e)
{
	const char *between = f->sep == '\n' || f->sep == '\0' ? "\n" : " ,;\n";
	cleanup_buf struct pm_buf items = PM_BUF(0);

	if (e->s[0] == '-' && e->n > 1) {
		pm_hint(&r->text, diag, "a blank must follow each dash");
		return;
	}
	for (const char *s = e->s; *s; s += strcspn(s, between)) {
		s += strspn(s, between);
		if (*s)
			(void)pm_buf_addf(&items, "%s%.*s", items.len > 0 ? ", " : "",
				(int)strcspn(s, between), s);
	}
	if (items.len < 60)
		pm_hint(&r->text, diag, "write [%s]", pm_buf_str(&items));
	else
		pm_hint(&r->text, diag, "start each entry with a dash on a line of its own");
}

/* A value that is left for a templating tool to fill in; true: that is said. */
static bool hint_template(struct pm_reader *r, struct pm_diag *diag, const struct pm_yev *e)
{
	bool flow = false;
	size_t n;

	if (e->type == PM_Y_MAP) {
		const char *s = pm_text_from(&r->text, e->at, &n);

		flow = s && n >= 2 && memcmp(s, "{{", 2) == 0;
	}
	if (!flow && (e->type != PM_Y_SCALAR || (!strstr(e->s, "{{") && !strstr(e->s, "${"))))
		return false;
	pm_hint(&r->text, diag,
		"podmox fills in no templates and variables; write the value itself");
	return true;
}

void pm_hint_form(
	struct pm_reader *r, struct pm_diag *diag, const struct pm_field *f, const struct pm_yev *e)
{
	bool many = f->type == PM_T_PROPS && f->count > 0;

	if (hint_template(r, diag, e))
		return;
	if (f->type == PM_T_LIST && e->type == PM_Y_SCALAR && !e->null)
		hint_list(r, diag, f, e);
	else if (many && e->type == PM_Y_MAP)
		pm_hint(&r->text, diag, "start each entry with a dash");
	else if (many && e->type == PM_Y_SCALAR)
		pm_hint(&r->text, diag, "write its entries below it, each with a dash");
	else if (f->type == PM_T_PROPS && e->type == PM_Y_LIST)
		pm_hint(&r->text, diag, "there is only one: write its keys without a dash");
	else if (f->type == PM_T_PROPS)
		pm_hint_record(r, diag, f, e);
	else if (f->type == PM_T_STRMAP && e->type == PM_Y_LIST)
		pm_hint(&r->text, diag, "write \"NAME: value\" below it, without dashes");
}

/* ---- values that do not fit ---- */

bool pm_typographic(const char *s, size_t n)
{
	static const char *const marks[] = { "\u2018", "\u2019", "\u201a", "\u201c", "\u201d",
		"\u201e", "\u00ab", "\u00bb" };

	for (size_t i = 0; i < PM_COUNT(marks); i++) {
		if (n >= strlen(marks[i]) && memmem(s, n, marks[i], strlen(marks[i])))
			return true;
	}
	return false;
}

void pm_hint_value(struct pm_reader *r, struct pm_diag *diag, const struct pm_yev *e)
{
	if (hint_template(r, diag, e))
		return;
	if (pm_typographic(e->s, strnlen(e->s, 3)))
		pm_hint(&r->text, diag, PM_HINT_TYPOGRAPHIC);
}

bool pm_hint_comment(struct pm_reader *r, struct pm_diag *diag, struct pm_span key)
{
	size_t n;
	const char *s = pm_text_from(&r->text, key, &n), *end;

	if (!s)
		return false;
	end = s + n;
	s = memchr(s, ':', n);
	if (!s)
		return false;
	for (s++; s < end && (*s == ' ' || *s == '\t');)
		s++;
	if (s == end || *s != '#')
		return false;
	pm_hint(&r->text, diag,
		"what follows a # is a comment; put a text that starts with it in quotes");
	return true;
}
