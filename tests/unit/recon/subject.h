/* Guests of each kind for the tests of volumes that change hands, or leave and come back. */
#ifndef PM_TEST_SUBJECT_H
#define PM_TEST_SUBJECT_H

#include "world.h"

/** A guest with two volumes, one of each kind and way: all of it is the same but for the words. */
struct subject {
	const char *id, *type;
	const char *head;    /* of its manifest */
	const char *anew[2]; /* what needs a new guest, as it was and as it is to be */
	const char *list, *data, *more;
	const char *moved;    /* `data` that is to grow and to lie elsewhere */
	const char *grown;    /* `data` that is to grow */
	const char *key[2];   /* of both volumes */
	const char *again[2]; /* of both when `more` stands first, or alone */
	const char *cold;     /* with it a volume goes at a restart only */
	const char *has[2];   /* what stands there */
	const char *hand[2];  /* a volume that somebody adds: its key, and the form */
	const char *fresh[2]; /* a key of the new guest, and what it has */
	const char *small;    /* a volume of a size that PVE chooses; NULL: none */
	const char *boots;    /* what it boots from; NULL: a container */
	unsigned guests;      /* of the cluster */
};

/** What the manifest of a machine begins with. */
#define VM_HEAD(spec)                                                                          \
	"apiVersion: podmox/v1\nkind: VirtualMachine\nmetadata: {name: db, namespace: shop}\n" \
	"spec:\n  network: {interfaces: [{slot: net0, bridge: vmbr0}]}\n" spec

/** Ends with one without an id. */
extern const struct subject subjects[];

/** A manifest: `fresh` with what needs a new guest; `more` of the spec; `entries` of the list. */
const char *subject_manifest(struct world *w, const struct subject *s, bool fresh, const char *more,
	const char *entries);

/** Both entries. */
const char *subject_both(struct world *w, const struct subject *s);

/** A value of its configuration; it lives as long as the world. */
const char *subject_value(struct world *w, const struct subject *s, const char *key);

/** A call of another person, of the guest's folder; the status. Time passes. */
int subject_call(struct world *w, const struct subject *s, const char *method, const char *what,
	const char *form);

/** A world with the guest, whose volumes have 2 and 3 GiB, which is more than the manifest asks for: made anew
 * they would not be. */
void subject_begin(struct world *w, const struct subject *s, const char *more);

#endif
