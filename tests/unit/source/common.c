/* What the tests of the source share; see source_test.h. */
#include "source_test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"

#define WORDS 48

/* ---- programs ---- */

static const char *const git_words[] = { "-c", "user.name=Tester", "-c",
	"user.email=tester@test.invalid", "-c", "commit.gpgsign=false", "-c",
	"init.defaultBranch=main", "-c", "protocol.file.allow=always" };

static size_t add_first(struct world *w, const char **argv, const char *word)
{
	bool bare = strcmp(word, "bare") == 0;
	size_t n = 0;

	if (!bare && strcmp(word, "git") != 0) {
		argv[n++] = word;
		return n;
	}
	argv[n++] = "git";
	argv[n++] = "-C";
	argv[n++] = bare ? w->remote : w->work;
	for (unsigned i = 0; i < PM_COUNT(git_words); i++)
		argv[n++] = git_words[i];
	return n;
}

static void run(struct world *w, const char *in, size_t len, const char *words, va_list ap)
{
	char *rest = pm_arena_strdup(w->arena, words), *word;
	const char *argv[WORDS];
	struct pm_source_job job = { .clock = &pm_clock_system };
	struct pm_child_run r = { .argv = argv, .in = in, .n = len };
	size_t n = 0;

	while ((word = strsep(&rest, " ")) != NULL) {
		const char *text = strcmp(word, "%s") == 0 ? va_arg(ap, const char *) : word;

		assert_true(n + PM_COUNT(git_words) + 4 < WORDS || n > 0);
		if (n == 0)
			n = add_first(w, argv, text);
		else
			argv[n++] = text;
		assert_true(n < WORDS);
	}
	argv[n] = NULL;
	assert_ok(pm_child_run(&r, &job, &w->err), &w->err);
	if (r.status != 0)
		fail_msg("%s: exit %d: %s", words, r.status, pm_buf_str(&r.errors));
	pm_buf_clear(&w->out);
	(void)pm_buf_add(&w->out, pm_buf_str(&r.out), r.out.len);
	while (w->out.len > 0 && w->out.p[w->out.len - 1] == '\n')
		w->out.p[--w->out.len] = '\0';
	pm_child_run_done(&r);
}

void world_run(struct world *w, const char *words, ...)
{
	va_list ap;

	va_start(ap, words);
	run(w, "", 0, words, ap);
	va_end(ap);
}

void world_run_with(struct world *w, const char *in, size_t n, const char *words, ...)
{
	va_list ap;

	va_start(ap, words);
	run(w, in, n, words, ap);
	va_end(ap);
}

/* ---- files ---- */

const char *world_path(struct world *w, const char *dir, const char *name)
{
	return pm_arena_printf(w->arena, "%s/%s", dir, name);
}

void world_file(struct world *w, const char *name, const char *text)
{
	(void)pm_test_file(w->work, name, text);
}

const char *world_push(struct world *w, const char *message)
{
	world_run(w, "git add -A");
	world_run(w, "git commit -q --allow-empty -m %s", message);
	world_run(w, "git push -q -f origin HEAD:main");
	world_run(w, "git rev-parse HEAD");
	return pm_arena_strdup(w->arena, pm_buf_str(&w->out));
}

void world_point(struct world *w)
{
	world_run(w, "git push -q -f origin %s",
		pm_arena_printf(w->arena, "%s:refs/heads/main", pm_buf_str(&w->out)));
}

const char *world_commit(struct world *w, const char *name, const char *text)
{
	world_file(w, name, text);
	return world_push(w, name);
}

const char *world_text(struct world *w, const char *name)
{
	struct pm_buf text = PM_BUF(0);
	struct pm_error err;
	const char *ret = NULL;

	if (w->state.tree && pm_file_read(AT_FDCWD, world_path(w, w->state.tree, name), 1 << 20,
				     &text, &err) == 0)
		ret = pm_arena_strdup(w->arena, pm_buf_str(&text));
	pm_buf_done(&text);
	return ret;
}

/* ---- the source ---- */

static void add_item(
	struct world *w, struct pm_value *v, const struct pm_field *f, const char *text)
{
	size_t n = v->state == PM_SET ? v->u.list->n : 0;
	const char **items = pm_new_n(w->arena, const char *, n + 1);

	for (size_t i = 0; i < n; i++)
		items[i] = v->u.list->v[i];
	assert_ok(pm_item_parse(w->arena, f, text, &items[n], &w->err), &w->err);
	pm_value_list(w->arena, f, items, n + 1, v);
}

void world_set(struct world *w, unsigned row, const char *text)
{
	const struct pm_field *f = &pm_kind_config.fields[row];

	if (f->type == PM_T_LIST)
		add_item(w, &w->rec->val[row], f, text);
	else
		assert_ok(pm_value_parse(w->arena, f, text, true, &w->rec->val[row], &w->err),
			&w->err);
}

void world_unset(struct world *w, unsigned row)
{
	w->rec->val[row].state = PM_UNSET;
}

void world_open(struct world *w)
{
	struct pm_source_opts o = { .rec = w->rec,
		.config_dir = w->dir,
		.set = "test",
		.journal_dir = w->journal,
		.seed = 1 };

	pm_source_free(w->source);
	w->source = NULL;
	assert_ok(pm_source_open(&o, &w->source, &w->err), &w->err);
}

int world_look(struct world *w)
{
	int r = pm_source_poll(w->source, NULL, &w->err);

	pm_source_state(w->source, w->arena, &w->state);
	return r;
}

void world_see(struct world *w)
{
	assert_ok(world_look(w), &w->err);
}

struct world *world_new(void)
{
	struct world *w = pm_xcalloc(1, sizeof(*w));

	w->out = (struct pm_buf)PM_BUF(0);
	w->arena = pm_arena_new(0);
	w->dir = pm_test_dir();
	w->remote = world_path(w, w->dir, "remote.git");
	w->work = world_path(w, w->dir, "work");
	w->journal = world_path(w, w->dir, "journal");
	w->base = world_path(w, w->journal, "test.git");
	w->rec = pm_rec_new(w->arena, &pm_kind_config);
	world_run(w, "/usr/bin/env git -c init.defaultBranch=main init -q --bare %s", w->remote);
	world_run(w, "/usr/bin/env git clone -q %s %s", w->remote, w->work);
	world_set(w, PM_CONFIG_GIT_URL, w->remote);
	world_set(w, PM_CONFIG_GIT_PATH, "live");
	(void)world_commit(w, "live/web.yaml", "first\n");
	world_open(w);
	return w;
}

void world_free(struct world *w)
{
	pm_source_free(w->source);
	pm_buf_done(&w->out);
	pm_arena_free(w->arena);
	free(w);
}
