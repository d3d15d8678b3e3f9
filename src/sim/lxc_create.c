/* POST /nodes/{node}/lxc: the id is claimed in the call, the rest happens at the end of the task. */
#include "base/num.h"
#include "sim/lxc_priv.h"

static bool not_config(const char *k)
{
	static const char *const keys[] = { "vmid", "node", "ostemplate", "storage", "password",
		"ssh-public-keys", "force", "restore", "unique", "pool", "start", "ha-managed",
		"bwlimit", "ignore-unpack-errors", "over" };

	for (size_t i = 0; i < PM_COUNT(keys); i++)
		if (!strcmp(keys[i], k))
			return true;
	return pm_s_numbered(k, "unused", 255) >= 0;
}

/* ---- checks of the call ---- */

static bool may_create(struct sim_call *c, unsigned vmid, const char *pool)
{
	uint64_t allocate = pm_s_priv("VM.Allocate");
	bool unprivileged = !pm_s_arg(c, "unprivileged") || pm_s_arg_true(c, "unprivileged");

	if (pool && !pm_s_pool(c->s, pool)) {
		pm_s_fail(c, 403, "Permission check failed (pool '%s' does not exist)", pool);
		return false;
	}
	if (!pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", vmid), allocate) &&
		!(pool && pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", pool), allocate))) {
		pm_s_fail(c, 403, "Permission check failed");
		return false;
	}
	if (!unprivileged && !pm_s_check(c, "/", "Sys.Modify"))
		return false;
	return pm_s_may_config(c, vmid,
		pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", vmid), allocate) ? NULL : pool,
		unprivileged);
}

static bool storage_fine(struct sim_call *c, const char *id, bool disk)
{
	struct sim_storage *st = pm_s_storage_for(c, id, c->node);

	if (!st)
		return false;
	if (disk && !pm_s_storage_holds(st, "rootdir")) {
		pm_s_fail(c, 500, "storage '%s' does not support container directories", id);
		return false;
	}
	if (disk)
		return pm_s_check(
			c, pm_arena_printf(c->a, "/storage/%s", id), "Datastore.AllocateSpace");
	return pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", id),
		"Datastore.AllocateSpace|Datastore.Audit");
}

static const char *storage_of(struct sim_call *c, const char *volid)
{
	return pm_arena_strndup(c->a, volid, strcspn(volid, ":"));
}

static bool volumes_fine(struct sim_call *c)
{
	const char *template = pm_s_arg(c, "ostemplate");

	if (strchr(template, ':') && !storage_fine(c, storage_of(c, template), false))
		return false;
	if (!pm_s_arg(c, "rootfs") &&
		!storage_fine(c, pm_s_arg(c, "storage") ? pm_s_arg(c, "storage") : "local", true))
		return false;
	for (size_t i = 0; i < c->p.n; i++) {
		const char *v = c->p.v[i].v;

		if (!v || !pm_s_is_mount(c->p.v[i].k) || v[0] == '/' || !strchr(v, ':'))
			continue;
		if (!storage_fine(c, storage_of(c, v), true))
			return false;
	}
	return true;
}

static bool id_free(struct sim_call *c, unsigned vmid)
{
	struct sim_guest *g = pm_s_guest(c->s, vmid);
	const char *lock = g ? pm_s_conf_get(&g->cur, "lock") : NULL;

	if (!g)
		return true;
	/* who comes while another create is on its way has passed the first look and loses the claim */
	if (lock && !strcmp(lock, "create"))
		pm_s_fail(c, 500, "unable to create CT %u - %s %u already exists on node '%s'",
			vmid, g->qemu ? "VM" : "CT", vmid, c->s->node[g->node].name);
	else
		pm_s_fail(c, 500, "%s %u already exists on node '%s'", g->qemu ? "VM" : "CT", vmid,
			c->s->node[g->node].name);
	return false;
}

/* ---- the task ---- */

char *pm_s_make_mount(struct pm_sim *s, struct sim_task *t, struct sim_guest *g, const char *key,
	const char *value)
{
	struct sim_conf p cleanup_conf = { 0 };
	const char *volume;

	pm_s_props(&p, value, "volume");
	volume = pm_s_conf_get(&p, "volume");
	if (pm_s_source(volume) == SIM_NEW) {
		char id[64], size[32], path[SIM_PATH];
		struct sim_storage *st;
		struct sim_volume *v;

		(void)snprintf(id, sizeof(id), "%.*s", (int)strcspn(volume, ":"), volume);
		st = pm_s_storage(s, id);
		if (!st) {
			pm_s_task_fail(t, "unable to create CT %u - storage '%s' does not exist",
				g->vmid, id);
			return NULL;
		}
		v = pm_s_volume_new(s, st, g->vmid, g->node, pm_s_new_size(volume));
		pm_s_conf_set(&p, "volume", v->volid);
		pm_s_conf_set(&p, "size", pm_s_format_size(v->size, size));
		pm_s_image_path(s, v->volid, path);
		if (v->size)
			pm_s_task_log(t, "Formatting '%s', fmt=raw size=%lld preallocation=off",
				path, (long long)v->size);
		if (v->size > INT64_C(1) << 49) {
			pm_s_task_fail(t,
				"unable to create CT %u - unable to create image: qemu-img: %s: The image "
				"size is too large for file format 'raw'",
				g->vmid, path);
			return NULL;
		}
	}
	return pm_s_props_text(&p, "volume", strcmp(key, "rootfs") != 0 ? "mp" : NULL);
}

static void unpack(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	const char *template = pm_s_task_get(t, "ostemplate");
	struct sim_conf root cleanup_conf = { 0 };
	const char *size;

	if (!strchr(template, ':')) {
		pm_s_task_log(t, "can't find file '%s'", template);
		pm_s_task_fail(
			t, "unable to create CT %u - can't find file '%s'", g->vmid, template);
		return;
	}
	if (!pm_s_volume(s, template, (int)g->node)) {
		pm_s_task_log(t, "volume '%s' does not exist", template);
		pm_s_task_fail(t, "unable to create CT %u - volume '%s' does not exist", g->vmid,
			template);
		return;
	}
	pm_s_task_log(t, "extracting archive '%s'", strchr(template, ':') + 1);
	pm_s_props(&root, pm_s_conf_get(&g->cur, "rootfs"), "volume");
	size = pm_s_conf_get(&root, "size");
	if (size && pm_s_parse_size(size) > 0 && pm_s_parse_size(size) < (4 << 20))
		pm_s_task_fail(t,
			"unable to create CT %u - command 'lxc-usernsexec -m u:0:100000:65536 -m "
			"g:0:100000:65536 -- tar xpf - --zstd --totals --one-file-system -p --sparse "
			"--numeric-owner --acls --xattrs '--xattrs-include=user.*' "
			"'--xattrs-include=security.capability' '--warning=no-file-ignored' "
			"'--warning=no-xattr-write' -C /var/lib/lxc/%u/rootfs --skip-old-files --anchored "
			"--exclude './dev/*'' failed: exit code 2",
			g->vmid, g->vmid);
	pm_s_task_log(t, "Total bytes read: 2191360 (2.1MiB, 143MiB/s)");
	pm_s_task_log(t, "Detected container architecture: amd64");
	pm_s_task_log(
		t, "Creating SSH host key 'ssh_host_ed25519_key' - this may take some time ...");
}

/* An OCI image brings its own start command and environment; what was sent for them is overwritten. */
static void take_oci(struct sim_guest *g)
{
	static const char *const lines[] = { "lxc.init.cwd /root", "lxc.signal.halt SIGTERM" };
	static const char env[] = { "PATH=/bin:/sbin\x1f"
				    "APP=demo" };

	pm_s_conf_set(&g->cur, "cmode", "console");
	pm_s_conf_set(&g->cur, "entrypoint", "/bin/sleep 10000");
	pm_s_conf_set(&g->cur, "env", env);
	for (size_t i = 0; i < PM_COUNT(lines); i++)
		pm_vec_push(&g->lxc, pm_xstrdup(lines[i]));
	for (size_t i = 0; i < g->cur.n; i++) {
		struct sim_conf p cleanup_conf = { 0 };

		if (pm_s_numbered(g->cur.v[i].k, "net", 31) < 0)
			continue;
		pm_s_props(&p, g->cur.v[i].v, NULL);
		if (!pm_s_conf_has(&p, "host-managed")) {
			pm_s_conf_set(&p, "host-managed", "1");
			free(g->cur.v[i].v);
			g->cur.v[i].v = pm_s_props_text(&p, NULL, "name");
		}
	}
}

static void defaults(struct sim_guest *g)
{
	static const char *const known[][2] = { { "arch", "amd64" }, { "memory", "512" },
		{ "ostype", "debian" }, { "swap", "512" }, { "unprivileged", "1" } };
	char host[24];

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!pm_s_conf_has(&g->cur, known[i][0]))
			pm_s_conf_set(&g->cur, known[i][0], known[i][1]);
	(void)snprintf(host, sizeof(host), "CT%u", g->vmid);
	if (!pm_s_conf_has(&g->cur, "hostname"))
		pm_s_conf_set(&g->cur, "hostname", host);
}

static bool is_oci(const char *template)
{
	size_t n = strlen(template);

	return strstr(template, ":vztmpl/") && n > 4 && !strcmp(template + n - 4, ".tar");
}

static void start_after(struct pm_sim *s, struct sim_task *t, unsigned vmid);

static void take_option(struct pm_sim *s, struct sim_task *t, struct sim_guest *g, const char *k)
{
	const char *v = pm_s_task_get(t, k);
	cleanup_free char *value = NULL;

	if (not_config(k) || k[0] == '.' || !v)
		return;
	value = pm_s_is_mount(k) ? pm_s_make_mount(s, t, g, k, v) : pm_s_value_for(s, k, v);
	if (value && *value)
		pm_s_conf_set(&g->cur, k, value);
}

void pm_s_create_options(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	for (size_t i = 0; i < t->args.n && !t->fails; i++)
		if (strcmp(t->args.v[i].k, "rootfs") != 0)
			take_option(s, t, g, t->args.v[i].k);
}

static void create_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *pool = pm_s_task_get(t, ".pool");

	if (!g) {
		pm_s_task_fail(t, "unable to create CT %u - config is gone", t->vmid);
		return;
	}
	take_option(s, t, g, "rootfs"); /* the first volume is the root's */
	pm_s_create_options(s, t, g);
	if (!t->fails)
		unpack(s, t, g);
	if (t->fails)
		return;
	defaults(g);
	if (is_oci(pm_s_task_get(t, "ostemplate")))
		take_oci(g);
	pm_s_conf_del(&g->cur, "lock");
	if (pool)
		pm_s_pool_join(s, pool, g->vmid);
	pm_s_guest_touch(s, g);
	if (pm_s_true(pm_s_task_get(t, "start")))
		start_after(s, t, g->vmid);
}

/* A create that failed leaves nothing: volumes, configuration, the claim on the id. */
static void create_undo(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);

	if (!g)
		return;
	for (size_t i = s->volumes.n; i-- > 0;)
		if (s->volumes.v[i]->vmid == g->vmid && s->volumes.v[i]->ctime >= t->start_s)
			pm_s_volume_del(s, s->volumes.v[i]->volid, (int)g->node);
	pm_s_guest_del(s, g);
}

static void boot_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, t->vmid);
	const char *why = g ? pm_s_lxc_boot(s, g, t) : "no such guest";

	if (why)
		pm_s_task_fail(t, "%s", why);
}

static void start_after(struct pm_sim *s, struct sim_task *t, unsigned vmid)
{
	struct sim_task *next = pm_s_task_new(s, t->node, t->user, "vzstart", t->id, vmid);

	next->end = boot_end;
	pm_s_task_start(s, next);
}

void pm_s_lxc_create(struct sim_call *c)
{
	unsigned vmid = (unsigned)pm_s_arg_int(c, "vmid", 0);
	const char *pool = pm_s_arg(c, "pool");
	struct sim_guest *g;
	struct sim_task *t;
	char id[16];

	if (!pm_s_quorum_for_guest(c) || !may_create(c, vmid, pool) ||
		!pm_s_ssh_keys_fine(c, pm_s_arg(c, "ssh-public-keys")) || !volumes_fine(c))
		return;
	if (pm_s_arg_true(c, "restore")) {
		pm_s_lxc_restore(c);
		return;
	}
	if (!id_free(c, vmid))
		return;
	g = pm_s_guest_add(c->s, vmid, c->node, false);
	pm_s_conf_set(&g->cur, "lock", "create");
	(void)snprintf(id, sizeof(id), "%u", vmid);
	t = pm_s_task(c, "vzcreate", id, vmid);
	t->end = create_end;
	t->undo = create_undo;
	for (size_t i = 0; i < c->p.n; i++)
		if (!c->p.v[i].path && strcmp(c->p.v[i].k, "password") != 0)
			pm_s_task_arg(t, c->p.v[i].k, c->p.v[i].v);
	pm_s_task_arg(t, ".pool", pool);
	if (!pm_s_arg(c, "rootfs"))
		pm_s_task_arg(t, "rootfs",
			pm_arena_printf(c->a, "%s:4",
				pm_s_arg(c, "storage") ? pm_s_arg(c, "storage") : "local"));
	pm_s_task_go(c, t);
}
