/* Manifests and cluster are read at the same time: whose trouble is told, and in which order. */
#include <string.h>

#include "world.h"

static const char good[] = "apiVersion: podmox/v1\n"
			   "kind: Pod\n"
			   "metadata: {name: web, namespace: shop}\n"
			   "spec:\n"
			   "  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
			   "  rootfs: {storage: local-lvm, size: 4Gi}\n";
static const char bad[] = "apiVersion: podmox/v1\nkind: Pod\nmetadata: {nam: x}\n";

/* ---- a cluster that answers when it is called off, and not before ---- */

static void deaf_batch(PM_UNUSED struct pm_transport *t, struct pm_call *const *v, size_t n,
	pm_call_done_fn *done, void *arg, struct pm_cancel *cancel)
{
	while (pm_wait_ns(&pm_clock_system, PM_MS_NS, cancel) == 0)
		;
	for (size_t i = 0; i < n; i++) {
		(void)pm_error_set(&v[i]->err, PM_E_CANCELLED, "called off");
		if (done)
			(void)done(arg, v[i]);
	}
}

static void deaf_free(PM_UNUSED struct pm_transport *t)
{
}

static const struct pm_transport_ops deaf_ops = { deaf_batch, deaf_free };

/* ---- what is wrong with the manifests counts first ---- */

/* The findings as one text, in their order. */
static const char *findings(struct world *w, const struct turn *t)
{
	struct pm_buf text cleanup_buf = PM_BUF(0);

	for (const struct pm_diag *d = t->job.diags.first; d; d = d->next)
		(void)pm_buf_addf(&text, "%s:%u:%u: %s\n", d->pos.file ? d->pos.file : "",
			d->pos.line, d->pos.column, d->msg);
	return pm_arena_strdup(w->arena, pm_buf_str(&text));
}

static const char *expect_broken(
	struct world *w, struct pm_transport *through, bool readonly, const char *like)
{
	const struct turn_opts o = { .through = through, .readonly = readonly };
	const char *text;
	struct turn t;

	world_turn(w, &o, &t);
	assert_false(t.planned);
	assert_err(-(int)t.err.code, PM_E_INPUT, &t.err, "error");
	assert_int_equal(t.status, 65);
	text = findings(w, &t);
	turn_done(&t);
	if (like)
		assert_string_equal(text, like);
	return text;
}

static struct pm_transport *answering(enum pm_code fail, int status)
{
	const struct pm_fake_rule rule = { .fail = fail, .status = status };
	struct pm_transport *t = pm_fake_new();

	pm_fake_add(t, &rule);
	return t;
}

PM_TEST(loader_broken_manifests_whatever_the_cluster_says)
{
	struct pm_transport *away = answering(PM_E_UNREACHABLE, 0);
	struct pm_transport *distrusted = answering(PM_E_AUTH, 0);
	struct pm_transport *refusing = answering(PM_OK, 401);
	struct pm_transport *strange = answering(PM_OK, 404);
	struct world w;
	const char *text;

	world_new(&w, 2);
	world_manifest(&w, "a.yaml", bad);
	world_manifest(&w, "b.yaml", good);
	world_manifest(&w, "c.yaml", "apiVersion: podmox/v1\nkind: Pot\n");
	text = expect_broken(&w, NULL, true, NULL);
	assert_has(text, "a.yaml:3:");
	assert_has(text, "c.yaml:2:");
	for (unsigned readonly = 0; readonly < 2; readonly++) {
		(void)expect_broken(&w, NULL, readonly, text);
		(void)expect_broken(&w, away, readonly, text);
		(void)expect_broken(&w, distrusted, readonly, text);
		(void)expect_broken(&w, refusing, readonly, text);
		(void)expect_broken(&w, strange, readonly, text);
	}
	pm_transport_free(away);
	pm_transport_free(distrusted);
	pm_transport_free(refusing);
	pm_transport_free(strange);
	world_done(&w);
}

/* Nobody waits for a cluster whose answer is of no use. This test hangs if somebody does. */
PM_TEST(loader_broken_manifests_end_the_asking)
{
	struct pm_transport deaf = { &deaf_ops };
	const struct turn_opts o = { .through = &deaf };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "bad.yaml", bad);
	(void)expect_broken(&w, &deaf, true, NULL);
	w.folder = "/nowhere/at/all";
	world_turn(&w, &o, &t);
	assert_false(t.planned);
	assert_err(-(int)t.err.code, PM_E_IO, &t.err, "reading manifests");
	turn_done(&t);
	world_done(&w);
}

/* Another one works on the set, and the manifests are broken: the manifests are told. */
PM_TEST(loader_broken_manifests_of_a_locked_set)
{
	struct pm_setlock *l = NULL;
	struct pm_error err = { 0 };
	struct world w;

	world_new(&w, 1);
	world_manifest(&w, "bad.yaml", bad);
	assert_ok(pm_setlock_take(w.config->journal_dir, "home", &l, &err), &err);
	(void)expect_broken(&w, NULL, false, NULL);
	pm_setlock_release(l);
	world_done(&w);
}

/* ---- the caller's own end, and the cluster's errors ---- */

PM_TEST(loader_passes_on_that_the_job_is_cancelled)
{
	struct pm_transport deaf = { &deaf_ops };
	struct pm_cancel cancel = { 0 };
	const struct turn_opts o = { .through = &deaf, .cancel = &cancel };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "good.yaml", good);
	atomic_store(&cancel.on, true);
	world_turn(&w, &o, &t);
	assert_false(t.planned);
	assert_int_equal(t.err.code, PM_E_CANCELLED);
	turn_done(&t);
	world_done(&w);
}

/* Good manifests: the cluster's trouble is told, and what the manifests are warned of stays. */
PM_TEST(loader_tells_the_trouble_of_the_cluster)
{
	struct pm_transport *away = answering(PM_E_UNREACHABLE, 0);
	const struct turn_opts o = { .through = away };
	struct world w;
	struct turn t;

	world_new(&w, 1);
	world_manifest(&w, "good.yaml",
		"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: web, namespace: shop}\nspec:\n"
		"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"
		"  rootfs: {storage: local-lvm, size: 4Gi}\n  password: open-secret\n");
	world_turn(&w, &o, &t);
	assert_false(t.planned);
	assert_err(-(int)t.err.code, PM_E_UNREACHABLE, &t.err, "reading the cluster");
	assert_int_equal(t.cycle.want.n, 1);
	assert_string_equal(t.cycle.want.v[0]->name, "web");
	assert_has(findings(&w, &t), "stands here for all to read");
	turn_done(&t);
	pm_transport_free(away);
	world_done(&w);
}
