/* The store of configurations that were read before. */
#include <pthread.h>

#include "client.h"

#define ROW 0xabcdefull

static const struct pm_known_age young = { .now_ns = 10 * PM_S_NS, .sweep_ns = 0 };

static void put_text(struct pm_known *k, unsigned vmid, uint64_t epoch, const char *text)
{
	struct pm_known_put put = { .vmid = vmid,
		.row = ROW,
		.epoch = epoch,
		.now_ns = 10 * PM_S_NS,
		.text = text,
		.n = strlen(text) };

	pm_known_put(k, &put);
}

static bool has(struct pm_known *k, unsigned vmid, uint64_t row, struct pm_known_age age)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);

	return pm_known_get(k, vmid, row, age, &out);
}

PM_TEST(a_body_is_good_under_the_same_row)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_known k = { .n = 0 };

	pm_known_init(&k);
	assert_false(has(&k, 210, ROW, young));
	put_text(&k, 210, pm_known_epoch(&k), "{\"data\":[]}");
	assert_true(pm_known_get(&k, 210, ROW, young, &out));
	assert_string_equal(pm_buf_str(&out), "{\"data\":[]}");
	assert_false(has(&k, 210, ROW + 1, young));
	assert_false(has(&k, 211, ROW, young));
	pm_known_done(&k);
}

/* Two readers at once: the later question has the later answer. */
PM_TEST(an_older_body_does_not_replace_a_newer_one)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_known k = { .n = 0 };
	struct pm_known_put old = { .vmid = 210, .row = ROW, .text = "old", .n = 3 };

	pm_known_init(&k);
	put_text(&k, 210, pm_known_epoch(&k), "new");
	old.epoch = pm_known_epoch(&k);
	old.now_ns = 9 * PM_S_NS;
	pm_known_put(&k, &old);
	assert_true(pm_known_get(&k, 210, ROW, young, &out));
	assert_string_equal(pm_buf_str(&out), "new");
	pm_known_done(&k);
}

PM_TEST(what_was_dropped_is_read_again)
{
	struct pm_known k = { .n = 0 };
	uint64_t before;

	pm_known_init(&k);
	before = pm_known_epoch(&k);
	put_text(&k, 210, before, "a");
	put_text(&k, 211, before, "b");
	pm_known_drop(&k, 210);
	assert_false(has(&k, 210, ROW, young));
	assert_true(has(&k, 211, ROW, young));
	/* An answer that was asked for before the write comes too late. */
	put_text(&k, 210, before, "a");
	assert_false(has(&k, 210, ROW, young));
	put_text(&k, 210, pm_known_epoch(&k), "a");
	assert_true(has(&k, 210, ROW, young));
	/* So it is with all at once, also for guests that nobody has seen yet. */
	before = pm_known_epoch(&k);
	pm_known_drop(&k, 0);
	put_text(&k, 212, before, "c");
	for (unsigned v = 210; v < 213; v++)
		assert_false(has(&k, v, ROW, young));
	assert_int_equal(k.bytes, 0);
	pm_known_done(&k);
}

PM_TEST(the_sweep_rolls)
{
	struct pm_known k = { .n = 0 };
	size_t last = 1000;

	pm_known_init(&k);
	for (unsigned v = 1000; v < 2000; v++)
		put_text(&k, v, pm_known_epoch(&k), "x");
	for (unsigned percent = 0; percent <= 100; percent += 10) {
		struct pm_known_age age = { .now_ns = (10 + 6 * percent) * PM_S_NS,
			.sweep_ns = 600 * PM_S_NS };
		size_t n = 0;

		for (unsigned v = 1000; v < 2000; v++)
			n += has(&k, v, ROW, age);
		if (percent < 50)
			assert_int_equal(n, 1000);
		else if (percent > 50)
			assert_true(last - n > 100 && last - n < 300);
		last = n;
	}
	assert_int_equal(last, 0);
	pm_known_done(&k);
}

PM_TEST(our_writes_and_tasks_drop_what_is_known)
{
	static const struct {
		const char *method, *path, *form;
	} writes[] = {
		{ "PUT", "/nodes/pve1/lxc/210/config", "cores=2" },
		{ "DELETE", "/nodes/pve1/lxc/210", NULL },
		{ "POST", "/nodes/pve1/lxc", "vmid=210&hostname=a" },
		{ "POST", "/nodes/pve1/lxc/100/clone", "newid=210" },
		{ "POST", "/cluster/bulk-action/guest/start", "vms=210" },
		{ "GET", "/nodes/pve1/tasks/UPID%3A/status", NULL },
	};

	for (size_t i = 0; i < PM_COUNT(writes); i++) {
		struct pm_pve_call call = { .method = writes[i].method,
			.path = writes[i].path,
			.form = writes[i].form,
			.operation = "update" };
		struct client c;

		client_start_token(&c, "pve1");
		client_answer(&c, NULL, "/*", "{\"data\":{\"status\":\"stopped\",\"id\":\"210\"}}");
		put_text(&c.pve->known, 210, pm_known_epoch(&c.pve->known), "x");
		put_text(&c.pve->known, 500, pm_known_epoch(&c.pve->known), "x");
		assert_ok(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), &c.err);
		if (has(&c.pve->known, 210, ROW, young))
			fail_msg("%s %s", writes[i].method, writes[i].path);
		assert_int_equal(has(&c.pve->known, 500, ROW, young), i != 4);
		client_stop(&c);
	}
}

static void *churn(void *arg)
{
	struct pm_known *k = arg;

	for (unsigned i = 0; i < 3000; i++) {
		unsigned vmid = 100 + i % 300;

		put_text(k, vmid, pm_known_epoch(k), "some text");
		(void)has(k, vmid, ROW, young);
		if (i % 7 == 0)
			pm_known_drop(k, vmid);
	}
	return NULL;
}

PM_TEST(threads_share_the_store)
{
	struct pm_known k = { .n = 0 };
	pthread_t t[4];
	size_t n = 0;

	pm_known_init(&k);
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, churn, &k), 0);
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_join(t[i], NULL), 0);
	for (unsigned v = 100; v < 400; v++)
		n += has(&k, v, ROW, young);
	assert_int_equal(k.bytes, n * 10);
	assert_int_equal(k.n, 300);
	pm_known_done(&k);
}
