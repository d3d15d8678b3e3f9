/* Who may work where: PVE serialises allocations on a storage and has few workers on a node, and answers
 * "got timeout" to whoever asks for more. So nobody asks for more. Also the VMIDs spoken for. */
#include "base/text.h"
#include "exec/exec_priv.h"

#define RESTART_KEY "/restart" /* no node has such a name */

/* ---- places: all under run->lock ---- */

static struct pm_place *place(struct pm_run *run, const char *key)
{
	for (size_t i = 0; i < run->places.n; i++) {
		if (pm_str_eq(run->places.v[i].key, key))
			return &run->places.v[i];
	}
	pm_vec_push(&run->places, ((struct pm_place){ .key = pm_xstrdup(key) }));
	return &run->places.v[run->places.n - 1];
}

static struct pm_place *storage_place(struct pm_act *act, const char *node, const char *storage)
{
	return place(act->run, pm_arena_printf(act->job.arena, "%s/%s", node, storage));
}

static bool room_at(struct pm_act *act, const char *node, const struct pm_list *storages)
{
	if (node && place(act->run, node)->busy >= PM_TASKS_PER_NODE)
		return false;
	for (size_t i = 0; storages && i < storages->n; i++) {
		if (storage_place(act, node ? node : "", storages->v[i])->busy >=
			PM_ALLOCATIONS_AT_ONCE)
			return false;
	}
	return true;
}

static void take(struct pm_act *act, const char *node, const struct pm_list *storages)
{
	if (node)
		place(act->run, node)->busy++;
	for (size_t i = 0; storages && i < storages->n; i++)
		storage_place(act, node ? node : "", storages->v[i])->busy++;
}

/* Whoever waits here leaves its worker to others; whoever leaves wakes all who wait. */
static int wait_for_room(struct pm_act *act, bool (*room)(struct pm_act *act, const void *arg),
	const void *arg, struct pm_error *err)
{
	struct pm_run *run = act->run;
	bool parked = false;

	while (!room(act, arg) && !pm_cancelled(pm_act_patience(act), act->job.clock)) {
		if (!parked) {
			parked = true;
			run->parked++;
			(void)pthread_cond_broadcast(&run->changed);
		}
		(void)pthread_cond_wait(&run->changed, &run->lock);
	}
	if (parked)
		run->parked--;
	if (pm_cancelled(pm_act_patience(act), act->job.clock))
		return pm_error_set(err, PM_E_CANCELLED, "ended before it was sent");
	return 0;
}

struct wanted {
	const char *node;
	const struct pm_list *storages;
};

static bool room_wanted(struct pm_act *act, const void *arg)
{
	const struct wanted *w = arg;

	return room_at(act, w->node, w->storages);
}

int pm_places_enter(
	struct pm_act *act, const char *node, const struct pm_list *storages, struct pm_error *err)
{
	struct wanted w = { .node = node, .storages = storages };
	int r;

	(void)pthread_mutex_lock(&act->run->lock);
	r = wait_for_room(act, room_wanted, &w, err);
	if (r == 0)
		take(act, node, storages);
	(void)pthread_mutex_unlock(&act->run->lock);
	return r;
}

void pm_places_leave(struct pm_act *act, const char *node, const struct pm_list *storages)
{
	struct pm_run *run = act->run;

	(void)pthread_mutex_lock(&run->lock);
	if (node)
		place(run, node)->busy--;
	for (size_t i = 0; storages && i < storages->n; i++)
		storage_place(act, node ? node : "", storages->v[i])->busy--;
	(void)pthread_cond_broadcast(&run->changed);
	(void)pthread_mutex_unlock(&run->lock);
}

static bool room_to_restart(struct pm_act *act, PM_UNUSED const void *arg)
{
	return place(act->run, RESTART_KEY)->busy == 0;
}

int pm_restart_enter(struct pm_act *act, struct pm_error *err)
{
	int r;

	(void)pthread_mutex_lock(&act->run->lock);
	r = wait_for_room(act, room_to_restart, NULL, err);
	if (r == 0)
		place(act->run, RESTART_KEY)->busy++;
	(void)pthread_mutex_unlock(&act->run->lock);
	return r;
}

void pm_restart_leave(struct pm_act *act)
{
	(void)pthread_mutex_lock(&act->run->lock);
	place(act->run, RESTART_KEY)->busy--;
	(void)pthread_cond_broadcast(&act->run->changed);
	(void)pthread_mutex_unlock(&act->run->lock);
}

/* ---- VMIDs ---- */

/* Where `vmid` is, or would be, in the sorted list. */
static size_t taken_at(const struct pm_run *run, unsigned vmid)
{
	size_t low = 0;
	size_t high = run->taken.n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (run->taken.v[mid] < vmid)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_taken(const struct pm_run *run, unsigned vmid)
{
	size_t i = taken_at(run, vmid);

	return i < run->taken.n && run->taken.v[i] == vmid;
}

static void speak_for(struct pm_run *run, unsigned vmid)
{
	size_t i = taken_at(run, vmid);

	if (i < run->taken.n && run->taken.v[i] == vmid)
		return;
	pm_vec_push(&run->taken, vmid);
	memmove(&run->taken.v[i + 1], &run->taken.v[i],
		(run->taken.n - 1 - i) * sizeof(run->taken.v[0]));
	run->taken.v[i] = vmid;
}

void pm_vmid_taken(struct pm_run *run, unsigned vmid)
{
	(void)pthread_mutex_lock(&run->lock);
	speak_for(run, vmid);
	(void)pthread_mutex_unlock(&run->lock);
}

unsigned pm_vmid_next(struct pm_run *run, unsigned vmid)
{
	unsigned low = run->e->o.vmid_low ? run->e->o.vmid_low : 100;
	unsigned high = run->e->o.vmid_high ? run->e->o.vmid_high : 999999999;
	unsigned next = vmid;
	size_t looked = 0;

	(void)pthread_mutex_lock(&run->lock);
	do {
		next = next >= high || next < low ? low : next + 1;
	} while (is_taken(run, next) && ++looked <= high - low);
	if (looked > high - low)
		next = 0;
	else
		speak_for(run, next);
	(void)pthread_mutex_unlock(&run->lock);
	return next;
}
