/* Inside of the I/O thread: what io.c (batches, the loop), site.c (hosts and their queues), slot.c (one
 * transfer in a libcurl handle), upload.c (a file as its body) and tls.c (whom we trust) know of each
 * other. Everything here belongs to the I/O thread. */
#ifndef PM_NET_IO_PRIV_H
#define PM_NET_IO_PRIV_H

#include <curl/curl.h>
#include <stdbool.h>

#include "base/buf.h"
#include "base/vec.h"
#include "net/net.h"

enum pm_lane { PM_PROBES, PM_WRITES, PM_READS, PM_LANES };

struct pm_slot;
struct pm_line;

/** Calls that wait, and how many of their kind are under way. */
struct pm_queue {
	struct pm_line *first, *last; /* one for each batch; the first is next */
	struct pm_line *spare;
	unsigned running, most;
};

/** Appends to the line of c->batch. The calls of one batch are pushed one after the other. */
void pm_queue_push(struct pm_queue *q, struct pm_call *c);

/** The next call; batches take turns. Something must be in the queue. */
struct pm_call *pm_queue_pop(struct pm_queue *q);

/** Takes out what waits of a batch: a list by `next`, or NULL. */
struct pm_call *pm_queue_drop(struct pm_queue *q, const void *batch);

/** One URL trusted in one way: the queues and the idle handles for it. Lives as long as the thread. */
struct pm_site {
	char *url, *ca_file;
	char **fingerprints;
	unsigned nfingerprints;
	bool insecure;
	bool alone; /* another site has this URL and trusts otherwise: no connection is shared */
	struct pm_queue queue[PM_LANES];
	struct pm_slot *idle;
	unsigned tally;   /* which one counts its answers, from 1; 0: not known yet */
	uint64_t held_ns; /* until then nothing is sent: the server asked for it; 0: send */
};

struct pm_sites {
	struct pm_site **v;
	size_t n, cap;
};

/** The site for a host; made when it is new. It keeps nothing of `h`. */
struct pm_site *pm_site_of(struct pm_sites *all, const struct pm_host *h);
void pm_site_free(struct pm_site *s);

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
	struct pm_sending *sending; /* a file; NULL: none */
	bool too_big;
	bool new_tls; /* a TLS connection was begun and not counted yet */
	bool resumed;
	const char *distrust; /* why the certificate was refused; NULL: it was not */
	char seen[96];        /* fingerprint of the server's certificate; "" unknown */
	char message[CURL_ERROR_SIZE];
};

/** A handle for a site; its TLS sessions are shared through `share`, its sockets belong to `w` (NULL: to
 * nobody). */
struct pm_wire;
struct pm_slot *pm_slot_new(struct pm_site *site, CURLSH *share, struct pm_wire *w) PM_CHECK;
void pm_slot_free(struct pm_slot *s);

/** Prepares the handle for s->call; -code with *err set when the call cannot be made. */
int pm_slot_begin(struct pm_slot *s, struct pm_error *err) PM_CHECK;

/** Fills in the answer or the error of s->call after the transfer ended. */
void pm_slot_end(struct pm_slot *s, CURLcode result);

/** The call will not be followed any longer: it was cancelled, or nothing of its file moves. */
void pm_slot_cancel(struct pm_slot *s);
void pm_slot_stalled(struct pm_slot *s);

/** The call ends with that error, which is told where it happened. */
void pm_call_fail(struct pm_call *c, const struct pm_error *err);

/** How long it may take, or for a file: how long nothing of it may move. */
unsigned pm_call_timeout_ms(const struct pm_call *c);

/** Opens the file of s->call and makes it the body; -code with *err set when it cannot be sent. */
int pm_upload_begin(struct pm_slot *s, struct pm_error *err) PM_CHECK;

/** Closes the file; the handle takes other calls again. */
void pm_upload_end(struct pm_slot *s);

/** Did the upload end because the file could not be read, or changed? */
bool pm_upload_broke(const struct pm_slot *s, struct pm_error *err);

/** 0: nothing has moved for so long. Else look again after that time at the latest. */
unsigned pm_upload_left_ms(struct pm_slot *s, unsigned timeout_ms, uint64_t now_ns);

/** Says on the handle whom to trust. */
void pm_tls_setup(struct pm_slot *s);

/** The error for a certificate that was refused. */
int pm_tls_distrust(const struct pm_slot *s, struct pm_error *err);

/** Was the connection that the slot uses now resumed from an earlier TLS session? */
bool pm_tls_resumed(CURL *easy);

#endif
