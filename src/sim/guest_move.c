/* Guests that move to another node, and what clones of both kinds have in common. */
#include "sim/qemu_priv.h"

/* ---- clones ---- */

bool pm_s_may_clone(struct sim_call *c, unsigned newid)
{
	const char *pool = pm_s_arg(c, "pool");
	uint64_t allocate = pm_s_priv("VM.Allocate");

	if (pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", newid), allocate) ||
		(pool && pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", pool), allocate)))
		return true;
	pm_s_fail(c, 403, "Permission check failed");
	return false;
}

/* ---- what keeps a guest where it is ---- */

/* A bind mount that the other node may not have. */
static const char *bound(const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		const char *v = g->cur.v[i].v;

		if (pm_s_numbered(g->cur.v[i].k, "mp", 255) >= 0 && v[0] == '/' &&
			!strstr(v, "shared=1"))
			return g->cur.v[i].k;
	}
	return NULL;
}

static bool is_local(const struct pm_sim *s, const struct sim_kv *kv)
{
	cleanup_free char *volid = pm_s_disk_volume(kv);
	const struct sim_storage *st = volid ? pm_s_storage_of(s, volid) : NULL;

	return st && !pm_s_storage_shared(st) && !strstr(kv->v, "shared=1");
}

/* What of a virtual machine cannot go along; in the scratch arena, NULL: nothing. */
static const char *stuck(const struct pm_sim *s, const struct sim_guest *g, bool disks_too)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		const struct sim_kv *kv = &g->cur.v[i];

		if (pm_s_numbered(kv->k, "hostpci", 15) >= 0 && !strstr(kv->v, "mapping="))
			return pm_arena_printf(
				s->scratch, "cannot migrate VM with local resource: %s", kv->k);
		if (!is_local(s, kv) || pm_s_is_cloudinit(kv->v))
			continue;
		if (pm_s_is_cdrom(kv->v))
			return pm_arena_printf(s->scratch,
				"can't migrate local disk '%.*s': local cdrom image",
				(int)strcspn(kv->v, ","), kv->v);
		if (g->running && !disks_too)
			return pm_arena_printf(s->scratch,
				"can't migrate local disk '%.*s': can't live migrate attached "
				"local disks without with-local-disks option",
				(int)strcspn(kv->v, ","), kv->v);
	}
	return NULL;
}

/* ---- the task ---- */

static void abort_for(struct sim_task *t, const char *why)
{
	pm_s_task_log(t, "ERROR: migration aborted (duration 00:00:00): %s", why);
	pm_s_task_fail(t, "migration aborted");
}

static void migrate_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	int to = pm_s_node_index(s, pm_s_task_get(t, "target"));
	const char *why;

	if (!g)
		return;
	if (to < 0 || s->node[to].off) {
		abort_for(t, "Can't connect to destination address using public key");
		return;
	}
	why = g->qemu ? NULL : bound(g);
	if (why) {
		pm_s_task_log(t, "ERROR: cannot migrate local bind mount point '%s'", why);
		pm_s_task_fail(t, "migration aborted");
		return;
	}
	why = g->qemu ? stuck(s, g, pm_s_true(pm_s_task_get(t, "disks"))) : NULL;
	if (why)
		abort_for(t, why);
	else
		pm_s_guest_mark(s, g, "migrate");
}

/* Volumes get the storage they are given on the other node. */
static void carry_volumes(struct pm_sim *s, const struct sim_guest *g, unsigned to)
{
	for (size_t i = 0; i < s->volumes.n; i++)
		if (s->volumes.v[i]->vmid == g->vmid && s->volumes.v[i]->node == (int)g->node)
			s->volumes.v[i]->node = (int)to;
}

static void migrate_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	unsigned to = (unsigned)pm_s_node_index(s, pm_s_task_get(t, "target"));
	bool again;

	if (!g)
		return;
	again = g->running && !g->qemu;
	pm_s_conf_del(&g->cur, "lock");
	if (again)
		pm_s_halt(s, g);
	carry_volumes(s, g, to);
	g->node = to;
	pm_s_guest_touch(s, g);
	if (again) {
		struct sim_task *next = pm_s_task_new(s, to, t->user, "vzstart", t->id, 0);

		(void)pm_s_boot(s, g, t);
		next->ms = 0;
		pm_s_task_start(s, next);
	}
	pm_s_task_log(t, "migration finished successfully");
}

static void migrate_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (lock && !strcmp(lock, "migrate"))
		pm_s_guest_mark(s, g, NULL);
}

static void into_migration(struct sim_task *t)
{
	t->begin = migrate_begin;
	t->end = migrate_end;
	t->undo = migrate_undo;
}

/* The manager moves what it rules itself, as soon as it was asked. */
static void ask_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	struct sim_task *next;

	if (!g)
		return;
	next = pm_s_task_new(
		s, g->node, "root@pam", g->qemu ? "qmigrate" : "vzmigrate", t->id, g->vmid);
	next->qemu = g->qemu;
	into_migration(next);
	pm_s_task_arg(next, "target", pm_s_task_get(t, "target"));
	pm_s_task_arg(next, "disks", "1");
	g->holder = NULL; /* it does not wait for the one that asked */
	pm_s_task_start(s, next);
}

/* ---- the calls ---- */

/* The node that is named, another one than this; -1: answered. */
static int target_of(struct sim_call *c)
{
	const char *target = pm_s_arg(c, "target");
	int to = pm_s_node_index(c->s, target);

	if (to < 0)
		pm_s_fail(c, 500, "no such cluster node '%s'", target);
	else if (to == (int)c->node)
		pm_s_bad(c, "target", "target is local node.");
	return to == (int)c->node ? -1 : to;
}

static bool mode_fine(struct sim_call *c, const struct sim_guest *g)
{
	bool online = pm_s_arg_true(c, "online"), restart = pm_s_arg_true(c, "restart");

	if (!g->running)
		return true;
	if (g->qemu && !online)
		pm_s_fail(c, 500, "can't migrate running VM without --online");
	else if (!g->qemu && !online && !restart)
		pm_s_fail(c, 500, "can't migrate running container without --online or --restart");
	else if (!g->qemu && !restart)
		pm_s_fail(c, 500, "lxc live migration is currently not implemented");
	return !c->failed;
}

static bool storages_reach(struct sim_call *c, const struct sim_guest *g, int to)
{
	for (size_t i = 0; g->qemu && !pm_s_arg(c, "targetstorage") && i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);

		if (volid &&
			!pm_s_storage_for(c, pm_arena_strndup(c->a, volid, strcspn(volid, ":")),
				(unsigned)to))
			return false;
	}
	return true;
}

void pm_s_guest_migrate(struct sim_call *c)
{
	static const char *const roots[] = { "force", "migration_type", "migration_network" };
	int to = target_of(c);
	struct sim_guest *g;
	struct sim_task *t;

	if (to < 0)
		return;
	for (size_t i = 0; i < PM_COUNT(roots) && pm_s_for_vm(c); i++)
		if (pm_s_arg(c, roots[i]) && !pm_s_is_root(c)) {
			pm_s_bad(c, roots[i], "Only root may use this option.");
			return;
		}
	g = pm_s_guest_for(c);
	if (!g || pm_s_locked(c, g) || !mode_fine(c, g) || !storages_reach(c, g, to))
		return;
	if (pm_s_ha_managed(c->s, g)) {
		t = pm_s_guest_task(c, "hamigrate");
		t->end = ask_end;
		pm_s_task_log(t, "Requesting HA migration for %s %u to node %s", pm_s_kind(g->qemu),
			g->vmid, pm_s_arg(c, "target"));
	} else {
		t = pm_s_guest_task(c, g->qemu ? "qmigrate" : "vzmigrate");
		into_migration(t);
	}
	pm_s_task_arg(t, "target", pm_s_arg(c, "target"));
	pm_s_task_arg(t, "disks", pm_s_arg(c, "with-local-disks"));
	pm_s_task_go(c, t);
}

/* Storages of its disks that a node does not have; written as a list when there are any. */
static bool write_missing(struct sim_call *c, const struct sim_guest *g, unsigned node)
{
	struct sim_conf ids cleanup_conf = { 0 };

	for (size_t i = 0; i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);
		const struct sim_storage *st = volid ? pm_s_storage_of(c->s, volid) : NULL;

		if (st && !pm_s_storage_on(st, c->s->node[node].name))
			pm_s_conf_set(&ids, st->id, NULL);
	}
	if (!ids.n)
		return false;
	pm_jw_object(&c->w, c->s->node[node].name);
	pm_jw_array(&c->w, g->qemu ? "unavailable_storages" : "unavailable-storages");
	for (size_t i = 0; i < ids.n; i++)
		pm_jw_str(&c->w, NULL, ids.v[i].k);
	pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
	return true;
}

static void write_local_disks(struct sim_call *c, const struct sim_guest *g)
{
	pm_jw_array(&c->w, "local_disks");
	for (size_t i = 0; i < g->cur.n; i++) {
		const struct sim_kv *kv = &g->cur.v[i];
		cleanup_free char *volid = pm_s_disk_volume(kv);
		const struct sim_volume *v = volid ? pm_s_volume(c->s, volid, (int)g->node) : NULL;

		if (!volid || !is_local(c->s, kv))
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "volid", volid);
		pm_jw_str(&c->w, "drivename", kv->k);
		pm_jw_int(&c->w, "cdrom", pm_s_is_cdrom(kv->v));
		pm_jw_int(&c->w, "is_cloudinit", pm_s_is_cloudinit(kv->v));
		pm_jw_int(&c->w, "is_attached", 1);
		pm_jw_int(&c->w, "is_unused", 0);
		pm_jw_int(&c->w, "is_vmstate", 0);
		pm_jw_int(&c->w, "is_tpmstate", !strcmp(kv->k, "tpmstate0"));
		pm_jw_int(&c->w, "replicate", strstr(kv->v, "replicate=0") == NULL);
		pm_jw_int(&c->w, "shared", 0);
		if (v)
			pm_jw_int(&c->w, "size", v->size);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

void pm_s_guest_migrate_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	bool able[SIM_NODES] = { false };

	if (!g || pm_s_locked(c, g))
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "running", g->running);
	pm_jw_object(&c->w, g->qemu ? "not_allowed_nodes" : "not-allowed-nodes");
	for (unsigned n = 0; n < c->s->nnodes; n++)
		able[n] = n != g->node && !write_missing(c, g, n);
	pm_jw_object_end(&c->w);
	pm_jw_array(&c->w, g->qemu ? "allowed_nodes" : "allowed-nodes");
	for (unsigned n = 0; n < c->s->nnodes; n++)
		if (able[n])
			pm_jw_str(&c->w, NULL, c->s->node[n].name);
	pm_jw_array_end(&c->w);
	if (g->qemu) {
		write_local_disks(c, g);
		pm_jw_raw(&c->w, "local_resources", "[]");
		pm_jw_raw(&c->w, "mapped-resources", "[]");
		pm_jw_raw(&c->w, "mapped-resource-info", "{}");
		pm_jw_int(&c->w, "has-dbus-vmstate", 1);
	}
	pm_jw_object_end(&c->w);
}
