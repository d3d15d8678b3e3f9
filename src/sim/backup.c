/* vzdump: backups of guests as volumes that hold the configuration; what they are kept for and when the older
 * ones go. */
#include "sim/backup_priv.h"

#define NODE       (SIM_PROTECTED | SIM_NODE)
#define PLAIN_SIZE INT64_C(2529280)
#define SMALL_SIZE INT64_C(1114044)

/* "2026-11-21 21:42:32", or with `sep` for file names. */
static const char *stamp(int64_t time_s, bool file, char out[32])
{
	pm_format_time(time_s * 1000, out);
	out[10] = file ? '-' : ' ';
	out[19] = '\0';
	for (char *p = out; file && *p; p++)
		if ((*p == '-' && p - out != 10) || *p == ':')
			*p = '_';
	return out;
}

/* ---- the archive ---- */

/* The configuration in the form in which it lies in the archive. */
static void config_text(const struct sim_guest *g, struct pm_buf *out)
{
	const char *text = pm_s_conf_get(&g->cur, "description");

	for (; text && *text; text += strcspn(text, "\n"), text += *text == '\n')
		pm_buf_addf(out, "#%.*s\n", (int)strcspn(text, "\n"), text);
	for (size_t i = 0; i < g->cur.n; i++)
		if (strcmp(g->cur.v[i].k, "description") != 0 && strcmp(g->cur.v[i].k, "lock") != 0)
			pm_buf_addf(out, "%s: %s\n", g->cur.v[i].k, g->cur.v[i].v);
	for (size_t i = 0; i < g->lxc.n; i++) {
		int n = (int)strcspn(g->lxc.v[i], " ");

		pm_buf_addf(out, "%.*s: %s\n", n, g->lxc.v[i],
			g->lxc.v[i] + n + (g->lxc.v[i][n] == ' '));
	}
}

static const char *ending(const struct sim_task *t)
{
	const char *how = pm_s_task_get(t, "compress");

	if (how && !strcmp(how, "zstd"))
		return ".zst";
	if (how && (!strcmp(how, "gzip") || !strcmp(how, "1")))
		return ".gz";
	return how && !strcmp(how, "lzo") ? ".lzo" : "";
}

/* "{{guestname}}" and its like in the template of the notes. */
static void write_notes(
	struct pm_sim *s, const struct sim_guest *g, const char *p, struct pm_buf *out)
{
	while (*p) {
		if (!strncmp(p, "{{guestname}}", 13))
			pm_buf_adds(out, pm_s_guest_name(g));
		else if (!strncmp(p, "{{vmid}}", 8))
			pm_buf_addf(out, "%u", g->vmid);
		else if (!strncmp(p, "{{node}}", 8))
			pm_buf_adds(out, s->node[g->node].name);
		else if (!strncmp(p, "{{cluster}}", 11))
			pm_buf_adds(out, s->nnodes > 1 ? "rigcluster" : "standalone node");
		else {
			pm_buf_addc(out, *p++);
			continue;
		}
		p = strstr(p, "}}") + 2;
	}
}

static const char *archive(struct pm_sim *s, struct sim_task *t, const struct sim_guest *g)
{
	struct sim_storage *st = pm_s_storage(s, pm_s_task_get(t, "storage"));
	cleanup_buf struct pm_buf text = PM_BUF(0), notes = PM_BUF(0);
	const char *note = pm_s_task_get(t, "notes-template");
	struct sim_volume *v;
	char volid[200], when[32];

	(void)snprintf(volid, sizeof(volid), "%s:backup/vzdump-%s-%u-%s.%s%s", st->id,
		g->qemu ? "qemu" : "lxc", g->vmid, stamp(s->wall_ms / 1000, true, when),
		g->qemu ? "vma" : "tar", ending(t));
	pm_s_volume_del(s, volid, (int)t->node);
	v = pm_s_volume_add(s, volid, pm_s_storage_shared(st) ? -1 : (int)t->node,
		*ending(t) ? SMALL_SIZE : PLAIN_SIZE);
	config_text(g, &text);
	pm_s_conf_set(&v->more, "config", pm_buf_str(&text));
	if (note) {
		write_notes(s, g, note, &notes);
		pm_s_conf_set(&v->more, "notes", pm_buf_str(&notes));
	}
	if (pm_s_true(pm_s_task_get(t, "protected")))
		pm_s_conf_set(&v->more, "protected", "1");
	return v->volid;
}

/* ---- one guest ---- */

static void say_start(struct pm_sim *s, struct sim_task *t, const struct sim_guest *g)
{
	char when[32];

	pm_s_task_log(t, "INFO: Starting Backup of VM %u (%s)", g->vmid, g->qemu ? "qemu" : "lxc");
	pm_s_task_log(t, "INFO: Backup started at %s", stamp(s->wall_ms / 1000, false, when));
	pm_s_task_log(t, "INFO: status = %s", g->running ? "running" : "stopped");
}

static void failed(struct pm_sim *s, struct sim_task *t, unsigned vmid, const char *why)
{
	char when[32];

	pm_s_task_log(t, "ERROR: Backup of VM %u failed - %s", vmid, why);
	pm_s_task_log(t, "INFO: Failed at %s", stamp(s->wall_ms / 1000, false, when));
	pm_s_task_arg(t, "errors", "1");
}

/* The next guest of the list: locked for its backup. false: there is none left. */
static bool next_guest(struct pm_sim *s, struct sim_task *t)
{
	for (;;) {
		const char *left = pm_s_task_get(t, "left"), *lock;
		unsigned vmid = 0;
		struct sim_guest *g;
		char id[16];

		pm_s_conf_del(&t->args, "now");
		if (!left || !*left)
			return false;
		for (; *left >= '0' && *left <= '9'; left++)
			vmid = vmid * 10 + (unsigned)(*left - '0');
		(void)snprintf(id, sizeof(id), "%u", vmid);
		left = pm_arena_strdup(s->scratch, left + strspn(left, ",; "));
		pm_s_task_arg(t, "left", left);
		g = pm_s_guest(s, vmid);
		if (!g || g->node != t->node) {
			failed(s, t, vmid,
				pm_arena_printf(s->scratch, "unable to find VM '%u'", vmid));
			continue;
		}
		say_start(s, t, g);
		lock = pm_s_conf_get(&g->cur, "lock");
		if (lock) {
			failed(s, t, vmid,
				pm_arena_printf(
					s->scratch, "%s is locked (%s)", pm_s_kind(g->qemu), lock));
			continue;
		}
		pm_s_conf_set(&g->cur, "lock", "backup");
		pm_s_guest_touch(s, g);
		pm_s_task_arg(t, "now", id);
		return true;
	}
}

static void unlock(struct pm_sim *s, struct sim_task *t)
{
	const char *now = pm_s_task_get(t, "now");
	struct sim_guest *g =
		now ? pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "now", 0)) : NULL;

	if (!g)
		return;
	pm_s_conf_del(&g->cur, "lock");
	pm_s_guest_touch(s, g);
}

static void prune_older(struct pm_sim *s, struct sim_task *t, const struct sim_guest *g)
{
	struct sim_storage *st = pm_s_storage(s, pm_s_task_get(t, "storage"));
	const char *rule = pm_s_task_get(t, "prune-backups"), *remove = pm_s_task_get(t, "remove");

	if (!rule)
		rule = pm_s_conf_get(&st->conf, "prune-backups");
	if ((remove && !pm_s_true(remove)) || !rule || strstr(rule, "keep-all"))
		return;
	pm_s_task_log(t, "INFO: prune older backups with retention: %s", rule);
	pm_s_task_log(t, "INFO: pruned %u backup(s)",
		pm_s_prune(s, t, st->id,
			&(struct sim_prune){ .rule = rule, .vmid = g->vmid, .quiet = true }));
}

static void finish_guest(struct pm_sim *s, struct sim_task *t)
{
	struct sim_guest *g = pm_s_guest(s, (unsigned)pm_s_conf_int(&t->args, "now", 0));
	const char *mode = pm_s_task_get(t, "mode"), *volid;
	char when[32];

	if (!g)
		return;
	if (!mode || !g->running)
		mode = g->running ? "snapshot" : "stop";
	pm_s_task_log(t, "INFO: backup mode: %s", mode);
	pm_s_task_log(t, "INFO: ionice priority: 7");
	pm_s_task_log(t, "INFO: %s Name: %s", pm_s_kind(g->qemu), pm_s_guest_name(g));
	if (!g->qemu)
		pm_s_task_log(t, "INFO: including mount point rootfs ('/') in backup");
	volid = archive(s, t, g);
	pm_s_task_log(t, "INFO: creating vzdump archive '%s'",
		pm_s_file_path(s->scratch, pm_s_storage(s, pm_s_task_get(t, "storage")), volid));
	pm_s_task_log(t, "INFO: archive file size: %sMB", *ending(t) ? "1" : "2");
	if (pm_s_task_get(t, "notes-template"))
		pm_s_task_log(t, "INFO: adding notes to backup");
	unlock(s, t);
	prune_older(s, t, g);
	pm_s_task_log(t, "INFO: Finished Backup of VM %u (00:00:00)", g->vmid);
	pm_s_task_log(t, "INFO: Backup finished at %s", stamp(s->wall_ms / 1000, false, when));
}

/* ---- the task ---- */

static bool storage_able(struct pm_sim *s, struct sim_task *t)
{
	const char *id = pm_s_task_get(t, "storage");
	struct sim_storage *st = pm_s_storage(s, id);

	if (!st)
		pm_s_task_fail(t,
			"could not activate storage '%s': storage '%s' does not exist could not get "
			"storage information for '%s': storage '%s' does not exist",
			id, id, id, id);
	else if (!pm_s_storage_holds(st, "backup"))
		pm_s_task_fail(t,
			"could not get storage information for '%s': can't use storage '%s' for "
			"backups - wrong content type",
			id, id);
	return !t->fails;
}

static void dump_begin(struct pm_sim *s, struct sim_task *t)
{
	if (!storage_able(s, t))
		return;
	pm_s_task_log(t, "INFO: starting new backup job: vzdump %s", pm_s_task_get(t, "command"));
	if (!next_guest(s, t))
		t->ms = 0;
}

static void dump_end(struct pm_sim *s, struct sim_task *t)
{
	if (pm_s_task_get(t, "now")) {
		finish_guest(s, t);
		t->more = next_guest(s, t);
		t->more_ms = s->o.task_ms;
	}
	if (t->more)
		return;
	if (pm_s_task_get(t, "errors")) {
		pm_s_task_log(t, "INFO: Backup job finished with errors");
		pm_s_task_fail(t, "job errors");
	} else {
		pm_s_task_log(t, "INFO: Backup job finished successfully");
	}
}

/* ---- which guests ---- */

static bool in_list(const char *list, unsigned vmid)
{
	char id[16];
	size_t n;

	(void)snprintf(id, sizeof(id), "%u", vmid);
	n = strlen(id);
	for (const char *p = list; p && *p;) {
		p += strspn(p, ",; ");
		if (!strncmp(p, id, n) && strchr(",; ", p[n]))
			return true;
		p += strcspn(p, ",; ");
	}
	return false;
}

bool pm_s_job_takes(const struct pm_sim *s, const struct sim_conf *job, const struct sim_guest *g)
{
	const char *pool = pm_s_conf_get(job, "pool"), *node = pm_s_conf_get(job, "node");
	const struct sim_pool *p = pm_s_pool_of(s, g->vmid);

	if (node && strcmp(node, s->node[g->node].name) != 0)
		return false;
	if (pool)
		return p && !strcmp(p->id, pool);
	if (pm_s_true(pm_s_conf_get(job, "all")))
		return !in_list(pm_s_conf_get(job, "exclude"), g->vmid);
	return in_list(pm_s_conf_get(job, "vmid"), g->vmid);
}

/* "100,102": those named, or those of a pool or of the node. */
static const char *guests_of(struct sim_call *c)
{
	cleanup_buf struct pm_buf list = PM_BUF(0);
	struct sim_conf job cleanup_conf = { 0 };

	if (pm_s_arg(c, "vmid"))
		return pm_s_arg(c, "vmid");
	pm_s_conf_set(&job, "node", c->s->node[c->node].name);
	pm_s_conf_set(&job, "exclude", pm_s_arg(c, "exclude"));
	pm_s_conf_set(&job, "all", pm_s_arg(c, "all"));
	if (pm_s_arg(c, "pool"))
		pm_s_conf_set(&job, "pool", pm_s_arg(c, "pool"));
	for (size_t i = 0; i < c->s->guests.n; i++)
		if (pm_s_job_takes(c->s, &job, c->s->guests.v[i]))
			pm_buf_addf(&list, "%s%u", list.len ? "," : "", c->s->guests.v[i]->vmid);
	return pm_arena_strdup(c->a, pm_buf_str(&list));
}

static bool may_dump(struct sim_call *c, const char *list)
{
	static const char *const roots[] = { "tmpdir", "dumpdir", "script", "job-id" };
	static const char *const hosts[] = { "bwlimit", "performance", "ionice" };
	const char *id = pm_s_arg(c, "storage");
	const char *path = pm_arena_printf(c->a, "/storage/%s", id ? id : "local");

	for (size_t i = 0; i < PM_COUNT(roots); i++)
		if (pm_s_arg(c, roots[i]) && !pm_s_is_root(c)) {
			pm_s_bad(c, roots[i], "Only root may set this option.");
			return false;
		}
	for (size_t i = 0; i < PM_COUNT(hosts); i++)
		if (pm_s_arg(c, hosts[i]) && !pm_s_check(c, "/", "Sys.Modify"))
			return false;
	if (pm_s_arg(c, "prune-backups") && !pm_s_check(c, path, "Datastore.Allocate"))
		return false;
	if (!pm_s_check(c, path, "Datastore.AllocateSpace"))
		return false;
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, ",; ");

		if (n && !pm_s_check(c, pm_arena_printf(c->a, "/vms/%.*s", (int)n, p), "VM.Backup"))
			return false;
		p += n;
		p += strspn(p, ",; ");
	}
	return true;
}

static void vzdump_post(struct sim_call *c)
{
	cleanup_buf struct pm_buf command = PM_BUF(0);
	const char *list;
	struct sim_task *t;
	bool one;

	if (!pm_s_arg(c, "vmid") && !pm_s_arg_true(c, "all") && !pm_s_arg(c, "pool")) {
		pm_s_bad(c, "vmid", "property is missing");
		return;
	}
	list = guests_of(c);
	if (!may_dump(c, list))
		return;
	one = pm_s_arg(c, "vmid") && !strpbrk(list, ",; ");
	t = pm_s_task(c, "vzdump", one ? list : "", 0);
	t->begin = dump_begin;
	t->end = dump_end;
	t->undo = unlock;
	for (const char *p = list; *p; p++)
		pm_buf_addc(&command, strchr(",;", *p) ? ' ' : *p);
	for (size_t i = 0; i < c->p.n; i++) {
		const char *k = c->p.v[i].k, *v = c->p.v[i].v;

		if (!strcmp(k, "vmid") || !v)
			continue;
		pm_s_task_arg(t, k, v);
		pm_buf_addf(&command, strpbrk(v, " {}") ? " --%s '%s'" : " --%s %s", k, v);
	}
	if (!pm_s_arg(c, "storage"))
		pm_s_task_arg(t, "storage", "local");
	pm_s_task_arg(t, "left", list);
	pm_s_task_arg(t, "command", pm_buf_str(&command));
	pm_s_task_go(c, t);
}

static void defaults_get(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "storage");
	struct sim_storage *st = pm_s_storage_for(c, id ? id : "local", c->node);
	const char *keep = st ? pm_s_conf_get(&st->conf, "prune-backups") : NULL;

	if (!st)
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "storage", st->id);
	pm_jw_str(&c->w, "dumpdir", pm_arena_printf(c->a, "%s/dump", pm_s_storage_path(st)));
	pm_jw_str(&c->w, "prune-backups", keep ? keep : "keep-all=1");
	pm_jw_str(&c->w, "mode", "snapshot");
	pm_jw_str(&c->w, "compress", "0");
	pm_jw_str(&c->w, "mailnotification", "always");
	pm_jw_str(&c->w, "notification-mode", "auto");
	pm_jw_int(&c->w, "all", 0);
	pm_jw_int(&c->w, "bwlimit", 0);
	pm_jw_int(&c->w, "ionice", 7);
	pm_jw_int(&c->w, "lockwait", 180);
	pm_jw_int(&c->w, "pigz", 0);
	pm_jw_int(&c->w, "quiet", 0);
	pm_jw_int(&c->w, "remove", 1);
	pm_jw_int(&c->w, "stdexcludes", 1);
	pm_jw_int(&c->w, "stop", 0);
	pm_jw_int(&c->w, "stopwait", 10);
	pm_jw_int(&c->w, "zstd", 1);
	pm_jw_raw(&c->w, "fleecing", "{\"enabled\":0}");
	pm_jw_raw(&c->w, "performance", "{\"max-workers\":16,\"pbs-entries-max\":1048576}");
	pm_jw_object_end(&c->w);
}

static void extract_get(struct sim_call *c)
{
	const char *volid = pm_s_arg(c, "volume");
	const struct sim_volume *v = pm_s_volume(c->s, volid, (int)c->node);
	const char *text = v ? pm_s_conf_get(&v->more, "config") : NULL;

	if (text && !pm_s_volume_readable(c, volid))
		pm_s_fail(c, 403,
			"Permission check failed (/storage/%.*s, Datastore.AllocateSpace)",
			(int)strcspn(volid, ":"), volid);
	else if (text)
		pm_jw_str(&c->w, "data", text);
	else
		pm_s_fail(c, 500, "unable to extract configuration from '%s': no such archive",
			volid);
}

const struct sim_route pm_s_routes_backup[] = {
	{ "POST", "/nodes/{node}/vzdump", vzdump_post, NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/vzdump/defaults", defaults_get, SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/vzdump/extractconfig", extract_get, NODE, NULL, "volume" },
	{ 0 },
};
