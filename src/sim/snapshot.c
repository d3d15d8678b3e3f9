/* Snapshots of containers and virtual machines: list, create, roll back, delete, their configuration. */
#include "sim/qemu_priv.h"

struct sim_snap *pm_s_snap(const struct sim_guest *g, const char *name, size_t *at)
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
	struct sim_snap *sn = pm_s_snap(g, name, NULL);

	if (g && !sn)
		pm_s_fail(c, 500, "snapshot '%s' does not exist", name);
	return sn;
}

static void write_snap(struct sim_call *c, const struct sim_guest *g, const struct sim_snap *sn)
{
	const char *text = pm_s_conf_get(&sn->conf, "description");

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", sn->name);
	pm_jw_str(&c->w, "description", text ? text : "");
	pm_jw_int(&c->w, "snaptime", sn->time);
	if (g->qemu)
		pm_jw_int(&c->w, "vmstate", pm_s_conf_has(&sn->conf, "vmstate"));
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
	for (size_t i = 0; i < sn->conf.n; i++)
		pm_s_write_option(
			&c->w, pm_s_for_vm(c), sn->conf.v[i].k, sn->conf.v[i].k, sn->conf.v[i].v);
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
	cleanup_free char *text = pm_s_guest_text(pm_s_arg(c, "description"), pm_s_for_vm(c));

	if (!sn || (pm_s_for_vm(c) && !pm_s_has(c, "description")))
		return;
	pm_s_conf_set(&sn->conf, "description", text);
	pm_s_guest_touch(c->s, g);
}

static void snap_index(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data", "[{\"cmd\":\"rollback\"},{\"cmd\":\"config\"}]");
}

/* ---- tasks ---- */

static bool able(const struct pm_sim *s, const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		const struct sim_kv *kv = &g->cur.v[i];
		cleanup_free char *volid = pm_s_disk_volume(kv);

		if (pm_s_is_disk(kv->k) && !pm_s_is_cdrom(kv->v) &&
			(!volid || !pm_s_volume_able(s, volid)))
			return false;
	}
	return true;
}

static void create_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (!g)
		return;
	if (!able(s, g))
		pm_s_task_fail(t, "snapshot feature is not available");
	else if (pm_s_snap(g, pm_s_task_get(t, "snapname"), NULL))
		pm_s_task_fail(t, "snapshot name '%s' already used", pm_s_task_get(t, "snapname"));
}

static void set_parent(char **parent, const char *name)
{
	char *copy = name ? pm_xstrdup(name) : NULL;

	free(*parent);
	*parent = copy;
}

/* What a snapshot keeps of a configuration: not the text about the guest, nor what is unused or locked. */
static void keep_config(struct sim_conf *to, const struct sim_conf *from)
{
	for (size_t i = 0; i < from->n; i++)
		if (strcmp(from->v[i].k, "description") != 0 && strcmp(from->v[i].k, "lock") != 0 &&
			pm_s_numbered(from->v[i].k, "unused", 255) < 0)
			pm_s_conf_set(to, from->v[i].k, from->v[i].v);
}

static void log_disks(struct sim_task *t, const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);

		if (g->qemu && volid && !pm_s_is_cdrom(g->cur.v[i].v))
			pm_s_task_log(t, "snapshotting 'drive-%s' (%s)", g->cur.v[i].k, volid);
	}
}

static void create_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);
	struct sim_snap *sn;
	cleanup_free char *text = pm_s_guest_text(pm_s_task_get(t, "description"), t->qemu);

	if (!g)
		return;
	sn = pm_xcalloc(1, sizeof(*sn));
	sn->name = pm_xstrdup(pm_s_task_get(t, "snapname"));
	sn->time = s->wall_ms / 1000;
	keep_config(&sn->conf, &g->cur);
	if (*text)
		pm_s_conf_set(&sn->conf, "description", text);
	if (g->qemu && g->running && pm_s_true(pm_s_task_get(t, "vmstate")))
		pm_s_vm_save_state(s, g, &sn->conf, sn->name, NULL);
	log_disks(t, g);
	set_parent(&sn->parent, g->parent);
	set_parent(&g->parent, sn->name);
	pm_vec_push(&g->snaps, sn);
	pm_s_guest_touch(s, g);
}

static void wanted_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);

	if (g && !pm_s_snap(g, pm_s_task_get(t, "snapname"), NULL))
		pm_s_task_fail(t, "snapshot '%s' does not exist", pm_s_task_get(t, "snapname"));
}

/* Its own text and what is unused stay; all else is as it was. */
static void take_back(struct pm_sim *s, struct sim_guest *g, const struct sim_snap *sn)
{
	struct sim_conf now cleanup_conf = { 0 };

	pm_s_conf_copy(&now, &g->cur);
	pm_s_conf_copy(&g->cur, &sn->conf);
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	pm_s_conf_del(&g->cur, "description");
	for (size_t i = 0; i < now.n; i++)
		if (!strcmp(now.v[i].k, "description") ||
			pm_s_numbered(now.v[i].k, "unused", 255) >= 0)
			pm_s_conf_set(&g->cur, now.v[i].k, now.v[i].v);
	if (g->qemu)
		pm_s_vm_taken_back(s, g);
}

static void rollback_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);
	struct sim_snap *sn = pm_s_snap(g, pm_s_task_get(t, "snapname"), NULL);

	if (!sn)
		return;
	g->running = g->paused = false;
	take_back(s, g, sn);
	set_parent(&g->parent, sn->name);
	pm_s_guest_touch(s, g);
	if (pm_s_true(pm_s_task_get(t, "start")) || pm_s_conf_has(&sn->conf, "vmstate"))
		(void)pm_s_boot(s, g, t);
}

static void delete_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_free(s, t);
	size_t at = 0;
	struct sim_snap *sn = pm_s_snap(g, pm_s_task_get(t, "snapname"), &at);

	if (!sn)
		return;
	for (size_t i = 0; i < g->snaps.n; i++) /* its children are its parent's now */
		if (g->snaps.v[i]->parent && !strcmp(g->snaps.v[i]->parent, sn->name))
			set_parent(&g->snaps.v[i]->parent, sn->parent);
	if (g->parent && !strcmp(g->parent, sn->name))
		set_parent(&g->parent, sn->parent);
	if (pm_s_conf_get(&sn->conf, "vmstate"))
		pm_s_volume_del(s, pm_s_conf_get(&sn->conf, "vmstate"), (int)g->node);
	memmove(&g->snaps.v[at], &g->snaps.v[at + 1], (--g->snaps.n - at) * sizeof(*g->snaps.v));
	pm_s_snap_free(sn);
	pm_s_guest_touch(s, g);
}

static struct sim_task *snap_task(struct sim_call *c, const char *vz, const char *qm)
{
	struct sim_task *t = pm_s_guest_task(c, pm_s_for_vm(c) ? qm : vz);

	pm_s_task_arg(t, "snapname", pm_s_arg(c, "snapname"));
	return t;
}

static void snaps_post(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "snapname");
	const char *reserved = pm_s_for_vm(c) ? "pending" : "vzdump";
	struct sim_task *t;

	if (!strcmp(name, "current") || !strcmp(name, reserved)) {
		pm_s_fail(c, 500, "unable to use snapshot name '%s' (reserved name)", name);
		return;
	}
	if (pm_s_for_vm(c) && !pm_s_guest_for(c))
		return;
	t = snap_task(c, "vzsnapshot", "qmsnapshot");
	t->begin = create_begin;
	t->end = create_end;
	pm_s_task_arg(t, "description", pm_s_arg(c, "description"));
	pm_s_task_arg(t, "vmstate", pm_s_arg(c, "vmstate"));
	pm_s_task_go(c, t);
}

static void rollback_post(struct sim_call *c)
{
	struct sim_task *t;

	if (pm_s_for_vm(c) && pm_s_arg_true(c, "start") &&
		!pm_s_check(
			c, pm_arena_printf(c->a, "/vms/%s", pm_s_arg(c, "vmid")), "VM.PowerMgmt"))
		return;
	t = snap_task(c, "vzrollback", "qmrollback");
	t->begin = wanted_begin;
	t->end = rollback_end;
	pm_s_task_arg(t, "start", pm_s_arg(c, "start"));
	pm_s_task_go(c, t);
}

static void snap_delete(struct sim_call *c)
{
	struct sim_task *t = snap_task(c, "vzdelsnapshot", "qmdelsnapshot");

	t->begin = wanted_begin;
	t->end = delete_end;
	pm_s_task_go(c, t);
}

#define NODE (SIM_PROTECTED | SIM_NODE)

/* clang-format off */
#define SNAPSHOTS(at)                                                                           \
	{ "GET", at, snaps_get, NODE, "/vms/{vmid} VM.Audit", NULL },                           \
	{ "POST", at, snaps_post, NODE, "/vms/{vmid} VM.Snapshot", "snapname" },                \
	{ "GET", at "/{snapname}", snap_index, 0, NULL, NULL },                                 \
	{ "DELETE", at "/{snapname}", snap_delete, NODE, "/vms/{vmid} VM.Snapshot", NULL },     \
	{ "POST", at "/{snapname}/rollback", rollback_post, NODE,                               \
		"/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback", NULL },                         \
	{ "GET", at "/{snapname}/config", snap_config_get, SIM_NODE,                            \
		"/vms/{vmid} VM.Snapshot|VM.Snapshot.Rollback|VM.Audit", NULL },                \
	{ "PUT", at "/{snapname}/config", snap_config_put, NODE, "/vms/{vmid} VM.Snapshot", NULL }

const struct sim_route pm_s_routes_snapshot[] = {
	SNAPSHOTS("/nodes/{node}/lxc/{vmid}/snapshot"),
	SNAPSHOTS("/nodes/{node}/qemu/{vmid}/snapshot"),
	{ 0 },
};
/* clang-format on */
