/* What the files of model share among themselves. */
#ifndef PM_MODEL_PRIV_H
#define PM_MODEL_PRIV_H

#include "model/volume.h"

/** A named form of texts. */
struct pm_format {
	const char *name;
	bool (*fits)(const char *s);                /* NULL: what the pattern takes */
	bool (*same)(const char *a, const char *b); /* NULL: equal as text */
	const char *pattern;                        /* for JSON Schema; NULL: none */
	const char *what;                           /* "must be ..." */
};

/** Those of virtual machines; ends with a name NULL. */
extern const struct pm_format pm_formats_vm[];

/** By name; NULL: none. */
const struct pm_format *pm_format_find(const char *name);

/** Appends what is wrong with a text that does not fit its format, or what was probably meant (why.c). */
void pm_format_why(const char *format, const char *text, struct pm_buf *out);

/** Rows of a record in the order in which PVE prints a property string: head, needed ones, the rest by
 * key. As many as rows with a key; the count goes to *ret_n. */
const uint8_t *pm_kind_order(const struct pm_kind *k, unsigned *ret_n);

/** Number of records: kinds that stand in files and those inside them, for loops over all rows. */
extern const struct pm_kind *const pm_all_kinds[];

/** A record of PVE in which a value stands behind another one as its key: virtio=BC:24:11:00:00:01. */
struct pm_keyed_shape {
	const struct pm_kind *kind;
	unsigned key, value; /* rows */
};
const struct pm_keyed_shape *pm_keyed_shape(const struct pm_kind *k);

/** Fills the rows that a volume at PVE stands for, once it was read: its storage, or what is attached. */
void pm_volume_derive(struct pm_arena *a, struct pm_rec *r, const struct pm_volume_shape *shape);

/** Writes what identifies the volume; true: a new one, whose size is in there or told by an image. */
bool pm_volume_add(const struct pm_rec *r, const struct pm_volume_shape *s, struct pm_buf *out);

/** The head of a property string stands without its key, unless it would be taken for key=value. */
void pm_head_add(const char *key, const char *text, struct pm_buf *out);

extern const char *const pm_choices_state[], *const pm_choices_allow[],
						     *const pm_choices_on_remove[];

/** Is the record's every set value what absence means? */
bool pm_rec_default(const struct pm_rec *r);
bool pm_rec_equal(const struct pm_rec *want, const struct pm_rec *have);

/** The number of rows of choices. */
size_t pm_choices_count(const char *const *choices);

/** "from 1 to 8192", "of at least 16", in the words of manifests; "" when there is no bound. */
void pm_range_words(const struct pm_field *f, struct pm_buf *out);

/** When a change takes effect, in the words of plans: "live", "pending", "resize", ... `in` is the row of
 * the record that holds f; NULL: none. */
const char *pm_impact(const struct pm_field *f, const struct pm_field *in);

/** The default as manifests write it; false: none. */
bool pm_default_words(const struct pm_field *f, struct pm_buf *out);

/** Length of the group that a name stands in, behind `prefix` bytes: 9 for "resources.memory"; 0: none. */
size_t pm_group_length(const char *name, size_t prefix);

/** The same of a row; a FLAT one stands in the group that is called like it. */
size_t pm_row_group(const struct pm_field *f, size_t prefix);

/** Does the row stand below the n bytes of a prefix ("" or "cpu."), and in manifests at all? */
bool pm_row_in_group(const struct pm_field *f, const char *prefix, size_t n);

/** Is row i the first of the group that the first n bytes of its name say? */
bool pm_group_first(const struct pm_kind *k, unsigned i, size_t n);

/** One entry of metadata, for schema and documents. */
struct pm_meta_row {
	const char *name, *type, *pattern, *def, *doc;
	bool required;
};
extern const struct pm_meta_row pm_meta_rows[3];

#endif
