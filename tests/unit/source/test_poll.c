/* Looks at a repository: what is taken, what is held, what stays in force. */
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "source_test.h"

static bool there(struct world *w, const char *name)
{
	struct stat st;

	return lstat(world_path(w, w->base, name), &st) == 0;
}

PM_TEST(poll_takes_the_first_commit)
{
	struct world *w = world_new();

	pm_source_state(w->source, w->arena, &w->state);
	assert_null(w->state.dir);
	world_see(w);
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	assert_string_equal(w->state.subject, "live/web.yaml");
	assert_string_equal(w->state.dir, world_path(w, w->base, "current/live"));
	assert_null(w->state.held);
	assert_null(w->state.error);
	assert_true(w->state.good_ms > 0 && w->state.accepted_ms > 0);
	/* The marker's root is the folder below the repository, as in a clone. */
	assert_true(there(w, "current/.git"));
	world_free(w);
}

PM_TEST(poll_follows_the_branch)
{
	struct world *w = world_new();
	const char *second, *first;
	uint64_t changes;

	world_see(w);
	first = w->state.tree;
	changes = w->state.changes;
	world_see(w);
	assert_true(w->state.changes == changes);
	second = world_commit(w, "live/web.yaml", "second\n");
	world_see(w);
	assert_string_equal(w->state.revision, second);
	assert_true(w->state.changes > changes);
	assert_string_equal(world_text(w, "web.yaml"), "second\n");
	/* Somebody may still be reading the one before. */
	assert_int_equal(access(first, F_OK), 0);
	(void)world_commit(w, "live/web.yaml", "third\n");
	world_see(w);
	assert_int_equal(access(first, F_OK), -1);
	assert_string_equal(world_text(w, "web.yaml"), "third\n");
	world_free(w);
}

PM_TEST(poll_takes_an_empty_commit)
{
	struct world *w = world_new();
	const char *id;

	world_see(w);
	id = world_push(w, "nothing");
	world_see(w);
	assert_string_equal(w->state.revision, id);
	assert_string_equal(w->state.subject, "nothing");
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	world_free(w);
}

PM_TEST(poll_writes_bytes_as_they_are)
{
	struct world *w = world_new();

	world_file(w, ".gitattributes", "* text eol=crlf ident filter=evil\n");
	world_run(w, "git config filter.evil.smudge false");
	world_run(w, "git config filter.evil.clean cat");
	world_file(w, "live/a.yaml", "one\ntwo $Id$\n");
	(void)world_push(w, "attributes");
	/* What git itself stored, not what it would check out. */
	world_run(w, "git cat-file blob HEAD:live/a.yaml");
	world_see(w);
	assert_non_null(world_text(w, "a.yaml"));
	assert_int_equal(strlen(world_text(w, "a.yaml")), w->out.len + 1);
	assert_null(strchr(world_text(w, "a.yaml"), '\r'));
	world_free(w);
}

/* ---- history ---- */

PM_TEST(poll_holds_a_rewritten_history)
{
	struct world *w = world_new();
	const char *good, *other, *next;

	good = world_commit(w, "live/web.yaml", "good\n");
	world_see(w);
	world_run(w, "git reset -q --hard HEAD~1");
	other = world_commit(w, "live/web.yaml", "other\n");
	world_see(w);
	assert_string_equal(w->state.revision, good);
	assert_string_equal(w->state.held, other);
	assert_true(w->state.approvable);
	assert_has(w->state.held_why, "does not follow");
	assert_string_equal(world_text(w, "web.yaml"), "good\n");
	assert_err(
		pm_source_approve(w->source, "0123456", &w->err), PM_E_NOTFOUND, &w->err, "held");
	assert_err(pm_source_approve(w->source, "", &w->err), PM_E_NOTFOUND, &w->err, "held");
	assert_ok(pm_source_approve(w->source, pm_arena_strndup(w->arena, other, 9), &w->err),
		&w->err);
	/* It counts for another process, and for what follows the commit that was approved. */
	next = world_commit(w, "live/web.yaml", "next\n");
	world_open(w);
	world_see(w);
	assert_string_equal(w->state.revision, next);
	assert_null(w->state.held);
	assert_false(there(w, "approved"));
	world_free(w);
}

PM_TEST(poll_holds_a_rollback_until_it_is_undone)
{
	struct world *w = world_new();
	const char *good;

	good = world_commit(w, "live/web.yaml", "good\n");
	world_see(w);
	world_run(w, "git push -q -f origin HEAD~1:main");
	world_see(w);
	assert_non_null(w->state.held);
	/* Another process knows what is held without asking. */
	world_open(w);
	assert_ok(pm_source_approve(w->source, NULL, &w->err), &w->err);
	assert_true(there(w, "approved"));
	assert_int_equal(unlink(world_path(w, w->base, "approved")), 0);
	world_run(w, "git push -q -f origin HEAD:main");
	world_see(w);
	assert_string_equal(w->state.revision, good);
	assert_null(w->state.held);
	assert_err(pm_source_approve(w->source, NULL, &w->err), PM_E_NOTFOUND, &w->err, NULL);
	world_free(w);
}

PM_TEST(poll_holds_a_history_without_a_common_beginning)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "git checkout -q --orphan fresh");
	(void)world_push(w, "fresh");
	world_see(w);
	assert_true(w->state.approvable);
	assert_ok(pm_source_approve(w->source, w->state.held, &w->err), &w->err);
	world_see(w);
	assert_string_equal(w->state.subject, "fresh");
	world_free(w);
}

/* ---- the remote ---- */

PM_TEST(poll_keeps_what_is_good_while_the_remote_is_away)
{
	struct world *w = world_new();
	const char *away = world_path(w, w->dir, "away.git");
	int64_t good;

	world_see(w);
	good = w->state.good_ms;
	assert_int_equal(rename(w->remote, away), 0);
	assert_err(world_look(w), PM_E_IO, &w->err, "cannot read the repository");
	assert_non_null(w->state.dir);
	assert_has(w->state.error, w->remote);
	assert_int_equal(w->state.failures, 1);
	assert_true(w->state.good_ms == good);
	/* So it is for a process that starts meanwhile. */
	world_open(w);
	assert_int_equal(world_look(w), -PM_E_IO);
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	assert_int_equal(rename(away, w->remote), 0);
	world_see(w);
	assert_null(w->state.error);
	assert_int_equal(w->state.failures, 0);
	world_free(w);
}

PM_TEST(poll_names_a_branch_that_is_gone)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "bare update-ref -d refs/heads/main");
	assert_err(world_look(w), PM_E_NOTFOUND, &w->err, "there is no branch main");
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	world_run(w, "git push -q origin HEAD:main");
	world_see(w);
	world_free(w);
}

PM_TEST(poll_names_what_is_no_repository)
{
	struct world *w = world_new();

	world_set(w, PM_CONFIG_GIT_URL, world_path(w, w->dir, "work/live"));
	world_open(w);
	assert_int_equal(world_look(w), -PM_E_PROTOCOL);
	assert_null(w->state.dir);
	world_set(w, PM_CONFIG_GIT_URL, world_path(w, w->dir, "work/live/web.yaml"));
	world_open(w);
	assert_err(world_look(w), PM_E_NOTFOUND, &w->err, "it is a file");
	world_free(w);
}

/* ---- what a commit holds ---- */

/* The commit that was just pushed is held, by name; the first one stays in force. */
static void is_held(struct world *w, const char *why)
{
	world_see(w);
	assert_non_null(w->state.held);
	assert_has(w->state.held_why, why);
	assert_false(w->state.approvable);
	assert_string_equal(world_text(w, "web.yaml"), "first\n");
	assert_err(pm_source_approve(w->source, NULL, &w->err), PM_E_REFUSED, &w->err, NULL);
}

/* Without what was wrong with it the next one is taken. */
static void is_mended(struct world *w, const char *what)
{
	world_run(w, "git rm -q -r -f %s", what);
	(void)world_push(w, "mended");
	world_see(w);
	assert_null(w->state.held);
	assert_string_equal(w->state.subject, "mended");
}

PM_TEST(poll_holds_a_path_that_is_gone)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "git mv live other");
	(void)world_push(w, "moved");
	is_held(w, "no folder live");
	world_run(w, "git mv other live");
	(void)world_push(w, "moved back");
	world_see(w);
	assert_null(w->state.held);
	world_free(w);
}

PM_TEST(poll_holds_a_path_that_is_no_folder_or_empty)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "git mv live other");
	assert_int_equal(symlink("other", world_path(w, w->work, "live")), 0);
	(void)world_push(w, "link");
	is_held(w, "no folder in it");
	world_run(w, "git rm -q live");
	world_file(w, "live/README.md", "no manifest");
	(void)world_push(w, "empty");
	is_held(w, "no manifest");
	world_free(w);
}

PM_TEST(poll_takes_another_path_of_the_same_commit)
{
	struct world *w = world_new();

	(void)world_commit(w, "test/web.yaml", "test\n");
	world_see(w);
	world_set(w, PM_CONFIG_GIT_PATH, "test");
	world_open(w);
	world_see(w);
	assert_string_equal(world_text(w, "web.yaml"), "test\n");
	world_set(w, PM_CONFIG_GIT_PATH, "nowhere");
	world_open(w);
	world_see(w);
	assert_null(w->state.dir);
	assert_has(w->state.held_why, "no folder nowhere");
	world_unset(w, PM_CONFIG_GIT_PATH);
	world_open(w);
	world_see(w);
	assert_string_equal(world_text(w, "live/web.yaml"), "first\n");
	assert_string_equal(world_text(w, "test/web.yaml"), "test\n");
	world_free(w);
}

PM_TEST(poll_holds_a_submodule)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "git submodule --quiet add %s outside", w->remote);
	(void)world_push(w, "elsewhere");
	world_see(w);
	assert_null(w->state.held);
	world_run(w, "git submodule --quiet add %s live/sub", w->remote);
	(void)world_push(w, "sub");
	is_held(w, "live/sub is a submodule");
	is_mended(w, "live/sub");
	world_free(w);
}

PM_TEST(poll_holds_a_link_that_leads_out)
{
	static const char *const bad[] = { "/etc/passwd", "../../etc/passwd", "x/../../../etc",
		"a/..", "../live/../../.." };
	struct world *w = world_new();

	world_see(w);
	for (unsigned i = 0; i < PM_COUNT(bad); i++) {
		assert_int_equal(symlink(bad[i], world_path(w, w->work, "live/out.yaml")), 0);
		(void)world_push(w, bad[i]);
		is_held(w, "live/out.yaml is a symbolic link that leads out");
		world_run(w, "git reset -q --hard HEAD~1");
		world_run(w, "git push -q -f origin HEAD:main");
		world_see(w);
	}
	world_free(w);
}

PM_TEST(poll_keeps_a_link_that_stays_inside)
{
	struct world *w = world_new();

	assert_int_equal(symlink("../live/web.yaml", world_path(w, w->work, "live/same.yaml")), 0);
	(void)world_push(w, "link");
	world_see(w);
	assert_null(w->state.held);
	assert_string_equal(world_text(w, "same.yaml"), "first\n");
	world_free(w);
}

PM_TEST(poll_holds_what_is_too_large)
{
	struct world *w = world_new();
	struct pm_buf big = PM_BUF(0);
	uint64_t changes;

	world_set(w, PM_CONFIG_GIT_LIMIT_FILE, "1M");
	world_open(w);
	world_see(w);
	for (unsigned i = 0; i < 150000; i++)
		(void)pm_buf_addf(&big, "%08x", i * 2654435761u);
	(void)world_commit(w, "live/big.yaml", pm_buf_str(&big));
	is_held(w, "limits.fileSize");
	/* It is not fetched again and again. */
	changes = w->state.changes;
	world_see(w);
	assert_non_null(w->state.held);
	assert_true(w->state.changes == changes);
	pm_buf_done(&big);
	world_free(w);
}

PM_TEST(poll_holds_more_bytes_than_a_fetch_may_have)
{
	struct world *w = world_new();
	struct pm_buf big = PM_BUF(0);

	world_set(w, PM_CONFIG_GIT_LIMIT_SIZE, "1M");
	world_open(w);
	world_see(w);
	for (unsigned n = 0; n < 4; n++) {
		pm_buf_clear(&big);
		for (unsigned i = 0; i < 100000; i++)
			(void)pm_buf_addf(&big, "%08x", (i + n * 100000) * 2654435761u);
		world_file(w, pm_arena_printf(w->arena, "big%u", n), pm_buf_str(&big));
	}
	(void)world_push(w, "big");
	is_held(w, "limits.size");
	pm_buf_done(&big);
	world_free(w);
}

PM_TEST(poll_holds_too_many_files)
{
	struct world *w = world_new();

	world_set(w, PM_CONFIG_GIT_LIMIT_FILES, "3");
	world_open(w);
	world_see(w);
	world_file(w, "live/a", "a");
	world_file(w, "live/b", "b");
	world_file(w, "live/c", "c");
	(void)world_push(w, "many");
	is_held(w, "limits.files");
	is_mended(w, "live/a");
	world_free(w);
}

/* A tree as no git would make it: the entries in raw form, and a commit of it on the branch. */
static void push_raw(struct world *w, const char *mode, const char *name)
{
	unsigned char raw[200];
	size_t n = (size_t)snprintf((char *)raw, sizeof(raw), "%s %s", mode, name) + 1;

	world_run(w, "git rev-parse HEAD:live/web.yaml");
	for (unsigned i = 0; i < 20; i++) {
		unsigned byte;

		assert_int_equal(sscanf(w->out.p + i * 2, "%2x", &byte), 1);
		raw[n++] = (unsigned char)byte;
	}
	world_run_with(w, (char *)raw, n, "git hash-object -t tree -w --stdin --literally");
	n = (size_t)snprintf((char *)raw, sizeof(raw), "40000 live") + 1;
	for (unsigned i = 0; i < 20; i++) {
		unsigned byte;

		assert_int_equal(sscanf(w->out.p + i * 2, "%2x", &byte), 1);
		raw[n++] = (unsigned char)byte;
	}
	world_run_with(w, (char *)raw, n, "git hash-object -t tree -w --stdin --literally");
	world_run(w, "git commit-tree -p HEAD -m raw %s", pm_arena_strdup(w->arena, w->out.p));
	world_point(w);
}

PM_TEST(poll_holds_names_that_no_file_may_have)
{
	static const char *const names[] = { "..", ".git", ".GIT", "." };
	struct world *w = world_new();

	world_see(w);
	for (unsigned i = 0; i < PM_COUNT(names); i++) {
		push_raw(w, "100644", names[i]);
		is_held(w, "a name that no file");
		world_run(w, "git push -q -f origin HEAD:main");
		world_see(w);
		assert_null(w->state.held);
	}
	world_free(w);
}

/* ---- killed at any instant ---- */

PM_TEST(poll_mends_what_a_killed_run_left)
{
	struct world *w = world_new();

	world_see(w);
	(void)pm_test_file(w->base, "trees/.new/live/half.yaml", "half");
	(void)pm_test_file(w->base, "mirror/objects/pack/pack_abcdef", "half");
	(void)pm_test_file(w->base, "mirror/refs/podmox/tip.lock", "");
	(void)pm_test_file(w->base, "mirror/config.lock", "");
	assert_int_equal(symlink("nowhere", world_path(w, w->base, "current.new")), 0);
	assert_int_equal(unlink(world_path(w, w->base, "current")), 0);
	(void)world_commit(w, "live/web.yaml", "second\n");
	world_open(w);
	world_see(w);
	assert_string_equal(world_text(w, "web.yaml"), "second\n");
	assert_null(world_text(w, "half.yaml"));
	assert_false(there(w, "mirror/objects/pack/pack_abcdef"));
	assert_false(there(w, "trees/.new"));
	assert_int_equal(access(w->state.dir, F_OK), 0);
	world_free(w);
}

/* Every file of the mirror, emptied one by one: whatever it was, the next commit is taken. */
PM_TEST(poll_fetches_a_damaged_mirror_anew)
{
	static const char *const files[] = { "HEAD", "config", "refs/podmox/tip" };
	struct world *w = world_new();
	unsigned n = 0;

	world_see(w);
	for (unsigned i = 0; i < PM_COUNT(files); i++) {
		(void)pm_test_file(world_path(w, w->base, "mirror"), files[i], "");
		world_file(w, "live/n.yaml", pm_arena_printf(w->arena, "%u\n", ++n));
		(void)world_push(w, files[i]);
		world_open(w);
		world_see(w);
		assert_string_equal(w->state.subject, files[i]);
		assert_null(w->state.held);
	}
	world_run(w, "find %s -name *.pack -exec chmod 644 {} + -exec truncate -s 40 {} +",
		world_path(w, w->base, "mirror"));
	(void)world_commit(w, "live/n.yaml", "last\n");
	world_open(w);
	world_see(w);
	assert_string_equal(world_text(w, "n.yaml"), "last\n");
	world_run(w, "find %s -name *.idx -delete", world_path(w, w->base, "mirror"));
	(void)world_commit(w, "live/n.yaml", "very last\n");
	world_open(w);
	world_see(w);
	assert_string_equal(world_text(w, "n.yaml"), "very last\n");
	world_free(w);
}

PM_TEST(poll_does_not_forget_the_history_silently)
{
	struct world *w = world_new();

	world_see(w);
	(void)pm_test_file(w->base, "state.json", "{\"accepted\":");
	assert_err(world_look(w), PM_E_PROTOCOL, &w->err, "state.json");
	assert_non_null(w->state.dir);
	world_free(w);
}

PM_TEST(poll_keeps_secrets_and_addresses_out_of_the_mirror)
{
	struct world *w = world_new();

	world_see(w);
	world_run(w, "find %s -name hooks", w->base);
	assert_string_equal(pm_buf_str(&w->out), "");
	world_run(w, "cat %s", world_path(w, w->base, "mirror/config"));
	assert_null(strstr(w->out.p, "remote"));
	world_free(w);
}

/* ---- ends ---- */

PM_TEST(poll_can_be_cancelled)
{
	struct world *w = world_new();
	struct pm_cancel cancel = { .on = true };

	assert_err(pm_source_poll(w->source, &cancel, &w->err), PM_E_CANCELLED, &w->err, NULL);
	world_see(w);
	world_free(w);
}

PM_TEST(poll_waits_for_another_process_only_so_long)
{
	struct world *w = world_new();
	struct pm_test_clock clock;
	struct pm_source_opts o = { .rec = w->rec,
		.config_dir = w->dir,
		.set = "test",
		.journal_dir = w->journal,
		.clock = &clock.clock };
	struct pm_source_job job = { .clock = &pm_clock_system };
	struct pm_source *other;
	int lock;

	pm_test_clock_init(&clock);
	assert_ok(pm_source_lock(w->base, &job, &lock, &w->err), &w->err);
	assert_ok(pm_source_open(&o, &other, &w->err), &w->err);
	assert_err(pm_source_poll(other, NULL, &w->err), PM_E_TIMEOUT, &w->err, "another podmox");
	pm_closep(&lock);
	pm_source_free(other);
	world_free(w);
}

PM_TEST(poll_that_only_looks_accepts_nothing)
{
	struct world *w = world_new();
	struct pm_source_opts o = { .rec = w->rec,
		.config_dir = w->dir,
		.set = "test",
		.journal_dir = w->journal,
		.peek = true };
	const char *first, *second;
	struct pm_source *peek;

	world_see(w);
	first = w->state.revision;
	second = world_commit(w, "live/web.yaml", "second\n");
	assert_ok(pm_source_open(&o, &peek, &w->err), &w->err);
	assert_ok(pm_source_poll(peek, NULL, &w->err), &w->err);
	pm_source_state(peek, w->arena, &w->state);
	assert_string_equal(w->state.revision, second);
	assert_null(w->state.dir);
	assert_string_equal(world_text(w, "web.yaml"), "second\n");
	world_run(w, "readlink %s", world_path(w, w->base, "current"));
	assert_has(w->out.p, first);
	/* Its tree stays while it is open, whoever tidies up. */
	(void)world_commit(w, "live/web.yaml", "third\n");
	world_see(w);
	(void)world_commit(w, "live/web.yaml", "fourth\n");
	world_see(w);
	pm_source_state(peek, w->arena, &w->state);
	assert_string_equal(world_text(w, "web.yaml"), "second\n");
	pm_source_free(peek);
	world_free(w);
}
