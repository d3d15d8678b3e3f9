/* Logging in: one ticket for all, renewed in time; a secret that is wrong is tried once. */
#include <pthread.h>
#include <sched.h>

#include "client.h"

#define LOGIN "/access/ticket"

PM_TEST(a_ticket_is_fetched_once_and_sent_encoded)
{
	struct client c;
	const char *headers;

	client_start(&c, "pve1 pve2");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 0);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 1);
	assert_string_equal(
		client_body(&c, 0, "POST", LOGIN), "username=root%40pam&password=pass%3Bw%3Drd");
	headers = client_headers(&c, 0, "GET", "/version");
	assert_string_equal(
		headers, "Cookie: PVEAuthCookie=PVE%3Aroot%40pam%3A6B020DF7%3A%3Asig%2B%2F%3D\n");
	assert_true(pm_pve_is_root_pam(c.pve));
	assert_string_equal(pm_pve_user(c.pve), "root@pam");
	client_stop(&c);
}

PM_TEST(writes_carry_the_csrf_token)
{
	struct client c;
	struct pm_pve_call call = {
		.method = "PUT", .path = "/x", .form = "a=1", .operation = "update"
	};

	client_start(&c, "pve1");
	client_answer(&c, "PUT", "/x", "{\"data\":null}");
	assert_ok(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), &c.err);
	assert_has(client_headers(&c, 0, "PUT", "/x"), "CSRFPreventionToken: 6B02:tok\n");
	assert_string_equal(client_body(&c, 0, "PUT", "/x"), "a=1");
	client_stop(&c);
}

PM_TEST(a_token_needs_no_login)
{
	struct client c;
	struct pm_pve_call call = { .method = "PUT", .path = "/x", .operation = "update" };

	client_start_token(&c, "pve1");
	client_answer(&c, "PUT", "/x", "{\"data\":null}");
	assert_ok(pm_pve_call(c.pve, &c.job, &call, NULL, &c.err), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 0);
	assert_string_equal(client_headers(&c, 0, "PUT", "/x"),
		"Authorization: PVEAPIToken=ci@pve!gitops=token-s3cret\n");
	assert_false(pm_pve_is_root_pam(c.pve));
	client_stop(&c);
}

PM_TEST(offline_nobody_logs_in_and_no_secret_is_read)
{
	struct client c;

	client_prepare(&c, "pve1", false);
	c.cluster->val[PM_CLUSTER_PASSWORD].state = PM_UNSET;
	c.offline = true;
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	for (int i = 0; i < 2; i++) {
		assert_ok(client_get(&c, "/version"), &c.err);
		assert_string_equal(client_headers(&c, (unsigned)i, "GET", "/version"), "");
		c.clock.ns += 7200 * PM_S_NS;
	}
	assert_int_equal(client_count(&c, "POST", LOGIN), 0);
	assert_true(pm_pve_is_root_pam(c.pve));
	client_stop(&c);
}

PM_TEST(a_wrong_password_is_tried_once)
{
	struct client c;

	client_prepare(&c, "pve1 pve2", false);
	client_status(&c, "POST", LOGIN, 401, "authentication failure",
		"{\"data\":null,\"message\":\"authentication failure\\n\"}");
	client_open(&c);
	for (int i = 0; i < 3; i++)
		assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err,
			"logging in as root@pam: the cluster does not let us in: authentication failure; "
			"user name, realm or password is wrong");
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 1);
	assert_null(strstr(c.err.msg, "pass;w=rd"));
	/* A daemon that lives on looks again after a while. */
	atomic_fetch_add(&c.clock.ns, 301 * PM_S_NS);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, NULL);
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 2);
	client_stop(&c);
}

PM_TEST(a_wrong_token_is_tried_once)
{
	struct client c;

	client_start_token(&c, "pve1 pve2");
	client_status(&c, NULL, "/*", 401, "Authentication failed!", "");
	for (int i = 0; i < 3; i++)
		assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "API token is wrong");
	assert_int_equal(pm_fake_count(c.net, NULL, NULL), 1);
	assert_null(strstr(c.err.msg, "token-s3cret"));
	client_stop(&c);
}

PM_TEST(a_second_factor_is_refused_with_the_way_out)
{
	static const char *const answers[] = {
		"{\"data\":{\"NeedTFA\":1,\"ticket\":\"PVE:!tfa!x\",\"CSRFPreventionToken\":\"t\"}}",
		"{\"data\":{\"ticket\":\"PVE:!tfa!x\"}}",
		"{\"data\":{\"ticket\":\"PVE:x\",\"NeedTFA\":true}}",
	};

	for (size_t i = 0; i < PM_COUNT(answers); i++) {
		struct client c;

		client_prepare(&c, "pve1", false);
		client_answer(&c, "POST", LOGIN, answers[i]);
		client_open(&c);
		assert_err(
			client_get(&c, "/version"), PM_E_AUTH, &c.err, "use an API token instead");
		assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "second factor");
		assert_int_equal(pm_fake_count(c.net, NULL, NULL), 1);
		client_stop(&c);
	}
}

PM_TEST(a_login_that_is_no_answer_of_pve_is_told)
{
	static const char *const answers[] = { "", "<html>", "{\"data\":null}", "{\"data\":{}}",
		"{\"data\":{\"ticket\":", "[1]" };

	for (size_t i = 0; i < PM_COUNT(answers); i++) {
		struct client c;

		client_prepare(&c, "pve1", false);
		client_answer(&c, "POST", LOGIN, answers[i]);
		client_open(&c);
		assert_err(client_get(&c, "/version"), PM_E_PROTOCOL, &c.err,
			"not the JSON of a Proxmox VE host");
		client_stop(&c);
	}
}

PM_TEST(the_ticket_is_renewed_at_half_its_life)
{
	struct client c;

	client_start(&c, "pve1");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	assert_ok(client_get(&c, "/version"), &c.err);
	atomic_fetch_add(&c.clock.ns, 3599 * PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 1);
	atomic_fetch_add(&c.clock.ns, 2 * PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 2);
	client_stop(&c);
}

PM_TEST(a_renewal_that_fails_keeps_the_old_ticket)
{
	struct pm_fake_rule once = { .method = "POST",
		.path = API LOGIN,
		.times = 1,
		.body = "{\"data\":{\"ticket\":\"PVE:first\",\"CSRFPreventionToken\":\"t\"}}" };
	struct client c;

	client_prepare(&c, "pve1", false);
	pm_fake_add(c.net, &once);
	client_fail(&c, NULL, LOGIN, PM_E_UNREACHABLE, false);
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_ok(client_get(&c, "/version"), &c.err);
	atomic_fetch_add(&c.clock.ns, 4000 * PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_has(client_headers(&c, 1, "GET", "/version"), "PVE%3Afirst");
	/* Beyond its life it is worth nothing. */
	atomic_fetch_add(&c.clock.ns, 4000 * PM_S_NS);
	assert_err(client_get(&c, "/version"), PM_E_UNREACHABLE, &c.err, "logging in");
	client_stop(&c);
}

PM_TEST(a_401_gets_one_new_ticket)
{
	struct pm_fake_rule expired = { .method = "GET",
		.path = API "/version",
		.times = 1,
		.status = 401,
		.reason = "Authentication failed!",
		.body = "" };
	struct client c;

	client_start(&c, "pve1");
	pm_fake_add(c.net, &expired);
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 2);
	assert_int_equal(client_count(&c, "GET", "/version"), 2);
	client_stop(&c);
}

PM_TEST(tickets_that_are_never_let_in_end_the_matter)
{
	struct client c;

	client_start(&c, "pve1");
	client_status(&c, "GET", "/version", 401, "Authentication failed!", "");
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "does not let us in");
	assert_int_equal(client_count(&c, "GET", "/version"), 2);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "does not let us in");
	assert_int_equal(client_count(&c, "GET", "/version"), 2);
	client_stop(&c);
}

PM_TEST(a_login_goes_to_the_next_host)
{
	struct client c;

	client_prepare(&c, "pve1 pve2 pve3", false);
	client_fail(&c, "pve1", LOGIN, PM_E_UNREACHABLE, false);
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "pve2",
				   .path = API LOGIN,
				   .status = 596,
				   .reason = "Connection timed out",
				   .body = "" });
	client_answer(&c, "POST", LOGIN,
		"{\"data\":{\"ticket\":\"PVE:t\",\"CSRFPreventionToken\":\"c\"}}");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "POST", LOGIN), 3);
	/* Both are known to be away by now. */
	assert_string_equal(client_host(&c, 0, "GET", "/version"), "pve3");
	client_stop(&c);
}

PM_TEST(a_host_we_do_not_trust_is_passed_over_and_named)
{
	struct client c;

	client_prepare(&c, "pve1 pve2", false);
	pm_fake_add(c.net, &(struct pm_fake_rule){ .host = "pve1", .fail = PM_E_AUTH });
	pm_fake_add(c.net,
		&(struct pm_fake_rule){ .host = "pve2", .times = 3, .fail = PM_E_UNREACHABLE });
	client_answer(&c, "POST", LOGIN,
		"{\"data\":{\"ticket\":\"PVE:t\",\"CSRFPreventionToken\":\"c\"}}");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_err(client_get(&c, "/version"), PM_E_UNREACHABLE, &c.err, "; and scripted failure");
	/* That was no word about the password: the next call tries again. */
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_string_equal(client_host(&c, 0, "GET", "/version"), "pve2");
	client_stop(&c);
}

static void *get_often(void *arg)
{
	struct client *c = arg;
	struct pm_job job = { .cancel = NULL, .clock = &c->clock.clock };
	struct pm_pve_call call = { .method = "GET", .path = "/version" };

	job.arena = pm_arena_new(0);
	for (int i = 0; i < 50; i++) {
		struct pm_error err = { 0 };

		if (pm_pve_call(c->pve, &job, &call, NULL, &err) < 0) {
			pm_arena_free(job.arena);
			return (void *)1;
		}
	}
	pm_arena_free(job.arena);
	return NULL;
}

/* Time stands still: threads that wait for the login must not age its ticket. */
static int let_others_run(void *self, uint64_t ns, struct pm_cancel *cancel)
{
	(void)self;
	(void)ns;
	(void)cancel;
	(void)sched_yield();
	return 0;
}

PM_TEST(many_threads_share_one_login)
{
	struct client c;
	pthread_t t[8];

	client_start(&c, "pve1 pve2");
	c.clock.clock.wait = let_others_run;
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	for (size_t i = 0; i < PM_COUNT(t); i++)
		assert_int_equal(pthread_create(&t[i], NULL, get_often, &c), 0);
	for (size_t i = 0; i < PM_COUNT(t); i++) {
		void *bad;

		assert_int_equal(pthread_join(t[i], &bad), 0);
		assert_null(bad);
	}
	assert_int_equal(client_count(&c, "POST", LOGIN), 1);
	assert_int_equal(client_count(&c, "GET", "/version"), 400);
	client_stop(&c);
}

PM_TEST(what_is_missing_is_told_when_opening)
{
	struct pm_secret_ref nowhere = { PM_SECRET_FILE, "/nonexistent/token" };
	struct client c;
	struct pm_pve_opts o = { .seed = 1 };

	client_prepare(&c, "pve1", false);
	o = (struct pm_pve_opts){
		.cluster = c.cluster, .transport = c.net, .clock = &c.clock.clock
	};
	c.cluster->val[PM_CLUSTER_PASSWORD].state = PM_UNSET;
	assert_err(pm_pve_open(&o, &c.pve, &c.err), PM_E_INPUT, &c.err,
		"cluster home: auth.password is not set");
	c.cluster->val[PM_CLUSTER_USERNAME].state = PM_UNSET;
	assert_err(pm_pve_open(&o, &c.pve, &c.err), PM_E_INPUT, &c.err, "nobody to log in as");
	c.cluster->val[PM_CLUSTER_TOKEN_ID].state = PM_SET;
	c.cluster->val[PM_CLUSTER_TOKEN_ID].u.s = "a@pve!b";
	c.cluster->val[PM_CLUSTER_TOKEN_SECRET].state = PM_SET;
	c.cluster->val[PM_CLUSTER_TOKEN_SECRET].u.secret = &nowhere;
	assert_true(pm_pve_open(&o, &c.pve, &c.err) < 0);
	assert_has(c.err.msg, "auth.tokenSecret");
	assert_has(c.err.msg, "/nonexistent/token");
	c.cluster->val[PM_CLUSTER_HOSTS].state = PM_UNSET;
	assert_err(pm_pve_open(&o, &c.pve, &c.err), PM_E_INPUT, &c.err, "no hosts");
	c.pve = NULL;
	client_stop(&c);
}

PM_TEST(the_user_is_who_the_record_says)
{
	struct client c;

	client_prepare(&c, "pve1", false);
	c.cluster->val[PM_CLUSTER_USERNAME].u.s = "ci";
	c.cluster->val[PM_CLUSTER_REALM].state = PM_SET;
	c.cluster->val[PM_CLUSTER_REALM].u.s = "pve";
	client_open(&c);
	assert_string_equal(pm_pve_user(c.pve), "ci@pve");
	assert_false(pm_pve_is_root_pam(c.pve));
	assert_string_equal(pm_pve_cluster_name(c.pve), "home");
	client_stop(&c);
}

/* ---- each refusal names the remedy, and nothing secret ---- */

static void set_secret_file(struct client *c, unsigned field, const char *path)
{
	struct pm_secret_ref *ref = pm_new(c->arena, struct pm_secret_ref);

	ref->from = PM_SECRET_FILE;
	ref->text = path;
	c->cluster->val[field].u.secret = ref;
}

PM_TEST(a_token_that_was_renewed_is_found)
{
	const char *dir = pm_test_dir(), *path = pm_test_file(dir, "token", "old-s3cret\n");
	struct pm_fake_rule refuse = {
		.times = 2, .status = 401, .reason = "Authentication failed!", .body = ""
	};
	struct client c;

	client_prepare(&c, "pve1", true);
	set_secret_file(&c, PM_CLUSTER_TOKEN_SECRET, path);
	pm_fake_add(c.net, &refuse);
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "the token ci@pve!gitops");
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "auth.tokenSecret");
	assert_null(strstr(c.err.msg, "s3cret"));
	assert_int_equal(client_count(&c, "GET", "/version"), 1);
	/* The file holds another secret: that one was never refused. */
	(void)pm_test_file(dir, "token", "second-s3cret\n");
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, NULL);
	assert_int_equal(client_count(&c, "GET", "/version"), 1); /* looked a moment ago */
	atomic_fetch_add(&c.clock.ns, PM_S_NS);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, NULL);
	assert_int_equal(client_count(&c, "GET", "/version"), 2);
	(void)pm_test_file(dir, "token", "third-s3cret\n");
	atomic_fetch_add(&c.clock.ns, PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_has(client_headers(&c, 2, "GET", "/version"), "third-s3cret");
	client_stop(&c);
}

/* Renewed while requests are under way: the refusal itself is reason to look. */
PM_TEST(a_token_that_was_renewed_before_is_taken_at_once)
{
	const char *dir = pm_test_dir(), *path = pm_test_file(dir, "token", "old-s3cret\n");
	struct client c;

	client_prepare(&c, "pve1", true);
	set_secret_file(&c, PM_CLUSTER_TOKEN_SECRET, path);
	pm_fake_add(c.net, &(struct pm_fake_rule){ .times = 1 });
	pm_fake_add(c.net, &(struct pm_fake_rule){ .times = 1,
				   .status = 401,
				   .reason = "Authentication failed!",
				   .body = "" });
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_ok(client_get(&c, "/version"), &c.err);
	(void)pm_test_file(dir, "token", "new-s3cret\n");
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_int_equal(client_count(&c, "GET", "/version"), 3);
	client_stop(&c);
}

PM_TEST(a_password_that_was_changed_is_found)
{
	const char *dir = pm_test_dir(), *path = pm_test_file(dir, "password", "old-s3cret\n");
	struct client c;

	client_prepare(&c, "pve1", false);
	set_secret_file(&c, PM_CLUSTER_PASSWORD, path);
	pm_fake_add(c.net, &(struct pm_fake_rule){ .path = API LOGIN,
				   .times = 1,
				   .status = 401,
				   .reason = "authentication failure",
				   .body = "" });
	client_answer(&c, "POST", LOGIN,
		"{\"data\":{\"ticket\":\"PVE:t\",\"CSRFPreventionToken\":\"c\"}}");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	client_open(&c);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, NULL);
	(void)pm_test_file(dir, "password", "new-s3cret\n");
	atomic_fetch_add(&c.clock.ns, PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_has(client_body(&c, 1, "POST", LOGIN), "new-s3cret");
	client_stop(&c);
}

PM_TEST(a_wrong_realm_is_named)
{
	struct client c;

	client_prepare(&c, "pve1", false);
	c.cluster->val[PM_CLUSTER_REALM].state = PM_SET;
	c.cluster->val[PM_CLUSTER_REALM].u.s = "ldpa";
	client_status(&c, "POST", LOGIN, 401, "authentication failure", "");
	client_open(&c);
	assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err,
		"check auth.username, auth.realm and auth.password: this was root@ldpa");
	assert_null(strstr(c.err.msg, "pass;w=rd"));
	client_stop(&c);
}

/* A ticket that worked and then does not: the clock, or the account. */
PM_TEST(an_account_that_is_disabled_meanwhile_is_told)
{
	struct client c;

	client_prepare(&c, "pve1", false);
	pm_fake_add(c.net, &(struct pm_fake_rule){ .path = API LOGIN,
				   .times = 1,
				   .body = "{\"data\":{\"ticket\":\"PVE:t\","
					   "\"CSRFPreventionToken\":\"c\"}}" });
	client_status(&c, "POST", LOGIN, 401, "authentication failure", "");
	pm_fake_add(c.net, &(struct pm_fake_rule){ .path = API "/version", .times = 1 });
	client_status(&c, "GET", "/version", 401, "Authentication failed!", "");
	client_open(&c);
	assert_ok(client_get(&c, "/version"), &c.err);
	for (int i = 0; i < 3; i++)
		assert_err(client_get(&c, "/version"), PM_E_AUTH, &c.err, "auth.password");
	assert_int_equal(client_count(&c, "POST", LOGIN), 2);
	assert_int_equal(client_count(&c, "GET", "/version"), 2);
	client_stop(&c);
}

PM_TEST(logins_are_counted)
{
	struct pm_pve_stats s;
	struct client c;

	client_start(&c, "pve1");
	client_answer(&c, "GET", "/version", "{\"data\":{}}");
	assert_ok(client_get(&c, "/version"), &c.err);
	atomic_fetch_add(&c.clock.ns, 3601 * PM_S_NS);
	assert_ok(client_get(&c, "/version"), &c.err);
	assert_ok(client_get(&c, "/version"), &c.err);
	pm_pve_stats(c.pve, &s);
	assert_int_equal(s.logins, 2);
	client_stop(&c);
}
