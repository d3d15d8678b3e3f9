/* POST /nodes/{node}/qemu: the id is claimed in the call, drives and settings appear at the task's end. */
#include "sim/qemu_priv.h"

static bool may_create(struct sim_call *c, unsigned vmid, const char *pool)
{
	const char *path = pm_arena_printf(c->a, "/vms/%u", vmid);
	const char *storage = pm_s_arg(c, "storage");
	uint64_t allocate = pm_s_priv("VM.Allocate"), power = pm_s_priv("VM.PowerMgmt");

	if (pool && !pm_s_pool(c->s, pool)) {
		pm_s_fail(c, 403, "Permission check failed (pool '%s' does not exist)", pool);
		return false;
	}
	if (storage && !pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", storage),
			       "Datastore.AllocateSpace"))
		return false;
	if (pm_s_arg_true(c, "ha-managed") && !pm_s_check(c, "/", "Sys.Console"))
		return false;
	if (pm_s_arg_true(c, "start") &&
		!(pool && pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", pool), power)) &&
		!pm_s_check(c, path, "VM.PowerMgmt"))
		return false;
	if (pm_s_may(c, path, allocate) ||
		(pool && pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", pool), allocate)))
		return true;
	pm_s_fail(c, 403, "Permission check failed");
	return false;
}

static bool id_free(struct sim_call *c, unsigned vmid)
{
	const struct sim_guest *g = pm_s_guest(c->s, vmid);

	if (g)
		pm_s_fail(c, 500, "unable to create VM %u - %s %u already exists on node '%s'",
			vmid, pm_s_kind(g->qemu), vmid, c->s->node[g->node].name);
	return !g;
}

/* ---- the task ---- */

static bool make_drives(struct sim_making *m, struct sim_conf *conf)
{
	for (size_t i = 0; i < conf->n; i++) {
		char *text;

		if (!pm_s_is_drive(conf->v[i].k))
			continue;
		text = pm_s_drive_make(m, conf->v[i].k, conf->v[i].v);
		if (!text)
			return false;
		free(conf->v[i].v);
		conf->v[i].v = text;
	}
	return true;
}

/* What PVE adds of its own. */
static void fill_in(struct pm_sim *s, struct sim_conf *conf)
{
	cleanup_free char *meta = NULL;
	struct pm_buf b = PM_BUF(0);

	if (!pm_s_conf_get(conf, "boot")) {
		cleanup_free char *boot = pm_s_vm_boot_order(conf);

		pm_s_conf_set(conf, "boot", boot);
	}
	if (!pm_s_conf_get(conf, "smbios1")) {
		cleanup_free char *smbios = pm_s_vm_fresh_smbios(s, NULL);

		pm_s_conf_set(conf, "smbios1", smbios);
	}
	if (!pm_s_conf_get(conf, "vmgenid")) {
		cleanup_free char *uuid = pm_s_uuid(s);

		pm_s_conf_set(conf, "vmgenid", uuid);
	}
	if (pm_s_conf_has(conf, "tags")) {
		cleanup_free char *tags = pm_s_tags(pm_s_conf_get(conf, "tags"));

		pm_s_conf_set(conf, "tags", tags);
	}
	pm_buf_addf(&b, "creation-qemu=" SIM_QEMU ",ctime=%lld", (long long)(s->wall_ms / 1000));
	meta = pm_buf_steal(&b);
	pm_s_conf_set(conf, "meta", meta);
}

static void add_to_ha(struct pm_sim *s, struct sim_task *t)
{
	const char *state = pm_s_task_get(t, ".start") ? "started" : "stopped";
	char sid[24];

	(void)snprintf(sid, sizeof(sid), "vm:%u", t->vmid);
	pm_s_task_log(t, "Add as HA resource");
	if (!pm_s_object(s, "ha", sid))
		pm_s_conf_set(&pm_s_object_add(s, "ha", sid, false)->conf, "state", state);
}

static void create_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	struct sim_conf conf cleanup_conf = { 0 };
	struct sim_making m = { .s = s, .vmid = t->vmid, .node = t->node, .log = &t->log };

	if (!g)
		return;
	for (size_t i = 0; i < t->args.n; i++)
		if (t->args.v[i].k[0] != '.')
			pm_s_conf_set(&conf, t->args.v[i].k, t->args.v[i].v);
	if (!make_drives(&m, &conf)) {
		pm_s_task_fail(t, "unable to create VM %u - %s", t->vmid, m.why);
		pm_s_drive_unmake(&m);
		pm_s_making_done(&m);
		return;
	}
	pm_s_making_done(&m);
	fill_in(s, &conf);
	pm_s_conf_copy(&g->cur, &conf);
	if (pm_s_task_get(t, ".pool"))
		pm_s_pool_join(s, pm_s_task_get(t, ".pool"), g->vmid);
	pm_s_guest_touch(s, g);
	if (pm_s_task_get(t, ".ha"))
		add_to_ha(s, t);
	if (!pm_s_task_get(t, ".start"))
		return;
	pm_s_task_log(t, "Execute autostart");
	pm_s_vm_start_after(s, t, g->vmid);
}

static void create_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	if (g)
		pm_s_guest_del(s, g);
}

void pm_s_vm_create(struct sim_call *c)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	const char *pool = pm_s_arg(c, "pool");
	struct sim_conf set cleanup_conf = { 0 };
	struct sim_guest *g;
	struct sim_task *t;

	if (!pm_s_quorum_for_guest(c) || !may_create(c, vmid, pool) || !pm_s_vm_settings(c, &set))
		return;
	if (pm_s_arg(c, "archive")) {
		pm_s_vm_restore(c);
		return;
	}
	if (!pm_s_vm_storages(c, &set) || !pm_s_vm_may(c, vmid, pool, &set, NULL) ||
		!id_free(c, vmid))
		return;
	g = pm_s_guest_add(c->s, vmid, c->node, true);
	pm_s_conf_set(&g->cur, "lock", "create");
	t = pm_s_guest_task(c, "qmcreate");
	t->end = create_end;
	t->undo = create_undo;
	for (size_t i = 0; i < set.n; i++)
		pm_s_task_arg(t, set.v[i].k, set.v[i].v);
	pm_s_task_arg(t, ".pool", pool);
	pm_s_task_arg(t, ".start", pm_s_arg_true(c, "start") ? "1" : NULL);
	pm_s_task_arg(t, ".ha", pm_s_arg_true(c, "ha-managed") ? "1" : NULL);
	pm_s_task_go(c, t);
}
