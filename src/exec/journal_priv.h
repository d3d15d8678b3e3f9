/* The journal of a run: what it means to send, written before it is sent. */
#ifndef PM_EXEC_JOURNAL_PRIV_H
#define PM_EXEC_JOURNAL_PRIV_H

#include <stddef.h>

#include "base/clock.h"
#include "base/error.h"

struct pm_journal;

/** What a run meant to do and did not finish. Strings live as long as the journal. */
struct pm_intent {
	unsigned id;
	const char *object; /* "Pod/shop/web" */
	const char *task;   /* PVE's type of the task, as vzcreate; "" for a call without one */
	const char *work;   /* what the task says that it works on; NULL: the VMID */
	const char *node;
	const char *upid; /* NULL: the answer never came */
	unsigned vmid;
	int64_t at_ms; /* wall clock */
};

/** Opens (makes) the journal of a set and reads what is unfinished. The caller holds the set's lock.
 * A journal that cannot be understood counts as empty. */
int pm_journal_open(const char *dir, const char *set, const struct pm_clock *clock,
	struct pm_journal **ret, struct pm_error *err) PM_CHECK;
const struct pm_intent *pm_journal_unfinished(const struct pm_journal *j, size_t *ret_n);

/** Appends and fsyncs; thread-safe. `i->id` and at_ms are filled in. A journal that cannot be written
 * is a warning, once: it only makes recovery quicker. j NULL: nothing. */
void pm_journal_intent(struct pm_journal *j, struct pm_intent *i);
void pm_journal_task(struct pm_journal *j, unsigned id, const char *upid);
void pm_journal_result(struct pm_journal *j, unsigned id, const char *result);

/** Closes; drops what is finished from the file. NULL is fine. */
void pm_journal_close(struct pm_journal *j);

#endif
