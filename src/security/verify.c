/* The judge of an audit log: reads it from the first line and follows the chain. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "chain_priv.h"

/* Where the judge stands. */
struct judge {
	struct pm_chain chain;
	unsigned line, records;
	unsigned bad;         /* first broken line that no record vouches for yet; 0: none */
	struct pm_buf broken; /* those lines, to be vouched for */
};

/* One line with its newline; 1, 0 at the end, or -PM_E_LIMIT. */
static int read_line(FILE *f, struct pm_buf *line)
{
	int c;

	pm_buf_clear(line);
	while ((c = getc(f)) != EOF) {
		if (pm_buf_addc(line, (char)c) < 0)
			return -PM_E_LIMIT;
		if (c == '\n')
			return 1;
	}
	return line->len > 0;
}

/* false: what stands here can only have been put there by somebody else. */
static bool judge_line(struct judge *j, const struct pm_buf *line)
{
	bool whole = line->p[line->len - 1] == '\n';
	struct pm_link l;

	j->line++;
	if (!whole || !pm_chain_read(line->p, line->len - 1, &l)) {
		if (j->bad == 0)
			j->bad = j->line;
		(void)pm_buf_add(&j->broken, line->p, line->len);
		return !j->broken.full;
	}
	if (j->bad > 0) {
		char hash[PM_HEX];

		/* The newline was added by whoever vouches. */
		(void)pm_sha256_hex(j->broken.p, j->broken.len - 1, hash);
		if (strcmp(hash, l.torn) != 0)
			return false;
		j->bad = 0;
		pm_buf_clear(&j->broken);
	} else if (l.torn[0] != '\0') {
		j->bad = j->line;
		return false;
	}
	if (!pm_chain_follow(&j->chain, &l)) {
		j->bad = j->line;
		return false;
	}
	j->records++;
	return true;
}

static int open_log(const char *path, FILE **ret, struct pm_error *err)
{
	struct stat st;

	/* A FIFO would keep us waiting. */
	if (stat(path, &st) < 0)
		return pm_error_sys(err, errno, "cannot read the audit log %s", path);
	if (!S_ISREG(st.st_mode))
		return pm_error_set(err, PM_E_IO, "the audit log %s is not a regular file", path);
	*ret = fopen(path, "re");
	if (!*ret)
		return pm_error_sys(err, errno, "cannot read the audit log %s", path);
	(void)flock(fileno(*ret), LOCK_SH);
	return 0;
}

int pm_audit_verify(
	const char *path, unsigned *ret_line, unsigned *ret_records, struct pm_error *err)
{
	cleanup_buf struct pm_buf line = PM_BUF(PM_AUDIT_LINE);
	struct judge j = { .broken = PM_BUF(4 * PM_AUDIT_LINE) };
	cleanup_file FILE *f = NULL;
	bool fair = true, torn = false;
	int r = open_log(path, &f, err);

	if (r < 0)
		return r;
	pm_chain_start(&j.chain);
	while (fair && (r = read_line(f, &line)) > 0) {
		torn = line.p[line.len - 1] != '\n';
		fair = judge_line(&j, &line);
	}
	pm_buf_done(&j.broken);
	*ret_records = j.records;
	*ret_line = j.bad > 0 ? j.bad : r < 0 ? j.line + 1 : 0;
	if (ferror(f))
		return pm_error_sys(err, EIO, "cannot read the audit log %s", path);
	if (*ret_line == 0)
		return 0;
	if (torn && fair && j.bad == j.line)
		(void)pm_error_set(err, PM_E_INVALID,
			"the last record is unfinished, as after a crash; podmox says so in its next "
			"record");
	else
		(void)pm_error_set(err, PM_E_INVALID,
			"the chain of the audit log is broken here: this line or the one before it "
			"was changed, added or removed");
	return pm_error_at(err, (struct pm_pos){ .file = path, .line = *ret_line });
}
