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
	uint8_t state; /* enum pm_state */
	uint8_t spare;
	uint16_t column; /* where it was written; line 0: not from a file */
	uint32_t line;
	union {
		bool b;
		int64_t i;                  /* INT, MILLI, SIZE, SECONDS */
		const char *s;              /* STR; ENUM: the table's own text */
		const struct pm_list *list; /* LIST, STRMAP */
		const struct pm_secret_ref *secret;
		struct pm_rec *rec;   /* PROPS with count 0 */
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

/** Reads one scalar of a manifest: BOOL, INT, MILLI, SIZE, SECONDS, STR, ENUM, and SECRET given as the
 * text itself. `plain`: it stood without quotes in YAML (a quoted "true" is no boolean). Checks type,
 * bounds, choices and format. -PM_E_INPUT with a sentence that says what is allowed, as "must be ...",
 * without name and position. LIST, STRMAP and PROPS are told to be what they are not: an error. */
int pm_value_parse(struct pm_arena *a, const struct pm_field *f, const char *text, bool plain,
	struct pm_value *ret, struct pm_error *err) PM_CHECK;

/** Reads one item of a LIST of a manifest, or one entry of a STRMAP; collect what *ret gets and hand
 * it to pm_value_list, which takes the array over (entries of a STRMAP are sorted; keys must differ:
 * see to it before). */
int pm_item_parse(struct pm_arena *a, const struct pm_field *f, const char *text, const char **ret,
	struct pm_error *err) PM_CHECK;
int pm_entry_parse(struct pm_arena *a, const struct pm_field *f, const char *key, const char *text,
	const char **ret, struct pm_error *err) PM_CHECK;
void pm_value_list(struct pm_arena *a, const struct pm_field *f, const char **items, size_t n,
	struct pm_value *ret);

/** Reads the mapping form of a SECRET: how is "fromFile", "fromEnv" or "fromCredential". */
int pm_secret_parse(struct pm_arena *a, const char *how, const char *text, struct pm_value *ret,
	struct pm_error *err) PM_CHECK;

/** Reads a value of PVE, n bytes that need no NUL at the end: scalars as text (numbers and booleans of
 * JSON as they are written), LIST and STRMAP whole, PROPS with count 0. What PVE holds is believed:
 * bounds and formats are not checked, an ENUM may have a choice we do not know. An empty text of a
 * LIST gives a list without items, which equals "absent". -PM_E_INPUT: it has another type. */
int pm_value_decode(struct pm_arena *a, const struct pm_field *f, const char *text, size_t n,
	struct pm_value *ret, struct pm_error *err) PM_CHECK;

/** Reads a property string of PVE, n bytes, into a record. What nobody knows (sub-keys, and values of
 * another type) stays in `raw` only. -PM_E_INPUT: not the grammar of a property string. */
int pm_rec_parse(struct pm_arena *a, const struct pm_kind *k, const char *text, size_t n,
	struct pm_rec **ret, struct pm_error *err) PM_CHECK;

/** A record read by pm_rec_parse stands at a slot of a numbered list, "scsi3": notes the slot, and its
 * name in the row that has it. `f` is the row of the list. */
void pm_entry_place(
	struct pm_arena *a, const struct pm_field *f, unsigned slot, struct pm_rec *entry);

/** Checks one text against a named format; 0 or -PM_E_INPUT with a sentence. */
int pm_format_check(const char *format, const char *text, struct pm_error *err) PM_CHECK;

/** Appends a value that is PM_SET (nothing otherwise). Secrets: "***". PVE side: lists joined, records as
 * property strings. Manifest side: "8Gi", "true", lists joined by ", ", records as {name: eth0, ...}. */
void pm_value_format(
	const struct pm_field *f, enum pm_side side, const struct pm_value *v, struct pm_buf *out);
void pm_rec_format(const struct pm_rec *r, struct pm_buf *out); /* as a property string */

/** The observed property string with `want`'s values put in: order, unknown sub-keys, MAC and volume
 * stay, and so does the text of what means the same. Size and storage of a volume that exists stay too:
 * they change by calls of their own. `drop`: sub-keys (of PVE) to remove, ends with NULL; may be NULL. */
void pm_rec_merge(const struct pm_rec *want, const struct pm_rec *have, const char *const *drop,
	struct pm_buf *out);

/** A volume that grows while a change of its key waits has its size there, but not in the change. Gives `r`,
 * read from the change, the size in force of the same volume; false: it has that already. */
bool pm_rec_take_size(struct pm_arena *a, struct pm_rec *r, const char *in_force);

/** Do both mean the same to PVE? Absent equals the default; case and order as the row says; the
 * sub-keys of a record are compared only where `want` sets them. */
bool pm_value_equal(
	const struct pm_field *f, const struct pm_value *want, const struct pm_value *have);

/** Is the value absent, or equal to the row's default? */
bool pm_value_default(const struct pm_field *f, const struct pm_value *v);

/** A STRMAP of PVE (`have`, may be NULL) with the entries of `want` put in and the keys of `drop` (ends
 * with NULL, may be NULL) taken out: what to write to env. */
void pm_strmap_merge(struct pm_arena *a, const struct pm_value *want, const struct pm_value *have,
	const char *const *drop, struct pm_value *ret);

/** "200-299" as numbers; the text is known to fit the format vmid-range. */
void pm_vmid_range(const char *text, unsigned *ret_first, unsigned *ret_last);

/** Shorthands; the value must be of that type and PM_SET, else `otherwise`. */
const struct pm_value *pm_rec_get(const struct pm_rec *r, unsigned field);
const char *pm_rec_str(const struct pm_rec *r, unsigned field, const char *otherwise);
int64_t pm_rec_int(const struct pm_rec *r, unsigned field, int64_t otherwise);
bool pm_rec_bool(const struct pm_rec *r, unsigned field, bool otherwise);

/** The text that identifies an entry of a list (the IDENT row): "eth0", "/srv/media"; "" when unset. */
const char *pm_rec_ident(const struct pm_rec *r);

#endif
