/* Start, stop, shutdown, reboot, reset, suspend and resume of virtual machines. */
#include "sim/qemu_priv.h"

/* ---- what starting and stopping does ---- */

static bool bridges_there(const struct pm_sim *s, const struct sim_guest *g, struct sim_task *t)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		struct sim_conf p cleanup_conf = { 0 };
		const char *bridge;

		if (pm_s_numbered(g->cur.v[i].k, "net", 31) < 0)
			continue;
		pm_s_props(&p, g->cur.v[i].v, NULL);
		bridge = pm_s_conf_get(&p, "bridge");
		if (!bridge || pm_s_bridge_exists(s, bridge))
			continue;
		pm_s_task_log(t, "bridge '%s' does not exist", bridge);
		pm_s_task_fail(t, "start failed: QEMU exited with code 1");
		return false;
	}
	return true;
}

static bool volumes_there(const struct pm_sim *s, const struct sim_guest *g, struct sim_task *t)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);

		if (!volid || pm_s_volume(s, volid, (int)g->node))
			continue;
		pm_s_task_fail(t, "volume '%s' does not exist", volid);
		return false;
	}
	return true;
}

/* It goes on from what was saved of its memory. */
static void wake(struct pm_sim *s, struct sim_guest *g)
{
	const char *state = pm_s_conf_get(&g->cur, "vmstate");

	if (!state)
		return;
	pm_s_volume_del(s, state, (int)g->node);
	pm_s_vm_taken_back(s, g);
	pm_s_conf_del(&g->cur, "lock");
}

/* What can be plugged has to be whole modules. */
static bool memory_fits(const struct sim_guest *g, struct sim_task *t)
{
	int64_t mib = pm_s_vm_memory(&g->cur);

	if (!pm_s_vm_hotplugs(&g->cur, "memory"))
		return true;
	if (!pm_s_true(pm_s_conf_get(&g->cur, "numa")))
		pm_s_task_fail(t, "NUMA needs to be enabled for memory hotplug");
	else if (mib < SIM_STATIC_MIB)
		pm_s_task_fail(t, "minimum memory must be %dMB", SIM_STATIC_MIB);
	else if (pm_s_vm_modules(mib, true) != mib)
		pm_s_task_fail(t, "memory size (%lld) must be aligned to 512 for hotplugging",
			(long long)mib);
	else
		return true;
	return false;
}

const char *pm_s_vm_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t)
{
	pm_s_apply_pending(s, g);
	if (g->running)
		return NULL;
	if (!volumes_there(s, g, t) || !bridges_there(s, g, t) || !memory_fits(g, t))
		return t->fails;
	wake(s, g);
	pm_s_conf_done(&g->ci); /* the drive is made anew */
	g->running = true;
	g->paused = false;
	g->started_ns = s->now_ns;
	pm_s_guest_touch(s, g);
	return NULL;
}

void pm_s_vm_taken_back(struct pm_sim *s, struct sim_guest *g)
{
	static const char *const keys[] = { "vmstate", "runningmachine", "runningcpu",
		"running-nets-host-mtu" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		pm_s_conf_del(&g->cur, keys[i]);
	if (pm_s_conf_get(&g->cur, "vmgenid")) {
		cleanup_free char *uuid = pm_s_uuid(s);

		pm_s_conf_set(&g->cur, "vmgenid", uuid);
	}
}

static const char *state_storage(const struct pm_sim *s, const struct sim_guest *g)
{
	const char *named = pm_s_conf_get(&g->cur, "vmstatestorage");

	for (size_t i = 0; !named && i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);
		const struct sim_storage *st = volid ? pm_s_storage_of(s, volid) : NULL;

		if (st && !pm_s_is_cdrom(g->cur.v[i].v))
			named = st->id;
	}
	return named ? named : "local";
}

void pm_s_vm_save_state(struct pm_sim *s, struct sim_guest *g, struct sim_conf *conf,
	const char *name, const char *storage)
{
	const struct sim_storage *st = pm_s_storage(s, storage ? storage : state_storage(s, g));
	int64_t size = (pm_s_vm_memory(&g->cur) * 2 + 500) << 20;
	const char *machine = pm_s_conf_get(&g->cur, "machine");
	cleanup_buf struct pm_buf b = PM_BUF(0);

	if (!st)
		return;
	if (pm_s_storage_is_dir(st))
		pm_buf_addf(&b, "%s:%u/vm-%u-state-%s.raw", st->id, g->vmid, g->vmid, name);
	else
		pm_buf_addf(&b, "%s:vm-%u-state-%s", st->id, g->vmid, name);
	pm_s_volume_add(s, pm_buf_str(&b), pm_s_storage_shared(st) ? -1 : (int)g->node, size);
	pm_s_conf_set(conf, "vmstate", pm_buf_str(&b));
	pm_s_conf_set(conf, "runningmachine", machine ? machine : "pc-i440fx-" SIM_QEMU_MACHINE);
}

/* Is there anything in it that heeds the power button: an agent, or a system on the disk it boots from?
 * A disk that was only allocated is blank. */
static bool heeds(const struct pm_sim *s, const struct sim_guest *g)
{
	const char *key = pm_s_vm_boot_disk(g);
	cleanup_free char *volid = key ? pm_s_volume_at(&g->cur, key) : NULL;
	const struct sim_volume *v = volid ? pm_s_volume(s, volid, (int)g->node) : NULL;

	return pm_s_vm_agent(&g->cur) || (v && v->used > 4096);
}

/* ---- the calls ---- */

static void start_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (g && pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_s_task_fail(t, "you can't start a vm if it's a template");
	else if (lock && strcmp(lock, "suspended") != 0 && !pm_s_task_get(t, "skiplock"))
		pm_s_task_fail(t, "VM is locked (%s)", lock);
	else if (g && g->running)
		pm_s_task_fail(t, "VM %u already running", g->vmid);
}

static void start_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);

	if (g)
		(void)pm_s_vm_boot(s, g, t);
}

void pm_s_vm_start_after(struct pm_sim *s, struct sim_task *t, unsigned vmid)
{
	struct sim_task *next = pm_s_task_new(s, t->node, t->user, "qmstart", t->id, vmid);

	next->qemu = true;
	next->begin = start_begin;
	next->end = start_end;
	pm_s_task_start(s, next);
}

void pm_s_vm_start(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock") || !pm_s_quorum_for_guest(c))
		return;
	if (g && pm_s_ha_managed(c->s, g)) {
		pm_s_ask_ha(c, g, "hastart", "started");
		return;
	}
	t = pm_s_guest_task(c, "qmstart");
	t->begin = start_begin;
	t->end = start_end;
	pm_s_task_go(c, t);
}

/* One that is not there, or is off, has nothing to stop. */
static void stop_begin(struct pm_sim *s, struct sim_task *t)
{
	const struct sim_guest *g = pm_s_guest(s, t->vmid);
	int64_t wait = pm_s_conf_int(&t->args, "timeout", 60);

	if (!g || g->node != t->node || !g->qemu) {
		pm_s_task_fail(t, "unable to find configuration file for VM %u on node '%s'",
			t->vmid, s->node[t->node].name);
		return;
	}
	if (!g->running)
		t->ms = 0;
	else if (pm_s_guest_free(s, t) && pm_s_task_get(t, "shutdown") && !heeds(s, g))
		t->ms = wait * 1000;
}

static void stop_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);

	if (!g || !g->running)
		return;
	if (pm_s_task_get(t, "shutdown") && !heeds(s, g)) {
		if (!pm_s_true(pm_s_task_get(t, "forceStop"))) {
			pm_s_task_fail(t, "VM quit/powerdown failed - got timeout");
			return;
		}
		pm_s_task_log(t, "VM still running - terminating now with SIGTERM");
	}
	pm_s_halt(s, g);
	if (pm_s_task_get(t, "again"))
		(void)pm_s_vm_boot(s, g, t);
}

static struct sim_task *stop_task(struct sim_call *c, const char *type)
{
	struct sim_task *t = pm_s_guest_task(c, type);

	t->begin = stop_begin;
	t->end = stop_end;
	return t;
}

static bool stop_options(struct sim_call *c)
{
	return pm_s_root_option(c, "skiplock") && pm_s_root_option(c, "keepActive");
}

void pm_s_vm_stop(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	struct sim_task *t;

	if (!stop_options(c))
		return;
	if (g && pm_s_ha_managed(c->s, g)) {
		if (pm_s_arg_true(c, "overrule-shutdown"))
			pm_s_bad(c, "overrule-shutdown", "Not applicable for HA resources.");
		else
			pm_s_ask_ha(c, g, "hastop", "stopped");
		return;
	}
	t = stop_task(c, "qmstop");
	if (pm_s_arg_true(c, "overrule-shutdown"))
		pm_s_overrule(c, t, "qmshutdown");
	pm_s_task_go(c, t);
}

static bool paused(struct sim_call *c, const struct sim_guest *g)
{
	if (g && g->running && g->paused)
		pm_s_fail(c, 500, "VM is paused - cannot shutdown");
	return c->failed;
}

void pm_s_vm_shutdown(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	bool force = pm_s_arg_true(c, "forceStop"), rests = g && g->running && g->paused;
	const char *startup = g ? pm_s_conf_get(&g->cur, "startup") : NULL;
	struct sim_conf p cleanup_conf = { 0 };
	struct sim_task *t;

	if (!stop_options(c) || (!force && paused(c, g)))
		return;
	if (g && pm_s_ha_managed(c->s, g)) {
		pm_s_ask_ha(c, g, "hastop", "stopped");
		return;
	}
	t = stop_task(c, "qmshutdown");
	if (rests)
		pm_s_task_log(t, "VM is paused - stop instead of shutdown");
	else
		pm_s_task_arg(t, "shutdown", "1");
	if (startup && pm_s_props(&p, startup, "order"))
		pm_s_task_arg(t, "timeout", pm_s_conf_get(&p, "down"));
	pm_s_task_arg(t, "timeout", pm_s_arg(c, "timeout"));
	pm_s_task_arg(t, "forceStop", force ? "1" : NULL);
	pm_s_task_go(c, t);
}

static struct sim_guest *running_here(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);

	if (g && g->running)
		return g;
	pm_s_fail(c, 500, "VM %s not running", pm_s_arg(c, "vmid"));
	return NULL;
}

void pm_s_vm_reboot(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	struct sim_task *t;

	if (paused(c, g) || !running_here(c))
		return;
	t = stop_task(c, "qmreboot");
	pm_s_task_arg(t, "shutdown", "1");
	pm_s_task_arg(t, "again", "1");
	pm_s_task_arg(t, "timeout", pm_s_arg(c, "timeout"));
	pm_s_task_go(c, t);
}

static void reset_end(struct pm_sim *s, struct sim_task *t)
{
	(void)pm_s_guest_free(s, t);
}

void pm_s_vm_reset(struct sim_call *c)
{
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock") || !running_here(c))
		return;
	t = pm_s_guest_task(c, "qmreset");
	t->end = reset_end;
	pm_s_task_go(c, t);
}

/* ---- suspend and resume ---- */

static void pause_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (!g)
		return;
	if (pm_s_task_get(t, "todisk")) {
		char name[48], when[32];

		(void)snprintf(
			name, sizeof(name), "suspend-%.10s", pm_format_time(s->wall_ms, when));
		pm_s_vm_save_state(s, g, &g->cur, name, pm_s_task_get(t, "statestorage"));
		pm_s_task_log(t, "State saved, quitting");
		g->running = g->paused = false;
		pm_s_guest_mark(s, g, "suspended");
		return;
	}
	g->paused = true;
	pm_s_guest_touch(s, g);
}

void pm_s_vm_suspend(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	const char *storage = pm_s_arg(c, "statestorage");
	struct sim_task *t;
	bool disk = pm_s_arg_true(c, "todisk");

	if (!pm_s_root_option(c, "skiplock") || !running_here(c))
		return;
	if (disk && pm_s_ha_managed(c->s, g)) {
		pm_s_fail(c, 500, "Cannot suspend HA managed VM to disk");
		return;
	}
	if (disk && (!pm_s_check(c, pm_arena_printf(c->a, "/vms/%u", g->vmid), "VM.Config.Disk") ||
			    !pm_s_check(c,
				    pm_arena_printf(c->a, "/storage/%s",
					    storage ? storage : state_storage(c->s, g)),
				    "Datastore.AllocateSpace")))
		return;
	t = pm_s_guest_task(c, disk ? "qmsuspend" : "qmpause");
	t->end = pause_end;
	pm_s_task_arg(t, "todisk", disk ? "1" : NULL);
	pm_s_task_arg(t, "statestorage", storage);
	pm_s_task_go(c, t);
}

static void resume_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (!g)
		return;
	if (lock && !strcmp(lock, "suspended")) {
		(void)pm_s_vm_boot(s, g, t);
		return;
	}
	if (lock && strcmp(lock, "backup") != 0 && !pm_s_task_get(t, "skiplock")) {
		pm_s_task_fail(t, "VM is locked (%s)", lock);
		return;
	}
	g->paused = false;
	pm_s_guest_touch(s, g);
}

void pm_s_vm_resume(struct sim_call *c)
{
	const struct sim_guest *g = pm_s_guest_here(c);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock") || !pm_s_root_option(c, "nocheck"))
		return;
	if (!(lock && !strcmp(lock, "suspended")) && !running_here(c))
		return;
	t = pm_s_guest_task(c, "qmresume");
	t->end = resume_end;
	pm_s_task_go(c, t);
}
