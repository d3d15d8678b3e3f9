/* The field table: one row states the facts about one setting; types carry the behaviour. Decode, check,
 * encode, diff, effect, JSON Schema, reference pages, `explain` and generated tests are loops over rows.
 * Rows live in model/NAME.def; a new setting of PVE is one row there. Everything here is constant. */
#ifndef PM_MODEL_FIELD_H
#define PM_MODEL_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "model/ids.h"

enum pm_type {
	PM_T_BOOL,  /* true/false in YAML, 1/0 at PVE */
	PM_T_INT,   /* integer, min..max */
	PM_T_MILLI, /* decimal with three places, kept as thousandths */
	PM_T_SIZE, /* bytes; 512Mi, 8Gi in YAML; at PVE a number of `unit` bytes, or 8G when unit is 0 */
	PM_T_SECONDS, /* 30s, 5m in YAML; a plain number at PVE */
	PM_T_STR,     /* text, with an optional named format */
	PM_T_ENUM,    /* one of choices */
	PM_T_LIST,    /* of texts; at PVE joined by `sep` */
	PM_T_STRMAP,  /* mapping of text to text, kept as a list of "key=value" sorted by key */
	PM_T_SECRET,  /* {fromFile|fromEnv|fromCredential: X} or the text itself */
	PM_T_PROPS, /* a record described by `sub`: a PVE property string, or a nested mapping of a
	                 configuration file. count 0: one record; count N: a list, at PVE key0..keyN-1 */
	PM_T_MAX,
};

enum pm_field_flags {
	PM_F_LIVE = 1 << 0,      /* a change applies at once to a running guest */
	PM_F_PENDING = 1 << 1,   /* a change waits until the guest restarts */
	PM_F_REPLACE = 1 << 2,   /* only at creation; a change needs a new guest */
	PM_F_GROW = 1 << 3,      /* may only grow, by a call of its own (resize) */
	PM_F_MOVE = 1 << 4,      /* a change moves data to another storage */
	PM_F_MIGRATE = 1 << 5,   /* a change moves the guest to another node */
	PM_F_OWN = 1 << 6,       /* podmox's own: never sent to PVE, never compared */
	PM_F_WRITEONLY = 1 << 7, /* sent at create, never reported, never compared */
	PM_F_SECRET = 1 << 8,    /* shown as *** everywhere */
	PM_F_UNORDERED = 1 << 9, /* order and repetition in a list mean nothing */
	PM_F_NOCASE = 1 << 10,   /* case means nothing (MAC addresses, tags) */
	PM_F_HEAD = 1 << 11,     /* first part of a property string, without "key=" */
	PM_F_IDENT = 1 << 12,    /* names the entry of a list: eth0 of interfaces */
	PM_F_REQUIRED = 1 << 13, /* must be in the manifest */
	PM_F_KEEP = 1 << 14, /* PVE cannot unset it: null is refused, dropping it changes nothing */
	PM_F_ROOT = 1 << 15, /* only root@pam with a password may set it */
	PM_F_LINKFLAP = 1 << 16, /* a live change takes the network link down for a moment */
	PM_F_NOTLIVE = 1 << 17,  /* PVE stores it as applied, but it acts from the next start on */
	PM_F_CREATED = 1 << 18,  /* PVE fills it in at creation when it is not given */
	PM_F_REF = 1 << 19,      /* names another object */
	PM_F_AFTER = 1 << 20,    /* written after the create task, before the first start */
	PM_F_BARE =
		1 << 21, /* of a property string: may stand without "key=", is written with it */
	PM_F_INNER = 1 << 22, /* no setting of manifests: holds what PVE says */
	PM_F_SLOT =
		1
		<< 23, /* names the entry of a list by its PVE key ("scsi0"), and fixes it there */
	PM_F_FLAT = 1 << 24,    /* the rows of a record stand beside the other rows of its group */
	PM_F_STAYS = 1 << 25,   /* made up by PVE: what is not given, or null, stays as it is */
	PM_F_PERCENT = 1 << 26, /* percent-encoded at PVE, within the value */
	PM_F_OLD =
		1
		<< 27, /* an older way to say what other rows say: goes when one of them is written */
	PM_F_APART =
		1
		<< 28, /* an object of its own at PVE, with calls of its own: in no form of the guest */
};

struct pm_kind;

/** A family of PVE keys: ide0 to ide3. A list over several of them ends with key NULL. */
struct pm_slots {
	const char *key;
	unsigned count;
};

/** One setting. Zero means no limit, no default, not applicable. */
struct pm_field {
	const char *name; /* path in the manifest, below spec: "resources.memory" */
	const char *key;  /* at PVE; NULL: podmox's own, or made of other keys */
	enum pm_type type;
	unsigned flags;
	int64_t min, max; /* of the number, in the unit kept: bytes, seconds, thousandths */
	const char *const *choices; /* ends with NULL */
	const char *format;         /* dns-name, ipv4, cidr4, mac, ...: model/format.c */
	const char *def;            /* PVE's default as PVE text: equal to "absent" */
	const char *fresh; /* what a new guest gets where that is not def; shown as the default */
	const struct pm_kind *sub;
	unsigned count;
	const struct pm_slots
		*slots;             /* of a list over several families, in whose order the slots are
	                                 counted: count is their sum, key the first one's */
	int64_t unit;               /* of a SIZE at PVE */
	char sep;                   /* of a LIST or STRMAP at PVE */
	const char *const *aliases; /* further names that PVE reads for a sub-key; ends with NULL */
	const char *hot; /* feature of `hotplug` without which a live change waits for a restart */
	const char *since; /* first PVE version that knows the key, as "9.1" */
	const char *doc;   /* one sentence with a full stop */
	const char *
		source; /* where it is known from when a change takes effect: PVE's code, recordings; a
	                       row of a record without one has that of the record */
};

/** A kind of object, or the inside of a record. */
struct pm_kind {
	const char *name;   /* "Pod"; of a record: "interface" */
	const char *plural; /* "pods" */
	const char *brief;  /* a short name, as "vm"; NULL: none */
	const char *type;   /* of a guest at PVE: "lxc" or "qemu"; NULL: it is no guest */
	const char *doc;
	const struct pm_field *fields;
	unsigned nfields;
	uint8_t id;    /* place in the lookup tables of kinds.c */
	bool envelope; /* has apiVersion, kind, metadata and spec; false: apiVersion and kind only */
};

/** A key people will try that is not a setting here, and why. */
struct pm_refused {
	const char *name; /* path below spec, "*" at the end matches the rest: "options.unused*" */
	const char *why;  /* what to do instead */
};

extern const struct pm_kind pm_kind_pod, pm_kind_podset, pm_kind_vm;
extern const struct pm_kind pm_kind_config;
extern const struct pm_kind pm_kind_cluster; /* an entry of Config's clusters */
extern const struct pm_kind pm_kind_window;  /* of its sync.windows */
extern const struct pm_kind pm_kind_leave;   /* of its ignore */
extern const struct pm_kind pm_kind_notify;  /* of its notify */
extern const struct pm_kind pm_kind_net, pm_kind_rootfs, pm_kind_volume, pm_kind_device;
extern const struct pm_kind pm_kind_ha; /* of guests: an object of its own at PVE */
extern const struct pm_kind pm_kind_features, pm_kind_startup;
extern const struct pm_kind pm_kind_disk, pm_kind_efidisk, pm_kind_tpmstate, pm_kind_vmnet;
extern const struct pm_kind pm_kind_ipconfig, pm_kind_cicustom, pm_kind_cpu, pm_kind_agent;
extern const struct pm_kind pm_kind_boot, pm_kind_machine, pm_kind_vga, pm_kind_serial;
extern const struct pm_kind pm_kind_parallel, pm_kind_usb, pm_kind_hostpci, pm_kind_numa;
extern const struct pm_kind pm_kind_virtiofs, pm_kind_rng, pm_kind_audio, pm_kind_watchdog;
extern const struct pm_kind pm_kind_smbios, pm_kind_ivshmem, pm_kind_spice, pm_kind_sev;
extern const struct pm_kind pm_kind_tdx;

/** Is it a guest: a Pod or a VirtualMachine? */
bool pm_kind_is_guest(const struct pm_kind *k);

/** All kinds that stand in files of their own: Pod, PodSet, VirtualMachine, Config. Ends with NULL. */
extern const struct pm_kind *const pm_kinds[];

/** By name, case matters ("Pod"); NULL: none. pm_kind_named() also takes "pod", "pods" and short names as
 * "vm". */
const struct pm_kind *pm_kind_find(const char *name);
const struct pm_kind *pm_kind_named(const char *name);

/** A row by its manifest name or PVE key; NULL: none. INNER rows have a key but no name of manifests. */
const struct pm_field *pm_field_find(const struct pm_kind *k, const char *name);
const struct pm_field *pm_field_by_key(const struct pm_kind *k, const char *key, size_t n);
unsigned pm_field_index(const struct pm_kind *k, const struct pm_field *f);

/** Is `name` a group, a prefix of rows: "resources" of "resources.memory"? */
bool pm_field_is_group(const struct pm_kind *k, const char *name);

/** The FLAT row whose sub-rows stand in this group, n bytes ("cpu"); NULL: none. */
const struct pm_field *pm_field_flat(const struct pm_kind *k, const char *group, size_t n);

/** What stands at a PVE key such as "net12" or "memory": the row and the slot (0 for plain keys). NULL:
 * PVE has no such setting that we know. */
const struct pm_field *pm_field_by_slot_key(
	const struct pm_kind *k, const char *key, size_t n, unsigned *ret_slot);

/** The other way round: the PVE key of a slot of a row, "scsi3"; out serves for numbered ones. */
const char *pm_slot_key(const struct pm_field *f, unsigned slot, char out[16]);

/** The row of a record that names it by its key (SLOT); NULL: it is numbered by podmox, or no record. */
const struct pm_field *pm_slot_row(const struct pm_kind *sub);

/** Where PVE keeps the row, in words of documents: "memory", "netN", "ideN, sataN"; out serves. */
const char *pm_key_words(const struct pm_field *f, char out[64]);

/** Why a key is not taken, or NULL: reasons of their own, and PVE keys whose setting has another name
 * ("options.memory" and "memory": "use resources.memory"). Ask when pm_field_find finds nothing. */
const char *pm_refused_why(const struct pm_kind *k, const char *name);

/** All reasons that stand in the table, for documents: the i-th or NULL at the end. */
const struct pm_refused *pm_refused_at(const struct pm_kind *k, unsigned i);

/** What a group is for ("resources"), or NULL. */
const char *pm_group_doc(const struct pm_kind *k, const char *name);

/** "integer", "size", ...: a type in words of the manual. */
const char *pm_type_name(enum pm_type t);

#endif
