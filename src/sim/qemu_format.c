/* The named formats of parameters of virtual machines, with the texts of their refusals. */
#include "sim/qemu_priv.h"

static const char *f_urlencoded(struct pm_arena *a, const char *v)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
				    "-%_.!~*'()";

	return v[strspn(v, plain)] ? pm_arena_printf(a, "invalid urlencoded string: %s", v) : NULL;
}

static const char *f_volume(struct pm_arena *a, const char *v)
{
	if (v[0] == '/' || !strcmp(v, "none") || !strcmp(v, "cdrom") ||
		!v[strspn(v, "0123456789.")])
		return NULL;
	return pm_s_format(a, "pve-volume-id", v);
}

/* The first word of a list that is not among those known, or NULL. */
static const char *stranger(
	struct pm_arena *a, const char *list, const char *const *known, size_t n)
{
	while (*list) {
		size_t len = strcspn(list, ",; "), i = 0;

		while (i < n && (strlen(known[i]) != len || strncmp(known[i], list, len) != 0))
			i++;
		if (len && i == n)
			return pm_arena_strndup(a, list, len);
		list += len;
		list += *list != '\0';
	}
	return NULL;
}

static const char *f_hotplug(struct pm_arena *a, const char *v)
{
	static const char *const known[] = { "network", "disk", "cpu", "memory", "usb",
		"cloudinit" };
	const char *other;

	if (!strcmp(v, "0") || !strcmp(v, "1"))
		return NULL;
	other = stranger(a, v, known, PM_COUNT(known));
	return other ? pm_arena_printf(a, "invalid hotplug feature '%s'", other) : NULL;
}

static bool boots(const char *k)
{
	if (pm_s_is_drive(k))
		return strncmp(k, "efidisk", 7) != 0 && strncmp(k, "tpmstate", 8) != 0;
	return pm_s_numbered(k, "net", 31) >= 0 || pm_s_numbered(k, "usb", 13) >= 0 ||
	       pm_s_numbered(k, "hostpci", 15) >= 0;
}

static const char *f_bootdisk(struct pm_arena *a, const char *v)
{
	return boots(v) ? NULL : pm_arena_printf(a, "invalid boot device '%s'", v);
}

static const char *f_boot(struct pm_arena *a, const char *v)
{
	const char *legacy = strncmp(v, "legacy=", 7) != 0 ? v : v + 7;

	if (strncmp(v, "order=", 6) != 0)
		return legacy[strspn(legacy, "acdn")] || strlen(legacy) > 4
			       ? "format error\nlegacy: value does not match the regex pattern"
			       : NULL;
	for (const char *p = v + 6; *p;) {
		size_t n = strcspn(p, ";, ");
		const char *why = n ? f_bootdisk(a, pm_arena_strndup(a, p, n)) : NULL;

		if (why)
			return pm_arena_printf(
				a, "format error\norder: invalid format - %s\n", why);
		p += n;
		p += *p != '\0';
	}
	return NULL;
}

static const char *f_ipconfig(struct pm_arena *a, const char *v)
{
	static const struct {
		const char *key, *format;
	} parts[] = { { "ip", "pve-ipv4-config" }, { "gw", "ipv4" }, { "ip6", "pve-ipv6-config" },
		{ "gw6", "ipv6" } };
	struct sim_conf p cleanup_conf = { 0 };

	if (!pm_s_props(&p, v, NULL))
		return "value without key, but schema does not define a default key";
	for (size_t i = 0; i < PM_COUNT(parts); i++) {
		const char *given = pm_s_conf_get(&p, parts[i].key);
		const char *why = given ? pm_s_format(a, parts[i].format, given) : NULL;

		if (why)
			return pm_arena_printf(
				a, "format error\n%s: invalid format - %s\n", parts[i].key, why);
		pm_s_conf_del(&p, parts[i].key);
	}
	if (p.n)
		return pm_arena_printf(a,
			"format error\n%s: property is not defined in schema and the schema does not "
			"allow additional properties",
			p.v[0].k);
	return NULL;
}

static const char *f_address(struct pm_arena *a, const char *v)
{
	if (!pm_s_format(a, "ip", v) || !pm_s_format(a, "dns-name", v))
		return NULL;
	return pm_arena_printf(a, "value does not look like a valid address: %s", v);
}

static const struct {
	const char *name;
	const char *(*check)(struct pm_arena *a, const char *v);
} formats[] = {
	{ "address", f_address },
	{ "pve-hotplug-features", f_hotplug },
	{ "pve-qm-boot", f_boot },
	{ "pve-qm-bootdisk", f_bootdisk },
	{ "pve-qm-ipconfig", f_ipconfig },
	{ "pve-volume-id-or-absolute-path", f_volume },
	{ "pve-volume-id-or-qm-path", f_volume },
	{ "urlencoded", f_urlencoded },
};

const char *pm_s_format_vm(struct pm_arena *a, const char *format, const char *v)
{
	for (size_t i = 0; i < PM_COUNT(formats); i++)
		if (!strcmp(formats[i].name, format))
			return formats[i].check(a, v);
	return NULL;
}
