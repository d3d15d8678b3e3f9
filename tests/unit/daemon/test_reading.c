/* What a cycle asks the cluster for: everything when drift is looked for, what changed in between. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/daemon_priv.h"
#include "pm_test.h"
#include "sim_transport.h"

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

struct house {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	struct counter wire;
	struct pm_arena *arena;
	struct pm_config *config;
	const char *dir;
	char folder[2048];
	struct pm_daemon_opts o;
	struct pm_cancel cancel;
	struct pm_board *board;
	struct pm_keeper keeper;
};

static void start(struct house *h, const char *sync)
{
	struct pm_sim_options so = {
		.clock = &h->clock.clock, .nodes = 2, .seed = 1, .no_401_delay = true
	};
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_diags diags;
	struct pm_error err = { 0 };

	memset(h, 0, sizeof(*h));
	pm_test_clock_init(&h->clock);
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	h->arena = pm_arena_new(0);
	h->dir = pm_test_dir();
	assert_ok(pm_sim_new(&h->sim, &so, &err), &err);
	h->wire.base.ops = &count_ops;
	h->wire.inner = pm_sim_transport_new(h->sim, &h->clock.clock);
	(void)pm_buf_addf(&text,
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclusters:\n  - name: sim\n"
		"    hosts: [pve1, pve2]\n    auth: {username: root, password: \"%s\"}\n"
		"    vmids: 200-299\njournal: {dir: %s/state}\naudit: {file: %s/audit.jsonl}\n%s",
		pm_sim_password(h->sim), h->dir, h->dir, sync);
	pm_diags_init(&diags, h->arena);
	assert_ok(pm_config_open(pm_test_file(h->dir, "podmox.yaml", pm_buf_str(&text)), &h->config,
			  &diags, &err),
		&err);
	(void)snprintf(h->folder, sizeof(h->folder), "%s/m", h->dir);
	(void)pm_test_file(h->dir, "m/a.yaml", POD("a", "201", "256Mi"));
	(void)pm_test_file(h->dir, "m/b.yaml", POD("b", "202", "256Mi"));
	h->o = (struct pm_daemon_opts){ .config = h->config,
		.dir = h->folder,
		.transport = &h->wire.base,
		.clock = &h->clock.clock,
		.seed = 1 };
	h->board = pm_board_new(&(struct pm_board_opts){ .set = "home" });
	assert_ok(pm_keeper_open(&h->keeper, &h->o, h->board, &h->cancel, &err), &err);
}

static void done(struct house *h)
{
	pm_keeper_close(&h->keeper);
	pm_board_free(h->board);
	pm_transport_free(h->wire.inner);
	pm_config_free(h->config);
	pm_sim_free(h->sim);
	pm_arena_free(h->arena);
}

/* Runs a cycle; what it asked is in h->wire then. */
static void cycle(struct house *h, unsigned reasons, bool fails)
{
	struct pm_outcome_of_cycle out;

	h->wire.configs = h->wire.of_202 = h->wire.tasks = h->wire.all = 0;
	pm_keeper_cycle(&h->keeper, reasons, &out);
	if (out.failed != fails)
		fail_msg("the cycle: %s (%s)", out.err.msg, out.err.where);
}

static const char *control(struct house *h, const char *line)
{
	static char out[4096];

	if (pm_sim_control(h->sim, line, out, sizeof(out)) < 0)
		fail_msg("%s: %s", line, out);
	return out;
}

static void edit(struct house *h, const char *memory)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);

	(void)pm_buf_addf(&text, POD("a", "201", "%s"), memory);
	(void)pm_test_file(h->dir, "m/a.yaml", pm_buf_str(&text));
}

/* Long enough for the inventory to hear of everything. */
static void let_time_pass(struct house *h)
{
	atomic_fetch_add(&h->clock.ns, 30 * PM_S_NS);
	(void)pm_sim_advance(h->sim);
}

/* Both guests are made, and known. */
static void settle(struct house *h)
{
	cycle(h, PM_WHY_DRIFT, false);
	let_time_pass(h); /* the inventory learns late that they are stopped */
	/* What was made ended its tasks after it was looked at. */
	cycle(h, PM_WHY_DRIFT, false);
	assert_int_equal(h->wire.configs, 2);
	cycle(h, PM_WHY_CONFIRM, false);
}

PM_TEST(reading_only_what_changed_between_looks)
{
	struct house h;

	start(&h, "");
	settle(&h);
	cycle(&h, PM_WHY_CONFIRM, false);
	assert_int_equal(h.wire.configs, 0);
	assert_int_equal(h.wire.tasks, 1);
	assert_int_equal(h.wire.all, 5);
	/* A change that leaves no trace waits for the next look; one that does does not. */
	(void)control(&h, "set 202 onboot=0");
	edit(&h, "512Mi");
	cycle(&h, PM_WHY_FILES, false);
	assert_string_equal(control(&h, "get 201 memory"), "512");
	assert_string_equal(control(&h, "get 202 onboot"), "0");
	assert_int_equal(h.wire.of_202, 0);
	(void)control(&h, "set 202 memory=999");
	let_time_pass(&h);
	edit(&h, "384Mi");
	cycle(&h, PM_WHY_FILES, false);
	assert_string_equal(control(&h, "get 202 memory"), "256");
	assert_string_equal(control(&h, "get 202 onboot"), "1");
	assert_true(h.wire.of_202 > 0);
	done(&h);
}

/* The promise of sync.interval: every look for drift sees everything. */
PM_TEST(reading_all_at_each_look)
{
	struct house h;

	start(&h, "");
	settle(&h);
	(void)control(&h, "set 202 onboot=0");
	cycle(&h, PM_WHY_DRIFT, false);
	assert_string_equal(control(&h, "get 202 onboot"), "1");
	done(&h);
}

/* A look that failed is still owed. */
PM_TEST(reading_all_after_a_look_that_failed)
{
	struct house h;

	start(&h, "");
	settle(&h);
	(void)control(&h, "set 202 onboot=0");
	(void)control(&h, "fail GET /cluster/status:500:50");
	(void)control(&h, "fail GET /cluster/resources:500:50");
	cycle(&h, PM_WHY_DRIFT, true);
	(void)control(&h, "fail-clear");
	cycle(&h, PM_WHY_RETRY, false);
	assert_string_equal(control(&h, "get 202 onboot"), "1");
	done(&h);
}

PM_TEST(reading_in_turns_with_a_sweep)
{
	struct house h;

	start(&h, "sync: {interval: 10s, sweep: 100s}\n");
	settle(&h);
	(void)control(&h, "set 202 onboot=0");
	cycle(&h, PM_WHY_DRIFT, false);
	assert_int_equal(h.wire.configs, 0);
	assert_string_equal(control(&h, "get 202 onboot"), "0");
	/* At the next look it would be too old. */
	atomic_fetch_add(&h.clock.ns, 90 * PM_S_NS);
	cycle(&h, PM_WHY_DRIFT, false);
	assert_string_equal(control(&h, "get 202 onboot"), "1");
	cycle(&h, PM_WHY_DRIFT, false);
	/* Whoever asks gets all. */
	(void)control(&h, "set 202 onboot=0");
	cycle(&h, PM_WHY_DRIFT, false);
	assert_string_equal(control(&h, "get 202 onboot"), "0");
	cycle(&h, PM_WHY_DRIFT | PM_WHY_ASKED, false);
	assert_string_equal(control(&h, "get 202 onboot"), "1");
	done(&h);
}
