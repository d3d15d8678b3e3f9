/* One call: the one place every write passes. Policy before it, the audit log after it, and in between
 * the hosts in their order, a new ticket where the old one was refused, and another attempt where that
 * is provably safe. */
#include <json-c/json.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/retry.h"
#include "base/text.h"
#include "pve/op.h"
#include "pve/pve_priv.h"

#define REST_MOST_NS (60 * PM_S_NS) /* how long we wait for hosts that want to be left alone */

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

/* Waits while all hosts that could answer want to be left alone. */
int pm_pve_rest(struct pm_pve *p, struct pm_job *j, struct pm_error *err)
{
	for (;;) {
		uint64_t ns = pm_hosts_rest_ns(&p->hosts, pm_mono_ns(p->clock));

		if (ns == 0)
			return 0;
		if (ns > REST_MOST_NS)
			return pm_error_set(err, PM_E_BUSY,
				"the cluster is not asked: its hosts want to be left alone for another %llu s; "
				"try again then",
				(unsigned long long)((ns + PM_S_NS - 1) / PM_S_NS));
		if (pm_wait_ns(p->clock, ns, j->cancel) < 0)
			return pm_error_set(err, PM_E_CANCELLED,
				"cancelled while the cluster wants to be left alone");
	}
}

/* ---- one attempt ---- */

struct attempt {
	const struct pm_pve_call *c;
	const char *path; /* with the API's root, and the query of a GET or DELETE */
	const char *body;
	char node[NODE_MAX]; /* whose host is asked first; "": any */
	bool idempotent;
	unsigned most;       /* attempts; 0: the default */
	const char *host;    /* that was asked last */
	struct pm_buf *keep; /* takes the text of a good answer; NULL: nobody wants it */
};

/* The node of "/nodes/N/...". */
static void node_of(const struct pm_pve_call *c, char out[NODE_MAX])
{
	const char *s = c->node ? c->node : "";
	size_t n = strlen(s);

	if (!c->node && pm_str_starts(c->path, "/nodes/")) {
		s = c->path + 7;
		n = strcspn(s, "/?");
	}
	(void)snprintf(out, NODE_MAX, "%.*s", n < NODE_MAX ? (int)n : 0, s);
}

/* Did the request not reach anything that could have acted on it? Then the next host may be asked. */
static bool unheard(const struct attempt *a, const struct pm_error *err)
{
	if (err->code == PM_E_CANCELLED || err->code == PM_E_REFUSED || err->code == PM_E_LIMIT ||
		err->code == PM_E_BUG)
		return false;
	return a->idempotent || !err->maybe_sent;
}

/* Is it an answer of the host's own trouble, not of what was asked? */
bool pm_pve_host_trouble(const struct pm_call *c)
{
	/* The daemon behind this very host hangs: a path that names no node is its own business. */
	if (pm_pve_is_hop(c->status))
		return !strstr(c->path, "/nodes/");
	/* PVE never says so: something before this host limits the rate. */
	return c->status == 429 || c->status == 503;
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
	if (m->away.code == PM_OK && m->distrust.code == PM_OK)
		return pm_error_set(err, PM_E_BUSY, "all hosts want to be left alone for a while");
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

/* Sends one request, and beside it probes to hosts that may be back. What may be asked elsewhere, too, is
 * given up when its host is found to say nothing to anybody. */
static int ask_host(struct pm_pve *p, struct pm_job *j, struct pm_call *c, struct pm_error *err)
{
	struct pm_waiter waiter = { .cancel.above = j->cancel };
	struct pm_call *batch[1 + MOST_HOSTS] = { c };
	struct pm_probes probes;
	bool given_up = false;

	pm_hosts_asked(&p->hosts, c->host, pm_mono_ns(p->clock));
	pm_probes_init(&probes, p);
	for (unsigned i = 0; i < probes.n; i++)
		batch[1 + i] = &probes.v[i];
	if (c->idempotent)
		pm_hosts_wait(&p->hosts, c->host, &waiter);
	pm_net_batch(p->transport, batch, 1 + probes.n, NULL, NULL,
		c->idempotent ? &waiter.cancel : j->cancel);
	if (c->idempotent)
		given_up = pm_hosts_waited(&p->hosts, c->host, &waiter);
	if (given_up && c->err.code == PM_E_CANCELLED && !pm_cancelled(j->cancel, p->clock)) {
		(void)pm_error_set(&c->err, PM_E_TIMEOUT,
			"%s takes requests and answers none; it was given up", c->host->name);
		c->err.maybe_sent = true;
	}
	pm_hosts_told(&p->hosts, c, false, pm_mono_ns(p->clock));
	pm_probes_done(&probes, p);
	if (c->err.code == PM_OK)
		return 0;
	*err = c->err;
	return -(int)err->code;
}

/* Fills in what a failure says beyond its error. */
static void note_fault(const struct attempt *a, const struct pm_call *c)
{
	if (a->c->fault && c->status >= 400)
		pm_pve_fault(c, a->c->fault);
}

/* Sends it to one host after the other until one answers. */
static int ask_hosts(struct pm_pve *p, struct pm_job *j, struct attempt *a, struct pm_lease *l,
	struct pm_call *c, struct pm_error *err)
{
	struct pm_misses misses = { .away.code = PM_OK };
	uint8_t order[MOST_HOSTS];
	unsigned n =
		pm_hosts_order(&p->hosts, a->node[0] ? a->node : NULL, pm_mono_ns(p->clock), order);

	for (unsigned i = 0; i < n; i++) {
		const struct pm_host *host = &p->hosts.v[order[i]];
		int r;

		*c = (struct pm_call){
			.host = host,
			.method = a->c->method,
			.path = a->path,
			.body = a->body,
			.upload = a->c->upload,
			.headers = is_write(a->c->method) ? l->write : l->read,
			.timeout_ms = p->timeout_ms,
			.idempotent = a->idempotent,
		};
		a->host = host->name;
		if (i > 0)
			atomic_fetch_add(&p->failovers, 1);
		r = ask_host(p, j, c, err);
		if (r == 0 && !pm_pve_host_trouble(c))
			return 0;
		if (r == 0) {
			r = pm_pve_error(c, err);
			note_fault(a, c);
			pm_call_done(c);
		}
		if (!unheard(a, err))
			return r;
		pm_misses_note(&misses, err);
	}
	return pm_misses_sum(&misses, err);
}

/* What an answer is worth: 0 with *ret, or a typed error. */
static int judge(
	const struct attempt *a, struct pm_call *c, struct json_object **ret, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *body = NULL;
	struct pm_error ignored;

	if (c->status >= 400) {
		note_fault(a, c);
		return pm_pve_error(c, err);
	}
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
	if (a->keep) {
		*a->keep = c->body_in;
		c->body_in = (struct pm_buf)PM_BUF(0);
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
			if (r == 0 && strcmp(a->c->path, "/cluster/status") == 0)
				pm_hosts_take_status(&p->hosts, c.host, pm_json_get(*ret, "data"));
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

static void add_upload_keys(struct pm_buf *out, const struct pm_upload *u)
{
	for (size_t i = 0; u && i < u->nfields; i++)
		pm_buf_addf(out, "%s%s", out->len > 0 ? " " : "", u->fields[i].name);
	if (u)
		pm_buf_addf(out, "%s%s", out->len > 0 ? " " : "", u->field);
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
	add_upload_keys(&keys, a->c->upload);
	r.keys = pm_buf_str(&keys);
	/* The write is done, or is not; a log that cannot be kept must not hide which. */
	if (pm_audit_write(p->audit, p->clock, &r, &err) < 0 && j->diags.arena)
		pm_diag_add(&j->diags, PM_WARNING, (struct pm_pos){ .file = NULL },
			"the audit log could not be written: %s", err.msg);
}

/* ---- forgetting ---- */

/* The number that "vmid=210" or "newid=210" of a form names; 0: none. */
static unsigned form_vmid(const char *form)
{
	while (form && *form) {
		size_t n = strcspn(form, "&");
		const char *value = pm_str_starts(form, "vmid=")    ? form + 5
				    : pm_str_starts(form, "newid=") ? form + 6
								    : NULL;
		char digits[16];
		int64_t vmid;

		if (value && n - (size_t)(value - form) < sizeof(digits)) {
			(void)snprintf(digits, sizeof(digits), "%.*s",
				(int)(n - (size_t)(value - form)), value);
			if (pm_parse_int(digits, 1, INT32_MAX, &vmid) == 0)
				return (unsigned)vmid;
		}
		form += n + (form[n] == '&');
	}
	return 0;
}

/* What was written may be seen by nobody in its old form, whatever came of it. */
static void forget_written(struct pm_pve *p, const struct pm_pve_call *c)
{
	unsigned vmid = pm_path_vmid(c->path), other = form_vmid(c->form);

	pm_cache_wrote(&p->cache, c->path);
	if (vmid > 0)
		pm_known_drop(&p->known, vmid);
	if (other > 0 && other != vmid) {
		pm_cache_drop_guest(&p->cache, other);
		pm_known_drop(&p->known, other);
	}
	if (pm_str_starts(c->path, "/cluster/bulk-action/"))
		pm_known_drop(&p->known, 0);
}

/* The status of a task says that it is over: what it worked on is no longer what it was. */
static void forget_worked_on(
	struct pm_pve *p, const struct pm_pve_call *c, struct json_object *root)
{
	struct json_object *data = pm_json_get(root, "data");
	const char *status = pm_json_str(data, "status"), *id = pm_json_str(data, "id");
	size_t n = strlen(c->path);
	int64_t vmid;

	if (n < 7 || strcmp(c->path + n - 7, "/status") != 0 || !strstr(c->path, "/tasks/") ||
		!status || strcmp(status, "stopped") != 0)
		return;
	if (id && pm_parse_int(id, 1, INT32_MAX, &vmid) == 0) {
		pm_cache_drop_guest(&p->cache, (unsigned)vmid);
		pm_known_drop(&p->known, (unsigned)vmid);
	} else {
		pm_cache_wrote(&p->cache, c->path);
	}
}

/* ---- all of it ---- */

static int retry(struct pm_pve *p, struct pm_job *j, struct attempt *a, struct json_object **ret,
	struct pm_error *err)
{
	for (unsigned n = 1;; n++) {
		int r = pm_pve_rest(p, j, err);
		int64_t ms;

		if (r < 0)
			return r;
		r = attempt(p, j, a, ret, err);
		/* The lock of a guest is the executor's to wait for: it says so while it waits. */
		if (r == 0 || (err->code == PM_E_LOCKED && is_write(a->c->method)))
			return r;
		ms = pm_pve_delay_ms(p, n, a->most, a->idempotent, err);
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

/* A failure without an answer has details, too. */
static void complete_fault(const struct attempt *a, const struct pm_error *err)
{
	struct pm_fault *f = a->c->fault;

	if (!f || (f->status != 0 && f->status == err->http_status))
		return;
	*f = (struct pm_fault){ .code = err->code,
		.status = err->http_status,
		.retryable = pm_code_retryable(err->code) };
	(void)snprintf(f->host, sizeof(f->host), "%s", a->host ? a->host : "");
	(void)snprintf(f->method, sizeof(f->method), "%s", a->c->method);
	(void)snprintf(f->path, sizeof(f->path), "%.*s", (int)strcspn(a->c->path, "?"), a->c->path);
	(void)snprintf(f->text, sizeof(f->text), "%s", err->msg);
}

static bool is_in_query(const struct pm_pve_call *c)
{
	return c->form && *c->form && strcmp(c->method, "POST") != 0 &&
	       strcmp(c->method, "PUT") != 0;
}

static int send_now(struct pm_pve *p, struct pm_job *j, struct attempt *a, struct json_object **ret,
	struct pm_error *err)
{
	const struct pm_pve_call *c = a->c;
	bool write = is_write(c->method), in_query = is_in_query(c);
	cleanup_buf struct pm_buf path = PM_BUF(1 << 20);
	int r = 0;

	/* A file that may have arrived is never sent again: the server is at work on it. */
	a->idempotent = !write || (c->idempotent && !c->upload);
	pm_buf_addf(&path, API "%s%s%s", c->path, in_query ? "?" : "", in_query ? c->form : "");
	a->path = pm_buf_str(&path);
	node_of(c, a->node);
	if (!in_query && c->form && *c->form)
		a->body = c->form;
	if (c->fault)
		memset(c->fault, 0, sizeof(*c->fault));
	if (write)
		r = check_policy(p, c, err);
	if (r == 0 && c->upload && (strcmp(c->method, "POST") != 0 || a->body))
		r = pm_error_set(err, PM_E_BUG, "a file is sent by POST, and without a form");
	if (r == 0)
		r = retry(p, j, a, ret, err);
	if (r < 0)
		complete_fault(a, err);
	if (write && a->host)
		forget_written(p, c);
	if (!write && r == 0)
		forget_worked_on(p, c, *ret);
	/* A dry run refuses before anything leaves; that is no event. */
	if (write && !(r < 0 && err->code == PM_E_REFUSED && a->host && err->http_status == 0))
		audit(p, j, a, r == 0 ? *ret : NULL, r < 0 ? err : NULL);
	return r;
}

static int parse_kept(struct pm_blob *b, struct json_object **ret, struct pm_error *err)
{
	const char *text;
	size_t n;
	int r;

	text = pm_blob_text(b, &n);
	r = pm_json_parse(text, n, ret, err);
	pm_blob_put(b);
	return r;
}

/* An answer that was given before will do, or one that somebody else waits for. */
static int send_cached(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c,
	unsigned most, struct json_object **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf key = PM_BUF(1 << 20), text = PM_BUF(0);
	struct pm_pve_call lead = *c;
	struct attempt a = { .c = &lead, .most = most, .keep = &text };
	struct pm_cache_ask ask;
	struct pm_fault fault;
	int r;

	pm_buf_addf(
		&key, "%s%s%s", c->path, is_in_query(c) ? "?" : "", is_in_query(c) ? c->form : "");
	r = pm_cache_ask(&p->cache, j, pm_buf_str(&key), &ask, c->fault, err);
	if (r < 0)
		return r;
	if (ask.blob)
		return parse_kept(ask.blob, ret, err);
	lead.fault = &fault;
	r = send_now(p, j, &a, ret, err);
	pm_cache_leave(&p->cache, ask.flight, r == 0 ? &text : NULL, &fault, err);
	if (r < 0 && c->fault)
		*c->fault = fault;
	return r;
}

int pm_pve_send(struct pm_pve *p, struct pm_job *j, const struct pm_pve_call *c, unsigned most,
	struct json_object **ret, struct pm_error *err)
{
	struct attempt a = { .c = c, .most = most };

	if (c->cached && !p->no_cache && !is_write(c->method) && pm_cache_ttl_ns(c->path) > 0)
		return send_cached(p, j, c, most, ret, err);
	return send_now(p, j, &a, ret, err);
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
