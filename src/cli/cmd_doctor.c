/* podmox doctor: looks at everything podmox needs, says what is wrong and how to mend it. */
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/doctor_priv.h"

#define MARGIN 9
#define WIDTH  79

/* ---- findings ---- */

void pm_doctor_add(struct pm_doctor *d, enum pm_check_level level, const char *topic,
	const char *remedy, const char *fmt, ...)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_buf visible cleanup_buf = PM_BUF(0);
	struct pm_check c = { .level = level };
	va_list ap;

	va_start(ap, fmt);
	(void)pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	pm_text_visible(&visible, pm_buf_str(&text), text.len);
	c.topic = pm_arena_strdup(d->arena, topic);
	c.text = pm_arena_strdup(d->arena, pm_buf_str(&visible));
	c.remedy = remedy != NULL ? pm_arena_strdup(d->arena, remedy) : NULL;
	pm_vec_push(&d->checks, c);
}

int pm_doctor_get(struct pm_doctor *d, const char *path, const char *query,
	struct json_object **ret, struct pm_error *err)
{
	struct pm_pve_call c = { .method = "GET", .path = path, .form = query };

	*ret = NULL;
	return pm_pve_call(d->client.pve, &d->client.job, &c, ret, err);
}

/* ---- telling ---- */

static const char *const levels[PM_CHECK_LEVELS] = { "ok", "warning", "problem" };

static unsigned count(const struct pm_doctor *d, enum pm_check_level level)
{
	unsigned n = 0;

	for (size_t i = 0; i < d->checks.n; i++)
		n += d->checks.v[i].level == level;
	return n;
}

/* Words, broken so that they stand behind the margin; `used` columns of the first line are taken. */
static void print_wrapped(const char *text, size_t used)
{
	while (*text != '\0') {
		size_t n = strcspn(text, " ");

		if (used > MARGIN && used + 1 + n > WIDTH) {
			(void)printf("\n%*s", MARGIN, "");
			used = MARGIN;
		} else if (used > MARGIN) {
			(void)putchar(' ');
			used++;
		}
		(void)printf("%.*s", (int)n, text);
		used += n;
		text += n + strspn(text + n, " ");
	}
	(void)putchar('\n');
}

static void print_checks(const struct pm_doctor *d)
{
	for (size_t i = 0; i < d->checks.n; i++) {
		const struct pm_check *c = &d->checks.v[i];
		int n;

		if (c->level == PM_FINE && d->a->quiet)
			continue;
		n = printf("%-*s%s:", MARGIN, levels[c->level], c->topic);
		print_wrapped(c->text, (size_t)(n > 0 ? n : 0));
		if (c->remedy == NULL)
			continue;
		(void)printf("%*s", MARGIN, "");
		print_wrapped(c->remedy, MARGIN);
	}
	(void)printf("%u problem%s, %u warning%s\n", count(d, PM_PROBLEM),
		count(d, PM_PROBLEM) == 1 ? "" : "s", count(d, PM_DOUBT),
		count(d, PM_DOUBT) == 1 ? "" : "s");
}

static void print_json(const struct pm_doctor *d)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "version", "1");
	pm_jw_int(&w, "problems", count(d, PM_PROBLEM));
	pm_jw_int(&w, "warnings", count(d, PM_DOUBT));
	pm_jw_array(&w, "checks");
	for (size_t i = 0; i < d->checks.n; i++) {
		const struct pm_check *c = &d->checks.v[i];

		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "level", levels[c->level]);
		pm_jw_str(&w, "topic", c->topic);
		pm_jw_str(&w, "text", c->text);
		pm_jw_str(&w, "remedy", c->remedy);
		pm_jw_object_end(&w);
	}
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	pm_cli_document(d->a, &out);
}

/* ---- manifests ---- */

static void count_dirs(struct pm_doctor *d, const struct pm_load *l)
{
	const char *last = "";
	size_t len = 0;

	for (size_t i = 0; i < l->nloaded; i++) {
		const char *path = l->files[i].path;
		const char *slash = strrchr(path, '/');
		size_t n = slash != NULL ? (size_t)(slash - path) : 0;

		if (d->ndirs == 0 || n != len || memcmp(path, last, n) != 0)
			d->ndirs++;
		last = path;
		len = n;
	}
}

/* What the rights are judged by: the paths given, or source.path; without either nothing. */
static void read_manifests(struct pm_doctor *d)
{
	const char *source = pm_cli_source(d->arena, d->client.config);
	const char *const *paths = d->a->rest.n > 0 ? d->a->rest.v : &source;
	size_t n = d->a->rest.n > 0 ? d->a->rest.n : source != NULL;
	struct pm_load load = { 0 };
	struct pm_diags found;
	struct pm_error err = { 0 };

	if (n == 0) {
		pm_doctor_add(d, PM_DOUBT, "manifests",
			"Name a path, or set source.path: rights are judged by what manifests hold.",
			"none were given");
		return;
	}
	pm_diags_init(&found, d->arena);
	if (pm_manifest_load(paths, n, &d->want, &load, &found, &err) < 0) {
		pm_doctor_add(d, PM_PROBLEM, "manifests", NULL, "%s", err.msg);
		return;
	}
	d->nfiles = (unsigned)load.nfiles;
	count_dirs(d, &load);
	if (found.nerrors > 0)
		pm_doctor_add(d, PM_PROBLEM, "manifests",
			"podmox validate names each of them with its line.",
			"%u errors in %u files", found.nerrors, d->nfiles);
	else
		pm_doctor_add(d, PM_FINE, "manifests", NULL, "%zu objects in %u files", d->want.n,
			d->nfiles);
}

/* ---- all of it ---- */

static void examine(struct pm_doctor *d)
{
	const struct pm_config *cfg = d->client.config;
	bool let_in;

	pm_doctor_add(d, PM_FINE, "configuration", NULL, "%s: set %s, cluster %s", cfg->file,
		cfg->set, pm_pve_cluster_name(d->client.pve));
	read_manifests(d);
	let_in = pm_doctor_who(d);
	if (let_in)
		pm_doctor_cluster(d);
	pm_doctor_hosts(d); /* also those that the cluster has just named */
	if (let_in) {
		pm_doctor_numbers(d);
		pm_doctor_rights(d);
	}
	pm_doctor_local(d);
}

int cmd_doctor(struct pm_args *a)
{
	struct pm_doctor d = { .a = a };
	struct pm_error err = { 0 };
	int status;
	int r = pm_client_open(a, false, &d.client, &err);

	if (r < 0) {
		status = pm_cli_fail(&err);
	} else {
		d.arena = d.client.job.arena;
		d.want.arena = d.arena;
		examine(&d);
		if (a->output == PM_OUT_JSON || a->output == PM_OUT_YAML)
			print_json(&d);
		else
			print_checks(&d);
		status = count(&d, PM_PROBLEM) > 0;
		if (pm_cancelled(d.client.job.cancel, &pm_clock_system))
			status = 130;
	}
	pm_vec_done(&d.checks);
	pm_set_done(&d.want);
	pm_client_close(&d.client);
	return status;
}
