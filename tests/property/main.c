/* Many random trials, in as many processes as there are processors:
 *
 *	property [--seed N|random] [--runs N] [--log FILE]
 *
 * One trial has the seed N, the next one N + 1, and so on, until as many specs were tried. A trial that
 * fails is shrunk and printed as manifests, with the command that repeats it. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "property.h"

#define MOST_WORKERS  16
#define MOST_FAILURES 3
#define MOST_KINDS    8
#define LOGGED        4 /* trials of the first worker whose requests are written down */

/* What the processes share. */
struct board {
	atomic_uint_fast64_t next; /* trial that nobody took yet */
	atomic_uint_fast64_t trials, specs[MOST_KINDS];
	atomic_uint_fast64_t compared, skipped, poked, requests;
	atomic_uint failures;
	uint64_t failed[MOST_FAILURES]; /* their seeds */
	struct {
		uint64_t seed;
		bool busy;
	} worker[MOST_WORKERS];
};

struct asked {
	uint64_t seed, runs;
	const char *log;
};

/* ---- a worker ---- */

static bool is_enough(struct board *b, uint64_t runs)
{
	for (unsigned i = 0; pm_kinds[i] && i < MOST_KINDS; i++)
		if (pm_kinds[i]->envelope && atomic_load(&b->specs[i]) < runs)
			return false;
	return true;
}

static void note(struct board *b, const struct trial *t, const struct tally *tally)
{
	atomic_fetch_add(&b->trials, 1);
	for (unsigned i = 0; pm_kinds[i] && i < MOST_KINDS; i++)
		atomic_fetch_add(&b->specs[i], pm_trial_count(t, pm_kinds[i]));
	atomic_fetch_add(&b->compared, tally->compared);
	atomic_fetch_add(&b->skipped, tally->skipped);
	atomic_fetch_add(&b->poked, tally->poked);
	atomic_fetch_add(&b->requests, tally->requests);
}

static void note_failure(struct board *b, uint64_t seed)
{
	unsigned n = atomic_fetch_add(&b->failures, 1);

	if (n < MOST_FAILURES)
		b->failed[n] = seed;
}

static void work(struct board *b, unsigned me, const struct asked *asked)
{
	unsigned done = 0;

	while (!is_enough(b, asked->runs) && atomic_load(&b->failures) < MOST_FAILURES) {
		struct failure f = { .text = PM_BUF(0) };
		uint64_t n = atomic_fetch_add(&b->next, 1);
		FILE *log =
			asked->log && me == 0 && done++ < LOGGED ? fopen(asked->log, "ae") : NULL;
		struct tally tally = { 0 };
		struct trial *t;

		b->worker[me].seed = asked->seed + n;
		b->worker[me].busy = true;
		(void)alarm(120);
		t = pm_trial_new(asked->seed + n);
		if (!pm_trial_run(t, &f, &tally, log))
			note_failure(b, asked->seed + n);
		note(b, t, &tally);
		pm_trial_free(t);
		pm_buf_done(&f.text);
		if (log)
			(void)fclose(log);
		b->worker[me].busy = false;
	}
}

static void run_workers(struct board *b, const struct asked *asked)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned n = cpus < 1 ? 1 : cpus > MOST_WORKERS ? MOST_WORKERS : (unsigned)cpus;
	pid_t child[MOST_WORKERS];

	(void)fflush(NULL);
	for (unsigned i = 0; i < n; i++) {
		child[i] = fork();
		if (child[i] == 0) {
			work(b, i, asked);
			/* Destructors take the folders away. */
			return;
		}
	}
	for (unsigned i = 0; i < n; i++) {
		int status;

		(void)waitpid(child[i], &status, 0);
		/* It did not come back from a trial. */
		if (b->worker[i].busy)
			note_failure(b, b->worker[i].seed);
	}
}

/* ---- what came of it ---- */

static void report(const struct trial *t, const struct failure *f)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	const char *why;

	if (pm_trial_valid(t, &why) || getenv("PROPERTY_ALL"))
		pm_trial_print(t, &text);
	(void)printf("%s\n%s%s", f->property, pm_buf_str(&f->text), pm_buf_str(&text));
}

static void explain(uint64_t seed)
{
	struct failure f = { .text = PM_BUF(0) }, g = { .text = PM_BUF(0) };
	struct trial *t = pm_trial_new(seed), *small;

	(void)printf("\nseed %llu: ", (unsigned long long)seed);
	if (pm_trial_try(t, &f)) {
		(void)printf("did not fail again\n");
		pm_trial_free(t);
		return;
	}
	small = pm_shrink(t, &f);
	if (pm_trial_try(small, &g))
		report(t, &f);
	else
		report(small, &g);
	(void)printf("again: make test-property PROPERTY_SEED=%llu PROPERTY_RUNS=1\n",
		(unsigned long long)seed);
	pm_trial_free(small);
	pm_trial_free(t);
	pm_buf_done(&f.text);
	pm_buf_done(&g.text);
}

static int summary(struct board *b, const struct asked *asked)
{
	unsigned failures = atomic_load(&b->failures);
	uint64_t trials = atomic_load(&b->trials);

	(void)printf("seeds %llu to %llu:", (unsigned long long)asked->seed,
		(unsigned long long)(asked->seed + atomic_load(&b->next) - 1));
	for (unsigned i = 0; pm_kinds[i] && i < MOST_KINDS; i++)
		if (pm_kinds[i]->envelope)
			(void)printf(" %llu %s,", (unsigned long long)atomic_load(&b->specs[i]),
				pm_kinds[i]->plural);
	(void)printf(" %llu compared, %llu not, %llu values by hand, %llu requests\n",
		(unsigned long long)atomic_load(&b->compared),
		(unsigned long long)atomic_load(&b->skipped),
		(unsigned long long)atomic_load(&b->poked),
		(unsigned long long)atomic_load(&b->requests));
	for (unsigned i = 0; i < failures && i < MOST_FAILURES; i++)
		explain(b->failed[i]);
	(void)printf("property: %llu passed, %u failed\n",
		(unsigned long long)(trials - (failures < trials ? failures : trials)), failures);
	return failures > 0;
}

/* ---- the command ---- */

static bool number(const char *text, uint64_t *ret)
{
	int64_t n;

	if (pm_parse_int(text, 0, INT64_MAX, &n) < 0)
		return false;
	*ret = (uint64_t)n;
	return true;
}

static bool read_args(int argc, char **argv, struct asked *ret)
{
	for (int i = 1; i + 1 < argc; i += 2) {
		bool ok = true;

		if (pm_str_eq(argv[i], "--log"))
			ret->log = argv[i + 1];
		else if (pm_str_eq(argv[i], "--runs"))
			ok = number(argv[i + 1], &ret->runs);
		else if (!pm_str_eq(argv[i], "--seed"))
			ok = false;
		else if (pm_str_eq(argv[i + 1], "random"))
			pm_random_bytes(&ret->seed, 4);
		else
			ok = number(argv[i + 1], &ret->seed);
		if (!ok)
			return false;
	}
	return argc % 2 == 1;
}

int main(int argc, char **argv)
{
	struct asked asked = { .seed = 1, .runs = 20000 };
	pid_t me = getpid();
	struct board *b;

	if (!read_args(argc, argv, &asked)) {
		(void)fprintf(
			stderr, "usage: property [--seed N|random] [--runs N] [--log FILE]\n");
		return 64;
	}
	b = mmap(NULL, sizeof(*b), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(b != MAP_FAILED);
	if (asked.log)
		(void)unlink(asked.log);
	(void)printf("property: from seed %llu on\n", (unsigned long long)asked.seed);
	run_workers(b, &asked);
	if (getpid() != me)
		return 0;
	return summary(b, &asked);
}
