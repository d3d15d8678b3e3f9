/* The client: options to a cluster's record, and the calls that belong to no kind of thing. */
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "base/mem.h"
#include "base/text.h"
#include "lib/lib_priv.h"
#include "version.h"

/* ---- options to a record of the configuration ---- */

/* One value as the configuration file would say it; NULL is left out. */
static int put_text(struct pm_arena *a, struct pm_rec *rec, unsigned row, const char *text,
	struct pm_error *err)
{
	const struct pm_field *f = &pm_kind_cluster.fields[row];

	if (!text)
		return 0;
	if (pm_value_parse(a, f, text, true, &rec->val[row], err) < 0)
		return pm_error_wrap(err, "%s", f->name);
	return 0;
}

static int put_number(
	struct pm_arena *a, struct pm_rec *rec, unsigned row, unsigned n, struct pm_error *err)
{
	/* Seconds need their unit in a configuration. */
	bool seconds = pm_kind_cluster.fields[row].type == PM_T_SECONDS;

	return n == 0 ? 0
		      : put_text(a, rec, row, pm_arena_printf(a, "%u%s", n, seconds ? "s" : ""),
				err);
}

static int put_list(struct pm_arena *a, struct pm_rec *rec, unsigned row, const char *const *v,
	size_t n, struct pm_error *err)
{
	const struct pm_field *f = &pm_kind_cluster.fields[row];
	const char **items = pm_new_n(a, const char *, n + 1);

	for (size_t i = 0; i < n; i++) {
		if (pm_item_parse(a, f, v[i], &items[i], err) < 0)
			return pm_error_wrap(err, "%s: \"%s\"", f->name, v[i]);
	}
	if (n > 0)
		pm_value_list(a, f, items, n, &rec->val[row]);
	return 0;
}

/* The host with that port, unless it names one. */
static const char *with_port(struct pm_arena *a, const char *text, unsigned port)
{
	const char *colon = strrchr(text, ':'), *close = strchr(text, ']');
	bool bracket = text[0] == '[';
	bool six = !bracket && colon && strchr(text, ':') != colon;

	if (colon && !six && (!bracket || (close && close < colon)))
		return text;
	return pm_arena_printf(a, six ? "[%s]:%u" : "%s:%u", text, port);
}

static int put_hosts(struct pm_arena *a, struct pm_rec *rec, const podmox_client_options *o,
	struct pm_error *err)
{
	const char **hosts = pm_new_n(a, const char *, o->nhosts + 1);

	if (o->nhosts == 0)
		return pm_error_set(err, PM_E_USAGE, "no host is given; set hosts and nhosts");
	if (o->port > 65535)
		return pm_error_set(
			err, PM_E_USAGE, "port: must be from 1 to 65535, not %u", o->port);
	for (size_t i = 0; i < o->nhosts; i++)
		hosts[i] = o->port ? with_port(a, o->hosts[i], o->port) : o->hosts[i];
	return put_list(a, rec, PM_CLUSTER_HOSTS, hosts, o->nhosts, err);
}

/* "root@pam" holds its realm. */
static int put_user(struct pm_arena *a, struct pm_rec *rec, const podmox_client_options *o,
	struct pm_error *err)
{
	const char *at = o->username ? strrchr(o->username, '@') : NULL;
	const char *name = o->username, *realm = o->realm;
	int r;

	if (at && !realm) {
		name = pm_arena_strndup(a, o->username, (size_t)(at - o->username));
		realm = at + 1;
	}
	r = put_text(a, rec, PM_CLUSTER_USERNAME, name, err);
	if (r == 0)
		r = put_text(a, rec, PM_CLUSTER_REALM, realm, err);
	if (r == 0)
		r = put_text(a, rec, PM_CLUSTER_TOKEN_ID, o->token_id, err);
	return r;
}

/* The text stays in locked memory; the record refers to it. */
static int put_secret(
	podmox_client *c, struct pm_rec *rec, const podmox_client_options *o, struct pm_error *err)
{
	const char *text = o->token_id ? o->token_secret : o->password;
	unsigned row = o->token_id ? PM_CLUSTER_TOKEN_SECRET : PM_CLUSTER_PASSWORD;
	struct pm_secret_ref *ref = pm_new(c->arena, struct pm_secret_ref);

	if (!o->token_id == !o->username)
		return pm_error_set(err, PM_E_USAGE,
			"set either username and password, or token_id and token_secret");
	if (!text || !*text)
		return pm_error_set(err, PM_E_USAGE, "%s is not set",
			o->token_id ? "token_secret" : "password");
	c->secret = pm_secret_new(text, strlen(text));
	*ref = (struct pm_secret_ref){ .from = PM_SECRET_LITERAL,
		.text = pm_secret_text(c->secret) };
	rec->val[row].state = PM_SET;
	rec->val[row].u.secret = ref;
	return 0;
}

static int make_record(
	podmox_client *c, const podmox_client_options *o, struct pm_rec **ret, struct pm_error *err)
{
	struct pm_rec *rec = pm_rec_new(c->arena, &pm_kind_cluster);
	int r = put_text(c->arena, rec, PM_CLUSTER_NAME, "cluster", err);

	if (r == 0)
		r = put_hosts(c->arena, rec, o, err);
	if (r == 0)
		r = put_user(c->arena, rec, o, err);
	if (r == 0)
		r = put_secret(c, rec, o, err);
	if (r == 0)
		r = put_text(c->arena, rec, PM_CLUSTER_TLS_CA, o->ca_file, err);
	if (r == 0)
		r = put_list(c->arena, rec, PM_CLUSTER_TLS_FINGERPRINTS, o->fingerprints,
			o->nfingerprints, err);
	if (r == 0)
		r = put_text(
			c->arena, rec, PM_CLUSTER_TLS_VERIFY, o->insecure ? "false" : NULL, err);
	if (r == 0)
		r = put_number(c->arena, rec, PM_CLUSTER_TIMEOUT, o->timeout_s, err);
	if (r == 0)
		r = put_number(c->arena, rec, PM_CLUSTER_READS, o->reads_in_flight, err);
	if (r == 0)
		r = put_number(c->arena, rec, PM_CLUSTER_WRITES, o->writes_in_flight, err);
	if (r == 0)
		r = put_number(c->arena, rec, PM_CLUSTER_RATE, o->requests_per_second, err);
	if (r == 0)
		*ret = rec;
	return r;
}

/* ---- opening ---- */

static podmox_client *new_client(void)
{
	podmox_client *c = pm_xcalloc(1, sizeof(*c));

	c->arena = pm_arena_new(0);
	return c;
}

struct opening {
	const struct pm_rec *cluster;
	const char *dir, *audit_file;
	int64_t audit_rotate;
	unsigned audit_keep;
	const struct pm_list *allow;
	bool no_cache;
};

static int start(podmox_client *c, const struct opening *o, struct pm_error *err)
{
	struct pm_net_opts net = { .clock = &pm_clock_system,
		.requests_per_second = (unsigned)pm_rec_int(o->cluster, PM_CLUSTER_RATE, 0) };
	struct pm_pve_opts pve = { .cluster = o->cluster,
		.config_dir = o->dir,
		.allow = o->allow,
		.clock = &pm_clock_system,
		.no_cache = o->no_cache };
	int r = pm_audit_open(o->audit_file, &c->audit, err);

	if (r < 0)
		return pm_error_wrap(err, "the audit log");
	pm_audit_rotate(c->audit, o->audit_rotate, o->audit_keep);
	r = pm_io_start(&net, &c->transport, err);
	if (r < 0)
		return r;
	pve.audit = c->audit;
	pve.transport = c->transport;
	return pm_pve_open(&pve, &c->pve, err);
}

static int copy_options(
	podmox_client_options *to, const podmox_client_options *from, struct pm_error *err)
{
	/* A caller that was built with an older header knows fewer members. */
	if (!from || from->size < sizeof(from->size) || from->size > sizeof(*to))
		return pm_error_set(err, PM_E_USAGE,
			"options: size must be that of podmox_client_options; use PODMOX_CLIENT_OPTIONS_INIT");
	memset(to, 0, sizeof(*to));
	memcpy(to, from, from->size);
	return 0;
}

static int open_options(podmox_client *c, const podmox_client_options *from, struct pm_error *err)
{
	podmox_client_options o = PODMOX_CLIENT_OPTIONS_INIT;
	struct opening how = { .dir = "." };
	struct pm_list *allow;
	struct pm_rec *rec = NULL;
	int r = copy_options(&o, from, err);

	if (r == 0)
		r = make_record(c, &o, &rec, err);
	if (r < 0)
		return r;
	how.cluster = rec;
	how.audit_file = o.audit_file;
	how.no_cache = o.no_cache != 0;
	if (o.allow) {
		allow = pm_new(c->arena, struct pm_list);
		allow->n = o.nallow;
		allow->v = pm_new_n(c->arena, const char *, o.nallow + 1);
		for (size_t i = 0; i < o.nallow; i++)
			allow->v[i] = pm_arena_strdup(c->arena, o.allow[i]);
		how.allow = allow;
	}
	return start(c, &how, err);
}

int podmox_client_open(
	const podmox_client_options *options, podmox_client **ret, podmox_error **reterr)
{
	podmox_client *c = new_client();
	struct pm_error err = { .code = PM_OK };

	if (open_options(c, options, &err) < 0) {
		podmox_client_close(c);
		return pm_lib_fail(reterr, &err, NULL);
	}
	*ret = c;
	return 0;
}

int podmox_client_open_file(const char *file, podmox_client **ret, podmox_error **reterr)
{
	podmox_client *c = new_client();
	struct pm_error err = { .code = PM_OK };
	struct opening how;
	const struct pm_value *allow;
	struct pm_diags d;
	int r;

	pm_diags_init(&d, c->arena);
	r = pm_config_open(file, &c->config, &d, &err);
	if (r < 0 && d.first)
		(void)pm_error_wrap(&err, "%s:%u: %s", d.first->pos.file ? d.first->pos.file : "",
			d.first->pos.line, d.first->msg);
	if (r == 0) {
		allow = pm_rec_get(c->config->rec, PM_CONFIG_POLICY_ALLOW);
		how = (struct opening){ .cluster = c->config->cluster,
			.dir = c->config->dir,
			.audit_file = c->config->audit_file,
			.audit_rotate = c->config->audit_rotate,
			.audit_keep = c->config->audit_keep,
			.allow = allow->state == PM_SET ? allow->u.list : NULL };
		r = start(c, &how, &err);
	}
	if (r < 0) {
		podmox_client_close(c);
		return pm_lib_fail(reterr, &err, NULL);
	}
	*ret = c;
	return 0;
}

void podmox_client_close(podmox_client *c)
{
	if (!c)
		return;
	pm_pve_free(c->pve);
	pm_transport_free(c->transport);
	pm_audit_close(c->audit);
	pm_config_free(c->config);
	pm_arena_free(c->arena);
	pm_secret_free(c->secret);
	free(c);
}

void podmox_client_cancel(podmox_client *c)
{
	atomic_store(&c->cancel.on, true);
}

void pm_lib_job_begin(podmox_client *c, struct pm_job *j)
{
	*j = (struct pm_job){
		.arena = pm_arena_new(0), .clock = &pm_clock_system, .cancel = &c->cancel
	};
	pm_diags_init(&j->diags, j->arena);
}

void pm_lib_job_end(struct pm_job *j)
{
	pm_arena_free(j->arena);
}

/* ---- any call ---- */

static void add_params(struct pm_buf *form, const podmox_param *params)
{
	for (; params && params->name; params++)
		pm_form_add(form, params->name, params->value ? params->value : "");
}

static int raw(podmox_client *c, const char *method, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **reterr)
{
	cleanup_buf struct pm_buf form = PM_BUF((size_t)1 << 20);
	struct pm_fault fault = { .code = PM_OK };
	struct pm_error err = { .code = PM_OK };
	struct pm_pve_call call = { .method = method, .path = path, .fault = &fault };
	struct json_object *data = NULL;
	struct pm_job j;
	int r;

	if (!path || path[0] != '/') {
		(void)pm_error_set(&err, PM_E_USAGE,
			"path: must start with a slash, below /api2/json, as /version");
		return pm_lib_fail(reterr, &err, NULL);
	}
	add_params(&form, params);
	call.form = form.len > 0 ? pm_buf_str(&form) : NULL;
	if (strcmp(method, "GET") != 0) {
		call.operation = "api";
		call.object = path;
	}
	pm_lib_job_begin(c, &j);
	r = pm_pve_call(c->pve, &j, &call, ret ? &data : NULL, &err);
	pm_lib_job_end(&j);
	if (r < 0)
		return pm_lib_fail(reterr, &err, &fault);
	if (ret)
		*ret = pm_lib_value(data);
	return 0;
}

int podmox_client_get(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	return raw(c, "GET", path, params, ret, err);
}

int podmox_client_post(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	return raw(c, "POST", path, params, ret, err);
}

int podmox_client_put(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	return raw(c, "PUT", path, params, ret, err);
}

int podmox_client_delete(podmox_client *c, const char *path, const podmox_param *params,
	podmox_value **ret, podmox_error **err)
{
	return raw(c, "DELETE", path, params, ret, err);
}

int podmox_client_authenticate(podmox_client *c, podmox_value **ret, podmox_error **err)
{
	return raw(c, "GET", "/access/permissions", NULL, ret, err);
}

void podmox_client_cache_drop(podmox_client *c, const char *path_prefix)
{
	pm_pve_cache_drop(c->pve, path_prefix ? path_prefix : "");
}

/* ---- what it did, and with whom ---- */

void podmox_client_get_stats(podmox_client *c, podmox_client_stats *ret)
{
	podmox_client_stats s = { .size = ret->size };
	struct pm_net_stats net;
	struct pm_pve_stats pve;

	pm_io_stats(c->transport, &net);
	pm_pve_stats(c->pve, &pve);
	s.requests = net.requests;
	s.connections = net.connections;
	s.failed = net.failed;
	s.cache_hits = pve.hits + pve.joined;
	s.cache_misses = pve.misses;
	s.logins = pve.logins;
	s.failovers = pve.failovers;
	memcpy(ret, &s, ret->size < sizeof(s) ? ret->size : sizeof(s));
}

static struct json_object *host_value(const struct pm_host_state *h)
{
	static const char *const words[] = {
		[PM_CLOSED] = "closed",
		[PM_OPEN] = "open",
		[PM_HALF_OPEN] = "half-open",
	};
	struct json_object *o = json_object_new_object();

	(void)json_object_object_add(o, "host", json_object_new_string(h->name));
	(void)json_object_object_add(o, "node", json_object_new_string(h->node));
	(void)json_object_object_add(o, "learnt", json_object_new_boolean(h->learnt));
	(void)json_object_object_add(o, "trusted", json_object_new_boolean(!h->distrusted));
	(void)json_object_object_add(o, "circuit", json_object_new_string(words[h->circuit]));
	(void)json_object_object_add(o, "failures", json_object_new_int64(h->failures));
	return o;
}

int podmox_client_hosts(podmox_client *c, podmox_value **ret, podmox_error **err)
{
	unsigned n = pm_pve_hosts(c->pve, NULL, 0);
	struct pm_host_state *v = pm_xcalloc(n + 1, sizeof(*v));
	struct json_object *list = json_object_new_array();
	unsigned got = pm_pve_hosts(c->pve, v, n);

	(void)err;
	for (unsigned i = 0; i < n && i < got; i++)
		(void)json_object_array_add(list, host_value(&v[i]));
	free(v);
	*ret = pm_lib_value(list);
	return 0;
}

const char *podmox_version(void)
{
	return PM_VERSION;
}
