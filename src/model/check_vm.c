/* Checks of a virtual machine across its fields. What PVE would refuse later is an error here; what it
 * takes although it does nothing is a warning. */
#include <string.h>
#include <strings.h>

#include "base/mem.h"
#include "base/text.h"
#include "model/check_priv.h"
#include "model/guest.h"

static bool set(const struct pm_rec *r, unsigned field)
{
	return r->val[field].state == PM_SET;
}

static const struct pm_recs *recs_of(const struct pm_rec *spec, unsigned field)
{
	static const struct pm_recs none;

	return set(spec, field) ? spec->val[field].u.recs : &none;
}

static void warn(const struct pm_checking *c, const struct pm_value *v, const char *what)
{
	(void)pm_diag_add(c->d, PM_WARNING, pm_at_value(c, v), "%s", what);
}

/* An error about a row of an entry: "disk scsi0: MODEL ...". */
static struct pm_diag *entry_error(
	const struct pm_checking *c, const struct pm_rec *r, unsigned row, const char *what)
{
	const char *name = pm_rec_ident(r);

	return PM_ERROR_AT(c, pm_at_value(c, &r->val[row]), "%s%s%s: %s %s", r->kind->name,
		*name ? " " : "", name, r->kind->fields[row].name, what);
}

/* ---- disks ---- */

enum bus { IDE = 1, SATA = 2, SCSI = 4, VIRTIO = 8 };

static const struct {
	const char *name;
	enum bus bus;
} buses[] = { { "ide", IDE }, { "sata", SATA }, { "scsi", SCSI }, { "virtio", VIRTIO } };

/* Rows that not every bus knows. */
static const struct {
	unsigned row, buses;
} limited[] = {
	{ PM_DISK_SSD, IDE | SATA | SCSI },
	{ PM_DISK_WWN, IDE | SATA | SCSI },
	{ PM_DISK_MODEL, IDE },
	{ PM_DISK_IOTHREAD, SCSI | VIRTIO },
	{ PM_DISK_RO, SCSI | VIRTIO },
	{ PM_DISK_QUEUES, SCSI },
	{ PM_DISK_VENDOR, SCSI },
	{ PM_DISK_PRODUCT, SCSI },
	{ PM_DISK_SCSIBLOCK, SCSI },
};

static unsigned bus_of(const struct pm_rec *disk)
{
	const char *slot = pm_rec_ident(disk);

	for (unsigned i = 0; i < PM_COUNT(buses); i++) {
		size_t n = strlen(buses[i].name);

		if (!strncmp(slot, buses[i].name, n) && strspn(slot + n, "0123456789") > 0)
			return buses[i].bus;
	}
	return 0;
}

static void check_bus(const struct pm_checking *c, const struct pm_rec *disk)
{
	unsigned bus = bus_of(disk);

	for (unsigned i = 0; bus && i < PM_COUNT(limited); i++) {
		cleanup_buf struct pm_buf known = PM_BUF(0);

		if (!set(disk, limited[i].row) || limited[i].buses & bus)
			continue;
		for (unsigned b = 0; b < PM_COUNT(buses); b++) {
			if (limited[i].buses & buses[b].bus)
				pm_buf_addf(
					&known, "%s%s", known.len > 0 ? ", " : "", buses[b].name);
		}
		pm_diag_hint(c->d, entry_error(c, disk, limited[i].row, "is not known on this bus"),
			"it is known on %s", pm_buf_str(&known));
	}
}

/* Rows that ask for a new volume do not go with what makes them meaningless. */
static void check_without(const struct pm_checking *c, const struct pm_rec *disk,
	const unsigned *rows, size_t n, const char *what)
{
	for (size_t i = 0; i < n; i++) {
		if (set(disk, rows[i]))
			(void)entry_error(c, disk, rows[i], what);
	}
}

static bool is_cdrom(const struct pm_rec *disk)
{
	return !strcmp(pm_rec_str(disk, PM_DISK_MEDIA, "disk"), "cdrom");
}

static void check_source(const struct pm_checking *c, const struct pm_rec *disk)
{
	static const unsigned rows[] = { PM_DISK_STORAGE, PM_DISK_SIZE, PM_DISK_IMPORT };
	const char *source = pm_rec_str(disk, PM_DISK_SOURCE, "");

	check_without(c, disk, rows, PM_COUNT(rows), "does not go with source");
	if (pm_volume_cloudinit(disk))
		(void)entry_error(c, disk, PM_DISK_CLOUDINIT, "does not go with source");
	if (source[0] != '/' && strchr(source, ':') && !is_cdrom(disk))
		pm_diag_hint(c->d, entry_error(c, disk, PM_DISK_SOURCE, "is an ISO image"),
			"give media: cdrom too");
}

static void check_cloudinit_drive(const struct pm_checking *c, const struct pm_rec *disk)
{
	static const unsigned rows[] = { PM_DISK_SIZE, PM_DISK_IMPORT };

	check_without(c, disk, rows, PM_COUNT(rows), "does not go with cloudinit");
	if (pm_is_missing(&disk->val[PM_DISK_STORAGE]))
		(void)PM_ERROR_AT(c, pm_at_rec(c, disk),
			"disk %s: the drive of cloud-init needs a storage", pm_rec_ident(disk));
}

static void check_new_disk(const struct pm_checking *c, const struct pm_rec *disk)
{
	const char *slot = pm_rec_ident(disk);

	if (!*slot)
		return;
	if (pm_is_missing(&disk->val[PM_DISK_STORAGE]))
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_rec(c, disk),
				"disk %s needs storage and size, source or cloudinit", slot),
			"storage and size make a disk, source attaches what is there, cloudinit: true makes the drive of cloud-init");
	else if (is_cdrom(disk))
		pm_diag_hint(c->d, entry_error(c, disk, PM_DISK_MEDIA, "is cdrom for a new disk"),
			"a CD-ROM drive has a source: an ISO image, or none");
	else if (pm_is_missing(&disk->val[PM_DISK_SIZE]) &&
		 pm_is_missing(&disk->val[PM_DISK_IMPORT]))
		(void)PM_ERROR_AT(
			c, pm_at_rec(c, disk), "disk %s needs a size, or an image to import", slot);
}

/* PVE makes no sense of a disk that breaks one of these. */
static const struct {
	unsigned row, other;
	bool needed; /* the other must be there; else it must not */
} limits[] = {
	{ PM_DISK_MBPS_RD, PM_DISK_MBPS, false },
	{ PM_DISK_MBPS_WR, PM_DISK_MBPS, false },
	{ PM_DISK_IOPS_RD, PM_DISK_IOPS, false },
	{ PM_DISK_IOPS_WR, PM_DISK_IOPS, false },
	{ PM_DISK_MBPS_MAX, PM_DISK_MBPS, true },
	{ PM_DISK_MBPS_RD_MAX, PM_DISK_MBPS_RD, true },
	{ PM_DISK_MBPS_WR_MAX, PM_DISK_MBPS_WR, true },
	{ PM_DISK_IOPS_MAX, PM_DISK_IOPS, true },
	{ PM_DISK_IOPS_RD_MAX, PM_DISK_IOPS_RD, true },
	{ PM_DISK_IOPS_WR_MAX, PM_DISK_IOPS_WR, true },
	{ PM_DISK_BPS_MAX_LENGTH, PM_DISK_MBPS_MAX, true },
	{ PM_DISK_BPS_RD_MAX_LENGTH, PM_DISK_MBPS_RD_MAX, true },
	{ PM_DISK_BPS_WR_MAX_LENGTH, PM_DISK_MBPS_WR_MAX, true },
	{ PM_DISK_IOPS_MAX_LENGTH, PM_DISK_IOPS_MAX, true },
	{ PM_DISK_IOPS_RD_MAX_LENGTH, PM_DISK_IOPS_RD_MAX, true },
	{ PM_DISK_IOPS_WR_MAX_LENGTH, PM_DISK_IOPS_WR_MAX, true },
};

static bool counts(const struct pm_rec *disk, unsigned row)
{
	return pm_rec_int(disk, row, 0) > 0;
}

static void check_limits(const struct pm_checking *c, const struct pm_rec *disk)
{
	for (unsigned i = 0; i < PM_COUNT(limits); i++) {
		const char *other = disk->kind->fields[limits[i].other].name;

		if (!counts(disk, limits[i].row) ||
			counts(disk, limits[i].other) == limits[i].needed)
			continue;
		(void)entry_error(c, disk, limits[i].row,
			pm_arena_printf(c->d->arena, "%s %s",
				limits[i].needed ? "needs" : "does not go with", other));
	}
}

static void check_disk(
	const struct pm_checking *c, const struct pm_rec *spec, const struct pm_rec *disk)
{
	const char *scsihw = pm_rec_str(spec, PM_VM_SCSIHW, NULL);

	check_bus(c, disk);
	check_limits(c, disk);
	if (!pm_is_missing(&disk->val[PM_DISK_SOURCE]))
		check_source(c, disk);
	else if (pm_volume_cloudinit(disk))
		check_cloudinit_drive(c, disk);
	else
		check_new_disk(c, disk);
	if (bus_of(disk) == VIRTIO && (is_cdrom(disk) || pm_volume_cloudinit(disk)))
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_rec(c, disk), "disk %s: virtio has no CD-ROM drives",
				pm_rec_ident(disk)),
			"plug it in at ide, sata or scsi");
	if (bus_of(disk) == SCSI && pm_rec_bool(disk, PM_DISK_IOTHREAD, false) && scsihw &&
		strcmp(scsihw, "virtio-scsi-single") != 0)
		warn(c, &disk->val[PM_DISK_IOTHREAD],
			"iothread does nothing without scsihw: virtio-scsi-single");
}

static void check_disks(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs = recs_of(spec, PM_VM_DISKS);
	const struct pm_rec *drive = NULL;

	for (size_t i = 0; i < recs->n; i++) {
		check_disk(c, spec, recs->v[i]);
		if (!pm_volume_cloudinit(recs->v[i]))
			continue;
		if (drive)
			(void)PM_ERROR_AT(c, pm_at_rec(c, recs->v[i]),
				"disk %s: there is a drive of cloud-init already, %s",
				pm_rec_ident(recs->v[i]), pm_rec_ident(drive));
		drive = recs->v[i];
	}
}

/* ---- firmware and TPM ---- */

static void check_import(
	const struct pm_checking *c, const struct pm_rec *r, unsigned import, unsigned needed)
{
	if (set(r, import) && pm_is_missing(&r->val[needed]))
		(void)entry_error(c, r, import,
			pm_arena_printf(c->d->arena, "needs %s too", r->kind->fields[needed].name));
}

static void check_firmware(const struct pm_checking *c, const struct pm_rec *spec)
{
	bool ovmf = !strcmp(pm_rec_str(spec, PM_VM_BIOS, "seabios"), "ovmf");
	bool known = !pm_is_missing(&spec->val[PM_VM_BIOS]) || !set(spec, PM_G_IMAGE);

	if (set(spec, PM_VM_EFIDISK)) {
		const struct pm_rec *r = spec->val[PM_VM_EFIDISK].u.rec;

		check_import(c, r, PM_EFIDISK_IMPORT, PM_EFIDISK_EFITYPE);
		check_import(c, r, PM_EFIDISK_IMPORT, PM_EFIDISK_PRE_ENROLLED_KEYS);
		if (!ovmf && known)
			pm_diag_hint(c->d,
				PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_EFIDISK]),
					"efidisk is for bios: ovmf"),
				"give bios: ovmf, or leave it out");
	} else if (ovmf && !set(spec, PM_G_IMAGE)) {
		warn(c, &spec->val[PM_VM_BIOS],
			"without an efidisk the firmware forgets its settings with each stop");
	}
	if (set(spec, PM_VM_TPMSTATE))
		check_import(c, spec->val[PM_VM_TPMSTATE].u.rec, PM_TPMSTATE_IMPORT,
			PM_TPMSTATE_VERSION);
}

/* ---- processors and memory ---- */

static void check_processors(const struct pm_checking *c, const struct pm_rec *spec)
{
	int64_t all = pm_rec_int(spec, PM_VM_CORES, 1) * pm_rec_int(spec, PM_VM_SOCKETS, 1);

	if (set(spec, PM_VM_VCPUS) && (set(spec, PM_VM_CORES) || set(spec, PM_VM_SOCKETS)) &&
		pm_rec_int(spec, PM_VM_VCPUS, 0) > all)
		(void)PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_VCPUS]),
			"cpu.vcpus is more than the %lld that cores and sockets make",
			(long long)all);
	if (recs_of(spec, PM_VM_NUMANODES)->n > 0 && !pm_rec_bool(spec, PM_VM_NUMA, false))
		warn(c, &spec->val[PM_VM_NUMANODES], "numa does nothing without cpu.numa: true");
}

static void check_memory(const struct pm_checking *c, const struct pm_rec *spec)
{
	if (set(spec, PM_VM_BALLOON) && set(spec, PM_VM_MEMORY) &&
		pm_rec_int(spec, PM_VM_BALLOON, 0) > pm_rec_int(spec, PM_VM_MEMORY, 0))
		(void)PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_BALLOON]),
			"memory.balloon is more than memory.size");
	if (set(spec, PM_VM_HUGEPAGES) && !pm_rec_bool(spec, PM_VM_NUMA, false))
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_HUGEPAGES]),
				"memory.hugepages needs cpu.numa"),
			"give cpu.numa: true");
	if (pm_rec_bool(spec, PM_VM_KEEPHUGEPAGES, false) && !set(spec, PM_VM_HUGEPAGES))
		warn(c, &spec->val[PM_VM_KEEPHUGEPAGES],
			"memory.keephugepages does nothing without memory.hugepages");
}

static bool has_item(const struct pm_rec *spec, unsigned field, const char *item)
{
	for (size_t i = 0; set(spec, field) && i < spec->val[field].u.list->n; i++) {
		if (!strcmp(spec->val[field].u.list->v[i], item))
			return true;
	}
	return false;
}

static void check_plugged_memory(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v = &spec->val[PM_VM_MEMORY];

	/* Huge pages of 1 GiB make other modules, by the number of sockets. */
	if (!strcmp(pm_rec_str(spec, PM_VM_HUGEPAGES, ""), "1024"))
		return;
	if (set(spec, PM_VM_MEMORY) ? pm_vm_is_in_modules(v->u.i)
				    : v->state == PM_UNSET && set(spec, PM_G_IMAGE))
		return;
	pm_diag_hint(c->d,
		PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_HOTPLUG]),
			"hotplug of memory needs a memory.size of whole modules"),
		"1Gi, or more in steps of 512Mi; beyond 17Gi the steps become larger: 1Gi, then 2Gi");
}

static void check_hotplug(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v = &spec->val[PM_VM_HOTPLUG];

	if (has_item(spec, PM_VM_HOTPLUG, "0") && v->u.list->n > 1)
		(void)PM_ERROR_AT(c, pm_at_value(c, v), "hotplug is \"0\" or a list of features");
	if (!has_item(spec, PM_VM_HOTPLUG, "memory"))
		return;
	if (!pm_rec_bool(spec, PM_VM_NUMA, false))
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_value(c, v), "hotplug of memory needs cpu.numa"),
			"give cpu.numa: true");
	check_plugged_memory(c, spec);
	if (recs_of(spec, PM_VM_NUMANODES)->n > 0)
		(void)PM_ERROR_AT(c, pm_at_value(c, v), "hotplug of memory does not go with numa");
	if (recs_of(spec, PM_VM_VIRTIOFS)->n > 0)
		(void)PM_ERROR_AT(
			c, pm_at_value(c, v), "hotplug of memory does not go with virtiofs");
}

/* ---- network and cloud-init ---- */

static void check_interface(const struct pm_checking *c, const struct pm_rec *r)
{
	static const unsigned rows[] = { PM_VMNET_MTU, PM_VMNET_QUEUES, PM_VMNET_HOST_TUNNEL };

	if (!strcmp(pm_rec_str(r, PM_VMNET_MODEL, "virtio"), "virtio"))
		return;
	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		if (set(r, rows[i]))
			warn(c, &r->val[rows[i]],
				pm_arena_printf(c->d->arena,
					"interface %s: %s works with virtio only", pm_rec_ident(r),
					r->kind->fields[rows[i]].name));
	}
}

static bool has_entry(const struct pm_rec *spec, unsigned field, const char *slot)
{
	const struct pm_recs *recs = recs_of(spec, field);

	for (size_t i = 0; i < recs->n; i++) {
		if (!strcmp(pm_rec_ident(recs->v[i]), slot))
			return true;
	}
	return false;
}

static void check_ipconfigs(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs = recs_of(spec, PM_VM_CI_IPCONFIG);

	for (size_t i = 0; i < recs->n; i++) {
		const struct pm_rec *r = recs->v[i];
		const char *slot = pm_rec_ident(r);
		const char *net =
			pm_arena_printf(c->d->arena, "net%s", slot + strcspn(slot, "0123456789"));

		pm_check_gateways(c, r);
		if (set(spec, PM_VM_INTERFACES) && !has_entry(spec, PM_VM_INTERFACES, net))
			warn(c, &r->val[PM_IPCONFIG_SLOT],
				pm_arena_printf(c->d->arena,
					"%s is for %s, which is no interface here", slot, net));
	}
}

/* What cloud-init is told by must be there; a copy may have it from its original. */
static void check_cloudinit(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *disks = recs_of(spec, PM_VM_DISKS);
	const struct pm_value *first = NULL;

	for (unsigned i = PM_VM_CI_USER; i <= PM_VM_CI_IPCONFIG; i++) {
		const struct pm_value *v = &spec->val[i];

		if (v->state == PM_SET && (!first || v->line < first->line))
			first = v;
	}
	for (size_t i = 0; i < disks->n; i++) {
		if (pm_volume_cloudinit(disks->v[i]))
			return;
	}
	if (first && !set(spec, PM_G_IMAGE))
		pm_diag_hint(c->d,
			pm_diag_add(c->d, PM_WARNING, pm_at_value(c, first),
				"cloudInit is read by nobody: no disk has cloudinit: true"),
			"add one, as {slot: ide2, storage: local-lvm, cloudinit: true}");
}

static void check_network(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs = recs_of(spec, PM_VM_INTERFACES);

	for (size_t i = 0; i < recs->n; i++)
		check_interface(c, recs->v[i]);
	pm_check_unique(c, recs, PM_VMNET_MACADDR, "macaddr");
	check_ipconfigs(c, spec);
	pm_check_ssh_keys(c, &pm_kind_vm.fields[PM_VM_CI_SSHKEYS], &spec->val[PM_VM_CI_SSHKEYS]);
	check_cloudinit(c, spec);
}

/* ---- devices, boot and the rest ---- */

/* Either a device of the node or a mapping of the cluster. */
static void check_passed(
	const struct pm_checking *c, const struct pm_recs *recs, unsigned host, unsigned mapping)
{
	for (size_t i = 0; i < recs->n; i++) {
		const struct pm_rec *r = recs->v[i];

		if (set(r, host) && set(r, mapping))
			(void)entry_error(c, r, mapping, "does not go with host");
		else if (pm_is_missing(&r->val[host]) && pm_is_missing(&r->val[mapping]))
			(void)PM_ERROR_AT(c, pm_at_rec(c, r), "%s %s needs host or mapping",
				r->kind->name, pm_rec_ident(r));
	}
}

static bool is_device(const struct pm_rec *spec, const char *slot)
{
	static const unsigned rows[] = { PM_VM_DISKS, PM_VM_INTERFACES, PM_VM_USB, PM_VM_HOSTPCI };

	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		if (has_entry(spec, rows[i], slot))
			return true;
	}
	return false;
}

static void check_boot(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_value *v;

	if (!set(spec, PM_VM_BOOT))
		return;
	v = &spec->val[PM_VM_BOOT].u.rec->val[PM_BOOT_ORDER];
	for (size_t i = 0; v->state == PM_SET && i < v->u.list->n; i++) {
		const char *slot = v->u.list->v[i];

		for (size_t j = 0; j < i; j++) {
			if (!strcmp(v->u.list->v[j], slot))
				(void)PM_ERROR_AT(
					c, pm_at_value(c, v), "boot.order names '%s' twice", slot);
		}
		/* A copy has the devices of its original. */
		if (is_device(spec, slot) || set(spec, PM_G_IMAGE))
			continue;
		pm_diag_hint(c->d,
			PM_ERROR_AT(c, pm_at_value(c, v),
				"boot.order names '%s', which is no device of this machine", slot),
			"it must be a slot of disks, network.interfaces, usb or hostpci");
	}
}

static bool is_q35(const struct pm_rec *spec)
{
	const struct pm_rec *machine =
		set(spec, PM_VM_MACHINE) ? spec->val[PM_VM_MACHINE].u.rec : NULL;
	const struct pm_field *type = pm_field_find(&pm_kind_machine, "type");

	return machine &&
	       strstr(pm_rec_str(machine, pm_field_index(&pm_kind_machine, type), ""), "q35");
}

static void check_q35(const struct pm_checking *c, const struct pm_rec *spec)
{
	const struct pm_recs *recs = recs_of(spec, PM_VM_HOSTPCI);

	if (is_q35(spec) || (pm_is_missing(&spec->val[PM_VM_MACHINE]) && set(spec, PM_G_IMAGE)))
		return;
	for (size_t i = 0; i < recs->n; i++) {
		if (pm_rec_bool(recs->v[i], PM_HOSTPCI_PCIE, false))
			pm_diag_hint(c->d,
				entry_error(
					c, recs->v[i], PM_HOSTPCI_PCIE, "needs the machine q35"),
				"give machine: {type: q35}");
	}
}

static void check_clone(const struct pm_checking *c, const struct pm_rec *spec)
{
	static const unsigned rows[] = { PM_VM_CLONE_FULL, PM_VM_CLONE_STORAGE,
		PM_VM_CLONE_SNAPSHOT };

	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		if (set(spec, rows[i]) && pm_is_missing(&spec->val[PM_G_IMAGE]))
			(void)PM_ERROR_AT(c, pm_at_value(c, &spec->val[rows[i]]),
				"%s needs clone.from", spec->kind->fields[rows[i]].name);
	}
	if (set(spec, PM_VM_CLONE_STORAGE) && !pm_rec_bool(spec, PM_VM_CLONE_FULL, true))
		(void)PM_ERROR_AT(c, pm_at_value(c, &spec->val[PM_VM_CLONE_STORAGE]),
			"clone.storage needs a full copy; others stay where the template is");
}

/* PVE knows the addresses of a machine from its agent alone. */
static void check_ready(const struct pm_checking *c, const struct pm_rec *spec)
{
	static const unsigned rows[] = { PM_G_READY_IP, PM_G_READY_TCP };
	const struct pm_value *agent = &spec->val[PM_VM_AGENT];

	if (agent->state == PM_SET && pm_rec_bool(agent->u.rec, PM_AGENT_ENABLED, false))
		return;
	if (agent->state != PM_SET && set(spec, PM_G_IMAGE))
		return;
	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		const struct pm_value *v = &spec->val[rows[i]];

		if (v->state != PM_SET || (rows[i] == PM_G_READY_IP && !v->u.b))
			continue;
		pm_diag_hint(c->d,
			pm_diag_add(c->d, PM_WARNING, pm_at_value(c, v),
				"%s needs the guest agent: PVE knows the addresses from it",
				spec->kind->fields[rows[i]].name),
			"give agent: {enabled: true}, and see that it runs in the machine");
	}
}

void pm_check_vm(const struct pm_checking *c, const struct pm_rec *spec)
{
	check_disks(c, spec);
	check_firmware(c, spec);
	check_processors(c, spec);
	check_memory(c, spec);
	check_hotplug(c, spec);
	check_network(c, spec);
	check_passed(c, recs_of(spec, PM_VM_USB), PM_USB_HOST, PM_USB_MAPPING);
	check_passed(c, recs_of(spec, PM_VM_HOSTPCI), PM_HOSTPCI_HOST, PM_HOSTPCI_MAPPING);
	check_boot(c, spec);
	check_q35(c, spec);
	check_clone(c, spec);
	check_ready(c, spec);
	pm_check_guest(c, spec);
}
