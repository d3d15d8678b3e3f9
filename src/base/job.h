/* What a piece of work carries around: a cycle has one, each action on a worker has its own. */
#ifndef PM_BASE_JOB_H
#define PM_BASE_JOB_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/diag.h"

struct pm_job {
	struct pm_arena *arena;
	struct pm_diags diags;
	struct pm_cancel *cancel; /* shared; may be NULL */
	const struct pm_clock *clock;
	/** Told of each task that a call of this job started at a server, before its end is awaited; NULL:
	 * nobody wants to know. */
	void (*started)(void *arg, const char *task);
	void *started_arg;
};

#endif
