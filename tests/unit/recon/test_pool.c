/* Pools: podmox takes a guest out of the pool that it put it into, and of no other. */
#include <string.h>

#include "base/text.h"
#include "world.h"

#define POD(more)                                                                          \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: db, namespace: shop}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"                  \
	"  rootfs: {storage: local-lvm, size: 4Gi}\n" more

/* The guest's line of the control address names its pool. */
static bool is_in(struct world *w, const char *pool)
{
	const struct turn_opts o = { .plan_only = true, .readonly = true };
	struct turn t;
	bool in = false;

	world_turn(w, &o, &t);
	for (size_t i = 0; i < t.cycle.have.n; i++)
		in = in || pm_str_eq(t.cycle.have.v[i]->live->pool, pool);
	turn_done(&t);
	return in;
}

static void begin(struct world *w, const char *before)
{
	world_new(w, 1);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=shop"), 200);
	assert_int_equal(world_call(w, "POST", "/pools", "poolid=theirs"), 200);
	world_manifest(w, "a.yaml", before);
	world_apply(w);
	world_wait(w, 30);
}

static void put_by_hand(struct world *w, const char *pool)
{
	assert_int_equal(world_call(w, "PUT", "/pools",
				 pm_arena_printf(w->arena, "poolid=%s&vms=%u", pool,
					 world_vmid(w, "Pod/shop/db"))),
		200);
	world_wait(w, 30);
}

PM_TEST(pool_that_leaves_the_manifest_is_left)
{
	struct world w;

	begin(&w, POD("  pool: shop\n"));
	assert_true(is_in(&w, "shop"));
	world_manifest(&w, "a.yaml", POD(""));
	world_apply(&w);
	world_wait(&w, 30);
	assert_false(is_in(&w, "shop"));
	world_in_sync(&w);
	/* And is forgotten: who puts it there by hand is left alone. */
	put_by_hand(&w, "shop");
	world_in_sync(&w);
	assert_true(is_in(&w, "shop"));
	world_done(&w);
}

/* Also one that it was put into when it was there already. */
PM_TEST(pool_that_came_later_is_left)
{
	struct world w;

	begin(&w, POD(""));
	world_manifest(&w, "a.yaml", POD("  pool: shop\n"));
	world_apply(&w);
	world_wait(&w, 30);
	assert_true(is_in(&w, "shop"));
	world_in_sync(&w);
	world_manifest(&w, "a.yaml", POD(""));
	world_apply(&w);
	world_wait(&w, 30);
	assert_false(is_in(&w, "shop"));
	world_in_sync(&w);
	world_done(&w);
}

PM_TEST(pool_of_others_is_none_of_podmoxs_business)
{
	struct world w;

	begin(&w, POD(""));
	put_by_hand(&w, "theirs");
	world_in_sync(&w);
	assert_true(is_in(&w, "theirs"));
	world_manifest(&w, "a.yaml", POD("  pool: null\n"));
	world_apply(&w);
	world_wait(&w, 30);
	assert_false(is_in(&w, "theirs"));
	world_done(&w);
}
