/* The event loop: files, timers, signals and the end of cycles are events; a cycle is a thread's work.
 * The loop decides when, the thread does what: they share one small structure under one mutex. */
#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/pool.h"
#include "daemon/daemon_priv.h"
#include "daemon/face.h"
#include "daemon/remote.h"

#define POLL_SECONDS 10

/* What the loop and the thread of cycles share. */
struct desk {
	pthread_mutex_t mutex;
	pthread_cond_t work;
	unsigned reasons;      /* of the cycle that is to be run; 0: none */
	struct pm_named named; /* what changed before it */
	bool busy, over;
	struct pm_outcome_of_cycle outcome; /* of the last cycle */
};

struct daemon {
	const struct pm_daemon_opts *o;
	struct pm_setlock *lock;
	struct pm_cancel cancel;
	struct pm_keeper keeper;
	struct pm_watch watch;
	struct pm_remote *remote; /* NULL: the files are watched */
	struct pm_schedule schedule;
	struct desk desk;
	pthread_t thread;
	struct pm_pool *scout; /* looks at files while the thread works */
	uint64_t scouted;      /* the change that it looked at last */
	bool running;          /* the thread is */
	bool ending;           /* no new cycle */
	bool reload;           /* the next cycle begins with the configuration */
	int signals, ended;    /* signalfd, eventfd */
	sigset_t old_mask;
	struct event_base *base;
	struct event *on_signal, *on_file, *on_time, *on_end;
	struct pm_outcome_of_cycle last;
	struct pm_board *board;
	struct pm_face *face; /* NULL: `once` */
};

static uint64_t now_ns(void)
{
	return pm_mono_ns(&pm_clock_system);
}

/* ---- the thread ---- */

static void *run_cycles(void *arg)
{
	struct daemon *d = arg;
	struct desk *desk = &d->desk;
	uint64_t one = 1;

	(void)pthread_mutex_lock(&desk->mutex);
	for (;;) {
		struct pm_outcome_of_cycle outcome;
		unsigned reasons;

		while (desk->reasons == 0 && !desk->over)
			(void)pthread_cond_wait(&desk->work, &desk->mutex);
		if (desk->over)
			break;
		reasons = desk->reasons;
		desk->reasons = 0;
		pm_named_done(&d->keeper.named);
		d->keeper.named = desk->named;
		desk->named = (struct pm_named){ 0 };
		(void)pthread_mutex_unlock(&desk->mutex);
		pm_keeper_cycle(&d->keeper, reasons, &outcome);
		(void)pthread_mutex_lock(&desk->mutex);
		desk->outcome = outcome;
		desk->busy = false;
		/* The counter cannot overflow: the loop reads it before the next cycle. */
		if (write(d->ended, &one, sizeof(one)) < 0)
			pm_assert(errno == EAGAIN);
	}
	(void)pthread_mutex_unlock(&desk->mutex);
	return NULL;
}

/* Hands a cycle to the thread; false: it has one. */
static bool hand_over(struct daemon *d, unsigned reasons)
{
	bool free_now;

	(void)pthread_mutex_lock(&d->desk.mutex);
	free_now = !d->desk.busy;
	if (free_now) {
		d->desk.busy = true;
		d->desk.reasons = reasons;
		pm_watch_take(&d->watch, &d->desk.named);
		(void)pthread_cond_signal(&d->desk.work);
	}
	(void)pthread_mutex_unlock(&d->desk.mutex);
	return free_now;
}

static bool is_busy(struct daemon *d)
{
	bool busy;

	(void)pthread_mutex_lock(&d->desk.mutex);
	busy = d->desk.busy;
	(void)pthread_mutex_unlock(&d->desk.mutex);
	return busy;
}

static void tell_face(struct daemon *d)
{
	if (d->face)
		pm_face_news(d->face);
}

/* ---- time ---- */

static void read_news(struct daemon *d);

/* Is there nothing to read before the repository was? */
static bool waits_for_commit(const struct daemon *d)
{
	return d->remote && !pm_remote_ready(d->remote);
}

/* What the timer is set for. */
static void tell_next(struct daemon *d)
{
	uint64_t now = now_ns(), at;
	const char *what = pm_schedule_next(&d->schedule, &at);
	int64_t wall_ms = pm_wall_ms(d->keeper.clock);

	pm_board_next(d->board, what, wall_ms + (at > now ? (int64_t)((at - now) / PM_MS_NS) : 0));
}

/* Have files changed since somebody looked at them last, while a cycle runs? */
static bool wants_scout(const struct daemon *d)
{
	return pm_schedule_files(&d->schedule) > 0 && d->schedule.last != d->scouted;
}

static uint64_t time_left(struct daemon *d)
{
	uint64_t now = now_ns(), at = pm_schedule_files(&d->schedule);

	if (!is_busy(d))
		return pm_schedule_wait(&d->schedule, now);
	return at > now ? at - now : 0;
}

static void look_around(void *arg)
{
	struct daemon *d = arg;

	pm_keeper_hurry(&d->keeper);
}

/* While a cycle runs somebody else looks whether it still works for the files that are there. */
static void send_scout(struct daemon *d)
{
	if (!wants_scout(d) || pm_schedule_files(&d->schedule) > now_ns())
		return;
	d->scouted = d->schedule.last;
	pm_pool_run(d->scout, look_around, d);
}

static void set_timer(struct daemon *d)
{
	uint64_t ns = time_left(d);
	struct timeval tv = { .tv_sec = (time_t)(ns / PM_S_NS),
		.tv_usec = (suseconds_t)(ns % PM_S_NS / 1000 + 1) };

	if (tv.tv_usec > 999999)
		tv.tv_usec = 999999;
	/* While a cycle runs its end is what is waited for, and files that are others meanwhile. */
	if (d->ending || waits_for_commit(d) || (is_busy(d) && !wants_scout(d)))
		(void)event_del(d->on_time);
	else
		(void)event_add(d->on_time, &tv);
	tell_next(d);
}

static void on_time(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	unsigned reasons;

	(void)fd;
	(void)what;
	if (d->ending || waits_for_commit(d))
		return;
	if (is_busy(d)) {
		send_scout(d);
		set_timer(d);
		return;
	}
	reasons = pm_schedule_take(&d->schedule, now_ns());
	if (reasons != 0 && d->reload)
		reasons |= PM_WHY_CONFIG;
	if (reasons != 0) {
		d->reload = false;
		read_news(d);
		pm_board_doing(d->board, PM_DOING_READING, NULL);
		(void)hand_over(d, reasons);
		tell_face(d);
	}
	set_timer(d);
}

/* ---- files ---- */

static void on_file(evutil_socket_t fd, short what, void *arg);

/* A daemon that cannot watch looks from time to time. */
static void watch(struct daemon *d)
{
	const char *before = d->watch.why;

	if (d->on_file)
		event_free(d->on_file);
	d->on_file = NULL;
	pm_watch_close(&d->watch);
	pm_watch_open(&d->watch, d->o->dir);
	if (d->watch.fd >= 0) {
		d->on_file = event_new(d->base, d->watch.fd, EV_READ | EV_PERSIST, on_file, d);
		pm_assert(d->on_file && event_add(d->on_file, NULL) == 0);
	}
	if (d->watch.why && (!before || strcmp(before, d->watch.why) != 0))
		pm_warning("changes are looked for by reading the files",
			PM_KV_S("why", d->watch.why), PM_KV_I("every_s", POLL_SECONDS));
	pm_schedule_poll(&d->schedule, d->watch.why ? POLL_SECONDS : 0, now_ns());
	pm_face_watching(d->face, d->watch.folders, d->watch.why);
}

/* What has happened by now, so that it is known before a cycle begins. */
static void read_news(struct daemon *d)
{
	enum pm_watch_news news = d->watch.fd >= 0 ? pm_watch_read(&d->watch) : PM_WATCH_NOTHING;

	if (news == PM_WATCH_NOTHING)
		return;
	if (news == PM_WATCH_MOVED)
		watch(d);
	pm_schedule_changed(&d->schedule, now_ns());
}

static void on_file(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)fd;
	(void)what;
	pm_face_events(d->face, 1);
	read_news(d);
	set_timer(d);
}

/* ---- the repository ---- */

static void on_commit(void *arg)
{
	struct daemon *d = arg;

	if (d->o->once && waits_for_commit(d)) {
		(void)event_base_loopbreak(d->base);
		return;
	}
	pm_schedule_changed(&d->schedule, now_ns());
	set_timer(d);
}

static int open_remote(struct daemon *d, struct pm_error *err)
{
	struct pm_remote_opts o = { .base = d->base,
		.source = d->o->source,
		.board = d->board,
		.once = d->o->once,
		.changed = on_commit,
		.arg = d };

	if (!d->o->source)
		return 0;
	pm_board_doing(d->board, PM_DOING_WAITING, "the repository to be read");
	return pm_remote_open(&o, &d->remote, err);
}

/* Somebody says that the files have changed. */
static void on_wake(void *arg)
{
	struct daemon *d = arg;

	if (d->o->source) {
		pm_source_wake(d->o->source);
		return;
	}
	d->watch.named.only = false;
	pm_schedule_changed(&d->schedule, now_ns());
	set_timer(d);
}

/* ---- signals and ends ---- */

static void end(struct daemon *d)
{
	d->ending = true;
	atomic_store(&d->cancel.on, true);
	pm_board_doing(d->board, PM_DOING_ENDING, NULL);
	if (d->face)
		pm_face_stopping(d->face);
	(void)event_del(d->on_time);
	if (!is_busy(d))
		(void)event_base_loopbreak(d->base);
}

static void take_signal(struct daemon *d, unsigned signo)
{
	if (signo == SIGUSR1) {
		on_wake(d);
		return;
	}
	if (signo != SIGHUP) {
		pm_info("ending", PM_KV_S("signal", signo == SIGINT ? "SIGINT" : "SIGTERM"));
		end(d);
		return;
	}
	pm_info("asked to read the configuration anew, and to look at once");
	d->reload = true;
	if (d->face)
		pm_face_reloading(d->face);
	pm_schedule_ask(&d->schedule);
	set_timer(d);
}

static void on_signal(evutil_socket_t fd, short what, void *arg)
{
	struct signalfd_siginfo info;

	(void)what;
	while (read(fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
		take_signal(arg, info.ssi_signo);
}

/* The thread of cycles has a configuration that may be another one; it rests now. */
static void take_config(struct daemon *d)
{
	const struct pm_rec *rec = d->keeper.config->rec;

	pm_schedule_times(&d->schedule, (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_DEBOUNCE, 300),
		(uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_INTERVAL, 300));
	if (d->face)
		pm_face_ready(d->face);
}

static void on_end(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	(void)pthread_mutex_lock(&d->desk.mutex);
	d->last = d->desk.outcome;
	(void)pthread_mutex_unlock(&d->desk.mutex);
	if (d->ending || d->o->once) {
		(void)event_base_loopbreak(d->base);
		return;
	}
	if (d->last.reloaded)
		take_config(d);
	pm_schedule_ended(&d->schedule, d->last.broken, d->last.confirm, now_ns());
	pm_schedule_again(&d->schedule, d->last.again_in > 0 ? now_ns() + d->last.again_in : 0);
	pm_board_doing(d->board, PM_DOING_WAITING, d->last.broken ? d->last.err.msg : NULL);
	set_timer(d);
	tell_face(d);
}

/* ---- the face ---- */

/* Somebody asks for something over the board. */
static void on_asked(void *arg)
{
	struct daemon *d = arg;

	if (d->remote)
		pm_remote_asked(d->remote);
	if (pm_board_waiting(d->board) && d->o->source)
		pm_source_wake(d->o->source);
	if (pm_board_waiting(d->board))
		pm_schedule_ask(&d->schedule);
	else
		pm_schedule_again(&d->schedule, now_ns());
	set_timer(d);
}

static void open_board(struct daemon *d)
{
	const struct pm_config *c = d->o->config;
	struct pm_board_opts bo = { .set = c->set,
		.cluster = pm_rec_str(c->cluster, PM_CLUSTER_NAME, NULL),
		.folder = d->o->source ? pm_source_url(d->o->source) : d->o->dir,
		.journal_dir = d->o->observe ? NULL : c->journal_dir,
		.observe = d->o->observe,
		.clock = d->o->clock,
		.wake = on_asked,
		.wake_arg = d };

	d->board = pm_board_new(&bo);
}

static int open_face(struct daemon *d, struct pm_error *err)
{
	struct pm_face_opts fo = { .base = d->base,
		.board = d->board,
		.config = d->o->config,
		.wake = on_wake,
		.arg = d };

	return d->o->once ? 0 : pm_face_open(&fo, &d->face, err);
}

/* ---- life ---- */

static int check_dir(const char *dir, struct pm_error *err)
{
	struct stat st;

	if (stat(dir, &st) < 0)
		return pm_error_sys(err, errno, "cannot read %s", dir);
	if (!S_ISDIR(st.st_mode))
		return pm_error_set(
			err, PM_E_USAGE, "%s is a file: a folder of manifests is watched", dir);
	return 0;
}

/* Nobody else may watch the set. Applies by hand are possible between two cycles. */
static int lock(struct daemon *d, struct pm_error *err)
{
	const struct pm_config *c = d->o->config;
	cleanup_buf struct pm_buf name = PM_BUF(0);
	int r;

	if (d->o->observe)
		return 0;
	(void)pm_buf_addf(&name, "%s.watch", c->set);
	r = pm_setlock_take(c->journal_dir, pm_buf_str(&name), &d->lock, err);
	if (r < 0)
		return pm_error_wrap(err, "the set %s can be watched once only", c->set);
	return 0;
}

static void block_signals(struct daemon *d, sigset_t *set)
{
	(void)sigemptyset(set);
	(void)sigaddset(set, SIGTERM);
	(void)sigaddset(set, SIGINT);
	(void)sigaddset(set, SIGHUP);
	(void)sigaddset(set, SIGUSR1);
	(void)pthread_sigmask(SIG_BLOCK, set, &d->old_mask);
}

static struct event *new_event(struct daemon *d, int fd, short what, event_callback_fn fn)
{
	struct event *e = event_new(d->base, fd, what, fn, d);

	pm_assert(e);
	return e;
}

/* With timers that do not wait for the next millisecond. */
static struct event_base *new_base(void)
{
	struct event_config *c = event_config_new();
	struct event_base *base = NULL;

	if (c && event_config_set_flag(c, EVENT_BASE_FLAG_PRECISE_TIMER) == 0)
		base = event_base_new_with_config(c);
	if (c)
		event_config_free(c);
	return base ? base : event_base_new();
}

static int open_loop(struct daemon *d, const sigset_t *set, struct pm_error *err)
{
	const struct pm_rec *rec = d->o->config->rec;

	d->signals = signalfd(-1, set, SFD_NONBLOCK | SFD_CLOEXEC);
	d->ended = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->base = new_base();
	if (d->signals < 0 || d->ended < 0 || !d->base)
		return pm_error_sys(err, errno, "cannot start the event loop");
	d->on_signal = new_event(d, d->signals, EV_READ | EV_PERSIST, on_signal);
	d->on_end = new_event(d, d->ended, EV_READ | EV_PERSIST, on_end);
	d->on_time = new_event(d, -1, 0, on_time);
	(void)event_add(d->on_signal, NULL);
	(void)event_add(d->on_end, NULL);
	pm_schedule_init(&d->schedule, (uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_DEBOUNCE, 300),
		(uint64_t)pm_rec_int(rec, PM_CONFIG_SYNC_INTERVAL, 300), d->o->seed, now_ns());
	return 0;
}

static int start_thread(struct daemon *d, struct pm_error *err)
{
	int r = pthread_create(&d->thread, NULL, run_cycles, d);

	if (r != 0)
		return pm_error_sys(err, r, "cannot start a thread");
	d->running = true;
	d->scout = pm_pool_new(1);
	return 0;
}

static void close_all(struct daemon *d)
{
	bool ran = d->running;

	if (d->running) {
		(void)pthread_mutex_lock(&d->desk.mutex);
		d->desk.over = true;
		(void)pthread_cond_signal(&d->desk.work);
		(void)pthread_mutex_unlock(&d->desk.mutex);
		(void)pthread_join(d->thread, NULL);
	}
	pm_pool_free(d->scout);
	pm_remote_close(d->remote);
	pm_keeper_close(&d->keeper);
	pm_setlock_release(d->lock);
	pm_watch_close(&d->watch);
	pm_face_close(d->face);
	if (ran)
		pm_board_happened(d->board, &(struct pm_board_entry){ .what = PM_HAP_ENDED });
	pm_board_free(d->board);
	if (d->on_file)
		event_free(d->on_file);
	if (d->on_time)
		event_free(d->on_time);
	if (d->on_end)
		event_free(d->on_end);
	if (d->on_signal)
		event_free(d->on_signal);
	if (d->base)
		event_base_free(d->base);
	pm_closep(&d->signals);
	pm_closep(&d->ended);
	pm_named_done(&d->desk.named);
	(void)pthread_cond_destroy(&d->desk.work);
	(void)pthread_mutex_destroy(&d->desk.mutex);
	(void)pthread_sigmask(SIG_SETMASK, &d->old_mask, NULL);
}

static int loop(struct daemon *d, struct pm_error *err)
{
	int r = start_thread(d, err);

	if (r < 0)
		return r;
	pm_board_happened(d->board, &(struct pm_board_entry){ .what = PM_HAP_STARTED });
	if (!d->o->once) {
		if (!d->remote)
			watch(d);
		pm_face_ready(d->face);
		pm_info(d->o->observe ? "observing" : "watching", PM_KV_S("folder", d->o->dir),
			PM_KV_S("set", d->o->config->set), PM_KV_I("folders", d->watch.folders));
	}
	set_timer(d);
	(void)event_base_dispatch(d->base);
	if (!d->o->once || d->ending)
		return 0;
	if (waits_for_commit(d))
		return pm_remote_error(d->remote, err);
	if (d->last.failed) {
		*err = d->last.err;
		return -(int)d->last.err.code;
	}
	if (d->last.wrong)
		return pm_error_set(err, PM_E_INPUT, "there are errors in the manifests");
	return 0;
}

int pm_daemon_run(const struct pm_daemon_opts *o, struct pm_error *err)
{
	struct daemon d = { .o = o,
		.signals = -1,
		.ended = -1,
		.watch = { .fd = -1 },
		.desk = { .mutex = PTHREAD_MUTEX_INITIALIZER, .work = PTHREAD_COND_INITIALIZER } };
	sigset_t set;
	int r = o->source ? 0 : check_dir(o->dir, err);

	if (r < 0)
		return r;
	block_signals(&d, &set);
	r = lock(&d, err);
	open_board(&d);
	if (r == 0)
		r = pm_keeper_open(&d.keeper, o, d.board, &d.cancel, err);
	if (r == 0)
		r = open_loop(&d, &set, err);
	if (r == 0)
		r = open_face(&d, err);
	if (r == 0)
		r = open_remote(&d, err);
	if (r == 0)
		r = loop(&d, err);
	close_all(&d);
	return r;
}
