/* A small web server inside the test: threads, loopback, HTTP or TLS. What it does with a request is in
 * the path:
 *
 *	/ok...             200 {"data":1}
 *	/echo              200 and "METHOD body"
 *	/status/N/reason   status N, '+' in the reason are blanks; Retry-After: 7
 *	/nolength/N        status N without a length or a body, then the connection ends without a goodbye
 *	/hold              200, once server_release() was called
 *	/silent            never answers
 *	/die               ends the connection without an answer
 *	/die-when-reused   the same when the connection was used before, else 200
 *	/cut               the head and a part of the body, then the end
 *	/cut-bare          a head without a length, then the end
 *	/rubbish           no HTTP
 *	/huge, /endless    100 MiB, with and without saying so before
 *	/big/N             200 and N bytes of body
 *	/file/keep         takes a body of any size, see server_body()
 *	/file/held         the same after server_release()
 *	/file/slow         the same; the clock of the options goes on with each 64 KiB
 *	/file/refuse       403 after the head, and the end
 *	/file/stop         reads nothing after the head */
#ifndef PM_TEST_NET_SERVER_H
#define PM_TEST_NET_SERVER_H

#include <stdbool.h>

#include "base/buf.h"
#include "pm_test.h"

struct server;

struct server_opts {
	bool tls;
	bool other_name;         /* the certificate names another host */
	unsigned per_connection; /* requests, then it is closed; 0: no limit */
	unsigned retry_after_s;  /* 0: 7 */
	int receive_buffer;      /* 0: the system's */
	struct pm_test_clock *clock;
	uint64_t tick_ns;
};

/** Facts so far. */
struct server_facts {
	unsigned connections; /* accepted */
	unsigned handshakes;  /* of TLS that succeeded */
	unsigned resumed;     /* of those */
	unsigned requests;
	unsigned most_reads, most_writes; /* at the same time */
};

struct server *server_start(const struct server_opts *o);
void server_stop(struct server *s);

const char *server_url(const struct server *s);
const char *server_ca(const struct server *s);          /* file */
const char *server_fingerprint(const struct server *s); /* as openssl prints it */

void server_facts(struct server *s, struct server_facts *ret);

/** Requests for exactly that path so far; NULL: for any. */
unsigned server_count(struct server *s, const char *path);

/** How many requests came in before the first one for that path; that must have come. */
unsigned server_place(struct server *s, const char *path);

/** The last file: the head of its request, and its body. Nothing may be under way. */
const char *server_head(const struct server *s);
const struct pm_buf *server_body(const struct server *s);

/** How many came in whole. */
unsigned server_files(struct server *s);

/** Waits until so many requests have come in. */
void server_wait(struct server *s, unsigned requests);

/** Lets everything at /hold go, now and later. */
void server_release(struct server *s);

/** A port on loopback where nobody listens. */
unsigned server_dead_port(void);

/** One where nobody ever answers, as with a host that is switched off: its queue is full. */
unsigned server_silent_port(void);

#endif
