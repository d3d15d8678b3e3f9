/* A process that is killed, as a cluster sees it. */
#ifndef PM_TEST_KILLED_H
#define PM_TEST_KILLED_H

#include "net/net.h"
#include "world.h"

/** From the nth request on nothing reaches the inner transport any more; the nth does, but its answer is lost, and
 * `cancel` is on. Freed with pm_transport_free, which frees the inner one too. */
struct pm_transport *pm_killed_new(
	struct pm_transport *inner, unsigned nth, struct pm_cancel *cancel) PM_CHECK;

/** Requests so far, sent or not. */
unsigned pm_killed_calls(const struct pm_transport *t);

/** One turn through `wire` (which it frees) that is killed at its nth request; `journal` false: nor is its journal
 * left. Whether there was such a request. */
bool killed_turn(struct world *w, const struct turn_opts *o, struct pm_transport *wire,
	unsigned nth, bool journal);

#endif
