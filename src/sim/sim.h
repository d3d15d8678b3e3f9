/* podmox-sim: a PVE API as the recordings show it, without a cluster.
 *
 * Owns: the state of a pretended cluster (nodes, storages, guests, tasks, users) and the rules by which
 * PVE answers requests about it. Stores the strings it was sent; knows nothing of podmox's model.
 * Never: opens a socket, starts a thread, sleeps (http.c, which only the program links, does the first).
 * Threads: a struct pm_sim belongs to one thread at a time. Time comes from the clock given: nothing
 * happens on its own, every call first does what became due since the last one.
 *
 * Two ways to ask: pm_sim_request() never waits and says when to ask again; pm_sim_call() waits on the
 * clock (a test's clock simply jumps) until the answer is there. */
#ifndef PM_SIM_SIM_H
#define PM_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/error.h"

struct pm_sim;

/** How the cluster is and behaves. Zero is a default everywhere. Strings are borrowed by pm_sim_new(). */
struct pm_sim_options {
	const struct pm_clock *clock; /* NULL: the system's */
	unsigned nodes;               /* pve1, pve2, ...; default 1, at most 16 */
	const char *password;         /* of root@pam; default "podmox-sim" */
	const char *token_secret;     /* of root@pam!sim; default: made up */
	const char *schema;           /* file with PVE's API description: verify every parameter */
	const char *state;            /* file: read when it is there, written by pm_sim_save() */
	uint64_t seed;                /* 0: the system's chance */
	unsigned seed_guests;         /* containers to start with */
	const char *seed_manifests;   /* folder for one manifest a seeded guest */
	int64_t task_ms;    /* how long a task takes; default 200, negative: no time at all */
	int64_t latency_us; /* service time of a request */
	unsigned
		workers; /* requests served at a time per node when there is a latency; default 3 */
	int64_t stats_lag_ms; /* statistics are collected so often; default 10000, negative: always fresh */
	bool no_401_delay;       /* a 401 comes at once, not after 3 s */
	const char *down;        /* names of nodes that are gone from the start: "pve2,pve3" */
	const char *const *fail; /* rules "METHOD PATH:KIND[:N|@N]" */
	size_t nfail;
};

/** One request. Texts are borrowed; NULL means "not there". */
struct pm_sim_request {
	const char *method;
	const char *target; /* path and query as on the request line: "/api2/json/nodes?type=vm" */
	const char *body;
	size_t nbody;
	const char *content_type;
	const char *cookie, *authorization, *csrf; /* headers */
	bool gzip;                                 /* the client takes gzip */
	uint64_t first_ns; /* 0; the simulator notes here when it saw the request first */
};

/** What is to be done with an answer besides sending it: an injected fault. */
enum pm_sim_fault {
	PM_SIM_ANSWER,  /* none: send it */
	PM_SIM_REFUSED, /* nothing was done: as if the connection had been refused */
	PM_SIM_CUT,     /* done; the answer breaks off after the headers */
	PM_SIM_TIMEOUT, /* nothing was done; there is no answer, the connection stays open */
	PM_SIM_LOST,    /* done; the connection is reset without an answer */
	PM_SIM_SILENT,  /* the connection closes in good order without an answer */
};

struct pm_sim_blob;

/** One answer. Release with pm_sim_reply_done(). */
struct pm_sim_reply {
	int status;
	char reason[1024];
	const char *body; /* nbody bytes, NUL-terminated */
	size_t nbody;
	const char *content_type; /* NULL: none */
	char disposition[200];    /* Content-Disposition; "": none */
	bool gzip;                /* the body is compressed */
	bool relayed;             /* went through pvedaemon: two Connection headers */
	bool no_length;           /* no Content-Length */
	bool close;               /* the connection ends after it */
	bool again;               /* not an answer: ask again after delay_ns */
	uint64_t delay_ns;        /* the answer is to be sent that much later */
	unsigned retry_after_s;   /* Retry-After; 0: none */
	enum pm_sim_fault fault;
	char fault_rule[64];      /* what injected it; "" when nothing did */
	struct pm_sim_blob *blob; /* owner of the body */
};

/** Makes a cluster. 0, or an error of the options, the schema or the state file. */
int pm_sim_new(struct pm_sim **ret, const struct pm_sim_options *o, struct pm_error *err) PM_CHECK;
void pm_sim_free(struct pm_sim *s); /* NULL is fine */

/** Answers, or says when to ask again. `node` counts from 0: who is asked. */
void pm_sim_request(
	struct pm_sim *s, unsigned node, struct pm_sim_request *q, struct pm_sim_reply *r);

/** Answers; waits on the clock for locks, delays and workers. */
void pm_sim_call(struct pm_sim *s, unsigned node, struct pm_sim_request *q, struct pm_sim_reply *r);

void pm_sim_reply_done(struct pm_sim_reply *r);

/** Keeps the body beyond pm_sim_reply_done(): one pm_sim_blob_put() for each. */
struct pm_sim_blob *pm_sim_blob_get(struct pm_sim_blob *b) PM_CHECK;
void pm_sim_blob_put(struct pm_sim_blob *b);

/** Does what is due; returns nanoseconds until something is again, UINT64_MAX when nothing is. */
uint64_t pm_sim_advance(struct pm_sim *s);

/** One command of the control address ("help" lists them); the answer is one line in `out`.
 * 0 or -PM_E_USAGE. */
int pm_sim_control(struct pm_sim *s, const char *line, char *out, size_t size);

/** Writes the state file when one was given and something changed. */
int pm_sim_save(struct pm_sim *s, struct pm_error *err) PM_CHECK;

/* ---- facts for whoever serves it ---- */
unsigned pm_sim_nodes(const struct pm_sim *s);
const char *pm_sim_node_name(const struct pm_sim *s, unsigned node);

/** What a node's port does. */
enum pm_sim_port {
	PM_SIM_OPEN,
	PM_SIM_CLOSED, /* refuses; the node is gone, or its API was killed */
	PM_SIM_PAUSED, /* takes connections and never answers */
};
enum pm_sim_port pm_sim_node_port(const struct pm_sim *s, unsigned node);

/** Which certificate a node shows. */
enum pm_sim_cert {
	PM_SIM_CERT_RIGHT,
	PM_SIM_CERT_FOREIGN, /* of another authority */
	PM_SIM_CERT_RENEWED, /* of the same authority, with another key: as after its renewal */
	PM_SIM_CERT_EXPIRED,
	PM_SIM_CERT_NAME, /* for another name and address */
};
/** `*change` counts how often it was told to change. */
enum pm_sim_cert pm_sim_node_cert(const struct pm_sim *s, unsigned node, unsigned *change);

int64_t pm_sim_node_wall_ms(const struct pm_sim *s, unsigned node); /* the node's own clock */
const char *pm_sim_password(const struct pm_sim *s);
const char *pm_sim_token_secret(const struct pm_sim *s);

/** "AB:CD:..." of a node's certificate, as the API tells it. Copied. */
void pm_sim_set_fingerprint(struct pm_sim *s, unsigned node, const char *fingerprint);

/** The certificate itself and its authority's, as the API tells them. Copied. */
void pm_sim_set_certificate(struct pm_sim *s, unsigned node, const char *pem, const char *ca_pem);

/** Writes one line of the request log: what was asked, what was answered; passwords masked. */
void pm_sim_log(FILE *out, const struct pm_sim *s, unsigned node, const struct pm_sim_request *q,
	const struct pm_sim_reply *r);

#endif
