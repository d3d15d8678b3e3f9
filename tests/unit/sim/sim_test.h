/* A simulated cluster on a clock that jumps, and short ways to ask it. */
#ifndef PM_TEST_SIM_H
#define PM_TEST_SIM_H

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "pm_test.h"
#include "sim/sim.h"

#define TEMPLATE "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
#define MINIMAL \
	"ostemplate=local%3Avztmpl%2Fdebian-12-standard_12.7-1_amd64.tar.zst&rootfs=local%3A1"

struct world {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	char cookie[400], csrf[200];
	unsigned node; /* who is asked */
};

/** One answer; the next one takes its place. */
struct answer {
	int status;
	char reason[1024];
	struct json_object *json; /* all of the body; NULL: none, or no JSON */
	char text[4096];          /* the body's beginning */
	enum pm_sim_fault fault;
	uint64_t took_ns;
	unsigned retry_after_s;
};

/** Logs in as root@pam unless the options forbid it. */
void world_open(struct world *w, struct pm_sim_options o);
void world_close(struct world *w);

/** Asks below /api2/json with the ticket; `body` is a form, NULL: none. */
const struct answer *ask(struct world *w, const char *method, const char *path, const char *body);

/** The same with a header "Authorization" instead of the ticket; "" asks as nobody. */
const struct answer *ask_as(struct world *w, const char *authorization, const char *method,
	const char *path, const char *body);

/** Asks, expects a task, lets it end and gives its exit status. */
const char *run(struct world *w, const char *method, const char *path, const char *body);

/** A member of `data`: "" when it is not there. */
const char *data(const struct answer *a, const char *key);
/** `data` itself as text. */
const char *whole(const struct answer *a);
/** The error of a parameter, "" when there is none. */
const char *error_of(const struct answer *a, const char *key);
/** The row of /cluster/resources of a guest; NULL: none. */
struct json_object *row_of(struct world *w, unsigned vmid);
/** A member of the row of `key` in a list of {key, ...}. */
const char *pending(struct world *w, unsigned vmid, const char *key, const char *member);

void forward(struct world *w, uint64_t ms);
const char *control(struct world *w, const char *line);

#endif
