/* Scalars for people. */
#include <json-c/json.h>
#include <string.h>

#include "base/json.h"
#include "cli/cli_priv.h"
#include "pm_test.h"

static void reads(const char *key, const char *json, const char *expect)
{
	struct pm_buf out = PM_BUF(0);
	struct json_object *v = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse(json, strlen(json), &v, &err), &err);
	pm_human(&out, key, v);
	assert_string_equal(pm_buf_str(&out), expect);
	pm_buf_done(&out);
	pm_json_putp(&v);
}

PM_TEST(human_sizes)
{
	reads("mem", "0", "0");
	reads("mem", "1023", "1023");
	reads("mem", "1024", "1.0K");
	reads("maxmem", "1073741824", "1.0G");
	reads("memory.total", "25276514304", "23.5G");
	reads("maxdisk", "270553174016", "252G");
	reads("size", "1125899906842624", "1.0P");
	reads("size", "9223372036854775000", "9223372036854775000");
	reads("size", "-1", "-1");
	reads("size", "\"8G\"", "8G");
	reads("memory", "512", "512");
}

PM_TEST(human_times_and_shares)
{
	reads("uptime", "59", "59s");
	reads("uptime", "61", "1m 1s");
	reads("uptime", "7260", "2h 1m");
	reads("uptime", "266400", "3d 2h");
	reads("starttime", "1772366400", "2026-03-01 12:00:00Z");
	reads("cpu", "0.0123", "1.2%");
	reads("online", "1", "yes");
	reads("online", "0", "no");
	reads("ksm.shared", "0", "0");
	reads("any", "true", "yes");
}

PM_TEST(human_texts)
{
	struct pm_buf out = PM_BUF(0);
	struct json_object *v = json_object_new_string("a\033[31mb\n");

	reads("name", "null", "-");
	reads("loadavg", "[\"0.1\", \"0.2\"]", "0.1, 0.2");
	reads("conf", "{\"a\": 1}", "{\"a\":1}");
	pm_human(&out, "name", v);
	assert_null(memchr(pm_buf_str(&out), '\033', out.len));
	assert_null(memchr(pm_buf_str(&out), '\n', out.len));
	pm_buf_done(&out);
	(void)json_object_put(v);
}

PM_TEST(human_fits_whole_characters)
{
	assert_int_equal(pm_fitting("abc", 3, 2), 2);
	assert_int_equal(pm_fitting("abc", 3, 3), 3);
	assert_int_equal(pm_fitting("\xc3\xa4\xc3\xb6", 4, 1), 2);
	assert_int_equal(pm_fitting("\xe6\x97\xa5x", 4, 2), 3); /* two columns wide */
	assert_int_equal(pm_fitting("\xe6\x97\xa5x", 4, 1), 0);
	assert_int_equal(pm_fitting("", 0, 5), 0);
}
