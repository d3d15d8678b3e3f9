/* The disks of guests: mount entries of containers, drives of virtual machines, what is left of them. */
#include "sim/qemu_priv.h"

bool pm_s_is_drive(const char *key)
{
	static const struct {
		const char *stem;
		unsigned most;
	} buses[] = { { "ide", 3 }, { "sata", 5 }, { "scsi", 30 }, { "virtio", 15 } };

	for (size_t i = 0; i < PM_COUNT(buses); i++)
		if (pm_s_numbered(key, buses[i].stem, buses[i].most) >= 0)
			return true;
	return !strcmp(key, "efidisk0") || !strcmp(key, "tpmstate0");
}

bool pm_s_is_disk(const char *key)
{
	return pm_s_is_mount(key) || pm_s_is_drive(key);
}

bool pm_s_is_cdrom(const char *value)
{
	return strstr(value, ",media=cdrom") != NULL;
}

bool pm_s_is_cloudinit(const char *value)
{
	size_t n = strcspn(value, ",");
	const char *found = strstr(value, "-cloudinit");

	return found && found < value + n;
}

char *pm_s_disk_volume(const struct sim_kv *kv)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *v;

	if (!pm_s_is_disk(kv->k) || !kv->v || !pm_s_props(&p, kv->v, "volume"))
		return NULL;
	v = pm_s_conf_get(&p, "volume");
	return v && strchr(v, ':') && pm_s_source(v) == SIM_VOLUME ? pm_xstrdup(v) : NULL;
}

char *pm_s_volume_at(const struct sim_conf *c, const char *key)
{
	struct sim_kv kv = { .k = (char *)key, .v = (char *)pm_s_conf_get(c, key) };

	return kv.v ? pm_s_disk_volume(&kv) : NULL;
}

struct sim_storage *pm_s_storage_of(const struct pm_sim *s, const char *volid)
{
	char id[64];

	(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volid, ":"), volid);
	return pm_s_storage(s, id);
}

bool pm_s_volume_able(const struct pm_sim *s, const char *volid)
{
	static const char *const able[] = { "btrfs", "lvmthin", "rbd", "zfspool" };
	const struct sim_storage *st = pm_s_storage_of(s, volid);
	const char *end = strrchr(volid, '.');

	if (!st || (end && !strcmp(end, ".subvol")))
		return false;
	for (size_t i = 0; i < PM_COUNT(able); i++)
		if (!strcmp(st->type, able[i]))
			return true;
	return pm_s_storage_is_dir(st) && end && !strcmp(end, ".qcow2");
}

const char *pm_s_image_path(const struct pm_sim *s, const char *volid, char out[SIM_PATH])
{
	const struct sim_storage *st = pm_s_storage_of(s, volid);

	(void)snprintf(out, SIM_PATH, "%s/%s%s", st ? pm_s_storage_path(st) : "",
		st && pm_s_storage_is_dir(st) ? "images/" : "", strchr(volid, ':') + 1);
	return out;
}

char *pm_s_base_name(const char *volid)
{
	const char *at = strstr(strchr(volid, ':'), "vm-");
	struct pm_buf b = PM_BUF(0);

	if (!at)
		return pm_xstrdup(volid);
	pm_buf_add(&b, volid, (size_t)(at - volid));
	pm_buf_addf(&b, "base-%s", at + 3);
	return pm_buf_steal(&b);
}

int64_t pm_s_guest_disk(const struct sim_guest *g)
{
	const char *key = g->qemu ? pm_s_vm_boot_disk(g) : "rootfs";
	const char *value = key ? pm_s_conf_get(&g->cur, key) : NULL;
	struct sim_conf p cleanup_conf = { 0 };
	const char *size;

	if (!value || !pm_s_props(&p, value, "volume"))
		return 0;
	size = pm_s_conf_get(&p, "size");
	if (size && pm_s_parse_size(size) > 0)
		return pm_s_parse_size(size);
	return g->qemu ? 0 : INT64_C(4) << 30;
}

bool pm_s_is_mount(const char *key)
{
	return !strcmp(key, "rootfs") || pm_s_numbered(key, "mp", 255) >= 0;
}

int64_t pm_s_new_size(const char *volume)
{
	const char *colon = strchr(volume, ':');
	double value = 0, place = 1;
	bool dot = false;

	if (!colon || !colon[1])
		return -1;
	for (const char *p = colon + 1; *p; p++) {
		if (*p == '.' && !dot && p > colon + 1)
			dot = true;
		else if (*p < '0' || *p > '9')
			return -1;
		else if (dot)
			value += (*p - '0') * (place /= 10);
		else
			value = value * 10 + (*p - '0');
	}
	return (int64_t)(value * 1024 * 1024) * 1024;
}

enum sim_source pm_s_source(const char *volume)
{
	if (!strncmp(volume, "/dev/", 5))
		return SIM_DEVICE;
	if (volume[0] == '/')
		return SIM_BIND;
	return pm_s_new_size(volume) >= 0 ? SIM_NEW : SIM_VOLUME;
}

static bool conf_uses(const struct sim_conf *c, const char *volid)
{
	size_t n = strlen(volid);

	for (size_t i = 0; i < c->n; i++) {
		const char *v = c->v[i].v;

		if (v && (pm_s_is_disk(c->v[i].k) || !strcmp(c->v[i].k, "vmstate")) &&
			!strncmp(v, volid, n) && (!v[n] || v[n] == ','))
			return true;
	}
	return false;
}

bool pm_s_volume_used(const struct sim_guest *g, const char *volid)
{
	bool used = conf_uses(&g->cur, volid) || conf_uses(&g->pend, volid);

	for (size_t i = 0; i < g->snaps.n && !used; i++)
		used = conf_uses(&g->snaps.v[i]->conf, volid);
	return used;
}

void pm_s_unused_add(struct pm_sim *s, struct sim_guest *g, const char *volid)
{
	char key[16];

	(void)s;
	for (unsigned n = 0; n < 256; n++) {
		const char *v;

		(void)snprintf(key, sizeof(key), "unused%u", n);
		v = pm_s_conf_get(&g->cur, key);
		if (v && !strcmp(v, volid))
			return;
		if (!v) {
			pm_s_conf_set(&g->cur, key, volid);
			return;
		}
	}
}

/* A mount entry that is left: its volume stays as unused, unless something else still names it. */
static void leave(struct pm_sim *s, struct sim_guest *g, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *volume;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (volume && pm_s_source(volume) == SIM_VOLUME && !pm_s_volume_used(g, volume))
		pm_s_unused_add(s, g, volume);
}

/* PVE writes no unused entry of a volume that is used. */
static void take_unused(struct sim_guest *g, const char *volid)
{
	char key[16];

	for (unsigned n = 0; n < 256; n++) {
		const char *v;

		(void)snprintf(key, sizeof(key), "unused%u", n);
		v = pm_s_conf_get(&g->cur, key);
		if (v && !strcmp(v, volid))
			pm_s_conf_del(&g->cur, key);
	}
}

void pm_s_mount_apply(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *before = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = before ? pm_xstrdup(before) : NULL;
	cleanup_free char *text = NULL;
	const char *volume;
	struct sim_volume *v = NULL;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (!strcmp(key, "rootfs")) { /* written as it stands: PVE does not look at it */
		pm_s_conf_set(&g->cur, key, value);
	} else {
		if (pm_s_source(volume) == SIM_NEW) {
			char id[64];

			(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volume, ":"), volume);
			v = pm_s_volume_new(
				s, pm_s_storage(s, id), g->vmid, g->node, pm_s_new_size(volume));
			pm_s_conf_set(&p, "volume", v->volid);
		} else if (pm_s_source(volume) == SIM_VOLUME) {
			v = pm_s_volume(s, volume, (int)g->node);
		}
		if (v) {
			char size[32];

			pm_s_conf_set(&p, "size", pm_s_format_size(v->size, size));
			take_unused(g, v->volid);
		}
		text = pm_s_props_text(&p, "volume", "mp");
		pm_s_conf_set(&g->cur, key, text);
	}
	pm_s_conf_del(&g->pend, key);
	if (old && strcmp(key, "rootfs") != 0)
		leave(s, g, old);
}

void pm_s_apply_delete(struct pm_sim *s, struct sim_guest *g, const char *key)
{
	const char *value = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = value ? pm_xstrdup(value) : NULL;

	pm_s_conf_del(&g->cur, key);
	pm_s_conf_del(&g->del, key);
	if (old && pm_s_numbered(key, "mp", 255) >= 0)
		leave(s, g, old);
	else if (old && pm_s_numbered(key, "unused", 255) >= 0)
		pm_s_volume_del(s, old, (int)g->node);
}

void pm_s_apply_pending(struct pm_sim *s, struct sim_guest *g)
{
	if (!g->pend.n && !g->del.n)
		return;
	while (g->del.n) {
		cleanup_free char *key = pm_xstrdup(g->del.v[0].k);

		if (g->qemu)
			pm_s_vm_drop(s, g, key, g->del.v[0].v != NULL);
		else
			pm_s_apply_delete(s, g, key);
	}
	while (g->pend.n) {
		cleanup_free char *key = pm_xstrdup(g->pend.v[0].k);
		cleanup_free char *value = g->pend.v[0].v ? pm_xstrdup(g->pend.v[0].v) : NULL;

		if (g->qemu)
			pm_s_vm_apply(s, g, key, value);
		else if (pm_s_is_mount(key))
			pm_s_mount_apply(s, g, key, value);
		else if (value && *value)
			pm_s_conf_set(&g->cur, key, value);
		else
			pm_s_conf_del(&g->cur, key);
		pm_s_conf_del(&g->pend, key);
	}
	pm_s_guest_touch(s, g);
}

bool pm_s_hand_digests(struct sim_call *c, struct sim_guest *from, struct sim_guest *to)
{
	struct sim_guest *both[] = { from, to };
	const char *told[] = { pm_s_arg(c, "digest"), pm_s_arg(c, "target-digest") };

	for (size_t i = 0; i < PM_COUNT(both); i++) {
		if (!told[i] || !strcmp(told[i], pm_s_guest_digest(both[i])))
			continue;
		pm_s_fail(c, 500,
			"%s %u: detected modified configuration - file changed by other user? Try again.",
			both[i]->qemu ? "VM" : "Container", both[i]->vmid);
		return false;
	}
	return true;
}
