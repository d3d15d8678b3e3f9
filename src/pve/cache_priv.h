/* Inside of the room: what the client remembers. The cache holds answers of GETs for a short while, for
 * those who ask for it (pm_pve_call.cached); the store of known configurations holds bodies of /pending
 * for as long as nothing says that they changed. Both are thread-safe. */
#ifndef PM_PVE_CACHE_PRIV_H
#define PM_PVE_CACHE_PRIV_H

#include <pthread.h>

#include "base/buf.h"
#include "base/map.h"
#include "pve/pve.h"

/* ---- cache.c ---- */

#define CACHE_SLOTS 512

struct pm_blob;   /* text that several threads read */
struct pm_flight; /* a request that others wait for */

struct pm_cache {
	pthread_mutex_t lock;
	const struct pm_clock *clock;
	struct pm_entry *slot[CACHE_SLOTS];
	struct pm_entry *oldest, *newest;
	struct pm_flight *flights;
	size_t bytes, most_bytes;
	unsigned n;
	uint64_t hits, misses, joined, dropped;
};

void pm_cache_init(struct pm_cache *c, const struct pm_clock *clock);
void pm_cache_done(struct pm_cache *c);

/** How long an answer to this path (with or without a query) is good; 0: never. */
uint64_t pm_cache_ttl_ns(const char *path);

/** What a question came to. Where `flight` is set the caller is the one to ask, and must end with
 * pm_cache_leave(); else `blob` is the answer, to be given back. */
struct pm_cache_ask {
	struct pm_flight *flight;
	struct pm_blob *blob;
};

/** Looks `key` up (a path below /api2/json with its query), or waits for whoever is asking it already.
 * `fault` as pm_pve_call.fault. -code: that request failed, or we are cancelled. */
int pm_cache_ask(struct pm_cache *c, struct pm_job *j, const char *key, struct pm_cache_ask *ret,
	struct pm_fault *fault, struct pm_error *err) PM_CHECK;

/** Ends a flight: wakes all who wait with the text, or (text NULL) with the error. After a cancelled one
 * somebody else asks. */
void pm_cache_leave(struct pm_cache *c, struct pm_flight *f, const struct pm_buf *text,
	const struct pm_fault *fault, const struct pm_error *err);

const char *pm_blob_text(const struct pm_blob *b, size_t *ret_n);
void pm_blob_put(struct pm_blob *b); /* NULL is fine */

/** Forgets what a write to this path may have changed. */
void pm_cache_wrote(struct pm_cache *c, const char *path);
/** Forgets what concerns a guest on whatever node, and the inventory. */
void pm_cache_drop_guest(struct pm_cache *c, unsigned vmid);

/** The guest of "/nodes/N/lxc/210/..."; 0: it concerns none. */
unsigned pm_path_vmid(const char *path);

/* ---- known.c ---- */

/** Bodies of /pending by VMID, each with a fingerprint of the inventory row it was read under. */
struct pm_known {
	pthread_mutex_t lock;
	struct pm_known_guest **slot; /* a hash table, open */
	size_t n, cap;
	size_t bytes;
	uint64_t epoch;     /* counts what was dropped */
	uint64_t all_epoch; /* when everything was dropped last */
};

void pm_known_init(struct pm_known *k);
void pm_known_done(struct pm_known *k);

/** What to give to pm_known_put: taken before the request is sent, so that an answer from before a write
 * of ours is not kept after it. */
uint64_t pm_known_epoch(struct pm_known *k);

/** How old a body may be: the rolling sweep reads each guest once in `sweep_ns` (0: no limit), not all at
 * once. */
struct pm_known_age {
	uint64_t now_ns, sweep_ns;
};

/** Appends the body to `out`: true when one is there that was read under the same row and is not too old.
 * The caller may change the text. */
bool pm_known_get(struct pm_known *k, unsigned vmid, uint64_t row, struct pm_known_age age,
	struct pm_buf *out);

struct pm_known_put {
	unsigned vmid;
	uint64_t row, epoch, now_ns; /* now_ns: when it was asked */
	const char *text;
	size_t n;
};
void pm_known_put(struct pm_known *k, const struct pm_known_put *put);

/** Forgets a guest; 0: all. */
void pm_known_drop(struct pm_known *k, unsigned vmid);

#endif
