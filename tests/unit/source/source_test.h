/* A bare repository, a clone to commit in, and a source that reads it: all in a folder of the test. */
#ifndef SOURCE_TEST_H
#define SOURCE_TEST_H

#include "base/arena.h"
#include "pm_test.h"
#include "source/source_priv.h"

struct world {
	const char *dir, *remote, *work, *journal, *base;
	struct pm_arena *arena;
	struct pm_rec *rec;
	struct pm_source *source;
	struct pm_source_state state;
	struct pm_error err;
	struct pm_buf out; /* of the last command, without its last line end */
};

/** Makes all of it; the branch main has one commit with live/web.yaml. */
struct world *world_new(void);
void world_free(struct world *w);

/** Sets a row of the configuration; for lists once for each item. */
void world_set(struct world *w, unsigned row, const char *text);
void world_unset(struct world *w, unsigned row);

/** Opens the source anew, as another process would. */
void world_open(struct world *w);

/** One look, and the state it leaves. */
int world_look(struct world *w);
/** The same, which must succeed. */
void world_see(struct world *w);

/** Runs a program; words are separated by blanks, %s is one word whatever it holds. It must succeed. The
 * first word "git" means git in the clone, "bare" git in the bare repository. */
void world_run(struct world *w, const char *words, ...) PM_PRINTF(2, 3);
/** The same with a text as stdin. */
void world_run_with(struct world *w, const char *in, size_t n, const char *words, ...)
	PM_PRINTF(4, 5);

/** Writes a file in the clone. */
void world_file(struct world *w, const char *name, const char *text);
/** Commits all and pushes; returns the name of the commit, in the arena. */
const char *world_push(struct world *w, const char *message);
/** Makes the branch the commit that the last command named. */
void world_point(struct world *w);
/** Writes, commits, pushes. */
const char *world_commit(struct world *w, const char *name, const char *text);

/** The text of a file below the folder that is to be loaded; NULL: there is none. */
const char *world_text(struct world *w, const char *name);

/** A path below a folder, in the arena. */
const char *world_path(struct world *w, const char *dir, const char *name);

#endif
