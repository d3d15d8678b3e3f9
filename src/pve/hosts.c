/* The hosts of a cluster: their URLs, which node each of them is, and which of them answer. What changes
 * is guarded by one mutex. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/pve_priv.h"

#define PORT          "8006"
#define PROBE_MS      2000 /* after the first failure; doubles */
#define PROBE_MOST_MS 60000

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

int pm_hosts_open(
	struct pm_hosts *h, struct pm_arena *a, const struct pm_pve_opts *o, struct pm_error *err)
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
	set_trust(&common, a, o);
	h->v = pm_new_n(a, struct pm_host, n);
	h->health = pm_new_n(a, struct pm_health, n);
	for (size_t i = 0; i < n; i++) {
		const char *text = list->u.list->v[i];
		int r;

		h->v[i] = common;
		h->v[i].name = pm_arena_strdup(a, text);
		r = pm_host_url(a, text, &h->v[i].url, err);
		if (r < 0)
			return r;
	}
	h->n = (unsigned)n;
	if (o->seed)
		pm_random_seed(&h->rnd, o->seed);
	else
		pm_random_system(&h->rnd);
	pthread_mutex_init(&h->lock, NULL);
	return 0;
}

void pm_hosts_done(struct pm_hosts *h)
{
	if (h->n > 0)
		pthread_mutex_destroy(&h->lock);
}

/* ---- health ---- */

static uint64_t next_probe(struct pm_hosts *h, unsigned failures, uint64_t now_ns)
{
	uint64_t ms = PROBE_MS;

	for (unsigned i = 1; i < failures && ms < PROBE_MOST_MS; i++)
		ms *= 2;
	if (ms > PROBE_MOST_MS)
		ms = PROBE_MOST_MS;
	/* Between half and all of it, so that clients that lost a host together do not return together. */
	return now_ns + (ms / 2 + pm_random_below(&h->rnd, ms / 2 + 1)) * PM_MS_NS;
}

void pm_hosts_ok(struct pm_hosts *h, const struct pm_host *host)
{
	struct pm_health *e = &h->health[host - h->v];

	pthread_mutex_lock(&h->lock);
	e->failures = 0;
	pthread_mutex_unlock(&h->lock);
}

void pm_hosts_failed(struct pm_hosts *h, const struct pm_host *host, uint64_t now_ns)
{
	struct pm_health *e = &h->health[host - h->v];

	pthread_mutex_lock(&h->lock);
	/* Calls that were under way together fail together: that is one failure. */
	if (e->failures == 0 || now_ns >= e->probe_ns) {
		e->failures++;
		e->probe_ns = next_probe(h, e->failures, now_ns);
	}
	pthread_mutex_unlock(&h->lock);
}

/* May a failed host be tried in its place? One caller is let through to see whether it is back. */
static bool may_probe(struct pm_hosts *h, struct pm_health *e, uint64_t now_ns)
{
	if (now_ns < e->probe_ns)
		return false;
	e->probe_ns = next_probe(h, e->failures, now_ns);
	return true;
}

void pm_hosts_order(
	struct pm_hosts *h, const char *node, uint64_t now_ns, uint8_t order[MOST_HOSTS])
{
	unsigned first = 0, n = 0, last = h->n;

	pthread_mutex_lock(&h->lock);
	/* A node without a host of ours is asked through one and the same, but not all through one. */
	if (node)
		first = (unsigned)(pm_hash(node, strlen(node), 0) % h->n);
	for (unsigned i = 0; node && i < h->n; i++) {
		if (strcmp(h->health[i].node, node) == 0) {
			first = i;
			break;
		}
	}
	for (unsigned i = 0; i < h->n; i++) {
		unsigned at = (first + i) % h->n;
		struct pm_health *e = &h->health[at];

		if (e->failures == 0 || (i == 0 && may_probe(h, e, now_ns)))
			order[n++] = (uint8_t)at;
		else
			order[--last] = (uint8_t)at;
	}
	pthread_mutex_unlock(&h->lock);
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
	for (unsigned i = 0; i < h->n; i++) {
		struct pm_health *e = &h->health[i];

		if (self ? self == &h->v[i] : e->node[0] == '\0' && is_node(&h->v[i], node, ip))
			memcpy(e->node, node, strlen(node) + 1);
	}
	pthread_mutex_unlock(&h->lock);
}
