/* Many guests at once: bulk actions of the cluster and of a node. Each is a task that makes the calls for its
 * guests as its user would, and ends when the tasks of these are over. */
#include <json-c/json.h>

#include "base/num.h"
#include "sim/sim_priv.h"

#define LOOK_MS 20 /* how often the task looks whether the others are over */

/** What is done to each guest. */
struct deed {
	const char *type; /* of the task */
	const char *verb; /* last part of the path of the call */
	const char *says; /* "Starting" */
	const char *fail; /* "start": Some guests failed to ... */
	bool backwards;   /* the last to start is the first to stop */
	bool timeout;     /* has one, and says it */
	bool vm_only;
};

static const struct deed deeds[] = {
	{ "bulk-start", "status/start", "Starting", "start", false, false, false },
	{ "bulk-shutdown", "status/shutdown", "Shutting down", "shut down", true, true, false },
	{ "bulk-suspend", "status/suspend", "Suspending", "suspend", true, false, true },
	{ "bulk-migrate", "migrate", "Migrating", "migrate", false, false, false },
	{ "startall", "status/start", "Starting", NULL, false, false, false },
	{ "stopall", "status/shutdown", "Stopping", NULL, true, true, false },
	{ "suspendall", "status/suspend", "Suspending", NULL, true, false, true },
	{ "migrateall", "migrate", "Migrating", NULL, false, false, false },
};

static const struct deed *deed_of(const char *type)
{
	size_t i = 0;

	while (strcmp(deeds[i].type, type) != 0)
		i++;
	return &deeds[i];
}

/* ---- one guest ---- */

static void add(struct sim_task *t, const char *key, unsigned vmid)
{
	const char *had = pm_s_task_get(t, key);
	cleanup_buf struct pm_buf list = PM_BUF(0);

	pm_buf_addf(&list, "%s%s%u", had ? had : "", had ? ", " : "", vmid);
	pm_s_task_arg(t, key, pm_buf_str(&list));
}

static const char *target_of(struct pm_sim *s, struct sim_task *t, const struct sim_guest *g)
{
	const struct deed *d = deed_of(t->type);
	const char *timeout = pm_s_task_get(t, "timeout"), *to = pm_s_task_get(t, "target");
	const char *path = pm_arena_printf(s->scratch, "/api2/json/nodes/%s/%s/%u/%s",
		s->node[g->node].name, g->qemu ? "qemu" : "lxc", g->vmid,
		g->paused && !strcmp(d->verb, "status/start") ? "status/resume" : d->verb);

	if (to)
		return pm_arena_printf(s->scratch, "%s?target=%s%s", path, to,
			!g->running ? ""
			: g->qemu   ? "&online=1"
				    : "&restart=1");
	if (d->timeout)
		return pm_arena_printf(s->scratch, "%s?timeout=%s%s", path,
			timeout ? timeout : "180",
			pm_s_task_get(t, "force-stop") && !pm_s_true(pm_s_task_get(t, "force-stop"))
				? ""
				: "&forceStop=1");
	return path;
}

/* Makes the call; the task it gives is noted to be waited for. */
static void call(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	struct json_object *o cleanup_json = NULL;
	struct pm_sim_reply r;
	struct pm_error err;
	char key[24];

	pm_s_subcall(s, t->node, t->user, "POST", target_of(s, t, g), &r);
	(void)snprintf(key, sizeof(key), "task %u", g->vmid);
	if (r.status == 200 && pm_json_parse(r.body, r.nbody, &o, &err) == 0) {
		pm_s_task_arg(t, key, pm_json_str(o, "data"));
	} else {
		pm_s_task_warn(t, "%d %s", r.status, r.reason);
		add(t, "failed", g->vmid);
	}
	pm_sim_reply_done(&r);
}

/* What the cluster's actions leave alone: it is as it should be already. */
static bool skipped(struct sim_task *t, const struct deed *d, const struct sim_guest *g)
{
	bool starts = !strcmp(d->verb, "status/start");

	if (!d->fail || !strcmp(d->verb, "migrate"))
		return false;
	if (starts && g->qemu && g->running && !g->paused)
		pm_s_task_warn(t, "Skipping VM %u, already running.", g->vmid);
	else if (!starts && !g->running)
		pm_s_task_warn(t, "Skipping %s %u, not running.", pm_s_kind(g->qemu), g->vmid);
	else
		return false;
	return true;
}

static void one(struct pm_sim *s, struct sim_task *t, struct sim_guest *g)
{
	const struct deed *d = deed_of(t->type);
	const char *kind = pm_s_kind(g->qemu), *to = pm_s_task_get(t, "target");
	const char *timeout = pm_s_task_get(t, "timeout");

	if (d->vm_only && !g->qemu) {
		pm_s_task_warn(t, "skipping %u, only VMs can be suspended", g->vmid);
		return;
	}
	if (to && !strcmp(to, s->node[g->node].name)) {
		pm_s_task_warn(t, "%s %u already on %s, skipping.", kind, g->vmid, to);
		return;
	}
	if (skipped(t, d, g))
		return;
	if (d->timeout)
		pm_s_task_log(t, "%s %s %u (%simeout = %s seconds)", d->says, kind, g->vmid,
			d->fail ? "T" : "t", timeout ? timeout : "180");
	else
		pm_s_task_log(t, "%s %s %u", d->says, kind, g->vmid);
	call(s, t, g);
}

/* ---- the task ---- */

/* Is the guest one of those asked for? Without a list a node's action has rules of its own. */
static bool wanted(const struct sim_task *t, const struct sim_guest *g)
{
	const char *list = pm_s_task_get(t, "vms");
	const struct deed *d = deed_of(t->type);
	bool forced = pm_s_true(pm_s_task_get(t, "force"));

	if (!d->fail && (g->node != t->node || pm_s_conf_has(&g->cur, "template")))
		return false;
	for (const char *p = list; p; p = *p ? p + 1 : NULL) {
		int64_t vmid;
		char number[16];

		(void)snprintf(number, sizeof(number), "%.*s", (int)strcspn(p, ", "), p);
		if (pm_parse_int(number, 1, INT32_MAX, &vmid) == 0 && (unsigned)vmid == g->vmid)
			break;
		p += strcspn(p, ", ");
		if (!*p)
			return false;
	}
	if (d->fail)
		return true;
	if (!strcmp(d->type, "startall"))
		return !g->running && (forced || pm_s_true(pm_s_conf_get(&g->cur, "onboot")));
	return !strcmp(d->type, "migrateall") || g->running;
}

static void bulk_begin(struct pm_sim *s, struct sim_task *t)
{
	const struct deed *d = deed_of(t->type);
	const char *list = pm_s_task_get(t, "vms"), *to = pm_s_task_get(t, "target");
	size_t n = s->guests.n;

	if (d->fail && to)
		pm_s_task_log(t, "%s guests to %s: %s", d->says, to, list ? list : "all");
	else if (d->fail)
		pm_s_task_log(t, "%s guests: %s", d->says, list ? list : "all");
	for (size_t i = 0; i < n && i < s->guests.n; i++) {
		struct sim_guest *g = s->guests.v[d->backwards && !d->fail ? n - 1 - i : i];

		if (wanted(t, g))
			one(s, t, g);
	}
}

static void bulk_end(struct pm_sim *s, struct sim_task *t)
{
	const struct deed *d = deed_of(t->type);

	for (size_t i = 0; i < t->args.n; i++) {
		struct sim_task *child;

		if (strncmp(t->args.v[i].k, "task ", 5) != 0)
			continue;
		child = pm_s_task_find(s, t->args.v[i].v);
		if (child && child->state != SIM_ENDED) {
			t->more = true;
			t->more_ms = LOOK_MS;
			return;
		}
	}
	for (size_t i = 0; i < t->args.n; i++) {
		const struct sim_task *child = !strncmp(t->args.v[i].k, "task ", 5)
						       ? pm_s_task_find(s, t->args.v[i].v)
						       : NULL;

		if (child && child->fails) {
			pm_s_task_warn(t, "%s", child->fails);
			add(t, "failed", child->vmid);
			i = 0;
			pm_s_conf_del(&t->args, pm_arena_printf(s->scratch, "task %s", child->id));
		}
	}
	if (d->fail && pm_s_task_get(t, "failed"))
		pm_s_task_fail(
			t, "Some guests failed to %s: %s", d->fail, pm_s_task_get(t, "failed"));
}

/* ---- the calls ---- */

/* The ids of the parameter "vms", which is an array or a list. */
static const char *ids_of(struct sim_call *c)
{
	cleanup_buf struct pm_buf list = PM_BUF(0);

	for (size_t i = 0; i < c->p.n; i++) {
		if (strcmp(c->p.v[i].k, "vms") != 0)
			continue;
		for (unsigned j = 0; j < c->p.v[i].nmore; j++)
			pm_buf_addf(&list, "%s%s", j ? ", " : "", c->p.v[i].more[j]);
		if (!c->p.v[i].nmore && c->p.v[i].v)
			pm_buf_adds(&list, c->p.v[i].v);
	}
	return list.len ? pm_arena_strdup(c->a, pm_buf_str(&list)) : NULL;
}

static bool may_all(struct sim_call *c, const char *list, const char *priv)
{
	uint64_t bit = pm_s_priv(priv);

	if (pm_s_may(c, "/", bit))
		return true;
	for (const char *p = list; p && *p;) {
		size_t n = strcspn(p, ", ;");

		if (n && !pm_s_check(c, pm_arena_printf(c->a, "/vms/%.*s", (int)n, p), priv))
			return false;
		p += n;
		p += strspn(p, ", ;");
	}
	return list || pm_s_check(c, "/", priv);
}

static void bulk(struct sim_call *c, const char *type)
{
	static const char *const kept[] = { "timeout", "force", "force-stop", "target" };
	const char *list = ids_of(c), *to = pm_s_arg(c, "target");
	struct sim_task *t;

	if (!may_all(c, list, to ? "VM.Migrate" : "VM.PowerMgmt"))
		return;
	if (to && pm_s_node_index(c->s, to) < 0) {
		pm_s_fail(c, 500, "no such cluster node '%s'", to);
		return;
	}
	t = pm_s_task(c, type, "", 0);
	t->ms = 0;
	t->begin = bulk_begin;
	t->end = bulk_end;
	pm_s_task_arg(t, "vms", list);
	for (size_t i = 0; i < PM_COUNT(kept); i++)
		pm_s_task_arg(t, kept[i], pm_s_arg(c, kept[i]));
	pm_s_task_go(c, t);
}

static void cluster_do(struct sim_call *c)
{
	bulk(c, pm_arena_printf(c->a, "bulk-%s", strrchr(c->route->path, '/') + 1));
}

static void node_do(struct sim_call *c)
{
	if (pm_s_arg(c, "target") && pm_s_node_index(c->s, pm_s_arg(c, "target")) == (int)c->node)
		pm_s_bad(c, "target", "target is local node.");
	else
		bulk(c, strrchr(c->route->path, '/') + 1);
}

/* ---- where a container may go ---- */

static void migrate_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g)
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "running", g->running);
	pm_jw_array(&c->w, "allowed-nodes");
	for (unsigned i = 0; i < c->s->nnodes; i++)
		if (i != g->node && !c->s->node[i].off)
			pm_jw_str(&c->w, NULL, c->s->node[i].name);
	pm_jw_array_end(&c->w);
	pm_jw_raw(&c->w, "not-allowed-nodes", "{}");
	pm_jw_object_end(&c->w);
}

/* ---- several calls in one ---- */

/* The members of "args" as a query. */
static void add_args(struct pm_buf *target, struct json_object *args)
{
	char sign = '?';

	if (!json_object_is_type(args, json_type_object))
		return;
	json_object_object_foreach(args, k, v)
	{
		pm_buf_addf(target, "%c%s=", sign, k);
		for (const char *p = json_object_get_string(v); *p; p++)
			pm_buf_addf(target, "%%%02X", (unsigned char)*p);
		sign = '&';
	}
}

static void execute_one(struct sim_call *c, struct json_object *command)
{
	const char *method = pm_json_str(command, "method"), *path = pm_json_str(command, "path");
	cleanup_buf struct pm_buf target = PM_BUF(0);
	struct pm_sim_reply r;

	pm_buf_addf(&target, "/api2/json/nodes/%s/%s", c->s->node[c->node].name, path);
	add_args(&target, pm_json_get(command, "args"));
	pm_s_subcall(c->s, c->node, c->authid, method, pm_buf_str(&target), &r);
	pm_jw_object(&c->w, NULL);
	pm_jw_int(&c->w, "status", r.status);
	if (r.status == 200) {
		struct json_object *o cleanup_json = NULL;
		struct pm_error err;

		if (pm_json_parse(r.body, r.nbody, &o, &err) == 0)
			pm_jw_raw(
				&c->w, "data", json_object_to_json_string(pm_json_get(o, "data")));
	} else {
		pm_jw_str(&c->w, "message", pm_arena_printf(c->a, "%s\n", r.reason));
	}
	pm_jw_object_end(&c->w);
	pm_sim_reply_done(&r);
}

static void execute(struct sim_call *c)
{
	const char *text = pm_s_arg(c, "commands");
	struct json_object *list cleanup_json = NULL;
	struct pm_error err;

	if (pm_json_parse(text, strlen(text), &list, &err) != 0 ||
		!json_object_is_type(list, json_type_array)) {
		pm_s_bad(c, "commands", "value does not look like valid JSON");
		return;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *o = json_object_array_get_idx(list, i);

		if (!pm_json_str(o, "method") || !pm_json_str(o, "path")) {
			pm_s_bad(c, "commands", "command %zu has no method or no path", i);
			return;
		}
	}
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < json_object_array_length(list); i++)
		execute_one(c, json_object_array_get_idx(list, i));
	pm_jw_array_end(&c->w);
}

#define NODE (SIM_PROTECTED | SIM_NODE)
#define BULK "/cluster/bulk-action/guest"

const struct sim_route pm_s_routes_bulk[] = {
	{ "POST", BULK "/start", cluster_do, SIM_PROTECTED, NULL, NULL },
	{ "POST", BULK "/shutdown", cluster_do, SIM_PROTECTED, NULL, NULL },
	{ "POST", BULK "/suspend", cluster_do, SIM_PROTECTED, NULL, NULL },
	{ "POST", BULK "/migrate", cluster_do, SIM_PROTECTED, NULL, "target" },
	{ "POST", "/nodes/{node}/startall", node_do, NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/stopall", node_do, NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/suspendall", node_do, NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/migrateall", node_do, NODE, NULL, "target" },
	{ "GET", "/nodes/{node}/lxc/{vmid}/migrate", migrate_get, NODE, "/vms/{vmid} VM.Migrate",
		NULL },
	{ "POST", "/nodes/{node}/execute", execute, NODE, NULL, "commands" },
	{ 0 },
};
