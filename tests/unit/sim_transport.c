/* A transport to a simulated cluster in this process; see sim_transport.h. */
#include "sim_transport.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

struct wire {
	struct pm_transport base;
	struct pm_sim *sim;
	const struct pm_clock *clock;
};

/* A simulator belongs to one thread at a time, and several transports may lead to it. */
static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;

static const char *header(const char *const *headers, const char *name)
{
	size_t n = strlen(name);

	for (; headers && *headers; headers++) {
		if (strncmp(*headers, name, n) == 0 && strncmp(*headers + n, ": ", 2) == 0)
			return *headers + n + 2;
	}
	return NULL;
}

static unsigned node_of(const struct wire *w, const char *host)
{
	for (unsigned i = 0; i < pm_sim_nodes(w->sim); i++) {
		if (strcmp(pm_sim_node_name(w->sim, i), host) == 0)
			return i;
	}
	return 0;
}

static void no_answer(struct pm_call *c, enum pm_code code, bool maybe_sent, const char *text)
{
	pm_call_done(c);
	(void)pm_error_set(&c->err, code, "%s", text);
	(void)pm_error_where(&c->err, "%s %s %.*s", c->host->name, c->method,
		(int)strcspn(c->path, "?"), c->path);
	c->err.maybe_sent = maybe_sent;
}

static void take_reply(struct pm_call *c, const struct pm_sim_reply *r)
{
	switch (r->fault) {
	case PM_SIM_REFUSED:
		no_answer(c, PM_E_UNREACHABLE, false, "simulated: Connection refused");
		return;
	case PM_SIM_TIMEOUT:
		no_answer(c, PM_E_TIMEOUT, true, "simulated: no complete answer in time");
		return;
	case PM_SIM_CUT:
		no_answer(c, PM_E_UNREACHABLE, true, "simulated: the answer broke off");
		return;
	case PM_SIM_LOST:
	case PM_SIM_SILENT:
		no_answer(c, PM_E_UNREACHABLE, true, "simulated: Empty reply from server");
		return;
	case PM_SIM_ANSWER:
		break;
	}
	c->status = r->status;
	c->err.code = PM_OK;
	c->retry_after_s = 0;
	(void)snprintf(c->reason, sizeof(c->reason), "%.255s", r->reason);
	pm_buf_clear(&c->body_in);
	if (r->nbody > 0)
		(void)pm_buf_add(&c->body_in, r->body, r->nbody);
}

static void serve(const struct wire *w, struct pm_call *c)
{
	unsigned node = node_of(w, c->host->name);
	struct pm_sim_request q = {
		.method = c->method,
		.target = c->path,
		.body = c->body,
		.nbody = c->body ? strlen(c->body) : 0,
		.content_type = c->body ? "application/x-www-form-urlencoded" : NULL,
		.cookie = header(c->headers, "Cookie"),
		.authorization = header(c->headers, "Authorization"),
		.csrf = header(c->headers, "CSRFPreventionToken"),
	};
	struct pm_sim_reply r = { 0 };

	if (pm_sim_node_port(w->sim, node) != PM_SIM_OPEN) {
		no_answer(c, PM_E_UNREACHABLE, false, "simulated: No route to host");
		return;
	}
	pm_sim_call(w->sim, node, &q, &r);
	take_reply(c, &r);
	pm_sim_reply_done(&r);
}

static void wire_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	const struct wire *w = (struct wire *)t;
	bool go = true;

	for (size_t i = 0; i < n; i++) {
		if (!go || pm_cancelled(cancel, w->clock)) {
			no_answer(v[i], PM_E_CANCELLED, false, "called off before it was sent");
		} else {
			(void)pthread_mutex_lock(&one_at_a_time);
			serve(w, v[i]);
			(void)pthread_mutex_unlock(&one_at_a_time);
		}
		if (done && !done(arg, v[i]))
			go = false;
	}
}

static void wire_free(struct pm_transport *t)
{
	free(t);
}

struct pm_transport *pm_sim_transport_new(struct pm_sim *sim, const struct pm_clock *clock)
{
	static const struct pm_transport_ops ops = { wire_batch, wire_free };
	struct wire *w = pm_xcalloc(1, sizeof(*w));

	w->base.ops = &ops;
	w->sim = sim;
	w->clock = clock;
	return &w->base;
}

int pm_sim_transport_control(struct pm_sim *sim, const char *line, char *out, size_t size)
{
	int r;

	(void)pthread_mutex_lock(&one_at_a_time);
	r = pm_sim_control(sim, line, out, size);
	(void)pthread_mutex_unlock(&one_at_a_time);
	return r;
}
