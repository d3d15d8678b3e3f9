/* Requests over HTTP that come to us. Pure: text in, facts out. */
#ifndef PM_NET_REQUEST_H
#define PM_NET_REQUEST_H

#include <stdbool.h>
#include <stddef.h>

#define PM_REQUEST_HEAD ((size_t)8192)
#define PM_REQUEST_BODY \
	((size_t)1 << 20) /* a hook of a code host is some ten thousand bytes long */

/** One request, as far as it matters. */
struct pm_request {
	char method[16], path[128], host[256]; /* path: without what follows a '?' */
	bool foreign;                          /* a web page of another origin sent it */
	size_t length;                         /* of head and body */
	int status; /* 0: it can be answered; else what is wrong with it */
};

/** Reads a request at the beginning of n bytes; false: it is not whole yet. */
bool pm_request_parse(const char *s, size_t n, struct pm_request *ret);

#endif
