/* Values and records: what the rows of a field table hold. Values live in an arena and are never freed
 * one by one; once built they are constant, and any thread may read them. */
#ifndef PM_MODEL_VALUE_H
#define PM_MODEL_VALUE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "model/field.h"

enum pm_state {
	PM_UNSET, /* not mentioned: not managed */
	PM_NULL,  /* mentioned as null: must be absent */
	PM_SET,
};

/** Whose words a text is in: 8Gi and true, or 8G and 1. */
enum pm_side { PM_MANIFEST, PM_PVE };

struct pm_list {
	size_t n;
	const char **v;
};

/** Where a secret comes from. Its text is read as late as possible (security/secret.h). */
struct pm_secret_ref {
	enum { PM_SECRET_LITERAL, PM_SECRET_FILE, PM_SECRET_ENV, PM_SECRET_CREDENTIAL } from;
	const char *text; /* the literal, the path, the variable or the credential's name */
};

struct pm_rec;
struct pm_recs {
	size_t n;
	struct pm_rec **v;
};

struct pm_value {
	uint8_t state;   /* enum pm_state */
	uint8_t spare;
	uint16_t column; /* where it was written; line 0: not from a file */
	uint32_t line;
	union {
		bool b;
		int64_t i; /* INT, MILLI, SIZE, SECONDS */
		const char *s; /* STR; ENUM: the table's own text */
		const struct pm_list *list; /* LIST, STRMAP */
		const struct pm_secret_ref *secret;
		struct pm_rec *rec; /* PROPS with count 0 */
		struct pm_recs *recs; /* PROPS with count > 0 */
	} u;
};

/** The values of one record, one a row of its kind. */
struct pm_rec {
	const struct pm_kind *kind;
	const char *raw; /* of PVE: the property string as observed; NULL: from a manifest */
	uint32_t slot;   /* N of netN; PM_NO_SLOT in a manifest until slots are assigned */
	uint32_t line;
	struct pm_value val[]; /* kind->nfields */
};

#define PM_NO_SLOT UINT32_MAX

struct pm_rec *pm_rec_new(struct pm_arena *a, const struct pm_kind *k) PM_CHECK;

/** Reads one scalar. `plain`: it stood without quotes in YAML (a quoted "true" is no boolean). Checks
 * type, bounds, choices and format. For LIST of PVE the whole joined text; not for PROPS of a manifest.
 * Errors: -PM_E_INPUT with a sentence that says what is allowed, without a position. */
int pm_value_parse(struct pm_arena *a, const struct pm_field *f, enum pm_side side, const char *text,
	bool plain, struct pm_value *ret, struct pm_error *err) PM_CHECK;

/** Reads a property string of PVE into a record. Sub-keys nobody knows are kept in `raw`. */
int pm_rec_parse(struct pm_arena *a, const struct pm_kind *k, const char *text, struct pm_rec **ret,
	struct pm_error *err) PM_CHECK;

/** Checks one text against a named format; 0 or -PM_E_INPUT with a sentence. */
int pm_format_check(const char *format, const char *text, struct pm_error *err) PM_CHECK;

/** Appends the value. Secrets: "***". PVE side: lists joined, records as property strings. */
void pm_value_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out);
void pm_rec_format(const struct pm_rec *r, struct pm_buf *out); /* as a property string */

/** The observed property string with `want`'s values put in: order, unknown sub-keys, MAC and volume
 * stay. `drop`: sub-keys to remove, ends with NULL; may be NULL. */
void pm_rec_merge(const struct pm_rec *want, const struct pm_rec *have, const char *const *drop,
	struct pm_buf *out);

/** Do both mean the same to PVE? Absent equals the default; case and order as the row says; the
 * sub-keys of a record are compared only where `want` sets them. */
bool pm_value_equal(
	const struct pm_field *f, const struct pm_value *want, const struct pm_value *have);

/** Shorthands; the value must be of that type and PM_SET, else `otherwise`. */
const struct pm_value *pm_rec_get(const struct pm_rec *r, unsigned field);
const char *pm_rec_str(const struct pm_rec *r, unsigned field, const char *otherwise);
int64_t pm_rec_int(const struct pm_rec *r, unsigned field, int64_t otherwise);
bool pm_rec_bool(const struct pm_rec *r, unsigned field, bool otherwise);

/** The text that identifies an entry of a list (the IDENT row): "eth0", "/srv/media"; "" when unset. */
const char *pm_rec_ident(const struct pm_rec *r);

#endif
