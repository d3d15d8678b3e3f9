/* Volumes of containers that change hands: move_volume with a target-vmid. PVE::API2::LXC looks twice, before
 * it answers and in the task, renames the volume, and writes first the one and then the other configuration. */
#include "sim/lxc_priv.h"

struct hands {
	struct sim_guest *from, *to;
	const char *key, *slot;
};

static bool is_unused(const char *key)
{
	return pm_s_numbered(key, "unused", 255) >= 0;
}

static bool in_snapshot(const struct sim_guest *g, const char *volid)
{
	for (size_t i = 0; i < g->snaps.n; i++) {
		struct sim_conf *conf = &g->snaps.v[i]->conf;

		for (size_t k = 0; k < conf->n; k++) {
			cleanup_free char *v = pm_s_disk_volume(&conf->v[k]);

			if (v && !strcmp(v, volid))
				return true;
		}
	}
	return false;
}

/* The volume at the key: an unused one stands there by itself. free() it. */
static char *volume_at(const struct sim_guest *g, const char *key)
{
	const char *value = pm_s_conf_get(&g->cur, key);

	if (is_unused(key))
		return value ? pm_xstrdup(value) : NULL;
	return pm_s_volume_at(&g->cur, key);
}

static const char *config_in_the_way(const struct pm_sim *s, const struct hands *h)
{
	const struct sim_guest *both[] = { h->from, h->to };

	for (size_t i = 0; i < PM_COUNT(both); i++) {
		const char *lock = pm_s_conf_get(&both[i]->cur, "lock");

		if (lock)
			return pm_arena_printf(s->scratch, "CT is locked (%s)", lock);
	}
	for (size_t i = 0; i < PM_COUNT(both); i++)
		if (pm_s_true(pm_s_conf_get(&both[i]->cur, "template")))
			return "Can't move volumes from or to template CT";
	return NULL;
}

/* Why the volume cannot change hands; NULL: it can. In the scratch arena. */
static const char *why_not(const struct pm_sim *s, const struct hands *h)
{
	const char *why;
	cleanup_free char *volid = NULL;

	if (!strcmp(h->key, "rootfs") || !strcmp(h->slot, "rootfs"))
		return "Cannot move to/from 'rootfs'";
	if (is_unused(h->key) && !is_unused(h->slot))
		return "Moving an unused volume to a used one is not possible";
	why = config_in_the_way(s, h);
	if (why)
		return why;
	if (!pm_s_conf_has(&h->from->cur, h->key))
		return pm_arena_printf(s->scratch, "volume '%s' for container '%u' does not exist",
			h->key, h->from->vmid);
	if (pm_s_conf_has(&h->to->cur, h->slot))
		return pm_arena_printf(s->scratch,
			"Target volume key '%s' is already in use for container '%u'", h->slot,
			h->to->vmid);
	volid = volume_at(h->from, h->key);
	if (!volid)
		return "Cannot move a bindmount or device mount to another container";
	if (in_snapshot(h->from, volid))
		return "Cannot move volume used by a snapshot to another container";
	if (h->from->running && !is_unused(h->key))
		return "Cannot move in-use volume while the source CT is running - detach or shutdown first";
	return NULL;
}

/* Writes the volume where it goes. What is protected takes none, and then it is nobody's. */
static void put(struct pm_sim *s, struct sim_task *t, const struct hands *h, const char *value,
	const struct sim_volume *v)
{
	struct sim_conf p cleanup_conf = { 0 };
	cleanup_free char *text = NULL;

	if (is_unused(h->slot)) {
		pm_s_conf_set(&h->to->cur, h->slot, v->volid);
	} else if (pm_s_true(pm_s_conf_get(&h->to->cur, "protection"))) {
		pm_s_task_fail(t, "can't update CT %u drive '%s' - protection mode enabled",
			h->to->vmid, h->slot);
		return;
	} else {
		pm_s_props(&p, value, "volume");
		pm_s_conf_set(&p, "volume", v->volid);
		text = pm_s_props_text(&p, "volume", "mp");
		pm_s_conf_set(&h->to->cur, h->slot, text);
	}
	pm_s_guest_touch(s, h->to);
	pm_s_task_log(t, "target container '%u' updated with '%s'", h->to->vmid, h->slot);
}

static void reassign_end(struct pm_sim *s, struct sim_task *t)
{
	struct hands h = { pm_s_guest_free(s, t),
		pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "target", 0)),
		pm_s_task_get(t, "key"), pm_s_task_get(t, "slot") };
	cleanup_free char *value = NULL, *volid = NULL;
	struct sim_volume *v, *fresh;
	const char *why;

	if (!h.from || !h.to)
		return;
	why = why_not(s, &h);
	volid = why ? NULL : volume_at(h.from, h.key);
	v = volid ? pm_s_volume(s, volid, (int)h.from->node) : NULL;
	if (!v) {
		pm_s_task_fail(t, "%s", why ? why : "no such volume");
		return;
	}
	value = pm_xstrdup(pm_s_conf_get(&h.from->cur, h.key));
	fresh = pm_s_volume_alloc(
		s, pm_s_storage_of(s, volid), h.to->vmid, h.to->node, v->format, v->size);
	fresh->used = v->used;
	pm_s_task_log(t, "moving volume '%s' from container '%u' to '%u'", h.key, h.from->vmid,
		h.to->vmid);
	pm_s_volume_del(s, volid, (int)h.from->node);
	pm_s_conf_del(&h.from->cur, h.key);
	pm_s_guest_touch(s, h.from);
	put(s, t, &h, value, fresh);
}

static void start(struct sim_call *c, const struct hands *h)
{
	struct sim_task *t = pm_s_task(c, "move_volume",
		pm_arena_printf(c->a, "%u-%s>%u-%s", h->from->vmid, h->key, h->to->vmid, h->slot),
		h->from->vmid);

	t->end = reassign_end;
	pm_s_task_arg(t, "key", h->key);
	pm_s_task_arg(t, "slot", h->slot);
	pm_s_task_arg(t, "target", pm_s_arg(c, "target-vmid"));
	pm_s_task_go(c, t);
}

void pm_s_lxc_reassign(struct sim_call *c)
{
	const char *target = pm_s_arg(c, "target-vmid"), *key = pm_s_arg(c, "volume"), *why;
	const char *slot = pm_s_arg(c, "target-volume") ? pm_s_arg(c, "target-volume") : key;
	struct hands h = { .key = key, .slot = slot };

	if (!pm_s_check(c, pm_arena_printf(c->a, "/vms/%s", target), "VM.Config.Disk"))
		return;
	h.from = pm_s_guest_for(c);
	h.to = pm_s_guest(c->s, (unsigned)pm_s_arg_int(c, "target-vmid", 0));
	if (!h.from)
		return;
	if (!h.to || h.to->qemu) {
		pm_s_fail(c, 500, "could not find CT %s", target);
	} else if (h.from->node != h.to->node) {
		pm_s_fail(c, 500, "Both containers need to be on the same node (%s != %s)",
			c->s->node[h.from->node].name, c->s->node[h.to->node].name);
	} else if (pm_s_hand_digests(c, h.from, h.to)) {
		why = why_not(c->s, &h);
		if (why)
			pm_s_fail(c, 500, "%s", why);
		else
			start(c, &h);
	}
}
