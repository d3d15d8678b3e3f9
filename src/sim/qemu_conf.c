/* What the text of a virtual machine's configuration means: memory, processors, what it boots from. */
#include "sim/qemu_priv.h"

void pm_s_because(char **why, const char *fmt, ...)
{
	struct pm_buf text = PM_BUF(0);
	va_list ap;

	if (*why)
		return;
	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	*why = pm_buf_steal(&text);
}

void pm_s_note(struct pm_buf *log, const char *fmt, ...)
{
	va_list ap;

	if (!log)
		return;
	va_start(ap, fmt);
	pm_buf_addv(log, fmt, ap);
	va_end(ap);
	pm_buf_addc(log, '\n');
}

int64_t pm_s_vm_memory(const struct sim_conf *conf)
{
	const char *v = pm_s_conf_get(conf, "memory");
	struct sim_conf p cleanup_conf = { 0 };

	if (!v || !pm_s_props(&p, v, "current"))
		return 512;
	return pm_s_conf_int(&p, "current", 512);
}

/* Beyond the static part memory is made of 32 modules of 512 MiB, then 32 of 1 GiB, and so on. */
int64_t pm_s_vm_modules(int64_t mib, bool up)
{
	int64_t size = SIM_STATIC_MIB, module = 512;

	for (unsigned i = 0; size < mib; i++) {
		if (i > 0 && i % 32 == 0)
			module *= 2;
		if (!up && size + module > mib)
			break;
		size += module;
	}
	return size;
}

int64_t pm_s_vm_cpus(const struct sim_conf *conf)
{
	int64_t n = pm_s_conf_int(conf, "sockets", 1) * pm_s_conf_int(conf, "cores", 1);

	return pm_s_conf_int(conf, "vcpus", n < SIM_CPUS ? n : SIM_CPUS);
}

bool pm_s_vm_agent(const struct sim_conf *conf)
{
	const char *v = pm_s_conf_get(conf, "agent");
	struct sim_conf p cleanup_conf = { 0 };

	return v && pm_s_props(&p, v, "enabled") && pm_s_true(pm_s_conf_get(&p, "enabled"));
}

bool pm_s_vm_hotplugs(const struct sim_conf *conf, const char *feature)
{
	const char *v = pm_s_conf_get(conf, "hotplug");
	size_t n = strlen(feature);

	if (!v || !strcmp(v, "1"))
		v = "network,disk,usb";
	while (*v) {
		size_t m = strcspn(v, ",; ");

		if (m == n && !strncmp(v, feature, n))
			return true;
		v += m;
		v += *v != '\0';
	}
	return false;
}

/* ---- what it boots from ---- */

static const struct {
	const char *bus;
	unsigned n;
} buses[] = { { "ide", 4 }, { "scsi", 31 }, { "virtio", 16 }, { "sata", 6 } };

/* The first disk, or the first CD drive, in PVE's order of buses; "" when there is none. */
static void first_drive(const struct sim_conf *conf, bool cdrom, char key[16])
{
	for (size_t i = 0; i < PM_COUNT(buses); i++)
		for (unsigned n = 0; n < buses[i].n; n++) {
			const char *v;

			(void)snprintf(key, 16, "%s%u", buses[i].bus, n);
			v = pm_s_conf_get(conf, key);
			if (v && pm_s_is_cdrom(v) == cdrom)
				return;
		}
	key[0] = '\0';
}

static void first_net(const struct sim_conf *conf, char key[16])
{
	for (unsigned n = 0; n < 32; n++) {
		(void)snprintf(key, 16, "net%u", n);
		if (pm_s_conf_has(conf, key))
			return;
	}
	key[0] = '\0';
}

char *pm_s_vm_boot_order(const struct sim_conf *conf)
{
	struct pm_buf b = PM_BUF(0);
	char key[3][16];

	first_drive(conf, false, key[0]);
	first_drive(conf, true, key[1]);
	first_net(conf, key[2]);
	for (size_t i = 0; i < PM_COUNT(key); i++)
		if (key[i][0])
			pm_buf_addf(&b, "%s%s", b.len ? ";" : "order=", key[i]);
	if (!b.len)
		pm_buf_addc(&b, ' ');
	return pm_buf_steal(&b);
}

const char *pm_s_vm_boot_disk(const struct sim_guest *g)
{
	const char *boot = pm_s_conf_get(&g->cur, "boot"),
		   *old = pm_s_conf_get(&g->cur, "bootdisk");

	if (!boot || strncmp(boot, "order=", 6) != 0)
		return old && pm_s_conf_has(&g->cur, old) ? old : NULL;
	for (const char *p = boot + 6; *p;) {
		size_t n = strcspn(p, ";, ");

		for (size_t i = 0; i < g->cur.n; i++) {
			const struct sim_kv *kv = &g->cur.v[i];

			if (strlen(kv->k) == n && !strncmp(kv->k, p, n) && pm_s_is_drive(kv->k) &&
				!pm_s_is_cdrom(kv->v))
				return kv->k;
		}
		p += n;
		p += *p != '\0';
	}
	return NULL;
}

/* ---- what PVE invents ---- */

char *pm_s_uuid(struct pm_sim *s)
{
	struct pm_buf b = PM_BUF(0);
	char hex[33];

	pm_s_random_hex(s, hex, 32, false);
	pm_buf_addf(&b, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
	return pm_buf_steal(&b);
}

static const char *const models[] = { "e1000", "e1000-82540em", "e1000-82544gc", "e1000-82545em",
	"e1000e", "i82551", "i82557b", "i82559er", "ne2k_isa", "ne2k_pci", "pcnet", "rtl8139",
	"virtio", "vmxnet3" };

/* "model=virtio,macaddr=X" is written "virtio=X", and may be given so. */
static void take_model(struct sim_conf *p)
{
	for (size_t i = 0; i < PM_COUNT(models); i++) {
		const char *mac = pm_s_conf_get(p, models[i]);

		if (!mac)
			continue;
		pm_s_conf_set(p, "macaddr", mac);
		pm_s_conf_set(p, "model", models[i]);
		pm_s_conf_del(p, models[i]);
		return;
	}
}

void pm_s_vm_plain(struct sim_conf *p)
{
	static const char *const keys[] = { "backup", "firewall", "host-tunnel", "iothread",
		"link_down", "pre-enrolled-keys", "replicate", "ro", "scsiblock", "shared",
		"snapshot", "ssd" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (pm_s_conf_get(p, keys[i]))
			pm_s_conf_set(p, keys[i], pm_s_true(pm_s_conf_get(p, keys[i])) ? "1" : "0");
}

static char *net_text(struct pm_sim *s, const char *text, bool fresh)
{
	struct sim_conf p cleanup_conf = { 0 };
	struct pm_buf b = PM_BUF(0);
	const char *model;

	pm_s_props(&p, text, "model");
	take_model(&p);
	pm_s_vm_plain(&p);
	if (fresh || !pm_s_conf_get(&p, "macaddr")) {
		cleanup_free char *mac = pm_s_mac(s);

		pm_s_conf_set(&p, "macaddr", mac);
	}
	model = pm_s_conf_get(&p, "model");
	pm_buf_addf(&b, "%s=%s", model ? model : "virtio", pm_s_conf_get(&p, "macaddr"));
	for (size_t i = 0; i < p.n; i++)
		if (strcmp(p.v[i].k, "model") != 0 && strcmp(p.v[i].k, "macaddr") != 0)
			pm_buf_addf(&b, ",%s=%s", p.v[i].k, p.v[i].v);
	return pm_buf_steal(&b);
}

char *pm_s_vm_net(struct pm_sim *s, const char *text)
{
	return net_text(s, text, false);
}

char *pm_s_vm_fresh_net(struct pm_sim *s, const char *text)
{
	return net_text(s, text, true);
}

char *pm_s_vm_fresh_smbios(struct pm_sim *s, const char *text)
{
	struct sim_conf p cleanup_conf = { 0 };
	cleanup_free char *uuid = pm_s_uuid(s);

	pm_s_props(&p, text ? text : "", NULL);
	pm_s_conf_set(&p, "uuid", uuid);
	return pm_s_props_text(&p, NULL, NULL);
}
