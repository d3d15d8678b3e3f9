/* A small world for the tests of the pipeline: a simulated cluster on a clock that jumps, a folder of
 * manifests, and podmox run on them as often as a test likes. Each turn is a process of its own as far
 * as podmox is concerned: new client, new executor, nothing remembered but what stands in files. */
#ifndef PM_TEST_WORLD_H
#define PM_TEST_WORLD_H

#include "fake_transport.h"
#include "pm_test.h"
#include "recon/recon.h"
#include "sim/sim.h"

struct world {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	const char *dir;    /* manifests are in dir/manifests */
	const char *folder; /* of other manifests; NULL: those */
	struct pm_arena *arena;
	struct pm_config *config;
	unsigned workers; /* of an apply; 1 unless a test says otherwise */
	uint64_t seed;
	const char *more; /* further lines of the configuration; NULL: none */
};

void world_new(struct world *w, unsigned nodes);
void world_done(struct world *w);

/** Further lines of the configuration from here on. */
void world_config(struct world *w, const char *more);

/** Who podmox is from here on; root@pam at first. */
void world_login(struct world *w, const char *user, const char *realm, const char *password);

/** Writes a manifest, or removes it when text is NULL. */
void world_manifest(struct world *w, const char *name, const char *text);

/** One command of the simulator's control address; the answer lives until the next one. */
const char *world_control(struct world *w, const char *fmt, ...) PM_PRINTF(2, 3);

/** A call of another person, root@pam by token; the status. `form` NULL: none. Of a POST or PUT. */
int world_call(struct world *w, const char *method, const char *path, const char *form);

/** The same, and the body of the answer; nothing is printed. */
int world_ask(struct world *w, const char *method, const char *path, const char *form,
	struct pm_buf *ret);

/** Lets time pass. */
void world_wait(struct world *w, unsigned seconds);

/** A transport to the simulator. */
struct pm_transport *world_wire(struct world *w) PM_CHECK;

/** How a turn is made. Zero is what `podmox apply --yes manifests/` does. */
struct turn_opts {
	struct pm_plan_opts plan;     /* max_deletes 0 is taken as the default */
	struct pm_transport *through; /* NULL: a new wire; else used and not freed */
	struct pm_cancel *cancel;
	const struct pm_set *preloaded;
	pm_event_fn *event;
	void *event_arg;
	void (*between)(struct world *w, void *arg); /* after the plan, before the apply */
	void *between_arg;
	bool plan_only, exact, readonly;
	const char *journal_dir; /* NULL: the world's own */
};

/** What came of it. Owner: the test (turn_done). */
struct turn {
	struct pm_arena *arena;
	struct pm_recon *rc;
	struct pm_job job;
	struct pm_cycle cycle;
	struct pm_error err; /* of plan or apply as a whole; code PM_OK: they came to their end */
	bool planned, applied;
	int status; /* as the program would exit */
};

void world_turn(struct world *w, const struct turn_opts *o, struct turn *ret);
void turn_done(struct turn *t);

/** Applies and wants success; plans and wants nothing to do. Fails with the plan's text otherwise. */
void world_apply(struct world *w);
void world_in_sync(struct world *w);

/** Was every action done? What no action can do, as a volume that would have to shrink, does not count. */
bool turn_went_well(const struct turn *t);

/** The result of an object in the turn ("Pod/shop/web"); fails when it has no action. */
const struct pm_result *turn_result(const struct turn *t, const char *id);
const struct pm_action *turn_action(const struct turn *t, const char *id);

/** Was every action done, it must have been; ends the turn. The plan as text, in the world's arena. */
const char *world_applied(struct world *w, struct turn *t);

/** The plan as text; lives as long as the turn. */
const char *turn_plan(struct turn *t);

/** VMID of the guest with our marker of that object; 0: there is none. Fails when there are two. */
unsigned world_vmid(struct world *w, const char *id);

/** How many containers the cluster has. */
unsigned world_guests(struct world *w);

#endif
