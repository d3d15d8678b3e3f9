/* Clone of containers and their conversion to a template. */
#include "sim/lxc_priv.h"

static unsigned vmid_arg(const struct sim_call *c, const char *k)
{
	return (unsigned)pm_s_arg_int(c, k, 0);
}

/* ---- clone ---- */

static char *copy_mount(struct pm_sim *s, const struct sim_task *t, unsigned newid, unsigned node,
	const struct sim_kv *kv)
{
	const char *to = pm_s_task_get(t, "storage");
	cleanup_free char *volid = pm_s_disk_volume(kv);
	struct sim_conf p cleanup_conf = { 0 };
	struct sim_volume *v, *fresh;
	char size[32];

	if (!volid)
		return pm_xstrdup(kv->v);
	pm_s_props(&p, kv->v, "volume");
	v = pm_s_volume(s, volid, -1);
	fresh = pm_s_volume_new(s, to ? pm_s_storage(s, to) : pm_s_storage_of(s, volid), newid,
		node, v ? v->size : INT64_C(1) << 30);
	pm_s_conf_set(&p, "volume", fresh->volid);
	pm_s_conf_set(&p, "size", pm_s_format_size(fresh->size, size));
	return pm_s_props_text(&p, "volume", strcmp(kv->k, "rootfs") != 0 ? "mp" : NULL);
}

static char *fresh_mac(struct pm_sim *s, const char *net)
{
	struct sim_conf p cleanup_conf = { 0 };
	cleanup_free char *mac = pm_s_mac(s);

	pm_s_props(&p, net, NULL);
	pm_s_conf_set(&p, "hwaddr", mac);
	return pm_s_props_text(&p, NULL, "name");
}

static void clone_fill(
	struct pm_sim *s, struct sim_task *t, const struct sim_conf *from, struct sim_guest *to)
{
	const char *host = pm_s_task_get(t, "hostname"), *text = pm_s_task_get(t, "description");

	for (size_t i = 0; i < from->n; i++) {
		const char *k = from->v[i].k;
		cleanup_free char *v = NULL;

		if (!strcmp(k, "lock") || !strcmp(k, "template") ||
			pm_s_numbered(k, "unused", 255) >= 0)
			continue;
		if (pm_s_is_mount(k))
			v = copy_mount(s, t, to->vmid, to->node, &from->v[i]);
		else if (pm_s_numbered(k, "net", 31) >= 0)
			v = fresh_mac(s, from->v[i].v);
		else
			v = pm_xstrdup(from->v[i].v);
		pm_s_conf_set(&to->cur, k, v);
	}
	pm_s_conf_del(&to->cur, "snaptime");
	if (host)
		pm_s_conf_set(&to->cur, "hostname", host);
	if (text) {
		cleanup_free char *d = pm_s_description(text);

		pm_s_conf_set(&to->cur, "description", d);
	}
}

static void clone_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *from = pm_s_guest(s, t->vmid);
	struct sim_guest *to = pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "newid", 0));
	const char *name = pm_s_task_get(t, "snapname");
	struct sim_snap *sn = from && name ? pm_s_snap(from, name, NULL) : NULL;

	if (!from || !to) {
		pm_s_task_fail(t, "clone failed: the source is gone");
		return;
	}
	pm_s_conf_del(&from->cur, "lock");
	pm_s_guest_touch(s, from);
	pm_s_conf_del(&to->cur, "lock");
	clone_fill(s, t, sn ? &sn->conf : &from->cur, to);
	for (size_t i = 0; i < from->lxc.n; i++)
		pm_vec_push(&to->lxc, pm_xstrdup(from->lxc.v[i]));
	if (pm_s_task_get(t, "pool"))
		pm_s_pool_join(s, pm_s_task_get(t, "pool"), to->vmid);
	pm_s_guest_touch(s, to);
}

static void clone_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *from = pm_s_guest(s, t->vmid);
	struct sim_guest *to = pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "newid", 0));

	if (from) {
		pm_s_conf_del(&from->cur, "lock");
		pm_s_guest_touch(s, from);
	}
	if (to)
		pm_s_guest_del(s, to);
}

/* The volume that cannot be linked, or the mount that cannot be copied; answered then. */
static bool copyable(struct sim_call *c, const struct sim_conf *conf, bool full, int target)
{
	const char *to = pm_s_arg(c, "storage");

	for (size_t i = 0; i < conf->n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&conf->v[i]);
		struct sim_storage *st = volid ? pm_s_storage_of(c->s, volid) : NULL;

		if (!pm_s_is_mount(conf->v[i].k))
			continue;
		if (!volid) {
			pm_s_fail(c, 500, "unable to clone mountpoint '%s' (type bind)",
				conf->v[i].k);
			return false;
		}
		if (!full && !pm_s_volume_able(c->s, volid)) {
			pm_s_fail(c, 500, "Linked clone feature for '%s' is not available", volid);
			return false;
		}
		if (target >= 0 && target != (int)c->node &&
			(!st || !pm_s_storage_shared(st) ||
				(to && !pm_s_storage_shared(pm_s_storage(c->s, to))))) {
			pm_s_fail(c, 500, "can't clone CT to node '%s' (CT uses local storage)",
				c->s->node[target].name);
			return false;
		}
	}
	return true;
}

static void clone_go(struct sim_call *c, struct sim_guest *g, unsigned newid, unsigned node)
{
	static const char *const kept[] = { "newid", "storage", "hostname", "description",
		"snapname", "pool" };
	struct sim_guest *to = pm_s_guest_add(c->s, newid, node, false);
	struct sim_task *t = pm_s_guest_task(c, "vzclone");

	pm_s_conf_set(&to->cur, "lock", "create");
	pm_s_conf_set(&g->cur, "lock", "disk");
	pm_s_guest_touch(c->s, g);
	for (size_t i = 0; i < PM_COUNT(kept); i++)
		pm_s_task_arg(t, kept[i], pm_s_arg(c, kept[i]));
	t->end = clone_end;
	t->undo = clone_undo;
	pm_s_task_go(c, t);
}

void pm_s_lxc_clone(struct sim_call *c)
{
	unsigned newid = vmid_arg(c, "newid");
	const char *target = pm_s_arg(c, "target"), *storage = pm_s_arg(c, "storage");
	const char *snap = pm_s_arg(c, "snapname");
	int to = target ? pm_s_node_index(c->s, target) : -1;
	struct sim_guest *g, *other;
	struct sim_snap *sn;
	bool full;

	if (!pm_s_may_clone(c, newid))
		return;
	if (target && to < 0) {
		pm_s_fail(c, 500, "no such cluster node '%s'", target);
		return;
	}
	if (storage && !pm_s_storage_for(c, storage, c->node))
		return;
	g = pm_s_guest_for(c);
	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g))
		return;
	sn = snap ? pm_s_snap(g, snap, NULL) : NULL;
	full = pm_s_arg(c, "full") ? pm_s_arg_true(c, "full")
				   : !pm_s_true(pm_s_conf_get(&g->cur, "template"));
	other = pm_s_guest(c->s, newid);
	if (snap && !sn)
		pm_s_fail(c, 500, "snapshot '%s' does not exist", snap);
	else if (other)
		pm_s_fail(c, 500, "%s %u already exists on node '%s'", other->qemu ? "VM" : "CT",
			newid, c->s->node[other->node].name);
	else if (g->running && !sn)
		pm_s_fail(c, 500,
			"Full clone of a running container is only possible from a snapshot");
	else if (copyable(c, sn ? &sn->conf : &g->cur, full, to))
		clone_go(c, g, newid, to >= 0 ? (unsigned)to : c->node);
}

/* ---- template ---- */

static void template_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	for (size_t i = 0; g && i < g->cur.n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&g->cur.v[i]);
		struct sim_volume *v = volid ? pm_s_volume(s, volid, (int)g->node) : NULL;
		struct sim_conf p cleanup_conf = { 0 };

		if (!v || !strcmp(v->format, "subvol"))
			continue;
		free(v->volid);
		v->volid = pm_s_base_name(volid);
		pm_s_props(&p, g->cur.v[i].v, "volume");
		pm_s_conf_set(&p, "volume", v->volid);
		free(g->cur.v[i].v);
		g->cur.v[i].v = pm_s_props_text(
			&p, "volume", strcmp(g->cur.v[i].k, "rootfs") != 0 ? "mp" : NULL);
	}
	if (!g)
		return;
	pm_s_conf_set(&g->cur, "template", "1");
	pm_s_guest_touch(s, g);
}

/* The call answers null; the work goes on in a task that nobody is told of. */
void pm_s_lxc_template(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	struct sim_task *t;
	const char *root;

	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g))
		return;
	if (pm_s_true(pm_s_conf_get(&g->cur, "template"))) {
		pm_s_fail(c, 500, "you can't convert a template to a template");
		return;
	}
	if (g->running) {
		pm_s_fail(c, 500, "you can't convert a CT to template if the CT is running");
		return;
	}
	if (g->snaps.n) {
		pm_s_fail(c, 500, "unable to create template, because CT contains snapshots");
		return;
	}
	root = pm_s_conf_get(&g->cur, "rootfs");
	t = pm_s_guest_task(c, "vztemplate");
	t->end = template_end;
	if (root && pm_s_storage_of(c->s, root) &&
		!strcmp(pm_s_storage_of(c->s, root)->type, "dir"))
		t->ms = 0; /* a rename */
	pm_s_task_start(c->s, t);
}
