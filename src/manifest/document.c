/* Documents: apiVersion, kind, metadata and spec, in any order. What depends on the kind and comes before
 * it is put off. A document that is no object of ours is an error, never passed over. */
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "manifest/manifest_priv.h"
#include "model/habits.h"

#define NAMESPACE "default"

/* A pair that came before the kind was known: its key, and its value in the log of events. */
struct late {
	struct pm_yev key;
	struct pm_yframe value;
};

#define LATE_MAX 32

/* One document being read. */
struct document {
	struct pm_span at; /* its first key */
	struct pm_span api, kind_at, metadata, spec_at, name_at, ns_at, labels_at;
	const struct pm_kind *kind;
	const char *name, *ns;
	const struct pm_list *labels;
	struct pm_filling fill; /* of the spec, or of the whole where there is no envelope */
	struct late late[LATE_MAX];
	unsigned nlate;
	bool passed_over; /* a configuration among manifests, or an unknown kind */
	bool broken;      /* its spec is none */
};

static struct pm_diag *find_at(
	struct pm_reader *r, struct pm_span at, const char *what, const char *word)
{
	return pm_find(&r->text, PM_ERROR, at, "%s%s", what, word);
}

/* The first time a key comes; otherwise it is reported. */
static bool first_time(struct pm_reader *r, struct pm_span *first, const struct pm_yev *key)
{
	if (first->line > 0) {
		pm_find_twice(r, key, *first);
		return false;
	}
	*first = key->at;
	return true;
}

/* Is it a scalar that says nothing? Then it is reported at its key. */
static bool is_missing(
	struct pm_reader *r, const char *name, struct pm_span key, const struct pm_yev *e)
{
	bool mapping = strcmp(name, "metadata") == 0 || strcmp(name, "spec") == 0;
	struct pm_diag *diag;

	if (e->type != PM_Y_SCALAR || !e->null || e->n > 0)
		return false;
	diag = pm_find(&r->text, PM_ERROR, key, "%s has no value", name);
	if (!pm_hint_comment(r, diag, key))
		pm_hint(&r->text, diag,
			mapping ? "write its keys below it, each indented by two blanks"
				: "give it one behind the colon");
	return true;
}

/* Reads a value that must be one word; false: it is something else, and reported. */
static bool read_word(struct pm_reader *r, const char *name, struct pm_span key, struct pm_yev *e)
{
	pm_yaml_next(&r->yaml, e);
	if (e->type == PM_Y_SCALAR && !e->null)
		return true;
	if (e->type == PM_Y_STOP || is_missing(r, name, key, e))
		return false;
	(void)pm_find(&r->text, PM_ERROR, e->at, "%s must be text, not %s", name, pm_node_word(e));
	pm_yaml_skip(&r->yaml, e);
	return false;
}

static void read_api(struct pm_reader *r, struct pm_span key)
{
	struct pm_yev e;

	if (!read_word(r, "apiVersion", key, &e) || strcmp(e.s, PM_API_VERSION) == 0)
		return;
	pm_hint(&r->text, pm_find(&r->text, PM_ERROR, e.at, "unknown apiVersion \"%s\"", e.s),
		"write " PM_API_VERSION);
}

/* Kinds that may stand in the text being read: the configuration, or everything else. */
static size_t kind_names(const struct pm_reader *r, const char *names[PM_KINDS_MAX])
{
	size_t n = 0;

	for (unsigned i = 0; pm_kinds[i]; i++) {
		if ((pm_kinds[i] == &pm_kind_config) == r->config)
			names[n++] = pm_kinds[i]->name;
	}
	return n;
}

static void find_kind(struct pm_reader *r, const struct pm_yev *e)
{
	const char *names[PM_KINDS_MAX] = { NULL }, *near;
	const struct pm_kind *k = pm_kind_named(e->s);
	struct pm_diag *diag = pm_find(&r->text, PM_ERROR, e->at, "unknown kind \"%s\"", e->s);
	cleanup_buf struct pm_buf known = PM_BUF(0);
	size_t n = kind_names(r, names);

	near = k ? k->name : pm_habit_kind(e->s);
	if (!near)
		near = pm_nearest(e->s, names, n);
	for (size_t i = 0; i < n; i++)
		(void)pm_buf_addf(&known, "%s%s", i > 0 ? ", " : "", names[i]);
	if (near)
		pm_hint(&r->text, diag, "did you mean %s?", near);
	else
		pm_hint(&r->text, diag, "known: %s", pm_buf_str(&known));
}

static void read_kind(struct pm_reader *r, struct document *doc)
{
	struct pm_yev e;

	doc->passed_over = true;
	if (!read_word(r, "kind", doc->kind_at, &e))
		return;
	doc->kind = pm_kind_find(e.s);
	if (!doc->kind) {
		find_kind(r, &e);
		return;
	}
	doc->passed_over = (doc->kind == &pm_kind_config) != r->config;
	if (!doc->passed_over) {
		doc->fill.keys = pm_reader_keys(r, doc->kind);
		doc->fill.rec = pm_rec_new(r->arena, doc->kind);
	} else if (r->config) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_ERROR, e.at,
				"this is a manifest (kind %s), not a configuration", e.s),
			"a configuration has kind: Config");
	} else {
		pm_hint(&r->text,
			pm_find(&r->text, PM_NOTE, e.at,
				"a configuration among manifests is passed over"),
			"it is read with podmox -c %s", r->text.file);
	}
}

/* ---- metadata ---- */

static const char *read_label(struct pm_reader *r, const char *name, struct pm_span *at)
{
	struct pm_yev e;

	if (!read_word(r, name, *at, &e))
		return NULL;
	*at = e.at;
	if (pm_format_check("dns-label", e.s, &r->err) == 0)
		return pm_arena_intern(r->arena, e.s, e.n);
	(void)pm_find(&r->text, PM_ERROR, e.at, "%s %s", name, r->err.msg);
	return NULL;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void read_labels(struct pm_reader *r, struct document *doc)
{
	struct pm_list *labels;
	struct pm_yev e;

	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_STOP)
		return;
	if (e.type == PM_Y_SCALAR && e.null && e.n == 0) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_WARNING, doc->labels_at, "metadata.labels is empty"),
			"remove the line: it changes nothing");
		return;
	}
	if (e.type != PM_Y_MAP) {
		pm_hint(&r->text,
			pm_find(&r->text, PM_ERROR, e.at,
				"metadata.labels must be a mapping of names to texts, not %s",
				pm_node_word(&e)),
			"write \"name: text\" below it, without dashes");
		pm_yaml_skip(&r->yaml, &e);
		return;
	}
	if (!pm_pairs_read(r, "metadata.labels", NULL))
		return;
	labels = pm_new(r->arena, struct pm_list);
	labels->n = r->items.n;
	labels->v = pm_new_n(r->arena, const char *, labels->n + 1);
	if (labels->n > 0) {
		memcpy(labels->v, r->items.v, labels->n * sizeof(*labels->v));
		qsort(labels->v, labels->n, sizeof(*labels->v), compare_texts);
	}
	doc->labels = labels;
}

static void skip_value(struct pm_reader *r)
{
	struct pm_yev value;

	pm_yaml_next(&r->yaml, &value);
	pm_yaml_skip(&r->yaml, &value);
}

static const char *const top_keys[] = { "apiVersion", "kind", "metadata", "spec" };
static const char *const metadata_keys[] = { "name", "namespace", "labels" };

/* Under what a key of the top belongs: it may only lack its indentation. */
static const char *belongs_below(const struct pm_kind *k, const char *key)
{
	for (size_t i = 0; i < PM_COUNT(metadata_keys); i++) {
		if (strcmp(key, metadata_keys[i]) == 0)
			return "metadata";
	}
	return k && (pm_field_find(k, key) || pm_field_is_group(k, key)) ? "spec" : NULL;
}

/* `below`: where else it would be right; NULL: nowhere. */
static void find_unknown(struct pm_reader *r, const struct pm_yev *key, const char *in,
	const char *const *known, size_t nknown, const char *below)
{
	const char *near = pm_nearest(key->s, known, nknown);
	struct pm_diag *diag =
		pm_find(&r->text, PM_ERROR, key->at, "unknown key \"%s\"%s", key->s, in);
	cleanup_buf struct pm_buf all = PM_BUF(0);

	for (size_t i = 0; i < nknown; i++)
		(void)pm_buf_addf(&all, "%s%s", i > 0 ? ", " : "", known[i]);
	if (near)
		pm_hint(&r->text, diag, "did you mean \"%s\"?", near);
	else if (below)
		pm_hint(&r->text, diag, "it belongs below %s, indented by two blanks", below);
	else
		pm_hint(&r->text, diag, "known here: %s", pm_buf_str(&all));
	skip_value(r);
}

static void read_metadata_key(struct pm_reader *r, struct document *doc, const struct pm_yev *key)
{
	struct pm_span *const first[] = { &doc->name_at, &doc->ns_at, &doc->labels_at };
	size_t i = 0;

	while (i < PM_COUNT(metadata_keys) && strcmp(key->s, metadata_keys[i]) != 0)
		i++;
	if (i == PM_COUNT(metadata_keys)) {
		find_unknown(r, key, " in metadata", metadata_keys, PM_COUNT(metadata_keys), NULL);
		return;
	}
	if (!first_time(r, first[i], key)) {
		skip_value(r);
		return;
	}
	if (i == 0)
		doc->name = read_label(r, "metadata.name", &doc->name_at);
	else if (i == 1)
		doc->ns = read_label(r, "metadata.namespace", &doc->ns_at);
	else
		read_labels(r, doc);
}

static void read_metadata(struct pm_reader *r, struct document *doc)
{
	struct pm_yev e;

	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_STOP)
		return;
	doc->name_at = e.at;
	if (is_missing(r, "metadata", doc->metadata, &e))
		return;
	if (e.type != PM_Y_MAP) {
		(void)pm_find(&r->text, PM_ERROR, e.at, "metadata must be a mapping, not %s",
			pm_node_word(&e));
		pm_yaml_skip(&r->yaml, &e);
		return;
	}
	doc->name_at.line = 0;
	for (;;) {
		pm_yaml_next(&r->yaml, &e);
		if (e.type == PM_Y_END || e.type == PM_Y_STOP)
			return;
		if (pm_is_key(r, &e))
			read_metadata_key(r, doc, &e);
	}
}

/* ---- the top of a document ---- */

static void read_spec(struct pm_reader *r, struct document *doc)
{
	struct pm_yev e;

	pm_yaml_next(&r->yaml, &e);
	if (e.type == PM_Y_MAP) {
		doc->fill.rec->line = doc->spec_at.line;
		pm_record_read(r, doc->fill.rec);
		return;
	}
	doc->broken = true;
	if (e.type == PM_Y_STOP || is_missing(r, "spec", doc->spec_at, &e))
		return;
	(void)pm_find(&r->text, PM_ERROR, e.at, "spec must be a mapping, not %s", pm_node_word(&e));
	pm_yaml_skip(&r->yaml, &e);
}

/* A pair that depends on the kind, which is known by now. */
static void read_by_kind(struct pm_reader *r, struct document *doc, const struct pm_yev *key)
{
	if (doc->passed_over) {
		skip_value(r);
	} else if (!doc->kind->envelope) {
		pm_member_read(r, &doc->fill, key);
	} else if (strcmp(key->s, "metadata") == 0) {
		if (first_time(r, &doc->metadata, key))
			read_metadata(r, doc);
		else
			skip_value(r);
	} else if (strcmp(key->s, "spec") == 0) {
		if (first_time(r, &doc->spec_at, key))
			read_spec(r, doc);
		else
			skip_value(r);
	} else {
		find_unknown(
			r, key, "", top_keys, PM_COUNT(top_keys), belongs_below(doc->kind, key->s));
	}
}

static void put_off(struct pm_reader *r, struct document *doc, const struct pm_yev *key)
{
	struct late *l = &doc->late[doc->nlate];

	if (doc->nlate == LATE_MAX) {
		/* The keys are reported as unknown, or kind as missing, in the end. */
		doc->passed_over = true;
		skip_value(r);
		return;
	}
	l->key = *key;
	l->key.s = pm_arena_strndup(r->yaml.scratch, key->s, key->n);
	l->value = pm_yaml_put_off(&r->yaml);
	doc->nlate++;
}

/* Where a document would start for the second time, the line between two documents was forgotten. */
static void find_second_object(
	struct pm_reader *r, const struct document *doc, const struct pm_yev *key)
{
	pm_hint(&r->text,
		pm_find(&r->text, PM_ERROR, key->at, "key \"%s\" stands here for the second time",
			key->s),
		"the first one is in line %u; a line of three dashes (---) starts another object",
		doc->api.line);
	skip_value(r);
}

static void read_pair(struct pm_reader *r, struct document *doc, const struct pm_yev *key)
{
	bool api = strcmp(key->s, "apiVersion") == 0, kind = strcmp(key->s, "kind") == 0;

	if (api && doc->api.line > 0)
		find_second_object(r, doc, key);
	else if (api && first_time(r, &doc->api, key))
		read_api(r, key->at);
	else if (kind && first_time(r, &doc->kind_at, key))
		read_kind(r, doc);
	else if (api || kind)
		skip_value(r);
	else if (doc->kind_at.line == 0)
		put_off(r, doc, key);
	else
		read_by_kind(r, doc, key);
}

static void read_late(struct pm_reader *r, struct document *doc)
{
	for (unsigned i = 0; i < doc->nlate && !r->yaml.failed; i++) {
		pm_yaml_resume(&r->yaml, doc->late[i].value);
		read_by_kind(r, doc, &doc->late[i].key);
	}
}

/* ---- what came of it ---- */

/* A key that is there under a name that is nearly right; false: there is none. */
static bool find_misspelt(struct pm_reader *r, const struct document *doc, const char *name)
{
	for (unsigned i = 0; i < doc->nlate; i++) {
		const struct pm_yev *key = &doc->late[i].key;

		if (!pm_nearest(key->s, &name, 1))
			continue;
		pm_hint(&r->text,
			pm_find(&r->text, PM_ERROR, key->at, "unknown key \"%s\"", key->s),
			"did you mean \"%s\"?", name);
		return true;
	}
	return false;
}

static void find_missing(struct pm_reader *r, struct document *doc)
{
	struct pm_span at = doc->at;

	if (doc->api.line == 0 && !find_misspelt(r, doc, "apiVersion"))
		pm_hint(&r->text, find_at(r, at, "apiVersion", " is missing"),
			"start the document with apiVersion: " PM_API_VERSION);
	if (doc->kind_at.line == 0 && !find_misspelt(r, doc, "kind"))
		pm_hint(&r->text, find_at(r, at, "kind", " is missing"), "add kind: %s",
			r->config ? "Config" : "Pod");
	if (doc->passed_over || doc->kind_at.line == 0 || !doc->kind->envelope)
		return;
	if (doc->metadata.line == 0 || doc->name_at.line == 0)
		pm_hint(&r->text,
			find_at(r, doc->metadata.line > 0 ? doc->metadata : at, "metadata.name",
				" is missing"),
			"every object needs a name, such as web");
	if (doc->spec_at.line == 0)
		(void)find_at(r, at, "spec", " is missing");
}

/* The object of a document that was read to its end. */
static void take_object(struct pm_reader *r, struct document *doc)
{
	struct pm_obj *o = pm_obj_new(r->arena, doc->kind);

	o->ns = doc->ns ? doc->ns : NAMESPACE;
	o->name = doc->name ? doc->name : "";
	o->labels = doc->labels;
	o->file = r->text.file;
	o->line = doc->at.line;
	o->column = doc->at.column;
	o->spec = doc->fill.rec;
	pm_obj_check(o, r->text.d);
	if (doc->kind == &pm_kind_podset && doc->name)
		pm_podset_expand(r->set, o, r->text.d);
	pm_text_complete(&r->text);
	r->nobjects++;
	if (r->config && !r->found)
		r->found = o->spec;
	else if (r->config)
		pm_hint(&r->text, find_at(r, doc->at, "a second configuration in one file", ""),
			"keep one of them");
	else if (doc->name && doc->kind != &pm_kind_podset)
		pm_set_add(r->set, o);
}

static void read_document(struct pm_reader *r, const struct pm_yev *root)
{
	struct document doc = { .at = root->at };
	struct pm_yev e;

	for (;;) {
		pm_yaml_next(&r->yaml, &e);
		if (e.type == PM_Y_END || e.type == PM_Y_STOP)
			break;
		if (pm_is_key(r, &e))
			read_pair(r, &doc, &e);
	}
	if (doc.kind_at.line == 0)
		doc.passed_over = true;
	if (e.type == PM_Y_END)
		read_late(r, &doc);
	if (r->yaml.failed)
		return;
	find_missing(r, &doc);
	if (!doc.passed_over && !doc.broken && doc.fill.rec &&
		(doc.spec_at.line > 0 || !doc.kind->envelope))
		take_object(r, &doc);
}

static void read_root(struct pm_reader *r, const struct pm_yev *root)
{
	if (root->type == PM_Y_SCALAR && root->null && root->n == 0)
		return;
	r->ndocs++;
	if (root->type == PM_Y_MAP) {
		read_document(r, root);
		return;
	}
	pm_hint(&r->text,
		pm_find(&r->text, PM_ERROR, root->at, "a document must be a mapping, not %s",
			pm_node_word(root)),
		"it has the keys apiVersion, kind, metadata and spec");
	pm_yaml_skip(&r->yaml, root);
}

/* ---- the reader ---- */

void pm_reader_init(struct pm_reader *r, struct pm_arena *a)
{
	memset(r, 0, sizeof(*r));
	r->arena = a;
	r->own = pm_arena_new(0);
}

void pm_reader_done(struct pm_reader *r)
{
	pm_yaml_done(&r->yaml);
	pm_vec_done(&r->items);
	pm_vec_done(&r->spans);
	pm_vec_done(&r->recs);
	pm_arena_free(r->own);
}

static bool is_blank(const struct pm_text *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (!strchr(" \t\r\n", t->s[i]) || t->s[i] == '\0')
			return false;
	return true;
}

/* A file that holds nothing may have been cut while it was written: that is never taken for a wish to
 * remove objects. One with comments only was meant so. */
static void find_nothing(struct pm_reader *r)
{
	struct pm_span nowhere = { 0 };

	if (is_blank(&r->text))
		pm_hint(&r->text, pm_find(&r->text, PM_ERROR, nowhere, "the file is empty"),
			"remove it if that is meant; an editor may have been interrupted");
	else
		(void)pm_find(&r->text, PM_NOTE, nowhere, "the file holds comments only");
}

void pm_reader_read(
	struct pm_reader *r, const char *file, const char *s, size_t n, struct pm_diags *d)
{
	unsigned before = r->ndocs;
	struct pm_yev root;

	pm_text_init(&r->text, file, s, n, d);
	if (!pm_text_check(&r->text))
		return;
	pm_yaml_start(&r->yaml, &r->text);
	r->npath = 0;
	while (pm_yaml_document(&r->yaml, &root))
		read_root(r, &root);
	pm_yaml_stop(&r->yaml);
	if (r->ndocs == before && r->text.errors == 0)
		find_nothing(r);
}

void pm_manifest_parse(struct pm_arena *a, const char *name, const char *text, size_t len,
	struct pm_set *ret, struct pm_diags *d)
{
	struct pm_reader r;

	pm_reader_init(&r, a);
	r.set = ret;
	pm_reader_read(&r, name, text, len, d);
	pm_reader_done(&r);
}
