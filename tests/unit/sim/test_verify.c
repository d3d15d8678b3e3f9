/* Verification of parameters by a description in PVE's form, and the patterns in it. */
#include "sim/call_priv.h"
#include "sim_test.h"

static const char description[] =
	"[{\"path\":\"/pools\",\"leaf\":0,\"info\":{\"POST\":{\"method\":\"POST\",\"parameters\":{"
	"\"additionalProperties\":0,\"properties\":{"
	"\"poolid\":{\"type\":\"string\",\"format\":\"pve-poolid\"},"
	"\"comment\":{\"type\":\"string\",\"optional\":1,\"maxLength\":5,\"minLength\":2},"
	"\"n\":{\"type\":\"integer\",\"optional\":1,\"minimum\":\"2\",\"maximum\":9,\"requires\":\"on\"},"
	"\"real\":{\"type\":\"number\",\"optional\":1},\"on\":{\"type\":\"boolean\",\"optional\":1},"
	"\"word\":{\"type\":\"string\",\"optional\":1,\"enum\":[\"a\",\"b\"]},"
	"\"list\":{\"type\":\"string\",\"format\":\"pve-vmid-list\",\"optional\":1},"
	"\"code\":{\"type\":\"string\",\"pattern\":\"(?^:0[0-7]{3}|x+)\",\"optional\":1},"
	"\"net[n]\":{\"type\":\"string\",\"optional\":1,\"format\":{"
	"\"name\":{\"type\":\"string\",\"pattern\":\"[-_.\\\\w\\\\d]+\"},"
	"\"ip\":{\"type\":\"string\",\"format\":\"pve-ipv4-config\",\"optional\":1},"
	"\"up\":{\"type\":\"boolean\",\"optional\":1}}},"
	"\"vol\":{\"type\":\"string\",\"optional\":1,\"format\":{"
	"\"volume\":{\"type\":\"string\",\"default_key\":1},"
	"\"size\":{\"type\":\"string\",\"format\":\"disk-size\",\"optional\":1}}}}}}},\"children\":[]}]";

static void check(struct world *w, const char *body, const char *key, const char *text)
{
	const struct answer *a = ask(w, "POST", "/pools", body);

	assert_string_equal(error_of(a, key), text);
	assert_int_equal(a->status, *text ? 400 : 200);
	if (!*text)
		assert_int_equal(ask(w, "DELETE", "/pools/p", NULL)->status, 200);
}

PM_TEST(sim_verify)
{
	static const struct {
		const char *body, *key, *text;
	} cases[] = {
		{ "poolid=p", "poolid", "" },
		{ "", "poolid", "property is missing and it is not optional" },
		{ "poolid=", "poolid", "property is missing and it is not optional" },
		{ "poolid=a%20b", "poolid",
			"invalid format - pool name 'a b' contains invalid characters\n" },
		{ "poolid=p&odd=1", "odd",
			"property is not defined in schema and the schema does not allow additional "
			"properties" },
		{ "poolid=p&comment=123456", "comment", "value may only be 5 characters long" },
		{ "poolid=p&comment=1", "comment", "value must be at least 2 characters long" },
		{ "poolid=p&comment=%C3%A4%C3%A4%C3%A4%C3%A4%C3%A4", "comment", "" },
		{ "poolid=p&n=x&on=1", "n", "type check ('integer') failed - got 'x'" },
		{ "poolid=p&n=1&on=1", "n", "value must have a minimum value of 2" },
		{ "poolid=p&n=10&on=1", "n", "value must have a maximum value of 9" },
		{ "poolid=p&n=5&on=1", "n", "" },
		{ "poolid=p&n=5", "on", "missing property - 'n' requires this property" },
		{ "poolid=p&n=5&n=6&on=1", "n", "type check ('integer') failed - got ARRAY" },
		{ "poolid=p&real=1.5", "real", "" },
		{ "poolid=p&real=1,5", "real", "type check ('number') failed - got '1,5'" },
		{ "poolid=p&on=true", "on", "type check ('boolean') failed - got 'true'" },
		{ "poolid=p&word=c", "word",
			"value 'c' does not have a value in the enumeration 'a, b'" },
		{ "poolid=p&list=100,200", "list", "" },
		{ "poolid=p&list=100&list=200", "list", "" },
		{ "poolid=p;n=5;on=1", "n", "" },
		{ "poolid=p&list=100%2C20", "list",
			"invalid format - value does not look like a valid VM ID\n" },
		{ "poolid=p&code=0777", "code", "" },
		{ "poolid=p&code=xxx", "code", "" },
		{ "poolid=p&code=0778", "code", "value does not match the regex pattern" },
		{ "poolid=p&net0=name%3Da%2Cup%3Don", "net0", "" },
		{ "poolid=p&net31=name%3Da", "net31", "" },
		{ "poolid=p&net32=name%3Da", "net32",
			"property is not defined in schema and the schema does not allow additional "
			"properties" },
		{ "poolid=p&net0=a", "net0",
			"invalid format - value without key, but schema does not define a default key\n" },
		{ "poolid=p&net0=ip%3Ddhcp", "net0",
			"invalid format - format error\nnet0.name: property is missing and it is not optional\n" },
		{ "poolid=p&net0=name%3Da%2Cip%3D1.2.3.4", "net0",
			"invalid format - format error\nnet0.ip: invalid format - value does not look like a "
			"valid ipv4 network configuration\n\n" },
		{ "poolid=p&net0=name%3Da%2Cup%3Dmaybe", "net0",
			"invalid format - format error\nnet0.up: type check ('boolean') failed - got 'maybe'\n" },
		{ "poolid=p&vol=local%3A8%2Csize%3D1.5G", "vol", "" },
	};
	struct world w;

	world_open(&w, (struct pm_sim_options){
			       .schema = pm_test_file(pm_test_dir(), "s.json", description) });
	for (size_t i = 0; i < PM_COUNT(cases); i++)
		check(&w, cases[i].body, cases[i].key, cases[i].text);
	world_close(&w);
}

PM_TEST(sim_schema_that_is_none)
{
	struct pm_sim_options o = { .seed = 1 };
	struct pm_error err;
	struct pm_sim *s;

	o.schema = "/nonexistent/schema.json";
	assert_err(pm_sim_new(&s, &o, &err), PM_E_IO, &err, "schema");
	o.schema = pm_test_file(pm_test_dir(), "a", "{}");
	assert_err(pm_sim_new(&s, &o, &err), PM_E_INPUT, &err, "no list of API paths");
	o.schema = pm_test_file(pm_test_dir(), "b", "[{\"path\":");
	assert_err(pm_sim_new(&s, &o, &err), PM_E_INPUT, &err, "the schema");
}

PM_TEST(sim_patterns)
{
	static const struct {
		const char *pattern, *text;
		bool fits;
	} cases[] = {
		{ "abc", "abc", true },
		{ "abc", "abcd", false },
		{ "a|bc", "bc", true },
		{ "a|bc|d", "d", true },
		{ "(a|b)*c", "ababc", true },
		{ "(a|b)+", "", false },
		{ "(?:ab){2,3}", "abab", true },
		{ "(?:ab){2,3}", "ab", false },
		{ "(?:ab){2,3}", "abababab", false },
		{ "x{,2}", "", true },
		{ "x{,2}", "xxx", false },
		{ "x{2}", "xx", true },
		{ "a{b", "a{b", true },
		{ "(?^i:Ab)c", "aBc", true },
		{ "(?^i:Ab)c", "aBC", false },
		{ "\\d{1,2}:\\d\\d", "7:30", true },
		{ "\\S+", "a b", false },
		{ "[^\\x00-\\x1f]+", "a\tb", false },
		{ "[a-z\\d]+", "a9", true },
		{ "[]a]+", "]a", true },
		{ ".*", "", true },
		{ "^a$", "a", true },
		{ "(?:(?:a|b);)*(?:a|b)|none", "a;b;a", true },
		{ "(?:(?:a|b);)*(?:a|b)|none", "none", true },
		{ "(?:(?:a|b);)*(?:a|b)|none", "a;", false },
		{ "(a*)*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaac", false },
	};

	for (size_t i = 0; i < PM_COUNT(cases); i++) {
		struct sim_pattern *p = pm_s_pattern(cases[i].pattern);

		assert_non_null(p);
		if (pm_s_match(p, cases[i].text, strlen(cases[i].text)) != cases[i].fits)
			fail_msg("'%s' on '%s'", cases[i].pattern, cases[i].text);
		pm_s_pattern_free(p);
	}
	assert_null(pm_s_pattern("(a"));
	assert_null(pm_s_pattern("a)"));
	assert_null(pm_s_pattern("[a"));
	assert_null(pm_s_pattern("a\\"));
	assert_null(pm_s_pattern("(?=a)"));
	assert_null(pm_s_pattern("((((a{1000}){1000}){1000}){1000})"));
}
