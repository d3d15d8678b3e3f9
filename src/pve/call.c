/* One call: the one place every write passes. Policy before it, the audit log after it, and in between
 * the hosts in their order, a new ticket where the old one was refused, and another attempt where that
 * is provably safe. */
#include <json-c/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/retry.h"
#include "base/text.h"
#include "pve/pve_priv.h"

static bool is_write(const char *method)
{
	return strcmp(method, "GET") != 0;
}

/* ---- patience ---- */

int64_t pm_pve_delay_ms(struct pm_pve *p, unsigned attempt, unsigned most, bool idempotent,
	const struct pm_error *err)
{
	struct pm_retry r = { .attempt = attempt, .most = most, .idempotent = idempotent };
	int64_t ms;

	/* All hosts were asked, or half a minute was waited: few more of these are enough. */
	if (r.most == 0 && (err->code == PM_E_TIMEOUT || err->code == PM_E_UNREACHABLE))
		r.most = err->code == PM_E_TIMEOUT ? 2 : 3;
	pthread_mutex_lock(&p->lock);
	ms = pm_retry_delay_ms(&r, err, &p->rnd);
	pthread_mutex_unlock(&p->lock);
	return ms;
}

int pm_pve_wait_ms(struct pm_pve *p, struct pm_job *j, int64_t ms, struct pm_error *err)
{
	struct pm_error before = *err;

	if (pm_wait_ns(p->clock, (uint64_t)ms * PM_MS_NS, j->cancel) == 0)
		return 0;
	(void)pm_error_set(err, PM_E_CANCELLED, "cancelled while waiting to try again");
	if (before.code != PM_OK) {
		(void)pm_error_wrap(err, "%s", before.msg);
		err->maybe_sent = before.maybe_sent;
	}
	return -PM_E_CANCELLED;
}

/* ---- one attempt ---- */

struct attempt {
	const struct pm_pve_call *c;
	const char *path; /* with the API's root, and the query of a GET or DELETE */
	const char *body;
	bool idempotent;
	const char *host; /* that was asked last */
};

/* Did the request not reach anything that could have acted on it? Then the next host may be asked. */
static bool unheard(const struct attempt *a, const struct pm_error *err)
{
	if (err->code == PM_E_CANCELLED || err->code == PM_E_REFUSED || err->code == PM_E_LIMIT ||
		err->code == PM_E_BUG)
		return false;
	return a->idempotent || !err->maybe_sent;
}

/* The daemon behind this very host hangs: a path that names no node is the host's own business. */
static bool host_hangs(const struct pm_call *c)
{
	return pm_pve_is_hop(c->status) && !strstr(c->path, "/nodes/");
}

void pm_misses_note(struct pm_misses *m, const struct pm_error *err)
{
	if (err->code != PM_E_AUTH || err->http_status != 0)
		m->away = *err;
	else if (m->distrust.code == PM_OK)
		m->distrust = *err;
}

int pm_misses_sum(const struct pm_misses *m, struct pm_error *err)
{
	if (m->away.code == PM_OK) {
		*err = m->distrust;
		return -(int)err->code;
	}
	*err = m->away;
	if (m->distrust.code != PM_OK) {
		(void)pm_error_set(err, m->away.code, "%s; and %s", m->away.msg, m->distrust.msg);
		err->maybe_sent = m->away.maybe_sent;
		err->http_status = m->away.http_status;
		(void)pm_error_where(err, "%s", m->away.where);
	}
	return -(int)err->code;
}

/* Sends it to one host after the other until one answers. */
static int ask_hosts(struct pm_pve *p, struct pm_job *j, struct attempt *a, struct pm_lease *l,
	struct pm_call *c, struct pm_error *err)
{
	struct pm_misses misses = { .away.code = PM_OK };
	uint8_t order[MOST_HOSTS];
	int r = 0;

	pm_hosts_order(&p->hosts, a->c->node, pm_mono_ns(p->clock), order);
	for (unsigned i = 0; i < p->hosts.n; i++) {
		const struct pm_host *host = &p->hosts.v[order[i]];

		*c = (struct pm_call){
			.host = host,
			.method = a->c->method,
			.path = a->path,
			.body = a->body,
			.headers = is_write(a->c->method) ? l->write : l->read,
			.timeout_ms = p->timeout_ms,
			.idempotent = a->idempotent,
		};
		a->host = host->name;
		r = pm_net_request(p->transport, c, j->cancel, err);
		if (r == 0 && !host_hangs(c)) {
			pm_hosts_ok(&p->hosts, host);
			return 0;
		}
		if (r == 0) {
			r = pm_pve_error(c, err);
			pm_call_done(c);
		}
		if (err->code == PM_E_CANCELLED)
			return r;
		pm_hosts_failed(&p->hosts, host, pm_mono_ns(p->clock));
		if (!unheard(a, err))
			return r;
		pm_misses_note(&misses, err);
	}
	return pm_misses_sum(&misses, err);
}

/* What an answer is worth: 0 with *ret, or a typed error. */
static int judge(const struct attempt *a, const struct pm_call *c, struct json_object **ret,
	struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *body = NULL;
	struct pm_error ignored;

	if (c->status >= 400)
		return pm_pve_error(c, err);
	if (c->status >= 300)
		return pm_pve_strange(c, err);
	if (c->body_in.len == 0 ||
		pm_json_parse(c->body_in.p, c->body_in.len, &body, &ignored) < 0 ||
		!json_object_is_type(body, json_type_object) ||
		!json_object_object_get_ex(body, "data", NULL)) {
		(void)pm_pve_strange(c, err);
		err->maybe_sent = is_write(a->c->method);
		return -PM_E_PROTOCOL;
	}
	*ret = body;
	body = NULL;
	return 0;
}

static int attempt(struct pm_pve *p, struct pm_job *j, struct attempt *a, struct json_object **ret,
	struct pm_error *err)
{
	for (int tries = 0;; tries++) {
		struct pm_lease lease = { .creds = NULL };
		struct pm_call c = { .status = 0 };
		bool again = false;
		int r;

		r = pm_session_take(p, j, &lease, err);
		if (r == 0)
			r = ask_hosts(p, j, a, &lease, &c, err);
		if (r == 0) {
			r = judge(a, &c, ret, err);
			if (c.status == 401)
				again = pm_session_refused(p, &lease, err);
			else
				pm_session_worked(&lease);
			pm_call_done(&c);
		}
		pm_session_give(p, &lease);
		if (r == 0 || !again || tries > 0)
			return r;
	}
}

/* ---- the audit log ---- */

/* Names of the parameters, never values: secrets are among them. */
static void add_keys(struct pm_buf *out, const char *form)
{
	while (form && *form) {
		size_t n = strcspn(form, "&");

		if (out->len > 0)
			pm_buf_addc(out, ' ');
		pm_buf_add(out, form, strcspn(form, "=&"));
		form += n + (form[n] == '&');
	}
}

static void audit(struct pm_pve *p, struct pm_job *j, const struct attempt *a,
	struct json_object *root, const struct pm_error *failed)
{
	cleanup_buf struct pm_buf keys = PM_BUF(8192);
	const char *upid = pm_json_str(root, "data");
	struct pm_audit_record r = {
		.operation = a->c->operation,
		.object = a->c->object ? a->c->object : "",
		.user = p->session.user,
		.host = a->host ? a->host : "",
		.method = a->c->method,
		.path = a->c->path,
		.result = failed ? pm_code_name(failed->code) : "ok",
		.details = failed ? failed->msg : (upid ? upid : ""),
	};
	struct pm_error err;

	if (!p->audit)
		return;
	add_keys(&keys, a->c->form);
	r.keys = pm_buf_str(&keys);
	/* The write is done, or is not; a log that cannot be kept must not hide which. */
	if (pm_audit_write(p->audit, p->clock, &r, &err) < 0 && j->diags.arena)
		pm_diag_add(&j->diags, PM_WARNING, (struct pm_pos){ .file = NULL },
			"the audit log could not be written: %s", err.msg);
}

/* ---- all of it ---- */

static int retry(struct pm_pve *p, struct pm_job *j, struct attempt *a, unsigned most,
	struct json_object **ret, struct pm_error *err)
{
	for (unsigned n = 1;; n++) {
		int r = attempt(p, j, a, ret, err);
		int64_t ms;

		/* The lock of a guest is the executor's to wait for: it says so while it waits. */
		if (r == 0 || (err->code == PM_E_LOCKED && is_write(a->c->method)))
			return r;
		ms = pm_pve_delay_ms(p, n, most, a->idempotent, err);
		if (ms < 0)
			return -(int)err->code;
		r = pm_pve_wait_ms(p, j, ms, err);
		if (r < 0)
			return r;
	}
}

static int check_policy(const struct pm_pve *p, const struct pm_pve_call *c, struct pm_error *err)
{
	if (!c->operation)
		return pm_error_set(err, PM_E_BUG, "%s %s names no operation", c->method, c->path);
	if (!p->allow)
		return 0;
	return pm_policy_check(p->allow->v, p->allow->n, c->operation, err);
}

int pm_pve_send(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c, unsigned most,
	struct json_object **ret, struct pm_error *err)
{
	bool write = is_write(c->method);
	bool in_query = c->form && *c->form && strcmp(c->method, "POST") != 0 &&
			strcmp(c->method, "PUT") != 0;
	cleanup_buf struct pm_buf path = PM_BUF(1 << 20);
	struct attempt a = { .c = c, .idempotent = !write || c->idempotent };
	int r = 0;

	pm_buf_addf(&path, API "%s%s%s", c->path, in_query ? "?" : "", in_query ? c->form : "");
	a.path = pm_buf_str(&path);
	if (!in_query && c->form && *c->form)
		a.body = c->form;
	if (write)
		r = check_policy(p, c, err);
	if (r == 0)
		r = retry(p, j, &a, most, ret, err);
	/* A dry run refuses before anything leaves; that is no event. */
	if (write && !(r < 0 && err->code == PM_E_REFUSED && a.host && err->http_status == 0))
		audit(p, j, &a, r == 0 ? *ret : NULL, r < 0 ? err : NULL);
	return r;
}

int pm_pve_call(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c,
	struct json_object **ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *root = NULL;
	int r;

	r = pm_pve_send(p, j, c, 0, &root, err);
	if (r == 0 && ret)
		*ret = json_object_get(pm_json_get(root, "data"));
	return r;
}
