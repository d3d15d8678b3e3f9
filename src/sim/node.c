/* /nodes/{node}: what a node tells about itself and the few things that can be set: names, time, services. */
#include "sim/sim_priv.h"

#define NODE   (SIM_PROTECTED | SIM_NODE)
#define AUDIT  "/nodes/{node} Sys.Audit"
#define MODIFY "/nodes/{node} Sys.Modify"

static const char *name_of(const struct sim_call *c)
{
	return c->s->node[c->node].name;
}

/* Settings of one kind of the executing node; made when first asked for. */
static struct sim_object *settings(struct sim_call *c, const char *kind)
{
	struct sim_object *o = pm_s_object(c->s, kind, name_of(c));

	return o ? o : pm_s_object_add(c->s, kind, name_of(c), false);
}

static void node_status(struct sim_call *c)
{
	int64_t up = (int64_t)((c->s->now_ns - c->s->born_ns) / PM_S_NS) + 60;

	pm_jw_object(&c->w, "data");
	pm_jw_raw(&c->w, "boot-info", "{\"mode\":\"legacy-bios\"}");
	pm_jw_int(&c->w, "cpu", 0);
	pm_jw_raw(&c->w, "cpuinfo",
		"{\"cores\":2,\"cpus\":2,\"family\":\"25\",\"flags\":\"fpu\",\"hvm\":\"\",\"mhz\":\"2596.126\","
		"\"model\":\"simulated\",\"sockets\":1,\"user_hz\":100,\"vendor\":\"podmox\"}");
	pm_jw_raw(&c->w, "current-kernel",
		"{\"machine\":\"x86_64\",\"release\":\"6.18.0-pve\",\"sysname\":\"Linux\",\"version\":\"#1 SMP\"}");
	pm_jw_int(&c->w, "idle", 0);
	pm_jw_raw(&c->w, "ksm", "{\"shared\":0}");
	pm_jw_str(&c->w, "kversion", "Linux 6.18.0-pve #1 SMP");
	pm_jw_raw(&c->w, "loadavg", "[\"0.02\",\"0.40\",\"1.00\"]");
	pm_jw_raw(&c->w, "memory",
		"{\"available\":24168980480,\"free\":23000000000,\"total\":25276514304,\"used\":1107533824}");
	pm_jw_str(&c->w, "pveversion", "pve-manager/" SIM_VERSION "/" SIM_REPOID);
	pm_jw_raw(&c->w, "rootfs",
		"{\"avail\":79182438400,\"free\":246990331904,\"total\":270553174016,\"used\":23562842112}");
	pm_jw_raw(&c->w, "swap", "{\"free\":0,\"total\":0,\"used\":0}");
	pm_jw_int(&c->w, "uptime", up);
	pm_jw_int(&c->w, "wait", 0);
	pm_jw_object_end(&c->w);
}

/* A shutdown takes the node away; a reboot of something that never runs long is over at once. */
static void status_post(struct sim_call *c)
{
	const char *command = pm_s_arg(c, "command");

	if (strcmp(command, "reboot") != 0 && strcmp(command, "shutdown") != 0) {
		pm_s_bad(c, "command",
			"value '%s' does not have a value in the enumeration 'reboot, shutdown'",
			command);
		return;
	}
	for (size_t i = 0; i < c->s->guests.n; i++)
		if (c->s->guests.v[i]->node == c->node && c->s->guests.v[i]->running)
			pm_s_halt(c->s, c->s->guests.v[i]);
	c->s->node[c->node].off = !strcmp(command, "shutdown");
	c->r->close = true;
	pm_s_changed(c->s);
}

/* ---- names ---- */

static struct sim_object *dns_of(struct sim_call *c)
{
	struct sim_object *o = settings(c, "node dns");

	if (!o->conf.n) {
		pm_s_conf_set(&o->conf, "search", "rig.test");
		pm_s_conf_set(&o->conf, "dns1", "192.0.2.53");
	}
	return o;
}

static void dns_get(struct sim_call *c)
{
	pm_jw_object(&c->w, "data");
	pm_s_object_write(c, dns_of(c), "");
	pm_jw_object_end(&c->w);
}

static void dns_put(struct sim_call *c)
{
	pm_s_object_take(c, dns_of(c), "search dns1 dns2 dns3");
}

static const char *hosts_text(struct sim_call *c)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	const char *kept = pm_s_conf_get(&settings(c, "node hosts")->conf, "data");

	if (kept)
		return kept;
	pm_buf_adds(&b, "127.0.0.1 localhost\n");
	for (unsigned i = 0; i < c->s->nnodes; i++)
		pm_buf_addf(&b, "%s %s.rig.test %s\n", c->s->node[i].ip, c->s->node[i].name,
			c->s->node[i].name);
	return pm_arena_strdup(c->a, pm_buf_str(&b));
}

static const char *digest_of(struct sim_call *c, const char *text)
{
	char *out = pm_arena_alloc(c->a, 41, 1);

	pm_s_sha1(text, strlen(text), out);
	return out;
}

static void hosts_get(struct sim_call *c)
{
	const char *text = hosts_text(c);

	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "data", text);
	pm_jw_str(&c->w, "digest", digest_of(c, text));
	pm_jw_object_end(&c->w);
}

static void hosts_post(struct sim_call *c)
{
	const char *digest = pm_s_arg(c, "digest");

	if (digest && strcmp(digest, digest_of(c, hosts_text(c))) != 0)
		pm_s_fail(c, 500,
			"detected modified configuration - file changed by other user? Try again.");
	else
		pm_s_object_take(c, settings(c, "node hosts"), "data");
}

/* ---- time ---- */

static void time_get(struct sim_call *c)
{
	const char *zone = pm_s_conf_get(&settings(c, "node time")->conf, "timezone");

	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "localtime", pm_s_node_time(c, c->node));
	pm_jw_int(&c->w, "time", pm_s_node_time(c, c->node));
	pm_jw_str(&c->w, "timezone", zone ? zone : "UTC");
	pm_jw_object_end(&c->w);
}

static void time_put(struct sim_call *c)
{
	pm_s_object_take(c, settings(c, "node time"), "timezone");
}

/* ---- its section of the cluster's configuration ---- */

#define NUMBERS "startall-onboot-delay ballooning-target"

static void config_get(struct sim_call *c)
{
	struct sim_object *o = settings(c, "node config");
	const char *only = pm_s_arg(c, "property");

	pm_jw_object(&c->w, "data");
	if (only && pm_s_conf_get(&o->conf, only))
		pm_jw_str(&c->w, only, pm_s_conf_get(&o->conf, only));
	else if (!only)
		pm_s_object_write(c, o, NUMBERS);
	if (o->conf.n)
		pm_jw_str(&c->w, "digest", pm_s_object_digest(c, "node config"));
	pm_jw_object_end(&c->w);
}

static void config_put(struct sim_call *c)
{
	struct sim_object *o = settings(c, "node config");

	if (!pm_s_object_same(c, "node config"))
		return;
	pm_s_object_take(
		c, o, "description wakeonlan acme acmedomain0 acmedomain1 location " NUMBERS);
	if (pm_s_arg(c, "description")) {
		cleanup_free char *text = pm_s_description(pm_s_arg(c, "description"));

		pm_s_conf_set(&o->conf, "description", text);
	}
}

/* ---- services ---- */

/* Those that run unless they are stopped begin with "+". */
static const char *const services[] = { "chrony", "corosync", "cron", "ksmtuned", "+lxcfs",
	"postfix", "proxmox-firewall", "+pve-cluster", "pve-firewall", "pve-ha-crm", "pve-ha-lrm",
	"pve-lxc-syscalld", "+pvedaemon", "pvefw-logger", "+pveproxy", "+pvescheduler", "+pvestatd",
	"qmeventd", "spiceproxy", "sshd", "syslog", "systemd-journald", "systemd-timesyncd" };

static bool service_runs(struct sim_call *c, const char *row)
{
	const char *set = pm_s_conf_get(&settings(c, "node services")->conf, row + (*row == '+'));

	return set ? !strcmp(set, "running") : *row == '+';
}

static void write_service(struct sim_call *c, const char *key, const char *row)
{
	const char *name = row + (*row == '+');
	bool runs = service_runs(c, row);

	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "service", name);
	pm_jw_str(&c->w, "name", name);
	pm_jw_str(&c->w, "desc", name);
	pm_jw_str(&c->w, "state", runs ? "running" : "dead");
	pm_jw_str(&c->w, "active-state", runs ? "active" : "inactive");
	pm_jw_str(&c->w, "unit-state", "enabled");
	pm_jw_object_end(&c->w);
}

static void services_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < PM_COUNT(services); i++)
		write_service(c, NULL, services[i]);
	pm_jw_array_end(&c->w);
}

/* The row of the service in the path; NULL: noted as bad. */
static const char *service_for(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "service");

	for (size_t i = 0; i < PM_COUNT(services); i++)
		if (!strcmp(services[i] + (*services[i] == '+'), name))
			return services[i];
	pm_s_bad(c, "service", "value '%s' does not have a value in the enumeration", name);
	return NULL;
}

static void service_state(struct sim_call *c)
{
	const char *row = service_for(c);

	if (row)
		write_service(c, "data", row);
}

static void service_end(struct pm_sim *s, struct sim_task *t)
{
	struct sim_object *o = pm_s_object(s, "node services", s->node[t->node].name);

	pm_s_conf_set(&o->conf, t->id, !strcmp(t->type, "srvstop") ? "dead" : "running");
	pm_s_task_log(t, "%s service %s", t->type + 3, t->id);
}

/* The last part of the path is what is to be done. */
static void service_do(struct sim_call *c)
{
	const char *verb = strrchr(c->route->path, '/') + 1;
	struct sim_task *t;

	if (!service_for(c))
		return;
	(void)settings(c, "node services");
	t = pm_s_task(c, pm_arena_printf(c->a, "srv%s", verb), pm_s_arg(c, "service"), 0);
	t->end = service_end;
	pm_s_task_go(c, t);
}

/* ---- subscription ---- */

static void subscription_get(struct sim_call *c)
{
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "status", "notfound");
	pm_jw_str(&c->w, "message", "There is no subscription key");
	pm_jw_raw(&c->w, "serverid", "null");
	pm_jw_str(&c->w, "url", "https://www.proxmox.com/en/proxmox-virtual-environment/pricing");
	pm_jw_object_end(&c->w);
}

static void nothing(struct sim_call *c)
{
	(void)c;
}

#define SERVICE "/nodes/{node}/services/{service}"

const struct sim_route pm_s_routes_node[] = {
	{ "GET", "/nodes/{node}/status", node_status, NODE, AUDIT, NULL },
	{ "POST", "/nodes/{node}/status", status_post, NODE, "/nodes/{node} Sys.PowerMgmt",
		"command" },
	{ "GET", "/nodes/{node}/dns", dns_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", "/nodes/{node}/dns", dns_put, NODE, MODIFY, "search" },
	{ "GET", "/nodes/{node}/hosts", hosts_get, NODE, "/ Sys.Audit", NULL },
	{ "POST", "/nodes/{node}/hosts", hosts_post, NODE, MODIFY, "data" },
	{ "GET", "/nodes/{node}/time", time_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", "/nodes/{node}/time", time_put, NODE, MODIFY, "timezone" },
	{ "GET", "/nodes/{node}/config", config_get, SIM_NODE, "/ Sys.Audit", NULL },
	{ "PUT", "/nodes/{node}/config", config_put, NODE, "/ Sys.Modify", NULL },
	{ "GET", "/nodes/{node}/services", services_get, NODE, AUDIT, NULL },
	{ "GET", SERVICE "/state", service_state, NODE, AUDIT, NULL },
	{ "POST", SERVICE "/start", service_do, NODE, MODIFY, NULL },
	{ "POST", SERVICE "/stop", service_do, NODE, MODIFY, NULL },
	{ "POST", SERVICE "/restart", service_do, NODE, MODIFY, NULL },
	{ "POST", SERVICE "/reload", service_do, NODE, MODIFY, NULL },
	{ "GET", "/nodes/{node}/subscription", subscription_get, SIM_NODE, NULL, NULL },
	{ "DELETE", "/nodes/{node}/subscription", nothing, NODE, MODIFY, NULL },
	{ 0 },
};
