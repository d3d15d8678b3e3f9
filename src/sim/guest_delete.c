/* The end of a guest: what may not be removed, and what goes with it. */
#include "sim/qemu_priv.h"

bool pm_s_removable(struct sim_call *c, const struct sim_guest *g)
{
	const char *kind = pm_s_kind(g->qemu);
	const char *sid = pm_arena_printf(c->a, "%s:%u", g->qemu ? "vm" : "ct", g->vmid);

	if (pm_s_true(pm_s_conf_get(&g->cur, "protection")))
		pm_s_fail(c, 500, "can't remove %s %u - protection mode enabled", kind, g->vmid);
	else if (pm_s_object(c->s, "ha", sid) && !pm_s_arg_true(c, "purge"))
		pm_s_fail(c, 500,
			"unable to remove %s %u - used in HA resources and purge parameter not set.",
			kind, g->vmid);
	return !c->failed;
}

static bool linked(const struct pm_sim *s, const char *volid)
{
	const char *name = strchr(volid, ':') + 1;

	if (!strstr(name, "base-"))
		return false;
	for (size_t i = 0; i < s->volumes.n; i++)
		if (strcmp(s->volumes.v[i]->volid, volid) != 0 &&
			strstr(s->volumes.v[i]->volid, name))
			return true;
	return false;
}

static bool named(const struct sim_guest *g, const char *volid)
{
	for (size_t i = 0; i < g->cur.n; i++)
		if (pm_s_numbered(g->cur.v[i].k, "unused", 255) >= 0 &&
			!strcmp(g->cur.v[i].v, volid))
			return true;
	return pm_s_volume_used(g, volid);
}

static void drop_volumes(struct pm_sim *s, struct sim_guest *g, bool all)
{
	for (size_t i = s->volumes.n; i-- > 0;) {
		const struct sim_volume *v = s->volumes.v[i];

		if (v->vmid == g->vmid && !strcmp(v->content, "images") &&
			(all || named(g, v->volid)) && (v->node < 0 || v->node == (int)g->node))
			pm_s_volume_del(s, v->volid, (int)g->node);
	}
}

static bool base_in_use(struct pm_sim *s, struct sim_task *t)
{
	for (size_t i = 0; i < s->volumes.n; i++)
		if (s->volumes.v[i]->vmid == t->vmid && linked(s, s->volumes.v[i]->volid)) {
			pm_s_guest_unmark(s, t);
			pm_s_task_fail(t, "base volume '%s' is still in use by linked cloned",
				s->volumes.v[i]->volid);
			return true;
		}
	return false;
}

void pm_s_destroy_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	char path[32];

	if (!g || base_in_use(s, t))
		return;
	drop_volumes(s, g, pm_s_true(pm_s_task_get(t, "all")));
	(void)snprintf(path, sizeof(path), "/vms/%u", t->vmid);
	pm_s_acl_forget(s, path);
	pm_s_pool_leave(s, t->vmid);
	pm_s_object_forget(s, t->vmid, pm_s_task_get(t, "purge") != NULL);
	if (pm_s_task_get(t, "purge"))
		pm_s_task_log(t, "purging %s %u from related configurations..", pm_s_kind(t->qemu),
			t->vmid);
	g->holder = NULL;
	pm_s_guest_del(s, g);
}

void pm_s_destroy_go(struct sim_call *c, struct sim_task *t)
{
	if (pm_s_arg_true(c, "purge"))
		pm_s_task_arg(t, "purge", "1");
	pm_s_task_arg(t, "all", pm_s_arg(c, "destroy-unreferenced-disks"));
	t->end = pm_s_destroy_end;
	pm_s_task_go(c, t);
}

/* ---- virtual machines ---- */

static void vm_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (!g)
		return;
	if (g->running)
		pm_s_task_fail(t, "VM %u is running - destroy failed", g->vmid);
	else if (lock && strcmp(lock, "suspended") != 0 && !pm_s_task_get(t, "skiplock"))
		pm_s_task_fail(t, "VM is locked (%s)", lock);
	else
		pm_s_guest_mark(s, g, "destroyed");
}

void pm_s_vm_delete(struct sim_call *c)
{
	struct sim_guest *g;
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock"))
		return;
	g = pm_s_guest_for(c);
	if (!g || !pm_s_removable(c, g))
		return;
	if (g->running) {
		pm_s_fail(c, 500, "VM %u is running - destroy failed", g->vmid);
		return;
	}
	t = pm_s_guest_task(c, "qmdestroy");
	t->begin = vm_begin;
	pm_s_destroy_go(c, t);
}
