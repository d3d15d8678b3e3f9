/* Random values, records and objects, by the rows of the field table: type, bounds, choices, format. A new
 * row needs nothing here unless its format is new, or the simulated cluster has only some of what the
 * format allows (bridges, storages): then it needs samples. */
#include <string.h>
#include <strings.h>

#include "base/num.h"
#include "base/text.h"
#include "property.h"

unsigned pm_roll(struct dice *d, unsigned below)
{
	return (unsigned)pm_random_below(&d->rnd, below);
}

bool pm_roll_one_in(struct dice *d, unsigned n)
{
	return pm_roll(d, n) == 0;
}

/* ---- samples ---- */

struct sample {
	const char *name; /* "interface.bridge", or a format */
	const char *text[7];
};

/* %m is the number of the object, %n that of the entry; %h and %e are they as two hex digits. */
static const struct sample samples[] = {
	{ "image", { "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst" } },
	{ "options.hookscript", { "local:snippets/hook.sh" } },
	{ "hostname", { "h%m", "H%m.example.test", "h%m.lan" } },
	{ "interface.bridge", { "vmbr0", "vmbr1" } },
	{ "node", { "pve1", "pve2" } },
	{ "pool", { "shop", "lab", "lab/inner" } },
	{ "storage", { "local-lvm", "local", "local-lvm" } },
	{ "dns-name", { "example.test", "Lan", "a-b.c" } },
	{ "iface", { "eth%n" } },
	{ "mac", { "BC:24:11:00:%h:%e", "bc:24:11:aa:%h:%e", "02:Ab:11:00:%h:%e" } },
	{ "ipv4-config",
		{ "dhcp", "manual", "10.%m.%n.10/24", "10.%m.%n.10/16", "10.%m.%n.10/24" } },
	{ "ipv4", { "10.%m.%n.1", "10.%m.%n.254" } },
	{ "ipv6-config", { "auto", "dhcp", "manual", "fd00:%m:%n::10/64", "FD00:%m:%n:0::10/64",
				 "fd00:%m:%n::10/64" } },
	{ "ipv6", { "fd00:%m:%n::1", "FD00:%m:%n:0::1", "fe80::1" } },
	{ "ip", { "9.9.9.9", "1.1.1.1", "2620:fe::fe", "2620:FE:0::FE", "fe80::1%eth0" } },
	{ "vlan", { "1", "20", "4094", "7" } },
	{ "path", { "/srv/a", "/srv/b c", "/srv/%n" } },
	{ "devpath", { "/dev/fuse", "/dev/net/tun", "/dev/kvm" } },
	{ "mode", { "0660", "0666", "0600" } },
	{ "tag", { "web", "Prod", "a-b", "x.y+z", "9" } },
	{ "volid", { "local:snippets/hook.sh" } },
	{ "timezone", { "host", "Europe/Vienna", "Etc/UTC" } },
	{ "idmap", { "passthrough", "u:0:100000:65536", "u:0:100000:1000;g:0:100000:1000" } },
	{ "interface.trunks", { "1", "20-30", "4094" } },
	{ "cpuset", { "0-1", "0", "0,2-3" } },
	{ "cpu-type", { "host", "x86-64-v2-AES", "kvm64" } },
	{ "cpu-flag", { "+aes", "-pcid", "+pdpe1gb" } },
	{ "hv-vendor", { "abc", "Z9" } },
	{ "phys-bits", { "host", "40" } },
	{ "machine", { "q35", "pc", "pc-i440fx-9.0" } },
	{ "order", { "scsi0", "net0", "virtio0", "ide0" } },
	{ "serial.device", { "socket" } },
	{ "parallel", { "/dev/parport0" } },
	{ "usb-host", { "spice", "1-2", "046d:c52b" } },
	{ "ranges", { "0-3", "5", "7" } },
	{ "uuid", { "9f0d5d3a-7a0f-4a8c-9a3e-1f2e3d4c5b6a",
			  "9F0D5D3A-7A0F-4A8C-9A3E-1F2E3D4C5B6B" } },
	{ "smbios", { "QUJD", "eHl6" } },
	{ "startdate", { "now", "2006-06-17", "2006-06-17T16:01:21" } },
	{ "wwn", { "0x5000c50015ea71ac", "0x5000C50015EA71AD" } },
	{ "scsi-vendor", { "ACME" } },
	{ "scsi-product", { "Disk" } },
	{ "cloudInit.user", { "ops", "Admin" } },
	{ "disk.serial", { "S1", "a b", "x,y" } },
	{ "disk.model", { "M1", "a b" } },
	{ "cloudInit.sshKeys", { "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me" } },
	{ "fstype", { "nfs", "cifs", "ext4" } },
	{ "ssh-public-keys", { "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGtM me" } },
};

/* Rows that are not set: what they ask for is not there, or takes real time. */
static const char *const left_out[] = { "ready.ip", "ready.tcp", "options.ha-managed", "movedFrom",
	"clone.from", "clone.full", "clone.storage", "clone.snapshot", "import", "virtiofs",
	"hostpci", "amd-sev", "intel-tdx", "mapping", "memory.hugepages", "options.args",
	"options.arch", "options.vmgenid", "ivshmem", "source", "cloudinit", "format", "media" };

/* Bounds that are those of the cluster, not of the row. */
static const struct {
	const char *name;
	int64_t min, max;
} bounds[] = {
	{ "mtu", 576, 1500 },
	{ "replicas", 0, 4 },
};

/* Texts are put together of these. */
static const char *const pieces[] = { "a", "0", " ", "b c", "<b>", "%41", "#", "&=", "\xc3\xbc",
	"\"", "'", "\\", "-->", "<!-- x -->", ": ", "- ", "|", "~", "podmox", "\t", "\n", "\n\n",
	"\xe2\x82\xac", "," };

#define PIECES_OF_LINE (PM_COUNT(pieces) - 5) /* without control characters */

static const char *filled(struct dice *d, const char *text, unsigned entry)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	for (; *text; text++) {
		if (text[0] == '%' && text[1] == 'm')
			(void)pm_buf_addf(&b, "%u", d->member);
		else if (text[0] == '%' && text[1] == 'h')
			(void)pm_buf_addf(&b, "%02x", d->member & 0xffU);
		else if (text[0] == '%' && text[1] == 'n')
			(void)pm_buf_addf(&b, "%u", entry);
		else if (text[0] == '%' && text[1] == 'e')
			(void)pm_buf_addf(&b, "%02x", entry & 0xffU);
		else {
			(void)pm_buf_addc(&b, *text);
			continue;
		}
		text++;
	}
	return pm_arena_strdup(d->a, pm_buf_str(&b));
}

static const char *one_of(struct dice *d, const struct sample *s, unsigned entry)
{
	unsigned n = 0;

	while (n < PM_COUNT(s->text) && s->text[n])
		n++;
	return filled(d, s->text[pm_roll(d, n)], entry);
}

static const char *some_pieces(struct dice *d, const char *first, size_t of)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);

	(void)pm_buf_adds(&b, first);
	for (unsigned n = pm_roll(d, 7); n > 0; n--)
		(void)pm_buf_adds(&b, pieces[pm_roll(d, (unsigned)of)]);
	return pm_arena_strdup(d->a, pm_buf_str(&b));
}

static const char *text_of(
	struct dice *d, const struct pm_kind *k, const struct pm_field *f, unsigned entry)
{
	const char *full = pm_arena_printf(d->a, "%s.%s", k->name, f->name);

	for (size_t i = 0; i < PM_COUNT(samples); i++)
		if (pm_str_eq(samples[i].name, full) || pm_str_eq(samples[i].name, f->name))
			return one_of(d, &samples[i], entry);
	if (pm_str_eq(f->format, "text"))
		return some_pieces(d, "", PM_COUNT(pieces));
	if (pm_str_eq(f->format, "line"))
		return some_pieces(d, "/bin/a", PIECES_OF_LINE);
	if (pm_str_eq(f->format, "env"))
		return some_pieces(d, "", PIECES_OF_LINE);
	for (size_t i = 0; f->format && i < PM_COUNT(samples); i++)
		if (pm_str_eq(samples[i].name, f->format))
			return one_of(d, &samples[i], entry);
	return "x";
}

/* ---- scalars ---- */

static const char *choice(struct dice *d, const struct pm_field *f)
{
	unsigned n = 0;

	while (f->choices[n])
		n++;
	return f->choices[pm_roll(d, n)];
}

static int64_t number(struct dice *d, const struct pm_field *f)
{
	int64_t min = f->min, max = f->max > 0 ? f->max : f->min + 5000000;

	if (pm_str_eq(f->name, "vmid"))
		return 300 + 10 * (int64_t)d->member;
	for (size_t i = 0; i < PM_COUNT(bounds); i++) {
		if (pm_str_eq(bounds[i].name, f->name)) {
			min = bounds[i].min;
			max = bounds[i].max;
		}
	}
	switch (pm_roll(d, 8)) {
	case 0:
		return min;
	case 1:
		return max;
	case 2:
		return min + 1;
	case 3:
		return min + (int64_t)pm_random_below(&d->rnd, (uint64_t)(max - min) + 1);
	default:
		return min + (int64_t)pm_random_below(
				     &d->rnd, (uint64_t)(max - min < 5000 ? max - min : 5000) + 1);
	}
}

static const char *size_text(struct dice *d, const struct pm_field *f)
{
	static const char *const volumes[] = { "1Gi", "2Gi", "1536Mi", "3Gi", "100Mi", "4Gi",
		"2500Mi", "5Gi" };

	if (f->unit == 0)
		return volumes[pm_roll(d, PM_COUNT(volumes))];
	return pm_arena_printf(d->a, "%lldMi",
		(long long)(f->min / PM_MIB + (int64_t)pm_random_below(&d->rnd,
						      pm_roll_one_in(d, 4) ? 200000 : 2000)));
}

static const char *scalar_text(
	struct dice *d, const struct pm_kind *k, const struct pm_field *f, unsigned entry)
{
	char text[32];

	switch (f->type) {
	case PM_T_BOOL:
		return pm_roll(d, 2) ? "true" : "false";
	case PM_T_INT:
		return pm_arena_printf(d->a, "%lld", (long long)number(d, f));
	case PM_T_MILLI:
		return pm_arena_strdup(d->a, pm_format_milli(number(d, f), text));
	case PM_T_SIZE:
		return size_text(d, f);
	case PM_T_SECONDS:
		return pm_arena_printf(d->a, "%llds", (long long)number(d, f));
	default:
		return f->choices ? choice(d, f) : text_of(d, k, f, entry);
	}
}

/* Places of disks, on all buses. */
static const char *const drives[] = { "scsi0", "virtio0", "sata0", "ide0", "scsi1", "virtio1",
	"ide3", "sata5", "scsi30", "virtio15", "scsi2", "scsi3", "scsi4", "scsi5" };

static const char *slot_text(struct dice *d, unsigned entry)
{
	if (d->list->slots)
		return entry < PM_COUNT(drives) ? drives[entry]
						: pm_arena_printf(d->a, "scsi%u", entry);
	return pm_arena_printf(d->a, "%s%u", d->list->key, entry);
}

/* What names an entry of a list: every number another name. */
static const char *ident_text(
	struct dice *d, const struct pm_kind *k, const struct pm_field *f, unsigned entry)
{
	unsigned n = 0;

	if (f->flags & PM_F_SLOT)
		return slot_text(d, entry);
	if (f->choices) {
		while (f->choices[n])
			n++;
		return f->choices[entry % n];
	}
	if (pm_str_eq(f->format, "iface"))
		return pm_arena_printf(d->a, "eth%u", entry);
	if (pm_str_eq(f->format, "path"))
		return pm_arena_printf(d->a, "/mnt/%u", entry);
	for (size_t i = 0; f->format && i < PM_COUNT(samples); i++) {
		if (!pm_str_eq(samples[i].name, f->format))
			continue;
		while (n < PM_COUNT(samples[i].text) && samples[i].text[n])
			n++;
		return samples[i].text[entry % n];
	}
	return scalar_text(d, k, f, entry);
}

/* ---- lists ---- */

static bool is_in(const struct pm_field *f, const char **v, size_t n, const char *item)
{
	size_t len = f->type == PM_T_STRMAP ? strcspn(item, "=") + 1 : strlen(item) + 1;

	for (size_t i = 0; i < n; i++)
		if (strncasecmp(v[i], item, len) == 0)
			return true;
	return false;
}

static bool roll_items(struct dice *d, const struct pm_kind *k, const struct pm_field *f,
	unsigned entry, struct pm_value *v)
{
	unsigned n = pm_roll(d, 5) + (f->flags & PM_F_REQUIRED ? 1 : 0), kept = 0;
	const char **items = pm_new_n(d->a, const char *, n + 1);
	struct pm_error err;

	if (f->flags & PM_F_REF)
		return false; /* made when all names are known */
	for (unsigned i = 0; i < n; i++) {
		const char *text = scalar_text(d, k, f, entry);
		int r;

		if (f->type == PM_T_STRMAP)
			r = pm_entry_parse(d->a, f, pm_arena_printf(d->a, "K%u", pm_roll(d, 6)),
				text, &items[kept], &err);
		else
			r = pm_item_parse(d->a, f, text, &items[kept], &err);
		kept += r == 0 && !is_in(f, items, kept, items[kept]);
	}
	if (kept == 0 && f->flags & PM_F_REQUIRED)
		return false;
	pm_value_list(d->a, f, items, kept, v);
	return true;
}

/* ---- records ---- */

/* How many entries of such a list can be told apart. */
static unsigned most_entries(const struct pm_field *f)
{
	for (unsigned i = 0; i < f->sub->nfields; i++) {
		const struct pm_field *s = &f->sub->fields[i];
		unsigned n = 0;

		if (!(s->flags & PM_F_IDENT))
			continue;
		if (pm_str_eq(s->format, "devpath"))
			return 3;
		while (s->choices && s->choices[n])
			n++;
		if (n > 0)
			return n;
	}
	return f->count < 14 ? f->count : 14;
}

static void shuffle(struct dice *d, struct pm_recs *recs)
{
	for (size_t i = recs->n; i > 1; i--) {
		size_t j = pm_roll(d, (unsigned)i);
		struct pm_rec *r = recs->v[i - 1];

		recs->v[i - 1] = recs->v[j];
		recs->v[j] = r;
	}
}

static void roll_recs(struct dice *d, const struct pm_field *f, struct pm_value *v)
{
	struct pm_recs *recs = pm_new(d->a, struct pm_recs);
	unsigned most = most_entries(f), some = most < 4 || pm_roll_one_in(d, 24) ? most : 4;

	recs->v = pm_new_n(d->a, struct pm_rec *, most);
	d->list = f;
	for (unsigned i = 0; i < some; i++)
		if (some > 4 || pm_roll(d, 2))
			recs->v[recs->n++] = pm_roll_rec(d, f->sub, i);
	shuffle(d, recs);
	v->state = PM_SET;
	v->u.recs = recs;
}

bool pm_roll_value(struct dice *d, const struct pm_kind *k, const struct pm_field *f,
	unsigned entry, struct pm_value *ret)
{
	struct pm_error err;
	const char *text;

	for (size_t i = 0; i < PM_COUNT(left_out); i++)
		if (pm_str_eq(left_out[i], f->name))
			return false;
	switch (f->type) {
	case PM_T_SECRET:
		return false;
	case PM_T_LIST:
	case PM_T_STRMAP:
		return roll_items(d, k, f, entry, ret);
	case PM_T_PROPS:
		if (f->count > 0) {
			roll_recs(d, f, ret);
			return true;
		}
		ret->state = PM_SET;
		ret->u.rec = pm_roll_rec(d, f->sub, 0);
		return true;
	default:
		text = f->flags & PM_F_IDENT ? ident_text(d, k, f, entry)
					     : scalar_text(d, k, f, entry);
		return pm_value_parse(d->a, f, text, true, ret, &err) == 0;
	}
}

bool pm_may_be_null(const struct pm_field *f)
{
	return !(f->flags & (PM_F_KEEP | PM_F_REQUIRED | PM_F_IDENT | PM_F_INNER | PM_F_GROW |
				    PM_F_MOVE | PM_F_REPLACE));
}

struct pm_rec *pm_roll_rec(struct dice *d, const struct pm_kind *k, unsigned entry)
{
	struct pm_rec *r = pm_rec_new(d->a, k);

	r->slot = PM_NO_SLOT;
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (f->flags & PM_F_INNER)
			continue;
		if (f->flags & (PM_F_REQUIRED | PM_F_IDENT) || pm_roll(d, 8) < d->density)
			(void)pm_roll_value(d, k, f, entry, &r->val[i]);
		else if (pm_may_be_null(f) && pm_roll_one_in(d, 16))
			r->val[i].state = PM_NULL;
	}
	pm_mend(d, r);
	return r;
}
