/* Reference pages and explanations made of rows. */
#include "model/docs.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/model_priv.h"

#define SPEC "spec"
#define HOT  "live with hotplug" /* impact of rows that depend on hotplug */

/* ---- facts of a row in words ---- */

static void add_choices(const struct pm_field *f, struct pm_buf *out)
{
	for (unsigned i = 0; f->choices[i]; i++)
		pm_buf_addf(out, "%s%s", i ? ", " : "", f->choices[i]);
}

/* What may stand there: "integer from 1 to 8192". */
static void add_allowed(const struct pm_field *f, struct pm_buf *out)
{
	const struct pm_format *form = f->format ? pm_format_find(f->format) : NULL;

	if (f->type == PM_T_PROPS) {
		pm_buf_adds(out, f->count ? "list of mappings" : "mapping");
		if (f->count > 1)
			pm_buf_addf(out, ", at most %u", f->count);
		return;
	}
	if (f->type == PM_T_ENUM)
		pm_buf_adds(out, "one of ");
	else if (f->format && !strcmp(f->format, "milliseconds"))
		pm_buf_adds(out, pm_type_name(PM_T_SECONDS));
	else
		pm_buf_adds(out, pm_type_name(f->type));
	if (f->type == PM_T_LIST && f->choices)
		pm_buf_adds(out, " of ");
	if (f->choices)
		add_choices(f, out);
	if (f->type < PM_T_STR) {
		pm_buf_addc(out, ' ');
		pm_range_words(f, out);
		if (out->p[out->len - 1] == ' ')
			out->p[--out->len] = '\0';
	} else if (form && form->pattern) {
		pm_buf_addf(out, f->type == PM_T_LIST ? ", each %s" : ": %s", form->what);
	}
	if (f->type == PM_T_STR && f->max)
		pm_buf_addf(out, ", at most %lld characters", (long long)f->max);
	if (f->type == PM_T_SECRET)
		pm_buf_adds(out,
			": the text, or {fromFile: PATH}, {fromEnv: NAME} or {fromCredential: NAME}");
}

static const struct {
	const char *impact, *sentence;
} sentences[] = {
	{ "none", "nothing changes at PVE" },
	{ "create", "read by the creation only" },
	{ "replace", "needs a new guest" },
	{ "resize", "grows at once; cannot be undone" },
	{ "move", "moves the data to the other storage; a container stands still meanwhile" },
	{ "migrate", "moves the guest to the other node; a container is restarted" },
	{ "pending", "needs a restart" },
	{ HOT, "at once where `hotplug` allows it, else at the next start" },
	{ "live, link flaps", "at once; the network link goes down for a moment" },
	{ "next start", "stored at once, in force from the next start on" },
	{ "live", "at once" },
};

static const char *impact_sentence(const char *impact)
{
	for (unsigned i = 0; i < PM_COUNT(sentences); i++) {
		if (impact && !strcmp(sentences[i].impact, impact))
			return sentences[i].sentence;
	}
	return "";
}

/* ---- reference pages ---- */

/** One page: kinds that stand for guests say what a change does. */
struct page {
	struct pm_buf *out;
	bool changes;
};

/* A cell of a table: '|' would end it. */
static void add_cell(const char *text, struct pm_buf *out)
{
	for (; *text; text++) {
		if (*text == '|')
			pm_buf_addc(out, '\\');
		pm_buf_addc(out, *text);
	}
}

/* "PVE: `memory`." */
static void add_place(const struct pm_field *f, const struct pm_field *in, struct pm_buf *out)
{
	char words[64];

	pm_buf_addf(out, " PVE: `%s`", pm_key_words(f, words));
	if (in && in->flags & PM_F_FLAT)
		pm_buf_addf(out, " of `%s`", in->key);
	pm_buf_addc(out, '.');
}

static void add_row(
	const struct pm_field *f, const char *name, const struct pm_field *in, const struct page *p)
{
	struct pm_buf *out = p->out;
	cleanup_buf struct pm_buf allowed = PM_BUF(0);
	cleanup_buf struct pm_buf def = PM_BUF(0);
	const char *impact = pm_impact(f, in);
	bool has_default = pm_default_words(f, &def);

	add_allowed(f, &allowed);
	pm_buf_addf(out, "| `%s` | ", name);
	add_cell(pm_buf_str(&allowed), out);
	pm_buf_adds(out, " | ");
	if (f->flags & PM_F_REQUIRED)
		pm_buf_adds(out, "required");
	else if (has_default)
		pm_buf_addf(out, "`%s`", pm_buf_str(&def));
	pm_buf_adds(out, " | ");
	if (p->changes)
		pm_buf_addf(out, "%s | ", impact ? impact : "");
	add_cell(f->doc, out);
	if (f->flags & PM_F_ROOT)
		pm_buf_adds(out, " Only root@pam with a password may set it.");
	if (f->flags & PM_F_KEEP)
		pm_buf_adds(out, " PVE cannot unset it.");
	if (f->since)
		pm_buf_addf(out, " Since PVE %s.", f->since);
	if (f->key)
		add_place(f, in, out);
	pm_buf_adds(out, " |\n");
}

static void add_table_head(const struct page *p)
{
	pm_buf_adds(p->out, p->changes ? "\n| field | value | default | change | meaning |\n"
					 "|---|---|---|---|---|\n"
				       : "\n| field | value | default | meaning |\n"
					 "|---|---|---|---|\n");
}

static void add_section(const struct pm_kind *k, const char *prefix, const char *path,
	const char *doc, const struct pm_field *in, const struct page *p);

/* Sections of the records that rows of this kind hold. */
static void add_records(const struct pm_kind *k, const char *path, const struct page *p)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		char inner[256];

		if (f->type != PM_T_PROPS || f->flags & PM_F_FLAT)
			continue;
		if (f->sub->envelope) {
			pm_buf_addf(p->out, "\n## %s%s\n\nThe `spec` of a %s.\n", path, f->name,
				f->sub->name);
			continue;
		}
		(void)snprintf(inner, sizeof(inner), "%s%s%s", path, f->name, f->count ? "[]" : "");
		add_section(f->sub, "", inner, f->sub->doc, f, p);
	}
}

/* The rows right below a prefix; those of a flat record among them. */
static void add_rows(const struct pm_kind *k, const char *prefix, const struct pm_field *in,
	const struct page *p)
{
	size_t n = strlen(prefix);

	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (!pm_row_in_group(f, prefix, n) || pm_row_group(f, n))
			continue;
		if (f->flags & PM_F_FLAT)
			add_rows(f->sub, "", f, p);
		else
			add_row(f, f->name + n, in, p);
	}
}

/* One table, then those of the groups and records in it. */
static void add_section(const struct pm_kind *k, const char *prefix, const char *path,
	const char *doc, const struct pm_field *in, const struct page *p)
{
	size_t n = strlen(prefix);
	char inner[160], name[64];

	pm_buf_addf(p->out, "\n## %s\n\n%s\n", path, doc);
	add_table_head(p);
	add_rows(k, prefix, in, p);
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		size_t group = pm_row_in_group(f, prefix, n) ? pm_row_group(f, n) : 0;

		if (!group || !pm_group_first(k, i, group))
			continue;
		(void)snprintf(name, sizeof(name), "%.*s", (int)group, f->name);
		(void)snprintf(inner, sizeof(inner), "%s.%s", path, name + n);
		doc = pm_group_doc(k, name);
		(void)snprintf(name, sizeof(name), "%.*s.", (int)group, f->name);
		add_section(k, name, inner, doc, in, p);
	}
	if (n == 0) {
		(void)snprintf(inner, sizeof(inner), "%s.", path);
		add_records(k, inner, p);
	}
}

static void add_refused(const struct pm_kind *k, struct pm_buf *out)
{
	const struct pm_refused *r = pm_refused_at(k, 0);

	if (!r)
		return;
	pm_buf_adds(out, "\n## What is refused\n\n| key | why |\n|---|---|\n");
	for (unsigned i = 1; r; r = pm_refused_at(k, i++)) {
		pm_buf_addf(out, "| `%s` | ", r->name);
		add_cell(r->why, out);
		pm_buf_adds(out, " |\n");
	}
}

static bool plugs_hot(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		if (k->fields[i].hot)
			return true;
	}
	return false;
}

static void add_impacts(const struct pm_kind *k, struct pm_buf *out)
{
	pm_buf_adds(out,
		"\n## Changes\n\nWhat a change of a guest that runs does:\n\n| word | meaning |\n|---|---|\n");
	for (unsigned i = 0; i < PM_COUNT(sentences); i++) {
		if (strcmp(sentences[i].impact, HOT) == 0 && !plugs_hot(k))
			continue;
		pm_buf_addf(out, "| %s | %s |\n", sentences[i].impact, sentences[i].sentence);
	}
}

static void add_metadata(struct pm_buf *out)
{
	pm_buf_adds(
		out, "\n## metadata\n\n| field | value | default | meaning |\n|---|---|---|---|\n");
	for (unsigned i = 0; i < PM_COUNT(pm_meta_rows); i++) {
		const struct pm_meta_row *m = &pm_meta_rows[i];
		const char *def = m->def ? m->def : "";

		pm_buf_addf(out, "| `%s` | %s | %s | %s |\n", m->name, m->type,
			m->required ? "required" : def, m->doc);
	}
}

void pm_docs_write(const struct pm_kind *k, struct pm_buf *out)
{
	const struct page p = { .out = out, .changes = k->envelope };

	pm_buf_addf(out,
		"<!-- Made by `make generate` from src/model/*.def; do not edit. -->\n\n# %s\n\n%s\n",
		k->name, k->doc);
	if (k->envelope) {
		pm_buf_addf(out,
			"\nA document has `apiVersion: podmox/v1`, `kind: %s`, `metadata` and `spec`.\n",
			k->name);
		add_metadata(out);
		add_section(k, "", SPEC,
			"A field that is not mentioned is not managed; `null` means \"must be absent\".",
			NULL, &p);
		add_impacts(k, out);
	} else {
		add_section(k, "", k->name,
			"Beside `apiVersion: podmox/v1` and `kind`, the file has:", NULL, &p);
	}
	add_refused(k, out);
}

/* ---- explain ---- */

/** Where a path leads: a row, or a group or kind with its prefix. */
struct target {
	const struct pm_kind *kind;
	const struct pm_field *field; /* NULL: a group, or the kind */
	const struct pm_field *in;    /* the row that holds the record */
	const char *group;            /* "" for the kind */
};

/* "cpu.type": a row of the record whose rows stand in the group cpu. */
static bool resolve_flat(const struct pm_kind *k, const char *rest, struct target *t)
{
	const char *dot = strchr(rest, '.');
	const struct pm_field *flat = dot ? pm_field_flat(k, rest, (size_t)(dot - rest)) : NULL;

	if (!flat)
		return false;
	t->in = flat;
	t->field = pm_field_find(flat->sub, dot + 1);
	return t->field != NULL;
}

static bool resolve(const struct pm_kind *k, const char *rest, struct target *t)
{
	char head[96];

	t->kind = k;
	t->group = rest;
	t->field = pm_field_find(k, rest);
	if (!*rest || t->field || pm_field_is_group(k, rest) || resolve_flat(k, rest, t))
		return true;
	for (const char *dot = strchr(rest, '.'); dot; dot = strchr(dot + 1, '.')) {
		const struct pm_field *f;

		(void)snprintf(head, sizeof(head), "%.*s", (int)(dot - rest), rest);
		f = pm_field_find(k, head);
		if (f && f->type == PM_T_PROPS) {
			t->in = f;
			return resolve(f->sub, dot + 1, t);
		}
	}
	return false;
}

static void add_short(const char *name, const char *doc, struct pm_buf *out)
{
	pm_buf_addf(out, "  %-16s %s\n", name, doc);
}

/* The rows, groups and records right below a prefix ("" or "resources"). */
static void explain_members(const struct pm_kind *k, const char *group, struct pm_buf *out)
{
	char prefix[80], name[80];
	size_t n;

	(void)snprintf(prefix, sizeof(prefix), "%s%s", group, *group ? "." : "");
	n = strlen(prefix);
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		size_t inner;

		if (!pm_row_in_group(f, prefix, n))
			continue;
		inner = pm_row_group(f, n);
		if (n > 0 && f->flags & PM_F_FLAT) {
			explain_members(f->sub, "", out);
		} else if (!inner) {
			add_short(f->name + n, f->doc, out);
		} else if (pm_group_first(k, i, inner)) {
			(void)snprintf(name, sizeof(name), "%.*s", (int)inner, f->name);
			add_short(name + n, pm_group_doc(k, name), out);
		}
	}
}

static void add_fact(const char *what, const char *text, struct pm_buf *out)
{
	if (*text)
		pm_buf_addf(out, "  %-10s %s\n", what, text);
}

static void explain_field(const struct target *t, struct pm_buf *out)
{
	const struct pm_field *f = t->field;
	cleanup_buf struct pm_buf allowed = PM_BUF(0);
	cleanup_buf struct pm_buf def = PM_BUF(0);
	char words[64], in_words[64];

	add_allowed(f, &allowed);
	(void)pm_default_words(f, &def);
	pm_buf_addf(out, "%s\n\n", f->doc);
	add_fact("value", pm_buf_str(&allowed), out);
	add_fact("default", f->flags & PM_F_REQUIRED ? "none: it is required" : pm_buf_str(&def),
		out);
	add_fact("change", impact_sentence(pm_impact(f, t->in)), out);
	if (f->flags & PM_F_KEEP)
		add_fact("unset", "PVE cannot unset it: null is refused", out);
	if (f->flags & PM_F_ROOT)
		add_fact("needs", "root@pam with a password", out);
	if (f->since)
		pm_buf_addf(out, "  %-10s PVE %s\n", "since", f->since);
	if (f->key)
		pm_buf_addf(out, "  %-10s %s%s%s\n", "at PVE", pm_key_words(f, words),
			t->in ? " of " : "", t->in ? pm_key_words(t->in, in_words) : "");
	if (f->source || (t->in && t->in->source))
		add_fact("known from", f->source ? f->source : t->in->source, out);
	if (f->type == PM_T_PROPS) {
		pm_buf_addc(out, '\n');
		explain_members(f->sub, "", out);
	}
}

static bool explain_metadata(const char *rest, struct pm_buf *out)
{
	if (*rest == '\0') {
		pm_buf_adds(out, "What the object is called.\n\n");
		for (unsigned i = 0; i < PM_COUNT(pm_meta_rows); i++)
			add_short(pm_meta_rows[i].name, pm_meta_rows[i].doc, out);
		return true;
	}
	for (unsigned i = 0; i < PM_COUNT(pm_meta_rows); i++) {
		if (strcmp(rest, pm_meta_rows[i].name) != 0)
			continue;
		pm_buf_addf(out, "%s\n\n", pm_meta_rows[i].doc);
		add_fact("value", pm_meta_rows[i].type, out);
		add_fact("default", pm_meta_rows[i].def ? pm_meta_rows[i].def : "", out);
		return true;
	}
	return false;
}

static void explain_kind(const struct pm_kind *k, struct pm_buf *out)
{
	pm_buf_addf(out, "%s\n\n", k->doc);
	if (k->envelope) {
		add_short("metadata", "What the object is called.", out);
		add_short(SPEC, "What the object is to be:", out);
		pm_buf_addc(out, '\n');
	}
	explain_members(k, "", out);
}

/* `rest` is what follows the kind, without its dot. */
static bool explain_path(const struct pm_kind *k, const char *rest, struct pm_buf *out)
{
	static const char metadata[] = "metadata";
	struct target t = { 0 };

	if (k->envelope && pm_str_starts(rest, metadata) && strchr(".", rest[strlen(metadata)])) {
		rest += strlen(metadata);
		return explain_metadata(rest + (*rest == '.'), out);
	}
	if (k->envelope && pm_str_starts(rest, SPEC) && strchr(".", rest[strlen(SPEC)])) {
		rest += strlen(SPEC);
		rest += *rest == '.';
	}
	if (!resolve(k, rest, &t))
		return false;
	if (t.field) {
		explain_field(&t, out);
	} else if (*t.group) {
		pm_buf_addf(out, "%s\n\n", pm_group_doc(t.kind, t.group));
		explain_members(t.kind, t.group, out);
	} else {
		explain_kind(t.kind, out);
	}
	return true;
}

/* ---- every path ---- */

static void add_paths(const struct pm_kind *k, const char *prefix, struct pm_buf *out)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		char inner[160];

		if (f->flags & PM_F_INNER)
			continue;
		for (size_t n = 0; (n = pm_group_length(f->name, n)); n++) {
			if (pm_group_first(k, i, n))
				pm_buf_addf(out, "%s.%.*s\n", prefix, (int)n, f->name);
		}
		/* Of a flat record this is the group. */
		pm_buf_addf(out, "%s.%s\n", prefix, f->name);
		(void)snprintf(inner, sizeof(inner), "%s.%s", prefix, f->name);
		if (f->sub)
			add_paths(f->sub, inner, out);
	}
}

void pm_explain_paths(struct pm_buf *out)
{
	for (unsigned i = 0; pm_kinds[i]; i++) {
		const struct pm_kind *k = pm_kinds[i];
		char prefix[64];

		pm_buf_addf(out, "%s\n", k->name);
		(void)snprintf(
			prefix, sizeof(prefix), "%s%s", k->name, k->envelope ? "." SPEC : "");
		if (k->envelope) {
			pm_buf_addf(out, "%s.metadata\n", k->name);
			for (unsigned m = 0; m < PM_COUNT(pm_meta_rows); m++)
				pm_buf_addf(out, "%s.metadata.%s\n", k->name, pm_meta_rows[m].name);
			pm_buf_addf(out, "%s\n", prefix);
		}
		add_paths(k, prefix, out);
	}
}

static int no_such_path(
	const char *path, const struct pm_kind *k, const char *rest, struct pm_error *err)
{
	cleanup_buf struct pm_buf all = PM_BUF(0);
	PM_VEC(const char *) v = { 0 };
	const char *near, *why;

	if (pm_str_starts(rest, SPEC "."))
		rest += strlen(SPEC ".");
	why = k ? pm_refused_why(k, rest) : NULL;
	if (why)
		return pm_error_set(err, PM_E_USAGE, "%.80s is no field: %s", path, why);
	pm_explain_paths(&all);
	for (char *p = all.p; p && *p;) {
		char *end = strchr(p, '\n');

		*end = '\0';
		pm_vec_push(&v, p);
		p = end + 1;
	}
	near = pm_nearest(path, v.v, v.n);
	(void)pm_error_set(err, PM_E_USAGE, "there is nothing called %.80s%s%s%s", path,
		near ? "; did you mean " : "", near ? near : "", near ? "?" : "");
	pm_vec_done(&v);
	return -PM_E_USAGE;
}

int pm_explain(const char *path, struct pm_buf *out, struct pm_error *err)
{
	size_t n = strcspn(path, ".");
	const char *rest = path[n] ? path + n + 1 : path + n;
	const struct pm_kind *k;
	char kind[32];

	(void)snprintf(kind, sizeof(kind), "%.*s", (int)n, path);
	k = pm_kind_named(kind);
	if (k && explain_path(k, rest, out))
		return 0;
	return no_such_path(path, k, rest, err);
}
