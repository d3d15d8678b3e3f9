/* The guest agent of virtual machines. One that is configured answers while the machine runs: its
 * addresses are those of ipconfigN, nothing else is known of what runs inside. */
#include "sim/qemu_priv.h"

void pm_s_vm_agent_index(struct sim_call *c)
{
	static const char *const names[] = { "exec", "exec-status", "file-read", "file-write",
		"fsfreeze-freeze", "fsfreeze-status", "fsfreeze-thaw", "fstrim", "get-fsinfo",
		"get-host-name", "get-memory-block-info", "get-memory-blocks", "get-osinfo",
		"get-time", "get-timezone", "get-users", "get-vcpus", "info",
		"network-get-interfaces", "ping", "set-user-password", "shutdown", "suspend-disk",
		"suspend-hybrid", "suspend-ram" };

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < PM_COUNT(names); i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "name", names[i]);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

/* ---- its answers ---- */

static void address(struct sim_call *c, const char *cidr, const char *kind)
{
	size_t n = cidr ? strcspn(cidr, "/") : 0;

	if (!cidr || !cidr[n])
		return;
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "ip-address-type", kind);
	pm_jw_strn(&c->w, "ip-address", cidr, n);
	pm_jw_int(&c->w, "prefix", pm_s_number(cidr + n + 1, 0));
	pm_jw_object_end(&c->w);
}

static void interface(
	struct sim_call *c, const char *name, const char *mac, const char *inet, const char *inet6)
{
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "name", name);
	pm_jw_str(&c->w, "hardware-address", mac);
	pm_jw_array(&c->w, "ip-addresses");
	address(c, inet, "ipv4");
	address(c, inet6, "ipv6");
	pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
}

static void interfaces(struct sim_call *c, const struct sim_guest *g)
{
	pm_jw_array(&c->w, "result");
	interface(c, "lo", "00:00:00:00:00:00", "127.0.0.1/8", "::1/128");
	for (size_t i = 0; i < g->cur.n; i++) {
		const struct sim_kv *card = &g->cur.v[i];
		size_t at = strcspn(card->v, "="), n = strcspn(card->v, ",");
		struct sim_conf p cleanup_conf = { 0 };
		const char *ip;
		char *mac;

		if (pm_s_numbered(card->k, "net", 31) < 0 || at >= n)
			continue;
		ip = pm_s_conf_get(
			&g->cur, pm_arena_printf(c->a, "ipconfig%s", card->k + strlen("net")));
		pm_s_props(&p, ip ? ip : "", NULL);
		mac = pm_arena_strndup(c->a, card->v + at + 1, n - at - 1);
		for (char *q = mac; *q; q++)
			if (*q >= 'A' && *q <= 'F')
				*q = (char)(*q + 32);
		interface(c, pm_arena_printf(c->a, "eth%s", card->k + strlen("net")), mac,
			pm_s_conf_get(&p, "ip"), pm_s_conf_get(&p, "ip6"));
	}
	pm_jw_array_end(&c->w);
}

/* What it is asked: the last part of the path, or the parameter of the old way. */
static const char *command_of(const struct sim_call *c)
{
	const char *last = strrchr(c->route->path, '/') + 1;

	return strcmp(last, "agent") != 0 ? last : pm_s_arg(c, "command");
}

static void answer(struct sim_call *c, const struct sim_guest *g, const char *command)
{
	const char *name = pm_s_guest_name(g);

	if (!strcmp(command, "network-get-interfaces")) {
		interfaces(c, g);
	} else if (!strcmp(command, "get-host-name")) {
		pm_jw_object(&c->w, "result");
		pm_jw_str(&c->w, "host-name", name ? name : "localhost");
		pm_jw_object_end(&c->w);
	} else if (!strcmp(command, "get-time")) {
		pm_jw_int(&c->w, "result", c->s->wall_ms * 1000000);
	} else if (!strcmp(command, "fsfreeze-status")) {
		pm_jw_str(&c->w, "result", "thawed");
	} else if (!strncmp(command, "fsfreeze", 8)) {
		pm_jw_int(&c->w, "result", 1);
	} else if (!strcmp(command, "info")) {
		pm_jw_raw(&c->w, "result", "{\"version\":\"7.2.0\",\"supported_commands\":[]}");
	} else if (!strncmp(command, "get-", 4)) {
		pm_jw_raw(&c->w, "result", "[]");
	} else {
		pm_jw_raw(&c->w, "result", "{}");
	}
}

void pm_s_vm_agent_call(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *command = command_of(c);

	if (!g)
		return;
	if (!pm_s_conf_get(&g->cur, "agent")) {
		pm_s_fail(c, 500, "No QEMU guest agent configured");
	} else if (!g->running) {
		pm_s_fail(c, 500, "VM %u is not running", g->vmid);
	} else if (!pm_s_vm_agent(&g->cur) || g->paused) {
		pm_s_fail(c, 500, "QEMU guest agent is not running");
	} else {
		pm_jw_object(&c->w, "data");
		answer(c, g, command ? command : "");
		pm_jw_object_end(&c->w);
		/* It goes down by itself: what is pending waits for the next start. */
		if (command && !strcmp(command, "shutdown")) {
			g->running = false;
			pm_s_guest_touch(c->s, g);
		}
	}
}
