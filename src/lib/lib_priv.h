/* Inside of the room: how the public calls reach the rooms below. */
#ifndef PM_LIB_LIB_PRIV_H
#define PM_LIB_LIB_PRIV_H

#include <podmox/podmox.h>

#include "base/json.h"
#include "pve/op.h"
#include "recon/recon.h"
#include "security/security.h"

/* ---- error.c ---- */

/** Makes the public error, where somebody wants it (ret may be NULL). `fault` may be NULL. Returns the
 * negative public code. */
int pm_lib_fail(podmox_error **ret, const struct pm_error *err, const struct pm_fault *fault);

/* ---- value.c ---- */

/** A public value is json-c's object under another name; null is NULL. */
podmox_value *pm_lib_value(struct json_object *o);

/* ---- client.c ---- */

struct podmox_client {
	struct pm_arena *arena;   /* of what is constant after open */
	struct pm_config *config; /* of a file; NULL: opened by options */
	struct pm_secret *secret; /* of options */
	struct pm_transport *transport;
	struct pm_audit *audit;
	struct pm_pve *pve;
	struct pm_cancel cancel;
};

void pm_lib_job_begin(podmox_client *c, struct pm_job *j);
void pm_lib_job_end(struct pm_job *j);

/* ---- call.c ---- */

#define PM_LIB_FIXED 4

/** One call: arguments that have parameters of their own in C, then the caller's list. */
struct pm_lib_call {
	enum pm_op_id op;
	enum pm_guest_type guest;
	struct pm_op_arg fixed[PM_LIB_FIXED]; /* those with a name */
	const podmox_param *params;
};

int pm_lib_get(
	podmox_client *c, const struct pm_lib_call *call, podmox_value **ret, podmox_error **err);
int pm_lib_start(
	podmox_client *c, const struct pm_lib_call *call, podmox_task **ret, podmox_error **err);

/* ---- task.c ---- */

/** What became of a write: waits where ret is NULL. Takes nothing from `a`. */
int pm_lib_task(
	podmox_client *c, const struct pm_op_answer *a, podmox_task **ret, podmox_error **err);

#endif
