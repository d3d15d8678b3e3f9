/* Small parts of the pipeline that its reader need not see. */
#ifndef PM_RECON_PRIV_H
#define PM_RECON_PRIV_H

#include "recon/recon.h"

/** The client that is inside. */
struct pm_pve *pm_recon_pve(struct pm_recon *rc);

/** Passes calls on to a transport that stays its owner's. */
struct pm_transport *pm_transport_borrow(struct pm_transport *t) PM_CHECK;

/** The objects of a set that was put together elsewhere, as new as those of a load: they may have been
 * planned before. */
void pm_cycle_take(struct pm_cycle *c, const struct pm_set *preloaded);

/** The manifests of a plan (or the set that was put together elsewhere), read in a thread of their own. */
struct pm_loader;

/** Starts the reading; what it finds becomes j's and ret's when it is waited for, before that nobody may
 * look at ret->want and ret->load. A set from elsewhere is there at once. Owner: the caller
 * (pm_loader_end). */
struct pm_loader *pm_loader_start(
	const struct pm_recon_ask *ask, struct pm_job *j, struct pm_cycle *ret) PM_CHECK;

/** The job for what is done meanwhile: cancelled when j is, and as soon as the manifests prove wrong. */
struct pm_job *pm_loader_meanwhile(struct pm_loader *l);

/** Waits until the manifests are read. Fails when there is an error in them. `await` of a pm_scope. */
int pm_loader_wait(void *loader, struct pm_error *err) PM_CHECK;

/** Waits, and ends it. `r` and err: what came of the things done meanwhile. What is wrong with the
 * manifests counts before that: -code of them, else r. */
int pm_loader_end(struct pm_loader *l, int r, struct pm_error *err) PM_CHECK;

#endif
