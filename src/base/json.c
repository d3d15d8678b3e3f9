/* JSON trees for small answers, built by our own reader: one grammar for the whole program. */
#include "base/json.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"

#define DEPTH_MAX 64

struct json_object *pm_json_hold(struct json_object *o)
{
	return json_object_get(o);
}

void pm_json_putp(struct json_object **o)
{
	json_object_put(*o);
	*o = NULL;
}

static struct json_object *number_of(struct pm_jread *r)
{
	const char *text = pm_jread_term(r);
	int64_t i;

	if (pm_parse_int(text, INT64_MIN, INT64_MAX, &i) == 0)
		return json_object_new_int64(i);
	/* Keeps the text, so that nothing is lost when it is printed again. */
	return json_object_new_double_s(strtod(text, NULL), text);
}

static struct json_object *scalar_of(struct pm_jread *r, enum pm_json_event event)
{
	switch (event) {
	case PM_J_STRING:
		return json_object_new_string_len(r->s, (int)r->n);
	case PM_J_NUMBER:
		return number_of(r);
	case PM_J_TRUE:
	case PM_J_FALSE:
		return json_object_new_boolean(event == PM_J_TRUE);
	case PM_J_OBJECT:
		return json_object_new_object();
	case PM_J_ARRAY:
		return json_object_new_array();
	default:
		return NULL;
	}
}

static void hang_in(struct json_object *parent, const char *key, struct json_object *o)
{
	int r;

	if (json_object_is_type(parent, json_type_array))
		r = json_object_array_add(parent, o);
	else
		r = json_object_object_add(parent, key, o);
	pm_assert(r == 0);
}

/* Builds the tree in *root; what is built so far hangs in it whatever happens. */
static int build(struct pm_jread *r, struct json_object **root, struct pm_error *err)
{
	struct json_object *open[DEPTH_MAX];
	const char *key = NULL;
	enum pm_json_event event;

	while ((event = pm_jread_next(r)) != PM_J_END) {
		struct json_object *o;
		unsigned level = r->depth;

		if (event == PM_J_ERROR)
			return pm_jread_error(r, NULL, err);
		if (event == PM_J_OBJECT_END || event == PM_J_ARRAY_END)
			continue;
		if (event == PM_J_KEY) {
			key = pm_jread_term(r);
			if (strlen(key) != r->n)
				return pm_jread_error(r, "a key without a NUL", err);
			continue;
		}
		if (event == PM_J_OBJECT || event == PM_J_ARRAY)
			level--;
		o = scalar_of(r, event);
		if (level == 0)
			*root = o;
		else
			hang_in(open[level - 1], key, o);
		if (level < r->depth)
			open[level] = o;
	}
	return 0;
}

int pm_json_parse(const char *s, size_t n, struct json_object **ret, struct pm_error *err)
{
	cleanup_json struct json_object *root = NULL;
	cleanup_free char *copy = NULL;
	struct pm_jread r;
	int rc;

	if (n > INT32_MAX - 1)
		return pm_error_set(err, PM_E_LIMIT, "a JSON text of %zu bytes is too large", n);
	copy = pm_xrealloc(NULL, n + 1);
	if (n > 0)
		memcpy(copy, s, n);
	copy[n] = '\0';
	pm_jread_init(&r, copy, n);
	rc = build(&r, &root, err);
	if (rc < 0)
		return rc;
	*ret = root;
	root = NULL;
	return 0;
}

struct json_object *pm_json_get(struct json_object *o, const char *key)
{
	struct json_object *member = NULL;

	if (!json_object_is_type(o, json_type_object))
		return NULL;
	(void)json_object_object_get_ex(o, key, &member);
	return member;
}

const char *pm_json_str(struct json_object *o, const char *key)
{
	struct json_object *member = pm_json_get(o, key);

	switch (json_object_get_type(member)) {
	case json_type_string:
	case json_type_int:
	case json_type_double:
	case json_type_boolean:
		return json_object_get_string(member);
	default:
		return NULL;
	}
}

static int64_t int_of_double(double d, int64_t otherwise)
{
	return d > -9.2e18 && d < 9.2e18 ? (int64_t)d : otherwise;
}

static int64_t int_of_text(const char *s, int64_t otherwise)
{
	int64_t i;
	char *end;
	double d;

	if (pm_parse_int(s, INT64_MIN, INT64_MAX, &i) == 0)
		return i;
	d = strtod(s, &end);
	return end != s && *end == '\0' ? int_of_double(d, otherwise) : otherwise;
}

int64_t pm_json_int(struct json_object *o, const char *key, int64_t otherwise)
{
	struct json_object *member = pm_json_get(o, key);

	switch (json_object_get_type(member)) {
	case json_type_int:
		return json_object_get_int64(member);
	case json_type_boolean:
		return json_object_get_boolean(member);
	case json_type_double:
		return int_of_double(json_object_get_double(member), otherwise);
	case json_type_string:
		return int_of_text(json_object_get_string(member), otherwise);
	default:
		return otherwise;
	}
}

bool pm_json_bool(struct json_object *o, const char *key, bool otherwise)
{
	static const char *const words[] = { "0", "1", "no", "yes", "off", "on", "false", "true" };
	struct json_object *member = pm_json_get(o, key);
	const char *s;

	if (json_object_is_type(member, json_type_int))
		return json_object_get_int64(member) != 0;
	if (json_object_is_type(member, json_type_boolean))
		return json_object_get_boolean(member);
	s = pm_json_str(o, key);
	for (size_t i = 0; s && i < PM_COUNT(words); i++) {
		if (strcmp(s, words[i]) == 0)
			return i % 2 == 1;
	}
	return otherwise;
}
