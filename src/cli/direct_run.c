/* What direct calls have in common once they are understood: the question before, the dry run, and
 * following a task with its log on stderr. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"

/* ---- before ---- */

int pm_direct_approve(const struct pm_args *a, const char *question)
{
	if (a->yes)
		return 0;
	if (!a->terminal) {
		(void)fprintf(stderr,
			"podmox: error: %s Nobody is there to be asked; give --yes, or --dry-run to "
			"see the call\n",
			question);
		return 64;
	}
	if (pm_cli_confirm(question))
		return 0;
	(void)fputs("Nothing was changed.\n", stderr);
	return 130;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* One side of a pair of a form as it was before it was encoded. */
static void decode(struct pm_buf *out, const char *s, size_t n)
{
	pm_buf_clear(out);
	for (size_t i = 0; i < n; i++) {
		int high = s[i] == '%' && i + 2 < n ? hex_digit(s[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(s[i + 2]) : -1;

		if (low >= 0) {
			(void)pm_buf_addc(out, (char)(high * 16 + low));
			i += 2;
		} else {
			(void)pm_buf_addc(out, s[i]);
		}
	}
}

static void show_pair(const struct pm_args *a, struct pm_jwrite *w, const char *pair, size_t n)
{
	struct pm_buf key cleanup_buf = PM_BUF(0);
	struct pm_buf value cleanup_buf = PM_BUF(0);
	struct pm_buf visible cleanup_buf = PM_BUF(0);
	size_t eq = strcspn(pair, "=");

	decode(&key, pair, eq < n ? eq : n);
	decode(&value, eq < n ? pair + eq + 1 : "", eq < n ? n - eq - 1 : 0);
	if (a->output != PM_OUT_HUMAN) {
		pm_jw_strn(w, pm_buf_str(&key), pm_buf_str(&value), value.len);
		return;
	}
	pm_text_visible(&visible, pm_buf_str(&value), value.len);
	(void)printf("  %s: %s\n", pm_buf_str(&key), pm_buf_str(&visible));
}

void pm_direct_dry_run(
	const struct pm_args *a, const char *method, const char *path, const char *form)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	if (a->output == PM_OUT_HUMAN)
		(void)printf("%s %s\n", method, path);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "method", method);
	pm_jw_str(&w, "path", path);
	pm_jw_object(&w, "parameters");
	while (*form != '\0') {
		size_t n = strcspn(form, "&");

		show_pair(a, &w, form, n);
		form += n + (form[n] == '&');
	}
	pm_jw_object_end(&w);
	pm_jw_object_end(&w);
	if (a->output == PM_OUT_NAME)
		(void)puts(path);
	else if (a->output != PM_OUT_HUMAN)
		pm_cli_document(a, &out);
}

/* ---- following a task ---- */

struct follower {
	bool quiet, live; /* live: one line of a terminal, drawn again */
	unsigned columns;
};

static void on_line(void *arg, const char *line)
{
	const struct follower *f = arg;
	struct pm_buf text cleanup_buf = PM_BUF(0);

	if (f->quiet)
		return;
	pm_text_visible(&text, line, strlen(line));
	if (f->live)
		(void)fprintf(stderr, "\r\033[K%.*s",
			(int)pm_fitting(pm_buf_str(&text), text.len, f->columns - 1),
			pm_buf_str(&text));
	else
		(void)fprintf(stderr, "%s\n", pm_buf_str(&text));
	(void)fflush(stderr);
}

int pm_direct_follow(
	struct pm_client *c, const struct pm_args *a, struct pm_task *t, struct pm_error *err)
{
	const char *terminal = secure_getenv("TERM");
	struct follower f = { .quiet = a->quiet,
		.live = !a->quiet && isatty(STDERR_FILENO) && terminal != NULL &&
			strcmp(terminal, "dumb") != 0,
		.columns = pm_columns() };
	int r;

	if (f.live)
		on_line(&f, t->upid);
	r = pm_task_follow(c->pve, &c->job, t, on_line, &f, err);
	if (f.live)
		(void)fputs("\r\033[K", stderr);
	if (r == -PM_E_CANCELLED)
		(void)fprintf(stderr,
			"podmox: the task goes on; \"podmox task wait %s\" follows it again\n",
			t->upid);
	return r;
}
