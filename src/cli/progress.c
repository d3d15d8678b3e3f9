/* What is going on, while it goes on: live lines on a terminal, plain lines elsewhere, JSON lines for
 * programs. Called by worker threads one at a time. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "cli/cli.h"

struct running {
	const struct pm_action *action;
	char text[100];
	uint64_t since_ns;
};

struct pm_progress {
	enum pm_output output;
	bool live, quiet;
	unsigned nlines; /* live lines that stand on the terminal */
	uint64_t drawn_ns;
	PM_VEC(struct running) running;
	struct pm_arena *arena;
};

struct pm_progress *pm_progress_new(const struct pm_args *a)
{
	struct pm_progress *p = pm_xcalloc(1, sizeof(*p));

	p->output = a->output;
	p->quiet = a->quiet;
	p->live = a->output == PM_OUT_HUMAN && isatty(STDERR_FILENO) && !a->quiet;
	p->arena = pm_arena_new(0);
	return p;
}

static struct running *find(struct pm_progress *p, const struct pm_action *action)
{
	for (size_t i = 0; i < p->running.n; i++)
		if (p->running.v[i].action == action)
			return &p->running.v[i];
	return NULL;
}

static const struct pm_obj *object_of(const struct pm_action *a)
{
	return a->want != NULL ? a->want : a->have;
}

static void erase(struct pm_progress *p)
{
	for (; p->nlines > 0; p->nlines--)
		(void)fputs("\033[1A\033[2K", stderr);
}

static void draw(struct pm_progress *p)
{
	uint64_t now = pm_mono_ns(&pm_clock_system);

	for (size_t i = 0; i < p->running.n && i < 8; i++) {
		const struct running *r = &p->running.v[i];

		(void)fprintf(stderr, "  %-7s %-28.28s %4llu s  %.32s\n",
			pm_verb_name(r->action->verb), pm_obj_title(p->arena, object_of(r->action)),
			(unsigned long long)((now - r->since_ns) / PM_S_NS), r->text);
		p->nlines++;
	}
}

static void plain(const struct pm_progress *p, const struct pm_event *e)
{
	const char *title = pm_obj_title(p->arena, object_of(e->action));
	const char *verb = pm_verb_name(e->action->verb);

	switch (e->type) {
	case PM_EV_START:
		if (!p->live && !p->quiet)
			(void)fprintf(stderr, "%s %s: started\n", verb, title);
		break;
	case PM_EV_PROGRESS:
	case PM_EV_WAIT:
		if (!p->live && !p->quiet && e->text != NULL)
			(void)fprintf(stderr, "%s %s: %s\n", verb, title, e->text);
		break;
	case PM_EV_DONE:
		if (!p->quiet)
			(void)fprintf(stderr, "%s %s: done in %.1f s\n", verb, title,
				(double)e->result->took_ms / 1000.0);
		break;
	case PM_EV_FAILED:
		(void)fprintf(stderr, "%s %s: FAILED: %s%s%s\n", verb, title, e->result->err.where,
			e->result->err.where[0] != '\0' ? ": " : "", e->result->err.msg);
		break;
	case PM_EV_SKIPPED:
		(void)fprintf(stderr, "%s %s: skipped: %s\n", verb, title,
			e->text != NULL                ? e->text
			: e->result->err.code != PM_OK ? e->result->err.msg
						       : "something it waits for failed");
		break;
	}
}

static void track(struct pm_progress *p, const struct pm_event *e)
{
	struct running *r = find(p, e->action);

	if (e->type == PM_EV_START && r == NULL) {
		struct running fresh = { .action = e->action,
			.since_ns = pm_mono_ns(&pm_clock_system) };

		pm_vec_push(&p->running, fresh);
		r = &p->running.v[p->running.n - 1];
	}
	if (r == NULL)
		return;
	if (e->type == PM_EV_DONE || e->type == PM_EV_FAILED || e->type == PM_EV_SKIPPED) {
		*r = p->running.v[--p->running.n];
		return;
	}
	if (e->text != NULL)
		(void)snprintf(r->text, sizeof(r->text), "%s", e->text);
}

static void stream(const struct pm_event *e)
{
	static const char *const types[] = { "apply_start", "apply_progress", "apply_wait",
		"apply_complete", "apply_errored", "apply_skipped" };
	struct pm_buf out cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &out };
	const struct pm_obj *o = object_of(e->action);

	pm_jw_object(&w, NULL);
	pm_jw_str(&w, "type", types[e->type]);
	pm_jw_str(&w, "verb", pm_verb_name(e->action->verb));
	pm_jw_str(&w, "kind", o->kind != NULL ? o->kind->name : NULL);
	pm_jw_str(&w, "namespace", o->ns);
	pm_jw_str(&w, "name", o->name);
	if (e->result != NULL) {
		pm_jw_int(&w, "vmid", e->result->vmid);
		pm_jw_int(&w, "tookMs", (int64_t)e->result->took_ms);
		if (e->result->err.code != PM_OK) {
			pm_jw_str(&w, "code", pm_code_name(e->result->err.code));
			pm_jw_str(&w, "where", e->result->err.where);
			pm_jw_str(&w, "message", e->result->err.msg);
		}
	}
	if (e->text != NULL)
		pm_jw_str(&w, "text", e->text);
	pm_jw_object_end(&w);
	(void)fprintf(stdout, "%s\n", pm_buf_str(&out));
	(void)fflush(stdout);
}

void pm_progress_event(void *progress, const struct pm_event *e)
{
	struct pm_progress *p = progress;

	if (p->output == PM_OUT_JSON || p->output == PM_OUT_YAML) {
		stream(e);
		return;
	}
	if (p->live)
		erase(p);
	track(p, e);
	plain(p, e);
	if (p->live)
		draw(p);
	pm_arena_reset(p->arena);
}

void pm_progress_free(struct pm_progress *p)
{
	if (p == NULL)
		return;
	if (p->live)
		erase(p);
	pm_vec_done(&p->running);
	pm_arena_free(p->arena);
	free(p);
}
