/* The configuration: one more kind. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "manifest_test.h"

#define HEAD "apiVersion: podmox/v1\nkind: Config\n"
#define CLUSTER                                                             \
	"clusters:\n  - name: home\n    hosts: [pve1.lan, pve2.lan:8006]\n" \
	"    auth: {username: root, realm: pam, password: %s}\n    vmids: 200-299\n"

struct config {
	struct pm_arena *arena;
	struct pm_rec *rec;
	struct pm_diags diags;
	struct pm_error err;
	int r;
	char *text;
};

static void read_config(struct config *c, const char *path)
{
	size_t n;
	FILE *f;

	memset(c, 0, sizeof(*c));
	c->arena = pm_arena_new(0);
	pm_diags_init(&c->diags, c->arena);
	c->r = pm_manifest_config(c->arena, path, &c->rec, &c->diags, &c->err);
	f = open_memstream(&c->text, &n);
	assert_non_null(f);
	pm_diags_print(&c->diags, f, 0);
	assert_int_equal(fclose(f), 0);
}

static void config_done(struct config *c)
{
	pm_arena_free(c->arena);
	free(c->text);
}

static const char *config_file(const char *more, const char *password)
{
	static char text[4096];

	(void)snprintf(text, sizeof(text), HEAD "set: home\n" CLUSTER "%s", password, more);
	return pm_test_file(pm_test_dir(), "podmox.yaml", text);
}

static void assert_finding(const char *file, const char *what)
{
	struct config c;

	read_config(&c, file);
	assert_err(c.r, PM_E_INPUT, &c.err, "error");
	assert_has(c.text, what);
	config_done(&c);
}

PM_TEST(config_values)
{
	struct config c;
	const struct pm_rec *cluster;

	read_config(&c,
		config_file(
			"source: {path: ./m}\nsync: {interval: 1m, debounce: 300ms, heal: false}\n",
			"{fromEnv: PW}"));
	assert_ok(c.r, &c.err);
	assert_string_equal(c.text, "");
	assert_string_equal(pm_rec_str(c.rec, PM_CONFIG_SET, ""), "home");
	assert_string_equal(pm_rec_str(c.rec, PM_CONFIG_SOURCE_PATH, ""), "./m");
	assert_int_equal(pm_rec_int(c.rec, PM_CONFIG_SYNC_INTERVAL, 0), 60);
	assert_int_equal(pm_rec_int(c.rec, PM_CONFIG_SYNC_DEBOUNCE, 0), 300);
	assert_false(pm_rec_bool(c.rec, PM_CONFIG_SYNC_HEAL, true));
	cluster = c.rec->val[PM_CONFIG_CLUSTERS].u.recs->v[0];
	assert_int_equal(cluster->val[PM_CLUSTER_HOSTS].u.list->n, 2);
	assert_int_equal(cluster->val[PM_CLUSTER_PASSWORD].line, 7);
	config_done(&c);
}

PM_TEST(config_example)
{
	struct config c;

	read_config(&c, "manifests/podmox.yaml");
	assert_ok(c.r, &c.err);
	assert_string_equal(c.text, "");
	config_done(&c);
}

/* What is said of a source.git with these keys. */
static void git_finding(const char *git, const char *what)
{
	char more[1000];

	(void)snprintf(more, sizeof(more), "source: {git: {%s}}\n", git);
	assert_finding(config_file(more, "{fromEnv: PW}"), what);
}

PM_TEST(config_git)
{
	struct config c;

	read_config(&c,
		config_file(
			"source: {git: {url: https://git.lan/infra.git, path: live, interval: 30s,\n"
			"  auth: {token: {fromFile: /etc/podmox/git-token}}, verify: {keys: [ssh-ed25519 AAAA me]},\n"
			"  limits: {size: 16Mi, time: 30s}}}\n",
			"{fromEnv: PW}"));
	assert_ok(c.r, &c.err);
	assert_string_equal(c.text, "");
	assert_string_equal(pm_rec_str(c.rec, PM_CONFIG_GIT_PATH, ""), "live");
	assert_int_equal(pm_rec_int(c.rec, PM_CONFIG_GIT_LIMIT_SIZE, 0), 16 << 20);
	config_done(&c);
	git_finding("branch: main", "source.git needs url");
	git_finding("url: /srv/infra.git, auth: {token: {fromEnv: T}}", "for https only");
	git_finding("url: https://git.lan/i.git, auth: {sshKey: {fromFile: /k}}", "for ssh only");
	git_finding("url: ssh://git.lan/i.git, auth: {sshKey: {fromEnv: K}}",
		"fromFile or fromCredential");
	git_finding("url: https://git.lan/i.git, verify: {keys: []}", "no commit could be taken");
	git_finding("url: https://git.lan/i.git, depth: 1", "the whole history");
	git_finding("url: http://git.lan/i.git", "whoever is on the way");
	git_finding("url: https://git.lan/i.git, path: ../x", "below the top of the repository");
	assert_finding(
		config_file("source: {path: m, git: {url: /srv/infra.git}}\n", "{fromEnv: PW}"),
		"both a path and a repository");
}

/* A token in an address stands in no message, nor in the line that is shown with it. */
PM_TEST(config_git_hides_a_token)
{
	struct config c;

	read_config(&c, config_file("source: {git: {url: https://hush-hush@git.lan/infra.git}}\n",
				"{fromEnv: PW}"));
	assert_err(c.r, PM_E_INPUT, &c.err, "error");
	assert_has(c.text, "a token belongs below auth");
	assert_null(strstr(c.text, "hush-hush"));
	assert_has(c.text, "https://***");
	config_done(&c);
}

PM_TEST(config_keys_before_kind)
{
	struct config c;
	const char *file = pm_test_file(pm_test_dir(), "podmox.yaml",
		"set: home\nclusters: [{name: a, hosts: [b], auth: {username: root, password: {fromEnv: X}}}]\n"
		"apiVersion: podmox/v1\nkind: Config\n");

	read_config(&c, file);
	assert_ok(c.r, &c.err);
	assert_string_equal(c.text, "");
	assert_string_equal(pm_rec_str(c.rec, PM_CONFIG_SET, ""), "home");
	config_done(&c);
}

PM_TEST(config_missing_file)
{
	struct config c;

	read_config(&c, "/nonexistent/podmox.yaml");
	assert_err(c.r, PM_E_IO, &c.err, "/nonexistent/podmox.yaml");
	config_done(&c);
}

PM_TEST(config_findings)
{
	assert_finding(config_file("snyc: {}\n", "{fromEnv: X}"), "did you mean \"sync\"?");
	assert_finding(config_file("sync: {interval: 5}\n", "{fromEnv: X}"), "needs a unit, as 5s");
	assert_finding(config_file("set: other\n", "{fromEnv: X}"), "for the second time");
	assert_finding(config_file("---\n" HEAD "set: b\nclusters: []\n", "{fromEnv: X}"),
		"a second configuration in one file");
	assert_finding(config_file("agent: {listen: 1}\n", "{fromEnv: X}"),
		"agent.listen must be a host name");
	assert_finding(config_file("portForward: {backend: 1}\n", "{fromEnv: X}"),
		"portForward is not taken");
	assert_finding(
		"tests/manifest/full.yaml", "this is a manifest (kind Pod), not a configuration");
	assert_finding("tests/manifest/comments.yaml", "the file holds no configuration");
	assert_finding(pm_test_file(pm_test_dir(), "podmox.yaml", HEAD), "set is required");
}

PM_TEST(config_secret_others_may_read)
{
	const char *file = config_file("", "hunter2hunter2");
	struct config c;

	assert_int_equal(chmod(file, 0644), 0);
	read_config(&c, file);
	assert_ok(c.r, &c.err);
	assert_int_equal(c.diags.nwarnings, 1);
	assert_has(c.text, "a secret stands in a file that others may read");
	assert_null(strstr(c.text, "hunter2"));
	config_done(&c);
	assert_int_equal(chmod(file, 0600), 0);
	read_config(&c, file);
	assert_string_equal(c.text, "");
	config_done(&c);
}

PM_TEST(config_secret_file_others_may_read)
{
	const char *file = config_file("", "{fromFile: pw}");
	char *dir = strdup(file);
	const char *secret;
	struct config c;

	assert_non_null(dir);
	*strrchr(dir, '/') = '\0';
	secret = pm_test_file(dir, "pw", "hunter2hunter2\n");
	assert_int_equal(chmod(secret, 0644), 0);
	read_config(&c, file);
	assert_ok(c.r, &c.err);
	assert_int_equal(c.diags.nwarnings, 1);
	assert_has(c.text, "the secret lies in a file that everybody may read");
	assert_has(c.text, secret);
	assert_null(strstr(c.text, "hunter2"));
	config_done(&c);
	/* A group is the service's. */
	assert_int_equal(chmod(secret, 0640), 0);
	read_config(&c, file);
	assert_string_equal(c.text, "");
	config_done(&c);
	free(dir);
}
