/* Asking only what changed: which configurations a second reading asks for, and why. */
#include "client.h"

#define STATUS                                                                        \
	"{\"data\":[{\"type\":\"cluster\",\"name\":\"x\",\"quorate\":1,\"nodes\":2}," \
	"{\"type\":\"node\",\"name\":\"pve1\",\"online\":1,\"local\":1},"             \
	"{\"type\":\"node\",\"name\":\"pve2\",\"online\":1,\"local\":0}]}"
#define SEES_ALL "{\"data\":{\"/\":{\"VM.Audit\":1,\"Sys.Audit\":1}}}"

#define ROW(id, node, more)                                                               \
	"{\"type\":\"lxc\",\"vmid\":" id ",\"node\":\"" node "\",\"status\":\"running\"," \
	"\"name\":\"g\",\"maxmem\":1024,\"maxcpu\":1,\"maxdisk\":4096" more "}"
#define TWO_ROWS ROW("210", "pve1", "") "," ROW("211", "pve2", "")

/* A task of the k-th second; `more` begins with a comma. */
#define TASK(k, node, id, more)                                                                \
	"{\"upid\":\"UPID:" node ":00000001:00000001:0000000" k ":vzstart:" id ":root@pam:\"," \
	"\"node\":\"" node "\",\"id\":\"" id "\"" more "}"
#define ENDED ",\"endtime\":9,\"status\":\"OK\",\"saved\":\"1\""

struct cluster {
	struct client c;
	enum pm_reading reading;
	uint64_t oldest_ns;
	const char *permissions, *pending;
	size_t asked; /* configurations, so far */
	struct pm_facts facts;
};

static void begin(struct cluster *x)
{
	memset(x, 0, sizeof(*x));
	client_start_token(&x->c, "10.0.0.1");
	x->reading = PM_READ_CHANGED;
	x->permissions = SEES_ALL;
	x->pending = "{\"data\":[{\"key\":\"memory\",\"value\":512},"
		     "{\"key\":\"digest\",\"value\":\"d\"}]}";
}

static void once(struct cluster *x, const char *path, const char *list)
{
	struct pm_fake_rule rule = { .method = "GET",
		.path = pm_arena_printf(x->c.arena, API "%s", path),
		.times = 1,
		.body = pm_arena_printf(x->c.arena, "{\"data\":[%s]}", list) };

	if (!list)
		rule.status = 500;
	pm_fake_add(x->c.net, &rule);
}

/* Reads, and returns how many configurations were asked for. `tasks` NULL: they cannot be read. */
static size_t reading(struct cluster *x, const char *rows, const char *tasks)
{
	struct pm_scope scope = { .set = "home",
		.vmid_low = 200,
		.vmid_high = 299,
		.reading = x->reading,
		.oldest_ns = x->oldest_ns };
	struct pm_set have = { .arena = x->c.arena };
	size_t before = x->asked;

	once(x, "/cluster/resources*", rows);
	if (tasks)
		once(x, "/cluster/tasks", tasks);
	else
		client_status(&x->c, "GET", "/cluster/tasks", 403, "Permission check failed", "");
	if (before == 0) {
		client_answer(&x->c, "GET", "/cluster/status", STATUS);
		client_answer(&x->c, "GET", "/version", "{\"data\":{\"version\":\"9.2.11\"}}");
		client_answer(&x->c, "GET", "/access/permissions", x->permissions);
		client_answer(&x->c, "GET", "/nodes/*/pending", x->pending);
		client_answer(&x->c, "PUT", "/nodes/*/config", "{\"data\":null}");
	}
	assert_ok(pm_pve_live(x->c.pve, &x->c.job, &scope, &have, &x->c.err), &x->c.err);
	for (size_t i = 0; i < have.n; i++) {
		assert_non_null(have.v[i]->spec);
		assert_string_equal(have.v[i]->live->digest, "d");
		assert_int_equal(pm_rec_int(have.v[i]->spec, PM_POD_MEMORY, 0), (int64_t)512 << 20);
	}
	x->facts = have.facts;
	pm_set_done(&have);
	x->asked = client_count(&x->c, "GET", "/nodes/*/pending");
	assert_int_equal(x->facts.nknown, have.facts.nread - (x->asked - before));
	return x->asked - before;
}

static void end(struct cluster *x)
{
	client_stop(&x->c);
}

PM_TEST(changed_nothing_asks_for_nothing)
{
	struct cluster x;
	size_t before;

	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_int_equal(x.facts.nknown, 0);
	before = pm_fake_count(x.c.net, NULL, NULL);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	/* Inventory, state, version, permissions, tasks. */
	assert_int_equal(pm_fake_count(x.c.net, NULL, NULL) - before, 5);
	assert_int_equal(x.facts.nread, 2);
	assert_int_equal(x.facts.nknown, 2);
	assert_true(x.facts.complete);
	end(&x);
}

PM_TEST(changed_reading_all_neither_looks_nor_keeps)
{
	struct cluster x;

	begin(&x);
	x.reading = PM_READ_ALL;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_int_equal(client_count(&x.c, "GET", "/cluster/tasks"), 0);
	x.reading = PM_READ_CHANGED;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	x.reading = PM_READ_KEEP;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	x.reading = PM_READ_CHANGED;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	end(&x);
}

/* Figures that change by themselves are no change of the row; what somebody sets is. */
PM_TEST(changed_rows)
{
	static const char *const noise[] = { ",\"cpu\":0.5", ",\"mem\":77,\"uptime\":12",
		",\"netin\":3,\"netout\":4,\"disk\":1,\"diskread\":9,\"diskwrite\":9" };
	static const char *const news[] = { ",\"tags\":\"a\"", ",\"lock\":\"backup\"",
		",\"pool\":\"p\"", ",\"template\":1", ",\"hastate\":\"started\"" };
	struct cluster x;

	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	for (size_t i = 0; i < PM_COUNT(noise); i++)
		assert_int_equal(
			reading(&x, pm_arena_printf(x.c.arena, ROW("210", "pve1", "%s"), noise[i]),
				""),
			0);
	for (size_t i = 0; i < PM_COUNT(news); i++) {
		const char *row = pm_arena_printf(x.c.arena, ROW("210", "pve1", "%s"), news[i]);

		assert_int_equal(reading(&x, row, ""), 1);
		assert_int_equal(reading(&x, row, ""), 0);
	}
	assert_int_equal(reading(&x, ROW("210", "pve2", ""), ""), 1);
	assert_int_equal(
		reading(&x,
			"{\"type\":\"lxc\",\"vmid\":211,\"node\":\"pve2\",\"status\":\"stopped\","
			"\"name\":\"g\",\"maxmem\":1024,\"maxcpu\":1,\"maxdisk\":4096}",
			""),
		1);
	assert_int_equal(
		reading(&x,
			"{\"type\":\"lxc\",\"vmid\":211,\"node\":\"pve2\",\"status\":\"stopped\","
			"\"name\":\"g\",\"maxmem\":2048,\"maxcpu\":1,\"maxdisk\":4096}",
			""),
		1);
	assert_int_equal(
		reading(&x, TWO_ROWS "," ROW("212", "pve2", ""), ""), 3); /* a new one, too */
	end(&x);
}

/* From the first look that shows it to the one that shows its end. */
PM_TEST(changed_by_a_task)
{
	struct cluster x;

	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("1", "pve1", "210", ENDED)), 2);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("1", "pve1", "210", ENDED)), 0);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("2", "pve2", "211", "")), 1);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("2", "pve2", "211", "")), 1);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("2", "pve2", "211", ENDED)), 1);
	assert_int_equal(reading(&x, TWO_ROWS, TASK("2", "pve2", "211", ENDED)), 0);
	/* It is not shown any more: its end was missed. */
	assert_int_equal(reading(&x, TWO_ROWS, TASK("3", "pve1", "210", "")), 1);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 1);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	/* Of no guest, or of another one. */
	assert_int_equal(reading(&x, TWO_ROWS,
				 TASK("4", "pve1", "", ENDED) "," TASK("5", "pve1", "999", ENDED)),
		0);
	end(&x);
}

/* 25 tasks of a node, from the given second on. */
static const char *full_list(struct cluster *x, unsigned from)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	for (unsigned i = from; i < from + 25; i++)
		(void)pm_buf_addf(&text,
			"%s{\"upid\":\"UPID:pve1:00000001:00000001:%08X:vncproxy:999:root@pam:\","
			"\"node\":\"pve1\",\"id\":\"999\",\"endtime\":%u}",
			i > from ? "," : "", i, i + 1);
	return pm_arena_strdup(x->c.arena, pm_buf_str(&text));
}

PM_TEST(changed_by_more_tasks_than_are_listed)
{
	struct cluster x;

	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, full_list(&x, 100)), 2);
	assert_int_equal(reading(&x, TWO_ROWS, full_list(&x, 100)), 0);
	assert_int_equal(reading(&x, TWO_ROWS, full_list(&x, 124)), 0); /* one in common */
	assert_int_equal(reading(&x, TWO_ROWS, full_list(&x, 149)), 2);
	assert_int_equal(reading(&x, TWO_ROWS, full_list(&x, 149)), 0);
	end(&x);
}

PM_TEST(changed_by_a_write_of_ours)
{
	const struct pm_pve_call put = { .method = "PUT",
		.path = "/nodes/pve1/lxc/210/config",
		.form = "memory=512&digest=d",
		.operation = "update",
		.object = "Pod/a/b" };
	struct pm_obj *o = NULL;
	struct cluster x;

	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_ok(pm_pve_call(x.c.pve, &x.c.job, &put, NULL, &x.c.err), &x.c.err);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 1);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	/* Whoever reads one guest has a reason; what came of it is not known. */
	once(&x, "/cluster/resources*", TWO_ROWS);
	assert_ok(pm_pve_read(x.c.pve, &x.c.job, 211, false, &o, &x.c.err), &x.c.err);
	x.asked++;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 1);
	end(&x);
}

PM_TEST(changed_by_time)
{
	struct cluster x;

	begin(&x);
	x.oldest_ns = 100 * PM_S_NS;
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	atomic_fetch_add(&x.c.clock.ns, 49 * PM_S_NS);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	atomic_fetch_add(&x.c.clock.ns, 51 * PM_S_NS);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	x.oldest_ns = 0;
	atomic_fetch_add(&x.c.clock.ns, 1000000 * PM_S_NS);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	end(&x);
}

/* Pending changes come into force without a task when the guest restarts itself. */
PM_TEST(changed_by_a_restart_from_within)
{
	struct cluster x;

	begin(&x);
	x.pending = "{\"data\":[{\"key\":\"memory\",\"value\":512},{\"key\":\"hostname\","
		    "\"value\":\"a\",\"pending\":\"b\"},{\"key\":\"digest\",\"value\":\"d\"}]}";
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	end(&x);
}

/* Who does not see the tasks of others cannot tell, and asks for all. */
PM_TEST(changed_without_a_view_of_tasks)
{
	struct cluster x;

	begin(&x);
	x.permissions = "{\"data\":{\"/vms\":{\"VM.Audit\":1},\"/nodes\":{\"Sys.Audit\":1}}}";
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	end(&x);
	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 2);
	assert_int_equal(reading(&x, TWO_ROWS, NULL), 2);
	end(&x);
	begin(&x);
	assert_int_equal(reading(&x, TWO_ROWS, "\"UPID\""), 2);
	assert_int_equal(reading(&x, TWO_ROWS, ""), 0);
	end(&x);
}
