/* /cluster/ha: resources and rules are kept; the manager itself is a rule of thumb: what is wanted is done
 * when statistics are collected. */
#include "base/num.h"
#include "sim/sim_priv.h"

#define NUMBERS "max_restart max_relocate failback strict"
#define FIELDS  "state comment max_restart max_relocate failback group"

static void index_get(struct sim_call *c)
{
	pm_jw_raw(&c->w, "data",
		"[{\"id\":\"status\"},{\"id\":\"resources\"},{\"id\":\"groups\"},{\"id\":\"rules\"}]");
}

static void write_resource(struct sim_call *c, const struct sim_object *o, const char *key)
{
	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "sid", o->id);
	pm_jw_strn(&c->w, "type", o->id, 2);
	pm_s_object_write(c, o, NUMBERS);
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, "ha"));
	pm_jw_object_end(&c->w);
}

static void resources_get(struct sim_call *c)
{
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, "ha", i)) != NULL; i++)
		write_resource(c, o, NULL);
	pm_jw_array_end(&c->w);
}

/* "102" or "ct:102"; NULL when it names no guest, answered then. */
static const char *sid_of(struct sim_call *c, const char *given)
{
	const char *colon = strchr(given, ':'), *number = colon ? colon + 1 : given;
	struct sim_guest *g = NULL;
	int64_t vmid;

	if (pm_parse_int(number, 1, INT32_MAX, &vmid) == 0)
		g = pm_s_guest(c->s, (unsigned)vmid);
	if (!g) {
		pm_s_fail(c, 500, "resource '%s' does not exist in cluster", given);
		return NULL;
	}
	if (colon && strncmp(given, g->qemu ? "vm" : "ct", 2) != 0) {
		pm_s_fail(c, 500, "resource '%s' - guest with ID %u is not a %s", given, g->vmid,
			g->qemu ? "CT" : "VM");
		return NULL;
	}
	return pm_arena_printf(c->a, "%s:%u", g->qemu ? "vm" : "ct", g->vmid);
}

/* Groups are a thing of versions before this one. */
static bool names_group(struct sim_call *c)
{
	const char *group = pm_s_arg(c, "group");

	if (!group || !*group)
		return false;
	pm_s_fail(c, 500, "invalid parameter 'group': ha groups have been migrated to rules");
	return true;
}

static void resources_post(struct sim_call *c)
{
	const char *sid = sid_of(c, pm_s_arg(c, "sid"));

	if (!sid || names_group(c))
		return;
	if (pm_s_object(c->s, "ha", sid)) {
		pm_s_fail(c, 500, "create resource failed: resource ID '%s' already defined", sid);
		return;
	}
	pm_s_object_take(c, pm_s_object_add(c->s, "ha", sid, false), FIELDS);
}

static struct sim_object *resource_for(struct sim_call *c)
{
	const char *sid = pm_s_arg(c, "sid");
	struct sim_object *o = pm_s_object(c->s, "ha", sid);

	if (!o && !strchr(sid, ':'))
		o = pm_s_object(c->s, "ha", pm_arena_printf(c->a, "ct:%s", sid));
	if (!o && !strchr(sid, ':'))
		o = pm_s_object(c->s, "ha", pm_arena_printf(c->a, "vm:%s", sid));
	return o;
}

static void resource_get(struct sim_call *c)
{
	struct sim_object *o = resource_for(c);

	if (o)
		write_resource(c, o, "data");
	else
		pm_s_fail(c, 500, "no such resource '%s'", pm_s_arg(c, "sid"));
}

static void resource_put(struct sim_call *c)
{
	struct sim_object *o = resource_for(c);

	if (!o)
		pm_s_fail(c, 500, "no such resource '%s'", pm_s_arg(c, "sid"));
	else if (pm_s_object_same(c, "ha") && !names_group(c))
		pm_s_object_take(c, o, FIELDS);
}

static void resource_delete(struct sim_call *c)
{
	struct sim_object *o = resource_for(c);

	if (o)
		pm_s_object_del(c->s, o);
	else
		pm_s_fail(
			c, 500, "cannot delete service '%s', not HA managed!", pm_s_arg(c, "sid"));
}

/* ---- rules and groups ---- */

static void write_rule(
	struct sim_call *c, const struct sim_object *o, const char *key, int64_t order)
{
	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "rule", o->id);
	if (order)
		pm_jw_int(&c->w, "order", order);
	pm_s_object_write(c, o, NUMBERS " disable");
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, "ha-rule"));
	pm_jw_object_end(&c->w);
}

static void rules_get(struct sim_call *c)
{
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, "ha-rule", i)) != NULL; i++)
		write_rule(c, o, NULL, (int64_t)i + 1);
	pm_jw_array_end(&c->w);
}

#define RULE_KEYS "type nodes resources comment affinity strict disable"

/* What a rule may have depends on its type; of an unknown type it may have nothing of its own. */
static bool rule_type_known(struct sim_call *c)
{
	static const char *const own[] = { "affinity", "nodes", "resources", "strict" };
	const char *type = pm_s_arg(c, "type");

	if (!strcmp(type, "node-affinity") || !strcmp(type, "resource-affinity"))
		return true;
	pm_s_bad(c, "type",
		"value '%s' does not have a value in the enumeration 'node-affinity, "
		"resource-affinity'",
		type);
	for (size_t i = 0; i < PM_COUNT(own); i++)
		if (pm_s_has(c, own[i]))
			pm_s_bad(c, own[i],
				"property is not defined in schema and the schema does not allow "
				"additional properties");
	return false;
}

static void rules_post(struct sim_call *c)
{
	const char *list = pm_s_arg(c, "resources");

	if (!rule_type_known(c))
		return;
	while (list && *list) {
		size_t n = strcspn(list, ",; ");
		const char *sid = pm_arena_strndup(c->a, list, n);

		if (n && !pm_s_object(c->s, "ha", sid)) {
			pm_s_fail(c, 500,
				"create ha rule failed: cannot use unmanaged resource(s) %s.", sid);
			return;
		}
		list += n;
		list += *list != '\0';
	}
	pm_s_object_take(
		c, pm_s_object_add(c->s, "ha-rule", pm_s_arg(c, "rule"), false), RULE_KEYS);
}

static struct sim_object *rule_for(struct sim_call *c)
{
	struct sim_object *o = pm_s_object(c->s, "ha-rule", pm_s_arg(c, "rule"));

	if (!o)
		pm_s_fail(c, 500, "no such ha rule '%s'", pm_s_arg(c, "rule"));
	return o;
}

static void rule_get(struct sim_call *c)
{
	const struct sim_object *o = rule_for(c);

	if (o)
		write_rule(c, o, "data", 0);
}

static void rule_put(struct sim_call *c)
{
	struct sim_object *o = rule_for(c);

	if (o && pm_s_object_same(c, "ha-rule"))
		pm_s_object_take(c, o, RULE_KEYS);
}

static void rule_delete(struct sim_call *c)
{
	struct sim_object *o = rule_for(c);

	if (o)
		pm_s_object_del(c->s, o);
}

static void groups_get(struct sim_call *c)
{
	pm_s_fail(c, 500, "cannot index groups: ha groups have been migrated to rules");
}

static void groups_post(struct sim_call *c)
{
	pm_s_fail(c, 500, "cannot create group: ha groups have been migrated to rules");
}

/* ---- the manager ---- */

static const char *state_of(const struct sim_object *o)
{
	const char *state = pm_s_conf_get(&o->conf, "state");

	return state ? state : "started";
}

static void write_service(struct sim_call *c, const struct sim_object *o)
{
	struct sim_guest *g =
		pm_s_guest(c->s, pm_s_volume_owner(pm_arena_printf(c->a, "vm-%s", o->id + 3)));
	const char *state = state_of(o), *node = c->s->node[g ? g->node : 0].name;
	const char *comment = pm_s_conf_get(&o->conf, "comment");
	const char *seen = !strcmp(state, "ignored") ? "ignored"
			   : g && g->running         ? "started"
						     : "queued";

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "service:%s", o->id));
	pm_jw_str(&c->w, "type", "service");
	pm_jw_str(&c->w, "sid", o->id);
	pm_jw_str(&c->w, "node", node);
	pm_jw_str(&c->w, "state", seen);
	pm_jw_str(&c->w, "request_state", state);
	pm_jw_str(&c->w, "status", pm_arena_printf(c->a, "%s (%s, %s)", o->id, node, seen));
	pm_jw_int(&c->w, "max_restart", pm_s_conf_int(&o->conf, "max_restart", 1));
	pm_jw_int(&c->w, "max_relocate", pm_s_conf_int(&o->conf, "max_relocate", 1));
	pm_jw_int(&c->w, "failback", pm_s_conf_int(&o->conf, "failback", 1));
	if (comment)
		pm_jw_str(&c->w, "comment", comment);
	pm_jw_object_end(&c->w);
}

static void status_get(struct sim_call *c)
{
	struct sim_object *o;

	pm_jw_array(&c->w, "data");
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "id", "quorum");
	pm_jw_str(&c->w, "type", "quorum");
	pm_jw_str(&c->w, "node", c->s->node[c->asked].name);
	pm_jw_int(&c->w, "quorate", pm_s_quorate(c->s));
	pm_jw_str(&c->w, "status", pm_s_quorate(c->s) ? "OK" : "No quorum on node!");
	pm_jw_object_end(&c->w);
	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "id", "fencing");
	pm_jw_str(&c->w, "type", "fencing");
	pm_jw_str(&c->w, "node", c->s->node[c->asked].name);
	pm_jw_str(&c->w, "armed-state", "standby");
	pm_jw_str(&c->w, "status", "standby (CRM watchdog standby)");
	pm_jw_object_end(&c->w);
	for (size_t i = 0; (o = pm_s_object_nth(c->s, "ha", i)) != NULL; i++)
		write_service(c, o);
	pm_jw_array_end(&c->w);
}

static void manager_get(struct sim_call *c)
{
	pm_jw_object(&c->w, "data");
	pm_jw_raw(&c->w, "manager_status", "{\"node_status\":{}}");
	pm_jw_object(&c->w, "quorum");
	pm_jw_str(&c->w, "node", c->s->node[c->asked].name);
	pm_jw_str(&c->w, "quorate", pm_s_quorate(c->s) ? "1" : "0");
	pm_jw_object_end(&c->w);
	pm_jw_object_end(&c->w);
}

struct sim_object *pm_s_ha_managed(const struct pm_sim *s, const struct sim_guest *g)
{
	struct sim_object *o;
	char sid[24];

	(void)snprintf(sid, sizeof(sid), "%s:%u", g->qemu ? "vm" : "ct", g->vmid);
	o = pm_s_object(s, "ha", sid);
	return o && strcmp(state_of(o), "ignored") != 0 ? o : NULL;
}

const char *pm_s_ha_wants(const struct pm_sim *s, const struct sim_guest *g)
{
	struct sim_object *o = pm_s_ha_managed(s, g);

	return o ? state_of(o) : NULL;
}

#define AUDIT   "/ Sys.Audit"
#define CONSOLE "/ Sys.Console"

const struct sim_route pm_s_routes_ha[] = {
	{ "GET", "/cluster/ha", index_get, 0, AUDIT, NULL },
	{ "GET", "/cluster/ha/resources", resources_get, 0, AUDIT, NULL },
	{ "POST", "/cluster/ha/resources", resources_post, SIM_PROTECTED, CONSOLE, "sid" },
	{ "GET", "/cluster/ha/resources/{sid}", resource_get, 0, AUDIT, NULL },
	{ "PUT", "/cluster/ha/resources/{sid}", resource_put, SIM_PROTECTED, CONSOLE, NULL },
	{ "DELETE", "/cluster/ha/resources/{sid}", resource_delete, SIM_PROTECTED, CONSOLE, NULL },
	{ "GET", "/cluster/ha/rules", rules_get, 0, AUDIT, NULL },
	{ "POST", "/cluster/ha/rules", rules_post, SIM_PROTECTED, CONSOLE, "rule type resources" },
	{ "GET", "/cluster/ha/rules/{rule}", rule_get, 0, AUDIT, NULL },
	{ "PUT", "/cluster/ha/rules/{rule}", rule_put, SIM_PROTECTED, CONSOLE, "type" },
	{ "DELETE", "/cluster/ha/rules/{rule}", rule_delete, SIM_PROTECTED, CONSOLE, NULL },
	{ "GET", "/cluster/ha/groups", groups_get, 0, AUDIT, NULL },
	{ "POST", "/cluster/ha/groups", groups_post, SIM_PROTECTED, CONSOLE, NULL },
	{ "GET", "/cluster/ha/status/current", status_get, 0, AUDIT, NULL },
	{ "GET", "/cluster/ha/status/manager_status", manager_get, 0, AUDIT, NULL },
	{ 0 },
};
