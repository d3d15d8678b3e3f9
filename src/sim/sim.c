/* The life of a simulated cluster: made, put into its first state, freed; what is common to its parts. */
#include "sim/sim_priv.h"

/* The system's clock where none is given, and waiting on the one that is. */
static void take_clock(struct pm_sim *s, const struct pm_clock *c)
{
	s->clock = c ? *c : pm_clock_system;
	s->born_ns = s->now_ns = s->collected_ns = pm_mono_ns(&s->clock);
	s->wall_ms = pm_wall_ms(&s->clock);
}

void pm_s_random_hex(struct pm_sim *s, char *out, size_t digits, bool upper)
{
	const char *set = upper ? "0123456789ABCDEF" : "0123456789abcdef";

	for (size_t i = 0; i < digits; i++)
		out[i] = set[pm_random_below(&s->rnd, 16)];
	out[digits] = '\0';
}

static void make_nodes(struct pm_sim *s)
{
	for (unsigned i = 0; i < s->nnodes; i++) {
		(void)snprintf(s->node[i].name, sizeof(s->node[i].name), "pve%u", i + 1);
		(void)snprintf(s->node[i].ip, sizeof(s->node[i].ip), "127.0.0.%u", i + 1);
		s->node[i].busy = pm_xcalloc(s->o.workers, sizeof(*s->node[i].busy));
	}
}

static void options_fill(struct pm_sim *s, const struct pm_sim_options *o)
{
	s->o = *o;
	s->nnodes = o->nodes ? o->nodes : 1;
	if (s->nnodes > SIM_NODES)
		s->nnodes = SIM_NODES;
	if (!s->o.task_ms)
		s->o.task_ms = 200;
	if (!s->o.workers)
		s->o.workers = 3;
	if (!s->o.stats_lag_ms)
		s->o.stats_lag_ms = 10000;
	s->password = pm_xstrdup(o->password ? o->password : "podmox-sim");
	s->token_secret = o->token_secret ? pm_xstrdup(o->token_secret) : NULL;
	s->state_path = o->state ? pm_xstrdup(o->state) : NULL;
	if (o->seed)
		pm_random_seed(&s->rnd, o->seed);
	else
		pm_random_system(&s->rnd);
	pm_s_random_hex(s, s->key, 32, false);
	s->next_pid = 825;
}

static void add_local(struct pm_sim *s)
{
	struct sim_storage *st = pm_s_storage_add(s, "local", "dir");

	pm_s_conf_set(&st->conf, "content", "iso,vztmpl,backup,rootdir,images,snippets,import");
	pm_s_conf_set(&st->conf, "path", "/var/lib/vz");
	pm_s_conf_set(&st->conf, "prune-backups", "keep-all=1");
	pm_s_volume_add(s, "local:vztmpl/" SIM_TEMPLATE, -1, 954964);
	pm_s_volume_add(s, "local:vztmpl/demo-oci_1.0.tar", -1, 1085440);
	pm_s_volume_add(s, "local:snippets/hook.sh", -1, 35);
}

static void add_lvm(struct pm_sim *s)
{
	struct sim_storage *st = pm_s_storage_add(s, "local-lvm", "lvmthin");

	pm_s_conf_set(&st->conf, "content", "rootdir,images");
	pm_s_conf_set(&st->conf, "thinpool", "data");
	pm_s_conf_set(&st->conf, "vgname", "pve");
}

void pm_s_wipe(struct pm_sim *s)
{
	for (size_t i = 0; i < s->tasks.n; i++)
		pm_s_task_free(s->tasks.v[i]);
	s->tasks.n = s->running.n = 0;
	while (s->guests.n)
		pm_s_guest_del(s, s->guests.v[s->guests.n - 1]);
	while (s->volumes.n)
		pm_s_volume_del(s, s->volumes.v[s->volumes.n - 1]->volid, -1);
	for (size_t i = 0; i < s->storages.n; i++) {
		pm_s_conf_done(&s->storages.v[i]->conf);
		free(s->storages.v[i]->id);
		free(s->storages.v[i]->type);
		free(s->storages.v[i]);
	}
	s->storages.n = 0;
	for (size_t i = 0; i < s->pools.n; i++)
		pm_s_pool_free(s->pools.v[i]);
	s->pools.n = 0;
	for (size_t i = 0; i < s->samples.n; i++) {
		free(s->samples.v[i]->name);
		free(s->samples.v[i]);
	}
	s->samples.n = 0;
	pm_s_access_done(s);
	pm_s_conf_done(&s->options);
	while (s->objects.n)
		pm_s_object_del(s, s->objects.v[s->objects.n - 1]);
	while (s->log.n)
		pm_s_log_drop(s, s->log.n - 1);
	pm_s_log(s, 0, "root", "cluster", "starting cluster log");
	pm_s_nodes_heal(s);
}

void pm_s_nodes_heal(struct pm_sim *s)
{
	s->quorum = 0;
	s->ticket_life_s = SIM_TICKET_LIFE_S;
	for (unsigned i = 0; i < s->nnodes; i++) {
		struct sim_node *n = &s->node[i];

		n->off = n->hung = false;
		n->port = PM_SIM_OPEN;
		n->cert_change += n->cert != PM_SIM_CERT_RIGHT;
		n->cert = PM_SIM_CERT_RIGHT;
		n->limited = 0;
		n->skew_ms = 0;
	}
	pm_s_changed(s);
}

/* --down: nodes that are gone from the start. */
static int take_down(struct pm_sim *s, const char *names, struct pm_error *err)
{
	while (names && *names) {
		size_t n = strcspn(names, ",");
		char name[32];
		int i;

		(void)snprintf(name, sizeof(name), "%.*s", (int)n, names);
		i = pm_s_node_index(s, name);
		if (i < 0)
			return pm_error_set(err, PM_E_USAGE,
				"--down %s: there is no such node; there are pve1 to pve%u", name,
				s->nnodes);
		s->node[i].off = true;
		names += n;
		names += *names == ',';
	}
	return 0;
}

void pm_s_reset(struct pm_sim *s)
{
	pm_s_wipe(s);
	pm_s_access_init(s);
	add_local(s);
	s->offline = true;
	s->collected_ns = s->now_ns;
}

int pm_sim_new(struct pm_sim **ret, const struct pm_sim_options *o, struct pm_error *err)
{
	struct pm_sim *s = pm_xcalloc(1, sizeof(*s));
	int code = 0;

	options_fill(s, o);
	take_clock(s, o->clock);
	make_nodes(s);
	s->scratch = pm_arena_new(0);
	s->routes = pm_s_routes_new();
	for (size_t i = 0; i < o->nfail && !code; i++)
		code = pm_s_rule_parse(s, o->fail[i], err);
	if (!code && o->schema)
		code = pm_s_schema_load(&s->schema, o->schema, err);
	if (!code) {
		pm_s_reset(s);
		s->offline = false;
		add_lvm(s);
		code = o->state ? pm_s_state_load(s, err) : 0;
	}
	if (!code)
		code = take_down(s, o->down, err);
	if (!code && o->seed_guests && !s->guests.n)
		code = pm_s_seed(s, err);
	if (code) {
		pm_sim_free(s);
		return code;
	}
	*ret = s;
	return 0;
}

void pm_sim_free(struct pm_sim *s)
{
	if (!s)
		return;
	pm_s_wipe(s);
	for (unsigned i = 0; i < s->nnodes; i++) {
		free(s->node[i].busy);
		free(s->node[i].fingerprint);
		free(s->node[i].pem);
		free(s->node[i].ca_pem);
	}
	while (s->log.n)
		pm_s_log_drop(s, s->log.n - 1);
	pm_vec_done(&s->log);
	for (size_t i = 0; i < PM_COUNT(s->resources); i++)
		pm_sim_blob_put(s->resources[i].plain);
	pm_s_rules_free(s);
	pm_s_insists_free(s);
	pm_vec_done(&s->tasks);
	pm_vec_done(&s->running);
	pm_vec_done(&s->guests);
	pm_vec_done(&s->volumes);
	pm_vec_done(&s->storages);
	pm_vec_done(&s->pools);
	pm_vec_done(&s->samples);
	pm_vec_done(&s->objects);
	pm_s_schema_free(s->schema);
	pm_s_routes_free(s->routes);
	pm_arena_free(s->scratch);
	free(s->password);
	free(s->token_secret);
	free(s->state_path);
	free(s);
}

/* ---- facts ---- */

bool pm_s_quorate(const struct pm_sim *s)
{
	unsigned on = 0;

	for (unsigned i = 0; i < s->nnodes; i++)
		on += !s->node[i].off;
	return !s->quorum && on * 2 > s->nnodes;
}

int pm_s_node_index(const struct pm_sim *s, const char *name)
{
	for (unsigned i = 0; i < s->nnodes; i++)
		if (!strcmp(s->node[i].name, name))
			return (int)i;
	return -1;
}

unsigned pm_sim_nodes(const struct pm_sim *s)
{
	return s->nnodes;
}

const char *pm_sim_node_name(const struct pm_sim *s, unsigned node)
{
	return s->node[node].name;
}

enum pm_sim_port pm_sim_node_port(const struct pm_sim *s, unsigned node)
{
	return s->node[node].off ? PM_SIM_CLOSED : s->node[node].port;
}

enum pm_sim_cert pm_sim_node_cert(const struct pm_sim *s, unsigned node, unsigned *change)
{
	*change = s->node[node].cert_change;
	return s->node[node].cert;
}

int64_t pm_sim_node_wall_ms(const struct pm_sim *s, unsigned node)
{
	return s->wall_ms + s->node[node].skew_ms;
}

int64_t pm_s_node_time(const struct sim_call *c, unsigned node)
{
	return pm_sim_node_wall_ms(c->s, node) / 1000;
}

const char *pm_sim_password(const struct pm_sim *s)
{
	return s->password;
}

const char *pm_sim_token_secret(const struct pm_sim *s)
{
	return s->token_secret;
}

void pm_sim_set_certificate(struct pm_sim *s, unsigned node, const char *pem, const char *ca_pem)
{
	free(s->node[node].pem);
	free(s->node[node].ca_pem);
	s->node[node].pem = pm_xstrdup(pem);
	s->node[node].ca_pem = pm_xstrdup(ca_pem);
}

void pm_sim_set_fingerprint(struct pm_sim *s, unsigned node, const char *fingerprint)
{
	free(s->node[node].fingerprint);
	s->node[node].fingerprint = pm_xstrdup(fingerprint);
}
