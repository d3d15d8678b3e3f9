/* Tests of model/format.c: what each named form takes, and where it draws the line. */
#include <string.h>

#include "base/mem.h"
#include "model/model_priv.h"
#include "pm_test.h"

struct
try {
	const char *format, *text;
	bool fits;
};

static const struct try tries[] = {
	{ "dns-name", "a", true },
	{ "dns-name", "8.10", true },
	{ "dns-name", "A-b.c", true },
	{ "dns-name", "a..b", false },
	{ "dns-name", "a.", false },
	{ "dns-name", "a_b", false },
	{ "dns-name", "", false },
	{ "dns-label", "a-b", true },
	{ "dns-label", "a.b", false },
	{ "dns-label", "a-", false },
	{ "node", "PVE-1", true },
	{ "pool", "a/b/c", true },
	{ "pool", "a/b/c/d", false },
	{ "pool", "a//b", false },
	{ "iface", "vmbr0", true },
	{ "iface", "fifteen-letters", true },
	{ "iface", "sixteen--letters", false },
	{ "iface", "..", false },
	{ "iface", "", false },
	{ "mac", "02:00:00:00:00:01", true },
	{ "mac", "03:00:00:00:00:01", false },
	{ "mac", "02-00-00-00-00-01", false },
	{ "mac", "02:00:00:00:00", false },
	{ "mac", "02:00:00:00:00:01:", false },
	{ "ipv4", "010.0.0.1", false },
	{ "ipv4", "10.0.0.256", false },
	{ "ipv4-config", "dhcp", true },
	{ "ipv4-config", "manual", true },
	{ "ipv4-config", "auto", false },
	{ "ipv4-config", "10.0.0.1/7", false },
	{ "ipv4-config", "10.0.0.1/8", true },
	{ "ipv4-config", "10.0.0.1/33", false },
	{ "ipv4-config", "10.0.0.1/024", false },
	{ "ipv4-config", "/24", false },
	{ "ipv6-config", "auto", true },
	{ "ipv6-config", "fd00::1/7", false },
	{ "ipv6-config", "10.0.0.1/24", false },
	{ "ip", "10.0.0.1", true },
	{ "ip", "::1", true },
	{ "ip", "fe80::1%", false },
	{ "ip", "10.0.0.1%eth0", false },
	{ "vlan", "1", true },
	{ "vlan", "0", false },
	{ "vlan", "01", false },
	{ "storage", "a1", true },
	{ "storage", "1a", false },
	{ "storage", "a-", false },
	{ "path", "/", false },
	{ "path", "/a/", false },
	{ "path", "/a//b", false },
	{ "path", "/a/./b", false },
	{ "path", "/a/..b", true },
	{ "path", "/a,b", false },
	{ "path", "/a b", true },
	{ "path", "a", false },
	{ "devpath", "/dev", false },
	{ "devpath", "/dev/../etc", false },
	{ "mode", "0777", true },
	{ "mode", "0778", false },
	{ "mode", "1777", false },
	{ "mode", "00660", false },
	{ "idmap", "passthrough", true },
	{ "idmap", "u:0:100000:65536", true },
	{ "idmap", "x:0:0:1", false },
	{ "idmap", "u:0:0", false },
	{ "idmap", "u:0:0:1:2", false },
	{ "idmap", "u:0:0:1;", false },
	{ "idmap", "u", false },
	{ "volid", "local:a,b", false },
	{ "volid", "local:../x", false },
	{ "volid", ":x", false },
	{ "image", "local:vztmpl/", false },
	{ "image", "local:vztmpl/a/b", false },
	{ "image", "local:iso/a.iso", false },
	{ "timezone", "host", true },
	{ "timezone", "UTC", true },
	{ "timezone", "Etc/GMT+1", true },
	{ "timezone", "../etc", false },
	{ "tag", "A.b+c-d_e", true },
	{ "tag", "a:b", false },
	{ "tag", "a b", false },
	{ "line", "", false },
	{ "text", "", true },
	{ "text", "gr\xc3\xbc\xc3\x9f", true },
	{ "text", "\xc3", false },
	{ "env", "A=", true },
	{ "env", "A_1=b=c", true },
	{ "env", "=b", false },
	{ "env", "A", false },
	{ "env", "A-B=c", false },
	{ "env", "A=b ", false },
	{ "env", "A=b\nc", false },
	{ "object-ref", "db", true },
	{ "object-ref", "pod/shop/db", true },
	{ "object-ref", "/shop/db", false },
	{ "object-ref", "pod//db", false },
	{ "object-ref", "pod/shop/db/x", false },
	{ "clock", "00:00", true },
	{ "clock", "23:59", true },
	{ "clock", "24:00", true },
	{ "clock", "24:30", false },
	{ "clock", "9:00", false },
	{ "clock", "09:60", false },
	{ "clock", "09-00", false },
	{ "clock", "", false },
	{ "host-port", "pve1", true },
	{ "host-port", "pve1.lan:8006", true },
	{ "host-port", "10.0.0.1", true },
	{ "host-port", "[::1]", true },
	{ "host-port", "::1", false },
	{ "host-port", "[pve1]", false },
	{ "host-port", "[::1]x", false },
	{ "host-port", "pve1:", false },
	{ "host-port", "pve1:65536", false },
	{ "host-port", "https://pve1", false },
	{ "host-port", "a]b", false },
	{ "host-port", "", false },
	{ "token-id", "root@pam!x", true },
	{ "token-id", "root@pam!", false },
	{ "token-id", "root@!x", false },
	{ "token-id", "@pam!x", false },
	{ "token-id", "root!x@pam", false },
	{ "git-url", "ssh://git@git.lan:2222/infra.git", true },
	{ "git-url", "git@git.lan:team/infra.git", true },
	{ "git-url", "file:///srv/git/infra.git", true },
	{ "git-url", "/srv/git/infra.git", true },
	{ "git-url", "http://127.0.0.1:8080/infra.git", true },
	{ "git-url", "http://git.lan/infra.git", false },
	{ "git-url", "http://127.0.0.1.git.lan/infra.git", false },
	{ "git-url", "http://127.0.0.1@git.lan/infra.git", false },
	{ "git-url", "git://git.lan/infra.git", false },
	{ "git-url", "https://me:secret@git.lan/infra.git", false },
	{ "git-url", "https://git.lan", false },
	{ "git-url", "https://-x/infra.git", false },
	{ "git-url", "ssh://-oProxyCommand=x/infra.git", false },
	{ "git-url", "ssh://me:secret@git.lan/infra.git", false },
	{ "git-url", "git@-x:infra.git", false },
	{ "git-url", "git@git.lan:--upload-pack=x", false },
	{ "git-url", "ext::sh -c x", false },
	{ "git-url", "./infra.git", false },
	{ "git-branch", "main", true },
	{ "git-branch", "-main", false },
	{ "git-branch", "a/.b", false },
	{ "git-branch", "a.lock", false },
	{ "git-branch", "a b", false },
	{ "git-branch", "@", false },
	{ "repo-path", "live", true },
	{ "repo-path", "/live", false },
	{ "repo-path", "live/", false },
	{ "repo-path", "a/.GIT/b", false },
	{ "signing-key", "/etc/podmox/signers", true },
	{ "signing-key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmQ==\n", true },
	{ "signing-key", "-----BEGIN PGP PRIVATE KEY BLOCK-----\n", false },
	{ "signing-key", "alice", false },
	{ "vmid-range", "100-999999999", true },
	{ "vmid-range", "200-200", true },
	{ "vmid-range", "99-200", false },
	{ "vmid-range", "100-1000000000", false },
	{ "vmid-range", "100", false },
	{ "vmid-range", "100-200-300", false },
};

PM_TEST(formats_draw_their_lines)
{
	for (unsigned i = 0; i < PM_COUNT(tries); i++) {
		struct pm_error err;
		int r = pm_format_check(tries[i].format, tries[i].text, &err);

		if ((r == 0) != tries[i].fits)
			fail_msg("%s: '%s' %s", tries[i].format, tries[i].text,
				r == 0 ? "was taken" : err.msg);
	}
}

PM_TEST(formats_that_do_not_exist_are_a_bug)
{
	struct pm_error err;

	assert_err(pm_format_check("no-such", "x", &err), PM_E_BUG, &err, "no-such");
}

PM_TEST(formats_say_more_where_it_helps)
{
	struct pm_error err;

	assert_err(pm_format_check("image", "registry.example/library/nginx", &err), PM_E_INPUT,
		&err, "does not fetch images");
	assert_err(pm_format_check("env", "A=b ", &err), PM_E_INPUT, &err, "drops blanks");
}

PM_TEST(formats_know_equal_addresses)
{
	const struct pm_format *ip = pm_format_find("ip"), *cidr = pm_format_find("ipv6-config");

	assert_true(ip->same("FD00::1", "fd00:0:0::1"));
	assert_false(ip->same("10.0.0.1", "10.0.0.2"));
	assert_false(ip->same("10.0.0.1", "::1"));
	assert_false(ip->same("fe80::1%eth0", "fe80::1%eth1"));
	assert_true(cidr->same("fd00::1/64", "FD00::0:1/64"));
	assert_false(cidr->same("fd00::1/64", "fd00::1/65"));
	assert_true(cidr->same("auto", "auto"));
	assert_false(cidr->same("auto", "dhcp"));
}

PM_TEST(formats_read_a_range_of_vmids)
{
	unsigned first, last;

	pm_vmid_range("200-299", &first, &last);
	assert_int_equal(first, 200);
	assert_int_equal(last, 299);
	pm_vmid_range("100-999999999", &first, &last);
	assert_int_equal(last, 999999999);
}
