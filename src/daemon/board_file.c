/* What of the board outlives the daemon: suspensions and approvals in one small file that is replaced as a
 * whole, the history in a file that grows by lines and is written anew when it has twice as many as are
 * kept. A line that a crash cut off is passed over. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/num.h"
#include "daemon/board_priv.h"

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define TEXT_MAX_BYTES 1000
#define MODE           0600

static void path_of(const struct pm_board *b, const char *what, struct pm_buf *ret)
{
	(void)pm_buf_addf(ret, "%s/%s.%s", b->journal_dir, b->set, what);
}

/* ---- a flat object ---- */

/* One value of a line of JSON, by its key. */
struct flat_key {
	const char *key;
	const char **s; /* a text; NULL: a number */
	int64_t *i;
};

static bool take(struct pm_arena *a, struct pm_jread *r, const struct flat_key *k)
{
	enum pm_json_event e = pm_jread_next(r);

	if (k && k->s && e == PM_J_STRING) {
		*k->s = pm_arena_strndup(a, r->s, r->n);
		return true;
	}
	if (k && k->i && e == PM_J_NUMBER)
		return pm_parse_int(pm_jread_term(r), INT64_MIN, INT64_MAX, k->i) == 0;
	return pm_jread_skip(r, e);
}

/* Reads what is behind the '{'. */
static bool read_members(
	struct pm_arena *a, struct pm_jread *r, const struct flat_key *keys, size_t nkeys)
{
	for (;;) {
		enum pm_json_event e = pm_jread_next(r);
		const struct flat_key *k = NULL;

		if (e == PM_J_OBJECT_END)
			return true;
		if (e != PM_J_KEY)
			return false;
		for (size_t i = 0; i < nkeys && !k; i++)
			k = pm_jread_is(r, keys[i].key) ? &keys[i] : NULL;
		if (!take(a, r, k))
			return false;
	}
}

/* Reads a flat object, texts into `a`; what it does not know is passed over. false: it is none. */
static bool read_flat(
	struct pm_arena *a, char *text, size_t n, const struct flat_key *keys, size_t nkeys)
{
	struct pm_jread r;

	pm_jread_init(&r, text, n);
	return pm_jread_next(&r) == PM_J_OBJECT && read_members(a, &r, keys, nkeys) &&
	       pm_jread_next(&r) == PM_J_END;
}

/* ---- suspensions and approvals ---- */

static void write_texts(struct pm_board *b, struct pm_buf *out)
{
	struct pm_jwrite w = { .out = out };

	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "suspended");
	for (size_t i = 0; i < b->asked.n; i++) {
		const struct pm_board_suspension *s = &b->asked.v[i].s;

		pm_jw_object(&w, NULL);
		pm_jw_str(&w, "object", s->object);
		pm_jw_str(&w, "reason", s->reason);
		pm_jw_str(&w, "by", s->by);
		pm_jw_int(&w, "at", s->at_ms);
		pm_jw_int(&w, "until", s->until_ms);
		pm_jw_object_end(&w);
	}
	pm_jw_array_end(&w);
	pm_jw_array(&w, "approved");
	for (size_t i = 0; i < b->approved.n; i++)
		pm_jw_str(&w, NULL, b->approved.v[i]);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	(void)pm_buf_addc(out, '\n');
}

int pm_board_asked_write(struct pm_board *b, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	int r;

	if (!b->journal_dir)
		return 0;
	pm_board_lock(b);
	write_texts(b, &text);
	pm_board_unlock(b);
	path_of(b, "asked.json", &path);
	r = pm_dir_make(b->journal_dir, 0700, err);
	if (r == 0)
		r = pm_file_write(pm_buf_str(&path), pm_buf_str(&text), text.len, MODE, err);
	return r < 0 ? pm_error_wrap(err, "cannot write down what was asked") : 0;
}

static bool read_suspension(struct pm_board *b, struct pm_arena *a, struct pm_jread *r)
{
	struct pm_board_suspension s = { 0 };
	const struct flat_key keys[] = { { "object", &s.object, NULL },
		{ "reason", &s.reason, NULL }, { "by", &s.by, NULL }, { "at", NULL, &s.at_ms },
		{ "until", NULL, &s.until_ms } };

	if (!read_members(a, r, keys, PM_COUNT(keys)))
		return false;
	pm_board_lock(b);
	pm_board_put(b, &s);
	pm_board_unlock(b);
	return true;
}

static bool read_list(struct pm_board *b, struct pm_arena *a, struct pm_jread *r)
{
	enum pm_json_event e = pm_jread_next(r);

	if (e != PM_J_ARRAY)
		return false;
	for (e = pm_jread_next(r); e != PM_J_ARRAY_END; e = pm_jread_next(r)) {
		if (e == PM_J_OBJECT && read_suspension(b, a, r))
			continue;
		if (e != PM_J_STRING)
			return false;
		pm_vec_push(&b->approved, pm_xstrdup(pm_jread_term(r)));
	}
	return true;
}

static bool read_asked(struct pm_board *b, struct pm_arena *a, char *text, size_t n)
{
	enum pm_json_event e;
	struct pm_jread r;

	pm_jread_init(&r, text, n);
	if (pm_jread_next(&r) != PM_J_OBJECT)
		return false;
	for (e = pm_jread_next(&r); e == PM_J_KEY; e = pm_jread_next(&r)) {
		bool ours = pm_jread_is(&r, "suspended") || pm_jread_is(&r, "approved");

		if (ours ? !read_list(b, a, &r) : !pm_jread_skip(&r, pm_jread_next(&r)))
			return false;
	}
	return e == PM_J_OBJECT_END;
}

/* A daemon that does not know what was suspended changes nothing until somebody has said so. */
static void suspend_all(struct pm_board *b, const char *path)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const struct pm_board_suspension s = { .by = "podmox",
		.at_ms = pm_wall_ms(b->clock),
		.reason = pm_arena_printf(a,
			"what was suspended before cannot be read in %s; resume when nothing should be",
			path) };

	pm_board_lock(b);
	pm_board_put(b, &s);
	pm_board_unlock(b);
}

static void asked_read(struct pm_board *b)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_error err;

	path_of(b, "asked.json", &path);
	if (pm_file_read(AT_FDCWD, pm_buf_str(&path), FILE_MAX_BYTES, &text, &err) < 0) {
		if (err.sys_errno == ENOENT)
			return;
		pm_error("what was suspended cannot be read", PM_KV_S("why", err.msg));
		suspend_all(b, pm_buf_str(&path));
		return;
	}
	if (read_asked(b, a, text.p, text.len))
		return;
	pm_error("what was suspended cannot be understood", PM_KV_S("file", pm_buf_str(&path)));
	suspend_all(b, pm_buf_str(&path));
}

/* ---- history ---- */

static void write_entry(struct pm_buf *out, const struct pm_board_entry *e)
{
	struct pm_jwrite w = { .out = out };

	pm_jw_object(&w, NULL);
	pm_jw_int(&w, "at", e->at_ms);
	pm_jw_str(&w, "what", pm_happening_name(e->what));
	if (e->revision)
		pm_jw_str(&w, "revision", e->revision);
	if (e->object)
		pm_jw_str(&w, "object", e->object);
	if (e->verb)
		pm_jw_str(&w, "verb", e->verb);
	if (e->text)
		pm_jw_strn(&w, "text", e->text, strnlen(e->text, TEXT_MAX_BYTES));
	if (e->code != PM_OK)
		pm_jw_str(&w, "code", pm_code_name(e->code));
	if (e->vmid > 0)
		pm_jw_int(&w, "vmid", e->vmid);
	if (e->took_ms > 0)
		pm_jw_int(&w, "took", e->took_ms);
	pm_jw_object_end(&w);
	(void)pm_buf_addc(out, '\n');
}

/* All that is kept, to a new file. */
static int write_anew(struct pm_board *b, const char *path, struct pm_error *err)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	int r;

	pm_board_lock(b);
	for (size_t i = 0; i < b->nentries; i++)
		write_entry(&text, &b->entry[(b->first + i) % b->nring]);
	b->lines = (unsigned)b->nentries;
	pm_board_unlock(b);
	r = pm_dir_make(b->journal_dir, 0700, err);
	return r < 0 ? r : pm_file_write(path, pm_buf_str(&text), text.len, MODE, err);
}

static int append(
	struct pm_board *b, const char *path, const struct pm_board_entry *e, struct pm_error *err)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	int fd cleanup_fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0 && errno != ENOENT)
		return pm_error_sys(err, errno, "cannot open %s", path);
	if (fd < 0 || b->torn || b->lines >= 2 * b->nring) {
		b->torn = false;
		return write_anew(b, path, err);
	}
	write_entry(&text, e);
	if (write(fd, text.p, text.len) != (ssize_t)text.len) {
		b->torn = true;
		return pm_error_sys(err, errno, "cannot write %s", path);
	}
	b->lines++;
	return 0;
}

void pm_board_history_write(struct pm_board *b, const struct pm_board_entry *e)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_error err;

	path_of(b, "history.jsonl", &path);
	if (append(b, pm_buf_str(&path), e, &err) == 0) {
		b->history_broken = false;
		return;
	}
	if (!b->history_broken)
		pm_warning("the history cannot be written down", PM_KV_S("why", err.msg));
	b->history_broken = true;
}

static bool happening_of(const char *name, enum pm_happening *ret)
{
	for (unsigned h = 0; name && h < PM_HAP_MAX; h++) {
		if (strcmp(pm_happening_name(h), name) != 0)
			continue;
		*ret = h;
		return true;
	}
	return false;
}

static enum pm_code code_of(const char *name)
{
	for (unsigned c = 0; name && c < PM_CODE_MAX; c++)
		if (strcmp(pm_code_name(c), name) == 0)
			return c;
	return PM_OK;
}

/* false: no entry. What an entry of a newer podmox holds besides is passed over. */
static bool read_entry(struct pm_board *b, struct pm_arena *a, char *line, size_t n)
{
	struct pm_board_entry e = { 0 };
	const char *what = NULL, *code = NULL;
	int64_t vmid = 0, took = 0;
	const struct flat_key keys[] = { { "at", NULL, &e.at_ms }, { "what", &what, NULL },
		{ "revision", &e.revision, NULL }, { "object", &e.object, NULL },
		{ "verb", &e.verb, NULL }, { "text", &e.text, NULL }, { "code", &code, NULL },
		{ "vmid", NULL, &vmid }, { "took", NULL, &took } };

	if (!read_flat(a, line, n, keys, PM_COUNT(keys)) || !happening_of(what, &e.what))
		return false;
	e.code = code_of(code);
	e.vmid = vmid > 0 && vmid <= INT32_MAX ? (unsigned)vmid : 0;
	e.took_ms = took > 0 && took <= UINT32_MAX ? (uint32_t)took : 0;
	pm_board_lock(b);
	pm_board_remember(b, &e);
	pm_board_unlock(b);
	return true;
}

static void history_read(struct pm_board *b)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_error err;
	unsigned bad = 0;

	path_of(b, "history.jsonl", &path);
	if (pm_file_read(AT_FDCWD, pm_buf_str(&path), FILE_MAX_BYTES, &text, &err) < 0) {
		if (err.sys_errno != ENOENT)
			pm_warning("the history cannot be read", PM_KV_S("why", err.msg));
		return;
	}
	for (char *p = text.p, *end; p && *p; p = end + 1) {
		struct pm_arena *a cleanup_arena = pm_arena_new(4096);

		end = strchr(p, '\n');
		b->torn = !end;
		if (!end)
			break;
		*end = '\0';
		bad += !read_entry(b, a, p, (size_t)(end - p));
		b->lines++;
	}
	if (bad > 0)
		pm_warning("lines of the history cannot be understood",
			PM_KV_S("file", pm_buf_str(&path)), PM_KV_I("lines", bad));
}

void pm_board_files_read(struct pm_board *b)
{
	(void)pthread_mutex_lock(&b->files);
	asked_read(b);
	history_read(b);
	(void)pthread_mutex_unlock(&b->files);
}
