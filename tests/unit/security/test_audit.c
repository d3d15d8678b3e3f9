/* The audit log: the chain, every kind of tampering, torn tails, many threads and processes. */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "pm_test.h"
#include "security/security.h"

struct log {
	char path[300];
	struct pm_test_clock clock;
	struct pm_audit *audit;
};

static void log_open(struct log *l)
{
	struct pm_error err;

	assert_ok(pm_audit_open(l->path, &l->audit, &err), &err);
}

static void log_start(struct log *l)
{
	(void)snprintf(l->path, sizeof(l->path), "%s/sub/audit.jsonl", pm_test_dir());
	pm_test_clock_init(&l->clock);
	log_open(l);
}

static int log_write(struct log *l, const char *object, struct pm_error *err)
{
	const struct pm_audit_record r = { .operation = "create",
		.object = object,
		.user = "root@pam",
		.host = "pve1",
		.method = "POST",
		.path = "/nodes/pve1/lxc",
		.keys = "vmid,hostname,password",
		.result = "ok",
		.details = "UPID:pve1:\"x\"\n" };

	return pm_audit_write(l->audit, &l->clock.clock, &r, err);
}

static void log_add(struct log *l, unsigned n)
{
	struct pm_error err;

	for (unsigned i = 0; i < n; i++)
		assert_ok(log_write(l, "Pod/shop/web", &err), &err);
}

static void log_read(const struct log *l, struct pm_buf *text)
{
	struct pm_error err;

	assert_ok(pm_file_read(AT_FDCWD, l->path, 16 << 20, text, &err), &err);
}

static void log_replace(const struct log *l, const char *p, size_t n)
{
	FILE *f = fopen(l->path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

static void is_good(const struct log *l, unsigned records)
{
	struct pm_audit_verdict v;
	struct pm_error err;

	assert_ok(pm_audit_verify(l->path, &v, &err), &err);
	assert_int_equal(v.line, 0);
	assert_string_equal(v.file, "");
	assert_string_equal(v.gone, "");
	assert_int_equal(v.files, 1);
	assert_int_equal(v.records, records);
}

static void is_bad(const struct log *l, unsigned at, const char *part)
{
	struct pm_audit_verdict v;
	struct pm_error err;

	assert_err(pm_audit_verify(l->path, &v, &err), PM_E_INVALID, &err, part);
	assert_int_equal(v.line, at);
	assert_string_equal(v.file, l->path);
	assert_int_equal(err.line, at);
	assert_string_equal(err.where, l->path);
}

/* Start of a line, counted from 1. */
static char *line_at(const struct pm_buf *text, unsigned line)
{
	char *p = text->p;

	while (--line > 0)
		p = strchr(p, '\n') + 1;
	return p;
}

PM_TEST(audit_chains_over_reopening)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct stat st;
	struct log l;

	log_start(&l);
	log_add(&l, 2);
	pm_audit_close(l.audit);
	log_open(&l);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	is_good(&l, 5);
	assert_int_equal(stat(l.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	log_read(&l, &text);
	assert_has(text.p, "{\"seq\":1,\"time\":\"2026-03-01T12:00:01.000Z\",\"prev\":\"0000");
	assert_has(line_at(&text, 5), "{\"seq\":5,");
	assert_has(text.p, "\"details\":\"UPID:pve1:\\\"x\\\"\\n\"");
}

PM_TEST(audit_without_a_path_keeps_nothing)
{
	struct pm_audit *a = (struct pm_audit *)&a;
	struct pm_audit_record r = { .operation = "x" };
	struct pm_error err;

	assert_ok(pm_audit_open(NULL, &a, &err), &err);
	assert_null(a);
	assert_ok(pm_audit_write(a, &pm_clock_system, &r, &err), &err);
	pm_audit_close(a);
}

PM_TEST(audit_names_the_changed_line)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;

	log_start(&l);
	log_add(&l, 5);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	for (unsigned line = 1; line <= 5; line++) {
		char *p = strstr(line_at(&text, line), "root@pam");

		*p = 'b';
		log_replace(&l, text.p, text.len);
		is_bad(&l, line, "this line was changed");
		*p = 'r';
	}
	log_replace(&l, text.p, text.len);
	is_good(&l, 5);
}

PM_TEST(audit_names_the_line_after_a_removed_one)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	cleanup_buf struct pm_buf cut = PM_BUF(0);
	struct log l;
	char *two;

	log_start(&l);
	log_add(&l, 4);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	two = line_at(&text, 2);
	(void)pm_buf_add(&cut, text.p, (size_t)(two - text.p));
	(void)pm_buf_adds(&cut, line_at(&text, 3));
	log_replace(&l, cut.p, cut.len);
	is_bad(&l, 2, "record 3 stands here where 2 should");

	/* Swapped. */
	pm_buf_clear(&cut);
	(void)pm_buf_add(&cut, two, (size_t)(line_at(&text, 3) - two));
	(void)pm_buf_add(&cut, text.p, (size_t)(two - text.p));
	(void)pm_buf_adds(&cut, line_at(&text, 3));
	log_replace(&l, cut.p, cut.len);
	is_bad(&l, 1, "record 2 stands here where 1 should");

	/* Doubled. */
	pm_buf_clear(&cut);
	(void)pm_buf_add(&cut, text.p, (size_t)(two - text.p));
	(void)pm_buf_adds(&cut, text.p);
	log_replace(&l, cut.p, cut.len);
	is_bad(&l, 2, "record 1 stands here where 2 should: it was moved, or is here twice");

	/* The first ones. */
	log_replace(&l, line_at(&text, 3), strlen(line_at(&text, 3)));
	is_bad(&l, 1, "record 3 stands here where 1 should");
}

PM_TEST(audit_names_the_line_cut_in_the_middle)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	cleanup_buf struct pm_buf cut = PM_BUF(0);
	struct log l;

	log_start(&l);
	log_add(&l, 4);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	/* Half of line 2 with and without its newline, and half of the last one with a newline. */
	for (int i = 0; i < 2; i++) {
		pm_buf_clear(&cut);
		(void)pm_buf_add(&cut, text.p, (size_t)(line_at(&text, 2) - text.p) + 100);
		(void)pm_buf_adds(&cut, line_at(&text, 3) - (i == 0));
		log_replace(&l, cut.p, cut.len);
		is_bad(&l, 2, "changed");
	}
	pm_buf_clear(&cut);
	(void)pm_buf_add(&cut, text.p, (size_t)(line_at(&text, 4) - text.p) + 100);
	(void)pm_buf_addc(&cut, '\n');
	log_replace(&l, cut.p, cut.len);
	is_bad(&l, 4, "changed");
}

/* A line longer than any record, and one that never ends. */
PM_TEST(audit_names_the_endless_line)
{
	static char endless[300000];
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;

	memset(endless, '{', sizeof(endless));
	log_start(&l);
	log_add(&l, 2);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	(void)pm_buf_add(&text, endless, sizeof(endless));
	log_replace(&l, text.p, text.len);
	is_bad(&l, 3, "changed");
	(void)pm_buf_addc(&text, '\n');
	log_replace(&l, text.p, text.len);
	is_bad(&l, 3, "changed");
}

PM_TEST(audit_names_what_was_put_in)
{
	static const char *const extra[] = { "\n", "{}\n", "hello\n", "{\"seq\":3}\n" };
	cleanup_buf struct pm_buf text = PM_BUF(0);
	cleanup_buf struct pm_buf more = PM_BUF(0);
	struct log l;

	log_start(&l);
	log_add(&l, 4);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	for (size_t i = 0; i < PM_COUNT(extra); i++) {
		char *three = line_at(&text, 3);

		pm_buf_clear(&more);
		(void)pm_buf_add(&more, text.p, (size_t)(three - text.p));
		(void)pm_buf_adds(&more, extra[i]);
		(void)pm_buf_adds(&more, three);
		log_replace(&l, more.p, more.len);
		is_bad(&l, 3, "put in");
	}
}

/* A record whose own hash was made again after the change still does not fit the next one. */
PM_TEST(audit_sees_a_forged_hash)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;
	char *two, *tail, hex[65];

	log_start(&l);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	two = line_at(&text, 2);
	*strstr(two, "root@pam") = 'b';
	tail = strstr(two, ",\"hash\":");
	memcpy(tail + 9, pm_sha256_hex(two, (size_t)(tail - two), hex), 64);
	log_replace(&l, text.p, text.len);
	is_bad(&l, 3, "its hash made anew");
}

PM_TEST(audit_goes_on_after_a_torn_record)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;

	log_start(&l);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	/* Every length of the third record, as a crash may leave it. */
	for (size_t n = (size_t)(line_at(&text, 3) - text.p) + 1; n < text.len; n += 37) {
		cleanup_buf struct pm_buf after = PM_BUF(0);

		log_replace(&l, text.p, n);
		is_bad(&l, 3, "unfinished");
		log_open(&l);
		log_add(&l, 2);
		pm_audit_close(l.audit);
		is_good(&l, 5);
		log_read(&l, &after);
		assert_memory_equal(after.p, text.p, n);
		assert_has(line_at(&after, 4), "\"operation\":\"recover\"");
		assert_has(line_at(&after, 4), "bytes of an unfinished record");
	}
}

/* The crash comes again while the first one is recorded. */
PM_TEST(audit_goes_on_after_two_torn_records)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;

	log_start(&l);
	log_add(&l, 2);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	(void)pm_buf_adds(&text, "{\"seq\":3,\n{\"seq\":3,\"ti");
	log_replace(&l, text.p, text.len);
	log_open(&l);
	log_add(&l, 1);
	pm_audit_close(l.audit);
	is_good(&l, 4);

	/* What stands there may not be changed afterwards. */
	log_read(&l, &text);
	*strstr(text.p, "\"ti\n") = '!';
	log_replace(&l, text.p, text.len);
	is_bad(&l, 3, "changed since it was vouched for");

	/* Nor removed. */
	memmove(line_at(&text, 3), line_at(&text, 5), strlen(line_at(&text, 5)) + 1);
	log_replace(&l, text.p, strlen(text.p));
	is_bad(&l, 3, "before this line was removed");
}

PM_TEST(audit_refuses_a_changed_end)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_error err;
	struct log l;

	log_start(&l);
	log_add(&l, 2);
	pm_audit_close(l.audit);
	log_read(&l, &text);
	*strstr(line_at(&text, 2), "root@pam") = 'b';
	log_replace(&l, text.p, text.len);
	assert_err(pm_audit_open(l.path, &l.audit, &err), PM_E_INVALID, &err, "audit verify");
}

PM_TEST(audit_refuses_what_is_no_file)
{
	struct pm_audit *a = NULL;
	const char *dir = pm_test_dir();
	char fifo[300], through[300];
	struct pm_error err;

	(void)snprintf(fifo, sizeof(fifo), "%s/fifo", dir);
	assert_int_equal(mkfifo(fifo, 0600), 0);
	assert_err(pm_audit_open(fifo, &a, &err), PM_E_IO, &err, "not a regular file");
	assert_err(pm_audit_open(dir, &a, &err), PM_E_IO, &err, NULL);
	(void)snprintf(through, sizeof(through), "%s/log/a", pm_test_file(dir, "file", "x"));
	assert_err(pm_audit_open(through, &a, &err), PM_E_IO, &err, "audit log");
}

PM_TEST(audit_begins_anew_when_the_file_is_taken_away)
{
	char old[320];
	struct log l;

	log_start(&l);
	log_add(&l, 2);
	(void)snprintf(old, sizeof(old), "%s.old", l.path);
	assert_int_equal(rename(l.path, old), 0);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	is_good(&l, 3);
}

PM_TEST(audit_that_is_not_there)
{
	struct pm_audit_verdict v;
	struct pm_error err;
	char path[300];

	(void)snprintf(path, sizeof(path), "%s/none/audit.jsonl", pm_test_dir());
	assert_err(pm_audit_verify(path, &v, &err), PM_E_NOTFOUND, &err, path);
	assert_int_equal(v.line, 0);
}

PM_TEST(audit_cuts_long_text)
{
	static char text[20000];
	struct pm_error err;
	struct log l;

	memset(text, 1, sizeof(text) - 1);
	log_start(&l);
	assert_ok(log_write(&l, text, &err), &err);
	log_add(&l, 1);
	pm_audit_close(l.audit);
	is_good(&l, 2);
}

#define THREADS 8
#define EACH    200

static void *write_many(void *arg)
{
	struct log *l = arg;
	struct pm_error err;
	long failed = 0;

	for (int i = 0; i < EACH; i++)
		failed += log_write(l, "Pod/shop/web", &err) < 0;
	return (void *)failed;
}

PM_TEST(audit_takes_many_threads)
{
	pthread_t threads[THREADS];
	struct log l;

	log_start(&l);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, write_many, &l), 0);
	for (int i = 0; i < THREADS; i++) {
		void *failed;

		assert_int_equal(pthread_join(threads[i], &failed), 0);
		assert_null(failed);
	}
	pm_audit_close(l.audit);
	is_good(&l, THREADS * EACH);
}

PM_TEST(audit_takes_many_processes)
{
	struct log l;

	log_start(&l);
	pm_audit_close(l.audit);
	for (int i = 0; i < 4; i++) {
		pid_t child = fork();

		assert_true(child >= 0);
		if (child == 0) {
			struct pm_error err;

			_exit(pm_audit_open(l.path, &l.audit, &err) < 0 || write_many(&l) != NULL);
		}
	}
	for (int i = 0; i < 4; i++) {
		int status = 1;

		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	is_good(&l, 4 * EACH);
}
