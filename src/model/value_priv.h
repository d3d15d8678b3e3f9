/* What the types of values share: one reading, and the row of functions that a type is. */
#ifndef PM_MODEL_VALUE_PRIV_H
#define PM_MODEL_VALUE_PRIV_H

#include "model/model_priv.h"

#define PM_MOST_SHOWN 80 /* of a wrong text, in a message */

/** One reading: what, for which row, from where. */
struct pm_reading {
	struct pm_arena *a;
	const struct pm_field *f;
	const char *text;
	size_t n;
	bool plain;
	struct pm_error *err;
};

/** What a type does. Both readers set state and content of the value, and nothing when they fail. */
struct pm_behaviour {
	int (*parse)(const struct pm_reading *r, struct pm_value *v);  /* of a manifest */
	int (*decode)(const struct pm_reading *r, struct pm_value *v); /* of PVE */
	void (*format)(const struct pm_field *f, enum pm_side side, const struct pm_value *v,
		struct pm_buf *out);
	bool (*equal)(
		const struct pm_field *f, const struct pm_value *want, const struct pm_value *have);
};

extern const struct pm_behaviour pm_type_bool, pm_type_int, pm_type_milli, pm_type_size,
	pm_type_seconds;
extern const struct pm_behaviour pm_type_str, pm_type_enum, pm_type_list, pm_type_strmap,
	pm_type_secret;

/** Has the row's text this many characters? */
int pm_length_check(const struct pm_field *f, const char *text, struct pm_error *err);

/** The table's own text of a choice, or NULL; and the error that lists them. */
const char *pm_choice(const struct pm_field *f, const char *text, size_t n);
int pm_bad_choice(const struct pm_field *f, const char *text, struct pm_error *err);

/** Texts as PVE keeps them where it wants only letters that mean nothing: %20 for a blank. What is no
 * such code stays as it is. */
char *pm_percent_decode(struct pm_arena *a, const char *text, size_t n, size_t *ret_n);
void pm_percent_add(const char *s, struct pm_buf *out);

/** Do both texts mean the same, by the row's format and flags? */
bool pm_same_str(const struct pm_field *f, const char *a, const char *b);

#endif
