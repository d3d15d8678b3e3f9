/* /access: tickets, users, groups, roles, ACL, tokens, permissions. */
#include "base/num.h"
#include "sim/sim_priv.h"

#define USER_CFG "user_cfg"

bool pm_s_quorum_for(struct sim_call *c, const char *what, const char *file)
{
	if (pm_s_quorate(c->s))
		return true;
	pm_s_fail(c, 500, "%s failed: cfs-lock 'file-%s' error: no quorum!", what, file);
	return false;
}

/* ---- ticket ---- */

static const struct {
	const char *area, *path, *privs;
} caps[] = {
	{ "access", "/access", "User.Modify Group.Allocate Permissions.Modify" },
	{ "dc", "/", "SDN.Allocate SDN.Audit SDN.Use Sys.Audit Sys.Modify" },
	{ "mapping", "/mapping", "Mapping.Audit Mapping.Modify Mapping.Use Permissions.Modify" },
	{ "nodes", "/nodes",
		"Permissions.Modify Sys.AccessNetwork Sys.Audit Sys.Console Sys.Incoming Sys.Modify "
		"Sys.PowerMgmt Sys.Syslog" },
	{ "sdn", "/sdn", "Permissions.Modify SDN.Allocate SDN.Audit SDN.Use" },
	{ "storage", "/storage",
		"Datastore.Allocate Datastore.AllocateSpace Datastore.AllocateTemplate Datastore.Audit "
		"Permissions.Modify" },
	{ "vms", "/vms", "Permissions.Modify VM." },
};

static bool listed(const char *list, const char *priv)
{
	for (const char *p = list; *p;) {
		size_t n = strcspn(p, " ");

		if (!strncmp(p, priv, n) && (p[n - 1] == '.' || !priv[n]))
			return true;
		p += n;
		p += *p == ' ';
	}
	return false;
}

static void write_caps(struct sim_call *c, const char *user)
{
	pm_jw_object(&c->w, "cap");
	for (size_t i = 0; i < PM_COUNT(caps); i++) {
		uint64_t p, r, all;

		pm_s_perms(c->s, user, caps[i].path, &p, &r);
		all = p | r;
		pm_jw_object(&c->w, caps[i].area);
		for (size_t j = 0; j < pm_s_nprivs; j++)
			if ((all >> j & 1) && listed(caps[i].privs, pm_s_privs[j]))
				pm_jw_int(&c->w, pm_s_privs[j], 1);
		pm_jw_object_end(&c->w);
	}
	pm_jw_object_end(&c->w);
}

/* The password is right; the second factor is still to come. */
static void write_challenge(struct sim_call *c, const char *name)
{
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "username", name);
	pm_jw_int(&c->w, "NeedTFA", 1);
	pm_jw_str(&c->w, "ticket", pm_s_tfa_challenge(c, name));
	pm_jw_str(&c->w, "CSRFPreventionToken", pm_s_csrf(c, name));
	pm_jw_object_end(&c->w);
}

static void ticket_post(struct sim_call *c)
{
	const char *name = pm_s_arg(c, "username"), *password = pm_s_arg(c, "password");
	const char *realm = pm_s_arg(c, "realm"), *renewed;
	struct sim_user *u;
	bool answered;

	if (!name || !password) {
		pm_s_bad(c, name ? "password" : "username",
			"property is missing and it is not optional");
		return;
	}
	if (realm && !strchr(name, '@'))
		name = pm_arena_printf(c->a, "%s@%s", name, realm);
	u = pm_s_user(c->s, name);
	renewed = u ? pm_s_ticket_user(c, password) : NULL;
	answered = u && pm_s_arg(c, "tfa-challenge") && pm_s_tfa_answered(c, name);
	if (!u || !u->enable || (u->expire && u->expire <= pm_s_node_time(c, c->asked)) ||
		(pm_s_arg(c, "tfa-challenge") && !answered) ||
		!(answered || (renewed && !strcmp(renewed, name)) ||
			(u->password && !strcmp(u->password, password)))) {
		pm_s_fail(c, 401, "authentication failure");
		return;
	}
	if (!answered && !(renewed && !strcmp(renewed, name)) && pm_s_tfa_wanted(c, name)) {
		write_challenge(c, name);
		return;
	}
	pm_s_log(c->s, c->asked, name, "pvedaemon", "successful auth for user '%s'", name);
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "username", name);
	pm_jw_str(&c->w, "ticket", pm_s_ticket(c, name));
	pm_jw_str(&c->w, "CSRFPreventionToken", pm_s_csrf(c, name));
	if (c->s->nnodes > 1)
		pm_jw_str(&c->w, "clustername", "rigcluster");
	write_caps(c, name);
	pm_jw_object_end(&c->w);
}

static void nothing(struct sim_call *c)
{
	(void)c;
}

/* ---- tokens ---- */

struct sim_token *pm_s_token_of(struct sim_user *u, const char *id)
{
	for (size_t i = 0; u && i < u->tokens.n; i++)
		if (!strcmp(u->tokens.v[i]->id, id))
			return u->tokens.v[i];
	return NULL;
}

static void write_token(
	struct sim_call *c, const struct sim_token *t, const char *key, bool with_id)
{
	pm_jw_object(&c->w, key);
	if (with_id)
		pm_jw_str(&c->w, "tokenid", t->id);
	if (t->comment)
		pm_jw_str(&c->w, "comment", t->comment);
	pm_jw_int(&c->w, "expire", t->expire);
	pm_jw_int(&c->w, "privsep", t->privsep);
	pm_jw_object_end(&c->w);
}

/* The user of the path: oneself, or somebody one may look after. */
static struct sim_user *user_for(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "userid");
	struct sim_user *u = pm_s_user(c->s, id);

	if (c->user && u != c->user && !pm_s_check(c, "/access/groups", "User.Modify"))
		return NULL;
	if (!u)
		pm_s_fail(c, 500, "no such user ('%s')", id);
	return u;
}

static void tokens_get(struct sim_call *c)
{
	struct sim_user *u = user_for(c);

	if (!u)
		return;
	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < u->tokens.n; i++)
		write_token(c, u->tokens.v[i], NULL, true);
	pm_jw_array_end(&c->w);
}

static struct sim_token *token_for(struct sim_call *c)
{
	struct sim_user *u = user_for(c);
	struct sim_token *t = pm_s_token_of(u, pm_s_arg(c, "tokenid"));

	if (u && !t)
		pm_s_fail(
			c, 500, "no such token '%s' for user '%s'", pm_s_arg(c, "tokenid"), u->id);
	return t;
}

static void token_get(struct sim_call *c)
{
	struct sim_token *t = token_for(c);

	if (t)
		write_token(c, t, "data", false);
}

static void token_take(struct sim_call *c, struct sim_token *t)
{
	if (pm_s_arg(c, "comment")) {
		free(t->comment);
		t->comment = pm_xstrdup(pm_s_arg(c, "comment"));
	}
	t->expire = pm_s_arg_int(c, "expire", t->expire);
	if (pm_s_arg(c, "privsep"))
		t->privsep = pm_s_arg_true(c, "privsep");
	pm_s_changed(c->s);
}

/* What was just given comes back as text, the rest as it is stored. */
static void write_info(struct sim_call *c, const struct sim_token *t, bool all)
{
	if (t->comment && (all || pm_s_arg(c, "comment")))
		pm_jw_str(&c->w, "comment", t->comment);
	if (pm_s_arg(c, "expire"))
		pm_jw_str(&c->w, "expire", pm_s_arg(c, "expire"));
	else if (all)
		pm_jw_int(&c->w, "expire", t->expire);
	if (pm_s_arg(c, "privsep"))
		pm_jw_str(&c->w, "privsep", pm_s_arg(c, "privsep"));
	else
		pm_jw_int(&c->w, "privsep", t->privsep);
}

static void token_post(struct sim_call *c)
{
	struct sim_user *u = user_for(c);
	const char *id = pm_s_arg(c, "tokenid");
	struct sim_token *t;

	if (!u || !pm_s_quorum_for(c, "generating token", USER_CFG))
		return;
	if (pm_s_token_of(u, id)) {
		pm_s_bad(c, "tokenid", "Token already exists.");
		return;
	}
	t = pm_s_token_add(c->s, u, id);
	token_take(c, t);
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "full-tokenid", pm_arena_printf(c->a, "%s!%s", u->id, id));
	pm_jw_object(&c->w, "info");
	write_info(c, t, false);
	pm_jw_object_end(&c->w);
	pm_jw_str(&c->w, "value", t->secret);
	pm_jw_object_end(&c->w);
}

static void token_put(struct sim_call *c)
{
	struct sim_token *t = token_for(c);

	if (!t || !pm_s_quorum_for(c, "updating token", USER_CFG))
		return;
	token_take(c, t);
	pm_jw_object(&c->w, "data");
	write_info(c, t, true);
	if (pm_s_arg_true(c, "regenerate")) {
		pm_s_random_hex(c->s, t->secret, 8, false);
		t->secret[8] = '-';
		pm_jw_str(&c->w, "full-tokenid",
			pm_arena_printf(c->a, "%s!%s", pm_s_arg(c, "userid"), t->id));
		pm_jw_str(&c->w, "value", t->secret);
	}
	pm_jw_object_end(&c->w);
}

static void token_delete(struct sim_call *c)
{
	struct sim_token *t = token_for(c);
	struct sim_user *u = pm_s_user(c->s, pm_s_arg(c, "userid"));

	if (t && pm_s_quorum_for(c, "deleting token", USER_CFG))
		pm_s_token_drop(c->s, u, t->id);
}

/* ---- users ---- */

static const char *const facts[] = { "comment", "email", "firstname", "keys", "lastname" };

static void write_user(struct sim_call *c, const struct sim_user *u)
{
	for (size_t i = 0; i < u->facts.n; i++)
		pm_jw_str(&c->w, u->facts.v[i].k, u->facts.v[i].v);
	pm_jw_int(&c->w, "enable", u->enable);
	pm_jw_int(&c->w, "expire", u->expire);
}

static void users_get(struct sim_call *c)
{
	bool all = pm_s_may(c, "/access/groups", pm_s_priv("User.Modify") | pm_s_priv("Sys.Audit"));
	bool full = pm_s_arg_true(c, "full");

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->users.n; i++) {
		struct sim_user *u = c->s->users.v[i];
		const char *realm = strrchr(u->id, '@') + 1;

		if (!all && u != c->user)
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "userid", u->id);
		write_user(c, u);
		if (!strcmp(realm, "pam") || !strcmp(realm, "pve"))
			pm_jw_str(&c->w, "realm-type", realm);
		if (full) {
			cleanup_buf struct pm_buf groups = PM_BUF(0);

			for (size_t j = 0; j < u->groups.n; j++)
				pm_buf_addf(&groups, "%s%s", j ? "," : "", u->groups.v[j]);
			pm_jw_str(&c->w, "groups", pm_buf_str(&groups));
			if (u->tokens.n)
				pm_jw_array(&c->w, "tokens");
			for (size_t j = 0; j < u->tokens.n; j++)
				write_token(c, u->tokens.v[j], NULL, true);
			if (u->tokens.n)
				pm_jw_array_end(&c->w);
		}
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void user_get(struct sim_call *c)
{
	struct sim_user *u = user_for(c);

	if (!u)
		return;
	pm_jw_object(&c->w, "data");
	write_user(c, u);
	pm_jw_array(&c->w, "groups");
	for (size_t j = 0; j < u->groups.n; j++)
		pm_jw_str(&c->w, NULL, u->groups.v[j]);
	pm_jw_array_end(&c->w);
	if (!u->tokens.n)
		pm_jw_raw(&c->w, "tokens", "null");
	else
		pm_jw_object(&c->w, "tokens");
	for (size_t j = 0; j < u->tokens.n; j++)
		write_token(c, u->tokens.v[j], u->tokens.v[j]->id, false);
	if (u->tokens.n)
		pm_jw_object_end(&c->w);
	pm_jw_object_end(&c->w);
}

bool pm_s_member(const struct sim_user *u, const char *group)
{
	for (size_t i = 0; i < u->groups.n; i++)
		if (!strcmp(u->groups.v[i], group))
			return true;
	return false;
}

static void user_take(struct sim_call *c, struct sim_user *u)
{
	const char *groups = pm_s_arg(c, "groups");

	for (size_t i = 0; i < PM_COUNT(facts); i++)
		if (pm_s_arg(c, facts[i]))
			pm_s_conf_set(&u->facts, facts[i], pm_s_arg(c, facts[i]));
		else if (pm_s_has(c, facts[i]))
			pm_s_conf_del(&u->facts, facts[i]);
	if (pm_s_arg(c, "enable"))
		u->enable = pm_s_arg_true(c, "enable");
	u->expire = pm_s_arg_int(c, "expire", u->expire);
	if (pm_s_has(c, "groups") && !pm_s_arg_true(c, "append"))
		while (u->groups.n)
			free(u->groups.v[--u->groups.n]);
	while (groups && *groups) {
		size_t n = strcspn(groups, ",; ");
		char *g = pm_arena_strndup(c->a, groups, n);

		if (n && !pm_s_member(u, g))
			pm_vec_push(&u->groups, pm_xstrdup(g));
		groups += n;
		groups += *groups != '\0';
	}
	pm_s_changed(c->s);
}

static void users_post(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "userid");

	if (!pm_s_quorum_for(c, "create user", USER_CFG))
		return;
	if (pm_s_user(c->s, id)) {
		pm_s_fail(c, 500, "create user failed: user '%s' already exists", id);
		return;
	}
	user_take(c, pm_s_user_add(c->s, id, pm_s_arg(c, "password")));
}

static void user_put(struct sim_call *c)
{
	struct sim_user *u = user_for(c);

	if (u && pm_s_quorum_for(c, "update user", USER_CFG))
		user_take(c, u);
}

static void user_delete(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "userid");

	if (!strcmp(id, "root@pam")) {
		pm_s_fail(c, 500, "unable to delete root user");
		return;
	}
	if (!pm_s_quorum_for(c, "delete user", USER_CFG))
		return;
	for (size_t i = 0; i < c->s->users.n; i++)
		if (!strcmp(c->s->users.v[i]->id, id)) {
			pm_s_user_free(c->s->users.v[i]);
			memmove(&c->s->users.v[i], &c->s->users.v[i + 1],
				(--c->s->users.n - i) * sizeof(*c->s->users.v));
			break;
		}
	for (size_t i = c->s->acls.n; i-- > 0;)
		if (!strncmp(c->s->acls.v[i]->who, id, strlen(id)) &&
			strchr("!", c->s->acls.v[i]->who[strlen(id)]))
			pm_s_acl_drop(c->s, i);
	pm_s_changed(c->s);
}

static void password_put(struct sim_call *c)
{
	struct sim_user *u = pm_s_user(c->s, pm_s_arg(c, "userid"));

	if (!u) {
		pm_s_fail(c, 500, "user '%s' does not exist", pm_s_arg(c, "userid"));
		return;
	}
	free(u->password);
	u->password = pm_xstrdup(pm_s_arg(c, "password"));
	pm_s_changed(c->s);
}

#define USERS "/access/groups User.Modify"
#define TOKEN "/access/users/{userid}/token"

const struct sim_route pm_s_routes_access[] = {
	{ "POST", "/access/ticket", ticket_post, SIM_PROTECTED | SIM_WORLD, NULL, NULL },
	{ "GET", "/access/ticket", nothing, SIM_WORLD, NULL, NULL },
	{ "GET", "/access/users", users_get, SIM_PROTECTED, NULL, NULL },
	{ "POST", "/access/users", users_post, SIM_PROTECTED, USERS, "userid" },
	{ "GET", "/access/users/{userid}", user_get, 0, NULL, NULL },
	{ "PUT", "/access/users/{userid}", user_put, SIM_PROTECTED, USERS, NULL },
	{ "DELETE", "/access/users/{userid}", user_delete, SIM_PROTECTED, USERS, NULL },
	{ "GET", TOKEN, tokens_get, 0, NULL, NULL },
	{ "GET", TOKEN "/{tokenid}", token_get, 0, NULL, NULL },
	{ "POST", TOKEN "/{tokenid}", token_post, SIM_PROTECTED, NULL, NULL },
	{ "PUT", TOKEN "/{tokenid}", token_put, SIM_PROTECTED, NULL, NULL },
	{ "DELETE", TOKEN "/{tokenid}", token_delete, SIM_PROTECTED, NULL, NULL },
	{ "PUT", "/access/password", password_put, SIM_PROTECTED | SIM_NO_TOKEN, USERS,
		"userid password" },
	{ 0 },
};
