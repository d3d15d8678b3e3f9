/* The marker: who owns a guest, written on the guest itself as the last line of its description:
 *
 *   <!-- podmox: {"v":1,"set":"home","kind":"Pod","ns":"shop","name":"web","uid":"<32 hex>","vmid":210,
 *        "root":"manifests","image":"local:vztmpl/x.tar.zst","hash":"<16 hex>","done":true,
 *        "onRemove":"keep","of":"web","needs":"db Pod/dns/ns1","fields":"cores memory net0:bridge,ip,name"} -->
 *
 * in one line, members in this order, no spaces but the ones shown between "podmox:" and "{" and before
 * "-->". `<` and `>` inside are written as \u003c and \u003e, so the comment cannot end early. `fields`
 * names the PVE keys that podmox set, sub-keys of property strings after a colon. `onRemove` is there only
 * when it is not "delete": it must be known when the manifest is gone. `of` names the PodSet of one of its Pods.
 * `needs` repeats dependsOn as the manifest has it, for the order in which guests go whose manifests are gone.
 * `detached` has a line "VOLUME PATH" for each volume that podmox detached (model/detached.h). */
#ifndef PM_MODEL_MARKER_H
#define PM_MODEL_MARKER_H

#include "model/obj.h"

/** `kind` of a guest that only holds the volumes of an object while that is replaced; `ns` and `name` are the
 * object's. */
#define PM_MARKER_HOLDER "Holder"

struct pm_marker {
	const char *set, *kind, *ns, *name;
	const char *uid;       /* 32 hex digits, made at creation */
	unsigned vmid;         /* the guest's own: a clone carries its source's */
	const char *root;      /* where the manifests lay, relative to their repository */
	const char *image;     /* the reference of the manifest */
	const char *hash;      /* of the applied spec, secrets left out */
	bool done;             /* the create ended and its second write was made */
	const char *on_remove; /* "keep" or "stop"; NULL or "": delete */
	const char *of;        /* the PodSet; NULL or "": none */
	const char *needs;     /* what it depends on, separated by blanks; NULL or "": nothing */
	const char *
		detached; /* volumes that podmox detached, and where they were mounted; NULL or "" */
	const char *fields;
};

/** Splits a description as PVE returns it: the user's text (trailing newlines dropped; "" when none)
 * and the marker, which is found on any line of its own, for people write below it too. *ret_marker NULL: none. *ret_fault: a marker line that cannot be understood. */
void pm_marker_split(struct pm_arena *a, const char *description, const char **ret_text,
	const struct pm_marker **ret_marker, const char **ret_fault);

/** The description with the marker as its last line. */
const char *pm_marker_join(
	struct pm_arena *a, const char *text, const struct pm_marker *m) PM_CHECK;

/** Was this key ("memory") or sub-key ("net0", "tag") set by podmox? sub NULL: the key itself. */
bool pm_marker_has(const struct pm_marker *m, const char *key, const char *sub);

/** The word of `fields` for what the HA manager is to do, which is no key of a guest's configuration. */
extern const char pm_ha_key[];

/** The word of `fields` for membership in a pool, which has no key. */
#define PM_MARKER_POOL "pool"

/** Do both say the same of a key: that podmox set it, with the same sub-keys? */
bool pm_marker_alike(const struct pm_marker *a, const struct pm_marker *b, const char *key);

/** `fields` in which the word of a key also names the sub-keys that it has in another marker: nothing that podmox set
 * is forgotten before it is gone. */
const char *pm_marker_keeping(struct pm_arena *a, const char *fields, const struct pm_marker *other,
	const char *key) PM_CHECK;

/** Did podmox set what the record of this key cannot be without: a required sub-key, or its volume? When
 * the manifest no longer names the record it goes whole. */
bool pm_marker_whole(const struct pm_marker *m, const char *key, const struct pm_kind *sub);

/** `fields` of a spec whose slots are assigned; of env the names of the variables. What is only sent at
 * the creation is left out: it cannot be taken back. */
const char *pm_marker_fields(struct pm_arena *a, const struct pm_rec *spec) PM_CHECK;

/** `needs` of a spec; NULL: it depends on nothing. Kept short, for PVE bounds the description: of a long list only
 * what stands first, so the rest has no order. */
const char *pm_marker_needs(struct pm_arena *a, const struct pm_rec *spec) PM_CHECK;

/** Hash of a spec: 16 hex digits over every set value that is neither secret nor write-only. */
const char *pm_marker_hash(struct pm_arena *a, const struct pm_obj *o) PM_CHECK;

#define PM_TAG "podmox"

/** Tag of a set: "podmox-" and 8 hex digits, (h ^ h >> 32) of h = pm_hash(set, strlen(set), 0). */
char *pm_set_tag(const char *set, char out[24]);

/** Is a tag in a list as PVE joins it (';', ',' or blanks)? */
bool pm_tags_have(const char *tags, const char *tag);

/** Is it one of podmox's own: PM_TAG, or the tag of any set? */
bool pm_tag_is_ours(const char *tag);

/** The user's tags and ours, in PVE's normal form: what to write. `user` NULL: keep those of `have`
 * (joined, as PVE returns it; NULL: none) that are not podmox's. */
const char *pm_tags_join(
	struct pm_arena *a, const struct pm_list *user, const char *have, const char *set) PM_CHECK;

#endif
