/* What the tests of this room share. */
#ifndef PM_MODEL_TEST_H
#define PM_MODEL_TEST_H

#include "model/model_priv.h"
#include "pm_test.h"

/** A property string that is fine, as a record. */
struct pm_rec *rec_of(struct pm_arena *a, const struct pm_kind *k, const char *text);

/** Sets a row by its name, as a manifest would; text NULL: null. */
void rec_set(struct pm_arena *a, struct pm_rec *r, const char *name, const char *text);

/** The property string it is printed as, or merged into what is there, must be this. */
void rec_prints(const struct pm_rec *r, const char *want);
void rec_merges(const struct pm_rec *want, const struct pm_rec *have, const char *const *drop,
	const char *text);

#endif
