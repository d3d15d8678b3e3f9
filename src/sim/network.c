/* /nodes/{node}/network: interfaces, as the file says that is in force, and as the one says that waits to be
 * applied. */
#include "sim/sim_priv.h"

#define NODE   (SIM_PROTECTED | SIM_NODE)
#define AUDIT  "/nodes/{node} Sys.Audit"
#define MODIFY "/nodes/{node} Sys.Modify"
#define KEYS                                                                                         \
	"type cidr cidr6 gateway gateway6 autostart mtu bridge_ports bridge_vlan_aware bridge_vids " \
	"slaves bond_mode bond-primary bond_xmit_hash_policy vlan-id vlan-raw-device ovs_ports "     \
	"ovs_bonds ovs_bridge ovs_tag ovs_options"
#define NUMBERS "autostart bridge_vlan_aware active exists vlan-id ovs_tag mtu"

/* The list of a node's interfaces: in force, or to be. */
static const char *list_of(struct pm_arena *a, const char *node, bool waiting)
{
	return pm_arena_printf(a, "net%s %s", waiting ? "+" : "", node);
}

static void add_default(
	struct pm_sim *s, const char *kind, const char *id, const char *const settings[][2])
{
	struct sim_object *o = pm_s_object_add(s, kind, id, false);

	for (size_t i = 0; settings[i][0]; i++)
		pm_s_conf_set(&o->conf, settings[i][0], settings[i][1]);
}

/* The interfaces in force; the first look makes those that a simulated node has. */
static const char *in_force(struct pm_sim *s, struct pm_arena *a, const char *node)
{
	static const char *const eth0[][2] = { { "type", "eth" }, { "active", "1" },
		{ "exists", "1" }, { NULL, NULL } };
	static const char *const eno1[][2] = { { "type", "eth" }, { NULL, NULL } };
	static const char *const vmbr0[][2] = { { "type", "bridge" }, { "active", "1" },
		{ "autostart", "1" }, { "cidr", "192.0.2.11/24" }, { NULL, NULL } };
	static const char *const vmbr1[][2] = { { "type", "bridge" }, { "active", "1" },
		{ "autostart", "1" }, { "bridge_vids", "2-4094" }, { "bridge_vlan_aware", "1" },
		{ NULL, NULL } };
	const char *kind = list_of(a, node, false);

	if (pm_s_object_nth(s, kind, 0))
		return kind;
	add_default(s, kind, "eth0", eth0);
	add_default(s, kind, "eno1", eno1);
	add_default(s, kind, "vmbr0", vmbr0);
	add_default(s, kind, "vmbr1", vmbr1);
	return kind;
}

/* The list that calls are about: what waits, when something does. */
static const char *current(struct sim_call *c)
{
	const char *node = c->s->node[c->node].name, *waiting = list_of(c->a, node, true);
	const char *kind = in_force(c->s, c->a, node);

	return pm_s_object_nth(c->s, waiting, 0) ? waiting : kind;
}

/* The same for a change, which waits until it is applied. */
static const char *to_change(struct sim_call *c)
{
	const char *node = c->s->node[c->node].name, *waiting = list_of(c->a, node, true);

	if (!pm_s_object_nth(c->s, waiting, 0))
		pm_s_objects_copy(c->s, in_force(c->s, c->a, node), waiting);
	return waiting;
}

bool pm_s_bridge_exists(const struct pm_sim *s, const char *bridge)
{
	bool made = false;

	for (size_t i = 0; i < s->objects.n; i++) {
		const struct sim_object *o = s->objects.v[i];
		const char *type = pm_s_conf_get(&o->conf, "type");

		if (strncmp(o->kind, "net ", 4) == 0) {
			made = true;
			if (!strcmp(o->id, bridge) && type && strcasestr(type, "bridge"))
				return true;
		} else if (!strcmp(o->kind, "sdn= vnet") && !strcmp(o->id, bridge)) {
			return true;
		}
	}
	return !made && (!strcmp(bridge, "vmbr0") || !strcmp(bridge, "vmbr1"));
}

/* ---- rendering ---- */

static bool has_type(const struct sim_object *o, const char *part)
{
	const char *type = pm_s_conf_get(&o->conf, "type");

	return type && strcasestr(type, part);
}

/* Real devices first, then what is made of them; each by name. */
static bool before(const struct sim_object *a, const struct sim_object *b)
{
	bool real_a = has_type(a, "eth"), real_b = has_type(b, "eth");

	return real_a != real_b ? real_a : strcmp(a->id, b->id) < 0;
}

/* The place in the file; 0: it does not stand there, as a device that nobody configured yet. */
static unsigned place_of(struct sim_call *c, const char *kind, const struct sim_object *o)
{
	bool written = !strncmp(kind, "net+", 4);
	unsigned n = 3;

	if (!written && pm_s_conf_has(&o->conf, "exists"))
		return 0;
	for (size_t i = 0;; i++) {
		const struct sim_object *other = pm_s_object_nth(c->s, kind, i);

		if (!other)
			return n;
		n += (written || !pm_s_conf_has(&other->conf, "exists")) && before(other, o);
	}
}

static void write_address(struct sim_call *c, const char *cidr, bool six)
{
	int n = (int)strcspn(cidr, "/");

	pm_jw_str(&c->w, six ? "address6" : "address", pm_arena_printf(c->a, "%.*s", n, cidr));
	if (!cidr[n])
		return;
	if (six)
		pm_jw_raw(&c->w, "netmask6", cidr + n + 1);
	else
		pm_jw_str(&c->w, "netmask", cidr + n + 1);
}

static void write_iface(struct sim_call *c, const char *kind, const struct sim_object *o, bool list)
{
	const char *cidr = pm_s_conf_get(&o->conf, "cidr");
	const char *cidr6 = pm_s_conf_get(&o->conf, "cidr6");
	unsigned place = place_of(c, kind, o);

	if (list)
		pm_jw_str(&c->w, "iface", o->id);
	pm_s_object_write(c, o, NUMBERS);
	pm_jw_raw(&c->w, "families", cidr6 ? "[\"inet\",\"inet6\"]" : "[\"inet\"]");
	pm_jw_str(&c->w, "method", cidr ? "static" : "manual");
	pm_jw_str(&c->w, "method6", cidr6 ? "static" : "manual");
	if (cidr)
		write_address(c, cidr, false);
	if (cidr6)
		write_address(c, cidr6, true);
	if (place)
		pm_jw_int(&c->w, "priority", place);
	if (!pm_s_conf_has(&o->conf, "bridge_ports") && has_type(o, "bridge"))
		pm_jw_str(&c->w, "bridge_ports", "");
	if (has_type(o, "bridge")) {
		pm_jw_str(&c->w, "bridge_fd", "0");
		pm_jw_str(&c->w, "bridge_stp", "off");
	}
}

/* A list as the file would have it. */
static void render(struct sim_call *c, const char *kind, struct pm_buf *out)
{
	const struct sim_object *o;

	pm_buf_adds(out, "auto lo\niface lo inet loopback\n");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++) {
		const char *cidr = pm_s_conf_get(&o->conf, "cidr");

		if (!place_of(c, kind, o))
			continue;
		if (pm_s_conf_has(&o->conf, "autostart"))
			pm_buf_addf(out, "\nauto %s", o->id);
		pm_buf_addf(out, "\niface %s inet %s\n", o->id, cidr ? "static" : "manual");
		for (size_t j = 0; j < o->conf.n; j++)
			if (strcmp(o->conf.v[j].k, "type") != 0 &&
				strcmp(o->conf.v[j].k, "active") != 0 &&
				strcmp(o->conf.v[j].k, "autostart") != 0)
				pm_buf_addf(out, "\t%s %s\n", o->conf.v[j].k, o->conf.v[j].v);
	}
}

static void add_lines(struct pm_buf *out, char sign, const char *p, const char *end)
{
	while (p < end) {
		size_t n = strcspn(p, "\n");

		pm_buf_addf(out, "%c%.*s\n", sign, (int)n, p);
		p += n + 1;
	}
}

/* The difference of the two files: what they share at both ends left out. */
static void write_changes(struct sim_call *c, const char *from, const char *to)
{
	cleanup_buf struct pm_buf old = PM_BUF(0), new = PM_BUF(0), out = PM_BUF(0);
	const char *a, *b, *a_end, *b_end;

	render(c, from, &old);
	render(c, to, &new);
	a = pm_buf_str(&old);
	b = pm_buf_str(&new);
	a_end = a + old.len;
	b_end = b + new.len;
	while (a < a_end && b < b_end && strcspn(a, "\n") == strcspn(b, "\n") &&
		!strncmp(a, b, strcspn(a, "\n"))) {
		a += strcspn(a, "\n") + 1;
		b += strcspn(b, "\n") + 1;
	}
	pm_buf_addf(&out, "--- /etc/network/interfaces\n+++ /etc/network/interfaces.new\n");
	add_lines(&out, '-', a, a_end);
	add_lines(&out, '+', b, b_end);
	pm_jw_str(&c->w, "changes", pm_buf_str(&out));
}

/* ---- the calls ---- */

static bool passes(const struct sim_call *c, const struct sim_object *o)
{
	const char *type = pm_s_arg(c, "type");

	if (!type)
		return true;
	if (strstr(type, "bridge"))
		return has_type(o, "bridge");
	return !strcmp(type, pm_s_conf_get(&o->conf, "type"));
}

static void network_get(struct sim_call *c)
{
	const char *kind = current(c);
	const struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++) {
		if (!passes(c, o))
			continue;
		pm_jw_object(&c->w, NULL);
		write_iface(c, kind, o, true);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
	if (!strncmp(kind, "net+", 4))
		write_changes(c, list_of(c->a, c->s->node[c->node].name, false), kind);
}

static struct sim_object *iface_for(struct sim_call *c, const char *kind)
{
	struct sim_object *o = pm_s_object(c->s, kind, pm_s_arg(c, "iface"));

	if (!o)
		pm_s_bad(c, "iface", "interface does not exist");
	return o;
}

static void iface_get(struct sim_call *c)
{
	const char *kind = current(c);
	const struct sim_object *o = iface_for(c, kind);

	if (!o)
		return;
	pm_jw_object(&c->w, "data");
	write_iface(c, kind, o, false);
	pm_jw_object_end(&c->w);
}

static void take(struct sim_call *c, struct sim_object *o)
{
	const char *address = pm_s_arg(c, "address"), *mask = pm_s_arg(c, "netmask");

	pm_s_object_take(c, o, KEYS);
	if (address && !pm_s_arg(c, "cidr"))
		pm_s_conf_set(&o->conf, "cidr",
			mask ? pm_arena_printf(c->a, "%s/%s", address, mask) : address);
	if (pm_s_arg(c, "comments"))
		pm_s_conf_set(&o->conf, "comments",
			pm_arena_printf(c->a, "%s\n", pm_s_arg(c, "comments")));
}

static void iface_post(struct sim_call *c)
{
	const char *kind = to_change(c), *id = pm_s_arg(c, "iface");

	if (pm_s_object(c->s, kind, id))
		pm_s_bad(c, "iface", "interface already exists");
	else
		take(c, pm_s_object_add(c->s, kind, id, false));
}

static void iface_put(struct sim_call *c)
{
	struct sim_object *o = iface_for(c, to_change(c));

	if (o)
		take(c, o);
}

static void iface_delete(struct sim_call *c)
{
	struct sim_object *o = iface_for(c, to_change(c));

	if (o)
		pm_s_object_del(c->s, o);
}

static void revert(struct sim_call *c)
{
	const char *kind = list_of(c->a, c->s->node[c->node].name, true);

	pm_s_objects_drop(c->s, kind);
}

static void apply_end(struct pm_sim *s, struct sim_task *t)
{
	const char *waiting = list_of(s->scratch, s->node[t->node].name, true);
	const char *kind = list_of(s->scratch, s->node[t->node].name, false);
	struct sim_object *o;

	if (!pm_s_object_nth(s, waiting, 0))
		return;
	for (size_t i = 0; (o = pm_s_object_nth(s, waiting, i)) != NULL; i++)
		if (pm_s_conf_has(&o->conf, "autostart"))
			pm_s_conf_set(&o->conf, "active", "1");
	pm_s_objects_copy(s, waiting, kind);
	pm_s_objects_drop(s, waiting);
}

static void apply(struct sim_call *c)
{
	struct sim_task *t = pm_s_task(c, "srvreload", "networking", 0);

	t->end = apply_end;
	pm_s_task_go(c, t);
}

const struct sim_route pm_s_routes_network[] = {
	{ "GET", "/nodes/{node}/network", network_get, SIM_NODE, NULL, NULL },
	{ "POST", "/nodes/{node}/network", iface_post, NODE, MODIFY, "iface type" },
	{ "PUT", "/nodes/{node}/network", apply, NODE, MODIFY, NULL },
	{ "DELETE", "/nodes/{node}/network", revert, NODE, MODIFY, NULL },
	{ "GET", "/nodes/{node}/network/{iface}", iface_get, SIM_NODE, AUDIT, NULL },
	{ "PUT", "/nodes/{node}/network/{iface}", iface_put, NODE, MODIFY, "type" },
	{ "DELETE", "/nodes/{node}/network/{iface}", iface_delete, NODE, MODIFY, NULL },
	{ 0 },
};
