/* Volumes that outlive their guest: to a holder (holder.c), and back (returns.c). */
#ifndef PM_EXEC_HOLDER_PRIV_H
#define PM_EXEC_HOLDER_PRIV_H

#include "exec/exec_priv.h"
#include "model/volume.h"

/** One volume of a guest, by its key at PVE. */
struct pm_held {
	char key[16];   /* "mp0", "scsi1", "efidisk0", "unused1" */
	const char *id; /* at PVE */
	unsigned field; /* row of the kind, of one with a record */
	const struct pm_rec
		*rec; /* its record as it will be; NULL: an unused one, or one that is to go */
};

/** The volumes of a guest that can change hands, in the order of their rows: all but a container's root. *ret in
 * the act's arena. */
size_t pm_act_volumes(struct pm_act *act, const struct pm_obj *have, struct pm_held **ret);

/** The first of "unused0", "unused1", ... that is free in both guests; the second may be NULL. */
void pm_act_free_unused(const struct pm_obj *a, const struct pm_obj *b, char out[16]);

/** Is `want` the wanted record of what is held? */
bool pm_act_is_for(const struct pm_volume_at *want, const struct pm_held *v);

/** Is the PVE key set? */
bool pm_act_has_key(const struct pm_obj *o, const char *key);

/** Is the guest the holder of the act's object? */
bool pm_act_is_holder(const struct pm_act *act, const struct pm_obj *have);

/** Hands one volume over. After a failure it looks where the volume is: one that is in neither
 * configuration ends everything, for then nothing must be destroyed. */
int pm_act_hand(struct pm_act *act, const struct pm_hand *h, struct pm_error *err) PM_CHECK;

/** Hands all volumes of the old guest to the holder, which is made for it; the guest is stopped for that, and
 * `guard` asked before. Nothing to do when the guest is gone already. */
int pm_act_hand_over(struct pm_act *act, pm_act_check_fn *guard, struct pm_error *err) PM_CHECK;

/** What the machine has to boot from as its disks are back, "order=scsi0;net0"; NULL: what it boots from is right,
 * or for the manifest to say, or it is a container. */
const char *pm_act_boot_order(const struct pm_act *act, const struct pm_obj *have);

/** Gives the volumes that are held back to the guest, and removes the holder. */
int pm_act_take_back(struct pm_act *act, struct pm_error *err) PM_CHECK;

/** What a creation asks for: everything but the volumes that the holder has, and no protection, for a
 * protected guest takes no volume back. Into act->make. */
int pm_act_without_held(struct pm_act *act, struct pm_error *err) PM_CHECK;

#endif
