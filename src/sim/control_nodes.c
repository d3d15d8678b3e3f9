/* Orders that harm a node and heal it: gone, its API killed or paused, its daemon hung, a wrong certificate,
 * a rate limit, a wrong clock. */
#include "base/num.h"
#include "sim/control_priv.h"

/* The node that the second word names; NULL and an error when there is none. */
static struct sim_node *node_of(struct sim_order *o, const char *otherwise)
{
	const char *name = o->n > 1 ? o->word[1] : otherwise;
	int i = name ? pm_s_node_index(o->s, name) : -1;

	if (i >= 0)
		return &o->s->node[i];
	(void)pm_s_order_no(o, name ? "no such node" : "name a node");
	return NULL;
}

static int turn(struct sim_order *o, bool off)
{
	struct sim_node *n = node_of(o, NULL);

	if (!n)
		return -PM_E_USAGE;
	n->off = off;
	pm_s_changed(o->s);
	return 0;
}

static int do_node_off(struct sim_order *o)
{
	return turn(o, true);
}

static int do_node_on(struct sim_order *o)
{
	return turn(o, false);
}

static int hang(struct sim_order *o, bool hung)
{
	struct sim_node *n = node_of(o, "pve1");

	if (!n)
		return -PM_E_USAGE;
	n->hung = hung;
	return 0;
}

static int do_daemon_stop(struct sim_order *o)
{
	return hang(o, true);
}

static int do_daemon_continue(struct sim_order *o)
{
	return hang(o, false);
}

static int port(struct sim_order *o, enum pm_sim_port port)
{
	struct sim_node *n = node_of(o, NULL);

	if (!n)
		return -PM_E_USAGE;
	n->port = port;
	return 0;
}

static int do_kill(struct sim_order *o)
{
	return port(o, PM_SIM_CLOSED);
}

static int do_pause(struct sim_order *o)
{
	return port(o, PM_SIM_PAUSED);
}

static int do_start(struct sim_order *o)
{
	return port(o, PM_SIM_OPEN);
}

static int certificate(struct sim_order *o, enum pm_sim_cert cert)
{
	struct sim_node *n = node_of(o, NULL);

	if (!n)
		return -PM_E_USAGE;
	n->cert = cert;
	n->cert_change++;
	return 0;
}

static int do_cert_wrong(struct sim_order *o)
{
	static const char *const kinds[] = { [PM_SIM_CERT_FOREIGN] = "foreign",
		[PM_SIM_CERT_RENEWED] = "renewed",
		[PM_SIM_CERT_EXPIRED] = "expired",
		[PM_SIM_CERT_NAME] = "name" };

	if (o->n < 3)
		return certificate(o, PM_SIM_CERT_FOREIGN);
	for (unsigned i = 0; i < PM_COUNT(kinds); i++)
		if (kinds[i] && !strcmp(kinds[i], o->word[2]))
			return certificate(o, (enum pm_sim_cert)i);
	return pm_s_order_no(o, "a wrong certificate is foreign, renewed, expired or name");
}

static int do_cert_right(struct sim_order *o)
{
	return certificate(o, PM_SIM_CERT_RIGHT);
}

static int do_rate_limit(struct sim_order *o)
{
	struct sim_node *n = node_of(o, NULL);
	int64_t count = UINT32_MAX, seconds = 1;

	if (!n)
		return -PM_E_USAGE;
	if (o->n < 3 || (strcmp(o->word[2], "on") != 0 &&
				pm_parse_int(o->word[2], 1, 1000000, &count) != 0))
		return pm_s_order_no(o, "say for how many requests, or on");
	if (o->n > 3 && pm_parse_int(o->word[3], 0, 86400, &seconds) != 0)
		return pm_s_order_no(o, "Retry-After is a number of seconds");
	n->limited = (unsigned)count;
	n->retry_after_s = (unsigned)seconds;
	return 0;
}

static int do_rate_limit_clear(struct sim_order *o)
{
	for (unsigned i = 0; i < o->s->nnodes; i++)
		if (o->n < 2 || !strcmp(o->s->node[i].name, o->word[1]))
			o->s->node[i].limited = 0;
	return 0;
}

static int do_clock(struct sim_order *o)
{
	struct sim_node *n = node_of(o, NULL);
	int64_t seconds;

	if (!n)
		return -PM_E_USAGE;
	if (o->n < 3 || pm_parse_int(o->word[2], INT32_MIN, INT32_MAX, &seconds) != 0)
		return pm_s_order_no(o, "say how many seconds its clock is ahead, or behind: -60");
	n->skew_ms = seconds * 1000;
	return 0;
}

static int do_quorum_off(struct sim_order *o)
{
	o->s->quorum = 1;
	return 0;
}

static int do_quorum_on(struct sim_order *o)
{
	o->s->quorum = 0;
	return 0;
}

static int do_network_off(struct sim_order *o)
{
	o->s->offline = true;
	return 0;
}

static int do_network_on(struct sim_order *o)
{
	o->s->offline = false;
	return 0;
}

static int do_heal(struct sim_order *o)
{
	pm_s_nodes_heal(o->s);
	return 0;
}

const struct sim_order_row pm_s_orders_nodes[] = {
	{ "node-off", "NODE", do_node_off },
	{ "node-on", "NODE", do_node_on },
	{ "daemon-stop", "[NODE]", do_daemon_stop },
	{ "daemon-continue", "[NODE]", do_daemon_continue },
	{ "quorum-off", "", do_quorum_off },
	{ "quorum-on", "", do_quorum_on },
	{ "host-kill", "NODE", do_kill },
	{ "host-start", "NODE", do_start },
	{ "host-pause", "NODE", do_pause },
	{ "host-continue", "NODE", do_start },
	{ "cert-wrong", "NODE [foreign|renewed|expired|name]", do_cert_wrong },
	{ "cert-right", "NODE", do_cert_right },
	{ "rate-limit", "NODE N|on [SECONDS]", do_rate_limit },
	{ "rate-limit-clear", "[NODE]", do_rate_limit_clear },
	{ "clock", "NODE SECONDS", do_clock },
	{ "network-off", "", do_network_off },
	{ "network-on", "", do_network_on },
	{ "heal", "", do_heal },
	{ 0 },
};
