/* /nodes/{node}/tasks and /cluster/tasks: list, status, log, stop. */
#include "base/num.h"
#include "sim/sim_priv.h"

#define CLUSTER_TASKS 25

static bool own(const struct sim_call *c, const struct sim_task *t)
{
	size_t n = strlen(c->user->id);

	if (!strcmp(t->user, c->authid))
		return true;
	return !c->token && !strncmp(t->user, c->user->id, n) && t->user[n] == '!';
}

static const char *node_path(struct sim_call *c, unsigned node)
{
	return pm_arena_printf(c->a, "/nodes/%s", c->s->node[node].name);
}

static bool may_see(struct sim_call *c, const struct sim_task *t)
{
	return own(c, t) || pm_s_may(c, node_path(c, t->node), pm_s_priv("Sys.Audit"));
}

/* The task of the path; answers itself when there is none or it is somebody else's. */
static struct sim_task *wanted(struct sim_call *c, bool missing_is_fine)
{
	const char *upid = pm_s_arg(c, "upid");
	struct sim_task *t = pm_s_task_find(c->s, upid);
	unsigned colons = 0;

	for (const char *p = upid; *p; p++)
		colons += *p == ':';
	if (strncmp(upid, "UPID:", 5) != 0 || colons != 8) {
		pm_s_bad(c, "upid", "unable to parse worker upid");
		return NULL;
	}
	if (t && t->node != c->node)
		t = NULL; /* its log lies on the other node */
	if (!t && !missing_is_fine)
		pm_s_bad(c, "upid", "no such task");
	if (t && !own(c, t) && !pm_s_check(c, node_path(c, t->node), "Sys.Audit"))
		return NULL;
	return t;
}

static void write_task(struct sim_call *c, const struct sim_task *t)
{
	pm_jw_str(&c->w, "upid", t->upid);
	pm_jw_str(&c->w, "node", c->s->node[t->node].name);
	pm_jw_int(&c->w, "starttime", t->start_s);
	pm_jw_str(&c->w, "type", t->type);
	pm_jw_str(&c->w, "id", t->id);
	pm_jw_str(&c->w, "user", t->user);
}

static void task_status(struct sim_call *c)
{
	struct sim_task *t = wanted(c, false);

	if (!t)
		return;
	pm_jw_object(&c->w, "data");
	write_task(c, t);
	pm_jw_int(&c->w, "pid", t->pid);
	pm_jw_int(&c->w, "pstart", t->pstart);
	pm_jw_str(&c->w, "status", t->state == SIM_ENDED ? "stopped" : "running");
	if (t->state == SIM_ENDED)
		pm_jw_str(&c->w, "exitstatus", t->status);
	pm_jw_object_end(&c->w);
}

static void write_line(struct sim_call *c, int64_t n, const char *text, size_t len)
{
	pm_jw_object(&c->w, NULL);
	pm_jw_int(&c->w, "n", n);
	pm_jw_strn(&c->w, "t", text, len);
	pm_jw_object_end(&c->w);
}

static void log_download(struct sim_call *c, const struct sim_task *t)
{
	char when[32];

	pm_format_time(t->start_s * 1000, when);
	when[19] = '\0';
	(void)snprintf(c->r->disposition, sizeof(c->r->disposition),
		"attachment; filename=\"task-%s-%s-%sZ.log\"", c->s->node[t->node].name, t->type,
		when);
	pm_s_plain(c, 200, "OK", pm_buf_str(&t->log));
	c->r->content_type = "text/plain";
}

static void task_log(struct sim_call *c)
{
	struct sim_task *t = wanted(c, true);
	int64_t start = pm_s_arg_int(c, "start", 0), limit = pm_s_arg_int(c, "limit", 50), n = 0;
	const char *p;

	if (c->failed || c->errors.n)
		return;
	if (t && pm_s_arg_true(c, "download")) {
		log_download(c, t);
		return;
	}
	pm_jw_array(&c->w, "data");
	for (p = t ? pm_buf_str(&t->log) : ""; *p; n++) {
		size_t len = strcspn(p, "\n");

		if (n >= start && (limit == 0 || n < start + limit))
			write_line(c, n + 1, p, len);
		p += len;
		p += *p == '\n';
	}
	if (!t)
		write_line(c, 1, "unable to open file - No such file or directory", 47);
	else if (n == 0)
		write_line(c, 1, "no content", 10);
	pm_jw_array_end(&c->w);
	pm_jw_int(&c->w, "total", n ? n : 1);
}

static void task_stop(struct sim_call *c)
{
	struct sim_task *t = wanted(c, false);

	if (!t || (!own(c, t) && !pm_s_check(c, node_path(c, t->node), "Sys.Modify")))
		return;
	pm_s_task_cancel(c->s, t);
}

static bool status_fits(const char *filter, const struct sim_task *t)
{
	const char *kind = t->state != SIM_ENDED            ? "unknown"
			   : !strcmp(t->status, "OK")       ? "ok"
			   : !strncmp(t->status, "WARN", 4) ? "warning"
							    : "error";
	size_t n = strlen(kind);

	for (const char *p = filter; p; p = strpbrk(p, ",; ")) {
		p += strspn(p, ",; ");
		if (!strncmp(p, kind, n) && (!p[n] || strchr(",; ", p[n])))
			return true;
	}
	return false;
}

static bool passes(struct sim_call *c, const struct sim_task *t)
{
	const char *source = pm_s_arg(c, "source"), *vmid = pm_s_arg(c, "vmid");
	const char *type = pm_s_arg(c, "typefilter"), *user = pm_s_arg(c, "userfilter");
	const char *status = pm_s_arg(c, "statusfilter");
	bool ended = t->state == SIM_ENDED;

	if (t->node != c->node || (source && !strcmp(source, "active") && ended))
		return false;
	if ((!source || !strcmp(source, "archive")) && !ended)
		return false;
	if ((vmid && strcmp(vmid, t->id) != 0) || (type && strcmp(type, t->type) != 0) ||
		(user && !strstr(t->user, user)) || (status && !status_fits(status, t)))
		return false;
	if (pm_s_arg_true(c, "errors") && (!ended || !strcmp(t->status, "OK")))
		return false;
	return t->start_s >= pm_s_arg_int(c, "since", 0) &&
	       t->start_s <= pm_s_arg_int(c, "until", INT64_MAX) && may_see(c, t);
}

static void list_one(struct sim_call *c, const struct sim_task *t, bool cluster)
{
	pm_jw_object(&c->w, NULL);
	write_task(c, t);
	if (!cluster) {
		pm_jw_int(&c->w, "pid", t->pid);
		pm_jw_int(&c->w, "pstart", t->pstart);
	}
	if (t->state == SIM_ENDED) {
		pm_jw_int(&c->w, "endtime", t->end_s);
		pm_jw_str(&c->w, "status", t->status);
	} else if (!cluster) {
		pm_jw_str(&c->w, "status", "RUNNING");
	}
	if (cluster || t->state != SIM_ENDED)
		pm_jw_str(&c->w, "saved", t->state == SIM_ENDED ? "1" : "0");
	pm_jw_object_end(&c->w);
}

static void tasks_list(struct sim_call *c)
{
	int64_t start = pm_s_arg_int(c, "start", 0), limit = pm_s_arg_int(c, "limit", 50), n = 0;

	pm_jw_array(&c->w, "data");
	for (size_t i = c->s->tasks.n; i-- > 0;) {
		if (!passes(c, c->s->tasks.v[i]))
			continue;
		if (n >= start && n - start < limit)
			list_one(c, c->s->tasks.v[i], false);
		n++;
	}
	pm_jw_array_end(&c->w);
	if (n)
		pm_jw_int(&c->w, "total", n);
}

/* Of each node those that run, and as many ended ones as make 25 with them, the newest. */
static void cluster_tasks(struct sim_call *c)
{
	bool all = pm_s_may(c, "/", pm_s_priv("Sys.Audit"));
	unsigned listed[SIM_NODES] = { 0 };

	for (size_t i = 0; i < c->s->tasks.n; i++)
		listed[c->s->tasks.v[i]->node] += c->s->tasks.v[i]->state != SIM_ENDED;
	pm_jw_array(&c->w, "data");
	for (size_t i = c->s->tasks.n; i-- > 0;) {
		const struct sim_task *t = c->s->tasks.v[i];

		if (t->state == SIM_ENDED && listed[t->node]++ >= CLUSTER_TASKS)
			continue;
		if (all || !strcmp(t->user, c->authid))
			list_one(c, t, true);
	}
	pm_jw_array_end(&c->w);
}

const struct sim_route pm_s_routes_task[] = {
	{ "GET", "/nodes/{node}/tasks/{upid}/status", task_status, SIM_PROTECTED | SIM_NODE, NULL,
		NULL },
	{ "GET", "/nodes/{node}/tasks/{upid}/log", task_log, SIM_PROTECTED | SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/tasks", tasks_list, SIM_NODE, NULL, NULL },
	{ "DELETE", "/nodes/{node}/tasks/{upid}", task_stop, SIM_PROTECTED | SIM_NODE, NULL, NULL },
	{ "GET", "/cluster/tasks", cluster_tasks, 0, NULL, NULL },
	{ 0 },
};
