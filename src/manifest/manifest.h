/* YAML to a desired set: positions on every value, all findings in one pass, cross-object checks. Also
 * reads the configuration file, which is one more kind. Never writes a user's file. No network. */
#ifndef PM_MANIFEST_MANIFEST_H
#define PM_MANIFEST_MANIFEST_H

#include "model/obj.h"

#define PM_MANIFEST_MAX_FILE  ((size_t)1 << 20) /* bytes of one file */
#define PM_MANIFEST_MAX_DEPTH 64
#define PM_MANIFEST_MAX_NODES \
	10000 /* of one document after aliases are expanded, beyond what was written */

struct pm_load_file {
	const char *path;
	uint64_t hash; /* of the content; 0: could not be read */
	bool good;     /* no error in it, nor in how its objects fit the others */
};

/** What a load found out besides the objects. */
struct pm_load {
	bool single_file; /* the paths name files, not only folders: no prune */
	bool whole;       /* everything was read and understood: prune may be thought of */
	unsigned nfiles, ndocs;
	const char *root;   /* of the marker: the folder below its repository, "." for that itself;
			       absolute where there is no repository; several are joined by ':' */
	uint64_t tree_hash; /* over names and contents of all files, in order */
	struct pm_load_file *files; /* sorted by path */
	size_t nloaded;
	const struct pm_set
		*out; /* sorted: objects that stand in files and are not in the set, since
				     something is wrong with them; NULL: none */
};

/** Loads every *.yaml and *.yml below the folders and files named, links them (pm_manifest_link), and
 * sorts set and findings. Everything lives in the arena of the set. Hidden files and folders are left out; links are followed inside of a folder.
 * Findings about content and about files that cannot be read go to d (errors there: the set is
 * incomplete). Fails (err) only when a path itself cannot be read or is no manifest. No object at all is
 * an error in d. */
int pm_manifest_load(const char *const *paths, size_t npaths, struct pm_set *ret,
	struct pm_load *ret_load, struct pm_diags *d, struct pm_error *err) PM_CHECK;

/** `hash` of a content in a pm_load_file. */
uint64_t pm_manifest_hash(const char *s, size_t n);

/** One file below a folder, or a place that could not be read. */
struct pm_found {
	const char *path; /* in the arena */
	const char *text; /* valid during the call; NULL: it could not be read */
	size_t n;
	const char *why; /* then: what is wrong, and how to mend it */
	const char *hint;
};
typedef void pm_found_fn(void *arg, const struct pm_found *f);

/** Calls for every manifest below a folder (or for the file named), in the order of their paths, and for
 * every place that cannot be read though it should. Fails only when the path itself cannot be read. For
 * those who keep texts; pm_manifest_load is made of it. */
int pm_manifest_walk(struct pm_arena *a, const char *path, pm_found_fn *fn, void *arg,
	struct pm_error *err) PM_CHECK;

/** The same for those who keep what they have read. `known` is asked before a file below a folder is read; true:
 * it need not be, and `fn` is not called for it. */
struct stat;
typedef bool pm_known_fn(void *arg, const char *path, const struct stat *st);
struct pm_walker {
	pm_found_fn *fn;
	pm_known_fn *known; /* NULL: all are read */
	void *arg;
	bool *links; /* set to true when there are symbolic links; NULL: nobody asks */
};
int pm_manifest_walk_changed(struct pm_arena *a, const char *path, const struct pm_walker *walker,
	struct pm_error *err) PM_CHECK;

/** The same for the entries named only, paths below the folder; for folders without symbolic links. false: there
 * is more to it than files that are there (one is gone, or is a link or a folder): walk all. */
bool pm_manifest_walk_named(struct pm_arena *a, const char *path, const char *const *names,
	size_t n, const struct pm_walker *walker) PM_CHECK;

/** `root` of a load of these paths. */
const char *pm_manifest_root(struct pm_arena *a, const char *const *paths, size_t n);

/** Parses one text, adds its objects to ret, and checks each of them (pm_obj_check). An object with an
 * error may be in ret too. Pure: the fuzz target. `name` must outlive the arena. */
void pm_manifest_parse(struct pm_arena *a, const char *name, const char *text, size_t len,
	struct pm_set *ret, struct pm_diags *d);

/** Resolves dependsOn; finds duplicates of identity, VMID and address (on one bridge and VLAN), unknown
 * references and circles. Sorts the set. pm_manifest_load does it itself. */
void pm_manifest_link(struct pm_set *s, struct pm_diags *d);

/** Reads and checks a configuration file. *ret is a record of pm_kind_config, with positions. Findings in
 * d; -PM_E_INPUT when there is an error among them. */
int pm_manifest_config(struct pm_arena *a, const char *path, struct pm_rec **ret,
	struct pm_diags *d, struct pm_error *err) PM_CHECK;

/** Writes objects as manifests, one document each: what the spec sets, in table order. Reading them
 * again gives equal objects, but for secrets that stand in the text itself: they are left out. */
void pm_manifest_write(const struct pm_set *s, struct pm_buf *out);

#endif
