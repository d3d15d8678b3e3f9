/* POST /nodes/{node}/qemu with an archive: a virtual machine out of a backup, new or over the one that is
 * there. */
#include "sim/qemu_priv.h"

static bool left_out(const char *value)
{
	return strstr(value, ",backup=0") != NULL;
}

/* Drives get volumes of their own; those that were not backed up are gone. */
static bool drives(struct sim_making *m, struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n;) {
		struct sim_kv *kv = &g->cur.v[i];
		char *text;

		if (!pm_s_is_drive(kv->k)) {
			i++;
			continue;
		}
		if (left_out(kv->v)) {
			cleanup_free char *key = pm_xstrdup(kv->k);

			pm_s_conf_del(&g->cur, key);
			continue;
		}
		text = pm_s_drive_again(m, kv->k, kv->v);
		if (!text)
			return false;
		free(kv->v);
		kv->v = text;
		i++;
	}
	return true;
}

static void other_ids(struct pm_sim *s, struct sim_guest *g, bool unique)
{
	static const char zero[] = "0";
	const char *gen = pm_s_conf_get(&g->cur, "vmgenid");

	if (gen && strcmp(gen, zero) != 0) {
		cleanup_free char *uuid = pm_s_uuid(s);

		pm_s_conf_set(&g->cur, "vmgenid", uuid);
	}
	for (size_t i = 0; unique && i < g->cur.n; i++) {
		struct sim_kv *kv = &g->cur.v[i];
		char *text;

		if (pm_s_numbered(kv->k, "net", 31) >= 0)
			text = pm_s_vm_fresh_net(s, kv->v);
		else if (!strcmp(kv->k, "smbios1"))
			text = pm_s_vm_fresh_smbios(s, kv->v);
		else
			continue;
		free(kv->v);
		kv->v = text;
	}
}

static void take_given(struct sim_task *t, struct sim_guest *g)
{
	const char *text = pm_s_conf_get(&g->cur, "description");

	if (text) { /* the lines of a file end; this text does not */
		cleanup_free char *plain = pm_s_guest_text(text, true);

		pm_s_conf_set(&g->cur, "description", plain);
	}
	for (size_t i = 0; i < t->args.n; i++)
		if (t->args.v[i].k[0] != '.')
			pm_s_conf_set(&g->cur, t->args.v[i].k, t->args.v[i].v);
}

/* Over a machine that runs or is protected nothing is restored. */
static void restore_begin(struct pm_sim *s, struct sim_task *t)
{
	const struct sim_guest *g = pm_s_guest_of(s, t);

	if (g && pm_s_true(pm_s_conf_get(&g->cur, "protection")))
		pm_s_task_fail(t, "unable to restore VM %u - protection mode enabled", t->vmid);
	else if (g && g->running)
		pm_s_task_fail(t, "unable to restore VM %u - vm is running", t->vmid);
}

static void restore_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest_of(s, t);
	const struct sim_volume *v = pm_s_volume(s, pm_s_task_get(t, ".archive"), (int)t->node);
	const char *text = v ? pm_s_conf_get(&v->more, "config") : NULL;
	struct sim_making m = { .s = s,
		.vmid = t->vmid,
		.node = t->node,
		.storage = pm_s_task_get(t, ".storage"),
		.log = &t->log };
	struct sim_saved before cleanup_saved = { 0 };

	if (!g)
		return;
	if (!text) {
		pm_s_task_fail(t, "unable to restore VM %u - volume '%s' does not exist", t->vmid,
			pm_s_task_get(t, ".archive"));
		return;
	}
	pm_s_task_log(t, "restore vma archive: %s", pm_s_task_get(t, ".archive"));
	pm_s_guest_keep(g, &before);
	pm_s_conf_done(&g->cur);
	pm_s_restore_config(g, text);
	if (!drives(&m, g)) {
		pm_s_task_fail(t, "unable to restore VM %u - %s", t->vmid, m.why);
		pm_s_drive_unmake(&m);
		pm_s_guest_back(g, &before);
	}
	pm_s_making_done(&m);
	if (t->fails)
		return;
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	other_ids(s, g, pm_s_task_get(t, ".unique") != NULL);
	take_given(t, g);
	pm_s_restore_drop(s, g);
	if (pm_s_task_get(t, ".pool"))
		pm_s_pool_join(s, pm_s_task_get(t, ".pool"), g->vmid);
	pm_s_guest_touch(s, g);
	if (pm_s_task_get(t, ".start")) {
		pm_s_task_log(t, "Execute autostart");
		pm_s_vm_start_after(s, t, g->vmid);
	}
}

static bool id_fits(struct sim_call *c, unsigned vmid)
{
	const struct sim_guest *g = pm_s_guest(c->s, vmid);

	if (!g || (g->qemu && g->node == c->node && pm_s_arg_true(c, "force")))
		return !g || !pm_s_locked(c, g);
	pm_s_fail(c, 500, "unable to restore VM %u - %s %u already exists on node '%s'", vmid,
		pm_s_kind(g->qemu), vmid, c->s->node[g->node].name);
	return false;
}

static bool archive_fits(struct sim_call *c, const char *archive)
{
	const struct sim_volume *v = pm_s_volume(c->s, archive, (int)c->node);

	if (!strchr(archive, ':'))
		pm_s_fail(
			c, 500, "unable to restore from '%s': name a volume of a storage", archive);
	else if (!v || strcmp(v->content, "backup") != 0)
		pm_s_fail(c, 500, "volume '%s' does not exist", archive);
	return !c->failed &&
	       pm_s_check(c,
		       pm_arena_printf(c->a, "/storage/%.*s", (int)strcspn(archive, ":"), archive),
		       "Datastore.AllocateSpace|Datastore.Audit");
}

void pm_s_vm_restore(struct sim_call *c)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	const char *archive = pm_s_arg(c, "archive"), *pool = pm_s_arg(c, "pool");
	struct sim_conf set cleanup_conf = { 0 };
	struct sim_guest *g;
	struct sim_task *t;

	if (!archive_fits(c, archive) || !pm_s_vm_settings(c, &set))
		return;
	for (size_t i = 0; i < set.n; i++)
		if (pm_s_is_drive(set.v[i].k))
			pm_s_bad(c, set.v[i].k, "option conflicts with option 'archive'");
	if (c->errors.n || !pm_s_vm_may(c, vmid, pool, &set, NULL) || !id_fits(c, vmid))
		return;
	t = pm_s_guest_task(c, "qmrestore");
	t->begin = restore_begin;
	t->end = restore_end;
	t->undo = pm_s_guest_unmark; /* PVE cleans nothing up */
	for (size_t i = 0; i < set.n; i++)
		pm_s_task_arg(t, set.v[i].k, set.v[i].v);
	pm_s_task_arg(t, ".archive", archive);
	pm_s_task_arg(t, ".storage", pm_s_arg(c, "storage"));
	pm_s_task_arg(t, ".pool", pool);
	pm_s_task_arg(t, ".unique", pm_s_arg_true(c, "unique") ? "1" : NULL);
	pm_s_task_arg(t, ".start", pm_s_arg_true(c, "start") ? "1" : NULL);
	g = pm_s_guest(c->s, vmid);
	pm_s_guest_mark(c->s, g ? g : pm_s_guest_add(c->s, vmid, c->node, true), "create");
	pm_s_task_go(c, t);
}
