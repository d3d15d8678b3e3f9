/* Inside of the board: what its files share. */
#ifndef PM_DAEMON_BOARD_PRIV_H
#define PM_DAEMON_BOARD_PRIV_H

#include <pthread.h>

#include "base/vec.h"
#include "daemon/board.h"

/** Parts whose texts live and die together, each in an arena of its own. */
enum pm_board_part {
	PM_PART_NAMES,
	PM_PART_DOING,
	PM_PART_NEXT,
	PM_PART_WANTED,
	PM_PART_APPLIED,
	PM_PART_HELD,
	PM_PART_SOURCE,
	PM_PART_LOCK,
	PM_PART_CONFIG,
	PM_PART_CLUSTER,
	PM_PART_CYCLE,
	PM_PART_OBJECTS,
	PM_PART_FILES,
	PM_PART_MAX,
};

/** What was asked of one object or of all; its texts live in `a`. */
struct pm_board_asked {
	struct pm_arena *a;
	struct pm_board_suspension s;
};

struct pm_board {
	const struct pm_clock *clock;
	char *journal_dir; /* NULL: no files */
	char *set;
	void (*wake)(void *arg);
	void *wake_arg;
	/* The order of the two: `files` first. Writing a file needs `files` alone, so nobody who reads the
	 * board waits for a disk. */
	pthread_mutex_t files, mutex;

	/* Below `mutex`. Lists that grow one by one are not in `now`. */
	struct pm_board_view now;
	struct pm_arena *part[PM_PART_MAX];
	PM_VEC(struct pm_board_asked) asked;
	PM_VEC(char *) approved;
	struct pm_board_entry *entry; /* a ring */
	struct pm_arena **entry_arena;
	size_t nring, nentries, first;

	/* Below `files`. */
	pm_board_listener_fn *listener; /* NULL: nobody */
	void *listener_arg;
	unsigned lines;      /* in the file of the history */
	bool torn;           /* its end is no whole line */
	bool history_broken; /* it cannot be written; told once */
};

/* ---- board.c ---- */

void pm_board_lock(struct pm_board *b);
void pm_board_unlock(struct pm_board *b);
/** Replaces a text of an arena's life; NULL stays NULL. */
void pm_board_own(struct pm_arena *a, const char **s);
void pm_board_own_suspension(struct pm_arena *a, struct pm_board_suspension *s);

/* ---- board_file.c: what outlives the daemon ---- */

void pm_board_files_read(struct pm_board *b);
/** Appends an entry that is in the ring already. The caller holds `files`. */
void pm_board_history_write(struct pm_board *b, const struct pm_board_entry *e);
/** Writes down what is asked: the board as it is. The caller holds `files`. */
int pm_board_asked_write(struct pm_board *b, struct pm_error *err) PM_CHECK;

/* ---- board_ask.c ---- */

void pm_board_put(struct pm_board *b, const struct pm_board_suspension *s);
void pm_board_drop(struct pm_board *b, struct pm_board_asked *x);

/** Adds to the ring. The caller holds `mutex`. */
void pm_board_remember(struct pm_board *b, const struct pm_board_entry *e);

#endif
