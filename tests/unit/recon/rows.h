/* Every row of Pods and of virtual machines with values to try, for the tests that loop over rows. A new row is tried as soon as
 * it stands in the table; when it has a format of its own it needs a sample in rows.c, and the test says so. */
#ifndef PM_TEST_ROWS_H
#define PM_TEST_ROWS_H

#include "world.h"

/** A row, or the sub-row of a record. */
struct spot {
	const struct pm_kind *kind;
	const struct pm_field *f;      /* the row */
	const struct pm_field *parent; /* of a sub-row; NULL: a row of the kind */
	const char *name;              /* for samples and messages */
};

/** Calls fn for every row of the kind that can be tried alone. */
void rows_each(const struct pm_kind *k, void (*fn)(const struct spot *s, void *arg), void *arg);

/** Makes what manifests name: pools, and the template 9000 for virtual machines. */
void rows_world(struct world *w, const struct spot *s);

/** The object of the manifests, "Pod/default/web", and PVE's key that the row's value stands at; NULL: it has
 * none. */
const char *rows_id(struct world *w, const struct spot *s);
const char *rows_key(struct world *w, const struct spot *s);

/** Two values of the row as they stand in a manifest; *b NULL: only one can be used here, *a NULL: none can. */
void rows_sample(struct world *w, const struct spot *s, const char **a, const char **b);

/** A manifest of default/web with that value of the row; NULL: without it. */
const char *rows_manifest(
	struct world *w, const struct spot *s, const char *value, const char *state);

/** Does what is written at the key of that guest's configuration wait for a restart? *ret_to: what it waits with; ""
 * when it is to go. NULL: not wanted. */
bool rows_waits(struct world *w, const struct pm_kind *k, const char *key, const char **ret_to);

/** Must a manifest hold it, at least where its record stands? */
bool rows_required(const struct spot *s);

/** Is it a setting that takes effect at once or waits: no call of its own, and read by more than a creation? */
bool rows_is_setting(const struct spot *s);

/** Which rows were tried by this program, while they took effect at once and while they waited. f NULL: none. */
void rows_note_tried(const struct pm_field *f, bool waited);
bool rows_was_tried(const struct pm_field *f, bool waited);

#endif
