/* Firewalls of the cluster, of nodes, of guests, and security groups: they are stored and listed, nothing is
 * filtered. The scope is the part of the path before "/firewall". */
#include <arpa/inet.h>

#include "base/num.h"
#include "sim/sim_priv.h"

#define RULE_KEYS \
	"action type enable comment macro iface source dest proto sport dport log icmp-type"
#define OPTION_KEYS                                                                                 \
	"enable dhcp ipfilter macfilter ndp radv policy_in policy_out policy_forward log_level_in " \
	"log_level_out ebtables log_ratelimit"
#define NUMBERS "enable dhcp ipfilter macfilter ndp radv ebtables nomatch"

/* "rule guest/100": kind of the objects a call is about. */
static const char *kind_of(struct sim_call *c, const char *what)
{
	const char *vmid = pm_s_arg(c, "vmid"), *group = pm_s_arg(c, "group");

	if (vmid)
		return pm_arena_printf(c->a, "%s guest/%s", what, vmid);
	if (group && !strcmp(what, "rule"))
		return pm_arena_printf(c->a, "rule group/%s", group);
	if (!strncmp(c->path, "/nodes/", 7))
		return pm_arena_printf(c->a, "%s node/%s", what, c->s->node[c->node].name);
	return pm_arena_printf(c->a, "%s cluster", what);
}

static void index_get(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data",
		"[{\"name\":\"rules\"},{\"name\":\"aliases\"},{\"name\":\"ipset\"},{\"name\":\"refs\"},"
		"{\"name\":\"options\"}]");
}

static void empty_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	pm_jw_array_end(&c->w);
}

static void log_get(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data",
		"[{\"n\":1,\"t\":\"unable to open file - No such file or directory\"}]");
	pm_jw_int(&c->w, "total", 1);
}

/* ---- options ---- */

static void options_get(struct sim_call *c)
{
	const char *kind = kind_of(c, "options");
	struct sim_object *o = pm_s_object(c->s, kind, "");

	pm_jw_object(&c->w, "data");
	if (o)
		pm_s_object_write(c, o, NUMBERS);
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, kind));
	pm_jw_object_end(&c->w);
}

static void options_put(struct sim_call *c)
{
	const char *kind = kind_of(c, "options");
	struct sim_object *o = pm_s_object(c->s, kind, "");

	if (!pm_s_object_same(c, kind))
		return;
	pm_s_object_take(c, o ? o : pm_s_object_add(c->s, kind, "", false), OPTION_KEYS);
}

/* ---- rules ---- */

static const char *const macros[] = { "Amanda", "Auth", "BGP", "BitTorrent", "BitTorrent32", "CVS",
	"Ceph", "Citrix", "DAAP", "DCC", "DHCPfwd", "DHCPv6", "DNS", "Distcc", "FTP", "Finger",
	"GNUnet", "GRE", "Git", "HKP", "HTTP", "HTTPS", "ICPV2", "ICQ", "IMAP", "IMAPS", "IPIP",
	"IPsec", "IPsecah", "IPsecnat", "IRC", "Jetdirect", "L2TP", "LDAP", "LDAPS", "MDNS", "MSNP",
	"MSSQL", "Mail", "Munin", "MySQL", "NNTP", "NNTPS", "NTP", "NeighborDiscovery", "OSPF",
	"OpenVPN", "PCA", "PMG", "POP3", "POP3S", "PPtP", "Ping", "PostgreSQL", "Printer", "RDP",
	"RIP", "RNDC", "Razor", "Rdate", "Rsync", "SANE", "SMB", "SMBswat", "SMTP", "SMTPS", "SNMP",
	"SPAMD", "SPICEproxy", "SSH", "SVN", "SixXS", "Squid", "Submission", "Syslog", "TFTP",
	"Telnet", "Telnets", "Time", "Trcrt", "VNC", "VNCL", "Web", "Webcache", "Webmin", "Whois" };

static void macros_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < PM_COUNT(macros); i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "macro", macros[i]);
		pm_jw_str(&c->w, "descr", macros[i]);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static bool macro_known(const char *name)
{
	for (size_t i = 0; i < PM_COUNT(macros); i++)
		if (!strcmp(macros[i], name))
			return true;
	return false;
}

/* 4, 6 or 0: what addresses of a source or destination are. */
static int ip_version(const char *s)
{
	char address[64];
	unsigned char out[16];

	if (!s)
		return 0;
	(void)snprintf(address, sizeof(address), "%.*s", (int)strcspn(s, "/,-"), s);
	return inet_pton(AF_INET, address, out) == 1    ? 4
	       : inet_pton(AF_INET6, address, out) == 1 ? 6
							: 0;
}

/* A set that a rule names and nobody has made. */
static void write_faults(struct sim_call *c, const struct sim_object *o)
{
	static const char *const ends[] = { "source", "dest" };

	for (size_t i = 0; i < PM_COUNT(ends); i++) {
		const char *v = pm_s_conf_get(&o->conf, ends[i]);
		const char *scope = strchr(o->kind, ' ');

		if (!v || *v != '+' ||
			pm_s_object(c->s, pm_arena_printf(c->a, "ipset%s", scope), v + 1) ||
			pm_s_object(c->s, "ipset cluster", v + 1))
			continue;
		pm_jw_object(&c->w, "errors");
		pm_jw_str(&c->w, ends[i], pm_arena_printf(c->a, "no such ipset '%s'", v + 1));
		pm_jw_object_end(&c->w);
		return;
	}
}

static void write_rule(struct sim_call *c, const struct sim_object *o, size_t pos, bool list)
{
	int version = ip_version(pm_s_conf_get(&o->conf, "source"));

	if (!version)
		version = ip_version(pm_s_conf_get(&o->conf, "dest"));
	pm_jw_object(&c->w, list ? NULL : "data");
	pm_s_object_write(c, o, NUMBERS);
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, o->kind));
	if (list)
		pm_jw_int(&c->w, "pos", (int64_t)pos);
	else
		pm_jw_str(&c->w, "pos", pm_s_arg(c, "pos"));
	if (version)
		pm_jw_int(&c->w, "ipversion", version);
	write_faults(c, o);
	pm_jw_object_end(&c->w);
}

static void rules_get(struct sim_call *c)
{
	const char *kind = kind_of(c, "rule");
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++)
		write_rule(c, o, i, true);
	pm_jw_array_end(&c->w);
}

static bool rule_fine(struct sim_call *c)
{
	const char *macro = pm_s_arg(c, "macro");

	if (macro && !macro_known(macro)) {
		pm_s_bad(c, "macro", "unknown macro '%s'", macro);
		return false;
	}
	if (pm_s_arg(c, "dport") && !pm_s_arg(c, "proto") && !macro) {
		pm_s_bad(c, "proto", "missing property - 'dport' requires this property");
		return false;
	}
	return true;
}

static void rules_post(struct sim_call *c)
{
	const char *kind = kind_of(c, "rule");
	struct sim_object *o;

	if (!rule_fine(c) || !pm_s_object_same(c, kind))
		return;
	o = pm_s_object_add(c->s, kind, "", true); /* always the first, whatever "pos" says */
	pm_s_object_take(c, o, RULE_KEYS);
	if (!pm_s_conf_has(&o->conf, "enable"))
		pm_s_conf_set(&o->conf, "enable", "0");
}

static struct sim_object *rule_for(struct sim_call *c)
{
	const char *kind = kind_of(c, "rule");
	int64_t pos = pm_s_arg_int(c, "pos", -1);
	struct sim_object *o = pos >= 0 ? pm_s_object_nth(c->s, kind, (size_t)pos) : NULL;

	if (!o)
		pm_s_fail(c, 500, "no rule at position %s", pm_s_arg(c, "pos"));
	return o;
}

static void rule_get(struct sim_call *c)
{
	struct sim_object *o = rule_for(c);

	if (o)
		write_rule(c, o, 0, false);
}

static void rule_put(struct sim_call *c)
{
	struct sim_object *o = rule_for(c);
	const char *to = pm_s_arg(c, "moveto");

	if (!o || !pm_s_object_same(c, o->kind))
		return;
	if (to)
		pm_s_object_move(c->s, o, (size_t)pm_s_arg_int(c, "moveto", 0));
	else
		pm_s_object_take(c, o, RULE_KEYS);
}

static void rule_delete(struct sim_call *c)
{
	struct sim_object *o = rule_for(c);

	if (o && pm_s_object_same(c, o->kind))
		pm_s_object_del(c->s, o);
}

/* ---- aliases ---- */

static void write_alias(
	struct sim_call *c, const struct sim_object *o, const char *key, bool digest)
{
	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "name", o->id);
	pm_s_object_write(c, o, "");
	pm_jw_int(&c->w, "ipversion", ip_version(pm_s_conf_get(&o->conf, "cidr")));
	if (digest)
		pm_jw_str(&c->w, "digest", pm_s_object_digest(c, o->kind));
	pm_jw_object_end(&c->w);
}

static void aliases_get(struct sim_call *c)
{
	const char *kind = kind_of(c, "alias");
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++)
		write_alias(c, o, NULL, true);
	pm_jw_array_end(&c->w);
}

static void aliases_post(struct sim_call *c)
{
	const char *kind = kind_of(c, "alias"), *name = pm_s_arg(c, "name");

	if (pm_s_object(c->s, kind, name))
		pm_s_bad(c, "name", "alias '%s' already exists", name);
	else
		pm_s_object_take(c, pm_s_object_add(c->s, kind, name, false), "cidr comment");
}

static struct sim_object *alias_for(struct sim_call *c)
{
	struct sim_object *o = pm_s_object(c->s, kind_of(c, "alias"), pm_s_arg(c, "name"));

	if (!o)
		pm_s_bad(c, "name", "no such alias");
	return o;
}

static void alias_get(struct sim_call *c)
{
	struct sim_object *o = alias_for(c);

	if (o)
		write_alias(c, o, "data", false);
}

static void alias_put(struct sim_call *c)
{
	struct sim_object *o = alias_for(c);

	if (!o)
		return;
	pm_s_object_take(c, o, "cidr comment");
	if (pm_s_arg(c, "rename")) {
		free(o->id);
		o->id = pm_xstrdup(pm_s_arg(c, "rename"));
	}
}

static void alias_delete(struct sim_call *c)
{
	struct sim_object *o = pm_s_object(c->s, kind_of(c, "alias"), pm_s_arg(c, "name"));

	if (o)
		pm_s_object_del(c->s, o);
}

/* ---- sets of addresses ---- */

static void write_listed(struct sim_call *c, const char *kind, const char *name)
{
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, name, o->id);
		pm_s_object_write(c, o, NUMBERS);
		pm_jw_str(&c->w, "digest", pm_s_object_digest(c, kind));
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void sets_get(struct sim_call *c)
{
	write_listed(c, kind_of(c, "ipset"), "name");
}

static void sets_post(struct sim_call *c)
{
	const char *kind = kind_of(c, "ipset"), *name = pm_s_arg(c, "name");

	if (pm_s_object(c->s, kind, name))
		pm_s_bad(c, "name", "IPSet '%s' already exists", name);
	else
		pm_s_object_take(c, pm_s_object_add(c->s, kind, name, false), "comment");
}

/* Kind of the entries of the set in the path; NULL when there is no such set, answered then. */
static const char *set_for(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "name");

	if (pm_s_object(c->s, kind_of(c, "ipset"), name))
		return pm_arena_printf(c->a, "%s/%s", kind_of(c, "entry"), name);
	pm_s_fail(c, 500, "no such IPSet '%s'", name);
	return NULL;
}

static void set_get(struct sim_call *c)
{
	const char *kind = set_for(c);

	if (kind)
		write_listed(c, kind, "cidr");
}

static void set_post(struct sim_call *c)
{
	const char *kind = set_for(c), *cidr = pm_s_arg(c, "cidr");

	if (!kind)
		return;
	if (pm_s_object(c->s, kind, cidr))
		pm_s_bad(c, "cidr", "address '%s' already exists", cidr);
	else
		pm_s_object_take(c, pm_s_object_add(c->s, kind, cidr, false), "comment nomatch");
}

static void set_delete(struct sim_call *c)
{
	const char *kind = set_for(c);
	struct sim_object *o;

	if (!kind)
		return;
	if (pm_s_object_nth(c->s, kind, 0) && !pm_s_arg_true(c, "force")) {
		pm_s_fail(c, 500, "IPSet '%s' is not empty", pm_s_arg(c, "name"));
		return;
	}
	while ((o = pm_s_object_nth(c->s, kind, 0)) != NULL)
		pm_s_object_del(c->s, o);
	pm_s_object_del(c->s, pm_s_object(c->s, kind_of(c, "ipset"), pm_s_arg(c, "name")));
}

static struct sim_object *entry_for(struct sim_call *c)
{
	const char *kind = set_for(c);
	struct sim_object *o = kind ? pm_s_object(c->s, kind, pm_s_arg(c, "cidr")) : NULL;

	if (kind && !o)
		pm_s_bad(c, "cidr", "no such IP/Network");
	return o;
}

static void entry_get(struct sim_call *c)
{
	struct sim_object *o = entry_for(c);

	if (!o)
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "cidr", o->id);
	pm_s_object_write(c, o, NUMBERS);
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, o->kind));
	pm_jw_object_end(&c->w);
}

static void entry_put(struct sim_call *c)
{
	struct sim_object *o = entry_for(c);

	if (o)
		pm_s_object_take(c, o, "comment nomatch");
}

static void entry_delete(struct sim_call *c)
{
	struct sim_object *o = entry_for(c);

	if (o)
		pm_s_object_del(c->s, o);
}

/* ---- security groups ---- */

static void groups_get(struct sim_call *c)
{
	write_listed(c, "group cluster", "group");
}

static void groups_post(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "group");

	if (pm_s_object(c->s, "group cluster", name))
		pm_s_bad(c, "group", "Security group '%s' already exists", name);
	else
		pm_s_object_take(c, pm_s_object_add(c->s, "group cluster", name, false), "comment");
}

static void group_delete(struct sim_call *c)
{
	struct sim_object *o = pm_s_object(c->s, "group cluster", pm_s_arg(c, "group"));

	if (!o)
		return;
	if (pm_s_object_nth(c->s, kind_of(c, "rule"), 0))
		pm_s_fail(c, 500, "Security group '%s' is not empty", o->id);
	else
		pm_s_object_del(c->s, o);
}

#define P SIM_PROTECTED
#define N (SIM_PROTECTED | SIM_NODE)

/* The rows of a scope that has all of it. */
#define SCOPE(at, read, write, here)                                                    \
	{ "GET", at, index_get, 0, NULL, NULL },                                        \
		{ "GET", at "/options", options_get, here, read, NULL },                \
		{ "PUT", at "/options", options_put, P | (here), write, NULL },         \
		{ "GET", at "/rules", rules_get, 0, read, NULL },                       \
		{ "POST", at "/rules", rules_post, P, write, "action type" },           \
		{ "GET", at "/rules/{pos}", rule_get, 0, read, NULL },                  \
		{ "PUT", at "/rules/{pos}", rule_put, P, write, NULL },                 \
		{ "DELETE", at "/rules/{pos}", rule_delete, P, write, NULL },           \
		{ "GET", at "/aliases", aliases_get, 0, read, NULL },                   \
		{ "POST", at "/aliases", aliases_post, P, write, "name cidr" },         \
		{ "GET", at "/aliases/{name}", alias_get, 0, read, NULL },              \
		{ "PUT", at "/aliases/{name}", alias_put, P, write, "cidr" },           \
		{ "DELETE", at "/aliases/{name}", alias_delete, P, write, NULL },       \
		{ "GET", at "/ipset", sets_get, 0, read, NULL },                        \
		{ "POST", at "/ipset", sets_post, P, write, "name" },                   \
		{ "GET", at "/ipset/{name}", set_get, 0, read, NULL },                  \
		{ "POST", at "/ipset/{name}", set_post, P, write, "cidr" },             \
		{ "DELETE", at "/ipset/{name}", set_delete, P, write, NULL },           \
		{ "GET", at "/ipset/{name}/{cidr*}", entry_get, P, read, NULL },        \
		{ "PUT", at "/ipset/{name}/{cidr*}", entry_put, P, write, NULL },       \
		{ "DELETE", at "/ipset/{name}/{cidr*}", entry_delete, P, write, NULL }, \
	{                                                                               \
		"GET", at "/refs", empty_get, 0, read, NULL                             \
	}

#define CT      "/nodes/{node}/lxc/{vmid}/firewall"
#define MACHINE "/nodes/{node}/qemu/{vmid}/firewall"
#define NODE    "/nodes/{node}/firewall"
#define GROUPS  "/cluster/firewall/groups"
#define AUDIT   "/ Sys.Audit"
#define MODIFY  "/ Sys.Modify"

const struct sim_route pm_s_routes_firewall[] = {
	SCOPE(CT, "/vms/{vmid} VM.Audit", "/vms/{vmid} VM.Config.Network", SIM_NODE),
	{ "GET", CT "/log", log_get, N, "/vms/{vmid} VM.Console", NULL },
	SCOPE(MACHINE, "/vms/{vmid} VM.Audit", "/vms/{vmid} VM.Config.Network", SIM_NODE),
	{ "GET", MACHINE "/log", log_get, N, "/vms/{vmid} VM.Console", NULL },
	{ "GET", GROUPS, groups_get, 0, NULL, NULL },
	{ "POST", GROUPS, groups_post, P, MODIFY, "group" },
	{ "GET", GROUPS "/{group}", rules_get, 0, AUDIT, NULL },
	{ "POST", GROUPS "/{group}", rules_post, P, MODIFY, "action type" },
	{ "DELETE", GROUPS "/{group}", group_delete, P, MODIFY, NULL },
	{ "GET", GROUPS "/{group}/{pos}", rule_get, 0, AUDIT, NULL },
	{ "PUT", GROUPS "/{group}/{pos}", rule_put, P, MODIFY, NULL },
	{ "DELETE", GROUPS "/{group}/{pos}", rule_delete, P, MODIFY, NULL },
	{ "GET", "/cluster/firewall/macros", macros_get, 0, NULL, NULL },
	SCOPE("/cluster/firewall", AUDIT, MODIFY, 0),
	{ "GET", NODE "/options", options_get, SIM_NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "PUT", NODE "/options", options_put, N, "/nodes/{node} Sys.Modify", NULL },
	{ "GET", NODE "/rules", rules_get, SIM_NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "POST", NODE "/rules", rules_post, N, "/nodes/{node} Sys.Modify", "action type" },
	{ "GET", NODE "/rules/{pos}", rule_get, SIM_NODE, "/nodes/{node} Sys.Audit", NULL },
	{ "PUT", NODE "/rules/{pos}", rule_put, N, "/nodes/{node} Sys.Modify", NULL },
	{ "DELETE", NODE "/rules/{pos}", rule_delete, N, "/nodes/{node} Sys.Modify", NULL },
	{ 0 },
};
