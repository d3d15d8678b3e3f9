/* The state file: the whole cluster as one JSON document, so that a simulator can go on where another
 * ended. Tasks are not kept: what was running when it ended never happened. */
#include <fcntl.h>
#include <json-c/json.h>

#include "base/file.h"
#include "base/num.h"
#include "sim/sim_priv.h"

/* ---- writing ---- */

static void put_conf(struct pm_jwrite *w, const char *key, const struct sim_conf *c)
{
	pm_jw_object(w, key);
	for (size_t i = 0; i < c->n; i++)
		pm_s_write_value(w, c->v[i].k, c->v[i].v);
	pm_jw_object_end(w);
}

static void put_guest(struct pm_jwrite *w, const struct sim_guest *g)
{
	pm_jw_object(w, NULL);
	pm_jw_int(w, "vmid", g->vmid);
	pm_jw_int(w, "node", g->node);
	pm_jw_bool(w, "qemu", g->qemu);
	pm_jw_bool(w, "running", g->running);
	put_conf(w, "config", &g->cur);
	put_conf(w, "pending", &g->pend);
	put_conf(w, "delete", &g->del);
	put_conf(w, "cloudinit", &g->ci);
	pm_jw_bool(w, "paused", g->paused);
	pm_jw_str(w, "parent", g->parent);
	pm_jw_array(w, "snapshots");
	for (size_t i = 0; i < g->snaps.n; i++) {
		pm_jw_object(w, NULL);
		pm_jw_str(w, "name", g->snaps.v[i]->name);
		pm_jw_str(w, "parent", g->snaps.v[i]->parent);
		pm_jw_int(w, "time", g->snaps.v[i]->time);
		put_conf(w, "config", &g->snaps.v[i]->conf);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_array(w, "lxc");
	for (size_t i = 0; i < g->lxc.n; i++)
		pm_jw_str(w, NULL, g->lxc.v[i]);
	pm_jw_array_end(w);
	pm_jw_object_end(w);
}

static void put_storages(struct pm_jwrite *w, const struct pm_sim *s)
{
	pm_jw_array(w, "storages");
	for (size_t i = 0; i < s->storages.n; i++) {
		pm_jw_object(w, NULL);
		pm_jw_str(w, "id", s->storages.v[i]->id);
		pm_jw_str(w, "type", s->storages.v[i]->type);
		put_conf(w, "config", &s->storages.v[i]->conf);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_array(w, "volumes");
	for (size_t i = 0; i < s->volumes.n; i++) {
		const struct sim_volume *v = s->volumes.v[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "volid", v->volid);
		pm_jw_int(w, "size", v->size);
		pm_jw_int(w, "used", v->used);
		pm_jw_int(w, "ctime", v->ctime);
		pm_jw_int(w, "node", v->node);
		put_conf(w, "more", &v->more);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

static void put_pools(struct pm_jwrite *w, const struct pm_sim *s)
{
	pm_jw_array(w, "pools");
	for (size_t i = 0; i < s->pools.n; i++) {
		const struct sim_pool *p = s->pools.v[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "id", p->id);
		pm_jw_str(w, "comment", p->comment);
		pm_jw_array(w, "vms");
		for (size_t j = 0; j < p->vms.n; j++)
			pm_jw_int(w, NULL, p->vms.v[j]);
		pm_jw_array_end(w);
		pm_jw_array(w, "storages");
		for (size_t j = 0; j < p->storages.n; j++)
			pm_jw_str(w, NULL, p->storages.v[j]);
		pm_jw_array_end(w);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

static void put_objects(struct pm_jwrite *w, const struct pm_sim *s)
{
	pm_jw_array(w, "objects");
	for (size_t i = 0; i < s->objects.n; i++) {
		pm_jw_object(w, NULL);
		pm_jw_str(w, "kind", s->objects.v[i]->kind);
		pm_jw_str(w, "id", s->objects.v[i]->id);
		put_conf(w, "config", &s->objects.v[i]->conf);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

static void put_user(struct pm_jwrite *w, const struct sim_user *u)
{
	pm_jw_object(w, NULL);
	pm_jw_str(w, "id", u->id);
	pm_jw_str(w, "password", u->password);
	pm_jw_bool(w, "enable", u->enable);
	pm_jw_int(w, "expire", u->expire);
	put_conf(w, "facts", &u->facts);
	pm_jw_array(w, "groups");
	for (size_t i = 0; i < u->groups.n; i++)
		pm_jw_str(w, NULL, u->groups.v[i]);
	pm_jw_array_end(w);
	pm_jw_array(w, "tokens");
	for (size_t i = 0; i < u->tokens.n; i++) {
		const struct sim_token *t = u->tokens.v[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "id", t->id);
		pm_jw_str(w, "comment", t->comment);
		pm_jw_str(w, "secret", t->secret);
		pm_jw_int(w, "expire", t->expire);
		pm_jw_bool(w, "privsep", t->privsep);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_object_end(w);
}

static void put_access(struct pm_jwrite *w, const struct pm_sim *s)
{
	pm_jw_array(w, "users");
	for (size_t i = 0; i < s->users.n; i++)
		put_user(w, s->users.v[i]);
	pm_jw_array_end(w);
	pm_jw_array(w, "groups");
	for (size_t i = 0; i < s->groups.n; i++) {
		pm_jw_object(w, NULL);
		pm_jw_str(w, "id", s->groups.v[i]->id);
		pm_jw_str(w, "comment", s->groups.v[i]->comment);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_array(w, "roles");
	for (size_t i = 0; i < s->roles.n; i++) {
		if (s->roles.v[i]->special)
			continue;
		pm_jw_object(w, NULL);
		pm_jw_str(w, "id", s->roles.v[i]->id);
		pm_jw_int(w, "privs", (int64_t)s->roles.v[i]->privs);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
	pm_jw_array(w, "acl");
	for (size_t i = 0; i < s->acls.n; i++) {
		const struct sim_acl *a = s->acls.v[i];

		pm_jw_object(w, NULL);
		pm_jw_str(w, "path", a->path);
		pm_jw_str(w, "who", a->who);
		pm_jw_strn(w, "kind", &a->kind, 1);
		pm_jw_str(w, "role", a->role);
		pm_jw_bool(w, "propagate", a->propagate);
		pm_jw_object_end(w);
	}
	pm_jw_array_end(w);
}

int pm_sim_save(struct pm_sim *s, struct pm_error *err)
{
	cleanup_buf struct pm_buf b = PM_BUF(1 << 30);
	struct pm_jwrite w = { .out = &b };

	if (!s->state_path || !s->dirty)
		return 0;
	pm_jw_object(&w, NULL);
	pm_jw_int(&w, "version", 1);
	put_conf(&w, "options", &s->options);
	put_objects(&w, s);
	put_storages(&w, s);
	put_pools(&w, s);
	put_access(&w, s);
	pm_jw_array(&w, "guests");
	for (size_t i = 0; i < s->guests.n; i++) {
		const char *lock = pm_s_conf_get(&s->guests.v[i]->cur, "lock");

		if (!lock || strcmp(lock, "create") != 0)
			put_guest(&w, s->guests.v[i]);
	}
	pm_jw_array_end(&w);
	pm_jw_object_end(&w);
	pm_buf_addc(&b, '\n');
	if (pm_file_write(s->state_path, b.p, b.len, 0600, err) != 0)
		return pm_error_wrap(err, "the state file");
	s->dirty = false;
	return 0;
}

/* ---- reading ---- */

static void get_conf(struct sim_conf *c, struct json_object *o)
{
	if (!o || !json_object_is_type(o, json_type_object))
		return;
	json_object_object_foreach(o, k, v)
	{
		const char *text = v ? json_object_get_string(v) : NULL;
		size_t n = v && json_object_is_type(v, json_type_string)
				   ? (size_t)json_object_get_string_len(v)
			   : text ? strlen(text)
				  : 0;
		cleanup_buf struct pm_buf b = PM_BUF(0);

		pm_buf_add(&b, text ? text : "", n);
		for (size_t i = 0; i < b.len; i++)
			if (!b.p[i])
				b.p[i] = SIM_NUL;
		pm_s_conf_set(c, k, text ? pm_buf_str(&b) : NULL);
	}
}

static struct json_object *list(struct json_object *o, const char *key, size_t *n)
{
	struct json_object *l = pm_json_get(o, key);

	*n = l && json_object_is_type(l, json_type_array) ? json_object_array_length(l) : 0;
	return l;
}

static char *copy_of(struct json_object *o, const char *key)
{
	const char *s = pm_json_str(o, key);

	return s ? pm_xstrdup(s) : NULL;
}

static int get_guest(struct pm_sim *s, struct json_object *o, struct pm_error *err)
{
	int64_t vmid = pm_json_int(o, "vmid", 0), node = pm_json_int(o, "node", 0);
	struct json_object *l;
	struct sim_guest *g;
	size_t n;

	if (vmid < 100 || vmid > 999999999 || pm_s_guest(s, (unsigned)vmid) || node < 0)
		return pm_error_set(err, PM_E_INPUT,
			"the state file %s: guest %lld is no guest, or there twice", s->state_path,
			(long long)vmid);
	g = pm_s_guest_add(
		s, (unsigned)vmid, (unsigned)(node % s->nnodes), pm_json_bool(o, "qemu", false));
	g->running = pm_json_bool(o, "running", false);
	g->started_ns = s->now_ns;
	get_conf(&g->cur, pm_json_get(o, "config"));
	get_conf(&g->pend, pm_json_get(o, "pending"));
	get_conf(&g->del, pm_json_get(o, "delete"));
	get_conf(&g->ci, pm_json_get(o, "cloudinit"));
	g->paused = pm_json_bool(o, "paused", false);
	g->parent = copy_of(o, "parent");
	l = list(o, "snapshots", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		struct sim_snap *sn;

		if (!pm_json_str(e, "name"))
			continue;
		sn = pm_xcalloc(1, sizeof(*sn));
		sn->name = copy_of(e, "name");
		sn->parent = copy_of(e, "parent");
		sn->time = pm_json_int(e, "time", 0);
		get_conf(&sn->conf, pm_json_get(e, "config"));
		pm_vec_push(&g->snaps, sn);
	}
	l = list(o, "lxc", &n);
	for (size_t i = 0; i < n; i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(l, i));

		if (line && strchr(line, ' '))
			pm_vec_push(&g->lxc, pm_xstrdup(line));
	}
	return 0;
}

static void get_storages(struct pm_sim *s, struct json_object *o)
{
	struct json_object *l;
	size_t n;

	l = list(o, "storages", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		const char *id = pm_json_str(e, "id"), *type = pm_json_str(e, "type");

		if (id && type && !pm_s_storage(s, id))
			get_conf(&pm_s_storage_add(s, id, type)->conf, pm_json_get(e, "config"));
	}
	l = list(o, "volumes", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		const char *volid = pm_json_str(e, "volid");
		int64_t node = pm_json_int(e, "node", -1);
		struct sim_volume *v;

		if (!volid || !strchr(volid, ':'))
			continue;
		v = pm_s_volume_add(s, volid, node < 0 ? -1 : (int)(node % s->nnodes),
			pm_json_int(e, "size", 0));
		v->ctime = pm_json_int(e, "ctime", 0);
		v->used = pm_json_int(e, "used", v->used);
		get_conf(&v->more, pm_json_get(e, "more"));
	}
}

static void get_pools(struct pm_sim *s, struct json_object *o)
{
	struct json_object *l, *m;
	size_t n, k;

	l = list(o, "pools", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		struct sim_pool *p;

		if (!pm_json_str(e, "id"))
			continue;
		p = pm_xcalloc(1, sizeof(*p));
		p->id = pm_xstrdup(pm_json_str(e, "id"));
		p->comment =
			pm_json_str(e, "comment") ? pm_xstrdup(pm_json_str(e, "comment")) : NULL;
		m = list(e, "vms", &k);
		for (size_t j = 0; j < k; j++)
			pm_vec_push(&p->vms,
				(unsigned)json_object_get_int(json_object_array_get_idx(m, j)));
		m = list(e, "storages", &k);
		for (size_t j = 0; j < k; j++)
			pm_vec_push(&p->storages, pm_xstrdup(json_object_get_string(
							  json_object_array_get_idx(m, j))));
		pm_vec_push(&s->pools, p);
	}
}

static void get_objects(struct pm_sim *s, struct json_object *o)
{
	size_t n;
	struct json_object *l = list(o, "objects", &n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		const char *kind = pm_json_str(e, "kind"), *id = pm_json_str(e, "id");

		if (kind && id)
			get_conf(&pm_s_object_add(s, kind, id, false)->conf,
				pm_json_get(e, "config"));
	}
}

static void get_user(struct pm_sim *s, struct json_object *o)
{
	const char *id = pm_json_str(o, "id");
	struct sim_user *u = id ? pm_s_user(s, id) : NULL;
	struct json_object *l;
	size_t n;

	if (!id || !strchr(id, '@'))
		return;
	if (!u)
		u = pm_s_user_add(s, id, pm_json_str(o, "password"));
	u->enable = pm_json_bool(o, "enable", true);
	u->expire = pm_json_int(o, "expire", 0);
	get_conf(&u->facts, pm_json_get(o, "facts"));
	l = list(o, "groups", &n);
	for (size_t i = 0; i < n; i++)
		pm_vec_push(&u->groups,
			pm_xstrdup(json_object_get_string(json_object_array_get_idx(l, i))));
	l = list(o, "tokens", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		struct sim_token *t;

		if (!pm_json_str(e, "id") || pm_s_token_of(u, pm_json_str(e, "id")))
			continue; /* root's own token is the command line's */
		t = pm_s_token_add(s, u, pm_json_str(e, "id"));
		t->comment = copy_of(e, "comment");
		t->expire = pm_json_int(e, "expire", 0);
		t->privsep = pm_json_bool(e, "privsep", true);
		if (pm_json_str(e, "secret"))
			(void)snprintf(
				t->secret, sizeof(t->secret), "%s", pm_json_str(e, "secret"));
	}
}

static void get_acl(struct pm_sim *s, struct json_object *o)
{
	const char *path = pm_json_str(o, "path"), *who = pm_json_str(o, "who");
	const char *kind = pm_json_str(o, "kind"), *role = pm_json_str(o, "role");

	if (path && who && kind && role)
		pm_s_acl_add(s, path, *kind, who, role, pm_json_bool(o, "propagate", true));
}

static void get_access(struct pm_sim *s, struct json_object *o)
{
	struct json_object *l;
	size_t n;

	l = list(o, "users", &n);
	for (size_t i = 0; i < n; i++)
		get_user(s, json_object_array_get_idx(l, i));
	l = list(o, "groups", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		struct sim_group *g;

		if (!pm_json_str(e, "id"))
			continue;
		g = pm_xcalloc(1, sizeof(*g));
		g->id = copy_of(e, "id");
		g->comment = copy_of(e, "comment");
		pm_vec_push(&s->groups, g);
	}
	l = list(o, "roles", &n);
	for (size_t i = 0; i < n; i++) {
		struct json_object *e = json_object_array_get_idx(l, i);
		struct sim_role *r;

		if (!pm_json_str(e, "id"))
			continue;
		r = pm_xcalloc(1, sizeof(*r));
		r->id = copy_of(e, "id");
		r->privs = (uint64_t)pm_json_int(e, "privs", 0);
		pm_vec_push(&s->roles, r);
	}
	l = list(o, "acl", &n);
	for (size_t i = 0; i < n; i++)
		get_acl(s, json_object_array_get_idx(l, i));
}

int pm_s_state_load(struct pm_sim *s, struct pm_error *err)
{
	cleanup_buf struct pm_buf b = PM_BUF(0);
	struct json_object *o cleanup_json = NULL, *l;
	size_t n;

	if (access(s->state_path, F_OK) != 0)
		return 0;
	if (pm_file_read(AT_FDCWD, s->state_path, (size_t)1 << 30, &b, err) != 0)
		return pm_error_wrap(err, "the state file");
	if (pm_json_parse(pm_buf_str(&b), b.len, &o, err) != 0) {
		err->code = PM_E_INPUT;
		return pm_error_wrap(err, "the state file %s", s->state_path);
	}
	if (!o || pm_json_int(o, "version", 0) != 1)
		return pm_error_set(err, PM_E_INPUT,
			"%s is no state file of podmox-sim: give another name", s->state_path);
	pm_s_wipe(s);
	pm_s_access_init(s);
	get_conf(&s->options, pm_json_get(o, "options"));
	get_objects(s, o);
	get_storages(s, o);
	get_pools(s, o);
	get_access(s, o);
	l = list(o, "guests", &n);
	for (size_t i = 0; i < n; i++)
		if (get_guest(s, json_object_array_get_idx(l, i), err) != 0)
			return -err->code;
	pm_s_collect(s);
	s->dirty = false;
	return 0;
}
