/* A transport to a simulated cluster in this process: no socket, no thread, time is the simulator's
 * clock. Linked into the tests of the rooms that talk to a cluster (UNIT_WITH_SIM of the Makefile). */
#ifndef PM_TEST_SIM_TRANSPORT_H
#define PM_TEST_SIM_TRANSPORT_H

#include "net/net.h"
#include "sim/sim.h"

/** The host named "pveN" is node N of the simulator, any other is the first. `sim` and `clock` are
 * borrowed. Thread-safe, together with all others of its kind: one call is served after the other, in the
 * thread that asks. */
struct pm_transport *pm_sim_transport_new(
	struct pm_sim *sim, const struct pm_clock *clock) PM_CHECK;

/** pm_sim_control() while such transports may be in use by other threads. */
int pm_sim_transport_control(struct pm_sim *sim, const char *line, char *out, size_t size);

#endif
