/* Values: results of calls, as trees of JSON, with accessors that take Proxmox VE's sloppy types as they
 * come (numbers as text, booleans as 0 and 1). */
#ifndef PODMOX_VALUE_H
#define PODMOX_VALUE_H

#include <podmox/export.h>

#include <stddef.h>
#include <stdint.h>

PODMOX_BEGIN

typedef struct podmox_value podmox_value;

typedef enum podmox_type {
	PODMOX_NULL = 0,
	PODMOX_BOOL = 1,
	PODMOX_NUMBER = 2,
	PODMOX_STRING = 3,
	PODMOX_LIST = 4,
	PODMOX_OBJECT = 5
} podmox_type;

/** Frees the whole tree. Only for values that a call gave through `**ret`; members are borrowed from it. */
PODMOX_API void podmox_value_free(podmox_value *v);

/** Type; PODMOX_NULL for NULL. */
PODMOX_API podmox_type podmox_value_type(const podmox_value *v);

/** Items of a list or members of an object; 0 otherwise. */
PODMOX_API size_t podmox_value_size(const podmox_value *v);

/** The i-th item of a list or member of an object; NULL beyond the last. Borrowed. Members are found by
 * counting: a loop over a very large object takes the square of its size. */
PODMOX_API const podmox_value *podmox_value_at(const podmox_value *v, size_t i);

/** Name of the i-th member of an object; NULL otherwise. Borrowed. */
PODMOX_API const char *podmox_value_key(const podmox_value *v, size_t i);

/** A member by its name; NULL: it has none. Borrowed. */
PODMOX_API const podmox_value *podmox_value_get(const podmox_value *v, const char *key);

/** The value itself as text (of a string, number or boolean), number, decimal number, truth; `otherwise`
 * where it is none. Text is borrowed. */
PODMOX_API const char *podmox_value_text(const podmox_value *v, const char *otherwise);
PODMOX_API int64_t podmox_value_int(const podmox_value *v, int64_t otherwise);
PODMOX_API double podmox_value_double(const podmox_value *v, double otherwise);
PODMOX_API int podmox_value_bool(const podmox_value *v, int otherwise);

/** The same of a member: podmox_value_text(podmox_value_get(v, key), otherwise) and so on. */
PODMOX_API const char *podmox_value_get_text(
	const podmox_value *v, const char *key, const char *otherwise);
PODMOX_API int64_t podmox_value_get_int(const podmox_value *v, const char *key, int64_t otherwise);

/** The whole tree as JSON. Lives until the next such call on the same tree or its end. */
PODMOX_API const char *podmox_value_json(const podmox_value *v);

PODMOX_END

#endif
