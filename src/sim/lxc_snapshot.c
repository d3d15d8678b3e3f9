/* Snapshots of containers: list, create, roll back, delete, their configuration. */
#include "sim/lxc_priv.h"

static struct sim_snap *snap_find(const struct sim_guest *g, const char *name, size_t *at)
{
	for (size_t i = 0; g && i < g->snaps.n; i++)
		if (!strcmp(g->snaps.v[i]->name, name)) {
			if (at)
				*at = i;
			return g->snaps.v[i];
		}
	return NULL;
}

static struct sim_snap *snap_for(struct sim_call *c, struct sim_guest *g, const char *name)
{
	struct sim_snap *sn = snap_find(g, name, NULL);

	if (g && !sn)
		pm_s_fail(c, 500, "snapshot '%s' does not exist", name);
	return sn;
}

static void write_snap(struct sim_call *c, const struct sim_guest *g, const struct sim_snap *sn)
{
	const char *text = pm_s_conf_get(&sn->conf, "description");

	(void)g;
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", sn->name);
	pm_jw_str(&c->w, "description", text ? text : "");
	pm_jw_int(&c->w, "snaptime", sn->time);
	if (sn->parent)
		pm_jw_str(&c->w, "parent", sn->parent);
	pm_jw_object_end(&c->w);
}

static void snaps_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g)
		return;
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < g->snaps.n; i++)
		write_snap(c, g, g->snaps.v[i]);
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", "current");
	pm_jw_str(&c->w, "description", "You are here!");
	pm_jw_str(&c->w, "digest", pm_s_guest_digest(g));
	pm_jw_int(&c->w, "running", g->running);
	if (g->parent)
		pm_jw_str(&c->w, "parent", g->parent);
	pm_jw_object_end(&c->w);
	pm_jw_array_end(&c->w);
}

static void write_config(struct sim_call *c, const struct sim_snap *sn)
{
	for (size_t i = 0; i < sn->conf.n; i++) {
		const char *k = sn->conf.v[i].k;

		if (pm_s_option_number(false, k))
			pm_jw_int(&c->w, k, pm_s_conf_int(&sn->conf, k, 0));
		else
			pm_s_write_value(&c->w, k, sn->conf.v[i].v);
	}
	if (sn->parent)
		pm_jw_str(&c->w, "parent", sn->parent);
	pm_jw_int(&c->w, "snaptime", sn->time);
}

void pm_s_snapshot_config(struct sim_call *c, struct sim_guest *g, const char *name)
{
	struct sim_snap *sn = snap_for(c, g, name);

	if (!sn)
		return;
	pm_jw_object(&c->w, "data");
	write_config(c, sn);
	pm_jw_str(&c->w, "digest", pm_s_guest_digest(g));
	pm_jw_object_end(&c->w);
}

static void snap_config_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	struct sim_snap *sn = g ? snap_for(c, g, pm_s_arg(c, "snapname")) : NULL;

	if (!sn)
		return;
	pm_jw_object(&c->w, "data");
	write_config(c, sn);
	pm_jw_object_end(&c->w);
}

static void snap_config_put(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	struct sim_snap *sn = g ? snap_for(c, g, pm_s_arg(c, "snapname")) : NULL;
	cleanup_free char *text = pm_s_description(pm_s_arg(c, "description"));

	if (!sn)
		return;
	pm_s_conf_set(&sn->conf, "description", text);
	pm_s_guest_touch(c->s, g);
}

static void snap_index(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data", "[{\"cmd\":\"rollback\"},{\"cmd\":\"config\"}]");
}

/* ---- tasks ---- */

static struct sim_guest *free_guest(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (!g || g->node != t->node)
		pm_s_task_fail(t, "Configuration file 'nodes/%s/lxc/%u.conf' does not exist",
			s->node[t->node].name, t->vmid);
	else if (lock)
		pm_s_task_fail(t, "CT is locked (%s)", lock);
	return t->fails ? NULL : g;
}

static bool able(const struct pm_sim *s, const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		const char *v = g->cur.v[i].v;
		char id[64];

		if (!pm_s_is_mount(g->cur.v[i].k))
			continue;
		(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(v, ":,"), v);
		if (v[0] == '/' || !pm_s_storage(s, id) ||
			!pm_s_storage_snapshots(pm_s_storage(s, id), v))
			return false;
	}
	return true;
}

static void create_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = free_guest(s, t);

	if (!g)
		return;
	if (!able(s, g))
		pm_s_task_fail(t, "snapshot feature is not available");
	else if (snap_find(g, pm_s_task_get(t, "snapname"), NULL))
		pm_s_task_fail(t, "snapshot name '%s' already used", pm_s_task_get(t, "snapname"));
}

static void set_parent(char **parent, const char *name)
{
	char *copy = name ? pm_xstrdup(name) : NULL;

	free(*parent);
	*parent = copy;
}

static void create_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = free_guest(s, t);
	struct sim_snap *sn;
	cleanup_free char *text = pm_s_description(pm_s_task_get(t, "description"));

	if (!g)
		return;
	sn = pm_xcalloc(1, sizeof(*sn));
	sn->name = pm_xstrdup(pm_s_task_get(t, "snapname"));
	sn->time = s->wall_ms / 1000;
	pm_s_conf_copy(&sn->conf, &g->cur);
	if (*text)
		pm_s_conf_set(&sn->conf, "description", text);
	else
		pm_s_conf_del(&sn->conf, "description");
	set_parent(&sn->parent, g->parent);
	set_parent(&g->parent, sn->name);
	pm_vec_push(&g->snaps, sn);
	pm_s_guest_touch(s, g);
}

static void wanted_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = free_guest(s, t);

	if (g && !snap_find(g, pm_s_task_get(t, "snapname"), NULL))
		pm_s_task_fail(t, "snapshot '%s' does not exist", pm_s_task_get(t, "snapname"));
}

static void rollback_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = free_guest(s, t);
	struct sim_snap *sn = snap_find(g, pm_s_task_get(t, "snapname"), NULL);
	cleanup_free char *text = NULL;

	if (!sn)
		return;
	if (pm_s_conf_get(&g->cur, "description"))
		text = pm_xstrdup(pm_s_conf_get(&g->cur, "description"));
	g->running = false;
	pm_s_conf_copy(&g->cur, &sn->conf);
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	if (text)
		pm_s_conf_set(&g->cur, "description", text);
	else
		pm_s_conf_del(&g->cur, "description");
	set_parent(&g->parent, sn->name);
	pm_s_guest_touch(s, g);
	if (pm_s_true(pm_s_task_get(t, "start")))
		(void)pm_s_boot(s, g, t);
}

static void delete_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = free_guest(s, t);
	size_t at = 0;
	struct sim_snap *sn = snap_find(g, pm_s_task_get(t, "snapname"), &at);

	if (!sn)
		return;
	for (size_t i = 0; i < g->snaps.n; i++) /* its children are its parent's now */
		if (g->snaps.v[i]->parent && !strcmp(g->snaps.v[i]->parent, sn->name))
			set_parent(&g->snaps.v[i]->parent, sn->parent);
	if (g->parent && !strcmp(g->parent, sn->name))
		set_parent(&g->parent, sn->parent);
	memmove(&g->snaps.v[at], &g->snaps.v[at + 1], (--g->snaps.n - at) * sizeof(*g->snaps.v));
	pm_s_snap_free(sn);
	pm_s_guest_touch(s, g);
}

static struct sim_task *snap_task(struct sim_call *c, const char *type)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	struct sim_task *t = pm_s_task(c, type, pm_arena_printf(c->a, "%u", vmid), vmid);

	pm_s_task_arg(t, "snapname", pm_s_arg(c, "snapname"));
	return t;
}

static void snaps_post(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "snapname");
	struct sim_task *t;

	if (!strcmp(name, "current") || !strcmp(name, "vzdump")) {
		pm_s_fail(c, 500, "unable to use snapshot name '%s' (reserved name)", name);
		return;
	}
	t = snap_task(c, "vzsnapshot");
	t->begin = create_begin;
	t->end = create_end;
	pm_s_task_arg(t, "description", pm_s_arg(c, "description"));
	pm_s_task_go(c, t);
}

static void rollback_post(struct sim_call *c)
{
	struct sim_task *t = snap_task(c, "vzrollback");

	t->begin = wanted_begin;
	t->end = rollback_end;
	pm_s_task_arg(t, "start", pm_s_arg(c, "start"));
	pm_s_task_go(c, t);
}

static void snap_delete(struct sim_call *c)
{
	struct sim_task *t = snap_task(c, "vzdelsnapshot");

	t->begin = wanted_begin;
	t->end = delete_end;
	pm_s_task_go(c, t);
}

#define NODE  (SIM_PROTECTED | SIM_NODE)
#define SNAPS "/nodes/{node}/lxc/{vmid}/snapshot"

const struct sim_route pm_s_routes_snapshot[] = {
	{ "GET", SNAPS, snaps_get, NODE, "/vms/{vmid} VM.Audit", NULL },
	{ "POST", SNAPS, snaps_post, NODE, "/vms/{vmid} VM.Snapshot", "snapname" },
	{ "GET", SNAPS "/{snapname}", snap_index, 0, NULL, NULL },
	{ "DELETE", SNAPS "/{snapname}", snap_delete, NODE, "/vms/{vmid} VM.Snapshot", NULL },
	{ "POST", SNAPS "/{snapname}/rollback", rollback_post, NODE,
		"/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback", NULL },
	{ "GET", SNAPS "/{snapname}/config", snap_config_get, SIM_NODE,
		"/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback|VM.Audit", NULL },
	{ "PUT", SNAPS "/{snapname}/config", snap_config_put, NODE, "/vms/{vmid} VM.Snapshot",
		NULL },
	{ 0 },
};
