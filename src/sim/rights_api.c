/* /access/groups, /access/roles, /access/acl and /access/permissions. */
#include "sim/sim_priv.h"

/* ---- groups ---- */

static struct sim_group *group_find(struct sim_call *c, size_t *at)
{
	for (size_t i = 0; i < c->s->groups.n; i++)
		if (!strcmp(c->s->groups.v[i]->id, pm_s_arg(c, "groupid"))) {
			*at = i;
			return c->s->groups.v[i];
		}
	return NULL;
}

static void group_write(struct sim_call *c, const struct sim_group *g, bool list)
{
	cleanup_buf struct pm_buf users = PM_BUF(0);

	if (g->comment)
		pm_jw_str(&c->w, "comment", g->comment);
	if (!list)
		pm_jw_array(&c->w, "members");
	for (size_t i = 0; i < c->s->users.n; i++) {
		if (!pm_s_member(c->s->users.v[i], g->id))
			continue;
		if (list)
			pm_buf_addf(&users, "%s%s", users.len ? "," : "", c->s->users.v[i]->id);
		else
			pm_jw_str(&c->w, NULL, c->s->users.v[i]->id);
	}
	if (list)
		pm_jw_str(&c->w, "users", pm_buf_str(&users));
	else
		pm_jw_array_end(&c->w);
}

static void groups_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->groups.n; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "groupid", c->s->groups.v[i]->id);
		group_write(c, c->s->groups.v[i], true);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void groups_post(struct sim_call *c)
{
	struct sim_group *g;
	size_t at;

	if (group_find(c, &at)) {
		pm_s_fail(c, 500, "create group failed: group '%s' already exists",
			pm_s_arg(c, "groupid"));
		return;
	}
	g = pm_xcalloc(1, sizeof(*g));
	g->id = pm_xstrdup(pm_s_arg(c, "groupid"));
	g->comment = pm_s_arg(c, "comment") ? pm_xstrdup(pm_s_arg(c, "comment")) : NULL;
	pm_vec_push(&c->s->groups, g);
	pm_s_changed(c->s);
}

static void group_get(struct sim_call *c)
{
	size_t at;
	struct sim_group *g = group_find(c, &at);

	if (!g) {
		pm_s_fail(c, 500, "group '%s' does not exist", pm_s_arg(c, "groupid"));
		return;
	}
	pm_jw_object(&c->w, "data");
	group_write(c, g, false);
	pm_jw_object_end(&c->w);
}

static void group_put(struct sim_call *c)
{
	size_t at;
	struct sim_group *g = group_find(c, &at);

	if (!g) {
		pm_s_fail(c, 500, "update group failed: group '%s' does not exist",
			pm_s_arg(c, "groupid"));
		return;
	}
	free(g->comment);
	g->comment = pm_s_arg(c, "comment") ? pm_xstrdup(pm_s_arg(c, "comment")) : NULL;
	pm_s_changed(c->s);
}

static void group_delete(struct sim_call *c)
{
	size_t at = 0;
	struct sim_group *g = group_find(c, &at);

	if (!g) {
		pm_s_fail(c, 500, "delete group failed: group '%s' does not exist",
			pm_s_arg(c, "groupid"));
		return;
	}
	for (size_t i = 0; i < c->s->users.n; i++) {
		struct sim_user *u = c->s->users.v[i];

		for (size_t j = u->groups.n; j-- > 0;)
			if (!strcmp(u->groups.v[j], g->id)) {
				free(u->groups.v[j]);
				u->groups.v[j] = u->groups.v[--u->groups.n];
			}
	}
	for (size_t i = c->s->acls.n; i-- > 0;)
		if (c->s->acls.v[i]->kind == 'g' && !strcmp(c->s->acls.v[i]->who, g->id))
			pm_s_acl_drop(c->s, i);
	free(g->id);
	free(g->comment);
	free(g);
	memmove(&c->s->groups.v[at], &c->s->groups.v[at + 1],
		(--c->s->groups.n - at) * sizeof(*c->s->groups.v));
	pm_s_changed(c->s);
}

/* ---- roles ---- */

static uint64_t privs_arg(const struct sim_call *c)
{
	const char *p = pm_s_arg(c, "privs");
	uint64_t set = 0;

	while (p && *p) {
		size_t n = strcspn(p, ",; ");

		set |= pm_s_priv(pm_arena_strndup(c->a, p, n));
		p += n;
		p += *p != '\0';
	}
	return set;
}

static void roles_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->roles.n; i++) {
		struct sim_role *r = c->s->roles.v[i];
		cleanup_buf struct pm_buf privs = PM_BUF(0);

		for (size_t j = 0; j < pm_s_nprivs; j++)
			if (r->privs >> j & 1)
				pm_buf_addf(&privs, "%s%s", privs.len ? "," : "", pm_s_privs[j]);
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "roleid", r->id);
		pm_jw_str(&c->w, "privs", pm_buf_str(&privs));
		pm_jw_int(&c->w, "special", r->special);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static struct sim_role *role_for(struct sim_call *c, const char *what)
{
	struct sim_role *r = pm_s_role(c->s, pm_s_arg(c, "roleid"));

	if (!r)
		pm_s_fail(c, 500, "%srole '%s' does not exist", what, pm_s_arg(c, "roleid"));
	return r;
}

static void role_get(struct sim_call *c)
{
	struct sim_role *r = role_for(c, "");

	if (r)
		pm_s_privs_write(c, "data", r->privs, 0);
}

static void roles_post(struct sim_call *c)
{
	struct sim_role *r;

	if (pm_s_role(c->s, pm_s_arg(c, "roleid"))) {
		pm_s_fail(c, 500, "create role failed: role '%s' already exists",
			pm_s_arg(c, "roleid"));
		return;
	}
	r = pm_xcalloc(1, sizeof(*r));
	r->id = pm_xstrdup(pm_s_arg(c, "roleid"));
	r->privs = privs_arg(c);
	pm_vec_push(&c->s->roles, r);
	pm_s_changed(c->s);
}

static void role_put(struct sim_call *c)
{
	struct sim_role *r = role_for(c, "update role failed: ");

	if (!r)
		return;
	r->privs = privs_arg(c) | (pm_s_arg_true(c, "append") ? r->privs : 0);
	pm_s_changed(c->s);
}

static void role_delete(struct sim_call *c)
{
	struct sim_role *r = role_for(c, "delete role failed: ");

	if (!r)
		return;
	if (r->special) {
		pm_s_fail(c, 500, "auto-generated role '%s' cannot be deleted", r->id);
		return;
	}
	for (size_t i = c->s->acls.n; i-- > 0;)
		if (!strcmp(c->s->acls.v[i]->role, r->id))
			pm_s_acl_drop(c->s, i);
	for (size_t i = 0; i < c->s->roles.n; i++)
		if (c->s->roles.v[i] == r) {
			memmove(&c->s->roles.v[i], &c->s->roles.v[i + 1],
				(--c->s->roles.n - i) * sizeof(*c->s->roles.v));
			break;
		}
	free(r->id);
	free(r);
	pm_s_changed(c->s);
}

/* ---- ACL ---- */

static void acl_get(struct sim_call *c)
{
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->acls.n; i++) {
		struct sim_acl *a = c->s->acls.v[i];

		if (!pm_s_may(c, a->path, pm_s_priv("Permissions.Modify")))
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "path", a->path);
		pm_jw_int(&c->w, "propagate", a->propagate);
		pm_jw_str(&c->w, "roleid", a->role);
		pm_jw_str(&c->w, "type",
			a->kind == 'g'   ? "group"
			: a->kind == 't' ? "token"
					 : "user");
		pm_jw_str(&c->w, "ugid", a->who);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static bool acl_path_fine(const char *p)
{
	static const char *const tops[] = { "/access", "/nodes", "/pool", "/sdn", "/storage",
		"/vms", "/mapping" };

	if (!strcmp(p, "/"))
		return true;
	for (size_t i = 0; i < PM_COUNT(tops); i++) {
		size_t n = strlen(tops[i]);

		if (!strncmp(p, tops[i], n) && (!p[n] || (p[n] == '/' && p[n + 1])))
			return true;
	}
	return false;
}

static bool acl_who_fine(struct sim_call *c, char kind, const char *who)
{
	const char *name = kind == 'g' ? "group" : kind == 't' ? "token" : "user";
	bool there = false;

	if (kind == 'g') {
		for (size_t i = 0; i < c->s->groups.n; i++)
			there |= !strcmp(c->s->groups.v[i]->id, who);
	} else {
		const char *bang = strchr(who, '!');
		struct sim_user *u = pm_s_user(
			c->s, bang ? pm_arena_strndup(c->a, who, (size_t)(bang - who)) : who);

		there = u && (!bang || pm_s_token_of(u, bang + 1));
	}
	if (!there)
		pm_s_fail(c, 500, "ACL update failed: %s '%s' does not exist", name, who);
	return there;
}

static void acl_change(struct sim_call *c, char kind, const char *who, const char *role)
{
	const char *path = pm_s_arg(c, "path");

	for (size_t i = c->s->acls.n; i-- > 0;) {
		struct sim_acl *a = c->s->acls.v[i];

		if (a->kind == kind && !strcmp(a->path, path) && !strcmp(a->who, who) &&
			!strcmp(a->role, role))
			pm_s_acl_drop(c->s, i);
	}
	if (!pm_s_arg_true(c, "delete"))
		pm_s_acl_add(c->s, path, kind, who, role,
			!pm_s_arg(c, "propagate") || pm_s_arg_true(c, "propagate"));
}

static void acl_for(struct sim_call *c, char kind, const char *list)
{
	while (list && *list && !c->failed) {
		size_t n = strcspn(list, ",; ");
		const char *who = pm_arena_strndup(c->a, list, n), *roles = pm_s_arg(c, "roles");

		list += n;
		list += *list != '\0';
		if (!n || !acl_who_fine(c, kind, who))
			continue;
		while (*roles && !c->failed) {
			size_t m = strcspn(roles, ",; ");
			const char *role = pm_arena_strndup(c->a, roles, m);

			roles += m;
			roles += *roles != '\0';
			if (!pm_s_role(c->s, role))
				pm_s_fail(c, 500, "ACL update failed: role '%s' does not exist",
					role);
			else
				acl_change(c, kind, who, role);
		}
	}
}

static void acl_put(struct sim_call *c)
{
	const char *path = pm_s_arg(c, "path");

	if (!acl_path_fine(path)) {
		pm_s_bad(c, "path", "invalid ACL path '%s'", path);
		return;
	}
	if (!pm_s_check(c, path, "Permissions.Modify") ||
		!pm_s_quorum_for(c, "ACL update", "user_cfg"))
		return;
	acl_for(c, 'u', pm_s_arg(c, "users"));
	acl_for(c, 'g', pm_s_arg(c, "groups"));
	acl_for(c, 't', pm_s_arg(c, "tokens"));
	pm_s_changed(c->s);
}

/* ---- permissions ---- */

static void perms_write(struct sim_call *c, const char *authid, const char *path, bool always)
{
	uint64_t p, r;

	pm_s_perms(c->s, authid, path, &p, &r);
	if (p | r || always)
		pm_s_privs_write(c, path, p, r);
}

static void permissions_get(struct sim_call *c)
{
	static const char *const known[] = { "/", "/access", "/access/groups", "/nodes", "/pool",
		"/sdn", "/storage", "/vms" };
	const char *who = pm_s_arg(c, "userid");
	struct sim_conf paths cleanup_conf = { 0 };

	who = who ? who : c->authid;
	if (strcmp(who, c->authid) != 0 && !pm_s_check(c, "/access", "Sys.Audit"))
		return;
	pm_jw_object(&c->w, "data");
	if (pm_s_arg(c, "path")) {
		perms_write(c, who, pm_s_arg(c, "path"), true);
	} else {
		for (size_t i = 0; i < PM_COUNT(known); i++)
			pm_s_conf_set(&paths, known[i], NULL);
		for (size_t i = 0; i < c->s->acls.n; i++)
			pm_s_conf_set(&paths, c->s->acls.v[i]->path, NULL);
		for (size_t i = 0; i < c->s->pools.n; i++)
			for (size_t j = 0; j < c->s->pools.v[i]->vms.n; j++)
				pm_s_conf_set(&paths,
					pm_arena_printf(
						c->a, "/vms/%u", c->s->pools.v[i]->vms.v[j]),
					NULL);
		for (size_t i = 0; i < paths.n; i++)
			perms_write(c, who, paths.v[i].k, false);
	}
	pm_jw_object_end(&c->w);
}

#define GROUPS "/access/groups Group.Allocate"
#define ROLES  "/access Sys.Modify"

const struct sim_route pm_s_routes_rights[] = {
	{ "GET", "/access/permissions", permissions_get, 0, NULL, NULL },
	{ "GET", "/access/groups", groups_get, 0, NULL, NULL },
	{ "POST", "/access/groups", groups_post, SIM_PROTECTED, GROUPS, "groupid" },
	{ "GET", "/access/groups/{groupid}", group_get, 0,
		"/access/groups Sys.Audit|Group.Allocate", NULL },
	{ "PUT", "/access/groups/{groupid}", group_put, SIM_PROTECTED, GROUPS, NULL },
	{ "DELETE", "/access/groups/{groupid}", group_delete, SIM_PROTECTED, GROUPS, NULL },
	{ "GET", "/access/roles", roles_get, 0, NULL, NULL },
	{ "POST", "/access/roles", roles_post, SIM_PROTECTED, ROLES, "roleid" },
	{ "GET", "/access/roles/{roleid}", role_get, 0, NULL, NULL },
	{ "PUT", "/access/roles/{roleid}", role_put, SIM_PROTECTED, ROLES, NULL },
	{ "DELETE", "/access/roles/{roleid}", role_delete, SIM_PROTECTED, ROLES, NULL },
	{ "GET", "/access/acl", acl_get, 0, NULL, NULL },
	{ "PUT", "/access/acl", acl_put, SIM_PROTECTED, NULL, "path roles" },
	{ 0 },
};
