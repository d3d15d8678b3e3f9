/* JSON Schema (draft-07) made of rows. */
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "model/docs.h"
#include "model/model_priv.h"

const struct pm_meta_row pm_meta_rows[3] = {
	{ "name", "text", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", NULL,
		"Name, unique for its kind and namespace; also the host name unless one is given.",
		true },
	{ "namespace", "text", "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", "default",
		"Namespace the object is in.", false },
	{ "labels", "mapping", NULL, NULL, "Labels for people and tools; PVE does not see them.",
		false },
};

/* ---- what rows say in words ---- */

const char *pm_impact(const struct pm_field *f, const struct pm_field *in)
{
	const unsigned effects = PM_F_OWN | PM_F_WRITEONLY | PM_F_REPLACE | PM_F_GROW | PM_F_MOVE |
				 PM_F_MIGRATE | PM_F_PENDING;
	static const struct {
		unsigned flag;
		const char *words;
	} impacts[] = {
		{ PM_F_OWN, "none" },
		{ PM_F_WRITEONLY, "create" },
		{ PM_F_REPLACE, "replace" },
		{ PM_F_GROW, "resize" },
		{ PM_F_MOVE, "move" },
		{ PM_F_MIGRATE, "migrate" },
		{ PM_F_PENDING, "pending" },
		{ PM_F_LINKFLAP, "live, link flaps" },
		{ PM_F_NOTLIVE, "next start" },
		{ PM_F_LIVE, "live" },
	};

	if (f->hot && !(f->flags & effects))
		return "live with hotplug";
	for (unsigned i = 0; i < PM_COUNT(impacts); i++) {
		if (f->flags & impacts[i].flag)
			return impacts[i].words;
	}
	return in ? pm_impact(in, NULL) : NULL;
}

/* As a number or a text of manifests; NULL is for rows without a default. */
bool pm_default_words(const struct pm_field *f, struct pm_buf *out)
{
	const char *def = f->fresh ? f->fresh : f->def;
	struct pm_value v = { 0 };
	struct pm_error err;

	if (!def)
		return false;
	if (f->type > PM_T_SECONDS)
		pm_buf_adds(out, def);
	else if (pm_value_decode(NULL, f, def, strlen(def), &v, &err) == 0)
		pm_value_format(f, PM_MANIFEST, &v, out);
	return true;
}

size_t pm_group_length(const char *name, size_t prefix)
{
	const char *dot = strchr(name + prefix, '.');

	return dot ? (size_t)(dot - name) : 0;
}

size_t pm_row_group(const struct pm_field *f, size_t prefix)
{
	if (f->flags & PM_F_FLAT)
		return prefix == 0 ? strlen(f->name) : 0;
	return pm_group_length(f->name, prefix);
}

bool pm_row_in_group(const struct pm_field *f, const char *prefix, size_t n)
{
	if (f->flags & PM_F_INNER)
		return false;
	if (n > 0 && f->flags & PM_F_FLAT)
		return strlen(f->name) == n - 1 && !strncmp(f->name, prefix, n - 1);
	return !strncmp(f->name, prefix, n);
}

bool pm_group_first(const struct pm_kind *k, unsigned i, size_t n)
{
	for (unsigned j = 0; j < i; j++) {
		const struct pm_field *f = &k->fields[j];

		if (!strncmp(f->name, k->fields[i].name, n) &&
			(f->name[n] == '.' || (f->name[n] == '\0' && f->flags & PM_F_FLAT)))
			return false;
	}
	return true;
}

/* ---- the schema of one value ---- */

static bool nullable(const struct pm_field *f)
{
	return !(f->flags & (PM_F_REQUIRED | PM_F_KEEP | PM_F_IDENT));
}

static void add_type(struct pm_jwrite *w, const char *type, const char *second, bool null)
{
	if (!second && !null) {
		pm_jw_str(w, "type", type);
		return;
	}
	pm_jw_array(w, "type");
	pm_jw_str(w, NULL, type);
	if (second)
		pm_jw_str(w, NULL, second);
	if (null)
		pm_jw_str(w, NULL, "null");
	pm_jw_array_end(w);
}

static void add_enum(struct pm_jwrite *w, const char *const *choices, bool null)
{
	pm_jw_array(w, "enum");
	for (unsigned i = 0; choices[i]; i++) {
		pm_jw_str(w, NULL, choices[i]);
		/* In YAML it needs no quotes. */
		if (choices[i][strspn(choices[i], "0123456789")] == '\0')
			pm_jw_raw(w, NULL, choices[i]);
	}
	if (null)
		pm_jw_raw(w, NULL, "null");
	pm_jw_array_end(w);
}

static void add_milli(struct pm_jwrite *w, const char *key, int64_t thousandths)
{
	char text[32];

	pm_jw_raw(w, key, pm_format_milli(thousandths, text));
}

static void add_bounds(
	struct pm_jwrite *w, const struct pm_field *f, const char *min, const char *max)
{
	if (f->type == PM_T_MILLI) {
		add_milli(w, min, f->min);
		if (f->max)
			add_milli(w, max, f->max);
		return;
	}
	pm_jw_int(w, min, f->min);
	if (f->max)
		pm_jw_int(w, max, f->max);
}

static bool is_millis(const struct pm_field *f)
{
	return f->format && !strcmp(f->format, "milliseconds");
}

/* A number with a unit: text, and 0 as it stands where 0 is allowed. */
static void add_unit_type(struct pm_jwrite *w, const struct pm_field *f)
{
	const char *pattern =
		f->type == PM_T_SIZE
			? "^(0|(0|[1-9][0-9]*)(\\.[0-9]+)?[KMGT]i?)$"
			: "^(0|(0|[1-9][0-9]*)(ms|[smhd])((0|[1-9][0-9]*)(ms|[smhd]))*)$";

	if (f->min > 0) {
		add_type(w, "string", NULL, nullable(f));
	} else {
		add_type(w, "string", "integer", nullable(f));
		pm_jw_int(w, "maximum", 0);
		pm_jw_int(w, "minimum", 0);
	}
	pm_jw_str(w, "pattern", pattern);
	add_bounds(w, f, "x-podmox-minimum", "x-podmox-maximum");
	if (f->unit)
		pm_jw_int(w, "x-podmox-unit", f->unit);
}

static void add_pattern(struct pm_jwrite *w, const struct pm_field *f)
{
	const struct pm_format *format = f->format ? pm_format_find(f->format) : NULL;

	if (format && format->pattern)
		pm_jw_str(w, "pattern", format->pattern);
	if (f->format)
		pm_jw_str(w, "x-podmox-format", f->format);
}

/* Texts that need no quotes in YAML where they are numbers. */
static bool may_be_number(const struct pm_field *f)
{
	static const char *const formats[] = { "vlan", "ranges", "vmid", "phys-bits", "vmgenid" };

	for (unsigned i = 0; f->format && i < PM_COUNT(formats); i++) {
		if (!strcmp(f->format, formats[i]))
			return true;
	}
	return false;
}

static void add_str_type(struct pm_jwrite *w, const struct pm_field *f)
{
	add_type(w, "string", may_be_number(f) ? "integer" : NULL, nullable(f));
	if (f->min)
		pm_jw_int(w, "minLength", f->min);
	if (f->max)
		pm_jw_int(w, "maxLength", f->max);
	add_pattern(w, f);
}

static void add_list_type(struct pm_jwrite *w, const struct pm_field *f)
{
	add_type(w, "array", NULL, nullable(f));
	if (f->flags & PM_F_REQUIRED)
		pm_jw_int(w, "minItems", 1);
	pm_jw_object(w, "items");
	if (f->choices) {
		add_enum(w, f->choices, false);
	} else {
		add_type(w, "string", may_be_number(f) ? "integer" : NULL, false);
		add_pattern(w, f);
	}
	pm_jw_object_end(w);
}

static void add_map_type(struct pm_jwrite *w, bool null)
{
	add_type(w, "object", NULL, null);
	pm_jw_raw(w, "additionalProperties", "{\"type\":[\"string\",\"number\",\"boolean\"]}");
}

static void add_secret_type(struct pm_jwrite *w, const struct pm_field *f)
{
	static const char *const ways[] = { "fromFile", "fromEnv", "fromCredential" };

	add_type(w, "string", "object", nullable(f));
	if (f->min)
		pm_jw_int(w, "minLength", f->min);
	pm_jw_object(w, "properties");
	for (unsigned i = 0; i < PM_COUNT(ways); i++)
		pm_jw_raw(w, ways[i], "{\"type\":\"string\",\"minLength\":1}");
	pm_jw_object_end(w);
	pm_jw_int(w, "minProperties", 1);
	pm_jw_int(w, "maxProperties", 1);
	pm_jw_bool(w, "additionalProperties", false);
}

static void add_group(struct pm_jwrite *w, const struct pm_kind *k, const char *prefix,
	const struct pm_field *in);

static void add_record_type(struct pm_jwrite *w, const struct pm_field *f)
{
	if (f->count == 0) {
		add_type(w, "object", NULL, nullable(f));
		add_group(w, f->sub, "", f);
		return;
	}
	add_type(w, "array", NULL, nullable(f));
	pm_jw_int(w, "maxItems", f->count);
	if (f->flags & PM_F_REQUIRED)
		pm_jw_int(w, "minItems", 1);
	pm_jw_object(w, "items");
	pm_jw_str(w, "type", "object");
	add_group(w, f->sub, "", f);
	pm_jw_object_end(w);
}

static void add_int_type(struct pm_jwrite *w, const struct pm_field *f)
{
	if (is_millis(f)) {
		add_unit_type(w, f);
		return;
	}
	add_type(w, "integer", NULL, nullable(f));
	add_bounds(w, f, "minimum", "maximum");
}

static void add_value_type(struct pm_jwrite *w, const struct pm_field *f)
{
	switch (f->type) {
	case PM_T_BOOL:
		add_type(w, "boolean", NULL, nullable(f));
		break;
	case PM_T_INT:
		add_int_type(w, f);
		break;
	case PM_T_MILLI:
		add_type(w, "number", NULL, nullable(f));
		add_bounds(w, f, "minimum", "maximum");
		break;
	case PM_T_SIZE:
	case PM_T_SECONDS:
		add_unit_type(w, f);
		break;
	case PM_T_STR:
		add_str_type(w, f);
		break;
	case PM_T_ENUM:
		add_enum(w, f->choices, nullable(f));
		break;
	case PM_T_LIST:
		add_list_type(w, f);
		break;
	case PM_T_STRMAP:
		add_map_type(w, nullable(f));
		break;
	case PM_T_SECRET:
		add_secret_type(w, f);
		break;
	case PM_T_PROPS:
	case PM_T_MAX:
		add_record_type(w, f);
		break;
	}
}

static void add_default(struct pm_jwrite *w, const struct pm_field *f)
{
	bool bare = f->type == PM_T_BOOL || f->type == PM_T_MILLI ||
		    (f->type == PM_T_INT && !is_millis(f));
	cleanup_buf struct pm_buf words = PM_BUF(0);

	if (!pm_default_words(f, &words))
		return;
	if (bare)
		pm_jw_raw(w, "default", pm_buf_str(&words));
	else
		pm_jw_str(w, "default", pm_buf_str(&words));
	if (f->def)
		pm_jw_str(w, "x-podmox-default", f->def);
}

/* Where it stands at PVE: a key, the families of a list, and the record it is in when that has no place of
 * its own here. */
static void add_key(struct pm_jwrite *w, const struct pm_field *f, const struct pm_field *in)
{
	pm_jw_str(w, "x-podmox-key", f->key);
	if (in && in->flags & PM_F_FLAT)
		pm_jw_str(w, "x-podmox-of", in->key);
	if (!f->slots)
		return;
	pm_jw_array(w, "x-podmox-keys");
	for (const struct pm_slots *s = f->slots; s->key; s++)
		pm_jw_str(w, NULL, s->key);
	pm_jw_array_end(w);
}

static void add_field(
	struct pm_jwrite *w, const char *name, const struct pm_field *f, const struct pm_field *in)
{
	const char *impact = pm_impact(f, in);

	pm_jw_object(w, name);
	pm_jw_str(w, "description", f->doc);
	add_value_type(w, f);
	add_default(w, f);
	if (f->key)
		add_key(w, f, in);
	if (f->key && f->sep && f->type == PM_T_LIST)
		pm_jw_strn(w, "x-podmox-separator", &f->sep, 1);
	if (f->flags & PM_F_HEAD)
		pm_jw_bool(w, "x-podmox-head", true);
	if (impact)
		pm_jw_str(w, "x-podmox-impact", impact);
	if (f->hot)
		pm_jw_str(w, "x-podmox-hot", f->hot);
	if (f->flags & PM_F_ROOT)
		pm_jw_bool(w, "x-podmox-root", true);
	if (f->since)
		pm_jw_str(w, "x-podmox-since", f->since);
	pm_jw_object_end(w);
}

/* ---- objects ---- */

static void add_members(struct pm_jwrite *w, const struct pm_kind *k, const char *prefix,
	const struct pm_field *in);

/* The rows of a record beside those of its group; where they stand at PVE is not their own key. */
static void add_flat(struct pm_jwrite *w, const struct pm_field *f)
{
	add_members(w, f->sub, "", f);
}

/* Rows of a group as members of the object "properties" that is open; prefix is "" or ends with a dot. */
static void add_members(
	struct pm_jwrite *w, const struct pm_kind *k, const char *prefix, const struct pm_field *in)
{
	size_t n = strlen(prefix);

	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];
		char name[64];
		size_t group;

		if (!pm_row_in_group(f, prefix, n))
			continue;
		group = pm_row_group(f, n);
		if (n > 0 && f->flags & PM_F_FLAT) {
			add_flat(w, f);
		} else if (!group) {
			add_field(w, f->name + n, f, in);
		} else if (pm_group_first(k, i, group)) {
			(void)snprintf(name, sizeof(name), "%.*s", (int)group, f->name);
			pm_jw_object(w, name + n);
			pm_jw_str(w, "description", pm_group_doc(k, name));
			add_type(w, "object", NULL, true);
			(void)snprintf(name, sizeof(name), "%.*s.", (int)group, f->name);
			add_group(w, k, name, in);
			pm_jw_object_end(w);
		}
	}
}

/* What must be there: `first` (ends with NULL) and the rows that say so. */
static void add_required(
	struct pm_jwrite *w, const struct pm_kind *k, const char *prefix, const char *const *first)
{
	size_t n = strlen(prefix);
	unsigned count = 0;

	for (unsigned i = 0; i < k->nfields; i++)
		count += k->fields[i].flags & PM_F_REQUIRED &&
			 !strncmp(k->fields[i].name, prefix, n);
	if (count == 0 && !first)
		return;
	pm_jw_array(w, "required");
	for (; first && *first; first++)
		pm_jw_str(w, NULL, *first);
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (f->flags & PM_F_REQUIRED && !strncmp(f->name, prefix, n) &&
			!pm_group_length(f->name, n))
			pm_jw_str(w, NULL, f->name + n);
	}
	pm_jw_array_end(w);
}

static void add_group(
	struct pm_jwrite *w, const struct pm_kind *k, const char *prefix, const struct pm_field *in)
{
	pm_jw_object(w, "properties");
	add_members(w, k, prefix, in);
	pm_jw_object_end(w);
	add_required(w, k, prefix, NULL);
	pm_jw_bool(w, "additionalProperties", false);
}

static void add_refused(struct pm_jwrite *w, const struct pm_kind *k)
{
	const struct pm_refused *r = pm_refused_at(k, 0);

	if (!r)
		return;
	pm_jw_object(w, "x-podmox-refused");
	for (unsigned i = 1; r; r = pm_refused_at(k, i++))
		pm_jw_str(w, r->name, r->why);
	pm_jw_object_end(w);
}

static void add_metadata(struct pm_jwrite *w)
{
	pm_jw_object(w, "metadata");
	pm_jw_str(w, "description", "What the object is called.");
	pm_jw_str(w, "type", "object");
	pm_jw_object(w, "properties");
	for (unsigned i = 0; i < PM_COUNT(pm_meta_rows); i++) {
		const struct pm_meta_row *m = &pm_meta_rows[i];

		pm_jw_object(w, m->name);
		pm_jw_str(w, "description", m->doc);
		if (m->pattern)
			pm_jw_str(w, "type", "string");
		else
			add_map_type(w, false);
		if (m->pattern)
			pm_jw_str(w, "pattern", m->pattern);
		if (m->def)
			pm_jw_str(w, "default", m->def);
		pm_jw_object_end(w);
	}
	pm_jw_object_end(w);
	pm_jw_raw(w, "required", "[\"name\"]");
	pm_jw_bool(w, "additionalProperties", false);
	pm_jw_object_end(w);
}

static void add_const(struct pm_jwrite *w, const char *name, const char *value, const char *doc)
{
	pm_jw_object(w, name);
	pm_jw_str(w, "description", doc);
	pm_jw_str(w, "const", value);
	pm_jw_object_end(w);
}

static void add_spec(struct pm_jwrite *w, const struct pm_kind *k)
{
	pm_jw_object(w, "spec");
	pm_jw_str(w, "description", "What the object is to be.");
	pm_jw_str(w, "type", "object");
	add_group(w, k, "", NULL);
	add_refused(w, k);
	pm_jw_object_end(w);
}

static void add_kind(struct pm_jwrite *w, const struct pm_kind *k)
{
	static const char *const head[] = { "apiVersion", "kind", NULL };

	pm_jw_str(w, "title", k->name);
	pm_jw_str(w, "description", k->doc);
	pm_jw_str(w, "type", "object");
	pm_jw_object(w, "properties");
	add_const(w, "apiVersion", "podmox/v1", "Version of this format.");
	add_const(w, "kind", k->name, k->doc);
	if (k->envelope) {
		add_metadata(w);
		add_spec(w, k);
	} else {
		add_members(w, k, "", NULL);
	}
	pm_jw_object_end(w);
	if (k->envelope)
		pm_jw_raw(w, "required", "[\"apiVersion\",\"kind\",\"metadata\",\"spec\"]");
	else
		add_required(w, k, "", head);
	pm_jw_bool(w, "additionalProperties", false);
	if (!k->envelope)
		add_refused(w, k);
}

/* ---- pretty printing ---- */

static void new_line(struct pm_buf *out, unsigned depth)
{
	pm_buf_addc(out, '\n');
	for (unsigned i = 0; i < depth; i++)
		pm_buf_adds(out, "  ");
}

static const char *add_string(const char *p, struct pm_buf *out)
{
	const char *start = p++;

	for (; *p != '"'; p++)
		p += *p == '\\';
	pm_buf_add(out, start, (size_t)(p - start) + 1);
	return p;
}

static void pretty(const char *json, struct pm_buf *out)
{
	unsigned depth = 0;

	for (const char *p = json; *p; p++) {
		if (*p == '"') {
			p = add_string(p, out);
		} else if ((*p == '{' || *p == '[') && (p[1] == '}' || p[1] == ']')) {
			pm_buf_add(out, p++, 2);
		} else if (*p == '{' || *p == '[') {
			pm_buf_addc(out, *p);
			new_line(out, ++depth);
		} else if (*p == '}' || *p == ']') {
			new_line(out, --depth);
			pm_buf_addc(out, *p);
		} else if (*p == ',') {
			pm_buf_addc(out, *p);
			new_line(out, depth);
		} else {
			pm_buf_adds(out, *p == ':' ? ": " : (const char[]){ *p, '\0' });
		}
	}
	pm_buf_addc(out, '\n');
}

void pm_schema_write(const struct pm_kind *k, struct pm_buf *out)
{
	cleanup_buf struct pm_buf json = PM_BUF(0);
	struct pm_jwrite w = { .out = &json };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "$schema", "http://json-schema.org/draft-07/schema#");
	if (k) {
		add_kind(&w, k);
	} else {
		pm_jw_str(&w, "title", "podmox");
		pm_jw_array(&w, "oneOf");
		for (unsigned i = 0; pm_kinds[i]; i++) {
			pm_jw_object(&w, NULL);
			add_kind(&w, pm_kinds[i]);
			pm_jw_object_end(&w);
		}
		pm_jw_array_end(&w);
	}
	pm_jw_object_end(&w);
	pretty(pm_buf_str(&json), out);
}
