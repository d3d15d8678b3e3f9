/* What people ask of the daemon: suspensions, approvals, a cycle now. Written down first, in force then. */
#include <string.h>

#include "base/text.h"
#include "daemon/board_priv.h"

#define NAME_MAX_BYTES 400
#define TEXT_MAX_BYTES 500
#define ASKED_MAX      1000
#define APPROVED_MAX   16
#define DIGITS_LEAST   7

static void wake(const struct pm_board *b)
{
	if (b->wake)
		b->wake(b->wake_arg);
}

/* ---- suspensions ---- */

/* The one about the object (NULL: about all); NULL: there is none. The caller holds `mutex`. */
static struct pm_board_asked *find(struct pm_board *b, const char *object)
{
	for (size_t i = 0; i < b->asked.n; i++)
		if (pm_str_eq(b->asked.v[i].s.object, object))
			return &b->asked.v[i];
	return NULL;
}

void pm_board_drop(struct pm_board *b, struct pm_board_asked *x)
{
	pm_arena_free(x->a);
	*x = b->asked.v[--b->asked.n];
}

void pm_board_put(struct pm_board *b, const struct pm_board_suspension *s)
{
	struct pm_board_asked new = { .a = pm_arena_new(512), .s = *s };
	struct pm_board_asked *old = find(b, s->object);

	pm_board_own_suspension(new.a, &new.s);
	if (old) {
		pm_arena_free(old->a);
		*old = new;
		return;
	}
	pm_vec_push(&b->asked, new);
}

/* "Kind/namespace/name", in characters that are safe in a file and on a terminal. */
static bool is_object(const char *s)
{
	unsigned slashes = 0;

	if (strlen(s) > NAME_MAX_BYTES)
		return false;
	for (const char *p = s; *p; p++) {
		bool word = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') ||
			    (*p >= '0' && *p <= '9') || *p == '-' || *p == '.';

		if (*p == '/' && (p == s || p[1] == '/' || p[1] == '\0'))
			return false;
		if (*p != '/' && !word)
			return false;
		slashes += *p == '/';
	}
	return slashes == 2;
}

static int check(struct pm_board *b, const struct pm_board_suspension *s, struct pm_error *err)
{
	if (s->object && !is_object(s->object))
		return pm_error_set(err, PM_E_USAGE,
			"\"%s\" names no object: write KIND/NAMESPACE/NAME, as Pod/shop/web",
			s->object);
	if ((s->reason && strlen(s->reason) > TEXT_MAX_BYTES) ||
		(s->by && strlen(s->by) > TEXT_MAX_BYTES))
		return pm_error_set(
			err, PM_E_LIMIT, "the reason is longer than %d bytes", TEXT_MAX_BYTES);
	if (s->until_ms > 0 && s->until_ms <= pm_wall_ms(b->clock))
		return pm_error_set(err, PM_E_USAGE, "the end of the suspension has passed");
	return 0;
}

/* Puts s in force, and takes it back when it cannot be written down. */
static int put_and_write(
	struct pm_board *b, const struct pm_board_suspension *s, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(512);
	struct pm_board_suspension before = { 0 };
	struct pm_board_asked *old;
	bool had;
	int r;

	pm_board_lock(b);
	old = find(b, s->object);
	had = old != NULL;
	if (had) {
		before = old->s;
		pm_board_own_suspension(a, &before);
	}
	if (!had && b->asked.n >= ASKED_MAX) {
		pm_board_unlock(b);
		return pm_error_set(err, PM_E_LIMIT,
			"%d objects are suspended, and no more can be: suspend all", ASKED_MAX);
	}
	pm_board_put(b, s);
	pm_board_unlock(b);
	r = pm_board_asked_write(b, err);
	if (r == 0)
		return 0;
	pm_board_lock(b);
	if (had)
		pm_board_put(b, &before);
	else
		pm_board_drop(b, find(b, s->object));
	pm_board_unlock(b);
	return r;
}

static const char *told(struct pm_arena *a, const char *by, const char *reason)
{
	return pm_arena_printf(a, "%s%s%s%s", by ? "by " : "", by ? by : "",
		by && reason ? ": " : "", reason ? reason : "");
}

int pm_board_suspend(struct pm_board *b, const struct pm_board_suspension *s, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(512);
	struct pm_board_suspension now = *s;
	int r = check(b, s, err);

	if (r < 0)
		return r;
	now.at_ms = pm_wall_ms(b->clock);
	(void)pthread_mutex_lock(&b->files);
	r = put_and_write(b, &now, err);
	(void)pthread_mutex_unlock(&b->files);
	if (r < 0)
		return r;
	pm_board_happened(b, &(struct pm_board_entry){ .what = PM_HAP_SUSPENDED,
				     .object = s->object,
				     .text = told(a, s->by, s->reason) });
	wake(b);
	return 0;
}

/* Takes off what is said about the object (NULL: everything); how many it were. `kept` gets copies. */
static size_t take_off(struct pm_board *b, const char *object, struct pm_arena *a,
	struct pm_board_suspension **kept)
{
	struct pm_board_suspension *v;
	size_t n = 0;

	pm_board_lock(b);
	v = pm_new_n(a, struct pm_board_suspension, b->asked.n + 1);
	for (size_t i = b->asked.n; i > 0; i--) {
		struct pm_board_asked *x = &b->asked.v[i - 1];

		if (object && !pm_str_eq(x->s.object, object))
			continue;
		v[n] = x->s;
		pm_board_own_suspension(a, &v[n++]);
		pm_board_drop(b, x);
	}
	pm_board_unlock(b);
	*kept = v;
	return n;
}

static void put_back(struct pm_board *b, const struct pm_board_suspension *v, size_t n)
{
	pm_board_lock(b);
	for (size_t i = 0; i < n; i++)
		pm_board_put(b, &v[i]);
	pm_board_unlock(b);
}

int pm_board_resume(struct pm_board *b, const char *object, const char *by, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(512);
	struct pm_board_suspension *v = NULL;
	size_t n;
	int r = 0;

	(void)pthread_mutex_lock(&b->files);
	n = take_off(b, object, a, &v);
	if (n > 0)
		r = pm_board_asked_write(b, err);
	if (r < 0)
		put_back(b, v, n);
	(void)pthread_mutex_unlock(&b->files);
	if (r < 0)
		return r;
	if (n == 0)
		return pm_error_set(
			err, PM_E_NOTFOUND, "%s is not suspended", object ? object : "nothing");
	for (size_t i = 0; i < n; i++)
		pm_board_happened(b, &(struct pm_board_entry){ .what = PM_HAP_RESUMED,
					     .object = v[i].object,
					     .text = told(a, by, NULL) });
	wake(b);
	return 0;
}

/* ---- time ---- */

int64_t pm_board_expires(struct pm_board *b)
{
	int64_t next = 0;

	pm_board_lock(b);
	for (size_t i = 0; i < b->asked.n; i++) {
		int64_t at = b->asked.v[i].s.until_ms;

		if (at > 0 && (next == 0 || at < next))
			next = at;
	}
	pm_board_unlock(b);
	return next;
}

/* Drops what is over. What is in the file besides does no harm: it is over there, too. */
static void expire(struct pm_board *b)
{
	int64_t now = pm_wall_ms(b->clock), next = pm_board_expires(b);

	while (next > 0 && next <= now) {
		struct pm_arena *a cleanup_arena = pm_arena_new(512);
		struct pm_board_entry e = { .what = PM_HAP_RESUMED, .text = "its time is over" };
		bool found = false;

		pm_board_lock(b);
		for (size_t i = 0; i < b->asked.n && !found; i++) {
			struct pm_board_asked *x = &b->asked.v[i];

			found = x->s.until_ms > 0 && x->s.until_ms <= now;
			if (!found)
				continue;
			e.object = x->s.object;
			pm_board_own(a, &e.object);
			pm_board_drop(b, x);
		}
		pm_board_unlock(b);
		if (found)
			pm_board_happened(b, &e);
		next = pm_board_expires(b);
	}
}

bool pm_board_suspended(
	struct pm_board *b, const char *object, struct pm_arena *a, struct pm_board_suspension *ret)
{
	struct pm_board_asked *x;

	expire(b);
	pm_board_lock(b);
	x = find(b, object);
	if (x) {
		*ret = x->s;
		pm_board_own_suspension(a, ret);
	}
	pm_board_unlock(b);
	return x != NULL;
}

/* ---- a cycle now ---- */

uint64_t pm_board_reconcile(struct pm_board *b, const char *by)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(512);
	uint64_t ticket;

	pm_board_lock(b);
	ticket = ++b->now.asked;
	pm_board_unlock(b);
	pm_board_happened(
		b, &(struct pm_board_entry){ .what = PM_HAP_ASKED, .text = told(a, by, NULL) });
	wake(b);
	return ticket;
}

uint64_t pm_board_asked(struct pm_board *b)
{
	uint64_t n;

	pm_board_lock(b);
	n = b->now.asked;
	pm_board_unlock(b);
	return n;
}

void pm_board_answered(struct pm_board *b, uint64_t ticket)
{
	pm_board_lock(b);
	if (ticket > b->now.answered)
		b->now.answered = ticket;
	pm_board_unlock(b);
}

bool pm_board_waiting(struct pm_board *b)
{
	bool waits;

	pm_board_lock(b);
	waits = b->now.asked > b->now.answered;
	pm_board_unlock(b);
	return waits;
}

/* ---- approvals ---- */

/* The id that is held, when `revision` means it; it is the caller's to free. */
static char *meant(struct pm_board *b, const char *revision)
{
	char *id = NULL;

	pm_board_lock(b);
	if (b->now.held.id && (!revision || strcmp(revision, b->now.held.id) == 0 ||
				      (strlen(revision) >= DIGITS_LEAST &&
					      pm_str_starts(b->now.held.id, revision))))
		id = pm_xstrdup(b->now.held.id);
	pm_board_unlock(b);
	return id;
}

/* The oldest make room. */
static void add_approval(struct pm_board *b, const char *id)
{
	pm_board_lock(b);
	if (b->approved.n == APPROVED_MAX) {
		free(b->approved.v[0]);
		memmove(b->approved.v, b->approved.v + 1, (APPROVED_MAX - 1) * sizeof(char *));
		b->approved.n--;
	}
	pm_vec_push(&b->approved, pm_xstrdup(id));
	pm_board_unlock(b);
}

static bool remove_approval(struct pm_board *b, const char *id)
{
	size_t n = 0, before;

	pm_board_lock(b);
	before = b->approved.n;
	for (size_t i = 0; i < before; i++) {
		if (strcmp(b->approved.v[i], id) == 0)
			free(b->approved.v[i]);
		else
			b->approved.v[n++] = b->approved.v[i];
	}
	b->approved.n = n;
	pm_board_unlock(b);
	return n < before;
}

int pm_board_approve(struct pm_board *b, const char *revision, const char *by, struct pm_error *err)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(512);
	char *id cleanup_free = meant(b, revision);
	int r;

	if (!id && revision)
		return pm_error_set(err, PM_E_NOTFOUND,
			"no revision %s waits for an approval; status shows what does", revision);
	if (!id)
		return pm_error_set(err, PM_E_NOTFOUND, "no revision waits for an approval");
	(void)pthread_mutex_lock(&b->files);
	add_approval(b, id);
	r = pm_board_asked_write(b, err);
	if (r < 0)
		(void)remove_approval(b, id);
	(void)pthread_mutex_unlock(&b->files);
	if (r < 0)
		return r;
	pm_board_happened(
		b, &(struct pm_board_entry){
			   .what = PM_HAP_APPROVED, .revision = id, .text = told(a, by, NULL) });
	wake(b);
	return 0;
}

bool pm_board_is_approved(struct pm_board *b, const char *revision)
{
	bool found = false;

	pm_board_lock(b);
	for (size_t i = 0; i < b->approved.n; i++)
		found = found || strcmp(b->approved.v[i], revision) == 0;
	pm_board_unlock(b);
	return found;
}

void pm_board_approved_done(struct pm_board *b, const char *revision)
{
	struct pm_error ignored;

	(void)pthread_mutex_lock(&b->files);
	/* What stays in the file approves what is approved already. */
	if (remove_approval(b, revision) && pm_board_asked_write(b, &ignored) < 0)
		ignored.code = PM_OK;
	(void)pthread_mutex_unlock(&b->files);
}
