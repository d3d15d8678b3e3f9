/* Tasks: what a call goes on as, on its node. */
#ifndef PODMOX_TASK_H
#define PODMOX_TASK_H

#include <podmox/client.h>

PODMOX_BEGIN

/** A task that was started. A call that starts one takes `podmox_task **ret`: NULL waits for its end
 * (PODMOX_E_TASK: it failed; the message holds the last lines of its log); otherwise *ret is the task,
 * or NULL where the call was done at once. */
typedef struct podmox_task podmox_task;

/** Frees the object; the task goes on. */
PODMOX_API void podmox_task_free(podmox_task *t);

/** A task by its UPID, to be waited for in another process. PODMOX_E_INPUT: it is none. */
PODMOX_API int podmox_task_open(const char *upid, podmox_task **ret, podmox_error **err);

/** Its UPID; its node; the number of the guest that it created (0: it is no create or clone). */
PODMOX_API const char *podmox_task_upid(const podmox_task *t);
PODMOX_API const char *podmox_task_node(const podmox_task *t);
PODMOX_API unsigned podmox_task_vmid(const podmox_task *t);

/** Called with each line of the log as it comes, in the thread that waits. */
typedef void podmox_task_line(void *arg, const char *line);

/** Waits for the end. `line` may be NULL. 0: it ended well (warnings included). PODMOX_E_TASK: it did not;
 * PODMOX_E_CANCELLED: the wait ended, the task goes on. */
PODMOX_API int podmox_task_wait(
	podmox_client *c, podmox_task *t, podmox_task_line *line, void *arg, podmox_error **err);

/** How it ended, after a wait: "OK", "WARNINGS: 1", or what went wrong. "" before. */
PODMOX_API const char *podmox_task_exit(const podmox_task *t);

/** Does it run? An object with status, exitstatus, ... */
PODMOX_API int podmox_task_status(
	podmox_client *c, const char *upid, podmox_value **ret, podmox_error **err);
/** Its log: a list of objects with n and t; parameters: start, limit. */
PODMOX_API int podmox_task_log(podmox_client *c, const char *upid, const podmox_param *params,
	podmox_value **ret, podmox_error **err);
/** Asks it to end. */
PODMOX_API int podmox_task_stop(podmox_client *c, const char *upid, podmox_error **err);

PODMOX_END

#endif
