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

const char *pm_s_lxc_boot(struct pm_sim *s, struct sim_guest *g, struct sim_task *t)
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

static unsigned vmid_of(const struct sim_call *c)
{
	return (unsigned)pm_s_arg_int(c, "vmid", 0);
}

static void start_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (g && pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_s_task_fail(t, "you can't start a CT if it's a template");
}

static void start_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (g)
		(void)pm_s_boot(s, g, t);
}

void pm_s_lxc_start(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_here(c);
	struct sim_task *t;

	if (!pm_s_root_option(c, "skiplock"))
		return;
	if (!pm_s_quorum_for_guest(c))
		return;
	if (g && g->running) {
		pm_s_fail(c, 500, "CT %u already running", g->vmid);
		return;
	}
	if (g && pm_s_ha_managed(c->s, g)) {
		pm_s_ask_ha(c, g, "hastart", "started");
		return;
	}
	t = pm_s_guest_task(c, "vzstart");
	t->begin = start_begin;
	t->end = start_end;
	pm_s_task_go(c, t);
}

static struct sim_guest *running_here(struct sim_call *c, const char *word)
{
	struct sim_guest *g = pm_s_guest_here(c);

	if (g && g->running)
		return g;
	pm_s_fail(c, 500, "%s %u not running", word, vmid_of(c));
	return NULL;
}

static void check_begin(struct pm_sim *s, struct sim_task *t)
{
	(void)pm_s_guest_free(s, t);
}

static void stop_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (g)
		pm_s_halt(s, g);
}

void pm_s_lxc_stop(struct sim_call *c)
{
	struct sim_guest *g = running_here(c, "CT");
	struct sim_task *t;

	if (!g || !pm_s_root_option(c, "skiplock"))
		return;
	if (pm_s_ha_managed(c->s, g)) {
		pm_s_ask_ha(c, g, "hastop", "stopped");
		return;
	}
	t = pm_s_guest_task(c, "vzstop");
	t->begin = check_begin;
	t->end = stop_end;
	if (pm_s_arg_true(c, "overrule-shutdown"))
		pm_s_overrule(c, t, "vzshutdown");
	pm_s_task_go(c, t);
}

static void shutdown_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (g && ignores_halt(g))
		t->ms = pm_s_conf_int(&t->args, "timeout", 60) * 1000;
}

static void shutdown_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

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
	t = pm_s_guest_task(c, "vzshutdown");
	t->begin = shutdown_begin;
	t->end = shutdown_end;
	pm_s_task_arg(t, "timeout", pm_s_arg(c, "timeout") ? pm_s_arg(c, "timeout") : "60");
	pm_s_task_arg(t, "forceStop", pm_s_arg(c, "forceStop"));
	pm_s_task_go(c, t);
}

static void reboot_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

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
	t = pm_s_guest_task(c, "vzreboot");
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
	t = pm_s_guest_task(c, "vzsuspend");
	t->end = criu_end;
	pm_s_task_go(c, t);
}

void pm_s_lxc_resume(struct sim_call *c)
{
	struct sim_task *t;

	if (pm_s_guest_here(c) && pm_s_guest_here(c)->running) {
		pm_s_fail(c, 500, "CT %u already running", vmid_of(c));
		return;
	}
	t = pm_s_guest_task(c, "vzresume");
	t->end = criu_end;
	pm_s_task_go(c, t);
}

/* ---- delete ---- */

static void destroy_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

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

void pm_s_lxc_delete(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	struct sim_task *t;

	if (!g || pm_s_locked(c, g))
		return;
	if (!pm_s_removable(c, g))
		return;
	if (g->running && !pm_s_arg_true(c, "force")) {
		pm_s_fail(c, 500, "unable to destroy CT %u - container is running", g->vmid);
		return;
	}
	t = pm_s_guest_task(c, "vzdestroy");
	t->begin = destroy_begin;
	t->end = pm_s_destroy_end;
	if (pm_s_arg_true(c, "force"))
		pm_s_task_arg(t, "force", "1");
	pm_s_destroy_go(c, t);
}
