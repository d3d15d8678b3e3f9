/* /cluster/sdn: zones, virtual networks, subnets. A change is written to the configuration at once and comes
 * into force when it is applied. */
#include "base/num.h"
#include "sim/sim_priv.h"

static const struct sort {
	const char *name, *kind, *running; /* lists: as configured, as applied */
	const char *keys, *numbers;
} sorts[] = {
	{ "zone", "sdn zone", "sdn= zone",
		"type bridge mtu nodes ipam dns reversedns dnszone tag vlan-protocol peers controller "
		"vrf-vxlan exitnodes exitnodes-primary exitnodes-local-routing advertise-subnets "
		"bridge-disable-mac-learning disable-arp-nd-suppression rt-import mac dhcp vxlan-port "
		"dp-id fabric",
		"mtu tag vrf-vxlan advertise-subnets exitnodes-local-routing vxlan-port dp-id "
		"bridge-disable-mac-learning disable-arp-nd-suppression" },
	{ "vnet", "sdn vnet", "sdn= vnet", "zone alias tag vlanaware isolate-ports",
		"tag vlanaware isolate-ports" },
	{ "subnet", "sdn subnet", "sdn= subnet",
		"gateway snat dhcp-range dhcp-dns-server dnszoneprefix", "snat" },
};

static const struct sort *sort_of(const struct sim_call *c)
{
	if (strstr(c->route->path, "/subnets"))
		return &sorts[2];
	return &sorts[strstr(c->route->path, "/vnets") != NULL];
}

static const char *get(const struct sim_object *o, const char *key)
{
	return o ? pm_s_conf_get(&o->conf, key) : NULL;
}

/* ---- who may ---- */

static const char *zone_of_vnet(const struct pm_sim *s, const char *vnet)
{
	const char *zone = get(pm_s_object(s, "sdn vnet", vnet), "zone");

	return zone ? zone : "";
}

static const char *path_of(struct sim_call *c, const struct sort *k, const struct sim_object *o)
{
	const char *vnet = k == &sorts[1] ? o->id : get(o, "vnet");

	if (k == &sorts[0])
		return pm_arena_printf(c->a, "/sdn/zones/%s", o->id);
	return pm_arena_printf(c->a, "/sdn/zones/%s/%s", zone_of_vnet(c->s, vnet), vnet);
}

static bool may_see(struct sim_call *c, const struct sort *k, const struct sim_object *o)
{
	return pm_s_may(c, path_of(c, k, o), pm_s_priv("SDN.Audit") | pm_s_priv("SDN.Allocate"));
}

/* The lock that a change must name, once somebody took it. */
static bool lock_fine(struct sim_call *c)
{
	const char *lock = get(pm_s_object(c->s, "sdn lock", ""), "token");
	const char *given = pm_s_arg(c, "lock-token");

	if (!lock ? !given : given && !strcmp(lock, given))
		return true;
	pm_s_fail(c, 500, "invalid lock token provided");
	return false;
}

/* ---- reading ---- */

static void write_subnet(struct sim_call *c, const struct sim_object *o)
{
	const char *vnet = get(o, "vnet"), *cidr = get(o, "cidr");
	const char *range = get(o, "dhcp-range");

	pm_jw_str(&c->w, "id", o->id);
	pm_jw_str(&c->w, "cidr", cidr);
	pm_jw_str(&c->w, "network", pm_arena_strndup(c->a, cidr, strcspn(cidr, "/")));
	pm_jw_str(&c->w, "mask", strchr(cidr, '/') ? strchr(cidr, '/') + 1 : "");
	pm_jw_str(&c->w, "zone", zone_of_vnet(c->s, vnet));
	pm_jw_str(&c->w, "type", "subnet");
	if (!range)
		pm_jw_raw(&c->w, "dhcp-range", "[]");
}

/* One row; the digest is that of the file, which a list of what waits has none of. */
static void write_one(
	struct sim_call *c, const struct sort *k, const struct sim_object *o, const char *key)
{
	bool waiting = pm_s_arg_true(c, "pending");
	const struct sim_object *was = pm_s_object(c->s, k->running, o->id);

	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, k->name, o->id);
	pm_s_object_write(c, o, k->numbers);
	if (k == &sorts[1])
		pm_jw_str(&c->w, "type", "vnet");
	else if (k == &sorts[2])
		write_subnet(c, o);
	if (!waiting) {
		pm_jw_str(&c->w, "digest", pm_s_object_digest(c, k->kind));
	} else {
		pm_jw_raw(&c->w, "digest", "null");
		pm_jw_raw(&c->w, "pending", "{}");
		if (!was)
			pm_jw_str(&c->w, "state", "new");
		else if (!pm_s_object(c->s, k->kind, o->id))
			pm_jw_str(&c->w, "state", "deleted");
		else if (!pm_s_conf_same(&was->conf, &o->conf))
			pm_jw_str(&c->w, "state", "changed");
	}
	pm_jw_object_end(&c->w);
}

static bool in_list(struct sim_call *c, const struct sort *k, const struct sim_object *o)
{
	const char *vnet = pm_s_arg(c, "vnet"), *type = pm_s_arg(c, "type");

	if (k == &sorts[2] && strcmp(get(o, "vnet"), vnet) != 0)
		return false;
	if (type && strcmp(type, get(o, "type")) != 0)
		return false;
	return may_see(c, k, o);
}

static void list_get(struct sim_call *c)
{
	const struct sort *k = sort_of(c);
	const char *kind = pm_s_arg_true(c, "running") ? k->running : k->kind;
	const struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind, i)) != NULL; i++)
		if (in_list(c, k, o))
			write_one(c, k, o, NULL);
	for (size_t i = 0; pm_s_arg_true(c, "pending"); i++) {
		o = pm_s_object_nth(c->s, k->running, i);
		if (!o)
			break;
		if (!pm_s_object(c->s, k->kind, o->id) && in_list(c, k, o))
			write_one(c, k, o, NULL);
	}
	pm_jw_array_end(&c->w);
}

static struct sim_object *one_for(struct sim_call *c, const struct sort *k)
{
	const char *id = pm_s_arg(c, k->name);
	struct sim_object *o = pm_s_object(c->s, k->kind, id);

	if (!o)
		pm_s_fail(c, 500, "sdn %s object ID '%s' does not exist", k->name, id);
	else if (strcmp(c->q->method, "GET") != 0 &&
		 !pm_s_check(c, path_of(c, k, o), "SDN.Allocate"))
		return NULL;
	return o;
}

static void one_get(struct sim_call *c)
{
	const struct sort *k = sort_of(c);
	struct sim_object *o = one_for(c, k);

	if (o)
		write_one(c, k, o, "data");
}

/* ---- changing ---- */

static const char *subnet_id(struct sim_call *c, const char *zone, const char *cidr)
{
	char *id = pm_arena_printf(c->a, "%s-%s", zone, cidr);

	for (char *p = id; *p; p++)
		if (*p == '/')
			*p = '-';
	return id;
}

/* The id of the new object, or NULL when something it needs is not there. */
static const char *new_id(struct sim_call *c, const struct sort *k)
{
	const char *vnet = pm_s_arg(c, "vnet");

	if (k == &sorts[1] && !pm_s_object(c->s, "sdn zone", pm_s_arg(c, "zone"))) {
		pm_s_fail(c, 500,
			"create sdn vnet object failed: cannot lookup undefined type! at "
			"/usr/share/perl5/PVE/API2/Network/SDN/Vnets.pm line 326.");
		return NULL;
	}
	if (k != &sorts[2])
		return pm_s_arg(c, k->name);
	if (!pm_s_object(c->s, "sdn vnet", vnet)) {
		pm_s_fail(c, 500, "create sdn subnet object failed: vnet %s doesn't exist", vnet);
		return NULL;
	}
	return subnet_id(c, zone_of_vnet(c->s, vnet), pm_s_arg(c, "subnet"));
}

static void list_post(struct sim_call *c)
{
	const struct sort *k = sort_of(c);
	struct sim_object *o;
	const char *id;

	if (!lock_fine(c) || (id = new_id(c, k)) == NULL)
		return;
	if (pm_s_object(c->s, k->kind, id)) {
		pm_s_fail(c, 500,
			"create sdn %s object failed: sdn %s object ID '%s' already defined",
			k->name, k->name, id);
		return;
	}
	o = pm_s_object_add(c->s, k->kind, id, false);
	pm_s_object_take(c, o, k->keys);
	if (k != &sorts[2])
		return;
	pm_s_conf_set(&o->conf, "vnet", pm_s_arg(c, "vnet"));
	pm_s_conf_set(&o->conf, "cidr", pm_s_arg(c, "subnet"));
}

static void one_put(struct sim_call *c)
{
	const struct sort *k = sort_of(c);
	struct sim_object *o = lock_fine(c) ? one_for(c, k) : NULL;

	if (o && pm_s_object_same(c, k->kind))
		pm_s_object_take(c, o, k->keys);
}

/* The first object of a kind whose setting has that value, or NULL. */
static struct sim_object *user_of(
	const struct pm_sim *s, const char *kind, const char *key, const char *value)
{
	struct sim_object *o;

	for (size_t i = 0; (o = pm_s_object_nth(s, kind, i)) != NULL; i++)
		if (!strcmp(get(o, key), value))
			return o;
	return NULL;
}

static void one_delete(struct sim_call *c)
{
	const struct sort *k = sort_of(c);
	struct sim_object *o = lock_fine(c) ? one_for(c, k) : NULL, *user = NULL;

	if (!o)
		return;
	if (k == &sorts[0])
		user = user_of(c->s, "sdn vnet", "zone", o->id);
	else if (k == &sorts[1])
		user = user_of(c->s, "sdn subnet", "vnet", o->id);
	if (!user)
		pm_s_object_del(c->s, o);
	else if (k == &sorts[0])
		pm_s_fail(c, 500,
			"delete sdn zone object failed: zone %s is used by vnet %s at "
			"/usr/share/perl5/PVE/Network/SDN/Zones/Plugin.pm line 149.",
			o->id, user->id);
	else
		pm_s_fail(c, 500,
			"delete sdn vnet object failed: can't delete vnet if subnets exists");
}

/* ---- applying ---- */

static void unlock(struct pm_sim *s)
{
	struct sim_object *lock = pm_s_object(s, "sdn lock", "");

	if (lock)
		pm_s_object_del(s, lock);
}

/* What is in force follows at once; that the nodes reload it is the task's. */
static void apply_end(struct pm_sim *s, struct sim_task *t)
{
	for (unsigned i = 0; i < s->nnodes; i++) {
		pm_s_task_log(t, "%s: reloading network config", s->node[i].name);
		if (s->node[i].off)
			pm_s_task_log(t, "%s: not reachable", s->node[i].name);
	}
}

static void apply(struct sim_call *c)
{
	const char *release = pm_s_arg(c, "release-lock");
	struct sim_task *t;

	if (!lock_fine(c))
		return;
	for (size_t i = 0; i < PM_COUNT(sorts); i++)
		pm_s_objects_copy(c->s, sorts[i].kind, sorts[i].running);
	if (!release || pm_s_true(release))
		unlock(c->s);
	t = pm_s_task(c, "reloadnetworkall", "", 0);
	t->end = apply_end;
	pm_s_task_go(c, t);
}

static void rollback(struct sim_call *c)
{
	const char *release = pm_s_arg(c, "release-lock");

	if (!lock_fine(c))
		return;
	for (size_t i = 0; i < PM_COUNT(sorts); i++)
		pm_s_objects_copy(c->s, sorts[i].running, sorts[i].kind);
	if (!release || pm_s_true(release))
		unlock(c->s);
}

static bool waits(const struct pm_sim *s)
{
	for (size_t i = 0; i < PM_COUNT(sorts); i++) {
		const struct sim_object *a, *b;
		size_t n = 0;

		do {
			a = pm_s_object_nth(s, sorts[i].kind, n);
			b = pm_s_object_nth(s, sorts[i].running, n++);
			if (!a != !b || (a && (strcmp(a->id, b->id) != 0 ||
						      !pm_s_conf_same(&a->conf, &b->conf))))
				return true;
		} while (a);
	}
	return false;
}

static void lock_post(struct sim_call *c)
{
	char token[33];

	if (pm_s_object(c->s, "sdn lock", ""))
		pm_s_fail(c, 500, "SDN configuration is already locked");
	else if (waits(c->s) && !pm_s_arg_true(c, "allow-pending"))
		pm_s_fail(c, 500, "configuration has pending changes");
	if (c->failed)
		return;
	pm_s_random_hex(c->s, token, 32, false);
	pm_s_conf_set(&pm_s_object_add(c->s, "sdn lock", "", false)->conf, "token", token);
	pm_jw_str(&c->w, "data", token);
}

static void lock_delete(struct sim_call *c)
{
	if (pm_s_arg_true(c, "force") || lock_fine(c))
		unlock(c->s);
}

static void ipams_get(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data", "[{\"ipam\":\"pve\",\"type\":\"pve\"}]");
}

#define ZONES   "/cluster/sdn/zones"
#define VNETS   "/cluster/sdn/vnets"
#define SUBNETS "/cluster/sdn/vnets/{vnet}/subnets"
#define SDN     "/sdn SDN.Allocate"

const struct sim_route pm_s_routes_sdn[] = {
	{ "GET", ZONES, list_get, 0, NULL, NULL },
	{ "POST", ZONES, list_post, SIM_PROTECTED, "/sdn/zones SDN.Allocate", "zone type" },
	{ "GET", ZONES "/{zone}", one_get, 0, "/sdn/zones/{zone} SDN.Allocate", NULL },
	{ "PUT", ZONES "/{zone}", one_put, SIM_PROTECTED, "/sdn/zones/{zone} SDN.Allocate", NULL },
	{ "DELETE", ZONES "/{zone}", one_delete, SIM_PROTECTED, "/sdn/zones/{zone} SDN.Allocate",
		NULL },
	{ "GET", VNETS, list_get, 0, NULL, NULL },
	{ "POST", VNETS, list_post, SIM_PROTECTED, "/sdn/zones/{zone} SDN.Allocate", "vnet zone" },
	{ "GET", VNETS "/{vnet}", one_get, 0, NULL, NULL },
	{ "PUT", VNETS "/{vnet}", one_put, SIM_PROTECTED, NULL, NULL },
	{ "DELETE", VNETS "/{vnet}", one_delete, SIM_PROTECTED, NULL, NULL },
	{ "GET", SUBNETS, list_get, 0, NULL, NULL },
	{ "POST", SUBNETS, list_post, SIM_PROTECTED, NULL, "subnet type" },
	{ "GET", SUBNETS "/{subnet}", one_get, 0, NULL, NULL },
	{ "PUT", SUBNETS "/{subnet}", one_put, SIM_PROTECTED, NULL, NULL },
	{ "DELETE", SUBNETS "/{subnet}", one_delete, SIM_PROTECTED, NULL, NULL },
	{ "GET", "/cluster/sdn/ipams", ipams_get, 0, NULL, NULL },
	{ "PUT", "/cluster/sdn", apply, SIM_PROTECTED, SDN, NULL },
	{ "POST", "/cluster/sdn/rollback", rollback, SIM_PROTECTED, SDN, NULL },
	{ "POST", "/cluster/sdn/lock", lock_post, SIM_PROTECTED, SDN, NULL },
	{ "DELETE", "/cluster/sdn/lock", lock_delete, SIM_PROTECTED, SDN, NULL },
	{ 0 },
};
