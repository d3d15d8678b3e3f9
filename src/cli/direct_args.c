/* The words of a direct call: noun and verb to a row of the table of calls, options, name=value and bare
 * words to its parameters. Whether a value is good is judged where the call is made (pve/op.h). */
#include <string.h>

#include "base/text.h"
#include "cli/cli_priv.h"

#define MOST_WORDS 96

/* ---- verbs ---- */

size_t pm_direct_verbs(const char *noun, const char **ret, size_t n)
{
	size_t have = pm_op_verbs(noun, ret, n);

	have = have < n ? have : n;
	if (strcmp(noun, "task") == 0 && have < n)
		ret[have++] = "wait";
	return have;
}

bool pm_direct_is_task_wait(const char *noun, const char *verb)
{
	return strcmp(noun, "task") == 0 && strcmp(verb, "wait") == 0;
}

static void list_words(struct pm_buf *out, const char *const *words, size_t n)
{
	for (size_t i = 0; i < n; i++)
		(void)pm_buf_addf(out, "%s%s", i == 0 ? "" : ", ", words[i]);
}

/* A mistyped word, or only its beginning. */
static const char *near_word(const char *word, const char *const *words, size_t n)
{
	const char *near = pm_nearest(word, words, n);

	for (size_t i = 0; near == NULL && strlen(word) > 1 && i < n; i++)
		if (pm_str_starts(words[i], word))
			near = words[i];
	return near;
}

static int unknown_verb(const char *noun, const char *verb, struct pm_error *err)
{
	struct pm_buf all cleanup_buf = PM_BUF(0);
	const char *words[MOST_WORDS];
	size_t n = pm_direct_verbs(noun, words, PM_COUNT(words));
	const char *near = verb != NULL ? near_word(verb, words, n) : NULL;

	list_words(&all, words, n);
	if (verb == NULL)
		return pm_error_set(err, PM_E_USAGE, "%s needs a verb: %s", noun, pm_buf_str(&all));
	if (near != NULL)
		return pm_error_set(err, PM_E_USAGE,
			"unknown verb \"%s\" of %s; did you mean %s? It knows: %s", verb, noun,
			near, pm_buf_str(&all));
	return pm_error_set(err, PM_E_USAGE, "unknown verb \"%s\" of %s; it knows: %s", verb, noun,
		pm_buf_str(&all));
}

/* ---- parameters ---- */

bool pm_direct_takes(const struct pm_direct *d, const struct pm_param *p)
{
	if (d->guest == PM_CT && (p->flags & PM_P_VM) != 0)
		return false;
	return d->guest != PM_VM || (p->flags & PM_P_CT) == 0;
}

bool pm_direct_positional(const struct pm_op *op, const struct pm_param *p)
{
	if ((p->flags & PM_P_FOUND) != 0)
		return p == op->params && p->type == PM_P_VMID;
	return (p->flags & (PM_P_PATH | PM_P_REQUIRED)) != 0;
}

const char *pm_param_word(const struct pm_param *p)
{
	static const char *const words[] = {
		[PM_P_TEXT] = "TEXT",
		[PM_P_INT] = "N",
		[PM_P_BOOL] = "0|1",
		[PM_P_VMID] = "VMID",
		[PM_P_NODE] = "NODE",
		[PM_P_STORAGE] = "STORAGE",
		[PM_P_VOLID] = "VOLID",
		[PM_P_UPID] = "UPID",
		[PM_P_NAME] = "NAME",
		[PM_P_ID] = "NAME",
		[PM_P_POOL] = "POOL",
		[PM_P_SIZE] = "SIZE",
		[PM_P_BYTES] = "SIZE",
		[PM_P_URL] = "URL",
		[PM_P_FILE] = "FILE",
	};
	const char *word = (size_t)p->type < PM_COUNT(words) ? words[p->type] : NULL;

	return word != NULL ? word : "VALUE";
}

static const struct pm_param *param_named(const struct pm_direct *d, const char *name, size_t n)
{
	for (const struct pm_param *p = d->op->params; p->name != NULL; p++)
		if (strlen(p->name) == n && memcmp(p->name, name, n) == 0 && pm_direct_takes(d, p))
			return p;
	return NULL;
}

static int unknown_param(
	const struct pm_direct *d, const char *word, bool option, struct pm_error *err)
{
	struct pm_buf all cleanup_buf = PM_BUF(0);
	char name[64] = "";
	const char *names[MOST_WORDS];
	const char *near;
	size_t n = 0;
	size_t own;

	for (const struct pm_param *p = d->op->params; p->name != NULL && n < 64; p++)
		if (pm_direct_takes(d, p))
			names[n++] = p->name;
	own = n;
	for (size_t i = 0; option && pm_direct_options[i] != NULL; i++)
		names[n++] = pm_direct_options[i]->name;
	for (size_t i = 0; option && pm_global_options[i] != NULL; i++)
		names[n++] = pm_global_options[i]->name;
	word += strspn(word, "-");
	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(word, "="), word);
	near = near_word(name, names, n);
	if (near != NULL)
		return pm_error_set(err, PM_E_USAGE, "unknown %s %s%s of %s %s; did you mean %s%s?",
			option ? "option" : "parameter", option ? "--" : "", name, d->noun, d->verb,
			option ? "--" : "", near);
	if (option && d->op->any_keys)
		return pm_error_set(err, PM_E_USAGE,
			"unknown option --%s of %s %s; a key of PVE is given as %s=VALUE", name,
			d->noun, d->verb, name);
	list_words(&all, names, own);
	return pm_error_set(err, PM_E_USAGE, "unknown %s %s%s of %s %s; it takes: %s",
		option ? "option" : "parameter", option ? "--" : "", name, d->noun, d->verb,
		own > 0 ? pm_buf_str(&all) : "none");
}

static void add(struct pm_direct *d, const char *name, const char *value)
{
	struct pm_op_arg arg = { name, value };

	pm_vec_push(&d->args, arg);
}

static bool given(const struct pm_direct *d, const char *name)
{
	for (size_t i = 0; i < d->args.n; i++)
		if (strcmp(d->args.v[i].name, name) == 0)
			return true;
	return false;
}

/* ---- options and name=value ---- */

/* "--name value", "--name=value", "--flag"; *i moves on when the next word is the value. */
static int take_option(struct pm_direct *d, size_t *i, size_t end, struct pm_error *err)
{
	const char *word = d->a->rest.v[*i];
	size_t n = strcspn(word, "=");
	const struct pm_param *p = word[1] == '-' ? param_named(d, word + 2, n - 2) : NULL;

	if (p == NULL && d->at_once && strcmp(word, "--force") == 0)
		return 0;
	if (p == NULL)
		return unknown_param(d, word, true, err);
	if (word[n] == '=') {
		add(d, p->name, word + n + 1);
		return 0;
	}
	if (p->type == PM_P_BOOL) {
		add(d, p->name, NULL);
		return 0;
	}
	if (*i + 1 >= end)
		return pm_error_set(
			err, PM_E_USAGE, "--%s needs a value: %s", p->name, pm_param_word(p));
	add(d, p->name, d->a->rest.v[++*i]);
	return 0;
}

/* Is the word "name=value", and not a value that happens to hold the sign? */
static bool is_assignment(const char *word)
{
	size_t n = strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return n > 0 && word[n] == '=';
}

static int take_assignment(struct pm_direct *d, const char *word, struct pm_error *err)
{
	size_t n = strcspn(word, "=");
	const struct pm_param *p = param_named(d, word, n);

	if (p == NULL && !d->op->any_keys)
		return unknown_param(d, word, false, err);
	add(d, pm_arena_strndup(d->arena, word, n), word + n + 1);
	return 0;
}

/* ---- bare words ---- */

static const struct pm_param *next_positional(const struct pm_direct *d, const struct pm_param *p)
{
	for (; p->name != NULL; p++)
		if (pm_direct_positional(d->op, p) && pm_direct_takes(d, p) && !given(d, p->name))
			return p;
	return NULL;
}

static int too_many(const struct pm_direct *d, const char *word, struct pm_error *err)
{
	return pm_error_set(err, PM_E_USAGE, "unexpected argument \"%s\"; see podmox %s %s --help",
		word, d->noun, d->verb);
}

/* Bare words fill what was not named, in the order of the row; "NODE/STORAGE" fills two. */
static int take_bare(struct pm_direct *d, const char *const *words, size_t n, struct pm_error *err)
{
	const struct pm_param *p = d->op->params;

	for (size_t i = 0; i < n; i++) {
		const struct pm_param *second;
		const char *slash = strchr(words[i], '/');

		p = next_positional(d, p);
		if (p == NULL)
			return too_many(d, words[i], err);
		second = next_positional(d, p + 1);
		if (slash != NULL && p->type == PM_P_NODE && second != NULL &&
			second->type == PM_P_STORAGE) {
			add(d, p->name,
				pm_arena_strndup(d->arena, words[i], (size_t)(slash - words[i])));
			add(d, second->name, slash + 1);
		} else {
			add(d, p->name, words[i]);
		}
	}
	return 0;
}

/* ---- all of it ---- */

/* `stop` is graceful; with --force it is PVE's own stop. */
static void choose_stop(struct pm_direct *d)
{
	bool guest = d->guest == PM_CT || d->guest == PM_VM;

	if (!guest || d->id != PM_OP_GUEST_STOP)
		return;
	for (size_t i = 1; i < d->a->rest.n - d->a->nplain; i++)
		d->at_once = d->at_once || strcmp(d->a->rest.v[i], "--force") == 0;
	if (!d->at_once)
		d->id = PM_OP_GUEST_SHUTDOWN;
	d->op = pm_op(d->id);
}

static int find_call(const struct pm_args *a, struct pm_direct *d, struct pm_error *err)
{
	d->noun = a->command->name;
	d->verb = a->rest.n > 0 ? a->rest.v[0] : NULL;
	if (d->verb == NULL)
		return unknown_verb(d->noun, NULL, err);
	d->id = pm_op_find(d->noun, d->verb, &d->guest);
	if (d->id == PM_OP_MAX && pm_direct_is_task_wait(d->noun, d->verb))
		d->id = PM_OP_TASK_STATUS;
	if (d->id == PM_OP_MAX)
		return unknown_verb(d->noun, d->verb, err);
	d->op = pm_op(d->id);
	choose_stop(d);
	return 0;
}

int pm_direct_parse(const struct pm_args *a, struct pm_direct *d, struct pm_error *err)
{
	PM_VEC(const char *) bare = { 0 };
	size_t end = a->rest.n - a->nplain;
	int r;

	d->a = a;
	r = find_call(a, d, err);
	for (size_t i = 1; r == 0 && i < a->rest.n; i++) {
		const char *word = a->rest.v[i];

		if (i < end && word[0] == '-' && word[1] != '\0')
			r = take_option(d, &i, end, err);
		else if (is_assignment(word))
			r = take_assignment(d, word, err);
		else
			pm_vec_push(&bare, word);
	}
	if (r == 0)
		r = take_bare(d, bare.v, bare.n, err);
	pm_vec_done(&bare);
	return r;
}

void pm_direct_done(struct pm_direct *d)
{
	for (size_t i = 0; i < d->secrets.n; i++)
		pm_secret_free(d->secrets.v[i]);
	pm_vec_done(&d->secrets);
	pm_vec_done(&d->args);
}

/* ---- values from elsewhere ---- */

static bool is_secret(const char *name)
{
	static const char *const words[] = { "password", "cipassword", "confirmation-password",
		"secret", "encryption-key", "client-key", "eab-hmac-key", "otp", "tfa-challenge" };

	for (size_t i = 0; i < PM_COUNT(words); i++)
		if (strcmp(name, words[i]) == 0)
			return true;
	return false;
}

static bool source_of(const char *value, enum pm_secret_from *ret, const char **ret_what)
{
	static const struct {
		const char *prefix;
		enum pm_secret_from from;
	} sources[] = { { "@file:", PM_FROM_FILE }, { "@env:", PM_FROM_ENV },
		{ "@credential:", PM_FROM_CREDENTIAL } };

	for (size_t i = 0; i < PM_COUNT(sources); i++) {
		if (!pm_str_starts(value, sources[i].prefix))
			continue;
		*ret = sources[i].from;
		*ret_what = value + strlen(sources[i].prefix);
		return true;
	}
	return false;
}

int pm_direct_values(struct pm_direct *d, bool read, struct pm_error *err)
{
	for (size_t i = 0; i < d->args.n; i++) {
		struct pm_op_arg *arg = &d->args.v[i];
		struct pm_secret *s = NULL;
		enum pm_secret_from from;
		const char *what;

		if (arg->value == NULL)
			continue;
		if (!source_of(arg->value, &from, &what)) {
			if (is_secret(arg->name))
				return pm_error_set(err, PM_E_USAGE,
					"%s: everybody on this machine can read the command line; give "
					"%s=@env:NAME, %s=@file:PATH or %s=@credential:NAME",
					arg->name, arg->name, arg->name, arg->name);
			continue;
		}
		if (!read)
			continue;
		if (pm_secret_read(from, what, ".", &s, err) < 0)
			return pm_error_wrap(err, "%s", arg->name);
		pm_vec_push(&d->secrets, s);
		arg->value = pm_secret_text(s);
	}
	return 0;
}
