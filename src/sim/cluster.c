/* /version, /cluster and /nodes: what stands around the guests. */
#include "base/num.h"
#include "sim/sim_priv.h"

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

static void write_member(struct sim_call *c, unsigned i)
{
	const struct sim_node *n = &c->s->node[i];

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", n->name);
	pm_jw_str(&c->w, "nodeid", pm_arena_printf(c->a, "%u", i + 1));
	pm_jw_str(&c->w, "pve_addr", n->ip);
	pm_jw_str(&c->w, "pve_fp", n->fingerprint ? n->fingerprint : "");
	pm_jw_str(&c->w, "quorum_votes", "1");
	pm_jw_str(&c->w, "ring0_addr", n->ip);
	pm_jw_object_end(&c->w);
}

static void join_get(struct sim_call *c)
{
	const char *preferred = pm_s_arg(c, "node");
	char digest[41];

	if (c->s->nnodes < 2) {
		pm_s_fail(c, 424, "node is not in a cluster, no join info available!");
		return;
	}
	pm_s_sha1(c->s->node, sizeof(c->s->node[0].name), digest);
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "config_digest", digest);
	pm_jw_str(&c->w, "preferred_node", preferred ? preferred : c->s->node[c->asked].name);
	pm_jw_array(&c->w, "nodelist");
	for (unsigned i = 0; i < c->s->nnodes; i++)
		write_member(c, i);
	pm_jw_array_end(&c->w);
	pm_jw_raw(&c->w, "totem",
		"{\"cluster_name\":\"rigcluster\",\"config_version\":\"3\","
		"\"interface\":{\"0\":{\"linknumber\":\"0\"}},\"ip_version\":\"ipv4-6\","
		"\"link_mode\":\"passive\",\"secauth\":\"on\",\"version\":\"2\"}");
	pm_jw_object_end(&c->w);
}

/* The one target that every installation has. */
static void targets_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "comment", "Send mails to root@pam's email address");
	pm_jw_str(&c->w, "name", "mail-to-root");
	pm_jw_str(&c->w, "origin", "builtin");
	pm_jw_str(&c->w, "type", "sendmail");
	pm_jw_object_end(&c->w);
	pm_jw_array_end(&c->w);
}

const struct sim_route pm_s_routes_cluster[] = {
	{ "GET", "/cluster/resources", pm_s_resources, 0, NULL, NULL },
	{ "GET", "/version", version_get, 0, NULL, NULL },
	{ "GET", "/cluster/status", status_get, SIM_PROTECTED, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/nextid", nextid_get, 0, NULL, NULL },
	{ "GET", "/cluster/options", options_get, 0, NULL, NULL },
	{ "PUT", "/cluster/options", options_put, SIM_PROTECTED, "/ Sys.Modify", NULL },
	{ "GET", "/cluster/config/nodes", config_nodes, 0, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/config/join", join_get, 0, "/ Sys.Audit", NULL },
	{ "GET", "/cluster/notifications/targets", targets_get, SIM_PROTECTED,
		"/mapping/notifications Mapping.Modify|Mapping.Audit|Mapping.Use", NULL },
	{ "GET", "/nodes", nodes_get, 0, NULL, NULL },
	{ "GET", "/nodes/{node}/version", version_get, SIM_NODE, NULL, NULL },
	{ 0 },
};
