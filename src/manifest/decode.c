/* The walker: pairs of a mapping become values of a record, row by row. It carries the group it stands
 * in; a key that is no row and no group is an error with the nearest name there is. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"

const char *pm_node_word(const struct pm_yev *e)
{
	switch (e->type) {
	case PM_Y_MAP:
		return "a mapping";
	case PM_Y_LIST:
		return "a list";
	default:
		return e->null ? "null" : "plain text";
	}
}

const struct pm_keys *pm_reader_keys(struct pm_reader *r, const struct pm_kind *k)
{
	pm_assert(k->id < PM_KINDS_MAX);
	if (!r->keys[k->id])
		r->keys[k->id] = pm_keys_new(r->own, k);
	return r->keys[k->id];
}

/* ---- names of places ---- */

static void step_in(struct pm_reader *r, const char *name, int index)
{
	pm_assert(r->npath < PM_PATH_MAX);
	r->path[r->npath++] = (struct pm_step_name){ .name = name, .index = index };
}

static void step_out(struct pm_reader *r)
{
	r->npath--;
}

/* "network.interfaces[0].tag"; name may be "". */
static const char *path_to(struct pm_reader *r, const char *name)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);

	for (unsigned i = 0; i < r->npath; i++) {
		(void)pm_buf_addf(&path, "%s%s", path.len > 0 ? "." : "", r->path[i].name);
		if (r->path[i].index >= 0)
			(void)pm_buf_addf(&path, "[%d]", r->path[i].index);
	}
	(void)pm_buf_addf(&path, "%s%s", path.len > 0 && name[0] ? "." : "", name);
	return pm_arena_strndup(r->text.d->arena, pm_buf_str(&path), path.len);
}

void pm_find_twice(struct pm_reader *r, const struct pm_yev *key, struct pm_span first)
{
	pm_hint(&r->text,
		pm_find(&r->text, PM_ERROR, key->at, "key \"%s\" stands here for the second time",
			key->s),
		"the first one is in line %u; keep one of them", first.line);
}

/* ---- keys that are none ---- */

static void find_unknown(
	struct pm_reader *r, const struct pm_keys *keys, unsigned group, const struct pm_yev *key)
{
	const char *in =
		r->npath == 0 && group == 0 && !r->config ? "spec" : path_to(r, keys->group[group]);
	const char *why;
	cleanup_buf struct pm_buf full = PM_BUF(0);
	struct pm_diag *diag;

	if (key->plain && strcmp(key->s, "<<") == 0) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_ERROR, key->at,
				"merge keys (<<) do not belong to YAML 1.2"),
			"write the keys out, or use an alias for the whole value");
		return;
	}
	(void)pm_buf_addf(
		&full, "%s%s%s", keys->group[group], keys->group[group][0] ? "." : "", key->s);
	why = pm_refused_why(keys->kind, pm_buf_str(&full));
	if (why) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_ERROR, key->at, "%s is not taken",
				path_to(r, pm_buf_str(&full))),
			"%s", why);
		return;
	}
	diag = pm_find(&r->text, PM_ERROR, key->at, "unknown key \"%s\"%s%s", key->s,
		in[0] ? " in " : "", in);
	pm_hint_key(r, diag, keys, group, key);
}

/* ---- values ---- */

static const char *const expected[PM_T_MAX] = {
	[PM_T_BOOL] = "true or false",
	[PM_T_INT] = "a number",
	[PM_T_MILLI] = "a number",
	[PM_T_SIZE] = "a size such as 512Mi",
	[PM_T_SECONDS] = "a duration such as 30s",
	[PM_T_STR] = "text",
	[PM_T_ENUM] = "one word",
	[PM_T_LIST] = "a list",
	[PM_T_STRMAP] = "a mapping of names to texts",
	[PM_T_SECRET] = "text or a mapping with fromFile, fromEnv or fromCredential",
	[PM_T_PROPS] = "a mapping",
};

/* The node has another form than the row; passes over it. */
static void find_form(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *e)
{
	const char *what =
		f->type == PM_T_PROPS && f->count > 0 ? "a list of mappings" : expected[f->type];
	struct pm_diag *diag = pm_find(&r->text, PM_ERROR, e->at, "%s must be %s, not %s",
		path_to(r, f->name), what, pm_node_word(e));

	pm_hint_form(r, diag, f, e);
	pm_yaml_skip(&r->yaml, e);
}

static void find_value(struct pm_reader *r, const char *name, const struct pm_yev *e)
{
	struct pm_diag *diag =
		pm_find(&r->text, PM_ERROR, e->at, "%s %s", path_to(r, name), r->err.msg);

	pm_hint_value(r, diag, e);
}

static void find_no_value(
	struct pm_reader *r, const char *name, struct pm_span at, const char *hint)
{
	struct pm_diag *diag = pm_find(&r->text, PM_ERROR, at, "%s has no value", path_to(r, name));

	if (!pm_hint_comment(r, diag, at))
		pm_hint(&r->text, diag, "%s", hint);
}

static void read_scalar(
	struct pm_reader *r, const struct pm_field *f, const struct pm_yev *e, struct pm_value *v)
{
	if (e->type != PM_Y_SCALAR)
		find_form(r, f, e);
	else if (pm_value_parse(r->arena, f, e->s, e->plain, v, &r->err) < 0)
		find_value(r, f->name, e);
}

/* One item; false: not usable, and reported. */
static bool read_item(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *e, int at)
{
	const char *item;
	bool ok = false;

	step_in(r, f->name, at);
	if (e->type != PM_Y_SCALAR) {
		(void)pm_find(&r->text, PM_ERROR, e->at, "%s must be text, not %s", path_to(r, ""),
			pm_node_word(e));
		pm_yaml_skip(&r->yaml, e);
	} else if (e->null) {
		find_no_value(r, "", e->at, "give it one, or remove the line");
	} else if (pm_item_parse(r->arena, f, e->s, &item, &r->err) < 0) {
		find_value(r, "", e);
	} else {
		pm_vec_push(&r->items, item);
		ok = true;
	}
	step_out(r);
	return ok;
}

/* The items of r->items as a value. */
static void take_items(struct pm_reader *r, const struct pm_field *f, struct pm_value *v)
{
	const char **items = pm_new_n(r->arena, const char *, r->items.n + 1);

	if (r->items.n > 0)
		memcpy(items, r->items.v, r->items.n * sizeof(*items));
	pm_value_list(r->arena, f, items, r->items.n, v);
}

static void read_list(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v)
{
	struct pm_yev e;
	bool ok = true;

	if (start->type != PM_Y_LIST) {
		find_form(r, f, start);
		return;
	}
	r->items.n = 0;
	for (int at = 0;; at++) {
		pm_yaml_next(&r->yaml, &e);
		if (e.type == PM_Y_END || e.type == PM_Y_STOP)
			break;
		ok = read_item(r, f, &e, at) && ok;
	}
	if (ok && e.type == PM_Y_END)
		take_items(r, f, v);
}

/* ---- mappings of names to texts ---- */

/* A pair with its place, to find keys that come twice. */
struct pair {
	const char *text; /* "key=value" */
	size_t n;         /* of the key */
	struct pm_span at;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	size_t n = x->n < y->n ? x->n : y->n;
	int r = memcmp(x->text, y->text, n);

	if (r != 0)
		return r;
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return x->at.line != y->at.line ? (x->at.line < y->at.line ? -1 : 1)
					: (x->at.column < y->at.column ? -1 : 1);
}

/* Reports keys that come twice and leaves one of each. */
static bool keys_differ(struct pm_reader *r)
{
	struct pair *v cleanup_free = pm_xcalloc(r->items.n + 1, sizeof(*v));
	size_t n = r->items.n;
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		const char *text = r->items.v[i];

		v[i] = (struct pair){ .text = text,
			.n = (size_t)(strchrnul(text, '=') - text),
			.at = r->spans.v[i] };
	}
	qsort(v, n, sizeof(*v), compare_pairs);
	for (size_t i = 1; i < n; i++) {
		if (v[i].n != v[i - 1].n || memcmp(v[i].text, v[i - 1].text, v[i].n) != 0)
			continue;
		struct pm_yev key = { .s = pm_arena_strndup(r->arena, v[i].text, v[i].n),
			.at = v[i].at };

		pm_find_twice(r, &key, v[i - 1].at);
		ok = false;
	}
	return ok;
}

/* A label as elsewhere: letters, digits and - _ . and in its name one slash. */
static bool fits_label(const char *s, bool name)
{
	size_t n = strlen(s), slashes = 0;

	for (size_t i = 0; i < n; i++) {
		bool inner = i > 0 && i + 1 < n;

		if (isalnum((unsigned char)s[i]) || (inner && strchr("-_.", s[i])))
			continue;
		if (!inner || !name || s[i] != '/' || slashes++ > 0)
			return false;
	}
	return name ? n > 0 && n <= 253 : n <= 63;
}

static int entry_parse(struct pm_reader *r, const struct pm_field *f, const char *key,
	const struct pm_yev *e, const char **ret)
{
	if (f)
		return pm_entry_parse(r->arena, f, key, e->s, ret, &r->err);
	if (!fits_label(e->s, false))
		return pm_error_set(&r->err, PM_E_INPUT,
			"must be at most 63 letters and digits, with - _ . between them");
	*ret = pm_arena_printf(r->arena, "%s=%s", key, e->s);
	return 0;
}

/* Reads the value of a pair whose key was read; false: not usable, and reported. */
static bool read_pair(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *key)
{
	char *name = pm_arena_strndup(r->arena, key->s, key->n);
	struct pm_span at = key->at;
	const char *item;
	struct pm_yev e;

	if (!f && !fits_label(name, true))
		(void)pm_find(&r->text, PM_ERROR, at,
			"%s is no name: letters and digits with - _ . between them",
			path_to(r, name));
	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_STOP)
		return false;
	if (e.type != PM_Y_SCALAR) {
		(void)pm_find(&r->text, PM_ERROR, e.at, "%s must be text, not %s", path_to(r, name),
			pm_node_word(&e));
		pm_yaml_skip(&r->yaml, &e);
		return false;
	}
	if (e.null) {
		find_no_value(r, name, e.n > 0 ? e.at : at,
			"write \"\" for an empty text, or remove the line");
		return false;
	}
	if (entry_parse(r, f, name, &e, &item) < 0) {
		find_value(r, name, &e);
		return false;
	}
	pm_vec_push(&r->items, item);
	pm_vec_push(&r->spans, at);
	return true;
}

bool pm_is_key(struct pm_reader *r, const struct pm_yev *key)
{
	struct pm_yev value;

	if (key->type == PM_Y_SCALAR)
		return true;
	(void)pm_find(&r->text, PM_ERROR, key->at, "a key must be text, not %s", pm_node_word(key));
	pm_yaml_skip(&r->yaml, key);
	pm_yaml_next(&r->yaml, &value);
	pm_yaml_skip(&r->yaml, &value);
	return false;
}

bool pm_pairs_read(struct pm_reader *r, const char *name, const struct pm_field *f)
{
	struct pm_yev key;
	bool ok = true;

	r->items.n = 0;
	r->spans.n = 0;
	step_in(r, name, -1);
	for (;;) {
		pm_yaml_next(&r->yaml, &key);
		if (key.type == PM_Y_END || key.type == PM_Y_STOP)
			break;
		ok = pm_is_key(r, &key) && read_pair(r, f, &key) && ok;
	}
	step_out(r);
	return key.type == PM_Y_END && keys_differ(r) && ok;
}

static void read_strmap(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v)
{
	if (start->type != PM_Y_MAP)
		find_form(r, f, start);
	else if (pm_pairs_read(r, f->name, f))
		take_items(r, f, v);
}

/* ---- secrets ---- */

static void read_secret_ref(struct pm_reader *r, const struct pm_field *f,
	const struct pm_yev *start, struct pm_value *v)
{
	struct pm_yev key, e = { .type = PM_Y_STOP };
	unsigned n = 0;
	bool ok = true;
	char how[32];

	for (;; n++) {
		pm_yaml_next(&r->yaml, &key);
		if (key.type == PM_Y_END || key.type == PM_Y_STOP)
			break;
		if (!pm_is_key(r, &key)) {
			ok = false;
			continue;
		}
		(void)snprintf(how, sizeof(how), "%s", key.s);
		pm_yaml_next(&r->yaml, &e);
		if (e.type == PM_Y_STOP)
			return;
		if (e.type != PM_Y_SCALAR || e.null) {
			(void)pm_find(&r->text, PM_ERROR, e.at, "%s must be text, not %s",
				path_to(r, f->name), pm_node_word(&e));
			pm_yaml_skip(&r->yaml, &e);
			ok = false;
		} else if (pm_secret_parse(r->arena, how, e.s, v, &r->err) < 0) {
			find_value(r, f->name,
				&(struct pm_yev){ .s = how, .at = key.at, .type = PM_Y_SCALAR });
			ok = false;
		}
	}
	if (ok && n != 1)
		(void)pm_find(&r->text, PM_ERROR, start->at,
			"%s must name one source: fromFile, fromEnv or fromCredential",
			path_to(r, f->name));
	if (!ok || n != 1)
		v->state = PM_UNSET;
}

static void read_secret(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v)
{
	if (start->type == PM_Y_MAP) {
		read_secret_ref(r, f, start, v);
		return;
	}
	read_scalar(r, f, start, v);
	if (v->state == PM_SET && !r->config)
		pm_hint(&r->text,
			pm_find(&r->text, PM_WARNING, start->at, "%s stands here for all to read",
				path_to(r, f->name)),
			strstr(start->s, "${")
				? "podmox fills in no variables: use {fromEnv: NAME}"
				: "use {fromFile: PATH}, {fromEnv: NAME} or {fromCredential: NAME}");
}

/* ---- records ---- */

static struct pm_rec *read_one(
	struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start, int at)
{
	struct pm_rec *rec = pm_rec_new(r->arena, f->sub);

	rec->line = start->at.line;
	step_in(r, f->name, at);
	pm_record_read(r, rec);
	step_out(r);
	return rec;
}

static void read_records(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v)
{
	struct pm_recs *recs = pm_new(r->arena, struct pm_recs);
	size_t base = r->recs.n;
	struct pm_yev e;

	if (start->type != PM_Y_LIST) {
		find_form(r, f, start);
		return;
	}
	for (int at = 0;; at++) {
		pm_yaml_next(&r->yaml, &e);
		if (e.type == PM_Y_END || e.type == PM_Y_STOP)
			break;
		if (e.type == PM_Y_MAP) {
			struct pm_rec *rec = read_one(r, f, &e, at);

			pm_vec_push(&r->recs, rec);
			continue;
		}
		step_in(r, f->name, at);
		pm_hint_record(r,
			pm_find(&r->text, PM_ERROR, e.at, "%s must be a mapping, not %s",
				path_to(r, ""), pm_node_word(&e)),
			f, &e);
		step_out(r);
		pm_yaml_skip(&r->yaml, &e);
	}
	recs->n = r->recs.n - base;
	recs->v = pm_new_n(r->arena, struct pm_rec *, recs->n + 1);
	if (recs->n > 0)
		memcpy(recs->v, r->recs.v + base, recs->n * sizeof(void *));
	r->recs.n = base;
	if (recs->n > f->count) {
		(void)pm_find(&r->text, PM_ERROR, start->at, "%s has %zu entries; at most %u fit",
			path_to(r, f->name), recs->n, f->count);
		return;
	}
	v->u.recs = recs;
	v->state = PM_SET;
}

static void read_props(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v)
{
	if (f->count > 0) {
		read_records(r, f, start, v);
	} else if (start->type != PM_Y_MAP) {
		find_form(r, f, start);
	} else {
		v->u.rec = read_one(r, f, start, -1);
		v->state = PM_SET;
	}
}

typedef void read_fn(struct pm_reader *r, const struct pm_field *f, const struct pm_yev *start,
	struct pm_value *v);

static read_fn *const readers[PM_T_MAX] = {
	[PM_T_BOOL] = read_scalar,
	[PM_T_INT] = read_scalar,
	[PM_T_MILLI] = read_scalar,
	[PM_T_SIZE] = read_scalar,
	[PM_T_SECONDS] = read_scalar,
	[PM_T_STR] = read_scalar,
	[PM_T_ENUM] = read_scalar,
	[PM_T_LIST] = read_list,
	[PM_T_STRMAP] = read_strmap,
	[PM_T_SECRET] = read_secret,
	[PM_T_PROPS] = read_props,
};

/* ---- pairs ---- */

static void place(struct pm_value *v, struct pm_span at)
{
	v->line = at.line;
	v->column = at.column > UINT16_MAX ? UINT16_MAX : (uint16_t)at.column;
}

static void read_row(
	struct pm_reader *r, struct pm_rec *rec, unsigned index, const struct pm_yev *key)
{
	const struct pm_field *f = &rec->kind->fields[index];
	struct pm_value *v = &rec->val[index];
	struct pm_yev e;

	if (v->line > 0) {
		pm_find_twice(r, key, (struct pm_span){ .line = v->line, .column = v->column });
		pm_yaml_next(&r->yaml, &e);
		pm_yaml_skip(&r->yaml, &e);
		return;
	}
	place(v, key->at);
	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_STOP)
		return;
	if (e.type == PM_Y_SCALAR && e.null && e.n == 0) {
		find_no_value(
			r, f->name, key->at, "give it one, or write null if it must be absent");
		return;
	}
	if (e.type == PM_Y_SCALAR)
		place(v, e.at);
	if (e.type == PM_Y_SCALAR && e.null)
		v->state = PM_NULL;
	else
		readers[f->type](r, f, &e, v);
}

/* A row of a record that stands beside the rows of the group; the record begins with the first. */
static void read_flat(struct pm_reader *r, struct pm_filling *fill, const struct pm_key *k,
	const struct pm_yev *key)
{
	const struct pm_field *f = &fill->rec->kind->fields[k->flat - 1];
	struct pm_value *v = &fill->rec->val[k->flat - 1];

	if (v->state != PM_SET) {
		v->u.rec = pm_rec_new(r->arena, f->sub);
		v->u.rec->line = key->at.line;
		place(v, key->at);
		v->state = PM_SET;
	}
	step_in(r, f->name, -1);
	read_row(r, v->u.rec, k->index, key);
	step_out(r);
}

static void read_pairs(struct pm_reader *r, struct pm_filling *fill, unsigned group);

static void read_group(
	struct pm_reader *r, struct pm_filling *fill, unsigned group, const struct pm_yev *key)
{
	struct pm_span *first = &fill->group[group];
	const char *name = fill->keys->group[group];
	struct pm_span at = key->at;
	struct pm_yev e;

	if (first->line > 0)
		pm_find_twice(r, key, *first);
	else
		*first = at;
	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_MAP) {
		read_pairs(r, fill, group);
		return;
	}
	if (e.type == PM_Y_STOP)
		return;
	if (e.type == PM_Y_SCALAR && e.null && e.n == 0) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_WARNING, at, "%s is empty", path_to(r, name)),
			"remove the line: it changes nothing");
		return;
	}
	pm_hint(&r->text,
		pm_find(&r->text, PM_ERROR, e.at, "%s must be a mapping, not %s", path_to(r, name),
			pm_node_word(&e)),
		"%s",
		e.null                ? "give null to each of its keys that must be absent"
		: e.type == PM_Y_LIST ? "write its keys below it without dashes"
				      : "write its keys below it, indented");
	pm_yaml_skip(&r->yaml, &e);
}

/* One pair of a mapping that is a group of the record, or the record itself (group 0). */
static void read_member(
	struct pm_reader *r, struct pm_filling *fill, unsigned group, const struct pm_yev *key)
{
	const struct pm_key *k = pm_keys_find(fill->keys, group, key->s, key->n);
	struct pm_yev value;

	if (!k) {
		find_unknown(r, fill->keys, group, key);
		pm_yaml_next(&r->yaml, &value);
		pm_yaml_skip(&r->yaml, &value);
	} else if (k->group) {
		read_group(r, fill, k->index, key);
	} else if (k->flat) {
		read_flat(r, fill, k, key);
	} else {
		read_row(r, fill->rec, k->index, key);
	}
}

static void read_pairs(struct pm_reader *r, struct pm_filling *fill, unsigned group)
{
	struct pm_yev key;

	for (;;) {
		pm_yaml_next(&r->yaml, &key);
		if (key.type == PM_Y_END || key.type == PM_Y_STOP)
			return;
		if (pm_is_key(r, &key))
			read_member(r, fill, group, &key);
	}
}

void pm_member_read(struct pm_reader *r, struct pm_filling *fill, const struct pm_yev *key)
{
	read_member(r, fill, 0, key);
}

void pm_record_read(struct pm_reader *r, struct pm_rec *rec)
{
	struct pm_filling fill = { .rec = rec, .keys = pm_reader_keys(r, rec->kind) };

	read_pairs(r, &fill, 0);
}
