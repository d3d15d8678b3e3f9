/* A simulated cluster in this process with a folder of manifests, a board, and a keeper to run cycles by hand. */
#ifndef PM_TEST_HOUSE_H
#define PM_TEST_HOUSE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/text.h"
#include "daemon/daemon_priv.h"
#include "pm_test.h"
#include "sim_transport.h"

#define HOUSE_IMAGE "local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst"
#define HOUSE_POD(name, vmid, more)                                                    \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name "}\nspec:\n"        \
	"  image: " HOUSE_IMAGE "\n  node: pve1\n  vmid: " vmid "\n  state: stopped\n" \
	"  rootfs: {storage: local-lvm, size: 1Gi}\n  resources: {memory: 256Mi}\n" more

struct house {
	struct pm_test_clock clock;
	struct pm_sim *sim;
	struct pm_transport *wire;
	struct pm_arena *arena;
	struct pm_config *config;
	const char *dir;
	char folder[2048];
	struct pm_daemon_opts o;
	struct pm_board *board;
	struct pm_cancel cancel;
	struct pm_keeper keeper;
	struct pm_outcome_of_cycle out;
};

/** Two pods, a and b, that are wanted on a cluster of two nodes; `sync`: more lines of the configuration. */
void house_start(struct house *h, const char *sync);
/** Writes another configuration in its place, and reads nothing. */
const char *house_config(struct house *h, const char *set, const char *sync);
void house_open(struct house *h); /* the keeper and its board */
void house_done(struct house *h);
void house_cycle(struct house *h, unsigned reasons);
/** A word to the simulator's control; its answer, until the next one. */
const char *house_control(struct house *h, const char *line);
void house_good(const struct house *h);
/** The board with all its parts, in the arena of the house. */
struct pm_board_view house_view(struct house *h);
/** Writes a manifest; text NULL: removes it. */
void house_put(struct house *h, const char *name, const char *text);

/** What is written to stderr between the two calls; the text is the caller's to free. */
int house_divert(FILE **ret);
char *house_undivert(FILE *f, int old);

#endif
