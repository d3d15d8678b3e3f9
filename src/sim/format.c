/* The named formats of PVE's parameters, with the texts of their refusals. A format that is not here
 * passes: only PVE's code knows it. */
#include <arpa/inet.h>

#include "base/num.h"
#include "sim/sim_priv.h"

static bool all_of(const char *s, size_t n, const char *chars)
{
	for (size_t i = 0; i < n; i++)
		if (!((s[i] >= 'a' && s[i] <= 'z') || (s[i] >= 'A' && s[i] <= 'Z') ||
			    (s[i] >= '0' && s[i] <= '9') || strchr(chars, s[i])))
			return false;
	return true;
}

static bool letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool alnum(char c)
{
	return letter(c) || (c >= '0' && c <= '9');
}

static bool is_ip(const char *s, int version)
{
	unsigned char out[16];

	return (version != 6 && inet_pton(AF_INET, s, out) == 1) ||
	       (version != 4 && inet_pton(AF_INET6, s, out) == 1);
}

static bool is_cidr(const char *s, int version)
{
	const char *slash = strchr(s, '/');
	char address[64];
	int64_t bits;

	if (!slash || (size_t)(slash - s) >= sizeof(address))
		return false;
	memcpy(address, s, (size_t)(slash - s));
	address[slash - s] = '\0';
	if (is_ip(address, 4) && version != 6)
		return pm_parse_int(slash + 1, 0, 32, &bits) == 0;
	return is_ip(address, 6) && version != 4 && pm_parse_int(slash + 1, 0, 128, &bits) == 0;
}

static bool is_name(const char *s, size_t n) /* one label of a DNS name; also a node name */
{
	return n > 0 && n < 64 && alnum(s[0]) && alnum(s[n - 1]) && all_of(s, n, "-");
}

static bool is_dns(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!is_name(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

static bool is_mac(const char *s)
{
	static const char hex[] = "0123456789abcdefABCDEF";

	for (int i = 0; i < 17; i++)
		if (i % 3 == 2 ? s[i] != ':' : !s[i] || !strchr(hex, s[i]))
			return false;
	return !s[17] && !strchr("13579bBdDfF", s[1]);
}

static const char *f_vmid(struct pm_arena *a, const char *v)
{
	size_t n = strlen(v);

	(void)a;
	if (n >= 3 && n <= 9 && v[0] != '0' && strspn(v, "0123456789") == n)
		return NULL;
	return "value does not look like a valid VM ID";
}

static const char *f_node(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_name(v, strlen(v)) ? NULL : "value does not look like a valid node name";
}

static const char *f_configid(struct pm_arena *a, const char *v)
{
	if (letter(v[0]) && strlen(v) >= 2 && all_of(v, strlen(v), "_-"))
		return NULL;
	return pm_arena_printf(a, "invalid configuration ID '%s'", v);
}

static const char *f_storage(struct pm_arena *a, const char *v)
{
	size_t n = strlen(v);

	if (n < 2)
		return pm_arena_printf(a, "storage ID '%s' cannot be shorter than 2 characters", v);
	if (letter(v[0]) && alnum(v[n - 1]) && all_of(v, n, "-_."))
		return NULL;
	return pm_arena_printf(a, "storage ID '%s' contains illegal characters", v);
}

static const char *f_pool(struct pm_arena *a, const char *v)
{
	unsigned levels = 1;

	for (const char *p = v; *p; p++) {
		levels += *p == '/';
		if (*p == '/' && (p == v || p[1] == '/' || !p[1]))
			levels = 9;
	}
	if (*v && levels <= 3 && all_of(v, strlen(v), "-_./"))
		return NULL;
	return pm_arena_printf(a, "pool name '%s' contains invalid characters", v);
}

static const char *f_dns(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_dns(v) ? NULL : "value does not look like a valid DNS name";
}

static const char *f_ip(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_ip(v, 0) ? NULL : "value does not look like a valid IP address";
}

static const char *f_ip_iface(struct pm_arena *a, const char *v)
{
	const char *percent = strchr(v, '%');

	return f_ip(a, percent ? pm_arena_strndup(a, v, (size_t)(percent - v)) : v);
}

static const char *f_ipv4(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_ip(v, 4) ? NULL : "value does not look like a valid IPv4 address";
}

static const char *f_ipv6(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_ip(v, 6) ? NULL : "value does not look like a valid IPv6 address";
}

static const char *f_cidr(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_cidr(v, 0) ? NULL : "value does not look like a valid CIDR network";
}

static const char *f_ipv4_config(struct pm_arena *a, const char *v)
{
	(void)a;
	if (!strcmp(v, "dhcp") || !strcmp(v, "manual") || is_cidr(v, 4))
		return NULL;
	return "value does not look like a valid ipv4 network configuration";
}

static const char *f_ipv6_config(struct pm_arena *a, const char *v)
{
	(void)a;
	if (!strcmp(v, "auto") || !strcmp(v, "dhcp") || !strcmp(v, "manual") || is_cidr(v, 6))
		return NULL;
	return "value does not look like a valid ipv6 network configuration";
}

static const char *f_mac(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_mac(v) ? NULL : "value does not look like a valid unicast MAC address";
}

static const char *f_tag(struct pm_arena *a, const char *v)
{
	(void)a;
	if ((alnum(v[0]) || v[0] == '_') && all_of(v, strlen(v), "_-+."))
		return NULL;
	return "invalid characters in tag";
}

static const char *f_startup(struct pm_arena *a, const char *v)
{
	struct sim_conf c cleanup_conf = { 0 };
	bool fine = pm_s_props(&c, v, "order") && c.n > 0;
	int64_t n;

	(void)a;
	for (size_t i = 0; i < c.n; i++)
		fine = fine &&
		       (!strcmp(c.v[i].k, "order") || !strcmp(c.v[i].k, "up") ||
			       !strcmp(c.v[i].k, "down")) &&
		       pm_parse_int(c.v[i].v, 0, INT32_MAX, &n) == 0;
	return fine ? NULL : "unable to parse startup options";
}

static const char *f_timezone(struct pm_arena *a, const char *v)
{
	static const char *const areas[] = { "Africa/", "America/", "Antarctica/", "Arctic/",
		"Asia/", "Atlantic/", "Australia/", "Europe/", "Indian/", "Pacific/" };

	if (!strcmp(v, "host") || !strcmp(v, "UTC"))
		return NULL;
	for (size_t i = 0; i < PM_COUNT(areas); i++)
		if (!strncmp(v, areas[i], strlen(areas[i])) && v[strlen(areas[i])] &&
			all_of(v, strlen(v), "/_-+"))
			return NULL;
	return pm_arena_printf(a, "invalid time zone '%s'", v);
}

static const char *f_mount(struct pm_arena *a, const char *v)
{
	for (const char *p = v; p; p = strchr(p, '/')) {
		size_t n;

		p += *p == '/';
		n = strcspn(p, "/");
		if ((n == 1 && p[0] == '.') || (n == 2 && p[0] == '.' && p[1] == '.'))
			return pm_arena_printf(a, "%s contains illegal character sequences", v);
	}
	return NULL;
}

static const char *f_device(struct pm_arena *a, const char *v)
{
	if (!strncmp(v, "/dev/", 5) && !f_mount(a, v))
		return NULL;
	return pm_arena_printf(a, "%s does not start with '/dev/'", v);
}

static const char *f_size(struct pm_arena *a, const char *v)
{
	return pm_s_parse_size(v) >= 0 ? NULL : pm_arena_printf(a, "invalid disk size '%s'", v);
}

static const char *f_volume(struct pm_arena *a, const char *v)
{
	const char *colon = strchr(v, ':');

	if (colon && colon[1] && !f_storage(a, pm_arena_strndup(a, v, (size_t)(colon - v))))
		return NULL;
	return pm_arena_printf(a, "unable to parse volume ID '%s'", v);
}

static const char *f_user(struct pm_arena *a, const char *v)
{
	const char *at = strrchr(v, '@');

	if (at && at > v && letter(at[1]) && strlen(at) > 2 && !strpbrk(v, " :/") &&
		all_of(at + 1, strlen(at + 1), "._-"))
		return NULL;
	return pm_arena_printf(a, "value '%s' does not look like a valid user name", v);
}

static const char *f_group(struct pm_arena *a, const char *v)
{
	if (*v && all_of(v, strlen(v), "-_."))
		return NULL;
	return pm_arena_printf(a, "group name '%s' contains invalid characters", v);
}

static const char *f_role(struct pm_arena *a, const char *v)
{
	if (*v && all_of(v, strlen(v), "-_."))
		return NULL;
	return pm_arena_printf(a, "role name '%s' contains invalid characters", v);
}

static const char *f_priv(struct pm_arena *a, const char *v)
{
	return pm_s_priv(v) ? NULL : pm_arena_printf(a, "invalid privilege '%s'", v);
}

static const char *f_content(struct pm_arena *a, const char *v)
{
	static const char *const known[] = { "rootdir", "images", "vztmpl", "iso", "backup",
		"snippets", "import", "none" };

	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!strcmp(v, known[i]))
			return NULL;
	return pm_arena_printf(a, "invalid content type '%s'", v);
}

static const char *f_iface(struct pm_arena *a, const char *v)
{
	size_t n = strcspn(v, ":.");

	if (letter(v[0]) && n >= 2 && n <= 21 && all_of(v, n, "_") &&
		(!v[n] || (v[n + 1] && strspn(v + n + 1, "0123456789") == strlen(v + n + 1))))
		return NULL;
	return pm_arena_printf(a, "invalid network interface name '%s'", v);
}

static const char *f_path(struct pm_arena *a, const char *v)
{
	(void)a;
	return v[0] == '/' && all_of(v, strlen(v), "/_-.,:@ ") ? NULL : "invalid path";
}

static const char *f_ip_or_cidr(struct pm_arena *a, const char *v)
{
	(void)a;
	return is_ip(v, 0) || is_cidr(v, 0)
		       ? NULL
		       : "value does not look like a valid IP address or CIDR network";
}

/* Addresses of a firewall rule: networks, ranges, names of aliases, sets after a plus. */
static const char *f_fw_addresses(struct pm_arena *a, const char *v)
{
	while (*v) {
		size_t n = strcspn(v, ","), skip = *v == '+';
		const char *one = pm_arena_strndup(a, v, n);

		if (!(letter(one[skip]) && all_of(one + skip, strlen(one + skip), "-_/")) &&
			!all_of(one, n, ":./-+"))
			return pm_arena_printf(
				a, "invalid IP address: Invalid chars in IP %s", one);
		if (letter(one[0]) && !all_of(one, n, "-_/:"))
			return pm_arena_printf(
				a, "invalid IP address: Invalid chars in IP %s", one);
		v += n;
		v += *v == ',';
	}
	return NULL;
}

static const struct {
	const char *name;
	const char *(*check)(struct pm_arena *a, const char *v);
} formats[] = {
	{ "CIDR", f_cidr },
	{ "CIDRv4", f_cidr },
	{ "IPorCIDR", f_ip_or_cidr },
	{ "IPorCIDRorAlias", f_fw_addresses },
	{ "disk-size", f_size },
	{ "dns-name", f_dns },
	{ "ip", f_ip },
	{ "ipv4", f_ipv4 },
	{ "ipv6", f_ipv6 },
	{ "lxc-ip-with-ll-iface", f_ip_iface },
	{ "mac-addr", f_mac },
	{ "pve-configid", f_configid },
	{ "pve-ct-timezone", f_timezone },
	{ "pve-fw-addr-spec", f_fw_addresses },
	{ "pve-groupid", f_group },
	{ "pve-iface", f_iface },
	{ "pve-ipv4-config", f_ipv4_config },
	{ "pve-ipv6-config", f_ipv6_config },
	{ "pve-lxc-dev-string", f_device },
	{ "pve-lxc-mp-string", f_mount },
	{ "pve-node", f_node },
	{ "pve-poolid", f_pool },
	{ "pve-priv", f_priv },
	{ "pve-roleid", f_role },
	{ "pve-startup-order", f_startup },
	{ "pve-storage-content", f_content },
	{ "pve-storage-id", f_storage },
	{ "pve-storage-path", f_path },
	{ "pve-tag", f_tag },
	{ "pve-userid", f_user },
	{ "pve-vmid", f_vmid },
	{ "pve-volume-id", f_volume },
};

static const char *check_list(struct pm_arena *a, const char *format, const char *v)
{
	static const char separators[] = { ',', ';', ' ', '\t', '\n', '\r', SIM_NUL, 0 };

	while (*v) {
		size_t n = strcspn(v, separators);
		const char *fault = n ? pm_s_format(a, format, pm_arena_strndup(a, v, n)) : NULL;

		if (fault)
			return fault;
		v += n;
		v += *v != '\0';
	}
	return NULL;
}

const char *pm_s_format(struct pm_arena *a, const char *format, const char *v)
{
	size_t n = strlen(format);

	if (n > 5 && !strcmp(format + n - 5, "-list"))
		return check_list(a, pm_arena_strndup(a, format, n - 5), v);
	for (size_t i = 0; i < PM_COUNT(formats); i++)
		if (!strcmp(formats[i].name, format))
			return formats[i].check(a, v);
	return pm_s_format_vm(a, format, v);
}
