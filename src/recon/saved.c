/* Saved plans. The file holds what the plan was made of (paths, options, hashes of files, digests of
 * guests) and what it says, as `plan -o json` prints it. */
#include "recon/saved.h"

#include <fcntl.h>
#include <json-c/json.h>
#include <string.h>

#include "base/file.h"
#include "base/json.h"
#include "base/map.h"
#include "base/text.h"
#include "manifest/manifest.h"
#include "security/security.h"

#define MAX_FILE ((size_t)256 << 20)
#define HEAD     "{\"podmox\":\"plan\","

struct pm_saved {
	struct pm_arena *arena;
	const char *file, *set;
	struct pm_recon_ask ask;
	const char *text; /* the whole file */
	size_t ntext;
};

/* ---- options, by one table for both ways ---- */

static const struct flag {
	const char *name;
	size_t offset;
} flags[] = {
	{ "prune", offsetof(struct pm_plan_opts, prune) },
	{ "pruneSingle", offsetof(struct pm_plan_opts, prune_single) },
	{ "allowRestart", offsetof(struct pm_plan_opts, allow_restart) },
	{ "allowReplace", offsetof(struct pm_plan_opts, allow_replace) },
};

static void write_options(struct pm_jwrite *w, const struct pm_plan_opts *o)
{
	pm_jw_object(w, "options");
	for (size_t i = 0; i < PM_COUNT(flags); i++)
		pm_jw_bool(w, flags[i].name, *(const bool *)((const char *)o + flags[i].offset));
	pm_jw_int(w, "maxDeletes", o->max_deletes);
	pm_jw_str(w, "target", o->target);
	pm_jw_object_end(w);
}

static void read_options(struct pm_arena *a, struct json_object *o, struct pm_plan_opts *ret)
{
	const char *target = pm_json_str(o, "target");

	for (size_t i = 0; i < PM_COUNT(flags); i++)
		*(bool *)((char *)ret + flags[i].offset) = pm_json_bool(o, flags[i].name, false);
	ret->max_deletes = pm_json_int(o, "maxDeletes", -1);
	ret->target = target ? pm_arena_strdup(a, target) : NULL;
}

/* ---- writing ---- */

/* SHA-256 of a file as it is now; false: it is not what the plan was made of. */
static bool hash_file(const struct pm_load_file *f, char out[65])
{
	cleanup_buf struct pm_buf text = PM_BUF(PM_MANIFEST_MAX_FILE);
	struct pm_error ignored;

	if (pm_file_read(AT_FDCWD, f->path, PM_MANIFEST_MAX_FILE, &text, &ignored) < 0)
		return false;
	(void)pm_sha256_hex(pm_buf_str(&text), text.len, out);
	return pm_manifest_hash(pm_buf_str(&text), text.len) == f->hash;
}

static int write_files(struct pm_jwrite *w, const struct pm_load *l, struct pm_error *err)
{
	char hash[65];

	pm_jw_array(w, "files");
	for (size_t i = 0; i < l->nloaded; i++) {
		if (!hash_file(&l->files[i], hash))
			return pm_error_set(err, PM_E_CONFLICT,
				"%s changed while the plan was made; plan again", l->files[i].path);
		pm_jw_object(w, NULL);
		pm_jw_str(w, "path", l->files[i].path);
		pm_jw_str(w, "sha256", hash);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	return 0;
}

/* Guests that something is to be done with, as they were. */
static void write_guests(struct pm_jwrite *w, const struct pm_plan *p)
{
	pm_jw_array(w, "guests");
	for (size_t i = 0; i < p->n; i++) {
		const struct pm_action *a = &p->v[i];

		if (a->verb == PM_V_KEEP || !a->have)
			continue;
		pm_jw_object(w, NULL);
		pm_jw_int(w, "vmid", a->have->live->vmid);
		pm_jw_str(w, "digest", a->have->live->digest);
		pm_jw_str(w, "node", a->have->live->node);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

int pm_saved_write(const char *file, const struct pm_recon_ask *ask, const struct pm_cycle *c,
	int64_t made_ms, struct pm_error *err)
{
	cleanup_buf struct pm_buf out = PM_BUF(MAX_FILE), plan = PM_BUF(MAX_FILE);
	struct pm_jwrite w = { .out = &out };
	char made[32];
	int r;

	pm_plan_print_json(&c->plan, &plan);
	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "podmox", "plan");
	pm_jw_str(&w, "version", "1");
	pm_jw_str(&w, "set", c->plan.set);
	pm_jw_str(&w, "made", pm_format_time(made_ms, made));
	pm_jw_array(&w, "paths");
	for (size_t i = 0; i < ask->npaths; i++)
		pm_jw_str(&w, NULL, ask->paths[i]);
	pm_jw_array_end(&w);
	write_options(&w, &ask->plan);
	r = write_files(&w, &c->load, err);
	if (r < 0)
		return r;
	write_guests(&w, &c->plan);
	pm_jw_raw(&w, "plan", pm_buf_str(&plan));
	pm_jw_object_end(&w);
	pm_buf_addc(&out, '\n');
	if (out.full || plan.full)
		return pm_error_set(err, PM_E_LIMIT, "the plan is larger than 256 MiB");
	return pm_file_write(file, pm_buf_str(&out), out.len, 0600, err);
}

/* ---- reading ---- */

bool pm_saved_is(const char *file)
{
	cleanup_fd int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char head[sizeof(HEAD)] = "";

	return fd >= 0 && read(fd, head, sizeof(HEAD) - 1) == (ssize_t)sizeof(HEAD) - 1 &&
	       strcmp(head, HEAD) == 0;
}

static int bad_file(const char *file, const char *why, struct pm_error *err)
{
	return pm_error_set(
		err, PM_E_INPUT, "%s is no saved plan: %s; make one with plan --out", file, why);
}

static void read_paths(struct pm_saved *s, struct json_object *list)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	const char **v = pm_new_n(s->arena, const char *, n + 1);

	for (size_t i = 0; i < n; i++) {
		const char *path = json_object_get_string(json_object_array_get_idx(list, i));

		v[i] = pm_arena_strdup(s->arena, path ? path : "");
	}
	s->ask.paths = v;
	s->ask.npaths = n;
}

int pm_saved_open(struct pm_arena *a, const char *file, struct pm_saved **ret, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(MAX_FILE);
	PM_CLEANUP(pm_json_putp) struct json_object *tree = NULL;
	struct pm_saved *s = pm_new(a, struct pm_saved);
	struct pm_error json;
	int r = pm_file_read(AT_FDCWD, file, MAX_FILE, &text, err);

	if (r < 0)
		return r;
	if (pm_json_parse(pm_buf_str(&text), text.len, &tree, &json) < 0)
		return bad_file(file, json.msg, err);
	if (!pm_str_eq(pm_json_str(tree, "podmox"), "plan"))
		return bad_file(file, "it does not say so", err);
	if (pm_json_int(tree, "version", 0) != 1)
		return bad_file(file, "its version is not 1", err);
	if (!pm_json_str(tree, "set") || !pm_json_get(tree, "plan"))
		return bad_file(file, "it holds no plan", err);
	s->arena = a;
	s->file = pm_arena_strdup(a, file);
	s->set = pm_arena_strdup(a, pm_json_str(tree, "set"));
	read_paths(s, pm_json_get(tree, "paths"));
	read_options(a, pm_json_get(tree, "options"), &s->ask.plan);
	s->text = pm_arena_strndup(a, pm_buf_str(&text), text.len);
	s->ntext = text.len;
	*ret = s;
	return 0;
}

const struct pm_recon_ask *pm_saved_ask(const struct pm_saved *s)
{
	return &s->ask;
}

/* ---- is it still the same? ---- */

static int stale(const struct pm_saved *s, struct pm_error *err, const char *what, const char *how)
{
	return pm_error_set(err, PM_E_CONFLICT,
		"the plan in %s is stale: %s %s; nothing was done; plan again", s->file, what, how);
}

static int check_files(const struct pm_saved *s, struct json_object *tree, const struct pm_load *l,
	struct pm_error *err)
{
	struct json_object *list = pm_json_get(tree, "files");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
	size_t at = 0;

	/* Both are sorted by path. */
	for (size_t i = 0; i < n; i++) {
		struct json_object *f = json_object_array_get_idx(list, i);
		const char *path = pm_json_str(f, "path");
		int order = at < l->nloaded ? strcmp(path ? path : "", l->files[at].path) : -1;
		char hash[65];

		if (order > 0)
			return stale(s, err, l->files[at].path, "is new");
		if (order < 0)
			return stale(s, err, path ? path : "a manifest", "is gone");
		if (!hash_file(&l->files[at], hash) || !pm_str_eq(pm_json_str(f, "sha256"), hash))
			return stale(s, err, path, "has changed");
		at++;
	}
	return at < l->nloaded ? stale(s, err, l->files[at].path, "is new") : 0;
}

static const struct pm_obj *find_guest(const struct pm_set *have, int64_t vmid)
{
	for (size_t i = 0; i < have->n; i++) {
		if (have->v[i]->live->vmid == vmid)
			return have->v[i];
	}
	return NULL;
}

static int check_guests(const struct pm_saved *s, struct json_object *tree,
	const struct pm_set *have, struct pm_error *err)
{
	struct json_object *list = pm_json_get(tree, "guests");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *g = json_object_array_get_idx(list, i);
		int64_t vmid = pm_json_int(g, "vmid", 0);
		const struct pm_obj *o = find_guest(have, vmid);
		char what[160];

		(void)snprintf(what, sizeof(what), "guest %lld%s%.100s%s", (long long)vmid,
			o && *o->name ? " (" : "", o ? o->name : "", o && *o->name ? ")" : "");
		if (!o)
			return stale(s, err, what, "is gone");
		if (!pm_str_eq(o->live->node, pm_json_str(g, "node")))
			return stale(s, err, what, "has moved to another node");
		if (!pm_str_eq(o->live->digest, pm_json_str(g, "digest")))
			return stale(s, err, what, "was changed by somebody else");
	}
	return 0;
}

/* What is done and what is kept: everything the plan said of objects. */
static const char *action_name(struct pm_arena *a, struct json_object *action)
{
	return pm_arena_printf(a, "%s %s/%s", pm_json_str(action, "kind"),
		pm_json_str(action, "namespace"), pm_json_str(action, "name"));
}

static bool is_kept(struct json_object *action)
{
	return pm_str_eq(pm_json_str(action, "verb"), "keep");
}

/* The next action that does something; NULL: there is none. */
static struct json_object *next_action(struct json_object *list, size_t *at)
{
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	while (*at < n) {
		struct json_object *a = json_object_array_get_idx(list, (*at)++);

		if (!is_kept(a))
			return a;
	}
	return NULL;
}

static int check_actions(const struct pm_saved *s, struct json_object *tree,
	const struct pm_plan *now, struct pm_error *err)
{
	cleanup_buf struct pm_buf text = PM_BUF(MAX_FILE);
	PM_CLEANUP(pm_json_putp) struct json_object *made = NULL;
	struct json_object *was = pm_json_get(pm_json_get(tree, "plan"), "actions"), *is;
	size_t i = 0, k = 0;

	pm_plan_print_json(now, &text);
	if (pm_json_parse(pm_buf_str(&text), text.len, &made, err) < 0)
		return -(int)err->code;
	is = pm_json_get(made, "actions");
	for (;;) {
		struct json_object *x = next_action(was, &i), *y = next_action(is, &k);

		if (!x && !y)
			return 0;
		if (!x)
			return stale(s, err, action_name(s->arena, y),
				"has something to be done that the plan did not show");
		if (!y || !json_object_equal(x, y))
			return stale(s, err, action_name(s->arena, x),
				"would be treated in another way now");
	}
}

int pm_saved_check(
	const struct pm_saved *s, struct pm_cycle *c, const char *set, struct pm_error *err)
{
	PM_CLEANUP(pm_json_putp) struct json_object *tree = NULL;
	int r;

	if (strcmp(s->set, set) != 0)
		return pm_error_set(err, PM_E_CONFLICT,
			"the plan in %s is of set %s, and the configuration says %s", s->file,
			s->set, set);
	r = pm_json_parse(s->text, s->ntext, &tree, err);
	if (r == 0)
		r = check_files(s, tree, &c->load, err);
	if (r == 0)
		r = check_guests(s, tree, &c->have, err);
	if (r == 0)
		r = check_actions(s, tree, &c->plan, err);
	c->exact = true;
	return r;
}
