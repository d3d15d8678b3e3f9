/* Finding, reading and completing the configuration. */
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "pm_test.h"
#include "recon/recon.h"

static const char minimal[] = "apiVersion: podmox/v1\n"
			      "kind: Config\n"
			      "set: home\n"
			      "clusters:\n"
			      "  - name: home\n"
			      "    hosts: [pve1.lan]\n"
			      "    auth: {username: root, password: {fromEnv: PVE_PASSWORD}}\n"
			      "    vmids: 200-299\n";

struct box {
	struct pm_arena *arena;
	struct pm_diags diags;
	struct pm_config *c;
	struct pm_error err;
};

static int open_config(struct box *b, const char *path)
{
	memset(b, 0, sizeof(*b));
	b->arena = pm_arena_new(0);
	pm_diags_init(&b->diags, b->arena);
	return pm_config_open(path, &b->c, &b->diags, &b->err);
}

static void close_box(struct box *b)
{
	pm_config_free(b->c);
	pm_arena_free(b->arena);
}

PM_TEST(config_is_decoded)
{
	const char *dir = pm_test_dir();
	const char *path = pm_test_file(dir, "podmox.yaml", minimal);
	struct box b;

	assert_ok(open_config(&b, path), &b.err);
	assert_int_equal(b.c->audit_rotate, 64 << 20);
	assert_int_equal(b.c->audit_keep, 0);
	assert_string_equal(b.c->set, "home");
	assert_string_equal(b.c->file, path);
	assert_string_equal(b.c->dir, dir);
	assert_int_equal(b.c->vmid_low, 200);
	assert_int_equal(b.c->vmid_high, 299);
	assert_string_equal(pm_rec_str(b.c->cluster, PM_CLUSTER_NAME, ""), "home");
	assert_int_equal(b.diags.nwarnings, 0);
	close_box(&b);
}

PM_TEST(config_places_of_root_and_others)
{
	const char *path = pm_test_file(pm_test_dir(), "podmox.yaml", minimal);
	bool root = geteuid() == 0;
	struct box b;

	assert_int_equal(setenv("XDG_STATE_HOME", "/somewhere/state", 1), 0);
	assert_ok(open_config(&b, path), &b.err);
	assert_string_equal(b.c->journal_dir, root ? "/var/lib/podmox" : "/somewhere/state/podmox");
	assert_string_equal(b.c->audit_file,
		root ? "/var/log/podmox/audit.jsonl" : "/somewhere/state/podmox/audit.jsonl");
	assert_int_equal(unsetenv("XDG_STATE_HOME"), 0);
	close_box(&b);
}

PM_TEST(config_says_where_things_go)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	const char *dir = pm_test_dir();
	struct box b;

	(void)pm_buf_addf(&text,
		"%sjournal: {dir: /srv/journal}\naudit: {file: /srv/audit.jsonl}\n", minimal);
	assert_ok(open_config(&b, pm_test_file(dir, "c.yaml", pm_buf_str(&text))), &b.err);
	assert_string_equal(b.c->journal_dir, "/srv/journal");
	assert_string_equal(b.c->audit_file, "/srv/audit.jsonl");
	close_box(&b);
}

PM_TEST(config_of_the_environment)
{
	const char *path = pm_test_file(pm_test_dir(), "elsewhere.yaml", minimal);
	struct box b;

	assert_int_equal(setenv("PODMOX_CONFIG", path, 1), 0);
	assert_ok(open_config(&b, NULL), &b.err);
	assert_string_equal(b.c->file, path);
	close_box(&b);
	assert_int_equal(unsetenv("PODMOX_CONFIG"), 0);
}

PM_TEST(config_of_the_current_folder)
{
	const char *dir = pm_test_dir();
	char *here = getcwd(NULL, 0);
	struct box b;

	assert_non_null(here);
	assert_int_equal(chdir(dir), 0);
	if (access("/etc/podmox/podmox.yaml", R_OK) != 0) {
		assert_err(open_config(&b, NULL), PM_E_INPUT, &b.err, "there is no configuration");
		assert_has(b.err.msg, "PODMOX_CONFIG");
		close_box(&b);
	}
	(void)pm_test_file(dir, "podmox.yaml", minimal);
	assert_ok(open_config(&b, NULL), &b.err);
	assert_string_equal(b.c->file, "podmox.yaml");
	assert_string_equal(b.c->dir, ".");
	close_box(&b);
	assert_int_equal(chdir(here), 0);
	free(here);
}

PM_TEST(config_that_is_not_there)
{
	struct box b;

	assert_err(open_config(&b, "/nonexistent/podmox.yaml"), PM_E_IO, &b.err, "configuration");
	assert_null(b.c);
	close_box(&b);
}

PM_TEST(config_with_errors_names_the_place)
{
	const char *path = pm_test_file(pm_test_dir(), "podmox.yaml",
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclutsers: []\n");
	struct box b;

	assert_err(open_config(&b, path), PM_E_INPUT, &b.err, "error");
	assert_true(b.diags.nerrors > 0);
	/* The findings outlive the configuration. */
	assert_string_equal(b.diags.first->pos.file, path);
	close_box(&b);
}

static const char literal[] = "apiVersion: podmox/v1\n"
			      "kind: Config\n"
			      "set: home\n"
			      "clusters:\n"
			      "  - name: home\n"
			      "    hosts: [pve1.lan]\n"
			      "    auth:\n"
			      "      username: root\n"
			      "      password: hunter22\n";

PM_TEST(config_with_an_open_secret_is_warned_of)
{
	const char *path = pm_test_file(pm_test_dir(), "podmox.yaml", literal);
	struct box b;

	assert_int_equal(chmod(path, 0644), 0);
	assert_ok(open_config(&b, path), &b.err);
	assert_int_equal(b.diags.nwarnings, 1);
	assert_has(b.diags.first->msg, "others may read");
	assert_has(b.diags.first->hint, "chmod 600");
	assert_int_equal(b.diags.first->pos.line, 9);
	close_box(&b);
	assert_int_equal(chmod(path, 0600), 0);
	assert_ok(open_config(&b, path), &b.err);
	assert_int_equal(b.diags.nwarnings, 0);
	close_box(&b);
}

PM_TEST(config_says_where_the_audit_log_is)
{
	const char *dir = pm_test_dir(), *path, *file = NULL;
	char cwd[4096];
	struct box b;

	memset(&b, 0, sizeof(b));
	b.arena = pm_arena_new(0);
	pm_diags_init(&b.diags, b.arena);
	path = pm_test_file(dir, "podmox.yaml",
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclusters:\n  - name: home\n"
		"    hosts: [pve1.lan]\n    auth: {username: root, password: {fromEnv: X}}\n"
		"audit: {file: /somewhere/log.jsonl, rotate: 1Mi, keep: 3}\n");
	assert_ok(pm_config_audit_file(path, &file, &b.diags, &b.err), &b.err);
	assert_string_equal(file, "/somewhere/log.jsonl");
	assert_ok(pm_config_open(path, &b.c, &b.diags, &b.err), &b.err);
	assert_int_equal(b.c->audit_rotate, 1 << 20);
	assert_int_equal(b.c->audit_keep, 3);

	/* One that was named must be there; otherwise there need be none. */
	assert_int_equal(remove(path), 0);
	assert_err(pm_config_audit_file(path, &file, &b.diags, &b.err), PM_E_IO, &b.err, path);
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	assert_int_equal(chdir(dir), 0);
	assert_int_equal(setenv("XDG_STATE_HOME", "/somewhere/state", 1), 0);
	assert_int_equal(unsetenv("PODMOX_CONFIG"), 0);
	assert_ok(pm_config_audit_file(NULL, &file, &b.diags, &b.err), &b.err);
	assert_has(file, "/podmox/audit.jsonl");
	assert_int_equal(setenv("PODMOX_CONFIG", path, 1), 0);
	assert_err(pm_config_audit_file(NULL, &file, &b.diags, &b.err), PM_E_IO, &b.err, path);
	assert_int_equal(unsetenv("PODMOX_CONFIG"), 0);
	assert_int_equal(chdir(cwd), 0);
	close_box(&b);
}

/* A rule that could never fit is told with what was probably meant. */
PM_TEST(config_rules_of_what_is_ignored_are_checked)
{
	static const struct {
		const char *rule, *says;
	} rows[] = {
		{ "{kind: Pod, fields: [resources.memroy]}",
			"of a Pod there is no setting resources.memroy; did you mean \"resources.memory\"?" },
		{ "{kind: VirtualMachine, fields: [resources.memory]}",
			"no setting resources.memory" },
		{ "{kind: Pod, fields: [state]}", "state is nothing that is compared" },
		{ "{kind: Pod, fields: []}", "fields needs an entry" },
		{ "{kind: Pod}", "fields" },
		{ "{fields: [tags]}", "kind" },
		{ "{kind: PodSet, fields: [tags]}", "Pod" },
		{ "{kind: Pod, name: 'Db!', fields: [tags]}",
			"a name, in which * stands for anything" },
		{ "{kind: Pod, feilds: [tags]}", "fields" },
	};

	for (size_t i = 0; i < PM_COUNT(rows); i++) {
		struct pm_buf text cleanup_buf = PM_BUF(0);
		struct box b;

		(void)pm_buf_addf(&text, "%signore:\n  - %s\n", minimal, rows[i].rule);
		assert_int_equal(open_config(&b, pm_test_file(pm_test_dir(), "podmox.yaml",
							 pm_buf_str(&text))),
			-PM_E_INPUT);
		assert_int_equal(b.diags.first->pos.line, 10);
		assert_has(b.diags.first->msg, rows[i].says);
		close_box(&b);
	}
}
