/* Inside of the room: the hosts of a cluster, configured and learnt, and how they are. */
#ifndef PM_PVE_HOSTS_PRIV_H
#define PM_PVE_HOSTS_PRIV_H

#include <pthread.h>

#include "base/random.h"
#include "pve/pve.h"

#define NODE_MAX   64
#define MOST_HOSTS 64

struct json_object;

/** A call that may be given up and made elsewhere when its host falls silent. `cancel` is what it runs
 * under, below the caller's own. */
struct pm_waiter {
	struct pm_waiter *next;
	struct pm_cancel cancel;
	bool given_up;
};

/** What is known about a host beyond its address. */
struct pm_health {
	char node[NODE_MAX]; /* the node it is; "" unknown */
	bool learnt;
	bool proven;     /* it has answered once */
	bool distrusted; /* its certificate is not trusted; one that was learnt is dropped then */
	enum pm_circuit circuit;
	unsigned failures; /* one after the other */
	unsigned waiting;  /* requests that have no answer yet */
	uint64_t retry_ns; /* when it may be probed (again) */
	struct pm_waiter *waiters;
	uint64_t rest_ns;  /* it asked to be left alone until then */
	uint64_t heard_ns; /* when it answered last, or began to owe an answer */
};

/** One mutex guards what changes. A host never moves and never goes: pointers to it stay good. */
struct pm_hosts {
	pthread_mutex_t lock;
	atomic_uint n;                /* the first n of v are constant */
	struct pm_host v[MOST_HOSTS]; /* the configured ones first */
	struct pm_health health[MOST_HOSTS];
	struct pm_arena *arena; /* texts of v */
	struct pm_random rnd;
	bool open;
};

/** Builds hosts from the cluster's record. */
int pm_hosts_open(struct pm_hosts *h, const struct pm_pve_opts *o, struct pm_error *err) PM_CHECK;
void pm_hosts_done(struct pm_hosts *h);

/** In which order to ask, for the node or (NULL) for anything: the node's own host first, then the others,
 * each node beginning at another one; those that owe an answer, are not proven, fail or are not trusted
 * come last, in this order. Hosts that asked to be left alone are not in it. Returns how many. */
unsigned pm_hosts_order(
	struct pm_hosts *h, const char *node, uint64_t now_ns, uint8_t order[MOST_HOSTS]);

/** Which hosts the caller is to probe now, because they failed or are new and their time has come, or owe an
 * answer for too long; nobody else is told so for a while. None where no host is well: then calls themselves find out. */
unsigned pm_hosts_due(struct pm_hosts *h, uint64_t now_ns, uint8_t due[MOST_HOSTS]);

/** Nanoseconds until a host may be asked, when all that could answer want to be left alone; else 0. */
uint64_t pm_hosts_rest_ns(struct pm_hosts *h, uint64_t now_ns);

/** Each request is announced and ends with one of the other two. */
void pm_hosts_asked(struct pm_hosts *h, const struct pm_host *host, uint64_t now_ns);
/** The call is over, and what came of it tells how its host is. `probe`: nothing but a probe. */
void pm_hosts_told(struct pm_hosts *h, const struct pm_call *c, bool probe, uint64_t now_ns);
/** While a call is under way: when a probe finds that its host says nothing, it is given up. */
void pm_hosts_wait(struct pm_hosts *h, const struct pm_host *host, struct pm_waiter *w);
/** Takes it off; true: it was given up. */
bool pm_hosts_waited(struct pm_hosts *h, const struct pm_host *host, struct pm_waiter *w);
/** The call is over, and its host is not to blame. */
void pm_hosts_spared(struct pm_hosts *h, const struct pm_host *host);

/** A host is that node: by its name, its address, or because it said so itself (`self`). */
void pm_hosts_learn(
	struct pm_hosts *h, const char *node, const char *ip, const struct pm_host *self);

/** The rows of /cluster/status, as `told` gave them: which host is which node, and nodes that no host of
 * ours is yet. */
void pm_hosts_take_status(struct pm_hosts *h, const struct pm_host *told, struct json_object *rows);

/** "pve1.lan:8006" and the like as a URL; -PM_E_INPUT. */
int pm_host_url(
	struct pm_arena *a, const char *text, const char **ret, struct pm_error *err) PM_CHECK;

/** Calls that probe hosts, to be sent beside a call of the caller's. Their `user` is not NULL until somebody
 * took note of what came of them. */
struct pm_probes {
	unsigned n;
	struct pm_call *v;
};
void pm_probes_init(struct pm_probes *x, struct pm_pve *p);
void pm_probe_told(struct pm_pve *p, struct pm_call *c);
/** Takes note of the others, too. */
void pm_probes_done(struct pm_probes *x, struct pm_pve *p);

#endif
