/* What is kept over restarts, in one small file that is replaced as a whole; the lock that whoever works on
 * the folder holds. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/mem.h"
#include "source/source_priv.h"

#define STATE_MAX ((size_t)64 << 10)

bool pm_is_commit(const char *s)
{
	return s && strlen(s) == PM_COMMIT_ID - 1 &&
	       strspn(s, "0123456789abcdef") == PM_COMMIT_ID - 1;
}

/* ---- the file ---- */

static void take(struct json_object *o, const char *key, char *ret, size_t n)
{
	const char *s = pm_json_str(o, key);

	(void)snprintf(ret, n, "%s", s ? s : "");
}

static void take_commit(struct json_object *o, const char *key, char ret[PM_COMMIT_ID])
{
	const char *s = pm_json_str(o, key);

	(void)snprintf(ret, PM_COMMIT_ID, "%s", pm_is_commit(s) ? s : "");
}

/* One line; whatever else stands there approves nothing. */
static void read_approved(const char *dir, char ret[PM_COMMIT_ID])
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	cleanup_buf struct pm_buf text = PM_BUF(200);
	struct pm_error ignored;

	(void)pm_buf_addf(&path, "%s/approved", dir);
	if (pm_file_read(AT_FDCWD, pm_buf_str(&path), 100, &text, &ignored) < 0)
		return;
	if (text.len == PM_COMMIT_ID && text.p[PM_COMMIT_ID - 1] == '\n')
		text.p[PM_COMMIT_ID - 1] = '\0';
	if (pm_is_commit(pm_buf_str(&text)))
		(void)snprintf(ret, PM_COMMIT_ID, "%s", pm_buf_str(&text));
}

int pm_kept_approve(const char *dir, const char *id, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	cleanup_buf struct pm_buf line = PM_BUF(0);

	(void)pm_buf_addf(&path, "%s/approved", dir);
	if (!id)
		return unlink(pm_buf_str(&path)) == 0 || errno == ENOENT
			       ? 0
			       : pm_error_sys(err, errno, "cannot remove %s", pm_buf_str(&path));
	(void)pm_buf_addf(&line, "%s\n", id);
	return pm_file_write(pm_buf_str(&path), line.p, line.len, 0600, err);
}

int pm_kept_read(const char *dir, struct pm_source_kept *ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	cleanup_buf struct pm_buf text = PM_BUF(STATE_MAX + 1);
	cleanup_json struct json_object *o = NULL;
	int r;

	memset(ret, 0, sizeof(*ret));
	read_approved(dir, ret->approved);
	(void)pm_buf_addf(&path, "%s/state.json", dir);
	r = pm_file_read(AT_FDCWD, pm_buf_str(&path), STATE_MAX, &text, err);
	if (r < 0 && err->sys_errno == ENOENT)
		return 0;
	if (r == 0)
		r = pm_json_parse(pm_buf_str(&text), text.len, &o, err);
	/* Without it nobody knows which history was believed: that is not for us to decide anew. */
	if (r < 0)
		return pm_error_wrap(err,
			"what is known of the repository cannot be read; if %s is beyond repair, remove it: "
			"then the branch is believed as it is",
			pm_buf_str(&path));
	take_commit(o, "accepted", ret->accepted);
	take_commit(o, "held", ret->held);
	take(o, "subject", ret->subject, sizeof(ret->subject));
	take(o, "signer", ret->signer, sizeof(ret->signer));
	ret->accepted_ms = pm_json_int(o, "acceptedAt", 0);
	ret->good_ms = pm_json_int(o, "goodAt", 0);
	return 0;
}

int pm_kept_write(const char *dir, const struct pm_source_kept *k, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_jwrite w = { .out = &text };

	(void)pm_buf_addf(&path, "%s/state.json", dir);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "version", "1");
	pm_jw_str(&w, "accepted", k->accepted);
	pm_jw_str(&w, "subject", k->subject);
	pm_jw_str(&w, "signer", k->signer);
	pm_jw_int(&w, "acceptedAt", k->accepted_ms);
	pm_jw_str(&w, "held", k->held);
	pm_jw_int(&w, "goodAt", k->good_ms);
	pm_jw_object_end(&w);
	(void)pm_buf_addc(&text, '\n');
	return pm_file_write(pm_buf_str(&path), text.p, text.len, 0600, err);
}

/* ---- the lock ---- */

int pm_source_check(const struct pm_source_job *j, const char *what, struct pm_error *err)
{
	const struct pm_cancel *above = j->cancel ? j->cancel->above : NULL;

	if (!pm_cancelled(j->cancel, j->clock))
		return 0;
	if (atomic_load(&j->cancel->on) || (above && pm_cancelled(above, j->clock)))
		return pm_error_set(err, PM_E_CANCELLED, "%s was interrupted", what);
	return pm_error_set(
		err, PM_E_TIMEOUT, "%s took longer than source.git.limits.time allows", what);
}

int pm_source_lock(const char *dir, const struct pm_source_job *j, int *ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	int fd, r = 0;

	(void)pm_buf_addf(&path, "%s/lock", dir);
	fd = open(pm_buf_str(&path), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return pm_error_sys(err, errno, "cannot open %s", pm_buf_str(&path));
	while (r == 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			r = pm_error_sys(err, errno, "cannot lock %s", pm_buf_str(&path));
		else
			r = pm_source_check(
				j, "waiting for another podmox that reads the repository", err);
		if (r == 0 && pm_wait_ns(j->clock, 20 * PM_MS_NS, j->cancel) < 0)
			continue;
	}
	if (r < 0)
		(void)close(fd);
	else
		*ret = fd;
	return r;
}
