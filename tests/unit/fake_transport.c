/* Transports without a network; see fake_transport.h. Uses nothing of net but its types, so that the
 * tests of every room can link it. */
#include "fake_transport.h"

#include <fnmatch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"
#include "pm_test.h"

static void reset(struct pm_call *c)
{
	c->status = 0;
	c->reason[0] = '\0';
	c->retry_after_s = 0;
	c->err.code = PM_OK;
	c->body_in.max = c->max_body;
	pm_buf_clear(&c->body_in);
}

static void answer(struct pm_call *c, int status, const char *reason, const char *body)
{
	reset(c);
	c->status = status;
	(void)snprintf(c->reason, sizeof(c->reason), "%s", reason);
	(void)pm_buf_adds(&c->body_in, body);
}

static void break_off(struct pm_call *c, enum pm_code code, bool maybe_sent, const char *text)
{
	reset(c);
	pm_buf_done(&c->body_in);
	(void)pm_error_set(&c->err, code, "%s", text);
	(void)pm_error_where(&c->err, "%s %s %.*s", c->host->name, c->method,
		(int)strcspn(c->path, "?"), c->path);
	c->err.maybe_sent = maybe_sent;
}

/* ---- scripted answers ---- */

struct rule {
	struct pm_fake_rule what;
	unsigned used;
};

struct fake {
	struct pm_transport base;
	pthread_mutex_t lock;
	PM_VEC(struct rule) rules;
	PM_VEC(struct pm_fake_request *) log;
};

static bool fits(const char *pattern, const char *text)
{
	return !pattern || fnmatch(pattern, text, 0) == 0;
}

static char *join(const char *const *headers)
{
	struct pm_buf b = PM_BUF(0);

	for (; headers && *headers; headers++)
		(void)pm_buf_addf(&b, "%s\n", *headers);
	return pm_buf_steal(&b);
}

static void note(struct fake *f, const struct pm_call *c)
{
	struct pm_fake_request *q = pm_xcalloc(1, sizeof(*q));

	q->host = pm_xstrdup(c->host->name);
	q->method = pm_xstrdup(c->method);
	q->path = pm_xstrdup(c->path);
	q->body = pm_xstrdup(c->body ? c->body : "");
	q->headers = join(c->headers);
	pm_vec_push(&f->log, q);
}

static const struct pm_fake_rule *find(struct fake *f, const struct pm_call *c)
{
	for (size_t i = 0; i < f->rules.n; i++) {
		struct rule *r = &f->rules.v[i];

		if (r->what.times > 0 && r->used == r->what.times)
			continue;
		if (!fits(r->what.method, c->method) || !fits(r->what.path, c->path) ||
			!fits(r->what.host, c->host->name))
			continue;
		r->used++;
		return &r->what;
	}
	return NULL;
}

static void serve(struct fake *f, struct pm_call *c)
{
	struct pm_fake_rule r = { 0 };
	const struct pm_fake_rule *found;
	char nothing[sizeof(c->reason)];

	pthread_mutex_lock(&f->lock);
	note(f, c);
	found = find(f, c);
	if (found)
		r = *found;
	pthread_mutex_unlock(&f->lock);
	if (!found) {
		(void)snprintf(nothing, sizeof(nothing), "Method '%s %s' not implemented",
			c->method, c->path);
		answer(c, 501, nothing, "");
		return;
	}
	if (r.fail != PM_OK) {
		break_off(c, r.fail, r.maybe_sent, "scripted failure");
		return;
	}
	if (r.status == 0)
		r.status = 200;
	answer(c, r.status,
		r.reason         ? r.reason
		: r.status < 400 ? "OK"
				 : "error",
		r.body ? r.body : "{\"data\":null}");
	c->retry_after_s = r.retry_after_s;
}

static void fake_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	bool go = true;

	for (size_t i = 0; i < n; i++) {
		if (!go || pm_cancelled(cancel, &pm_clock_system))
			break_off(v[i], PM_E_CANCELLED, false, "called off before it was sent");
		else
			serve((struct fake *)t, v[i]);
		if (done && !done(arg, v[i]))
			go = false;
	}
}

static void fake_free(struct pm_transport *t)
{
	struct fake *f = (struct fake *)t;

	for (size_t i = 0; i < f->log.n; i++) {
		struct pm_fake_request *q = f->log.v[i];

		free((void *)q->host);
		free((void *)q->method);
		free((void *)q->path);
		free((void *)q->body);
		free((void *)q->headers);
		free(q);
	}
	pm_vec_done(&f->log);
	pm_vec_done(&f->rules);
	(void)pthread_mutex_destroy(&f->lock);
	free(f);
}

struct pm_transport *pm_fake_new(void)
{
	static const struct pm_transport_ops ops = { fake_batch, fake_free };
	struct fake *f = pm_xcalloc(1, sizeof(*f));

	f->base.ops = &ops;
	assert_int_equal(pthread_mutex_init(&f->lock, NULL), 0);
	return &f->base;
}

void pm_fake_add(struct pm_transport *t, const struct pm_fake_rule *rule)
{
	struct fake *f = (struct fake *)t;

	pthread_mutex_lock(&f->lock);
	pm_vec_push(&f->rules, (struct rule){ .what = *rule });
	pthread_mutex_unlock(&f->lock);
}

static const struct pm_fake_request *search(
	struct fake *f, size_t i, const char *method, const char *path, size_t *ret_n)
{
	const struct pm_fake_request *found = NULL;

	*ret_n = 0;
	pthread_mutex_lock(&f->lock);
	for (size_t at = 0; at < f->log.n; at++) {
		const struct pm_fake_request *q = f->log.v[at];

		if (fits(method, q->method) && fits(path, q->path) && (*ret_n)++ == i)
			found = q;
	}
	pthread_mutex_unlock(&f->lock);
	return found;
}

size_t pm_fake_count(struct pm_transport *t, const char *method, const char *path)
{
	size_t n;

	(void)search((struct fake *)t, 0, method, path, &n);
	return n;
}

const struct pm_fake_request *pm_fake_request(
	struct pm_transport *t, size_t i, const char *method, const char *path)
{
	size_t n;

	return search((struct fake *)t, i, method, path, &n);
}

/* ---- spoiling the n-th call ---- */

struct spoil {
	struct pm_transport base;
	struct pm_transport *inner;
	unsigned nth;
	enum pm_spoil how;
	atomic_uint calls;
};

/* A batch on its way through. */
struct through {
	enum pm_spoil how;
	struct pm_call *victim; /* NULL: not in this batch */
	pm_call_done_fn *done;
	void *arg;
	bool go;
};

const char *pm_spoil_name(enum pm_spoil how)
{
	static const char *const names[PM_SPOIL_MAX] = {
		"refused",
		"cut",
		"500",
		"596",
		"time-out",
		"lost",
	};

	return names[how];
}

static bool reaches_server(enum pm_spoil how)
{
	return how == PM_SPOIL_CUT || how == PM_SPOIL_596 || how == PM_SPOIL_LOST;
}

static void do_spoil(enum pm_spoil how, struct pm_call *c)
{
	switch (how) {
	case PM_SPOIL_REFUSED:
		break_off(c, PM_E_UNREACHABLE, false, "spoiled: Connection refused");
		break;
	case PM_SPOIL_CUT:
		break_off(c, PM_E_UNREACHABLE, true, "spoiled: the connection broke in the answer");
		break;
	case PM_SPOIL_500:
		answer(c, 500, "spoiled: something failed", "{\"data\":null}");
		break;
	case PM_SPOIL_596:
		answer(c, 596, "Connection timed out", "");
		break;
	case PM_SPOIL_TIMEOUT:
		break_off(c, PM_E_TIMEOUT, true, "spoiled: no complete answer in time");
		break;
	case PM_SPOIL_LOST:
	case PM_SPOIL_MAX:
		break_off(c, PM_E_UNREACHABLE, true, "spoiled: Empty reply from server");
		break;
	}
}

static bool through_done(void *arg, struct pm_call *c)
{
	struct through *th = arg;

	if (c == th->victim)
		do_spoil(th->how, c);
	th->go = (!th->done || th->done(th->arg, c)) && th->go;
	return th->go;
}

static void spoil_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct spoil *s = (struct spoil *)t;
	cleanup_free struct pm_call **pass = pm_xcalloc(n, sizeof(struct pm_call *));
	struct through th = { .how = s->how, .done = done, .arg = arg, .go = true };
	size_t npass = 0;

	for (size_t i = 0; i < n; i++) {
		if (atomic_fetch_add(&s->calls, 1) + 1 == s->nth) {
			th.victim = v[i];
			if (!reaches_server(s->how))
				continue;
		}
		pass[npass++] = v[i];
	}
	if (npass > 0)
		s->inner->ops->batch(s->inner, pass, npass, through_done, &th, cancel);
	if (npass < n)
		(void)through_done(&th, th.victim);
}

static void spoil_free(struct pm_transport *t)
{
	struct spoil *s = (struct spoil *)t;

	s->inner->ops->free(s->inner);
	free(s);
}

struct pm_transport *pm_spoil_new(struct pm_transport *inner, unsigned nth, enum pm_spoil how)
{
	static const struct pm_transport_ops ops = { spoil_batch, spoil_free };
	struct spoil *s = pm_xcalloc(1, sizeof(*s));

	s->base.ops = &ops;
	s->inner = inner;
	s->nth = nth;
	s->how = how;
	return &s->base;
}

unsigned pm_spoil_calls(struct pm_transport *t)
{
	return atomic_load(&((struct spoil *)t)->calls);
}
