/* The control address: what an outside hand does to the cluster. One line in, one line out. */
#include "base/num.h"
#include "sim/control_priv.h"

int pm_s_order_no(struct sim_order *o, const char *why)
{
	(void)snprintf(o->out, o->size, "error: %s", why);
	return -PM_E_USAGE;
}

static struct sim_guest *guest_of(struct sim_order *o)
{
	int64_t vmid;

	if (o->n < 2 || pm_parse_int(o->word[1], 1, INT32_MAX, &vmid) != 0)
		return NULL;
	return pm_s_guest(o->s, (unsigned)vmid);
}

static int do_reset(struct sim_order *o)
{
	pm_s_reset(o->s);
	return 0;
}

static int do_hold_lock(struct sim_order *o)
{
	struct sim_guest *g = guest_of(o);
	int64_t seconds;

	if (!g || o->n < 3 || pm_parse_int(o->word[2], 0, 86400, &seconds) != 0)
		return pm_s_order_no(o, "hold-lock VMID SECONDS: no such guest, or no number");
	g->held_until_ns = o->s->now_ns + (uint64_t)seconds * PM_S_NS;
	return 0;
}

static void set_key(struct pm_sim *s, struct sim_guest *g, const char *key, const char *text)
{
	cleanup_free char *value = NULL;

	if (!strcmp(key, "status")) {
		g->running = !strcmp(text, "running");
		g->started_ns = s->now_ns;
	} else if (*text) {
		value = !strcmp(key, "description") ? pm_s_guest_text(text, g->qemu)
						    : pm_xstrdup(text);
		pm_s_conf_set(&g->cur, key, value);
	} else {
		pm_s_conf_del(&g->cur, key);
	}
	pm_s_guest_touch(s, g);
}

static int do_set(struct sim_order *o)
{
	struct sim_guest *g = guest_of(o);
	const char *eq = o->rest ? strchr(o->rest, '=') : NULL;
	cleanup_free char *key = NULL;

	if (!g || !eq)
		return pm_s_order_no(o, "set VMID KEY=VALUE: no such guest, or no KEY=VALUE");
	key = pm_xstrdup(o->rest);
	key[eq - o->rest] = '\0';
	set_key(o->s, g, key, eq + 1);
	return 0;
}

static void insist_add(struct pm_sim *s, unsigned vmid, const char *key, const char *value)
{
	struct sim_insist *i = pm_xcalloc(1, sizeof(*i));

	i->vmid = vmid;
	i->key = pm_xstrdup(key);
	i->value = pm_xstrdup(value);
	pm_vec_push(&s->insists, i);
}

/* The guest need not be there yet. */
static int do_insist(struct sim_order *o)
{
	const char *eq = o->rest ? strchr(o->rest, '=') : NULL;
	cleanup_free char *key = NULL;
	int64_t vmid;

	if (!eq || eq == o->rest || pm_parse_int(o->word[1], 1, INT32_MAX, &vmid) != 0)
		return pm_s_order_no(o, "insist VMID KEY=VALUE: no number, or no KEY=VALUE");
	key = pm_xstrdup(o->rest);
	key[eq - o->rest] = '\0';
	insist_add(o->s, (unsigned)vmid, key, eq + 1);
	return 0;
}

static int do_insist_clear(struct sim_order *o)
{
	pm_s_insists_free(o->s);
	return 0;
}

/* Reading changes nothing, so there is nothing to set again. */
void pm_s_insist(struct pm_sim *s, const char *method)
{
	if (!strcmp(method, "GET"))
		return;
	for (size_t n = 0; n < s->insists.n; n++) {
		const struct sim_insist *i = s->insists.v[n];
		struct sim_guest *g = pm_s_guest(s, i->vmid);
		const char *now = g ? pm_s_conf_get(&g->cur, i->key) : NULL;

		if (g && strcmp(now ? now : "", i->value) != 0)
			set_key(s, g, i->key, i->value);
	}
}

void pm_s_insists_free(struct pm_sim *s)
{
	for (size_t i = 0; i < s->insists.n; i++) {
		free(s->insists.v[i]->key);
		free(s->insists.v[i]->value);
		free(s->insists.v[i]);
	}
	pm_vec_done(&s->insists);
}

static int do_delete(struct sim_order *o)
{
	struct sim_guest *g = guest_of(o);

	if (!g)
		return pm_s_order_no(o, "delete VMID: no such guest");
	for (size_t i = o->s->volumes.n; i-- > 0;)
		if (o->s->volumes.v[i]->vmid == g->vmid)
			pm_s_volume_del(o->s, o->s->volumes.v[i]->volid, -1);
	pm_s_pool_leave(o->s, g->vmid);
	pm_s_guest_del(o->s, g);
	return 0;
}

static int do_get(struct sim_order *o)
{
	struct sim_guest *g = guest_of(o);
	const char *v = g && o->n > 2 ? pm_s_conf_get(&g->cur, o->word[2]) : NULL;

	if (!g)
		return pm_s_order_no(o, "get VMID [KEY]: no such guest");
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

static int do_move(struct sim_order *o)
{
	struct sim_guest *g = guest_of(o);
	int node = o->n > 2 ? pm_s_node_index(o->s, o->word[2]) : -1;

	if (!g || node < 0)
		return pm_s_order_no(o, "move VMID NODE: no such guest or node");
	for (size_t i = 0; i < o->s->volumes.n; i++)
		if (o->s->volumes.v[i]->vmid == g->vmid && o->s->volumes.v[i]->node >= 0)
			o->s->volumes.v[i]->node = node;
	g->node = (unsigned)node;
	pm_s_guest_touch(o->s, g);
	return 0;
}

static int do_fail(struct sim_order *o)
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
	return pm_s_order_no(o, err.msg);
}

static int do_fail_clear(struct sim_order *o)
{
	pm_s_rules_free(o->s);
	return 0;
}

static int do_time(struct sim_order *o)
{
	char when[32];

	(void)snprintf(o->out, o->size, "%s", pm_format_time(pm_wall_ms(&o->s->clock), when));
	return 0;
}

static int do_stats(struct sim_order *o)
{
	pm_s_collect(o->s);
	return 0;
}

static int do_guests(struct sim_order *o)
{
	size_t n = 0;

	o->out[0] = '\0';
	for (size_t i = 0; i < o->s->guests.n && n + 12 < o->size; i++)
		n += (size_t)snprintf(
			o->out + n, o->size - n, "%s%u", i ? " " : "", o->s->guests.v[i]->vmid);
	return 0;
}

static int do_save(struct sim_order *o)
{
	struct pm_error err;

	o->s->dirty = true;
	return pm_sim_save(o->s, &err) == 0 ? 0 : pm_s_order_no(o, err.msg);
}

static int do_help(struct sim_order *o);

static const struct sim_order_row orders[] = {
	{ "reset", "", do_reset },
	{ "hold-lock", "VMID SECONDS", do_hold_lock },
	{ "set", "VMID KEY=VALUE", do_set },
	{ "insist", "VMID KEY=VALUE", do_insist },
	{ "insist-clear", "", do_insist_clear },
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
	{ 0 },
};

static const struct sim_order_row *const tables[] = { orders, pm_s_orders_nodes,
	pm_s_orders_access };

static int do_help(struct sim_order *o)
{
	size_t n = 0;

	for (size_t t = 0; t < PM_COUNT(tables); t++)
		for (const struct sim_order_row *r = tables[t]; r->name && n < o->size; r++)
			n += (size_t)snprintf(o->out + n, o->size - n, "%s%s%s%s", n ? "; " : "",
				r->name, *r->args ? " " : "", r->args);
	return 0;
}

int pm_sim_control(struct pm_sim *s, const char *line, char *out, size_t size)
{
	cleanup_free char *whole = pm_xstrdup(line), *copy = NULL;
	struct sim_order o = { .s = s, .out = out, .size = size };
	char *p;

	whole[strcspn(whole, "\r\n")] = '\0';
	p = copy = pm_xstrdup(whole);
	while (o.n < PM_COUNT(o.word)) {
		p += strspn(p, " \t");
		if (!*p)
			break;
		if (o.n == 2)
			o.rest = whole + (p - copy);
		o.word[o.n++] = p;
		p += strcspn(p, " \t");
		if (*p)
			*p++ = '\0';
	}
	(void)snprintf(out, size, "ok");
	(void)pm_sim_advance(s);
	for (size_t t = 0; o.n && t < PM_COUNT(tables); t++)
		for (const struct sim_order_row *r = tables[t]; r->name; r++)
			if (!strcmp(r->name, o.word[0]))
				return r->run(&o);
	return pm_s_order_no(&o, "unknown command; try help");
}
