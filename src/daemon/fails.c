/* Objects that fail: each waits longer after each failure, by chance, and none waits for another. */
#include "daemon/hold.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

#define WAIT_MIN PM_S_NS
#define WAIT_MAX (300 * PM_S_NS)

void pm_fails_init(struct pm_fails *f, uint64_t seed)
{
	memset(f, 0, sizeof(*f));
	if (seed > 0)
		pm_random_seed(&f->random, seed);
	else
		pm_random_system(&f->random);
}

static void fail_free(struct pm_fail *x)
{
	free(x->why);
	free(x);
}

void pm_fails_done(struct pm_fails *f)
{
	for (size_t i = 0; i < f->map.n; i++)
		if (f->map.v[i].value)
			fail_free(f->map.v[i].value);
	pm_map_done(&f->map);
}

struct pm_fail *pm_fails_get(const struct pm_fails *f, const char *id)
{
	return pm_map_get(&f->map, id);
}

/* From one second on, twice as long each time at most, never more than five minutes. */
static uint64_t patience(struct pm_fails *f, unsigned attempts)
{
	uint64_t most = WAIT_MIN;

	for (unsigned i = 1; i < attempts && most < WAIT_MAX; i++)
		most *= 2;
	if (most > WAIT_MAX)
		most = WAIT_MAX;
	return WAIT_MIN + pm_random_below(&f->random, most - WAIT_MIN + 1);
}

void pm_fails_add(struct pm_fails *f, const char *id, const struct pm_error *err, uint64_t now)
{
	struct pm_fail *x = pm_fails_get(f, id);

	if (!x) {
		x = pm_xcalloc(1, sizeof(*x) + strlen(id) + 1);
		memcpy(x->id, id, strlen(id) + 1);
		(void)pm_map_set(&f->map, x->id, x);
	}
	free(x->why);
	x->why = pm_xstrdup(err->msg);
	x->code = err->code;
	if (x->attempts < UINT32_MAX)
		x->attempts++;
	x->next = now + patience(f, x->attempts);
}

/* The map has no removal: it is made anew without the one. */
void pm_fails_drop(struct pm_fails *f, const char *id)
{
	struct pm_map old = f->map;
	struct pm_fail *gone = pm_fails_get(f, id);

	if (!gone)
		return;
	f->map = (struct pm_map)PM_MAP;
	for (size_t i = 0; i < old.n; i++)
		if (old.v[i].value != gone)
			(void)pm_map_set(&f->map, old.v[i].key, old.v[i].value);
	pm_map_done(&old);
	fail_free(gone);
}

void pm_fails_release(struct pm_fails *f)
{
	for (size_t i = 0; i < f->map.n; i++)
		((struct pm_fail *)f->map.v[i].value)->next = 0;
}

uint64_t pm_fails_next(const struct pm_fails *f)
{
	uint64_t next = 0;

	for (size_t i = 0; i < f->map.n; i++) {
		const struct pm_fail *x = f->map.v[i].value;

		if (next == 0 || x->next < next)
			next = x->next > 0 ? x->next : 1;
	}
	return next;
}
