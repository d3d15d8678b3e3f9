/* Tests of model/kinds.c: the tables are sound, and rows, groups and reasons are found. */
#include "base/map.h"
#include "base/text.h"
#include "model/model_priv.h"
#include "pm_test.h"

#include <string.h>

static const struct pm_field *slot_key(const char *key, unsigned *slot)
{
	return pm_field_by_slot_key(&pm_kind_pod, key, strlen(key), slot);
}

PM_TEST(kinds_are_found_by_name)
{
	assert_ptr_equal(pm_kind_find("Pod"), &pm_kind_pod);
	assert_null(pm_kind_find("pod"));
	assert_ptr_equal(pm_kind_named("pods"), &pm_kind_pod);
	assert_ptr_equal(pm_kind_named("config"), &pm_kind_config);
	assert_null(pm_kind_named("pot"));
	assert_ptr_equal(pm_kind_named("virtualmachines"), &pm_kind_vm);
	assert_ptr_equal(pm_kind_named("vm"), &pm_kind_vm);
	assert_ptr_equal(pm_kind_named("VMs"), &pm_kind_vm);
	assert_null(pm_kind_named("vmx"));
}

PM_TEST(rows_are_found_by_name_key_and_slot)
{
	unsigned slot = 9;

	assert_ptr_equal(pm_field_find(&pm_kind_pod, "resources.memory"),
		&pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_null(pm_field_find(&pm_kind_pod, "memory"));
	assert_null(pm_field_find(&pm_kind_pod, "resources"));
	assert_ptr_equal(
		pm_field_by_key(&pm_kind_pod, "memoryx", 6), &pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_ptr_equal(slot_key("memory", &slot), &pm_kind_pod.fields[PM_POD_MEMORY]);
	assert_int_equal(slot, 0);
	assert_ptr_equal(slot_key("net12", &slot), &pm_kind_pod.fields[PM_POD_INTERFACES]);
	assert_int_equal(slot, 12);
	assert_ptr_equal(slot_key("mp255", &slot), &pm_kind_pod.fields[PM_POD_VOLUMES]);
	assert_int_equal(slot, 255);
	assert_null(slot_key("net32", &slot));
	assert_null(slot_key("net", &slot));
	assert_null(slot_key("net01", &slot));
	assert_null(slot_key("net99999999999", &slot));
	assert_null(slot_key("unused0", &slot));
	assert_null(slot_key("12", &slot));
	assert_null(slot_key("", &slot));
}

/* Each slot has its key, and the key is that slot. */
static void found_by_key(const struct pm_kind *kind, const struct pm_field *f)
{
	for (unsigned slot = 0; slot < (f->count ? f->count : 1); slot++) {
		unsigned back = 999;
		char out[16];
		const char *key = pm_slot_key(f, slot, out);

		assert_ptr_equal(pm_field_by_slot_key(kind, key, strlen(key), &back), f);
		assert_int_equal(back, slot);
	}
	if (f->count == 0)
		assert_ptr_equal(pm_field_by_key(kind, f->key, strlen(f->key)), f);
}

PM_TEST(every_row_is_found_again)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			const struct pm_field *f = &kind->fields[i];

			assert_int_equal(pm_field_index(kind, f), i);
			if (!(f->flags & (PM_F_INNER | PM_F_FLAT)))
				assert_ptr_equal(pm_field_find(kind, f->name), f);
			else
				assert_null(pm_field_find(kind, f->name));
			if (f->flags & PM_F_FLAT)
				assert_ptr_equal(pm_field_flat(kind, f->name, strlen(f->name)), f);
			if (f->key)
				found_by_key(kind, f);
		}
	}
}

static void vm_key(const char *key, unsigned row, unsigned slot)
{
	unsigned is = 999;

	assert_ptr_equal(
		pm_field_by_slot_key(&pm_kind_vm, key, strlen(key), &is), &pm_kind_vm.fields[row]);
	assert_int_equal(is, slot);
}

static void no_vm_key(const char *key)
{
	unsigned slot;

	if (pm_field_by_slot_key(&pm_kind_vm, key, strlen(key), &slot))
		fail_msg("%s is a key", key);
}

PM_TEST(slots_run_through_the_families_of_a_list)
{
	const struct pm_field *disks = &pm_kind_vm.fields[PM_VM_DISKS];
	char out[16], words[64];
	unsigned n = 0;

	vm_key("ide0", PM_VM_DISKS, 0);
	vm_key("ide3", PM_VM_DISKS, 3);
	vm_key("sata0", PM_VM_DISKS, 4);
	vm_key("scsi0", PM_VM_DISKS, 10);
	vm_key("scsi30", PM_VM_DISKS, 40);
	vm_key("virtio15", PM_VM_DISKS, 56);
	no_vm_key("ide4");
	no_vm_key("sata6");
	no_vm_key("scsi31");
	no_vm_key("virtio16");
	no_vm_key("ide");
	for (const struct pm_slots *s = disks->slots; s->key; s++)
		n += s->count;
	assert_int_equal(n, disks->count);
	assert_string_equal(pm_slot_key(disks, 10, out), "scsi0");
	assert_string_equal(pm_slot_key(&pm_kind_pod.fields[PM_POD_VOLUMES], 255, out), "mp255");
	assert_string_equal(pm_slot_key(&pm_kind_pod.fields[PM_POD_MEMORY], 0, out), "memory");
	assert_string_equal(pm_key_words(disks, words), "ideN, sataN, scsiN, virtioN");
}

PM_TEST(numa_is_a_switch_and_a_list)
{
	vm_key("numa", PM_VM_NUMA, 0);
	vm_key("numa0", PM_VM_NUMANODES, 0);
	vm_key("numa7", PM_VM_NUMANODES, 7);
	no_vm_key("numa8");
	vm_key("efidisk0", PM_VM_EFIDISK, 0);
	no_vm_key("efidisk1");
	vm_key("rng0", PM_VM_RNG, 0);
	no_vm_key("memory0");
}

PM_TEST(sub_keys_have_older_names)
{
	const struct pm_kind *k = &pm_kind_agent;

	assert_ptr_equal(pm_field_by_key(k, "guest-fsfreeze", 14), &k->fields[PM_AGENT_FREEZE]);
	assert_ptr_equal(pm_field_by_key(k, "freeze-fs", 9), &k->fields[PM_AGENT_FREEZE]);
	assert_ptr_equal(
		pm_field_by_key(&pm_kind_disk, "volume", 6), &pm_kind_disk.fields[PM_DISK_VOLUME]);
}

PM_TEST(rows_are_sound)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			const struct pm_field *f = &kind->fields[i];
			size_t n = f->doc ? strlen(f->doc) : 0;
			bool choice = f->type == PM_T_ENUM;

			if (n < 10 || f->doc[n - 1] != '.')
				fail_msg("%s.%s has no sentence", kind->name, f->name);
			if (choice != (f->choices != NULL) && f->type != PM_T_LIST)
				fail_msg("%s.%s: choices", kind->name, f->name);
			if (f->format && !pm_format_find(f->format))
				fail_msg("%s.%s: format %s", kind->name, f->name, f->format);
			if ((f->type == PM_T_PROPS) != (f->sub != NULL))
				fail_msg("%s.%s: sub", kind->name, f->name);
			if (f->key && f->type == PM_T_LIST && !f->sep)
				fail_msg("%s.%s: separator", kind->name, f->name);
		}
	}
}

PM_TEST(every_group_has_a_sentence)
{
	for (unsigned k = 0; pm_all_kinds[k]; k++) {
		const struct pm_kind *kind = pm_all_kinds[k];

		for (unsigned i = 0; i < kind->nfields; i++) {
			char name[64];

			(void)snprintf(name, sizeof(name), "%s", kind->fields[i].name);
			for (char *dot; (dot = strrchr(name, '.'));) {
				*dot = '\0';
				assert_true(pm_field_is_group(kind, name));
				assert_non_null(pm_group_doc(kind, name));
			}
		}
	}
	assert_false(pm_field_is_group(&pm_kind_pod, "resources.memory"));
	assert_false(pm_field_is_group(&pm_kind_pod, "resource"));
	assert_null(pm_group_doc(&pm_kind_pod, "rootfs"));
}

PM_TEST(refused_keys_name_the_reason)
{
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.memory"), "use resources.memory");
	assert_string_equal(
		pm_refused_why(&pm_kind_pod, "options.protection"), "use lifecycle.protect");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.storage"), "use rootfs.storage");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.net3"), "use network.interfaces");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.rootfs"), "use rootfs");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "options.vmid"), "use vmid");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "cores"), "use resources.cores");
	assert_string_equal(pm_refused_why(&pm_kind_pod, "tty"), "use options.tty");
	assert_string_equal(pm_refused_why(&pm_kind_volume, "mp"), "use path");
	assert_has(pm_refused_why(&pm_kind_pod, "options.unused7"), "volumes");
	assert_has(pm_refused_why(&pm_kind_pod, "lock"), "PVE");
	assert_has(pm_refused_why(&pm_kind_pod, "network.ports"), "port forwards");
	assert_has(pm_refused_why(&pm_kind_pod, "network.firewall"), "firewall");
	assert_has(pm_refused_why(&pm_kind_pod, "network.dns.options"), "no such setting");
	assert_has(pm_refused_why(&pm_kind_rootfs, "volume"), "storage and size");
	assert_null(pm_refused_why(&pm_kind_pod, "options.tty"));
	assert_null(pm_refused_why(&pm_kind_pod, "resources.memory"));
	assert_null(pm_refused_why(&pm_kind_pod, "options.nonsense"));
	assert_null(pm_refused_why(&pm_kind_pod, "hostname"));
}

PM_TEST(refused_keys_can_be_listed)
{
	unsigned n = 0;

	while (pm_refused_at(&pm_kind_pod, n))
		n++;
	assert_true(n >= 11);
	assert_null(pm_refused_at(&pm_kind_net, 0));
}
