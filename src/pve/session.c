/* Who we are at PVE. A ticket is fetched once for all threads (single flight), renewed at half its life
 * and once after a 401. A secret that was refused is not tried again for a while, because every 401
 * costs three seconds. Requests borrow the credentials: an older ticket lives until its last borrower has
 * given it back. One mutex guards everything; it is never held across a request. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/text.h"
#include "pve/pve_priv.h"

#define TICKET_LIFE_NS  (7200 * PM_S_NS) /* REFERENCE 2.1 */
#define TICKET_RENEW_NS (3600 * PM_S_NS)
#define REFUSED_NS      (300 * PM_S_NS)
#define LOGIN_POLL_NS   (10 * PM_MS_NS)
#define LOOK_NS         PM_S_NS /* how often a refused secret is looked for anew */

struct pm_creds {
	unsigned refs;
	uint64_t born_ns;
	atomic_bool worked;
	struct pm_secret *auth, *csrf; /* whole header lines */
	const char *read[2], *write[3];
};

static struct pm_creds *creds_new(struct pm_buf *auth, struct pm_buf *csrf)
{
	struct pm_creds *c = pm_xcalloc(1, sizeof(*c));
	unsigned n = 0;

	c->refs = 1;
	c->auth = pm_secret_new(pm_buf_str(auth), auth->len);
	c->read[0] = c->write[n++] = pm_secret_text(c->auth);
	if (csrf) {
		c->csrf = pm_secret_new(pm_buf_str(csrf), csrf->len);
		c->write[n++] = pm_secret_text(c->csrf);
	}
	return c;
}

/* The mutex is held. */
static void creds_unref(struct pm_creds *c)
{
	if (!c || --c->refs > 0)
		return;
	pm_secret_free(c->auth);
	pm_secret_free(c->csrf);
	free(c);
}

static void wipe_buf(struct pm_buf *b)
{
	if (b->p)
		pm_wipe(b->p, b->cap);
	pm_buf_done(b);
}

#define cleanup_wipe PM_CLEANUP(wipe_buf)

/* Who needs to say nothing. */
static struct pm_creds *nobody(void)
{
	struct pm_creds *c = pm_xcalloc(1, sizeof(*c));

	c->refs = 1;
	return c;
}

/* ---- opening ---- */

static void set_secret(struct pm_session *s, struct pm_arena *a, const struct pm_secret_ref *ref)
{
	static const enum pm_secret_from from[] = {
		[PM_SECRET_LITERAL] = PM_FROM_TEXT,
		[PM_SECRET_FILE] = PM_FROM_FILE,
		[PM_SECRET_ENV] = PM_FROM_ENV,
		[PM_SECRET_CREDENTIAL] = PM_FROM_CREDENTIAL,
	};

	s->from = from[ref->from];
	s->what = pm_arena_strdup(a, ref->text);
}

int pm_session_open(
	struct pm_session *s, struct pm_arena *a, const struct pm_pve_opts *o, struct pm_error *err)
{
	const struct pm_rec *c = o->cluster;
	const char *id = pm_rec_str(c, PM_CLUSTER_TOKEN_ID, NULL);
	const char *user = pm_rec_str(c, PM_CLUSTER_USERNAME, NULL);
	const struct pm_value *secret =
		pm_rec_get(c, id ? PM_CLUSTER_TOKEN_SECRET : PM_CLUSTER_PASSWORD);
	PM_CLEANUP(pm_secret_freep) struct pm_secret *probe = NULL;

	if (!id && !user)
		return pm_error_set(err, PM_E_INPUT,
			"nobody to log in as; set auth.tokenId and auth.tokenSecret, or auth.username and "
			"auth.password");
	s->token = id != NULL;
	s->user = id ? pm_arena_strdup(a, id)
		     : pm_arena_printf(a, strchr(user, '@') ? "%s" : "%s@%s", user,
			       pm_rec_str(c, PM_CLUSTER_REALM, "pam"));
	pthread_mutex_init(&s->lock, NULL);
	s->offline = o->offline;
	if (s->offline) {
		s->creds = nobody();
		return 0;
	}
	if (secret->state != PM_SET)
		return pm_error_set(err, PM_E_INPUT, "%s is not set",
			id ? "auth.tokenSecret" : "auth.password");
	s->dir = o->config_dir ? pm_arena_strdup(a, o->config_dir) : NULL;
	set_secret(s, a, secret->u.secret);
	/* Whoever forgot the file or the variable is told now, not after the first request. */
	if (pm_secret_read(s->from, s->what, s->dir, &probe, err) < 0)
		return pm_error_wrap(err, "%s", id ? "auth.tokenSecret" : "auth.password");
	return 0;
}

void pm_session_done(struct pm_session *s)
{
	if (!s->user)
		return;
	if (s->creds)
		s->creds->refs = 1;
	creds_unref(s->creds);
	pm_secret_free(s->tried);
	pthread_mutex_destroy(&s->lock);
}

/* ---- the login ---- */

static int token_creds(struct pm_session *s, const struct pm_secret *secret, struct pm_creds **ret)
{
	cleanup_wipe struct pm_buf auth = PM_BUF(4096);

	(void)pm_buf_reserve(&auth, 4096); /* growing would leave a copy behind */
	pm_buf_addf(&auth, "Authorization: PVEAPIToken=%s=%s", s->user, pm_secret_text(secret));
	*ret = creds_new(&auth, NULL);
	return 0;
}

struct ticket {
	const char *ticket, *csrf;
	bool tfa;
};

/* The members of `data` that matter; text is changed. */
static bool parse_ticket(char *text, size_t n, struct ticket *ret)
{
	enum pm_json_event e;
	struct pm_error ignored;
	struct pm_jread r;

	pm_jread_init(&r, text, n);
	if (pm_json_data(&r, &e, &ignored) < 0 || e != PM_J_OBJECT)
		return false;
	while (pm_jread_next(&r) == PM_J_KEY) {
		bool ticket = pm_jread_is(&r, "ticket"), tfa = pm_jread_is(&r, "NeedTFA");
		bool csrf = pm_jread_is(&r, "CSRFPreventionToken");

		e = pm_jread_next(&r);
		if (tfa)
			ret->tfa |= e == PM_J_TRUE || ((e == PM_J_NUMBER || e == PM_J_STRING) &&
							      !pm_jread_is(&r, "0"));
		else if (ticket && e == PM_J_STRING)
			ret->ticket = pm_jread_term(&r);
		else if (csrf && e == PM_J_STRING)
			ret->csrf = pm_jread_term(&r);
		else if (!pm_jread_skip(&r, e))
			return false;
	}
	return ret->ticket != NULL;
}

static int take_ticket(
	struct pm_session *s, struct pm_call *c, struct pm_creds **ret, struct pm_error *err)
{
	cleanup_wipe struct pm_buf auth = PM_BUF(8192), csrf = PM_BUF(8192);
	struct ticket t = { .ticket = NULL };

	if (c->status >= 400)
		return pm_pve_error(c, err);
	if (c->status >= 300 || !parse_ticket(c->body_in.p, c->body_in.len, &t)) {
		(void)pm_pve_strange(c, err);
		return -(int)err->code;
	}
	if (t.tfa || pm_str_starts(t.ticket, "PVE:!tfa!"))
		return pm_error_set(err, PM_E_AUTH,
			"the account %s wants a second factor, which podmox cannot give; use an API token "
			"instead: set auth.tokenId and auth.tokenSecret",
			s->user);
	(void)pm_buf_reserve(&auth, 8192);
	pm_buf_adds(&auth, "Cookie: PVEAuthCookie=");
	pm_form_escape(&auth, t.ticket, strlen(t.ticket));
	pm_buf_addf(&csrf, "CSRFPreventionToken: %s", t.csrf ? t.csrf : "");
	*ret = creds_new(&auth, t.csrf ? &csrf : NULL);
	return 0;
}

/* What to do about a 401, in the words of the configuration. */
static void add_remedy(const struct pm_session *s, struct pm_error *err)
{
	struct pm_error before = *err;

	if (s->token)
		(void)pm_error_set(err, before.code,
			"%s; look at the token %s at PVE (Datacenter, Permissions, API Tokens): when it is "
			"gone, expired or renewed, make one and set auth.tokenId and auth.tokenSecret",
			before.msg, s->user);
	else
		(void)pm_error_set(err, before.code,
			"%s; check auth.username, auth.realm and auth.password: this was %s%s",
			before.msg, s->user,
			strstr(before.where, "/access/ticket")
				? ""
				: " with a fresh ticket, so see whether the clocks of the nodes "
				  "agree, too");
	err->http_status = before.http_status;
	err->maybe_sent = before.maybe_sent;
	memcpy(err->where, before.where, sizeof(err->where));
}

/* Asks one host for a ticket. */
static int ask_ticket(struct pm_pve *p, struct pm_job *j, struct pm_call *c, struct pm_creds **ret,
	struct pm_error *err)
{
	int r;

	pm_hosts_asked(&p->hosts, c->host, pm_mono_ns(p->clock));
	r = pm_net_request(p->transport, c, j->cancel, err);
	pm_hosts_told(&p->hosts, c, false, pm_mono_ns(p->clock));
	return r == 0 ? take_ticket(&p->session, c, ret, err) : r;
}

/* Asks one host after the other for a ticket. */
static int fetch_ticket(struct pm_pve *p, struct pm_job *j, const struct pm_secret *secret,
	struct pm_creds **ret, struct pm_error *err)
{
	cleanup_wipe struct pm_buf form = PM_BUF(16384);
	struct pm_misses misses = { .away.code = PM_OK };
	uint8_t order[MOST_HOSTS];
	bool heard = false;
	int r = -PM_E_BUSY;
	unsigned n;

	(void)pm_buf_reserve(&form, 16384); /* growing would leave a copy behind */
	pm_form_add(&form, "username", p->session.user);
	pm_form_add(&form, "password", pm_secret_text(secret));
	n = pm_hosts_order(&p->hosts, NULL, pm_mono_ns(p->clock), order);
	for (unsigned i = 0; i < n && !heard; i++) {
		struct pm_call c = {
			.host = &p->hosts.v[order[i]],
			.method = "POST",
			.path = API "/access/ticket",
			.body = pm_buf_str(&form),
			.timeout_ms = p->timeout_ms,
			.idempotent = true,
			.max_body = 1 << 20,
		};

		atomic_fetch_add(&p->logins, 1);
		r = ask_ticket(p, j, &c, ret, err);
		/* A daemon that hangs is as bad as a host that is away; every other answer counts. */
		heard = (c.status != 0 && !pm_pve_host_trouble(&c)) ||
			(r < 0 && err->code == PM_E_CANCELLED);
		if (r < 0)
			pm_misses_note(&misses, err);
		wipe_buf(&c.body_in);
		pm_call_done(&c);
	}
	if (r == 0)
		return 0;
	if (!heard)
		(void)pm_misses_sum(&misses, err);
	(void)pm_error_wrap(err, "logging in as %s", p->session.user);
	err->maybe_sent = false; /* another login does no harm */
	/* Only what a host has said about the secret is worth remembering. */
	p->session.said_no = heard && err->code == PM_E_AUTH;
	if (p->session.said_no && err->http_status == 401)
		add_remedy(&p->session, err);
	return -(int)err->code;
}

static int read_secret(const struct pm_session *s, struct pm_secret **ret, struct pm_error *err)
{
	if (pm_secret_read(s->from, s->what, s->dir, ret, err) < 0)
		return pm_error_wrap(err, "%s", s->token ? "auth.tokenSecret" : "auth.password");
	return 0;
}

/* *ret_tried: the secret it was tried with. */
static int log_in(struct pm_pve *p, struct pm_job *j, struct pm_creds **ret,
	struct pm_secret **ret_tried, struct pm_error *err)
{
	struct pm_session *s = &p->session;
	int r;

	/* Read anew each time: whoever renewed a secret need not restart a daemon. */
	r = read_secret(s, ret_tried, err);
	if (r < 0)
		return r;
	if (s->token)
		return token_creds(s, *ret_tried, ret);
	return fetch_ticket(p, j, *ret_tried, ret, err);
}

/* ---- borrowing ---- */

/* The mutex is held. */
static void lend(struct pm_session *s, struct pm_lease *ret)
{
	s->creds->refs++;
	ret->creds = s->creds;
	ret->read = s->creds->read;
	ret->write = s->creds->write;
}

/* The mutex is held. */
static void remember(struct pm_session *s, const struct pm_error *err, uint64_t now)
{
	s->failed = *err;
	s->failed_until_ns = now + REFUSED_NS;
}

/* Was the secret that was refused replaced where it comes from? The mutex is held; looking costs little,
 * but is not done for each of thousands of calls. */
static bool was_replaced(struct pm_session *s, uint64_t now)
{
	PM_CLEANUP(pm_secret_freep) struct pm_secret *secret = NULL;
	struct pm_error ignored;

	if (s->from == PM_FROM_TEXT || !s->tried || now - s->looked_ns < LOOK_NS)
		return false;
	s->looked_ns = now;
	return read_secret(s, &secret, &ignored) == 0 &&
	       strcmp(pm_secret_text(secret), pm_secret_text(s->tried)) != 0;
}

/* Logs in and notes the outcome. The mutex is held, but not while we wait. */
static int renew(struct pm_pve *p, struct pm_job *j, uint64_t now, struct pm_error *err)
{
	struct pm_session *s = &p->session;
	struct pm_secret *tried = NULL;
	struct pm_creds *fresh = NULL;
	int r;

	s->logging_in = true;
	s->said_no = false;
	pthread_mutex_unlock(&s->lock);
	r = log_in(p, j, &fresh, &tried, err);
	pthread_mutex_lock(&s->lock);
	s->logging_in = false;
	pm_secret_free(s->tried);
	s->tried = tried;
	if (r == 0 && fresh) {
		fresh->born_ns = now;
		creds_unref(s->creds);
		s->creds = fresh;
		s->failed.code = PM_OK;
		return 0;
	}
	if (s->said_no)
		remember(s, err, now);
	return r;
}

/* Is a refusal remembered that still holds? The mutex is held. */
static bool is_refused(struct pm_session *s, uint64_t now)
{
	if (s->failed.code == PM_OK || now >= s->failed_until_ns)
		return false;
	if (was_replaced(s, now))
		s->failed.code = PM_OK;
	return s->failed.code != PM_OK;
}

/* Waits a moment for whoever logs in. The mutex is held, but not meanwhile. */
static int wait_for_login(struct pm_pve *p, struct pm_job *j, struct pm_error *err)
{
	int r;

	pthread_mutex_unlock(&p->session.lock);
	r = pm_wait_ns(p->clock, LOGIN_POLL_NS, j->cancel);
	pthread_mutex_lock(&p->session.lock);
	return r < 0 ? pm_error_set(err, PM_E_CANCELLED, "cancelled while logging in") : 0;
}

int pm_session_take(struct pm_pve *p, struct pm_job *j, struct pm_lease *ret, struct pm_error *err)
{
	struct pm_session *s = &p->session;
	int r = 0;

	pthread_mutex_lock(&s->lock);
	while (r == 0) {
		uint64_t now = pm_mono_ns(p->clock);
		uint64_t age = s->creds ? now - s->creds->born_ns : 0;
		bool spare = s->creds && age < TICKET_LIFE_NS;

		if (is_refused(s, now)) {
			*err = s->failed;
			r = -(int)err->code;
			break;
		}
		/* A token has no age, and where nobody logs in nobody has one. */
		if (s->creds && (s->token || s->offline || age < TICKET_RENEW_NS))
			break;
		if (!s->logging_in) {
			r = renew(p, j, now, err);
			/* The old ticket is good for another while: try again with the next request. */
			if (r < 0 && spare && err->code != PM_E_AUTH && err->code != PM_E_CANCELLED)
				r = 0;
			break;
		}
		/* While somebody renews it, the old one still opens the door. */
		if (spare)
			break;
		r = wait_for_login(p, j, err);
	}
	if (r == 0 && s->creds)
		lend(s, ret);
	pthread_mutex_unlock(&s->lock);
	return r;
}

void pm_session_give(struct pm_pve *p, struct pm_lease *l)
{
	if (!l->creds)
		return;
	pthread_mutex_lock(&p->session.lock);
	creds_unref(l->creds);
	pthread_mutex_unlock(&p->session.lock);
	memset(l, 0, sizeof(*l));
}

void pm_session_worked(struct pm_lease *l)
{
	atomic_store_explicit(&l->creds->worked, true, memory_order_relaxed);
}

bool pm_session_refused(struct pm_pve *p, const struct pm_lease *l, struct pm_error *err)
{
	struct pm_session *s = &p->session;
	uint64_t now = pm_mono_ns(p->clock);
	bool again;

	add_remedy(s, err);
	pthread_mutex_lock(&s->lock);
	if (s->creds != l->creds) {
		/* Somebody has seen to it already. */
		again = s->failed.code == PM_OK || now >= s->failed_until_ns;
	} else {
		bool worked = atomic_load(&l->creds->worked);

		/* A token does not get better, unless its secret was replaced. A ticket that was never let
		 * in may have met a node whose clock is off; one that comes after it and is not let in
		 * either proves that it is us. */
		s->doubts = worked ? 0 : s->doubts + 1;
		s->looked_ns = now - LOOK_NS;
		again = s->token ? was_replaced(s, now) : s->doubts < 2;
		if (!again)
			remember(s, err, now);
		creds_unref(s->creds);
		s->creds = NULL;
	}
	pthread_mutex_unlock(&s->lock);
	return again;
}
