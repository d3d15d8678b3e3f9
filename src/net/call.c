/* What is the same for every transport: one call, many calls, the end. */
#include "net/net.h"

void pm_call_done(struct pm_call *c)
{
	pm_buf_done(&c->body_in);
	c->status = 0;
	c->reason[0] = '\0';
	c->retry_after_s = 0;
	c->err.code = PM_OK;
}

void pm_net_batch(struct pm_transport *t, struct pm_call *const *v, size_t n, pm_call_done_fn *done,
	void *arg, struct pm_cancel *cancel)
{
	if (n > 0)
		t->ops->batch(t, v, n, done, arg, cancel);
}

int pm_net_request(
	struct pm_transport *t, struct pm_call *c, struct pm_cancel *cancel, struct pm_error *err)
{
	struct pm_call *const one[] = { c };

	pm_net_batch(t, one, 1, NULL, NULL, cancel);
	if (c->err.code == PM_OK)
		return 0;
	*err = c->err;
	return -(int)err->code;
}

void pm_transport_free(struct pm_transport *t)
{
	if (t)
		t->ops->free(t);
}
