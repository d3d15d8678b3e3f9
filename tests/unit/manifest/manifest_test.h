/* Helpers of the tests of this room. */
#ifndef PM_MANIFEST_TEST_H
#define PM_MANIFEST_TEST_H

#include <string.h>

#include "manifest/manifest.h"
#include "pm_test.h"

/* One text or load, with all that belongs to it. */
struct loaded {
	struct pm_arena *arena;
	struct pm_set set;
	struct pm_load load;
	struct pm_diags diags;
	struct pm_error err;
	int r;
	char *text; /* the findings as they are printed */
};

/* The start of a Pod and what every Pod needs; more rows may follow. */
#define POD(name)                                                               \
	"apiVersion: podmox/v1\nkind: Pod\nmetadata: {name: " name "}\nspec:\n" \
	"  image: local:vztmpl/debian-12-standard_12.7-1_amd64.tar.zst\n"       \
	"  rootfs: {storage: local-lvm, size: 8Gi}\n"

void parse_text(struct loaded *l, const char *text, size_t n);
void load_paths(struct loaded *l, const char *const *paths, size_t n);
void load_path(struct loaded *l, const char *path);
void loaded_done(struct loaded *l);

/* The text parses without any finding, and the object of that name is in it. */
struct pm_obj *pod_of(struct loaded *l, const char *name);

/* Writes the set, reads what was written, and compares. */
void assert_round_trip(const struct pm_set *s);

#endif
