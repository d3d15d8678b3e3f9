/* Volumes that go from guest to guest, as PVE::API2::LXC move_volume and PVE::API2::Qemu move_vm_disk do it. */
#include "sim_test.h"

#define L "/nodes/pve1/lxc"
#define Q "/nodes/pve1/qemu"

static void make(struct world *w, const char *more)
{
	char body[600];

	(void)snprintf(body, sizeof(body), "%s&unprivileged=1&%s", MINIMAL, more);
	assert_string_equal(run(w, "POST", L, body), "OK");
}

static const char *at(struct world *w, unsigned vmid, const char *key)
{
	char path[64];

	(void)snprintf(path, sizeof(path), L "/%u/config", vmid);
	return data(ask(w, "GET", path, NULL), key);
}

static const char *refusal(struct world *w, const char *form)
{
	return ask(w, "POST", L "/210/move_volume", form)->reason;
}

static void begin(struct world *w, const char *more)
{
	char body[200];

	world_open(w, (struct pm_sim_options){ 0 });
	(void)snprintf(body, sizeof(body),
		"vmid=210&mp0=local-lvm%%3A1%%2Cmp%%3D%%2Fdata%%2Cbackup%%3D1%s", more);
	make(w, body);
	make(w, "vmid=299");
}

PM_TEST(sim_reassign_hands_a_volume_over)
{
	struct world w;
	const struct answer *a;

	begin(&w, "");
	a = ask(&w, "POST", L "/210/move_volume", "volume=mp0&target-vmid=299");
	assert_has(whole(a), ":move_volume:210-mp0>299-mp0:root@pam:");
	forward(&w, 1000);
	assert_string_equal(at(&w, 210, "mp0"), "");
	assert_string_equal(at(&w, 210, "unused0"), "");
	assert_string_equal(
		at(&w, 299, "mp0"), "local-lvm:vm-299-disk-0,mp=/data,backup=1,size=1G");
	assert_string_equal(run(&w, "POST", L "/299/move_volume",
				    "volume=mp0&target-vmid=210&target-volume=unused3"),
		"OK");
	assert_string_equal(at(&w, 210, "unused3"), "local-lvm:vm-210-disk-0");
	assert_string_equal(run(&w, "POST", L "/210/move_volume",
				    "volume=unused3&target-vmid=299&target-volume=unused0"),
		"OK");
	assert_string_equal(at(&w, 299, "unused0"), "local-lvm:vm-299-disk-0");
	world_close(&w);
}

PM_TEST(sim_reassign_is_refused)
{
	struct world w;

	begin(&w, "&mp1=local-lvm%3A1%2Cmp%3D%2Fmore");
	assert_int_equal(ask(&w, "POST", L "/210/move_volume", "volume=mp0")->status, 400);
	assert_int_equal(
		ask(&w, "POST", L "/210/move_volume", "volume=mp0&storage=local&target-vmid=299")
			->status,
		400);
	assert_string_equal(refusal(&w, "volume=mp0&target-vmid=777"), "could not find CT 777");
	assert_string_equal(
		refusal(&w, "volume=rootfs&target-vmid=299"), "Cannot move to/from 'rootfs'");
	assert_string_equal(refusal(&w, "volume=mp7&target-vmid=299"),
		"volume 'mp7' for container '210' does not exist");
	assert_string_equal(refusal(&w, "volume=mp0&target-vmid=299&digest=0123"),
		"Container 210: detected modified configuration - file changed by other user? Try again.");
	assert_string_equal(refusal(&w, "volume=mp0&target-vmid=299&target-digest=0123"),
		"Container 299: detected modified configuration - file changed by other user? Try again.");
	assert_string_equal(refusal(&w, "volume=mp0&target-vmid=210&target-volume=mp1"),
		"Target volume key 'mp1' is already in use for container '210'");
	assert_string_equal(run(&w, "POST", L "/210/status/start", ""), "OK");
	assert_string_equal(refusal(&w, "volume=mp0&target-vmid=299"),
		"Cannot move in-use volume while the source CT is running - detach or shutdown first");
	world_close(&w);
}

/* PVE has renamed the volume and written the source by then: it is in nobody's configuration any more. */
PM_TEST(sim_reassign_to_a_protected_one_loses_the_volume)
{
	struct world w;

	begin(&w, "");
	assert_int_equal(ask(&w, "PUT", L "/299/config", "protection=1")->status, 200);
	assert_string_equal(run(&w, "POST", L "/210/move_volume", "volume=mp0&target-vmid=299"),
		"can't update CT 299 drive 'mp0' - protection mode enabled");
	assert_string_equal(at(&w, 210, "mp0"), "");
	assert_string_equal(at(&w, 299, "mp0"), "");
	world_close(&w);
}

/* ---- virtual machines ---- */

static const char *drive(struct world *w, unsigned vmid, const char *key)
{
	char path[64];

	(void)snprintf(path, sizeof(path), Q "/%u/config", vmid);
	return data(ask(w, "GET", path, NULL), key);
}

static const char *no_drive(struct world *w, const char *form)
{
	return ask(w, "POST", Q "/210/move_disk", form)->reason;
}

static void begin_machines(struct world *w)
{
	world_open(w, (struct pm_sim_options){ 0 });
	assert_string_equal(run(w, "POST", Q,
				    "vmid=210&scsi0=local-lvm%3A1%2Cbackup%3D0&scsi1=local-lvm%3A1"
				    "&ide2=none%2Cmedia%3Dcdrom&ide0=local-lvm%3Acloudinit"
				    "&net0=virtio%2Cbridge%3Dvmbr0"),
		"OK");
	assert_string_equal(run(w, "POST", Q, "vmid=299"), "OK");
}

/* PVE takes what leaves out of the boot order, and puts nothing back. */
PM_TEST(sim_reassign_hands_a_disk_over)
{
	struct world w;
	const struct answer *a;

	begin_machines(&w);
	assert_string_equal(drive(&w, 210, "boot"), "order=scsi0;ide0;net0");
	a = ask(&w, "POST", Q "/210/move_disk", "disk=scsi0&target-vmid=299");
	assert_has(whole(a), ":qmmove:210-scsi0>299-scsi0:root@pam:");
	forward(&w, 1000);
	assert_string_equal(drive(&w, 210, "scsi0"), "");
	assert_string_equal(drive(&w, 210, "boot"), "order=ide0;net0");
	assert_string_equal(drive(&w, 299, "scsi0"), "local-lvm:vm-299-disk-0,backup=0,size=1G");
	assert_string_equal(run(&w, "POST", Q "/299/move_disk",
				    "disk=scsi0&target-vmid=210&target-disk=unused3"),
		"OK");
	assert_string_equal(drive(&w, 210, "unused3"), "local-lvm:vm-210-disk-0");
	assert_string_equal(run(&w, "POST", Q "/210/move_disk",
				    "disk=unused3&target-vmid=299&target-disk=virtio1"),
		"OK");
	assert_string_equal(drive(&w, 299, "virtio1"), "local-lvm:vm-299-disk-0,size=1G");
	assert_string_equal(drive(&w, 210, "boot"), "order=ide0;net0");
	world_close(&w);
}

PM_TEST(sim_reassign_of_a_disk_is_refused)
{
	struct world w;

	begin_machines(&w);
	assert_string_equal(
		no_drive(&w, "disk=scsi0&target-vmid=777"), "could not find target VM 777");
	assert_string_equal(no_drive(&w, "disk=scsi7&target-vmid=299"),
		"Disk 'scsi7' for VM '210' does not exist");
	assert_string_equal(no_drive(&w, "disk=ide2&target-vmid=299"),
		"CD drive contents can't be moved to another VM");
	assert_string_equal(no_drive(&w, "disk=scsi0&target-vmid=299&digest=0123"),
		"VM 210: detected modified configuration - file changed by other user? Try again.");
	assert_string_equal(no_drive(&w, "disk=scsi0&target-vmid=299&target-digest=0123"),
		"VM 299: detected modified configuration - file changed by other user? Try again.");
	assert_string_equal(run(&w, "POST", Q "/299/config", "scsi0=local-lvm%3A1"), "OK");
	assert_string_equal(no_drive(&w, "disk=scsi0&target-vmid=299"),
		"Target disk key 'scsi0' is already in use for VM '299'");
	assert_string_equal(run(&w, "POST", Q "/210/status/start", ""), "OK");
	assert_string_equal(no_drive(&w, "disk=scsi1&target-vmid=299"),
		"Cannot move disk to another VM while the source VM is running - detach first");
	world_close(&w);
}

/* A machine that runs takes what can be plugged in at once, the rest at its next start. */
PM_TEST(sim_reassign_to_a_running_machine)
{
	struct world w;
	const struct answer *a;

	begin_machines(&w);
	assert_string_equal(run(&w, "POST", Q "/299/status/start", ""), "OK");
	assert_string_equal(
		run(&w, "POST", Q "/210/move_disk", "disk=scsi0&target-vmid=299"), "OK");
	assert_string_equal(
		run(&w, "POST", Q "/210/move_disk", "disk=scsi1&target-vmid=299&target-disk=sata0"),
		"OK");
	a = ask(&w, "GET", Q "/299/config?current=1", NULL);
	assert_string_equal(data(a, "scsi0"), "local-lvm:vm-299-disk-0,backup=0,size=1G");
	assert_string_equal(data(a, "sata0"), "");
	assert_string_equal(drive(&w, 299, "sata0"), "local-lvm:vm-299-disk-1,size=1G");
	world_close(&w);
}
