/* A saved plan: what was shown, in a file, to be done exactly so later or not at all. The manifests are read
 * and the cluster is asked again when it is applied; the plan that comes of it must be the same one, made of
 * the same files and guests. */
#ifndef PM_RECON_SAVED_H
#define PM_RECON_SAVED_H

#include "recon/recon.h"

/** Writes a plan that was just made; owner-only. `ask` is what it was made of (paths, options). A manifest
 * that changed meanwhile is -PM_E_CONFLICT. */
int pm_saved_write(const char *file, const struct pm_recon_ask *ask, const struct pm_cycle *c,
	int64_t made_ms, struct pm_error *err) PM_CHECK;

/** Is it such a file? Cheap; false for folders, manifests and everything else. */
bool pm_saved_is(const char *file);

struct pm_saved;

/** Reads one. *ret lives in `a`. -PM_E_INPUT, -PM_E_IO. */
int pm_saved_open(
	struct pm_arena *a, const char *file, struct pm_saved **ret, struct pm_error *err) PM_CHECK;

/** What to ask pm_recon_plan for. Borrowed. */
const struct pm_recon_ask *pm_saved_ask(const struct pm_saved *s);

/** Is the plan made now the one that was saved? -PM_E_CONFLICT names the first thing that changed: a
 * manifest, a guest, or an action. Sets c->exact. */
int pm_saved_check(const struct pm_saved *s, struct pm_cycle *c, const char *set,
	struct pm_error *err) PM_CHECK;

#endif
