/* libpodmox: a client of Proxmox VE and the reconciler of podmox, as a C library.
 *
 * Conventions, for every call of every header:
 * - A function that can fail returns 0, or a negative podmox_code. Its last parameter takes an error
 *   object; it may be NULL, and is untouched on success. The caller frees the object.
 * - Results are given through pointers and are untouched on failure. What comes out of a `**ret` belongs
 *   to the caller and is freed by the function named beside its type; NULL may be freed. Everything else
 *   is borrowed: strings live as long as the object they came from.
 * - A podmox_client may be used by any number of threads at once. Every other object belongs to one
 *   thread at a time.
 * - Texts are UTF-8 and end with NUL. The library prints nothing, installs no signal handler, never ends
 *   the process, with one exception: when memory runs out it says so on stderr and aborts.
 * - Structures of options start with their size: use their _INIT macro. */
#ifndef PODMOX_PODMOX_H
#define PODMOX_PODMOX_H

#include <podmox/client.h>
#include <podmox/error.h>
#include <podmox/guest.h>
#include <podmox/node.h>
#include <podmox/plan.h>
#include <podmox/security.h>
#include <podmox/storage.h>
#include <podmox/task.h>
#include <podmox/value.h>
#include <podmox/version.h>

#endif
