/* Rotation of the audit log, what stays of it, tampering across files, crashes in the midst, and reading
 * the last records. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/num.h"
#include "pm_test.h"
#include "security/security.h"

struct log {
	char path[300];
	const char *dir;
	struct pm_test_clock clock;
	struct pm_audit *audit;
};

static void log_open(struct log *l, int64_t bytes, unsigned keep)
{
	struct pm_error err;

	assert_ok(pm_audit_open(l->path, &l->audit, &err), &err);
	pm_audit_rotate(l->audit, bytes, keep);
}

static void log_start(struct log *l, int64_t bytes, unsigned keep)
{
	l->dir = pm_test_dir();
	(void)snprintf(l->path, sizeof(l->path), "%s/audit.jsonl", l->dir);
	pm_test_clock_init(&l->clock);
	log_open(l, bytes, keep);
}

static int log_write(struct log *l, const char *object, struct pm_error *err)
{
	const struct pm_audit_record r = { .operation = "start",
		.object = object,
		.user = "root@pam",
		.host = "pve1",
		.method = "POST",
		.path = "/nodes/pve1/lxc/101/status/start",
		.result = "ok" };

	return pm_audit_write(l->audit, &l->clock.clock, &r, err);
}

static void log_add(struct log *l, unsigned n)
{
	struct pm_error err;
	char object[40];

	for (unsigned i = 0; i < n; i++) {
		(void)snprintf(object, sizeof(object), "Pod/shop/web-%u", i);
		assert_ok(log_write(l, object, &err), &err);
	}
}

/* The older files, by number; ends with 0. */
static void older(const struct log *l, unsigned long long v[64])
{
	struct dirent *e;
	DIR *d = opendir(l->dir);
	size_t n = 0;

	assert_non_null(d);
	while ((e = readdir(d)) != NULL) {
		int64_t number;

		if (strncmp(e->d_name, "audit.jsonl.", 12) != 0)
			continue;
		/* Nothing half done is left. */
		assert_int_equal(pm_parse_int(e->d_name + 12, 1, INT64_MAX, &number), 0);
		assert_true(n < 63);
		v[n++] = (unsigned long long)number;
	}
	(void)closedir(d);
	v[n] = 0;
	for (size_t i = 0; i < n; i++) {
		for (size_t j = i + 1; j < n; j++) {
			unsigned long long swap = v[i];

			if (v[j] < v[i]) {
				v[i] = v[j];
				v[j] = swap;
			}
		}
	}
}

static size_t count(const unsigned long long *v)
{
	size_t n = 0;

	while (v[n])
		n++;
	return n;
}

static const char *old_path(const struct log *l, unsigned long long number)
{
	static char path[400];

	(void)snprintf(path, sizeof(path), "%s.%llu", l->path, number);
	return path;
}

static struct pm_audit_verdict good(const struct log *l)
{
	struct pm_audit_verdict v;
	struct pm_error err;

	assert_ok(pm_audit_verify(l->path, &v, &err), &err);
	assert_int_equal(v.line, 0);
	return v;
}

static struct pm_audit_verdict bad(
	const struct log *l, const char *file, unsigned line, const char *part)
{
	struct pm_audit_verdict v;
	struct pm_error err;

	assert_err(pm_audit_verify(l->path, &v, &err), PM_E_INVALID, &err, part);
	assert_string_equal(v.file, file);
	assert_int_equal(v.line, line);
	return v;
}

static void read_text(const char *path, struct pm_buf *text)
{
	struct pm_error err;

	assert_ok(pm_file_read(AT_FDCWD, path, 16 << 20, text, &err), &err);
}

static void replace(const char *path, const char *p, size_t n)
{
	FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(p, 1, n, f), n);
	assert_int_equal(fclose(f), 0);
}

PM_TEST(rotate_keeps_the_chain)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	unsigned long long v[64];
	struct pm_audit_verdict verdict;
	char want[100];
	struct stat st;
	struct log l;

	log_start(&l, 2000, 0);
	log_add(&l, 30);
	pm_audit_close(l.audit);
	older(&l, v);
	assert_true(count(v) >= 3);
	verdict = good(&l);
	assert_int_equal(verdict.records, 30 + count(v));
	assert_int_equal(verdict.files, 1 + count(v));
	assert_string_equal(verdict.gone, "");
	assert_int_equal(stat(old_path(&l, v[0]), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_true(st.st_size >= 2000 && st.st_size < 3000);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(stat(l.path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	read_text(l.path, &text);
	(void)snprintf(want, sizeof(want),
		"\"previous\":\"audit.jsonl.%llu\",\"operation\":\"rotate\"", v[count(v) - 1]);
	assert_has(text.p, want);
	(void)snprintf(want, sizeof(want), "{\"seq\":%llu,", v[count(v) - 1] + 1);
	assert_memory_equal(text.p, want, strlen(want));
}

PM_TEST(rotate_removes_what_is_too_old)
{
	unsigned long long v[64];
	struct pm_audit_verdict verdict;
	char gone[40];
	struct log l;

	log_start(&l, 2000, 2);
	log_add(&l, 60);
	pm_audit_close(l.audit);
	older(&l, v);
	assert_int_equal(count(v), 2);
	verdict = good(&l);
	assert_int_equal(verdict.files, 3);
	assert_true(verdict.records < 60);
	(void)snprintf(gone, sizeof(gone), "audit.jsonl.");
	assert_memory_equal(verdict.gone, gone, strlen(gone));

	/* One more than podmox removes is a finding. */
	assert_int_equal(unlink(old_path(&l, v[0])), 0);
	verdict = bad(&l, old_path(&l, v[1]), 1, "podmox did not remove it");
	(void)snprintf(gone, sizeof(gone), "audit.jsonl.%llu", v[0]);
	assert_string_equal(verdict.gone, gone);

	/* More are kept from now on. */
	log_open(&l, 2000, 5);
	log_add(&l, 60);
	pm_audit_close(l.audit);
	older(&l, v);
	assert_int_equal(count(v), 5);
	(void)good(&l);
}

PM_TEST(rotate_finds_tampering_in_every_file)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	unsigned long long v[64];
	char path[400], aside[420];
	char *last;
	struct log l;

	log_start(&l, 2000, 0);
	log_add(&l, 40);
	pm_audit_close(l.audit);
	older(&l, v);
	for (size_t i = 0; v[i]; i++) {
		(void)snprintf(path, sizeof(path), "%s", old_path(&l, v[i]));
		(void)snprintf(aside, sizeof(aside), "%s.aside", path);
		read_text(path, &text);

		/* Changed. */
		*strstr(text.p, "\"ok\"") = '_';
		replace(path, text.p, text.len);
		(void)bad(&l, path, 1, NULL);
		*strstr(text.p, "_ok\"") = '"';

		/* The last record of the file removed, or cut. */
		text.p[text.len - 1] = '\0';
		last = strrchr(text.p, '\n') + 1;
		text.p[text.len - 1] = '\n';
		replace(path, text.p, (size_t)(last - text.p));
		(void)bad(&l, v[i + 1] ? old_path(&l, v[i + 1]) : l.path, 1, "was removed");
		replace(path, text.p, (size_t)(last - text.p) + 50);
		{
			struct pm_audit_verdict verdict;
			struct pm_error err;

			assert_err(pm_audit_verify(l.path, &verdict, &err), PM_E_INVALID, &err,
				"changed");
			assert_string_equal(verdict.file, path);
		}

		/* The file removed. */
		assert_int_equal(rename(path, aside), 0);
		(void)bad(&l, v[i + 1] ? old_path(&l, v[i + 1]) : l.path, 1, "is gone");
		assert_int_equal(rename(aside, path), 0);
		replace(path, text.p, text.len);
		(void)good(&l);
	}

	/* The one that is written to removed, and another begun. */
	assert_int_equal(unlink(l.path), 0);
	log_open(&l, 0, 0);
	log_add(&l, 1);
	pm_audit_close(l.audit);
	(void)bad(&l, l.path, 1, "begun anew");
}

/* Every place where a crash may stop a rotation. */
PM_TEST(rotate_survives_a_crash)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	unsigned long long v[64];
	char rotating[320];
	struct log l;

	log_start(&l, 0, 0);
	log_add(&l, 20);
	pm_audit_close(l.audit);
	(void)snprintf(rotating, sizeof(rotating), "%s.rotating", l.path);

	/* The new file is half written. */
	replace(rotating, "{\"seq\":21,", 10);
	assert_int_equal(good(&l).records, 20);

	/* The old one has its second name, the new one not its place. */
	assert_int_equal(link(l.path, old_path(&l, 20)), 0);
	assert_int_equal(good(&l).records, 20);
	assert_int_equal(good(&l).files, 1);
	log_open(&l, 2000, 0);
	log_add(&l, 1);
	pm_audit_close(l.audit);
	older(&l, v);
	assert_int_equal(count(v), 1);
	assert_int_equal(v[0], 20);
	assert_int_equal(good(&l).records, 22);

	/* The same, but nobody wants to rotate any more. */
	read_text(l.path, &text);
	assert_int_equal(link(l.path, old_path(&l, 22)), 0);
	log_open(&l, 0, 0);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	assert_int_equal(good(&l).records, 25);
	assert_int_equal(good(&l).files, 2);
}

PM_TEST(rotate_that_fails_is_told_and_stops_nothing)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	char rotating[320];
	struct log l;

	log_start(&l, 2000, 0);
	(void)snprintf(rotating, sizeof(rotating), "%s.rotating", l.path);
	assert_int_equal(mkdir(rotating, 0700), 0);
	log_add(&l, 10);
	assert_int_equal(rmdir(rotating), 0);
	read_text(l.path, &text);
	assert_has(text.p, "\"operation\":\"rotate\",\"result\":\"io\",\"details\":\"cannot make ");
	assert_int_equal(good(&l).records, 11);
	assert_int_equal(good(&l).files, 1);
	/* When the reason is gone it is done. */
	log_add(&l, 15);
	assert_true(good(&l).files > 1);
	pm_audit_close(l.audit);
}

/* Torn bytes are vouched for before the file is closed for ever. */
PM_TEST(rotate_waits_for_a_torn_record)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct log l;

	log_start(&l, 0, 0);
	log_add(&l, 20);
	pm_audit_close(l.audit);
	read_text(l.path, &text);
	replace(l.path, text.p, text.len - 10);
	log_open(&l, 2000, 0);
	log_add(&l, 2);
	pm_audit_close(l.audit);
	assert_int_equal(good(&l).records, 19 + 1 + 1 + 1 + 1);
	assert_int_equal(good(&l).files, 2);
}

/* ---- many writers ---- */

#define THREADS 8

struct crowd {
	struct log *l;
	int told; /* a byte for each record that is written; -1: nobody is told */
	unsigned each;
};

static void *write_many(void *arg)
{
	struct crowd *c = arg;
	struct pm_error err;
	long failed = 0;

	for (unsigned i = 0; i < c->each; i++) {
		failed += log_write(c->l, "Pod/shop/web", &err) < 0;
		if (c->told >= 0)
			failed += write(c->told, "", 1) != 1;
	}
	return (void *)failed;
}

static long crowd(struct crowd *c)
{
	pthread_t threads[THREADS];
	long failed = 0;

	for (int i = 0; i < THREADS; i++)
		failed += pthread_create(&threads[i], NULL, write_many, c) != 0;
	for (int i = 0; i < THREADS && failed == 0; i++) {
		void *one;

		failed += pthread_join(threads[i], &one) != 0 || one != NULL;
	}
	return failed;
}

static pid_t child(struct log *l, unsigned each, int told, int64_t bytes)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		struct crowd c = { .l = l, .told = told, .each = each };
		struct pm_error err;

		if (pm_audit_open(l->path, &l->audit, &err) < 0)
			_exit(2);
		pm_audit_rotate(l->audit, bytes, 0);
		_exit(crowd(&c) != 0);
	}
	return pid;
}

PM_TEST(rotate_takes_threads_and_processes)
{
	struct log l;
	pid_t pid[2];

	log_start(&l, 40000, 0);
	pm_audit_close(l.audit);
	for (int i = 0; i < 2; i++)
		pid[i] = child(&l, 100, -1, 40000);
	for (int i = 0; i < 2; i++) {
		int status = 1;

		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_int_equal(status, 0);
	}
	assert_int_equal(good(&l).records, 2 * THREADS * 100 + good(&l).files - 1);
	assert_true(good(&l).files > 5);
}

/* Two processes of eight threads are killed while they write: what somebody was told is written is there,
 * and the log goes on. */
static void killed(unsigned records, int64_t bytes)
{
	struct pm_audit_verdict v;
	struct pm_error err;
	struct log l;
	unsigned told = 0;
	char byte[512];
	int pipes[2];
	pid_t pid[2];

	log_start(&l, bytes, 0);
	pm_audit_close(l.audit);
	assert_int_equal(pipe(pipes), 0);
	for (int i = 0; i < 2; i++)
		pid[i] = child(&l, 1000000, pipes[1], bytes);
	(void)close(pipes[1]);
	while (told < records) {
		ssize_t n = read(pipes[0], byte, sizeof(byte));

		assert_true(n > 0);
		told += (unsigned)n;
	}
	for (int i = 0; i < 2; i++) {
		int status;

		assert_int_equal(kill(pid[i], SIGKILL), 0);
		assert_int_equal(waitpid(pid[i], &status, 0), pid[i]);
		assert_true(WIFSIGNALED(status));
	}
	for (ssize_t n; (n = read(pipes[0], byte, sizeof(byte))) > 0;)
		told += (unsigned)n;
	(void)close(pipes[0]);

	if (pm_audit_verify(l.path, &v, &err) < 0)
		assert_has(err.msg, "unfinished");
	assert_true(v.records >= told);
	/* At most one record of each thread was written, and nobody told; the rest are rotations. */
	assert_true(v.records <= told + 2 * THREADS + v.files - 1);
	log_open(&l, bytes, 0);
	log_add(&l, 1);
	pm_audit_close(l.audit);
	(void)good(&l);
}

PM_TEST(audit_survives_kill)
{
	killed(10000, 0);
}

PM_TEST(rotate_survives_kill)
{
	killed(2000, 30000);
}

/* ---- reading ---- */

struct seen {
	unsigned n, bad;
	uint64_t first, last;
	char text[400]; /* of the last one */
};

static void see(void *arg, const struct pm_audit_entry *e)
{
	struct seen *s = arg;

	s->bad += !e->good;
	if (e->seq == 0)
		return;
	if (s->n++ == 0)
		s->first = e->seq;
	else
		assert_true(e->seq > s->last);
	s->last = e->seq;
	(void)snprintf(s->text, sizeof(s->text), "%s|%s|%s|%s|%s|%s|%s|%s|%s|%s", e->time,
		e->r.operation, e->r.object, e->r.user, e->r.host, e->r.method, e->r.path,
		e->r.keys, e->r.result, e->r.details);
}

static struct seen last(const struct log *l, size_t limit)
{
	struct seen s = { 0 };
	struct pm_error err;

	assert_ok(pm_audit_read(l->path, limit, see, &s, &err), &err);
	return s;
}

PM_TEST(read_gives_the_last_records)
{
	uint64_t all;
	struct seen s;
	struct log l;

	log_start(&l, 2000, 0);
	assert_int_equal(last(&l, 5).n, 0);
	log_add(&l, 50);
	all = good(&l).records;
	s = last(&l, 0);
	assert_int_equal(s.n, all);
	assert_int_equal(s.first, 1);
	for (size_t limit = 1; limit <= all + 1; limit++) {
		s = last(&l, limit);
		assert_int_equal(s.n, limit < all ? limit : all);
		assert_int_equal(s.last, all);
		assert_int_equal(s.bad, 0);
	}
	assert_string_equal(s.text,
		"2026-03-01T12:00:01.000Z|start|Pod/shop/web-49|root@pam|pve1|POST|"
		"/nodes/pve1/lxc/101/status/start||ok|");
	pm_audit_close(l.audit);
}

PM_TEST(read_tells_what_is_no_record)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct seen s = { 0 };
	struct pm_error err;
	struct log l;

	log_start(&l, 0, 0);
	log_add(&l, 3);
	pm_audit_close(l.audit);
	read_text(l.path, &text);
	*strstr(text.p, "root@pam") = 'b';
	(void)pm_buf_adds(&text,
		"nonsense\n{\"seq\":\"x\"}\n\n[1]\n{\"seq\":9,\"operation\":{\"a\":1}}\n{\"se");
	replace(l.path, text.p, text.len);
	s = last(&l, 0);
	assert_int_equal(s.n, 4);
	assert_int_equal(s.bad, 7);
	assert_int_equal(s.last, 9);
	s = last(&l, 2);
	assert_int_equal(s.n, 1);
	assert_int_equal(s.bad, 2);
	assert_int_equal(unlink(l.path), 0);
	assert_err(pm_audit_read(l.path, 1, see, &s, &err), PM_E_NOTFOUND, &err, l.path);
}

/* Somebody reads while others write and rotate. */
PM_TEST(read_beside_writers)
{
	struct crowd c = { .told = -1, .each = 60 };
	pthread_t thread;
	struct log l;
	void *failed;

	log_start(&l, 20000, 0);
	c.l = &l;
	assert_int_equal(pthread_create(&thread, NULL, write_many, &c), 0);
	for (int i = 0; i < 50; i++) {
		(void)good(&l);
		assert_int_equal(last(&l, 0).bad, 0);
	}
	assert_int_equal(pthread_join(thread, &failed), 0);
	assert_null(failed);
	pm_audit_close(l.audit);
	assert_int_equal(good(&l).records, 60 + good(&l).files - 1);
}
