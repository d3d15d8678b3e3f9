/* The way of one request: fault rules, method, login, route, rights, relaying to the node, parameters,
 * handler, envelope. In PVE's order, because the order decides which error is told. */
#include <openssl/evp.h>

#include "sim/sim_priv.h"

void pm_s_fail(struct sim_call *c, int status, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	va_list ap;

	if (c->failed)
		return;
	c->failed = true;
	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	c->r->status = status;
	(void)snprintf(c->r->reason, sizeof(c->r->reason), "%.*s",
		(int)strcspn(pm_buf_str(&text), "\n"), pm_buf_str(&text));
	pm_buf_clear(&c->out);
	if (status != 501 && status != 424)
		pm_buf_addc(&text, '\n');
	c->w = (struct pm_jwrite){ .out = &c->out };
	pm_jw_object(&c->w, NULL);
	pm_jw_raw(&c->w, "data", "null");
	if (c->errors.n) {
		pm_jw_object(&c->w, "errors");
		for (size_t i = 0; i < c->errors.n; i++)
			pm_jw_str(&c->w, c->errors.v[i].k, c->errors.v[i].v);
		pm_jw_object_end(&c->w);
	}
	pm_jw_str(&c->w, "message", pm_buf_str(&text));
}

void pm_s_bad(struct sim_call *c, const char *k, const char *fmt, ...)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	va_list ap;

	va_start(ap, fmt);
	pm_buf_addv(&text, fmt, ap);
	va_end(ap);
	if (!pm_s_conf_has(&c->errors, k))
		pm_s_conf_set(&c->errors, k, pm_buf_str(&text));
}

void pm_s_plain(struct sim_call *c, int status, const char *reason, const char *body)
{
	c->failed = true;
	c->r->status = status;
	(void)snprintf(c->r->reason, sizeof(c->r->reason), "%s", reason);
	c->r->content_type = NULL;
	c->r->no_length = !body;
	pm_buf_clear(&c->out);
	c->w.out = NULL;
	if (body)
		pm_buf_adds(&c->out, body);
}

void pm_s_again(struct sim_call *c, uint64_t at_ns)
{
	c->failed = true;
	c->r->again = true;
	c->r->delay_ns = at_ns > c->s->now_ns ? at_ns - c->s->now_ns : 1;
}

struct pm_sim_blob *pm_s_blob(struct pm_buf *b)
{
	struct pm_sim_blob *blob = pm_xcalloc(1, sizeof(*blob));

	blob->refs = 1;
	blob->n = b->len;
	blob->p = pm_buf_steal(b);
	return blob;
}

struct pm_sim_blob *pm_sim_blob_get(struct pm_sim_blob *b)
{
	b->refs++;
	return b;
}

void pm_sim_blob_put(struct pm_sim_blob *b)
{
	if (!b || --b->refs)
		return;
	pm_sim_blob_put(b->gzip);
	free(b->p);
	free(b);
}

void pm_sim_reply_done(struct pm_sim_reply *r)
{
	pm_sim_blob_put(r->blob);
	memset(r, 0, sizeof(*r));
}

void pm_s_reply_blob(struct sim_call *c, struct pm_sim_blob *b)
{
	c->r->blob = pm_sim_blob_get(b);
}

/* ---- the path ---- */

/* "/api2/json//nodes/pve1/" to "/nodes/pve1"; the format of the answer comes first. */
static bool take_path(struct sim_call *c)
{
	const char *target = c->q->target;
	size_t n = strcspn(target, "?#");
	char *path = pm_s_unescape(c->a, target, n, false), *to = path;
	const char *rest, *format;
	size_t len;

	for (char *p = path; *p; p++)
		if (*p != '/' || to == path || to[-1] != '/')
			*to++ = *p;
	while (to > path + 1 && to[-1] == '/')
		to--;
	*to = '\0';
	if (strncmp(path, "/api2/", 6) != 0) {
		pm_s_plain(c, 501, "no such file", "no such file");
		return false;
	}
	format = path + 6;
	len = strcspn(format, "/");
	rest = format[len] ? format + len : "/";
	c->extjs = len == 5 && !strncmp(format, "extjs", len);
	if (!c->extjs && (len != 4 || strncmp(format, "json", len) != 0)) {
		const char *text = pm_arena_printf(
			c->a, "no formatter for uri %s, %.*s", rest, (int)len, format);

		pm_s_plain(c, 501, text, text);
		return false;
	}
	c->path = pm_arena_strdup(c->a, rest);
	return true;
}

bool pm_s_is_upload(const struct sim_call *c)
{
	size_t n = strlen(c->path);

	return !strcmp(c->q->method, "POST") && !strncmp(c->path, "/nodes/", 7) && n > 7 &&
	       !strcmp(c->path + n - 7, "/upload") && strstr(c->path, "/storage/");
}

static bool take_params(struct sim_call *c)
{
	const char *query = strchr(c->q->target, '?');
	const char *type = c->q->content_type ? c->q->content_type : "";

	if (query)
		pm_s_params_form(c, query + 1, strlen(query + 1));
	if (!c->q->nbody && strncmp(type, "application/json", 16) != 0)
		return true;
	if (!strncmp(type, "application/json", 16)) {
		struct sim_params given = c->p;
		const char *why;

		if (pm_s_params_json(c, c->q->body ? c->q->body : "", c->q->nbody) && c->q->nbody)
			return true;
		c->p.n = given.n < c->p.n ? given.n : c->p.n;
		why = pm_arena_printf(c->a,
			"malformed JSON string, neither tag, array, object, number, string or atom, at "
			"character offset %zu (before \"(end of string)\") at "
			"/usr/share/perl5/PVE/APIServer/AnyEvent.pm line 934.",
			c->q->nbody);
		pm_s_plain(c, 500, why, pm_arena_printf(c->a, "%s\n", why));
		return false;
	}
	if (!pm_s_is_upload(c)) {
		pm_s_params_form(c, c->q->body, c->q->nbody);
	} else if (strncmp(type, "multipart/form-data", 19) != 0) {
		c->r->fault =
			PM_SIM_SILENT; /* pveproxy reads no further, until it is idle for too long */
		c->r->delay_ns = 5 * PM_S_NS;
		pm_s_plain(c, 500, "no multipart", NULL);
		return false;
	} else if (!pm_s_params_multipart(c)) {
		pm_s_plain(c, 501, "upload failed", "upload failed");
		return false;
	}
	return true;
}

/* Query before body: what is there twice, once in each, is the query's. */
static void drop_doubles(struct sim_call *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->p.n; i++) {
		bool twice = false;

		for (size_t j = 0; j < n && !twice; j++) {
			twice = !strcmp(c->p.v[j].k, c->p.v[i].k);
			if (twice && c->p.v[j].path && c->p.v[i].v &&
				strcmp(c->p.v[j].v, c->p.v[i].v) != 0)
				pm_s_bad(c, c->p.v[i].k,
					"duplicate parameter (already defined in URI) with conflicting values!");
		}
		if (!twice)
			c->p.v[n++] = c->p.v[i];
	}
	c->p.n = n;
}

/* ---- rights ---- */

/* "{vmid}" in a path of the rights table becomes the parameter's value. */
static char *fill(struct sim_call *c, const char *pattern, size_t n)
{
	cleanup_buf struct pm_buf out = PM_BUF(0);

	for (size_t i = 0; i < n; i++) {
		size_t end = i;

		if (pattern[i] != '{') {
			pm_buf_addc(&out, pattern[i]);
			continue;
		}
		while (end < n && pattern[end] != '}')
			end++;
		{
			const char *v =
				pm_s_arg(c, pm_arena_strndup(c->a, pattern + i + 1, end - i - 1));

			pm_buf_adds(&out, v ? v : "");
		}
		i = end;
	}
	return pm_arena_strdup(c->a, pm_buf_str(&out));
}

static bool allowed(struct sim_call *c)
{
	const char *perm = c->route->perm, *space;

	if (c->token && (c->route->flags & SIM_NO_TOKEN)) {
		pm_s_fail(c, 403,
			"Permission check failed (URI '%s' not available with API token, need proper "
			"ticket.)",
			c->path);
		return false;
	}
	if (!perm || pm_s_is_root(c))
		return true;
	space = strchr(perm, ' ');
	pm_assert(space);
	return pm_s_check(c, fill(c, perm, (size_t)(space - perm)), space + 1);
}

/* ---- the executing node ---- */

static bool find_node(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "node");
	int i;

	c->node = c->asked;
	if (!strncmp(c->path, "/nodes/", 7) && name && strcmp(name, "localhost") != 0) {
		i = pm_s_node_index(c->s, name);
		if (i < 0 && (c->route->flags & SIM_NODE || strncmp(c->path, "/nodes/", 7) == 0)) {
			bool plain = !pm_s_format(c->a, "pve-node", name);

			pm_s_fail(c, 500,
				"hostname lookup '%s' failed - failed to get address info for: %s: %s",
				name, name,
				plain ? "Temporary failure in name resolution"
				      : "Name or service not known");
			return false;
		}
		if (c->route->flags & SIM_NODE)
			c->node = (unsigned)i;
	}
	if (c->s->node[c->node].off) {
		pm_s_plain(c, 595, "Connection refused", NULL);
		return false;
	}
	if (c->node != c->asked && c->s->node[c->node].port == PM_SIM_CLOSED) {
		pm_s_plain(c, 595, "Connection refused", NULL);
		return false;
	}
	if (c->node != c->asked && c->s->node[c->node].port == PM_SIM_PAUSED) {
		pm_s_plain(c, 596, "Connection timed out", NULL);
		c->r->delay_ns = 30 * PM_S_NS;
		return false;
	}
	if (c->s->node[c->node].hung && (c->route->flags & SIM_PROTECTED)) {
		pm_s_plain(c, 596, "Connection timed out", NULL);
		c->r->delay_ns = 30 * PM_S_NS;
		return false;
	}
	return true;
}

/* ---- the envelope ---- */

static void wrap_extjs(struct sim_call *c)
{
	int status = c->r->status;
	struct pm_jwrite w = { .out = &c->out, .comma = true };

	pm_jw_int(&w, "success", status == 200);
	if (status == 400)
		pm_jw_str(&w, "status", "400");
	else if (status != 200)
		pm_jw_int(&w, "status", status);
	pm_buf_addc(&c->out, '}');
	c->r->status = 200;
	(void)snprintf(c->r->reason, sizeof(c->r->reason), "OK");
}

static void finish(struct sim_call *c)
{
	struct pm_sim_reply *r = c->r;

	if (r->again)
		return;
	if (!r->blob && c->w.out) {
		if (c->extjs)
			wrap_extjs(c);
		else
			pm_buf_addc(&c->out, '}');
		r->content_type = "application/json;charset=UTF-8";
	} else if (r->blob && !r->content_type) {
		r->content_type = "application/json;charset=UTF-8";
	}
	if (!r->blob)
		r->blob = pm_s_blob(&c->out);
	r->close |= r->status >= 400;
	if (r->status == 401 && !c->s->o.no_401_delay)
		r->delay_ns += 3 * PM_S_NS;
	if (c->q->gzip && r->blob->n > 1024) {
		struct pm_sim_blob *big = r->blob;

		if (!big->gzip)
			big->gzip = pm_s_gzip(big->p, big->n);
		r->blob = pm_sim_blob_get(big->gzip);
		r->gzip = true;
		r->body = r->blob->p;
		r->nbody = r->blob->n;
		pm_sim_blob_put(big);
		return;
	}
	r->body = r->blob->p;
	r->nbody = r->blob->n;
}

static void run(struct sim_call *c)
{
	size_t start;

	c->r->status = 200;
	(void)snprintf(c->r->reason, sizeof(c->r->reason), "OK");
	c->w = (struct pm_jwrite){ .out = &c->out };
	pm_jw_object(&c->w, NULL);
	start = c->out.len;
	c->route->fn(c);
	if (!c->failed && c->errors.n)
		pm_s_fail(c, 400, "Parameter verification failed.");
	if (!c->failed && !c->r->blob && c->out.len == start)
		pm_jw_raw(&c->w, "data", "null");
}

static bool method_known(struct sim_call *c)
{
	const char *m = c->q->method;

	if (strcmp(m, "GET") != 0 && strcmp(m, "POST") != 0 && strcmp(m, "PUT") != 0 &&
		strcmp(m, "DELETE") != 0) {
		pm_s_plain(c, 501, pm_arena_printf(c->a, "method '%s' not available", m), NULL);
		return false;
	}
	return true;
}

static bool body_known(struct sim_call *c)
{
	static const char *const known[] = { "application/x-www-form-urlencoded",
		"application/json" };
	const char *type = c->q->content_type, *m = c->q->method;

	if (c->q->nbody && (!strcmp(m, "GET") || !strcmp(m, "DELETE"))) {
		const char *text = pm_arena_printf(c->a, "Unexpected content for method '%s'", m);

		pm_s_plain(c, 501, text, text);
		return false;
	}
	if (!c->q->nbody || !type || !*type || pm_s_is_upload(c))
		return true;
	for (size_t i = 0; i < PM_COUNT(known); i++)
		if (!strncmp(type, known[i], strlen(known[i])))
			return true;
	type = pm_arena_printf(c->a, "upload 'Content-Type '%s' not implemented", type);
	pm_s_plain(c, 506, type, type);
	return false;
}

static void execute(struct sim_call *c)
{
	if (!allowed(c) || !find_node(c))
		return;
	pm_s_verify(c);
	if (c->errors.n)
		pm_s_fail(c, 400, "Parameter verification failed.");
	else
		run(c);
}

static void serve(struct sim_call *c)
{
	c->w.out = &c->out;
	if (!method_known(c) || !take_path(c))
		return;
	c->route = pm_s_route(c);
	if (!pm_s_login(c) || !body_known(c) || !take_params(c))
		return;
	drop_doubles(c);
	if (!c->route) {
		pm_s_fail(c, 501, "Method '%s %s' not implemented", c->q->method, c->path);
		return;
	}
	c->r->relayed = c->route->flags & SIM_PROTECTED;
	execute(c);
}

/* With a service time, a request waits for one of its node's workers and occupies it. */
static void occupy(struct sim_call *c)
{
	struct pm_sim *s = c->s;
	uint64_t *busy = s->node[c->node].busy, done;
	unsigned best = 0;

	if (s->o.latency_us <= 0 || c->r->again)
		return;
	for (unsigned i = 1; i < s->o.workers; i++)
		if (busy[i] < busy[best])
			best = i;
	done = (busy[best] > s->now_ns ? busy[best] : s->now_ns) + (uint64_t)s->o.latency_us * 1000;
	busy[best] = done;
	c->r->delay_ns += done - s->now_ns;
}

static bool inject(struct sim_call *c, struct sim_rule *rule)
{
	(void)snprintf(c->r->fault_rule, sizeof(c->r->fault_rule), "%s", rule->text);
	c->r->fault = rule->fault;
	if (rule->fault == PM_SIM_REFUSED || rule->fault == PM_SIM_TIMEOUT) {
		c->r->close = true;
		return true;
	}
	if (rule->fault != PM_SIM_ANSWER || rule->status == 596)
		return false; /* it is done all the same */
	if (rule->status == 595)
		pm_s_plain(c, 595, "Connection refused", NULL);
	else
		pm_s_fail(c, rule->status, "injected by --fail '%s'", rule->text);
	return true;
}

static void fault_after(struct sim_call *c, const struct sim_rule *rule)
{
	if (rule->fault == PM_SIM_ANSWER && rule->status == 596 && !c->r->again) {
		pm_sim_blob_put(c->r->blob);
		c->r->blob = NULL;
		c->r->relayed = false;
		pm_s_plain(c, 596, "Connection timed out", NULL);
	}
	c->r->close = true;
}

/* A reverse proxy before the node says that it is enough for now. */
static bool limited(struct sim_call *c)
{
	struct sim_node *n = &c->s->node[c->asked];

	if (!n->limited)
		return false;
	if (n->limited != UINT32_MAX)
		n->limited--;
	pm_s_plain(c, 429, "Too Many Requests", "Too Many Requests");
	c->r->retry_after_s = n->retry_after_s;
	(void)snprintf(c->r->fault_rule, sizeof(c->r->fault_rule), "rate-limit");
	return true;
}

static void tick(struct pm_sim *s)
{
	uint64_t now = pm_mono_ns(&s->clock);

	s->wall_ms = pm_wall_ms(&s->clock);
	s->now_ns = now;
	pm_s_tasks_advance(s);
	if (s->o.stats_lag_ms >= 0 &&
		now - s->collected_ns >= (uint64_t)s->o.stats_lag_ms * PM_MS_NS)
		pm_s_collect(s);
}

static void call_done(struct sim_call *c)
{
	pm_buf_done(&c->out);
	pm_vec_done(&c->p);
	pm_s_conf_done(&c->errors);
}

void pm_s_subcall(struct pm_sim *s, unsigned node, const char *authid, const char *method,
	const char *target, struct pm_sim_reply *r)
{
	struct pm_sim_request q = { .method = method, .target = target, .first_ns = s->now_ns };
	struct sim_call c = {
		.s = s, .q = &q, .r = r, .a = s->scratch, .asked = node, .node = node
	};

	memset(r, 0, sizeof(*r));
	c.w.out = &c.out;
	pm_s_identity(&c, authid);
	if (take_path(&c)) {
		c.route = pm_s_route(&c);
		(void)take_params(&c);
		if (c.route)
			execute(&c);
		else
			pm_s_fail(&c, 501, "Method '%s %s' not implemented", method, c.path);
	}
	if (r->again) { /* nobody can wait in the middle of a call */
		r->again = c.failed = false;
		pm_s_fail(&c, 500, "can't lock file - got timeout");
	}
	finish(&c);
	call_done(&c);
}

void pm_sim_request(
	struct pm_sim *s, unsigned node, struct pm_sim_request *q, struct pm_sim_reply *r)
{
	struct sim_call c = {
		.s = s, .q = q, .r = r, .a = s->scratch, .asked = node, .node = node
	};
	bool first = !q->first_ns;
	struct sim_rule *rule;

	memset(r, 0, sizeof(*r));
	tick(s);
	if (first)
		q->first_ns = s->now_ns;
	rule = first ? pm_s_rule_for(s, q->method, q->target) : NULL;
	if ((!rule || !inject(&c, rule)) && (!first || !limited(&c)))
		serve(&c);
	if (rule)
		fault_after(&c, rule);
	pm_s_tasks_advance(s);
	if (!r->again)
		pm_s_insist(s, q->method);
	occupy(&c);
	finish(&c);
	call_done(&c);
	pm_arena_reset(s->scratch);
}

void pm_sim_call(struct pm_sim *s, unsigned node, struct pm_sim_request *q, struct pm_sim_reply *r)
{
	q->first_ns = 0;
	for (;;) {
		pm_sim_request(s, node, q, r);
		if (r->delay_ns && pm_wait_ns(&s->clock, r->delay_ns, NULL) != 0)
			pm_assert(!"a wait without a token cannot be cancelled");
		if (!r->again)
			return;
		pm_sim_reply_done(r);
	}
}

uint64_t pm_sim_advance(struct pm_sim *s)
{
	tick(s);
	pm_arena_reset(s->scratch);
	return pm_s_tasks_next(s);
}

bool pm_s_digest(const char *algorithm, const void *p, size_t n, char out[129])
{
	const EVP_MD *how = EVP_get_digestbyname(algorithm);
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	if (!how || EVP_Digest(p, n, md, &len, how, NULL) != 1)
		return false;
	for (unsigned i = 0; i < len; i++)
		(void)snprintf(out + (size_t)2 * i, 3, "%02x", md[i]);
	return true;
}

void pm_s_sha1(const void *p, size_t n, char out[41])
{
	char all[129];

	pm_assert(pm_s_digest("sha1", p, n, all) && strlen(all) == 40);
	memcpy(out, all, 41);
}
