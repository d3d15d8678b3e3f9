/* What of a change takes effect while a virtual machine runs, what waits for its stop, and how pending
 * settings come into force. */
#include <stdarg.h>

#include "base/text.h"
#include "sim/qemu_priv.h"

/* ---- into force ---- */

/* A drive that is left: a cloud-init one is removed, a disk stays as unused unless something names it. */
static void leave(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value)
{
	struct sim_kv kv = { .k = (char *)key, .v = (char *)value };
	cleanup_free char *volid = pm_s_disk_volume(&kv);

	if (!volid || pm_s_volume_used(g, volid) ||
		pm_s_volume_owner(strchr(volid, ':') + 1) != g->vmid)
		return;
	if (pm_s_is_cloudinit(volid)) {
		pm_s_volume_del(s, volid, (int)g->node);
		pm_s_conf_done(&g->ci);
	} else if (!pm_s_is_cdrom(value)) {
		pm_s_unused_add(s, g, volid);
	}
}

/* What a drive uses again is not unused any more. */
static void reuse(struct sim_guest *g)
{
	for (size_t i = g->cur.n; i-- > 0;)
		if (pm_s_numbered(g->cur.v[i].k, "unused", 255) >= 0 &&
			pm_s_volume_used(g, g->cur.v[i].v)) {
			cleanup_free char *k = pm_xstrdup(g->cur.v[i].k);

			pm_s_conf_del(&g->cur, k);
		}
}

void pm_s_vm_apply(struct pm_sim *s, struct sim_guest *g, const char *key, const char *value)
{
	const char *now = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = now ? pm_xstrdup(now) : NULL;
	cleanup_free char *new = value ? pm_xstrdup(value) : NULL;

	if (new &&*new)
		pm_s_conf_set(&g->cur, key, new);
	else
		pm_s_conf_del(&g->cur, key);
	pm_s_conf_del(&g->pend, key);
	if (g->running)
		pm_s_vm_cloudinit_note(g, key, old, new);
	if (!pm_s_is_drive(key))
		return;
	if (new &&pm_s_is_cloudinit(new))
		pm_s_conf_done(&g->ci);
	if (old)
		leave(s, g, key, old);
	reuse(g);
}

void pm_s_vm_drop(struct pm_sim *s, struct sim_guest *g, const char *key, bool force)
{
	const char *now = pm_s_conf_get(&g->cur, key);
	cleanup_free char *old = now ? pm_xstrdup(now) : NULL;

	pm_s_conf_del(&g->cur, key);
	pm_s_conf_del(&g->del, key);
	if (old && g->running)
		pm_s_vm_cloudinit_note(g, key, old, NULL);
	if (!old || !pm_s_is_drive(key))
		return;
	leave(s, g, key, old);
	if (force) {
		struct sim_kv kv = { .k = (char *)key, .v = old };
		cleanup_free char *volid = pm_s_disk_volume(&kv);

		if (volid && !pm_s_is_cdrom(old) && !pm_s_volume_used(g, volid)) {
			for (size_t i = g->cur.n; i-- > 0;)
				if (!strcmp(g->cur.v[i].v, volid)) {
					cleanup_free char *k = pm_xstrdup(g->cur.v[i].k);

					pm_s_conf_del(&g->cur, k);
				}
			pm_s_volume_del(s, volid, (int)g->node);
		}
	}
}

/* ---- while it runs ---- */

static bool fast(const char *k)
{
	static const char *const keys[] = { "cicustom", "cipassword", "citype", "ciupgrade",
		"ciuser", "description", "hookscript", "lock", "migrate_downtime", "migrate_speed",
		"name", "nameserver", "onboot", "protection", "searchdomain", "shares", "sshkeys",
		"startup", "tags", "vmstatestorage" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (!strcmp(keys[i], k))
			return true;
	return pm_s_numbered(k, "ipconfig", 31) >= 0;
}

static bool usb_plugs(const struct sim_conf *c)
{
	static const char *const able[] = { "l26", "win8", "win10", "win11" };
	const char *os = pm_s_conf_get(c, "ostype");

	for (size_t i = 0; os && i < PM_COUNT(able); i++)
		if (!strcmp(os, able[i]))
			return pm_s_vm_hotplugs(c, "usb");
	return false;
}

static bool fixed_bus(const char *k)
{
	return !strncmp(k, "ide", 3) || !strncmp(k, "sata", 4);
}

static bool balloon_on(const char *v)
{
	return !v || strcmp(v, "0") != 0;
}

/* What only needs its feature to be on. */
static bool by_feature(const struct sim_conf *c, const char *k)
{
	static const char *const known[][2] = { { "memory", "memory" }, { "tablet", "usb" },
		{ "vcpus", "cpu" } };

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!strcmp(known[i][0], k))
			return pm_s_vm_hotplugs(c, known[i][1]);
	return pm_s_numbered(k, "usb", 13) >= 0 && usb_plugs(c);
}

/* It stays pending, and the call is refused in the end. */
static bool problem(struct sim_change *ch, const char *k, const char *fmt, ...) PM_PRINTF(3, 4);

static bool problem(struct sim_change *ch, const char *k, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	va_list ap;

	pm_buf_adds(&text, "hotplug problem - ");
	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	pm_buf_addc(&text, '\n');
	pm_s_conf_set(&ch->errors, k, pm_buf_str(&text));
	return false;
}

/* Is the machine, as it runs, to boot from it? */
static bool boots_from(const struct sim_conf *c, const char *k)
{
	const char *boot = pm_s_conf_get(c, "boot"), *p = boot;
	size_t n = strlen(k);

	if (!boot || strncmp(boot, "order=", 6) != 0)
		return pm_str_eq(pm_s_conf_get(c, "bootdisk"), k);
	for (p += 6; *p; p += *p != '\0') {
		size_t m = strcspn(p, ";, ");

		if (m == n && !strncmp(p, k, n))
			return true;
		p += m;
	}
	return false;
}

/* A disk is unplugged unless the machine boots from it; other buses cannot be plugged. */
static bool unplugs(struct sim_change *ch, const char *k)
{
	if (boots_from(&ch->g->cur, k))
		return problem(ch, k, "can't unplug bootdisk '%s'", k);
	return !fixed_bus(k) || problem(ch, k, "can't unplug device '%s'", k);
}

static bool removable(struct sim_change *ch, const char *k)
{
	const struct sim_conf *c = &ch->g->cur;

	if (fast(k) || !strcmp(k, "cpuunits") || !strcmp(k, "cpulimit"))
		return true;
	if (pm_s_is_drive(k))
		return pm_s_vm_hotplugs(c, "disk") && !fixed_bus(k) && strcmp(k, "efidisk0") != 0 &&
		       strcmp(k, "tpmstate0") != 0 && unplugs(ch, k);
	if (pm_s_numbered(k, "net", 31) >= 0)
		return pm_s_vm_hotplugs(c, "network");
	if (!strcmp(k, "hotplug"))
		return !pm_s_vm_hotplugs(c, "cpu") && !pm_s_vm_hotplugs(c, "memory");
	if (!strcmp(k, "memory") && pm_s_vm_hotplugs(c, k) && pm_s_vm_memory(c) != 512)
		return problem(ch, k, "memory can't be lower than %d MB", SIM_STATIC_MIB);
	return by_feature(c, k) || (!strcmp(k, "balloon") && balloon_on(pm_s_conf_get(c, k)));
}

/* Do two property strings differ in one of these keys (blanks between them)? */
static bool differ(const char *a, const char *b, const char *def, const char *keys)
{
	struct sim_conf p cleanup_conf = { 0 }, q cleanup_conf = { 0 };

	pm_s_props(&p, a, def);
	pm_s_props(&q, b, def);
	while (*keys) {
		size_t n = strcspn(keys, " ");
		char key[32];
		const char *x, *y;

		(void)snprintf(key, sizeof(key), "%.*s", (int)n, keys);
		x = pm_s_conf_get(&p, key);
		y = pm_s_conf_get(&q, key);
		if (strcmp(x ? x : "", y ? y : "") != 0)
			return true;
		keys += n;
		keys += *keys == ' ';
	}
	return false;
}

static bool net_plugs(struct sim_change *ch, const char *k, const char *v)
{
	const char *old = pm_s_conf_get(&ch->g->cur, k);
	struct sim_conf p cleanup_conf = { 0 };
	const char *bridge;
	size_t card = strcspn(v, ",");

	pm_s_props(&p, v, NULL);
	bridge = pm_s_conf_get(&p, "bridge");
	if (bridge && !pm_s_bridge_exists(ch->s, bridge))
		return problem(ch, k, "bridge '%s' does not exist", bridge);
	if (old && strcspn(old, ",") == card && !strncmp(old, v, card) &&
		!differ(old, v, NULL, "queues mtu") && bridge && strstr(old, "bridge="))
		return true;
	return pm_s_vm_hotplugs(&ch->g->cur, "network");
}

static bool disk_plugs(struct sim_change *ch, const char *k, const char *v)
{
	const char *old = pm_s_conf_get(&ch->g->cur, k);
	bool hot = pm_s_vm_hotplugs(&ch->g->cur, "disk");

	if (!strcmp(k, "efidisk0") || !strcmp(k, "tpmstate0"))
		return false;
	if (!old)
		return hot && !fixed_bus(k);
	if (pm_s_is_cdrom(old) != pm_s_is_cdrom(v))
		return problem(ch, k, "unable to change media type");
	if (pm_s_is_cdrom(old))
		return true;
	if (differ(old, v, "file", "file"))
		return hot && unplugs(ch, k);
	return !differ(old, v, "file", "aio discard iothread queues product cache ssd vendor ro");
}

static int64_t most_cpus(const struct sim_conf *c)
{
	return pm_s_conf_int(c, "sockets", 1) * pm_s_conf_int(c, "cores", 1);
}

static bool cpus_plug(struct sim_change *ch, const char *k, const char *v)
{
	const struct sim_conf *c = &ch->g->cur;
	struct sim_conf to cleanup_conf = { 0 };

	if (!pm_s_vm_hotplugs(c, "cpu"))
		return false;
	pm_s_conf_set(&to, k, v);
	return pm_s_conf_int(&to, k, 0) <= most_cpus(c) ||
	       problem(ch, k, "you can't add more vcpus than maxcpus");
}

static bool memory_plugs(struct sim_change *ch, const char *k, const char *v)
{
	struct sim_conf *c = &ch->g->cur, to cleanup_conf = { 0 };
	int64_t is = pm_s_vm_memory(c), want;
	char text[24];

	if (!pm_s_vm_hotplugs(c, "memory"))
		return false;
	pm_s_conf_set(&to, "memory", v);
	want = pm_s_vm_memory(&to);
	if (want == is)
		return true;
	if (want < SIM_STATIC_MIB)
		return problem(ch, k, "memory can't be lower than %d MB", SIM_STATIC_MIB);
	(void)snprintf(text, sizeof(text), "%lld", (long long)pm_s_vm_modules(want, want > is));
	pm_s_vm_apply(ch->s, ch->g, k, text);
	return false; /* it is in force by now, in whole modules */
}

static bool plugs(struct sim_change *ch, const char *k, const char *v)
{
	const struct sim_conf *c = &ch->g->cur;

	if (!strcmp(k, "vcpus"))
		return cpus_plug(ch, k, v);
	if (!strcmp(k, "memory"))
		return memory_plugs(ch, k, v);
	if (fast(k) || !strcmp(k, "cpuunits") || !strcmp(k, "cpulimit"))
		return true;
	if (pm_s_is_drive(k))
		return disk_plugs(ch, k, v);
	if (pm_s_numbered(k, "net", 31) >= 0)
		return net_plugs(ch, k, v);
	if (!strcmp(k, "hotplug"))
		return !strstr(v, "cpu") && !strstr(v, "memory") && !pm_s_vm_hotplugs(c, "cpu") &&
		       !pm_s_vm_hotplugs(c, "memory");
	if (!strcmp(k, "agent"))
		return pm_s_conf_has(c, k) &&
		       !differ(pm_s_conf_get(c, k), v, "enabled", "enabled type freeze-fs");
	return by_feature(c, k) ||
	       (!strcmp(k, "balloon") && balloon_on(v) == balloon_on(pm_s_conf_get(c, k)));
}

void pm_s_vm_hotplug(struct sim_change *ch)
{
	struct sim_conf todo cleanup_conf = { 0 };
	struct sim_guest *g = ch->g;

	pm_s_conf_copy(&todo, &g->del);
	for (size_t i = 0; i < todo.n; i++)
		if (pm_s_conf_has(&ch->modified, todo.v[i].k) && removable(ch, todo.v[i].k))
			pm_s_vm_drop(ch->s, g, todo.v[i].k, todo.v[i].v != NULL);
	pm_s_conf_copy(&todo, &g->pend);
	for (size_t i = 0; i < todo.n; i++) {
		const char *k = todo.v[i].k, *v = todo.v[i].v;

		if ((fast(k) || pm_s_conf_has(&ch->modified, k)) && plugs(ch, k, v ? v : ""))
			pm_s_vm_apply(ch->s, g, k, v);
	}
}
