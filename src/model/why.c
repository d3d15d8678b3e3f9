/* What was probably meant by a text that does not fit its format: help for people, nothing is taken. */
#include <arpa/inet.h>
#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"
#include "model/model_priv.h"

#define DIGITS "0123456789"
#define WORD   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz" DIGITS "_"

static bool only(const char *s, const char *set)
{
	return *s != '\0' && s[strspn(s, set)] == '\0';
}

static bool fits(const char *format, const char *s)
{
	return pm_format_find(format)->fits(s);
}

/* Are the first n bytes, up to a colon, the name of a storage? */
static bool is_storage(const char *s, size_t n)
{
	char name[128];

	if (n >= sizeof(name))
		return false;
	(void)snprintf(name, sizeof(name), "%.*s", (int)n, s);
	return fits("storage", name);
}

/* "write X" where X is the text with some characters replaced, if that fits. */
static void write_mapped(const char *format, const char *s, char (*map)(char c), struct pm_buf *out)
{
	char text[256];
	size_t n = strlen(s), start = 0;

	if (n >= sizeof(text))
		return;
	for (size_t i = 0; i <= n; i++)
		text[i] = s[i] ? map(s[i]) : '\0';
	while (n > 0 && text[n - 1] == '-')
		text[--n] = '\0';
	start = strspn(text, "-");
	if (fits(format, text + start))
		(void)pm_buf_addf(out, "write %s", text + start);
}

static char label_char(char c)
{
	return isalnum((unsigned char)c) ? (char)tolower((unsigned char)c) : '-';
}

static char name_char(char c)
{
	return isalnum((unsigned char)c) || c == '.' ? c : '-';
}

static void why_dns_label(const char *s, struct pm_buf *out)
{
	if (only(s, WORD "-. "))
		write_mapped("dns-label", s, label_char, out);
}

static void why_dns_name(const char *s, struct pm_buf *out)
{
	if (only(s, WORD "-. "))
		write_mapped("dns-name", s, name_char, out);
}

static void why_node(const char *s, struct pm_buf *out)
{
	const char *dot = strchr(s, '.');

	if (dot && fits("dns-name", s))
		(void)pm_buf_addf(out, "write %.*s, without the domain", (int)(dot - s), s);
}

static void why_storage(const char *s, struct pm_buf *out)
{
	const char *colon = strchr(s, ':');

	if (colon && is_storage(s, (size_t)(colon - s)))
		(void)pm_buf_addf(out, "write %.*s", (int)(colon - s), s);
}

/* The prefix length that a mask such as 255.255.255.0 says; -1: none. */
static int mask_bits(const char *s)
{
	struct in_addr a;
	uint32_t mask, bits = 0;

	if (inet_pton(AF_INET, s, &a) != 1)
		return -1;
	mask = ntohl(a.s_addr);
	while (bits < 32 && mask & (0x80000000U >> bits))
		bits++;
	return bits > 0 && (bits == 32 || mask << bits == 0) ? (int)bits : -1;
}

static void write_word(const char *s, const char *word, struct pm_buf *out)
{
	if (!strcasecmp(s, word))
		(void)pm_buf_addf(out, "write %s", word);
}

static void why_ipv4_config(const char *s, struct pm_buf *out)
{
	const char *slash = strchr(s, '/');
	int bits = slash ? mask_bits(slash + 1) : -1;

	write_word(s, "dhcp", out);
	write_word(s, "manual", out);
	if (!strcasecmp(s, "static") || !strcasecmp(s, "auto"))
		(void)pm_buf_adds(
			out, strcasecmp(s, "auto") ? "write the address itself" : "write dhcp");
	else if (fits("ipv4", s))
		(void)pm_buf_addf(out, "the prefix length is missing, as in %s/24", s);
	else if (bits > 0)
		(void)pm_buf_addf(out, "write %.*s/%d", (int)(slash - s), s, bits);
	else if (fits("ipv6-config", s) || fits("ipv6", s))
		(void)pm_buf_adds(out, "an IPv6 address belongs to ip6");
}

static void why_ipv6_config(const char *s, struct pm_buf *out)
{
	write_word(s, "dhcp", out);
	write_word(s, "auto", out);
	write_word(s, "manual", out);
	if (!strcasecmp(s, "slaac") || !strcasecmp(s, "static"))
		(void)pm_buf_adds(
			out, strcasecmp(s, "slaac") ? "write the address itself" : "write auto");
	else if (fits("ipv6", s))
		(void)pm_buf_addf(out, "the prefix length is missing, as in %s/64", s);
	else if (fits("ipv4-config", s) || fits("ipv4", s))
		(void)pm_buf_adds(out, "an IPv4 address belongs to ip");
}

/* An address without what is too much of it. */
static void why_address(const char *s, struct pm_buf *out)
{
	const char *slash = strchr(s, '/');
	char address[64];

	if (slash && slash - s < (int)sizeof(address)) {
		memcpy(address, s, (size_t)(slash - s));
		address[slash - s] = '\0';
		if (fits("ip", address))
			(void)pm_buf_addf(out, "write %s, without the prefix length", address);
	} else if (!only(s, DIGITS ".") && fits("dns-name", s)) {
		(void)pm_buf_adds(out, "a name has to be looked up first");
	}
}

static void why_mac(const char *s, struct pm_buf *out)
{
	char digits[13];
	size_t n = 0;

	for (; *s && n < sizeof(digits); s++) {
		if (isxdigit((unsigned char)*s))
			digits[n++] = (char)toupper((unsigned char)*s);
		else if (!strchr(":-.", *s))
			return;
	}
	if (n != 12 || *s)
		return;
	if (!strchr("02468ACE", digits[1])) {
		(void)pm_buf_addf(out, "%.2s at its start makes it the address of a group", digits);
		return;
	}
	(void)pm_buf_adds(out, "write ");
	for (size_t i = 0; i < n; i += 2)
		(void)pm_buf_addf(out, "%s%.2s", i > 0 ? ":" : "", digits + i);
}

static void why_path(const char *s, struct pm_buf *out)
{
	size_t n = strlen(s);

	if (s[0] == '~')
		(void)pm_buf_adds(out, "~ is known to shells only");
	else if (s[0] != '/')
		(void)pm_buf_adds(out, "it has to start with /");
	else if (n > 1 && s[n - 1] == '/' && s[n - 2] != '/')
		(void)pm_buf_addf(out, "write %.*s", (int)n - 1, s);
}

static void why_devpath(const char *s, struct pm_buf *out)
{
	char path[256];
	int n = snprintf(path, sizeof(path), "/dev/%s", s);

	if (s[0] != '/' && n > 0 && n < (int)sizeof(path) && fits("devpath", path))
		(void)pm_buf_addf(out, "write %s", path);
}

static void why_mode(const char *s, struct pm_buf *out)
{
	if (strlen(s) == 3 && only(s, "01234567"))
		(void)pm_buf_addf(out, "write \"0%s\"", s);
}

static bool is_archive(const char *s)
{
	static const char *const ends[] = { ".tar.zst", ".tar.gz", ".tar.xz", ".tar.bz2", ".tar" };
	size_t n = strlen(s);

	for (size_t i = 0; i < PM_COUNT(ends); i++) {
		if (n > strlen(ends[i]) && !strcmp(s + n - strlen(ends[i]), ends[i]))
			return true;
	}
	return false;
}

static void why_image(const char *s, struct pm_buf *out)
{
	static const char *const content[] = { "vztmpl" };
	const char *colon = strchr(s, ':'), *slash = colon ? strchr(colon, '/') : NULL;
	const char *base = strrchr(s, '/');
	char kind[32];

	base = base ? base + 1 : s;
	if (colon && slash && slash - colon > 1 && is_storage(s, (size_t)(colon - s))) {
		(void)snprintf(kind, sizeof(kind), "%.*s", (int)(slash - colon) - 1, colon + 1);
		if (pm_nearest(kind, content, 1))
			(void)pm_buf_addf(
				out, "did you mean %.*s:vztmpl/%s?", (int)(colon - s), s, base);
		else if (!strcmp(kind, "iso"))
			(void)pm_buf_adds(
				out, "containers are made from templates, not from ISO images");
		else if (!strcmp(kind, "backup"))
			(void)pm_buf_adds(out, "podmox restores no backups; do that with PVE");
	}
	if (out->len > 0)
		return;
	if (!strchr(s, ':') && is_archive(base))
		(void)pm_buf_addf(
			out, "write local:vztmpl/%s when it lies on the storage local", base);
	else if (strpbrk(s, ":/"))
		(void)pm_buf_adds(out,
			"this version does not fetch images from addresses and registries: bring it to a storage first");
}

static void why_env(const char *s, struct pm_buf *out)
{
	size_t name = strcspn(s, "=");

	if (name == 0 || strspn(s, WORD) < name)
		(void)pm_buf_addf(out, "the name '%.*s' has other characters", (int)name, s);
	else if (*s && isblank((unsigned char)s[strlen(s) - 1]))
		(void)pm_buf_adds(out, "PVE drops blanks at the end of a value");
}

static void why_host_port(const char *s, struct pm_buf *out)
{
	const char *host = strstr(s, "://");

	if (host)
		(void)pm_buf_addf(out, "write %.*s", (int)strcspn(host + 3, "/"), host + 3);
}

static void why_git_url(const char *s, struct pm_buf *out)
{
	const char *host = strstr(s, "://");

	if (host && memchr(host, '@', 3 + strcspn(host + 3, "/")))
		(void)pm_buf_adds(out, "a token belongs below auth, where it is kept secret");
	else if (pm_str_starts(s, "http://") || pm_str_starts(s, "git://"))
		(void)pm_buf_adds(out, "whoever is on the way could change what is fetched");
}

static void why_signing_key(const char *s, struct pm_buf *out)
{
	if (strstr(s, "PRIVATE KEY"))
		(void)pm_buf_adds(out, "this is the secret half: whoever has it signs");
}

static void why_source(const char *s, struct pm_buf *out)
{
	if (s[0] != '/' && strchr(s, ':'))
		(void)pm_buf_adds(
			out, "a disk is made with storage and size, and import copies an image");
}

static void why_pci(const char *s, struct pm_buf *out)
{
	if (strpbrk(s, "ABCDEF"))
		(void)pm_buf_adds(out, "PVE wants small letters");
}

/** Who knows more about a format. */
static const struct {
	const char *format;
	void (*why)(const char *s, struct pm_buf *out);
} reasons[] = {
	{ "dns-name", why_dns_name },
	{ "dns-label", why_dns_label },
	{ "node", why_node },
	{ "storage", why_storage },
	{ "ipv4", why_address },
	{ "ipv6", why_address },
	{ "ip", why_address },
	{ "ipv4-config", why_ipv4_config },
	{ "ipv6-config", why_ipv6_config },
	{ "mac", why_mac },
	{ "file", why_path },
	{ "path", why_path },
	{ "devpath", why_devpath },
	{ "mode", why_mode },
	{ "image", why_image },
	{ "vm-source", why_source },
	{ "pci-host", why_pci },
	{ "env", why_env },
	{ "host-port", why_host_port },
	{ "git-url", why_git_url },
	{ "signing-key", why_signing_key },
};

void pm_format_why(const char *format, const char *text, struct pm_buf *out)
{
	for (size_t i = 0; i < PM_COUNT(reasons); i++) {
		if (!strcmp(reasons[i].format, format))
			reasons[i].why(text, out);
	}
}
