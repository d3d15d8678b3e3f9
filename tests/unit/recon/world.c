/* See world.h. */
#include "world.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/text.h"
#include "sim_transport.h"

struct pm_transport *world_wire(struct world *w)
{
	return pm_sim_transport_new(w->sim, &w->clock.clock);
}

/* ---- the world ---- */

void world_login(struct world *w, const char *user, const char *realm, const char *password)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);
	struct pm_diags diags;
	struct pm_error err = { 0 };

	(void)pm_buf_addf(&text,
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclusters:\n  - name: sim\n"
		"    hosts: [pve1");
	for (unsigned i = 2; i <= pm_sim_nodes(w->sim); i++)
		(void)pm_buf_addf(&text, ", pve%u", i);
	(void)pm_buf_addf(&text,
		"]\n    auth: {username: %s, realm: %s, password: \"%s\"}\n    vmids: 200-299\n"
		"journal: {dir: %s/state}\naudit: {file: %s/audit.jsonl}\n%s",
		user, realm, password, w->dir, w->dir, w->more ? w->more : "");
	pm_config_free(w->config);
	w->config = NULL;
	pm_diags_init(&diags, w->arena);
	assert_ok(pm_config_open(pm_test_file(w->dir, "podmox.yaml", pm_buf_str(&text)), &w->config,
			  &diags, &err),
		&err);
}

void world_config(struct world *w, const char *more)
{
	w->more = more;
	world_login(w, "root", "pam", pm_sim_password(w->sim));
}

void world_new(struct world *w, unsigned nodes)
{
	struct pm_sim_options o = {
		.clock = &w->clock.clock, .nodes = nodes, .seed = 1, .no_401_delay = true
	};
	struct pm_error err = { 0 };

	memset(w, 0, sizeof(*w));
	pm_test_clock_init(&w->clock);
	/* Journal and audit log are fsynced line by line: in memory that costs nothing. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	w->arena = pm_arena_new(0);
	w->dir = pm_test_dir();
	w->workers = 1;
	w->seed = 1;
	assert_ok(pm_sim_new(&w->sim, &o, &err), &err);
	world_login(w, "root", "pam", pm_sim_password(w->sim));
	(void)pm_test_file(w->dir, "manifests/.keep", "");
}

void world_done(struct world *w)
{
	pm_config_free(w->config);
	pm_sim_free(w->sim);
	pm_arena_free(w->arena);
}

void world_manifest(struct world *w, const char *name, const char *text)
{
	const char *path = pm_arena_printf(w->arena, "manifests/%s", name);

	if (text)
		(void)pm_test_file(w->dir, path, text);
	else
		assert_int_equal(unlink(pm_arena_printf(w->arena, "%s/%s", w->dir, path)), 0);
}

const char *world_control(struct world *w, const char *fmt, ...)
{
	static char out[4096];
	struct pm_buf line cleanup_buf = PM_BUF(0);
	va_list ap;

	va_start(ap, fmt);
	(void)pm_buf_addv(&line, fmt, ap);
	va_end(ap);
	if (pm_sim_transport_control(w->sim, pm_buf_str(&line), out, sizeof(out)) < 0)
		fail_msg("%s: %s", pm_buf_str(&line), out);
	return out;
}

/* The call, released by the caller. */
static void call(struct world *w, const char *method, const char *path, const char *form,
	struct pm_call *ret)
{
	const char *token = pm_arena_printf(w->arena, "Authorization: PVEAPIToken=root@pam!full=%s",
		pm_sim_token_secret(w->sim));
	const char *const headers[] = { token, NULL };
	const struct pm_host host = { .name = "pve1" };
	struct pm_transport *wire = world_wire(w);
	struct pm_error err = { 0 };

	*ret = (struct pm_call){ .host = &host,
		.method = method,
		.path = pm_arena_printf(w->arena, "/api2/json%s", path),
		.body = form,
		.headers = headers };
	assert_ok(pm_net_request(wire, ret, NULL, &err), &err);
	pm_transport_free(wire);
}

int world_call(struct world *w, const char *method, const char *path, const char *form)
{
	struct pm_call c;
	int status;

	call(w, method, path, form, &c);
	status = c.status;
	if (status >= 400)
		print_message("%s %s: %d %s\n", method, path, status, c.reason);
	pm_call_done(&c);
	return status;
}

int world_ask(
	struct world *w, const char *method, const char *path, const char *form, struct pm_buf *ret)
{
	struct pm_call c;
	int status;

	call(w, method, path, form, &c);
	status = c.status;
	pm_buf_clear(ret);
	(void)pm_buf_add(ret, pm_buf_str(&c.body_in), c.body_in.len);
	pm_call_done(&c);
	return status;
}

void world_wait(struct world *w, unsigned seconds)
{
	atomic_fetch_add(&w->clock.ns, seconds * PM_S_NS);
	(void)pm_sim_advance(w->sim);
}

/* ---- turns ---- */

static void plan(struct world *w, const struct turn_opts *o, struct turn *t)
{
	const char *own = pm_arena_printf(t->arena, "%s/manifests", w->dir);
	const char *path = w->folder ? w->folder : own;
	struct pm_recon_ask ask = {
		.paths = &path, .npaths = 1, .plan = o->plan, .preloaded = o->preloaded
	};

	if (ask.plan.max_deletes == 0)
		ask.plan.max_deletes = 100;
	t->planned = pm_recon_plan(t->rc, &t->job, &ask, &t->cycle, &t->err) == 0;
	if (!t->planned)
		t->status = pm_code_exit(t->err.code);
}

static void apply(struct world *w, const struct turn_opts *o, struct turn *t)
{
	if (o->between)
		o->between(w, o->between_arg);
	t->cycle.exact = o->exact;
	t->applied = pm_recon_apply(t->rc, &t->job, &t->cycle, &t->err) == 0;
	t->status = t->applied ? pm_report_exit(&t->cycle.plan, &t->cycle.report)
			       : pm_code_exit(t->err.code);
}

void world_turn(struct world *w, const struct turn_opts *o, struct turn *ret)
{
	struct pm_transport *wire = o->through ? o->through : world_wire(w);
	struct pm_config config = *w->config;
	struct pm_recon_opts ro = { .config = &config,
		.readonly = o->readonly,
		.clock = &w->clock.clock,
		.transport = wire,
		.workers = w->workers,
		.event = o->event,
		.event_arg = o->event_arg,
		.seed = w->seed };

	memset(ret, 0, sizeof(*ret));
	if (o->journal_dir)
		config.journal_dir = o->journal_dir;
	ret->arena = pm_arena_new(0);
	ret->job = (struct pm_job){
		.arena = ret->arena, .cancel = o->cancel, .clock = &w->clock.clock
	};
	pm_diags_init(&ret->job.diags, ret->arena);
	assert_ok(pm_recon_open(&ro, &ret->rc, &ret->err), &ret->err);
	plan(w, o, ret);
	if (ret->planned && !o->plan_only)
		apply(w, o, ret);
	/* The name is the client's, and the text of the plan is asked for when that is gone. */
	if (ret->planned && ret->cycle.have.facts.cluster)
		ret->cycle.have.facts.cluster =
			pm_arena_strdup(ret->arena, ret->cycle.have.facts.cluster);
	pm_recon_free(ret->rc);
	ret->rc = NULL;
	if (!o->through)
		pm_transport_free(wire);
}

void turn_done(struct turn *t)
{
	pm_cycle_done(&t->cycle);
	pm_arena_free(t->arena);
}

bool turn_went_well(const struct turn *t)
{
	struct pm_plan possible = { .refused = t->cycle.plan.refused };

	return t->applied && pm_report_exit(&possible, &t->cycle.report) == 0;
}

static void complain(struct turn *t, const char *what)
{
	print_error("%s: %s (%s)\n", what, t->err.msg, t->err.where);
	for (const struct pm_diag *d = t->job.diags.first; d; d = d->next)
		print_error("  %s:%u: %s\n", d->pos.file ? d->pos.file : "-", d->pos.line, d->msg);
	if (t->planned)
		print_error("%s\n", turn_plan(t));
	for (size_t i = 0; t->applied && i < t->cycle.report.n; i++) {
		const struct pm_result *r = &t->cycle.report.v[i];

		print_error("  action %zu: outcome %d unstable %s: %s (%s)\n", i, r->outcome,
			r->unstable ? r->unstable : "-", r->err.msg, r->err.where);
	}
	fail_msg("%s", what);
}

void world_apply(struct world *w)
{
	const struct turn_opts o = { 0 };
	struct turn t;

	world_turn(w, &o, &t);
	if (!turn_went_well(&t))
		complain(&t, "the apply failed");
	turn_done(&t);
}

void world_in_sync(struct world *w)
{
	const struct turn_opts o = { .plan_only = true, .readonly = true };
	struct turn t;

	world_turn(w, &o, &t);
	if (!t.planned || !pm_plan_empty(&t.cycle.plan))
		complain(&t, "there is still something to do");
	turn_done(&t);
}

const char *world_applied(struct world *w, struct turn *t)
{
	const char *text;

	if (!turn_went_well(t))
		fail_msg("status %d: %s\n%s\n%s", t->status, t->err.msg,
			t->planned ? turn_plan(t) : "",
			t->applied ? t->cycle.report.v[0].err.msg : "");
	text = pm_arena_strdup(w->arena, turn_plan(t));
	turn_done(t);
	return text;
}

const char *turn_plan(struct turn *t)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	pm_plan_print(&t->cycle.plan, false, &text);
	return pm_arena_strdup(t->arena, pm_buf_str(&text));
}

static size_t action_of(const struct turn *t, const char *id)
{
	for (size_t i = 0; i < t->cycle.plan.n; i++) {
		const struct pm_action *a = &t->cycle.plan.v[i];

		if (pm_str_eq(pm_obj_id(t->arena, a->want ? a->want : a->have), id))
			return i;
	}
	print_error("%s\n", turn_plan((struct turn *)t));
	fail_msg("%s has no action", id);
	return 0;
}

const struct pm_result *turn_result(const struct turn *t, const char *id)
{
	return &t->cycle.report.v[action_of(t, id)];
}

const struct pm_action *turn_action(const struct turn *t, const char *id)
{
	return &t->cycle.plan.v[action_of(t, id)];
}

/* ---- looking at the cluster ---- */

unsigned world_guests(struct world *w)
{
	const char *p = world_control(w, "guests");
	unsigned n = 0;

	while (*p) {
		p += strspn(p, " \n");
		n += *p >= '0' && *p <= '9';
		p += strcspn(p, " \n");
	}
	return n;
}

static bool is_marked(struct world *w, unsigned vmid, const char *id)
{
	struct pm_arena *a cleanup_arena = pm_arena_new(0);
	const struct pm_marker *m = NULL;
	const char *text;
	const char *fault;
	/* The control address puts lines together: the marker is the last of them. */
	const char *at = strstr(world_control(w, "get %u description", vmid), "<!-- podmox:");

	if (!at)
		return false;
	pm_marker_split(a, at, &text, &m, &fault);
	return m && pm_str_eq(pm_arena_printf(a, "%s/%s/%s", m->kind, m->ns, m->name), id) &&
	       m->vmid == vmid;
}

unsigned world_vmid(struct world *w, const char *id)
{
	char *list = pm_arena_strdup(w->arena, world_control(w, "guests"));
	unsigned found = 0;

	for (char *save = NULL, *word = strtok_r(list, " \n", &save); word;
		word = strtok_r(NULL, " \n", &save)) {
		int64_t vmid;

		if (pm_parse_int(word, 1, 999999999, &vmid) < 0 ||
			!is_marked(w, (unsigned)vmid, id))
			continue;
		if (found > 0)
			fail_msg("%s is there twice: %u and %u", id, found, (unsigned)vmid);
		found = (unsigned)vmid;
	}
	return found;
}
