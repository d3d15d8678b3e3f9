/* Orders about who may ask: tickets that end, users that are disabled, tokens that are revoked or may less. */
#include "base/num.h"
#include "sim/control_priv.h"

static int do_tickets_expire(struct sim_order *o)
{
	pm_s_random_hex(o->s, o->s->key, 32, false);
	return 0;
}

static int do_ticket_life(struct sim_order *o)
{
	if (o->n < 2 ||
		pm_parse_int(o->word[1], 1, INT64_C(86400) * 365, &o->s->ticket_life_s) != 0)
		return pm_s_order_no(o, "ticket-life SECONDS: no number");
	return 0;
}

/* "user@realm!id" of the second word: its user, and the id. */
static struct sim_user *owner_of(struct sim_order *o, const char **id)
{
	char *bang = o->n > 1 ? strchr(o->word[1], '!') : NULL;
	struct sim_user *u;

	if (!bang)
		return NULL;
	*bang = '\0';
	u = pm_s_user(o->s, o->word[1]);
	*bang = '!';
	*id = bang + 1;
	return pm_s_token_of(u, bang + 1) ? u : NULL;
}

static int no_token(struct sim_order *o)
{
	return pm_s_order_no(o, "no such token; write it as USER@REALM!ID");
}

static int do_token_revoke(struct sim_order *o)
{
	const char *id;
	struct sim_user *u = owner_of(o, &id);

	if (!u)
		return no_token(o);
	pm_s_token_drop(o->s, u, id);
	return 0;
}

static int do_token_expire(struct sim_order *o)
{
	const char *id;
	struct sim_user *u = owner_of(o, &id);

	if (!u)
		return no_token(o);
	pm_s_token_of(u, id)->expire = 1;
	pm_s_changed(o->s);
	return 0;
}

/* From now on the token may what the role says, everywhere, and nothing else. */
static int do_token_role(struct sim_order *o)
{
	const char *id;
	struct sim_user *u = owner_of(o, &id);

	if (!u)
		return no_token(o);
	if (o->n < 3 || !pm_s_role(o->s, o->word[2]))
		return pm_s_order_no(o, "no such role");
	pm_s_token_of(u, id)->privsep = true;
	for (size_t i = o->s->acls.n; i-- > 0;)
		if (!strcmp(o->s->acls.v[i]->who, o->word[1]))
			pm_s_acl_drop(o->s, i);
	pm_s_acl_add(o->s, "/", 't', o->word[1], o->word[2], true);
	return 0;
}

static int enable(struct sim_order *o, bool on)
{
	struct sim_user *u = o->n > 1 ? pm_s_user(o->s, o->word[1]) : NULL;

	if (!u)
		return pm_s_order_no(o, "no such user; write it as USER@REALM");
	u->enable = on;
	pm_s_changed(o->s);
	return 0;
}

static int do_user_off(struct sim_order *o)
{
	return enable(o, false);
}

static int do_user_on(struct sim_order *o)
{
	return enable(o, true);
}

const struct sim_order_row pm_s_orders_access[] = {
	{ "tickets-expire", "", do_tickets_expire },
	{ "ticket-life", "SECONDS", do_ticket_life },
	{ "token-revoke", "TOKEN", do_token_revoke },
	{ "token-expire", "TOKEN", do_token_expire },
	{ "token-role", "TOKEN ROLE", do_token_role },
	{ "user-off", "USER", do_user_off },
	{ "user-on", "USER", do_user_on },
	{ 0 },
};
