/* Who asks and what they may do: tickets, CSRF tokens, API tokens, roles along a path. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/num.h"
#include "sim/sim_priv.h"

#define AHEAD_S 300 /* how far ahead of one's clock a ticket may have been issued */

const char *const pm_s_privs[] = { "Datastore.Allocate", "Datastore.AllocateSpace",
	"Datastore.AllocateTemplate", "Datastore.Audit", "Group.Allocate", "Mapping.Audit",
	"Mapping.Modify", "Mapping.Use", "Permissions.Modify", "Pool.Allocate", "Pool.Audit",
	"Realm.Allocate", "Realm.AllocateUser", "SDN.Allocate", "SDN.Audit", "SDN.Use",
	"Sys.AccessNetwork", "Sys.Audit", "Sys.Console", "Sys.Incoming", "Sys.Modify",
	"Sys.PowerMgmt", "Sys.Syslog", "User.Modify", "VM.Allocate", "VM.Audit", "VM.Backup",
	"VM.Clone", "VM.Config.CDROM", "VM.Config.CPU", "VM.Config.Cloudinit", "VM.Config.Disk",
	"VM.Config.HWType", "VM.Config.Memory", "VM.Config.Network", "VM.Config.Options",
	"VM.Console", "VM.GuestAgent.Audit", "VM.GuestAgent.FileRead",
	"VM.GuestAgent.FileSystemMgmt", "VM.GuestAgent.FileWrite", "VM.GuestAgent.Unrestricted",
	"VM.Migrate", "VM.PowerMgmt", "VM.Replicate", "VM.Snapshot", "VM.Snapshot.Rollback" };
const size_t pm_s_nprivs = PM_COUNT(pm_s_privs);

#define ALL_PRIVS ((UINT64_C(1) << PM_COUNT(pm_s_privs)) - 1)

/* The roles PVE makes itself. "VM." stands for all privileges that begin so. */
static const struct {
	const char *id, *privs;
} builtin[] = {
	{ "Administrator", "" },
	{ "NoAccess", "" },
	{ "PVEAdmin",
		"Datastore. Group.Allocate Mapping.Audit Mapping.Use Pool. Realm.AllocateUser SDN. "
		"Sys.Audit Sys.Console Sys.Syslog User.Modify VM." },
	{ "PVEAuditor", "Datastore.Audit Mapping.Audit Pool.Audit SDN.Audit Sys.Audit VM.Audit "
			"VM.GuestAgent.Audit" },
	{ "PVEDatastoreAdmin", "Datastore." },
	{ "PVEDatastoreUser", "Datastore.AllocateSpace Datastore.Audit" },
	{ "PVEMappingAdmin", "Mapping." },
	{ "PVEMappingUser", "Mapping.Audit Mapping.Use" },
	{ "PVEPoolAdmin", "Pool." },
	{ "PVEPoolUser", "Pool.Audit" },
	{ "PVESDNAdmin", "SDN." },
	{ "PVESDNUser", "SDN.Audit SDN.Use" },
	{ "PVESysAdmin", "Sys.Audit Sys.Console Sys.Syslog" },
	{ "PVETemplateUser", "VM.Audit VM.Clone" },
	{ "PVEUserAdmin", "Group.Allocate Realm.AllocateUser User.Modify" },
	{ "PVEVMAdmin", "VM." },
	{ "PVEVMUser", "VM.Audit VM.Backup VM.Config.CDROM VM.Config.Cloudinit VM.Console "
		       "VM.GuestAgent.Audit VM.GuestAgent.FileRead VM.GuestAgent.FileSystemMgmt "
		       "VM.GuestAgent.FileWrite VM.PowerMgmt" },
};

uint64_t pm_s_priv(const char *name)
{
	for (size_t i = 0; i < pm_s_nprivs; i++)
		if (!strcmp(pm_s_privs[i], name))
			return UINT64_C(1) << i;
	return 0;
}

/* A list of names, or of beginnings of names that end with a dot. */
static uint64_t privs_of(const char *list)
{
	uint64_t set = 0;

	while (*list) {
		size_t n = strcspn(list, " ,;|");

		for (size_t i = 0; n && i < pm_s_nprivs; i++)
			if (!strncmp(pm_s_privs[i], list, n) &&
				(list[n - 1] == '.' || !pm_s_privs[i][n]))
				set |= UINT64_C(1) << i;
		list += n;
		list += *list != '\0';
	}
	return set;
}

/* ---- users ---- */

struct sim_user *pm_s_user(const struct pm_sim *s, const char *id)
{
	for (size_t i = 0; i < s->users.n; i++)
		if (!strcmp(s->users.v[i]->id, id))
			return s->users.v[i];
	return NULL;
}

struct sim_user *pm_s_user_add(struct pm_sim *s, const char *id, const char *password)
{
	struct sim_user *u = pm_xcalloc(1, sizeof(*u));

	u->id = pm_xstrdup(id);
	u->password = password ? pm_xstrdup(password) : NULL;
	u->enable = true;
	pm_vec_push(&s->users, u);
	return u;
}

struct sim_token *pm_s_token_add(struct pm_sim *s, struct sim_user *u, const char *id)
{
	struct sim_token *t = pm_xcalloc(1, sizeof(*t));
	char hex[33];

	t->id = pm_xstrdup(id);
	t->privsep = true;
	pm_s_random_hex(s, hex, 32, false);
	(void)snprintf(t->secret, sizeof(t->secret), "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8,
		hex + 13, hex + 17, hex + 20);
	pm_vec_push(&u->tokens, t);
	return t;
}

static void token_free(struct sim_token *t)
{
	free(t->id);
	free(t->comment);
	free(t);
}

void pm_s_token_drop(struct pm_sim *s, struct sim_user *u, const char *id)
{
	for (size_t i = u->tokens.n; i-- > 0;)
		if (!strcmp(u->tokens.v[i]->id, id)) {
			token_free(u->tokens.v[i]);
			memmove(&u->tokens.v[i], &u->tokens.v[i + 1],
				(--u->tokens.n - i) * sizeof(*u->tokens.v));
		}
	pm_s_changed(s);
}

void pm_s_user_free(struct sim_user *u)
{
	for (size_t i = 0; i < u->tokens.n; i++)
		token_free(u->tokens.v[i]);
	for (size_t i = 0; i < u->groups.n; i++)
		free(u->groups.v[i]);
	pm_vec_done(&u->tokens);
	pm_vec_done(&u->groups);
	pm_s_conf_done(&u->facts);
	free(u->id);
	free(u->password);
	free(u);
}

struct sim_role *pm_s_role(const struct pm_sim *s, const char *id)
{
	for (size_t i = 0; i < s->roles.n; i++)
		if (!strcmp(s->roles.v[i]->id, id))
			return s->roles.v[i];
	return NULL;
}

static void role_add(struct pm_sim *s, const char *id, uint64_t privs, bool special)
{
	struct sim_role *r = pm_xcalloc(1, sizeof(*r));

	r->id = pm_xstrdup(id);
	r->privs = privs;
	r->special = special;
	pm_vec_push(&s->roles, r);
}

void pm_s_access_init(struct pm_sim *s)
{
	struct sim_user *root = pm_s_user_add(s, "root@pam", s->password);
	struct sim_token *t = pm_s_token_add(s, root, "full");

	t->privsep = false;
	t->comment = pm_xstrdup("full token");
	if (s->token_secret)
		(void)snprintf(t->secret, sizeof(t->secret), "%s", s->token_secret);
	else
		s->token_secret = pm_xstrdup(t->secret);
	for (size_t i = 0; i < PM_COUNT(builtin); i++)
		role_add(s, builtin[i].id, i ? privs_of(builtin[i].privs) : ALL_PRIVS, true);
}

void pm_s_access_done(struct pm_sim *s)
{
	for (size_t i = 0; i < s->users.n; i++)
		pm_s_user_free(s->users.v[i]);
	for (size_t i = 0; i < s->groups.n; i++) {
		free(s->groups.v[i]->id);
		free(s->groups.v[i]->comment);
		free(s->groups.v[i]);
	}
	for (size_t i = 0; i < s->roles.n; i++) {
		free(s->roles.v[i]->id);
		free(s->roles.v[i]);
	}
	while (s->acls.n)
		pm_s_acl_drop(s, s->acls.n - 1);
	pm_vec_done(&s->users);
	pm_vec_done(&s->groups);
	pm_vec_done(&s->roles);
	pm_vec_done(&s->acls);
}

void pm_s_acl_add(struct pm_sim *s, const char *path, char kind, const char *who, const char *role,
	bool propagate)
{
	struct sim_acl *a = pm_xcalloc(1, sizeof(*a));

	a->path = pm_xstrdup(path);
	a->who = pm_xstrdup(who);
	a->role = pm_xstrdup(role);
	a->kind = kind;
	a->propagate = propagate;
	pm_vec_push(&s->acls, a);
	pm_s_changed(s);
}

void pm_s_acl_drop(struct pm_sim *s, size_t i)
{
	struct sim_acl *a = s->acls.v[i];

	free(a->path);
	free(a->who);
	free(a->role);
	free(a);
	memmove(&s->acls.v[i], &s->acls.v[i + 1], (--s->acls.n - i) * sizeof(*s->acls.v));
}

void pm_s_acl_forget(struct pm_sim *s, const char *path)
{
	for (size_t i = s->acls.n; i-- > 0;)
		if (!strcmp(s->acls.v[i]->path, path))
			pm_s_acl_drop(s, i);
}

/* ---- rights ---- */

struct rights {
	uint64_t propagating, rest;
	bool some, none; /* an entry was found; it was NoAccess */
};

static bool in_group(const struct sim_user *u, const char *group)
{
	for (size_t i = 0; u && i < u->groups.n; i++)
		if (!strcmp(u->groups.v[i], group))
			return true;
	return false;
}

/* What the entries at one path give; a deeper path replaces what a higher one gave. */
static void rights_at(
	const struct pm_sim *s, const char *authid, const char *path, bool final, struct rights *r)
{
	const struct sim_user *u = pm_s_user(s, authid);

	for (int groups = 0; groups < 2; groups++) {
		struct rights here = { 0 };

		for (size_t i = 0; i < s->acls.n; i++) {
			const struct sim_acl *a = s->acls.v[i];
			const struct sim_role *role = pm_s_role(s, a->role);

			if ((a->kind == 'g') != groups || strcmp(a->path, path) != 0 || !role ||
				(!final && !a->propagate) ||
				(groups ? !in_group(u, a->who) : strcmp(a->who, authid) != 0))
				continue;
			here.some = true;
			here.none |= !strcmp(a->role, "NoAccess");
			if (a->propagate)
				here.propagating |= role->privs;
			else
				here.rest |= role->privs;
		}
		if (here.some) {
			*r = here;
			return;
		}
	}
}

static void rights_along(
	const struct pm_sim *s, const char *authid, const char *path, struct rights *r)
{
	char part[256];

	rights_at(s, authid, "/", !strcmp(path, "/"), r);
	for (size_t n = 1; n <= strlen(path) && strcmp(path, "/") != 0; n++) {
		if (path[n] != '/' && path[n])
			continue;
		(void)snprintf(part, sizeof(part), "%.*s", (int)n, path);
		rights_at(s, authid, part, !path[n], r);
	}
	if (r->none)
		r->propagating = r->rest = 0;
}

static const char *pool_of_path(const struct pm_sim *s, const char *path)
{
	int64_t vmid;

	if (!strncmp(path, "/vms/", 5) && pm_parse_int(path + 5, 1, INT32_MAX, &vmid) == 0) {
		const struct sim_pool *p = pm_s_pool_of(s, (unsigned)vmid);

		return p ? p->id : NULL;
	}
	if (strncmp(path, "/storage/", 9) != 0)
		return NULL;
	for (size_t i = 0; i < s->pools.n; i++)
		for (size_t j = 0; j < s->pools.v[i]->storages.n; j++)
			if (!strcmp(s->pools.v[i]->storages.v[j], path + 9))
				return s->pools.v[i]->id;
	return NULL;
}

static void rights_of(
	const struct pm_sim *s, const char *authid, const char *path, struct rights *r)
{
	const char *pool = pool_of_path(s, path);

	memset(r, 0, sizeof(*r));
	rights_along(s, authid, path, r);
	if (pool && !r->none) {
		struct rights more = { 0 };
		char at[128];

		(void)snprintf(at, sizeof(at), "/pool/%s", pool);
		rights_along(s, authid, at, &more);
		r->propagating |= more.propagating;
		r->rest |= more.rest;
	}
}

void pm_s_perms(const struct pm_sim *s, const char *authid, const char *path, uint64_t *propagating,
	uint64_t *rest)
{
	const char *bang = strchr(authid, '!');
	char user[128];
	struct rights r = { 0 }, own = { 0 };
	struct sim_user *u;
	bool separate = false;

	(void)snprintf(user, sizeof(user), "%.*s",
		(int)(bang ? (size_t)(bang - authid) : strlen(authid)), authid);
	u = pm_s_user(s, user);
	if (!strcmp(user, "root@pam"))
		r.propagating = ALL_PRIVS;
	else
		rights_of(s, user, path, &r);
	for (size_t i = 0; bang && u && i < u->tokens.n; i++)
		if (!strcmp(u->tokens.v[i]->id, bang + 1))
			separate = u->tokens.v[i]->privsep;
	if (separate) {
		uint64_t all = r.propagating | r.rest;

		rights_of(s, authid, path, &own);
		r.propagating = own.propagating & all;
		r.rest = own.rest & all;
	}
	*propagating = r.propagating;
	*rest = r.rest & ~r.propagating;
}

bool pm_s_is_root(const struct sim_call *c)
{
	return c->authid && !strcmp(c->authid, "root@pam");
}

static uint64_t rights_here(const struct sim_call *c, const char *path)
{
	uint64_t p, r;

	if (!c->authid)
		return 0;
	if (pm_s_is_root(c))
		return ALL_PRIVS;
	pm_s_perms(c->s, c->authid, path, &p, &r);
	return p | r;
}

bool pm_s_may(const struct sim_call *c, const char *path, uint64_t any)
{
	return (rights_here(c, path) & any) != 0;
}

bool pm_s_check(struct sim_call *c, const char *path, const char *privs)
{
	uint64_t want = privs_of(privs), have = rights_here(c, path);

	if (strchr(privs, '|') ? (have & want) != 0 : (have & want) == want)
		return true;
	pm_s_fail(c, 403, "Permission check failed (%s, %s)", path, privs);
	return false;
}

void pm_s_privs_write(struct sim_call *c, const char *key, uint64_t propagating, uint64_t rest)
{
	pm_jw_object(&c->w, key);
	for (size_t i = 0; i < pm_s_nprivs; i++)
		if ((propagating | rest) >> i & 1)
			pm_jw_int(&c->w, pm_s_privs[i], (int64_t)(propagating >> i & 1));
	pm_jw_object_end(&c->w);
}

/* ---- tickets ---- */

static void sign(const struct pm_sim *s, const char *text, char out[64])
{
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	HMAC(EVP_sha256(), s->key, (int)strlen(s->key), (const unsigned char *)text, strlen(text),
		md, &n);
	EVP_EncodeBlock((unsigned char *)out, md, (int)n);
}

char *pm_s_ticket(struct sim_call *c, const char *user)
{
	char *text =
		pm_arena_printf(c->a, "PVE:%s:%08X", user, (unsigned)pm_s_node_time(c, c->asked));
	char sig[64];

	sign(c->s, text, sig);
	return pm_arena_printf(c->a, "%s::%s", text, sig);
}

char *pm_s_csrf(struct sim_call *c, const char *user)
{
	char *text = pm_arena_printf(c->a, "%08X:%s", (unsigned)pm_s_node_time(c, c->asked), user);
	char sig[64];

	sign(c->s, text, sig);
	return pm_arena_printf(c->a, "%.8s:%s", text, sig);
}

static bool fresh(const struct sim_call *c, const char *hex)
{
	int64_t t = 0, age;

	for (int i = 0; i < 8; i++) {
		const char *at = hex[i] ? strchr("0123456789ABCDEF", hex[i]) : NULL;

		if (!at)
			return false;
		t = t * 16 + (at - "0123456789ABCDEF");
	}
	age = pm_s_node_time(c, c->asked) - t;
	return age > -AHEAD_S && age < c->s->ticket_life_s;
}

const char *pm_s_ticket_user(struct sim_call *c, const char *ticket)
{
	const char *end = strstr(ticket, "::");
	char sig[64], *text;

	if (!end || strncmp(ticket, "PVE:", 4) != 0 || end - ticket < 14 || end[-9] != ':' ||
		!fresh(c, end - 8))
		return NULL;
	text = pm_arena_strndup(c->a, ticket, (size_t)(end - ticket));
	sign(c->s, text, sig);
	if (strcmp(sig, end + 2) != 0)
		return NULL;
	return pm_arena_strndup(c->a, ticket + 4, (size_t)(end - ticket - 4 - 9));
}

static bool csrf_fits(struct sim_call *c, const char *user, const char *csrf)
{
	char sig[64];

	if (!csrf || strlen(csrf) < 10 || csrf[8] != ':' || !fresh(c, csrf))
		return false;
	sign(c->s, pm_arena_printf(c->a, "%.8s:%s", csrf, user), sig);
	return !strcmp(sig, csrf + 9);
}

/* The ticket of the cookie or of the Authorization header, or NULL. */
static const char *ticket_given(struct sim_call *c)
{
	const char *at = NULL;

	if (c->q->authorization && !strncmp(c->q->authorization, "PVEAuthCookie=", 14))
		at = c->q->authorization + 14;
	else if (c->q->cookie)
		at = strstr(c->q->cookie, "PVEAuthCookie=");
	if (at && at != c->q->authorization + 14)
		at += 14;
	return at ? pm_s_unescape(c->a, at, strcspn(at, "; "), false) : NULL;
}

static bool user_alive(const struct sim_call *c, const struct sim_user *u)
{
	return u && u->enable && (!u->expire || u->expire > pm_s_node_time(c, c->asked));
}

/* "PVEAPIToken=user@realm!id=secret" */
static bool token_login(struct sim_call *c, const char *given)
{
	const char *bang = strchr(given, '!');
	const char *eq = bang ? strchr(bang, '=') : NULL;

	if (!eq)
		return false;
	c->user = pm_s_user(c->s, pm_arena_strndup(c->a, given, (size_t)(bang - given)));
	for (size_t i = 0; user_alive(c, c->user) && i < c->user->tokens.n; i++) {
		struct sim_token *t = c->user->tokens.v[i];

		if (strlen(t->id) != (size_t)(eq - bang - 1) ||
			strncmp(t->id, bang + 1, (size_t)(eq - bang - 1)) != 0)
			continue;
		if (strcmp(t->secret, eq + 1) != 0 ||
			(t->expire && t->expire <= pm_s_node_time(c, c->asked)))
			return false;
		c->token = t;
		c->authid = pm_arena_strndup(c->a, given, (size_t)(eq - given));
		return true;
	}
	return false;
}

void pm_s_identity(struct sim_call *c, const char *authid)
{
	size_t n = strcspn(authid, "!");

	c->authid = pm_arena_strdup(c->a, authid);
	c->user = pm_s_user(c->s, pm_arena_strndup(c->a, authid, n));
	c->token = c->user && authid[n] ? pm_s_token_of(c->user, authid + n + 1) : NULL;
}

bool pm_s_login(struct sim_call *c)
{
	const char *header = c->q->authorization, *ticket;

	if (c->route && (c->route->flags & SIM_WORLD))
		return true;
	if (header && !strncmp(header, "PVEAPIToken=", 12)) {
		if (token_login(c, header + 12))
			return true;
		pm_s_plain(c, 401, "Authentication failed!", NULL);
		return false;
	}
	ticket = ticket_given(c);
	if (!ticket) {
		pm_s_plain(c, 401, "No ticket", NULL);
		return false;
	}
	c->authid = pm_s_ticket_user(c, ticket);
	c->user = c->authid ? pm_s_user(c->s, c->authid) : NULL;
	if (!user_alive(c, c->user)) {
		pm_s_plain(c, 401, "Authentication failed!", NULL);
		return false;
	}
	if (strcmp(c->q->method, "GET") != 0 && !pm_s_is_upload(c) &&
		!csrf_fits(c, c->authid, c->q->csrf)) {
		pm_s_plain(c, 401, "Permission denied - invalid csrf token", NULL);
		return false;
	}
	return true;
}
