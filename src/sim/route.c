/* Which handler a path belongs to. The first that fits: literal
 * parts stand before parameters in the tables. Routes lie in boxes by the number of their parts and by the
 * first, so that few have to be looked at. */
#include "sim/sim_priv.h"

#define MOST_PARTS 16
#define FIRSTS     8

struct sim_routes {
	PM_VEC(const struct sim_route *) box[MOST_PARTS][FIRSTS];
};

static const struct sim_route *const tables[] = { pm_s_routes_lxc, pm_s_routes_snapshot,
	pm_s_routes_qemu, pm_s_routes_ha, pm_s_routes_firewall, pm_s_routes_task,
	pm_s_routes_cluster, pm_s_routes_pool, pm_s_routes_storage, pm_s_routes_access,
	pm_s_routes_rights, pm_s_routes_node, pm_s_routes_host, pm_s_routes_file,
	pm_s_routes_network, pm_s_routes_sdn, pm_s_routes_bulk, pm_s_routes_backup,
	pm_s_routes_keep, pm_s_routes_tfa, pm_s_routes_index };

static size_t parts_of(const char *path)
{
	size_t n = 0;

	for (const char *p = path; *p; p++)
		n += *p == '/' && p[1];
	return n < MOST_PARTS ? n : MOST_PARTS - 1;
}

/* "/nodes/..." and "/access" by their letters. */
static size_t first_of(const char *path)
{
	return path[0] && path[1] ? (unsigned char)path[1] % FIRSTS : 0;
}

struct sim_routes *pm_s_routes_new(void)
{
	struct sim_routes *all = pm_xcalloc(1, sizeof(*all));

	for (size_t t = 0; t < PM_COUNT(tables); t++)
		for (const struct sim_route *r = tables[t]; r->method; r++) {
			size_t n = parts_of(r->path);
			size_t last = strstr(r->path, "*}") ? MOST_PARTS - 1 : n;

			for (; n <= last; n++)
				pm_vec_push(&all->box[n][first_of(r->path)], r);
		}
	return all;
}

void pm_s_routes_free(struct sim_routes *all)
{
	for (size_t i = 0; all && i < MOST_PARTS; i++)
		for (size_t j = 0; j < FIRSTS; j++)
			pm_vec_done(&all->box[i][j]);
	free(all);
}

/* Does the path fit? `fill` notes its parameters. */
static bool fits(struct sim_call *c, const char *pattern, bool fill)
{
	const char *path = c->path;

	while (*pattern) {
		size_t n, m;

		if (*pattern++ != '/' || *path++ != '/')
			return false;
		n = strcspn(pattern, "/");
		m = pattern[0] == '{' && pattern[n - 2] == '*' ? strlen(path) : strcspn(path, "/");
		if (pattern[0] != '{') {
			if (n != m || memcmp(pattern, path, n) != 0)
				return false;
		} else if (m == 0) {
			return false;
		} else if (fill) {
			size_t len = n - 2 - (pattern[n - 2] == '*');

			pm_s_param_add(c, pm_arena_strndup(c->a, pattern + 1, len),
				pm_arena_strndup(c->a, path, m), true);
		}
		pattern += n;
		path += m;
	}
	return !*path;
}

const struct sim_route *pm_s_route(struct sim_call *c)
{
	struct sim_routes *all = c->s->routes;
	size_t n = parts_of(c->path), f = first_of(c->path);

	for (size_t i = 0; i < all->box[n][f].n; i++) {
		const struct sim_route *r = all->box[n][f].v[i];

		if (!strcmp(r->method, c->q->method) && fits(c, r->path, false)) {
			(void)fits(c, r->path, true);
			return r;
		}
	}
	return NULL;
}
