/* Secrets: text in memory of its own that is locked, left out of core files, and cleared before it is
 * given back. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "security/security.h"

#define MAX_SECRET ((size_t)64 << 10)

struct pm_secret {
	size_t mapped; /* bytes, this head included */
	char text[];
};

struct pm_secret *pm_secret_new(const char *text, size_t n)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t size = (sizeof(struct pm_secret) + n + page) / page * page;
	struct pm_secret *s =
		mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	pm_assert(s != MAP_FAILED);
	/* Where the limit for locked memory is low the secret is still kept out of core files. */
	(void)mlock(s, size);
	(void)madvise(s, size, MADV_DONTDUMP);
	s->mapped = size;
	if (n > 0)
		memcpy(s->text, text, n);
	s->text[n] = '\0';
	return s;
}

const char *pm_secret_text(const struct pm_secret *s)
{
	return s->text;
}

void pm_secret_free(struct pm_secret *s)
{
	size_t size;

	if (!s)
		return;
	size = s->mapped;
	pm_wipe(s, size);
	(void)munmap(s, size);
}

void pm_secret_freep(struct pm_secret **s)
{
	pm_secret_free(*s);
	*s = NULL;
}

/* `source` names where the text came from, never the text. */
static int take(const char *text, size_t n, const char *source, struct pm_secret **ret,
	struct pm_error *err)
{
	if (n == 0)
		return pm_error_set(err, PM_E_INPUT, "%s is empty: a secret is needed", source);
	if (n > MAX_SECRET)
		return pm_error_set(err, PM_E_LIMIT, "%s is larger than %zu bytes: no secret is",
			source, MAX_SECRET);
	if (memchr(text, '\0', n))
		return pm_error_set(
			err, PM_E_INPUT, "%s holds a NUL byte: it must be text", source);
	*ret = pm_secret_new(text, n);
	return 0;
}

static int from_file(const char *path, struct pm_secret **ret, struct pm_error *err)
{
	struct pm_buf text = PM_BUF(MAX_SECRET + 4096);
	size_t n;
	int r;

	/* Memory that had to grow would leave a copy behind. */
	(void)pm_buf_reserve(&text, MAX_SECRET + 2);
	r = pm_file_read(AT_FDCWD, path, MAX_SECRET + 2, &text, err);
	if (r == 0) {
		n = text.len;
		if (n > 0 && text.p[n - 1] == '\n')
			n -= n > 1 && text.p[n - 2] == '\r' ? 2 : 1;
		r = take(pm_buf_str(&text), n, path, ret, err);
	}
	if (text.p)
		pm_wipe(text.p, text.cap);
	pm_buf_done(&text);
	return r < 0 ? pm_error_wrap(err, "reading a secret") : 0;
}

static int from_env(const char *name, struct pm_secret **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf source = PM_BUF(300);
	const char *text = secure_getenv(name);

	(void)pm_buf_addf(&source, "the environment variable %s", name);
	if (!text)
		return pm_error_set(err, PM_E_INPUT, "%s is not set: a secret should be in it",
			pm_buf_str(&source));
	return take(text, strlen(text), pm_buf_str(&source), ret, err);
}

static int from_credential(const char *name, struct pm_secret **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(8192);
	const char *dir = secure_getenv("CREDENTIALS_DIRECTORY");

	if (name[0] == '\0' || name[0] == '.' || strchr(name, '/'))
		return pm_error_set(err, PM_E_INPUT,
			"\"%s\" is no name of a credential: it names one file without a folder",
			name);
	if (!dir)
		return pm_error_set(err, PM_E_INPUT,
			"there is no credential %s: systemd gave none to this process "
			"(LoadCredential= of the unit)",
			name);
	(void)pm_buf_addf(&path, "%s/%s", dir, name);
	return from_file(pm_buf_str(&path), ret, err);
}

int pm_secret_read(enum pm_secret_from from, const char *what, const char *dir,
	struct pm_secret **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(8192);

	switch (from) {
	case PM_FROM_TEXT:
		return take(what, strlen(what), "the text of a secret", ret, err);
	case PM_FROM_ENV:
		return from_env(what, ret, err);
	case PM_FROM_CREDENTIAL:
		return from_credential(what, ret, err);
	case PM_FROM_FILE:
		break;
	}
	if (what[0] == '\0')
		return pm_error_set(err, PM_E_INPUT, "the file of a secret has no name");
	if (what[0] != '/' && dir && dir[0])
		(void)pm_buf_addf(&path, "%s/", dir);
	(void)pm_buf_adds(&path, what);
	return from_file(pm_buf_str(&path), ret, err);
}
