/* Tests of model/obj.c: sets, identities and slots. */
#include "model/obj.h"

#include <string.h>

#include "base/mem.h"
#include "pm_test.h"

static struct pm_obj *obj(struct pm_arena *a, const char *ns, const char *name, unsigned vmid)
{
	struct pm_obj *o = pm_obj_new(a, &pm_kind_pod);

	o->ns = ns;
	o->name = name;
	if (vmid) {
		o->live = pm_new(a, struct pm_live);
		o->live->vmid = vmid;
	}
	return o;
}

PM_TEST(set_is_sorted_and_found)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_set s = { .arena = a };
	struct pm_obj *web = obj(a, "shop", "web", 0);

	pm_set_add(&s, web);
	pm_set_add(&s, obj(a, "shop", "db", 0));
	pm_set_add(&s, obj(a, "ops", "web", 210));
	pm_set_add(&s, obj(a, "ops", "web", 110));
	assert_ptr_equal(pm_set_find(&s, &pm_kind_pod, "shop", "web"), web);
	pm_set_sort(&s);
	assert_int_equal(s.v[0]->live->vmid, 110);
	assert_int_equal(s.v[1]->live->vmid, 210);
	assert_string_equal(s.v[2]->name, "db");
	assert_ptr_equal(pm_set_find(&s, &pm_kind_pod, "shop", "web"), web);
	assert_null(pm_set_find(&s, &pm_kind_pod, "shop", "zzz"));
	assert_null(pm_set_find(&s, &pm_kind_config, "shop", "web"));
	pm_set_done(&s);
}

PM_TEST(obj_has_names)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_obj *web = obj(a, "shop", "web", 0);

	assert_string_equal(pm_obj_id(a, web), "Pod/shop/web");
	assert_string_equal(pm_obj_title(a, web), "pod shop/web");
	web->ns = "";
	assert_string_equal(pm_obj_title(a, web), "pod web");
}

/* A spec with interfaces of these names; slots as given, NULL: none. */
static struct pm_rec *spec(struct pm_arena *a, const char *const *names, const unsigned *slots)
{
	struct pm_rec *r = pm_rec_new(a, &pm_kind_pod);
	struct pm_recs *recs = pm_new(a, struct pm_recs);

	recs->v = pm_new_n(a, struct pm_rec *, 64);
	for (; names[recs->n]; recs->n++) {
		struct pm_rec *net = pm_rec_new(a, &pm_kind_net);

		net->val[PM_NET_NAME] =
			(struct pm_value){ .state = PM_SET, .u = { .s = names[recs->n] } };
		if (slots)
			net->slot = slots[recs->n];
		recs->v[recs->n] = net;
	}
	r->val[PM_POD_INTERFACES] = (struct pm_value){ .state = PM_SET, .u = { .recs = recs } };
	return r;
}

static unsigned slot(const struct pm_rec *r, unsigned i)
{
	return r->val[PM_POD_INTERFACES].u.recs->v[i]->slot;
}

PM_TEST(slots_of_a_new_guest_count_from_zero)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *want = spec(a, (const char *[]){ "eth0", "eth1", NULL }, NULL);

	pm_slots_assign(want, NULL);
	assert_int_equal(slot(want, 0), 0);
	assert_int_equal(slot(want, 1), 1);
}

PM_TEST(slots_stay_with_their_entries)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	struct pm_rec *have = spec(
		a, (const char *[]){ "eth0", "eth1", "eth2", NULL }, (const unsigned[]){ 0, 1, 5 });
	struct pm_rec *want = spec(a, (const char *[]){ "new", "eth2", "eth0", NULL }, NULL);

	pm_slots_assign(want, have);
	assert_int_equal(slot(want, 0), 2); /* 1 is still eth1's */
	assert_int_equal(slot(want, 1), 5);
	assert_int_equal(slot(want, 2), 0);
}

PM_TEST(slots_of_those_that_go_are_the_last_resort)
{
	cleanup_arena struct pm_arena *a = pm_arena_new(0);
	const char *names[33] = { 0 };
	unsigned slots[32];
	char text[32][8];
	struct pm_rec *have, *want;

	for (unsigned i = 0; i < 32; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "eth%u", i);
		names[i] = text[i];
		slots[i] = i;
	}
	have = spec(a, names, slots);
	names[7] = "other";
	want = spec(a, names, NULL);
	pm_slots_assign(want, have);
	assert_int_equal(slot(want, 7), 7);
	assert_int_equal(slot(want, 31), 31);
}
