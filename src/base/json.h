/* JSON: reading as a stream, building and printing as text. The only room that speaks to json-c about
 * trees is whoever includes <json-c/json.h> itself; here is what all need. */
#ifndef PM_BASE_JSON_H
#define PM_BASE_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/error.h"

/* ---- trees (json-c), for small answers ---- */

struct json_object;

/** Parses one complete JSON text of at most 64 levels. -PM_E_PROTOCOL when it is none, with line and
 * column; JSON null gives a NULL result and 0. As strict as the stream below, and a key may hold no
 * NUL. Owner of *ret: the caller (pm_json_putp). */
int pm_json_parse(const char *s, size_t n, struct json_object **ret, struct pm_error *err) PM_CHECK;
void pm_json_putp(struct json_object **o);
/** One more owner of a part of a tree, which then outlives the rest. Returns it. */
struct json_object *pm_json_hold(struct json_object *o);

/** Member of an object or NULL; lenient readers for PVE's sloppy types: numbers come as text, booleans
 * as 0/1. `o` may be NULL or no object. Text of a number or boolean lives as long as the member. A
 * fraction is cut off. */
struct json_object *pm_json_get(struct json_object *o, const char *key);
const char *pm_json_str(struct json_object *o, const char *key); /* NULL: not there, or no scalar */
int64_t pm_json_int(struct json_object *o, const char *key, int64_t otherwise);
bool pm_json_bool(struct json_object *o, const char *key, bool otherwise);

/* ---- stream: a pull reader without allocation, for large answers ---- */

enum pm_json_event {
	PM_J_ERROR,
	PM_J_END, /* the text ended where it should */
	PM_J_OBJECT,
	PM_J_OBJECT_END,
	PM_J_ARRAY,
	PM_J_ARRAY_END,
	PM_J_KEY,    /* s, n */
	PM_J_STRING, /* s, n */
	PM_J_NUMBER, /* s, n: as written */
	PM_J_TRUE,
	PM_J_FALSE,
	PM_J_NULL,
};

/** A reader over text that it may change: escapes are resolved in place. Strings may hold NUL bytes:
 * use n. At most 64 levels. RFC 8259 to the letter: no trailing comma, no control character in a
 * string, nothing behind the end; a string that is not UTF-8 is an error; half a surrogate pair is read
 * as U+FFFD. A key that comes twice is the caller's business. */
struct pm_jread {
	char *p, *end, *start; /* p: what has been read */
	char *s; /* of the last key, string or number; NUL-terminated only after pm_jread_term() */
	size_t n;
	const char *error;  /* after PM_J_ERROR: what is wrong */
	uint64_t in_object; /* one bit a level */
	unsigned depth;
	int state;
};

/** text[n] must be '\0', as behind the text of every pm_buf. */
void pm_jread_init(struct pm_jread *r, char *text, size_t n);
enum pm_json_event pm_jread_next(struct pm_jread *r);

/** Passes over the value whose first event was `first` (all of an object or array). false: bad JSON. */
bool pm_jread_skip(struct pm_jread *r, enum pm_json_event first) PM_CHECK;

/** Puts a NUL behind the last key, string or number and returns it. Once for each event. */
char *pm_jread_term(struct pm_jread *r);

/** Is the last key or string this word? */
bool pm_jread_is(const struct pm_jread *r, const char *word);

/** Makes an error of PM_J_ERROR (or of an event that does not fit: then `expected` says what would):
 * code PROTOCOL, with line and column. Returns -PM_E_PROTOCOL. */
int pm_jread_error(const struct pm_jread *r, const char *expected, struct pm_error *err);

/* ---- writing: appends to a buffer; commas are the writer's business ---- */

/** Text that is not UTF-8 is written with U+FFFD for each bad byte. Integers beyond 2^53 are written in
 * full. */
struct pm_jwrite {
	struct pm_buf *out;
	bool comma;
};

void pm_jw_object(struct pm_jwrite *w, const char *key); /* key NULL: no key */
void pm_jw_object_end(struct pm_jwrite *w);
void pm_jw_array(struct pm_jwrite *w, const char *key);
void pm_jw_array_end(struct pm_jwrite *w);
void pm_jw_str(struct pm_jwrite *w, const char *key, const char *s); /* NULL: null */
void pm_jw_strn(struct pm_jwrite *w, const char *key, const char *s, size_t n);
void pm_jw_int(struct pm_jwrite *w, const char *key, int64_t i);
void pm_jw_bool(struct pm_jwrite *w, const char *key, bool b);
void pm_jw_raw(struct pm_jwrite *w, const char *key, const char *json);

#endif
