/* The dry run, enforced where requests leave: a transport around another one that passes on reads and
 * the login, and refuses everything else. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/text.h"
#include "net/net.h"

struct readonly {
	struct pm_transport base;
	struct pm_transport *inner;
};

static bool harmless(const struct pm_call *c)
{
	static const char login[] = "/access/ticket";
	size_t n = strcspn(c->path, "?");

	if (pm_str_eq(c->method, "GET"))
		return true;
	return pm_str_eq(c->method, "POST") && !c->upload && n >= sizeof(login) - 1 &&
	       memcmp(c->path + n - (sizeof(login) - 1), login, sizeof(login) - 1) == 0;
}

static void refuse(struct pm_call *c)
{
	c->status = 0;
	(void)pm_error_set(
		&c->err, PM_E_REFUSED, "this is a dry run: nothing but reads leaves this process");
	(void)pm_error_where(&c->err, "%s %s %.*s", c->host->name, c->method,
		(int)strcspn(c->path, "?"), c->path);
}

static void call_off(struct pm_call *c)
{
	c->status = 0;
	(void)pm_error_set(&c->err, PM_E_CANCELLED, "called off before it was sent");
}

static void readonly_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct readonly *ro = (struct readonly *)t;
	cleanup_free struct pm_call **pass = pm_xcalloc(n, sizeof(struct pm_call *));
	size_t npass = 0;
	bool go = true;

	for (size_t i = 0; i < n; i++) {
		if (harmless(v[i])) {
			pass[npass++] = v[i];
			continue;
		}
		refuse(v[i]);
		if (done && !done(arg, v[i]))
			go = false;
	}
	if (go) {
		pm_net_batch(ro->inner, pass, npass, done, arg, cancel);
		return;
	}
	for (size_t i = 0; i < npass; i++) {
		call_off(pass[i]);
		(void)done(arg, pass[i]);
	}
}

static void readonly_free(struct pm_transport *t)
{
	struct readonly *ro = (struct readonly *)t;

	pm_transport_free(ro->inner);
	free(ro);
}

struct pm_transport *pm_transport_readonly(struct pm_transport *inner)
{
	static const struct pm_transport_ops ops = { readonly_batch, readonly_free };
	struct readonly *ro = pm_xcalloc(1, sizeof(*ro));

	ro->base.ops = &ops;
	ro->inner = inner;
	return &ro->base;
}
