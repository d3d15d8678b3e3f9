/* podmox export: manifests for guests that are there, whoever made them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"
#include "cli/cli.h"
#include "recon/export.h"

/* ---- which ---- */

static bool chosen(const struct pm_args *a, const struct pm_obj *o)
{
	char vmid[16];

	if (!o->spec || o->live->template_ || (a->node && !pm_str_eq(a->node, o->live->node)))
		return false;
	(void)snprintf(vmid, sizeof(vmid), "%u", o->live->vmid);
	for (size_t i = 0; i < a->rest.n; i++) {
		if (pm_str_eq(a->rest.v[i], vmid))
			return true;
	}
	return a->rest.n == 0;
}

static bool is_there(const struct pm_set *have, const char *vmid)
{
	int64_t n;

	for (size_t i = 0; pm_parse_int(vmid, 1, INT32_MAX, &n) == 0 && i < have->n; i++) {
		if (have->v[i]->live->vmid == n)
			return have->v[i]->spec != NULL;
	}
	return false;
}

static int check_chosen(const struct pm_args *a, const struct pm_set *have)
{
	for (size_t i = 0; i < a->rest.n; i++) {
		if (is_there(have, a->rest.v[i]))
			continue;
		(void)fprintf(stderr,
			"podmox: error: there is no guest %s that can be read; podmox ct list and podmox vm "
			"list list them\n",
			a->rest.v[i]);
		return 1;
	}
	return 0;
}

static int by_node(const void *a, const void *b)
{
	const struct pm_obj *x = *(const struct pm_obj *const *)a,
			    *y = *(const struct pm_obj *const *)b;
	int r = strcmp(x->live->node, y->live->node);

	return r != 0 ? r : (x->live->vmid > y->live->vmid) - (x->live->vmid < y->live->vmid);
}

static void write_one(struct pm_arena *arena, struct pm_set *done, const struct pm_obj *o)
{
	struct pm_obj *e = pm_export(arena, done, o);
	const char *left_out = pm_export_left_out(arena, o);
	struct pm_set one = { .arena = arena };
	struct pm_buf text cleanup_buf = PM_BUF(0);

	if (done->n > 0)
		(void)puts("---");
	(void)printf("# %u on %s\n", o->live->vmid, o->live->node);
	if (pm_str_eq(pm_rec_str(e->spec, PM_G_IMAGE, ""), PM_EXPORT_UNKNOWN))
		(void)puts(
			"# PVE does not remember what image it was made from. Name one, for the day it has\n"
			"# to be made anew; until then it is not asked for.");
	if (left_out)
		(void)printf(
			"# Left out, since this podmox does not know the word: %s\n", left_out);
	pm_set_add(&one, e);
	pm_manifest_write(&one, &text);
	(void)fwrite(pm_buf_str(&text), 1, text.len, stdout);
	pm_set_done(&one);
	pm_set_add(done, e);
}

static void write_all(const struct pm_args *a, struct pm_arena *arena, struct pm_set *have)
{
	struct pm_set done = { .arena = arena };

	if (have->n > 1)
		qsort(have->v, have->n, sizeof(*have->v), by_node);
	for (size_t i = 0; i < have->n; i++) {
		if (chosen(a, have->v[i]))
			write_one(arena, &done, have->v[i]);
	}
	if (done.n == 0)
		(void)fputs("podmox: there is no guest to export\n", stderr);
	pm_set_done(&done);
}

int cmd_export(struct pm_args *a)
{
	struct pm_error err = { 0 };
	struct pm_set have = { 0 };
	struct pm_cli s;
	int status = pm_cli_open(a, true, NULL, NULL, &s);

	if (status != 0)
		return status;
	have.arena = s.job.arena;
	if (pm_recon_live(s.recon, &s.job, &have, &err) < 0)
		status = pm_cli_fail(&err);
	if (status == 0)
		status = check_chosen(a, &have);
	if (status == 0)
		write_all(a, s.job.arena, &have);
	pm_set_done(&have);
	pm_cli_close(&s);
	return status;
}
