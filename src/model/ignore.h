/* Settings that an object leaves to others (lifecycle.ignore): made with the guest, and from then on neither
 * compared nor written. */
#ifndef PM_MODEL_IGNORE_H
#define PM_MODEL_IGNORE_H

#include "model/obj.h"

/** The object as it is compared with and written to its guest: what it ignores is as the guest has it. `want` itself
 * when it ignores nothing. */
const struct pm_obj *pm_obj_ignoring(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have) PM_CHECK;

/** Is there such a setting, as "resources.memory", "resources", "volumes./data" or "env.TZ", and can it be left to
 * others? NULL, or what is wrong with it. */
const char *pm_ignore_fault(
	struct pm_arena *a, const struct pm_rec *spec, const char *path) PM_CHECK;

#endif
