/* Who may set what of a virtual machine, and use which storages for its drives. */
#include "sim/qemu_priv.h"

struct asker {
	struct sim_call *c;
	const char *vm, *pool; /* paths */
};

/* A right on the guest, or on the pool it is going to be in. */
static bool may(const struct asker *a, const char *privs)
{
	uint64_t any = 0;

	for (const char *p = privs; a->pool && *p;) {
		size_t n = strcspn(p, "|");

		any |= pm_s_priv(pm_arena_strndup(a->c->a, p, n));
		p += n;
		p += *p == '|';
	}
	return (any && pm_s_may(a->c, a->pool, any)) || pm_s_check(a->c, a->vm, privs);
}

static bool only_root(struct sim_call *c, const char *k)
{
	pm_s_fail(c, 500, "only root can set '%s' config", k);
	return false;
}

static const struct {
	const char *keys, *priv;
} groups[] = { { " cores cpu cpulimit cpuunits numa runningcpu smp sockets vcpus ",
		       "VM.Config.CPU" },
	{ " memory balloon shares allow-ksm ", "VM.Config.Memory" },
	{ " acpi hotplug kvm machine runningmachine scsihw smbios1 tablet vga watchdog audio0 rng0 ",
		"VM.Config.HWType" },
	{ " agent autostart bios description keyboard localtime migrate_downtime migrate_speed name "
	  "onboot ostype protection reboot startdate startup tdf template ",
		"VM.Config.Options" },
	{ " freeze ", "VM.PowerMgmt" }, { " boot bootdisk vmstatestorage ", "VM.Config.Disk" },
	{ " cicustom cipassword citype ciuser ciupgrade nameserver searchdomain sshkeys ",
		"VM.Config.Cloudinit|VM.Config.Network" } };

static const char *priv_of(struct sim_call *c, const char *k)
{
	const char *word = pm_arena_printf(c->a, " %s ", k);

	for (size_t i = 0; i < PM_COUNT(groups); i++)
		if (strstr(groups[i].keys, word))
			return groups[i].priv;
	if (pm_s_numbered(k, "numa", 7) >= 0)
		return "VM.Config.CPU";
	if (pm_s_numbered(k, "net", 31) >= 0)
		return "VM.Config.Network";
	return pm_s_numbered(k, "ipconfig", 31) >= 0 ? "VM.Config.Cloudinit|VM.Config.Network"
						     : NULL;
}

static bool may_drive(const struct asker *a, const char *v)
{
	if (v && (pm_s_is_cloudinit(v) || strstr(v, ":cloudinit")))
		return may(a, "VM.Config.Cloudinit") && may(a, "VM.Config.CDROM");
	return may(a, v && pm_s_is_cdrom(v) ? "VM.Config.CDROM" : "VM.Config.Disk");
}

/* Devices of the node are root's; those that are mapped are not known here. */
static bool may_device(const struct asker *a, const char *k, const char *v)
{
	bool harmless = !v || !strcmp(v, "socket") || !strncmp(v, "mapping=", 8) ||
			strstr(v, ",mapping=") || !strncasecmp(v, "spice", 5) ||
			!strncasecmp(v, "host=spice", 10);

	if (!harmless) {
		pm_s_fail(a->c, 500, "only root can set '%s' config for %s devices", k,
			strncmp(k, "hostpci", 7) != 0 ? "real" : "non-mapped");
		return false;
	}
	return may(a, strncmp(k, "virtiofs", 8) != 0 ? "VM.Config.HWType" : "VM.Config.Disk");
}

static bool is_device(const char *k)
{
	return pm_s_numbered(k, "serial", 3) >= 0 || pm_s_numbered(k, "usb", 13) >= 0 ||
	       pm_s_numbered(k, "hostpci", 15) >= 0 || pm_s_numbered(k, "virtiofs", 9) >= 0;
}

static bool may_key(const struct asker *a, const char *k, const char *v)
{
	const char *priv;

	if (pm_s_is_drive(k))
		return may_drive(a, v);
	if (pm_s_numbered(k, "unused", 255) >= 0)
		return may(a, "VM.Config.Disk");
	if (is_device(k))
		return may_device(a, k, v);
	if (!strcmp(k, "tags")) /* not by the pool it is going to be in */
		return pm_s_check(a->c, a->vm, "VM.Config.Options");
	if (!strcmp(k, "vmstate"))
		return may(a, "VM.Config.Disk") && may(a, "VM.PowerMgmt");
	priv = priv_of(a->c, k);
	if (!priv)
		return only_root(a->c, k);
	if (!may(a, priv))
		return false;
	if (!strcmp(k, "startup") && !pm_s_check(a->c, "/", "Sys.Modify"))
		return false;
	return pm_s_numbered(k, "net", 31) < 0 || pm_s_may_bridge(a->c, v);
}

bool pm_s_vm_may(struct sim_call *c, unsigned vmid, const char *pool, const struct sim_conf *set,
	const struct sim_conf *gone)
{
	struct asker a = { .c = c, .vm = pm_arena_printf(c->a, "/vms/%u", vmid) };
	const struct sim_guest *g = pm_s_guest(c->s, vmid);

	if (pool)
		a.pool = pm_arena_printf(c->a, "/pool/%s", pool);
	if (pm_s_is_root(c))
		return true;
	for (size_t i = 0; gone && i < gone->n; i++) {
		const char *k = gone->v[i].k, *v = g ? pm_s_conf_get(&g->cur, k) : NULL;

		if (!may_key(&a, k, v))
			return false;
	}
	for (size_t i = 0; i < set->n; i++) {
		const char *k = set->v[i].k, *old = g ? pm_s_conf_get(&g->cur, k) : NULL;

		if (old && (pm_s_is_drive(k) || is_device(k)) && !may_key(&a, k, old))
			return false;
		if (!may_key(&a, k, set->v[i].v))
			return false;
	}
	return true;
}

/* ---- storages ---- */

static bool source_fine(struct sim_call *c, const char *key, const char *from)
{
	const struct sim_volume *v;

	if (from[0] == '/') {
		if (pm_s_is_root(c))
			return true;
		pm_s_fail(c, 500, "only root can pass arbitrary filesystem paths");
		return false;
	}
	v = pm_s_volume(c->s, from, (int)c->node);
	if (v && strcmp(v->content, "images") != 0 && strcmp(v->content, "import") != 0) {
		pm_s_bad(c, key, "%s has wrong type '%s' - needs to be 'images' or 'import'", from,
			v->content);
		return false;
	}
	return pm_s_is_root(c) ||
	       pm_s_check(c, pm_arena_printf(c->a, "/storage/%.*s", (int)strcspn(from, ":"), from),
		       "Datastore.AllocateSpace|Datastore.Audit");
}

static bool new_fine(struct sim_call *c, const char *id)
{
	const struct sim_storage *st;

	if (!pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", id), "Datastore.AllocateSpace"))
		return false;
	st = pm_s_storage_for(c, id, c->node);
	if (!st)
		return false;
	if (pm_s_storage_holds(st, "images"))
		return true;
	pm_s_bad(c, "storage", "storage '%s' does not support vm images", id);
	return false;
}

static bool drive_fine(struct sim_call *c, const char *key, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *file, *from, *id;
	const struct sim_volume *v;

	pm_s_props(&p, value, "file");
	file = pm_s_conf_get(&p, "file");
	from = pm_s_conf_get(&p, "import-from");
	if (!file || !strcmp(file, "none"))
		return true;
	if (!strcmp(file, "cdrom"))
		return pm_s_check(c, "/", "Sys.Console");
	if (from && (pm_s_new_size(file) != 0)) {
		pm_s_bad(c, key,
			"'import-from' requires special syntax - use <storage ID>:0,"
			"import-from=<source>");
		return false;
	}
	if (from && !source_fine(c, key, from))
		return false;
	if (!strchr(file, ':')) {
		if (file[0] == '/' && !pm_s_is_root(c))
			pm_s_fail(c, 500, "only root can pass arbitrary filesystem paths");
		return !c->failed;
	}
	id = pm_arena_strndup(c->a, file, strcspn(file, ":"));
	if (pm_s_new_size(file) >= 0)
		return new_fine(c, id);
	if (!pm_s_storage_for(c, id, c->node))
		return false;
	v = pm_s_volume(c->s, file, (int)c->node);
	if (v && !strcmp(v->content, "iso") && !pm_s_is_cdrom(value)) {
		pm_s_bad(c, key, "explicit 'media=cdrom' is required for iso images");
		return false;
	}
	return pm_s_is_root(c) || pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", id),
					  "Datastore.AllocateSpace|Datastore.Audit");
}

bool pm_s_vm_storages(struct sim_call *c, const struct sim_conf *set)
{
	for (size_t i = 0; i < set->n; i++)
		if (pm_s_is_drive(set->v[i].k) && set->v[i].v &&
			!drive_fine(c, set->v[i].k, set->v[i].v))
			return false;
	return true;
}
