/* The queue of messages, who gets which, and that nobody is told the same twice. */
#include "daemon/announce.h"

#include <pthread.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/map.h"
#include "base/text.h"
#include "base/vec.h"

#define QUEUE_MAX 256
#define SEEN_MAX  512
#define SAME_NS   (3600 * PM_S_NS)
#define AGAIN_NS  (2 * PM_S_NS)
#define LAST_NS   (5 * PM_S_NS)

#define HOST_BYTES 256

/* A message in the queue, its texts in an arena of its own. */
struct waiting {
	struct pm_arena *arena;
	struct pm_message m;
	uint64_t key;
};

struct seen {
	uint64_t key, object, at; /* at 0: forgotten */
};

struct pm_announce {
	struct pm_announce_opts o;
	const struct pm_recs *to;
	char host[HOST_BYTES];
	struct pm_transport *transport; /* the thread's; NULL: not yet needed */
	struct pm_cancel cancel;
	pthread_t thread;

	pthread_mutex_t mutex; /* guards what follows */
	pthread_cond_t work;
	PM_VEC(struct waiting) queue;
	struct seen seen[SEEN_MAX]; /* a ring */
	unsigned next_seen;
	unsigned dropped;
	bool over;
};

/* ---- messages ---- */

/* As the configuration names it; NULL: it is not told. */
static const char *event_of(const struct pm_board_entry *e)
{
	switch (e->what) {
	case PM_HAP_APPLIED:
		/* One for a revision, not one for each of its objects. */
		return e->object ? NULL : "applied";
	case PM_HAP_FAILED:
		return "failed";
	case PM_HAP_DRIFT:
		return "drift";
	case PM_HAP_HELD:
		return "held";
	case PM_HAP_RECOVERED:
		return "recovered";
	default:
		return NULL;
	}
}

static const char *value_of(const struct pm_message *m, const char *name, char time[32])
{
	const struct {
		const char *name, *value;
	} all[] = { { "event", m->event }, { "set", m->set }, { "object", m->object },
		{ "text", m->text }, { "revision", m->revision }, { "host", m->host },
		{ "time", pm_format_time(m->at_ms, time) } };

	for (size_t i = 0; i < PM_COUNT(all); i++)
		if (strcmp(all[i].name, name) == 0)
			return all[i].value ? all[i].value : "";
	return NULL;
}

/* A JSON text without its quotes. */
static void add_quoted(struct pm_buf *out, const char *s)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &text };

	pm_jw_str(&w, NULL, s);
	(void)pm_buf_add(out, text.p + 1, text.len - 2);
}

/* Replaces a "{name}" that stands at s; the bytes it took, 0: there is none. */
static size_t replace(const struct pm_message *m, const char *s, struct pm_buf *out)
{
	const char *end = strchr(s, '}'), *value;
	char name[16], time[32];
	size_t n = end ? (size_t)(end - s) - 1 : 0;

	if (n == 0 || n >= sizeof(name))
		return 0;
	memcpy(name, s + 1, n);
	name[n] = '\0';
	value = value_of(m, name, time);
	if (!value)
		return 0;
	add_quoted(out, value);
	return n + 2;
}

static void fill_in(const struct pm_message *m, const char *template, struct pm_buf *out)
{
	for (const char *s = template; *s;) {
		size_t n = *s == '{' ? replace(m, s, out) : 0;

		if (n == 0)
			(void)pm_buf_addc(out, *s++);
		s += n;
	}
}

void pm_message_body(const struct pm_message *m, const char *template, struct pm_buf *out)
{
	struct pm_jwrite w = { .out = out };
	char time[32];

	if (template) {
		fill_in(m, template, out);
		return;
	}
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "event", m->event);
	pm_jw_str(&w, "set", m->set);
	pm_jw_str(&w, "object", m->object);
	pm_jw_str(&w, "text", m->text);
	pm_jw_str(&w, "revision", m->revision);
	pm_jw_str(&w, "time", pm_format_time(m->at_ms, time));
	pm_jw_str(&w, "host", m->host);
	pm_jw_object_end(&w);
}

static uint64_t key_of(const struct pm_message *m)
{
	const char *parts[] = { m->event, m->object, m->text, m->revision };
	uint64_t h = 1;

	for (size_t i = 0; i < PM_COUNT(parts); i++)
		h = parts[i] ? pm_hash(parts[i], strlen(parts[i]) + 1, h) : h + 1;
	return h;
}

/* ---- the queue ---- */

/* What is well again may fail anew, and that is news. */
static void forget(struct pm_announce *a, uint64_t object)
{
	for (unsigned i = 0; i < SEEN_MAX; i++)
		if (a->seen[i].object == object)
			a->seen[i].at = 0;
}

/* Notes the message; true: it was told lately. */
static bool is_known(struct pm_announce *a, const struct pm_message *m)
{
	uint64_t key = key_of(m), now = pm_mono_ns(a->o.clock);
	uint64_t object = m->object ? pm_hash(m->object, strlen(m->object), 0) : 0;

	if (strcmp(m->event, "recovered") == 0)
		forget(a, object);
	for (unsigned i = 0; i < SEEN_MAX; i++)
		if (a->seen[i].key == key && a->seen[i].at > 0 && now - a->seen[i].at < SAME_NS)
			return true;
	a->seen[a->next_seen] =
		(struct seen){ .key = key, .object = object, .at = now > 0 ? now : 1 };
	a->next_seen = (a->next_seen + 1) % SEEN_MAX;
	return false;
}

static void waiting_free(struct waiting *w)
{
	pm_arena_free(w->arena);
}

/* The caller holds the mutex. */
static void enqueue(struct pm_announce *a, const struct pm_message *m)
{
	struct waiting w = { .arena = pm_arena_new(1024), .m = *m };
	const char **texts[] = { &w.m.object, &w.m.text, &w.m.revision };

	if (a->queue.n >= QUEUE_MAX) {
		a->dropped++;
		waiting_free(&w);
		return;
	}
	for (size_t i = 0; i < PM_COUNT(texts); i++)
		if (*texts[i])
			*texts[i] = pm_arena_strdup(w.arena, *texts[i]);
	pm_vec_push(&a->queue, w);
	(void)pthread_cond_signal(&a->work);
}

void pm_announce_entry(void *arg, const struct pm_board_entry *e)
{
	struct pm_announce *a = arg;
	struct pm_message m = { .event = event_of(e),
		.set = a->o.config->set,
		.object = e->object,
		.text = e->text,
		.revision = e->revision,
		.host = a->host,
		.at_ms = e->at_ms };

	if (!m.event)
		return;
	(void)pthread_mutex_lock(&a->mutex);
	if (!is_known(a, &m))
		enqueue(a, &m);
	(void)pthread_mutex_unlock(&a->mutex);
}

/* ---- delivering ---- */

static bool is_for(const struct pm_rec *to, const char *event)
{
	const struct pm_value *v = pm_rec_get(to, PM_NOTIFY_EVENTS);

	if (v->state != PM_SET)
		return true;
	for (size_t i = 0; i < v->u.list->n; i++)
		if (strcmp(v->u.list->v[i], event) == 0)
			return true;
	return false;
}

/* The thread that calls webhooks is started when the first one is to be called. */
static int open_transport(struct pm_announce *a, struct pm_error *err)
{
	if (a->o.transport || a->transport)
		return 0;
	return pm_io_start(NULL, &a->transport, err);
}

static void deliver(struct pm_announce *a, const struct pm_rec *to, const struct pm_message *m)
{
	struct pm_delivery d = { .rec = to, .dir = a->o.config->dir, .cancel = &a->cancel };
	struct pm_error err = { 0 };
	int r = open_transport(a, &err);

	d.transport = a->o.transport ? a->o.transport : a->transport;
	if (r == 0)
		r = pm_deliver(&d, m, &err);
	if (r < 0 && pm_code_retryable(err.code) &&
		pm_wait_ns(a->o.clock, AGAIN_NS, &a->cancel) == 0)
		r = pm_deliver(&d, m, &err);
	pm_board_notified(a->o.board, r == 0);
	if (r < 0)
		pm_warning("nobody could be told", PM_KV_S("notify", pm_rec_ident(to)),
			PM_KV_S("event", m->event), PM_KV_S("error", err.msg));
}

/* The next message, or false when there will be none. */
static bool take(struct pm_announce *a, struct waiting *ret)
{
	unsigned dropped;
	bool found;

	(void)pthread_mutex_lock(&a->mutex);
	while (a->queue.n == 0 && !a->over)
		(void)pthread_cond_wait(&a->work, &a->mutex);
	found = a->queue.n > 0;
	if (found) {
		*ret = a->queue.v[0];
		memmove(a->queue.v, a->queue.v + 1, --a->queue.n * sizeof(*a->queue.v));
	}
	dropped = a->dropped;
	a->dropped = 0;
	(void)pthread_mutex_unlock(&a->mutex);
	if (dropped > 0)
		pm_warning("more happened than could be told", PM_KV_I("messages", dropped));
	return found;
}

static void *run(void *arg)
{
	struct pm_announce *a = arg;
	struct waiting w;

	while (take(a, &w)) {
		for (size_t i = 0; i < a->to->n; i++)
			if (is_for(a->to->v[i], w.m.event) &&
				!pm_cancelled(&a->cancel, &pm_clock_system))
				deliver(a, a->to->v[i], &w.m);
		waiting_free(&w);
	}
	return NULL;
}

/* ---- life ---- */

struct pm_announce *pm_announce_new(const struct pm_announce_opts *o)
{
	const struct pm_value *to = pm_rec_get(o->config->rec, PM_CONFIG_NOTIFY);
	struct pm_announce *a;

	if (to->state != PM_SET || to->u.recs->n == 0)
		return NULL;
	a = pm_xcalloc(1, sizeof(*a));
	a->o = *o;
	a->o.clock = o->clock ? o->clock : &pm_clock_system;
	a->to = to->u.recs;
	if (gethostname(a->host, sizeof(a->host) - 1) < 0)
		a->host[0] = '\0';
	(void)pthread_mutex_init(&a->mutex, NULL);
	(void)pthread_cond_init(&a->work, NULL);
	pm_assert(pthread_create(&a->thread, NULL, run, a) == 0);
	return a;
}

void pm_announce_free(struct pm_announce *a)
{
	if (!a)
		return;
	/* The network has the time of the system, whatever ours is. */
	atomic_store(&a->cancel.deadline_ns, pm_mono_ns(&pm_clock_system) + LAST_NS);
	(void)pthread_mutex_lock(&a->mutex);
	a->over = true;
	(void)pthread_cond_signal(&a->work);
	(void)pthread_mutex_unlock(&a->mutex);
	(void)pthread_join(a->thread, NULL);
	for (size_t i = 0; i < a->queue.n; i++)
		waiting_free(&a->queue.v[i]);
	pm_vec_done(&a->queue);
	pm_transport_free(a->transport);
	(void)pthread_cond_destroy(&a->work);
	(void)pthread_mutex_destroy(&a->mutex);
	free(a);
}
