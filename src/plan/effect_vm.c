/* What of a change a running virtual machine takes over at once: that hangs on the features its `hotplug`
 * allows, on the bus of a drive, and on what of an interface or drive changes. The rules are those of
 * qemu-server: PVE/QemuServer.pm, vmconfig_hotplug_pending and the functions it calls. */
#include <string.h>

#include "base/text.h"
#include "plan/plan_priv.h"

static bool set(const struct pm_value *v)
{
	return v != NULL && v->state == PM_SET;
}

/* ---- features ---- */

static bool lists(const struct pm_value *v, const char *word)
{
	for (size_t i = 0; set(v) && i < v->u.list->n; i++)
		if (strcmp(v->u.list->v[i], word) == 0)
			return true;
	return false;
}

/* USB devices are plugged into systems that are known to bear it. */
static bool bears_usb(const struct pm_obj *have)
{
	static const char *const able[] = { "l26", "win8", "win10", "win11" };
	const char *os = pm_rec_str(have->spec, PM_VM_OSTYPE, "");

	for (size_t i = 0; i < PM_COUNT(able); i++)
		if (strcmp(able[i], os) == 0)
			return true;
	return false;
}

/* Is it on? Network, disk and usb are, when nothing is said. */
static bool is_on(const struct pm_obj *have, const char *feature)
{
	const struct pm_value *v = &have->spec->val[PM_VM_HOTPLUG];
	bool usual = strcmp(feature, "network") == 0 || strcmp(feature, "disk") == 0 ||
		     strcmp(feature, "usb") == 0;

	if (!set(v) || v->u.list->n == 0 || lists(v, "1"))
		return usual;
	return lists(v, feature);
}

/* ---- what comes and goes ---- */

static bool on_fixed_bus(const struct pm_spot *s)
{
	char out[16];
	const char *key = pm_slot_key(s->f, s->slot, out);

	return pm_str_starts(key, "ide") || pm_str_starts(key, "sata");
}

bool pm_vm_plugs(const struct pm_obj *have, const struct pm_spot *s)
{
	if (s->f->hot == NULL)
		return s->f->flags & PM_F_LIVE;
	if (!is_on(have, s->f->hot))
		return false;
	if (s->f->sub == &pm_kind_disk)
		return !on_fixed_bus(s);
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

/* A disc is changed in its drive; a disk is another device. */
static bool replugs_disk(const struct pm_spot *s)
{
	return pm_field_index(s->f->sub, s->sub) == PM_DISK_SOURCE && s->have_rec != NULL &&
	       strcmp(pm_rec_str(s->have_rec, PM_DISK_MEDIA, "disk"), "cdrom") != 0;
}

static bool replugs(const struct pm_spot *s, const struct pm_value *want)
{
	if (s->sub == NULL || s->f->sub == &pm_kind_usb)
		return true;
	if (s->f->sub == &pm_kind_vmnet)
		return replugs_net(s, want);
	return s->f->sub == &pm_kind_disk && replugs_disk(s);
}

static bool is_zero(const struct pm_value *v)
{
	return set(v) && v->u.i == 0;
}

/* Sockets for processors and memory are made at the start only. */
static bool makes_room(const struct pm_value *v)
{
	return lists(v, "cpu") || lists(v, "memory");
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
	if (s->field == PM_VM_AGENT)
		return s->have_rec == NULL;
	return s->f->hot != NULL && replugs(s, want) && !pm_vm_plugs(have_obj, s);
}
