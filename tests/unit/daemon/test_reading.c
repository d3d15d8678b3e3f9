/* What a cycle asks the cluster for: everything when drift is looked for, what changed in between. */
#include "house.h"

#define POD(name, vmid, memory)                                                           \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name "}\nspec:\n"           \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n  node: pve1\n"   \
	"  vmid: " vmid "\n  state: stopped\n  rootfs: {storage: local-lvm, size: 1Gi}\n" \
	"  resources: {memory: " memory "}\n  onboot: true\n"

/* Counts what passes. */
struct counter {
	struct pm_transport base;
	struct pm_transport *inner;
	atomic_uint configs, of_202, tasks, all; /* the executor asks from several threads */
};

static void count_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct counter *c = (struct counter *)t;

	for (size_t i = 0; i < n; i++) {
		c->all++;
		c->configs += strstr(v[i]->path, "/pending") != NULL;
		c->of_202 += strstr(v[i]->path, "/202/pending") != NULL;
		c->tasks += strcmp(v[i]->path, "/api2/json/cluster/tasks") == 0;
	}
	pm_net_batch(c->inner, v, n, done, arg, cancel);
}

static void count_free(PM_UNUSED struct pm_transport *t)
{
}

static const struct pm_transport_ops count_ops = { count_batch, count_free };

struct reader {
	struct house h;
	struct counter wire;
};

static void start(struct reader *r, const char *sync)
{
	memset(r, 0, sizeof(*r));
	house_start(&r->h, sync);
	house_put(&r->h, "a.yaml", POD("a", "201", "256Mi"));
	house_put(&r->h, "b.yaml", POD("b", "202", "256Mi"));
	r->wire.base.ops = &count_ops;
	r->wire.inner = r->h.wire;
	r->h.o.transport = &r->wire.base;
	house_open(&r->h);
}

static void done(struct reader *r)
{
	house_done(&r->h);
}

/* Runs a cycle; what it asked is in h->wire then. */
static void cycle(struct reader *r, unsigned reasons, bool fails)
{
	struct pm_outcome_of_cycle out;

	r->wire.configs = r->wire.of_202 = r->wire.tasks = r->wire.all = 0;
	pm_keeper_cycle(&r->h.keeper, reasons, &out);
	if (out.failed != fails)
		fail_msg("the cycle: %s (%s)", out.err.msg, out.err.where);
}

static const char *control(struct reader *r, const char *line)
{
	return house_control(&r->h, line);
}

static void edit(struct reader *r, const char *memory)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	(void)pm_buf_addf(&text, POD("a", "201", "%s"), memory);
	(void)pm_test_file(r->h.dir, "m/a.yaml", pm_buf_str(&text));
}

/* Long enough for the inventory to hear of everything. */
static void let_time_pass(struct reader *r)
{
	atomic_fetch_add(&r->h.clock.ns, 30 * PM_S_NS);
	(void)pm_sim_advance(r->h.sim);
}

/* Both guests are made, and known. */
static void settle(struct reader *r)
{
	cycle(r, PM_WHY_DRIFT, false);
	let_time_pass(r); /* the inventory learns late that they are stopped */
	/* What was made ended its tasks after it was looked at. */
	cycle(r, PM_WHY_DRIFT, false);
	assert_int_equal(r->wire.configs, 2);
	cycle(r, PM_WHY_CONFIRM, false);
}

PM_TEST(reading_only_what_changed_between_looks)
{
	struct reader r;

	start(&r, "");
	settle(&r);
	cycle(&r, PM_WHY_CONFIRM, false);
	assert_int_equal(r.wire.configs, 0);
	assert_int_equal(r.wire.tasks, 1);
	assert_int_equal(r.wire.all, 5);
	/* A change that leaves no trace waits for the next look; one that does does not. */
	(void)control(&r, "set 202 onboot=0");
	edit(&r, "512Mi");
	cycle(&r, PM_WHY_FILES, false);
	assert_string_equal(control(&r, "get 201 memory"), "512");
	assert_string_equal(control(&r, "get 202 onboot"), "0");
	assert_int_equal(r.wire.of_202, 0);
	(void)control(&r, "set 202 memory=999");
	let_time_pass(&r);
	edit(&r, "384Mi");
	cycle(&r, PM_WHY_FILES, false);
	assert_string_equal(control(&r, "get 202 memory"), "256");
	assert_string_equal(control(&r, "get 202 onboot"), "1");
	assert_true(r.wire.of_202 > 0);
	done(&r);
}

/* The promise of sync.interval: every look for drift sees everything. */
PM_TEST(reading_all_at_each_look)
{
	struct reader r;

	start(&r, "");
	settle(&r);
	(void)control(&r, "set 202 onboot=0");
	cycle(&r, PM_WHY_DRIFT, false);
	assert_string_equal(control(&r, "get 202 onboot"), "1");
	done(&r);
}

/* A look that failed is still owed. */
PM_TEST(reading_all_after_a_look_that_failed)
{
	struct reader r;

	start(&r, "");
	settle(&r);
	(void)control(&r, "set 202 onboot=0");
	(void)control(&r, "fail GET /cluster/status:500:50");
	(void)control(&r, "fail GET /cluster/resources:500:50");
	cycle(&r, PM_WHY_DRIFT, true);
	(void)control(&r, "fail-clear");
	cycle(&r, PM_WHY_RETRY, false);
	assert_string_equal(control(&r, "get 202 onboot"), "1");
	done(&r);
}

PM_TEST(reading_in_turns_with_a_sweep)
{
	struct reader r;

	start(&r, "sync: {interval: 10s, sweep: 100s}\n");
	settle(&r);
	(void)control(&r, "set 202 onboot=0");
	cycle(&r, PM_WHY_DRIFT, false);
	assert_int_equal(r.wire.configs, 0);
	assert_string_equal(control(&r, "get 202 onboot"), "0");
	/* At the next look it would be too old. */
	atomic_fetch_add(&r.h.clock.ns, 90 * PM_S_NS);
	cycle(&r, PM_WHY_DRIFT, false);
	assert_string_equal(control(&r, "get 202 onboot"), "1");
	cycle(&r, PM_WHY_DRIFT, false);
	/* Whoever asks gets all. */
	(void)control(&r, "set 202 onboot=0");
	cycle(&r, PM_WHY_DRIFT, false);
	assert_string_equal(control(&r, "get 202 onboot"), "0");
	cycle(&r, PM_WHY_DRIFT | PM_WHY_ASKED, false);
	assert_string_equal(control(&r, "get 202 onboot"), "1");
	done(&r);
}

/* ---- files ---- */

static void name(struct reader *r, const char *path)
{
	pm_vec_push(&r->h.keeper.named.v, pm_xstrdup(path));
	r->h.keeper.named.only = true;
}

/* Where the watch names what changed, the rest is not looked at until something else is a reason to. */
PM_TEST(reading_files_that_are_named)
{
	struct pm_test_clock late;
	struct reader r;

	/* By this clock no file is so young that it is read again for safety. */
	pm_test_clock_init(&late);
	late.wall_ms = pm_wall_ms(&pm_clock_system) + 3600 * 1000;
	start(&r, "");
	r.h.keeper.store.clock = &late.clock;
	settle(&r);
	house_put(&r.h, "b.yaml", POD("b", "202", "128Mi"));
	edit(&r, "512Mi");
	name(&r, "a.yaml");
	cycle(&r, PM_WHY_FILES, false);
	assert_string_equal(control(&r, "get 201 memory"), "512");
	assert_string_equal(control(&r, "get 202 memory"), "256");
	name(&r, "a.yaml");
	cycle(&r, PM_WHY_FILES | PM_WHY_DRIFT, false);
	assert_string_equal(control(&r, "get 202 memory"), "128");
	/* Somebody saw that files are others than those that were read. */
	house_put(&r.h, "b.yaml", POD("b", "202", "192Mi"));
	pm_keeper_hurry(&r.h.keeper);
	name(&r, "a.yaml");
	cycle(&r, PM_WHY_FILES, false);
	assert_string_equal(control(&r, "get 202 memory"), "192");
	done(&r);
}
