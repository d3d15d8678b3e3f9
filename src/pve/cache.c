/* The cache: answers of GETs as text, for a time that depends on the class of their path. Who asks for
 * what is being asked already waits for that answer. Never used but where a caller says that an answer
 * that is not quite new will do. One mutex guards everything; it is never held across a request. */
#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "pve/op.h"
#include "pve/pve_priv.h"

#define MOST_BYTES   ((size_t)32 << 20)
#define MOST_ENTRIES 4096
#define TICK_NS      (20 * PM_MS_NS) /* how often a waiter looks at its cancel token */

struct pm_blob {
	atomic_uint refs;
	size_t n;
	char text[];
};

struct pm_entry {
	struct pm_entry *next; /* in its slot */
	struct pm_entry *older, *newer;
	uint64_t hash, asked_ns, ttl_ns;
	struct pm_blob *blob;
	char key[];
};

struct pm_flight {
	struct pm_flight *next;
	pthread_cond_t wake;
	unsigned waiters;
	bool done, led; /* led: somebody is asking */
	bool stale;     /* a write came in between: good for those who wait, not for others */
	uint64_t asked_ns;
	struct pm_blob *blob;
	struct pm_error err; /* of done without a blob */
	struct pm_fault fault;
	char key[];
};

/* ---- how long answers are good ---- */

/* The first row that fits counts. A * stands for one part of the path; `below` takes in all below. */
static const struct {
	const char *pattern;
	bool below;
	unsigned ttl_ms;
} classes[] = {
	/* what changes by the second, or by being asked */
	{ "/cluster/nextid", false, 0 },
	{ "/cluster/tasks", false, 0 },
	{ "/nodes/*/tasks", true, 0 },
	/* what changes with upgrades and by hand */
	{ "/version", false, 300000 },
	{ "/nodes/*/version", false, 300000 },
	{ "/nodes", false, 60000 },
	{ "/cluster/config", true, 60000 },
	{ "/storage", true, 60000 },
	{ "/nodes/*/storage", false, 30000 },
	{ "/nodes/*/network", true, 30000 },
	{ "/cluster/options", false, 30000 },
	{ "/access", true, 30000 },
	/* what changes with work */
	{ "/cluster/status", false, 10000 },
	{ "/pools", true, 10000 },
	{ "/nodes/*/storage/*/content", true, 10000 },
	{ "/nodes/*/lxc/*/config", false, 5000 },
	{ "/nodes/*/qemu/*/config", false, 5000 },
	{ "/nodes/*/lxc/*/pending", false, 5000 },
	{ "/nodes/*/qemu/*/pending", false, 5000 },
	{ "/cluster/resources", false, 3000 },
	{ "/nodes/*/lxc", false, 3000 },
	{ "/nodes/*/qemu", false, 3000 },
	{ "/*", true, 2000 },
};

uint64_t pm_cache_ttl_ns(const char *path)
{
	char plain[512];
	size_t n = strcspn(path, "?");

	if (n >= sizeof(plain))
		return 0;
	memcpy(plain, path, n);
	plain[n] = '\0';
	for (size_t i = 0; i < PM_COUNT(classes); i++) {
		int flags = FNM_PATHNAME | (classes[i].below ? FNM_LEADING_DIR : 0);

		if (fnmatch(classes[i].pattern, plain, flags) == 0)
			return classes[i].ttl_ms * PM_MS_NS;
	}
	return 0;
}

/* ---- texts ---- */

static struct pm_blob *blob_new(const struct pm_buf *text)
{
	struct pm_blob *b = pm_xcalloc(1, sizeof(*b) + text->len + 1);

	atomic_store(&b->refs, 1);
	b->n = text->len;
	memcpy(b->text, pm_buf_str(text), text->len);
	return b;
}

static struct pm_blob *blob_get(struct pm_blob *b)
{
	atomic_fetch_add(&b->refs, 1);
	return b;
}

void pm_blob_put(struct pm_blob *b)
{
	if (b && atomic_fetch_sub(&b->refs, 1) == 1)
		free(b);
}

const char *pm_blob_text(const struct pm_blob *b, size_t *ret_n)
{
	*ret_n = b->n;
	return b->text;
}

/* ---- entries; the mutex is held ---- */

static size_t size_of(const struct pm_entry *e)
{
	return sizeof(*e) + strlen(e->key) + sizeof(*e->blob) + e->blob->n;
}

static void entry_remove(struct pm_cache *c, struct pm_entry *e)
{
	struct pm_entry **at = &c->slot[e->hash % CACHE_SLOTS];

	while (*at != e)
		at = &(*at)->next;
	*at = e->next;
	*(e->older ? &e->older->newer : &c->oldest) = e->newer;
	*(e->newer ? &e->newer->older : &c->newest) = e->older;
	c->bytes -= size_of(e);
	c->n--;
	pm_blob_put(e->blob);
	free(e);
}

static struct pm_entry *entry_find(const struct pm_cache *c, const char *key, uint64_t hash)
{
	struct pm_entry *e = c->slot[hash % CACHE_SLOTS];

	while (e && (e->hash != hash || strcmp(e->key, key) != 0))
		e = e->next;
	return e;
}

static void entry_add(struct pm_cache *c, const char *key, struct pm_blob *blob, uint64_t asked_ns)
{
	uint64_t hash = pm_hash(key, strlen(key), 0);
	struct pm_entry *e = entry_find(c, key, hash);

	if (e)
		entry_remove(c, e);
	/* One answer that is a large part of everything would drive out all others. */
	if (blob->n > c->most_bytes / 4)
		return;
	e = pm_xcalloc(1, sizeof(*e) + strlen(key) + 1);
	memcpy(e->key, key, strlen(key) + 1);
	e->hash = hash;
	e->asked_ns = asked_ns;
	e->ttl_ns = pm_cache_ttl_ns(key);
	e->blob = blob_get(blob);
	e->next = c->slot[hash % CACHE_SLOTS];
	c->slot[hash % CACHE_SLOTS] = e;
	e->older = c->newest;
	*(c->newest ? &c->newest->newer : &c->oldest) = e;
	c->newest = e;
	c->bytes += size_of(e);
	c->n++;
	while (c->bytes > c->most_bytes || c->n > MOST_ENTRIES)
		entry_remove(c, c->oldest);
}

static bool is_good(const struct pm_entry *e, uint64_t now_ns)
{
	return now_ns < e->asked_ns + e->ttl_ns;
}

/* ---- opening and closing ---- */

void pm_cache_init(struct pm_cache *c, const struct pm_clock *clock)
{
	pthread_mutex_init(&c->lock, NULL);
	c->clock = clock;
	c->most_bytes = MOST_BYTES;
}

void pm_cache_done(struct pm_cache *c)
{
	if (!c->clock)
		return;
	while (c->oldest)
		entry_remove(c, c->oldest);
	pthread_mutex_destroy(&c->lock);
}

/* ---- flights ---- */

static struct pm_flight *flight_new(struct pm_cache *c, const char *key, uint64_t now_ns)
{
	struct pm_flight *f = pm_xcalloc(1, sizeof(*f) + strlen(key) + 1);
	pthread_condattr_t attr;

	memcpy(f->key, key, strlen(key) + 1);
	pm_assert(pthread_condattr_init(&attr) == 0);
	pm_assert(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	pm_assert(pthread_cond_init(&f->wake, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
	f->led = true;
	f->asked_ns = now_ns;
	f->next = c->flights;
	c->flights = f;
	return f;
}

/* Frees it when nobody leads it or waits for it. */
static void flight_leave(struct pm_cache *c, struct pm_flight *f)
{
	struct pm_flight **at = &c->flights;

	if (f->led || f->waiters > 0)
		return;
	while (*at != f)
		at = &(*at)->next;
	*at = f->next;
	pm_blob_put(f->blob);
	(void)pthread_cond_destroy(&f->wake);
	free(f);
}

static struct pm_flight *flight_find(const struct pm_cache *c, const char *key)
{
	struct pm_flight *f = c->flights;

	while (f && (f->stale || f->done || strcmp(f->key, key) != 0))
		f = f->next;
	return f;
}

static void sleep_on(struct pm_cache *c, struct pm_flight *f)
{
	uint64_t until = pm_mono_ns(&pm_clock_system) + TICK_NS;
	struct timespec ts = { .tv_sec = (time_t)(until / PM_S_NS),
		.tv_nsec = (long)(until % PM_S_NS) };

	(void)pthread_cond_timedwait(&f->wake, &c->lock, &ts);
}

/* Waits until it lands, or until its leader gave up and we are the next. */
static int join(struct pm_cache *c, struct pm_job *j, struct pm_flight *f, struct pm_cache_ask *ret,
	struct pm_fault *fault, struct pm_error *err)
{
	int r = 0;

	c->joined++;
	f->waiters++;
	while (!f->done && f->led && r == 0) {
		if (pm_cancelled(j->cancel, c->clock))
			r = pm_error_set(err, PM_E_CANCELLED,
				"cancelled while another call asks for the same");
		else
			sleep_on(c, f);
	}
	f->waiters--;
	if (r == 0 && !f->done) {
		f->led = true;
		f->asked_ns = pm_mono_ns(c->clock);
		ret->flight = f;
		return 0;
	}
	if (r == 0 && f->blob) {
		ret->blob = blob_get(f->blob);
	} else if (r == 0) {
		*err = f->err;
		if (fault)
			*fault = f->fault;
		r = -(int)err->code;
	}
	flight_leave(c, f);
	return r;
}

int pm_cache_ask(struct pm_cache *c, struct pm_job *j, const char *key, struct pm_cache_ask *ret,
	struct pm_fault *fault, struct pm_error *err)
{
	uint64_t now = pm_mono_ns(c->clock);
	struct pm_flight *f;
	struct pm_entry *e;
	int r = 0;

	*ret = (struct pm_cache_ask){ .blob = NULL };
	pthread_mutex_lock(&c->lock);
	e = entry_find(c, key, pm_hash(key, strlen(key), 0));
	if (e && !is_good(e, now)) {
		entry_remove(c, e);
		e = NULL;
	}
	f = e ? NULL : flight_find(c, key);
	if (e) {
		c->hits++;
		ret->blob = blob_get(e->blob);
	} else if (f) {
		r = join(c, j, f, ret, fault, err);
	} else {
		c->misses++;
		ret->flight = flight_new(c, key, now);
	}
	pthread_mutex_unlock(&c->lock);
	return r;
}

void pm_cache_leave(struct pm_cache *c, struct pm_flight *f, const struct pm_buf *text,
	const struct pm_fault *fault, const struct pm_error *err)
{
	pthread_mutex_lock(&c->lock);
	f->led = false;
	if (text) {
		f->blob = blob_new(text);
		if (!f->stale)
			entry_add(c, f->key, f->blob, f->asked_ns);
	} else {
		f->err = *err;
		f->fault = *fault;
	}
	/* What ended one caller is no answer for the others. */
	f->done = text || err->code != PM_E_CANCELLED;
	(void)pthread_cond_broadcast(&f->wake);
	flight_leave(c, f);
	pthread_mutex_unlock(&c->lock);
}

/* ---- forgetting ---- */

/* Does the key lie at or below the path: is it the same, or does a part or a query follow? */
static bool is_below(const char *key, const char *path, size_t n)
{
	return strncmp(key, path, n) == 0 && (n == 0 || key[n] == '\0' || strchr("/?", key[n]));
}

static bool is_exactly(const char *key, const char *path, size_t n)
{
	return strncmp(key, path, n) == 0 && (key[n] == '\0' || key[n] == '?');
}

unsigned pm_path_vmid(const char *path)
{
	const char *s = path;
	char digits[16];
	int64_t vmid;
	size_t n;

	if (!pm_str_starts(s, "/nodes/"))
		return 0;
	s += 7;
	s += strcspn(s, "/?");
	if (pm_str_starts(s, "/lxc/"))
		s += 5;
	else if (pm_str_starts(s, "/qemu/"))
		s += 6;
	else
		return 0;
	n = strcspn(s, "/?");
	if (n == 0 || n >= sizeof(digits))
		return 0;
	memcpy(digits, s, n);
	digits[n] = '\0';
	return pm_parse_int(digits, 1, INT32_MAX, &vmid) < 0 ? 0 : (unsigned)vmid;
}

/* "/nodes/N/lxc", a list of guests. */
static bool is_guest_list(const char *key)
{
	size_t n;

	if (!pm_str_starts(key, "/nodes/"))
		return false;
	n = 7 + strcspn(key + 7, "/?");
	return is_exactly(key + n, "/lxc", 4) || is_exactly(key + n, "/qemu", 5);
}

/* What is to be forgotten. */
struct doom {
	const char *prefix; /* "" all; NULL: by the rest */
	const char *path;   /* it and all below, so many bytes of it */
	size_t n;
	unsigned vmid;  /* that guest, wherever it is; 0: none */
	bool inventory; /* lists of guests */
	bool volumes;   /* storages of nodes */
};

static bool is_doomed(const char *key, const struct doom *d)
{
	if (d->prefix && pm_str_starts(key, d->prefix))
		return true;
	if (d->path && is_below(key, d->path, d->n))
		return true;
	if (d->inventory && (is_below(key, "/cluster/resources", 18) ||
				    is_below(key, "/pools", 6) || is_guest_list(key)))
		return true;
	if (d->volumes && pm_str_starts(key, "/nodes/") &&
		is_below(key + 7 + strcspn(key + 7, "/?"), "/storage", 8))
		return true;
	return d->vmid > 0 && pm_path_vmid(key) == d->vmid;
}

static void forget(struct pm_cache *c, const struct doom *d)
{
	struct pm_entry *newer;

	pthread_mutex_lock(&c->lock);
	for (struct pm_entry *e = c->oldest; e; e = newer) {
		newer = e->newer;
		if (!is_doomed(e->key, d))
			continue;
		entry_remove(c, e);
		c->dropped++;
	}
	for (struct pm_flight *f = c->flights; f; f = f->next)
		f->stale |= is_doomed(f->key, d);
	pthread_mutex_unlock(&c->lock);
}

void pm_cache_drop_guest(struct pm_cache *c, unsigned vmid)
{
	forget(c, &(struct doom){ .vmid = vmid, .inventory = true, .volumes = true });
}

void pm_cache_wrote(struct pm_cache *c, const char *path)
{
	struct doom d = { .path = path, .inventory = true, .volumes = true };

	d.vmid = pm_path_vmid(path);
	if (d.vmid > 0 || is_guest_list(path)) {
		/* Not all that is below its node: other guests are as they were. */
		d.path = NULL;
	} else if (pm_str_starts(path, "/nodes/")) {
		d.n = 7 + strcspn(path + 7, "/?");
	} else if (pm_str_starts(path, "/cluster/bulk-action/")) {
		d.prefix = "";
	} else {
		d.n = strcspn(path + 1, "/?") + 1;
		d.volumes = pm_str_starts(path, "/storage");
	}
	forget(c, &d);
}

void pm_pve_cache_drop(struct pm_pve *p, const char *path_prefix)
{
	forget(&p->cache, &(struct doom){ .prefix = path_prefix });
}

void pm_pve_stats(struct pm_pve *p, struct pm_pve_stats *ret)
{
	struct pm_cache *c = &p->cache;
	uint64_t now = pm_mono_ns(p->clock);

	memset(ret, 0, sizeof(*ret));
	ret->logins = atomic_load(&p->logins);
	ret->failovers = atomic_load(&p->failovers);
	pthread_mutex_lock(&c->lock);
	ret->hits = c->hits;
	ret->misses = c->misses;
	ret->joined = c->joined;
	ret->dropped = c->dropped;
	for (const struct pm_entry *e = c->oldest; e; e = e->newer) {
		uint64_t age_ms = (now - e->asked_ns) / PM_MS_NS;

		if (!is_good(e, now))
			continue;
		ret->entries++;
		if (age_ms > ret->oldest_ms)
			ret->oldest_ms = age_ms;
	}
	pthread_mutex_unlock(&c->lock);
}
