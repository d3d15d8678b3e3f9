/* The texts of all manifests, and of each the last one that was good. A file that breaks, or that cannot
 * be read any more, stays in force as it was; one that is gone is gone. Objects are made anew from the
 * texts for each cycle: texts are small, and objects belong to the arena of one cycle. */
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon_priv.h"

/* Rounds of reverting files that do not fit each other; chains of dependants are rarely longer. */
#define ROUNDS 20

static void drop(char **p)
{
	free(*p);
	*p = NULL;
}

static void kept_free(struct pm_kept *f)
{
	if (f->good != f->text)
		free(f->good);
	free(f->text);
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
	size_t at, known; /* files beyond `known` are new and not sorted in yet */
};

static struct pm_kept *kept_of(struct walking *w, const char *path)
{
	struct pm_store *s = w->s;
	struct pm_kept *f;

	while (w->at < w->known && strcmp(s->files.v[w->at]->path, path) < 0)
		w->at++;
	if (w->at < w->known && strcmp(s->files.v[w->at]->path, path) == 0)
		return s->files.v[w->at++];
	f = pm_xcalloc(1, sizeof(*f));
	f->path = pm_xstrdup(path);
	pm_vec_push(&s->files, f);
	return f;
}

static void forget_text(struct pm_kept *f)
{
	if (f->text != f->good)
		free(f->text);
	f->text = NULL;
	f->n = 0;
}

static void take_found(void *arg, const struct pm_found *found)
{
	struct walking *w = arg;
	struct pm_kept *f = kept_of(w, found->path);

	f->seen = true;
	drop(&f->why);
	drop(&f->hint);
	if (!found->text) {
		forget_text(f);
		f->why = pm_xstrdup(found->why);
		f->hint = pm_xstrdup(found->hint);
		return;
	}
	if (f->text && f->n == found->n && memcmp(f->text, found->text, f->n) == 0)
		return;
	forget_text(f);
	f->text = pm_xcalloc(1, found->n + 1);
	memcpy(f->text, found->text, found->n);
	f->n = found->n;
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

/* Drops what is gone; what is out of sight has no present text. */
static void drop_gone(struct pm_store *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->files.n; i++) {
		struct pm_kept *f = s->files.v[i];

		f->gone = !f->seen && !is_out_of_sight(s, f);
		if (!f->seen && !f->gone)
			forget_text(f);
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

		h = pm_hash(f->path, strlen(f->path) + 1, h);
		h = f->text ? pm_hash(f->text, f->n + 1, h) : h + 1;
	}
	return h;
}

void pm_store_read(struct pm_store *s, const char *dir)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct walking w = { .s = s, .known = s->files.n };
	struct pm_error err;

	for (size_t i = 0; i < s->files.n; i++)
		s->files.v[i]->seen = false;
	drop(&s->missing);
	if (pm_manifest_walk(a, dir, take_found, &w, &err) < 0)
		s->missing = pm_xstrdup(err.msg);
	drop_gone(s);
	if (s->files.n > 0)
		qsort(s->files.v, s->files.n, sizeof(void *), compare_kept);
	s->tree = tree_of(s);
}

/* ---- what is in force ---- */

/* Which text of a file is used. */
enum choice { PRESENT, GOOD, NONE };

struct taking {
	struct pm_store *s;
	unsigned char *choice; /* one for each file */
	struct pm_set *set;
	struct pm_diags *d; /* where findings of the present texts go */
};

static bool same_text(const struct pm_kept *f)
{
	return f->text && f->good && f->n == f->ngood && memcmp(f->text, f->good, f->n) == 0;
}

/* The present text is no use: back to the good one, if that is another. */
static enum choice revert(const struct pm_kept *f, enum choice was)
{
	return was == PRESENT && f->good && !same_text(f) ? GOOD : NONE;
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

/* Parses every present text into the set; those with errors are reverted. true: there was none. */
static bool judge_texts(struct taking *t)
{
	bool all = true;

	for (size_t i = 0; i < t->s->files.n; i++) {
		const struct pm_kept *f = t->s->files.v[i];
		unsigned errors = t->d->nerrors;

		if (!f->text)
			find_unreadable(t, f);
		else
			pm_manifest_parse(t->set->arena, f->path, f->text, f->n, t->set, t->d);
		if (f->text && t->d->nerrors == errors)
			continue;
		t->choice[i] = (unsigned char)revert(f, PRESENT);
		all = false;
	}
	return all;
}

/* Each of these texts was parsed before without an error. */
static void parse_chosen(struct taking *t)
{
	struct pm_diags known;

	pm_diags_init(&known, t->set->arena);
	t->set->n = 0;
	for (size_t i = 0; i < t->s->files.n; i++) {
		const struct pm_kept *f = t->s->files.v[i];
		struct pm_arena *a = t->set->arena;

		if (t->choice[i] == PRESENT)
			pm_manifest_parse(a, f->path, f->text, f->n, t->set, &known);
		else if (t->choice[i] == GOOD)
			pm_manifest_parse(a, f->path, f->good, f->ngood, t->set, &known);
	}
}

static int compare_path(const void *path, const void *file)
{
	return strcmp(path, (*(const struct pm_kept *const *)file)->path);
}

bool pm_store_has_good(const struct pm_store *s, const char *path)
{
	struct pm_kept *const *f = s->files.n == 0 ? NULL
						   : bsearch(path, s->files.v, s->files.n,
							     sizeof(void *), compare_path);

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
			found = bsearch(
				diag->pos.file, files, t->s->files.n, sizeof(void *), compare_path);
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
 * round are about the present texts. */
static void fit_together(struct taking *t, bool parsed)
{
	struct pm_diags older = { 0 };

	for (unsigned round = 0; round < ROUNDS; round++) {
		struct pm_diags *d = round == 0 ? t->d : &older;
		struct pm_diag **news;
		unsigned errors;

		pm_diags_init(&older, t->set->arena);
		if (!parsed)
			parse_chosen(t);
		parsed = false;
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

		if (t->choice[i] != PRESENT || f->good == f->text)
			continue;
		free(f->good);
		f->good = f->text;
		f->ngood = f->n;
	}
}

void pm_store_take(struct pm_store *s, const char *dir, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d)
{
	unsigned char *choice cleanup_free = pm_xcalloc(s->files.n + 1, 1);
	struct taking t = { .s = s, .choice = choice, .set = ret, .d = d };
	unsigned errors = d->nerrors;

	memset(ret_load, 0, sizeof(*ret_load));
	if (s->missing)
		(void)pm_diag_add(d, PM_ERROR, (struct pm_pos){ .file = dir }, "%s", s->missing);
	fit_together(&t, judge_texts(&t));
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
