/* Forms of output: errors, findings for people and for CI, JSON documents, questions. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"

int pm_cli_fail(const struct pm_error *err)
{
	(void)fprintf(stderr, "podmox: error: %s%s%s\n", err->where,
		err->where[0] != '\0' ? ": " : "", err->msg);
	return pm_code_exit(err->code);
}

static void findings_json(const struct pm_args *a, const struct pm_diags *d)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "version", "1");
	pm_jw_int(&w, "errors", d->nerrors);
	pm_jw_int(&w, "warnings", d->nwarnings);
	pm_jw_array(&w, "diagnostics");
	for (const struct pm_diag *i = d->first; i != NULL; i = i->next)
		pm_diag_json(&w, i);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	pm_cli_document(a, &out);
}

/* One finding as SARIF 2.1.0, the form code hosts read. */
static void finding_sarif(struct pm_jwrite *w, const struct pm_diag *d)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "ruleId", "manifest");
	pm_jw_str(w, "level", pm_severity_name(d->severity));
	pm_jw_object(w, "message");
	pm_jw_str(w, "text", d->msg);
	pm_jw_object_end(w);
	if (d->pos.file != NULL) {
		pm_jw_array(w, "locations");
		pm_jw_object(w, NULL);
		pm_jw_object(w, "physicalLocation");
		pm_jw_object(w, "artifactLocation");
		pm_jw_str(w, "uri", d->pos.file);
		pm_jw_object_end(w);
		pm_jw_object(w, "region");
		pm_jw_int(w, "startLine", d->pos.line > 0 ? d->pos.line : 1);
		pm_jw_int(w, "startColumn", d->pos.column > 0 ? d->pos.column : 1);
		pm_jw_object_end(w);
		pm_jw_object_end(w);
		pm_jw_object_end(w);
		pm_jw_array_end(w);
	}
	pm_jw_object_end(w);
}

static void findings_sarif(const struct pm_args *a, const struct pm_diags *d)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "$schema", "https://json.schemastore.org/sarif-2.1.0.json");
	pm_jw_str(&w, "version", "2.1.0");
	pm_jw_array(&w, "runs");
	pm_jw_object(&w, NULL);
	pm_jw_raw(
		&w, "tool", "{\"driver\":{\"name\":\"podmox\",\"rules\":[{\"id\":\"manifest\"}]}}");
	pm_jw_array(&w, "results");
	for (const struct pm_diag *i = d->first; i != NULL; i = i->next)
		finding_sarif(&w, i);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	pm_cli_document(a, &out);
}

/* A workflow command's text may hold neither newlines nor bare percent signs. */
static void github_text(FILE *out, const char *s)
{
	for (; *s != '\0'; s++) {
		if (*s == '%')
			(void)fputs("%25", out);
		else if (*s == '\n')
			(void)fputs("%0A", out);
		else if (*s != '\r')
			(void)fputc(*s, out);
	}
}

static void findings_github(const struct pm_diags *d, FILE *out)
{
	static const char *const words[] = { "notice", "warning", "error" };

	for (const struct pm_diag *i = d->first; i != NULL; i = i->next) {
		(void)fprintf(out, "::%s", words[i->severity]);
		if (i->pos.file != NULL)
			(void)fprintf(out, " file=%s,line=%u,col=%u", i->pos.file, i->pos.line,
				i->pos.column);
		(void)fputs("::", out);
		github_text(out, i->msg);
		if (i->hint != NULL) {
			(void)fputs(" (", out);
			github_text(out, i->hint);
			(void)fputs(")", out);
		}
		(void)fputc('\n', out);
	}
}

void pm_cli_findings(const struct pm_args *a, struct pm_diags *d, FILE *out)
{
	pm_diags_sort(d);
	switch (a->output) {
	case PM_OUT_JSON:
	case PM_OUT_YAML:
		findings_json(a, d);
		break;
	case PM_OUT_SARIF:
		findings_sarif(a, d);
		break;
	case PM_OUT_GITHUB:
		findings_github(d, stdout);
		break;
	case PM_OUT_HUMAN:
	case PM_OUT_NAME:
		pm_diags_print(d, out, 50);
		break;
	}
}

void pm_cli_document(const struct pm_args *a, const struct pm_buf *json)
{
	struct pm_buf yaml cleanup_buf = PM_BUF(0);
	char *copy cleanup_free = NULL;

	if (a->output != PM_OUT_YAML) {
		(void)fwrite(pm_buf_str(json), 1, json->len, stdout);
		(void)fputc('\n', stdout);
		return;
	}
	copy = pm_xstrdup(pm_buf_str(json));
	pm_yaml_from_json(copy, strlen(copy), &yaml);
	(void)fwrite(pm_buf_str(&yaml), 1, yaml.len, stdout);
}

bool pm_cli_confirm(const char *question)
{
	char line[64];

	(void)fprintf(stderr, "%s [y/N] ", question);
	(void)fflush(stderr);
	if (fgets(line, sizeof(line), stdin) == NULL) {
		(void)fputc('\n', stderr);
		return false;
	}
	return strcmp(line, "y\n") == 0 || strcmp(line, "Y\n") == 0 || strcmp(line, "yes\n") == 0;
}
