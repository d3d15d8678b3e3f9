/* JSON: the stream, the trees, the writer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/json.h"
#include "base/mem.h"
#include "pm_test.h"

/* The events of a text in short: { } [ ] k"key" s"text" n"1" t f z, and ! with the error. Every string
 * is terminated first. Owner: the caller. */
static char *events(const char *json, size_t n)
{
	static const char letters[] = "!.{}[]ksntfz";
	/* On the heap and of the exact size, so that the sanitizer sees every byte beyond. */
	cleanup_free char *copy = pm_xcalloc(1, n + 1);
	struct pm_buf out = PM_BUF(0);
	struct pm_jread r;
	enum pm_json_event e;

	memcpy(copy, json, n);
	pm_jread_init(&r, copy, n);
	do {
		e = pm_jread_next(&r);
		(void)pm_buf_addc(&out, letters[e]);
		if (e == PM_J_KEY || e == PM_J_STRING || e == PM_J_NUMBER) {
			const char *s = pm_jread_term(&r);

			assert_int_equal(s[r.n], 0);
			(void)pm_buf_addc(&out, '"');
			(void)pm_buf_add(&out, s, r.n);
			(void)pm_buf_addc(&out, '"');
		}
	} while (e != PM_J_END && e != PM_J_ERROR);
	if (e == PM_J_ERROR) {
		(void)pm_buf_adds(&out, r.error);
		assert_int_equal(pm_jread_next(&r), PM_J_ERROR);
	} else {
		assert_int_equal(pm_jread_next(&r), PM_J_END);
	}
	return pm_buf_steal(&out);
}

static void expect(const char *json, const char *want)
{
	cleanup_free char *got = events(json, strlen(json));

	assert_string_equal(got, want);
}

PM_TEST(jread_reads_values)
{
	expect("{}", "{}.");
	expect("[]", "[].");
	expect(" [ ] \r\n\t", "[].");
	expect("true", "t.");
	expect("false", "f.");
	expect("null", "z.");
	expect("\"\"", "s\"\".");
	expect("\"abc\"", "s\"abc\".");
	expect("12", "n\"12\".");
	expect("12 ", "n\"12\".");
	expect(" 12\n", "n\"12\".");
	expect("[1,2 ,3]", "[n\"1\"n\"2\"n\"3\"].");
	expect("{\"a\":1,\"b\":[true,null],\"c\":{}}", "{k\"a\"n\"1\"k\"b\"[tz]k\"c\"{}}.");
	expect("{\"a\" : \"x\" , \"b\" : -0.5e+10 }", "{k\"a\"s\"x\"k\"b\"n\"-0.5e+10\"}.");
	expect("[[[]],[{}]]", "[[[]][{}]].");
}

PM_TEST(jread_resolves_escapes_in_place)
{
	expect("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "s\"\"\\/\b\f\n\r\t\".");
	expect("\"a\\u0041b\\u00e4c\\u20acd\"", "s\"aAb\xc3\xa4"
						"c\xe2\x82\xac"
						"d\".");
	expect("\"\\ud83d\\ude00\"", "s\"\xf0\x9f\x98\x80\".");
	expect("\"\\ud800\\udc00\\udbff\\udfff\"", "s\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\".");
	expect("\"\\u0041xudc00\"", "s\"Axudc00\".");
	expect("\"long text before it\\nand long text behind it\"",
		"s\"long text before it\nand long text behind it\".");
	expect("{\"k\\u0065y\":\"\\u0076\"}", "{k\"key\"s\"v\"}.");
	expect("\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\\n\xc3\xa4\"",
		"s\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\n\xc3\xa4\".");
}

PM_TEST(jread_reads_half_a_surrogate_pair_as_a_replacement)
{
	expect("\"\\ud83d\"", "s\"\xef\xbf\xbd\".");
	expect("\"\\ude00\"", "s\"\xef\xbf\xbd\".");
	expect("\"\\ud83dx\"", "s\"\xef\xbf\xbdx\".");
	expect("\"\\ud83d\\u0041\"", "s\"\xef\xbf\xbd"
				     "A\".");
	expect("\"\\ud83d\\n\"", "s\"\xef\xbf\xbd\n\".");
	expect("\"\\ud83d\\ud83d\\ude00\"", "s\"\xef\xbf\xbd\xf0\x9f\x98\x80\".");
}

PM_TEST(jread_strings_may_hold_nul)
{
	static const char want[] = "s\"a\0b\".";
	cleanup_free char *got = events("\"a\\u0000b\"", 10);

	assert_memory_equal(got, want, sizeof(want));
}

PM_TEST(jread_refuses_what_is_no_json)
{
	static const struct {
		const char *json, *error;
	} rows[] = {
		{ "", "the text ends too early" },
		{ "  ", "the text ends too early" },
		{ "[", "the text ends too early" },
		{ "[1", "the text ends too early" },
		{ "[1,", "the text ends too early" },
		{ "{", "the text ends too early" },
		{ "{\"a\"", "the text ends too early" },
		{ "{\"a\":", "the text ends too early" },
		{ "{\"a\":1", "the text ends too early" },
		{ "\"abc", "the text ends too early" },
		{ "\"abcdefghijklmnopqrstuvwxyz", "the text ends too early" },
		{ "-", "the text ends too early" },
		{ "1.", "the text ends too early" },
		{ "1e", "the text ends too early" },
		{ "[1,]", "a value is expected" },
		{ "[,1]", "a value is expected" },
		{ "{\"a\":}", "a value is expected" },
		{ "{\"a\":1,}", "a key in quotes is expected" },
		{ "{,}", "a key in quotes is expected" },
		{ "{a:1}", "a key in quotes is expected" },
		{ "{\"a\",1}", "a colon is expected" },
		{ "[1 2]", "a comma or ] is expected" },
		{ "[1}", "a comma or ] is expected" },
		{ "{\"a\":1]", "a comma or } is expected" },
		{ "{\"a\":1 \"b\":2}", "a comma or } is expected" },
		{ "]", "a value is expected" },
		{ "1 2", "text after the end" },
		{ "{} x", "text after the end" },
		{ "nul", "an unknown word" },
		{ "[truE]", "an unknown word" },
		{ "[True]", "a value is expected" },
		{ "[NaN]", "a value is expected" },
		{ "[nan]", "an unknown word" },
		{ "'a'", "a value is expected" },
		{ "[01]", "a number is malformed" },
		{ "[-01]", "a number is malformed" },
		{ "[1.e5]", "a number is malformed" },
		{ "[1e+]", "a number is malformed" },
		{ "[--1]", "a number is malformed" },
		{ "[1x]", "a number is malformed" },
		{ "1,", "a number is malformed" },
		{ "[.5]", "a value is expected" },
		{ "[+5]", "a value is expected" },
		{ "\"\\x\"", "an unknown escape" },
		{ "\"\\u12g4\"", "an unknown escape" },
		{ "\"\\u12\"", "an unknown escape" },
		{ "\"\\", "an unknown escape" },
		{ "\"a\nb\"", "a control character" },
		{ "\"abcdefghi\tjklmnopqrs\"", "a control character" },
		{ "\"\xff\"", "not UTF-8" },
		{ "\"abcdefghijk\xc3\"", "not UTF-8" },
		{ "\"\xed\xa0\x80\"", "not UTF-8" },
		{ "// x\n1", "a value is expected" },
		{ "\xef\xbb\xbf{}", "a value is expected" },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		cleanup_free char *got = events(rows[i].json, strlen(rows[i].json));
		const char *error = strrchr(got, '!');

		if (!error || (!strstr(error, rows[i].error) && !strstr(error, "too early")))
			print_error("%s\n", rows[i].json);
		assert_non_null(error);
		assert_has(error, rows[i].error);
	}
}

PM_TEST(jread_refuses_nul_bytes_between_tokens)
{
	cleanup_free char *a = events("[1,\0002]", 6);
	cleanup_free char *b = events("1\0", 2);
	cleanup_free char *c = events("\"a\0b\"", 5);

	assert_string_equal(a, "[n\"1\"!a value is expected");
	assert_string_equal(b, "!a number is malformed");
	assert_string_equal(c, "!a control character in a string");
}

PM_TEST(jread_goes_64_levels_deep)
{
	char text[200];
	cleanup_free char *ok = NULL;
	cleanup_free char *bad = NULL;

	memset(text, '[', 64);
	memset(text + 64, ']', 64);
	ok = events(text, 128);
	assert_int_equal(strlen(ok), 129);
	memset(text, '[', 65);
	bad = events(text, 65);
	assert_string_equal(bad + 64, "!more than 64 levels");
}

PM_TEST(jread_finds_every_special_byte_at_every_offset)
{
	/* Strings are scanned eight bytes at a time: each byte of the eight must be looked at. */
	static const char special[] = { '"', '\\', '\n', '\x1f', '\0', '\x80' };

	for (size_t at = 0; at < 24; at++) {
		for (size_t i = 0; i < sizeof(special); i++) {
			char json[40] = "\"";
			cleanup_free char *got = NULL;

			memset(json + 1, 'x', 30);
			json[31] = '"';
			json[1 + at] = special[i];
			got = events(json, 32);
			assert_non_null(strchr(got, '!'));
		}
	}
}

PM_TEST(jread_skips_whole_values)
{
	char text[] = "{\"a\":{\"b\":[1,{\"c\":2}]},\"d\":7,\"e\":[]}";
	struct pm_jread r;

	pm_jread_init(&r, text, strlen(text));
	assert_int_equal(pm_jread_next(&r), PM_J_OBJECT);
	assert_int_equal(pm_jread_next(&r), PM_J_KEY);
	assert_true(pm_jread_is(&r, "a"));
	assert_false(pm_jread_is(&r, "ab"));
	assert_false(pm_jread_is(&r, "b"));
	assert_true(pm_jread_skip(&r, pm_jread_next(&r)));
	assert_int_equal(pm_jread_next(&r), PM_J_KEY);
	assert_true(pm_jread_is(&r, "d"));
	assert_true(pm_jread_skip(&r, pm_jread_next(&r)));
	assert_int_equal(pm_jread_next(&r), PM_J_KEY);
	assert_true(pm_jread_skip(&r, pm_jread_next(&r)));
	assert_int_equal(pm_jread_next(&r), PM_J_OBJECT_END);
	assert_int_equal(pm_jread_next(&r), PM_J_END);
}

PM_TEST(jread_skip_reports_bad_json)
{
	char text[] = "[[1,]]";
	struct pm_jread r;

	pm_jread_init(&r, text, strlen(text));
	assert_false(pm_jread_skip(&r, pm_jread_next(&r)));
	assert_false(pm_jread_skip(&r, pm_jread_next(&r)));
}

PM_TEST(jread_errors_have_a_place)
{
	char text[] = "{\n  \"a\": tru\n}";
	char cut[] = "\"a\nb\"";
	struct pm_jread r;
	struct pm_error err;

	pm_jread_init(&r, text, strlen(text));
	(void)pm_jread_next(&r);
	(void)pm_jread_next(&r);
	assert_int_equal(pm_jread_next(&r), PM_J_ERROR);
	assert_err(pm_jread_error(&r, "x", &err), PM_E_PROTOCOL, &err, "an unknown word");
	assert_int_equal(err.line, 2);
	assert_int_equal(err.column, 8);
	/* At a line's end it is still that line. */
	pm_jread_init(&r, cut, strlen(cut));
	assert_int_equal(pm_jread_next(&r), PM_J_ERROR);
	assert_err(pm_jread_error(&r, "x", &err), PM_E_PROTOCOL, &err, "a control character");
	assert_int_equal(err.line, 1);
	assert_int_equal(err.column, 3);
}

PM_TEST(json_tree)
{
	static const char text[] = "{\"s\":\"x\",\"i\":-5,\"d\":1.50,\"b\":true,\"z\":null,"
				   "\"l\":[1,\"two\",{}],\"big\":18446744073709551615}";
	cleanup_json struct json_object *o = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	assert_string_equal(pm_json_str(o, "s"), "x");
	assert_string_equal(pm_json_str(o, "i"), "-5");
	assert_string_equal(pm_json_str(o, "d"), "1.50");
	assert_string_equal(pm_json_str(o, "b"), "true");
	assert_null(pm_json_str(o, "z"));
	assert_null(pm_json_str(o, "l"));
	assert_null(pm_json_str(o, "none"));
	assert_int_equal(json_object_array_length(pm_json_get(o, "l")), 3);
	assert_string_equal(pm_json_str(o, "big"), "18446744073709551615");
	assert_string_equal(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN), text);
	assert_null(pm_json_get(NULL, "a"));
	assert_null(pm_json_get(pm_json_get(o, "l"), "a"));
}

PM_TEST(json_lenient_integers)
{
	static const char text[] =
		"{\"a\":5,\"b\":\"6\",\"c\":true,\"d\":7.9,\"e\":\"8.5\",\"f\":\"x\","
		"\"g\":[],\"h\":1e300,\"i\":\"\",\"j\":\"5 \"}";
	cleanup_json struct json_object *o = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	assert_int_equal(pm_json_int(o, "a", -1), 5);
	assert_int_equal(pm_json_int(o, "b", -1), 6);
	assert_int_equal(pm_json_int(o, "c", -1), 1);
	assert_int_equal(pm_json_int(o, "d", -1), 7);
	assert_int_equal(pm_json_int(o, "e", -1), 8);
	assert_int_equal(pm_json_int(o, "f", -1), -1);
	assert_int_equal(pm_json_int(o, "g", -1), -1);
	assert_int_equal(pm_json_int(o, "h", -1), -1);
	assert_int_equal(pm_json_int(o, "i", -1), -1);
	assert_int_equal(pm_json_int(o, "j", -1), -1);
	assert_int_equal(pm_json_int(o, "none", -1), -1);
}

PM_TEST(json_lenient_booleans)
{
	static const char text[] =
		"{\"a\":1,\"b\":0,\"c\":\"1\",\"d\":\"0\",\"e\":true,\"f\":\"no\","
		"\"g\":\"on\",\"h\":\"maybe\",\"i\":[],\"j\":2,\"k\":\"true\",\"l\":\"false\"}";
	cleanup_json struct json_object *o = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse(text, strlen(text), &o, &err), &err);
	assert_true(pm_json_bool(o, "a", false));
	assert_false(pm_json_bool(o, "b", true));
	assert_true(pm_json_bool(o, "c", false));
	assert_false(pm_json_bool(o, "d", true));
	assert_true(pm_json_bool(o, "e", false));
	assert_false(pm_json_bool(o, "f", true));
	assert_true(pm_json_bool(o, "g", false));
	assert_true(pm_json_bool(o, "h", true));
	assert_false(pm_json_bool(o, "h", false));
	assert_true(pm_json_bool(o, "i", true));
	assert_true(pm_json_bool(o, "j", false));
	assert_true(pm_json_bool(o, "k", false));
	assert_false(pm_json_bool(o, "l", true));
	assert_false(pm_json_bool(NULL, "j", false));
}

PM_TEST(json_tree_of_a_scalar_or_of_nothing)
{
	struct json_object *o = NULL;
	struct pm_error err;

	assert_ok(pm_json_parse("null", 4, &o, &err), &err);
	assert_null(o);
	assert_ok(pm_json_parse("12", 2, &o, &err), &err);
	assert_int_equal(json_object_get_int64(o), 12);
	pm_json_putp(&o);
	assert_null(o);
	assert_err(pm_json_parse("", 0, &o, &err), PM_E_PROTOCOL, &err, "ends too early");
	assert_err(pm_json_parse("{\"a\":[1,", 8, &o, &err), PM_E_PROTOCOL, &err, "ends too early");
	assert_err(
		pm_json_parse("<html>", 6, &o, &err), PM_E_PROTOCOL, &err, "a value is expected");
	assert_err(pm_json_parse("{\"a\\u0000\":1}", 13, &o, &err), PM_E_PROTOCOL, &err, "NUL");
	assert_err(pm_json_parse("", (size_t)INT32_MAX, &o, &err), PM_E_LIMIT, &err, "too large");
	assert_null(o);
}

PM_TEST(json_writer)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "s", "a\"b\\c\n\t\r\b\f\x01\x7f\xc3\xa4\xff");
	pm_jw_str(&w, "z", NULL);
	pm_jw_strn(&w, "n", "a\0b", 3);
	pm_jw_int(&w, "i", INT64_MIN);
	pm_jw_bool(&w, "t", true);
	pm_jw_bool(&w, "f", false);
	pm_jw_array(&w, "l");
	pm_jw_int(&w, NULL, 1);
	pm_jw_object(&w, NULL);
	pm_jw_object_end(&w);
	pm_jw_array(&w, NULL);
	pm_jw_array_end(&w);
	pm_jw_array_end(&w);
	pm_jw_raw(&w, "r", "[1]");
	pm_jw_object_end(&w);
	assert_string_equal(pm_buf_str(&b),
		"{\"s\":\"a\\\"b\\\\c\\n\\t\\r\\b\\f\\u0001\x7f\xc3\xa4\xef\xbf\xbd\",\"z\":null,"
		"\"n\":\"a\\u0000b\",\"i\":-9223372036854775808,\"t\":true,\"f\":false,"
		"\"l\":[1,{},[]],\"r\":[1]}");
}

PM_TEST(json_written_text_is_read_back)
{
	struct pm_buf b = PM_BUF(0);
	struct pm_jwrite w = { .out = &b };
	struct pm_jread r;
	char all[256];

	for (int i = 0; i < 128; i++)
		all[i] = (char)i;
	pm_jw_strn(&w, NULL, all, 128);
	pm_jread_init(&r, b.p, b.len);
	assert_int_equal(pm_jread_next(&r), PM_J_STRING);
	assert_int_equal(r.n, 128);
	assert_memory_equal(r.s, all, 128);
	assert_int_equal(pm_jread_next(&r), PM_J_END);
	pm_buf_done(&b);
}
