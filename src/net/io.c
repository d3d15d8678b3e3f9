/* The I/O thread: the only place that waits for the network. It owns a curl_multi, a site for each
 * host with two queues, and a few libcurl handles a site. Callers hand over a batch, sleep, and take
 * back what is finished; both sides meet once a round, under one lock, in exchange(). */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "io_priv.h"

#define WAKE_AFTER  32              /* finished calls that are worth waking their caller */
#define TICK_NS     (20 * PM_MS_NS) /* how often a caller looks at its cancel token */
#define PAUSE_MS    1               /* how long the network is quiet before callers wake for less */
#define REST_MS     60000
#define LOOK_MS     50 /* how often the clock is looked at while something is held back */
#define HELD_MOST_S 60 /* a server cannot make us wait longer */

enum halt { GO_ON, NOT_SENT, ALL };

/** A list of calls; each is in one list only. */
struct calls {
	struct pm_call *first, **last;
	size_t n;
};

/** One pm_net_batch on the stack of its caller. */
struct batch {
	struct pm_call *const *v;
	size_t n;

	/* the caller's and the thread's, under io->lock */
	struct batch *next_new, *next_halt;
	pthread_cond_t wake;
	bool asleep, halt_listed;
	enum halt halt;
	struct calls finished;

	/* the thread's */
	struct batch *next_dirty, *next_halting;
	enum halt halting;
	bool dirty;
	struct calls fresh; /* finished since the last exchange */
	size_t open;        /* not finished */
	struct pm_site *site;
	const struct pm_host
		*host; /* whose site that is: most batches ask one host after the other */
};

struct io {
	struct pm_transport base;
	const struct pm_clock *clock;
	pthread_t thread;
	CURLM *multi;

	/* under the lock */
	pthread_mutex_t lock;
	struct batch *new_batches, **new_last, *halts;
	bool quit;
	struct pm_net_stats published;

	/* the thread's */
	CURLSH *share;
	struct pm_sites sites;
	PM_VEC(struct pm_slot *) slots;
	struct pm_bucket *limit; /* NULL: none */
	unsigned pause_ms;       /* until a call that is held back may go; 0: none is */
	unsigned uploads;        /* under way */
	size_t turn;             /* the queue that goes first, so that a limit starves none */
	struct batch *dirty;
	bool news;  /* something finished since the last exchange */
	bool quiet; /* nothing came during the last wait */
	bool owed;  /* somebody asleep has finished calls */
	struct pm_net_stats stats;
};

static void calls_init(struct calls *l)
{
	l->first = NULL;
	l->last = &l->first;
	l->n = 0;
}

static void calls_add(struct calls *l, struct pm_call *c)
{
	c->next = NULL;
	*l->last = c;
	l->last = &c->next;
	l->n++;
}

static void calls_move(struct calls *to, struct calls *from)
{
	if (from->n == 0)
		return;
	*to->last = from->first;
	to->last = from->last;
	to->n += from->n;
	calls_init(from);
}

/* ---- from the queue to the network ---- */

static void queue_batch(struct io *io, struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		struct pm_call *c = b->v[i];
		struct pm_queue *q;

		if (!b->site || b->host != c->host) {
			b->site = pm_site_of(&io->sites, c->host);
			b->host = c->host;
		}
		q = &b->site->queue[strcmp(c->method, "GET") == 0 ? PM_READS : PM_WRITES];
		c->batch = b;
		pm_queue_push(q, c);
	}
}

static void finish(struct io *io, struct pm_call *c)
{
	struct batch *b = c->batch;

	if (c->err.code != PM_OK)
		io->stats.failed++;
	calls_add(&b->fresh, c);
	b->open--;
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
	s = pm_slot_new(site, io->share);
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
	io->stats.requests++;
	pm_assert(curl_multi_add_handle(io->multi, s->easy) == CURLM_OK);
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
	if (site->queue[PM_READS].first || site->queue[PM_WRITES].first)
		hold(io, (site->held_ns - now) / PM_MS_NS + 1);
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
		enum pm_lane lane = at % PM_LANES == 0 ? PM_WRITES : PM_READS;
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

	while ((m = curl_multi_info_read(io->multi, &left)) != NULL) {
		CURLcode result = m->data.result;
		struct pm_slot *s = NULL;
		long connects = 0;

		if (m->msg != CURLMSG_DONE)
			continue;
		(void)curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
		(void)curl_multi_remove_handle(io->multi, s->easy);
		(void)curl_easy_getinfo(s->easy, CURLINFO_NUM_CONNECTS, &connects);
		io->stats.connections += (uint64_t)connects;
		io->stats.handshakes_resumed += s->resumed;
		io->stats.bytes_in += s->bytes;
		pm_slot_end(s, result);
		heed(io, s->site, s->call);
		finish(io, s->call);
		slot_release(io, s);
	}
}

/* ---- cancelling ---- */

static void drop_queued(struct io *io, struct pm_queue *q, const struct batch *b)
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
	(void)curl_multi_remove_handle(io->multi, s->easy);
	fail(s);
	finish(io, s->call);
	slot_release(io, s);
}

static void halt_batch(struct io *io, const struct batch *b)
{
	for (size_t i = 0; i < io->sites.n; i++) {
		drop_queued(io, &io->sites.v[i]->queue[PM_READS], b);
		drop_queued(io, &io->sites.v[i]->queue[PM_WRITES], b);
	}
	if (b->halting < ALL)
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
	struct batch *b;

	io->owed = false;
	io->news = false;
	for (struct batch **at = &io->dirty; (b = *at) != NULL;) {
		calls_move(&b->finished, &b->fresh);
		if (b->asleep && b->open > 0 && b->finished.n < WAKE_AFTER && !io->quiet) {
			/* Soon more will be finished: one wakeup for all. */
			io->owed = true;
			at = &b->next_dirty;
			continue;
		}
		*at = b->next_dirty;
		b->dirty = false;
		if (b->asleep)
			pthread_cond_signal(&b->wake);
		b->asleep = false;
	}
}

/* Hands over what is finished and takes what is new. false: the end. */
static bool exchange(struct io *io)
{
	struct batch *fresh, *halting = NULL;
	bool quit;

	pthread_mutex_lock(&io->lock);
	io->published = io->stats;
	deliver(io);
	fresh = io->new_batches;
	io->new_batches = NULL;
	io->new_last = &io->new_batches;
	for (struct batch *b = io->halts; b; b = b->next_halt) {
		b->halt_listed = false;
		b->halting = b->halt;
		b->next_halting = halting;
		halting = b;
	}
	io->halts = NULL;
	quit = io->quit;
	pthread_mutex_unlock(&io->lock);

	for (; fresh; fresh = fresh->next_new)
		queue_batch(io, fresh);
	for (; halting; halting = halting->next_halting)
		halt_batch(io, halting);
	return !quit;
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

/* Tells whether anything came. */
static bool wait_for_network(struct io *io)
{
	int most_ms = REST_MS, events = 0;

	if (io->pause_ms > 0)
		most_ms = (int)io->pause_ms;
	if (io->owed)
		most_ms = PAUSE_MS;
	(void)curl_multi_poll(io->multi, NULL, 0, most_ms, &events);
	return events > 0;
}

static void *io_main(void *arg)
{
	struct io *io = arg;
	int running;

	while (exchange(io)) {
		bool busy = start_calls(io);

		if (io->uploads > 0)
			watch_uploads(io);
		busy |= io->news;
		io->quiet = !busy && !wait_for_network(io);
		(void)curl_multi_perform(io->multi, &running);
		reap(io);
	}
	return NULL;
}

/* ---- the caller's side ---- */

static void batch_init(struct batch *b, struct pm_call *const *v, size_t n)
{
	pthread_condattr_t attr;

	memset(b, 0, sizeof(*b));
	b->v = v;
	b->n = n;
	b->open = n;
	calls_init(&b->finished);
	calls_init(&b->fresh);
	pm_assert(pthread_condattr_init(&attr) == 0);
	pm_assert(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
	pm_assert(pthread_cond_init(&b->wake, &attr) == 0);
	(void)pthread_condattr_destroy(&attr);
}

/* With the lock held. */
static void ask_to_halt(struct io *io, struct batch *b, enum halt how)
{
	if (b->halt >= how)
		return;
	b->halt = how;
	if (!b->halt_listed) {
		b->halt_listed = true;
		b->next_halt = io->halts;
		io->halts = b;
	}
	(void)curl_multi_wakeup(io->multi);
}

/* With the lock held. Sleeps until something is finished, or for a moment when there is a token that
 * must be looked at: nobody tells us when it is set. */
static void sleep_on(struct io *io, struct batch *b, const struct pm_cancel *cancel)
{
	b->asleep = true;
	if (!cancel) {
		(void)pthread_cond_wait(&b->wake, &io->lock);
	} else {
		uint64_t until = pm_mono_ns(&pm_clock_system) + TICK_NS;
		struct timespec ts = { .tv_sec = (time_t)(until / PM_S_NS),
			.tv_nsec = (long)(until % PM_S_NS) };

		(void)pthread_cond_timedwait(&b->wake, &io->lock, &ts);
	}
	b->asleep = false;
}

static void take_off_list(struct io *io, struct batch *b)
{
	struct batch **at = &io->halts;

	while (b->halt_listed && *at) {
		if (*at == b) {
			*at = b->next_halt;
			return;
		}
		at = &(*at)->next_halt;
	}
}

static void io_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct io *io = (struct io *)t;
	struct batch b;
	size_t left = n;

	batch_init(&b, v, n);
	pthread_mutex_lock(&io->lock);
	*io->new_last = &b;
	io->new_last = &b.next_new;
	(void)curl_multi_wakeup(io->multi);
	while (left > 0) {
		struct pm_call *c = b.finished.first, *next;
		bool go = true;

		if (pm_cancelled(cancel, io->clock))
			ask_to_halt(io, &b, ALL);
		if (!c) {
			sleep_on(io, &b, cancel);
			continue;
		}
		left -= b.finished.n;
		calls_init(&b.finished);
		pthread_mutex_unlock(&io->lock);
		for (; c; c = next) {
			next = c->next;
			if (done && !done(arg, c))
				go = false;
		}
		pthread_mutex_lock(&io->lock);
		if (!go && left > 0)
			ask_to_halt(io, &b, NOT_SENT);
	}
	take_off_list(io, &b);
	pthread_mutex_unlock(&io->lock);
	(void)pthread_cond_destroy(&b.wake);
}

/* ---- start and end ---- */

void pm_io_stats(struct pm_transport *t, struct pm_net_stats *ret)
{
	struct io *io = (struct io *)t;

	pthread_mutex_lock(&io->lock);
	*ret = io->published;
	pthread_mutex_unlock(&io->lock);
}

static void io_free(struct pm_transport *t)
{
	struct io *io = (struct io *)t;

	pthread_mutex_lock(&io->lock);
	io->quit = true;
	(void)curl_multi_wakeup(io->multi);
	pthread_mutex_unlock(&io->lock);
	(void)pthread_join(io->thread, NULL);
	for (size_t i = 0; i < io->slots.n; i++) {
		(void)curl_multi_remove_handle(io->multi, io->slots.v[i]->easy);
		pm_slot_free(io->slots.v[i]);
	}
	for (size_t i = 0; i < io->sites.n; i++)
		pm_site_free(io->sites.v[i]);
	pm_vec_done(&io->slots);
	pm_vec_done(&io->sites);
	(void)curl_multi_cleanup(io->multi);
	(void)curl_share_cleanup(io->share);
	(void)pthread_mutex_destroy(&io->lock);
	pm_bucket_free(io->limit);
	free(io);
	curl_global_cleanup();
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

int pm_io_start(const struct pm_net_opts *o, struct pm_transport **ret, struct pm_error *err)
{
	static const struct pm_transport_ops ops = { io_batch, io_free };
	struct io *io;
	int r;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return pm_error_set(err, PM_E_IO, "libcurl does not start");
	io = pm_xcalloc(1, sizeof(*io));
	io->base.ops = &ops;
	io->clock = o && o->clock ? o->clock : &pm_clock_system;
	if (o && o->requests_per_second > 0)
		io->limit = limiter(o->requests_per_second, io->clock);
	io->new_last = &io->new_batches;
	pm_assert(pthread_mutex_init(&io->lock, NULL) == 0);
	io->multi = curl_multi_init();
	io->share = curl_share_init();
	pm_assert(io->multi && io->share);
	/* One thread only: the share needs no locks. */
	(void)curl_share_setopt(io->share, CURLSHOPT_SHARE, CURL_LOCK_DATA_SSL_SESSION);
	(void)curl_multi_setopt(io->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
	(void)curl_multi_setopt(io->multi, CURLMOPT_MAXCONNECTS, 1024L);
	r = start_thread(io);
	if (r != 0) {
		(void)pm_error_sys(err, r, "cannot start the thread for the network");
		(void)curl_multi_cleanup(io->multi);
		(void)curl_share_cleanup(io->share);
		(void)pthread_mutex_destroy(&io->lock);
		pm_bucket_free(io->limit);
		free(io);
		curl_global_cleanup();
		return -PM_E_IO;
	}
	*ret = &io->base;
	return 0;
}
