/* The reconciler: a directory of manifests against a cluster. */
#ifndef PODMOX_PLAN_H
#define PODMOX_PLAN_H

#include <podmox/error.h>
#include <podmox/value.h>

PODMOX_BEGIN

typedef struct podmox_plan podmox_plan;

/** What to plan. Zero means no, none or the default. */
typedef struct podmox_plan_options {
	size_t size;              /* of this structure */
	const char *config_file;  /* NULL: where the program looks for it */
	const char *const *paths; /* files and directories of manifests */
	size_t npaths;
	int dry_run; /* 1: podmox_plan_apply refuses, and no lock is taken */
	int prune;   /* delete what the set owns and the manifests no longer name */
	int allow_restart, allow_replace;
	const char *max_deletes; /* "3", "10%"; NULL: 3 or 10 %, the larger one */
	const char *target;      /* "Pod/shop/web": only this */
	unsigned parallelism;    /* actions at once; 0: 4 */
} podmox_plan_options;

#define PODMOX_PLAN_OPTIONS_INIT                                                      \
	{                                                                             \
		sizeof(podmox_plan_options), NULL, NULL, 0, 0, 0, 0, 0, NULL, NULL, 0 \
	}

/** Reads and checks manifests; no network. *ret (may be NULL): a list of findings, objects with severity,
 * file, line, column, message, hint. PODMOX_E_INPUT when there is an error among them (*ret is set then, too). */
PODMOX_API int podmox_manifests_check(
	const char *const *paths, size_t npaths, podmox_value **ret, podmox_error **err);

/** Reads manifests and cluster, and makes the plan. *ret: podmox_plan_free. Everything that happens later
 * with the plan is in the same thread. PODMOX_E_INPUT: the message holds the first findings. */
PODMOX_API int podmox_plan_make(
	const podmox_plan_options *options, podmox_plan **ret, podmox_error **err);
PODMOX_API void podmox_plan_free(podmox_plan *p);

/** Actions in it, those that change nothing ("keep") included; and is anything to be done? 1 or 0. */
PODMOX_API size_t podmox_plan_size(const podmox_plan *p);
PODMOX_API int podmox_plan_pending(const podmox_plan *p);

/** The plan as a tree, as `podmox plan -o json` prints it; and as text for people. Borrowed. */
PODMOX_API const podmox_value *podmox_plan_value(podmox_plan *p);
PODMOX_API const char *podmox_plan_text(podmox_plan *p);

/** What happens during an apply; one call at a time, from threads of the library. */
typedef struct podmox_event {
	size_t size;      /* of this structure as the library knows it */
	const char *type; /* start, progress, wait, done, failed, skipped */
	const char *kind, *name_space, *name;
	const char *text; /* "" none */
} podmox_event;
typedef void podmox_event_fn(void *arg, const podmox_event *event);

/** Does what the plan says, and checks by reading back. `fn` may be NULL. *ret (may be NULL): a list of
 * results, objects with kind, namespace, name, verb, outcome, vmid, error. 0: all of it is done;
 * otherwise the class that all failures agree on, or PODMOX_E_TASK. Once for each plan. */
PODMOX_API int podmox_plan_apply(
	podmox_plan *p, podmox_event_fn *fn, void *arg, podmox_value **ret, podmox_error **err);

/** Ends an apply: no new actions; those under way are followed. Safe in a signal handler and from any thread. */
PODMOX_API void podmox_plan_cancel(podmox_plan *p);

/** JSON Schema of a kind ("Pod", "Config"; NULL: of all manifests) as a tree. PODMOX_E_USAGE: there is no such
 * kind. */
PODMOX_API int podmox_schema(const char *kind, podmox_value **ret, podmox_error **err);

PODMOX_END

#endif
