/* The main function of every unit test program: collects the tests that registered themselves, runs
 * those whose name holds the pattern given as argument, and prints the sum. A second argument, "1/4", takes the
 * second of every four of them; PM_SKIP leaves out those whose name begins with it. */
#include <libgen.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "pm_test.h"

static struct pm_test *first;
static struct pm_test **last = &first;
static size_t registered, passed;

void pm_test_add(struct pm_test *t)
{
	*last = t;
	last = &t->next;
	registered++;
}

/* A test that fails or is skipped does not return. */
static void run(void **state)
{
	const struct pm_test *t = *state;

	t->fn(state);
	passed++;
}

static bool is_meant(const struct pm_test *t, const char *pattern)
{
	const char *skip = getenv("PM_SKIP");

	return strstr(t->name, pattern) &&
	       (!skip || !*skip || strncmp(t->name, skip, strlen(skip)) != 0);
}

int main(int argc, char **argv)
{
	const char *pattern = argc > 1 ? argv[1] : "";
	struct CMUnitTest *tests = calloc(registered + 1, sizeof(*tests));
	unsigned share = 0, shares = 1, met = 0;
	size_t n = 0;
	int failed;

	if (!tests ||
		(argc > 2 && (sscanf(argv[2], "%u/%u", &share, &shares) != 2 || share >= shares)))
		return 1;
	for (struct pm_test *t = first; t; t = t->next) {
		if (is_meant(t, pattern) && met++ % shares == share)
			tests[n++] = (struct CMUnitTest){
				.name = t->name, .test_func = run, .initial_state = t
			};
	}
	/* A test that hangs ends the program instead of the patience of whoever waits. */
	alarm(600);
	failed = n > 0 ? _cmocka_run_group_tests(basename(argv[0]), tests, n, NULL, NULL) : 0;
	fflush(stderr);
	if (passed + (size_t)failed < n)
		printf("skipped: %zu\n", n - passed - (size_t)failed);
	printf("unit/%s: %zu passed, %d failed\n", basename(argv[0]), passed, failed);
	free(tests);
	return failed != 0;
}
