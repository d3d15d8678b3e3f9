/* Many GETs at once: the hot path of reading a cluster. Calls go out in windows, so that their memory
 * does not grow with the cluster. Answers are handed on as they arrive. When a host or a node goes away
 * in the middle, what has not been sent is called back and sent elsewhere, or not at all. */
#include <stdlib.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "pve/pve_priv.h"

#define WINDOW      2048 /* calls in one batch */
#define STRIKES     3    /* bad answers for a node, one after the other, before it is given up */
#define TRIES       3    /* of one call */
#define RATE_TRIES  20   /* the same, where something limits the rate */
#define PATIENCE_MS 10000
#define NODES_MOST  256 /* nodes told apart; the rest are asked through any host */

enum state { WAITING, SENT, FINISHED };

/* One call of the window. */
struct item {
	struct pm_call call; /* first: the answer leads back to the item */
	size_t index;        /* in f->v */
	uint8_t state, tries, node;
};

struct node {
	const char *name;
	unsigned strikes;
	bool dead;
	struct pm_error why;
};

struct fetch {
	struct pm_pve *p;
	struct pm_job *j;
	const struct pm_fetch *f;
	struct pm_lease lease;
	struct item *item;
	size_t n; /* items in the window */
	struct pm_call **batch;
	struct node *node;
	unsigned nnodes;
	struct pm_probes probes;  /* of this round */
	uint8_t host[NODES_MOST]; /* of each node, in this round */
	unsigned host_strikes[MOST_HOSTS];
	uint64_t now_ns;
	bool refused;           /* a 401: a new ticket is needed */
	bool fatal;             /* nothing more is to be sent */
	struct pm_error err;    /* of fatal */
	struct pm_error worst;  /* of this round, for the pause before the next one */
	unsigned rounds, heard; /* of this round: calls that ended by themselves */
	bool progress;          /* of this round: a good answer came */
};

static uint8_t node_index(struct fetch *x, const char *name)
{
	unsigned i;

	if (!name)
		name = "";
	for (i = 0; i < x->nnodes; i++) {
		if (x->node[i].name == name || strcmp(x->node[i].name, name) == 0)
			return (uint8_t)i;
	}
	if (x->nnodes == NODES_MOST)
		return 0;
	x->node[x->nnodes++].name = name;
	return (uint8_t)i;
}

/* Which host is which node, and hosts that we did not know. */
static void learn(struct fetch *x, const struct pm_call *c)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	struct pm_error ignored;

	if (pm_json_parse(c->body_in.p, c->body_in.len, &root, &ignored) == 0)
		pm_hosts_take_status(&x->p->hosts, c->host, pm_json_get(root, "data"));
}

static void finish(struct fetch *x, struct item *it, const struct pm_error *err)
{
	it->state = FINISHED;
	if (err->code == PM_OK && strcmp(x->f->v[it->index].path, API "/cluster/status") == 0)
		learn(x, &it->call);
	x->f->got(x->f->arg, it->index, &it->call, err);
	pm_call_done(&it->call);
}

/* The call may be made again; false: it has been made often enough. */
static bool again(struct fetch *x, struct item *it, const struct pm_error *err, unsigned most)
{
	if (++it->tries >= most)
		return false;
	it->state = WAITING;
	pm_call_done(&it->call);
	x->worst = *err;
	return true;
}

static void strike_node(struct node *n, const struct pm_error *err)
{
	n->strikes++;
	if (n->strikes >= STRIKES && n->name[0] != '\0') {
		n->dead = true;
		n->why = *err;
	}
}

/* An answer came. Returns false when what has not been sent is to be called back. */
static bool answered(struct fetch *x, struct item *it)
{
	static const struct pm_error fine = { .code = PM_OK };
	struct pm_call *c = &it->call;
	struct node *n = &x->node[it->node];
	struct pm_error err;

	if (c->status < 300) {
		pm_session_worked(&x->lease);
		n->strikes = 0;
		x->progress = true;
		x->host_strikes[c->host - x->p->hosts.v] = 0;
		finish(x, it, &fine);
		return true;
	}
	if (c->status < 400)
		(void)pm_pve_strange(c, &err);
	else
		(void)pm_pve_error(c, &err);
	if (c->status == 401) {
		if (!x->refused && !pm_session_refused(x->p, &x->lease, &err)) {
			x->fatal = true;
			x->err = err;
		}
		x->refused = true;
		it->state = WAITING;
		pm_call_done(c);
		return false;
	}
	pm_session_worked(&x->lease);
	if (pm_pve_host_trouble(c)) {
		if (!again(x, it, &err, RATE_TRIES))
			finish(x, it, &err);
		return false;
	}
	if (!pm_pve_is_hop(c->status)) {
		if (!pm_code_retryable(err.code) || !again(x, it, &err, TRIES))
			finish(x, it, &err);
		return true;
	}
	strike_node(n, &err);
	if (n->dead || !again(x, it, &err, TRIES))
		finish(x, it, &err);
	return !n->dead;
}

/* No answer came. */
static bool failed(struct fetch *x, struct item *it)
{
	struct pm_call *c = &it->call;
	unsigned host = (unsigned)(c->host - x->p->hosts.v);
	struct pm_error err = c->err;
	unsigned most;
	bool gone;

	if (err.code == PM_E_CANCELLED) {
		pm_hosts_spared(&x->p->hosts, c->host);
		x->heard--;
		it->state = WAITING;
		pm_call_done(c);
		return false;
	}
	/* One lost connection is an accident; a host that does not let us in, or says nothing, is away. */
	gone = !err.maybe_sent || err.code == PM_E_TIMEOUT || ++x->host_strikes[host] >= STRIKES;
	if (gone) {
		pm_hosts_told(&x->p->hosts, c, false, pm_mono_ns(x->p->clock));
		atomic_fetch_add(&x->p->failovers, 1);
	} else {
		pm_hosts_spared(&x->p->hosts, c->host);
	}
	/* A certificate we do not trust does not get better; another host may have another. */
	most = pm_code_retryable(err.code) ? TRIES + x->p->hosts.n - 1 : x->p->hosts.n;
	if (err.code == PM_E_LIMIT || !again(x, it, &err, most))
		finish(x, it, &err);
	return !gone;
}

/* A host came back, or is new: what has not been sent is dealt out anew. */
static bool probed(struct fetch *x, struct pm_call *c)
{
	bool back = c->err.code == PM_OK;

	pm_probe_told(x->p, c);
	x->heard += back;
	return !back;
}

static bool on_done(void *arg, struct pm_call *c)
{
	struct fetch *x = arg;
	struct item *it = (struct item *)c;

	if (c->user)
		return probed(x, c) && !x->fatal;
	if (it->state != SENT)
		return !x->fatal;
	x->heard++;
	if (c->err.code != PM_OK)
		return failed(x, it) && !x->fatal;
	pm_hosts_told(&x->p->hosts, c, false, pm_mono_ns(x->p->clock));
	return answered(x, it) && !x->fatal;
}

/* Chooses the host of each node for a round. */
static void choose_hosts(struct fetch *x)
{
	uint8_t order[MOST_HOSTS] = { 0 };

	x->now_ns = pm_mono_ns(x->p->clock);
	for (unsigned i = 0; i < x->nnodes; i++) {
		const char *name = x->node[i].name;

		(void)pm_hosts_order(&x->p->hosts, *name ? name : NULL, x->now_ns, order);
		x->host[i] = order[0];
	}
}

static void prepare(struct fetch *x, struct item *it)
{
	it->state = SENT;
	it->call.host = &x->p->hosts.v[x->host[it->node]];
	it->call.method = "GET";
	it->call.path = x->f->v[it->index].path;
	it->call.headers = x->lease.read;
	it->call.timeout_ms = x->p->timeout_ms;
	/* What is read in numbers is read fast; one that is not may be asked of somebody else. */
	if (it->tries == 0 && atomic_load(&x->p->hosts.n) > 1 && x->p->timeout_ms > PATIENCE_MS)
		it->call.timeout_ms = PATIENCE_MS;
	it->call.idempotent = true;
	pm_hosts_asked(&x->p->hosts, it->call.host, x->now_ns);
}

/* Sends what waits, and beside it probes to hosts that may be back. */
static void send_round(struct fetch *x)
{
	size_t n, probes;

	choose_hosts(x);
	memset(x->host_strikes, 0, sizeof(x->host_strikes));
	pm_probes_init(&x->probes, x->p);
	for (n = 0; n < x->probes.n; n++)
		x->batch[n] = &x->probes.v[n];
	probes = n;
	for (size_t i = 0; i < x->n; i++) {
		struct item *it = &x->item[i];

		if (it->state != WAITING)
			continue;
		if (x->node[it->node].dead) {
			finish(x, it, &x->node[it->node].why);
			continue;
		}
		prepare(x, it);
		x->batch[n++] = &it->call;
	}
	if (n > probes)
		pm_net_batch(x->p->transport, x->batch, n, on_done, x, x->j->cancel);
	pm_probes_done(&x->probes, x->p);
}

static bool all_done(struct fetch *x)
{
	bool done = true;

	for (size_t i = 0; i < x->n; i++) {
		struct item *it = &x->item[i];

		/* Not told of: the transport was called off before it. */
		if (it->state == SENT) {
			pm_hosts_spared(&x->p->hosts, it->call.host);
			it->state = WAITING;
		}
		done &= it->state == FINISHED;
	}
	return done;
}

static int one_round(struct fetch *x, struct pm_error *err)
{
	int r;

	x->refused = false;
	x->heard = 0;
	x->progress = false;
	x->worst.code = PM_OK;
	r = pm_pve_rest(x->p, x->j, err);
	if (r == 0)
		r = pm_session_take(x->p, x->j, &x->lease, err);
	if (r < 0)
		return r;
	send_round(x);
	pm_session_give(x->p, &x->lease);
	if (x->fatal) {
		(void)all_done(x);
		*err = x->err;
		return -(int)err->code;
	}
	return 0;
}

/* Round after round until every item of the window has its answer. */
static int run_window(struct fetch *x, struct pm_error *err)
{
	x->rounds = 0;
	for (;;) {
		int r = one_round(x, err);
		int64_t ms;

		if (r < 0)
			return r;
		if (pm_cancelled(x->j->cancel, x->p->clock))
			return pm_error_set(
				err, PM_E_CANCELLED, "cancelled while reading the cluster");
		if (all_done(x))
			return 0;
		if (x->heard == 0)
			return pm_error_set(err, PM_E_CANCELLED, "nothing is sent any more");
		/* Another host or a new ticket needs no pause; trouble that comes back does. */
		x->rounds = x->progress ? 1 : x->rounds + 1;
		if (x->worst.code == PM_OK || (x->rounds == 1 && x->worst.http_status == 0))
			continue;
		ms = pm_pve_delay_ms(x->p, x->rounds, 64, true, &x->worst);
		r = pm_pve_wait_ms(x->p, x->j, ms > 0 ? ms : 0, err);
		if (r < 0)
			return r;
	}
}

/* The order in which calls go out: nodes take turns. Else the last calls of a window could all be for one
 * node, while the others have nothing to do. Owner: the caller. */
static size_t *take_turns(struct fetch *x)
{
	size_t n = x->f->n;
	size_t *order = pm_xcalloc(n + 1, sizeof(*order));
	cleanup_free size_t *turn = pm_xcalloc(n + 1, sizeof(*turn));
	cleanup_free size_t *start = pm_xcalloc(n + 2, sizeof(*start));
	size_t turns[NODES_MOST] = { 0 };

	for (size_t i = 0; i < n; i++) {
		turn[i] = turns[node_index(x, x->f->v[i].node)]++;
		start[turn[i] + 1]++;
	}
	for (size_t i = 0; i < n; i++)
		start[i + 1] += start[i];
	for (size_t i = 0; i < n; i++)
		order[start[turn[i]]++] = i;
	return order;
}

static void fill_window(struct fetch *x, const size_t *order, size_t from)
{
	x->n = x->f->n - from < WINDOW ? x->f->n - from : WINDOW;
	memset(x->item, 0, x->n * sizeof(*x->item));
	for (size_t i = 0; i < x->n; i++) {
		x->item[i].index = order[from + i];
		x->item[i].node = node_index(x, x->f->v[order[from + i]].node);
	}
}

int pm_pve_fetch(struct pm_pve *p, struct pm_job *j, const struct pm_fetch *f, struct pm_error *err)
{
	size_t most = f->n < WINDOW ? f->n : WINDOW;
	cleanup_free struct item *item = pm_xcalloc(most + 1, sizeof(*item));
	cleanup_free struct pm_call **batch = pm_xcalloc(most + MOST_HOSTS, sizeof(*batch));
	cleanup_free struct node *node = pm_xcalloc(NODES_MOST, sizeof(*node));
	cleanup_free struct fetch *x = pm_xcalloc(1, sizeof(*x));
	cleanup_free size_t *order = NULL;
	int r = 0;

	*x = (struct fetch){ .p = p, .j = j, .f = f, .item = item, .batch = batch, .node = node };
	(void)node_index(x, NULL); /* entry 0: any host */
	order = take_turns(x);
	for (size_t from = 0; from < f->n && r == 0; from += WINDOW) {
		fill_window(x, order, from);
		r = run_window(x, err);
	}
	for (size_t i = 0; i < x->n; i++)
		pm_call_done(&item[i].call);
	return r;
}
