/* The board's state: one value whose texts live in an arena for each part, replaced part by part under one
 * mutex. Reading copies all of it. */
#include "daemon/board_priv.h"

#include <string.h>

#define SMALL   512 /* an arena of few texts */
#define ENTRIES 1000

/* ---- words ---- */

const char *pm_doing_name(enum pm_doing d)
{
	static const char *const names[PM_DOING_MAX] = { "starting", "waiting", "reading",
		"planning", "applying", "ending" };

	return names[d];
}

const char *pm_sync_name(enum pm_sync s)
{
	static const char *const names[PM_SYNC_MAX] = { "unknown", "in-sync", "differs", "held",
		"failing", "suspended" };

	return names[s];
}

const char *pm_happening_name(enum pm_happening h)
{
	static const char *const names[PM_HAP_MAX] = { "started", "ended", "reloaded", "revision",
		"applied", "failed", "drift", "held", "recovered", "suspended", "resumed", "asked",
		"approved" };

	return names[h];
}

/* ---- texts ---- */

void pm_board_own(struct pm_arena *a, const char **s)
{
	if (*s)
		*s = pm_arena_strdup(a, *s);
}

static void own_revision(struct pm_arena *a, struct pm_revision *r)
{
	pm_board_own(a, &r->id);
	pm_board_own(a, &r->subject);
}

static void own_object(struct pm_arena *a, struct pm_board_object *o)
{
	pm_board_own(a, &o->id);
	pm_board_own(a, &o->changes);
	pm_board_own(a, &o->why);
	pm_board_own(a, &o->by);
	if (o->node)
		o->node = pm_arena_intern(a, o->node, strlen(o->node));
}

static void own_cluster(struct pm_arena *a, struct pm_board_cluster *c)
{
	struct pm_board_node *v = pm_new_n(a, struct pm_board_node, c->nnodes + 1);

	pm_board_own(a, &c->name);
	pm_board_own(a, &c->version);
	pm_board_own(a, &c->paused);
	for (unsigned i = 0; i < c->nnodes; i++) {
		v[i] = c->node[i];
		pm_board_own(a, &v[i].name);
	}
	c->node = v;
}

static void own_cycle(struct pm_arena *a, struct pm_board_cycle *c)
{
	pm_board_own(a, &c->why);
	pm_board_own(a, &c->error);
}

static void own_entry(struct pm_arena *a, struct pm_board_entry *e)
{
	pm_board_own(a, &e->revision);
	pm_board_own(a, &e->object);
	pm_board_own(a, &e->verb);
	pm_board_own(a, &e->text);
}

void pm_board_own_suspension(struct pm_arena *a, struct pm_board_suspension *s)
{
	pm_board_own(a, &s->object);
	pm_board_own(a, &s->reason);
	pm_board_own(a, &s->by);
}

static struct pm_board_object *own_objects(
	struct pm_arena *a, const struct pm_board_object *v, size_t n)
{
	struct pm_board_object *copy = pm_new_n(a, struct pm_board_object, n + 1);

	for (size_t i = 0; i < n; i++) {
		copy[i] = v[i];
		own_object(a, &copy[i]);
	}
	return copy;
}

static struct pm_board_file *own_files(struct pm_arena *a, const struct pm_board_file *v, size_t n)
{
	struct pm_board_file *copy = pm_new_n(a, struct pm_board_file, n + 1);

	for (size_t i = 0; i < n; i++) {
		copy[i] = v[i];
		pm_board_own(a, &copy[i].path);
		pm_board_own(a, &copy[i].why);
	}
	return copy;
}

/* ---- locking ---- */

void pm_board_lock(struct pm_board *b)
{
	(void)pthread_mutex_lock(&b->mutex);
}

void pm_board_unlock(struct pm_board *b)
{
	(void)pthread_mutex_unlock(&b->mutex);
}

/* Locks, and forgets the texts of a part: the arena for the new ones. */
static struct pm_arena *renew(struct pm_board *b, enum pm_board_part part)
{
	pm_board_lock(b);
	pm_arena_free(b->part[part]);
	b->part[part] = pm_arena_new(part < PM_PART_OBJECTS ? SMALL : 0);
	b->now.counts.progress++;
	return b->part[part];
}

/* ---- life ---- */

struct pm_board *pm_board_new(const struct pm_board_opts *o)
{
	struct pm_board *b = pm_xcalloc(1, sizeof(*b));
	struct pm_arena *a;

	(void)pthread_mutex_init(&b->mutex, NULL);
	(void)pthread_mutex_init(&b->files, NULL);
	b->clock = o->clock ? o->clock : &pm_clock_system;
	b->journal_dir = o->journal_dir ? pm_xstrdup(o->journal_dir) : NULL;
	b->set = pm_xstrdup(o->set);
	b->wake = o->wake;
	b->wake_arg = o->wake_arg;
	b->nring = o->history > 0 ? o->history : ENTRIES;
	b->entry = pm_xcalloc(b->nring, sizeof(*b->entry));
	b->entry_arena = pm_xcalloc(b->nring, sizeof(*b->entry_arena));
	a = renew(b, PM_PART_NAMES);
	b->now.set = pm_arena_strdup(a, o->set);
	b->now.cluster_name = o->cluster;
	b->now.folder = o->folder;
	pm_board_own(a, &b->now.cluster_name);
	pm_board_own(a, &b->now.folder);
	b->now.observe = o->observe;
	b->now.started_ms = b->now.doing_since_ms = pm_wall_ms(b->clock);
	pm_board_unlock(b);
	if (b->journal_dir)
		pm_board_files_read(b);
	return b;
}

void pm_board_free(struct pm_board *b)
{
	if (!b)
		return;
	while (b->asked.n > 0)
		pm_board_drop(b, &b->asked.v[0]);
	for (size_t i = 0; i < b->approved.n; i++)
		free(b->approved.v[i]);
	for (size_t i = 0; i < b->nring; i++)
		pm_arena_free(b->entry_arena[i]);
	for (unsigned i = 0; i < PM_PART_MAX; i++)
		pm_arena_free(b->part[i]);
	pm_vec_done(&b->asked);
	pm_vec_done(&b->approved);
	free(b->entry);
	free(b->entry_arena);
	free(b->journal_dir);
	free(b->set);
	(void)pthread_mutex_destroy(&b->mutex);
	(void)pthread_mutex_destroy(&b->files);
	free(b);
}

/* ---- reading ---- */

static void view_suspensions(struct pm_board *b, struct pm_arena *a, struct pm_board_view *ret)
{
	struct pm_board_suspension *v = pm_new_n(a, struct pm_board_suspension, b->asked.n + 1);

	ret->nsuspensions = 0;
	for (size_t i = 0; i < b->asked.n; i++) {
		const struct pm_board_suspension *s = &b->asked.v[i].s;

		if (s->until_ms > 0 && s->until_ms <= ret->now_ms)
			continue;
		v[ret->nsuspensions] = *s;
		pm_board_own_suspension(a, &v[ret->nsuspensions++]);
	}
	ret->suspension = v;
}

static void view_history(struct pm_board *b, struct pm_arena *a, struct pm_board_view *ret)
{
	struct pm_board_entry *v = pm_new_n(a, struct pm_board_entry, b->nentries + 1);

	for (size_t i = 0; i < b->nentries; i++) {
		v[i] = b->entry[(b->first + i) % b->nring];
		own_entry(a, &v[i]);
	}
	ret->entry = v;
	ret->nentries = b->nentries;
}

static void view_texts(struct pm_arena *a, struct pm_board_view *v)
{
	pm_board_own(a, &v->set);
	pm_board_own(a, &v->cluster_name);
	pm_board_own(a, &v->folder);
	pm_board_own(a, &v->why);
	pm_board_own(a, &v->next);
	own_revision(a, &v->wanted);
	own_revision(a, &v->applied);
	own_revision(a, &v->held);
	pm_board_own(a, &v->held_why);
	pm_board_own(a, &v->source_why);
	pm_board_own(a, &v->lock_holder);
	pm_board_own(a, &v->config_why);
	own_cycle(a, &v->last);
	own_cluster(a, &v->cluster);
}

void pm_board_view(
	struct pm_board *b, struct pm_arena *a, unsigned parts, struct pm_board_view *ret)
{
	pm_board_lock(b);
	*ret = b->now;
	ret->now_ms = pm_wall_ms(b->clock);
	view_texts(a, ret);
	view_suspensions(b, a, ret);
	ret->nobjects = parts & PM_BOARD_OBJECTS ? ret->nobjects : 0;
	ret->object = own_objects(a, b->now.object, ret->nobjects);
	ret->nfiles = parts & PM_BOARD_FILES ? ret->nfiles : 0;
	ret->file = own_files(a, b->now.file, ret->nfiles);
	if (parts & PM_BOARD_HISTORY)
		view_history(b, a, ret);
	pm_board_unlock(b);
}

/* ---- writing ---- */

void pm_board_doing(struct pm_board *b, enum pm_doing d, const char *why)
{
	struct pm_arena *a = renew(b, PM_PART_DOING);

	if (b->now.doing != d)
		b->now.doing_since_ms = pm_wall_ms(b->clock);
	b->now.doing = d;
	b->now.why = why;
	pm_board_own(a, &b->now.why);
	pm_board_unlock(b);
}

void pm_board_next(struct pm_board *b, const char *what, int64_t at_ms)
{
	struct pm_arena *a = renew(b, PM_PART_NEXT);

	b->now.next = what;
	b->now.next_ms = at_ms;
	pm_board_own(a, &b->now.next);
	pm_board_unlock(b);
}

void pm_board_progress(struct pm_board *b)
{
	pm_board_lock(b);
	b->now.counts.progress++;
	pm_board_unlock(b);
}

static bool same_id(const char *x, const char *y)
{
	return x && y && strcmp(x, y) == 0;
}

/* Sets one of the three revisions, and leaves the board locked; true: it was another one. */
static bool set_revision(struct pm_board *b, enum pm_board_part part, struct pm_revision *at,
	const struct pm_revision *r)
{
	struct pm_arena *a = pm_arena_new(SMALL);
	int64_t now = pm_wall_ms(b->clock);
	bool same;

	pm_board_lock(b);
	same = same_id(at->id, r->id);
	if (same)
		now = at->at_ms;
	*at = *r;
	own_revision(a, at);
	if (at->at_ms == 0)
		at->at_ms = now;
	pm_arena_free(b->part[part]);
	b->part[part] = a;
	return !same;
}

static const char *subject_of(const struct pm_revision *r)
{
	return r->subject ? r->subject : "the manifests changed";
}

void pm_board_wanted(struct pm_board *b, const struct pm_revision *r)
{
	bool news = set_revision(b, PM_PART_WANTED, &b->now.wanted, r);

	pm_board_unlock(b);
	if (news)
		pm_board_happened(b, &(struct pm_board_entry){ .what = PM_HAP_REVISION,
					     .revision = r->id,
					     .text = subject_of(r) });
}

void pm_board_applied(struct pm_board *b, const struct pm_revision *r)
{
	bool news = set_revision(b, PM_PART_APPLIED, &b->now.applied, r);

	pm_board_unlock(b);
	if (news)
		pm_board_happened(b, &(struct pm_board_entry){ .what = PM_HAP_APPLIED,
					     .revision = r->id,
					     .text = "everything is in place" });
}

void pm_board_hold(struct pm_board *b, const struct pm_revision *r, const char *why)
{
	static const struct pm_revision none;
	bool news = set_revision(b, PM_PART_HELD, &b->now.held, r ? r : &none);

	b->now.held_why = r ? why : NULL;
	pm_board_own(b->part[PM_PART_HELD], &b->now.held_why);
	pm_board_unlock(b);
	if (news && r)
		pm_board_happened(b, &(struct pm_board_entry){
					     .what = PM_HAP_HELD, .revision = r->id, .text = why });
}

void pm_board_source(struct pm_board *b, const char *why)
{
	struct pm_arena *a = renew(b, PM_PART_SOURCE);

	b->now.source_why = why;
	pm_board_own(a, &b->now.source_why);
	if (!why)
		b->now.good_ms = pm_wall_ms(b->clock);
	pm_board_unlock(b);
}

void pm_board_lock_holder(struct pm_board *b, const char *who)
{
	struct pm_arena *a = renew(b, PM_PART_LOCK);

	b->now.lock_holder = who;
	pm_board_own(a, &b->now.lock_holder);
	pm_board_unlock(b);
}

void pm_board_config_why(struct pm_board *b, const char *why)
{
	struct pm_arena *a = renew(b, PM_PART_CONFIG);

	b->now.config_why = why;
	pm_board_own(a, &b->now.config_why);
	pm_board_unlock(b);
}

void pm_board_cluster(struct pm_board *b, const struct pm_board_cluster *c)
{
	struct pm_arena *a = renew(b, PM_PART_CLUSTER);

	b->now.cluster = *c;
	own_cluster(a, &b->now.cluster);
	if (b->now.cluster.at_ms == 0)
		b->now.cluster.at_ms = pm_wall_ms(b->clock);
	pm_board_unlock(b);
}

static int compare_objects(const void *x, const void *y)
{
	return strcmp(
		((const struct pm_board_object *)x)->id, ((const struct pm_board_object *)y)->id);
}

void pm_board_objects(struct pm_board *b, const struct pm_board_object *v, size_t n)
{
	struct pm_arena *a = pm_arena_new(0), *old;
	struct pm_board_object *copy = own_objects(a, v, n);

	qsort(copy, n, sizeof(*copy), compare_objects);
	pm_board_lock(b);
	memset(b->now.sync, 0, sizeof(b->now.sync));
	for (size_t i = 0; i < n; i++) {
		const struct pm_board_object *was =
			b->now.nobjects == 0 ? NULL
					     : bsearch(&copy[i], b->now.object, b->now.nobjects,
						       sizeof(*copy), compare_objects);

		if (was && was->sync == copy[i].sync)
			copy[i].since_ms = was->since_ms;
		if (copy[i].since_ms == 0)
			copy[i].since_ms = pm_wall_ms(b->clock);
		b->now.sync[copy[i].sync]++;
	}
	old = b->part[PM_PART_OBJECTS];
	b->part[PM_PART_OBJECTS] = a;
	b->now.object = copy;
	b->now.nobjects = n;
	b->now.counts.progress++;
	pm_board_unlock(b);
	pm_arena_free(old);
}

void pm_board_files(struct pm_board *b, const struct pm_board_file *v, size_t n)
{
	struct pm_arena *a = renew(b, PM_PART_FILES);

	b->now.file = own_files(a, v, n);
	b->now.nfiles = n;
	pm_board_unlock(b);
}

void pm_board_cycle(struct pm_board *b, const struct pm_board_cycle *c)
{
	struct pm_arena *a = renew(b, PM_PART_CYCLE);

	b->now.last = *c;
	own_cycle(a, &b->now.last);
	b->now.last.number = ++b->now.counts.cycles;
	b->now.counts.cycles_failed += c->code != PM_OK;
	b->now.counts.read_ms += c->read_ms;
	b->now.counts.apply_ms += c->apply_ms;
	pm_board_unlock(b);
}

void pm_board_swept(struct pm_board *b)
{
	pm_board_lock(b);
	b->now.sweep_ms = pm_wall_ms(b->clock);
	pm_board_unlock(b);
}

void pm_board_action(struct pm_board *b, enum pm_verb v, enum pm_outcome o)
{
	pm_board_lock(b);
	b->now.counts.actions[v][o]++;
	b->now.counts.progress++;
	pm_board_unlock(b);
}

void pm_board_stats(
	struct pm_board *b, const struct pm_pve_stats *pve, const struct pm_net_stats *net)
{
	pm_board_lock(b);
	b->now.counts.pve = *pve;
	b->now.counts.net = *net;
	pm_board_unlock(b);
}

void pm_board_read(struct pm_board *b, unsigned files_read, unsigned files_parsed)
{
	pm_board_lock(b);
	b->now.counts.files_read += files_read;
	b->now.counts.files_parsed += files_parsed;
	pm_board_unlock(b);
}

void pm_board_notified(struct pm_board *b, bool well)
{
	pm_board_lock(b);
	b->now.counts.notified += well;
	b->now.counts.notify_failed += !well;
	pm_board_unlock(b);
}

/* ---- history ---- */

void pm_board_remember(struct pm_board *b, const struct pm_board_entry *e)
{
	size_t at = (b->first + b->nentries) % b->nring;

	if (b->nentries == b->nring)
		b->first = (b->first + 1) % b->nring;
	else
		b->nentries++;
	pm_arena_free(b->entry_arena[at]);
	b->entry_arena[at] = pm_arena_new(SMALL);
	b->entry[at] = *e;
	own_entry(b->entry_arena[at], &b->entry[at]);
}

void pm_board_listen(struct pm_board *b, pm_board_listener_fn *fn, void *arg)
{
	(void)pthread_mutex_lock(&b->files);
	b->listener = fn;
	b->listener_arg = arg;
	(void)pthread_mutex_unlock(&b->files);
}

void pm_board_happened(struct pm_board *b, const struct pm_board_entry *e)
{
	struct pm_board_entry now = *e;

	if (now.at_ms == 0)
		now.at_ms = pm_wall_ms(b->clock);
	(void)pthread_mutex_lock(&b->files);
	pm_board_lock(b);
	pm_board_remember(b, &now);
	if (e->what == PM_HAP_DRIFT)
		b->now.counts.drifts++;
	b->now.counts.progress++;
	pm_board_unlock(b);
	if (b->journal_dir)
		pm_board_history_write(b, &now);
	if (b->listener)
		b->listener(b->listener_arg, &now);
	(void)pthread_mutex_unlock(&b->files);
}
