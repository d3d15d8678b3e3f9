/* The journal: what is written is found again, what is torn costs nothing. */
#include "base/file.h"
#include "exec/exec_priv.h"
#include "pm_test.h"

#include <fcntl.h>

struct box {
	struct pm_test_clock clock;
	const char *dir;
	struct pm_journal *j;
};

static void open_box(struct box *b)
{
	struct pm_error err = { 0 };

	b->j = NULL;
	assert_ok(pm_journal_open(b->dir, "home", &b->clock.clock, &b->j, &err), &err);
}

static void new_box(struct box *b)
{
	pm_test_clock_init(&b->clock);
	b->dir = pm_test_dir();
	open_box(b);
}

static void reopen(struct box *b)
{
	pm_journal_close(b->j);
	open_box(b);
}

static unsigned intend(struct box *b, const char *object, unsigned vmid)
{
	struct pm_intent i = { .object = object, .task = "vzcreate", .node = "pve1", .vmid = vmid };

	pm_journal_intent(b->j, &i);
	assert_true(i.id > 0);
	return i.id;
}

static size_t unfinished(struct box *b, const struct pm_intent **ret)
{
	size_t n;

	*ret = pm_journal_unfinished(b->j, &n);
	return n;
}

static size_t file_size(struct box *b)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_error err = { 0 };

	(void)pm_buf_addf(&path, "%s/home.journal", b->dir);
	assert_ok(pm_file_read(AT_FDCWD, pm_buf_str(&path), 1 << 20, &text, &err), &err);
	return text.len;
}

PM_TEST(journal_keeps_what_is_unfinished)
{
	const struct pm_intent *v;
	struct box b;
	unsigned one;
	unsigned two;

	new_box(&b);
	one = intend(&b, "Pod/shop/web", 210);
	two = intend(&b, "Pod/shop/db", 211);
	pm_journal_task(b.j, two, "UPID:pve1:00000001:00000002:69A42A40:vzcreate:211:root@pam:");
	pm_journal_result(b.j, one, "ok");
	reopen(&b);
	assert_int_equal(unfinished(&b, &v), 1);
	assert_string_equal(v[0].object, "Pod/shop/db");
	assert_string_equal(v[0].task, "vzcreate");
	assert_string_equal(v[0].node, "pve1");
	assert_string_equal(
		v[0].upid, "UPID:pve1:00000001:00000002:69A42A40:vzcreate:211:root@pam:");
	assert_int_equal(v[0].vmid, 211);
	assert_true(v[0].at_ms == b.clock.wall_ms + 1000);
	pm_journal_close(b.j);
}

PM_TEST(journal_is_empty_when_all_is_done)
{
	const struct pm_intent *v;
	struct box b;
	unsigned id;

	new_box(&b);
	id = intend(&b, "Pod/shop/web", 210);
	pm_journal_result(b.j, id, "ok");
	assert_true(file_size(&b) > 0);
	pm_journal_close(b.j);
	assert_int_equal(file_size(&b), 0);
	open_box(&b);
	assert_int_equal(unfinished(&b, &v), 0);
	pm_journal_close(b.j);
}

/* Ids of one run are not used again while an entry of it is open. */
PM_TEST(journal_goes_on_counting)
{
	struct box b;
	unsigned id;

	new_box(&b);
	(void)intend(&b, "Pod/shop/web", 210);
	id = intend(&b, "Pod/shop/db", 211);
	reopen(&b);
	assert_true(intend(&b, "Pod/shop/x", 212) > id);
	pm_journal_close(b.j);
}

PM_TEST(journal_that_is_torn_or_strange)
{
	const struct pm_intent *v;
	struct box b;

	pm_test_clock_init(&b.clock);
	b.dir = pm_test_dir();
	(void)pm_test_file(b.dir, "home.journal",
		"{\"entry\":\"intent\",\"id\":7,\"at\":5,\"object\":\"Pod/a/b\",\"task\":\"\","
		"\"node\":\"pve1\",\"vmid\":200}\n"
		"not json\n"
		"[1,2]\n"
		"{\"entry\":\"intent\",\"id\":-4}\n"
		"{\"entry\":\"intent\",\"id\":8}\n"
		"{\"entry\":\"result\",\"id\":99,\"result\":\"ok\"}\n"
		"{\"entry\":\"task\",\"id\":99,\"upid\":\"x\"}\n"
		"{\"entry\":\"intent\",\"id\":9,\"at\":5,\"object\":\"Pod/a/c\",\"task\":\"vzst");
	open_box(&b);
	assert_int_equal(unfinished(&b, &v), 1);
	assert_string_equal(v[0].object, "Pod/a/b");
	assert_null(v[0].upid);
	assert_int_equal(intend(&b, "Pod/a/d", 201), 100);
	pm_journal_close(b.j);
}

PM_TEST(journal_that_cannot_be_made)
{
	const char *dir = pm_test_dir();
	struct pm_test_clock clock;
	struct pm_journal *j = NULL;
	struct pm_error err = { 0 };

	pm_test_clock_init(&clock);
	assert_err(pm_journal_open(pm_test_file(dir, "file", ""), "home", &clock.clock, &j, &err),
		PM_E_IO, &err, "journal");
	assert_null(j);
}

/* No journal at all is fine everywhere. */
PM_TEST(journal_of_nobody)
{
	struct pm_intent i = { .object = "Pod/a/b", .task = "", .node = "", .vmid = 1 };

	pm_journal_intent(NULL, &i);
	pm_journal_task(NULL, 1, "x");
	pm_journal_result(NULL, 1, "ok");
	pm_journal_close(NULL);
	assert_int_equal(i.id, 0);
}
