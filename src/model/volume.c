/* Volumes in a spec: the shapes of records that hold one, the loop over them, and the first part of their
 * property strings. */
#include "model/volume.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/text.h"
#include "model/value_priv.h"

static const struct pm_volume_shape shapes[] = {
	{ &pm_kind_rootfs, PM_ROOTFS_VOLUME, PM_ROOTFS_STORAGE, -1, PM_ROOTFS_SIZE, -1, -1 },
	{ &pm_kind_volume, PM_VOLUME_VOLUME, PM_VOLUME_STORAGE, PM_VOLUME_SOURCE, PM_VOLUME_SIZE,
		-1, -1 },
	{ &pm_kind_disk, PM_DISK_VOLUME, PM_DISK_STORAGE, PM_DISK_SOURCE, PM_DISK_SIZE,
		PM_DISK_IMPORT, PM_DISK_CLOUDINIT },
	{ &pm_kind_efidisk, PM_EFIDISK_VOLUME, PM_EFIDISK_STORAGE, -1, -1, PM_EFIDISK_IMPORT, -1 },
	{ &pm_kind_tpmstate, PM_TPMSTATE_VOLUME, PM_TPMSTATE_STORAGE, -1, -1, PM_TPMSTATE_IMPORT,
		-1 },
};

const struct pm_volume_shape *pm_volume_shape(const struct pm_kind *k)
{
	for (unsigned i = 0; i < PM_COUNT(shapes); i++) {
		if (shapes[i].kind == k)
			return &shapes[i];
	}
	return NULL;
}

int pm_volume_list(const struct pm_kind *k)
{
	for (unsigned i = 0; i < k->nfields; i++) {
		if (k->fields[i].count > 0 && pm_volume_shape(k->fields[i].sub))
			return (int)i;
	}
	return -1;
}

bool pm_volume_goes(const struct pm_field *f)
{
	return f && pm_volume_shape(f->sub) && f->sub != &pm_kind_rootfs;
}

/* ---- the loop ---- */

bool pm_volume_next(struct pm_volume_at *at)
{
	if (!at->spec)
		return false;
	if (at->begun)
		at->entry++;
	at->begun = true;
	for (; at->field < at->spec->kind->nfields; at->field++, at->entry = 0) {
		const struct pm_value *v = &at->spec->val[at->field];

		at->f = &at->spec->kind->fields[at->field];
		at->shape = pm_volume_shape(at->f->sub);
		if (!at->shape || v->state != PM_SET)
			continue;
		if (at->entry >= (at->f->count ? v->u.recs->n : 1))
			continue;
		at->rec = at->f->count ? v->u.recs->v[at->entry] : v->u.rec;
		return true;
	}
	return false;
}

static const struct pm_value *part(const struct pm_rec *r, int field)
{
	return field >= 0 && r->val[field].state == PM_SET ? &r->val[field] : NULL;
}

static const char *text_of(const struct pm_rec *r, int field)
{
	const struct pm_value *v = part(r, field);

	return v ? v->u.s : NULL;
}

const char *pm_volume_id(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);

	return s ? text_of(r, s->volume) : NULL;
}

const char *pm_volume_storage(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);

	return s ? text_of(r, s->storage) : NULL;
}

const char *pm_volume_source(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);

	return s ? text_of(r, s->source) : NULL;
}

const char *pm_volume_import(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);

	return s ? text_of(r, s->import) : NULL;
}

int64_t pm_volume_size(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);
	const struct pm_value *v = s ? part(r, s->size) : NULL;

	return v ? v->u.i : 0;
}

bool pm_volume_cloudinit(const struct pm_rec *r)
{
	const struct pm_volume_shape *s = pm_volume_shape(r->kind);
	const struct pm_value *v = s ? part(r, s->cloudinit) : NULL;

	return v && v->u.b;
}

bool pm_volume_holds_data(const struct pm_rec *r)
{
	return !pm_volume_source(r) && !pm_volume_cloudinit(r) &&
	       (pm_volume_id(r) || pm_volume_storage(r));
}

/* ---- reading ---- */

static void set_str(struct pm_rec *r, int field, const char *s)
{
	r->val[field].state = PM_SET;
	r->val[field].u.s = s;
}

/* Nothing more, or the format of the file. */
static bool ends_volume(const char *s)
{
	const struct pm_field *format = &pm_kind_disk.fields[PM_DISK_FORMAT];

	return *s == '\0' || (*s == '.' && pm_choice(format, s + 1, strlen(s + 1)));
}

/* "local-lvm:vm-100-cloudinit", "local:100/vm-100-cloudinit.qcow2": PVE knows that drive by its name. */
static bool is_cloudinit(const char *volume)
{
	static const char word[] = "cloudinit";
	const char *at = strstr(volume, word), *before;

	while (at && !ends_volume(at + strlen(word)))
		at = strstr(at + 1, word);
	if (!at || at == volume)
		return false;
	before = at - 1;
	if (*before == '-') {
		while (before > volume && strchr("0123456789", before[-1]))
			before--;
		if (before - volume < 4 || strncmp(before - 3, "vm-", 3) != 0)
			return false;
		before -= 4;
	}
	return *before == ':' || *before == '/';
}

static bool is_cdrom(const struct pm_rec *r)
{
	return r->kind == &pm_kind_disk && !strcmp(pm_rec_str(r, PM_DISK_MEDIA, "disk"), "cdrom");
}

/* Is it attached as it is, rather than a volume of the guest? */
static bool is_source(const struct pm_rec *r, const char *volume)
{
	return volume[0] == '/' || is_cdrom(r) ||
	       (r->kind == &pm_kind_disk && !strchr(volume, ':'));
}

/* A volume that waits to be made, "local:8", has its size in GiB there and no name yet. */
static void derive_size(struct pm_rec *r, const struct pm_volume_shape *shape, const char *number)
{
	struct pm_value *v = shape->size >= 0 ? &r->val[shape->size] : NULL;
	char text[32];
	int64_t bytes;
	int n = snprintf(text, sizeof(text), "%sG", number);

	if (!v || v->state == PM_SET || number[strspn(number, "0123456789.")] != '\0' ||
		n >= (int)sizeof(text) || pm_parse_size(text, 0, &bytes) < 0)
		return;
	v->state = PM_SET;
	v->u.i = bytes;
	r->val[shape->volume].state = PM_UNSET;
}

/* That of an image, which nobody can set. */
static void forget_size(struct pm_rec *r, const struct pm_volume_shape *shape)
{
	if (r->kind == &pm_kind_disk)
		r->val[shape->size].state = PM_UNSET;
}

/* A volume says on which storage it lies, or that it is a path of the node. */
void pm_volume_derive(struct pm_arena *a, struct pm_rec *r, const struct pm_volume_shape *shape)
{
	struct pm_value *v = &r->val[shape->volume];
	const char *colon = v->state == PM_SET ? strchr(v->u.s, ':') : NULL;
	const char *storage;
	struct pm_error err;

	if (v->state != PM_SET)
		return;
	if (shape->cloudinit >= 0 && is_cloudinit(v->u.s)) {
		r->val[shape->cloudinit].state = PM_SET;
		r->val[shape->cloudinit].u.b = true;
		forget_size(r, shape);
	} else if (shape->source >= 0 && is_source(r, v->u.s)) {
		if (pm_value_decode(a, &r->kind->fields[shape->source], v->u.s, strlen(v->u.s),
			    &r->val[shape->source], &err) == 0)
			v->state = PM_UNSET;
		forget_size(r, shape);
		return;
	}
	if (!colon)
		return;
	/* What is no name of a storage stays as it is: "data=x:8" would not be read back as it was. */
	storage = pm_arena_intern(a, v->u.s, (size_t)(colon - v->u.s));
	if (pm_format_check(r->kind->fields[shape->storage].format, storage, &err) < 0)
		return;
	set_str(r, shape->storage, storage);
	derive_size(r, shape, colon + 1);
}

/* ---- printing ---- */

/* A new volume is asked for by its size in GiB, with as many decimals as it takes. */
static void add_new_volume(const char *storage, int64_t bytes, struct pm_buf *out)
{
	int64_t rest = bytes % PM_GIB;

	pm_buf_addf(out, "%s:%lld", storage, (long long)(bytes / PM_GIB));
	if (rest > 0)
		pm_buf_addc(out, '.');
	for (; rest > 0; rest %= PM_GIB) {
		rest *= 10;
		pm_buf_addc(out, (char)('0' + rest / PM_GIB));
	}
}

void pm_head_add(const char *key, const char *text, struct pm_buf *out)
{
	if (strchr(text, '='))
		pm_buf_addf(out, "%s=", key);
	pm_buf_adds(out, text);
}

bool pm_volume_add(const struct pm_rec *r, const struct pm_volume_shape *s, struct pm_buf *out)
{
	const char *key = r->kind->fields[s->volume].key;
	const char *storage = text_of(r, s->storage);

	if (text_of(r, s->volume)) {
		pm_head_add(key, text_of(r, s->volume), out);
	} else if (text_of(r, s->source)) {
		pm_head_add(key, text_of(r, s->source), out);
	} else if (storage && pm_volume_cloudinit(r)) {
		pm_buf_addf(out, "%s:cloudinit", storage);
		return true;
	} else if (storage && text_of(r, s->import)) {
		/* Its size is the image's; what is more comes by a resize. */
		pm_buf_addf(out, "%s:0", storage);
		return true;
	} else if (storage && s->size < 0) {
		/* PVE takes no notice of the number. */
		pm_buf_addf(out, "%s:1", storage);
		return true;
	} else if (storage && part(r, s->size)) {
		add_new_volume(storage, pm_volume_size(r), out);
		return true;
	}
	return false;
}
