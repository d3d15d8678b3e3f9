/* Storages and the volumes on them: names by the storage's kind, sizes, who holds what. */
#include "base/num.h"
#include "sim/sim_priv.h"

struct sim_storage *pm_s_storage(const struct pm_sim *s, const char *id)
{
	for (size_t i = 0; i < s->storages.n; i++)
		if (!strcmp(s->storages.v[i]->id, id))
			return s->storages.v[i];
	return NULL;
}

struct sim_storage *pm_s_storage_add(struct pm_sim *s, const char *id, const char *type)
{
	struct sim_storage *st = pm_xcalloc(1, sizeof(*st));

	st->id = pm_xstrdup(id);
	st->type = pm_xstrdup(type);
	pm_vec_push(&s->storages, st);
	return st;
}

static bool listed(const char *list, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = list; p && *p; p += strcspn(p, ",; ")) {
		p += strspn(p, ",; ");
		if (!strncmp(p, word, n) && (!p[n] || strchr(",; ", p[n])))
			return true;
	}
	return false;
}

bool pm_s_storage_on(const struct sim_storage *st, const char *node)
{
	const char *nodes = pm_s_conf_get(&st->conf, "nodes");

	return !nodes || listed(nodes, node);
}

bool pm_s_storage_holds(const struct sim_storage *st, const char *content)
{
	return listed(pm_s_conf_get(&st->conf, "content"), content);
}

bool pm_s_storage_is_dir(const struct sim_storage *st)
{
	static const char *const dirs[] = { "dir", "btrfs", "nfs", "cifs", "cephfs" };

	for (size_t i = 0; i < PM_COUNT(dirs); i++)
		if (!strcmp(st->type, dirs[i]))
			return true;
	return false;
}

bool pm_s_storage_shared(const struct sim_storage *st)
{
	static const char *const shared[] = { "nfs", "cifs", "cephfs", "rbd", "iscsi", "pbs" };

	for (size_t i = 0; i < PM_COUNT(shared); i++)
		if (!strcmp(st->type, shared[i]))
			return true;
	return pm_s_true(pm_s_conf_get(&st->conf, "shared"));
}

const char *pm_s_storage_path(const struct sim_storage *st)
{
	const char *path = pm_s_conf_get(&st->conf, "path");

	return path ? path : "/dev/pve";
}

static const char *storage_fault(
	const struct pm_sim *s, struct pm_arena *a, const char *id, unsigned node)
{
	const struct sim_storage *st = pm_s_storage(s, id);

	if (!st)
		return pm_arena_printf(a, "storage '%s' does not exist", id);
	if (pm_s_true(pm_s_conf_get(&st->conf, "disable")))
		return pm_arena_printf(a, "storage '%s' is disabled", id);
	if (!pm_s_storage_on(st, s->node[node].name))
		return pm_arena_printf(
			a, "storage '%s' is not available on node '%s'", id, s->node[node].name);
	return NULL;
}

struct sim_storage *pm_s_storage_for(struct sim_call *c, const char *id, unsigned node)
{
	const char *fault = storage_fault(c->s, c->a, id, node);

	if (fault) {
		pm_s_fail(c, 500, "%s", fault);
		return NULL;
	}
	return pm_s_storage(c->s, id);
}

/* ---- volumes ---- */

struct sim_volume *pm_s_volume(const struct pm_sim *s, const char *volid, int node)
{
	for (size_t i = 0; i < s->volumes.n; i++) {
		struct sim_volume *v = s->volumes.v[i];

		if (!strcmp(v->volid, volid) && (v->node < 0 || node < 0 || v->node == node))
			return v;
	}
	return NULL;
}

static const char *format_of(const char *name)
{
	static const struct {
		const char *end, *format;
	} known[] = { { ".tar.zst", "tzst" }, { ".tar.gz", "tgz" }, { ".tar.xz", "txz" },
		{ ".tar.bz2", "tbz2" }, { ".tar", "tar" }, { ".iso", "iso" }, { ".img", "iso" },
		{ ".subvol", "subvol" }, { ".qcow2", "qcow2" }, { ".vmdk", "vmdk" } };
	size_t n = strlen(name);

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (n > strlen(known[i].end) &&
			!strcmp(name + n - strlen(known[i].end), known[i].end))
			return known[i].format;
	return "raw";
}

static const char *archive_format(const char *name)
{
	static const char *const known[] = { "tar.zst", "tar.gz", "tar.lzo", "tar", "vma.zst",
		"vma.gz", "vma.lzo", "vma" };
	size_t i = 0;

	while (i < PM_COUNT(known) - 1 && !strstr(name, known[i]))
		i++;
	return known[i];
}

unsigned pm_s_volume_owner(const char *name)
{
	static const char *const stems[] = { "vm-", "subvol-", "base-", "basevol-", "vzdump-lxc-",
		"vzdump-qemu-" };
	const char *file = strrchr(name, '/');
	unsigned vmid = 0;

	file = file ? file + 1 : name;
	for (size_t i = 0; i < PM_COUNT(stems); i++)
		if (!strncmp(file, stems[i], strlen(stems[i])))
			for (const char *p = file + strlen(stems[i]); *p >= '0' && *p <= '9'; p++)
				vmid = vmid * 10 + (unsigned)(*p - '0');
	return vmid;
}

struct sim_volume *pm_s_volume_add(struct pm_sim *s, const char *volid, int node, int64_t size)
{
	static const struct {
		const char *dir, *content;
	} kinds[] = { { "vztmpl/", "vztmpl" }, { "iso/", "iso" }, { "snippets/", "snippets" },
		{ "backup/", "backup" }, { "import/", "import" } };
	struct sim_volume *v = pm_xcalloc(1, sizeof(*v));
	const char *name = strchr(volid, ':') + 1;

	v->volid = pm_xstrdup(volid);
	v->content = "images";
	for (size_t i = 0; i < PM_COUNT(kinds); i++)
		if (!strncmp(name, kinds[i].dir, strlen(kinds[i].dir)))
			v->content = kinds[i].content;
	v->format = !strcmp(v->content, "snippets") ? "snippet"
		    : !strcmp(v->content, "backup") ? archive_format(name)
						    : format_of(name);
	v->size = size;
	v->used = 4096;
	v->ctime = s->wall_ms / 1000;
	v->vmid = !strcmp(v->content, "images") ? pm_s_volume_owner(name) : 0;
	v->node = node;
	pm_vec_push(&s->volumes, v);
	return v;
}

/* "-disk-N" is free when no volume of the guest has it there, whatever its format. */
static bool number_free(
	const struct pm_sim *s, const struct sim_storage *st, unsigned vmid, int where, unsigned n)
{
	size_t id = strlen(st->id);
	char part[32];

	(void)snprintf(part, sizeof(part), "-%u-disk-%u", vmid, n);
	for (size_t i = 0; i < s->volumes.n; i++) {
		const struct sim_volume *v = s->volumes.v[i];
		const char *at = strrchr(v->volid, '/');

		if (v->vmid != vmid || strncmp(v->volid, st->id, id) != 0 || v->volid[id] != ':' ||
			(v->node >= 0 && where >= 0 && v->node != where))
			continue;
		at = strstr(at ? at : v->volid + id, part);
		if (at && (!at[strlen(part)] || at[strlen(part)] == '.'))
			return false;
	}
	return true;
}

struct sim_volume *pm_s_volume_alloc(struct pm_sim *s, struct sim_storage *st, unsigned vmid,
	unsigned node, const char *format, int64_t size)
{
	int where = pm_s_storage_shared(st) ? -1 : (int)node;
	bool subvol = !strcmp(format, "subvol");
	const int64_t extent = INT64_C(4) << 20;
	char volid[160];
	unsigned n = 0;

	while (!number_free(s, st, vmid, where, n))
		n++;
	if (!strncmp(st->type, "lvm", 3))
		size = (size + extent - 1) / extent * extent;
	if (!pm_s_storage_is_dir(st))
		(void)snprintf(volid, sizeof(volid), "%s:%s-%u-disk-%u", st->id,
			subvol ? "subvol" : "vm", vmid, n);
	else
		(void)snprintf(volid, sizeof(volid), "%s:%u/%s-%u-disk-%u.%s", st->id, vmid,
			subvol ? "subvol" : "vm", vmid, n, format);
	return pm_s_volume_add(s, volid, where, size);
}

struct sim_volume *pm_s_volume_new(
	struct pm_sim *s, struct sim_storage *st, unsigned vmid, unsigned node, int64_t size)
{
	bool subvol = size == 0 || !strcmp(st->type, "zfspool");

	return pm_s_volume_alloc(s, st, vmid, node, subvol ? "subvol" : "raw", size);
}

void pm_s_volume_del(struct pm_sim *s, const char *volid, int node)
{
	for (size_t i = s->volumes.n; i-- > 0;) {
		struct sim_volume *v = s->volumes.v[i];

		if (strcmp(v->volid, volid) != 0 || (v->node >= 0 && node >= 0 && v->node != node))
			continue;
		free(v->volid);
		pm_s_conf_done(&v->more);
		free(v);
		memmove(&s->volumes.v[i], &s->volumes.v[i + 1],
			(--s->volumes.n - i) * sizeof(*s->volumes.v));
		return;
	}
}
