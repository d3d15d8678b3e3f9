/* Inside of the I/O thread: what io.c (queues, batches, the loop), slot.c (one transfer in a libcurl
 * handle) and tls.c (whom we trust) know of each other. Everything here belongs to the I/O thread. */
#ifndef PM_NET_IO_PRIV_H
#define PM_NET_IO_PRIV_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/vec.h"
#include "net/net.h"

enum pm_lane { PM_READS, PM_WRITES, PM_LANES };

struct pm_slot;

/** Calls that wait, first in first out, and how many of their kind are under way. */
struct pm_queue {
	struct pm_call *first, **last;
	unsigned running, most;
};

/** One URL trusted in one way: the queues and the idle handles for it. Lives as long as the thread. */
struct pm_site {
	char *url, *ca_file;
	char **fingerprints;
	unsigned nfingerprints;
	bool insecure;
	bool alone; /* another site has this URL and trusts otherwise: no connection is shared */
	struct pm_queue queue[PM_LANES];
	struct pm_slot *idle;
};

/** One libcurl handle: what it does now, and what it was told last, so that only changes are told. */
struct pm_slot {
	struct pm_slot *next_idle;
	struct pm_site *site;
	struct pm_call *call; /* NULL: idle */
	CURL *easy;
	enum pm_lane lane;

	const char *method;
	unsigned timeout_ms;
	bool fresh;
	struct pm_buf url; /* the site's, then the path of the call */
	PM_VEC(struct curl_slist) headers;

	int status;
	uint64_t bytes;
	bool too_big;
	bool new_tls; /* a TLS connection was begun and not counted yet */
	bool resumed;
	const char *distrust; /* why the certificate was refused; NULL: it was not */
	char seen[96];        /* fingerprint of the server's certificate; "" unknown */
	char message[CURL_ERROR_SIZE];
};

/** A handle for a site; its TLS sessions are shared through `share`. */
struct pm_slot *pm_slot_new(struct pm_site *site, CURLSH *share) PM_CHECK;
void pm_slot_free(struct pm_slot *s);

/** Prepares the handle for s->call; -code with *err set when the call cannot be made. */
int pm_slot_begin(struct pm_slot *s, struct pm_error *err) PM_CHECK;

/** Fills in the answer or the error of s->call after the transfer ended. */
void pm_slot_end(struct pm_slot *s, CURLcode result);

/** The call will not be made, or not be followed any longer. */
void pm_slot_cancel(struct pm_slot *s);
void pm_call_fail(struct pm_call *c, const struct pm_error *err);

/** Says on the handle whom to trust. */
void pm_tls_setup(struct pm_slot *s);

/** The error for a certificate that was refused. */
int pm_tls_distrust(const struct pm_slot *s, struct pm_error *err);

/** Was the connection that the slot uses now resumed from an earlier TLS session? */
bool pm_tls_resumed(CURL *easy);

#endif
