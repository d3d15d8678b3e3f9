/* Users, tokens, groups, roles and what they may. */
#ifndef PM_SIM_ACCESS_PRIV_H
#define PM_SIM_ACCESS_PRIV_H

#include "sim/call_priv.h"

struct sim_token {
	char *id, *comment;
	char secret[40];
	int64_t expire;
	bool privsep, privsep_text, expire_text;
};

struct sim_user {
	char *id, *password;
	struct sim_conf facts; /* comment email firstname lastname keys */
	bool enable;
	int64_t expire;
	PM_VEC(struct sim_token *) tokens;
	PM_VEC(char *) groups;
};

struct sim_group {
	char *id, *comment;
};

struct sim_role {
	char *id;
	uint64_t privs;
	bool special;
};

struct sim_acl {
	char *path, *who; /* who: user, token or group */
	char kind;        /* 'u' user, 't' token, 'g' group */
	char *role;
	bool propagate;
};

uint64_t pm_s_priv(const char *name); /* bit, or 0 */
bool pm_s_may(const struct sim_call *c, const char *path, uint64_t any);
/** The same with a 403 of PVE's form when it may not. */
bool pm_s_check(struct sim_call *c, const char *path, const char *privs);
bool pm_s_is_root(const struct sim_call *c); /* root@pam by ticket */
void pm_s_privs_write(struct sim_call *c, const char *key, uint64_t propagating, uint64_t rest);
void pm_s_perms(const struct pm_sim *s, const char *authid, const char *path, uint64_t *propagating,
	uint64_t *rest);
void pm_s_identity(
	struct sim_call *c, const char *authid); /* as if that user or token had logged in */
bool pm_s_login(struct sim_call *c);             /* false: answered */
struct sim_user *pm_s_user(const struct pm_sim *s, const char *id);
struct sim_user *pm_s_user_add(struct pm_sim *s, const char *id, const char *password);
bool pm_s_member(const struct sim_user *u, const char *group);
struct sim_token *pm_s_token_of(struct sim_user *u, const char *id);
struct sim_token *pm_s_token_add(struct pm_sim *s, struct sim_user *u, const char *id);
void pm_s_access_init(struct pm_sim *s);
void pm_s_access_done(struct pm_sim *s);
void pm_s_acl_add(struct pm_sim *s, const char *path, char kind, const char *who, const char *role,
	bool propagate);
void pm_s_acl_drop(struct pm_sim *s, size_t i);
void pm_s_token_drop(struct pm_sim *s, struct sim_user *u, const char *id);
void pm_s_user_free(struct sim_user *u);
struct sim_role *pm_s_role(const struct pm_sim *s, const char *id);
char *pm_s_ticket(struct sim_call *c, const char *user) PM_CHECK;
/** A second factor (tfa.c): has the user one; the ticket that asks for it; was it given? */
bool pm_s_tfa_wanted(struct sim_call *c, const char *user);
char *pm_s_tfa_challenge(struct sim_call *c, const char *user) PM_CHECK;
bool pm_s_tfa_answered(struct sim_call *c, const char *user);
char *pm_s_csrf(struct sim_call *c, const char *user) PM_CHECK;
const char *pm_s_ticket_user(struct sim_call *c, const char *ticket); /* NULL: not valid */
bool pm_s_quorum_for(struct sim_call *c, const char *what, const char *file);
void pm_s_acl_forget(struct pm_sim *s, const char *path);
extern const char *const pm_s_privs[];
extern const size_t pm_s_nprivs;

#endif
