/* Cloud-init of virtual machines: what their drive says, and what changed since it was made. */
#include "sim/qemu_priv.h"

static const char *const plain[] = { "cicustom", "cipassword", "citype", "ciuser", "ciupgrade",
	"nameserver", "searchdomain", "sshkeys" };

static bool on_drive(const char *k)
{
	for (size_t i = 0; i < PM_COUNT(plain); i++)
		if (!strcmp(plain[i], k))
			return true;
	return !strcmp(k, "name") || pm_s_numbered(k, "ipconfig", 31) >= 0 ||
	       pm_s_numbered(k, "net", 31) >= 0;
}

static bool has_drive(const struct sim_guest *g)
{
	for (size_t i = 0; i < g->cur.n; i++)
		if (pm_s_is_drive(g->cur.v[i].k) && pm_s_is_cloudinit(g->cur.v[i].v))
			return true;
	return false;
}

void pm_s_vm_cloudinit_note(struct sim_guest *g, const char *key, const char *old, const char *new)
{
	const char *made = pm_s_conf_get(&g->ci, key);

	if (!on_drive(key) || (!old && !new))
		return;
	if (!pm_s_conf_has(&g->ci, key))
		pm_s_conf_set(&g->ci, key, old); /* NULL: it was not there */
	else if ((!new && !made) || (new &&made && !strcmp(new, made)))
		pm_s_conf_del(&g->ci, key);
}

/* ---- what changed ---- */

static void write_row(struct sim_call *c, const struct sim_guest *g, const char *k)
{
	const char *now = pm_s_conf_get(&g->cur, k), *made = pm_s_conf_get(&g->ci, k);
	bool changed = pm_s_conf_has(&g->ci, k);

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "key", k);
	if (changed ? made && now : now != NULL)
		pm_s_write_option(&c->w, true, "value", k, changed ? made : now);
	if (changed && now)
		pm_s_write_option(&c->w, true, "pending", k, now);
	if (changed && !now)
		pm_jw_int(&c->w, "delete", 1);
	pm_jw_object_end(&c->w);
}

void pm_s_vm_cloudinit_get(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g)
		return;
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < g->ci.n; i++)
		write_row(c, g, g->ci.v[i].k);
	for (size_t i = 0; i < PM_COUNT(plain); i++)
		if (pm_s_conf_get(&g->cur, plain[i]) && !pm_s_conf_has(&g->ci, plain[i]))
			write_row(c, g, plain[i]);
	pm_jw_array_end(&c->w);
}

void pm_s_vm_cloudinit_put(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);

	if (!g || !pm_s_lock_now(c, g) || pm_s_locked(c, g) || !pm_s_can_write(c, g))
		return;
	if (!has_drive(g))
		return;
	pm_s_conf_done(&g->ci);
	pm_s_guest_touch(c->s, g);
}

/* ---- what the drive says ---- */

/* Words of a list, one a line, each after `before`. */
static void lines_of(struct pm_buf *b, const char *words, const char *separators,
	const char *before, const char *after)
{
	while (words && *words) {
		size_t n = strcspn(words, separators);

		if (n)
			pm_buf_addf(b, "%s%.*s%s\n", before, (int)n, words, after);
		words += n;
		words += *words != '\0';
	}
}

static void user_data(struct sim_call *c, const struct sim_guest *g, struct pm_buf *b)
{
	const struct sim_conf *f = &g->cur;
	const char *name = pm_s_conf_get(f, "name"), *domain = pm_s_conf_get(f, "searchdomain");
	const char *user = pm_s_conf_get(f, "ciuser"), *password = pm_s_conf_get(f, "cipassword");
	const char *keys = pm_s_conf_get(f, "sshkeys"), *upgrade = pm_s_conf_get(f, "ciupgrade");
	bool full, may = pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", g->vmid),
			   pm_s_priv("VM.Config.Cloudinit"));

	if (!name)
		name = pm_arena_printf(c->a, "VM%u", g->vmid);
	full = strchr(name, '.') || !domain;
	pm_buf_addf(b, "#cloud-config\nhostname: %.*s\nmanage_etc_hosts: true\nfqdn: %s%s%s\n",
		(int)strcspn(name, "."), name, name, full ? "" : ".", full ? "" : domain);
	if (user)
		pm_buf_addf(b, "user: %s\n", user);
	if (user && !strcmp(user, "root"))
		pm_buf_adds(b, "disable_root: False\n");
	if (password)
		pm_buf_addf(b, "password: %s\n", may ? password : "**********");
	if (keys) {
		pm_buf_adds(b, "ssh_authorized_keys:\n");
		lines_of(b, pm_s_unescape(c->a, keys, strlen(keys), false), "\n", "  - ", "");
	}
	pm_buf_adds(b, "chpasswd:\n  expire: False\n");
	if (!user || strcmp(user, "root") != 0)
		pm_buf_adds(b, "users:\n  - default\n");
	if (!upgrade || pm_s_true(upgrade))
		pm_buf_adds(b, "package_upgrade: true\n");
}

static const char *netmask(struct sim_call *c, const char *bits)
{
	int64_t n = pm_s_number(bits, 32);
	uint32_t mask = n <= 0 ? 0 : n >= 32 ? UINT32_MAX : ~(UINT32_MAX >> n);

	return pm_arena_printf(
		c->a, "%u.%u.%u.%u", mask >> 24, mask >> 16 & 255, mask >> 8 & 255, mask & 255);
}

static void subnets(struct sim_call *c, struct pm_buf *b, const struct sim_conf *p)
{
	const char *ip = pm_s_conf_get(p, "ip"), *ip6 = pm_s_conf_get(p, "ip6");
	const char *gw = pm_s_conf_get(p, "gw"), *gw6 = pm_s_conf_get(p, "gw6");
	size_t n = ip ? strcspn(ip, "/") : 0;

	if (ip && !strcmp(ip, "dhcp"))
		pm_buf_adds(b, "      - type: dhcp4\n");
	else if (ip)
		pm_buf_addf(b,
			"      - type: static\n        address: '%.*s'\n        netmask: '%s'\n",
			(int)n, ip, netmask(c, ip[n] ? ip + n + 1 : "32"));
	if (ip && gw)
		pm_buf_addf(b, "        gateway: '%s'\n", gw);
	if (ip6 && !strcmp(ip6, "dhcp"))
		pm_buf_adds(b, "      - type: dhcp6\n");
	else if (ip6 && !strcmp(ip6, "auto"))
		pm_buf_adds(b, "      - type: ipv6_slaac\n");
	else if (ip6)
		pm_buf_addf(b, "      - type: static6\n        address: '%s'\n", ip6);
	if (ip6 && gw6)
		pm_buf_addf(b, "        gateway: '%s'\n", gw6);
}

static void one_card(
	struct sim_call *c, const struct sim_guest *g, struct pm_buf *b, const struct sim_kv *card)
{
	const char *n = card->k + 3;
	const char *ip = pm_s_conf_get(&g->cur, pm_arena_printf(c->a, "ipconfig%s", n));
	struct sim_conf p cleanup_conf = { 0 };
	size_t at = strcspn(card->v, "="), len = strcspn(card->v, ",");

	if (!ip || at >= len)
		return;
	pm_s_props(&p, ip, NULL);
	pm_buf_addf(b, "    - type: physical\n      name: eth%s\n      mac_address: '", n);
	for (size_t i = at + 1; i < len; i++)
		pm_buf_addc(b, card->v[i] >= 'A' && card->v[i] <= 'F' ? (char)(card->v[i] + 32)
								      : card->v[i]);
	pm_buf_adds(b, "'\n      subnets:\n");
	subnets(c, b, &p);
}

static void network(struct sim_call *c, const struct sim_guest *g, struct pm_buf *b)
{
	const char *servers = pm_s_conf_get(&g->cur, "nameserver");
	const char *domains = pm_s_conf_get(&g->cur, "searchdomain");

	pm_buf_adds(b, "version: 1\nconfig:\n");
	for (size_t i = 0; i < g->cur.n; i++)
		if (pm_s_numbered(g->cur.v[i].k, "net", 31) >= 0)
			one_card(c, g, b, &g->cur.v[i]);
	if (!servers && !domains)
		return;
	pm_buf_adds(b, "    - type: nameserver\n");
	if (servers)
		pm_buf_adds(b, "      address:\n");
	lines_of(b, servers, " ,;", "      - '", "'");
	if (domains)
		pm_buf_adds(b, "      search:\n");
	lines_of(b, domains, " ,;", "      - '", "'");
}

void pm_s_vm_cloudinit_dump(struct sim_call *c)
{
	struct sim_guest *g = pm_s_guest_for(c);
	const char *type = pm_s_arg(c, "type");
	cleanup_buf struct pm_buf user = PM_BUF(0), net = PM_BUF(0);
	char id[41];

	if (!g)
		return;
	user_data(c, g, &user);
	network(c, g, &net);
	if (!strcmp(type, "user")) {
		pm_jw_str(&c->w, "data", pm_buf_str(&user));
	} else if (!strcmp(type, "network")) {
		pm_jw_str(&c->w, "data", pm_buf_str(&net));
	} else { /* an id of the instance that changes with what it is made of */
		pm_buf_addf(&user, "%s", pm_buf_str(&net));
		pm_s_sha1(user.p, user.len, id);
		pm_jw_str(&c->w, "data", pm_arena_printf(c->a, "instance-id: %s\n", id));
	}
}
