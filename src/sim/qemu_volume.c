/* Resize and move_disk of virtual machines: to another storage, or to another machine. */
#include "sim/qemu_priv.h"

/* ---- resize ---- */

/* The volume of the task's disk; NULL: it fails, and says why. */
static struct sim_volume *resizable(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	const char *key = pm_s_task_get(t, "disk"), *digest = pm_s_task_get(t, "digest");
	const char *value = pm_s_conf_get(&g->cur, key);
	cleanup_free char *volid = pm_s_volume_at(&g->cur, key);
	struct sim_volume *v = volid ? pm_s_volume(s, volid, (int)g->node) : NULL;

	if (digest && strcmp(digest, pm_s_guest_digest(g)) != 0)
		pm_s_task_fail(t, "checksum mismatch (file change by other user?)");
	else if (!value)
		pm_s_task_fail(t, "disk '%s' does not exist", key);
	else if (pm_s_is_cdrom(value))
		pm_s_task_fail(t, "you can't resize a cdrom");
	else if (!v)
		pm_s_task_fail(t, "disk '%s' has no associated volume", key);
	return t->fails ? NULL : v;
}

static void resize_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);
	const char *key = pm_s_task_get(t, "disk"), *size = pm_s_task_get(t, "size");
	struct sim_volume *v = g ? resizable(s, t, g) : NULL;
	cleanup_free char *text = NULL;
	int64_t to;

	if (!g || !v)
		return;
	to = pm_s_parse_size(size + (*size == '+')) + (*size == '+' ? v->size : 0);
	if (to < v->size) {
		pm_s_task_fail(t, "shrinking disks is not supported");
		return;
	}
	if (to == v->size)
		return;
	v->size = to;
	text = pm_s_drive_with(pm_s_conf_get(&g->cur, key), v);
	pm_s_conf_set(&g->cur, key, text);
	pm_s_task_log(t, "Image resized.");
	pm_s_guest_touch(s, g);
}

void pm_s_vm_resize(struct sim_call *c)
{
	static const char *const kept[] = { "disk", "size", "digest" };
	const char *size = pm_s_arg(c, "size");
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock"))
		return;
	if (pm_s_parse_size(size + (*size == '+')) < 0) {
		pm_s_bad(c, "size", "value does not match the regex pattern");
		return;
	}
	t = pm_s_guest_task(c, "resize");
	t->end = resize_end;
	for (size_t i = 0; i < PM_COUNT(kept); i++)
		pm_s_task_arg(t, kept[i], pm_s_arg(c, kept[i]));
	pm_s_task_go(c, t);
}

/* ---- to another storage ---- */

static bool in_snapshot(const struct sim_guest *g, const char *volid)
{
	for (size_t i = 0; i < g->snaps.n; i++)
		for (size_t j = 0; j < g->snaps.v[i]->conf.n; j++) {
			cleanup_free char *other = pm_s_disk_volume(&g->snaps.v[i]->conf.v[j]);

			if (other && !strcmp(other, volid))
				return true;
		}
	return false;
}

static void move_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);
	const char *key = pm_s_task_get(t, "disk");
	cleanup_free char *volid = g ? pm_s_volume_at(&g->cur, key) : NULL, *text = NULL;
	struct sim_making m = { .s = s,
		.vmid = t->vmid,
		.node = t->node,
		.storage = pm_s_task_get(t, "storage"),
		.log = &t->log };
	struct sim_volume *v;

	if (!g)
		return;
	m.copied = pm_s_conf_get(&g->cur, key);
	if (!volid) {
		pm_s_task_fail(t, "disk '%s' does not exist", key);
		return;
	}
	pm_s_task_log(t, "copying volume '%s' from current storage '%.*s' to target storage '%s'",
		volid, (int)strcspn(volid, ":"), volid, m.storage);
	v = pm_s_drive_copy(&m, key, volid, pm_s_task_get(t, "format"));
	if (!v) {
		pm_s_task_fail(t, "storage migration failed: %s", m.why ? m.why : "");
		pm_s_making_done(&m);
		return;
	}
	pm_s_making_done(&m);
	text = pm_s_drive_with(pm_s_conf_get(&g->cur, key), v);
	pm_s_conf_set(&g->cur, key, text);
	if (pm_s_true(pm_s_task_get(t, "delete"))) {
		pm_s_task_log(t, "removing source volume '%s' after successful copy", volid);
		pm_s_volume_del(s, volid, (int)g->node);
	} else if (!pm_s_volume_used(g, volid)) {
		pm_s_unused_add(s, g, volid);
	}
	if (pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_s_drive_bases(s, g, key);
	pm_s_guest_touch(s, g);
}

static bool format_differs(const struct sim_volume *v, const char *format)
{
	return v && format && strcmp(v->format, format) != 0;
}

/* Can the disk go there? Its volume, or NULL: answered. */
static const char *movable(struct sim_call *c, struct sim_guest *g, const char *key)
{
	const char *value = pm_s_conf_get(&g->cur, key), *to = pm_s_arg(c, "storage");
	cleanup_free char *volid = pm_s_volume_at(&g->cur, key);
	const struct sim_storage *st;

	if (!value)
		pm_s_fail(c, 500, "disk '%s' does not exist", key);
	else if (pm_s_is_cdrom(value) && !pm_s_is_cloudinit(value))
		pm_s_fail(c, 500, "you can't move a cdrom");
	else if (!volid)
		pm_s_fail(c, 500, "disk '%s' has no associated volume", key);
	if (c->failed || !volid)
		return NULL;
	st = pm_s_storage_for(c, to, g->node);
	if (!st)
		return NULL;
	if (st == pm_s_storage_of(c->s, volid) &&
		!format_differs(pm_s_volume(c->s, volid, (int)g->node), pm_s_arg(c, "format"))) {
		pm_s_fail(c, 500, "you can't move to the same storage with same format");
		return NULL;
	}
	if (!pm_s_storage_holds(st, "images")) {
		pm_s_bad(c, "storage", "storage '%s' does not support vm images", to);
		return NULL;
	}
	if (in_snapshot(g, volid) && pm_s_arg_true(c, "delete")) {
		pm_s_fail(c, 500, "you can't move a disk with snapshots and delete the source");
		return NULL;
	}
	return pm_arena_strdup(c->a, volid);
}

static void to_storage(struct sim_call *c)
{
	static const char *const kept[] = { "disk", "storage", "format", "delete" };
	struct sim_guest *g;
	struct sim_task *t;

	if (!pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", pm_s_arg(c, "storage")),
		    "Datastore.AllocateSpace"))
		return;
	g = pm_s_guest_for(c);
	if (!g || pm_s_locked(c, g) || !pm_s_same_digest(c, g) ||
		!movable(c, g, pm_s_arg(c, "disk")))
		return;
	t = pm_s_guest_task(c, "qmmove");
	t->end = move_end;
	for (size_t i = 0; i < PM_COUNT(kept); i++)
		pm_s_task_arg(t, kept[i], pm_s_arg(c, kept[i]));
	pm_s_task_go(c, t);
}

/* ---- to another machine ---- */

struct hands {
	struct sim_guest *from, *to;
	const char *disk, *slot;
};

/* Why the disk cannot change hands; NULL: it can. In the scratch arena. */
static const char *why_not(const struct pm_sim *s, const struct hands *h)
{
	const struct sim_guest *both[] = { h->from, h->to };
	const char *value = pm_s_conf_get(&h->from->cur, h->disk);

	for (size_t i = 0; i < PM_COUNT(both); i++) {
		const char *lock = pm_s_conf_get(&both[i]->cur, "lock");

		if (lock)
			return pm_arena_printf(s->scratch, "VM is locked (%s)", lock);
		if (pm_s_true(pm_s_conf_get(&both[i]->cur, "template")))
			return "Can't move disks from or to template VMs";
	}
	if (!value)
		return pm_arena_printf(
			s->scratch, "Disk '%s' for VM '%u' does not exist", h->disk, h->from->vmid);
	if (pm_s_conf_has(&h->to->cur, h->slot))
		return pm_arena_printf(s->scratch,
			"Target disk key '%s' is already in use for VM '%u'", h->slot, h->to->vmid);
	if (pm_s_is_cdrom(value) && !pm_s_is_cloudinit(value))
		return "CD drive contents can't be moved to another VM";
	if (value[0] == '/')
		return pm_arena_printf(s->scratch, "Volume '%.*s' not managed by PVE",
			(int)strcspn(value, ","), value);
	if (in_snapshot(h->from, pm_arena_strndup(s->scratch, value, strcspn(value, ","))))
		return "Can't move disk used by a snapshot to another VM";
	if (h->from->running && pm_s_numbered(h->disk, "unused", 255) < 0)
		return "Cannot move disk to another VM while the source VM is running - detach first";
	return NULL;
}

/* Writes the disk where it goes: an unused one as it stands, another as a change of the machine, which may have to
 * wait for its stop. */
static void put(struct pm_sim *s, struct sim_task *t, const struct hands *h, const char *value,
	const struct sim_volume *v)
{
	cleanup_free char *text = NULL, *why = NULL;

	if (pm_s_numbered(h->slot, "unused", 255) >= 0) {
		pm_s_conf_set(&h->to->cur, h->slot, v->volid);
		pm_s_guest_touch(s, h->to);
		return;
	}
	text = pm_s_drive_with(value, v);
	why = pm_s_vm_put(s, h->to, h->slot, text, &t->log);
	if (why)
		pm_s_task_fail(t, "%s", why);
}

static void reassign_end(struct pm_sim *s, struct sim_task *t)
{
	struct hands h = { pm_s_guest_free(s, t),
		pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "target", 0)),
		pm_s_task_get(t, "disk"), pm_s_task_get(t, "slot") };
	cleanup_free char *value = NULL;
	struct sim_volume *v, *fresh;
	const char *why;
	char volid[200];

	if (!h.from || !h.to)
		return;
	why = why_not(s, &h);
	if (why) {
		pm_s_task_fail(t, "%s", why);
		return;
	}
	value = pm_xstrdup(pm_s_conf_get(&h.from->cur, h.disk));
	(void)snprintf(volid, sizeof(volid), "%.*s", (int)strcspn(value, ","), value);
	v = pm_s_volume(s, volid, (int)h.from->node);
	if (!v) {
		pm_s_task_fail(t, "no such volume '%s'", volid);
		return;
	}
	fresh = pm_s_volume_alloc(
		s, pm_s_storage_of(s, volid), h.to->vmid, h.to->node, v->format, v->size);
	fresh->used = v->used;
	pm_s_task_log(t, "reassign disk '%s' from VM '%u' as '%s' to VM '%u'", h.disk, h.from->vmid,
		h.slot, h.to->vmid);
	pm_s_vm_boot_without(h.from, h.disk);
	pm_s_conf_del(&h.from->cur, h.disk);
	pm_s_volume_del(s, volid, (int)h.from->node);
	pm_s_guest_touch(s, h.from);
	put(s, t, &h, value, fresh);
}

static void to_machine(struct sim_call *c)
{
	const char *target = pm_s_arg(c, "target-vmid"), *disk = pm_s_arg(c, "disk");
	const char *slot = pm_s_arg(c, "target-disk") ? pm_s_arg(c, "target-disk") : disk, *why;
	struct sim_guest *from, *to;
	struct hands h;
	struct sim_task *t;

	if (!pm_s_check(c, pm_arena_printf(c->a, "/vms/%s", target), "VM.Config.Disk"))
		return;
	from = pm_s_guest_for(c);
	to = pm_s_guest(c->s, (unsigned)pm_s_arg_int(c, "target-vmid", 0));
	if (!from)
		return;
	if (from == to) {
		pm_s_bad(c, "target-vmid", "must be different than source VMID to reassign disk");
		return;
	}
	if (!to || !to->qemu) {
		pm_s_fail(c, 500, "could not find target VM %s", target);
		return;
	}
	h = (struct hands){ from, to, disk, slot };
	why = from->node != to->node ? "Both VMs need to be on the same node" : why_not(c->s, &h);
	if (why) {
		pm_s_fail(c, 500, "%s", why);
		return;
	}
	if (!pm_s_hand_digests(c, h.from, h.to) ||
		!pm_s_check(c,
			pm_arena_printf(c->a, "/storage/%.*s",
				(int)strcspn(pm_s_conf_get(&from->cur, disk), ":"),
				pm_s_conf_get(&from->cur, disk)),
			"Datastore.AllocateSpace"))
		return;
	t = pm_s_task(c, "qmmove",
		pm_arena_printf(c->a, "%u-%s>%s-%s", from->vmid, disk, target, slot), from->vmid);
	t->qemu = true;
	t->end = reassign_end;
	pm_s_task_arg(t, "disk", disk);
	pm_s_task_arg(t, "slot", slot);
	pm_s_task_arg(t, "target", target);
	pm_s_task_go(c, t);
}

void pm_s_vm_move_disk(struct sim_call *c)
{
	bool storage = pm_s_arg(c, "storage") != NULL, machine = pm_s_arg(c, "target-vmid") != NULL;

	if (storage == machine) {
		const char *why =
			storage ? "either set 'storage' or 'target-vmid', but not both"
				: "both 'storage' and 'target-vmid' missing, either needs "
				  "to be set";

		pm_s_bad(c, "storage", "%s", why);
		pm_s_bad(c, "target-vmid", "%s", why);
		return;
	}
	if (storage)
		to_storage(c);
	else
		to_machine(c);
}
