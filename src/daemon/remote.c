/* A Git repository and the rest of the daemon. The source's thread only rings a bell; everything else
 * happens here, in the thread of the loop. */
#include <errno.h>
#include <event2/event.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/text.h"
#include "daemon/remote.h"

struct pm_remote {
	struct pm_remote_opts o;
	int bell; /* eventfd */
	struct event *on_bell;
	struct pm_arena *arena; /* of `state` */
	struct pm_source_state state;
	bool ready;
	/* What was told last. */
	char revision[41], held[41];
	char *error;
};

static void ring(void *arg)
{
	const struct pm_remote *r = arg;
	uint64_t one = 1;

	/* A counter that is full rings as well. */
	if (write(r->bell, &one, sizeof(one)) < 0)
		pm_assert(errno == EAGAIN);
}

/* ---- what is told ---- */

static bool another(char kept[41], const char *now)
{
	bool news = strcmp(kept, now ? now : "") != 0;

	(void)snprintf(kept, 41, "%s", now ? now : "");
	return news;
}

static void tell_held(struct pm_remote *r)
{
	const struct pm_source_state *s = &r->state;
	const struct pm_revision held = { .id = s->held, .subject = s->held_subject };

	/* What nobody can approve is not put up for it. */
	pm_board_hold(r->o.board, s->held && s->approvable ? &held : NULL, s->held_why);
	if (another(r->held, s->held) && s->held)
		pm_warning("commit held", PM_KV_S("revision", s->held),
			PM_KV_S("subject", s->held_subject), PM_KV_S("why", s->held_why));
}

/* Why the branch is not in force: the remote is away, or its last commit cannot be taken. */
static void tell_source(struct pm_remote *r)
{
	const struct pm_source_state *s = &r->state;
	const char *why = s->error;
	char when[32];

	if (why && s->good_ms > 0)
		why = pm_arena_printf(r->arena, "%s; it was last read at %s", why,
			pm_format_time(s->good_ms, when));
	if (!why && s->held && !s->approvable)
		why = pm_arena_printf(
			r->arena, "commit %.12s is not taken: %s", s->held, s->held_why);
	/* Each word of this is the time at which the source was last read without an error. */
	if (why || s->looks > 0)
		pm_board_source(r->o.board, why);
	if (pm_str_eq(s->error, r->error))
		return;
	if (s->error)
		pm_warning("the repository cannot be read", PM_KV_S("error", s->error),
			PM_KV_S("in_force", s->revision));
	else
		pm_info("the repository can be read again");
	free(r->error);
	r->error = s->error ? pm_xstrdup(s->error) : NULL;
}

static void tell_taken(struct pm_remote *r)
{
	const struct pm_source_state *s = &r->state;
	const struct pm_revision now = { .id = s->revision, .subject = s->subject };

	pm_board_wanted(r->o.board, &now);
	pm_board_approved_done(r->o.board, s->revision);
	pm_info("commit taken", PM_KV_S("revision", s->revision), PM_KV_S("subject", s->subject),
		PM_KV_S("signer", s->signer));
}

/* ---- news ---- */

static void take_news(struct pm_remote *r)
{
	const struct pm_source_state *s = &r->state;
	bool before = r->ready, taken, over;

	pm_arena_reset(r->arena);
	pm_source_state(r->o.source, r->arena, &r->state);
	over = r->o.once && s->looks > 0;
	r->ready = s->dir && (!r->o.once || over);
	taken = another(r->revision, s->revision);
	tell_held(r);
	tell_source(r);
	if (taken && s->revision)
		tell_taken(r);
	if (over || (!r->o.once && (taken || before != r->ready)))
		r->o.changed(r->o.arg);
	pm_remote_asked(r);
}

static void on_bell(evutil_socket_t fd, PM_UNUSED short what, void *arg)
{
	uint64_t count;

	if (read(fd, &count, sizeof(count)) == (ssize_t)sizeof(count))
		take_news(arg);
}

void pm_remote_asked(struct pm_remote *r)
{
	struct pm_error err;

	if (!r->state.held || !r->state.approvable ||
		!pm_board_is_approved(r->o.board, r->state.held))
		return;
	if (pm_source_approve(r->o.source, r->state.held, &err) < 0)
		pm_warning("the approval could not be written down", PM_KV_S("error", err.msg));
}

bool pm_remote_ready(const struct pm_remote *r)
{
	return r->ready;
}

int pm_remote_error(const struct pm_remote *r, struct pm_error *err)
{
	const struct pm_source_state *s = &r->state;

	if (s->held)
		return pm_error_set(
			err, PM_E_REFUSED, "commit %.12s is not taken: %s", s->held, s->held_why);
	return pm_error_set(err, s->code != PM_OK ? s->code : PM_E_IO, "%s",
		s->error ? s->error : "nothing of the repository is in force");
}

/* ---- life ---- */

int pm_remote_open(const struct pm_remote_opts *o, struct pm_remote **ret, struct pm_error *err)
{
	struct pm_remote *r = pm_xcalloc(1, sizeof(*r));
	int bad;

	r->o = *o;
	r->arena = pm_arena_new(4096);
	r->bell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (r->bell >= 0)
		r->on_bell = event_new(o->base, r->bell, EV_READ | EV_PERSIST, on_bell, r);
	if (!r->on_bell || event_add(r->on_bell, NULL) < 0)
		bad = pm_error_sys(err, errno, "cannot start the event loop");
	else
		bad = pm_source_start(o->source, ring, r, err);
	if (bad < 0)
		pm_remote_close(r);
	else
		*ret = r;
	return bad;
}

void pm_remote_close(struct pm_remote *r)
{
	if (!r)
		return;
	pm_source_stop(r->o.source);
	if (r->on_bell)
		event_free(r->on_bell);
	pm_closep(&r->bell);
	pm_arena_free(r->arena);
	free(r->error);
	free(r);
}
