/* Values: json-c's objects under another name. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "lib/lib_priv.h"

podmox_value *pm_lib_value(struct json_object *o)
{
	return (podmox_value *)o;
}

/* json-c's readers take no const; none of them changes what a caller can see. */
static struct json_object *tree(const podmox_value *v)
{
	return (struct json_object *)v;
}

void podmox_value_free(podmox_value *v)
{
	json_object_put(tree(v));
}

podmox_type podmox_value_type(const podmox_value *v)
{
	switch (json_object_get_type(tree(v))) {
	case json_type_boolean:
		return PODMOX_BOOL;
	case json_type_int:
	case json_type_double:
		return PODMOX_NUMBER;
	case json_type_string:
		return PODMOX_STRING;
	case json_type_array:
		return PODMOX_LIST;
	case json_type_object:
		return PODMOX_OBJECT;
	case json_type_null:
		break;
	}
	return PODMOX_NULL;
}

size_t podmox_value_size(const podmox_value *v)
{
	if (json_object_is_type(tree(v), json_type_array))
		return json_object_array_length(tree(v));
	if (json_object_is_type(tree(v), json_type_object))
		return (size_t)json_object_object_length(tree(v));
	return 0;
}

/* The i-th member; NULL: there are not so many. */
static struct lh_entry *member(const podmox_value *v, size_t i)
{
	struct lh_entry *e;

	if (!json_object_is_type(tree(v), json_type_object))
		return NULL;
	e = lh_table_head(json_object_get_object(tree(v)));
	while (e && i-- > 0)
		e = lh_entry_next(e);
	return e;
}

const podmox_value *podmox_value_at(const podmox_value *v, size_t i)
{
	struct lh_entry *e;

	if (json_object_is_type(tree(v), json_type_array))
		return i < podmox_value_size(v)
			       ? pm_lib_value(json_object_array_get_idx(tree(v), i))
			       : NULL;
	e = member(v, i);
	return e ? pm_lib_value((struct json_object *)lh_entry_v(e)) : NULL;
}

const char *podmox_value_key(const podmox_value *v, size_t i)
{
	struct lh_entry *e = member(v, i);

	return e ? lh_entry_k(e) : NULL;
}

const podmox_value *podmox_value_get(const podmox_value *v, const char *key)
{
	return pm_lib_value(pm_json_get(tree(v), key));
}

const char *podmox_value_text(const podmox_value *v, const char *otherwise)
{
	switch (podmox_value_type(v)) {
	case PODMOX_BOOL:
	case PODMOX_NUMBER:
	case PODMOX_STRING:
		return json_object_get_string(tree(v));
	default:
		return otherwise;
	}
}

int64_t podmox_value_int(const podmox_value *v, int64_t otherwise)
{
	int64_t n;

	switch (podmox_value_type(v)) {
	case PODMOX_BOOL:
	case PODMOX_NUMBER:
		return json_object_get_int64(tree(v));
	case PODMOX_STRING:
		if (pm_parse_int(json_object_get_string(tree(v)), INT64_MIN, INT64_MAX, &n) == 0)
			return n;
		return otherwise;
	default:
		return otherwise;
	}
}

double podmox_value_double(const podmox_value *v, double otherwise)
{
	const char *text;
	char *end;
	double d;

	if (podmox_value_type(v) == PODMOX_NUMBER)
		return json_object_get_double(tree(v));
	text = podmox_value_text(v, NULL);
	if (!text || !*text)
		return otherwise;
	d = strtod(text, &end);
	return *end == '\0' ? d : otherwise;
}

int podmox_value_bool(const podmox_value *v, int otherwise)
{
	static const char *const yes[] = { "1", "true", "on", "yes" };
	static const char *const no[] = { "0", "false", "off", "no", "" };
	const char *text = podmox_value_text(v, NULL);

	for (size_t i = 0; text && i < PM_COUNT(yes); i++) {
		if (strcmp(text, yes[i]) == 0)
			return 1;
	}
	for (size_t i = 0; text && i < PM_COUNT(no); i++) {
		if (strcmp(text, no[i]) == 0)
			return 0;
	}
	return otherwise;
}

const char *podmox_value_get_text(const podmox_value *v, const char *key, const char *otherwise)
{
	return podmox_value_text(podmox_value_get(v, key), otherwise);
}

int64_t podmox_value_get_int(const podmox_value *v, const char *key, int64_t otherwise)
{
	return podmox_value_int(podmox_value_get(v, key), otherwise);
}

const char *podmox_value_json(const podmox_value *v)
{
	return json_object_to_json_string_ext(
		tree(v), JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
}
