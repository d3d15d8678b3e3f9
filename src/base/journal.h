/* The log of the program as records of systemd's journal: facts stay apart from the text. */
#ifndef PM_BASE_JOURNAL_H
#define PM_BASE_JOURNAL_H

#include <stdbool.h>

#include "base/log.h"

/** Writes the log to the journal from now on, when stderr leads there (as $JOURNAL_STREAM says) and the socket
 * `path` (NULL: systemd's) can be reached. false: it stays on stderr. */
bool pm_journal_use(const char *path);
/** Back to stderr. */
void pm_journal_leave(void);

/** One record; false: it could not be written. */
bool pm_journal_write(enum pm_level level, const char *msg, const struct pm_kv *kv, unsigned n);

#endif
