/* The reader of an audit log: its last records, over rotated files. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "audit_priv.h"
#include "base/json.h"
#include "base/mem.h"
#include "base/num.h"

#define BLOCK ((size_t)64 << 10)

/* ---- one line ---- */

static const struct {
	const char *key;
	size_t offset; /* of its text in struct pm_audit_entry */
} texts[] = {
	{ "time", offsetof(struct pm_audit_entry, time) },
	{ "operation", offsetof(struct pm_audit_entry, r.operation) },
	{ "object", offsetof(struct pm_audit_entry, r.object) },
	{ "user", offsetof(struct pm_audit_entry, r.user) },
	{ "host", offsetof(struct pm_audit_entry, r.host) },
	{ "method", offsetof(struct pm_audit_entry, r.method) },
	{ "path", offsetof(struct pm_audit_entry, r.path) },
	{ "keys", offsetof(struct pm_audit_entry, r.keys) },
	{ "result", offsetof(struct pm_audit_entry, r.result) },
	{ "details", offsetof(struct pm_audit_entry, r.details) },
};

static const char **text_of(struct pm_audit_entry *e, const struct pm_jread *key)
{
	for (size_t i = 0; i < PM_COUNT(texts); i++) {
		if (pm_jread_is(key, texts[i].key))
			return (const char **)((char *)e + texts[i].offset);
	}
	return NULL;
}

static bool parse_members(struct pm_jread *j, struct pm_audit_entry *e)
{
	enum pm_json_event event;

	while ((event = pm_jread_next(j)) == PM_J_KEY) {
		const char **text = text_of(e, j);
		bool seq = pm_jread_is(j, "seq");
		int64_t n;

		event = pm_jread_next(j);
		if (seq && event == PM_J_NUMBER) {
			if (pm_parse_int(pm_jread_term(j), 1, INT64_MAX, &n) == 0)
				e->seq = (uint64_t)n;
		} else if (text && event == PM_J_STRING) {
			*text = pm_jread_term(j);
		} else if (!pm_jread_skip(j, event)) {
			return false;
		}
	}
	return event == PM_J_OBJECT_END;
}

static void clear(struct pm_audit_entry *e)
{
	memset(e, 0, sizeof(*e));
	for (size_t i = 0; i < PM_COUNT(texts); i++)
		*(const char **)((char *)e + texts[i].offset) = "";
}

/* The texts of *ret live in the line, which is changed. */
static void parse_line(struct pm_buf *line, struct pm_audit_entry *ret)
{
	bool whole = !line->full && line->p[line->len - 1] == '\n';
	struct pm_link link;
	struct pm_jread j;
	bool good = whole && pm_chain_read(line->p, line->len - 1, &link);

	clear(ret);
	pm_jread_init(&j, line->p, line->len);
	if (!whole || pm_jread_next(&j) != PM_J_OBJECT || !parse_members(&j, ret) || ret->seq == 0)
		clear(ret);
	ret->good = good;
}

/* ---- the last lines of a file ---- */

/* Where the last `want` lines begin; *ret_n: how many there are, at most `want`. */
static int find_start(const struct pm_audit_lines *l, size_t want, off_t *ret, size_t *ret_n)
{
	char block[BLOCK];
	off_t at = l->size;
	size_t n = 0;

	while (at > 0) {
		size_t bytes = at > (off_t)BLOCK ? BLOCK : (size_t)at;

		if (pread(fileno(l->f), block, bytes, at - (off_t)bytes) != (ssize_t)bytes)
			return -PM_E_IO;
		for (size_t i = bytes; i > 0; i--) {
			off_t line = at - (off_t)(bytes - i);

			/* The last character of all ends a line, newline or not. */
			if (block[i - 1] != '\n' && line != l->size)
				continue;
			if (n == want) {
				*ret = line;
				*ret_n = n;
				return 0;
			}
			n++;
		}
		at -= (off_t)bytes;
	}
	*ret = 0;
	*ret_n = n;
	return 0;
}

/* ---- all of it ---- */

struct part {
	struct pm_audit_lines lines;
	const char *path;
};

struct parts {
	PM_VEC(struct part); /* the newest first */
	struct pm_audit_files files;
};

static void parts_done(struct parts *p)
{
	for (size_t i = 0; i < p->n; i++)
		pm_audit_lines_done(&p->v[i].lines);
	pm_vec_done(p);
	pm_audit_files_done(&p->files);
}

/* Opens a file at its last `want` lines; *ret_n: how many these are. */
static int open_part(
	struct parts *parts, const char *path, size_t want, size_t *ret_n, struct pm_error *err)
{
	struct part part = { .path = path };
	off_t start;
	int r = pm_audit_lines(path, &part.lines, err);

	if (r < 0)
		return r;
	pm_vec_push(parts, part);
	if (find_start(&part.lines, want, &start, ret_n) < 0 ||
		fseeko(part.lines.f, start, SEEK_SET) < 0)
		return pm_error_sys(err, EIO, "cannot read the audit log %s", path);
	parts->v[parts->n - 1].lines.left = part.lines.size - start;
	return 0;
}

/* From the newest file back, as many as are needed. */
static int open_parts(struct parts *parts, const char *path, size_t left, struct pm_error *err)
{
	size_t n = 0;
	int r = open_part(parts, path, left, &n, err);

	if (r == 0)
		r = pm_audit_files(path, fileno(parts->v[0].lines.f), &parts->files, err);
	for (size_t i = parts->files.n; r == 0 && i > 0 && n < left; i--) {
		left -= n;
		r = open_part(parts, parts->files.v[i - 1].path, left, &n, err);
	}
	return r;
}

int pm_audit_read(const char *path, size_t limit, pm_audit_fn *fn, void *arg, struct pm_error *err)
{
	cleanup_buf struct pm_buf line = PM_BUF(PM_AUDIT_LINE);
	PM_CLEANUP(parts_done) struct parts parts = { 0 };
	int r = open_parts(&parts, path, limit > 0 ? limit : SIZE_MAX, err);

	for (size_t i = parts.n; r == 0 && i > 0; i--) {
		struct part *p = &parts.v[i - 1];

		while (pm_audit_line(&p->lines, &line)) {
			struct pm_audit_entry e;

			parse_line(&line, &e);
			fn(arg, &e);
		}
		if (ferror(p->lines.f))
			r = pm_error_sys(err, EIO, "cannot read the audit log %s", p->path);
	}
	return r;
}
