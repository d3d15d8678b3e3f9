/* How long backups are kept: pruning by rules, and jobs that make them by a schedule. */
#include "base/num.h"
#include "sim/backup_priv.h"

#define NODE (SIM_PROTECTED | SIM_NODE)

/* ---- pruning ---- */

enum mark { M_NONE, M_KEEP, M_REMOVE, M_PROTECTED };

static const char *const mark_names[] = { "", "keep", "remove", "protected" };

struct entry {
	struct sim_volume *v;
	const char *type;
	unsigned vmid;
	enum mark mark;
};

struct entries {
	PM_VEC(struct entry) all; /* newest first */
};

/* What a time falls into: backups of one and the same are one to a rule. */
static void period_of(const char *rule, int64_t time_s, char out[24])
{
	time_t t = (time_t)time_s;
	struct tm tm;

	if (!strcmp(rule, "keep-last")) {
		(void)snprintf(out, 24, "%lld", (long long)time_s);
		return;
	}
	gmtime_r(&t, &tm);
	if (!strcmp(rule, "keep-hourly"))
		(void)strftime(out, 24, "%Y-%m-%d %H", &tm);
	else if (!strcmp(rule, "keep-daily"))
		(void)strftime(out, 24, "%Y-%m-%d", &tm);
	else if (!strcmp(rule, "keep-weekly"))
		(void)strftime(out, 24, "%G-%V", &tm);
	else if (!strcmp(rule, "keep-monthly"))
		(void)strftime(out, 24, "%Y-%m", &tm);
	else
		(void)strftime(out, 24, "%Y", &tm);
}

static bool same_group(const struct entry *a, const struct entry *b)
{
	return a->vmid == b->vmid && !strcmp(a->type, b->type);
}

/* One rule over one group of backups: keeps the newest of each period, `count` periods, not counting those
 * that an earlier rule covers. */
static void mark_group(
	struct entries *e, const struct entry *group, const char *rule, int64_t count)
{
	struct sim_conf had cleanup_conf = { 0 }, new cleanup_conf = { 0 };
	char period[24];

	for (size_t i = 0; i < e->all.n; i++) {
		if (!same_group(&e->all.v[i], group) || e->all.v[i].mark != M_KEEP)
			continue;
		period_of(rule, e->all.v[i].v->ctime, period);
		pm_s_conf_set(&had, period, "");
	}
	for (size_t i = 0; i < e->all.n; i++) {
		struct entry *x = &e->all.v[i];

		if (!same_group(x, group) || x->mark != M_NONE)
			continue;
		period_of(rule, x->v->ctime, period);
		if (pm_s_conf_has(&had, period))
			continue;
		if (pm_s_conf_has(&new, period)) {
			x->mark = M_REMOVE;
			continue;
		}
		if ((int64_t) new.n >= count)
			break;
		pm_s_conf_set(&new, period, "");
		x->mark = M_KEEP;
	}
}

static void mark_all(struct entries *e, const char *text)
{
	static const char *const rules[] = { "keep-last", "keep-hourly", "keep-daily",
		"keep-weekly", "keep-monthly", "keep-yearly" };
	struct sim_conf p cleanup_conf = { 0 };
	bool all;

	pm_s_props(&p, text ? text : "keep-all=1", NULL);
	all = pm_s_true(pm_s_conf_get(&p, "keep-all")) || !p.n;
	for (size_t i = 0; i < e->all.n && !all; i++) {
		bool first = true;

		for (size_t j = 0; j < i; j++)
			first &= !same_group(&e->all.v[i], &e->all.v[j]);
		for (size_t r = 0; r < PM_COUNT(rules) && first; r++)
			if (pm_s_conf_int(&p, rules[r], 0) > 0)
				mark_group(
					e, &e->all.v[i], rules[r], pm_s_conf_int(&p, rules[r], 0));
	}
	for (size_t i = 0; i < e->all.n; i++)
		if (e->all.v[i].mark == M_NONE)
			e->all.v[i].mark = all ? M_KEEP : M_REMOVE;
}

static void collect(struct pm_sim *s, unsigned node, const char *storage, const struct sim_prune *p,
	struct entries *e)
{
	size_t n = strlen(storage);

	for (size_t i = 0; i < s->volumes.n; i++) {
		struct sim_volume *v = s->volumes.v[i];
		struct entry x = { .v = v, .type = strstr(v->volid, "-qemu-") ? "qemu" : "lxc" };
		size_t at = 0;

		if (strcmp(v->content, "backup") != 0 || strncmp(v->volid, storage, n) != 0 ||
			v->volid[n] != ':' || (v->node >= 0 && v->node != (int)node))
			continue;
		x.vmid = pm_s_volume_owner(v->volid + n + 1);
		if ((p->vmid && p->vmid != x.vmid) || (p->type && strcmp(p->type, x.type) != 0))
			continue;
		if (pm_s_conf_has(&v->more, "protected"))
			x.mark = M_PROTECTED;
		pm_vec_push(&e->all, x);
		while (at < e->all.n - 1 && e->all.v[at].v->ctime > v->ctime)
			at++;
		memmove(&e->all.v[at + 1], &e->all.v[at], (e->all.n - 1 - at) * sizeof(x));
		e->all.v[at] = x;
	}
	mark_all(e, p->rule);
}

unsigned pm_s_prune(
	struct pm_sim *s, struct sim_task *t, const char *storage, const struct sim_prune *p)
{
	struct entries e = { 0 };
	unsigned n = 0;

	collect(s, t->node, storage, p, &e);
	for (size_t i = 0; i < e.all.n; i++) {
		if (e.all.v[i].mark != M_REMOVE)
			continue;
		if (!p->quiet)
			pm_s_task_log(t, "removing backup '%s'", e.all.v[i].v->volid);
		pm_s_volume_del(s, e.all.v[i].v->volid, (int)t->node);
		n++;
	}
	pm_vec_done(&e.all);
	return n;
}

static struct sim_prune prune_of(struct sim_call *c, const struct sim_storage *st)
{
	const char *rule = pm_s_arg(c, "prune-backups");

	return (struct sim_prune){ .rule = rule ? rule : pm_s_conf_get(&st->conf, "prune-backups"),
		.type = pm_s_arg(c, "type"),
		.vmid = (unsigned)pm_s_arg_int(c, "vmid", 0) };
}

static void prune_get(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	struct entries e = { 0 };
	struct sim_prune p;

	if (!st)
		return;
	p = prune_of(c, st);
	collect(c->s, c->node, st->id, &p, &e);
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < e.all.n; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "volid", e.all.v[i].v->volid);
		pm_jw_int(&c->w, "ctime", e.all.v[i].v->ctime);
		pm_jw_str(&c->w, "mark", mark_names[e.all.v[i].mark]);
		pm_jw_str(&c->w, "type", e.all.v[i].type);
		pm_jw_int(&c->w, "vmid", e.all.v[i].vmid);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
	pm_vec_done(&e.all);
}

static void prune_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_prune p = { .rule = pm_s_task_get(t, "rule"),
		.type = pm_s_task_get(t, "type"),
		.vmid = (unsigned)pm_s_conf_int(&t->args, "vmid", 0) };

	(void)pm_s_prune(s, t, pm_s_task_get(t, "storage"), &p);
}

static void prune_delete(struct sim_call *c)
{
	struct sim_storage *st = pm_s_storage_for(c, pm_s_arg(c, "storage"), c->node);
	const char *vmid = pm_s_arg(c, "vmid");
	struct sim_task *t;

	if (!st)
		return;
	if (vmid ? !pm_s_check(c, pm_arena_printf(c->a, "/storage/%s", st->id),
			   "Datastore.AllocateSpace") ||
				!pm_s_check(c, pm_arena_printf(c->a, "/vms/%s", vmid), "VM.Backup")
		 : !pm_s_check(
			   c, pm_arena_printf(c->a, "/storage/%s", st->id), "Datastore.Allocate"))
		return;
	t = pm_s_task(
		c, "prunebackups", vmid ? pm_arena_printf(c->a, "%s@%s", vmid, st->id) : st->id, 0);
	t->end = prune_end;
	pm_s_task_arg(t, "storage", st->id);
	pm_s_task_arg(t, "rule", prune_of(c, st).rule);
	pm_s_task_arg(t, "type", pm_s_arg(c, "type"));
	pm_s_task_arg(t, "vmid", vmid);
	pm_s_task_go(c, t);
}

/* ---- jobs ---- */

#define JOB "backup job"
#define KEYS                                                                                              \
	"storage vmid all exclude pool node schedule enabled mode compress comment notes-template "       \
	"mailto mailnotification notification-mode prune-backups protected remove repeat-missed "         \
	"bwlimit ionice lockwait stopwait zstd pigz fleecing performance exclude-path stdexcludes quiet " \
	"dumpdir tmpdir script stop starttime dow pbs-change-detection-mode"
#define NUMBERS                                                                                  \
	"all enabled remove protected repeat-missed bwlimit ionice lockwait stopwait zstd pigz " \
	"stdexcludes quiet stop"

/* When a schedule comes next: of what systemd's calendar knows, the words and the time of a day. */
static int64_t next_run(const char *schedule, int64_t now)
{
	static const struct {
		const char *word;
		int64_t every, at;
	} words[] = { { "minutely", 60, 0 }, { "hourly", 3600, 0 }, { "daily", 86400, 0 },
		{ "weekly", 604800, 345600 } };
	int64_t hour = 0, minute = 0;
	char part[8];

	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (!strcmp(schedule, words[i].word))
			return now - (now - words[i].at) % words[i].every + words[i].every;
	(void)snprintf(part, sizeof(part), "%.*s", (int)strcspn(schedule, ":"), schedule);
	if (strchr(schedule, ':') && pm_parse_int(part, 0, 23, &hour) == 0 &&
		pm_parse_int(strchr(schedule, ':') + 1, 0, 59, &minute) == 0) {
		int64_t next = now - now % 86400 + hour * 3600 + minute * 60;

		return next > now ? next : next + 86400;
	}
	return 0;
}

static void write_job(struct sim_call *c, const struct sim_object *o, const char *key)
{
	const char *schedule = pm_s_conf_get(&o->conf, "schedule");
	int64_t next = schedule ? next_run(schedule, pm_s_node_time(c, c->asked)) : 0;

	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "id", o->id);
	pm_jw_str(&c->w, "type", "vzdump");
	pm_s_object_write(c, o, NUMBERS);
	if (next)
		pm_jw_int(&c->w, "next-run", next);
	pm_jw_object_end(&c->w);
}

static void jobs_get(struct sim_call *c)
{
	const struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, JOB, i)) != NULL; i++)
		write_job(c, o, NULL);
	pm_jw_array_end(&c->w);
}

static void jobs_post(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "id");
	char made[13];
	struct sim_object *o;

	if (!pm_s_quorum_for(c, "create job", "jobs_cfg"))
		return;
	if (!id) {
		pm_s_random_hex(c->s, made, 12, false);
		id = pm_arena_printf(c->a, "backup-%.8s-%s", made, made + 8);
	}
	if (pm_s_object(c->s, JOB, id)) {
		pm_s_fail(c, 500, "Job '%s' already exists", id);
		return;
	}
	o = pm_s_object_add(c->s, JOB, id, false);
	pm_s_object_take(c, o, KEYS);
	if (!pm_s_conf_has(&o->conf, "enabled"))
		pm_s_conf_set(&o->conf, "enabled", "1");
}

static struct sim_object *job_for(struct sim_call *c)
{
	struct sim_object *o = pm_s_object(c->s, JOB, pm_s_arg(c, "id"));

	if (!o)
		pm_s_bad(c, "id", "No such job '%s'", pm_s_arg(c, "id"));
	return o;
}

static void job_get(struct sim_call *c)
{
	const struct sim_object *o = job_for(c);

	if (o)
		write_job(c, o, "data");
}

static void job_put(struct sim_call *c)
{
	struct sim_object *o = job_for(c);

	if (o)
		pm_s_object_take(c, o, KEYS);
}

static void job_delete(struct sim_call *c)
{
	struct sim_object *o = job_for(c);

	if (o)
		pm_s_object_del(c->s, o);
}

static bool in_any_job(const struct pm_sim *s, const struct sim_guest *g)
{
	const struct sim_object *o;

	for (size_t i = 0; (o = pm_s_object_nth(s, JOB, i)) != NULL; i++)
		if (pm_s_job_takes(s, &o->conf, g))
			return true;
	return false;
}

static void not_backed_up(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->guests.n; i++) {
		const struct sim_guest *g = c->s->guests.v[i];

		if (in_any_job(c->s, g))
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "type", g->qemu ? "qemu" : "lxc");
		pm_jw_int(&c->w, "vmid", g->vmid);
		pm_jw_str(&c->w, "name", pm_s_guest_name(g));
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

#define PRUNE "/nodes/{node}/storage/{storage}/prunebackups"

const struct sim_route pm_s_routes_keep[] = {
	{ "GET", PRUNE, prune_get, NODE,
		"/storage/{storage} Datastore.Audit|Datastore.AllocateSpace", NULL },
	{ "DELETE", PRUNE, prune_delete, NODE, NULL, NULL },
	{ "GET", "/cluster/backup", jobs_get, 0, "/ Sys.Audit", NULL },
	{ "POST", "/cluster/backup", jobs_post, SIM_PROTECTED, "/ Sys.Modify", NULL },
	{ "GET", "/cluster/backup/{id}", job_get, 0, "/ Sys.Audit", NULL },
	{ "PUT", "/cluster/backup/{id}", job_put, SIM_PROTECTED, "/ Sys.Modify", NULL },
	{ "DELETE", "/cluster/backup/{id}", job_delete, SIM_PROTECTED, "/ Sys.Modify", NULL },
	{ "GET", "/cluster/backup-info/not-backed-up", not_backed_up, SIM_PROTECTED, "/ Sys.Audit",
		NULL },
	{ 0 },
};
