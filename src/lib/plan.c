/* The reconciler behind the public calls: one cycle a plan. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"
#include "base/text.h"
#include "lib/lib_priv.h"
#include "model/docs.h"

struct podmox_plan {
	struct pm_config *config;
	struct pm_recon *recon;
	struct pm_cancel cancel;
	struct pm_job job;
	struct pm_cycle cycle;
	bool applied;
	struct json_object *tree; /* made when somebody asks */
	struct pm_buf text;
	podmox_event_fn *fn; /* of the apply under way */
	void *arg;
};

/* ---- findings ---- */

static struct json_object *finding(const struct pm_diag *d)
{
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "severity",
		json_object_new_string(d->severity == PM_ERROR ? "error" : "warning"));
	(void)json_object_object_add(
		o, "file", json_object_new_string(d->pos.file ? d->pos.file : ""));
	(void)json_object_object_add(o, "line", json_object_new_int64(d->pos.line));
	(void)json_object_object_add(o, "column", json_object_new_int64(d->pos.column));
	(void)json_object_object_add(o, "message", json_object_new_string(d->msg));
	(void)json_object_object_add(o, "hint", json_object_new_string(d->hint ? d->hint : ""));
	return o;
}

static struct json_object *findings(const struct pm_diags *d)
{
	struct json_object *list = json_object_new_array();

	for (const struct pm_diag *i = d->first; i; i = i->next)
		(void)json_object_array_add(list, finding(i));
	return list;
}

/* Says what the first findings are, behind what the error says already. */
static void add_findings(const struct pm_diags *d, struct pm_error *err)
{
	cleanup_buf struct pm_buf out = PM_BUF(sizeof(err->msg));
	const enum pm_code code = err->code;

	pm_buf_adds(&out, err->msg);
	for (const struct pm_diag *i = d->first; i; i = i->next) {
		if (i->severity == PM_ERROR)
			pm_buf_addf(&out, "; %s:%u:%u: %s", i->pos.file ? i->pos.file : "",
				i->pos.line, i->pos.column, i->msg);
	}
	(void)pm_error_set(err, code, "%s", pm_buf_str(&out));
}

static int load(const char *const *paths, size_t npaths, struct pm_set *set, struct pm_diags *d,
	struct pm_error *err)
{
	struct pm_load l;
	int r = pm_manifest_load(paths, npaths, set, &l, d, err);

	if (r == 0 && d->nerrors > 0) {
		r = pm_error_set(err, PM_E_INPUT, "%u error%s in manifests", d->nerrors,
			d->nerrors == 1 ? "" : "s");
		add_findings(d, err);
	}
	return r;
}

int podmox_manifests_check(
	const char *const *paths, size_t npaths, podmox_value **ret, podmox_error **reterr)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_set set = { .arena = a };
	struct pm_error err = { .code = PM_OK };
	struct pm_diags d;
	int r;

	pm_diags_init(&d, a);
	r = load(paths, npaths, &set, &d, &err);
	pm_set_done(&set);
	if (ret && (r == 0 || r == -PM_E_INPUT)) {
		pm_diags_sort(&d);
		*ret = pm_lib_value(findings(&d));
	}
	return r < 0 ? pm_lib_fail(reterr, &err, NULL) : 0;
}

/* ---- making a plan ---- */

static int take_options(
	podmox_plan_options *to, const podmox_plan_options *from, struct pm_error *err)
{
	if (!from || from->size < sizeof(from->size) || from->size > sizeof(*to))
		return pm_error_set(err, PM_E_USAGE,
			"options: size must be that of podmox_plan_options; use PODMOX_PLAN_OPTIONS_INIT");
	memset(to, 0, sizeof(*to));
	memcpy(to, from, from->size);
	if (to->npaths == 0)
		return pm_error_set(err, PM_E_USAGE, "no path is given; set paths and npaths");
	if (to->parallelism > 1000)
		return pm_error_set(err, PM_E_USAGE, "parallelism: must be at most 1000");
	return 0;
}

static const char *word_of(const char *type_names[], size_t n, unsigned i)
{
	return i < n ? type_names[i] : "";
}

static void on_event(void *arg, const struct pm_event *e)
{
	static const char *types[] = {
		[PM_EV_START] = "start",
		[PM_EV_PROGRESS] = "progress",
		[PM_EV_WAIT] = "wait",
		[PM_EV_DONE] = "done",
		[PM_EV_FAILED] = "failed",
		[PM_EV_SKIPPED] = "skipped",
	};
	podmox_plan *p = arg;
	const struct pm_obj *o = e->action->want ? e->action->want : e->action->have;
	podmox_event event = { .size = sizeof(event),
		.type = word_of(types, PM_COUNT(types), e->type),
		.kind = o->kind->name,
		.name_space = o->ns,
		.name = o->name,
		.text = e->text ? e->text : "" };

	if (p->fn)
		p->fn(p->arg, &event);
}

static int open_recon(podmox_plan *p, const podmox_plan_options *o, struct pm_error *err)
{
	struct pm_recon_opts ro = { .readonly = o->dry_run != 0,
		.clock = &pm_clock_system,
		.workers = o->parallelism,
		.event = on_event,
		.event_arg = p };
	int r = pm_config_open(o->config_file, &p->config, &p->job.diags, err);

	if (r < 0) {
		add_findings(&p->job.diags, err);
		return r;
	}
	pm_diags_init(&p->job.diags, p->job.arena);
	ro.config = p->config;
	return pm_recon_open(&ro, &p->recon, err);
}

static int make(podmox_plan *p, const podmox_plan_options *from, struct pm_error *err)
{
	podmox_plan_options o = PODMOX_PLAN_OPTIONS_INIT;
	struct pm_recon_ask ask = { .plan.max_deletes = -1 };
	int r = take_options(&o, from, err);

	if (r == 0 && o.max_deletes)
		r = pm_plan_max_deletes(o.max_deletes, &ask.plan.max_deletes, err);
	if (r == 0)
		r = open_recon(p, &o, err);
	if (r < 0)
		return r;
	ask.paths = o.paths;
	ask.npaths = o.npaths;
	ask.plan.prune = o.prune != 0;
	ask.plan.prune_single = o.prune && o.target;
	ask.plan.allow_restart = o.allow_restart != 0;
	ask.plan.allow_replace = o.allow_replace != 0;
	ask.plan.target = o.target ? pm_arena_strdup(p->job.arena, o.target) : NULL;
	r = pm_recon_plan(p->recon, &p->job, &ask, &p->cycle, err);
	if (r == -PM_E_INPUT) {
		pm_diags_sort(&p->job.diags);
		add_findings(&p->job.diags, err);
	}
	return r;
}

int podmox_plan_make(const podmox_plan_options *options, podmox_plan **ret, podmox_error **reterr)
{
	podmox_plan *p = pm_xcalloc(1, sizeof(*p));
	struct pm_error err = { .code = PM_OK };

	p->job = (struct pm_job){
		.arena = pm_arena_new(0), .clock = &pm_clock_system, .cancel = &p->cancel
	};
	pm_diags_init(&p->job.diags, p->job.arena);
	if (make(p, options, &err) < 0) {
		podmox_plan_free(p);
		return pm_lib_fail(reterr, &err, NULL);
	}
	*ret = p;
	return 0;
}

void podmox_plan_free(podmox_plan *p)
{
	if (!p)
		return;
	json_object_put(p->tree);
	pm_buf_done(&p->text);
	pm_cycle_done(&p->cycle);
	pm_recon_free(p->recon);
	pm_config_free(p->config);
	pm_arena_free(p->job.arena);
	free(p);
}

/* ---- looking at it ---- */

size_t podmox_plan_size(const podmox_plan *p)
{
	return p->cycle.plan.n;
}

int podmox_plan_pending(const podmox_plan *p)
{
	return !pm_plan_empty(&p->cycle.plan);
}

const podmox_value *podmox_plan_value(podmox_plan *p)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	struct pm_error err;

	if (!p->tree) {
		pm_plan_print_json(&p->cycle.plan, &out);
		if (pm_json_parse(pm_buf_str(&out), out.len, &p->tree, &err) < 0)
			p->tree = NULL;
	}
	return pm_lib_value(p->tree);
}

const char *podmox_plan_text(podmox_plan *p)
{
	if (p->text.len == 0)
		pm_plan_print(&p->cycle.plan, false, &p->text);
	return pm_buf_str(&p->text);
}

/* ---- applying it ---- */

static struct json_object *result(const struct pm_action *a, const struct pm_result *r)
{
	static const char *outcomes[] = {
		[PM_DONE] = "done",
		[PM_NOTHING] = "nothing",
		[PM_FAILED] = "failed",
		[PM_SKIPPED] = "skipped",
		[PM_STALE] = "stale",
	};
	const struct pm_obj *o = a->want ? a->want : a->have;
	struct json_object *j = json_object_new_object();

	(void)json_object_object_add(j, "kind", json_object_new_string(o->kind->name));
	(void)json_object_object_add(j, "namespace", json_object_new_string(o->ns));
	(void)json_object_object_add(j, "name", json_object_new_string(o->name));
	(void)json_object_object_add(j, "verb", json_object_new_string(pm_verb_name(a->verb)));
	(void)json_object_object_add(j, "outcome",
		json_object_new_string(word_of(outcomes, PM_COUNT(outcomes), r->outcome)));
	(void)json_object_object_add(j, "vmid", json_object_new_int64(r->vmid ? r->vmid : a->vmid));
	(void)json_object_object_add(
		j, "error", json_object_new_string(r->err.code == PM_OK ? "" : r->err.msg));
	return j;
}

/* The class that all failures agree on; PM_E_TASK where they do not. */
static int sum_up(const podmox_plan *p, struct pm_error *err)
{
	const struct pm_report *r = &p->cycle.report;
	unsigned bad = r->count[PM_FAILED] + r->count[PM_STALE] + r->count[PM_SKIPPED];
	const struct pm_error *first = NULL;
	enum pm_code code = PM_OK;

	for (size_t i = 0; i < r->n; i++) {
		const struct pm_result *res = &r->v[i];

		if (res->outcome != PM_FAILED && res->outcome != PM_STALE)
			continue;
		if (!first)
			first = &res->err;
		code = code == PM_OK || code == res->err.code ? res->err.code : PM_E_TASK;
	}
	if (pm_report_exit(&p->cycle.plan, r) == 0)
		return 0;
	if (bad == 0 && pm_plan_unmet(&p->cycle.plan) > 0)
		return pm_error_set(err, PM_E_REFUSED,
			"%u settings cannot become what the manifests say: a volume does not shrink",
			pm_plan_unmet(&p->cycle.plan));
	if (code == PM_OK)
		code = PM_E_TASK;
	return pm_error_set(err, code, "%u of %zu actions were not done%s%s", bad, r->n,
		first ? "; the first: " : "", first ? first->msg : "");
}

int podmox_plan_apply(
	podmox_plan *p, podmox_event_fn *fn, void *arg, podmox_value **ret, podmox_error **reterr)
{
	struct pm_error err = { .code = PM_OK };
	struct json_object *list;
	int r;

	if (p->applied) {
		(void)pm_error_set(
			&err, PM_E_USAGE, "the plan was applied already; make a new one");
		return pm_lib_fail(reterr, &err, NULL);
	}
	p->applied = true;
	p->fn = fn;
	p->arg = arg;
	r = p->cycle.plan.refused ? pm_error_set(&err, PM_E_REFUSED,
					    "a guard forbids the run; see the plan's diagnostics")
				  : pm_recon_apply(p->recon, &p->job, &p->cycle, &err);
	if (r < 0)
		return pm_lib_fail(reterr, &err, NULL);
	if (ret) {
		list = json_object_new_array();
		for (size_t i = 0; i < p->cycle.report.n; i++)
			(void)json_object_array_add(
				list, result(&p->cycle.plan.v[i], &p->cycle.report.v[i]));
		*ret = pm_lib_value(list);
	}
	r = sum_up(p, &err);
	return r < 0 ? pm_lib_fail(reterr, &err, NULL) : 0;
}

void podmox_plan_cancel(podmox_plan *p)
{
	atomic_store(&p->cancel.on, true);
}

/* ---- schema ---- */

int podmox_schema(const char *kind, podmox_value **ret, podmox_error **reterr)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	const struct pm_kind *k = kind ? pm_kind_named(kind) : NULL;
	struct json_object *tree = NULL;
	struct pm_error err = { .code = PM_OK };

	if (kind && !k) {
		(void)pm_error_set(&err, PM_E_USAGE, "there is no kind \"%s\"", kind);
		return pm_lib_fail(reterr, &err, NULL);
	}
	pm_schema_write(k, &out);
	if (pm_json_parse(pm_buf_str(&out), out.len, &tree, &err) < 0)
		return pm_lib_fail(reterr, &err, NULL);
	*ret = pm_lib_value(tree);
	return 0;
}
