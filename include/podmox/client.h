/* The client: one cluster, any number of hosts, failover, login, retries, cache, rate limit. Thread-safe. */
#ifndef PODMOX_CLIENT_H
#define PODMOX_CLIENT_H

#include <podmox/error.h>
#include <podmox/value.h>

PODMOX_BEGIN

typedef struct podmox_client podmox_client;

/** How to reach a cluster and who we are there. Set what you need; zero means the default. Everything is
 * copied; secrets into locked memory. Either username and password, or tokenId and secret. */
typedef struct podmox_client_options {
	size_t size;              /* of this structure */
	const char *const *hosts; /* "pve1.lan", "10.0.0.1:8006", "[fd00::1]" */
	size_t nhosts;
	unsigned port;        /* of hosts that name none; 0: 8006 */
	const char *username; /* "root", or "root@pam" */
	const char *password;
	const char *realm;        /* NULL: "pam" */
	const char *token_id;     /* "user@realm!name" */
	const char *token_secret; /* a UUID */
	const char *ca_file;      /* NULL: the system's CAs */
	const char *const *
		fingerprints; /* SHA-256 of certificates; hosts that have none of them are not spoken to */
	size_t nfingerprints;
	int insecure;                 /* 1: certificates are not checked */
	unsigned timeout_s;           /* for one answer; 0: 30 */
	unsigned reads_in_flight;     /* for each host; 0: 6 */
	unsigned writes_in_flight;    /* for each host; 0: 2 */
	unsigned requests_per_second; /* over all hosts; 0: no limit */
	int no_cache;                 /* 1: every read goes to the cluster */
	const char *const
		*allow; /* operations that are allowed ("create", "start", ...); NULL: all */
	size_t nallow;
	const char *audit_file; /* every write is recorded there; NULL: nowhere */
} podmox_client_options;

#define PODMOX_CLIENT_OPTIONS_INIT                                                             \
	{                                                                                      \
		sizeof(podmox_client_options), NULL, 0, 0, NULL, NULL, NULL, NULL, NULL, NULL, \
			NULL, 0, 0, 0, 0, 0, 0, 0, NULL, 0, NULL                               \
	}

/** A parameter of a call: name=value. Lists of parameters end with { NULL, NULL }, and may be NULL. */
typedef struct podmox_param {
	const char *name;
	const char *value;
} podmox_param;

/** Prepares a client; nothing is sent yet. PODMOX_E_USAGE, PODMOX_E_INPUT, PODMOX_E_IO.
 * *ret: podmox_client_close. */
PODMOX_API int podmox_client_open(
	const podmox_client_options *options, podmox_client **ret, podmox_error **err);

/** The same from a podmox.yaml; file NULL: where the program looks for it. Audit log and allow list as
 * the file says. */
PODMOX_API int podmox_client_open_file(const char *file, podmox_client **ret, podmox_error **err);

/** Ends it. No other thread may be inside a call. NULL is fine. */
PODMOX_API void podmox_client_close(podmox_client *c);

/** Logs in now, or proves the token, instead of with the first call. *ret (may be NULL): the account's
 * privileges by path. PODMOX_E_AUTH, PODMOX_E_UNREACHABLE. */
PODMOX_API int podmox_client_authenticate(podmox_client *c, podmox_value **ret, podmox_error **err);

/** Every call under way and every later one ends with PODMOX_E_CANCELLED. Safe in a signal handler. */
PODMOX_API void podmox_client_cancel(podmox_client *c);

/** Any call of the API. `path` starts below /api2/json: "/version". *ret (may be NULL) is the answer's
 * `data`. A write is checked against the allow list (operation "api") and recorded. */
PODMOX_API int podmox_client_get(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err);
PODMOX_API int podmox_client_post(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err);
PODMOX_API int podmox_client_put(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err);
PODMOX_API int podmox_client_delete(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err);

/** Forgets cached answers whose path starts so; "" all. */
PODMOX_API void podmox_client_cache_drop(podmox_client *c, const char *path_prefix);

/** Numbers since the client was opened. */
typedef struct podmox_client_stats {
	size_t size; /* of this structure: set it before the call */
	uint64_t requests, connections, failed;
	uint64_t cache_hits, cache_misses;
	uint64_t logins, failovers;
} podmox_client_stats;
PODMOX_API void podmox_client_get_stats(podmox_client *c, podmox_client_stats *ret);

/** Hosts, configured and learnt, and how they are: a list of objects with host, node, learnt, trusted,
 * circuit (closed, open, half-open), failures. Sends nothing. */
PODMOX_API int podmox_client_hosts(podmox_client *c, podmox_value **ret, podmox_error **err);

/* ---- the cluster ---- */

/** /cluster/resources; parameter: type. A list. */
PODMOX_API int podmox_cluster_resources(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err);
/** /cluster/status: quorum and nodes. A list. */
PODMOX_API int podmox_cluster_status(podmox_client *c, podmox_value **ret, podmox_error **err);
/** A free VMID. */
PODMOX_API int podmox_cluster_nextid(podmox_client *c, unsigned *ret, podmox_error **err);
/** Version of the host that answers. An object. */
PODMOX_API int podmox_cluster_version(podmox_client *c, podmox_value **ret, podmox_error **err);
/** Privileges by path; parameters: path, userid. An object. */
PODMOX_API int podmox_cluster_permissions(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err);

/** Pools; parameter of list: poolid; of create: comment; of set: comment, vms, storage, delete, allow-move. */
PODMOX_API int podmox_pool_list(
	podmox_client *c, const podmox_param *params, podmox_value **ret, podmox_error **err);
PODMOX_API int podmox_pool_create(
	podmox_client *c, const char *poolid, const podmox_param *params, podmox_error **err);
PODMOX_API int podmox_pool_set(
	podmox_client *c, const char *poolid, const podmox_param *params, podmox_error **err);
PODMOX_API int podmox_pool_delete(podmox_client *c, const char *poolid, podmox_error **err);

PODMOX_END

#endif
