/* POST /nodes/{node}/lxc with restore=1: a container out of a backup, new or over the one that is there. */
#include "base/num.h"
#include "sim/lxc_priv.h"

static char *raw_line(const char *key, const char *value)
{
	struct pm_buf line = PM_BUF(0);

	pm_buf_addf(&line, "%s %s", key, value);
	return pm_buf_steal(&line);
}

void pm_s_restore_config(struct sim_guest *g, const char *text)
{
	cleanup_buf struct pm_buf description = PM_BUF(0);

	for (const char *p = text; *p; p += strcspn(p, "\n"), p += *p == '\n') {
		int n = (int)strcspn(p, "\n"), k = (int)strcspn(p, ":\n");
		char key[64];

		if (*p == '#') {
			pm_buf_addf(&description, "%.*s\n", n - 1, p + 1);
			continue;
		}
		if (p[k] != ':' || k >= (int)sizeof(key))
			continue;
		(void)snprintf(key, sizeof(key), "%.*s", k, p);
		k += 1 + (p[k + 1] == ' ');
		{
			cleanup_buf struct pm_buf value = PM_BUF(0);

			pm_buf_add(&value, p + k, (size_t)(n - k));
			if (!strncmp(key, "lxc.", 4))
				pm_vec_push(&g->lxc, raw_line(key, pm_buf_str(&value)));
			else if (strncmp(key, "unused", 6) != 0)
				pm_s_conf_set(&g->cur, key, pm_buf_str(&value));
		}
	}
	if (description.len)
		pm_s_conf_set(&g->cur, "description", pm_buf_str(&description));
}

/* "local:100/vm-100-disk-0.raw,size=4G" becomes "STORAGE:4", to be allocated. */
static char *as_new(const char *value, const char *storage)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *volume, *size;
	char text[96];

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	size = pm_s_conf_get(&p, "size");
	if (!volume || !strchr(volume, ':'))
		return pm_xstrdup(value);
	(void)snprintf(text, sizeof(text), "%.*s:%lld",
		(int)(storage ? strlen(storage) : strcspn(volume, ":")), storage ? storage : volume,
		(long long)((size ? pm_s_parse_size(size) : 0) >> 30));
	pm_s_conf_set(&p, "volume", text);
	pm_s_conf_del(&p, "size");
	return pm_s_props_text(&p, "volume", "mp");
}

static void mounts(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n && !t->fails; i++) {
		const char *key = g->cur.v[i].k;
		cleanup_free char *want = NULL, *made = NULL;

		if (!pm_s_is_mount(key))
			continue;
		want = as_new(g->cur.v[i].v, pm_s_task_get(t, "storage"));
		made = pm_s_make_mount(s, t, g, key, want);
		if (made)
			pm_s_conf_set(&g->cur, key, made);
	}
}

void pm_s_restore_drop(struct pm_sim *s, const struct sim_guest *g)
{
	for (size_t i = s->volumes.n; i-- > 0;) {
		const struct sim_volume *v = s->volumes.v[i];

		if (v->vmid == g->vmid && !strcmp(v->content, "images") &&
			!pm_s_volume_used(g, v->volid))
			pm_s_volume_del(s, v->volid, (int)g->node);
	}
}

static void restore_end(struct pm_sim *s, struct sim_task *t)
{
	const char *archive = pm_s_task_get(t, "ostemplate"), *pool = pm_s_task_get(t, "pool");
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	struct sim_volume *v = pm_s_volume(s, archive, (int)t->node);
	const char *text = v ? pm_s_conf_get(&v->more, "config") : NULL;

	if (!g || !text) {
		pm_s_task_fail(t, "unable to restore CT %u - volume '%s' does not exist", t->vmid,
			archive);
		return;
	}
	pm_s_task_log(t, "recovering backed-up configuration from '%s'", archive);
	pm_s_conf_done(&g->cur);
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	while (g->lxc.n)
		free(g->lxc.v[--g->lxc.n]);
	pm_s_restore_config(g, text);
	mounts(s, t, g);
	if (t->fails)
		return;
	pm_s_task_log(t, "restoring '%s' now..", archive);
	pm_s_task_log(t, "merging backed-up and given configuration..");
	pm_s_create_options(s, t, g);
	pm_s_restore_drop(s, g);
	pm_s_conf_del(&g->cur, "lock");
	if (pool)
		pm_s_pool_join(s, pool, g->vmid);
	pm_s_guest_touch(s, g);
}

static void restore_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	if (!g)
		return;
	if (pm_s_task_get(t, "over")) { /* what was there stays as it is */
		pm_s_conf_del(&g->cur, "lock");
		pm_s_guest_touch(s, g);
		return;
	}
	pm_s_restore_drop(s, g);
	pm_s_guest_del(s, g);
}

static bool may_replace(struct sim_call *c, const struct sim_guest *g)
{
	if (g->qemu || g->node != c->node || !pm_s_arg_true(c, "force"))
		pm_s_fail(c, 500, "%s %u already exists on node '%s'", pm_s_kind(g->qemu), g->vmid,
			c->s->node[g->node].name);
	else if (g->running)
		pm_s_fail(c, 500, "unable to restore CT %u - CT is running", g->vmid);
	else if (pm_s_true(pm_s_conf_get(&g->cur, "protection")))
		pm_s_fail(c, 500, "can't remove CT %u - protection mode enabled", g->vmid);
	else
		return !pm_s_locked(c, g);
	return false;
}

void pm_s_lxc_restore(struct sim_call *c)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	struct sim_guest *g = pm_s_guest(c->s, vmid);
	struct sim_task *t;

	if (g && !may_replace(c, g))
		return;
	t = pm_s_task(c, "vzrestore", pm_arena_printf(c->a, "%u", vmid), vmid);
	t->end = restore_end;
	t->undo = restore_undo;
	for (size_t i = 0; i < c->p.n; i++)
		if (!c->p.v[i].path && strcmp(c->p.v[i].k, "password") != 0)
			pm_s_task_arg(t, c->p.v[i].k, c->p.v[i].v);
	if (g)
		pm_s_task_arg(t, "over", "1");
	else
		g = pm_s_guest_add(c->s, vmid, c->node, false);
	pm_s_conf_set(&g->cur, "lock", "create");
	pm_s_guest_touch(c->s, g);
	pm_s_task_go(c, t);
}
