/* Guests: their configuration as text, its digest, its rendered forms, and what PVE makes of values
 * before it stores them. */
#include "base/num.h"
#include "sim/sim_priv.h"

static size_t guest_place(const struct pm_sim *s, unsigned vmid)
{
	size_t lo = 0, hi = s->guests.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->guests.v[mid]->vmid < vmid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct sim_guest *pm_s_guest(const struct pm_sim *s, unsigned vmid)
{
	size_t i = guest_place(s, vmid);

	return i < s->guests.n && s->guests.v[i]->vmid == vmid ? s->guests.v[i] : NULL;
}

struct sim_guest *pm_s_guest_add(struct pm_sim *s, unsigned vmid, unsigned node, bool qemu)
{
	struct sim_guest *g = pm_xcalloc(1, sizeof(*g));
	size_t i = guest_place(s, vmid);

	g->vmid = vmid;
	g->node = node;
	g->qemu = qemu;
	pm_vec_room(&s->guests);
	memmove(&s->guests.v[i + 1], &s->guests.v[i], (s->guests.n - i) * sizeof(*s->guests.v));
	s->guests.v[i] = g;
	s->guests.n++;
	pm_s_guest_touch(s, g);
	return g;
}

void pm_s_changed(struct pm_sim *s)
{
	s->generation++;
	s->dirty = true;
}

void pm_s_guest_touch(struct pm_sim *s, struct sim_guest *g)
{
	for (size_t i = 0; i < PM_COUNT(g->seen); i++) {
		pm_sim_blob_put(g->seen[i]);
		g->seen[i] = NULL;
	}
	free(g->row);
	g->row = NULL;
	g->digest[0] = '\0';
	pm_s_changed(s);
}

void pm_s_snap_free(struct sim_snap *sn)
{
	free(sn->name);
	free(sn->parent);
	pm_s_conf_done(&sn->conf);
	free(sn);
}

void pm_s_guest_del(struct pm_sim *s, struct sim_guest *g)
{
	size_t i = guest_place(s, g->vmid);

	memmove(&s->guests.v[i], &s->guests.v[i + 1], (--s->guests.n - i) * sizeof(*s->guests.v));
	pm_s_guest_touch(s, g);
	pm_s_conf_done(&g->cur);
	pm_s_conf_done(&g->pend);
	pm_s_conf_done(&g->del);
	pm_s_conf_done(&g->ci);
	for (i = 0; i < g->snaps.n; i++)
		pm_s_snap_free(g->snaps.v[i]);
	for (i = 0; i < g->lxc.n; i++)
		free(g->lxc.v[i]);
	pm_vec_done(&g->snaps);
	pm_vec_done(&g->lxc);
	free(g->parent);
	free(g);
}

const char *pm_s_guest_name(const struct sim_guest *g)
{
	return pm_s_conf_get(&g->cur, g->qemu ? "name" : "hostname");
}

int64_t pm_s_number(const char *text, int64_t otherwise)
{
	int64_t i;

	return text && pm_parse_int(text, INT64_MIN / 2, INT64_MAX / 2, &i) == 0 ? i : otherwise;
}

int64_t pm_s_conf_int(const struct sim_conf *c, const char *k, int64_t otherwise)
{
	return pm_s_number(pm_s_conf_get(c, k), otherwise);
}

/* ---- digest: SHA-1 of the file as PVE would write it ---- */

static void write_text(struct pm_buf *b, const struct sim_conf *c)
{
	const char *text = pm_s_conf_get(c, "description");

	while (text && *text) {
		size_t n = strcspn(text, "\n");

		pm_buf_addf(b, "#%.*s\n", (int)n, text);
		text += n;
		text += *text == '\n';
	}
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].k, "description") != 0)
			pm_buf_addf(b, "%s: %s\n", c->v[i].k, c->v[i].v);
}

const char *pm_s_guest_digest(struct sim_guest *g)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);

	if (g->digest[0])
		return g->digest;
	write_text(&b, &g->cur);
	for (size_t i = 0; i < g->lxc.n; i++)
		pm_buf_addf(&b, "%s\n", g->lxc.v[i]);
	if (g->pend.n || g->del.n) {
		pm_buf_adds(&b, "\n[pve:pending]\n");
		for (size_t i = 0; i < g->del.n; i++)
			pm_buf_addf(&b, "delete: %s\n", g->del.v[i].k);
		write_text(&b, &g->pend);
	}
	if (g->ci.n)
		pm_buf_adds(&b, "\n[special:cloudinit]\n");
	for (size_t i = 0; i < g->ci.n; i++)
		pm_buf_addf(&b, "%s: %s\n", g->ci.v[i].k, g->ci.v[i].v ? g->ci.v[i].v : "");
	for (size_t i = 0; i < g->snaps.n; i++) {
		pm_buf_addf(&b, "\n[%s]\nsnaptime: %lld\n", g->snaps.v[i]->name,
			(long long)g->snaps.v[i]->time);
		write_text(&b, &g->snaps.v[i]->conf);
	}
	pm_s_sha1(pm_buf_str(&b), b.len, g->digest);
	return g->digest;
}

/* ---- options ---- */

static const char *const lxc_options[] = { "arch", "cmode", "console", "cores", "cpulimit",
	"cpuunits", "debug", "description", "entrypoint", "env", "features", "hookscript",
	"hostname", "lock", "memory", "nameserver", "onboot", "ostype", "protection", "rootfs",
	"searchdomain", "startup", "swap", "tags", "template", "timezone", "tty", "unprivileged" };

static const char *const lxc_numbers[] = { "console", "cores", "cpuunits", "debug", "memory",
	"onboot", "protection", "swap", "template", "tty", "unprivileged" };

static const char *const qemu_options[] = { "acpi", "affinity", "agent", "allow-ksm", "amd-sev",
	"arch", "args", "audio0", "autostart", "balloon", "bios", "boot", "bootdisk", "cdrom",
	"cicustom", "cipassword", "citype", "ciupgrade", "ciuser", "cores", "cpu", "cpulimit",
	"cpuunits", "description", "freeze", "hookscript", "hotplug", "hugepages", "intel-tdx",
	"ivshmem", "keephugepages", "keyboard", "kvm", "localtime", "lock", "machine", "memory",
	"meta", "migrate_downtime", "migrate_speed", "name", "nameserver", "numa", "onboot",
	"ostype", "protection", "reboot", "rng0", "running-nets-host-mtu", "runningcpu",
	"runningmachine", "scsihw", "searchdomain", "shares", "smbios1", "smp", "snaptime",
	"sockets", "spice_enhancements", "sshkeys", "startdate", "startup", "tablet", "tags", "tdf",
	"template", "vcpus", "vga", "vmgenid", "vmstate", "vmstatestorage", "watchdog" };

static const struct {
	const char *stem;
	unsigned most;
} qemu_numbered[] = { { "net", 31 }, { "ipconfig", 31 }, { "usb", 13 }, { "hostpci", 15 },
	{ "numa", 7 }, { "parallel", 2 }, { "serial", 3 }, { "virtiofs", 9 }, { "unused", 255 } };

static const char *const qemu_numbers[] = { "acpi", "allow-ksm", "autostart", "balloon",
	"ciupgrade", "cores", "cpuunits", "freeze", "keephugepages", "kvm", "localtime",
	"migrate_speed", "numa", "onboot", "protection", "reboot", "shares", "smp", "snaptime",
	"sockets", "tablet", "tdf", "template", "vcpus" };

static bool among(const char *k, const char *const *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(list[i], k))
			return true;
	return false;
}

/* Words of the call that changes a configuration, which are no settings. */
static const char *const call_words[] = { "node", "vmid", "delete", "revert", "digest", "skiplock",
	"force", "background_delay", "import-working-storage" };

/* A newer PVE may have settings that only its schema tells of. */
static bool in_schema(const struct pm_sim *s, bool qemu, const char *k)
{
	const char *path =
		qemu ? "/nodes/{node}/qemu/{vmid}/config" : "/nodes/{node}/lxc/{vmid}/config";

	return s->schema && !among(k, call_words, PM_COUNT(call_words)) &&
	       pm_s_schema_has(s->schema, "PUT", path, k);
}

bool pm_s_option_known(const struct pm_sim *s, bool qemu, const char *k)
{
	if (in_schema(s, qemu, k))
		return true;
	for (size_t i = 0; qemu && i < PM_COUNT(qemu_numbered); i++)
		if (pm_s_numbered(k, qemu_numbered[i].stem, qemu_numbered[i].most) >= 0)
			return true;
	if (qemu)
		return pm_s_is_drive(k) || among(k, qemu_options, PM_COUNT(qemu_options));
	return among(k, lxc_options, PM_COUNT(lxc_options)) || pm_s_numbered(k, "net", 31) >= 0 ||
	       pm_s_numbered(k, "mp", 255) >= 0 || pm_s_numbered(k, "dev", 255) >= 0 ||
	       pm_s_numbered(k, "unused", 255) >= 0;
}

bool pm_s_option_number(bool qemu, const char *k)
{
	if (qemu)
		return among(k, qemu_numbers, PM_COUNT(qemu_numbers));
	return among(k, lxc_numbers, PM_COUNT(lxc_numbers));
}

/* ---- values as PVE stores them ---- */

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *pm_s_tags(const char *text)
{
	static const char separators[] = { ',', ';', ' ', '\t', '\n', SIM_NUL, 0 };
	PM_VEC(char *) all = { 0 };
	struct pm_buf out = PM_BUF(0);

	while (text && *text) {
		size_t n = strcspn(text, separators);

		if (n) {
			char *tag = pm_xcalloc(1, n + 1);

			for (size_t i = 0; i < n; i++)
				tag[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32)
									  : text[i];
			pm_vec_push(&all, tag);
		}
		text += n;
		text += *text != '\0';
	}
	if (all.n)
		qsort(all.v, all.n, sizeof(*all.v), compare_text);
	for (size_t i = 0; i < all.n; i++)
		if (i == 0 || strcmp(all.v[i], all.v[i - 1]) != 0)
			pm_buf_addf(&out, "%s%s", out.len ? ";" : "", all.v[i]);
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i]);
	pm_vec_done(&all);
	if (!out.len)
		pm_buf_addc(&out, ' ');
	return pm_buf_steal(&out);
}

char *pm_s_description(const char *text)
{
	struct pm_buf out = PM_BUF(0);
	size_t n = text ? strlen(text) : 0;

	while (n && text[n - 1] == '\n')
		n--;
	if (n && !(n == 1 && text[0] == '0')) {
		pm_buf_add(&out, text, n);
		pm_buf_addc(&out, '\n');
	}
	return pm_buf_steal(&out);
}

char *pm_s_guest_text(const char *text, bool qemu)
{
	struct pm_buf out = PM_BUF(0);
	size_t n = text ? strlen(text) : 0;

	if (!qemu)
		return pm_s_description(text);
	while (n && strchr(" \t\r\n", text[n - 1]))
		n--;
	pm_buf_add(&out, text, n);
	return pm_buf_steal(&out);
}

char *pm_s_mac(struct pm_sim *s)
{
	struct pm_buf out = PM_BUF(0);
	uint64_t r = pm_random_next(&s->rnd);

	pm_buf_addf(&out, "BC:24:11:%02X:%02X:%02X", (unsigned)(r & 255), (unsigned)(r >> 8 & 255),
		(unsigned)(r >> 16 & 255));
	return pm_buf_steal(&out);
}

char *pm_s_net(struct pm_sim *s, const char *text)
{
	struct sim_conf p cleanup_conf = { 0 };

	if (!pm_s_props(&p, text, NULL) || !pm_s_conf_get(&p, "name"))
		return NULL;
	if (!pm_s_conf_get(&p, "hwaddr")) {
		cleanup_free char *mac = pm_s_mac(s);

		pm_s_conf_set(&p, "hwaddr", mac);
	}
	if (!pm_s_conf_get(&p, "type"))
		pm_s_conf_set(&p, "type", "veth");
	return pm_s_props_text(&p, NULL, "name");
}
