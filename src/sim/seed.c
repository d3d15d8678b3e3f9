/* --seed-guests: a repeatable inventory of plausible containers, and on request the manifests they would
 * have been made from, so that a plan of them has nothing to do. The marker is written as text: what
 * podmox reads must not come from podmox's own code. */
#include <errno.h>
#include <fcntl.h>

#include "base/file.h"
#include "base/map.h"
#include "sim/sim_priv.h"

#define FIRST_VMID 1000
#define SET        "sim"
#define NAMESPACES 20

struct role {
	const char *name, *tier, *mount, *tag;
	unsigned cores, memory, swap, root, data; /* MiB and GiB; data 0: no volume */
	unsigned vlan, order;
};

static const struct role roles[] = {
	{ "web", "front", "/var/www", "front", 2, 1024, 512, 8, 4, 20, 3 },
	{ "db", "data", "/var/lib/postgresql", "data", 4, 4096, 1024, 8, 40, 30, 1 },
	{ "app", "middle", "/srv/app", "middle", 2, 2048, 512, 10, 8, 20, 2 },
	{ "cache", "data", "/var/lib/redis", "data", 1, 512, 0, 4, 2, 30, 1 },
	{ "mail", "front", "/var/mail", "front", 2, 1024, 512, 8, 60, 10, 4 },
	{ "git", "tools", "/srv/git", "tools", 2, 2048, 1024, 16, 100, 40, 5 },
	{ "queue", "middle", "/var/lib/rabbitmq", "middle", 1, 768, 256, 6, 10, 30, 1 },
	{ "log", "tools", "/var/log/archive", "tools", 1, 512, 512, 4, 200, 40, 6 },
};

struct seeded {
	const struct role *r;
	unsigned i, vmid, node;
	bool running;
	char name[32], ns[32], ip[24];
};

static void describe(const struct pm_sim *s, unsigned i, struct seeded *g)
{
	g->r = &roles[i % PM_COUNT(roles)];
	g->i = i;
	g->vmid = FIRST_VMID + i;
	g->node = i % s->nnodes;
	g->running = i % 16 != 15;
	(void)snprintf(g->name, sizeof(g->name), "%s-%05u", g->r->name, i);
	(void)snprintf(g->ns, sizeof(g->ns), "team-%02u", i / 8 % NAMESPACES);
	(void)snprintf(
		g->ip, sizeof(g->ip), "10.%u.%u.%u", 1 + i / 50000, i / 250 % 200, 2 + i % 250);
}

/* ---- the guest ---- */

static char *description(const struct seeded *g, const char *uid)
{
	struct pm_buf b = PM_BUF(0);

	pm_buf_addf(&b, "%s of %s, made by podmox-sim.\n", g->r->name, g->ns);
	pm_buf_addf(&b,
		"<!-- podmox: {\"v\":1,\"set\":\"" SET
		"\",\"kind\":\"Pod\",\"ns\":\"%s\",\"name\":\"%s\","
		"\"uid\":\"%s\",\"vmid\":%u,\"root\":\"\",\"image\":\"local:vztmpl/" SIM_TEMPLATE
		"\","
		"\"hash\":\"0000000000000000\",\"done\":true,\"fields\":\"unprivileged hostname cores "
		"memory swap rootfs:size mp0:mp,size,backup net0:name,bridge,ip,gw,firewall,tag nameserver "
		"searchdomain features:nesting onboot startup:order,up tags description\"} -->\n",
		g->ns, g->name, uid, g->vmid);
	return pm_buf_steal(&b);
}

static void set_number(struct sim_conf *c, const char *k, unsigned n)
{
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", n);
	pm_s_conf_set(c, k, text);
}

static void add_volume(
	struct pm_sim *s, const struct seeded *g, unsigned n, unsigned gib, char out[64])
{
	(void)snprintf(out, 64, "local-lvm:vm-%u-disk-%u", g->vmid, n);
	pm_s_volume_add(s, out, (int)g->node, (int64_t)gib << 30);
}

static void add_guest(struct pm_sim *s, const struct seeded *g, const char *set_tag)
{
	struct sim_guest *to = pm_s_guest_add(s, g->vmid, g->node, false);
	struct sim_conf *c = &to->cur;
	cleanup_free char *mac = pm_s_mac(s), *text = NULL, *tags = NULL;
	char uid[33], volid[64], line[256];

	pm_s_random_hex(s, uid, 32, false);
	text = description(g, uid);
	(void)snprintf(line, sizeof(line), "podmox,%s,%s,prod", set_tag, g->r->tag);
	tags = pm_s_tags(line);
	pm_s_conf_set(c, "arch", "amd64");
	pm_s_conf_set(c, "ostype", "debian");
	pm_s_conf_set(c, "unprivileged", "1");
	pm_s_conf_set(c, "hostname", g->name);
	pm_s_conf_set(c, "description", text);
	pm_s_conf_set(c, "tags", tags);
	pm_s_conf_set(c, "features", "nesting=1");
	pm_s_conf_set(c, "onboot", "1");
	pm_s_conf_set(c, "nameserver", "10.0.0.53");
	pm_s_conf_set(c, "searchdomain", "example.test");
	set_number(c, "cores", g->r->cores);
	set_number(c, "memory", g->r->memory);
	set_number(c, "swap", g->r->swap);
	(void)snprintf(line, sizeof(line), "order=%u,up=10", g->r->order);
	pm_s_conf_set(c, "startup", line);
	(void)snprintf(line, sizeof(line),
		"name=eth0,bridge=vmbr0,firewall=1,gw=10.0.0.1,hwaddr=%s,ip=%s/8,tag=%u,type=veth",
		mac, g->ip, g->r->vlan);
	pm_s_conf_set(c, "net0", line);
	add_volume(s, g, 0, g->r->root, volid);
	(void)snprintf(line, sizeof(line), "%s,size=%uG", volid, g->r->root);
	pm_s_conf_set(c, "rootfs", line);
	add_volume(s, g, 1, g->r->data, volid);
	(void)snprintf(
		line, sizeof(line), "%s,mp=%s,backup=1,size=%uG", volid, g->r->mount, g->r->data);
	pm_s_conf_set(c, "mp0", line);
	to->running = g->running;
	to->started_ns = s->now_ns;
}

/* ---- the manifest ---- */

static void manifest(const struct pm_sim *s, const struct seeded *g, struct pm_buf *b)
{
	pm_buf_addf(b,
		"apiVersion: podmox/v1\nkind: Pod\nmetadata:\n  name: %s\n  namespace: %s\n  labels:\n"
		"    app: %s\n    tier: %s\nspec:\n  image: local:vztmpl/" SIM_TEMPLATE
		"\n  node: %s\n"
		"  vmid: %u\n  state: %s\n  unprivileged: true\n  hostname: %s\n",
		g->name, g->ns, g->r->name, g->r->tier, s->node[g->node].name, g->vmid,
		g->running ? "running" : "stopped", g->name);
	pm_buf_addf(b,
		"  resources: {cores: %u, memory: %uMi, swap: %uMi}\n  rootfs:\n    storage: local-lvm\n"
		"    size: %uGi\n  volumes:\n    - path: %s\n      storage: local-lvm\n      size: %uGi\n"
		"      backup: true\n",
		g->r->cores, g->r->memory, g->r->swap, g->r->root, g->r->mount, g->r->data);
	pm_buf_addf(b,
		"  network:\n    interfaces:\n      - name: eth0\n        bridge: vmbr0\n        ip: %s/8\n"
		"        gw: 10.0.0.1\n        tag: %u\n        firewall: true\n    dns:\n"
		"      servers: [10.0.0.53]\n      search: [example.test]\n  features:\n    nesting: true\n"
		"  onboot: true\n  startup: {order: %u, up: 10s}\n  tags: [%s, prod]\n"
		"  description: %s of %s, made by podmox-sim.\n",
		g->ip, g->r->vlan, g->r->order, g->r->tag, g->r->name, g->ns);
}

static int write_manifest(const struct pm_sim *s, const struct seeded *g, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0), text = PM_BUF(0);
	int fd cleanup_fd = -1;

	pm_buf_addf(&path, "%s/%s", s->o.seed_manifests, g->ns);
	if (g->i % 8 == 0 && g->i < 8 * NAMESPACES &&
		pm_dir_make(pm_buf_str(&path), 0755, err) != 0)
		return -err->code;
	pm_buf_addf(&path, "/%s.yaml", g->name);
	manifest(s, g, &text);
	fd = open(pm_buf_str(&path), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, text.p, text.len) != (ssize_t)text.len)
		return pm_error_sys(err, errno, "cannot write the manifest %s", pm_buf_str(&path));
	return 0;
}

int pm_s_seed(struct pm_sim *s, struct pm_error *err)
{
	uint64_t h = pm_hash(SET, strlen(SET), 0);
	char tag[24];

	(void)snprintf(tag, sizeof(tag), "podmox-%08x", (unsigned)(uint32_t)(h ^ h >> 32));
	for (unsigned i = 0; i < s->o.seed_guests; i++) {
		struct seeded g;

		describe(s, i, &g);
		add_guest(s, &g, tag);
		if (s->o.seed_manifests && write_manifest(s, &g, err) != 0)
			return -err->code;
	}
	pm_s_collect(s);
	return 0;
}
