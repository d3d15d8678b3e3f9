/* Validators: what a name, number or address may be, by PVE's own rules. Where manifests have a format
 * for the same thing (model/format.c) both agree, which a test holds them to. */
#include "security/validate.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/num.h"
#include "base/text.h"

#define LOWER  "abcdefghijklmnopqrstuvwxyz"
#define UPPER  "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
#define DIGITS "0123456789"
#define HEX    DIGITS "abcdefABCDEF"
#define ALNUM  LOWER UPPER DIGITS

#define MAX_NAME ((size_t)255) /* of a DNS name */
#define MAX_UPID ((size_t)512)
#define SHOWN    ((size_t)80) /* bytes of a wrong text that a message repeats */

static bool one_of(char c, const char *set)
{
	return c != '\0' && strchr(set, c) != NULL;
}

/* ---- names ---- */

static bool label(const char *s, size_t n)
{
	return n >= 1 && n <= 63 && strspn(s, ALNUM "-") >= n && s[0] != '-' && s[n - 1] != '-';
}

static bool is_node(const char *s)
{
	return label(s, strlen(s));
}

static bool is_name(const char *s)
{
	const char *part = s, *dot;

	for (; (dot = strchr(part, '.')) != NULL; part = dot + 1) {
		if (!label(part, (size_t)(dot - part)))
			return false;
	}
	return label(part, strlen(part)) && strlen(s) <= MAX_NAME;
}

static bool storage(const char *s, size_t n)
{
	return n >= 2 && one_of(s[0], LOWER UPPER) && one_of(s[n - 1], ALNUM) &&
	       strspn(s, ALNUM "-_.") >= n;
}

static bool is_storage(const char *s)
{
	return storage(s, strlen(s));
}

static bool is_id(const char *s)
{
	size_t n = strlen(s);

	return n >= 2 && one_of(s[0], LOWER UPPER) && strspn(s, ALNUM "_-") == n;
}

static bool pool_part(const char *s, size_t n)
{
	return n >= 1 && strspn(s, ALNUM "-_.") >= n;
}

static bool is_pool(const char *s)
{
	const char *part = s, *slash;
	unsigned levels = 1;

	for (; (slash = strchr(part, '/')) != NULL; part = slash + 1, levels++) {
		if (!pool_part(part, (size_t)(slash - part)))
			return false;
	}
	return levels <= 3 && pool_part(part, strlen(part));
}

/* Text that can stand in a path and in a property string: no controls, blanks, commas. */
static bool plain(const char *s)
{
	size_t n = strlen(s);

	for (size_t at = 0; at < n;) {
		bool shown;

		if (one_of(s[at], " ,"))
			return false;
		at += pm_text_next(s + at, n - at, &shown);
		if (!shown)
			return false;
	}
	return true;
}

static bool is_volid(const char *s)
{
	const char *colon = strchr(s, ':');

	return colon && storage(s, (size_t)(colon - s)) && colon[1] != '\0' && plain(colon + 1) &&
	       !strstr(s, "..");
}

/* ---- addresses ---- */

static bool is_ipv4(const char *s)
{
	struct in_addr a;

	return inet_pton(AF_INET, s, &a) == 1;
}

static bool is_ipv6(const char *s)
{
	struct in6_addr a;

	return inet_pton(AF_INET6, s, &a) == 1;
}

static bool is_address(const char *s)
{
	return is_ipv4(s) || is_ipv6(s);
}

/* The first n bytes as a text; false: too long for any address. */
static bool part_of(const char *s, size_t n, char out[INET6_ADDRSTRLEN])
{
	if (n >= INET6_ADDRSTRLEN)
		return false;
	memcpy(out, s, n);
	out[n] = '\0';
	return true;
}

static bool is_cidr(const char *s)
{
	const char *slash = strchr(s, '/');
	char address[INET6_ADDRSTRLEN];
	int64_t bits;

	if (!slash || !part_of(s, (size_t)(slash - s), address) ||
		pm_parse_int(slash + 1, 0, 128, &bits) < 0)
		return false;
	return is_ipv6(address) || (bits <= 32 && is_ipv4(address));
}

/* A name whose last part is a number can only be meant as an IPv4 address. */
static bool is_host(const char *s)
{
	const char *last = strrchr(s, '.');
	size_t n = strlen(s);
	char address[INET6_ADDRSTRLEN];

	if (s[0] == '[')
		return s[n - 1] == ']' && part_of(s + 1, n - 2, address) && is_ipv6(address);
	last = last ? last + 1 : s;
	if (last[0] != '\0' && last[strspn(last, DIGITS)] == '\0')
		return is_ipv4(s);
	return is_name(s);
}

/* ---- numbers ---- */

static bool number(const char *s, int64_t min, int64_t max)
{
	int64_t i;

	return pm_parse_int(s, min, max, &i) == 0;
}

static bool is_vmid(const char *s)
{
	return number(s, 100, 999999999);
}

static bool is_port(const char *s)
{
	return number(s, 1, 65535);
}

static bool is_memory(const char *s)
{
	return number(s, 16, INT32_MAX);
}

static bool is_cores(const char *s)
{
	return number(s, 1, 8192);
}

/* ---- UPID:node:pid:pstart:starttime:type:id:user: ---- */

static bool hex(const char *s, size_t n, size_t least, size_t most)
{
	return n >= least && n <= most && strspn(s, HEX) >= n;
}

static bool is_upid(const char *s)
{
	const char *part[8];
	size_t len[8];

	if (strlen(s) > MAX_UPID || !plain(s) || strchr(s, '/'))
		return false;
	for (unsigned i = 0; i < PM_COUNT(part); i++) {
		const char *colon = strchr(s, ':');

		if (!colon)
			return false;
		part[i] = s;
		len[i] = (size_t)(colon - s);
		s = colon + 1;
	}
	return *s == '\0' && len[0] == 4 && memcmp(part[0], "UPID", 4) == 0 &&
	       label(part[1], len[1]) && hex(part[2], len[2], 8, 8) && hex(part[3], len[3], 8, 9) &&
	       hex(part[4], len[4], 8, 8) && len[5] > 0 && len[7] > 0;
}

static const struct {
	const char *name, *doc;
	bool (*fits)(const char *);
} rules[PM_VALID_MAX] = {
	[PM_VALID_VMID] = { "VMID", "A number from 100 to 999999999.", is_vmid },
	[PM_VALID_NODE] = { "node name", "At most 63 letters, digits and inner hyphens.", is_node },
	[PM_VALID_HOST] = { "host",
		"A DNS name, an IPv4 address, or an IPv6 address in brackets, as pve1.lan or [fd00::1].",
		is_host },
	[PM_VALID_NAME] = { "guest name",
		"A DNS name: parts of letters, digits and inner hyphens with dots between them, at most 255 bytes.",
		is_name },
	[PM_VALID_STORAGE] = { "storage name",
		"At least two letters, digits, '-', '_' and '.', the first a letter, the last no sign.",
		is_storage },
	[PM_VALID_ID] = { "identifier",
		"At least two letters, digits, '_' and '-', the first a letter.", is_id },
	[PM_VALID_POOL] = { "pool name",
		"Letters, digits, '.', '_' and '-', with '/' before a nested pool, at most three levels.",
		is_pool },
	[PM_VALID_ADDRESS] = { "address", "An IPv4 or IPv6 address, as 10.0.0.1 or fd00::1.",
		is_address },
	[PM_VALID_CIDR] = { "network",
		"An address with the length of its prefix, as 10.0.0.0/24 or fd00::/64.", is_cidr },
	[PM_VALID_PORT] = { "port", "A number from 1 to 65535.", is_port },
	[PM_VALID_MEMORY] = { "memory", "MiB, a number from 16 to 2147483647.", is_memory },
	[PM_VALID_CORES] = { "cores", "A number from 1 to 8192.", is_cores },
	[PM_VALID_VOLID] = { "volume",
		"STORAGE:VOLUME without blanks, commas and '..', as local:iso/debian.iso.",
		is_volid },
	[PM_VALID_UPID] = { "task",
		"A UPID as PVE gives it, with all its colons: UPID:node:pid:start:time:type:id:user:.",
		is_upid },
};

const char *pm_valid_name(enum pm_valid what)
{
	return (unsigned)what < PM_VALID_MAX ? rules[what].name : "?";
}

const char *pm_valid_doc(enum pm_valid what)
{
	return (unsigned)what < PM_VALID_MAX ? rules[what].doc : "?";
}

int pm_validate(enum pm_valid what, const char *text, struct pm_error *err)
{
	size_t n;

	if ((unsigned)what >= PM_VALID_MAX)
		return pm_error_set(err, PM_E_BUG, "there is no validator %d", (int)what);
	if (!text)
		text = "";
	if (rules[what].fits(text))
		return 0;
	n = strnlen(text, SHOWN + 1);
	if (n <= SHOWN)
		return pm_error_set(err, PM_E_INPUT, "\"%s\" is no %s. %s", text, rules[what].name,
			rules[what].doc);
	n = pm_utf8_valid(text, SHOWN);
	if (n + 4 <= SHOWN) /* broken long before the cut */
		n = SHOWN;
	return pm_error_set(err, PM_E_INPUT, "\"%.*s...\" is no %s. %s", (int)n, text,
		rules[what].name, rules[what].doc);
}

size_t pm_sanitize(const char *text, char *out, size_t n)
{
	size_t len = text ? strlen(text) : 0, used = 0;

	if (n == 0)
		return 0;
	for (size_t at = 0; at < len;) {
		bool shown;
		size_t bytes = pm_text_next(text + at, len - at, &shown);
		size_t need = shown ? bytes : 1;

		if (used + need >= n)
			break;
		if (shown)
			memcpy(out + used, text + at, bytes);
		else
			out[used] = '?';
		used += need;
		at += bytes;
	}
	out[used] = '\0';
	return used;
}
