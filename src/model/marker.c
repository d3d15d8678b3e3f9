/* The marker on a guest: reading it out of a description, writing it there, and podmox's tags. */
#include "model/marker.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/model_priv.h"

#define OPENING    "<!-- podmox:"
#define CLOSING    "-->"
#define VERSION    1
#define MOST_NEEDS 400 /* characters of `needs` */

/* ---- reading ---- */

enum member_type { M_TEXT, M_NUMBER, M_FLAG };

static const struct member {
	const char *name;
	size_t offset;
	enum member_type type;
	bool needed;
	bool rare; /* written only when it is not empty */
} members[] = {
	{ "set", offsetof(struct pm_marker, set), M_TEXT, true, false },
	{ "kind", offsetof(struct pm_marker, kind), M_TEXT, true, false },
	{ "ns", offsetof(struct pm_marker, ns), M_TEXT, true, false },
	{ "name", offsetof(struct pm_marker, name), M_TEXT, true, false },
	{ "uid", offsetof(struct pm_marker, uid), M_TEXT, true, false },
	{ "vmid", offsetof(struct pm_marker, vmid), M_NUMBER, true, false },
	{ "root", offsetof(struct pm_marker, root), M_TEXT, false, false },
	{ "image", offsetof(struct pm_marker, image), M_TEXT, false, false },
	{ "hash", offsetof(struct pm_marker, hash), M_TEXT, false, false },
	{ "done", offsetof(struct pm_marker, done), M_FLAG, false, false },
	{ "onRemove", offsetof(struct pm_marker, on_remove), M_TEXT, false, true },
	{ "of", offsetof(struct pm_marker, of), M_TEXT, false, true },
	{ "needs", offsetof(struct pm_marker, needs), M_TEXT, false, true },
	{ "detached", offsetof(struct pm_marker, detached), M_TEXT, false, true },
	{ "fields", offsetof(struct pm_marker, fields), M_TEXT, false, false },
};

static const struct member *member_of(const char *name, size_t n)
{
	for (unsigned i = 0; i < PM_COUNT(members); i++) {
		if (strlen(members[i].name) == n && !strncmp(members[i].name, name, n))
			return &members[i];
	}
	return NULL;
}

static bool read_number(const struct pm_jread *j, unsigned *ret)
{
	char text[16];
	int64_t i;

	if (j->n >= sizeof(text))
		return false;
	memcpy(text, j->s, j->n);
	text[j->n] = '\0';
	if (pm_parse_int(text, 0, INT32_MAX, &i) < 0)
		return false;
	*ret = (unsigned)i;
	return true;
}

/* Stores one member; the fault, or NULL. */
static const char *read_member(struct pm_arena *a, const struct member *is, enum pm_json_event ev,
	const struct pm_jread *j, struct pm_marker *m)
{
	char *at = (char *)m + is->offset;

	if (is->type == M_TEXT && ev == PM_J_STRING && !memchr(j->s, '\0', j->n)) {
		*(const char **)(void *)at = pm_arena_intern(a, j->s, j->n);
		return NULL;
	}
	if (is->type == M_NUMBER && ev == PM_J_NUMBER && read_number(j, (unsigned *)(void *)at))
		return NULL;
	if (is->type == M_FLAG && (ev == PM_J_TRUE || ev == PM_J_FALSE)) {
		*(bool *)at = ev == PM_J_TRUE;
		return NULL;
	}
	return pm_arena_printf(a, "the marker's member %s has another type", is->name);
}

static const char *read_members(struct pm_arena *a, struct pm_jread *j, struct pm_marker *m)
{
	unsigned version = 0;
	enum pm_json_event ev;

	while ((ev = pm_jread_next(j)) == PM_J_KEY) {
		const struct member *is = member_of(j->s, j->n);
		bool is_version = j->n == 1 && *j->s == 'v';
		const char *fault;

		ev = pm_jread_next(j);
		if (is_version && (ev != PM_J_NUMBER || !read_number(j, &version)))
			return "the marker has no version that is a number";
		fault = is ? read_member(a, is, ev, j, m) : NULL;
		if (fault)
			return fault;
		if (!pm_jread_skip(j, ev))
			return "the marker is no JSON";
	}
	if (ev != PM_J_OBJECT_END || pm_jread_next(j) != PM_J_END)
		return "the marker is no JSON";
	if (version != VERSION)
		return pm_arena_printf(
			a, "the marker has version %u, and this podmox knows %d", version, VERSION);
	return NULL;
}

static bool is_hex(const char *s, size_t n)
{
	return strlen(s) == n && strspn(s, "0123456789abcdef") == n;
}

static const char *check_marker(struct pm_arena *a, struct pm_marker *m)
{
	for (unsigned i = 0; i < PM_COUNT(members); i++) {
		const char **text = (const char **)(void *)((char *)m + members[i].offset);

		if (members[i].type != M_TEXT)
			continue;
		if (members[i].needed && (!*text || !**text))
			return pm_arena_printf(a, "the marker has no %s", members[i].name);
		if (!*text)
			*text = "";
	}
	if (!is_hex(m->uid, 32))
		return "the marker's uid is not 32 hex digits";
	if (m->vmid < 100)
		return "the marker has no vmid";
	return NULL;
}

/* `json` is ours to change, and does not last. */
static const char *parse_marker(
	struct pm_arena *a, char *json, size_t n, const struct pm_marker **ret)
{
	struct pm_marker *m = pm_new(a, struct pm_marker);
	struct pm_jread j;
	const char *fault;

	pm_jread_init(&j, json, n);
	if (pm_jread_next(&j) != PM_J_OBJECT)
		return "the marker is no JSON object";
	fault = read_members(a, &j, m);
	if (!fault)
		fault = check_marker(a, m);
	if (!fault)
		*ret = m;
	return fault;
}

static const char *read_marker(
	struct pm_arena *a, const char *json, size_t n, const struct pm_marker **ret)
{
	cleanup_free char *copy = pm_xcalloc(1, n + 1);

	memcpy(copy, json, n);
	return parse_marker(a, copy, n, ret);
}

/* The line at s (up to and without its newline) as a marker: where its JSON is. */
static bool marker_line(const char *s, size_t n, const char **ret_json, size_t *ret_n)
{
	while (n > 0 && (*s == ' ' || *s == '\t')) {
		s++;
		n--;
	}
	while (n > 0 && strchr(" \t\r", s[n - 1]))
		n--;
	if (n < strlen(OPENING) || strncmp(s, OPENING, strlen(OPENING)) != 0)
		return false;
	s += strlen(OPENING);
	n -= strlen(OPENING);
	*ret_json = s;
	*ret_n = n;
	if (n >= strlen(CLOSING) && !strncmp(s + n - strlen(CLOSING), CLOSING, strlen(CLOSING)))
		*ret_n = n - strlen(CLOSING);
	return true;
}

/* Most guests that are not ours have no marker: nothing is copied for them but their text. */
void pm_marker_split(struct pm_arena *a, const char *description, const char **ret_text,
	const struct pm_marker **ret_marker, const char **ret_fault)
{
	size_t len = strlen(description), kept = 0;
	/* Only what stays goes to the arena: a live set holds thousands of these. */
	cleanup_free char *text = pm_xcalloc(1, len + 1);
	unsigned found = 0;

	*ret_marker = NULL;
	*ret_fault = NULL;
	for (size_t at = 0; at < len;) {
		const char *line = description + at;
		const char *newline = memchr(line, '\n', len - at);
		size_t n = newline ? (size_t)(newline - line) : len - at;
		size_t whole = newline ? n + 1 : n, json_n;
		const char *json;

		if (marker_line(line, n, &json, &json_n)) {
			if (found++ == 0)
				*ret_fault = read_marker(a, json, json_n, ret_marker);
		} else {
			memcpy(text + kept, line, whole);
			kept += whole;
		}
		at += whole;
	}
	while (kept > 0 && (text[kept - 1] == '\n' || text[kept - 1] == '\r'))
		kept--;
	*ret_text = pm_arena_strndup(a, text, kept);
	if (found > 1) {
		*ret_marker = NULL;
		*ret_fault = "it has more than one marker";
	}
}

/* ---- writing ---- */

static void add_marker(const struct pm_marker *m, struct pm_buf *out)
{
	struct pm_jwrite w = { .out = out };

	pm_jw_object(&w, NULL);
	pm_jw_int(&w, "v", VERSION);
	for (unsigned i = 0; i < PM_COUNT(members); i++) {
		const char *at = (const char *)m + members[i].offset;
		const char *text =
			members[i].type == M_TEXT ? *(const char *const *)(const void *)at : NULL;

		if (members[i].rare && (!text || !*text))
			continue;
		if (members[i].type == M_TEXT)
			pm_jw_str(&w, members[i].name, text ? text : "");
		else if (members[i].type == M_NUMBER)
			pm_jw_int(&w, members[i].name,
				(int64_t) * (const unsigned *)(const void *)at);
		else
			pm_jw_bool(&w, members[i].name, *(const bool *)at);
	}
	pm_jw_object_end(&w);
}

const char *pm_marker_join(struct pm_arena *a, const char *text, const struct pm_marker *m)
{
	cleanup_buf struct pm_buf json = PM_BUF(0);
	cleanup_buf struct pm_buf out = PM_BUF(0);
	size_t n = text ? strlen(text) : 0;

	while (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0) {
		pm_buf_add(&out, text, n);
		pm_buf_addc(&out, '\n');
	}
	add_marker(m, &json);
	pm_buf_adds(&out, OPENING " ");
	for (const char *p = pm_buf_str(&json); *p; p++) {
		if (*p == '<')
			pm_buf_adds(&out, "\\u003c");
		else if (*p == '>')
			pm_buf_adds(&out, "\\u003e");
		else
			pm_buf_addc(&out, *p);
	}
	pm_buf_adds(&out, " " CLOSING);
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}

/* ---- what podmox set ---- */

/* The word of `fields` for a key: "net0:bridge,ip"; its length goes to *ret_n. */
static const char *fields_word(const char *fields, const char *key, size_t *ret_n)
{
	size_t n = strlen(key);

	for (const char *s = fields; *s;) {
		size_t word = strcspn(s, " ");

		if (word >= n && !strncmp(s, key, n) && (word == n || s[n] == ':')) {
			*ret_n = word;
			return s;
		}
		s += word;
		s += *s == ' ';
	}
	return NULL;
}

bool pm_marker_has(const struct pm_marker *m, const char *key, const char *sub)
{
	size_t n, len = sub ? strlen(sub) : 0;
	const char *s = m->fields ? fields_word(m->fields, key, &n) : NULL;
	const char *end = s ? s + n : NULL;

	if (!s || !sub)
		return s != NULL;
	for (s += strlen(key); s < end; s += strcspn(s, ", ")) {
		size_t word = strcspn(++s, ", ");

		if (word == len && !strncmp(s, sub, len))
			return true;
	}
	return false;
}

const char pm_ha_key[] = "ha";

bool pm_marker_alike(const struct pm_marker *a, const struct pm_marker *b, const char *key)
{
	size_t n = 0, m = 0;
	const char *x = a->fields ? fields_word(a->fields, key, &n) : NULL;
	const char *y = b->fields ? fields_word(b->fields, key, &m) : NULL;

	return x && y ? n == m && strncmp(x, y, n) == 0 : !x && !y;
}

static void add_space(struct pm_buf *out)
{
	if (out->len > 0)
		pm_buf_addc(out, ' ');
}

const char *pm_marker_keeping(
	struct pm_arena *a, const char *fields, const struct pm_marker *other, const char *key)
{
	const struct pm_marker now = { .fields = fields };
	size_t n = 0, m = 0, len = strlen(key);
	const char *x = fields_word(fields, key, &n);
	const char *y = other->fields ? fields_word(other->fields, key, &m) : NULL;
	const char *tail = x ? x + n : fields + strlen(fields);
	cleanup_buf struct pm_buf out = PM_BUF(0);
	char sep = x && n > len ? ',' : ':';

	if (!y)
		return fields;
	pm_buf_add(&out, fields, (size_t)(tail - fields));
	if (!x) {
		add_space(&out);
		pm_buf_adds(&out, key);
	}
	for (const char *s = y + len; s < y + m; s += strcspn(s, ", ")) {
		const char *sub = pm_arena_strndup(a, s + 1, strcspn(s + 1, ", "));

		s++;
		if (pm_marker_has(&now, key, sub))
			continue;
		pm_buf_addc(&out, sep);
		pm_buf_adds(&out, sub);
		sep = ',';
	}
	pm_buf_adds(&out, tail);
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}

bool pm_marker_whole(const struct pm_marker *m, const char *key, const struct pm_kind *sub)
{
	for (unsigned i = 0; i < sub->nfields; i++) {
		const struct pm_field *f = &sub->fields[i];

		if (f->flags & PM_F_HEAD && f->flags & PM_F_INNER)
			return pm_marker_has(m, key, NULL);
		if (f->flags & PM_F_REQUIRED && f->key && pm_marker_has(m, key, f->key))
			return true;
	}
	return false;
}

static void add_subs(const struct pm_rec *r, struct pm_buf *out)
{
	char sep = ':';

	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (!f->key || f->flags & PM_F_OWN || r->val[i].state != PM_SET)
			continue;
		pm_buf_addc(out, sep);
		pm_buf_adds(out, f->key);
		sep = ',';
	}
}

static void add_names(const struct pm_list *l, struct pm_buf *out)
{
	for (size_t i = 0; i < l->n; i++) {
		pm_buf_addc(out, i == 0 ? ':' : ',');
		pm_buf_add(out, l->v[i], strcspn(l->v[i], "="));
	}
}

static void add_field(const struct pm_field *f, const struct pm_value *v, struct pm_buf *out)
{
	char key[16];

	if (f->type != PM_T_PROPS || f->count == 0) {
		add_space(out);
		pm_buf_adds(out, f->key);
		if (f->type == PM_T_PROPS)
			add_subs(v->u.rec, out);
		if (f->type == PM_T_STRMAP)
			add_names(v->u.list, out);
		return;
	}
	for (size_t i = 0; i < v->u.recs->n; i++) {
		add_space(out);
		pm_buf_adds(out, pm_slot_key(f, v->u.recs->v[i]->slot, key));
		add_subs(v->u.recs->v[i], out);
	}
}

static void add_word(const char *word, struct pm_buf *out)
{
	add_space(out);
	pm_buf_adds(out, word);
}

const char *pm_marker_fields(struct pm_arena *a, const struct pm_rec *spec)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	for (unsigned i = 0; i < spec->kind->nfields; i++) {
		const struct pm_field *f = &spec->kind->fields[i];

		if (f->key && !(f->flags & PM_F_WRITEONLY) && spec->val[i].state == PM_SET)
			add_field(f, &spec->val[i], &out);
		else if (i == PM_G_POOL && spec->val[i].state == PM_SET)
			add_word(PM_MARKER_POOL, &out);
	}
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}

/* ---- the hash of a spec ---- */

static void hash_rec(const struct pm_rec *r, struct pm_buf *out);

static char fold(const struct pm_field *f, char c)
{
	if (f->flags & PM_F_NOCASE)
		c = (char)tolower((unsigned char)c);
	return c;
}

static int compare_items(const struct pm_field *f, const char *a, const char *b)
{
	return f->flags & PM_F_NOCASE ? strcasecmp(a, b) : strcmp(a, b);
}

/* The least item above `last`, or NULL. */
static const char *next_in_order(
	const struct pm_field *f, const struct pm_list *l, const char *last)
{
	const char *least = NULL;

	for (size_t i = 0; i < l->n; i++) {
		if ((!last || compare_items(f, l->v[i], last) > 0) &&
			(!least || compare_items(f, l->v[i], least) < 0))
			least = l->v[i];
	}
	return least;
}

static void hash_text(const struct pm_field *f, const char *s, struct pm_buf *out)
{
	for (; *s; s++)
		pm_buf_addc(out, fold(f, *s));
	pm_buf_addc(out, '\0');
}

static void hash_list(const struct pm_field *f, const struct pm_list *l, struct pm_buf *out)
{
	const char *item = NULL;

	if (f->flags & PM_F_UNORDERED) {
		while ((item = next_in_order(f, l, item)))
			hash_text(f, item, out);
		return;
	}
	for (size_t i = 0; i < l->n; i++)
		hash_text(f, l->v[i], out);
}

/* In the order of their names: moving an entry changes nothing. */
static void hash_recs(const struct pm_recs *recs, struct pm_buf *out)
{
	const struct pm_rec *last = NULL;

	for (size_t done = 0; done < recs->n; done++) {
		const struct pm_rec *next = NULL;

		for (size_t i = 0; i < recs->n; i++) {
			const struct pm_rec *r = recs->v[i];

			if ((!last || strcmp(pm_rec_ident(r), pm_rec_ident(last)) > 0) &&
				(!next || strcmp(pm_rec_ident(r), pm_rec_ident(next)) < 0))
				next = r;
		}
		if (!next)
			return;
		hash_rec(next, out);
		last = next;
	}
}

static void hash_value(const struct pm_field *f, const struct pm_value *v, struct pm_buf *out)
{
	if (v->state == PM_NULL)
		pm_buf_addc(out, '-');
	else if (f->type == PM_T_PROPS && f->count)
		hash_recs(v->u.recs, out);
	else if (f->type == PM_T_PROPS)
		hash_rec(v->u.rec, out);
	else if (f->type == PM_T_LIST || f->type == PM_T_STRMAP)
		hash_list(f, v->u.list, out);
	else if (f->type == PM_T_STR || f->type == PM_T_ENUM)
		hash_text(f, v->u.s, out);
	else
		pm_value_format(f, PM_MANIFEST, v, out);
}

static void hash_rec(const struct pm_rec *r, struct pm_buf *out)
{
	for (unsigned i = 0; i < r->kind->nfields; i++) {
		const struct pm_field *f = &r->kind->fields[i];

		if (r->val[i].state == PM_UNSET || f->flags & (PM_F_SECRET | PM_F_WRITEONLY))
			continue;
		pm_buf_adds(out, f->name);
		pm_buf_addc(out, '=');
		hash_value(f, &r->val[i], out);
		pm_buf_addc(out, '\n');
	}
	pm_buf_addc(out, '\f');
}

const char *pm_marker_needs(struct pm_arena *a, const struct pm_rec *spec)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	const struct pm_value *v = &spec->val[PM_G_DEPENDS_ON];

	if (!pm_kind_is_guest(spec->kind) || v->state != PM_SET)
		return NULL;
	for (size_t i = 0; i < v->u.list->n; i++) {
		if (out.len + strlen(v->u.list->v[i]) + 1 > MOST_NEEDS)
			break;
		add_word(v->u.list->v[i], &out);
	}
	return out.len > 0 ? pm_arena_strndup(a, pm_buf_str(&out), out.len) : NULL;
}

const char *pm_marker_hash(struct pm_arena *a, const struct pm_obj *o)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	hash_rec(o->spec, &out);
	return pm_arena_printf(a, "%016" PRIx64, pm_hash(pm_buf_str(&out), out.len, 0));
}
