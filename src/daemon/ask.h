/* The other end of the daemon's local socket: how commands ask a running daemon. */
#ifndef PM_DAEMON_ASK_H
#define PM_DAEMON_ASK_H

#include "base/json.h"

/** Asks the daemon that listens at `path` one thing: `fields` is the inside of a JSON object, as
 * "\"do\":\"status\"". *ret: what it answers (pm_json_putp). Waits ten seconds at most. The error is the
 * daemon's own, or -PM_E_UNREACHABLE: nobody listens there, -PM_E_PERMISSION: not for this user. */
int pm_ask(const char *path, const char *fields, struct json_object **ret,
	struct pm_error *err) PM_CHECK;

#endif
