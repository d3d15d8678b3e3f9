/* What the tests of this room share: a server with a transport and a host for it, and single calls. */
#ifndef PM_TEST_NET_TEST_H
#define PM_TEST_NET_TEST_H

#include <pthread.h>

#include "net/net.h"
#include "pm_test.h"
#include "server.h"

struct net {
	struct server *server; /* NULL: none */
	struct pm_transport *t;
	struct pm_host host;
	const char *fingerprints[1];
};

/** Starts a server (opts NULL: plain HTTP) and a transport; TLS is trusted by the test's CA. */
void net_start(struct net *n, const struct server_opts *opts);
void net_stop(struct net *n);

/** One call of no more than 10 s. The caller frees it with pm_call_done. */
int net_ask(struct net *n, struct pm_call *c, const char *method, const char *path,
	struct pm_error *err) PM_CHECK;

/** The answer must come, with that status; it is thrown away. */
void net_expect(struct net *n, const char *path, int status);

/** Many GETs of one path in one batch; each must be answered with 200. */
void net_many(struct net *n, const char *path, size_t count);

/** A batch in a thread of its own. */
struct net_batch {
	struct net *net;
	struct pm_call *calls;
	struct pm_call **v;
	size_t n;
	struct pm_cancel *cancel;
	pthread_t thread;
	size_t seen, stop_at; /* completed; the callback says stop after so many */
};

/** n calls of one kind; the test may change them before it starts. */
void net_batch_new(
	struct net_batch *b, struct net *net, const char *method, const char *path, size_t n);

/** Runs it here, or in its thread until net_batch_join. */
void net_batch_run(struct net_batch *b);
void net_batch_start(struct net_batch *b);
void net_batch_join(struct net_batch *b);

/** How many ended so? */
size_t net_batch_count(const struct net_batch *b, enum pm_code code);
void net_batch_end(struct net_batch *b);

#endif
