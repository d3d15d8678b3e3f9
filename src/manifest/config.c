/* The configuration file: one more kind, with the same parser and the same findings. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "manifest/manifest_priv.h"

/* The first secret that stands in the file itself; NULL: none. */
static const struct pm_value *literal_in(const struct pm_rec *rec)
{
	for (unsigned i = 0; i < rec->kind->nfields; i++) {
		const struct pm_field *f = &rec->kind->fields[i];
		const struct pm_value *v = &rec->val[i], *found = NULL;

		if (v->state != PM_SET)
			continue;
		if (f->type == PM_T_SECRET && v->u.secret->from == PM_SECRET_LITERAL)
			return v;
		if (f->type == PM_T_PROPS && f->count == 0)
			found = literal_in(v->u.rec);
		for (size_t j = 0; f->type == PM_T_PROPS && f->count > 0 && j < v->u.recs->n; j++)
			found = found ? found : literal_in(v->u.recs->v[j]);
		if (found)
			return found;
	}
	return NULL;
}

static void check_readers(const char *file, const struct pm_rec *rec, struct pm_diags *d)
{
	const struct pm_value *secret = literal_in(rec);
	struct pm_diag *diag;
	struct stat st;

	if (!secret || stat(file, &st) < 0 || (st.st_mode & 077) == 0)
		return;
	diag = pm_diag_add(d, PM_WARNING,
		(struct pm_pos){ .file = file, .line = secret->line, .column = secret->column },
		"a secret stands in a file that others may read");
	pm_diag_hint(d, diag, "chmod 600 %s, or name its source with fromFile or fromEnv", file);
}

int pm_manifest_config(struct pm_arena *a, const char *path, struct pm_rec **ret,
	struct pm_diags *d, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(PM_MANIFEST_MAX_FILE + 1);
	const char *file = pm_arena_strdup(a, path);
	unsigned errors = d->nerrors;
	struct pm_reader r;
	int bad;

	bad = pm_file_read(AT_FDCWD, path, PM_MANIFEST_MAX_FILE, &text, err);
	if (bad < 0)
		return bad;
	pm_reader_init(&r, a);
	r.config = true;
	pm_reader_read(&r, file, pm_buf_str(&text), text.len, d);
	pm_reader_done(&r);
	/* It may have held a secret. */
	pm_wipe(text.p, text.len);
	if (d->nerrors == errors && !r.found)
		(void)pm_diag_add(d, PM_ERROR, (struct pm_pos){ .file = file },
			"the file holds no configuration");
	pm_diags_sort(d);
	if (d->nerrors > errors || !r.found)
		return pm_error_set(err, PM_E_INPUT, "%u error%s in %s", d->nerrors - errors,
			d->nerrors - errors == 1 ? "" : "s", path);
	check_readers(file, r.found, d);
	*ret = r.found;
	return 0;
}
