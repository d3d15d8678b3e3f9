/* The manifests of one plan, read in a thread of their own while the caller's asks the cluster: neither
 * needs the other before both are there. What is wrong with the manifests ends the asking. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/pool.h"
#include "recon/recon_priv.h"

struct pm_loader {
	const struct pm_recon_ask *ask;
	struct pm_job *job;     /* the caller's */
	struct pm_cycle *cycle; /* gets the result */
	struct pm_job meanwhile;
	struct pm_cancel stop; /* of meanwhile */
	/* The thread's until it has ended. */
	struct pm_pool *pool; /* NULL: there is none, or it has ended */
	struct pm_set want;
	struct pm_load load;
	struct pm_diags diags;
	struct pm_error err; /* code PM_OK: all is well */
};

/* ---- in the thread ---- */

static int load(struct pm_loader *l)
{
	const struct pm_recon_ask *ask = l->ask;
	unsigned errors;
	int r = pm_manifest_load(ask->paths, ask->npaths, &l->want, &l->load, &l->diags, &l->err);

	if (r < 0)
		return pm_error_wrap(&l->err, "reading manifests");
	errors = l->diags.nerrors;
	if (errors > 0)
		return pm_error_set(&l->err, PM_E_INPUT, "%u error%s in manifests", errors,
			errors == 1 ? "" : "s");
	l->err.code = PM_OK;
	return 0;
}

static void load_thread(void *arg)
{
	struct pm_loader *l = arg;

	if (load(l) < 0)
		atomic_store(&l->stop.on, true);
}

/* ---- in the caller's ---- */

struct pm_loader *pm_loader_start(
	const struct pm_recon_ask *ask, struct pm_job *j, struct pm_cycle *ret)
{
	struct pm_loader *l = pm_xcalloc(1, sizeof(*l));

	l->ask = ask;
	l->job = j;
	l->cycle = ret;
	l->stop.above = j->cancel;
	l->meanwhile = *j;
	l->meanwhile.cancel = &l->stop;
	pm_diags_init(&l->meanwhile.diags, j->arena);
	if (ask->preloaded) {
		pm_cycle_take(ret, ask->preloaded);
		if (ask->preload)
			ret->load = *ask->preload;
		return l;
	}
	l->want.arena = pm_arena_new(0);
	pm_diags_init(&l->diags, l->want.arena);
	l->pool = pm_pool_new(1);
	pm_pool_run(l->pool, load_thread, l);
	return l;
}

struct pm_job *pm_loader_meanwhile(struct pm_loader *l)
{
	return &l->meanwhile;
}

int pm_loader_wait(void *loader, struct pm_error *err)
{
	struct pm_loader *l = loader;

	if (l->pool) {
		pm_pool_free(l->pool);
		l->pool = NULL;
		l->cycle->want = l->want;
		l->cycle->load = l->load;
		l->cycle->want.arena = l->job->arena;
		pm_arena_join(l->job->arena, l->want.arena);
		pm_diags_join(&l->job->diags, &l->diags);
	}
	if (l->err.code == PM_OK)
		return 0;
	*err = l->err;
	return -(int)err->code;
}

int pm_loader_end(struct pm_loader *l, int r, struct pm_error *err)
{
	struct pm_error bad;
	int wrong = pm_loader_wait(l, &bad);

	pm_diags_join(&l->job->diags, &l->meanwhile.diags);
	free(l);
	if (wrong < 0) {
		*err = bad;
		return wrong;
	}
	return r;
}
