/* podmox audit: the last records of the audit log, and whether its chain is whole. */
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "cli/cli.h"
#include "security/security.h"
#include "security/validate.h"

#define SHOWN 20 /* records when nothing else was asked for */

/* ---- the last records ---- */

struct show {
	struct pm_jwrite json;
	bool human;
	unsigned n, broken;
};

/* Text that somebody else may have chosen, cut or filled to a width. */
static void cell(const char *text, unsigned width, const char *end)
{
	char clean[256];
	size_t n = pm_sanitize(text, clean, sizeof(clean)), at = 0;
	bool cut = pm_text_width(clean, n) > width;
	unsigned used = 0;

	while (at < n) {
		bool plain;
		size_t len = pm_text_next(clean + at, n - at, &plain);
		unsigned columns = pm_text_width(clean + at, len);

		if (used + columns > width - (cut ? 1 : 0))
			break;
		used += columns;
		at += len;
	}
	/* Nothing is filled up at the end of a line. */
	(void)printf("%.*s%s%*s%s", (int)at, clean, cut ? "~" : "",
		end[0] == '\n' ? 0 : (int)(width - used - cut), "", end);
}

/* "2026-03-01T12:00:00.123Z" as "2026-03-01 12:00:00". */
static void time_cell(const char *time)
{
	char text[20] = "-";

	if (strlen(time) >= 19) {
		memcpy(text, time, 19);
		text[19] = '\0';
		text[10] = ' ';
	}
	cell(text, 19, " ");
}

static void row(struct show *s, const struct pm_audit_entry *e)
{
	if (s->n == 1)
		(void)printf("%-19s %-10s %-21s %-12s %s\n", "TIME (UTC)", "OPERATION", "OBJECT",
			"USER", "RESULT");
	if (e->seq == 0) {
		(void)puts("-                   (no whole record)");
		return;
	}
	time_cell(e->time);
	cell(e->r.operation, 10, " ");
	cell(e->r.object[0] != '\0' ? e->r.object : e->r.path, 21, " ");
	cell(e->r.user[0] != '\0' ? e->r.user : "-", 12, " ");
	if (!e->good)
		(void)puts("CHANGED");
	else
		cell(e->r.result, 14, "\n");
	if (strcmp(e->r.result, "ok") != 0 && e->r.details[0] != '\0') {
		(void)printf("  ");
		cell(e->r.details, 78, "\n");
	}
}

static void object(struct pm_jwrite *w, const struct pm_audit_entry *e)
{
	pm_jw_object(w, NULL);
	pm_jw_int(w, "seq", (int64_t)e->seq);
	pm_jw_bool(w, "good", e->good);
	pm_jw_str(w, "time", e->time);
	pm_jw_str(w, "user", e->r.user);
	pm_jw_str(w, "operation", e->r.operation);
	pm_jw_str(w, "object", e->r.object);
	pm_jw_str(w, "host", e->r.host);
	pm_jw_str(w, "method", e->r.method);
	pm_jw_str(w, "path", e->r.path);
	pm_jw_str(w, "keys", e->r.keys);
	pm_jw_str(w, "result", e->r.result);
	pm_jw_str(w, "details", e->r.details);
	pm_jw_object_end(w);
}

static void show_entry(void *arg, const struct pm_audit_entry *e)
{
	struct show *s = arg;

	s->n++;
	s->broken += !e->good;
	if (s->human)
		row(s, e);
	else
		object(&s->json, e);
}

static bool wants_document(const struct pm_args *a)
{
	return a->output == PM_OUT_JSON || a->output == PM_OUT_YAML;
}

static int show(const struct pm_args *a, const char *file)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct show s = { .json = { .out = &out }, .human = !wants_document(a) };
	struct pm_error err = { 0 };
	int64_t limit = SHOWN;

	if (a->limit != NULL && pm_parse_int(a->limit, 1, 1000000000, &limit) < 0) {
		(void)fprintf(stderr,
			"podmox: error: --limit takes a whole number from 1 on, not \"%s\"\n",
			a->limit);
		return 64;
	}
	pm_jw_array(&s.json, NULL);
	if (pm_audit_read(file, (size_t)limit, show_entry, &s, &err) < 0)
		return pm_cli_fail(&err);
	pm_jw_array_end(&s.json);
	if (!s.human)
		pm_cli_document(a, &out);
	else if (s.n == 0)
		(void)printf("The audit log %s is empty.\n", file);
	if (s.broken > 0 && !a->quiet)
		(void)fprintf(stderr,
			"podmox: warning: %u line%s not as podmox wrote %s; podmox audit verify "
			"says more\n",
			s.broken, s.broken == 1 ? " is" : "s are", s.broken == 1 ? "it" : "them");
	return 0;
}

/* ---- the chain ---- */

static void verdict_json(const struct pm_args *a, const char *file,
	const struct pm_audit_verdict *v, const struct pm_error *err)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "file", file);
	pm_jw_bool(&w, "good", err->code == PM_OK);
	pm_jw_int(&w, "records", (int64_t)v->records);
	pm_jw_int(&w, "files", v->files);
	if (v->gone[0] != '\0')
		pm_jw_str(&w, "gone", v->gone);
	if (v->line > 0) {
		pm_jw_str(&w, "badFile", v->file);
		pm_jw_int(&w, "badLine", v->line);
	}
	if (err->code != PM_OK)
		pm_jw_str(&w, "message", err->msg);
	pm_jw_object_end(&w);
	pm_cli_document(a, &out);
}

static void verdict_human(
	const char *file, const struct pm_audit_verdict *v, const struct pm_error *err)
{
	(void)printf("%s: %zu record%s in %u file%s %s\n", file, v->records,
		v->records == 1 ? "" : "s", v->files, v->files == 1 ? "" : "s",
		err->code == PM_OK ? "are good" : "are good before the one that is not");
	if (err->code == PM_OK && v->gone[0] != '\0')
		(void)printf("Older records were removed by podmox (audit.keep): %s and before.\n",
			v->gone);
}

static int verify(const struct pm_args *a, const char *file)
{
	struct pm_audit_verdict v;
	struct pm_error err = { .code = PM_OK };
	int r = pm_audit_verify(file, &v, &err);

	if (r < 0 && err.code != PM_E_INVALID)
		return pm_cli_fail(&err);
	if (wants_document(a))
		verdict_json(a, file, &v, &err);
	else if (!a->quiet)
		verdict_human(file, &v, &err);
	if (r == 0)
		return 0;
	(void)fprintf(stderr, "podmox: error: %s:%u: %s\n", v.file, v.line, err.msg);
	return pm_code_exit(err.code);
}

int cmd_audit(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	const char *word = a->rest.n > 0 ? a->rest.v[0] : NULL, *file = NULL;
	struct pm_error err = { 0 };
	struct pm_diags diags;
	int r;

	if (word != NULL && strcmp(word, "verify") != 0) {
		(void)fprintf(stderr,
			"podmox: error: audit takes no word but verify, not \"%s\"; see podmox "
			"audit --help\n",
			word);
		return 64;
	}
	pm_diags_init(&diags, arena);
	r = pm_config_audit_file(a->config, &file, &diags, &err);
	pm_diags_print(&diags, stderr, 50);
	if (r < 0)
		return pm_cli_fail(&err);
	return word != NULL ? verify(a, file) : show(a, file);
}
