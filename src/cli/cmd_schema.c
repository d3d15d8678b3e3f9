/* podmox schema, explain, and the hidden generate: texts made of the field tables. */
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "cli/cli.h"
#include "daemon/face.h"
#include "model/docs.h"
#include "pve/op.h"

int cmd_schema(struct pm_args *a)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	const struct pm_kind *k = NULL;

	if (a->rest.n > 0) {
		k = pm_kind_named(a->rest.v[0]);
		if (k == NULL) {
			(void)fprintf(stderr,
				"podmox: error: there is no kind \"%s\"; known:", a->rest.v[0]);
			for (size_t i = 0; pm_kinds[i] != NULL; i++)
				(void)fprintf(stderr, " %s", pm_kinds[i]->name);
			(void)fputc('\n', stderr);
			return 64;
		}
	}
	pm_schema_write(k, &out);
	(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return 0;
}

int cmd_explain(struct pm_args *a)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_error err = { 0 };

	if (pm_explain(a->rest.v[0], &out, &err) < 0)
		return pm_cli_fail(&err);
	(void)fwrite(pm_buf_str(&out), 1, out.len, stdout);
	return 0;
}

/* One generated file: DIR/folder/name, in lower case. */
static int write_text(const char *dir, const char *folder, const char *name, const char *suffix,
	const struct pm_buf *text, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(0);
	size_t start;
	int r;

	(void)pm_buf_addf(&path, "%s/%s", dir, folder);
	r = pm_dir_make(pm_buf_str(&path), 0755, err);
	if (r < 0)
		return r;
	start = path.len + 1;
	(void)pm_buf_addf(&path, "/%s%s", name, suffix);
	for (char *c = path.p + start; *c != '\0'; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c = (char)(*c - 'A' + 'a');
	return pm_file_write(pm_buf_str(&path), pm_buf_str(text), text->len, 0644, err);
}

static int generate_kind(const char *dir, const struct pm_kind *k, struct pm_error *err)
{
	struct pm_buf schema cleanup_buf = PM_BUF(0);
	struct pm_buf page cleanup_buf = PM_BUF(0);
	const char *name = k != NULL ? k->name : "podmox";
	int r;

	pm_schema_write(k, &schema);
	r = write_text(dir, "schemas", name, ".schema.json", &schema, err);
	if (r < 0 || k == NULL)
		return r;
	pm_docs_write(k, &page);
	return write_text(dir, "docs/reference", name, ".md", &page, err);
}

static int generate_calls(const char *dir, struct pm_error *err)
{
	struct pm_buf page cleanup_buf = PM_BUF(0);

	pm_op_docs(&page);
	return write_text(dir, "docs/reference", "calls", ".md", &page, err);
}

static int generate_impact(const char *dir, struct pm_error *err)
{
	struct pm_buf page cleanup_buf = PM_BUF(0);

	pm_impact_docs(&page);
	return write_text(dir, "docs/reference", "impact", ".md", &page, err);
}

static int generate_metrics(const char *dir, struct pm_error *err)
{
	struct pm_buf page cleanup_buf = PM_BUF(0);

	pm_figures_docs(&page);
	return write_text(dir, "docs/reference", "metrics", ".md", &page, err);
}

int cmd_generate(struct pm_args *a)
{
	struct pm_error err = { 0 };

	if (generate_kind(a->rest.v[0], NULL, &err) < 0)
		return pm_cli_fail(&err);
	for (size_t i = 0; pm_kinds[i] != NULL; i++)
		if (generate_kind(a->rest.v[0], pm_kinds[i], &err) < 0)
			return pm_cli_fail(&err);
	if (generate_impact(a->rest.v[0], &err) < 0 || generate_calls(a->rest.v[0], &err) < 0 ||
		generate_metrics(a->rest.v[0], &err) < 0)
		return pm_cli_fail(&err);
	return 0;
}
