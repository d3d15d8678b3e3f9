/* Objects and sets: what a repository wants and what a cluster has, in one type. */
#ifndef PM_MODEL_OBJ_H
#define PM_MODEL_OBJ_H

#include "base/diag.h"
#include "base/vec.h"
#include "model/value.h"

struct pm_marker;

/** A change that PVE has written down and applies at the next start of the guest. */
struct pm_pending {
	const struct pm_field *field; /* NULL: a key we do not know */
	unsigned slot;
	const char *key;      /* "net0" */
	const char *in_force; /* the value now; NULL: absent */
	bool stale; /* it waits with a size that the volume has outgrown: to be written again */
};

/** What is known only of a guest that exists. */
struct pm_live {
	unsigned vmid;
	const char *node;
	const char *status;             /* "running", "stopped", "unknown" */
	const char *lock;               /* NULL: none */
	const char *pool;               /* NULL: none */
	const char *tags;               /* as in the inventory, joined by ';'; NULL: none */
	const char *hastate;            /* NULL: not managed by HA */
	const char *digest;             /* NULL: the configuration was not read */
	const char *ha_digest;          /* of all HA resources, where it has one that was read */
	const char *type;               /* "lxc" or "qemu" */
	const struct pm_marker *marker; /* NULL: none */
	const char *marker_fault;       /* why a marker could not be understood; NULL: fine */
	const struct pm_pending *pending;
	unsigned npending;
	const struct pm_list *unused; /* volumes that hang unused on the guest; NULL: none */
	const unsigned *unused_at;    /* N of their keys "unusedN", parallel to unused->v */
	const struct pm_list *keys;   /* PVE keys that are set: "memory", "net0"; NULL: not read */
	bool template_;
	bool unreachable; /* its node does not answer: unknown, not missing */
	bool unread;      /* its configuration could not be read: unknown */
	const char *unread_why;
	uint64_t row; /* fingerprint of its row in the inventory */
};

/** One object. Desired: live is NULL. Live: file is NULL; a guest whose configuration was not read (not
 * ours) has no spec. Life: the arena's. */
struct pm_obj {
	const struct pm_kind *kind;
	const char *ns, *name; /* of a live guest: from its marker, else "" and PVE's name */
	const struct pm_list *labels;
	const char *file;
	unsigned line, column;
	struct pm_rec *spec;
	struct pm_live *live;
	const char *podset; /* the PodSet that it is one of; NULL: none */
	unsigned ordinal;   /* there */
	const struct pm_list
		*left; /* what the configuration leaves to others (model/ignore.h); NULL: nothing */
	const struct pm_obj **deps; /* resolved dependsOn */
	unsigned ndeps;
};

/** What is known of the cluster as a whole. */
struct pm_node {
	const char *name;
	bool online;
};
struct pm_facts {
	const char *cluster; /* name in our configuration */
	const char *version; /* "9.2.1"; NULL: not asked */
	bool quorate;        /* a node that stands alone counts */
	bool complete;       /* absence can be believed */
	const char *incomplete_why;
	bool root_pam; /* logged in as root@pam with a password */
	const struct pm_node *nodes;
	unsigned nnodes;
	const char *const *pools; /* that exist, as far as seen */
	unsigned npools;
	unsigned nguests; /* rows of the inventory */
	unsigned nread;   /* configurations read */
	unsigned nknown;  /* of them, from before: nothing told of a change */
	uint64_t took_ns;
};

/** A PodSet without a Pod: nothing but its name is left of it. */
struct pm_no_pods {
	const char *ns, *name;
	const struct pm_no_pods *next;
};

/** A set of objects. Its memory is the arena's, but for `v`, which pm_set_done frees. */
struct pm_set {
	struct pm_arena *arena;
	struct pm_obj **v;
	size_t n, cap;
	bool sorted;           /* by pm_set_sort, and nothing added since */
	struct pm_facts facts; /* of a live set */
	const struct pm_no_pods *no_pods;
};

/** The volume that the guest still holds where a change of its root or of a mount point waits for a restart:
 * it dies with the guest. NULL: there is none. */
const char *pm_pending_volume(
	struct pm_arena *a, const struct pm_kind *k, const struct pm_pending *p);

struct pm_obj *pm_obj_new(struct pm_arena *a, const struct pm_kind *k) PM_CHECK;
void pm_set_add(struct pm_set *s, struct pm_obj *o);
void pm_set_done(struct pm_set *s);
/** Adds a PodSet without a Pod; the names are borrowed. */
void pm_set_add_no_pods(struct pm_set *s, const char *ns, const char *name);

/** By identity; NULL: none. Linear unless the set is sorted by pm_set_sort (then binary). */
struct pm_obj *pm_set_find(
	const struct pm_set *s, const struct pm_kind *k, const char *ns, const char *name);

/** A reference of a manifest, "db" or "pod/shop/db", taken apart. */
struct pm_ref {
	const char *kind, *ns, *name; /* kind NULL: not said */
};

/** As `o` means it: a name alone is one of its namespace. */
void pm_ref_parse(struct pm_arena *a, const struct pm_obj *o, const char *text, struct pm_ref *ret);

/** What an object says that it was called before; of a Pod of a PodSet, by its number. False: it may not be
 * one of that kind. */
bool pm_ref_former(
	struct pm_arena *a, const struct pm_obj *o, const char *text, struct pm_ref *ret);

/** Kind, namespace, name; then VMID. */
void pm_set_sort(struct pm_set *s);

/** "Pod/shop/web" into the arena; "pod shop/web" and "vm ci/build" for people. */
const char *pm_obj_id(struct pm_arena *a, const struct pm_obj *o);
const char *pm_obj_title(struct pm_arena *a, const struct pm_obj *o);

/** Gives every entry of the numbered lists of `want` its slot: the one that its name says (a SLOT row), or
 * that the same entry has in `have` (by IDENT), else the lowest free one. `have` NULL: in order from 0.
 * Call once. */
void pm_slots_assign(struct pm_rec *want, const struct pm_rec *have);

/** Checks of one object of a manifest across its fields: required ones that are missing, null where PVE
 * cannot unset, an interface with gw but without ip, a bind mount with a size, a volume without storage,
 * ... Findings carry positions. A value that has a place but no state was wrong and is reported by now. */
void pm_obj_check(const struct pm_obj *o, struct pm_diags *d);

/** Does the spec hold something only root@pam with a password may do? The first such value's name and
 * line, or NULL. `have` as in pm_slots_assign: what is there already needs nobody's permission. */
const char *pm_obj_needs_root(
	const struct pm_obj *want, const struct pm_obj *have, unsigned *ret_line);

#endif
