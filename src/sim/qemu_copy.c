/* Clones of virtual machines, full and linked, and their conversion to a template. */
#include "sim/qemu_priv.h"

/* ---- clone ---- */

static bool is_base(const char *volid)
{
	const char *name = strrchr(volid, '/');

	return !strncmp(name ? name + 1 : strchr(volid, ':') + 1, "base-", 5);
}

/* Drives that cannot be copied as asked; answered then. */
static bool copyable(struct sim_call *c, const struct sim_conf *conf, bool full, int target)
{
	const char *to = pm_s_arg(c, "storage"), *snap = pm_s_arg(c, "snapname");

	for (size_t i = 0; i < conf->n; i++) {
		const struct sim_kv *kv = &conf->v[i];
		cleanup_free char *volid = pm_s_disk_volume(kv);
		const struct sim_storage *st = volid ? pm_s_storage_of(c->s, volid) : NULL;

		if (!volid || (pm_s_is_cdrom(kv->v) && !pm_s_is_cloudinit(kv->v)))
			continue;
		if (target >= 0 && (!st || !pm_s_storage_shared(st))) {
			pm_s_fail(c, 500, "can't clone VM to node '%s' (VM uses local storage)",
				c->s->node[target].name);
			return false;
		}
		if (!full && !pm_s_is_cloudinit(kv->v) && strcmp(kv->k, "tpmstate0") != 0 &&
			!is_base(volid)) {
			pm_s_fail(c, 500, "Linked clone feature is not supported for%s '%s' (%s)",
				snap ? " a snapshot of" : "", volid, kv->k);
			return false;
		}
		if (!pm_s_check(c,
			    pm_arena_printf(c->a, "/storage/%.*s",
				    (int)strcspn(to ? to : volid, ":"), to ? to : volid),
			    "Datastore.AllocateSpace"))
			return false;
	}
	return true;
}

static bool id_free(const struct pm_sim *s, unsigned newid, char *why, size_t size)
{
	(void)snprintf(why, size, "unable to create VM %u: config file already exists", newid);
	return pm_s_guest(s, newid) == NULL;
}

/* The id is claimed in the task: who comes too late is told there. */
static void clone_begin(struct pm_sim *s, struct sim_task *t)
{
	unsigned newid = (unsigned)pm_s_conf_int(&t->args, "newid", 0);
	struct sim_guest *to;
	char why[80];

	if (!pm_s_guest_free(s, t))
		return;
	if (!id_free(s, newid, why, sizeof(why))) {
		pm_s_task_arg(t, "late", "1");
		pm_s_task_fail(t, "%s", why);
		return;
	}
	to = pm_s_guest_add(s, newid, t->node, true);
	pm_s_conf_set(&to->cur, "lock", "clone");
	pm_s_guest_touch(s, to);
}

static char *copy_drive(
	struct sim_making *m, const struct sim_task *t, const struct sim_kv *kv, const char *volid)
{
	bool full =
		pm_s_task_get(t, "full") || pm_s_is_cloudinit(kv->v) || !strcmp(kv->k, "tpmstate0");
	struct sim_volume *v;

	m->copied = kv->v;
	v = full ? pm_s_drive_copy(m, kv->k, volid, pm_s_task_get(t, "format"))
		 : pm_s_drive_link(m, kv->k, volid);
	return v ? pm_s_drive_with(kv->v, v) : NULL;
}

static char *copy_value(struct sim_making *m, const struct sim_task *t, const struct sim_kv *kv)
{
	cleanup_free char *volid = pm_s_disk_volume(kv);

	if (volid && (!pm_s_is_cdrom(kv->v) || pm_s_is_cloudinit(kv->v)))
		return copy_drive(m, t, kv, volid);
	if (pm_s_numbered(kv->k, "net", 31) >= 0)
		return pm_s_vm_fresh_net(m->s, kv->v);
	if (!strcmp(kv->k, "vmgenid"))
		return pm_s_uuid(m->s);
	return pm_xstrdup(kv->v);
}

static bool copied(const char *k)
{
	static const char *const keys[] = { "lock", "template", "snaptime", "vmstate", "runningcpu",
		"runningmachine", "running-nets-host-mtu", "smbios1" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (!strcmp(keys[i], k))
			return false;
	return pm_s_numbered(k, "unused", 255) < 0;
}

static bool fill(struct sim_making *m, const struct sim_task *t, const struct sim_conf *from,
	struct sim_conf *to)
{
	const char *name = pm_s_task_get(t, "name"), *old = pm_s_conf_get(from, "name");
	cleanup_free char *smbios = pm_s_vm_fresh_smbios(m->s, pm_s_conf_get(from, "smbios1"));
	cleanup_buf struct pm_buf b = PM_BUF(0);

	for (size_t i = 0; i < from->n; i++) {
		cleanup_free char *v = NULL;

		if (!copied(from->v[i].k))
			continue;
		v = copy_value(m, t, &from->v[i]);
		if (!v)
			return false;
		pm_s_conf_set(to, from->v[i].k, v);
	}
	pm_buf_addf(&b, "Copy-of-VM-%s", old ? old : t->id);
	pm_s_conf_set(to, "smbios1", smbios);
	pm_s_conf_set(to, "name", name ? name : pm_buf_str(&b));
	if (pm_s_task_get(t, "description"))
		pm_s_conf_set(to, "description", pm_s_task_get(t, "description"));
	return true;
}

static void clone_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *from = pm_s_guest_of(s, t);
	struct sim_guest *to = pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "newid", 0));
	const char *name = pm_s_task_get(t, "snapname"), *target = pm_s_task_get(t, "target");
	struct sim_snap *sn = from && name ? pm_s_snap(from, name, NULL) : NULL;
	struct sim_conf conf cleanup_conf = { 0 };
	struct sim_making m = {
		.s = s, .node = t->node, .storage = pm_s_task_get(t, "storage"), .log = &t->log
	};

	if (!from || !to)
		return;
	m.vmid = to->vmid;
	pm_s_task_log(t, "creating a clone of VM %u with ID %u", from->vmid, to->vmid);
	if (!fill(&m, t, sn ? &sn->conf : &from->cur, &conf)) {
		pm_s_task_fail(t, "clone failed: %s", m.why ? m.why : "");
		pm_s_drive_unmake(&m);
		pm_s_making_done(&m);
		return;
	}
	pm_s_making_done(&m);
	pm_s_conf_copy(&to->cur, &conf);
	if (target && pm_s_node_index(s, target) >= 0)
		to->node = (unsigned)pm_s_node_index(s, target);
	if (pm_s_task_get(t, "pool"))
		pm_s_pool_join(s, pm_s_task_get(t, "pool"), to->vmid);
	pm_s_guest_touch(s, to);
}

/* Only what it has claimed itself is given back. */
static void clone_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *to = pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "newid", 0));

	if (to && !pm_s_task_get(t, "late") && pm_s_conf_get(&to->cur, "lock"))
		pm_s_guest_del(s, to);
}

static void clone_go(struct sim_call *c, bool full)
{
	static const char *const kept[] = { "newid", "storage", "name", "snapname", "pool",
		"format", "target" };
	cleanup_free char *text = pm_s_guest_text(pm_s_arg(c, "description"), true);
	struct sim_task *t = pm_s_guest_task(c, "qmclone");

	for (size_t i = 0; i < PM_COUNT(kept); i++)
		pm_s_task_arg(t, kept[i], pm_s_arg(c, kept[i]));
	pm_s_task_arg(t, "description", *text ? text : NULL);
	pm_s_task_arg(t, "full", full ? "1" : NULL);
	t->begin = clone_begin;
	t->end = clone_end;
	t->undo = clone_undo;
	pm_s_task_go(c, t);
}

/* The node a clone is to be on: -1 for this one, -2: answered. */
static int clone_target(struct sim_call *c)
{
	const char *target = pm_s_arg(c, "target");
	int to = target ? pm_s_node_index(c->s, target) : -1;

	if (target && to < 0)
		pm_s_fail(c, 500, "no such cluster node '%s'", target);
	return c->failed ? -2 : to == (int)c->node ? -1 : to;
}

static bool clone_storage(struct sim_call *c, int target)
{
	const char *id = pm_s_arg(c, "storage");
	const struct sim_storage *st = id ? pm_s_storage_for(c, id, c->node) : NULL;

	if (!id || !st)
		return !id;
	if (!pm_s_storage_holds(st, "images")) {
		pm_s_bad(c, "storage", "storage '%s' does not support vm images", id);
		return false;
	}
	if (target >= 0 && !pm_s_storage_shared(st))
		pm_s_fail(c, 500, "can't clone to non-shared storage '%s'", id);
	return !c->failed;
}

void pm_s_vm_clone(struct sim_call *c)
{
	unsigned newid = (unsigned)pm_s_arg_int(c, "newid", 0);
	const char *snap = pm_s_arg(c, "snapname");
	struct sim_guest *g;
	struct sim_snap *sn;
	int target;
	bool full;
	char why[80];

	if (!pm_s_may_clone(c, newid))
		return;
	target = clone_target(c);
	if (target == -2 || !clone_storage(c, target) || !pm_s_quorum_for_guest(c))
		return;
	g = pm_s_guest_for(c);
	if (!g || pm_s_locked(c, g))
		return;
	sn = pm_s_snap(g, snap ? snap : "", NULL);
	full = pm_s_arg(c, "full") ? pm_s_arg_true(c, "full")
				   : !pm_s_true(pm_s_conf_get(&g->cur, "template"));
	if (snap && !sn)
		pm_s_fail(c, 500, "snapshot '%s' does not exist", snap);
	else if (!full && pm_s_arg(c, "storage"))
		pm_s_fail(c, 500, "parameter 'storage' not allowed for linked clones");
	else if (!full && pm_s_arg(c, "format"))
		pm_s_fail(c, 500, "parameter 'format' not allowed for linked clones");
	else if (!copyable(c, sn ? &sn->conf : &g->cur, full, target))
		return;
	else if (!id_free(c->s, newid, why, sizeof(why)))
		pm_s_fail(c, 500, "%s", why);
	else
		clone_go(c, full);
}

/* ---- template ---- */

static void template_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (!g)
		return;
	pm_s_drive_bases(s, g, pm_s_task_get(t, "disk"));
	pm_s_conf_set(&g->cur, "template", "1");
	pm_s_guest_touch(s, g);
}

void pm_s_vm_template(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *disk = pm_s_arg(c, "disk");
	struct sim_task *t;

	if (!g || pm_s_locked(c, g))
		return;
	if (g->snaps.n) {
		pm_s_fail(c, 500, "unable to create template, because VM contains snapshots");
	} else if (pm_s_true(pm_s_conf_get(&g->cur, "template")) && !disk) {
		pm_s_fail(c, 500, "you can't convert a template to a template");
	} else if (g->running) {
		pm_s_fail(c, 500, "you can't convert a VM to template if VM is running");
	} else {
		t = pm_s_guest_task(c, "qmtemplate");
		t->end = template_end;
		pm_s_task_arg(t, "disk", disk);
		pm_s_task_go(c, t);
	}
}
