/* Second factors of users, and what a login with one is: the first answer is a challenge, the second login
 * names it and brings the factor. One-time passwords and recovery keys are verified, other kinds never are. */
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/num.h"
#include "sim/sim_priv.h"

#define KEYS 10 /* of recovery */

static const char *kind_of(struct sim_call *c, const char *user)
{
	return pm_arena_printf(c->a, "tfa %s", user);
}

static const char *get(const struct sim_object *o, const char *key)
{
	const char *v = pm_s_conf_get(&o->conf, key);

	return v ? v : "";
}

static bool enabled(const struct sim_object *o)
{
	return strcmp(get(o, "enable"), "0") != 0;
}

bool pm_s_tfa_wanted(struct sim_call *c, const char *user)
{
	const struct sim_object *o;

	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind_of(c, user), i)) != NULL; i++)
		if (enabled(o))
			return true;
	return false;
}

/* ---- the factors ---- */

/* The secret of "otpauth://totp/...?secret=BASE32&...", decoded; its length. */
static size_t secret_of(const char *url, unsigned char out[64])
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	const char *p = strstr(url, "secret=");
	unsigned bits = 0, held = 0;
	size_t n = 0;

	for (p = p ? p + 7 : ""; *p && *p != '&' && *p != '=' && n < 64; p++) {
		const char *at = strchr(digits, *p >= 'a' && *p <= 'z' ? *p - 32 : *p);

		if (!at)
			return 0;
		held = (held << 5 | (unsigned)(at - digits)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (unsigned char)(held >> bits & 255);
		}
	}
	return n;
}

/* The six digits of one half minute, as RFC 6238 makes them. */
static void totp_at(const unsigned char *secret, size_t n, uint64_t step, char out[8])
{
	unsigned char at[8], md[EVP_MAX_MD_SIZE];
	unsigned len = 0;
	uint32_t code;

	for (int i = 0; i < 8; i++)
		at[i] = (unsigned char)(step >> (56 - 8 * i) & 255);
	HMAC(EVP_sha1(), secret, (int)n, at, sizeof(at), md, &len);
	memcpy(&code, md + (md[len - 1] & 15), 4);
	code = (code >> 24 | (code >> 8 & 0xff00) | (code << 8 & 0xff0000) | code << 24) &
	       0x7fffffff;
	(void)snprintf(out, 8, "%06u", code % 1000000);
}

/* One step before and after are taken, too. */
static bool totp_fits(struct sim_call *c, const struct sim_object *o, const char *given)
{
	uint64_t step = (uint64_t)pm_s_node_time(c, c->asked) / 30;
	unsigned char secret[64];
	size_t n = secret_of(get(o, "secret"), secret);
	char want[8];

	for (uint64_t i = step - 1; n && i <= step + 1; i++) {
		totp_at(secret, n, i, want);
		if (!strcmp(want, given))
			return true;
	}
	return false;
}

/* A recovery key is good for once. */
static bool recovery_fits(struct sim_object *o, const char *given)
{
	char key[8];

	for (int i = 0; i < KEYS; i++) {
		(void)snprintf(key, sizeof(key), "key%d", i);
		if (*get(o, key) && !strcmp(get(o, key), given))
			return pm_s_conf_del(&o->conf, key);
	}
	return false;
}

/* "totp:123456" or "recovery:KEY" */
static bool factor_fits(struct sim_call *c, const char *user, const char *given)
{
	const char *value = strchr(given, ':');
	struct sim_object *o;

	for (size_t i = 0; value && (o = pm_s_object_nth(c->s, kind_of(c, user), i)) != NULL; i++) {
		size_t n = strlen(get(o, "type"));

		if (!enabled(o) || strncmp(get(o, "type"), given, n) != 0 || given[n] != ':')
			continue;
		if (given[0] == 't' ? totp_fits(c, o, value + 1) : recovery_fits(o, value + 1))
			return true;
	}
	return false;
}

/* ---- the login ---- */

char *pm_s_tfa_challenge(struct sim_call *c, const char *user)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	const struct sim_object *o;

	pm_buf_adds(&text, "!tfa!{");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind_of(c, user), i)) != NULL; i++)
		if (enabled(o))
			pm_buf_addf(&text, "%s\"%s\"%%3Atrue", i ? "," : "", get(o, "type"));
	pm_buf_addf(&text, "}!%s", user);
	return pm_s_ticket(c, pm_buf_str(&text));
}

bool pm_s_tfa_answered(struct sim_call *c, const char *user)
{
	const char *challenge = pm_s_arg(c, "tfa-challenge"), *who;
	size_t n = strlen(user);

	who = challenge ? pm_s_ticket_user(c, challenge) : NULL;
	if (!who || strncmp(who, "!tfa!", 5) != 0 || strlen(who) < n + 1 ||
		strcmp(who + strlen(who) - n, user) != 0)
		return false;
	return factor_fits(c, user, pm_s_arg(c, "password"));
}

/* ---- /access/tfa ---- */

/* The user of the path: oneself, or somebody one may look after. */
static const char *user_for(struct sim_call *c, const char *privs)
{
	const char *id = pm_s_arg(c, "userid");

	if (!pm_s_user(c->s, id)) {
		pm_s_fail(c, 500, "no such user ('%s')", id);
		return NULL;
	}
	if (strcmp(id, c->authid) != 0 && !pm_s_check(c, "/access/groups", privs))
		return NULL;
	return id;
}

static void write_entry(struct sim_call *c, const struct sim_object *o, const char *key)
{
	pm_jw_object(&c->w, key);
	pm_jw_str(&c->w, "id", o->id);
	pm_jw_str(&c->w, "type", get(o, "type"));
	pm_jw_str(&c->w, "description", get(o, "description"));
	pm_jw_int(&c->w, "created", pm_s_conf_int(&o->conf, "created", 0));
	if (!enabled(o))
		pm_jw_int(&c->w, "enable", 0);
	pm_jw_object_end(&c->w);
}

static void write_entries(struct sim_call *c, const char *key, const char *user)
{
	const struct sim_object *o;

	pm_jw_array(&c->w, key);
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind_of(c, user), i)) != NULL; i++)
		write_entry(c, o, NULL);
	pm_jw_array_end(&c->w);
}

static void all_get(struct sim_call *c)
{
	bool all = pm_s_may(c, "/access/groups", pm_s_priv("User.Modify") | pm_s_priv("Sys.Audit"));

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; i < c->s->users.n; i++) {
		const char *user = c->s->users.v[i]->id;

		if ((!all && c->s->users.v[i] != c->user) ||
			!pm_s_object_nth(c->s, kind_of(c, user), 0))
			continue;
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "userid", user);
		write_entries(c, "entries", user);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void user_get(struct sim_call *c)
{
	const char *user = user_for(c, "User.Modify|Sys.Audit");

	if (user)
		write_entries(c, "data", user);
}

/* Changes need the password of who makes them, except root's. */
static bool password_fine(struct sim_call *c)
{
	const char *given = pm_s_arg(c, "password");

	if (pm_s_is_root(c) || (given && c->user->password && !strcmp(given, c->user->password)))
		return true;
	pm_s_fail(c, 401, "authentication failure");
	return false;
}

static void add_recovery(struct sim_call *c, struct sim_object *o)
{
	char hex[17], key[8];

	pm_jw_array(&c->w, "recovery");
	for (int i = 0; i < KEYS; i++) {
		const char *made;

		pm_s_random_hex(c->s, hex, 16, false);
		made = pm_arena_printf(
			c->a, "%.4s-%.4s-%.4s-%.4s", hex, hex + 4, hex + 8, hex + 12);
		(void)snprintf(key, sizeof(key), "key%d", i);
		pm_s_conf_set(&o->conf, key, made);
		pm_jw_str(&c->w, NULL, made);
	}
	pm_jw_array_end(&c->w);
}

static void user_post(struct sim_call *c)
{
	const char *user = user_for(c, "User.Modify"), *type = pm_s_arg(c, "type"), *id = type;
	const char *totp = pm_s_arg(c, "totp"), *text = pm_s_arg(c, "description");
	struct sim_object *o;
	char hex[9];

	if (!user || !password_fine(c))
		return;
	if (strcmp(type, "totp") != 0 && strcmp(type, "recovery") != 0) {
		pm_s_fail(c, 500, "tfa entries of type '%s' are not simulated", type);
		return;
	}
	if (!strcmp(type, "totp") && !totp) {
		pm_s_bad(c, "totp", "property is missing and it is not optional");
		return;
	}
	if (!strcmp(type, "recovery") && pm_s_object(c->s, kind_of(c, user), "recovery")) {
		pm_s_fail(c, 500, "user already has recovery keys");
		return;
	}
	if (totp) {
		pm_s_random_hex(c->s, hex, 8, false);
		id = pm_arena_printf(c->a, "totp-%s", hex);
	}
	o = pm_s_object_add(c->s, kind_of(c, user), id, false);
	pm_s_conf_set(&o->conf, "type", type);
	pm_s_conf_set(&o->conf, "description", text ? text : "");
	pm_s_conf_set(&o->conf, "created",
		pm_arena_printf(c->a, "%lld", (long long)pm_s_node_time(c, c->asked)));
	if (totp)
		pm_s_conf_set(&o->conf, "secret", totp);
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "id", id);
	if (!totp)
		add_recovery(c, o);
	pm_jw_object_end(&c->w);
}

static struct sim_object *entry_for(struct sim_call *c, const char *privs)
{
	const char *user = user_for(c, privs);
	struct sim_object *o;

	if (!user)
		return NULL;
	o = pm_s_object(c->s, kind_of(c, user), pm_s_arg(c, "id"));
	if (!o)
		pm_s_fail(c, 404, "no such tfa entry '%s'", pm_s_arg(c, "id"));
	return o;
}

static void entry_get(struct sim_call *c)
{
	const struct sim_object *o = entry_for(c, "User.Modify|Sys.Audit");

	if (o)
		write_entry(c, o, "data");
}

static void entry_put(struct sim_call *c)
{
	struct sim_object *o = entry_for(c, "User.Modify");

	if (o && password_fine(c))
		pm_s_object_take(c, o, "description enable");
}

static void entry_delete(struct sim_call *c)
{
	struct sim_object *o = entry_for(c, "User.Modify");

	if (o && password_fine(c))
		pm_s_object_del(c->s, o);
}

static void types_get(struct sim_call *c)
{
	const char *user = user_for(c, "User.Modify|Sys.Audit");
	const struct sim_object *o;

	if (!user)
		return;
	pm_jw_object(&c->w, "data");
	pm_jw_str(&c->w, "user", user);
	pm_jw_array(&c->w, "types");
	for (size_t i = 0; (o = pm_s_object_nth(c->s, kind_of(c, user), i)) != NULL; i++)
		if (enabled(o))
			pm_jw_str(&c->w, NULL, get(o, "type"));
	pm_jw_array_end(&c->w);
	pm_jw_object_end(&c->w);
}

/* ---- realms ---- */

#define REALM_KEYS                                                                                    \
	"type comment default tfa server1 server2 port base_dn user_attr bind_dn domain secure mode " \
	"issuer-url client-id username-claim autocreate verify capath sync-defaults-options"

static void add_realm(struct pm_sim *s, const char *id, const char *comment)
{
	struct sim_object *o = pm_s_object_add(s, "realm", id, false);

	pm_s_conf_set(&o->conf, "type", id);
	pm_s_conf_set(&o->conf, "comment", comment);
}

/* The realms; the first look makes those that every installation has. */
static struct sim_object *realm_nth(struct pm_sim *s, size_t n)
{
	if (!pm_s_object_nth(s, "realm", 0)) {
		add_realm(s, "pam", "Linux PAM standard authentication");
		add_realm(s, "pve", "Proxmox VE authentication server");
	}
	return pm_s_object_nth(s, "realm", n);
}

static struct sim_object *realm_for(struct sim_call *c)
{
	struct sim_object *o;

	(void)realm_nth(c->s, 0);
	o = pm_s_object(c->s, "realm", pm_s_arg(c, "realm"));
	if (!o)
		pm_s_fail(c, 500, "domain '%s' does not exist", pm_s_arg(c, "realm"));
	return o;
}

static void realms_get(struct sim_call *c)
{
	static const char *const shown[] = { "type", "comment", "tfa" };
	const struct sim_object *o;

	pm_jw_array(&c->w, "data");
	for (size_t i = 0; (o = realm_nth(c->s, i)) != NULL; i++) {
		pm_jw_object(&c->w, NULL);
		pm_jw_str(&c->w, "realm", o->id);
		for (size_t j = 0; j < PM_COUNT(shown); j++)
			if (pm_s_conf_has(&o->conf, shown[j]))
				pm_jw_str(&c->w, shown[j], get(o, shown[j]));
		if (pm_s_true(get(o, "default")))
			pm_jw_int(&c->w, "default", 1);
		pm_jw_object_end(&c->w);
	}
	pm_jw_array_end(&c->w);
}

static void realm_get(struct sim_call *c)
{
	const struct sim_object *o = realm_for(c);

	if (!o)
		return;
	pm_jw_object(&c->w, "data");
	pm_s_object_write(c, o, "default port secure autocreate verify");
	pm_jw_str(&c->w, "digest", pm_s_object_digest(c, "realm"));
	pm_jw_object_end(&c->w);
}

static void realms_post(struct sim_call *c)
{
	const char *id = pm_s_arg(c, "realm");

	(void)realm_nth(c->s, 0);
	if (pm_s_object(c->s, "realm", id))
		pm_s_fail(c, 500, "add auth server failed: domain '%s' already exists", id);
	else
		pm_s_object_take(c, pm_s_object_add(c->s, "realm", id, false), REALM_KEYS);
}

static void realm_put(struct sim_call *c)
{
	struct sim_object *o = realm_for(c);

	if (o && pm_s_object_same(c, "realm"))
		pm_s_object_take(c, o, REALM_KEYS);
}

static void realm_delete(struct sim_call *c)
{
	struct sim_object *o = realm_for(c);

	if (o)
		pm_s_object_del(c->s, o);
}

#define TFA    "/access/tfa/{userid}"
#define REALMS "/access/realm Realm.Allocate"

const struct sim_route pm_s_routes_tfa[] = {
	{ "GET", "/access/tfa", all_get, SIM_PROTECTED, NULL, NULL },
	{ "GET", TFA, user_get, SIM_PROTECTED, NULL, NULL },
	{ "POST", TFA, user_post, SIM_PROTECTED | SIM_NO_TOKEN, NULL, "type" },
	{ "GET", TFA "/{id}", entry_get, SIM_PROTECTED, NULL, NULL },
	{ "PUT", TFA "/{id}", entry_put, SIM_PROTECTED | SIM_NO_TOKEN, NULL, NULL },
	{ "DELETE", TFA "/{id}", entry_delete, SIM_PROTECTED | SIM_NO_TOKEN, NULL, NULL },
	{ "GET", "/access/users/{userid}/tfa", types_get, SIM_PROTECTED, NULL, NULL },
	{ "GET", "/access/domains", realms_get, SIM_WORLD, NULL, NULL },
	{ "POST", "/access/domains", realms_post, SIM_PROTECTED, REALMS, "realm type" },
	{ "GET", "/access/domains/{realm}", realm_get, 0, "/access/realm Realm.Allocate|Sys.Audit",
		NULL },
	{ "PUT", "/access/domains/{realm}", realm_put, SIM_PROTECTED, REALMS, NULL },
	{ "DELETE", "/access/domains/{realm}", realm_delete, SIM_PROTECTED, REALMS, NULL },
	{ 0 },
};
