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
