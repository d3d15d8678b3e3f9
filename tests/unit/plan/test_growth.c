/* Work and memory grow with the objects, not faster: counted, not timed. */
#include <string.h>

#include "plan/plan_priv.h"
#include "pm_test.h"
#include "scene.h"

struct counters {
	uint64_t probes, edges;
	size_t bytes;
	unsigned unchanged;
	size_t n;
};

static void add_manifest(struct pm_buf *b, unsigned i, const char *extra)
{
	(void)pm_buf_addf(b,
		"%sapiVersion: podmox/v1\nkind: Pod\nmetadata: {name: p%05u, namespace: shop}\nspec:\n"
		"  image: local:vztmpl/debian.tar.zst\n  rootfs: {storage: local-lvm, size: 8G}\n"
		"  resources: {cores: 2, memory: 512Mi}\n  features: {nesting: true}\n"
		"  tags: [web, prod]\n  network:\n    interfaces: [{name: eth0, bridge: vmbr0}]\n%s",
		i > 0 ? "---\n" : "", i, extra);
}

static void add_live(struct pm_buf *b, unsigned i)
{
	(void)pm_buf_addf(b,
		"lxc pve%u/%u marker=shop/p%05u rootfs=local-lvm:vm-%u-disk-0,size=8G cores=2 memory=512 "
		"features=nesting=1 tags=prod;web net0=name=eth0,bridge=vmbr0,hwaddr=BC:24:11:00:00:01 "
		"m.fields=\"cores memory rootfs:size net0:name,bridge features:nesting tags\"\n",
		1 + i % 3, 1000 + i, i, 1000 + i);
}

static struct counters run(struct scene *s)
{
	struct counters c = { .n = s->want.n };
	size_t before = pm_arena_used(s->arena);
	struct pm_planner p;

	pm_planner_init(&p, &s->want, &s->have, &s->o, &s->diags);
	pm_planner_run(&p, &s->plan);
	c.probes = p.match.probes;
	c.edges = p.edges;
	c.unchanged = s->plan.sum.unchanged;
	c.bytes = pm_arena_used(s->arena) - before;
	pm_planner_done(&p);
	return c;
}

/* n objects, of which `there` have a guest in sync; each depends on the one before when `chained`. */
static struct counters measure(unsigned n, unsigned there, bool chained)
{
	struct pm_buf manifest cleanup_buf = PM_BUF(0);
	struct pm_buf live cleanup_buf = PM_BUF(0);
	struct counters c;
	struct scene s;
	char extra[64] = "";

	for (unsigned i = 0; i < n; i++) {
		if (chained && i + 1 < n)
			(void)snprintf(extra, sizeof(extra), "  dependsOn: [p%05u]\n", i + 1);
		add_manifest(&manifest, i, chained && i + 1 < n ? extra : "");
		if (i < there)
			add_live(&live, i);
	}
	scene_open(&s, pm_buf_str(&manifest), pm_buf_str(&live), "vmids=1000-99999");
	c = run(&s);
	scene_done(&s);
	return c;
}

PM_TEST(growth_in_sync)
{
	struct counters small = measure(1000, 1000, false), large = measure(10000, 10000, false);

	assert_int_equal(small.unchanged, 1000);
	assert_int_equal(large.unchanged, 10000);
	assert_true(large.probes <= small.probes * 13);
	assert_true(large.probes <= 10000 * 12);
	assert_true(large.edges <= 100);
	/* Nothing is kept of an object that needs nothing. */
	assert_true(large.bytes <= 10000);
}

PM_TEST(growth_of_creates)
{
	struct counters small = measure(1000, 0, false), large = measure(10000, 0, false);

	assert_true(large.probes <= small.probes * 13);
	assert_true(large.probes <= 10000 * 12);
}

PM_TEST(growth_of_a_chain)
{
	struct counters small = measure(1000, 0, true), large = measure(10000, 0, true);

	assert_true(large.edges <= small.edges * 11);
	assert_true(large.edges <= 10000 * 8);
}
