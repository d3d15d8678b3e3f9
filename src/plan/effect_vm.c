/* What of a change a running virtual machine takes over at once: that hangs on the features its `hotplug`
 * allows, on the bus of a drive, and on what of an interface or drive changes. The rules are those of
 * qemu-server: PVE/QemuServer.pm, vmconfig_hotplug_pending and the functions it calls. */
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "model/guest.h"
#include "model/volume.h"
#include "plan/plan_priv.h"

static bool set(const struct pm_value *v)
{
	return v != NULL && v->state == PM_SET;
}

/* ---- the machine as it runs ---- */

static bool lists(const char *words, const char *word)
{
	size_t n = strlen(word);

	while (*words) {
		size_t m = strcspn(words, ",; =");

		if (m == n && strncmp(words, word, n) == 0)
			return true;
		words += m;
		words += *words != '\0';
	}
	return false;
}

/* USB devices are plugged into systems that are known to bear it. */
static bool bears_usb(const struct pm_obj *have)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const char *os = pm_guest_in_force(have, PM_VM_OSTYPE, &text);

	return *os && lists("l26,win8,win10,win11", os);
}

static bool boots_from(const struct pm_obj *have, const char *key)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	return lists(pm_guest_in_force(have, PM_VM_BOOT, &text), key);
}

static int64_t number(const struct pm_obj *have, unsigned row)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	int64_t n;

	return pm_parse_int(pm_guest_in_force(have, row, &text), 1, INT32_MAX, &n) == 0 ? n : 1;
}

/* ---- what comes and goes ---- */

/* Disks of other buses cannot be plugged, and nobody takes away what the machine boots from. */
static bool is_fixed(const struct pm_obj *have, const struct pm_spot *s)
{
	char out[16];
	const char *key = pm_slot_key(s->f, s->slot, out);

	return pm_str_starts(key, "ide") || pm_str_starts(key, "sata") ||
	       (s->have_rec != NULL && boots_from(have, key));
}

bool pm_vm_plugs(const struct pm_obj *have, const struct pm_spot *s)
{
	if (s->f->hot == NULL)
		return s->f->flags & PM_F_LIVE;
	if (!pm_vm_hotplugs(have, s->f->hot))
		return false;
	if (s->f->sub == &pm_kind_disk)
		return !is_fixed(have, s);
	return s->f->sub != &pm_kind_usb || bears_usb(have);
}

/* ---- what changes ---- */

/* An interface is the same one as long as these are. */
static bool replugs_net(const struct pm_spot *s, const struct pm_value *want)
{
	switch (pm_field_index(s->f->sub, s->sub)) {
	case PM_VMNET_MODEL:
	case PM_VMNET_MACADDR:
	case PM_VMNET_QUEUES:
	case PM_VMNET_MTU:
		return true;
	case PM_VMNET_BRIDGE:
		return !set(want) || s->have_rec == NULL ||
		       s->have_rec->val[PM_VMNET_BRIDGE].state != PM_SET;
	default:
		return false;
	}
}

bool pm_vm_is_cdrom(const struct pm_rec *disk)
{
	const char *source = pm_rec_str(disk, PM_DISK_SOURCE, "");

	return strcmp(pm_rec_str(disk, PM_DISK_MEDIA, "disk"), "cdrom") == 0 ||
	       pm_volume_cloudinit(disk) || lists("none,cdrom", source);
}

/* A disc is changed in its drive; a disk is another device. */
static bool replugs_disk(const struct pm_spot *s)
{
	return pm_field_index(s->f->sub, s->sub) == PM_DISK_SOURCE && s->have_rec != NULL &&
	       !pm_vm_is_cdrom(s->have_rec);
}

static bool replugs(const struct pm_spot *s, const struct pm_value *want)
{
	if (s->sub == NULL || s->f->sub == &pm_kind_usb)
		return true;
	if (s->f->sub == &pm_kind_vmnet)
		return replugs_net(s, want);
	return s->f->sub == &pm_kind_disk && replugs_disk(s);
}

bool pm_vm_stays_drive(const struct pm_spot *s)
{
	return s->sub != NULL && s->f->sub == &pm_kind_disk && s->want_rec != NULL &&
	       s->have_rec != NULL && pm_field_index(s->f->sub, s->sub) == PM_DISK_MEDIA &&
	       pm_vm_is_cdrom(s->want_rec) == pm_vm_is_cdrom(s->have_rec);
}

static bool is_zero(const struct pm_value *v)
{
	return set(v) && v->u.i == 0;
}

/* Sockets for processors and memory are made at the start only. */
static bool makes_room(const struct pm_value *v)
{
	for (size_t i = 0; set(v) && i < v->u.list->n; i++)
		if (lists("cpu,memory", v->u.list->v[i]))
			return true;
	return false;
}

/* No more can be plugged in than the machine has places for, and those are made at the start. */
static bool finds_no_place(const struct pm_obj *have, const struct pm_value *want)
{
	return set(want) && want->u.i > number(have, PM_VM_CORES) * number(have, PM_VM_SOCKETS);
}

bool pm_vm_waits(const struct pm_obj *have_obj, const struct pm_spot *s,
	const struct pm_value *want, const struct pm_value *have)
{
	if (have_obj->kind != &pm_kind_vm)
		return false;
	if (s->field == PM_VM_HOTPLUG)
		return makes_room(want) || makes_room(have);
	if (s->field == PM_VM_BALLOON)
		return is_zero(want) != is_zero(have);
	if (s->field == PM_VM_VCPUS && finds_no_place(have_obj, want))
		return true;
	if (s->field == PM_VM_MEMORY && (!set(want) || want->u.i < PM_GIB))
		return true; /* less than a machine has whose memory can be plugged */
	if (s->field == PM_VM_AGENT)
		return s->have_rec == NULL;
	return s->f->hot != NULL && replugs(s, want) && !pm_vm_plugs(have_obj, s);
}
