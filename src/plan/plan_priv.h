/* What the files of plan share: the state of one planning run and the steps of it. */
#ifndef PM_PLAN_PRIV_H
#define PM_PLAN_PRIV_H

#include "base/map.h"
#include "plan/plan.h"

/** What a live guest is to this set. */
enum pm_claim {
	PM_CLAIM_NONE,    /* nobody's, or another set's */
	PM_CLAIM_OURS,    /* our marker, with the guest's own VMID */
	PM_CLAIM_TWIN,    /* the same, but another guest claims the same identity */
	PM_CLAIM_COPY,    /* our marker, with another guest's VMID: a clone or a restored backup */
	PM_CLAIM_LOST,    /* our tag, but no marker that can be understood */
	PM_CLAIM_UNKNOWN, /* our tag, and it cannot be read now */
	PM_CLAIM_HOLDER,  /* holds the volumes of one of our objects */
};

#define PM_NOWHERE SIZE_MAX

/** Open-addressing table of places in an array; 0 is a free slot, else place + 1. */
struct pm_index {
	uint32_t *slot;
	size_t mask;
};

/** Who is who: every live guest judged once, and found by identity and by VMID. */
struct pm_match {
	const struct pm_set *have;
	const char *set;
	char tag[24];
	uint8_t *claim; /* enum pm_claim, parallel to have->v */
	bool *wanted;   /* parallel to have->v: some wanted object speaks of it */
	struct pm_index ident, vmid;
	struct pm_map lost, unread; /* PVE's name to the guest: PM_CLAIM_LOST, PM_CLAIM_UNKNOWN */
	struct pm_map uids;         /* of our markers, to the guest */
	struct pm_map holders;      /* "Pod/shop/web" to the guest: PM_CLAIM_HOLDER */
	size_t nours;
	const struct pm_obj *unknown; /* the first; NULL: none */
	uint64_t probes;              /* comparisons made, for tests of growth */
};

void pm_match_init(
	struct pm_match *m, const struct pm_set *have, const char *set, struct pm_diags *d);
void pm_match_done(struct pm_match *m);

/** Place in have->v of our guest of that identity, or of any guest of that VMID; PM_NOWHERE: none. */
size_t pm_match_find(struct pm_match *m, const struct pm_obj *want);
size_t pm_match_named(struct pm_match *m, const char *kind, const char *ns, const char *name);
size_t pm_match_vmid(struct pm_match *m, unsigned vmid);

/** The guest that holds volumes of that object; PM_NOWHERE: none. */
size_t pm_match_holder(const struct pm_match *m, struct pm_arena *a, const struct pm_obj *want);

/** A set of numbers, for VMIDs that are spoken for. */
struct pm_numbers {
	uint32_t *slot;
	size_t n, mask;
};

/** Guests of this set for each node of the facts. */
struct pm_places {
	unsigned *count; /* NULL: not counted yet */
};

/** One planning run. */
struct pm_planner {
	struct pm_arena *a;
	struct pm_set *want;
	const struct pm_plan_opts *o;
	const struct pm_facts *facts;
	struct pm_diags *d;
	struct pm_match match;
	struct pm_numbers taken; /* VMIDs that manifests name or that were chosen */
	struct pm_places places;
	PM_VEC(struct pm_action) act;
	const char *held; /* the first object whose creation had to be held back; NULL: none */
	unsigned unchanged;
	bool refused;
	uint64_t edges; /* looked at by the ordering, for tests of growth */
};

/** All of it but the result, for tests that look at the counters. */
void pm_planner_init(struct pm_planner *p, struct pm_set *want, const struct pm_set *have,
	const struct pm_plan_opts *o, struct pm_diags *d);
void pm_planner_run(struct pm_planner *p, struct pm_plan *ret);
void pm_planner_done(struct pm_planner *p);

/** Adds an action of that verb; the pointer is good until the next one. */
struct pm_action *pm_planner_add(struct pm_planner *p, enum pm_verb verb, const struct pm_obj *want,
	const struct pm_obj *have);
/** Adds a PM_V_KEEP with its reason. */
void pm_planner_keep(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have,
	const char *fmt, ...) PM_PRINTF(4, 5);

/** "pod shop/web (210 on pve1)", or "guest x (210 on pve1)" when it is not known whose it is. */
const char *pm_guest_title(struct pm_arena *a, const struct pm_obj *have);

/* ---- existing.c: a wanted object and its guest ---- */

void pm_plan_existing(struct pm_planner *p, struct pm_obj *want, const struct pm_obj *have);

/** May podmox set what only root@pam may? Otherwise a finding is made, and true. */
bool pm_plan_lacks_root(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have);

/** Does it name an HA group where there are none? Then a finding is made, and true. */
bool pm_plan_lacks_group(struct pm_planner *p, const struct pm_obj *want);

/* ---- missing.c: a wanted object without a guest ---- */

void pm_plan_missing(struct pm_planner *p, struct pm_obj *want);

/** The guest that the object is to be a copy of, and its number; NULL: none is known. *ret_vmid 0: it is no copy. */
const struct pm_obj *pm_plan_source(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret_vmid);

/** What is wrong with that guest; NULL: nothing. */
const char *pm_plan_source_fault(struct pm_planner *p, const struct pm_obj *want);

/** A guest that may be the wanted one, but cannot be looked into now; PM_NOWHERE: none. */
size_t pm_plan_unknown_guest(struct pm_planner *p, const struct pm_obj *want);

/* ---- moved.c: an object under another name ---- */

/** The guest that the object had under a name before; PM_NOWHERE: none. */
size_t pm_plan_moved(struct pm_planner *p, const struct pm_obj *want);

/** The changes with one more, for the name. */
struct pm_change *pm_plan_with_name(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_change *v, size_t n);

/** Warns where one object goes and an equal one comes. */
void pm_plan_suspect_renames(struct pm_planner *p);

/* ---- replace.c: a new guest in place of one, and the volumes that live on ---- */

/** The guest that holds volumes of the object, which is spoken for from now on; NULL: none. */
const struct pm_obj *pm_plan_holder(struct pm_planner *p, const struct pm_obj *want);

/** Does more than one guest claim to hold them? Then the object is kept as it is, and that was said. */
bool pm_plan_held_twice(struct pm_planner *p, const struct pm_obj *want, const struct pm_obj *have);

/** The live object with the entries of its volumes that the holder has; `have` NULL: only those. */
const struct pm_obj *pm_plan_with_held(struct pm_planner *p, const struct pm_obj *want,
	const struct pm_obj *have, const struct pm_obj *holder);

/** Of a create: the volumes that the new guest gets from the holder. */
void pm_plan_from_holder(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder);

/** Puts an entry into a copy of a list, unless its slot is taken. */
void pm_plan_add_entry(struct pm_arena *a, struct pm_value *v, struct pm_rec *rec);

/** What is told of a holder whose object no manifest names. */
const char *pm_plan_left_holder(struct pm_arena *a, const struct pm_obj *holder);

/** Makes a replacement of the action, unless something is in the way: then the changes say what. */
void pm_plan_replace(struct pm_planner *p, struct pm_action *act, const struct pm_obj *holder);

/* ---- guard.c: what is to go ---- */

/** The guests of the set that no object wants, and with delete_all those that the objects name. */
void pm_plan_removals(struct pm_planner *p);

/** Volumes that die with the guest, into act->dies. */
void pm_plan_dies(struct pm_arena *a, struct pm_action *act);

/* ---- vmid.c, place.c ---- */

/** Chooses the number of a new guest. NULL and *ret, or why it cannot be chosen now; *ret_wait: only now,
 * a guest that is in the making is in the way. */
const char *pm_plan_vmid(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret, bool *ret_wait);

/** The same for the guest that is to hold the object's volumes. */
const char *pm_plan_holder_vmid(
	struct pm_planner *p, const struct pm_obj *want, unsigned *ret, bool *ret_wait);

/** Is somebody making that guest just now? Nobody's marker can be seen on it yet. */
bool pm_live_in_the_making(const struct pm_live *l);

/** Is it the lock under which PVE makes a guest? */
bool pm_lock_of_making(const char *lock);

/** Chooses the node of a new guest. NULL and *ret, or why there is none. */
const char *pm_plan_place(struct pm_planner *p, const struct pm_obj *want, const char **ret);

/** Why nothing can be put on that node now; NULL: it can. */
const char *pm_plan_node_fault(struct pm_planner *p, const char *node);

/* ---- effect.c ---- */

/** What a change is about, for judging it. */
struct pm_spot {
	unsigned field;             /* of the kind */
	const struct pm_field *f;   /* its row */
	const struct pm_field *sub; /* NULL: the value itself, or a whole entry */
	unsigned slot;
	const char *ident;                        /* of the entry; NULL: none */
	const struct pm_rec *want_rec, *have_rec; /* the entry or record; NULL: none */
};

/** Fills in impact, note and blocked. `want` and `have`: the values, NULL: a whole entry. */
void pm_effect(const struct pm_obj *want_obj, const struct pm_obj *have_obj,
	const struct pm_spot *s, const struct pm_value *want, const struct pm_value *have,
	struct pm_change *c);

/* ---- effect_vm.c: what a running virtual machine can be changed by ---- */

/** May an entry of a list, or a record, be plugged in or out while it runs? */
bool pm_vm_plugs(const struct pm_obj *have, const struct pm_spot *s);

/** Does a change of a row that is otherwise live wait for a restart? `want` and `have` NULL: a whole record.
 * false for containers. */
bool pm_vm_waits(const struct pm_obj *have_obj, const struct pm_spot *s,
	const struct pm_value *want, const struct pm_value *have);

bool pm_live_running(const struct pm_live *l);
bool pm_allows_restart(const struct pm_obj *want);
bool pm_allows_replace(const struct pm_obj *want);
bool pm_live_protected(const struct pm_obj *have);

/** "delete", "keep" or "stop". */
const char *pm_marker_on_remove(const struct pm_marker *m);

/* ---- order.c ---- */

/** Puts the actions in an order that respects the dependencies, fills in `after`, and holds back creates
 * whose dependencies cannot be created. *ret in the arena. */
void pm_plan_order(struct pm_planner *p, struct pm_action **ret);

#endif
