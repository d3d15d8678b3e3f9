/* The configuration file: one more kind, with the same parser and the same findings. */
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/file.h"
#include "manifest/manifest_priv.h"

struct readers {
	const char *file;
	struct pm_diags *d;
	bool told; /* of the file itself: once is enough */
};

static void warn(const struct readers *r, const struct pm_value *v, const char *what,
	const char *file, const char *instead)
{
	struct pm_diag *diag = pm_diag_add(r->d, PM_WARNING,
		(struct pm_pos){ .file = r->file, .line = v->line, .column = v->column }, "%s",
		what);

	pm_diag_hint(r->d, diag, "chmod 600 %s%s", file, instead);
}

/* A secret in the configuration itself is nobody else's to read. One in a file of its own may have a
 * group: that of a service. */
static void check_secret(struct readers *r, const struct pm_value *v)
{
	const struct pm_secret_ref *s = v->u.secret;
	const char *slash = strrchr(r->file, '/'), *file = s->text;
	struct stat st;

	if (s->from == PM_SECRET_LITERAL && !r->told && stat(r->file, &st) == 0 &&
		(st.st_mode & 077) != 0) {
		r->told = true;
		warn(r, v, "a secret stands in a file that others may read", r->file,
			", or name its source with fromFile or fromEnv");
	}
	if (s->from != PM_SECRET_FILE)
		return;
	if (file[0] != '/' && slash)
		file = pm_arena_printf(
			r->d->arena, "%.*s%s", (int)(slash - r->file) + 1, r->file, file);
	if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && (st.st_mode & 07) != 0)
		warn(r, v, "the secret lies in a file that everybody may read", file, "");
}

static void check_secrets(struct readers *r, const struct pm_rec *rec)
{
	for (unsigned i = 0; i < rec->kind->nfields; i++) {
		const struct pm_field *f = &rec->kind->fields[i];
		const struct pm_value *v = &rec->val[i];

		if (v->state != PM_SET)
			continue;
		if (f->type == PM_T_SECRET)
			check_secret(r, v);
		if (f->type == PM_T_PROPS && f->count == 0)
			check_secrets(r, v->u.rec);
		for (size_t j = 0; f->type == PM_T_PROPS && f->count > 0 && j < v->u.recs->n; j++)
			check_secrets(r, v->u.recs->v[j]);
	}
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
	check_secrets(&(struct readers){ .file = file, .d = d }, r.found);
	*ret = r.found;
	return 0;
}
