/* Inside of the daemon: what is not done now, though it differs. Between plan and apply each reason in turn
 * makes actions leave their objects as they are; what is left is applied. */
#ifndef PM_DAEMON_HOLD_H
#define PM_DAEMON_HOLD_H

#include "base/map.h"
#include "base/random.h"
#include "daemon/board.h"

/* ---- fails.c: objects that fail, each with its own patience ---- */

struct pm_fail {
	unsigned attempts; /* in a row */
	uint64_t next;     /* monotonic: not before; 0: at once */
	enum pm_code code;
	char *why;
	char id[];
};

struct pm_fails {
	struct pm_map map; /* by id, in the order of first failure */
	struct pm_random random;
};

void pm_fails_init(struct pm_fails *f, uint64_t seed); /* 0: the system's chance */
void pm_fails_done(struct pm_fails *f);
/** NULL: it does not fail. */
struct pm_fail *pm_fails_get(const struct pm_fails *f, const char *id);
void pm_fails_add(struct pm_fails *f, const char *id, const struct pm_error *err, uint64_t now);
void pm_fails_drop(struct pm_fails *f, const char *id);
/** All may be tried at once: the manifests changed, or somebody asks. How often they failed stays known. */
void pm_fails_release(struct pm_fails *f);
/** When the first one may be tried again; 0: none fails. */
uint64_t pm_fails_next(const struct pm_fails *f);

/* ---- window.c: when what may be done ---- */

/** What an action does to its guest, as bits of the choices of `impacts`. */
enum pm_window_impact {
	PM_WIN_LIVE = 1 << 0,
	PM_WIN_RESTART = 1 << 1,
	PM_WIN_RESIZE = 1 << 2,
	PM_WIN_MOVE = 1 << 3,
	PM_WIN_MIGRATE = 1 << 4,
	PM_WIN_REPLACE = 1 << 5,
	PM_WIN_DESTROY = 1 << 6,
	PM_WIN_CREATE = 1 << 7,
	PM_WIN_POWER = 1 << 8, /* starts and stops */
};

struct pm_window {
	unsigned days;     /* bit 0: Sunday */
	unsigned from, to; /* minutes of the day; to is not above from: ends on the next day */
	unsigned impacts;
};

/** Reads sync.windows of a configuration into the arena; an impact that stands in no window is free. */
size_t pm_windows_read(const struct pm_rec *config, struct pm_arena *a, struct pm_window **ret);

/** Bits of what the action does. */
unsigned pm_window_impacts(const struct pm_action *a);

/** May all of `impacts` be done at that time, in the local zone? Otherwise *ret_next is when they may; 0:
 * never. */
bool pm_windows_open(
	const struct pm_window *v, size_t n, unsigned impacts, int64_t wall_ms, int64_t *ret_next);

/** The name of the lowest bit: "restart". */
const char *pm_window_impact_name(unsigned impacts);

/* ---- hold.c ---- */

/** Why an action was held, parallel to the plan's; of the others `verb` is the plan's own. */
struct pm_held {
	bool yes, hard; /* hard: what waits for it is held, too */
	bool drift;     /* it was in sync by these manifests */
	enum pm_sync sync;
	enum pm_verb verb; /* that it had */
	const char *by;
	int64_t next_ms;
};

struct pm_holding {
	struct pm_plan *plan;
	struct pm_arena *a;
	struct pm_held *v;
	const struct pm_clock *clock;
	int64_t next_ms; /* wall clock: when the first of them may be done; 0: none by itself */
};

void pm_hold_begin(
	struct pm_holding *h, struct pm_plan *p, struct pm_arena *a, const struct pm_clock *clock);
/** Everything. */
void pm_hold_all(struct pm_holding *h, enum pm_sync sync, const char *reason);
/** What has drifted, or (`all`) everything but, with `confirm`, the removals that were asked for. */
void pm_hold_drift(struct pm_holding *h, bool all, bool confirm);
#define PM_NOT_HEALED "drift, and sync.heal is off"
/** What somebody has suspended: some objects, or all. */
void pm_hold_suspended(struct pm_holding *h, struct pm_board *b);
/** What has failed and is not due; while anything fails nothing is removed. */
void pm_hold_failing(struct pm_holding *h, const struct pm_fails *f);
/** What is outside of its maintenance windows. */
void pm_hold_outside(struct pm_holding *h, const struct pm_window *v, size_t n);

/** "Pod/shop/web" of an action. */
const char *pm_action_id(struct pm_arena *a, const struct pm_action *action);

#endif
