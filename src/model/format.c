/* Named forms of texts: dns-name, mac, path, ... One row each; what a row cannot say is a function. */
#include <arpa/inet.h>
#include <ctype.h>
#include <pthread.h>
#include <regex.h>
#include <string.h>
#include <strings.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/model_priv.h"

#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define DIGITS "0123456789"
#define ALNUM  UPPER LOWER DIGITS
#define WORD   ALNUM "_"

/* At least one character, all of the set. */
static bool only(const char *s, const char *set)
{
	return *s != '\0' && s[strspn(s, set)] == '\0';
}

/* Does every part between separators fit? */
static bool each(const char *s, char sep, bool (*fits)(const char *, size_t))
{
	for (;;) {
		const char *end = strchr(s, sep);
		size_t n = end ? (size_t)(end - s) : strlen(s);

		if (!fits(s, n))
			return false;
		if (!end)
			return true;
		s = end + 1;
	}
}

static bool no_controls(const char *s, const char *allowed)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x20 || c == 0x7f) && !strchr(allowed, c))
			return false;
	}
	return true;
}

static bool utf8(const char *s)
{
	size_t n = strlen(s);

	return pm_utf8_valid(s, n) == n;
}

/* Only characters that a terminal shows as they are? */
static bool visible(const char *s)
{
	size_t n = strlen(s);
	bool plain = true;

	for (size_t at = 0; at < n && plain;)
		at += pm_text_next(s + at, n - at, &plain);
	return plain;
}

/* ---- names ---- */

static bool label_part(const char *s, size_t n)
{
	if (n < 1 || n > 63 || s[0] == '-' || s[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && s[i] != '-')
			return false;
	}
	return true;
}

static bool fits_dns_name(const char *s)
{
	return strlen(s) <= 255 && each(s, '.', label_part);
}

static bool fits_dns_label(const char *s)
{
	return label_part(s, strlen(s)) && !strpbrk(s, UPPER);
}

static bool fits_node(const char *s)
{
	return label_part(s, strlen(s));
}

static bool pool_part(const char *s, size_t n)
{
	return n > 0 && strspn(s, ALNUM ".-_") >= n;
}

static bool fits_pool(const char *s)
{
	unsigned slashes = 0;

	for (const char *p = s; (p = strchr(p, '/')); p++)
		slashes++;
	return slashes <= 2 && each(s, '/', pool_part);
}

static bool fits_iface(const char *s)
{
	return only(s, WORD "-.") && strlen(s) <= 15 && strcmp(s, ".") != 0 && strcmp(s, "..") != 0;
}

static bool storage_part(const char *s, size_t n)
{
	return n >= 2 && isalpha((unsigned char)s[0]) && isalnum((unsigned char)s[n - 1]) &&
	       strspn(s, ALNUM "-_.") >= n;
}

static bool fits_storage(const char *s)
{
	return storage_part(s, strlen(s));
}

static bool fits_tag(const char *s)
{
	return only(s, WORD "-+.") && !strchr("-+.", s[0]);
}

static bool fits_fstype(const char *s)
{
	return only(s, WORD);
}

static bool fits_word(const char *s)
{
	return *s && utf8(s) && no_controls(s, "") && !strpbrk(s, " ,;:@=/");
}

/* ---- addresses ---- */

static bool hex_pairs(const char *s, size_t pairs)
{
	for (size_t i = 0; i < pairs; i++) {
		if (!isxdigit((unsigned char)s[0]) || !isxdigit((unsigned char)s[1]))
			return false;
		s += 2;
		if (i + 1 < pairs && *s++ != ':')
			return false;
	}
	return *s == '\0';
}

static bool fits_mac(const char *s)
{
	/* An odd first octet is a group address. */
	return hex_pairs(s, 6) && strchr("02468aceACE", s[1]);
}

static bool fits_fingerprint(const char *s)
{
	return hex_pairs(s, 32);
}

static bool fits_ipv4(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

static bool fits_ipv6(const char *s)
{
	struct in6_addr a;

	return inet_pton(AF_INET6, s, &a) == 1;
}

/* Splits "ADDRESS/BITS"; false when the address is too long or there are no bits. */
static bool split_cidr(const char *s, char address[64], int64_t *ret_bits)
{
	const char *slash = strchr(s, '/');
	size_t n = slash ? (size_t)(slash - s) : 0;

	if (n == 0 || n >= 64 || pm_parse_int(slash + 1, 0, 128, ret_bits) < 0)
		return false;
	memcpy(address, s, n);
	address[n] = '\0';
	return true;
}

static bool fits_ipv4_config(const char *s)
{
	char address[64];
	int64_t bits;

	if (!strcmp(s, "dhcp") || !strcmp(s, "manual"))
		return true;
	return split_cidr(s, address, &bits) && bits >= 8 && bits <= 32 && fits_ipv4(address);
}

static bool fits_ipv6_config(const char *s)
{
	char address[64];
	int64_t bits;

	if (!strcmp(s, "auto") || !strcmp(s, "dhcp") || !strcmp(s, "manual"))
		return true;
	return split_cidr(s, address, &bits) && bits >= 8 && bits <= 128 && fits_ipv6(address);
}

/* A link-local address may say through which interface it is reached. */
static bool fits_ip(const char *s)
{
	const char *percent = strchr(s, '%');
	struct in6_addr a;
	char address[64];

	if (!percent)
		return fits_ipv4(s) || fits_ipv6(s);
	if (percent == s || percent - s >= (int)sizeof(address) || !fits_iface(percent + 1))
		return false;
	memcpy(address, s, (size_t)(percent - s));
	address[percent - s] = '\0';
	return inet_pton(AF_INET6, address, &a) == 1 && IN6_IS_ADDR_LINKLOCAL(&a);
}

/* The address in bytes and what follows it ("/24", "%eth0"); false: no address. */
static bool ip_bytes(const char *s, struct in6_addr *ret, const char **ret_rest)
{
	size_t n = strcspn(s, "/%");
	char address[64];

	if (n == 0 || n >= sizeof(address))
		return false;
	memcpy(address, s, n);
	address[n] = '\0';
	*ret_rest = s + n;
	memset(ret, 0, sizeof(*ret));
	return inet_pton(strchr(address, ':') ? AF_INET6 : AF_INET, address, ret) == 1;
}

static bool same_ip(const char *a, const char *b)
{
	struct in6_addr x, y;
	const char *rest_a, *rest_b;

	if (!strcmp(a, b))
		return true;
	if (!strchr(a, ':') != !strchr(b, ':'))
		return false;
	return ip_bytes(a, &x, &rest_a) && ip_bytes(b, &y, &rest_b) && !memcmp(&x, &y, sizeof(x)) &&
	       !strcmp(rest_a, rest_b);
}

static bool fits_vlan(const char *s)
{
	int64_t i;

	return pm_parse_int(s, 1, 4094, &i) == 0;
}

static bool port_of(const char *s)
{
	int64_t i;

	return pm_parse_int(s, 1, 65535, &i) == 0;
}

/* A name whose last part is a number can only be meant as an IPv4 address. */
static bool fits_host(const char *s)
{
	const char *last = strrchr(s, '.');

	return only(last ? last + 1 : s, DIGITS) ? fits_ipv4(s) : fits_dns_name(s);
}

static bool fits_host_port(const char *s)
{
	const char *colon = strchr(s, ':');
	const char *end = strchr(s, ']');
	char host[256];
	size_t n;

	if (s[0] == '[') {
		if (!end || (end[1] != '\0' && (end[1] != ':' || !port_of(end + 2))))
			return false;
		n = (size_t)(end - s) - 1;
		s++;
	} else {
		n = colon ? (size_t)(colon - s) : strlen(s);
		if (colon && !port_of(colon + 1))
			return false;
	}
	if (n == 0 || n >= sizeof(host))
		return false;
	memcpy(host, s, n);
	host[n] = '\0';
	return end ? fits_ipv6(host) : fits_host(host);
}

/* ---- paths and volumes ---- */

static bool path_part(const char *s, size_t n)
{
	return n > 0 && !(n == 1 && s[0] == '.') && !(n == 2 && s[0] == '.' && s[1] == '.');
}

static bool fits_file(const char *s)
{
	return s[0] == '/' && utf8(s) && no_controls(s, "") && each(s + 1, '/', path_part);
}

static bool fits_path(const char *s)
{
	return fits_file(s) && !strchr(s, ',');
}

static bool fits_devpath(const char *s)
{
	return fits_path(s) && pm_str_starts(s, "/dev/");
}

static bool fits_volid(const char *s)
{
	const char *colon = strchr(s, ':');

	return colon && storage_part(s, (size_t)(colon - s)) && colon[1] != '\0' && visible(s) &&
	       !strpbrk(s, " ,") && !strstr(s, "..");
}

static bool fits_image(const char *s)
{
	const char *colon = strchr(s, ':');

	return fits_volid(s) && pm_str_starts(colon, ":vztmpl/") && colon[8] != '\0' &&
	       !strchr(colon + 8, '/');
}

static bool fits_mode(const char *s)
{
	return s[0] == '0' && strlen(s) == 4 && only(s, "01234567");
}

/* u:CT:HOST:COUNT */
static bool idmap_part(const char *s, size_t n)
{
	const char *end = s + n;
	unsigned numbers = 0;

	if (n < 2 || (s[0] != 'u' && s[0] != 'g'))
		return false;
	for (s++; s < end; numbers++) {
		size_t digits = *s == ':' ? strspn(s + 1, DIGITS) : 0;

		if (digits == 0 || (numbers == 2 && s[1] == '0'))
			return false;
		s += 1 + digits;
	}
	return numbers == 3;
}

static bool fits_idmap(const char *s)
{
	return !strcmp(s, "passthrough") || each(s, ';', idmap_part);
}

static bool zone_part(const char *s, size_t n)
{
	return n > 0 && isalpha((unsigned char)s[0]) && strspn(s, WORD "+-") >= n;
}

static bool fits_timezone(const char *s)
{
	return each(s, '/', zone_part);
}

/* ---- texts ---- */

static bool fits_text(const char *s)
{
	return utf8(s) && no_controls(s, "\t\n\r");
}

static bool fits_line(const char *s)
{
	return *s && utf8(s) && no_controls(s, "\t");
}

static bool same_text(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);

	while (n > 0 && a[n - 1] == '\n')
		n--;
	while (m > 0 && b[m - 1] == '\n')
		m--;
	return n == m && !memcmp(a, b, n);
}

/* NAME=VALUE; PVE drops blanks at the end. */
static bool fits_env(const char *s)
{
	const char *value = strchr(s, '=');

	return value && value > s && strspn(s, WORD) == (size_t)(value - s) && utf8(s) &&
	       no_controls(s, "\t") && !isblank((unsigned char)s[strlen(s) - 1]);
}

static bool fits_object_ref(const char *s)
{
	const char *first = strchr(s, '/');
	const char *second = first ? strchr(first + 1, '/') : NULL;
	char ns[64];

	if (!first)
		return fits_dns_label(s);
	if (!second || second - first > 63 || strspn(s, UPPER LOWER) != (size_t)(first - s) ||
		first == s)
		return false;
	memcpy(ns, first + 1, (size_t)(second - first) - 1);
	ns[second - first - 1] = '\0';
	return fits_dns_label(ns) && fits_dns_label(second + 1);
}

/* "resources.memory", "volumes./var/lib/db.size": whether there is such a row is for the check to say. */
static bool fits_setting(const char *s)
{
	return *s && strcspn(s, ". ") > 0 && utf8(s) && no_controls(s, "") &&
	       s[strlen(s) - 1] != '.';
}

static bool fits_token_id(const char *s)
{
	const char *at = strchr(s, '@');
	const char *bang = at ? strchr(at, '!') : NULL;

	return bang && at > s && bang > at + 1 && only(bang + 1, WORD "-.") && utf8(s) &&
	       no_controls(s, "") && !strpbrk(s, " ,;:=/") &&
	       strspn(at + 1, WORD "-.") == (size_t)(bang - at) - 1;
}

void pm_vmid_range(const char *text, unsigned *ret_first, unsigned *ret_last)
{
	*ret_first = *ret_last = 0;
	for (; isdigit((unsigned char)*text) && *ret_first < 400000000; text++)
		*ret_first = *ret_first * 10 + (unsigned)(*text - '0');
	for (text++; isdigit((unsigned char)*text) && *ret_last < 400000000; text++)
		*ret_last = *ret_last * 10 + (unsigned)(*text - '0');
}

static bool fits_vmid_range(const char *s)
{
	size_t n = strspn(s, DIGITS), m;
	unsigned first, last;

	if (n < 3 || n > 9 || s[0] == '0' || s[n] != '-' || s[n + 1] == '0')
		return false;
	m = strspn(s + n + 1, DIGITS);
	if (m < 3 || m > 9 || s[n + 1 + m] != '\0')
		return false;
	pm_vmid_range(s, &first, &last);
	return first <= last;
}

/* ---- Git ---- */

/* Does only this machine hear what is said to the host that begins here? */
static bool is_loopback(const char *host)
{
	static const char *const own[] = { "127.0.0.1", "localhost", "[::1]" };

	for (unsigned i = 0; i < PM_COUNT(own); i++) {
		size_t n = strlen(own[i]);

		if (!strncmp(host, own[i], n) && (host[n] == ':' || host[n] == '/'))
			return true;
	}
	return false;
}

/* HOST[:PORT]/PATH; `user`: NAME@ may stand before it. */
static bool fits_authority(const char *s, bool user)
{
	size_t n = strcspn(s, "/");
	const char *at = memchr(s, '@', n);

	if (at && (!user || at == s || memchr(s, ':', (size_t)(at - s))))
		return false;
	s = at ? at + 1 : s;
	return isalnum((unsigned char)*s) || *s == '[' ? s[strcspn(s, "/")] == '/' : false;
}

/* USER@HOST:PATH */
static bool fits_scp(const char *s)
{
	size_t user = strspn(s, WORD "-.");
	size_t host = user > 0 && s[user] == '@' ? strspn(s + user + 1, ALNUM "-.") : 0;

	return host > 0 && s[0] != '-' && isalnum((unsigned char)s[user + 1]) &&
	       s[user + 1 + host] == ':' && s[user + 2 + host] != '\0' && s[user + 2 + host] != '-';
}

static bool fits_git_url(const char *s)
{
	if (!visible(s) || strpbrk(s, " ?#\\\"'"))
		return false;
	if (pm_str_starts(s, "https://"))
		return fits_authority(s + 8, false);
	if (pm_str_starts(s, "http://"))
		return fits_authority(s + 7, false) && is_loopback(s + 7);
	if (pm_str_starts(s, "ssh://"))
		return fits_authority(s + 6, true);
	if (pm_str_starts(s, "file://"))
		return fits_file(s + 7);
	return fits_file(s) || fits_scp(s);
}

static bool ref_part(const char *s, size_t n)
{
	return n > 0 && s[0] != '.' && s[0] != '-' && s[n - 1] != '.' &&
	       !(n >= 5 && !memcmp(s + n - 5, ".lock", 5));
}

static bool fits_git_branch(const char *s)
{
	return utf8(s) && no_controls(s, "") && !strpbrk(s, " ~^:?*[\\") && !strstr(s, "..") &&
	       !strstr(s, "@{") && strcmp(s, "@") != 0 && strlen(s) <= 200 &&
	       each(s, '/', ref_part);
}

static bool repo_part(const char *s, size_t n)
{
	return path_part(s, n) && !(n == 4 && !strncasecmp(s, ".git", 4));
}

static bool fits_repo_path(const char *s)
{
	return utf8(s) && no_controls(s, "") && each(s, '/', repo_part);
}

static bool fits_signing_key(const char *s)
{
	return pm_str_starts(s, "ssh-") || pm_str_starts(s, "ecdsa-") || pm_str_starts(s, "sk-") ||
	       pm_str_starts(s, "-----BEGIN PGP PUBLIC KEY BLOCK-----\n") || fits_file(s);
}

/* Of a day, from 00:00 to 24:00. */
static bool fits_clock(const char *s)
{
	unsigned hours, minutes;

	if (strlen(s) != 5 || s[2] != ':' || strspn(s, DIGITS) != 2 || strspn(s + 3, DIGITS) != 2)
		return false;
	hours = (unsigned)(s[0] - '0') * 10 + (unsigned)(s[1] - '0');
	minutes = (unsigned)(s[3] - '0') * 10 + (unsigned)(s[4] - '0');
	return minutes < 60 && (hours < 24 || (hours == 24 && minutes == 0));
}

/* Read as a number by its type; as a text anything goes. */
static bool fits_any(PM_UNUSED const char *s)
{
	return true;
}

#define LABEL_P "[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
#define NAME_P  "[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
#define MAP_P   "[ug]:[0-9]+:[0-9]+:[1-9][0-9]*"

static const struct pm_format formats[] = {
	{ "dns-name", fits_dns_name, NULL, "^(" NAME_P "\\.)*" NAME_P "$",
		"a DNS name: parts of letters, digits and inner hyphens, with dots between them" },
	{ "dns-label", fits_dns_label, NULL, "^" LABEL_P "$",
		"a DNS label: at most 63 lower-case letters, digits and inner hyphens" },
	{ "node", fits_node, NULL, "^" NAME_P "$",
		"the name of a node: letters, digits and inner hyphens" },
	{ "pool", fits_pool, NULL, "^[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+){0,2}$",
		"the name of a pool: letters, digits, '.', '_' and '-', with '/' before a nested one" },
	{ "iface", fits_iface, NULL, "^[A-Za-z0-9_.-]{1,15}$",
		"the name of an interface: at most 15 letters, digits, '.', '_' and '-'" },
	{ "mac", fits_mac, NULL, "^[0-9A-Fa-f][02468ACEace](:[0-9A-Fa-f]{2}){5}$",
		"a MAC address of one device, as BC:24:11:00:00:01" },
	{ "ipv4", fits_ipv4, same_ip, "^[0-9]+(\\.[0-9]+){3}$", "an IPv4 address, as 10.0.0.1" },
	{ "ipv6", fits_ipv6, same_ip, "^[0-9A-Fa-f:.]+$", "an IPv6 address, as fd00::1" },
	{ "ipv4-config", fits_ipv4_config, same_ip, "^(dhcp|manual|[0-9]+(\\.[0-9]+){3}/[0-9]+)$",
		"an IPv4 address with a prefix length of 8 to 32 (as 10.0.0.10/24), dhcp or manual" },
	{ "ipv6-config", fits_ipv6_config, same_ip, "^(auto|dhcp|manual|[0-9A-Fa-f:.]+/[0-9]+)$",
		"an IPv6 address with a prefix length of 8 to 128 (as fd00::10/64), auto, dhcp or manual" },
	{ "ip", fits_ip, same_ip, "^[0-9A-Fa-f:.]+(%[A-Za-z0-9_.-]+)?$",
		"an IP address, as 9.9.9.9, fd00::1 or fe80::1%eth0" },
	{ "vlan", fits_vlan, NULL, "^[0-9]{1,4}$", "a VLAN number from 1 to 4094" },
	{ "storage", fits_storage, NULL, "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]$",
		"the name of a storage: a letter, then letters, digits, '.', '_' and '-'" },
	{ "file", fits_file, NULL, "^/", "an absolute path without '.', '..' and empty parts" },
	{ "path", fits_path, NULL, "^(/[^/,]+)+$",
		"an absolute path without '.', '..', empty parts and commas" },
	{ "devpath", fits_devpath, NULL, "^/dev(/[^/,]+)+$",
		"a path below /dev without '.', '..', empty parts and commas" },
	{ "mode", fits_mode, NULL, "^0[0-7]{3}$", "an octal mode of four digits, as \"0660\"" },
	{ "idmap", fits_idmap, NULL, "^(passthrough|" MAP_P "(;" MAP_P ")*)$",
		"passthrough, or mappings as u:0:100000:65536 with ';' between them" },
	{ "volid", fits_volid, NULL, "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:[^ ,]+$",
		"a volume on a storage, as local:snippets/hook.sh" },
	{ "image", fits_image, NULL, "^[A-Za-z][A-Za-z0-9._-]*[A-Za-z0-9]:vztmpl/[^/ ,]+$",
		"a template or OCI archive on a storage, as local:vztmpl/NAME.tar.zst" },
	{ "timezone", fits_timezone, NULL, "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z][A-Za-z0-9_+-]*)*$",
		"a time zone as Europe/Vienna, or host" },
	{ "tag", fits_tag, NULL, "^[A-Za-z0-9_][A-Za-z0-9_+.-]*$",
		"a tag: letters, digits, '_', '-', '+' and '.', the first a letter, digit or '_'" },
	{ "fstype", fits_fstype, NULL, "^[A-Za-z0-9_]+$", "the name of a file system, as nfs" },
	{ "text", fits_text, same_text, NULL, "text without control characters" },
	{ "line", fits_line, NULL, NULL, "one line of text without control characters" },
	{ "word", fits_word, NULL, "^[^ ,;:@=/]+$", "one word without blanks and , ; : @ = /" },
	{ "env", fits_env, NULL, NULL,
		"a name of letters, digits and '_', and a value of one line without control characters" },
	{ "ha-group", NULL, NULL, "^[A-Za-z][A-Za-z0-9_-]+$",
		"the name of an HA group: a letter, then letters, digits, '_' and '-'" },
	{ "name-glob", NULL, NULL, "^[a-z0-9*?-]{1,63}$",
		"a name, in which * stands for anything and ? for one character, as db-*" },
	{ "object-ref", fits_object_ref, NULL, "^([A-Za-z]+/" LABEL_P "/)?" LABEL_P "$",
		"the name of an object, or kind/namespace/name" },
	{ "setting", fits_setting, NULL, NULL,
		"the path of a setting below spec, as resources.memory or network.interfaces.eth0.hwaddr" },
	{ "host-port", fits_host_port, NULL, "^(\\[[0-9A-Fa-f:.]+\\]|[A-Za-z0-9.-]+)(:[0-9]+)?$",
		"a host name or address with an optional port, as pve1.lan, 10.0.0.1:8006 or [fd00::1]:8006" },
	{ "token-id", fits_token_id, NULL, "^[^@ ,;:=/]+@[A-Za-z0-9._-]+![A-Za-z0-9._-]+$",
		"the id of an API token, as user@pve!name" },
	{ "fingerprint", fits_fingerprint, NULL, "^[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31}$",
		"a SHA-256 fingerprint: 32 pairs of hex digits with colons between them" },
	{ "vmid-range", fits_vmid_range, NULL, "^[1-9][0-9]{2,8}-[1-9][0-9]{2,8}$",
		"two numbers from 100 to 999999999, the smaller first, as 200-299" },
	{ "git-url", fits_git_url, NULL,
		"^(https://|ssh://|file:///|/|http://(127\\.0\\.0\\.1|localhost|\\[::1\\])[:/]|[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:)",
		"the address of a Git repository: https://HOST/PATH, ssh://USER@HOST/PATH, USER@HOST:PATH or /PATH" },
	{ "git-branch", fits_git_branch, NULL, NULL, "the name of a branch, as main or team/live" },
	{ "repo-path", fits_repo_path, NULL, "^[^/]",
		"a folder below the top of the repository, as manifests/live, without '.' and '..'" },
	{ "signing-key", fits_signing_key, NULL,
		"^(ssh-|ecdsa-|sk-|-----BEGIN PGP PUBLIC KEY BLOCK-----|/)",
		"an SSH public key, an OpenPGP public key in armour, or the absolute name of a file with one" },
	{ "clock", fits_clock, NULL, "^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$",
		"a time of day from 00:00 to 24:00, as 22:30" },
	{ "milliseconds", fits_any, NULL, NULL, "a duration, as 300ms or 2s" },
	{ "cpu-weight", fits_any, NULL, NULL, "a weight" },
};

/* Formats are looked for once a value: a hash, made once. Those without a function are their pattern. */
static struct {
	const struct pm_format *is;
	regex_t pattern;
} table[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static size_t slot_of(const char *name)
{
	return pm_hash_fast(name, strlen(name), 0) % PM_COUNT(table);
}

static void put(const struct pm_format *f)
{
	size_t at = slot_of(f->name);

	while (table[at].is)
		at = (at + 1) % PM_COUNT(table);
	table[at].is = f;
	if (!f->fits && f->pattern)
		pm_assert(regcomp(&table[at].pattern, f->pattern, REG_EXTENDED | REG_NOSUB) == 0);
}

static void make_table(void)
{
	for (unsigned i = 0; i < PM_COUNT(formats); i++)
		put(&formats[i]);
	for (const struct pm_format *f = pm_formats_vm; f->name; f++)
		put(f);
}

/* Its place in the table; -1: there is none. */
static int find(const char *name)
{
	(void)pthread_once(&once, make_table);
	for (size_t at = slot_of(name); table[at].is; at = (at + 1) % PM_COUNT(table)) {
		if (!strcmp(table[at].is->name, name))
			return (int)at;
	}
	return -1;
}

const struct pm_format *pm_format_find(const char *name)
{
	int at = find(name);

	return at < 0 ? NULL : table[at].is;
}

static bool fits(int at, const char *text)
{
	const struct pm_format *f = table[at].is;

	if (f->fits)
		return f->fits(text);
	return !f->pattern || (visible(text) && regexec(&table[at].pattern, text, 0, NULL, 0) == 0);
}

int pm_format_check(const char *format, const char *text, struct pm_error *err)
{
	int at = find(format);
	const struct pm_format *f = at < 0 ? NULL : table[at].is;
	cleanup_buf struct pm_buf why = PM_BUF(512);
	bool secret = !strcmp(format, "env") || !strcmp(format, "git-url") ||
		      !strcmp(format, "signing-key");

	if (!f)
		return pm_error_set(err, PM_E_BUG, "no format is called %s", format);
	if (fits(at, text))
		return 0;
	pm_format_why(format, text, &why);
	/* The value of a variable may be nobody's business, nor is what does not belong into the others. */
	if (secret)
		return pm_error_set(err, PM_E_INPUT, "must be %s%s%s", f->what, why.len ? "; " : "",
			pm_buf_str(&why));
	return pm_error_set(err, PM_E_INPUT, "must be %s, not '%.80s'%s%s", f->what, text,
		why.len ? "; " : "", pm_buf_str(&why));
}
