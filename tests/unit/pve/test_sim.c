/* The whole room against the simulator's core: no network, a clock that jumps. */
#include <pthread.h>

#include "base/mem.h"
#include "base/num.h"
#include "client.h"
#include "sim/sim.h"

#define TEMPLATE "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"

/* A transport that asks the simulator; hosts are called pve1, pve2, ... */
struct wire {
	struct pm_transport base;
	struct pm_sim *sim;
	pthread_mutex_t lock;
	unsigned requests;
	bool lose_next_write; /* the answer of the next write never comes */
};

static unsigned node_of(const struct wire *w, const struct pm_host *host)
{
	for (unsigned i = 0; i < pm_sim_nodes(w->sim); i++) {
		if (strcmp(pm_sim_node_name(w->sim, i), host->name) == 0)
			return i;
	}
	fail_msg("no node %s", host->name);
	return 0;
}

static void break_off(struct pm_call *c, enum pm_code code, bool maybe)
{
	(void)pm_error_set(&c->err, code, "no answer");
	c->err.maybe_sent = maybe;
}

static void ask(struct wire *w, struct pm_call *c)
{
	struct pm_sim_request q = { .method = c->method,
		.target = c->path,
		.body = c->body,
		.nbody = c->body ? strlen(c->body) : 0,
		.content_type = c->body ? "application/x-www-form-urlencoded" : NULL };
	unsigned node = node_of(w, c->host);
	struct pm_sim_reply r = { 0 };
	bool write = strcmp(c->method, "GET") != 0;

	w->requests++;
	if (pm_sim_node_port(w->sim, node) != PM_SIM_OPEN) {
		break_off(c, PM_E_UNREACHABLE, false);
		return;
	}
	for (const char *const *h = c->headers; h && *h; h++) {
		const char *value = strchr(*h, ':') + 2;

		if (**h == 'C' && (*h)[1] == 'o')
			q.cookie = value;
		else if (**h == 'A')
			q.authorization = value;
		else
			q.csrf = value;
	}
	pm_sim_call(w->sim, node, &q, &r);
	if (write && w->lose_next_write && !strstr(c->path, "/access/")) {
		w->lose_next_write = false;
		break_off(c, PM_E_UNREACHABLE, true);
	} else {
		c->err.code = PM_OK;
		c->status = r.status;
		(void)snprintf(c->reason, sizeof(c->reason), "%.255s", r.reason);
		pm_buf_clear(&c->body_in);
		c->body_in.max = c->max_body;
		if (r.nbody > 0)
			pm_buf_add(&c->body_in, r.body, r.nbody);
	}
	pm_sim_reply_done(&r);
}

static void wire_batch(struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, PM_UNUSED struct pm_cancel *cancel)
{
	struct wire *w = (struct wire *)t;
	bool go = true;

	for (size_t i = 0; i < n; i++) {
		pthread_mutex_lock(&w->lock);
		if (go)
			ask(w, v[i]);
		else
			break_off(v[i], PM_E_CANCELLED, false);
		pthread_mutex_unlock(&w->lock);
		if (done && !done(arg, v[i]))
			go = false;
	}
}

static void wire_free(struct pm_transport *t)
{
	struct wire *w = (struct wire *)t;

	pm_sim_free(w->sim);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

struct run {
	struct client c;
	struct wire *wire;
};

static void begin(struct run *x, unsigned guests)
{
	static const struct pm_transport_ops ops = { wire_batch, wire_free };
	struct pm_sim_options o = { .nodes = 3, .seed = 5, .seed_guests = guests };

	client_prepare(&x->c, "pve1 pve2 pve3", false);
	pm_transport_free(x->c.net);
	x->wire = pm_xcalloc(1, sizeof(*x->wire));
	x->wire->base.ops = &ops;
	pthread_mutex_init(&x->wire->lock, NULL);
	o.clock = &x->c.clock.clock;
	assert_ok(pm_sim_new(&x->wire->sim, &o, &x->c.err), &x->c.err);
	x->c.net = &x->wire->base;
	x->c.cluster->val[PM_CLUSTER_PASSWORD].u.secret = pm_new(x->c.arena, struct pm_secret_ref);
	((struct pm_secret_ref *)x->c.cluster->val[PM_CLUSTER_PASSWORD].u.secret)->text =
		pm_sim_password(x->wire->sim);
	client_open(&x->c);
}

static struct pm_obj *wanted(struct run *x)
{
	struct pm_obj *o = want_new(&x->c, "shop", "web");
	struct pm_rec *rootfs;

	put(&x->c, o->spec, PM_G_IMAGE, TEMPLATE);
	put(&x->c, o->spec, PM_POD_CORES, "2");
	put(&x->c, o->spec, PM_POD_MEMORY, "256");
	put(&x->c, o->spec, PM_POD_ROOTFS, "size=2G");
	rootfs = o->spec->val[PM_POD_ROOTFS].u.rec;
	rootfs->val[PM_ROOTFS_STORAGE].state = PM_SET;
	rootfs->val[PM_ROOTFS_STORAGE].u.s = "local-lvm";
	put_entry(&x->c, o->spec, PM_POD_INTERFACES, 0, "name=eth0,bridge=vmbr0,ip=10.0.0.10/24");
	put(&x->c, o->spec, PM_G_TAGS, "prod");
	put(&x->c, o->spec, PM_G_DESCRIPTION, "Shop front");
	put(&x->c, o->spec, PM_POD_ENV, "TZ=UTC");
	put(&x->c, o->spec, PM_POD_ENTRYPOINT, "/bin/app");
	return o;
}

static const struct pm_marker *marker(struct run *x, const struct pm_obj *want, bool done)
{
	struct pm_marker *m = pm_new(x->c.arena, struct pm_marker);

	*m = (struct pm_marker){ .set = "home",
		.kind = "Pod",
		.ns = "shop",
		.name = "web",
		.uid = "0123456789abcdef0123456789abcdef",
		.vmid = 210,
		.done = done };
	m->fields = pm_marker_fields(x->c.arena, want->spec);
	return m;
}

static struct pm_obj *look(struct run *x)
{
	struct pm_obj *o;

	assert_ok(pm_pve_read(x->c.pve, &x->c.job, 210, true, &o, &x->c.err), &x->c.err);
	return o;
}

static void create(struct run *x, const struct pm_obj *want)
{
	struct pm_create cr = {
		.want = want, .vmid = 210, .node = "pve2", .marker = marker(x, want, false)
	};
	struct pm_task t;

	assert_ok(pm_pve_create(x->c.pve, &x->c.job, &cr, &t, &x->c.err), &x->c.err);
	assert_ok(pm_task_wait(x->c.pve, &x->c.job, &t, &x->c.err), &x->c.err);
	assert_string_equal(t.exit_status, "OK");
}

static bool update(struct run *x, const struct pm_obj *want, bool after_create)
{
	struct pm_update u = { .want = want,
		.have = look(x),
		.marker = marker(x, want, true),
		.set = "home",
		.after_create = after_create };
	struct pm_buf form cleanup_buf = PM_BUF(0);

	pm_pve_encode_update(x->c.arena, &u, &form);
	assert_ok(pm_pve_update(x->c.pve, &x->c.job, &u, &x->c.err), &x->c.err);
	return form.len > 0;
}

PM_TEST(sim_a_guest_lives_and_dies)
{
	struct pm_obj *want, *have;
	const struct pm_list *addresses;
	struct run x;

	begin(&x, 0);
	want = wanted(&x);
	create(&x, want);
	have = look(&x);
	assert_string_equal(have->live->node, "pve2");
	assert_string_equal(have->live->status, "stopped");
	assert_string_equal(have->name, "web");
	assert_false(have->live->marker->done);
	assert_true(update(&x, want, true));
	have = look(&x);
	assert_true(have->live->marker->done);
	assert_string_equal(pm_rec_str(have->spec, PM_POD_ENTRYPOINT, ""), "/bin/app");
	/* The second time there is nothing to say. */
	assert_false(update(&x, want, false));

	assert_ok(pm_pve_power(x.c.pve, &x.c.job, have, PM_START, 0, &x.c.err), &x.c.err);
	assert_ok(pm_pve_power(x.c.pve, &x.c.job, have, PM_START, 0, &x.c.err), &x.c.err);
	have = look(&x);
	assert_string_equal(have->live->status, "running");
	assert_ok(pm_pve_addresses(x.c.pve, &x.c.job, have, &addresses, &x.c.err), &x.c.err);
	assert_string_equal(addresses->v[0], "10.0.0.10");

	put(&x.c, want->spec, PM_POD_MEMORY, "512");
	put(&x.c, want->spec, PM_POD_OPT_TTY, "3");
	assert_true(update(&x, want, false));
	have = look(&x);
	assert_int_equal(pm_rec_int(have->spec, PM_POD_MEMORY, 0), 512 * PM_MIB);
	assert_int_equal(have->live->npending, 1);
	assert_string_equal(have->live->pending[0].key, "tty");
	assert_false(update(&x, want, false));
	assert_ok(pm_pve_power(x.c.pve, &x.c.job, have, PM_REBOOT, 30, &x.c.err), &x.c.err);
	assert_int_equal(look(&x)->live->npending, 0);

	assert_ok(pm_pve_resize(x.c.pve, &x.c.job, look(&x), "rootfs", 3 * PM_GIB, &x.c.err),
		&x.c.err);
	assert_ok(pm_pve_resize(x.c.pve, &x.c.job, look(&x), "rootfs", 3 * PM_GIB, &x.c.err),
		&x.c.err);
	assert_err(pm_pve_resize(x.c.pve, &x.c.job, look(&x), "rootfs", PM_GIB, &x.c.err),
		PM_E_INVALID, &x.c.err, "only grow");
	assert_int_equal(pm_rec_int(look(&x)->spec->val[PM_POD_ROOTFS].u.rec, PM_ROOTFS_SIZE, 0),
		3 * PM_GIB);

	assert_ok(pm_pve_protect(x.c.pve, &x.c.job, look(&x), true, &x.c.err), &x.c.err);
	assert_ok(pm_pve_power(x.c.pve, &x.c.job, have, PM_SHUTDOWN, 30, &x.c.err), &x.c.err);
	assert_err(pm_pve_delete(x.c.pve, &x.c.job, look(&x), &x.c.err), PM_E_REFUSED, &x.c.err,
		"protection");
	assert_ok(pm_pve_protect(x.c.pve, &x.c.job, look(&x), false, &x.c.err), &x.c.err);
	assert_ok(pm_pve_delete(x.c.pve, &x.c.job, look(&x), &x.c.err), &x.c.err);
	assert_err(pm_pve_read(x.c.pve, &x.c.job, 210, true, &have, &x.c.err), PM_E_NOTFOUND,
		&x.c.err, "there is no guest 210");
	client_stop(&x.c);
}

PM_TEST(sim_a_field_that_leaves_the_manifest_leaves_the_guest)
{
	struct pm_obj *want, *have;
	struct run x;

	begin(&x, 0);
	want = wanted(&x);
	create(&x, want);
	assert_true(update(&x, want, true));
	want->spec->val[PM_POD_CORES].state = PM_UNSET;
	want->spec->val[PM_POD_INTERFACES].state = PM_UNSET;
	want->spec->val[PM_G_DESCRIPTION].state = PM_UNSET;
	want->spec->val[PM_G_TAGS].state = PM_UNSET;
	want->spec->val[PM_POD_ENV].state = PM_UNSET;
	assert_true(update(&x, want, false));
	have = look(&x);
	assert_int_equal(have->spec->val[PM_POD_CORES].state, PM_UNSET);
	assert_int_equal(have->spec->val[PM_POD_INTERFACES].state, PM_UNSET);
	assert_int_equal(have->spec->val[PM_G_DESCRIPTION].state, PM_UNSET);
	assert_int_equal(have->spec->val[PM_G_TAGS].state, PM_UNSET);
	assert_int_equal(have->spec->val[PM_POD_MEMORY].state, PM_SET);
	assert_non_null(have->live->marker);
	assert_false(update(&x, want, false));
	client_stop(&x.c);
}

PM_TEST(sim_somebody_else_was_quicker)
{
	struct pm_update u = { .set = "home" };
	struct pm_obj *want;
	struct run x;

	begin(&x, 0);
	want = wanted(&x);
	create(&x, want);
	u.want = want;
	u.have = look(&x);
	u.marker = marker(&x, want, true);
	assert_true(update(&x, want, true));
	put(&x.c, want->spec, PM_POD_CORES, "4");
	assert_err(pm_pve_update(x.c.pve, &x.c.job, &u, &x.c.err), PM_E_CONFLICT, &x.c.err,
		"detected modified configuration");
	client_stop(&x.c);
}

PM_TEST(sim_a_lost_answer_is_found_in_the_task_list)
{
	struct pm_create cr = { .vmid = 210, .node = "pve2" };
	struct pm_task_query q = { .node = "pve2", .vmid = 210, .type = "vzcreate" };
	struct pm_obj *want;
	struct pm_task t;
	struct run x;

	begin(&x, 0);
	q.since_s = pm_wall_ms(&x.c.clock.clock) / 1000;
	cr.want = want = wanted(&x);
	cr.marker = marker(&x, want, false);
	x.wire->lose_next_write = true;
	assert_err(pm_pve_create(x.c.pve, &x.c.job, &cr, &t, &x.c.err), PM_E_UNREACHABLE, &x.c.err,
		NULL);
	assert_true(x.c.err.maybe_sent);
	assert_ok(pm_task_find(x.c.pve, &x.c.job, &q, &t, &x.c.err), &x.c.err);
	assert_ok(pm_task_wait(x.c.pve, &x.c.job, &t, &x.c.err), &x.c.err);
	assert_string_equal(look(&x)->name, "web");
	/* The same again finds the number taken. */
	assert_err(pm_pve_create(x.c.pve, &x.c.job, &cr, &t, &x.c.err), PM_E_EXISTS, &x.c.err,
		"already exists on node 'pve2'");
	client_stop(&x.c);
}

PM_TEST(sim_a_guest_moves)
{
	struct pm_obj *want;
	struct run x;

	begin(&x, 0);
	want = wanted(&x);
	put(&x.c, want->spec, PM_POD_ROOTFS, "size=2G");
	want->spec->val[PM_POD_ROOTFS].u.rec->val[PM_ROOTFS_STORAGE].state = PM_SET;
	want->spec->val[PM_POD_ROOTFS].u.rec->val[PM_ROOTFS_STORAGE].u.s = "local-lvm";
	create(&x, want);
	assert_ok(pm_pve_migrate(x.c.pve, &x.c.job, look(&x), "pve3", false, &x.c.err), &x.c.err);
	assert_string_equal(look(&x)->live->node, "pve3");
	client_stop(&x.c);
}

PM_TEST(sim_wrong_parameters_name_the_manifest)
{
	struct pm_update u = { .set = "home" };
	struct pm_obj *want;
	struct run x;

	begin(&x, 0);
	want = wanted(&x);
	create(&x, want);
	assert_true(update(&x, want, true));
	assert_ok(pm_pve_power(x.c.pve, &x.c.job, look(&x), PM_START, 0, &x.c.err), &x.c.err);
	put_entry(&x.c, want->spec, PM_POD_INTERFACES, 1, "name=eth1,bridge=vmbr77");
	u.want = want;
	u.have = look(&x);
	assert_err(pm_pve_update(x.c.pve, &x.c.job, &u, &x.c.err), PM_E_INVALID, &x.c.err,
		"PVE refuses net1 (network.interfaces): unable to hotplug net1");
	client_stop(&x.c);
}

PM_TEST(sim_three_nodes_one_dead)
{
	struct pm_scope scope = { .set = "sim", .vmid_low = 100, .vmid_high = 999999 };
	struct pm_set have;
	struct run x;
	unsigned unknown = 0;
	char line[200];

	begin(&x, 60);
	have = (struct pm_set){ .arena = x.c.arena };
	assert_ok(pm_pve_live(x.c.pve, &x.c.job, &scope, &have, &x.c.err), &x.c.err);
	assert_int_equal(have.n, 60);
	assert_int_equal(have.facts.nread, 60);
	assert_true(have.facts.complete);
	assert_true(have.facts.root_pam);
	/* One login, four for the cluster, one a guest. */
	assert_int_equal(x.wire->requests, 65);
	pm_set_done(&have);

	assert_ok(pm_sim_control(x.wire->sim, "node-off pve3", line, sizeof(line)), &x.c.err);
	have = (struct pm_set){ .arena = x.c.arena };
	assert_ok(pm_pve_live(x.c.pve, &x.c.job, &scope, &have, &x.c.err), &x.c.err);
	assert_int_equal(have.n, 60);
	for (size_t i = 0; i < have.n; i++) {
		bool dead = strcmp(have.v[i]->live->node, "pve3") == 0;

		assert_int_equal(have.v[i]->live->unreachable, dead);
		assert_int_equal(have.v[i]->spec == NULL, dead);
		unknown += dead;
	}
	assert_true(unknown > 10);
	assert_int_equal(have.facts.nread, 60 - unknown);
	assert_false(have.facts.complete);
	assert_true(have.facts.quorate);
	pm_set_done(&have);
	client_stop(&x.c);
}
