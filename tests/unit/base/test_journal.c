/* The log as records of the journal: which stderr leads there, and what a record holds. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/journal.h"
#include "base/mem.h"
#include "pm_test.h"

/* A socket in the place of the journal's; its path goes to `path`. */
static int listen_at(char path[108])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);

	(void)snprintf(path, 108, "%s/journal", pm_test_dir());
	memcpy(a.sun_path, path, strlen(path) + 1);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	return fd;
}

static void say_stream(bool right)
{
	char text[64];
	struct stat st;

	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	(void)snprintf(text, sizeof(text), "%ju:%ju", (uintmax_t)st.st_dev,
		(uintmax_t)st.st_ino + (right ? 0 : 1));
	assert_int_equal(setenv("JOURNAL_STREAM", text, 1), 0);
}

PM_TEST(journal_needs_its_stream)
{
	char path[108];
	int fd = listen_at(path);

	(void)unsetenv("JOURNAL_STREAM");
	assert_false(pm_journal_use(path));
	say_stream(false);
	assert_false(pm_journal_use(path));
	say_stream(true);
	assert_false(pm_journal_use("/nowhere/journal"));
	assert_false(pm_journal_write(PM_LOG_INFO, "nobody listens", NULL, 0));
	assert_true(pm_journal_use(path));
	pm_journal_leave();
	(void)close(fd);
}

PM_TEST(journal_keeps_facts_apart)
{
	static const char expect[] =
		"PRIORITY=4\nSYSLOG_IDENTIFIER=podmox\n"
		"MESSAGE=created object=Pod/shop/web took-ms=-3 text=\"a\\nb\"\n"
		"PODMOX_EVENT=created\nPODMOX_OBJECT=Pod/shop/web\n"
		"PODMOX_TOOK_MS=-3\nPODMOX_TEXT\n\3\0\0\0\0\0\0\0a\nb\n";
	const struct pm_kv kv[] = { PM_KV_S("object", "Pod/shop/web"), PM_KV_I("took-ms", -3),
		PM_KV_S("text", "a\nb") };
	char path[108], record[1024];
	int fd = listen_at(path);
	ssize_t n;

	say_stream(true);
	assert_true(pm_journal_use(path));
	pm_log_write(PM_LOG_WARNING, "created", kv, 3);
	n = recv(fd, record, sizeof(record), 0);
	pm_journal_leave();
	assert_int_equal(n, sizeof(expect) - 1);
	assert_memory_equal(record, expect, sizeof(expect) - 1);
	(void)close(fd);
}

/* What is too large for a record goes to stderr as always. */
PM_TEST(journal_refuses_what_is_too_long)
{
	char path[108], *text = pm_xcalloc(1, 100001);
	int fd = listen_at(path);
	struct pm_kv kv;

	memset(text, 'x', 100000);
	kv = PM_KV_S("text", text);
	say_stream(true);
	assert_true(pm_journal_use(path));
	assert_false(pm_journal_write(PM_LOG_INFO, "much", &kv, 1));
	pm_journal_leave();
	(void)unsetenv("JOURNAL_STREAM");
	(void)close(fd);
	free(text);
}
