/* podmox api: any call of PVE by its path, with the client's failover, session and errors. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"

struct request {
	const char *method, *path;
	struct pm_buf form;
	bool write;
};

static int choose_method(const char *word, struct request *q, struct pm_error *err)
{
	static const char *const words[] = { "get", "post", "put", "delete" };
	static const char *const methods[] = { "GET", "POST", "PUT", "DELETE" };
	const char *near;

	for (size_t i = 0; i < PM_COUNT(words); i++) {
		if (strcasecmp(word, words[i]) == 0) {
			q->method = methods[i];
			q->write = i > 0;
			return 0;
		}
	}
	near = pm_nearest(word, words, PM_COUNT(words));
	return pm_error_set(err, PM_E_USAGE,
		"unknown method \"%s\"%s%s; it knows: get, post, put, "
		"delete",
		word, near != NULL ? "; did you mean " : "", near != NULL ? near : "");
}

/* What people paste may start with /api2/json; what must not stand in a path is encoded. */
static int take_path(struct pm_arena *a, const char *text, struct request *q, struct pm_error *err)
{
	struct pm_buf path cleanup_buf = PM_BUF(0);

	if (pm_str_starts(text, "/api2/json/"))
		text += strlen("/api2/json");
	if (strpbrk(text, "?#") != NULL)
		return pm_error_set(err, PM_E_USAGE,
			"%s: a path holds no parameters; give them as KEY=VALUE behind it", text);
	if (text[0] != '/')
		(void)pm_buf_addc(&path, '/');
	for (const char *s = text; *s != '\0'; s++) {
		if (strchr("/:@!$'()*+,;=%~._-", *s) != NULL)
			(void)pm_buf_addc(&path, *s);
		else
			pm_form_escape(&path, s, 1);
	}
	q->path = pm_arena_strdup(a, pm_buf_str(&path));
	return 0;
}

static int take_pairs(struct pm_direct *d, struct request *q, struct pm_error *err)
{
	int r;

	for (size_t i = 2; i < d->a->rest.n; i++) {
		const char *word = d->a->rest.v[i];
		const char *eq = strchr(word, '=');
		struct pm_op_arg arg = { 0 };

		if (eq == NULL || eq == word)
			return pm_error_set(
				err, PM_E_USAGE, "\"%s\" is no parameter; give KEY=VALUE", word);
		arg.name = pm_arena_strndup(d->arena, word, (size_t)(eq - word));
		arg.value = eq + 1;
		pm_vec_push(&d->args, arg);
	}
	r = pm_direct_values(d, !d->a->dry_run, err);
	for (size_t i = 0; r == 0 && i < d->args.n; i++)
		pm_form_add(&q->form, d->args.v[i].name, d->args.v[i].value);
	return r;
}

/* A write may answer with a task, which is followed like any other. */
static int answer(struct pm_client *c, const struct pm_args *a, const struct request *q,
	struct json_object *data, struct pm_error *err)
{
	struct pm_args form = *a;
	struct pm_task t = { 0 };
	bool task = q->write && json_object_is_type(data, json_type_string) &&
		    pm_task_parse(json_object_get_string(data), &t);

	/* Nothing is known of the answer's form: people get all of it, too. */
	if (a->output == PM_OUT_HUMAN && !task && data != NULL)
		form.output = PM_OUT_YAML;
	pm_answer_print(&form, "api", NULL, data);
	(void)fflush(stdout);
	return task && !a->no_wait ? pm_direct_follow(c, a, &t, err) : 0;
}

static int send(
	struct pm_client *c, const struct pm_args *a, const struct request *q, struct pm_error *err)
{
	struct json_object *data = NULL;
	struct pm_pve_call call = { .method = q->method,
		.path = q->path,
		.form = q->form.len > 0 ? pm_buf_str(&q->form) : NULL,
		.operation = q->write ? "api" : NULL,
		.object = q->write ? q->path : NULL };
	int r = pm_pve_call(c->pve, &c->job, &call, &data, err);

	if (r == 0)
		r = answer(c, a, q, data, err);
	pm_json_putp(&data);
	return r;
}

static int run(const struct pm_args *a, const struct request *q, struct pm_error *err)
{
	struct pm_client c;
	int r = pm_client_open(a, q->write, &c, err);

	if (r == 0)
		r = send(&c, a, q, err);
	pm_client_close(&c);
	return r;
}

static int approve(const struct pm_args *a, const struct request *q)
{
	struct pm_buf question cleanup_buf = PM_BUF(0);

	if (strcmp(q->method, "DELETE") != 0)
		return 0;
	(void)pm_buf_adds(&question, "Send DELETE ");
	pm_text_visible(&question, q->path, strlen(q->path));
	(void)pm_buf_addc(&question, '?');
	return pm_direct_approve(a, pm_buf_str(&question));
}

static void wipe(struct pm_buf *form)
{
	if (form->p != NULL)
		pm_wipe(form->p, form->cap);
	pm_buf_done(form);
}

int cmd_api(struct pm_args *a)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct pm_direct d = { .a = a, .arena = arena };
	struct request q = { .form = PM_BUF(0) };
	struct pm_error err = { 0 };
	int status = 0;
	int r = choose_method(a->rest.v[0], &q, &err);

	if (r == 0)
		r = take_path(arena, a->rest.v[1], &q, &err);
	if (r == 0)
		r = take_pairs(&d, &q, &err);
	if (r == 0 && a->dry_run)
		pm_direct_dry_run(a, q.method, q.path, pm_buf_str(&q.form));
	else if (r == 0)
		status = approve(a, &q);
	if (r == 0 && status == 0 && !a->dry_run)
		r = run(a, &q, &err);
	wipe(&q.form);
	pm_direct_done(&d);
	return r < 0 ? pm_cli_fail(&err) : status;
}
