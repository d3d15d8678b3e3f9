/* HTTP to many hosts: blocking calls for everybody else, one I/O thread over curl_multi inside. Knows
 * HTTP, not PVE. Each host has its own queue with limits for reads and writes in flight.
 * docs/internals/net.md tells how it works. */
#ifndef PM_NET_NET_H
#define PM_NET_NET_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

/** One host. Owner: the caller; must outlive every call to it. Strings are borrowed. */
struct pm_host {
	const char *name;                /* for people: "pve1.lan" */
	const char *url;                 /* "https://pve1.lan:8006" */
	const char *ca_file;             /* NULL: the system's CAs */
	const char *const *fingerprints; /* SHA-256, 64 hex digits; NULL: none pinned */
	unsigned nfingerprints;
	bool insecure;          /* checks nothing */
	unsigned reads, writes; /* most in flight; 0: 6 and 2 */
};

/** A file to be sent as multipart/form-data: the fields in their order, the file last, with a length and
 * never in pieces, read while it is sent. A file that changes meanwhile is not sent to its end
 * (PM_E_CONFLICT). Line breaks and quotes in names are percent-encoded; PVE also cuts a `filename` at ';'
 * and ','. Borrowed. */
struct pm_upload {
	const char *path;     /* of the file here */
	const char *filename; /* its name for the server */
	const char *field;    /* of the form: "filename" */
	const struct pm_upload_field {
		const char *name, *value;
	} * fields;
	size_t nfields;
};

/** One request and its answer; zero what is not set. Owner: the caller, for the whole call. */
struct pm_call {
	/* in */
	const struct pm_host *host;
	const char *method;             /* GET POST PUT DELETE */
	const char *path;               /* "/api2/json/version?x=y", encoded */
	const char *body;               /* of POST and PUT, form-encoded; NULL: none */
	const struct pm_upload *upload; /* instead of body, of a POST; NULL: none */
	const char *const
		*headers; /* "Name: value", ends with NULL; may hold secrets: never logged */
	unsigned
		timeout_ms; /* from the moment it leaves the queue, for an upload: without that anything
				moves; 0: 30 s */
	bool idempotent; /* may be repeated by the connection layer; a GET always may */
	bool urgent; /* goes past the calls that wait for its host: a probe, whether it answers */
	size_t max_body; /* 0: 64 MiB */
	void *user;      /* the caller's */
	/* out */
	int status;            /* 0: no answer, see err */
	char reason[256];      /* reason phrase, as it came: may hold anything */
	struct pm_buf body_in; /* of the answer; the caller frees it with pm_call_done */
	unsigned retry_after_s;
	struct pm_error
		err; /* code PM_OK: an answer came, whatever its status (nothing else of it is set) */
	/* the transport's while the call runs */
	struct pm_call *next;
	void *batch;
};

void pm_call_done(struct pm_call *c); /* frees the answer; the call can be used again */

struct pm_transport;

/** Called in the thread that called batch, once for each call as it completes; the answer may be freed
 * there. Answer true to go on, false to cancel what has not been sent (those calls complete, too). */
typedef bool pm_call_done_fn(void *arg, struct pm_call *c);

struct pm_transport_ops {
	/** Runs n calls; returns when each has an answer or an error. Thread-safe. `done` and `cancel` may
	 * be NULL. */
	void (*batch)(struct pm_transport *t, struct pm_call *const *v, size_t n,
		pm_call_done_fn *done, void *arg, struct pm_cancel *cancel);
	void (*free)(struct pm_transport *t);
};
struct pm_transport {
	const struct pm_transport_ops *ops;
};

struct pm_net_opts {
	const struct pm_clock *clock; /* NULL: the system's */
	unsigned requests_per_second; /* over all hosts; 0: no limit */
};

/** A token bucket: a token comes back one window after it was taken, so no window, wherever it begins, sees
 * more than `most` (0: no limit; at most a million). Thread-safe. Owner: the caller. `clock` NULL: the
 * system's. */
struct pm_bucket;
struct pm_bucket *pm_bucket_new(
	unsigned most, uint64_t window_ms, const struct pm_clock *clock) PM_CHECK;
void pm_bucket_free(struct pm_bucket *b); /* NULL is fine */
/** Takes one if there is one; else false, and *ret_wait_ms (may be NULL) says when there will be. */
bool pm_bucket_try(struct pm_bucket *b, uint64_t *ret_wait_ms) PM_CHECK;
void pm_bucket_reset(struct pm_bucket *b); /* full again */

/** Numbers since the start, for -v, metrics and tests. */
/** What became of the requests to one host. */
struct pm_net_tally {
	char host[64];       /* its name; "other": those for which there was no room */
	uint64_t answers[6]; /* by the first digit of the status; 0: no answer */
};
#define PM_NET_TALLIES 17

struct pm_net_stats {
	uint64_t requests;                        /* handed to the network */
	uint64_t connections;                     /* opened */
	uint64_t handshakes_resumed;              /* of those over TLS */
	uint64_t bytes_in;                        /* of answers: headers and bodies */
	uint64_t failed;                          /* requests without an answer */
	struct pm_net_tally host[PM_NET_TALLIES]; /* in the order they were first asked */
	unsigned nhosts;
};

/** Starts the I/O thread. `o` may be NULL. Owner of *ret: the caller (pm_transport_free). */
int pm_io_start(
	const struct pm_net_opts *o, struct pm_transport **ret, struct pm_error *err) PM_CHECK;

/** `transport` comes from pm_io_start. What a finished batch did is counted when it returns. */
void pm_io_stats(struct pm_transport *transport, struct pm_net_stats *ret);

/** Ends and joins the thread. NULL is fine. Nobody may be inside a call. */
void pm_transport_free(struct pm_transport *t);

/** A wrapper that lets nothing but GET (and the login, POST of a path ending in /access/ticket) through:
 * the dry run. Any other call completes with PM_E_REFUSED. Frees `inner` when it is freed. */
struct pm_transport *pm_transport_readonly(struct pm_transport *inner) PM_CHECK;

/** One call. 0 when an answer came (any status), else -code with *err filled from c->err. */
int pm_net_request(struct pm_transport *t, struct pm_call *c, struct pm_cancel *cancel,
	struct pm_error *err) PM_CHECK;
void pm_net_batch(struct pm_transport *t, struct pm_call *const *v, size_t n, pm_call_done_fn *done,
	void *arg, struct pm_cancel *cancel);

/** Appends "key=value" to a form or query, '&' before it when something is there; everything outside
 * [A-Za-z0-9_.~-] is percent-encoded. The n form takes NUL bytes. */
void pm_form_add(struct pm_buf *b, const char *key, const char *value);
void pm_form_addn(struct pm_buf *b, const char *key, const char *value, size_t n);
void pm_form_escape(struct pm_buf *b, const char *value, size_t n);

/** What a host shows before anybody says who he is, for doctor. */
struct pm_probe {
	char fingerprint[96]; /* of its certificate: AB:CD:...; "" none was seen */
	int64_t until_s;      /* its end in Unix seconds; 0: not known */
	int64_t date_s;       /* the host's clock as its answer has it; 0: not known */
	int status;           /* of the answer */
	unsigned took_ms;
};

/** One GET without any secret on a connection of its own, by the same rules of trust as every call. 0 when
 * an answer came, whatever its status; else -code, and *ret holds what was seen until then. */
int pm_net_probe(const struct pm_host *h, const char *path, struct pm_cancel *cancel,
	struct pm_probe *ret, struct pm_error *err) PM_CHECK;

#endif
