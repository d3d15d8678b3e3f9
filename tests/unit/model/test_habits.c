/* Tests of model/habits.c and model/why.c: the tables name what exists, and people are told what was meant. */
#include "model/habits.h"
#include "model/model_priv.h"
#include "pm_test.h"

#include <string.h>

/* What the help says for a key of a kind; "": nothing. */
static const char *key(const struct pm_kind *k, const char *path)
{
	static char said[256];
	cleanup_buf struct pm_buf out = PM_BUF(0);

	(void)pm_habit_key(k, path, &out);
	(void)snprintf(said, sizeof(said), "%s", pm_buf_str(&out));
	return said;
}

static const char *why(const char *format, const char *text)
{
	static char said[256];
	cleanup_buf struct pm_buf out = PM_BUF(0);

	pm_format_why(format, text, &out);
	(void)snprintf(said, sizeof(said), "%s", pm_buf_str(&out));
	return said;
}

PM_TEST(habits_of_keys)
{
	assert_string_equal(key(&pm_kind_pod, "command"), "use entrypoint");
	assert_string_equal(key(&pm_kind_pod, "target_node"), "use node");
	assert_string_equal(key(&pm_kind_pod, "Target-Node"), "use node");
	assert_string_equal(key(&pm_kind_pod, "resources.ram"), "use resources.memory");
	assert_string_equal(key(&pm_kind_net, "mac_address"), "use hwaddr");
	assert_string_equal(key(&pm_kind_volume, "mountPath"), "use path");
	assert_string_equal(key(&pm_kind_podset, "image"), "it belongs below template");
	assert_string_equal(
		key(&pm_kind_pod, "lxc.cap.drop"), "PVE's API takes raw lxc keys from nobody");
	assert_string_equal(key(&pm_kind_pod, "nobody-writes-this"), "");
	assert_string_equal(key(&pm_kind_podset, "command"), "");
	assert_string_equal(key(&pm_kind_net, "ram"), "");
	assert_string_equal(key(&pm_kind_config, "node"), "");
}

PM_TEST(habits_of_choices_and_kinds)
{
	const struct pm_field *power = pm_field_find(&pm_kind_pod, "state"),
			      *restart = pm_field_find(&pm_kind_pod, "lifecycle.restart");

	assert_string_equal(pm_habit_choice(power, "started"), "running");
	assert_string_equal(pm_habit_choice(power, "OFF"), "stopped");
	assert_string_equal(pm_habit_choice(restart, "true"), "allow");
	assert_null(pm_habit_choice(restart, "started"));
	assert_string_equal(pm_habit_kind("Deployment"), "PodSet");
	assert_string_equal(pm_habit_kind("container"), "Pod");
	assert_null(pm_habit_kind("Config"));
}

/* A row that is said of no kind, or sends people to nothing, is wrong. */
PM_TEST(habits_name_what_exists)
{
#define PM_CHOICE(field, choice, words) \
	assert_string_equal(pm_habit_choice(pm_field_find(&pm_kind_pod, field), words), choice);
#define PM_KEY(...)
#define PM_KIND(...)
#include "model/habits.def"
#undef PM_CHOICE
#undef PM_KEY
#undef PM_KIND
}

static const struct pm_kind *kind_of(const char *in, char path[128], const char *word)
{
	const char *dot = strchr(in, '.');

	(void)snprintf(path, 128, "%s%s%.*s", dot ? dot + 1 : "", dot ? "." : "",
		(int)strcspn(word, " "), word);
	for (unsigned i = 0; pm_all_kinds[i]; i++) {
		const struct pm_kind *k = pm_all_kinds[i];
		const char *name = k == &pm_kind_pod ? "guest" : k->name;

		if (strlen(name) == strcspn(in, ".") && !strncmp(name, in, strlen(name)))
			return k;
	}
	return NULL;
}

PM_TEST(habits_are_said_of_some_kind)
{
	static const struct {
		const char *in, *words, *use, *why;
	} rows[] = {
#define PM_KEY(...) { __VA_ARGS__ },
#define PM_CHOICE(...)
#define PM_KIND(...)
#include "model/habits.def"
#undef PM_KEY
#undef PM_CHOICE
#undef PM_KIND
	};

	for (unsigned i = 0; i < PM_COUNT(rows); i++) {
		char path[128];
		const struct pm_kind *k = kind_of(rows[i].in, path, rows[i].words);

		assert_non_null(k);
		if (!*key(k, path))
			fail_msg("%s.%s: nothing is said", rows[i].in, path);
		/* A key that is one leads nobody astray. */
		assert_null(pm_field_find(k, path));
	}
}

PM_TEST(why_a_text_does_not_fit)
{
	assert_string_equal(why("dns-label", "My_Web"), "write my-web");
	assert_string_equal(why("dns-label", "-a-"), "write a");
	assert_string_equal(why("dns-label", "\xc3\xa4"), "");
	assert_string_equal(why("dns-name", "web_1.lan"), "write web-1.lan");
	assert_string_equal(why("node", "pve1.lan"), "write pve1, without the domain");
	assert_string_equal(why("storage", "local-lvm:8"), "write local-lvm");
	assert_string_equal(
		why("ipv4-config", "10.0.0.1"), "the prefix length is missing, as in 10.0.0.1/24");
	assert_string_equal(why("ipv4-config", "10.0.0.1/255.255.255.128"), "write 10.0.0.1/25");
	assert_string_equal(why("ipv4-config", "10.0.0.1/255.0.255.0"), "");
	assert_string_equal(why("ipv4-config", "DHCP"), "write dhcp");
	assert_string_equal(why("ipv4-config", "auto"), "write dhcp");
	assert_string_equal(why("ipv4-config", "fd00::1/64"), "an IPv6 address belongs to ip6");
	assert_string_equal(why("ipv6-config", "10.0.0.1/24"), "an IPv4 address belongs to ip");
	assert_string_equal(
		why("ipv6-config", "fd00::1"), "the prefix length is missing, as in fd00::1/64");
	assert_string_equal(
		why("ipv4", "10.0.0.1/24"), "write 10.0.0.1, without the prefix length");
	assert_string_equal(why("ip", "dns.example"), "a name has to be looked up first");
	assert_string_equal(why("mac", "bc24.1100.0001"), "write BC:24:11:00:00:01");
	assert_string_equal(
		why("mac", "01:24:11:00:00:01"), "01 at its start makes it the address of a group");
	assert_string_equal(why("mac", "bc:24:11:00:00"), "");
	assert_string_equal(why("path", "/a/"), "write /a");
	assert_string_equal(why("path", "~/a"), "~ is known to shells only");
	assert_string_equal(why("devpath", "fuse"), "write /dev/fuse");
	assert_string_equal(why("mode", "660"), "write \"0660\"");
	assert_string_equal(
		why("image", "local:vztmp/a.tar.gz"), "did you mean local:vztmpl/a.tar.gz?");
	assert_string_equal(why("image", "a.tar.gz"),
		"write local:vztmpl/a.tar.gz when it lies on the storage local");
	assert_string_equal(why("env", "A-B=geheim"), "the name 'A-B' has other characters");
	assert_string_equal(why("host-port", "https://pve1:8006/"), "write pve1:8006");
	assert_string_equal(why("line", "x"), "");
}
