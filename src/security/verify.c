/* The judge of an audit log: reads it from the oldest file on and follows the chain. The first line that
 * does not fit is named, with what was done to the log there as far as the chain tells. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "audit_priv.h"
#include "base/mem.h"

#define cleanup_files PM_CLEANUP(pm_audit_files_done)
#define cleanup_lines PM_CLEANUP(pm_audit_lines_done)

/* Where the judge stands. */
struct judge {
	struct pm_chain chain;
	struct pm_audit_verdict *v;
	unsigned line;        /* of the file at hand */
	const char *before;   /* name of the file before it; NULL: none */
	unsigned bad;         /* first broken line that no record vouches for yet; 0: none */
	struct pm_buf broken; /* those lines, to be vouched for */
	bool unfinished;      /* the last line is not whole */
	uint64_t gone,
		oldest; /* numbers of the file that is gone and of the oldest kept; 0: none */
	char why[400];  /* what is wrong at `at` */
	unsigned at;
};

static bool finding(struct judge *j, unsigned line, const char *why)
{
	j->at = line;
	(void)snprintf(j->why, sizeof(j->why), "%s", why);
	return false;
}

/* A good line whose place is wrong. */
static bool misplaced(struct judge *j, const struct pm_link *l)
{
	uint64_t next = j->chain.seq + 1;

	if (l->seq > next)
		(void)snprintf(j->why, sizeof(j->why),
			"record %llu stands here where %llu should: what was between was removed",
			(unsigned long long)l->seq, (unsigned long long)next);
	else if (l->seq < next)
		(void)snprintf(j->why, sizeof(j->why),
			"record %llu stands here where %llu should: it was moved, or is here twice",
			(unsigned long long)l->seq, (unsigned long long)next);
	else
		(void)snprintf(j->why, sizeof(j->why),
			"the record before this one was changed and its hash made anew: this one "
			"names another hash");
	j->at = j->line;
	return false;
}

/* What a broken line is, told by the whole record that comes after it. */
static bool broken(struct judge *j, const struct pm_link *next)
{
	if (next && next->torn[0] != '\0')
		return finding(j, j->bad,
			"what an unfinished record left here was changed since it was vouched for");
	if (next && next->seq == j->chain.seq + 1 && strcmp(next->prev, j->chain.hash) == 0)
		return finding(j, j->bad, "this line was put in: it is no record of this log");
	return finding(j, j->bad, "this line was changed: its hash does not fit it");
}

/* The first record of a file says what came before it. */
static bool judge_first(struct judge *j, const struct pm_link *l)
{
	uint64_t oldest = pm_audit_number(l->oldest);

	j->oldest = oldest > j->oldest ? oldest : j->oldest;
	if (!j->before) {
		if (l->previous[0] == '\0')
			return true;
		(void)snprintf(j->v->gone, sizeof(j->v->gone), "%s", l->previous);
		j->gone = pm_audit_number(l->previous);
		j->chain.seq = l->seq - 1;
		memcpy(j->chain.hash, l->prev, sizeof(l->prev));
		return true;
	}
	if (strcmp(l->previous, j->before) == 0)
		return true;
	j->at = j->line;
	if (l->previous[0] != '\0')
		(void)snprintf(j->why, sizeof(j->why),
			"the older file %s, from which this one goes on, is gone", l->previous);
	else
		(void)snprintf(j->why, sizeof(j->why),
			"the log was begun anew here, though the older file %s is there: what was "
			"written after that was removed",
			j->before);
	return false;
}

/* false: what stands here can only have been put there by somebody else. */
static bool judge_line(struct judge *j, const struct pm_buf *line)
{
	struct pm_link l;

	j->line++;
	j->unfinished = line->full || line->p[line->len - 1] != '\n';
	if (j->unfinished || !pm_chain_read(line->p, line->len - 1, &l)) {
		if (j->bad == 0)
			j->bad = j->line;
		(void)pm_buf_add(&j->broken, line->p, line->len);
		return line->full || j->broken.full ? broken(j, NULL) : true;
	}
	if (j->bad > 0) {
		char hash[PM_HEX];

		/* The newline was added by whoever vouches. */
		(void)pm_sha256_hex(j->broken.p, j->broken.len - 1, hash);
		if (strcmp(hash, l.torn) != 0)
			return broken(j, &l);
		j->bad = 0;
		pm_buf_clear(&j->broken);
	} else if (l.torn[0] != '\0') {
		return finding(
			j, j->line, "what an unfinished record left before this line was removed");
	}
	if (j->line == 1 && !judge_first(j, &l))
		return false;
	if (!pm_chain_follow(&j->chain, &l))
		return misplaced(j, &l);
	j->v->records++;
	return true;
}

/* One file. false: err is set, or j->at names the line. */
static bool judge_file(struct judge *j, const char *path, struct pm_audit_lines *lines, bool last,
	struct pm_error *err)
{
	cleanup_buf struct pm_buf line = PM_BUF(PM_AUDIT_LINE);
	bool fair = true;

	(void)snprintf(j->v->file, sizeof(j->v->file), "%s", path);
	j->v->files++;
	j->line = j->bad = 0;
	j->unfinished = false;
	pm_buf_clear(&j->broken);
	while (fair && pm_audit_line(lines, &line))
		fair = judge_line(j, &line);
	if (ferror(lines->f)) {
		(void)pm_error_sys(err, EIO, "cannot read the audit log %s", path);
		return false;
	}
	if (!fair || j->bad == 0)
		return fair;
	if (last && j->unfinished)
		return finding(j, j->bad,
			"the last record is unfinished, as after a crash, or was cut; podmox says "
			"so in its next record");
	return broken(j, NULL);
}

static bool judge_older(struct judge *j, const struct pm_audit_files *files, struct pm_error *err)
{
	bool fair = true;

	for (size_t i = 0; i < files->n && fair; i++) {
		cleanup_lines struct pm_audit_lines lines = { 0 };

		if (pm_audit_lines(files->v[i].path, &lines, err) < 0)
			return false;
		fair = judge_file(j, files->v[i].path, &lines, false, err);
		j->before = files->v[i].name;
	}
	return fair;
}

/* Was the file before the oldest one removed by somebody who is not podmox? */
static bool judge_gone(struct judge *j, const char *first)
{
	if (j->gone == 0 || j->gone < j->oldest)
		return true;
	(void)snprintf(j->v->file, sizeof(j->v->file), "%s", first);
	(void)snprintf(j->why, sizeof(j->why),
		"the older file %s, from which this one goes on, is gone, and podmox did not remove "
		"it",
		j->v->gone);
	j->at = 1;
	return false;
}

static int judge_all(struct judge *j, const char *path, struct pm_error *err)
{
	cleanup_files struct pm_audit_files files = { 0 };
	cleanup_lines struct pm_audit_lines current = { 0 };
	bool fair;
	int r;

	/* First of all, so that a rotation meanwhile does not hide a file. */
	r = pm_audit_lines(path, &current, err);
	if (r == 0)
		r = pm_audit_files(path, fileno(current.f), &files, err);
	if (r < 0)
		return r;
	fair = judge_older(j, &files, err) && judge_file(j, path, &current, true, err) &&
	       judge_gone(j, files.n > 0 ? files.v[0].path : path);
	if (fair)
		return 0;
	return j->at == 0 ? -(int)err->code : pm_error_set(err, PM_E_INVALID, "%s", j->why);
}

int pm_audit_verify(const char *path, struct pm_audit_verdict *ret, struct pm_error *err)
{
	struct judge j = { .v = ret, .broken = PM_BUF(4 * PM_AUDIT_LINE) };
	int r;

	memset(ret, 0, sizeof(*ret));
	pm_chain_start(&j.chain);
	r = judge_all(&j, path, err);
	pm_buf_done(&j.broken);
	ret->line = j.at;
	if (j.at > 0)
		(void)pm_error_at(err, (struct pm_pos){ .file = ret->file, .line = j.at });
	else
		ret->file[0] = '\0';
	return r;
}
