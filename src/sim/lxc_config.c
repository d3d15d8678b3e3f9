/* GET and PUT of a container's configuration, its pending changes, and which of them take effect while
 * it runs. */
#include "base/num.h"
#include "sim/lxc_priv.h"

/* ---- who may change what ---- */

static const char *priv_for(const char *k)
{
	static const struct {
		const char *keys, *priv;
	} known[] = { { "cores cpulimit cpuunits", "VM.Config.CPU" },
		{ "rootfs", "VM.Config.Disk" }, { "memory swap", "VM.Config.Memory" },
		{ "hostname nameserver searchdomain", "VM.Config.Network" } };

	if (pm_s_numbered(k, "mp", 255) >= 0 || pm_s_numbered(k, "unused", 255) >= 0)
		return "VM.Config.Disk";
	if (pm_s_numbered(k, "net", 31) >= 0)
		return "VM.Config.Network";
	for (size_t i = 0; i < PM_COUNT(known); i++) {
		const char *at = strstr(known[i].keys, k);

		if (at && (at == known[i].keys || at[-1] == ' ') && strchr(" ", at[strlen(k)]))
			return known[i].priv;
	}
	return "VM.Config.Options";
}

static bool root_only(struct sim_call *c, const char *what)
{
	pm_s_fail(c, 403, "Permission check failed (%s)", what);
	return false;
}

static bool may_features(struct sim_call *c, const char *value, bool unprivileged, const char *path)
{
	struct sim_conf p cleanup_conf = { 0 };

	if (!unprivileged)
		return root_only(c,
			"changing feature flags for privileged container is only allowed for root@pam");
	pm_s_props(&p, value ? value : "", NULL);
	for (size_t i = 0; i < p.n; i++)
		if (strcmp(p.v[i].k, "nesting") != 0)
			return root_only(c,
				"changing feature flags (except nesting) is only allowed for root@pam");
	return pm_s_check(c, path, "VM.Allocate");
}

bool pm_s_may_bridge(struct sim_call *c, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *bridge, *tag;

	pm_s_props(&p, value ? value : "", "model");
	bridge = pm_s_conf_get(&p, "bridge");
	tag = pm_s_conf_get(&p, "tag");
	return !bridge || pm_s_check(c,
				  pm_arena_printf(c->a, "/sdn/zones/localnetwork/%s%s%s", bridge,
					  tag ? "/" : "", tag ? tag : ""),
				  "SDN.Use");
}

static bool may_set(
	struct sim_call *c, const char *path, const char *k, const char *v, bool unprivileged)
{
	if (pm_s_numbered(k, "dev", 255) >= 0)
		return root_only(c, "configuring device passthrough is only allowed for root@pam");
	if (!strcmp(k, "hookscript"))
		return root_only(c, "changing the hookscript is only allowed for root@pam");
	if (!strcmp(k, "features"))
		return may_features(c, v, unprivileged, path);
	if (v && pm_s_is_mount(k) && v[0] == '/')
		return root_only(
			c, pm_arena_printf(c->a, "mount point type %s is only allowed for root@pam",
				   pm_s_source(v) == SIM_DEVICE ? "device" : "bind"));
	if (!pm_s_check(c, path, priv_for(k)))
		return false;
	return pm_s_numbered(k, "net", 31) < 0 || pm_s_may_bridge(c, v);
}

bool pm_s_may_config(struct sim_call *c, unsigned vmid, const char *pool, bool unprivileged)
{
	const char *path = pm_arena_printf(c->a, "/vms/%u", vmid);
	const char *gone = pm_s_arg(c, "delete");

	if (pool)
		path = pm_arena_printf(c->a, "/pool/%s", pool);
	if (pm_s_is_root(c))
		return true;
	for (size_t i = 0; i < c->p.n; i++)
		if (pm_s_option_known(c->s, false, c->p.v[i].k) &&
			strcmp(c->p.v[i].k, "unprivileged") != 0 &&
			!may_set(c,
				!strcmp(c->p.v[i].k, "tags")
					? pm_arena_printf(c->a, "/vms/%u", vmid)
					: path,
				c->p.v[i].k, c->p.v[i].v, unprivileged))
			return false;
	while (gone && *gone) {
		size_t n = strcspn(gone, ",; ");

		if (n && !may_set(c, path, pm_arena_strndup(c->a, gone, n), NULL, unprivileged))
			return false;
		gone += n;
		gone += *gone != '\0';
	}
	return true;
}

/* ---- writing ---- */

static bool protected_drive(
	struct sim_call *c, const struct sim_guest *g, const char *k, const char *verb)
{
	if (!pm_s_true(pm_s_conf_get(&g->cur, "protection")))
		return false;
	pm_s_fail(c, 500, "can't %s CT %u drive '%s' - protection mode enabled", verb, g->vmid, k);
	return true;
}

static bool delete_key(struct sim_call *c, struct sim_guest *g, const char *k)
{
	bool unused = pm_s_numbered(k, "unused", 255) >= 0;

	if (!pm_s_conf_has(&g->cur, k) && !pm_s_conf_has(&g->pend, k))
		return true; /* PVE only warns in its log */
	if (!strcmp(k, "memory") || !strcmp(k, "rootfs") || !strcmp(k, "ostype")) {
		pm_s_fail(c, 500, "unable to delete required option '%s'", k);
		return false;
	}
	if (!strcmp(k, "unprivileged")) {
		pm_s_fail(c, 500, "unable to delete read-only option: '%s'", k);
		return false;
	}
	if ((unused || pm_s_numbered(k, "mp", 255) >= 0) && protected_drive(c, g, k, "remove"))
		return false;
	pm_s_conf_set(&g->del, k, NULL);
	return true;
}

static char *list_with_blanks(const char *v)
{
	struct pm_buf out = PM_BUF(0);

	while (*v) {
		size_t n = strcspn(v, ",; \t\n");

		if (n)
			pm_buf_addf(&out, "%s%.*s", out.len ? " " : "", (int)n, v);
		v += n;
		v += *v != '\0';
	}
	return pm_buf_steal(&out);
}

/* Is the storage of a volume there, and does it take disks of containers? */
static bool mount_fits(struct sim_call *c, const struct sim_guest *g, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *volume, *id;
	struct sim_storage *st;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (!volume || volume[0] == '/' || !strchr(volume, ':'))
		return true;
	id = pm_arena_strndup(c->a, volume, strcspn(volume, ":"));
	st = pm_s_storage_for(c, id, g->node);
	if (!st)
		return false;
	if (!pm_s_storage_holds(st, "rootdir")) {
		pm_s_fail(c, 500, "storage '%s' does not support container directories", id);
		return false;
	}
	if (pm_s_source(volume) == SIM_NEW &&
		!pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", id), "Datastore.AllocateSpace"))
		return false;
	return true;
}

char *pm_s_value_for(struct pm_sim *s, const char *k, const char *v)
{
	if (!strcmp(k, "tags"))
		return pm_s_tags(v);
	if (!strcmp(k, "description"))
		return pm_s_description(v);
	if (!v)
		return pm_xstrdup("");
	if (!strcmp(k, "nameserver") || !strcmp(k, "searchdomain"))
		return list_with_blanks(v);
	if (pm_s_numbered(k, "net", 31) >= 0) {
		char *net = pm_s_net(s, v);

		return net ? net : pm_xstrdup(v);
	}
	return pm_xstrdup(v);
}

static bool set_key(struct sim_call *c, struct sim_guest *g, const char *k, const char *v)
{
	cleanup_free char *value = NULL;

	if (!strcmp(k, "unprivileged")) {
		pm_s_fail(c, 500, "unable to modify read-only option: '%s'", k);
		return false;
	}
	if (pm_s_is_mount(k) && v && (protected_drive(c, g, k, "update") || !mount_fits(c, g, v)))
		return false;
	if (!strcmp(k, "hookscript") && v && !pm_s_volume(c->s, v, (int)g->node)) {
		pm_s_fail(c, 500, "script '%s' does not exist", v);
		return false;
	}
	value = pm_s_value_for(c->s, k, v);
	pm_s_conf_set(&g->pend, k, value);
	pm_s_conf_del(&g->del, k);
	return true;
}

/* ---- hotplug ---- */

static bool applies_live(const struct sim_guest *g, const char *k, bool removal)
{
	static const char *const always[] = { "cores", "cpulimit", "cpuunits", "description",
		"hookscript", "hostname", "lock", "memory", "onboot", "protection", "startup",
		"swap", "tags" };

	for (size_t i = 0; i < PM_COUNT(always); i++)
		if (!strcmp(always[i], k))
			return true;
	if (removal)
		return pm_s_numbered(k, "net", 9) >= 0 || pm_s_numbered(k, "unused", 255) >= 0;
	if (pm_s_numbered(k, "net", 31) >= 0)
		return true;
	return (pm_s_numbered(k, "mp", 255) >= 0 || pm_s_numbered(k, "dev", 255) >= 0) &&
	       !pm_s_conf_has(&g->cur, k);
}

static bool net_plugs(struct sim_call *c, const struct sim_guest *g, const char *k, const char *v)
{
	struct sim_conf now cleanup_conf = { 0 }, then cleanup_conf = { 0 };
	const char *old = pm_s_conf_get(&g->cur, k), *bridge, *was;

	pm_s_props(&then, v, NULL);
	pm_s_props(&now, old ? old : "", NULL);
	bridge = pm_s_conf_get(&then, "bridge");
	was = pm_s_conf_get(&now, "bridge");
	if (!bridge || (was && !strcmp(bridge, was)) || pm_s_bridge_exists(c->s, bridge))
		return true;
	pm_s_bad(c, k, "unable to hotplug %s: interface %s does not exist\n\n", k, bridge);
	return false;
}

static void plug_one(struct sim_call *c, struct sim_guest *g, const char *k, const char *v)
{
	if (pm_s_numbered(k, "net", 31) >= 0 && !net_plugs(c, g, k, v))
		return;
	if (pm_s_is_mount(k))
		pm_s_mount_apply(c->s, g, k, v);
	else if (v && *v)
		pm_s_conf_set(&g->cur, k, v);
	else
		pm_s_conf_del(&g->cur, k);
	pm_s_conf_del(&g->pend, k);
}

static void hotplug(struct sim_call *c, struct sim_guest *g)
{
	struct sim_conf todo cleanup_conf = { 0 };

	for (size_t i = g->del.n; i-- > 0;)
		if (applies_live(g, g->del.v[i].k, true)) {
			cleanup_free char *k = pm_xstrdup(g->del.v[i].k);

			pm_s_apply_delete(c->s, g, k);
		}
	pm_s_conf_copy(&todo, &g->pend);
	for (size_t i = 0; i < todo.n; i++)
		if (applies_live(g, todo.v[i].k, false))
			plug_one(c, g, todo.v[i].k, todo.v[i].v);
}

static bool take_changes(struct sim_call *c, struct sim_guest *g, const struct sim_conf *gone,
	const struct sim_conf *back)
{
	for (size_t i = 0; i < back->n; i++) {
		pm_s_conf_del(&g->pend, back->v[i].k);
		pm_s_conf_del(&g->del, back->v[i].k);
	}
	for (size_t i = 0; i < gone->n; i++)
		if (!delete_key(c, g, gone->v[i].k))
			return false;
	for (size_t i = 0; i < c->p.n; i++)
		if (pm_s_option_known(c->s, false, c->p.v[i].k) &&
			!set_key(c, g, c->p.v[i].k, c->p.v[i].v))
			return false;
	pm_s_pending_cleanup(g);
	return true;
}

static bool nothing_given(const struct sim_call *c)
{
	for (size_t i = 0; i < c->p.n; i++)
		if (!c->p.v[i].path && strcmp(c->p.v[i].k, "digest") != 0)
			return false;
	return true;
}

static void change(struct sim_call *c, struct sim_guest *g, const struct sim_conf *gone,
	const struct sim_conf *back)
{
	struct sim_saved before cleanup_saved = { 0 };

	pm_s_guest_keep(g, &before);
	if (take_changes(c, g, gone, back)) {
		if (g->running)
			hotplug(c, g);
		else
			pm_s_apply_pending(c->s, g);
	}
	if (c->failed || c->errors.n) /* nothing is written then */
		pm_s_guest_back(g, &before);
	pm_s_guest_touch(c->s, g);
}

void pm_s_lxc_config_put(struct sim_call *c)
{
	struct sim_conf gone cleanup_conf = { 0 }, back cleanup_conf = { 0 };
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	const struct sim_guest *peek = pm_s_guest(c->s, vmid);
	struct sim_guest *g;

	if (nothing_given(c)) {
		pm_s_fail(c, 500, "no options specified");
		return;
	}
	if (!pm_s_take_list(c, "revert", &back) || !pm_s_take_list(c, "delete", &gone) ||
		!pm_s_may_config(c, vmid, NULL,
			peek && pm_s_true(pm_s_conf_get(&peek->cur, "unprivileged"))))
		return;
	g = pm_s_guest_for(c);
	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g))
		return;
	if (pm_s_same_digest(c, g) && pm_s_can_write(c, g))
		change(c, g, &gone, &back);
}
