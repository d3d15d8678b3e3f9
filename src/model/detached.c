/* Where detached volumes were mounted: reading and writing the marker's memory of it. */
#include "model/detached.h"

#include <string.h>

#include "model/volume.h"

/* ---- the lines ---- */

/** One line: "local-lvm:vm-210-disk-1 /var/lib/db", or "... scsi1" of a virtual machine. A path may hold
 * blanks, a volume does not. */
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

		if (p->field != f || p->slot != slot || !p->in_force)
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
static void find_unused(
	const struct pm_live *live, const struct pm_rec *entry, struct pm_attachment *ret)
{
	const char *storage = storage_of(entry), *p = memory(live);
	struct line l;

	while (next_line(&p, &l)) {
		const char *volume;
		unsigned at;

		if (!is_text(l.path, l.npath, pm_rec_ident(entry)))
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
static bool is_same(const struct pm_rec *waits, const struct pm_rec *entry)
{
	return strcmp(pm_rec_ident(waits), pm_rec_ident(entry)) == 0 &&
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
	if (waits && is_same(waits, entry))
		ret->how = PM_ATTACH_WAITS;
	else if (pm_volume_shape(f->sub) && pm_volume_holds_data(entry))
		find_unused(live, entry, ret);
}

/* ---- what is to be remembered ---- */

static const struct pm_recs *volumes_of(const struct pm_obj *o)
{
	int row = o && o->spec ? pm_volume_list(o->kind) : -1;
	const struct pm_value *v = row >= 0 ? &o->spec->val[row] : NULL;

	return v && v->state == PM_SET ? v->u.recs : NULL;
}

static bool is_wanted(const struct pm_recs *want, const struct pm_rec *have)
{
	for (size_t i = 0; want && i < want->n; i++) {
		if (want->v[i]->slot == have->slot &&
			strcmp(pm_rec_ident(want->v[i]), pm_rec_ident(have)) == 0)
			return pm_volume_holds_data(want->v[i]);
	}
	return false;
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

static bool comes_back(const struct pm_recs *want, const struct pm_recs *have, const struct line *l)
{
	for (size_t i = 0; want && i < want->n; i++) {
		const struct pm_rec *w = want->v[i];
		bool there = false;

		for (size_t k = 0; have && k < have->n; k++)
			there |= strcmp(pm_rec_ident(have->v[k]), pm_rec_ident(w)) == 0;
		if (!there && is_text(l->path, l->npath, pm_rec_ident(w)) &&
			lies_on(l->volume, storage_of(w)))
			return true;
	}
	return false;
}

static void add_line(
	const char *volume, size_t n, const char *path, size_t npath, struct pm_buf *out)
{
	if (out->len > 0)
		pm_buf_addc(out, '\n');
	pm_buf_add(out, volume, n);
	pm_buf_addc(out, ' ');
	pm_buf_add(out, path, npath);
}

/* What the write leaves without a mount point: what podmox set, and what a null takes away. */
static void add_detached(const struct pm_obj *want, const struct pm_obj *have, struct pm_buf *out)
{
	const struct pm_recs *is = volumes_of(have), *wanted = volumes_of(want);
	int row = pm_volume_list(want->kind);
	const struct pm_field *f = &want->kind->fields[row];
	bool all = want->spec->val[row].state == PM_NULL;

	for (size_t i = 0; is && i < is->n; i++) {
		const struct pm_rec *r = is->v[i];
		const char *volume = pm_volume_id(r), *path = pm_rec_ident(r);
		char key[16];

		if (!volume || !*volume || !pm_volume_holds_data(r) || is_wanted(wanted, r) ||
			strchr(path, '\n') ||
			!(all || (have->live->marker &&
					 pm_marker_has(have->live->marker,
						 pm_slot_key(f, r->slot, key), NULL))))
			continue;
		add_line(volume, strlen(volume), path, strlen(path), out);
	}
}

const char *pm_detached_after(
	struct pm_arena *a, const struct pm_obj *want, const struct pm_obj *have)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);
	const char *p = have ? memory(have->live) : "";
	struct line l;

	if (!have || !want->spec || pm_volume_list(want->kind) < 0)
		return "";
	while (next_line(&p, &l)) {
		if (hangs_on(a, have, &l) && !comes_back(volumes_of(want), volumes_of(have), &l))
			add_line(l.volume, l.nvolume, l.path, l.npath, &out);
	}
	add_detached(want, have, &out);
	return pm_arena_strndup(a, pm_buf_str(&out), out.len);
}
