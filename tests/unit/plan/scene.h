/* A planning scene written as text, for golden files and tests: manifests, guests, options. The form is
 * described in tests/plan/README.md. */
#ifndef TEST_PLAN_SCENE_H
#define TEST_PLAN_SCENE_H

#include "plan/plan.h"

struct scene {
	struct pm_arena *arena;
	struct pm_set want, have;
	struct pm_plan_opts o;
	struct pm_facts facts;
	struct pm_diags manifest_diags, diags;
	struct pm_plan plan;
	bool colour;
};

/** Fails the running test when the text cannot be understood. `name` is the manifests' file name. */
void scene_open(struct scene *s, const char *manifest, const char *live, const char *options);

/** Builds the plan; findings in s->diags. */
void scene_plan(struct scene *s);

/** The plan as text with the findings behind it. */
void scene_text(const struct scene *s, struct pm_buf *out);
void scene_done(struct scene *s);

/** The action of an object "shop/web"; NULL: none. */
const struct pm_action *scene_action(const struct scene *s, const char *id);

#endif
