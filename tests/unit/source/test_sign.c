/* Who may sign commits, and what becomes of those that nobody of them signed. */
#include <fcntl.h>
#include <string.h>

#include "base/file.h"
#include "source_test.h"

/* A new SSH key; its public half is a text, its file can sign. */
static const char *new_key(struct world *w, const char *name)
{
	const char *file = world_path(w, w->dir, name);

	world_run(w, "ssh-keygen -q -t ed25519 -N %s -C %s -f %s", "", name, file);
	world_run(w, "cat %s", world_path(w, w->dir, pm_arena_printf(w->arena, "%s.pub", name)));
	return pm_arena_strdup(w->arena, w->out.p);
}

static const char *push_signed(
	struct world *w, const char *format, const char *key, const char *text)
{
	world_file(w, "live/web.yaml", text);
	world_run(w, "git add -A");
	world_run(w, "git -c %s -c %s commit -q -S -m signed",
		pm_arena_printf(w->arena, "gpg.format=%s", format),
		pm_arena_printf(w->arena, "user.signingkey=%s", key));
	world_run(w, "git push -q -f origin HEAD:main");
	world_run(w, "git rev-parse HEAD");
	return pm_arena_strdup(w->arena, w->out.p);
}

static void held_for(struct world *w, const char *why)
{
	world_see(w);
	assert_non_null(w->state.held);
	assert_has(w->state.held_why, why);
	assert_false(w->state.approvable);
}

PM_TEST(sign_takes_what_an_ssh_key_signed)
{
	struct world *w = world_new();
	const char *id;

	world_set(w, PM_CONFIG_GIT_KEYS, new_key(w, "other"));
	world_set(w, PM_CONFIG_GIT_KEYS, new_key(w, "alice"));
	world_open(w);
	held_for(w, "it is not signed");
	assert_null(w->state.dir);
	id = push_signed(w, "ssh", world_path(w, w->dir, "alice"), "by alice\n");
	world_see(w);
	assert_string_equal(w->state.revision, id);
	assert_has(w->state.signer, "SHA256:");
	(void)push_signed(w, "ssh", (new_key(w, "mallory"), world_path(w, w->dir, "mallory")),
		"by mallory\n");
	held_for(w, "by none of the keys");
	assert_string_equal(world_text(w, "web.yaml"), "by alice\n");
	(void)world_commit(w, "live/web.yaml", "by nobody\n");
	held_for(w, "it is not signed");
	world_free(w);
}

/* The commit with a word replaced, as somebody would who has no key. */
PM_TEST(sign_sees_a_commit_that_was_changed)
{
	struct world *w = world_new();
	char *at;

	world_set(w, PM_CONFIG_GIT_KEYS, new_key(w, "alice"));
	world_open(w);
	(void)push_signed(w, "ssh", world_path(w, w->dir, "alice"), "by alice\n");
	world_see(w);
	(void)push_signed(w, "ssh", world_path(w, w->dir, "alice"), "more by alice\n");
	world_run(w, "git cat-file commit HEAD");
	at = strstr(w->out.p, "\n\nsigned");
	assert_non_null(at);
	memcpy(at, "\n\nforged", 8);
	(void)pm_buf_addc(&w->out, '\n');
	world_run_with(w, pm_arena_strdup(w->arena, w->out.p), w->out.len,
		"git hash-object -t commit -w --stdin");
	world_point(w);
	held_for(w, "changed since");
	assert_string_equal(world_text(w, "web.yaml"), "by alice\n");
	world_free(w);
}

/* A second signature would be part of what the first one covers, or not be looked at. */
PM_TEST(sign_refuses_two_signatures)
{
	struct world *w = world_new();
	struct pm_buf twice = PM_BUF(0);
	const char *sig, *end;

	world_set(w, PM_CONFIG_GIT_KEYS, new_key(w, "alice"));
	world_open(w);
	(void)push_signed(w, "ssh", world_path(w, w->dir, "alice"), "by alice\n");
	world_run(w, "git cat-file commit HEAD");
	sig = strstr(w->out.p, "gpgsig ");
	end = strstr(w->out.p, "\n\n");
	assert_true(sig && end);
	(void)pm_buf_addf(&twice, "%.*s\n%s\n", (int)(end - w->out.p), w->out.p, sig);
	world_run_with(w, twice.p, twice.len, "git hash-object -t commit -w --stdin --literally");
	world_point(w);
	held_for(w, "more than one signature");
	pm_buf_done(&twice);
	world_free(w);
}

PM_TEST(sign_puts_out_of_force_what_was_not_signed)
{
	struct world *w = world_new();
	const char *key = new_key(w, "alice");

	world_see(w);
	assert_non_null(w->state.dir);
	world_set(w, PM_CONFIG_GIT_KEYS, key);
	world_open(w);
	held_for(w, "it is not signed");
	assert_null(w->state.dir);
	world_unset(w, PM_CONFIG_GIT_KEYS);
	world_open(w);
	world_see(w);
	assert_non_null(w->state.dir);
	world_free(w);
}

/* A key that is taken out of the configuration signs no more, though it did before. */
PM_TEST(sign_forgets_keys_that_are_taken_out)
{
	struct world *w = world_new();
	const char *alice = new_key(w, "alice"), *bob = new_key(w, "bob");

	world_set(w, PM_CONFIG_GIT_KEYS, alice);
	world_open(w);
	(void)push_signed(w, "ssh", world_path(w, w->dir, "alice"), "by alice\n");
	world_see(w);
	assert_non_null(w->state.dir);
	world_unset(w, PM_CONFIG_GIT_KEYS);
	world_set(w, PM_CONFIG_GIT_KEYS, bob);
	world_open(w);
	held_for(w, "by none of the keys");
	assert_null(w->state.dir);
	(void)push_signed(w, "ssh", world_path(w, w->dir, "bob"), "by bob\n");
	world_see(w);
	assert_string_equal(world_text(w, "web.yaml"), "by bob\n");
	world_free(w);
}

/* ---- OpenPGP ---- */

/* A wrapper that git calls as gpg: keys in a folder of the test. */
static const char *new_pgp(struct world *w, const char *name, const char *expires)
{
	const char *home = world_path(w, w->dir, name);
	const char *program;

	world_run(w, "mkdir -m 700 %s", home);
	world_run(w,
		"gpg --homedir %s --batch --quiet --passphrase %s --quick-gen-key %s ed25519 sign %s",
		home, "", name, expires);
	program = pm_test_file(w->dir, pm_arena_printf(w->arena, "%s.sh", name),
		pm_arena_printf(w->arena, "#!/bin/sh\nexec gpg --homedir '%s' \"$@\"\n", home));
	world_run(w, "chmod 755 %s", program);
	world_run(w, "gpg --homedir %s --batch --armor --export %s", home, name);
	return pm_arena_printf(w->arena, "%s\n", w->out.p);
}

static void push_pgp(struct world *w, const char *name, const char *text)
{
	world_run(w, "git config gpg.program %s",
		world_path(w, w->dir, pm_arena_printf(w->arena, "%s.sh", name)));
	(void)push_signed(w, "openpgp", name, text);
}

static void end_agents(struct world *w, const char *name)
{
	world_run(w, "gpgconf --homedir %s --kill all", world_path(w, w->dir, name));
}

PM_TEST(sign_takes_what_an_openpgp_key_signed)
{
	struct world *w = world_new();
	const char *alice = new_pgp(w, "alice", "never");

	(void)new_pgp(w, "mallory", "never");
	world_set(w, PM_CONFIG_GIT_KEYS, alice);
	world_set(w, PM_CONFIG_GIT_KEYS,
		pm_test_file(w->dir, "keys",
			pm_arena_printf(
				w->arena, "# two kinds\n\n%s\n%s\n", alice, new_key(w, "bob"))));
	world_open(w);
	push_pgp(w, "alice", "by alice\n");
	world_see(w);
	assert_null(w->state.held);
	assert_string_equal(world_text(w, "web.yaml"), "by alice\n");
	assert_int_equal(strlen(w->state.signer), 40);
	push_pgp(w, "mallory", "by mallory\n");
	held_for(w, "by none of the keys");
	world_run(w, "git reset -q --hard HEAD~1");
	(void)push_signed(w, "ssh", world_path(w, w->dir, "bob"), "by bob\n");
	world_see(w);
	assert_string_equal(world_text(w, "web.yaml"), "by bob\n");
	end_agents(w, "alice");
	end_agents(w, "mallory");
	world_free(w);
}

PM_TEST(sign_needs_a_key_of_the_same_kind)
{
	struct world *w = world_new();
	const char *alice = new_pgp(w, "alice", "never");

	world_set(w, PM_CONFIG_GIT_KEYS, alice);
	world_open(w);
	(void)new_key(w, "bob");
	(void)push_signed(w, "ssh", world_path(w, w->dir, "bob"), "by bob\n");
	held_for(w, "an SSH key, and source.git.verify.keys has none");
	end_agents(w, "alice");
	world_free(w);
}

/* ---- keys in the configuration ---- */

static void add(const char *text, enum pm_code code, const char *why)
{
	struct pm_signers s = { .ssh = PM_BUF(0), .ring = PM_BUF(0) };
	struct pm_error err;
	int r = pm_signers_add(&s, text, strlen(text), &err);

	if (code == PM_OK)
		assert_ok(r, &err);
	else
		assert_err(r, code, &err, why);
	pm_buf_done(&s.ssh);
	pm_buf_done(&s.ring);
}

PM_TEST(sign_reads_keys)
{
	add("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsABgH5C9okWi0dh2l9GKJl me\n",
		PM_OK, NULL);
	add("# mine\r\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsABgH5C9okWi0d\n",
		PM_OK, NULL);
	add("", PM_E_INPUT, "no key");
	add("# nothing\n", PM_E_INPUT, "no key");
	add("ssh-ed25519\n", PM_E_INPUT, "no public key");
	add("ssh-ed25519 AAAA\nnamespaces=\"x\" ssh-ed25519 AAAA", PM_E_INPUT, "no public key");
	add("ssh-ed25519 AAAAC3Nza\"C1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoq\n", PM_E_INPUT,
		"no public key");
	add("-----BEGIN OPENSSH PRIVATE KEY-----\n", PM_E_INPUT, "private");
	add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmDMEZ\n", PM_E_INPUT, "not whole");
	add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nmD!EZ\n=abcd\n-----END PGP PUBLIC KEY BLOCK-----\n",
		PM_E_INPUT, "not whole");
	add("-----BEGIN PGP PUBLIC KEY BLOCK-----\n\n-----END PGP PUBLIC KEY BLOCK-----\n",
		PM_E_INPUT, "not whole");
}
