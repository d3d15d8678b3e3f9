/* Scenes: see scene.h. Guests go through PVE's own form, so that what the decoder makes of it is what the
 * planner gets. */
#include "scene.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/num.h"
#include "base/text.h"
#include "manifest/manifest.h"
#include "model/guest.h"
#include "pm_test.h"
#include "pve/pve.h"

struct word {
	const char *key, *value;
};

struct guest {
	struct word v[96];
	size_t n;
};

/* ---- words of a line: key=value, key="va\"lue" ---- */

static const char *read_quoted(struct scene *s, const char **p)
{
	struct pm_buf b cleanup_buf = PM_BUF(0);
	const char *at = *p + 1;

	for (; *at != '"' && *at != '\0'; at++) {
		char c = *at;

		if (c == '\\' && at[1] != '\0') {
			at++;
			c = *at == 'n' ? '\n' : *at == 'e' ? '\033' : *at;
		}
		(void)pm_buf_addc(&b, c);
	}
	assert_int_equal(*at, '"');
	*p = at + 1;
	return pm_arena_strdup(s->arena, pm_buf_str(&b));
}

static bool next_word(struct scene *s, const char **p, struct word *ret)
{
	size_t n;

	*p += strspn(*p, " \t");
	n = strcspn(*p, "= \t");
	if (n == 0)
		return false;
	ret->key = pm_arena_strndup(s->arena, *p, n);
	ret->value = "";
	*p += n;
	if (**p != '=')
		return true;
	(*p)++;
	if (**p == '"') {
		ret->value = read_quoted(s, p);
		return true;
	}
	n = strcspn(*p, " \t");
	ret->value = pm_arena_strndup(s->arena, *p, n);
	*p += n;
	return true;
}

static const char *word_of(const struct guest *g, const char *key, const char *otherwise)
{
	for (size_t i = 0; i < g->n; i++)
		if (strcmp(g->v[i].key, key) == 0)
			return g->v[i].value;
	return otherwise;
}

static bool has_word(const struct guest *g, const char *key)
{
	return word_of(g, key, NULL) != NULL;
}

static unsigned number(const char *text)
{
	int64_t i = 0;

	assert_int_equal(pm_parse_int(text, 0, UINT32_MAX, &i), 0);
	return (unsigned)i;
}

/* ---- one guest ---- */

static const struct pm_marker *marker_of(
	struct scene *s, const struct guest *g, const struct pm_kind *k, unsigned vmid)
{
	const char *id = word_of(g, "marker", NULL);
	struct pm_marker *m;
	const char *slash;

	if (id == NULL)
		return NULL;
	m = pm_new(s->arena, struct pm_marker);
	slash = strchr(id, '/');
	assert_non_null(slash);
	m->set = word_of(g, "m.set", s->o.set);
	m->kind = word_of(g, "m.kind", k->name);
	m->ns = pm_arena_strndup(s->arena, id, (size_t)(slash - id));
	m->name = slash + 1;
	m->uid = word_of(g, "m.uid", pm_arena_printf(s->arena, "%032x", vmid));
	m->vmid = has_word(g, "m.vmid") ? number(word_of(g, "m.vmid", "")) : vmid;
	m->root = word_of(g, "m.root", s->o.root);
	m->image = word_of(g, "m.image", k == &pm_kind_pod ? "local:vztmpl/debian.tar.zst" : "");
	m->hash = "0123456789abcdef";
	m->done = strcmp(word_of(g, "m.done", "1"), "1") == 0;
	m->on_remove = word_of(g, "m.onRemove", NULL);
	m->of = word_of(g, "m.of", NULL);
	m->detached = word_of(g, "m.detached", NULL);
	m->needs = word_of(g, "m.needs", NULL);
	m->fields = word_of(g, "m.fields", "");
	return m;
}

static const char *tags_of(struct scene *s, const struct guest *g)
{
	const char *raw = word_of(g, "rawtags", NULL), *tags = word_of(g, "tags", NULL);
	char own[24];

	if (raw != NULL)
		return raw;
	if (!has_word(g, "marker") && !has_word(g, "ourtag"))
		return tags;
	(void)pm_set_tag(has_word(g, "ourtag") ? s->o.set : word_of(g, "m.set", s->o.set), own);
	return pm_arena_printf(s->arena, "podmox;%s%s%s", own, tags ? ";" : "", tags ? tags : "");
}

/* Words about the guest that are no configuration. */
static bool is_about(const char *key)
{
	static const char *const about[] = { "name", "status", "lock", "pool", "hastate",
		"template", "unreachable", "unread", "tags", "rawtags", "ourtag", "marker",
		"description", "badmarker", "nospec" };

	for (size_t i = 0; i < PM_COUNT(about); i++)
		if (strcmp(about[i], key) == 0)
			return true;
	return strncmp(key, "m.", 2) == 0;
}

static void row(struct pm_jwrite *w, const char *key, const char *member, const char *value)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "key", key);
	pm_jw_str(w, member, value);
	pm_jw_object_end(w);
}

static bool changed_later(const struct guest *g, const char *key)
{
	char name[64];

	(void)snprintf(name, sizeof(name), "~%s", key);
	if (has_word(g, name))
		return true;
	name[0] = '-';
	return has_word(g, name);
}

/* "~tty=3": written, not in force yet; "-mp0": removed at the next start. */
static void pending_row(struct pm_jwrite *w, const struct guest *g, const struct word *word)
{
	const char *key = word->key + 1, *now = word_of(g, key, NULL);

	pm_jw_object(w, NULL);
	pm_jw_str(w, "key", key);
	if (now != NULL)
		pm_jw_str(w, "value", now);
	if (word->key[0] == '~')
		pm_jw_str(w, "pending", word->value);
	else
		pm_jw_int(w, "delete", 1);
	pm_jw_object_end(w);
}

static void add_config(struct pm_jwrite *w, const struct guest *g)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct word *word = &g->v[i];

		if (is_about(word->key))
			continue;
		if (word->key[0] == '~' || word->key[0] == '-')
			pending_row(w, g, word);
		else if (!changed_later(g, word->key))
			row(w, word->key, "value", word->value);
	}
}

static void read_config(struct scene *s, struct pm_obj *o, const struct guest *g,
	const struct pm_marker *m, const char *tags)
{
	struct pm_buf json cleanup_buf = PM_BUF(0);
	struct pm_jwrite w = { .out = &json };
	struct pm_error err;
	const char *text = word_of(g, "description", "");

	pm_jw_object(&w, NULL);
	pm_jw_array(&w, "data");
	row(&w, "digest", "value", "0123456789abcdef0123456789abcdef01234567");
	if (m != NULL)
		text = pm_marker_join(s->arena, text, m);
	if (has_word(g, "badmarker"))
		text = "<!-- podmox: {\"v\":9} -->";
	if (text[0] != '\0')
		row(&w, "description", "value", pm_arena_printf(s->arena, "%s\n", text));
	if (tags != NULL)
		row(&w, "tags", "value", tags);
	if (o->kind == &pm_kind_vm)
		row(&w, "name", "value", word_of(g, "name", m ? m->name : "guest"));
	add_config(&w, g);
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	assert_ok(pm_pve_decode_pending(s->arena, o->kind, json.p, json.len, o, &err), &err);
}

static void add_guest(struct scene *s, const char *line)
{
	struct guest g = { .n = 0 };
	struct word type, where;
	const struct pm_marker *m;
	const char *slash;
	struct pm_obj *o;

	assert_true(next_word(s, &line, &type) && next_word(s, &line, &where));
	o = pm_obj_new(s->arena, pm_kind_of_type(type.key));
	o->live = pm_new(s->arena, struct pm_live);
	while (g.n < PM_COUNT(g.v) && next_word(s, &line, &g.v[g.n]))
		g.n++;
	slash = strchr(where.key, '/');
	assert_non_null(slash);
	o->live->type = type.key;
	o->live->node = pm_arena_strndup(s->arena, where.key, (size_t)(slash - where.key));
	o->live->vmid = number(slash + 1);
	o->live->status = word_of(&g, "status", "running");
	o->live->lock = word_of(&g, "lock", NULL);
	o->live->pool = word_of(&g, "pool", NULL);
	o->live->hastate = word_of(&g, "hastate", NULL);
	o->live->template_ = has_word(&g, "template");
	o->live->unreachable = has_word(&g, "unreachable");
	o->live->unread = has_word(&g, "unread");
	o->live->unread_why = word_of(&g, "unread", NULL);
	o->live->tags = tags_of(s, &g);
	m = marker_of(s, &g, o->kind, o->live->vmid);
	o->name = word_of(&g, "name", word_of(&g, "hostname", m ? m->name : "guest"));
	if (!o->live->unreachable && !o->live->unread && !has_word(&g, "nospec"))
		read_config(s, o, &g, m, o->live->tags);
	if (o->live->marker != NULL) {
		o->ns = o->live->marker->ns;
		o->name = o->live->marker->name;
	}
	s->facts.nguests++;
	s->facts.nread += o->spec != NULL;
	pm_set_add(&s->have, o);
}

/* ---- options ---- */

static void set_nodes(struct scene *s, const char *list)
{
	struct pm_node *v = pm_new_n(s->arena, struct pm_node, 32);
	unsigned n = 0;

	while (*list != '\0' && n < 32) {
		size_t len = strcspn(list, ",");
		bool off = *list == '-';

		v[n].name = pm_arena_strndup(s->arena, list + off, len - off);
		v[n++].online = !off;
		list += len + (list[len] == ',');
	}
	s->facts.nodes = v;
	s->facts.nnodes = n;
}

static void set_pools(struct scene *s, const char *list)
{
	const char **v = pm_new_n(s->arena, const char *, 32);
	unsigned n = 0;

	while (*list != '\0' && n < 32) {
		size_t len = strcspn(list, ",");

		v[n++] = pm_arena_strndup(s->arena, list, len);
		list += len + (list[len] == ',');
	}
	s->facts.pools = v;
	s->facts.npools = n;
}

static bool *flag_of(struct scene *s, const char *key)
{
	const struct {
		const char *key;
		bool *flag;
	} flags[] = {
		{ "prune", &s->o.prune },
		{ "prune_single", &s->o.prune_single },
		{ "whole", &s->o.whole },
		{ "allow_restart", &s->o.allow_restart },
		{ "allow_replace", &s->o.allow_replace },
		{ "delete", &s->o.delete_all },
		{ "quorate", &s->facts.quorate },
		{ "complete", &s->facts.complete },
		{ "root_pam", &s->facts.root_pam },
		{ "colour", &s->colour },
	};

	for (size_t i = 0; i < PM_COUNT(flags); i++)
		if (strcmp(flags[i].key, key) == 0)
			return flags[i].flag;
	return NULL;
}

static void set_option(struct scene *s, const struct word *w)
{
	bool *flag = flag_of(s, w->key);

	if (flag != NULL)
		*flag = strcmp(w->value, "0") != 0;
	else if (strcmp(w->key, "set") == 0)
		s->o.set = w->value;
	else if (strcmp(w->key, "root") == 0)
		s->o.root = w->value;
	else if (strcmp(w->key, "target") == 0)
		s->o.target = w->value;
	else if (strcmp(w->key, "max_deletes") == 0)
		assert_int_equal(pm_parse_int(w->value, -1000, 1000000, &s->o.max_deletes), 0);
	else if (strcmp(w->key, "vmids") == 0)
		pm_vmid_range(w->value, &s->o.vmid_low, &s->o.vmid_high);
	else if (strcmp(w->key, "nodes") == 0)
		set_nodes(s, w->value);
	else if (strcmp(w->key, "pools") == 0)
		set_pools(s, w->value);
	else if (strcmp(w->key, "why") == 0)
		s->facts.incomplete_why = w->value;
	else
		fail_msg("no such option: %s", w->key);
}

static void defaults(struct scene *s)
{
	s->o = (struct pm_plan_opts){ .set = "home",
		.root = "manifests",
		.vmid_low = 200,
		.vmid_high = 299,
		.whole = true,
		.max_deletes = -1 };
	s->facts = (struct pm_facts){ .cluster = "home",
		.quorate = true,
		.complete = true,
		.root_pam = true,
		.took_ns = 210000000 };
	set_nodes(s, "pve1,pve2,pve3");
}

/* ---- the whole ---- */

static void each_line(struct scene *s, const char *text, void (*fn)(struct scene *, const char *))
{
	while (*text != '\0') {
		size_t n = strcspn(text, "\n");
		const char *line = pm_arena_strndup(s->arena, text, n);

		if (n > 0 && line[0] != '#')
			fn(s, line);
		text += n + (text[n] == '\n');
	}
}

static void option_line(struct scene *s, const char *line)
{
	struct word w;

	while (next_word(s, &line, &w))
		set_option(s, &w);
}

void scene_open(struct scene *s, const char *manifest, const char *live, const char *options)
{
	memset(s, 0, sizeof(*s));
	s->arena = pm_arena_new(0);
	s->want.arena = s->arena;
	s->have.arena = s->arena;
	pm_diags_init(&s->manifest_diags, s->arena);
	pm_diags_init(&s->diags, s->arena);
	defaults(s);
	each_line(s, options, option_line);
	if (manifest[0] != '\0')
		pm_manifest_parse(s->arena, "manifests/a.yaml", manifest, strlen(manifest),
			&s->want, &s->manifest_diags);
	pm_manifest_link(&s->want, &s->manifest_diags);
	if (s->manifest_diags.nerrors > 0) {
		pm_diags_print(&s->manifest_diags, stderr, 0);
		fail_msg("the scene's manifests have errors");
	}
	each_line(s, live, add_guest);
	pm_set_sort(&s->have);
	s->have.facts = s->facts;
}

void scene_plan(struct scene *s)
{
	struct pm_error err;

	assert_ok(pm_plan_build(&s->want, &s->have, &s->o, &s->diags, &s->plan, &err), &err);
}

void scene_text(const struct scene *s, struct pm_buf *out)
{
	pm_plan_print(&s->plan, s->colour, out);
	for (const struct pm_diag *d = s->diags.first; d != NULL; d = d->next) {
		(void)pm_buf_adds(out, "! ");
		if (d->pos.file != NULL)
			(void)pm_buf_addf(out, "%s:%u: ", d->pos.file, d->pos.line);
		(void)pm_buf_addf(out, "%s: %s\n", pm_severity_name(d->severity), d->msg);
		if (d->hint != NULL)
			(void)pm_buf_addf(out, "!   help: %s\n", d->hint);
	}
}

void scene_done(struct scene *s)
{
	pm_set_done(&s->want);
	pm_set_done(&s->have);
	pm_arena_free(s->arena);
}

const struct pm_action *scene_action(const struct scene *s, const char *id)
{
	for (size_t i = 0; i < s->plan.n; i++) {
		const struct pm_action *a = &s->plan.v[i];
		const struct pm_obj *o = a->want ? a->want : a->have;
		size_t n = strlen(o->ns);

		if (strncmp(id, o->ns, n) == 0 && id[n] == '/' && strcmp(id + n + 1, o->name) == 0)
			return a;
	}
	return NULL;
}
