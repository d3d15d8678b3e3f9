/* PVE's description of its API, read from the file given: which methods there are and what each of
 * their parameters must be. Nothing of it is built in. */
#include <json-c/json.h>

#include "base/file.h"
#include "base/map.h"
#include "sim/schema_priv.h"

struct sim_schema {
	struct pm_arena *arena;
	struct pm_map methods; /* "GET /path" -> struct sim_method */
	PM_VEC(struct sim_pattern *) patterns;
};

static enum sim_type type_of(const char *s)
{
	static const char *const names[] = { "string", "integer", "number", "boolean", "array",
		"object", "null" };

	for (size_t i = 0; s && i < PM_COUNT(names); i++)
		if (!strcmp(s, names[i]))
			return (enum sim_type)i;
	return SIM_T_STRING;
}

static void read_specs(struct sim_schema *d, struct json_object *o, struct sim_specs *ret);

static double number(struct json_object *o)
{
	return json_object_get_double(o); /* of text too: some limits are quoted */
}

static void read_limits(struct sim_schema *d, struct json_object *o, struct sim_spec *sp)
{
	struct json_object *v;

	sp->has_min = json_object_object_get_ex(o, "minimum", &v);
	sp->min = sp->has_min ? number(v) : 0;
	sp->has_max = json_object_object_get_ex(o, "maximum", &v);
	sp->max = sp->has_max ? number(v) : 0;
	sp->min_length = pm_json_int(o, "minLength", -1);
	sp->max_length = pm_json_int(o, "maxLength", -1);
	v = pm_json_get(o, "enum");
	if (v && json_object_is_type(v, json_type_array)) {
		sp->nchoices = json_object_array_length(v);
		sp->choices = pm_new_n(d->arena, const char *, sp->nchoices);
		for (size_t i = 0; i < sp->nchoices; i++)
			sp->choices[i] = pm_arena_strdup(
				d->arena, json_object_get_string(json_object_array_get_idx(v, i)));
	}
	if (pm_json_str(o, "pattern")) {
		sp->pattern = pm_s_pattern(pm_json_str(o, "pattern"));
		if (sp->pattern)
			pm_vec_push(&d->patterns, sp->pattern);
	}
}

static const char *text(struct sim_schema *d, struct json_object *o, const char *key)
{
	const char *s = pm_json_str(o, key);

	return s ? pm_arena_strdup(d->arena, s) : NULL;
}

static void read_spec(
	struct sim_schema *d, const char *name, struct json_object *o, struct sim_spec *sp)
{
	struct json_object *format = pm_json_get(o, "format");
	struct json_object *items = pm_json_get(o, "items");
	const char *bracket = strchr(name, '[');

	sp->numbered = bracket && !strcmp(bracket, "[n]");
	sp->name = pm_arena_strndup(
		d->arena, name, sp->numbered ? (size_t)(bracket - name) : strlen(name));
	sp->type = type_of(pm_json_str(o, "type"));
	sp->optional = pm_json_bool(o, "optional", false);
	sp->requires = text(d, o, "requires");
	sp->alias = text(d, o, "alias");
	sp->key_alias = text(d, o, "keyAlias");
	sp->default_key = pm_json_bool(o, "default_key", false);
	read_limits(d, o, sp);
	if (format && json_object_is_type(format, json_type_object)) {
		sp->sub = pm_new(d->arena, struct sim_specs);
		read_specs(d, format, sp->sub);
	} else if (format) {
		sp->format = text(d, o, "format");
	}
	if (items && json_object_is_type(items, json_type_object)) {
		sp->items = pm_new(d->arena, struct sim_spec);
		read_spec(d, "", items, sp->items);
	}
}

static void read_specs(struct sim_schema *d, struct json_object *o, struct sim_specs *ret)
{
	size_t n = (size_t)json_object_object_length(o);

	ret->v = pm_new_n(d->arena, struct sim_spec, n + 1);
	json_object_object_foreach(o, name, spec)
	{
		if (json_object_is_type(spec, json_type_object))
			read_spec(d, name, spec, &ret->v[ret->n++]);
	}
}

static void read_method(
	struct sim_schema *d, const char *path, const char *name, struct json_object *o)
{
	struct json_object *parameters = pm_json_get(o, "parameters");
	struct json_object *properties = pm_json_get(parameters, "properties");
	struct sim_method *m = pm_new(d->arena, struct sim_method);

	m->any = parameters && pm_json_bool(parameters, "additionalProperties", true);
	m->any |= parameters && pm_json_get(parameters, "allOf");
	if (properties && json_object_is_type(properties, json_type_object))
		read_specs(d, properties, &m->params);
	pm_map_set(&d->methods, pm_arena_printf(d->arena, "%s %s", name, path), m);
}

static void read_methods(struct sim_schema *d, const char *path, struct json_object *info)
{
	json_object_object_foreach(info, name, method) read_method(d, path, name, method);
}

static void read_tree(struct sim_schema *d, struct json_object *list)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *dir = json_object_array_get_idx(list, i);
		struct json_object *info = pm_json_get(dir, "info");
		struct json_object *children = pm_json_get(dir, "children");
		const char *path = pm_json_str(dir, "path");

		if (info && path && json_object_is_type(info, json_type_object))
			read_methods(d, path, info);
		if (children && json_object_is_type(children, json_type_array))
			read_tree(d, children);
	}
}

int pm_s_schema_load(struct sim_schema **ret, const char *path, struct pm_error *err)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct json_object *tree cleanup_json = NULL;
	struct sim_schema *d;

	if (pm_file_read(AT_FDCWD, path, 64 << 20, &b, err) != 0)
		return pm_error_wrap(err, "the schema given by --schema");
	if (pm_json_parse(pm_buf_str(&b), b.len, &tree, err) != 0) {
		err->code = PM_E_INPUT;
		return pm_error_wrap(err, "the schema %s", path);
	}
	if (!tree || !json_object_is_type(tree, json_type_array))
		return pm_error_set(err, PM_E_INPUT,
			"the schema %s is no list of API paths: give PVE's schema.json", path);
	d = pm_xcalloc(1, sizeof(*d));
	d->arena = pm_arena_new(1 << 20);
	read_tree(d, tree);
	*ret = d;
	return 0;
}

void pm_s_schema_free(struct sim_schema *d)
{
	if (!d)
		return;
	for (size_t i = 0; i < d->patterns.n; i++)
		pm_s_pattern_free(d->patterns.v[i]);
	pm_vec_done(&d->patterns);
	pm_map_done(&d->methods);
	pm_arena_free(d->arena);
	free(d);
}

const struct sim_method *pm_s_schema_method(
	const struct sim_schema *d, const char *method, const char *path)
{
	char key[256], *to;

	to = key + snprintf(key, sizeof(key), "%s ", method);
	for (; *path && to < key + sizeof(key) - 1; path++)
		if (*path != '*') /* our sign for "all that follows" */
			*to++ = *path;
	*to = '\0';
	return pm_map_get(&d->methods, key);
}
