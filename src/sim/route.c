/* Which handler a path belongs to. The first that fits: literal
 * parts stand before parameters in the tables. */
#include "sim/sim_priv.h"

static const struct sim_route *const tables[] = { pm_s_routes_lxc, pm_s_routes_snapshot,
	pm_s_routes_qemu, pm_s_routes_ha, pm_s_routes_firewall, pm_s_routes_task,
	pm_s_routes_cluster, pm_s_routes_pool, pm_s_routes_storage, pm_s_routes_access,
	pm_s_routes_rights };

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
	for (size_t t = 0; t < PM_COUNT(tables); t++)
		for (const struct sim_route *r = tables[t]; r->method; r++)
			if (!strcmp(r->method, c->q->method) && fits(c, r->path, false)) {
				(void)fits(c, r->path, true);
				return r;
			}
	return NULL;
}
