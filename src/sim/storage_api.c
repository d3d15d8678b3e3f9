/* /storage and /nodes/{node}/storage: configuration, status, content. */
#include "base/num.h"
#include "sim/sim_priv.h"

#define TOTAL INT64_C(270553174016)
#define USED  INT64_C(23562838016)

static bool may_look(const struct sim_call *c, const char *id)
{
	return pm_s_may(c, pm_arena_printf(c->a, "/storage/%s", id),
		pm_s_priv("Datastore.Audit") | pm_s_priv("Datastore.AllocateSpace"));
}

/* ---- configuration ---- */

static const char *cfg_digest(struct sim_call *c)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	char *out = pm_arena_alloc(c->a, 41, 1);

	for (size_t i = 0; i < c->s->storages.n; i++) {
		struct sim_storage *st = c->s->storages.v[i];

		pm_buf_addf(&text, "%s: %s\n", st->type, st->id);
		for (size_t j = 0; j < st->conf.n; j++)
			pm_buf_addf(&text, "\t%s %s\n", st->conf.v[j].k, st->conf.v[j].v);
	}
	pm_s_sha1(pm_buf_str(&text), text.len, out);
	return out;
}

static bool is_flag(const char *k)
{
	static const char *const flags[] = { "shared", "disable", "priority", "mkdir", "maxfiles",
		"sparse", "saferemove", "krbd" };

	for (size_t i = 0; i < PM_COUNT(flags); i++)
		if (!strcmp(flags[i], k))
			return true;
	return false;
}

static void write_conf(struct sim_call *c, const struct sim_storage *st, const char *key)
{
	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "storage", st->id);
	pm_jw_str(&c->w, "type", st->type);
	pm_jw_str(&c->w, "digest", cfg_digest(c));
	for (size_t i = 0; i < st->conf.n; i++)
		if (is_flag(st->conf.v[i].k))
			pm_jw_int(&c->w, st->conf.v[i].k,
				pm_s_conf_int(&st->conf, st->conf.v[i].k, 0));
		else
			pm_jw_str(&c->w, st->conf.v[i].k, st->conf.v[i].v);
	if (!pm_s_conf_has(&st->conf, "shared") && pm_s_storage_shared(st))
		pm_jw_int(&c->w, "shared", 1);
	pm_jw_object_end(&c->w);
}

static void conf_list(struct sim_call *c)
{
	const char *type = pm_s_arg(c, "type");

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->storages.n; i++)
		if ((!type || !strcmp(type, c->s->storages.v[i]->type)) &&
			may_look(c, c->s->storages.v[i]->id))
			write_conf(c, c->s->storages.v[i], NULL);
	pm_jw_array_end(&c->w);
}

static void conf_get(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage(c->s, pm_s_arg(c, "storage"));

	if (st)
		write_conf(c, st, "data");
	else
		pm_s_fail(c, 500, "storage '%s' does not exist", pm_s_arg(c, "storage"));
}

static void write_id(struct sim_call *c, const struct sim_storage *st)
{
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "storage", st->id);
	pm_jw_str(&c->w, "type", st->type);
	pm_jw_object_end(&c->w);
}

static void take_conf(struct sim_call *c, struct sim_storage *st)
{
	static const char *const not_conf[] = { "storage", "type", "digest", "delete", "password" };

	for (size_t i = 0; i < c->p.n; i++) {
		bool skip = false;

		for (size_t j = 0; j < PM_COUNT(not_conf); j++)
			skip |= !strcmp(c->p.v[i].k, not_conf[j]);
		if (!skip && c->p.v[i].v)
			pm_s_conf_set(&st->conf, c->p.v[i].k, c->p.v[i].v);
	}
	pm_s_changed(c->s);
}

static void conf_post(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "storage"), *type = pm_s_arg(c, "type");
	struct sim_storage *st;

	if (!pm_s_quorum_for(c, "create storage", "storage_cfg"))
		return;
	if (pm_s_storage(c->s, id)) {
		pm_s_fail(c, 500, "create storage failed: storage ID '%s' already defined", id);
		return;
	}
	st = pm_s_storage_add(c->s, id, type);
	pm_s_conf_set(&st->conf, "content",
		!strcmp(type, "dir") || !strcmp(type, "lvmthin") || !strcmp(type, "zfspool")
			? "images,rootdir"
			: "images");
	if (!strcmp(type, "nfs") || !strcmp(type, "cifs") || !strcmp(type, "cephfs"))
		pm_s_conf_set(&st->conf, "path", pm_arena_printf(c->a, "/mnt/pve/%s", id));
	take_conf(c, st);
	write_id(c, st);
}

static void conf_put(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "storage"), *digest = pm_s_arg(c, "digest");
	const char *gone = pm_s_arg(c, "delete");
	struct sim_storage *st = pm_s_storage(c->s, id);

	if (!st) {
		pm_s_fail(c, 500, "update storage failed: storage '%s' does not exist", id);
		return;
	}
	if (digest && strcmp(digest, cfg_digest(c)) != 0) {
		pm_s_fail(c, 500,
			"update storage failed: detected modified configuration - file changed by other "
			"user? Try again.");
		return;
	}
	while (gone && *gone) {
		size_t n = strcspn(gone, ",; ");
		const char *k = pm_arena_strndup(c->a, gone, n);

		if (n && !pm_s_conf_del(&st->conf, k) && strcmp(k, "nodes") != 0 && !is_flag(k)) {
			pm_s_fail(c, 500, "update storage failed: no such option '%s'", k);
			return;
		}
		gone += n;
		gone += *gone != '\0';
	}
	take_conf(c, st);
	write_id(c, st);
}

static void conf_delete(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "storage");

	if (!pm_s_quorum_for(c, "delete storage", "storage_cfg"))
		return;
	for (size_t i = 0; i < c->s->storages.n; i++) {
		struct sim_storage *st = c->s->storages.v[i];

		if (strcmp(st->id, id) != 0)
			continue;
		pm_s_conf_done(&st->conf);
		free(st->id);
		free(st->type);
		free(st);
		memmove(&c->s->storages.v[i], &c->s->storages.v[i + 1],
			(--c->s->storages.n - i) * sizeof(*c->s->storages.v));
		pm_s_acl_forget(c->s, pm_arena_printf(c->a, "/storage/%s", id));
		pm_s_changed(c->s);
		return;
	}
	pm_s_fail(c, 500, "delete storage failed: storage '%s' does not exist", id);
}

/* ---- status ---- */

static void write_status(
	struct sim_call *c, const struct sim_storage *st, const char *key, bool list)
{
	bool enabled = !pm_s_true(pm_s_conf_get(&st->conf, "disable"));

	pm_jw_object(&c->w, key);
	if (list)
		pm_jw_str(&c->w, "storage", st->id);
	pm_jw_str(&c->w, "type", st->type);
	pm_jw_str(&c->w, "content", pm_s_conf_get(&st->conf, "content"));
	pm_jw_int(&c->w, "active", enabled);
	pm_jw_int(&c->w, "enabled", enabled);
	pm_jw_int(&c->w, "shared", pm_s_storage_shared(st));
	pm_jw_int(&c->w, "total", enabled ? TOTAL : 0);
	pm_jw_int(&c->w, "used", enabled ? USED : 0);
	pm_jw_int(&c->w, "avail", enabled ? TOTAL - USED : 0);
	if (list && enabled)
		pm_jw_raw(&c->w, "used_fraction", "0.0870913383356077");
	pm_jw_object_end(&c->w);
}

static bool any_content(const struct sim_call *c, const struct sim_storage *st)
{
	const char *want = pm_s_arg(c, "content");

	while (want && *want) {
		size_t n = strcspn(want, ",; ");

		if (n && pm_s_storage_holds(st, pm_arena_strndup(c->a, want, n)))
			return true;
		want += n;
		want += *want != '\0';
	}
	return !pm_s_arg(c, "content");
}

static void node_list(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->storages.n; i++) {
		struct sim_storage *st = c->s->storages.v[i];
		const char *only = pm_s_arg(c, "storage");

		if (!may_look(c, st->id) || !pm_s_storage_on(st, c->s->node[c->node].name) ||
			(only && strcmp(only, st->id) != 0) || !any_content(c, st) ||
			(pm_s_arg_true(c, "enabled") &&
				pm_s_true(pm_s_conf_get(&st->conf, "disable"))))
			continue;
		write_status(c, st, NULL, true);
	}
	pm_jw_array_end(&c->w);
}

static void status_get(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage(c->s, pm_s_arg(c, "storage"));

	if (st && pm_s_storage_on(st, c->s->node[c->node].name))
		write_status(c, st, "data", false);
	else
		pm_s_bad(c, "storage", "No such storage.");
}

/* ---- content ---- */

/* A disk is "rootdir" when its owner is a container, else "images". */
static const char *content_of(const struct sim_call *c, const struct sim_volume *v)
{
	const struct sim_guest *g = v->vmid ? pm_s_guest(c->s, v->vmid) : NULL;

	if (!strcmp(v->content, "images") && g && !g->qemu)
		return "rootdir";
	return v->content;
}

static void content_one(struct sim_call *c, const struct sim_volume *v, bool dir)
{
	bool image = !strcmp(v->content, "images");
	unsigned owner = pm_s_volume_owner(strchr(v->volid, ':') + 1);

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "volid", v->volid);
	pm_jw_str(&c->w, "content", content_of(c, v));
	pm_jw_str(&c->w, "format", v->format);
	pm_jw_int(&c->w, "size", v->size);
	pm_jw_int(&c->w, "ctime", v->ctime);
	if (owner)
		pm_jw_int(&c->w, "vmid", owner);
	if (!strcmp(v->content, "backup"))
		pm_jw_str(&c->w, "subtype", strstr(v->volid, "-qemu-") ? "qemu" : "lxc");
	if (image && dir) {
		pm_jw_raw(&c->w, "parent", "null");
		pm_jw_int(&c->w, "used", v->used);
	}
	if (pm_s_conf_get(&v->more, "notes"))
		pm_jw_str(&c->w, "notes", pm_s_conf_get(&v->more, "notes"));
	if (pm_s_conf_has(&v->more, "protected"))
		pm_jw_int(&c->w, "protected", 1);
	pm_jw_object_end(&c->w);
}

static void content_list(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *want = pm_s_arg(c, "content");
	int64_t vmid = pm_s_arg_int(c, "vmid", 0);
	size_t n;

	if (!st)
		return;
	n = strlen(st->id);
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->volumes.n; i++) {
		struct sim_volume *v = c->s->volumes.v[i];

		if (strncmp(v->volid, st->id, n) != 0 || v->volid[n] != ':' ||
			(v->node >= 0 && v->node != (int)c->node) ||
			(want && strcmp(want, content_of(c, v)) != 0) ||
			(vmid && vmid != pm_s_volume_owner(v->volid + n + 1)) ||
			!pm_s_volume_readable(c, v->volid))
			continue;
		content_one(c, v, pm_s_storage_is_dir(st));
	}
	pm_jw_array_end(&c->w);
}

/* The volid of the path, whole or without its storage. */
static const char *volid_arg(struct sim_call *c)
{
	const char *v = pm_s_arg(c, "volume"), *id = pm_s_arg(c, "storage");
	size_t n = strlen(id);

	if (!strncmp(v, id, n) && v[n] == ':')
		return v;
	return pm_arena_printf(c->a, "%s:%s", id, v);
}

const char *pm_s_file_path(struct pm_arena *a, const struct sim_storage *st, const char *volid)
{
	static const struct {
		const char *dir, *at;
	} dirs[] = { { "vztmpl/", "template/cache/" }, { "iso/", "template/iso/" },
		{ "snippets/", "snippets/" }, { "backup/", "dump/" }, { "import/", "import/" } };
	const char *name = strchr(volid, ':') + 1;

	for (size_t i = 0; i < PM_COUNT(dirs); i++)
		if (!strncmp(name, dirs[i].dir, strlen(dirs[i].dir)))
			return pm_arena_printf(a, "%s/%s%s", pm_s_storage_path(st), dirs[i].at,
				name + strlen(dirs[i].dir));
	return pm_arena_printf(
		a, pm_s_storage_is_dir(st) ? "%s/images/%s" : "%s/%s", pm_s_storage_path(st), name);
}

/* May the caller read this volume? Images of a storage by looking at it, backups with their guest's. */
bool pm_s_volume_readable(struct sim_call *c, const char *volid)
{
	const char *name = strchr(volid, ':') + 1;
	const char *path = pm_arena_printf(c->a, "/storage/%.*s", (int)strcspn(volid, ":"), volid);
	unsigned owner = pm_s_volume_owner(name);
	const char *guest = pm_arena_printf(c->a, "/vms/%u", owner);

	if (pm_s_may(c, path, pm_s_priv("Datastore.Allocate")))
		return true;
	if (!strncmp(name, "backup/", 7) && owner)
		return pm_s_may(c, path, pm_s_priv("Datastore.AllocateSpace")) &&
		       pm_s_may(c, guest, pm_s_priv("VM.Backup"));
	if (owner && !pm_s_may(c, guest, pm_s_priv("VM.Config.Disk")))
		return false;
	return pm_s_may(
		c, path, pm_s_priv("Datastore.AllocateSpace") | pm_s_priv("Datastore.Audit"));
}

/* The same with an answer when it may not. */
static bool readable(struct sim_call *c, const char *volid)
{
	if (pm_s_volume_readable(c, volid))
		return true;
	pm_s_fail(c, 403, "Permission check failed (/storage/%.*s, Datastore.Allocate)",
		(int)strcspn(volid, ":"), volid);
	return false;
}

static void volume_get(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *volid = volid_arg(c);
	struct sim_volume *v = st ? pm_s_volume(c->s, volid, (int)c->node) : NULL;

	if (!st || !readable(c, volid))
		return;
	if (!v) {
		pm_s_fail(c, 500, "volume_size_info on '%s' failed - no format", volid);
		return;
	}
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "path", pm_s_file_path(c->a, st, volid));
	if (!strcmp(v->content, "backup")) {
		const char *notes = pm_s_conf_get(&v->more, "notes");
		int64_t blocks = (v->size + 4095) / 4096 * 4096;

		pm_jw_str(&c->w, "format", "raw");
		pm_jw_int(&c->w, "size", blocks);
		pm_jw_int(&c->w, "used", blocks);
		pm_jw_int(&c->w, "protected", pm_s_conf_has(&v->more, "protected"));
		if (notes)
			pm_jw_str(&c->w, "notes", notes);
	} else {
		pm_jw_str(&c->w, "format", v->format);
		pm_jw_int(&c->w, "size", v->size);
		pm_jw_int(&c->w, "used", v->used);
	}
	pm_jw_object_end(&c->w);
}

static void volume_put(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *volid = volid_arg(c);
	struct sim_volume *v = st ? pm_s_volume(c->s, volid, (int)c->node) : NULL;

	if (!st || !readable(c, volid))
		return;
	if (!v || strcmp(v->content, "backup") != 0) {
		pm_s_fail(c, 500, "attributes are not supported for '%s'", volid);
		return;
	}
	if (pm_s_arg(c, "notes"))
		pm_s_conf_set(&v->more, "notes", pm_s_arg(c, "notes"));
	else if (pm_s_has(c, "notes"))
		pm_s_conf_del(&v->more, "notes");
	if (pm_s_arg_true(c, "protected"))
		pm_s_conf_set(&v->more, "protected", "1");
	else if (pm_s_arg(c, "protected"))
		pm_s_conf_del(&v->more, "protected");
	pm_s_changed(c->s);
}

static void content_post(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *file = pm_s_arg(c, "filename"), *size = pm_s_arg(c, "size"), *volid;
	int64_t bytes;

	if (!st)
		return;
	bytes = size ? pm_s_parse_size(size) : -1;
	if (bytes < 0) {
		pm_s_bad(c, "size", "value does not match the regex pattern");
		return;
	}
	if (strchr("0123456789", size[strlen(size) - 1]))
		bytes *= 1024;
	volid = pm_s_storage_is_dir(st)
			? pm_arena_printf(c->a, "%s:%s/%s", st->id, pm_s_arg(c, "vmid"), file)
			: pm_arena_printf(c->a, "%s:%s", st->id, file);
	if (pm_s_volume(c->s, volid, (int)c->node)) {
		pm_s_fail(
			c, 500, "disk image '%s' already exists", pm_s_file_path(c->a, st, volid));
		return;
	}
	pm_s_volume_add(c->s, volid, pm_s_storage_shared(st) ? -1 : (int)c->node, bytes);
	pm_s_changed(c->s);
	pm_jw_str(&c->w, "data", volid);
}

static void imgdel_end(struct pm_sim *s, struct sim_task *t)
{
	const char *volid = pm_s_task_get(t, "volid");

	struct sim_volume *v = pm_s_volume(s, volid, (int)t->node);

	if (v && pm_s_conf_has(&v->more, "protected")) {
		pm_s_task_fail(t, "cannot remove protected volume '%s' on '%.*s'",
			strchr(volid, ':') + 1, (int)strcspn(volid, ":"), volid);
		return;
	}
	if (!v && pm_s_task_get(t, "path"))
		pm_s_task_log(t, "disk image '%s' does not exist", pm_s_task_get(t, "path"));
	pm_s_volume_del(s, volid, (int)t->node);
	pm_s_task_log(t, "Removed volume '%s'", volid);
}

static void volume_delete(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *volid = volid_arg(c);
	unsigned owner = pm_s_volume_owner(strchr(volid, ':') + 1);
	struct sim_task *t;
	int64_t delay = pm_s_arg_int(c, "delay", 0) * 1000;

	if (!st)
		return;
	if (strncmp(strchr(volid, ':') + 1, "backup/", 7) == 0
			? !readable(c, volid)
			: !pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", st->id),
				  "Datastore.Allocate"))
		return;
	t = pm_s_task(
		c, "imgdel", owner ? pm_arena_printf(c->a, "%u@%s", owner, st->id) : st->id, 0);
	t->end = imgdel_end;
	pm_s_task_arg(t, "volid", volid);
	if (owner)
		pm_s_task_arg(t, "path", pm_s_file_path(c->a, st, volid));
	if (delay > c->s->o.task_ms) {
		pm_s_task_start(c->s, t);
		c->r->delay_ns += (uint64_t)(c->s->o.task_ms > 0 ? c->s->o.task_ms : 0) * PM_MS_NS;
		return;
	}
	pm_s_task_go(c, t);
}

#define LOOK "/storage/{storage} Datastore.Audit|Datastore.AllocateSpace"
#define NODE (SIM_PROTECTED | SIM_NODE)

const struct sim_route pm_s_routes_storage[] = {
	{ "GET", "/storage", conf_list, 0, NULL, NULL },
	{ "POST", "/storage", conf_post, SIM_PROTECTED, "/storage Datastore.Allocate",
		"storage type" },
	{ "GET", "/storage/{storage}", conf_get, 0, "/storage/{storage} Datastore.Allocate", NULL },
	{ "PUT", "/storage/{storage}", conf_put, SIM_PROTECTED, "/storage Datastore.Allocate",
		NULL },
	{ "DELETE", "/storage/{storage}", conf_delete, SIM_PROTECTED, "/storage Datastore.Allocate",
		NULL },
	{ "GET", "/nodes/{node}/storage", node_list, NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/storage/{storage}/status", status_get, NODE, LOOK, NULL },
	{ "GET", "/nodes/{node}/storage/{storage}/content", content_list, NODE, LOOK, NULL },
	{ "POST", "/nodes/{node}/storage/{storage}/content", content_post, NODE,
		"/storage/{storage} Datastore.AllocateSpace", "filename size vmid" },
	{ "GET", "/nodes/{node}/storage/{storage}/content/{volume*}", volume_get, NODE, NULL,
		NULL },
	{ "PUT", "/nodes/{node}/storage/{storage}/content/{volume*}", volume_put, NODE, LOOK,
		NULL },
	{ "DELETE", "/nodes/{node}/storage/{storage}/content/{volume*}", volume_delete, NODE, NULL,
		NULL },
	{ 0 },
};
