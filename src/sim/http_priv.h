/* The program's own: listeners, certificates, options. Nothing of it is in the core. */
#ifndef PM_SIM_HTTP_PRIV_H
#define PM_SIM_HTTP_PRIV_H

#include <openssl/ssl.h>

#include "sim/sim_priv.h"

struct sim_authority {
	X509 *cert;
	EVP_PKEY *key;
};

void pm_s_tls_authority(struct sim_authority *a);
void pm_s_tls_authority_done(struct sim_authority *a);
char *pm_s_tls_pem(const X509 *x) PM_CHECK;
SSL_CTX *pm_s_tls_node(const struct sim_authority *a, const char *name, const char *ip,
	bool expired, char fingerprint[96]) PM_CHECK;

/** What the command line says. */
struct sim_cli {
	struct pm_sim_options o;
	const char *listen; /* "127.0.0.1:8006" */
	const char *log, *control, *config_out;
	bool plain;
	unsigned drop_after; /* answers on a connection before it ends; 0: PVE's 100 */
	PM_VEC(const char *) fail;
};

struct sim_server;
int pm_s_server_new(struct sim_server **ret, struct pm_sim *s, const struct sim_cli *cli,
	struct pm_error *err) PM_CHECK;
/** Prints the line for whoever waits for it, writes the configuration, serves until a signal. */
int pm_s_server_run(struct sim_server *v, struct pm_error *err) PM_CHECK;
void pm_s_server_free(struct sim_server *v);

int pm_s_ctl(int argc, char **argv);

/* ---- within the HTTP face ---- */

struct event_base;
struct evconnlistener;

struct sim_listener {
	struct sim_server *v;
	unsigned node;
	struct evconnlistener *ev;
	SSL_CTX *ctx;
	SSL_CTX *wrong; /* shown instead; NULL: none */
	int fd;         /* bound, but closed to the world; -1: the listener owns it */
	uint16_t port;
	bool paused;
	unsigned cert_change; /* the certificate shown is the one after so many changes */
	char fingerprint[96];
};

struct sim_conn;

struct sim_server {
	struct pm_sim *s;
	const struct sim_cli *cli;
	struct event_base *base;
	struct sim_authority authority,
		foreign; /* the latter signs wrong certificates, once asked for */
	struct sim_listener at[SIM_NODES];
	struct evconnlistener *control;
	struct sim_conn *conns;
	FILE *log;
	char host[64]; /* address of the first node */
	const struct timeval *idle;
	bool failed;
	uint64_t naccepted, nanswered; /* connections and answers so far */
};

void pm_s_conn_accept(struct sim_listener *l, int fd);
void pm_s_conn_free(struct sim_conn *c);
void pm_s_conns_drop(struct sim_server *v, unsigned node); /* as resets */
void pm_s_conns_hold(struct sim_server *v, unsigned node, bool held);
/** Makes listeners, connections and certificates what the cluster says they are. */
int pm_s_server_follow(struct sim_server *v, struct pm_error *err);

#endif
