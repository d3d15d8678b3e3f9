/* Names that objects had before (movedFrom): each is free by now, and claimed by one object only. */
#include "base/map.h"
#include "manifest/manifest_priv.h"

struct moving {
	const struct pm_set *s;
	struct pm_diags *d;
	struct pm_map claimed; /* "Pod/shop/old" to the object that says it was that */
};

static struct pm_pos place_of(const struct pm_obj *o)
{
	const struct pm_value *v = &o->spec->val[PM_G_MOVED_FROM];

	return (struct pm_pos){ .file = o->file, .line = v->line, .column = v->column };
}

static void check_one(struct moving *m, struct pm_obj *o, const char *text)
{
	struct pm_arena *a = m->d->arena;
	struct pm_ref ref;
	struct pm_diag *diag;
	const struct pm_obj *other;
	const char *id;

	if (!pm_ref_former(a, o, text, &ref)) {
		(void)pm_diag_add(m->d, PM_ERROR, place_of(o),
			"movedFrom names \"%s\", which is of another kind than %s", text,
			pm_obj_title(a, o));
		return;
	}
	id = pm_arena_printf(a, "%s/%s/%s", ref.kind, ref.ns, ref.name);
	other = pm_set_find(m->s, o->kind, ref.ns, ref.name);
	if (other != NULL) {
		diag = pm_diag_add(m->d, PM_ERROR, place_of(o), "movedFrom names %s, which is %s",
			id, other == o ? "the object itself" : "still an object");
		pm_diag_hint(m->d, diag, "it is for a name that no manifest has any more");
		return;
	}
	other = pm_map_set(&m->claimed, id, o);
	if (other != NULL)
		(void)pm_diag_add(m->d, PM_ERROR, place_of(o),
			"movedFrom names %s, and so does %s: one guest has one name", id,
			pm_obj_title(a, other));
}

void pm_moved_check(const struct pm_set *s, struct pm_diags *d)
{
	struct moving m = { .s = s, .d = d, .claimed = PM_MAP };

	for (size_t i = 0; i < s->n; i++) {
		struct pm_obj *o = s->v[i];
		const struct pm_value *v = o->spec ? &o->spec->val[PM_G_MOVED_FROM] : NULL;

		for (size_t k = 0; v && v->state == PM_SET && k < v->u.list->n; k++)
			check_one(&m, o, v->u.list->v[k]);
	}
	pm_map_done(&m.claimed);
}
