/* Volumes that podmox has detached: the marker remembers where each was mounted, so that an entry that comes back gets
 * its own volume and never one by guess. */
#ifndef PM_MODEL_DETACHED_H
#define PM_MODEL_DETACHED_H

#include "model/marker.h"

enum pm_attach {
	PM_ATTACH_NEW,       /* nothing is known: a new volume */
	PM_ATTACH_AGAIN,     /* its volume hangs unused on the guest */
	PM_ATTACH_ELSEWHERE, /* it does, but on another storage than the entry wants */
	PM_ATTACH_WAITS,     /* it is mounted still: its removal waits for a restart */
};

/** What an entry asks for that the guest does not have. */
struct pm_attachment {
	enum pm_attach how;
	const char *volume; /* of AGAIN and ELSEWHERE */
	unsigned unused;    /* N of its key "unusedN" */
};

/** `f` is the row of the list or record, `entry` the wanted one with its slot. */
void pm_attachment_of(struct pm_arena *a, const struct pm_live *live, const struct pm_field *f,
	const struct pm_rec *entry, struct pm_attachment *ret);

/** Member `detached` of the marker after a write that takes `have` to `want`: "VOLUME NAME", a line each; ""
 * when there is none. `have` NULL: a new guest. */
const char *pm_detached_after(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have) PM_CHECK;

/** The record at a slot that is in force until a restart although it is gone from the configuration; NULL: none. */
struct pm_rec *pm_entry_in_force(
	struct pm_arena *a, const struct pm_live *live, const struct pm_field *f, unsigned slot);

#endif
