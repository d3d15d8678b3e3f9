/* The plan as one JSON document, and one action as members of an object. */
#include <string.h>

#include "base/json.h"
#include "plan/plan.h"

static const struct pm_obj *object_of(const struct pm_action *a)
{
	return a->want ? a->want : a->have;
}

static void write_change(struct pm_jwrite *w, const struct pm_change *c)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "path", c->path);
	pm_jw_str(w, "from", c->from);
	pm_jw_str(w, "to", c->to);
	pm_jw_str(w, "impact", pm_impact_name(c->impact));
	if (c->note)
		pm_jw_str(w, "note", c->note);
	if (c->waiting)
		pm_jw_bool(w, "waiting", true);
	if (c->blocked)
		pm_jw_bool(w, "blocked", true);
	if (c->line > 0)
		pm_jw_int(w, "line", c->line);
	pm_jw_object_end(w);
}

static void write_where(struct pm_jwrite *w, const struct pm_action *a)
{
	const struct pm_live *l = a->have ? a->have->live : NULL;
	unsigned vmid = a->vmid > 0 ? a->vmid : l ? l->vmid : 0;
	const char *node = a->node ? a->node : l ? l->node : NULL;

	if (vmid > 0)
		pm_jw_int(w, "vmid", vmid);
	else
		pm_jw_str(w, "vmid", NULL);
	pm_jw_str(w, "node", node);
}

static void write_source(struct pm_jwrite *w, const struct pm_obj *want)
{
	if (want == NULL || want->file == NULL) {
		pm_jw_str(w, "source", NULL);
		return;
	}
	pm_jw_object(w, "source");
	pm_jw_str(w, "file", want->file);
	pm_jw_int(w, "line", want->line);
	pm_jw_object_end(w);
}

void pm_action_json(struct pm_jwrite *w, const struct pm_action *a)
{
	const struct pm_obj *o = object_of(a);

	pm_jw_str(w, "verb", pm_verb_name(a->verb));
	pm_jw_str(w, "kind", o->kind ? o->kind->name : NULL);
	pm_jw_str(w, "namespace", o->ns);
	pm_jw_str(w, "name", o->name);
	write_where(w, a);
	pm_jw_str(w, "reason", a->reason);
	pm_jw_str(w, "impact", pm_impact_name(a->impact));
	pm_jw_bool(w, "restart", (a->steps & PM_STEP_RESTART) != 0);
	write_source(w, a->want);
	pm_jw_array(w, "changes");
	for (size_t i = 0; i < a->nchanges; i++)
		write_change(w, &a->change[i]);
	pm_jw_array_end(w);
	pm_jw_array(w, "destroys");
	for (size_t i = 0; i < a->ndies; i++)
		pm_jw_str(w, NULL, a->dies[i]);
	pm_jw_array_end(w);
	if (a->holder == 0)
		return;
	pm_jw_array(w, "keeps");
	for (size_t i = 0; i < a->nkeeps; i++)
		pm_jw_str(w, NULL, a->keeps[i]);
	pm_jw_array_end(w);
	pm_jw_int(w, "holder", a->holder);
}

void pm_summary_print_json(struct pm_jwrite *w, const char *key, const struct pm_summary *s)
{
	pm_jw_object(w, key);
	pm_jw_int(w, "create", s->create);
	pm_jw_int(w, "update", s->update);
	pm_jw_int(w, "restart", s->restart);
	pm_jw_int(w, "replace", s->replace);
	pm_jw_int(w, "delete", s->remove);
	pm_jw_int(w, "kept", s->kept);
	pm_jw_int(w, "unchanged", s->unchanged);
	pm_jw_object_end(w);
}

void pm_plan_print_json(const struct pm_plan *p, struct pm_buf *out)
{
	struct pm_jwrite w = { .out = out };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "version", "1");
	pm_jw_str(&w, "set", p->set);
	pm_jw_str(&w, "cluster", p->facts->cluster);
	pm_jw_int(&w, "objects", p->nobjects);
	pm_jw_bool(&w, "refused", p->refused);
	pm_jw_array(&w, "actions");
	for (size_t i = 0; i < p->n; i++) {
		pm_jw_object(&w, NULL);
		pm_action_json(&w, &p->v[i]);
		pm_jw_object_end(&w);
	}
	pm_jw_array_end(&w);
	pm_summary_print_json(&w, "summary", &p->sum);
	pm_jw_array(&w, "diagnostics");
	for (const struct pm_diag *d = p->diags ? p->diags->first : NULL; d; d = d->next)
		pm_diag_json(&w, d);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	(void)pm_buf_addc(out, '\n');
}

void pm_plan_print_names(const struct pm_plan *p, struct pm_buf *out)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct pm_obj *o = object_of(&p->v[i]);

		if (p->v[i].verb != PM_V_KEEP)
			(void)pm_buf_addf(out, "%s/%s/%s\n", o->kind->name, o->ns, o->name);
	}
}
