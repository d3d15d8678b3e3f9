/* Signatures of commits. OpenSSH's ssh-keygen and GnuPG's gpgv do the arithmetic; the keys they believe come
 * from the configuration alone, never from the repository, a home folder or a key server. */
#include <string.h>

#include "base/file.h"
#include "base/text.h"
#include "source/source_priv.h"

#define ARMOUR     "-----BEGIN PGP PUBLIC KEY BLOCK-----"
#define ARMOUR_END "-----END PGP PUBLIC KEY BLOCK-----"
#define SSH_SIG    "-----BEGIN SSH SIGNATURE-----"
#define PGP_SIG    "-----BEGIN PGP SIGNATURE-----"
#define SIGNER     "podmox" /* whom the allowed-signers file names: identities of commits say nothing */

/* ---- keys ---- */

static int sextet(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* One line of base64; the padding ends it. */
static bool add_base64(struct pm_buf *out, const char *s, size_t n)
{
	unsigned bits = 0, have = 0;

	for (size_t i = 0; i < n && s[i] != '='; i++) {
		int v = sextet(s[i]);

		if (v < 0)
			return false;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			(void)pm_buf_addc(out, (char)(bits >> have & 0xff));
		}
	}
	return true;
}

/* The lines of an armoured block, from behind its first line; returns what follows it, or NULL. */
static const char *add_armour(struct pm_buf *ring, const char *s)
{
	bool body = false;
	size_t before = ring->len;

	for (const char *next; *s; s = next) {
		size_t n = strcspn(s, "\n");

		next = s + n + (s[n] == '\n');
		while (n > 0 && strchr("\r \t", s[n - 1]))
			n--;
		if (pm_str_starts(s, ARMOUR_END))
			return ring->len > before ? next : NULL;
		if (!body)
			body = n == 0;
		else if (n > 0 && s[0] != '=' && !add_base64(ring, s, n))
			return NULL;
	}
	return NULL;
}

/* "TYPE BASE64 [comment]", as in a file *.pub. */
static bool add_ssh(struct pm_buf *ssh, const char *s, size_t n)
{
	static const char word[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789@.-";
	cleanup_buf struct pm_buf blob = PM_BUF(65536);
	size_t type = strspn(s, word);
	const char *key = s + type + 1;
	size_t len = type < n && s[type] == ' ' ? strcspn(key, " \t\r\n") : 0;

	if (len < 16 || strstr(s, "-cert-v01@") == s || !add_base64(&blob, key, len))
		return false;
	return pm_buf_addf(ssh, SIGNER " namespaces=\"git\" %.*s %.*s\n", (int)type, s, (int)len,
		       key) == 0;
}

int pm_signers_add(struct pm_signers *s, const char *text, size_t n, struct pm_error *err)
{
	unsigned found = 0;
	const char *next;

	if (strlen(text) != n)
		return pm_error_set(err, PM_E_INPUT, "it holds a NUL byte: keys are text");
	if (strstr(text, "PRIVATE KEY"))
		return pm_error_set(err, PM_E_INPUT,
			"it holds a private key: give the public one, and keep this one secret");
	for (; *text; text = next, found++) {
		size_t len = strcspn(text, "\n");

		next = text + len + (text[len] == '\n');
		if (len == 0 || text[0] == '#' || strspn(text, " \t\r") == len) {
			found--;
		} else if (pm_str_starts(text, ARMOUR)) {
			next = add_armour(&s->ring, next);
			if (!next)
				return pm_error_set(err, PM_E_INPUT,
					"its OpenPGP block is not whole: it ends with " ARMOUR_END);
		} else if (!add_ssh(&s->ssh, text, len)) {
			return pm_error_set(err, PM_E_INPUT,
				"\"%.40s\" is no public key: an SSH key looks like ssh-ed25519 AAAA..., "
				"an OpenPGP key begins with " ARMOUR,
				text);
		}
	}
	if (found == 0)
		return pm_error_set(err, PM_E_INPUT, "it holds no key");
	return 0;
}

/* ---- checks ---- */

static int refuse(struct pm_error *err, const char *what, const struct pm_buf *why)
{
	return pm_error_set(
		err, PM_E_REFUSED, "%s%s%.200s", what, why->len > 0 ? ": " : "", pm_buf_str(why));
}

/* What follows a word in the output, up to the next blank. */
static bool word_after(const char *text, const char *word, struct pm_buf *ret)
{
	const char *at = strstr(text, word);
	size_t n;

	if (!at)
		return false;
	at += strlen(word);
	n = strcspn(at, " \n");
	pm_text_visible(ret, at, n);
	return n > 0;
}

static int check_ssh(const char *dir, const struct pm_signed *what, const struct pm_source_job *j,
	struct pm_buf *ret, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const char *const argv[] = { "ssh-keygen", "-Y", "verify", "-n", "git", "-I", SIGNER, "-f",
		pm_arena_printf(a, "%s/verify.signers", dir), "-s",
		pm_arena_printf(a, "%s/verify.sig", dir), NULL };
	struct pm_child_run run = { .argv = argv, .in = what->data, .n = what->ndata };
	int r = pm_child_run(&run, j, err);

	if (r == 0 && run.status != 0)
		r = refuse(err,
			"its SSH signature is by none of the keys in source.git.verify.keys, or it "
			"was changed since",
			&run.errors);
	else if (r == 0 && !word_after(pm_buf_str(&run.out), " key ", ret))
		r = refuse(err, "ssh-keygen does not say who signed it", &run.errors);
	pm_child_run_done(&run);
	return r;
}

/* One good signature and nothing else: an expired or revoked key is no key. */
static bool good_status(const char *status)
{
	static const char *const bad[] = { "BADSIG", "ERRSIG", "EXPSIG", "EXPKEYSIG", "REVKEYSIG",
		"NODATA", "FAILURE" };
	const char *good = strstr(status, "[GNUPG:] GOODSIG ");

	for (unsigned i = 0; i < PM_COUNT(bad); i++) {
		if (strstr(status, bad[i]))
			return false;
	}
	return good && !strstr(good + 1, "[GNUPG:] GOODSIG ");
}

static int check_pgp(const char *dir, const struct pm_signed *what, const struct pm_source_job *j,
	struct pm_buf *ret, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const char *const argv[] = { "gpgv", "--homedir", dir, "--status-fd", "1", "--weak-digest",
		"SHA1", "--keyring", pm_arena_printf(a, "%s/verify.ring", dir), "--",
		pm_arena_printf(a, "%s/verify.sig", dir), "-", NULL };
	struct pm_child_run run = { .argv = argv, .in = what->data, .n = what->ndata };
	int r = pm_child_run(&run, j, err);

	if (r == 0 && (run.status != 0 || !good_status(pm_buf_str(&run.out))))
		r = refuse(err,
			"its OpenPGP signature is by none of the keys in source.git.verify.keys, or it "
			"was changed since",
			&run.errors);
	else if (r == 0 && !word_after(pm_buf_str(&run.out), "[GNUPG:] VALIDSIG ", ret))
		r = refuse(err, "gpgv does not say who signed it", &run.errors);
	pm_child_run_done(&run);
	return r;
}

static int put(const char *dir, const char *name, const void *p, size_t n, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);

	(void)pm_buf_addf(&path, "%s/%s", dir, name);
	return pm_file_write(pm_buf_str(&path), p, n, 0600, err);
}

int pm_signers_check(const struct pm_signers *s, const char *dir, const struct pm_signed *what,
	const struct pm_source_job *j, struct pm_buf *ret, struct pm_error *err)
{
	bool ssh = pm_str_starts(what->signature, SSH_SIG);
	const struct pm_buf *keys = ssh ? &s->ssh : &s->ring;
	int r;

	if (what->signature[0] == '\0')
		return pm_error_set(err, PM_E_REFUSED,
			"it is not signed; sign it with one of the keys in source.git.verify.keys");
	if (!ssh && !pm_str_starts(what->signature, PGP_SIG))
		return pm_error_set(err, PM_E_REFUSED,
			"its signature is of a kind that is not known: SSH and OpenPGP are");
	if (keys->len == 0)
		return pm_error_set(err, PM_E_REFUSED,
			"it is signed with an %s key, and source.git.verify.keys has none",
			ssh ? "SSH" : "OpenPGP");
	r = put(dir, "verify.sig", what->signature, strlen(what->signature), err);
	if (r == 0)
		r = put(dir, ssh ? "verify.signers" : "verify.ring", keys->p, keys->len, err);
	if (r < 0)
		return r;
	return ssh ? check_ssh(dir, what, j, ret, err) : check_pgp(dir, what, j, ret, err);
}
