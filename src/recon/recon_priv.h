/* Small parts of the pipeline that its reader need not see. */
#ifndef PM_RECON_PRIV_H
#define PM_RECON_PRIV_H

#include "recon/recon.h"

/** Passes calls on to a transport that stays its owner's. */
struct pm_transport *pm_transport_borrow(struct pm_transport *t) PM_CHECK;

/** The objects of a set that was put together elsewhere, as new as those of a load: they may have been
 * planned before. */
void pm_cycle_take(struct pm_cycle *c, const struct pm_set *preloaded);

#endif
