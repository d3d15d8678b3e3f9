/* The kinds of guest: what PVE calls each, and what people do. */
#ifndef PM_MODEL_GUEST_H
#define PM_MODEL_GUEST_H

#include "model/obj.h"

/** The number of the guest that the object is to be a copy of; 0: it is no copy. */
unsigned pm_copied_vmid(const struct pm_obj *want);

/** The kind of a guest of PVE's type "lxc" or "qemu"; NULL: another type. */
const struct pm_kind *pm_kind_of_type(const char *type);

/** Of a kind of guest: "CT" or "VM", in front of a number; "container" or "virtual machine". */
const char *pm_kind_word(const struct pm_kind *k);
const char *pm_kind_noun(const struct pm_kind *k);

/** What a guest runs with, as PVE writes it; "" when that is nothing. What waits for a restart does not count;
 * `out` serves. */
const char *pm_guest_in_force(const struct pm_obj *have, unsigned row, struct pm_buf *out);

/** Is a feature of `hotplug` on in a virtual machine as it runs? */
bool pm_vm_hotplugs(const struct pm_obj *have, const char *feature);

/** Memory that can be plugged is 1 GiB and modules of 512 MiB, from the 33rd on of 1 GiB, and so on. */
bool pm_vm_is_in_modules(int64_t bytes);

/** Would PVE make another amount of the memory that is wanted, since it is plugged in modules? */
bool pm_vm_rounds_memory(const struct pm_obj *want, const struct pm_obj *have);

#endif
