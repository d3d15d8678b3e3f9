/* The manifests of a folder as they were understood: of each file its present content and the last good one,
 * parsed once. A file that breaks, or that cannot be read any more, stays in force as it was; one that is gone
 * is gone. Only files that look changed are read, and only changed ones are parsed; the objects are used in
 * every cycle, which links them anew. */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/daemon_priv.h"

/* Rounds of reverting files that do not fit each other; chains of dependants are rarely longer. */
#define ROUNDS 20

/* File systems keep times as coarse as two seconds: what changed later than that may change once more
 * without a trace. */
#define RACY_MS  2500
#define BLOCK_UP 65536

/** One content of one file, parsed. */
struct pm_content {
	struct pm_arena *arena;
	struct pm_set set;
	struct pm_diags found;
	uint64_t hash;
	size_t n;
};

static void drop(char **p)
{
	free(*p);
	*p = NULL;
}

static void content_free(struct pm_content *c)
{
	if (!c)
		return;
	pm_set_done(&c->set);
	pm_arena_free(c->arena);
	free(c);
}

static void kept_free(struct pm_kept *f)
{
	if (f->good != f->now)
		content_free(f->good);
	content_free(f->now);
	free(f->path);
	free(f->why);
	free(f->hint);
	free(f);
}

void pm_store_done(struct pm_store *s)
{
	for (size_t i = 0; i < s->files.n; i++)
		kept_free(s->files.v[i]);
	pm_vec_done(&s->files);
	pm_set_done(&s->out);
	drop(&s->missing);
}

/* ---- reading ---- */

static int compare_kept(const void *a, const void *b)
{
	const struct pm_kept *const *x = a, *const *y = b;

	return strcmp((*x)->path, (*y)->path);
}

/* Walk and store are sorted alike: `at` is the first file that may be the one. */
struct walking {
	struct pm_store *s;
	size_t at, known;     /* files beyond `known` are new and not sorted in yet */
	struct pm_kept *last; /* whose looks were asked for last */
	int64_t now_ms;
};

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, (*(const struct pm_kept *const *)file)->path);
}

/* One of those that are sorted in. */
static struct pm_kept **find_path(const struct pm_store *s, size_t n, const char *path)
{
	return n > 0 ? bsearch(path, s->files.v, n, sizeof(void *), compare_path) : NULL;
}

static struct pm_kept *kept_of(struct walking *w, const char *path)
{
	struct pm_store *s = w->s;
	struct pm_kept *f, **found;

	if (w->last && strcmp(w->last->path, path) == 0)
		return w->last;
	found = w->at < w->known && strcmp(s->files.v[w->at]->path, path) == 0
			? &s->files.v[w->at]
			: find_path(s, w->known, path);
	if (found) {
		w->at = (size_t)(found - s->files.v) + 1;
		return *found;
	}
	f = pm_xcalloc(1, sizeof(*f));
	f->path = pm_xstrdup(path);
	f->path_hash = pm_hash_fast(path, strlen(path), 0);
	pm_vec_push(&s->files, f);
	return f;
}

static void forget_now(struct pm_kept *f)
{
	if (f->now != f->good)
		content_free(f->now);
	f->now = NULL;
}

static int64_t ms_of(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

/* When anything about it was changed last. */
static int64_t changed_ms(const struct stat *st)
{
	int64_t content = ms_of(&st->st_mtim), all = ms_of(&st->st_ctim);

	return content > all ? content : all;
}

static struct pm_looks looks_of(const struct stat *st)
{
	return (struct pm_looks){ .dev = (uint64_t)st->st_dev,
		.ino = (uint64_t)st->st_ino,
		.size = (uint64_t)st->st_size,
		.modified_ns = (int64_t)st->st_mtim.tv_sec * (int64_t)PM_S_NS + st->st_mtim.tv_nsec,
		.changed_ns =
			(int64_t)st->st_ctim.tv_sec * (int64_t)PM_S_NS + st->st_ctim.tv_nsec };
}

static bool looks_same(const struct pm_looks *a, const struct pm_looks *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	       a->modified_ns == b->modified_ns && a->changed_ns == b->changed_ns;
}

/* What a file looks like in a number. Those of all files are added up, in whatever order they are met. */
static uint64_t glance_at(uint64_t path_hash, const struct pm_looks *looks)
{
	return looks ? pm_hash_fast(looks, sizeof(*looks), path_hash) : path_hash;
}

static void note_glance(struct pm_store *s, struct pm_kept *f, uint64_t glance)
{
	s->glance += glance - f->glance;
	f->glance = glance;
}

static bool take_known(void *arg, const char *path, const struct stat *st)
{
	struct walking *w = arg;
	struct pm_kept *f = kept_of(w, path);
	struct pm_looks looks = looks_of(st);
	bool same = f->now && !f->racy && looks_same(&looks, &f->looks);

	note_glance(w->s, f, glance_at(f->path_hash, &looks));
	w->last = f;
	f->looks = looks;
	f->age_ms = w->now_ms - changed_ms(st);
	f->racy = f->age_ms < RACY_MS;
	if (same)
		f->seen = true;
	return same;
}

static void take_unreadable(struct pm_kept *f, const struct pm_found *found)
{
	forget_now(f);
	f->why = pm_xstrdup(found->why);
	f->hint = pm_xstrdup(found->hint);
}

/* Files of one tree are alike: what the ones before needed for a byte, with a little more, is about what
 * this one needs, so that thousands of contents waste no memory. */
static struct pm_content *parse(
	struct pm_store *s, const struct pm_kept *f, const struct pm_found *found, uint64_t hash)
{
	struct pm_content *c = pm_xcalloc(1, sizeof(*c));
	size_t block = (found->n + 1) * (s->needs ? s->needs : 64) / 8, needed;

	c->arena = pm_arena_new(block > BLOCK_UP ? BLOCK_UP : block);
	c->set.arena = c->arena;
	c->hash = hash;
	c->n = found->n;
	pm_diags_init(&c->found, c->arena);
	pm_manifest_parse(c->arena, f->path, found->text, found->n, &c->set, &c->found);
	needed = pm_arena_used(c->arena) * 9 / (found->n + 1) + 1;
	s->needs = needed > s->needs ? needed : s->needs;
	return c;
}

static void take_found(void *arg, const struct pm_found *found)
{
	struct walking *w = arg;
	struct pm_kept *f = kept_of(w, found->path);
	uint64_t hash;

	f->seen = true;
	if (f != w->last)
		note_glance(w->s, f, glance_at(f->path_hash, NULL));
	drop(&f->hint);
	if (!found->text) {
		drop(&f->why);
		take_unreadable(f, found);
		return;
	}
	drop(&f->why);
	w->s->nread++;
	hash = pm_hash(found->text, found->n, 0);
	if (f->now && f->now->n == found->n && f->now->hash == hash)
		return;
	forget_now(f);
	/* Back to what it was: no need to understand it once more. */
	if (f->good && f->good->n == found->n && f->good->hash == hash) {
		f->now = f->good;
	} else {
		f->now = parse(w->s, f, found, hash);
		w->s->nparsed++;
	}
	if (f->age_ms < PM_STABLE_MS)
		w->s->young = true;
}

/* Did the walk fail to read a folder that the file lies below? Then nothing is known about it. */
static bool is_out_of_sight(const struct pm_store *s, const struct pm_kept *f)
{
	if (s->missing)
		return true;
	for (size_t i = 0; i < s->files.n; i++) {
		const struct pm_kept *place = s->files.v[i];
		size_t n = strlen(place->path);

		if (place->seen && place->why && strncmp(f->path, place->path, n) == 0 &&
			f->path[n] == '/')
			return true;
	}
	return false;
}

/* Drops what is gone; what is out of sight has no present content. */
static void drop_gone(struct pm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->files.n; i++) {
		struct pm_kept *f = s->files.v[i];

		f->gone = !f->seen && !is_out_of_sight(s, f);
		/* An editor may be about to put it back. */
		s->young = s->young || !f->seen;
		if (!f->seen && !f->gone)
			forget_now(f);
	}
	for (size_t i = 0; i < s->files.n; i++) {
		if (s->files.v[i]->gone)
			kept_free(s->files.v[i]);
		else
			s->files.v[n++] = s->files.v[i];
	}
	s->files.n = n;
}

static uint64_t tree_of(const struct pm_store *s)
{
	uint64_t h = s->missing ? 1 : 0;

	for (size_t i = 0; i < s->files.n; i++) {
		const struct pm_kept *f = s->files.v[i];

		const uint64_t part[2] = { f->path_hash, f->now ? f->now->hash : 1 };

		h = pm_hash_fast(part, sizeof(part), h + !f->now);
	}
	return h;
}

static struct walking walking_of(struct pm_store *s)
{
	return (struct walking){ .s = s,
		.known = s->files.n,
		.now_ms = pm_wall_ms(s->clock ? s->clock : &pm_clock_system) };
}

static void sort_new(const struct walking *w)
{
	if (w->s->files.n > w->known)
		qsort(w->s->files.v, w->s->files.n, sizeof(void *), compare_kept);
}

void pm_store_read(struct pm_store *s, const char *dir)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct walking w = walking_of(s);
	const struct pm_walker walker = { take_found, take_known, &w, &s->linked };
	struct pm_error err;

	for (size_t i = 0; i < s->files.n; i++) {
		s->files.v[i]->seen = false;
		s->files.v[i]->glance = 0;
	}
	s->young = false;
	s->glance = 0;
	s->linked = false;
	drop(&s->missing);
	if (pm_manifest_walk_changed(a, dir, &walker, &err) < 0)
		s->missing = pm_xstrdup(err.msg);
	sort_new(&w);
	drop_gone(s);
	s->tree = tree_of(s);
}

/* ---- reading what is named ---- */

/* What all paths begin with. */
static size_t prefix_of(const char *dir)
{
	size_t n = strlen(dir);

	while (n > 1 && dir[n - 1] == '/')
		n--;
	if (strcmp(dir, ".") == 0)
		return 0;
	return dir[n - 1] == '/' ? n : n + 1;
}

bool pm_store_look(struct pm_store *s, const char *dir, const struct pm_named *named)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(4096);
	const char *paths[2 * PM_NAMED_MOST];
	size_t n = 0, skip = prefix_of(dir);
	struct walking w = walking_of(s);
	const struct pm_walker walker = { take_found, take_known, &w, NULL };

	if (s->missing || s->linked || named->v.n > PM_NAMED_MOST)
		return false;
	for (; n < named->v.n; n++)
		paths[n] = named->v.v[n];
	for (size_t i = 0; i < s->files.n; i++) {
		const struct pm_kept *f = s->files.v[i];

		/* What could not be read may have been mended, which nobody names. */
		if (!f->now || (f->racy && n == PM_COUNT(paths)))
			return false;
		if (f->racy)
			paths[n++] = f->path + skip;
	}
	s->young = false;
	if (!pm_manifest_walk_named(a, dir, paths, n, &walker))
		return false;
	sort_new(&w);
	s->tree = tree_of(s);
	return true;
}

/* ---- looking only ---- */

struct glancing {
	uint64_t glance;
	const char *last;
};

static bool glance_known(void *arg, const char *path, const struct stat *st)
{
	struct glancing *g = arg;
	struct pm_looks looks = looks_of(st);

	g->glance += glance_at(pm_hash_fast(path, strlen(path), 0), &looks);
	g->last = path;
	return true;
}

static void glance_found(void *arg, const struct pm_found *found)
{
	struct glancing *g = arg;

	if (!g->last || strcmp(g->last, found->path) != 0)
		g->glance += glance_at(pm_hash_fast(found->path, strlen(found->path), 0), NULL);
}

uint64_t pm_store_glance(const char *dir)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct glancing g = { 0 };
	const struct pm_walker walker = { .fn = glance_found, .known = glance_known, .arg = &g };
	struct pm_error ignored;

	return pm_manifest_walk_changed(a, dir, &walker, &ignored) < 0 ? 0 : g.glance;
}

/* ---- what is in force ---- */

/* Which content of a file is used. */
enum choice { PRESENT, GOOD, NONE };

struct taking {
	struct pm_store *s;
	unsigned char *choice; /* one for each file */
	struct pm_set *set;
	struct pm_diags *d; /* where findings of the present contents go */
};

static bool same_content(const struct pm_kept *f)
{
	return f->now && f->now == f->good;
}

/* The present content is no use: back to the good one, if that is another. */
static enum choice revert(const struct pm_kept *f, enum choice was)
{
	return was == PRESENT && f->good && !same_content(f) ? GOOD : NONE;
}

static void find_unreadable(struct taking *t, const struct pm_kept *f)
{
	struct pm_diag *diag;

	/* Out of sight: the folder is told. */
	if (!f->why)
		return;
	diag = pm_diag_add(t->d, PM_ERROR, (struct pm_pos){ .file = f->path }, "%s", f->why);
	pm_diag_hint(t->d, diag, "%s", f->hint);
}

/* Findings of a content that was parsed before; their texts live as long as it. */
static void repeat_findings(struct pm_diags *d, const struct pm_content *c)
{
	for (const struct pm_diag *from = c->found.first; from; from = from->next) {
		struct pm_diag *to = pm_diag_add(d, from->severity, from->pos, "%s", from->msg);

		to->length = from->length;
		to->hint = from->hint;
		to->source = from->source;
	}
}

/* Tells what is wrong with each present content, and reverts it. */
static void judge_contents(struct taking *t)
{
	for (size_t i = 0; i < t->s->files.n; i++) {
		const struct pm_kept *f = t->s->files.v[i];

		if (f->now)
			repeat_findings(t->d, f->now);
		else
			find_unreadable(t, f);
		if (f->now && f->now->found.nerrors == 0)
			continue;
		t->choice[i] = (unsigned char)revert(f, PRESENT);
	}
}

static void add_chosen(struct taking *t)
{
	t->set->n = 0;
	t->set->no_pods = NULL;
	t->set->sorted = false;
	for (size_t i = 0; i < t->s->files.n; i++) {
		const struct pm_kept *f = t->s->files.v[i];
		const struct pm_content *c = t->choice[i] == PRESENT ? f->now
					     : t->choice[i] == GOOD  ? f->good
								     : NULL;

		for (size_t k = 0; c && k < c->set.n; k++)
			pm_set_add(t->set, c->set.v[k]);
		for (const struct pm_no_pods *x = c ? c->set.no_pods : NULL; x; x = x->next)
			pm_set_add_no_pods(t->set, x->ns, x->name);
	}
}

bool pm_store_has_good(const struct pm_store *s, const char *path)
{
	struct pm_kept *const *f = find_path(s, s->files.n, path);

	return f && (*f)->good;
}

/* Reverts the files in which something does not fit the others; true: there was one. */
static bool revert_misfits(struct taking *t, const struct pm_diag *first)
{
	struct pm_kept **files = t->s->files.v;
	bool any = false;

	for (const struct pm_diag *diag = first; diag; diag = diag->next) {
		struct pm_kept **found = NULL;
		size_t i;

		if (diag->severity == PM_ERROR && diag->pos.file)
			found = find_path(t->s, t->s->files.n, diag->pos.file);
		if (!found)
			continue;
		i = (size_t)(found - files);
		if (t->choice[i] == NONE)
			continue;
		t->choice[i] = (unsigned char)revert(files[i], t->choice[i]);
		any = true;
	}
	return any;
}

/* Links what is chosen; as long as something does not fit, its file is reverted. Findings of the first
 * round are about the present contents. */
static void fit_together(struct taking *t)
{
	struct pm_diags older = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct pm_diags *d = round == 0 ? t->d : &older;
		struct pm_diag **news;
		unsigned errors;

		pm_diags_init(&older, t->set->arena);
		add_chosen(t);
		errors = d->nerrors;
		news = d->last;
		pm_manifest_link(t->set, d);
		if (d->nerrors == errors)
			return;
		if (!revert_misfits(t, *news))
			break;
	}
	t->set->n = 0;
}

static void remember_good(struct taking *t)
{
	for (size_t i = 0; i < t->s->files.n; i++) {
		struct pm_kept *f = t->s->files.v[i];

		if (t->choice[i] != PRESENT || f->good == f->now)
			continue;
		content_free(f->good);
		f->good = f->now;
	}
}

static void add_out(struct pm_set *out, const struct pm_set *in, const struct pm_content *c)
{
	for (size_t i = 0; c && i < c->set.n; i++) {
		struct pm_obj *o = c->set.v[i];

		if (!pm_set_find(in, o->kind, o->ns, o->name))
			pm_set_add(out, o);
	}
}

/* What stands in files and is not in force: the objects of broken files that were never good, and of those that
 * do not fit the others. */
static void find_out(struct taking *t, struct pm_load *ret)
{
	struct pm_set *out = &t->s->out;

	for (size_t i = 0; i < t->s->files.n; i++) {
		const struct pm_kept *f = t->s->files.v[i];

		add_out(out, t->set, f->now);
		if (f->good != f->now)
			add_out(out, t->set, f->good);
	}
	pm_set_sort(out);
	ret->out = out;
}

void pm_store_take(struct pm_store *s, const char *dir, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d)
{
	unsigned char *choice cleanup_free = pm_xcalloc(s->files.n + 1, 1);
	struct taking t = { .s = s, .choice = choice, .set = ret, .d = d };
	unsigned errors = d->nerrors;

	memset(ret_load, 0, sizeof(*ret_load));
	pm_set_done(&s->out);
	if (s->missing)
		(void)pm_diag_add(d, PM_ERROR, (struct pm_pos){ .file = dir }, "%s", s->missing);
	judge_contents(&t);
	fit_together(&t);
	if (d->nerrors > errors)
		find_out(&t, ret_load);
	remember_good(&t);
	if (ret->n == 0 && d->nerrors == errors)
		(void)pm_diag_add(
			d, PM_ERROR, (struct pm_pos){ .file = dir }, "there is no object in it");
	pm_diags_sort(d);
	ret_load->root = pm_manifest_root(ret->arena, &dir, 1);
	ret_load->nfiles = (unsigned)s->files.n;
	ret_load->tree_hash = s->tree;
	ret_load->whole = d->nerrors == errors;
}
