/* Pools: /pools by path and by query, members, nesting. */
#include "base/num.h"
#include "sim/sim_priv.h"

struct sim_pool *pm_s_pool(const struct pm_sim *s, const char *id)
{
	for (size_t i = 0; i < s->pools.n; i++)
		if (!strcmp(s->pools.v[i]->id, id))
			return s->pools.v[i];
	return NULL;
}

struct sim_pool *pm_s_pool_of(const struct pm_sim *s, unsigned vmid)
{
	for (size_t i = 0; i < s->pools.n; i++)
		for (size_t j = 0; j < s->pools.v[i]->vms.n; j++)
			if (s->pools.v[i]->vms.v[j] == vmid)
				return s->pools.v[i];
	return NULL;
}

static void row_again(struct pm_sim *s, unsigned vmid)
{
	struct sim_guest *g = pm_s_guest(s, vmid);

	if (g) {
		free(g->row);
		g->row = NULL;
	}
	pm_s_changed(s);
}

void pm_s_pool_leave(struct pm_sim *s, unsigned vmid)
{
	struct sim_pool *p = pm_s_pool_of(s, vmid);

	for (size_t j = 0; p && j < p->vms.n; j++)
		if (p->vms.v[j] == vmid) {
			p->vms.v[j] = p->vms.v[--p->vms.n];
			break;
		}
	row_again(s, vmid);
}

void pm_s_pool_join(struct pm_sim *s, const char *pool, unsigned vmid)
{
	struct sim_pool *p = pm_s_pool(s, pool);

	if (!p)
		return; /* it vanished meanwhile: PVE says nothing */
	pm_s_pool_leave(s, vmid);
	pm_vec_push(&p->vms, vmid);
	row_again(s, vmid);
}

void pm_s_pool_free(struct sim_pool *p)
{
	for (size_t i = 0; i < p->storages.n; i++)
		free(p->storages.v[i]);
	pm_vec_done(&p->storages);
	pm_vec_done(&p->vms);
	free(p->id);
	free(p->comment);
	free(p);
}

/* ---- calls ---- */

static void write_pool(struct sim_call *c, const struct sim_pool *p, const char *key, bool members)
{
	const char *type = pm_s_arg(c, "type");

	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "poolid", p->id);
	if (p->comment)
		pm_jw_str(&c->w, "comment", p->comment);
	if (members)
		pm_jw_array(&c->w, "members");
	for (size_t i = 0; members && i < p->vms.n; i++) {
		struct sim_guest *g = pm_s_guest(c->s, p->vms.v[i]);

		if (g && (!type || !strcmp(type, g->qemu ? "qemu" : "lxc")))
			pm_jw_raw(&c->w, NULL, pm_s_guest_row(c->s, g, false));
	}
	for (size_t i = 0; members && i < p->storages.n; i++)
		for (unsigned n = 0; n < c->s->nnodes && (!type || !strcmp(type, "storage")); n++) {
			struct sim_storage *st = pm_s_storage(c->s, p->storages.v[i]);

			if (st && pm_s_storage_on(st, c->s->node[n].name))
				pm_s_storage_row(c, st, n);
		}
	if (members)
		pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
}

static struct sim_pool *pool_for(struct sim_call *c, const char *what)
{
	const char *id = pm_s_arg(c, "poolid");
	struct sim_pool *p = id ? pm_s_pool(c->s, id) : NULL;

	if (!p)
		pm_s_fail(c, 500, "%spool '%s' does not exist", what, id ? id : "");
	return p;
}

static void pools_get(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "poolid");

	if (id && !pool_for(c, ""))
		return;
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->pools.n; i++) {
		struct sim_pool *p = c->s->pools.v[i];

		if ((!id || !strcmp(id, p->id)) &&
			pm_s_may(c, pm_arena_printf(c->a, "/pool/%s", p->id),
				pm_s_priv("Pool.Audit")))
			write_pool(c, p, NULL, id != NULL);
	}
	pm_jw_array_end(&c->w);
}

static void pool_get(struct sim_call *c)
{
	struct sim_pool *p = pool_for(c, "");

	if (p)
		write_pool(c, p, "data", true);
}

static void pools_post(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "poolid"), *slash = strrchr(id, '/');
	struct sim_pool *p;

	if (!pm_s_quorum_for(c, "create pool", "user_cfg"))
		return;
	if (pm_s_pool(c->s, id)) {
		pm_s_fail(c, 500, "create pool failed: pool '%s' already exists", id);
		return;
	}
	if (slash && !pm_s_pool(c->s, pm_arena_strndup(c->a, id, (size_t)(slash - id)))) {
		pm_s_fail(c, 500, "create pool failed: parent '%.*s' of pool '%s' does not exist",
			(int)(slash - id), id, id);
		return;
	}
	p = pm_xcalloc(1, sizeof(*p));
	p->id = pm_xstrdup(id);
	p->comment = pm_s_arg(c, "comment") ? pm_xstrdup(pm_s_arg(c, "comment")) : NULL;
	pm_vec_push(&c->s->pools, p);
	pm_s_changed(c->s);
}

static void change_vm(struct sim_call *c, struct sim_pool *p, unsigned vmid)
{
	struct sim_pool *now = pm_s_pool_of(c->s, vmid);
	bool gone = pm_s_arg_true(c, "delete");

	if (gone && now != p)
		pm_s_fail(c, 500, "update pools failed: VM %u is not a pool member", vmid);
	else if (gone)
		pm_s_pool_leave(c->s, vmid);
	else if (now == p)
		pm_s_fail(c, 500, "update pools failed: VM %u is already a pool member", vmid);
	else if (now && !pm_s_arg_true(c, "allow-move"))
		pm_s_fail(c, 500,
			"update pools failed: VM %u belongs already to pool '%s' and 'allow-move' is not set",
			vmid, now->id);
	else
		pm_s_pool_join(c->s, p->id, vmid);
}

static void change_storage(struct sim_call *c, struct sim_pool *p, const char *id)
{
	size_t at = 0;

	while (at < p->storages.n && strcmp(p->storages.v[at], id) != 0)
		at++;
	if (pm_s_arg_true(c, "delete")) {
		if (at == p->storages.n) {
			pm_s_fail(c, 500, "update pools failed: Storage '%s' is not a pool member",
				id);
			return;
		}
		free(p->storages.v[at]);
		p->storages.v[at] = p->storages.v[--p->storages.n];
	} else if (at < p->storages.n) {
		pm_s_fail(c, 500, "update pools failed: Storage '%s' is already a pool member", id);
	} else {
		pm_vec_push(&p->storages, pm_xstrdup(id));
	}
}

static void pool_put(struct sim_call *c)
{
	struct sim_pool *p = pool_for(c, "update pools failed: ");
	const char *vms = pm_s_arg(c, "vms"), *storages = pm_s_arg(c, "storage");

	if (!p || !pm_s_quorum_for(c, "update pools", "user_cfg"))
		return;
	if (pm_s_arg(c, "comment")) {
		free(p->comment);
		p->comment = pm_xstrdup(pm_s_arg(c, "comment"));
	}
	while (vms && *vms && !c->failed) {
		size_t n = strcspn(vms, ",; ");
		int64_t vmid;

		if (n && pm_parse_int(pm_arena_strndup(c->a, vms, n), 1, INT32_MAX, &vmid) == 0)
			change_vm(c, p, (unsigned)vmid);
		vms += n;
		vms += *vms != '\0';
	}
	while (storages && *storages && !c->failed) {
		size_t n = strcspn(storages, ",; ");

		if (n)
			change_storage(c, p, pm_arena_strndup(c->a, storages, n));
		storages += n;
		storages += *storages != '\0';
	}
	pm_s_changed(c->s);
}

static void pool_delete(struct sim_call *c)
{
	struct sim_pool *p = pool_for(c, "delete pool failed: ");
	size_t at = 0;

	if (!p || !pm_s_quorum_for(c, "delete pool", "user_cfg"))
		return;
	for (size_t i = 0; i < c->s->pools.n; i++) {
		const struct sim_pool *q = c->s->pools.v[i];
		size_t n = strlen(p->id);

		if (q == p)
			at = i;
		else if (!strncmp(q->id, p->id, n) && q->id[n] == '/') {
			pm_s_fail(c, 500,
				"delete pool failed: pool '%s' is not empty (contains pool '%s')",
				p->id, q->id);
			return;
		}
	}
	for (size_t i = 0; i < p->vms.n; i++)
		if (pm_s_guest(c->s, p->vms.v[i])) {
			pm_s_fail(c, 500,
				"delete pool failed: pool '%s' is not empty (contains VM %u)",
				p->id, p->vms.v[i]);
			return;
		}
	if (p->storages.n && pm_s_storage(c->s, p->storages.v[0])) {
		pm_s_fail(c, 500,
			"delete pool failed: pool '%s' is not empty (contains storage '%s')", p->id,
			p->storages.v[0]);
		return;
	}
	pm_s_acl_forget(c->s, pm_arena_printf(c->a, "/pool/%s", p->id));
	pm_s_pool_free(p);
	memmove(&c->s->pools.v[at], &c->s->pools.v[at + 1],
		(--c->s->pools.n - at) * sizeof(*c->s->pools.v));
	pm_s_changed(c->s);
}

#define ALLOCATE "/pool/{poolid} Pool.Allocate"

const struct sim_route pm_s_routes_pool[] = {
	{ "GET", "/pools", pools_get, 0, NULL, NULL },
	{ "POST", "/pools", pools_post, SIM_PROTECTED, ALLOCATE, "poolid" },
	{ "PUT", "/pools", pool_put, SIM_PROTECTED, ALLOCATE, "poolid" },
	{ "DELETE", "/pools", pool_delete, SIM_PROTECTED, ALLOCATE, "poolid" },
	{ "GET", "/pools/{poolid}", pool_get, 0, "/pool/{poolid} Pool.Audit", NULL },
	{ "PUT", "/pools/{poolid}", pool_put, SIM_PROTECTED, ALLOCATE, NULL },
	{ "DELETE", "/pools/{poolid}", pool_delete, SIM_PROTECTED, ALLOCATE, NULL },
	{ 0 },
};
