/* The log, through a real stderr. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "pm_test.h"

static char text[20000];

static int redirect(void)
{
	int saved = dup(STDERR_FILENO);
	FILE *f = tmpfile();

	assert_non_null(f);
	assert_true(saved >= 0);
	assert_true(dup2(fileno(f), STDERR_FILENO) >= 0);
	assert_int_equal(fclose(f), 0);
	return saved;
}

/* Puts stderr back and leaves in `text` what was written meanwhile. */
static void restore(int saved)
{
	ssize_t n = pread(STDERR_FILENO, text, sizeof(text) - 1, 0);

	(void)dup2(saved, STDERR_FILENO);
	(void)close(saved);
	assert_true(n >= 0);
	text[n] = '\0';
}

PM_TEST(log_text_lines)
{
	int saved = redirect();

	pm_log_setup(PM_LOG_INFO, false);
	pm_info("action done", PM_KV_S("object", "pod/web"), PM_KV_I("ms", 12));
	pm_error("plain");
	pm_warning("odd", PM_KV_S("a", "two words"), PM_KV_S("b", ""), PM_KV_S("c", "x\"y\n\x1b"),
		PM_KV_S("d", (char *)NULL));
	pm_debug("unseen");
	restore(saved);
	assert_string_equal(text,
		"info action done object=pod/web ms=12\n"
		"error plain\n"
		"warning odd a=\"two words\" b=\"\" c=\"x\\\"y\\n\\x1b\" d=\"\"\n");
	pm_log_setup(PM_LOG_WARNING, false);
}

PM_TEST(log_levels)
{
	pm_log_setup(PM_LOG_WARNING, false);
	assert_true(pm_log_enabled(PM_LOG_ERROR));
	assert_true(pm_log_enabled(PM_LOG_WARNING));
	assert_false(pm_log_enabled(PM_LOG_INFO));
	pm_log_setup(PM_LOG_DEBUG, false);
	assert_true(pm_log_enabled(PM_LOG_DEBUG));
	pm_log_setup(PM_LOG_WARNING, false);
}

PM_TEST(log_json_lines)
{
	cleanup_json struct json_object *o = NULL;
	struct pm_error err;
	int saved = redirect();

	pm_log_setup(PM_LOG_INFO, true);
	pm_info("done", PM_KV_S("object", "a\"b"), PM_KV_I("ms", -5));
	restore(saved);
	pm_log_setup(PM_LOG_WARNING, false);
	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	assert_string_equal(pm_json_str(o, "level"), "info");
	assert_string_equal(pm_json_str(o, "msg"), "done");
	assert_string_equal(pm_json_str(o, "object"), "a\"b");
	assert_int_equal(pm_json_int(o, "ms", 0), -5);
	assert_int_equal(strlen(pm_json_str(o, "time")), 24);
}

PM_TEST(log_json_stays_json_when_a_fact_is_too_long)
{
	static char large[10000];
	cleanup_json struct json_object *o = NULL;
	struct pm_error err;
	int saved = redirect();

	memset(large, 'x', sizeof(large) - 1);
	pm_log_setup(PM_LOG_INFO, true);
	pm_info("done", PM_KV_S("object", large));
	restore(saved);
	pm_log_setup(PM_LOG_WARNING, false);
	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	assert_string_equal(pm_json_str(o, "msg"), "done");
}
