/* YAML to a desired set: positions on every value, all findings in one pass, cross-object checks. Also
 * reads the configuration file, which is one more kind. Never writes a user's file. No network. */
#ifndef PM_MANIFEST_MANIFEST_H
#define PM_MANIFEST_MANIFEST_H

#include "model/obj.h"

#define PM_MANIFEST_MAX_FILE  ((size_t)1 << 20) /* bytes of one file */
#define PM_MANIFEST_MAX_DEPTH 64
#define PM_MANIFEST_MAX_NODES 10000 /* of one document after aliases are expanded, beyond what was written */

/** What a load found out besides the objects. */
struct pm_load {
	bool single_file;    /* the paths name files, not one directory: no prune */
	bool whole;          /* everything was read and understood: prune may be thought of */
	unsigned nfiles, ndocs;
	const char *root;    /* of the marker: the directory relative to its repository, see manifest/root.c */
	uint64_t tree_hash;  /* over names and contents of all files, in order */
	/* Per file, for a daemon that keeps what was good: */
	struct pm_load_file *files; /* sorted by path */
	size_t nloaded;
};

struct pm_load_file {
	const char *path;
	uint64_t hash;   /* of the content; 0: could not be read */
	bool good;       /* no error in it */
};

/** Loads every *.yaml and *.yml below the directories and files named, sorted; links in one set.
 * Findings about content go to d (errors there: the set is incomplete). Fails (err) only when a path
 * itself cannot be read. A directory without any object is an error in d. */
int pm_manifest_load(struct pm_arena *a, const char *const *paths, size_t npaths, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d, struct pm_error *err) PM_CHECK;

/** Parses one text, adds its objects to ret. Pure: the fuzz target. `name` must outlive the arena. */
void pm_manifest_parse(struct pm_arena *a, const char *name, const char *text, size_t len,
	struct pm_set *ret, struct pm_diags *d);

/** Resolves dependsOn; finds duplicates of identity, VMID and address, unknown references and cycles.
 * Sorts the set. `vmids`: the configured range, for a warning; NULL: none. */
void pm_manifest_link(struct pm_set *s, struct pm_diags *d);

/** Reads and checks a configuration file. *ret is a record of pm_kind_config. Findings in d. */
int pm_manifest_config(struct pm_arena *a, const char *path, struct pm_rec **ret, struct pm_diags *d,
	struct pm_error *err) PM_CHECK;

/** Writes objects as manifests (what the spec sets, in table order). */
void pm_manifest_write(const struct pm_set *s, struct pm_buf *out);

#endif
