/* Answers of PVE in a file: a transport that keeps them, and one that gives them again. Values of keys
 * that hold secrets are left out when they are written. */
#include "recon/snapshot.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/text.h"
#include "base/vec.h"

#define MAX_FILE ((size_t)1 << 30)

/* ---- keeping ---- */

struct answer {
	char *path, *reason;
	int status;
	struct pm_buf body;
};

struct recording {
	struct pm_transport base;
	struct pm_transport *inner;
	pthread_mutex_t lock;
	PM_VEC(struct answer) v;
};

/** The caller's callback, behind ours. */
struct tap {
	struct recording *r;
	pm_call_done_fn *done;
	void *arg;
};

static bool keep(void *arg, struct pm_call *c)
{
	struct tap *t = arg;
	struct answer a = { .status = c->status, .body = PM_BUF(MAX_FILE) };

	if (strcmp(c->method, "GET") == 0 && c->err.code == PM_OK) {
		a.path = pm_xstrdup(c->path);
		a.reason = pm_xstrdup(c->reason);
		pm_buf_add(&a.body, pm_buf_str(&c->body_in), c->body_in.len);
		pthread_mutex_lock(&t->r->lock);
		pm_vec_push(&t->r->v, a);
		pthread_mutex_unlock(&t->r->lock);
	}
	return t->done ? t->done(t->arg, c) : true;
}

static void record_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	struct tap tap = { (struct recording *)t, done, arg };

	pm_net_batch(tap.r->inner, v, n, keep, &tap, cancel);
}

static void record_free(struct pm_transport *t)
{
	struct recording *r = (struct recording *)t;

	pm_transport_free(r->inner);
	for (size_t i = 0; i < r->v.n; i++) {
		free(r->v.v[i].path);
		free(r->v.v[i].reason);
		pm_buf_done(&r->v.v[i].body);
	}
	pm_vec_done(&r->v);
	pthread_mutex_destroy(&r->lock);
	free(r);
}

static const struct pm_transport_ops record_ops = { record_batch, record_free };

struct pm_transport *pm_transport_record(struct pm_transport *inner)
{
	struct recording *r = pm_xcalloc(1, sizeof(*r));

	r->base.ops = &record_ops;
	r->inner = inner;
	pthread_mutex_init(&r->lock, NULL);
	return &r->base;
}

/* ---- writing ---- */

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct answer *)a)->path, ((const struct answer *)b)->path);
}

static bool is_secret(const char *key)
{
	static const char *const keys[] = { "password", "cipassword", "ticket",
		"CSRFPreventionToken" };

	for (size_t i = 0; i < PM_COUNT(keys); i++) {
		if (strcmp(key, keys[i]) == 0)
			return true;
	}
	return false;
}

static void mask(struct json_object *o);

static void mask_members(struct json_object *o)
{
	const char *key = pm_json_str(o, "key");
	bool row = key && is_secret(key);

	json_object_object_foreach(o, name, value)
	{
		if (is_secret(name) || (row && strcmp(name, "key") != 0))
			(void)json_object_object_add(o, name, json_object_new_string("***"));
		else
			mask(value);
	}
}

/* Replaces secrets, as members and as rows of key and value. */
static void mask(struct json_object *o)
{
	if (json_object_is_type(o, json_type_object))
		mask_members(o);
	else if (json_object_is_type(o, json_type_array))
		for (size_t i = 0; i < json_object_array_length(o); i++)
			mask(json_object_array_get_idx(o, i));
}

static void write_body(struct pm_jwrite *w, const struct answer *a)
{
	PM_CLEANUP(pm_json_putp) struct json_object *tree = NULL;
	struct pm_error ignored;

	if (pm_json_parse(pm_buf_str(&a->body), a->body.len, &tree, &ignored) < 0 || !tree) {
		pm_jw_strn(w, "text", pm_buf_str(&a->body), a->body.len);
		return;
	}
	mask(tree);
	pm_jw_raw(w, "body",
		json_object_to_json_string_ext(
			tree, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void write_answers(struct pm_jwrite *w, const struct recording *r)
{
	pm_jw_array(w, "answers");
	for (size_t i = 0; i < r->v.n; i++) {
		const struct answer *a = &r->v.v[i];

		/* Of a path that was asked twice the last answer counts. */
		if (i + 1 < r->v.n && strcmp(a->path, r->v.v[i + 1].path) == 0)
			continue;
		pm_jw_object(w, NULL);
		pm_jw_str(w, "path", a->path);
		pm_jw_int(w, "status", a->status);
		pm_jw_str(w, "reason", a->reason);
		write_body(w, a);
		pm_jw_object_end(w);
		pm_buf_addc(w->out, '\n');
	}
	pm_jw_array_end(w);
}

int pm_snapshot_write(struct pm_transport *recording, const char *file,
	const struct pm_snapshot_facts *f, struct pm_error *err)
{
	struct recording *r = (struct recording *)recording;
	cleanup_buf struct pm_buf out = PM_BUF(MAX_FILE);
	struct pm_jwrite w = { .out = &out };
	char made[32];

	pm_assert(recording->ops == &record_ops);
	qsort(r->v.v, r->v.n, sizeof(*r->v.v), by_path);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "podmox", "snapshot");
	pm_jw_str(&w, "version", "1");
	pm_jw_str(&w, "set", f->set);
	pm_jw_str(&w, "cluster", f->cluster);
	pm_jw_str(&w, "made", pm_format_time(f->made_ms, made));
	pm_buf_addc(&out, '\n');
	write_answers(&w, r);
	pm_jw_object_end(&w);
	pm_buf_addc(&out, '\n');
	if (out.full)
		return pm_error_set(err, PM_E_LIMIT, "the snapshot is larger than 1 GiB");
	return pm_file_write(file, pm_buf_str(&out), out.len, 0600, err);
}

/* ---- giving them again ---- */

struct replay {
	struct pm_transport base;
	struct json_object *tree; /* the file */
	struct pm_map answers;    /* of the tree, by path */
};

static void answer_call(const struct replay *r, struct pm_call *c)
{
	struct json_object *a =
		strcmp(c->method, "GET") == 0 ? pm_map_get(&r->answers, c->path) : NULL;
	struct json_object *body = pm_json_get(a, "body");
	const char *text = body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN)
				: pm_json_str(a, "text");

	c->err.code = PM_OK;
	if (!a) {
		c->status = 0;
		(void)pm_error_set(&c->err, PM_E_UNREACHABLE,
			"%s %s is not in the snapshot; make a new one", c->method, c->path);
		return;
	}
	c->status = (int)pm_json_int(a, "status", 500);
	(void)snprintf(c->reason, sizeof(c->reason), "%s", pm_json_str(a, "reason"));
	pm_buf_clear(&c->body_in);
	c->body_in.max = MAX_FILE;
	pm_buf_adds(&c->body_in, text ? text : "");
}

static void replay_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, PM_UNUSED struct pm_cancel *cancel)
{
	for (size_t i = 0; i < n; i++) {
		answer_call((struct replay *)t, v[i]);
		if (done)
			(void)done(arg, v[i]);
	}
}

static void replay_free(struct pm_transport *t)
{
	struct replay *r = (struct replay *)t;

	pm_map_done(&r->answers);
	json_object_put(r->tree);
	free(r);
}

static int bad_file(const char *file, const char *why, struct pm_error *err)
{
	return pm_error_set(
		err, PM_E_INPUT, "%s is no snapshot: %s; make one with podmox snapshot", file, why);
}

static int index_answers(struct replay *r, const char *file, struct pm_error *err)
{
	struct json_object *list = pm_json_get(r->tree, "answers");
	const char *what = pm_json_str(r->tree, "podmox");

	if (!what || strcmp(what, "snapshot") != 0)
		return bad_file(file, "it does not say so", err);
	if (pm_json_int(r->tree, "version", 0) != 1)
		return bad_file(file, "its version is not 1", err);
	if (!json_object_is_type(list, json_type_array))
		return bad_file(file, "it has no answers", err);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *path = pm_json_str(a, "path");

		if (!path || !pm_json_str(a, "reason"))
			return bad_file(file, "an answer has no path or reason", err);
		(void)pm_map_set(&r->answers, path, a);
	}
	return 0;
}

int pm_snapshot_open(
	const char *file, struct pm_transport **ret, const char **ret_made, struct pm_error *err)
{
	static const struct pm_transport_ops ops = { replay_batch, replay_free };
	cleanup_buf struct pm_buf text = PM_BUF(MAX_FILE);
	struct replay *r = pm_xcalloc(1, sizeof(*r));
	struct pm_error json;
	int bad = pm_file_read(AT_FDCWD, file, MAX_FILE, &text, err);

	r->base.ops = &ops;
	if (bad == 0 && pm_json_parse(pm_buf_str(&text), text.len, &r->tree, &json) < 0)
		bad = bad_file(file, json.msg, err);
	if (bad == 0)
		bad = index_answers(r, file, err);
	if (bad < 0) {
		replay_free(&r->base);
		return bad;
	}
	if (ret_made)
		*ret_made = pm_json_str(r->tree, "made");
	*ret = &r->base;
	return 0;
}
