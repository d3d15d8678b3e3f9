/* A client of PVE over scripted answers. */
#include "client.h"

#include <dirent.h>
#include <fcntl.h>
#include <json-c/json.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/vec.h"

#define TICKET \
	"{\"data\":{\"ticket\":\"PVE:root@pam:6B020DF7::sig+/=\",\"CSRFPreventionToken\":\"6B02:tok\"}}"

static void set_text(struct client *c, unsigned field, const char *text)
{
	struct pm_value *v = &c->cluster->val[field];

	v->state = PM_SET;
	v->u.s = text;
}

static void set_secret(struct client *c, unsigned field, const char *text)
{
	struct pm_secret_ref *ref = pm_new(c->arena, struct pm_secret_ref);

	ref->from = PM_SECRET_LITERAL;
	ref->text = text;
	c->cluster->val[field].state = PM_SET;
	c->cluster->val[field].u.secret = ref;
}

static void set_hosts(struct client *c, const char *hosts)
{
	struct pm_list *list = pm_new(c->arena, struct pm_list);

	list->v = pm_new_n(c->arena, const char *, 70);
	while (*hosts) {
		size_t n = strcspn(hosts, " ");

		list->v[list->n++] = pm_arena_strndup(c->arena, hosts, n);
		hosts += n + (hosts[n] == ' ');
	}
	c->cluster->val[PM_CLUSTER_HOSTS].state = PM_SET;
	c->cluster->val[PM_CLUSTER_HOSTS].u.list = list;
}

void client_prepare(struct client *c, const char *hosts, bool token)
{
	memset(c, 0, sizeof(*c));
	c->arena = pm_arena_new(0);
	pm_test_clock_init(&c->clock);
	c->job = (struct pm_job){
		.arena = c->arena, .cancel = &c->cancel, .clock = &c->clock.clock
	};
	pm_diags_init(&c->job.diags, c->arena);
	c->net = pm_fake_new();
	c->cluster = pm_rec_new(c->arena, &pm_kind_cluster);
	set_text(c, PM_CLUSTER_NAME, "home");
	set_hosts(c, hosts);
	if (token) {
		set_text(c, PM_CLUSTER_TOKEN_ID, "ci@pve!gitops");
		set_secret(c, PM_CLUSTER_TOKEN_SECRET, "token-s3cret");
	} else {
		set_text(c, PM_CLUSTER_USERNAME, "root");
		set_secret(c, PM_CLUSTER_PASSWORD, "pass;w=rd");
	}
}

void client_open(struct client *c)
{
	struct pm_pve_opts o = {
		.cluster = c->cluster,
		.transport = c->net,
		.clock = &c->clock.clock,
		.seed = 7,
		.allow = c->allow.n > 0 ? &c->allow : NULL,
		.audit = c->audit,
		.offline = c->offline,
	};

	assert_ok(pm_pve_open(&o, &c->pve, &c->err), &c->err);
}

void client_start(struct client *c, const char *hosts)
{
	client_prepare(c, hosts, false);
	client_answer(c, "POST", "/access/ticket", TICKET);
	client_open(c);
}

void client_start_token(struct client *c, const char *hosts)
{
	client_prepare(c, hosts, true);
	client_open(c);
}

void client_stop(struct client *c)
{
	pm_pve_free(c->pve);
	pm_transport_free(c->net);
	pm_audit_close(c->audit);
	pm_arena_free(c->arena);
}

static const char *full(struct client *c, const char *path)
{
	return path ? pm_arena_printf(c->arena, API "%s", path) : NULL;
}

void client_status(struct client *c, const char *method, const char *path, int status,
	const char *reason, const char *body)
{
	struct pm_fake_rule r = { .method = method,
		.path = full(c, path),
		.status = status,
		.reason = reason,
		.body = body };

	pm_fake_add(c->net, &r);
}

void client_answer(struct client *c, const char *method, const char *path, const char *body)
{
	client_status(c, method, path, 200, "OK", body);
}

void client_fail(
	struct client *c, const char *host, const char *path, enum pm_code code, bool maybe_sent)
{
	struct pm_fake_rule r = {
		.host = host, .path = full(c, path), .fail = code, .maybe_sent = maybe_sent
	};

	pm_fake_add(c->net, &r);
}

size_t client_count(struct client *c, const char *method, const char *path)
{
	return pm_fake_count(c->net, method, full(c, path));
}

static const struct pm_fake_request *request(
	struct client *c, size_t i, const char *method, const char *path)
{
	const struct pm_fake_request *q = pm_fake_request(c->net, i, method, full(c, path));

	assert_non_null(q);
	return q;
}

const char *client_body(struct client *c, size_t i, const char *method, const char *path)
{
	return request(c, i, method, path)->body;
}

const char *client_host(struct client *c, size_t i, const char *method, const char *path)
{
	return request(c, i, method, path)->host;
}

const char *client_headers(struct client *c, size_t i, const char *method, const char *path)
{
	return request(c, i, method, path)->headers;
}

int client_get(struct client *c, const char *path)
{
	struct pm_pve_call call = { .method = "GET", .path = path };

	return pm_pve_call(c->pve, &c->job, &call, NULL, &c->err);
}

/* ---- objects ---- */

void put(struct client *c, struct pm_rec *r, unsigned field, const char *text)
{
	const struct pm_field *f = &r->kind->fields[field];

	if (!text)
		r->val[field].state = PM_NULL;
	else
		assert_ok(pm_value_decode(c->arena, f, text, strlen(text), &r->val[field], &c->err),
			&c->err);
	/* What a manifest says is no observed text. */
	if (text && f->type == PM_T_PROPS)
		r->val[field].u.rec->raw = NULL;
}

void put_entry(
	struct client *c, struct pm_rec *spec, unsigned field, unsigned slot, const char *text)
{
	const struct pm_field *f = &spec->kind->fields[field];
	struct pm_value *v = &spec->val[field];
	struct pm_rec *r;

	if (v->state != PM_SET) {
		v->state = PM_SET;
		v->u.recs = pm_new(c->arena, struct pm_recs);
		v->u.recs->v = pm_new_n(c->arena, struct pm_rec *, 32);
	}
	assert_ok(pm_rec_parse(c->arena, f->sub, text, strlen(text), &r, &c->err), &c->err);
	r->raw = NULL;
	r->slot = slot;
	v->u.recs->v[v->u.recs->n++] = r;
}

struct pm_obj *want_new(struct client *c, const char *ns, const char *name)
{
	struct pm_obj *o = pm_new(c->arena, struct pm_obj);

	o->kind = &pm_kind_pod;
	o->ns = ns;
	o->name = name;
	o->file = "web.yaml";
	o->spec = pm_rec_new(c->arena, o->kind);
	return o;
}

struct pm_obj *have_new(struct client *c, unsigned vmid, const char *rows)
{
	struct pm_obj *o = pm_new(c->arena, struct pm_obj);
	char *text = pm_arena_printf(c->arena,
		"{\"data\":[%s%s{\"key\":\"digest\",\"value\":\"d1\"}]}", rows, *rows ? "," : "");

	o->kind = &pm_kind_pod;
	o->ns = "";
	o->name = "";
	o->live = pm_new(c->arena, struct pm_live);
	o->live->vmid = vmid;
	o->live->node = "pve1";
	o->live->type = "lxc";
	o->live->status = "stopped";
	assert_ok(
		pm_pve_decode_pending(c->arena, o->kind, text, strlen(text), o, &c->err), &c->err);
	return o;
}

/* ---- recordings ---- */

static size_t each_of_file(const char *path, recorded_fn *fn, void *arg)
{
	PM_CLEANUP(pm_json_putp) struct json_object *list = NULL;
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_error err;
	size_t n = 0;

	assert_ok(pm_file_read(AT_FDCWD, path, (size_t)64 << 20, &text, &err), &err);
	assert_ok(pm_json_parse(text.p, text.len, &list, &err), &err);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *x = json_object_array_get_idx(list, i);
		struct json_object *req = pm_json_get(x, "request"),
				   *res = pm_json_get(x, "response");
		const char *reason = pm_json_str(res, "reason");

		if (!req || !res || !pm_json_get(res, "status"))
			continue;
		fn(arg, pm_json_str(x, "name"), pm_json_str(req, "method"),
			pm_json_str(req, "path"), (int)pm_json_int(res, "status", 0),
			reason ? reason : "", pm_json_get(res, "body"));
		n++;
	}
	return n;
}

const char *recordings(void)
{
	const char *facts = getenv("PVE_FACTS");

	if (!facts) {
		print_message("PVE_FACTS is not set: the recordings are not there\n");
		skip();
	}
	return facts;
}

size_t each_recorded(recorded_fn *fn, void *arg)
{
	const char *facts = recordings();
	struct dirent **names;
	char dir[1024], path[2048];
	size_t n = 0;
	int count;

	(void)snprintf(dir, sizeof(dir), "%s/pve-api/recordings", facts);
	count = scandir(dir, &names, NULL, alphasort);
	assert_true(count > 2);
	for (int i = 0; i < count; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		if (strstr(path, ".json"))
			n += each_of_file(path, fn, arg);
		free(names[i]);
	}
	free(names);
	return n;
}
