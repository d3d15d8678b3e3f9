/* Tests of what virtual machines hold at PVE: drives, interfaces, and values with a form of their own. */
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "model/marker.h"
#include "model/obj.h"
#include "model_test.h"

/* ---- drives ---- */

static void drive(const char *text, const char *volume, const char *storage, const char *source)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = rec_of(a, &pm_kind_disk, text);

	assert_string_equal(pm_rec_str(r, PM_DISK_VOLUME, ""), volume);
	assert_string_equal(pm_rec_str(r, PM_DISK_STORAGE, ""), storage);
	assert_string_equal(pm_rec_str(r, PM_DISK_SOURCE, ""), source);
	/* Nothing wanted: nothing changes, not a byte. */
	rec_merges(pm_rec_new(a, &pm_kind_disk), r, NULL, text);
	rec_merges(r, r, NULL, text);
}

PM_TEST(vm_drives_say_what_they_are)
{
	drive("local-lvm:vm-100-disk-0,size=32G", "local-lvm:vm-100-disk-0", "local-lvm", "");
	drive("local:100/vm-100-disk-0.qcow2,discard=on,iothread=1,size=1G,ssd=1",
		"local:100/vm-100-disk-0.qcow2", "local", "");
	drive("local:310/base-310-disk-0.qcow2/311/vm-311-disk-0.qcow2,size=2G",
		"local:310/base-310-disk-0.qcow2/311/vm-311-disk-0.qcow2", "local", "");
	drive("file=local-lvm:vm-100-disk-0,size=32G", "local-lvm:vm-100-disk-0", "local-lvm", "");
	drive("volume=local-lvm:vm-100-disk-0", "local-lvm:vm-100-disk-0", "local-lvm", "");
	drive("local:iso/x.iso,media=cdrom,size=600M", "", "", "local:iso/x.iso");
	drive("none,media=cdrom", "", "", "none");
	drive("cdrom,media=cdrom", "", "", "cdrom");
	drive("/dev/disk/by-id/ata-X,size=1T", "", "", "/dev/disk/by-id/ata-X");
	drive("local-lvm:vm-100-cloudinit,media=cdrom,size=4M", "local-lvm:vm-100-cloudinit",
		"local-lvm", "");
	drive("local:100/vm-100-cloudinit.qcow2,media=cdrom", "local:100/vm-100-cloudinit.qcow2",
		"local", "");
	drive("local:iso/cloudinit.d.iso,media=cdrom", "", "", "local:iso/cloudinit.d.iso");
}

static bool is_cloudinit(const char *text)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);

	return pm_volume_cloudinit(rec_of(a, &pm_kind_disk, text));
}

PM_TEST(vm_drive_of_cloudinit_is_known_by_its_name)
{
	assert_true(is_cloudinit("local-lvm:vm-100-cloudinit,media=cdrom"));
	assert_true(is_cloudinit("local:100/vm-100-cloudinit.qcow2,media=cdrom"));
	assert_true(is_cloudinit("local-lvm:cloudinit"));
	assert_false(is_cloudinit("local-lvm:vm-100-disk-0"));
	assert_false(is_cloudinit("local:iso/my-cloudinit.iso,media=cdrom"));
	assert_false(is_cloudinit("local:iso/vm-cloudinit.iso,media=cdrom"));
	assert_false(is_cloudinit("local-lvm:vm-100-cloudinit2"));
	assert_false(is_cloudinit("cloudinit"));
}

PM_TEST(vm_new_drives_are_asked_for)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = pm_rec_new(a, &pm_kind_disk);

	rec_set(a, r, "slot", "scsi0");
	rec_set(a, r, "storage", "local-lvm");
	rec_set(a, r, "size", "32Gi");
	rec_set(a, r, "discard", "on");
	rec_prints(r, "local-lvm:32,discard=on");
	rec_set(a, r, "import", "local:import/debian.qcow2");
	rec_prints(r, "local-lvm:0,discard=on,import-from=local:import/debian.qcow2");
	r = pm_rec_new(a, &pm_kind_disk);
	rec_set(a, r, "storage", "local-lvm");
	rec_set(a, r, "cloudinit", "true");
	rec_prints(r, "local-lvm:cloudinit");
	r = pm_rec_new(a, &pm_kind_disk);
	rec_set(a, r, "source", "local:iso/x.iso");
	rec_set(a, r, "media", "cdrom");
	rec_prints(r, "local:iso/x.iso,media=cdrom");
	r = pm_rec_new(a, &pm_kind_efidisk);
	rec_set(a, r, "storage", "local-lvm");
	rec_set(a, r, "pre-enrolled-keys", "true");
	rec_prints(r, "local-lvm:1,pre-enrolled-keys=1");
}

PM_TEST(vm_drive_may_become_another)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_disk, "local:iso/x.iso,media=cdrom,size=600M");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_disk);

	rec_set(a, want, "source", "none");
	rec_set(a, want, "media", "cdrom");
	rec_merges(want, have, NULL, "none,media=cdrom");
	want = pm_rec_new(a, &pm_kind_disk);
	rec_set(a, want, "storage", "local-lvm");
	rec_set(a, want, "size", "8Gi");
	rec_set(a, want, "media", "disk");
	rec_merges(want, have, NULL, "local-lvm:8,media=disk");
	rec_set(a, want, "import", "local:import/x.qcow2");
	rec_merges(want, have, NULL, "local-lvm:0,media=disk,import-from=local:import/x.qcow2");
	have = rec_of(a, &pm_kind_disk, "local-lvm:vm-1-disk-0,size=8G");
	rec_merges(want, have, NULL, have->raw);
	want = pm_rec_new(a, &pm_kind_disk);
	rec_set(a, want, "storage", "local-lvm");
	rec_set(a, want, "cloudinit", "true");
	rec_merges(want, have, NULL, "local-lvm:cloudinit");
	have = rec_of(a, &pm_kind_disk, "local-lvm:vm-1-cloudinit,media=cdrom,size=4M");
	rec_merges(want, have, NULL, have->raw);
	assert_true(pm_rec_equal(want, have));
}

/* ---- interfaces ---- */

PM_TEST(vm_model_is_the_key_of_the_mac)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have =
		rec_of(a, &pm_kind_vmnet, "virtio=BC:24:11:E5:74:43,bridge=vmbr0,firewall=1");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_vmnet);

	assert_string_equal(pm_rec_str(have, PM_VMNET_MODEL, ""), "virtio");
	assert_string_equal(pm_rec_str(have, PM_VMNET_MACADDR, ""), "BC:24:11:E5:74:43");
	rec_prints(have, have->raw);
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "model", "virtio");
	rec_set(a, want, "macaddr", "bc:24:11:e5:74:43");
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "model", "e1000");
	want->val[PM_VMNET_MACADDR].state = PM_UNSET;
	rec_merges(want, have, NULL, "e1000=BC:24:11:E5:74:43,bridge=vmbr0,firewall=1");
	rec_set(a, want, "macaddr", NULL);
	rec_set(a, want, "tag", "5");
	rec_merges(want, have, NULL, "e1000=BC:24:11:E5:74:43,bridge=vmbr0,firewall=1,tag=5");
	rec_set(a, want, "macaddr", "BC:24:11:00:00:01");
	want->val[PM_VMNET_MODEL].state = PM_UNSET;
	rec_merges(want, have, NULL, "virtio=BC:24:11:00:00:01,bridge=vmbr0,firewall=1,tag=5");
	have = rec_of(a, &pm_kind_vmnet, "model=virtio,macaddr=BC:24:11:E5:74:43,bridge=vmbr0");
	rec_merges(want, have, NULL, "model=virtio,macaddr=BC:24:11:00:00:01,bridge=vmbr0,tag=5");
}

PM_TEST(vm_new_interface_needs_no_mac_and_no_model)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = pm_rec_new(a, &pm_kind_vmnet);

	rec_set(a, r, "slot", "net0");
	rec_set(a, r, "bridge", "vmbr0");
	rec_prints(r, "virtio,bridge=vmbr0");
	rec_set(a, r, "model", "e1000");
	rec_prints(r, "e1000,bridge=vmbr0");
	rec_set(a, r, "macaddr", "BC:24:11:00:00:01");
	rec_prints(r, "e1000=BC:24:11:00:00:01,bridge=vmbr0");
	assert_string_equal(
		pm_rec_str(rec_of(a, &pm_kind_vmnet, "rtl8139,bridge=vmbr0"), PM_VMNET_MODEL, ""),
		"rtl8139");
}

PM_TEST(vm_two_macs_are_no_interface)
{
	static const char text[] = "virtio=BC:24:11:00:00:01,e1000=BC:24:11:00:00:02";
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = NULL;
	struct pm_error err;

	assert_err(pm_rec_parse(a, &pm_kind_vmnet, text, strlen(text), &r, &err), PM_E_INPUT, &err,
		"twice");
}

/* ---- other records ---- */

PM_TEST(vm_old_boot_order_gives_way)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_boot, "cdn");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_boot);
	const char *order[] = { "scsi0", "net0" };

	rec_merges(want, have, NULL, "cdn");
	pm_value_list(a, &pm_kind_boot.fields[PM_BOOT_ORDER], order, 2, &want->val[PM_BOOT_ORDER]);
	rec_merges(want, have, NULL, "order=scsi0;net0");
	rec_merges(want, rec_of(a, &pm_kind_boot, "legacy=cdn"), NULL, "order=scsi0;net0");
	rec_merges(want, rec_of(a, &pm_kind_boot, " "), NULL, "order=scsi0;net0");
	rec_merges(pm_rec_new(a, &pm_kind_boot), rec_of(a, &pm_kind_boot, " "), NULL, " ");
}

PM_TEST(vm_older_names_are_the_same_row)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_agent, "1,freeze-fs-on-backup=0");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_agent);

	assert_true(pm_rec_bool(have, PM_AGENT_ENABLED, false));
	assert_false(pm_rec_bool(have, PM_AGENT_FREEZE, true));
	rec_set(a, want, "freeze-fs", "false");
	rec_merges(want, have, NULL, have->raw);
	rec_set(a, want, "freeze-fs", "true");
	rec_merges(want, have, NULL, "1,freeze-fs=1");
	rec_merges(pm_rec_new(a, &pm_kind_agent), have, (const char *[]){ "freeze-fs", NULL }, "1");
}

PM_TEST(vm_processor_may_stand_bare)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = rec_of(a, &pm_kind_cpu, "host,flags=+aes;-pcid");
	struct pm_rec *want = pm_rec_new(a, &pm_kind_cpu);

	assert_string_equal(pm_rec_str(have, PM_CPU_TYPE, ""), "host");
	assert_int_equal(have->val[PM_CPU_FLAGS].u.list->n, 2);
	rec_prints(have, have->raw);
	rec_set(a, want, "type", "max");
	rec_merges(want, have, NULL, "max,flags=+aes;-pcid");
	rec_merges(want, rec_of(a, &pm_kind_cpu, "cputype=host"), NULL, "max");
}

PM_TEST(vm_entry_knows_its_slot)
{
	const struct pm_field *disks = &pm_kind_vm.fields[PM_VM_DISKS];
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *r = NULL;
	struct pm_error err;

	assert_ok(pm_rec_parse(a, disks->sub, "none,media=cdrom", 16, &r, &err), &err);
	pm_entry_place(a, disks, 13, r);
	assert_int_equal(r->slot, 13);
	assert_string_equal(pm_rec_ident(r), "scsi3");
	rec_prints(r, "none,media=cdrom");
	assert_ok(pm_rec_parse(a, &pm_kind_net, "name=eth0", 9, &r, &err), &err);
	pm_entry_place(a, &pm_kind_pod.fields[PM_POD_INTERFACES], 3, r);
	assert_int_equal(r->slot, 3);
	assert_string_equal(pm_rec_ident(r), "eth0");
}

/* ---- values ---- */

static void decodes(unsigned row, const char *pve, const char *manifest)
{
	const struct pm_field *f = &pm_kind_vm.fields[row];
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_ok(pm_value_decode(a, f, pve, strlen(pve), &v, &err), &err);
	pm_value_format(f, PM_MANIFEST, &v, &text);
	assert_string_equal(pm_buf_str(&text), manifest);
}

PM_TEST(vm_values_have_forms_of_their_own)
{
	decodes(PM_VM_MEMORY, "2048", "2Gi");
	decodes(PM_VM_MEMORY, "current=2048", "2Gi");
	decodes(PM_VM_MEMORY, "current=512,max=4096", "512Mi");
	decodes(PM_VM_CI_SSHKEYS, "ssh-ed25519%20AAAA%20u%40h%0A", "ssh-ed25519 AAAA u@h");
	decodes(PM_VM_CI_SSHKEYS, "a%0Ab", "a, b");
	decodes(PM_VM_CI_SSHKEYS, "100%", "100%");
	decodes(PM_VM_CI_SSHKEYS, "%zz%4", "%zz%4");
	decodes(PM_VM_HOTPLUG, "disk,network,usb", "disk, network, usb");
	decodes(PM_VM_HOTPLUG, "0", "0");
	decodes(PM_VM_OPT_MIGRATE_DOWNTIME, "0.1", "0.1");
}

PM_TEST(vm_password_is_never_known)
{
	const struct pm_field *f = &pm_kind_vm.fields[PM_VM_CI_PASSWORD];
	struct pm_value v = { 0 };
	struct pm_error err;

	assert_ok(pm_value_decode(NULL, f, "**********", 10, &v, &err), &err);
	assert_int_equal(v.state, PM_UNSET);
}

PM_TEST(vm_keys_are_written_without_signs)
{
	const struct pm_field *f = &pm_kind_vm.fields[PM_VM_CI_SSHKEYS];
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const char *keys[] = { "ssh-rsa A+/= u@h", "b" };
	struct pm_value v = { 0 };

	pm_value_list(a, f, keys, 2, &v);
	pm_value_format(f, PM_PVE, &v, &text);
	assert_string_equal(pm_buf_str(&text), "ssh-rsa%20A%2B%2F%3D%20u%40h%0Ab");
}

/* ---- the loop over volumes, slots, and the marker ---- */

static void add(
	struct pm_arena *a, struct pm_rec *spec, unsigned row, const char *slot, const char *text)
{
	struct pm_value *v = &spec->val[row];
	struct pm_rec *r = rec_of(a, spec->kind->fields[row].sub, text);

	if (v->state != PM_SET) {
		v->u.recs = pm_new(a, struct pm_recs);
		v->u.recs->v = pm_new_n(a, struct pm_rec *, 8);
		v->state = PM_SET;
	}
	rec_set(a, r, "slot", slot);
	v->u.recs->v[v->u.recs->n++] = r;
}

static struct pm_rec *machine(struct pm_arena *a)
{
	struct pm_rec *spec = pm_rec_new(a, &pm_kind_vm);

	add(a, spec, PM_VM_DISKS, "virtio15", "local:vm-1-disk-1,size=1G");
	add(a, spec, PM_VM_DISKS, "ide2", "local:iso/x.iso,media=cdrom");
	add(a, spec, PM_VM_DISKS, "scsi0", "local:vm-1-disk-0,size=2G");
	add(a, spec, PM_VM_INTERFACES, "net7", "virtio=BC:24:11:00:00:01,bridge=vmbr0");
	spec->val[PM_VM_EFIDISK].state = PM_SET;
	spec->val[PM_VM_EFIDISK].u.rec =
		rec_of(a, &pm_kind_efidisk, "local:vm-1-disk-2,efitype=4m,size=528K");
	return spec;
}

PM_TEST(volumes_are_gone_through_without_naming_rows)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *pod = pm_rec_new(a, &pm_kind_pod);
	struct pm_volume_at at = PM_VOLUMES(machine(a));

	assert_true(pm_volume_next(&at));
	assert_int_equal(at.field, PM_VM_DISKS);
	assert_string_equal(pm_volume_id(at.rec), "local:vm-1-disk-1");
	assert_int_equal(pm_volume_size(at.rec), PM_GIB);
	assert_true(pm_volume_holds_data(at.rec));
	assert_true(pm_volume_next(&at));
	assert_string_equal(pm_volume_source(at.rec), "local:iso/x.iso");
	assert_false(pm_volume_holds_data(at.rec));
	assert_true(pm_volume_next(&at));
	assert_true(pm_volume_next(&at));
	assert_int_equal(at.field, PM_VM_EFIDISK);
	assert_string_equal(pm_volume_storage(at.rec), "local");
	assert_int_equal(pm_volume_size(at.rec), 0);
	assert_true(pm_volume_holds_data(at.rec));
	assert_false(pm_volume_next(&at));
	assert_false(pm_volume_next(&at));
	at = PM_VOLUMES(pod);
	assert_false(pm_volume_next(&at));
	pod->val[PM_POD_ROOTFS].state = PM_SET;
	pod->val[PM_POD_ROOTFS].u.rec =
		rec_of(a, &pm_kind_rootfs, "local:9/vm-9-disk-0.raw,size=1G");
	at = PM_VOLUMES(pod);
	assert_true(pm_volume_next(&at));
	assert_int_equal(at.field, PM_POD_ROOTFS);
	assert_false(pm_volume_next(&at));
	at = PM_VOLUMES(NULL);
	assert_false(pm_volume_next(&at));
}

PM_TEST(slots_of_a_machine_are_what_their_names_say)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *want = machine(a);

	pm_slots_assign(want, NULL);
	assert_int_equal(want->val[PM_VM_DISKS].u.recs->v[0]->slot, 56);
	assert_int_equal(want->val[PM_VM_DISKS].u.recs->v[1]->slot, 2);
	assert_int_equal(want->val[PM_VM_DISKS].u.recs->v[2]->slot, 10);
	assert_int_equal(want->val[PM_VM_INTERFACES].u.recs->v[0]->slot, 7);
	assert_string_equal(pm_marker_fields(a, want),
		"virtio15:size ide2:media scsi0:size efidisk0:efitype net7:model,macaddr,bridge");
}

PM_TEST(pending_volume_of_a_machine_is_named)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_pending p = { .field = &pm_kind_vm.fields[PM_VM_DISKS],
		.slot = 10,
		.key = "scsi0",
		.in_force = "local-lvm:vm-1-disk-0,size=2G" };

	assert_string_equal(pm_pending_volume(a, &pm_kind_vm, &p), "local-lvm:vm-1-disk-0");
	p.in_force = "local:iso/x.iso,media=cdrom";
	assert_null(pm_pending_volume(a, &pm_kind_vm, &p));
	p.in_force = NULL;
	assert_null(pm_pending_volume(a, &pm_kind_vm, &p));
	p = (struct pm_pending){ .field = &pm_kind_vm.fields[PM_VM_MEMORY], .in_force = "512" };
	assert_null(pm_pending_volume(a, &pm_kind_vm, &p));
}

PM_TEST(root_is_needed_for_devices_of_the_node)
{
	static const struct {
		unsigned row;
		const char *slot, *text, *what;
	} cases[] = {
		{ PM_VM_SERIAL, "serial0", "socket", NULL },
		{ PM_VM_SERIAL, "serial0", "/dev/ttyS0", "device" },
		{ PM_VM_USB, "usb0", "spice", NULL },
		{ PM_VM_USB, "usb0", "mapping=stick", NULL },
		{ PM_VM_USB, "usb0", "host=046d:c52b", "host" },
		{ PM_VM_HOSTPCI, "hostpci0", "mapping=gpu", NULL },
		{ PM_VM_HOSTPCI, "hostpci0", "0000:01:00.0", "host" },
		{ PM_VM_DISKS, "ide2", "local:iso/x.iso,media=cdrom", NULL },
		{ PM_VM_DISKS, "ide2", "none,media=cdrom", NULL },
		{ PM_VM_DISKS, "scsi1", "/dev/sdb", "source" },
		{ PM_VM_PARALLEL, "parallel0", "/dev/parport0", "device" },
	};

	for (unsigned i = 0; i < PM_COUNT(cases); i++) {
		cleanup_arena struct pm_arena *a = pm_arena_new(0);
		struct pm_obj *o = pm_obj_new(a, &pm_kind_vm);
		const char *name;
		unsigned line;

		o->spec = pm_rec_new(a, &pm_kind_vm);
		add(a, o->spec, cases[i].row, cases[i].slot, cases[i].text);
		name = pm_obj_needs_root(o, NULL, &line);
		if (!name != !cases[i].what || (name && strcmp(name, cases[i].what) != 0))
			fail_msg("%s: %s", cases[i].text, name ? name : "nobody");
	}
}
