/* Attributes of functions and variables. Every other header may use them. */
#ifndef PM_BASE_ATTR_H
#define PM_BASE_ATTR_H

#define PM_PRINTF(f, a) __attribute__((format(printf, f, a)))
#define PM_CHECK        __attribute__((warn_unused_result))
#define PM_NORETURN     __attribute__((noreturn))
#define PM_UNUSED       __attribute__((unused))
#define PM_CLEANUP(fn)  __attribute__((cleanup(fn)))

#define PM_COUNT(a) (sizeof(a) / sizeof((a)[0]))

/** Declare a variable that is freed, closed or emptied when it leaves its scope. It must be
 * initialised where it is declared. */
#define cleanup_free  PM_CLEANUP(pm_freep)
#define cleanup_fd    PM_CLEANUP(pm_closep)
#define cleanup_file  PM_CLEANUP(pm_fclosep)
#define cleanup_buf   PM_CLEANUP(pm_buf_done)
#define cleanup_arena PM_CLEANUP(pm_arena_freep)
#define cleanup_json  PM_CLEANUP(pm_json_putp)

#endif
