/* /nodes/{node}/lxc: the list, the state of one container, its addresses, and the table of all calls. */
#include "sim/lxc_priv.h"

static void guest_index(struct sim_call *c)
{
	pm_s_write_subdirs(c,
		"config pending status vncproxy termproxy vncwebsocket spiceproxy migrate clone rrd rrddata "
		"firewall snapshot resize interfaces");
}

static void status_index(struct sim_call *c)
{
	pm_s_write_subdirs(c, "current start stop shutdown reboot migrate");
}

/* ---- state ---- */

static void write_use(struct sim_call *c, const struct sim_guest *g)
{
	static const char *const counters[] = { "diskread", "diskwrite", "netin", "netout" };

	pm_jw_int(&c->w, "cpu", 0);
	pm_jw_int(&c->w, "mem", g->running ? 3100672 : 0);
	pm_jw_int(&c->w, "disk", g->running ? 2478080 : 0);
	pm_jw_int(&c->w, "swap", 0);
	for (size_t i = 0; i < PM_COUNT(counters); i++)
		pm_jw_int(&c->w, counters[i], g->running ? (int64_t)(220 + 1000 * i) : 0);
	pm_s_process_write(c, g, "0.00");
}

static void write_state(struct sim_call *c, const struct sim_guest *g, bool full)
{
	const char *lock = pm_s_conf_get(&g->cur, "lock"), *tags = pm_s_conf_get(&g->cur, "tags");
	int64_t mb = INT64_C(1) << 20;

	(void)full;
	pm_jw_int(&c->w, "vmid", g->vmid);
	pm_jw_str(&c->w, "type", "lxc");
	pm_jw_str(&c->w, "status", g->running ? "running" : "stopped");
	pm_jw_str(&c->w, "name",
		pm_s_guest_name(g) ? pm_s_guest_name(g) : pm_arena_printf(c->a, "CT%u", g->vmid));
	pm_jw_int(&c->w, "cpus", pm_s_conf_int(&g->cur, "cores", SIM_CPUS));
	pm_jw_int(&c->w, "maxmem", pm_s_conf_int(&g->cur, "memory", 512) * mb);
	pm_jw_int(&c->w, "maxswap", pm_s_conf_int(&g->cur, "swap", 0) * mb);
	pm_jw_int(&c->w, "maxdisk", pm_s_guest_disk(g));
	if (lock)
		pm_jw_str(&c->w, "lock", lock);
	if (tags)
		pm_jw_str(&c->w, "tags", tags);
	if (pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_jw_int(&c->w, "template", 1);
	write_use(c, g);
}

static void list(struct sim_call *c)
{
	pm_s_guests_write(c, false, write_state, false);
}

static void current(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g)
		return;
	pm_jw_object(&c->w, "data");
	write_state(c, g, false);
	pm_s_guest_ha_write(c, g);
	pm_jw_object_end(&c->w);
}

/* ---- addresses ---- */

static void write_address(struct sim_call *c, const char *address, const char *kind)
{
	size_t n = strcspn(address, "/");

	pm_jw_object(&c->w, NULL);
	pm_jw_strn(&c->w, "ip-address", address, n);
	pm_jw_str(&c->w, "ip-address-type", kind);
	pm_jw_str(&c->w, "prefix", address[n] ? address + n + 1 : "");
	pm_jw_object_end(&c->w);
}

/* The link-local address that belongs to a MAC. */
static const char *link_local(struct sim_call *c, const char *mac)
{
	unsigned b[6] = { 0 };

	for (int i = 0; i < 6; i++)
		for (int j = 0; j < 2; j++) {
			char ch = mac[3 * i + j];

			b[i] = b[i] * 16 + (unsigned)(ch >= 'a'   ? ch - 'a' + 10
						      : ch >= 'A' ? ch - 'A' + 10
								  : ch - '0');
		}
	return pm_arena_printf(c->a, "fe80::%x:%xff:fe%02x:%x/64", (b[0] ^ 2) << 8 | b[1], b[2],
		b[3], b[4] << 8 | b[5]);
}

static void write_interface(
	struct sim_call *c, const char *name, const char *mac, const char *inet, const char *inet6)
{
	char *low = pm_arena_strdup(c->a, mac);

	for (char *p = low; *p; p++)
		if (*p >= 'A' && *p <= 'F')
			*p = (char)(*p + 32);
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", name);
	pm_jw_str(&c->w, "hwaddr", low);
	pm_jw_str(&c->w, "hardware-address", low);
	if (inet)
		pm_jw_str(&c->w, "inet", inet);
	if (inet6)
		pm_jw_str(&c->w, "inet6", inet6);
	pm_jw_array(&c->w, "ip-addresses");
	if (inet)
		write_address(c, inet, "inet");
	if (inet6)
		write_address(c, inet6, "inet6");
	pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
}

static void interfaces(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest(c->s, (unsigned)pm_s_arg_int(c, "vmid", 0));

	if (!g || g->node != c->node || !g->running) {
		pm_jw_raw(&c->w, "data", "null");
		return;
	}
	pm_jw_array(&c->w, "data");
	write_interface(c, "lo", "00:00:00:00:00:00", "127.0.0.1/8", "::1/128");
	for (size_t i = 0; i < g->cur.n; i++) {
		struct sim_conf p cleanup_conf = { 0 };
		const char *ip, *mac;

		if (pm_s_numbered(g->cur.v[i].k, "net", 31) < 0)
			continue;
		pm_s_props(&p, g->cur.v[i].v, NULL);
		ip = pm_s_conf_get(&p, "ip");
		mac = pm_s_conf_get(&p, "hwaddr");
		if (mac) /* what waits for a DHCP server is not up yet */
			write_interface(c, pm_s_conf_get(&p, "name"), mac,
				ip && strchr(ip, '/') ? ip : NULL,
				ip && !strcmp(ip, "dhcp") ? NULL : link_local(c, mac));
	}
	pm_jw_array_end(&c->w);
}

static void feature(struct sim_call *c)
{
	if (!pm_s_guest_for(c))
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "hasFeature", 0);
	pm_jw_object_end(&c->w);
}

#define NODE  (SIM_PROTECTED | SIM_NODE)
#define GUEST "/nodes/{node}/lxc/{vmid}"
#define AUDIT "/vms/{vmid} VM.Audit"
#define POWER "/vms/{vmid} VM.PowerMgmt"

const struct sim_route pm_s_routes_lxc[] = {
	{ "GET", GUEST "/pending", pm_s_pending_get, SIM_NODE, AUDIT, NULL },
	{ "GET", GUEST "/config", pm_s_config_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", GUEST "/config", pm_s_lxc_config_put, NODE,
		"/vms/{vmid} VM.Config.Disk|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|"
		"VM.Config.Options",
		NULL },
	{ "GET", GUEST "/status/current", current, NODE, AUDIT, NULL },
	{ "GET", GUEST "/status", status_index, 0, NULL, NULL },
	{ "POST", GUEST "/status/start", pm_s_lxc_start, NODE, POWER, NULL },
	{ "POST", GUEST "/status/stop", pm_s_lxc_stop, NODE, POWER, NULL },
	{ "POST", GUEST "/status/shutdown", pm_s_lxc_shutdown, NODE, POWER, NULL },
	{ "POST", GUEST "/status/reboot", pm_s_lxc_reboot, NODE, POWER, NULL },
	{ "POST", GUEST "/status/suspend", pm_s_lxc_suspend, NODE, POWER, NULL },
	{ "POST", GUEST "/status/resume", pm_s_lxc_resume, NODE, POWER, NULL },
	{ "GET", "/nodes/{node}/lxc", list, NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/lxc", pm_s_lxc_create, NODE, NULL, "vmid ostemplate" },
	{ "GET", GUEST, guest_index, 0, AUDIT, NULL },
	{ "DELETE", GUEST, pm_s_lxc_delete, NODE, "/vms/{vmid} VM.Allocate", NULL },
	{ "GET", GUEST "/interfaces", interfaces, NODE, AUDIT, NULL },
	{ "GET", GUEST "/feature", feature, NODE, AUDIT, NULL },
	{ "PUT", GUEST "/resize", pm_s_lxc_resize, NODE, "/vms/{vmid} VM.Config.Disk",
		"disk size" },
	{ "POST", GUEST "/clone", pm_s_lxc_clone, NODE, "/vms/{vmid} VM.Clone", "newid" },
	{ "POST", GUEST "/template", pm_s_lxc_template, NODE, "/vms/{vmid} VM.Allocate", NULL },
	{ "GET", GUEST "/migrate", pm_s_guest_migrate_get, NODE, "/vms/{vmid} VM.Migrate", NULL },
	{ "POST", GUEST "/migrate", pm_s_guest_migrate, NODE, "/vms/{vmid} VM.Migrate", "target" },
	{ "POST", GUEST "/move_volume", pm_s_lxc_move, NODE, "/vms/{vmid} VM.Config.Disk",
		"volume" },
	{ 0 },
};
