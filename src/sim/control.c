/* The control address: what an outside hand does to the cluster. One line in, one line out. */
#include "base/num.h"
#include "sim/sim_priv.h"

struct order {
	struct pm_sim *s;
	char *word[8];
	unsigned n;
	const char *rest; /* from the third word on */
	char *out;
	size_t size;
};

static int no(struct order *o, const char *why)
{
	(void)snprintf(o->out, o->size, "error: %s", why);
	return -PM_E_USAGE;
}

static struct sim_guest *guest_of(struct order *o)
{
	int64_t vmid;

	if (o->n < 2 || pm_parse_int(o->word[1], 1, INT32_MAX, &vmid) != 0)
		return NULL;
	return pm_s_guest(o->s, (unsigned)vmid);
}

static int do_reset(struct order *o)
{
	pm_s_reset(o->s);
	return 0;
}

static int do_hold_lock(struct order *o)
{
	struct sim_guest *g = guest_of(o);
	int64_t seconds;

	if (!g || o->n < 3 || pm_parse_int(o->word[2], 0, 86400, &seconds) != 0)
		return no(o, "hold-lock VMID SECONDS: no such guest, or no number");
	g->held_until_ns = o->s->now_ns + (uint64_t)seconds * PM_S_NS;
	return 0;
}

static int node_switch(struct order *o, bool off, bool hung)
{
	int i = pm_s_node_index(o->s, o->n > 1 ? o->word[1] : "pve1");

	if (i < 0)
		return no(o, "no such node");
	if (hung)
		o->s->node[i].hung = off;
	else
		o->s->node[i].off = off;
	pm_s_changed(o->s);
	return 0;
}

static int do_node_off(struct order *o)
{
	return o->n < 2 ? no(o, "node-off NODE") : node_switch(o, true, false);
}

static int do_node_on(struct order *o)
{
	return o->n < 2 ? no(o, "node-on NODE") : node_switch(o, false, false);
}

static int do_daemon_stop(struct order *o)
{
	return node_switch(o, true, true);
}

static int do_daemon_continue(struct order *o)
{
	return node_switch(o, false, true);
}

static int do_quorum_off(struct order *o)
{
	o->s->quorum = 1;
	return 0;
}

static int do_quorum_on(struct order *o)
{
	o->s->quorum = 0;
	return 0;
}

static int do_set(struct order *o)
{
	struct sim_guest *g = guest_of(o);
	const char *eq = o->rest ? strchr(o->rest, '=') : NULL;
	cleanup_free char *key = NULL, *value = NULL;

	if (!g || !eq)
		return no(o, "set VMID KEY=VALUE: no such guest, or no KEY=VALUE");
	key = pm_xstrdup(o->rest);
	key[eq - o->rest] = '\0';
	if (!strcmp(key, "status")) {
		g->running = !strcmp(eq + 1, "running");
		g->started_ns = o->s->now_ns;
	} else if (eq[1]) {
		value = !strcmp(key, "description") ? pm_s_description(eq + 1) : pm_xstrdup(eq + 1);
		pm_s_conf_set(&g->cur, key, value);
	} else {
		pm_s_conf_del(&g->cur, key);
	}
	pm_s_guest_touch(o->s, g);
	return 0;
}

static int do_delete(struct order *o)
{
	struct sim_guest *g = guest_of(o);

	if (!g)
		return no(o, "delete VMID: no such guest");
	for (size_t i = o->s->volumes.n; i-- > 0;)
		if (o->s->volumes.v[i]->vmid == g->vmid)
			pm_s_volume_del(o->s, o->s->volumes.v[i]->volid, -1);
	pm_s_pool_leave(o->s, g->vmid);
	pm_s_guest_del(o->s, g);
	return 0;
}

static int do_get(struct order *o)
{
	struct sim_guest *g = guest_of(o);
	const char *v = g && o->n > 2 ? pm_s_conf_get(&g->cur, o->word[2]) : NULL;

	if (!g)
		return no(o, "get VMID [KEY]: no such guest");
	if (o->n > 2)
		(void)snprintf(o->out, o->size, "%s", v ? v : "");
	else
		(void)snprintf(o->out, o->size, "%s %s %s", o->s->node[g->node].name,
			g->running ? "running" : "stopped", pm_s_guest_digest(g));
	for (char *p = o->out; *p; p++)
		if (*p == '\n')
			*p = ' ';
	return 0;
}

static int do_move(struct order *o)
{
	struct sim_guest *g = guest_of(o);
	int node = o->n > 2 ? pm_s_node_index(o->s, o->word[2]) : -1;

	if (!g || node < 0)
		return no(o, "move VMID NODE: no such guest or node");
	for (size_t i = 0; i < o->s->volumes.n; i++)
		if (o->s->volumes.v[i]->vmid == g->vmid && o->s->volumes.v[i]->node >= 0)
			o->s->volumes.v[i]->node = node;
	g->node = (unsigned)node;
	pm_s_guest_touch(o->s, g);
	return 0;
}

static int do_fail(struct order *o)
{
	struct pm_error err;
	cleanup_buf struct pm_buf text = PM_BUF(0);

	pm_buf_addf(&text, "%s %s", o->n > 1 ? o->word[1] : "", o->rest ? o->rest : "");
	if (pm_s_rule_parse(o->s, pm_buf_str(&text), &err) == 0)
		return 0;
	free(o->s->rules.v[o->s->rules.n - 1]->text);
	free(o->s->rules.v[o->s->rules.n - 1]->method);
	free(o->s->rules.v[o->s->rules.n - 1]->path);
	free(o->s->rules.v[--o->s->rules.n]);
	return no(o, err.msg);
}

static int do_fail_clear(struct order *o)
{
	pm_s_rules_free(o->s);
	return 0;
}

static int do_time(struct order *o)
{
	char when[32];

	(void)snprintf(o->out, o->size, "%s", pm_format_time(pm_wall_ms(&o->s->clock), when));
	return 0;
}

static int do_stats(struct order *o)
{
	pm_s_collect(o->s);
	return 0;
}

static int do_guests(struct order *o)
{
	size_t n = 0;

	o->out[0] = '\0';
	for (size_t i = 0; i < o->s->guests.n && n + 12 < o->size; i++)
		n += (size_t)snprintf(
			o->out + n, o->size - n, "%s%u", i ? " " : "", o->s->guests.v[i]->vmid);
	return 0;
}

static int do_save(struct order *o)
{
	struct pm_error err;

	o->s->dirty = true;
	return pm_sim_save(o->s, &err) == 0 ? 0 : no(o, err.msg);
}

static int do_help(struct order *o);

static const struct {
	const char *name, *args;
	int (*run)(struct order *o);
} orders[] = {
	{ "reset", "", do_reset },
	{ "hold-lock", "VMID SECONDS", do_hold_lock },
	{ "node-off", "NODE", do_node_off },
	{ "node-on", "NODE", do_node_on },
	{ "daemon-stop", "[NODE]", do_daemon_stop },
	{ "daemon-continue", "[NODE]", do_daemon_continue },
	{ "quorum-off", "", do_quorum_off },
	{ "quorum-on", "", do_quorum_on },
	{ "set", "VMID KEY=VALUE", do_set },
	{ "get", "VMID [KEY]", do_get },
	{ "delete", "VMID", do_delete },
	{ "move", "VMID NODE", do_move },
	{ "guests", "", do_guests },
	{ "fail", "METHOD PATH:KIND[:N|@N]", do_fail },
	{ "fail-clear", "", do_fail_clear },
	{ "stats", "", do_stats },
	{ "save", "", do_save },
	{ "time", "", do_time },
	{ "help", "", do_help },
};

static int do_help(struct order *o)
{
	size_t n = 0;

	for (size_t i = 0; i < PM_COUNT(orders) && n < o->size; i++)
		n += (size_t)snprintf(o->out + n, o->size - n, "%s%s%s%s", i ? "; " : "",
			orders[i].name, *orders[i].args ? " " : "", orders[i].args);
	return 0;
}

int pm_sim_control(struct pm_sim *s, const char *line, char *out, size_t size)
{
	cleanup_free char *copy = pm_xstrdup(line);
	struct order o = { .s = s, .out = out, .size = size };
	char *p = copy;

	copy[strcspn(copy, "\r\n")] = '\0';
	while (o.n < PM_COUNT(o.word)) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		if (o.n == 2)
			o.rest = line + (p - copy);
		o.word[o.n++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
	if (o.rest) { /* without the end of the line */
		char *rest = copy + (o.rest - line);

		memcpy(rest, o.rest, strcspn(o.rest, "\r\n"));
		o.rest = rest;
	}
	(void)snprintf(out, size, "ok");
	(void)pm_sim_advance(s);
	for (size_t i = 0; o.n && i < PM_COUNT(orders); i++)
		if (!strcmp(orders[i].name, o.word[0]))
			return orders[i].run(&o);
	return no(&o, "unknown command; try help");
}
