/* See subject.h. */
#include "subject.h"

#include <string.h>

#include "base/mem.h"

#define DISK(slot) "{slot: " slot ", storage: local-lvm, size: 1Gi, backup: true}"
const struct subject subjects[] = {
	{ .id = "Pod/shop/db",
		.type = "lxc",
		.head = "apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n"
			"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			"  rootfs: {storage: local-lvm, size: 4Gi}\n",
		.anew = { "", "  unprivileged: false\n" },
		.list = "volumes",
		.data = "{path: /data, storage: local-lvm, size: 1Gi, backup: true}",
		.more = "{path: /more, storage: local-lvm, size: 1Gi}",
		.moved = "{path: /data, storage: local, size: 6Gi}",
		.grown = "{path: /data, storage: local-lvm, size: 5Gi}",
		.key = { "mp0", "mp1" },
		.again = { "mp1", "mp0" },
		.cold = "",
		.has = { "mp=/data,backup=1", "mp=/more" },
		.hand = { "mp7", "mp7=local-lvm%3A5%2Cmp%3D%2Fhand%2Cro%3D1" },
		.fresh = { "unprivileged", "0" },
		.guests = 1 },
	{ .id = "VirtualMachine/shop/db", /* made of itself: all of its disks live on, the first one too */
		.type = "qemu",
		.head = VM_HEAD("  machine: {type: q35}\n  bios: ovmf\n"
				"  efidisk: {storage: local-lvm, efitype: 4m}\n"),
		.anew = { "  tpmstate: {storage: local-lvm, version: v1.2}\n",
			"  tpmstate: {storage: local-lvm, version: v2.0}\n" },
		.list = "disks",
		.data = DISK("scsi0"),
		.more = DISK("virtio1"),
		.moved = "{slot: scsi0, storage: local, size: 6Gi}",
		.grown = "{slot: scsi0, storage: local-lvm, size: 5Gi}",
		.key = { "scsi0", "virtio1" },
		.again = { "scsi0", "virtio1" },
		.cold = "  hotplug: [\"0\"]\n",
		.has = { "backup=1", "backup=1" },
		.hand = { "scsi7", "scsi7=local-lvm%3A5%2Cdiscard%3Don" },
		.fresh = { "tpmstate0", "version=v2.0" },
		.small = "efidisk0",
		.boots = "order=scsi0",
		.guests = 1 },
	{ .id = "VirtualMachine/shop/db", /* a copy: what its template has comes with the new one */
		.type = "qemu",
		.head = VM_HEAD(""),
		.anew = { "  clone: {from: \"9000\"}\n", "  clone: {from: \"9001\"}\n" },
		.list = "disks",
		.data = DISK("scsi1"),
		.more = DISK("virtio1"),
		.moved = "{slot: scsi1, storage: local, size: 6Gi}",
		.grown = "{slot: scsi1, storage: local-lvm, size: 5Gi}",
		.key = { "scsi1", "virtio1" },
		.again = { "scsi1", "virtio1" },
		.cold = "  hotplug: [\"0\"]\n",
		.has = { "backup=1", "backup=1" },
		.hand = { "scsi7", "scsi7=local-lvm%3A5%2Cdiscard%3Don" },
		.fresh = { "scsi0", "size=3G" },
		.boots = "order=scsi0",
		.guests = 3 },
	{ 0 },
};

const char *subject_manifest(
	struct world *w, const struct subject *s, bool fresh, const char *more, const char *entries)
{
	const char *lifecycle = strstr(more, "lifecycle") ? "" : "  lifecycle: {replace: allow}\n";

	return pm_arena_printf(w->arena, "%s%s%s%s  %s: [%s]\n", s->head, s->anew[fresh], lifecycle,
		more, s->list, entries);
}

const char *subject_both(struct world *w, const struct subject *s)
{
	return pm_arena_printf(w->arena, "%s, %s", s->data, s->more);
}

const char *subject_value(struct world *w, const struct subject *s, const char *key)
{
	return pm_arena_strdup(w->arena, world_control(w, "get %u %s", world_vmid(w, s->id), key));
}

int subject_call(struct world *w, const struct subject *s, const char *method, const char *what,
	const char *form)
{
	int status = world_call(w, method,
		pm_arena_printf(
			w->arena, "/nodes/pve1/%s/%u/%s", s->type, world_vmid(w, s->id), what),
		form);

	world_wait(w, 30);
	return status;
}

static void template(struct world *w, unsigned vmid, unsigned gib)
{
	assert_int_equal(world_call(w, "POST", "/nodes/pve1/qemu",
				 pm_arena_printf(w->arena, "vmid=%u&name=t&scsi0=local-lvm%%3A%u",
					 vmid, gib)),
		200);
	world_wait(w, 5);
	assert_int_equal(
		world_call(w, "POST",
			pm_arena_printf(w->arena, "/nodes/pve1/qemu/%u/template", vmid), ""),
		200);
	world_wait(w, 5);
}

void subject_begin(struct world *w, const struct subject *s, const char *more)
{
	world_new(w, 1);
	for (unsigned i = 1; i < s->guests; i++)
		template(w, 8999 + i, 1 + i);
	world_manifest(w, "a.yaml", subject_manifest(w, s, false, more, subject_both(w, s)));
	world_apply(w);
	for (unsigned i = 0; i < 2; i++)
		assert_int_equal(
			subject_call(w, s, "PUT", "resize",
				pm_arena_printf(w->arena, "disk=%s&size=%uG", s->key[i], 2 + i)),
			200);
	if (s->small)
		assert_int_equal(subject_call(w, s, "PUT", "resize",
					 pm_arena_printf(w->arena, "disk=%s&size=8M", s->small)),
			200);
}
