/* Small rules that no golden file shows. */
#include <string.h>

#include "base/json.h"
#include "base/text.h"
#include "pm_test.h"
#include "scene.h"

#define HEAD(name)                                                                        \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name ", namespace: shop}\n" \
	"spec:\n  image: local:vztmpl/debian.tar.zst\n"                                   \
	"  rootfs: {storage: local-lvm, size: 8G}\n"
#define GUEST(vmid, name)                                                  \
	"lxc pve1/" vmid " marker=shop/" name " rootfs=local-lvm:vm-" vmid \
	"-disk-0,size=8G unprivileged=1 hostname=" name " "

static size_t diff(const char *spec, const char *config, struct scene *s, struct pm_change **ret)
{
	struct pm_buf m cleanup_buf = PM_BUF(0);
	struct pm_buf l cleanup_buf = PM_BUF(0);

	(void)pm_buf_addf(&m, HEAD("web") "%s", spec);
	(void)pm_buf_addf(&l, GUEST("210", "web") "%s\n", config);
	scene_open(s, pm_buf_str(&m), pm_buf_str(&l), "");
	pm_slots_assign(s->want.v[0]->spec, s->have.v[0]->spec);
	return pm_diff_obj(s->arena, s->want.v[0], s->have.v[0], ret);
}

PM_TEST(diff_of_equals_is_empty)
{
	struct pm_change *c;
	struct scene s;

	assert_int_equal(diff("  resources: {memory: 512Mi}\n", "memory=512", &s, &c), 0);
	assert_null(c);
	scene_done(&s);
}

PM_TEST(diff_names_field_slot_and_row)
{
	struct pm_change *c;
	struct scene s;

	assert_int_equal(
		diff("  network:\n    interfaces:\n      - {name: eth1, bridge: vmbr1, tag: 5}\n",
			"net3=name=eth1,bridge=vmbr1,hwaddr=BC:24:11:00:00:01,tag=4", &s, &c),
		1);
	assert_int_equal(c[0].field, PM_POD_INTERFACES);
	assert_int_equal(c[0].slot, 3);
	assert_ptr_equal(c[0].row, &pm_kind_net.fields[PM_NET_TAG]);
	assert_string_equal(c[0].path, "network.interfaces.eth1.tag");
	assert_string_equal(c[0].from, "4");
	assert_string_equal(c[0].to, "5");
	assert_int_equal(c[0].line, 9);
	assert_int_equal(c[0].impact, PM_I_LIVE);
	scene_done(&s);
}

PM_TEST(diff_resize_has_its_slot)
{
	struct pm_change *c;
	struct scene s;

	assert_int_equal(diff("  volumes:\n    - {path: /data, storage: local-lvm, size: 3G}\n",
				 "mp7=local-lvm:vm-210-disk-1,mp=/data,size=2G", &s, &c),
		1);
	assert_int_equal(c[0].impact, PM_I_RESIZE);
	assert_int_equal(c[0].field, PM_POD_VOLUMES);
	assert_int_equal(c[0].slot, 7);
	assert_false(c[0].blocked);
	scene_done(&s);
}

PM_TEST(diff_without_spec_is_empty)
{
	struct pm_change *c;
	struct scene s;

	(void)diff("", "", &s, &c);
	s.have.v[0]->spec = NULL;
	assert_int_equal(pm_diff_obj(s.arena, s.want.v[0], s.have.v[0], &c), 0);
	scene_done(&s);
}

PM_TEST(secrets_are_not_in_a_plan)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct scene s;

	scene_open(&s, HEAD("web") "  password: hunter2hunter2\n", "", "");
	scene_plan(&s);
	scene_text(&s, &out);
	pm_plan_print_json(&s.plan, &out);
	assert_null(strstr(pm_buf_str(&out), "hunter2"));
	scene_done(&s);
}

PM_TEST(names_are_of_what_is_done)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct scene s;

	scene_open(&s, HEAD("a") "---\n" HEAD("b") "  onboot: true\n",
		GUEST("202", "b") "\n" GUEST("203", "old") "\n", "");
	scene_plan(&s);
	pm_plan_print_names(&s.plan, &out);
	assert_string_equal(pm_buf_str(&out), "Pod/shop/a\nPod/shop/b\n");
	assert_false(pm_plan_empty(&s.plan));
	scene_done(&s);
}

PM_TEST(deletes_come_last_in_reverse_order)
{
	struct scene s;
	const struct pm_action *db, *app;

	scene_open(&s, HEAD("app") "  dependsOn: [db]\n---\n" HEAD("db"),
		GUEST("201", "app") "\n" GUEST("202", "db") "\n", "delete=1");
	scene_plan(&s);
	app = scene_action(&s, "shop/app");
	db = scene_action(&s, "shop/db");
	assert_int_equal(db->nafter, 1);
	assert_ptr_equal(&s.plan.v[db->after[0]], app);
	assert_int_equal(app->nafter, 0);
	assert_true(db->steps & PM_STEP_DELETE);
	assert_true(db->steps & PM_STEP_STOP);
	scene_done(&s);
}

PM_TEST(steps_of_an_update)
{
	struct scene s;
	const struct pm_action *a;

	scene_open(&s,
		HEAD("web") "  pool: shop\n  features: {nesting: true}\n"
			    "  volumes:\n    - {path: /data, storage: local-lvm, size: 3G}\n"
			    "  lifecycle: {restart: allow, protect: true}\n",
		GUEST("210", "web") "protection=1 m.done=0\n", "");
	scene_plan(&s);
	a = scene_action(&s, "shop/web");
	assert_int_equal(a->verb, PM_V_UPDATE);
	assert_int_equal(a->steps, PM_STEP_CONFIG | PM_STEP_POOL | PM_STEP_RESTART |
					   PM_STEP_UNPROTECT | PM_STEP_FINISH);
	assert_int_equal(a->impact, PM_I_PENDING);
	scene_done(&s);
}

PM_TEST(replace_keeps_its_place)
{
	struct scene s;
	const struct pm_action *a;

	scene_open(&s, HEAD("web") "  unprivileged: false\n  lifecycle: {replace: allow}\n",
		GUEST("210", "web") "\n", "allow_replace=1");
	scene_plan(&s);
	a = scene_action(&s, "shop/web");
	assert_int_equal(a->verb, PM_V_REPLACE);
	assert_int_equal(a->vmid, 210);
	assert_string_equal(a->node, "pve1");
	assert_int_equal(a->ndies, 1);
	assert_string_equal(a->dies[0], "local-lvm:vm-210-disk-0");
	scene_done(&s);
}

PM_TEST(a_circle_is_cut)
{
	struct scene s;

	scene_open(&s, HEAD("a") "---\n" HEAD("b") "---\n" HEAD("c"), "", "");
	for (size_t i = 0; i < 3; i++) {
		s.want.v[i]->deps = pm_new_n(s.arena, const struct pm_obj *, 1);
		s.want.v[i]->deps[0] = s.want.v[(i + 1) % 3];
		s.want.v[i]->ndeps = 1;
	}
	scene_plan(&s);
	assert_int_equal(s.plan.n, 3);
	for (size_t i = 0; i < s.plan.n; i++)
		for (size_t k = 0; k < s.plan.v[i].nafter; k++)
			assert_true(s.plan.v[i].after[k] < i);
	scene_done(&s);
}

PM_TEST(a_plan_without_a_set_is_a_bug)
{
	struct pm_error err;
	struct scene s;

	scene_open(&s, "", "", "");
	s.o.set = NULL;
	assert_err(pm_plan_build(&s.want, &s.have, &s.o, &s.diags, &s.plan, &err), PM_E_BUG, &err,
		"set");
	scene_done(&s);
}

PM_TEST(delete_by_name_needs_no_spec)
{
	struct scene s;
	struct pm_obj *o;

	scene_open(&s, "", GUEST("210", "web") "\n", "delete=1");
	o = pm_obj_new(s.arena, &pm_kind_pod);
	o->ns = "shop";
	o->name = "web";
	pm_set_add(&s.want, o);
	o = pm_obj_new(s.arena, &pm_kind_pod);
	o->ns = "shop";
	o->name = "nobody";
	pm_set_add(&s.want, o);
	scene_plan(&s);
	assert_int_equal(s.plan.sum.remove, 1);
	assert_int_equal(s.diags.nnotes, 1);
	scene_done(&s);
}

PM_TEST(every_verb_and_impact_has_a_name)
{
	for (int i = 0; i < PM_VERB_MAX; i++)
		assert_non_null(pm_verb_name((enum pm_verb)i));
	for (int i = 0; i < PM_IMPACT_MAX; i++)
		assert_non_null(pm_impact_name((enum pm_impact)i));
}

/* The order in which sets come must not matter. */
PM_TEST(order_of_input_does_not_matter)
{
	struct pm_buf a cleanup_buf = PM_BUF(0);
	struct pm_buf b cleanup_buf = PM_BUF(0);
	const char *live = GUEST("203", "c") "\n" GUEST("201", "a") "cores=4\n";
	const char *evil = GUEST("201", "a") "cores=4\n" GUEST("203", "c") "\n";
	struct scene s;

	scene_open(&s, HEAD("a") "  onboot: true\n---\n" HEAD("b") "---\n" HEAD("c"), live, "");
	scene_plan(&s);
	pm_plan_print_json(&s.plan, &a);
	scene_done(&s);
	scene_open(&s, HEAD("a") "  onboot: true\n---\n" HEAD("b") "---\n" HEAD("c"), evil, "");
	scene_plan(&s);
	pm_plan_print_json(&s.plan, &b);
	scene_done(&s);
	assert_string_equal(pm_buf_str(&a), pm_buf_str(&b));
}

PM_TEST(without_a_range_any_number_will_do)
{
	struct scene s;

	scene_open(&s, HEAD("web"), "", "");
	s.o.vmid_low = s.o.vmid_high = 0;
	scene_plan(&s);
	assert_int_equal(s.plan.sum.create, 1);
	assert_true(s.plan.v[0].vmid >= 100);
	scene_done(&s);
}

/* Whoever calls gets a plan, not a crash, from half an object. */
PM_TEST(objects_without_spec_are_left_alone)
{
	struct scene s;

	scene_open(&s, HEAD("web"), GUEST("210", "web") "\n", "prune=1");
	s.have.v[0]->spec = NULL;
	scene_plan(&s);
	assert_int_equal(s.plan.sum.unchanged, 1);
	scene_done(&s);
	scene_open(&s, HEAD("web"), GUEST("211", "old") "\n", "prune=1");
	s.have.v[0]->spec = NULL;
	scene_plan(&s);
	assert_int_equal(s.plan.sum.remove, 0);
	assert_int_equal(s.plan.sum.kept, 1);
	scene_done(&s);
}
