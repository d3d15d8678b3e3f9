/* Validators: both sides of every boundary, agreement with the formats of manifests, and the cleaning
 * of text. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/text.h"
#include "model/value.h"
#include "pm_test.h"
#include "security/validate.h"

static void good(enum pm_valid what, const char *text)
{
	struct pm_error err;

	assert_ok(pm_validate(what, text, &err), &err);
}

static void bad(enum pm_valid what, const char *text)
{
	struct pm_error err;

	assert_err(pm_validate(what, text, &err), PM_E_INPUT, &err, pm_valid_name(what));
	assert_has(err.msg, pm_valid_doc(what));
}

/* n times the character; lives until the next call but three. */
static const char *many(char c, size_t n)
{
	static char text[4][600];
	static unsigned next;
	char *t = text[next++ % 4];

	memset(t, c, n);
	t[n] = '\0';
	return t;
}

PM_TEST(validate_numbers_at_their_bounds)
{
	static const struct {
		enum pm_valid what;
		const char *least, *below, *most, *above;
	} rows[] = {
		{ PM_VALID_VMID, "100", "99", "999999999", "1000000000" },
		{ PM_VALID_PORT, "1", "0", "65535", "65536" },
		{ PM_VALID_MEMORY, "16", "15", "2147483647", "2147483648" },
		{ PM_VALID_CORES, "1", "0", "8192", "8193" },
	};
	static const char *const never[] = { "", " ", "-1", "+200", " 200", "200 ", "0200", "200.0",
		"2e2", "0x80", "200\n", "200a", "99999999999999999999", "two", "\xd9\xa3\xd9\xa3" };

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		good(rows[i].what, rows[i].least);
		good(rows[i].what, rows[i].most);
		bad(rows[i].what, rows[i].below);
		bad(rows[i].what, rows[i].above);
		bad(rows[i].what, NULL);
		for (size_t j = 0; j < PM_COUNT(never); j++)
			bad(rows[i].what, never[j]);
	}
}

PM_TEST(validate_node_names)
{
	good(PM_VALID_NODE, "a");
	good(PM_VALID_NODE, "PVE-1");
	good(PM_VALID_NODE, "1");
	good(PM_VALID_NODE, many('n', 63));
	bad(PM_VALID_NODE, many('n', 64));
	bad(PM_VALID_NODE, "");
	bad(PM_VALID_NODE, "-a");
	bad(PM_VALID_NODE, "a-");
	bad(PM_VALID_NODE, "a.b");
	bad(PM_VALID_NODE, "a_b");
	bad(PM_VALID_NODE, "a/b");
	bad(PM_VALID_NODE, "gr\xc3\xbcn");
	bad(PM_VALID_NODE, "a\n");
}

PM_TEST(validate_guest_names)
{
	cleanup_buf struct pm_buf longest = PM_BUF(0);

	for (int i = 0; i < 4; i++)
		(void)pm_buf_addf(&longest, "%s%s", i > 0 ? "." : "", many('x', 63));
	good(PM_VALID_NAME, pm_buf_str(&longest));
	(void)pm_buf_addc(&longest, '.');
	bad(PM_VALID_NAME, pm_buf_str(&longest));
	(void)pm_buf_addc(&longest, 'x');
	bad(PM_VALID_NAME, pm_buf_str(&longest));
	good(PM_VALID_NAME, "web-1.example.com");
	good(PM_VALID_NAME, "10.0");
	bad(PM_VALID_NAME, "web..com");
	bad(PM_VALID_NAME, ".web");
	bad(PM_VALID_NAME, "web.");
	bad(PM_VALID_NAME, "web-.com");
	bad(PM_VALID_NAME, "w eb");
	bad(PM_VALID_NAME, many('x', 64));
}

PM_TEST(validate_hosts)
{
	good(PM_VALID_HOST, "pve1.lan");
	good(PM_VALID_HOST, "10.0.0.1");
	good(PM_VALID_HOST, "[fd00::1]");
	good(PM_VALID_HOST, "[::ffff:10.0.0.1]");
	bad(PM_VALID_HOST, "10.0.0.256");
	bad(PM_VALID_HOST, "10.0.1");
	bad(PM_VALID_HOST, "2130706433");
	bad(PM_VALID_HOST, "fd00::1");
	bad(PM_VALID_HOST, "[fd00::1");
	bad(PM_VALID_HOST, "[]");
	bad(PM_VALID_HOST, "[");
	bad(PM_VALID_HOST, "[10.0.0.1]");
	bad(PM_VALID_HOST, "[fe80::1%eth0]");
	bad(PM_VALID_HOST, "pve1:8006");
	bad(PM_VALID_HOST, "https://pve1");
	bad(PM_VALID_HOST, "pve1/");
	bad(PM_VALID_HOST, "user@pve1");
	bad(PM_VALID_HOST, "");
}

PM_TEST(validate_storages_ids_and_pools)
{
	good(PM_VALID_STORAGE, "lv");
	good(PM_VALID_STORAGE, "Ceph-rbd_1.a");
	bad(PM_VALID_STORAGE, "l");
	bad(PM_VALID_STORAGE, "1local");
	bad(PM_VALID_STORAGE, "local-");
	bad(PM_VALID_STORAGE, "local_");
	bad(PM_VALID_STORAGE, "local/x");
	bad(PM_VALID_STORAGE, "lo cal");
	bad(PM_VALID_STORAGE, "");

	good(PM_VALID_ID, "s1");
	good(PM_VALID_ID, "Before_Update-");
	bad(PM_VALID_ID, "s");
	bad(PM_VALID_ID, "1s");
	bad(PM_VALID_ID, "_s");
	bad(PM_VALID_ID, "a.b");
	bad(PM_VALID_ID, "a/b");
	bad(PM_VALID_ID, "a b");
	bad(PM_VALID_ID, "");

	good(PM_VALID_POOL, "p");
	good(PM_VALID_POOL, "1.x_y-z");
	good(PM_VALID_POOL, "a/b/c");
	bad(PM_VALID_POOL, "a/b/c/d");
	bad(PM_VALID_POOL, "a//b");
	bad(PM_VALID_POOL, "/a");
	bad(PM_VALID_POOL, "a/");
	bad(PM_VALID_POOL, "a b");
	bad(PM_VALID_POOL, "");
}

PM_TEST(validate_addresses)
{
	good(PM_VALID_ADDRESS, "0.0.0.0");
	good(PM_VALID_ADDRESS, "255.255.255.255");
	good(PM_VALID_ADDRESS, "::");
	good(PM_VALID_ADDRESS, "FD00::1");
	bad(PM_VALID_ADDRESS, "1.2.3");
	bad(PM_VALID_ADDRESS, "1.2.3.4.5");
	bad(PM_VALID_ADDRESS, "1.2.3.256");
	bad(PM_VALID_ADDRESS, "01.2.3.4");
	bad(PM_VALID_ADDRESS, ":::");
	bad(PM_VALID_ADDRESS, "fd00::1::2");
	bad(PM_VALID_ADDRESS, "fe80::1%eth0");
	bad(PM_VALID_ADDRESS, "10.0.0.1/24");
	bad(PM_VALID_ADDRESS, "localhost");
	bad(PM_VALID_ADDRESS, "");

	good(PM_VALID_CIDR, "10.0.0.0/0");
	good(PM_VALID_CIDR, "10.0.0.1/32");
	good(PM_VALID_CIDR, "fd00::/128");
	good(PM_VALID_CIDR, "::/0");
	bad(PM_VALID_CIDR, "10.0.0.0/33");
	bad(PM_VALID_CIDR, "fd00::/129");
	bad(PM_VALID_CIDR, "10.0.0.0");
	bad(PM_VALID_CIDR, "10.0.0.0/");
	bad(PM_VALID_CIDR, "10.0.0.0/024");
	bad(PM_VALID_CIDR, "10.0.0.0/-1");
	bad(PM_VALID_CIDR, "10.0.0.0/24/8");
	bad(PM_VALID_CIDR, "/24");
	bad(PM_VALID_CIDR, many('1', 500));
	bad(PM_VALID_CIDR, "");
}

PM_TEST(validate_volumes)
{
	good(PM_VALID_VOLID, "local:iso/debian-12.iso");
	good(PM_VALID_VOLID, "nas:101/vm-101-disk-0.qcow2");
	good(PM_VALID_VOLID, "nas:backup/a:b");
	good(PM_VALID_VOLID, "nas:iso/gr\xc3\xbcn.iso");
	bad(PM_VALID_VOLID, "local:");
	bad(PM_VALID_VOLID, ":iso/x");
	bad(PM_VALID_VOLID, "l:iso/x");
	bad(PM_VALID_VOLID, "local");
	bad(PM_VALID_VOLID, "/dev/sda");
	bad(PM_VALID_VOLID, "local:../etc/passwd");
	bad(PM_VALID_VOLID, "local:iso/a b.iso");
	bad(PM_VALID_VOLID, "local:iso/a,b.iso");
	bad(PM_VALID_VOLID, "local:iso/a\nb.iso");
	bad(PM_VALID_VOLID, "local:iso/a\xff.iso");
	bad(PM_VALID_VOLID, "");
}

PM_TEST(validate_upids)
{
	static const char upid[] = "UPID:pve1:0000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam:";
	char text[sizeof(upid)];

	good(PM_VALID_UPID, upid);
	good(PM_VALID_UPID, "UPID:pve1:0000A1B2:100C3D4E5:66112233:srvreload::u@pve!tok:");
	for (size_t n = 0; n < sizeof(upid) - 1; n++) {
		memcpy(text, upid, n);
		text[n] = '\0';
		bad(PM_VALID_UPID, text);
	}
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam:x");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam::");
	bad(PM_VALID_UPID, "upid:pve1:0000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:-pve:0000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:000A1B2:00C3D4E5:66112233:vzcreate:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:0000C3D4E5:66112233:vzcreate:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1BG:00C3D4E5:66112233:vzcreate:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233::101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233:vzcreate:101::");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233:vz/create:101:root@pam:");
	bad(PM_VALID_UPID, "UPID:pve1:0000A1B2:00C3D4E5:66112233:vz create:101:root@pam:");
}

PM_TEST(validate_tells_what_was_given)
{
	struct pm_error err;
	char text[200];

	assert_err(pm_validate(PM_VALID_VMID, "9\x1b[31m", &err), PM_E_INPUT, &err,
		"\"9\\x1b[31m\" is no VMID. A number from 100 to 999999999.");
	/* Cut, and not within a character. */
	for (unsigned lead = 0; lead < 4; lead++) {
		memset(text, 'a', lead);
		for (size_t i = lead; i + 2 < sizeof(text); i += 2)
			memcpy(text + i, "\xc3\xbc", 3);
		assert_err(
			pm_validate(PM_VALID_NODE, text, &err), PM_E_INPUT, &err, "\xc3\xbc...\"");
		assert_null(strstr(err.msg, "\\x"));
	}
	memset(text, 0xff, sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_err(pm_validate(PM_VALID_NODE, text, &err), PM_E_INPUT, &err, "\\xff...\"");
	assert_err(pm_validate(PM_VALID_MAX, "x", &err), PM_E_BUG, &err, NULL);
	assert_string_equal(pm_valid_name(PM_VALID_MAX), "?");
	assert_string_equal(pm_valid_doc((enum pm_valid) - 1), "?");
}

/* ---- agreement with the formats of manifests ---- */

static bool valid(enum pm_valid what, const char *text)
{
	struct pm_error err;

	return pm_validate(what, text, &err) == 0;
}

static bool fits(const char *format, const char *text)
{
	struct pm_error err;

	return pm_format_check(format, text, &err) == 0;
}

static void agree(const char *text)
{
	static const struct {
		enum pm_valid what;
		const char *format;
	} same[] = {
		{ PM_VALID_NODE, "node" },
		{ PM_VALID_NAME, "dns-name" },
		{ PM_VALID_STORAGE, "storage" },
		{ PM_VALID_POOL, "pool" },
		{ PM_VALID_VOLID, "volid" },
	};
	bool bare = !strchr(text, ':') || text[0] == '[';

	for (size_t i = 0; i < PM_COUNT(same); i++) {
		if (valid(same[i].what, text) != fits(same[i].format, text))
			fail_msg("%s and the format %s do not agree about \"%s\"",
				pm_valid_name(same[i].what), same[i].format, text);
	}
	assert_int_equal(valid(PM_VALID_ADDRESS, text), fits("ipv4", text) || fits("ipv6", text));
	if (bare && (text[0] != '[' || text[strlen(text) - 1] == ']'))
		assert_int_equal(valid(PM_VALID_HOST, text), fits("host-port", text));
}

PM_TEST(validate_agrees_with_manifests)
{
	static const char *const samples[] = { "", "a", "ab", "a-b", "-ab", "ab-", "a_b", "_ab",
		"ab_", "a.b", ".ab", "ab.", "a..b", "1", "12", "1a", "1.2", "1.2.3.4", "1.2.3.256",
		"01.2.3.4", "::", "::1", "fd00::1", "fd00:::1", "[::1]", "[::]", "[1.2.3.4]", "[x]",
		"a/b", "a/b/c", "a/b/c/d", "/a", "a/", "a b", "a,b", "a\tb", "a\x7f", "\xc3\xbc",
		"\xff", "local:x", "local:iso/x.iso", "local:../x", "l:x", "local:", ":x",
		"local:a b", "local:a,b", "local:\xc3\xbc", "local:\xff", "local:\xc2\x85",
		"local:\xe2\x80\xae", "a..b:x", "local:a\nb", "999999999", "pve1.lan", "PVE1.LAN",
		"x.1", "1.x" };
	static const char letters[] = "aZ09-_./:,[] \x01\xc3\xbc";
	char text[6];
	unsigned seed = 7;

	for (size_t i = 0; i < PM_COUNT(samples); i++)
		agree(samples[i]);
	agree(many('x', 63));
	agree(many('x', 64));
	agree(many('x', 255));
	/* Short texts of the characters that matter. */
	for (int i = 0; i < 20000; i++) {
		size_t n = 1 + seed % 5;

		for (size_t j = 0; j < n; j++) {
			seed = seed * 1664525 + 1013904223;
			text[j] = letters[(seed >> 16) % (sizeof(letters) - 1)];
		}
		text[n] = '\0';
		agree(text);
	}
}

/* ---- cleaning ---- */

static void cleans(const char *text, size_t n, const char *want)
{
	char *out = pm_xcalloc(1, n + 1); /* no more than it may use */

	out[n] = 'E';
	assert_int_equal(pm_sanitize(text, out, n), strlen(want));
	assert_string_equal(out, want);
	assert_int_equal(out[n], 'E');
	free(out);
}

PM_TEST(sanitize_replaces_what_harms)
{
	cleans("plain text", 50, "plain text");
	cleans("", 1, "");
	cleans(NULL, 5, "");
	cleans("a\nb\tc\x1b[31m\x7f", 50, "a?b?c?[31m?");
	cleans("gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80", 50,
		"gr\xc3\xbc\xc3\x9f \xe6\x97\xa5 \xf0\x9f\x98\x80");
	cleans("\xc2\x85|\xe2\x80\xae|\xe2\x81\xa6|\xe2\x80\x8b|\xef\xbb\xbf", 50, "?|?|?|?|?");
	/* Broken: a lone byte, too long a form, a surrogate, an end within a character. */
	cleans("\xff|\xc0\xaf|\xed\xa0\x80|\xe2\x82", 50, "?|??|???|??");
}

PM_TEST(sanitize_cuts_between_characters)
{
	cleans("abc", 4, "abc");
	cleans("abc", 3, "ab");
	cleans("abc", 1, "");
	cleans("a\xe2\x82\xac", 5, "a\xe2\x82\xac");
	cleans("a\xe2\x82\xac", 4, "a");
	cleans("a\xe2\x82\xac"
	       "b",
		4, "a");
	assert_int_equal(pm_sanitize("abc", NULL, 0), 0);
}
