/* The hosts of a cluster: their URLs, which node each of them is, which of them answer, and in which
 * order they are asked. What changes is guarded by one mutex; nothing is sent while it is held. */
#include <arpa/inet.h>
#include <ctype.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/pve_priv.h"

#define PORT             "8006"
#define PROBE_MS         2000 /* after the first failure; doubles */
#define PROBE_MOST_MS    60000
#define UNPROVEN_MS      60000 /* the same for a learnt host that never answered */
#define UNPROVEN_MOST_MS 600000
#define PROBE_TIMEOUT_MS 1000
#define SILENT_NS        PM_S_NS /* how long a host may owe an answer before others are preferred */

int pm_host_url(struct pm_arena *a, const char *text, const char **ret, struct pm_error *err)
{
	const char *colon = strrchr(text, ':');
	bool bracket = text[0] == '[', bare6 = !bracket && colon && strchr(text, ':') != colon;
	int64_t port;

	/* In brackets a colon is only a port's behind the closing one. */
	if (bracket && colon && colon[-1] != ']')
		colon = NULL;
	if (bare6)
		colon = NULL;
	if (text[0] == '\0' || strpbrk(text, "/?#@ ") || (bracket && !strchr(text, ']')) ||
		(colon && pm_parse_int(colon + 1, 1, 65535, &port) < 0))
		return pm_error_set(err, PM_E_INPUT,
			"\"%s\" is no host; write a name or an address, with a port if it is not " PORT
			": pve1.lan, 10.0.0.1:8006, [fd00::1]",
			text);
	*ret = pm_arena_printf(a, "https://%s%s%s%s", bare6 ? "[" : "", text, bare6 ? "]" : "",
		colon ? "" : ":" PORT);
	return 0;
}

/* Pairs of hex digits with colons as 64 digits in lower case. */
static const char *fingerprint(struct pm_arena *a, const char *text)
{
	char *out = pm_arena_strdup(a, text), *to = out;

	for (const char *s = text; *s; s++) {
		if (*s != ':')
			*to++ = (char)tolower((unsigned char)*s);
	}
	*to = '\0';
	return out;
}

static const char *ca_path(struct pm_arena *a, const char *path, const char *dir)
{
	if (!path || path[0] == '/' || !dir || dir[0] == '\0')
		return path ? pm_arena_strdup(a, path) : NULL;
	return pm_arena_printf(a, "%s/%s", dir, path);
}

static void set_trust(struct pm_host *h, struct pm_arena *a, const struct pm_pve_opts *o)
{
	const struct pm_value *v = pm_rec_get(o->cluster, PM_CLUSTER_TLS_FINGERPRINTS);

	h->insecure = !pm_rec_bool(o->cluster, PM_CLUSTER_TLS_VERIFY, true);
	h->ca_file = ca_path(a, pm_rec_str(o->cluster, PM_CLUSTER_TLS_CA, NULL), o->config_dir);
	if (v->state == PM_SET && v->u.list->n > 0) {
		const char **list = pm_new_n(a, const char *, v->u.list->n);

		for (size_t i = 0; i < v->u.list->n; i++)
			list[i] = fingerprint(a, v->u.list->v[i]);
		h->fingerprints = list;
		h->nfingerprints = (unsigned)v->u.list->n;
	}
	h->reads = (unsigned)pm_rec_int(o->cluster, PM_CLUSTER_READS, 6);
	h->writes = (unsigned)pm_rec_int(o->cluster, PM_CLUSTER_WRITES, 2);
}

static int add_configured(
	struct pm_hosts *h, const struct pm_host *common, const char *text, struct pm_error *err)
{
	struct pm_host *host = &h->v[h->n];
	int r;

	*host = *common;
	host->name = pm_arena_strdup(h->arena, text);
	r = pm_host_url(h->arena, text, &host->url, err);
	if (r < 0)
		return r;
	h->health[h->n].proven = true; /* somebody vouches for it: it is asked without a probe */
	h->n++;
	return 0;
}

int pm_hosts_open(struct pm_hosts *h, const struct pm_pve_opts *o, struct pm_error *err)
{
	const struct pm_value *list = pm_rec_get(o->cluster, PM_CLUSTER_HOSTS);
	struct pm_host common = { .name = "" };
	size_t n = list->state == PM_SET ? list->u.list->n : 0;

	if (n == 0)
		return pm_error_set(
			err, PM_E_INPUT, "the cluster has no hosts; set clusters.hosts");
	if (n > MOST_HOSTS)
		return pm_error_set(
			err, PM_E_INPUT, "at most %d hosts of a cluster are used", MOST_HOSTS);
	pthread_mutex_init(&h->lock, NULL);
	h->open = true;
	h->arena = pm_arena_new(1024);
	if (o->seed)
		pm_random_seed(&h->rnd, o->seed);
	else
		pm_random_system(&h->rnd);
	set_trust(&common, h->arena, o);
	for (size_t i = 0; i < n; i++) {
		int r = add_configured(h, &common, list->u.list->v[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

void pm_hosts_done(struct pm_hosts *h)
{
	if (!h->open)
		return;
	pm_arena_free(h->arena);
	pthread_mutex_destroy(&h->lock);
}

static struct pm_health *health_of(struct pm_hosts *h, const struct pm_host *host)
{
	return &h->health[host - h->v];
}

/* ---- the circuit of a host; the mutex is held ---- */

static uint64_t pause_ns(struct pm_hosts *h, const struct pm_health *e)
{
	uint64_t most = e->proven ? PROBE_MOST_MS : UNPROVEN_MOST_MS;
	uint64_t ms = e->proven ? PROBE_MS : UNPROVEN_MS;

	for (unsigned i = 1; i < e->failures && ms < most; i++)
		ms *= 2;
	/* A certificate does not become another one within seconds. */
	if (ms > most || e->distrusted)
		ms = most;
	/* Between half and all of it, so that clients that lost a host together do not return together. */
	return (ms / 2 + pm_random_below(&h->rnd, ms / 2 + 1)) * PM_MS_NS;
}

static void break_circuit(struct pm_hosts *h, struct pm_health *e, uint64_t now_ns)
{
	/* Calls that were under way together fail together: that is one failure. */
	if (e->circuit == PM_OPEN && now_ns < e->retry_ns)
		return;
	e->failures++;
	e->circuit = PM_OPEN;
	e->retry_ns = now_ns + pause_ns(h, e);
}

static void close_circuit(struct pm_health *e, bool probe)
{
	e->circuit = PM_CLOSED;
	e->proven = true;
	e->distrusted = false;
	/* That it answers a probe is a hope; only real work wipes the record. */
	if (!probe)
		e->failures = 0;
}

/* ---- who is asked ---- */

enum rank { FINE, SILENT, UNPROVEN, AWAY, UNTRUSTED, RANKS, NEVER = RANKS };

static enum rank rank_of(const struct pm_health *e, uint64_t now_ns)
{
	if (e->distrusted)
		return e->learnt ? NEVER : UNTRUSTED;
	if (now_ns < e->rest_ns)
		return NEVER;
	if (e->circuit != PM_CLOSED)
		return e->proven ? AWAY : UNPROVEN;
	if (e->waiting > 0 && now_ns > e->heard_ns && now_ns - e->heard_ns >= SILENT_NS)
		return SILENT;
	return FINE;
}

/* Whom to ask first for what concerns no node: the first, as long as it has room. */
static unsigned with_room(const struct pm_hosts *h, unsigned n, uint64_t now_ns)
{
	unsigned best = 0;

	for (unsigned i = 0; i < n; i++) {
		const struct pm_health *e = &h->health[i];

		if (rank_of(e, now_ns) != FINE)
			continue;
		if (e->waiting < h->v[i].reads)
			return i;
		if (rank_of(&h->health[best], now_ns) != FINE ||
			e->waiting < h->health[best].waiting)
			best = i;
	}
	return best;
}

/* A node without a host of ours is asked through one and the same, but not all through one. */
static unsigned first_for(const struct pm_hosts *h, unsigned n, const char *node, uint64_t now_ns)
{
	unsigned found = n;

	if (!node)
		return with_room(h, n, now_ns);
	for (unsigned i = 0; i < n; i++) {
		if (strcmp(h->health[i].node, node) != 0)
			continue;
		if (rank_of(&h->health[i], now_ns) == FINE)
			return i;
		if (found == n)
			found = i;
	}
	if (found < n || n == 0)
		return found;
	return (unsigned)(pm_hash(node, strlen(node), 0) % n);
}

unsigned pm_hosts_order(
	struct pm_hosts *h, const char *node, uint64_t now_ns, uint8_t order[MOST_HOSTS])
{
	unsigned first, count, n = 0;

	pthread_mutex_lock(&h->lock);
	count = atomic_load(&h->n);
	first = first_for(h, count, node, now_ns);
	for (unsigned rank = FINE; rank < RANKS; rank++) {
		for (unsigned i = 0; i < count; i++) {
			unsigned at = (first + i) % count;

			if (rank_of(&h->health[at], now_ns) == (enum rank)rank)
				order[n++] = (uint8_t)at;
		}
	}
	pthread_mutex_unlock(&h->lock);
	return n;
}

unsigned pm_hosts_due(struct pm_hosts *h, uint64_t now_ns, uint8_t due[MOST_HOSTS])
{
	unsigned count, n = 0;
	bool well = false;

	pthread_mutex_lock(&h->lock);
	count = atomic_load(&h->n);
	for (unsigned i = 0; i < count && !well; i++)
		well = rank_of(&h->health[i], now_ns) == FINE;
	for (unsigned i = 0; i < count && well; i++) {
		struct pm_health *e = &h->health[i];

		enum rank rank = rank_of(e, now_ns);

		if (rank == FINE || rank == NEVER || now_ns < e->retry_ns)
			continue;
		if (rank != SILENT)
			e->circuit = PM_HALF_OPEN;
		e->retry_ns = now_ns + (rank == SILENT ? SILENT_NS : pause_ns(h, e));
		due[n++] = (uint8_t)i;
	}
	pthread_mutex_unlock(&h->lock);
	return n;
}

uint64_t pm_hosts_rest_ns(struct pm_hosts *h, uint64_t now_ns)
{
	uint64_t least = 0;
	unsigned count;
	bool well = false;

	pthread_mutex_lock(&h->lock);
	count = atomic_load(&h->n);
	for (unsigned i = 0; i < count && !well; i++) {
		const struct pm_health *e = &h->health[i];
		enum rank rank = rank_of(e, now_ns);

		well = rank == FINE || rank == SILENT;
		if (rank == NEVER && !e->distrusted && (least == 0 || e->rest_ns - now_ns < least))
			least = e->rest_ns - now_ns;
	}
	pthread_mutex_unlock(&h->lock);
	return well ? 0 : least;
}

/* ---- what becomes of calls ---- */

void pm_hosts_asked(struct pm_hosts *h, const struct pm_host *host, uint64_t now_ns)
{
	struct pm_health *e = health_of(h, host);

	pthread_mutex_lock(&h->lock);
	if (e->waiting++ == 0)
		e->heard_ns = now_ns;
	pthread_mutex_unlock(&h->lock);
}

void pm_hosts_wait(struct pm_hosts *h, const struct pm_host *host, struct pm_waiter *w)
{
	struct pm_health *e = health_of(h, host);

	pthread_mutex_lock(&h->lock);
	w->next = e->waiters;
	e->waiters = w;
	pthread_mutex_unlock(&h->lock);
}

bool pm_hosts_waited(struct pm_hosts *h, const struct pm_host *host, struct pm_waiter *w)
{
	struct pm_waiter **at = &health_of(h, host)->waiters;
	bool given_up;

	pthread_mutex_lock(&h->lock);
	while (*at != w)
		at = &(*at)->next;
	*at = w->next;
	given_up = w->given_up;
	pthread_mutex_unlock(&h->lock);
	return given_up;
}

/* The mutex is held. The host does not even answer a probe: whoever waits for it, and may ask elsewhere,
 * waits no longer. */
static void give_up(struct pm_health *e)
{
	for (struct pm_waiter *w = e->waiters; w; w = w->next) {
		w->given_up = true;
		atomic_store(&w->cancel.on, true);
	}
}

void pm_hosts_spared(struct pm_hosts *h, const struct pm_host *host)
{
	pthread_mutex_lock(&h->lock);
	health_of(h, host)->waiting--;
	pthread_mutex_unlock(&h->lock);
}

/* Is it the first time in this process that this host is not trusted? */
static bool first_warning(const char *url)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static uint64_t warned[4 * MOST_HOSTS];
	static unsigned n;
	uint64_t hash = pm_hash(url, strlen(url), 0);
	bool first = true;

	pthread_mutex_lock(&lock);
	for (unsigned i = 0; i < n; i++)
		first &= warned[i] != hash;
	if (first && n < PM_COUNT(warned))
		warned[n++] = hash;
	pthread_mutex_unlock(&lock);
	return first;
}

static void tell_distrust(const struct pm_call *c, bool learnt)
{
	if (learnt)
		pm_debug("a node's address is not used: its certificate is not trusted",
			PM_KV_S("host", c->host->url), PM_KV_S("why", c->err.msg));
	else if (first_warning(c->host->url))
		pm_warning("a host is left out: its certificate is not trusted",
			PM_KV_S("host", c->host->name), PM_KV_S("why", c->err.msg));
}

/* The mutex is held. Answers true when we have just learnt not to trust the host. */
static bool note_failure(
	struct pm_hosts *h, struct pm_health *e, const struct pm_call *c, uint64_t now_ns)
{
	bool news = !e->distrusted;

	switch (c->err.code) {
	case PM_E_UNREACHABLE:
	case PM_E_TIMEOUT:
	case PM_E_PROTOCOL:
		break_circuit(h, e, now_ns);
		return false;
	case PM_E_AUTH:
		e->distrusted = true;
		break_circuit(h, e, now_ns);
		return news;
	default:
		return false; /* cancelled, refused by ourselves, too large: the host is not to blame */
	}
}

void pm_hosts_told(struct pm_hosts *h, const struct pm_call *c, bool probe, uint64_t now_ns)
{
	struct pm_health *e = health_of(h, c->host);
	bool news = false;

	pthread_mutex_lock(&h->lock);
	e->waiting--;
	if (c->err.code != PM_OK) {
		news = note_failure(h, e, c, now_ns);
		if (probe && e->circuit == PM_OPEN)
			give_up(e);
	} else if (pm_pve_is_hop(c->status) && pm_pve_host_trouble(c)) {
		break_circuit(h, e, now_ns);
	} else {
		e->heard_ns = now_ns;
		close_circuit(e, probe);
		if ((c->status == 429 || c->status == 503) && c->retry_after_s > 0)
			e->rest_ns = now_ns + c->retry_after_s * PM_S_NS;
	}
	pthread_mutex_unlock(&h->lock);
	if (news)
		tell_distrust(c, e->learnt);
}

/* ---- probes ---- */

void pm_probes_init(struct pm_probes *x, struct pm_pve *p)
{
	uint64_t now = pm_mono_ns(p->clock);
	uint8_t due[MOST_HOSTS];

	x->n = pm_hosts_due(&p->hosts, now, due);
	x->v = x->n > 0 ? pm_xcalloc(x->n, sizeof(*x->v)) : NULL;
	for (unsigned i = 0; i < x->n; i++) {
		/* PVE answers this to everybody: no credentials go to a host that nobody has met. */
		x->v[i] = (struct pm_call){ .host = &p->hosts.v[due[i]],
			.method = "GET",
			.path = API "/access/domains",
			.timeout_ms = PROBE_TIMEOUT_MS,
			.idempotent = true,
			.urgent = true,
			.max_body = 1 << 20,
			.user = x };
		pm_hosts_asked(&p->hosts, x->v[i].host, now);
	}
}

void pm_probe_told(struct pm_pve *p, struct pm_call *c)
{
	pm_hosts_told(&p->hosts, c, true, pm_mono_ns(p->clock));
	c->user = NULL;
}

void pm_probes_done(struct pm_probes *x, struct pm_pve *p)
{
	for (unsigned i = 0; i < x->n; i++) {
		struct pm_call *c = &x->v[i];

		if (c->user && c->status == 0 && c->err.code == PM_OK)
			pm_hosts_spared(&p->hosts, c->host); /* it was not sent */
		else if (c->user)
			pm_probe_told(p, c);
		pm_call_done(c);
	}
	free(x->v);
	x->n = 0;
}

/* ---- what others may know ---- */

unsigned pm_pve_hosts(struct pm_pve *p, struct pm_host_state *ret, unsigned n)
{
	struct pm_hosts *h = &p->hosts;
	unsigned count;

	pthread_mutex_lock(&h->lock);
	count = atomic_load(&h->n);
	for (unsigned i = 0; i < count && i < n; i++) {
		const struct pm_health *e = &h->health[i];

		memset(&ret[i], 0, sizeof(ret[i]));
		(void)snprintf(ret[i].name, sizeof(ret[i].name), "%s", h->v[i].name);
		memcpy(ret[i].node, e->node, sizeof(e->node));
		ret[i].learnt = e->learnt;
		ret[i].distrusted = e->distrusted;
		ret[i].circuit = e->circuit;
		ret[i].failures = e->failures;
	}
	pthread_mutex_unlock(&h->lock);
	return count;
}

const struct pm_host *pm_pve_host(struct pm_pve *p, const char *name)
{
	struct pm_hosts *h = &p->hosts;
	unsigned n = atomic_load(&h->n);

	for (unsigned i = 0; i < n; i++) {
		if (strcmp(h->v[i].name, name) == 0)
			return &h->v[i];
	}
	return NULL;
}

/* ---- which node a host is ---- */

/* The host of a URL, without brackets and port. */
static void host_part(const char *url, char out[256])
{
	const char *s = url + strlen("https://"), *end;

	if (*s == '[') {
		s++;
		end = strchr(s, ']');
	} else {
		end = strchr(s, ':');
	}
	(void)snprintf(out, 256, "%.*s", end ? (int)(end - s) : 255, s);
}

static bool same_address(const char *a, const char *b)
{
	struct in6_addr a6, b6;
	struct in_addr a4, b4;

	if (inet_pton(AF_INET, a, &a4) == 1)
		return inet_pton(AF_INET, b, &b4) == 1 && a4.s_addr == b4.s_addr;
	return inet_pton(AF_INET6, a, &a6) == 1 && inet_pton(AF_INET6, b, &b6) == 1 &&
	       memcmp(&a6, &b6, sizeof(a6)) == 0;
}

static bool is_node(const struct pm_host *host, const char *node, const char *ip)
{
	struct in6_addr ignored;
	char name[256];
	size_t label;

	host_part(host->url, name);
	if (ip && same_address(name, ip))
		return true;
	if (inet_pton(AF_INET, name, &ignored) == 1 || inet_pton(AF_INET6, name, &ignored) == 1)
		return false;
	label = strcspn(name, ".");
	return strlen(node) == label && strncasecmp(name, node, label) == 0;
}

void pm_hosts_learn(
	struct pm_hosts *h, const char *node, const char *ip, const struct pm_host *self)
{
	if (strlen(node) >= NODE_MAX)
		return;
	pthread_mutex_lock(&h->lock);
	for (unsigned i = 0; i < atomic_load(&h->n); i++) {
		struct pm_health *e = &h->health[i];

		if (self ? self == &h->v[i] : e->node[0] == '\0' && is_node(&h->v[i], node, ip))
			memcpy(e->node, node, strlen(node) + 1);
	}
	pthread_mutex_unlock(&h->lock);
}

/* ---- learning hosts ---- */

static bool is_loopback(const char *address)
{
	struct in6_addr six;
	struct in_addr four;

	if (inet_pton(AF_INET, address, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	if (inet_pton(AF_INET6, address, &six) == 1)
		return IN6_IS_ADDR_LOOPBACK(&six);
	return strcasecmp(address, "localhost") == 0;
}

/* An address of a node, worth a host of its own to whoever asked `told`? */
static bool is_useful(const struct pm_host *told, const char *node, const char *ip)
{
	struct in6_addr six;
	struct in_addr four;
	char name[256];

	if (!ip || node[0] == '\0' || strlen(node) >= NODE_MAX ||
		strspn(node, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") !=
			strlen(node))
		return false;
	if (inet_pton(AF_INET, ip, &four) != 1 && inet_pton(AF_INET6, ip, &six) != 1)
		return false;
	/* Seen from elsewhere, a loopback address is ourselves. */
	host_part(told->url, name);
	return !is_loopback(ip) || is_loopback(name);
}

/* The mutex is held. Is there a host for the node at this address, or a better one? */
static bool is_known(struct pm_hosts *h, const char *node, const char *ip)
{
	for (unsigned i = 0; i < atomic_load(&h->n); i++) {
		const struct pm_health *e = &h->health[i];
		char name[256];

		host_part(h->v[i].url, name);
		if (same_address(name, ip) || (!e->learnt && strcmp(e->node, node) == 0))
			return true;
	}
	return false;
}

static void add_learnt(
	struct pm_hosts *h, const struct pm_host *told, const char *node, const char *ip)
{
	bool six = strchr(ip, ':') != NULL;
	struct pm_health *e;
	struct pm_host *host;
	unsigned n;

	pthread_mutex_lock(&h->lock);
	n = atomic_load(&h->n);
	if (n < MOST_HOSTS && !is_known(h, node, ip)) {
		e = &h->health[n];
		host = &h->v[n];
		*host = h->v[0];
		host->name = pm_arena_strdup(h->arena, node);
		host->url = pm_arena_printf(h->arena, "https://%s%s%s%s", six ? "[" : "", ip,
			six ? "]" : "", strrchr(told->url, ':'));
		memcpy(e->node, node, strlen(node) + 1);
		e->learnt = true;
		e->circuit = PM_OPEN; /* until a probe says that it is there and may be trusted */
		atomic_store(&h->n, n + 1);
	}
	pthread_mutex_unlock(&h->lock);
}

/* One row: first only who is who, then whether it is a host we do not have. */
static void take_row(
	struct pm_hosts *h, const struct pm_host *told, struct json_object *row, bool add)
{
	const char *type = pm_json_str(row, "type"), *node = pm_json_str(row, "name"),
		   *ip = pm_json_str(row, "ip");

	if (!type || strcmp(type, "node") != 0 || !node)
		return;
	if (add) {
		if (pm_json_bool(row, "online", false) && is_useful(told, node, ip))
			add_learnt(h, told, node, ip);
		return;
	}
	pm_hosts_learn(h, node, ip, NULL);
	if (pm_json_bool(row, "local", false))
		pm_hosts_learn(h, node, NULL, told);
}

void pm_hosts_take_status(struct pm_hosts *h, const struct pm_host *told, struct json_object *rows)
{
	size_t n = json_object_is_type(rows, json_type_array) ? json_object_array_length(rows) : 0;

	for (size_t i = 0; i < n; i++)
		take_row(h, told, json_object_array_get_idx(rows, i), false);
	for (size_t i = 0; i < n; i++)
		take_row(h, told, json_object_array_get_idx(rows, i), true);
}
