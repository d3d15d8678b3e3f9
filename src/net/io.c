/* The I/O thread: the only place that waits for the network. It owns the sockets and a curl_multi, a site
 * for each host with two queues, and a few libcurl handles a site. Callers hand over a batch, sleep, and
 * take back what is finished. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch_priv.h"
#include "io_priv.h"
#include "wire_priv.h"

#define PAUSE_MS    1 /* how long the network is quiet before callers wake for less */
#define REST_MS     60000
#define LOOK_MS     50 /* how often the clock is looked at while something is held back */
#define HELD_MOST_S 60 /* a server cannot make us wait longer */

struct io {
	struct pm_transport base;
	const struct pm_clock *clock;
	pthread_t thread;
	struct pm_desk desk;

	/* the thread's */
	struct pm_wire wire;
	CURLSH *share;
	struct pm_sites sites;
	PM_VEC(struct pm_slot *) slots;
	struct pm_bucket *limit; /* NULL: none */
	unsigned pause_ms;       /* until a call that is held back may go; 0: none is */
	unsigned uploads;        /* under way */
	size_t turn;             /* the queue that goes first, so that a limit starves none */
	struct pm_batch *dirty;
	bool news;  /* something finished since the last exchange */
	bool quiet; /* nothing came during the last wait */
	bool owed;  /* somebody asleep has finished calls */

	/* written by the thread alone */
	struct {
		atomic_uint_fast64_t requests, connections, resumed, bytes_in, failed;
		struct tally {
			char host[64]; /* whole before nhosts says so */
			atomic_uint_fast64_t answers[6];
		} host[PM_NET_TALLIES];
		atomic_uint nhosts;
	} stats;
};

/* One thread writes: no need for the bus to be locked. */
static void count(atomic_uint_fast64_t *n, uint64_t more)
{
	atomic_store_explicit(
		n, atomic_load_explicit(n, memory_order_relaxed) + more, memory_order_relaxed);
}

/* The tally of a site; the last one is for all sites that found no other. */
static struct tally *tally_of(struct io *io, struct pm_site *site, const char *name)
{
	unsigned n = atomic_load_explicit(&io->stats.nhosts, memory_order_relaxed), i = 0;

	if (site->tally > 0)
		return &io->stats.host[site->tally - 1];
	if (n + 1 >= PM_NET_TALLIES)
		name = "other";
	while (i < n && strcmp(io->stats.host[i].host, name) != 0)
		i++;
	if (i == n) {
		(void)snprintf(io->stats.host[i].host, sizeof(io->stats.host[i].host), "%s", name);
		atomic_store_explicit(&io->stats.nhosts, n + 1, memory_order_release);
	}
	site->tally = i + 1;
	return &io->stats.host[i];
}

static void count_answer(struct io *io, struct pm_site *site, const struct pm_call *c)
{
	unsigned class = c->err.code == PM_OK && c->status >= 100 && c->status < 600
				 ? (unsigned)c->status / 100
				 : 0;

	count(&tally_of(io, site, c->host->name ? c->host->name : site->url)->answers[class], 1);
}

/* ---- from the queue to the network ---- */

static enum pm_lane lane_of(const struct pm_call *c)
{
	if (c->urgent)
		return PM_PROBES;
	return strcmp(c->method, "GET") == 0 ? PM_READS : PM_WRITES;
}

static void queue_batch(struct io *io, struct pm_batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct pm_call *c = b->v[i];

		if (!b->site || b->host != c->host) {
			b->site = pm_site_of(&io->sites, c->host);
			b->host = c->host;
		}
		c->batch = b;
		pm_queue_push(&b->site->queue[lane_of(c)], c);
	}
}

static void finish(struct io *io, struct pm_call *c)
{
	struct pm_batch *b = c->batch;

	if (c->err.code != PM_OK)
		count(&io->stats.failed, 1);
	pm_batch_add(b, c);
	io->news = true;
	if (!b->dirty) {
		b->dirty = true;
		b->next_dirty = io->dirty;
		io->dirty = b;
	}
}

static struct pm_slot *slot_take(struct io *io, struct pm_site *site)
{
	struct pm_slot *s = site->idle;

	if (s) {
		site->idle = s->next_idle;
		return s;
	}
	s = pm_slot_new(site, io->share, &io->wire);
	pm_vec_push(&io->slots, s); /* NOLINT(bugprone-sizeof-expression): pointers they are */
	return s;
}

static void slot_release(struct io *io, struct pm_slot *s)
{
	io->uploads -= s->call->upload != NULL;
	s->site->queue[s->lane].running--;
	s->call = NULL;
	s->next_idle = s->site->idle;
	s->site->idle = s;
}

static void start_call(struct io *io, struct pm_site *site, enum pm_lane lane)
{
	struct pm_slot *s = slot_take(io, site);
	struct pm_error err;

	s->call = pm_queue_pop(&site->queue[lane]);
	s->lane = lane;
	site->queue[lane].running++;
	io->uploads += s->call->upload != NULL;
	if (pm_slot_begin(s, &err) < 0) {
		pm_call_fail(s->call, &err);
		finish(io, s->call);
		slot_release(io, s);
		return;
	}
	count(&io->stats.requests, 1);
	pm_assert(curl_multi_add_handle(io->wire.multi, s->easy) == CURLM_OK);
}

/* The thread must look again after that time. */
static void hold(struct io *io, uint64_t ms)
{
	unsigned most = LOOK_MS;

	if (io->pause_ms > 0 && io->pause_ms < most)
		most = io->pause_ms;
	io->pause_ms = ms < most ? (unsigned)ms : most;
}

/* Has the server asked us to wait? */
static bool held(struct io *io, struct pm_site *site)
{
	uint64_t now;

	if (site->held_ns == 0)
		return false;
	now = pm_mono_ns(io->clock);
	if (now >= site->held_ns) {
		site->held_ns = 0;
		return false;
	}
	for (int i = 0; i < PM_LANES; i++) {
		if (site->queue[i].first)
			hold(io, (site->held_ns - now) / PM_MS_NS + 1);
	}
	return true;
}

/* Starts what the queues, the hosts and the limiter allow; tells whether anything was. */
static bool start_calls(struct io *io)
{
	size_t n = io->sites.n * PM_LANES;
	bool started = false;

	io->pause_ms = 0;
	for (size_t i = 0; i < n; i++) {
		size_t at = (io->turn + i) % n;
		struct pm_site *site = io->sites.v[at / PM_LANES];
		enum pm_lane lane = at % PM_LANES;
		struct pm_queue *q = &site->queue[lane];

		while (q->first && q->running < q->most && !held(io, site)) {
			uint64_t wait_ms;

			if (io->limit && !pm_bucket_try(io->limit, &wait_ms)) {
				io->turn = at;
				hold(io, wait_ms);
				return started;
			}
			start_call(io, site, lane);
			started = true;
			if (io->limit)
				break;
		}
	}
	return started;
}

/* "429 Too Many Requests", "503 Service Unavailable": the queue of that host waits as it asks. */
static void heed(struct io *io, struct pm_site *site, const struct pm_call *c)
{
	uint64_t s = c->retry_after_s < HELD_MOST_S ? c->retry_after_s : HELD_MOST_S, until;

	if (s == 0 || (c->status != 429 && c->status != 503))
		return;
	until = pm_mono_ns(io->clock) + s * PM_S_NS;
	if (until > site->held_ns)
		site->held_ns = until;
}

static void reap(struct io *io)
{
	CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(io->wire.multi, &left)) != NULL) {
		CURLcode result = m->data.result;
		struct pm_slot *s = NULL;
		long connects = 0;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
		(void)curl_multi_remove_handle(io->wire.multi, s->easy);
		(void)curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
		count(&io->stats.connections, (uint64_t)connects);
		count(&io->stats.resumed, s->resumed);
		count(&io->stats.bytes_in, s->bytes);
		pm_slot_end(s, result);
		heed(io, s->site, s->call);
		count_answer(io, s->site, s->call);
		finish(io, s->call);
		slot_release(io, s);
	}
}

/* ---- cancelling ---- */

static void drop_queued(struct io *io, struct pm_queue *q, const struct pm_batch *b)
{
	struct pm_call *c = pm_queue_drop(q, b), *next;
	struct pm_error err;

	for (; c; c = next) {
		next = c->next;
		(void)pm_error_set(&err, PM_E_CANCELLED, "called off before it was sent");
		pm_call_fail(c, &err);
		finish(io, c);
	}
}

/* Ends a call that is under way. */
static void drop_slot(struct io *io, struct pm_slot *s, void (*fail)(struct pm_slot *s))
{
	(void)curl_multi_remove_handle(io->wire.multi, s->easy);
	fail(s);
	finish(io, s->call);
	slot_release(io, s);
}

static void halt_batch(struct io *io, const struct pm_batch *b)
{
	for (size_t i = 0; i < io->sites.n; i++) {
		for (int k = 0; k < PM_LANES; k++)
			drop_queued(io, &io->sites.v[i]->queue[k], b);
	}
	if (b->halting < PM_HALT_ALL)
		return;
	for (size_t i = 0; i < io->slots.n; i++) {
		struct pm_slot *s = io->slots.v[i];

		if (!s->call || s->call->batch != b)
			continue;
		drop_slot(io, s, pm_slot_cancel);
	}
}

/* ---- where both sides meet ---- */

static void deliver(struct io *io)
{
	struct pm_batch *list = io->dirty, *b;

	io->owed = false;
	io->news = false;
	io->dirty = NULL;
	while ((b = list) != NULL) {
		list = b->next_dirty;
		b->dirty = false;
		if (pm_batch_give(b, io->quiet))
			continue;
		b->dirty = true;
		b->next_dirty = io->dirty;
		io->dirty = b;
		io->owed = true;
	}
}

/* Hands over what is finished and takes what is new. false: the end. */
static bool exchange(struct io *io)
{
	struct pm_batch *b;

	if (io->dirty)
		deliver(io);
	for (b = pm_desk_take(&io->desk); b; b = b->next_new)
		queue_batch(io, b);
	for (b = pm_desk_halts(&io->desk); b; b = b->next_halting)
		halt_batch(io, b);
	return !atomic_load_explicit(&io->desk.quit, memory_order_relaxed);
}

/* Ends uploads of which nothing has moved for too long. */
static void watch_uploads(struct io *io)
{
	uint64_t now = pm_mono_ns(io->clock);

	for (size_t i = 0; i < io->slots.n; i++) {
		struct pm_slot *s = io->slots.v[i];
		unsigned ms;

		if (!s->call || !s->call->upload)
			continue;
		ms = pm_upload_left_ms(s, pm_call_timeout_ms(s->call), now);
		if (ms > 0) {
			hold(io, ms);
			continue;
		}
		drop_slot(io, s, pm_slot_stalled);
	}
}

static void wait_for_network(struct io *io)
{
	int most_ms = io->pause_ms > 0 ? (int)io->pause_ms : REST_MS, n;
	bool rung;

	if (io->owed)
		most_ms = PAUSE_MS;
	if (!pm_desk_sleep(&io->desk))
		return;
	n = pm_wire_wait(&io->wire, most_ms, &rung);
	pm_desk_wake(&io->desk, rung);
	io->quiet = n == 0 && !rung;
}

static void *io_main(void *arg)
{
	struct io *io = arg;

	while (exchange(io)) {
		bool busy = start_calls(io);

		if (io->uploads > 0)
			watch_uploads(io);
		io->quiet = false;
		if (busy || io->news)
			pm_wire_run(&io->wire);
		else
			wait_for_network(io);
		reap(io);
	}
	return NULL;
}

/* ---- the caller's side ---- */

/* Tells them to the caller: how many; *go false: it wants no more. */
static size_t tell(struct pm_call *c, pm_call_done_fn *done, void *arg, bool *go)
{
	struct pm_call *next;
	size_t n = 0;

	for (; c; c = next, n++) {
		next = c->next;
		if (done && !done(arg, c))
			*go = false;
	}
	return n;
}

static void io_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct io *io = (struct io *)t;
	struct pm_batch b;
	size_t left = n;

	pm_batch_init(&b, v, n);
	pm_batch_hand_in(&io->desk, &b);
	while (left > 0) {
		bool go = true;

		if (pm_cancelled(cancel, io->clock))
			pm_batch_halt(&io->desk, &b, PM_HALT_ALL);
		left -= tell(pm_batch_wait(&b, cancel), done, arg, &go);
		if (!go && left > 0)
			pm_batch_halt(&io->desk, &b, PM_HALT_QUEUED);
	}
	pm_batch_done(&io->desk, &b);
}

/* ---- start and end ---- */

void pm_io_stats(struct pm_transport *transport, struct pm_net_stats *ret)
{
	struct io *io = (struct io *)transport;

	*ret = (struct pm_net_stats){
		.requests = atomic_load(&io->stats.requests),
		.connections = atomic_load(&io->stats.connections),
		.handshakes_resumed = atomic_load(&io->stats.resumed),
		.bytes_in = atomic_load(&io->stats.bytes_in),
		.failed = atomic_load(&io->stats.failed),
		.nhosts = atomic_load_explicit(&io->stats.nhosts, memory_order_acquire),
	};
	for (unsigned i = 0; i < ret->nhosts; i++) {
		struct tally *t = &io->stats.host[i];

		memcpy(ret->host[i].host, t->host, sizeof(t->host));
		for (size_t k = 0; k < PM_COUNT(t->answers); k++)
			ret->host[i].answers[k] = atomic_load(&t->answers[k]);
	}
}

/* What the thread has used is let go. */
static void io_end(struct io *io)
{
	pm_wire_done(&io->wire);
	(void)curl_share_cleanup(io->share);
	pm_desk_done(&io->desk);
	pm_bucket_free(io->limit);
	free(io);
	curl_global_cleanup();
}

static void io_free(struct pm_transport *t)
{
	struct io *io = (struct io *)t;

	pm_desk_quit(&io->desk);
	(void)pthread_join(io->thread, NULL);
	for (size_t i = 0; i < io->slots.n; i++) {
		(void)curl_multi_remove_handle(io->wire.multi, io->slots.v[i]->easy);
		pm_slot_free(io->slots.v[i]);
	}
	for (size_t i = 0; i < io->sites.n; i++)
		pm_site_free(io->sites.v[i]);
	pm_vec_done(&io->slots);
	pm_vec_done(&io->sites);
	io_end(io);
}

static int start_thread(struct io *io)
{
	sigset_t all, before;
	int r;

	(void)sigfillset(&all);
	(void)pthread_sigmask(SIG_SETMASK, &all, &before);
	r = pthread_create(&io->thread, NULL, io_main, io);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r == 0)
		(void)pthread_setname_np(io->thread, "podmox-io");
	return r;
}

/* A twentieth of a second's requests at once at most, so that they come evenly. */
static struct pm_bucket *limiter(unsigned per_second, const struct pm_clock *clock)
{
	uint64_t most = per_second >= 20 ? per_second / 20 : 1;

	return pm_bucket_new((unsigned)most, (most * 1000 + per_second - 1) / per_second, clock);
}

static int open_desk(struct io *io, struct pm_error *err)
{
	int r = pm_desk_init(&io->desk, err);

	if (r < 0)
		return r;
	r = pm_wire_init(&io->wire, io->desk.bell, err);
	if (r < 0)
		pm_desk_done(&io->desk);
	return r;
}

int pm_io_start(const struct pm_net_opts *o, struct pm_transport **ret, struct pm_error *err)
{
	static const struct pm_transport_ops ops = { io_batch, io_free };
	struct io *io;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return pm_error_set(err, PM_E_IO, "libcurl does not start");
	io = pm_xcalloc(1, sizeof(*io));
	r = open_desk(io, err);
	if (r < 0) {
		free(io);
		curl_global_cleanup();
		return r;
	}
	io->base.ops = &ops;
	io->clock = o && o->clock ? o->clock : &pm_clock_system;
	if (o && o->requests_per_second > 0)
		io->limit = limiter(o->requests_per_second, io->clock);
	io->share = curl_share_init();
	pm_assert(io->share);
	/* One thread only: the share needs no locks. */
	(void)curl_share_setopt(io->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	r = start_thread(io);
	if (r != 0) {
		io_end(io);
		return pm_error_sys(err, r, "cannot start the thread for the network");
	}
	*ret = &io->base;
	return 0;
}
