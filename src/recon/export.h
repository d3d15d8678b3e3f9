/* Guests as manifests: for `podmox export`, whoever made them. Pure. */
#ifndef PM_RECON_EXPORT_H
#define PM_RECON_EXPORT_H

#include "model/obj.h"

/** Image of a guest that nobody remembers the making of. */
#define PM_EXPORT_UNKNOWN "local:vztmpl/unknown.tar.zst"

/** The manifest of a live guest whose configuration was read; planning it at once shows no change. `done`:
 * the manifests made before, whose names are taken. Values are shared with `o`. */
struct pm_obj *pm_export(
	struct pm_arena *a, const struct pm_set *done, const struct pm_obj *o) PM_CHECK;

/** What is left out of it, since PVE says something there that no manifest may say yet: "cmode=hologram". NULL:
 * nothing. */
const char *pm_export_left_out(struct pm_arena *a, const struct pm_obj *o);

#endif
