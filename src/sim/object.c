/* Small objects that PVE only stores and lists: HA resources and rules, firewall rules, aliases, sets. They
 * are kept in one list in the order of their making; those of one kind count from 0. */
#include "sim/sim_priv.h"

struct sim_object *pm_s_object(const struct pm_sim *s, const char *kind, const char *id)
{
	for (size_t i = 0; i < s->objects.n; i++)
		if (!strcmp(s->objects.v[i]->kind, kind) && !strcasecmp(s->objects.v[i]->id, id))
			return s->objects.v[i];
	return NULL;
}

struct sim_object *pm_s_object_nth(const struct pm_sim *s, const char *kind, size_t n)
{
	for (size_t i = 0; i < s->objects.n; i++)
		if (!strcmp(s->objects.v[i]->kind, kind) && n-- == 0)
			return s->objects.v[i];
	return NULL;
}

static size_t place_of(const struct pm_sim *s, const struct sim_object *o)
{
	size_t i = 0;

	while (i < s->objects.n && s->objects.v[i] != o)
		i++;
	return i;
}

/* Puts an object before another one; NULL: at the end. */
static void put(struct pm_sim *s, struct sim_object *o, const struct sim_object *before)
{
	size_t at = before ? place_of(s, before) : s->objects.n;

	pm_vec_push(&s->objects, o);
	memmove(&s->objects.v[at + 1], &s->objects.v[at],
		(s->objects.n - 1 - at) * sizeof(*s->objects.v));
	s->objects.v[at] = o;
	pm_s_changed(s);
}

static void take_out(struct pm_sim *s, const struct sim_object *o)
{
	size_t at = place_of(s, o);

	memmove(&s->objects.v[at], &s->objects.v[at + 1],
		(--s->objects.n - at) * sizeof(*s->objects.v));
}

struct sim_object *pm_s_object_add(struct pm_sim *s, const char *kind, const char *id, bool first)
{
	struct sim_object *o = pm_xcalloc(1, sizeof(*o));

	o->kind = pm_xstrdup(kind);
	o->id = pm_xstrdup(id);
	put(s, o, first ? pm_s_object_nth(s, kind, 0) : NULL);
	return o;
}

void pm_s_object_move(struct pm_sim *s, struct sim_object *o, size_t before)
{
	struct sim_object *next = pm_s_object_nth(s, o->kind, before);

	if (next == o)
		return;
	take_out(s, o);
	put(s, o, next);
}

void pm_s_object_del(struct pm_sim *s, struct sim_object *o)
{
	take_out(s, o);
	pm_s_conf_done(&o->conf);
	free(o->kind);
	free(o->id);
	free(o);
	pm_s_changed(s);
}

void pm_s_objects_drop(struct pm_sim *s, const char *kind)
{
	struct sim_object *o;

	while ((o = pm_s_object_nth(s, kind, 0)) != NULL)
		pm_s_object_del(s, o);
}

void pm_s_objects_copy(struct pm_sim *s, const char *from, const char *to)
{
	struct sim_object *o;

	pm_s_objects_drop(s, to);
	for (size_t i = 0; (o = pm_s_object_nth(s, from, i)) != NULL; i++)
		pm_s_conf_copy(&pm_s_object_add(s, to, o->id, false)->conf, &o->conf);
}

void pm_s_object_forget(struct pm_sim *s, unsigned vmid, bool purge)
{
	char scope[32], sid[2][24];

	(void)snprintf(scope, sizeof(scope), " guest/%u", vmid);
	(void)snprintf(sid[0], sizeof(sid[0]), "ct:%u", vmid);
	(void)snprintf(sid[1], sizeof(sid[1]), "vm:%u", vmid);
	for (size_t i = s->objects.n; i-- > 0;) {
		struct sim_object *o = s->objects.v[i];
		const char *at = strstr(o->kind, scope);

		if ((at && strchr("/", at[strlen(scope)])) ||
			(purge && !strcmp(o->kind, "ha") &&
				(!strcmp(o->id, sid[0]) || !strcmp(o->id, sid[1]))))
			pm_s_object_del(s, o);
	}
}

const char *pm_s_object_digest(struct sim_call *c, const char *kind)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	char *out = pm_arena_alloc(c->a, 41, 1);

	for (size_t i = 0; i < c->s->objects.n; i++) {
		struct sim_object *o = c->s->objects.v[i];

		if (strcmp(o->kind, kind) != 0)
			continue;
		pm_buf_addf(&b, "%s\n", o->id);
		for (size_t j = 0; j < o->conf.n; j++)
			pm_buf_addf(&b, "%s %s\n", o->conf.v[j].k, o->conf.v[j].v);
	}
	pm_s_sha1(pm_buf_str(&b), b.len, out);
	return out;
}

bool pm_s_object_same(struct sim_call *c, const char *kind)
{
	const char *digest = pm_s_arg(c, "digest");

	if (!digest || !strcmp(digest, pm_s_object_digest(c, kind)))
		return true;
	pm_s_fail(
		c, 500, "detected modified configuration - file changed by other user? Try again.");
	return false;
}

void pm_s_object_take(struct sim_call *c, struct sim_object *o, const char *keys)
{
	const char *gone = pm_s_arg(c, "delete");

	while (gone && *gone) {
		size_t n = strcspn(gone, ",; ");

		pm_s_conf_del(&o->conf, pm_arena_strndup(c->a, gone, n));
		gone += n;
		gone += *gone != '\0';
	}
	while (*keys) {
		size_t n = strcspn(keys, " ");
		const char *k = pm_arena_strndup(c->a, keys, n), *v = pm_s_arg(c, k);

		if (v)
			pm_s_conf_set(&o->conf, k, v);
		else if (pm_s_has(c, k))
			pm_s_conf_del(&o->conf, k);
		keys += n;
		keys += *keys == ' ';
	}
	pm_s_changed(c->s);
}

void pm_s_object_write(struct sim_call *c, const struct sim_object *o, const char *numbers)
{
	for (size_t i = 0; i < o->conf.n; i++) {
		const char *k = o->conf.v[i].k, *at = strstr(numbers, k);
		size_t n = strlen(k);

		if (at && (at == numbers || at[-1] == ' ') && strchr(" ", at[n]))
			pm_jw_int(&c->w, k, pm_s_conf_int(&o->conf, k, 0));
		else
			pm_jw_str(&c->w, k, o->conf.v[i].v);
	}
}
