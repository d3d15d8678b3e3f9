/* The JSON reader, trees and writer: whatever comes in, what was read is written, and what was written
 * is read as the same events. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Writes one event; the last key is kept by the caller. */
static void copy_event(struct pm_jwrite *w, struct pm_jread *r, enum pm_json_event e, char **key)
{
	switch (e) {
	case PM_J_OBJECT:
		pm_jw_object(w, *key);
		break;
	case PM_J_OBJECT_END:
		pm_jw_object_end(w);
		break;
	case PM_J_ARRAY:
		pm_jw_array(w, *key);
		break;
	case PM_J_ARRAY_END:
		pm_jw_array_end(w);
		break;
	case PM_J_STRING:
		pm_assert(pm_utf8_valid(r->s, r->n) == r->n);
		pm_jw_strn(w, *key, r->s, r->n);
		break;
	case PM_J_NUMBER:
		pm_jw_raw(w, *key, pm_jread_term(r));
		break;
	default:
		pm_jw_raw(w, *key, e == PM_J_NULL ? "null" : e == PM_J_TRUE ? "true" : "false");
		break;
	}
	*key = NULL;
}

/* Reads text and writes it again; false when it is no JSON. A key with a NUL cannot be written. */
static bool rewrite(const char *text, size_t n, struct pm_buf *out)
{
	cleanup_free char *copy = pm_xcalloc(1, n + 1);
	struct pm_jwrite w = { .out = out };
	struct pm_jread r;
	enum pm_json_event e;
	char *key = NULL;

	if (n > 0)
		memcpy(copy, text, n);
	pm_jread_init(&r, copy, n);
	while ((e = pm_jread_next(&r)) != PM_J_END) {
		if (e == PM_J_ERROR)
			return false;
		if (e != PM_J_KEY) {
			copy_event(&w, &r, e, &key);
			continue;
		}
		key = pm_jread_term(&r);
		if (strlen(key) != r.n)
			return false;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	cleanup_buf struct pm_buf once = PM_BUF(0);
	cleanup_buf struct pm_buf twice = PM_BUF(0);
	cleanup_json struct json_object *tree = NULL;
	struct pm_error err;
	bool good = rewrite((const char *)data, size, &once);

	/* The tree agrees with the stream about what JSON is. */
	pm_assert((pm_json_parse((const char *)data, size, &tree, &err) == 0) == good);
	if (!good)
		return 0;
	pm_assert(rewrite(pm_buf_str(&once), once.len, &twice));
	pm_assert(once.len == twice.len && memcmp(once.p, twice.p, once.len) == 0);
	return 0;
}
