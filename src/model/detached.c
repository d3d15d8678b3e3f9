/* Where detached volumes were: reading and writing the marker's memory of it. An entry of a list is known by its
 * name, a record of its own by its key and what of it is fixed: another kind of EFI disk is none that comes back. */
#include "model/detached.h"

#include <string.h>

#include "model/volume.h"

/* ---- the lines ---- */

/** One line: "local-lvm:vm-210-disk-1 /var/lib/db"; of a virtual machine "... scsi1", "... efidisk0 efitype=4m". A
 * path may hold blanks, a volume does not. */
struct line {
	const char *volume, *path;
	size_t nvolume, npath;
};

static bool next_line(const char **p, struct line *ret)
{
	while (**p) {
		size_t n = strcspn(*p, "\n"), blank = strcspn(*p, " \n");

		*ret = (struct line){ .volume = *p, .nvolume = blank, .path = *p + blank + 1 };
		*p += n + ((*p)[n] == '\n');
		if (blank > 0 && blank + 1 < n) {
			ret->npath = n - blank - 1;
			return true;
		}
	}
	return false;
}

static bool is_text(const char *s, size_t n, const char *text)
{
	return strlen(text) == n && strncmp(s, text, n) == 0;
}

static const char *memory(const struct pm_live *live)
{
	const char *text = live->marker ? live->marker->detached : NULL;

	return text ? text : "";
}

/* ---- names ---- */

static void add_name(const struct pm_field *f, const struct pm_rec *rec, struct pm_buf *out)
{
	char sep = ' ';

	pm_buf_adds(out, f->count > 0 ? pm_rec_ident(rec) : f->key);
	for (unsigned i = 0; f->count == 0 && i < rec->kind->nfields; i++) {
		const struct pm_field *row = &rec->kind->fields[i];

		if (!(row->flags & PM_F_REPLACE) || rec->val[i].state != PM_SET)
			continue;
		pm_buf_addf(out, "%c%s=", sep, row->key);
		pm_value_format(row, PM_PVE, &rec->val[i], out);
		sep = ',';
	}
}

/* Is the value among "efitype=4m,pre-enrolled-keys=1"? What is not there is the default. */
static bool is_fixed_so(
	const struct line *l, size_t at, const struct pm_field *row, const struct pm_value *v)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	size_t key = strlen(row->key);

	pm_buf_addf(&text, "%s=", row->key);
	pm_value_format(row, PM_PVE, v, &text);
	while (at < l->npath) {
		size_t n = 0;

		at++;
		while (at + n < l->npath && l->path[at + n] != ',')
			n++;
		if (n > key && strncmp(l->path + at, pm_buf_str(&text), key + 1) == 0)
			return is_text(l->path + at, n, pm_buf_str(&text));
		at += n;
	}
	return pm_value_default(row, v);
}

/* Is the line of what is wanted? */
static bool is_of(const struct line *l, const struct pm_field *f, const struct pm_rec *want)
{
	size_t n = f->count > 0 ? 0 : strlen(f->key);

	if (f->count > 0)
		return is_text(l->path, l->npath, pm_rec_ident(want));
	if (l->npath < n || strncmp(l->path, f->key, n) != 0 || (l->npath > n && l->path[n] != ' '))
		return false;
	for (unsigned i = 0; i < want->kind->nfields; i++) {
		const struct pm_field *row = &want->kind->fields[i];

		if (row->flags & PM_F_REPLACE && want->val[i].state == PM_SET &&
			!is_fixed_so(l, n, row, &want->val[i]))
			return false;
	}
	return true;
}

/* ---- what is there ---- */

static const char *unused_named(
	const struct pm_live *live, const char *volume, size_t n, unsigned *ret_at)
{
	for (size_t i = 0; live->unused && live->unused_at && i < live->unused->n; i++) {
		if (!is_text(volume, n, live->unused->v[i]))
			continue;
		*ret_at = live->unused_at[i];
		return live->unused->v[i];
	}
	return NULL;
}

struct pm_rec *pm_entry_in_force(
	struct pm_arena *a, const struct pm_live *live, const struct pm_field *f, unsigned slot)
{
	struct pm_rec *rec = NULL;
	struct pm_error ignored;

	for (unsigned i = 0; i < live->npending; i++) {
		const struct pm_pending *p = &live->pending[i];

		if (p->field != f || (f->count > 0 && p->slot != slot) || !p->in_force)
			continue;
		if (pm_rec_parse(a, f->sub, p->in_force, strlen(p->in_force), &rec, &ignored) < 0)
			return NULL;
		pm_entry_place(a, f, slot, rec);
		return rec;
	}
	return NULL;
}

static bool lies_on(const char *volume, const char *storage)
{
	size_t n = strlen(storage);

	return strncmp(volume, storage, n) == 0 && volume[n] == ':';
}

static const char *storage_of(const struct pm_rec *entry)
{
	const char *storage = pm_volume_storage(entry);

	return storage ? storage : "";
}

/* The one that was detached last. */
static void find_unused(const struct pm_live *live, const struct pm_field *f,
	const struct pm_rec *entry, struct pm_attachment *ret)
{
	const char *storage = storage_of(entry), *p = memory(live);
	struct line l;

	while (next_line(&p, &l)) {
		const char *volume;
		unsigned at;

		if (!is_of(&l, f, entry))
			continue;
		volume = unused_named(live, l.volume, l.nvolume, &at);
		if (!volume)
			continue;
		ret->volume = volume;
		ret->unused = at;
		ret->how = lies_on(volume, storage) ? PM_ATTACH_AGAIN : PM_ATTACH_ELSEWHERE;
	}
}

/* A drive that is to be another one is none that comes back. */
static bool is_same(
	const struct pm_field *f, const struct pm_rec *waits, const struct pm_rec *entry)
{
	cleanup_buf struct pm_buf name = PM_BUF(0);
	struct line l = { .nvolume = 0 };

	add_name(f, waits, &name);
	l.path = pm_buf_str(&name);
	l.npath = name.len;
	return is_of(&l, f, entry) &&
	       (!pm_volume_shape(entry->kind) ||
		       pm_volume_holds_data(waits) == pm_volume_holds_data(entry));
}

void pm_attachment_of(struct pm_arena *a, const struct pm_live *live, const struct pm_field *f,
	const struct pm_rec *entry, struct pm_attachment *ret)
{
	const struct pm_rec *waits;

	*ret = (struct pm_attachment){ .how = PM_ATTACH_NEW };
	if (live->npending == 0 && !*memory(live))
		return;
	waits = pm_entry_in_force(a, live, f, entry->slot);
	if (waits && is_same(f, waits, entry))
		ret->how = PM_ATTACH_WAITS;
	else if (pm_volume_shape(f->sub) && pm_volume_holds_data(entry))
		find_unused(live, f, entry, ret);
}

/* ---- what is to be remembered ---- */

/* The record of the spec that stands where that one does; NULL: none. */
static const struct pm_rec *same_place(
	const struct pm_obj *o, const struct pm_volume_at *as, bool any_slot)
{
	struct pm_volume_at at = PM_VOLUMES(o->spec);

	while (pm_volume_next(&at)) {
		if (at.field != as->field)
			continue;
		if (at.f->count == 0 ||
			((any_slot || at.rec->slot == as->rec->slot) &&
				strcmp(pm_rec_ident(at.rec), pm_rec_ident(as->rec)) == 0))
			return at.rec;
	}
	return NULL;
}

static bool is_wanted(const struct pm_obj *want, const struct pm_volume_at *have)
{
	const struct pm_rec *w = same_place(want, have, false);

	return w && pm_volume_holds_data(w);
}

/* Does the guest still have it, and not where it is mounted? */
static bool hangs_on(struct pm_arena *a, const struct pm_obj *have, const struct line *l)
{
	unsigned at;

	if (unused_named(have->live, l->volume, l->nvolume, &at))
		return true;
	for (unsigned i = 0; i < have->live->npending; i++) {
		const char *v = pm_pending_volume(a, have->kind, &have->live->pending[i]);

		if (v && is_text(l->volume, l->nvolume, v))
			return true;
	}
	return false;
}

static bool comes_back(const struct pm_obj *want, const struct pm_obj *have, const struct line *l)
{
	struct pm_volume_at at = PM_VOLUMES(want->spec);

	while (pm_volume_next(&at)) {
		if (!same_place(have, &at, true) && is_of(l, at.f, at.rec) &&
			lies_on(l->volume, storage_of(at.rec)))
			return true;
	}
	return false;
}

static void begin_line(const char *volume, size_t n, struct pm_buf *out)
{
	if (out->len > 0)
		pm_buf_addc(out, '\n');
	pm_buf_add(out, volume, n);
	pm_buf_addc(out, ' ');
}

/* Does the write take it away: what podmox set, and what a null means? */
static bool goes(
	const struct pm_obj *want, const struct pm_obj *have, const struct pm_volume_at *at)
{
	const struct pm_marker *m = have->live->marker;
	const char *volume = pm_volume_id(at->rec);
	char key[16];

	if (!pm_volume_goes(at->f) || !volume || !*volume || !pm_volume_holds_data(at->rec) ||
		is_wanted(want, at))
		return false;
	if (want->spec->val[at->field].state == PM_NULL)
		return true;
	return m && pm_marker_has(m,
			    at->f->count > 0 ? pm_slot_key(at->f, at->rec->slot, key) : at->f->key,
			    NULL);
}

static void add_detached(const struct pm_obj *want, const struct pm_obj *have, struct pm_buf *out)
{
	struct pm_volume_at at = PM_VOLUMES(have->spec);

	while (pm_volume_next(&at)) {
		cleanup_buf struct pm_buf name = PM_BUF(0);
		const char *volume = pm_volume_id(at.rec);

		if (!goes(want, have, &at))
			continue;
		add_name(at.f, at.rec, &name);
		if (strchr(pm_buf_str(&name), '\n'))
			continue;
		begin_line(volume, strlen(volume), out);
		pm_buf_adds(out, pm_buf_str(&name));
	}
}

const char *pm_detached_after(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	const char *p = have ? memory(have->live) : "";
	struct line l;

	if (!have || !want->spec || !have->spec)
		return "";
	while (next_line(&p, &l)) {
		if (!hangs_on(a, have, &l) || comes_back(want, have, &l))
			continue;
		begin_line(l.volume, l.nvolume, &out);
		pm_buf_add(&out, l.path, l.npath);
	}
	add_detached(want, have, &out);
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}
