/* The other end of the daemon's local socket: how commands ask a running daemon. */
#ifndef PM_DAEMON_ASK_H
#define PM_DAEMON_ASK_H

#include "base/json.h"

#define PM_ASK_PATIENCE_NS ((uint64_t)10000000000)

/** Asks the daemon that listens at `path` one thing: `fields` is the inside of a JSON object, as
 * "\"do\":\"status\"". Waits so many nanoseconds at most. *ret: what it answers (pm_json_putp). The error is the
 * daemon's own, or -PM_E_UNREACHABLE: nobody listens there, -PM_E_PERMISSION: not for this user. */
int pm_ask(const char *path, const char *fields, uint64_t patience_ns, struct json_object **ret,
	struct pm_error *err) PM_CHECK;

#endif
