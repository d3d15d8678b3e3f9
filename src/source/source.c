/* One look at the repository: ask, fetch, judge, take or hold. Everything on the way can be interrupted and
 * is done anew by the next look; what counts is what the state file says, and it is written last but for the
 * link, which the next look mends. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "source/source_priv.h"

#define GOOD_EVERY_MS ((int64_t)5 * 60 * 1000)

/* One look under way. */
struct look {
	struct pm_source *s;
	struct pm_source_job job;
	struct pm_source_kept kept;
	struct pm_source_view view; /* becomes the source's */
	struct pm_mirror *mirror;
	struct pm_wire *wire;
	struct pm_secret *token;
	bool damaged; /* the mirror cannot be read */
};

/* ---- opening ---- */

int pm_source_open(const struct pm_source_opts *o, struct pm_source **ret, struct pm_error *err)
{
	struct pm_source *s = pm_xcalloc(1, sizeof(*s));
	struct pm_buf base = PM_BUF(0), dir = PM_BUF(0);
	struct pm_source_kept kept = { 0 };
	int r;

	s->clock = o->clock ? o->clock : &pm_clock_system;
	s->peek = o->peek;
	s->pin[0] = s->pin[1] = -1;
	(void)pm_buf_addf(&base, "%s/%s.git", o->journal_dir, o->set);
	s->base = pm_buf_steal(&base);
	pm_source_thread_init(s, o->seed);
	r = pm_source_settings(&s->settings, o, err);
	if (r == 0)
		r = pm_dir_make(s->base, 0700, err);
	if (r == 0)
		r = pm_kept_read(s->base, &kept, err);
	if (r < 0) {
		pm_source_free(s);
		return r;
	}
	s->view.good_ms = kept.good_ms;
	pm_trees_folder(s->base, &s->settings, NULL, &dir);
	s->dir = pm_buf_steal(&dir);
	*ret = s;
	return 0;
}

void pm_source_free(struct pm_source *s)
{
	if (!s)
		return;
	pm_source_thread_done(s);
	for (unsigned i = 0; i < PM_COUNT(s->pin); i++)
		pm_closep(&s->pin[i]);
	pm_source_settings_done(&s->settings);
	free(s->base);
	free(s->dir);
	free(s);
}

const char *pm_source_dir(const struct pm_source *s)
{
	return s->dir;
}

const char *pm_source_url(const struct pm_source *s)
{
	return s->settings.url;
}

/* ---- what is told ---- */

static void publish(struct pm_source *s, const struct pm_source_view *v)
{
	bool another;

	(void)pthread_mutex_lock(&s->mutex);
	another = strcmp(s->view.id, v->id) != 0 || strcmp(s->view.held, v->held) != 0 ||
		  strcmp(s->view.held_why, v->held_why) != 0 ||
		  strcmp(s->view.error, v->error) != 0;
	s->view = *v;
	s->changes += another;
	(void)pthread_mutex_unlock(&s->mutex);
}

static const char *text(struct pm_arena *a, const char *s)
{
	return s[0] ? pm_arena_strdup(a, s) : NULL;
}

void pm_source_state(struct pm_source *s, struct pm_arena *a, struct pm_source_state *ret)
{
	cleanup_buf struct pm_buf tree = PM_BUF(0);
	struct pm_source_view v;

	memset(ret, 0, sizeof(*ret));
	(void)pthread_mutex_lock(&s->mutex);
	v = s->view;
	ret->changes = s->changes;
	ret->next_ms = s->next_ms;
	(void)pthread_mutex_unlock(&s->mutex);
	ret->url = pm_arena_strdup(a, s->settings.url);
	ret->branch = pm_arena_strdup(a, s->settings.branch);
	if (v.id[0]) {
		pm_trees_folder(s->base, &s->settings, v.id, &tree);
		ret->dir = s->peek ? NULL : pm_arena_strdup(a, s->dir);
		ret->tree = pm_arena_strdup(a, pm_buf_str(&tree));
	}
	ret->revision = text(a, v.id);
	ret->subject = text(a, v.subject);
	ret->signer = text(a, v.signer);
	ret->accepted_ms = v.accepted_ms;
	ret->held = text(a, v.held);
	ret->held_subject = text(a, v.held_subject);
	ret->held_why = text(a, v.held_why);
	ret->approvable = v.approvable;
	ret->error = text(a, v.error);
	ret->good_ms = v.good_ms;
	ret->code = v.code;
	ret->failures = v.failures;
	ret->looks = v.looks;
}

/* ---- judging ---- */

static void hold(struct look *l, const char *id, bool approvable, const char *why)
{
	struct pm_source_view *v = &l->view;
	cleanup_buf struct pm_buf subject = PM_BUF(sizeof(v->held_subject));

	pm_mirror_subject(l->mirror, id, &subject);
	(void)snprintf(v->held, sizeof(v->held), "%s", id);
	(void)snprintf(v->held_subject, sizeof(v->held_subject), "%s", pm_buf_str(&subject));
	(void)snprintf(v->held_why, sizeof(v->held_why), "%s", why);
	v->approvable = approvable;
	(void)snprintf(l->kept.held, sizeof(l->kept.held), "%s", approvable ? id : "");
	(void)snprintf(l->s->refused, sizeof(l->s->refused), "%s", id);
}

static void hold_none(struct look *l)
{
	l->view.held[0] = l->view.held_subject[0] = l->view.held_why[0] = '\0';
	l->view.approvable = false;
	l->kept.held[0] = '\0';
	l->s->refused[0] = '\0';
}

/* Is it about what the commit holds, so that only another commit, or other settings, help? */
static bool is_about_content(int r)
{
	return r == -PM_E_REFUSED || r == -PM_E_LIMIT;
}

static int check_signature(
	struct look *l, const char *id, char *ret_signer, size_t n, struct pm_error *err)
{
	const struct pm_signers *signers = &l->s->settings.signers;
	cleanup_buf struct pm_buf signature = PM_BUF(1 << 20);
	cleanup_buf struct pm_buf data = PM_BUF(0);
	cleanup_buf struct pm_buf signer = PM_BUF(n);
	struct pm_signed what;
	int r;

	ret_signer[0] = '\0';
	if (!signers->wanted)
		return 0;
	r = pm_mirror_signature(l->mirror, id, &signature, &data, err);
	if (r < 0)
		return r;
	what = (struct pm_signed){
		.signature = pm_buf_str(&signature), .data = pm_buf_str(&data), .ndata = data.len
	};
	r = pm_signers_check(signers, l->s->base, &what, &l->job, &signer, err);
	if (r == 0)
		(void)snprintf(ret_signer, n, "%s", pm_buf_str(&signer));
	return r;
}

static bool may_follow(struct look *l, const char *id)
{
	const struct pm_source_kept *k = &l->kept;

	return !k->accepted[0] || pm_mirror_follows(l->mirror, id, k->accepted) ||
	       (k->approved[0] && pm_mirror_follows(l->mirror, id, k->approved));
}

/* 0: it may be taken, and its tree is there. 1: it is held. Else it could not be found out. */
static int judge(struct look *l, const char *id, char *ret_signer, size_t n, struct pm_error *err)
{
	struct pm_source *s = l->s;
	cleanup_buf struct pm_buf why = PM_BUF(600);
	int r = check_signature(l, id, ret_signer, n, err);

	if (r == 0 && !may_follow(l, id)) {
		(void)pm_buf_addf(&why,
			"it does not follow %.12s, which is in force: history was rewritten or rolled "
			"back; podmox approve %.12s lets it pass",
			l->kept.accepted, id);
		hold(l, id, true, pm_buf_str(&why));
		return 1;
	}
	if (r == 0)
		r = pm_trees_make(s->base, l->mirror, &s->settings, id, err);
	l->damaged = r == -PM_E_PROTOCOL;
	if (!is_about_content(r))
		return r;
	hold(l, id, false, err->msg);
	return 1;
}

/* ---- taking ---- */

static void show(struct look *l)
{
	struct pm_source_view *v = &l->view;

	(void)snprintf(v->id, sizeof(v->id), "%s", l->kept.accepted);
	(void)snprintf(v->subject, sizeof(v->subject), "%s", l->kept.subject);
	(void)snprintf(v->signer, sizeof(v->signer), "%s", l->kept.signer);
	v->accepted_ms = l->kept.accepted_ms;
}

/* Keeps the tree of the commit that is shown, and the one before: somebody may be reading it. */
static void pin(struct pm_source *s, const char *id)
{
	if (strcmp(s->pinned, id) == 0)
		return;
	pm_closep(&s->pin[1]);
	s->pin[1] = s->pin[0];
	s->pin[0] = pm_trees_pin(s->base, &s->settings, id);
	(void)snprintf(s->pinned, sizeof(s->pinned), "%s", id);
}

/* The state is written first: a link that is behind is mended by the next look. */
static int take(struct look *l, const char *id, const char *signer, struct pm_error *err)
{
	struct pm_source *s = l->s;
	struct pm_source_kept *k = &l->kept;
	cleanup_buf struct pm_buf subject = PM_BUF(sizeof(k->subject));
	int r = 0;

	pm_mirror_subject(l->mirror, id, &subject);
	if (strcmp(k->accepted, id) != 0)
		k->accepted_ms = pm_wall_ms(s->clock);
	(void)snprintf(k->accepted, sizeof(k->accepted), "%s", id);
	(void)snprintf(k->subject, sizeof(k->subject), "%s", pm_buf_str(&subject));
	(void)snprintf(k->signer, sizeof(k->signer), "%s", signer);
	hold_none(l);
	pin(s, id);
	if (!s->peek)
		r = pm_kept_write(s->base, k, err);
	if (r == 0 && !s->peek)
		r = pm_trees_switch(s->base, &s->settings, id, err);
	if (r == 0 && !s->peek)
		r = pm_kept_approve(s->base, NULL, err);
	if (r == 0)
		show(l);
	return r;
}

/* What was taken by an earlier run, when the keys of today would take it too. */
static int take_again(struct look *l, struct pm_error *err)
{
	struct pm_source *s = l->s;
	struct pm_source_kept *k = &l->kept;
	char signer[sizeof(k->signer)] = "";
	int r;

	if (!k->accepted[0] || strcmp(s->view.id, k->accepted) == 0)
		return 0;
	if (!pm_mirror_has(l->mirror, k->accepted))
		return 0;
	r = judge(l, k->accepted, signer, sizeof(signer), err);
	if (r != 0) {
		/* It stays known as the commit that others must follow, but it is not in force. */
		l->view.id[0] = '\0';
		if (r == 1 && !s->peek)
			r = pm_trees_switch(s->base, &s->settings, NULL, err);
		return r < 0 ? r : 0;
	}
	(void)snprintf(k->signer, sizeof(k->signer), "%s", signer);
	pin(s, k->accepted);
	if (!s->peek)
		r = pm_trees_switch(s->base, &s->settings, k->accepted, err);
	if (r == 0) {
		show(l);
		/* The remote may be away for long: what is in force does not wait for it. */
		publish(s, &l->view);
		pm_source_thread_news(s);
	}
	return r;
}

/* ---- the remote ---- */

static int open_wire(struct look *l, struct pm_error *err)
{
	const struct pm_source_settings *c = &l->s->settings;
	int r = 0;

	if (c->has_token)
		r = pm_secret_read(c->token_from, c->token_what, c->config_dir, &l->token, err);
	if (r == 0 && c->via == PM_VIA_HTTP)
		r = pm_http_new(c, l->token, &l->job, &l->wire, err);
	else if (r == 0 && c->via == PM_VIA_SSH)
		r = pm_ssh_new(c, l->s->base, &l->job, &l->wire, err);
	return r;
}

static int fetch(struct look *l, const char *id, struct pm_error *err)
{
	int r = pm_mirror_has(l->mirror, id) ? 0 : pm_mirror_fetch(l->mirror, id, err);

	pm_mirror_hang_up(l->mirror);
	l->damaged = r == -PM_E_PROTOCOL;
	if (r != -PM_E_LIMIT)
		return r;
	/* It would be as large the next time: it is not fetched again before the branch moves. */
	hold(l, id, false, err->msg);
	return 1;
}

static int ask_and_judge(struct look *l, struct pm_error *err)
{
	struct pm_source *s = l->s;
	struct pm_source_kept *k = &l->kept;
	char id[PM_COMMIT_ID], signer[sizeof(k->signer)] = "";
	int r = open_wire(l, err);

	if (r == 0)
		r = pm_mirror_ask(l->mirror, l->wire, id, err);
	if (r < 0)
		return r;
	l->view.good_ms = pm_wall_ms(s->clock);
	if (strcmp(id, l->view.id) == 0) {
		hold_none(l);
		return 0;
	}
	if (strcmp(id, s->refused) == 0 && !k->approved[0])
		return 0;
	r = fetch(l, id, err);
	if (r == 0)
		r = judge(l, id, signer, sizeof(signer), err);
	if (r == 0)
		r = take(l, id, signer, err);
	return r < 0 ? r : 0;
}

static int keep(struct look *l, const struct pm_source_kept *before, struct pm_error *err)
{
	struct pm_source_kept *k = &l->kept;
	bool same = strcmp(before->accepted, k->accepted) == 0 &&
		    strcmp(before->held, k->held) == 0 &&
		    l->view.good_ms - before->good_ms < GOOD_EVERY_MS;

	if (l->s->peek || same)
		return 0;
	k->good_ms = l->view.good_ms;
	return pm_kept_write(l->s->base, k, err);
}

static void end(struct look *l)
{
	pm_mirror_free(l->mirror);
	if (l->wire)
		l->wire->type->free(l->wire);
	pm_secret_free(l->token);
}

static int look_once(struct look *l, struct pm_error *err)
{
	struct pm_source *s = l->s;
	struct pm_source_kept before;
	int r = pm_kept_read(s->base, &l->kept, err);

	before = l->kept;
	if (r == 0)
		r = pm_mirror_open(s->base, &s->settings, &l->job, &l->mirror, err);
	if (r == 0)
		r = take_again(l, err);
	if (r == 0)
		r = ask_and_judge(l, err);
	if (r == 0)
		r = keep(l, &before, err);
	end(l);
	return r;
}

/* A mirror that cannot be read is thrown away, and everything is fetched anew, once. */
static int look(struct look *l, struct pm_error *err)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);
	struct pm_source *s = l->s;
	struct look again = *l;
	int r = look_once(l, err);

	if (r == 0 || !l->damaged)
		return r;
	(void)pm_buf_addf(&path, "%s/mirror", s->base);
	pm_remove_all(pm_buf_str(&path));
	*l = again;
	return look_once(l, err);
}

int pm_source_poll(struct pm_source *s, struct pm_cancel *cancel, struct pm_error *err)
{
	struct pm_cancel limit = { .above = cancel };
	struct look l = { .s = s, .job = { .cancel = &limit, .clock = s->clock } };
	int lock = -1;
	int r;

	atomic_store(&limit.deadline_ns, pm_mono_ns(s->clock) + s->settings.time_ns);
	(void)pthread_mutex_lock(&s->mutex);
	l.view = s->view;
	(void)pthread_mutex_unlock(&s->mutex);
	l.view.error[0] = '\0';
	l.view.code = PM_OK;
	r = pm_source_lock(s->base, &l.job, &lock, err);
	if (r == 0)
		r = look(&l, err);
	if (r == 0) {
		l.view.failures = 0;
		if (!s->peek)
			pm_trees_tidy(s->base, &s->settings, l.view.id);
	} else {
		l.view.failures++;
		l.view.code = err->code;
		(void)snprintf(l.view.error, sizeof(l.view.error), "%s", err->msg);
	}
	pm_closep(&lock);
	l.view.looks++;
	publish(s, &l.view);
	return r;
}

/* ---- approving ---- */

/* Which commit does this name? "": none that is held. */
static void find_held(
	struct pm_source *s, const char *revision, char ret[PM_COMMIT_ID], bool *ret_approvable)
{
	struct pm_source_kept kept;
	struct pm_error ignored;
	size_t n = revision ? strlen(revision) : 0;

	(void)pthread_mutex_lock(&s->mutex);
	(void)snprintf(ret, PM_COMMIT_ID, "%s", s->view.held);
	*ret_approvable = s->view.approvable;
	(void)pthread_mutex_unlock(&s->mutex);
	if (!ret[0] && pm_kept_read(s->base, &kept, &ignored) == 0) {
		(void)snprintf(ret, PM_COMMIT_ID, "%s", kept.held);
		*ret_approvable = true;
	}
	if (revision && (n < 7 || strncmp(ret, revision, n) != 0))
		ret[0] = '\0';
}

int pm_source_approve(struct pm_source *s, const char *revision, struct pm_error *err)
{
	char id[PM_COMMIT_ID];
	bool approvable;
	int r;

	find_held(s, revision, id, &approvable);
	if (!id[0])
		return pm_error_set(err, PM_E_NOTFOUND,
			"no commit %.40s is held: name the one that is, with 7 digits or more",
			revision ? revision : "");
	if (!approvable)
		return pm_error_set(err, PM_E_REFUSED,
			"commit %.12s is not held for its history: nobody can approve it; see why in the "
			"status",
			id);
	r = pm_kept_approve(s->base, id, err);
	if (r == 0)
		pm_source_wake(s);
	return r;
}
