/* Drives of virtual machines: what "STORAGE:SIZE", "STORAGE:cloudinit" and "import-from" become, copies
 * and linked clones, with the lines that PVE's tools print meanwhile. */
#include "sim/qemu_priv.h"

#define MIB (INT64_C(1) << 20)

void pm_s_making_done(struct sim_making *m)
{
	free(m->why);
	pm_s_conf_done(&m->made);
}

void pm_s_drive_unmake(struct sim_making *m)
{
	for (size_t i = 0; i < m->made.n; i++)
		pm_s_volume_del(m->s, m->made.v[i].k, (int)m->node);
	pm_s_conf_done(&m->made);
}

static char *text_of(const struct sim_conf *p)
{
	return pm_s_props_text(p, "file", NULL);
}

char *pm_s_drive_with(const char *text, const struct sim_volume *v)
{
	struct sim_conf p cleanup_conf = { 0 };
	char size[32];

	pm_s_props(&p, text, "file");
	pm_s_conf_set(&p, "file", v->volid);
	pm_s_conf_set(&p, "size", pm_s_format_size(v->size, size));
	pm_s_conf_del(&p, "format");
	return text_of(&p);
}

/* ---- allocation ---- */

static const char *format_for(struct sim_making *m, const struct sim_storage *st, const char *asked)
{
	bool dir = pm_s_storage_is_dir(st);

	if (!asked)
		return "raw";
	if (strcmp(asked, "raw") != 0 && !(dir && strcmp(st->type, "btrfs") != 0)) {
		pm_s_because(&m->why, "unsupported format '%s'", asked);
		return NULL;
	}
	return asked;
}

static void say_made(struct sim_making *m, const struct sim_volume *v, const char *backing)
{
	char path[SIM_PATH];

	pm_s_image_path(m->s, v->volid, path);
	if (!pm_s_storage_is_dir(pm_s_storage_of(m->s, v->volid)))
		pm_s_note(m->log, "  Logical volume \"%s\" created.", strrchr(v->volid, ':') + 1);
	else if (strcmp(v->format, "qcow2") != 0)
		pm_s_note(m->log, "Formatting '%s', fmt=%s size=%lld preallocation=off", path,
			v->format, (long long)v->size);
	else
		pm_s_note(m->log,
			"Formatting '%s', fmt=qcow2 cluster_size=%s preallocation=metadata "
			"compression_type=zlib size=%lld%s lazy_refcounts=off refcount_bits=16",
			path, backing ? "131072 extended_l2=on" : "65536 extended_l2=off",
			(long long)v->size, backing ? backing : "");
}

static struct sim_storage *storage_for(struct sim_making *m, const char *id)
{
	struct sim_storage *st = pm_s_storage(m->s, id);

	if (!st)
		pm_s_because(&m->why, "storage '%s' does not exist", id);
	else if (pm_s_true(pm_s_conf_get(&st->conf, "disable")))
		pm_s_because(&m->why, "storage '%s' is disabled", id);
	else if (!pm_s_storage_holds(st, "images"))
		pm_s_because(&m->why, "storage '%s' does not support content-type 'images'", id);
	else
		return st;
	return NULL;
}

static struct sim_volume *allocate(
	struct sim_making *m, struct sim_storage *st, const char *format, int64_t size)
{
	struct sim_volume *v;
	const char *fmt = format_for(m, st, format);

	if (!fmt)
		return NULL;
	v = pm_s_volume_alloc(m->s, st, m->vmid, m->node, fmt, size);
	pm_s_conf_set(&m->made, v->volid, NULL);
	say_made(m, v, NULL);
	return v;
}

static struct sim_volume *allocate_named(
	struct sim_making *m, struct sim_storage *st, const char *name, int64_t size)
{
	char volid[200];
	struct sim_volume *v;

	if (pm_s_storage_is_dir(st))
		(void)snprintf(volid, sizeof(volid), "%s:%u/%s", st->id, m->vmid, name);
	else
		(void)snprintf(volid, sizeof(volid), "%s:%s", st->id, name);
	if (pm_s_volume(m->s, volid, (int)m->node)) {
		pm_s_because(&m->why, "disk image '%s' already exists", volid);
		return NULL;
	}
	v = pm_s_volume_add(m->s, volid, pm_s_storage_shared(st) ? -1 : (int)m->node, size);
	pm_s_conf_set(&m->made, v->volid, NULL);
	say_made(m, v, NULL);
	return v;
}

/* ---- copies ---- */

static int64_t fixed_size(const char *key, const struct sim_conf *p)
{
	const char *type = pm_s_conf_get(p, "efitype");

	if (!strcmp(key, "tpmstate0"))
		return 4 * MIB;
	return type && !strcmp(type, "4m") ? 528 * 1024 : 128 * 1024;
}

/* An EFI disk and a TPM have the size of what is in them, whatever room their storage gave them. */
static int64_t copied_size(const char *key, const char *value, int64_t size)
{
	struct sim_conf p = { 0 };

	if (!strcmp(key, "efidisk0") || !strcmp(key, "tpmstate0")) {
		(void)pm_s_props(&p, value ? value : "", "file");
		size = fixed_size(key, &p);
		pm_s_conf_done(&p);
	}
	return size;
}

static const char *bytes(int64_t n, char out[24])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
	double v = (double)n;
	size_t i = 0;

	while (v >= 1024 && i + 1 < PM_COUNT(units)) {
		v /= 1024;
		i++;
	}
	(void)snprintf(out, 24, "%.1f %s", v, units[i]);
	return out;
}

struct sim_volume *pm_s_drive_copy(
	struct sim_making *m, const char *key, const char *volid, const char *format)
{
	const struct sim_volume *from = pm_s_volume(m->s, volid, -1);
	struct sim_storage *st =
		m->storage ? storage_for(m, m->storage) : pm_s_storage_of(m->s, volid);
	struct sim_volume *to;
	char size[24];

	pm_s_note(m->log, "create full clone of drive %s (%s)", key, volid);
	if (!from || !st) {
		pm_s_because(&m->why, "volume '%s' does not exist", volid);
		return NULL;
	}
	if (!format && pm_s_storage_is_dir(st))
		format = from->format;
	to = pm_s_is_cloudinit(volid)
		     ? allocate_named(m, st,
			       pm_arena_printf(m->s->scratch, "vm-%u-cloudinit%s", m->vmid,
				       pm_s_storage_is_dir(st) ? ".qcow2" : ""),
			       4 * MIB)
		     : allocate(m, st, format, copied_size(key, m->copied, from->size));
	if (!to)
		return NULL;
	to->used = from->used;
	pm_s_note(m->log, "allocated target volume '%s'", to->volid);
	bytes(to->size, size);
	if (!pm_s_is_cloudinit(volid)) {
		pm_s_note(m->log, "transferred 0.0 B of %s (0.00%%)", size);
		pm_s_note(m->log, "transferred %s of %s (100.00%%)", size, size);
	}
	return to;
}

struct sim_volume *pm_s_drive_link(struct sim_making *m, const char *key, const char *volid)
{
	const struct sim_volume *from = pm_s_volume(m->s, volid, -1);
	struct sim_storage *st = pm_s_storage_of(m->s, volid);
	const char *base = strchr(volid, ':') + 1;
	char linked[300];
	struct sim_volume *to;

	pm_s_note(m->log, "create linked clone of drive %s (%s)", key, volid);
	if (!from || !st) {
		pm_s_because(&m->why, "volume '%s' does not exist", volid);
		return NULL;
	}
	to = pm_s_volume_alloc(
		m->s, st, m->vmid, m->node, pm_s_storage_is_dir(st) ? "qcow2" : "raw", from->size);
	to->used = from->used;
	if (pm_s_storage_is_dir(st)) {
		const char *name = strchr(to->volid, '/') + 1;

		pm_s_note(m->log, "clone %s: images, %s, %u to %s (base=../%s)", base, name,
			m->vmid, name, base);
		say_made(m, to,
			pm_arena_printf(m->s->scratch, " backing_file=../%s backing_fmt=%s", base,
				from->format));
	} else {
		say_made(m, to, NULL);
	}
	if (strcmp(st->type, "lvmthin") !=
		0) { /* a thin volume knows nothing of where it came from */
		(void)snprintf(linked, sizeof(linked), "%s/%s", volid, strchr(to->volid, ':') + 1);
		free(to->volid);
		to->volid = pm_xstrdup(linked);
	}
	pm_s_conf_set(&m->made, to->volid, NULL);
	return to;
}

/* ---- what a drive asks for ---- */

static struct sim_volume *import(
	struct sim_making *m, const char *key, const char *source, const char *format)
{
	struct sim_volume *v;

	if (source[0] == '/') {
		pm_s_because(&m->why, "cannot import from '%s' - file does not exist", source);
		return NULL;
	}
	if (!pm_s_volume(m->s, source, (int)m->node)) {
		pm_s_because(&m->why, "cannot import from '%s' - could not get size of %s", source,
			source);
		return NULL;
	}
	v = pm_s_drive_copy(m, key, source, format ? format : "raw");
	if (v)
		v->used = v->size; /* it holds a system, as far as anybody can know */
	return v;
}

static char *make_new(struct sim_making *m, const char *key, struct sim_conf *p, const char *id)
{
	const char *from = pm_s_conf_get(p, "import-from"), *format = pm_s_conf_get(p, "format");
	bool fixed = !strcmp(key, "efidisk0") || !strcmp(key, "tpmstate0");
	struct sim_storage *st = storage_for(m, id);
	struct sim_volume *v;
	cleanup_free char *text = NULL, *out = NULL;

	if (!st)
		return NULL;
	if (from) {
		const char *before = m->storage;
		cleanup_free char *copied = text_of(p);

		m->storage = st->id;
		m->copied = copied;
		v = import(m, key, from, format);
		m->storage = before;
		m->copied = NULL;
	} else {
		int64_t size = fixed ? fixed_size(key, p) : pm_s_new_size(pm_s_conf_get(p, "file"));

		v = allocate(m, st, format, size);
	}
	if (!v)
		return NULL;
	pm_s_conf_del(p, "import-from");
	text = text_of(p);
	out = pm_s_drive_with(text, v);
	pm_s_note(m->log, "%s: successfully created disk '%s'", key, out);
	return pm_xstrdup(out);
}

static char *make_cloudinit(
	struct sim_making *m, const char *key, struct sim_conf *p, const char *id)
{
	struct sim_storage *st = storage_for(m, id);
	const char *format = pm_s_conf_get(p, "format");
	struct sim_volume *v;
	char *out;

	if (!st)
		return NULL;
	v = allocate_named(m, st,
		pm_arena_printf(m->s->scratch, "vm-%u-cloudinit%s%s", m->vmid,
			pm_s_storage_is_dir(st) ? "." : "",
			!pm_s_storage_is_dir(st) ? ""
			: format                 ? format
						 : "qcow2"),
		4 * MIB);
	if (!v)
		return NULL;
	pm_s_conf_set(p, "file", v->volid);
	pm_s_conf_set(p, "media", "cdrom");
	pm_s_conf_del(p, "format");
	out = text_of(p);
	pm_s_note(m->log, "%s: successfully created disk '%s'", key, out);
	return out;
}

static char *make_known(struct sim_making *m, struct sim_conf *p, const char *volid)
{
	const struct sim_volume *v = pm_s_volume(m->s, volid, (int)m->node);
	char size[32];

	if (!strchr(volid, ':')) /* a device of the node */
		return text_of(p);
	if (!v) {
		pm_s_because(&m->why, "volume %s does not exist", volid);
		return NULL;
	}
	pm_s_conf_set(p, "size", pm_s_format_size(v->size, size));
	pm_s_conf_del(p, "format");
	return text_of(p);
}

char *pm_s_drive_make(struct sim_making *m, const char *key, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *file, *id, *name;

	pm_s_props(&p, value, "file");
	file = pm_s_conf_get(&p, "file");
	if (!file || !strcmp(file, "none") || !strcmp(file, "cdrom")) {
		pm_s_conf_del(&p, "size");
		return text_of(&p);
	}
	name = strchr(file, ':');
	id = pm_arena_strndup(m->s->scratch, file, name ? (size_t)(name - file) : 0);
	if (name && !strcmp(name + 1, "cloudinit"))
		return make_cloudinit(m, key, &p, id);
	if (name && pm_s_new_size(file) >= 0)
		return make_new(m, key, &p, id);
	return make_known(m, &p, file);
}

char *pm_s_drive_again(struct sim_making *m, const char *key, const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *file, *size, *end;
	struct sim_storage *st;
	struct sim_volume *v;

	pm_s_props(&p, value, "file");
	file = pm_s_conf_get(&p, "file");
	size = pm_s_conf_get(&p, "size");
	if (!file || !strchr(file, ':') || (pm_s_is_cdrom(value) && !pm_s_is_cloudinit(value)))
		return pm_xstrdup(value);
	st = storage_for(m, m->storage ? m->storage
				       : pm_arena_strndup(m->s->scratch, file, strcspn(file, ":")));
	if (!st)
		return NULL;
	if (pm_s_is_cloudinit(value))
		return make_cloudinit(m, key, &p, st->id);
	end = strrchr(file, '.');
	v = allocate(m, st, pm_s_storage_is_dir(st) && end ? end + 1 : NULL,
		size ? pm_s_parse_size(size) : INT64_C(1) << 30);
	if (!v)
		return NULL;
	v->used = v->size;
	pm_s_note(m->log, "new volume ID is '%s'", v->volid);
	return pm_s_drive_with(value, v);
}

/* ---- base volumes ---- */

void pm_s_drive_bases(struct pm_sim *s, struct sim_guest *g, const char *only)
{
	for (size_t i = 0; i < g->cur.n; i++) {
		struct sim_kv *kv = &g->cur.v[i];
		cleanup_free char *volid = pm_s_disk_volume(kv);
		struct sim_volume *v = volid ? pm_s_volume(s, volid, (int)g->node) : NULL;
		char *text;

		if (!v || pm_s_is_cdrom(kv->v) || (only && strcmp(only, kv->k) != 0))
			continue;
		free(v->volid);
		v->volid = pm_s_base_name(volid);
		text = pm_s_drive_with(kv->v, v);
		free(kv->v);
		kv->v = text;
	}
}
