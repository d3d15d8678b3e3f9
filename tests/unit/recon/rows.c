/* Samples of every row and manifests that hold one of them; see rows.h. */
#include "rows.h"

#include <string.h>

#include "base/text.h"

/* ---- samples, as they stand in a manifest ---- */

struct sample {
	const char *name; /* of the row, or of its format */
	const char *a, *b;
};

static const struct sample by_name[] = {
	{ "unprivileged", "true", NULL },
	{ "image", "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst", NULL },
	{ "node", "pve1", NULL },
	{ "vmid", "250", NULL },
	{ "pool", "shop", "infra" },
	{ "state", "stopped", "running" },
	{ "env", "{TZ: UTC, MODE: a}", "{MODE: b, LEVEL: \"3\"}" },
	{ "entrypoint", "/usr/bin/app --serve", "/usr/bin/app" },
	{ "ssh-public-keys", "[ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me]", NULL },
	{ "password", "secret-1", NULL },
	{ "description", "One\\nTwo <b>", "\"Dr\u00fcben: 100 % # done\"" },
	{ "resources.cpuunits", "100", "200" },
	{ "options.ha-managed", "false", NULL },
	{ "options.hookscript", "local:snippets/hook.sh", NULL },
	{ "options.ostype", "debian", "ubuntu" },
	{ "options.arch", "amd64", "i386" },
	{ "interface.name", "eth0", "eth7" },
	{ "interface.bridge", "vmbr0", "vmbr1" },
	{ "interface.type", "veth", NULL },
	{ "interface.mtu", "1400", "1500" },
	{ "rootfs.storage", "local-lvm", NULL },
	{ "rootfs.size", "5Gi", "6Gi" },
	{ "volume.path", "/data", "/data/more" },
	{ "volume.storage", "local-lvm", NULL },
	{ "volume.source", "/tank/a", "/tank/b" },
	{ "volume.size", "2Gi", "3Gi" },
	{ "device.path", "/dev/fuse", "/dev/kvm" },
	{ "rootfs.quota", "false", NULL }, /* privileged containers only */
	{ "volume.quota", "false", NULL },
};

static const struct sample by_format[] = {
	{ "dns-name", "a.example", "b.example" },
	{ "iface", "eth0", "eth1" },
	{ "mac", "\"BC:24:11:00:00:01\"", "\"bc:24:11:00:00:02\"" },
	{ "ipv4", "10.0.0.1", "10.0.0.2" },
	{ "ipv4-config", "10.0.0.20/24", "dhcp" },
	{ "ipv6", "\"fd00::1\"", "\"FD00:0::2\"" },
	{ "ipv6-config", "\"fd00::20/64\"", "auto" },
	{ "ip", "9.9.9.9", "\"2620:fe::fe\"" },
	{ "vlan", "\"7\"", "\"9\"" },
	{ "idmap", "passthrough", "\"u:0:100000:65536\"" },
	{ "timezone", "host", "Europe/Vienna" },
	{ "tag", "alpha", "Beta" },
	{ "fstype", "nfs", "cifs" },
	{ "mode", "\"0660\"", "\"0600\"" },
	{ "cpu-weight", "100", "200" },
	{ "setting", "resources", "onboot" },
	{ "object-ref", "former", "Pod/shop/earlier" },
};

static bool find_sample(
	const struct sample *v, size_t n, const char *name, const char **a, const char **b)
{
	for (size_t i = 0; name && i < n; i++) {
		if (!pm_str_eq(v[i].name, name))
			continue;
		*a = v[i].a;
		*b = v[i].b;
		return true;
	}
	return false;
}

static const char *wrapped(struct world *w, const struct pm_field *f, const char *text)
{
	if (f->type != PM_T_LIST || !text || text[0] == '[')
		return text;
	return pm_arena_printf(w->arena, "[%s]", text);
}

void rows_sample(struct world *w, const struct spot *s, const char **a, const char **b)
{
	const struct pm_field *f = s->f;
	const char *name = s->name;

	if (!find_sample(by_name, PM_COUNT(by_name), name, a, b) &&
		!find_sample(by_format, PM_COUNT(by_format), f->format, a, b)) {
		switch (f->type) {
		case PM_T_BOOL:
			*a = "true";
			*b = "false";
			break;
		case PM_T_INT:
			*a = pm_arena_printf(w->arena, "%lld", (long long)f->min + 1);
			*b = pm_arena_printf(w->arena, "%lld", (long long)f->min + 2);
			break;
		case PM_T_MILLI:
			*a = "1.5";
			*b = "2";
			break;
		case PM_T_SIZE:
			*a = "768Mi";
			*b = "1Gi";
			break;
		case PM_T_SECONDS:
			*a = "30s";
			*b = "5m";
			break;
		case PM_T_ENUM:
			*a = f->choices[0];
			*b = f->choices[1];
			break;
		case PM_T_LIST:
			*a = f->choices ? f->choices[0] : NULL;
			*b = f->choices ? f->choices[1] : NULL;
			break;
		default:
			*a = NULL;
		}
	}
	if (!*a)
		fail_msg("%s (format %s) has no sample: add one to rows.c", name,
			f->format ? f->format : "none");
	*a = wrapped(w, f, *a);
	*b = wrapped(w, f, *b);
}

/* ---- manifests with one value in them ---- */

/* Entries that a sub-row stands beside; a key that is the row itself is left out. */
static const struct {
	const char *kind;
	const char *keys[8];
} beside[] = {
	{ "interface",
		{ "name: eth0", "bridge: vmbr0", "ip: 10.0.0.5/24", "ip6: \"fd00::5/64\"" } },
	{ "rootfs", { "storage: local-lvm", "size: 4Gi" } },
	{ "volume", { "path: /data", "storage: local-lvm", "size: 1Gi" } },
	{ "device", { "path: /dev/fuse" } },
	{ "features", { NULL } },
	{ "startup", { NULL } },
};

static bool is_key(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == ':';
}

static void add_beside(struct pm_buf *out, const struct spot *s)
{
	bool bind = pm_str_eq(s->name, "volume.source");

	for (size_t i = 0; i < PM_COUNT(beside); i++) {
		if (!pm_str_eq(beside[i].kind, s->parent->sub->name))
			continue;
		for (const char *const *k = beside[i].keys; *k; k++) {
			if (is_key(*k, s->f->name) || (bind && !is_key(*k, "path")))
				continue;
			(void)pm_buf_addf(out, "%s, ", *k);
		}
	}
}

/* "a.b.c" and a value as nested flow mappings. */
static void add_nested(struct pm_buf *out, const char *path, const char *value)
{
	size_t n = strcspn(path, ".");

	(void)pm_buf_addf(out, "%.*s: ", (int)n, path);
	if (path[n] == '\0') {
		(void)pm_buf_adds(out, value);
		return;
	}
	(void)pm_buf_addc(out, '{');
	add_nested(out, path + n + 1, value);
	(void)pm_buf_addc(out, '}');
}

bool rows_required(const struct spot *s)
{
	return pm_str_eq(s->name, "volume.source") ||
	       s->f->flags & (PM_F_REQUIRED | PM_F_IDENT | PM_F_GROW | PM_F_MOVE);
}

/* The text of the row itself; value NULL: left out. */
static void add_value(struct pm_buf *out, const struct spot *s, const char *value)
{
	struct pm_buf entry cleanup_buf = PM_BUF(0);

	if (!s->parent) {
		if (value)
			add_nested(out, s->f->name, value);
		return;
	}
	(void)pm_buf_adds(&entry, s->parent->count > 0 ? "[{" : "{");
	add_beside(&entry, s);
	if (value)
		(void)pm_buf_addf(&entry, "%s: %s", s->f->name, value);
	(void)pm_buf_adds(&entry, s->parent->count > 0 ? "}]" : "}");
	add_nested(out, s->parent->name, pm_buf_str(&entry));
}

const char *rows_manifest(
	struct world *w, const struct spot *s, const char *value, const char *state)
{
	struct pm_buf out cleanup_buf = PM_BUF(0);
	const char *top = s->parent ? s->parent->name : s->f->name;

	(void)pm_buf_adds(&out, "apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web}\nspec:\n");
	if (!pm_str_eq(top, "image"))
		(void)pm_buf_adds(
			&out, "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n");
	if (!pm_str_eq(top, "rootfs"))
		(void)pm_buf_adds(&out, "  rootfs: {storage: local-lvm, size: 4Gi}\n");
	if (pm_str_eq(top, "pinned"))
		(void)pm_buf_adds(&out, "  node: pve1\n");
	if (!pm_str_eq(top, "state"))
		(void)pm_buf_addf(&out, "  state: %s\n", state);
	(void)pm_buf_adds(&out, "  ");
	add_value(&out, s, value);
	(void)pm_buf_adds(&out, "\n");
	return pm_arena_strdup(w->arena, pm_buf_str(&out));
}

/* ---- all rows ---- */

/* Words of podmox's own that need more than one object, or a network, to be tried. */
static bool needs_more(const char *name)
{
	return pm_str_eq(name, "dependsOn") || pm_str_starts(name, "ready.");
}

static void each_sub_row(
	const struct pm_field *parent, void (*fn)(const struct spot *s, void *arg), void *arg)
{
	for (unsigned i = 0; i < parent->sub->nfields; i++) {
		const struct pm_field *f = &parent->sub->fields[i];
		char name[128];
		struct spot s = { .f = f, .parent = parent, .name = name };

		if (!f->name || f->flags & (PM_F_OWN | PM_F_INNER))
			continue;
		(void)snprintf(name, sizeof(name), "%s.%s", parent->sub->name, f->name);
		fn(&s, arg);
	}
}

void rows_each(void (*fn)(const struct spot *s, void *arg), void *arg)
{
	for (unsigned i = 0; i < PM_POD_MAX; i++) {
		const struct pm_field *f = &pm_kind_pod.fields[i];
		const struct spot s = { .f = f, .name = f->name };

		if (f->flags & PM_F_INNER || needs_more(f->name))
			continue;
		if (f->type == PM_T_PROPS)
			each_sub_row(f, fn, arg);
		else
			fn(&s, arg);
	}
}
