/* Memory that must be there. Allocation failure ends the process with a message: a tool whose inputs
 * are capped gains nothing from error paths that no test ever takes. */
#ifndef PM_BASE_MEM_H
#define PM_BASE_MEM_H

#include <stddef.h>
#include <stdio.h>

#include "base/attr.h"

/** Memory of that many bytes, zeroed. Never NULL. Owner: the caller, who calls free(). */
void *pm_xcalloc(size_t n, size_t size) PM_CHECK;
void *pm_xrealloc(void *p, size_t size) PM_CHECK;
char *pm_xstrdup(const char *s) PM_CHECK;

/** Destructors for the cleanup_* attributes; each takes a pointer to the variable. */
void pm_freep(void *pp);
void pm_closep(const int *fd);
/** Takes a descriptor out of a variable that would close it. */
int pm_take_fd(int *fd);
void pm_fclosep(FILE **f);

/** Clears memory that held a secret; the compiler may not leave it out. */
void pm_wipe(void *p, size_t n);

/** Ends the process (abort) in every build when the condition does not hold. For programming errors. */
#define pm_assert(cond) ((cond) ? (void)0 : pm_assert_failed(#cond, __FILE__, __LINE__))
void pm_assert_failed(const char *what, const char *file, int line) PM_NORETURN;

#endif
