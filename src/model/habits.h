/* What people write who come from elsewhere (Kubernetes, Terraform, pct, Docker), and what it is called
 * here: only for the help of a finding, nothing of it is taken. Rows live in habits.def. */
#ifndef PM_MODEL_HABITS_H
#define PM_MODEL_HABITS_H

#include "base/buf.h"
#include "model/field.h"

/** Appends the help for a key that is none, by its path in the kind ("resources.ram", "mountPath"), as
 * "use resources.memory"; false: nobody is known to write that. */
bool pm_habit_key(const struct pm_kind *k, const char *path, struct pm_buf *out);

/** The choice of a row that a word means ("started": "running"), or NULL. */
const char *pm_habit_choice(const struct pm_field *f, const char *word);

/** The kind that a word means ("Deployment": "PodSet"), or NULL. */
const char *pm_habit_kind(const char *word);

#endif
