/* See net_test.h. */
#include "net_test.h"

#include <stdlib.h>

#include "base/mem.h"

void net_start(struct net *n, const struct server_opts *opts)
{
	struct pm_error err;

	*n = (struct net){ .server = server_start(opts) };
	n->host = (struct pm_host){ .name = "pve1", .url = server_url(n->server) };
	n->host.ca_file = server_ca(n->server);
	assert_ok(pm_io_start(NULL, &n->t, &err), &err);
}

void net_stop(struct net *n)
{
	pm_transport_free(n->t);
	server_stop(n->server);
}

int net_ask(struct net *n, struct pm_call *c, const char *method, const char *path,
	struct pm_error *err)
{
	c->host = &n->host;
	c->method = method;
	c->path = path;
	if (c->timeout_ms == 0)
		c->timeout_ms = 10000;
	return pm_net_request(n->t, c, NULL, err);
}

void net_expect(struct net *n, const char *path, int status)
{
	struct pm_call c = { 0 };
	struct pm_error err;

	assert_ok(net_ask(n, &c, "GET", path, &err), &err);
	assert_int_equal(c.status, status);
	pm_call_done(&c);
}

void net_many(struct net *n, const char *path, size_t count)
{
	struct pm_call *calls = pm_xcalloc(count, sizeof(*calls));
	struct pm_call **v = pm_xcalloc(count, sizeof(*v));

	for (size_t i = 0; i < count; i++) {
		calls[i] = (struct pm_call){ .host = &n->host, .method = "GET", .path = path };
		v[i] = &calls[i];
	}
	pm_net_batch(n->t, v, count, NULL, NULL, NULL);
	for (size_t i = 0; i < count; i++) {
		assert_ok(-(int)calls[i].err.code, &calls[i].err);
		assert_int_equal(calls[i].status, 200);
		pm_call_done(&calls[i]);
	}
	free(v);
	free(calls);
}

static bool batch_done(void *arg, struct pm_call *c)
{
	struct net_batch *b = arg;

	assert_ptr_equal(c->user, b);
	return ++b->seen != b->stop_at;
}

void net_batch_run(struct net_batch *b)
{
	pm_net_batch(b->net->t, b->v, b->n, batch_done, b, b->cancel);
}

static void *batch_main(void *arg)
{
	net_batch_run(arg);
	return NULL;
}

void net_batch_new(
	struct net_batch *b, struct net *net, const char *method, const char *path, size_t n)
{
	*b = (struct net_batch){ .net = net, .n = n };
	b->calls = pm_xcalloc(n, sizeof(*b->calls));
	b->v = pm_xcalloc(n, sizeof(struct pm_call *));
	for (size_t i = 0; i < n; i++) {
		b->calls[i] = (struct pm_call){
			.host = &net->host,
			.method = method,
			.path = path,
			.user = b,
		};
		b->v[i] = &b->calls[i];
	}
}

void net_batch_start(struct net_batch *b)
{
	assert_int_equal(pthread_create(&b->thread, NULL, batch_main, b), 0);
}

void net_batch_join(struct net_batch *b)
{
	assert_int_equal(pthread_join(b->thread, NULL), 0);
}

size_t net_batch_count(const struct net_batch *b, enum pm_code code)
{
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++)
		n += b->calls[i].err.code == code;
	return n;
}

void net_batch_end(struct net_batch *b)
{
	for (size_t i = 0; i < b->n; i++)
		pm_call_done(&b->calls[i]);
	free(b->calls);
	free(b->v);
}
