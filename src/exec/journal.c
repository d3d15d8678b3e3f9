/* The journal of a set: what is about to be sent, the tasks that came of it, and their ends, one JSON
 * object a line, each fsynced before the next step. The cluster is the truth: a journal that is lost,
 * torn or written by another version costs nothing but the waiting for tasks that still run. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "exec/exec_priv.h"

#define JOURNAL_MAX ((size_t)16 << 20)

struct pm_journal {
	const struct pm_clock *clock;
	struct pm_arena *arena;
	char *path;
	pthread_mutex_t lock; /* guards what follows */
	int fd;
	unsigned last_id;
	bool warned;
	PM_VEC(struct pm_intent) open; /* without a result */
};

static struct pm_intent *find_open(struct pm_journal *j, unsigned id)
{
	for (size_t i = 0; i < j->open.n; i++) {
		if (j->open.v[i].id == id)
			return &j->open.v[i];
	}
	return NULL;
}

static void drop_open(struct pm_journal *j, unsigned id)
{
	struct pm_intent *i = find_open(j, id);

	if (i)
		*i = j->open.v[--j->open.n];
}

/* ---- reading ---- */

static const char *keep(struct pm_journal *j, struct json_object *o, const char *key)
{
	const char *s = pm_json_str(o, key);

	return s ? pm_arena_strdup(j->arena, s) : NULL;
}

static void read_intent(struct pm_journal *j, struct json_object *o, unsigned id)
{
	struct pm_intent i = { .id = id,
		.object = keep(j, o, "object"),
		.task = keep(j, o, "task"),
		.work = keep(j, o, "work"),
		.node = keep(j, o, "node"),
		.vmid = (unsigned)pm_json_int(o, "vmid", 0),
		.at_ms = pm_json_int(o, "at", 0) };

	if (i.object && i.task && i.node && i.vmid > 0 && !find_open(j, id))
		pm_vec_push(&j->open, i);
}

static void read_entry(struct pm_journal *j, struct json_object *o)
{
	int64_t id = pm_json_int(o, "id", 0);
	const char *what = pm_json_str(o, "entry");
	struct pm_intent *i;

	if (id <= 0 || id > UINT32_MAX - 1 || !what)
		return;
	if ((unsigned)id > j->last_id)
		j->last_id = (unsigned)id;
	i = find_open(j, (unsigned)id);
	if (pm_str_eq(what, "intent"))
		read_intent(j, o, (unsigned)id);
	else if (pm_str_eq(what, "task") && i)
		i->upid = keep(j, o, "upid");
	else if (pm_str_eq(what, "result"))
		drop_open(j, (unsigned)id);
}

/* A line that is no JSON was torn by a crash, or is somebody else's: it says nothing. */
static void read_lines(struct pm_journal *j, const char *p)
{
	while (*p) {
		size_t n = strcspn(p, "\n");
		struct json_object *o cleanup_json = NULL;
		struct pm_error ignored;

		if (n > 0 && pm_json_parse(p, n, &o, &ignored) == 0)
			read_entry(j, o);
		p += n + (p[n] == '\n');
	}
}

/* ---- writing ---- */

static void write_intent(struct pm_jwrite *w, const struct pm_intent *i)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "entry", "intent");
	pm_jw_int(w, "id", i->id);
	pm_jw_int(w, "at", i->at_ms);
	pm_jw_str(w, "object", i->object);
	pm_jw_str(w, "task", i->task);
	if (i->work)
		pm_jw_str(w, "work", i->work);
	pm_jw_str(w, "node", i->node);
	pm_jw_int(w, "vmid", i->vmid);
	pm_jw_object_end(w);
}

static void write_word(
	struct pm_jwrite *w, const char *entry, unsigned id, const char *key, const char *word)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "entry", entry);
	pm_jw_int(w, "id", id);
	pm_jw_str(w, key, word);
	pm_jw_object_end(w);
}

/* One write(2) a line, so that a crash leaves whole lines and at most one torn one. */
static void append(struct pm_journal *j, struct pm_buf *line)
{
	(void)pm_buf_addc(line, '\n');
	if (write(j->fd, line->p, line->len) == (ssize_t)line->len && fdatasync(j->fd) == 0)
		return;
	if (!j->warned)
		pm_warning("the journal cannot be written", PM_KV_S("file", j->path),
			PM_KV_I("errno", errno));
	j->warned = true;
}

void pm_journal_intent(struct pm_journal *j, struct pm_intent *i)
{
	struct pm_buf line cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &line };

	if (!j)
		return;
	(void)pthread_mutex_lock(&j->lock);
	i->id = ++j->last_id;
	i->at_ms = pm_wall_ms(j->clock);
	write_intent(&w, i);
	append(j, &line);
	pm_vec_push(&j->open, ((struct pm_intent){ .id = i->id,
				      .object = pm_arena_strdup(j->arena, i->object),
				      .task = pm_arena_strdup(j->arena, i->task),
				      .work = i->work ? pm_arena_strdup(j->arena, i->work) : NULL,
				      .node = pm_arena_strdup(j->arena, i->node),
				      .vmid = i->vmid,
				      .at_ms = i->at_ms }));
	(void)pthread_mutex_unlock(&j->lock);
}

void pm_journal_task(struct pm_journal *j, unsigned id, const char *upid)
{
	struct pm_buf line cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &line };
	struct pm_intent *i;

	if (!j)
		return;
	(void)pthread_mutex_lock(&j->lock);
	write_word(&w, "task", id, "upid", upid);
	append(j, &line);
	i = find_open(j, id);
	if (i)
		i->upid = pm_arena_strdup(j->arena, upid);
	(void)pthread_mutex_unlock(&j->lock);
}

void pm_journal_result(struct pm_journal *j, unsigned id, const char *result)
{
	struct pm_buf line cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &line };

	if (!j || id == 0)
		return;
	(void)pthread_mutex_lock(&j->lock);
	write_word(&w, "result", id, "result", result);
	append(j, &line);
	drop_open(j, id);
	(void)pthread_mutex_unlock(&j->lock);
}

/* ---- opening and closing ---- */

static void journal_free(struct pm_journal *j)
{
	pm_closep(&j->fd);
	(void)pthread_mutex_destroy(&j->lock);
	pm_vec_done(&j->open);
	pm_arena_free(j->arena);
	free(j->path);
	free(j);
}

static int open_file(struct pm_journal *j, struct pm_error *err)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	int r;

	j->fd = open(
		j->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (j->fd < 0)
		return pm_error_sys(err, errno, "journal: %s", j->path);
	pm_file_give(j->fd, j->path);
	r = pm_file_read(AT_FDCWD, j->path, JOURNAL_MAX, &text, err);
	if (r == -PM_E_LIMIT)
		pm_warning("the journal is too large to be read", PM_KV_S("file", j->path));
	else if (r < 0)
		return pm_error_wrap(err, "journal");
	else
		read_lines(j, pm_buf_str(&text));
	return 0;
}

int pm_journal_open(const char *dir, const char *set, const struct pm_clock *clock,
	struct pm_journal **ret, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(4096);
	struct pm_journal *j;
	int r = pm_dir_make(dir, 0700, err);

	if (r < 0)
		return pm_error_wrap(err, "the folder of the journal");
	if (pm_buf_addf(&path, "%s/%s.journal", dir, set) < 0)
		return pm_error_set(err, PM_E_LIMIT, "the path of the journal is too long");
	j = pm_xcalloc(1, sizeof(*j));
	j->clock = clock;
	j->arena = pm_arena_new(0);
	j->path = pm_buf_steal(&path);
	(void)pthread_mutex_init(&j->lock, NULL);
	r = open_file(j, err);
	if (r < 0) {
		journal_free(j);
		return r;
	}
	*ret = j;
	return 0;
}

const struct pm_intent *pm_journal_unfinished(const struct pm_journal *j, size_t *ret_n)
{
	*ret_n = j->open.n;
	return j->open.v;
}

/* What is finished leaves the file. What is not is written anew, for the next run. */
static void compact(struct pm_journal *j)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_error err;
	struct stat st;

	/* Nothing was in it and nothing came: writing it costs the disk two flushes. */
	if (j->open.n == 0 && fstat(j->fd, &st) == 0 && st.st_size == 0)
		return;
	for (size_t i = 0; i < j->open.n; i++) {
		const struct pm_intent *open_one = &j->open.v[i];
		struct pm_jwrite w = { .out = &text };

		write_intent(&w, open_one);
		(void)pm_buf_addc(&text, '\n');
		if (!open_one->upid)
			continue;
		w = (struct pm_jwrite){ .out = &text };
		write_word(&w, "task", open_one->id, "upid", open_one->upid);
		(void)pm_buf_addc(&text, '\n');
	}
	if (pm_file_write(j->path, pm_buf_str(&text), text.len, 0600, &err) < 0)
		pm_debug("the journal was not compacted", PM_KV_S("error", err.msg));
}

void pm_journal_close(struct pm_journal *j)
{
	if (!j)
		return;
	compact(j);
	journal_free(j);
}
