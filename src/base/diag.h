/* Findings about an input: many, in one pass, each with its place. */
#ifndef PM_BASE_DIAG_H
#define PM_BASE_DIAG_H

#include <stdio.h>

#include "base/arena.h"
#include "base/error.h"

enum pm_severity { PM_NOTE, PM_WARNING, PM_ERROR };

struct pm_jwrite;

struct pm_diag {
	struct pm_diag *next;
	enum pm_severity severity;
	struct pm_pos pos;  /* the column counts characters, not bytes */
	unsigned length;    /* of what the caret marks, in characters; 0: one */
	const char *msg;    /* what is wrong: lower case, no full stop */
	const char *hint;   /* how to mend it; NULL: none */
	const char *source; /* the source line; NULL: not at hand */
};

/** A list of findings. Everything in it lives in the arena. Belongs to one thread at a time. */
struct pm_diags {
	struct pm_arena *arena;
	struct pm_diag *first, **last;
	unsigned nerrors, nwarnings, nnotes;
};

void pm_diags_init(struct pm_diags *d, struct pm_arena *arena);

/** Adds a finding and returns it, so that hint, length and source can be set. pos.file is copied only
 * by reference: it must live as long as the arena. */
struct pm_diag *pm_diag_add(struct pm_diags *d, enum pm_severity severity, struct pm_pos pos,
	const char *fmt, ...) PM_PRINTF(4, 5);
void pm_diag_hint(struct pm_diags *d, struct pm_diag *diag, const char *fmt, ...) PM_PRINTF(3, 4);

/** Appends what `from` holds, in its order; `from` is empty then. Their arena has to live on: join it,
 * where it is another one. */
void pm_diags_join(struct pm_diags *into, struct pm_diags *from);

/** Sorts by file, line, column; at equal places the order of adding is kept. */
void pm_diags_sort(struct pm_diags *d);

/** Prints "file:line:col: error: msg", the source line, a caret and "help: hint"; a note in one line. At most `most`
 * findings (0: all), then a count of what is left. Control characters are made visible. */
void pm_diags_print(const struct pm_diags *d, FILE *out, unsigned most);

const char *pm_severity_name(enum pm_severity s);

/** One finding as a JSON object, an element of the array that w is in. */
void pm_diag_json(struct pm_jwrite *w, const struct pm_diag *d);

#endif
