/* The face as a whole: opens its parts as the configuration asks, and keeps systemd informed. */
#include "daemon/face_priv.h"

#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define FEEDS 4 /* in the time that the watchdog waits */

static uint64_t now_ns(void)
{
	return pm_mono_ns(&pm_clock_system);
}

void pm_face_view(struct pm_face *f, struct pm_arena *a, unsigned parts, struct pm_board_view *ret)
{
	memset(ret, 0, sizeof(*ret));
	pm_board_view(f->o.board, a, parts, ret);
}

unsigned pm_face_still(struct pm_face *f, const struct pm_board_view *v)
{
	return (unsigned)(pm_pulse_still(&f->pulse, v, now_ns()) / PM_S_NS);
}

/* ---- systemd ---- */

static void on_watchdog(evutil_socket_t fd, short what, void *arg)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_face *f = arg;
	struct pm_board_view v;

	(void)fd;
	(void)what;
	pm_face_view(f, a, 0, &v);
	(void)pm_notify_feed(&f->notify, pm_pulse_still(&f->pulse, &v, now_ns()));
	pm_notify_line(&f->notify, &v);
}

static void start_watchdog(struct pm_face *f)
{
	uint64_t us = f->notify.watchdog / 1000 / FEEDS;
	struct timeval tv = { .tv_sec = (time_t)(us / 1000000),
		.tv_usec = (suseconds_t)(us % 1000000) };

	if (us == 0)
		return;
	f->watchdog = event_new(f->o.base, -1, EV_PERSIST, on_watchdog, f);
	pm_assert(f->watchdog && event_add(f->watchdog, &tv) == 0);
}

void pm_face_ready(struct pm_face *f)
{
	pm_notify_send(&f->notify, "READY=1");
	pm_face_news(f);
}

void pm_face_reloading(struct pm_face *f)
{
	pm_notify_reloading(&f->notify, now_ns());
}

void pm_face_stopping(struct pm_face *f)
{
	f->stopping = true;
	pm_notify_send(&f->notify, "STOPPING=1");
	pm_face_news(f);
}

void pm_face_news(struct pm_face *f)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	struct pm_board_view v;

	pm_face_view(f, a, 0, &v);
	if (v.last.number > f->cycle)
		pm_figures_cycle(f->metrics, &v.last);
	f->cycle = v.last.number;
	(void)pm_pulse_still(&f->pulse, &v, now_ns());
	pm_notify_line(&f->notify, &v);
}

void pm_face_watching(struct pm_face *f, unsigned folders, const char *why)
{
	pm_metric_set(f->metrics, PM_FIG_WATCHES, NULL, folders);
	pm_metric_set(f->metrics, PM_FIG_POLLING, NULL, why != NULL);
}

void pm_face_events(struct pm_face *f, unsigned n)
{
	pm_metric_add(f->metrics, PM_FIG_FILE_EVENTS, NULL, n);
}

/* ---- life ---- */

/* Only a socket that was asked for by name has to be there. */
static int open_control(struct pm_face *f, struct pm_error *err)
{
	const struct pm_rec *rec = f->o.config->rec;
	const char *path = f->o.config->socket;
	bool named = pm_rec_str(rec, PM_CONFIG_AGENT_SOCKET, NULL) != NULL;
	struct pm_error why;

	if (!path)
		return 0;
	if (pm_control_open(
		    f, path, pm_rec_str(rec, PM_CONFIG_AGENT_GROUP, NULL), &f->control, &why) == 0)
		return 0;
	if (named) {
		*err = why;
		return -(int)why.code;
	}
	pm_warning("podmox status and its neighbours will not find this daemon",
		PM_KV_S("error", why.msg), PM_KV_S("help", "name another place as agent.socket"));
	return 0;
}

static int open_http(struct pm_face *f, struct pm_error *err)
{
	const char *listen = pm_rec_str(f->o.config->rec, PM_CONFIG_AGENT_LISTEN, NULL);
	int r;

	if (!listen)
		return 0;
	r = pm_http_open(f, listen, &f->http, err);
	if (r == 0)
		pm_info("answering over HTTP", PM_KV_S("address", f->address));
	return r;
}

int pm_face_open(const struct pm_face_opts *o, struct pm_face **ret, struct pm_error *err)
{
	struct pm_face *f = pm_xcalloc(1, sizeof(*f));
	int r;

	f->o = *o;
	f->gid = -1;
	f->metrics = pm_figures_new();
	pm_notify_open(&f->notify);
	start_watchdog(f);
	r = open_control(f, err);
	if (r == 0)
		r = open_http(f, err);
	if (r < 0) {
		pm_face_close(f);
		return r;
	}
	*ret = f;
	return 0;
}

void pm_face_close(struct pm_face *f)
{
	if (!f)
		return;
	if (f->watchdog)
		event_free(f->watchdog);
	pm_server_free(f->control);
	pm_server_free(f->http);
	pm_control_leave(&f->place);
	pm_notify_close(&f->notify);
	pm_metrics_free(f->metrics);
	free(f);
}
