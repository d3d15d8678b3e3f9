/* What a virtual machine boots from when its disks have been away: PVE's own order, as for a new machine. */
#include "base/text.h"
#include "exec/holder_priv.h"

/* The buses in the order in which PVE looks for a disk to boot from. */
static unsigned rank(const struct pm_field *f, const struct pm_rec *rec)
{
	static const char *const buses[] = { "ide", "scsi", "virtio", "sata" };
	const char *key = pm_rec_ident(rec);
	unsigned bus = 0;

	while (bus < PM_COUNT(buses) && !pm_str_starts(key, buses[bus]))
		bus++;
	return bus * f->count + rec->slot;
}

static bool is_cdrom(const struct pm_rec *rec)
{
	return pm_volume_cloudinit(rec) || pm_str_eq(pm_rec_str(rec, PM_DISK_MEDIA, ""), "cdrom");
}

/* The first disk, or the first CD drive; NULL: there is none. */
static const char *first_drive(const struct pm_obj *have, bool cdrom)
{
	const struct pm_field *f = &have->kind->fields[PM_VM_DISKS];
	const struct pm_value *v = pm_rec_get(have->spec, PM_VM_DISKS);
	const struct pm_rec *first = NULL;

	for (size_t i = 0; v->state == PM_SET && i < v->u.recs->n; i++) {
		const struct pm_rec *rec = v->u.recs->v[i];

		if (is_cdrom(rec) == cdrom && (!first || rank(f, rec) < rank(f, first)))
			first = rec;
	}
	return first ? pm_rec_ident(first) : NULL;
}

static const char *first_net(struct pm_arena *a, const struct pm_obj *have)
{
	const struct pm_value *v = pm_rec_get(have->spec, PM_VM_INTERFACES);
	unsigned first = PM_NO_SLOT;
	char key[16];

	for (size_t i = 0; v->state == PM_SET && i < v->u.recs->n; i++) {
		if (v->u.recs->v[i]->slot < first)
			first = v->u.recs->v[i]->slot;
	}
	if (first == PM_NO_SLOT)
		return NULL;
	return pm_arena_strdup(a, pm_slot_key(&have->kind->fields[PM_VM_INTERFACES], first, key));
}

/* Is the device in the order, or the order one that needs no names? */
static bool boots_from(const struct pm_obj *have, const char *device)
{
	const struct pm_value *boot = pm_rec_get(have->spec, PM_VM_BOOT);
	const struct pm_value *order =
		boot->state == PM_SET ? pm_rec_get(boot->u.rec, PM_BOOT_ORDER) : NULL;

	if (!order || pm_rec_get(boot->u.rec, PM_BOOT_LEGACY)->state == PM_SET)
		return true;
	for (size_t i = 0; order->state == PM_SET && i < order->u.list->n; i++) {
		if (pm_str_eq(order->u.list->v[i], device))
			return true;
	}
	return false;
}

const char *pm_act_boot_order(const struct pm_act *act, const struct pm_obj *have)
{
	const struct pm_obj *want = act->a->want;
	struct pm_arena *a = act->job.arena;
	const char *part[3];
	struct pm_buf text cleanup_buf = PM_BUF(64);

	if (want->kind != &pm_kind_vm || pm_rec_get(want->spec, PM_VM_BOOT)->state != PM_UNSET)
		return NULL;
	part[0] = first_drive(have, false);
	part[1] = first_drive(have, true);
	part[2] = first_net(a, have);
	if (!part[0] || boots_from(have, part[0]))
		return NULL;
	for (size_t i = 0; i < PM_COUNT(part); i++) {
		if (part[i])
			pm_buf_addf(&text, "%s%s", text.len > 0 ? ";" : "order=", part[i]);
	}
	return pm_arena_strdup(a, pm_buf_str(&text));
}
