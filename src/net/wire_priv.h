/* The sockets of the I/O thread: which of them can be read or written, told to libcurl. */
#ifndef PM_NET_WIRE_PRIV_H
#define PM_NET_WIRE_PRIV_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/vec.h"

struct pm_wire_fd;

/** Belongs to the I/O thread. */
struct pm_wire {
	CURLM *multi;
	int epoll, bell;
	uint64_t timer_ns; /* when libcurl wants to be called; 0: it does not */
	struct {
		struct pm_wire_fd *v;
		size_t n, cap;
	} fds; /* by number */
};

/** `bell` wakes pm_wire_wait. */
int pm_wire_init(struct pm_wire *w, int bell, struct pm_error *err) PM_CHECK;
void pm_wire_done(struct pm_wire *w);

/** Told by a handle of sockets it opens and closes. */
void pm_wire_opened(struct pm_wire *w, curl_socket_t fd);
void pm_wire_closed(struct pm_wire *w, curl_socket_t fd);

/** Lets libcurl do what is due now, above all begin what was added. */
void pm_wire_run(struct pm_wire *w);

/** Waits at most so long, and lets libcurl do what came. Returns how many sockets had something; *ret_rung:
 * the bell rang. */
int pm_wire_wait(struct pm_wire *w, int most_ms, bool *ret_rung);

#endif
