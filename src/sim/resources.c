/* /cluster/resources: rows that are there at once, with statistics that lag behind, and the rendered
 * list kept until something in it changes. */
#include "sim/qemu_priv.h"

/* ---- statistics, as pvestatd collects them ---- */

static size_t sample_place(const struct pm_sim *s, unsigned vmid)
{
	size_t lo = 0, hi = s->samples.n;

	while (lo < hi) {
		size_t mid = (lo + hi) / 2;

		if (s->samples.v[mid]->vmid < vmid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static struct sim_sample *sample_of(const struct pm_sim *s, unsigned vmid)
{
	size_t i = sample_place(s, vmid);

	return i < s->samples.n && s->samples.v[i]->vmid == vmid ? s->samples.v[i] : NULL;
}

static struct sim_sample *sample_for(struct pm_sim *s, unsigned vmid)
{
	size_t i = sample_place(s, vmid);
	struct sim_sample *sm;

	if (i < s->samples.n && s->samples.v[i]->vmid == vmid)
		return s->samples.v[i];
	sm = pm_xcalloc(1, sizeof(*sm));
	sm->vmid = vmid;
	pm_vec_room(&s->samples);
	memmove(&s->samples.v[i + 1], &s->samples.v[i], (s->samples.n - i) * sizeof(*s->samples.v));
	s->samples.v[i] = sm;
	s->samples.n++;
	return sm;
}

/* What the HA manager says of a guest in its last round. */
static const char *ha_state(const struct pm_sim *s, const struct sim_guest *g)
{
	const char *wants = s->objects.n ? pm_s_ha_wants(s, g) : NULL;

	if (!wants)
		return NULL;
	if (strcmp(wants, "started") != 0 && strcmp(wants, "enabled") != 0)
		return "stopped";
	return g->running ? "started" : "queued";
}

static void take(struct pm_sim *s, const struct sim_guest *g)
{
	struct sim_sample *sm = sample_for(s, g->vmid);
	const char *name = pm_s_guest_name(g);

	if (!sm->name || !name || strcmp(sm->name, name) != 0) {
		char other[24];

		(void)snprintf(other, sizeof(other), "%s%u", g->qemu ? "VM " : "CT", g->vmid);
		free(sm->name);
		sm->name = pm_xstrdup(name ? name : other);
	}
	sm->running = g->running;
	sm->ha = ha_state(s, g);
	sm->template = pm_s_true(pm_s_conf_get(&g->cur, "template"));
	sm->maxmem = (g->qemu ? pm_s_vm_memory(&g->cur) : pm_s_conf_int(&g->cur, "memory", 512))
		     << 20;
	sm->maxdisk = pm_s_guest_disk(g);
	sm->cpus = g->qemu ? pm_s_vm_cpus(&g->cur) : pm_s_conf_int(&g->cur, "cores", SIM_CPUS);
	sm->since_ns = g->started_ns;
	sm->taken_ns = s->now_ns;
}

/* The HA manager's round: what is wanted is done. */
static void obey_ha(struct pm_sim *s, struct sim_guest *g)
{
	const char *wants = s->objects.n ? pm_s_ha_wants(s, g) : NULL;

	if (!wants || pm_s_conf_has(&g->cur, "lock") || s->node[g->node].off || g->holder)
		return;
	if (!g->running && (!strcmp(wants, "started") || !strcmp(wants, "enabled"))) {
		pm_s_apply_pending(s, g);
		g->running = true;
		g->started_ns = s->now_ns;
		pm_s_guest_touch(s, g);
	} else if (g->running && (!strcmp(wants, "stopped") || !strcmp(wants, "disabled"))) {
		g->running = false;
		pm_s_guest_touch(s, g);
		pm_s_apply_pending(s, g);
	}
}

void pm_s_collect(struct pm_sim *s)
{
	size_t n = 0;

	s->collected_ns = s->now_ns;
	for (size_t i = 0; i < s->guests.n; i++) {
		struct sim_guest *g = s->guests.v[i];
		const char *lock = pm_s_conf_get(&g->cur, "lock");

		if (s->node[g->node].off || (lock && !strcmp(lock, "create")))
			continue;
		obey_ha(s, g);
		take(s, g);
		free(g->row);
		g->row = NULL;
	}
	for (size_t i = 0; i < s->samples.n; i++) { /* of a dead node for five minutes more */
		struct sim_sample *sm = s->samples.v[i];
		const struct sim_guest *g = pm_s_guest(s, sm->vmid);

		if (g && s->now_ns - sm->taken_ns < 300 * PM_S_NS) {
			s->samples.v[n++] = sm;
			continue;
		}
		free(sm->name);
		free(sm);
	}
	s->samples.n = n;
	s->generation++;
}

/* ---- rows ---- */

static void write_sample(struct pm_jwrite *w, const struct sim_sample *sm)
{
	static const char *const counters[] = { "diskread", "diskwrite", "netin", "netout" };

	pm_jw_str(w, "name", sm->name);
	pm_jw_str(w, "status", sm->running ? "running" : "stopped");
	if (sm->ha)
		pm_jw_str(w, "hastate", sm->ha);
	pm_jw_int(w, "template", sm->template);
	pm_jw_int(w, "cpu", 0);
	pm_jw_int(w, "maxcpu", sm->cpus);
	pm_jw_int(w, "mem", sm->running ? 3100672 : 0);
	pm_jw_int(w, "maxmem", sm->maxmem);
	pm_jw_int(w, "memhost", sm->running ? 3100672 : 0);
	pm_jw_int(w, "disk", sm->running ? 2478080 : 0);
	pm_jw_int(w, "maxdisk", sm->maxdisk);
	for (size_t i = 0; i < PM_COUNT(counters); i++)
		pm_jw_int(w, counters[i], sm->running ? (int64_t)(220 + 1000 * i) : 0);
	pm_jw_int(
		w, "uptime", sm->running ? (int64_t)((sm->taken_ns - sm->since_ns) / PM_S_NS) : 0);
}

const char *pm_s_guest_row(struct pm_sim *s, struct sim_guest *g, bool with_pool)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };
	const char *tags = pm_s_conf_get(&g->cur, "tags"), *lock = pm_s_conf_get(&g->cur, "lock");
	const struct sim_pool *p = pm_s_pool_of(s, g->vmid);
	const struct sim_sample *sm;
	char id[24];

	if (s->o.stats_lag_ms < 0)
		take(s, g);
	else if (g->row && with_pool)
		return g->row;
	sm = sample_of(s, g->vmid);
	(void)snprintf(id, sizeof(id), "%s/%u", g->qemu ? "qemu" : "lxc", g->vmid);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "id", id);
	pm_jw_int(&w, "vmid", g->vmid);
	pm_jw_str(&w, "type", g->qemu ? "qemu" : "lxc");
	pm_jw_str(&w, "node", s->node[g->node].name);
	if (sm)
		write_sample(&w, sm);
	else
		pm_jw_str(&w, "status", "unknown");
	if (tags)
		pm_jw_str(&w, "tags", tags);
	if (lock)
		pm_jw_str(&w, "lock", lock);
	if (p && with_pool)
		pm_jw_str(&w, "pool", p->id);
	pm_jw_object_end(&w);
	free(g->row);
	g->row = pm_buf_steal(&b);
	if (!with_pool) { /* a row of a pool's list: kept only until it is written */
		char *row = pm_arena_strdup(s->scratch, g->row);

		free(g->row);
		g->row = NULL;
		return row;
	}
	return g->row;
}

void pm_s_storage_row(struct sim_call *c, const struct sim_storage *st, unsigned node)
{
	const struct sim_node *n = &c->s->node[node];
	bool on = !n->off && !pm_s_true(pm_s_conf_get(&st->conf, "disable"));

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "storage/%s/%s", n->name, st->id));
	pm_jw_str(&c->w, "storage", st->id);
	pm_jw_str(&c->w, "type", "storage");
	pm_jw_str(&c->w, "node", n->name);
	pm_jw_str(&c->w, "plugintype", st->type);
	pm_jw_str(&c->w, "content", pm_s_conf_get(&st->conf, "content"));
	pm_jw_int(&c->w, "shared", pm_s_storage_shared(st));
	pm_jw_str(&c->w, "status", on ? "available" : "unknown");
	pm_jw_int(&c->w, "disk", INT64_C(23562838016));
	pm_jw_int(&c->w, "maxdisk", INT64_C(270553174016));
	pm_jw_object_end(&c->w);
}

void pm_s_node_row(struct sim_call *c, unsigned i, bool resources)
{
	const struct sim_node *n = &c->s->node[i];
	bool audit =
		pm_s_may(c, pm_arena_printf(c->a, "/nodes/%s", n->name), pm_s_priv("Sys.Audit"));

	pm_jw_object(&c->w, NULL);
	pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "node/%s", n->name));
	pm_jw_str(&c->w, "node", n->name);
	pm_jw_str(&c->w, "type", "node");
	pm_jw_str(&c->w, "level", "");
	pm_jw_str(&c->w, "status", n->off ? "offline" : "online");
	if (!resources)
		pm_jw_str(&c->w, "ssl_fingerprint", n->fingerprint ? n->fingerprint : "");
	else if (!n->off)
		pm_jw_int(&c->w, "cgroup-mode", 2);
	if (audit) {
		pm_jw_int(&c->w, "maxcpu", SIM_CPUS);
		pm_jw_int(&c->w, "maxmem", SIM_NODE_MEM);
		pm_jw_int(&c->w, "maxdisk", INT64_C(270553174016));
	}
	if (audit && !n->off) {
		pm_jw_raw(&c->w, "cpu", "0.012012012012012");
		pm_jw_int(&c->w, "mem", INT64_C(1099673600));
		pm_jw_int(&c->w, "disk", INT64_C(23561756672));
		pm_jw_int(
			&c->w, "uptime", (int64_t)((c->s->now_ns - c->s->born_ns) / PM_S_NS) + 60);
	}
	pm_jw_object_end(&c->w);
}

/* ---- the list ---- */

static bool wants(const char *type, const char *kind)
{
	return !type || !strcmp(type, kind);
}

static void write_guests(struct sim_call *c)
{
	uint64_t audit = pm_s_priv("VM.Audit");
	bool all = pm_s_is_root(c);

	for (size_t i = 0; i < c->s->guests.n; i++) {
		struct sim_guest *g = c->s->guests.v[i];

		if (all || pm_s_may(c, pm_arena_printf(c->a, "/vms/%u", g->vmid), audit))
			pm_jw_raw(&c->w, NULL, pm_s_guest_row(c->s, g, true));
	}
}

static void write_others(struct sim_call *c, const char *type)
{
	uint64_t look = pm_s_priv("Datastore.Audit") | pm_s_priv("Datastore.AllocateSpace");

	for (size_t i = 0; i < c->s->pools.n && !type; i++) {
		const char *id = c->s->pools.v[i]->id;

		if (!pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", id), pm_s_priv("Pool.Audit")))
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "id", pm_arena_printf(c->a, "/pool/%s", id));
		pm_jw_str(&c->w, "type", "pool");
		pm_jw_str(&c->w, "pool", id);
		pm_jw_object_end(&c->w);
	}
	for (unsigned n = 0; n < c->s->nnodes; n++) {
		if (wants(type, "node"))
			pm_s_node_row(c, n, true);
		for (size_t i = 0; i < c->s->storages.n && wants(type, "storage"); i++) {
			struct sim_storage *st = c->s->storages.v[i];

			if (pm_s_storage_on(st, c->s->node[n].name) &&
				pm_s_may(c, pm_arena_printf(c->a, "/storage/%s", st->id), look))
				pm_s_storage_row(c, st, n);
		}
		if (!type && pm_s_may(c, "/sdn/zones/localnetwork", pm_s_priv("SDN.Audit"))) {
			const char *node = c->s->node[n].name;

			pm_jw_object(&c->w, NULL);
			pm_jw_str(&c->w, "id",
				pm_arena_printf(c->a, "network/%s/zone/localnetwork", node));
			pm_jw_str(&c->w, "type", "network");
			pm_jw_str(&c->w, "network", "localnetwork");
			pm_jw_str(&c->w, "network-type", "zone");
			pm_jw_str(&c->w, "node", node);
			pm_jw_str(&c->w, "status", c->s->node[n].off ? "unknown" : "ok");
			pm_jw_object_end(&c->w);
		}
	}
}

static void write_all(struct sim_call *c, const char *type)
{
	pm_jw_array(&c->w, "data");
	if (wants(type, "vm"))
		write_guests(c);
	if (!type || strcmp(type, "vm") != 0)
		write_others(c, type);
	pm_jw_array_end(&c->w);
}

/* Who sees everything gets the same text until something changes: ten thousand rows are not made anew for
 * each of the many who ask. */
void pm_s_resources(struct sim_call *c)
{
	const char *type = pm_s_arg(c, "type");
	bool vm = type && !strcmp(type, "vm");
	struct sim_cache *cache = &c->s->resources[vm];
	bool kept = pm_s_is_root(c) && (!type || vm) && !c->extjs && c->s->o.stats_lag_ms >= 0;

	if (type && strcmp(type, "vm") != 0 && strcmp(type, "node") != 0 &&
		strcmp(type, "storage") != 0 && strcmp(type, "sdn") != 0) {
		pm_s_bad(c, "type",
			"value '%s' does not have a value in the enumeration 'vm, storage, node, sdn'",
			type);
		return;
	}
	if (kept && cache->plain && cache->generation == c->s->generation) {
		pm_s_reply_blob(c, cache->plain);
		return;
	}
	write_all(c, type);
	if (!kept)
		return;
	pm_buf_addc(&c->out, '}');
	pm_sim_blob_put(cache->plain);
	cache->plain = pm_s_blob(&c->out);
	cache->generation = c->s->generation;
	pm_s_reply_blob(c, cache->plain);
}
