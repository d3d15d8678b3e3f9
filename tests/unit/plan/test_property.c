/* plan(apply(x)) is empty, for random specs over every row of the field table: what is wanted goes
 * through the encoder as PVE would get it, is written into a configuration as PVE would write it, comes
 * back through the decoder, and then nothing may differ. The seed is printed; SEED=n repeats a run. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/random.h"
#include "base/text.h"
#include "plan/plan.h"
#include "pm_test.h"
#include "pve/pve_priv.h"

#define VMID      210
#define ROUNDS    300
#define MOST_KEYS 400

/* ---- random specs ---- */

struct dice {
	struct pm_arena *a;
	struct pm_random rnd;
	unsigned parsed, refused; /* texts made up, and those that the row did not take */
};

static unsigned roll(struct dice *d, unsigned below)
{
	return (unsigned)pm_random_below(&d->rnd, below);
}

struct sample {
	const char *format;
	const char *text[3];
};

static const struct sample samples[] = {
	{ "image",
		{ "local:vztmpl/a.tar.zst", "local:vztmpl/a.tar.zst", "local:vztmpl/a.tar.zst" } },
	{ "node", { "pve1", "pve1", "pve1" } },
	{ "pool", { "shop", "shop", "lab" } },
	{ "dns-name", { "web", "db.example.test", "a-b" } },
	{ "storage", { "local-lvm", "tank", "data2" } },
	{ "iface", { "vmbr0", "vmbr1", "vmbr77" } },
	{ "mac", { "BC:24:11:00:00:01", "bc:24:11:00:00:02", "BC:24:11:00:00:01" } },
	{ "ipv4-config", { "dhcp", "10.0.0.10/24", "manual" } },
	{ "ipv4", { "10.0.0.1", "10.0.0.2", "10.0.0.1" } },
	{ "ipv6-config", { "auto", "fd00::10/64", "FD00::10/64" } },
	{ "ipv6", { "fd00::1", "fd00:0::1", "fd00::2" } },
	{ "vlan", { "10", "20", "30-40" } },
	{ "path", { "/srv/a", "/srv/b", "/srv/c" } },
	{ "devpath", { "/dev/fuse", "/dev/net/tun", "/dev/kvm" } },
	{ "mode", { "0660", "0666", "0600" } },
	{ "ip", { "9.9.9.9", "1.1.1.1", "fd00::53" } },
	{ "tag", { "web", "Prod", "a-b" } },
	{ "text", { "one line", "two\nlines\n", "a <b> & 100% = \"x\"" } },
	{ "line", { "/usr/bin/app --serve", "/bin/true", "/bin/sh -c 'a b'" } },
	{ "env", { "one", "two words", "" } },
	{ "volid", { "local:snippets/hook.sh", "local:snippets/b.sh", "local:snippets/hook.sh" } },
	{ "timezone", { "host", "Europe/Vienna", "Etc/UTC" } },
	{ "idmap", { "passthrough", "u:0:100000:65536", "passthrough" } },
	{ "word", { "nfs", "cifs", "ext4" } },
};

static const char *sample(struct dice *d, const struct pm_field *f)
{
	for (size_t i = 0; f->format && i < PM_COUNT(samples); i++)
		if (strcmp(samples[i].format, f->format) == 0)
			return samples[i].text[roll(d, 3)];
	return "x";
}

static const char *choice(struct dice *d, const struct pm_field *f)
{
	unsigned n = 0;

	while (f->choices[n])
		n++;
	return f->choices[roll(d, n)];
}

static int64_t number(struct dice *d, const struct pm_field *f)
{
	int64_t max = f->max > 0 ? f->max : f->min + 5000;
	int64_t span = max - f->min;

	return f->min +
	       (int64_t)pm_random_below(&d->rnd, (uint64_t)(span < 20000 ? span : 20000) + 1);
}

static const char *scalar_text(struct dice *d, const struct pm_field *f)
{
	char text[32];

	switch (f->type) {
	case PM_T_BOOL:
		return roll(d, 2) ? "true" : "false";
	case PM_T_INT:
		return pm_arena_printf(d->a, "%lld", (long long)number(d, f));
	case PM_T_MILLI:
		return pm_arena_strdup(d->a, pm_format_milli(number(d, f), text));
	case PM_T_SIZE:
		return pm_arena_printf(
			d->a, "%lldMi", (long long)(f->min / PM_MIB + 16 * (1 + roll(d, 200))));
	case PM_T_SECONDS:
		return pm_arena_printf(d->a, "%llds", (long long)number(d, f));
	case PM_T_ENUM:
		return choice(d, f);
	default:
		return f->choices ? choice(d, f) : sample(d, f);
	}
}

static void roll_items(struct dice *d, const struct pm_field *f, struct pm_value *v)
{
	unsigned n = roll(d, 4), kept = 0;
	const char **items = pm_new_n(d->a, const char *, n + 1);
	struct pm_error err;

	for (unsigned i = 0; i < n; i++) {
		const char *text = scalar_text(d, f);
		bool twice = false;
		int r;

		if (f->type == PM_T_STRMAP)
			r = pm_entry_parse(
				d->a, f, pm_arena_printf(d->a, "K%u", i), text, &items[kept], &err);
		else
			r = pm_item_parse(d->a, f, text, &items[kept], &err);
		for (unsigned k = 0; r == 0 && k < kept; k++)
			twice = twice || strcmp(items[k], items[kept]) == 0;
		d->parsed++;
		d->refused += r < 0;
		kept += r == 0 && !twice;
	}
	pm_value_list(d->a, f, items, kept, v);
}

static struct pm_rec *roll_rec(struct dice *d, const struct pm_kind *k, unsigned number);

static void roll_recs(struct dice *d, const struct pm_field *f, struct pm_value *v)
{
	struct pm_recs *recs = pm_new(d->a, struct pm_recs);

	recs->v = pm_new_n(d->a, struct pm_rec *, 3);
	for (unsigned i = 0; i < 3; i++)
		if (roll(d, 2))
			recs->v[recs->n++] = roll_rec(d, f->sub, i);
	v->state = PM_SET;
	v->u.recs = recs;
}

static void roll_value(struct dice *d, const struct pm_field *f, struct pm_value *v)
{
	struct pm_error err;

	switch (f->type) {
	case PM_T_LIST:
	case PM_T_STRMAP:
		roll_items(d, f, v);
		break;
	case PM_T_PROPS:
		if (f->count > 0) {
			roll_recs(d, f, v);
			break;
		}
		v->state = PM_SET;
		v->u.rec = roll_rec(d, f->sub, 0);
		break;
	default:
		d->parsed++;
		if (pm_value_parse(d->a, f, scalar_text(d, f), true, v, &err) < 0)
			d->refused++;
		break;
	}
}

static void set_text(struct dice *d, struct pm_rec *r, unsigned row, const char *text)
{
	struct pm_error err;

	assert_ok(
		pm_value_parse(d->a, &r->kind->fields[row], text, true, &r->val[row], &err), &err);
}

/* What the manifest's check would refuse does not come here. */
static void mend_volume(struct dice *d, struct pm_rec *r)
{
	if (roll(d, 4) == 0) {
		r->val[PM_VOLUME_STORAGE].state = PM_UNSET;
		r->val[PM_VOLUME_SIZE].state = PM_UNSET;
		set_text(d, r, PM_VOLUME_SOURCE, roll(d, 2) ? "/tank/a" : "/tank/b");
		return;
	}
	r->val[PM_VOLUME_SOURCE].state = PM_UNSET;
	set_text(d, r, PM_VOLUME_STORAGE, "local-lvm");
	if (r->val[PM_VOLUME_SIZE].state != PM_SET)
		set_text(d, r, PM_VOLUME_SIZE, "1Gi");
}

static void set_ident(struct dice *d, struct pm_rec *r, unsigned row, unsigned n)
{
	static const char *const devices[] = { "/dev/fuse", "/dev/net/tun", "/dev/kvm" };

	if (r->kind == &pm_kind_device)
		set_text(d, r, row, devices[n % 3]);
	else
		set_text(d, r, row,
			pm_arena_printf(d->a, r->kind == &pm_kind_net ? "eth%u" : "/mnt/%u", n));
}

static struct pm_rec *roll_rec(struct dice *d, const struct pm_kind *k, unsigned n)
{
	struct pm_rec *r = pm_rec_new(d->a, k);

	r->slot = PM_NO_SLOT;
	for (unsigned i = 0; i < k->nfields; i++) {
		const struct pm_field *f = &k->fields[i];

		if (f->flags & PM_F_IDENT)
			set_ident(d, r, i, n);
		else if (f->flags & (PM_F_INNER | PM_F_OWN))
			continue;
		else if (f->flags & PM_F_REQUIRED || roll(d, 3) == 0)
			roll_value(d, f, &r->val[i]);
		else if (!(f->flags & (PM_F_KEEP | PM_F_GROW | PM_F_MOVE)) && roll(d, 8) == 0)
			r->val[i].state = PM_NULL;
	}
	if (k == &pm_kind_volume)
		mend_volume(d, r);
	return r;
}

static struct pm_obj *roll_object(struct dice *d)
{
	struct pm_obj *o = pm_obj_new(d->a, &pm_kind_pod);

	o->ns = "shop";
	o->name = "web";
	o->spec = roll_rec(d, &pm_kind_pod, 0);
	for (unsigned i = 0; i < o->kind->nfields; i++)
		if (o->kind->fields[i].flags & (PM_F_WRITEONLY | PM_F_SECRET | PM_F_APART))
			o->spec->val[i].state = PM_UNSET;
	o->spec->val[PM_G_VMID].state = PM_UNSET;
	o->spec->val[PM_G_POOL].state = PM_UNSET;
	o->spec->val[PM_G_PINNED].state = PM_UNSET;
	o->spec->val[PM_POD_UNPRIVILEGED].state = PM_UNSET;
	set_text(d, o->spec, PM_G_IMAGE, "local:vztmpl/a.tar.zst");
	set_text(d, o->spec->val[PM_POD_ROOTFS].u.rec, PM_ROOTFS_STORAGE, "local-lvm");
	return o;
}

/* ---- a configuration as PVE keeps it ---- */

struct pair {
	const char *key, *value;
	size_t n;
};

struct config {
	struct pm_arena *a;
	struct pair v[MOST_KEYS];
	size_t n;
	unsigned volumes;
};

static void config_delete(struct config *c, const char *key)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->v[i].key, key) == 0)
			c->v[i--] = c->v[--c->n];
}

static void config_set(struct config *c, const char *key, const char *value, size_t n)
{
	config_delete(c, key);
	assert_true(c->n < MOST_KEYS);
	c->v[c->n++] = (struct pair){ key, value, n };
}

/* "local-lvm:8,mp=/x" becomes a volume with a name and a size. */
static const char *allocate(struct config *c, const char *value)
{
	size_t head = strcspn(value, ",");
	const char *colon = memchr(value, ':', head);
	int64_t bytes;
	char size[32];
	const char *number;

	if (value[0] == '/' || colon == NULL)
		return value;
	number = pm_arena_strndup(c->a, colon + 1, head - (size_t)(colon + 1 - value));
	if (pm_parse_size(number, PM_GIB, &bytes) < 0)
		return value;
	return pm_arena_printf(c->a, "%.*s:vm-%u-disk-%u%s,size=%s", (int)(colon - value), value,
		VMID, c->volumes++, value + head, pm_format_size(bytes, size));
}

static bool is_slot(const char *key, const char *stem)
{
	size_t n = strlen(stem);

	return strncmp(key, stem, n) == 0 && isdigit((unsigned char)key[n]);
}

static void write_key(struct config *c, const char *key, char *value, size_t n)
{
	static const char *const not_kept[] = { "vmid", "ostemplate", "pool", "digest", "storage",
		"ha-managed" };

	for (size_t i = 0; i < PM_COUNT(not_kept); i++)
		if (strcmp(key, not_kept[i]) == 0)
			return;
	if (strcmp(key, "delete") == 0) {
		for (char *p = value; *p != '\0';) {
			size_t len = strcspn(p, ",");

			config_delete(c, pm_arena_strndup(c->a, p, len));
			p += len + (p[len] == ',');
		}
		return;
	}
	if (strcmp(key, "rootfs") == 0 || is_slot(key, "mp"))
		config_set(c, key, allocate(c, value), strlen(allocate(c, value)));
	else if (is_slot(key, "net") && strstr(value, "hwaddr=") == NULL)
		config_set(c, key, pm_arena_printf(c->a, "%s,hwaddr=BC:24:11:AA:BB:CC", value),
			n + strlen(",hwaddr=BC:24:11:AA:BB:CC"));
	else
		config_set(c, key, value, n);
}

static unsigned hex(char c)
{
	return (unsigned)(isdigit((unsigned char)c) ? c - '0'
						    : tolower((unsigned char)c) - 'a' + 10);
}

static char *unescape(struct config *c, const char *s, size_t n, size_t *ret_n)
{
	char *out = pm_arena_alloc(c->a, n + 1, 1), *to = out;

	for (size_t i = 0; i < n; i++) {
		if (s[i] == '%' && i + 2 < n) {
			*to++ = (char)(hex(s[i + 1]) << 4 | hex(s[i + 2]));
			i += 2;
		} else {
			*to++ = s[i] == '+' ? ' ' : s[i];
		}
	}
	*to = '\0';
	*ret_n = (size_t)(to - out);
	return out;
}

static void config_apply(struct config *c, const char *form)
{
	while (*form != '\0') {
		size_t n = strcspn(form, "&"), key_n = strcspn(form, "="), value_n, ignored;
		char *key = unescape(c, form, key_n < n ? key_n : n, &ignored);
		char *value = unescape(c, form + key_n + 1, n - key_n - 1, &value_n);

		write_key(c, key, value, value_n);
		form += n + (form[n] == '&');
	}
}

static struct pm_obj *config_read(struct config *c)
{
	struct pm_buf json cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &json };
	struct pm_obj *o = pm_obj_new(c->a, &pm_kind_pod);
	struct pm_error err;

	o->live = pm_new(c->a, struct pm_live);
	o->live->vmid = VMID;
	o->live->node = "pve1";
	o->live->status = "stopped";
	o->live->type = "lxc";
	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "data");
	for (size_t i = 0; i < c->n; i++) {
		bool text = strcmp(c->v[i].key, "description") == 0;
		const char *value =
			text ? pm_arena_printf(c->a, "%s\n", c->v[i].value) : c->v[i].value;

		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "key", c->v[i].key);
		pm_jw_strn(&w, "value", value, c->v[i].n + text);
		pm_jw_object_end(&w);
	}
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "key", "digest");
	pm_jw_str(&w, "value", "0123456789abcdef0123456789abcdef01234567");
	pm_jw_object_end(&w);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	assert_ok(pm_pve_decode_pending(c->a, o->kind, json.p, json.len, o, &err), &err);
	o->ns = "shop";
	o->name = "web";
	return o;
}

static const struct pm_marker *marker_for(struct pm_arena *a, const struct pm_obj *want)
{
	struct pm_marker *m = pm_new(a, struct pm_marker);
	const char *on_remove = pm_rec_str(want->spec, PM_G_LIFE_ON_REMOVE, "delete");

	*m = (struct pm_marker){ .set = "home",
		.kind = "Pod",
		.ns = want->ns,
		.name = want->name,
		.uid = "0123456789abcdef0123456789abcdef",
		.vmid = VMID,
		.root = "manifests",
		.image = "local:vztmpl/a.tar.zst",
		.hash = pm_marker_hash(a, want),
		.done = true,
		.on_remove = strcmp(on_remove, "delete") == 0 ? NULL : on_remove,
		.fields = pm_marker_fields(a, want->spec) };
	return m;
}

/* ---- the properties ---- */

/* Changes that a write of the configuration would have to make. */
static size_t left(struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have,
	const char *when, uint64_t seed)
{
	struct pm_change *c;
	size_t n = pm_diff_obj(a, want, have, &c), count = 0;

	for (size_t i = 0; i < n; i++) {
		if (c[i].blocked || c[i].waiting || c[i].impact == PM_I_RESIZE)
			continue;
		count++;
		print_error("SEED=%llu %s: %s: %s -> %s\n", (unsigned long long)seed, when,
			c[i].path, c[i].from ? c[i].from : "absent", c[i].to ? c[i].to : "absent");
	}
	return count;
}

static void update(
	struct config *c, const struct pm_obj *want, const struct pm_obj *have, bool after_create)
{
	struct pm_buf form cleanup_buf = PM_BUF(0);
	const struct pm_update u = { .want = want,
		.have = have,
		.marker = marker_for(c->a, want),
		.set = "home",
		.after_create = after_create };

	pm_pve_encode_update(c->a, &u, &form);
	config_apply(c, pm_buf_str(&form));
}

/* Creates one random object, changes it to another, and back to nothing but what must be there. */
static size_t one_life(uint64_t seed, struct dice *d)
{
	struct config c = { .a = d->a };
	struct pm_buf form cleanup_buf = PM_BUF(0);
	struct pm_obj *want = roll_object(d), *have;
	struct pm_create create = { .want = want, .vmid = VMID, .node = "pve1" };
	size_t bad;

	pm_slots_assign(want->spec, NULL);
	create.marker = marker_for(d->a, want);
	pm_pve_encode_create(d->a, &create, &form);
	config_apply(&c, pm_buf_str(&form));
	update(&c, want, config_read(&c), true);
	have = config_read(&c);
	bad = left(d->a, want, have, "after the create", seed);
	for (int i = 0; bad == 0 && i < 2; i++) {
		struct pm_change *v;

		want = roll_object(d);
		pm_slots_assign(want->spec, have->spec);
		(void)pm_diff_obj(d->a, want, have, &v);
		update(&c, want, have, false);
		have = config_read(&c);
		bad = left(d->a, want, have, "after a change", seed);
	}
	return bad;
}

PM_TEST(property_plan_of_apply_is_empty)
{
	const char *given = getenv("SEED");
	uint64_t seed = 1;
	unsigned parsed = 0, refused = 0;
	size_t bad = 0;

	if (given != NULL) {
		int64_t i = 1;

		assert_int_equal(pm_parse_int(given, 0, INT64_MAX, &i), 0);
		seed = (uint64_t)i;
	}
	for (unsigned i = 0; i < (given ? 1 : ROUNDS); i++) {
		struct dice d = { .a = pm_arena_new(0) };

		pm_random_seed(&d.rnd, seed + i);
		bad += one_life(seed + i, &d);
		parsed += d.parsed;
		refused += d.refused;
		pm_arena_free(d.a);
	}
	print_message("seeds %llu to %llu\n", (unsigned long long)seed,
		(unsigned long long)(seed + (given ? 0 : ROUNDS - 1)));
	assert_int_equal(bad, 0);
	assert_true(refused * 20 < parsed); /* the samples fit their formats */
}
