/* Errors: setting, wrapping, cutting, and the table of codes. */
#include <errno.h>
#include <string.h>

#include "base/error.h"
#include "base/text.h"
#include "pm_test.h"

PM_TEST(error_set_returns_its_code_and_clears_the_rest)
{
	struct pm_error err = { .http_status = 500, .maybe_sent = true, .where = "old" };

	assert_int_equal(pm_error_set(&err, PM_E_BUSY, "%s is %d", "it", 3), -PM_E_BUSY);
	assert_int_equal(err.code, PM_E_BUSY);
	assert_string_equal(err.msg, "it is 3");
	assert_string_equal(err.where, "");
	assert_int_equal(err.http_status, 0);
	assert_false(err.maybe_sent);
}

PM_TEST(error_of_the_system)
{
	struct pm_error err;

	assert_int_equal(pm_error_sys(&err, ENOENT, "cannot read %s", "x"), -PM_E_IO);
	assert_int_equal(err.sys_errno, ENOENT);
	assert_string_equal(err.msg, "cannot read x: No such file or directory");
}

PM_TEST(error_wrap_puts_context_in_front_and_keeps_the_facts)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_INVALID, "inner");
	err.http_status = 400;
	err.maybe_sent = true;
	assert_int_equal(pm_error_wrap(&err, "outer %d", 1), -PM_E_INVALID);
	assert_string_equal(err.msg, "outer 1: inner");
	assert_int_equal(err.http_status, 400);
	assert_true(err.maybe_sent);
}

PM_TEST(error_may_quote_itself)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_IO, "inner");
	(void)pm_error_set(&err, PM_E_BUG, "again: %s", err.msg);
	assert_string_equal(err.msg, "again: inner");
}

PM_TEST(error_texts_are_cut_between_characters)
{
	struct pm_error err;
	char text[2000];

	/* Three bytes a character: the cut must not leave half of one. */
	for (size_t i = 0; i + 3 <= 1500; i += 3)
		memcpy(text + i, "\xe2\x82\xac", 3);
	text[1500] = '\0';
	for (size_t shift = 0; shift < 3; shift++) {
		size_t n;

		(void)pm_error_set(&err, PM_E_IO, "%.*s%s", (int)shift, "ab", text);
		n = strlen(err.msg);
		assert_true(n < sizeof(err.msg) && n > sizeof(err.msg) - 8);
		assert_string_equal(err.msg + n - 3, "...");
		assert_int_equal(pm_utf8_valid(err.msg, n), n);
	}
	(void)pm_error_where(&err, "%s", text);
	assert_true(strlen(err.where) < sizeof(err.where));
	assert_string_equal(err.where + strlen(err.where) - 3, "...");
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(err.msg) - 1] = '\0';
	(void)pm_error_set(&err, PM_E_IO, "%s", text);
	assert_string_equal(err.msg, text);
}

PM_TEST(error_shows_control_characters)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_IO, "a\x1b[2Jb\nc%s", "\t");
	assert_string_equal(err.msg, "a\\x1b[2Jb\\nc\\t");
	(void)pm_error_wrap(&err, "x\ny");
	assert_string_equal(err.msg, "x\\ny: a\\x1b[2Jb\\nc\\t");
}

PM_TEST(error_says_where)
{
	struct pm_error err;

	(void)pm_error_set(&err, PM_E_INPUT, "wrong");
	assert_int_equal(pm_error_at(&err, (struct pm_pos){ "web.yaml", 12, 3 }), -PM_E_INPUT);
	assert_string_equal(err.where, "web.yaml");
	assert_int_equal(err.line, 12);
	assert_int_equal(err.column, 3);
	(void)pm_error_at(&err, (struct pm_pos){ 0 });
	assert_string_equal(err.where, "");
}

PM_TEST(codes_have_facts)
{
	assert_true(pm_code_retryable(PM_E_LOCKED));
	assert_false(pm_code_retryable(PM_E_INPUT));
	assert_int_equal(pm_code_exit(PM_OK), 0);
	assert_int_equal(pm_code_exit(PM_E_INPUT), 65);
	assert_int_equal(pm_code_exit(PM_E_CANCELLED), 130);
	assert_string_equal(pm_code_name(PM_E_NOTFOUND), "not-found");
	for (int c = 0; c < PM_CODE_MAX; c++) {
		const char *doc = pm_code_doc((enum pm_code)c);

		assert_true(strlen(pm_code_name((enum pm_code)c)) > 0);
		assert_int_equal(doc[strlen(doc) - 1], '.');
	}
	assert_string_equal(pm_code_name(PM_CODE_MAX), "unknown");
	assert_string_equal(pm_code_doc((enum pm_code) - 1), "");
	assert_int_equal(pm_code_exit(PM_CODE_MAX), 1);
	assert_false(pm_code_retryable(PM_CODE_MAX));
}
