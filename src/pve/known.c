/* Configurations that were read before: bodies of /pending by VMID, each good as long as the guest's row of
 * the inventory is the same, nothing of ours touched it, and its turn in the rolling sweep has not come. A
 * guest that was dropped leaves a note behind, so that an answer from before is not kept after it. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "pve/pve_priv.h"

#define MOST_BYTES ((size_t)64 << 20)

struct pm_known_guest {
	unsigned vmid;
	uint64_t row, asked_ns;
	uint64_t epoch; /* when it was dropped last */
	char *text;     /* NULL: nothing is known */
	size_t n;
};

void pm_known_init(struct pm_known *k)
{
	pthread_mutex_init(&k->lock, NULL);
	k->epoch = 1;
}

/* The mutex is held, as for all that follow. */
static void empty(struct pm_known *k, struct pm_known_guest *g)
{
	if (g->text)
		k->bytes -= g->n + 1;
	free(g->text);
	g->text = NULL;
	g->n = 0;
}

void pm_known_done(struct pm_known *k)
{
	if (k->epoch == 0)
		return;
	for (size_t i = 0; i < k->cap; i++) {
		if (k->slot[i])
			free(k->slot[i]->text);
		free(k->slot[i]);
	}
	free(k->slot);
	pthread_mutex_destroy(&k->lock);
}

static struct pm_known_guest **place(const struct pm_known *k, unsigned vmid)
{
	size_t i = pm_hash(&vmid, sizeof(vmid), 0) % k->cap;

	while (k->slot[i] && k->slot[i]->vmid != vmid)
		i = (i + 1) % k->cap;
	return &k->slot[i];
}

static struct pm_known_guest *find(const struct pm_known *k, unsigned vmid)
{
	return k->cap > 0 ? *place(k, vmid) : NULL;
}

static void grow(struct pm_known *k)
{
	struct pm_known_guest **old = k->slot;
	size_t n = k->cap;

	k->cap = n > 0 ? 2 * n : 64;
	k->slot = pm_xcalloc(k->cap, sizeof(struct pm_known_guest *));
	for (size_t i = 0; i < n; i++) {
		if (old[i])
			*place(k, old[i]->vmid) = old[i];
	}
	free(old);
}

static struct pm_known_guest *find_or_add(struct pm_known *k, unsigned vmid)
{
	struct pm_known_guest *g = find(k, vmid);

	if (g)
		return g;
	if (2 * (k->n + 1) > k->cap)
		grow(k);
	g = pm_xcalloc(1, sizeof(*g));
	g->vmid = vmid;
	*place(k, vmid) = g;
	k->n++;
	return g;
}

/* Between half the sweep and all of it, another part for each guest: what was read together comes due one
 * after the other. */
static bool is_due(const struct pm_known_guest *g, struct pm_known_age age)
{
	uint64_t half = age.sweep_ns / 2, part;

	if (age.sweep_ns == 0)
		return false;
	part = pm_hash(&g->vmid, sizeof(g->vmid), 1) % (half + 1);
	return age.now_ns - g->asked_ns >= half + part;
}

uint64_t pm_known_epoch(struct pm_known *k)
{
	uint64_t epoch;

	pthread_mutex_lock(&k->lock);
	epoch = k->epoch;
	pthread_mutex_unlock(&k->lock);
	return epoch;
}

bool pm_known_get(struct pm_known *k, unsigned vmid, uint64_t row, struct pm_known_age age,
	struct pm_buf *out)
{
	const struct pm_known_guest *g;
	bool good;

	pthread_mutex_lock(&k->lock);
	g = find(k, vmid);
	good = g && g->text && g->row == row && !is_due(g, age) &&
	       pm_buf_add(out, g->text, g->n) == 0;
	pthread_mutex_unlock(&k->lock);
	return good;
}

void pm_known_put(struct pm_known *k, const struct pm_known_put *put)
{
	struct pm_known_guest *g;

	pthread_mutex_lock(&k->lock);
	g = find_or_add(k, put->vmid);
	if (put->epoch >= g->epoch && put->epoch >= k->all_epoch &&
		(!g->text || put->now_ns >= g->asked_ns)) {
		empty(k, g);
		if (k->bytes + put->n + 1 <= MOST_BYTES) {
			g->text = pm_xcalloc(put->n + 1, 1);
			memcpy(g->text, put->text, put->n);
			g->n = put->n;
			g->row = put->row;
			g->asked_ns = put->now_ns;
			k->bytes += put->n + 1;
		}
	}
	pthread_mutex_unlock(&k->lock);
}

void pm_known_drop(struct pm_known *k, unsigned vmid)
{
	pthread_mutex_lock(&k->lock);
	k->epoch++;
	if (vmid > 0) {
		struct pm_known_guest *g = find_or_add(k, vmid);

		empty(k, g);
		g->epoch = k->epoch;
	} else {
		k->all_epoch = k->epoch;
		for (size_t i = 0; i < k->cap; i++) {
			if (k->slot[i])
				empty(k, k->slot[i]);
		}
	}
	pthread_mutex_unlock(&k->lock);
}
