/* Loading: files to one linked set. Every finding is kept; whether the load is whole is said aloud,
 * because pruning hangs on it. */
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "manifest/manifest_priv.h"

struct loading {
	struct pm_reader reader;
	struct pm_diags *d;
	uint64_t tree;
	PM_VEC(struct pm_load_file) files;
};

/* Of a content: eight bytes at once, because a byte a turn would cost as much as all checks of a value. */
uint64_t pm_manifest_hash(const char *s, size_t n)
{
	return pm_hash_fast(s, n, 0) | 1;
}

static void take_file(void *arg, const struct pm_found *f)
{
	struct loading *l = arg;
	struct pm_load_file file = { .path = f->path };
	unsigned errors = l->d->nerrors;

	if (f->text) {
		file.hash = pm_manifest_hash(f->text, f->n);
		pm_reader_read(&l->reader, f->path, f->text, f->n, l->d);
	} else {
		struct pm_diag *diag = pm_diag_add(
			l->d, PM_ERROR, (struct pm_pos){ .file = f->path }, "%s", f->why);

		pm_diag_hint(l->d, diag, "%s", f->hint);
	}
	file.good = l->d->nerrors == errors;
	l->tree = pm_hash(f->path, strlen(f->path), l->tree);
	l->tree = pm_hash(&file.hash, sizeof(file.hash), l->tree);
	pm_vec_push(&l->files, file);
}

/* ---- source lines of findings that were made after the texts were gone ---- */

/* The findings are sorted: each file is read once more at most. */
static void add_sources(struct pm_diags *d)
{
	cleanup_buf struct pm_buf text = PM_BUF(PM_MANIFEST_MAX_FILE + 1);
	struct pm_text t = { 0 };
	struct pm_error err;

	for (struct pm_diag *diag = d->first; diag; diag = diag->next) {
		if (diag->source || diag->pos.line == 0 || !diag->pos.file)
			continue;
		if (!t.file || strcmp(t.file, diag->pos.file) != 0) {
			if (pm_file_read(AT_FDCWD, diag->pos.file, PM_MANIFEST_MAX_FILE, &text,
				    &err) < 0)
				pm_buf_clear(&text);
			pm_text_init(&t, diag->pos.file, pm_buf_str(&text), text.len, d);
		}
		pm_text_show(&t, diag);
	}
}

/* ---- what came of it ---- */

static int compare_files(const void *a, const void *b)
{
	return strcmp(
		((const struct pm_load_file *)a)->path, ((const struct pm_load_file *)b)->path);
}

/* Findings of the links between objects make the files bad in which they are. */
static void judge_files(struct pm_load *load, const struct pm_diags *d)
{
	for (const struct pm_diag *diag = d->first; diag; diag = diag->next) {
		struct pm_load_file key = { .path = diag->pos.file }, *f;

		if (diag->severity != PM_ERROR || !key.path || load->nloaded == 0)
			continue;
		f = bsearch(&key, load->files, load->nloaded, sizeof(key), compare_files);
		if (f)
			f->good = false;
	}
}

static void take_files(struct pm_arena *a, struct loading *l, struct pm_load *ret)
{
	size_t n = l->files.n;

	ret->files = pm_new_n(a, struct pm_load_file, n + 1);
	if (n > 0) {
		memcpy(ret->files, l->files.v, n * sizeof(*ret->files));
		qsort(ret->files, n, sizeof(*ret->files), compare_files);
	}
	ret->nloaded = n;
	ret->nfiles = (unsigned)n;
	ret->ndocs = l->reader.ndocs;
	ret->tree_hash = l->tree;
	pm_vec_done(&l->files);
}

static bool is_folder(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* ---- the paths ---- */

struct place {
	const char *path;
	char *real;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (!x->real || !y->real)
		return (x->real != NULL) - (y->real != NULL);
	return strcmp(x->real, y->real);
}

static bool covers(const struct place *outer, const struct place *inner)
{
	size_t n = outer->real ? strlen(outer->real) : 0;

	return n > 0 && inner->real && strncmp(inner->real, outer->real, n) == 0 &&
	       (inner->real[n] == '\0' || inner->real[n] == '/' || outer->real[n - 1] == '/');
}

/* Reads every path once: one that lies below another is part of that. */
static int walk_all(struct loading *l, struct pm_arena *a, const char *const *paths, size_t n,
	struct pm_error *err)
{
	struct place *v = pm_xcalloc(n + 1, sizeof(*v));
	const struct place *last = NULL;
	int r = 0;

	for (size_t i = 0; i < n; i++)
		v[i] = (struct place){ .path = paths[i], .real = realpath(paths[i], NULL) };
	if (n > 1)
		qsort(v, n, sizeof(*v), compare_places);
	for (size_t i = 0; i < n && r == 0; i++) {
		if (last && covers(last, &v[i]))
			continue;
		last = &v[i];
		r = pm_manifest_walk(a, v[i].path, take_file, l, err);
	}
	for (size_t i = 0; i < n; i++)
		free(v[i].real);
	free(v);
	return r;
}

static void find_no_object(struct pm_diags *d, const char *const *paths, size_t n)
{
	struct pm_diag *diag = pm_diag_add(d, PM_ERROR,
		(struct pm_pos){ .file = n > 0 ? paths[0] : NULL }, "there is no object in it");

	pm_diag_hint(d, diag, "manifests are files that end in .yaml or .yml, with kind: Pod");
}

int pm_manifest_load(const char *const *paths, size_t npaths, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d, struct pm_error *err)
{
	struct pm_arena *a = ret->arena;
	struct loading l = { .d = d };
	unsigned errors = d->nerrors;
	int r;

	pm_reader_init(&l.reader, a);
	l.reader.set = ret;
	r = walk_all(&l, a, paths, npaths, err);
	memset(ret_load, 0, sizeof(*ret_load));
	take_files(a, &l, ret_load);
	pm_reader_done(&l.reader);
	if (r < 0)
		return r;
	if (l.reader.nobjects == 0 && d->nerrors == errors)
		find_no_object(d, paths, npaths);
	pm_manifest_link(ret, d);
	pm_diags_sort(d);
	add_sources(d);
	judge_files(ret_load, d);
	for (size_t i = 0; i < npaths; i++)
		ret_load->single_file = ret_load->single_file || !is_folder(paths[i]);
	ret_load->root = pm_manifest_root(a, paths, npaths);
	ret_load->whole = d->nerrors == errors;
	return 0;
}
