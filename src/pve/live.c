/* Reading what there is: the inventory, then the configuration of every guest in scope, all at once. A
 * guest that cannot be read is in the result as unknown; it is never left out. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "model/guest.h"
#include "pve/pve_priv.h"

#define EMPTY_PAUSE_MS 500

/* A guest that a manifest names by its number. */
struct named {
	unsigned vmid;
	const struct pm_obj *want;
};

/* One reading of the live set. */
struct live {
	struct pm_pve *p;
	struct pm_job *j;
	const struct pm_scope *scope;
	struct pm_arena *a; /* of the result */
	struct pm_inventory inv;
	struct pm_obj **job; /* guests to read, interleaved by node */
	size_t njobs, asked; /* the first `asked` of them have been read */
	struct pm_get *get;  /* parallel to job */
	char tag[24];        /* of our set */
	struct named *named; /* guests that the manifests name by number, sorted */
	size_t nnamed;
	struct pm_map hostnames; /* what wanted guests call themselves, to one of them */
	unsigned *source;        /* guests of which replacements are to be copies */
	size_t nsources;
	unsigned nread, nknown;
	size_t nmoved;            /* guests that were not where the inventory said */
	uint64_t epoch, asked_ns; /* of the configurations that are being asked for */
};

/* Is what we read of use for the next reading? */
static bool keeps(const struct live *l)
{
	return l->scope->reading != PM_READ_ALL && !l->p->no_cache;
}

/* ---- scope ---- */

static int by_number(const void *a, const void *b)
{
	const struct named *x = a, *y = b;

	return x->vmid < y->vmid ? -1 : x->vmid > y->vmid;
}

/* Its disks say which of a machine are made anew with a new copy. */
static void note_source(struct live *l, const struct pm_obj *o)
{
	unsigned vmid = pm_copied_vmid(o);

	if (vmid > 0 && pm_str_eq(pm_rec_str(o->spec, PM_G_LIFE_REPLACE, NULL), "allow"))
		l->source[l->nsources++] = vmid;
}

static bool is_source(const struct live *l, unsigned vmid)
{
	for (size_t i = 0; i < l->nsources; i++) {
		if (l->source[i] == vmid)
			return true;
	}
	return false;
}

static void collect_named(struct live *l)
{
	const struct pm_set *want = l->scope->want;

	l->source = pm_new_n(l->a, unsigned, (want ? want->n : 0) + 1);
	l->named = pm_xcalloc((want ? want->n : 0) + 1, sizeof(*l->named));
	for (size_t i = 0; want && i < want->n; i++) {
		const struct pm_obj *o = want->v[i];

		note_source(l, o);
		if (!pm_kind_is_guest(o->kind) || !o->spec)
			continue;
		(void)pm_map_set(
			&l->hostnames, pm_rec_str(o->spec, PM_G_HOSTNAME, o->name), want->v[i]);
		if (o->spec->val[PM_G_VMID].state == PM_SET)
			l->named[l->nnamed++] =
				(struct named){ (unsigned)o->spec->val[PM_G_VMID].u.i, o };
	}
	qsort(l->named, l->nnamed, sizeof(*l->named), by_number);
}

/* What the manifests call this number; NULL: nothing. */
static const struct pm_obj *find_named(const struct live *l, unsigned vmid)
{
	const struct named key = { .vmid = vmid };
	const struct named *found =
		bsearch(&key, l->named, l->nnamed, sizeof(*l->named), by_number);

	return found ? found->want : NULL;
}

/* Does it carry the tag of a set that is not ours? */
static bool is_anothers(const struct live *l, const char *tags)
{
	char tag[24];

	for (const char *s = tags; s && (s = strcasestr(s, PM_TAG "-")) != NULL;
		s += strlen(PM_TAG)) {
		size_t n = strcspn(s, ";, ");

		if (n >= sizeof(tag) || (s > tags && !strchr(";, ", s[-1])))
			continue;
		memcpy(tag, s, n);
		tag[n] = '\0';
		if (pm_tag_is_ours(tag) && strcasecmp(tag, l->tag) != 0)
			return true;
	}
	return false;
}

typedef bool scope_fn(const struct live *l, const struct pm_obj *o);

/* In scope whatever the manifests say. */
static bool is_near(const struct live *l, const struct pm_obj *o)
{
	const struct pm_live *g = o->live;

	if (g->tags && pm_tags_have(g->tags, l->tag))
		return true;
	return g->vmid >= l->scope->vmid_low && g->vmid <= l->scope->vmid_high &&
	       !is_anothers(l, g->tags);
}

static bool is_any(PM_UNUSED const struct live *l, PM_UNUSED const struct pm_obj *o)
{
	return true;
}

/* In scope only because a manifest names it. A guest outside of our range that has lost its tags is known by its
 * name: else it would be made a second time. */
static bool is_only_named(const struct live *l, const struct pm_obj *o)
{
	unsigned vmid = o->live->vmid;

	if (l->scope->all || is_near(l, o))
		return false;
	return find_named(l, vmid) || is_source(l, vmid) ||
	       (o->name && !is_anothers(l, o->live->tags) && pm_map_get(&l->hostnames, o->name));
}

/* ---- what to ask ---- */

/* One guest of each node in turn, so that all nodes work at all times. */
static void interleave(struct live *l)
{
	size_t count = l->njobs - l->asked, n = l->asked;
	struct pm_obj **from = pm_xcalloc(count + 1, sizeof(struct pm_obj *));
	size_t *next = pm_xcalloc(count + 1, sizeof(*next));
	size_t *head = pm_xcalloc(l->inv.nnodes + 1, sizeof(*head));

	memcpy(from, l->job + n, count * sizeof(struct pm_obj *));
	/* Lists by node, of index + 1; guests on nodes that nobody lists share the last one. */
	for (size_t i = count; i-- > 0;) {
		unsigned k = 0;

		while (k < l->inv.nnodes && strcmp(l->inv.nodes[k].name, from[i]->live->node) != 0)
			k++;
		next[i] = head[k];
		head[k] = i + 1;
	}
	while (n < l->njobs) {
		for (unsigned k = 0; k <= l->inv.nnodes; k++) {
			if (head[k] == 0)
				continue;
			l->job[n++] = from[head[k] - 1];
			head[k] = next[head[k] - 1];
		}
	}
	free(from);
	free(next);
	free(head);
}

static void set_unknown(struct live *l, struct pm_obj *o, bool unreachable, const char *why)
{
	o->live->unreachable = unreachable;
	o->live->unread = true;
	o->live->unread_why = pm_arena_strdup(l->a, why);
}

/* Takes what is known of the guests that are to be asked about; the others stay on the list. */
static void take_known(struct live *l)
{
	struct pm_known_age age = { pm_mono_ns(l->p->clock), l->scope->oldest_ns };
	cleanup_buf struct pm_buf text = PM_BUF((size_t)64 << 20);
	size_t n = l->asked;

	if (!keeps(l) || l->scope->reading != PM_READ_CHANGED)
		return;
	for (size_t i = l->asked; i < l->njobs; i++) {
		struct pm_obj *o = l->job[i];
		struct pm_error bad;

		pm_buf_clear(&text);
		if (pm_known_get(&l->p->known, o->live->vmid, o->live->row, age, &text) &&
			pm_pve_decode_pending(l->a, o->kind, text.p, text.len, o, &bad) == 0) {
			pm_name_guest(o, l->scope->set);
			l->nread++;
			l->nknown++;
		} else {
			l->job[n++] = o;
		}
	}
	l->njobs = n;
}

/* Adds the guests that are in scope for this reason and whose node is up. */
static void choose(struct live *l, scope_fn *in_scope)
{
	for (size_t i = 0; i < l->inv.n; i++) {
		struct pm_obj *o = l->inv.v[i];

		if (!pm_inventory_online(&l->inv, o->live->node)) {
			o->live->unreachable = true;
			if (in_scope(l, o))
				set_unknown(l, o, true,
					pm_arena_printf(l->a, "node %s is offline", o->live->node));
		} else if (in_scope(l, o)) {
			l->job[l->njobs++] = o;
		}
	}
	take_known(l);
	interleave(l);
}

/* ---- configurations ---- */

static void keep(struct live *l, const struct pm_obj *o, const struct pm_call *c)
{
	const struct pm_known_put put = { .vmid = o->live->vmid,
		.row = o->live->row,
		.epoch = l->epoch,
		.now_ns = l->asked_ns,
		.text = c->body_in.p,
		.n = c->body_in.len };

	if (keeps(l))
		pm_known_put(&l->p->known, &put);
}

static void got_config(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	struct live *l = arg;
	struct pm_obj *o = l->job[l->asked + i];
	struct pm_error bad;

	o->live->unread = false;
	if (err->code == PM_OK) {
		keep(l, o, c);
		if (pm_pve_decode_pending(l->a, o->kind, c->body_in.p, c->body_in.len, o, &bad) <
			0) {
			pm_known_drop(&l->p->known, o->live->vmid);
			set_unknown(l, o, false, bad.msg);
			return;
		}
		/* What waits for a restart comes into force without a trace when the guest itself
		 * restarts. */
		if (o->live->npending > 0)
			pm_known_drop(&l->p->known, o->live->vmid);
		l->nread++;
		pm_name_guest(o, l->scope->set);
	} else if (err->code == PM_E_NOTFOUND) {
		l->nmoved++;
		set_unknown(l, o, false, err->msg);
	} else {
		set_unknown(
			l, o, err->code == PM_E_UNREACHABLE || err->code == PM_E_TIMEOUT, err->msg);
	}
}

/* Paths of one request each, all in one piece of memory. */
static void make_gets(struct live *l, enum pm_op_id id, struct pm_buf *paths)
{
	size_t *at = pm_xcalloc(l->njobs + 1, sizeof(*at));

	for (size_t i = l->asked; i < l->njobs; i++) {
		const struct pm_live *g = l->job[i]->live;

		at[i] = paths->len;
		pm_buf_adds(paths, API);
		pm_op_guest_path(pm_op(id), g->node, g->type, g->vmid, paths);
		pm_buf_addc(paths, '\0');
	}
	l->get = pm_xrealloc(l->get, (l->njobs + 1) * sizeof(*l->get));
	for (size_t i = l->asked; i < l->njobs; i++)
		l->get[i] = (struct pm_get){ paths->p + at[i], l->job[i]->live->node };
	free(at);
}

/* Asks about the guests that were added since the last time. */
static int fetch_new(struct live *l, enum pm_op_id id, pm_got_fn *got, struct pm_error *err)
{
	cleanup_buf struct pm_buf paths = PM_BUF((size_t)1 << 30);
	struct pm_fetch f = { .n = l->njobs - l->asked, .got = got, .arg = l };
	int r;

	if (f.n == 0)
		return 0;
	make_gets(l, id, &paths);
	f.v = l->get + l->asked;
	l->epoch = pm_known_epoch(&l->p->known);
	l->asked_ns = pm_mono_ns(l->p->clock);
	r = pm_pve_fetch(l->p, l->j, &f, err);
	l->asked = l->njobs;
	return r;
}

/* ---- guests that were not where they should be ---- */

/* Takes the guest out of the inventory: it is gone. */
static void drop(struct pm_inventory *inv, const struct pm_obj *o)
{
	for (size_t i = 0; i < inv->n; i++) {
		if (inv->v[i] == o) {
			memmove(&inv->v[i], &inv->v[i + 1], (inv->n - i - 1) * sizeof(*inv->v));
			inv->n--;
			return;
		}
	}
}

/* Reads the inventory once more; what has moved is asked again, what is gone is dropped. */
static int look_again(struct live *l, struct pm_error *err)
{
	struct pm_inventory now;
	size_t n = 0;
	int r;

	r = pm_inventory_rows(l->p, l->j, 0, &now, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < l->njobs; i++) {
		struct pm_obj *o = l->job[i];
		const struct pm_obj *row;

		/* The reachable ones among the unknown: only "does not exist" is worth a second look. */
		if (!o->live->unread || o->live->unreachable ||
			!strstr(o->live->unread_why, "does not exist"))
			continue;
		row = pm_inventory_find(&now, o->live->vmid);
		if (!row) {
			drop(&l->inv, o);
			continue;
		}
		*o->live = *row->live;
		l->job[n++] = o;
	}
	l->njobs = n;
	l->asked = 0;
	pm_vec_done(&now);
	return fetch_new(l, PM_OP_GUEST_PENDING, got_config, err);
}

/* ---- run states ---- */

static const struct pm_obj *find_want(const struct live *l, const struct pm_obj *o)
{
	const struct pm_set *want = l->scope->want;
	const struct pm_obj *w = NULL;

	if (want && o->ns[0])
		w = pm_set_find(want, o->kind, o->ns, o->name);
	/* Not ours yet: to be adopted by its number. */
	return w ? w : find_named(l, o->live->vmid);
}

/* Does it only stop when it leaves the manifests? Then nothing else tells whether something is left to do. */
static bool is_to_stop(const struct pm_obj *o)
{
	const struct pm_marker *m = o->live->marker;

	return m && m->on_remove && strcmp(m->on_remove, "stop") == 0;
}

/* The inventory's status lags by seconds; it is only worth asking where it would change the plan. */
static bool wants_status(const struct live *l, const struct pm_obj *o)
{
	const struct pm_obj *want;
	const char *state;

	if (!o->spec || l->scope->all)
		return o->spec != NULL;
	want = find_want(l, o);
	if (!want || !want->spec)
		return o->ns[0] && (strcmp(o->live->status, "unknown") == 0 || is_to_stop(o));
	/* Whoever leaves the state to others must still know it: some changes wait for a restart. */
	state = pm_rec_str(want->spec, PM_G_STATE, "running");
	if (strcmp(state, "ignored") == 0)
		return strcmp(o->live->status, "unknown") == 0;
	return strcmp(state, o->live->status) != 0;
}

static void got_status(void *arg, size_t i, struct pm_call *c, const struct pm_error *err)
{
	struct live *l = arg;

	if (err->code == PM_OK)
		pm_take_current(l->a, l->job[i], c);
	else
		l->job[i]->live->status = "unknown";
}

static int read_states(struct live *l, struct pm_error *err)
{
	l->njobs = l->asked = 0;
	for (size_t i = 0; i < l->inv.n; i++) {
		if (wants_status(l, l->inv.v[i]))
			l->job[l->njobs++] = l->inv.v[i];
	}
	return fetch_new(l, PM_OP_GUEST_STATUS, got_status, err);
}

/* ---- may absence be believed? ---- */

/* An account that sees only pools sees all of ours when every object is to be in such a pool. */
static const char *unseen_pool(const struct live *l)
{
	const struct pm_set *want = l->scope->want;

	for (size_t i = 0; i < (want ? want->n : 0); i++) {
		const struct pm_obj *o = want->v[i];
		const char *pool = o->spec ? pm_rec_str(o->spec, PM_G_POOL, NULL) : NULL;
		bool seen = false;

		for (unsigned k = 0; pool && k < l->inv.npools_seen; k++)
			seen |= strcmp(l->inv.pools_seen[k], pool) == 0;
		if (!seen)
			return pm_arena_printf(l->a,
				"the account may not see all guests, and %s is in no pool that it may see; grant "
				"it VM.Audit on /vms",
				o->name);
	}
	return NULL;
}

static void judge(struct live *l, struct pm_facts *facts)
{
	const char *why = NULL;

	pm_inventory_facts(l->p, &l->inv, facts);
	facts->nread = l->nread;
	facts->nknown = l->nknown;
	if (!facts->complete)
		return;
	if (!l->inv.sees_all)
		why = unseen_pool(l);
	for (size_t i = 0; !why && i < l->inv.n; i++) {
		const struct pm_live *g = l->inv.v[i]->live;

		if (g->unread)
			why = pm_arena_printf(l->a, "guest %u on %s could not be read: %s", g->vmid,
				g->node, g->unread_why);
	}
	facts->incomplete_why = why;
	facts->complete = why == NULL;
}

/* ---- the whole ---- */

/* A cluster file system that hiccups lists no guest at all, with status 200: an empty list is believed
 * when it comes twice, and never where there were guests before. */
static int read_inventory(struct live *l, struct pm_error *err)
{
	size_t before = atomic_load(&l->p->nguests);
	int r = pm_inventory_read(l->p, l->j, keeps(l), &l->inv, err);

	if (r < 0)
		return r;
	if (l->inv.n == 0) {
		err->code = PM_OK;
		r = pm_pve_wait_ms(l->p, l->j, EMPTY_PAUSE_MS, err);
		if (r == 0)
			r = pm_inventory_read(l->p, l->j, keeps(l), &l->inv, err);
		if (r < 0)
			return r;
	}
	if (l->inv.n == 0 && before > 1 && !l->inv.why)
		l->inv.why = pm_arena_printf(
			l->a, "the inventory is empty, and there were %zu guests before", before);
	else
		atomic_store(&l->p->nguests, l->inv.n);
	return 0;
}

/* What has to be read in any case; what is wanted need not be known yet. */
static int read_near(struct live *l, struct pm_error *err)
{
	int r = read_inventory(l, err);

	if (r < 0)
		return r;
	l->job = pm_xcalloc(l->inv.n + 1, sizeof(struct pm_obj *));
	choose(l, l->scope->all ? is_any : is_near);
	return fetch_new(l, PM_OP_GUEST_PENDING, got_config, err);
}

/* ---- what the HA manager does ---- */

/* Does a manifest or a marker of ours speak of it? */
static bool speaks_of_ha(const struct live *l)
{
	const struct pm_set *want = l->scope->want;

	for (size_t i = 0; want && i < want->n; i++) {
		const struct pm_obj *o = want->v[i];

		if (pm_kind_is_guest(o->kind) && o->spec && o->spec->val[PM_G_HA].state != PM_UNSET)
			return true;
	}
	for (size_t i = 0; i < l->inv.n; i++) {
		const struct pm_live *g = l->inv.v[i]->live;

		if (pm_ha_is_ours(g) && strcmp(g->marker->set, l->scope->set) == 0)
			return true;
	}
	return false;
}

/* Whoever only looks at everything does without it where it may not be seen. */
static int read_ha(struct live *l, struct pm_error *err)
{
	int r;

	if (!l->scope->all && !speaks_of_ha(l))
		return 0;
	r = pm_pve_read_ha(l->p, l->j, l->inv.v, l->inv.n, err);
	if (r == -PM_E_CANCELLED || !l->scope->all || speaks_of_ha(l))
		return r;
	err->code = PM_OK;
	return 0;
}

/* What is of interest because of what is wanted. */
static int read_wanted(struct live *l, struct pm_error *err)
{
	int r;

	collect_named(l);
	choose(l, is_only_named);
	r = fetch_new(l, PM_OP_GUEST_PENDING, got_config, err);
	if (r == 0 && l->nmoved > 0)
		r = look_again(l, err);
	if (r == 0)
		r = read_states(l, err);
	return r == 0 ? read_ha(l, err) : r;
}

static int read_live(struct live *l, struct pm_error *err)
{
	int r = read_near(l, err);

	if (r == 0 && l->scope->await)
		r = l->scope->await(l->scope->await_arg, err);
	return r == 0 ? read_wanted(l, err) : r;
}

int pm_pve_live(struct pm_pve *p, struct pm_job *j, const struct pm_scope *scope,
	struct pm_set *ret, struct pm_error *err)
{
	struct live l = { .p = p, .j = j, .scope = scope, .a = j->arena };
	uint64_t began = pm_mono_ns(p->clock);
	int r;

	(void)pm_set_tag(scope->set, l.tag);
	r = read_live(&l, err);
	if (r == 0) {
		ret->arena = j->arena;
		for (size_t i = 0; i < l.inv.n; i++)
			pm_set_add(ret, l.inv.v[i]);
		pm_set_sort(ret);
		judge(&l, &ret->facts);
		ret->facts.took_ns = pm_mono_ns(p->clock) - began;
	}
	free(l.job);
	free(l.get);
	free(l.named);
	pm_map_done(&l.hostnames);
	pm_vec_done(&l.inv);
	return r;
}

int pm_pve_facts(struct pm_pve *p, struct pm_job *j, struct pm_facts *ret, struct pm_error *err)
{
	uint64_t began = pm_mono_ns(p->clock);
	struct pm_inventory inv;
	int r = pm_inventory_read(p, j, false, &inv, err);

	if (r < 0)
		return r;
	pm_inventory_facts(p, &inv, ret);
	for (unsigned i = 0; ret->complete && i < inv.nnodes; i++) {
		if (inv.nodes[i].online)
			continue;
		ret->complete = false;
		ret->incomplete_why =
			pm_arena_printf(j->arena, "node %s is offline", inv.nodes[i].name);
	}
	ret->took_ns = pm_mono_ns(p->clock) - began;
	pm_vec_done(&inv);
	return 0;
}
