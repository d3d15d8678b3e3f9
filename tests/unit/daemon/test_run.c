/* The daemon on a simulated cluster in this process: cycles by hand, and the whole loop with its thread
 * and signals. The cluster's clock jumps; the loop's own is real, but nothing here waits on it for long. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon_priv.h"
#include "pm_test.h"
#include "sim_transport.h"

#define IMAGE "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
#define POD(name, vmid, more)                                                    \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name "}\nspec:\n"  \
	"  image: " IMAGE "\n  node: pve1\n  vmid: " vmid "\n  state: stopped\n" \
	"  rootfs: {storage: local-lvm, size: 1Gi}\n  resources: {memory: 256Mi}\n" more

struct house {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	struct pm_transport *wire;
	struct pm_arena *arena;
	struct pm_config *config;
	const char *dir;
	char folder[2048];
	struct pm_daemon_opts o;
	struct pm_cancel cancel;
	struct pm_keeper keeper;
	struct pm_outcome_of_cycle out;
};

static void configure(struct house *h, const char *sync)
{
	cleanup_buf struct pm_buf text = PM_BUF(0);
	struct pm_diags diags;
	struct pm_error err;

	(void)pm_buf_addf(&text,
		"apiVersion: podmox/v1\nkind: Config\nset: home\nclusters:\n  - name: sim\n"
		"    hosts: [pve1, pve2]\n    auth: {username: root, password: \"%s\"}\n"
		"    vmids: 200-299\njournal: {dir: %s/state}\naudit: {file: %s/audit.jsonl}\n"
		"agent: {socket: %s/sock}\n%s",
		pm_sim_password(h->sim), h->dir, h->dir, h->dir, sync);
	pm_diags_init(&diags, h->arena);
	assert_ok(pm_config_open(pm_test_file(h->dir, "podmox.yaml", pm_buf_str(&text)), &h->config,
			  &diags, &err),
		&err);
}

static void start(struct house *h, const char *sync)
{
	struct pm_sim_options so = {
		.clock = &h->clock.clock, .nodes = 2, .seed = 1, .no_401_delay = true
	};
	struct pm_error err;

	memset(h, 0, sizeof(*h));
	pm_test_clock_init(&h->clock);
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	h->arena = pm_arena_new(0);
	h->dir = pm_test_dir();
	assert_ok(pm_sim_new(&h->sim, &so, &err), &err);
	h->wire = pm_sim_transport_new(h->sim, &h->clock.clock);
	configure(h, sync);
	(void)snprintf(h->folder, sizeof(h->folder), "%s/m", h->dir);
	(void)pm_test_file(h->dir, "m/a.yaml", POD("a", "201", ""));
	(void)pm_test_file(h->dir, "m/b.yaml", POD("b", "202", ""));
	h->o = (struct pm_daemon_opts){ .config = h->config,
		.dir = h->folder,
		.transport = h->wire,
		.clock = &h->clock.clock,
		.seed = 1 };
}

static void open_keeper(struct house *h)
{
	struct pm_error err;

	assert_ok(pm_keeper_open(&h->keeper, &h->o, &h->cancel, &err), &err);
}

static void done(struct house *h)
{
	if (h->keeper.rc)
		pm_keeper_close(&h->keeper);
	pm_transport_free(h->wire);
	pm_config_free(h->config);
	pm_sim_free(h->sim);
	pm_arena_free(h->arena);
}

static void cycle(struct house *h, unsigned reasons)
{
	pm_keeper_cycle(&h->keeper, reasons, &h->out);
}

static const char *control(struct house *h, const char *line)
{
	static char out[4096];

	if (pm_sim_control(h->sim, line, out, sizeof(out)) < 0)
		fail_msg("%s: %s", line, out);
	return out;
}

static void assert_good(const struct house *h)
{
	if (h->out.failed)
		fail_msg("the cycle failed: %s (%s)", h->out.err.msg, h->out.err.where);
}

static void put(struct house *h, const char *name, const char *text)
{
	cleanup_buf struct pm_buf path = PM_BUF(0);

	(void)pm_buf_addf(&path, "m/%s", name);
	if (text) {
		(void)pm_test_file(h->dir, pm_buf_str(&path), text);
		return;
	}
	pm_buf_clear(&path);
	(void)pm_buf_addf(&path, "%s/%s", h->folder, name);
	assert_int_equal(unlink(pm_buf_str(&path)), 0);
}

PM_TEST(run_makes_and_follows)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	assert_has(control(&h, "guests"), "201");
	assert_has(control(&h, "guests"), "202");
	put(&h, "c.yaml", POD("c", "203", ""));
	put(&h, "a.yaml", POD("a", "201", "  tags: [x]\n"));
	cycle(&h, PM_WHY_FILES);
	assert_good(&h);
	assert_has(control(&h, "guests"), "203");
	assert_has(control(&h, "get 201 tags"), "x");
	done(&h);
}

PM_TEST(run_heals)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	(void)control(&h, "set 201 memory=512");
	/* Files that are as they were wake nobody. */
	cycle(&h, PM_WHY_FILES);
	assert_has(control(&h, "get 201 memory"), "512");
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	assert_has(control(&h, "get 201 memory"), "256");
	done(&h);
}

PM_TEST(run_does_not_heal_when_told)
{
	struct house h;

	start(&h, "sync: {heal: false}\n");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	(void)control(&h, "set 201 memory=512");
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	assert_has(control(&h, "get 201 memory"), "512");
	/* A change of the manifests is applied all the same. */
	put(&h, "b.yaml", POD("b", "202", "  tags: [x]\n"));
	cycle(&h, PM_WHY_FILES);
	assert_has(control(&h, "get 202 tags"), "x");
	done(&h);
}

PM_TEST(run_observe_writes_nothing)
{
	struct house h;

	start(&h, "");
	h.o.observe = true;
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	assert_null(strstr(control(&h, "guests"), "201"));
	done(&h);
}

PM_TEST(run_broken_file_holds_back_prune)
{
	struct house h;

	start(&h, "sync: {prune: true}\n");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	put(&h, "a.yaml", "spec: [\n");
	put(&h, "b.yaml", NULL);
	for (unsigned i = 0; i < 3; i++) {
		cycle(&h, PM_WHY_FILES | PM_WHY_DRIFT);
		assert_good(&h);
		assert_true(h.out.wrong);
		assert_false(h.out.confirm);
	}
	assert_has(control(&h, "guests"), "202");
	/* Its last good object is healed meanwhile. */
	(void)control(&h, "set 201 memory=512");
	cycle(&h, PM_WHY_DRIFT);
	assert_has(control(&h, "get 201 memory"), "256");
	done(&h);
}

PM_TEST(run_prunes_what_is_gone_twice)
{
	struct house h;

	start(&h, "sync: {prune: true}\n");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.confirm);
	put(&h, "b.yaml", NULL);
	cycle(&h, PM_WHY_FILES);
	assert_good(&h);
	assert_true(h.out.confirm);
	assert_has(control(&h, "guests"), "202");
	cycle(&h, PM_WHY_CONFIRM);
	assert_good(&h);
	assert_false(h.out.confirm);
	assert_null(strstr(control(&h, "guests"), "202"));
	done(&h);
}

PM_TEST(run_without_prune_keeps)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	put(&h, "b.yaml", NULL);
	cycle(&h, PM_WHY_FILES);
	assert_false(h.out.confirm);
	cycle(&h, PM_WHY_DRIFT);
	assert_has(control(&h, "guests"), "202");
	done(&h);
}

/* Too many deletions are refused as a whole; the rest of the plan is carried out. */
PM_TEST(run_too_many_deletes)
{
	struct house h;

	start(&h, "sync: {prune: true, maxDeletes: 0}\n");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	put(&h, "b.yaml", NULL);
	put(&h, "c.yaml", POD("c", "203", ""));
	cycle(&h, PM_WHY_FILES);
	cycle(&h, PM_WHY_CONFIRM);
	assert_has(control(&h, "guests"), "202");
	assert_has(control(&h, "guests"), "203");
	done(&h);
}

PM_TEST(run_gives_up_a_field_that_comes_back)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	cycle(&h, PM_WHY_DRIFT);
	for (unsigned i = 0; i < PM_RETURNS_MOST; i++) {
		(void)control(&h, "set 201 memory=512");
		cycle(&h, PM_WHY_DRIFT);
		assert_good(&h);
		assert_has(control(&h, "get 201 memory"), "256");
	}
	(void)control(&h, "set 201 memory=512");
	cycle(&h, PM_WHY_DRIFT);
	assert_good(&h);
	assert_has(control(&h, "get 201 memory"), "512");
	/* Another object is healed as ever, and a change of the manifests begins anew. */
	(void)control(&h, "set 202 memory=512");
	cycle(&h, PM_WHY_DRIFT);
	assert_has(control(&h, "get 202 memory"), "256");
	put(&h, "b.yaml", POD("b", "202", "  tags: [x]\n"));
	cycle(&h, PM_WHY_FILES);
	assert_has(control(&h, "get 201 memory"), "256");
	done(&h);
}

PM_TEST(run_failure_is_tried_again)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	(void)control(&h, "fail GET /cluster/resources:500:50");
	cycle(&h, PM_WHY_DRIFT);
	assert_true(h.out.failed);
	(void)control(&h, "fail-clear");
	cycle(&h, PM_WHY_RETRY);
	assert_good(&h);
	assert_has(control(&h, "guests"), "201");
	done(&h);
}

PM_TEST(run_cancelled)
{
	struct house h;

	start(&h, "");
	open_keeper(&h);
	atomic_store(&h.cancel.on, true);
	cycle(&h, PM_WHY_DRIFT);
	assert_false(h.out.failed);
	assert_null(strstr(control(&h, "guests"), "201"));
	done(&h);
}

/* What stands on stderr between the two calls. */
static int divert(FILE **ret)
{
	int old = dup(STDERR_FILENO);

	*ret = tmpfile();
	assert_non_null(*ret);
	assert_true(old >= 0);
	(void)fflush(stderr);
	assert_true(dup2(fileno(*ret), STDERR_FILENO) >= 0);
	pm_log_setup(PM_LOG_DEBUG, false);
	return old;
}

static char *undivert(FILE *f, int old)
{
	char *text = calloc(1, 65536);

	pm_log_setup(PM_LOG_WARNING, false);
	(void)fflush(stderr);
	assert_true(dup2(old, STDERR_FILENO) >= 0);
	assert_int_equal(close(old), 0);
	rewind(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	(void)fclose(f);
	return text;
}

PM_TEST(run_tells)
{
	struct house h;
	FILE *f;
	char *log;
	int old;

	start(&h, "");
	put(&h, "c.yaml", POD("c", "203", "  dependsOn: [b]\n  password: hunter2hunter2\n"));
	open_keeper(&h);
	old = divert(&f);
	cycle(&h, PM_WHY_DRIFT);
	put(&h, "a.yaml", POD("a", "201", "  tags: [x]\n  unprivileged: true\n"));
	(void)control(&h, "fail PUT /nodes/pve1/lxc/201/config:400:9");
	cycle(&h, PM_WHY_FILES);
	(void)control(&h, "fail-clear");
	put(&h, "b.yaml", "kind: Pood\n");
	cycle(&h, PM_WHY_FILES);
	cycle(&h, PM_WHY_DRIFT);
	log = undivert(f, old);
	assert_has(log, "info created object=Pod/default/a action=create vmid=201");
	assert_has(log, "error failed object=Pod/default/a action=update vmid=201");
	assert_has(log,
		"info updated object=Pod/default/a action=update vmid=201 changes=\"tags absent -> x\"");
	assert_has(log, "error unknown kind \"Pood\" at=");
	assert_has(log, "help=\"did you mean Pod?\"");
	assert_has(log, "warning files are broken");
	assert_has(log, "debug nothing to do");
	assert_null(strstr(log, "hunter2"));
	/* A finding is told when it is new, not in every cycle. */
	assert_null(strstr(strstr(log, "unknown kind") + 1, "unknown kind"));
	free(log);
	done(&h);
}

PM_TEST(run_observe_tells_once)
{
	struct house h;
	FILE *f;
	char *log;
	int old;

	start(&h, "");
	h.o.observe = true;
	open_keeper(&h);
	old = divert(&f);
	cycle(&h, PM_WHY_DRIFT);
	cycle(&h, PM_WHY_DRIFT);
	log = undivert(f, old);
	assert_has(log, "info would be done object=Pod/default/a action=create");
	assert_null(strstr(strstr(log, "Pod/default/a") + 1, "Pod/default/a"));
	free(log);
	done(&h);
}

/* ---- the whole ---- */

PM_TEST(run_once)
{
	struct house h;
	struct pm_error err = { 0 };

	start(&h, "");
	h.o.once = true;
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	assert_has(control(&h, "guests"), "201");
	put(&h, "a.yaml", POD("a", "201", "  onboot: yes\n"));
	put(&h, "c.yaml", POD("c", "203", ""));
	assert_err(pm_daemon_run(&h.o, &err), PM_E_INPUT, &err, "errors in the manifests");
	assert_has(control(&h, "guests"), "203");
	done(&h);
}

/* One cycle of its own has no load before it; its two equal readings count. */
PM_TEST(run_once_prunes)
{
	struct house h;
	struct pm_error err = { 0 };

	start(&h, "");
	h.o.once = true;
	h.o.prune = true;
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	put(&h, "b.yaml", NULL);
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	assert_has(control(&h, "guests"), "201");
	assert_null(strstr(control(&h, "guests"), "202"));
	done(&h);
}

PM_TEST(run_once_fails)
{
	struct house h;
	struct pm_error err = { 0 };

	start(&h, "");
	h.o.once = true;
	(void)control(&h, "fail GET /cluster/resources:500:50");
	assert_true(pm_daemon_run(&h.o, &err) < 0);
	assert_has(err.msg, "reading the cluster");
	done(&h);
}

PM_TEST(run_wrong_folder)
{
	struct house h;
	struct pm_error err = { 0 };

	start(&h, "");
	h.o.dir = "/nonexistent";
	assert_err(pm_daemon_run(&h.o, &err), PM_E_IO, &err, "/nonexistent");
	h.o.dir = "manifests/podmox.yaml";
	assert_err(pm_daemon_run(&h.o, &err), PM_E_USAGE, &err, "is a file");
	done(&h);
}

PM_TEST(run_one_daemon_a_set)
{
	struct house h;
	struct pm_setlock *lock;
	struct pm_error err = { 0 };

	start(&h, "");
	assert_ok(pm_setlock_take(h.config->journal_dir, "home.watch", &lock, &err), &err);
	h.o.once = true;
	assert_err(pm_daemon_run(&h.o, &err), PM_E_SETLOCKED, &err,
		"the set home can be watched once only");
	pm_setlock_release(lock);
	assert_ok(pm_daemon_run(&h.o, &err), &err);
	done(&h);
}

struct loop {
	const struct pm_daemon_opts *o;
	struct pm_error err;
	int r;
};

static void *run_loop(void *arg)
{
	struct loop *l = arg;

	l->r = pm_daemon_run(l->o, &l->err);
	return NULL;
}

/* A signal that comes before the loop waits in the queue of the process; so does one that comes while a
 * cycle runs. Both end it well. */
PM_TEST(run_ends_on_a_signal)
{
	static const int signals[] = { SIGTERM, SIGINT };
	struct house h;
	sigset_t set, old;

	start(&h, "");
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)sigaddset(&set, SIGINT);
	(void)sigaddset(&set, SIGHUP);
	assert_int_equal(pthread_sigmask(SIG_BLOCK, &set, &old), 0);
	for (size_t i = 0; i < PM_COUNT(signals); i++) {
		struct loop l = { .o = &h.o };
		pthread_t thread;

		assert_int_equal(pthread_create(&thread, NULL, run_loop, &l), 0);
		assert_int_equal(kill(getpid(), SIGHUP), 0);
		assert_int_equal(kill(getpid(), signals[i]), 0);
		assert_int_equal(pthread_join(thread, NULL), 0);
		assert_ok(l.r, &l.err);
	}
	assert_int_equal(pthread_sigmask(SIG_SETMASK, &old, NULL), 0);
	done(&h);
}
