/* Reading the live set: what is asked, what is named, and what stays unknown. */
#include "base/num.h"
#include "client.h"

#define NODE3(a, b, d)                                                                            \
	"{\"data\":[{\"type\":\"cluster\",\"name\":\"x\",\"quorate\":1,\"nodes\":3},"             \
	"{\"type\":\"node\",\"name\":\"pve1\",\"ip\":\"10.0.0.1\",\"online\":" a ",\"local\":1}," \
	"{\"type\":\"node\",\"name\":\"pve2\",\"ip\":\"10.0.0.2\",\"online\":" b ",\"local\":0}," \
	"{\"type\":\"node\",\"name\":\"pve3\",\"ip\":\"10.0.0.3\",\"online\":" d ",\"local\":0}]}"
#define ALL_UP    NODE3("1", "1", "1")
#define THREE_OFF NODE3("1", "1", "0")
#define SEES_ALL  "{\"data\":{\"/\":{\"VM.Audit\":1},\"/vms\":{\"VM.Audit\":1}}}"
#define HOSTS     "10.0.0.1 10.0.0.2 10.0.0.3"

#define GUEST(id, node, more) \
	"{\"type\":\"lxc\",\"vmid\":" id ",\"node\":\"" node "\",\"status\":\"running\"" more "}"

#define MARK(vmid, name)                                                                           \
	"{\"key\":\"description\",\"value\":\"<!-- podmox: {\\\"v\\\":1,\\\"set\\\":\\\"home\\\"," \
	"\\\"kind\\\":\\\"Pod\\\",\\\"ns\\\":\\\"shop\\\",\\\"name\\\":\\\"" name "\\\","          \
	"\\\"uid\\\":\\\"0123456789abcdef0123456789abcdef\\\",\\\"vmid\\\":" vmid                  \
	",\\\"done\\\":true} -->\\n\"},"
#define CONFIG(rows) "{\"data\":[" rows "{\"key\":\"digest\",\"value\":\"d\"}]}"

struct cluster {
	struct client c;
	struct pm_set want, have;
	struct pm_scope scope;
};

static const char *resources(struct client *c, const char *guests)
{
	return pm_arena_printf(c->arena,
		"{\"data\":[%s%s{\"type\":\"node\",\"node\":\"pve1\",\"status\":\"online\"},"
		"{\"type\":\"pool\",\"pool\":\"p\"}]}",
		guests, *guests ? "," : "");
}

static void begin(struct cluster *x, const char *guests, const char *status)
{
	client_start_token(&x->c, HOSTS);
	x->want = (struct pm_set){ .arena = x->c.arena };
	x->have = (struct pm_set){ .arena = x->c.arena };
	x->scope = (struct pm_scope){
		.set = "home", .want = &x->want, .vmid_low = 200, .vmid_high = 299
	};
	client_answer(&x->c, "GET", "/cluster/resources*", resources(&x->c, guests));
	client_answer(&x->c, "GET", "/cluster/status", status);
	client_answer(&x->c, "GET", "/version", "{\"data\":{\"version\":\"9.2.11\"}}");
}

static int live(struct cluster *x)
{
	client_answer(&x->c, "GET", "/access/permissions", SEES_ALL);
	return pm_pve_live(x->c.pve, &x->c.job, &x->scope, &x->have, &x->c.err);
}

static void end(struct cluster *x)
{
	pm_set_done(&x->want);
	pm_set_done(&x->have);
	client_stop(&x->c);
}

static struct pm_obj *by_vmid(struct cluster *x, unsigned vmid)
{
	for (size_t i = 0; i < x->have.n; i++) {
		if (x->have.v[i]->live->vmid == vmid)
			return x->have.v[i];
	}
	fail_msg("no guest %u", vmid);
	return NULL;
}

PM_TEST(the_live_set_is_read_with_few_requests)
{
	struct cluster x;
	struct pm_obj *o;

	begin(&x,
		GUEST("210", "pve1", "") "," GUEST("211", "pve2", "") "," GUEST(
			"212", "pve3", "") "," GUEST("100", "pve1",
			"") ",{\"type\":\"qemu\",\"vmid\":250,\"node\":\"pve1\"}",
		ALL_UP);
	client_answer(&x.c, "GET", "/nodes/*/lxc/210/pending",
		CONFIG(MARK("210", "web") "{\"key\":\"memory\",\"value\":512},"));
	client_answer(&x.c, "GET", "/nodes/*/lxc/211/pending", CONFIG(""));
	client_answer(&x.c, "GET", "/nodes/*/lxc/212/pending", CONFIG(MARK("210", "web")));
	client_answer(&x.c, "GET", "/nodes/pve1/qemu/250/pending",
		CONFIG("{\"key\":\"scsi3\",\"value\":\"local:vm-250-disk-0,size=8G\"},"));
	assert_ok(live(&x), &x.c.err);
	/* Four for the cluster, one for each guest in scope. */
	assert_int_equal(pm_fake_count(x.c.net, NULL, NULL), 8);
	assert_int_equal(x.have.n, 5);
	assert_true(x.have.facts.complete);
	assert_true(x.have.facts.quorate);
	assert_int_equal(x.have.facts.nguests, 5);
	assert_int_equal(x.have.facts.nread, 4);
	assert_int_equal(x.have.facts.nnodes, 3);
	assert_int_equal(x.have.facts.npools, 1);
	assert_string_equal(x.have.facts.version, "9.2.11");
	assert_string_equal(x.have.facts.cluster, "home");
	assert_false(x.have.facts.root_pam);
	/* Named by its own marker; a clone carries its source's and is nobody. */
	o = by_vmid(&x, 210);
	assert_string_equal(o->ns, "shop");
	assert_string_equal(o->name, "web");
	o = by_vmid(&x, 212);
	assert_string_equal(o->ns, "");
	assert_int_equal(o->live->marker->vmid, 210);
	/* Out of scope: a row. */
	assert_null(by_vmid(&x, 100)->spec);
	assert_false(by_vmid(&x, 100)->live->unread);
	/* Each kind of guest is read in its own words. */
	o = by_vmid(&x, 250);
	assert_ptr_equal(o->kind, &pm_kind_vm);
	assert_string_equal(pm_rec_ident(o->spec->val[PM_VM_DISKS].u.recs->v[0]), "scsi3");
	/* Each is asked through its own node's host. */
	assert_string_equal(client_host(&x.c, 0, "GET", "/nodes/pve1/lxc/210/pending"), "10.0.0.1");
	assert_string_equal(client_host(&x.c, 0, "GET", "/nodes/pve2/lxc/211/pending"), "10.0.0.2");
	assert_string_equal(client_host(&x.c, 0, "GET", "/nodes/pve3/lxc/212/pending"), "10.0.0.3");
	end(&x);
}

PM_TEST(the_scope_is_tags_names_and_range)
{
	struct cluster x;
	struct pm_obj *want;
	char ours[24], theirs[24], guests[1024];

	(void)snprintf(guests, sizeof(guests),
		GUEST("100", "pve1", ",\"tags\":\"podmox;%s\"") "," GUEST(
			"101", "pve1", "") "," GUEST("102", "pve1", "") "," GUEST("210", "pve1",
			",\"tags\":\"a;podmox;%s\"") "," GUEST("211", "pve1",
			",\"tags\":\"my-podmox-00000000;x\""),
		pm_set_tag("home", ours), pm_set_tag("elsewhere", theirs));
	begin(&x, guests, ALL_UP);
	client_answer(
		&x.c, "GET", "/nodes/*/status/current", "{\"data\":{\"status\":\"running\"}}");
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	want = want_new(&x.c, "shop", "adopted");
	put(&x.c, want->spec, PM_G_VMID, "102");
	pm_set_add(&x.want, want);
	assert_ok(live(&x), &x.c.err);
	assert_non_null(by_vmid(&x, 100)->spec); /* our tag, though out of the range */
	assert_null(by_vmid(&x, 101)->spec);
	assert_non_null(by_vmid(&x, 102)->spec); /* named by a manifest */
	assert_null(by_vmid(&x, 210)->spec);     /* another set's */
	assert_non_null(by_vmid(&x, 211)->spec); /* a tag that only looks like one */
	assert_int_equal(x.have.facts.nread, 3);
	end(&x);
}

/* What is wanted is asked for late, and only what hangs on it is read after that. */
struct late {
	struct cluster *x;
	size_t before; /* configurations read when it was asked for */
	int code;      /* of the answer */
};

static int come_late(void *arg, struct pm_error *err)
{
	struct late *late = arg;
	struct pm_obj *want = want_new(&late->x->c, "shop", "adopted");

	late->before += client_count(&late->x->c, "GET", "/nodes/*/pending");
	if (late->code != PM_OK)
		return pm_error_set(err, (enum pm_code)late->code, "nothing is wanted");
	put(&late->x->c, want->spec, PM_G_VMID, "102");
	pm_set_add(&late->x->want, want);
	return 0;
}

PM_TEST(what_is_wanted_may_come_late)
{
	struct cluster x;
	struct late late = { .x = &x };

	begin(&x,
		GUEST("102", "pve1", "") "," GUEST("103", "pve1", "") "," GUEST(
			"210", "pve1", "") "," GUEST("211", "pve2", ""),
		ALL_UP);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	client_answer(
		&x.c, "GET", "/nodes/*/status/current", "{\"data\":{\"status\":\"stopped\"}}");
	x.scope.await = come_late;
	x.scope.await_arg = &late;
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(late.before, 2);
	assert_int_equal(client_count(&x.c, "GET", "/nodes/*/pending"), 3);
	assert_non_null(by_vmid(&x, 102)->spec);
	assert_null(by_vmid(&x, 103)->spec);
	assert_non_null(by_vmid(&x, 210)->spec);
	assert_int_equal(x.have.facts.nread, 3);
	end(&x);
}

PM_TEST(what_is_wanted_may_not_come)
{
	struct cluster x;
	struct late late = { .x = &x, .code = PM_E_INPUT };

	begin(&x, GUEST("210", "pve1", ""), ALL_UP);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	x.scope.await = come_late;
	x.scope.await_arg = &late;
	assert_err(live(&x), PM_E_INPUT, &x.c.err, "nothing is wanted");
	assert_int_equal(late.before, 1);
	assert_int_equal(x.have.n, 0);
	end(&x);
}

PM_TEST(a_dead_node_leaves_its_guests_unknown)
{
	struct cluster x;
	struct pm_obj *o;

	begin(&x,
		GUEST("210", "pve1", "") "," GUEST("211", "pve3", "") "," GUEST("100", "pve3", ""),
		THREE_OFF);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	/* It is not even asked. */
	assert_int_equal(client_count(&x.c, "GET", "/nodes/pve3/*"), 0);
	o = by_vmid(&x, 211);
	assert_true(o->live->unreachable);
	assert_true(o->live->unread);
	assert_string_equal(o->live->unread_why, "node pve3 is offline");
	assert_null(o->spec);
	assert_true(by_vmid(&x, 100)->live->unreachable);
	assert_non_null(by_vmid(&x, 210)->spec);
	assert_false(x.have.facts.complete);
	assert_has(x.have.facts.incomplete_why, "guest 211 on pve3 could not be read");
	assert_true(x.have.facts.quorate);
	end(&x);
}

PM_TEST(a_dead_node_without_guests_of_ours_hides_nothing)
{
	struct cluster x;

	begin(&x, GUEST("210", "pve1", "") "," GUEST("100", "pve3", ""), THREE_OFF);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_true(x.have.facts.complete);
	end(&x);
}

PM_TEST(a_node_that_does_not_answer_is_given_up)
{
	struct cluster x;
	struct pm_buf guests cleanup_buf = PM_BUF(0);

	for (int i = 0; i < 50; i++)
		pm_buf_addf(&guests, "%s" GUEST("%d", "pve%d", ""), i > 0 ? "," : "", 200 + i,
			1 + i % 3);
	begin(&x, pm_buf_str(&guests), ALL_UP);
	client_status(&x.c, "GET", "/nodes/pve3/*", 595, "No route to host", "");
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.n, 50);
	assert_int_equal(x.have.facts.nread, 34);
	assert_true(by_vmid(&x, 202)->live->unreachable);
	assert_true(by_vmid(&x, 247)->live->unreachable);
	assert_has(by_vmid(&x, 247)->live->unread_why, "node pve3 does not answer");
	/* Three strikes, not sixteen times three. */
	assert_true(client_count(&x.c, "GET", "/nodes/pve3/*") <= 4);
	assert_false(x.have.facts.complete);
	end(&x);
}

PM_TEST(a_node_that_stumbles_is_not_given_up)
{
	struct cluster x;
	struct pm_buf guests cleanup_buf = PM_BUF(0);

	for (int i = 0; i < 40; i++)
		pm_buf_addf(&guests, "%s" GUEST("%d", "pve3", ""), i > 0 ? "," : "", 200 + i);
	begin(&x, pm_buf_str(&guests), ALL_UP);
	for (int i = 0; i < 40; i += 4)
		pm_fake_add(x.c.net, &(struct pm_fake_rule){ .times = 1,
					     .status = 596,
					     .reason = "Broken pipe",
					     .body = "",
					     .path = pm_arena_printf(x.c.arena,
						     API "/nodes/pve3/lxc/%d/pending", 200 + i) });
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.facts.nread, 40);
	end(&x);
}

PM_TEST(a_host_that_dies_is_gone_round)
{
	struct cluster x;
	struct pm_buf guests cleanup_buf = PM_BUF(0);

	for (int i = 0; i < 90; i++)
		pm_buf_addf(&guests, "%s" GUEST("%d", "pve%d", ""), i > 0 ? "," : "", 200 + i,
			1 + i % 3);
	begin(&x, pm_buf_str(&guests), ALL_UP);
	client_fail(&x.c, "10.0.0.2", NULL, PM_E_UNREACHABLE, false);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.facts.nread, 90);
	assert_true(x.have.facts.complete);
	assert_true(pm_fake_count(x.c.net, "GET", API "/nodes/*") <= 92);
	end(&x);
}

PM_TEST(no_host_at_all_is_an_error)
{
	struct cluster x;

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home" };
	client_fail(&x.c, NULL, NULL, PM_E_UNREACHABLE, false);
	assert_err(live(&x), PM_E_UNREACHABLE, &x.c.err, NULL);
	end(&x);
}

PM_TEST(a_certificate_we_do_not_trust_is_tried_once_a_host)
{
	struct cluster x;

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home" };
	client_fail(&x.c, NULL, NULL, PM_E_AUTH, false);
	assert_err(live(&x), PM_E_AUTH, &x.c.err, NULL);
	assert_int_equal(client_count(&x.c, "GET", "/cluster/resources*"), 3);
	end(&x);
}

PM_TEST(one_bad_answer_concerns_one_guest)
{
	struct cluster x;

	begin(&x,
		GUEST("210", "pve1", "") "," GUEST("211", "pve1", "") "," GUEST("212", "pve1", ""),
		ALL_UP);
	client_answer(&x.c, "GET", "/nodes/*/210/pending", "{\"data\":[{\"key\":\"net0\",");
	client_status(&x.c, "GET", "/nodes/*/211/pending", 403,
		"Permission check failed (/vms/211, VM.Audit)", "");
	client_answer(&x.c, "GET", "/nodes/*/212/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_true(by_vmid(&x, 210)->live->unread);
	assert_false(by_vmid(&x, 210)->live->unreachable);
	assert_has(by_vmid(&x, 210)->live->unread_why, "too early");
	assert_true(by_vmid(&x, 211)->live->unread);
	assert_has(by_vmid(&x, 211)->live->unread_why, "VM.Audit on /vms/211");
	assert_non_null(by_vmid(&x, 212)->spec);
	assert_false(x.have.facts.complete);
	end(&x);
}

#define GONE(node, id) "Configuration file 'nodes/" node "/lxc/" id ".conf' does not exist"

PM_TEST(guests_that_move_or_go_meanwhile_are_looked_for_once)
{
	struct cluster x;
	struct pm_fake_rule first = { .path = API "/cluster/resources*", .times = 1 };

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){
		.set = "home", .want = &x.want, .vmid_low = 200, .vmid_high = 299
	};
	first.body = resources(&x.c,
		GUEST("210", "pve1", "") "," GUEST("211", "pve1", "") "," GUEST("212", "pve2", ""));
	pm_fake_add(x.c.net, &first);
	client_answer(&x.c, "GET", "/cluster/resources*",
		resources(&x.c, GUEST("211", "pve3", "") "," GUEST("212", "pve2", "")));
	client_answer(&x.c, "GET", "/cluster/status", ALL_UP);
	client_answer(&x.c, "GET", "/version", "{\"data\":{}}");
	client_status(&x.c, "GET", "/nodes/pve1/lxc/210/pending", 500, GONE("pve1", "210"), "");
	client_status(&x.c, "GET", "/nodes/pve1/lxc/211/pending", 500, GONE("pve1", "211"), "");
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.n, 2);
	assert_string_equal(by_vmid(&x, 211)->live->node, "pve3");
	assert_non_null(by_vmid(&x, 211)->spec);
	assert_true(x.have.facts.complete);
	assert_int_equal(client_count(&x.c, "GET", "/cluster/resources*"), 2);
	end(&x);
}

PM_TEST(the_run_state_is_asked_where_it_would_matter)
{
	struct cluster x;
	struct pm_obj *w;

	begin(&x,
		GUEST("210", "pve1", "") "," GUEST("211", "pve1",
			"") ","
			    "{\"type\":\"lxc\",\"vmid\":212,\"node\":\"pve1\"},"
			    "{\"type\":\"lxc\",\"vmid\":213,\"node\":\"pve1\"}," GUEST(
				    "214", "pve1", ""),
		ALL_UP);
	client_answer(&x.c, "GET", "/nodes/*/210/pending", CONFIG(MARK("210", "up")));
	client_answer(&x.c, "GET", "/nodes/*/211/pending", CONFIG(MARK("211", "down")));
	client_answer(&x.c, "GET", "/nodes/*/212/pending", CONFIG(MARK("212", "new")));
	client_answer(&x.c, "GET", "/nodes/*/213/pending", CONFIG(""));
	client_answer(&x.c, "GET", "/nodes/*/214/pending", CONFIG(MARK("214", "ignored")));
	client_answer(&x.c, "GET", "/nodes/*/211/status/current",
		"{\"data\":{\"status\":\"stopped\",\"lock\":\"backup\",\"ha\":{\"managed\":1,\"state\":"
		"\"started\"}}}");
	client_status(&x.c, "GET", "/nodes/*/212/status/current", 500, "broken", "");
	pm_set_add(&x.want, want_new(&x.c, "shop", "up"));
	w = want_new(&x.c, "shop", "down");
	put(&x.c, w->spec, PM_G_STATE, "stopped");
	pm_set_add(&x.want, w);
	pm_set_add(&x.want, want_new(&x.c, "shop", "new"));
	w = want_new(&x.c, "shop", "ignored");
	put(&x.c, w->spec, PM_G_STATE, "ignored");
	pm_set_add(&x.want, w);
	pm_set_sort(&x.want);
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(client_count(&x.c, "GET", "/nodes/*/status/current"), 2);
	assert_string_equal(by_vmid(&x, 211)->live->status, "stopped");
	assert_string_equal(by_vmid(&x, 211)->live->lock, "backup");
	assert_string_equal(by_vmid(&x, 211)->live->hastate, "started");
	assert_string_equal(by_vmid(&x, 212)->live->status, "unknown");
	assert_string_equal(by_vmid(&x, 210)->live->status, "running");
	end(&x);
}

/* ---- may absence be believed? ---- */

static void assert_doubt(const char *status, const char *permissions, const char *says)
{
	struct cluster x;

	begin(&x, GUEST("210", "pve1", ""), status ? status : ALL_UP);
	client_answer(&x.c, "GET", "/access/permissions", permissions ? permissions : SEES_ALL);
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	pm_set_add(&x.want, want_new(&x.c, "shop", "new"));
	assert_ok(live(&x), &x.c.err);
	if (!says) {
		assert_true(x.have.facts.complete);
		assert_null(x.have.facts.incomplete_why);
	} else {
		assert_false(x.have.facts.complete);
		assert_has(x.have.facts.incomplete_why, says);
	}
	end(&x);
}

PM_TEST(absence_is_believed_only_where_all_is_seen)
{
	assert_doubt(NULL, NULL, NULL);
	assert_doubt(
		"{\"data\":[{\"type\":\"cluster\",\"quorate\":0},{\"type\":\"node\",\"name\":\"pve1\","
		"\"online\":1}]}",
		NULL, "no quorum");
	assert_doubt("{\"data\":[{\"type\":\"node\",\"name\":\"pve1\",\"online\":1,\"local\":1}]}",
		NULL, NULL);
	assert_doubt("{\"data\":null}", NULL, "not known");
	/* Only below the path, and for every guest. */
	assert_doubt(NULL, "{\"data\":{}}", "VM.Audit on /vms");
	assert_doubt(NULL, "{\"data\":{\"/\":{\"Sys.Audit\":1}}}", "VM.Audit on /vms");
	assert_doubt(NULL, "{\"data\":{\"/\":{\"VM.Audit\":0}}}", "VM.Audit on /vms");
	assert_doubt(NULL, "{\"data\":{\"/\":{\"VM.Audit\":1}}}", NULL);
	assert_doubt(NULL, "{\"data\":{\"/\":{\"VM.Audit\":1},\"/vms\":{}}}", "VM.Audit on /vms");
	assert_doubt(NULL, "{\"data\":{\"/vms\":{\"VM.Audit\":\"1\"}}}", NULL);
	assert_doubt(
		NULL, "{\"data\":{\"/vms\":{\"VM.Audit\":1},\"/vms/211\":{}}}", "VM.Audit on /vms");
	assert_doubt(NULL, "{\"data\":{\"/pool/p\":{\"VM.Audit\":1}}}", "new is in no pool");
}

PM_TEST(an_account_of_a_pool_sees_what_is_to_be_in_it)
{
	struct cluster x;
	struct pm_obj *w;

	begin(&x, GUEST("210", "pve1", ""), ALL_UP);
	client_answer(
		&x.c, "GET", "/access/permissions", "{\"data\":{\"/pool/p\":{\"VM.Audit\":1}}}");
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	w = want_new(&x.c, "shop", "new");
	put(&x.c, w->spec, PM_G_POOL, "p");
	pm_set_add(&x.want, w);
	assert_ok(live(&x), &x.c.err);
	assert_true(x.have.facts.complete);
	end(&x);
}

PM_TEST(what_may_not_be_read_of_the_cluster_is_said)
{
	struct cluster x;

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home", .vmid_low = 200, .vmid_high = 299 };
	client_answer(
		&x.c, "GET", "/cluster/resources*", resources(&x.c, GUEST("210", "pve1", "")));
	client_status(
		&x.c, "GET", "/cluster/status", 403, "Permission check failed (/, Sys.Audit)", "");
	client_answer(&x.c, "GET", "/version", "{\"data\":{}}");
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_false(x.have.facts.quorate);
	assert_has(x.have.facts.incomplete_why, "lacks the privilege Sys.Audit on /");
	/* The nodes are known from the inventory then. */
	assert_int_equal(x.have.facts.nnodes, 1);
	end(&x);
}

PM_TEST(an_empty_inventory_is_believed_when_it_comes_twice)
{
	struct cluster x;

	begin(&x, "", ALL_UP);
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.n, 0);
	assert_true(x.have.facts.complete);
	assert_int_equal(client_count(&x.c, "GET", "/cluster/resources*"), 2);
	end(&x);

	begin(&x, "", THREE_OFF);
	assert_ok(live(&x), &x.c.err);
	assert_has(x.have.facts.incomplete_why, "empty while nodes are offline");
	end(&x);
}

PM_TEST(a_sudden_loss_of_all_guests_is_not_believed)
{
	struct cluster x;

	begin(&x, "", ALL_UP);
	atomic_store(&x.c.pve->nguests, 12);
	assert_ok(live(&x), &x.c.err);
	assert_has(x.have.facts.incomplete_why, "there were 12 guests before");
	end(&x);
}

PM_TEST(facts_alone_count_offline_nodes)
{
	struct cluster x;
	struct pm_facts facts;

	begin(&x, GUEST("100", "pve1", ""), THREE_OFF);
	client_answer(&x.c, "GET", "/access/permissions", SEES_ALL);
	assert_ok(pm_pve_facts(x.c.pve, &x.c.job, &facts, &x.c.err), &x.c.err);
	assert_true(facts.quorate);
	assert_false(facts.complete);
	assert_has(facts.incomplete_why, "node pve3 is offline");
	end(&x);
}

/* ---- tickets and windows ---- */

PM_TEST(a_ticket_that_expires_in_the_middle_is_renewed)
{
	struct cluster x;
	struct pm_buf guests cleanup_buf = PM_BUF(0);

	for (int i = 0; i < 30; i++)
		pm_buf_addf(&guests, "%s" GUEST("%d", "pve1", ""), i > 0 ? "," : "", 200 + i);
	client_start(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home", .vmid_low = 200, .vmid_high = 299 };
	client_answer(&x.c, "GET", "/cluster/resources*", resources(&x.c, pm_buf_str(&guests)));
	client_answer(&x.c, "GET", "/cluster/status", ALL_UP);
	client_answer(&x.c, "GET", "/version", "{\"data\":{}}");
	pm_fake_add(x.c.net, &(struct pm_fake_rule){ .path = API "/nodes/pve1/lxc/205/*",
				     .times = 1,
				     .status = 401,
				     .reason = "Authentication failed!",
				     .body = "" });
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG(""));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.facts.nread, 30);
	assert_int_equal(client_count(&x.c, "POST", "/access/ticket"), 2);
	assert_int_equal(client_count(&x.c, "GET", "/nodes/*/pending"), 31);
	assert_true(x.have.facts.root_pam);
	end(&x);
}

PM_TEST(a_token_that_is_not_let_in_stops_everything)
{
	struct cluster x;

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home" };
	client_status(&x.c, "GET", "/*", 401, "Authentication failed!", "");
	assert_err(live(&x), PM_E_AUTH, &x.c.err, "API token is wrong");
	assert_int_equal(pm_fake_count(x.c.net, NULL, NULL), 1);
	end(&x);
}

PM_TEST(more_guests_than_one_window)
{
	struct cluster x;
	struct pm_buf guests cleanup_buf = PM_BUF(0);

	for (int i = 0; i < 2500; i++)
		pm_buf_addf(&guests, "%s" GUEST("%d", "pve%d", ""), i > 0 ? "," : "", 1000 + i,
			1 + i % 3);
	begin(&x, pm_buf_str(&guests), ALL_UP);
	x.scope.vmid_low = 1000;
	x.scope.vmid_high = 9999;
	client_answer(&x.c, "GET", "/nodes/*/pending", CONFIG("{\"key\":\"cores\",\"value\":2},"));
	assert_ok(live(&x), &x.c.err);
	assert_int_equal(x.have.facts.nread, 2500);
	for (size_t i = 0; i < x.have.n; i++)
		assert_int_equal(pm_rec_int(x.have.v[i]->spec, PM_POD_CORES, 0), 2);
	end(&x);
}

PM_TEST(a_live_read_can_be_cancelled)
{
	struct cluster x;

	begin(&x, GUEST("210", "pve1", ""), ALL_UP);
	atomic_store(&x.c.cancel.on, true);
	assert_err(live(&x), PM_E_CANCELLED, &x.c.err, NULL);
	end(&x);
}

PM_TEST(an_inventory_that_is_too_large_or_broken_is_an_error)
{
	struct cluster x;

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	x.scope = (struct pm_scope){ .set = "home" };
	client_fail(&x.c, NULL, "/cluster/resources*", PM_E_LIMIT, true);
	client_answer(&x.c, "GET", "/*", "{\"data\":null}");
	assert_err(live(&x), PM_E_LIMIT, &x.c.err, NULL);
	assert_int_equal(client_count(&x.c, "GET", "/cluster/resources*"), 1);
	end(&x);

	begin(&x, "{\"type\":", ALL_UP);
	assert_err(live(&x), PM_E_PROTOCOL, &x.c.err, "the inventory of the cluster");
	assert_string_equal(x.c.err.where, "10.0.0.1 GET /cluster/resources");
	end(&x);
}

/* ---- one guest ---- */

PM_TEST(one_guest_is_read)
{
	struct cluster x;
	struct pm_obj *o;

	begin(&x, GUEST("210", "pve1", ",\"pool\":\"p\"") "," GUEST("211", "pve2", ""), ALL_UP);
	client_answer(&x.c, "GET", "/nodes/pve1/lxc/210/pending", CONFIG(MARK("210", "web")));
	client_answer(&x.c, "GET", "/nodes/pve1/lxc/210/status/current",
		"{\"data\":{\"status\":\"stopped\",\"ha\":{\"managed\":0}}}");
	assert_ok(pm_pve_read(x.c.pve, &x.c.job, 210, true, &o, &x.c.err), &x.c.err);
	assert_string_equal(o->name, "web");
	assert_string_equal(o->live->status, "stopped");
	assert_string_equal(o->live->pool, "p");
	assert_string_equal(o->live->digest, "d");
	assert_null(o->live->hastate);
	assert_int_equal(pm_fake_count(x.c.net, NULL, NULL), 3);
	assert_ok(pm_pve_read(x.c.pve, &x.c.job, 210, false, &o, &x.c.err), &x.c.err);
	assert_int_equal(pm_fake_count(x.c.net, NULL, NULL), 5);
	end(&x);
}

PM_TEST(absence_of_one_guest_needs_proof)
{
	struct cluster x;
	struct pm_obj *o;

	begin(&x, GUEST("211", "pve2", ""), ALL_UP);
	client_answer(&x.c, "GET", "/access/permissions", SEES_ALL);
	assert_err(pm_pve_read(x.c.pve, &x.c.job, 210, true, &o, &x.c.err), PM_E_NOTFOUND, &x.c.err,
		"there is no guest 210");
	end(&x);

	begin(&x, GUEST("211", "pve2", ""), ALL_UP);
	client_answer(&x.c, "GET", "/access/permissions", "{\"data\":{}}");
	assert_err(pm_pve_read(x.c.pve, &x.c.job, 210, true, &o, &x.c.err), PM_E_UNREACHABLE,
		&x.c.err, "that proves nothing");
	end(&x);
}

PM_TEST(one_guest_that_moves_is_looked_for_once)
{
	struct cluster x;
	struct pm_obj *o;
	struct pm_fake_rule first = { .path = API "/cluster/resources*", .times = 1 };

	client_start_token(&x.c, HOSTS);
	x.want = x.have = (struct pm_set){ .arena = x.c.arena };
	first.body = resources(&x.c, GUEST("210", "pve1", ""));
	pm_fake_add(x.c.net, &first);
	client_answer(
		&x.c, "GET", "/cluster/resources*", resources(&x.c, GUEST("210", "pve2", "")));
	client_status(&x.c, "GET", "/nodes/pve1/lxc/210/*", 500, GONE("pve1", "210"), "");
	client_answer(&x.c, "GET", "/nodes/pve2/lxc/210/pending", CONFIG(""));
	assert_ok(pm_pve_read(x.c.pve, &x.c.job, 210, false, &o, &x.c.err), &x.c.err);
	assert_string_equal(o->live->node, "pve2");
	client_status(&x.c, "GET", "/nodes/pve2/*", 500, "x", "");
	end(&x);
}

PM_TEST(one_guest_on_a_dead_node_is_an_error)
{
	struct cluster x;
	struct pm_obj *o;

	begin(&x, GUEST("210", "pve3", ""), ALL_UP);
	client_status(&x.c, "GET", "/nodes/pve3/*", 595, "No route to host", "");
	assert_err(pm_pve_read(x.c.pve, &x.c.job, 210, true, &o, &x.c.err), PM_E_UNREACHABLE,
		&x.c.err, "reading guest 210: node pve3 does not answer");
	end(&x);
}
