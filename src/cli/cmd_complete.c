/* podmox complete, for the completion scripts: one candidate a line, its description behind a tab. The
 * words are those behind "podmox"; the last one is under the cursor. Names of the cluster are asked for
 * with little patience; whatever goes wrong, nothing is said. */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli_priv.h"
#include "daemon/ask.h"
#include "model/docs.h"

#define PATIENCE_NS (1500 * PM_MS_NS)

struct typed {
	const char *const *v;
	size_t n;         /* words before the cursor */
	const char *word; /* under it */
};

static void offer(const struct typed *t, const char *value, const char *doc)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	if (!pm_str_starts(value, t->word))
		return;
	pm_text_visible(&text, value, strlen(value));
	(void)printf("%s\t%s\n", pm_buf_str(&text), doc != NULL ? doc : "");
}

static void offer_words(const struct typed *t, const char *words)
{
	while (*words != '\0') {
		char word[64];
		size_t n = strcspn(words, " ");

		(void)snprintf(word, sizeof(word), "%.*s", (int)n, words);
		offer(t, word, NULL);
		words += n + (words[n] == ' ');
	}
}

/* ---- options ---- */

static void offer_options(const struct typed *t, const struct pm_option *const *o)
{
	for (; o != NULL && *o != NULL; o++) {
		char word[64];

		(void)snprintf(word, sizeof(word), "--%s", (*o)->name);
		offer(t, word, (*o)->help);
	}
}

static void offer_params(const struct typed *t, const struct pm_direct *d)
{
	for (const struct pm_param *p = d->op->params; p->name != NULL; p++) {
		char word[64];

		if (!pm_direct_takes(d, p) || pm_direct_positional(d->op, p))
			continue;
		(void)snprintf(word, sizeof(word), "--%s", p->name);
		offer(t, word, p->doc);
	}
	if (d->id == PM_OP_GUEST_STOP)
		offer(t, "--force", "Stop it at once.");
}

/* ---- names of the cluster ---- */

/* Reads one list of the cluster; NULL: it could not be had in time. */
static struct json_object *ask(struct pm_client *c, const char *path, const char *query)
{
	struct pm_pve_call call = { .method = "GET", .path = path, .form = query, .cached = true };
	struct json_object *data = NULL;
	struct pm_error err = { 0 };

	c->job.cancel->deadline_ns = pm_mono_ns(&pm_clock_system) + PATIENCE_NS;
	if (pm_pve_call(c->pve, &c->job, &call, &data, &err) < 0)
		return NULL;
	return data;
}

struct names {
	const char *query, *key, *doc;
	const char *type; /* only rows of it; NULL: all */
	bool of_node;     /* "node/name" */
};

static void offer_rows(const struct typed *t, struct json_object *rows, const struct names *n)
{
	for (size_t i = 0; rows != NULL && i < json_object_array_length(rows); i++) {
		struct json_object *row = json_object_array_get_idx(rows, i);
		const char *value = pm_json_str(row, n->key);
		const char *node = pm_json_str(row, "node");
		char word[256];

		if (value == NULL ||
			(n->type != NULL && !pm_str_eq(pm_json_str(row, "type"), n->type)))
			continue;
		(void)snprintf(word, sizeof(word), "%s%s%s", n->of_node && node != NULL ? node : "",
			n->of_node && node != NULL ? "/" : "", value);
		offer(t, word, n->doc != NULL ? pm_json_str(row, n->doc) : NULL);
	}
}

static void offer_names(const struct pm_args *a, const struct typed *t, const struct names *n)
{
	struct pm_client c;
	struct pm_error err = { 0 };

	if (pm_client_open(a, false, &c, &err) == 0) {
		struct json_object *rows = ask(&c, "/cluster/resources", n->query);

		offer_rows(t, rows, n);
		pm_json_putp(&rows);
	}
	pm_client_close(&c);
}

/* What a parameter may be. `pair`: "node/storage" fills this one and the next. */
static void offer_values(const struct pm_args *a, const struct typed *t, const struct pm_direct *d,
	const struct pm_param *p, bool pair)
{
	static const struct names nodes = { .query = "type=node", .key = "node", .doc = "status" };
	struct names guests = { .query = "type=vm", .key = "vmid", .doc = "name" };
	struct names storages = { .query = "type=storage", .key = "storage", .of_node = pair };

	if (p->choices != NULL) {
		offer_words(t, p->choices);
	} else if (p->type == PM_P_VMID && (p->flags & PM_P_FOUND) == 0) {
		guests.type = d->guest == PM_VM ? "qemu" : d->guest == PM_CT ? "lxc" : NULL;
		offer_names(a, t, &guests);
	} else if (p->type == PM_P_NODE && !pair) {
		offer_names(a, t, &nodes);
	} else if (p->type == PM_P_STORAGE || pair) {
		offer_names(a, t, &storages);
	}
}

/* ---- names of the daemon ---- */

/* Objects that a running daemon knows; a daemon answers at once or not at all. */
static void offer_objects(const struct pm_args *a, const struct typed *t)
{
	struct pm_arena *arena cleanup_arena = pm_arena_new(0);
	struct json_object *data cleanup_json = NULL, *v;
	struct pm_config *config = NULL;
	struct pm_error err = { 0 };
	struct pm_diags diags;

	pm_diags_init(&diags, arena);
	if (pm_config_open(a->config, &config, &diags, &err) == 0 && config->socket != NULL &&
		pm_ask(config->socket, "\"do\":\"status\",\"all\":true", PATIENCE_NS, &data,
			&err) == 0) {
		v = pm_json_get(data, "objects");
		for (size_t i = 0; v != NULL && i < json_object_array_length(v); i++) {
			struct json_object *o = json_object_array_get_idx(v, i);

			offer(t, pm_json_str(o, "id"), pm_json_str(o, "state"));
		}
	}
	pm_config_free(config);
}

/* ---- direct calls ---- */

/* How many bare words stand before the cursor, and the option that waits for its value. */
static size_t read_words(
	const struct typed *t, const struct pm_direct *d, const struct pm_param **ret)
{
	size_t bare = 0;

	*ret = NULL;
	for (size_t i = 2; i < t->n; i++) {
		const char *w = t->v[i];

		if (*ret != NULL) {
			*ret = NULL;
		} else if (w[0] == '-') {
			const struct pm_param *p = pm_op_param(d->op, w + strspn(w, "-"));

			*ret = p != NULL && p->type != PM_P_BOOL ? p : NULL;
		} else if (strchr(w, '=') == NULL) {
			bare += 1 + (strchr(w, '/') != NULL);
		}
	}
	return bare;
}

static void offer_verbs(const struct typed *t, const char *noun)
{
	const char *verbs[64];
	size_t n = pm_direct_verbs(noun, verbs, PM_COUNT(verbs));

	for (size_t i = 0; i < n; i++)
		offer(t, verbs[i], NULL);
}

static void offer_call(const struct pm_args *a, const struct typed *t)
{
	struct pm_direct d = { .noun = t->v[0], .verb = t->v[1] };
	const struct pm_param *p;
	size_t bare;

	d.id = pm_op_find(d.noun, d.verb, &d.guest);
	if (d.id == PM_OP_MAX)
		return;
	d.op = pm_op(d.id);
	bare = read_words(t, &d, &p);
	if (p == NULL && t->word[0] == '-') {
		offer_params(t, &d);
		offer_options(t, pm_direct_options);
		offer_options(t, pm_global_options);
		return;
	}
	if (p != NULL) {
		offer_values(a, t, &d, p, false);
		return;
	}
	for (p = d.op->params; p->name != NULL; p++)
		if (pm_direct_takes(&d, p) && pm_direct_positional(d.op, p) && bare-- == 0) {
			offer_values(a, t, &d, p,
				p->type == PM_P_NODE && p[1].name != NULL &&
					p[1].type == PM_P_STORAGE &&
					pm_direct_positional(d.op, p + 1));
			return;
		}
}

/* ---- everything else ---- */

static void offer_commands(const struct typed *t)
{
	for (const struct pm_command *c = pm_commands; c->name != NULL; c++)
		if (!c->hidden)
			offer(t, c->name, c->summary);
	if (t->word[0] == '-')
		offer_options(t, pm_global_options);
}

static void offer_explain(const struct typed *t)
{
	struct pm_buf paths cleanup_buf = PM_BUF(0);

	pm_explain_paths(&paths);
	for (char *s = paths.p; s != NULL && *s != '\0'; s++)
		*s = *s == '\n' ? ' ' : *s;
	offer_words(t, pm_buf_str(&paths));
}

static void offer_for(const struct pm_args *a, const struct typed *t, const struct pm_command *c)
{
	if (c->help != NULL && t->n == 1 && t->word[0] != '-') {
		offer_verbs(t, c->name);
	} else if (c->help != NULL && t->n > 1) {
		offer_call(a, t);
	} else if (t->word[0] == '-') {
		offer_options(t, c->options);
		offer_options(t, pm_global_options);
	} else if (c->run == cmd_explain) {
		offer_explain(t);
	} else if (c->run == cmd_suspend || c->run == cmd_resume || c->run == cmd_history) {
		offer_objects(a, t);
	} else if (c->run == cmd_completion) {
		offer_words(t, "bash zsh fish");
	} else if (c->run == cmd_api && t->n == 1) {
		offer_words(t, "get post put delete");
	} else if (c->run == cmd_help && t->n == 1) {
		offer_commands(t);
	}
}

/* Global options may stand anywhere: `-c FILE` and the like before the command are no words of it. */
static size_t skip_options(struct pm_args *a, const struct typed *t)
{
	size_t i = 0;

	while (i < t->n && t->v[i][0] == '-') {
		bool config = strcmp(t->v[i], "-c") == 0 || strcmp(t->v[i], "--config") == 0;
		bool valued =
			config || strcmp(t->v[i], "-o") == 0 || strcmp(t->v[i], "--output") == 0;

		if (config && i + 1 < t->n)
			a->config = t->v[i + 1];
		i += valued ? 2 : 1;
	}
	return i < t->n ? i : t->n;
}

int cmd_complete(struct pm_args *a)
{
	struct typed t = { .v = a->rest.v, .word = "" };
	const struct pm_command *c;
	size_t skip;

	if (a->rest.n > 0) {
		t.n = a->rest.n - 1;
		t.word = a->rest.v[t.n];
	}
	/* A shell that completes has no place for messages. */
	if (freopen("/dev/null", "we", stderr) == NULL)
		return 0;
	skip = skip_options(a, &t);
	t.v += skip;
	t.n -= skip;
	c = t.n > 0 ? pm_command_named(t.v[0]) : NULL;
	if (t.n > 0 && (strcmp(t.v[t.n - 1], "-o") == 0 || strcmp(t.v[t.n - 1], "--output") == 0))
		offer_words(&t, "human json yaml name");
	else if (t.n == 0)
		offer_commands(&t);
	else if (c != NULL)
		offer_for(a, &t, c);
	return 0;
}
