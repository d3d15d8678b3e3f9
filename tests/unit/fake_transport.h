/* Transports without a network, for the tests of every room that speaks HTTP: one with scripted answers
 * and a log of what was asked, and one around any other that spoils the n-th call. Both are freed with
 * pm_transport_free() and are thread-safe; answers come in the thread that asks, in order. */
#ifndef PM_TEST_FAKE_TRANSPORT_H
#define PM_TEST_FAKE_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>

#include "net/net.h"

/** An answer and what it answers. The first rule that fits and is not used up is taken; what no rule
 * fits gets PVE's 501. Strings are borrowed. */
struct pm_fake_rule {
	const char *method; /* NULL: any */
	const char *path;   /* a pattern of fnmatch(3) over path and query: "/api2/json/nodes/?*" */
	const char *host;   /* name; NULL: any */
	unsigned times;     /* how often it is good; 0: for ever */

	int status;         /* 0: 200 */
	const char *reason; /* NULL: "OK" below 400, else "error" */
	const char *body;   /* NULL: "{\"data\":null}" */
	unsigned retry_after_s;
	enum pm_code fail; /* not PM_OK: there is no answer but this error */
	bool maybe_sent;
};

/** What was asked. Borrowed from the transport. */
struct pm_fake_request {
	const char *host, *method, *path, *body; /* body "" when there was none */
	const char *headers;                     /* each ends with a newline */
};

struct pm_transport *pm_fake_new(void) PM_CHECK;
void pm_fake_add(struct pm_transport *t, const struct pm_fake_rule *rule);

/** How many requests fit, 0 to n. Both may be NULL: any. */
size_t pm_fake_count(struct pm_transport *t, const char *method, const char *path);

/** The i-th request of those that fit, or NULL. */
const struct pm_fake_request *pm_fake_request(
	struct pm_transport *t, size_t i, const char *method, const char *path);

enum pm_spoil {
	PM_SPOIL_REFUSED, /* never sent */
	PM_SPOIL_CUT,     /* done, the answer breaks off after the headers */
	PM_SPOIL_500,     /* not done */
	PM_SPOIL_596,     /* done, but the hop between two nodes gave up waiting */
	PM_SPOIL_TIMEOUT, /* not done, no answer */
	PM_SPOIL_LOST,    /* done, no answer */
	PM_SPOIL_MAX,
};
const char *pm_spoil_name(enum pm_spoil how);

/** Passes everything on but the n-th call (from 1; 0: none), which it spoils. Frees `inner` when freed. */
struct pm_transport *pm_spoil_new(
	struct pm_transport *inner, unsigned nth, enum pm_spoil how) PM_CHECK;

/** Calls seen so far: n was reached when it is at least n. */
unsigned pm_spoil_calls(struct pm_transport *t);

#endif
