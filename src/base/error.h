/* One error: what went wrong, where, and what the remedy is.
 *
 * A function that can fail takes `struct pm_error *err` last (never NULL) and returns 0 or a negative
 * enum pm_code. `err` is untouched on success; results are untouched on failure. Set and return in one
 * statement: `return pm_error_set(err, PM_E_INPUT, "...")`. Errors are values: copied, never freed,
 * safe to hand from thread to thread. */
#ifndef PM_BASE_ERROR_H
#define PM_BASE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/attr.h"

enum pm_code {
#define PM_CODE(id, name, retryable, exit_status, doc) PM_##id,
#include "base/codes.def"
#undef PM_CODE
	PM_CODE_MAX,
};

/** A place in a text. 1-based; 0 means unknown. `file` is borrowed. */
struct pm_pos {
	const char *file;
	unsigned line, column;
};

struct pm_error {
	enum pm_code code;
	int sys_errno;   /* 0: not from the system */
	int http_status; /* 0: not from HTTP */
	bool maybe_sent; /* the request may have reached the server: look before repeating it */
	unsigned line, column;
	char where[200]; /* "web.yaml" or "pve1 PUT /nodes/pve1/lxc/101/config"; "" when unknown */
	char msg[700];   /* "outer context: inner cause", cut with "..." */
};

/** Sets code and message (cut to fit, control characters made visible); clears the rest.
 * Returns -code. */
int pm_error_set(struct pm_error *err, enum pm_code code, const char *fmt, ...) PM_PRINTF(3, 4);

#ifdef __clang_analyzer__
/* The analyser looks into one file at a time: without this it takes what failed for a success. */
#	define pm_error_set(err, code, ...) \
		(pm_error_set((err), (code), __VA_ARGS__), -(int)(code))
#endif

/** The same for an errno; the system's text is appended after ": ". Returns -PM_E_IO. */
int pm_error_sys(struct pm_error *err, int sys_errno, const char *fmt, ...) PM_PRINTF(3, 4);

/** Puts context before the message: "context: message". Returns -err->code. */
int pm_error_wrap(struct pm_error *err, const char *fmt, ...) PM_PRINTF(2, 3);

/** Says where; returns -err->code. */
int pm_error_at(struct pm_error *err, struct pm_pos pos);
int pm_error_where(struct pm_error *err, const char *fmt, ...) PM_PRINTF(2, 3);

/** Facts of a code, from codes.def. */
bool pm_code_retryable(enum pm_code code);
int pm_code_exit(enum pm_code code);
const char *pm_code_name(enum pm_code code);
const char *pm_code_doc(enum pm_code code);

#endif
