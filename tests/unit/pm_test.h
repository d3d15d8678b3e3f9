/* What every unit test includes: cmocka, PM_TEST, and the few helpers all rooms share.
 *
 *	PM_TEST(buf_grows)
 *	{
 *		struct pm_error err;
 *
 *		assert_ok(pm_something(..., &err), &err);
 *	}
 *
 * One program a room; a test registers itself. Tests do not sleep, do not look at the wall clock, use
 * the loopback device only, and find files of the tree relative to its root. */
#ifndef PM_TEST_H
#define PM_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/error.h"

struct pm_test {
	struct pm_test *next;
	const char *name;
	void (*fn)(void **state);
};

void pm_test_add(struct pm_test *t);

#define PM_TEST(id)                                                         \
	static void test_##id(void **state);                                \
	__attribute__((constructor)) static void pm_test_add_##id(void)     \
	{                                                                   \
		static struct pm_test t = { .name = #id, .fn = test_##id }; \
		pm_test_add(&t);                                            \
	}                                                                   \
	static void test_##id(PM_UNUSED void **state)

/** r is 0 or more; otherwise fails with the message of the error. */
#define assert_ok(r, err) pm_test_ok((r), (err), #r, __FILE__, __LINE__)
void pm_test_ok(int r, const struct pm_error *err, const char *what, const char *file, int line);

/** r is -code, and the error says `part` (NULL: anything). */
#define assert_err(r, code, err, part) \
	pm_test_err((r), (code), (err), (part), #r, __FILE__, __LINE__)
void pm_test_err(int r, enum pm_code code, const struct pm_error *err, const char *part,
	const char *what, const char *file, int line);

/** Does `text` hold `part`? Fails with both when not. */
#define assert_has(text, part) pm_test_has((text), (part), __FILE__, __LINE__)
void pm_test_has(const char *text, const char *part, const char *file, int line);

/** A new empty folder, removed with its content when the program ends. The path lives until then. */
const char *pm_test_dir(void);

/** Writes a file into such a folder (parents are made) and returns its path, which lives until the
 * program ends. */
const char *pm_test_file(const char *dir, const char *name, const char *text);

/** A clock that stands still until somebody waits; then the wait is over at once. Thread-safe. */
struct pm_test_clock {
	struct pm_clock clock; /* give &clock to the code */
	atomic_uint_fast64_t ns;
	atomic_uint waits;
	int64_t wall_ms; /* at ns = 0 */
};
void pm_test_clock_init(struct pm_test_clock *c);

#endif
