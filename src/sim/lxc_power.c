/* Start, stop, shutdown, reboot, suspend, resume and delete of containers. */
#include "sim/lxc_priv.h"

/* ---- what starting and stopping does ---- */

/* The bridge of a net that is not there, or NULL. */
static const char *missing_bridge(const struct pm_sim *s, const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		struct sim_conf p cleanup_conf = { 0 };

		if (pm_s_numbered(g->cur.v[i].k, "net", 31) < 0)
			continue;
		pm_s_props(&p, g->cur.v[i].v, NULL);
		if (pm_s_conf_get(&p, "bridge") &&
			!pm_s_bridge_exists(s, pm_s_conf_get(&p, "bridge")))
			return g->cur.v[i].k;
	}
	return NULL;
}

static bool wants_quota(const struct sim_guest *g)
{
	const char *root = pm_s_conf_get(&g->cur, "rootfs");
	struct sim_conf p cleanup_conf = { 0 };

	if (!root || !pm_s_true(pm_s_conf_get(&g->cur, "unprivileged")))
		return false;
	pm_s_props(&p, root, "volume");
	return pm_s_true(pm_s_conf_get(&p, "quota"));
}

const char *pm_s_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t)
{
	char why[64];

	pm_s_apply_pending(s, g);
	if (g->running)
		return NULL;
	(void)snprintf(why, sizeof(why), "startup for container '%u' failed", g->vmid);
	if (missing_bridge(s, g) || wants_quota(g)) {
		pm_s_task_log(t, "lxc_setup: failed to setup container \"%u\"", g->vmid);
		pm_s_task_fail(t, "%s", why);
		return t->fails;
	}
	g->running = true;
	g->started_ns = s->now_ns;
	pm_s_guest_touch(s, g);
	return NULL;
}

void pm_s_halt(struct pm_sim *s, struct sim_guest *g)
{
	g->running = false;
	pm_s_guest_touch(s, g);
	pm_s_apply_pending(s, g);
}

/* Does what it runs end when asked? A bare sleep has no signal handler. */
static bool ignores_halt(const struct sim_guest *g)
{
	const char *e = pm_s_conf_get(&g->cur, "entrypoint");
	const char *word = e;

	for (const char *p = e; p && *p && *p != ' '; p++)
		if (*p == '/')
			word = p + 1;
	return word && !strncmp(word, "sleep", 5);
}

/* ---- the calls ---- */

static struct sim_guest *here(const struct sim_call *c, unsigned vmid)
{
	struct sim_guest *g = pm_s_guest(c->s, vmid);

	return g && g->node == c->node && !g->qemu ? g : NULL;
}

static unsigned vmid_of(const struct sim_call *c)
{
	return (unsigned)pm_s_arg_int(c, "vmid", 0);
}

static struct sim_task *task_for(struct sim_call *c, const char *type)
{
	struct sim_task *t =
		pm_s_task(c, type, pm_arena_printf(c->a, "%u", vmid_of(c)), vmid_of(c));

	if (pm_s_arg_true(c, "skiplock"))
		pm_s_task_arg(t, "skiplock", "1");
	return t;
}

static bool skiplock_fine(struct sim_call *c)
{
	if (!pm_s_arg_true(c, "skiplock") || pm_s_is_root(c))
		return true;
	pm_s_bad(c, "skiplock", "Only root may use this option.");
	return false;
}

/* Looks again when the task has the lock: the guest may be gone, moved or locked by now. */
static struct sim_guest *still_there(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *lock;

	if (!g || g->node != t->node || g->qemu) {
		pm_s_task_fail(t, "Configuration file 'nodes/%s/lxc/%u.conf' does not exist",
			s->node[t->node].name, t->vmid);
		return NULL;
	}
	lock = pm_s_conf_get(&g->cur, "lock");
	if (lock && !pm_s_task_get(t, "skiplock")) {
		pm_s_task_fail(t, "CT is locked (%s)", lock);
		return NULL;
	}
	return g;
}

static void start_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (g && pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_s_task_fail(t, "you can't start a CT if it's a template");
}

static void start_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (g)
		(void)pm_s_boot(s, g, t);
}

/* The HA manager is only told what is wanted; it does so in its own time. */
static void ask_ha(struct sim_call *c, struct sim_guest *g, const char *type, const char *state)
{
	struct sim_task *t = pm_s_task(c, type, pm_arena_printf(c->a, "%u", g->vmid), 0);

	pm_s_task_log(t, "Requesting HA %s for CT %u", type + 2, g->vmid);
	pm_s_conf_set(&pm_s_ha_managed(c->s, g)->conf, "state", state);
	pm_s_task_go(c, t);
}

void pm_s_lxc_start(struct sim_call *c)
{
	struct sim_guest *g = here(c, vmid_of(c));
	struct sim_task *t;

	if (!skiplock_fine(c))
		return;
	if (!pm_s_quorate(c->s)) {
		pm_s_fail(c, 500, "cluster not ready - no quorum?");
		return;
	}
	if (g && g->running) {
		pm_s_fail(c, 500, "CT %u already running", g->vmid);
		return;
	}
	if (g && pm_s_ha_managed(c->s, g)) {
		ask_ha(c, g, "hastart", "started");
		return;
	}
	t = task_for(c, "vzstart");
	t->begin = start_begin;
	t->end = start_end;
	pm_s_task_go(c, t);
}

static struct sim_guest *running_here(struct sim_call *c, const char *word)
{
	struct sim_guest *g = here(c, vmid_of(c));

	if (g && g->running)
		return g;
	pm_s_fail(c, 500, "%s %u not running", word, vmid_of(c));
	return NULL;
}

static void check_begin(struct pm_sim *s, struct sim_task *t)
{
	(void)still_there(s, t);
}

static void stop_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (g)
		pm_s_halt(s, g);
}

void pm_s_lxc_stop(struct sim_call *c)
{
	struct sim_guest *g = running_here(c, "CT");
	struct sim_task *t;

	if (!g || !skiplock_fine(c))
		return;
	if (pm_s_ha_managed(c->s, g)) {
		ask_ha(c, g, "hastop", "stopped");
		return;
	}
	t = task_for(c, "vzstop");
	t->begin = check_begin;
	t->end = stop_end;
	for (size_t i = c->s->running.n; pm_s_arg_true(c, "overrule-shutdown") && i-- > 0;) {
		struct sim_task *other = c->s->running.v[i];

		if (other->vmid == g->vmid && !strcmp(other->type, "vzshutdown")) {
			pm_s_task_log(t, "overruled vzshutdown tasks: %s", other->upid);
			pm_s_task_cancel(c->s, other);
		}
	}
	pm_s_task_go(c, t);
}

static void shutdown_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (g && ignores_halt(g))
		t->ms = pm_s_conf_int(&t->args, "timeout", 60) * 1000;
}

static void shutdown_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (!g)
		return;
	if (ignores_halt(g) && !pm_s_true(pm_s_task_get(t, "forceStop"))) {
		pm_s_task_log(t,
			"command 'lxc-stop -n %u --nokill --timeout %s' failed: exit code 1",
			g->vmid, pm_s_task_get(t, "timeout"));
		pm_s_task_fail(t, "container did not stop");
		return;
	}
	pm_s_halt(s, g);
}

void pm_s_lxc_shutdown(struct sim_call *c)
{
	struct sim_guest *g = running_here(c, "CT");
	struct sim_task *t;

	if (!g)
		return;
	t = task_for(c, "vzshutdown");
	t->begin = shutdown_begin;
	t->end = shutdown_end;
	pm_s_task_arg(t, "timeout", pm_s_arg(c, "timeout") ? pm_s_arg(c, "timeout") : "60");
	pm_s_task_arg(t, "forceStop", pm_s_arg(c, "forceStop"));
	pm_s_task_go(c, t);
}

static void reboot_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (!g)
		return;
	pm_s_halt(s, g);
	(void)pm_s_boot(s, g, t);
}

void pm_s_lxc_reboot(struct sim_call *c)
{
	struct sim_guest *g = running_here(c, "VM");
	struct sim_task *t;

	if (!g)
		return;
	t = task_for(c, "vzreboot");
	t->begin = check_begin;
	t->end = reboot_end;
	pm_s_task_go(c, t);
}

static void criu_end(struct pm_sim *s, struct sim_task *t)
{
	(void)s;
	pm_s_task_fail(t,
		"command 'lxc-checkpoint -n %s %s --foreground -D /var/lib/vz/dump' failed: exit code 1",
		t->id, !strcmp(t->type, "vzresume") ? "-r" : "-s");
}

void pm_s_lxc_suspend(struct sim_call *c)
{
	struct sim_task *t;

	if (!running_here(c, "CT"))
		return;
	t = task_for(c, "vzsuspend");
	t->end = criu_end;
	pm_s_task_go(c, t);
}

void pm_s_lxc_resume(struct sim_call *c)
{
	struct sim_task *t;

	if (here(c, vmid_of(c)) && here(c, vmid_of(c))->running) {
		pm_s_fail(c, 500, "CT %u already running", vmid_of(c));
		return;
	}
	t = task_for(c, "vzresume");
	t->end = criu_end;
	pm_s_task_go(c, t);
}

/* ---- delete ---- */

static void destroy_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = still_there(s, t);

	if (!g)
		return;
	if (!pm_s_quorate(s)) {
		pm_s_task_fail(t,
			"unable to open file '/etc/pve/nodes/%s/lxc/%u.conf.tmp.%u' - Permission denied",
			s->node[t->node].name, t->vmid, t->pid);
		return;
	}
	if (g->running) {
		if (!pm_s_task_get(t, "force")) {
			pm_s_task_fail(
				t, "unable to destroy CT %u - container is running", t->vmid);
			return;
		}
		pm_s_task_log(t, "forced to stop CT %u before destroying!", t->vmid);
		g->running = false;
	}
	pm_s_conf_set(&g->cur, "lock", "destroyed");
	pm_s_guest_touch(s, g);
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

static void drop_volumes(struct pm_sim *s, struct sim_guest *g, bool all)
{
	for (size_t i = s->volumes.n; i-- > 0;) {
		const char *volid = s->volumes.v[i]->volid;
		bool named = pm_s_volume_used(g, volid);

		if (s->volumes.v[i]->vmid != g->vmid ||
			strcmp(s->volumes.v[i]->content, "images") != 0)
			continue;
		for (size_t j = 0; j < g->cur.n && !named; j++)
			named = pm_s_numbered(g->cur.v[j].k, "unused", 255) >= 0 &&
				!strcmp(g->cur.v[j].v, volid);
		if ((named || all) &&
			(s->volumes.v[i]->node < 0 || s->volumes.v[i]->node == (int)g->node))
			pm_s_volume_del(s, volid, (int)g->node);
	}
}

static void destroy_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	char path[32];

	if (!g)
		return;
	for (size_t i = 0; i < s->volumes.n; i++)
		if (s->volumes.v[i]->vmid == g->vmid && linked(s, s->volumes.v[i]->volid)) {
			pm_s_conf_del(&g->cur, "lock");
			pm_s_guest_touch(s, g);
			pm_s_task_fail(t, "base volume '%s' is still in use by linked cloned",
				s->volumes.v[i]->volid);
			return;
		}
	drop_volumes(s, g, pm_s_true(pm_s_task_get(t, "all")));
	(void)snprintf(path, sizeof(path), "/vms/%u", t->vmid);
	pm_s_acl_forget(s, path);
	pm_s_pool_leave(s, t->vmid);
	pm_s_object_forget(s, t->vmid, pm_s_task_get(t, "purge") != NULL);
	if (pm_s_task_get(t, "purge"))
		pm_s_task_log(t, "purging CT %u from related configurations..", t->vmid);
	g->holder = NULL;
	pm_s_guest_del(s, g);
}

void pm_s_lxc_delete(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	struct sim_task *t;

	if (!g || pm_s_locked(c, g))
		return;
	if (pm_s_true(pm_s_conf_get(&g->cur, "protection"))) {
		pm_s_fail(c, 500, "can't remove CT %u - protection mode enabled", g->vmid);
		return;
	}
	if (pm_s_object(c->s, "ha", pm_arena_printf(c->a, "ct:%u", g->vmid)) &&
		!pm_s_arg_true(c, "purge")) {
		pm_s_fail(c, 500,
			"unable to remove CT %u - used in HA resources and purge parameter not set.",
			g->vmid);
		return;
	}
	if (g->running && !pm_s_arg_true(c, "force")) {
		pm_s_fail(c, 500, "unable to destroy CT %u - container is running", g->vmid);
		return;
	}
	t = task_for(c, "vzdestroy");
	t->begin = destroy_begin;
	t->end = destroy_end;
	if (pm_s_arg_true(c, "force"))
		pm_s_task_arg(t, "force", "1");
	if (pm_s_arg_true(c, "purge"))
		pm_s_task_arg(t, "purge", "1");
	pm_s_task_arg(t, "all", pm_s_arg(c, "destroy-unreferenced-disks"));
	pm_s_task_go(c, t);
}
