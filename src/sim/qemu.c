/* /nodes/{node}/qemu: the list, the state of one virtual machine, and the table of all calls. */
#include "sim/qemu_priv.h"

static void guest_index(struct sim_call *c)
{
	pm_s_write_subdirs(c,
		"config pending status unlink vncproxy termproxy migrate resize move rrd rrddata "
		"monitor agent snapshot spiceproxy sendkey firewall mtunnel remote_migrate");
}

static void status_index(struct sim_call *c)
{
	pm_s_write_subdirs(c, "current start stop reset shutdown suspend reboot");
}

/* ---- state ---- */

static void write_use(struct sim_call *c, const struct sim_guest *g)
{
	int64_t mb = INT64_C(1) << 20, used = g->running ? pm_s_vm_memory(&g->cur) * mb / 4 : 0;

	pm_jw_int(&c->w, "cpu", 0);
	pm_jw_int(&c->w, "mem", used);
	pm_jw_int(&c->w, "memhost", used);
	pm_jw_int(&c->w, "disk", 0);
	pm_jw_int(&c->w, "netin", 0);
	pm_jw_int(&c->w, "netout", 0);
	pm_s_process_write(c, g, NULL);
}

static bool has_serial(const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++)
		if (pm_s_numbered(g->cur.v[i].k, "serial", 3) >= 0)
			return true;
	return false;
}

static void write_state(struct sim_call *c, const struct sim_guest *g, bool full)
{
	const char *lock = pm_s_conf_get(&g->cur, "lock"), *tags = pm_s_conf_get(&g->cur, "tags");
	const char *name = pm_s_guest_name(g);
	int64_t mb = INT64_C(1) << 20, balloon = pm_s_conf_int(&g->cur, "balloon", 0);

	pm_jw_int(&c->w, "vmid", g->vmid);
	pm_jw_str(&c->w, "status", g->running ? "running" : "stopped");
	pm_jw_str(&c->w, "name", name ? name : pm_arena_printf(c->a, "VM %u", g->vmid));
	pm_jw_int(&c->w, "cpus", pm_s_vm_cpus(&g->cur));
	pm_jw_int(&c->w, "maxmem", pm_s_vm_memory(&g->cur) * mb);
	pm_jw_int(&c->w, "maxdisk", pm_s_guest_disk(g));
	if (balloon > 0) {
		pm_jw_int(&c->w, "balloon_min", balloon * mb);
		pm_jw_int(&c->w, "shares", pm_s_conf_int(&g->cur, "shares", 1000));
	}
	if (lock)
		pm_jw_str(&c->w, "lock", lock);
	if (tags)
		pm_jw_str(&c->w, "tags", tags);
	if (pm_s_true(pm_s_conf_get(&g->cur, "template")))
		pm_jw_int(&c->w, "template", 1);
	if (has_serial(g))
		pm_jw_int(&c->w, "serial", 1);
	if (full)
		pm_jw_str(&c->w, "qmpstatus",
			!g->running ? "stopped"
			: g->paused ? "paused"
				    : "running");
	write_use(c, g);
}

static void list(struct sim_call *c)
{
	pm_s_guests_write(c, true, write_state, pm_s_arg_true(c, "full"));
}

static void current(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *vga = g ? pm_s_conf_get(&g->cur, "vga") : NULL;

	if (!g)
		return;
	pm_jw_object(&c->w, "data");
	write_state(c, g, true);
	if (pm_s_vm_agent(&g->cur))
		pm_jw_int(&c->w, "agent", 1);
	if (vga && (!strncmp(vga, "qxl", 3) || !strncmp(vga, "virtio", 6)))
		pm_jw_int(&c->w, "spice", 1);
	pm_s_guest_ha_write(c, g);
	pm_jw_object_end(&c->w);
}

/* ---- what else is told ---- */

static bool has_feature(const struct pm_sim *s, const struct sim_conf *conf, const char *what)
{
	for (size_t i = 0; i < conf->n; i++) {
		cleanup_free char *volid = pm_s_disk_volume(&conf->v[i]);

		if (!volid || pm_s_is_cdrom(conf->v[i].v) || !strcmp(what, "copy"))
			continue;
		if (!strcmp(what, "clone") ? !strstr(volid, "base-") : !pm_s_volume_able(s, volid))
			return false;
	}
	return true;
}

static void feature(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *snap = pm_s_arg(c, "snapname");
	struct sim_snap *sn = g && snap ? pm_s_snap(g, snap, NULL) : NULL;

	if (!g)
		return;
	if (snap && !sn) {
		pm_s_fail(c, 500, "snapshot '%s' does not exist", snap);
		return;
	}
	pm_jw_object(&c->w, "data");
	pm_jw_int(&c->w, "hasFeature",
		has_feature(c->s, sn ? &sn->conf : &g->cur, pm_s_arg(c, "feature")));
	pm_jw_array(&c->w, "nodes");
	for (unsigned i = 0; i < c->s->nnodes; i++)
		pm_jw_str(&c->w, NULL, c->s->node[i].name);
	pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
}

static void sendkey(struct sim_call *c)
{
	const struct sim_guest *g = pm_s_guest_here(c);

	if (pm_s_root_option(c, "skiplock") && !(g && g->running))
		pm_s_fail(c, 500, "VM %s not running", pm_s_arg(c, "vmid"));
}

#define NODE      (SIM_PROTECTED | SIM_NODE)
#define GUEST     "/nodes/{node}/qemu/{vmid}"
#define STATUS    GUEST "/status"
#define AGENT     GUEST "/agent"
#define VM        "/vms/{vmid} "
#define AUDIT     VM "VM.Audit"
#define POWER     VM "VM.PowerMgmt"
#define DISK      VM "VM.Config.Disk"
#define LOOK      VM "VM.GuestAgent.Audit|VM.GuestAgent.Unrestricted"
#define FILES     VM "VM.GuestAgent.FileSystemMgmt|VM.GuestAgent.Unrestricted"
#define AGENT_OFF VM "VM.PowerMgmt|VM.GuestAgent.Unrestricted"
#define ASK       pm_s_vm_agent_call
#define CONFIG                                                                                \
	VM "VM.Config.Disk|VM.Config.CDROM|VM.Config.CPU|VM.Config.Memory|VM.Config.Network|" \
	   "VM.Config.HWType|VM.Config.Options|VM.Config.Cloudinit"

const struct sim_route pm_s_routes_qemu[] = {
	{ "GET", GUEST "/pending", pm_s_pending_get, SIM_NODE, AUDIT, NULL },
	{ "GET", GUEST "/config", pm_s_config_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", GUEST "/config", pm_s_vm_config_put, NODE, CONFIG, NULL },
	{ "POST", GUEST "/config", pm_s_vm_config_post, NODE, CONFIG, NULL },
	{ "GET", STATUS "/current", current, NODE, AUDIT, NULL },
	{ "GET", STATUS, status_index, SIM_NODE, NULL, NULL },
	{ "POST", STATUS "/start", pm_s_vm_start, NODE, POWER, NULL },
	{ "POST", STATUS "/stop", pm_s_vm_stop, NODE, POWER, NULL },
	{ "POST", STATUS "/shutdown", pm_s_vm_shutdown, NODE, POWER, NULL },
	{ "POST", STATUS "/reboot", pm_s_vm_reboot, NODE, POWER, NULL },
	{ "POST", STATUS "/reset", pm_s_vm_reset, NODE, POWER, NULL },
	{ "POST", STATUS "/suspend", pm_s_vm_suspend, NODE, POWER, NULL },
	{ "POST", STATUS "/resume", pm_s_vm_resume, NODE, POWER, NULL },
	{ "GET", "/nodes/{node}/qemu", list, NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/qemu", pm_s_vm_create, NODE, NULL, "vmid" },
	{ "GET", GUEST, guest_index, SIM_NODE, NULL, NULL },
	{ "DELETE", GUEST, pm_s_vm_delete, NODE, VM "VM.Allocate", NULL },
	{ "GET", GUEST "/feature", feature, NODE, AUDIT, "feature" },
	{ "PUT", GUEST "/resize", pm_s_vm_resize, NODE, DISK, "disk size" },
	{ "POST", GUEST "/move_disk", pm_s_vm_move_disk, NODE, DISK, "disk" },
	{ "PUT", GUEST "/unlink", pm_s_vm_unlink, NODE, DISK, "idlist" },
	{ "PUT", GUEST "/sendkey", sendkey, NODE, VM "VM.Console", "key" },
	{ "POST", GUEST "/clone", pm_s_vm_clone, NODE, VM "VM.Clone", "newid" },
	{ "POST", GUEST "/template", pm_s_vm_template, NODE, VM "VM.Allocate", NULL },
	{ "GET", GUEST "/migrate", pm_s_guest_migrate_get, NODE, VM "VM.Migrate", NULL },
	{ "POST", GUEST "/migrate", pm_s_guest_migrate, NODE, VM "VM.Migrate", "target" },
	{ "GET", GUEST "/cloudinit", pm_s_vm_cloudinit_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", GUEST "/cloudinit", pm_s_vm_cloudinit_put, NODE, VM "VM.Config.Cloudinit", NULL },
	{ "GET", GUEST "/cloudinit/dump", pm_s_vm_cloudinit_dump, SIM_NODE, AUDIT, "type" },
	{ "GET", AGENT, pm_s_vm_agent_index, SIM_NODE, NULL, NULL },
	{ "POST", AGENT, ASK, NODE, VM "VM.GuestAgent.Unrestricted", "command" },
	{ "POST", AGENT "/ping", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/info", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/network-get-interfaces", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-time", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-timezone", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-host-name", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-osinfo", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-users", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-vcpus", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-fsinfo", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-memory-blocks", ASK, NODE, LOOK, NULL },
	{ "GET", AGENT "/get-memory-block-info", ASK, NODE, LOOK, NULL },
	{ "POST", AGENT "/fsfreeze-status", ASK, NODE, FILES "|VM.GuestAgent.Audit", NULL },
	{ "POST", AGENT "/fsfreeze-freeze", ASK, NODE, FILES, NULL },
	{ "POST", AGENT "/fsfreeze-thaw", ASK, NODE, FILES, NULL },
	{ "POST", AGENT "/fstrim", ASK, NODE, FILES, NULL },
	{ "POST", AGENT "/shutdown", ASK, NODE, AGENT_OFF, NULL },
	{ 0 },
};
