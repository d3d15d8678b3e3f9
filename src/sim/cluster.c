/* /version, /cluster and /nodes: what stands around the guests. */
#include "base/num.h"
#include "sim/sim_priv.h"

static void names(struct sim_call *c, const char *key, const char *list)
{
	pm_jw_array(&c->w, "data");
	while (*list) {
		size_t n = strcspn(list, " ");

		pm_jw_object(&c->w, NULL);
		pm_jw_strn(&c->w, key, list, n);
		pm_jw_object_end(&c->w);
		list += n;
		list += *list == ' ';
	}
	pm_jw_array_end(&c->w);
}

static void root_get(struct sim_call *c)
{
	names(c, "subdir", "version cluster nodes storage access pools");
}

static void cluster_get(struct sim_call *c)
{
	names(c, "name",
		"acme backup backup-info bulk-action ceph config firewall ha jobs log mapping metrics "
		"notifications nextid options qemu replication resources status tasks sdn");
}

static void node_get(struct sim_call *c)
{
	names(c, "name",
		"aplinfo apt capabilities ceph certificates config disks dns firewall hardware hosts "
		"journal lxc migrateall netstat network qemu query-oci-repo-tags query-url-metadata "
		"replication report rrd rrddata scan sdn services spiceshell startall status stopall storage "
		"subscription suspendall syslog tasks termproxy time version vncshell vzdump wakeonlan");
}

static void config_index(struct sim_call *c)
{
	names(c, "name", "nodes totem join qdevice apiversion");
}

static void version_get(struct sim_call *c)
{
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "version", SIM_VERSION);
	pm_jw_str(&c->w, "release", SIM_RELEASE);
	pm_jw_str(&c->w, "repoid", SIM_REPOID);
	pm_jw_object_end(&c->w);
}

static void status_get(struct sim_call *c)
{
	struct pm_sim *s = c->s;

	pm_jw_array(&c->w, "data");
	if (s->nnodes > 1) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "id", "cluster");
		pm_jw_str(&c->w, "name", "rigcluster");
		pm_jw_int(&c->w, "nodes", s->nnodes);
		pm_jw_int(&c->w, "quorate", pm_s_quorate(s));
		pm_jw_str(&c->w, "type", "cluster");
		pm_jw_int(&c->w, "version", 3);
		pm_jw_object_end(&c->w);
	}
	for (unsigned i = 0; i < s->nnodes; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "node/%s", s->node[i].name));
		pm_jw_str(&c->w, "name", s->node[i].name);
		pm_jw_str(&c->w, "type", "node");
		pm_jw_str(&c->w, "ip", s->node[i].ip);
		pm_jw_str(&c->w, "level", "");
		pm_jw_int(&c->w, "local", i == c->asked);
		pm_jw_int(&c->w, "nodeid", s->nnodes > 1 ? (int64_t)i + 1 : 0);
		pm_jw_int(&c->w, "online", !s->node[i].off);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void nodes_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (unsigned i = 0; i < c->s->nnodes; i++)
		pm_s_node_row(c, i, false);
	pm_jw_array_end(&c->w);
}

/* ---- next id ---- */

static void nextid_get(struct sim_call *c)
{
	const char *range = pm_s_conf_get(&c->s->options, "next-id"), *vmid = pm_s_arg(c, "vmid");
	struct sim_conf p cleanup_conf = { 0 };
	int64_t lower, upper;

	pm_s_props(&p, range ? range : "", NULL);
	lower = pm_s_conf_int(&p, "lower", 100);
	upper = pm_s_conf_int(&p, "upper", 1000000);
	if (vmid) {
		if (pm_s_guest(c->s, (unsigned)pm_s_arg_int(c, "vmid", 0)))
			pm_s_bad(c, "vmid", "VM %s already exists", vmid);
		else
			pm_jw_str(&c->w, "data", vmid);
		return;
	}
	for (; lower < upper; lower++)
		if (!pm_s_guest(c->s, (unsigned)lower)) {
			pm_jw_str(&c->w, "data", pm_arena_printf(c->a, "%lld", (long long)lower));
			return;
		}
	pm_s_fail(c, 500, "unable to get any free VMID in range");
}

/* ---- options ---- */

static void write_option(struct sim_call *c, const char *k, const char *v)
{
	struct sim_conf p cleanup_conf = { 0 };
	int64_t n;

	if (!strchr(v, '=') || !strcmp(k, "description")) {
		pm_jw_str(&c->w, k, v);
		return;
	}
	pm_s_props(&p, v, NULL);
	pm_jw_object(&c->w, k);
	for (size_t i = 0; i < p.n; i++)
		if (pm_parse_int(p.v[i].v, INT32_MIN, INT32_MAX, &n) == 0)
			pm_jw_int(&c->w, p.v[i].k, n);
		else
			pm_jw_str(&c->w, p.v[i].k, p.v[i].v);
	pm_jw_object_end(&c->w);
}

static void options_get(struct sim_call *c)
{
	struct sim_conf *o = &c->s->options;

	pm_jw_object(&c->w, "data");
	pm_jw_array(&c->w, "allowed-tags");
	pm_jw_array_end(&c->w);
	if (!pm_s_conf_has(o, "description"))
		pm_jw_str(&c->w, "description", "");
	if (!pm_s_conf_has(o, "mac_prefix"))
		pm_jw_str(&c->w, "mac_prefix", "BC:24:11");
	for (size_t i = 0; i < o->n; i++)
		write_option(c, o->v[i].k, o->v[i].v);
	pm_jw_object_end(&c->w);
}

static void options_put(struct sim_call *c)
{
	const char *gone = pm_s_arg(c, "delete");

	while (gone && *gone) {
		size_t n = strcspn(gone, ",; ");

		pm_s_conf_del(&c->s->options, pm_arena_strndup(c->a, gone, n));
		gone += n;
		gone += *gone != '\0';
	}
	for (size_t i = 0; i < c->p.n; i++) {
		const char *k = c->p.v[i].k, *v = c->p.v[i].v;
		cleanup_free char *text = NULL;

		if (!strcmp(k, "delete") || !v)
			continue;
		text = !strcmp(k, "description") ? pm_s_description(v) : pm_xstrdup(v);
		pm_s_conf_set(&c->s->options, k, text);
	}
	pm_s_changed(c->s);
}

/* ---- a node ---- */

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

static void bridge(struct sim_call *c, unsigned i)
{
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "iface", i ? "vmbr1" : "vmbr0");
	pm_jw_str(&c->w, "type", "bridge");
	pm_jw_int(&c->w, "active", 1);
	pm_jw_int(&c->w, "autostart", 1);
	pm_jw_str(&c->w, "bridge_fd", "0");
	pm_jw_str(&c->w, "bridge_ports", "");
	pm_jw_str(&c->w, "bridge_stp", "off");
	pm_jw_raw(&c->w, "families", "[\"inet\"]");
	pm_jw_str(&c->w, "method", i ? "manual" : "static");
	pm_jw_str(&c->w, "method6", "manual");
	pm_jw_int(&c->w, "priority", i ? 5 : 4);
	if (i) {
		pm_jw_str(&c->w, "bridge_vids", "2-4094");
		pm_jw_int(&c->w, "bridge_vlan_aware", 1);
	} else {
		pm_jw_str(&c->w, "address", "192.0.2.11");
		pm_jw_str(&c->w, "cidr", "192.0.2.11/24");
		pm_jw_str(&c->w, "netmask", "24");
	}
	pm_jw_object_end(&c->w);
}

static void port(struct sim_call *c, unsigned i)
{
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "iface", i ? "eno1" : "eth0");
	pm_jw_str(&c->w, "type", "eth");
	pm_jw_raw(&c->w, "families", "[\"inet\"]");
	pm_jw_str(&c->w, "method", "manual");
	pm_jw_str(&c->w, "method6", "manual");
	if (i) {
		pm_jw_int(&c->w, "priority", 3);
	} else {
		pm_jw_int(&c->w, "active", 1);
		pm_jw_int(&c->w, "exists", 1);
	}
	pm_jw_object_end(&c->w);
}

static void network_get(struct sim_call *c)
{
	const char *type = pm_s_arg(c, "type");

	pm_jw_array(&c->w, "data");
	for (unsigned i = 0; i < 2; i++) {
		if (!type || strstr(type, "bridge"))
			bridge(c, i);
		if (!type || !strcmp(type, "eth"))
			port(c, i);
	}
	pm_jw_array_end(&c->w);
}

static void dns_get(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data", "{\"dns1\":\"192.0.2.53\",\"search\":\"rig.test\"}");
}

static void time_get(struct sim_call *c)
{
	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "localtime", pm_s_node_time(c, c->node));
	pm_jw_int(&c->w, "time", pm_s_node_time(c, c->node));
	pm_jw_str(&c->w, "timezone", "UTC");
	pm_jw_object_end(&c->w);
}

static void node_config(struct sim_call *c)
{
	struct sim_conf *o = &c->s->node[c->node].config;

	pm_jw_object(&c->w, "data");
	for (size_t i = 0; i < o->n; i++)
		pm_jw_str(&c->w, o->v[i].k, o->v[i].v);
	pm_jw_object_end(&c->w);
}

static void nothing_yet(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	pm_jw_array_end(&c->w);
}

static void config_nodes(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (unsigned i = 0; i < c->s->nnodes && c->s->nnodes > 1; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "name", c->s->node[i].name);
		pm_jw_str(&c->w, "node", c->s->node[i].name);
		pm_jw_str(&c->w, "nodeid", pm_arena_printf(c->a, "%u", i + 1));
		pm_jw_str(&c->w, "quorum_votes", "1");
		pm_jw_str(&c->w, "ring0_addr", c->s->node[i].ip);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

#define NODE (SIM_PROTECTED | SIM_NODE)

const struct sim_route pm_s_routes_cluster[] = {
	{ "GET", "/cluster/resources", pm_s_resources, 0, NULL, NULL },
	{ "GET", "/version", version_get, 0, NULL, NULL },
	{ "GET", "/", root_get, 0, NULL, NULL },
	{ "GET", "/cluster", cluster_get, 0, NULL, NULL },
	{ "GET", "/cluster/status", status_get, SIM_PROTECTED, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/nextid", nextid_get, 0, NULL, NULL },
	{ "GET", "/cluster/options", options_get, 0, NULL, NULL },
	{ "PUT", "/cluster/options", options_put, SIM_PROTECTED, "/ Sys.Modify", NULL },
	{ "GET", "/cluster/config", config_index, 0, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/config/nodes", config_nodes, 0, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/backup", nothing_yet, 0, NULL, NULL },
	{ "GET", "/cluster/replication", nothing_yet, 0, NULL, NULL },
	{ "GET", "/nodes", nodes_get, 0, NULL, NULL },
	{ "GET", "/nodes/{node}", node_get, 0, NULL, NULL },
	{ "GET", "/nodes/{node}/version", version_get, SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/status", node_status, NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "GET", "/nodes/{node}/network", network_get, SIM_NODE, NULL, NULL },
	{ "GET", "/nodes/{node}/dns", dns_get, SIM_NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "GET", "/nodes/{node}/time", time_get, SIM_NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "GET", "/nodes/{node}/config", node_config, SIM_NODE, "/ Sys.Audit", NULL },
	{ 0 },
};
