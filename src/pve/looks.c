/* Looks at the cluster's list of tasks, one after the other: what tasks worked on between two of them is no
 * longer known. A task counts from the look that first shows it, or showed it running, to the one that
 * shows its end. The list is short (the running ones of each node, and 25 with them), so a node whose list
 * is full and has nothing in common with the one before hides something: then nothing is known. */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "pve/pve_priv.h"

#define LISTED 25 /* tasks of a node; as many as that may not be all */

void pm_looks_init(struct pm_looks *l)
{
	pthread_mutex_init(&l->lock, NULL);
}

void pm_looks_done(struct pm_looks *l)
{
	free(l->v);
	pthread_mutex_destroy(&l->lock);
}

/* ---- one list ---- */

struct list {
	struct pm_look_task *v;
	size_t n;
};

static int by_upid(const void *a, const void *b)
{
	const struct pm_look_task *x = a, *y = b;

	return x->upid < y->upid ? -1 : x->upid > y->upid;
}

static const struct pm_look_task *find(const struct list *l, uint64_t upid)
{
	const struct pm_look_task key = { .upid = upid };

	return l->n > 0 ? bsearch(&key, l->v, l->n, sizeof(key), by_upid) : NULL;
}

static bool read_task(struct json_object *row, struct pm_look_task *ret)
{
	const char *upid = pm_json_str(row, "upid"), *id = pm_json_str(row, "id");
	struct pm_task t;
	int64_t vmid;

	if (!pm_task_parse(upid, &t))
		return false;
	ret->upid = pm_hash(upid, strlen(upid), 0);
	ret->node = pm_hash(t.node, strlen(t.node), 0);
	ret->ended = pm_json_get(row, "endtime") != NULL;
	ret->vmid = id && pm_parse_int(id, 1, INT32_MAX, &vmid) == 0 ? (unsigned)vmid : 0;
	return true;
}

/* false: it is not what it should be. Owner of ret->v: the caller. */
static bool read_list(const struct pm_call *c, struct list *ret)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct json_object *data;
	struct pm_error ignored;
	size_t n;

	if (pm_json_parse(c->body_in.p, c->body_in.len, &root, &ignored) < 0)
		return false;
	data = pm_json_get(root, "data");
	if (!json_object_is_type(data, json_type_array))
		return false;
	n = json_object_array_length(data);
	ret->v = pm_xcalloc(n + 1, sizeof(*ret->v));
	for (size_t i = 0; i < n; i++) {
		if (read_task(json_object_array_get_idx(data, i), &ret->v[ret->n]))
			ret->n++;
	}
	qsort(ret->v, ret->n, sizeof(*ret->v), by_upid);
	return true;
}

/* ---- two lists ---- */

/* Could tasks of this node have come and gone between the two? */
static bool hides(const struct list *before, const struct list *now, uint64_t node)
{
	size_t n = 0;

	for (size_t i = 0; i < now->n; i++) {
		if (now->v[i].node != node)
			continue;
		if (now->v[i].ended && find(before, now->v[i].upid))
			return false;
		n++;
	}
	return n >= LISTED;
}

static bool hides_any(const struct list *before, const struct list *now)
{
	for (size_t i = 0; i < now->n; i++) {
		/* Each node once, where it comes first. */
		size_t k = 0;

		while (now->v[k].node != now->v[i].node)
			k++;
		if (k == i && hides(before, now, now->v[i].node))
			return true;
	}
	return false;
}

static void forget(struct pm_pve *p, unsigned vmid)
{
	if (vmid > 0)
		pm_known_drop(&p->known, vmid);
}

static void compare(struct pm_pve *p, const struct list *before, const struct list *now)
{
	for (size_t i = 0; i < before->n; i++) {
		if (!before->v[i].ended)
			forget(p, before->v[i].vmid);
	}
	for (size_t i = 0; i < now->n; i++) {
		const struct pm_look_task *was = find(before, now->v[i].upid);

		if (!was || !was->ended)
			forget(p, now->v[i].vmid);
	}
}

/* ---- a look ---- */

void pm_look_failed(struct pm_pve *p)
{
	pthread_mutex_lock(&p->looks.lock);
	p->looks.any = false;
	pthread_mutex_unlock(&p->looks.lock);
	pm_known_drop(&p->known, 0);
}

void pm_look_take(struct pm_pve *p, const struct pm_call *c)
{
	struct pm_looks *l = &p->looks;
	struct list now = { 0 }, before;

	if (!read_list(c, &now)) {
		pm_look_failed(p);
		return;
	}
	pthread_mutex_lock(&l->lock);
	before = (struct list){ l->v, l->n };
	if (!l->any || hides_any(&before, &now))
		pm_known_drop(&p->known, 0);
	else
		compare(p, &before, &now);
	free(l->v);
	l->v = now.v;
	l->n = now.n;
	l->any = true;
	pthread_mutex_unlock(&l->lock);
}
