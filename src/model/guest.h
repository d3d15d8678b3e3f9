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

#endif
