/* Resize and move_volume of containers. */
#include "sim/lxc_priv.h"

struct mount {
	struct sim_conf p;
	const char *volume;
	struct sim_volume *v;
};

/* The mount entry of the call; PVE's odd error when there is none of that name. */
static bool mount_for(struct sim_call *c, struct sim_guest *g, const char *key, struct mount *m)
{
	const char *value = pm_s_conf_get(&g->cur, key);

	memset(m, 0, sizeof(*m));
	if (!value) {
		pm_s_bad(c, "mp", "property is missing and it is not optional");
		pm_s_bad(c, "volume", "property is missing and it is not optional");
		pm_s_fail(c, 500, "format error");
		return false;
	}
	pm_s_props(&m->p, value, "volume");
	m->volume = pm_s_conf_get(&m->p, "volume");
	m->v = pm_s_volume(c->s, m->volume, (int)g->node);
	return true;
}

static void resize_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *key = pm_s_task_get(t, "disk"), *value;
	struct sim_conf p cleanup_conf = { 0 };
	cleanup_free char *text = NULL;
	struct sim_volume *v;
	char size[32];

	value = g ? pm_s_conf_get(&g->cur, key) : NULL;
	if (!value) {
		pm_s_task_fail(t, "no such disk '%s'", key);
		return;
	}
	pm_s_props(&p, value, "volume");
	v = pm_s_volume(s, pm_s_conf_get(&p, "volume"), (int)g->node);
	if (v)
		v->size = pm_s_parse_size(pm_s_task_get(t, "bytes"));
	pm_s_conf_set(
		&p, "size", pm_s_format_size(pm_s_parse_size(pm_s_task_get(t, "bytes")), size));
	text = pm_s_props_text(&p, "volume", strcmp(key, "rootfs") != 0 ? "mp" : NULL);
	pm_s_conf_set(&g->cur, key, text);
	pm_s_task_log(t, "Image resized.");
	pm_s_guest_touch(s, g);
}

static int64_t size_now(const struct mount *m)
{
	const char *size = pm_s_conf_get(&m->p, "size");

	return m->v ? m->v->size : size ? pm_s_parse_size(size) : 0;
}

void pm_s_lxc_resize(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *key = pm_s_arg(c, "disk"), *size = pm_s_arg(c, "size");
	struct sim_task *t;
	struct mount m;
	int64_t to;

	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g))
		return;
	if (!pm_s_same_digest(c, g) || !mount_for(c, g, key, &m))
		return;
	to = pm_s_parse_size(size + (*size == '+')) + (*size == '+' ? size_now(&m) : 0);
	if (pm_s_parse_size(size + (*size == '+')) < 0)
		pm_s_bad(c, "size", "value does not match the regex pattern");
	else if (pm_s_source(m.volume) != SIM_VOLUME)
		pm_s_fail(c, 500, "resize of this mount point is not possible");
	else if (to == size_now(&m))
		pm_s_fail(c, 500, "disk is already at specified size");
	else if (to < size_now(&m))
		pm_s_fail(c, 500, "unable to shrink disk size");
	if (!c->failed && !c->errors.n) {
		t = pm_s_guest_task(c, "resize");
		t->end = resize_end;
		pm_s_task_arg(t, "disk", key);
		pm_s_task_arg(t, "bytes", pm_arena_printf(c->a, "%lld", (long long)to));
		pm_s_task_go(c, t);
	}
	pm_s_conf_done(&m.p);
}

static void move_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *key = pm_s_task_get(t, "volume"),
		   *value = g ? pm_s_conf_get(&g->cur, key) : NULL;
	struct sim_conf p cleanup_conf = { 0 };
	cleanup_free char *text = NULL, *old = NULL;
	struct sim_volume *v, *fresh;

	if (!value)
		return;
	pm_s_props(&p, value, "volume");
	old = pm_xstrdup(pm_s_conf_get(&p, "volume"));
	v = pm_s_volume(s, old, (int)g->node);
	fresh = pm_s_volume_new(s, pm_s_storage(s, pm_s_task_get(t, "storage")), g->vmid, g->node,
		v ? v->size : pm_s_guest_disk(g));
	pm_s_conf_set(&p, "volume", fresh->volid);
	text = pm_s_props_text(&p, "volume", strcmp(key, "rootfs") != 0 ? "mp" : NULL);
	pm_s_conf_set(&g->cur, key, text);
	pm_s_conf_del(&g->cur, "lock");
	if (pm_s_true(pm_s_task_get(t, "delete")))
		pm_s_volume_del(s, old, (int)g->node);
	else
		pm_s_unused_add(s, g, old);
	pm_s_guest_touch(s, g);
}

static void move_begin(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	if (g)
		pm_s_guest_mark(s, g, "disk");
}

static bool in_snapshot(const struct sim_guest *g, const char *volume)
{
	size_t n = strlen(volume);

	for (size_t i = 0; i < g->snaps.n; i++) {
		const struct sim_conf *conf = &g->snaps.v[i]->conf;

		for (size_t k = 0; k < conf->n; k++) {
			const char *text = conf->v[k].v;

			if (!strncmp(text, "volume=", 7))
				text += 7;
			if (!strncmp(text, volume, n) && (text[n] == ',' || text[n] == '\0'))
				return true;
		}
	}
	return false;
}

void pm_s_lxc_move(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *key = pm_s_arg(c, "volume"), *to = pm_s_arg(c, "storage");
	struct sim_task *t;
	struct mount m;

	if (to ? pm_s_arg(c, "target-vmid") != NULL : pm_s_arg(c, "target-vmid") == NULL) {
		const char *why =
			to ? "either set 'storage' or 'target-vmid', but not both"
			   : "both 'storage' and 'target-vmid' missing, either needs to be set";

		pm_s_bad(c, "storage", "%s", why);
		pm_s_bad(c, "target-vmid", "%s", why);
		return;
	}
	if (!to) {
		pm_s_lxc_reassign(c);
		return;
	}
	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g))
		return;
	if (!pm_s_storage_for(c, to, g->node) || !mount_for(c, g, key, &m))
		return;
	if (g->running) {
		pm_s_fail(c, 500, "cannot move volumes of a running container");
	} else if (pm_s_source(m.volume) != SIM_VOLUME) {
		pm_s_fail(c, 500, "you can't move a bind or device mount point");
	} else if (pm_s_arg_true(c, "delete") && in_snapshot(g, m.volume)) {
		pm_s_fail(c, 500, "you can't move a volume with snapshots and delete the source");
	} else if (pm_s_same_digest(c, g)) {
		t = pm_s_guest_task(c, "move_volume");
		t->begin = move_begin;
		t->end = move_end;
		t->undo = pm_s_guest_unmark;
		pm_s_task_arg(t, "volume", key);
		pm_s_task_arg(t, "storage", to);
		pm_s_task_arg(t, "delete", pm_s_arg(c, "delete"));
		pm_s_task_go(c, t);
	}
	pm_s_conf_done(&m.p);
}
