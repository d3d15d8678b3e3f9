/* Virtual machines: what a create leaves, what a change does at once and what later, power, copies. */
#include "sim_test.h"

#define Q  "/nodes/pve1/qemu"
#define CT "/nodes/pve1/lxc"

static void make(struct world *w, unsigned vmid, const char *more)
{
	char body[800];

	(void)snprintf(body, sizeof(body), "vmid=%u%s%s", vmid, *more ? "&" : "", more);
	assert_string_equal(run(w, "POST", Q, body), "OK");
}

/* A setting in force of VM 300, and one that waits. */
static const char *now(struct world *w, const char *key)
{
	return data(ask(w, "GET", Q "/300/config?current=1", NULL), key);
}

static const char *waits(struct world *w, const char *key)
{
	struct json_object *rows = pm_json_get(ask(w, "GET", Q "/300/pending", NULL)->json, "data");

	for (size_t i = 0; rows && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *k = pm_json_str(row, "key");

		if (k && !strcmp(k, key))
			return pm_json_str(row, "delete")    ? "gone"
			       : pm_json_str(row, "pending") ? pm_json_str(row, "pending")
							     : "";
	}
	return "";
}

static void put(struct world *w, const char *body)
{
	const struct answer *a = ask(w, "PUT", Q "/300/config", body);

	if (a->status != 200)
		print_error("PUT %s: %d %s %s\n", body, a->status, a->reason, a->text);
	assert_int_equal(a->status, 200);
}

static const char *is(struct world *w, const char *key)
{
	return data(ask(w, "GET", Q "/300/status/current", NULL), key);
}

static bool stored(struct world *w, const char *storage, const char *volid)
{
	char path[100];

	(void)snprintf(path, sizeof(path), "/nodes/pve1/storage/%s/content", storage);
	return strstr(ask(w, "GET", path, NULL)->text, volid) != NULL;
}

PM_TEST(sim_vm_create_claims_at_once)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	a = ask(&w, "POST", Q, "vmid=300&name=web&memory=64");
	assert_has(whole(a), ":qmcreate:300:root@pam:");
	a = ask(&w, "GET", Q "/300/config", NULL);
	assert_string_equal(data(a, "lock"), "create");
	assert_string_equal(data(a, "name"), "");
	a = ask(&w, "POST", Q, "vmid=300");
	assert_string_equal(
		a->reason, "unable to create VM 300 - VM 300 already exists on node 'pve1'");
	forward(&w, 300);
	assert_string_equal(now(&w, "name"), "web");
	assert_string_equal(now(&w, "lock"), "");
	world_close(&w);
}

PM_TEST(sim_vm_create_fills_in)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"scsi0=local-lvm%3A8%2Ciothread%3Don&scsi1=local%3A1%2Cformat%3Dqcow2&ide2=none%2Cmedia%3D"
		"cdrom&net0=virtio%2Cbridge%3Dvmbr0%2Cfirewall%3D1&net1=model%3De1000%2Cmacaddr%3DBC%3A24%3A"
		"11%3AAA%3ABB%3ACC%2Cbridge%3Dvmbr1&efidisk0=local-lvm%3A1%2Cefitype%3D4m&tpmstate0="
		"local%3A1%2Cversion%3Dv2.0&sata0=local-lvm%3Acloudinit&tags=B%3Ba&description=x%0A&memory="
		"128&cores=2");
	a = ask(&w, "GET", Q "/300/config", NULL);
	/* keys are made in order: efidisk0, sata0, scsi0, scsi1, tpmstate0 */
	assert_string_equal(data(a, "efidisk0"), "local-lvm:vm-300-disk-0,efitype=4m,size=4M");
	assert_string_equal(data(a, "scsi0"), "local-lvm:vm-300-disk-1,iothread=1,size=8G");
	assert_string_equal(data(a, "scsi1"), "local:300/vm-300-disk-0.qcow2,size=1G");
	assert_string_equal(
		data(a, "tpmstate0"), "local:300/vm-300-disk-1.raw,size=4M,version=v2.0");
	assert_string_equal(data(a, "sata0"), "local-lvm:vm-300-cloudinit,media=cdrom");
	assert_has(data(a, "net0"), "virtio=BC:24:11:");
	assert_has(data(a, "net0"), ",bridge=vmbr0,firewall=1");
	assert_string_equal(data(a, "net1"), "e1000=BC:24:11:AA:BB:CC,bridge=vmbr1");
	assert_string_equal(data(a, "boot"), "order=scsi0;ide2;net0");
	assert_string_equal(data(a, "tags"), "a;b");
	assert_string_equal(data(a, "description"), "x");
	assert_has(data(a, "smbios1"), "uuid=");
	assert_has(data(a, "meta"), "creation-qemu=");
	assert_int_equal(strlen(data(a, "vmgenid")), 36);
	assert_has(a->text, "\"memory\":\"128\"");
	assert_has(a->text, "\"cores\":2");
	world_close(&w);
}

PM_TEST(sim_vm_failed_create_leaves_nothing)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	assert_string_equal(
		run(&w, "POST", Q, "vmid=300&scsi0=local%3A1&scsi1=local-lvm%3A1%2Cformat%3Dqcow2"),
		"unable to create VM 300 - unsupported format 'qcow2'");
	assert_int_equal(ask(&w, "GET", Q "/300/config", NULL)->status, 500);
	assert_false(stored(&w, "local", "vm-300"));
	assert_string_equal(ask(&w, "POST", Q, "vmid=300&scsi0=nope%3A1")->reason,
		"storage 'nope' does not exist");
	world_close(&w);
}

PM_TEST(sim_vm_import)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A3");
	make(&w, 301, "scsi0=local-lvm%3A0%2Cimport-from%3Dlocal%3A300%2Fvm-300-disk-0.raw");
	assert_string_equal(data(ask(&w, "GET", Q "/301/config", NULL), "scsi0"),
		"local-lvm:vm-301-disk-0,size=3G");
	assert_string_equal(
		error_of(
			ask(&w, "POST", Q,
				"vmid=302&scsi0=local%3A1%2Cimport-from%3Dlocal%3A300%2Fvm-300-disk-0.raw"),
			"scsi0"),
		"'import-from' requires special syntax - use <storage ID>:0,import-from=<source>");
	assert_has(run(&w, "POST", Q,
			   "vmid=302&scsi0=local%3A0%2Cimport-from%3Dlocal%3Aimport%2Fno.raw"),
		"cannot import from 'local:import/no.raw'");
	world_close(&w);
}

PM_TEST(sim_vm_hotplug)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"memory=64&net0=virtio%2Cbridge%3Dvmbr0&scsi0=local%3A1&start=1&cores=1&agent=1");
	forward(&w, 500);
	put(&w, "memory=96&name=n&description=d&cores=2&onboot=1&cpulimit=1.5&net1=virtio%2Cbridge%3D"
		"vmbr1&scsi1=local%3A2&sata1=local%3A1&bios=ovmf&tags=Z&balloon=32");
	assert_string_equal(now(&w, "memory"), "64");
	assert_string_equal(waits(&w, "memory"), "96");
	assert_string_equal(waits(&w, "cores"), "2");
	assert_string_equal(waits(&w, "bios"), "ovmf");
	assert_has(waits(&w, "sata1"), "local:300/vm-300-disk-1.raw"); /* a bus without hotplug */
	assert_string_equal(now(&w, "name"), "n");
	assert_string_equal(now(&w, "description"), "d");
	assert_string_equal(now(&w, "onboot"), "1");
	assert_string_equal(now(&w, "cpulimit"), "1.5");
	assert_string_equal(now(&w, "tags"), "z");
	assert_string_equal(now(&w, "balloon"), "32");
	assert_has(now(&w, "net1"), "bridge=vmbr1");
	assert_string_equal(now(&w, "scsi1"), "local:300/vm-300-disk-2.raw,size=2G");
	put(&w, "delete=bios,scsi1,cores");
	assert_string_equal(now(&w, "scsi1"), "");
	assert_string_equal(now(&w, "unused0"), "local:300/vm-300-disk-2.raw");
	assert_string_equal(waits(&w, "bios"), "");
	assert_string_equal(waits(&w, "cores"), "gone");
	put(&w, "revert=memory");
	assert_string_equal(waits(&w, "memory"), "");
	assert_string_equal(run(&w, "POST", Q "/300/status/stop", NULL), "OK");
	assert_string_equal(now(&w, "memory"), "64");
	assert_has(now(&w, "sata1"), "local:300/vm-300-disk-1.raw");
	assert_string_equal(now(&w, "cores"), "");
	assert_string_equal(now(&w, "bios"), "");
	world_close(&w);
}

PM_TEST(sim_vm_hotplug_refuses)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "net0=virtio%2Cbridge%3Dvmbr0&scsi0=local%3A1&hotplug=0&start=1");
	forward(&w, 500);
	a = ask(&w, "PUT", Q "/300/config", "net0=virtio%2Cbridge%3Dvmbr9&name=x");
	assert_int_equal(a->status, 400);
	assert_has(error_of(a, "net0"), "hotplug problem - bridge 'vmbr9' does not exist");
	assert_has(waits(&w, "net0"), "vmbr9"); /* the rest is done, this one waits */
	assert_string_equal(now(&w, "name"), "x");
	put(&w, "scsi1=local%3A1&delete=scsi0");
	assert_has(waits(&w, "scsi1"), "vm-300-disk-1");
	assert_string_equal(waits(&w, "scsi0"), "gone");
	a = ask(&w, "PUT", Q "/300/config", "balloon=4096");
	assert_string_equal(
		a->reason, "balloon value too large (must be smaller than assigned memory)");
	a = ask(&w, "PUT", Q "/300/config", "boot=order%3Dscsi7");
	assert_string_equal(a->reason, "invalid bootorder: device 'scsi7' does not exist'");
	world_close(&w);
}

/* PVE::QemuServer::vm_deviceunplug and vmconfig_update_disk: refused, and kept for the next start. */
PM_TEST(sim_vm_hotplug_of_drives_refuses)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"scsi0=local%3A1&scsi1=local%3A1&ide0=local%3A1&ide2=none,media%3Dcdrom"
		"&boot=order%3Dscsi0&start=1");
	forward(&w, 500);
	a = ask(&w, "PUT", Q "/300/config", "delete=scsi0,scsi1");
	assert_int_equal(a->status, 400);
	assert_has(error_of(a, "scsi0"), "hotplug problem - can't unplug bootdisk 'scsi0'");
	assert_string_equal(waits(&w, "scsi0"), "gone");
	assert_string_equal(now(&w, "scsi1"), "");
	a = ask(&w, "PUT", Q "/300/config", "ide0=local%3A1");
	assert_has(error_of(a, "ide0"), "hotplug problem - can't unplug device 'ide0'");
	a = ask(&w, "PUT", Q "/300/config", "ide2=local%3A1");
	assert_has(error_of(a, "ide2"), "hotplug problem - unable to change media type");
	assert_string_equal(run(&w, "POST", Q "/300/status/stop", NULL), "OK");
	assert_string_equal(now(&w, "scsi0"), "");
	world_close(&w);
}

/* PVE::QemuServer::qemu_cpu_hotplug and PVE::QemuServer::Memory */
PM_TEST(sim_vm_hotplug_of_memory_and_processors)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"hotplug=cpu,memory&numa=1&memory=2048&cores=4&vcpus=2&scsi0=local%3A1&start=1");
	forward(&w, 500);
	put(&w, "vcpus=4&memory=4000");
	assert_string_equal(now(&w, "vcpus"), "4");
	assert_string_equal(now(&w, "memory"), "4096"); /* in whole modules */
	put(&w, "memory=2600");
	assert_string_equal(now(&w, "memory"), "2560");
	a = ask(&w, "PUT", Q "/300/config", "vcpus=5&memory=512");
	assert_has(error_of(a, "vcpus"), "you can't add more vcpus than maxcpus");
	assert_has(error_of(a, "memory"), "memory can't be lower than 1024 MB");
	assert_string_equal(run(&w, "POST", Q "/300/status/stop", NULL), "OK");
	assert_has(run(&w, "POST", Q "/300/status/start", NULL), "minimum memory must be 1024MB");
	put(&w, "memory=1100");
	assert_has(run(&w, "POST", Q "/300/status/start", NULL), "must be aligned to 512");
	put(&w, "memory=1536");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "OK");
	world_close(&w);
}

PM_TEST(sim_vm_drives)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1&scsi1=local%3A2&boot=order%3Dscsi0%3Bscsi1");
	put(&w, "scsi0=local%3A300%2Fvm-300-disk-0.raw%2Cdiscard%3Don");
	assert_string_equal(now(&w, "scsi0"), "local:300/vm-300-disk-0.raw,discard=on,size=1G");
	assert_string_equal(now(&w, "unused0"), ""); /* the volume is still in use */
	put(&w, "delete=scsi1");
	assert_string_equal(now(&w, "unused0"), "local:300/vm-300-disk-1.raw");
	assert_string_equal(now(&w, "boot"), "order=scsi0");
	put(&w, "virtio3=local%3A300%2Fvm-300-disk-1.raw");
	assert_string_equal(now(&w, "virtio3"), "local:300/vm-300-disk-1.raw,size=2G");
	assert_string_equal(now(&w, "unused0"), "");
	put(&w, "delete=virtio3&force=1");
	assert_false(stored(&w, "local", "vm-300-disk-1"));
	assert_string_equal(now(&w, "unused0"), "");
	put(&w, "ide2=local%3Acloudinit");
	assert_string_equal(now(&w, "ide2"), "local:300/vm-300-cloudinit.qcow2,media=cdrom");
	assert_string_equal(now(&w, "boot"), "order=scsi0;ide2");
	put(&w, "delete=ide2");
	assert_false(stored(&w, "local", "cloudinit"));
	put(&w, "protection=1");
	assert_string_equal(ask(&w, "PUT", Q "/300/config", "delete=scsi0")->reason,
		"can't remove drive 'scsi0' - protection mode enabled");
	put(&w, "protection=0");
	assert_int_equal(ask(&w, "PUT", Q "/300/unlink", "idlist=scsi0")->status, 200);
	put(&w, "delete=unused0");
	assert_false(stored(&w, "local", "vm-300-disk"));
	world_close(&w);
}

PM_TEST(sim_vm_config_as_task)
{
	struct world w;
	const struct answer *a;
	char digest[60], body[120];

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "");
	(void)snprintf(digest, sizeof(digest), "%s", now(&w, "digest"));
	assert_string_equal(run(&w, "POST", Q "/300/config", "cores=2&scsi0=local%3A1"), "OK");
	assert_string_equal(now(&w, "cores"), "2");
	assert_has(now(&w, "scsi0"), "vm-300-disk-0");
	(void)snprintf(body, sizeof(body), "cores=3&digest=%s", digest);
	a = ask(&w, "POST", Q "/300/config", body);
	assert_string_equal(a->reason, "checksum mismatch (file change by other user?)");
	a = ask(&w, "POST", Q "/300/config", "cores=4&background_delay=5");
	assert_has(a->text, "\"data\":null");
	assert_int_equal(a->took_ns / PM_MS_NS, 200);
	assert_string_equal(now(&w, "cores"), "4");
	a = ask(&w, "POST", Q "/300/config", "scsi1=local%3A300%2Fnone.raw&background_delay=5");
	assert_string_equal(
		a->reason, "failed to update VM 300: volume local:300/none.raw does not exist");
	assert_string_equal(error_of(ask(&w, "PUT", Q "/300/config", "delete=nope"), "delete"),
		"unknown option 'nope'");
	world_close(&w);
}

PM_TEST(sim_vm_locks)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "");
	put(&w, "lock=backup");
	assert_string_equal(
		ask(&w, "PUT", Q "/300/config", "cores=2")->reason, "VM is locked (backup)");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "VM is locked (backup)");
	assert_string_equal(run(&w, "DELETE", Q "/300", NULL), "VM is locked (backup)");
	put(&w, "delete=lock&skiplock=1");
	assert_string_equal(control(&w, "hold-lock 300 60"), "ok");
	assert_string_equal(ask(&w, "PUT", Q "/300/config", "cores=2")->reason,
		"can't lock file '/var/lock/qemu-server/lock-300.conf' - got timeout");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL),
		"can't lock file '/var/lock/qemu-server/lock-300.conf' - got timeout");
	world_close(&w);
}

PM_TEST(sim_vm_power)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "agent=1&memory=64");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "OK");
	assert_string_equal(is(&w, "qmpstatus"), "running");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "VM 300 already running");
	assert_string_equal(run(&w, "POST", Q "/300/status/suspend", NULL), "OK");
	assert_string_equal(is(&w, "qmpstatus"), "paused");
	assert_string_equal(is(&w, "status"), "running");
	assert_string_equal(ask(&w, "POST", Q "/300/status/shutdown", NULL)->reason,
		"VM is paused - cannot shutdown");
	assert_string_equal(run(&w, "POST", Q "/300/status/resume", NULL), "OK");
	put(&w, "memory=96");
	assert_string_equal(run(&w, "POST", Q "/300/status/reboot", NULL), "OK");
	assert_string_equal(now(&w, "memory"), "96");
	assert_string_equal(run(&w, "POST", Q "/300/status/reset", NULL), "OK");
	assert_string_equal(run(&w, "POST", Q "/300/status/shutdown", NULL), "OK");
	assert_string_equal(is(&w, "status"), "stopped");
	assert_string_equal(run(&w, "POST", Q "/300/status/stop", NULL), "OK");
	assert_string_equal(
		ask(&w, "POST", Q "/300/status/reset", NULL)->reason, "VM 300 not running");
	put(&w, "net0=virtio%2Cbridge%3Dvmbr7");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL),
		"start failed: QEMU exited with code 1");
	world_close(&w);
}

PM_TEST(sim_vm_that_does_not_heed)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1&start=1");
	forward(&w, 500);
	assert_string_equal(run(&w, "POST", Q "/300/status/shutdown", "timeout=3"),
		"VM quit/powerdown failed - got timeout");
	assert_string_equal(is(&w, "status"), "running");
	assert_string_equal(
		run(&w, "POST", Q "/300/status/shutdown", "timeout=3&forceStop=1"), "OK");
	assert_string_equal(is(&w, "status"), "stopped");
	/* a disk that holds something heeds: a copy of one that was imported */
	make(&w, 301, "scsi0=local%3A0%2Cimport-from%3Dlocal%3A300%2Fvm-300-disk-0.raw&start=1");
	forward(&w, 500);
	assert_string_equal(run(&w, "POST", Q "/301/status/shutdown", NULL), "OK");
	world_close(&w);
}

PM_TEST(sim_vm_suspend_to_disk)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1&memory=64&start=1");
	forward(&w, 500);
	assert_string_equal(run(&w, "POST", Q "/300/status/suspend", "todisk=1"), "OK");
	assert_string_equal(is(&w, "status"), "stopped");
	assert_string_equal(is(&w, "lock"), "suspended");
	assert_true(stored(&w, "local", "vm-300-state-suspend-"));
	assert_string_equal(run(&w, "POST", Q "/300/status/resume", NULL), "OK");
	assert_string_equal(is(&w, "status"), "running");
	assert_string_equal(is(&w, "lock"), "");
	assert_false(stored(&w, "local", "vm-300-state"));
	world_close(&w);
}

PM_TEST(sim_vm_snapshots)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1%2Cformat%3Dqcow2&memory=64&start=1");
	forward(&w, 500);
	assert_string_equal(
		run(&w, "POST", Q "/300/snapshot", "snapname=one&description=d&vmstate=1"), "OK");
	assert_true(stored(&w, "local", "vm-300-state-one"));
	a = ask(&w, "GET", Q "/300/snapshot", NULL);
	assert_has(a->text, "\"vmstate\":1");
	assert_has(a->text, "\"description\":\"d\"");
	put(&w, "name=later");
	assert_string_equal(run(&w, "POST", Q "/300/snapshot/one/rollback", NULL), "OK");
	assert_string_equal(now(&w, "name"), "");
	assert_string_equal(is(&w, "status"), "running"); /* its memory came back, too */
	assert_string_equal(
		data(ask(&w, "GET", Q "/300/config?snapshot=one", NULL), "memory"), "64");
	assert_int_equal(ask(&w, "GET", Q "/300/config?snapshot=one&current=1", NULL)->status, 400);
	assert_string_equal(run(&w, "POST", Q "/300/snapshot", "snapname=one"),
		"snapshot name 'one' already used");
	world_close(&w);
}

PM_TEST(sim_vm_snapshot_needs_a_format)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1");
	assert_string_equal(run(&w, "POST", Q "/300/snapshot", "snapname=one"),
		"snapshot feature is not available");
	assert_string_equal(ask(&w, "POST", Q "/300/snapshot", "snapname=current")->reason,
		"unable to use snapshot name 'current' (reserved name)");
	assert_string_equal(
		run(&w, "DELETE", Q "/300/snapshot/one", NULL), "snapshot 'one' does not exist");
	world_close(&w);
}

PM_TEST(sim_vm_clones)
{
	struct world w;
	const struct answer *a;
	char card[80];

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"name=a&net0=virtio%2Cbridge%3Dvmbr0&scsi0=local%3A2%2Cformat%3Dqcow2&ide2=local%3A"
		"cloudinit&tags=t");
	assert_string_equal(ask(&w, "POST", Q "/300/clone", "newid=301&full=0")->reason,
		"Linked clone feature is not supported for 'local:300/vm-300-disk-0.qcow2' (scsi0)");
	assert_string_equal(
		run(&w, "POST", Q "/300/clone", "newid=301&name=b&storage=local-lvm"), "OK");
	a = ask(&w, "GET", Q "/301/config", NULL);
	assert_string_equal(data(a, "scsi0"), "local-lvm:vm-301-disk-0,size=2G");
	assert_has(data(a, "ide2"), "local-lvm:vm-301-cloudinit,");
	assert_string_equal(data(a, "name"), "b");
	assert_string_equal(data(a, "tags"), "t");
	(void)snprintf(card, sizeof(card), "%s", data(a, "net0"));
	assert_string_not_equal(now(&w, "net0"), card);
	assert_string_equal(run(&w, "POST", Q "/300/template", NULL), "OK");
	assert_has(now(&w, "scsi0"), "local:300/base-300-disk-0.qcow2");
	assert_string_equal(run(&w, "POST", Q "/300/clone", "newid=302"), "OK");
	a = ask(&w, "GET", Q "/302/config", NULL);
	assert_string_equal(data(a, "scsi0"),
		"local:300/base-300-disk-0.qcow2/302/vm-302-disk-0.qcow2,size=2G");
	assert_string_equal(data(a, "name"), "Copy-of-VM-a");
	assert_string_equal(run(&w, "DELETE", Q "/300", NULL),
		"base volume 'local:300/base-300-disk-0.qcow2' is still in use by linked cloned");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL),
		"you can't start a vm if it's a template");
	assert_string_equal(ask(&w, "POST", Q "/300/clone", "newid=302")->reason,
		"unable to create VM 302: config file already exists");
	world_close(&w);
}

/* The id is claimed in the task, so of two that want one the second is told there. */
PM_TEST(sim_vm_two_clones_one_id)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "");
	(void)ask(&w, "POST", Q "/300/clone", "newid=301");
	assert_string_equal(ask(&w, "POST", Q "/300/clone", "newid=301")->reason,
		"unable to create VM 301: config file already exists");
	forward(&w, 500);
	assert_string_equal(data(ask(&w, "GET", Q "/301/config", NULL), "name"), "Copy-of-VM-300");
	world_close(&w);
}

PM_TEST(sim_vm_volumes)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1&ide2=none%2Cmedia%3Dcdrom");
	make(&w, 301, "");
	assert_string_equal(run(&w, "PUT", Q "/300/resize", "disk=scsi0&size=%2B1G"), "OK");
	assert_string_equal(
		run(&w, "PUT", Q "/300/resize", "disk=scsi0&size=2G"), "OK"); /* no change */
	assert_string_equal(run(&w, "PUT", Q "/300/resize", "disk=scsi0&size=1G"),
		"shrinking disks is not supported");
	assert_string_equal(
		run(&w, "PUT", Q "/300/resize", "disk=ide2&size=1G"), "you can't resize a cdrom");
	assert_string_equal(
		run(&w, "POST", Q "/300/move_disk", "disk=scsi0&storage=local-lvm"), "OK");
	assert_string_equal(now(&w, "scsi0"), "local-lvm:vm-300-disk-0,size=2G");
	assert_string_equal(now(&w, "unused0"), "local:300/vm-300-disk-0.raw");
	assert_string_equal(
		ask(&w, "POST", Q "/300/move_disk", "disk=scsi0&storage=local-lvm")->reason,
		"you can't move to the same storage with same format");
	assert_string_equal(run(&w, "POST", Q "/300/move_disk",
				    "disk=scsi0&target-vmid=301&target-disk=virtio0"),
		"OK");
	assert_string_equal(now(&w, "scsi0"), "");
	assert_string_equal(data(ask(&w, "GET", Q "/301/config", NULL), "virtio0"),
		"local-lvm:vm-301-disk-0,size=2G");
	assert_int_equal(ask(&w, "POST", Q "/300/move_disk", "disk=unused0")->status, 400);
	world_close(&w);
}

PM_TEST(sim_vm_migrates)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ .nodes = 2 });
	make(&w, 300, "scsi0=local%3A1&start=1");
	forward(&w, 500);
	a = ask(&w, "GET", Q "/300/migrate", NULL);
	assert_has(a->text, "\"allowed_nodes\":[\"pve2\"]");
	assert_has(a->text, "\"volid\":\"local:300/vm-300-disk-0.raw\"");
	assert_string_equal(ask(&w, "POST", Q "/300/migrate", "target=pve2")->reason,
		"can't migrate running VM without --online");
	assert_string_equal(
		run(&w, "POST", Q "/300/migrate", "target=pve2&online=1"), "migration aborted");
	assert_string_equal(now(&w, "lock"), "");
	assert_string_equal(
		run(&w, "POST", Q "/300/migrate", "target=pve2&online=1&with-local-disks=1"), "OK");
	assert_int_equal(ask(&w, "GET", Q "/300/config", NULL)->status, 500);
	a = ask(&w, "GET", "/nodes/pve2/qemu/300/status/current", NULL);
	assert_string_equal(data(a, "status"), "running");
	assert_string_equal(
		error_of(ask(&w, "POST", "/nodes/pve2/qemu/300/migrate", "target=pve2"), "target"),
		"target is local node.");
	world_close(&w);
}

PM_TEST(sim_vm_moved_by_ha)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .nodes = 2 });
	make(&w, 300, "scsi0=local%3A1&start=1&ha-managed=1");
	forward(&w, 500);
	assert_has(ask(&w, "POST", Q "/300/status/start", NULL)->text, ":hastart:300:");
	assert_string_equal(run(&w, "POST", Q "/300/migrate", "target=pve2&online=1"), "OK");
	forward(&w, 500);
	assert_string_equal(
		data(ask(&w, "GET", "/nodes/pve2/qemu/300/status/current", NULL), "status"),
		"running");
	assert_string_equal(
		ask(&w, "POST", "/nodes/pve2/qemu/300/status/suspend", "todisk=1")->reason,
		"Cannot suspend HA managed VM to disk");
	world_close(&w);
}

PM_TEST(sim_vm_delete)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "scsi0=local%3A1&start=1");
	forward(&w, 500);
	assert_string_equal(
		ask(&w, "DELETE", Q "/300", NULL)->reason, "VM 300 is running - destroy failed");
	assert_string_equal(run(&w, "POST", Q "/300/status/stop", NULL), "OK");
	assert_int_equal(
		ask(&w, "POST", "/cluster/ha/resources", "sid=vm%3A300&state=stopped")->status,
		200);
	assert_string_equal(ask(&w, "DELETE", Q "/300", NULL)->reason,
		"unable to remove VM 300 - used in HA resources and purge parameter not set.");
	assert_string_equal(run(&w, "DELETE", Q "/300?purge=1", NULL), "OK");
	assert_false(stored(&w, "local", "vm-300"));
	assert_int_equal(ask(&w, "GET", "/cluster/ha/resources/vm:300", NULL)->status, 500);
	world_close(&w);
}

PM_TEST(sim_vm_cloudinit)
{
	struct world w;
	const struct answer *a;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"name=v&ide2=local%3Acloudinit&net0=virtio%3DBC%3A24%3A11%3A00%3A00%3A01%2Cbridge%3Dvmbr0&"
		"ipconfig0=ip%3D10.0.0.5%2F24%2Cgw%3D10.0.0.1&ciuser=joe&cipassword=geheim&agent=1");
	a = ask(&w, "GET", Q "/300/config", NULL);
	assert_string_equal(data(a, "cipassword"), "**********");
	a = ask(&w, "GET", Q "/300/cloudinit/dump?type=network", NULL);
	assert_has(whole(a), "mac_address: 'bc:24:11:00:00:01'");
	assert_has(whole(a), "address: '10.0.0.5'\n        netmask: '255.255.255.0'");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "OK");
	put(&w, "ciuser=ann&nameserver=1.1.1.1&cipassword=other");
	a = ask(&w, "GET", Q "/300/cloudinit", NULL);
	assert_has(a->text, "{\"key\":\"ciuser\",\"value\":\"joe\",\"pending\":\"ann\"}");
	assert_has(a->text, "{\"key\":\"nameserver\",\"pending\":\"1.1.1.1\"}");
	assert_null(strstr(a->text, "geheim"));
	assert_has(whole(ask(&w, "GET", Q "/300/cloudinit/dump?type=user", NULL)), "password: $5$");
	assert_int_equal(ask(&w, "PUT", Q "/300/cloudinit", NULL)->status, 200);
	a = ask(&w, "GET", Q "/300/cloudinit", NULL);
	assert_has(a->text, "{\"key\":\"ciuser\",\"value\":\"ann\"}");
	a = ask(&w, "GET", Q "/300/agent/network-get-interfaces", NULL);
	assert_has(a->text, "\"ip-address\":\"10.0.0.5\",\"prefix\":24");
	world_close(&w);
}

PM_TEST(sim_vm_agent)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "");
	assert_string_equal(ask(&w, "POST", Q "/300/agent/ping", NULL)->reason,
		"No QEMU guest agent configured");
	put(&w, "agent=1");
	assert_string_equal(
		ask(&w, "POST", Q "/300/agent/ping", NULL)->reason, "VM 300 is not running");
	assert_string_equal(run(&w, "POST", Q "/300/status/start", NULL), "OK");
	assert_has(ask(&w, "POST", Q "/300/agent/ping", NULL)->text, "{\"result\":{}}");
	put(&w, "agent=0");
	assert_string_equal(waits(&w, "agent"), "0");
	world_close(&w);
}

/* The volid of the only backup on `local`. */
static const char *backup(struct world *w, char volid[120])
{
	const char *at = strstr(
		ask(w, "GET", "/nodes/pve1/storage/local/content?content=backup", NULL)->text,
		"local:backup/");

	assert_non_null(at);
	(void)snprintf(volid, 120, "%.*s", (int)strcspn(at, "\""), at);
	return volid;
}

PM_TEST(sim_vm_restore)
{
	struct world w;
	const struct answer *a;
	char volid[120], body[300];

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300,
		"name=a&scsi0=local%3A2%2Cformat%3Dqcow2&scsi1=local%3A1%2Cbackup%3D0&description=t&cores=2");
	assert_string_equal(run(&w, "POST", "/nodes/pve1/vzdump", "vmid=300&storage=local"), "OK");
	backup(&w, volid);
	(void)snprintf(body, sizeof(body), "vmid=301&archive=%s&storage=local-lvm&cores=4", volid);
	assert_string_equal(run(&w, "POST", Q, body), "OK");
	a = ask(&w, "GET", Q "/301/config", NULL);
	assert_string_equal(data(a, "scsi0"), "local-lvm:vm-301-disk-0,size=2G");
	assert_string_equal(data(a, "scsi1"), "");
	assert_string_equal(data(a, "description"), "t");
	assert_string_equal(data(a, "cores"), "4");
	assert_string_equal(data(a, "lock"), "");
	(void)snprintf(body, sizeof(body), "vmid=300&archive=%s", volid);
	assert_string_equal(ask(&w, "POST", Q, body)->reason,
		"unable to restore VM 300 - VM 300 already exists on node 'pve1'");
	put(&w, "name=b");
	(void)snprintf(body, sizeof(body), "vmid=300&archive=%s&force=1", volid);
	assert_string_equal(run(&w, "POST", Q, body), "OK");
	assert_string_equal(now(&w, "name"), "a");
	put(&w, "protection=1");
	assert_string_equal(
		run(&w, "POST", Q, body), "unable to restore VM 300 - protection mode enabled");
	assert_string_equal(now(&w, "lock"), "");
	(void)snprintf(body, sizeof(body), "vmid=302&archive=%s&scsi0=local%%3A1", volid);
	assert_string_equal(error_of(ask(&w, "POST", Q, body), "scsi0"),
		"option conflicts with option 'archive'");
	world_close(&w);
}

PM_TEST(sim_vm_bulk)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ 0 });
	make(&w, 300, "agent=1");
	make(&w, 301, "agent=1");
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/start", "vms=300&vms=301"), "OK");
	assert_string_equal(is(&w, "qmpstatus"), "running");
	assert_string_equal(run(&w, "POST", "/cluster/bulk-action/guest/suspend", "vms=300"), "OK");
	assert_string_equal(is(&w, "qmpstatus"), "paused");
	assert_string_equal(run(&w, "POST", "/cluster/bulk-action/guest/start", "vms=300&vms=301"),
		"WARNINGS: 1"); /* one goes on, the other runs already */
	assert_string_equal(is(&w, "qmpstatus"), "running");
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/shutdown", "vms=300&vms=301"), "OK");
	assert_string_equal(is(&w, "status"), "stopped");
	assert_string_equal(
		run(&w, "POST", "/cluster/bulk-action/guest/shutdown", "vms=300"), "WARNINGS: 1");
	world_close(&w);
}

PM_TEST(sim_vm_rows)
{
	struct world w;

	world_open(&w, (struct pm_sim_options){ .stats_lag_ms = -1 });
	assert_int_equal(ask(&w, "POST", "/pools", "poolid=p")->status, 200);
	make(&w, 300, "memory=current%3D160&sockets=2&cores=3&scsi0=local%3A3&pool=p&tags=x");
	assert_string_equal(pm_json_str(row_of(&w, 300), "type"), "qemu");
	assert_string_equal(pm_json_str(row_of(&w, 300), "name"), "VM 300");
	assert_int_equal(pm_json_int(row_of(&w, 300), "maxmem", 0), 160 << 20);
	assert_int_equal(
		pm_json_int(row_of(&w, 300), "maxcpu", 0), 2); /* as many as the node has */
	assert_int_equal(pm_json_int(row_of(&w, 300), "maxdisk", 0), INT64_C(3) << 30);
	assert_string_equal(pm_json_str(row_of(&w, 300), "pool"), "p");
	assert_string_equal(pm_json_str(row_of(&w, 300), "tags"), "x");
	assert_has(ask(&w, "GET", "/pools/p", NULL)->text, "qemu/300");
	assert_int_equal(ask(&w, "POST", CT, MINIMAL "&vmid=300")->status, 500);
	assert_string_equal(ask(&w, "GET", CT "/300/config", NULL)->reason,
		"Configuration file 'nodes/pve1/lxc/300.conf' does not exist");
	world_close(&w);
}

PM_TEST(sim_vm_rights)
{
	struct world w;
	const struct answer *a;
	char who[100];

	world_open(&w, (struct pm_sim_options){ 0 });
	(void)snprintf(
		who, sizeof(who), "PVEAPIToken=root@pam!full=%s", pm_sim_token_secret(w.sim));
	make(&w, 300, "scsi0=local%3A1");
	/* root's token is not root: what only root may set is refused, all else is allowed */
	a = ask_as(&w, who, "PUT", Q "/300/config", "args=-foo");
	assert_string_equal(a->reason, "only root can set 'args' config");
	a = ask_as(&w, who, "PUT", Q "/300/config", "usb0=host%3D1234%3A5678");
	assert_string_equal(a->reason, "only root can set 'usb0' config for real devices");
	a = ask_as(&w, who, "PUT", Q "/300/config", "cores=2&skiplock=1");
	assert_string_equal(error_of(a, "skiplock"), "Only root may use this option.");
	a = ask_as(&w, who, "PUT", Q "/300/config", "cores=2&scsi1=local%3A1");
	assert_int_equal(a->status, 200);
	assert_string_equal(control(&w, "token-role root@pam!full PVEVMUser"), "ok");
	a = ask_as(&w, who, "PUT", Q "/300/config", "cores=3");
	assert_string_equal(a->reason, "Permission check failed (/vms/300, VM.Config.CPU)");
	a = ask_as(&w, who, "PUT", Q "/300/config", "scsi2=local%3A1");
	assert_string_equal(a->reason, "Permission check failed (/vms/300, VM.Config.Disk)");
	a = ask_as(&w, who, "PUT", Q "/300/config", "ciuser=x&ide2=none%2Cmedia%3Dcdrom");
	assert_int_equal(a->status, 200);
	a = ask_as(&w, who, "PUT", Q "/300/config", "delete=scsi1");
	assert_string_equal(a->reason, "Permission check failed (/vms/300, VM.Config.Disk)");
	assert_int_equal(ask_as(&w, who, "POST", Q "/300/status/start", NULL)->status, 200);
	assert_int_equal(ask_as(&w, who, "DELETE", Q "/300", NULL)->status, 403);
	assert_int_equal(ask_as(&w, who, "POST", Q, "vmid=301")->status, 403);
	world_close(&w);
}

PM_TEST(sim_vm_is_kept)
{
	struct world w;
	char file[] = "/tmp/podmox-sim-vm-XXXXXX";
	struct pm_error err;
	int fd = mkstemp(file);

	assert_true(fd >= 0);
	(void)close(fd);
	(void)unlink(file);
	world_open(&w, (struct pm_sim_options){ .state = file });
	make(&w, 300, "scsi0=local%3A1%2Cformat%3Dqcow2&ciuser=a&ide2=local%3Acloudinit&start=1");
	forward(&w, 500);
	put(&w, "ciuser=b&cores=2");
	assert_ok(pm_sim_save(w.sim, &err), &err);
	world_close(&w);
	world_open(&w, (struct pm_sim_options){ .state = file });
	assert_string_equal(is(&w, "status"), "running");
	assert_string_equal(waits(&w, "cores"), "2");
	assert_has(now(&w, "scsi0"), "vm-300-disk-0.qcow2");
	assert_has(ask(&w, "GET", Q "/300/cloudinit", NULL)->text,
		"\"value\":\"a\",\"pending\":\"b\"");
	world_close(&w);
	(void)unlink(file);
}
