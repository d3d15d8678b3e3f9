/* Volumes in a spec: which records stand for one, and where each keeps its parts. Whoever deals with
 * volumes loops over them, and names no row of a kind. */
#ifndef PM_MODEL_VOLUME_H
#define PM_MODEL_VOLUME_H

#include "model/value.h"

/** Where a record keeps its volume: numbers of its rows; -1: it has none. */
struct pm_volume_shape {
	const struct pm_kind *kind;
	int volume;    /* the volume at PVE, "local-lvm:vm-100-disk-0" */
	int storage;   /* where it lies, or is to be made */
	int source;    /* something that is there and attached as it is */
	int size;      /* -1: PVE chooses it */
	int import;    /* what a new one is a copy of */
	int cloudinit; /* it is the drive that PVE makes for cloud-init */
};

/** NULL: records of this kind hold no volume. k may be NULL. */
const struct pm_volume_shape *pm_volume_shape(const struct pm_kind *k);

/** Row of the kind that is a list of volumes; -1: it has none. */
int pm_volume_list(const struct pm_kind *k);

/** Can the volume of such a row change hands? That of a container's root cannot. */
bool pm_volume_goes(const struct pm_field *f);

/** One record of a spec that stands for a volume; before the first pm_volume_next only `spec`. */
struct pm_volume_at {
	const struct pm_rec *spec;
	unsigned field; /* row of the kind */
	size_t entry;   /* of a list */
	bool begun;
	const struct pm_field *f;
	const struct pm_volume_shape *shape;
	struct pm_rec *rec;
};

#define PM_VOLUMES(of) ((struct pm_volume_at){ .spec = (of) })

/** Goes to the next one, in the order of rows and entries; false: there is no more. spec NULL has none. */
bool pm_volume_next(struct pm_volume_at *at);

/** Parts of a record that has a volume shape; NULL or 0: unset, or not of this kind. */
const char *pm_volume_id(const struct pm_rec *r);
const char *pm_volume_storage(const struct pm_rec *r);
const char *pm_volume_source(const struct pm_rec *r);
const char *pm_volume_import(const struct pm_rec *r);
int64_t pm_volume_size(const struct pm_rec *r);
bool pm_volume_cloudinit(const struct pm_rec *r);

/** Does the record have data of its own at PVE, or ask for some: a volume, rather than an ISO image or a
 * path of the node? The drive of cloud-init holds nothing that cannot be made again: false. */
bool pm_volume_holds_data(const struct pm_rec *r);

#endif
