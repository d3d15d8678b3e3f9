/* Settings that are left to others, by the object (lifecycle.ignore) or by the configuration (ignore): made with the guest, and from then on neither
 * compared nor written. */
#ifndef PM_MODEL_IGNORE_H
#define PM_MODEL_IGNORE_H

#include "model/obj.h"

/** The object as it is compared with and written to its guest: what it ignores is as the guest has it. `want` itself
 * when it ignores nothing. */
const struct pm_obj *pm_obj_ignoring(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have) PM_CHECK;

/** Gives each object of the set what the rules of the configuration leave to others, in place of what it had of that
 * before. The memory is the arena's. */
void pm_ignore_rules(struct pm_arena *a, const struct pm_rec *config, struct pm_set *set);

/** Is there such a setting, as "resources.memory", "resources", "volumes./data" or "env.TZ", and can it be left to
 * others? NULL, or what is wrong with it. */
const char *pm_ignore_fault(
	struct pm_arena *a, const struct pm_rec *spec, const char *path) PM_CHECK;

#endif
